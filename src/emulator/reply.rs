//! What goes back on the wire: `OData` replies, and the headers that every reply of Dataverse carries.
//!
//! Faults are laid over a finished reply in `front.rs`; nothing here fails.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::content::Content;
use super::odata::prefer::Annotations;
use super::refusal::Refusal;
use super::value::Reference;

/// A whole reply, not yet sent.
pub(crate) type Reply = Response<Content>;

/// A reply with all of its bytes, as faults need it.
pub(crate) type Finished = Response<Bytes>;

const ODATA_JSON: HeaderValue =
    HeaderValue::from_static("application/json; odata.metadata=minimal");

pub(crate) fn json(status: StatusCode, body: &Json) -> Reply {
    written(status, body.to_string())
}

/// A reply whose JSON has been written already.
pub(crate) fn written(status: StatusCode, body: impl Into<Content>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, ODATA_JSON);
    reply
}

pub(crate) fn no_content() -> Reply {
    empty(StatusCode::NO_CONTENT)
}

pub(crate) fn not_modified() -> Reply {
    empty(StatusCode::NOT_MODIFIED)
}

fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new("".into());
    *reply.status_mut() = status;
    reply
}

pub(crate) fn text(status: StatusCode, content_type: &'static str, body: String) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Reply {
        self::refusal(&refusal, &Annotations::default())
    }
}

/// A refusal with the annotations that the client wants to see (contract 8.2).
pub(crate) fn refusal(refusal: &Refusal, annotations: &Annotations) -> Reply {
    let mut error = Map::new();
    error.insert("code".to_owned(), (&*refusal.code).into());
    error.insert("message".to_owned(), (&*refusal.message).into());
    for (name, value) in details(refusal) {
        if annotations.wants(&name) {
            error.insert(format!("@{name}"), value.into());
        }
    }
    json(refusal.status, &json!({"error": error}))
}

/// What is known of the step that refused.
fn details(refusal: &Refusal) -> Vec<(String, String)> {
    let Some(details) = &refusal.details else {
        return Vec::new();
    };
    let code = refusal.code.trim_start_matches("0x");
    let help = format!(
        "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a{code}&client=platform"
    );
    let trace = format!("\r\n[{}: {}]\r\n", details.name, details.step);
    let of_error = |name: &str| format!("Microsoft.PowerApps.CDS.ErrorDetails.{name}");
    vec![
        (of_error("OperationStatus"), "1".to_owned()),
        (of_error("SubErrorCode"), "-2146233088".to_owned()),
        (of_error("ApiStepKey"), details.step.to_string()),
        (of_error("ApiDepthKey"), details.depth.to_string()),
        (
            of_error("ApiExceptionHttpStatusCode"),
            refusal.status.as_u16().to_string(),
        ),
        ("Microsoft.PowerApps.CDS.HelpLink".to_owned(), help),
        ("Microsoft.PowerApps.CDS.TraceText".to_owned(), trace),
        (
            "Microsoft.PowerApps.CDS.InnerError.Message".to_owned(),
            refusal.message.clone(),
        ),
    ]
}

/// The 401 of a request without a good token: the challenge from which clients learn the authority.
pub(crate) fn challenge(origin: &str) -> Reply {
    let mut reply = text(
        StatusCode::UNAUTHORIZED,
        "text/html; charset=utf-8",
        "HTTP Error 401 - Unauthorized: Access is denied".to_owned(),
    );
    let value = format!(
        "Bearer authorization_uri={origin}/{}/oauth2/authorize, resource_id={origin}/",
        super::token::TENANT
    );
    set(reply.headers_mut(), http::header::WWW_AUTHENTICATE, &value);
    reply
}

pub(crate) fn with_etag(mut reply: Reply, version: i64) -> Reply {
    set(reply.headers_mut(), ETAG, &etag(version));
    reply
}

pub(crate) fn with_entity_id(mut reply: Reply, url: &str) -> Reply {
    set(
        reply.headers_mut(),
        HeaderName::from_static("odata-entityid"),
        url,
    );
    reply
}

/// Notes which row a reply is about; nothing of it goes on the wire.
pub(crate) fn about(mut reply: Reply, row: Reference) -> Reply {
    reply.extensions_mut().insert(row);
    reply
}

/// The row that a reply is about, where a row was written.
pub(crate) fn subject(reply: &Reply) -> Option<Reference> {
    reply.extensions().get().copied()
}

pub(crate) fn with_preferences(mut reply: Reply, applied: &str) -> Reply {
    if !applied.is_empty() {
        set(
            reply.headers_mut(),
            HeaderName::from_static("preference-applied"),
            applied,
        );
    }
    reply
}

pub(crate) fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The part of the execution-time and request limits that is left, for the two debugging headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remaining {
    pub(crate) requests: u64,
    pub(crate) seconds: u64,
}

/// Puts on what every reply of the Web API carries, success or not.
pub(crate) fn dress(reply: &mut Reply, now: DateTime<Utc>, affinity: &str, remaining: Remaining) {
    dress_plainly(reply, now);
    let request_id = Uuid::new_v4().to_string();
    let headers = reply.headers_mut();
    headers.insert("odata-version", HeaderValue::from_static("4.0"));
    set(
        headers,
        HeaderName::from_static("x-ms-service-request-id"),
        &request_id,
    );
    set(headers, HeaderName::from_static("req_id"), &request_id);
    headers.insert("x-ms-dop-hint", HeaderValue::from_static("4"));
    headers.insert(
        "x-ms-ratelimit-burst-remaining-xrm-requests",
        HeaderValue::from(remaining.requests),
    );
    set(
        headers,
        HeaderName::from_static("x-ms-ratelimit-time-remaining-xrm-requests"),
        &format!("{}.00", with_thousands(remaining.seconds)),
    );
    set(
        headers,
        SET_COOKIE,
        &format!("ARRAffinity={affinity}; path=/; HttpOnly"),
    );
}

/// Puts on what every reply carries, a platform's too.
pub(crate) fn dress_plainly(reply: &mut Reply, now: DateTime<Utc>) {
    let no_body = matches!(
        reply.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let length = reply.body().length();
    let headers = reply.headers_mut();
    if let Some(length) = length.filter(|_| !no_body) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers.insert("cache-control", HeaderValue::from_static("no-cache"));
    headers.insert("expires", HeaderValue::from_static("-1"));
    date(headers, now);
}

pub(crate) fn date(headers: &mut HeaderMap, now: DateTime<Utc>) {
    set(
        headers,
        DATE,
        &now.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    );
}

/// A number with a comma before every third digit from its end.
pub(crate) fn with_thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Sets a header; a value that no header can hold is percent-encoded where it is not ASCII.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let safe: String =
        percent_encoding::utf8_percent_encode(value, percent_encoding::CONTROLS).to_string();
    if let Ok(value) = HeaderValue::from_str(&safe) {
        headers.insert(name, value);
    }
}
