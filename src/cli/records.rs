//! `tandem records`: the records that are out of step, as a table, CSV or JSON.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::Context;
use super::arguments::Records;
use super::compare::compared;
use super::exit::Exit;
use super::output::{Output, csv_cell, table};
use super::select::Wanted;
use super::session::{self, Purpose, Session};
use super::trouble::Trouble;
use super::words::{count, duration, moment};
use crate::config::Config;
use crate::domain::drift::{Drift, Flag};
use crate::domain::impact::Impact;
use crate::domain::operation::RecordKey;
use crate::domain::text::visible;
use crate::domain::time::age;
use crate::engine::Depth;
use crate::engine::State;
use crate::engine::impact::{Concerned, impacts};
use crate::engine::records::Record;

/// Runs the command. A list is a list: whatever stands in it, the code is good once it could be read.
pub async fn run(arguments: &Records, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    let wanted = Wanted::parse(&arguments.selection, &config)?;
    let session = Session::begin(config.clone(), context, Purpose::Compare(Depth::Changes)).await?;
    let timeout = arguments.patience.timeout;
    let outcome = compared(&session, &wanted, timeout, context).await;
    session.end().await;
    let state = outcome?;
    let mut records = chosen(&state, &wanted);
    let mut impacts = None;
    if arguments.impact {
        let found = asked(&state, &records, &config, context).await?;
        records.sort_by_key(|record| {
            found
                .get(&record.key)
                .map_or((true, None), |impact| (false, Some(impact.harm())))
        });
        impacts = Some(found);
    }
    let impacts = impacts.as_ref();
    if context.output.json {
        Output::object(&report(&state, &records, impacts))?;
    } else if arguments.csv {
        Output::result(&csv(&state, &records, impacts)?);
    } else {
        Output::result(&text(&state, &records, impacts));
    }
    Ok(Exit::Good)
}

/// What records mean for tickets, as far as they mean anything.
type Impacts = HashMap<RecordKey, Impact>;

async fn asked(
    state: &State,
    records: &[&Record],
    config: &Config,
    context: &mut Context,
) -> Result<Impacts, Trouble> {
    let concerned = records.iter().filter_map(|record| {
        let table = state.table(record.key.table)?;
        Some(Concerned {
            link: table.link,
            table: table.name.clone(),
            key: record.key,
            drift: record.drift,
        })
    });
    let concerned: Vec<Concerned> = concerned.collect();
    let found = tokio::select! {
        biased;
        () = context.interrupts.next() => return Err(Trouble::interrupted()),
        found = impacts(config, &concerned) => found,
    };
    found.map_err(|error| Trouble::usage(error.to_string()))
}

/// The words for a record's impact, where it was asked for.
fn impact_words(impacts: Option<&Impacts>, record: &Record) -> Option<String> {
    let impact = impacts?.get(&record.key);
    Some(impact.map_or_else(String::new, Impact::to_string))
}

/// The heading, with the impact where it was asked for.
fn heading(impacts: Option<&Impacts>) -> Vec<String> {
    let columns = HEADING.into_iter().chain(impacts.map(|_| "impact"));
    columns.map(str::to_owned).collect()
}

/// The records that are meant: what is flagged first, then the worst drift, then by table, name and id.
pub fn chosen<'a>(state: &'a State, wanted: &Wanted) -> Vec<&'a Record> {
    let records = state.records.iter().map(|(_, record)| record);
    let mut chosen: Vec<&Record> = records
        .filter(|record| wanted.takes(state, record))
        .collect();
    chosen.sort_by(|a, b| {
        let order = |record: &Record| {
            let is_flagged = record.flag().is_some();
            (!is_flagged, record.drift, record.key.table)
        };
        order(a)
            .cmp(&order(b))
            .then_with(|| a.name.cmp(&b.name))
            .then_with(|| a.key.id.cmp(&b.key.id))
    });
    chosen
}

const HEADING: [&str; 9] = [
    "drift",
    "table",
    "name",
    "number",
    "id",
    "differing",
    "since",
    "other",
    "flag",
];

/// The list for people.
pub fn text(state: &State, records: &[&Record], impacts: Option<&Impacts>) -> String {
    let mut rows = vec![heading(impacts)];
    rows.extend(records.iter().map(|record| {
        let since = record.since.map(|since| age(state.now.wall, since));
        let guess = if record.is_guess { "?" } else { "" };
        let cells = [
            format!("{}{guess}", record.drift),
            table_name(state, record),
            visible(&record.name).into_owned(),
            visible(&record.number).into_owned(),
            record.key.id.to_string(),
            few(&differing(state, record)),
            since.map_or_else(String::new, |since| format!("{} ago", duration(since))),
            record
                .other
                .map_or_else(String::new, |other| other.to_string()),
            flag_word(record),
        ];
        let impact = impact_words(impacts, record);
        cells.into_iter().chain(impact).collect()
    }));
    let parts: Vec<String> = counts(records)
        .into_iter()
        .map(|(drift, count)| format!("{count} {drift}"))
        .collect();
    let total = count(records.len(), "record");
    let flagged = flags(records).into_iter();
    let flagged: Vec<String> = flagged
        .map(|(flag, count)| format!("{count} {flag}"))
        .collect();
    let flagged = match flagged.join(", ") {
        none if none.is_empty() => none,
        some => format!("; of these {some}"),
    };
    if records.is_empty() {
        format!("{total}\n")
    } else {
        let mut text = table(&rows);
        for record in records {
            if let Some(why) = why_parked(record) {
                let _never = writeln!(text, "{}: parked: {}", record.key.id, visible(why));
            }
        }
        let _never = writeln!(text, "{total}: {}{flagged}", parts.join(", "));
        text
    }
}

/// The word beside a drift.
fn flag_word(record: &Record) -> String {
    record
        .flag()
        .map_or_else(String::new, |flag| flag.to_string())
}

/// Why a record is parked.
fn why_parked(record: &Record) -> Option<&str> {
    let is_parked = record.flag() == Some(Flag::Parked);
    record.parked.as_deref().filter(|_| is_parked)
}

/// Names, as long as a line can take them.
fn few(names: &[String]) -> String {
    if names.len() > 3 {
        count(names.len(), "column")
    } else {
        names.join(", ")
    }
}

/// The list as CSV: RFC 4180, all cells text. A cell that a spreadsheet would compute begins with `'`.
pub fn csv(
    state: &State,
    records: &[&Record],
    impacts: Option<&Impacts>,
) -> Result<String, Trouble> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let failed = |error: csv::Error| Trouble::bug(error.to_string());
    writer.write_record(heading(impacts)).map_err(failed)?;
    for record in records {
        let cells = [
            record.drift.word().to_owned(),
            table_name(state, record),
            record.name.clone(),
            record.number.clone(),
            record.key.id.to_string(),
            differing(state, record).join(","),
            record.since.map_or_else(String::new, moment),
            record
                .other
                .map_or_else(String::new, |other| other.to_string()),
            flag_word(record),
        ];
        let cells = cells.into_iter().chain(impact_words(impacts, record));
        let cells = cells.map(|cell| csv_cell(&cell));
        writer.write_record(cells).map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| Trouble::bug(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Trouble::bug(error.to_string()))
}

/// The JSON of a list: a stable shape, to which fields may be added.
#[derive(Debug, Serialize)]
pub struct Report {
    as_of: String,
    total: usize,
    counts: serde_json::Map<String, serde_json::Value>,
    flags: serde_json::Map<String, serde_json::Value>,
    records: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    link: String,
    table: String,
    id: String,
    name: String,
    number: String,
    drift: &'static str,
    is_guess: bool,
    flag: Option<&'static str>,
    parked: Option<String>,
    since: Option<String>,
    differing: Vec<String>,
    other: Option<String>,
    in_flight: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    impact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_tickets: Option<usize>,
}

/// The list for a script.
pub fn report(state: &State, records: &[&Record], impacts: Option<&Impacts>) -> Report {
    let counts = counts(records).into_iter();
    Report {
        as_of: moment(state.now.wall),
        total: records.len(),
        counts: counts
            .map(|(drift, count)| (drift.word().to_owned(), count.into()))
            .collect(),
        flags: flags(records)
            .into_iter()
            .map(|(flag, count)| (flag.word().to_owned(), count.into()))
            .collect(),
        records: records
            .iter()
            .map(|record| line(state, record, impacts))
            .collect(),
    }
}

fn line(state: &State, record: &Record, impacts: Option<&Impacts>) -> Line {
    let link = state.link_of(record.key.table);
    let settle = link.map(|link| link.schedule.settle).unwrap_or_default();
    Line {
        link: link.map_or_else(String::new, |link| link.name.clone()),
        table: table_name(state, record),
        id: record.key.id.to_string(),
        name: record.name.clone(),
        number: record.number.clone(),
        drift: record.drift.word(),
        is_guess: record.is_guess,
        flag: record.flag().map(Flag::word),
        parked: why_parked(record).map(str::to_owned),
        since: record.since.map(moment),
        differing: differing(state, record),
        other: record.other.map(|other| other.to_string()),
        in_flight: record.is_in_flight(settle, state.now.wall),
        impact: impact_words(impacts, record).filter(|words| !words.is_empty()),
        open_tickets: impacts.and_then(|impacts| match impacts.get(&record.key) {
            Some(Impact::OpenTickets(count)) => Some(*count),
            _ => None,
        }),
    }
}

fn table_name(state: &State, record: &Record) -> String {
    let table = state.table(record.key.table);
    table.map_or_else(String::new, |table| table.name.to_string())
}

/// The names of the columns that differ.
fn differing(state: &State, record: &Record) -> Vec<String> {
    let columns = state
        .table(record.key.table)
        .map(|table| table.rules.columns.as_slice())
        .unwrap_or_default();
    let places = record.sides.differing.iter();
    places
        .filter_map(|place| Some(columns.get(*place)?.name.to_string()))
        .collect()
}

fn counts(records: &[&Record]) -> Vec<(Drift, usize)> {
    let counted = Drift::ALL.into_iter().map(|drift| {
        let count = records
            .iter()
            .filter(|record| record.drift == drift)
            .count();
        (drift, count)
    });
    counted.filter(|(_, count)| *count > 0).collect()
}

fn flags(records: &[&Record]) -> Vec<(Flag, usize)> {
    let counted = Flag::ALL.into_iter().map(|flag| {
        let flagged = records.iter().filter(|record| record.flag() == Some(flag));
        (flag, flagged.count())
    });
    counted.filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests;
