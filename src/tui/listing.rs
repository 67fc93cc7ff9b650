//! What the views of runs, tickets and lines of the timeline list, in their order. It draws nothing and keeps no cursor.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::model::{Model, TimelineView};
use crate::domain::customer::Mark;
use crate::domain::operation::{OperationId, RecordKey, Verb};
use crate::domain::run::{Backend, PlatformRun, RunId, RunStatus};
use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::engine::report::{OpenTickets, Ticket};
use crate::engine::state::{Entry, OperationState};

/// One run of the link's sync, whoever carries it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its name on its platform; an operation's id, where tandem carries it out itself.
    pub id: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// How long it took; so far, while it is under way.
    pub took: Option<Duration>,
    /// What started it.
    pub trigger: String,
    /// Records that are as they should be, and all of them, where that is known.
    pub records: Option<(usize, usize)>,
    /// Why it did not end well.
    pub error: Option<String>,
    /// The operation that it is, or that asked for it.
    pub operation: Option<OperationId>,
    /// What an order to its platform calls it by.
    pub order: Option<RunId>,
}

/// The runs of the link that is shown, newest first.
pub fn runs(model: &Model, now: Now) -> Vec<Run> {
    let Some(link) = model.link() else {
        return Vec::new();
    };
    let operations = model.state.operations.iter();
    if link.sync.backend == Backend::BuiltIn {
        let own = operations
            .filter(|one| one.request.verb == Verb::Sync && one.request.link == link.name);
        return own.map(|one| of_operation(one, now)).collect();
    }
    let list = link.sync.list.iter().flat_map(|list| list.runs.iter());
    list.map(|run| {
        let mut known = model.state.operations.iter();
        let ours = run
            .tracking
            .as_deref()
            .and_then(|tracking| known.find(|one| one.request.id.to_string() == tracking));
        of_platform(run, ours.map(|one| one.request.id), now)
    })
    .collect()
}

fn of_operation(one: &OperationState, now: Now) -> Run {
    let tally = one.progress;
    let finished = one.finished.as_ref();
    let cut_short = finished.and_then(|end| end.cut_short.clone());
    let left = tally.total.saturating_sub(tally.good());
    let status = match (finished, &cut_short, left) {
        (None, _, _) if one.waiting.is_some() || one.paused.is_some() => RunStatus::Waiting,
        (None, _, _) => RunStatus::Running,
        (Some(_), None, 0) => RunStatus::Succeeded,
        (Some(_), _, _) => RunStatus::Failed,
    };
    let left_words = (finished.is_some() && left > 0)
        .then(|| format!("{left} of {} records could not be done", tally.total));
    Run {
        id: one.request.id.to_string(),
        status,
        started: Some(one.request.asked),
        took: Some(finished.map_or_else(|| age(now.wall, one.request.asked), |end| end.took)),
        trigger: visible(&one.request.who).into_owned(),
        records: Some((tally.good(), tally.total)),
        error: cut_short.or(left_words),
        operation: Some(one.request.id),
        order: None,
    }
}

fn of_platform(run: &PlatformRun, operation: Option<OperationId>, now: Now) -> Run {
    let took = match run.started {
        Some(started) if run.status.is_under_way() => Some(age(now.wall, started)),
        Some(_) if run.ended.is_some() => Some(run.took()),
        _ => None,
    };
    Run {
        id: run.id.to_string(),
        status: run.status,
        started: run.started,
        took,
        trigger: run.trigger.clone(),
        records: None,
        error: run.failure(),
        operation,
        order: Some(run.id.clone()),
    }
}

/// The run under the cursor.
pub fn chosen_run(model: &Model, now: Now) -> Option<Run> {
    let mut runs = runs(model, now);
    let place = run_place(model, &runs);
    (place < runs.len()).then(|| runs.swap_remove(place))
}

/// The place of the cursor among the runs: it stays with its run.
pub fn run_place(model: &Model, runs: &[Run]) -> usize {
    let chosen = model.runs.chosen.as_deref();
    runs.iter()
        .position(|run| chosen == Some(run.id.as_str()))
        .unwrap_or(0)
}

/// The marks by how much such a customer is in the way, the most first.
const BY_HARM: [Mark; 7] = [
    Mark::Refused,
    Mark::Stub,
    Mark::Orphan,
    Mark::SourceUnreadable,
    Mark::Unknown,
    Mark::Local,
    Mark::Whole,
];

/// A ticket's place by its mark; one that names nobody, or can't be read, stands with the unknown.
fn rank(ticket: &Ticket) -> usize {
    let mark = mark(ticket).unwrap_or(Mark::Unknown);
    BY_HARM
        .iter()
        .position(|one| *one == mark)
        .unwrap_or_default()
}

/// The mark of a ticket's customer; none where the ticket names nobody, or could not be read.
pub fn mark(ticket: &Ticket) -> Option<Mark> {
    ticket.customer.as_ref().map(|customer| customer.mark)
}

/// The tickets in the order in which they are listed: those whose customer is most in the way first, then the newest.
pub fn in_order(read: &OpenTickets) -> Vec<&Ticket> {
    let mut all: Vec<&Ticket> = read.refused.iter().chain(&read.tickets).collect();
    all.sort_by_key(|ticket| (rank(ticket), std::cmp::Reverse(ticket.created)));
    all
}

/// The tickets that are listed.
pub fn tickets(model: &Model) -> Vec<&Ticket> {
    let Some(read) = &model.tickets.read else {
        return Vec::new();
    };
    let only = model.tickets.mark;
    let all = in_order(read).into_iter();
    all.filter(|ticket| only.is_none() || mark(ticket) == only)
        .collect()
}

/// The marks that occur, and how often, the most harmful first.
pub fn marks(read: &OpenTickets) -> Vec<(Mark, usize)> {
    let all = || read.refused.iter().chain(&read.tickets);
    let counted = BY_HARM.into_iter().map(|one| {
        let n = all().filter(|ticket| mark(ticket) == Some(one)).count();
        (one, n)
    });
    counted.filter(|(_, n)| *n > 0).collect()
}

/// Tickets whose customer is less than a person would expect.
pub fn lacking(read: &OpenTickets) -> usize {
    let all = read.refused.iter().chain(&read.tickets);
    all.filter(|ticket| !matches!(mark(ticket), Some(Mark::Whole | Mark::Local)))
        .count()
}

/// How many open tickets name each record of a link.
pub fn per_record(model: &Model, read: &OpenTickets) -> HashMap<RecordKey, usize> {
    let tables: HashMap<&str, _> = model
        .state
        .tables_of(model.link)
        .map(|(index, table)| (table.name.as_str(), index))
        .collect();
    let mut counts = HashMap::new();
    for customer in read
        .tickets
        .iter()
        .filter_map(|ticket| ticket.customer.as_ref())
    {
        if let Some(table) = tables.get(customer.table.as_str()) {
            let key = RecordKey {
                table: *table,
                id: customer.id,
            };
            *counts.entry(key).or_default() += 1;
        }
    }
    counts
}

/// The lines of the timeline that fit the filter, newest first.
pub fn lines(model: &Model) -> Vec<&Entry> {
    let terms = terms(&model.timeline);
    let all = model.state.timeline.iter().rev().map(AsRef::as_ref);
    all.filter(|entry: &&Entry| terms.is_empty() || fits(model, entry, &terms))
        .collect()
}

/// Words, each with whether it must not occur.
fn terms(view: &TimelineView) -> Vec<(bool, String)> {
    let text = view.filter.value().to_lowercase();
    let words = text
        .split_whitespace()
        .map(|word| match word.strip_prefix('!') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, word.to_owned()),
        });
    words.filter(|(_, word)| !word.is_empty()).collect()
}

fn fits(model: &Model, entry: &Entry, terms: &[(bool, String)]) -> bool {
    let instance = entry
        .instance
        .and_then(|place| model.state.instances.get(place));
    let (name, band) = instance.map_or(("", ""), |one| (one.name.as_str(), one.band.as_str()));
    let who = entry.who.as_deref().unwrap_or_default();
    let text = format!("{} {who} {name} {band}", entry.text).to_lowercase();
    terms
        .iter()
        .all(|(is_not, word)| text.contains(word.as_str()) != *is_not)
}

/// The place of the cursor among the lines: it stays with its line, and on the newest while nobody moved it.
pub fn line_place(model: &Model, lines: &[&Entry]) -> usize {
    let chosen = model.timeline.chosen;
    lines
        .iter()
        .position(|entry| chosen == Some(entry.seq))
        .unwrap_or(0)
}
