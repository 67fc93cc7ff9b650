//! The verdicts that want an eye: late, recovering, held up, or left behind.

use std::time::Duration;

use super::{Facts, Verdict, care, drain_of, forced_words};
use crate::domain::breaker::Class;
use crate::domain::drift::Drift;
use crate::domain::health::{Health, RECOVERING};
use crate::domain::hook::{Answer, Called};
use crate::domain::lag::LinkCondition;
use crate::domain::operation::Verb;
use crate::domain::run::Backend;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::InstanceState;
use crate::tui::action::ActionId;
use crate::tui::format::{about, count, countdown, of_them, place, span};

/// Customers whose tickets are refused: nothing ensures them on the way. What is in flight is no news yet.
pub fn customers_missing(facts: &Facts<'_>) -> Option<Verdict> {
    let state = &facts.model.state;
    let missing = state.missing_customers(facts.model.link);
    let is_settled = facts.lag >= facts.link.schedule.settle;
    if state.accepts_missing(facts.model.link) != Some(false) || missing == 0 || !is_settled {
        return None;
    }
    let (title, them, once) = match missing {
        1 => ("1 CUSTOMER IS MISSING".to_owned(), "it", "it is"),
        n => (
            format!("{} CUSTOMERS ARE MISSING", count(n)),
            "them",
            "they are",
        ),
    };
    let more = facts.pending.saturating_sub(missing);
    let tables = state.tables_of(facts.model.link);
    let person: usize = tables.map(|(_, table)| table.counts.for_a_person()).sum();
    let mut detail = vec![format!("tickets for {them} are refused")];
    if [facts.source, facts.target]
        .iter()
        .all(|one| one.health == Health::Healthy)
    {
        detail.push("both instances healthy".to_owned());
    }
    let wait = if more == 1 { "waits" } else { "wait" };
    match (more, person) {
        (0, 0) => {}
        (0, _) => detail.push(format!("{} for a person", count(person))),
        (_, 0) => detail.push(format!("{} more {wait}", count(more))),
        _ => detail.push(format!(
            "{} more {wait}, {} for a person",
            count(more),
            count(person)
        )),
    }
    let records = facts.key(ActionId::Records);
    let verbs = format!(
        "{records} Records, {} or {}.",
        facts.key(ActionId::Sync),
        facts.key(ActionId::Ensure)
    );
    Some(care(
        title,
        detail.join(" · "),
        format!(
            "Tickets for {them} are refused, until {once} in {}.",
            place(&facts.target.name)
        ),
        if is_hook_out(facts) {
            let menu = facts.key(ActionId::Breaker);
            format!("{menu} h puts the hook back; {verbs}")
        } else if facts.link.sync.is_running() {
            format!("a run is under way; {verbs}")
        } else {
            verbs
        },
    ))
}

pub fn stalled_or_late(facts: &Facts<'_>) -> Option<Verdict> {
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
            starts_a_run(facts, why.is_some()),
        )),
        LinkCondition::Late => Some(care(
            format!("SYNC IS LATE {}", span(late)),
            why.map_or_else(
                || "the oldest record should have been carried over".to_owned(),
                |why| format!("the last run failed: {}", visible(why)),
            ),
            format!("{}, oldest {}.", facts.waiting(), span(facts.lag)),
            if facts.link.sync.is_running() {
                "a run is under way: watch it drain.".to_owned()
            } else {
                starts_a_run(facts, why.is_some())
            },
        )),
        LinkCondition::InStep | LinkCondition::Expected | LinkCondition::Unknown => None,
    }
}

/// Whether the hook answers, and was taken out.
fn is_hook_out(facts: &Facts<'_>) -> bool {
    let hook = facts.model.state.hook.as_ref();
    let hook = hook.filter(|hook| hook.link == facts.model.link);
    hook.is_some_and(|hook| {
        *hook.health.answer() == Answer::Well && hook.health.called() == Called::No
    })
}

/// What starts a run; and where the whole of why the last one failed stands.
fn starts_a_run(facts: &Facts<'_>, has_failed: bool) -> String {
    let (sync, runs) = (facts.key(ActionId::Sync), facts.key(ActionId::Runs));
    if has_failed && facts.link.sync.backend != Backend::BuiltIn {
        let (records, all) = (facts.key(ActionId::Records), facts.key(ActionId::MarkAll));
        format!(
            "{runs} tells why; {sync} starts a run, {records} {all} {sync} copies without the job."
        )
    } else if has_failed {
        format!("{sync} starts a run; {runs} shows all of why the last one failed.")
    } else {
        format!("{sync} starts a run.")
    }
}

pub fn hook_failing(facts: &Facts<'_>) -> Option<Verdict> {
    let hook = facts.model.state.hook.as_ref()?;
    let hook = Some(&hook.health).filter(|_| hook.link == facts.model.link)?;
    let share = hook.lately();
    let (title, detail) = match hook.answer() {
        Answer::NotReady(why) if hook.called() == Called::Yes => {
            let lasts = span(facts.now.since(hook.since()?));
            let title = format!("THE HOOK ENSURES NOTHING {lasts}");
            (title, visible(why).into_owned())
        }
        Answer::Well if share.is_failing() => (
            "THE HOOK MISSES CALLS".to_owned(),
            format!(
                "{} of {} calls in 5m were not ensured",
                share.unensured, share.calls
            ),
        ),
        _ => return None,
    };
    let place = place(&facts.target.name);
    Some(care(
        title,
        detail,
        format!("Tickets pass unensured: {place} refuses those for a missing customer."),
        format!(
            "its log tells why; {} ensures who is missing, in {} Records.",
            facts.key(ActionId::Ensure),
            facts.key(ActionId::Records)
        ),
    ))
}

pub fn recovering(facts: &Facts<'_>) -> Option<Verdict> {
    let target = facts.target;
    let (ended, lasted) = target.last_outage?;
    let recent = facts.now.since(ended) < RECOVERING;
    let up = matches!(target.health, Health::Degraded | Health::Throttled);
    // What a person stopped answers nobody.
    if !recent || !up || target.forced().is_some() {
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
        format!(
            "watch it drain. If it stands still: {} Operations.",
            facts.key(ActionId::Operations)
        ),
    ))
}

fn drain(facts: &Facts<'_>) -> Option<Duration> {
    drain_of(facts.model, facts.link, facts.pending, facts.now)
}

/// Until when an instance asked us to wait, in words.
pub fn throttled(instance: &InstanceState, now: Now) -> Option<String> {
    let (until, _) = instance.gate.as_ref()?;
    let left = until.since(now);
    (!left.is_zero()).then(|| format!("throttled, goes on in {}", countdown(left)))
}

pub fn forced_open(facts: &Facts<'_>) -> Option<Verdict> {
    let (instance, forced) = [facts.target, facts.source]
        .into_iter()
        .find_map(|one| Some((one, one.forced()?)))?;
    Some(care(
        "BREAKER FORCED OPEN".to_owned(),
        forced_words(facts.model, forced, facts.now),
        format!("Nothing is sent to {}.", place(&instance.name)),
        format!("{}, then l releases it.", facts.key(ActionId::Breaker)),
    ))
}

pub fn outcomes_unknown(facts: &Facts<'_>) -> Option<Verdict> {
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
            format!("{} Operations shows them.", facts.key(ActionId::Operations)),
        )
    })
}

pub fn left_behind(facts: &Facts<'_>) -> Option<Verdict> {
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
        format!(
            "{} Operations, {} goes on with it, {} takes it back.",
            facts.key(ActionId::Operations),
            facts.key(ActionId::Open),
            facts.key(ActionId::End)
        ),
    ))
}

pub fn repairing(facts: &Facts<'_>) -> Option<Verdict> {
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
        format!("{} Operations shows it.", facts.key(ActionId::Operations)),
    ))
}

pub fn degraded(facts: &Facts<'_>) -> Option<Verdict> {
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
        format!(
            "nothing to do; {} shows the breakers.",
            facts.key(ActionId::Breaker)
        ),
    ))
}
