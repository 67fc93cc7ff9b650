//! The multipart body of a batch's answer, in the form that clients take apart with plain string searches.

use std::fmt::Write;

use http::{HeaderName, Response, StatusCode};
use uuid::Uuid;

use crate::emulator::reply::{self, Reply};

/// What one item of the batch came to.
#[derive(Debug)]
pub(super) enum Answer {
    One(Option<String>, Reply),
    Set(Vec<(Option<String>, Reply)>),
}

/// How headers are written: clients look for them by these names.
const SPELLED: [&str; 8] = [
    "OData-Version",
    "OData-EntityId",
    "Location",
    "Content-Type",
    "ETag",
    "Preference-Applied",
    "REQ_ID",
    "Retry-After",
];

/// The body of an answer, item by item.
pub(super) struct Multipart {
    boundary: String,
    body: Vec<u8>,
}

impl Multipart {
    pub(super) fn new() -> Multipart {
        Multipart {
            boundary: format!("batchresponse_{}", Uuid::new_v4()),
            body: Vec::new(),
        }
    }

    /// The number of bytes so far.
    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    pub(super) fn add(&mut self, answer: &Answer) {
        let body = &mut self.body;
        line(body, &format!("--{}", self.boundary));
        match answer {
            Answer::One(content_id, reply) => part(body, content_id.as_deref(), reply),
            Answer::Set(replies) => {
                let inner = format!("changesetresponse_{}", Uuid::new_v4());
                line(
                    body,
                    &format!("Content-Type: multipart/mixed; boundary={inner}"),
                );
                line(body, "");
                for (content_id, reply) in replies {
                    line(body, &format!("--{inner}"));
                    part(body, content_id.as_deref(), reply);
                }
                line(body, &format!("--{inner}--"));
            }
        }
    }

    pub(super) fn finish(mut self, status: StatusCode) -> Reply {
        line(&mut self.body, &format!("--{}--", self.boundary));
        let mut whole = Response::new(self.body.into());
        *whole.status_mut() = status;
        let kind = format!("multipart/mixed; boundary={}", self.boundary);
        reply::set(whole.headers_mut(), http::header::CONTENT_TYPE, &kind);
        whole
    }
}

fn part(body: &mut Vec<u8>, content_id: Option<&str>, reply: &Reply) {
    let mut head =
        String::from("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
    if let Some(id) = content_id {
        let _ = write!(head, "Content-ID: {id}\r\n");
    }
    let status = reply.status();
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let _ = write!(head, "\r\nHTTP/1.1 {} {reason}\r\n", status.as_u16());
    for (name, value) in reply.headers() {
        if let Ok(value) = value.to_str() {
            let _ = write!(head, "{}: {value}\r\n", spelled(name));
        }
    }
    line(body, &head);
    reply.body().append_to(body);
    line(body, "");
}

fn spelled(name: &HeaderName) -> &str {
    let known = SPELLED
        .iter()
        .find(|spelled| spelled.eq_ignore_ascii_case(name.as_str()));
    known.copied().unwrap_or(name.as_str())
}

fn line(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.as_bytes());
    body.extend_from_slice(b"\r\n");
}
