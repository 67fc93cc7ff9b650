//! The rows that a collection of a row has: by their lookup that names it, or by a table of pairs of ids.
//!
//! Filters, orders and pages nothing: `listing.rs` does.

use uuid::Uuid;

use super::path::Pairs;
use super::predicate::naming;
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

/// The row that a collection belongs to, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner {
    /// Those whose lookup in this column names the row.
    Named(usize, Uuid),
    /// Those that stand in a pair with the row.
    Paired(Pairs, Uuid),
}

impl Owner {
    /// The rows of the collection's table that belong to it, in no particular order.
    pub(crate) fn rows(self, store: &Store, table: TableId) -> Box<dyn Iterator<Item = &Row> + '_> {
        match self {
            Owner::Named(lookup, id) => naming(store, table, lookup, id),
            Owner::Paired(pairs, id) => {
                let of_row = move |pair: &&Row| pair.value(pairs.this).as_id() == Some(id);
                let found = store.after(pairs.table, None).filter(of_row);
                let other = move |pair: &Row| store.get(table, pair.value(pairs.other).as_id()?);
                Box::new(found.filter_map(other))
            }
        }
    }

    /// Whether a row of the collection's table belongs to it.
    pub(crate) fn has(self, store: &Store, row: &Row) -> bool {
        match self {
            Owner::Named(lookup, id) => row.value(lookup).as_id() == Some(id),
            Owner::Paired(pairs, id) => pairs.find(store, id, row.id()).is_some(),
        }
    }

    /// How many rows are looked at before the first that belongs to it can be found.
    pub(crate) fn cost(self, store: &Store, table: TableId) -> usize {
        match self {
            Owner::Named(lookup, id) if store.naming(table, lookup, id).is_some() => 0,
            Owner::Named(..) => store.len(table),
            Owner::Paired(pairs, _) => store.len(pairs.table),
        }
    }
}

impl Pairs {
    /// The pair of two rows, if they are associated.
    pub(crate) fn find(self, store: &Store, this: Uuid, other: Uuid) -> Option<Uuid> {
        let mut pairs = store.after(self.table, None);
        let is_it = |pair: &&Row| {
            pair.value(self.this).as_id() == Some(this)
                && pair.value(self.other).as_id() == Some(other)
        };
        pairs.find(is_it).map(Row::id)
    }
}
