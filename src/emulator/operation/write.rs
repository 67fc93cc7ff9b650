//! What create, update, upsert and the plug-in have in common: defaults, computed columns, states, the audit columns.
//!
//! Checks whole rows; single values were checked when the payload was read.

use std::sync::Arc;

use uuid::Uuid;

use super::computed::{compute, number};
use super::{Caller, money};
use crate::emulator::instance::Instance;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::{Kind, Required, Schema, Table};
use crate::emulator::store::Store;
use crate::emulator::transaction::Transaction;
use crate::emulator::value::{Reference, TableId, Value};

/// Stores a new row with the given columns.
pub(crate) fn insert(
    transaction: &mut Transaction,
    caller: Caller,
    id: TableId,
    row: Uuid,
    columns: Vec<(usize, Value)>,
) -> Outcome<Row> {
    transaction.wait_for(id, row)?;
    let instance = transaction.instance();
    let store = transaction.store();
    let schema = Arc::clone(store.schema());
    let table = schema.table(id);
    if store.get(id, row).is_some() {
        return Err(Refusal::row_exists());
    }
    let mut values = defaults(table);
    values[table.id] = Value::Id(row);
    for (column, value) in columns {
        values[column] = value;
    }
    fill(instance, store, caller, table, &mut values);
    own(store, table, &mut values);
    agree_on_status(table, &mut values, None)?;
    require(&schema, table, &values, None)?;
    money::convert(store, table, &mut values);
    compute(table, &mut values);
    transaction.insert(id, row, values)
}

/// Changes some columns of a row that is there.
pub(crate) fn change(
    transaction: &mut Transaction,
    caller: Caller,
    id: TableId,
    row: &Row,
    columns: Vec<(usize, Value)>,
) -> Outcome<Row> {
    if columns.is_empty() {
        return Ok(row.clone());
    }
    let store = transaction.store();
    let schema = Arc::clone(store.schema());
    let table = schema.table(id);
    closed_rows_stay(table, row, &columns)?;
    let mut values = row.to_values();
    let set: Vec<usize> = columns.iter().map(|(column, _)| *column).collect();
    for (column, value) in columns {
        values[column] = value;
    }
    agree_on_status(table, &mut values, Some(&set))?;
    follow_transitions(table, row, &values)?;
    require(&schema, table, &values, Some(&set))?;
    if table
        .column("ownerid")
        .is_some_and(|owner| set.contains(&owner))
    {
        own(store, table, &mut values);
    }
    if money::is_concerned(table, &set) {
        money::convert(store, table, &mut values);
    }
    compute(table, &mut values);
    sign(transaction, caller, table, &mut values);
    transaction.replace(id, row.id(), values)
}

/// Takes a deleted row out of a lookup that names it, whatever state the row with the lookup is in.
///
/// The server's own doing: no step runs for it, as Dataverse clears such links past the pipeline (inferred).
pub(crate) fn unlink(
    transaction: &mut Transaction,
    caller: Caller,
    row: Reference,
    column: usize,
    deleted: Reference,
) -> Outcome<()> {
    transaction.wait_for(row.table, row.id)?;
    let store = transaction.store();
    let schema = Arc::clone(store.schema());
    let Some(own) = store.get(row.table, row.id) else {
        return Ok(());
    };
    if own.value(column).as_reference() != Some(deleted) {
        return Ok(());
    }
    let mut values = own.to_values();
    values[column] = Value::Null;
    let table = schema.table(row.table);
    compute(table, &mut values);
    sign(transaction, caller, table, &mut values);
    transaction.replace(row.table, row.id, values)?;
    Ok(())
}

/// Writes down who changes a row, and when.
fn sign(transaction: &mut Transaction, caller: Caller, table: &Table, values: &mut [Value]) {
    let now = transaction.instance().clock.now_to_the_second();
    put(table, values, "modifiedon", Value::Time(now));
    modified(transaction.store(), caller, table, values);
}

/// Notes who changed a row, and who did it in his name.
fn modified(store: &Store, caller: Caller, table: &Table, values: &mut [Value]) {
    if let Some(by) = user(store, caller.user) {
        put(table, values, "modifiedby", by);
    }
    let behind = caller.behind.and_then(|behind| user(store, behind));
    put(
        table,
        values,
        "modifiedonbehalfby",
        behind.unwrap_or_default(),
    );
}

/// Resolves a ticket that is active, with the given status or the default one of the state.
pub(crate) fn resolve(
    transaction: &mut Transaction,
    caller: Caller,
    id: TableId,
    row: &Row,
    status: Option<i64>,
) -> Outcome<Row> {
    let schema = Arc::clone(transaction.store().schema());
    let table = schema.table(id);
    let mut values = row.to_values();
    if get(table, &values, "statecode").as_int() != Some(0) {
        return Err(Refusal::argument(
            "The incident can't be closed because it is not active.",
        ));
    }
    put(table, &mut values, "statecode", Value::Int(1));
    put(
        table,
        &mut values,
        "statuscode",
        status.map_or(Value::Null, Value::Int),
    );
    let set: Vec<usize> = table.column("statuscode").into_iter().collect();
    agree_on_status(table, &mut values, Some(&set))?;
    follow_transitions(table, row, &values)?;
    sign(transaction, caller, table, &mut values);
    transaction.replace(id, row.id(), values)
}

/// A row with nothing but what its columns default to.
pub(crate) fn defaults(table: &Table) -> Vec<Value> {
    let default = |kind: &Kind| match kind {
        Kind::Bool { default, .. } => Value::Bool(*default),
        Kind::Choice {
            default: Some(option),
            ..
        } => Value::Int(*option),
        Kind::State { .. } => Value::Int(0),
        _ => Value::Null,
    };
    table
        .columns
        .iter()
        .map(|column| default(&column.kind))
        .collect()
}

/// What the server puts into a new row by itself, where nothing was given.
fn fill(
    instance: &Instance,
    store: &mut Store,
    caller: Caller,
    table: &Table,
    values: &mut [Value],
) {
    let now = Value::Time(instance.clock.now_to_the_second());
    let migrated = get(table, values, "overriddencreatedon").clone();
    put(
        table,
        values,
        "createdon",
        if migrated.is_null() {
            now.clone()
        } else {
            migrated
        },
    );
    put(table, values, "modifiedon", now);
    if let Some(user) = user(store, caller.user) {
        put(table, values, "createdby", user.clone());
        if get(table, values, "ownerid").is_null() {
            put(table, values, "ownerid", user);
        }
    }
    modified(store, caller, table, values);
    let behind = caller.behind.and_then(|behind| user(store, behind));
    put(
        table,
        values,
        "createdonbehalfby",
        behind.unwrap_or_default(),
    );
    if table.name == "team"
        && get(table, values, "businessunitid").is_null()
        && let Some(unit) = reference(store, "businessunit", instance.business_unit_id())
    {
        put(table, values, "businessunitid", unit);
    }
    let money = table.columns.iter().zip(values.iter());
    let has_money = money
        .into_iter()
        .any(|(column, value)| matches!(column.kind, Kind::Money { .. }) && !value.is_null());
    if has_money
        && get(table, values, "transactioncurrencyid").is_null()
        && let Some(base) = reference(store, "transactioncurrency", instance.base_currency_id())
    {
        put(table, values, "transactioncurrencyid", base);
    }
    let numbered = table.columns.iter().enumerate();
    for (place, format) in numbered.filter_map(|(place, column)| Some((place, column.auto_number?)))
    {
        if values[place].is_null() {
            let id = values[table.id].as_id().unwrap_or_default();
            values[place] = Value::text(&number(format, store.next_ticket(), id));
        }
    }
}

/// Lets user, team and business unit follow the owner.
fn own(store: &Store, table: &Table, values: &mut [Value]) {
    let Some(owner) = get(table, values, "ownerid").as_ref().as_reference() else {
        return;
    };
    let named = store.schema().table(owner.table);
    let unit = named
        .column("businessunitid")
        .and_then(|column| Some(store.get(owner.table, owner.id)?.value(column).to_value()));
    let of = |name: &str| {
        if named.name == name {
            Value::Lookup(owner)
        } else {
            Value::Null
        }
    };
    put(table, values, "owninguser", of("systemuser"));
    put(table, values, "owningteam", of("team"));
    put(
        table,
        values,
        "owningbusinessunit",
        unit.unwrap_or_default(),
    );
}

/// Lets `statuscode` belong to `statecode`; with `set`, an update that set these columns.
fn agree_on_status(table: &Table, values: &mut [Value], set: Option<&[usize]>) -> Outcome<()> {
    let (Some(state), Some(status)) = (table.column("statecode"), table.column("statuscode"))
    else {
        return Ok(());
    };
    let Kind::Status { options } = &table.columns[status].kind else {
        return Ok(());
    };
    let state_now = values[state].as_int().unwrap_or_default();
    let set_status = set.map_or(!values[status].is_null(), |set| set.contains(&status))
        && !values[status].is_null();
    let belongs = |status: i64| {
        options
            .iter()
            .any(|(option, of, _)| *option == status && *of == state_now)
    };
    match values[status].as_int() {
        Some(status) if belongs(status) => Ok(()),
        Some(status) if set_status => Err(Refusal::status_of_other_state(table, status, state_now)),
        _ => {
            let first = options
                .iter()
                .find(|(_, of, _)| *of == state_now)
                .map(|(option, _, _)| *option);
            values[status] = first.map_or(Value::Null, Value::Int);
            Ok(())
        }
    }
}

/// Lets a status change only into one that it may pass to, where the table insists on that.
fn follow_transitions(table: &Table, row: &Row, values: &[Value]) -> Outcome<()> {
    let Some(status) = table.column("statuscode") else {
        return Ok(());
    };
    let (from, to) = (row.value(status).as_int(), values[status].as_int());
    let (Some(from), Some(to)) = (from, to) else {
        return Ok(());
    };
    let is_free = table.transitions.is_empty() || from == to;
    if is_free || table.transitions.contains(&(from, to)) {
        Ok(())
    } else {
        Err(Refusal::transition(table, from, to))
    }
}

/// A resolved or cancelled ticket is read-only until it is reactivated, and is resolved by its own message; a job that
/// is over stays as it is.
fn closed_rows_stay(table: &Table, row: &Row, columns: &[(usize, Value)]) -> Outcome<()> {
    let Some(state) = table.column("statecode") else {
        return Ok(());
    };
    let asked = columns
        .iter()
        .rev()
        .find(|(column, _)| *column == state)
        .and_then(|(_, value)| value.as_int());
    match (table.name, row.value(state).as_int(), asked) {
        ("asyncoperation" | "bulkdeleteoperation", Some(JOB_COMPLETED), _) => Err(
            Refusal::argument("A system job that is completed can't be changed."),
        ),
        ("incident", _, Some(1)) => Err(Refusal::argument(
            "This message can not be used to set the state of incident to Resolved. In order to set state of incident \
             to Resolved, use the CloseIncidentRequest message instead.",
        )),
        ("incident", Some(1 | 2), Some(0)) | ("incident", Some(0) | None, _) => Ok(()),
        ("incident", ..) => Err(Refusal::argument(
            "The incident is not active and can't be changed.",
        )),
        _ => Ok(()),
    }
}

const JOB_COMPLETED: i64 = 3;

/// Finds what is missing: what the server insists on always, what forms insist on only where the schema says so and
/// the write is to blame.
fn require(schema: &Schema, table: &Table, values: &[Value], set: Option<&[usize]>) -> Outcome<()> {
    let insists = |index: usize, required: Required| match required {
        Required::System => true,
        Required::Application => {
            schema.enforces_application_required && set.is_none_or(|set| set.contains(&index))
        }
        Required::None | Required::Recommended => false,
    };
    let mut columns = table.columns.iter().enumerate().zip(values);
    let missing = columns
        .find(|((index, column), value)| value.is_null() && insists(*index, column.required));
    missing.map_or(Ok(()), |((_, column), _)| {
        Err(Refusal::required(table, column.name))
    })
}

fn user(store: &Store, id: Uuid) -> Option<Value> {
    reference(store, "systemuser", id)
}

fn reference(store: &Store, table: &str, id: Uuid) -> Option<Value> {
    let table = store.schema().by_name(table)?;
    Some(Value::Lookup(Reference { table, id }))
}

pub(crate) fn put(table: &Table, values: &mut [Value], name: &str, value: Value) {
    if let Some(place) = table.column(name).and_then(|column| values.get_mut(column)) {
        *place = value;
    }
}

pub(crate) fn get<'v>(table: &Table, values: &'v [Value], name: &str) -> &'v Value {
    table
        .column(name)
        .and_then(|column| values.get(column))
        .unwrap_or(&Value::Null)
}
