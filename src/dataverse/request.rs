//! Requests as plain values: pure, with no connection and no token (contract 1.2). Every one that writes carries its
//! precondition, since a [`Write`] can't be made without.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, InvalidHeaderValue};
use http::{HeaderValue, Method, Request};
use url::Url;

use super::registration::Removal;
use super::write::{Precondition, Write};
use crate::domain::instance::Endpoint;

/// The version of the Web API that tandem speaks.
const ROOT: &str = "/api/data/v9.2/";
/// What marks our writes in the pipeline of the instance (contract 8.4; design, rule 13).
const TAG: &str = "tag=tandem";

/// The longest URL that the service takes, in characters (contract 1.1).
const LONGEST_URL: usize = 32_768;

/// Reads something below the service root.
pub(super) fn get(
    endpoint: &Endpoint,
    path: &str,
    prefer: Option<&str>,
) -> Result<Request<Bytes>, Unsayable> {
    let url = endpoint.url().join(&format!("{ROOT}{path}"))?;
    read(&url, prefer)
}

/// Follows a link that passed the guard.
pub(super) fn follow(url: &Url, prefer: &str) -> Result<Request<Bytes>, Unsayable> {
    read(url, Some(prefer))
}

fn read(url: &Url, prefer: Option<&str>) -> Result<Request<Bytes>, Unsayable> {
    let mut request = base(Method::GET, url)?;
    // Recommended on every read, so that nothing on the way answers from a cache.
    request
        .headers_mut()
        .insert(IF_NONE_MATCH, HeaderValue::from_static("null"));
    if let Some(prefer) = prefer {
        request
            .headers_mut()
            .insert("prefer", HeaderValue::from_str(prefer)?);
    }
    Ok(request)
}

/// Writes one row, if its precondition holds.
pub(super) fn write(endpoint: &Endpoint, write: &Write) -> Result<Request<Bytes>, Unsayable> {
    let url = endpoint
        .url()
        .join(&format!("{ROOT}{}?{TAG}", write.address))?;
    let mut request = base(Method::PATCH, &url)?;
    let (name, value) = match &write.precondition {
        Precondition::Absent => (IF_NONE_MATCH, HeaderValue::from_static("*")),
        Precondition::Version(etag) => (IF_MATCH, HeaderValue::from_str(etag.as_str())?),
    };
    request.headers_mut().insert(name, value);
    request.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    *request.body_mut() = Bytes::from(write.json());
    Ok(request)
}

/// Carries several requests. What each of them may do, it says itself.
pub(super) fn batch(
    endpoint: &Endpoint,
    boundary: &str,
    body: String,
) -> Result<Request<Bytes>, Unsayable> {
    let url = endpoint.url().join(&format!("{ROOT}$batch"))?;
    let mut request = base(Method::POST, &url)?;
    let kind = format!("multipart/mixed; boundary=\"{boundary}\"");
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(&kind)?);
    headers.insert(
        "prefer",
        HeaderValue::from_static("odata.continue-on-error"),
    );
    *request.body_mut() = Bytes::from(body);
    Ok(request)
}

/// Removes one row of ours, if it still has the version that was read.
pub(super) fn remove(endpoint: &Endpoint, removal: &Removal) -> Result<Request<Bytes>, Unsayable> {
    let set = removal.table.set();
    let url = endpoint
        .url()
        .join(&format!("{ROOT}{set}({})?{TAG}", removal.id))?;
    let mut request = base(Method::DELETE, &url)?;
    let version = HeaderValue::from_str(removal.version.as_str())?;
    request.headers_mut().insert(IF_MATCH, version);
    Ok(request)
}

/// A request that can't be put into HTTP.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsayable {
    /// No URL.
    #[error("not a URL")]
    Url(#[from] url::ParseError),
    /// No address.
    #[error("not an address")]
    Address(#[from] http::uri::InvalidUri),
    /// A URL that the service does not take.
    #[error("its URL is longer than 32,768 characters")]
    TooLong,
    /// No header.
    #[error("not a header")]
    Header(#[from] InvalidHeaderValue),
}

fn base(method: Method, url: &Url) -> Result<Request<Bytes>, Unsayable> {
    if url.as_str().len() > LONGEST_URL {
        return Err(Unsayable::TooLong);
    }
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = url.as_str().parse()?;
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert("odata-maxversion", HeaderValue::from_static("4.0"));
    headers.insert("odata-version", HeaderValue::from_static("4.0"));
    Ok(request)
}

#[cfg(test)]
mod tests;
