//! Control of who may do what: which client has which role, what a role holds, which rows only administrators see.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};

use super::super::instance::Instance;
use super::super::refusal::Refusal;
use super::super::security::{self, Change};
use super::{Emulated, allowed, read, sent};

pub(super) fn routes() -> Router<Arc<Instance>> {
    Router::new().route("/emulator/roles", get(list).post(change).delete(reset))
}

async fn list(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers);
    let outcome = outcome.map(|()| (StatusCode::OK, security::list(&instance)));
    sent(&instance, outcome)
}

async fn change(State(instance): Emulated, request: Request) -> Response {
    let changed = async {
        let change: Change = read(&instance, request).await?;
        let made = security::made(&instance);
        if let Some(problem) = change.problem(&instance.schema(), &made) {
            return Err(Refusal::argument(problem));
        }
        change.apply(&instance);
        Ok((StatusCode::OK, security::list(&instance)))
    };
    let outcome = changed.await;
    sent(&instance, outcome)
}

async fn reset(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).map(|()| {
        security::reset(&instance);
        (StatusCode::OK, security::list(&instance))
    });
    sent(&instance, outcome)
}
