//! The second look: records that seem out of step are read on both sides, by id, and told apart.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::dataverse::now;
use crate::domain::drift::{Assessment, CompareRules, Drift, Evidence, Side, classify};
use crate::domain::failure::Failure;
use crate::domain::operation::RecordKey;
use crate::domain::packed::PackedRow;
use crate::domain::row::{Row, RowId};
use crate::engine::event::Looked;
use crate::engine::evidence::Clues;
use crate::engine::link::{Ends, LinkContext, LinkTable};
use crate::engine::reading::{End, Taken};
use crate::engine::records::Sides;

use super::Broken;
use super::keys::twin_of;

/// So many rows of a side are in hand at once before they are packed: as many as one request reads.
const AT_ONCE: usize = 500;

/// What one side shows of some records.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: HashMap<RowId, PackedRow>,
    pub(super) out_of_scope: HashSet<RowId>,
    pub(super) unreadable: HashMap<RowId, String>,
}

impl Found {
    /// What was read, in place of what was known of the same rows.
    pub(super) fn take(&mut self, taken: Taken) {
        for row in &taken.rows {
            self.forget(row.id);
            self.insert(row);
        }
        for id in taken.out_of_scope {
            self.forget(id);
            self.out_of_scope.insert(id);
        }
        self.unreadable.extend(taken.unreadable);
    }

    /// Reads records of this side, and takes them in.
    async fn read(
        &mut self,
        ends: &Ends,
        end: End,
        table: &LinkTable,
        ids: &[RowId],
    ) -> Result<(), Failure> {
        for some in ids.chunks(AT_ONCE) {
            self.take(ends.rows(end, table, some).await?);
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, row: &Row) {
        self.rows.insert(row.id, PackedRow::of(row));
    }

    /// What one row showed.
    fn put(&mut self, id: RowId, side: Side) {
        match side {
            Side::Row(row) => self.insert(&row),
            Side::OutOfScope => {
                self.out_of_scope.insert(id);
            }
            Side::Unreadable(why) => {
                self.unreadable.insert(id, why);
            }
            Side::Absent | Side::Unread => {}
        }
    }

    /// Nothing is known of that row any more.
    pub(super) fn forget(&mut self, id: RowId) {
        self.rows.remove(&id);
        self.out_of_scope.remove(&id);
        self.unreadable.remove(&id);
    }

    /// Whether the row was read, be it in scope or not.
    pub(super) fn has(&self, id: RowId) -> bool {
        self.rows.contains_key(&id) || self.out_of_scope.contains(&id)
    }

    /// The rows of which anything is known.
    pub(super) fn ids(&self) -> impl Iterator<Item = RowId> {
        let read = self.rows.keys().chain(&self.out_of_scope);
        read.chain(self.unreadable.keys()).copied()
    }

    fn side(&self, id: RowId) -> Side {
        match (self.rows.get(&id), self.unreadable.get(&id)) {
            (Some(row), _) => Side::Row(row.open()),
            (None, Some(reason)) => Side::Unreadable(reason.clone()),
            (None, None) if self.out_of_scope.contains(&id) => Side::OutOfScope,
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
    /// Records whose two rows were found to be one by their key.
    pub(super) met: Vec<RowId>,
}

impl Both {
    /// Reads records on both sides.
    pub(super) async fn read(
        link: &LinkContext,
        table: &LinkTable,
        ends: &Ends,
        ids: &[RowId],
    ) -> Result<Self, Broken> {
        let mut both = Self::default();
        both.read_more(link, table, ends, ids, ids).await?;
        Ok(both)
    }

    /// Reads these records of the source and those of the target, and takes them in.
    pub(super) async fn read_more(
        &mut self,
        link: &LinkContext,
        table: &LinkTable,
        ends: &Ends,
        source: &[RowId],
        target: &[RowId],
    ) -> Result<(), Broken> {
        let (source, target) = tokio::join!(
            self.source.read(ends, End::Source, table, source),
            self.target.read(ends, End::Target, table, target),
        );
        source.map_err(Broken::source)?;
        target.map_err(Broken::target)?;
        self.introduce(link, table, ends).await
    }

    /// Tells which rows that stand on one side only have one key: of those that were read and, if `asks`, of those
    /// that each side is asked for. Under two ids they are a duplicate, unless keys tell which rows are one record.
    pub(super) async fn match_keys(
        &mut self,
        link: &LinkContext,
        table: &LinkTable,
        ends: &Ends,
        asks: bool,
    ) -> Result<(), Broken> {
        if table.identity.is_by_key() {
            return self.meet(link, table, ends, asks).await;
        }
        if asks {
            self.ask_for_holders(table, ends).await?;
        }
        self.pair(table);
        Ok(())
    }

    /// The source's rows whose key a row of the target holds under another id, and those that met theirs by it.
    pub(super) fn source_twins(&self) -> impl Iterator<Item = RowId> {
        let twins = self.twins.keys();
        twins
            .filter(|id| self.source.rows.contains_key(id))
            .chain(&self.met)
            .copied()
    }

    /// Tells where these records stand.
    pub(super) fn judge(
        &self,
        link: &LinkContext,
        table: &LinkTable,
        ids: &[RowId],
        feeds: impl Fn(RowId, Clues) -> Clues,
    ) -> impl Iterator<Item = Looked> {
        // A pair with one key is one record, listed under the source's id.
        let listed = ids
            .iter()
            .filter(|id| self.source.rows.contains_key(id) || !self.twins.contains_key(id));
        listed.map(move |id| {
            let other = self.twins.get(id).copied();
            let target = other.unwrap_or(*id);
            let sides = (self.source.side(*id), self.target.side(*id));
            let mut looked = judge(link, table, *id, sides, other, |clues| feeds(*id, clues));
            if let (Some(_), Side::Absent) = (other, &looked.sides.target) {
                Arc::make_mut(&mut looked.sides).target = self.target.side(target);
            }
            looked
        })
    }
}

/// Asks for records that the target seems to lack once more, each by its id: only then is it known that the row is not
/// there, rather than hidden from us (403), which a listing does not tell apart, or made by a repair since it was read.
pub(super) async fn confirm(
    link: &LinkContext,
    ends: &Ends,
    table: &LinkTable,
    drifts: &[Drift],
    looked: &mut [Looked],
) -> Result<(), Failure> {
    let mut there = there_after_all(ends, table, drifts, looked).await?;
    for looked in looked {
        let id = looked.record.key.id;
        if let Some(target) = there.remove(&id) {
            let source = looked.sides.source.clone();
            *looked = assess(link, table, id, source, target, None);
        }
    }
    Ok(())
}

/// The same of many, which are kept packed.
pub(super) async fn confirm_packed(
    link: &LinkContext,
    ends: &Ends,
    table: &LinkTable,
    drifts: &[Drift],
    looked: &mut [Looked<PackedRow>],
) -> Result<(), Failure> {
    let mut there = there_after_all(ends, table, drifts, looked).await?;
    for looked in looked {
        let id = looked.record.key.id;
        if let Some(target) = there.remove(&id) {
            let source = looked.sides.source.open();
            *looked = assess(link, table, id, source, target, None).packed();
        }
    }
    Ok(())
}

/// What the target has of records that it seemed to lack.
async fn there_after_all<R>(
    ends: &Ends,
    table: &LinkTable,
    drifts: &[Drift],
    looked: &[Looked<R>],
) -> Result<HashMap<RowId, Side>, Failure> {
    let lacked = looked
        .iter()
        .filter(|looked| drifts.contains(&looked.drift));
    let lacked: Vec<RowId> = lacked.map(|looked| looked.record.key.id).collect();
    if lacked.is_empty() {
        return Ok(HashMap::new());
    }
    let confirmed = ends.each(End::Target, table, &lacked).await?;
    let there = confirmed.into_iter();
    Ok(there
        .filter(|(_, target)| *target != Side::Absent)
        .collect())
}

/// Drifts of which a comparison asks once more.
pub(super) const LACKED: [Drift; 2] = [Drift::Missing, Drift::DeletedInTarget];

/// That it was deleted is concluded from what a repair left there: a repair that is under way may have made it since it
/// was read.
const DELETED: [Drift; 1] = [Drift::DeletedInTarget];

/// Reads records on both sides by their ids; where only one side has one, its alternate key is asked of the other.
pub(in crate::engine) async fn look_many(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    ids: &[RowId],
) -> Result<Vec<Looked>, Failure> {
    let read = async {
        let mut both = Both::read(link, table, ends, ids).await?;
        both.match_keys(link, table, ends, true).await?;
        Ok(both.judge(link, table, ids, |_, clues| clues).collect())
    };
    let mut looked: Vec<Looked> = read.await.map_err(|broken: Broken| broken.failure)?;
    confirm(link, ends, table, &DELETED, &mut looked).await?;
    Ok(looked)
}

/// Reads one record on both sides; where only one side has it, its alternate key is asked of the other.
pub(in crate::engine) async fn look_one(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    id: RowId,
) -> Result<Looked, Failure> {
    let mut looked = read_one(link, table, ends, id).await?;
    let one = std::slice::from_mut(&mut looked);
    confirm(link, ends, table, &DELETED, one).await?;
    Ok(looked)
}

async fn read_one(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    id: RowId,
) -> Result<Looked, Failure> {
    let (source, target) = tokio::join!(
        ends.row(End::Source, table, id),
        ends.row(End::Target, table, id)
    );
    let (source, target) = (source?, target?);
    if !table.identity.is_plain() {
        return met(link, table, ends, id, (source, target)).await;
    }
    let twin = match (&source, &target) {
        (Side::Row(row), Side::Absent) => twin_of(ends, End::Target, table, row).await?,
        (Side::Absent, Side::Row(row)) => twin_of(ends, End::Source, table, row).await?,
        _ => None,
    };
    let mut looked = assess(link, table, id, source, target, twin);
    if let (Some(twin), Side::Absent) = (twin, &looked.sides.target) {
        // Both are shown, so that a person can merge them.
        let target = ends.row(End::Target, table, twin).await?;
        Arc::make_mut(&mut looked.sides).target = target;
    }
    Ok(looked)
}

/// The same, where GUIDs alone do not tell which rows are one.
async fn met(
    link: &LinkContext,
    table: &LinkTable,
    ends: &Ends,
    id: RowId,
    (source, target): (Side, Side),
) -> Result<Looked, Failure> {
    let mut both = Both::default();
    both.source.put(id, source.clone());
    both.target.put(id, target.clone());
    let matched = async {
        both.introduce(link, table, ends).await?;
        both.match_keys(link, table, ends, true).await
    };
    matched.await.map_err(|broken| broken.failure)?;
    let looked = both.judge(link, table, &[id], |_, clues| clues).next();
    Ok(looked.unwrap_or_else(|| assess(link, table, id, source, target, None)))
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
    let wrote = agreement
        .as_ref()
        .and_then(|agreement| agreement.etag.as_ref());
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
    let mut looked = Looked {
        record,
        drift,
        is_guess,
        other,
        parked: None,
        since: None,
        sides: Arc::new(sides),
    };
    looked.parked = link.why_parked(&looked, CompareRules::digest);
    looked
}
