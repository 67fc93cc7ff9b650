//! How a row of the source is read as the target would hold it: columns that are called or coded differently,
//! currencies by their ISO code, and rows that are not on the link at all. Whatever comes after compares like with like.

use std::collections::HashMap;

use super::row::{Row, RowId, Value};
use super::scope::Filter;
use super::table::ColumnName;

/// What is done to the source's rows of one table.
#[derive(Clone, Debug, Default)]
pub struct Translation {
    /// Which rows are on the link; all of them when there is none.
    pub scope: Option<Filter>,
    /// The columns whose values mean something else in the target, by their places.
    pub columns: Vec<(usize, ColumnName, Coding)>,
    /// How many values of a row go on; what is behind them was only read for the scope.
    pub width: usize,
}

/// What the values of a column are in the target.
#[derive(Clone, Debug)]
pub enum Coding {
    /// `map`: the source's value and the target's.
    Values(Vec<(Value, Value)>),
    /// Currencies: the source's id, the target's.
    Currency(HashMap<RowId, RowId>),
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Translated {
    /// The row, in the target's terms.
    Row(Row),
    /// It is not on the link.
    OutOfScope(RowId),
    /// The target has nothing that one of its values could be; the reason in words.
    Untranslatable(RowId, String),
}

impl Translation {
    /// Whether rows are on the link, and mean the same in the target, as they are.
    pub fn is_none(&self) -> bool {
        self.scope.is_none() && self.columns.is_empty()
    }

    /// Reads a row of the source as the target would hold it.
    pub fn read(&self, mut row: Row) -> Translated {
        if let Some(scope) = &self.scope
            && !scope.admits(&row.values)
        {
            return Translated::OutOfScope(row.id);
        }
        for (place, name, coding) in &self.columns {
            let Some(value) = row.values.get_mut(*place) else {
                continue;
            };
            match coding.read(value) {
                Ok(read) => *value = read,
                Err(why) => return Translated::Untranslatable(row.id, format!("{name}: {why}")),
            }
        }
        row.values.truncate(self.width);
        Translated::Row(row)
    }
}

impl Coding {
    fn read(&self, value: &Value) -> Result<Value, String> {
        match (self, value) {
            (_, Value::Null) => Ok(Value::Null),
            // A set is translated choice by choice.
            (Self::Values(values), Value::Choices(set)) => {
                let mut all = std::collections::BTreeSet::new();
                for choice in set {
                    match coded(values, &Value::Choices([*choice].into()))? {
                        Value::Choices(some) => all.extend(some),
                        other => return Ok(other),
                    }
                }
                Ok(Value::Choices(all))
            }
            (Self::Values(values), value) => coded(values, value),
            (Self::Currency(currencies), Value::Lookup(reference)) => {
                let id = currencies.get(&reference.id);
                let id = *id.ok_or("the target has no currency with its ISO code")?;
                let reference = super::row::Reference {
                    id,
                    ..reference.clone()
                };
                Ok(Value::Lookup(reference))
            }
            (Self::Currency(_), _) => Err("it names no currency".to_owned()),
        }
    }
}

fn coded(values: &[(Value, Value)], value: &Value) -> Result<Value, String> {
    let found = values.iter().find(|(source, _)| source == value);
    let none = || {
        let shown: String = value.to_string().chars().take(60).collect();
        format!(
            "the value {} is not among the `values` of its map",
            super::text::visible(&shown)
        )
    };
    found.map(|(_, target)| target.clone()).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::row::Reference;
    use uuid::Uuid;

    fn id(n: u128) -> RowId {
        RowId::new(Uuid::from_u128(n)).unwrap_or_else(|| panic!("not nil"))
    }

    fn row(values: Vec<Value>) -> Row {
        Row {
            id: id(1),
            etag: None,
            modified_on: None,
            modified_by: None,
            created_by: None,
            created_on: None,
            values,
        }
    }

    fn translation(coding: Coding) -> Translation {
        let name = ColumnName::new("eu_tier").unwrap_or_else(|e| panic!("{e}"));
        Translation {
            scope: None,
            columns: vec![(0, name, coding)],
            width: 1,
        }
    }

    #[test]
    fn a_value_is_read_as_the_targets_and_one_that_has_none_is_told() {
        let numbers = vec![(Value::Integer(1), Value::Integer(100))];
        let table = translation(Coding::Values(numbers));
        let read = |value| table.read(row(vec![value, Value::Integer(9)]));
        assert_eq!(
            read(Value::Integer(1)),
            Translated::Row(row(vec![Value::Integer(100)])),
            "and what was read for the scope goes no further"
        );
        assert_eq!(
            read(Value::Null),
            Translated::Row(row(vec![Value::Null])),
            "nothing is nothing everywhere"
        );
        assert_eq!(
            read(Value::Integer(7)),
            Translated::Untranslatable(
                id(1),
                "eu_tier: the value 7 is not among the `values` of its map".to_owned()
            )
        );
    }

    #[test]
    fn a_set_is_translated_choice_by_choice_and_a_currency_by_its_code() {
        let one = |n: i64| Value::Choices([n].into());
        let table = translation(Coding::Values(vec![(one(1), one(100)), (one(2), one(200))]));
        assert_eq!(
            table.read(row(vec![Value::Choices([1, 2].into())])),
            Translated::Row(row(vec![Value::Choices([100, 200].into())]))
        );
        let currency = |n| {
            Value::Lookup(Reference {
                table: None,
                id: id(n),
                name: Some("US Dollar".to_owned()),
            })
        };
        let table = translation(Coding::Currency(HashMap::from([(id(5), id(6))])));
        assert_eq!(
            table.read(row(vec![currency(5)])),
            Translated::Row(row(vec![currency(6)]))
        );
        assert!(matches!(
            table.read(row(vec![currency(6)])),
            Translated::Untranslatable(..)
        ));
    }
}
