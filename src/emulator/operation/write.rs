//! What create, update, upsert and the plug-in have in common: defaults, computed columns, states, the audit columns.
//!
//! Checks whole rows; single values were checked when the payload was read.

use std::sync::Arc;

use uuid::Uuid;

use super::{Caller, money};
use crate::emulator::instance::Instance;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::{Kind, Required, Table};
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
    agree_on_status(table, &mut values, None)?;
    require(table, &values)?;
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
    let instance = transaction.instance();
    let store = transaction.store();
    let schema = Arc::clone(store.schema());
    let table = schema.table(id);
    closed_tickets_stay(table, row, &columns)?;
    let mut values = row.to_values();
    let set: Vec<usize> = columns.iter().map(|(column, _)| *column).collect();
    for (column, value) in columns {
        values[column] = value;
    }
    agree_on_status(table, &mut values, Some(&set))?;
    require(table, &values)?;
    if money::is_concerned(table, &set) {
        money::convert(store, table, &mut values);
    }
    compute(table, &mut values);
    put(
        table,
        &mut values,
        "modifiedon",
        Value::Time(instance.clock.now_to_the_second()),
    );
    if let Some(user) = user(store, caller.user) {
        put(table, &mut values, "modifiedby", user);
    }
    transaction.replace(id, row.id(), values)
}

/// Resolves a ticket that is active, with the given status or the default one of the state.
pub(crate) fn resolve(
    transaction: &mut Transaction,
    caller: Caller,
    id: TableId,
    row: &Row,
    status: Option<i64>,
) -> Outcome<Row> {
    let instance = transaction.instance();
    let store = transaction.store();
    let schema = Arc::clone(store.schema());
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
    let now = instance.clock.now_to_the_second();
    put(table, &mut values, "modifiedon", Value::Time(now));
    if let Some(user) = user(store, caller.user) {
        put(table, &mut values, "modifiedby", user);
    }
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
        put(table, values, "modifiedby", user.clone());
        if get(table, values, "ownerid").is_null() {
            put(table, values, "ownerid", user);
        }
    }
    if let Some(unit) = reference(store, "businessunit", instance.business_unit_id()) {
        put(table, values, "owningbusinessunit", unit);
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
    if table.column("ticketnumber").is_some() && get(table, values, "ticketnumber").is_null() {
        let number = store.next_ticket();
        let suffix = get(table, values, table.columns[table.id].name)
            .as_id()
            .unwrap_or_default()
            .simple()
            .to_string();
        let suffix = suffix.get(..6).unwrap_or_default().to_uppercase();
        put(
            table,
            values,
            "ticketnumber",
            Value::text(&format!("CAS-{number:05}-{suffix}")),
        );
    }
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

/// A resolved or cancelled ticket is read-only until it is reactivated, and is resolved by its own message.
fn closed_tickets_stay(table: &Table, row: &Row, columns: &[(usize, Value)]) -> Outcome<()> {
    let Some(state) = table
        .column("statecode")
        .filter(|_| table.name == "incident")
    else {
        return Ok(());
    };
    let asked = columns
        .iter()
        .rev()
        .find(|(column, _)| *column == state)
        .and_then(|(_, value)| value.as_int());
    match (row.value(state).as_int(), asked) {
        (_, Some(1)) => Err(Refusal::argument(
            "This message can not be used to set the state of incident to Resolved. In order to set state of incident \
             to Resolved, use the CloseIncidentRequest message instead.",
        )),
        (Some(0) | None, _) | (_, Some(0)) => Ok(()),
        _ => Err(Refusal::argument(
            "The incident is not active and can't be changed.",
        )),
    }
}

fn require(table: &Table, values: &[Value]) -> Outcome<()> {
    let missing = table
        .columns
        .iter()
        .zip(values)
        .find(|(column, value)| column.required == Required::System && value.is_null());
    missing.map_or(Ok(()), |(column, _)| {
        Err(Refusal::required(table, column.name))
    })
}

/// Brings the computed columns up to date.
pub(crate) fn compute(table: &Table, values: &mut [Value]) {
    let joined = |names: &[&str], between: &str| {
        let parts: Vec<&str> = names
            .iter()
            .filter_map(|name| get(table, values, name).as_text())
            .collect();
        Value::text(&parts.join(between))
    };
    match table.name {
        "systemuser" if !joined(&["firstname", "lastname"], " ").is_null() => {
            let name = joined(&["firstname", "lastname"], " ");
            put(table, values, "fullname", name);
        }
        "serviceendpoint" => {
            let set = !get(table, values, "authvalue").is_null();
            put(table, values, "isauthvalueset", Value::Bool(set));
        }
        "contact" => {
            let name = joined(&["firstname", "lastname"], " ");
            put(table, values, "fullname", name);
        }
        "account" => {
            let address = joined(
                &[
                    "address1_line1",
                    "address1_city",
                    "address1_stateorprovince",
                    "address1_postalcode",
                    "address1_country",
                ],
                "\r\n",
            );
            put(table, values, "address1_composite", address);
        }
        _ => {}
    }
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

fn get<'v>(table: &Table, values: &'v [Value], name: &str) -> &'v Value {
    table
        .column(name)
        .and_then(|column| values.get(column))
        .unwrap_or(&Value::Null)
}
