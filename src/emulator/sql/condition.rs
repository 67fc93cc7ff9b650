//! `WHERE`, bound to the sources of a plan, with SQL's meaning of null: what is compared with it is never true.
//!
//! `NOT` is carried down to the comparisons, where that meaning can be kept.

use super::compile::{cell, source_table};
use super::grammar::{Path, Side, Test};
use super::token::invalid;
use crate::emulator::odata::filter::Comparison;
use crate::emulator::odata::predicate::Predicate;
use crate::emulator::odata::query_function::{self, Function, Sense};
use crate::emulator::odata::scope::Scope;
use crate::emulator::refusal::Outcome;
use crate::emulator::relation::plan::{Cell, Condition, Plan};
use crate::emulator::value::Value;

pub(super) fn bind(scope: &Scope, plan: &Plan, test: &Test) -> Outcome<Condition> {
    Binder { scope, plan }.test(test, true)
}

struct Binder<'b> {
    scope: &'b Scope<'b>,
    plan: &'b Plan,
}

impl Binder<'_> {
    /// Binds a test or, where `is` is false, its contrary.
    fn test(&self, test: &Test, is: bool) -> Outcome<Condition> {
        let each = |terms: &[Test]| -> Outcome<Vec<Condition>> {
            terms.iter().map(|term| self.test(term, is)).collect()
        };
        Ok(match test {
            Test::All(terms) if is => Condition::All(each(terms)?),
            Test::Any(terms) if is => Condition::Any(each(terms)?),
            // Not all of them: one that does not hold.
            Test::All(terms) => Condition::Any(each(terms)?),
            Test::Any(terms) => Condition::All(each(terms)?),
            Test::Not(inner) => self.test(inner, !is)?,
            Test::Null(path, null) => {
                let cell = self.cell(path)?;
                null_or_not(cell, *null == is)
            }
            Test::Compare(path, comparison, side) => {
                let comparison = if is {
                    *comparison
                } else {
                    contrary(*comparison)
                };
                self.compare(path, comparison, side)?
            }
            Test::Like(path, pattern, own) => {
                let values = [pattern.clone()];
                self.function(path, Function::Like, *own == is, &values)?
            }
            Test::In(path, values, own) => self.function(path, Function::In, *own == is, values)?,
            Test::Between(path, low, high, own) => {
                let values = [low.clone(), high.clone()];
                self.function(path, Function::Between, *own == is, &values)?
            }
        })
    }

    fn compare(&self, path: &Path, comparison: Comparison, side: &Side) -> Outcome<Condition> {
        let left = self.cell(path)?;
        let table = source_table(self.plan, &left);
        let column = left.field.definition(self.scope.schema, table);
        match side {
            Side::Value(text) => {
                let value = query_function::value(column, text)?;
                let source = left.source;
                let compared = Predicate::Compare(left.field.clone(), comparison, value);
                Ok(present([left], Condition::Of(source, compared)))
            }
            Side::Column(path) => {
                let right = self.cell(path)?;
                let other = right
                    .field
                    .definition(self.scope.schema, source_table(self.plan, &right));
                if column.kind.edm() != other.kind.edm() {
                    return Err(invalid(&format!(
                        "'{}' is {} and can't be compared with {}.",
                        other.name,
                        other.kind.edm(),
                        column.kind.edm()
                    )));
                }
                let compared = Condition::Columns(left.clone(), comparison, right.clone());
                Ok(present([left, right], compared))
            }
        }
    }

    fn function(
        &self,
        path: &Path,
        function: fn(Sense) -> Function,
        is: bool,
        values: &[String],
    ) -> Outcome<Condition> {
        let cell = self.cell(path)?;
        let table = source_table(self.plan, &cell);
        let sense = if is { Sense::Is } else { Sense::IsNot };
        let source = cell.source;
        let bound = function(sense).bind(self.scope, table, cell.field.clone(), values)?;
        Ok(present([cell], Condition::Of(source, bound)))
    }

    fn cell(&self, path: &Path) -> Outcome<Cell> {
        cell(self.scope.schema, self.plan, path)
    }
}

/// A condition that holds only where all of these hold something.
fn present(cells: impl IntoIterator<Item = Cell>, condition: Condition) -> Condition {
    let cells = cells.into_iter().map(|cell| null_or_not(cell, false));
    Condition::All(cells.chain([condition]).collect())
}

fn null_or_not(cell: Cell, null: bool) -> Condition {
    let comparison = if null {
        Comparison::Equal
    } else {
        Comparison::NotEqual
    };
    Condition::Of(
        cell.source,
        Predicate::Compare(cell.field, comparison, Value::Null),
    )
}

fn contrary(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
    }
}
