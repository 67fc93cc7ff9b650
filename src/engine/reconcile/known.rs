//! What is known of one table between two looks at it: from where its changes go on, and which records are out of step.
//! It is kept in the index across restarts; a restart knows of its problems only where they are, and reads them again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};

use crate::domain::drift::{Drift, Side};
use crate::domain::operation::RecordKey;
use crate::domain::packed::PackedRow;
use crate::domain::row::RowId;
use crate::engine::event::{self, Looked};
use crate::engine::evidence::Standing;
use crate::engine::link::{LinkContext, LinkTable};
use crate::journal::{Change, Checkpoint, Group, Problem};

use super::Pending;
use super::counted::{Counted, Sums};

/// What is known of one table.
#[derive(Debug, Default)]
pub(in crate::engine) struct Known {
    is_loaded: bool,
    point: Option<Checkpoint>,
    problems: HashMap<RowId, Box<Looked<PackedRow>>>,
    /// Problems that an earlier process knew, and that this one has not read yet.
    unread: HashMap<RowId, Problem>,
    /// Rows that were deleted in the target and are out of scope now: should they come back, that still holds.
    gone: HashSet<RowId>,
    /// What is in step, and what is the target's own.
    counted: Counted,
    /// With which checkpoint the index has it: what isn't in hand is taken from there.
    saved: Option<Checkpoint>,
    /// Records of which the index doesn't know yet how they stand.
    unsaved: BTreeSet<RowId>,
    /// The same of rows that are gone.
    unsaved_gone: BTreeSet<RowId>,
    /// Whether it doesn't know the last full comparison yet.
    owes_whole: bool,
    /// Whether nobody was told of it yet.
    is_untold: bool,
}

impl Known {
    /// Takes over what an earlier process knew, once, if that was of the same configuration.
    pub(super) async fn load(&mut self, link: &LinkContext, table: &LinkTable) {
        if std::mem::replace(&mut self.is_loaded, true) {
            return;
        }
        let Some(index) = link.index.get() else {
            return;
        };
        link.told.forget_all(|key| key.table == table.index);
        *self = Self {
            is_loaded: true,
            ..Self::default()
        };
        match index
            .load(link.config.name.clone(), table.name.clone())
            .await
        {
            Ok(Some(kept)) if kept.checkpoint.rules == rules_of(table) => {
                self.counted = Counted::known(&kept.checkpoint, kept.members);
                self.saved = Some(kept.checkpoint.clone());
                self.point = Some(kept.checkpoint);
                for problem in kept.problems {
                    let (drift, target) = (problem.drift, problem.target);
                    let standing = Standing { drift, target };
                    link.told.stands(key(table, problem.id), standing);
                    self.unread.insert(problem.id, problem);
                }
                self.gone = kept.gone.into_iter().collect();
                self.tell_gone(link, table);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, table = %table.name, "the index can't be read"),
        }
    }

    /// Takes over anew what the index says, when it is needed next.
    pub(super) fn distrust(&mut self) {
        self.is_loaded = false;
    }

    /// Takes up from the index what is needed to count these rows; false where that can't be had, because another
    /// process has saved something else since.
    pub(super) async fn take_up(
        &mut self,
        link: &LinkContext,
        table: &LinkTable,
        ids: &[RowId],
    ) -> bool {
        let wanted = self.counted.lacks(ids);
        if wanted.is_empty() {
            return true;
        }
        let Some((index, saved)) = link.index.get().zip(self.saved.clone()) else {
            return false;
        };
        let (name, entity) = (link.config.name.clone(), table.name.clone());
        match index.members(name, entity, saved, wanted).await {
            Ok(Some(shards)) => {
                for (group, shard) in shards {
                    self.counted.group(group).take_up(shard);
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(%error, table = %table.name, "the index can't be read");
                false
            }
        }
    }

    /// Whether the source had a row when it was last looked at; it has to be taken up first.
    pub(super) fn was_in_source(&self, id: RowId) -> bool {
        self.counted.sources.has(id)
    }

    /// The same of the target.
    pub(super) fn was_in_target(&self, id: RowId) -> bool {
        match self.drift(id) {
            Some(drift) => !matches!(drift, Drift::Missing | Drift::DeletedInTarget),
            None => self.was_in_source(id) || self.was_local(id),
        }
    }

    /// Whether a row was the target's own when it was last looked at; it has to be taken up first.
    pub(super) fn was_local(&self, id: RowId) -> bool {
        self.counted.local.has(id)
    }

    /// As what these rows are counted; they have to be taken up first.
    pub(super) fn counts(&self, ids: &[RowId]) -> Vec<(RowId, event::Counted)> {
        let counted = ids.iter().filter_map(|id| {
            if self.drift(*id).is_some() {
                return Some((*id, event::Counted::Listed));
            }
            let is_equal = self.was_in_source(*id);
            is_equal.then_some((*id, event::Counted::InStep))
        });
        counted.collect()
    }

    /// From where the table's changes go on.
    pub(super) fn point(&self) -> Option<Checkpoint> {
        self.point.clone()
    }

    /// Whether nobody was told all of what is known: some of it was not read by this process yet, or all of it just now.
    pub(super) fn is_to_be_told_whole(&self) -> bool {
        self.is_untold || !self.unread.is_empty() || self.problems.is_empty()
    }

    /// Nobody is told of the full comparison before what changed meanwhile is read, too.
    pub(super) fn leave_untold(&mut self) {
        self.is_untold = true;
    }

    /// All of it was told.
    pub(super) fn was_told(&mut self) {
        self.is_untold = false;
    }

    /// The problems of an earlier process.
    pub(super) fn unread(&self) -> impl Iterator<Item = RowId> {
        self.unread.keys().copied()
    }

    /// The drift that a record was last known in, if it was out of step.
    pub(super) fn drift(&self, id: RowId) -> Option<Drift> {
        let drift = self.problems.get(&id).map(|looked| looked.drift);
        drift.or_else(|| self.unread.get(&id).map(|problem| problem.drift))
    }

    /// All records that are out of step. Whether they are parked is told anew: a repair may have tried them since.
    pub(super) fn problems(&self, link: &LinkContext) -> Vec<Looked<PackedRow>> {
        let problems = self.problems.values();
        let now = problems.map(|looked| Looked {
            parked: link.why_parked(looked, |rules, row| rules.digest(&row.open())),
            ..Looked::clone(looked)
        });
        now.collect()
    }

    /// Those of them that a sync would bring over.
    pub(super) fn pending(&self, link: &LinkContext) -> Vec<Pending> {
        let why = |looked: &Looked<PackedRow>| {
            link.why_parked(looked, |rules, row| rules.digest(&row.open()))
        };
        let problems = self.problems.values();
        problems
            .filter_map(|looked| Pending::of(looked, why(looked).is_some()))
            .collect()
    }

    /// How many rows a side has, as far as is known.
    pub(super) fn rows(&self, has: fn(Drift) -> bool) -> usize {
        let Some(point) = &self.point else { return 0 };
        let problems = self.problems.values().map(|looked| looked.drift);
        let unread = self.unread.values().map(|problem| problem.drift);
        let local = if has(Drift::Local) { point.local } else { 0 };
        point.in_sync + local + problems.chain(unread).filter(|drift| has(*drift)).count()
    }

    /// Records that share a key with these under another id, as far as that was found: they are looked at together.
    pub(super) fn tied<'k>(&'k self, ids: &'k BTreeSet<RowId>) -> impl Iterator<Item = RowId> + 'k {
        let problems = self.problems.values();
        let tied = problems.filter_map(|looked| Some((looked.other?, looked.record.key.id)));
        let unread = self.unread.values();
        let tied = tied.chain(unread.filter_map(|problem| Some((problem.other?, problem.id))));
        tied.filter_map(
            |(other, id)| match (ids.contains(&other), ids.contains(&id)) {
                (true, false) => Some(id),
                (false, true) => Some(other),
                _ => None,
            },
        )
    }

    /// Takes in what was read, and saves it together with the checkpoint that it belongs to; the sums after it. `whole`
    /// is what a full comparison counted, of which `looked` is all that is out of step.
    pub(super) async fn take(
        &mut self,
        link: &LinkContext,
        table: &LinkTable,
        mut point: Checkpoint,
        looked: &mut [Looked<PackedRow>],
        whole: Option<Counted>,
    ) -> Sums {
        for looked in looked.iter_mut() {
            looked.since = self.since(looked);
        }
        for looked in &*looked {
            self.take_gone(looked);
        }
        match whole {
            Some(counted) => {
                self.counted = counted;
                self.problems.clear();
                self.unread.clear();
                self.unsaved.clear();
                self.owes_whole = true;
                link.told.forget_all(|key| key.table == table.index);
            }
            None => {
                for looked in &*looked {
                    self.counted.put(table, looked);
                }
            }
        }
        for looked in &*looked {
            let id = looked.record.key.id;
            self.unread.remove(&id);
            self.unsaved.insert(id);
            if looked.drift.is_listed() {
                link.told.stands(looked.record.key, standing(table, looked));
                self.problems.insert(id, Box::new(looked.clone()));
            } else {
                link.told.forget(looked.record.key);
                self.problems.remove(&id);
            }
        }
        self.tell_gone(link, table);
        let sums = self.counted.sums(self.problems.values().map(Box::as_ref));
        point.sources = self.counted.sources.len();
        (point.in_sync, point.local) = (sums.in_sync, sums.local);
        self.point = Some(point);
        self.save(link, table).await;
        sums
    }

    /// Takes in whether a row was there in the target, is no more, and is out of scope.
    fn take_gone(&mut self, looked: &Looked<PackedRow>) {
        let id = looked.record.key.id;
        let is_gone = match (&looked.sides.source, &looked.sides.target) {
            (Side::OutOfScope, Side::Absent) => {
                self.gone.contains(&id)
                    || self.drift(id) == Some(Drift::DeletedInTarget)
                    || self.was_in_target(id)
            }
            // Nothing is known of it now.
            (Side::Unreadable(_) | Side::Unread, _) | (_, Side::Unreadable(_) | Side::Unread) => {
                return;
            }
            _ => false,
        };
        let has_changed = if is_gone {
            self.gone.insert(id)
        } else {
            self.gone.remove(&id)
        };
        if has_changed {
            self.unsaved_gone.insert(id);
        }
    }

    /// Has repairs know of them, too.
    fn tell_gone(&self, link: &LinkContext, table: &LinkTable) {
        for id in &self.gone {
            let standing = Standing {
                drift: Drift::DeletedInTarget,
                target: None,
            };
            link.told.stands(key(table, *id), standing);
        }
    }

    /// Saves what the index does not know yet, all of it or nothing.
    async fn save(&mut self, link: &LinkContext, table: &LinkTable) {
        let index = link.index.get().filter(|index| index.is_keeper());
        let Some((index, checkpoint)) = index.zip(self.point.clone()) else {
            return;
        };
        let sources = self.counted.sources.changed().into_iter();
        let local = self.counted.local.changed().into_iter();
        let members = sources.map(|shard| (Group::Sources, shard));
        let members = members.chain(local.map(|shard| (Group::Local, shard)));
        let (stands, solved): (Vec<RowId>, Vec<RowId>) = self
            .unsaved
            .iter()
            .partition(|id| self.problems.contains_key(id));
        let problems = stands.iter().filter_map(|id| self.problems.get(id));
        let change = Change {
            checkpoint: checkpoint.clone(),
            after: self.saved.clone().filter(|_| !self.owes_whole),
            problems: problems.map(|looked| problem(table, looked)).collect(),
            solved,
            gone: self
                .unsaved_gone
                .iter()
                .map(|id| (*id, self.gone.contains(id)))
                .collect(),
            members: members.collect(),
        };
        let (name, entity) = (link.config.name.clone(), table.name.clone());
        match index.save(name, entity, change).await {
            Ok(true) => {
                self.saved = Some(checkpoint);
                self.owes_whole = false;
                self.unsaved.clear();
                self.unsaved_gone.clear();
                self.counted.sources.let_go();
                self.counted.local.let_go();
            }
            // Another process has kept it meanwhile: what that one found is taken over at the next look.
            Ok(false) => self.is_loaded = false,
            // The next look tries it again, with what it finds itself.
            Err(error) => {
                tracing::warn!(%error, table = %table.name, "the index can't be written");
            }
        }
    }

    /// Forgets from where to go on, and so how many rows there were.
    pub(super) fn forget(&mut self) {
        self.point = None;
    }

    /// Since when a record is out of step: never moved later by further edits.
    fn since(&self, looked: &Looked<PackedRow>) -> Option<DateTime<Utc>> {
        let id = looked.record.key.id;
        let (drift, since) = match self.problems.get(&id) {
            Some(before) => (before.drift, before.since),
            None => match self.unread.get(&id) {
                Some(problem) => (problem.drift, problem.since),
                None => return self.first_seen(looked),
            },
        };
        let goes_on = drift == looked.drift || drift.is_pending() && looked.drift.is_pending();
        since
            .filter(|_| goes_on)
            .or_else(|| looked.sides.since(looked.drift))
    }

    /// A record that was in step at the checkpoint can't have been out of step for longer.
    fn first_seen(&self, looked: &Looked<PackedRow>) -> Option<DateTime<Utc>> {
        let since = looked.sides.since(looked.drift)?;
        let in_step = self.point.as_ref().map(|point| point.taken);
        Some(in_step.map_or(since, |in_step| since.max(in_step)))
    }
}

fn key(table: &LinkTable, id: RowId) -> RecordKey {
    let table = table.index;
    RecordKey { table, id }
}

fn standing(table: &LinkTable, looked: &Looked<PackedRow>) -> Standing {
    Standing {
        drift: looked.drift,
        target: digest(table, looked),
    }
}

fn problem(table: &LinkTable, looked: &Looked<PackedRow>) -> Problem {
    Problem {
        id: looked.record.key.id,
        drift: looked.drift,
        since: looked.since,
        target: digest(table, looked),
        other: looked.other,
        is_guess: looked.is_guess,
        name: looked.record.name.clone(),
        number: looked.record.number.clone(),
    }
}

/// The hash of the target's hydrated columns.
fn digest(table: &LinkTable, looked: &Looked<PackedRow>) -> Option<u64> {
    let target = looked.sides.target.row();
    target.map(|row| table.rules.digest(&row.open()))
}

/// What was compared and how, as a number: what was known under other rules is worth nothing.
pub(super) fn rules_of(table: &LinkTable) -> u64 {
    let mut hasher = DefaultHasher::new();
    let columns = (&table.source_columns, &table.target_columns);
    let identity = &table.identity;
    let by_key = (identity.is_by_key(), identity.named().collect::<Vec<_>>());
    format!(
        "{:?} {columns:?} {:?} {by_key:?}",
        table.rules, table.translation
    )
    .hash(&mut hasher);
    hasher.finish()
}
