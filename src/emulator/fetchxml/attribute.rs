//! The `attribute` elements: columns to show, or groups and totals of an aggregate query.
//!
//! Names follow the documentation: logical names behind the alias of a link, `_x_value` for the entity's own lookups.

use super::Column;
use super::element::{Element, invalid};
use crate::emulator::odata::field::Field;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::relation::aggregate::{DatePart, Group, Method, Total};
use crate::emulator::relation::plan::{Cell, Plan};
use crate::emulator::schema::{self, Kind, Schema, Table};
use crate::emulator::value::TableId;

pub(super) const ATTRIBUTES: [&str; 9] = [
    "name",
    "alias",
    "aggregate",
    "groupby",
    "distinct",
    "dategrouping",
    "usertimezone",
    "build",
    "addedby",
];

/// The columns that have been asked for.
pub(super) struct Columns {
    pub(super) aggregate: bool,
    /// Position of the source, position of the column, alias.
    shown: Vec<(usize, usize, Option<String>)>,
    groups: Vec<Group>,
    totals: Vec<Total>,
}

impl Columns {
    pub(super) fn new(aggregate: bool) -> Columns {
        Columns {
            aggregate,
            shown: Vec::new(),
            groups: Vec::new(),
            totals: Vec::new(),
        }
    }

    /// `all-attributes`.
    pub(super) fn all(&mut self, table: &Table, source: usize) {
        let readable = table
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| table.wire_column(&column.wire_name).is_some());
        let all = readable.map(|(column, _)| (source, column, None));
        self.shown.extend(all);
    }

    pub(super) fn take(
        &mut self,
        element: &Element,
        (source, index): (usize, usize),
        column: &schema::Column,
    ) -> Outcome<()> {
        for absent in ["usertimezone", "build", "addedby"] {
            if element.attribute(absent).is_some() {
                return Err(Refusal::unsupported(&format!("'{absent}' in FetchXML")));
            }
        }
        let alias = element.attribute("alias").map(str::to_owned);
        let cell = Cell {
            source,
            field: Field::own(index, column),
        };
        if !self.aggregate {
            for only in ["aggregate", "groupby", "dategrouping", "distinct"] {
                if element.attribute(only).is_some() {
                    return Err(invalid(&format!("'{only}' needs aggregate='true'.")));
                }
            }
            self.shown.push((source, index, alias));
            return Ok(());
        }
        let alias = alias.ok_or_else(|| {
            invalid(&format!(
                "The attribute '{}' of an aggregate query needs an alias.",
                column.name
            ))
        })?;
        let grouped = element.flag("groupby")?;
        match (grouped, element.attribute("aggregate")) {
            (true, None) => {
                let part = date_part(element, column)?;
                self.groups.push(Group { cell, alias, part });
            }
            (false, Some(method)) => {
                let distinct = element.flag("distinct")?;
                let method = self::method(method, distinct)?;
                let cell = (method != Method::Count).then_some(cell);
                self.totals.push(Total {
                    method,
                    cell,
                    alias,
                });
            }
            _ => {
                return Err(invalid(&format!(
                    "The attribute '{}' of an aggregate query needs either aggregate or groupby.",
                    column.name
                )));
            }
        }
        Ok(())
    }

    /// What is shown of rows: all of the entity where nothing is named, its id and its currency unasked.
    pub(super) fn rows(
        &mut self,
        schema: &Schema,
        plan: &Plan,
        distinct: bool,
    ) -> Outcome<Vec<Column>> {
        let table_of = |source: usize| {
            let source = plan.sources.get(source);
            schema.table(source.map_or(TableId(0), |source| source.table))
        };
        let table = table_of(0);
        if !self.shown.iter().any(|(source, _, _)| *source == 0) && !distinct {
            self.all(table, 0);
        }
        let of_root = |column: usize| {
            move |(source, own, _): &(usize, usize, Option<String>)| *source == 0 && *own == column
        };
        let money = self.shown.iter().any(|(source, column, _)| {
            *source == 0 && matches!(table.columns[*column].kind, Kind::Money { .. })
        });
        let currency = table.column("transactioncurrencyid").filter(|_| money);
        for extra in [currency, Some(table.id)].into_iter().flatten() {
            if !distinct && !self.shown.iter().any(of_root(extra)) {
                self.shown.push((0, extra, None));
            }
        }
        let mut columns: Vec<Column> = Vec::new();
        self.shown.sort_by_key(|(source, _, _)| *source);
        for (source, index, alias) in &self.shown {
            let column = &table_of(*source).columns[*index];
            let cell = Cell {
                source: *source,
                field: Field::own(*index, column),
            };
            let of = plan.sources.get(*source).map_or("", |own| &own.alias);
            let name = match alias {
                Some(alias) => alias.clone(),
                None if *source == 0 => column.wire_name.clone(),
                None => format!("{of}.{}", column.name),
            };
            match columns.iter().find(|column| column.name == name) {
                None => columns.push(Column { name, cell }),
                Some(same) if same.cell == cell => {}
                Some(_) => {
                    return Err(invalid(&format!(
                        "The name '{name}' is used more than once."
                    )));
                }
            }
        }
        Ok(columns)
    }

    pub(super) fn totals(&mut self) -> Outcome<(Vec<Group>, Vec<Total>)> {
        if !self.shown.is_empty() {
            return Err(invalid("all-attributes can't be aggregated."));
        }
        let groups = std::mem::take(&mut self.groups);
        let totals = std::mem::take(&mut self.totals);
        let names: Vec<&String> = groups
            .iter()
            .map(|group| &group.alias)
            .chain(totals.iter().map(|total| &total.alias))
            .collect();
        if names.is_empty() {
            return Err(invalid("An aggregate query needs an attribute."));
        }
        for (index, name) in names.iter().enumerate() {
            if names.iter().take(index).any(|earlier| earlier == name) {
                return Err(invalid(&format!(
                    "The alias '{name}' is used more than once."
                )));
            }
        }
        Ok((groups, totals))
    }
}

fn method(name: &str, distinct: bool) -> Outcome<Method> {
    Ok(match (name, distinct) {
        ("count", false) => Method::Count,
        ("countcolumn", false) => Method::CountColumn,
        ("countcolumn", true) => Method::CountDistinct,
        ("sum", false) => Method::Sum,
        ("avg", false) => Method::Average,
        ("min", false) => Method::Least,
        ("max", false) => Method::Greatest,
        (other, true) => {
            return Err(invalid(&format!(
                "distinct goes with countcolumn only, not with '{other}'."
            )));
        }
        (other, false) => {
            return Err(invalid(&format!(
                "'{other}' is not a value of 'aggregate'."
            )));
        }
    })
}

fn date_part(element: &Element, column: &schema::Column) -> Outcome<Option<DatePart>> {
    let Some(name) = element.attribute("dategrouping") else {
        return Ok(None);
    };
    if !matches!(column.kind, Kind::Time | Kind::Date) {
        return Err(invalid(&format!(
            "'{}' is no date, and dategrouping needs one.",
            column.name
        )));
    }
    Ok(Some(match name {
        "day" => DatePart::Day,
        "week" => DatePart::Week,
        "month" => DatePart::Month,
        "quarter" => DatePart::Quarter,
        "year" => DatePart::Year,
        "fiscal-period" | "fiscal-year" => {
            return Err(Refusal::unsupported(&format!(
                "dategrouping='{name}' in FetchXML"
            )));
        }
        other => {
            return Err(invalid(&format!(
                "'{other}' is not a value of 'dategrouping'."
            )));
        }
    }))
}
