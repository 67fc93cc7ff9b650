//! The management API of a Logic App (contract 11.1), Consumption and Standard, and the URL that its trigger is called on.
//!
//! Calls that the contract doesn't list are refused with 501. A disabled workflow starts no run, by whatever trigger.

mod render;

use http::{Method, StatusCode};
use serde_json::{Map, Value as Json, json};

use super::arm;
use super::filter::Filter;
use super::run::{Action, Run, Status, Trigger};
use super::{Call, flow};
use crate::emulator::SYNC_WORKFLOW;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::Reply;

const VERSIONS: [&str; 2] = ["2016-06-01", "2019-05-01"];
/// The size of a page where `$top` doesn't say, and at most; both are guesses.
const PAGE: usize = 30;
const LARGEST_PAGE: usize = 250;

pub(super) fn answer(call: &Call<'_>, base: &str, workflow: &str, rest: &[&str]) -> Outcome<Reply> {
    let is_standard = base.to_ascii_lowercase().contains("/hostruntime/");
    arm::version(&call.query, if is_standard { &[] } else { &VERSIONS })?;
    // A workflow's own name is case-insensitive, those of triggers and runs are not [general knowledge].
    if !workflow.eq_ignore_ascii_case(SYNC_WORKFLOW) {
        return Err(arm::not_found(
            "WorkflowNotFound",
            format!("The workflow '{workflow}' could not be found."),
        ));
    }
    match (call.method, rest) {
        (&Method::GET, []) => Ok(arm::json(StatusCode::OK, &render::workflow(call, base))),
        (&Method::POST, ["enable"]) => {
            if flow::enabled_since(call.instance).is_none() {
                flow::switch(call.instance, true);
            }
            Ok(arm::empty(StatusCode::OK))
        }
        (&Method::POST, ["disable"]) => {
            flow::switch(call.instance, false);
            Ok(arm::empty(StatusCode::OK))
        }
        (&Method::GET, ["runs"]) => page(call, |_| true, |run| render::run(base, run)),
        (&Method::GET, ["runs", name]) => Ok(arm::json(
            StatusCode::OK,
            &render::run(base, &run(call, name)?),
        )),
        (&Method::GET, ["runs", name, "actions"]) => {
            let run = run(call, name)?;
            let begun = |action: &&Action| action.status != Status::Waiting;
            let actions = run.actions.iter().filter(begun);
            let value: Json = actions
                .map(|action| render::action(base, &run, action))
                .collect();
            Ok(arm::json(StatusCode::OK, &json!({"value": value})))
        }
        (&Method::POST, ["runs", name, "cancel"]) => cancel(call, name),
        (&Method::POST, ["triggers", name, "run"]) => {
            trigger(name)?;
            let run = start(call, name)?;
            Ok(arm::with_run(arm::empty(StatusCode::OK), &run.name))
        }
        (&Method::GET, ["triggers", name, "histories"]) => {
            let trigger = trigger(name)?;
            page(
                call,
                |run| run.trigger == trigger,
                |run| render::history(base, run),
            )
        }
        (&Method::POST, ["triggers", name, "histories", history, "resubmit"]) => {
            resubmit(call, trigger(name)?, history)
        }
        (&Method::POST, ["triggers", name, "listCallbackUrl"]) => callback_url(call, name),
        _ => Err(arm::unsupported(&format!(
            "{} {}",
            call.method,
            rest.join("/")
        ))),
    }
}

/// A call of the trigger's own URL: whoever has its signature may.
pub(super) fn called_back(call: &Call<'_>, id: &str, trigger_name: &str) -> Outcome<Reply> {
    let unauthorised =
        |code, message: &str| Err(Refusal::new(StatusCode::UNAUTHORIZED, code, message));
    match call.query.get("sig") {
        None => {
            return unauthorised(
                "DirectApiAuthorizationRequired",
                "The request must be authenticated only by Shared Access scheme.",
            );
        }
        // The code for a wrong signature is a guess.
        Some(signature)
            if signature != call.platform.signature || id != workflow_id(call).as_str() =>
        {
            return unauthorised(
                "AuthorizationFailed",
                "The authentication credentials are not valid.",
            );
        }
        Some(_) => {}
    }
    arm::version(&call.query, &[])?;
    if call.method != Method::POST {
        return Err(Refusal::method_not_allowed(call.method));
    }
    if trigger(trigger_name)? != Trigger::Manual {
        return Err(no_callback(trigger_name));
    }
    let run = start(call, trigger_name)?;
    Ok(arm::with_run(arm::empty(StatusCode::ACCEPTED), &run.name))
}

fn start(call: &Call<'_>, trigger_name: &str) -> Outcome<Run> {
    let trigger = trigger(trigger_name)?;
    must_be_enabled(call, trigger_name)?;
    let tracking = call.header("x-ms-client-tracking-id").map(str::to_owned);
    call.submit(super::Order {
        trigger,
        tracking,
        parameters: Map::new(),
        repeats: None,
    })
}

/// Status and code as third parties saw them.
fn must_be_enabled(call: &Call<'_>, trigger: &str) -> Outcome<()> {
    if flow::enabled_since(call.instance).is_some() {
        return Ok(());
    }
    Err(arm::bad(
        "WorkflowTriggerIsNotEnabled",
        format!(
            "Could not execute workflow '{SYNC_WORKFLOW}' trigger '{trigger}' with state 'Disabled': trigger is not enabled."
        ),
    ))
}

fn resubmit(call: &Call<'_>, trigger: Trigger, history: &str) -> Outcome<Reply> {
    let fired = call
        .platform
        .history
        .find(|run| run.name == history && run.trigger == trigger);
    let Some(fired) = fired else {
        return Err(arm::not_found(
            "WorkflowTriggerHistoryNotFound",
            format!(
                "The workflow '{SYNC_WORKFLOW}' trigger '{}' history '{history}' could not be found.",
                trigger.name()
            ),
        ));
    };
    must_be_enabled(call, trigger.name())?;
    let run = call.repeat(&fired, 0, None)?;
    Ok(arm::with_run(arm::empty(StatusCode::ACCEPTED), &run.name))
}

fn cancel(call: &Call<'_>, name: &str) -> Outcome<Reply> {
    let run = run(call, name)?;
    if run.is_over() {
        // Status and code are guesses: what the real service says to this was not found.
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "WorkflowRunCompleted",
            format!(
                "The run '{name}' has ended with the status '{}' and can't be cancelled.",
                run.status.name()
            ),
        ));
    }
    call.cancel(run.id);
    Ok(arm::empty(StatusCode::OK))
}

fn run(call: &Call<'_>, name: &str) -> Outcome<Run> {
    let run = call.platform.history.find(|run| run.name == name);
    run.ok_or_else(|| {
        arm::not_found(
            "WorkflowRunNotFound",
            format!("The workflow '{SYNC_WORKFLOW}' run '{name}' could not be found."),
        )
    })
}

fn trigger(name: &str) -> Outcome<Trigger> {
    Trigger::named(name).ok_or_else(|| {
        arm::not_found(
            "WorkflowTriggerNotFound",
            format!("The workflow '{SYNC_WORKFLOW}' trigger '{name}' could not be found."),
        )
    })
}

/// One page of a list of runs, newest first; the next one begins behind the run that its `$skiptoken` names.
fn page(
    call: &Call<'_>,
    belongs: impl Fn(&Run) -> bool,
    show: impl Fn(&Run) -> Json,
) -> Outcome<Reply> {
    let query = &call.query;
    for name in ["$orderby", "$select", "$expand", "$skip"] {
        if query.get(name).is_some() {
            return Err(arm::unsupported(&format!("{name} on a list of runs")));
        }
    }
    let filter = Filter::read(query.get("$filter"))?;
    let size = match query.get("$top") {
        None => PAGE,
        Some(top) => top
            .parse()
            .ok()
            .filter(|top| (1..=LARGEST_PAGE).contains(top))
            .ok_or_else(|| {
                arm::bad(
                    "InvalidTopInQuery",
                    format!("The value '{top}' of $top must be a number from 1 to {LARGEST_PAGE}."),
                )
            })?,
    };
    let behind = query.get("$skiptoken");
    let runs = call.platform.history.list(call.now);
    let mut rest = runs
        .iter()
        .filter(|run| behind.is_none_or(|name| run.name.as_str() > name))
        .filter(|run| belongs(run) && filter.holds(run));
    let shown: Vec<&Run> = rest.by_ref().take(size).collect();
    let mut body = Map::new();
    let value = shown.iter().map(|run| show(run)).collect();
    body.insert("value".to_owned(), value);
    if let (Some(last), true) = (shown.last(), rest.next().is_some()) {
        body.insert("nextLink".to_owned(), next_link(call, &last.name).into());
    }
    Ok(arm::json(StatusCode::OK, &Json::Object(body)))
}

fn next_link(call: &Call<'_>, behind: &str) -> String {
    let mut link = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.query.all() {
        if name != "$skiptoken" {
            link.append_pair(name, value);
        }
    }
    link.append_pair("$skiptoken", behind);
    format!("{}{}?{}", call.origin(), call.path, link.finish())
}

fn callback_url(call: &Call<'_>, name: &str) -> Outcome<Reply> {
    let trigger = trigger(name)?;
    if trigger != Trigger::Manual {
        return Err(no_callback(name));
    }
    let base = format!(
        "{}/workflows/{}/triggers/{name}/paths/invoke",
        call.origin(),
        workflow_id(call)
    );
    let queries = [
        ("api-version", "2016-10-01"),
        ("sp", "/triggers/manual/run"),
        ("sv", "1.0"),
        ("sig", call.platform.signature.as_str()),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(queries)
        .finish();
    let queries: Map<String, Json> = queries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let body = json!({
        "value": format!("{base}?{query}"),
        "method": "POST",
        "basePath": base,
        "queries": queries,
    });
    Ok(arm::json(StatusCode::OK, &body))
}

/// Status and code are guesses.
fn no_callback(trigger: &str) -> Refusal {
    arm::bad(
        "TriggerNotRequestTrigger",
        format!("The trigger '{trigger}' is not called by a request and has no callback URL."),
    )
}

/// By which callback URLs name the workflow.
fn workflow_id(call: &Call<'_>) -> String {
    flow::id(call.instance).simple().to_string()
}
