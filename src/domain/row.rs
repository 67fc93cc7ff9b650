//! A row as it was read, and the values in it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use thiserror::Error;
use uuid::Uuid;

use super::table::{ColumnType, TableName};

/// A row's GUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(Uuid);

/// Why a text is no row id.
#[derive(Debug, Error)]
#[error("`{0}` is not a GUID like 7f6c0a4e-1b2c-4d5e-8f90-0123456789ab")]
pub struct BadRowId(String);

impl RowId {
    /// Takes a GUID that can name a row: any but the empty one.
    pub fn new(id: Uuid) -> Option<Self> {
        (!id.is_nil()).then_some(Self(id))
    }

    /// Reads the 8-4-4-4-12 form and no other (security case 44).
    pub fn parse(text: &str) -> Result<Self, BadRowId> {
        let bad = || BadRowId(super::text::visible(text).chars().take(60).collect());
        if text.len() != 36 {
            return Err(bad());
        }
        Uuid::try_parse(text)
            .ok()
            .and_then(Self::new)
            .ok_or_else(bad)
    }

    /// The GUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The first eight digits, for places where a whole GUID has no room.
    pub fn short(self) -> String {
        self.0.simple().to_string().chars().take(8).collect()
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A row's version as its instance wrote it: only equal or not, never older or newer (contract 2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// Takes what stood in `@odata.etag`, if it can go back into a header.
    pub fn new(text: &str) -> Option<Self> {
        let plain = !text.is_empty()
            && text.len() <= 128
            && text.bytes().all(|b| (0x21..0x7f).contains(&b) || b == b' ');
        (plain && text != "*").then(|| Self(text.to_owned()))
    }

    /// The tag, as it goes into `If-Match`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One value of a row; its text is its own, or lies where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<T = String> {
    /// Nothing.
    Null,
    /// Text, exactly as it was sent.
    Text(T),
    /// A whole number or the number of a choice.
    Integer(i64),
    /// A decimal or an amount of money.
    Decimal(Decimal),
    /// One of two options.
    Boolean(bool),
    /// A moment.
    DateTime(DateTime<Utc>),
    /// A day.
    Date(NaiveDate),
    /// A set of choices.
    Choices(BTreeSet<i64>),
    /// A reference to another row.
    Lookup(Reference),
}

/// The row that a lookup names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Its table; unknown where the server did not say (a lookup with one target needs no annotation).
    pub table: Option<TableName>,
    /// Its id.
    pub id: RowId,
    /// What the server calls it, for people only: never compared.
    pub name: Option<String>,
}

impl<T: AsRef<str>> Value<T> {
    /// Whether nothing stands here: null, empty, the two-option's default, or the link's placeholder text.
    pub fn is_blank(&self, kind: &ColumnType, placeholder: &Placeholder) -> bool {
        match (self, kind) {
            (Self::Null, _) => true,
            (Self::Text(text), _) => {
                let text = text.as_ref();
                text.is_empty() || placeholder.matches(text)
            }
            (Self::Boolean(value), ColumnType::Boolean { default }) => value == default,
            (Self::Choices(set), _) => set.is_empty(),
            _ => false,
        }
    }

    /// Feeds what [`Value::same`] compares into a hash, so that equal values have equal hashes.
    pub fn digest(&self, kind: &ColumnType, placeholder: &Placeholder, into: &mut impl Hasher) {
        if self.is_blank(kind, placeholder) {
            return 0u8.hash(into);
        }
        match self {
            Self::Null => 0u8.hash(into),
            Self::Text(text) => (1u8, text.as_ref()).hash(into),
            Self::Integer(_) | Self::Decimal(_) => (2u8, rounded(self, kind)).hash(into),
            Self::Boolean(value) => (3u8, value).hash(into),
            Self::DateTime(at) => (4u8, at.timestamp()).hash(into),
            Self::Date(day) => (5u8, day).hash(into),
            Self::Choices(set) => (6u8, set).hash(into),
            Self::Lookup(reference) => (7u8, reference.id).hash(into),
        }
    }
}

impl Value<Cow<'_, str>> {
    /// The value with a text of its own.
    pub fn into_owned(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::Text(text.into_owned()),
            Self::Integer(number) => Value::Integer(number),
            Self::Decimal(number) => Value::Decimal(number),
            Self::Boolean(value) => Value::Boolean(value),
            Self::DateTime(at) => Value::DateTime(at),
            Self::Date(day) => Value::Date(day),
            Self::Choices(set) => Value::Choices(set),
            Self::Lookup(reference) => Value::Lookup(reference),
        }
    }
}

impl Value {
    /// Whether two sides hold the same, by the column's type (design, "Drift, exactly").
    pub fn same(&self, other: &Self, kind: &ColumnType, placeholder: &Placeholder) -> bool {
        if self.is_blank(kind, placeholder) && other.is_blank(kind, placeholder) {
            return true;
        }
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::DateTime(a), Self::DateTime(b)) => a.timestamp() == b.timestamp(),
            (Self::Lookup(a), Self::Lookup(b)) => same_reference(a, b),
            (Self::Decimal(_) | Self::Integer(_), Self::Decimal(_) | Self::Integer(_)) => {
                same_number(self, other, kind)
            }
            (a, b) => a == b,
        }
    }
}

fn same_reference(a: &Reference, b: &Reference) -> bool {
    let tables = match (&a.table, &b.table) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    tables && a.id == b.id
}

fn same_number(a: &Value, b: &Value, kind: &ColumnType) -> bool {
    rounded(a, kind) == rounded(b, kind)
}

/// A number at the column's precision, without trailing zeros; `None` for what is no number.
fn rounded<T>(value: &Value<T>, kind: &ColumnType) -> Option<Decimal> {
    let number = match value {
        Value::Integer(n) => Decimal::from(*n),
        Value::Decimal(n) => *n,
        _ => return None,
    };
    let places = match kind {
        ColumnType::Decimal { precision } | ColumnType::Money { precision } => *precision,
        _ => Decimal::MAX_SCALE,
    };
    Some(number.round_dp(places).normalize())
}

impl fmt::Display for Value {
    /// For people: plain, but not yet made safe for a terminal (see [`super::text`]).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Integer(n) => n.fmt(f),
            Self::Decimal(n) => n.fmt(f),
            Self::Boolean(true) => f.write_str("yes"),
            Self::Boolean(false) => f.write_str("no"),
            Self::DateTime(at) => at.format("%Y-%m-%dT%H:%M:%SZ").fmt(f),
            Self::Date(day) => day.fmt(f),
            Self::Choices(set) => {
                let numbers: Vec<String> = set.iter().map(i64::to_string).collect();
                f.write_str(&numbers.join(", "))
            }
            Self::Lookup(reference) => match &reference.name {
                Some(name) => f.write_str(name),
                None => reference.id.fmt(f),
            },
        }
    }
}

/// A link that leads to what changed since it was given (contract 4.2). Opaque: it is kept and followed as it came, and
/// checked by the client's guard each time that it is followed (security case 10).
#[derive(Clone, PartialEq, Eq)]
pub struct DeltaLink(String);

impl DeltaLink {
    /// Takes a link over, as it was received or kept.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The link as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DeltaLink {
    /// Without its query: the token is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "DeltaLink({})",
            self.0.split('?').next().unwrap_or_default()
        )
    }
}

/// A link that leads to the next page of a listing. Opaque and guarded as a [`DeltaLink`] is.
#[derive(Clone, PartialEq, Eq)]
pub struct PageLink(String);

impl PageLink {
    /// Takes a link over, as it was received or kept.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The link as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PageLink {
    /// Without its query, which holds the values that the listing was asked by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PageLink({})",
            self.0.split('?').next().unwrap_or_default()
        )
    }
}

/// What a required text column of a stub holds when nothing better is known, `Awaiting sync {key}`.
///
/// A text that fits the pattern counts as blank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placeholder(Option<(String, String)>);

impl Placeholder {
    /// Reads a pattern; what stands for `{key}` may be anything. An empty pattern matches nothing.
    pub fn new(pattern: &str) -> Self {
        if pattern.trim().is_empty() {
            return Self(None);
        }
        let (before, after) = pattern.split_once("{key}").unwrap_or((pattern, ""));
        Self(Some((before.to_owned(), after.to_owned())))
    }

    /// Whether a text is this placeholder, whatever its key.
    pub fn matches(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|(before, after)| {
            text.len() >= before.len() + after.len()
                && text.starts_with(before.as_str())
                && text.ends_with(after.as_str())
        })
    }

    /// The text for a row that is known by this key; `None` without a pattern.
    pub fn fill(&self, key: &str) -> Option<String> {
        self.0
            .as_ref()
            .map(|(before, after)| format!("{before}{key}{after}"))
    }
}

/// One row of one table in one instance, with the columns that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: RowId,
    /// Its version, where the server sent one.
    pub etag: Option<ETag>,
    /// When it was last changed, by the server's clock.
    pub modified_on: Option<DateTime<Utc>>,
    /// Who changed it last.
    pub modified_by: Option<Reference>,
    /// Who created it.
    pub created_by: Option<Reference>,
    /// When it was created, by the server's clock; known only of rows that were read with their changes.
    pub created_on: Option<DateTime<Utc>>,
    /// The values, in the order of the columns that were asked for.
    pub values: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_case_44_only_one_form_of_a_guid_is_read_and_the_empty_one_names_no_row() {
        let id = "7f6c0a4e-1b2c-4d5e-8f90-0123456789ab";
        let read = |text: &str| RowId::parse(text).ok().map(|id| id.to_string());
        assert_eq!(read(id).as_deref(), Some(id));
        assert_eq!(read(&id.to_uppercase()).as_deref(), Some(id));
        for other in [
            "{7f6c0a4e-1b2c-4d5e-8f90-0123456789ab}",
            "urn:uuid:7f6c0a4e-1b2c-4d5e-8f90-0123456789ab",
            "7f6c0a4e1b2c4d5e8f900123456789ab",
            "7f6c0a4e-1b2c-4d5e-8f90-0123456789a",
            "7f6c0a4e-1b2c-4d5e-8f90-0123456789ag",
            "7f6c0a4e-1b2c4-d5e-8f90-0123456789ab",
            " 7f6c0a4e-1b2c-4d5e-8f90-0123456789ab",
            "7f6c0a4e-1b2c-4d5e-8f90-0123456789ab)",
            "00000000-0000-0000-0000-000000000000",
            "",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
