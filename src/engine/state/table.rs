//! A table of a link: its records by drift and by flag, and how far its comparison has come.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::drift::{CompareRules, Drift, Flag};
use crate::domain::lag;
use crate::domain::table::TableName;
use crate::domain::time::Now;

/// One table of one link.
#[derive(Clone, Debug)]
pub struct TableState {
    /// The link's place.
    pub link: usize,
    /// Its logical name.
    pub name: TableName,
    /// Its hydrated columns and how they are compared; empty until the instances have described the table.
    pub rules: Arc<CompareRules>,
    /// Records by drift.
    pub counts: Counts,
    /// Pending records that are counted apart.
    pub flagged: Flagged,
    /// The oldest *pending since* of its pending records, but for those that are flagged.
    pub oldest_pending: Option<DateTime<Utc>>,
    /// When it was last brought up to date: compared in full, or with all changes since taken in.
    pub compared: Option<Now>,
    /// When everything was last read.
    pub full: Option<DateTime<Utc>>,
    /// The comparison under way.
    pub comparing: Option<Progress>,
    /// Rows that changed in the source since the target could last be read.
    pub changed_since: usize,
    /// Why the last comparison broke off.
    pub failure: Option<String>,
}

impl TableState {
    /// Now minus the oldest pending since; zero when nothing is pending.
    pub fn lag(&self, now: DateTime<Utc>) -> Duration {
        lag::lag(self.oldest_pending, now)
    }
}

/// How far a comparison has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When it began.
    pub started: Now,
    /// Rows read from the source.
    pub source: usize,
    /// Rows read from the target.
    pub target: usize,
    /// How many of both were read by an earlier comparison that broke off.
    pub before: usize,
    /// Rows of both sides at the last comparison, if there was one.
    pub expected: Option<usize>,
}

impl Progress {
    /// How long it will take to read the rest, at the rate so far; `None` where that can't be told.
    pub fn left(&self, now: Now) -> Option<Duration> {
        let read = self.source + self.target;
        let own = u32::try_from(read.checked_sub(self.before)?).ok()?;
        let rest = u32::try_from(self.expected?.checked_sub(read)?).ok()?;
        (own > 0).then(|| {
            now.since(self.started)
                .mul_f64(f64::from(rest) / f64::from(own))
        })
    }
}

/// Pending records of a table by flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flagged {
    parked: usize,
    left_out: usize,
}

impl Flagged {
    /// The number of records with a flag.
    pub fn of(&self, flag: Flag) -> usize {
        match flag {
            Flag::Parked => self.parked,
            Flag::LeftOut => self.left_out,
        }
    }

    /// The number to change.
    pub(in crate::engine) fn of_mut(&mut self, flag: Flag) -> &mut usize {
        match flag {
            Flag::Parked => &mut self.parked,
            Flag::LeftOut => &mut self.left_out,
        }
    }

    /// All that are flagged.
    pub fn all(&self) -> usize {
        Flag::ALL.into_iter().map(|flag| self.of(flag)).sum()
    }
}

/// Records of a table by drift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([usize; Drift::ALL.len()]);

impl Counts {
    /// The number of records in a drift.
    pub fn of(&self, drift: Drift) -> usize {
        Drift::ALL
            .iter()
            .zip(self.0)
            .find(|(d, _)| **d == drift)
            .map_or(0, |(_, n)| n)
    }

    /// The number to change.
    pub(in crate::engine) fn of_mut(&mut self, drift: Drift) -> Option<&mut usize> {
        Drift::ALL
            .iter()
            .zip(&mut self.0)
            .find(|(d, _)| **d == drift)
            .map(|(_, n)| n)
    }

    fn sum(&self, wanted: impl Fn(Drift) -> bool) -> usize {
        Drift::ALL
            .iter()
            .zip(self.0)
            .filter(|(d, _)| wanted(**d))
            .map(|(_, n)| n)
            .sum()
    }

    /// What a sync would change.
    pub fn pending(&self) -> usize {
        self.sum(Drift::is_pending)
    }

    /// What waits for a person.
    pub fn for_a_person(&self) -> usize {
        self.sum(Drift::needs_a_person)
    }

    /// What the Records view lists.
    pub fn listed(&self) -> usize {
        self.sum(Drift::is_listed)
    }

    /// All records of the table on either side.
    pub fn all(&self) -> usize {
        self.sum(|_| true)
    }
}

impl FromIterator<Drift> for Counts {
    fn from_iter<T: IntoIterator<Item = Drift>>(drifts: T) -> Self {
        drifts
            .into_iter()
            .fold(Self::default(), |mut counts, drift| {
                if let Some(count) = counts.of_mut(drift) {
                    *count += 1;
                }
                counts
            })
    }
}
