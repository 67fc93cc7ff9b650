//! The front door of an instance: log and faults, then the Web API (`web_api.rs`) or the token endpoint.
//!
//! Every request that is not for a control endpoint passes here, in this order, as straight-line code.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use bytes::Bytes;
use chrono::TimeDelta;
use http::HeaderMap;
use http_body_util::{BodyExt, Limited};
use uuid::Uuid;

use super::connection::Wire;
use super::content::Content;
use super::fault::delivery::{self, Delivery};
use super::fault::substitute::Door;
use super::fault::{Moment, Strike, Target, listing, substitute};
use super::instance::Instance;
use super::odata::path::{service_root, split_predicate};
use super::refusal::{Outcome, Refusal};
use super::reply::{self, Reply};
use super::token::{self, Bearer};
use super::{odata, platform, web_api};

/// The largest body that is taken.
const LARGEST_BODY: usize = 16 * 1024 * 1024;
/// Answers one request, or not at all, if a fault has it so.
pub(crate) async fn answer(
    State(instance): State<Arc<Instance>>,
    Extension(wire): Extension<Arc<Wire>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let web_api = service_root(path).is_some();
    let url = format!(
        "{}{}",
        origin(&instance, &parts.headers),
        whole_path(&parts)
    );
    let door = Door::of(&instance, path);
    let user = user(&instance, &parts.headers, door);
    let (seq, strike) = arrived(&instance, &parts, user);
    let rule = &strike.rule;
    if let Some(delay) = rule.delay_ms {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    if let Some(lasts) = rule.outage() {
        instance.go_down(rule.outage.unwrap_or_default(), lasts);
        return pending().await;
    }
    if let Some(end) = delivery::silence(rule, Moment::Before) {
        wire.take_over(end.into());
        return pending().await;
    }

    let now = instance.clock.now();
    let substitute = substitute::answer(rule, &instance, door, now);
    let mut reply = match substitute {
        Some(reply) if !rule.after => reply,
        substitute => {
            let served = served(&instance, parts, body, seq).await;
            substitute.unwrap_or_else(|| served.unwrap_or_else(Reply::from))
        }
    };
    // A page is written while it is sent, unless a fault needs all of it.
    if strike.id.is_some() {
        let whole = listing::alter(reply.map(Content::whole), &strike, &url, &instance.faults);
        reply = whole.map(Content::from);
    }
    let now = instance.clock.now();
    let remaining = instance.protection.remaining(user, now);
    let date = now + TimeDelta::seconds(rule.date_skew_s.unwrap_or(0));
    if door == Door::Platform {
        reply::dress_plainly(&mut reply, date);
    } else {
        reply::dress(&mut reply, date, &instance.affinity, remaining);
    }
    if !web_api || rule.body.is_some() {
        reply.headers_mut().remove("odata-version");
    }
    if let Some(end) = delivery::silence(rule, Moment::After) {
        wire.take_over(end.into());
        return pending().await;
    }
    instance
        .log
        .amend(seq, |entry| entry.status = Some(reply.status().as_u16()));
    if strike.id.is_none() {
        return reply.map(Content::sent);
    }
    match delivery::of(rule, reply.map(Content::whole)) {
        Delivery::Whole(reply) => reply.map(Body::from),
        Delivery::Script(script) => {
            wire.take_over(script);
            pending().await
        }
    }
}

/// Notes a request in the log, and which armed rule strikes it.
fn arrived(instance: &Instance, parts: &http::request::Parts, user: Option<Uuid>) -> (u64, Strike) {
    let path = parts.uri.path();
    let rest = service_root(path).map(|(_, rest)| rest);
    let table = rest.and_then(|rest| table_of(instance, rest));
    let seq = instance.log.arrived(instance.clock.now(), parts, table);
    let accepts = parts.headers.get(http::header::ACCEPT_ENCODING);
    let strike = instance.faults.strike(&Target {
        method: &parts.method,
        path: whole_path(parts),
        table,
        web_api: rest.is_some(),
        is_list: parts.method == http::Method::GET
            && table.is_some()
            && rest.is_some_and(|rest| !rest.contains(['(', '/'])),
        takes_gzip: accepts
            .and_then(|accepts| accepts.to_str().ok())
            .is_some_and(|accepts| accepts.contains("gzip")),
        instance: instance.name,
        user,
    });
    let strike = strike.unwrap_or_default();
    if strike.id.is_some() {
        instance.log.amend(seq, |entry| entry.fault = strike.id);
    }
    (seq, strike)
}

/// The origin as the client addressed it.
pub(crate) fn origin(instance: &Instance, headers: &HeaderMap) -> String {
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    let scheme = instance.url.split_once("://").map(|(scheme, _)| scheme);
    match (scheme, host) {
        (Some(scheme), Some(host)) => format!("{scheme}://{host}"),
        _ => instance.url.clone(),
    }
}

pub(crate) fn whole_path(parts: &http::request::Parts) -> &str {
    let whole = parts.uri.path_and_query();
    whole.map_or(parts.uri.path(), |whole| whole.as_str())
}

/// Does what the request asks for.
async fn served(
    instance: &Arc<Instance>,
    parts: http::request::Parts,
    body: Body,
    seq: u64,
) -> Outcome<Reply> {
    let path = parts.uri.path().to_owned();
    if let Some((root, rest)) = service_root(&path) {
        return web_api::answer(instance, parts, root, rest, body, seq).await;
    }
    for (prefix, feature) in [
        ("/api/search/", "Dataverse search"),
        ("/api/backgroundoperation/", "A background operation"),
    ] {
        if path.starts_with(prefix) {
            return Err(Refusal::unsupported(feature));
        }
    }
    let body = whole(body).await?;
    let worker = Arc::clone(instance);
    // Both may have to wait for the store.
    let work = tokio::task::spawn_blocking(move || {
        if let Some(route) = token::Route::of(&path) {
            return token::answer(&worker, route, &parts, &body);
        }
        let answer = platform::answer(&worker, &parts, &body, seq);
        answer.ok_or_else(|| Refusal::no_resource(&path))
    });
    work.await
        .unwrap_or_else(|_| Err(Refusal::broken("An unexpected error occurred.")))
}

/// Who sent a request, if its token is good.
pub(crate) fn bearer(instance: &Instance, headers: &HeaderMap) -> Option<Bearer> {
    instance
        .tokens
        .bearer(token_of(headers)?, instance.clock.now())
}

/// The user behind a token, which at a platform's door is one of the platform.
fn user(instance: &Instance, headers: &HeaderMap, door: Door) -> Option<Uuid> {
    let of_platform = || {
        let platform = instance.platform.as_ref()?;
        platform.bearer(token_of(headers)?, instance.clock.now())
    };
    let bearer = match door {
        Door::Platform => of_platform(),
        Door::Dataverse | Door::Token => bearer(instance, headers),
    };
    match bearer? {
        Bearer::User(user) => Some(user),
        Bearer::NotAMember => None,
    }
}

/// The token of `Authorization: Bearer …`.
pub(crate) fn token_of(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get("authorization")?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The whole body, unless it is too large.
pub(crate) async fn whole(body: Body) -> Outcome<Bytes> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::too_large()),
        Err(_) => Err(Refusal::argument("The request body ended early.")),
    }
}

/// The logical name of the table whose set the path begins with.
fn table_of(instance: &Instance, rest: &str) -> Option<&'static str> {
    let first = odata::decoded(rest.split('/').next()?)?;
    let (set, _) = split_predicate(&first).ok()?;
    let schema = instance.schema();
    Some(schema.table(schema.by_set(set)?).name)
}
