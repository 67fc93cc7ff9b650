//! The rows of one table with their indexes: primary id, alternate keys, `modifiedon`, lookups, changes and deletions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use uuid::Uuid;

use crate::emulator::row::Row;
use crate::emulator::schema::{Index, Table};
use crate::emulator::value::{Reference, SqlGuid, ValueRef, fold};

/// All rows of one table.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) sorted: BTreeMap<SqlGuid, Row>,
    /// For each alternate key, rows by the hash of its values.
    pub(super) keys: Vec<BTreeSet<(u64, SqlGuid)>>,
    pub(super) modified: BTreeSet<(i64, SqlGuid)>,
    /// For each lookup that is indexed, by its column: the row that is named, and the row that names it.
    pub(super) named: BTreeMap<usize, BTreeSet<(SqlGuid, SqlGuid)>>,
    pub(super) changes: BTreeMap<i64, SqlGuid>,
    /// Another after every write, and after every one that is taken back.
    pub(super) generation: u64,
    pub(super) deletions: BTreeMap<i64, Uuid>,
    /// The newest deletion of an id, of which only that one is told.
    pub(super) buried: HashMap<Uuid, i64>,
}

impl Rows {
    /// Builds every index from its sorted entries, which packs them more tightly than one insertion after another.
    pub(super) fn fill(&mut self, table: &Table, rows: Vec<(SqlGuid, Row)>) {
        for (key, index) in self.keys.iter_mut().enumerate() {
            let entry = |(id, row): &(SqlGuid, Row)| Some((hash(&key_of(table, key, row)?), *id));
            *index = rows.iter().filter_map(entry).collect();
        }
        let modified = |(id, row): &(SqlGuid, Row)| {
            let time = row.value(table.modified_on?).as_time()?;
            Some((time.timestamp_millis(), *id))
        };
        self.modified = rows.iter().filter_map(modified).collect();
        for (column, index) in &mut self.named {
            let entry = |(id, row): &(SqlGuid, Row)| {
                Some((row.value(*column).as_reference()?.id.into(), *id))
            };
            *index = rows.iter().filter_map(entry).collect();
        }
        self.changes = rows.iter().map(|(id, row)| (row.version(), *id)).collect();
        self.sorted = rows.into_iter().collect();
    }

    pub(super) fn bury(&mut self, id: Uuid, version: i64) {
        self.deletions.insert(version, id);
        self.buried.insert(id, version);
    }

    pub(super) fn unbury(&mut self, id: Uuid, version: i64) {
        self.deletions.remove(&version);
        let mut earlier = self.deletions.iter().rev();
        match earlier.find(|(_, own)| **own == id) {
            Some((version, _)) => self.buried.insert(id, *version),
            None => self.buried.remove(&id),
        };
    }

    /// Enters a row into every index, or takes it out.
    pub(super) fn index(&mut self, table: &Table, row: &Row, enter: bool) {
        let id = SqlGuid::from(row.id());
        for (key, index) in self.keys.iter_mut().enumerate() {
            let declared = table.keys.get(key);
            if declared.is_none_or(|declared| declared.index != Index::Active) {
                continue;
            }
            if let Some(text) = key_of(table, key, row) {
                enter_into(index, (hash(&text), id), enter);
            }
        }
        if let Some(time) = table
            .modified_on
            .and_then(|column| row.value(column).as_time())
        {
            enter_into(&mut self.modified, (time.timestamp_millis(), id), enter);
        }
        for (column, index) in &mut self.named {
            if let Some(Reference { id: named, .. }) = row.value(*column).as_reference() {
                enter_into(index, (named.into(), id), enter);
            }
        }
        if enter {
            self.changes.insert(row.version(), id);
        } else {
            self.changes.remove(&row.version());
        }
    }
}

fn enter_into<T: Ord>(index: &mut BTreeSet<T>, entry: T, enter: bool) {
    if enter {
        index.insert(entry);
    } else {
        index.remove(&entry);
    }
}

/// The text of one of a row's alternate keys; none if a part is null.
pub(super) fn key_of(table: &Table, key: usize, row: &Row) -> Option<String> {
    let columns = &table.keys.get(key)?.columns;
    let values: Vec<ValueRef> = columns.iter().map(|&column| row.value(column)).collect();
    key_text(&values)
}

/// A key's values as one text, equal where the server holds them equal; none if any is null.
pub(super) fn key_text(values: &[ValueRef]) -> Option<String> {
    let mut text = String::new();
    for value in values {
        text.push_str(&comparable(*value)?);
        text.push('\0');
    }
    Some(text)
}

pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A value as a text that is equal exactly where the server holds the values equal.
pub(crate) fn comparable(value: ValueRef) -> Option<String> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Text(text) => fold(text),
        ValueRef::Int(number) => number.to_string(),
        ValueRef::Decimal(number) => number.normalize().to_string(),
        ValueRef::Double(number) => number.to_string(),
        ValueRef::Bool(yes) => yes.to_string(),
        ValueRef::Time(time) => time.timestamp_millis().to_string(),
        ValueRef::Date(date) => date.to_string(),
        ValueRef::Choices(options) => options.to_owned(),
        ValueRef::Id(id) => id.to_string(),
        ValueRef::Lookup(reference) => reference.id.to_string(),
    })
}
