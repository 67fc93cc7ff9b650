//! What goes back on the wire: `OData` replies, and the headers that every reply of Dataverse carries.
//!
//! Faults are laid over a finished reply in `front.rs`; nothing here fails.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::refusal::Refusal;
use super::value::Reference;

/// A whole reply, not yet sent.
pub(crate) type Reply = Response<Bytes>;

const ODATA_JSON: HeaderValue =
    HeaderValue::from_static("application/json; odata.metadata=minimal");

pub(crate) fn json(status: StatusCode, body: &Json) -> Reply {
    written(status, body.to_string().into())
}

/// A reply whose JSON has been written already.
pub(crate) fn written(status: StatusCode, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Bytes::from(body));
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
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = status;
    reply
}

pub(crate) fn text(status: StatusCode, content_type: &'static str, body: String) -> Reply {
    let mut reply = Response::new(Bytes::from(body));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Reply {
        json(
            refusal.status,
            &json!({"error": {"code": refusal.code, "message": refusal.message}}),
        )
    }
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
    let request_id = Uuid::new_v4().to_string();
    let no_body = matches!(
        reply.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let length = reply.body().len();
    let headers = reply.headers_mut();
    if !no_body {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers.insert("odata-version", HeaderValue::from_static("4.0"));
    headers.insert("cache-control", HeaderValue::from_static("no-cache"));
    headers.insert("expires", HeaderValue::from_static("-1"));
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
        &with_thousands(remaining.seconds),
    );
    set(
        headers,
        SET_COOKIE,
        &format!("ARRAffinity={affinity}; path=/; HttpOnly"),
    );
    date(headers, now);
}

pub(crate) fn date(headers: &mut HeaderMap, now: DateTime<Utc>) {
    set(
        headers,
        DATE,
        &now.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    );
}

fn with_thousands(seconds: u64) -> String {
    if seconds >= 1000 {
        format!("{},{:03}.00", seconds / 1000, seconds % 1000)
    } else {
        format!("{seconds}.00")
    }
}

/// Sets a header; a value that no header can hold is percent-encoded where it is not ASCII.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let safe: String =
        percent_encoding::utf8_percent_encode(value, percent_encoding::CONTROLS).to_string();
    if let Ok(value) = HeaderValue::from_str(&safe) {
        headers.insert(name, value);
    }
}
