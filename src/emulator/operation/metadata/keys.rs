//! The few changes of metadata that are served: an alternate key is created, deleted, built again; change tracking is
//! switched on.
//!
//! A key is there at once and of no use until its index is active. None of this can be a part of a change set.

use std::borrow::Cow;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::walk::{Node, walk};
use super::{View, definition};
use crate::emulator::odata::path::split_predicate;
use crate::emulator::operation::Call;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::schema::key::{MOST_KEYS, problem};
use crate::emulator::schema::{Index, Key, Table};
use crate::emulator::store::Store;
use crate::emulator::transaction::Transaction;
use crate::emulator::value::TableId;

/// Carries out a write below `EntityDefinitions`.
pub(super) fn write(
    transaction: &mut Transaction,
    call: &Call,
    segments: &[String],
) -> Outcome<Reply> {
    if transaction.is_open() {
        return Err(Refusal::unsupported("Writing metadata in a change set"));
    }
    call.query.only(&[])?;
    let now = transaction.instance().clock.now();
    let view = View { call, now };
    match (&call.method, segments) {
        (&Method::POST, [table, keys]) if keys == "Keys" => {
            let id = table_of(&view, table)?;
            create(transaction, &view, id, segments)
        }
        (&Method::DELETE, [table, key]) if key.starts_with("Keys(") => {
            let id = table_of(&view, table)?;
            let Node::One { definition, .. } = walk(&view, segments)? else {
                return Err(Refusal::method_not_allowed(&call.method));
            };
            let name = definition.common.get("SchemaName").and_then(Json::as_str);
            let key = position(call.schema.table(id), name.unwrap_or_default());
            let key = key.ok_or_else(|| Refusal::segment("Keys"))?;
            transaction.store().set_index(id, key, Index::Dropped);
            Ok(reply::no_content())
        }
        (&Method::PUT, [table])
            if matches!(split_predicate(table)?, ("EntityDefinitions", Some(_))) =>
        {
            let id = table_of(&view, table)?;
            track_changes(transaction.store(), call, id)
        }
        _ => Err(Refusal::unsupported(
            "Writing metadata other than alternate keys",
        )),
    }
}

fn table_of(view: &View, segment: &str) -> Outcome<TableId> {
    match walk(view, &[segment.to_owned()])? {
        Node::One { definition, .. } => definition.table.ok_or_else(|| Refusal::segment(segment)),
        _ => Err(Refusal::method_not_allowed(&view.call.method)),
    }
}

/// Where a key stands among the table's.
fn position(table: &Table, name: &str) -> Option<usize> {
    table
        .keys
        .iter()
        .position(|key| key.index != Index::Dropped && key.name.eq_ignore_ascii_case(name))
}

/// The body with which a key is created.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wanted {
    schema_name: String,
    key_attributes: Vec<String>,
    #[serde(default)]
    display_name: Json,
}

fn create(
    transaction: &mut Transaction,
    view: &View,
    id: TableId,
    segments: &[String],
) -> Outcome<Reply> {
    let call = view.call;
    let table = call.schema.table(id);
    let wanted: Wanted = serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::payload_of("EntityKeyMetadata", &error.to_string()))?;
    let key = declared(view, table, wanted)?;
    // The table as the client named it, which is inferred; a client looks for the one GUID in this header.
    let url = format!("{}/{}({})", call.root, segments.join("/"), key.id);
    transaction.store().add_key(id, key);
    Ok(reply::with_entity_id(reply::no_content(), &url))
}

/// The key that is wanted, if the table can have it.
fn declared(view: &View, table: &Table, wanted: Wanted) -> Outcome<Key> {
    let named = |name: &str| {
        table
            .column(name)
            .ok_or_else(|| Refusal::no_attribute(table, name))
    };
    let columns: Outcome<Vec<usize>> = wanted
        .key_attributes
        .iter()
        .map(|name| named(name))
        .collect();
    let columns = columns?;
    if !is_name(&wanted.schema_name) {
        return Err(Refusal::argument(format!(
            "'{}' is not a valid schema name.",
            wanted.schema_name
        )));
    }
    if position(table, &wanted.schema_name).is_some() {
        return Err(Refusal::key_name_taken(table, &wanted.schema_name));
    }
    if table.keys().count() >= MOST_KEYS {
        return Err(Refusal::key_operation(&format!(
            "a table has at most {MOST_KEYS} keys"
        )));
    }
    if let Some(problem) = problem(table, &columns) {
        return Err(Refusal::key_operation(&problem));
    }
    let same = |own: &Key| {
        own.columns.len() == columns.len()
            && own.columns.iter().all(|column| columns.contains(column))
    };
    if let Some(own) = table.keys().find(|own| same(own)) {
        return Err(Refusal::key_operation(&format!(
            "the key {} has the same columns",
            own.name
        )));
    }
    let label = wanted
        .display_name
        .pointer("/LocalizedLabels/0/Label")
        .and_then(Json::as_str);
    Ok(Key {
        id: Uuid::new_v4(),
        label: label.unwrap_or(&wanted.schema_name).to_owned(),
        name: Cow::Owned(wanted.schema_name),
        columns,
        index: Index::Building { since: view.now },
    })
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && name.len() <= 100
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// The action `ReactivateEntityKey`: builds the index of a key again, if it failed.
pub(crate) fn reactivate(transaction: &mut Transaction, call: &Call) -> Outcome<Reply> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Named {
        entity_logical_name: String,
        entity_key_logical_name: String,
    }
    if transaction.is_open() {
        return Err(Refusal::unsupported("Writing metadata in a change set"));
    }
    call.query.only(&[])?;
    let named: Named = serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::payload_of("ReactivateEntityKey", &error.to_string()))?;
    let missing = |what: &str, name: &str| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "0x80040217",
            format!("Could not find {what} '{name}'."),
        )
    };
    let table = call.schema.by_name(&named.entity_logical_name);
    let table = table.ok_or_else(|| missing("a table", &named.entity_logical_name))?;
    let key = position(call.schema.table(table), &named.entity_key_logical_name);
    let key = key.ok_or_else(|| missing("a key", &named.entity_key_logical_name))?;
    let since = transaction.instance().clock.now();
    let store = transaction.store();
    let failed = store
        .schema()
        .table(table)
        .keys
        .get(key)
        .is_some_and(|key| key.index == Index::Failed);
    if !failed {
        return Err(Refusal::key_not_failed(&named.entity_key_logical_name));
    }
    store.set_index(table, key, Index::Building { since });
    Ok(reply::no_content())
}

/// A whole definition comes back; only its change tracking may differ, and can't be switched off again (contract 4.1).
fn track_changes(store: &mut Store, call: &Call, id: TableId) -> Outcome<Reply> {
    let table = call.schema.table(id);
    let body: Map<String, Json> = serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::payload_of("EntityMetadata", &error.to_string()))?;
    let own = definition::table(id, table).common;
    let differs = |(name, value): &(&String, &Json)| {
        !name.contains('@') && *name != "ChangeTrackingEnabled" && own.get(*name) != Some(*value)
    };
    if let Some((name, _)) = body.iter().find(|pair| differs(pair)) {
        return Err(Refusal::unsupported(&format!(
            "Changing the {name} of a table"
        )));
    }
    match (table.change_tracking, body.get("ChangeTrackingEnabled")) {
        (true, Some(Json::Bool(false))) => Err(Refusal::argument(
            "Change tracking can't be disabled once it was enabled.",
        )),
        (false, Some(Json::Bool(true))) => {
            store.schema_mut().change(id).change_tracking = true;
            Ok(reply::no_content())
        }
        (_, None | Some(Json::Bool(_))) => Ok(reply::no_content()),
        (_, Some(other)) => Err(Refusal::payload_of(
            "EntityMetadata",
            &format!("{} is no value of ChangeTrackingEnabled.", json!(other)),
        )),
    }
}
