//! Power Automate (contract 11.5): the workflow as a row of `workflows`, and its past runs as rows of `flowruns`.
//!
//! Both are rows of the US instance, read and written over its Web API as any others. The workflow's state is that of its
//! row, whoever changes it. Resubmitting is not in Dataverse, and so not here either.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;

use super::run::{Run, Status, Trigger};
use crate::emulator::instance::{Instance, stable_id};
use crate::emulator::operation::write::{defaults, put};
use crate::emulator::row::Row;
use crate::emulator::schema::Table;
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, TableId, Value};
use crate::emulator::{APPLICATION_CLIENT_ID, SYNC_WORKFLOW, user_id};

/// How long a row of `flowruns` stays, in seconds: 28 days.
const LIFETIME: i64 = 2_419_200;
/// The category of a cloud flow.
const MODERN_FLOW: i64 = 5;
const ON: i64 = 1;
const OFF: i64 = 0;

/// The workflow's row, and the id by which callback URLs name it.
pub(super) fn id(us: &Instance) -> Uuid {
    stable_id(us.name, "workflow")
}

/// Since when the workflow is on: since its row was last changed.
pub(super) fn enabled_since(us: &Instance) -> Option<DateTime<Utc>> {
    let store = us.read();
    let (table_id, table) = table(&store, "workflow")?;
    let row = store.get(table_id, id(us))?;
    let state = row.value(table.column("statecode")?).as_int()?;
    let changed = row.value(table.column("modifiedon")?).as_time();
    changed.filter(|_| state == ON)
}

/// Turns the workflow on or off; makes its row where there is none.
pub(super) fn switch(us: &Instance, on: bool) {
    let mut store = us.write();
    let schema = store.schema().clone();
    let Some(table_id) = schema.by_name("workflow") else {
        return;
    };
    let table = schema.table(table_id);
    let now = Value::Time(us.clock.now_to_the_second());
    let mut values = if let Some(row) = store.get(table_id, id(us)) {
        row.to_values()
    } else {
        let mut values = new_row(us, &store, table, id(us));
        put(table, &mut values, "name", Value::text(SYNC_WORKFLOW));
        put(table, &mut values, "category", Value::Int(MODERN_FLOW));
        values
    };
    let (state, status) = if on { (ON, 2) } else { (OFF, 1) };
    put(table, &mut values, "statecode", Value::Int(state));
    put(table, &mut values, "statuscode", Value::Int(status));
    put(table, &mut values, "modifiedon", now);
    // No key stands on this table, so nothing is in the way.
    let _ = store.put(table_id, id(us), values);
}

/// Writes a run that is over into `flowruns`.
pub(super) fn note(us: &Instance, run: &Run) {
    let Some(ended) = run.ended else {
        return;
    };
    let mut store = us.write();
    let schema = store.schema().clone();
    let (Some(table_id), Some(workflow)) = (schema.by_name("flowrun"), schema.by_name("workflow"))
    else {
        return;
    };
    let table = schema.table(table_id);
    let failed = run
        .actions
        .iter()
        .find_map(|action| action.trouble.as_ref());
    // Rows hold whole seconds, as the wire has them.
    let started = run.begun.unwrap_or(run.asked);
    let own = [
        ("name", Value::text(&run.name)),
        ("starttime", Value::Time(started.trunc_subsecs(0))),
        ("endtime", Value::Time(ended.trunc_subsecs(0))),
        ("duration", Value::Int((ended - started).num_milliseconds())),
        ("status", Value::text(status(run.status))),
        ("triggertype", Value::text(trigger(run.trigger))),
        (
            "errorcode",
            Value::text(run.trouble.as_ref().map_or("", |trouble| trouble.code)),
        ),
        (
            "errormessage",
            Value::text(failed.map_or("", |trouble| trouble.message.as_str())),
        ),
        (
            "workflow",
            Value::Lookup(Reference {
                table: workflow,
                id: id(us),
            }),
        ),
        ("workflowid", Value::Id(id(us))),
        ("ttlinseconds", Value::Int(LIFETIME)),
    ];
    let mut values = new_row(us, &store, table, run.id);
    for (name, value) in own {
        put(table, &mut values, name, value);
    }
    // No key stands on this table, so nothing is in the way.
    let _ = store.put(table_id, run.id, values);
}

/// Removes the rows of runs whose time is over.
pub(super) fn forget(us: &Instance, now: DateTime<Utc>) {
    let horizon = now - TimeDelta::seconds(LIFETIME);
    let old: Vec<Uuid> = {
        let store = us.read();
        let Some((table, _)) = table(&store, "flowrun") else {
            return;
        };
        let rows = store.modified(table, None, Some(horizon));
        rows.map(Row::id).collect()
    };
    if old.is_empty() {
        return;
    }
    let mut store = us.write();
    let Some(table) = store.schema().by_name("flowrun") else {
        return;
    };
    for id in old {
        store.remove(table, id);
    }
}

fn table<'s>(store: &'s Store, name: &str) -> Option<(TableId, &'s Table)> {
    let table = store.schema().by_name(name)?;
    Some((table, store.schema().table(table)))
}

/// A row with what the server puts into every row.
fn new_row(us: &Instance, store: &Store, table: &Table, id: Uuid) -> Vec<Value> {
    let mut values = defaults(table);
    if let Some(place) = values.get_mut(table.id) {
        *place = Value::Id(id);
    }
    let now = Value::Time(us.clock.now_to_the_second());
    for name in ["createdon", "modifiedon"] {
        put(table, &mut values, name, now.clone());
    }
    let reference = |table: &str, id| {
        let table = store.schema().by_name(table)?;
        Some(Value::Lookup(Reference { table, id }))
    };
    let user = reference("systemuser", user_id(us.name, APPLICATION_CLIENT_ID));
    for name in ["createdby", "modifiedby", "ownerid", "owninguser"] {
        put(table, &mut values, name, user.clone().unwrap_or_default());
    }
    let unit = reference("businessunit", us.business_unit_id()).unwrap_or_default();
    put(table, &mut values, "owningbusinessunit", unit);
    values
}

/// The words of the contract.
fn status(status: Status) -> &'static str {
    match status {
        Status::Failed => "Failed",
        Status::Cancelled => "Cancelled",
        Status::Succeeded | Status::Skipped | Status::Waiting | Status::Running => "Success",
    }
}

/// How the portal calls the kinds of triggers [general knowledge].
fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Recurrence => "Scheduled",
        Trigger::Manual => "Instant",
    }
}
