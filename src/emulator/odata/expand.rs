//! `$expand`: which navigation properties come along with a row, with their options (contract 3.5).
//!
//! Reads and binds; `expanded.rs` writes what was asked for.

use super::filter;
use super::order::Order;
use super::path::{End, end};
use super::predicate::Predicate;
use super::query::{Query, columns};
use super::scope::Scope;
use super::split_outside;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::Table;
use crate::emulator::value::TableId;

/// A query may expand this many navigation properties, nested ones included.
const MOST: usize = 15;
/// Nested this deep; the number above is met before, but not by the parser.
const DEEPEST: usize = 15;

/// One navigation property that comes along.
#[derive(Debug)]
pub(crate) struct Expansion {
    pub(crate) name: String,
    pub(crate) end: End,
    /// Only the URL of the row is asked for.
    pub(crate) reference: bool,
    pub(crate) select: Option<Vec<usize>>,
    pub(crate) filter: Option<Predicate>,
    pub(crate) order: Order,
    pub(crate) top: Option<usize>,
    pub(crate) nested: Vec<Expansion>,
    /// The options as they were written, each with its name.
    pub(crate) options: Vec<(String, String)>,
}

impl Expansion {
    /// The table of the rows that come along.
    pub(crate) fn table(&self) -> TableId {
        match self.end {
            End::Row { table, .. } | End::Rows { table, .. } => table,
        }
    }
}

/// Reads `$expand`, if it is there.
pub(crate) fn read(scope: &Scope, table: TableId, text: Option<&str>) -> Outcome<Vec<Expansion>> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let mut left = MOST;
    expansions(scope, table, text, 1, &mut left)
}

fn expansions(
    scope: &Scope,
    table: TableId,
    text: &str,
    depth: usize,
    left: &mut usize,
) -> Outcome<Vec<Expansion>> {
    if depth > DEEPEST {
        return Err(too_many());
    }
    let mut expansions: Vec<Expansion> = Vec::new();
    for item in split_outside(text, ',') {
        *left = left.checked_sub(1).ok_or_else(too_many)?;
        let expansion = expansion(scope, table, item.trim(), depth, left)?;
        if expansions.iter().any(|own| own.name == expansion.name) {
            return Err(Refusal::url(format!(
                "'{}' is expanded more than once.",
                expansion.name
            )));
        }
        expansions.push(expansion);
    }
    Ok(expansions)
}

fn too_many() -> Refusal {
    Refusal::url(format!(
        "A query can expand at most {MOST} navigation properties."
    ))
}

fn expansion(
    scope: &Scope,
    table: TableId,
    item: &str,
    depth: usize,
    left: &mut usize,
) -> Outcome<Expansion> {
    let syntax = || Refusal::url(format!("Syntax error in $expand at '{item}'."));
    let (path, options) = match item.split_once('(') {
        None => (item, None),
        Some((path, rest)) => (path, Some(rest.strip_suffix(')').ok_or_else(syntax)?)),
    };
    let (name, reference) = match path.split_once('/') {
        None => (path, false),
        Some((name, "$ref")) => (name, true),
        Some((_, next)) => {
            return Err(Refusal::unsupported(&format!(
                "'{next}' behind a navigation property in $expand"
            )));
        }
    };
    if name == "*" {
        return Err(Refusal::unsupported("$expand=*"));
    }
    let definition = scope.schema.table(table);
    let end = end(scope.schema, definition, name)
        .ok_or_else(|| Refusal::no_property(definition.name, name))?;
    let (End::Row { table: named, .. } | End::Rows { table: named, .. }) = end;
    scope.may_read(named)?;
    let is_collection = matches!(end, End::Rows { .. });
    if reference && is_collection {
        return Err(Refusal::url(
            "Expand with $ref is only supported on lookup type navigation property.",
        ));
    }
    let mut expansion = Expansion {
        name: name.to_owned(),
        end,
        reference,
        select: None,
        filter: None,
        order: Order::default(),
        top: None,
        nested: Vec::new(),
        options: Vec::new(),
    };
    for option in split_outside(options.unwrap_or_default(), ';') {
        let option = option.trim();
        if option.is_empty() && options.is_none_or(str::is_empty) {
            continue;
        }
        let (name, value) = option.split_once('=').ok_or_else(syntax)?;
        expansion.take(scope, name.trim(), value, depth, left)?;
    }
    let ordered = expansion.option("$orderby") || expansion.option("$top");
    if ordered && (!is_collection || depth > 1 || !expansion.nested.is_empty()) {
        return Err(Refusal::url(
            "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship or nested \
             one-to-many relationship.",
        ));
    }
    Ok(expansion)
}

impl Expansion {
    fn take(
        &mut self,
        scope: &Scope,
        name: &str,
        value: &str,
        depth: usize,
        left: &mut usize,
    ) -> Outcome<()> {
        if self.option(name) {
            return Err(Refusal::url(format!(
                "Query option '{name}' was specified more than once in $expand."
            )));
        }
        let table = self.table();
        let definition: &Table = scope.schema.table(table);
        match name {
            "$select" => self.select = columns(definition, value)?,
            // Parameter aliases do not work in here (contract 3.1).
            "$filter" => {
                let expression = filter::read(value, &Query::default())?;
                self.filter = Some(Predicate::bind(scope, table, expression)?);
            }
            "$orderby" => self.order = Order::read(scope, table, Some(value))?,
            "$top" => {
                let top = value.trim().parse().ok().filter(|top| *top > 0);
                self.top = Some(top.ok_or_else(|| {
                    Refusal::url(format!(
                        "Invalid value '{value}' for $top query option found. It must be a positive integer."
                    ))
                })?);
            }
            "$expand" => self.nested = expansions(scope, table, value, depth + 1, left)?,
            other => return Err(Refusal::query_option(other)),
        }
        self.options.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    fn option(&self, name: &str) -> bool {
        self.options.iter().any(|(own, _)| own == name)
    }
}
