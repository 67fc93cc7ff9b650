//! The rows of one instance, with their versions; how they are found is each table's own (`store/rows.rs`).
//!
//! Keeps uniqueness and versions; what a row must hold, and who may write it, is decided in `operation/`. What is undone
//! and redone as one is decided in `transaction.rs`.

mod rows;

use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::rows::{Rows, hash, key_of, key_text};
use super::hold::Holds;
use super::row::Row;
use super::schema::{Index, Key, Schema, Table};
use super::security::Sight;
use super::value::{SqlGuid, TableId, Value, ValueRef};

pub(crate) use self::rows::comparable;

/// All rows of one instance; a clone shares the tables until one of both is written, [`Store::copy`] the rows alone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    schema: Arc<Schema>,
    tables: Vec<Arc<Rows>>,
    version: i64,
    ticket_number: u32,
    holds: Holds,
    /// Another after every restore.
    epoch: u64,
    /// What whoever looks may not see; none where all of it may be seen.
    sight: Option<Arc<Sight>>,
}

/// Why a row can't be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The primary id is there already.
    Id,
    /// The alternate key with this position is taken by another row.
    Key(usize),
}

/// What one write did to one row, to be undone and done again.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) table: TableId,
    pub(crate) id: Uuid,
    pub(crate) before: Option<Row>,
    pub(crate) after: Option<Row>,
    /// The version under which the write happened.
    pub(crate) version: i64,
}

/// Shared by all stores, for a restored one must not repeat a number.
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// Where a real database stands after some years; makes etags look like real ones.
const FIRST_VERSION: i64 = 1_000_000;

impl Store {
    pub(crate) fn new(schema: Arc<Schema>) -> Store {
        let tables = schema
            .tables()
            .map(|(_, table)| {
                Arc::new(Rows {
                    keys: table.keys.iter().map(|_| BTreeSet::new()).collect(),
                    named: table
                        .indexed_lookups()
                        .map(|column| (column, BTreeSet::new()))
                        .collect(),
                    ..Rows::default()
                })
            })
            .collect();
        Store {
            schema,
            tables,
            version: FIRST_VERSION,
            ticket_number: 1000,
            holds: Holds::default(),
            epoch: 0,
            sight: None,
        }
    }

    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The tables, to be changed.
    pub(crate) fn schema_mut(&mut self) -> &mut Schema {
        Arc::make_mut(&mut self.schema)
    }

    /// Declares a key whose index is still to be built.
    pub(crate) fn add_key(&mut self, table: TableId, key: Key) {
        self.schema_mut().change(table).keys.push(key);
        self.rows_mut(table).keys.push(BTreeSet::new());
    }

    /// Sets where the index of a key stands; one that isn't active holds nothing.
    pub(crate) fn set_index(&mut self, table: TableId, key: usize, index: Index) {
        if let Some(declared) = self.schema_mut().change(table).keys.get_mut(key) {
            declared.index = index;
        }
        if let Some(entries) = self.rows_mut(table).keys.get_mut(key) {
            entries.clear();
        }
    }

    /// Builds the index of a key; if two rows have the same values, it fails.
    pub(crate) fn build_index(&mut self, table: TableId, key: usize) {
        let schema = Arc::clone(&self.schema);
        let definition = schema.table(table);
        let rows = self.rows(table);
        let mut seen = HashSet::new();
        let mut entries = BTreeSet::new();
        let mut unique = true;
        for (id, row) in &rows.sorted {
            if let Some(text) = key_of(definition, key, row) {
                entries.insert((hash(&text), *id));
                unique &= seen.insert(text);
            }
        }
        self.set_index(
            table,
            key,
            if unique { Index::Active } else { Index::Failed },
        );
        if let Some(place) = self.rows_mut(table).keys.get_mut(key).filter(|_| unique) {
            *place = entries;
        }
    }

    /// A copy that shares nothing but the rows, so that a write to either is not the dearer for it.
    pub(crate) fn copy(&self) -> Store {
        let copy = |rows: &Arc<Rows>| Arc::new(Rows::clone(rows));
        Store {
            tables: self.tables.iter().map(copy).collect(),
            ..self.clone()
        }
    }

    /// The store as somebody sees it who may not see all of it.
    ///
    /// It shares the tables with this one, so it must be gone before this one is written.
    pub(crate) fn seen_with(&self, sight: Arc<Sight>) -> Store {
        Store {
            sight: Some(sight),
            ..self.clone()
        }
    }

    /// Whether secured columns are seen as empty.
    pub(crate) fn hides_secured(&self) -> bool {
        self.sight.is_some()
    }

    /// What keeps some of it from being seen, if anything does.
    pub(crate) fn sight(&self) -> Option<&Sight> {
        self.sight.as_deref()
    }

    pub(crate) fn get(&self, table: TableId, id: Uuid) -> Option<&Row> {
        self.get_any(table, id).filter(self.seen(table))
    }

    /// A row whether it is seen or not: what a lookup shows of it, everybody may know.
    pub(crate) fn get_any(&self, table: TableId, id: Uuid) -> Option<&Row> {
        self.rows(table).sorted.get(&SqlGuid::from(id))
    }

    /// All rows of a table, seen or not: for what the server itself has to know.
    pub(crate) fn all(&self, table: TableId) -> impl Iterator<Item = &Row> {
        self.rows(table).sorted.values()
    }

    /// The id of the row that holds these values of an alternate key.
    pub(crate) fn by_key(
        &self,
        table: TableId,
        key: usize,
        values: &[ValueRef<'_>],
    ) -> Option<Uuid> {
        self.holder(table, key, &key_text(values)?)
    }

    pub(crate) fn len(&self, table: TableId) -> usize {
        match self.sight.as_deref().and_then(|sight| sight.of(table)) {
            None => self.rows(table).sorted.len(),
            Some(sight) => self.all(table).filter(|row| sight.shows(row)).count(),
        }
    }

    /// The rows in SQL Server's order of GUIDs, behind the given one.
    pub(crate) fn after(&self, table: TableId, last: Option<Uuid>) -> impl Iterator<Item = &Row> {
        let start = last.map_or(Bound::Unbounded, |id| Bound::Excluded(SqlGuid::from(id)));
        self.rows(table)
            .sorted
            .range((start, Bound::Unbounded))
            .map(|(_, row)| row)
            .filter(self.seen(table))
    }

    /// The rows in the reverse of that order, before the given one.
    pub(crate) fn before(&self, table: TableId, last: Option<Uuid>) -> impl Iterator<Item = &Row> {
        let end = last.map_or(Bound::Unbounded, |id| Bound::Excluded(SqlGuid::from(id)));
        let rows = self.rows(table).sorted.range((Bound::Unbounded, end));
        rows.rev().map(|(_, row)| row).filter(self.seen(table))
    }

    /// The rows in the order of their last change and then of their ids, behind the given place.
    pub(crate) fn modified_after(
        &self,
        table: TableId,
        last: Option<(DateTime<Utc>, Uuid)>,
    ) -> impl Iterator<Item = &Row> {
        let rows = self.rows(table);
        let start = last.map_or(Bound::Unbounded, |(time, id)| {
            Bound::Excluded((time.timestamp_millis(), id.into()))
        });
        let entries = rows.modified.range((start, Bound::Unbounded));
        entries
            .filter_map(|(_, id)| rows.sorted.get(id))
            .filter(self.seen(table))
    }

    /// The rows in the reverse of that order, before the given place.
    pub(crate) fn modified_before(
        &self,
        table: TableId,
        last: Option<(DateTime<Utc>, Uuid)>,
    ) -> impl Iterator<Item = &Row> {
        let rows = self.rows(table);
        let end = last.map_or(Bound::Unbounded, |(time, id)| {
            Bound::Excluded((time.timestamp_millis(), id.into()))
        });
        let entries = rows.modified.range((Bound::Unbounded, end)).rev();
        entries
            .filter_map(|(_, id)| rows.sorted.get(id))
            .filter(self.seen(table))
    }

    /// The rows that were modified within the bounds, oldest first.
    pub(crate) fn modified(
        &self,
        table: TableId,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> impl Iterator<Item = &Row> {
        let rows = self.rows(table);
        let start = from.map_or(Bound::Unbounded, |from| {
            Bound::Included((from.timestamp_millis(), SqlGuid::LEAST))
        });
        let until = to.map(|to| to.timestamp_millis());
        rows.modified
            .range((start, Bound::Unbounded))
            .take_while(move |(time, _)| until.is_none_or(|until| *time <= until))
            .filter_map(|(_, id)| rows.sorted.get(id))
            .filter(self.seen(table))
    }

    /// The rows whose lookup names the given row, in the order of their ids; none where the lookup has no index.
    pub(crate) fn naming(
        &self,
        table: TableId,
        column: usize,
        named: Uuid,
    ) -> Option<impl Iterator<Item = &Row>> {
        let rows = self.rows(table);
        let index = rows.named.get(&column)?;
        let named = SqlGuid::from(named);
        let first = Bound::Included((named, SqlGuid::LEAST));
        Some(
            index
                .range((first, Bound::Unbounded))
                .take_while(move |(own, _)| *own == named)
                .filter_map(|(_, id)| rows.sorted.get(id))
                .filter(self.seen(table)),
        )
    }

    /// The newest version of which every write is visible.
    ///
    /// A suspended transaction has taken versions that are not to be seen yet, so a delta token must stay below them.
    pub(crate) fn settled_version(&self) -> i64 {
        let first_held = self.holds.first_version();
        first_held.map_or(self.version, |first| first - 1)
    }

    /// The rows that were written behind a version, oldest write first.
    pub(crate) fn changed_since(&self, table: TableId, version: i64) -> impl Iterator<Item = &Row> {
        let rows = self.rows(table);
        rows.changes
            .range((Bound::Excluded(version), Bound::Unbounded))
            .filter_map(|(_, id)| rows.sorted.get(id))
            .filter(self.seen(table))
    }

    /// The versions and ids of rows that were deleted behind a version and are not there again, oldest deletion first.
    pub(crate) fn deleted_since(
        &self,
        table: TableId,
        version: i64,
    ) -> impl Iterator<Item = (i64, Uuid)> {
        let rows = self.rows(table);
        rows.deletions
            .range((Bound::Excluded(version), Bound::Unbounded))
            .map(|(version, id)| (*version, *id))
            .filter(|(version, id)| {
                rows.buried.get(id) == Some(version)
                    && !rows.sorted.contains_key(&SqlGuid::from(*id))
            })
    }

    pub(crate) fn insert(
        &mut self,
        table: TableId,
        id: Uuid,
        values: Vec<Value>,
    ) -> Result<Change, Conflict> {
        if self.get_any(table, id).is_some() {
            return Err(Conflict::Id);
        }
        self.put(table, id, values)
    }

    /// Fills an empty table in one go, without memory for what is between the rows and their indexes.
    ///
    /// The rows are the emulator's own and known to be unique; of two with one id or key, the later would win.
    pub(crate) fn load(&mut self, table: TableId, rows: impl Iterator<Item = (Uuid, Vec<Value>)>) {
        let schema = Arc::clone(&self.schema);
        let definition = schema.table(table);
        let version_column = definition.column("versionnumber");
        let mut packed = Vec::new();
        for (id, mut values) in rows {
            self.version += 1;
            if let Some(place) = version_column.and_then(|column| values.get_mut(column)) {
                *place = Value::Int(self.version);
            }
            packed.push((SqlGuid::from(id), Row::new(id, self.version, &values)));
        }
        self.rows_mut(table).fill(definition, packed);
    }

    /// Stores a row's values under a new version, whatever was there.
    pub(crate) fn put(
        &mut self,
        table: TableId,
        id: Uuid,
        mut values: Vec<Value>,
    ) -> Result<Change, Conflict> {
        let schema = Arc::clone(&self.schema);
        let definition = schema.table(table);
        let version = self.version + 1;
        if let Some(place) = definition
            .column("versionnumber")
            .and_then(|column| values.get_mut(column))
        {
            *place = Value::Int(version);
        }
        let row = Row::new(id, version, &values);
        self.free(table, definition, &row)?;
        self.version = version;
        let before = self.set(table, id, Some(row.clone()));
        Ok(Change {
            table,
            id,
            before,
            after: Some(row),
            version,
        })
    }

    pub(crate) fn remove(&mut self, table: TableId, id: Uuid) -> Option<Change> {
        let before = Some(self.set(table, id, None)?);
        self.version += 1;
        let version = self.version;
        self.rows_mut(table).bury(id, version);
        Some(Change {
            table,
            id,
            before,
            after: None,
            version,
        })
    }

    /// Takes a change back.
    pub(crate) fn undo(&mut self, change: &Change) {
        self.set(change.table, change.id, change.before.clone());
        if change.after.is_none() {
            self.rows_mut(change.table)
                .unbury(change.id, change.version);
        }
    }

    /// Makes a change again that was taken back, unless its key was taken meanwhile.
    pub(crate) fn redo(&mut self, change: &Change) -> Result<(), Conflict> {
        let schema = Arc::clone(&self.schema);
        if let Some(row) = &change.after {
            self.free(change.table, schema.table(change.table), row)?;
        } else {
            self.rows_mut(change.table).bury(change.id, change.version);
        }
        self.set(change.table, change.id, change.after.clone());
        Ok(())
    }

    /// What suspended transactions keep from others.
    pub(crate) fn holds(&self) -> &Holds {
        &self.holds
    }

    pub(crate) fn holds_mut(&mut self) -> &mut Holds {
        &mut self.holds
    }

    /// Makes a copy that was kept the present: nobody holds a row of it, and what is under way belongs to another epoch.
    pub(crate) fn begin_again(&mut self) {
        self.holds = Holds::default();
        self.epoch = GENERATION.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it is still the store that it was.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A number that is another whenever a row of the table is; no two states of a table share one.
    pub(crate) fn generation(&self, table: TableId) -> u64 {
        self.rows(table).generation
    }

    /// The next number for an automatically numbered ticket.
    pub(crate) fn next_ticket(&mut self) -> u32 {
        self.ticket_number = self.ticket_number.wrapping_add(1);
        self.ticket_number
    }

    /// Whether the row's alternate keys are free or its own.
    fn free(&self, table: TableId, definition: &Table, row: &Row) -> Result<(), Conflict> {
        for (key, declared) in definition.keys.iter().enumerate() {
            if declared.index != Index::Active {
                continue;
            }
            let holder =
                key_of(definition, key, row).and_then(|text| self.holder(table, key, &text));
            if holder.is_some_and(|holder| holder != row.id()) {
                return Err(Conflict::Key(key));
            }
        }
        Ok(())
    }

    /// The row that holds a key's text.
    fn holder(&self, table: TableId, key: usize, text: &str) -> Option<Uuid> {
        let definition = self.schema.table(table);
        let rows = self.rows(table);
        let hash = hash(text);
        let first = Bound::Included((hash, SqlGuid::LEAST));
        rows.keys
            .get(key)?
            .range((first, Bound::Unbounded))
            .take_while(|(own, _)| *own == hash)
            .filter_map(|(_, id)| rows.sorted.get(id))
            .find(|row| key_of(definition, key, row).as_deref() == Some(text))
            .map(Row::id)
    }

    /// Puts a row in the place of what was there, which is returned.
    fn set(&mut self, table: TableId, id: Uuid, row: Option<Row>) -> Option<Row> {
        let schema = Arc::clone(&self.schema);
        let definition = schema.table(table);
        let rows = self.rows_mut(table);
        rows.generation = GENERATION.fetch_add(1, Ordering::Relaxed);
        let before = rows.sorted.remove(&SqlGuid::from(id));
        if let Some(before) = &before {
            rows.index(definition, before, false);
        }
        if let Some(row) = row {
            rows.index(definition, &row, true);
            rows.sorted.insert(SqlGuid::from(id), row);
        }
        before
    }

    fn rows(&self, table: TableId) -> &Rows {
        &self.tables[table.0]
    }

    fn rows_mut(&mut self, table: TableId) -> &mut Rows {
        Arc::make_mut(&mut self.tables[table.0])
    }

    /// Which rows of a table are seen.
    fn seen(&self, table: TableId) -> impl Fn(&&Row) -> bool {
        let sight = self.sight.as_deref().and_then(|sight| sight.of(table));
        move |row| sight.is_none_or(|sight| sight.shows(row))
    }
}
