//! Data Factory (contract 11.2) and Synapse's data plane (11.3): query runs, one run, start, re-run, cancel.
//!
//! The same calls on two hosts with two audiences; only paths, versions and the status of `createRun` differ. Error codes
//! are guesses, as the contract has none.

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::Call;
use super::arm::{self, time};
use super::run::{Run, Status, Step, Trigger};
use crate::emulator::SYNC_WORKFLOW;
use crate::emulator::refusal::Outcome;
use crate::emulator::reply::Reply;

/// The size of a page; a guess.
const PAGE: usize = 100;

/// The status by which a host answers to `createRun`.
#[derive(Clone, Copy)]
struct Created(StatusCode);

pub(super) fn data_factory(call: &Call<'_>, rest: &[&str]) -> Outcome<Reply> {
    arm::version(&call.query, &["2018-06-01"])?;
    answer(call, rest, Created(StatusCode::OK))
}

pub(super) fn synapse(call: &Call<'_>, rest: &[&str]) -> Outcome<Reply> {
    arm::version(&call.query, &["2020-12-01"])?;
    answer(call, rest, Created(StatusCode::ACCEPTED))
}

fn answer(call: &Call<'_>, rest: &[&str], Created(created): Created) -> Outcome<Reply> {
    match (call.method, rest) {
        (&Method::POST, ["queryPipelineRuns"]) => query(call),
        (&Method::GET, ["pipelineruns", id]) => Ok(arm::json(
            StatusCode::OK,
            &run_json(&run(call, id)?, &call.platform.history.list(call.now)),
        )),
        (&Method::POST, ["pipelineruns", id, "cancel"]) => {
            let run = run(call, id)?;
            if run.is_over() {
                return Err(arm::bad(
                    "PipelineRunNotInProgress",
                    format!("The pipeline run '{id}' is over and can't be cancelled."),
                ));
            }
            call.cancel(run.id);
            Ok(arm::empty(StatusCode::OK))
        }
        (&Method::POST, ["pipelines", name, "createRun"]) => {
            if *name != SYNC_WORKFLOW {
                return Err(arm::not_found(
                    "PipelineNotFound",
                    format!("The pipeline '{name}' was not found."),
                ));
            }
            let run = create(call)?;
            Ok(arm::json(created, &json!({"runId": run.id})))
        }
        _ => Err(arm::unsupported(&format!(
            "{} {}",
            call.method,
            rest.join("/")
        ))),
    }
}

fn run(call: &Call<'_>, id: &str) -> Outcome<Run> {
    let found = Uuid::try_parse(id)
        .ok()
        .and_then(|id| call.platform.history.find(|run| run.id == id));
    found.ok_or_else(|| {
        arm::not_found(
            "PipelineRunNotFound",
            format!("The pipeline run '{id}' was not found."),
        )
    })
}

/// Starts a run, or repeats one with the input that it had.
fn create(call: &Call<'_>) -> Outcome<Run> {
    let parameters = arm::object(call.body)?;
    let is_recovery = flag(call, "isRecovery")?;
    let from_failure = flag(call, "startFromFailure")?;
    let from_activity = call.query.get("startActivityName");
    let Some(reference) = call.query.get("referencePipelineRunId") else {
        if is_recovery || from_failure || from_activity.is_some() {
            return Err(arm::bad(
                "BadRequest",
                "A recovery needs a referencePipelineRunId.",
            ));
        }
        return call.start(None, parameters);
    };
    if !is_recovery && (from_failure || from_activity.is_some()) {
        return Err(arm::bad(
            "BadRequest",
            "startActivityName and startFromFailure need isRecovery=true.",
        ));
    }
    let old = run(call, reference)?;
    let from = match from_activity {
        Some(name) => Step::position(name).ok_or_else(|| {
            arm::bad(
                "BadRequest",
                format!("The pipeline has no activity '{name}'."),
            )
        })?,
        None if from_failure => old.failed_at().ok_or_else(|| {
            arm::bad(
                "BadRequest",
                format!("The pipeline run '{reference}' has no failed activity."),
            )
        })?,
        None => 0,
    };
    call.repeat(&old, from, is_recovery.then_some(old.group))
}

fn flag(call: &Call<'_>, name: &str) -> Outcome<bool> {
    match call.query.get(name) {
        None => Ok(false),
        Some(text) => text.to_ascii_lowercase().parse().map_err(|_| {
            arm::bad(
                "BadRequest",
                format!("The value '{text}' of {name} is neither true nor false."),
            )
        }),
    }
}

/// What `queryPipelineRuns` asks for.
struct Wanted {
    after: DateTime<Utc>,
    before: DateTime<Utc>,
    conditions: Vec<Condition>,
    oldest_first: bool,
    /// How many runs were on the pages before.
    behind: usize,
}

struct Condition {
    operand: Operand,
    values: Vec<String>,
    negated: bool,
}

enum Operand {
    PipelineName,
    Status,
    RunGroup,
}

fn query(call: &Call<'_>) -> Outcome<Reply> {
    let wanted = Wanted::read(&Json::Object(arm::object(call.body)?))?;
    let all = call.platform.history.list(call.now);
    let mut runs: Vec<&Run> = all.iter().filter(|run| wanted.meets(run)).collect();
    if wanted.oldest_first {
        runs.reverse();
    }
    let page: Json = runs
        .iter()
        .skip(wanted.behind)
        .take(PAGE)
        .map(|run| run_json(run, &all))
        .collect();
    let mut body = json!({"value": page});
    let shown = wanted.behind.saturating_add(PAGE);
    if shown < runs.len() {
        body["continuationToken"] = shown.to_string().into();
    }
    Ok(arm::json(StatusCode::OK, &body))
}

impl Wanted {
    fn read(body: &Json) -> Outcome<Wanted> {
        let moment = |name: &str| {
            let text = body[name].as_str();
            let time = text.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            time.map(|time| time.with_timezone(&Utc))
                .ok_or_else(|| arm::bad("BadRequest", format!("{name} must be a time.")))
        };
        let filters = match &body["filters"] {
            Json::Null => &Vec::new(),
            Json::Array(filters) => filters,
            _ => return Err(arm::bad("BadRequest", "filters must be a list.")),
        };
        Ok(Wanted {
            after: moment("lastUpdatedAfter")?,
            before: moment("lastUpdatedBefore")?,
            conditions: filters
                .iter()
                .map(Condition::read)
                .collect::<Outcome<_>>()?,
            oldest_first: oldest_first(&body["orderBy"])?,
            behind: match &body["continuationToken"] {
                Json::Null => 0,
                token => token
                    .as_str()
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| {
                        arm::bad("BadRequest", "The continuationToken is not one of ours.")
                    })?,
            },
        })
    }

    fn meets(&self, run: &Run) -> bool {
        let updated = updated(run);
        self.after <= updated
            && updated <= self.before
            && self.conditions.iter().all(|condition| condition.holds(run))
    }
}

/// By `RunStart`, the only order there is here; the newest first where nothing is said.
fn oldest_first(order: &Json) -> Outcome<bool> {
    let Json::Array(order) = order else {
        return Ok(false);
    };
    match order.as_slice() {
        [] => Ok(false),
        [only] if only["orderBy"] == "RunStart" => match only["order"].as_str() {
            Some("ASC") => Ok(true),
            Some("DESC") => Ok(false),
            _ => Err(arm::bad("BadRequest", "order must be ASC or DESC.")),
        },
        _ => Err(arm::unsupported("orderBy by anything but RunStart")),
    }
}

impl Condition {
    fn read(filter: &Json) -> Outcome<Condition> {
        let operand = match filter["operand"].as_str() {
            Some("PipelineName") => Operand::PipelineName,
            Some("Status") => Operand::Status,
            Some("RunGroupId") => Operand::RunGroup,
            Some(other) => {
                return Err(arm::unsupported(&format!("The filter operand '{other}'")));
            }
            None => return Err(arm::bad("BadRequest", "A filter needs an operand.")),
        };
        let negated = match filter["operator"].as_str() {
            Some("Equals" | "In") => false,
            Some("NotEquals" | "NotIn") => true,
            _ => {
                return Err(arm::bad(
                    "BadRequest",
                    "A filter's operator is one of Equals, NotEquals, In, NotIn.",
                ));
            }
        };
        let values: Option<Vec<String>> = filter["values"].as_array().and_then(|values| {
            let text = |value: &Json| value.as_str().map(str::to_owned);
            values.iter().map(text).collect()
        });
        match values {
            Some(values) if !values.is_empty() => Ok(Condition {
                operand,
                values,
                negated,
            }),
            _ => Err(arm::bad("BadRequest", "A filter needs values, as texts.")),
        }
    }

    fn holds(&self, run: &Run) -> bool {
        let own = match self.operand {
            Operand::PipelineName => SYNC_WORKFLOW.to_owned(),
            Operand::Status => status(run).to_owned(),
            Operand::RunGroup => run.group.to_string(),
        };
        self.values.contains(&own) != self.negated
    }
}

fn updated(run: &Run) -> DateTime<Utc> {
    run.ended.or(run.begun).unwrap_or(run.asked)
}

fn status(run: &Run) -> &'static str {
    match run.status {
        Status::Waiting => "Queued",
        Status::Running if run.is_ending() => "Canceling",
        Status::Running => "InProgress",
        Status::Succeeded | Status::Skipped => "Succeeded",
        Status::Failed => "Failed",
        Status::Cancelled => "Cancelled",
    }
}

/// A run; whether it is the latest of its group is seen from all of them, newest first.
fn run_json(run: &Run, all: &[Run]) -> Json {
    let failed = run
        .actions
        .iter()
        .find_map(|action| Some((action.step.name(), action.trouble.as_ref()?)));
    let message = failed.map_or(String::new(), |(name, trouble)| {
        format!("Operation on target {name} failed: {}", trouble.message)
    });
    let duration = run
        .begun
        .zip(run.ended)
        .map(|(begun, ended)| (ended - begun).num_milliseconds());
    let (invoker, kind) = match run.trigger {
        Trigger::Manual => ("Manual", "Manual"),
        Trigger::Recurrence => ("Recurrence", "ScheduleTrigger"),
    };
    let latest = all.iter().find(|other| other.group == run.group);
    json!({
        "id": format!("/pipelineruns/{}", run.id),
        "runId": run.id,
        "runGroupId": run.group,
        "isLatest": latest.is_some_and(|latest| latest.id == run.id),
        "pipelineName": SYNC_WORKFLOW,
        "parameters": run.parameters,
        "invokedBy": {"id": run.id.simple().to_string(), "name": invoker, "invokedByType": kind},
        "runStart": run.begun.map(time),
        "runEnd": run.ended.map(time),
        "durationInMs": duration,
        "status": status(run),
        "message": message,
        "lastUpdated": time(updated(run)),
        "annotations": [],
        "runDimension": {},
    })
}
