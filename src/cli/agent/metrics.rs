//! A state as Prometheus reads it (text format 0.0.4). Labels are names of the configuration and words of the design:
//! as many series as there are instances, links and tables, and never one for a record.

use std::fmt::Write;

use crate::domain::breaker::{BreakerStatus, Phase};
use crate::domain::drift::{Drift, Flag};
use crate::domain::health::Health;
use crate::domain::hook::{Answer, Called};
use crate::domain::lag::LinkCondition;
use crate::domain::operation::Verb;
use crate::engine::State;
use crate::engine::state::{OperationState, Tally};

/// All figures of a state.
pub fn text(state: &State) -> String {
    let mut page = Page::default();
    page.family("tandem_build_info", "gauge", "The version that runs.");
    page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    page.family(
        "tandem_journal_writable",
        "gauge",
        "Whether the journal can be written; nothing is repaired without it.",
    );
    page.sample(&[], truth(state.journal_fault.is_none()));
    instances(&mut page, state);
    breakers(&mut page, state);
    links(&mut page, state);
    tables(&mut page, state);
    operations(&mut page, state);
    hook(&mut page, state);
    page.text
}

/// What has been written so far, and the family that samples belong to.
#[derive(Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        // Writing to a string does not fail.
        let _written = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(self.name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _written = write!(self.text, "{before}{label}=\"{}\"", escaped(text));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _written = writeln!(self.text, "{end} {value}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn truth(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

/// Counts beyond 2^53 lose their last digits, as in Prometheus itself.
#[expect(clippy::cast_precision_loss, reason = "the format knows floats only")]
fn count(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or(u64::MAX) as f64
}

/// A word of the design as a label.
fn label(word: &str) -> String {
    word.to_lowercase().replace(' ', "-")
}

/// The hook as the agent sees it; its own figures are at its own address.
fn hook(page: &mut Page, state: &State) {
    let Some(hook) = &state.hook else { return };
    let health = &hook.health;
    page.family(
        "tandem_hook_answers",
        "gauge",
        "Whether the hook answers and ensures.",
    );
    page.sample(&[], truth(*health.answer() == Answer::Well));
    page.family(
        "tandem_hook_silent",
        "gauge",
        "Whether the hook does not answer and the target calls it, or may: tickets are refused then.",
    );
    page.sample(&[], truth(health.silence().is_some()));
    if let Some(called) = match health.called() {
        Called::Yes => Some(true),
        Called::No => Some(false),
        Called::NotAsked | Called::NotKnown => None,
    } {
        page.family(
            "tandem_hook_called",
            "gauge",
            "Whether a step of the target calls the hook.",
        );
        page.sample(&[], truth(called));
    }
    let share = health.lately();
    page.family(
        "tandem_hook_recent_calls",
        "gauge",
        "Calls of the hook in the last five minutes, and how many of them it did not ensure.",
    );
    page.sample(&[("kind", "all")], count(share.calls));
    page.sample(&[("kind", "unensured")], count(share.unensured));
}

fn instances(page: &mut Page, state: &State) {
    let all = || state.instances.iter();
    page.family(
        "tandem_instance_health",
        "gauge",
        "1 for the health that an instance has.",
    );
    for instance in all() {
        for health in Health::ALL {
            let labels = [
                ("instance", instance.name.as_str()),
                ("health", &label(health.word())),
            ];
            page.sample(&labels, truth(instance.health == health));
        }
    }
    page.family(
        "tandem_instance_latency_seconds",
        "gauge",
        "Latency of the answers of the last five minutes.",
    );
    for instance in all() {
        let calls = &instance.calls;
        for (quantile, latency) in [("0.5", calls.p50), ("0.95", calls.p95)] {
            if let Some(latency) = latency {
                let labels = [("instance", instance.name.as_str()), ("quantile", quantile)];
                page.sample(&labels, latency.as_secs_f64());
            }
        }
    }
    page.family(
        "tandem_requests_total",
        "counter",
        "Requests by class and by what came of them.",
    );
    for instance in all() {
        for ((class, status), number) in &instance.traffic.requests {
            let labels = [
                ("instance", instance.name.as_str()),
                ("class", class.word()),
                ("status", status),
            ];
            page.sample(&labels, count(*number));
        }
    }
    page.family(
        "tandem_gate_seconds_total",
        "counter",
        "How long an instance had asked us to wait.",
    );
    for instance in all() {
        let gated = instance.traffic.gated.as_secs_f64();
        page.sample(&[("instance", &instance.name)], gated);
    }
}

/// The states of a breaker as labels.
const PHASES: [&str; 4] = ["closed", "open", "half-open", "forced-open"];

fn phase(breaker: &BreakerStatus) -> &'static str {
    match breaker.phase {
        Phase::Closed => "closed",
        Phase::Open { .. } => "open",
        Phase::HalfOpen { .. } => "half-open",
        Phase::ForcedOpen(_) => "forced-open",
    }
}

fn breakers(page: &mut Page, state: &State) {
    let all = || {
        let instances = state.instances.iter();
        instances.flat_map(|instance| {
            instance
                .breakers
                .iter()
                .map(move |breaker| (instance, breaker))
        })
    };
    page.family(
        "tandem_breaker_state",
        "gauge",
        "1 for the state that a breaker is in.",
    );
    for (instance, breaker) in all() {
        for word in PHASES {
            let labels = [
                ("instance", instance.name.as_str()),
                ("class", breaker.class.word()),
                ("state", word),
            ];
            page.sample(&labels, truth(phase(breaker) == word));
        }
    }
    page.family(
        "tandem_breaker_buffered_calls",
        "gauge",
        "Calls in a breaker's window.",
    );
    for (instance, breaker) in all() {
        let counts = breaker.counts;
        for (kind, number) in [
            ("ok", counts.ok),
            ("fail", counts.failed),
            ("slow", counts.slow),
            ("ignored", counts.ignored),
        ] {
            let labels = [
                ("instance", instance.name.as_str()),
                ("class", breaker.class.word()),
                ("kind", kind),
            ];
            page.sample(&labels, f64::from(number));
        }
    }
    page.family(
        "tandem_breaker_not_permitted_calls",
        "gauge",
        "Calls not sent since a breaker left the closed state.",
    );
    for (instance, breaker) in all() {
        let labels = [
            ("instance", instance.name.as_str()),
            ("class", breaker.class.word()),
        ];
        page.sample(&labels, count(breaker.not_sent));
    }
    page.family(
        "tandem_breaker_transitions_total",
        "counter",
        "Changes of a breaker's state.",
    );
    for instance in &state.instances {
        for ((class, from, to), number) in &instance.traffic.transitions {
            let (from, to) = (label(from), label(to));
            let labels = [
                ("instance", instance.name.as_str()),
                ("class", class.word()),
                ("from", &from),
                ("to", &to),
            ];
            page.sample(&labels, count(*number));
        }
    }
    page.family(
        "tandem_breaker_open_seconds_total",
        "counter",
        "How long a breaker has not been closed.",
    );
    for instance in &state.instances {
        for (class, open) in &instance.traffic.open {
            let labels = [
                ("instance", instance.name.as_str()),
                ("class", class.word()),
            ];
            page.sample(&labels, open.as_secs_f64());
        }
    }
}

fn links(page: &mut Page, state: &State) {
    let now = state.now.wall;
    page.family(
        "tandem_link_condition",
        "gauge",
        "1 for the condition that a link is in.",
    );
    for (place, link) in state.links.iter().enumerate() {
        let is = state.condition(place, now);
        for condition in LinkCondition::ALL {
            let labels = [
                ("link", link.name.as_str()),
                ("condition", &label(condition.word())),
            ];
            page.sample(&labels, truth(is == condition));
        }
    }
    page.family(
        "tandem_sync_running",
        "gauge",
        "Whether a run of a link's sync is under way.",
    );
    for link in &state.links {
        page.sample(&[("link", &link.name)], truth(link.sync.running.is_some()));
    }
    page.family(
        "tandem_sync_failed_runs",
        "gauge",
        "Runs that failed since the last good one.",
    );
    for link in &state.links {
        let failed = f64::from(link.sync.runs.failed_in_a_row);
        page.sample(&[("link", &link.name)], failed);
    }
    let moments: [(_, _, fn(&crate::engine::state::SyncState) -> _); 2] = [
        (
            "tandem_sync_last_success_timestamp_seconds",
            "When a run last ended without a failure.",
            |sync| sync.last_success,
        ),
        (
            "tandem_sync_next_timestamp_seconds",
            "When the next run is due.",
            |sync| sync.next_due,
        ),
    ];
    for (name, help, of) in moments {
        page.family(name, "gauge", help);
        for link in &state.links {
            if let Some(at) = of(&link.sync) {
                page.sample(&[("link", &link.name)], count(at.timestamp()));
            }
        }
    }
}

/// Figures of tables that have not been compared yet are left out: what is not known is not nothing.
fn tables(page: &mut Page, state: &State) {
    let known = || {
        let tables = state.tables.iter().filter(|table| table.compared.is_some());
        tables.filter_map(|table| Some((state.links.get(table.link)?.name.as_str(), table)))
    };
    page.family(
        "tandem_lag_seconds",
        "gauge",
        "The age of the oldest pending record.",
    );
    for (link, table) in known() {
        let lag = table.lag(state.now.wall).as_secs_f64();
        page.sample(&[("link", link), ("table", table.name.as_str())], lag);
    }
    page.family(
        "tandem_pending_records",
        "gauge",
        "Records that a sync would change.",
    );
    for (link, table) in known() {
        let pending = count(table.counts.pending());
        page.sample(&[("link", link), ("table", table.name.as_str())], pending);
    }
    page.family("tandem_records", "gauge", "Records by drift.");
    for (link, table) in known() {
        for drift in Drift::ALL {
            let labels = [
                ("link", link),
                ("table", table.name.as_str()),
                ("drift", drift.word()),
            ];
            page.sample(&labels, count(table.counts.of(drift)));
        }
    }
    page.family(
        "tandem_flagged_records",
        "gauge",
        "Pending records that no run that is due would change, by why.",
    );
    for (link, table) in known() {
        for flag in Flag::ALL {
            let labels = [
                ("link", link),
                ("table", table.name.as_str()),
                ("flag", flag.word()),
            ];
            page.sample(&labels, count(table.flagged.of(flag)));
        }
    }
    page.family(
        "tandem_compared_timestamp_seconds",
        "gauge",
        "When a table was last brought up to date.",
    );
    for (link, table) in known() {
        if let Some(at) = table.compared {
            let labels = [("link", link), ("table", table.name.as_str())];
            page.sample(&labels, count(at.wall.timestamp()));
        }
    }
}

fn operations(page: &mut Page, state: &State) {
    let of = |verb: Verb| {
        state
            .operations
            .iter()
            .filter(move |operation| operation.request.verb == verb)
    };
    page.family(
        "tandem_operations",
        "gauge",
        "Operations that the journal remembers, by how they stand.",
    );
    for verb in Verb::ALL {
        for standing in ["running", "waiting", "left-behind", "finished", "cut-short"] {
            let number = of(verb)
                .filter(|operation| stands(operation) == standing)
                .count();
            page.sample(&[("verb", verb.word()), ("state", standing)], count(number));
        }
    }
    page.family(
        "tandem_operation_records",
        "gauge",
        "Records of those operations, by outcome.",
    );
    for verb in Verb::ALL {
        for (outcome, number) in OUTCOMES {
            let sum: usize = of(verb).map(|operation| number(&operation.progress)).sum();
            page.sample(&[("verb", verb.word()), ("outcome", outcome)], count(sum));
        }
    }
    page.family(
        "tandem_unknown_outcomes",
        "gauge",
        "Records whose outcome is not known yet.",
    );
    page.sample(&[], count(state.unknown_outcomes()));
}

fn stands(operation: &OperationState) -> &'static str {
    match &operation.finished {
        Some(end) if end.cut_short.is_some() => "cut-short",
        Some(_) => "finished",
        None if operation.was_left_behind => "left-behind",
        None if operation.waiting.is_some() => "waiting",
        None => "running",
    }
}

type Place = fn(&Tally) -> usize;

/// Every outcome with the place of its count.
const OUTCOMES: [(&str, Place); 10] = [
    ("accepted", |tally| tally.accepted),
    ("intended", |tally| tally.intended),
    ("applied", |tally| tally.applied),
    ("verified", |tally| tally.verified),
    ("altered", |tally| tally.altered),
    ("unchanged", |tally| tally.unchanged),
    ("held", |tally| tally.held),
    ("refused", |tally| tally.refused),
    ("unknown", |tally| tally.unknown),
    ("abandoned", |tally| tally.abandoned),
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::fixture::{out_of_step, well};
    use crate::domain::breaker::Class;

    #[test]
    fn a_state_becomes_figures() {
        let mut state = out_of_step();
        let traffic = &mut state.instances[1].traffic;
        traffic.requests.insert((Class::Write, "503".to_owned()), 7);
        traffic
            .transitions
            .insert((Class::Read, "closed", "FORCED OPEN"), 2);
        traffic.gated = Duration::from_millis(1500);
        let text = text(&state);
        for line in [
            "# TYPE tandem_instance_health gauge",
            "tandem_instance_health{instance=\"europe\",health=\"healthy\"} 1",
            "tandem_instance_health{instance=\"europe\",health=\"cut-off\"} 0",
            "tandem_requests_total{instance=\"europe\",class=\"write\",status=\"503\"} 7",
            "tandem_breaker_transitions_total{instance=\"europe\",class=\"read\",from=\"closed\",to=\"forced-open\"} 2",
            "tandem_breaker_state{instance=\"us\",class=\"read\",state=\"closed\"} 1",
            "tandem_gate_seconds_total{instance=\"europe\"} 1.5",
            "tandem_records{link=\"us-europe\",table=\"account\",drift=\"missing\"} 1",
            "tandem_pending_records{link=\"us-europe\",table=\"account\"} 2",
            "tandem_lag_seconds{link=\"us-europe\",table=\"account\"} 60",
            "tandem_unknown_outcomes 0",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut state = well();
        state.tables[0].compared = None;
        assert!(!text(&state).contains("table=\"account\""));
    }

    #[test]
    fn no_label_breaks_out_of_its_quotes() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
