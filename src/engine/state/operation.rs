//! Operations and how they go, record by record; and what one would do.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::drift::Drift;
use crate::domain::operation::{OperationId, RecordKey, Request, Stage};
use crate::domain::plan::{BlastRadius, Plan};
use crate::domain::time::Now;

/// One operation and how it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationState {
    /// What was asked.
    pub request: Request,
    /// What it touches, as far as its records have been planned.
    pub radius: Option<BlastRadius>,
    /// Counts of its records.
    pub progress: Tally,
    /// Its records; of one that is over what needs a person first, then the latest outcomes, 200 at most. Each behind a
    /// pointer, so that a change of one copies that one alone.
    pub records: Vec<Arc<OperationRecord>>,
    /// What it waits for: it goes on by itself.
    pub waiting: Option<Waiting>,
    /// Why it is paused: it goes on only when a person says so.
    pub paused: Option<String>,
    /// When its first record was taken up.
    pub started: Option<Now>,
    /// When it ended.
    pub finished: Option<Finished>,
    /// Whether an earlier process left it unfinished, so that a person decides whether it goes on.
    pub was_left_behind: bool,
}

impl OperationState {
    /// Whether it goes on only when a person says so: it is paused, or an earlier process left it behind.
    pub fn waits_for_a_person(&self) -> bool {
        !self.is_finished() && (self.was_left_behind || self.paused.is_some())
    }

    /// Whether nothing more will happen to it.
    pub fn is_finished(&self) -> bool {
        self.finished.is_some()
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// When, in UTC.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// Why it ended before its records were done.
    pub cut_short: Option<String>,
}

/// Records of an operation by how far they have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them, rows ensured on the way included.
    pub total: usize,
    /// Accepted, and nothing sent.
    pub accepted: usize,
    /// On the way.
    pub intended: usize,
    /// Done, and not yet read back.
    pub applied: usize,
    /// Read back as written.
    pub verified: usize,
    /// Read back different from what was written.
    pub altered: usize,
    /// Nothing was to be done.
    pub unchanged: usize,
    /// Left alone on purpose.
    pub held: usize,
    /// Failed or refused.
    pub refused: usize,
    /// Sent, with an outcome that isn't known.
    pub unknown: usize,
    /// Taken back, ended or lapsed.
    pub abandoned: usize,
}

impl Tally {
    /// The count of a stage.
    pub(in crate::engine) fn of_mut(&mut self, stage: &Stage) -> &mut usize {
        match stage {
            Stage::Accepted => &mut self.accepted,
            Stage::Intended => &mut self.intended,
            Stage::Applied => &mut self.applied,
            Stage::Verified => &mut self.verified,
            Stage::Altered(_) => &mut self.altered,
            Stage::Unchanged(_) => &mut self.unchanged,
            Stage::Held(_) => &mut self.held,
            Stage::Refused(_) => &mut self.refused,
            Stage::Unknown(_) => &mut self.unknown,
            Stage::Abandoned(_) => &mut self.abandoned,
        }
    }

    /// Records with nothing left to do.
    pub fn done(&self) -> usize {
        self.verified + self.altered + self.unchanged + self.held + self.refused + self.abandoned
    }

    /// Records that are as they were asked to be.
    pub fn good(&self) -> usize {
        self.verified + self.altered + self.unchanged
    }
}

/// One record of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRecord {
    /// Which record.
    pub key: RecordKey,
    /// What it is called: made visible.
    pub name: String,
    /// The value of its alternate key: made visible.
    pub number: String,
    /// How far it came.
    pub stage: Stage,
    /// When.
    pub at: DateTime<Utc>,
    /// How many columns were written.
    pub columns: usize,
    /// From the first request of this record to here.
    pub took: Duration,
    /// Whether it was ensured only because another record refers to it.
    pub on_the_way: bool,
}

/// What an operation waits for. Waiting goes on by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The instance's place.
    pub instance: usize,
    /// Why, in words.
    pub why: String,
    /// When it is tried again, if that is known.
    pub until: Option<Now>,
    /// When it lapses if the instance has not answered by then.
    pub lapses: Option<DateTime<Utc>>,
}

/// What a repair would do, record by record.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The request that it answers.
    pub operation: OperationId,
    /// The records, in the order in which they were named.
    pub records: Vec<Previewed>,
    /// All of them summed up.
    pub radius: BlastRadius,
    /// Whether all have been planned.
    pub is_complete: bool,
}

/// One record of a preview.
#[derive(Clone, Debug, PartialEq)]
pub struct Previewed {
    /// Which record; absent when the name could not be resolved.
    pub key: Option<RecordKey>,
    /// What it is called: made visible.
    pub name: String,
    /// The value of its alternate key: made visible.
    pub number: String,
    /// Its drift.
    pub drift: Drift,
    /// What would be done.
    pub plan: Plan,
    /// Why it could not be read or resolved.
    pub failure: Option<String>,
}
