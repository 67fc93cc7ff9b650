//! A choice column by column, while it is being made.

use std::collections::BTreeSet;

use super::Model;
use crate::domain::drift::{ComparedColumn, Drift};
use crate::domain::operation::{ColumnChoice, RecordKey, Taken};
use crate::engine::records::Record;

/// Which side's value is to stand in each column of a record that was edited in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picking {
    /// The record.
    pub key: RecordKey,
    /// The cursor's place among the columns that differ.
    pub at: usize,
    /// The places of the columns in which the source's value is to stand; in all others the target's does.
    pub taken: BTreeSet<usize>,
}

impl Picking {
    /// Begins it as *fill blanks* would have it: nothing is overwritten.
    pub fn of(model: &Model, record: &Record) -> Option<Self> {
        if !Self::may_begin(record) {
            return None;
        }
        let rules = &model.state.table(record.key.table)?.rules;
        let target = record.sides.target.row()?.open();
        let differing = record.sides.differing.iter().copied();
        Some(Self {
            key: record.key,
            at: 0,
            taken: differing
                .filter(|place| rules.is_blank(&target, *place))
                .collect(),
        })
    }

    /// Whether there is anything to choose: both sides were read, and a person decides.
    pub fn may_begin(record: &Record) -> bool {
        let both = record.sides.source.row().is_some() && record.sides.target.row().is_some();
        both && matches!(record.drift, Drift::Diverged | Drift::Kept)
    }

    /// Has the other side's value stand in the column under the cursor. State and status are taken together.
    pub fn swap(&mut self, model: &Model, record: &Record) {
        let Some(table) = model.state.table(record.key.table) else {
            return;
        };
        let Some(place) = record.sides.differing.get(self.at).copied() else {
            return;
        };
        let column = |place: usize| table.rules.columns.get(place);
        let of_the_state =
            |place: usize| column(place).is_some_and(ComparedColumn::is_of_the_state);
        let mut differing = record.sides.differing.iter().copied();
        let together: Vec<usize> = if of_the_state(place) {
            differing
                .by_ref()
                .filter(|other| of_the_state(*other))
                .collect()
        } else {
            vec![place]
        };
        let is_taken = self.taken.contains(&place);
        for place in together {
            if is_taken {
                self.taken.remove(&place);
            } else {
                self.taken.insert(place);
            }
        }
    }

    /// The choices by name, for every column that differs.
    pub fn choices(&self, model: &Model, record: &Record) -> Vec<ColumnChoice> {
        let Some(table) = model.state.table(record.key.table) else {
            return Vec::new();
        };
        let differing = record.sides.differing.iter();
        let choices = differing.filter_map(|place| {
            let column = table.rules.columns.get(*place)?.name.clone();
            let takes = if self.taken.contains(place) {
                Taken::Source
            } else {
                Taken::Target
            };
            Some(ColumnChoice { column, takes })
        });
        choices.collect()
    }
}
