//! What is written as one: all of it or nothing, seen by others only once it is committed.
//!
//! ```text
//! new ──open──▶ open ──outside──▶ suspended ──▶ open ──commit──▶ done
//!                 └──drop──▶ undone
//! ```
//!
//! An open transaction holds the store for itself. While something outside is waited for, which may well call back, it
//! takes its writes back, lets go of the store, and makes them again afterwards; the rows that it wrote stay held, and
//! who wants to write one of them waits. Readers see what was committed, and wait for nobody.

use std::sync::{Condvar, Mutex, PoisonError, RwLockWriteGuard};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::instance::{Instance, lock};
use super::job::Job;
use super::refusal::{Outcome, Refusal};
use super::row::Row;
use super::schema::Table;
use super::store::{Change, Conflict, Store};
use super::value::{TableId, Value};

/// How long a write waits for a row that another transaction holds (contract 6.4: a message's two minutes).
const PATIENCE: Duration = Duration::from_mins(2);

/// One transaction; what was not committed when it is dropped is undone.
pub(crate) struct Transaction<'i> {
    instance: &'i Instance,
    /// There while it is open and not suspended.
    store: Option<RwLockWriteGuard<'i, Store>>,
    changes: Vec<Change>,
    /// What is to be done once it is committed.
    jobs: Vec<Job>,
}

/// Tells those who wait for a held row that one may be free.
#[derive(Debug, Default)]
pub(crate) struct Released {
    generation: Mutex<u64>,
    changed: Condvar,
}

impl Released {
    fn generation(&self) -> u64 {
        *lock(&self.generation)
    }

    fn announce(&self) {
        *lock(&self.generation) += 1;
        self.changed.notify_all();
    }

    /// Waits until something was released since the generation; false if nothing was in time.
    fn wait(&self, since: u64, patience: Duration) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.generation), patience, |now| *now == since)
            .unwrap_or_else(PoisonError::into_inner);
        !waited.1.timed_out()
    }
}

impl<'i> Transaction<'i> {
    /// A transaction that has not begun.
    pub(crate) fn new(instance: &'i Instance) -> Transaction<'i> {
        Transaction {
            instance,
            store: None,
            changes: Vec::new(),
            jobs: Vec::new(),
        }
    }

    pub(crate) fn instance(&self) -> &'i Instance {
        self.instance
    }

    /// Whether it has begun: what runs now is inside of it.
    pub(crate) fn is_open(&self) -> bool {
        self.store.is_some()
    }

    /// The store with what was written so far; begins the transaction.
    pub(crate) fn store(&mut self) -> &mut Store {
        let instance = self.instance;
        self.store.get_or_insert_with(|| instance.write())
    }

    /// Looks at the store as this transaction sees it, without beginning it.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        match &self.store {
            Some(store) => look(store),
            None => look(&self.instance.read()),
        }
    }

    /// Stores a new row.
    pub(crate) fn insert(&mut self, table: TableId, id: Uuid, values: Vec<Value>) -> Outcome<Row> {
        self.wait_for(table, id)?;
        let change = self.store().insert(table, id, values);
        self.note(table, change)
    }

    /// Stores other values of a row that is there.
    pub(crate) fn replace(&mut self, table: TableId, id: Uuid, values: Vec<Value>) -> Outcome<Row> {
        self.wait_for(table, id)?;
        let change = self.store().put(table, id, values);
        self.note(table, change)
    }

    pub(crate) fn remove(&mut self, table: TableId, id: Uuid) -> Outcome<()> {
        self.wait_for(table, id)?;
        let change = self.store().remove(table, id);
        self.changes.extend(change);
        Ok(())
    }

    /// Makes sure that nobody else holds the row. Whoever decides by a row's content calls it first.
    pub(crate) fn wait_for(&mut self, table: TableId, id: Uuid) -> Outcome<()> {
        let until = Instant::now() + PATIENCE;
        while self.store().is_held(table, id) {
            let generation = self.instance.released.generation();
            let released = self.outside(|instance| {
                let left = until.saturating_duration_since(Instant::now());
                instance.released.wait(generation, left)
            })?;
            if !released {
                return Err(Refusal::lock_timeout());
            }
        }
        Ok(())
    }

    /// Lets go of the store while something is done that others may have to do with.
    pub(crate) fn outside<T>(&mut self, work: impl FnOnce(&'i Instance) -> T) -> Outcome<T> {
        let Some(mut store) = self.store.take() else {
            return Ok(work(self.instance));
        };
        for change in self.changes.iter().rev() {
            store.undo(change);
        }
        store.hold(&self.changes);
        drop(store);
        let done = work(self.instance);
        self.resume()?;
        Ok(done)
    }

    /// Leaves something to be done once this is committed.
    pub(crate) fn afterwards(&mut self, job: Job) {
        self.jobs.push(job);
    }

    /// Makes what was written visible to all.
    pub(crate) fn commit(mut self) {
        self.changes.clear();
        let (instance, jobs) = (self.instance, std::mem::take(&mut self.jobs));
        drop(self);
        instance.jobs.add(jobs);
    }

    fn resume(&mut self) -> Outcome<()> {
        let mut store = self.instance.write();
        store.release(&self.changes);
        let redone = redo(&mut store, &self.changes);
        self.store = Some(store);
        self.instance.released.announce();
        let Err((done, conflict)) = redone else {
            return Ok(());
        };
        let failed = self.changes.get(done).map(|change| change.table);
        self.changes.truncate(done);
        let schema = self.store().schema().clone();
        Err(match failed {
            Some(table) => refusal(schema.table(table), conflict),
            None => Refusal::row_exists(),
        })
    }

    fn note(&mut self, table: TableId, change: Result<Change, Conflict>) -> Outcome<Row> {
        match change {
            Ok(change) => {
                let row = change.after.clone();
                self.changes.push(change);
                row.ok_or_else(|| Refusal::broken("An unexpected error occurred."))
            }
            Err(conflict) => {
                let schema = self.store().schema().clone();
                Err(refusal(schema.table(table), conflict))
            }
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        if let Some(store) = &mut self.store {
            for change in changes.iter().rev() {
                store.undo(change);
            }
        } else if !changes.is_empty() {
            // It ended while it was suspended: nothing is to be undone, but its rows are free.
            self.instance.write().release(&changes);
            self.instance.released.announce();
        }
    }
}

/// Makes all changes again; on a conflict, says how many were made.
fn redo(store: &mut Store, changes: &[Change]) -> Result<(), (usize, Conflict)> {
    for (done, change) in changes.iter().enumerate() {
        store.redo(change).map_err(|conflict| (done, conflict))?;
    }
    Ok(())
}

fn refusal(table: &Table, conflict: Conflict) -> Refusal {
    match conflict {
        Conflict::Id => Refusal::row_exists(),
        Conflict::Key(key) => Refusal::key_taken(table, key),
    }
}
