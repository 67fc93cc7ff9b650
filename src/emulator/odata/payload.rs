//! The body of a create or update: columns with checked values, and binds that still have to be looked up.
//!
//! Refuses what a table doesn't declare, and the state of a new row; other columns that a client may not write are left
//! out, as Dataverse leaves them out.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::path::{self, Address};
use super::render::from_json;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::{Column, Kind, Schema, Table};
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, TableId, Value, ValueRef};

/// What a body asks to write.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    pub(crate) id: Option<Uuid>,
    pub(crate) columns: Vec<(usize, Value)>,
    pub(crate) binds: Vec<Bind>,
}

/// A lookup to be set: the column and the row that it shall name.
#[derive(Debug)]
pub(crate) struct Bind {
    pub(crate) column: usize,
    pub(crate) table: TableId,
    pub(crate) address: Address,
}

/// What a body is read for; it decides which columns may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Create,
    Update,
}

impl Payload {
    /// Reads a body; `root` is the service root, with which an absolute bind must begin.
    pub(crate) fn read(
        schema: &Schema,
        id: TableId,
        purpose: Purpose,
        root: &str,
        body: &Map<String, Json>,
    ) -> Outcome<Payload> {
        let table = schema.table(id);
        let mut payload = Payload::default();
        for (name, json) in body {
            if let Some(navigation) = name.strip_suffix("@odata.bind") {
                payload.bind(schema, table, root, navigation, json)?;
            } else if let Some((property, _)) = name.split_once('@') {
                // An annotation means nothing in a body, but not even an annotation may name what isn't there.
                if !property.is_empty() && !declared(table, property) {
                    return Err(undeclared(table, property));
                }
            } else {
                payload.property(table, purpose, name, json)?;
            }
        }
        Ok(payload)
    }

    fn bind(
        &mut self,
        schema: &Schema,
        table: &Table,
        root: &str,
        navigation: &str,
        json: &Json,
    ) -> Outcome<()> {
        let (column, _) = table
            .navigation(navigation)
            .ok_or_else(|| undeclared(table, navigation))?;
        let text = match json {
            Json::Null => {
                self.columns.push((column, Value::Null));
                return Ok(());
            }
            Json::String(text) => text,
            _ => {
                return Err(Refusal::payload(
                    table,
                    &format!("'{navigation}@odata.bind' must be a string."),
                ));
            }
        };
        let (target, address) = bound_row(schema, root, text)?;
        let name = schema.table(target).name;
        let fits = |declared: &&crate::emulator::schema::Target| {
            declared.navigation == navigation && declared.table == name
        };
        if !table.columns[column]
            .targets()
            .iter()
            .any(|declared| fits(&declared))
        {
            return Err(Refusal::payload(
                table,
                &format!(
                    "'{navigation}' can't name a row of the type 'Microsoft.Dynamics.CRM.{name}'."
                ),
            ));
        }
        self.binds.push(Bind {
            column,
            table: target,
            address,
        });
        Ok(())
    }

    fn property(
        &mut self,
        table: &Table,
        purpose: Purpose,
        name: &str,
        json: &Json,
    ) -> Outcome<()> {
        if let Some(index) = table
            .column(name)
            .filter(|&index| table.columns[index].targets().is_empty())
        {
            let column = &table.columns[index];
            let value = from_json(&column.kind, json).ok_or_else(|| {
                Refusal::payload(
                    table,
                    &format!(
                        "Cannot convert the literal '{json}' to the expected type '{}'.",
                        column.kind.edm()
                    ),
                )
            })?;
            if index == table.id {
                self.id = value.as_id();
                return Ok(());
            }
            let writable = match purpose {
                Purpose::Create => column.create,
                Purpose::Update => column.update,
            };
            if writable {
                self.columns.push((index, checked(table, column, value)?));
            } else if purpose == Purpose::Create && matches!(column.kind, Kind::State { .. }) {
                return Err(Refusal::not_for_create(table, column.name));
            }
            return Ok(());
        }
        if let Some((column, _)) = table.navigation(name) {
            return match json {
                Json::Null => {
                    self.columns.push((column, Value::Null));
                    Ok(())
                }
                Json::Object(_) => Err(Refusal::unsupported("Deep insert")),
                _ => Err(Refusal::payload(
                    table,
                    &format!("'{name}' is a navigation property; bind it."),
                )),
            };
        }
        if table.wire_column(name).is_some() {
            return Err(Refusal::payload(
                table,
                &format!(
                    "CRM do not support direct update of Entity Reference properties, Use Navigation properties \
                     instead. ('{name}')"
                ),
            ));
        }
        if table.collection(name).is_some() && json.is_array() {
            return Err(Refusal::unsupported("Deep insert"));
        }
        Err(Refusal::payload(
            table,
            &format!(
                "Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM.{}'. The property '{name}' does \
                 not exist on type 'Microsoft.Dynamics.CRM.{}'. Make sure to only use property names that are defined \
                 by the type.",
                table.name, table.name
            ),
        ))
    }

    /// Turns every bind by key into one by id.
    pub(crate) fn resolve_keys(&mut self, store: &Store) -> Outcome<()> {
        for bind in &mut self.binds {
            if let Address::Key(key) = &bind.address {
                let values: Vec<ValueRef> =
                    key.values.iter().map(|(_, value)| value.as_ref()).collect();
                let found = store.by_key(bind.table, key.key, &values);
                let found =
                    found.ok_or_else(|| Refusal::key_missing(store.schema().table(bind.table)))?;
                bind.address = Address::Id(found);
            }
        }
        Ok(())
    }

    /// The first bind by id whose row does not exist.
    pub(crate) fn missing(&self, store: &Store) -> Option<Reference> {
        let named = self.binds.iter().filter_map(|bind| match bind.address {
            Address::Id(id) => Some(Reference {
                table: bind.table,
                id,
            }),
            Address::Key(_) => None,
        });
        named
            .into_iter()
            .find(|named| store.get(named.table, named.id).is_none())
    }

    /// Turns the binds into values, each of a row that exists.
    pub(crate) fn resolve(mut self, store: &Store) -> Outcome<Vec<(usize, Value)>> {
        self.resolve_keys(store)?;
        for bind in self.binds {
            let Address::Id(id) = bind.address else {
                continue;
            };
            if store.get(bind.table, id).is_none() {
                return Err(Refusal::bind_missing(store.schema().table(bind.table), id));
            }
            self.columns.push((
                bind.column,
                Value::Lookup(Reference {
                    table: bind.table,
                    id,
                }),
            ));
        }
        Ok(self.columns)
    }
}

/// Reads `/contacts(…)`, `contacts(…)` or the absolute form.
fn bound_row(schema: &Schema, root: &str, text: &str) -> Outcome<(TableId, Address)> {
    let relative = if text.contains("://") {
        text.strip_prefix(root)
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or_else(|| Refusal::url(format!("'{text}' is not a resource of this service.")))?
    } else {
        text.strip_prefix('/').unwrap_or(text)
    };
    let segment =
        super::decoded(relative).ok_or_else(|| Refusal::url("The URL is not valid UTF-8."))?;
    path::row(schema, &segment)
}

fn declared(table: &Table, property: &str) -> bool {
    table
        .column(property)
        .is_some_and(|column| table.columns[column].targets().is_empty())
        || table.wire_column(property).is_some()
        || table.navigation(property).is_some()
        || table.collection(property).is_some()
}

fn undeclared(table: &Table, property: &str) -> Refusal {
    Refusal::payload(
        table,
        &format!(
            "An undeclared property '{property}' which only has property annotations in the payload but no property \
             value was found in the payload. In OData, only declared navigation properties and declared named streams \
             can be represented as properties without values."
        ),
    )
}

/// Holds a value against the column's limits.
fn checked(table: &Table, column: &Column, value: Value) -> Outcome<Value> {
    match (&column.kind, &value) {
        (Kind::Text { max } | Kind::Memo { max }, Value::Text(text))
            if text.encode_utf16().count() > *max =>
        {
            Err(Refusal::too_long(table, column.name, *max))
        }
        (Kind::Int { min, max }, Value::Int(number)) if !(min..=max).contains(&number) => {
            Err(Refusal::out_of_range(table, column.name))
        }
        (Kind::Choice { options, .. } | Kind::State { options }, Value::Int(number))
            if !options.iter().any(|(option, _)| option == number) =>
        {
            Err(Refusal::out_of_range(table, column.name))
        }
        (Kind::Status { options }, Value::Int(number))
            if !options.iter().any(|(option, _, _)| option == number) =>
        {
            Err(Refusal::out_of_range(table, column.name))
        }
        (Kind::Choices { options }, Value::Choices(chosen)) => {
            let known = |option: &str| {
                let option: Option<i64> = option.parse().ok();
                options.iter().any(|(known, _)| Some(*known) == option)
            };
            if chosen.split(',').all(known) {
                Ok(value)
            } else {
                Err(Refusal::out_of_range(table, column.name))
            }
        }
        (
            Kind::Decimal {
                precision,
                min,
                max,
            },
            Value::Decimal(number),
        ) => {
            if (Decimal::from(*min)..=Decimal::from(*max)).contains(number) {
                Ok(Value::Decimal(number.round_dp(*precision)))
            } else {
                Err(Refusal::out_of_range(table, column.name))
            }
        }
        (
            Kind::Double {
                precision,
                min,
                max,
            },
            Value::Double(number),
        ) => double(*number, *precision, *min, *max)
            .ok_or_else(|| Refusal::out_of_range(table, column.name)),
        (Kind::Money { precision }, Value::Decimal(number)) => {
            Ok(Value::Decimal(number.round_dp(*precision)))
        }
        // A two-options column is never null: nulling it brings its default back.
        (Kind::Bool { default, .. }, Value::Null) => Ok(Value::Bool(*default)),
        _ => Ok(value),
    }
}

/// A floating point number at the column's precision, if it is within the bounds.
fn double(number: f64, precision: u32, min: i64, max: i64) -> Option<Value> {
    let exact = Decimal::from_f64(number)?;
    if !(Decimal::from(min)..=Decimal::from(max)).contains(&exact) {
        return None;
    }
    exact.round_dp(precision).to_f64().map(Value::Double)
}
