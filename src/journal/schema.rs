//! The database: how it is opened, checked and laid out. Its format only ever moves forward (J6).

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::folder;
use super::record::OpenError;

/// The newest format.
const FORMAT: i64 = 1;

/// The oldest SQLite whose WAL can be relied on (J2).
const OLDEST_SQLITE: i32 = 3_051_003;

/// `chain` is room for the hash over all rows before, which is not computed yet.
const TABLES: &str = "
CREATE TABLE sessions (
    id BLOB PRIMARY KEY NOT NULL, started TEXT NOT NULL, mono INTEGER NOT NULL,
    who TEXT NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL, host TEXT NOT NULL
) STRICT;
CREATE TABLE operations (
    id BLOB PRIMARY KEY NOT NULL, session BLOB NOT NULL REFERENCES sessions (id),
    verb TEXT NOT NULL, link TEXT NOT NULL, reason TEXT NOT NULL, who TEXT NOT NULL, asked TEXT NOT NULL
) STRICT;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session BLOB NOT NULL REFERENCES sessions (id),
    operation BLOB NOT NULL REFERENCES operations (id),
    entity TEXT, record BLOB, name TEXT, number TEXT, on_the_way INTEGER,
    stage TEXT NOT NULL, reason TEXT, etag TEXT, hash INTEGER, columns TEXT,
    wall TEXT NOT NULL, mono INTEGER NOT NULL, chain BLOB
) STRICT;
CREATE INDEX events_by_operation ON events (operation);
CREATE INDEX events_by_record ON events (operation, record, entity);
CREATE INDEX events_agreed ON events (entity, record) WHERE stage IN ('verified', 'altered');
CREATE TABLE forced (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session BLOB NOT NULL REFERENCES sessions (id),
    instance TEXT NOT NULL, is_forced INTEGER NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL, until TEXT,
    wall TEXT NOT NULL, mono INTEGER NOT NULL, chain BLOB
) STRICT;
";

/// The tables that nothing is ever changed in or deleted from.
const APPEND_ONLY: [&str; 4] = ["sessions", "operations", "events", "forced"];

/// Opens the database for writing, and makes or checks it first. The caller holds the opening lock.
pub fn open(state: &Path) -> Result<Connection, OpenError> {
    let file = folder::database(state);
    if rusqlite::version_number() < OLDEST_SQLITE {
        let why = format!("SQLite {} is too old", rusqlite::version());
        return Err(OpenError::Database { file, why });
    }
    // SQLite gives its own files the mode of the database's file, so that this one's mode is all that matters.
    drop(folder::private_file(&file)?);
    for end in ["journal.db-wal", "journal.db-shm"] {
        folder::check_file(&state.join(end))?;
    }
    let failed = |error: rusqlite::Error| OpenError::Database {
        file: file.clone(),
        why: error.to_string(),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(&file, flags).map_err(failed)?;
    set_up(&connection).map_err(failed)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(failed)?;
    if mode != "wal" {
        let why = format!("it can't keep a write-ahead log here (its journal mode stays {mode})");
        return Err(OpenError::Database { file, why });
    }
    let found = format(&connection).map_err(failed)?;
    if found > FORMAT {
        return Err(newer(file, found));
    }
    let health: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if health != "ok" {
        let why = format!("it is damaged ({health}): move it away and keep it");
        return Err(OpenError::Database { file, why });
    }
    if found == 0 {
        lay_out(&mut connection).map_err(failed)?;
    }
    Ok(connection)
}

/// Opens the database for reading only.
pub fn reader(state: &Path) -> Result<Connection, OpenError> {
    let file = folder::database(state);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = Connection::open_with_flags(&file, flags).and_then(|connection| {
        set_up(&connection)?;
        Ok(connection)
    });
    opened.map_err(|error| OpenError::Database {
        file,
        why: error.to_string(),
    })
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "mmap_size", 0)
}

fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn lay_out(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    for table in APPEND_ONLY {
        for change in ["UPDATE", "DELETE"] {
            transaction.execute_batch(&format!(
                "CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table}
                 BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;"
            ))?;
        }
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn newer(file: PathBuf, found: i64) -> OpenError {
    let known = FORMAT;
    OpenError::Newer { file, found, known }
}
