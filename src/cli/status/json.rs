//! The status for scripts: one object, whose shape is stable. Fields may be added; what is not known is null.
//!
//! Moments are RFC 3339 in UTC, durations are seconds (`…_s`), and words are those of the design in lower case.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use super::verdict::Verdict;
use crate::cli::runs::Run;
use crate::cli::words::moment;
use crate::domain::breaker::{BreakerStatus, Phase};
use crate::domain::drift::{Drift, Flag};
use crate::domain::hook::{Answer, Called};
use crate::domain::network::Way;
use crate::engine::State;
use crate::engine::state::{Alarm, HookState, InstanceState, LinkState, TableState};

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    as_of: String,
    /// Whose eyes these are, where a living agent looks in this process's place.
    seen_by: Option<SeenBy>,
    exit: u8,
    needs_a_person: Vec<String>,
    network: Network,
    instances: Vec<Instance>,
    links: Vec<Link>,
    hook: Option<Hook>,
    /// The alerts that fire.
    alerts: Vec<Alert>,
    unfinished_operations: usize,
    unknown_outcomes: usize,
    journal_fault: Option<String>,
}

/// What stands between here and the instances, where it was configured.
#[derive(Debug, Serialize)]
struct Network {
    proxy: Option<String>,
    /// The files of authorities that are believed beside the system's.
    authorities: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct SeenBy {
    who: String,
    host: String,
    pid: u32,
    at: String,
}

#[derive(Debug, Serialize)]
struct Alert {
    rule: String,
    subject: String,
    when: &'static str,
    /// Null where it fired already when it was first looked at.
    since: Option<String>,
    text: String,
    runbook: Option<String>,
    taken: Option<Taken>,
}

#[derive(Debug, Serialize)]
struct Taken {
    by: String,
    until: String,
    note: String,
}

#[derive(Debug, Serialize)]
struct Hook {
    link: Option<String>,
    /// `well`, `not-ready` or `silent`; null while it has not been asked.
    answer: Option<&'static str>,
    since: Option<String>,
    why: Option<String>,
    /// Whether the target calls it; null where that is not known.
    called: Option<bool>,
    /// Its calls in the last five minutes of this process.
    calls: u64,
    unensured: u64,
}

#[derive(Debug, Serialize)]
struct Instance {
    name: String,
    band: String,
    url: String,
    is_target: bool,
    /// In whose name is written there, if not in our user's own.
    acting_for: Option<String>,
    /// Whether, of a source, the configuration lets its user be one that may write there.
    may_write: bool,
    health: String,
    since: String,
    answered: Option<String>,
    version: Option<String>,
    refused: Option<String>,
    error: Option<Error>,
    stopped: Option<Stopped>,
    /// The same, where it was planned: `reason` is then the plan's own.
    maintenance: Option<Stopped>,
    gate: Option<Gate>,
    breakers: Vec<Breaker>,
}

#[derive(Debug, Serialize)]
struct Error {
    at: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct Stopped {
    by: String,
    reason: String,
    until: Option<String>,
}

#[derive(Debug, Serialize)]
struct Gate {
    until: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct Breaker {
    class: &'static str,
    state: String,
    since: String,
    until: Option<String>,
    cause: Option<String>,
}

#[derive(Debug, Serialize)]
struct Link {
    name: String,
    source: Option<String>,
    target: Option<String>,
    condition: &'static str,
    pending: usize,
    lag_s: u64,
    last_success: Option<String>,
    next_due: Option<String>,
    backend: &'static str,
    runs_unlisted: Option<String>,
    last_run: Option<Run>,
    fault: Option<String>,
    warnings: Vec<String>,
    tables: Vec<Table>,
}

#[derive(Debug, Serialize)]
struct Table {
    name: String,
    compared: Option<String>,
    failure: Option<String>,
    changed_since: usize,
    pending: Option<usize>,
    lag_s: Option<u64>,
    counts: Option<Map<String, Value>>,
    flags: Option<Map<String, Value>>,
}

/// The status of a state.
pub fn report(state: &State, alarms: &[Alarm], way: &Way, verdict: &Verdict) -> Report {
    let operations = state.operations.iter();
    let links = state.links.iter().enumerate();
    Report {
        as_of: moment(state.now.wall),
        seen_by: state
            .agent
            .as_ref()
            .zip(state.told)
            .map(|(agent, at)| SeenBy {
                who: agent.who.clone(),
                host: agent.host.clone(),
                pid: agent.pid,
                at: moment(at.wall),
            }),
        exit: verdict.exit.code(),
        needs_a_person: verdict.reasons.clone(),
        network: Network {
            proxy: way.proxy.clone(),
            authorities: way.authorities.clone(),
        },
        instances: state
            .instances
            .iter()
            .map(|one| instance(one, way))
            .collect(),
        links: links.map(|(place, of)| link(state, place, of)).collect(),
        hook: state.hook.as_ref().map(|of| hook(state, of)),
        alerts: alarms.iter().map(|of| alert(state, of)).collect(),
        unfinished_operations: operations
            .filter(|operation| operation.was_left_behind && !operation.is_finished())
            .count(),
        unknown_outcomes: state.unknown_outcomes(),
        journal_fault: state.journal_fault.clone(),
    }
}

fn alert(state: &State, alarm: &Alarm) -> Alert {
    let taken = state.taken_by(alarm, state.now.wall);
    Alert {
        rule: alarm.key.rule.clone(),
        subject: alarm.key.subject.clone(),
        when: alarm.when.word(),
        since: alarm.was_seen_to_begin.then(|| moment(alarm.since)),
        text: alarm.text.clone(),
        runbook: alarm.runbook.clone(),
        taken: taken.map(|taken| Taken {
            by: taken.who.clone(),
            until: moment(taken.until),
            note: taken.text.clone(),
        }),
    }
}

fn hook(state: &State, hook: &HookState) -> Hook {
    let health = &hook.health;
    let (answer, why) = match health.answer() {
        Answer::NotAsked => (None, None),
        Answer::Well => (Some("well"), None),
        Answer::NotReady(why) => (Some("not-ready"), Some(why)),
        Answer::Silent(why) => (Some("silent"), Some(why)),
    };
    let share = health.lately();
    Hook {
        link: state.links.get(hook.link).map(|link| link.name.clone()),
        answer,
        since: health.since().map(|at| moment(at.wall)),
        why: why.cloned(),
        called: match health.called() {
            Called::Yes => Some(true),
            Called::No => Some(false),
            Called::NotAsked | Called::NotKnown => None,
        },
        calls: share.calls,
        unensured: share.unensured,
    }
}

fn instance(instance: &InstanceState, way: &Way) -> Instance {
    let acting = way.acting.iter().find(|(name, _)| *name == instance.name);
    Instance {
        name: instance.name.clone(),
        band: instance.band.clone(),
        url: instance.url.clone(),
        is_target: instance.is_target,
        acting_for: acting.map(|(_, whom)| whom.to_string()),
        may_write: way.may_write.contains(&instance.name),
        health: instance.health.word().to_lowercase(),
        since: moment(instance.since.wall),
        answered: instance.answered.map(|at| moment(at.wall)),
        version: instance.version.clone(),
        refused: instance.refused.clone(),
        error: instance.last_error.as_ref().map(|(at, text, _)| Error {
            at: moment(at.wall),
            text: text.clone(),
        }),
        stopped: instance.forced().map(|forced| Stopped {
            by: forced.by.clone(),
            reason: forced.reason.clone(),
            until: forced.until.map(moment),
        }),
        maintenance: instance.forced().and_then(|forced| {
            let (reason, until) = forced.planned()?;
            Some(Stopped {
                by: forced.by.clone(),
                reason: reason.to_owned(),
                until: Some(moment(until)),
            })
        }),
        gate: instance.gate.as_ref().map(|(until, why)| Gate {
            until: moment(until.wall),
            why: why.clone(),
        }),
        breakers: instance.breakers.iter().map(breaker).collect(),
    }
}

fn breaker(breaker: &BreakerStatus) -> Breaker {
    Breaker {
        class: breaker.class.word(),
        state: breaker.phase.word().to_lowercase(),
        since: moment(breaker.since.wall),
        until: match &breaker.phase {
            Phase::Open { until } => Some(moment(until.wall)),
            Phase::ForcedOpen(forced) => forced.until.map(moment),
            Phase::Closed | Phase::HalfOpen { .. } => None,
        },
        cause: breaker.cause.clone(),
    }
}

fn link(state: &State, place: usize, link: &LinkState) -> Link {
    let now = state.now.wall;
    let name = |place: usize| Some(state.instances.get(place)?.name.clone());
    Link {
        name: link.name.clone(),
        source: name(link.source),
        target: name(link.target),
        condition: state.condition(place, now).word(),
        pending: state.pending(place),
        lag_s: state.lag(place, now).as_secs(),
        last_success: link.sync.last_success.map(moment),
        next_due: link.sync.next_due.map(moment),
        backend: link.sync.backend.word(),
        runs_unlisted: link.sync.unlisted.clone(),
        last_run: link
            .sync
            .list
            .as_ref()
            .and_then(|list| list.runs.first())
            .map(Run::of),
        fault: link.fault.clone(),
        warnings: link.warnings.clone(),
        tables: state
            .tables_of(place)
            .map(|(_, of)| table(state, of))
            .collect(),
    }
}

fn table(state: &State, table: &TableState) -> Table {
    let known = table.compared.is_some();
    let drifts = || {
        let counts = Drift::ALL.map(|drift| (drift.word().to_owned(), table.counts.of(drift)));
        counts
            .into_iter()
            .map(|(word, count)| (word, count.into()))
            .collect()
    };
    let flags = || {
        let counts = Flag::ALL.map(|flag| (flag.word().to_owned(), table.flagged.of(flag)));
        counts
            .into_iter()
            .map(|(word, count)| (word, count.into()))
            .collect()
    };
    Table {
        name: table.name.to_string(),
        compared: table.compared.map(|at| moment(at.wall)),
        failure: table.failure.clone(),
        changed_since: table.changed_since,
        pending: known.then(|| table.counts.pending()),
        lag_s: known.then(|| table.lag(state.now.wall).as_secs()),
        counts: known.then(drifts),
        flags: known.then(flags),
    }
}
