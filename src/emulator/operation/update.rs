//! PATCH of a row: an update, or with nothing there a create; the conditions allow only one of them.
//!
//! By key, the key's values come from the URL where the body has none, and on an update the body's are ignored.

use std::sync::Arc;

use http::StatusCode;
use uuid::Uuid;

use super::{Call, find, missing, write};
use crate::emulator::instance::Instance;
use crate::emulator::odata::path::{Address, KeyAddress};
use crate::emulator::odata::payload::{Payload, Purpose};
use crate::emulator::pipeline;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::schema::Table;
use crate::emulator::store::{Row, Store};
use crate::emulator::value::{TableId, Value};

pub(crate) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    address: &Address,
) -> Outcome<Reply> {
    call.query.only(&["$select"])?;
    let definition = instance.schema.table(table);
    call.query.select(definition)?;
    let body = call.object(definition)?;
    let read = |purpose| Payload::read(&instance.schema, table, purpose, &call.root, &body);
    let mut store = instance.write();
    let existing = find(&store, table, address).and_then(|id| store.get(table, id).cloned());
    let (row, status) = match existing {
        Some(row) => {
            let payload = read(Purpose::Update)?;
            (
                update(instance, &mut store, call, table, address, &row, payload)?,
                StatusCode::OK,
            )
        }
        None if call.conditions.if_match.is_some() => return Err(missing(&store, table, address)),
        None => {
            let payload = read(Purpose::Create)?;
            (
                create(instance, &mut store, call, table, address, payload)?,
                StatusCode::CREATED,
            )
        }
    };
    if !call.preferences.representation {
        return Ok(reply::with_entity_id(
            reply::no_content(),
            &echo(call, definition, address),
        ));
    }
    let reply = reply::json(status, &call.entity(&store, table, &row)?);
    let reply = reply::with_etag(reply, row.version);
    Ok(reply::with_preferences(
        reply,
        &call.preferences.applied_to_row(),
    ))
}

fn update(
    instance: &Instance,
    store: &mut Store,
    call: &Call,
    table: TableId,
    address: &Address,
    row: &Arc<Row>,
    payload: Payload,
) -> Outcome<Arc<Row>> {
    call.conditions.allow_change(row)?;
    same_id(address, payload.id)?;
    let mut columns = payload.resolve(store)?;
    if let Address::Key(key) = address {
        columns.retain(|(column, _)| key.values.iter().all(|(own, _)| own != column));
    }
    write::change(instance, store, call.caller, table, row, columns)
}

fn create(
    instance: &Instance,
    store: &mut Store,
    call: &Call,
    table: TableId,
    address: &Address,
    mut payload: Payload,
) -> Outcome<Arc<Row>> {
    same_id(address, payload.id)?;
    let (id, mut columns) = match address {
        Address::Id(id) => (*id, Vec::new()),
        Address::Key(key) => (payload.id.unwrap_or_else(Uuid::now_v7), key_columns(key)?),
    };
    payload.resolve_keys(store)?;
    pipeline::before_create(instance, store, call.caller, table, &payload)?;
    columns.extend(payload.resolve(store)?);
    write::insert(instance, store, call.caller, table, id, columns)
}

/// The URL's id and the body's must be one.
fn same_id(address: &Address, id: Option<Uuid>) -> Outcome<()> {
    match (address, id) {
        (Address::Id(own), Some(id)) if *own != id => Err(Refusal::argument(
            "The primary id in the body is not that of the URL.",
        )),
        _ => Ok(()),
    }
}

fn key_columns(key: &KeyAddress) -> Outcome<Vec<(usize, Value)>> {
    if key
        .values
        .iter()
        .any(|(_, value)| value.as_reference().is_some())
    {
        return Err(Refusal::unsupported("Upsert by a key with a lookup"));
    }
    Ok(key.values.clone())
}

/// The address as the client wrote it: a row that was addressed by key doesn't show its id.
fn echo(call: &Call, table: &Table, address: &Address) -> String {
    match address {
        Address::Id(id) => format!("{}/{}({id})", call.root, table.set),
        Address::Key(key) => format!("{}/{}({})", call.root, table.set, key.text),
    }
}
