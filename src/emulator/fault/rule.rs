//! What a fault can be asked for: conditions, and what then happens. Which of it can't go together stands in
//! `problem.rs`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::super::outage::Kind;
use super::super::user_id;
use super::Target;

/// A fault as it is armed over the control endpoint or by a scenario; every condition is optional and all must hold.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rule {
    /// How many requests are struck; left out, one.
    pub(crate) count: Count,
    /// Only from so many seconds after it was armed.
    pub(crate) after_s: Option<f64>,
    /// Only within so many seconds from then.
    pub(crate) for_s: Option<f64>,
    /// Only this share of the requests, by chance.
    pub(crate) share: Option<f64>,
    /// Seeds that chance.
    pub(crate) seed: Option<u64>,

    /// Only requests with this method.
    pub(crate) method: Option<String>,
    /// Only requests whose path and query contain this text; without it, only those to the Web API.
    pub(crate) path: Option<String>,
    /// Only requests to this table, by logical name.
    pub(crate) table: Option<String>,
    /// Only requests with a token of this client id.
    pub(crate) client: Option<String>,

    /// Answer so, in place of the work.
    pub(crate) status: Option<u16>,
    /// Dataverse's error code in that answer; of the token endpoint, the number of Entra's.
    pub(crate) code: Option<String>,
    /// The `Retry-After` of that answer: seconds, or any text, sane or not.
    pub(crate) retry_after: Option<RetryAfter>,
    /// This text in place of JSON, as HTML; with 200, if no status is named.
    pub(crate) body: Option<String>,
    /// Do the work all the same, before that answer.
    pub(crate) after: bool,

    /// Wait so long before the work; alone, the request is then served as usual.
    pub(crate) delay_ms: Option<u64>,
    /// Put the `Date` header off by so much, ahead or back.
    pub(crate) date_skew_s: Option<i64>,

    /// What a list of rows says that is not so.
    pub(crate) list: Option<List>,
    /// Where a list's next page shall be: `loop` for the page itself, or the origin of another host.
    pub(crate) next_link: Option<String>,
    /// How a list drifts between two of its pages.
    pub(crate) paging: Option<Paging>,

    /// Reset the connection (RST) before or after the work.
    pub(crate) reset: Option<Moment>,
    /// Close the connection (FIN) without a byte, before or after the work.
    pub(crate) close: Option<Moment>,
    /// Never answer, before or after the work, and leave the connection open.
    pub(crate) hang: Option<Moment>,
    /// Declare the whole length, send only a part, and close.
    pub(crate) truncate: Option<Part>,
    /// Send only a part, with the length of that part: a body that ends early and looks whole.
    pub(crate) shorten: Option<Part>,
    /// Declare a length that is wrong by so many bytes, send all, and close.
    pub(crate) length_off: Option<i64>,
    /// Send in chunks, and close in the middle of one.
    pub(crate) chunk_cut: bool,
    /// A body that says it is gzip; only for clients that take it.
    pub(crate) gzip: Option<Gzip>,
    /// After the work, wait so long before the first byte.
    pub(crate) slow_head_ms: Option<u64>,
    /// Send the body at so many bytes a second.
    pub(crate) slow_body_bps: Option<u64>,
    /// Answer, keep the connection, and never answer on it again.
    pub(crate) half_open: bool,
    /// Give the port up for so many seconds: at once, or, with a condition, when it is met.
    pub(crate) outage_s: Option<f64>,
    /// What the port then does; refuses, if left out.
    pub(crate) outage: Option<Kind>,
}

/// A number, or null or `"all"` for as long as the rule is in force.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(into = "Option<u64>")]
pub(crate) enum Count {
    Times(u64),
    Always,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Moment {
    Before,
    After,
}

/// `true` for half of the body, or a number of bytes.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub(crate) enum Part {
    Half(bool),
    Bytes(usize),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum List {
    /// It has no rows, whatever the table has.
    Empty,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Paging {
    /// The last row of a page comes again as the first of the next.
    Repeat,
    /// The last row of a page that has a next one never comes.
    Skip,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Gzip {
    /// Half of a gzip stream, of matching length.
    Cut,
    /// Plain JSON under gzip's name.
    Lie,
}

/// A number, or a text that goes out as it is.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(untagged)]
pub(crate) enum RetryAfter {
    Seconds(serde_json::Number),
    Text(String),
}

impl Rule {
    /// Whether it names the requests that it strikes.
    pub(crate) fn is_conditional(&self) -> bool {
        self.method.is_some()
            || self.path.is_some()
            || self.table.is_some()
            || self.client.is_some()
            || self.share.is_some()
    }

    /// How long the port is given up.
    pub(crate) fn outage(&self) -> Option<Duration> {
        duration(self.outage_s?)
    }

    /// How long it waits before it is in force.
    pub(super) fn wait(&self) -> Duration {
        self.after_s.and_then(duration).unwrap_or_default()
    }

    pub(super) fn changes_lists(&self) -> bool {
        self.list.is_some() || self.next_link.is_some() || self.paging.is_some()
    }

    pub(super) fn meets(&self, target: &Target) -> bool {
        let method = self
            .method
            .as_ref()
            .is_none_or(|method| target.method.as_str().eq_ignore_ascii_case(method));
        let path = match &self.path {
            Some(path) => target.path.contains(path.as_str()),
            None => target.web_api,
        };
        let table = self
            .table
            .as_ref()
            .is_none_or(|table| target.table == Some(table.as_str()));
        let client = self
            .client
            .as_ref()
            .is_none_or(|client| target.user == Some(user_id(target.instance, client)));
        let list = target.is_list || !self.changes_lists();
        let gzip = target.takes_gzip || self.gzip.is_none();
        method && path && table && client && list && gzip
    }
}

/// Seconds as a duration of at most a day.
pub(crate) fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|lasts| *lasts <= Duration::from_hours(24))
}

impl Part {
    /// How many bytes that is of a body; `None` if it is left whole.
    pub(super) fn of(self, length: usize) -> Option<usize> {
        match self {
            Part::Half(half) => half.then_some(length / 2),
            Part::Bytes(bytes) => Some(bytes.min(length)),
        }
    }
}

impl std::fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RetryAfter::Seconds(seconds) => seconds.fmt(f),
            RetryAfter::Text(text) => text.fmt(f),
        }
    }
}

impl Default for Count {
    fn default() -> Count {
        Count::Times(1)
    }
}

impl From<Count> for Option<u64> {
    fn from(count: Count) -> Option<u64> {
        match count {
            Count::Times(times) => Some(times),
            Count::Always => None,
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Said {
            Times(Option<u64>),
            Word(String),
        }
        match Said::deserialize(deserializer) {
            Ok(Said::Times(times)) => Ok(times.map_or(Count::Always, Count::Times)),
            Ok(Said::Word(word)) if word == "all" => Ok(Count::Always),
            Ok(Said::Word(_)) | Err(_) => Err(serde::de::Error::custom(
                "count is a number of requests, or null or \"all\" for all of them",
            )),
        }
    }
}
