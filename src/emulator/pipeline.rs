//! What runs around a message: the steps that are registered for it, stage by stage (contract 8, 15).
//!
//! ```text
//! PreValidation ─▶ PreOperation ─▶ the message itself ─▶ PostOperation ─▶ commit ─▶ asynchronous steps
//!      10              20                                     40
//! ```
//!
//! `PreValidation` stands outside of the transaction, unless the message is itself a part of one: a stub that it made
//! stays even if the ticket is then refused. The transaction begins with `PreOperation`.

mod built_in;
mod context;
mod duplicate;
mod endpoint;
mod event;
mod execution_context;
mod hook;
mod registration;
mod step;

pub(crate) use self::context::Context;
pub(crate) use self::event::Event;
pub(crate) use self::hook::Hooks;
pub use self::hook::Webhooks;
pub(crate) use self::step::{Handler, Known, Step};

use std::sync::Arc;

use uuid::Uuid;

use self::step::{Message, Stage};
use super::odata::payload::Payload;
use super::operation::{Conditions, delete, find, missing, write};
use super::refusal::{Outcome, Refusal};
use super::row::Row;
use super::security::Access;
use super::store::Store;
use super::transaction::Transaction;
use super::value::{Reference, TableId, Value, ValueRef};

/// The name, and the client id as it were, of the user under which plug-ins write.
pub(crate) const PLUG_IN_USER: &str = "SYSTEM";

/// The state of a ticket that is resolved.
const RESOLVED: i64 = 1;

/// The message Create.
pub(crate) fn create(
    transaction: &mut Transaction,
    context: &Context,
    table: TableId,
    id: Uuid,
    mut payload: Payload,
) -> Outcome<Row> {
    context.check_depth()?;
    transaction.read(|store| payload.resolve_keys(store))?;
    let (children, members) = (
        std::mem::take(&mut payload.children),
        std::mem::take(&mut payload.members),
    );
    if payload.is_deep() || !children.is_empty() || !members.is_empty() {
        // Every row of a deep insert is a part of one transaction, from its first stage on.
        transaction.store();
    }
    for parent in std::mem::take(&mut payload.parents) {
        let named = create_nested(transaction, context, parent.table, parent.payload)?;
        payload.columns.push((parent.column, Value::Lookup(named)));
    }
    let event = Event::begin(
        transaction,
        context,
        Message::Create,
        Reference { table, id },
        || payload.attributes(),
    );
    let allowed = permission(transaction, context, Access::Create, table);
    before(transaction, event.as_ref(), allowed)?;
    transaction.wait_to_name(Some(Reference { table, id }), &names(&payload))?;
    let columns = resolved(transaction, context, payload)?;
    let rights = &context.rights;
    rights.may_set(Access::Create, transaction.store(), table, &columns)?;
    let row = write::insert(transaction, context.caller, table, id, columns)?;
    registration::check(transaction.instance(), transaction.store(), table, &row)?;
    if context.detects_duplicates {
        duplicate::check(transaction.store(), table, &row)?;
    }
    after(transaction, event.as_ref())?;
    let own = Value::Lookup(Reference { table, id });
    for mut child in children {
        child.payload.columns.push((child.column, own.clone()));
        create_nested(transaction, context, child.table, child.payload)?;
    }
    for member in members {
        let columns = vec![(member.column, own.clone())];
        let address = &member.address;
        let found = transaction.read(|store| find(store, member.table, address));
        let found = found.ok_or_else(|| {
            transaction.read(|store| missing(store.schema(), member.table, address))
        })?;
        let payload = Payload {
            columns,
            ..Payload::default()
        };
        let conditions = Conditions::default();
        update(
            transaction,
            context,
            &conditions,
            member.table,
            found,
            payload,
        )?;
    }
    Ok(row)
}

/// The message Create of a row that is nested in another.
fn create_nested(
    transaction: &mut Transaction,
    context: &Context,
    table: TableId,
    payload: Payload,
) -> Outcome<Reference> {
    let id = payload.id.unwrap_or_else(Uuid::now_v7);
    create(transaction, context, table, id, payload)?;
    Ok(Reference { table, id })
}

/// The message Update, of a row that was there.
pub(crate) fn update(
    transaction: &mut Transaction,
    context: &Context,
    conditions: &Conditions,
    table: TableId,
    id: Uuid,
    payload: Payload,
) -> Outcome<Row> {
    let allow = |row: &Row| conditions.allow_change(row);
    update_if(
        transaction,
        context,
        Reference { table, id },
        payload,
        allow,
    )
}

/// The message Update, of a row that is asked once nobody else can change it.
pub(crate) fn update_if(
    transaction: &mut Transaction,
    context: &Context,
    Reference { table, id }: Reference,
    mut payload: Payload,
    allow: impl FnOnce(&Row) -> Outcome<()>,
) -> Outcome<Row> {
    context.check_depth()?;
    transaction.read(|store| payload.resolve_keys(store))?;
    let event = Event::begin(
        transaction,
        context,
        Message::Update,
        Reference { table, id },
        || payload.attributes(),
    );
    let allowed = permission(transaction, context, Access::Write, table);
    before(transaction, event.as_ref(), allowed)?;
    transaction.wait_to_name(Some(Reference { table, id }), &names(&payload))?;
    let row = current(transaction, table, id)?;
    allow(&row)?;
    let columns = resolved(transaction, context, payload)?;
    let store = transaction.store();
    let rights = &context.rights;
    rights.may_row(Access::Write, store.schema(), table, &row)?;
    rights.may_set(Access::Write, store, table, &columns)?;
    let row = write::change(transaction, context.caller, table, &row, columns)?;
    registration::check(transaction.instance(), transaction.store(), table, &row)?;
    if context.detects_duplicates {
        duplicate::check(transaction.store(), table, &row)?;
    }
    after(transaction, event.as_ref())?;
    Ok(row)
}

/// An Update that resolves a ticket, as which the message Close reaches the steps (inferred).
pub(crate) fn close(
    transaction: &mut Transaction,
    context: &Context,
    named: Reference,
    status: Option<i64>,
) -> Outcome<()> {
    context.check_depth()?;
    let Reference { table, id } = named;
    let columns = transaction.read(|store| {
        let table = store.schema().table(table);
        [
            (table.column("statecode"), Value::Int(RESOLVED)),
            (
                table.column("statuscode"),
                status.map_or(Value::Null, Value::Int),
            ),
        ]
    });
    let attributes = || {
        let columns = columns.into_iter();
        columns.filter_map(|(column, value)| Some((column?, value)))
    };
    let event = Event::begin(transaction, context, Message::Update, named, || {
        attributes().collect()
    });
    let allowed = permission(transaction, context, Access::Write, table);
    before(transaction, event.as_ref(), allowed)?;
    let row = current(transaction, table, id)?;
    let schema = Arc::clone(transaction.store().schema());
    let rights = &context.rights;
    rights.may_row(Access::Write, &schema, table, &row)?;
    write::resolve(transaction, context.caller, table, &row, status)?;
    after(transaction, event.as_ref())
}

/// The message Delete, of a row that was there, and of each that goes along with it (inferred).
pub(crate) fn delete(
    transaction: &mut Transaction,
    context: &Context,
    conditions: &Conditions,
    named: Reference,
) -> Outcome<()> {
    context.check_depth()?;
    let mut condemned = vec![named];
    while let Some(next) = condemned.pop() {
        let is_there = |store: &Store| store.get(next.table, next.id).is_some();
        if next != named && !transaction.read(is_there) {
            continue;
        }
        let event = Event::begin(transaction, context, Message::Delete, next, Vec::new);
        // What goes along needs no privilege of its own.
        let allowed = if next == named {
            permission(transaction, context, Access::Delete, next.table)
        } else {
            Ok(())
        };
        before(transaction, event.as_ref(), allowed)?;
        transaction.wait_to_remove(next.table, next.id)?;
        let row = current(transaction, next.table, next.id);
        if next == named {
            let row = row?;
            conditions.allow_change(&row)?;
            let schema = Arc::clone(transaction.store().schema());
            let rights = &context.rights;
            rights.may_row(Access::Delete, &schema, next.table, &row)?;
        } else if row.is_err() {
            continue;
        }
        condemned.extend(delete::remove(transaction, context.caller, next)?);
        after(transaction, event.as_ref())?;
    }
    Ok(())
}

/// Whether the caller may do this with the table at all.
fn permission(
    transaction: &Transaction,
    context: &Context,
    access: Access,
    table: TableId,
) -> Outcome<()> {
    let rights = &context.rights;
    transaction.read(|store| rights.may(access, store.schema().table(table)))
}

/// The stages before the message itself; the second is inside of the transaction.
///
/// The first comes before the caller's privileges count (contract 8.1).
fn before(
    transaction: &mut Transaction,
    event: Option<&Arc<Event>>,
    allowed: Outcome<()>,
) -> Outcome<()> {
    if let Some(event) = event {
        event.run(transaction, Stage::PreValidation)?;
    }
    allowed?;
    if let Some(event) = event {
        transaction.store();
        event.run(transaction, Stage::PreOperation)?;
    }
    Ok(())
}

/// The stage behind the message, and the jobs of the steps that follow the commit.
fn after(transaction: &mut Transaction, event: Option<&Arc<Event>>) -> Outcome<()> {
    if let Some(event) = event {
        event.run(transaction, Stage::PostOperation)?;
        event.leave_jobs(transaction)?;
    }
    Ok(())
}

/// The rows that a payload leads lookups to.
fn names(payload: &Payload) -> Vec<Reference> {
    let attributes = payload.attributes();
    let named = attributes.iter().map(|(_, value)| value.as_ref());
    named.filter_map(ValueRef::as_reference).collect()
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

/// The row as it is once nobody else holds it.
fn current(transaction: &mut Transaction, table: TableId, id: Uuid) -> Outcome<Row> {
    transaction.wait_for(table, id)?;
    let store = transaction.store();
    let missing = || Refusal::row_missing(store.schema().table(table), id);
    store.get(table, id).cloned().ok_or_else(missing)
}

/// The name of a stub, which says that nothing better is known.
pub(crate) fn placeholder(id: Uuid) -> String {
    let id = id.to_string();
    format!("Awaiting sync {}", id.get(..8).unwrap_or_default())
}
