//! Single values as JSON and back, and the context that a body names. Whole rows are `rows.rs`'s.
//!
//! Money loses digits beyond what a double holds, as it does in most clients.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::Value as Json;
use std::str::FromStr;

use super::literal::{guid, time};
use crate::emulator::schema::{Kind, Table};
use crate::emulator::value::{Reference, TableId, Value, ValueRef};

/// What `$metadata#` is followed by: the set and the selected columns.
pub(crate) fn context(root: &str, table: &Table, select: Option<&[usize]>) -> String {
    let names = select.map_or(String::new(), |columns| {
        let names: Vec<&str> = columns
            .iter()
            .map(|&column| table.columns[column].wire_name.as_str())
            .collect();
        format!("({})", names.join(","))
    });
    format!("{root}/$metadata#{}{names}", table.set)
}

/// A value as JSON.
pub(crate) fn json(value: ValueRef) -> Json {
    match value {
        ValueRef::Null => Json::Null,
        ValueRef::Text(text) | ValueRef::Choices(text) => text.into(),
        ValueRef::Int(number) => number.into(),
        ValueRef::Decimal(number) => number
            .to_string()
            .parse::<f64>()
            .map_or(Json::Null, Json::from),
        ValueRef::Double(number) => number.into(),
        ValueRef::Bool(yes) => yes.into(),
        ValueRef::Time(time) => wire_time(time).into(),
        ValueRef::Date(date) => date.to_string().into(),
        ValueRef::Id(id) => id.to_string().into(),
        ValueRef::Lookup(reference) => reference.id.to_string().into(),
    }
}

/// JSON as a value of a type; `None` when it is of another.
pub(crate) fn from_json(kind: &Kind, json: &Json) -> Option<Value> {
    if json.is_null() {
        return Some(Value::Null);
    }
    Some(match kind {
        Kind::Id => Value::Id(guid(json.as_str()?)?),
        // Lookups are written by bind; this is a sort value, of which only the GUID counts.
        Kind::Lookup { .. } => Value::Lookup(Reference {
            table: TableId(0),
            id: guid(json.as_str()?)?,
        }),
        Kind::Text { .. } | Kind::Memo { .. } => Value::text(json.as_str()?),
        Kind::Int { .. }
        | Kind::BigInt
        | Kind::Choice { .. }
        | Kind::State { .. }
        | Kind::Status { .. } => Value::Int(json.as_i64()?),
        Kind::Money { .. } | Kind::Decimal { .. } => {
            let text = json.as_number()?.to_string();
            Value::Decimal(
                Decimal::from_str(&text)
                    .or_else(|_| Decimal::from_scientific(&text))
                    .ok()?,
            )
        }
        Kind::Double { .. } => Value::Double(json.as_f64()?),
        Kind::Choices { .. } => chosen(json.as_str()?)?,
        Kind::Date => Value::Date(NaiveDate::parse_from_str(json.as_str()?, "%Y-%m-%d").ok()?),
        Kind::Bool { .. } => Value::Bool(json.as_bool()?),
        Kind::Time => Value::Time(time(json.as_str()?)?),
    })
}

/// The options of a multi-select choice, in order and each once.
fn chosen(text: &str) -> Option<Value> {
    let mut options = Vec::new();
    for option in text.split(',').filter(|option| !option.trim().is_empty()) {
        options.push(option.trim().parse::<i64>().ok()?);
    }
    options.sort_unstable();
    options.dedup();
    let texts: Vec<String> = options.iter().map(i64::to_string).collect();
    Some(match texts.as_slice() {
        [] => Value::Null,
        texts => Value::Choices(texts.join(",").into()),
    })
}

fn wire_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
