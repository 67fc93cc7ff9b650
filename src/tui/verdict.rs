//! The verdict: what is worst, since when, whose fault, what it means, and the one next step. A table in the order of
//! `mockups.md`, "The verdict, worst first", as far as the console knows the facts; all that hold are found, the first
//! is shown. It draws nothing.

use std::time::Duration;

use super::action::ActionId;
use super::format::{count, of_them, span};
use super::model::Model;
use crate::domain::breaker::Forced;
use crate::domain::lag::{LinkCondition, time_to_drain};
use crate::domain::run::Backend;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::{InstanceState, LinkState, TableState, Tone};

mod bad;
mod calm;
mod care;
mod elsewhere;

pub use bad::answers;
use bad::{
    cut_off, engine_gone, hook_silent, link_fault, refused, source_down, target_down,
    writes_stopped,
};
use calm::{calm, not_compared};
use care::{
    customers_missing, degraded, forced_open, hook_failing, left_behind, outcomes_unknown,
    recovering, repairing, stalled_or_late,
};

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
    let tables = model.state.tables_of(link);
    let since = tables.map(|(_, table)| changed_since(model, link, table));
    model.state.pending(link) + since.sum::<usize>()
}

/// What changed in the source while the target can't be read, and so can't be compared.
pub fn changed_since(model: &Model, link: usize, table: &TableState) -> usize {
    let state = &model.state;
    let target = state.links.get(link);
    let target = target.and_then(|link| state.instances.get(link.target));
    let is_readable = target.is_none_or(InstanceState::is_readable);
    if is_readable { 0 } else { table.changed_since }
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
    let table: [fn(&Facts<'_>) -> Option<Verdict>; 18] = [
        engine_gone,
        writes_stopped,
        cut_off,
        target_down,
        hook_silent,
        refused,
        source_down,
        link_fault,
        hook_failing,
        customers_missing,
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
    if let Some(other) = elsewhere::elsewhere(&facts) {
        let milder = |one: &Verdict| elsewhere::weight(one) < elsewhere::weight(&other);
        let place = held.iter().position(milder).unwrap_or(held.len());
        held.insert(place, other);
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
    /// The key of an action.
    fn key(&self, action: ActionId) -> String {
        self.model.key(action)
    }

    /// An instance's name in capitals.
    fn loud(instance: &InstanceState) -> String {
        instance.name.to_uppercase()
    }

    fn since(&self, instance: &InstanceState) -> String {
        span(self.now.since(instance.since))
    }

    /// `98 records wait`; what was never compared is not known.
    fn waiting(&self) -> String {
        let mut tables = self.model.state.tables_of(self.model.link);
        if tables.any(|(_, table)| table.compared.is_none()) {
            return "What waits is not known yet".to_owned();
        }
        let verb = if self.pending == 1 { "waits" } else { "wait" };
        format!("{} {verb}", of_them(self.pending, "record"))
    }

    /// How the sync's last run went, where it failed.
    fn broken_run(&self) -> String {
        match &self.link.sync.last_run {
            Some(run) if run.failure.is_some() && self.link.sync.backend != Backend::BuiltIn => {
                format!(
                    " The {} sync run failed.",
                    self.model.zone.short(run.started, self.now.wall)
                )
            }
            Some(run) if run.failure.is_some() && run.total == 0 => format!(
                " The {} sync failed before it read anything.",
                self.model.zone.short(run.started, self.now.wall)
            ),
            Some(run) if run.failure.is_some() => format!(
                " The {} sync broke off, after {} of {}.",
                self.model.zone.short(run.started, self.now.wall),
                count(run.done),
                count(run.total)
            ),
            _ => String::new(),
        }
    }
}

/// How long until all that is pending is carried over, while a run does it.
pub fn drain_of(model: &Model, link: &LinkState, pending: usize, now: Now) -> Option<Duration> {
    let run = model.state.operation(link.sync.running?)?;
    let took = now.since(run.started?);
    time_to_drain(pending, run.progress.done(), took)
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
