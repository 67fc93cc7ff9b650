//! One column of a row by itself: GET as JSON or with `/$value` as it is, PUT and DELETE as an update of it alone.

use http::StatusCode;
use serde_json::{Map, Value as Json};

use super::{Call, find, found, missing};
use crate::emulator::instance::Instance;
use crate::emulator::odata::field::Field;
use crate::emulator::odata::path::{Address, Property};
use crate::emulator::odata::payload::{Payload, Purpose};
use crate::emulator::odata::{render, rows};
use crate::emulator::pipeline;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::schema::Table;
use crate::emulator::transaction::Transaction;
use crate::emulator::value::TableId;

/// A column that holds nothing is 204 (`OData`; Dataverse's own answer was not found).
pub(crate) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    address: &Address,
    property: Property,
) -> Outcome<Reply> {
    call.query.only(&[])?;
    let store = call.view(instance);
    let row = found(&store, table, address)?;
    let definition = call.schema.table(table);
    let value = Field::own(property.column, &definition.columns[property.column]).of(&store, row);
    if value.is_null() {
        return Ok(reply::no_content());
    }
    if property.raw {
        let text = match render::json(value) {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        return Ok(reply::text(StatusCode::OK, "text/plain", text));
    }
    let mut body = b"{\"@odata.context\":".to_vec();
    rows::scalar(
        &mut body,
        &format!(
            "{}/$metadata#{}({})/{}",
            call.root,
            definition.set,
            row.id(),
            definition.columns[property.column].wire_name
        ),
    );
    body.extend_from_slice(b",\"value\":");
    rows::value(&mut body, value);
    body.push(b'}');
    Ok(reply::written(StatusCode::OK, body))
}

/// Writes `{"value": …}` into the column.
pub(crate) fn put(
    transaction: &mut Transaction,
    call: &Call,
    table: TableId,
    address: &Address,
    column: usize,
) -> Outcome<Reply> {
    let definition = call.schema.table(table);
    let mut body = call.object(definition)?;
    let value = body.shift_remove("value").ok_or_else(|| {
        Refusal::payload(definition, "The body must hold the property as 'value'.")
    })?;
    if let Some(other) = body.keys().find(|name| !name.starts_with('@')) {
        return Err(Refusal::payload(
            definition,
            &format!(
                "The body of a property holds nothing but 'value', and '{other}' is not that."
            ),
        ));
    }
    write(transaction, call, table, address, column, value)
}

/// Empties the column.
pub(crate) fn delete(
    transaction: &mut Transaction,
    call: &Call,
    table: TableId,
    address: &Address,
    column: usize,
) -> Outcome<Reply> {
    write(transaction, call, table, address, column, Json::Null)
}

fn write(
    transaction: &mut Transaction,
    call: &Call,
    table: TableId,
    address: &Address,
    column: usize,
    value: Json,
) -> Outcome<Reply> {
    call.query.only(&[])?;
    let definition = call.schema.table(table);
    let name = name(definition, column)?;
    let body = Map::from_iter([(name.to_owned(), value)]);
    let payload = Payload::read(&call.schema, table, Purpose::Update, &call.root, &body)?;
    let id = transaction.read(|store| find(store, table, address));
    let id = id.ok_or_else(|| missing(&call.schema, table, address))?;
    pipeline::update(
        transaction,
        &call.context,
        &call.conditions,
        table,
        id,
        payload,
    )?;
    Ok(reply::no_content())
}

/// The column's name, if it can be written in this way: lookups, the primary id and what the service alone writes can't
/// (contract 2.3).
fn name(table: &Table, column: usize) -> Outcome<&str> {
    let definition = table.columns.get(column);
    match definition {
        Some(definition)
            if definition.targets().is_empty() && column != table.id && definition.update =>
        {
            Ok(definition.name)
        }
        _ => Err(Refusal::payload(
            table,
            &format!(
                "The property '{}' can't be written by itself.",
                definition.map_or("", |column| &column.wire_name)
            ),
        )),
    }
}
