//! The verdicts that want a hand: something is down, refused or stopped.

use super::care::throttled;
use super::{Facts, Verdict, bad};
use crate::domain::failure::Origin;
use crate::domain::health::Health;
use crate::domain::hook::Called;
use crate::domain::text::visible;
use crate::engine::state::{InstanceState, Tone};
use crate::tui::action::ActionId;
use crate::tui::format::{name, place, span};
use crate::tui::view::probe_words;

pub fn engine_gone(facts: &Facts<'_>) -> Option<Verdict> {
    facts.model.engine_gone.then(|| {
        bad(
            "TANDEM'S ENGINE HAS ENDED".to_owned(),
            "all figures are as of then".to_owned(),
            "Nothing is watched or repaired any more.".to_owned(),
            format!(
                "{} quits; start tandem again, the log in the state folder tells why.",
                facts.key(ActionId::Quit)
            ),
        )
    })
}

pub fn writes_stopped(facts: &Facts<'_>) -> Option<Verdict> {
    let fault = facts.model.state.journal_fault.as_ref()?;
    Some(bad(
        "WRITES ARE STOPPED".to_owned(),
        visible(fault).into_owned(),
        "Nothing can be repaired; reading goes on.".to_owned(),
        "make room for the journal, then start tandem again.".to_owned(),
    ))
}

pub fn cut_off(facts: &Facts<'_>) -> Option<Verdict> {
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

pub fn target_down(facts: &Facts<'_>) -> Option<Verdict> {
    down(
        facts,
        (facts.target, facts.source),
        format!(
            "Tickets cannot be created. {}.{}",
            facts.waiting(),
            facts.broken_run()
        ),
    )
}

pub fn hook_silent(facts: &Facts<'_>) -> Option<Verdict> {
    let state = &facts.model.state;
    let hook = state.hook.as_ref();
    let hook = hook.filter(|hook| hook.link == facts.model.link)?;
    let why = hook.health.silence()?;
    let since = hook.health.since()?;
    let place = place(&facts.target.name);
    let effect = match hook.health.called() {
        Called::Yes => format!("Every ticket in {place} is refused."),
        _ => format!("Every ticket in {place} is refused, if the hook is registered there."),
    };
    Some(bad(
        format!("THE HOOK DOES NOT ANSWER {}", span(facts.now.since(since))),
        visible(why).into_owned(),
        effect,
        format!(
            "start it again, or {} h takes it out: tickets pass.",
            facts.key(ActionId::Breaker)
        ),
    ))
}

pub fn source_down(facts: &Facts<'_>) -> Option<Verdict> {
    down(
        facts,
        (facts.source, facts.target),
        "Nothing can be filled, and what is pending is not known.".to_owned(),
    )
}

fn down(
    facts: &Facts<'_>,
    (instance, other): (&InstanceState, &InstanceState),
    effect: String,
) -> Option<Verdict> {
    if instance.health != Health::Down {
        return None;
    }
    let name = name(&instance.name);
    if answers_again(instance) {
        return Some(coming_back(facts, instance));
    }
    let cause = match &instance.last_error {
        Some((_, cause, Origin::Remote)) => {
            format!("{} from {name}; our network is fine", visible(cause))
        }
        Some((_, cause, Origin::Local)) if answers(other) => format!(
            "{}; {} answers on the same network",
            visible(cause),
            place(&other.name)
        ),
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
        next(facts, &name),
    ))
}

/// Whether what is called down has answered since its last error: nothing is sent there until its breaker has tried it out.
fn answers_again(instance: &InstanceState) -> bool {
    let failed = instance.last_error.as_ref().map(|(at, _, _)| at.mono);
    let answered = instance.answered.map(|at| at.mono);
    failed.is_some() && answered > failed
}

/// Down by its breaker alone: it answers, and has not been answered to yet.
fn coming_back(facts: &Facts<'_>, instance: &InstanceState) -> Verdict {
    let cause = match throttled(instance, facts.now) {
        Some(throttled) => format!("it answers again; {throttled}"),
        None => "it answers again, and is being tried out".to_owned(),
    };
    let probe = probe_words(instance, facts.now);
    let probe = probe.map_or_else(String::new, |probe| format!(", probe {probe}"));
    bad(
        format!(
            "{} IS DOWN {}",
            Facts::loud(instance),
            facts.since(instance)
        ),
        cause,
        format!(
            "Nothing is sent there yet. {}.{}",
            facts.waiting(),
            facts.broken_run()
        ),
        format!("nothing to do: calls go on once it has answered well{probe}."),
    )
}

/// What there is to do while an instance is down: nothing there, and the rest for those who wait.
fn next(facts: &Facts<'_>, name: &str) -> String {
    let state = &facts.model.state;
    let mut alarms = state.alarms.iter();
    let copy = facts.key(ActionId::CopyStatus);
    if alarms.any(|alarm| state.taken_by(alarm, facts.now.wall).is_none()) {
        let take = facts.key(ActionId::Take);
        format!("{take} take it, {copy} copy status for others. Nothing to mend until it answers.")
    } else {
        format!("{copy} copies the status for others. Nothing to mend until {name} answers.")
    }
}

/// Whether an instance answers, however badly.
pub fn answers(instance: &InstanceState) -> bool {
    matches!(
        instance.health,
        Health::Healthy | Health::Degraded | Health::Throttled
    )
}

pub fn refused(facts: &Facts<'_>) -> Option<Verdict> {
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

pub fn link_fault(facts: &Facts<'_>) -> Option<Verdict> {
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
