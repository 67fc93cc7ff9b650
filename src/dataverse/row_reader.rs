//! Rows from JSON, straight into the order of the columns that were asked for: no tree of values in between.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use uuid::Uuid;

use crate::domain::row::{ETag, Reference, Row, RowId, Value};
use crate::domain::table::{ColumnName, ColumnType, TableName, TableSchema};

const FORMATTED: &str = "@OData.Community.Display.V1.FormattedValue";
const LOOKUP_TABLE: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";

/// Where a property of the JSON goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Id,
    ETag,
    ModifiedOn,
    ModifiedBy,
    ModifiedByName,
    CreatedBy,
    Column(usize),
    TableOf(usize),
    NameOf(usize),
}

/// Which properties a row of JSON has, and what they are.
#[derive(Clone, Debug)]
pub(super) struct RowShape {
    select: String,
    slots: HashMap<String, Slot>,
    kinds: Vec<ColumnType>,
}

impl RowShape {
    /// The shape of rows with these columns; a column that the table does not have is read as text.
    pub(super) fn of(table: &TableSchema, columns: &[ColumnName]) -> Self {
        let mut slots = HashMap::new();
        let mut names = Vec::new();
        let mut kinds = Vec::new();
        for (place, name) in columns.iter().enumerate() {
            let kind = table
                .column(name)
                .map_or(ColumnType::Text { max_length: None }, |column| {
                    column.kind.clone()
                });
            let property = match kind {
                ColumnType::Lookup { .. } => format!("_{name}_value"),
                _ => name.to_string(),
            };
            slots.insert(format!("{property}{LOOKUP_TABLE}"), Slot::TableOf(place));
            slots.insert(format!("{property}{FORMATTED}"), Slot::NameOf(place));
            slots.insert(property.clone(), Slot::Column(place));
            names.push(property);
            kinds.push(kind);
        }
        let own = [
            ("modifiedon".to_owned(), Slot::ModifiedOn),
            ("_modifiedby_value".to_owned(), Slot::ModifiedBy),
            ("_createdby_value".to_owned(), Slot::CreatedBy),
        ];
        for (property, slot) in own {
            if let Entry::Vacant(free) = slots.entry(property) {
                names.push(free.key().clone());
                free.insert(slot);
            }
        }
        slots.insert(
            format!("_modifiedby_value{FORMATTED}"),
            Slot::ModifiedByName,
        );
        slots.insert("@odata.etag".to_owned(), Slot::ETag);
        // The primary id comes with every row, asked for or not.
        slots.insert(table.primary_id.to_string(), Slot::Id);
        names.retain(|name| name != table.primary_id.as_str());
        Self {
            select: names.join(","),
            slots,
            kinds,
        }
    }

    /// The columns for `$select`.
    pub(super) fn select(&self) -> &str {
        &self.select
    }

    /// The annotations to ask for: the tables of lookups that may name several, and names for people where wanted.
    pub(super) fn annotations(with_names: bool) -> String {
        let names = if with_names {
            "OData.Community.Display.V1.FormattedValue,"
        } else {
            ""
        };
        format!("odata.include-annotations=\"{names}Microsoft.Dynamics.CRM.lookuplogicalname\"")
    }

    /// Reads one row.
    pub(super) fn read(&self, json: &str) -> Result<Row, String> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let row = RowSeed(self)
            .deserialize(&mut deserializer)
            .map_err(|error| error.to_string())?;
        deserializer.end().map_err(|error| error.to_string())?;
        Ok(row)
    }
}

struct RowSeed<'s>(&'s RowShape);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let shape = self.0;
        let mut id = None;
        let mut row = Parts::default();
        let mut values = vec![Value::Null; shape.kinds.len()];
        let mut lookups: Vec<(usize, Option<TableName>, Option<String>)> = Vec::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            let Some(slot) = shape.slots.get(name.0.as_ref()) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let scalar = map.next_value::<Scalar>()?;
            match slot {
                Slot::Id => id = scalar.id(),
                Slot::ETag => row.etag = scalar.text().and_then(|text| ETag::new(&text)),
                Slot::ModifiedOn => row.modified_on = scalar.moment(),
                Slot::ModifiedBy => row.modified_by = scalar.id(),
                Slot::ModifiedByName => row.modified_by_name = scalar.text(),
                Slot::CreatedBy => row.created_by = scalar.id(),
                Slot::Column(place) => {
                    let kind = shape
                        .kinds
                        .get(*place)
                        .ok_or_else(|| A::Error::custom("no such column"))?;
                    let value = scalar
                        .value(kind)
                        .map_err(|why| A::Error::custom(format!("{}: {why}", name.0)))?;
                    if let Some(target) = values.get_mut(*place) {
                        *target = value;
                    }
                }
                Slot::TableOf(place) => {
                    let table = scalar.text().and_then(|text| TableName::new(&text).ok());
                    lookups.push((*place, table, None));
                }
                Slot::NameOf(place) => lookups.push((*place, None, scalar.text())),
            }
        }
        for (place, table, name) in lookups {
            if let Some(Value::Lookup(reference)) = values.get_mut(place) {
                reference.table = table.or(reference.table.take());
                reference.name = name.or(reference.name.take());
            }
        }
        let id = id.ok_or_else(|| A::Error::custom("a row without its id"))?;
        Ok(row.with(id, values))
    }
}

#[derive(Default)]
struct Parts {
    etag: Option<ETag>,
    modified_on: Option<DateTime<Utc>>,
    modified_by: Option<RowId>,
    modified_by_name: Option<String>,
    created_by: Option<RowId>,
}

impl Parts {
    fn with(self, id: RowId, values: Vec<Value>) -> Row {
        let who = |id, name| Reference {
            table: None,
            id,
            name,
        };
        Row {
            id,
            etag: self.etag,
            modified_on: self.modified_on,
            modified_by: self.modified_by.map(|id| who(id, self.modified_by_name)),
            created_by: self.created_by.map(|id| who(id, None)),
            values,
        }
    }
}

/// A property's name: borrowed from the JSON where it holds no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

/// A value as it stands in the JSON.
#[derive(Debug)]
enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("null, a bool, a number or a text")
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Int(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(i64::try_from(value).map_or(Scalar::Text(value.to_string()), Scalar::Int))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
                Ok(Scalar::Text(value))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Scalar {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn id(&self) -> Option<RowId> {
        match self {
            Self::Text(text) => Uuid::try_parse(text).ok().and_then(RowId::new),
            _ => None,
        }
    }

    fn moment(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Text(text) => DateTime::parse_from_rfc3339(text)
                .ok()
                .map(|at| at.to_utc()),
            _ => None,
        }
    }

    fn value(self, kind: &ColumnType) -> Result<Value, &'static str> {
        Ok(match (kind, self) {
            (_, Self::Null) => Value::Null,
            (ColumnType::Lookup { .. }, scalar) => {
                let id = scalar.id().ok_or("not a lookup's id")?;
                Value::Lookup(Reference {
                    table: None,
                    id,
                    name: None,
                })
            }
            (ColumnType::DateTime, scalar) => {
                Value::DateTime(scalar.moment().ok_or("not a moment")?)
            }
            (ColumnType::Date, Self::Text(text)) => {
                let day = text
                    .get(..10)
                    .and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
                Value::Date(day.ok_or("not a day")?)
            }
            (ColumnType::Boolean { .. }, Self::Bool(yes)) => Value::Boolean(yes),
            (ColumnType::Choices, Self::Text(text)) => {
                let numbers: Result<BTreeSet<i64>, _> =
                    text.split(',').map(|part| part.trim().parse()).collect();
                Value::Choices(numbers.map_err(|_| "not a set of choices")?)
            }
            (ColumnType::Integer | ColumnType::Choice, Self::Int(number)) => Value::Integer(number),
            (ColumnType::Decimal { .. } | ColumnType::Money { .. }, Self::Int(number)) => {
                Value::Decimal(Decimal::from(number))
            }
            (ColumnType::Decimal { .. } | ColumnType::Money { .. }, Self::Float(number)) => {
                // Through the shortest text that reads back the same, so that 0.1 stays 0.1.
                let text = number.to_string();
                let decimal = text.parse().or_else(|_| Decimal::from_scientific(&text));
                Value::Decimal(decimal.map_err(|_| "a number out of range")?)
            }
            (
                ColumnType::Text { .. } | ColumnType::Id | ColumnType::Unsupported(_),
                Self::Text(text),
            ) => Value::Text(text),
            _ => return Err("not of the column's type"),
        })
    }
}
