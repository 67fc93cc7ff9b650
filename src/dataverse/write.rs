//! A request that writes, which can't be said without its precondition: create only what is absent, or update only
//! the version that was seen (design, rules 1 and 2; reliability 0.6). There is no third kind.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::domain::row::{ETag, RowId, Value};
use crate::domain::table::{Column, ColumnName, ColumnType, EntitySet, TableName, TableSchema};

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
    pub(super) set: EntitySet,
    pub(super) id: RowId,
    pub(super) precondition: Precondition,
    pub(super) body: Map<String, Json>,
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
            set: table.set.clone(),
            id,
            precondition: Precondition::Absent,
            body,
        })
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
            set: table.set.clone(),
            id,
            precondition: Precondition::Version(version),
            body,
        })
    }

    /// What must hold for it to be carried out.
    pub fn precondition(&self) -> &Precondition {
        &self.precondition
    }
}

fn body(
    table: &TableSchema,
    columns: Vec<(ColumnName, Value)>,
    sets: &BTreeMap<TableName, EntitySet>,
    is_writable: impl Fn(&Column) -> bool,
) -> Result<Map<String, Json>, BadWrite> {
    let mut body = Map::new();
    for (name, value) in columns {
        let column = table
            .column(&name)
            .filter(|column| is_writable(column) && name != table.primary_id);
        let column = column.ok_or_else(|| BadWrite::NotWritable(name.clone()))?;
        match (&column.kind, value) {
            (ColumnType::Lookup { targets }, value) => {
                let (property, value) = match value {
                    Value::Null => (
                        targets.first().map(|target| target.bind.clone()),
                        Json::Null,
                    ),
                    Value::Lookup(reference) => {
                        let target = match &reference.table {
                            Some(table) => targets.iter().find(|target| target.table == *table),
                            None => targets.first().filter(|_| targets.len() == 1),
                        };
                        let set = target.and_then(|target| sets.get(&target.table));
                        let address = set.map(|set| format!("/{set}({})", reference.id));
                        let address = address.ok_or_else(|| BadWrite::NotBindable(name.clone()))?;
                        (
                            target.map(|target| target.bind.clone()),
                            Json::String(address),
                        )
                    }
                    _ => return Err(BadWrite::WrongType(name)),
                };
                let property = property.ok_or(BadWrite::NotBindable(name))?;
                body.insert(format!("{property}@odata.bind"), value);
            }
            (kind, value) => {
                body.insert(name.as_str().to_owned(), scalar(&name, kind, value)?);
            }
        }
    }
    Ok(body)
}

fn scalar(name: &ColumnName, kind: &ColumnType, value: Value) -> Result<Json, BadWrite> {
    let wrong = || BadWrite::WrongType(name.clone());
    Ok(match (kind, value) {
        (_, Value::Null) => Json::Null,
        (ColumnType::Text { max_length }, Value::Text(text)) => {
            let length = text.encode_utf16().count();
            match max_length {
                Some(max) if u32::try_from(length).unwrap_or(u32::MAX) > *max => {
                    return Err(BadWrite::TooLong {
                        column: name.clone(),
                        length,
                        max: *max,
                    });
                }
                _ => Json::String(text),
            }
        }
        (ColumnType::Integer | ColumnType::Choice, Value::Integer(number)) => number.into(),
        (ColumnType::Decimal { .. } | ColumnType::Money { .. }, Value::Integer(number)) => {
            number.into()
        }
        (ColumnType::Decimal { .. } | ColumnType::Money { .. }, Value::Decimal(number)) => {
            serde_json::from_str(&number.to_string()).map_err(|_| wrong())?
        }
        (ColumnType::Boolean { .. }, Value::Boolean(yes)) => yes.into(),
        (ColumnType::DateTime, Value::DateTime(at)) => {
            at.format("%Y-%m-%dT%H:%M:%SZ").to_string().into()
        }
        (ColumnType::Date, Value::Date(day)) => day.to_string().into(),
        (ColumnType::Choices, Value::Choices(set)) => {
            let numbers: Vec<String> = set.iter().map(i64::to_string).collect();
            numbers.join(",").into()
        }
        _ => return Err(wrong()),
    })
}
