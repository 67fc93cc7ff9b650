//! The criteria of a `QueryExpression`: conditions on columns of one table, joined by And and Or.

use serde_json::Value as Json;

use crate::emulator::odata::literal::{guid, time};
use crate::emulator::odata::render::from_json;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::{Kind, Schema, Table};
use crate::emulator::value::{Reference, TableId, Value};

/// So deep may filters be nested.
const DEEPEST: usize = 8;

/// What a row must be.
#[derive(Debug, PartialEq)]
pub(super) enum Criteria {
    All(Vec<Criteria>),
    Any(Vec<Criteria>),
    Is(usize, Operator, Vec<Value>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    In,
    NotIn,
    Null,
    NotNull,
    GreaterThan,
    GreaterEqual,
    LessThan,
    LessEqual,
}

impl Operator {
    fn named(name: &str) -> Option<Operator> {
        Some(match name {
            "Equal" => Operator::Equal,
            "NotEqual" => Operator::NotEqual,
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Null" => Operator::Null,
            "NotNull" => Operator::NotNull,
            "GreaterThan" => Operator::GreaterThan,
            "GreaterEqual" => Operator::GreaterEqual,
            "LessThan" => Operator::LessThan,
            "LessEqual" => Operator::LessEqual,
            _ => return None,
        })
    }

    /// Whether it takes so many values.
    fn takes(self, values: usize) -> bool {
        match self {
            Operator::Null | Operator::NotNull => values == 0,
            Operator::In | Operator::NotIn => values > 0,
            _ => values == 1,
        }
    }
}

/// Reads one query: its table and which rows.
pub(super) fn read(schema: &Schema, query: &Json) -> Outcome<(TableId, Criteria)> {
    let kind = query
        .get("@odata.type")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let kind = kind.strip_prefix('#').unwrap_or(kind);
    if kind != "Microsoft.Dynamics.CRM.QueryExpression" {
        let kind = kind.rsplit('.').next().unwrap_or_default();
        return Err(Refusal::unsupported(&format!("BulkDelete with a {kind}")));
    }
    for (name, value) in query.as_object().into_iter().flatten() {
        let known = name.starts_with('@')
            || matches!(
                name.as_str(),
                "EntityName"
                    | "ColumnSet"
                    | "Criteria"
                    | "Distinct"
                    | "NoLock"
                    | "Orders"
                    | "PageInfo"
            );
        let says_nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !known && !says_nothing {
            return Err(Refusal::unsupported(&format!("BulkDelete with {name}")));
        }
    }
    let name = query
        .get("EntityName")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let table = schema.by_name(name).ok_or_else(|| {
        Refusal::argument(format!(
            "The entity with a name = '{name}' was not found in the MetadataCache."
        ))
    })?;
    let criteria = match query.get("Criteria").filter(|criteria| !criteria.is_null()) {
        Some(filter) => read_filter(schema.table(table), filter, 0)?,
        None => Criteria::All(Vec::new()),
    };
    Ok((table, criteria))
}

fn read_filter(table: &Table, filter: &Json, depth: usize) -> Outcome<Criteria> {
    if depth > DEEPEST {
        return Err(Refusal::argument(format!(
            "The filters of the query are nested more than {DEEPEST} deep."
        )));
    }
    let list = |name: &str| match filter.get(name) {
        None | Some(Json::Null) => Ok(&[][..]),
        Some(Json::Array(values)) => Ok(values.as_slice()),
        Some(_) => Err(Refusal::argument(format!(
            "'{name}' of a filter must be an array."
        ))),
    };
    let mut parts = Vec::new();
    for condition in list("Conditions")? {
        parts.push(read_condition(table, condition)?);
    }
    for inner in list("Filters")? {
        parts.push(read_filter(table, inner, depth + 1)?);
    }
    match filter
        .get("FilterOperator")
        .and_then(Json::as_str)
        .unwrap_or("And")
    {
        "And" => Ok(Criteria::All(parts)),
        "Or" => Ok(Criteria::Any(parts)),
        other => Err(Refusal::argument(format!(
            "'{other}' is not a FilterOperator."
        ))),
    }
}

fn read_condition(table: &Table, condition: &Json) -> Outcome<Criteria> {
    let text = |name: &str| {
        condition
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
    };
    let name = text("AttributeName");
    let column = table.column(name).ok_or_else(|| {
        Refusal::argument(format!(
            "'{}' entity doesn't contain attribute with Name = '{name}'.",
            table.name
        ))
    })?;
    let operator = Operator::named(text("Operator")).ok_or_else(|| {
        Refusal::unsupported(&format!(
            "BulkDelete with the operator {}",
            text("Operator")
        ))
    })?;
    let given = condition.get("Values").and_then(Json::as_array);
    let values: Option<Vec<Value>> = given
        .into_iter()
        .flatten()
        .map(|value| {
            read_value(
                &table.columns[column].kind,
                value.get("Value").unwrap_or(value),
            )
        })
        .collect();
    values
        .filter(|values| operator.takes(values.len()))
        .map(|values| Criteria::Is(column, operator, values))
        .ok_or_else(|| {
            Refusal::argument(format!(
                "The values of the condition on '{name}' do not fit."
            ))
        })
}

/// A value as JSON has it, or as the text that a client made of it.
fn read_value(kind: &Kind, json: &Json) -> Option<Value> {
    let text = json.as_str();
    match kind {
        // In a comparison only the GUID counts.
        Kind::Lookup { .. } => Some(Value::Lookup(Reference {
            table: TableId(0),
            id: guid(text?)?,
        })),
        Kind::Time => Some(Value::Time(time(text?)?)),
        _ => from_json(kind, json)
            .or_else(|| {
                from_json(
                    kind,
                    &serde_json::from_str(&text?.to_ascii_lowercase()).ok()?,
                )
            })
            .filter(|value| !value.is_null()),
    }
}

impl Criteria {
    pub(super) fn holds(&self, row: &Row) -> bool {
        match self {
            Criteria::All(parts) => parts.iter().all(|part| part.holds(row)),
            Criteria::Any(parts) => parts.is_empty() || parts.iter().any(|part| part.holds(row)),
            Criteria::Is(column, operator, values) => {
                let own = row.value(*column);
                let compared = |value: &Value| own.compare(value.as_ref());
                let equals = |value: &Value| compared(value).is_some_and(std::cmp::Ordering::is_eq);
                let first = values.first().and_then(compared);
                match operator {
                    Operator::Null => own.is_null(),
                    Operator::NotNull => !own.is_null(),
                    Operator::Equal | Operator::In => values.iter().any(equals),
                    Operator::NotEqual => !values.iter().any(equals),
                    Operator::NotIn => !own.is_null() && !values.iter().any(equals),
                    Operator::GreaterThan => first.is_some_and(std::cmp::Ordering::is_gt),
                    Operator::GreaterEqual => first.is_some_and(std::cmp::Ordering::is_ge),
                    Operator::LessThan => first.is_some_and(std::cmp::Ordering::is_lt),
                    Operator::LessEqual => first.is_some_and(std::cmp::Ordering::is_le),
                }
            }
        }
    }
}
