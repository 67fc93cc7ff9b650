//! Control of what holds for everybody until it is changed: how TLS fails.

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
use super::super::refusal::{Outcome, Refusal};
use super::super::tls::{Tls, TlsFault};
use super::{Emulated, allowed, read, sent};

pub(super) fn routes() -> Router<Arc<Instance>> {
    Router::new().route("/emulator/tls", get(tls).post(set_tls).delete(mend_tls))
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
