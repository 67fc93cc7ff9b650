//! The front door of an instance: log, faults, token, then the Web API or the token endpoint.
//!
//! Every request that is not for a control endpoint passes here, in this order, as straight-line code.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::connection::Wire;
use super::fault::{Reset, Rule, Target, Truncate};
use super::instance::Instance;
use super::odata::path::{service_root, split_predicate};
use super::refusal::{Outcome, Refusal};
use super::reply::{self, Remaining, Reply};
use super::token::{self, Bearer};
use super::{odata, operation, platform};

/// The largest body that is taken.
const LARGEST_BODY: usize = 16 * 1024 * 1024;
/// The longest URL that Dataverse takes outside of a batch.
const LONGEST_URL: usize = 32_768;
/// How long the sent part of a truncated body gets to leave before the connection is closed.
const LAST_BYTES: Duration = Duration::from_millis(30);
/// What the debugging headers say is left; the limits themselves are not emulated.
const REMAINING: Remaining = Remaining {
    requests: 7999,
    seconds: 1200,
};

/// Answers one request, or not at all, if a fault has it so.
pub(crate) async fn answer(
    State(instance): State<Arc<Instance>>,
    Extension(wire): Extension<Arc<Wire>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let table = service_root(path).and_then(|(_, rest)| table_of(&instance, rest));
    let seq = instance.log.arrived(instance.clock.now(), &parts, table);

    let full_path = parts
        .uri
        .path_and_query()
        .map_or(path, |whole| whole.as_str());
    let web_api = service_root(path).is_some();
    let target = Target {
        method: &parts.method,
        path: full_path,
        table,
        web_api,
        instance: instance.name,
        user: match bearer(&instance, &parts.headers) {
            Some(Bearer::User(user)) => Some(user),
            Some(Bearer::NotAMember) | None => None,
        },
    };
    let struck = instance.faults.strike(&target);
    let rule = struck.map(|(id, rule)| {
        instance.log.amend(seq, |entry| entry.fault = Some(id));
        rule
    });
    let rule = rule.unwrap_or_default();
    if let Some(delay) = rule.delay_ms {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    if let Some(lasts) = rule.outage() {
        instance.go_down(lasts);
        return pending().await;
    }
    if rule.reset == Some(Reset::Before) {
        wire.cut();
        return pending().await;
    }

    let mut reply = match faulty(&instance, &rule) {
        Some(reply) => reply,
        None => served(&instance, parts, body, seq)
            .await
            .unwrap_or_else(Reply::from),
    };
    reply::dress(
        &mut reply,
        instance.clock.now(),
        &instance.affinity,
        REMAINING,
    );
    if !web_api || rule.body.is_some() {
        reply.headers_mut().remove("odata-version");
    }
    if rule.reset == Some(Reset::After) {
        wire.cut();
        return pending().await;
    }
    instance
        .log
        .amend(seq, |entry| entry.status = Some(reply.status().as_u16()));
    match rule.truncate {
        Some(Truncate::Half(true)) => truncated(reply, None),
        Some(Truncate::Bytes(bytes)) => truncated(reply, Some(bytes)),
        Some(Truncate::Half(false)) | None => reply.map(Body::from),
    }
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
        let Some(bearer) = bearer(instance, &parts.headers) else {
            return Ok(reply::challenge(&instance.url));
        };
        let Bearer::User(user) = bearer else {
            return Err(Refusal::not_a_member());
        };
        instance.log.amend(seq, |entry| entry.user = Some(user));
        if full_length(&parts.uri) > LONGEST_URL {
            return Err(Refusal::new(
                StatusCode::URI_TOO_LONG,
                "0x0",
                "The URL is longer than 32,768 characters.",
            ));
        }
        let body = whole(body).await?;
        let host = parts
            .headers
            .get("host")
            .and_then(|host| host.to_str().ok());
        let origin = host.map_or(instance.url.clone(), |host| format!("http://{host}"));
        let (root, rest) = (format!("{origin}{root}"), rest.to_owned());
        let instance = Arc::clone(instance);
        // Off the runtime's workers: a large page takes longer than a connection should make others wait.
        let work = tokio::task::spawn_blocking(move || {
            operation::execute(&instance, &parts, root, &rest, user, body)
        });
        return work
            .await
            .unwrap_or_else(|_| Err(Refusal::broken("An unexpected error occurred.")));
    }
    if token::is_endpoint(&path) {
        if parts.method != http::Method::POST {
            return Err(Refusal::method_not_allowed(&parts.method));
        }
        let form = whole(body).await?;
        return Ok(token::answer(instance, &form));
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
    platform::answer(instance, &parts, &body, seq).ok_or_else(|| Refusal::no_resource(&path))
}

fn bearer(instance: &Instance, headers: &HeaderMap) -> Option<Bearer> {
    instance
        .tokens
        .bearer(token_of(headers)?, instance.clock.now())
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

fn full_length(uri: &http::Uri) -> usize {
    uri.path_and_query().map_or(0, |whole| whole.as_str().len())
}

/// The logical name of the table whose set the path begins with.
fn table_of(instance: &Instance, rest: &str) -> Option<&'static str> {
    let first = odata::decoded(rest.split('/').next()?)?;
    let (set, _) = split_predicate(&first).ok()?;
    let schema = instance.schema();
    Some(schema.table(schema.by_set(set)?).name)
}

/// The reply that a rule gives in place of the work.
fn faulty(instance: &Instance, rule: &Rule) -> Option<Reply> {
    let status = rule
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut reply = match (&rule.body, status, &rule.code) {
        (None, None, _) => return None,
        (Some(body), status, _) => reply::text(
            status.unwrap_or(StatusCode::OK),
            "text/html; charset=utf-8",
            body.clone(),
        ),
        (None, Some(StatusCode::UNAUTHORIZED), None) => reply::challenge(&instance.url),
        (None, Some(status), code) => {
            let code = code
                .clone()
                .unwrap_or_else(|| usual_code(status).to_owned());
            let message = usual_message(&code).to_owned();
            Refusal {
                status,
                message,
                code: code.into(),
            }
            .into()
        }
    };
    if let Some(seconds) = rule.retry_after {
        reply
            .headers_mut()
            .insert("retry-after", HeaderValue::from(seconds));
    }
    Some(reply)
}

/// Dataverse's code where a rule has none.
fn usual_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        429 => "0x80072322",
        403 => "0x80040220",
        412 => "0x80060882",
        503 => "0x8004a001",
        _ => "0x80040216",
    }
}

fn usual_message(code: &str) -> &'static str {
    match code.to_ascii_lowercase().as_str() {
        "0x80072321" => {
            "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of \
             300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later."
        }
        "0x80072322" => {
            "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
        }
        "0x80072326" => "Number of concurrent requests exceeded the limit of 52.",
        "0x80040220" => "The user does not hold the necessary privileges.",
        "0x80060882" => {
            "The version of the existing record doesn't match the RowVersion property provided."
        }
        "0x8004a001" => "The server is busy and the request was not completed. Try again later.",
        "0x8004a104" => {
            "The Dynamics 365 organization you are attempting to access is currently disabled.  Please contact your \
             system administrator"
        }
        "0x8004a113" => {
            "User does not have required privileges (or role membership) to access the org when it is in Admin Only mode."
        }
        _ => "An unexpected error occurred.",
    }
}

/// Declares the whole body, sends a part, and closes the connection.
fn truncated(reply: Reply, bytes: Option<usize>) -> Response {
    let (parts, body) = reply.into_parts();
    let length = bytes.unwrap_or(body.len() / 2).min(body.len());
    let part = body.slice(..length);
    // The part has to be on its way before the error closes the connection, else the client sees nothing of it.
    let frames = stream::unfold(Some(part), |part| async move {
        if let Some(part) = part {
            return Some((Ok(part), None));
        }
        tokio::time::sleep(LAST_BYTES).await;
        Some((
            Err(std::io::Error::other("the body was truncated on purpose")),
            None,
        ))
    });
    Response::from_parts(parts, Body::from_stream(frames))
}
