//! Control of what holds for everybody until it is changed: service protection limits, the organization's state, how TLS
//! fails, how the workflow copies.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::fault::duration;
use super::super::instance::Instance;
use super::super::limits::Limits;
use super::super::organization::Setting;
use super::super::platform::Manner;
use super::super::refusal::{Outcome, Refusal};
use super::super::tls::{Tls, TlsFault};
use super::{Emulated, allowed, read, sent};

pub(super) fn routes() -> Router<Arc<Instance>> {
    Router::new()
        .route(
            "/emulator/limits",
            get(limits).post(set_limits).delete(lift_limits),
        )
        .route(
            "/emulator/organization",
            get(organization).post(set_organization),
        )
        .route("/emulator/sync", get(sync).post(set_sync).delete(mend_sync))
        .route("/emulator/tls", get(tls).post(set_tls).delete(mend_tls))
}

async fn limits(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).map(|()| shown_limits(&instance));
    sent(&instance, outcome)
}

async fn set_limits(State(instance): Emulated, request: Request) -> Response {
    let set = async {
        let limits: Limits = read(&instance, request).await?;
        limits
            .problem()
            .map(Refusal::argument)
            .map_or(Ok(()), Err)?;
        instance.protection.set(Some(limits));
        Ok(shown_limits(&instance))
    };
    let outcome = set.await;
    sent(&instance, outcome)
}

async fn lift_limits(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).map(|()| {
        instance.protection.set(None);
        shown_limits(&instance)
    });
    sent(&instance, outcome)
}

fn shown_limits(instance: &Instance) -> (StatusCode, Json) {
    (
        StatusCode::OK,
        json!({"limits": instance.protection.limits()}),
    )
}

async fn organization(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers);
    let outcome = outcome.map(|()| (StatusCode::OK, json!(instance.organization.setting())));
    sent(&instance, outcome)
}

async fn set_organization(State(instance): Emulated, request: Request) -> Response {
    let set = async {
        let setting: Setting = read(&instance, request).await?;
        setting
            .problem()
            .map(Refusal::argument)
            .map_or(Ok(()), Err)?;
        instance.organization.set(setting);
        Ok((StatusCode::OK, json!(instance.organization.setting())))
    };
    let outcome = set.await;
    sent(&instance, outcome)
}

async fn sync(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).and_then(|()| of_sync(&instance, None));
    sent(&instance, outcome)
}

async fn set_sync(State(instance): Emulated, request: Request) -> Response {
    let set = async {
        let manner: Manner = read(&instance, request).await?;
        manner
            .problem()
            .map(Refusal::argument)
            .map_or(Ok(()), Err)?;
        of_sync(&instance, Some(manner))
    };
    let outcome = set.await;
    sent(&instance, outcome)
}

async fn mend_sync(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome =
        allowed(&instance, &headers).and_then(|()| of_sync(&instance, Some(Manner::default())));
    sent(&instance, outcome)
}

fn of_sync(instance: &Instance, manner: Option<Manner>) -> Outcome<(StatusCode, Json)> {
    let without = || Refusal::argument("The workflow is the US instance's.");
    let platform = instance.platform.as_deref().ok_or_else(without)?;
    if let Some(manner) = manner {
        platform.set_manner(manner);
    }
    Ok((StatusCode::OK, json!(platform.manner())))
}

/// `{"fault": "expired", "for_s": 2}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsSetting {
    fault: Option<TlsFault>,
    for_s: Option<f64>,
}

async fn tls(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).and_then(|()| of_tls(&instance, |_| ()));
    sent(&instance, outcome)
}

async fn set_tls(State(instance): Emulated, request: Request) -> Response {
    let set = async {
        let setting: TlsSetting = read(&instance, request).await?;
        let lasts = setting.for_s.map(time).transpose()?;
        of_tls(&instance, |tls| tls.set_fault(setting.fault, lasts))
    };
    let outcome = set.await;
    sent(&instance, outcome)
}

async fn mend_tls(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers)
        .and_then(|()| of_tls(&instance, |tls| tls.set_fault(None, None)));
    sent(&instance, outcome)
}

fn of_tls(instance: &Instance, change: impl FnOnce(&Tls)) -> Outcome<(StatusCode, Json)> {
    let without = || Refusal::argument("This emulator was started without TLS.");
    let tls = instance.tls.as_deref().ok_or_else(without)?;
    change(tls);
    Ok((StatusCode::OK, json!({"fault": tls.fault()})))
}

fn time(seconds: f64) -> Outcome<Duration> {
    let wrong = || Refusal::argument(format!("{seconds} is not a duration in seconds"));
    duration(seconds).ok_or_else(wrong)
}
