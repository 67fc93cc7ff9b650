//! A row with all of its values.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::scalar::{Scalar, moment, row_id};
use super::{Members, RowShape, Slot, missing};
use crate::domain::row::{ETag, Reference, Row, RowId, Value};
use crate::domain::table::{ColumnName, TableName};

/// A row that is being read.
#[derive(Default)]
pub(super) struct Parts {
    id: Option<RowId>,
    etag: Option<ETag>,
    modified_on: Option<DateTime<Utc>>,
    modified_by: Option<RowId>,
    modified_by_name: Option<String>,
    created_by: Option<RowId>,
    created_on: Option<DateTime<Utc>>,
    values: Vec<Option<Value>>,
    /// Tables and names of lookups: they may stand before the value that they belong to.
    tables: Vec<(usize, TableName)>,
    names: Vec<(usize, String)>,
}

impl<'de> Members<'de> for Parts {
    fn wants(&self, _slot: Slot) -> bool {
        true
    }

    fn take(
        &mut self,
        shape: &RowShape,
        slot: Slot,
        json: Scalar<'de>,
    ) -> Result<(), &'static str> {
        match slot {
            Slot::Id => self.id = Some(json.id()?),
            Slot::ETag => self.etag = json.text().and_then(|text| ETag::new(&text)),
            Slot::ModifiedOn => self.modified_on = json.optional(moment)?,
            Slot::ModifiedBy => self.modified_by = json.optional(row_id)?,
            Slot::ModifiedByName => self.modified_by_name = json.text().map(Cow::into_owned),
            Slot::CreatedBy => self.created_by = json.optional(row_id)?,
            Slot::CreatedOn => self.created_on = json.optional(moment)?,
            Slot::Column(place) => {
                let (name, kind) = shape.column(place)?;
                self.id = shape.id_in(name, &json)?.or(self.id);
                let value = json.value(kind)?.into_owned();
                self.also_own(name, &value);
                let known = self.values.get_mut(place).ok_or("no such column")?;
                if known.replace(value).is_some() {
                    return Err("it stands there twice");
                }
            }
            Slot::TableOf(place) => {
                let table = json.text().and_then(|text| TableName::new(&text).ok());
                self.tables.extend(table.map(|table| (place, table)));
            }
            Slot::NameOf(place) => {
                let name = json.text().map(Cow::into_owned);
                self.names.extend(name.map(|name| (place, name)));
            }
        }
        Ok(())
    }
}

impl Parts {
    pub(super) fn new(shape: &RowShape) -> Self {
        Self {
            values: vec![None; shape.columns.len()],
            ..Self::default()
        }
    }

    /// A column that was asked for may be one that every row tells of itself.
    fn also_own(&mut self, name: &ColumnName, value: &Value) {
        match (name.as_str(), value) {
            ("modifiedon", Value::DateTime(at)) => self.modified_on = Some(*at),
            ("createdon", Value::DateTime(at)) => self.created_on = Some(*at),
            ("modifiedby", Value::Lookup(who)) => self.modified_by = Some(who.id),
            ("createdby", Value::Lookup(who)) => self.created_by = Some(who.id),
            _ => {}
        }
    }

    pub(super) fn finish(self, shape: &RowShape) -> Result<Row, String> {
        let id = self.id.ok_or("a row without its id")?;
        let mut values = Vec::with_capacity(self.values.len());
        for (value, (name, _)) in self.values.into_iter().zip(&shape.columns) {
            values.push(value.ok_or_else(|| missing(name))?);
        }
        for (place, table) in self.tables {
            if let Some(Value::Lookup(reference)) = values.get_mut(place) {
                reference.table = Some(table);
            }
        }
        let mut modified_by_name = self.modified_by_name;
        for (place, name) in self.names {
            if let Some(Value::Lookup(reference)) = values.get_mut(place) {
                if shape.columns[place].0.as_str() == "modifiedby" {
                    modified_by_name = Some(name.clone());
                }
                reference.name = Some(name);
            }
        }
        let who = |id, name| Reference {
            table: None,
            id,
            name,
        };
        Ok(Row {
            id,
            etag: self.etag,
            modified_on: self.modified_on,
            modified_by: self.modified_by.map(|id| who(id, modified_by_name)),
            created_by: self.created_by.map(|id| who(id, None)),
            created_on: self.created_on,
            values,
        })
    }
}
