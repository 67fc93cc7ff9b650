//! What a column can hold, how values compare, and the order of GUIDs in SQL Server.
//!
//! Knows nothing of columns or JSON: `schema.rs` says what a column takes, `render.rs` how it looks on the wire.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

/// The index of a table in an instance's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TableId(pub(crate) usize);

/// A reference to a row of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reference {
    pub(crate) table: TableId,
    pub(crate) id: Uuid,
}

/// One stored value; an empty text is stored as `Null`, as Dataverse does.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    Text(Arc<str>),
    Int(i64),
    Decimal(Decimal),
    Bool(bool),
    Time(DateTime<Utc>),
    Id(Uuid),
    Lookup(Reference),
}

impl Value {
    pub(crate) fn text(text: &str) -> Value {
        if text.is_empty() {
            Value::Null
        } else {
            Value::Text(text.into())
        }
    }

    /// A sum of money in whole units.
    pub(crate) fn money(units: i64) -> Value {
        Value::Decimal(Decimal::from(units))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn as_time(&self) -> Option<DateTime<Utc>> {
        match self {
            Value::Time(time) => Some(*time),
            _ => None,
        }
    }

    pub(crate) fn as_reference(&self) -> Option<Reference> {
        match self {
            Value::Lookup(reference) => Some(*reference),
            _ => None,
        }
    }

    /// The GUID of an identifier or a lookup.
    pub(crate) fn as_id(&self) -> Option<Uuid> {
        match self {
            Value::Id(id) => Some(*id),
            Value::Lookup(reference) => Some(reference.id),
            _ => None,
        }
    }

    /// How two values of one type compare; `None` when either is null or the types differ.
    pub(crate) fn compare(&self, other: &Value) -> Option<Ordering> {
        if let (Some(left), Some(right)) = (self.as_id(), other.as_id()) {
            return Some(SqlGuid::from(left).cmp(&SqlGuid::from(right)));
        }
        match (self, other) {
            (Value::Text(left), Value::Text(right)) => Some(fold(left).cmp(&fold(right))),
            (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
            (Value::Decimal(left), Value::Decimal(right)) => Some(left.cmp(right)),
            (Value::Int(left), Value::Decimal(right)) => Some(Decimal::from(*left).cmp(right)),
            (Value::Decimal(left), Value::Int(right)) => Some(left.cmp(&Decimal::from(*right))),
            (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }

    /// The order of `$orderby`: as [`Value::compare`], nulls first.
    pub(crate) fn sort(&self, other: &Value) -> Ordering {
        match (self.is_null(), other.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.compare(other).unwrap_or(Ordering::Equal),
        }
    }
}

/// A text as the server's collation sees it: case and trailing blanks do not count.
pub(crate) fn fold(text: &str) -> String {
    text.trim_end_matches(' ').to_lowercase()
}

/// A GUID whose order is SQL Server's: the last six bytes count first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SqlGuid([u8; 16]);

/// The byte of the textual GUID that counts first, second, …
const SIGNIFICANCE: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0];

impl From<Uuid> for SqlGuid {
    fn from(id: Uuid) -> SqlGuid {
        let bytes = id.as_bytes();
        SqlGuid(SIGNIFICANCE.map(|index| bytes[index]))
    }
}

impl From<SqlGuid> for Uuid {
    fn from(sorted: SqlGuid) -> Uuid {
        let mut bytes = [0; 16];
        for (value, index) in sorted.0.iter().zip(SIGNIFICANCE) {
            bytes[index] = *value;
        }
        Uuid::from_bytes(bytes)
    }
}
