//! The body of a batch as text: `multipart/mixed` with CRLF, change sets inside, in each part one HTTP request.
//!
//! Pure and bounded: at most [`MOST_REQUESTS`] requests, one level of change sets, lines and headers of limited length.
//! Knows no table and carries nothing out.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::emulator::refusal::{Outcome, Refusal};

/// So many requests a batch may hold (contract 5.1).
pub(crate) const MOST_REQUESTS: usize = 1000;
/// The longest URL of a GET inside a batch (contract 1.1).
const LONGEST_URL: usize = 65_536;
/// The longest boundary (RFC 2046).
const LONGEST_BOUNDARY: usize = 70;
const MOST_HEADERS: usize = 100;
const LONGEST_LINE: usize = LONGEST_URL + 64;

/// What is carried out by itself: one request, or several as one.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    Request(Part),
    ChangeSet(Vec<Part>),
}

/// One request inside a batch.
#[derive(Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) content_id: Option<String>,
    pub(crate) method: Method,
    /// As it was written: absolute, from the root of the host, or a reference; perhaps with blanks.
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Reads a batch; `content_type` is the request's own header.
pub(crate) fn read(content_type: &str, body: &Bytes) -> Outcome<Vec<Item>> {
    let boundary = boundary(content_type)?;
    let mut items = Vec::new();
    let mut requests = 0;
    for part in parts(body, &boundary)? {
        let (headers, content) = head(&part)?;
        let kind = text(&headers, "content-type");
        if is_multipart(kind) {
            let set = change_set(kind, &content)?;
            requests += set.len();
            items.push(Item::ChangeSet(set));
        } else {
            requests += 1;
            items.push(Item::Request(request(&headers, &content)?));
        }
        if requests > MOST_REQUESTS {
            return Err(Refusal::argument(format!(
                "The batch request contains more than the maximum number of {MOST_REQUESTS} requests."
            )));
        }
    }
    Ok(items)
}

fn change_set(content_type: &str, body: &Bytes) -> Outcome<Vec<Part>> {
    let boundary = boundary(content_type)?;
    let mut set: Vec<Part> = Vec::new();
    for part in parts(body, &boundary)? {
        let (headers, content) = head(&part)?;
        if is_multipart(text(&headers, "content-type")) {
            return Err(malformed("A change set can't hold another change set."));
        }
        let part = request(&headers, &content)?;
        let Some(id) = &part.content_id else {
            return Err(Refusal::url(
                "Content-ID header not present. It is required for every request of a change set.",
            ));
        };
        if set
            .iter()
            .any(|other| other.content_id.as_ref() == Some(id))
        {
            return Err(malformed(&format!(
                "The content ID '{id}' was found more than once in the same change set."
            )));
        }
        if part.method == Method::GET {
            return Err(malformed(
                "An invalid HTTP method 'GET' was detected for a request in a change set. Requests in change sets only \
                 support the HTTP methods 'POST', 'PUT', 'DELETE', and 'PATCH'.",
            ));
        }
        set.push(part);
    }
    Ok(set)
}

fn is_multipart(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("multipart/mixed")
}

/// The boundary that a content type names.
fn boundary(content_type: &str) -> Outcome<String> {
    if !is_multipart(content_type) {
        return Err(malformed(&format!(
            "The content type '{content_type}' is not 'multipart/mixed' with a boundary."
        )));
    }
    let named = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.to_owned())
    });
    let fits = |name: &String| (1..=LONGEST_BOUNDARY).contains(&name.len());
    named.filter(fits).ok_or_else(|| {
        malformed(&format!(
            "The content type '{content_type}' has no boundary of 1 to {LONGEST_BOUNDARY} characters."
        ))
    })
}

/// Splits a body at its boundary; what stands before the first and behind the last doesn't count.
fn parts(body: &Bytes, boundary: &str) -> Outcome<Vec<Bytes>> {
    let mut parts = Vec::new();
    let mut begin = None;
    let mut from = 0;
    while let Some(delimiter) = next_delimiter(body, boundary.as_bytes(), from)? {
        if let Some(begin) = begin {
            // Two delimiters in a row share one line end.
            parts.push(body.slice(begin..delimiter.start.max(begin)));
        }
        if delimiter.closes {
            return Ok(parts);
        }
        if parts.len() > MOST_REQUESTS {
            return Ok(parts);
        }
        begin = Some(delimiter.end);
        // The line end of this delimiter may begin the next one.
        from = delimiter.end.saturating_sub(2);
    }
    Err(match begin {
        None => malformed(&format!("The boundary '{boundary}' is not in the body.")),
        Some(_) => malformed(&format!(
            "The body ended before the closing boundary '{boundary}'."
        )),
    })
}

/// A line that is a boundary: where the line end before it begins, and where the line is over.
struct Delimiter {
    start: usize,
    end: usize,
    closes: bool,
}

fn next_delimiter(body: &[u8], boundary: &[u8], mut from: usize) -> Outcome<Option<Delimiter>> {
    loop {
        let Some(dashes) = find_line(body, boundary, from) else {
            return Ok(None);
        };
        let start = dashes.saturating_sub(2);
        let after = dashes + 2 + boundary.len();
        let rest = body.get(after..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Ok(Some(Delimiter {
                start,
                end: after + 2,
                closes: true,
            }));
        }
        let blanks = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        match rest.get(blanks..).unwrap_or_default() {
            [b'\r', b'\n', ..] => {
                return Ok(Some(Delimiter {
                    start,
                    end: after + blanks + 2,
                    closes: false,
                }));
            }
            [b'\n', ..] => return Err(unreadable()),
            // A longer boundary that begins like this one.
            _ => from = after,
        }
    }
}

/// The next line, behind CRLF or at the very beginning, that starts with two dashes and the boundary.
fn find_line(body: &[u8], boundary: &[u8], from: usize) -> Option<usize> {
    let begins = |at: usize| {
        body.get(at..)
            .and_then(|line| line.strip_prefix(b"--"))
            .is_some_and(|line| line.starts_with(boundary))
    };
    if from == 0 && begins(0) {
        return Some(0);
    }
    let rest = body.get(from..)?;
    let line_ends = rest.windows(2).enumerate();
    line_ends
        .filter(|(_, pair)| *pair == b"\r\n")
        .map(|(at, _)| from + at + 2)
        .find(|at| begins(*at))
}

/// Splits off the headers, up to an empty line or the end.
fn head(part: &Bytes) -> Outcome<(HeaderMap, Bytes)> {
    let mut headers = HeaderMap::new();
    let mut at = 0;
    for _ in 0..=MOST_HEADERS {
        let (line, next) = line(part, at)?;
        at = next;
        if line.is_empty() {
            return Ok((headers, part.slice(at..)));
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| malformed(&format!("'{line}' is not a header.")))?;
        let name = HeaderName::from_bytes(name.trim().as_bytes());
        let value = HeaderValue::from_str(value.trim());
        match (name, value) {
            (Ok(name), Ok(value)) => headers.append(name, value),
            _ => return Err(malformed(&format!("'{line}' is not a header."))),
        };
    }
    Err(malformed("A part has too many headers."))
}

/// The line that begins here, and where the next one does; the end of the part ends a line too.
fn line(part: &[u8], at: usize) -> Outcome<(&str, usize)> {
    let rest = part.get(at..).unwrap_or_default();
    let within = rest.get(..LONGEST_LINE.min(rest.len())).unwrap_or_default();
    let (bytes, next) = match within.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let bytes = within.get(..end).unwrap_or_default();
            let bytes = bytes.strip_suffix(b"\r").ok_or_else(unreadable)?;
            (bytes, at + end + 1)
        }
        None if within.len() == rest.len() => (rest, part.len()),
        None => return Err(malformed("A line is too long.")),
    };
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("A header is not UTF-8."))?;
    Ok((text, next))
}

/// Reads the request that a part holds.
fn request(part_headers: &HeaderMap, content: &Bytes) -> Outcome<Part> {
    let kind = text(part_headers, "content-type");
    if !kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/http")
    {
        return Err(malformed(&format!(
            "A part of a batch must be 'application/http' or 'multipart/mixed', and '{kind}' is neither."
        )));
    }
    if !text(part_headers, "content-transfer-encoding").eq_ignore_ascii_case("binary") {
        return Err(malformed(
            "The 'Content-Transfer-Encoding' header of a part is missing or invalid. It must be 'binary'.",
        ));
    }
    let (request_line, next) = line(content, 0)?;
    let (method, url) = request_line
        .strip_suffix(" HTTP/1.1")
        .and_then(|line| line.split_once(' '))
        .ok_or_else(|| malformed(&format!("'{request_line}' is not a request line.")))?;
    let method = match method {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PATCH" => Method::PATCH,
        "PUT" => Method::PUT,
        "DELETE" => Method::DELETE,
        other => {
            return Err(malformed(&format!("'{other}' is not an HTTP method here.")));
        }
    };
    let url = url.trim();
    if url.is_empty() || url.len() > LONGEST_URL {
        return Err(malformed(&format!(
            "The URL of a part must have 1 to {LONGEST_URL} characters."
        )));
    }
    let (headers, body) = head(&content.slice(next..))?;
    let body = match text(&headers, "content-length").parse::<usize>() {
        Ok(length) if length < body.len() => body.slice(..length),
        _ => body,
    };
    let own = text(part_headers, "content-id");
    let content_id = if own.is_empty() {
        text(&headers, "content-id")
    } else {
        own
    };
    Ok(Part {
        content_id: (!content_id.is_empty()).then(|| content_id.to_owned()),
        method,
        url: url.to_owned(),
        headers,
        body,
    })
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Line ends of LF alone (contract 2.10).
fn unreadable() -> Refusal {
    Refusal::batch("System.ArgumentException: Stream was not readable.")
}

fn malformed(what: &str) -> Refusal {
    Refusal::batch(&format!("Microsoft.OData.ODataException: {what}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/mixed;boundary=b";
    const GET: &str = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET /x HTTP/1.1";

    fn batch(text: &str) -> Outcome<Vec<Item>> {
        read(TYPE, &Bytes::copy_from_slice(text.as_bytes()))
    }

    fn urls(text: &str) -> Vec<String> {
        let items = batch(text).unwrap();
        let url = |item| match item {
            Item::Request(part) => vec![part.url],
            Item::ChangeSet(set) => set.into_iter().map(|part| part.url).collect(),
        };
        items.into_iter().flat_map(url).collect()
    }

    #[test]
    fn a_preamble_padding_and_a_bare_end_are_no_harm() {
        for text in [
            format!("--b\r\n{GET}\r\n--b--"),
            format!("\r\n--b\r\n{GET}\r\n\r\n\r\n--b--\r\n"),
            format!("hello\r\n--b  \r\n{GET}\r\nAccept: a/b\r\n--b--trailing"),
        ] {
            assert_eq!(urls(&text), ["/x"], "{text}");
        }
    }

    #[test]
    fn a_request_line_may_hold_blanks() {
        let text = format!(
            "--b\r\n{}\r\n--b--",
            GET.replace("/x", "/x?$filter=a eq 'b HTTP/1.1 c'")
        );
        assert_eq!(urls(&text), ["/x?$filter=a eq 'b HTTP/1.1 c'"]);
    }

    #[test]
    fn a_longer_boundary_is_not_a_shorter_one() {
        let inner = "--bb\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 1\r\n\r\n\
                     DELETE /y HTTP/1.1\r\n\r\n--bb--";
        let text = format!(
            "--b\r\nContent-Type: multipart/mixed; boundary=\"bb\"\r\n\r\n{inner}\r\n--b--\r\n"
        );
        assert_eq!(urls(&text), ["/y"]);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let lf = format!("--b\r\n{GET}\r\n--b--").replace("\r\n", "\n");
        let set = |inner: &str| {
            format!(
                "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n{inner}\r\n--c--\r\n--b--"
            )
        };
        let post = GET.replace("GET", "POST");
        let cases = [
            (lf, "Stream was not readable"),
            (GET.to_owned(), "is not in the body"),
            (format!("--b\r\n{GET}"), "ended before"),
            (
                format!("--b\r\n{}\r\n--b--", GET.replace("binary", "8bit")),
                "binary",
            ),
            (
                format!("--b\r\n{}\r\n--b--", GET.replace("/1.1", "/1.0")),
                "request line",
            ),
            (set(&post), "Content-ID header not present"),
            (
                set(&GET.replace("\r\n\r\n", "\r\nContent-ID: 1\r\n\r\n")),
                "'GET'",
            ),
            (
                set("Content-Type: multipart/mixed; boundary=d\r\n\r\n"),
                "another change set",
            ),
        ];
        for (text, expected) in cases {
            let refusal = batch(&text).unwrap_err();
            assert_eq!(refusal.status, 400, "{text}");
            assert!(
                refusal.message.contains(expected),
                "{text}: {}",
                refusal.message
            );
        }
    }

    #[test]
    fn a_batch_holds_a_thousand_requests() {
        let one = format!("--b\r\n{GET}\r\n");
        assert_eq!(
            batch(&format!("{}--b--", one.repeat(1000))).unwrap().len(),
            1000
        );
        assert!(batch(&format!("{}--b--", one.repeat(1001))).is_err());
    }
}
