//! Rows that were deleted in the target and are out of the link's scope now: no records of the link, until they come back
//! into scope. That they were deleted must not be forgotten by then, or they would be made again.

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::domain::row::RowId;
use crate::domain::table::TableName;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS gone (
    link TEXT NOT NULL, entity TEXT NOT NULL, id BLOB NOT NULL,
    PRIMARY KEY (link, entity, id)
) STRICT, WITHOUT ROWID;
";

/// All of a table.
pub(super) fn load(
    connection: &Connection,
    link: &str,
    table: &TableName,
) -> rusqlite::Result<Vec<RowId>> {
    let mut select =
        connection.prepare_cached("SELECT id FROM gone WHERE link = ?1 AND entity = ?2")?;
    let ids = select.query_map(params![link, table.as_str()], |row| row.get::<_, Uuid>(0))?;
    let ids: Vec<Option<RowId>> = ids.map(|id| id.map(RowId::new)).collect::<Result<_, _>>()?;
    Ok(ids.into_iter().flatten().collect())
}

/// Takes in which rows are among them now, and which are no more.
pub(super) fn save(
    connection: &Connection,
    link: &str,
    table: &TableName,
    changed: &[(RowId, bool)],
) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO gone VALUES (?1, ?2, ?3)")?;
    let mut delete = connection
        .prepare_cached("DELETE FROM gone WHERE link = ?1 AND entity = ?2 AND id = ?3")?;
    for (id, is_gone) in changed {
        let statement = if *is_gone { &mut insert } else { &mut delete };
        statement.execute(params![link, table.as_str(), id.uuid()])?;
    }
    Ok(())
}
