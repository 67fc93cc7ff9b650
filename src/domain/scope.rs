//! `where`: which rows of the source are on a link. Change tracking refuses `$filter` (contract 4), so that tandem
//! evaluates the expression itself, in the words of a `$filter`.
//!
//! ```text
//! any  := all ('or' all)*            all := one ('and' one)*          one := 'not' one | '(' any ')' | test
//! test := column (eq|ne|gt|ge|lt|le) constant | column 'in' '(' constant, … ')'
//!       | (startswith|endswith|contains) '(' column, 'text' ')'
//! ```
//!
//! As in OData there are two truth values: null is equal to null and to nothing else, and neither less nor more than
//! anything. Texts are compared as the server does: whatever the case of letters, trailing blanks ignored.

mod parse;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::literal::Literal;
use super::row::Value;
use super::table::{ColumnName, ColumnType};

pub use parse::BadScope;

/// An expression as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(Condition<Written>);

/// An expression whose columns have their places in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Condition<Test>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition<T> {
    All(Vec<Condition<T>>),
    Any(Vec<Condition<T>>),
    Not(Box<Condition<T>>),
    Test(T),
}

/// A test of one column, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    column: ColumnName,
    kind: WrittenKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum WrittenKind {
    Compare(Comparison, Literal),
    OneOf(Vec<Literal>),
    Like(Part, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    More,
    AtLeast,
    Less,
    AtMost,
}

/// Where in a text another one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Start,
    End,
    Anywhere,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Test {
    place: usize,
    kind: TestKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TestKind {
    Compare(Comparison, Value),
    OneOf(Vec<Value>),
    Like(Part, String),
}

impl Scope {
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, BadScope> {
        parse::parse(text).map(Self)
    }

    /// The columns that it looks at.
    pub fn columns(&self) -> BTreeSet<ColumnName> {
        let mut columns = BTreeSet::new();
        self.0.each(&mut |test| {
            columns.insert(test.column.clone());
        });
        columns
    }

    /// Finds out where its columns stand and what its constants are in them; says why it can't be.
    pub fn bind<'a>(
        &self,
        column: impl Fn(&ColumnName) -> Option<(usize, &'a ColumnType)>,
    ) -> Result<Filter, String> {
        let bound = self.0.try_map(&|test: &Written| {
            let (place, kind) = column(&test.column)
                .ok_or_else(|| format!("the source has no column {}", test.column))?;
            Ok(Test {
                place,
                kind: test.bind(kind)?,
            })
        });
        bound.map(Filter)
    }
}

impl Filter {
    /// Whether a row with these values is in scope.
    pub fn admits(&self, values: &[Value]) -> bool {
        self.0.holds(values)
    }
}

impl<T> Condition<T> {
    fn each(&self, look: &mut impl FnMut(&T)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each(look)),
            Self::Not(part) => part.each(look),
            Self::Test(test) => look(test),
        }
    }

    fn try_map<U, E>(&self, map: &impl Fn(&T) -> Result<U, E>) -> Result<Condition<U>, E> {
        let all = |parts: &[Self]| {
            let mapped = parts.iter().map(|part| part.try_map(map));
            mapped.collect::<Result<Vec<_>, E>>()
        };
        Ok(match self {
            Self::All(parts) => Condition::All(all(parts)?),
            Self::Any(parts) => Condition::Any(all(parts)?),
            Self::Not(part) => Condition::Not(Box::new(part.try_map(map)?)),
            Self::Test(test) => Condition::Test(map(test)?),
        })
    }
}

impl Condition<Test> {
    fn holds(&self, values: &[Value]) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(values)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(values)),
            Self::Not(part) => !part.holds(values),
            Self::Test(test) => values
                .get(test.place)
                .is_some_and(|value| test.holds(value)),
        }
    }
}

impl Written {
    fn bind(&self, kind: &ColumnType) -> Result<TestKind, String> {
        let value = |literal: &Literal| {
            literal
                .value(kind)
                .ok_or_else(|| format!("column {} can't be compared with {literal}", self.column))
        };
        Ok(match &self.kind {
            WrittenKind::Compare(comparison, literal) => {
                let value = value(literal)?;
                let is_ordered = !matches!(
                    value,
                    Value::Null | Value::Boolean(_) | Value::Choices(_) | Value::Lookup(_)
                );
                if !is_ordered && !matches!(comparison, Comparison::Equal | Comparison::Unequal) {
                    return Err(format!(
                        "column {} can only be equal (eq) or not (ne) to {literal}",
                        self.column
                    ));
                }
                TestKind::Compare(*comparison, value)
            }
            WrittenKind::OneOf(literals) => {
                TestKind::OneOf(literals.iter().map(value).collect::<Result<_, _>>()?)
            }
            WrittenKind::Like(part, text) => match kind {
                ColumnType::Text { .. } => TestKind::Like(*part, text.to_lowercase()),
                _ => return Err(format!("column {} holds no text", self.column)),
            },
        })
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match &self.kind {
            TestKind::Compare(comparison, constant) => comparison.holds(value, constant),
            TestKind::OneOf(constants) => constants.iter().any(|constant| same(value, constant)),
            TestKind::Like(part, wanted) => match value {
                Value::Text(text) => part.holds(&text.to_lowercase(), wanted),
                _ => false,
            },
        }
    }
}

impl Comparison {
    fn holds(self, value: &Value, constant: &Value) -> bool {
        let order = || order(value, constant);
        match self {
            Self::Equal => same(value, constant),
            Self::Unequal => !same(value, constant),
            Self::More => order().is_some_and(Ordering::is_gt),
            Self::AtLeast => order().is_some_and(Ordering::is_ge),
            Self::Less => order().is_some_and(Ordering::is_lt),
            Self::AtMost => order().is_some_and(Ordering::is_le),
        }
    }
}

impl Part {
    fn holds(self, text: &str, wanted: &str) -> bool {
        match self {
            Self::Start => text.starts_with(wanted),
            Self::End => text.ends_with(wanted),
            Self::Anywhere => text.contains(wanted),
        }
    }
}

fn same(value: &Value, constant: &Value) -> bool {
    match (value, constant) {
        (Value::Lookup(a), Value::Lookup(b)) => a.id == b.id,
        (Value::Text(_) | Value::Decimal(_) | Value::Integer(_), _) => {
            order(value, constant).is_some_and(Ordering::is_eq)
        }
        (a, b) => a == b,
    }
}

fn order(value: &Value, constant: &Value) -> Option<Ordering> {
    let folded = |text: &str| text.trim_end().to_lowercase();
    Some(match (value, constant) {
        (Value::Text(a), Value::Text(b)) => folded(a).cmp(&folded(b)),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
