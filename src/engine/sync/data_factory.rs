//! A pipeline of a Data Factory (contract 11.2): under its factory in the subscription.

use super::pipelines::Pipelines;
use crate::dataverse::Management;

/// The pipeline of the factory at that path.
pub(super) fn pipelines(client: Management, path: &str, pipeline: &str) -> Pipelines {
    Pipelines {
        client,
        path: path.to_owned(),
        version: "2018-06-01",
        pipeline: pipeline.to_owned(),
    }
}
