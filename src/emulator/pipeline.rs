//! What runs around an operation: for now one synchronous step, the ensure plug-in at `PreValidation` of a ticket's Create.
//!
//! The step stands outside the transaction: a stub that it made stays even if the ticket is then refused.

use uuid::Uuid;

use super::instance::Instance;
use super::odata::path::Address;
use super::odata::payload::{Bind, Payload};
use super::operation::{Caller, write};
use super::refusal::Outcome;
use super::schema::Schema;
use super::store::Store;
use super::user_id;
use super::value::{TableId, Value};

/// The name, and the client id as it were, of the user under which plug-ins write.
pub(crate) const PLUG_IN_USER: &str = "SYSTEM";

/// Runs the steps that stand before the validation of a Create.
pub(crate) fn before_create(
    instance: &Instance,
    store: &mut Store,
    caller: Caller,
    table: TableId,
    payload: &Payload,
) -> Outcome<()> {
    let schema = store.schema().clone();
    if schema.table(table).name != "incident" || !instance.has_plug_in() || caller.bypasses_plug_ins
    {
        return Ok(());
    }
    let customer = schema.table(table).column("customerid");
    for bind in payload
        .binds
        .iter()
        .filter(|bind| Some(bind.column) == customer)
    {
        ensure(instance, store, &schema, bind)?;
    }
    Ok(())
}

/// Makes a stub of the row that is named, unless it is there.
fn ensure(instance: &Instance, store: &mut Store, schema: &Schema, bind: &Bind) -> Outcome<()> {
    let Address::Id(id) = bind.address else {
        return Ok(());
    };
    if store.get(bind.table, id).is_some() {
        return Ok(());
    }
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
        user: user_id(instance.name, PLUG_IN_USER),
        bypasses_plug_ins: true,
    };
    write::insert(instance, store, caller, bind.table, id, columns)?;
    Ok(())
}

/// The name of a stub, which says that nothing better is known.
pub(crate) fn placeholder(id: Uuid) -> String {
    let id = id.to_string();
    format!("Awaiting sync {}", id.get(..8).unwrap_or_default())
}
