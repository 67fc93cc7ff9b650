//! The rows that suspended transactions keep from others, and which transaction waits for which.
//!
//! Whoever writes a row waits for the one that has written it; whoever deletes a row, also for those that have led a
//! lookup to it; whoever leads a lookup to a row, for the one that has deleted it. Waiting itself is `transaction.rs`.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::store::Change;
use super::value::{Reference, SqlGuid, TableId, Value};

/// A transaction, by its number.
pub(crate) type Holder = u64;

/// What is held at one instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds {
    written: BTreeMap<(TableId, SqlGuid), Written>,
    named: BTreeMap<(TableId, SqlGuid), BTreeSet<Holder>>,
}

#[derive(Clone, Copy, Debug)]
struct Written {
    by: Holder,
    /// The first version of the row of which nobody else knows yet.
    version: i64,
    removed: bool,
}

/// Who waits for whom.
#[derive(Debug, Default)]
pub(crate) struct Waits(BTreeMap<Holder, BTreeSet<Holder>>);

impl Holds {
    /// Marks the rows that a transaction has written, and those that it has led lookups to.
    pub(crate) fn hold(&mut self, by: Holder, changes: &[Change]) {
        for change in changes {
            let removed = change.after.is_none();
            self.written
                .entry((change.table, change.id.into()))
                .and_modify(|written| written.removed = removed)
                .or_insert(Written {
                    by,
                    version: change.version,
                    removed,
                });
            for named in newly_named(change) {
                let place = (named.table, named.id.into());
                self.named.entry(place).or_default().insert(by);
            }
        }
    }

    /// Takes the marks of a transaction away again.
    pub(crate) fn release(&mut self, by: Holder) {
        self.written.retain(|_, written| written.by != by);
        self.named.retain(|_, holders| {
            holders.remove(&by);
            !holders.is_empty()
        });
    }

    /// The first version that is not to be seen yet.
    pub(crate) fn first_version(&self) -> Option<i64> {
        self.written.values().map(|written| written.version).min()
    }

    /// Who has written the row.
    pub(crate) fn writer(&self, table: TableId, id: Uuid) -> Option<Holder> {
        Some(self.written.get(&(table, id.into()))?.by)
    }

    /// Who has deleted the row.
    pub(crate) fn remover(&self, table: TableId, id: Uuid) -> Option<Holder> {
        let written = self.written.get(&(table, id.into()))?;
        written.removed.then_some(written.by)
    }

    /// Who has led a lookup to the row.
    pub(crate) fn namers(&self, table: TableId, id: Uuid) -> impl Iterator<Item = Holder> {
        let holders = self.named.get(&(table, id.into()));
        holders.into_iter().flatten().copied()
    }
}

impl Waits {
    /// Notes that one waits for others; false if one of them waits for it already, be it by way of others.
    pub(crate) fn enter(&mut self, waiting: Holder, blockers: &BTreeSet<Holder>) -> bool {
        let mut seen = BTreeSet::new();
        let mut open: Vec<Holder> = blockers.iter().copied().collect();
        while let Some(next) = open.pop() {
            if next == waiting {
                return false;
            }
            if seen.insert(next) {
                open.extend(self.0.get(&next).into_iter().flatten());
            }
        }
        self.0.insert(waiting, blockers.clone());
        true
    }

    pub(crate) fn leave(&mut self, waiting: Holder) {
        self.0.remove(&waiting);
    }
}

/// The rows to which a change has led a lookup that led elsewhere before.
fn newly_named(change: &Change) -> Vec<Reference> {
    let after = change.after.as_ref().map(super::row::Row::to_values);
    let before = change.before.as_ref().map(super::row::Row::to_values);
    let is_new = |(column, value): (usize, &Value)| {
        let named = value.as_ref().as_reference()?;
        let earlier = before.as_ref().and_then(|before| before.get(column));
        let earlier = earlier.and_then(|value| value.as_ref().as_reference());
        (earlier != Some(named)).then_some(named)
    };
    let after = after.iter().flatten().enumerate();
    after.filter_map(is_new).collect()
}
