//! The workflow at work: one task that carries out the runs in turn, one that queues the daily one by the emulator's clock.
//!
//! The clock may be moved by days: what was missed meanwhile is one run, as with a real recurrence.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Map;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Platform;
use super::connection::Connection;
use super::copy::{self, Outcome};
use super::flow;
use super::history::{Begun, History, Order};
use super::manner::Manner;
use super::run::{Copied, Count, Input, STEPS, SourceRow, Status, Step, Trigger, Trouble};
use crate::emulator::clock::Clock;
use crate::emulator::instance::Instance;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Carries out every run that is queued, one at a time, until it is stopped.
pub(crate) async fn work(
    platform: Arc<Platform>,
    us: Arc<Instance>,
    europe: Arc<Instance>,
    stop: CancellationToken,
) {
    loop {
        while let Some(begun) = platform.history.begin(us.clock.now()) {
            let run = Working::new(&platform, &us, &europe, begun);
            let id = run.id;
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = run.carry_out() => {}
            }
            if let Some(run) = platform.history.find(|run| run.id == id) {
                let us = Arc::clone(&us);
                off(move || flow::note(&us, &run)).await;
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = platform.history.queued() => {}
        }
    }
}

/// When the workflow runs by itself, by the emulator's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recurrence {
    /// So long after it was enabled for the first time.
    pub(crate) first: TimeDelta,
    /// And so often after that.
    pub(crate) every: TimeDelta,
    /// So many of its runs before the start were refused; before those it ran well.
    pub(crate) refused: u16,
}

impl Default for Recurrence {
    fn default() -> Recurrence {
        let day = TimeDelta::days(1);
        Recurrence {
            first: day,
            every: day,
            refused: 0,
        }
    }
}

/// Queues a run whenever one is due; lets old rows of runs go.
pub(crate) async fn schedule(
    platform: Arc<Platform>,
    us: Arc<Instance>,
    recurrence: Recurrence,
    stop: CancellationToken,
) {
    let Recurrence { first, every, .. } = recurrence;
    let mut due: Option<(DateTime<Utc>, DateTime<Utc>)> = None;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let own = Arc::clone(&us);
        let enabled = off(move || {
            flow::forget(&own, own.clock.now());
            flow::enabled_since(&own)
        });
        let Some(enabled) = enabled.await.flatten() else {
            due = None;
            continue;
        };
        let (_, mut next) = due
            .filter(|(since, _)| *since == enabled)
            .unwrap_or((enabled, enabled + first));
        let now = us.clock.now();
        if next <= now {
            platform.history.submit(daily(), now);
            // What was missed meanwhile is one run.
            let missed = (now - next).num_milliseconds() / every.num_milliseconds().max(1);
            next += every * i32::try_from(missed + 1).unwrap_or(1);
        }
        due = Some((enabled, next));
    }
}

/// Does what may have to wait for the store off the runtime's workers; `None` if it failed.
async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

fn daily() -> Order {
    Order {
        trigger: Trigger::Recurrence,
        tracking: None,
        parameters: Map::new(),
        repeats: None,
    }
}

/// A run under way.
struct Working<'h> {
    history: &'h History,
    manner: Manner,
    clock: Arc<Clock>,
    us: Connection,
    europe: Connection,
    id: Uuid,
    input: Input,
    from: usize,
    cancel: CancellationToken,
    accounts: Vec<SourceRow>,
    contacts: Vec<SourceRow>,
}

impl<'h> Working<'h> {
    fn new(
        platform: &'h Platform,
        us: &Arc<Instance>,
        europe: &Arc<Instance>,
        begun: Begun,
    ) -> Working<'h> {
        Working {
            history: &platform.history,
            manner: platform.manner(),
            clock: Arc::clone(&us.clock),
            us: Connection::new(us),
            europe: Connection::new(europe),
            id: begun.id,
            input: begun.input,
            from: begun.from,
            cancel: begun.cancel,
            accounts: Vec::new(),
            contacts: Vec::new(),
        }
    }

    async fn carry_out(mut self) {
        let cancel = self.cancel.clone();
        for (place, step) in STEPS.into_iter().enumerate() {
            if place < self.from && !matches!(step, Step::List(_)) {
                self.pass_over(step);
                continue;
            }
            self.note(place, Status::Running, Count::default(), None);
            let outcome = tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                outcome = self.step(step) => Some(outcome),
            };
            let (status, count, trouble) = match outcome {
                None => (Status::Cancelled, Count::default(), None),
                Some(Outcome { count, trouble }) if trouble.is_some() => {
                    (Status::Failed, count, trouble)
                }
                Some(Outcome { count, .. }) => (Status::Succeeded, count, None),
            };
            self.note(place, status, count, trouble);
            if status != Status::Succeeded {
                let failure = (status == Status::Failed).then(Trouble::of_run);
                self.history.end(self.id, status, failure, self.clock.now());
                return;
            }
        }
        self.history
            .end(self.id, Status::Succeeded, None, self.clock.now());
    }

    /// Leaves a step to the run that is repeated; the lookups that it may have left out are all set again.
    fn pass_over(&mut self, step: Step) {
        if let Step::Upsert(of) = step {
            let rows = self.input.rows(of).into_iter().flat_map(|rows| rows.iter());
            let bound = rows.filter(|row| row.lookup.target.is_some());
            let bound = bound.cloned().collect();
            *self.left_out(of) = bound;
        }
    }

    async fn step(&mut self, step: Step) -> Outcome {
        match step {
            Step::List(of) => match self.list(of).await {
                Ok(rows) => Outcome {
                    count: Count {
                        rows,
                        done: rows,
                        refused: 0,
                    },
                    trouble: None,
                },
                Err(trouble) => Outcome {
                    count: Count::default(),
                    trouble: Some(trouble),
                },
            },
            Step::Upsert(of) => {
                if of == Copied::Accounts {
                    tokio::time::sleep(Duration::from_millis(self.manner.wait_ms)).await;
                }
                let rows = self.input.rows(of).cloned().unwrap_or_default();
                let (outcome, left_out) =
                    copy::upsert(&mut self.europe, of, &rows, self.manner).await;
                *self.left_out(of) = left_out;
                outcome
            }
            Step::SetLookups(of) => {
                let rows = std::mem::take(self.left_out(of));
                copy::set_lookups(&mut self.europe, of, &rows).await
            }
        }
    }

    /// Reads the rows, unless the run repeats one that has read them.
    async fn list(&mut self, of: Copied) -> Result<usize, Trouble> {
        if let Some(rows) = self.input.rows(of) {
            return Ok(rows.len());
        }
        let now = self.clock.now();
        let window = self.input.window.unwrap_or((now, now));
        let rows = copy::list(&mut self.us, of, window, self.manner.order).await?;
        let count = rows.len();
        self.input.keep(of, Arc::clone(&rows));
        self.history.change(self.id, |run| run.input.keep(of, rows));
        Ok(count)
    }

    fn left_out(&mut self, of: Copied) -> &mut Vec<SourceRow> {
        match of {
            Copied::Accounts => &mut self.accounts,
            Copied::Contacts => &mut self.contacts,
        }
    }

    /// Writes down what has become of an action.
    fn note(&self, place: usize, status: Status, count: Count, trouble: Option<Trouble>) {
        let now = self.clock.now();
        self.history.change(self.id, |run| {
            let Some(action) = run.actions.get_mut(place) else {
                return;
            };
            action.status = status;
            action.count = count;
            action.trouble = trouble;
            if status == Status::Running {
                action.started = Some(now);
            } else {
                action.ended = Some(now);
            }
        });
    }
}
