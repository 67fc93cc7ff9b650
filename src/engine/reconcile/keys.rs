//! Rows of one side that hold the alternate keys of rows of the other: under another id they are a duplicate, and where
//! keys tell which rows are one record (`identity = "key"`), they are its other side.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::iter;

use sha2::{Digest, Sha256};

use super::look::{Both, Found};
use super::{Broken, Comparing};
use crate::dataverse::{Filter, Pages, Query};
use crate::domain::drift::key_text;
use crate::domain::failure::Failure;
use crate::domain::packed::PackedRow;
use crate::domain::row::{Row, RowId, Value};
use crate::domain::table::{ColumnName, TableName};
use crate::engine::link::{Ends, LinkContext, LinkTable};
use crate::engine::reading::End;

/// Alternate keys that one request asks for: their texts keep the URL below its limit of 32 KB (contract 3.2).
const KEYS: usize = 40;

fn alone(here: &Found, there: &Found) -> impl Iterator<Item = Row> {
    let rows = here.rows.values();
    rows.filter(|row| !there.rows.contains_key(&row.id()))
        .map(PackedRow::open)
}

fn keys(table: &LinkTable, here: &Found, there: &Found) -> HashMap<String, RowId> {
    alone(here, there)
        .filter_map(|row| Some((table.rules.key_of(&row)?, row.id)))
        .collect()
}

/// Reads the rows of one side that have the keys of these rows of the other side.
async fn holders(
    ends: &Ends,
    end: End,
    table: &LinkTable,
    rows: impl Iterator<Item = impl Borrow<Row>>,
    found: &mut Found,
) -> Result<(), Failure> {
    let filters: Vec<Filter> = rows
        .filter_map(|row| key_filter(table, end, row.borrow()))
        .collect();
    let (schema, columns) = table.side(end);
    for some in filters.chunks(KEYS) {
        let query = Query::all(schema, columns)
            .named()
            .only(Filter::Any(some.to_vec()));
        let mut pages = ends.reader(end).pages(query);
        while let Some(page) = pages.next().await? {
            found.take(table.take(end, page));
        }
    }
    Ok(())
}

/// Which rows of one side have the alternate key of this one; `None` where a part of it is blank or no text.
fn key_filter(table: &LinkTable, end: End, row: &Row) -> Option<Filter> {
    table.rules.key_of(row)?;
    let (_, names) = table.side(end);
    let columns = table.rules.columns.iter().zip(names).zip(&row.values);
    let parts = columns.filter(|((column, _), _)| column.key);
    let parts: Option<Vec<Filter>> = parts
        .map(|((_, name), value)| match value {
            Value::Text(text) => Some(Filter::Is(name.clone(), text.clone())),
            _ => None,
        })
        .collect();
    parts.map(Filter::All)
}

/// The row of one side that holds the alternate key of the other side's row under another id.
pub(super) async fn twin_of(
    ends: &Ends,
    end: End,
    table: &LinkTable,
    row: &Row,
) -> Result<Option<RowId>, Failure> {
    let mut found = Found::default();
    holders(ends, end, table, iter::once(row), &mut found).await?;
    Ok(found.rows.into_keys().find(|other| *other != row.id))
}

/// Pairs rows by what was found of their keys. A row that has a partner already keeps it for as long as that one is
/// there, whatever has become of its key.
async fn pair_up(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    found: Vec<(RowId, RowId)>,
) -> Result<Vec<(RowId, RowId)>, Broken> {
    let identity = &table.identity;
    let has_partner = |&(source, target): &(RowId, RowId)| {
        identity.is_paired(source) || identity.source_id(target) != target
    };
    let (taken, mut paired): (Vec<_>, Vec<_>) = found.into_iter().partition(has_partner);
    let here: Vec<RowId> = taken
        .iter()
        .map(|pair| identity.source_id(pair.1))
        .collect();
    let there: Vec<RowId> = taken.iter().map(|pair| pair.0).collect();
    if !taken.is_empty() {
        let (here, there) = tokio::join!(
            ends.rows(End::Source, table, &here),
            ends.rows(End::Target, table, &there)
        );
        let (mut partners, mut rows) = (Found::default(), Found::default());
        partners.take(here.map_err(Broken::source)?);
        rows.take(there.map_err(Broken::target)?);
        let is_free = |&(source, target): &(RowId, RowId)| {
            let partner = identity.source_id(target);
            (partner == source || partner == target || !partners.has(partner))
                && (partner == source || !rows.has(source))
        };
        paired.extend(taken.into_iter().filter(is_free));
    }
    link.pair(table, paired.clone()).await;
    Ok(paired)
}

/// Finds the target's rows that hold the keys of these rows of the source, where keys tell which rows are one.
pub(in crate::engine) async fn find_partners(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    rows: &[&Row],
) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut both = Both::default();
    for row in rows {
        both.source.insert(row);
    }
    let met = both.meet(link, table, ends, true).await;
    met.map_err(|broken| broken.failure)
}

/// The source's rows that hold the keys of these rows of the target, by the ids of these.
pub(in crate::engine) async fn counterparts(
    ends: &Ends,
    table: &LinkTable,
    rows: &[&Row],
) -> Result<HashMap<RowId, Row>, Failure> {
    let mut found = Found::default();
    holders(ends, End::Source, table, rows.iter().copied(), &mut found).await?;
    let by_key = found.rows.values().map(PackedRow::open);
    let by_key: HashMap<String, Row> = by_key
        .filter_map(|row| Some((table.rules.key_of(&row)?, row)))
        .collect();
    let theirs = rows.iter().filter_map(|row| {
        let own = by_key.get(&table.rules.key_of(row)?)?;
        Some((row.id, own.clone()))
    });
    Ok(theirs.collect())
}

/// Compares the keys of all rows of a table whose records are told by them, and of such tables that its lookups name:
/// of its own before each full comparison, of others once.
///
/// Until the partners are known, both listings would be full of rows that only one side has. The source's keys are
/// held meanwhile, 32 bytes each and as much again for the table around them.
pub(super) async fn learn(job: &Comparing, table: &LinkTable) -> Result<(), Broken> {
    let named: Vec<&TableName> = table.identity.named().collect();
    for other in &job.link.tables {
        let Some(pairs) = other.identity.pairs() else {
            continue;
        };
        let is_own = other.index == table.index;
        if !is_own && !named.contains(&&other.name) {
            continue;
        }
        let mut is_learnt = pairs.is_learnt.lock().await;
        if is_own || !*is_learnt {
            learn_all(job, other).await?;
            *is_learnt = true;
        }
    }
    Ok(())
}

async fn learn_all(job: &Comparing, table: &LinkTable) -> Result<(), Broken> {
    let mut by_key: HashMap<[u8; 16], RowId> = HashMap::new();
    let mut pages = key_pages(job, table, End::Source);
    while let Some(page) = pages.next().await.map_err(Broken::source)? {
        let keys = page.rows.iter();
        by_key.extend(keys.filter_map(|row| Some((digest(row)?, row.id))));
    }
    let mut pages = key_pages(job, table, End::Target);
    while let Some(page) = pages.next().await.map_err(Broken::target)? {
        let found = page.rows.iter().filter_map(|row| {
            let source = *by_key.get(&digest(row)?)?;
            (table.identity.target_id(source) != row.id || !table.identity.is_paired(source))
                .then_some((source, row.id))
        });
        let found = found.collect();
        pair_up(&job.link, table, &job.ends, found).await?;
    }
    Ok(())
}

/// All rows of one side, with nothing but their keys.
fn key_pages(job: &Comparing, table: &LinkTable, end: End) -> Pages {
    let (schema, names) = table.side(end);
    let columns = table.rules.columns.iter().zip(names);
    let columns: Vec<ColumnName> = columns
        .filter(|(column, _)| column.key)
        .map(|(_, name)| name.clone())
        .collect();
    job.ends.reader(end).pages(Query::all(schema, &columns))
}

/// A key in little room; `None` where a part of it is blank. Two keys with one digest would make two records one, so
/// that it is a cryptographic one.
fn digest(row: &Row) -> Option<[u8; 16]> {
    let text = key_text(row.values.iter())?;
    let digest = Sha256::digest(text.as_bytes());
    digest.get(..16)?.try_into().ok()
}

impl Both {
    /// Asks each side for the rows that hold the keys of those which only the other side has.
    pub(super) async fn ask_for_holders(
        &mut self,
        table: &LinkTable,
        ends: &Ends,
    ) -> Result<(), Broken> {
        let (mut in_target, mut in_source) = (Found::default(), Found::default());
        let source = alone(&self.source, &self.target);
        let target = alone(&self.target, &self.source);
        let (asked_target, asked_source) = tokio::join!(
            holders(ends, End::Target, table, source, &mut in_target),
            holders(ends, End::Source, table, target, &mut in_source),
        );
        asked_target.map_err(Broken::target)?;
        asked_source.map_err(Broken::source)?;
        self.source.rows.extend(in_source.rows);
        self.target.rows.extend(in_target.rows);
        Ok(())
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

    /// Makes one record of rows that stand on one side only and have one key, where keys tell: of those that were read
    /// and, if `asks`, of those that each side is asked for.
    pub(super) async fn meet(
        &mut self,
        link: &LinkContext,
        table: &LinkTable,
        ends: &Ends,
        asks: bool,
    ) -> Result<(), Broken> {
        if asks {
            self.ask_for_holders(table, ends).await?;
        }
        let sources = keys(table, &self.source, &self.target);
        let here: HashMap<RowId, RowId> = keys(table, &self.target, &self.source)
            .into_iter()
            .filter_map(|(key, id)| Some((id, *sources.get(&key)?)))
            .collect();
        let found = here
            .iter()
            .map(|(id, source)| (*source, table.identity.target_id(*id)))
            .collect();
        let paired = pair_up(link, table, ends, found).await?;
        let paired: HashSet<RowId> = paired.into_iter().map(|pair| pair.0).collect();
        for (id, source) in here {
            if paired.contains(&source)
                && let Some(row) = self.target.rows.remove(&id)
            {
                self.target.forget(source);
                let row = row.open();
                self.target.insert(&Row { id: source, ..row });
                self.met.push(source);
            }
        }
        Ok(())
    }

    /// Finds out which records the lookups of the target's rows name, where keys tell and their partners are not known.
    pub(super) async fn introduce(
        &mut self,
        link: &LinkContext,
        table: &LinkTable,
        ends: &Ends,
    ) -> Result<(), Broken> {
        if table.identity.named().next().is_none() {
            return Ok(());
        }
        let mut strangers: HashMap<TableName, Vec<RowId>> = HashMap::new();
        for row in self.target.rows.values().map(PackedRow::open) {
            for (name, id) in table.identity.strangers(&row) {
                strangers.entry(name.clone()).or_default().push(id);
            }
        }
        for (name, mut ids) in strangers {
            let Some(named) = link.table_named(&name) else {
                continue;
            };
            ids.sort_unstable();
            ids.dedup();
            let mut both = Self::default();
            let rows = ends.rows(End::Target, named, &ids).await;
            both.target.take(rows.map_err(Broken::target)?);
            both.meet(link, named, ends, true).await?;
        }
        for packed in self.target.rows.values_mut() {
            let mut row = packed.open();
            table.identity.read_lookups(&mut row);
            *packed = PackedRow::of(&row);
        }
        Ok(())
    }
}
