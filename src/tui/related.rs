//! The rows that a record names, and the listed ones that name it: found on the list worker, since it takes looking at
//! all that is listed. It draws nothing.

use std::sync::Arc;

use crate::domain::drift::{CompareRules, Drift, Side};
use crate::domain::operation::{RecordKey, TableIndex};
use crate::domain::packed::PackedRow;
use crate::domain::row::{Reference, Value};
use crate::domain::table::{ColumnType, TableName};
use crate::engine::records::{Record, Records};

/// So many rows in each direction are told one by one.
const MOST: usize = 8;

/// One table of a link, as far as lookups need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its place.
    pub index: TableIndex,
    /// Its name.
    pub name: TableName,
    /// Its columns: which tables their lookups lead to.
    pub rules: Arc<CompareRules>,
}

/// What is asked: a record, and the tables of its link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// The record.
    pub key: Option<RecordKey>,
    /// The tables of its link.
    pub tables: Arc<Vec<Table>>,
}

/// The rows around a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Related {
    /// The record.
    pub key: Option<RecordKey>,
    /// The rows that it names.
    pub named: Vec<Relation>,
    /// Listed rows that name it, the first few.
    pub naming: Vec<Relation>,
    /// How many listed rows name it.
    pub naming_all: usize,
}

/// One row that is named, or names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its table.
    pub table: TableIndex,
    /// What it is called: made visible where it is shown.
    pub name: String,
    /// Its drift; in step, where it is not listed.
    pub drift: Drift,
}

/// Looks at all that is listed.
pub fn related(question: &Question, records: &Records) -> Related {
    let Some(key) = question.key else {
        return Related::default();
    };
    let own = records.iter().find(|(_, record)| record.key == key);
    let table = question.tables.iter().find(|one| one.index == key.table);
    let names = match (own, table) {
        (Some((_, record)), Some(table)) => references(record, &table.rules),
        _ => Vec::new(),
    };
    let mut found = Related {
        key: Some(key),
        ..Related::default()
    };
    let mut listed: Vec<(RecordKey, Relation)> = Vec::new();
    for (_, record) in records.iter().filter(|(_, record)| record.key != key) {
        if names.iter().any(|one| one.id == record.key.id) {
            listed.push((record.key, relation(record)));
        }
        // What names each other is told once.
        let is_named = names.iter().any(|one| one.id == record.key.id);
        if record.drift.is_listed() && !is_named && refers(record, key) {
            found.naming_all += 1;
            if found.naming.len() < MOST {
                found.naming.push(relation(record));
            }
        }
    }
    let around = names.iter().filter_map(|reference| {
        let name = reference.table.as_ref()?;
        let table = question.tables.iter().find(|one| one.name == *name)?.index;
        let mut listed = listed.iter();
        let one = listed.find(|(key, _)| key.id == reference.id && key.table == table);
        Some(one.map_or_else(
            || {
                Relation {
                    table,
                    name: reference
                        .name
                        .clone()
                        .unwrap_or_else(|| reference.id.short()),
                    drift: Drift::InSync,
                }
            },
            |(_, relation)| relation.clone(),
        ))
    });
    found.named = around.take(MOST).collect();
    found
}

fn relation(record: &Record) -> Relation {
    Relation {
        table: record.key.table,
        name: record.name.clone(),
        drift: record.drift,
    }
}

/// The rows that a record names, with their tables as far as they are known: in the source, or where it is only in the
/// target, there.
fn references(record: &Record, rules: &CompareRules) -> Vec<Reference> {
    let row = record.sides.source.row().or(record.sides.target.row());
    let values = row.into_iter().flat_map(|row| row.open().values);
    let lookups = values.zip(&rules.columns).filter_map(|(value, column)| {
        let Value::Lookup(reference) = value else {
            return None;
        };
        // The server names the table only where there are several.
        let only = match &column.kind {
            ColumnType::Lookup { targets } if targets.len() == 1 => targets.first(),
            _ => None,
        };
        Some(Reference {
            table: reference
                .table
                .as_ref()
                .or(only.map(|only| &only.table))
                .cloned(),
            ..reference
        })
    });
    lookups.collect()
}

/// Whether either side of a record names that one.
fn refers(record: &Record, key: RecordKey) -> bool {
    let names = |side: &Side<PackedRow>| {
        let row = side.row().filter(|row| row.may_name(key.id));
        let mut values = row.into_iter().flat_map(|row| row.open().values);
        values.any(|value| matches!(value, Value::Lookup(reference) if reference.id == key.id))
    };
    names(&record.sides.source) || names(&record.sides.target)
}
