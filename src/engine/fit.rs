//! Whether a table's configuration fits what both instances say of it (design, "Refused at start"): what does not is
//! refused with the line on which it stands, the table, the column and the reason.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::evidence::ReadApart;
use super::identity::{AllPairs, Identity};
use super::link::LinkTable;
use crate::config::{Constant, LinkConfig, Mapping, TableConfig};
use crate::dataverse::Preset;
use crate::domain::drift::{CompareRules, ComparedColumn};
use crate::domain::literal::Literal;
use crate::domain::operation::TableIndex;
use crate::domain::row::{RowId, Value};
use crate::domain::scope::Filter;
use crate::domain::table::{
    AlternateKey, Column, ColumnName, ColumnType, EntitySet, Origin, Requirement, TableKind,
    TableName, TableSchema,
};
use crate::domain::text::visible;
use crate::domain::translation::{Coding, Translation};

/// What binds a lookup, behind the name of its navigation property.
const BIND: &str = "@odata.bind";

/// What has to be known beside a table's own description.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// The source's currencies and the target's with the same ISO code; `None` where currencies are on the link.
    pub(super) currencies: Option<HashMap<RowId, RowId>>,
    /// Names in URLs of the target's tables that constants may name.
    pub(super) sets: BTreeMap<TableName, EntitySet>,
    /// The link's tables whose records are told by their keys.
    pub(super) pairs: AllPairs,
}

/// Checks one table, and makes it ready for work.
pub(super) fn fit(
    index: TableIndex,
    link: &LinkConfig,
    table: &TableConfig,
    source: TableSchema,
    target: TableSchema,
    around: &Surroundings,
) -> Result<LinkTable, String> {
    let fitting = Fitting {
        link,
        table,
        source: &source,
        target: &target,
        around,
    };
    fitting.tables()?;
    fitting.keys()?;
    fitting.identity()?;
    let mut compared = Vec::with_capacity(table.columns.len());
    let mut codings = Vec::new();
    for (place, name) in table.columns.iter().enumerate() {
        let (column, coding) = fitting.column(name)?;
        codings.extend(coding.map(|coding| (place, name.clone(), coding)));
        compared.push(column);
    }
    fitting.together(&compared)?;
    fitting.required()?;
    let presets = fitting.presets()?;
    let mut source_columns = fitting.source_columns()?;
    let mut target_columns = table.columns.clone();
    let name_place = name_place(&source, &target, &mut source_columns, &mut target_columns);
    let width = source_columns.len();
    let scope = fitting.scope(&mut source_columns)?;
    let warnings = fitting.warnings();
    let identity = Identity::new(&table.name, &compared, &around.pairs);
    Ok(LinkTable {
        identity,
        index,
        name: table.name.clone(),
        rules: Arc::new(CompareRules {
            columns: compared,
            placeholder: link.placeholder.clone(),
        }),
        source_columns,
        target_columns,
        name_place,
        translation: Translation {
            scope,
            columns: codings,
            width,
        },
        presets,
        warnings,
        source,
        target,
        known: tokio::sync::Mutex::default(),
        read_apart: ReadApart::default(),
    })
}

/// All that does not fit, where [`fit`] stops at the first of it.
pub(super) fn faults(
    link: &LinkConfig,
    table: &TableConfig,
    source: &TableSchema,
    target: &TableSchema,
    around: &Surroundings,
) -> Vec<String> {
    let fitting = Fitting {
        link,
        table,
        source,
        target,
        around,
    };
    if let Err(why) = fitting.tables() {
        return vec![why];
    }
    let mut results = vec![fitting.keys(), fitting.identity()];
    let mut compared = Vec::with_capacity(table.columns.len());
    for name in &table.columns {
        let column = fitting.column(name);
        results.push(column.map(|(column, _)| compared.push(column)));
    }
    let source_columns = fitting.source_columns();
    let scope = match &source_columns {
        Ok(columns) => fitting.scope(&mut columns.clone()).map(drop),
        Err(_) => Ok(()),
    };
    results.push(source_columns.map(drop));
    results.push(scope);
    // What is missing beside a column that does not fit shows when that fits.
    if compared.len() == table.columns.len() {
        results.push(fitting.together(&compared));
    }
    results.push(fitting.required());
    results.push(fitting.presets().map(drop));
    let mut faults: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    faults.dedup();
    faults
}

/// What works and is not what a person may think.
pub(super) fn warnings(
    link: &LinkConfig,
    table: &TableConfig,
    source: &TableSchema,
    target: &TableSchema,
) -> Vec<String> {
    let around = Surroundings::default();
    Fitting {
        link,
        table,
        source,
        target,
        around: &around,
    }
    .warnings()
}

/// What a column of the target is called in the source.
pub(super) fn source_name<'a>(table: &'a TableConfig, name: &'a ColumnName) -> &'a ColumnName {
    mapping(table, name).map_or(name, |mapping| &mapping.from)
}

fn mapping<'a>(table: &'a TableConfig, name: &ColumnName) -> Option<&'a Mapping> {
    table.map.iter().find(|mapping| mapping.to == *name)
}

/// The tables whose rows a constant may name, by the property that binds it.
pub(super) fn bound_tables(target: &TableSchema, property: &str) -> Vec<TableName> {
    let Some(property) = property.strip_suffix(BIND) else {
        return Vec::new();
    };
    let mut tables: Vec<TableName> = lookups(target, property)
        .map(|(_, table)| table.clone())
        .collect();
    if tables.iter().any(|table| table.as_str() == "owner") {
        // Nothing is an owner: users and teams are.
        tables.retain(|table| table.as_str() != "owner");
        tables.extend(
            ["systemuser", "team"]
                .map(TableName::new)
                .into_iter()
                .flatten(),
        );
    }
    tables
}

fn lookups<'a>(
    target: &'a TableSchema,
    bind: &'a str,
) -> impl Iterator<Item = (&'a Column, &'a TableName)> {
    target.columns.values().flat_map(move |column| {
        let targets = match &column.kind {
            ColumnType::Lookup { targets } => targets.as_slice(),
            _ => &[],
        };
        let bound = targets.iter().filter(move |target| target.bind == bind);
        bound.map(move |target| (column, &target.table))
    })
}

/// Where in a row its name for people stands: among the hydrated columns, or behind them.
fn name_place(
    source: &TableSchema,
    target: &TableSchema,
    source_columns: &mut Vec<ColumnName>,
    target_columns: &mut Vec<ColumnName>,
) -> Option<usize> {
    let name = source.primary_name.as_ref()?;
    if let Some(place) = source_columns.iter().position(|column| column == name) {
        return Some(place);
    }
    source_columns.push(name.clone());
    let own = target.primary_name.clone();
    let own = own.filter(|name| !target_columns.contains(name));
    target_columns.extend(own);
    Some(source_columns.len() - 1)
}

/// One table that is being checked.
struct Fitting<'a> {
    link: &'a LinkConfig,
    table: &'a TableConfig,
    source: &'a TableSchema,
    target: &'a TableSchema,
    around: &'a Surroundings,
}

impl Fitting<'_> {
    fn of_table(&self, why: &str) -> String {
        let place = self.table.lines.before(None);
        format!("{place}table {}: {why}", self.table.name)
    }

    fn of_column(&self, name: &ColumnName, why: &str) -> String {
        let place = self.table.lines.before(Some(name.as_str()));
        format!("{place}table {}, column {name}: {why}", self.table.name)
    }

    fn tables(&self) -> Result<(), String> {
        for (side, schema) in [("source", self.source), ("target", self.target)] {
            if schema.kind != TableKind::Standard {
                return Err(self.of_table(&format!(
                    "it is {} in the {side}: only standard tables can be kept in step",
                    schema.kind.word()
                )));
            }
        }
        if !self.target.optimistic_concurrency {
            return Err(self
                .of_table("the target does not check versions (IsOptimisticConcurrencyEnabled)"));
        }
        Ok(())
    }

    /// Rows are told apart by alternate keys only where the target holds them unique.
    fn keys(&self) -> Result<(), String> {
        for name in &self.table.keys {
            let own = |column: &ColumnName| self.table.keys.contains(column);
            let mut keys = self.target.keys.iter();
            let mut keys = keys
                .by_ref()
                .filter(|key| key.columns.contains(name) && key.columns.iter().all(own))
                .peekable();
            if keys.peek().is_none() {
                return Err(self.of_column(name, "the target has no alternate key with it"));
            }
            if !keys.any(|key| key.active) {
                return Err(self.of_column(
                    name,
                    "the index of its alternate key is not Active in the target",
                ));
            }
        }
        Ok(())
    }

    /// What tells records by a key: one that both sides can be asked for, and whose values say it in one way.
    fn identity(&self) -> Result<(), String> {
        if !self.table.by_key {
            return Ok(());
        }
        let own = &self.table.keys;
        let is_it = |key: &&AlternateKey| {
            key.columns.len() == own.len() && key.columns.iter().all(|name| own.contains(name))
        };
        if !self.target.keys.iter().any(|key| is_it(&key)) {
            return Err(self.of_table(
                "identity = \"key\" needs `keys` to be the columns of one alternate key of the target",
            ));
        }
        let is_text = |name: &&ColumnName| {
            let column = self.target.column(name);
            column.is_some_and(|column| matches!(column.kind, ColumnType::Text { .. }))
        };
        match own.iter().find(|name| !is_text(name)) {
            Some(name) => Err(self.of_column(
                name,
                "identity = \"key\" needs a key of texts: only a text says a value in one way",
            )),
            None => Ok(()),
        }
    }

    fn column(&self, name: &ColumnName) -> Result<(ComparedColumn, Option<Coding>), String> {
        let fault = |why: &str| Err(self.of_column(name, why));
        let mapping = mapping(self.table, name);
        let Some(from) = self.source.column(source_name(self.table, name)) else {
            let called = mapping.map(|mapping| format!(" (it is called {} there)", mapping.from));
            return fault(&format!(
                "the source has no such column{}",
                called.unwrap_or_default()
            ));
        };
        let Some(into) = self.target.column(name) else {
            return fault("the target has no such column");
        };
        if let Some(why) = self.target.why_unwritable(into) {
            return fault(&format!("{why}; take it out of `columns`"));
        }
        let values = mapping.map_or(&[][..], |mapping| &mapping.values);
        let (kind, coding) = if values.is_empty() {
            let kind = from
                .kind
                .merged(&into.kind)
                .ok_or_else(|| self.of_column(name, "the two sides hold different types"))?;
            self.room(name, from, into)?;
            (kind, self.currency(&into.kind))
        } else {
            let coding = self.coding(name, values, from, into)?;
            (into.kind.clone(), Some(coding))
        };
        if let ColumnType::Lookup { targets } = &kind {
            let on_link =
                |table: &TableName| self.link.tables.iter().any(|other| other.name == *table);
            if coding.is_none() && !targets.iter().any(|target| on_link(&target.table)) {
                return fault("the table that it names is not on the link");
            }
        }
        let column = ComparedColumn {
            stub: self.table.stub.contains(name),
            key: self.table.keys.contains(name),
            required: into.required,
            ..ComparedColumn::new(name.clone(), kind)
        };
        if column.is_of_the_state() && (column.stub || column.key) {
            return fault(
                "state and status are written in an update of their own: they can't be in `stub` or `keys`",
            );
        }
        Ok((column, coding))
    }

    /// The source's names of the hydrated columns, in their order.
    fn source_columns(&self) -> Result<Vec<ColumnName>, String> {
        let mut columns = Vec::with_capacity(self.table.columns.len());
        for name in &self.table.columns {
            let from = source_name(self.table, name);
            if columns.contains(from) {
                let why = format!("{from} of the source is copied into another column already");
                return Err(self.of_column(name, &why));
            }
            columns.push(from.clone());
        }
        Ok(columns)
    }

    fn currency(&self, kind: &ColumnType) -> Option<Coding> {
        let currencies = self.around.currencies.as_ref()?;
        kind.is_currency()
            .then(|| Coding::Currency(currencies.clone()))
    }

    /// What the source may hold has to have room in the target.
    fn room(&self, name: &ColumnName, from: &Column, into: &Column) -> Result<(), String> {
        let lengths = (&from.kind, &into.kind);
        if let (
            ColumnType::Text {
                max_length: Some(source),
            },
            ColumnType::Text {
                max_length: Some(target),
            },
        ) = lengths
            && source > target
        {
            let why = format!(
                "the source takes {source} characters and the target {target}: make it longer there"
            );
            return Err(self.of_column(name, &why));
        }
        let lacking: Vec<String> = from
            .options
            .difference(&into.options)
            .map(i64::to_string)
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let why = format!(
            "the target lacks the options {} that the source has: add them there, or say in `map` what they are",
            lacking.join(", ")
        );
        Err(self.of_column(name, &why))
    }

    /// `values` of a map, as values of both columns.
    fn coding(
        &self,
        name: &ColumnName,
        values: &[(String, Literal)],
        from: &Column,
        into: &Column,
    ) -> Result<Coding, String> {
        let fault = |why: String| self.of_column(name, &why);
        let pairs = values.iter().map(|(key, literal)| {
            let source = Literal::of_key(key, &from.kind).ok_or_else(|| {
                let shown = visible(key);
                fault(format!("{} can't hold `{shown}` in the source", from.name))
            })?;
            let target = literal
                .value(&into.kind)
                .ok_or_else(|| fault(format!("it can't hold {literal} in the target")))?;
            let chosen = match &target {
                Value::Integer(number) => vec![*number],
                Value::Choices(set) => set.iter().copied().collect(),
                _ => Vec::new(),
            };
            let is_there = |number: &i64| into.options.contains(number);
            match chosen.iter().find(|number| !is_there(number)) {
                Some(number) if !into.options.is_empty() => {
                    Err(fault(format!("the target has no option {number}")))
                }
                _ => Ok((source, target)),
            }
        });
        pairs.collect::<Result<_, _>>().map(Coding::Values)
    }

    /// What only means something together with another column.
    fn together(&self, compared: &[ComparedColumn]) -> Result<(), String> {
        let find = |is_it: &dyn Fn(&ColumnType) -> bool| {
            compared
                .iter()
                .find(|column| is_it(&column.kind))
                .map(|column| &column.name)
        };
        let state = find(&|kind| matches!(kind, ColumnType::State));
        let status = find(&|kind| matches!(kind, ColumnType::Status));
        let fault = match (state, status) {
            (Some(state), None) => Some((state, "statuscode")),
            (None, Some(status)) => Some((status, "statecode")),
            _ => None,
        };
        if let Some((name, other)) = fault {
            let why = format!("it is written as a pair with {other}: name both in `columns`");
            return Err(self.of_column(name, &why));
        }
        let money = find(&|kind| matches!(kind, ColumnType::Money { .. }));
        match (money, find(&ColumnType::is_currency)) {
            (Some(money), None) => Err(self.of_column(
                money,
                "money means nothing without its currency: name transactioncurrencyid in `columns`, too",
            )),
            _ => Ok(()),
        }
    }

    /// What the server insists on must be there when an ensure makes a stub.
    fn required(&self) -> Result<(), String> {
        let insists = self.target.columns.values().filter(|column| {
            column.required == Requirement::Server
                && column.creatable
                && !column.has_default
                && column.origin == Origin::Written
                // The id comes with every row, and the type of a lookup (`owneridtype`) with the lookup.
                && !matches!(column.kind, ColumnType::Id | ColumnType::Unsupported(_))
        });
        for column in insists {
            let name = &column.name;
            let in_set = self.table.set.iter().any(|constant| {
                let property = constant.property.as_str();
                let bind = property.strip_suffix(BIND);
                property == name.as_str()
                    || bind.is_some_and(|bind| {
                        lookups(self.target, bind).any(|(bound, _)| bound.name == *name)
                    })
            });
            if !in_set && !self.table.stub.contains(name) && !self.table.keys.contains(name) {
                return Err(self.of_column(
                    name,
                    "the target takes no row without it (SystemRequired): name it in `stub` or `set`",
                ));
            }
        }
        Ok(())
    }

    fn presets(&self) -> Result<Vec<Preset>, String> {
        let presets = self.table.set.iter().map(|constant| {
            self.preset(constant).map_err(|why| {
                let property = constant.property.as_str();
                let place = self.table.lines.before(Some(property));
                let shown = visible(property);
                format!("{place}table {}, set {shown}: {why}", self.table.name)
            })
        });
        presets.collect()
    }

    fn preset(&self, constant: &Constant) -> Result<Preset, String> {
        let Some(bind) = constant.property.strip_suffix(BIND) else {
            return self.plain_preset(constant);
        };
        let Some((column, _)) = lookups(self.target, bind).next() else {
            return Err(format!(
                "the target has no lookup that is bound by {}",
                visible(bind)
            ));
        };
        if !column.creatable {
            return Err("it can't be set in the target".to_owned());
        }
        if self.table.columns.contains(&column.name) {
            let name = &column.name;
            return Err(format!(
                "{name} is copied: it can't be set to a constant, too"
            ));
        }
        let Literal::Text(address) = &constant.value else {
            return Err("a lookup is set to an address, \"/teams(GUID)\"".to_owned());
        };
        let (set, id) = address
            .trim_start_matches('/')
            .strip_suffix(')')
            .and_then(|address| address.split_once('('))
            .ok_or("a lookup is set to an address, \"/teams(GUID)\"")?;
        let id = RowId::parse(id).map_err(|error| error.to_string())?;
        let tables = bound_tables(self.target, &constant.property);
        let mut sets = tables
            .iter()
            .filter_map(|table| self.around.sets.get(table));
        let known = sets.clone().map(EntitySet::as_str).collect::<Vec<_>>();
        let set = sets.find(|own| own.as_str() == set).ok_or_else(|| {
            let shown = visible(set);
            format!(
                "it can't name a row of {shown}: only of {}",
                known.join(", ")
            )
        })?;
        Ok(Preset::bind(bind, set, id))
    }

    fn plain_preset(&self, constant: &Constant) -> Result<Preset, String> {
        let name = ColumnName::new(&constant.property).map_err(|error| error.to_string())?;
        let Some(column) = self.target.column(&name) else {
            return Err("the target has no such column".to_owned());
        };
        if let ColumnType::Lookup { targets } = &column.kind {
            let bind = targets.first().map_or("", |target| target.bind.as_str());
            return Err(format!(
                "a lookup is set by the property that binds it: {bind}{BIND}"
            ));
        }
        let literal = &constant.value;
        let value = literal
            .value(&column.kind)
            .ok_or_else(|| format!("it can't hold {literal}"))?;
        if let Value::Integer(number) = &value
            && !column.options.is_empty()
            && !column.options.contains(number)
        {
            return Err(format!("the target has no option {number}"));
        }
        Preset::value(self.target, name, value).map_err(|error| error.to_string())
    }

    /// The rows in scope; what it looks at is read behind all else.
    fn scope(&self, source_columns: &mut Vec<ColumnName>) -> Result<Option<Filter>, String> {
        let Some(scope) = &self.table.scope else {
            return Ok(None);
        };
        for column in scope.columns() {
            if !source_columns.contains(&column) {
                source_columns.push(column);
            }
        }
        let bound = scope.bind(|name| {
            let place = source_columns.iter().position(|column| column == name)?;
            let column = self.source.column(name)?;
            Some((place, &column.kind))
        });
        bound.map(Some).map_err(|why| {
            let place = self.table.lines.before(Some("where"));
            format!("{place}table {}, where: {why}", self.table.name)
        })
    }

    /// What works, and is not what a person may think.
    fn warnings(&self) -> Vec<String> {
        let columns = self.table.columns.iter().filter_map(|name| {
            let from = self.source.column(source_name(self.table, name))?;
            let why = match from.origin {
                Origin::Calculated | Origin::Rollup | Origin::Formula => format!(
                    "it is {} in the source: it changes there without a trace in the row's version",
                    from.origin.word()
                ),
                Origin::Written | Origin::Composite | Origin::AutoNumber => return None,
            };
            Some(self.of_column(name, &why))
        });
        columns.collect()
    }
}

#[cfg(test)]
mod tests;
