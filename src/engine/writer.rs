//! The one writer of the state: takes events in and changes the snapshot. Pure: no I/O, no clock, no tasks.

mod followed;
mod hook;
mod incident;
mod instances;
mod operations;
mod records;
mod runs;
mod samples;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::event::Event;
use super::state::{
    Entry, InstanceState, LinkState, Lock, Notice, State, TableState, Tone, Traffic,
};
use crate::domain::health::{Calls, Probes};
use crate::domain::operation::{OperationId, RecordKey, TableIndex};
use crate::domain::time::Now;

/// Lines of what changed that are kept.
const TIMELINE: usize = 1000;
/// Notices that are kept for frontends that have not shown them yet.
const NOTICES: usize = 32;

/// What one instance's health rests on.
#[derive(Debug, Default)]
struct Tracker {
    probes: Probes,
    calls: Calls,
    recovered: Option<Now>,
    down_since: Option<Now>,
    /// When it last was in a wait that the instance asked for.
    gated: Option<Now>,
    /// Up to when waits and open breakers have been counted.
    counted: Option<Now>,
    traffic: Traffic,
    /// How it was when an earlier process last saw it, until it is known how it is now.
    earlier: Option<samples::Earlier>,
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
    /// Whether what is known of the instances is what an agent beside us says.
    follows: bool,
    /// The last line of the agent's that was taken over: its number, and when.
    told_line: Option<(u64, DateTime<Utc>)>,
    /// Whether lines are left out: somebody else has said it.
    is_quiet: bool,
    history: History,
}

/// What of earlier processes was read.
#[derive(Debug, Default)]
struct History {
    /// What people put down.
    notes: bool,
    /// What was seen.
    lines: bool,
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
            follows: false,
            told_line: None,
            is_quiet: false,
            history: History::default(),
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
            Event::Described { link, result } => {
                let warnings = result.iter().flat_map(|context| context.warnings());
                let warnings = warnings.map(str::to_owned).collect();
                self.described(link, result.err(), warnings, now);
            }
            Event::Ruled { table, rules } => self.table(table, |t| t.rules = rules),
            Event::Comparing { table, progress } => self.table(table, |t| {
                t.failure = None;
                t.comparing = Some(progress);
            }),
            Event::Compared(comparison) => self.compared(comparison, now),
            Event::CompareFailed { table, why } => self.table(table, |t| {
                t.comparing = None;
                t.failure = Some(why);
            }),
            Event::ComparesInFull { link, text } => {
                let place = self.state.links.get(link).map(|link| link.source);
                self.note(place, text, Tone::Care, now);
            }
            Event::CompareEnded { .. }
            | Event::Written
            | Event::Settled { .. }
            | Event::Ordered { .. }
            | Event::Journalled { .. }
            | Event::IndexClaimed { .. }
            | Event::Owed { .. }
            | Event::Recalled(_)
            | Event::LeftBehind(_) => {}
            Event::Told(live) => self.told(*live),
            Event::Restored(samples) => self.restore(&samples, now),
            Event::AgentSeen(agent) => self.state_mut().agent = agent,
            Event::Refused { operation, why } => self.refused(operation, why),
            Event::ChangedSince { table, rows } => self.table(table, |t| t.changed_since = rows),
            Event::Looked(looked) => self.looked(*looked),
            Event::Parked { record, why } => {
                self.change(record, |record| record.parked = Some(why));
                self.dirty_lag.insert(record.table);
            }
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
            Event::Paused { operation, why } => {
                if let Some(why) = &why {
                    let text = format!("a repair is paused: {why}; a person decides");
                    self.note(None, text, Tone::Bad, now);
                }
                self.operation(operation, |o| o.paused = why);
            }
            Event::Resumed { operation } => self.operation(operation, |o| {
                o.was_left_behind = false;
                o.started = Some(now);
            }),
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
            Event::RunsListed { link, runs, at } => self.runs_listed(link, runs, at, now),
            Event::OrderBegan { link, operation } => {
                self.link(link, |l| l.sync.running = Some(operation));
            }
            Event::OrderEnded { link, operation } => self.link(link, |l| {
                l.sync.running.take_if(|running| *running == operation);
            }),
            Event::SyncDue { link, next_due } => {
                self.link(link, |l| l.sync.next_due = Some(next_due));
            }
            Event::SyncRemembered { link, began, ended } => {
                self.link(link, |l| {
                    l.sync.last_success = Some(ended);
                    l.sync.last_success_began = Some(began);
                    l.sync.runs.any = true;
                });
                self.ran(link);
            }
            Event::Previewed(preview) => self.state_mut().preview = Some(preview),
            Event::Explained(explained) => self.state_mut().explained = Some(explained),
            Event::Alarmed { alarms, told } => self.alarmed(alarms, told, now),
            Event::Noted(notes) => self.noted(notes),
            Event::HookSaid(said) => self.hook_said(said, now),
            Event::HookCalled(called) => self.hook_called(called, now),
            Event::Ensured { link, ensuring } => self.link(link, |link| {
                link.ensuring = Some(ensuring);
            }),
            Event::Pruned { keep, pruned } => self.pruned(keep, pruned, now),
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
        if self.is_quiet {
            return;
        }
        self.seq += 1;
        let entry = Arc::new(Entry {
            seq: self.seq,
            at: now.wall,
            instance,
            text,
            tone,
            who: None,
        });
        let timeline = &mut self.state_mut().timeline;
        if timeline.len() == TIMELINE {
            timeline.pop_front();
        }
        timeline.push_back(entry);
    }

    /// Tells frontends that something can't be done.
    pub(super) fn notice(&mut self, operation: Option<OperationId>, text: String, tone: Tone) {
        self.push_notice(operation, false, text, tone);
    }

    /// Tells frontends that an operation is refused as a whole.
    pub(super) fn refused(&mut self, operation: OperationId, why: String) {
        self.push_notice(Some(operation), true, why, Tone::Bad);
    }

    fn push_notice(
        &mut self,
        operation: Option<OperationId>,
        refuses: bool,
        text: String,
        tone: Tone,
    ) {
        self.seq += 1;
        let notice = Notice {
            seq: self.seq,
            operation,
            refuses,
            text,
            tone,
        };
        let notices = &mut self.state_mut().notices;
        if notices.len() == NOTICES {
            notices.pop_front();
        }
        notices.push_back(notice);
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

    fn described(&mut self, link: usize, fault: Option<String>, warnings: Vec<String>, now: Now) {
        let named = self.state.links.get(link);
        let name = named.map_or_else(String::new, |link| link.name.clone());
        if let Some(fault) = &fault {
            let text = format!("link {name} can't be used: {fault}");
            self.note(None, text, Tone::Bad, now);
        }
        for warning in &warnings {
            let text = format!("link {name}: {warning}");
            self.note(None, text, Tone::Care, now);
        }
        self.link(link, |l| {
            l.fault = fault;
            l.warnings = warnings;
        });
    }

    fn instance(&mut self, place: usize, change: impl FnOnce(&mut InstanceState)) {
        if let Some(instance) = self.state_mut().instances.get_mut(place) {
            change(instance);
        }
    }

    fn link(&mut self, place: usize, change: impl FnOnce(&mut LinkState)) {
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

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests;
