//! What is done after the reply: asynchronous steps and bulk deletes, each with a row of `asyncoperation` that tells how
//! it went.
//!
//! ```text
//! ready ──▶ locked (in progress) ──▶ completed (succeeded, failed)
//!              ▲  └──▶ suspended (waiting) ──┐
//!              └──── its time has come ──────┘
//! ```
//!
//! Its caller hears nothing of a failure (contract 8.1). Waiting follows the emulator's clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::instance::{Instance, lock};
use super::operation::bulk_delete::BulkDelete;
use super::operation::{Caller, write};
use super::pipeline::{Context, Event, Handler, Step};
use super::refusal::{Outcome, Refusal};
use super::schema::Table;
use super::store::Store;
use super::transaction::Transaction;
use super::value::{Reference, Value};

/// So often a webhook is called before its job fails (contract 8.1: up to 4 times).
const MOST_TRIES: u32 = 4;
/// Between two tries, by the emulator's clock; not documented.
const PAUSE: TimeDelta = TimeDelta::seconds(5);
/// How often the emulator's clock is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The states of an asynchronous operation, as `(statecode, statuscode)`.
mod state {
    pub(super) const WAITING: (i64, i64) = (1, 10);
    pub(super) const IN_PROGRESS: (i64, i64) = (2, 20);
    pub(super) const SUCCEEDED: (i64, i64) = (3, 30);
    pub(super) const FAILED: (i64, i64) = (3, 31);
    pub(super) const CANCELED: (i64, i64) = (3, 32);
    /// The states and the status of a job that is not to go on.
    pub(super) const COMPLETED: i64 = 3;
    pub(super) const CANCELING: i64 = 22;
}

/// The jobs of one instance that nobody has begun yet.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    waiting: Mutex<VecDeque<Job>>,
    arrived: Notify,
}

/// Something that is done after its transaction was committed.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The row of `asyncoperation`.
    row: Uuid,
    /// Of the store that it was recorded in.
    epoch: u64,
    caller: Caller,
    /// By the emulator's clock.
    not_before: Option<DateTime<Utc>>,
    work: Work,
}

#[derive(Clone, Debug)]
enum Work {
    Step(Arc<Event>, Arc<Step>),
    /// With the row of `bulkdeleteoperation`.
    BulkDelete(Uuid, Arc<BulkDelete>),
}

impl Jobs {
    pub(crate) fn add(&self, jobs: Vec<Job>) {
        if !jobs.is_empty() {
            lock(&self.waiting).extend(jobs);
            self.arrived.notify_one();
        }
    }

    fn next(&self) -> Option<Job> {
        lock(&self.waiting).pop_front()
    }
}

/// Does the jobs of an instance as they come, until it is stopped.
pub(crate) async fn work(instance: Arc<Instance>, stop: CancellationToken) {
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = running.join_next(), if !running.is_empty() => {}
            () = instance.jobs.arrived.notified() => {
                while let Some(job) = instance.jobs.next() {
                    running.spawn(finish(Arc::clone(&instance), job, stop.clone()));
                }
            }
        }
    }
    while running.join_next().await.is_some() {}
}

/// Tries a job until it is done or has failed for good.
async fn finish(instance: Arc<Instance>, job: Job, stop: CancellationToken) {
    if let Some(start) = job.not_before
        && start > instance.clock.now()
    {
        let (own, this) = (Arc::clone(&instance), job.clone());
        let noted = spawn_blocking(move || this.note(&own, state::WAITING, &[])).await;
        if noted.is_err() || !is_time(&instance, start, &stop).await {
            return;
        }
    }
    for attempt in 1..=MOST_TRIES {
        let (own, this) = (Arc::clone(&instance), job.clone());
        let tried = spawn_blocking(move || this.attempt(&own, attempt)).await;
        if !matches!(tried, Ok(Tried::Again)) {
            return;
        }
        let until = instance.clock.now() + PAUSE;
        if !is_time(&instance, until, &stop).await {
            return;
        }
    }
}

/// Waits for a time of the emulator's clock; false if stopped before.
async fn is_time(instance: &Instance, until: DateTime<Utc>, stop: &CancellationToken) -> bool {
    while instance.clock.now() < until {
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    true
}

/// How a try ended.
enum Tried {
    Done,
    Again,
}

impl Job {
    /// Records the job of an asynchronous step, as a part of the transaction that it belongs to.
    pub(crate) fn of_step(
        transaction: &mut Transaction,
        event: Arc<Event>,
        step: Arc<Step>,
    ) -> Outcome<Job> {
        let name = transaction.read(|store| store.schema().table(event.target.table).name);
        let row = record(
            transaction,
            event.context.caller,
            &[
                ("name", Value::text(&step.name)),
                ("operationtype", Value::Int(1)),
                ("messagename", Value::text(event.message.name())),
                ("primaryentitytype", Value::text(name)),
                ("depth", Value::Int(event.context.depth.into())),
                ("correlationid", Value::Id(event.context.correlation)),
            ],
            Some(event.target),
        )?;
        Ok(Job {
            row,
            epoch: transaction.read(Store::epoch),
            caller: event.context.caller,
            not_before: None,
            work: Work::Step(event, step),
        })
    }

    /// Records the job of a bulk delete and the row that counts what it deletes.
    pub(crate) fn of_bulk_delete(
        transaction: &mut Transaction,
        context: &Context,
        name: &str,
        start: DateTime<Utc>,
        work: BulkDelete,
    ) -> Outcome<Job> {
        let caller = context.caller;
        let facts = [
            ("name", Value::text(name)),
            ("operationtype", Value::Int(13)),
            ("messagename", Value::text("BulkDelete")),
            ("postponeuntil", Value::Time(start.trunc_subsecs(0))),
            ("depth", Value::Int(context.depth.into())),
            ("correlationid", Value::Id(context.correlation)),
        ];
        let row = record(transaction, caller, &facts, None)?;
        let schema = transaction.read(|store| Arc::clone(store.schema()));
        let missing = || Refusal::unsupported("BulkDelete");
        let id = schema.by_name("bulkdeleteoperation").ok_or_else(missing)?;
        let table = schema.table(id);
        let job = schema
            .by_name("asyncoperation")
            .map(|table| Reference { table, id: row });
        let own = [
            ("name", Value::text(name)),
            ("asyncoperationid", job.map_or(Value::Null, Value::Lookup)),
            ("successcount", Value::Int(0)),
            ("failurecount", Value::Int(0)),
        ];
        let bulk = Uuid::now_v7();
        write::insert(transaction, caller, id, bulk, columns(table, &own))?;
        Ok(Job {
            row,
            epoch: transaction.read(Store::epoch),
            caller,
            not_before: Some(start),
            work: Work::BulkDelete(bulk, Arc::new(work)),
        })
    }

    /// The id of its row.
    pub(crate) fn id(&self) -> Uuid {
        self.row
    }

    fn attempt(&self, instance: &Instance, attempt: u32) -> Tried {
        let now = || Value::Time(instance.clock.now_to_the_second());
        if !self.goes_on(instance) {
            self.give_up(instance, &[]);
            return Tried::Done;
        }
        self.note(instance, state::IN_PROGRESS, &[("startedon", now())]);
        let (done, retries) = match &self.work {
            Work::Step(event, step) => {
                let mut transaction = Transaction::new(instance);
                let done = event.run_step(&mut transaction, step, Some(self.row));
                transaction.commit();
                (done, matches!(step.handler, Handler::Webhook(_)))
            }
            Work::BulkDelete(bulk, work) => {
                let counts = work.run(instance, || self.goes_on(instance));
                let facts = [
                    ("successcount", Value::Int(counts.deleted)),
                    ("failurecount", Value::Int(counts.failed)),
                ];
                if !self.goes_on(instance) {
                    self.give_up(instance, &facts);
                    return Tried::Done;
                }
                self.note_in(
                    instance,
                    "bulkdeleteoperation",
                    *bulk,
                    state::SUCCEEDED,
                    &facts,
                );
                (Ok(()), false)
            }
        };
        let Err(refusal) = done else {
            if self.leaves_nothing() {
                self.forget(instance);
            } else {
                self.note(instance, state::SUCCEEDED, &[("completedon", now())]);
            }
            return Tried::Done;
        };
        let mut facts = vec![
            ("message", Value::text(&refusal.message)),
            ("friendlymessage", Value::text(&refusal.message)),
            ("errorcode", Value::Int(decimal(&refusal))),
            ("retrycount", Value::Int(i64::from(attempt) - 1)),
        ];
        if retries && attempt < MOST_TRIES {
            let until = instance.clock.now_to_the_second() + PAUSE;
            facts.push(("postponeuntil", Value::Time(until)));
            self.note(instance, state::WAITING, &facts);
            return Tried::Again;
        }
        facts.push(("completedon", now()));
        self.note(instance, state::FAILED, &facts);
        Tried::Done
    }

    /// Whether nobody has cancelled it, deleted it or gone back to before it.
    fn goes_on(&self, instance: &Instance) -> bool {
        let store = instance.read();
        let goes_on = || {
            let id = store.schema().by_name("asyncoperation")?;
            let table = store.schema().table(id);
            let row = store.get(id, self.row)?;
            let state = row.value(table.column("statecode")?).as_int();
            let status = row.value(table.column("statuscode")?).as_int();
            Some(state != Some(state::COMPLETED) && status != Some(state::CANCELING))
        };
        store.epoch() == self.epoch && goes_on().unwrap_or_default()
    }

    /// Writes down that it was cancelled, and how far a bulk delete came.
    fn give_up(&self, instance: &Instance, facts: &[(&str, Value)]) {
        if instance.read().epoch() != self.epoch {
            return;
        }
        let now = (
            "completedon",
            Value::Time(instance.clock.now_to_the_second()),
        );
        self.note(instance, state::CANCELED, &[now]);
        if let Work::BulkDelete(bulk, _) = &self.work {
            let table = "bulkdeleteoperation";
            self.note_in(instance, table, *bulk, state::CANCELED, facts);
        }
    }

    fn leaves_nothing(&self) -> bool {
        match &self.work {
            Work::Step(_, step) => step.leaves_no_job,
            Work::BulkDelete(..) => false,
        }
    }

    /// Writes down how far the job is; a row that somebody deleted stays away.
    fn note(&self, instance: &Instance, state: (i64, i64), facts: &[(&str, Value)]) {
        self.note_in(instance, "asyncoperation", self.row, state, facts);
    }

    fn note_in(
        &self,
        instance: &Instance,
        table: &str,
        row: Uuid,
        (state, status): (i64, i64),
        facts: &[(&str, Value)],
    ) {
        let mut transaction = Transaction::new(instance);
        let store = transaction.store();
        let schema = Arc::clone(store.schema());
        let Some(id) = schema.by_name(table) else {
            return;
        };
        let Some(row) = store.get(id, row).cloned() else {
            return;
        };
        let table = schema.table(id);
        let own = [
            ("statecode", Value::Int(state)),
            ("statuscode", Value::Int(status)),
        ];
        let mut columns = columns(table, &own);
        columns.extend(self::columns(table, facts));
        if write::change(&mut transaction, self.caller, id, &row, columns).is_ok() {
            transaction.commit();
        }
    }

    fn forget(&self, instance: &Instance) {
        let mut transaction = Transaction::new(instance);
        let table = transaction.read(|store| store.schema().by_name("asyncoperation"));
        if let Some(table) = table
            && transaction.remove(table, self.row).is_ok()
        {
            transaction.commit();
        }
    }
}

/// Has every job of a store that is not over fail: nobody goes on with it.
pub(crate) fn abandon(store: &mut Store, now: DateTime<Utc>) {
    for name in ["asyncoperation", "bulkdeleteoperation"] {
        let schema = Arc::clone(store.schema());
        let Some(id) = schema.by_name(name) else {
            continue;
        };
        let table = schema.table(id);
        let is_over = |values: &[Value]| {
            write::get(table, values, "statecode").as_int() == Some(state::COMPLETED)
        };
        let rows = store.after(id, None).map(|row| (row.id(), row.to_values()));
        let open: Vec<_> = rows.filter(|(_, values)| !is_over(values)).collect();
        for (row, mut values) in open {
            let (state, status) = state::FAILED;
            let message = Value::text("The organization was restored.");
            for (name, value) in [
                ("statecode", Value::Int(state)),
                ("statuscode", Value::Int(status)),
                ("completedon", Value::Time(now)),
                ("modifiedon", Value::Time(now)),
                ("message", message.clone()),
                ("friendlymessage", message),
            ] {
                write::put(table, &mut values, name, value);
            }
            // No key stands on these tables, so nothing is in the way.
            let _ = store.put(id, row, values);
        }
    }
}

/// Makes a row of `asyncoperation` that is ready; of what it is about, only tables that it can name.
fn record(
    transaction: &mut Transaction,
    caller: Caller,
    facts: &[(&str, Value)],
    regarding: Option<Reference>,
) -> Outcome<Uuid> {
    let schema = transaction.read(|store| Arc::clone(store.schema()));
    let missing = || Refusal::unsupported("Asynchronous work");
    let id = schema.by_name("asyncoperation").ok_or_else(missing)?;
    let table = schema.table(id);
    let mut columns = columns(table, facts);
    if let Some(regarding) = regarding
        && let Some(column) = table.column("regardingobjectid")
        && let named = schema.table(regarding.table).name
        && table.columns[column]
            .targets()
            .iter()
            .any(|target| target.table == named)
    {
        columns.push((column, Value::Lookup(regarding)));
    }
    let row = Uuid::now_v7();
    write::insert(transaction, caller, id, row, columns)?;
    Ok(row)
}

fn columns(table: &Table, facts: &[(&str, Value)]) -> Vec<(usize, Value)> {
    facts
        .iter()
        .filter_map(|(name, value)| Some((table.column(name)?, value.clone())))
        .collect()
}

/// An error code as the signed number that `errorcode` holds.
fn decimal(refusal: &Refusal) -> i64 {
    let hex = refusal.code.strip_prefix("0x").unwrap_or_default();
    let unsigned = u32::from_str_radix(hex, 16).unwrap_or_default();
    i64::from(i32::from_ne_bytes(unsigned.to_ne_bytes()))
}
