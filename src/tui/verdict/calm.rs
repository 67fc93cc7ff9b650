//! The verdicts when nothing is wrong: not compared yet, waiting for the next sync, all well.

use super::{Facts, Verdict};
use crate::domain::drift::Drift;
use crate::domain::lag::LinkCondition;
use crate::domain::run::Backend;
use crate::domain::text::visible;
use crate::domain::time::age;
use crate::engine::state::Tone;
use crate::tui::format::{about, count, name, of_them};

pub fn not_compared(facts: &Facts<'_>) -> Option<Verdict> {
    if facts.condition != LinkCondition::Unknown {
        return None;
    }
    let tables = || facts.model.state.tables_of(facts.model.link);
    if tables().all(|(_, table)| table.compared.is_some()) {
        return None;
    }
    let (read, expected) = tables().filter_map(|(_, table)| table.comparing).fold(
        (0, Some(0)),
        |(read, expected), progress| {
            let both = progress.source + progress.target;
            let sum = expected.and_then(|sum| Some(sum + progress.expected?));
            (read + both, sum)
        },
    );
    let failure = tables().find_map(|(_, table)| table.failure.clone());
    let detail = match (read, expected, failure) {
        (0, _, Some(failure)) => format!("broke off: {}", visible(&failure)),
        (0, _, None) => "no answer yet".to_owned(),
        (read, Some(expected), _) if expected > 0 => {
            let percent = (read * 100 / expected).min(99);
            let compares = tables().filter_map(|(_, table)| table.comparing);
            let left = compares.map(|progress| progress.left(facts.now));
            match left
                .collect::<Option<Vec<_>>>()
                .and_then(|left| left.into_iter().max())
            {
                Some(left) => format!("{percent} % read, about {} left", about(left)),
                None => format!("{percent} % read"),
            }
        }
        (read, _, _) => format!("{} read", of_them(read, "row")),
    };
    Some(Verdict {
        tone: Tone::Care,
        glyph: "?",
        title: "NOT COMPARED YET".to_owned(),
        detail,
        effect: "Both instances are being read; there are no figures yet.".to_owned(),
        next: String::new(),
    })
}

pub fn calm(facts: &Facts<'_>) -> Verdict {
    let person: usize = facts
        .model
        .state
        .tables_of(facts.model.link)
        .map(|(_, table)| table.counts.for_a_person())
        .sum();
    let waits = match person {
        0 => "nothing waits for a person".to_owned(),
        1 => "1 record waits for a person".to_owned(),
        n => format!("{} records wait for a person", count(n)),
    };
    if facts.condition == LinkCondition::Expected {
        return expected(facts, &waits);
    }
    let since = facts.link.sync.last_success.map_or(String::new(), |at| {
        format!(
            "in step since {}; ",
            facts.model.zone.short(at, facts.now.wall)
        )
    });
    Verdict {
        tone: Tone::Good,
        glyph: "●",
        title: "ALL WELL".to_owned(),
        detail: format!("{since}{waits}"),
        effect: String::new(),
        next: String::new(),
    }
}

fn expected(facts: &Facts<'_>, waits: &str) -> Verdict {
    let due = facts.link.sync.next_due.map(|due| age(due, facts.now.wall));
    let late = (facts.link.schedule.cadence + facts.link.schedule.grace).saturating_sub(facts.lag);
    let verb = if facts.pending == 1 { "waits" } else { "wait" };
    let missing: usize = facts
        .model
        .state
        .tables_of(facts.model.link)
        .map(|(_, table)| table.counts.of(Drift::Missing))
        .sum();
    let next = match (facts.link.sync.is_running(), due) {
        (true, _) => "a run is under way".to_owned(),
        (false, Some(due)) if !due.is_zero() => format!("due in {}", about(due)),
        (false, Some(_)) => "due now".to_owned(),
        (false, None) if facts.link.sync.backend != Backend::BuiltIn => {
            "when it is due is not known".to_owned()
        }
        (false, None) => match &facts.model.state.agent {
            Some(agent) => format!("{agent} runs it"),
            None => "no agent runs it".to_owned(),
        },
    };
    Verdict {
        tone: Tone::Good,
        glyph: "●",
        title: "EXPECTED".to_owned(),
        detail: format!(
            "{} {verb} for the next sync; {next}, LATE in {}",
            of_them(facts.pending, "record"),
            about(late)
        ),
        effect: if missing > 0 {
            let are = if missing == 1 { "is" } else { "are" };
            format!(
                "{} of them {are} missing in {}; {waits}.",
                count(missing),
                name(&facts.target.name)
            )
        } else {
            format!(
                "{}{}.",
                waits.get(..1).unwrap_or_default().to_uppercase(),
                waits.get(1..).unwrap_or_default()
            )
        },
        next: String::new(),
    }
}
