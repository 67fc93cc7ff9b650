//! `$apply`: `filter`, `groupby` and `aggregate`, joined by slashes, become a plan with groups and totals (contract 3.6).
//!
//! Refuses the other transformations by name.

use super::filter;
use super::predicate::Predicate;
use super::query::Query;
use super::scope::Scope;
use super::split_outside;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::relation::aggregate::{Group, Method, Total};
use crate::emulator::relation::plan::{Cell, Condition, Plan};
use crate::emulator::schema::Kind;
use crate::emulator::value::TableId;

/// Transformations that `OData` has and Dataverse's documentation does not.
const ABSENT: [&str; 9] = [
    "compute", "concat", "expand", "identity", "orderby", "search", "skip", "top", "topcount",
];

/// What `$apply` asks for.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) plan: Plan,
    pub(crate) groups: Vec<Group>,
    pub(crate) totals: Vec<Total>,
}

/// Reads the transformations; at most one of them groups or totals, and nothing comes behind it.
pub(crate) fn read(scope: &Scope, table: TableId, text: &str, query: &Query) -> Outcome<Applied> {
    let mut applied = Applied {
        plan: Plan::of(table),
        groups: Vec::new(),
        totals: Vec::new(),
    };
    let mut filters = Vec::new();
    let mut done = false;
    for step in split_outside(text, '/') {
        let step = step.trim();
        let (name, inner) = call(step).ok_or_else(|| syntax(step))?;
        if done {
            return Err(Refusal::unsupported(&format!(
                "'{name}' behind groupby or aggregate in $apply"
            )));
        }
        match name {
            "filter" => {
                let expression = filter::read(inner, query)?;
                let predicate = Predicate::bind(scope, table, expression)?;
                filters.push(Condition::Of(0, predicate));
            }
            "groupby" => {
                done = true;
                applied.group_by(scope, table, inner)?;
            }
            "aggregate" => {
                done = true;
                applied.aggregate(scope, table, inner)?;
            }
            name if ABSENT.contains(&name) => {
                return Err(Refusal::unsupported(&format!("'{name}' in $apply")));
            }
            _ => return Err(syntax(step)),
        }
    }
    if !done {
        return Err(Refusal::unsupported("$apply without groupby or aggregate"));
    }
    applied.plan.condition = Condition::All(filters);
    for total in &applied.totals {
        total.check(scope.schema, &applied.plan)?;
    }
    applied.distinct_names()?;
    Ok(applied)
}

impl Applied {
    /// `(a,b/c),aggregate(…)`.
    fn group_by(&mut self, scope: &Scope, table: TableId, text: &str) -> Outcome<()> {
        let parts: Vec<&str> = split_outside(text, ',').collect();
        let (columns, rest) = parts.split_first().ok_or_else(|| syntax(text))?;
        let columns = columns.trim();
        let columns = columns
            .strip_prefix('(')
            .and_then(|columns| columns.strip_suffix(')'))
            .ok_or_else(|| syntax(text))?;
        for path in columns.split(',').map(str::trim) {
            let field = scope.field(table, path)?;
            let column = field.definition(scope.schema, table);
            if matches!(column.kind, Kind::Time | Kind::Date) {
                return Err(Refusal::url(format!(
                    "'{path}' is {}, and groupby with dates is not supported.",
                    column.kind.edm()
                )));
            }
            // A column behind a lookup comes back as one word (contract 3.6).
            let alias = if field.is_own() {
                column.wire_name.clone()
            } else {
                let of = scope.schema.table(field.table(table)).name;
                format!("{of}_{}", column.name)
            };
            self.groups.push(Group {
                cell: Cell { source: 0, field },
                alias,
                part: None,
            });
        }
        match rest {
            [] => Ok(()),
            [aggregate] => match call(aggregate.trim()) {
                Some(("aggregate", inner)) => self.aggregate(scope, table, inner),
                _ => Err(syntax(aggregate)),
            },
            [_, next, ..] => Err(syntax(next)),
        }
    }

    /// `$count as n,column with sum as total`.
    fn aggregate(&mut self, scope: &Scope, table: TableId, text: &str) -> Outcome<()> {
        for item in text.split(',') {
            let words: Vec<&str> = item.split_whitespace().collect();
            let total = match words.as_slice() {
                ["$count", "as", alias] => Total {
                    method: Method::Count,
                    cell: None,
                    alias: (*alias).to_owned(),
                },
                [path, "with", method, "as", alias] => Total {
                    method: self::method(method)?,
                    cell: Some(Cell {
                        source: 0,
                        field: scope.field(table, path)?,
                    }),
                    alias: (*alias).to_owned(),
                },
                _ => return Err(syntax(item)),
            };
            if !total
                .alias
                .chars()
                .all(|char| char.is_alphanumeric() || char == '_')
            {
                return Err(syntax(item));
            }
            self.totals.push(total);
        }
        Ok(())
    }

    fn distinct_names(&self) -> Outcome<()> {
        let groups = self.groups.iter().map(|group| &group.alias);
        let names: Vec<&String> = groups
            .chain(self.totals.iter().map(|total| &total.alias))
            .collect();
        for (index, name) in names.iter().enumerate() {
            if names.iter().take(index).any(|earlier| earlier == name) {
                return Err(Refusal::url(format!(
                    "The name '{name}' is used more than once in $apply."
                )));
            }
        }
        Ok(())
    }
}

fn method(name: &str) -> Outcome<Method> {
    Ok(match name {
        "sum" => Method::Sum,
        "average" => Method::Average,
        "min" => Method::Least,
        "max" => Method::Greatest,
        // "You can't get a distinct number of values" (the documentation on aggregation).
        "countdistinct" => return Err(Refusal::unsupported("countdistinct in $apply")),
        _ => {
            return Err(Refusal::url(format!(
                "The aggregation method '{name}' is not supported."
            )));
        }
    })
}

/// Splits `name(inner)`.
fn call(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('(')?;
    Some((name.trim(), rest.strip_suffix(')')?))
}

fn syntax(part: &str) -> Refusal {
    Refusal::url(format!("Syntax error in $apply at '{}'.", part.trim()))
}
