//! Everything that can happen to the state, as data: what tasks found out, what the journal took, what time did.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::explain::Explained;
use super::hooked::Said;
use super::link::LinkContext;
use super::live::Live;
use super::records::Sides;
use super::state::{Alarm, OperationState, Preview, Progress, SyncRun, Tone, Waiting};
use crate::dataverse::Observation;
use crate::domain::breaker::Forced;
use crate::domain::drift::{CompareRules, Drift};
use crate::domain::failure::Failure;
use crate::domain::hook::Called;
use crate::domain::impact::Ensuring;
use crate::domain::note::Note;
use crate::domain::operation::{OperationId, RecordKey, Request, Stage, TableIndex};
use crate::domain::packed::PackedRow;
use crate::domain::plan::BlastRadius;
use crate::domain::row::{Row, RowId};
use crate::domain::run::PlatformRun;
use crate::domain::time::Now;
use crate::journal::{self, Holder, Line, RecoveredOperation, Samples};

/// One thing that happened.
#[derive(Debug)]
pub(super) enum Event {
    /// A client made, or tried to make, one call.
    Observed {
        instance: usize,
        observation: Observation,
    },
    /// A probe came back; `None` where a breaker kept it back.
    Probed {
        instance: usize,
        result: Option<Result<Probed, Failure>>,
        next: Now,
    },
    /// An instance told its version.
    Versioned { instance: usize, version: String },
    /// A link's tables fit the instances, or don't.
    Described {
        link: usize,
        result: Result<Arc<LinkContext>, String>,
    },
    /// The columns of a table and how they are compared.
    Ruled {
        table: TableIndex,
        rules: Arc<CompareRules>,
    },
    /// A comparison has come so far.
    Comparing {
        table: TableIndex,
        progress: Progress,
    },
    /// A comparison came to its end.
    Compared(Comparison),
    /// A comparison broke off, or waits for its instance.
    CompareFailed { table: TableIndex, why: String },
    /// Changes could not be followed on, so that all of a table is read.
    ComparesInFull { link: usize, text: String },
    /// A comparison of a link is over, well or not.
    CompareEnded { link: usize },
    /// So many rows changed in the source since the target could last be read.
    ChangedSince { table: TableIndex, rows: usize },
    /// A record was read on both sides.
    Looked(Box<Looked>),
    /// The target refused a record for its own sake, for this reason.
    Parked { record: RecordKey, why: Arc<str> },
    /// An operation is in the journal.
    Accepted {
        request: Request,
        records: Vec<Named>,
        left_behind: bool,
    },
    /// An earlier process's operation was found in the journal, finished.
    Remembered(Arc<OperationState>),
    /// A record of an operation was planned, for the first time.
    Planned {
        operation: OperationId,
        radius: BlastRadius,
    },
    /// A record of an operation came one step further.
    Staged {
        operation: OperationId,
        record: Named,
        stage: Stage,
        columns: usize,
        at: Now,
        began: Now,
    },
    /// An operation waits, or goes on.
    Waits {
        operation: OperationId,
        waiting: Option<Waiting>,
    },
    /// An operation is paused until a person decides, for this reason; or it goes on.
    Paused {
        operation: OperationId,
        why: Option<String>,
    },
    /// An operation goes on after a person said so.
    Resumed { operation: OperationId },
    /// An operation ended.
    Finished {
        operation: OperationId,
        cut_short: Option<String>,
        at: Now,
    },
    /// An operation was not begun at all.
    Refused { operation: OperationId, why: String },
    /// What an earlier process left half done has been read back.
    Settled { operation: OperationId },
    /// A run of a link's sync began.
    SyncStarted {
        link: usize,
        operation: OperationId,
        who: String,
    },
    /// A run of a link's sync ended.
    SyncEnded {
        link: usize,
        run: SyncRun,
        next_due: Option<DateTime<Utc>>,
    },
    /// The runs of a link's job were looked at; newest first.
    RunsListed {
        link: usize,
        runs: Result<Arc<[PlatformRun]>, String>,
        at: Now,
    },
    /// An order to a link's job is given.
    OrderBegan { link: usize, operation: OperationId },
    /// Nothing more will come of it here.
    OrderEnded { link: usize, operation: OperationId },
    /// When a link's sync is due next.
    SyncDue {
        link: usize,
        next_due: DateTime<Utc>,
    },
    /// A run of a link's sync ended well in an earlier process, or in another one.
    SyncRemembered {
        link: usize,
        began: DateTime<Utc>,
        ended: DateTime<Utc>,
    },
    /// A preview has come further.
    Previewed(Arc<Preview>),
    /// A record's story was told.
    Explained(Arc<Explained>),
    /// Another process stopped an instance, changed the order, or took it back.
    Ordered {
        instance: usize,
        forced: Option<Forced>,
    },
    /// What earlier processes saw of instances and links.
    Restored(Box<Samples>),
    /// A process ended while this one ran, and left this unfinished.
    LeftBehind(Box<RecoveredOperation>),
    /// An operation of this process ended, and what became of some of its records is not known.
    Owed {
        operation: OperationId,
        /// As the journal has it; `None` where it can't be read, or is another process's.
        left: Option<Box<RecoveredOperation>>,
    },
    /// Something was written into the journal, perhaps by another process.
    Written,
    /// An agent lives beside us, or none does any more.
    AgentSeen(Option<Holder>),
    /// What the agent beside us says of everything.
    Told(Box<Live>),
    /// What the journal says of an operation of another process, in its order.
    Journalled {
        request: Request,
        events: Vec<journal::Event>,
    },
    /// It was tried to become the one who keeps the index.
    IndexClaimed { kept: bool },
    /// Which alerts fire, and what of it was told to those outside.
    Alarmed {
        alarms: Vec<Alarm>,
        told: Vec<(String, Tone)>,
    },
    /// What earlier processes, or the agent beside us, saw.
    Recalled(Vec<Line>),
    /// What people put down.
    Noted(Vec<Note>),
    /// The hook was asked how it is.
    HookSaid(Said),
    /// The target was asked whether it calls the hook.
    HookCalled(Called),
    /// It was found out who ensures the customers of a link's tickets.
    Ensured { link: usize, ensuring: Ensuring },
    /// What is older than so long, and over, was taken out of the journal; or why it was not.
    Pruned {
        keep: Duration,
        pruned: Result<journal::Pruned, String>,
    },
    /// The journal can't be written any more.
    JournalFailed(String),
    /// Something was asked for that can't be done.
    Noticed {
        operation: Option<OperationId>,
        text: String,
        tone: Tone,
    },
}

/// A record with what people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) key: RecordKey,
    pub(super) name: String,
    pub(super) number: String,
    pub(super) on_the_way: bool,
}

/// What an answered probe said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probed {
    /// How far the instance's clock is ahead of ours.
    pub(super) skew: Option<chrono::Duration>,
}

/// One record as it was read on both sides, with its rows as they are or packed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Looked<R = Row> {
    pub(super) record: Named,
    pub(super) drift: Drift,
    pub(super) is_guess: bool,
    pub(super) other: Option<RowId>,
    /// Why it is parked, if it is.
    pub(super) parked: Option<Arc<str>>,
    /// Since when it is out of step, where that is known from before.
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) sides: Arc<Sides<R>>,
}

impl Looked {
    /// The same with its rows packed, as it is kept.
    pub(super) fn packed(self) -> Looked<PackedRow> {
        Looked {
            record: self.record,
            drift: self.drift,
            is_guess: self.is_guess,
            other: self.other,
            parked: self.parked,
            since: self.since,
            sides: Arc::new(self.sides.packed()),
        }
    }
}

/// What a comparison of one table found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) table: TableIndex,
    /// When it began: what an operation read later is newer.
    pub(super) started: Now,
    /// Records that are equal on both sides.
    pub(super) in_sync: usize,
    /// Records of the target's own.
    pub(super) local: usize,
    /// When everything was last read.
    pub(super) full: DateTime<Utc>,
    /// Whether `looked` holds every record that is out of step; else it holds those that were read, whatever their
    /// drift, and all others stand where they stood.
    pub(super) is_whole: bool,
    pub(super) looked: Vec<Looked<PackedRow>>,
    /// Records that others have read meanwhile, and as what they are counted here.
    pub(super) apart: Vec<(RowId, Counted)>,
}

/// As what a comparison counts a record that others have read while it was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Equal on both sides.
    InStep,
    /// Out of step, as it was before.
    Listed,
}
