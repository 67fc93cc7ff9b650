//! Entries into rows. Runs inside a transaction of [`super::store`], which decides what becomes durable when.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use uuid::Uuid;

use super::chain::{self, Head, Kind};
use super::read;
use super::record::{Entry, JournalRecord, SessionInfo};
use super::replay;
use crate::domain::alert::AlertKey;
use crate::domain::operation::{OperationId, Request, Stage};
use crate::domain::row::ETag;
use crate::domain::time::Now;

/// The longest reason that is kept: a sentence or two, never a body.
const LONGEST_REASON: usize = 1000;

/// How long overwritten values are kept (J7).
const OVERWRITTEN_KEPT: chrono::Duration = chrono::Duration::days(30);

/// Why an entry was not written.
#[derive(Debug)]
pub enum Refusal {
    /// It does not fit what stands there; the database is well.
    Illegal(String),
    /// Another process writes.
    Busy,
    /// The disk or the database failed.
    Broken(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Illegal(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => {
                Self::Broken("the disk is full: make room, then start again".to_owned())
            }
            Some(ErrorCode::SystemIoFailure) => Self::Broken(format!(
                "{error}: see to the disk of the state folder, then start again"
            )),
            _ => Self::Broken(error.to_string()),
        }
    }
}

/// What a stage carries beside its word.
struct Detail<'a> {
    etag: Option<&'a ETag>,
    hash: Option<u64>,
    columns: &'a [String],
}

const NO_DETAIL: Detail<'static> = Detail {
    etag: None,
    hash: None,
    columns: &[],
};

/// Writes entries that become durable together, within one transaction: what nobody else can change meanwhile is asked for
/// once.
pub struct Scribe<'c> {
    connection: &'c Connection,
    session: Uuid,
    /// Where the chain ends, once it is known.
    head: Option<Head>,
    /// An operation that is known to go on.
    open: Option<OperationId>,
}

impl<'c> Scribe<'c> {
    /// Writes in the name of a session.
    pub fn new(connection: &'c Connection, session: Uuid) -> Self {
        Self {
            connection,
            session,
            head: None,
            open: None,
        }
    }
}

impl Scribe<'_> {
    /// Writes one entry.
    pub fn entry(&mut self, entry: &Entry) -> Result<(), Refusal> {
        let (connection, session) = (self.connection, self.session);
        match entry {
            Entry::Accepted {
                request,
                records,
                now,
            } => {
                operation(connection, session, request)?;
                for record in records {
                    let accepted = &Stage::Accepted;
                    self.stage(request.id, record, accepted, &NO_DETAIL, *now)?;
                }
                Ok(())
            }
            Entry::Stage {
                operation,
                record,
                stage: to,
                etag,
                hash,
                columns,
                now,
            } => {
                let detail = Detail {
                    etag: etag.as_ref(),
                    hash: *hash,
                    columns,
                };
                self.stage(*operation, record, to, &detail, *now)
            }
            Entry::Overwritten {
                operation,
                record,
                values,
                now,
            } => overwritten(connection, *operation, record, values, *now),
            Entry::Finished {
                operation,
                cut_short,
                now,
            } => self.finished(*operation, cut_short.as_deref(), *now),
            Entry::Forced {
                instance,
                forced: order,
                now,
            } => {
                let until = order.until.map(read::moment);
                let mut statement = connection.prepare_cached(FORCED)?;
                statement.execute(params![
                    session,
                    instance,
                    true,
                    order.by,
                    shortened(&order.reason),
                    until,
                    read::moment(now.wall),
                    read::millis(*now)
                ])?;
                self.chained(Kind::Forced)
            }
            Entry::Paired { link, table, pairs } => {
                let mut statement = connection.prepare_cached(
                "INSERT OR REPLACE INTO pairs (link, entity, source, target) VALUES (?, ?, ?, ?)",
            )?;
                for (source, target) in pairs {
                    let (source, target) = (source.uuid(), target.uuid());
                    statement.execute(params![link, table.as_str(), source, target])?;
                }
                Ok(())
            }
            Entry::Noted {
                who,
                text,
                takes,
                now,
            } => self.note(who, text, takes.as_ref(), *now),
            Entry::Released { instance, by, now } => {
                let none = None::<String>;
                let wall = read::moment(now.wall);
                let mut statement = connection.prepare_cached(FORCED)?;
                statement.execute(params![
                    session,
                    instance,
                    false,
                    by,
                    "",
                    none,
                    wall,
                    read::millis(*now)
                ])?;
                self.chained(Kind::Forced)
            }
        }
    }

    fn note(
        &mut self,
        who: &str,
        text: &str,
        takes: Option<&(AlertKey, DateTime<Utc>)>,
        now: Now,
    ) -> Result<(), Refusal> {
        let alert = takes.map(|(alert, _)| alert);
        let until = takes.map(|(_, until)| read::moment(*until));
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO notes (session, who, said, rule, subject, until, wall, mono)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        statement.execute(params![
            self.session,
            who,
            shortened(text),
            alert.map(|alert| &alert.rule),
            alert.map(|alert| &alert.subject),
            until,
            read::moment(now.wall),
            read::millis(now)
        ])?;
        self.chained(Kind::Note)
    }

    /// Chains the row that was written last.
    fn chained(&mut self, kind: Kind) -> Result<(), Refusal> {
        let last = match self.head {
            Some(head) => head,
            None => chain::head(self.connection)?,
        };
        let entry = self.connection.last_insert_rowid();
        self.head = Some(chain::append(self.connection, last, kind, entry)?);
        Ok(())
    }

    fn stage(
        &mut self,
        operation: OperationId,
        record: &JournalRecord,
        stage: &Stage,
        detail: &Detail<'_>,
        now: Now,
    ) -> Result<(), Refusal> {
        self.refuse_after_end(operation)?;
        let (connection, session) = (self.connection, self.session);
        let current = read::stage_of(connection, operation, record)?;
        replay::next(current.as_ref(), stage)
            .map_err(|why| Refusal::Illegal(format!("{} {}: {why}", record.table, record.id)))?;
        let columns = (!detail.columns.is_empty())
            .then(|| serde_json::to_string(detail.columns))
            .transpose()
            .map_err(|error| Refusal::Illegal(error.to_string()))?;
        let mut statement = connection.prepare_cached(
        "INSERT INTO events (session, operation, entity, record, name, number, on_the_way, stage, reason, etag, hash,
             columns, wall, mono) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
        statement.execute(params![
            session,
            operation.0,
            record.table.as_str(),
            record.id.uuid(),
            record.name,
            record.number,
            record.on_the_way,
            stage.word(),
            stage.reason().map(shortened),
            detail.etag.map(ETag::as_str),
            detail.hash.map(u64::cast_signed),
            columns,
            read::moment(now.wall),
            read::millis(now)
        ])?;
        self.chained(Kind::Event)
    }

    fn finished(
        &mut self,
        operation: OperationId,
        cut_short: Option<&str>,
        now: Now,
    ) -> Result<(), Refusal> {
        self.refuse_after_end(operation)?;
        self.open = None;
        let mut statement = self.connection.prepare_cached(
        "INSERT INTO events (session, operation, stage, reason, wall, mono) VALUES (?, ?, 'finished', ?, ?, ?)",
    )?;
        statement.execute(params![
            self.session,
            operation.0,
            cut_short.map(shortened),
            read::moment(now.wall),
            read::millis(now)
        ])?;
        self.chained(Kind::Event)
    }

    fn refuse_after_end(&mut self, operation: OperationId) -> Result<(), Refusal> {
        if self.open == Some(operation) {
            return Ok(());
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM events WHERE operation = ? AND record IS NULL")?;
        let ended = statement.query_row([operation.0], |_| Ok(())).optional()?;
        match ended {
            None => {
                self.open = Some(operation);
                Ok(())
            }
            Some(()) => Err(Refusal::Illegal(format!("operation {operation} has ended"))),
        }
    }
}

const FORCED: &str =
    "INSERT INTO forced (session, instance, is_forced, who, reason, until, wall, mono)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

fn operation(connection: &Connection, session: Uuid, request: &Request) -> Result<(), Refusal> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO operations (id, session, verb, link, reason, ticket, who, asked, choices, retries, at_most)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let choices: Vec<String> = request.choices.iter().map(ToString::to_string).collect();
    statement.execute(params![
        request.id.0,
        session,
        request.verb.word(),
        request.link,
        shortened(&request.reason),
        shortened(&request.ticket),
        request.who,
        read::moment(request.asked),
        choices.join(","),
        request.retries.map(|retried| retried.0),
        request
            .at_most
            .map(|most| i64::try_from(most).unwrap_or(i64::MAX))
    ])?;
    Ok(())
}

fn overwritten(
    connection: &Connection,
    operation: OperationId,
    record: &JournalRecord,
    values: &[(String, serde_json::Value)],
    now: Now,
) -> Result<(), Refusal> {
    let stage = read::stage_of(connection, operation, record)?;
    if stage != Some(Stage::Intended) {
        let why = "only what is about to be written can be overwritten";
        return Err(Refusal::Illegal(format!(
            "{} {}: {why}",
            record.table, record.id
        )));
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO overwritten (operation, entity, record, name, value, wall) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    for (name, value) in values {
        statement.execute(params![
            operation.0,
            record.table.as_str(),
            record.id.uuid(),
            name,
            value.to_string(),
            read::moment(now.wall)
        ])?;
    }
    Ok(())
}

/// Forgets the values that were kept for long enough.
pub fn forget_overwritten(connection: &Connection, now: Now) -> rusqlite::Result<()> {
    let kept_since = read::moment(now.wall - OVERWRITTEN_KEPT);
    connection.execute("DELETE FROM overwritten WHERE wall < ?", [kept_since])?;
    Ok(())
}

/// Writes the session's own row, which all others refer to.
pub fn session(connection: &Connection, id: Uuid, info: &SessionInfo) -> rusqlite::Result<()> {
    begun(connection, id, info, std::process::id())
}

/// Writes the row of a session that no process holds: whoever goes on with what was left behind takes what is written
/// in it.
pub fn session_of_nobody(connection: &Connection, by: &SessionInfo) -> rusqlite::Result<Uuid> {
    let id = Uuid::now_v7();
    begun(connection, id, by, 0)?;
    Ok(id)
}

fn begun(connection: &Connection, id: Uuid, info: &SessionInfo, pid: u32) -> rusqlite::Result<()> {
    let SessionInfo {
        who,
        host,
        version,
        now,
    } = info;
    connection.execute(
        "INSERT INTO sessions (id, started, mono, who, pid, version, host) VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            id,
            read::moment(now.wall),
            read::millis(*now),
            who,
            pid,
            version,
            host
        ],
    )?;
    Ok(())
}

fn shortened(reason: &str) -> String {
    reason.chars().take(LONGEST_REASON).collect()
}
