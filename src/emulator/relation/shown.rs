//! Writes the values of joined rows and of totals, under the names that a query gave them.
//!
//! What holds nothing is left out, as `FetchXML` and `$apply` do it.

use super::plan::{Cell, Plan, Tuple};
use crate::emulator::odata::formatted;
use crate::emulator::odata::prefer::Annotations;
use crate::emulator::odata::rows::{self, FORMATTED};
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::value::{Value, ValueRef};

/// One column under the name that it has in the answer.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) cell: Cell,
}

/// Writes the members of one object.
pub(crate) struct Members<'o> {
    out: &'o mut Vec<u8>,
    annotations: &'o Annotations,
    first: bool,
}

impl<'o> Members<'o> {
    /// Begins an object.
    pub(crate) fn open(out: &'o mut Vec<u8>, annotations: &'o Annotations) -> Members<'o> {
        out.push(b'{');
        Members {
            out,
            annotations,
            first: true,
        }
    }

    pub(crate) fn close(self) {
        self.out.push(b'}');
    }

    /// Writes the etag of the root's row.
    pub(crate) fn etag(&mut self, row: &Row) {
        self.name("@odata.etag");
        rows::scalar(self.out, &crate::emulator::reply::etag(row.version()));
    }

    /// Writes a column of a combination, with what is said of it.
    pub(crate) fn cell(
        &mut self,
        store: &Store,
        plan: &Plan,
        tuple: &Tuple,
        cell: &Cell,
        name: &str,
    ) {
        let row = tuple.get(cell.source).and_then(Option::as_ref);
        let Some(row) = row.and_then(|row| cell.field.row(store, row)) else {
            return;
        };
        let value = cell.of(store, tuple);
        if value.is_null() {
            return;
        }
        let table = store.schema().table(plan.table(cell));
        let index = cell.field.column;
        let said = rows::said(store, table, row, index, self.annotations);
        for (annotation, text) in said {
            self.annotation(name, annotation, &text);
        }
        self.value(name, value);
    }

    /// Writes a total or a group's key, formatted as the column that it was taken from.
    pub(crate) fn total(
        &mut self,
        store: &Store,
        plan: &Plan,
        sample: Option<&Tuple>,
        cell: Option<&Cell>,
        (name, value): (&str, &Value),
    ) {
        if value.is_null() {
            return;
        }
        if self.annotations.wants(FORMATTED) {
            let from_column = sample
                .zip(cell)
                .and_then(|(sample, cell)| formatted_like(store, plan, sample, cell, value));
            let text = from_column.or_else(|| match value {
                Value::Int(number) => Some(formatted::grouped(&number.to_string())),
                _ => None,
            });
            if let Some(text) = text {
                self.annotation(name, FORMATTED, &text);
            }
        }
        self.value(name, value.as_ref());
    }

    fn annotation(&mut self, name: &str, annotation: &str, text: &str) {
        self.name(&format!("{name}@{annotation}"));
        rows::scalar(self.out, text);
    }

    pub(crate) fn value(&mut self, name: &str, value: ValueRef) {
        self.name(name);
        rows::value(self.out, value);
    }

    fn name(&mut self, name: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        rows::scalar(self.out, name);
        self.out.push(b':');
    }
}

/// The text of a value as if it stood in a column of the sample's row, whose currency counts.
fn formatted_like(
    store: &Store,
    plan: &Plan,
    sample: &Tuple,
    cell: &Cell,
    value: &Value,
) -> Option<String> {
    let row = sample.get(cell.source)?.as_ref()?;
    let row = cell.field.row(store, row)?;
    let mut values = row.to_values();
    let table = store.schema().table(plan.table(cell));
    values.resize(table.columns.len().max(values.len()), Value::Null);
    *values.get_mut(cell.field.column)? = value.clone();
    let row = Row::new(row.id(), row.version(), &values);
    formatted::value(store, table, &row, cell.field.column)
}
