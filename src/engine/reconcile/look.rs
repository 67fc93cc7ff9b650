//! The second look: records that seem out of step are read on both sides, by id, and told apart.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};

use crate::dataverse::{Filter, Page, Query, Reader, now};
use crate::domain::drift::{Assessment, Drift, Evidence, Side, classify};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::operation::RecordKey;
use crate::domain::row::{Row, RowId, Value};
use crate::domain::table::TableSchema;
use crate::engine::event::Looked;
use crate::engine::evidence::Clues;
use crate::engine::link::{Ends, LinkContext, LinkTable};
use crate::engine::records::Sides;

use super::{Broken, Comparing};

/// Alternate keys that one request asks for: their texts keep the URL below its limit of 32 KB (contract 3.2).
const KEYS: usize = 40;

/// Records that seem missing and are asked for once more, in one look: with more of them, the listing is believed.
const CONFIRMED: usize = 200;
/// So many of them at once.
const CONFIRMED_AT_ONCE: usize = 4;

/// What one side shows of some records.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: HashMap<RowId, Row>,
    pub(super) unreadable: HashMap<RowId, String>,
}

impl Found {
    /// What a page holds.
    pub(super) fn take(&mut self, page: Page) {
        for row in page.rows {
            self.unreadable.remove(&row.id);
            self.rows.insert(row.id, row);
        }
        let bad = page.bad_rows.into_iter();
        self.unreadable
            .extend(bad.filter_map(|bad| Some((bad.id?, bad.reason))));
    }

    /// Reads these records of one side, and takes them in.
    pub(super) async fn read(
        &mut self,
        reader: &Reader,
        schema: &TableSchema,
        table: &LinkTable,
        ids: &[RowId],
    ) -> Result<(), Failure> {
        self.take(reader.rows_by_id(schema, ids, &table.columns).await?);
        Ok(())
    }

    fn side(&self, id: RowId) -> Side {
        match (self.rows.get(&id), self.unreadable.get(&id)) {
            (Some(row), _) => Side::Row(row.clone()),
            (None, Some(reason)) => Side::Unreadable(reason.clone()),
            (None, None) => Side::Absent,
        }
    }
}

/// What both sides show of some records, and which rows of theirs have one key under two ids.
#[derive(Debug, Default)]
pub(super) struct Both {
    pub(super) source: Found,
    pub(super) target: Found,
    pub(super) twins: HashMap<RowId, RowId>,
}

impl Both {
    /// Reads records on both sides.
    pub(super) async fn read(
        table: &LinkTable,
        ends: &Ends,
        ids: &[RowId],
    ) -> Result<Self, Broken> {
        let mut both = Self::default();
        let (source, target) = tokio::join!(
            both.source.read(&ends.source, &table.source, table, ids),
            both.target
                .read(ends.target.reader(), &table.target, table, ids),
        );
        source.map_err(Broken::source)?;
        target.map_err(Broken::target)?;
        Ok(both)
    }

    /// Pairs the rows that stand on one side only by their alternate keys, among those that were read.
    pub(super) fn pair(&mut self, table: &LinkTable) {
        let (source, target) = (
            keys(table, &self.source, &self.target),
            keys(table, &self.target, &self.source),
        );
        let pairs = source
            .iter()
            .filter_map(|(key, id)| Some((*id, *target.get(key)?)));
        self.twins.extend(pairs.flat_map(|(a, b)| [(a, b), (b, a)]));
    }

    /// Asks each side for the rows that hold the keys of those which only the other side has.
    pub(super) async fn pair_elsewhere(
        &mut self,
        table: &LinkTable,
        ends: &Ends,
    ) -> Result<(), Broken> {
        let (mut in_target, mut in_source) = (Found::default(), Found::default());
        let (source, target) = (
            alone(&self.source, &self.target),
            alone(&self.target, &self.source),
        );
        let (asked_target, asked_source) = tokio::join!(
            holders(
                ends.target.reader(),
                &table.target,
                table,
                &source,
                &mut in_target
            ),
            holders(&ends.source, &table.source, table, &target, &mut in_source),
        );
        asked_target.map_err(Broken::target)?;
        asked_source.map_err(Broken::source)?;
        self.source.rows.extend(in_source.rows);
        self.target.rows.extend(in_target.rows);
        self.pair(table);
        Ok(())
    }

    /// The source's rows whose key a row of the target holds under another id.
    pub(super) fn source_twins(&self) -> impl Iterator<Item = RowId> {
        let twins = self.twins.keys();
        twins
            .filter(|id| self.source.rows.contains_key(id))
            .copied()
    }

    /// Tells where these records stand.
    pub(super) fn judge(
        &self,
        link: &LinkContext,
        table: &LinkTable,
        ids: &[RowId],
        feeds: impl Fn(RowId, Clues) -> Clues,
    ) -> Vec<Looked> {
        // A pair with one key is one record, listed under the source's id.
        let listed = ids
            .iter()
            .filter(|id| self.source.rows.contains_key(id) || !self.twins.contains_key(id));
        let looked = listed.map(|id| {
            let other = self.twins.get(id).copied();
            let target = other.unwrap_or(*id);
            let sides = (self.source.side(*id), self.target.side(*id));
            let mut looked = judge(link, table, *id, sides, other, |clues| feeds(*id, clues));
            if let (Some(_), Side::Absent) = (other, &looked.sides.target) {
                Arc::make_mut(&mut looked.sides).target = self.target.side(target);
            }
            looked
        });
        looked.collect()
    }
}

/// Asks for records that seem missing once more, one by one: only then is it known that the row is not there, rather
/// than hidden from us (403), which a listing does not tell apart.
pub(super) async fn confirm(
    job: &Comparing,
    table: &LinkTable,
    looked: &mut [Looked],
) -> Result<(), Broken> {
    let mut missing: Vec<(usize, RowId)> = Vec::new();
    for (place, looked) in looked.iter().enumerate() {
        if looked.drift == Drift::Missing && missing.len() < CONFIRMED {
            missing.push((place, looked.record.key.id));
        }
    }
    let reader = job.ends.target.reader();
    let asked = futures_util::stream::iter(missing).map(async |(place, id)| {
        let read = reader.retrieve(&table.target, id, &table.columns).await;
        side(read).map(|target| (place, id, target))
    });
    let confirmed: Vec<(usize, RowId, Side)> = asked
        .buffer_unordered(CONFIRMED_AT_ONCE)
        .try_collect()
        .await
        .map_err(Broken::target)?;
    for (place, id, target) in confirmed {
        if let Some(looked) = looked.get_mut(place).filter(|_| target != Side::Absent) {
            let source = looked.sides.source.clone();
            *looked = assess(&job.link, table, id, source, target, None);
        }
    }
    Ok(())
}

fn alone<'a>(here: &'a Found, there: &Found) -> Vec<&'a Row> {
    let rows = here.rows.values();
    rows.filter(|row| !there.rows.contains_key(&row.id))
        .collect()
}

fn keys(table: &LinkTable, here: &Found, there: &Found) -> HashMap<String, RowId> {
    alone(here, there)
        .into_iter()
        .filter_map(|row| Some((table.rules.key_of(row)?, row.id)))
        .collect()
}

/// Reads the rows of one side that have the keys of these rows of the other side.
async fn holders(
    reader: &Reader,
    schema: &TableSchema,
    table: &LinkTable,
    rows: &[&Row],
    found: &mut Found,
) -> Result<(), Failure> {
    let filters: Vec<Filter> = rows
        .iter()
        .filter_map(|row| key_filter(table, row))
        .collect();
    for some in filters.chunks(KEYS) {
        let query = Query::all(schema, &table.columns)
            .named()
            .only(Filter::Any(some.to_vec()));
        let mut pages = reader.pages(query);
        while let Some(page) = pages.next().await? {
            found.take(page);
        }
    }
    Ok(())
}

/// Which rows have the alternate key of this one; `None` where a part of it is blank or no text.
fn key_filter(table: &LinkTable, row: &Row) -> Option<Filter> {
    table.rules.key_of(row)?;
    let columns = table.rules.columns.iter().zip(&row.values);
    let parts = columns.filter(|(column, _)| column.key);
    let parts: Option<Vec<Filter>> = parts
        .map(|(column, value)| match value {
            Value::Text(text) => Some(Filter::Is(column.name.clone(), text.clone())),
            _ => None,
        })
        .collect();
    parts.map(Filter::All)
}

/// Reads records on both sides by their ids; where only one side has one, its alternate key is asked of the other.
pub(in crate::engine) async fn look_many(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    ids: &[RowId],
) -> Result<Vec<Looked>, Failure> {
    let read = async {
        let mut both = Both::read(table, ends, ids).await?;
        both.pair_elsewhere(table, ends).await?;
        Ok(both.judge(link, table, ids, |_, clues| clues))
    };
    read.await.map_err(|broken: Broken| broken.failure)
}

/// Reads one record on both sides; where only one side has it, its alternate key is asked of the other.
pub(in crate::engine) async fn look_one(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    id: RowId,
) -> Result<Looked, Failure> {
    let target_reader = ends.target.reader();
    let source = ends.source.retrieve(&table.source, id, &table.columns);
    let target = target_reader.retrieve(&table.target, id, &table.columns);
    let (source, target) = tokio::join!(source, target);
    let (source, target) = (side(source)?, side(target)?);
    let twin = match (&source, &target) {
        (Side::Row(row), Side::Absent) => twin_of(target_reader, &table.target, table, row).await?,
        (Side::Absent, Side::Row(row)) => twin_of(&ends.source, &table.source, table, row).await?,
        _ => None,
    };
    let mut looked = assess(link, table, id, source, target, twin);
    if let (Some(twin), Side::Absent) = (twin, &looked.sides.target) {
        // Both are shown, so that a person can merge them.
        let read = target_reader.retrieve(&table.target, twin, &table.columns);
        Arc::make_mut(&mut looked.sides).target = side(read.await)?;
    }
    Ok(looked)
}

/// A row that security hides is unknown, not absent.
pub(in crate::engine) fn side(read: Result<Option<Row>, Failure>) -> Result<Side, Failure> {
    match read {
        Ok(Some(row)) => Ok(Side::Row(row)),
        Ok(None) => Ok(Side::Absent),
        Err(failure) if failure.class == FailureClass::Forbidden => {
            Ok(Side::Unreadable(failure.summary()))
        }
        Err(failure) => Err(failure),
    }
}

/// The row on the other side that holds a row's alternate key under another id.
async fn twin_of(
    reader: &Reader,
    schema: &TableSchema,
    table: &LinkTable,
    row: &Row,
) -> Result<Option<RowId>, Failure> {
    let mut found = Found::default();
    holders(reader, schema, table, &[row], &mut found).await?;
    Ok(found.rows.into_keys().find(|other| *other != row.id))
}

/// Tells the drift of one record from both sides, and from what an earlier look told of it.
pub(in crate::engine) fn assess(
    link: &LinkContext,
    table: &LinkTable,
    id: RowId,
    source: Side,
    target: Side,
    other: Option<RowId>,
) -> Looked {
    judge(link, table, id, (source, target), other, |clues| clues)
}

fn judge(
    link: &LinkContext,
    table: &LinkTable,
    id: RowId,
    (source, target): (Side, Side),
    other: Option<RowId>,
    feeds: impl FnOnce(Clues) -> Clues,
) -> Looked {
    let key = RecordKey {
        table: table.index,
        id,
    };
    let agreement = link.agreements.of(key);
    let digest = target.row().map(|row| table.rules.digest(row));
    let clues = feeds(link.told.clues(key, digest));
    let wrote = agreement.as_ref().map(|agreement| &agreement.etag);
    let as_we_left_it = wrote.is_some() && wrote == target.row().and_then(|row| row.etag.as_ref());
    let left = agreement.as_ref().filter(|_| as_we_left_it);
    // What the target made of the source's values stands as long as they are the same.
    let altered = left
        .and_then(|left| left.altered.as_ref())
        .zip(source.row());
    let is_altered =
        altered.is_some_and(|((columns, hash), row)| table.hash_of(columns, row) == *hash);
    let evidence = Evidence {
        is_held: clues.is_held || left.is_some_and(|left| !left.is_whole),
        is_altered,
        kept: link.choices.of(key),
        sync_users: &link.sync_users,
        came_over_link: agreement.is_some() || clues.deleted_in_source,
        was_in_target: agreement.is_some() || clues.deleted_in_target,
        agreed: wrote,
        changed: clues.changed,
        other_with_key: other,
    };
    let Assessment {
        drift,
        is_guess,
        differing,
    } = classify(&source, &target, &table.rules, evidence);
    let record = table.named(id, source.row(), target.row());
    let sides = Sides {
        source,
        target,
        differing,
        read: now(),
    };
    Looked {
        record,
        drift,
        is_guess,
        other,
        since: None,
        sides: Arc::new(sides),
    }
}
