//! The `filter` and `condition` elements.
//!
//! Operators that are query functions of the Web API too are bound by `odata/query_function.rs`.

use super::element::{Element, invalid};
use super::{Reader, TableId};
use crate::emulator::odata::filter::Comparison;
use crate::emulator::odata::predicate::Predicate;
use crate::emulator::odata::query_function::{self, Arity, Function};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::relation::plan::{Cell, Condition};
use crate::emulator::value::Value;

pub(super) const FILTER_ATTRIBUTES: [&str; 1] = ["type"];
/// The `ui…` ones are hints to a designer.
const CONDITION_ATTRIBUTES: [&str; 8] = [
    "attribute",
    "operator",
    "value",
    "entityname",
    "valueof",
    "uiname",
    "uitype",
    "uihidden",
];
/// Filters may nest this deep.
const DEEPEST: usize = 64;
/// A query may have this many conditions and values in a filter (contract: the service's limit is not known).
const MOST_VALUES: usize = 5000;

impl Reader<'_> {
    pub(super) fn filter(
        &self,
        element: &Element,
        source: usize,
        depth: usize,
    ) -> Outcome<Condition> {
        if depth > DEEPEST {
            return Err(invalid("Filters nest too deep."));
        }
        element.children_are(&["condition", "filter"])?;
        let any = match element.attribute("type") {
            None | Some("and") => false,
            Some("or") => true,
            Some(other) => {
                return Err(invalid(&format!(
                    "'{other}' is not a value of 'type', which is and or or."
                )));
            }
        };
        let mut terms = Vec::new();
        for condition in element.children("condition", &CONDITION_ATTRIBUTES)? {
            terms.push(self.condition(&condition, source)?);
        }
        for filter in element.children("filter", &FILTER_ATTRIBUTES)? {
            terms.push(self.filter(&filter, source, depth + 1)?);
        }
        Ok(match (any, terms.is_empty()) {
            (true, false) => Condition::Any(terms),
            _ => Condition::All(terms),
        })
    }

    fn condition(&self, element: &Element, source: usize) -> Outcome<Condition> {
        element.children_are(&["value"])?;
        let source = match element.attribute("entityname") {
            Some(alias) => self.source(alias)?,
            None => source,
        };
        let cell = self.cell(source, element.required("attribute")?)?;
        let operator = element.required("operator")?;
        if let Some(other) = element.attribute("valueof") {
            return self.columns(cell, operator, other);
        }
        let mut values: Vec<String> = element
            .children("value", &["uiname", "uitype"])?
            .iter()
            .map(|value| value.text().to_owned())
            .collect();
        if let Some(value) = element.attribute("value") {
            values.insert(0, value.to_owned());
        }
        if values.len() > MOST_VALUES {
            return Err(invalid("A condition has too many values."));
        }
        let predicate = self.predicate(&cell, operator, &values)?;
        Ok(Condition::Of(source, predicate))
    }

    fn predicate(&self, cell: &Cell, operator: &str, values: &[String]) -> Outcome<Predicate> {
        let field = cell.field.clone();
        let table = self.table_of(cell);
        let arity = |wanted: usize| {
            if values.len() == wanted {
                return Ok(());
            }
            Err(invalid(&format!(
                "The operator '{operator}' needs {wanted} value, and there are {}.",
                values.len()
            )))
        };
        match operator {
            "null" | "not-null" => {
                arity(0)?;
                let comparison = if operator == "null" {
                    Comparison::Equal
                } else {
                    Comparison::NotEqual
                };
                return Ok(Predicate::Compare(field, comparison, Value::Null));
            }
            _ => {}
        }
        if let Some(comparison) = comparison(operator) {
            arity(1)?;
            let column = field.definition(self.scope.schema, table);
            let text = values.first().map_or("", String::as_str);
            let value = query_function::value(column, text)?;
            return Ok(Predicate::Compare(field, comparison, value));
        }
        let function = Function::by_operator(operator).ok_or_else(|| unknown(operator))?;
        match function.arity() {
            Arity::None => arity(0)?,
            Arity::One => arity(1)?,
            Arity::Many if values.is_empty() => {
                return Err(invalid(&format!("The operator '{operator}' needs values.")));
            }
            Arity::Many => {}
        }
        function.bind(self.scope, table, field, values)
    }

    /// `valueof`: another column of the same row, or `alias.column` of a joined one.
    fn columns(&self, left: Cell, operator: &str, other: &str) -> Outcome<Condition> {
        let comparison = comparison(operator).ok_or_else(|| {
            invalid(&format!(
                "The operator '{operator}' does not compare columns."
            ))
        })?;
        let right = match other.split_once('.') {
            Some((alias, name)) => self.cell(self.source(alias)?, name)?,
            None => self.cell(left.source, other)?,
        };
        let edm = |cell: &Cell| {
            let column = cell
                .field
                .definition(self.scope.schema, self.table_of(cell));
            column.kind.edm()
        };
        if edm(&left) != edm(&right) {
            return Err(invalid(&format!(
                "'{other}' is {} and can't be compared with {}.",
                edm(&right),
                edm(&left)
            )));
        }
        if left.source == right.source {
            let source = left.source;
            let compared = Predicate::Columns(left.field, comparison, right.field);
            return Ok(Condition::Of(source, compared));
        }
        Ok(Condition::Columns(left, comparison, right))
    }

    fn table_of(&self, cell: &Cell) -> TableId {
        self.plan.table(cell)
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "eq" => Comparison::Equal,
        "ne" | "neq" => Comparison::NotEqual,
        "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "le" => Comparison::LessOrEqual,
        _ => return None,
    })
}

/// Operators of the documentation that need a calendar, a language or memberships.
fn unknown(operator: &str) -> Refusal {
    let absent =
        operator.contains("fiscal") || operator.starts_with("eq-user") || operator == "eq-roleid";
    if absent {
        return Refusal::unsupported(&format!("The FetchXML operator '{operator}'"));
    }
    invalid(&format!("The operator '{operator}' is not known."))
}

/// The conditions of a link as one predicate of its rows.
pub(super) fn of_one(source: usize, conditions: Vec<Condition>) -> Outcome<Option<Predicate>> {
    let predicates: Outcome<Vec<Predicate>> = conditions
        .into_iter()
        .map(|condition| predicate_of(source, condition))
        .collect();
    let predicates = predicates?;
    Ok((!predicates.is_empty()).then_some(Predicate::All(predicates)))
}

fn predicate_of(source: usize, condition: Condition) -> Outcome<Predicate> {
    let each = |terms: Vec<Condition>| {
        terms
            .into_iter()
            .map(|term| predicate_of(source, term))
            .collect::<Outcome<Vec<Predicate>>>()
    };
    Ok(match condition {
        Condition::All(terms) => Predicate::All(each(terms)?),
        Condition::Any(terms) => Predicate::Any(each(terms)?),
        Condition::Of(own, predicate) if own == source => predicate,
        Condition::Of(..) | Condition::Columns(..) => {
            return Err(Refusal::unsupported(
                "A condition of a link-entity on another one's columns",
            ));
        }
    })
}
