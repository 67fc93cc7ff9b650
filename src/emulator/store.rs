//! The rows of one instance, with their versions and indexes: primary id, alternate keys, `modifiedon`.
//!
//! Keeps uniqueness and versions; what a row must hold, and who may write it, is decided in `operation/`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::schema::{Schema, Table};
use super::value::{SqlGuid, TableId, Value, fold};

/// All rows of one instance.
#[derive(Debug)]
pub(crate) struct Store {
    schema: Arc<Schema>,
    tables: Vec<Rows>,
    version: i64,
    ticket_number: u32,
}

/// One row, never changed in place: a reader keeps what it found.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    values: Box<[Value]>,
}

/// Why a row can't be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The primary id is there already.
    Id,
    /// The alternate key with this position is taken by another row.
    Key(usize),
}

#[derive(Debug, Default)]
struct Rows {
    sorted: BTreeMap<SqlGuid, Arc<Row>>,
    keys: Vec<HashMap<String, Uuid>>,
    modified: BTreeSet<(DateTime<Utc>, SqlGuid)>,
}

/// Where a real database stands after some years; makes etags look like real ones.
const FIRST_VERSION: i64 = 1_000_000;

impl Row {
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }

    pub(crate) fn value(&self, column: usize) -> &Value {
        self.values.get(column).unwrap_or(&Value::Null)
    }
}

impl Store {
    pub(crate) fn new(schema: Arc<Schema>) -> Store {
        let tables = schema
            .tables()
            .map(|(_, table)| Rows {
                keys: table.keys.iter().map(|_| HashMap::new()).collect(),
                ..Rows::default()
            })
            .collect();
        Store {
            schema,
            tables,
            version: FIRST_VERSION,
            ticket_number: 1000,
        }
    }

    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    pub(crate) fn get(&self, table: TableId, id: Uuid) -> Option<&Arc<Row>> {
        self.rows(table).sorted.get(&SqlGuid::from(id))
    }

    /// The id of the row that holds these values of an alternate key.
    pub(crate) fn by_key(&self, table: TableId, key: usize, values: &[&Value]) -> Option<Uuid> {
        self.rows(table)
            .keys
            .get(key)?
            .get(&key_text(values)?)
            .copied()
    }

    pub(crate) fn len(&self, table: TableId) -> usize {
        self.rows(table).sorted.len()
    }

    /// The rows in SQL Server's order of GUIDs, behind the given one.
    pub(crate) fn after(
        &self,
        table: TableId,
        last: Option<Uuid>,
    ) -> impl Iterator<Item = &Arc<Row>> {
        let start = last.map_or(Bound::Unbounded, |id| Bound::Excluded(SqlGuid::from(id)));
        self.rows(table)
            .sorted
            .range((start, Bound::Unbounded))
            .map(|(_, row)| row)
    }

    /// The rows that were modified within the bounds, oldest first.
    pub(crate) fn modified(
        &self,
        table: TableId,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> impl Iterator<Item = &Arc<Row>> {
        let rows = self.rows(table);
        let start = from.map_or(Bound::Unbounded, |from| {
            Bound::Included((from, SqlGuid::from(Uuid::nil())))
        });
        let until = move |time: DateTime<Utc>| to.is_none_or(|to| time <= to);
        rows.modified
            .range((start, Bound::Unbounded))
            .take_while(move |(time, _)| until(*time))
            .filter_map(|(_, id)| rows.sorted.get(id))
    }

    pub(crate) fn insert(
        &mut self,
        table: TableId,
        id: Uuid,
        values: Vec<Value>,
    ) -> Result<Arc<Row>, Conflict> {
        if self.rows(table).sorted.contains_key(&SqlGuid::from(id)) {
            return Err(Conflict::Id);
        }
        self.put(table, id, values)
    }

    /// Replaces a row's values under a new version.
    pub(crate) fn replace(
        &mut self,
        table: TableId,
        id: Uuid,
        values: Vec<Value>,
    ) -> Result<Arc<Row>, Conflict> {
        self.put(table, id, values)
    }

    pub(crate) fn remove(&mut self, table: TableId, id: Uuid) -> Option<Arc<Row>> {
        let schema = Arc::clone(&self.schema);
        let rows = self.tables.get_mut(table.0)?;
        let row = rows.sorted.remove(&SqlGuid::from(id))?;
        rows.forget(schema.table(table), &row);
        self.version += 1;
        Some(row)
    }

    /// The next number for an automatically numbered ticket.
    pub(crate) fn next_ticket(&mut self) -> u32 {
        self.ticket_number = self.ticket_number.wrapping_add(1);
        self.ticket_number
    }

    fn put(
        &mut self,
        table: TableId,
        id: Uuid,
        mut values: Vec<Value>,
    ) -> Result<Arc<Row>, Conflict> {
        let schema = Arc::clone(&self.schema);
        let definition = schema.table(table);
        let keys = key_texts(definition, &values);
        let taken = |(key, text): (usize, &Option<String>)| {
            let owner = self.rows(table).keys.get(key)?.get(text.as_ref()?)?;
            (*owner != id).then_some(key)
        };
        if let Some(key) = keys.iter().enumerate().find_map(taken) {
            return Err(Conflict::Key(key));
        }
        self.version += 1;
        if let Some(place) = definition
            .column("versionnumber")
            .and_then(|column| values.get_mut(column))
        {
            *place = Value::Int(self.version);
        }
        let row = Arc::new(Row {
            id,
            version: self.version,
            values: values.into_boxed_slice(),
        });
        let rows = &mut self.tables[table.0];
        if let Some(old) = rows.sorted.insert(SqlGuid::from(id), Arc::clone(&row)) {
            rows.forget(definition, &old);
        }
        for (index, text) in rows.keys.iter_mut().zip(keys) {
            if let Some(text) = text {
                index.insert(text, id);
            }
        }
        if let Some(time) = modified(definition, &row) {
            rows.modified.insert((time, SqlGuid::from(id)));
        }
        Ok(row)
    }

    fn rows(&self, table: TableId) -> &Rows {
        &self.tables[table.0]
    }
}

impl Rows {
    fn forget(&mut self, table: &Table, row: &Row) {
        for (index, text) in self.keys.iter_mut().zip(key_texts(table, &row.values)) {
            if let Some(text) = text {
                index.remove(&text);
            }
        }
        if let Some(time) = modified(table, row) {
            self.modified.remove(&(time, SqlGuid::from(row.id)));
        }
    }
}

fn modified(table: &Table, row: &Row) -> Option<DateTime<Utc>> {
    row.value(table.column("modifiedon")?).as_time()
}

fn key_texts(table: &Table, values: &[Value]) -> Vec<Option<String>> {
    let text = |columns: &[usize]| {
        let parts: Option<Vec<&Value>> = columns.iter().map(|&column| values.get(column)).collect();
        key_text(&parts?)
    };
    table.keys.iter().map(|key| text(&key.columns)).collect()
}

/// A key's values as one text, equal where the server holds them equal; none if any is null.
fn key_text(values: &[&Value]) -> Option<String> {
    let mut text = String::new();
    for value in values {
        text.push_str(&comparable(value)?);
        text.push('\0');
    }
    Some(text)
}

/// A value as a text that is equal exactly where the server holds the values equal.
pub(crate) fn comparable(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Text(text) => fold(text),
        Value::Int(number) => number.to_string(),
        Value::Decimal(number) => number.normalize().to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Time(time) => time.timestamp_millis().to_string(),
        Value::Id(id) => id.to_string(),
        Value::Lookup(reference) => reference.id.to_string(),
    })
}
