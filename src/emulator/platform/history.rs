//! The runs of the workflow, queued, under way and over: one at a time, the newest kept.
//!
//! The one truth that every platform lists from; does no work itself.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use rand::RngExt;
use serde_json::{Map, Value as Json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::run::{Action, Input, Run, STEPS, Status, Step, Trigger, Trouble};
use crate::emulator::instance::lock;

/// So many runs are remembered, for so long (contract 11.1).
const KEPT_RUNS: usize = 1000;
const KEPT_DAYS: i64 = 90;
/// So many rows are kept as the inputs of past runs; beyond it the oldest can no longer be repeated.
const KEPT_ROWS: usize = 200_000;
/// So many runs may wait for their turn.
const WAITING: usize = 100;
/// How long a run lasted that ended before the start.
const LASTED: TimeDelta = TimeDelta::seconds(4);
/// .NET's ticks of 100 ns begin in the year 1.
const TICKS_TO_1970: i64 = 621_355_968_000_000_000;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) trigger: Trigger,
    /// The caller's own tracking id, if it sent one.
    pub(crate) tracking: Option<String>,
    pub(crate) parameters: Map<String, Json>,
    pub(crate) repeats: Option<Repeat>,
}

/// Which run to repeat, and how.
#[derive(Debug)]
pub(crate) struct Repeat {
    pub(crate) input: Input,
    /// The step to begin with.
    pub(crate) from: usize,
    /// The run to be grouped with.
    pub(crate) group: Option<Uuid>,
}

/// A run whose turn it is.
pub(crate) struct Begun {
    pub(crate) id: Uuid,
    pub(crate) input: Input,
    pub(crate) from: usize,
    pub(crate) cancel: CancellationToken,
}

/// All runs, behind one lock.
#[derive(Debug)]
pub(crate) struct History {
    inner: Mutex<Inner>,
    queued: Notify,
}

#[derive(Debug)]
struct Inner {
    /// Oldest first.
    runs: VecDeque<Run>,
    /// Until when changes of the US are known to have been copied.
    copied_until: DateTime<Utc>,
}

impl History {
    pub(crate) fn new(copied_until: DateTime<Utc>) -> History {
        History {
            inner: Mutex::new(Inner {
                runs: VecDeque::new(),
                copied_until,
            }),
            queued: Notify::new(),
        }
    }

    /// Queues a run; `None` when too many are waiting.
    pub(crate) fn submit(&self, order: Order, now: DateTime<Utc>) -> Option<Run> {
        // As precise as it is shown, so that a filter finds what a list has.
        let now = now.trunc_subsecs(6);
        let mut inner = self.inner();
        let waiting = |run: &&Run| run.status == Status::Waiting;
        if inner.runs.iter().filter(waiting).count() >= WAITING {
            return None;
        }
        let id = Uuid::new_v4();
        let name = inner.name(now);
        let (input, from, group) = match &order.repeats {
            Some(repeat) => (repeat.input.clone(), repeat.from, repeat.group),
            None => (Input::default(), 0, None),
        };
        let run = Run {
            id,
            tracking: order.tracking.unwrap_or_else(|| name.clone()),
            name,
            trigger: order.trigger,
            parameters: order.parameters,
            group: group.unwrap_or(id),
            asked: now,
            begun: None,
            ended: None,
            status: Status::Waiting,
            trouble: None,
            actions: STEPS.into_iter().map(Action::new).collect(),
            input,
            from,
            is_repeat: order.repeats.is_some(),
            cancel: CancellationToken::new(),
        };
        inner.runs.push_back(run.clone());
        inner.forget(now);
        self.queued.notify_one();
        Some(run)
    }

    /// Remembers a run by the clock that ended before the emulator was started: well, or refused when it wrote. Its
    /// rows are not kept; when it is repeated, it reads its window anew.
    pub(crate) fn ended(&self, at: DateTime<Utc>, trouble: Option<&Trouble>) -> Run {
        let at = at.trunc_subsecs(6);
        let mut inner = self.inner();
        let id = Uuid::new_v4();
        let name = inner.name(at);
        let window = Some((inner.copied_until, at));
        let mut run = Run {
            id,
            tracking: name.clone(),
            name,
            trigger: Trigger::Recurrence,
            parameters: Map::new(),
            group: id,
            asked: at,
            begun: Some(at),
            ended: None,
            status: Status::Running,
            trouble: None,
            actions: STEPS.into_iter().map(Action::new).collect(),
            input: Input {
                window,
                ..Input::default()
            },
            from: 0,
            is_repeat: false,
            cancel: CancellationToken::new(),
        };
        for action in &mut run.actions {
            (action.started, action.ended) = (Some(at), Some(at));
            action.status = Status::Succeeded;
            if trouble.is_some() && matches!(action.step, Step::Upsert(_)) {
                action.status = Status::Failed;
                action.trouble = trouble.cloned();
                break;
            }
        }
        let (status, trouble) = match trouble {
            None => (Status::Succeeded, None),
            Some(_) => (Status::Failed, Some(Trouble::of_run())),
        };
        run.finish(status, trouble, at + LASTED);
        inner.runs.push_back(run.clone());
        run
    }

    /// Waits until a run was queued.
    pub(crate) async fn queued(&self) {
        self.queued.notified().await;
    }

    /// Gives the run that has waited longest its turn.
    pub(crate) fn begin(&self, now: DateTime<Utc>) -> Option<Begun> {
        let mut inner = self.inner();
        let since = inner.copied_until;
        let run = inner
            .runs
            .iter_mut()
            .find(|run| run.status == Status::Waiting)?;
        run.status = Status::Running;
        run.begun = Some(now);
        run.input.window.get_or_insert((since, now));
        Some(Begun {
            id: run.id,
            input: run.input.clone(),
            from: run.from,
            cancel: run.cancel.clone(),
        })
    }

    /// Changes a run that is remembered.
    pub(crate) fn change(&self, id: Uuid, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.inner().runs.iter_mut().find(|run| run.id == id) {
            change(run);
        }
    }

    /// Ends a run; one that succeeded, and did not repeat another, moves the beginning of the next one's window.
    pub(crate) fn end(
        &self,
        id: Uuid,
        status: Status,
        trouble: Option<Trouble>,
        now: DateTime<Utc>,
    ) {
        let mut inner = self.inner();
        let Some(run) = inner.runs.iter_mut().find(|run| run.id == id) else {
            return;
        };
        run.finish(status, trouble, now);
        let copied = run.input.window.filter(|_| !run.is_repeat);
        if let (Status::Succeeded, Some((_, until))) = (status, copied) {
            inner.copied_until = until;
        }
        inner.forget(now);
    }

    /// Asks a run to end; one that waits ends at once.
    pub(crate) fn cancel(&self, id: Uuid, now: DateTime<Utc>) {
        self.change(id, |run| {
            run.cancel.cancel();
            if run.status == Status::Waiting {
                run.finish(Status::Cancelled, None, now);
            }
        });
    }

    pub(crate) fn find(&self, is_it: impl Fn(&Run) -> bool) -> Option<Run> {
        self.inner().runs.iter().find(|run| is_it(run)).cloned()
    }

    /// The runs, newest first.
    pub(crate) fn list(&self, now: DateTime<Utc>) -> Vec<Run> {
        let mut inner = self.inner();
        inner.forget(now);
        inner.runs.iter().rev().cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Inner {
    /// A name of the shape of Logic Apps: the ticks that are left, so that newer names sort first, and some digits.
    fn name(&self, now: DateTime<Utc>) -> String {
        let ticks = now.timestamp_micros().saturating_mul(10) + TICKS_TO_1970;
        let mut left = i64::MAX - ticks;
        // Two runs of one microsecond must not change their order.
        if let Some(last) = self.runs.back().and_then(|run| run.name.get(..20)) {
            left = left.min(last.parse::<i64>().unwrap_or(left) - 1);
        }
        let random: u32 = rand::rng().random_range(0..1_000_000_000);
        format!("{left:020}{random:09}CU00")
    }

    /// Drops what is too old to be kept, runs that are not over excepted.
    fn forget(&mut self, now: DateTime<Utc>) {
        let horizon = now - TimeDelta::days(KEPT_DAYS);
        let mut too_many = self.runs.len().saturating_sub(KEPT_RUNS);
        self.runs.retain(|run| {
            let goes = run.is_over() && (too_many > 0 || run.asked < horizon);
            too_many = too_many.saturating_sub(usize::from(goes));
            !goes
        });
        let mut rows = 0;
        for run in self.runs.iter_mut().rev() {
            rows += run.input.len();
            if rows > KEPT_ROWS && run.is_over() {
                run.input = Input::default();
            }
        }
    }
}
