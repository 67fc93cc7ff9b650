//! What a column can hold, how values compare, and the order of GUIDs in SQL Server.
//!
//! Knows nothing of columns or JSON: `schema.rs` says what a column takes, `render.rs` how it looks on the wire.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
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

/// One value; an empty text is stored as `Null`, as Dataverse does.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    Text(Arc<str>),
    Int(i64),
    Decimal(Decimal),
    Double(f64),
    Bool(bool),
    Time(DateTime<Utc>),
    /// A day without a time.
    Date(NaiveDate),
    /// The options of a multi-select choice in ascending order, joined by commas, as the wire has them.
    Choices(Arc<str>),
    Id(Uuid),
    Lookup(Reference),
}

/// A value where it lies in its row.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(crate) enum ValueRef<'v> {
    #[default]
    Null,
    Text(&'v str),
    Int(i64),
    Decimal(Decimal),
    Double(f64),
    Bool(bool),
    Time(DateTime<Utc>),
    Date(NaiveDate),
    Choices(&'v str),
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

    /// The value itself, borrowed.
    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Text(text) => ValueRef::Text(text),
            Value::Int(number) => ValueRef::Int(*number),
            Value::Decimal(number) => ValueRef::Decimal(*number),
            Value::Double(number) => ValueRef::Double(*number),
            Value::Bool(yes) => ValueRef::Bool(*yes),
            Value::Time(time) => ValueRef::Time(*time),
            Value::Date(date) => ValueRef::Date(*date),
            Value::Choices(options) => ValueRef::Choices(options),
            Value::Id(id) => ValueRef::Id(*id),
            Value::Lookup(reference) => ValueRef::Lookup(*reference),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.as_ref().is_null()
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        self.as_ref().as_text()
    }

    pub(crate) fn as_int(&self) -> Option<i64> {
        self.as_ref().as_int()
    }

    /// The GUID of an identifier or a lookup.
    pub(crate) fn as_id(&self) -> Option<Uuid> {
        self.as_ref().as_id()
    }
}

impl<'v> ValueRef<'v> {
    /// A value of its own, to be kept.
    pub(crate) fn to_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Text(text) => Value::Text(text.into()),
            ValueRef::Int(number) => Value::Int(number),
            ValueRef::Decimal(number) => Value::Decimal(number),
            ValueRef::Double(number) => Value::Double(number),
            ValueRef::Bool(yes) => Value::Bool(yes),
            ValueRef::Time(time) => Value::Time(time),
            ValueRef::Date(date) => Value::Date(date),
            ValueRef::Choices(options) => Value::Choices(options.into()),
            ValueRef::Id(id) => Value::Id(id),
            ValueRef::Lookup(reference) => Value::Lookup(reference),
        }
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self, ValueRef::Null)
    }

    pub(crate) fn as_text(self) -> Option<&'v str> {
        match self {
            ValueRef::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_int(self) -> Option<i64> {
        match self {
            ValueRef::Int(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn as_time(self) -> Option<DateTime<Utc>> {
        match self {
            ValueRef::Time(time) => Some(time),
            _ => None,
        }
    }

    pub(crate) fn as_reference(self) -> Option<Reference> {
        match self {
            ValueRef::Lookup(reference) => Some(reference),
            _ => None,
        }
    }

    /// The GUID of an identifier or a lookup.
    pub(crate) fn as_id(self) -> Option<Uuid> {
        match self {
            ValueRef::Id(id) => Some(id),
            ValueRef::Lookup(reference) => Some(reference.id),
            _ => None,
        }
    }

    /// How two values of one type compare; `None` when either is null or the types differ.
    pub(crate) fn compare(self, other: ValueRef) -> Option<Ordering> {
        if let (Some(left), Some(right)) = (self.as_id(), other.as_id()) {
            return Some(SqlGuid::from(left).cmp(&SqlGuid::from(right)));
        }
        match (self, other) {
            (ValueRef::Text(left), ValueRef::Text(right)) => Some(fold(left).cmp(&fold(right))),
            (ValueRef::Choices(left), ValueRef::Choices(right)) => Some(left.cmp(right)),
            (ValueRef::Int(left), ValueRef::Int(right)) => Some(left.cmp(&right)),
            (ValueRef::Bool(left), ValueRef::Bool(right)) => Some(left.cmp(&right)),
            (ValueRef::Time(left), ValueRef::Time(right)) => Some(left.cmp(&right)),
            (ValueRef::Date(left), ValueRef::Date(right)) => Some(left.cmp(&right)),
            (ValueRef::Double(left), right) => left.partial_cmp(&right.as_double()?),
            (left, ValueRef::Double(right)) => left.as_double()?.partial_cmp(&right),
            (left, right) => Some(left.as_decimal()?.cmp(&right.as_decimal()?)),
        }
    }

    /// The order of `$orderby`: as [`ValueRef::compare`], nulls first.
    pub(crate) fn sort(self, other: ValueRef) -> Ordering {
        match (self.is_null(), other.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.compare(other).unwrap_or(Ordering::Equal),
        }
    }

    /// Any number that is exact.
    pub(crate) fn as_decimal(self) -> Option<Decimal> {
        match self {
            ValueRef::Int(number) => Some(Decimal::from(number)),
            ValueRef::Decimal(number) => Some(number),
            _ => None,
        }
    }

    /// Any number.
    pub(crate) fn as_double(self) -> Option<f64> {
        match self {
            ValueRef::Double(number) => Some(number),
            _ => self.as_decimal()?.to_f64(),
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

impl SqlGuid {
    /// Before every other.
    pub(crate) const LEAST: SqlGuid = SqlGuid([0; 16]);
}

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
