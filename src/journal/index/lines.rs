//! The lines of what changed, kept for 14 days, so that a new shift finds them after a restart. What people put down is
//! none of them: that is in the journal.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, TransactionBehavior, params};

use super::super::read::{moment, time};

/// How long lines are kept.
const KEPT: chrono::Duration = chrono::Duration::days(14);

pub(super) const TABLES: &str = "
CREATE TABLE lines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL, instance TEXT, said TEXT NOT NULL, tone TEXT NOT NULL
) STRICT;
CREATE INDEX lines_by_time ON lines (at);
";

/// One line of what changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: DateTime<Utc>,
    /// The instance that it is about, by name.
    pub instance: Option<String>,
    /// What happened, made visible.
    pub text: String,
    /// How bad it is, in a word.
    pub tone: String,
}

/// Keeps lines, and forgets those that are too old.
pub(super) fn keep(
    connection: &mut Connection,
    lines: &[Line],
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for line in lines {
        transaction
            .prepare_cached("INSERT INTO lines (at, instance, said, tone) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![
                moment(line.at),
                line.instance,
                line.text,
                line.tone
            ])?;
    }
    transaction.execute("DELETE FROM lines WHERE at < ?1", [moment(now - KEPT)])?;
    transaction.commit()
}

/// The latest lines, oldest first.
pub(super) fn latest(connection: &Connection, most: usize) -> rusqlite::Result<Vec<Line>> {
    let mut statement = connection.prepare(
        "SELECT * FROM (SELECT id, at, instance, said, tone FROM lines ORDER BY id DESC LIMIT ?1) ORDER BY id",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let lines = statement.query_map([most], |row| {
        Ok(Line {
            at: time(row, 1)?,
            instance: row.get(2)?,
            text: row.get(3)?,
            tone: row.get(4)?,
        })
    })?;
    lines.collect()
}
