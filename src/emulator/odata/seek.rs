//! What a filter leaves for an index to find: ids, rows that name a row, a span of `modifiedon`.
//!
//! A seek finds every row that can pass and may find more: the filter is asked of each all the same.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::field::Field;
use super::filter::Comparison;
use super::predicate::{Members, Predicate};
use crate::emulator::row::Row;
use crate::emulator::schema::{Kind, Table};
use crate::emulator::store::Store;
use crate::emulator::value::{SqlGuid, TableId, Value};

/// What an index can narrow a filter down to.
#[derive(Debug, PartialEq)]
pub(crate) enum Seek {
    Ids(Vec<Uuid>),
    /// The rows whose lookup in this column names one of these rows.
    Naming(usize, Vec<Uuid>),
    Modified {
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    },
}

impl Seek {
    /// The rows that the index leaves, each once; in the order of ids except for a span of time.
    pub(crate) fn rows<'s>(
        &self,
        store: &'s Store,
        table: TableId,
    ) -> Box<dyn Iterator<Item = &'s Row> + 's> {
        match self {
            Seek::Ids(ids) => {
                let ids = sorted(ids.iter().copied()).into_iter();
                Box::new(ids.filter_map(move |id| store.get(table, id)))
            }
            Seek::Naming(column, named) => {
                let naming = |id: &Uuid| store.naming(table, *column, *id);
                let rows = named.iter().filter_map(naming).flatten();
                let ids = sorted(rows.map(Row::id)).into_iter();
                Box::new(ids.filter_map(move |id| store.get(table, id)))
            }
            Seek::Modified { from, to } => Box::new(store.modified(table, *from, *to)),
        }
    }
}

/// In SQL Server's order, each once.
fn sorted(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<SqlGuid> = ids.map(SqlGuid::from).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(Uuid::from).collect()
}

impl Predicate {
    /// Where an index finds every row that can pass, if one does.
    pub(crate) fn seek(&self, store: &Store, id: TableId) -> Option<Seek> {
        let table = store.schema().table(id);
        match self {
            Predicate::All(terms) => {
                let seeks = terms.iter().filter_map(|term| term.seek(store, id));
                narrowest(seeks)
            }
            Predicate::Any(terms) => {
                let seeks: Option<Vec<Seek>> =
                    terms.iter().map(|term| term.seek(store, id)).collect();
                union(seeks?)
            }
            Predicate::Compare(field, Comparison::Equal, value) => {
                equal(store, id, table, field, value)
            }
            Predicate::Member {
                field,
                members: Members::Ids(ids),
                negated: false,
            } if field.is(table.id) => Some(Seek::Ids(ids.iter().copied().collect())),
            Predicate::Member {
                field,
                members: Members::Ids(ids),
                negated: false,
            } if is_indexed(table, field) => {
                Some(Seek::Naming(field.column, ids.iter().copied().collect()))
            }
            Predicate::Member {
                field,
                members: Members::Others(texts),
                negated: false,
            } => {
                let key = single_key(table, field)?;
                if !matches!(table.columns[field.column].kind, Kind::Text { .. }) {
                    return None;
                }
                let find = |text: &String| store.by_key(id, key, &[Value::text(text).as_ref()]);
                Some(Seek::Ids(texts.iter().filter_map(find).collect()))
            }
            Predicate::Compare(field, comparison, Value::Time(time))
                if field.is(table.modified_on?) =>
            {
                modified(*comparison, *time)
            }
            _ => None,
        }
    }
}

fn equal(store: &Store, id: TableId, table: &Table, field: &Field, value: &Value) -> Option<Seek> {
    if let Value::Time(time) = value {
        return (field.is(table.modified_on?)).then_some(Seek::Modified {
            from: Some(*time),
            to: Some(*time),
        });
    }
    if field.is(table.id) {
        return Some(Seek::Ids(value.as_id().into_iter().collect()));
    }
    if is_indexed(table, field) {
        return value.as_id().map(|id| Seek::Naming(field.column, vec![id]));
    }
    if value.is_null() {
        return None;
    }
    let key = single_key(table, field)?;
    let found = store.by_key(id, key, &[value.as_ref()]);
    Some(Seek::Ids(found.into_iter().collect()))
}

fn modified(comparison: Comparison, time: DateTime<Utc>) -> Option<Seek> {
    let (from, to) = match comparison {
        Comparison::Equal => (Some(time), Some(time)),
        Comparison::Greater | Comparison::GreaterOrEqual => (Some(time), None),
        Comparison::Less | Comparison::LessOrEqual => (None, Some(time)),
        Comparison::NotEqual => return None,
    };
    Some(Seek::Modified { from, to })
}

/// Whether the field is a lookup of the row itself that has an index.
fn is_indexed(table: &Table, field: &Field) -> bool {
    field.is_own() && table.indexed_lookups().any(|own| own == field.column)
}

fn single_key(table: &Table, field: &Field) -> Option<usize> {
    field.is_own().then(|| table.key(&[field.column])).flatten()
}

/// Ids before what names them, both before time; of times, one range that all of them allow.
fn narrowest(seeks: impl Iterator<Item = Seek>) -> Option<Seek> {
    seeks.reduce(|best, next| match (best, next) {
        (Seek::Ids(left), Seek::Ids(right)) => Seek::Ids(if left.len() <= right.len() {
            left
        } else {
            right
        }),
        (ids @ Seek::Ids(_), _) | (_, ids @ Seek::Ids(_)) => ids,
        (naming @ Seek::Naming(..), _) | (_, naming @ Seek::Naming(..)) => naming,
        (Seek::Modified { from: a, to: b }, Seek::Modified { from: c, to: d }) => {
            let to = match (b, d) {
                (Some(b), Some(d)) => Some(b.min(d)),
                (b, d) => b.or(d),
            };
            Seek::Modified { from: a.max(c), to }
        }
    })
}

/// All ids of all terms, where each term has ids.
fn union(seeks: Vec<Seek>) -> Option<Seek> {
    let ids = seeks.into_iter().map(|seek| match seek {
        Seek::Ids(ids) => Some(ids),
        Seek::Naming(..) | Seek::Modified { .. } => None,
    });
    let ids: Option<Vec<Vec<Uuid>>> = ids.collect();
    Some(Seek::Ids(ids?.concat()))
}
