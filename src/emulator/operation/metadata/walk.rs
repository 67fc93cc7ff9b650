//! The way through metadata, segment by segment: lists, one of a list, casts, properties.
//!
//! Reads nothing but the schema.

use http::StatusCode;
use serde_json::Value as Json;

use super::definition::{self, Definition};
use super::{View, attribute, relationship};
use crate::emulator::odata::literal::{Literal, guid};
use crate::emulator::odata::path::{pairs, split_predicate};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::value::TableId;

const NAMESPACE: &str = "Microsoft.Dynamics.CRM.";

/// Where a path has led to.
pub(super) enum Node {
    List {
        name: String,
        all: Vec<Definition>,
        cast: bool,
    },
    One {
        definition: Box<Definition>,
        cast: bool,
    },
    Value(Json),
}

/// Follows all segments.
pub(super) fn walk(view: &View, segments: &[String]) -> Outcome<Node> {
    let (first, rest) = segments.split_first().ok_or_else(|| Refusal::segment(""))?;
    let (name, predicate) = split_predicate(first)?;
    let schema = &view.call.schema;
    let all = match name {
        "EntityDefinitions" => schema
            .tables()
            .map(|(id, table)| definition::table(id, table))
            .collect(),
        "RelationshipDefinitions" => relationship::all(schema),
        "GlobalOptionSetDefinitions" => attribute::global_choices(schema),
        _ => return Err(Refusal::segment(name)),
    };
    let mut node = member(name, all, predicate, false)?;
    for segment in rest {
        node = step(view, node, segment)?;
    }
    Ok(node)
}

fn step(view: &View, node: Node, segment: &str) -> Outcome<Node> {
    let unknown = || Refusal::segment(segment);
    let cast_to = segment.strip_prefix(NAMESPACE);
    match node {
        Node::List { name, mut all, .. } => {
            let cast = cast_to
                .filter(|cast| fits(&name, cast))
                .ok_or_else(unknown)?;
            all.retain(|one| one.type_name == cast);
            let all = all.into_iter().map(Definition::cast).collect();
            Ok(Node::List {
                name,
                all,
                cast: true,
            })
        }
        Node::One { definition, .. } if cast_to == Some(&definition.type_name) => Ok(Node::One {
            definition: Box::new(definition.cast()),
            cast: true,
        }),
        Node::One { definition, cast } => below(view, &definition, cast, segment),
        Node::Value(Json::Object(mut object)) => {
            object.remove(segment).map(Node::Value).ok_or_else(unknown)
        }
        Node::Value(_) => Err(unknown()),
    }
}

/// What a definition has under a name.
fn below(view: &View, definition: &Definition, cast: bool, segment: &str) -> Outcome<Node> {
    let (name, predicate) = split_predicate(segment)?;
    if let Some(all) = definition
        .table
        .and_then(|table| list_of(view, table, name))
    {
        return member(name, all, predicate, name.ends_with("Relationships"));
    }
    let value = definition.common.get(segment);
    let link = definition.links.get(segment).filter(|_| cast);
    match (link, value) {
        (Some(set @ Json::Object(_)), _) => Ok(Node::One {
            definition: Box::new(attribute::choice_definition(set.clone()).cast()),
            cast: true,
        }),
        (Some(value), _) | (None, Some(value)) => Ok(Node::Value(value.clone())),
        (None, None) => Err(Refusal::segment(segment)),
    }
}

/// A list, or with a predicate one of it.
fn member(name: &str, all: Vec<Definition>, predicate: Option<&str>, typed: bool) -> Outcome<Node> {
    let all: Vec<Definition> = if typed {
        all.into_iter().map(Definition::cast).collect()
    } else {
        all
    };
    let Some(predicate) = predicate else {
        return Ok(Node::List {
            name: name.to_owned(),
            all,
            cast: typed,
        });
    };
    let (property, wanted) = wanted(name, predicate)?;
    let is_it =
        |one: &Definition| one.common.get(property).and_then(Json::as_str) == Some(wanted.as_str());
    let found = all.into_iter().find(is_it).ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "0x80060888",
            format!("Could not find a definition in {name} with {property} '{wanted}'."),
        )
    })?;
    Ok(Node::One {
        definition: Box::new(found),
        cast: typed,
    })
}

/// The property and value by which a predicate names a member.
fn wanted(list: &str, predicate: &str) -> Outcome<(&'static str, String)> {
    if let Some(id) = guid(predicate) {
        return Ok(("MetadataId", id.to_string()));
    }
    let alternative = match list {
        "EntityDefinitions" | "Attributes" | "Keys" => "LogicalName",
        "GlobalOptionSetDefinitions" => "Name",
        _ => "SchemaName",
    };
    match pairs(predicate)?.as_slice() {
        [("MetadataId", Literal::Guid(id))] => Ok(("MetadataId", id.to_string())),
        [(name, Literal::Text(text))] if *name == alternative => Ok((alternative, text.clone())),
        _ => Err(Refusal::url(format!(
            "The key in the request URI is not valid for resource '{list}'. Name it by MetadataId or {alternative}."
        ))),
    }
}

/// Whether a list has members of a type.
fn fits(list: &str, cast: &str) -> bool {
    match list {
        "Attributes" => attribute::is_type(cast),
        "RelationshipDefinitions" => relationship::is_type(cast),
        "GlobalOptionSetDefinitions" => {
            matches!(cast, "OptionSetMetadata" | "BooleanOptionSetMetadata")
        }
        _ => false,
    }
}

/// One of the lists that belong to a table.
pub(super) fn list_of(view: &View, id: TableId, name: &str) -> Option<Vec<Definition>> {
    let schema = &view.call.schema;
    let table = schema.table(id);
    Some(match name {
        "Attributes" => attribute::all(table),
        "Keys" => definition::keys(table, view.now),
        "ManyToOneRelationships" => relationship::many_to_one(schema, table),
        "OneToManyRelationships" => relationship::one_to_many(schema, table),
        "ManyToManyRelationships" => relationship::many_to_many_of(schema, id),
        _ => return None,
    })
}
