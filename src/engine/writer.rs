//! The one writer of the state: takes events in and changes the snapshot. Pure: no I/O, no clock, no tasks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::event::{Comparison, Event, Looked, Named, Probed};
use super::records::{Attempt, Record, Sides};
use super::state::{
    Counts, Entry, Finished, InstanceState, Lock, Notice, OperationRecord, OperationState,
    Progress, State, SyncRun, TableState, Tally, Tone,
};
use crate::dataverse::{ClientStatus, Observation};
use crate::domain::breaker::{Class, Transition};
use crate::domain::drift::Drift;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::health::{self, Calls, Evidence, Health, Probes};
use crate::domain::operation::{OperationId, RecordKey, Request, Stage, TableIndex, Verb};
use crate::domain::time::Now;

/// How long a record that is in step again stays listed after the last thing that was done to it.
const KEPT_AFTER_REPAIR: Duration = Duration::from_secs(120);
/// Lines of what changed that are kept.
const TIMELINE: usize = 1000;
/// Notices that are kept for frontends that have not shown them yet.
const NOTICES: usize = 32;
/// Outcomes of an operation that are kept in the state; the journal has them all.
const OUTCOMES: usize = 200;
/// Cells of latency that a frontend can draw: an hour.
const CELLS: usize = 40;
/// A clock that is off by less than this is not worth a word.
const SKEW: i64 = 2;

/// What one instance's health rests on.
#[derive(Debug, Default)]
struct Tracker {
    probes: Probes,
    calls: Calls,
    recovered: Option<Now>,
    down_since: Option<Now>,
}

/// The state and what is needed to change it.
#[derive(Debug)]
pub(super) struct StateWriter {
    state: Arc<State>,
    trackers: Vec<Tracker>,
    slots: HashMap<RecordKey, u32>,
    free: Vec<u32>,
    lines: HashMap<(OperationId, RecordKey, bool), usize>,
    dirty_lag: HashSet<TableIndex>,
    seq: u64,
}

impl StateWriter {
    /// Begins with what the configuration knows.
    pub(super) fn new(state: State) -> Self {
        let trackers = state.instances.iter().map(|_| Tracker::default()).collect();
        Self {
            state: Arc::new(state),
            trackers,
            slots: HashMap::new(),
            free: Vec::new(),
            lines: HashMap::new(),
            dirty_lag: HashSet::new(),
            seq: 0,
        }
    }

    /// The snapshot as it is now.
    pub(super) fn snapshot(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// The state to read.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The state to change; the published snapshot stays as it is.
    pub(super) fn state_mut(&mut self) -> &mut State {
        Arc::make_mut(&mut self.state)
    }

    /// Takes one event in.
    #[expect(clippy::too_many_lines, reason = "one arm for every event there is")]
    pub(super) fn apply(&mut self, event: Event, now: Now) {
        match event {
            Event::Observed {
                instance,
                observation,
            } => self.observed(instance, &observation, now),
            Event::Probed {
                instance,
                result,
                next,
            } => self.probed(instance, result.as_ref(), next, now),
            Event::Versioned { instance, version } => {
                self.instance(instance, |i| i.version = Some(version));
            }
            Event::Described { link, result } => self.described(link, result.err(), now),
            Event::Ruled { table, rules } => self.table(table, |t| t.rules = rules),
            Event::Comparing {
                table,
                source,
                target,
                started,
            } => self.table(table, |t| {
                let expected = t.compared.map(|_| 2 * t.counts.all());
                t.comparing = Some(Progress {
                    started,
                    source,
                    target,
                    expected,
                });
            }),
            Event::Compared(comparison) => self.compared(comparison, now),
            Event::CompareFailed { table, why } => self.table(table, |t| {
                t.comparing = None;
                t.failure = Some(why);
            }),
            Event::CompareEnded { .. } => {}
            Event::ChangedSince { table, rows } => self.table(table, |t| t.changed_since = rows),
            Event::Looked(looked) => self.looked(*looked),
            Event::Accepted {
                request,
                records,
                left_behind,
            } => self.accepted(request, &records, left_behind, now),
            Event::Remembered(operation) => self.remembered(operation),
            Event::Planned { operation, radius } => {
                self.operation(operation, |o| {
                    o.radius.get_or_insert_default().merge(radius);
                });
            }
            Event::Staged {
                operation,
                record,
                stage,
                columns,
                at,
                began,
            } => {
                self.staged(operation, &record, stage, columns, at, began);
            }
            Event::Waits { operation, waiting } => {
                self.operation(operation, |o| o.waiting = waiting);
            }
            Event::Resumed { operation } => {
                self.operation(operation, |o| o.was_left_behind = false);
            }
            Event::Finished {
                operation,
                cut_short,
                at,
            } => self.finished(operation, cut_short, at),
            Event::SyncStarted {
                link,
                operation,
                who,
            } => {
                self.link(link, |l| l.sync.running = Some(operation));
                self.note(None, format!("sync run started by {who}"), Tone::Plain, now);
            }
            Event::SyncEnded {
                link,
                run,
                next_due,
            } => self.sync_ended(link, run, next_due, now),
            Event::SyncDue {
                link,
                next_due,
                last_success,
            } => self.link(link, |l| {
                l.sync.next_due = Some(next_due);
                l.sync.last_success = l.sync.last_success.or(last_success);
                l.sync.runs.any |= last_success.is_some();
            }),
            Event::Previewed(preview) => self.state_mut().preview = Some(preview),
            Event::JournalFailed(why) => {
                if self.state.journal_fault.is_none() {
                    self.note(
                        None,
                        format!("the journal can't be written: {why}"),
                        Tone::Bad,
                        now,
                    );
                }
                self.state_mut().journal_fault = Some(why);
            }
            Event::Noticed {
                operation,
                text,
                tone,
            } => self.notice(operation, text, tone),
        }
    }

    /// Adds a line to what changed.
    pub(super) fn note(&mut self, instance: Option<usize>, text: String, tone: Tone, now: Now) {
        self.seq += 1;
        let entry = Arc::new(Entry {
            seq: self.seq,
            at: now.wall,
            instance,
            text,
            tone,
        });
        let timeline = &mut self.state_mut().timeline;
        if timeline.len() == TIMELINE {
            timeline.pop_front();
        }
        timeline.push_back(entry);
    }

    /// Tells frontends that something can't be done.
    pub(super) fn notice(&mut self, operation: Option<OperationId>, text: String, tone: Tone) {
        self.seq += 1;
        let notice = Notice {
            seq: self.seq,
            operation,
            text,
            tone,
        };
        let notices = &mut self.state_mut().notices;
        if notices.len() == NOTICES {
            notices.pop_front();
        }
        notices.push_back(notice);
    }

    /// Takes over what an instance's client says of itself, and judges all health anew.
    pub(super) fn statuses(
        &mut self,
        statuses: &[(ClientStatus, Vec<(Class, Transition)>)],
        now: Now,
    ) {
        for (place, (status, transitions)) in statuses.iter().enumerate() {
            for (class, transition) in transitions {
                self.transition(place, *class, transition);
            }
            let gate = status.gate.clone();
            let was_gated = self
                .state
                .instances
                .get(place)
                .is_some_and(|i| i.gate.is_some());
            if let (false, Some((until, why))) = (was_gated, &gate) {
                let wait = until.since(now).as_secs();
                self.note(
                    Some(place),
                    format!("throttled for {wait} s: {why}"),
                    Tone::Care,
                    now,
                );
            }
            if let Some(tracker) = self.trackers.get_mut(place) {
                tracker.probes.refused.clone_from(&status.rejected);
            }
            let breakers = status.breakers.clone();
            self.instance(place, |instance| {
                let writes = instance.is_target;
                instance.breakers = breakers
                    .into_iter()
                    .filter(|b| writes || b.class != Class::Write)
                    .collect();
                instance.gate = gate;
            });
        }
        self.judge(now);
    }

    fn transition(&mut self, instance: usize, class: Class, transition: &Transition) {
        let Transition {
            at,
            from,
            to,
            cause,
        } = transition;
        let tone = match *to {
            "closed" => Tone::Good,
            "half-open" => Tone::Plain,
            _ => Tone::Bad,
        };
        let text = format!("{} breaker {from} → {to}: {cause}", class.word());
        self.note(Some(instance), text, tone, *at);
    }

    /// Lets time pass: lag, sums and health are computed from the clock; what was repaired long ago is forgotten.
    pub(super) fn tick(&mut self, now: Now) {
        self.judge(now);
        self.forget(now);
        self.settle_lag();
        self.state_mut().now = now;
        let ran_out = matches!(self.state.lock, Lock::Armed { .. })
            && self.state.lock.armed_for(now).is_none();
        if ran_out {
            self.state_mut().lock = Lock::ReadOnly { may_arm: true };
            self.note(
                None,
                "locked again: the time is over".to_owned(),
                Tone::Plain,
                now,
            );
        }
    }

    fn judge(&mut self, now: Now) {
        let all_are_cut_off = health::cut_off(self.trackers.iter().map(|tracker| &tracker.probes));
        for place in 0..self.trackers.len() {
            let Some(tracker) = self.trackers.get(place) else {
                continue;
            };
            let Some(instance) = self.state.instances.get(place) else {
                continue;
            };
            let calls = tracker.calls.summary(now);
            let evidence = Evidence {
                probes: &tracker.probes,
                breakers: &instance.breakers,
                is_throttled: instance
                    .gate
                    .as_ref()
                    .is_some_and(|(until, _)| until.mono > now.mono),
                calls: &calls,
                recovered: tracker.recovered,
            };
            let health = health::judge(&evidence, all_are_cut_off, now);
            let latency = tracker.calls.cells(CELLS, now);
            let probes = tracker.probes.clone();
            let changed = instance.calls != calls
                || instance.cells != latency
                || instance.last_error != probes.last_error;
            if changed || instance.answered != probes.answered || instance.refused != probes.refused
            {
                self.instance(place, |instance| {
                    instance.calls = calls;
                    instance.cells = latency;
                    instance.answered = probes.answered.or(instance.answered);
                    instance.last_error.clone_from(&probes.last_error);
                    instance.refused.clone_from(&probes.refused);
                });
            }
            if let Some(health) = health {
                self.turned(place, health, now);
            }
        }
    }

    /// An instance's health may have changed: since when, what it was before, and what to remember of an outage.
    fn turned(&mut self, place: usize, health: Health, now: Now) {
        let Some(instance) = self.state.instances.get(place) else {
            return;
        };
        let was = instance.health;
        if was == health {
            return;
        }
        let was_since = instance.since;
        let is_down = |health| matches!(health, Health::Down | Health::CutOff);
        let mut since = now;
        let mut outage = None;
        if let Some(tracker) = self.trackers.get_mut(place) {
            if is_down(health) && !is_down(was) {
                since = tracker.probes.failing_since.unwrap_or(now);
                tracker.down_since = Some(since);
            }
            if is_down(was) && !is_down(health) {
                tracker.recovered = Some(now);
                outage = tracker.down_since.take().map(|from| (now, now.since(from)));
            }
        }
        let cause = instance.last_error.as_ref().map(|(_, why, _)| why.clone());
        self.instance(place, |instance| {
            // What began before its own cause was seen, or lasted no time, was no state to remember.
            let lasted = since.since(was_since);
            if was != Health::Unknown && !lasted.is_zero() {
                instance.before = Some((was, lasted));
            }
            instance.health = health;
            instance.since = since;
            instance.last_outage = outage.or(instance.last_outage);
        });
        let tone = match health {
            Health::Healthy => Tone::Good,
            Health::Down | Health::CutOff | Health::Refused => Tone::Bad,
            Health::Throttled | Health::Degraded | Health::Unknown => Tone::Care,
        };
        let why = cause
            .filter(|_| is_down(health))
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        self.note(
            Some(place),
            format!("{} → {}{why}", was.word(), health.word()),
            tone,
            now,
        );
    }

    fn observed(&mut self, instance: usize, observation: &Observation, now: Now) {
        if let Some(tracker) = self.trackers.get_mut(instance) {
            tracker.calls.record(observation.sample, observation.at);
            let failure = observation
                .failure
                .as_ref()
                .filter(|failure| failure.counts_for_breaker());
            if let Some(failure) = failure.filter(|_| !observation.sample.is_probe) {
                tracker.probes.last_error = Some((now, failure.cause(), failure.origin));
            }
            if observation.failure.is_none() {
                tracker.probes.answered = Some(observation.at);
            }
        }
    }

    fn probed(
        &mut self,
        place: usize,
        result: Option<&Result<Probed, Failure>>,
        next: Now,
        now: Now,
    ) {
        let Some(tracker) = self.trackers.get_mut(place) else {
            return;
        };
        match result {
            Some(Ok(_)) => tracker.probes.succeeded(now),
            Some(Err(failure)) if failure.counts_for_breaker() => {
                tracker.probes.failed(failure.cause(), failure.origin, now);
                let text = format!(
                    "probe {} failed: {}",
                    tracker.probes.failed_in_a_row,
                    failure.cause()
                );
                self.note(Some(place), text, Tone::Care, now);
            }
            Some(Err(failure)) => {
                tracker.probes.last_error = Some((now, failure.cause(), failure.origin));
            }
            None => {}
        }
        self.instance(place, |instance| {
            instance.next_probe = Some(next);
            if let Some(Ok(Probed { skew: Some(skew) })) = result {
                instance.skew = if skew.num_seconds().abs() < SKEW {
                    chrono::Duration::zero()
                } else {
                    *skew
                };
            }
        });
    }

    fn described(&mut self, link: usize, fault: Option<String>, now: Now) {
        if let Some(fault) = &fault {
            self.note(
                None,
                format!("the link can't be used: {fault}"),
                Tone::Bad,
                now,
            );
        }
        self.link(link, |l| l.fault = fault);
    }

    fn compared(&mut self, comparison: Comparison, now: Now) {
        let Comparison {
            table,
            started,
            in_sync,
            local,
            looked,
        } = comparison;
        let found: HashSet<RecordKey> = looked.iter().map(|looked| looked.record.key).collect();
        // What an operation read after the comparison began is newer than the comparison.
        let newer = |record: &Record| record.sides.read.mono > started.mono;
        let here = self
            .state
            .records
            .iter()
            .map(|(_, record)| record)
            .filter(|record| record.key.table == table);
        let gone = here.filter(|record| !found.contains(&record.key) && !newer(record));
        let gone: Vec<RecordKey> = gone.map(|record| record.key).collect();
        for key in gone {
            self.back_in_step(key);
        }
        let mut mended = 0;
        for looked in looked {
            match self.find(looked.record.key) {
                Some(record) if newer(record) => {
                    mended += usize::from(record.drift == Drift::InSync);
                }
                _ => self.place(looked),
            }
        }
        self.table(table, |t| {
            for (drift, sum) in [(Drift::InSync, in_sync + mended), (Drift::Local, local)] {
                if let Some(count) = t.counts.of_mut(drift) {
                    *count = sum;
                }
            }
            t.compared = Some(now);
            t.comparing = None;
            t.changed_since = 0;
            t.failure = None;
        });
        self.recount(table);
    }

    /// Counts the listed drifts of a table anew from its records; equal and local ones are only known by number.
    fn recount(&mut self, table: TableIndex) {
        let here = self
            .state
            .records
            .iter()
            .filter(|(_, record)| record.key.table == table);
        let listed: Counts = here
            .map(|(_, record)| record.drift)
            .filter(|drift| drift.is_listed())
            .collect();
        self.table(table, |t| {
            for drift in Drift::ALL.into_iter().filter(|drift| drift.is_listed()) {
                if let Some(count) = t.counts.of_mut(drift) {
                    *count = listed.of(drift);
                }
            }
        });
        self.dirty_lag.insert(table);
    }

    /// A record was read on both sides by an operation or for a person.
    fn looked(&mut self, looked: Looked) {
        let (key, drift) = (looked.record.key, looked.drift);
        let was = self.find(key).map(|record| record.drift);
        if was.is_none() && !drift.is_listed() {
            return;
        }
        self.place(looked);
        self.shift(key.table, was, drift);
    }

    /// Moves one record from one sum to another.
    fn shift(&mut self, table: TableIndex, from: Option<Drift>, to: Drift) {
        self.table(table, |t| {
            // A record that was not listed was counted among the equal ones.
            if let Some(count) = t.counts.of_mut(from.unwrap_or(Drift::InSync)) {
                *count = count.saturating_sub(1);
            }
            if let Some(count) = t.counts.of_mut(to) {
                *count += 1;
            }
        });
        self.dirty_lag.insert(table);
    }

    fn find(&self, key: RecordKey) -> Option<&Record> {
        self.state.records.get(*self.slots.get(&key)?)
    }

    fn change(&mut self, key: RecordKey, change: impl FnOnce(&mut Record)) {
        let Some(slot) = self.slots.get(&key).copied() else {
            return;
        };
        if let Some(Some(record)) = self.state_mut().records.slot_mut(slot) {
            change(record);
        }
    }

    /// Puts a record into its slot, keeping what only time knows of it.
    fn place(&mut self, looked: Looked) {
        let Looked {
            record: named,
            drift,
            is_guess,
            other,
            sides,
        } = looked;
        let key = named.key;
        let earlier = self.find(key);
        let since = match earlier {
            Some(earlier) if earlier.drift.is_pending() && drift.is_pending() => earlier.since,
            Some(earlier) if earlier.drift == drift => earlier.since,
            _ => pending_since(drift, &sides, self.skew_of_source(key.table)),
        };
        let (under_way, last) = earlier
            .map(|e| (e.under_way, e.last.clone()))
            .unwrap_or_default();
        let Named { name, number, .. } = named;
        let sides = Arc::new(sides);
        let record = Record {
            key,
            drift,
            is_guess,
            name,
            number,
            other,
            since,
            sides,
            under_way,
            last,
        };
        let slot = self.slots.get(&key).copied().or_else(|| self.free.pop());
        let slot =
            slot.unwrap_or_else(|| u32::try_from(self.state.records.slots()).unwrap_or(u32::MAX));
        self.slots.insert(key, slot);
        if let Some(place) = self.state_mut().records.slot_mut(slot) {
            *place = Some(record);
        }
        self.dirty_lag.insert(key.table);
    }

    fn skew_of_source(&self, table: TableIndex) -> chrono::Duration {
        let source = self
            .state
            .link_of(table)
            .and_then(|link| self.state.instances.get(link.source));
        source.map(|source| source.skew).unwrap_or_default()
    }

    /// A record that is in step again: it stays where it is while an operation or a person's eye is on it.
    fn back_in_step(&mut self, key: RecordKey) {
        let stays = self
            .find(key)
            .is_some_and(|record| record.under_way.is_some() || record.last.is_some());
        if stays {
            self.change(key, |record| record.drift = Drift::InSync);
        } else {
            self.remove(key);
        }
        self.dirty_lag.insert(key.table);
    }

    fn remove(&mut self, key: RecordKey) {
        let Some(slot) = self.slots.remove(&key) else {
            return;
        };
        if let Some(place) = self.state_mut().records.slot_mut(slot) {
            *place = None;
            self.free.push(slot);
        }
    }

    fn forget(&mut self, now: Now) {
        let over = |record: &Record| {
            !record.drift.is_listed()
                && record.under_way.is_none()
                && record
                    .last
                    .as_ref()
                    .is_none_or(|last| now.since(last.at) > KEPT_AFTER_REPAIR)
        };
        let over: Vec<RecordKey> = self
            .state
            .records
            .iter()
            .filter(|(_, record)| over(record))
            .map(|(_, record)| record.key)
            .collect();
        for key in over {
            self.remove(key);
        }
    }

    fn settle_lag(&mut self) {
        let dirty = std::mem::take(&mut self.dirty_lag);
        for index in dirty {
            let pending = self.state.records.iter().map(|(_, record)| record);
            let pending =
                pending.filter(|record| record.key.table == index && record.drift.is_pending());
            let oldest = pending.filter_map(|record| record.since).min();
            self.table(index, |t| t.oldest_pending = oldest);
        }
    }

    fn accepted(&mut self, request: Request, records: &[Named], left_behind: bool, now: Now) {
        let listed = records.iter().map(|record| OperationRecord {
            key: record.key,
            name: record.name.clone(),
            number: record.number.clone(),
            stage: Stage::Accepted,
            at: request.asked,
            columns: 0,
            took: Duration::ZERO,
            on_the_way: record.on_the_way,
        });
        let id = request.id;
        let count = records.len();
        if !left_behind {
            for record in records {
                self.change(record.key, |r| r.under_way = Some(id));
            }
        }
        let what = format!(
            "{} of {count} record{} accepted, by {}",
            request.verb,
            plural(count),
            request.who
        );
        let operation = OperationState {
            radius: None,
            progress: Tally {
                total: count,
                accepted: count,
                ..Tally::default()
            },
            records: listed.collect(),
            waiting: None,
            started: (!left_behind).then_some(now),
            finished: None,
            was_left_behind: left_behind,
            request,
        };
        for (place, record) in records.iter().enumerate() {
            self.lines
                .insert((id, record.key, record.on_the_way), place);
        }
        self.state_mut().operations.insert(0, Arc::new(operation));
        if left_behind {
            self.note(None, format!("found unfinished: {what}"), Tone::Care, now);
        } else {
            self.note(None, what, Tone::Plain, now);
        }
    }

    fn remembered(&mut self, operation: Arc<OperationState>) {
        let operations = &mut self.state_mut().operations;
        let place = operations.partition_point(|known| known.request.id > operation.request.id);
        operations.insert(place, operation);
    }

    fn operation(&mut self, id: OperationId, change: impl FnOnce(&mut OperationState)) {
        let operations = &mut self.state_mut().operations;
        if let Some(operation) = operations
            .iter_mut()
            .find(|operation| operation.request.id == id)
        {
            change(Arc::make_mut(operation));
        }
    }

    fn staged(
        &mut self,
        id: OperationId,
        named: &Named,
        stage: Stage,
        columns: usize,
        at: Now,
        began: Now,
    ) {
        let key = named.key;
        let verb = self
            .state
            .operation(id)
            .map_or(Verb::Sync, |operation| operation.request.verb);
        let place = self.lines.get(&(id, key, named.on_the_way)).copied();
        let known = self
            .state
            .operation(id)
            .map_or(0, |operation| operation.records.len());
        if place.is_none() {
            self.lines.insert((id, key, named.on_the_way), known);
        }
        let is_final = stage.is_final();
        let line = OperationRecord {
            key,
            name: named.name.clone(),
            number: named.number.clone(),
            stage: stage.clone(),
            at: at.wall,
            columns,
            took: at.since(began),
            on_the_way: named.on_the_way,
        };
        self.operation(id, |operation| {
            *operation.progress.of_mut(&stage) += 1;
            if let Some(record) = place.and_then(|place| operation.records.get_mut(place)) {
                let count = operation.progress.of_mut(&record.stage);
                *count = count.saturating_sub(1);
                *record = line;
            } else {
                operation.progress.total += 1;
                operation.records.push(line);
            }
        });
        self.change(key, |record| {
            record.under_way = (!is_final).then_some(id);
            record.last = Some(Attempt {
                operation: id,
                verb,
                stage,
                at,
            });
        });
    }

    fn finished(&mut self, id: OperationId, cut_short: Option<String>, at: Now) {
        self.operation(id, |operation| {
            let took = operation
                .started
                .map(|started| at.since(started))
                .unwrap_or_default();
            operation.finished = Some(Finished {
                at: at.wall,
                took,
                cut_short: cut_short.clone(),
            });
            operation.waiting = None;
        });
        self.lines.retain(|(operation, _, _), _| *operation != id);
        let held: Vec<RecordKey> = self
            .state
            .records
            .iter()
            .filter(|(_, record)| record.under_way == Some(id))
            .map(|(_, record)| record.key)
            .collect();
        for key in held {
            self.change(key, |record| record.under_way = None);
        }
        let Some(operation) = self.state.operation(id).cloned() else {
            return;
        };
        self.operation(id, trim);
        let (good, total) = (operation.progress.good(), operation.progress.total);
        let tone = if good == total {
            Tone::Good
        } else {
            Tone::Care
        };
        let why = cut_short
            .map(|why| format!(", cut short: {why}"))
            .unwrap_or_default();
        self.note(
            None,
            format!(
                "{} finished: {good} of {total} as asked{why}",
                operation.request.verb
            ),
            tone,
            at,
        );
    }

    fn sync_ended(
        &mut self,
        link: usize,
        run: SyncRun,
        next_due: Option<chrono::DateTime<chrono::Utc>>,
        now: Now,
    ) {
        let (text, tone) = match &run.failure {
            None => (
                format!(
                    "sync run ended: {} of {} records in step",
                    run.done, run.total
                ),
                Tone::Good,
            ),
            Some(why) => (
                format!(
                    "sync run failed at {} of {} records: {why}",
                    run.done, run.total
                ),
                Tone::Bad,
            ),
        };
        self.note(None, text, tone, now);
        self.link(link, |l| {
            l.sync.running = None;
            l.sync.runs.any = true;
            if run.failure.is_none() {
                l.sync.last_success = Some(now.wall);
                l.sync.runs.failed_in_a_row = 0;
            } else {
                l.sync.runs.failed_in_a_row += 1;
            }
            l.sync.next_due = next_due;
            l.sync.last_run = Some(run);
        });
    }

    fn instance(&mut self, place: usize, change: impl FnOnce(&mut InstanceState)) {
        if let Some(instance) = self.state_mut().instances.get_mut(place) {
            change(instance);
        }
    }

    fn link(&mut self, place: usize, change: impl FnOnce(&mut super::state::LinkState)) {
        if let Some(link) = self.state_mut().links.get_mut(place) {
            change(link);
        }
    }

    fn table(&mut self, index: TableIndex, change: impl FnOnce(&mut TableState)) {
        if let Some(table) = self.state_mut().tables.get_mut(usize::from(index.0)) {
            change(table);
        }
    }
}

/// Keeps what needs a person and the latest outcomes of a finished operation; the journal has them all.
fn trim(operation: &mut OperationState) {
    let (mut needing, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut operation.records)
        .into_iter()
        .partition(|record| record.stage.needs_a_person());
    let room = OUTCOMES.saturating_sub(needing.len());
    let skipped = rest.len().saturating_sub(room);
    needing.truncate(OUTCOMES);
    needing.extend(rest.into_iter().skip(skipped));
    operation.records = needing;
}

/// Since when a record is out of step, when it is first seen so (design, "Lag, exactly").
fn pending_since(
    drift: Drift,
    sides: &Sides,
    skew: chrono::Duration,
) -> Option<chrono::DateTime<chrono::Utc>> {
    let modified = |side: &crate::domain::drift::Side| side.row().and_then(|row| row.modified_on);
    let since = match drift {
        Drift::Missing | Drift::Stub | Drift::Stale | Drift::Duplicate => modified(&sides.source),
        Drift::Diverged | Drift::Orphan | Drift::Local => modified(&sides.target),
        Drift::Unknown => Some(sides.read.wall),
        Drift::InSync => None,
    };
    since.map(|since| (since - skew).min(sides.read.wall))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Whether a failed probe tells that the instance can't be reached, rather than that we were kept back.
pub(super) fn was_sent(failure: &Failure) -> bool {
    failure.class != FailureClass::NotAllowed
}
