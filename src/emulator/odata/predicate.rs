//! A filter bound to a table: typed, checked, ready to be asked of rows.
//!
//! Null is an ordinary value here: `ne` and `not` are true for it, as in Dataverse. How a filter is bound is `bind.rs`'s,
//! which index finds its candidates `seek.rs`'s.

use std::cmp::Ordering;
use std::collections::HashSet;

use uuid::Uuid;

use super::field::Field;
use super::filter::Comparison;
use super::hierarchy::Hierarchy;
use super::like::Pattern;
use super::membership::Membership;
use crate::emulator::row::Row;
use crate::emulator::store::{Store, comparable};
use crate::emulator::value::{TableId, Value, ValueRef};

/// A filter on one table's rows.
#[derive(Clone, Debug)]
pub(crate) enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    Compare(Field, Comparison, Value),
    Columns(Field, Comparison, Field),
    Like(Field, Pattern),
    /// The field's value is in the set, or is not.
    Member {
        field: Field,
        members: Members,
        negated: bool,
    },
    /// A multi-select choice holds one of these options.
    Chosen(Field, Vec<String>),
    Hierarchy(Hierarchy),
    Membership(Membership),
    /// Some row whose lookup names this one passes, or every one does.
    Collection {
        table: TableId,
        lookup: usize,
        all: bool,
        /// None where any row will do.
        condition: Option<Box<Predicate>>,
    },
}

/// A set of values, GUIDs apart because they come by the hundreds.
#[derive(Clone, Debug)]
pub(crate) enum Members {
    Ids(HashSet<Uuid>),
    Others(HashSet<String>),
}

impl Predicate {
    /// Whether the row passes.
    pub(crate) fn holds(&self, store: &Store, row: &Row) -> bool {
        match self {
            Predicate::All(terms) => terms.iter().all(|term| term.holds(store, row)),
            Predicate::Any(terms) => terms.iter().any(|term| term.holds(store, row)),
            Predicate::Not(inner) => !inner.holds(store, row),
            Predicate::Compare(field, comparison, value) => {
                comparison.holds(field.of(store, row), value.as_ref())
            }
            Predicate::Columns(left, comparison, right) => {
                comparison.holds(left.of(store, row), right.of(store, row))
            }
            Predicate::Like(field, pattern) => field
                .of(store, row)
                .as_text()
                .is_some_and(|text| pattern.matches(text)),
            Predicate::Member {
                field,
                members,
                negated,
            } => members.hold(field.of(store, row)) != *negated,
            Predicate::Chosen(field, options) => match field.of(store, row) {
                ValueRef::Choices(chosen) => chosen
                    .split(',')
                    .any(|one| options.iter().any(|option| option.trim() == one)),
                _ => false,
            },
            Predicate::Hierarchy(hierarchy) => hierarchy.holds(store, row),
            Predicate::Membership(membership) => membership.holds(store, row),
            Predicate::Collection {
                table,
                lookup,
                all,
                condition,
            } => {
                let mut rows = naming(store, *table, *lookup, row.id());
                let passes = |row: &Row| match condition {
                    Some(condition) => condition.holds(store, row),
                    None => true,
                };
                if *all {
                    rows.all(passes)
                } else {
                    rows.any(passes)
                }
            }
        }
    }
}

impl Comparison {
    pub(crate) fn holds(self, left: ValueRef, right: ValueRef) -> bool {
        let order = match (left.is_null(), right.is_null()) {
            (true, true) => Some(Ordering::Equal),
            (false, false) => left.compare(right),
            _ => None,
        };
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            _ if left.is_null() || right.is_null() => false,
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => {
                matches!(order, Some(Ordering::Greater | Ordering::Equal))
            }
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        }
    }

    /// The comparison with its sides exchanged.
    pub(crate) fn mirrored(self) -> Comparison {
        match self {
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            same => same,
        }
    }
}

impl Members {
    /// The set of these values; nulls are members of nothing.
    pub(crate) fn of(values: &[Value]) -> Members {
        if values.iter().all(|value| value.as_id().is_some()) && !values.is_empty() {
            return Members::Ids(values.iter().filter_map(Value::as_id).collect());
        }
        let texts = values.iter().filter_map(|value| comparable(value.as_ref()));
        Members::Others(texts.collect())
    }

    fn hold(&self, value: ValueRef) -> bool {
        match self {
            Members::Ids(ids) => value.as_id().is_some_and(|id| ids.contains(&id)),
            Members::Others(texts) => comparable(value).is_some_and(|text| texts.contains(&text)),
        }
    }
}

/// The rows whose lookup names a row, by its index or, where it has none, one after the other.
pub(crate) fn naming(
    store: &Store,
    table: TableId,
    lookup: usize,
    named: Uuid,
) -> Box<dyn Iterator<Item = &Row> + '_> {
    match store.naming(table, lookup, named) {
        Some(rows) => Box::new(rows),
        None => Box::new(
            store
                .after(table, None)
                .filter(move |row| row.value(lookup).as_id() == Some(named)),
        ),
    }
}
