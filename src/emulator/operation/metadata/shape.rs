//! What a client wants to see of definitions: `$filter`, `$select`, `$expand` with the same inside of it.
//!
//! Dataverse pages and orders no metadata: those options are refused before.

use std::cmp::Ordering;

use serde_json::{Map, Value as Json, json};

use super::definition::Definition;
use super::walk::list_of;
use super::{View, attribute};
use crate::emulator::odata::filter::{self, Comparison, Expression, Operand, TextTest};
use crate::emulator::odata::literal::Literal;
use crate::emulator::odata::path::split_predicate;
use crate::emulator::odata::query_function::{Function, Sense};
use crate::emulator::odata::split_outside;
use crate::emulator::refusal::{Outcome, Refusal};

const NAMESPACE: &str = "#Microsoft.Dynamics.CRM.";

/// The options of a request, or of one of its expansions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options<'q> {
    pub(super) select: Option<&'q str>,
    pub(super) filter: Option<&'q str>,
    pub(super) expand: Option<&'q str>,
}

/// The definitions that pass the filter, as they are wanted.
pub(super) fn list(
    view: &View,
    all: Vec<Definition>,
    options: Options,
    cast: bool,
) -> Outcome<Vec<Json>> {
    let expression = options
        .filter
        .map(|text| filter::read(text, &view.call.query))
        .transpose()?;
    let mut shown = Vec::new();
    for definition in all {
        let passes = expression
            .as_ref()
            .map_or(Ok(true), |expression| holds(expression, &definition))?;
        if passes {
            shown.push(Json::Object(one(view, &definition, options, cast)?));
        }
    }
    Ok(shown)
}

/// A definition as it is wanted; behind a cast its type needs no telling.
pub(super) fn one(
    view: &View,
    definition: &Definition,
    options: Options,
    cast: bool,
) -> Outcome<Map<String, Json>> {
    let expanded = options
        .expand
        .map(|text| expansions(view, definition, text, cast))
        .transpose()?;
    let mut shown = match options.select {
        Some(select) => selected(definition, select)?,
        None => everything(definition),
    };
    if !cast && has_subtypes(&definition.type_name) {
        let kind = format!("{NAMESPACE}{}", definition.type_name);
        shown.shift_insert(0, "@odata.type".to_owned(), kind.into());
    }
    shown.extend(expanded.into_iter().flatten());
    Ok(shown)
}

/// Whether a definition's type is one of several in a list.
fn has_subtypes(type_name: &str) -> bool {
    !matches!(type_name, "EntityMetadata" | "EntityKeyMetadata")
}

fn everything(definition: &Definition) -> Map<String, Json> {
    let mut shown = definition.common.clone();
    shown.extend(definition.derived.clone());
    shown
}

fn selected(definition: &Definition, select: &str) -> Outcome<Map<String, Json>> {
    let mut shown = Map::new();
    for name in select.split(',').map(str::trim).chain(["MetadataId"]) {
        let Some(value) = definition.common.get(name) else {
            if name == "MetadataId" {
                continue;
            }
            return Err(no_property(definition, name));
        };
        shown.insert(name.to_owned(), value.clone());
    }
    Ok(shown)
}

/// The expanded navigation properties with what they lead to.
fn expansions(
    view: &View,
    definition: &Definition,
    text: &str,
    cast: bool,
) -> Outcome<Vec<(String, Json)>> {
    let mut found: Vec<(String, Json)> = Vec::new();
    for term in split_outside(text, ',') {
        let (name, inner) = split_predicate(term.trim())?;
        if found.iter().any(|(own, _)| own == name) {
            return Err(Refusal::url(format!(
                "'{name}' is expanded more than once."
            )));
        }
        let options = inner.map(nested).transpose()?.unwrap_or_default();
        let value = if let Some(all) = definition
            .table
            .and_then(|table| list_of(view, table, name))
        {
            // Inside of a table's definition the relationships are of one type, the attributes are not.
            let (all, cast) = match name {
                "Attributes" | "Keys" => (all, false),
                _ => (all.into_iter().map(Definition::cast).collect(), true),
            };
            Json::Array(list(view, all, options, cast)?)
        } else if let Some(link) = definition
            .links
            .get(name)
            .filter(|_| cast || !has_subtypes(&definition.type_name))
        {
            match link {
                Json::Object(_) => {
                    let inner = attribute::choice_definition(link.clone()).cast();
                    Json::Object(one(view, &inner, options, true)?)
                }
                other => other.clone(),
            }
        } else {
            return Err(no_property(definition, name));
        };
        found.push((name.to_owned(), value));
    }
    Ok(found)
}

/// The options of an expansion.
fn nested(text: &str) -> Outcome<Options<'_>> {
    let mut options = Options::default();
    for option in split_outside(text, ';') {
        match option.trim().split_once('=') {
            Some(("$select", value)) => options.select = Some(value),
            Some(("$filter", value)) => options.filter = Some(value),
            Some(("$expand", value)) => options.expand = Some(value),
            Some((name, _)) => return Err(Refusal::query_option(name)),
            None => return Err(Refusal::url(format!("Syntax error in '{option}'."))),
        }
    }
    Ok(options)
}

/// Asks a filter of a definition.
fn holds(expression: &Expression, one: &Definition) -> Outcome<bool> {
    Ok(match expression {
        Expression::All(terms) => {
            let mut all = true;
            for term in terms {
                all &= holds(term, one)?;
            }
            all
        }
        Expression::Any(terms) => {
            let mut any = false;
            for term in terms {
                any |= holds(term, one)?;
            }
            any
        }
        Expression::Not(inner) => !holds(inner, one)?,
        Expression::Compare(left, comparison, right) => compares(one, left, *comparison, right)?,
        Expression::Text(test, path, pattern) => {
            let held = property(one, path)?.as_str().unwrap_or_default();
            match test {
                TextTest::Contains => held.contains(pattern.as_str()),
                TextTest::StartsWith => held.starts_with(pattern.as_str()),
                TextTest::EndsWith => held.ends_with(pattern.as_str()),
            }
        }
        Expression::Call {
            function: Function::In(sense),
            path,
            values,
        } => {
            let held = property(one, path)?.as_str();
            values.iter().any(|value| held == Some(value)) == (*sense == Sense::Is)
        }
        Expression::Call { .. } | Expression::Lambda(_) => {
            return Err(Refusal::unsupported("This filter on metadata"));
        }
    })
}

fn compares(
    one: &Definition,
    left: &Operand,
    comparison: Comparison,
    right: &Operand,
) -> Outcome<bool> {
    let (left, right) = (side(one, left)?, side(one, right)?);
    let order = match (&left, &right) {
        (Json::String(left), Json::String(right)) => Some(left.cmp(right)),
        (Json::Bool(left), Json::Bool(right)) => Some(left.cmp(right)),
        (Json::Number(left), Json::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
        (Json::Null, Json::Null) => Some(Ordering::Equal),
        (Json::Null, _) | (_, Json::Null) => None,
        _ => {
            return Err(Refusal::url(
                "A binary operator with incompatible types was detected in the filter of metadata.",
            ));
        }
    };
    Ok(match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
    })
}

fn side(one: &Definition, operand: &Operand) -> Outcome<Json> {
    Ok(match operand {
        Operand::Path(path) => property(one, path)?.clone(),
        Operand::Member(member) => json!(member),
        Operand::Literal(Literal::Text(text)) => json!(text),
        Operand::Literal(Literal::Bool(yes)) => json!(yes),
        Operand::Literal(Literal::Int(number)) => json!(number),
        Operand::Literal(Literal::Guid(id)) => json!(id),
        Operand::Literal(Literal::Null) => Json::Null,
        Operand::Literal(_) => return Err(Refusal::unsupported("This filter on metadata")),
    })
}

fn property<'d>(one: &'d Definition, path: &str) -> Outcome<&'d Json> {
    one.property(path).ok_or_else(|| no_property(one, path))
}

pub(super) fn no_property(definition: &Definition, name: &str) -> Refusal {
    let base = match definition.type_name.as_str() {
        own if own.ends_with("AttributeMetadata") => "AttributeMetadata",
        own if own.ends_with("RelationshipMetadata") => "RelationshipMetadataBase",
        own => own,
    };
    Refusal::no_property(base, name)
}
