//! The journal as an auditor reads it: whether it is what was written, where it ends, and all of it as JSON lines. It
//! opens nothing for writing, and reads as far as it can what the rest of tandem refuses to open.

use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::breaker::Forced;

use super::chain::{self, Head, Kind, Link};
use super::record::{Failed, JournalError, OpenError};
use super::{folder, read, schema};
use crate::domain::note::Note;
use crate::domain::operation::OperationId;
use crate::domain::row::RowId;
use crate::domain::table::TableName;

/// By how much an entry may be older than the one before it: processes hand theirs in side by side.
pub const CLOCK_TOLERANCE: Duration = Duration::minutes(1);

/// A journal that is open for reading only.
#[derive(Debug)]
pub struct Audit(Connection);

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What the chain begins with: 0, or the last entry that was pruned.
    pub origin: Head,
    /// The last entry up to which everything is as it was written.
    pub head: Head,
    /// The first entry that is not as it was written.
    pub fault: Option<Fault>,
    /// Whether each anchor is there, in the order given.
    pub anchors: Vec<(Head, Anchored)>,
    /// What the database itself finds wrong with its file.
    pub damage: Option<String>,
    /// The entries before which the clock was set back.
    pub clock_set_back: Vec<u64>,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The entry's number.
    pub seq: u64,
    /// What is wrong with it, in words.
    pub why: String,
}

/// Whether the journal still has a head that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchored {
    /// It has.
    Found,
    /// It ends before: the tail was cut, or an older copy was put back.
    Cut,
    /// That entry is another one: the file was replaced or rewritten.
    Other,
    /// It was pruned since, so that nothing can be said.
    Pruned,
}

impl Audit {
    /// Whether a folder has a journal.
    pub fn is_there(state: &Path) -> bool {
        folder::database(state).exists()
    }

    /// The instances that are stopped now.
    pub fn forced(&self, now: DateTime<Utc>) -> Result<Vec<(String, Forced)>, JournalError> {
        Ok(read::forced(&self.0, now)?)
    }

    /// Opens the journal in a folder; that there is none is an error.
    pub fn open(state: &Path) -> Result<Self, OpenError> {
        let file = folder::database(state);
        folder::check_file(&file)?;
        let failed = |why: String| OpenError::Database {
            file: file.clone(),
            why,
        };
        if !file.exists() {
            return Err(failed("there is none".to_owned()));
        }
        let connection = schema::reader(state)?;
        let found = schema::format(&connection).map_err(|error| failed(error.to_string()))?;
        match found {
            schema::FORMAT => Ok(Self(connection)),
            newer if newer > schema::FORMAT => Err(schema::newer(file, newer)),
            older => {
                let what = if older < 2 {
                    "has no chain yet"
                } else {
                    "is an earlier one"
                };
                let next = schema::FORMAT;
                Err(failed(format!(
                    "format {found} {what}: any other command moves it to format {next}, after a copy"
                )))
            }
        }
    }

    /// What people put down since a moment, oldest first, and no more than so much: the latest.
    pub fn notes(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<Note>, JournalError> {
        Ok(read::notes(&self.0, 0, since, most)?)
    }

    /// Which rows of a table of a link are one record: the source's and the target's.
    pub fn pairs(
        &self,
        link: &str,
        table: &TableName,
    ) -> Result<Vec<(RowId, RowId)>, JournalError> {
        Ok(read::pairs(&self.0, link, table)?)
    }

    /// What failed of an operation; `None` where there is no such operation.
    pub fn failed(&self, operation: OperationId) -> Result<Option<Failed>, JournalError> {
        Ok(read::failed(&self.0, operation)?)
    }

    /// The latest operations that are over and of which something failed, newest first.
    pub fn failed_operations(&self) -> Result<Vec<Failed>, JournalError> {
        Ok(read::failed_operations(&self.0)?)
    }

    /// Where the chain ends.
    pub fn head(&self) -> Result<Head, JournalError> {
        Ok(chain::head(&self.0)?)
    }

    /// Reads everything, and says what is not as it was written.
    pub fn verify(&self, anchors: &[Head]) -> Result<Verified, JournalError> {
        // One snapshot, whatever others append meanwhile.
        let snapshot = self.0.unchecked_transaction()?;
        let origin = chain::origin(&snapshot)?;
        let mut verified = Verified {
            origin,
            head: origin,
            fault: None,
            anchors: Vec::new(),
            damage: damage(&snapshot),
            clock_set_back: Vec::new(),
        };
        if let Err(why) = walk(&snapshot, &mut verified) {
            let seq = verified.head.seq + 1;
            verified.fault = Some(Fault { seq, why });
        }
        let found = anchors.iter().map(|anchor| {
            let found = anchored(&snapshot, origin, *anchor)?;
            Ok((*anchor, found))
        });
        verified.anchors = found.collect::<Result<_, JournalError>>()?;
        Ok(verified)
    }

    /// Hands over every entry as one JSON object, in the order of the chain. No overwritten value is among them.
    pub fn export<E>(
        &self,
        mut take: impl FnMut(&Value) -> Result<(), E>,
    ) -> Result<Result<(), E>, JournalError> {
        let snapshot = self.0.unchecked_transaction()?;
        let origin = chain::origin(&snapshot)?;
        let mut links = chain::links(&snapshot)?;
        let mut rows = links.query([chain::signed(origin.seq)])?;
        let mut clock = Clock::default();
        while let Some(row) = rows.next()? {
            let link = chain::link(row)?;
            let entry = exported(&snapshot, &link, &mut clock)?;
            if let Err(error) = take(&Value::Object(entry)) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}

fn damage(connection: &Connection) -> Option<String> {
    let check = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0));
    let found: String = check.unwrap_or_else(|error| error.to_string());
    (found != "ok").then_some(found)
}

/// Goes along the chain until something is wrong with the entry behind the head.
fn walk(connection: &Connection, verified: &mut Verified) -> Result<(), String> {
    let text = |error: rusqlite::Error| format!("it can't be read: {error}");
    let mut links = chain::links(connection).map_err(text)?;
    let origin = chain::signed(verified.origin.seq);
    let mut rows = links.query([origin]).map_err(text)?;
    let mut clock = Clock::default();
    while let Some(row) = rows.next().map_err(text)? {
        let link = chain::link(row).map_err(text)?;
        if link.head.seq != verified.head.seq + 1 {
            return Err("it is gone from the chain".to_owned());
        }
        let kind = link.kind.ok_or("its kind is none of tandem's")?;
        let found = connection.prepare_cached(kind.sql()).and_then(|mut entry| {
            let read = entry.query_row([link.entry], |row| {
                let hash = chain::next(verified.head.hash, link.head.seq, kind, row)?;
                Ok((hash, clock.was_set_back(row)))
            });
            read.optional()
        });
        let (hash, set_back) = found.map_err(text)?.ok_or("its row is gone")?;
        if hash != link.head.hash {
            return Err("it is not what was written".to_owned());
        }
        if set_back.is_some() {
            verified.clock_set_back.push(link.head.seq);
        }
        verified.head = link.head;
    }
    unchained(connection).map_err(text)?.map_or(Ok(()), Err)
}

/// A row that stands beside the chain.
fn unchained(connection: &Connection) -> rusqlite::Result<Option<String>> {
    for kind in Kind::ALL {
        let table = kind.table();
        let sql = format!(
            "SELECT seq FROM {table} WHERE seq NOT IN (SELECT entry FROM chain WHERE kind = '{table}') LIMIT 1"
        );
        let row: Option<i64> = connection
            .query_row(&sql, [], |row| row.get(0))
            .optional()?;
        if let Some(row) = row {
            return Ok(Some(format!(
                "row {row} of {table} was not written by tandem"
            )));
        }
    }
    Ok(None)
}

fn anchored(connection: &Connection, origin: Head, anchor: Head) -> rusqlite::Result<Anchored> {
    Ok(match chain::at(connection, anchor.seq)? {
        Some(found) if found == anchor => Anchored::Found,
        Some(_) => Anchored::Other,
        None if anchor.seq < origin.seq => Anchored::Pruned,
        None => Anchored::Cut,
    })
}

/// Watches the times of entries, which are ordered by number (J8, security case 62).
#[derive(Default)]
struct Clock {
    last: Option<DateTime<Utc>>,
}

impl Clock {
    /// By how much the clock was set back before this entry, whose first column is its time.
    fn was_set_back(&mut self, row: &Row<'_>) -> Option<Duration> {
        let at = read::time(row, 0).ok()?;
        let by = self.last.replace(at)? - at;
        (by > CLOCK_TOLERANCE).then_some(by)
    }
}

fn exported(
    connection: &Connection,
    link: &Link,
    clock: &mut Clock,
) -> rusqlite::Result<Map<String, Value>> {
    let mut object = Map::new();
    object.insert("seq".to_owned(), link.head.seq.into());
    object.insert("chain".to_owned(), chain::hex(&link.head.hash).into());
    let Some(kind) = link.kind else {
        return Ok(object);
    };
    let word = match kind {
        Kind::Event => "event",
        Kind::Forced => "forced",
        Kind::Note => "note",
    };
    object.insert("kind".to_owned(), word.into());
    let mut statement = connection.prepare_cached(kind.sql())?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let found = statement.query_row([link.entry], |row| {
        for (place, name) in names.iter().enumerate() {
            object.insert(name.clone(), value(name, row.get_ref(place)?));
        }
        if let Some(by) = clock.was_set_back(row) {
            object.insert("clock_set_back_s".to_owned(), by.num_seconds().into());
        }
        Ok(())
    });
    // An entry whose row is gone is exported as what is left of it; verify says so.
    found.optional()?;
    Ok(object)
}

/// A value of the database as people expect it in JSON.
fn value(name: &str, value: ValueRef<'_>) -> Value {
    match (name, value) {
        (_, ValueRef::Null) => Value::Null,
        ("on_the_way" | "is_forced", ValueRef::Integer(number)) => (number != 0).into(),
        ("hash", ValueRef::Integer(number)) => format!("{:016x}", number.cast_unsigned()).into(),
        (_, ValueRef::Integer(number)) => number.into(),
        (_, ValueRef::Real(number)) => number.into(),
        ("columns", ValueRef::Text(text)) => serde_json::from_slice(text).unwrap_or_default(),
        (_, ValueRef::Text(text)) => String::from_utf8_lossy(text).into(),
        (_, ValueRef::Blob(bytes)) => Uuid::from_slice(bytes)
            .map_or_else(|_| chain::hex(bytes), |id| id.to_string())
            .into(),
    }
}
