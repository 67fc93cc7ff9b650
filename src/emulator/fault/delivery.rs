//! How a finished reply goes on the wire when a fault damages it: another reply, or bytes and pauses of its own.
//!
//! What HTTP's server would put right goes out as a script for the connection; `connection.rs` plays it.

use std::io::Write;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};

use super::super::connection::{End, Script, Step};
use super::super::reply::Finished;
use super::rule::Gzip;
use super::{Moment, Rule};

/// A reply on its way out.
pub(crate) enum Delivery {
    /// As HTTP's server sends it.
    Whole(Finished),
    /// As a fault sends it, after which nothing more is served on the connection.
    Script(Script),
}

/// How the connection ends at a moment, without an answer.
pub(crate) fn silence(rule: &Rule, moment: Moment) -> Option<End> {
    let ends = [
        (rule.reset, End::Reset),
        (rule.close, End::Close),
        (rule.hang, End::Hang),
    ];
    let end = ends.into_iter().find(|(when, _)| *when == Some(moment));
    end.map(|(_, end)| end)
}

/// What the rule makes of a reply.
pub(crate) fn of(rule: &Rule, reply: Finished) -> Delivery {
    let length = reply.body().len();
    if let Some(sent) = rule.shorten.and_then(|part| part.of(length)) {
        let body = reply.body().slice(..sent);
        return Delivery::Whole(with_body(reply, body));
    }
    if let Some(gzip) = rule.gzip {
        return Delivery::Whole(gzipped(reply, gzip));
    }
    let steps = if let Some(sent) = rule.truncate.and_then(|part| part.of(length)) {
        whole(&reply, &reply.body().slice(..sent))
    } else if let Some(off) = rule.length_off {
        misdeclared(reply, off)
    } else if rule.chunk_cut && length > 0 {
        cut_in_a_chunk(reply)
    } else if rule.half_open {
        let body = reply.body().clone();
        let steps = whole(&reply, &body);
        return Delivery::Script(Script {
            steps,
            end: End::Hang,
        });
    } else if rule.slow_head_ms.is_some() || rule.slow_body_bps.is_some() {
        slow(rule, reply)
    } else {
        return Delivery::Whole(reply);
    };
    Delivery::Script(Script {
        steps,
        end: End::Close,
    })
}

fn with_body(mut reply: Finished, body: Bytes) -> Finished {
    let headers = reply.headers_mut();
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    *reply.body_mut() = body;
    reply
}

fn gzipped(mut reply: Finished, gzip: Gzip) -> Finished {
    if reply.body().is_empty() {
        return reply;
    }
    reply
        .headers_mut()
        .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let body = match gzip {
        Gzip::Lie => reply.body().clone(),
        Gzip::Cut => {
            let packed = packed(reply.body());
            packed.slice(..packed.len() / 2)
        }
    };
    with_body(reply, body)
}

fn packed(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail; if it did, the stream would be cut, which is what is wanted.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

/// The head as it stands, and of the body what is given.
fn whole(reply: &Finished, body: &Bytes) -> Vec<Step> {
    vec![Step::Send(head(reply)), Step::Send(body.clone())]
}

fn misdeclared(mut reply: Finished, off: i64) -> Vec<Step> {
    let length = u64::try_from(reply.body().len()).unwrap_or(u64::MAX);
    let declared = length.saturating_add_signed(off);
    reply
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(declared));
    let body = reply.body().clone();
    whole(&reply, &body)
}

/// One whole chunk, and of the next its size and a part.
fn cut_in_a_chunk(mut reply: Finished) -> Vec<Step> {
    let headers = reply.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    let body = reply.body().clone();
    let first = body.slice(..body.len() / 2);
    let second = body.slice(first.len()..);
    let mut chunks = BytesMut::new();
    if !first.is_empty() {
        chunks.put_slice(format!("{:x}\r\n", first.len()).as_bytes());
        chunks.put_slice(&first);
        chunks.put_slice(b"\r\n");
    }
    chunks.put_slice(format!("{:x}\r\n", second.len()).as_bytes());
    chunks.put_slice(&second.slice(..second.len() / 2));
    vec![Step::Send(head(&reply)), Step::Send(chunks.freeze())]
}

fn slow(rule: &Rule, mut reply: Finished) -> Vec<Step> {
    reply
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    let body = reply.body().clone();
    vec![
        Step::Pause(Duration::from_millis(rule.slow_head_ms.unwrap_or(0))),
        Step::Send(head(&reply)),
        match rule.slow_body_bps {
            Some(per_second) => Step::Trickle(body, per_second),
            None => Step::Send(body),
        },
    ]
}

/// The status line and the headers as HTTP/1.1 writes them.
fn head(reply: &Finished) -> Bytes {
    let status = reply.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut head = BytesMut::new();
    head.put_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).as_bytes());
    put_headers(&mut head, reply.headers());
    head.put_slice(b"\r\n");
    head.freeze()
}

fn put_headers(head: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        head.put_slice(name.as_str().as_bytes());
        head.put_slice(b": ");
        head.put_slice(value.as_bytes());
        head.put_slice(b"\r\n");
    }
}
