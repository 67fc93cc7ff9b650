//! The query string: system options, parameter aliases, the tag; each named at most once, nothing unknown let through.
//!
//! The options' texts are only split and decoded here; `filter.rs` and `order.rs` read them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::Table;

/// The decoded options of one request.
#[derive(Debug, Default)]
pub(crate) struct Query {
    options: BTreeMap<String, String>,
}

/// Options that Dataverse knows and this emulator does not serve everywhere.
const ABSENT: [&str; 6] = [
    "$apply",
    "fetchXml",
    "savedQuery",
    "userQuery",
    "sql",
    "partitionId",
];

impl Query {
    /// Splits and decodes a query string, `+` as a blank.
    pub(crate) fn read(text: Option<&str>) -> Outcome<Query> {
        let mut options = BTreeMap::new();
        for pair in text
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (form_decoded(name)?, form_decoded(value)?);
            if options.contains_key(&name) {
                return Err(Refusal::url(format!(
                    "Query option '{name}' was specified more than once."
                )));
            }
            options.insert(name, value);
        }
        Ok(Query { options })
    }

    /// Refuses every option that is neither in the list, nor an alias, nor a tag.
    pub(crate) fn only(&self, known: &[&str]) -> Outcome<()> {
        for name in self.options.keys() {
            if known.contains(&name.as_str()) || name.starts_with('@') || name == "tag" {
                continue;
            }
            if ABSENT.contains(&name.as_str()) {
                return Err(Refusal::unsupported(&format!("{name} at this resource")));
            }
            return Err(Refusal::query_option(name));
        }
        Ok(())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// An option, or what it stands for where it is an alias as a whole.
    pub(crate) fn aliased(&self, name: &str) -> Option<&str> {
        let text = self.get(name)?;
        let aliased = text.starts_with('@').then(|| self.get(text)).flatten();
        aliased.or(Some(text))
    }

    /// The columns of `$select`, or all.
    pub(crate) fn select(&self, table: &Table) -> Outcome<Option<Vec<usize>>> {
        let Some(text) = self.get("$select") else {
            return Ok(None);
        };
        columns(table, text)
    }

    /// A whole number that is not negative.
    pub(crate) fn number(&self, name: &str) -> Outcome<Option<usize>> {
        self.get(name)
            .map(|text| {
                text.trim().parse().map_err(|_| {
                    Refusal::url(format!("Invalid value '{text}' for {name} query option found. It must be a non-negative integer."))
                })
            })
            .transpose()
    }

    /// `$count`.
    pub(crate) fn count(&self) -> Outcome<bool> {
        match self.get("$count").map(str::trim) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Refusal::url(format!(
                "Invalid value '{other}' for $count query option found."
            ))),
        }
    }
}

/// The columns that `$select` names; none for all.
pub(crate) fn columns(table: &Table, text: &str) -> Outcome<Option<Vec<usize>>> {
    let mut columns = Vec::new();
    for name in text.split(',').map(str::trim) {
        if name == "*" {
            return Ok(None);
        }
        let column = table
            .wire_column(name)
            .ok_or_else(|| Refusal::no_property(table.name, name))?;
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    Ok(Some(columns))
}

fn form_decoded(text: &str) -> Outcome<String> {
    let blanks = text.replace('+', " ");
    let decoded = super::decoded(&blanks).map(Cow::into_owned);
    decoded.ok_or_else(|| Refusal::url("The URL is not valid UTF-8."))
}
