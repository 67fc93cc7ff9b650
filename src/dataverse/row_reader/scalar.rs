//! One value, from JSON to what its column holds.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use uuid::Uuid;

use crate::domain::row::{Reference, RowId, Value};
use crate::domain::table::ColumnType;

/// A member's value as JSON has it.
pub(super) enum Scalar<'de> {
    Null,
    Boolean(bool),
    Integer(i64),
    /// The text of a number that is to be read exactly; of anything, if the server sent something else.
    Number(&'de str),
    Text(Cow<'de, str>),
    /// What no column holds: an object, a list, a number that is not whole.
    Other,
}

impl<'de> Scalar<'de> {
    pub(super) fn id(self) -> Result<RowId, &'static str> {
        row_id(&self.text().ok_or("not an id")?)
    }

    pub(super) fn text(self) -> Option<Cow<'de, str>> {
        match self {
            Scalar::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn optional<T>(
        self,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, &'static str> {
        match self {
            Scalar::Null => Ok(None),
            other => read(&other.text().ok_or("not a text")?).map(Some),
        }
    }

    /// The value by its column's type.
    pub(super) fn value(self, kind: &ColumnType) -> Result<Value<Cow<'de, str>>, &'static str> {
        let json = match self {
            Scalar::Null | Scalar::Number("null") => return Ok(Value::Null),
            json => json,
        };
        Ok(match (kind, json) {
            (ColumnType::Text { .. }, json) => Value::Text(json.text().ok_or("not a text")?),
            (
                ColumnType::Integer | ColumnType::Choice | ColumnType::State | ColumnType::Status,
                Scalar::Integer(number),
            ) => Value::Integer(number),
            (
                ColumnType::Integer | ColumnType::Choice | ColumnType::State | ColumnType::Status,
                _,
            ) => return Err("not a whole number"),
            (ColumnType::Decimal { .. } | ColumnType::Money { .. }, Scalar::Number(text)) => {
                Value::Decimal(decimal(text)?)
            }
            (ColumnType::Boolean { .. }, Scalar::Boolean(value)) => Value::Boolean(value),
            (ColumnType::Boolean { .. }, _) => return Err("neither true nor false"),
            (kind, json) => of_text(&json.text().ok_or("not a text")?, kind)?,
        })
    }
}

/// A value that JSON has as a text.
fn of_text<'de>(text: &str, kind: &ColumnType) -> Result<Value<Cow<'de, str>>, &'static str> {
    Ok(match kind {
        ColumnType::Choices => Value::Choices(choices(text)?),
        ColumnType::DateTime => Value::DateTime(moment(text)?),
        ColumnType::Date => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d");
            Value::Date(day.map_err(|_| "not a day")?)
        }
        ColumnType::Lookup { targets } => Value::Lookup(Reference {
            id: row_id(text)?,
            // Where there is but one table to name, none is named.
            table: match targets.as_slice() {
                [only] => Some(only.table.clone()),
                _ => None,
            },
            name: None,
        }),
        ColumnType::Id => Value::Text(row_id(text)?.to_string().into()),
        _ => return Err("a type that is not read"),
    })
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(number).map_or(Scalar::Other, Scalar::Integer))
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Scalar<'de>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

pub(super) fn decimal(raw: &str) -> Result<Decimal, &'static str> {
    let is_number = raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let number = Decimal::from_str_exact(raw).or_else(|_| Decimal::from_scientific(raw));
    number
        .ok()
        .filter(|_| is_number)
        .ok_or("not a number that a decimal can hold")
}

fn choices(text: &str) -> Result<BTreeSet<i64>, &'static str> {
    text.split(',')
        .map(|part| part.trim().parse().map_err(|_| "not a set of choices"))
        .collect()
}

pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    if let Some(at) = whole_second(text) {
        return Ok(at);
    }
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|_| "not a moment")
}

/// A moment as the Web API writes nearly all of them: `2016-09-28T22:57:53Z`.
pub(super) fn whole_second(text: &str) -> Option<DateTime<Utc>> {
    let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [
        _,
        _,
        _,
        _,
        b'-',
        _,
        _,
        b'-',
        _,
        _,
        b'T',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
        b'Z',
    ] = bytes
    else {
        return None;
    };
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?.iter();
        digits
            .map(|byte| byte.wrapping_sub(b'0'))
            .try_fold(0_u32, |number, digit| {
                (digit < 10).then(|| number * 10 + u32::from(digit))
            })
    };
    let year = i32::try_from(number(0, 4)?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
    let time = day.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    Some(time.and_utc())
}

pub(super) fn row_id(text: &str) -> Result<RowId, &'static str> {
    let id = Uuid::try_parse(text).ok().and_then(RowId::new);
    id.filter(|_| text.len() == 36).ok_or("not an id")
}
