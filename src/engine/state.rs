//! What can be seen: one immutable snapshot of everything, the only thing that a frontend reads.

mod instance;
mod link;
mod operation;
mod table;
mod told;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::explain::Explained;
use super::records::Records;
use crate::domain::alert::AlertKey;
use crate::domain::drift::{Drift, Flag};
use crate::domain::hook::HookHealth;
use crate::domain::lag::{self, LinkCondition};
use crate::domain::note::Taken;
use crate::domain::operation::{OperationId, TableIndex};
use crate::domain::time::Now;

pub use crate::journal::Holder;
pub use instance::{InstanceState, Traffic};
pub use link::{LinkState, RunList, SyncRun, SyncState};
pub use operation::{
    Finished, OperationRecord, OperationState, Preview, Previewed, Tally, Waiting,
};
pub use table::{Counts, Flagged, Progress, TableState};
pub use told::{Alarm, Entry, Lock, Notice, Tone};

/// Everything that a frontend may know.
#[derive(Clone, Debug)]
pub struct State {
    /// When this snapshot was made.
    pub now: Now,
    /// When the engine began.
    pub started: Now,
    /// The instances, in the configuration's order.
    pub instances: Vec<InstanceState>,
    /// The links, in the configuration's order.
    pub links: Vec<LinkState>,
    /// All tables of all links; [`TableIndex`] is a place in it.
    pub tables: Vec<TableState>,
    /// The records that are out of step, and those that were until a moment ago.
    pub records: Records,
    /// Operations, newest first: those of this process and those that the journal remembers.
    pub operations: Vec<Arc<OperationState>>,
    /// What changed, newest last.
    pub timeline: VecDeque<Arc<Entry>>,
    /// The alerts that fire, what has done so for longest first.
    pub alarms: Vec<Alarm>,
    /// Who took which alert last.
    pub taken: BTreeMap<AlertKey, Taken>,
    /// Whether writes are unlocked.
    pub lock: Lock,
    /// Whether the journal was opened and what it remembers is here, or it is known why not.
    pub is_remembered: bool,
    /// Whether what people put down and what earlier processes saw is here too, or it is known that it can't be had.
    pub has_history: bool,
    /// Why nothing can be repaired, if the journal can't be written.
    pub journal_fault: Option<String>,
    /// The ensure hook, where one is configured with an address.
    pub hook: Option<HookState>,
    /// The agent beside us that runs the syncs, if one lives.
    pub agent: Option<Holder>,
    /// When that agent last told how everything is; absent where this process looks for itself.
    pub told: Option<Now>,
    /// The answer to the latest [`super::Command::Preview`].
    pub preview: Option<Arc<Preview>>,
    /// The answer to the latest [`super::Command::Explain`].
    pub explained: Option<Arc<Explained>>,
    /// What was asked for and can't be done, newest last; a frontend shows those it has not shown yet.
    pub notices: VecDeque<Notice>,
}

impl State {
    /// The operation of that id.
    pub fn operation(&self, id: OperationId) -> Option<&Arc<OperationState>> {
        self.operations
            .iter()
            .find(|operation| operation.request.id == id)
    }

    /// The table of a record.
    pub fn table(&self, index: TableIndex) -> Option<&TableState> {
        self.tables.get(usize::from(index.0))
    }

    /// What a record of an operation is called by kind: its table, or a run of a link's job.
    pub fn kind(&self, index: TableIndex) -> &str {
        match self.table(index) {
            Some(table) => table.name.as_str(),
            None if index == TableIndex::RUNS => "run",
            None if index == TableIndex::OPERATIONS => "operation",
            None => "?",
        }
    }

    /// The link of a record.
    pub fn link_of(&self, index: TableIndex) -> Option<&LinkState> {
        self.links.get(self.table(index)?.link)
    }

    /// The tables of a link.
    pub fn tables_of(&self, link: usize) -> impl Iterator<Item = (TableIndex, &TableState)> {
        let indexed = (0u16..).map(TableIndex).zip(&self.tables);
        indexed.filter(move |(_, table)| table.link == link)
    }

    /// Records whose outcome is not known, over all operations.
    pub fn unknown_outcomes(&self) -> usize {
        self.operations
            .iter()
            .map(|operation| operation.progress.unknown)
            .sum()
    }

    /// Pending records of a link.
    pub fn pending(&self, link: usize) -> usize {
        self.tables_of(link)
            .map(|(_, table)| table.counts.pending())
            .sum()
    }

    /// Records with a flag, on all links.
    pub fn flagged(&self, flag: Flag) -> usize {
        self.tables.iter().map(|table| table.flagged.of(flag)).sum()
    }

    /// Records of a link with a flag.
    pub fn flagged_on(&self, link: usize, flag: Flag) -> usize {
        let tables = self.tables_of(link);
        tables.map(|(_, table)| table.flagged.of(flag)).sum()
    }

    /// A link's lag: its worst table's.
    pub fn lag(&self, link: usize, now: DateTime<Utc>) -> Duration {
        self.tables_of(link)
            .map(|(_, table)| table.lag(now))
            .max()
            .unwrap_or_default()
    }

    /// How a link stands against its schedule.
    pub fn condition(&self, link: usize, now: DateTime<Utc>) -> LinkCondition {
        let Some(state) = self.links.get(link) else {
            return LinkCondition::Unknown;
        };
        let compared = self
            .tables_of(link)
            .all(|(_, table)| table.compared.is_some());
        let source = self
            .instances
            .get(state.source)
            .is_some_and(InstanceState::is_readable);
        lag::condition(
            source && compared,
            self.pending(link),
            self.lag(link, now),
            state.schedule,
            state.sync.ends(state.schedule, now),
        )
    }

    /// Whether planned maintenance of one of its instances keeps a link from being synced.
    pub fn is_in_maintenance(&self, link: usize) -> bool {
        self.links.get(link).is_some_and(|link| {
            let places = [link.source, link.target].into_iter();
            let mut ends = places.filter_map(|place| self.instances.get(place));
            ends.any(|end| end.maintenance().is_some())
        })
    }

    /// Who has an alert that fires, if anybody.
    pub fn taken_by(&self, alarm: &Alarm, now: DateTime<Utc>) -> Option<&Taken> {
        let taken = self.taken.get(&alarm.key)?;
        let since = if alarm.was_seen_to_begin {
            alarm.since
        } else {
            DateTime::<Utc>::MIN_UTC
        };
        taken.holds(since, now).then_some(taken)
    }

    /// Whether a ticket for a customer that is missing in a link's target is accepted, as far as is known.
    pub fn accepts_missing(&self, link: usize) -> Option<bool> {
        let hook = self.hook.as_ref().filter(|hook| hook.link == link);
        let ensuring = self.links.get(link)?.ensuring.as_ref()?;
        ensuring.accepts(hook.map(|hook| hook.health.answer()))
    }

    /// The same for the rows of one table; `None` where no ticket can name them, too.
    pub fn accepts(&self, table: TableIndex) -> Option<bool> {
        let of = self.table(table)?;
        let ensuring = self.links.get(of.link)?.ensuring.as_ref()?;
        let named = ensuring.tables.iter().any(|name| name == of.name.as_str());
        if named {
            self.accepts_missing(of.link)
        } else {
            None
        }
    }

    /// Customers of a link that are missing in its target: rows that a ticket can name.
    pub fn missing_customers(&self, link: usize) -> usize {
        let ensuring = self.links.get(link).and_then(|link| link.ensuring.as_ref());
        let named = |table: &TableState| {
            ensuring.is_some_and(|one| one.tables.iter().any(|name| name == table.name.as_str()))
        };
        self.tables_of(link)
            .filter(|(_, table)| named(table))
            .map(|(_, table)| table.counts.of(Drift::Missing))
            .sum()
    }

    /// Records that want a person or a sync: the count beside the name of the Records view.
    pub fn out_of_step(&self) -> usize {
        self.tables.iter().map(|table| table.counts.listed()).sum()
    }
}

/// The ensure hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookState {
    /// The place of its link, whose target calls it.
    pub link: usize,
    /// How it is.
    pub health: HookHealth,
}
