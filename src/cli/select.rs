//! Which records a repair is about: named one by one, or found by a comparison. Pure: from words to targets.

use std::collections::HashSet;

use super::arguments::{Repair, Selection};
use super::trouble::Trouble;
use crate::config::{Config, LinkConfig, TableConfig};
use crate::domain::drift::{Drift, Flag};
use crate::domain::operation::{RecordKey, TableIndex, Verb};
use crate::domain::row::RowId;
use crate::domain::table::{ColumnName, TableName};
use crate::domain::text;
use crate::engine::State;
use crate::engine::command::Target;
use crate::engine::records::Record;

/// More lines than this are not meant for one command.
const MOST_LINES: usize = 100_000;

/// What a repair is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// These records, link by link: nothing needs to be compared.
    Named(Vec<(usize, Vec<Target>)>),
    /// What a comparison finds.
    Found(Wanted),
    /// One run of the sync of each of these links.
    Runs(Vec<usize>),
}

/// Which of the records that a comparison finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// In these drifts; empty means all that are listed.
    pub drifts: Vec<Drift>,
    /// With one of these flags; empty means whether flagged or not.
    pub flags: Vec<Flag>,
    /// Of these tables; `None` means all.
    pub tables: Option<Vec<TableIndex>>,
    /// On this link; `None` means all.
    pub link: Option<usize>,
    /// Whose name, number or id holds all of these, in lower case.
    pub words: Vec<String>,
}

impl Wanted {
    /// From the flags of `records` and of the repairs.
    pub fn parse(selection: &Selection, config: &Config) -> Result<Self, Trouble> {
        let link = link_named(selection.link.as_deref(), config)?;
        let tables = match &selection.table {
            None => None,
            Some(name) => {
                let known =
                    tables(config).filter(|known| link.is_none_or(|link| link == known.link));
                let places: Vec<TableIndex> = known
                    .filter(|known| known.config.name.as_str() == name)
                    .map(|known| known.index)
                    .collect();
                if places.is_empty() {
                    return Err(no_such_table(name, config));
                }
                Some(places)
            }
        };
        let filter = selection.filter.as_deref().unwrap_or_default();
        Ok(Self {
            drifts: selection.drift.clone(),
            flags: selection.flag.clone(),
            tables,
            link,
            words: filter.split_whitespace().map(str::to_lowercase).collect(),
        })
    }

    /// Whether a table is looked at at all.
    pub fn looks_at(&self, state: &State, index: TableIndex) -> bool {
        let table = state.table(index);
        self.tables
            .as_ref()
            .is_none_or(|tables| tables.contains(&index))
            && self
                .link
                .is_none_or(|link| table.is_some_and(|table| table.link == link))
    }

    /// Whether a record is meant.
    pub fn takes(&self, state: &State, record: &Record) -> bool {
        let drift = if self.drifts.is_empty() {
            record.drift.is_listed()
        } else {
            self.drifts.contains(&record.drift)
        };
        let flag =
            self.flags.is_empty() || record.flag().is_some_and(|flag| self.flags.contains(&flag));
        drift && flag && self.looks_at(state, record.key.table) && self.holds_words(record)
    }

    fn holds_words(&self, record: &Record) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let id = record.key.id;
        let text = format!("{} {} {id}", record.name, record.number).to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str()))
    }

    /// The records that are meant, link by link, the worst drift first.
    pub fn targets(&self, state: &State) -> Vec<(usize, Vec<Target>)> {
        let records = state.records.iter().map(|(_, record)| record);
        let mut records: Vec<&Record> =
            records.filter(|record| self.takes(state, record)).collect();
        records.sort_by_key(|record| record.drift);
        let keys = records.into_iter().map(|record| record.key);
        by_link(keys.filter_map(|key| {
            let link = state.table(key.table)?.link;
            Some((link, Target::Record(key)))
        }))
    }
}

/// What a repair's words and flags say. `lines` are those of the file that was named with `--from`.
pub fn parse(
    verb: Verb,
    repair: &Repair,
    lines: Option<&str>,
    config: &Config,
) -> Result<Chosen, Trouble> {
    let (table, words) = split_table(repair)?;
    let link = repair.selection.link.as_deref();
    let mut named = Vec::new();
    for word in words {
        named.push(one(word, table, link, config)?);
    }
    for line in lines.map(meaningful).unwrap_or_default() {
        if named.len() >= MOST_LINES {
            let why = format!("more than {MOST_LINES} records in one command: split the file");
            return Err(Trouble::usage(why));
        }
        let (own, word) = split_line(line);
        named.push(one(word, own.or(table), link, config)?);
    }
    let selects = !repair.selection.drift.is_empty()
        || !repair.selection.flag.is_empty()
        || repair.selection.filter.is_some();
    if !named.is_empty() || lines.is_some() {
        if selects {
            let why =
                "records are either named, or chosen by --drift, --flag and --filter: not both";
            return Err(Trouble::usage(why));
        }
        if named.is_empty() {
            return Err(Trouble::usage("the file given with --from names no record"));
        }
        let mut seen = HashSet::new();
        let once = named
            .into_iter()
            .filter(|(_, target)| seen.insert(shown(target)));
        return Ok(Chosen::Named(by_link(once)));
    }
    let mut selection = repair.selection.clone();
    selection.table = table.map(str::to_owned);
    let mut wanted = Wanted::parse(&selection, config)?;
    if verb == Verb::Sync && !selects && wanted.tables.is_none() {
        return Ok(Chosen::Runs(match wanted.link {
            Some(link) => vec![link],
            None => (0..config.links.len()).collect(),
        }));
    }
    if Verb::CHOICES.contains(&verb) {
        let why = "a decision names its records: `tandem resolve --take source TABLE GUID`";
        return Err(Trouble::usage(why));
    }
    if verb != Verb::Sync && !selects {
        let why = format!(
            "say which records: `tandem {verb} TABLE GUID`, `TABLE key=value`, --drift, --flag, --filter or --from"
        );
        return Err(Trouble::usage(why));
    }
    if wanted.drifts.is_empty() {
        wanted.drifts = match verb {
            Verb::Ensure => vec![Drift::Missing],
            Verb::Rehydrate => vec![Drift::Stub, Drift::Stale],
            Verb::Sync | Verb::Rerun | Verb::Cancel | Verb::Resume | Verb::End | Verb::Pause => {
                vec![Drift::Missing, Drift::Stub, Drift::Stale]
            }
            // Named one by one: never chosen by a drift.
            Verb::FillBlanks | Verb::TakeSource | Verb::KeepTarget => Vec::new(),
        };
    }
    Ok(Chosen::Found(wanted))
}

/// The table that the words begin with, or the one that `--table` names; and the words that name records.
fn split_table(repair: &Repair) -> Result<(Option<&str>, &[String]), Trouble> {
    let flag = repair.selection.table.as_deref();
    match repair.words.split_first() {
        Some((first, rest)) if !is_record(first) => match flag {
            Some(flag) if flag != first => {
                let why = format!(
                    "two tables are named, `{}` and `{flag}`",
                    text::visible(first)
                );
                Err(Trouble::usage(why))
            }
            _ => Ok((Some(first), rest)),
        },
        _ => Ok((flag, &repair.words)),
    }
}

fn is_record(word: &str) -> bool {
    word.contains('=') || RowId::parse(word).is_ok()
}

/// Lines that name a record: no blank ones, no comments.
fn meaningful(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// A line is a record, or a table and a record.
fn split_line(line: &str) -> (Option<&str>, &str) {
    match line.split_once(char::is_whitespace) {
        Some((table, record)) if !is_record(table) => (Some(table), record.trim_start()),
        _ => (None, line),
    }
}

/// A record as it was named, and the place of its link.
pub fn one(
    word: &str,
    table: Option<&str>,
    link: Option<&str>,
    config: &Config,
) -> Result<(usize, Target), Trouble> {
    let table = table.ok_or_else(|| {
        let why = format!("say the table first: `account {}`", text::visible(word));
        Trouble::usage(why)
    })?;
    let known = known_table(table, link, config)?;
    if let Ok(id) = RowId::parse(word) {
        let key = RecordKey {
            table: known.index,
            id,
        };
        return Ok((known.link, Target::Record(key)));
    }
    let Some((column, value)) = word.split_once('=') else {
        let why = format!(
            "`{}` is neither a GUID nor a key like accountnumber=MSFT",
            text::visible(word)
        );
        return Err(Trouble::usage(why));
    };
    let is_key = known.config.keys.iter().any(|key| key.as_str() == column);
    if !is_key || value.is_empty() {
        let keys: Vec<&str> = known.config.keys.iter().map(ColumnName::as_str).collect();
        let why = if keys.is_empty() {
            format!("table {table} has no `keys` in the configuration: name records by GUID")
        } else {
            format!(
                "`{}` is no value of a key of {table}: its keys are {}",
                text::visible(word),
                keys.join(", ")
            )
        };
        return Err(Trouble::usage(why));
    }
    let target = Target::Key {
        table: known.index,
        column: column.to_owned(),
        value: value.to_owned(),
    };
    Ok((known.link, target))
}

/// A table with the places that the engine knows it by.
struct Known<'a> {
    index: TableIndex,
    link: usize,
    config: &'a TableConfig,
}

fn tables(config: &Config) -> impl Iterator<Item = Known<'_>> {
    let of_links = config.links.iter().enumerate();
    let tables = of_links.flat_map(|(link, of)| of.tables.iter().map(move |table| (link, table)));
    (0u16..).zip(tables).map(|(index, (link, config))| Known {
        index: TableIndex(index),
        link,
        config,
    })
}

fn known_table<'a>(
    name: &str,
    link: Option<&str>,
    config: &'a Config,
) -> Result<Known<'a>, Trouble> {
    let link = link_named(link, config)?;
    let mut found = tables(config)
        .filter(|known| known.config.name.as_str() == name)
        .filter(|known| link.is_none_or(|link| link == known.link));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(no_such_table(name, config)),
        (Some(_), Some(_)) => {
            let why = format!("table {name} is on more than one link: say which with --link");
            Err(Trouble::usage(why))
        }
    }
}

fn no_such_table(name: &str, config: &Config) -> Trouble {
    let mut names: Vec<&str> = tables(config)
        .map(|known| known.config.name.as_str())
        .collect();
    names.dedup();
    Trouble::usage(format!(
        "no link has a table `{}`: there are {}",
        text::visible(name),
        names.join(", ")
    ))
}

/// The place of the link that is named; `None` where none is.
pub fn link_named(name: Option<&str>, config: &Config) -> Result<Option<usize>, Trouble> {
    let Some(name) = name else { return Ok(None) };
    let is_named = |link: &LinkConfig| link.name == name;
    let place = config.links.iter().position(is_named);
    if place.is_none() {
        let names: Vec<&str> = config.links.iter().map(|link| link.name.as_str()).collect();
        return Err(Trouble::usage(format!(
            "no link is called `{}`: there are {}",
            text::visible(name),
            names.join(", ")
        )));
    }
    Ok(place)
}

/// Records by the names of their link and table, as the journal knows them; those that are on no link any more are left
/// out.
pub fn journaled<'r>(
    link: &str,
    records: impl Iterator<Item = (&'r TableName, RowId)>,
    config: &Config,
) -> Vec<(usize, Vec<Target>)> {
    let targets = records.filter_map(|(table, id)| {
        let mut known = tables(config).filter(|known| known.config.name == *table);
        let of_link = |known: &Known<'_>| {
            let of = config.links.get(known.link);
            of.is_some_and(|of| of.name == link)
        };
        let known = known.find(of_link)?;
        let table = known.index;
        Some((known.link, Target::Record(RecordKey { table, id })))
    });
    by_link(targets)
}

fn by_link(targets: impl Iterator<Item = (usize, Target)>) -> Vec<(usize, Vec<Target>)> {
    let mut links: Vec<(usize, Vec<Target>)> = Vec::new();
    for (link, target) in targets {
        match links.iter_mut().find(|(known, _)| *known == link) {
            Some((_, targets)) => targets.push(target),
            None => links.push((link, vec![target])),
        }
    }
    links
}

fn shown(target: &Target) -> String {
    match target {
        Target::Record(key) => format!("{} {}", key.table.0, key.id),
        Target::Key {
            table,
            column,
            value,
        } => format!("{} {column}={value}", table.0),
    }
}

#[cfg(test)]
mod tests;
