//! Answers to values or failures: pure. What is not the shape that was asked for is a failure, never an empty list
//! (fault F8), and one bad row does not sink its page.

mod page;

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::query::Query;
use crate::domain::failure::{ErrorCode, Failure, FailureClass, Origin};
use crate::domain::retry::{parse_http_date, parse_retry_after};
use crate::domain::row::Row;
use crate::domain::text::visible;

pub(super) use page::page;
pub use page::{BadRow, Page};

/// The most of a server's words that is kept.
const WORDS: usize = 300;

/// Reads one row.
pub(super) fn row(response: &Response<Bytes>, query: &Query) -> Result<Row, Failure> {
    let text = std::str::from_utf8(response.body()).map_err(|_| unreadable(response))?;
    query.shape.read(text).map_err(|reason| {
        let why = format!("not a row: {}", bounded(&reason));
        Failure {
            message: why,
            ..unreadable(response)
        }
    })
}

/// Reads a body of the Web API, whatever its shape.
pub(super) fn body<T: DeserializeOwned>(response: &Response<Bytes>) -> Result<T, Failure> {
    serde_json::from_slice(response.body()).map_err(|_| unreadable(response))
}

/// What `WhoAmI` answers (contract 1.7).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WhoAmIBody {
    pub(super) user_id: Uuid,
    pub(super) organization_id: Uuid,
}

/// What `RetrieveVersion` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VersionBody {
    pub(super) version: String,
}

/// What `RetrieveTotalRecordCount` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TotalBody {
    #[serde(rename = "EntityRecordCountCollection")]
    pub(super) counts: TotalCounts,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TotalCounts {
    pub(super) values: Vec<usize>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Tells an answer that is a success from one that is a failure (contract 1.5 and 10).
pub(super) fn checked(
    response: Response<Bytes>,
    now: DateTime<Utc>,
) -> Result<Response<Bytes>, Failure> {
    let status = response.status().as_u16();
    match status {
        200..=299 => Ok(response),
        300..=399 => Err(Failure {
            message: "a redirect, which is not followed".to_owned(),
            ..unreadable(&response)
        }),
        _ => Err(failure(&response, status, now)),
    }
}

fn failure(response: &Response<Bytes>, status: u16, now: DateTime<Utc>) -> Failure {
    let detail = serde_json::from_slice::<ErrorBody>(response.body())
        .ok()
        .map(|body| body.error);
    let code = detail
        .as_ref()
        .and_then(|detail| ErrorCode::parse(&detail.code));
    let message = match detail {
        Some(detail) if !detail.message.is_empty() => bounded(&detail.message),
        Some(_) | None => reason_phrase(response),
    };
    let class = Failure::classify(status, code);
    let retry_after = wait(response.headers(), now);
    let retry_after = match class {
        // A 429 that names no time counts as an odd one (R4).
        FailureClass::Throttled => Some(retry_after.unwrap_or(Duration::from_secs(60))),
        _ => retry_after,
    };
    Failure {
        class,
        status: Some(status),
        code,
        message,
        request_id: request_id(response.headers()),
        retry_after,
        origin: Origin::Remote,
    }
}

/// How long an answer asks us to wait (R4).
pub(super) fn wait(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let header = headers.get("retry-after")?.to_str().ok()?;
    Some(parse_retry_after(header, date(headers), now).wait)
}

/// Whether an answer is that of a write: nothing else can be taken for it, or a portal's page would count as done.
pub(super) fn written(response: &Response<Bytes>) -> Result<(), Failure> {
    match response.status() {
        StatusCode::NO_CONTENT => Ok(()),
        _ => Err(unreadable(response)),
    }
}

/// The server's clock, as its answer says.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    parse_http_date(headers.get("date")?.to_str().ok()?)
}

/// The server's hint at how many calls may be in flight (contract 5.3).
pub(super) fn hint(headers: &HeaderMap) -> Option<u32> {
    headers
        .get("x-ms-dop-hint")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers
        .get("x-ms-service-request-id")
        .or_else(|| headers.get("req_id"))?;
    Some(bounded(id.to_str().ok()?).chars().take(80).collect())
}

fn reason_phrase(response: &Response<Bytes>) -> String {
    response
        .status()
        .canonical_reason()
        .unwrap_or("an error without words")
        .to_owned()
}

/// A success that isn't what the Web API sends: cut short, a portal's page, not JSON.
fn unreadable(response: &Response<Bytes>) -> Failure {
    let start: String = String::from_utf8_lossy(response.body())
        .chars()
        .take(40)
        .collect();
    let is_json = start.trim_start().starts_with(['{', '[']) || start.is_empty();
    let what = if start.is_empty() {
        "an empty answer"
    } else if is_json {
        "the answer was cut short, or is not what was asked for"
    } else {
        "not an OData answer"
    };
    Failure {
        class: FailureClass::Unreadable,
        status: Some(response.status().as_u16()),
        code: None,
        message: if is_json {
            what.to_owned()
        } else {
            format!("{what}: {}", bounded(&start))
        },
        request_id: request_id(response.headers()),
        retry_after: None,
        origin: Origin::Remote,
    }
}

fn bounded(text: &str) -> String {
    // Bounded twice: what is made visible grows.
    let text: String = text.trim().chars().take(WORDS).collect();
    visible(&text).chars().take(WORDS).collect()
}

#[cfg(test)]
mod tests;
