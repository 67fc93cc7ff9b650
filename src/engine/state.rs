//! What can be seen: one immutable snapshot of everything, the only thing that a frontend reads.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::explain::Explained;
use super::records::Records;
use crate::domain::alert::{AlertKey, When};
use crate::domain::breaker::{BreakerStatus, Class, Forced, Phase};
use crate::domain::drift::{CompareRules, Drift, Flag};
use crate::domain::failure::Origin;
use crate::domain::health::{Cell, Health, Summary};
use crate::domain::hook::HookHealth;
use crate::domain::impact::Ensuring;
use crate::domain::lag::{self, LinkCondition, Runs, Schedule};
use crate::domain::note::Taken;
use crate::domain::operation::{OperationId, RecordKey, Request, Stage, TableIndex};
use crate::domain::plan::{BlastRadius, Plan};
use crate::domain::run::{self, Backend, PlatformRun};
use crate::domain::table::TableName;
use crate::domain::time::Now;

pub use crate::journal::Holder;

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

/// An alert that fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Which, as those who are told know it.
    pub key: AlertKey,
    /// What its rule watches.
    pub when: When,
    /// Since when that has held.
    pub since: DateTime<Utc>,
    /// Whether it was seen to begin: else whoever took it before this process looked has it still.
    pub was_seen_to_begin: bool,
    /// What is the matter, for people.
    pub text: String,
    /// Where it says what to do.
    pub runbook: Option<String>,
    /// Whether anybody outside is told, or only who looks here.
    pub is_told: bool,
}

/// The ensure hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookState {
    /// The place of its link, whose target calls it.
    pub link: usize,
    /// How it is.
    pub health: HookHealth,
}

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

/// One link.
#[derive(Clone, Debug)]
pub struct LinkState {
    /// Its name.
    pub name: String,
    /// The source's place among the instances.
    pub source: usize,
    /// The target's place among the instances.
    pub target: usize,
    /// When its sync is due.
    pub schedule: Schedule,
    /// Its sync.
    pub sync: SyncState,
    /// Its lag of the last day, oldest first, as it was looked at now and then; what was before this process is from the
    /// index.
    pub lags: Arc<Vec<(DateTime<Utc>, Duration)>>,
    /// Who ensures the customers of the target's tickets; absent while that is not known.
    pub ensuring: Option<Ensuring>,
    /// Why its tables can't be compared or repaired at all: a configuration that does not fit the instances.
    pub fault: Option<String>,
    /// What a person should know of its configuration.
    pub warnings: Vec<String>,
}

/// The sync of a link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SyncState {
    /// What runs it.
    pub backend: Backend,
    /// Whether this process runs it on its schedule.
    pub is_scheduled: bool,
    /// The operation of ours that is a run, or follows one.
    pub running: Option<OperationId>,
    /// The latest runs, as the job's platform lists them; newest first.
    pub list: Option<RunList>,
    /// Why they can't be listed now.
    pub unlisted: Option<String>,
    /// When a run last ended without a failure.
    pub last_success: Option<DateTime<Utc>>,
    /// When that run began: what had changed by then, it should have brought over.
    pub last_success_began: Option<DateTime<Utc>>,
    /// The latest run that ended.
    pub last_run: Option<SyncRun>,
    /// When the next one is due; known only where this process, or a success, tells.
    pub next_due: Option<DateTime<Utc>>,
    /// How the latest runs ended.
    pub runs: Runs,
}

impl SyncState {
    /// The run that the platform has under way.
    pub fn under_way(&self) -> Option<&PlatformRun> {
        let mut runs = self.list.iter().flat_map(|list| list.runs.iter());
        runs.find(|run| run.status.is_under_way())
    }

    /// Whether a run is under way, whoever carries it out.
    pub fn is_running(&self) -> bool {
        self.running.is_some() || self.under_way().is_some()
    }

    /// How the latest runs ended, as far as anything tells: of a platform's runs those count that ended within the
    /// time in which one should have.
    fn ends(&self, schedule: Schedule, now: DateTime<Utc>) -> Runs {
        let hidden = self.backend.why_unlisted().is_some() || self.unlisted.is_some();
        let Some(list) = &self.list else {
            let unseen = self.backend != Backend::BuiltIn;
            return Runs {
                hidden: hidden || unseen,
                ..self.runs
            };
        };
        let within = chrono::Duration::from_std(schedule.cadence + schedule.grace);
        let since = within
            .ok()
            .and_then(|within| now.checked_sub_signed(within));
        Runs {
            hidden,
            ..run::ends(&list.runs, since.unwrap_or(DateTime::<Utc>::MIN_UTC))
        }
    }
}

/// The runs of a job, as they were last listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunList {
    /// Newest first.
    pub runs: Arc<[PlatformRun]>,
    /// When.
    pub at: Now,
}

/// One run of a sync that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRun {
    /// Who started it.
    pub who: String,
    /// When.
    pub started: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// Records that are as they should be now.
    pub done: usize,
    /// Records that it set out to do.
    pub total: usize,
    /// Why it broke off or what failed, if anything.
    pub failure: Option<String>,
}

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
    pub(super) fn of_mut(&mut self, flag: Flag) -> &mut usize {
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
    pub(super) fn of_mut(&mut self, drift: Drift) -> Option<&mut usize> {
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

/// One operation and how it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationState {
    /// What was asked.
    pub request: Request,
    /// What it touches, as far as its records have been planned.
    pub radius: Option<BlastRadius>,
    /// Counts of its records.
    pub progress: Tally,
    /// What needs a person first, then the latest outcomes; 200 at most.
    pub records: Vec<OperationRecord>,
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
    pub(super) fn of_mut(&mut self, stage: &Stage) -> &mut usize {
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

/// One line of what changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number; numbers only grow.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The instance that it is about, by its place.
    pub instance: Option<usize>,
    /// What happened, made visible.
    pub text: String,
    /// How bad it is.
    pub tone: Tone,
    /// Who put it down, where it is a person's word.
    #[serde(default)]
    pub who: Option<String>,
}

/// How bad a line or figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tone {
    /// Nothing to worry about.
    Plain,
    /// Good news.
    Good,
    /// Wants an eye.
    Care,
    /// Wants a hand.
    Bad,
}

/// Whether writes are unlocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Nothing is written at a person's word.
    ReadOnly {
        /// Whether it can be armed at all.
        may_arm: bool,
    },
    /// Writes to the targets are unlocked.
    Armed {
        /// By whom.
        who: String,
        /// Why.
        reason: String,
        /// Until when.
        until: Now,
    },
}

impl Lock {
    /// How long writes stay unlocked.
    pub fn armed_for(&self, now: Now) -> Option<Duration> {
        match self {
            Self::Armed { until, .. } => until
                .mono
                .checked_sub(now.mono)
                .filter(|left| !left.is_zero()),
            Self::ReadOnly { .. } => None,
        }
    }
}

/// Something that was asked for and can't be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number; numbers only grow.
    pub seq: u64,
    /// The operation it is about.
    pub operation: Option<OperationId>,
    /// Whether that operation was refused as a whole; else one of its records could not be named.
    pub refuses: bool,
    /// What, and why, and what can be done.
    pub text: String,
    /// How bad it is.
    pub tone: Tone,
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
