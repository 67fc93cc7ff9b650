//! Armed faults: which requests they strike and how often. What a rule can say stands in `fault/rule.rs`.
//!
//! Chooses only; `front.rs` carries a rule out, with the other files of this folder: the answer in place of the work
//! (`substitute.rs`), lists that lie (`listing.rs`), and how an answer goes on the wire (`delivery.rs`).

pub(crate) mod delivery;
pub(crate) mod listing;
mod problem;
mod rule;
pub(crate) mod substitute;

use std::sync::Mutex;

use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use serde_json::Value as Json;
use tokio::time::Instant;
use uuid::Uuid;

pub(crate) use self::rule::{Count, Moment, RetryAfter, Rule, duration};

use super::instance::{Instance, lock};

/// Beyond this many, spent rules are no longer kept for the list.
const KEPT: usize = 1000;
/// How long the reply that announces an outage gets to leave.
const LAST_REPLY: std::time::Duration = std::time::Duration::from_millis(20);

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
    from: Instant,
    #[serde(skip)]
    until: Option<Instant>,
    #[serde(skip)]
    chance: StdRng,
    /// The last row of the page before, which a drifting list repeats.
    #[serde(skip)]
    row: Option<Json>,
}

/// A rule that struck a request; the empty rule where none did.
#[derive(Debug, Default)]
pub(crate) struct Strike {
    pub(crate) id: Option<u64>,
    pub(crate) rule: Rule,
}

/// What a fault looks at.
pub(crate) struct Target<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) table: Option<&'a str>,
    /// Whether the request goes to the Web API; a rule with a path may also strike others.
    pub(crate) web_api: bool,
    /// Whether it asks for the rows of a table.
    pub(crate) is_list: bool,
    /// Whether its client unpacks gzip.
    pub(crate) takes_gzip: bool,
    /// The name of the instance, by which its users are known.
    pub(crate) instance: &'static str,
    /// Whose token it carries, if anybody's.
    pub(crate) user: Option<Uuid>,
}

/// Puts a rule in force; an outage without a condition is no rule for requests: it is announced, and has no id.
pub(crate) fn arm(instance: &Instance, rule: Rule) -> Option<u64> {
    if let (false, Some(lasts)) = (rule.is_conditional(), rule.outage()) {
        let wait = rule.wait().max(LAST_REPLY);
        instance.go_down_in(wait, rule.outage.unwrap_or_default(), lasts);
        return None;
    }
    Some(instance.faults.arm(rule))
}

impl Armed {
    fn is_due(&self, now: Instant) -> bool {
        self.hits_left != Some(0) && self.from <= now
    }

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
    fn arm(&self, rule: Rule) -> u64 {
        let id = self.last.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        let from = Instant::now() + rule.wait();
        let armed = Armed {
            id,
            hits_left: rule.count.into(),
            hits: 0,
            from,
            until: rule.for_s.and_then(duration).map(|lasts| from + lasts),
            chance: StdRng::seed_from_u64(rule.seed.unwrap_or(id)),
            row: None,
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
    pub(crate) fn strike(&self, target: &Target) -> Option<Strike> {
        let now = Instant::now();
        let mut armed = lock(&self.armed);
        armed.retain(|fault| fault.until.is_none_or(|until| now < until));
        let mut meeting = armed
            .iter_mut()
            .filter(|fault| fault.is_due(now) && fault.rule.meets(target));
        let fault = meeting.find_map(Armed::by_chance)?;
        fault.hits += 1;
        fault.hits_left = fault.hits_left.map(|left| left.saturating_sub(1));
        Some(Strike {
            id: Some(fault.id),
            rule: fault.rule.clone(),
        })
    }

    /// Remembers a page's last row for the rule's next page, and gives back the one before.
    pub(crate) fn next_row(&self, id: Option<u64>, row: Option<Json>) -> Option<Json> {
        let mut armed = lock(&self.armed);
        let fault = armed.iter_mut().find(|fault| Some(fault.id) == id)?;
        std::mem::replace(&mut fault.row, row)
    }

    /// Runs over all armed rules, spent ones included.
    pub(crate) fn list<T>(&self, look: impl Fn(&Armed) -> T) -> Vec<T> {
        lock(&self.armed).iter().map(look).collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.armed).clear();
    }
}
