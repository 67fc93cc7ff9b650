//! What may be asked of the engine. Commands are data: they carry no reply channel, the answer shows in the state.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::alert::AlertKey;
use crate::domain::operation::{OperationId, RecordKey, Request, TableIndex, Verb};
use crate::domain::run::RunId;

/// One thing that a frontend asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Carry out a repair on exactly these records.
    Repair {
        /// What is asked, by whom and why.
        request: Request,
        /// The records, frozen when they were shown.
        records: Vec<Target>,
        /// What makes it legitimate to write.
        consent: Consent,
    },
    /// Read and plan a repair without writing; the answer is [`super::state::Preview`].
    Preview {
        /// What would be asked.
        request: Request,
        /// The records.
        records: Vec<Target>,
    },
    /// Start a run of the link's sync: everything pending on it.
    StartSync {
        /// What is asked, by whom and why.
        request: Request,
        /// What makes it legitimate to write.
        consent: Consent,
    },
    /// Have the job of the link's platform repeat or end one of its runs.
    OrderRun {
        /// What is asked, by whom and why.
        request: Request,
        /// Which run, and what is to become of it.
        order: RunOrder,
        /// What makes it legitimate.
        consent: Consent,
    },
    /// Look at the runs of the links' jobs now, and from now on.
    ListRuns,
    /// Take back what of an operation was not sent yet.
    End {
        /// The operation.
        operation: OperationId,
        /// Who ends it.
        who: String,
    },
    /// Pause an operation that runs: what is on its way is finished, and nothing more is sent until it is resumed.
    Pause {
        /// The operation.
        operation: OperationId,
        /// Who pauses it.
        who: String,
    },
    /// Go on with an operation that an earlier process left behind, or that is paused since too much of it failed.
    Resume {
        /// The operation.
        operation: OperationId,
        /// What makes it legitimate to write.
        consent: Consent,
    },
    /// Put a note into the timeline.
    Note {
        /// Who.
        who: String,
        /// What they say.
        text: String,
    },
    /// Take alerts, so that they are told no more while they go on: all who look at the journal know whose they are.
    Take {
        /// Which.
        alerts: Vec<AlertKey>,
        /// Who takes them.
        who: String,
        /// What they say to it; may be empty.
        text: String,
        /// For how long; for no time at all they are given back.
        lasts: Duration,
    },
    /// Unlock writes for a limited time.
    Arm {
        /// Why.
        reason: String,
        /// Who.
        who: String,
        /// For how long.
        lasts: Duration,
    },
    /// Lock writes again.
    Lock {
        /// Who, or what: a person, idleness.
        who: String,
    },
    /// Probe an instance without waiting for its turn.
    ProbeNow {
        /// The instance's place.
        instance: usize,
    },
    /// Send nothing to an instance any more, in all classes.
    ForceOpen {
        /// The instance's place.
        instance: usize,
        /// Who.
        who: String,
        /// Why.
        reason: String,
        /// When it ends by itself.
        until: Option<DateTime<Utc>>,
    },
    /// Take a forced state back.
    Release {
        /// The instance's place.
        instance: usize,
        /// Who.
        who: String,
    },
    /// Compare all links now.
    Compare,
    /// Read both sides of a record now.
    Inspect(RecordKey),
    /// Read both sides of these records now, several at a time.
    Read(Vec<RecordKey>),
    /// Tell all that is known of a record; the answer is [`super::explain::Explained`].
    Explain(Target),
}

/// What a link's job is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunOrder {
    /// Begin a new run.
    Start,
    /// Repeat this one, with what it read then: old data, that may overwrite newer.
    Rerun(RunId),
    /// End this one.
    Cancel(RunId),
}

impl RunOrder {
    /// The verb that it is put down as.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Start => Verb::Sync,
            Self::Rerun(_) => Verb::Rerun,
            Self::Cancel(_) => Verb::Cancel,
        }
    }

    /// The run that it is about.
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::Start => None,
            Self::Rerun(run) | Self::Cancel(run) => Some(run),
        }
    }

    /// The run that it ends.
    pub fn cancelled(&self) -> Option<&RunId> {
        match self {
            Self::Cancel(run) => Some(run),
            Self::Start | Self::Rerun(_) => None,
        }
    }
}

/// A record as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By its id.
    Record(RecordKey),
    /// By the value of its table's alternate key; the source is asked for the id.
    Key {
        /// The table.
        table: TableIndex,
        /// The key's column and value.
        column: String,
        /// The value.
        value: String,
    },
}

/// What makes a write legitimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// The console is armed, and a person confirmed this many records.
    Armed {
        /// The records that were confirmed.
        records: usize,
    },
    /// A person named the command on a command line, and says how both sides of the record stood when they looked.
    Seen {
        /// Whether it may wait for an instance that can't be written to now.
        may_wait: bool,
        /// What [`Story::pair`](super::explain::Story::pair) said: where it is another by now, nothing is overwritten.
        pair: u64,
    },
    /// A person named the command on a command line.
    Named {
        /// Whether it may wait for an instance that can't be written to now.
        may_wait: bool,
    },
}

impl Consent {
    /// Whether it may wait for an instance that can't be written to now.
    pub fn may_wait(&self) -> bool {
        match self {
            Self::Armed { .. } => true,
            Self::Seen { may_wait, .. } | Self::Named { may_wait } => *may_wait,
        }
    }

    /// How both sides of the record stood, where whoever consents says so.
    pub fn pair(&self) -> Option<u64> {
        match self {
            Self::Seen { pair, .. } => Some(*pair),
            Self::Armed { .. } | Self::Named { .. } => None,
        }
    }
}
