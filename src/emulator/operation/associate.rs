//! `$ref`: a navigation property is led to a row, or away from it; in either direction an update of one lookup.

use serde_json::Value as Json;
use uuid::Uuid;

use super::{Call, Conditions, find, missing};
use crate::emulator::odata::path::{self, Address, End, Navigation, Part};
use crate::emulator::odata::payload::{Payload, Purpose};
use crate::emulator::pipeline;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::transaction::Transaction;
use crate::emulator::value::{Reference, TableId, Value};

use http::{Method, StatusCode};

pub(crate) fn answer(
    transaction: &mut Transaction,
    call: &Call,
    table: TableId,
    address: &Address,
    navigation: &Navigation,
) -> Outcome<Reply> {
    let id = transaction.read(|store| find(store, table, address));
    let id = id.ok_or_else(|| missing(&call.schema, table, address))?;
    let named = Reference { table, id };
    let refusal = Refusal::method_not_allowed(&call.method);
    match (&call.method, navigation.end, &navigation.part) {
        (&Method::PUT, End::Row { lookup, .. }, Part::Reference) => {
            call.query.only(&[])?;
            let text = target(call, table)?;
            let property = (navigation.name.as_str(), lookup);
            let payload = Payload::read_bind(&call.schema, table, &call.root, property, &text)?;
            let conditions = &call.conditions;
            pipeline::update(transaction, &call.context, conditions, table, id, payload)?;
        }
        (
            &Method::DELETE,
            End::Row {
                lookup,
                table: leads_to,
            },
            Part::Reference,
        ) => {
            call.query.only(&[])?;
            let leads_there = |row: Reference| row.table == leads_to;
            clear(
                transaction,
                call,
                &call.conditions,
                named,
                lookup,
                leads_there,
            )?;
        }
        (&Method::POST, End::Rows { lookup, table: of }, Part::Reference) => {
            call.query.only(&[])?;
            let text = target(call, table)?;
            let member = member(transaction, call, of, &text)?;
            let payload = Payload {
                columns: vec![(lookup, Value::Lookup(named))],
                ..Payload::default()
            };
            let conditions = Conditions::default();
            pipeline::update(transaction, &call.context, &conditions, of, member, payload)?;
        }
        (&Method::DELETE, End::Rows { lookup, table: of }, Part::Reference) => {
            call.query.only(&["$id"])?;
            let text = call.query.get("$id").ok_or_else(|| {
                Refusal::url("The member of the collection must be named by $id or by its key.")
            })?;
            let id = member(transaction, call, of, text)?;
            let member = Reference { table: of, id };
            let conditions = Conditions::default();
            clear(transaction, call, &conditions, member, lookup, |own| {
                own == named
            })?;
        }
        (&Method::DELETE, End::Rows { lookup, table: of }, Part::MemberReference(address)) => {
            call.query.only(&[])?;
            let id = transaction.read(|store| find(store, of, address));
            let id = id.ok_or_else(|| missing(&call.schema, of, address))?;
            let member = Reference { table: of, id };
            let conditions = Conditions::default();
            clear(transaction, call, &conditions, member, lookup, |own| {
                own == named
            })?;
        }
        (&Method::POST, End::Rows { lookup, table: of }, Part::Whole) => {
            return create_member(transaction, call, named, of, lookup);
        }
        _ => return Err(refusal),
    }
    Ok(reply::no_content())
}

/// The row that the body names by `@odata.id`.
pub(super) fn target(call: &Call, table: TableId) -> Outcome<String> {
    let definition = call.schema.table(table);
    let body = call.object(definition)?;
    match body.get("@odata.id") {
        Some(Json::String(text)) => Ok(text.clone()),
        _ => Err(Refusal::payload(
            definition,
            "The body must name a row by '@odata.id'.",
        )),
    }
}

/// The id of a row of a collection's table.
pub(super) fn member(
    transaction: &Transaction,
    call: &Call,
    of: TableId,
    text: &str,
) -> Outcome<Uuid> {
    let (table, address) = path::bound(&call.schema, &call.root, text)?;
    if table != of {
        let name = call.schema.table(of).name;
        return Err(Refusal::url(format!(
            "'{text}' is not a row of the type 'Microsoft.Dynamics.CRM.{name}'."
        )));
    }
    let found = transaction.read(|store| find(store, table, &address));
    found.ok_or_else(|| missing(&call.schema, table, &address))
}

/// Empties a lookup that names what it shall not name any more.
fn clear(
    transaction: &mut Transaction,
    call: &Call,
    conditions: &Conditions,
    row: Reference,
    lookup: usize,
    names: impl Fn(Reference) -> bool,
) -> Outcome<()> {
    // What is not associated is not there to be taken away (inferred).
    let missing = || Refusal::row_missing(call.schema.table(row.table), row.id);
    let still = |own: &Row| own.value(lookup).as_reference().is_some_and(&names);
    let is_there = |store: &Store| store.get(row.table, row.id).is_some_and(still);
    if !transaction.read(is_there) {
        return Err(missing());
    }
    let payload = Payload {
        columns: vec![(lookup, Value::Null)],
        ..Payload::default()
    };
    // It may have been led elsewhere while this one waited.
    let allow = |own: &Row| {
        if !still(own) {
            return Err(missing());
        }
        conditions.allow_change(own)
    };
    pipeline::update_if(transaction, &call.context, row, payload, allow)?;
    Ok(())
}

/// POST to a collection of a row: a new row that names it.
fn create_member(
    transaction: &mut Transaction,
    call: &Call,
    named: Reference,
    table: TableId,
    lookup: usize,
) -> Outcome<Reply> {
    call.query.only(&["$select"])?;
    let definition = call.schema.table(table);
    call.query.select(definition)?;
    let body = call.object(definition)?;
    let mut payload = Payload::read(&call.schema, table, Purpose::Create, &call.root, &body)?;
    payload.columns.push((lookup, Value::Lookup(named)));
    let id = payload.id.unwrap_or_else(Uuid::now_v7);
    let row = pipeline::create(transaction, &call.context, table, id, payload)?;
    let url = format!("{}/{}({id})", call.root, definition.set);
    call.written(transaction, table, &row, &url, StatusCode::CREATED)
}
