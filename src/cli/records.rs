//! `tandem records`: the records that are out of step, as a table, CSV or JSON.

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
use crate::domain::drift::Drift;
use crate::domain::text::visible;
use crate::domain::time::age;
use crate::engine::Depth;
use crate::engine::State;
use crate::engine::records::Record;

/// Runs the command. A list is a list: whatever stands in it, the code is good once it could be read.
pub async fn run(arguments: &Records, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::configuration(&context.globals)?;
    let wanted = Wanted::parse(&arguments.selection, &config)?;
    let session = Session::begin(config, &context.globals, Purpose::Compare(Depth::Changes))?;
    let timeout = arguments.patience.timeout;
    let outcome = compared(&session, &wanted, timeout, context).await;
    session.end().await;
    let state = outcome?;
    let records = chosen(&state, &wanted);
    if context.output.json {
        Output::object(&report(&state, &records))?;
    } else if arguments.csv {
        Output::result(&csv(&state, &records)?);
    } else {
        Output::result(&text(&state, &records));
    }
    Ok(Exit::Good)
}

/// The records that are meant: worst drift first, then by table, name and id.
pub fn chosen<'a>(state: &'a State, wanted: &Wanted) -> Vec<&'a Record> {
    let records = state.records.iter().map(|(_, record)| record);
    let mut chosen: Vec<&Record> = records
        .filter(|record| wanted.takes(state, record))
        .collect();
    chosen.sort_by(|a, b| {
        let order = |record: &Record| (record.drift, record.key.table);
        order(a)
            .cmp(&order(b))
            .then_with(|| a.name.cmp(&b.name))
            .then_with(|| a.key.id.cmp(&b.key.id))
    });
    chosen
}

const HEADING: [&str; 8] = [
    "drift",
    "table",
    "name",
    "number",
    "id",
    "differing",
    "since",
    "other",
];

/// The list for people.
pub fn text(state: &State, records: &[&Record]) -> String {
    let mut rows = vec![HEADING.map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(|record| {
        let since = record.since.map(|since| age(state.now.wall, since));
        let guess = if record.is_guess { "?" } else { "" };
        vec![
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
        ]
    }));
    let parts: Vec<String> = counts(records)
        .into_iter()
        .map(|(drift, count)| format!("{count} {drift}"))
        .collect();
    let total = count(records.len(), "record");
    if records.is_empty() {
        format!("{total}\n")
    } else {
        format!("{}{total}: {}\n", table(&rows), parts.join(", "))
    }
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
pub fn csv(state: &State, records: &[&Record]) -> Result<String, Trouble> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let failed = |error: csv::Error| Trouble::bug(error.to_string());
    writer.write_record(HEADING).map_err(failed)?;
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
        ];
        let cells = cells.iter().map(|cell| csv_cell(cell));
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
    since: Option<String>,
    differing: Vec<String>,
    other: Option<String>,
    in_flight: bool,
}

/// The list for a script.
pub fn report(state: &State, records: &[&Record]) -> Report {
    let counts = counts(records).into_iter();
    Report {
        as_of: moment(state.now.wall),
        total: records.len(),
        counts: counts
            .map(|(drift, count)| (drift.word().to_owned(), count.into()))
            .collect(),
        records: records.iter().map(|record| line(state, record)).collect(),
    }
}

fn line(state: &State, record: &Record) -> Line {
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
        since: record.since.map(moment),
        differing: differing(state, record),
        other: record.other.map(|other| other.to_string()),
        in_flight: record.is_in_flight(settle, state.now.wall),
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

#[cfg(test)]
mod tests;
