//! Literals of URLs: quoted texts, numbers, GUIDs, times; and how one becomes a value of a column.
//!
//! Lengths and ranges are not checked here: a filter may ask for what a column can't hold.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, SubsecRound, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::emulator::schema::{Column, Kind};
use crate::emulator::value::{Reference, TableId, Value};

/// A literal as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Text(String),
    Int(i64),
    Decimal(Decimal),
    Bool(bool),
    Guid(Uuid),
    Time(DateTime<Utc>),
}

impl Literal {
    /// Reads an unquoted literal.
    pub(crate) fn bare(text: &str) -> Option<Literal> {
        match text {
            "null" => return Some(Literal::Null),
            "true" => return Some(Literal::Bool(true)),
            "false" => return Some(Literal::Bool(false)),
            _ => {}
        }
        if let Some(id) = guid(text) {
            return Some(Literal::Guid(id));
        }
        if let Ok(number) = i64::from_str(text) {
            return Some(Literal::Int(number));
        }
        if text.starts_with(|first: char| first.is_ascii_digit() || first == '-' || first == '.')
            && let Ok(number) = Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text))
        {
            return Some(Literal::Decimal(number));
        }
        time(text).map(Literal::Time)
    }

    /// The `OData` type in messages.
    pub(crate) fn edm(&self) -> &'static str {
        match self {
            Literal::Null => "<null>",
            Literal::Text(_) => "Edm.String",
            Literal::Int(_) => "Edm.Int32",
            Literal::Decimal(_) => "Edm.Decimal",
            Literal::Bool(_) => "Edm.Boolean",
            Literal::Guid(_) => "Edm.Guid",
            Literal::Time(_) => "Edm.DateTimeOffset",
        }
    }

    /// The literal as a value to compare the column with; `None` when the types don't fit.
    pub(crate) fn for_column(&self, column: &Column) -> Option<Value> {
        Some(match (&column.kind, self) {
            (_, Literal::Null) => Value::Null,
            (Kind::Id, Literal::Guid(id)) => Value::Id(*id),
            // Only the GUID counts in a comparison, so the table that stands here doesn't matter.
            (Kind::Lookup { .. }, Literal::Guid(id)) => Value::Lookup(Reference {
                table: TableId(0),
                id: *id,
            }),
            (Kind::Text { .. } | Kind::Memo { .. }, Literal::Text(text)) => {
                Value::Text(text.as_str().into())
            }
            (
                Kind::Int { .. }
                | Kind::BigInt
                | Kind::Choice { .. }
                | Kind::State { .. }
                | Kind::Status { .. },
                Literal::Int(number),
            ) => Value::Int(*number),
            (
                Kind::Money { .. } | Kind::Decimal { .. } | Kind::Double { .. },
                Literal::Int(number),
            ) => Value::Decimal(Decimal::from(*number)),
            (
                Kind::Money { .. } | Kind::Decimal { .. } | Kind::Double { .. } | Kind::Int { .. },
                Literal::Decimal(number),
            ) => Value::Decimal(*number),
            (Kind::Date, Literal::Time(time)) => Value::Date(time.date_naive()),
            (Kind::Choices { .. }, Literal::Text(options)) => {
                Value::Choices(options.as_str().into())
            }
            (Kind::Bool { .. }, Literal::Bool(yes)) => Value::Bool(*yes),
            (Kind::Time, Literal::Time(time)) => Value::Time(*time),
            _ => return None,
        })
    }
}

/// A text as a value of a column, as query functions, `FetchXML` and SQL write values: braces around GUIDs, 1 and 0 for
/// yes and no. `None` when the column can't hold it.
pub(crate) fn from_text(column: &Column, text: &str) -> Option<Value> {
    let literal = match &column.kind {
        Kind::Text { .. } | Kind::Memo { .. } => Literal::Text(text.to_owned()),
        Kind::Bool { .. } if matches!(text, "0" | "1") => Literal::Bool(text == "1"),
        Kind::Id | Kind::Lookup { .. } => {
            let inner = text
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            Literal::Guid(guid(inner.unwrap_or(text))?)
        }
        _ => Literal::bare(text.trim()).filter(|literal| *literal != Literal::Null)?,
    };
    literal.for_column(column)
}

/// Reads a GUID in the one form that URLs and JSON have it.
pub(crate) fn guid(text: &str) -> Option<Uuid> {
    (text.len() == 36)
        .then(|| Uuid::try_parse(text).ok())
        .flatten()
}

/// Reads a date with a time and an offset, or a bare date as its first second; to the second, as it is stored.
pub(crate) fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc).trunc_subsecs(0));
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_time(NaiveTime::MIN).and_utc())
}

/// Reads a quoted text whose quotes are doubled inside; returns it and how many bytes it took.
pub(crate) fn quoted(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix('\'')?;
    let mut read = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if char != '\'' {
            read.push(char);
        } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
            read.push('\'');
        } else {
            return Some((read, at + 2));
        }
    }
    None
}
