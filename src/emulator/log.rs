//! The log of received requests, for tests that prove what was and what was not sent.
//!
//! Keeps the newest only, and never a credential or a body.

use std::collections::VecDeque;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::instance::lock;

/// So many bytes of requests are remembered.
const CAPACITY: usize = 64 << 20;

/// What a logged header takes beside its text, in bytes.
const PER_HEADER: usize = 128;

/// The headers that are logged, if they were sent.
const HEADERS: [&str; 15] = [
    "if-match",
    "if-none-match",
    "prefer",
    "user-agent",
    "content-type",
    "content-length",
    "accept",
    "odata-version",
    "odata-maxversion",
    "consistency",
    "x-ms-client-request-id",
    "x-ms-correlation-id",
    "cookie",
    "mscrm.bypassbusinesslogicexecution",
    "mscrm.suppressduplicatedetection",
];

/// One received request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) time: DateTime<Utc>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Map<String, Json>,
    /// The systemuser id behind the token, once that is known.
    pub(crate) user: Option<Uuid>,
    /// The status that was answered; null while under way, and when no answer was sent.
    pub(crate) status: Option<u16>,
    /// The logical name of the table that the path begins with.
    pub(crate) table: Option<&'static str>,
    /// The id of the fault that struck.
    pub(crate) fault: Option<u64>,
    /// Whether it came as a part of a batch, whose own entry stands before it.
    pub(crate) is_part: bool,
}

impl Entry {
    /// Its bytes in memory, roughly; nothing that is added to an entry later changes it.
    fn size(&self) -> usize {
        let header = |(name, value): (&String, &Json)| {
            PER_HEADER + name.len() + value.as_str().map_or(0, str::len)
        };
        let headers: usize = self.headers.iter().map(header).sum();
        let query = self.query.as_ref().map_or(0, String::len);
        size_of::<Entry>() + self.method.len() + self.path.len() + query + headers
    }
}

/// A ring of the newest requests.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    last: u64,
    unanswered: u64,
}

/// One request of a batch, as it stood in it.
pub(crate) struct Part<'p> {
    pub(crate) method: &'p Method,
    pub(crate) url: &'p str,
    pub(crate) headers: &'p HeaderMap,
    pub(crate) user: Uuid,
}

impl Ring {
    fn enter(&mut self, entry: Entry) {
        self.bytes += entry.size();
        self.entries.push_back(entry);
        while self.bytes > CAPACITY
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.size();
        }
    }
}

impl RequestLog {
    /// Notes a request's arrival and returns its sequence number.
    pub(crate) fn arrived(
        &self,
        time: DateTime<Utc>,
        request: &http::request::Parts,
        table: Option<&'static str>,
    ) -> u64 {
        let mut ring = lock(&self.ring);
        ring.last += 1;
        let entry = Entry {
            seq: ring.last,
            time,
            method: request.method.to_string(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().map(without_signature),
            headers: headers(&request.headers),
            user: None,
            status: None,
            table,
            fault: None,
            is_part: false,
        };
        ring.enter(entry);
        ring.last
    }

    /// Notes a part of a batch, and what was answered to it.
    pub(crate) fn part(&self, time: DateTime<Utc>, part: &Part<'_>, status: StatusCode) {
        let mut ring = lock(&self.ring);
        ring.last += 1;
        let (path, query) = match part.url.split_once('?') {
            Some((path, query)) => (path, Some(without_signature(query))),
            None => (part.url, None),
        };
        let entry = Entry {
            seq: ring.last,
            time,
            method: part.method.to_string(),
            path: path.to_owned(),
            query,
            headers: headers(part.headers),
            user: Some(part.user),
            status: Some(status.as_u16()),
            table: None,
            fault: None,
            is_part: true,
        };
        ring.enter(entry);
    }

    /// Adds to a request that is still remembered.
    pub(crate) fn amend(&self, seq: u64, change: impl FnOnce(&mut Entry)) {
        let mut ring = lock(&self.ring);
        let first = ring.entries.front().map_or(0, |entry| entry.seq);
        let index = seq
            .checked_sub(first)
            .and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| ring.entries.get_mut(index)) {
            change(entry);
        }
    }

    /// The requests behind the given sequence number, oldest first.
    pub(crate) fn since(&self, seq: u64) -> Vec<Entry> {
        let ring = lock(&self.ring);
        let start = ring.entries.partition_point(|entry| entry.seq <= seq);
        ring.entries.range(start..).cloned().collect()
    }

    /// Counts a request of the emulator's own traffic that got no answer; what never arrived has no entry.
    pub(crate) fn went_unanswered(&self) {
        lock(&self.ring).unanswered += 1;
    }

    pub(crate) fn unanswered(&self) -> u64 {
        lock(&self.ring).unanswered
    }

    /// Forgets the requests, but not how many there were.
    pub(crate) fn clear(&self) {
        let mut ring = lock(&self.ring);
        ring.entries.clear();
        ring.bytes = 0;
    }
}

/// A query without the signature of a callback URL, which is as good as a token.
fn without_signature(query: &str) -> String {
    let parts = query.split('&').map(|part| {
        if part.starts_with("sig=") {
            "sig=…"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("&")
}

fn headers(headers: &HeaderMap) -> Map<String, Json> {
    let mut logged = Map::new();
    for name in HEADERS {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        if !values.is_empty() {
            logged.insert(name.to_owned(), values.join(",").into());
        }
    }
    logged
}
