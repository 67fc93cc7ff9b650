//! How the hook is registered, as it was read, and what of that is not as it is configured.

use serde::Serialize;
use url::Url;

use super::{PRE_VALIDATION, RegistrationError, Wanted, id_of};
use crate::domain::row::{ETag, Row, RowId, Value};
use crate::domain::text::visible;

/// How the hook is registered.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The endpoint, if there is one.
    pub endpoint: Option<EndpointStanding>,
    /// The steps that call it.
    pub steps: Vec<StepStanding>,
    /// What is not as it is configured, in words; empty where all is well.
    pub faults: Vec<String>,
}

/// A service endpoint as it is registered.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointStanding {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it calls.
    pub url: String,
    #[serde(skip)]
    pub(super) authentication: Option<i64>,
    #[serde(skip)]
    pub(super) version: Option<ETag>,
}

/// A step as it is registered.
#[derive(Clone, Debug, Serialize)]
pub struct StepStanding {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where in the pipeline it runs; 10 is right.
    pub stage: i64,
    /// Whether it runs.
    pub enabled: bool,
    /// On update, the columns of which one must be written.
    pub columns: Vec<String>,
    /// Whether tandem registered it.
    pub ours: bool,
    #[serde(skip)]
    pub(super) is_asynchronous: bool,
    #[serde(skip)]
    pub(super) row: RowId,
    #[serde(skip)]
    pub(super) version: Option<ETag>,
}

/// What of it is not as it is configured, in words that say what to do.
pub(super) fn faults(standing: &Standing, url: Option<&Url>, wanted: &[Wanted]) -> Vec<String> {
    let mut faults = Vec::new();
    match (&standing.endpoint, url) {
        (None, _) => faults.push("no endpoint is registered: tandem hook register".to_owned()),
        (Some(endpoint), Some(url)) if endpoint.url != url.as_str() => faults.push(format!(
            "the endpoint calls {}, and [hook] says {url}: tandem hook register",
            endpoint.url
        )),
        (Some(_), _) => {}
    }
    let is_missing = |wanted: &&Wanted| standing.steps.iter().all(|step| step.row != wanted.id);
    if standing.endpoint.is_some() {
        let missing = wanted.iter().filter(is_missing);
        faults.extend(
            missing.map(|wanted| format!("no step `{}`: tandem hook register", wanted.name)),
        );
    }
    for step in &standing.steps {
        if step.stage != PRE_VALIDATION {
            faults.push(wrong_stage(step));
        }
        if step.is_asynchronous {
            faults.push(format!(
                "the step `{}` runs after the fact (asynchronously)",
                step.name
            ));
        }
        if !step.enabled {
            faults.push(format!(
                "the step `{}` is disabled: tandem hook enable",
                step.name
            ));
        }
        let configured = wanted.iter().find(|wanted| wanted.id == step.row);
        match configured {
            Some(wanted) if wanted.columns != step.columns => faults.push(format!(
                "the step `{}` is filtered on `{}`, and [hook] says `{}`: tandem hook register",
                step.name,
                step.columns.join(","),
                wanted.columns.join(",")
            )),
            None => faults.push(format!(
                "the step `{}` is not configured in [hook]",
                step.name
            )),
            Some(_) => {}
        }
    }
    faults
}

/// A step within the transaction is refused.
pub(super) fn refuse_wrong_stages(standing: &Standing) -> Result<(), RegistrationError> {
    let mut steps = standing.steps.iter();
    match steps.find(|step| step.stage != PRE_VALIDATION) {
        None => Ok(()),
        Some(step) => Err(RegistrationError::Refused(format!(
            "{}; remove that step first, then register",
            wrong_stage(step)
        ))),
    }
}

fn wrong_stage(step: &StepStanding) -> String {
    format!(
        "the step `{}` ({}) runs at stage {}, and must run at 10 (PreValidation): from 20 on it is inside the \
         transaction, where what the hook writes may not be seen, or waits for the transaction that waits for it",
        step.name, step.id, step.stage
    )
}

fn text(row: &Row, place: usize) -> String {
    match row.values.get(place) {
        Some(Value::Text(text)) => visible(text).into_owned(),
        _ => String::new(),
    }
}

fn number(row: &Row, place: usize) -> Option<i64> {
    match row.values.get(place) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    }
}

/// An endpoint as it was read.
pub(super) fn endpoint(row: Row) -> EndpointStanding {
    EndpointStanding {
        id: row.id.to_string(),
        name: text(&row, 0),
        url: text(&row, 1),
        authentication: number(&row, 2),
        version: row.etag,
    }
}

/// A step as it was read.
pub(super) fn step(row: Row) -> StepStanding {
    let name = text(&row, 0);
    let columns = text(&row, 4);
    let columns = columns.split(',').map(str::trim);
    StepStanding {
        id: row.id.to_string(),
        ours: id_of(&name).is_ok_and(|id| id == row.id),
        stage: number(&row, 1).unwrap_or_default(),
        is_asynchronous: number(&row, 2) == Some(1),
        enabled: number(&row, 3) == Some(0),
        columns: columns
            .filter(|column| !column.is_empty())
            .map(str::to_owned)
            .collect(),
        name,
        row: row.id,
        version: row.etag,
    }
}
