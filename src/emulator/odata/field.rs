//! A name in a query bound to a column: of the row itself, or of the row that its lookups lead to.
//!
//! Steps through lookups only; collections are a matter of `any` and `all`.

use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::{Column, Schema};
use crate::emulator::store::Store;
use crate::emulator::value::{TableId, ValueRef};

/// A path may have this many steps through lookups.
const FURTHEST: usize = 10;

/// A column of the row, or of the row that a chain of lookups leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// The column, of the last step's table if there is one.
    pub(crate) column: usize,
    /// Each lookup with the table it must name.
    pub(crate) steps: Vec<(usize, TableId)>,
    /// Whether it reads as empty for who may not see secured columns.
    secured: bool,
}

impl Field {
    /// A column of the row itself.
    pub(crate) fn own(column: usize, definition: &Column) -> Field {
        Field {
            column,
            steps: Vec::new(),
            secured: definition.secured(),
        }
    }

    /// Binds `name`, `_x_value` or `lookup/…/name`.
    pub(crate) fn read(schema: &Schema, id: TableId, path: &str) -> Outcome<Field> {
        let mut steps = Vec::new();
        let (mut id, mut rest) = (id, path);
        while let Some((navigation, inner)) = rest.split_once('/') {
            let table = schema.table(id);
            let target = table
                .navigation(navigation)
                .and_then(|(lookup, target)| Some((lookup, schema.by_name(target.table)?)));
            let step = target.ok_or_else(|| Refusal::no_property(table.name, navigation))?;
            if steps.len() == FURTHEST {
                return Err(Refusal::url(format!(
                    "'{path}' goes through more than {FURTHEST} navigation properties."
                )));
            }
            steps.push(step);
            (id, rest) = (step.1, inner);
        }
        let table = schema.table(id);
        let column = table
            .wire_column(rest)
            .ok_or_else(|| Refusal::no_property(table.name, rest))?;
        let secured = table.columns.get(column).is_some_and(Column::secured);
        Ok(Field {
            column,
            steps,
            secured,
        })
    }

    /// The table that the column belongs to, seen from a row of the given one.
    pub(crate) fn table(&self, from: TableId) -> TableId {
        self.steps.last().map_or(from, |(_, table)| *table)
    }

    pub(crate) fn definition<'s>(&self, schema: &'s Schema, id: TableId) -> &'s Column {
        &schema.table(self.table(id)).columns[self.column]
    }

    /// The row that the column is read from; none where a lookup on the way is empty or names another table's row.
    pub(crate) fn row<'r>(&self, store: &'r Store, row: &'r Row) -> Option<&'r Row> {
        let mut row = row;
        for (lookup, target) in &self.steps {
            let reference = row.value(*lookup).as_reference()?;
            if reference.table != *target {
                return None;
            }
            row = store.get(reference.table, reference.id)?;
        }
        Some(row)
    }

    pub(crate) fn of<'r>(&self, store: &'r Store, row: &'r Row) -> ValueRef<'r> {
        if self.secured && store.hides_secured() {
            return ValueRef::Null;
        }
        self.row(store, row)
            .map_or(ValueRef::Null, |row| row.value(self.column))
    }

    /// Whether it is this column of the row itself.
    pub(crate) fn is(&self, column: usize) -> bool {
        self.is_own() && self.column == column
    }

    /// Whether it is a column of the row itself.
    pub(crate) fn is_own(&self) -> bool {
        self.steps.is_empty()
    }
}
