//! Taking away what is old (J7): the beginning of the chain, never a piece out of it, so that what stays still proves
//! itself. Whole operations only; what is not finished or still in force holds everything behind it.

use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

use super::audit::Audit;
use super::chain::{self, Head, signed};
use super::record::{JournalError, OpenError, SessionInfo};
use super::{folder, read, schema, sessions, write};
use crate::domain::state_folder::StateFolder;

/// How many entries go at once: whoever has something to write waits for no more than these, but for an operation
/// that alone has more.
const AT_ONCE: u64 = 10_000;

/// What was taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// How many entries.
    pub entries: u64,
    /// What the chain begins with now: the last entry that was taken away.
    pub origin: Head,
    /// What keeps older entries than was asked, in words.
    pub held_by: Option<String>,
}

/// Why nothing was taken away.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The journal can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It can't be written.
    #[error("the journal can't be written: {0}")]
    Database(#[from] rusqlite::Error),
    /// It is not what was written, and what could show that is not taken away.
    #[error("entry {seq} of the journal is not sound: {why}. Nothing was pruned")]
    Unsound {
        /// The first bad entry.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// Takes away the entries from before a moment, as far as they are over. It blocks; other processes may write meanwhile,
/// and can't begin.
pub fn prune(
    state: &StateFolder,
    opener: &SessionInfo,
    before: DateTime<Utc>,
) -> Result<Pruned, PruneError> {
    folder::prepare(state)?;
    let _exclusive = sessions::exclusive(state)?;
    let mut connection = schema::open(state, opener)?;
    let verified = Audit::open(state)?.verify(&[])?;
    if let Some(fault) = verified.fault {
        let (seq, why) = (fault.seq, fault.why);
        return Err(PruneError::Unsound { seq, why });
    }
    write::forget_overwritten(&connection, opener.now)?;
    let mut entries = 0;
    let pruned = loop {
        let some = prune_some(&mut connection, state, opener, before)?;
        entries += some.entries;
        if some.entries == 0 {
            break Pruned { entries, ..some };
        }
    };
    if entries > 0 {
        // What was deleted is not left lying in the log either; a reader may hold that back until later.
        let _later = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
    Ok(pruned)
}

/// Takes away the first of what may go, in one transaction.
fn prune_some(
    connection: &mut Connection,
    state: &Path,
    opener: &SessionInfo,
    before: DateTime<Utc>,
) -> Result<Pruned, PruneError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let origin = chain::origin(&transaction)?;
    let (last, held_by) = last_over(&transaction, opener.now.wall, before, origin.seq)?;
    let last = first_of(&transaction, origin.seq, last)?;
    let Some(new) = chain::at(&transaction, last)?.filter(|new| new.seq > origin.seq) else {
        return Ok(Pruned {
            entries: 0,
            origin,
            held_by,
        });
    };
    keep_agreements(&transaction, last)?;
    schema::deleting(&transaction, || delete(&transaction, state, last, before))?;
    chain::start_at(&transaction, new, opener)?;
    transaction.commit()?;
    Ok(Pruned {
        entries: new.seq - origin.seq,
        origin: new,
        held_by,
    })
}

/// Where the first operations end that may go at once, of those up to an entry.
fn first_of(connection: &Connection, origin: u64, last: u64) -> rusqlite::Result<u64> {
    let mut most = AT_ONCE;
    loop {
        let end = origin.saturating_add(most);
        if end >= last {
            return Ok(last);
        }
        let (whole, _) = whole_up_to(connection, end)?;
        if whole > origin {
            return Ok(whole);
        }
        most = most.saturating_mul(2);
    }
}

/// The last entry of the longest beginning that is older, finished and no longer in force.
fn last_over(
    connection: &Connection,
    now: DateTime<Utc>,
    before: DateTime<Utc>,
    origin: u64,
) -> rusqlite::Result<(u64, Option<String>)> {
    let first_young: Option<i64> = connection.query_row(
        "SELECT min(c.seq) FROM chain AS c WHERE coalesce(
             (SELECT wall FROM events WHERE c.kind = 'events' AND seq = c.entry),
             (SELECT wall FROM forced WHERE c.kind = 'forced' AND seq = c.entry),
             (SELECT wall FROM notes WHERE c.kind = 'notes' AND seq = c.entry)) >= ?",
        [read::moment(before)],
        |row| row.get(0),
    )?;
    let end = signed(chain::head(connection)?.seq);
    let mut last = first_young.map_or(end, |young| young - 1);
    let mut held_by = None;
    if let Some((seq, instance)) = in_force(connection, now)?
        && seq <= last
    {
        last = seq - 1;
        held_by = Some(format!("the order that stops {instance} is in force"));
    }
    let (last, unfinished) = whole_up_to(connection, u64::try_from(last).unwrap_or_default())?;
    let held_by = unfinished.map_or(held_by, |id| {
        Some(format!("operation {id} is not finished"))
    });
    Ok((last.max(origin), held_by))
}

/// The last entry up to one that cuts no operation in two, and the operation that is not finished and holds the rest:
/// one is taken away whole or not at all, and keeping one may cut another.
fn whole_up_to(connection: &Connection, last: u64) -> rusqlite::Result<(u64, Option<Uuid>)> {
    let mut last = signed(last);
    let mut unfinished = None;
    while let Some((seq, operation, is_finished)) = cut_through(connection, last)? {
        last = seq - 1;
        if !is_finished {
            unfinished = Some(operation);
        }
    }
    Ok((u64::try_from(last).unwrap_or_default(), unfinished))
}

/// The first order to stop that holds now.
fn in_force(
    connection: &Connection,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<(i64, String)>> {
    let sql = "SELECT c.seq, f.instance FROM forced AS f JOIN chain AS c ON c.kind = 'forced' AND c.entry = f.seq
         WHERE f.is_forced AND (f.until IS NULL OR f.until > ?)
             AND f.seq = (SELECT max(seq) FROM forced WHERE instance = f.instance)
         ORDER BY c.seq LIMIT 1";
    let found = connection.query_row(sql, [read::moment(now)], |row| {
        Ok((row.get(0)?, row.get(1)?))
    });
    found.optional()
}

/// The first operation that begins up to an entry and does not end there: where it begins, and whether it ends at all.
fn cut_through(connection: &Connection, last: i64) -> rusqlite::Result<Option<(i64, Uuid, bool)>> {
    let sql = "SELECT min(c.seq) AS begins, e.operation,
             max(CASE WHEN e.record IS NULL THEN c.seq END) AS ends
         FROM events AS e JOIN chain AS c ON c.kind = 'events' AND c.entry = e.seq
         WHERE e.operation IN (SELECT operation FROM events WHERE seq IN
             (SELECT entry FROM chain WHERE kind = 'events' AND seq <= ?1))
         GROUP BY e.operation HAVING begins <= ?1 AND (ends IS NULL OR ends > ?1)
         ORDER BY begins LIMIT 1";
    let found = connection.query_row(sql, [last], |row| {
        let ends: Option<i64> = row.get(2)?;
        Ok((row.get(0)?, row.get(1)?, ends.is_some()))
    });
    found.optional()
}

/// What tandem last wrote and read back stays known: it tells stale records from diverged ones.
fn keep_agreements(connection: &Connection, last: u64) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO agreed
             (link, entity, record, is_choice, seq, etag, hash, columns, verb, stage, reason, wall)
         SELECT o.link, e.entity, e.record, e.stage = 'unchanged', max(e.seq), e.etag, e.hash, e.columns,
             iif(o.choices = '', o.verb, 'fill-blanks'), e.stage, e.reason, e.wall
         FROM events AS e JOIN operations AS o ON o.id = e.operation
             JOIN chain AS c ON c.kind = 'events' AND c.entry = e.seq
         WHERE c.seq <= ?1 AND (e.stage IN ('verified', 'altered')
             OR e.stage = 'unchanged' AND e.hash IS NOT NULL)
         GROUP BY o.link, e.entity, e.record, e.stage = 'unchanged'
         ON CONFLICT DO UPDATE SET
             seq = excluded.seq, etag = excluded.etag, hash = excluded.hash, columns = excluded.columns,
             verb = excluded.verb, stage = excluded.stage, reason = excluded.reason, wall = excluded.wall",
        [signed(last)],
    )?;
    Ok(())
}

fn delete(
    connection: &Connection,
    state: &Path,
    last: u64,
    before: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let last = signed(last);
    let operations: Vec<Uuid> = {
        let mut statement = connection.prepare(
            "SELECT DISTINCT operation FROM events AS e JOIN chain AS c ON c.kind = 'events' AND c.entry = e.seq
             WHERE c.seq <= ?",
        )?;
        let rows = statement.query_map([last], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    for kind in chain::Kind::ALL {
        let table = kind.table();
        let sql = format!(
            "DELETE FROM {table} WHERE seq IN (SELECT entry FROM chain WHERE kind = '{table}' AND seq <= ?)"
        );
        connection.execute(&sql, [last])?;
    }
    connection.execute("DELETE FROM chain WHERE seq <= ?", [last])?;
    let mut statement = connection.prepare("DELETE FROM operations WHERE id = ?")?;
    for operation in operations {
        statement.execute([operation])?;
    }
    let mut statement = connection.prepare(
        "SELECT id FROM sessions AS s WHERE started < ?
             AND NOT EXISTS (SELECT 1 FROM operations WHERE session = s.id)
             AND NOT EXISTS (SELECT 1 FROM events WHERE session = s.id)
             AND NOT EXISTS (SELECT 1 FROM forced WHERE session = s.id)
             AND NOT EXISTS (SELECT 1 FROM notes WHERE session = s.id)",
    )?;
    let idle = statement.query_map([read::moment(before)], |row| row.get::<_, Uuid>(0))?;
    let idle: Vec<Uuid> = idle.collect::<rusqlite::Result<_>>()?;
    // A process that lives may still write in its name.
    for session in idle.into_iter().filter(|id| !sessions::lives(state, *id)) {
        connection.execute("DELETE FROM sessions WHERE id = ?", params![session])?;
    }
    Ok(())
}
