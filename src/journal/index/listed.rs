//! How far a full comparison has read each side of a table, page by page: a page's rows are saved together with the link
//! that follows it, so that another process goes on where one was killed. It is gone once the comparison is done.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

use super::super::read::{moment, time};
use crate::domain::row::{DeltaLink, PageLink, RowId};
use crate::domain::table::TableName;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS listings (
    link TEXT NOT NULL, entity TEXT NOT NULL, side TEXT NOT NULL,
    rules INTEGER NOT NULL, seed INTEGER NOT NULL, started TEXT NOT NULL, began TEXT,
    pages INTEGER NOT NULL, read INTEGER NOT NULL, next TEXT, delta TEXT,
    PRIMARY KEY (link, entity, side)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listed (
    link TEXT NOT NULL, entity TEXT NOT NULL, side TEXT NOT NULL, page INTEGER NOT NULL,
    ids BLOB NOT NULL, unread BLOB NOT NULL,
    PRIMARY KEY (link, entity, side, page)
) STRICT;
";

/// Bytes of a row: its id and its checksum.
const ROW: usize = 24;

/// How far one side of a table has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What is compared and how: what was read under other rules is worth nothing.
    pub rules: u64,
    /// What the checksums of its rows were made with.
    pub seed: u64,
    /// When the comparison began.
    pub started: DateTime<Utc>,
    /// The server's clock when it was first asked, if it has told it.
    pub began: Option<DateTime<Utc>>,
    /// Pages that are behind.
    pub pages: u32,
    /// Rows that the server gave on them.
    pub rows: usize,
    /// Where it goes on; `None` behind the last page.
    pub next: Option<PageLink>,
    /// Where the changes go on, once the last page is behind.
    pub delta: Option<DeltaLink>,
}

/// One page that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its rows, each with its checksum.
    pub rows: Vec<(RowId, u64)>,
    /// Rows that could not be read.
    pub unreadable: Vec<RowId>,
}

impl Listed {
    fn ids(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rows.len() * ROW);
        for (id, digest) in &self.rows {
            bytes.extend_from_slice(id.uuid().as_bytes());
            bytes.extend_from_slice(&digest.to_le_bytes());
        }
        bytes
    }

    fn unread(&self) -> Vec<u8> {
        let ids = self.unreadable.iter().map(|id| id.uuid().into_bytes());
        ids.flatten().collect()
    }

    /// A page as it was saved.
    fn of(rows: &[u8], unread: &[u8]) -> Self {
        let id = |bytes: &[u8]| RowId::new(Uuid::from_slice(bytes).ok()?);
        let (rows, _) = rows.as_chunks::<ROW>();
        let rows = rows.iter().filter_map(|row| {
            let (bytes, digest) = row.split_first_chunk::<16>()?;
            Some((id(bytes)?, u64::from_le_bytes(digest.try_into().ok()?)))
        });
        let (unread, _) = unread.as_chunks::<16>();
        Self {
            rows: rows.collect(),
            unreadable: unread.iter().filter_map(|bytes| id(bytes)).collect(),
        }
    }
}

/// A page of one side, and how far the side is read with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidePage {
    /// The side's word.
    pub side: &'static str,
    /// How far it is read.
    pub listing: Listing,
    /// The page that this has come to.
    pub page: Listed,
}

/// Saves pages, each together with where its side goes on behind it.
pub(super) fn save(
    connection: &mut Connection,
    link: &str,
    table: &TableName,
    pages: &[SidePage],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for SidePage {
        side,
        listing,
        page,
    } in pages
    {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO listed VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                link,
                table.as_str(),
                side,
                listing.pages,
                page.ids(),
                page.unread(),
            ])?;
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO listings
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                link,
                table.as_str(),
                side,
                listing.rules.cast_signed(),
                listing.seed.cast_signed(),
                moment(listing.started),
                listing.began.map(moment),
                listing.pages,
                i64::try_from(listing.rows).unwrap_or(i64::MAX),
                listing.next.as_ref().map(PageLink::as_str),
                listing.delta.as_ref().map(DeltaLink::as_str),
            ])?;
    }
    transaction.commit()
}

/// How far a side has been read; `None` where no page of it was saved.
pub(super) fn load(
    connection: &Connection,
    link: &str,
    table: &TableName,
    side: &str,
) -> rusqlite::Result<Option<Listing>> {
    let mut select = connection.prepare_cached(
        "SELECT rules, started, began, pages, read, next, delta, seed FROM listings
         WHERE link = ?1 AND entity = ?2 AND side = ?3",
    )?;
    let listing = select.query_row(params![link, table.as_str(), side], |row| {
        let text = |place| row.get::<_, Option<String>>(place);
        let began = text(2)?.is_some().then(|| time(row, 2)).transpose()?;
        Ok(Listing {
            rules: row.get::<_, i64>(0)?.cast_unsigned(),
            seed: row.get::<_, i64>(7)?.cast_unsigned(),
            started: time(row, 1)?,
            began,
            pages: row.get(3)?,
            rows: usize::try_from(row.get::<_, i64>(4)?).unwrap_or_default(),
            next: text(5)?.as_deref().map(PageLink::new),
            delta: text(6)?.as_deref().map(DeltaLink::new),
        })
    });
    listing.optional()
}

/// A page that was saved, counted from 1; `None` where there is none of that number.
pub(super) fn page(
    connection: &Connection,
    link: &str,
    table: &TableName,
    side: &str,
    number: u32,
) -> rusqlite::Result<Option<Listed>> {
    let mut select = connection.prepare_cached(
        "SELECT ids, unread FROM listed WHERE link = ?1 AND entity = ?2 AND side = ?3 AND page = ?4",
    )?;
    let page = select.query_row(params![link, table.as_str(), side, number], |row| {
        let (rows, unread): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        Ok(Listed::of(&rows, &unread))
    });
    page.optional()
}

/// Forgets what was read of a table.
pub(super) fn forget(
    connection: &Connection,
    link: &str,
    table: &TableName,
) -> rusqlite::Result<()> {
    for kept in ["listed", "listings"] {
        let sql = format!("DELETE FROM {kept} WHERE link = ?1 AND entity = ?2");
        connection
            .prepare_cached(&sql)?
            .execute(params![link, table.as_str()])?;
    }
    Ok(())
}
