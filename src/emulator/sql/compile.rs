//! Binding: tables and columns of a statement become those of the schema, the statement becomes a plan.
//!
//! Lookups go by their logical names, and so do columns in the answer, unless they have an alias.

use http::StatusCode;

use super::condition;
use super::grammar::{self, Item, Joined, Path, Statement, What};
use super::token::invalid;
use crate::emulator::odata::field::Field;
use crate::emulator::odata::order::Direction;
use crate::emulator::odata::scope::Scope;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::relation::aggregate::{Group, Method, Total};
use crate::emulator::relation::join::Join;
use crate::emulator::relation::plan::{Cell, Condition, Plan, Sort, Source};
pub(crate) use crate::emulator::relation::shown::Column;
use crate::emulator::schema::Schema;
use crate::emulator::value::TableId;

/// A statement may join this many tables: each more than doubles what can go wrong in time, not in kind.
const MOST_JOINS: usize = 15;

/// A statement that was read.
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) plan: Plan,
    pub(crate) shown: Shown,
    pub(crate) distinct: bool,
    /// The number of rows at most, and how many are left out before.
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
}

/// What the answer is made of.
#[derive(Debug)]
pub(crate) enum Shown {
    Rows(Vec<Column>),
    Totals {
        groups: Vec<Group>,
        totals: Vec<Total>,
        /// By the position among groups, then totals; the groups that are only grouped by have no name.
        order: Vec<(usize, Direction)>,
    },
}

/// Reads a statement about one table.
pub(crate) fn read(scope: &Scope, table: TableId, text: &str) -> Outcome<Select> {
    let statement = grammar::read(text)?;
    if scope.schema.by_name(&statement.from.table) != Some(table) {
        return Err(invalid(&format!(
            "The table '{}' is not that of the collection '{}'.",
            statement.from.table,
            scope.schema.table(table).set
        )));
    }
    let mut plan = Plan::of(table);
    if let Some(root) = plan.sources.first_mut() {
        root.alias.clone_from(&statement.from.alias);
    }
    for joined in &statement.joins {
        if let Some(table) = scope.schema.by_name(&joined.table.table) {
            scope.may_read(table)?;
        }
        join(scope.schema, &mut plan, joined)?;
    }
    if let Some(test) = &statement.condition {
        plan.condition = condition::bind(scope, &plan, test)?;
    } else {
        plan.condition = Condition::All(Vec::new());
    }
    let is_total = |item: &Item| matches!(item.what, What::Total(..));
    let shown = if statement.items.iter().any(is_total) || !statement.groups.is_empty() {
        totals(scope.schema, &plan, &statement)?
    } else {
        let columns = columns(scope.schema, &plan, &statement)?;
        for (path, direction) in &statement.order {
            let named = columns
                .iter()
                .find(|column| path.of.is_none() && column.name == path.name)
                .map(|column| column.cell.clone());
            let cell = match named {
                Some(cell) => cell,
                None => cell(scope.schema, &plan, path)?,
            };
            plan.order.push(Sort {
                cell,
                direction: *direction,
                by_label: false,
            });
        }
        Shown::Rows(columns)
    };
    Ok(Select {
        plan,
        shown,
        distinct: statement.distinct,
        limit: statement.top.or(statement.fetch),
        offset: statement.offset,
    })
}

fn join(schema: &Schema, plan: &mut Plan, joined: &Joined) -> Outcome<()> {
    if plan.sources.len() > MOST_JOINS {
        return Err(invalid(&format!(
            "At most {MOST_JOINS} tables can be joined."
        )));
    }
    let name = &joined.table.table;
    let table = schema
        .by_name(name)
        .ok_or_else(|| invalid(&format!("Invalid object name '{name}'.")))?;
    let alias = &joined.table.alias;
    let same = |source: &Source| source.alias.eq_ignore_ascii_case(alias);
    if plan.sources.iter().any(same) {
        return Err(invalid(&format!(
            "The name '{alias}' is used more than once."
        )));
    }
    let number = plan.sources.len();
    plan.sources.push(Source {
        alias: alias.clone(),
        table,
        join: None,
    });
    let (left, right) = (
        cell(schema, plan, &joined.left)?,
        cell(schema, plan, &joined.right)?,
    );
    let (own, other) = match (left.source == number, right.source == number) {
        (true, false) => (left, right),
        (false, true) => (right, left),
        _ => {
            return Err(invalid(&format!(
                "The join of '{alias}' must compare one of its columns with one of an earlier table."
            )));
        }
    };
    let edm = |cell: &Cell| {
        cell.field
            .definition(schema, source_table(plan, cell))
            .kind
            .edm()
    };
    if edm(&own) != edm(&other) {
        return Err(invalid(&format!(
            "The join of '{alias}' compares {} with {}.",
            edm(&own),
            edm(&other)
        )));
    }
    if let Some(source) = plan.sources.last_mut() {
        source.join = Some(Join {
            parent: other.source,
            from: own.field.column,
            to: other.field.column,
            outer: joined.outer,
            filter: None,
        });
    }
    Ok(())
}

fn columns(schema: &Schema, plan: &Plan, statement: &Statement) -> Outcome<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    for item in &statement.items {
        if let What::Column(path) = &item.what {
            let cell = cell(schema, plan, path)?;
            let name = name(schema, plan, item, &cell);
            if columns.iter().any(|column| column.name == name) {
                return Err(twice(&name));
            }
            columns.push(Column { name, cell });
        }
    }
    Ok(columns)
}

fn totals(schema: &Schema, plan: &Plan, statement: &Statement) -> Outcome<Shown> {
    let mut groups: Vec<Group> = Vec::new();
    for path in &statement.groups {
        groups.push(Group {
            cell: cell(schema, plan, path)?,
            alias: String::new(),
            part: None,
        });
    }
    let mut totals: Vec<Total> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for item in &statement.items {
        let name = match &item.what {
            What::Column(path) => {
                let cell = cell(schema, plan, path)?;
                let name = name(schema, plan, item, &cell);
                let group = groups.iter_mut().find(|group| group.cell == cell);
                let group = group.ok_or_else(|| {
                    invalid(&format!(
                        "The column '{}' is neither in an aggregate nor in GROUP BY.",
                        path.name
                    ))
                })?;
                group.alias.clone_from(&name);
                name
            }
            What::Total(method, path) => {
                let cell = path
                    .as_ref()
                    .map(|path| cell(schema, plan, path))
                    .transpose()?;
                let name = item
                    .alias
                    .clone()
                    .unwrap_or_else(|| unnamed(*method, path.as_ref()));
                let total = Total {
                    method: *method,
                    cell,
                    alias: name.clone(),
                };
                total.check(schema, plan)?;
                totals.push(total);
                name
            }
        };
        if names.contains(&name) {
            return Err(twice(&name));
        }
        names.push(name);
    }
    let mut order = Vec::new();
    for (path, direction) in &statement.order {
        let aliases = groups.iter().map(|group| &group.alias);
        let mut aliases = aliases.chain(totals.iter().map(|total| &total.alias));
        let by_alias = path
            .of
            .is_none()
            .then(|| aliases.position(|alias| *alias == path.name))
            .flatten();
        let position = if let Some(position) = by_alias {
            position
        } else {
            let cell = cell(schema, plan, path)?;
            let group = groups.iter().position(|group| group.cell == cell);
            let problem = || invalid(&format!("ORDER BY '{}' is not in GROUP BY.", path.name));
            group.ok_or_else(problem)?
        };
        order.push((position, *direction));
    }
    Ok(Shown::Totals {
        groups,
        totals,
        order,
    })
}

/// What a total without an alias is called (inferred; the SDK's examples all have one).
fn unnamed(method: Method, path: Option<&Path>) -> String {
    match path {
        None => "count".to_owned(),
        Some(path) => format!("{}_{}", method.name(), path.name.to_lowercase()),
    }
}

fn name(schema: &Schema, plan: &Plan, item: &Item, cell: &Cell) -> String {
    let column = cell.field.definition(schema, source_table(plan, cell));
    item.alias.clone().unwrap_or_else(|| column.name.to_owned())
}

fn twice(name: &str) -> Refusal {
    invalid(&format!(
        "The column '{name}' is shown more than once; give one of them an alias."
    ))
}

/// The cell that a path names; without an alias the only table that has such a column.
pub(super) fn cell(schema: &Schema, plan: &Plan, path: &Path) -> Outcome<Cell> {
    let name = path.name.to_lowercase();
    let mut found = Vec::new();
    for (source, own) in plan.sources.iter().enumerate() {
        if path
            .of
            .as_ref()
            .is_some_and(|of| !of.eq_ignore_ascii_case(&own.alias))
        {
            continue;
        }
        let table = schema.table(own.table);
        let column = table.column(&name);
        let readable = column.filter(|&column| {
            table
                .wire_column(&table.columns[column].wire_name)
                .is_some()
        });
        found.extend(readable.map(|column| Cell {
            source,
            field: Field::own(column, &table.columns[column]),
        }));
    }
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(invalid(&format!("Ambiguous column name '{}'.", path.name))),
        (None, _) => {
            let named = path.of.as_ref();
            let is_table = named.is_none_or(|of| {
                let mut sources = plan.sources.iter();
                sources.any(|source| source.alias.eq_ignore_ascii_case(of))
            });
            if !is_table {
                return Err(invalid(&format!(
                    "The multi-part identifier '{}.{}' could not be bound.",
                    named.map_or("", String::as_str),
                    path.name
                )));
            }
            Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "0x80041103",
                format!("Invalid column name '{}'.", path.name),
            ))
        }
    }
}

pub(super) fn source_table(plan: &Plan, cell: &Cell) -> TableId {
    let source = plan.sources.get(cell.source);
    source.map_or(TableId(0), |source| source.table)
}
