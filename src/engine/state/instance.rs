//! An instance as it can be seen: its health, its breakers, and what has been counted of its calls.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::breaker::{BreakerStatus, Class, Forced, Phase};
use crate::domain::failure::Origin;
use crate::domain::health::{Cell, Health, Summary};
use crate::domain::time::Now;

/// One instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceState {
    /// Its name.
    pub name: String,
    /// What its band says, `US DEMO`.
    pub band: String,
    /// Its origin.
    pub url: String,
    /// Whether it is some link's target: only then is it ever written to.
    pub is_target: bool,
    /// How it is.
    pub health: Health,
    /// Since when.
    pub since: Now,
    /// How it was before, and for how long.
    pub before: Option<(Health, Duration)>,
    /// When it last answered.
    pub answered: Option<Now>,
    /// Its latest failure, and whose network it belongs to.
    pub last_error: Option<(Now, String, Origin)>,
    /// Why it refuses our credentials.
    pub refused: Option<String>,
    /// Its breakers: read, write (a target's only), auth.
    pub breakers: Vec<BreakerStatus>,
    /// Until when it asked us to wait, and why.
    pub gate: Option<(Now, String)>,
    /// Its calls of the last five minutes.
    pub calls: Summary,
    /// Its latency in cells of 90 seconds, oldest first; the last is the running one.
    pub cells: Vec<Cell>,
    /// How far its clock is ahead of ours.
    pub skew: chrono::Duration,
    /// The version that it says it runs.
    pub version: Option<String>,
    /// When the next probe is due.
    pub next_probe: Option<Now>,
    /// When it was last down, and for how long.
    pub last_outage: Option<(Now, Duration)>,
    /// What has been counted since the start.
    #[serde(skip)]
    pub traffic: Traffic,
}

/// What is counted of an instance from the start on; figures that only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests by class and by what came of them: `ok`, the status of a failure, or why there was none.
    pub requests: BTreeMap<(Class, String), u64>,
    /// Changes of a breaker's state: its class, and the states before and after, in a word each.
    pub transitions: BTreeMap<(Class, &'static str, &'static str), u64>,
    /// How long a breaker has not been closed, all times together.
    pub open: BTreeMap<Class, Duration>,
    /// How long it had asked us to wait, all waits together.
    pub gated: Duration,
}

impl InstanceState {
    /// The breaker of a class.
    pub fn breaker(&self, class: Class) -> Option<&BreakerStatus> {
        self.breakers.iter().find(|breaker| breaker.class == class)
    }

    /// The order that keeps it stopped.
    pub fn forced(&self) -> Option<&Forced> {
        self.breakers
            .iter()
            .find_map(|breaker| match &breaker.phase {
                Phase::ForcedOpen(forced) => Some(forced),
                Phase::Closed | Phase::Open { .. } | Phase::HalfOpen { .. } => None,
            })
    }

    /// The planned maintenance that it is in: why, and until when.
    pub fn maintenance(&self) -> Option<(&str, DateTime<Utc>)> {
        self.forced()?.planned()
    }

    /// Whether reads go through, as far as is known.
    pub fn is_readable(&self) -> bool {
        !matches!(
            self.health,
            Health::Down | Health::CutOff | Health::Refused | Health::Unknown
        ) && self
            .breaker(Class::Read)
            .is_none_or(BreakerStatus::is_closed)
    }

    /// Whether a write would be sent now; the next one is what a half-open breaker waits for.
    pub fn is_writable(&self) -> bool {
        let keeps_back = |phase: &Phase| matches!(phase, Phase::Open { .. } | Phase::ForcedOpen(_));
        let write = self.breaker(Class::Write);
        self.is_readable() && !write.is_some_and(|breaker| keeps_back(&breaker.phase))
    }
}
