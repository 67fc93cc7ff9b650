//! The `RemoteExecutionContext`: what a webhook is told about the message that it is called for (contract 15).

use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::event::Event;
use super::step::{Message, Stage, Step};
use crate::emulator::instance::Instance;
use crate::emulator::schema::Kind;
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, Value};

pub(super) fn of(
    instance: &Instance,
    store: &Store,
    event: &Event,
    step: &Step,
    is_in_transaction: bool,
    job: Option<Uuid>,
) -> Json {
    let context = &event.context;
    let table = store.schema().table(event.target.table);
    let output = if step.stage == Stage::PostOperation && event.message == Message::Create {
        json!([pair("id", event.target.id.to_string())])
    } else {
        json!([])
    };
    let shared: Vec<Json> = context
        .tag
        .iter()
        .map(|tag| pair("tag", tag.as_str()))
        .collect();
    json!({
        "MessageName": event.message.name(),
        "PrimaryEntityName": table.name,
        "PrimaryEntityId": event.target.id,
        "Stage": step.stage.number(),
        "Mode": i32::from(step.asynchronous),
        "Depth": context.depth,
        "IsInTransaction": is_in_transaction,
        "CorrelationId": context.correlation,
        "OperationId": job.unwrap_or_default(),
        "InitiatingUserId": context.initiator,
        "UserId": step.user.unwrap_or(context.caller.user),
        "BusinessUnitId": instance.business_unit_id(),
        "OrganizationId": instance.organization_id(),
        "OrganizationName": instance.name,
        "OperationCreatedOn": date(instance.clock.now().timestamp_millis()),
        "InputParameters": [pair("Target", target(store, event))],
        "OutputParameters": output,
        "PreEntityImages": [],
        "PostEntityImages": [],
        "SharedVariables": shared,
        "ParentContext": context.parent.as_deref(),
        "OwningExtension": entity_reference("sdkmessageprocessingstep", step.id),
        "RequestId": null,
        "SecondaryEntityName": "none",
        "IsExecutingOffline": false,
        "IsOfflinePlayback": false,
        "IsolationMode": 1,
    })
}

/// The row that is written, or on Delete the reference to it.
fn target(store: &Store, event: &Event) -> Json {
    let table = store.schema().table(event.target.table);
    if event.message == Message::Delete {
        return typed(
            "EntityReference",
            entity_reference(table.name, event.target.id),
        );
    }
    let mut attributes = Vec::with_capacity(event.attributes.len() + 1);
    for (column, value) in &event.attributes {
        if let Some(column) = table.columns.get(*column) {
            attributes.push(pair(column.name, value_of(store, &column.kind, value)));
        }
    }
    if let Some(id) = table.columns.get(table.id) {
        attributes.push(pair(id.name, event.target.id.to_string()));
    }
    typed(
        "Entity",
        json!({
            "LogicalName": table.name,
            "Id": event.target.id,
            "KeyAttributes": [],
            "FormattedValues": [],
            "RelatedEntities": [],
            "EntityState": null,
            "RowVersion": null,
            "Attributes": attributes,
        }),
    )
}

fn value_of(store: &Store, kind: &Kind, value: &Value) -> Json {
    match (kind, value) {
        (Kind::Choice { .. } | Kind::State { .. } | Kind::Status { .. }, Value::Int(option)) => {
            typed("OptionSetValue", json!({"Value": option}))
        }
        (Kind::Money { .. }, Value::Decimal(amount)) => {
            typed("Money", json!({"Value": amount.to_f64()}))
        }
        (_, Value::Null) => Json::Null,
        (_, Value::Text(text)) => json!(&**text),
        (_, Value::Choices(options)) => {
            let options = options.split(',').map(|option| option.parse::<i64>().ok());
            Json::Array(options.map(|option| json!({"Value": option})).collect())
        }
        (_, Value::Int(number)) => json!(number),
        (_, Value::Decimal(number)) => json!(number.to_f64()),
        (_, Value::Double(number)) => json!(number),
        (_, Value::Bool(yes)) => json!(yes),
        (_, Value::Time(time)) => json!(date(time.timestamp_millis())),
        (_, Value::Date(day)) => {
            let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
            json!(date(midnight.timestamp_millis()))
        }
        (_, Value::Id(id)) => json!(id),
        (_, Value::Lookup(Reference { table, id })) => {
            let name = store.schema().table(*table).name;
            typed("EntityReference", entity_reference(name, *id))
        }
    }
}

fn entity_reference(table: &str, id: Uuid) -> Json {
    json!({
        "Id": id,
        "KeyAttributes": [],
        "LogicalName": table,
        "Name": null,
        "RowVersion": null,
    })
}

/// An object with its .NET type in front.
fn typed(name: &str, object: Json) -> Json {
    let mut with_type = serde_json::Map::new();
    with_type.insert(
        "__type".to_owned(),
        format!("{name}:http://schemas.microsoft.com/xrm/2011/Contracts").into(),
    );
    if let Json::Object(members) = object {
        with_type.extend(members);
    }
    Json::Object(with_type)
}

fn pair(key: &str, value: impl Into<Json>) -> Json {
    json!({"key": key, "value": value.into()})
}

fn date(ms: i64) -> String {
    format!("/Date({ms})/")
}
