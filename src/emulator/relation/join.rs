//! Joins: for each row of the root, the combinations with the rows of the other sources that belong to it.
//!
//! Follows ids and indexed lookups; other columns are put into a table of their own once per query.

use std::collections::HashMap;

use super::plan::{Source, Tuple, too_many};
use crate::emulator::odata::predicate::Predicate;
use crate::emulator::refusal::Outcome;
use crate::emulator::row::Row;
use crate::emulator::store::{Store, comparable};
use crate::emulator::value::ValueRef;

/// How a source belongs to an earlier one.
#[derive(Debug)]
pub(crate) struct Join {
    /// The position of the earlier source.
    pub(crate) parent: usize,
    /// The column of this source.
    pub(crate) from: usize,
    /// The column of the earlier one that must be equal.
    pub(crate) to: usize,
    /// Whether the earlier one stays where nothing belongs to it.
    pub(crate) outer: bool,
    /// Which rows can belong to it at all.
    pub(crate) filter: Option<Predicate>,
}

/// Finds combinations.
pub(super) struct Joiner<'p> {
    store: &'p Store,
    sources: &'p [Source],
    /// For each source that no index serves: its rows by the joined column.
    hashed: Vec<Option<HashMap<String, Vec<Row>>>>,
    /// How many rows may still be looked at.
    left: usize,
}

impl<'p> Joiner<'p> {
    /// Looks at so many partners at most, over all rows of the root.
    pub(super) fn new(store: &'p Store, sources: &'p [Source], most: usize) -> Joiner<'p> {
        Joiner {
            store,
            sources,
            hashed: sources.iter().map(|_| None).collect(),
            left: most,
        }
    }

    /// All combinations of a row of the root.
    pub(super) fn combinations(&mut self, root: &Row) -> Outcome<Vec<Tuple>> {
        let mut tuples: Vec<Tuple> = vec![vec![Some(root.clone())]];
        for index in 1..self.sources.len() {
            let mut longer = Vec::new();
            for tuple in tuples {
                let partners = self.partners(index, &tuple)?;
                longer.extend(partners.into_iter().map(|partner| {
                    let mut tuple = tuple.clone();
                    tuple.push(partner);
                    tuple
                }));
            }
            tuples = longer;
        }
        Ok(tuples)
    }

    /// What belongs to a combination; one nothing for an outer join without a row, none for an inner one.
    fn partners(&mut self, index: usize, tuple: &Tuple) -> Outcome<Vec<Option<Row>>> {
        let Some((source, join)) = self
            .sources
            .get(index)
            .and_then(|source| Some((source, source.join.as_ref()?)))
        else {
            return Ok(Vec::new());
        };
        let parent = tuple.get(join.parent).and_then(Option::as_ref);
        let value = parent.map_or(ValueRef::Null, |row| row.value(join.to));
        let mut partners = Vec::new();
        if !value.is_null() {
            let store = self.store;
            let mut left = self.left;
            for row in self.equal(index, source, join, value) {
                left = left.checked_sub(1).ok_or_else(too_many)?;
                if join
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.holds(store, row))
                {
                    partners.push(Some(row.clone()));
                }
            }
            self.left = left;
        }
        if partners.is_empty() && join.outer {
            partners.push(None);
        }
        Ok(partners)
    }

    /// The rows of a source whose joined column has a value.
    fn equal(
        &mut self,
        index: usize,
        source: &Source,
        join: &Join,
        value: ValueRef,
    ) -> Box<dyn Iterator<Item = &Row> + '_> {
        let store = self.store;
        let table = store.schema().table(source.table);
        // A lookup that names a row of another table belongs to none of this one.
        if let ValueRef::Lookup(reference) = value
            && join.from == table.id
            && reference.table != source.table
        {
            return Box::new(std::iter::empty());
        }
        if let Some(id) = value.as_id() {
            if join.from == table.id {
                return Box::new(store.get(source.table, id).into_iter());
            }
            if let Some(rows) = store.naming(source.table, join.from, id) {
                return Box::new(rows);
            }
        }
        let (Some(wanted), Some(hashed)) = (comparable(value), self.hashed.get_mut(index)) else {
            return Box::new(std::iter::empty());
        };
        let hashed = hashed.get_or_insert_with(|| {
            let mut rows: HashMap<String, Vec<Row>> = HashMap::new();
            for row in store.after(source.table, None) {
                if let Some(text) = comparable(row.value(join.from)) {
                    rows.entry(text).or_default().push(row.clone());
                }
            }
            rows
        });
        Box::new(hashed.get(&wanted).into_iter().flatten())
    }
}
