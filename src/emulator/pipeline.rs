//! What runs around a message: for now one synchronous step, the ensure plug-in at `PreValidation` of a ticket's Create.
//!
//! `PreValidation` stands outside of the transaction, unless the message is itself a part of one: a stub that it made
//! stays even if the ticket is then refused. The transaction begins with the main operation.

mod context;

pub(crate) use self::context::Context;

use uuid::Uuid;

use super::odata::path::Address;
use super::odata::payload::{Bind, Payload};
use super::operation::{Caller, Conditions, delete, write};
use super::refusal::{Outcome, Refusal};
use super::row::Row;
use super::transaction::Transaction;
use super::user_id;
use super::value::{Reference, TableId, Value};

/// The name, and the client id as it were, of the user under which plug-ins write.
pub(crate) const PLUG_IN_USER: &str = "SYSTEM";

/// The message Create.
pub(crate) fn create(
    transaction: &mut Transaction,
    context: &Context,
    table: TableId,
    id: Uuid,
    mut payload: Payload,
) -> Outcome<Row> {
    transaction.read(|store| payload.resolve_keys(store))?;
    before_create(transaction, context, table, &payload)?;
    let columns = resolved(transaction, context, payload)?;
    write::insert(transaction, context.caller, table, id, columns)
}

/// The message Update, of a row that was there.
pub(crate) fn update(
    transaction: &mut Transaction,
    context: &Context,
    conditions: &Conditions,
    table: TableId,
    id: Uuid,
    mut payload: Payload,
) -> Outcome<Row> {
    transaction.read(|store| payload.resolve_keys(store))?;
    let row = current(transaction, table, id)?;
    conditions.allow_change(&row)?;
    let columns = resolved(transaction, context, payload)?;
    write::change(transaction, context.caller, table, &row, columns)
}

/// The columns of a payload, each of whose binds names a row that exists.
fn resolved(
    transaction: &mut Transaction,
    context: &Context,
    payload: Payload,
) -> Outcome<Vec<(usize, Value)>> {
    let store = transaction.store();
    if context.many
        && let Some(missing) = payload.missing(store)
    {
        return Err(Refusal::binds_missing(
            store.schema().table(missing.table),
            missing.id,
        ));
    }
    payload.resolve(store)
}

/// The message Delete, of a row that was there.
pub(crate) fn delete(
    transaction: &mut Transaction,
    context: &Context,
    conditions: &Conditions,
    named: Reference,
) -> Outcome<()> {
    let row = current(transaction, named.table, named.id)?;
    conditions.allow_change(&row)?;
    delete::remove(transaction, context.caller, named)
}

/// The row as it is once nobody else holds it.
fn current(transaction: &mut Transaction, table: TableId, id: Uuid) -> Outcome<Row> {
    transaction.wait_for(table, id)?;
    let store = transaction.store();
    let missing = || Refusal::row_missing(store.schema().table(table), id);
    store.get(table, id).cloned().ok_or_else(missing)
}

/// Runs the steps that stand before the validation of a Create.
fn before_create(
    transaction: &mut Transaction,
    context: &Context,
    table: TableId,
    payload: &Payload,
) -> Outcome<()> {
    let instance = transaction.instance();
    let schema = transaction.read(|store| store.schema().clone());
    if schema.table(table).name != "incident"
        || !instance.has_plug_in()
        || context.bypass.synchronous
    {
        return Ok(());
    }
    let customer = schema.table(table).column("customerid");
    for bind in payload
        .binds
        .iter()
        .filter(|bind| Some(bind.column) == customer)
    {
        if transaction.is_open() {
            ensure(transaction, bind)?;
        } else {
            let mut own = Transaction::new(instance);
            ensure(&mut own, bind)?;
            own.commit();
        }
    }
    Ok(())
}

/// Makes a stub of the row that is named, unless it is there.
fn ensure(transaction: &mut Transaction, bind: &Bind) -> Outcome<()> {
    let Address::Id(id) = bind.address else {
        return Ok(());
    };
    transaction.wait_for(bind.table, id)?;
    let store = transaction.store();
    if store.get(bind.table, id).is_some() {
        return Ok(());
    }
    let schema = store.schema().clone();
    let table = schema.table(bind.table);
    let name = if table.name == "contact" {
        "lastname"
    } else {
        "name"
    };
    let columns = table
        .column(name)
        .map(|column| (column, Value::text(&placeholder(id))))
        .into_iter()
        .collect();
    let caller = Caller {
        user: user_id(transaction.instance().name, PLUG_IN_USER),
    };
    write::insert(transaction, caller, bind.table, id, columns)?;
    Ok(())
}

/// The name of a stub, which says that nothing better is known.
pub(crate) fn placeholder(id: Uuid) -> String {
    let id = id.to_string();
    format!("Awaiting sync {}", id.get(..8).unwrap_or_default())
}
