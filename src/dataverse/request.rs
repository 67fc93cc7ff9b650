//! Requests as plain values: pure, with no connection and no token (contract 1.2). Every one that writes carries its
//! precondition, since a [`Write`] can't be made without.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, InvalidHeaderValue};
use http::{HeaderValue, Method, Request};
use url::Url;

use super::write::{Precondition, Write};
use crate::domain::instance::Endpoint;

/// The version of the Web API that tandem speaks.
const ROOT: &str = "/api/data/v9.2/";
/// What marks our writes in the pipeline of the instance (contract 8.4; design, rule 13).
const TAG: &str = "tag=tandem";

/// Reads something below the service root.
pub(super) fn get(
    endpoint: &Endpoint,
    path: &str,
    prefer: Option<&str>,
) -> Result<Request<Bytes>, url::ParseError> {
    let url = endpoint.url().join(&format!("{ROOT}{path}"))?;
    Ok(read(&url, prefer))
}

/// Follows a link that passed the guard.
pub(super) fn follow(url: &Url, prefer: &str) -> Request<Bytes> {
    read(url, Some(prefer))
}

fn read(url: &Url, prefer: Option<&str>) -> Request<Bytes> {
    let mut request = base(Method::GET, url);
    // Recommended on every read, so that nothing on the way answers from a cache.
    request
        .headers_mut()
        .insert(IF_NONE_MATCH, HeaderValue::from_static("null"));
    if let Some(prefer) = prefer.and_then(|prefer| HeaderValue::from_str(prefer).ok()) {
        request.headers_mut().insert("prefer", prefer);
    }
    request
}

/// Writes one row, if its precondition holds.
pub(super) fn write(endpoint: &Endpoint, write: &Write) -> Result<Request<Bytes>, Unsayable> {
    let url = endpoint
        .url()
        .join(&format!("{ROOT}{}({})?{TAG}", write.set, write.id))?;
    let mut request = base(Method::PATCH, &url);
    let (name, value) = match &write.precondition {
        Precondition::Absent => (IF_NONE_MATCH, HeaderValue::from_static("*")),
        Precondition::Version(etag) => (IF_MATCH, HeaderValue::from_str(etag.as_str())?),
    };
    request.headers_mut().insert(name, value);
    request.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    *request.body_mut() = Bytes::from(serde_json::to_vec(&write.body)?);
    Ok(request)
}

/// A request that can't be put into HTTP.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsayable {
    /// No URL.
    #[error("not a URL")]
    Url(#[from] url::ParseError),
    /// No header.
    #[error("not a header")]
    Header(#[from] InvalidHeaderValue),
    /// No JSON.
    #[error("not JSON")]
    Body(#[from] serde_json::Error),
}

fn base(method: Method, url: &Url) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    if let Ok(uri) = url.as_str().parse() {
        *request.uri_mut() = uri;
    }
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert("odata-maxversion", HeaderValue::from_static("4.0"));
    headers.insert("odata-version", HeaderValue::from_static("4.0"));
    request
}

#[cfg(test)]
mod tests;
