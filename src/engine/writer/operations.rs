//! What the state says of operations and of the runs of a sync.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{StateWriter, plural};
use crate::domain::operation::{OperationId, RecordKey, Request, Stage, TableIndex, Verb};
use crate::domain::time::{Now, age};
use crate::engine::event::Named;
use crate::engine::records::Attempt;
use crate::engine::state::{Finished, OperationRecord, OperationState, SyncRun, Tally, Tone};
use crate::journal::Pruned;

/// Outcomes of an operation that are kept in the state; the journal has them all.
const OUTCOMES: usize = 200;

/// Operations that are kept in the state; the journal has them all.
const OPERATIONS: usize = 200;

impl StateWriter {
    pub(super) fn accepted(
        &mut self,
        request: Request,
        records: &[Named],
        left_behind: bool,
        now: Now,
    ) {
        let listed = records.iter().map(|record| {
            Arc::new(OperationRecord {
                key: record.key,
                name: record.name.clone(),
                number: record.number.clone(),
                stage: Stage::Accepted,
                at: request.asked,
                columns: 0,
                took: Duration::ZERO,
                on_the_way: record.on_the_way,
            })
        });
        let id = request.id;
        let count = records.len();
        if !left_behind {
            for record in records {
                self.change(record.key, |r| r.under_way = Some(id));
            }
        }
        let is_order = records
            .iter()
            .any(|record| record.key.table == TableIndex::RUNS);
        let what = if is_order {
            format!(
                "{} of the link's job asked for by {}",
                request.verb, request.who
            )
        } else {
            format!(
                "{} of {count} record{} accepted, by {}",
                request.verb,
                plural(count),
                request.who
            )
        };
        // Finding out which records were named, and waiting for that, is part of it.
        let before = age(now.wall, request.asked);
        let asked = Now {
            mono: now.mono.saturating_sub(before),
            wall: request.asked,
        };
        let operation = OperationState {
            radius: None,
            progress: Tally {
                total: count,
                accepted: count,
                ..Tally::default()
            },
            records: listed.collect(),
            waiting: None,
            paused: None,
            started: (!left_behind).then_some(asked),
            finished: None,
            was_left_behind: left_behind,
            request,
        };
        for (place, record) in records.iter().enumerate() {
            self.lines
                .insert((id, record.key, record.on_the_way), place);
        }
        let operations = &mut self.state_mut().operations;
        operations.insert(0, Arc::new(operation));
        let is_over = |operation: &Arc<OperationState>| operation.is_finished();
        while operations.len() > OPERATIONS && operations.last().is_some_and(is_over) {
            operations.pop();
        }
        if left_behind {
            self.note(None, format!("found unfinished: {what}"), Tone::Care, now);
        } else {
            self.note(None, what, Tone::Plain, now);
        }
    }

    pub(super) fn remembered(&mut self, operation: Arc<OperationState>) {
        let operations = &mut self.state_mut().operations;
        let place = operations.partition_point(|known| known.request.id > operation.request.id);
        operations.insert(place, operation);
    }

    pub(super) fn operation(&mut self, id: OperationId, change: impl FnOnce(&mut OperationState)) {
        let operations = &mut self.state_mut().operations;
        if let Some(operation) = operations
            .iter_mut()
            .find(|operation| operation.request.id == id)
        {
            change(Arc::make_mut(operation));
        }
    }

    pub(super) fn staged(
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
                *record = Arc::new(line);
            } else {
                operation.progress.total += 1;
                operation.records.push(Arc::new(line));
            }
        });
        self.change(key, |record| {
            record.under_way = (!is_final).then_some(id);
            record.last = Some(Box::new(Attempt {
                operation: id,
                verb,
                stage,
                at,
            }));
        });
    }

    pub(super) fn finished(&mut self, id: OperationId, cut_short: Option<String>, at: Now) {
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
            operation.paused = None;
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
        let is_order = operation
            .records
            .iter()
            .any(|record| record.key.table == TableIndex::RUNS);
        // How its run ended is said by the list of runs.
        if is_order && good == total {
            return;
        }
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

    /// Old entries were taken out of the journal, or could not be.
    pub(super) fn pruned(&mut self, keep: Duration, pruned: Result<Pruned, String>, now: Now) {
        let days = keep.as_secs() / (24 * 3600);
        let (text, tone) = match pruned {
            Ok(Pruned { entries: 0, .. }) => return,
            Ok(Pruned { entries, .. }) => {
                let text = format!(
                    "{entries} entries of the journal that are older than {days} days were taken away"
                );
                (text, Tone::Plain)
            }
            Err(why) => {
                let text = format!("what is older than {days} days stays in the journal: {why}");
                (text, Tone::Care)
            }
        };
        self.note(None, text, tone, now);
    }

    pub(super) fn sync_ended(
        &mut self,
        link: usize,
        run: SyncRun,
        next_due: Option<DateTime<Utc>>,
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
            Some(why) if run.total == 0 => (format!("sync run failed: {why}"), Tone::Bad),
            Some(why) => {
                let far = format!("{} of {} records", run.done, run.total);
                (format!("sync run failed at {far}: {why}"), Tone::Bad)
            }
        };
        self.note(None, text, tone, now);
        self.link(link, |l| {
            l.sync.running = None;
            l.sync.runs.any = true;
            if run.failure.is_none() {
                l.sync.last_success = Some(now.wall);
                l.sync.last_success_began = Some(run.started);
                l.sync.runs.failed_in_a_row = 0;
            } else {
                l.sync.runs.failed_in_a_row += 1;
            }
            l.sync.next_due = next_due;
            l.sync.last_run = Some(run);
        });
        self.ran(link);
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
