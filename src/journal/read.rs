//! Rows into what they mean. Whatever can't be understood is reported as an oddity or an error, never guessed.

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::record::{
    Agreement, Choice, Event, Failed, JournalRecord, Overwritten, Recovered, RecoveredEnd,
    RecoveredOperation, Refusal, What,
};
use super::replay::Fold;
use crate::domain::alert::AlertKey;
use crate::domain::breaker::Forced;
use crate::domain::note::Note;
use crate::domain::operation::{BadChoice, ColumnChoice, OperationId, Request, Stage, Verb};
use crate::domain::row::{ETag, RowId};
use crate::domain::table::TableName;
use crate::domain::time::Now;

/// How many finished operations a restart remembers.
const REMEMBERED: usize = 50;

/// What [`request`] reads.
const REQUEST_BY_ID: &str =
    "SELECT id, verb, link, reason, who, asked, ticket, choices, retries, at_most FROM operations
     WHERE id = ?";

/// A moment as it is kept: RFC 3339 to the millisecond (J8).
pub fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The monotonic clock as it is kept, in milliseconds since the session began its clock.
pub fn millis(now: Now) -> i64 {
    i64::try_from(now.mono.as_millis()).unwrap_or(i64::MAX)
}

/// Where a record of an operation stands.
pub fn stage_of(
    connection: &Connection,
    operation: OperationId,
    record: &JournalRecord,
) -> rusqlite::Result<Option<Stage>> {
    let mut statement = connection.prepare_cached(
        "SELECT stage, reason FROM events WHERE operation = ? AND record = ? AND entity = ? AND on_the_way = ?
         ORDER BY seq DESC LIMIT 1",
    )?;
    let key = params![
        operation.0,
        record.id.uuid(),
        record.table.as_str(),
        record.on_the_way
    ];
    statement
        .query_row(key, |row| parsed_stage(row, 0, 1))
        .optional()
}

/// Events of an operation behind a number, oldest first.
pub fn page(
    connection: &Connection,
    operation: OperationId,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Event>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, session, wall, stage, reason, etag, hash, columns, entity, record, name, number, on_the_way
         FROM events WHERE operation = ? AND seq > ? ORDER BY seq LIMIT ?",
    )?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let events = statement.query_map(params![operation.0, after, limit], event)?;
    events.collect()
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let word: String = row.get(3)?;
    let what = if word == "finished" {
        What::Finished(row.get(4)?)
    } else {
        let columns: Option<String> = row.get(7)?;
        What::Record {
            record: JournalRecord {
                table: table(row, 8)?,
                id: row_id(row, 9)?,
                name: row.get(10)?,
                number: row.get(11)?,
                on_the_way: row.get(12)?,
            },
            stage: parsed_stage(row, 3, 4)?,
            etag: etag(row, 5)?,
            hash: hash(row, 6)?,
            columns: columns
                .map(|columns| serde_json::from_str(&columns))
                .transpose()
                .map_err(|error| odd(7, error.to_string()))?
                .unwrap_or_default(),
        }
    };
    Ok(Event {
        seq: count(row, 0)?,
        session: row.get(1)?,
        at: time(row, 2)?,
        what,
    })
}

/// Events of all operations behind a number, in their order; those in a row of one operation together.
pub fn tail(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<(Request, Vec<Event>)>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, session, wall, stage, reason, etag, hash, columns, entity, record, name, number, on_the_way,
             operation
         FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
    )?;
    let mut requests = connection.prepare_cached(REQUEST_BY_ID)?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map([after, limit], |row| {
        Ok((row.get::<_, Uuid>(13)?, event(row)?))
    })?;
    let mut tail: Vec<(Request, Vec<Event>)> = Vec::new();
    for row in rows {
        let (operation, event) = row?;
        match tail.last_mut() {
            Some((request, events)) if request.id.0 == operation => events.push(event),
            _ => tail.push((requests.query_row([operation], request)?, vec![event])),
        }
    }
    Ok(tail)
}

/// What an earlier process left behind. `is_alive` tells whether a session's process still runs.
pub fn recover(
    connection: &Connection,
    now: DateTime<Utc>,
    is_alive: impl Fn(Uuid) -> bool,
) -> rusqlite::Result<Recovered> {
    // What others write meanwhile is none of it.
    let _snapshot = connection.unchecked_transaction()?;
    let last = "SELECT coalesce(max(seq), 0) FROM events";
    let mut recovered = Recovered {
        seq: connection.query_row(last, [], |row| count(row, 0))?,
        forced: forced(connection, now)?,
        ..Recovered::default()
    };
    let mut statement = connection.prepare(
        "SELECT id, verb, link, reason, who, asked, ticket, session, choices, retries, at_most,
             (SELECT seq FROM events WHERE operation = o.id AND record IS NULL) AS ended
         FROM operations AS o
         WHERE ended IS NULL OR o.rowid IN (SELECT rowid FROM operations ORDER BY rowid DESC LIMIT 1000)
         ORDER BY o.rowid DESC",
    )?;
    let rows = statement.query_map([], |row| {
        Ok((
            request(row),
            row.get::<_, Uuid>(7)?,
            row.get::<_, Option<i64>>("ended")?,
        ))
    })?;
    let mut finished = 0;
    for row in rows {
        let (request, session, ended) = row?;
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                recovered.oddities.push(error.to_string());
                continue;
            }
        };
        let operation = if ended.is_some() {
            finished += 1;
            if finished > REMEMBERED {
                continue;
            }
            summed_up(connection, request)?
        } else {
            replayed(
                connection,
                request,
                session,
                is_alive(session),
                &mut recovered.oddities,
            )?
        };
        recovered.operations.push(operation);
    }
    recovered.operations.reverse();
    Ok(recovered)
}

/// Operations that are not over and whose process is gone, oldest first.
pub fn left_behind(
    connection: &Connection,
    is_alive: impl Fn(Uuid) -> bool,
) -> rusqlite::Result<Vec<RecoveredOperation>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, verb, link, reason, who, asked, ticket, session, choices, retries, at_most FROM operations AS o
         WHERE NOT EXISTS (SELECT 1 FROM events WHERE operation = o.id AND record IS NULL)
         ORDER BY o.rowid",
    )?;
    let rows = statement.query_map([], |row| Ok((request(row), row.get::<_, Uuid>(7)?)))?;
    let mut left = Vec::new();
    for row in rows {
        // What can't be understood was said when the journal was opened.
        if let (Ok(request), session) = row?
            && !is_alive(session)
        {
            left.push(replayed(
                connection,
                request,
                session,
                false,
                &mut Vec::new(),
            )?);
        }
    }
    Ok(left)
}

/// One operation with all of its records; `None` where there is none that can be understood.
pub fn operation(
    connection: &Connection,
    operation: OperationId,
) -> rusqlite::Result<Option<RecoveredOperation>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, verb, link, reason, who, asked, ticket, session, choices, retries, at_most FROM operations WHERE id = ?",
    )?;
    let found = statement.query_row([operation.0], |row| Ok((request(row)?, row.get(7)?)));
    let Some((request, session)) = found.optional()? else {
        return Ok(None);
    };
    replayed(connection, request, session, false, &mut Vec::new()).map(Some)
}

fn replayed(
    connection: &Connection,
    request: Request,
    session: Uuid,
    runs_elsewhere: bool,
    oddities: &mut Vec<String>,
) -> rusqlite::Result<RecoveredOperation> {
    let mut fold = Fold::default();
    let mut after = 0;
    loop {
        let events = page(connection, request.id, after, 1000)?;
        let Some(last) = events.last() else { break };
        after = last.seq;
        for event in events {
            if let Err(odd) = fold.apply(event) {
                oddities.push(format!("operation {}: {odd}", request.id));
            }
        }
    }
    let mut statement = connection.prepare_cached("SELECT pid = 0 FROM sessions WHERE id = ?")?;
    let of_nobody = statement
        .query_row([session], |row| row.get(0))
        .optional()?;
    Ok(RecoveredOperation {
        handed_over: of_nobody.unwrap_or(false),
        tally: fold.tally(),
        request,
        records: fold.records,
        started: fold.started,
        finished: fold.finished,
        runs_elsewhere,
    })
}

/// A finished operation, counted by the database: its records are paged when somebody wants to see them.
fn summed_up(connection: &Connection, request: Request) -> rusqlite::Result<RecoveredOperation> {
    let id = request.id.0;
    let mut statement = connection.prepare_cached(
        "SELECT stage, '', count(*) FROM
             (SELECT max(seq), stage FROM events WHERE operation = ? AND record IS NOT NULL GROUP BY record, entity, on_the_way)
         GROUP BY stage",
    )?;
    let tally = statement.query_map([id], |row| Ok((parsed_stage(row, 0, 1)?, count(row, 2)?)))?;
    let tally: Vec<(Stage, usize)> = tally.collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT wall FROM events WHERE operation = ? AND record IS NOT NULL AND stage <> 'accepted'
         ORDER BY seq LIMIT 1",
    )?;
    let started = statement.query_row([id], |row| time(row, 0)).optional()?;
    let mut statement = connection
        .prepare_cached("SELECT wall, reason FROM events WHERE operation = ? AND record IS NULL")?;
    let finished = statement.query_row([id], |row| {
        Ok(RecoveredEnd {
            at: time(row, 0)?,
            cut_short: row.get(1)?,
        })
    });
    Ok(RecoveredOperation {
        request,
        records: Vec::new(),
        tally,
        started,
        finished: finished.optional()?,
        runs_elsewhere: false,
        handed_over: false,
    })
}

/// An operation with its records that failed.
pub fn failed(connection: &Connection, operation: OperationId) -> rusqlite::Result<Option<Failed>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, verb, link, reason, who, asked, ticket, choices, retries, at_most,
             EXISTS (SELECT 1 FROM events WHERE operation = o.id AND record IS NULL) AS is_over
         FROM operations AS o WHERE id = ?",
    )?;
    let found = statement.query_row([operation.0], |row| {
        Ok((request(row)?, row.get("is_over")?))
    });
    let Some((request, is_over)) = found.optional()? else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT max(seq), stage, reason, entity, record, name, number FROM events
         WHERE operation = ? AND record IS NOT NULL AND NOT on_the_way GROUP BY record, entity ORDER BY 1",
    )?;
    let records = statement.query_map([operation.0], |row| {
        let record = JournalRecord {
            table: table(row, 3)?,
            id: row_id(row, 4)?,
            name: row.get(5)?,
            number: row.get(6)?,
            on_the_way: false,
        };
        Ok((parsed_stage(row, 1, 2)?, record))
    })?;
    let records: Vec<(Stage, JournalRecord)> = records.collect::<rusqlite::Result<_>>()?;
    let has_failed = |stage: &Stage| match stage {
        Stage::Abandoned(_) => true,
        Stage::Unknown(_) => false,
        stage => stage.is_failure(),
    };
    let failed = records.into_iter().filter(|(stage, _)| has_failed(stage));
    Ok(Some(Failed {
        request,
        is_over,
        records: failed.map(|(_, record)| record).collect(),
    }))
}

/// The latest operations that are over and of which something failed, newest first.
pub fn failed_operations(connection: &Connection) -> rusqlite::Result<Vec<Failed>> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM operations AS o WHERE EXISTS
             (SELECT 1 FROM events WHERE operation = o.id AND stage IN ('refused', 'held', 'abandoned'))
         ORDER BY rowid DESC LIMIT ?",
    )?;
    let ids = statement.query_map([i64::try_from(REMEMBERED).unwrap_or(i64::MAX)], |row| {
        row.get(0)
    })?;
    let ids: Vec<Uuid> = ids.collect::<rusqlite::Result<_>>()?;
    let mut operations = Vec::new();
    for id in ids {
        let found = failed(connection, OperationId(id))?;
        operations.extend(found.filter(|one| one.is_over && !one.records.is_empty()));
    }
    Ok(operations)
}

fn request(row: &Row<'_>) -> rusqlite::Result<Request> {
    let verb: String = row.get(1)?;
    Ok(Request {
        id: OperationId(row.get(0)?),
        verb: Verb::from_word(&verb).ok_or_else(|| odd(1, format!("unknown verb `{verb}`")))?,
        link: row.get(2)?,
        reason: row.get(3)?,
        ticket: row.get(6)?,
        who: row.get(4)?,
        asked: time(row, 5)?,
        choices: choices_of(row, "choices")?,
        retries: row.get::<_, Option<Uuid>>("retries")?.map(OperationId),
        at_most: row
            .get::<_, Option<i64>>("at_most")?
            .map(|most| {
                usize::try_from(most).map_err(|_| odd(9, format!("{most} is out of range")))
            })
            .transpose()?,
    })
}

fn choices_of(row: &Row<'_>, place: &str) -> rusqlite::Result<Vec<ColumnChoice>> {
    let text: String = row.get(place)?;
    let choices = text.split(',').filter(|choice| !choice.is_empty());
    let choices = choices.map(|choice| {
        choice
            .parse()
            .map_err(|error: BadChoice| odd(0, error.to_string()))
    });
    choices.collect()
}

/// What people put down behind a number, oldest first; of what is older than a moment nothing.
pub fn notes(
    connection: &Connection,
    after_seq: u64,
    since: DateTime<Utc>,
    limit: usize,
) -> rusqlite::Result<Vec<Note>> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM (SELECT seq, who, said, rule, subject, until, wall FROM notes WHERE seq > ? AND wall >= ?
             ORDER BY seq DESC LIMIT ?) ORDER BY seq",
    )?;
    let after = i64::try_from(after_seq).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let notes = statement.query_map(params![after, moment(since), limit], |row| {
        let alert = match (row.get(3)?, row.get(4)?) {
            (Some(rule), Some(subject)) => Some(AlertKey { rule, subject }),
            _ => None,
        };
        let until: Option<String> = row.get(5)?;
        let until = until.map(|text| parsed_time(&text, 5)).transpose()?;
        Ok(Note {
            seq: count(row, 0)?,
            who: row.get(1)?,
            at: time(row, 6)?,
            text: row.get(2)?,
            takes: alert.zip(until),
        })
    })?;
    notes.collect()
}

/// The instances that are stopped now.
pub fn forced(
    connection: &Connection,
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<(String, Forced)>> {
    let mut statement = connection.prepare_cached(
        "SELECT max(seq), instance, is_forced, who, reason, until FROM forced GROUP BY instance ORDER BY instance",
    )?;
    let rows = statement.query_map([], |row| {
        let until: Option<String> = row.get(5)?;
        let until = until.map(|until| parsed_time(&until, 5)).transpose()?;
        let forced = Forced {
            by: row.get(3)?,
            reason: row.get(4)?,
            until,
        };
        Ok((row.get(2)?, row.get(1)?, forced))
    })?;
    let mut stopped = Vec::new();
    for row in rows {
        let (is_forced, instance, forced): (bool, String, Forced) = row?;
        if is_forced && forced.until.is_none_or(|until| until > now) {
            stopped.push((instance, forced));
        }
    }
    Ok(stopped)
}

/// The session that an operation belongs to.
pub fn session_of(
    connection: &Connection,
    operation: OperationId,
) -> rusqlite::Result<Option<Uuid>> {
    let sql = "SELECT session FROM operations WHERE id = ?";
    connection
        .query_row(sql, [operation.0], |row| row.get(0))
        .optional()
}

/// The latest write of tandem's own to every record of a link that was read back; of events that were pruned, too. What
/// was decided column by column decides as little as filling blanks: what was not named is still open.
pub fn agreements(connection: &Connection, link: &str) -> rusqlite::Result<Vec<Agreement>> {
    let mut statement = connection.prepare_cached(
        "SELECT max(seq), entity, record, etag, hash, columns, verb, stage, reason, wall FROM
             (SELECT e.seq, e.entity, e.record, e.etag, e.hash, e.columns,
                  iif(o.choices = '', o.verb, 'fill-blanks') AS verb, e.stage, e.reason, e.wall
              FROM events AS e JOIN operations AS o ON o.id = e.operation
              WHERE e.stage IN ('verified', 'altered') AND o.link = ?1
              UNION ALL
              SELECT seq, entity, record, etag, hash, columns, verb, stage, reason, wall
              FROM agreed WHERE link = ?1 AND NOT is_choice)
         GROUP BY entity, record",
    )?;
    let rows = statement.query_map([link], |row| {
        Ok(Agreement {
            table: table(row, 1)?,
            id: row_id(row, 2)?,
            etag: etag(row, 3)?,
            hash: hash(row, 4)?,
            columns: column_names(row, 5)?,
            verb: verb(row, 6)?,
            stage: parsed_stage(row, 7, 8)?,
            at: time(row, 9)?,
        })
    })?;
    rows.collect()
}

/// The records of a link that a person chose to keep as the target has them, by the latest choice of each.
pub fn choices(connection: &Connection, link: &str) -> rusqlite::Result<Vec<Choice>> {
    let mut statement = connection.prepare_cached(
        "SELECT max(seq), entity, record, hash FROM
             (SELECT e.seq, e.entity, e.record, e.hash
              FROM events AS e JOIN operations AS o ON o.id = e.operation
              WHERE e.hash IS NOT NULL AND o.link = ?1
                  AND (e.stage = 'unchanged' OR e.stage = 'verified' AND o.choices <> '')
              UNION ALL SELECT seq, entity, record, hash FROM agreed WHERE link = ?1 AND is_choice)
         GROUP BY entity, record",
    )?;
    let rows = statement.query_map([link], |row| {
        Ok(Choice {
            table: table(row, 1)?,
            id: row_id(row, 2)?,
            pair: hash(row, 3)?.unwrap_or_default(),
        })
    })?;
    rows.collect()
}

/// The records of a link that the target refused for their own sake, unless a later write of them succeeded. What was
/// pruned is not told: such a record is tried once more.
pub fn refusals(connection: &Connection, link: &str) -> rusqlite::Result<Vec<Refusal>> {
    let mut statement = connection.prepare_cached(
        "SELECT max(e.seq), e.entity, e.record, e.hash, e.reason, e.stage
         FROM events AS e JOIN operations AS o ON o.id = e.operation
         WHERE o.link = ?1 AND (e.stage IN ('verified', 'altered')
             OR e.stage IN ('refused', 'held') AND e.hash IS NOT NULL)
         GROUP BY e.entity, e.record HAVING e.stage IN ('refused', 'held')",
    )?;
    let rows = statement.query_map([link], |row| {
        Ok(Refusal {
            table: table(row, 1)?,
            id: row_id(row, 2)?,
            source: hash(row, 3)?.unwrap_or_default(),
            why: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
        })
    })?;
    rows.collect()
}

/// The pairs of rows of a table of a link.
pub fn pairs(
    connection: &Connection,
    link: &str,
    table: &TableName,
) -> rusqlite::Result<Vec<(RowId, RowId)>> {
    let mut statement = connection
        .prepare_cached("SELECT source, target FROM pairs WHERE link = ? AND entity = ?")?;
    let rows = statement.query_map([link, table.as_str()], |row| {
        Ok((row_id(row, 0)?, row_id(row, 1)?))
    })?;
    rows.collect()
}

fn verb(row: &Row<'_>, place: usize) -> rusqlite::Result<Verb> {
    let word: String = row.get(place)?;
    Verb::from_word(&word).ok_or_else(|| odd(place, format!("unknown verb `{word}`")))
}

fn column_names(row: &Row<'_>, place: usize) -> rusqlite::Result<Vec<String>> {
    let columns: Option<String> = row.get(place)?;
    let columns = columns
        .map(|columns| serde_json::from_str(&columns))
        .transpose();
    columns
        .map(Option::unwrap_or_default)
        .map_err(|error| odd(place, error.to_string()))
}

/// The latest events of a record in all operations on a link, oldest first, with the requests that they belong to.
pub fn history(
    connection: &Connection,
    link: &str,
    table: &TableName,
    id: RowId,
    limit: usize,
) -> rusqlite::Result<Vec<(Request, Event)>> {
    let mut statement = connection.prepare_cached(
        "SELECT e.seq, e.session, e.wall, e.stage, e.reason, e.etag, e.hash, e.columns, e.entity, e.record, e.name,
             e.number, e.on_the_way, o.id
         FROM events AS e JOIN operations AS o ON o.id = e.operation
         WHERE e.entity = ? AND e.record = ? AND o.link = ? ORDER BY e.seq DESC LIMIT ?",
    )?;
    let mut requests = connection.prepare_cached(REQUEST_BY_ID)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let key = params![table.as_str(), id.uuid(), link, limit];
    let rows = statement.query_map(key, |row| Ok((row.get::<_, Uuid>(13)?, event(row)?)))?;
    let mut history = Vec::new();
    for row in rows {
        let (operation, event) = row?;
        history.push((requests.query_row([operation], request)?, event));
    }
    history.reverse();
    Ok(history)
}

/// The values of a record that were overwritten and are still kept, oldest first.
pub fn overwritten(
    connection: &Connection,
    table: &TableName,
    id: RowId,
) -> rusqlite::Result<Vec<Overwritten>> {
    let mut statement = connection.prepare_cached(
        "SELECT operation, name, value, wall FROM overwritten WHERE entity = ? AND record = ? ORDER BY rowid",
    )?;
    let rows = statement.query_map(params![table.as_str(), id.uuid()], |row| {
        let value: String = row.get(2)?;
        Ok(Overwritten {
            operation: OperationId(row.get(0)?),
            column: row.get(1)?,
            value: serde_json::from_str(&value).map_err(|error| odd(2, error.to_string()))?,
            at: time(row, 3)?,
        })
    })?;
    rows.collect()
}

/// A number that is never negative.
pub fn count<T: TryFrom<i64>>(row: &Row<'_>, place: usize) -> rusqlite::Result<T> {
    let number: i64 = row.get(place)?;
    T::try_from(number).map_err(|_| odd(place, format!("{number} is out of range")))
}

fn parsed_stage(row: &Row<'_>, word: usize, reason: usize) -> rusqlite::Result<Stage> {
    let text: String = row.get(word)?;
    let reason: Option<String> = row.get(reason)?;
    Stage::from_word(&text, reason.unwrap_or_default())
        .ok_or_else(|| odd(word, format!("unknown stage `{text}`")))
}

fn table(row: &Row<'_>, place: usize) -> rusqlite::Result<TableName> {
    let name: String = row.get(place)?;
    TableName::new(&name).map_err(|error| odd(place, error.to_string()))
}

fn row_id(row: &Row<'_>, place: usize) -> rusqlite::Result<RowId> {
    let id: Uuid = row.get(place)?;
    RowId::new(id).ok_or_else(|| odd(place, "an empty id".to_owned()))
}

fn etag(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<ETag>> {
    let etag: Option<String> = row.get(place)?;
    Ok(etag.as_deref().and_then(ETag::new))
}

fn hash(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<u64>> {
    let hash: Option<i64> = row.get(place)?;
    Ok(hash.map(i64::cast_unsigned))
}

/// A moment that was kept in that place of a row.
pub fn time(row: &Row<'_>, place: usize) -> rusqlite::Result<DateTime<Utc>> {
    let text: String = row.get(place)?;
    parsed_time(&text, place)
}

fn parsed_time(text: &str, place: usize) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|error| odd(place, error.to_string()))
}

/// What is said of a value that makes no sense in its place.
pub fn odd(place: usize, why: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(place, rusqlite::types::Type::Text, why.into())
}
