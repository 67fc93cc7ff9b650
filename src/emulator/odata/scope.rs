//! What a filter is bound in: the tables, who asks, and when.
//!
//! The variable of a lambda is a part of it, because names mean something else inside.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::Schema;
use crate::emulator::security::{Access, Rights};
use crate::emulator::value::TableId;

use super::field::Field;

/// The surroundings of a filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'s> {
    pub(crate) schema: &'s Schema,
    /// By the emulator's clock.
    pub(crate) now: DateTime<Utc>,
    /// The caller.
    pub(crate) user: Uuid,
    /// What the caller may do.
    pub(crate) rights: &'s Rights,
    /// The caller's.
    pub(crate) business_unit: Uuid,
    /// What stands for a row of the collection inside of `any` and `all`.
    pub(crate) variable: Option<&'s str>,
}

impl<'s> Scope<'s> {
    /// The same surroundings inside of a lambda.
    pub(crate) fn inside<'v>(&self, variable: &'v str) -> Scope<'v>
    where
        's: 'v,
    {
        Scope {
            variable: Some(variable),
            ..*self
        }
    }

    /// Refuses a table that the caller may not read.
    pub(crate) fn may_read(&self, table: TableId) -> Outcome<()> {
        self.rights.may(Access::Read, self.schema.table(table))
    }

    /// A column that is seen from a row of the table, in tables that the caller may read.
    pub(crate) fn field(&self, table: TableId, path: &str) -> Outcome<Field> {
        let field = Field::read(self.schema, table, path)?;
        for (_, table) in &field.steps {
            self.may_read(*table)?;
        }
        Ok(field)
    }

    /// A path as it is seen from the row it is asked of.
    pub(crate) fn path<'p>(&self, path: &'p str) -> Outcome<&'p str> {
        let Some(variable) = self.variable else {
            return Ok(path);
        };
        path.strip_prefix(variable)
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or_else(|| {
                Refusal::url(format!(
                    "'{path}' does not begin with '{variable}/': inside of a lambda only columns of its collection can be \
                     compared."
                ))
            })
    }
}
