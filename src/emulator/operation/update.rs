//! PATCH of a row: an update, or with nothing there a create; the conditions allow only one of them.
//!
//! By key, the key's values come from the URL where the body has none, and on an update the body's are ignored.

use http::StatusCode;
use uuid::Uuid;

use super::{Call, find, missing};
use crate::emulator::odata::path::{Address, KeyAddress};
use crate::emulator::odata::payload::{Payload, Purpose};
use crate::emulator::pipeline;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::Reply;
use crate::emulator::row::Row;
use crate::emulator::schema::Table;
use crate::emulator::transaction::Transaction;
use crate::emulator::value::{Reference, TableId, Value};

/// So often an upsert sees a row come or go before it gives up.
const MOST_DECISIONS: u32 = 3;

pub(crate) fn answer(
    transaction: &mut Transaction,
    call: &Call,
    table: TableId,
    address: &Address,
) -> Outcome<Reply> {
    call.query.only(&["$select", "$expand"])?;
    let definition = call.schema.table(table);
    call.query.select(definition)?;
    let body = call.object(definition)?;
    let read = |purpose| Payload::read(&call.schema, table, purpose, &call.root, &body);
    let is_unconditional =
        call.conditions.if_match.is_none() && call.conditions.if_none_match.is_none();
    let is_part = transaction.is_open();
    if let (true, Address::Id(id)) = (is_part, address) {
        transaction.wait_for(table, *id)?;
    }
    let mut decisions = MOST_DECISIONS;
    let (row, status) = loop {
        decisions -= 1;
        let existing = transaction.read(|store| find(store, table, address));
        let written = match existing {
            Some(id) => read(Purpose::Update)
                .and_then(|payload| update(transaction, call, table, address, id, payload))
                .map(|row| (row, StatusCode::OK)),
            None if call.conditions.if_match.is_some() => {
                Err(missing(&call.schema, table, address))
            }
            None => read(Purpose::Create)
                .and_then(|payload| create(transaction, call, table, address, payload))
                .map(|row| (row, StatusCode::CREATED)),
        };
        let decides_again = written.is_err() && is_unconditional && !is_part && decisions > 0;
        if !decides_again {
            break written?;
        }
        // It came or went while this one waited for it: an upsert is then the other of the two.
        *transaction = Transaction::new(transaction.instance());
        let now = transaction.read(|store| find(store, table, address));
        if now.is_some() == existing.is_some() {
            break written?;
        }
    };
    let url = echo(call, definition, address);
    call.written(transaction, table, &row, &url, status)
}

fn update(
    transaction: &mut Transaction,
    call: &Call,
    table: TableId,
    address: &Address,
    id: Uuid,
    mut payload: Payload,
) -> Outcome<Row> {
    same_id(address, payload.id)?;
    if let Address::Key(key) = address {
        payload.columns.retain(|(column, _)| !key.has(*column));
    }
    pipeline::update(
        transaction,
        &call.context,
        &call.conditions,
        table,
        id,
        payload,
    )
}

fn create(
    transaction: &mut Transaction,
    call: &Call,
    table: TableId,
    address: &Address,
    mut payload: Payload,
) -> Outcome<Row> {
    same_id(address, payload.id)?;
    let id = match address {
        Address::Id(id) => *id,
        Address::Key(key) => {
            // What the body says comes later and so wins.
            let own = key_columns(transaction, call.schema.table(table), key)?;
            payload.columns.splice(..0, own);
            payload.id.unwrap_or_else(Uuid::now_v7)
        }
    };
    pipeline::create(transaction, &call.context, table, id, payload)
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

/// The values of a key for a new row; of the tables that a lookup may name, the one that has the row.
pub(crate) fn key_columns(
    transaction: &Transaction,
    table: &Table,
    key: &KeyAddress,
) -> Outcome<Vec<(usize, Value)>> {
    transaction.read(|store| {
        let schema = store.schema();
        let column_of = |(column, value): &(usize, Value)| {
            let Some(Reference { id, .. }) = value.as_ref().as_reference() else {
                return Ok((*column, value.clone()));
            };
            let targets = table.columns[*column].targets().iter();
            let named = targets.filter_map(|target| schema.by_name(target.table));
            let found = named.clone().find(|named| store.get(*named, id).is_some());
            let missing = || match named.clone().next() {
                Some(named) => Refusal::bind_missing(schema.table(named), id),
                None => Refusal::key_not_declared(table),
            };
            let table = found.ok_or_else(missing)?;
            Ok((*column, Value::Lookup(Reference { table, id })))
        };
        key.values.iter().map(column_of).collect()
    })
}

/// The address as the client wrote it: a row that was addressed by key doesn't show its id.
fn echo(call: &Call, table: &Table, address: &Address) -> String {
    match address {
        Address::Id(id) => format!("{}/{}({id})", call.root, table.set),
        Address::Key(key) => format!("{}/{}({})", call.root, table.set, key.text),
    }
}
