//! Records that are counted rather than listed: those in step, and those of the target's own.
//!
//! What a look finds puts a row into a set or takes it out, whatever was there before: nothing is concluded from when a
//! row was made or deleted, so that no order of changes and looks leaves a sum wrong for longer than until the next look.

use crate::domain::drift::Drift;
use crate::domain::members::{Members, Shard};
use crate::domain::packed::PackedRow;
use crate::domain::row::RowId;
use crate::engine::event::Looked;
use crate::engine::link::LinkTable;
use crate::journal::{Checkpoint, Group};

/// The rows behind the sums of one table.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// The source's rows in scope: what of them is not out of step is in step.
    pub(super) sources: Members,
    /// The target's own.
    pub(super) local: Members,
}

/// Records that are only known by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    pub(super) in_sync: usize,
    pub(super) local: usize,
}

impl Counted {
    /// What an earlier process counted: as it is kept, or all of it in hand.
    pub(super) fn known(checkpoint: &Checkpoint, shards: Option<Vec<(Group, Shard)>>) -> Self {
        let Some(shards) = shards else {
            return Self {
                sources: Members::kept(checkpoint.sources),
                local: Members::kept(checkpoint.local),
            };
        };
        let of = |wanted| {
            let shards = shards.iter().filter(move |(group, _)| *group == wanted);
            Members::whole(shards.map(|(_, shard)| shard.clone()))
        };
        Self {
            sources: of(Group::Sources),
            local: of(Group::Local),
        }
    }

    /// What a full comparison found: rows with an equal, and all others as they were read.
    pub(super) fn of(equal: Members, table: &LinkTable, looked: &[Looked<PackedRow>]) -> Self {
        let mut counted = Self {
            sources: equal,
            local: Members::default(),
        };
        for looked in looked {
            counted.put(table, looked);
        }
        counted
    }

    /// Takes in what a look found.
    pub(super) fn put(&mut self, table: &LinkTable, looked: &Looked<PackedRow>) {
        let id = looked.record.key.id;
        self.sources.set(id, looked.sides.source.row().is_some());
        self.local.set(id, looked.drift == Drift::Local);
        for other in others(table, looked) {
            self.local.set(other, false);
        }
    }

    /// The sums, beside these records that are out of step.
    pub(super) fn sums<'l>(
        &self,
        out_of_step: impl Iterator<Item = &'l Looked<PackedRow>>,
    ) -> Sums {
        let out_of_step = out_of_step.filter(|looked| looked.sides.source.row().is_some());
        Sums {
            in_sync: self.sources.len().saturating_sub(out_of_step.count()),
            local: self.local.len(),
        }
    }

    /// The shards that are needed to say anything of these rows.
    pub(super) fn lacks(&self, ids: &[RowId]) -> Vec<(Group, u16)> {
        let ids = || ids.iter().copied();
        let sources = self.sources.lacks(ids()).into_iter();
        let sources = sources.map(|shard| (Group::Sources, shard));
        let local = self.local.lacks(ids()).into_iter();
        let local = local.map(|shard| (Group::Local, shard));
        sources.chain(local).collect()
    }

    /// The set of that name.
    pub(super) fn group(&mut self, group: Group) -> &mut Members {
        match group {
            Group::Sources => &mut self.sources,
            Group::Local => &mut self.local,
        }
    }
}

/// Rows of the target that are part of this record under its own id: no records of their own.
pub(super) fn others(table: &LinkTable, looked: &Looked<PackedRow>) -> impl Iterator<Item = RowId> {
    let id = looked.record.key.id;
    let partner = table.identity.target_id(id);
    looked
        .other
        .into_iter()
        .chain((partner != id).then_some(partner))
}
