//! Why a record is out of step, in one word: by these its list is grouped and filtered. It draws nothing.

use chrono::{DateTime, Utc};

use crate::domain::drift::{Drift, Flag};
use crate::domain::health::Health;
use crate::engine::State;
use crate::engine::records::Record;

/// Why a record is out of step; what wants a hand first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The target refused it for its own sake.
    Parked,
    /// The last good run did not bring it over.
    LeftOut,
    /// It changed while the target was down.
    Outage,
    /// Made ahead of the sync, so that something could refer to it: by the hook, a plug-in or an ensure.
    Hook,
    /// It changed since the last run, and waits for the next.
    Schedule,
    /// It waits for a decision that only a person can take.
    Person,
    /// It could not be read.
    Unread,
}

/// From when to when the target of a link was down last; without an end, where it still is.
pub type Outage = (DateTime<Utc>, DateTime<Utc>);

impl Cause {
    /// The cause of a record's drift.
    pub fn of(record: &Record, outage: Option<Outage>) -> Self {
        match (record.flag(), record.drift) {
            (Some(Flag::Parked), _) => Self::Parked,
            (Some(Flag::LeftOut), _) => Self::LeftOut,
            (None, Drift::Unknown) => Self::Unread,
            (None, Drift::Stub) => Self::Hook,
            (None, Drift::Missing | Drift::Stale) => {
                let is_within = |(from, to)| record.since.is_some_and(|at| from <= at && at <= to);
                if outage.is_some_and(is_within) {
                    Self::Outage
                } else {
                    Self::Schedule
                }
            }
            (None, _) => Self::Person,
        }
    }

    /// The word for it, everywhere the same: `why:outage`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::LeftOut => "left-out",
            Self::Outage => "outage",
            Self::Hook => "hook",
            Self::Schedule => "schedule",
            Self::Person => "person",
            Self::Unread => "unread",
        }
    }

    /// What it means, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Parked => "parked: refused",
            Self::LeftOut => "left out by a run",
            Self::Outage => "changed in the outage",
            Self::Hook => "ensured ahead",
            Self::Schedule => "waits for the sync",
            Self::Person => "waits for a person",
            Self::Unread => "could not be read",
        }
    }
}

/// When the target of a link was down last, as far as is known.
pub fn outage(state: &State, link: usize) -> Option<Outage> {
    let link = state.links.get(link)?;
    let target = state.instances.get(link.target)?;
    if matches!(target.health, Health::Down | Health::CutOff) {
        return Some((target.since.wall, DateTime::<Utc>::MAX_UTC));
    }
    let (ended, lasted) = target.last_outage?;
    let lasted = chrono::Duration::from_std(lasted).ok()?;
    Some((ended.wall - lasted, ended.wall))
}
