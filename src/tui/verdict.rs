//! The verdict: what is worst, since when, whose fault, what it means, and the one next step. A table in the order of
//! `mockups.md`, "The verdict, worst first", as far as the console knows the facts; all that hold are found, the first
//! is shown. It draws nothing.

use std::time::Duration;

use super::format::{self, about, count, countdown, name, of_them, place, span};
use super::model::Model;
use crate::domain::breaker::{Class, Forced};
use crate::domain::drift::Drift;
use crate::domain::failure::Origin;
use crate::domain::health::{Health, RECOVERING};
use crate::domain::lag::{LinkCondition, time_to_drain};
use crate::domain::operation::Verb;
use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::engine::state::{InstanceState, LinkState, Tone};

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How bad it is.
    pub tone: Tone,
    /// Its glyph.
    pub glyph: &'static str,
    /// What, in capitals, and for how long.
    pub title: String,
    /// Since when and whose fault.
    pub detail: String,
    /// What it means.
    pub effect: String,
    /// One next step, with its key.
    pub next: String,
}

/// Pending records of a link as they are shown: while the target can't be read, what changed in the source since is
/// added to what was known last.
pub fn pending(model: &Model, link: usize) -> usize {
    let state = &model.state;
    let since = state.links.get(link).map_or(0, |link_state| {
        let target = state.instances.get(link_state.target);
        if target.is_some_and(InstanceState::is_readable) {
            return 0;
        }
        state
            .tables_of(link)
            .map(|(_, table)| table.changed_since)
            .sum()
    });
    state.pending(link) + since
}

/// What the verdicts are made of.
struct Facts<'a> {
    model: &'a Model,
    link: &'a LinkState,
    source: &'a InstanceState,
    target: &'a InstanceState,
    pending: usize,
    lag: Duration,
    condition: LinkCondition,
    now: Now,
}

/// All verdicts that hold, worst first; there is always one.
pub fn verdicts(model: &Model, now: Now) -> Vec<Verdict> {
    let state = &model.state;
    let facts = model.link().and_then(|link| {
        Some(Facts {
            model,
            link,
            source: state.instances.get(link.source)?,
            target: state.instances.get(link.target)?,
            pending: pending(model, model.link),
            lag: state.lag(model.link, now.wall),
            condition: state.condition(model.link, now.wall),
            now,
        })
    });
    let Some(facts) = facts else {
        return vec![bare("?", "NO LINK IS CONFIGURED", "nothing to watch")];
    };
    let table: [fn(&Facts<'_>) -> Option<Verdict>; 15] = [
        engine_gone,
        writes_stopped,
        cut_off,
        target_down,
        refused,
        source_down,
        link_fault,
        stalled_or_late,
        recovering,
        forced_open,
        outcomes_unknown,
        left_behind,
        repairing,
        degraded,
        not_compared,
    ];
    let mut held: Vec<Verdict> = table.iter().filter_map(|one| one(&facts)).collect();
    if held.is_empty() {
        held.push(calm(&facts));
    }
    held
}

fn bare(glyph: &'static str, title: &str, detail: &str) -> Verdict {
    Verdict {
        tone: Tone::Care,
        glyph,
        title: title.to_owned(),
        detail: detail.to_owned(),
        effect: String::new(),
        next: String::new(),
    }
}

fn bad(title: String, detail: String, effect: String, next: String) -> Verdict {
    Verdict {
        tone: Tone::Bad,
        glyph: "▼",
        title,
        detail,
        effect,
        next,
    }
}

fn care(title: String, detail: String, effect: String, next: String) -> Verdict {
    Verdict {
        tone: Tone::Care,
        glyph: "▲",
        title,
        detail,
        effect,
        next,
    }
}

impl Facts<'_> {
    /// An instance's name in capitals.
    fn loud(instance: &InstanceState) -> String {
        instance.name.to_uppercase()
    }

    fn since(&self, instance: &InstanceState) -> String {
        span(self.now.since(instance.since))
    }

    /// `98 records wait`.
    fn waiting(&self) -> String {
        let verb = if self.pending == 1 { "waits" } else { "wait" };
        format!("{} {verb}", of_them(self.pending, "record"))
    }

    /// How the sync's last run went, where it failed.
    fn broken_run(&self) -> String {
        match &self.link.sync.last_run {
            Some(run) if run.failure.is_some() => format!(
                " The {} sync broke off after {} of {}.",
                self.model.zone.short(run.started, self.now.wall),
                count(run.done),
                count(run.total)
            ),
            _ => String::new(),
        }
    }
}

fn engine_gone(facts: &Facts<'_>) -> Option<Verdict> {
    facts.model.engine_gone.then(|| {
        bad(
            "TANDEM'S ENGINE HAS ENDED".to_owned(),
            "all figures are as of then".to_owned(),
            "Nothing is watched or repaired any more.".to_owned(),
            "q quits; start tandem again, the log in the state folder tells why.".to_owned(),
        )
    })
}

fn writes_stopped(facts: &Facts<'_>) -> Option<Verdict> {
    let fault = facts.model.state.journal_fault.as_ref()?;
    Some(bad(
        "WRITES ARE STOPPED".to_owned(),
        visible(fault).into_owned(),
        "Nothing can be repaired; reading goes on.".to_owned(),
        "make room for the journal, then start tandem again.".to_owned(),
    ))
}

fn cut_off(facts: &Facts<'_>) -> Option<Verdict> {
    let all = [facts.source, facts.target];
    let off = all.iter().all(|one| one.health == Health::CutOff);
    let since = all.iter().map(|one| facts.now.since(one.since)).min()?;
    off.then(|| Verdict {
        tone: Tone::Bad,
        glyph: "?",
        title: format!("WE ARE CUT OFF {}", span(since)),
        detail: "neither instance answers, and every error is our own network's".to_owned(),
        effect: "Nothing is known of either instance; figures are the last known.".to_owned(),
        next: "check this host's network; nothing is sent meanwhile.".to_owned(),
    })
}

fn target_down(facts: &Facts<'_>) -> Option<Verdict> {
    down(
        facts,
        facts.target,
        format!("{}.{}", facts.waiting(), facts.broken_run()),
    )
}

fn source_down(facts: &Facts<'_>) -> Option<Verdict> {
    down(
        facts,
        facts.source,
        "Nothing can be filled, and what is pending is not known.".to_owned(),
    )
}

fn down(facts: &Facts<'_>, instance: &InstanceState, effect: String) -> Option<Verdict> {
    if instance.health != Health::Down {
        return None;
    }
    let name = name(&instance.name);
    let cause = match &instance.last_error {
        Some((_, cause, Origin::Remote)) => {
            format!("{} from {name}; our network is fine", visible(cause))
        }
        Some((_, cause, Origin::Local)) => {
            format!("{}: our side or the way there", visible(cause))
        }
        None => "its read breaker is open".to_owned(),
    };
    Some(bad(
        format!(
            "{} IS DOWN {}",
            Facts::loud(instance),
            facts.since(instance)
        ),
        cause,
        effect,
        format!("Y copies the status for others. Nothing to mend until {name} answers."),
    ))
}

fn refused(facts: &Facts<'_>) -> Option<Verdict> {
    let instance = [facts.target, facts.source]
        .into_iter()
        .find(|one| one.health == Health::Refused)?;
    let why = instance.refused.as_deref().unwrap_or("unauthorized");
    Some(bad(
        format!("{} REFUSES OUR CREDENTIALS", Facts::loud(instance)),
        visible(why).into_owned(),
        "Nothing is read, ensured or filled there.".to_owned(),
        format!(
            "check the credential of {}; it is tried again each minute.",
            name(&instance.name)
        ),
    ))
}

fn link_fault(facts: &Facts<'_>) -> Option<Verdict> {
    let fault = facts.link.fault.as_ref()?;
    Some(bad(
        format!(
            "{} CAN'T BE COMPARED",
            visible(&facts.link.name).to_uppercase()
        ),
        visible(fault).into_owned(),
        "The configuration does not fit the instances; nothing is repaired.".to_owned(),
        "mend the configuration and start tandem again.".to_owned(),
    ))
}

fn stalled_or_late(facts: &Facts<'_>) -> Option<Verdict> {
    let late = facts
        .lag
        .saturating_sub(facts.link.schedule.cadence + facts.link.schedule.grace);
    let failure = facts.link.sync.last_run.as_ref();
    let why = failure.and_then(|run| run.failure.as_deref());
    match facts.condition {
        LinkCondition::Stalled => Some(care(
            format!("SYNC IS STALLED {}", span(late)),
            why.map_or_else(
                || "no run has ended well".to_owned(),
                |why| format!("the last runs failed: {}", visible(why)),
            ),
            format!("{}, oldest {}.", facts.waiting(), span(facts.lag)),
            "T starts a run.".to_owned(),
        )),
        LinkCondition::Late => Some(care(
            format!("SYNC IS LATE {}", span(late)),
            why.map_or_else(
                || "the oldest record should have been carried over".to_owned(),
                |why| format!("the last run failed: {}", visible(why)),
            ),
            format!("{}, oldest {}.", facts.waiting(), span(facts.lag)),
            if facts.link.sync.running.is_some() {
                "a run is under way: watch it drain.".to_owned()
            } else {
                "T starts a run.".to_owned()
            },
        )),
        LinkCondition::InStep | LinkCondition::Expected | LinkCondition::Unknown => None,
    }
}

/// Until when an instance asked us to wait, in words.
fn throttled(instance: &InstanceState, now: Now) -> Option<String> {
    let (until, _) = instance.gate.as_ref()?;
    let left = until.since(now);
    (!left.is_zero()).then(|| format!("throttled, goes on in {}", countdown(left)))
}

fn recovering(facts: &Facts<'_>) -> Option<Verdict> {
    let target = facts.target;
    let (ended, lasted) = target.last_outage?;
    let recent = facts.now.since(ended) < RECOVERING;
    let up = matches!(target.health, Health::Degraded | Health::Throttled);
    if !recent || !up {
        return None;
    }
    let mut detail = format!("was down {}", span(lasted));
    if let Some(throttled) = throttled(target, facts.now) {
        detail = format!("{detail}; {throttled}");
    }
    let left = drain(facts).map_or(String::new(), |left| {
        format!(": about {} left", about(left))
    });
    let effect = if facts.pending > 0 {
        format!("It answers again. {}{left}.", facts.waiting())
    } else {
        "It answers again, and nothing waits.".to_owned()
    };
    Some(care(
        format!(
            "{} IS RECOVERING {}",
            Facts::loud(target),
            span(facts.now.since(ended))
        ),
        detail,
        effect,
        "watch it drain. If it stands still: 3 Operations.".to_owned(),
    ))
}

/// How long until all that is pending is carried over, while a run does it.
pub fn drain_of(model: &Model, link: &LinkState, pending: usize, now: Now) -> Option<Duration> {
    let run = model.state.operation(link.sync.running?)?;
    let took = now.since(run.started?);
    time_to_drain(pending, run.progress.done(), took)
}

fn drain(facts: &Facts<'_>) -> Option<Duration> {
    drain_of(facts.model, facts.link, facts.pending, facts.now)
}

fn forced_open(facts: &Facts<'_>) -> Option<Verdict> {
    let (instance, forced) = [facts.target, facts.source]
        .into_iter()
        .find_map(|one| Some((one, one.forced()?)))?;
    Some(care(
        "BREAKER FORCED OPEN".to_owned(),
        forced_words(facts.model, forced, facts.now),
        format!("Nothing is sent to {}.", place(&instance.name)),
        "B, then l releases it.".to_owned(),
    ))
}

/// `by anna until 06:00: "INC-4471"`.
pub fn forced_words(model: &Model, forced: &Forced, now: Now) -> String {
    let until = forced.until.map_or(String::new(), |until| {
        format!(" until {}", model.zone.short(until, now.wall))
    });
    format!(
        "by {}{until}: \"{}\"",
        visible(&forced.by),
        visible(&forced.reason)
    )
}

fn outcomes_unknown(facts: &Facts<'_>) -> Option<Verdict> {
    let unknown = facts.model.state.unknown_outcomes();
    (unknown > 0).then(|| {
        let what = if unknown == 1 {
            "1 OUTCOME IS NOT KNOWN".to_owned()
        } else {
            format!("{} OUTCOMES ARE NOT KNOWN", count(unknown))
        };
        care(
            what,
            "sent, and no answer came".to_owned(),
            "They are read back before anything is sent again.".to_owned(),
            "3 Operations shows them.".to_owned(),
        )
    })
}

fn left_behind(facts: &Facts<'_>) -> Option<Verdict> {
    let all = &facts.model.state.operations;
    let left: Vec<_> = all
        .iter()
        .filter(|one| one.was_left_behind && !one.is_finished())
        .collect();
    let first = left.first()?;
    let records = first.progress.total.saturating_sub(first.progress.done());
    Some(care(
        "AN OPERATION WAS LEFT BEHIND".to_owned(),
        format!(
            "{} by {}, when an earlier tandem ended",
            first.request.verb,
            visible(&first.request.who)
        ),
        format!(
            "{} of it are left; none is sent by itself.",
            of_them(records, "record")
        ),
        "3 Operations, Enter goes on with it, x takes it back.".to_owned(),
    ))
}

fn repairing(facts: &Facts<'_>) -> Option<Verdict> {
    let state = &facts.model.state;
    let operation = state.operations.iter().find(|one| {
        !one.is_finished()
            && !one.was_left_behind
            && Some(one.request.id) != facts.link.sync.running
    })?;
    let left = operation
        .progress
        .total
        .saturating_sub(operation.progress.done());
    if left <= facts.model.safety.confirm_above && operation.waiting.is_none() {
        return None;
    }
    let stubs: usize = state
        .tables_of(facts.model.link)
        .map(|(_, table)| table.counts.of(Drift::Stub))
        .sum();
    let title = if operation.request.verb == Verb::Rehydrate && stubs > 0 {
        format!("{} STUBS LEFT", count(stubs))
    } else {
        format!("{} RECORDS LEFT OF A REPAIR", count(left))
    };
    let detail = match &operation.waiting {
        Some(waiting) => format!("it waits: {}", visible(&waiting.why)),
        None => format!(
            "{} by {} is under way",
            operation.request.verb,
            visible(&operation.request.who)
        ),
    };
    Some(care(
        title,
        detail,
        format!(
            "{} of {} done.",
            count(operation.progress.done()),
            count(operation.progress.total)
        ),
        "3 Operations shows it.".to_owned(),
    ))
}

fn degraded(facts: &Facts<'_>) -> Option<Verdict> {
    let is_recovering = recovering(facts).is_some();
    let instance = [facts.target, facts.source]
        .into_iter()
        .skip(usize::from(is_recovering))
        .find(|one| matches!(one.health, Health::Degraded | Health::Throttled))?;
    let word = instance.health.word();
    let detail = match throttled(instance, facts.now) {
        Some(throttled) => throttled,
        None if instance
            .breaker(Class::Write)
            .is_some_and(|b| !b.is_closed()) =>
        {
            "its write breaker is not closed".to_owned()
        }
        None if instance.calls.errors() > 0 => format!(
            "{} of {} calls failed in 5m",
            instance.calls.errors(),
            instance.calls.calls
        ),
        None => match instance.last_outage {
            Some((_, lasted)) => format!("it was down for {}", span(lasted)),
            None => "calls are slow".to_owned(),
        },
    };
    Some(care(
        format!(
            "{} IS {word} {}",
            Facts::loud(instance),
            facts.since(instance)
        ),
        detail,
        "tandem waits where it has to, and goes on by itself.".to_owned(),
        "nothing to do; B shows the breakers.".to_owned(),
    ))
}

fn not_compared(facts: &Facts<'_>) -> Option<Verdict> {
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
            format!("{} % read", (read * 100 / expected).min(99))
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

fn calm(facts: &Facts<'_>) -> Verdict {
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
    let next = match (&facts.link.sync.running, due) {
        (Some(_), _) => "a run is under way".to_owned(),
        (None, Some(due)) if !due.is_zero() => format!("due in {}", about(due)),
        (None, Some(_)) => "due now".to_owned(),
        (None, None) => "not scheduled by this console".to_owned(),
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
                format::name(&facts.target.name)
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
