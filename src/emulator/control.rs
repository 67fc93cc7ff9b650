//! The control endpoints under `/emulator/`, for the holder of the token only. Here: faults, log, clock, backup.
//!
//! They stand outside of the log and of every fault, but not of an outage: a closed port answers nothing.

mod identity;
mod security;
mod state;

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use chrono::TimeDelta;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::content::Content;
use super::fault::{self, Rule};
use super::front::{token_of, whole};
use super::instance::Instance;
use super::refusal::{Outcome, Refusal};
use super::reply::{self, Reply};

type Emulated = State<Arc<Instance>>;

/// The routes, to which the Web API is the fallback.
pub(crate) fn routes() -> Router<Arc<Instance>> {
    Router::new()
        .route("/emulator/faults", get(faults).post(arm).delete(disarm))
        .route("/emulator/log", get(log).delete(forget))
        .route("/emulator/clock", post(clock))
        .route("/emulator/backup", post(back_up))
        .route("/emulator/restore", post(restore))
        .merge(identity::routes())
        .merge(security::routes())
        .merge(state::routes())
}

async fn faults(State(instance): Emulated, headers: HeaderMap) -> Response {
    sent(
        &instance,
        allowed(&instance, &headers).map(|()| (StatusCode::OK, list(&instance))),
    )
}

async fn arm(State(instance): Emulated, request: Request) -> Response {
    let armed = async {
        let rule: Rule = read(&instance, request).await?;
        if let Some(problem) = rule.problem() {
            return Err(Refusal::argument(problem));
        }
        let outage_s = rule.outage_s;
        let Some(id) = fault::arm(&instance, rule) else {
            return Ok((
                StatusCode::CREATED,
                json!({"id": null, "outage_s": outage_s}),
            ));
        };
        let armed = instance
            .faults
            .list(|armed| (armed.id == id).then(|| json!(armed)));
        Ok((
            StatusCode::CREATED,
            armed.into_iter().flatten().next().unwrap_or_default(),
        ))
    };
    let outcome = armed.await;
    sent(&instance, outcome)
}

async fn disarm(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).map(|()| {
        instance.faults.clear();
        (StatusCode::OK, list(&instance))
    });
    sent(&instance, outcome)
}

async fn log(State(instance): Emulated, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).and_then(|()| {
        let since = query
            .as_deref()
            .and_then(|query| query.strip_prefix("since="));
        let since = since
            .unwrap_or("0")
            .parse()
            .map_err(|_| Refusal::argument("since is a sequence number"))?;
        Ok((
            StatusCode::OK,
            json!({"requests": instance.log.since(since), "unanswered": instance.log.unanswered()}),
        ))
    });
    sent(&instance, outcome)
}

async fn forget(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).map(|()| {
        instance.log.clear();
        (StatusCode::OK, json!({"requests": []}))
    });
    sent(&instance, outcome)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_s: u32,
}

async fn clock(State(instance): Emulated, request: Request) -> Response {
    let outcome = read(&instance, request).await.map(|Advance { advance_s }| {
        let ahead = instance
            .clock
            .advance(TimeDelta::seconds(i64::from(advance_s)));
        (
            StatusCode::OK,
            json!({"now": instance.clock.now(), "ahead_s": ahead.num_seconds()}),
        )
    });
    sent(&instance, outcome)
}

async fn back_up(State(instance): Emulated, headers: HeaderMap) -> Response {
    let kept = async {
        allowed(&instance, &headers)?;
        let own = Arc::clone(&instance);
        off(move || own.back_up()).await?;
        Ok((StatusCode::OK, json!({"backup": instance.clock.now()})))
    };
    let outcome = kept.await;
    sent(&instance, outcome)
}

async fn restore(State(instance): Emulated, headers: HeaderMap) -> Response {
    let restored = async {
        allowed(&instance, &headers)?;
        let own = Arc::clone(&instance);
        let none = || Refusal::argument("There is no backup: POST /emulator/backup makes one.");
        let restored = off(move || own.restore()).await?;
        restored.then_some(()).ok_or_else(none)?;
        Ok((StatusCode::OK, json!({"restored": instance.clock.now()})))
    };
    let outcome = restored.await;
    sent(&instance, outcome)
}

/// Does what waits for the store off the runtime's workers.
async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Refusal::broken("An unexpected error occurred."))
}

async fn read<T: for<'de> Deserialize<'de>>(instance: &Instance, request: Request) -> Outcome<T> {
    let (parts, body) = request.into_parts();
    allowed(instance, &parts.headers)?;
    let body = whole(body).await?;
    serde_json::from_slice(&body).map_err(|error| Refusal::argument(error.to_string()))
}

fn list(instance: &Instance) -> Json {
    json!({"faults": instance.faults.list(|armed| json!(armed))})
}

fn allowed(instance: &Instance, headers: &HeaderMap) -> Outcome<()> {
    let known = token_of(headers).is_some_and(|token| instance.tokens.is_secret(token));
    known.then_some(()).ok_or_else(|| {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "",
            "The control endpoints need the emulator's own token.",
        )
    })
}

fn sent(instance: &Instance, outcome: Outcome<(StatusCode, Json)>) -> Response {
    let mut reply = outcome.map_or_else(Reply::from, |(status, body)| reply::json(status, &body));
    reply::date(reply.headers_mut(), instance.clock.now());
    reply.map(Content::sent)
}
