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

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, RwLockWriteGuard};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::hold::{Holder, Holds, Waits};
use super::instance::{Instance, lock};
use super::job::Job;
use super::refusal::{Outcome, Refusal};
use super::row::Row;
use super::schema::Table;
use super::store::{Change, Conflict, Store};
use super::value::{Reference, TableId, Value};

/// How long a write waits for a row that another transaction holds (contract 6.4: a message's two minutes).
const PATIENCE: Duration = Duration::from_mins(2);

/// The number of the transaction that began last.
static LAST: AtomicU64 = AtomicU64::new(0);

/// One transaction; what was not committed when it is dropped is undone.
pub(crate) struct Transaction<'i> {
    instance: &'i Instance,
    /// By which what it holds is told from what others hold.
    number: Holder,
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
    waits: Mutex<Waits>,
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
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
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
        self.wait_to_remove(table, id)?;
        let change = self.store().remove(table, id);
        self.changes.extend(change);
        Ok(())
    }

    /// Makes sure that nobody else holds the row. Whoever decides by a row's content calls it first.
    pub(crate) fn wait_for(&mut self, table: TableId, id: Uuid) -> Outcome<()> {
        self.wait_to_name(Some(Reference { table, id }), &[])
    }

    /// The same, and that nobody else is about to delete a row that lookups are to be led to.
    pub(crate) fn wait_to_name(
        &mut self,
        row: Option<Reference>,
        names: &[Reference],
    ) -> Outcome<()> {
        self.wait_until_free(|holds| {
            let writer = row.and_then(|row| holds.writer(row.table, row.id));
            let removers = names
                .iter()
                .filter_map(|named| holds.remover(named.table, named.id));
            writer.into_iter().chain(removers).collect()
        })
    }

    /// Makes sure that nobody else holds the row, or has led a lookup to it.
    pub(crate) fn wait_to_remove(&mut self, table: TableId, id: Uuid) -> Outcome<()> {
        self.wait_until_free(|holds| {
            let writer = holds.writer(table, id).into_iter();
            writer.chain(holds.namers(table, id)).collect()
        })
    }

    /// Waits until nobody is in the way; whoever closes a circle of those who wait is refused.
    fn wait_until_free(&mut self, in_the_way: impl Fn(&Holds) -> BTreeSet<Holder>) -> Outcome<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let blockers = in_the_way(self.store().holds());
            if blockers.is_empty() {
                return Ok(());
            }
            let (instance, number) = (self.instance, self.number);
            if !lock(&instance.released.waits).enter(number, &blockers) {
                return Err(Refusal::deadlock());
            }
            let generation = instance.released.generation();
            let released = self.outside(|instance| {
                let left = until.saturating_duration_since(Instant::now());
                let released = instance.released.wait(generation, left);
                lock(&instance.released.waits).leave(number);
                released
            })?;
            if !released {
                return Err(Refusal::lock_timeout());
            }
        }
    }

    /// Lets go of the store while something is done that others may have to do with.
    pub(crate) fn outside<T>(&mut self, work: impl FnOnce(&'i Instance) -> T) -> Outcome<T> {
        let Some(mut store) = self.store.take() else {
            return Ok(work(self.instance));
        };
        for change in self.changes.iter().rev() {
            store.undo(change);
        }
        store.holds_mut().hold(self.number, &self.changes);
        let epoch = store.epoch();
        drop(store);
        let done = work(self.instance);
        self.resume(epoch)?;
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

    /// Makes the changes again, unless the instance was restored meanwhile.
    fn resume(&mut self, epoch: u64) -> Outcome<()> {
        let mut store = self.instance.write();
        store.holds_mut().release(self.number);
        if store.epoch() != epoch {
            self.changes.clear();
            self.store = Some(store);
            self.instance.released.announce();
            return Err(Refusal::broken(
                "The organization was restored while the request was being served.",
            ));
        }
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
            self.instance.publish(store);
        } else if !changes.is_empty() {
            // It ended while it was suspended: nothing is to be undone, but its rows are free.
            self.instance.write().holds_mut().release(self.number);
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
