//! What the agent says of everything, each second, for who sits beside it; and how old what is known of the tables is.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension};

use super::super::read::time;
use crate::domain::table::TableName;

pub(super) const TABLES: &str = "
CREATE TABLE live (id INTEGER PRIMARY KEY CHECK (id = 1), view TEXT NOT NULL) STRICT;
";

/// Puts down the newest view, in place of the one before.
pub(super) fn tell(connection: &Connection, view: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO live VALUES (1, ?1)")?
        .execute([view])?;
    Ok(())
}

/// The newest view.
pub(super) fn told(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT view FROM live")?
        .query_row([], |row| row.get(0))
        .optional()
}

/// Every table of which something is known, and when that was taken.
pub(super) fn marks(
    connection: &Connection,
) -> rusqlite::Result<Vec<(String, TableName, DateTime<Utc>)>> {
    let mut statement = connection.prepare_cached("SELECT link, entity, taken FROM checkpoints")?;
    let marks = statement.query_map([], |row| {
        let entity: String = row.get(1)?;
        Ok((row.get(0)?, TableName::new(&entity).ok(), time(row, 2)?))
    })?;
    let known = marks.filter_map(|mark| match mark {
        Ok((link, Some(table), taken)) => Some(Ok((link, table, taken))),
        Ok((_, None, _)) => None,
        Err(error) => Some(Err(error)),
    });
    known.collect()
}
