//! A pipeline of a Synapse workspace (contract 11.3): at the root of its data plane.

use super::pipelines::Pipelines;
use crate::dataverse::Management;

/// The pipeline of the workspace.
pub(super) fn pipelines(client: Management, pipeline: &str) -> Pipelines {
    Pipelines {
        client,
        path: String::new(),
        version: "2020-12-01",
        pipeline: pipeline.to_owned(),
    }
}
