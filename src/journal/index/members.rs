//! Sets of a table's rows, in shards: which rows of the source are in scope, and which rows are the target's own. Both
//! may be as large as the table, and a refresh needs no more of them than the shards of what changed.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::members::Shard;
use crate::domain::table::TableName;

pub(super) const TABLES: &str = "
CREATE TABLE members (
    link TEXT NOT NULL, entity TEXT NOT NULL, kind TEXT NOT NULL, shard INTEGER NOT NULL, ids BLOB NOT NULL,
    PRIMARY KEY (link, entity, kind, shard)
) STRICT;
";

/// Which set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Rows of the source that are in the link's scope.
    Sources,
    /// Rows of the target's own.
    Local,
}

impl Group {
    /// Both.
    const ALL: [Self; 2] = [Self::Sources, Self::Local];

    fn word(self) -> &'static str {
        match self {
            Self::Sources => "sources",
            Self::Local => "local",
        }
    }
}

fn shard(number: u16, saved: &[u8]) -> Shard {
    let (ids, _) = saved.as_chunks();
    let ids = ids.iter().copied().map(u64::from_le_bytes).collect();
    (number, Arc::new(ids))
}

/// All shards of a table.
pub(super) fn load_all(
    connection: &Connection,
    link: &str,
    table: &TableName,
) -> rusqlite::Result<Vec<(Group, Shard)>> {
    let mut select = connection.prepare_cached(
        "SELECT shard, ids FROM members WHERE link = ?1 AND entity = ?2 AND kind = ?3",
    )?;
    let mut shards = Vec::new();
    for group in Group::ALL {
        let place = params![link, table.as_str(), group.word()];
        let saved = select.query_map(place, |row| {
            Ok((group, shard(row.get(0)?, &row.get::<_, Vec<u8>>(1)?)))
        })?;
        shards.extend(saved.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(shards)
}

/// The shards that are asked for; one that was never saved is empty.
pub(super) fn load(
    connection: &Connection,
    link: &str,
    table: &TableName,
    wanted: &[(Group, u16)],
) -> rusqlite::Result<Vec<(Group, Shard)>> {
    let mut select = connection.prepare_cached(
        "SELECT ids FROM members WHERE link = ?1 AND entity = ?2 AND kind = ?3 AND shard = ?4",
    )?;
    let shards = wanted.iter().map(|(group, number)| {
        let place = params![link, table.as_str(), group.word(), number];
        let saved = select.query_row(place, |row| row.get::<_, Vec<u8>>(0));
        let saved = saved.optional()?.unwrap_or_default();
        Ok((*group, shard(*number, &saved)))
    });
    shards.collect()
}

/// Takes shards in, each in place of what it was.
pub(super) fn save(
    connection: &Connection,
    link: &str,
    table: &TableName,
    changed: &[(Group, Shard)],
) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO members VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (group, (number, ids)) in changed {
        let bytes: Vec<u8> = ids.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        insert.execute(params![link, table.as_str(), group.word(), number, bytes])?;
    }
    Ok(())
}

/// Forgets a table's sets.
pub(super) fn forget(
    connection: &Connection,
    link: &str,
    table: &TableName,
) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM members WHERE link = ?1 AND entity = ?2",
        params![link, table.as_str()],
    )?;
    Ok(())
}
