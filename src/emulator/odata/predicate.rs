//! A filter bound to a table: typed, checked, ready to be asked of rows; and the index that finds its candidates.
//!
//! Null is an ordinary value here: `ne` and `not` are true for it, as in Dataverse.

use std::cmp::Ordering;
use std::collections::HashSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::field::Field;
use super::filter::{Comparison, Expression, Operand, TextTest};
use super::like::Pattern;
use super::literal::Literal;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::{Column, Kind, Schema, Table};
use crate::emulator::store::{Store, comparable};
use crate::emulator::value::{TableId, Value, ValueRef};

/// A filter on one table's rows.
#[derive(Clone, Debug)]
pub(crate) enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    Compare(Field, Comparison, Value),
    Columns(Field, Comparison, Field),
    Like(Field, Pattern),
    /// The field's value is in the set, or is not.
    Member {
        field: Field,
        members: Members,
        negated: bool,
    },
}

/// A set of values, GUIDs apart because they come by the hundreds.
#[derive(Clone, Debug)]
pub(crate) enum Members {
    Ids(HashSet<Uuid>),
    Others(HashSet<String>),
}

/// What an index can narrow a filter down to.
#[derive(Debug, PartialEq)]
pub(crate) enum Seek {
    Ids(Vec<Uuid>),
    Modified {
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    },
}

impl Predicate {
    /// Binds a filter to a table.
    pub(crate) fn bind(
        schema: &Schema,
        table: TableId,
        expression: Expression,
    ) -> Outcome<Predicate> {
        let bind = |term| Predicate::bind(schema, table, term);
        Ok(match expression {
            Expression::All(terms) => {
                Predicate::All(terms.into_iter().map(bind).collect::<Outcome<_>>()?)
            }
            Expression::Any(terms) => merged(terms.into_iter().map(bind).collect::<Outcome<_>>()?),
            Expression::Not(inner) => {
                Predicate::Not(Box::new(Predicate::bind(schema, table, *inner)?))
            }
            Expression::Compare(left, comparison, right) => {
                compare(schema, table, left, comparison, right)?
            }
            Expression::Text(test, path, pattern) => {
                let field = Field::read(schema, table, &path)?;
                if !matches!(
                    field.definition(schema, table).kind,
                    Kind::Text { .. } | Kind::Memo { .. }
                ) {
                    return Err(Refusal::url(format!(
                        "No function signature for the function matches the specified arguments: '{path}' is not a \
                         text."
                    )));
                }
                let pattern = match test {
                    TextTest::Contains => Pattern::anywhere(&pattern),
                    TextTest::StartsWith => Pattern::at_start(&pattern),
                    TextTest::EndsWith => Pattern::at_end(&pattern),
                };
                Predicate::Like(field, pattern)
            }
            Expression::In {
                path,
                values,
                negated,
            } => {
                // The function takes the lookup's logical name as well as the wire name.
                let wire = Field::read(schema, table, &path);
                let logical = |refusal| match schema.table(table).column(&path) {
                    Some(column) => Ok(Field {
                        column,
                        through: None,
                    }),
                    None => Err(refusal),
                };
                let field = wire.or_else(logical)?;
                let column = field.definition(schema, table);
                let members = members(column, &values)?;
                Predicate::Member {
                    field,
                    members,
                    negated,
                }
            }
        })
    }

    /// Whether the row passes.
    pub(crate) fn holds(&self, store: &Store, row: &Row) -> bool {
        match self {
            Predicate::All(terms) => terms.iter().all(|term| term.holds(store, row)),
            Predicate::Any(terms) => terms.iter().any(|term| term.holds(store, row)),
            Predicate::Not(inner) => !inner.holds(store, row),
            Predicate::Compare(field, comparison, value) => {
                comparison.holds(field.of(store, row), value.as_ref())
            }
            Predicate::Columns(left, comparison, right) => {
                comparison.holds(left.of(store, row), right.of(store, row))
            }
            Predicate::Like(field, pattern) => field
                .of(store, row)
                .as_text()
                .is_some_and(|text| pattern.matches(text)),
            Predicate::Member {
                field,
                members,
                negated,
            } => members.hold(field.of(store, row)) != *negated,
        }
    }

    /// Where an index finds every row that can pass, if one does.
    pub(crate) fn seek(&self, store: &Store, id: TableId) -> Option<Seek> {
        let table = store.schema().table(id);
        match self {
            Predicate::All(terms) => {
                let seeks: Vec<Seek> = terms
                    .iter()
                    .filter_map(|term| term.seek(store, id))
                    .collect();
                narrowest(seeks)
            }
            Predicate::Compare(field, Comparison::Equal, value) if field.is(table.id) => {
                Some(Seek::Ids(value.as_id().into_iter().collect()))
            }
            Predicate::Member {
                field,
                members: Members::Ids(ids),
                negated: false,
            } if field.is(table.id) => Some(Seek::Ids(ids.iter().copied().collect())),
            Predicate::Compare(field, Comparison::Equal, value) if !value.is_null() => {
                let key = single_key(table, field)?;
                Some(Seek::Ids(
                    store
                        .by_key(id, key, &[value.as_ref()])
                        .into_iter()
                        .collect(),
                ))
            }
            Predicate::Member {
                field,
                members: Members::Others(texts),
                negated: false,
            } => {
                let key = single_key(table, field)?;
                if !matches!(table.columns[field.column].kind, Kind::Text { .. }) {
                    return None;
                }
                let find = |text: &String| store.by_key(id, key, &[Value::text(text).as_ref()]);
                Some(Seek::Ids(texts.iter().filter_map(find).collect()))
            }
            Predicate::Compare(field, comparison, Value::Time(time))
                if field.is(table.column("modifiedon")?) =>
            {
                match comparison {
                    Comparison::Equal => Some(Seek::Modified {
                        from: Some(*time),
                        to: Some(*time),
                    }),
                    Comparison::Greater | Comparison::GreaterOrEqual => Some(Seek::Modified {
                        from: Some(*time),
                        to: None,
                    }),
                    Comparison::Less | Comparison::LessOrEqual => Some(Seek::Modified {
                        from: None,
                        to: Some(*time),
                    }),
                    Comparison::NotEqual => None,
                }
            }
            _ => None,
        }
    }
}

impl Comparison {
    fn holds(self, left: ValueRef, right: ValueRef) -> bool {
        let order = match (left.is_null(), right.is_null()) {
            (true, true) => Some(Ordering::Equal),
            (false, false) => left.compare(right),
            _ => None,
        };
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            _ if left.is_null() || right.is_null() => false,
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => {
                matches!(order, Some(Ordering::Greater | Ordering::Equal))
            }
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        }
    }

    /// The comparison with its sides exchanged.
    fn mirrored(self) -> Comparison {
        match self {
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            same => same,
        }
    }
}

impl Members {
    fn hold(&self, value: ValueRef) -> bool {
        match self {
            Members::Ids(ids) => value.as_id().is_some_and(|id| ids.contains(&id)),
            Members::Others(texts) => comparable(value).is_some_and(|text| texts.contains(&text)),
        }
    }
}

fn compare(
    schema: &Schema,
    table: TableId,
    left: Operand,
    comparison: Comparison,
    right: Operand,
) -> Outcome<Predicate> {
    match (left, right) {
        (Operand::Path(path), Operand::Literal(literal)) => {
            with_literal(schema, table, &path, comparison, &literal)
        }
        (Operand::Literal(literal), Operand::Path(path)) => {
            with_literal(schema, table, &path, comparison.mirrored(), &literal)
        }
        (Operand::Path(left), Operand::Path(right)) => {
            let (left, right) = (
                Field::read(schema, table, &left)?,
                Field::read(schema, table, &right)?,
            );
            let edm = |field: &Field| field.definition(schema, table).kind.edm();
            if edm(&left) != edm(&right) {
                return Err(incompatible(edm(&left), edm(&right)));
            }
            Ok(Predicate::Columns(left, comparison, right))
        }
        (Operand::Member(_), _) | (_, Operand::Member(_)) => Err(Refusal::url(
            "An enumeration member can't be compared with a column of this table.",
        )),
        (Operand::Literal(_), Operand::Literal(_)) => {
            Err(Refusal::unsupported("A comparison of two literals"))
        }
    }
}

fn with_literal(
    schema: &Schema,
    table: TableId,
    path: &str,
    comparison: Comparison,
    literal: &Literal,
) -> Outcome<Predicate> {
    let field = Field::read(schema, table, path)?;
    let column = field.definition(schema, table);
    let value = literal
        .for_column(column)
        .ok_or_else(|| incompatible(column.kind.edm(), literal.edm()))?;
    Ok(Predicate::Compare(field, comparison, value))
}

fn incompatible(left: &str, right: &str) -> Refusal {
    Refusal::url(format!(
        "A binary operator with incompatible types was detected. Found operand types '{left}' and '{right}'."
    ))
}

/// The set of `In`, whose values are always written as texts.
fn members(column: &Column, values: &[String]) -> Outcome<Members> {
    let read = |text: &String| {
        let literal = match column.kind {
            Kind::Text { .. } | Kind::Memo { .. } => Some(Literal::Text(text.clone())),
            _ => Literal::bare(text).filter(|literal| *literal != Literal::Null),
        };
        literal
            .and_then(|literal| literal.for_column(column))
            .ok_or_else(|| {
                Refusal::argument(format!(
                    "'{text}' is not a value of '{}', which is {}.",
                    column.name,
                    column.kind.edm()
                ))
            })
    };
    let values: Vec<Value> = values.iter().map(read).collect::<Outcome<_>>()?;
    Ok(members_of(&values))
}

fn members_of(values: &[Value]) -> Members {
    if values.iter().all(|value| value.as_id().is_some()) && !values.is_empty() {
        return Members::Ids(values.iter().filter_map(Value::as_id).collect());
    }
    Members::Others(
        values
            .iter()
            .filter_map(|value| comparable(value.as_ref()))
            .collect(),
    )
}

/// Turns `a eq 1 or a eq 2 or …` into one set, so that its cost does not grow with its length.
fn merged(terms: Vec<Predicate>) -> Predicate {
    let mut same: Option<(&Field, Vec<Value>)> = None;
    for term in &terms {
        match (term, &mut same) {
            (Predicate::Compare(field, Comparison::Equal, value), None) if !value.is_null() => {
                same = Some((field, vec![value.clone()]));
            }
            (Predicate::Compare(field, Comparison::Equal, value), Some((own, values)))
                if field == *own && !value.is_null() =>
            {
                values.push(value.clone());
            }
            _ => return Predicate::Any(terms),
        }
    }
    match same {
        Some((field, values)) => Predicate::Member {
            field: field.clone(),
            members: members_of(&values),
            negated: false,
        },
        None => Predicate::Any(terms),
    }
}

fn single_key(table: &Table, field: &Field) -> Option<usize> {
    if field.through.is_some() {
        return None;
    }
    table.key(&[field.column])
}

/// Ids before time; of times, one range that all of them allow.
fn narrowest(seeks: Vec<Seek>) -> Option<Seek> {
    seeks.into_iter().reduce(|best, next| match (best, next) {
        (Seek::Ids(left), Seek::Ids(right)) => Seek::Ids(if left.len() <= right.len() {
            left
        } else {
            right
        }),
        (ids @ Seek::Ids(_), _) | (_, ids @ Seek::Ids(_)) => ids,
        (Seek::Modified { from: a, to: b }, Seek::Modified { from: c, to: d }) => {
            let to = match (b, d) {
                (Some(b), Some(d)) => Some(b.min(d)),
                (b, d) => b.or(d),
            };
            Seek::Modified { from: a.max(c), to }
        }
    })
}
