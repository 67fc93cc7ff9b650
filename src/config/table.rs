//! `[[links.tables]]`: names, constants and expressions, as far as they can be checked without an instance. The lines
//! on which they stand are kept, for what only the instances can find fault with.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::error::{ConfigError, Source};
use super::{Constant, Lines, Mapping, TableConfig, file};
use crate::domain::literal::Literal;
use crate::domain::scope::Scope;
use crate::domain::table::{ColumnName, TableName};
use crate::domain::text::visible;

/// One table.
pub fn resolve(
    source: Source<'_>,
    spanned: &Spanned<file::Table>,
) -> Result<TableConfig, ConfigError> {
    let table = spanned.get_ref();
    let by_key = by_key(source, table)?;
    let name = TableName::new(table.name.get_ref())
        .map_err(|error| source.error(&table.name.span(), error.to_string()))?;
    let mut reader = TableReader {
        source,
        lines: Lines {
            file: source.file.to_owned(),
            table: source.line(&table.name.span()),
            parts: BTreeMap::new(),
        },
    };
    let mut hydrated = reader.columns(&table.columns)?;
    let keys = reader.columns(&table.keys)?;
    let stub = reader.columns(&table.stub)?;
    let map = reader.map(&table.map, &keys)?;
    // What an ensure may set is what a later comparison must know of: keys and stub columns are always hydrated.
    let mapped = map.iter().map(|mapping| &mapping.to);
    for column in keys.iter().chain(&stub).chain(mapped) {
        if !hydrated.contains(column) {
            hydrated.push(column.clone());
        }
    }
    if hydrated.is_empty() {
        let what = format!("table `{name}` has no columns to copy: name them in `columns`");
        return Err(source.error(&spanned.span(), what));
    }
    let scope = reader.scope(table.scope.as_ref())?;
    let set = reader.set(&table.set, &hydrated)?;
    Ok(TableConfig {
        scope,
        set,
        map,
        by_key,
        lines: reader.lines,
        ..TableConfig::new(name, keys, stub, hydrated)
    })
}

/// Whether a table's records are told by their alternate key.
fn by_key(source: Source<'_>, table: &file::Table) -> Result<bool, ConfigError> {
    let Some(identity) = &table.identity else {
        return Ok(false);
    };
    let fault = |what: &str| Err(source.error(&identity.span(), what));
    match identity.get_ref().as_str() {
        "guid" => Ok(false),
        "key" if table.keys.is_empty() => fault(
            "identity = \"key\" tells records by their alternate key: name its columns in `keys`",
        ),
        "key" => Ok(true),
        _ => fault(
            "identity is \"guid\" (the same GUID on both sides) or \"key\" (the same alternate key)",
        ),
    }
}

/// The parts of a table, each noted down with its line.
struct TableReader<'a> {
    source: Source<'a>,
    lines: Lines,
}

impl TableReader<'_> {
    fn note(&mut self, part: &str, at: &Range<usize>) {
        let line = self.source.line(at);
        self.lines.parts.entry(part.to_owned()).or_insert(line);
    }

    fn column(&mut self, name: &Spanned<String>) -> Result<ColumnName, ConfigError> {
        let at = name.span();
        let column = ColumnName::new(name.get_ref())
            .map_err(|error| self.source.error(&at, error.to_string()))?;
        self.note(column.as_str(), &at);
        Ok(column)
    }

    fn columns(&mut self, names: &[Spanned<String>]) -> Result<Vec<ColumnName>, ConfigError> {
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let column = self.column(name)?;
            if columns.contains(&column) {
                let what = format!("column `{column}` stands here twice");
                return Err(self.source.error(&name.span(), what));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn scope(&mut self, written: Option<&Spanned<String>>) -> Result<Option<Scope>, ConfigError> {
        let Some(written) = written else {
            return Ok(None);
        };
        self.note("where", &written.span());
        let scope = Scope::parse(written.get_ref());
        scope.map(Some).map_err(|error| {
            self.source
                .error(&written.span(), format!("where, {error}"))
        })
    }

    fn map(
        &mut self,
        written: &[file::Map],
        keys: &[ColumnName],
    ) -> Result<Vec<Mapping>, ConfigError> {
        let mut map: Vec<Mapping> = Vec::with_capacity(written.len());
        for entry in written {
            let from = self.column(&entry.from)?;
            let to = self.column(&entry.to)?;
            let at = entry.to.span();
            if map.iter().any(|mapping| mapping.to == to) {
                let what = format!("column `{to}` is mapped twice");
                return Err(self.source.error(&at, what));
            }
            if keys.contains(&to) && !entry.values.is_empty() {
                let what = format!(
                    "column `{to}` belongs to a key, by which rows are found on both sides: its `values` can't differ"
                );
                return Err(self.source.error(&at, what));
            }
            let values = entry.values.iter().map(|(key, value)| {
                let literal = self.literal("values of a map", value)?;
                Ok((key.get_ref().clone(), literal))
            });
            let values = values.collect::<Result<_, ConfigError>>()?;
            map.push(Mapping { from, to, values });
        }
        Ok(map)
    }

    fn set(
        &mut self,
        written: &BTreeMap<Spanned<String>, Spanned<toml::Value>>,
        hydrated: &[ColumnName],
    ) -> Result<Vec<Constant>, ConfigError> {
        let mut set = Vec::with_capacity(written.len());
        for (property, value) in written {
            let name = property.get_ref();
            self.note(name, &property.span());
            if hydrated.iter().any(|column| column.as_str() == name) {
                let what = format!("column `{name}` is copied: it can't be set to a constant, too");
                return Err(self.source.error(&property.span(), what));
            }
            set.push(Constant {
                property: name.clone(),
                value: self.literal(&format!("`{}` of set", visible(name)), value)?,
            });
        }
        Ok(set)
    }

    fn literal(&self, what: &str, value: &Spanned<toml::Value>) -> Result<Literal, ConfigError> {
        let literal = match value.get_ref() {
            toml::Value::String(text) => Some(Literal::Text(text.clone())),
            toml::Value::Integer(number) => Some(Literal::Number((*number).into())),
            // By its text: what was written is meant, not the float that is nearest to it.
            toml::Value::Float(number) => number.to_string().parse().ok().map(Literal::Number),
            toml::Value::Boolean(yes) => Some(Literal::Boolean(*yes)),
            toml::Value::Datetime(at) => Some(Literal::Text(at.to_string())),
            toml::Value::Array(_) | toml::Value::Table(_) => None,
        };
        literal.ok_or_else(|| {
            let what = format!("{what}: a text, a number, true, false or a date");
            self.source.error(&value.span(), what)
        })
    }
}
