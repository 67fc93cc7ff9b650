//! The rows of a list: from an index where one serves, filtered, in order, as many as are wanted.
//!
//! Knows no query options: `operation/list.rs` has read them.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::order::{Direction, Indexed, Order, Place};
use super::owner::Owner;
use super::predicate::Predicate;
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

/// What a query value may not hold as it is.
const QUERY_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'=')
    .add(b'`');

/// Which rows a list is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) table: TableId,
    /// Only those that belong to a row.
    pub(crate) of: Option<Owner>,
    pub(crate) filter: Option<&'a Predicate>,
}

impl Rows<'_> {
    /// The rows of a page, as many as wanted.
    pub(crate) fn page(
        &self,
        store: &Store,
        order: &Order,
        behind: Option<&Place>,
        wanted: usize,
    ) -> Vec<Row> {
        let definition = store.schema().table(self.table);
        let seek = self
            .filter
            .and_then(|filter| filter.seek(store, self.table));
        if self.of.is_none()
            && seek.is_none()
            && let Some(indexed) = order.indexed(definition)
        {
            let rows = along(store, self.table, indexed, behind);
            let passes = |row: &&Row| self.filter.is_none_or(|filter| filter.holds(store, row));
            return rows.filter(passes).take(wanted).cloned().collect();
        }
        let rows = self.candidates(store);
        let placed = rows
            .filter(|row| self.filter.is_none_or(|filter| filter.holds(store, row)))
            .map(|row| (order.place(store, row), row))
            .filter(|(place, _)| behind.is_none_or(|behind| order.compare(behind, place).is_lt()));
        sorted(placed.collect(), order, wanted)
    }

    /// How many rows pass, counted no further than this.
    pub(crate) fn count(&self, store: &Store, most: usize) -> usize {
        match (self.of, self.filter) {
            (None, None) => store.len(self.table).min(most),
            (_, filter) => {
                let passes = |row: &&Row| filter.is_none_or(|filter| filter.holds(store, row));
                self.candidates(store).filter(passes).take(most).count()
            }
        }
    }

    fn candidates<'s>(&self, store: &'s Store) -> Box<dyn Iterator<Item = &'s Row> + 's> {
        if let Some(owner) = self.of {
            return owner.rows(store, self.table);
        }
        match self
            .filter
            .and_then(|filter| filter.seek(store, self.table))
        {
            Some(seek) => seek.rows(store, self.table),
            None => Box::new(store.after(self.table, None)),
        }
    }
}

/// The first rows of some, filtered and in order.
pub(crate) fn first<'s>(
    store: &'s Store,
    rows: impl Iterator<Item = &'s Row>,
    filter: Option<&Predicate>,
    order: &Order,
    wanted: usize,
) -> Vec<Row> {
    let placed = rows
        .filter(|row| filter.is_none_or(|filter| filter.holds(store, row)))
        .map(|row| (order.place(store, row), row));
    sorted(placed.collect(), order, wanted)
}

/// Sorts only what is wanted.
fn sorted(mut placed: Vec<(Place, &Row)>, order: &Order, wanted: usize) -> Vec<Row> {
    if wanted < placed.len() {
        placed.select_nth_unstable_by(wanted, |(left, _), (right, _)| order.compare(left, right));
        placed.truncate(wanted);
    }
    placed.sort_unstable_by(|(left, _), (right, _)| order.compare(left, right));
    placed.into_iter().map(|(_, row)| row.clone()).collect()
}

/// The rows along an index, behind a place in it.
fn along<'s>(
    store: &'s Store,
    table: TableId,
    indexed: Indexed,
    behind: Option<&Place>,
) -> Box<dyn Iterator<Item = &'s Row> + 's> {
    let id = behind.map(|place| place.id);
    match indexed {
        Indexed::Id(Direction::Ascending) => Box::new(store.after(table, id)),
        Indexed::Id(Direction::Descending) => Box::new(store.before(table, id)),
        Indexed::Modified(direction) => {
            let behind = behind.and_then(|place| Some((place.time()?, place.id)));
            match direction {
                Direction::Ascending => Box::new(store.modified_after(table, behind)),
                Direction::Descending => Box::new(store.modified_before(table, behind)),
            }
        }
    }
}

/// A text as a query value may hold it.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, QUERY_VALUE).to_string()
}
