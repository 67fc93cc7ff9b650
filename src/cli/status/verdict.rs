//! Whether all is as it should be, and if not, why not: the reasons behind the exit code, in words.

use std::time::Duration;

use crate::cli::exit::Exit;
use crate::cli::wait::is_lost;
use crate::cli::words;
use crate::domain::drift::{Drift, Flag};
use crate::domain::hook::Called;
use crate::domain::lag::LinkCondition;
use crate::engine::State;
use crate::engine::state::TableState;

/// The verdict on a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The code.
    pub exit: Exit,
    /// Why it is not good, worst first.
    pub reasons: Vec<String>,
}

impl Verdict {
    fn add(&mut self, exit: Exit, reason: String) {
        if self.exit == Exit::Good {
            self.exit = exit;
        }
        self.reasons.push(reason);
    }

    /// The same, when not everything could be read in time.
    #[must_use]
    pub fn unread(mut self, timeout: Duration) -> Self {
        if self.exit == Exit::Good {
            self.exit = Exit::Unreachable;
        }
        let after = words::duration(timeout);
        self.reasons
            .push(format!("not everything could be read within {after}"));
        self
    }
}

/// Judges a state. What is unreachable outweighs a configuration that does not fit, and that outweighs what waits for
/// a person.
pub fn of(state: &State) -> Verdict {
    let mut verdict = Verdict {
        exit: Exit::Good,
        reasons: Vec::new(),
    };
    for instance in state.instances.iter().filter(|instance| is_lost(instance)) {
        let reason = format!("{} is {}", instance.name, instance.health.word());
        verdict.add(Exit::Unreachable, reason);
    }
    hook(state, &mut verdict);
    for link in &state.links {
        if let Some(fault) = &link.fault {
            verdict.add(Exit::Usage, format!("{} can't be used: {fault}", link.name));
        }
    }
    for instance in &state.instances {
        if let Some((why, until)) = instance.maintenance() {
            // It was announced: said, and no alarm.
            let until = words::moment(until);
            let reason = format!("{} is in maintenance until {until}: {why}", instance.name);
            verdict.reasons.push(reason);
        } else if let Some(forced) = instance.forced() {
            let reason = format!(
                "{} is stopped by {}: {}",
                instance.name, forced.by, forced.reason
            );
            verdict.add(Exit::NeedsAPerson, reason);
        }
    }
    for (place, link) in state.links.iter().enumerate() {
        let condition = state.condition(place, state.now.wall);
        if matches!(condition, LinkCondition::Late | LinkCondition::Stalled) {
            let lag = words::duration(state.lag(place, state.now.wall));
            let pending = state.pending(place);
            let reason = format!(
                "{} is {}: {pending} pending, lag {lag}",
                link.name,
                condition.word()
            );
            verdict.add(Exit::NeedsAPerson, reason);
        }
    }
    for table in &state.tables {
        let Some(failure) = &table.failure else {
            continue;
        };
        let reason = format!("{} can't be compared: {failure}", table.name);
        if in_maintenance(state, table) {
            verdict.reasons.push(reason);
        } else {
            verdict.add(Exit::NeedsAPerson, reason);
        }
    }
    for drift in Drift::ALL
        .into_iter()
        .filter(|drift| drift.needs_a_person())
    {
        let count: usize = state
            .tables
            .iter()
            .map(|table| table.counts.of(drift))
            .sum();
        if count > 0 {
            // It waits for a person, but nothing gets worse meanwhile: said, and no alarm.
            verdict.reasons.push(format!("{count} {drift}"));
        }
    }
    for flag in Flag::ALL {
        let count = state.flagged(flag);
        if count > 0 {
            verdict.reasons.push(format!("{count} {flag}"));
        }
    }
    operations(state, &mut verdict);
    verdict
}

/// Whether a side of the table is in planned maintenance: that it can't be compared was announced too.
fn in_maintenance(state: &State, table: &TableState) -> bool {
    state.links.get(table.link).is_some_and(|link| {
        [link.source, link.target]
            .iter()
            .filter_map(|side| state.instances.get(*side))
            .any(|instance| instance.maintenance().is_some())
    })
}

fn hook(state: &State, verdict: &mut Verdict) {
    let Some(hook) = &state.hook else { return };
    if let Some(why) = hook.health.silence() {
        let refused = match hook.health.called() {
            Called::Yes => "every ticket is refused",
            _ => "every ticket is refused if it is registered",
        };
        let cure = "`tandem hook disable` lets them pass";
        let reason = format!("the hook does not answer ({why}): {refused}; {cure}");
        verdict.add(Exit::NeedsAPerson, reason);
    }
    let share = hook.health.lately();
    if share.is_failing() {
        let (unensured, calls) = (share.unensured, share.calls);
        let reason = format!("the hook did not ensure {unensured} of {calls} calls lately");
        verdict.add(Exit::NeedsAPerson, reason);
    }
}

fn operations(state: &State, verdict: &mut Verdict) {
    if let Some(fault) = &state.journal_fault {
        verdict.add(
            Exit::NeedsAPerson,
            format!("the journal can't be written: {fault}"),
        );
    }
    let unknown = state.unknown_outcomes();
    if unknown > 0 {
        let outcomes = words::count(unknown, "unknown outcome");
        verdict.add(Exit::NeedsAPerson, outcomes);
    }
    let left = state
        .operations
        .iter()
        .filter(|operation| operation.was_left_behind && !operation.is_finished())
        .count();
    if left > 0 {
        let what = words::count(left, "operation");
        verdict.add(
            Exit::NeedsAPerson,
            format!("{what} left unfinished by an earlier process"),
        );
    }
}
