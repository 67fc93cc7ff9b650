//! What the journal takes and gives: entries, events, and what a restart finds. No secret can be said here, and of a
//! row's values only those that are overwritten, which are kept apart and not for long (J7). A record's name and number are kept so that people can tell
//! which record a line is about.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use crate::domain::alert::AlertKey;
use crate::domain::breaker::Forced;
use crate::domain::operation::{OperationId, Request, Stage, Verb};
use crate::domain::row::{ETag, RowId};
use crate::domain::table::TableName;
use crate::domain::time::Now;

/// Who opens the journal.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// The user of the operating system.
    pub who: String,
    /// The machine's name.
    pub host: String,
    /// The program's version.
    pub version: String,
    /// When it began.
    pub now: Now,
}

/// A record as the journal names it: by table and id, whatever place its table has in today's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// Its table.
    pub table: TableName,
    /// Its id.
    pub id: RowId,
    /// What it is called, for people.
    pub name: String,
    /// The value of its alternate key, for people.
    pub number: String,
    /// Whether it is ensured only because another record refers to it.
    pub on_the_way: bool,
}

/// One thing to remember. Entries of one append become durable together, or not at all.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// An operation was asked for. Every record begins as [`Stage::Accepted`].
    Accepted {
        /// What was asked.
        request: Request,
        /// Its records, as far as they are known; a sync finds more on its way.
        records: Vec<JournalRecord>,
        /// When.
        now: Now,
    },
    /// A record of an operation came a stage further. A record that is new to the operation begins at
    /// [`Stage::Accepted`] or at any stage that may follow it.
    Stage {
        /// The operation.
        operation: OperationId,
        /// The record.
        record: JournalRecord,
        /// How far it came.
        stage: Stage,
        /// The version that was compared (intended) or found afterwards (verified).
        etag: Option<ETag>,
        /// The hash of the hydrated columns as they were written or read back; of the source's, where the target
        /// refused the record for its own sake.
        hash: Option<u64>,
        /// The names of the columns that were written.
        columns: Arc<[String]>,
        /// When.
        now: Now,
    },
    /// Values of a record that are about to be overwritten, to be written in one append with its
    /// [`Stage::Intended`]. They are kept for 30 days, and never exported.
    Overwritten {
        /// The operation.
        operation: OperationId,
        /// The record.
        record: JournalRecord,
        /// The names of the columns with their values until now.
        values: Vec<(String, serde_json::Value)>,
        /// When.
        now: Now,
    },
    /// An operation ended; nothing may follow.
    Finished {
        /// The operation.
        operation: OperationId,
        /// Why it ended before its records were done.
        cut_short: Option<String>,
        /// When.
        now: Now,
    },
    /// All calls to an instance were stopped.
    Forced {
        /// The instance's name.
        instance: String,
        /// By whom, why and until when.
        forced: Forced,
        /// When.
        now: Now,
    },
    /// Rows of the two sides were found to be one record by their alternate key. What they were paired with before
    /// is forgotten; the pairs stand beside the chain, since they can be found again.
    Paired {
        /// The link's name.
        link: String,
        /// The table.
        table: TableName,
        /// The source's row and the target's.
        pairs: Vec<(RowId, RowId)>,
    },
    /// A person put something down.
    Noted {
        /// Who.
        who: String,
        /// What they said.
        text: String,
        /// The alert that they took with it, and until when.
        takes: Option<(AlertKey, DateTime<Utc>)>,
        /// When.
        now: Now,
    },
    /// They were allowed again.
    Released {
        /// The instance's name.
        instance: String,
        /// By whom.
        by: String,
        /// When.
        now: Now,
    },
}

/// One event of an operation, as it stands in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number: events are ordered by it, never by time.
    pub seq: u64,
    /// The process that wrote it.
    pub session: Uuid,
    /// When, by the wall clock.
    pub at: DateTime<Utc>,
    /// What happened.
    pub what: What,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A record came this far.
    Record {
        /// The record.
        record: JournalRecord,
        /// How far.
        stage: Stage,
        /// Its version.
        etag: Option<ETag>,
        /// The hash of its hydrated columns.
        hash: Option<u64>,
        /// The columns that were written.
        columns: Vec<String>,
    },
    /// The operation ended, before its records were done for the reason given.
    Finished(Option<String>),
}

/// What a restart finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// All unfinished operations with their records, and the latest 50 finished ones without; oldest first.
    pub operations: Vec<RecoveredOperation>,
    /// The number of the last event that is in here.
    pub seq: u64,
    /// The instances that are stopped, and by what order. Expired orders are left out.
    pub forced: Vec<(String, Forced)>,
    /// What in the journal makes no sense, in words: for a log and a notice, never a reason to stop.
    pub oddities: Vec<String>,
}

/// An operation as the journal remembers it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredOperation {
    /// What was asked.
    pub request: Request,
    /// Its records where they stand now, in the order in which they came up; empty once it is finished.
    pub records: Vec<RecoveredRecord>,
    /// How many records stand at each stage; the stages carry no reasons here.
    pub tally: Vec<(Stage, usize)>,
    /// When its first record left [`Stage::Accepted`].
    pub started: Option<DateTime<Utc>>,
    /// When it ended, and why before its time.
    pub finished: Option<RecoveredEnd>,
    /// Whether a process that still lives carries it out: then it is none of our business.
    pub runs_elsewhere: bool,
    /// Whether who asked for it left it to an agent.
    pub handed_over: bool,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredEnd {
    /// When.
    pub at: DateTime<Utc>,
    /// Why before its records were done.
    pub cut_short: Option<String>,
}

/// A record where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredRecord {
    /// The record.
    pub record: JournalRecord,
    /// Its last stage.
    pub stage: Stage,
    /// The version that went with it: for an intended one, what `If-Match` was sent with.
    pub etag: Option<ETag>,
    /// The hash that went with it.
    pub hash: Option<u64>,
    /// The columns that went with it.
    pub columns: Vec<String>,
    /// The hash that went with it when it was accepted: both of its sides as a person saw them who decided between them.
    pub seen: Option<u64>,
    /// When it came there.
    pub at: DateTime<Utc>,
}

/// The latest proof that a record was equal on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The record's table.
    pub table: TableName,
    /// The record's id.
    pub id: RowId,
    /// The target's version when it was read back.
    pub etag: Option<ETag>,
    /// The hash of what was written.
    pub hash: Option<u64>,
    /// The columns that were written.
    pub columns: Vec<String>,
    /// What was asked for.
    pub verb: Verb,
    /// How it ended: verified, or altered by the target.
    pub stage: Stage,
    /// When.
    pub at: DateTime<Utc>,
}

/// A record that a person chose to keep as the target has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The record's table.
    pub table: TableName,
    /// The record's id.
    pub id: RowId,
    /// Both sides as they were then.
    pub pair: u64,
}

/// A record that the target refused for its own sake, by the latest word on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The record's table.
    pub table: TableName,
    /// The record's id.
    pub id: RowId,
    /// The hash of the source's hydrated columns then.
    pub source: u64,
    /// What it said.
    pub why: String,
}

/// An operation with its records that failed: refused, busy or taken back. What is not known is none of them: it is read
/// back first.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// What was asked.
    pub request: Request,
    /// Whether it is over.
    pub is_over: bool,
    /// The records that it was asked for and that failed.
    pub records: Vec<JournalRecord>,
}

/// A value that an operation overwrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Overwritten {
    /// The operation.
    pub operation: OperationId,
    /// The column.
    pub column: String,
    /// What it held before.
    pub value: serde_json::Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why the journal could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder or a file in it is not safe to use.
    #[error("the state folder can't be used: {0}")]
    Unsafe(String),
    /// The operating system refused.
    #[error("open the journal in {folder}")]
    Folder {
        /// The folder.
        folder: std::path::PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The database refused, or is damaged.
    #[error("open the journal {file}: {why}")]
    Database {
        /// The file.
        file: std::path::PathBuf,
        /// What it said.
        why: String,
    },
    /// A newer tandem wrote it.
    #[error(
        "the journal {file} was written by a newer tandem (format {found}, this one knows {known}): use that one"
    )]
    Newer {
        /// The file.
        file: std::path::PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that is known here.
        known: i64,
    },
}

impl From<rusqlite::Error> for JournalError {
    /// An error of reading: those of writing are told apart where it is done.
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Why an append or a read was not done. Of an append nothing was kept then.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JournalError {
    /// The disk or the database failed, now or before: nothing is appended by this process any more (J5).
    #[error("{0}")]
    Broken(String),
    /// Another process held the journal for too long; nothing is wrong with it.
    #[error("the journal is busy: another process has been writing for too long")]
    Busy,
    /// The entry does not fit what stands in the journal.
    #[error("the journal refuses an entry: {0}")]
    Illegal(String),
    /// What was asked could not be read.
    #[error("the journal can't be read: {0}")]
    Unreadable(String),
    /// It was closed.
    #[error("the journal is closed")]
    Closed,
}
