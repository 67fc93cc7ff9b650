//! Answers to values or failures: pure. What is not the shape that was asked for is a failure, never an empty list
//! (fault F8), and one bad row does not sink its page.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::links::NextLink;
use super::query::Query;
use crate::domain::failure::{ErrorCode, Failure, FailureClass, Origin};
use crate::domain::instance::Endpoint;
use crate::domain::retry::{parse_http_date, parse_retry_after};
use crate::domain::row::{DeltaLink, Row, RowId};
use crate::domain::text::visible;

/// The most of a server's words that is kept.
const WORDS: usize = 300;

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The rows that could be read.
    pub rows: Vec<Row>,
    /// The rows of a query that wants no more than their checksums.
    pub sums: Vec<(RowId, u64)>,
    /// Those that could not.
    pub bad_rows: Vec<BadRow>,
    /// Where the next page is.
    pub(super) next: Option<NextLink>,
    /// The number of all rows that match, if it was asked for.
    pub count: Option<usize>,
    /// Ids of rows that were deleted since; only changes tell of them, without any of their values.
    pub deleted: Vec<RowId>,
    /// The server's clock when it answered.
    pub date: Option<DateTime<Utc>>,
    /// Where the changes from here on are; only behind the last page of what is tracked.
    pub delta: Option<DeltaLink>,
}

/// A row that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its id, if that could be read.
    pub id: Option<RowId>,
    /// What was wrong with it.
    pub reason: String,
}

#[derive(Deserialize)]
struct PageBody<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
    #[serde(rename = "@odata.count")]
    count: Option<usize>,
}

/// A row that is no more, among changes (contract 4.3).
#[derive(Deserialize)]
struct DeletedBody<'a> {
    #[serde(borrow, rename = "@odata.context")]
    context: std::borrow::Cow<'a, str>,
    id: Uuid,
}

/// Reads a page of a listing.
pub(super) fn page(
    response: &Response<Bytes>,
    query: &Query,
    endpoint: &Endpoint,
    from: Option<&NextLink>,
) -> Result<Page, Failure> {
    let body: PageBody<'_> = parse(response)?;
    let next = body
        .next
        .map(|link| NextLink::check(&link, endpoint, &query.set, from))
        .transpose()?;
    let delta = body
        .delta
        .map(|link| {
            NextLink::check(&link, endpoint, &query.set, None).map(|_| DeltaLink::new(&link))
        })
        .transpose()?;
    let mut page = Page {
        next,
        delta,
        date: date(response.headers()),
        count: body.count,
        ..Page::default()
    };
    match &query.sums {
        Some(_) => page.sums.reserve(body.value.len()),
        None => page.rows.reserve(body.value.len()),
    }
    let mut reader = query.shape.reader();
    for raw in body.value {
        let read = match &query.sums {
            Some(sums) => reader.sum(raw.get(), sums).map(|sum| page.sums.push(sum)),
            None => reader.read(raw.get()).map(|row| page.rows.push(row)),
        };
        match read {
            Ok(()) => {}
            Err(reason) => match deleted(raw.get()) {
                Some(id) => page.deleted.push(id),
                None => page.bad_rows.push(BadRow {
                    id: query.shape.id_of(raw.get()),
                    reason: bounded(&reason),
                }),
            },
        }
    }
    Ok(page)
}

fn deleted(raw: &str) -> Option<RowId> {
    let body: DeletedBody<'_> = serde_json::from_str(raw).ok()?;
    RowId::new(body.id).filter(|_| body.context.ends_with("/$deletedEntity"))
}

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

fn parse<'a, T: Deserialize<'a>>(response: &'a Response<Bytes>) -> Result<T, Failure> {
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
