//! A name in a query bound to a column: of the row itself, or of the row that one of its lookups names.
//!
//! One step through a lookup, as Dataverse has it in `$filter` and `$orderby`; no collections.

use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::{Column, Schema};
use crate::emulator::store::Store;
use crate::emulator::value::{TableId, ValueRef};

/// A column of the row, or of the row that one of its lookups names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// The column, of `through`'s target if there is one.
    pub(crate) column: usize,
    pub(crate) through: Option<(usize, TableId)>,
}

impl Field {
    /// Binds `name`, `_x_value` or `lookup/name`.
    pub(crate) fn read(schema: &Schema, id: TableId, path: &str) -> Outcome<Field> {
        let table = schema.table(id);
        let unknown = |name: &str| Refusal::no_property(table.name, name);
        let Some((navigation, inner)) = path.split_once('/') else {
            let column = table.wire_column(path).ok_or_else(|| unknown(path))?;
            return Ok(Field {
                column,
                through: None,
            });
        };
        let (lookup, target) = table
            .navigation(navigation)
            .ok_or_else(|| unknown(navigation))?;
        let target_id = schema
            .by_name(target.table)
            .ok_or_else(|| unknown(navigation))?;
        let target_table = schema.table(target_id);
        if inner.contains('/') {
            return Err(Refusal::unsupported(
                "A filter through two navigation properties",
            ));
        }
        let column = target_table
            .wire_column(inner)
            .ok_or_else(|| Refusal::no_property(target_table.name, inner))?;
        Ok(Field {
            column,
            through: Some((lookup, target_id)),
        })
    }

    pub(crate) fn definition<'s>(&self, schema: &'s Schema, id: TableId) -> &'s Column {
        let table = self.through.map_or(id, |(_, target)| target);
        &schema.table(table).columns[self.column]
    }

    pub(crate) fn of<'r>(&self, store: &'r Store, row: &'r Row) -> ValueRef<'r> {
        let Some((lookup, target)) = self.through else {
            return row.value(self.column);
        };
        let reference = row
            .value(lookup)
            .as_reference()
            .filter(|reference| reference.table == target);
        let named = reference.and_then(|reference| store.get(reference.table, reference.id));
        named.map_or(ValueRef::Null, |row| row.value(self.column))
    }

    /// Whether it is this column of the row itself.
    pub(crate) fn is(&self, column: usize) -> bool {
        self.through.is_none() && self.column == column
    }
}
