//! The hierarchies of tables: which lookup names a row's parent, and who stands above or under whom.
//!
//! A chain is followed without recursion and only so far, so that a circle ends.

use uuid::Uuid;

use super::field::Field;
use super::predicate::Predicate;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::Schema;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

/// The tables whose rows have a parent among themselves, with the lookup that names it.
const PARENTS: [(&str, &str); 3] = [
    ("account", "parentaccountid"),
    ("businessunit", "parentbusinessunitid"),
    ("systemuser", "parentsystemuserid"),
];

/// No chain is followed further.
const LONGEST: usize = 1000;

/// Where a row stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Above,
    AboveOrEqual,
    Under,
    UnderOrEqual,
    NotUnder,
}

/// A question about a row's place in its hierarchy.
#[derive(Clone, Debug)]
pub(crate) struct Hierarchy {
    /// The primary id, or a lookup that names a row of the hierarchy.
    field: Field,
    table: TableId,
    parent: usize,
    relation: Relation,
    id: Uuid,
}

impl Hierarchy {
    /// Binds a relation to the row with this id.
    pub(crate) fn bind(
        schema: &Schema,
        table: TableId,
        field: Field,
        relation: Relation,
        id: Uuid,
    ) -> Outcome<Predicate> {
        let column = field.definition(schema, table);
        let own = field.table(table);
        let is_id = schema.table(own).columns[schema.table(own).id].name == column.name;
        let hierarchical = if is_id {
            Some(own)
        } else {
            column
                .targets()
                .first()
                .and_then(|target| schema.by_name(target.table))
        };
        let found = hierarchical.and_then(|id| {
            let table = schema.table(id);
            let (_, parent) = PARENTS.iter().find(|(name, _)| *name == table.name)?;
            Some((id, table.column(parent)?))
        });
        let (hierarchical, parent) = found.ok_or_else(|| {
            Refusal::argument(format!(
                "'{}' is no identifier of a table with a hierarchy.",
                column.name
            ))
        })?;
        Ok(Predicate::Hierarchy(Hierarchy {
            field,
            table: hierarchical,
            parent,
            relation,
            id,
        }))
    }

    pub(crate) fn holds(&self, store: &Store, row: &Row) -> bool {
        let Some(own) = self.field.of(store, row).as_id() else {
            return self.relation == Relation::NotUnder;
        };
        match self.relation {
            Relation::Above => self.leads(store, self.id, own),
            Relation::AboveOrEqual => own == self.id || self.leads(store, self.id, own),
            Relation::Under => self.leads(store, own, self.id),
            Relation::UnderOrEqual => own == self.id || self.leads(store, own, self.id),
            Relation::NotUnder => !self.leads(store, own, self.id),
        }
    }

    /// Whether the parents of one row lead to another.
    fn leads(&self, store: &Store, from: Uuid, to: Uuid) -> bool {
        let parent = |id: &Uuid| store.get(self.table, *id)?.value(self.parent).as_id();
        std::iter::successors(parent(&from), parent)
            .take(LONGEST)
            .any(|id| id == to)
    }
}
