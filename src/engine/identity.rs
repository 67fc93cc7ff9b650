//! Which rows are one record: those with one GUID, or those with one alternate key (`identity = "key"`), whose GUIDs
//! differ. Everywhere in the engine a record has the id that it has in the source: what is read of the target is put
//! into these terms here, its lookups too, and what is written to it is put out of them.
//!
//! It asks no instance: who finds two rows with one key ([`super::reconcile`]) tells it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::link::{LinkContext, LinkTable};
use crate::domain::drift::ComparedColumn;
use crate::domain::pairs::Pairs;
use crate::domain::plan::Assignment;
use crate::domain::row::{Reference, Row, RowId, Value};
use crate::domain::table::{ColumnType, TableName};
use crate::journal::Entry;

/// The pairs of one table, as every table that refers to it sees them.
#[derive(Debug, Default)]
pub(super) struct TablePairs {
    pairs: RwLock<Pairs>,
    /// Whether the keys of all rows were compared since the start; held while they are.
    pub(super) is_learnt: tokio::sync::Mutex<bool>,
}

impl TablePairs {
    fn source(&self, target: RowId) -> Option<RowId> {
        let pairs = self.pairs.read().unwrap_or_else(PoisonError::into_inner);
        pairs.source(target)
    }

    fn target(&self, source: RowId) -> Option<RowId> {
        let pairs = self.pairs.read().unwrap_or_else(PoisonError::into_inner);
        pairs.target(source)
    }

    /// Takes in pairs that an earlier process found.
    pub(super) fn remember(&self, known: &[(RowId, RowId)]) {
        let mut pairs = self.pairs.write().unwrap_or_else(PoisonError::into_inner);
        for (source, target) in known {
            pairs.learn(*source, *target);
        }
    }
}

/// The pairs of the tables of a link whose records are told by their keys.
pub(super) type AllPairs = HashMap<TableName, Arc<TablePairs>>;

/// How the records of one table are told, and those that its lookups name.
#[derive(Debug, Default)]
pub(super) struct Identity {
    /// By key; by GUID when there is none.
    own: Option<Arc<TablePairs>>,
    lookups: Vec<Naming>,
}

/// A lookup that may name records which are told by their keys.
#[derive(Debug)]
struct Naming {
    place: usize,
    /// Whether it names rows of one table only, which its values need not say.
    is_single: bool,
    tables: Vec<(TableName, Arc<TablePairs>)>,
}

impl Naming {
    fn of(&self, reference: &Reference) -> Option<&(TableName, Arc<TablePairs>)> {
        match &reference.table {
            Some(table) => self.tables.iter().find(|(name, _)| name == table),
            None => self.tables.first().filter(|_| self.is_single),
        }
    }
}

impl Identity {
    /// How the records of a table are told that has these columns.
    pub(super) fn new(table: &TableName, columns: &[ComparedColumn], all: &AllPairs) -> Self {
        let lookups = columns.iter().enumerate().filter_map(|(place, column)| {
            let ColumnType::Lookup { targets } = &column.kind else {
                return None;
            };
            let tables = targets.iter().filter_map(|target| {
                let pairs = all.get(&target.table)?;
                Some((target.table.clone(), Arc::clone(pairs)))
            });
            let naming = Naming {
                place,
                is_single: targets.len() == 1,
                tables: tables.collect(),
            };
            (!naming.tables.is_empty()).then_some(naming)
        });
        Self {
            own: all.get(table).cloned(),
            lookups: lookups.collect(),
        }
    }

    /// The pairs of its own records, where they are told by their keys.
    pub(super) fn pairs(&self) -> Option<&TablePairs> {
        self.own.as_deref()
    }

    /// Whether its records are told by their keys.
    pub(super) fn is_by_key(&self) -> bool {
        self.own.is_some()
    }

    /// Whether GUIDs mean the same on both sides, in this table and in its lookups.
    pub(super) fn is_plain(&self) -> bool {
        self.own.is_none() && self.lookups.is_empty()
    }

    /// The tables told by key that its lookups may name.
    pub(super) fn named(&self) -> impl Iterator<Item = &TableName> {
        let tables = self.lookups.iter().flat_map(|naming| &naming.tables);
        tables.map(|(name, _)| name)
    }

    /// What a record is called in the target: by its own id there, as far as that is known.
    pub(super) fn target_id(&self, id: RowId) -> RowId {
        let paired = self.own.as_ref().and_then(|pairs| pairs.target(id));
        paired.unwrap_or(id)
    }

    /// What a row of the target is called here: a row without a partner by its own id.
    pub(super) fn source_id(&self, id: RowId) -> RowId {
        let paired = self.own.as_ref().and_then(|pairs| pairs.source(id));
        paired.unwrap_or(id)
    }

    /// Whether a record's row in the target is known.
    pub(super) fn is_paired(&self, id: RowId) -> bool {
        let own = self.own.as_ref();
        own.is_none_or(|pairs| pairs.target(id).is_some())
    }

    /// A row of the target in the source's terms.
    pub(super) fn read(&self, mut row: Row) -> Row {
        row.id = self.source_id(row.id);
        self.read_lookups(&mut row);
        row
    }

    /// Puts the lookups of a row of the target into the source's terms, as far as their rows' partners are known.
    pub(super) fn read_lookups(&self, row: &mut Row) {
        for naming in &self.lookups {
            if let Some(Value::Lookup(reference)) = row.values.get_mut(naming.place)
                && let Some((_, pairs)) = naming.of(reference)
                && let Some(source) = pairs.source(reference.id)
            {
                reference.id = source;
            }
        }
    }

    /// The rows of the target that a row of it names, and whose partners are not known.
    pub(super) fn strangers<'r>(
        &'r self,
        row: &'r Row,
    ) -> impl Iterator<Item = (&'r TableName, RowId)> {
        self.lookups.iter().filter_map(|naming| {
            let Some(Value::Lookup(reference)) = row.values.get(naming.place) else {
                return None;
            };
            let (name, pairs) = naming.of(reference)?;
            // What is in the source's terms already has a partner.
            let is_known = pairs.target(reference.id).or(pairs.source(reference.id));
            is_known.is_none().then_some((name, reference.id))
        })
    }

    /// Values in the target's terms. Every row that they name must have been ensured before; why not, in words.
    pub(super) fn write(&self, columns: &[Assignment]) -> Result<Vec<Assignment>, String> {
        let written = columns.iter().cloned().map(|mut column| {
            let mut namings = self.lookups.iter();
            let naming = namings.find(|naming| naming.place == column.place);
            if let (Some(naming), Value::Lookup(reference)) = (naming, &mut column.value)
                && let Some((table, pairs)) = naming.of(reference)
            {
                let id = reference.id;
                reference.id = pairs
                    .target(id)
                    .ok_or_else(|| format!("the target has no {table} that is {id} yet"))?;
            }
            Ok(column)
        });
        written.collect()
    }
}

impl LinkContext {
    /// Pairs rows of a table, and remembers it: the key that tells them to be one may change on either side.
    pub(super) async fn pair(&self, table: &LinkTable, pairs: Vec<(RowId, RowId)>) {
        let Some(known) = table.identity.pairs().filter(|_| !pairs.is_empty()) else {
            return;
        };
        known.remember(&pairs);
        let Some(journal) = self.journal.get() else {
            return;
        };
        let entry = Entry::Paired {
            link: self.config.name.clone(),
            table: table.name.clone(),
            pairs,
        };
        if let Err(error) = journal.append(vec![entry]).await {
            // They are found by their keys once more.
            tracing::warn!(%error, table = %table.name, "which rows are one can't be written down");
        }
    }
}
