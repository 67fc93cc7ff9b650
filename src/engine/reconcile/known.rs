//! What is known of one table between two looks at it: from where its changes go on, and which records are out of step.
//! It is kept in the index across restarts; a restart knows of its problems only where they are, and reads them again.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};

use crate::domain::drift::Drift;
use crate::domain::operation::RecordKey;
use crate::domain::row::RowId;
use crate::engine::event::Looked;
use crate::engine::evidence::Standing;
use crate::engine::link::{LinkContext, LinkTable};
use crate::journal::{Change, Checkpoint, Problem};

/// What is known of one table.
#[derive(Debug, Default)]
pub(in crate::engine) struct Known {
    is_loaded: bool,
    point: Option<Checkpoint>,
    problems: HashMap<RowId, Looked>,
    /// Problems that an earlier process knew, and that this one has not read yet.
    unread: HashMap<RowId, Problem>,
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
        match index
            .load(link.config.name.clone(), table.name.clone())
            .await
        {
            Ok(Some(kept)) if kept.checkpoint.rules == rules_of(table) => {
                self.point = Some(kept.checkpoint);
                for problem in kept.problems {
                    link.told.stands(key(table, problem.id), standing(&problem));
                    self.unread.insert(problem.id, problem);
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, table = %table.name, "the index can't be read"),
        }
    }

    /// From where the table's changes go on.
    pub(super) fn point(&self) -> Option<Checkpoint> {
        self.point.clone()
    }

    /// Whether some of what is known was not read by this process yet.
    pub(super) fn is_fresh_from_the_index(&self) -> bool {
        !self.unread.is_empty() || self.problems.is_empty()
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
    pub(super) fn problems(&self, link: &LinkContext) -> Vec<Looked> {
        let problems = self.problems.values();
        let now = problems.map(|looked| Looked {
            parked: link.why_parked(looked),
            ..looked.clone()
        });
        now.collect()
    }

    /// How many rows a side has, as far as is known.
    pub(super) fn rows(&self, has: fn(Drift) -> bool) -> usize {
        let Some(point) = &self.point else { return 0 };
        let problems = self.problems.values().map(|looked| looked.drift);
        let unread = self.unread.values().map(|problem| problem.drift);
        let local = if has(Drift::Local) { point.local } else { 0 };
        point.in_sync + local + problems.chain(unread).filter(|drift| has(*drift)).count()
    }

    /// Records that stand out of step because of these rows: the source's rows whose key one of them holds.
    pub(super) fn held_by<'k>(
        &'k self,
        ids: &'k BTreeSet<RowId>,
    ) -> impl Iterator<Item = (RowId, RowId)> + 'k {
        let problems = self.problems.values();
        let held = problems.filter_map(|looked| Some((looked.other?, looked.record.key.id)));
        let unread = self.unread.values();
        let held = held.chain(unread.filter_map(|problem| Some((problem.other?, problem.id))));
        held.filter(|(other, _)| ids.contains(other))
    }

    /// Takes in what was read, and saves it together with the checkpoint that it belongs to.
    pub(super) async fn take(
        &mut self,
        link: &LinkContext,
        table: &LinkTable,
        point: Checkpoint,
        looked: &mut [Looked],
        is_whole: bool,
    ) {
        for looked in looked.iter_mut() {
            looked.since = self.since(looked);
        }
        if is_whole {
            self.problems.clear();
            link.told.forget_all(|key| key.table == table.index);
        }
        let (mut problems, mut solved) = (Vec::new(), Vec::new());
        for looked in &*looked {
            let id = looked.record.key.id;
            self.unread.remove(&id);
            if looked.drift.is_listed() {
                let problem = Problem {
                    id,
                    drift: looked.drift,
                    since: looked.since,
                    target: digest(table, looked),
                    other: looked.other,
                    is_guess: looked.is_guess,
                    name: looked.record.name.clone(),
                    number: looked.record.number.clone(),
                };
                link.told.stands(looked.record.key, standing(&problem));
                problems.push(problem);
                self.problems.insert(id, looked.clone());
            } else {
                link.told.forget(looked.record.key);
                solved.push(id);
                self.problems.remove(&id);
            }
        }
        if is_whole {
            self.unread.clear();
        }
        self.point = Some(point.clone());
        let Some(index) = link.index.get() else {
            return;
        };
        let change = Change {
            checkpoint: point,
            is_whole,
            problems,
            solved,
        };
        let (name, entity) = (link.config.name.clone(), table.name.clone());
        if let Err(error) = index.save(name, entity, change).await {
            // It can be rebuilt; a restart compares in full, or reads these changes once more.
            tracing::warn!(%error, table = %table.name, "the index can't be written");
        }
    }

    /// Forgets from where to go on, and so how many rows there were.
    pub(super) fn forget(&mut self) {
        self.point = None;
    }

    /// Since when a record is out of step: never moved later by further edits.
    fn since(&self, looked: &Looked) -> Option<DateTime<Utc>> {
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
    fn first_seen(&self, looked: &Looked) -> Option<DateTime<Utc>> {
        let since = looked.sides.since(looked.drift)?;
        let in_step = self.point.as_ref().map(|point| point.taken);
        Some(in_step.map_or(since, |in_step| since.max(in_step)))
    }
}

fn key(table: &LinkTable, id: RowId) -> RecordKey {
    let table = table.index;
    RecordKey { table, id }
}

fn standing(problem: &Problem) -> Standing {
    Standing {
        drift: problem.drift,
        target: problem.target,
    }
}

/// The hash of the target's hydrated columns.
fn digest(table: &LinkTable, looked: &Looked) -> Option<u64> {
    looked.sides.target.row().map(|row| table.rules.digest(row))
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
