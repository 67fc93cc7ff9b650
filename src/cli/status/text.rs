//! The status for people.

use chrono::{DateTime, Utc};

use super::verdict::Verdict;
use crate::cli::output::table;
use crate::cli::words::{duration, moment};
use crate::domain::breaker::{BreakerStatus, Phase};
use crate::domain::drift::{Drift, Flag};
use crate::domain::hook::{Answer, Called};
use crate::domain::network::Way;
use crate::domain::run;
use crate::domain::text::visible;
use crate::domain::time::age;
use crate::engine::State;
use crate::engine::state::{Alarm, HookState, InstanceState, LinkState, SyncState, TableState};

/// All of it.
pub fn report(state: &State, alarms: &[Alarm], way: &Way, verdict: &Verdict) -> String {
    let now = state.now.wall;
    let mut parts = vec![instances(state, way)];
    for (place, link) in state.links.iter().enumerate() {
        parts.push(link_line(state, place, link, now) + &tables(state, place, now));
    }
    parts.extend(state.hook.as_ref().map(|hook| hook_line(state, hook)));
    if !alarms.is_empty() {
        parts.push(alerts(state, alarms));
    }
    let reasons = if verdict.reasons.is_empty() {
        "as it should be".to_owned()
    } else {
        visible(&verdict.reasons.join("; ")).into_owned()
    };
    let seen = state.agent.as_ref().zip(state.told);
    let seen = seen.map_or_else(String::new, |(agent, at)| {
        let (who, host) = (visible(&agent.who), visible(&agent.host));
        format!(
            ", seen by agent {who}@{host} {} ago",
            duration(state.now.since(at))
        )
    });
    parts.push(format!("{reasons} (as of {}{seen})\n", moment(now)));
    parts.join("\n")
}

fn instances(state: &State, way: &Way) -> String {
    let heading = ["instance", "band", "health", "since", "breakers"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut notes = Vec::new();
    for instance in &state.instances {
        let since = duration(state.now.since(instance.since));
        let breakers = instance.breakers.iter();
        let breakers: Vec<String> = breakers
            .map(|breaker| breaker_words(state, breaker))
            .collect();
        rows.push(vec![
            visible(&instance.name).into_owned(),
            visible(&instance.band).into_owned(),
            instance.health.word().to_owned(),
            since,
            breakers.join(", "),
        ]);
        notes.extend(note(state, instance));
    }
    let mut text = table(&rows);
    for note in notes.into_iter().chain(way.said()) {
        text.push_str("  ");
        text.push_str(&visible(&note));
        text.push('\n');
    }
    text
}

/// The alerts that fire, as `tandem ack` names them, and who has them.
fn alerts(state: &State, alarms: &[Alarm]) -> String {
    let heading = ["alert", "since", "taken", "runbook"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(alarms.iter().map(|alarm| {
        let since = if alarm.was_seen_to_begin {
            format!("{} ago", duration(age(state.now.wall, alarm.since)))
        } else {
            "before this look".to_owned()
        };
        let taken = match state.taken_by(alarm, state.now.wall) {
            Some(taken) => format!("by {} until {}", taken.who, moment(taken.until)),
            None => "by nobody".to_owned(),
        };
        let runbook = alarm.runbook.as_deref().unwrap_or("-");
        let runbook = visible(runbook).into_owned();
        vec![
            crate::cli::incident::name(&alarm.key),
            since,
            taken,
            runbook,
        ]
    }));
    table(&rows)
}

/// A breaker in words, with the time of its next try.
pub fn breaker_words(state: &State, breaker: &BreakerStatus) -> String {
    let word = format!("{} {}", breaker.class.word(), breaker.phase.word());
    match &breaker.phase {
        Phase::Open { until } => {
            let left = until.mono.saturating_sub(state.now.mono);
            format!("{word}, next try in {}", duration(left))
        }
        Phase::Closed | Phase::HalfOpen { .. } | Phase::ForcedOpen(_) => word,
    }
}

/// What else must be known of an instance.
pub fn note(state: &State, instance: &InstanceState) -> Option<String> {
    let name = &instance.name;
    if let (Some((why, until)), Some(forced)) = (instance.maintenance(), instance.forced()) {
        let (until, by) = (moment(until), &forced.by);
        return Some(format!(
            "{name}: maintenance until {until}, announced by {by}: {why}"
        ));
    }
    if let Some(forced) = instance.forced() {
        let until = forced
            .until
            .map(|until| format!(" until {}", moment(until)));
        let until = until.unwrap_or_default();
        return Some(format!(
            "{name}: stopped by {}{until}: {}",
            forced.by, forced.reason
        ));
    }
    if let Some(refused) = &instance.refused {
        return Some(format!("{name}: refuses us: {refused}"));
    }
    if let Some((until, why)) = &instance.gate {
        let left = duration(until.mono.saturating_sub(state.now.mono));
        return Some(format!("{name}: asked us to wait {left}: {why}"));
    }
    if instance.is_readable() {
        return None;
    }
    let (at, error, _) = instance.last_error.as_ref()?;
    Some(format!(
        "{name}: {error} ({} ago)",
        duration(state.now.since(*at))
    ))
}

fn link_line(state: &State, place: usize, link: &LinkState, now: DateTime<Utc>) -> String {
    let name = |place: usize| {
        let instance = state.instances.get(place);
        instance.map_or("?", |instance| instance.name.as_str())
    };
    let mut parts = vec![format!(
        "{}: {} → {}, {}",
        link.name,
        name(link.source),
        name(link.target),
        state.condition(place, now).word()
    )];
    let pending = state.pending(place);
    if pending > 0 {
        parts.push(format!(
            "{pending} pending, lag {}",
            duration(state.lag(place, now))
        ));
    }
    let flagged = Flag::ALL.map(|flag| (flag, state.flagged_on(place, flag)));
    let flagged = flagged.into_iter().filter(|(_, count)| *count > 0);
    parts.extend(flagged.map(|(flag, count)| format!("of these {count} {flag}")));
    if let Some(success) = link.sync.last_success {
        parts.push(format!("last sync {} ago", duration(age(now, success))));
    }
    parts.extend(job(&link.sync, now));
    if let Some(due) = link.sync.next_due {
        parts.push(format!("next due {}", moment(due)));
    }
    if let Some(fault) = &link.fault {
        parts.push(format!("can't be used: {fault}"));
    }
    let warnings = link.warnings.iter();
    parts.extend(warnings.map(|warning| format!("warning: {warning}")));
    format!("{}\n", visible(&parts.join("; ")))
}

fn hook_line(state: &State, hook: &HookState) -> String {
    let health = &hook.health;
    let answer = match health.answer() {
        Answer::NotAsked => "not asked yet".to_owned(),
        Answer::Well => "answers".to_owned(),
        Answer::NotReady(why) => format!("answers and ensures nothing: {why}"),
        Answer::Silent(why) => format!("does not answer: {why}"),
    };
    let mut parts = vec![format!("hook: {answer}")];
    if let Some(since) = health.since() {
        parts.push(format!("for {}", duration(state.now.since(since))));
    }
    let link = state.links.get(hook.link);
    let target = link.and_then(|link| state.instances.get(link.target));
    let target = target.map_or("the target", |target| target.name.as_str());
    parts.push(match health.called() {
        Called::Yes => format!("{target} calls it"),
        Called::No => format!("{target} does not call it: tickets pass unensured"),
        Called::NotAsked | Called::NotKnown => format!("whether {target} calls it is not known"),
    });
    let share = health.lately();
    if share.calls > 0 {
        parts.push(format!(
            "{} of {} calls unensured lately",
            share.unensured, share.calls
        ));
    }
    format!("{}\n", visible(&parts.join("; ")))
}

/// How the job of a platform does, beyond when it last ended well.
fn job(sync: &SyncState, now: DateTime<Utc>) -> Option<String> {
    let backend = sync.backend;
    if let Some(why) = &sync.unlisted {
        return Some(format!("the runs of {backend} can't be listed: {why}"));
    }
    if let Some(why) = backend.why_unlisted() {
        return Some(why.to_owned());
    }
    let list = sync.list.as_ref()?;
    if let Some(run) = sync.under_way() {
        return Some(format!("run {} is {}", run.id, run.status.word()));
    }
    let run = run::last_ended(&list.runs)?;
    let ended = run
        .ended
        .map_or_else(String::new, |at| format!("{} ago ", duration(age(now, at))));
    run.bad_end()
        .map(|why| format!("run {} {ended}{why}", run.id))
}

fn tables(state: &State, place: usize, now: DateTime<Utc>) -> String {
    let mut heading = vec!["  table".to_owned()];
    let short = |drift: Drift| drift.word().trim_end_matches("-in-target").to_owned();
    heading.extend(Drift::ALL.map(short));
    heading.extend(["lag".to_owned(), "compared".to_owned()]);
    let mut rows = vec![heading];
    rows.extend(
        state
            .tables_of(place)
            .map(|(_, table)| row(state, table, now)),
    );
    table(&rows)
}

/// A table that was never compared has no figures: they are not known, which is not nothing.
fn row(state: &State, table: &TableState, now: DateTime<Utc>) -> Vec<String> {
    let mut cells = vec![format!("  {}", table.name)];
    let Some(compared) = table.compared else {
        cells.extend(Drift::ALL.map(|_| "?".to_owned()));
        let why = table.failure.as_deref().unwrap_or("not compared");
        cells.extend(["?".to_owned(), visible(why).into_owned()]);
        return cells;
    };
    cells.extend(Drift::ALL.map(|drift| table.counts.of(drift).to_string()));
    let lag = if table.counts.pending() > 0 {
        duration(table.lag(now))
    } else {
        "-".to_owned()
    };
    let mut when = vec![format!("{} ago", duration(state.now.since(compared)))];
    when.extend(
        table
            .failure
            .as_deref()
            .map(|failure| visible(failure).into_owned()),
    );
    if table.changed_since > 0 {
        when.push(format!("+{} changed since", table.changed_since));
    }
    cells.extend([lag, when.join("; ")]);
    cells
}
