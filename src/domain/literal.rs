//! A constant as a person writes it in the configuration (`where`, `set`, `map`): the column's type makes it a value.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::row::{Reference, RowId, Value};
use super::table::ColumnType;
use super::text::visible;

/// One constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// Nothing.
    Null,
    /// Yes or no.
    Boolean(bool),
    /// A number, or the number of a choice.
    Number(Decimal),
    /// A text, a moment, a day or an id.
    Text(String),
}

impl Literal {
    /// The value that it is in a column of this type; `None` where such a column can't hold it.
    pub fn value(&self, kind: &ColumnType) -> Option<Value> {
        use ColumnType as Type;
        Some(match (self, kind) {
            (_, Type::Id | Type::Unsupported(_)) => return None,
            (Self::Null, _) => Value::Null,
            (Self::Boolean(yes), Type::Boolean { .. }) => Value::Boolean(*yes),
            (Self::Number(number), Type::Decimal { .. } | Type::Money { .. }) => {
                Value::Decimal(*number)
            }
            (Self::Number(number), Type::Choices) => {
                Value::Choices(BTreeSet::from([whole(*number)?]))
            }
            (Self::Number(number), Type::Integer | Type::Choice | Type::State | Type::Status) => {
                Value::Integer(whole(*number)?)
            }
            (Self::Text(text), kind) => typed(text, kind)?,
            _ => return None,
        })
    }

    /// Reads what stands as a key in a table of TOML, where everything is a text.
    pub fn of_key(key: &str, kind: &ColumnType) -> Option<Value> {
        let number = || key.parse().ok().map(Self::Number);
        let literal = match kind {
            ColumnType::Boolean { .. } => Self::Boolean(key.parse().ok()?),
            ColumnType::Text { .. } => Self::Text(key.to_owned()),
            _ => number()?,
        };
        literal.value(kind)
    }
}

fn whole(number: Decimal) -> Option<i64> {
    number.is_integer().then(|| number.to_i64()).flatten()
}

fn typed(text: &str, kind: &ColumnType) -> Option<Value> {
    Some(match kind {
        ColumnType::Text { .. } => Value::Text(text.to_owned()),
        ColumnType::DateTime => Value::DateTime(DateTime::parse_from_rfc3339(text).ok()?.to_utc()),
        ColumnType::Date => Value::Date(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?),
        ColumnType::Choices => {
            let choices = text.split(',').map(|part| part.trim().parse());
            Value::Choices(choices.collect::<Result<_, _>>().ok()?)
        }
        ColumnType::Lookup { targets } => Value::Lookup(Reference {
            table: match targets.as_slice() {
                [only] => Some(only.table.clone()),
                _ => None,
            },
            id: RowId::parse(text).ok()?,
            name: None,
        }),
        _ => return None,
    })
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(yes) => yes.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "'{}'", visible(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_what_its_column_can_hold() {
        let text = ColumnType::Text { max_length: None };
        let yes_no = ColumnType::Boolean { default: false };
        let cases = [
            (
                Literal::Text("x".to_owned()),
                &text,
                Some(Value::Text("x".to_owned())),
            ),
            (Literal::Number(Decimal::from(3)), &text, None),
            (
                Literal::Number(Decimal::from(3)),
                &ColumnType::Choice,
                Some(Value::Integer(3)),
            ),
            (
                Literal::Number(Decimal::new(35, 1)),
                &ColumnType::Choice,
                None,
            ),
            (Literal::Boolean(true), &yes_no, Some(Value::Boolean(true))),
            (Literal::Number(Decimal::ONE), &yes_no, None),
            (
                Literal::Text("2026-02-30".to_owned()),
                &ColumnType::Date,
                None,
            ),
            (Literal::Text("x".to_owned()), &ColumnType::Id, None),
        ];
        for (literal, kind, value) in cases {
            assert_eq!(literal.value(kind), value, "{literal} as {kind:?}");
        }
        assert_eq!(
            Literal::of_key("7", &ColumnType::Choice),
            Some(Value::Integer(7))
        );
        assert_eq!(Literal::of_key("seven", &ColumnType::Choice), None);
        assert_eq!(
            Literal::of_key("7", &text),
            Some(Value::Text("7".to_owned()))
        );
    }
}
