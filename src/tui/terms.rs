//! What the filter of the records understands: words, and terms that name what they look at. Any text means something:
//! what is no term is a word.

use chrono::{DateTime, Utc};

use super::cause::Cause;
use super::fuzzy;
use crate::config::parse_duration;
use crate::domain::drift::Flag;
use crate::engine::records::Record;

/// One part of a filter; all of them have to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whether it must not hold: written with `!` in front.
    pub is_not: bool,
    /// What it looks at.
    pub what: What,
}

/// What a term looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Name, number, table, drift, flag and id: the text occurs in one of them.
    Word(String),
    /// Name and number: its letters occur in their order, `~hbl`.
    Fuzzy(String),
    /// `drift:stub`, by the beginning of the word.
    Drift(String),
    /// `table:account`, by the beginning of the name.
    Table(String),
    /// `why:plug-in`: why it is out of step (`why:outage`), how the last attempt went, and why.
    Why(String),
    /// `age>6h`: pending since before that time.
    Before(DateTime<Utc>),
    /// `age<6h`: pending since that time or after.
    After(DateTime<Utc>),
    /// `tickets>3`: more open tickets name it.
    MoreTickets(usize),
    /// `tickets<3`: fewer do, as far as they were read.
    FewerTickets(usize),
}

/// Reads a filter; ages count back from `now`.
pub fn parse(text: &str, now: DateTime<Utc>) -> Vec<Term> {
    text.to_lowercase()
        .split_whitespace()
        .filter_map(|part| {
            let (is_not, part) = match part.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, part),
            };
            let what = what(part, now);
            (!part.is_empty()).then_some(Term { is_not, what })
        })
        .collect()
}

fn what(part: &str, now: DateTime<Utc>) -> What {
    let after = |prefix: &str| part.strip_prefix(prefix).filter(|rest| !rest.is_empty());
    let ago = |text: &str| {
        let span = chrono::Duration::from_std(parse_duration(text)?).ok()?;
        now.checked_sub_signed(span)
    };
    if let Some(drift) = after("drift:") {
        return What::Drift(drift.to_owned());
    }
    if let Some(table) = after("table:") {
        return What::Table(table.to_owned());
    }
    if let Some(why) = after("why:") {
        return What::Why(why.to_owned());
    }
    if let Some(letters) = after("~") {
        return What::Fuzzy(letters.to_owned());
    }
    if let Some(at) = after("age>").and_then(ago) {
        return What::Before(at);
    }
    if let Some(at) = after("age<").and_then(ago) {
        return What::After(at);
    }
    if let Some(n) = after("tickets>").and_then(|text| text.parse().ok()) {
        return What::MoreTickets(n);
    }
    if let Some(n) = after("tickets<").and_then(|text| text.parse().ok()) {
        return What::FewerTickets(n);
    }
    What::Word(part.to_owned())
}

/// A record as its terms look at it: the texts are made once for all of them.
struct Texts {
    tickets: Option<usize>,
    all: String,
    name: String,
    why: String,
}

/// Whether a record fits all terms; `tickets` is how many open ones name it, where that is known.
pub fn fits(
    terms: &[Term],
    table: &str,
    record: &Record,
    (tickets, cause): (Option<usize>, Cause),
) -> bool {
    if terms.is_empty() {
        return true;
    }
    let name = format!("{} {}", record.name, record.number).to_lowercase();
    let cause = cause.word();
    let why = record.last.as_ref().map_or_else(
        || cause.to_owned(),
        |last| {
            let why = last.stage.reason().unwrap_or_default();
            format!("{cause} {} {} {why}", last.verb, last.stage.word()).to_lowercase()
        },
    );
    let flag = record.flag().map_or("", Flag::word);
    let texts = Texts {
        tickets,
        all: format!(
            "{name} {table} {} {flag} {}",
            record.drift.word(),
            record.key.id
        ),
        name,
        why,
    };
    terms
        .iter()
        .all(|term| holds(&term.what, table, record, &texts) != term.is_not)
}

fn holds(what: &What, table: &str, record: &Record, texts: &Texts) -> bool {
    match what {
        What::Word(word) => texts.all.contains(word.as_str()),
        What::Fuzzy(letters) => fuzzy::score(letters, &texts.name).is_some(),
        What::Drift(word) => record.drift.word().starts_with(word.as_str()),
        What::Table(name) => table.starts_with(name.as_str()),
        What::Why(word) => texts.why.contains(word.as_str()),
        What::Before(at) => record.drift.is_pending() && record.since.is_some_and(|one| one < *at),
        What::MoreTickets(n) => texts.tickets.is_some_and(|tickets| tickets > *n),
        What::FewerTickets(n) => texts.tickets.is_some_and(|tickets| tickets < *n),
        What::After(at) => record.drift.is_pending() && record.since.is_some_and(|one| one >= *at),
    }
}
