//! One record's story for a script: one object, whose shape is stable.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Told, mark};
use crate::cli::words::moment;
use crate::domain::row::Row;
use crate::engine::explain::{Past, Sight};

impl Told<'_> {
    /// The story for a script.
    pub fn report(&self) -> Report {
        let story = self.story;
        let side = |sight: &Sight| {
            let (is, why) = match sight {
                Sight::Row(_) => ("there", None),
                Sight::Absent => ("absent", None),
                Sight::Unreadable(why) => ("hidden", Some(why.clone())),
                Sight::Unreachable(why) => ("not known", Some(why.clone())),
            };
            let row = sight.row();
            let by = row.and_then(|row| row.modified_by.as_ref());
            Side {
                is,
                why,
                modified: row.and_then(|row| row.modified_on).map(moment),
                modified_by: by.and_then(|by| by.name.clone()),
                values: row.map(|row| self.values(row)),
            }
        };
        let differing = story.differing.iter();
        Report {
            exit: self.exit().code(),
            as_of: moment(self.state.now.wall),
            link: self.link.map(|link| link.name.clone()),
            table: self.table.to_owned(),
            id: story.key.id.to_string(),
            name: story.name.clone(),
            number: story.number.clone(),
            drift: self.drift(),
            is_guess: story.is_guess,
            why: self.why(),
            since: story.since.map(moment),
            other: story.other.map(|other| other.to_string()),
            mark: story.pair.map(mark),
            differing: differing
                .filter_map(|place| story.columns.get(*place).cloned())
                .collect(),
            source: side(&story.source),
            target: side(&story.target),
            history: story
                .history
                .as_ref()
                .ok()
                .map(|past| past.iter().map(step).collect()),
            overwritten: story
                .overwritten
                .iter()
                .map(|kept| kept.column.clone())
                .collect(),
            under_way: self.under_way(),
            blocked_by: self.blocked_by(),
            to_run: self.to_run(),
        }
    }

    fn values(&self, row: &Row) -> Map<String, Value> {
        let values = self.story.columns.iter().zip(&row.values);
        values
            .map(|(name, value)| (name.clone(), value.to_string().into()))
            .collect()
    }
}

/// The story for a script: fields may be added. Values are as people read them; of what was
/// overwritten only the columns are named.
#[derive(Debug, Serialize)]
pub struct Report {
    exit: u8,
    as_of: String,
    link: Option<String>,
    table: String,
    id: String,
    name: String,
    number: String,
    drift: Option<&'static str>,
    is_guess: bool,
    why: String,
    since: Option<String>,
    other: Option<String>,
    /// For `resolve --if-seen`.
    mark: Option<String>,
    differing: Vec<String>,
    source: Side,
    target: Side,
    history: Option<Vec<Step>>,
    overwritten: Vec<String>,
    under_way: Vec<String>,
    blocked_by: Vec<String>,
    to_run: String,
}

#[derive(Debug, Serialize)]
struct Side {
    is: &'static str,
    why: Option<String>,
    modified: Option<String>,
    modified_by: Option<String>,
    values: Option<Map<String, Value>>,
}

#[derive(Debug, Serialize)]
struct Step {
    seq: u64,
    at: String,
    operation: String,
    verb: &'static str,
    who: String,
    reason: String,
    ticket: String,
    stage: &'static str,
    why: Option<String>,
    columns: Vec<String>,
    on_the_way: bool,
    clock_set_back: bool,
}

fn step(event: &Past) -> Step {
    let request = &event.request;
    Step {
        seq: event.seq,
        at: moment(event.at),
        operation: request.id.to_string(),
        verb: request.verb.word(),
        who: request.who.clone(),
        reason: request.reason.clone(),
        ticket: request.ticket.clone(),
        stage: event.stage.word(),
        why: event.stage.reason().map(str::to_owned),
        columns: event.columns.clone(),
        on_the_way: event.on_the_way,
        clock_set_back: event.is_clock_set_back,
    }
}
