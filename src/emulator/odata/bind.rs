//! Binding: the names and literals of a filter become columns and typed values of one table.
//!
//! Refuses what does not fit; asks nothing of rows.

use super::field::Field;
use super::filter::{Comparison, Expression, Lambda, Operand, TextTest};
use super::like::Pattern;
use super::literal::Literal;
use super::path;
use super::predicate::{Members, Predicate};
use super::query_function::Function;
use super::scope::Scope;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::{Kind, Schema};
use crate::emulator::value::{TableId, Value};

impl Predicate {
    /// Binds a filter to a table.
    pub(crate) fn bind(
        scope: &Scope,
        table: TableId,
        expression: Expression,
    ) -> Outcome<Predicate> {
        let bind = |term| Predicate::bind(scope, table, term);
        Ok(match expression {
            Expression::All(terms) => {
                Predicate::All(terms.into_iter().map(bind).collect::<Outcome<_>>()?)
            }
            Expression::Any(terms) => merged(terms.into_iter().map(bind).collect::<Outcome<_>>()?),
            Expression::Not(inner) => Predicate::Not(Box::new(bind(*inner)?)),
            Expression::Compare(left, comparison, right) => {
                compare(scope, table, left, comparison, right)?
            }
            Expression::Text(test, path, pattern) => text(scope, table, test, &path, &pattern)?,
            Expression::Call {
                function,
                path,
                values,
            } => call(scope, table, function, &path, &values)?,
            Expression::Lambda(inner) => lambda(scope, table, &inner)?,
        })
    }
}

fn compare(
    scope: &Scope,
    table: TableId,
    left: Operand,
    comparison: Comparison,
    right: Operand,
) -> Outcome<Predicate> {
    match (left, right) {
        (Operand::Path(path), Operand::Literal(literal)) => {
            with_literal(scope, table, &path, comparison, &literal)
        }
        (Operand::Literal(literal), Operand::Path(path)) => {
            with_literal(scope, table, &path, comparison.mirrored(), &literal)
        }
        (Operand::Path(left), Operand::Path(right)) => {
            let left = scope.field(table, scope.path(&left)?)?;
            let right = scope.field(table, scope.path(&right)?)?;
            columns(scope.schema, table, left, comparison, right)
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
    scope: &Scope,
    table: TableId,
    path: &str,
    comparison: Comparison,
    literal: &Literal,
) -> Outcome<Predicate> {
    let field = scope.field(table, scope.path(path)?)?;
    let column = field.definition(scope.schema, table);
    let value = literal
        .for_column(column)
        .ok_or_else(|| incompatible(column.kind.edm(), literal.edm()))?;
    Ok(Predicate::Compare(field, comparison, value))
}

/// Compares two columns, whose types must match.
pub(crate) fn columns(
    schema: &Schema,
    table: TableId,
    left: Field,
    comparison: Comparison,
    right: Field,
) -> Outcome<Predicate> {
    let edm = |field: &Field| field.definition(schema, table).kind.edm();
    if edm(&left) != edm(&right) {
        return Err(incompatible(edm(&left), edm(&right)));
    }
    Ok(Predicate::Columns(left, comparison, right))
}

fn text(
    scope: &Scope,
    table: TableId,
    test: TextTest,
    path: &str,
    pattern: &str,
) -> Outcome<Predicate> {
    let field = scope.field(table, scope.path(path)?)?;
    if !matches!(
        field.definition(scope.schema, table).kind,
        Kind::Text { .. } | Kind::Memo { .. }
    ) {
        return Err(Refusal::url(format!(
            "No function signature for the function matches the specified arguments: '{path}' is not a text."
        )));
    }
    let pattern = match test {
        TextTest::Contains => Pattern::anywhere(pattern),
        TextTest::StartsWith => Pattern::at_start(pattern),
        TextTest::EndsWith => Pattern::at_end(pattern),
    };
    Ok(Predicate::Like(field, pattern))
}

/// Query functions take a lookup's logical name as well as the wire name.
fn call(
    scope: &Scope,
    table: TableId,
    function: Function,
    path: &str,
    values: &[String],
) -> Outcome<Predicate> {
    let path = scope.path(path)?;
    let field = scope.field(table, path).or_else(|refusal| {
        let definition = scope.schema.table(table);
        let column = definition.column(path).ok_or(refusal)?;
        Ok(Field::own(column, &definition.columns[column]))
    })?;
    function.bind(scope, table, field, values)
}

fn lambda(scope: &Scope, table: TableId, lambda: &Lambda) -> Outcome<Predicate> {
    let path = scope.path(&lambda.path)?;
    let definition = scope.schema.table(table);
    if let Some((lookup, _)) = path.split_once('/') {
        return Err(if definition.navigation(lookup).is_some() {
            Refusal::url(format!(
                "'{path}': conditions on a collection behind a lookup are not supported."
            ))
        } else {
            Refusal::no_property(definition.name, lookup)
        });
    }
    let collection = definition.collection(path).ok_or_else(|| {
        if matches!(
            path::end(scope.schema, definition, path),
            Some(path::End::Paired { .. })
        ) {
            Refusal::unsupported("any or all over a many-to-many relationship")
        } else if definition.wire_column(path).is_some() || definition.navigation(path).is_some() {
            Refusal::url(format!(
                "'{path}' is no collection, and only a collection can be asked with any or all."
            ))
        } else {
            Refusal::no_property(definition.name, path)
        }
    })?;
    scope.may_read(collection.table)?;
    let condition = match &lambda.condition {
        Some((variable, condition)) => {
            let scope = scope.inside(variable);
            let bound = Predicate::bind(&scope, collection.table, (**condition).clone())?;
            Some(Box::new(bound))
        }
        None => None,
    };
    Ok(Predicate::Collection {
        table: collection.table,
        lookup: collection.column,
        all: lambda.all,
        condition,
    })
}

fn incompatible(left: &str, right: &str) -> Refusal {
    Refusal::url(format!(
        "A binary operator with incompatible types was detected. Found operand types '{left}' and '{right}'."
    ))
}

/// Turns `a eq 1 or a eq 2 or …` into one set, so that its cost does not grow with its length.
pub(crate) fn merged(terms: Vec<Predicate>) -> Predicate {
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
            members: Members::of(&values),
            negated: false,
        },
        None => Predicate::Any(terms),
    }
}
