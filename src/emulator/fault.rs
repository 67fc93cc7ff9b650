//! Armed faults: which requests they strike, how often, and what then happens.
//!
//! Chooses only; `front.rs` and `server.rs` carry it out on the connection.

use std::sync::Mutex;
use std::time::Duration;

use http::{Method, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::instance::lock;
use super::user_id;

/// A fault as it is armed over the control endpoint or by a scenario; every condition is optional and all must hold.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rule {
    /// How many requests are struck; left out, one.
    pub(crate) count: Count,
    /// Only within so many seconds after it was armed.
    pub(crate) for_s: Option<f64>,
    /// Only this share of the requests, by chance.
    pub(crate) share: Option<f64>,
    /// Seeds that chance.
    pub(crate) seed: Option<u64>,

    /// Only requests with this method.
    pub(crate) method: Option<String>,
    /// Only requests whose path and query contain this text.
    pub(crate) path: Option<String>,
    /// Only requests to this table, by logical name.
    pub(crate) table: Option<String>,
    /// Only requests with a token of this client id.
    pub(crate) client: Option<String>,

    /// Answer so, without doing the work.
    pub(crate) status: Option<u16>,
    /// The `Retry-After` of that answer, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// Dataverse's error code in it.
    pub(crate) code: Option<String>,
    /// This text in place of Dataverse's JSON, as HTML.
    pub(crate) body: Option<String>,
    /// Wait so long first; alone, the request is then served as usual.
    pub(crate) delay_ms: Option<u64>,
    /// Reset the connection before or after the work is done.
    pub(crate) reset: Option<Reset>,
    /// Do the work, declare the whole length, and send only a part.
    pub(crate) truncate: Option<Truncate>,
    /// Close the port for so many seconds: at once, or, with a condition, when it is met.
    pub(crate) outage_s: Option<f64>,
}

/// A number, or null for all until the rule is cleared.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(from = "Option<u64>", into = "Option<u64>")]
pub(crate) enum Count {
    Times(u64),
    Always,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reset {
    Before,
    After,
}

/// `true` for half of the body, or a number of bytes.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub(crate) enum Truncate {
    Half(bool),
    Bytes(usize),
}

/// Beyond this many, spent rules are no longer kept for the list.
const KEPT: usize = 1000;

/// The faults that are armed at one instance.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Mutex<Vec<Armed>>,
    last: std::sync::atomic::AtomicU64,
}

/// A rule that is in force.
#[derive(Debug, Serialize)]
pub(crate) struct Armed {
    pub(crate) id: u64,
    /// How many requests it will still strike; null for no limit.
    pub(crate) hits_left: Option<u64>,
    pub(crate) hits: u64,
    #[serde(flatten)]
    pub(crate) rule: Rule,
    #[serde(skip)]
    until: Option<Instant>,
    #[serde(skip)]
    chance: StdRng,
}

/// What a fault looks at.
pub(crate) struct Target<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) table: Option<&'a str>,
    /// Whether the request goes to the Web API; a rule with a path may also strike others.
    pub(crate) web_api: bool,
    /// The name of the instance, by which its users are known.
    pub(crate) instance: &'static str,
    /// Whose token it carries, if anybody's.
    pub(crate) user: Option<Uuid>,
}

impl Rule {
    /// Whether it names the requests that it strikes.
    pub(crate) fn is_conditional(&self) -> bool {
        self.method.is_some()
            || self.path.is_some()
            || self.table.is_some()
            || self.client.is_some()
    }

    /// What is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(status) = self.status
            && !StatusCode::from_u16(status).is_ok_and(|status| status.as_u16() >= 200)
        {
            return Some(format!("{status} is not a status that can be answered"));
        }
        if self
            .share
            .is_some_and(|share| !(0.0..=1.0).contains(&share))
        {
            return Some("share must be between 0 and 1".to_owned());
        }
        if let Some(seconds) = self
            .for_s
            .into_iter()
            .chain(self.outage_s)
            .find(|seconds| duration(*seconds).is_none())
        {
            return Some(format!("{seconds} is not a duration in seconds"));
        }
        let does_something = self.status.is_some()
            || self.body.is_some()
            || self.delay_ms.is_some()
            || self.reset.is_some()
            || self.truncate.is_some()
            || self.outage_s.is_some();
        (!does_something).then(|| {
            "a fault needs one of status, body, delay_ms, reset, truncate, outage_s".to_owned()
        })
    }

    /// How long the port stays closed.
    pub(crate) fn outage(&self) -> Option<Duration> {
        duration(self.outage_s?)
    }

    fn meets(&self, target: &Target) -> bool {
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
        method && path && table && client
    }
}

impl Armed {
    /// The rule itself, if its share lets it strike this time.
    fn by_chance(&mut self) -> Option<&mut Armed> {
        let strikes = match self.rule.share {
            Some(share) => self.chance.random::<f64>() < share,
            None => true,
        };
        strikes.then_some(self)
    }
}

impl Faults {
    /// Arms a rule and returns its id.
    pub(crate) fn arm(&self, rule: Rule) -> u64 {
        let id = self.last.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        let armed = Armed {
            id,
            hits_left: rule.count.into(),
            hits: 0,
            until: rule
                .for_s
                .and_then(duration)
                .map(|lasts| Instant::now() + lasts),
            chance: StdRng::seed_from_u64(rule.seed.unwrap_or(id)),
            rule,
        };
        let mut all = lock(&self.armed);
        if all.len() >= KEPT {
            all.retain(|fault| fault.hits_left != Some(0));
        }
        all.push(armed);
        id
    }

    /// The first rule that strikes the request, counted as a hit.
    pub(crate) fn strike(&self, target: &Target) -> Option<(u64, Rule)> {
        let now = Instant::now();
        let mut armed = lock(&self.armed);
        armed.retain(|fault| fault.until.is_none_or(|until| now < until));
        let mut meeting = armed
            .iter_mut()
            .filter(|fault| fault.hits_left != Some(0) && fault.rule.meets(target));
        let fault = meeting.find_map(Armed::by_chance)?;
        fault.hits += 1;
        fault.hits_left = fault.hits_left.map(|left| left.saturating_sub(1));
        Some((fault.id, fault.rule.clone()))
    }

    /// Runs over all armed rules, spent ones included.
    pub(crate) fn list<T>(&self, look: impl Fn(&Armed) -> T) -> Vec<T> {
        lock(&self.armed).iter().map(look).collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.armed).clear();
    }
}

/// Seconds as a duration of at most a day.
fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|lasts| *lasts <= Duration::from_hours(24))
}

impl Default for Count {
    fn default() -> Count {
        Count::Times(1)
    }
}

impl From<Option<u64>> for Count {
    fn from(count: Option<u64>) -> Count {
        count.map_or(Count::Always, Count::Times)
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
