//! What is known of a link's drift, kept across restarts in `index.db`: from where to read changes on, and the records
//! that are out of step. It can be rebuilt by one full comparison, so a file that is damaged or of another format is
//! thrown away; one process keeps it, others read it.
//!
//! A checkpoint and the problems that it goes with are saved in one transaction, and only after what they were read from
//! has been taken in: a process that dies in between reads the same changes again, and loses none.

mod gone;
mod lines;
mod listed;
mod live;
mod members;
mod samples;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, TransactionBehavior, params};
use uuid::Uuid;

use super::folder;
use super::read::{moment, time};
use super::record::{JournalError, OpenError};
use crate::domain::drift::Drift;
use crate::domain::members::Shard;
use crate::domain::row::{DeltaLink, RowId};
use crate::domain::table::TableName;

pub use lines::Line;
pub use listed::{Listed, Listing, SidePage};
pub use members::Group;
pub use samples::{InstanceSample, LinkSample, Samples};

/// The only format that is understood; any other is thrown away.
const FORMAT: i64 = 4;

const TABLES: &str = "
CREATE TABLE checkpoints (
    link TEXT NOT NULL, entity TEXT NOT NULL, rules INTEGER NOT NULL,
    source TEXT NOT NULL, target TEXT NOT NULL, taken TEXT NOT NULL, compared TEXT NOT NULL,
    sources INTEGER NOT NULL, in_sync INTEGER NOT NULL, local INTEGER NOT NULL,
    PRIMARY KEY (link, entity)
) STRICT, WITHOUT ROWID;
CREATE TABLE problems (
    link TEXT NOT NULL, entity TEXT NOT NULL, id BLOB NOT NULL,
    drift TEXT NOT NULL, since TEXT, target INTEGER, other BLOB,
    is_guess INTEGER NOT NULL, name TEXT NOT NULL, number TEXT NOT NULL,
    PRIMARY KEY (link, entity, id)
) STRICT, WITHOUT ROWID;
";

/// From where on a table's changes are read, on both sides, and how many records needed no listing there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What was compared and how: another configuration makes the rest worthless.
    pub rules: u64,
    /// Where the source's changes go on.
    pub source: DeltaLink,
    /// Where the target's changes go on.
    pub target: DeltaLink,
    /// When it was taken.
    pub taken: DateTime<Utc>,
    /// When the last full comparison began.
    pub compared: DateTime<Utc>,
    /// Rows of the source that are in the link's scope.
    pub sources: usize,
    /// Records that are equal on both sides.
    pub in_sync: usize,
    /// Records of the target's own.
    pub local: usize,
}

/// One record that is out of step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub id: RowId,
    /// Its drift.
    pub drift: Drift,
    /// Since when it is out of step.
    pub since: Option<DateTime<Utc>>,
    /// The hash of the target's hydrated columns, by which a later process tells whether they changed.
    pub target: Option<u64>,
    /// The other row of a duplicate.
    pub other: Option<RowId>,
    /// Whether only the two clocks told which side changed.
    pub is_guess: bool,
    /// What it is called, for people.
    pub name: String,
    /// The value of its alternate key, for people.
    pub number: String,
}

/// All that is known of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// From where to go on.
    pub checkpoint: Checkpoint,
    /// What is out of step.
    pub problems: Vec<Problem>,
    /// Rows that were deleted in the target and are out of scope now.
    pub gone: Vec<RowId>,
    /// All shards of the sets of rows, for who does not keep the index: whoever does will have changed them by the time
    /// that they are needed. `None` for the keeper, who takes them up one by one.
    pub members: Option<Vec<(Group, Shard)>>,
}

/// What a refresh or a comparison changes in what is known of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From where to go on now.
    pub checkpoint: Checkpoint,
    /// What it follows on: where something else stands, nothing is changed. `None` is a full comparison's: all that was
    /// known is forgotten first.
    pub after: Option<Checkpoint>,
    /// What is out of step, new or changed.
    pub problems: Vec<Problem>,
    /// What is no more.
    pub solved: Vec<RowId>,
    /// Rows that are deleted in the target and out of scope from now on, or no more.
    pub gone: Vec<(RowId, bool)>,
    /// Shards of the sets of rows that have changed.
    pub members: Vec<(Group, Shard)>,
}

/// The index of this process. Clones share it.
#[derive(Clone, Debug)]
pub struct Index {
    state: PathBuf,
    held: Arc<Mutex<Held>>,
    is_keeper: Arc<AtomicBool>,
}

/// What a process has in hand of the index.
#[derive(Debug, Default)]
struct Held {
    /// Opened when it is first needed.
    connection: Option<Connection>,
    /// The lock of the one who keeps it.
    keeper: Option<File>,
}

impl Index {
    /// The index in a folder that the journal has prepared. This process keeps it, unless another one does: then it is
    /// only read. It is made where it is absent, damaged or of another format.
    ///
    /// It blocks: call it on a thread that may.
    pub fn open(state: &Path) -> Result<Self, OpenError> {
        let index = Self::beside(state);
        index.try_keep()?;
        Ok(index)
    }

    /// The index that another process keeps, for reading.
    pub fn beside(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            held: Arc::default(),
            is_keeper: Arc::default(),
        }
    }

    /// Whether anybody has ever kept one in the folder.
    pub fn is_there(&self) -> bool {
        self.file().exists()
    }

    /// Whether this process is the one that keeps it.
    pub fn is_keeper(&self) -> bool {
        self.is_keeper.load(Ordering::Acquire)
    }

    /// Becomes the one who keeps it; false while another process does.
    ///
    /// It blocks: call it on a thread that may.
    pub fn try_keep(&self) -> Result<bool, OpenError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.keeper.is_some() {
            return Ok(true);
        }
        let lock = folder::private_file(&self.state.join("index.lock"))?;
        if lock.try_lock().is_err() {
            return Ok(false);
        }
        let file = self.file();
        drop(folder::private_file(&file)?);
        let connection = if let Ok(connection) = keep(&file) {
            connection
        } else {
            remove(&file).map_err(|source| OpenError::Folder {
                folder: file.clone(),
                source,
            })?;
            drop(folder::private_file(&file)?);
            keep(&file).map_err(|error| OpenError::Database {
                file,
                why: error.to_string(),
            })?
        };
        *held = Held {
            connection: Some(connection),
            keeper: Some(lock),
        };
        self.is_keeper.store(true, Ordering::Release);
        Ok(true)
    }

    /// The same, from where nothing may block.
    pub async fn keep(&self) -> bool {
        let index = self.clone();
        let kept = tokio::task::spawn_blocking(move || index.try_keep()).await;
        match kept {
            Ok(Ok(kept)) => kept,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the index can't be kept");
                false
            }
            Err(_) => false,
        }
    }

    /// Leaves it to another process: from now on it is only read.
    pub async fn let_go(&self) {
        self.is_keeper.store(false, Ordering::Release);
        let held = Arc::clone(&self.held);
        let gone = move || {
            *held.lock().unwrap_or_else(PoisonError::into_inner) = Held::default();
        };
        // Nothing in it can fail.
        let _gone = tokio::task::spawn_blocking(gone).await;
    }

    /// What is known of a table; `None` before its first full comparison.
    pub async fn load(&self, link: String, table: TableName) -> Result<Option<Kept>, JournalError> {
        let is_keeper = self.is_keeper();
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            let mut kept = load(&transaction, &link, &table)?;
            if let Some(kept) = kept.as_mut().filter(|_| !is_keeper) {
                kept.members = Some(members::load_all(&transaction, &link, &table)?);
            }
            Ok(kept)
        })
        .await
    }

    /// Shards of a table's sets of rows, as they were saved with this checkpoint; `None` where another one was saved
    /// since.
    pub async fn members(
        &self,
        link: String,
        table: TableName,
        checkpoint: Checkpoint,
        wanted: Vec<(Group, u16)>,
    ) -> Result<Option<Vec<(Group, Shard)>>, JournalError> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            let stands = load_checkpoint(&transaction, &link, &table)?;
            if stands.as_ref() != Some(&checkpoint) {
                return Ok(None);
            }
            members::load(&transaction, &link, &table, &wanted).map(Some)
        })
        .await
    }

    /// Takes a change in, as one transaction; false where it does not follow on what stands there. Does nothing where
    /// another process keeps the index.
    pub async fn save(
        &self,
        link: String,
        table: TableName,
        change: Change,
    ) -> Result<bool, JournalError> {
        if !self.is_keeper() {
            return Ok(false);
        }
        self.with(move |connection| save(connection, &link, &table, &change))
            .await
    }

    /// How far a comparison in full has read one side of a table before it broke off. Who does not keep the index has
    /// nothing to go on from.
    pub async fn listing(
        &self,
        link: String,
        table: TableName,
        side: &'static str,
    ) -> Result<Option<Listing>, JournalError> {
        if !self.is_keeper() {
            return Ok(None);
        }
        self.with(move |connection| listed::load(connection, &link, &table, side))
            .await
    }

    /// One of the pages that it has read, counted from 1.
    pub async fn listed(
        &self,
        link: String,
        table: TableName,
        side: &'static str,
        page: u32,
    ) -> Result<Option<Listed>, JournalError> {
        self.with(move |connection| listed::page(connection, &link, &table, side, page))
            .await
    }

    /// Saves pages, each together with where its side goes on behind it; false where another process keeps the index.
    pub async fn save_listed(
        &self,
        link: String,
        table: TableName,
        pages: Vec<SidePage>,
    ) -> Result<bool, JournalError> {
        if !self.is_keeper() {
            return Ok(false);
        }
        self.with(move |connection| listed::save(connection, &link, &table, &pages))
            .await
            .map(|()| true)
    }

    /// Forgets how far a table has been read. Does nothing where another process keeps the index.
    pub async fn forget_listed(&self, link: String, table: TableName) -> Result<(), JournalError> {
        if !self.is_keeper() {
            return Ok(());
        }
        self.with(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            listed::forget(&transaction, &link, &table)?;
            transaction.commit()
        })
        .await
    }

    /// Keeps samples, for 14 days. Does nothing where another process keeps the index.
    pub async fn sample(&self, samples: Samples, now: DateTime<Utc>) -> Result<(), JournalError> {
        if !self.is_keeper() {
            return Ok(());
        }
        self.with(move |connection| samples::keep(connection, &samples, now))
            .await
    }

    /// The samples that were kept from a moment on.
    pub async fn samples(&self, from: DateTime<Utc>) -> Result<Samples, JournalError> {
        self.with(move |connection| samples::since(connection, from))
            .await
    }

    /// Keeps lines of what changed, for 14 days. Does nothing where another process keeps the index.
    pub async fn keep_lines(
        &self,
        lines: Vec<Line>,
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        if !self.is_keeper() {
            return Ok(());
        }
        self.with(move |connection| lines::keep(connection, &lines, now))
            .await
    }

    /// The latest lines of what changed, oldest first.
    pub async fn lines(&self, most: usize) -> Result<Vec<Line>, JournalError> {
        self.with(move |connection| lines::latest(connection, most))
            .await
    }

    /// Puts down what the agent says of everything, in place of what it said before. Does nothing where another process
    /// keeps the index.
    pub async fn tell(
        &self,
        view: impl FnOnce() -> Option<String> + Send + 'static,
    ) -> Result<(), JournalError> {
        if !self.is_keeper() {
            return Ok(());
        }
        self.with(move |connection| match view() {
            Some(view) => live::tell(connection, &view),
            None => Ok(()),
        })
        .await
    }

    /// What the agent said last.
    pub async fn told(&self) -> Result<Option<String>, JournalError> {
        self.with(|connection| live::told(connection)).await
    }

    /// Of which tables something is known, by link and name, and when that was last brought up to date.
    pub async fn marks(&self) -> Result<Vec<(String, TableName, DateTime<Utc>)>, JournalError> {
        self.with(|connection| live::marks(connection)).await
    }

    fn file(&self) -> PathBuf {
        self.state.join("index.db")
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let index = self.clone();
        let work = move || {
            let mut held = index.held.lock().unwrap_or_else(PoisonError::into_inner);
            let connection = match &mut held.connection {
                Some(connection) => connection,
                none => none.insert(index.read()?),
            };
            work(connection).map_err(|error| JournalError::Unreadable(error.to_string()))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome,
            Err(error) => Err(JournalError::Unreadable(error.to_string())),
        }
    }

    /// Opens what another process keeps.
    fn read(&self) -> Result<Connection, JournalError> {
        let unreadable = |why: String| JournalError::Unreadable(why);
        let file = self.file();
        folder::check_file(&file).map_err(|error| unreadable(error.to_string()))?;
        let connection = connect(&file, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let connection = connection.map_err(|error| unreadable(error.to_string()))?;
        let format: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| unreadable(error.to_string()))?;
        if format != FORMAT {
            return Err(unreadable(
                "another version of tandem keeps the index".to_owned(),
            ));
        }
        Ok(connection)
    }
}

fn connect(file: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    super::schema::keep_plans(&connection)?;
    Ok(connection)
}

/// Opens it for the one who keeps it. What was committed last may be lost with the machine (`NORMAL`): the same changes
/// are read again then.
fn keep(file: &Path) -> rusqlite::Result<Connection> {
    let mut connection = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let health: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match (health.as_str(), format) {
        ("ok", 0) => {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(TABLES)?;
            transaction.execute_batch(members::TABLES)?;
            transaction.execute_batch(samples::TABLES)?;
            transaction.execute_batch(live::TABLES)?;
            transaction.execute_batch(lines::TABLES)?;
            transaction.execute_batch(listed::TABLES)?;
            transaction.execute_batch(gone::TABLES)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()?;
        }
        // Made where an earlier version did not know them.
        ("ok", FORMAT) => {
            connection.execute_batch(listed::TABLES)?;
            connection.execute_batch(gone::TABLES)?;
        }
        _ => return Err(rusqlite::Error::InvalidQuery),
    }
    Ok(connection)
}

fn remove(file: &Path) -> io::Result<()> {
    let beside = |end: &str| -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        name.into()
    };
    for path in [file.to_owned(), beside("-wal"), beside("-shm")] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn load_checkpoint(
    connection: &Connection,
    link: &str,
    table: &TableName,
) -> rusqlite::Result<Option<Checkpoint>> {
    connection
        .query_row(
            "SELECT rules, source, target, taken, compared, sources, in_sync, local FROM checkpoints
             WHERE link = ?1 AND entity = ?2",
            params![link, table.as_str()],
            checkpoint,
        )
        .optional()
}

fn load(connection: &Connection, link: &str, table: &TableName) -> rusqlite::Result<Option<Kept>> {
    let Some(checkpoint) = load_checkpoint(connection, link, table)? else {
        return Ok(None);
    };
    let mut statement = connection.prepare(
        "SELECT id, drift, since, target, other, is_guess, name, number FROM problems WHERE link = ?1 AND entity = ?2",
    )?;
    let problems = statement.query_map(params![link, table.as_str()], problem)?;
    let problems: Vec<Option<Problem>> = problems.collect::<Result<_, _>>()?;
    Ok(Some(Kept {
        checkpoint,
        problems: problems.into_iter().flatten().collect(),
        gone: gone::load(connection, link, table)?,
        members: None,
    }))
}

fn checkpoint(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    let text = |place| row.get::<_, String>(place);
    let count = |place| {
        row.get::<_, i64>(place)
            .map(|count| usize::try_from(count).unwrap_or_default())
    };
    Ok(Checkpoint {
        rules: row.get::<_, i64>(0)?.cast_unsigned(),
        source: DeltaLink::new(&text(1)?),
        target: DeltaLink::new(&text(2)?),
        taken: time(row, 3)?,
        compared: time(row, 4)?,
        sources: count(5)?,
        in_sync: count(6)?,
        local: count(7)?,
    })
}

/// A problem as it was saved; `None` for what only a later version would say.
fn problem(row: &Row<'_>) -> rusqlite::Result<Option<Problem>> {
    let since = match row.get_ref(2)? {
        ValueRef::Null => None,
        _ => Some(time(row, 2)?),
    };
    let (id, drift) = (RowId::new(row.get::<_, Uuid>(0)?), row.get::<_, String>(1)?);
    let (target, other): (Option<i64>, Option<Uuid>) = (row.get(3)?, row.get(4)?);
    let (is_guess, name, number) = (row.get(5)?, row.get(6)?, row.get(7)?);
    Ok(id.zip(Drift::from_word(&drift)).map(|(id, drift)| Problem {
        id,
        drift,
        since,
        target: target.map(i64::cast_unsigned),
        other: other.and_then(RowId::new),
        is_guess,
        name,
        number,
    }))
}

fn save(
    connection: &mut Connection,
    link: &str,
    table: &TableName,
    change: &Change,
) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if change.after.is_some() && load_checkpoint(&transaction, link, table)? != change.after {
        return Ok(false);
    }
    let place = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let point = &change.checkpoint;
    transaction.execute(
        "INSERT OR REPLACE INTO checkpoints VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            link,
            table.as_str(),
            point.rules.cast_signed(),
            point.source.as_str(),
            point.target.as_str(),
            moment(point.taken),
            moment(point.compared),
            place(point.sources),
            place(point.in_sync),
            place(point.local),
        ],
    )?;
    if change.after.is_none() {
        transaction.execute(
            "DELETE FROM problems WHERE link = ?1 AND entity = ?2",
            params![link, table.as_str()],
        )?;
        members::forget(&transaction, link, table)?;
        listed::forget(&transaction, link, table)?;
    }
    members::save(&transaction, link, table, &change.members)?;
    gone::save(&transaction, link, table, &change.gone)?;
    {
        let mut insert = transaction.prepare(
            "INSERT OR REPLACE INTO problems VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        for problem in &change.problems {
            insert.execute(params![
                link,
                table.as_str(),
                problem.id.uuid(),
                problem.drift.word(),
                problem.since.map(moment),
                problem.target.map(u64::cast_signed),
                problem.other.map(RowId::uuid),
                problem.is_guess,
                problem.name,
                problem.number,
            ])?;
        }
        let mut delete = transaction
            .prepare("DELETE FROM problems WHERE link = ?1 AND entity = ?2 AND id = ?3")?;
        for id in &change.solved {
            delete.execute(params![link, table.as_str(), id.uuid()])?;
        }
    }
    transaction.commit()?;
    // The next save is minutes away, and reads few of the pages that this one has touched.
    connection.execute_batch("PRAGMA shrink_memory")?;
    Ok(true)
}

#[cfg(test)]
mod tests;
