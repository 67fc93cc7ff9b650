//! Reads a body into a payload, with every row that is nested in it.

use serde_json::{Map, Value as Json};

use super::limits::checked;
use super::{Bind, Nested, Payload, Purpose};
use crate::emulator::odata::path;
use crate::emulator::odata::render::from_json;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::{Kind, Schema, Table, Target};
use crate::emulator::value::{TableId, Value};

/// So deep may rows be nested; Dataverse's own bound is not documented.
const DEEPEST: usize = 8;

/// What is the same for all rows of a body.
#[derive(Clone, Copy)]
pub(super) struct Reader<'r> {
    pub(super) schema: &'r Schema,
    pub(super) purpose: Purpose,
    /// The service root, with which an absolute bind must begin.
    pub(super) root: &'r str,
    /// How deep the row is nested.
    pub(super) depth: usize,
}

impl Reader<'_> {
    pub(super) fn read(&self, id: TableId, body: &Map<String, Json>) -> Outcome<Payload> {
        let table = self.schema.table(id);
        let mut payload = Payload::default();
        for (name, json) in body {
            if let Some(navigation) = name.strip_suffix("@odata.bind") {
                self.bind(&mut payload, table, navigation, json)?;
            } else if let Some((property, _)) = name.split_once('@') {
                // An annotation means nothing in a body, but not even an annotation may name what isn't there.
                if !property.is_empty() && !declared(table, property) {
                    return Err(undeclared(table, property));
                }
            } else {
                self.property(&mut payload, id, name, json)?;
            }
        }
        Ok(payload)
    }

    fn bind(
        &self,
        payload: &mut Payload,
        table: &Table,
        navigation: &str,
        json: &Json,
    ) -> Outcome<()> {
        if let Some(collection) = table.collection(navigation)
            && table.navigation(navigation).is_none()
        {
            return self.bind_members(
                payload,
                table,
                navigation,
                json,
                collection.column,
                collection.table,
            );
        }
        let (column, _) = table
            .navigation(navigation)
            .ok_or_else(|| undeclared(table, navigation))?;
        let text = match json {
            Json::Null => {
                payload.columns.push((column, Value::Null));
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
        let bind = self.bound(table, navigation, column, text)?;
        payload.binds.push(bind);
        Ok(())
    }

    /// Reads the row that a lookup shall name.
    pub(super) fn bound(
        &self,
        table: &Table,
        navigation: &str,
        column: usize,
        text: &str,
    ) -> Outcome<Bind> {
        let (target, address) = path::bound(self.schema, self.root, text)?;
        let name = self.schema.table(target).name;
        let fits = |declared: &Target| declared.navigation == navigation && declared.table == name;
        if !table.columns[column].targets().iter().any(fits) {
            return Err(Refusal::payload(
                table,
                &format!(
                    "'{navigation}' can't name a row of the type 'Microsoft.Dynamics.CRM.{name}'."
                ),
            ));
        }
        Ok(Bind {
            column,
            table: target,
            address,
        })
    }

    /// Reads the rows that shall name the one that is written.
    fn bind_members(
        &self,
        payload: &mut Payload,
        table: &Table,
        navigation: &str,
        json: &Json,
        column: usize,
        members: TableId,
    ) -> Outcome<()> {
        let wrong = || {
            Refusal::payload(
                table,
                &format!(
                    "'{navigation}@odata.bind' must be an array of strings, each of a row of the collection."
                ),
            )
        };
        if self.purpose == Purpose::Update {
            return Err(deep_update(table, navigation));
        }
        for member in json.as_array().ok_or_else(wrong)? {
            let text = member.as_str().ok_or_else(wrong)?;
            let (own, address) = path::bound(self.schema, self.root, text)?;
            if own != members {
                return Err(wrong());
            }
            payload.members.push(Bind {
                column,
                table: members,
                address,
            });
        }
        Ok(())
    }

    /// Reads a row inside of another.
    fn nested(
        &self,
        outer: &Table,
        navigation: &str,
        column: usize,
        table: TableId,
        body: &Map<String, Json>,
    ) -> Outcome<Nested> {
        if self.purpose == Purpose::Update {
            return Err(deep_update(outer, navigation));
        }
        let depth = self.depth + 1;
        if depth > DEEPEST {
            return Err(Refusal::payload(
                outer,
                &format!("Rows are nested more than {DEEPEST} deep."),
            ));
        }
        let definition = self.schema.table(table);
        if !definition.writes.create() {
            return Err(Refusal::message_not_supported(
                &http::Method::POST,
                definition,
            ));
        }
        let payload = Reader { depth, ..*self }.read(table, body)?;
        Ok(Nested {
            column,
            table,
            payload,
        })
    }

    fn property(&self, payload: &mut Payload, id: TableId, name: &str, json: &Json) -> Outcome<()> {
        let table = self.schema.table(id);
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
                payload.id = value.as_id();
                return Ok(());
            }
            let writable = match self.purpose {
                Purpose::Create => column.create,
                Purpose::Update => column.update,
            };
            if writable {
                payload
                    .columns
                    .push((index, checked(table, column, value)?));
            } else if self.purpose == Purpose::Create && matches!(column.kind, Kind::State { .. }) {
                return Err(Refusal::not_for_create(table, column.name));
            }
            return Ok(());
        }
        if let Some((column, target)) = table.navigation(name) {
            return match json {
                Json::Null => {
                    payload.columns.push((column, Value::Null));
                    Ok(())
                }
                Json::Object(body) => {
                    let named = self.schema.by_name(target.table);
                    let named = named.ok_or_else(|| undeclared(table, name))?;
                    payload
                        .parents
                        .push(self.nested(table, name, column, named, body)?);
                    Ok(())
                }
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
        if let Some(collection) = table.collection(name) {
            let children = json.as_array().ok_or_else(|| {
                Refusal::payload(
                    table,
                    &format!("'{name}' is a collection of rows and must be an array."),
                )
            })?;
            for child in children {
                let body = child.as_object().ok_or_else(|| {
                    Refusal::payload(table, &format!("Each of '{name}' must be an object."))
                })?;
                let (column, named) = (collection.column, collection.table);
                payload
                    .children
                    .push(self.nested(table, name, column, named, body)?);
            }
            return Ok(());
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
}

/// Rows that are nested in an update (inferred).
fn deep_update(table: &Table, navigation: &str) -> Refusal {
    Refusal::payload(
        table,
        &format!("Deep update of the navigation property '{navigation}' is not allowed."),
    )
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
