//! What an operation came to, in words and as JSON. Pure: from the state to text.

use std::sync::Arc;

use serde::Serialize;

use super::exit::Exit;
use super::words;
use crate::domain::operation::{Request, TableIndex};
use crate::domain::text;
use crate::engine::State;
use crate::engine::state::{OperationRecord, Tally};

/// An operation when it is over, or was never begun.
#[derive(Clone, Debug)]
pub struct Done {
    /// What was asked.
    pub request: Request,
    /// Its records, as far as they were seen.
    pub records: Vec<Arc<OperationRecord>>,
    /// Counts of all its records.
    pub tally: Tally,
    /// Why it ended before its records were done.
    pub cut_short: Option<String>,
    /// Why it was not begun at all.
    pub refused: Option<String>,
    /// What else was said about it: names that could not be resolved.
    pub remarks: Vec<String>,
    /// How long it took.
    pub took: std::time::Duration,
    /// Whether an instance of its link could not be used.
    pub unreachable: bool,
    /// Whether its tables do not fit the instances.
    pub misfit: bool,
    /// Whether a person broke it off.
    pub interrupted: bool,
}

/// The code for it.
pub fn exit(done: &Done) -> Exit {
    if done.interrupted {
        return Exit::Interrupted;
    }
    if done.refused.is_some() && done.misfit {
        return Exit::Usage;
    }
    let (good, tally) = (done.tally.good(), done.tally);
    let left = tally.total.saturating_sub(good);
    let all_is_well = done.refused.is_none() && done.cut_short.is_none() && done.remarks.is_empty();
    if all_is_well && left == 0 {
        return Exit::Good;
    }
    if good > 0 {
        return Exit::NeedsAPerson;
    }
    if done.unreachable {
        return Exit::Unreachable;
    }
    let only_guarded = left == tally.held + tally.abandoned && done.remarks.is_empty();
    if done.refused.is_some()
        || (only_guarded && left > 0)
        || (left == 0 && done.cut_short.is_some())
    {
        Exit::Refused
    } else {
        Exit::NeedsAPerson
    }
}

/// One record's outcome in a line.
pub fn line(state: &State, record: &OperationRecord) -> String {
    let table = state.kind(record.key.table);
    let mut parts = vec![format!("{:<9} {table}", record.stage.word())];
    let named = [&record.name, &record.number].into_iter();
    parts.extend(
        named
            .filter(|part| !part.is_empty())
            .map(|part| text::visible(part).into_owned()),
    );
    if record.key.table != TableIndex::RUNS {
        parts.push(format!("{}…", record.key.id.short()));
    }
    if record.columns > 0 {
        parts.push(words::count(record.columns, "column"));
    }
    if record.on_the_way {
        parts.push("(referred to)".to_owned());
    }
    let line = parts.join(" ");
    match record.stage.reason().filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{line}: {}", text::visible(reason)),
        None => line,
    }
}

/// The operation in a few lines: the last ones of a run.
pub fn summary(done: &Done) -> String {
    let remarks = done.remarks.iter();
    let mut lines: Vec<String> = remarks
        .map(|remark| format!("not found {}", text::visible(remark)))
        .collect();
    let request = &done.request;
    let (verb, link, id) = (request.verb, &request.link, request.id);
    if let Some(why) = &done.refused {
        let why = text::visible(why);
        lines.push(format!("{verb} refused, nothing was done: {why}"));
    } else {
        let parts: Vec<String> = counts(&done.tally)
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let parts = if parts.is_empty() {
            "nothing to do".to_owned()
        } else {
            parts.join(", ")
        };
        let took = words::duration(done.took);
        lines.push(format!(
            "{verb} on {link}: {parts}, in {took}; operation {id}"
        ));
    }
    if let Some(why) = &done.cut_short {
        lines.push(format!("broken off: {}", text::visible(why)));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn counts(tally: &Tally) -> Vec<(&'static str, usize)> {
    vec![
        ("verified", tally.verified),
        ("altered", tally.altered),
        ("unchanged", tally.unchanged),
        ("held", tally.held),
        ("refused", tally.refused),
        ("unknown", tally.unknown),
        ("abandoned", tally.abandoned),
        ("applied", tally.applied),
        ("intended", tally.intended),
        ("accepted", tally.accepted),
    ]
}

/// The JSON of a repair: a stable shape, to which fields may be added.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The code with which the command ends.
    pub exit: u8,
    /// One for each link.
    pub operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug, Serialize)]
pub struct Operation {
    id: String,
    verb: &'static str,
    link: String,
    reason: String,
    ticket: String,
    who: String,
    asked: String,
    choices: Vec<String>,
    retries: Option<String>,
    took_ms: u64,
    refused: Option<String>,
    cut_short: Option<String>,
    remarks: Vec<String>,
    total: usize,
    counts: serde_json::Map<String, serde_json::Value>,
    records: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    table: String,
    id: String,
    name: String,
    number: String,
    stage: &'static str,
    reason: Option<String>,
    columns: usize,
    on_the_way: bool,
    at: String,
}

/// The operation for a script.
pub fn operation(state: &State, done: &Done) -> Operation {
    let request = &done.request;
    let counted = counts(&done.tally).into_iter();
    Operation {
        id: request.id.to_string(),
        verb: request.verb.word(),
        link: request.link.clone(),
        reason: request.reason.clone(),
        ticket: request.ticket.clone(),
        who: request.who.clone(),
        asked: words::moment(request.asked),
        choices: request.choices.iter().map(ToString::to_string).collect(),
        retries: request.retries.map(|first| first.to_string()),
        took_ms: u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX),
        refused: done.refused.clone(),
        cut_short: done.cut_short.clone(),
        remarks: done.remarks.clone(),
        total: done.tally.total,
        counts: counted
            .map(|(word, count)| (word.to_owned(), count.into()))
            .collect(),
        records: done
            .records
            .iter()
            .map(|record| json_line(state, record))
            .collect(),
    }
}

fn json_line(state: &State, record: &OperationRecord) -> Line {
    Line {
        table: state.kind(record.key.table).to_owned(),
        id: record.key.id.to_string(),
        name: record.name.clone(),
        number: record.number.clone(),
        stage: record.stage.word(),
        reason: record.stage.reason().map(str::to_owned),
        columns: record.columns,
        on_the_way: record.on_the_way,
        at: words::moment(record.at),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::fixture::{at, key, well};
    use crate::domain::operation::{OperationId, Stage, Verb};

    fn done(tally: Tally) -> Done {
        Done {
            request: Request {
                id: OperationId::new(),
                verb: Verb::Rehydrate,
                link: "us-europe".to_owned(),
                reason: "a call".to_owned(),
                choices: Vec::new(),
                retries: None,
                at_most: None,
                ticket: "INC-42".to_owned(),
                who: "kim".to_owned(),
                asked: at(0).wall,
            },
            records: Vec::new(),
            tally,
            cut_short: None,
            refused: None,
            remarks: Vec::new(),
            took: Duration::from_millis(400),
            unreachable: false,
            misfit: false,
            interrupted: false,
        }
    }

    fn record(stage: Stage, columns: usize) -> OperationRecord {
        OperationRecord {
            key: key(0, 1),
            name: "Align Technology".to_owned(),
            number: "ALGN".to_owned(),
            stage,
            at: at(1).wall,
            columns,
            took: Duration::ZERO,
            on_the_way: false,
        }
    }

    #[test]
    fn a_record_is_one_line() {
        let state = well();
        let verified = record(Stage::Verified, 6);
        assert_eq!(
            line(&state, &verified),
            "verified  account Align Technology ALGN 00000001… 6 columns"
        );
        let held = record(Stage::Held("edited in\nthe target".to_owned()), 0);
        assert_eq!(
            line(&state, &held),
            "held      account Align Technology ALGN 00000001…: edited in^Jthe target"
        );
    }

    #[test]
    fn the_code_tells_what_became_of_it() {
        let tally = |change: fn(&mut Tally)| {
            let mut tally = Tally::default();
            change(&mut tally);
            tally.total = tally.done() + tally.unknown + tally.accepted;
            tally
        };
        let cut = |done: Done| Done {
            cut_short: Some("the target can't be read".to_owned()),
            ..done
        };
        let lost = |done: Done| Done {
            unreachable: true,
            ..done
        };
        let refused = |done: Done| Done {
            refused: Some("no".to_owned()),
            ..done
        };
        let good = done(tally(|tally| tally.verified = 3));
        let held = done(tally(|tally| tally.held = 3));
        let abandoned = done(tally(|tally| tally.abandoned = 3));
        let none = done(Tally::default());
        for (name, done, expected) in [
            ("all", good.clone(), Exit::Good),
            ("none to do", none.clone(), Exit::Good),
            (
                "altered",
                done(tally(|tally| tally.altered = 1)),
                Exit::Good,
            ),
            (
                "some held",
                done(tally(|t| (t.verified, t.held) = (1, 1))),
                Exit::NeedsAPerson,
            ),
            ("all held", held.clone(), Exit::Refused),
            (
                "by the server",
                done(tally(|tally| tally.refused = 1)),
                Exit::NeedsAPerson,
            ),
            (
                "unknown",
                done(tally(|tally| tally.unknown = 1)),
                Exit::NeedsAPerson,
            ),
            ("cut short", cut(abandoned.clone()), Exit::Refused),
            ("cut short, lost", lost(cut(abandoned)), Exit::Unreachable),
            ("cut short, some done", lost(cut(good)), Exit::NeedsAPerson),
            ("guard", refused(none.clone()), Exit::Refused),
            (
                "guard, lost",
                lost(refused(none.clone())),
                Exit::Unreachable,
            ),
            (
                "misfit",
                Done {
                    misfit: true,
                    ..refused(none.clone())
                },
                Exit::Usage,
            ),
            (
                "a name",
                Done {
                    remarks: vec!["x".to_owned()],
                    ..none.clone()
                },
                Exit::NeedsAPerson,
            ),
            (
                "interrupted",
                Done {
                    interrupted: true,
                    ..none
                },
                Exit::Interrupted,
            ),
        ] {
            assert_eq!(exit(&done), expected, "{name}");
        }
    }

    #[test]
    fn the_summary_counts_what_is_there() {
        let mut done = done(Tally {
            total: 4,
            verified: 3,
            held: 1,
            ..Tally::default()
        });
        let id = done.request.id;
        assert_eq!(
            summary(&done),
            format!("rehydrate on us-europe: 3 verified, 1 held, in 400ms; operation {id}\n")
        );
        let state = well();
        done.records = vec![Arc::new(record(Stage::Verified, 6))];
        let json = serde_json::to_value(operation(&state, &done)).unwrap_or_default();
        assert_eq!(json["counts"]["verified"], 3);
        assert_eq!(json["total"], 4);
        assert_eq!(json["records"][0]["stage"], "verified");
        assert_eq!(json["records"][0]["table"], "account");
        assert_eq!(json["reason"], "a call");
        assert_eq!(json["ticket"], "INC-42");
    }
}
