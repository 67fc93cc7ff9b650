//! `EntityDefinitions`: what a client learns of tables, columns, keys and bind names.
//!
//! Definitions are made as whole JSON and then filtered, selected and expanded; nothing can be written.

mod definition;

use http::StatusCode;
use serde_json::{Map, Value as Json, json};

use super::Call;
use crate::emulator::odata::filter::{self, Comparison, Expression, Operand, TextTest};
use crate::emulator::odata::literal::{Literal, guid};
use crate::emulator::odata::path::{pairs, split_predicate};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::schema::{Schema, Table};

const OPTIONS: [&str; 4] = ["$select", "$filter", "$expand", "$count"];
const TYPES: &str = "Microsoft.Dynamics.CRM.";

pub(crate) fn answer(call: &Call, segments: &[String]) -> Outcome<Reply> {
    call.query.only(&OPTIONS)?;
    let schema = &call.schema;
    let (first, rest) = segments
        .split_first()
        .map_or(("", segments), |(first, rest)| (first.as_str(), rest));
    let (_, predicate) = split_predicate(first)?;
    let Some(predicate) = predicate else {
        if let Some(next) = rest.first() {
            return Err(Refusal::segment(next));
        }
        let all = schema
            .tables()
            .map(|(_, table)| definition::table(table))
            .collect();
        return collection(schema, call, "EntityDefinitions", all);
    };
    let table = by_key(schema, predicate)?;
    let path = format!("EntityDefinitions('{}')", table.name);
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match rest.as_slice() {
        [] => single(schema, call, "EntityDefinitions", definition::table(table)),
        [list] => match part(schema, table, list) {
            Some(all) => collection(schema, call, &format!("{path}/{list}"), all),
            None => attribute_or_refusal(schema, call, table, list),
        },
        ["Attributes", cast] if cast.starts_with(TYPES) => {
            let kind = format!("#{cast}");
            if !definition::is_attribute_type(cast) {
                return Err(Refusal::segment(cast));
            }
            let mut all = definition::attributes(table);
            all.retain(|attribute| attribute["@odata.type"] == kind.as_str());
            for attribute in &mut all {
                attribute.remove("@odata.type");
            }
            collection(schema, call, &format!("{path}/Attributes/{cast}"), all)
        }
        _ => Err(Refusal::unsupported("This path below EntityDefinitions")),
    }
}

/// The table of `LogicalName='account'` or of its `MetadataId`.
fn by_key<'s>(schema: &'s Schema, predicate: &str) -> Outcome<&'s Table> {
    let missing = || {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "0x80060888",
            format!("Could not find an entity with the key '{predicate}'."),
        )
    };
    let by_id = |id| {
        schema
            .tables()
            .map(|(_, table)| table)
            .find(|table| table.metadata_id() == id)
    };
    if let Some(id) = guid(predicate) {
        return by_id(id).ok_or_else(missing);
    }
    match pairs(predicate)?.as_slice() {
        [("LogicalName", Literal::Text(name))] => schema
            .by_name(name)
            .map(|id| schema.table(id))
            .ok_or_else(missing),
        [("MetadataId", Literal::Guid(id))] => by_id(*id).ok_or_else(missing),
        _ => Err(Refusal::url(
            "The key in the request URI is not valid for resource 'EntityMetadata'.",
        )),
    }
}

/// One of a table's collections.
fn part(schema: &Schema, table: &Table, name: &str) -> Option<Vec<Map<String, Json>>> {
    Some(match name {
        "Attributes" => definition::attributes(table),
        "Keys" => definition::keys(table),
        "ManyToOneRelationships" => definition::relationships_of(table),
        "OneToManyRelationships" => schema
            .tables()
            .flat_map(|(_, from)| definition::relationships_of(from))
            .filter(|relationship| relationship["ReferencedEntity"] == table.name)
            .collect(),
        "ManyToManyRelationships" => schema
            .by_name(table.name)
            .map(|id| definition::many_to_many_of(schema, id))?,
        _ => return None,
    })
}

/// `Attributes(LogicalName='name')`.
fn attribute_or_refusal(
    schema: &Schema,
    call: &Call,
    table: &Table,
    segment: &str,
) -> Outcome<Reply> {
    let (name, predicate) = split_predicate(segment)?;
    let (Some(predicate), "Attributes") = (predicate, name) else {
        return Err(Refusal::segment(segment));
    };
    let pairs = pairs(predicate)?;
    let [("LogicalName", Literal::Text(wanted))] = pairs.as_slice() else {
        return Err(Refusal::url(
            "The key in the request URI is not valid for resource 'AttributeMetadata'.",
        ));
    };
    let attribute = definition::attributes(table)
        .into_iter()
        .find(|attribute| attribute["LogicalName"] == wanted.as_str());
    let attribute = attribute.ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "0x80060888",
            format!("Could not find an attribute '{wanted}'."),
        )
    })?;
    single(
        schema,
        call,
        &format!("EntityDefinitions('{}')/Attributes", table.name),
        attribute,
    )
}

fn collection(
    schema: &Schema,
    call: &Call,
    path: &str,
    mut all: Vec<Map<String, Json>>,
) -> Outcome<Reply> {
    if let Some(text) = call.query.get("$filter") {
        let expression = filter::read(text, &call.query)?;
        let mut kept = Vec::new();
        for definition in all {
            if holds(&expression, &definition)? {
                kept.push(definition);
            }
        }
        all = kept;
    }
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), context(call, path).into());
    if call.query.count()? {
        body.insert("@odata.count".to_owned(), all.len().into());
    }
    let shown: Outcome<Vec<Json>> = all
        .into_iter()
        .map(|one| shaped(schema, call, one).map(Json::Object))
        .collect();
    body.insert("value".to_owned(), Json::Array(shown?));
    Ok(reply::json(StatusCode::OK, &Json::Object(body)))
}

fn single(schema: &Schema, call: &Call, path: &str, one: Map<String, Json>) -> Outcome<Reply> {
    if call.query.get("$filter").is_some() {
        return Err(Refusal::query_option("$filter"));
    }
    let mut body = Map::new();
    body.insert(
        "@odata.context".to_owned(),
        format!("{}/$entity", context(call, path)).into(),
    );
    body.extend(shaped(schema, call, one)?);
    Ok(reply::json(StatusCode::OK, &Json::Object(body)))
}

fn context(call: &Call, path: &str) -> String {
    let select = call
        .query
        .get("$select")
        .map_or(String::new(), |names| format!("({names})"));
    format!("{}/$metadata#{path}{select}", call.root)
}

/// A definition with `$select` and `$expand` applied.
fn shaped(schema: &Schema, call: &Call, mut one: Map<String, Json>) -> Outcome<Map<String, Json>> {
    let expanded = call
        .query
        .get("$expand")
        .map(|text| expansions(schema, &one, text))
        .transpose()?;
    for navigation in ["OptionSet", "GlobalOptionSet"] {
        one.remove(navigation);
    }
    let mut shown = selected(one, call.query.get("$select"))?;
    for (name, value) in expanded.into_iter().flatten() {
        shown.insert(name, value);
    }
    Ok(shown)
}

fn selected(mut one: Map<String, Json>, select: Option<&str>) -> Outcome<Map<String, Json>> {
    let Some(select) = select else {
        return Ok(one);
    };
    let mut shown = Map::new();
    for name in select.split(',').map(str::trim) {
        let value = one.remove(name).or_else(|| shown.remove(name));
        let value = value.ok_or_else(|| Refusal::no_property("MetadataBase", name))?;
        shown.insert(name.to_owned(), value);
    }
    for always in ["MetadataId", "@odata.type"] {
        if let Some(value) = one.remove(always) {
            shown.insert(always.to_owned(), value);
        }
    }
    Ok(shown)
}

/// The expanded collections of a table, or the option set of an attribute.
fn expansions(
    schema: &Schema,
    one: &Map<String, Json>,
    text: &str,
) -> Outcome<Vec<(String, Json)>> {
    let mut found = Vec::new();
    for term in split_outside(text, ',') {
        let (name, options) = split_predicate(term.trim())?;
        let mut select = None;
        for option in options
            .map(|options| split_outside(options, ';'))
            .into_iter()
            .flatten()
        {
            match option.trim().split_once('=') {
                Some(("$select", names)) => select = Some(names),
                _ => {
                    return Err(Refusal::unsupported(&format!(
                        "'{option}' in an expansion of metadata"
                    )));
                }
            }
        }
        let value = match one.get(name) {
            Some(Json::Object(inner)) => Json::Object(selected(inner.clone(), select)?),
            Some(other @ Json::Null) => other.clone(),
            _ => {
                let table = one
                    .get("LogicalName")
                    .and_then(Json::as_str)
                    .and_then(|name| schema.by_name(name));
                let all = table
                    .filter(|_| one.contains_key("EntitySetName"))
                    .and_then(|id| part(schema, schema.table(id), name))
                    .ok_or_else(|| Refusal::no_property("MetadataBase", name))?;
                let all: Outcome<Vec<Json>> = all
                    .into_iter()
                    .map(|one| selected(one, select).map(Json::Object))
                    .collect();
                Json::Array(all?)
            }
        };
        found.push((name.to_owned(), value));
    }
    Ok(found)
}

/// Splits at a character that is not inside parentheses.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(move |char| {
        match char {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        char == separator && depth == 0
    })
    .collect()
}

/// Asks a filter of a definition.
fn holds(expression: &Expression, one: &Map<String, Json>) -> Outcome<bool> {
    Ok(match expression {
        Expression::All(terms) => {
            for term in terms {
                if !holds(term, one)? {
                    return Ok(false);
                }
            }
            true
        }
        Expression::Any(terms) => {
            for term in terms {
                if holds(term, one)? {
                    return Ok(true);
                }
            }
            false
        }
        Expression::Not(inner) => !holds(inner, one)?,
        Expression::Compare(Operand::Path(path), comparison, value) => {
            let equal = *property(one, path)? == wanted(value)?;
            match comparison {
                Comparison::Equal => equal,
                Comparison::NotEqual => !equal,
                _ => {
                    return Err(Refusal::unsupported(
                        "A comparison of metadata other than eq and ne",
                    ));
                }
            }
        }
        Expression::Text(test, path, pattern) => {
            let held = property(one, path)?.as_str().unwrap_or_default();
            match test {
                TextTest::Contains => held.contains(pattern.as_str()),
                TextTest::StartsWith => held.starts_with(pattern.as_str()),
                TextTest::EndsWith => held.ends_with(pattern.as_str()),
            }
        }
        Expression::Compare(..) | Expression::In { .. } => {
            return Err(Refusal::unsupported("This filter on metadata"));
        }
    })
}

fn property<'j>(one: &'j Map<String, Json>, path: &str) -> Outcome<&'j Json> {
    let mut names = path.split('/');
    let first = names.next().and_then(|name| one.get(name));
    let found = names.fold(first, |json, name| json.and_then(|json| json.get(name)));
    found.ok_or_else(|| Refusal::no_property("MetadataBase", path))
}

fn wanted(operand: &Operand) -> Outcome<Json> {
    Ok(match operand {
        Operand::Member(member) => json!(member),
        Operand::Literal(Literal::Text(text)) => json!(text),
        Operand::Literal(Literal::Bool(yes)) => json!(yes),
        Operand::Literal(Literal::Int(number)) => json!(number),
        Operand::Literal(Literal::Guid(id)) => json!(id),
        Operand::Literal(Literal::Null) => Json::Null,
        _ => return Err(Refusal::unsupported("This filter on metadata")),
    })
}
