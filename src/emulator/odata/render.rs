//! Rows as JSON, in Dataverse's words: `_x_value` for lookups, annotations before the property they belong to.
//!
//! Money loses digits beyond what a double holds, as it does in most clients.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};
use std::str::FromStr;

use super::formatted;
use super::literal::{guid, time};
use super::prefer::Annotations;
use crate::emulator::reply::etag;
use crate::emulator::row::Row;
use crate::emulator::schema::{Kind, Read, Table};
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, TableId, Value, ValueRef};

const FORMATTED: &str = "OData.Community.Display.V1.FormattedValue";
const NAVIGATION: &str = "Microsoft.Dynamics.CRM.associatednavigationproperty";
const LOGICAL_NAME: &str = "Microsoft.Dynamics.CRM.lookuplogicalname";

/// One row with the selected columns, or all; the primary id and the etag always.
pub(crate) fn row(
    store: &Store,
    table: TableId,
    row: &Row,
    select: Option<&[usize]>,
    annotations: &Annotations,
) -> Map<String, Json> {
    let definition = store.schema().table(table);
    let mut json = Map::new();
    json.insert("@odata.etag".to_owned(), etag(row.version()).into());
    for column in columns(definition, select) {
        property(&mut json, store, definition, row, column, annotations);
    }
    json
}

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

/// The columns of the answer: the selected ones, the primary id, and money's currency, which comes along unasked.
fn columns(table: &Table, select: Option<&[usize]>) -> Vec<usize> {
    let Some(select) = select else {
        let readable = |index: &usize| table.columns[*index].read != Read::Nobody;
        return (0..table.columns.len()).filter(readable).collect();
    };
    let mut columns = select.to_vec();
    let money = columns
        .iter()
        .any(|&column| matches!(table.columns[column].kind, Kind::Money { .. }));
    let currency = table.column("transactioncurrencyid").filter(|_| money);
    for extra in [Some(table.id), currency].into_iter().flatten() {
        if !columns.contains(&extra) {
            columns.push(extra);
        }
    }
    columns
}

fn property(
    json: &mut Map<String, Json>,
    store: &Store,
    table: &Table,
    row: &Row,
    index: usize,
    annotations: &Annotations,
) {
    let (column, value) = (&table.columns[index], row.value(index));
    let name = &column.wire_name;
    if annotations.any() && !value.is_null() {
        let mut annotate = |annotation: &str, text: Option<String>| {
            if let Some(text) = text.filter(|_| annotations.wants(annotation)) {
                json.insert(format!("{name}@{annotation}"), text.into());
            }
        };
        annotate(FORMATTED, formatted::value(store, table, row, index));
        if let Some(reference) = value.as_reference() {
            let target = store.schema().table(reference.table).name;
            let declared = column
                .targets()
                .iter()
                .find(|declared| declared.table == target);
            annotate(
                NAVIGATION,
                declared.map(|declared| declared.navigation.to_owned()),
            );
            annotate(LOGICAL_NAME, Some(target.to_owned()));
        }
    }
    json.insert(name.clone(), self::json(value));
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
