//! `RetrieveMetadataChanges`: definitions by a query of their own, and only what changed since a stamp.
//!
//! A stamp is the version of the metadata and the time at which it was given; one that is older than what the server
//! remembers is refused. Deleted metadata is not listed: a table whose key was deleted comes back as changed.

use chrono::{NaiveDateTime, TimeDelta};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::View;
use super::definition::{self, Definition};
use super::walk::list_of;
use crate::emulator::instance::Instance;
use crate::emulator::operation::Call;
use crate::emulator::operation::function::Arguments;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};

const LISTS: [&str; 5] = [
    "Attributes",
    "Keys",
    "ManyToOneRelationships",
    "OneToManyRelationships",
    "ManyToManyRelationships",
];
const TIME: &str = "%m/%d/%Y %H:%M:%S";
/// How long changes of metadata are remembered.
const REMEMBERED: TimeDelta = TimeDelta::days(90);
/// Filters may nest this deep.
const DEEPEST: usize = 8;

/// `EntityQueryExpression`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct EntityQuery {
    criteria: Option<Criteria>,
    properties: Properties,
    attribute_query: PartQuery,
    relationship_query: PartQuery,
    key_query: PartQuery,
    label_query: Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct PartQuery {
    criteria: Option<Criteria>,
    properties: Properties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct Properties {
    all_properties: bool,
    property_names: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct Criteria {
    filter_operator: Operator,
    conditions: Vec<Condition>,
    filters: Vec<Criteria>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
enum Operator {
    #[default]
    And,
    Or,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    #[serde(rename = "PropertyName")]
    property: String,
    #[serde(rename = "ConditionOperator")]
    operator: ConditionOperator,
    #[serde(rename = "Value", default)]
    value: Json,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum ConditionOperator {
    Equals,
    NotEquals,
    In,
    NotIn,
    GreaterThan,
    LessThan,
}

pub(crate) fn answer(instance: &Instance, call: &Call, arguments: &Arguments) -> Outcome<Reply> {
    arguments.only(&["Query", "ClientVersionStamp", "DeletedMetadataFilters"])?;
    if arguments.get("DeletedMetadataFilters").is_some() {
        return Err(Refusal::unsupported("DeletedMetadataFilters"));
    }
    let query: EntityQuery = match arguments.get("Query") {
        None => EntityQuery::default(),
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Refusal::payload_of("EntityQueryExpression", &error.to_string()))?,
    };
    let view = View {
        call,
        now: instance.clock.now(),
    };
    let since = arguments
        .text("ClientVersionStamp")
        .map(|stamp| version_of(&view, &stamp))
        .transpose()?;
    let mut found = Vec::new();
    for (id, table) in call.schema.tables() {
        let definition = definition::table(id, table);
        let is_new = since.is_none_or(|since| table.version > since);
        if is_new && passes(query.criteria.as_ref(), &definition, 0)? {
            found.push(Json::Object(entity(&view, &definition, &query)?));
        }
    }
    let mut body = Map::new();
    let context = format!(
        "{}/$metadata#Microsoft.Dynamics.CRM.RetrieveMetadataChangesResponse",
        call.root
    );
    body.insert("@odata.context".to_owned(), context.into());
    body.insert("ServerVersionStamp".to_owned(), stamp(&view).into());
    body.insert("EntityMetadata".to_owned(), found.into());
    body.insert("DeletedMetadata".to_owned(), Json::Null);
    Ok(reply::json(StatusCode::OK, &Json::Object(body)))
}

fn stamp(view: &View) -> String {
    format!("{}!{}", view.call.schema.version(), view.now.format(TIME))
}

/// The version in a stamp that was given before.
fn version_of(view: &View, stamp: &str) -> Outcome<i64> {
    let read = || {
        let (version, time) = stamp.split_once('!')?;
        let time = NaiveDateTime::parse_from_str(time, TIME).ok()?.and_utc();
        Some((version.parse::<i64>().ok()?, time))
    };
    let (version, time) = read().ok_or_else(|| {
        Refusal::argument(format!(
            "'{stamp}' is no ServerVersionStamp that this service gave."
        ))
    })?;
    if view.now - time > REMEMBERED || version > view.call.schema.version() {
        return Err(Refusal::expired_version_stamp());
    }
    Ok(version)
}

/// A table with the properties and lists that are wanted.
fn entity(view: &View, definition: &Definition, query: &EntityQuery) -> Outcome<Map<String, Json>> {
    let mut shown = wanted(definition, &query.properties, &LISTS)?;
    for list in LISTS {
        let is_wanted = query.properties.all_properties
            || query
                .properties
                .property_names
                .iter()
                .any(|name| name == list);
        let Some(all) = definition
            .table
            .filter(|_| is_wanted)
            .and_then(|id| list_of(view, id, list))
        else {
            continue;
        };
        let part = match list {
            "Attributes" => &query.attribute_query,
            "Keys" => &query.key_query,
            _ => &query.relationship_query,
        };
        let names = names_of(&all);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut members = Vec::new();
        for member in all {
            let kind = format!("#Microsoft.Dynamics.CRM.{}", member.type_name);
            let member = with_links(member.cast());
            if passes(part.criteria.as_ref(), &member, 0)? {
                let mut own = wanted(&member, &part.properties, &names)?;
                own.shift_insert(0, "@odata.type".to_owned(), kind.into());
                members.push(Json::Object(own));
            }
        }
        shown.insert(list.to_owned(), members.into());
    }
    Ok(shown)
}

/// Here the options of a choice are a property like others.
fn with_links(mut definition: Definition) -> Definition {
    definition.common.append(&mut definition.links);
    definition
}

/// Every property that any of the definitions has.
fn names_of(all: &[Definition]) -> Vec<String> {
    let mut names: Vec<String> = all
        .iter()
        .flat_map(|one| [&one.common, &one.derived, &one.links])
        .flat_map(|map| map.keys().cloned())
        .chain(ELSEWHERE.map(str::to_owned))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Properties of types of attributes of which a table may have none.
const ELSEWHERE: [&str; 12] = [
    "MaxLength",
    "Format",
    "FormatName",
    "MinValue",
    "MaxValue",
    "Precision",
    "OptionSet",
    "GlobalOptionSet",
    "Targets",
    "DefaultValue",
    "DefaultFormValue",
    "DateTimeBehavior",
];

/// The properties that are wanted and that the definition has; its id always.
fn wanted(
    definition: &Definition,
    properties: &Properties,
    known: &[&str],
) -> Outcome<Map<String, Json>> {
    if properties.all_properties {
        return Ok(definition.common.clone());
    }
    let mut shown = Map::new();
    for name in properties
        .property_names
        .iter()
        .map(String::as_str)
        .chain(["MetadataId", "HasChanged"])
    {
        match definition.common.get(name) {
            Some(value) => {
                shown.insert(name.to_owned(), value.clone());
            }
            None if known.contains(&name) || name == "HasChanged" => {}
            None => return Err(super::shape::no_property(definition, name)),
        }
    }
    Ok(shown)
}

fn passes(criteria: Option<&Criteria>, definition: &Definition, depth: usize) -> Outcome<bool> {
    let Some(criteria) = criteria else {
        return Ok(true);
    };
    if depth > DEEPEST {
        return Err(Refusal::argument(
            "The filters of the query are nested too deeply.",
        ));
    }
    let mut results = Vec::new();
    for condition in &criteria.conditions {
        results.push(meets(condition, definition)?);
    }
    for filter in &criteria.filters {
        results.push(passes(Some(filter), definition, depth + 1)?);
    }
    Ok(match criteria.filter_operator {
        Operator::And => results.iter().all(|result| *result),
        Operator::Or => results.is_empty() || results.iter().any(|result| *result),
    })
}

fn meets(condition: &Condition, definition: &Definition) -> Outcome<bool> {
    let held = definition.common.get(&condition.property);
    let held = held.ok_or_else(|| super::shape::no_property(definition, &condition.property))?;
    // A managed property is compared by its value.
    let held = held.get("Value").unwrap_or(held);
    let wanted = condition.value.get("Value").unwrap_or(&condition.value);
    let equals = |wanted: &Json| text_of(held).eq_ignore_ascii_case(&text_of(wanted));
    let order = || {
        let (left, right) = (
            text_of(held).parse::<f64>().ok()?,
            text_of(wanted).parse::<f64>().ok()?,
        );
        left.partial_cmp(&right)
    };
    Ok(match condition.operator {
        ConditionOperator::Equals => equals(wanted),
        ConditionOperator::NotEquals => !equals(wanted),
        ConditionOperator::In => values(wanted)?.iter().any(equals),
        ConditionOperator::NotIn => !values(wanted)?.iter().any(equals),
        ConditionOperator::GreaterThan => order().is_some_and(std::cmp::Ordering::is_gt),
        ConditionOperator::LessThan => order().is_some_and(std::cmp::Ordering::is_lt),
    })
}

/// The values of a list, which clients send as one or as the text of one.
fn values(wanted: &Json) -> Outcome<Vec<Json>> {
    match wanted {
        Json::Array(values) => Ok(values.clone()),
        Json::String(text) => serde_json::from_str(text).map_err(|error| {
            Refusal::argument(format!("The value of an In condition is no list: {error}."))
        }),
        _ => Err(Refusal::argument(
            "The value of an In condition is no list.",
        )),
    }
}

fn text_of(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}
