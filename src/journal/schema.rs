//! The database: how it is opened, checked and laid out. Its format only ever moves forward (J6).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::chain;
use super::folder;
use super::record::{OpenError, SessionInfo};
use super::sessions;

/// The newest format.
pub const FORMAT: i64 = 5;

/// The oldest SQLite whose WAL can be relied on (J2).
const OLDEST_SQLITE: i32 = 3_051_003;

/// Format 1.
const FIRST: &str = "
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

/// From format 1 to 2: the hash chain over events and orders ([`super::chain`]), where it begins, what prune keeps of
/// the events it takes away, values that were overwritten, and a ticket beside the reason.
const SECOND: &str = "
ALTER TABLE events DROP COLUMN chain;
ALTER TABLE forced DROP COLUMN chain;
ALTER TABLE operations ADD COLUMN ticket TEXT NOT NULL DEFAULT '';
CREATE INDEX events_of_record ON events (entity, record);
CREATE TABLE chain (
    seq INTEGER PRIMARY KEY NOT NULL, kind TEXT NOT NULL, entry INTEGER NOT NULL, hash BLOB NOT NULL,
    UNIQUE (kind, entry)
) STRICT;
CREATE TABLE origins (
    seq INTEGER PRIMARY KEY NOT NULL, hash BLOB NOT NULL, wall TEXT NOT NULL, who TEXT NOT NULL
) STRICT;
CREATE TABLE agreed (
    link TEXT NOT NULL, entity TEXT NOT NULL, record BLOB NOT NULL, is_choice INTEGER NOT NULL,
    seq INTEGER NOT NULL, etag TEXT, hash INTEGER, columns TEXT, verb TEXT NOT NULL,
    stage TEXT NOT NULL, reason TEXT, wall TEXT NOT NULL,
    PRIMARY KEY (link, entity, record, is_choice)
) STRICT, WITHOUT ROWID;
CREATE TABLE overwritten (
    operation BLOB NOT NULL, entity TEXT NOT NULL, record BLOB NOT NULL,
    name TEXT NOT NULL, value TEXT NOT NULL, wall TEXT NOT NULL
) STRICT;
CREATE INDEX overwritten_of_record ON overwritten (entity, record);
CREATE INDEX overwritten_by_age ON overwritten (wall);
";

/// From format 2 to 3: which row of the target is which of the source, where keys tell (`identity = "key"`); of an
/// operation, what was decided column by column, and which other one it tries again.
const THIRD: &str = "
ALTER TABLE operations ADD COLUMN choices TEXT NOT NULL DEFAULT '';
ALTER TABLE operations ADD COLUMN retries BLOB;
CREATE TABLE pairs (
    link TEXT NOT NULL, entity TEXT NOT NULL, source BLOB NOT NULL, target BLOB NOT NULL,
    PRIMARY KEY (link, entity, source), UNIQUE (link, entity, target)
) STRICT, WITHOUT ROWID;
";

/// From format 3 to 4: what people put down, and which alert they took with it.
const FOURTH: &str = "
CREATE TABLE notes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session BLOB NOT NULL REFERENCES sessions (id),
    who TEXT NOT NULL, said TEXT NOT NULL, rule TEXT, subject TEXT, until TEXT,
    wall TEXT NOT NULL, mono INTEGER NOT NULL
) STRICT;
";

/// From format 4 to 5: how many records an operation may take along at most.
const FIFTH: &str = "ALTER TABLE operations ADD COLUMN at_most INTEGER;";

/// The tables of format 1 that nothing is ever changed in or deleted from.
const APPEND_ONLY: [&str; 4] = ["sessions", "operations", "events", "forced"];

/// Those that format 2 adds.
const APPEND_ONLY_SINCE_2: [&str; 2] = ["chain", "origins"];

/// Those that format 4 adds.
const APPEND_ONLY_SINCE_4: [&str; 1] = ["notes"];

/// Opens the database for writing, and makes or checks it first. The caller holds the opening lock.
pub fn open(state: &Path, opener: &SessionInfo) -> Result<Connection, OpenError> {
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
    if found == FORMAT {
        return Ok(connection);
    }
    if found > 0 {
        if sessions::somebody_lives(state) {
            let why = "another tandem is running, of an older version: it must end before the format can change";
            let why = why.to_owned();
            return Err(OpenError::Database { file, why });
        }
        copy(&connection, state, found)?;
    }
    lay_out(&mut connection, found, opener).map_err(failed)?;
    Ok(connection)
}

/// Keeps a copy of the database as it is, beside it (J6).
fn copy(connection: &Connection, state: &Path, format: i64) -> Result<(), OpenError> {
    let file = state.join(format!("journal.format-{format}.db"));
    let unfinished = state.join("journal.copy");
    let failed = |source| OpenError::Folder {
        folder: file.clone(),
        source,
    };
    // An empty file is taken, and its mode with it; what an earlier try left is no copy.
    let begun = folder::private_file(&unfinished)?;
    begun.set_len(0).map_err(failed)?;
    let path = unfinished.to_string_lossy();
    connection
        .execute("VACUUM INTO ?", [path.as_ref()])
        .map_err(|error| OpenError::Database {
            file: unfinished.clone(),
            why: format!("a copy is made before its format changes: {error}"),
        })?;
    begun.sync_all().map_err(failed)?;
    fs::rename(&unfinished, &file).map_err(failed)
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
    keep_plans(connection)?;
    // What was deleted, values above all, is not left lying in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "mmap_size", 0)
}

/// Plans a statement once, whatever values it is given: else SQLite, as it is built here, plans it anew for each.
pub fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The format of a database; 0 when there is nothing in it yet.
pub fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a database from the format that was found, 0 for an empty one, to the newest.
fn lay_out(connection: &mut Connection, found: i64, opener: &SessionInfo) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if found < 1 {
        transaction.execute_batch(FIRST)?;
        guard(&transaction, "UPDATE", &APPEND_ONLY)?;
        guard(&transaction, "DELETE", &APPEND_ONLY)?;
    }
    if found < 2 {
        transaction.execute_batch(SECOND)?;
        guard(&transaction, "UPDATE", &APPEND_ONLY_SINCE_2)?;
        guard(&transaction, "DELETE", &APPEND_ONLY_SINCE_2)?;
    }
    if found < 3 {
        transaction.execute_batch(THIRD)?;
    }
    if found < 4 {
        transaction.execute_batch(FOURTH)?;
        guard(&transaction, "UPDATE", &APPEND_ONLY_SINCE_4)?;
        guard(&transaction, "DELETE", &APPEND_ONLY_SINCE_4)?;
    }
    transaction.execute_batch(FIFTH)?;
    if found < 2 {
        chain::begin(&transaction, opener)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn guard(connection: &Connection, change: &str, tables: &[&str]) -> rusqlite::Result<()> {
    tables.iter().try_for_each(|table| {
        connection.execute_batch(&format!(
            "CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table}
             BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;"
        ))
    })
}

/// Lets rows be deleted while `work` runs, in the transaction that the caller commits or not.
pub fn deleting<T>(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let tables = APPEND_ONLY.into_iter().chain(APPEND_ONLY_SINCE_2);
    let tables: Vec<&str> = tables.chain(APPEND_ONLY_SINCE_4).collect();
    for table in &tables {
        connection.execute_batch(&format!("DROP TRIGGER {table}_no_DELETE"))?;
    }
    let done = work()?;
    guard(connection, "DELETE", &tables)?;
    Ok(done)
}

/// What is said of a database that a newer tandem wrote.
pub fn newer(file: PathBuf, found: i64) -> OpenError {
    let known = FORMAT;
    OpenError::Newer { file, found, known }
}
