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
}

impl<'p> Joiner<'p> {
    pub(super) fn new(store: &'p Store, sources: &'p [Source]) -> Joiner<'p> {
        Joiner {
            store,
            sources,
            hashed: sources.iter().map(|_| None).collect(),
        }
    }

    /// All combinations of a row of the root, refused where there are more than so many.
    pub(super) fn combinations(&mut self, root: &Row, most: usize) -> Outcome<Vec<Tuple>> {
        let mut tuples: Vec<Tuple> = vec![vec![Some(root.clone())]];
        for index in 1..self.sources.len() {
            let mut longer = Vec::new();
            for tuple in tuples {
                let partners = self.partners(index, &tuple);
                if longer.len() + partners.len() > most {
                    return Err(too_many());
                }
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
    fn partners(&mut self, index: usize, tuple: &Tuple) -> Vec<Option<Row>> {
        let Some((source, join)) = self
            .sources
            .get(index)
            .and_then(|source| Some((source, source.join.as_ref()?)))
        else {
            return Vec::new();
        };
        let parent = tuple.get(join.parent).and_then(Option::as_ref);
        let value = parent.map_or(ValueRef::Null, |row| row.value(join.to));
        let mut rows = if value.is_null() {
            Vec::new()
        } else {
            self.equal(index, source, join, value)
        };
        if let Some(filter) = &join.filter {
            rows.retain(|row| filter.holds(self.store, row));
        }
        if rows.is_empty() && join.outer {
            return vec![None];
        }
        rows.into_iter().map(Some).collect()
    }

    /// The rows of a source whose joined column has a value.
    fn equal(&mut self, index: usize, source: &Source, join: &Join, value: ValueRef) -> Vec<Row> {
        let store = self.store;
        let table = store.schema().table(source.table);
        // A lookup that names a row of another table belongs to none of this one.
        if let ValueRef::Lookup(reference) = value
            && join.from == table.id
            && reference.table != source.table
        {
            return Vec::new();
        }
        if let Some(id) = value.as_id() {
            if join.from == table.id {
                return store.get(source.table, id).cloned().into_iter().collect();
            }
            if let Some(rows) = store.naming(source.table, join.from, id) {
                return rows.cloned().collect();
            }
        }
        let Some(wanted) = comparable(value) else {
            return Vec::new();
        };
        let Some(hashed) = self.hashed.get_mut(index) else {
            return Vec::new();
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
        hashed.get(&wanted).cloned().unwrap_or_default()
    }
}
