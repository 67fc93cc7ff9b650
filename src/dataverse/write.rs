//! A request that writes, which can't be said without its precondition: create only what is absent, or update only
//! the version that was seen (design, rules 1 and 2; reliability 0.6). There is no third kind.

use std::collections::BTreeMap;

use thiserror::Error;

use super::query::key_address;
use crate::domain::row::{ETag, RowId, Value};
use crate::domain::table::{
    Column, ColumnName, ColumnType, EntitySet, LookupTarget, Requirement, TableName, TableSchema,
};

/// What must hold for a write to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The row is absent (`If-None-Match: *`).
    Absent,
    /// The row has this version (`If-Match`).
    Version(ETag),
}

/// One write to one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    pub(super) address: String,
    pub(super) precondition: Precondition,
    body: Vec<(String, String)>,
}

/// What rows are created with beside their own columns: said once, for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset((String, String));

impl Preset {
    /// A column with a plain value.
    pub fn value(table: &TableSchema, name: ColumnName, value: Value) -> Result<Self, BadWrite> {
        let unsayable = BadWrite::WrongType(name.clone());
        let columns = vec![(name, value)];
        let body = body(table, columns, &BTreeMap::new(), |column| column.creatable)?;
        body.into_iter().next().map(Self).ok_or(unsayable)
    }

    /// A lookup, by the navigation property that binds it.
    pub fn bind(property: &str, set: &EntitySet, id: RowId) -> Self {
        let address = quoted(&format!("/{set}({id})"));
        Self((format!("{property}@odata.bind"), address))
    }
}

/// Why a write can't be said.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadWrite {
    /// The table has no such column, or it can't be written.
    #[error("column {0} can't be written in the target")]
    NotWritable(ColumnName),
    /// The value is of another type than the column.
    #[error("column {0} can't hold the source's value")]
    WrongType(ColumnName),
    /// The text is longer than the column takes.
    #[error("column {column}: {length} characters, and the target takes {max}")]
    TooLong {
        /// The column.
        column: ColumnName,
        /// The text's length.
        length: usize,
        /// The column's limit.
        max: u32,
    },
    /// The column can't be emptied (contract 2.3).
    #[error("column {0} can't be empty in the target")]
    Required(ColumnName),
    /// The lookup names a row of a table that it can't name in the target.
    #[error("column {0} refers to a row of a table that is not on the link")]
    NotBindable(ColumnName),
}

impl Write {
    /// Creates the row, if it is absent.
    pub fn create(
        table: &TableSchema,
        id: RowId,
        columns: Vec<(ColumnName, Value)>,
        sets: &BTreeMap<TableName, EntitySet>,
    ) -> Result<Self, BadWrite> {
        let body = body(table, columns, sets, |column| column.creatable)?;
        Ok(Self {
            address: format!("{}({id})", table.set),
            precondition: Precondition::Absent,
            body,
        })
    }

    /// Creates the row with this alternate key, under an id that the server gives, if it is absent.
    ///
    /// The key's columns stay out of the body, where they would win over the address (contract 2.7). `None` where a
    /// part of the key is no text or can't stand in an address.
    pub fn create_by_key(
        table: &TableSchema,
        key: &[ColumnName],
        columns: &[(ColumnName, Value)],
        sets: &BTreeMap<TableName, EntitySet>,
    ) -> Option<Result<Self, BadWrite>> {
        let parts = key.iter().map(|name| {
            let (_, value) = columns.iter().find(|(column, _)| column == name)?;
            match value {
                Value::Text(text) => Some((name, text.as_str())),
                _ => None,
            }
        });
        let parts: Option<Vec<(&ColumnName, &str)>> = parts.collect();
        let address = key_address(&table.set, &parts?)?;
        let rest = columns.iter().filter(|(name, _)| !key.contains(name));
        let body = body(table, rest.cloned().collect(), sets, |column| {
            column.creatable
        });
        Some(body.map(|body| Self {
            address,
            precondition: Precondition::Absent,
            body,
        }))
    }

    /// Updates the row, if it still has this version.
    pub fn update(
        table: &TableSchema,
        id: RowId,
        version: ETag,
        columns: Vec<(ColumnName, Value)>,
        sets: &BTreeMap<TableName, EntitySet>,
    ) -> Result<Self, BadWrite> {
        let body = body(table, columns, sets, |column| column.updatable)?;
        Ok(Self {
            address: format!("{}({id})", table.set),
            precondition: Precondition::Version(version),
            body,
        })
    }

    /// The same write with these constants.
    #[must_use]
    pub fn with(mut self, presets: &[Preset]) -> Self {
        let constants = presets.iter().map(|Preset(property)| property.clone());
        self.body.extend(constants);
        self
    }

    /// What must hold for it to be carried out.
    pub fn precondition(&self) -> &Precondition {
        &self.precondition
    }

    /// The body. Numbers are written by their own text: through a float, a decimal would lose digits.
    pub(super) fn json(&self) -> String {
        let properties = self
            .body
            .iter()
            .map(|(name, value)| format!("{}:{value}", quoted(name)));
        format!("{{{}}}", properties.collect::<Vec<_>>().join(","))
    }
}

fn body(
    table: &TableSchema,
    columns: Vec<(ColumnName, Value)>,
    sets: &BTreeMap<TableName, EntitySet>,
    is_writable: impl Fn(&Column) -> bool,
) -> Result<Vec<(String, String)>, BadWrite> {
    let mut body = Vec::with_capacity(columns.len());
    for (name, value) in columns {
        let column = table
            .column(&name)
            .filter(|column| is_writable(column) && name != table.primary_id);
        let column = column.ok_or_else(|| BadWrite::NotWritable(name.clone()))?;
        if value == Value::Null && column.required == Requirement::Server {
            return Err(BadWrite::Required(name));
        }
        let property = match &column.kind {
            ColumnType::Lookup { targets } => bind(name, targets, value, sets)?,
            kind => {
                let value = scalar(&name, kind, value)?;
                (name.to_string(), value)
            }
        };
        body.push(property);
    }
    Ok(body)
}

/// A lookup goes by the navigation property of the table that it names, and not by its own name (contract 2.8).
fn bind(
    name: ColumnName,
    targets: &[LookupTarget],
    value: Value,
    sets: &BTreeMap<TableName, EntitySet>,
) -> Result<(String, String), BadWrite> {
    let (target, address) = match value {
        // Clearing any one of them clears the lookup.
        Value::Null => (targets.first(), Some("null".to_owned())),
        Value::Lookup(reference) => {
            let target = match &reference.table {
                Some(table) => targets.iter().find(|target| target.table == *table),
                None => targets.first().filter(|_| targets.len() == 1),
            };
            let set = target.and_then(|target| sets.get(&target.table));
            (
                target,
                set.map(|set| quoted(&format!("/{set}({})", reference.id))),
            )
        }
        _ => return Err(BadWrite::WrongType(name)),
    };
    match (target, address) {
        (Some(target), Some(address)) => Ok((format!("{}@odata.bind", target.bind), address)),
        _ => Err(BadWrite::NotBindable(name)),
    }
}

fn scalar(name: &ColumnName, kind: &ColumnType, value: Value) -> Result<String, BadWrite> {
    Ok(match (kind, value) {
        (_, Value::Null) => "null".to_owned(),
        (ColumnType::Text { max_length }, Value::Text(text)) => {
            // As the service counts: in UTF-16.
            let length = text.encode_utf16().count();
            match max_length {
                Some(max) if u32::try_from(length).unwrap_or(u32::MAX) > *max => {
                    return Err(BadWrite::TooLong {
                        column: name.clone(),
                        length,
                        max: *max,
                    });
                }
                _ => quoted(&text),
            }
        }
        (
            ColumnType::Integer | ColumnType::Choice | ColumnType::State | ColumnType::Status,
            Value::Integer(number),
        ) => number.to_string(),
        (ColumnType::Decimal { .. } | ColumnType::Money { .. }, Value::Integer(number)) => {
            number.to_string()
        }
        (ColumnType::Decimal { .. } | ColumnType::Money { .. }, Value::Decimal(number)) => {
            number.to_string()
        }
        (ColumnType::Boolean { .. }, Value::Boolean(yes)) => yes.to_string(),
        (ColumnType::DateTime, Value::DateTime(at)) => {
            quoted(&at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
        }
        (ColumnType::Date, Value::Date(day)) => quoted(&day.to_string()),
        // An empty set is no set: the service has no other way to say it.
        (ColumnType::Choices, Value::Choices(set)) if set.is_empty() => "null".to_owned(),
        (ColumnType::Choices, Value::Choices(set)) => {
            let numbers: Vec<String> = set.iter().map(i64::to_string).collect();
            quoted(&numbers.join(","))
        }
        _ => return Err(BadWrite::WrongType(name.clone())),
    })
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
