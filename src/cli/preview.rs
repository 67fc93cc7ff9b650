//! What a repair would do, in words and as JSON: the answer to `--dry-run`. Pure: from the state to text.

use serde::Serialize;

use super::exit::Exit;
use super::words;
use crate::domain::drift::Drift;
use crate::domain::operation::Request;
use crate::domain::plan::{BlastRadius, Plan, References};
use crate::domain::text;
use crate::engine::State;
use crate::engine::state::{Preview, Previewed};

/// The code: as the repair itself would end, as far as reading can tell.
pub fn exit(preview: &Preview, unreachable: bool) -> Exit {
    let failed = preview
        .records
        .iter()
        .filter(|record| record.failure.is_some())
        .count();
    let (radius, chosen) = (preview.radius, preview.records.len());
    if radius.refused == 0 && failed == 0 {
        Exit::Good
    } else if failed == chosen && unreachable {
        Exit::Unreachable
    } else if radius.refused == chosen && failed == 0 {
        Exit::Refused
    } else {
        Exit::NeedsAPerson
    }
}

/// All of it as text.
pub fn text(state: &State, request: &Request, preview: &Preview) -> String {
    let mut lines: Vec<String> = preview
        .records
        .iter()
        .map(|record| line(state, record))
        .collect();
    let radius = radius(state, request, preview);
    let also = match radius.stubs {
        0 => String::new(),
        n => format!(" and {} that they name as stubs", words::count(n, "row")),
    };
    lines.push(format!(
        "dry run of {} on {}: would create {}{also}, fill {} ({}), leave {}, refuse {}; {} at least; nothing was written",
        request.verb,
        request.link,
        radius.creates,
        radius.fills,
        words::count(radius.overwrites, "filled value") + " overwritten",
        radius.unchanged,
        radius.refused,
        words::count(radius.requests(), "request"),
    ));
    lines.push(String::new());
    lines.join("\n")
}

/// What it would touch, with the rows that lookups name and that are known to be missing.
fn radius(state: &State, request: &Request, preview: &Preview) -> BlastRadius {
    let link = state.links.iter().position(|one| one.name == request.link);
    let mut references = References::default();
    for record in &preview.records {
        let table = record.key.and_then(|key| state.table(key.table));
        if let (Some(key), Some(table), Some(link)) = (record.key, table, link) {
            references.add(key, &record.plan, &table.rules, |name| {
                let mut tables = state.tables_of(link);
                tables.find(|(_, one)| one.name == *name).map(|(at, _)| at)
            });
        }
    }
    let all = state.records.iter().map(|(_, record)| record);
    let missing = all.filter(|record| record.drift == Drift::Missing);
    BlastRadius {
        stubs: references.stubs(missing.map(|record| record.key)),
        ..preview.radius
    }
}

fn line(state: &State, record: &Previewed) -> String {
    let what = match (&record.failure, &record.plan) {
        (Some(_), _) => "unread",
        (None, Plan::Create(_)) => "create",
        (None, Plan::Fill { .. }) => "fill",
        (None, Plan::Keep) => "keep",
        (None, Plan::Nothing(_)) => "leave",
        (None, Plan::Refuse(_)) => "refuse",
    };
    let mut parts = vec![format!("{what:<7}")];
    if let Some(table) = record.key.and_then(|key| state.table(key.table)) {
        parts.push(table.name.to_string());
    }
    let named = [&record.name, &record.number].into_iter();
    parts.extend(
        named
            .filter(|part| !part.is_empty())
            .map(|part| text::visible(part).into_owned()),
    );
    if let Some(key) = record.key {
        parts.push(format!("{}… ({})", key.id.short(), record.drift));
    }
    let why = match (&record.failure, &record.plan) {
        (Some(failure), _) => text::visible(failure).into_owned(),
        (None, Plan::Nothing(why) | Plan::Refuse(why)) => (*why).to_owned(),
        (None, Plan::Keep) => "as the target has it".to_owned(),
        (None, plan @ (Plan::Create(_) | Plan::Fill { .. })) => {
            columns(state, record, plan).join(", ")
        }
    };
    format!("{}: {why}", parts.join(" "))
}

fn columns(state: &State, record: &Previewed, plan: &Plan) -> Vec<String> {
    let table = record.key.and_then(|key| state.table(key.table));
    let name = |place: usize| {
        let column = table.and_then(|table| table.rules.columns.get(place));
        column.map_or_else(
            || format!("column {place}"),
            |column| column.name.to_string(),
        )
    };
    let columns = plan.columns().iter();
    columns.map(|assignment| name(assignment.place)).collect()
}

/// The JSON of a dry run: a stable shape, to which fields may be added.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The code with which the command ends.
    pub exit: u8,
    /// Always true: nothing was written.
    pub dry_run: bool,
    /// One for each link.
    pub previews: Vec<Json>,
}

/// One link's preview.
#[derive(Debug, Serialize)]
pub struct Json {
    verb: &'static str,
    link: String,
    counts: Counts,
    records: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Counts {
    chosen: usize,
    create: usize,
    stubs: usize,
    fill: usize,
    leave: usize,
    refuse: usize,
    overwrites: usize,
    requests: usize,
}

#[derive(Debug, Serialize)]
struct Line {
    table: Option<String>,
    id: Option<String>,
    name: String,
    number: String,
    drift: &'static str,
    plan: &'static str,
    columns: Vec<String>,
    overwrites: usize,
    why: Option<String>,
}

/// The preview for a script.
pub fn json(state: &State, request: &Request, preview: &Preview) -> Json {
    let radius = radius(state, request, preview);
    let lines = preview.records.iter();
    Json {
        verb: request.verb.word(),
        link: request.link.clone(),
        counts: Counts {
            chosen: radius.chosen,
            create: radius.creates,
            stubs: radius.stubs,
            fill: radius.fills,
            leave: radius.unchanged,
            refuse: radius.refused,
            overwrites: radius.overwrites,
            requests: radius.requests(),
        },
        records: lines.map(|record| json_line(state, record)).collect(),
    }
}

fn json_line(state: &State, record: &Previewed) -> Line {
    let (plan, overwrites, why) = match &record.plan {
        Plan::Create(_) => ("create", 0, None),
        Plan::Fill { overwrites, .. } => ("fill", *overwrites, None),
        Plan::Keep => ("keep", 0, None),
        Plan::Nothing(why) => ("leave", 0, Some((*why).to_owned())),
        Plan::Refuse(why) => ("refuse", 0, Some((*why).to_owned())),
    };
    let table = record.key.and_then(|key| state.table(key.table));
    Line {
        table: table.map(|table| table.name.to_string()),
        id: record.key.map(|key| key.id.to_string()),
        name: record.name.clone(),
        number: record.number.clone(),
        drift: record.drift.word(),
        plan,
        columns: columns(state, record, &record.plan),
        overwrites,
        why: record.failure.clone().or(why),
    }
}
