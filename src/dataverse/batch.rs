//! `$batch`: several requests in one, each with its own answer, and each write with its own precondition (contract 5.1).
//! Pure: from requests to multipart and back.
//!
//! No change sets: a change set is all or nothing, and one record's refusal is no other record's business.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use uuid::Uuid;

use super::request::{self, Unsayable};
use super::write::Write;
use crate::domain::failure::Failure;
use crate::domain::instance::Endpoint;

/// The most parts that one batch has here. The service takes 1,000 and advises small ones (contract 5.2).
pub const MOST: usize = 100;

/// The header that says for whom the user acts. Each part says it too: whether what stands around a batch holds for its
/// parts is documented nowhere.
pub(super) type Caller = (HeaderName, HeaderValue);

/// Puts writes into one request.
pub(super) fn writes(
    endpoint: &Endpoint,
    caller: Option<&Caller>,
    writes: &[Write],
) -> Result<Request<Bytes>, Unsayable> {
    let parts = writes.iter().map(|write| request::write(endpoint, write));
    request(endpoint, caller, parts)
}

/// Puts reads below the service root into one request.
pub(super) fn reads(
    endpoint: &Endpoint,
    caller: Option<&Caller>,
    paths: &[String],
    prefer: &str,
) -> Result<Request<Bytes>, Unsayable> {
    let parts = paths.iter();
    let parts = parts.map(|path| request::get(endpoint, path, Some(prefer)));
    request(endpoint, caller, parts)
}

/// Puts requests into one. The parts are carried out in order, and a refused one stops none behind it.
fn request(
    endpoint: &Endpoint,
    caller: Option<&Caller>,
    parts: impl Iterator<Item = Result<Request<Bytes>, Unsayable>>,
) -> Result<Request<Bytes>, Unsayable> {
    let boundary = format!("batch_{}", Uuid::new_v4().simple());
    let mut body = String::new();
    for one in parts {
        let mut one = one?;
        if let Some((name, value)) = caller {
            one.headers_mut().insert(name, value.clone());
        }
        part(&mut body, &boundary, &one);
    }
    body.push_str("--");
    body.push_str(&boundary);
    body.push_str("--\r\n");
    request::batch(endpoint, &boundary, body)
}

fn part(body: &mut String, boundary: &str, part: &Request<Bytes>) {
    let path = part
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    // Writing to a string can't fail.
    let _always = write!(
        body,
        "--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
         {} {path} HTTP/1.1\r\n",
        part.method()
    );
    for (name, value) in part.headers() {
        // Our own headers are texts; one that is not is none of ours.
        if let Ok(value) = value.to_str() {
            let _always = write!(body, "{name}: {value}\r\n");
        }
    }
    body.push_str("\r\n");
    // JSON without raw line ends: no part can end another one early (security case 48).
    body.push_str(&String::from_utf8_lossy(part.body()));
    body.push_str("\r\n");
}

/// The answers of so many parts, in their order. One answer too few or too many says nothing of any of them.
pub(super) fn answers(
    response: &Response<Bytes>,
    parts: usize,
) -> Result<Vec<Response<Bytes>>, Failure> {
    let unreadable = |why: &str| Failure::odd(&format!("the answer to a batch: {why}"));
    let boundary = boundary(response.headers()).ok_or_else(|| unreadable("no multipart"))?;
    let mut answers = Vec::with_capacity(parts);
    for part in split(response.body(), &boundary).ok_or_else(|| unreadable("it was cut short"))? {
        answers
            .push(answer(response.body(), part).ok_or_else(|| unreadable("a part that is none"))?);
    }
    if answers.len() == parts {
        Ok(answers)
    } else {
        let found = answers.len();
        Err(unreadable(&format!(
            "{found} parts, where {parts} were sent"
        )))
    }
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (kind, parameters) = text.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let mut parameters = parameters.split(';').filter_map(|one| one.split_once('='));
    let (_, boundary) =
        parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let boundary = boundary.trim().trim_matches('"');
    (!boundary.is_empty() && boundary.len() <= 70).then(|| boundary.to_owned())
}

/// Where the parts stand between their delimiters; `None` without the closing one.
fn split(body: &[u8], boundary: &str) -> Option<Vec<(usize, usize)>> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut began: Option<usize> = None;
    let mut at = 0;
    while let Some(found) = find(body, delimiter.as_bytes(), at) {
        at = found + delimiter.len();
        // A delimiter stands at the beginning of a line.
        if found > 0 && body.get(found.checked_sub(1)?) != Some(&b'\n') {
            continue;
        }
        if let Some(began) = began {
            parts.push((began, found));
        }
        if body.get(at..at + 2) == Some(b"--") {
            return Some(parts);
        }
        began = Some(find(body, b"\n", at)? + 1);
    }
    None
}

fn find(body: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let rest = body.get(from..)?;
    let found = rest.windows(what.len()).position(|window| window == what)?;
    Some(from + found)
}

/// The HTTP answer in a part.
fn answer(body: &Bytes, (from, to): (usize, usize)) -> Option<Response<Bytes>> {
    let inner = head_end(body, from, to)?;
    let status_end = find(body, b"\n", inner).filter(|end| *end < to)?;
    let status = std::str::from_utf8(body.get(inner..status_end)?).ok()?;
    let mut words = status.split_ascii_whitespace();
    let is_http = words.next()?.starts_with("HTTP/1.");
    let status = StatusCode::from_bytes(words.next()?.as_bytes()).ok();
    let content = head_end(body, inner, to)?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status.filter(|_| is_http)?;
    let head = std::str::from_utf8(body.get(status_end + 1..content)?).ok()?;
    for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.trim().as_bytes()),
            HeaderValue::from_str(value.trim()),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    let text = body.get(content..to)?.trim_ascii_end();
    *response.body_mut() = body.slice_ref(text);
    Some(response)
}

/// Behind the blank line that ends a head.
fn head_end(body: &[u8], from: usize, to: usize) -> Option<usize> {
    let end = find(body, b"\r\n\r\n", from).map(|found| found + 4);
    end.filter(|end| *end <= to)
}

#[cfg(test)]
mod tests;
