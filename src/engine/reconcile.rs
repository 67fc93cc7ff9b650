//! The full comparison of one table: both sides streamed at once into an index by GUID, never merged on an assumed
//! order (design, "Scale"). Rows that are equal by their hash cancel out and are forgotten; whatever is left over is
//! read a second time on both sides and classified, so that a row that changed meanwhile is no false difference.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::event::{Comparison, Event, Looked};
use super::link::{Ends, LinkContext, LinkTable};
use super::reading::{End, Taken};
use super::records::Sides;
use crate::dataverse::now;
use crate::domain::drift::{Assessment, Drift, Evidence, Side, classify};
use crate::domain::failure::Failure;
use crate::domain::operation::RecordKey;
use crate::domain::row::{Row, RowId, Value};

/// Why a comparison broke off.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) end: End,
    pub(super) failure: Failure,
}

impl Broken {
    fn source(failure: Failure) -> Self {
        Self {
            end: End::Source,
            failure,
        }
    }

    fn target(failure: Failure) -> Self {
        Self {
            end: End::Target,
            failure,
        }
    }
}

/// What the streams have shown so far: hashes of rows that were seen on one side only.
#[derive(Default)]
struct Index {
    alone: HashMap<RowId, (End, u64)>,
    differing: Vec<RowId>,
    in_sync: usize,
}

impl Index {
    fn see(&mut self, end: End, id: RowId, digest: u64) {
        match self.alone.remove(&id) {
            Some((other, its)) if other != end && its == digest => self.in_sync += 1,
            Some((other, _)) if other != end => self.differing.push(id),
            // The same row on two pages of one side: the later one counts (fault F31).
            _ => {
                self.alone.insert(id, (end, digest));
            }
        }
    }
}

/// Compares one table in full.
pub(super) async fn compare(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    events: &mpsc::Sender<Event>,
) -> Result<Comparison, Broken> {
    let started = now();
    let (rows, mut seen) = mpsc::channel::<(End, Taken)>(4);
    let source = stream(ends, table, End::Source, rows.clone());
    let target = stream(ends, table, End::Target, rows);
    let collect = async {
        let mut index = Index::default();
        let (mut from_source, mut from_target) = (0, 0);
        let mut unread = Vec::new();
        while let Some((end, page)) = seen.recv().await {
            let count = page.rows.len() + page.out_of_scope.len();
            match end {
                End::Source => from_source += count,
                End::Target => from_target += count,
            }
            for row in &page.rows {
                index.see(end, row.id, table.rules.digest(row));
            }
            unread.extend(page.unreadable.into_iter().map(|(id, _)| id));
            let event = Event::Comparing {
                table: table.index,
                source: from_source,
                target: from_target,
                started,
            };
            // The engine is gone when this fails, and this task with it.
            if events.send(event).await.is_err() {
                break;
            }
        }
        (index, unread)
    };
    let (source, target, (index, unread)) = tokio::join!(source, target, collect);
    source.map_err(Broken::source)?;
    target.map_err(Broken::target)?;
    let in_sync = index.in_sync;
    let mut ids: Vec<RowId> = index
        .alone
        .into_keys()
        .chain(index.differing)
        .chain(unread)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let looked = look(link, table, ends, &ids).await?;
    Ok(sum_up(table, started, in_sync, looked))
}

fn sum_up(
    table: &LinkTable,
    started: crate::domain::time::Now,
    equal: usize,
    looked: Vec<Looked>,
) -> Comparison {
    let count = |drift| looked.iter().filter(|looked| looked.drift == drift).count();
    // Gone on both sides since the first look, or out of scope: no record at all.
    let gone = looked
        .iter()
        .filter(|looked| looked.drift == Drift::InSync && looked.sides.source.row().is_none());
    let in_sync = equal + count(Drift::InSync) - gone.count();
    let local = count(Drift::Local);
    let looked = looked
        .into_iter()
        .filter(|looked| looked.drift.is_listed())
        .collect();
    Comparison {
        table: table.index,
        started,
        in_sync,
        local,
        looked,
    }
}

async fn stream(
    ends: &Ends,
    table: &LinkTable,
    end: End,
    rows: mpsc::Sender<(End, Taken)>,
) -> Result<(), Failure> {
    let mut pages = ends.reader(end).pages(table.query(end));
    while let Some(page) = pages.next().await? {
        // The collector only goes away together with this task.
        if rows.send((end, table.take(end, page))).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Reads records on both sides and tells their drift.
pub(super) async fn look(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    ids: &[RowId],
) -> Result<Vec<Looked>, Broken> {
    let source = ends.rows(End::Source, table, ids);
    let target = ends.rows(End::Target, table, ids);
    let (source, target) = tokio::join!(source, target);
    let source = Found::of(source.map_err(Broken::source)?);
    let target = Found::of(target.map_err(Broken::target)?);
    let twins = twins(table, &source.rows, &target.rows);
    // A pair with one key is one record, listed under the source's id.
    let listed = ids
        .iter()
        .filter(|id| source.rows.contains_key(id) || !twins.contains_key(id));
    let looked = listed.map(|id| {
        let other = twins.get(id).copied();
        let mut looked = assess(link, table, *id, source.side(*id), target.side(*id), other);
        if let Some(other) = other {
            looked.sides.target = target.side(other);
        }
        looked
    });
    Ok(looked.collect())
}

/// What one side shows of some records.
struct Found {
    rows: HashMap<RowId, Row>,
    out_of_scope: HashSet<RowId>,
    unreadable: HashMap<RowId, String>,
}

impl Found {
    fn of(read: Taken) -> Self {
        Self {
            rows: read.rows.into_iter().map(|row| (row.id, row)).collect(),
            out_of_scope: read.out_of_scope.into_iter().collect(),
            unreadable: read.unreadable.into_iter().collect(),
        }
    }

    fn side(&self, id: RowId) -> Side {
        match (self.rows.get(&id), self.unreadable.get(&id)) {
            (Some(row), _) => Side::Row(row.clone()),
            (None, Some(reason)) => Side::Unreadable(reason.clone()),
            (None, None) if self.out_of_scope.contains(&id) => Side::OutOfScope,
            (None, None) => Side::Absent,
        }
    }
}

/// Reads one record on both sides; where only one side has it, its alternate key is asked of the other.
pub(super) async fn look_one(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    id: RowId,
) -> Result<Looked, Failure> {
    let source = ends.row(End::Source, table, id);
    let target = ends.row(End::Target, table, id);
    let (source, target) = tokio::join!(source, target);
    let (source, target) = (source?, target?);
    let twin = match (&source, &target) {
        (Side::Row(row), Side::Absent) => twin_of(ends, End::Target, table, row).await?,
        (Side::Absent, Side::Row(row)) => twin_of(ends, End::Source, table, row).await?,
        _ => None,
    };
    let mut looked = assess(link, table, id, source, target, twin);
    if let (Some(twin), Side::Absent) = (twin, &looked.sides.target) {
        // Both are shown, so that a person can merge them.
        looked.sides.target = ends.row(End::Target, table, twin).await?;
    }
    Ok(looked)
}

/// The row on the other side that holds a row's alternate key under another id; keys of several columns are left to the
/// full comparison.
async fn twin_of(
    ends: &Ends,
    end: End,
    table: &LinkTable,
    row: &Row,
) -> Result<Option<RowId>, Failure> {
    let (schema, columns) = table.side(end);
    let named = table.rules.columns.iter().zip(columns);
    let mut keys = named.zip(&row.values).filter(|((column, _), _)| column.key);
    let (Some(((_, column), Value::Text(value))), None) = (keys.next(), keys.next()) else {
        return Ok(None);
    };
    if value.is_empty() {
        return Ok(None);
    }
    let found = ends.reader(end).resolve_key(schema, column, value).await?;
    Ok(found.filter(|other| *other != row.id))
}

/// Tells the drift of one record from both sides.
pub(super) fn assess(
    link: &LinkContext,
    table: &LinkTable,
    id: RowId,
    source: Side,
    target: Side,
    other: Option<RowId>,
) -> Looked {
    let agreement = link.agreements.of(RecordKey {
        table: table.index,
        id,
    });
    let evidence = Evidence {
        sync_users: &link.sync_users,
        came_over_link: agreement.is_some(),
        agreed: agreement.as_ref(),
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
        sides,
    }
}

/// Records that stand on one side only while their alternate key stands on the other side's, under another id.
fn twins(
    table: &LinkTable,
    source: &HashMap<RowId, Row>,
    target: &HashMap<RowId, Row>,
) -> HashMap<RowId, RowId> {
    let alone =
        |here: &HashMap<RowId, Row>, there: &HashMap<RowId, Row>| -> HashMap<String, RowId> {
            let alone = here.values().filter(|row| !there.contains_key(&row.id));
            alone
                .filter_map(|row| Some((table.rules.key_of(row)?, row.id)))
                .collect()
        };
    let (in_source, in_target) = (alone(source, target), alone(target, source));
    let pairs = in_source
        .iter()
        .filter_map(|(key, id)| Some((*id, *in_target.get(key)?)));
    pairs.flat_map(|(a, b)| [(a, b), (b, a)]).collect()
}

/// Compares all tables of a link at once, and reports as it goes.
pub(super) async fn compare_link(
    link: Arc<LinkContext>,
    ends: Ends,
    events: mpsc::Sender<Event>,
) -> Result<Vec<Comparison>, Broken> {
    let compared = futures_util::future::join_all(link.tables.iter().map(|table| async {
        let result = compare(&link, table, &ends, &events).await;
        let event = match &result {
            Ok(comparison) => Event::Compared(comparison.clone()),
            Err(broken) => Event::CompareFailed {
                table: table.index,
                why: broken.failure.cause(),
            },
        };
        // Nobody is left to tell when the engine has gone.
        let _ended = events.send(event).await;
        result
    }));
    compared.await.into_iter().collect()
}
