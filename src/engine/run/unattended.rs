//! What an engine does of itself when nobody sits in front of it: it fills stubs as soon as their source answers, tries
//! a failed sync again before long, goes on with what earlier processes left behind, and catches up after maintenance.

use std::collections::HashMap;
use std::time::Duration;

use super::Run;
use crate::domain::drift::{Drift, Flag};
use crate::domain::operation::{OperationId, RecordKey, Request, Verb};
use crate::domain::time::Now;
use crate::engine::alerts;
use crate::engine::command::{Command, Consent, Target};
use crate::engine::event::Event;
use crate::engine::repair::Patience;
use crate::engine::state::InstanceState;

/// How often it is looked for stubs that can be filled.
const LOOK: Duration = Duration::from_secs(2);
/// A stub that could not be filled is tried again after this long, then twice as long each time, up to the cap; all are
/// as soon as their source answers again.
const STUB_AGAIN: Duration = Duration::from_secs(30);
const STUB_AGAIN_CAP: Duration = Duration::from_secs(3600);
/// A sync that failed is tried again after this long, then twice as long each time, up to the link's grace.
const SYNC_AGAIN: Duration = Duration::from_secs(5);

/// Filling the stubs of one link.
#[derive(Debug, Default)]
pub(super) struct Hydration {
    looked: Option<Now>,
    running: Option<OperationId>,
    /// Stubs that have been tried: how often, and when it is their turn again.
    tried: HashMap<RecordKey, (u32, Now)>,
}

impl Run {
    /// Watches for what alerts fire for, and sends those that are configured where nobody sits in front of it.
    pub(super) fn spawn_alerts(&mut self) {
        let watching = alerts::Watching {
            alerts: self.config.alerts.clone(),
            expiries: self.config.expiries.clone(),
            network: self.config.network.clone(),
            folder: self.config.state.clone(),
            delivers: self.options.is_unattended && !self.config.alerts.is_empty(),
            events: self.events.clone(),
        };
        let states = self.published.subscribe();
        let task = self.background.spawn(watching.run(states));
        self.looking.push(task);
    }

    /// Fills the stubs of a link whose instances can be read and written.
    pub(super) fn hydrate_when_due(&mut self, link: usize, at: Now) {
        if !self.options.is_unattended || !self.options.is_agent {
            return;
        }
        let is_back = self.is_readable(link);
        let is_idle = self.is_idle(link);
        let Some(work) = self.links.get_mut(link) else {
            return;
        };
        if is_back && !work.was_readable {
            work.hydration.tried.clear();
        }
        let looked = work.hydration.looked;
        if !is_idle || looked.is_some_and(|looked| at.since(looked) < LOOK) {
            return;
        }
        work.hydration.looked = Some(at);
        let stubs = self.stubs(link, at);
        if stubs.is_empty() {
            return;
        }
        let Some(name) = self.config.links.get(link).map(|link| link.name.clone()) else {
            return;
        };
        let request = Request {
            id: OperationId::new(),
            verb: Verb::Rehydrate,
            link: name,
            reason: "stubs whose source answers".to_owned(),
            choices: Vec::new(),
            retries: None,
            at_most: None,
            ticket: String::new(),
            who: "agent".to_owned(),
            asked: at.wall,
        };
        let id = request.id;
        let Some(repair) = self.repair(link, request.clone(), Patience::None, true) else {
            return;
        };
        if let Some(work) = self.links.get_mut(link) {
            work.hydration.running = Some(id);
            work.hydration.try_now(&stubs, at);
        }
        let command = Command::Repair {
            request,
            records: stubs.into_iter().map(Target::Record).collect(),
            consent: Consent::Named { may_wait: false },
        };
        self.spawn(link, repair, command);
    }

    /// Whether a link can be read and written, and no run of ours is under way on it.
    fn is_idle(&self, link: usize) -> bool {
        let state = self.writer.state();
        let Some(of_link) = state.links.get(link) else {
            return false;
        };
        let target = state.instances.get(of_link.target);
        let running = self.links.get(link).and_then(|work| work.hydration.running);
        let is_over = running.is_none_or(|running| !self.operations.contains_key(&running));
        self.is_readable(link)
            && target.is_some_and(InstanceState::is_writable)
            && of_link.sync.running.is_none()
            && is_over
    }

    /// The stubs of a link whose turn it is. What is fresh, parked or held by an operation is left alone.
    fn stubs(&mut self, link: usize, at: Now) -> Vec<RecordKey> {
        let state = self.writer.state();
        let Some(settle) = state.links.get(link).map(|link| link.schedule.settle) else {
            return Vec::new();
        };
        let tables: Vec<_> = state.tables_of(link).map(|(table, _)| table).collect();
        let records = state.records.iter().map(|(_, record)| record);
        let stubs = records.filter(|record| {
            record.drift == Drift::Stub
                && tables.contains(&record.key.table)
                && record.flag() != Some(Flag::Parked)
                && !record.is_in_flight(settle, at.wall)
        });
        let stubs: Vec<RecordKey> = stubs.map(|record| record.key).collect();
        match self.links.get_mut(link) {
            Some(work) => work.hydration.due(stubs, at),
            None => Vec::new(),
        }
    }

    /// A run that failed is not left until the whole grace has passed.
    pub(super) fn try_again_sooner(&self, event: &mut Event, at: Now) {
        let Event::SyncEnded {
            link,
            run,
            next_due: Some(next_due),
        } = event
        else {
            return;
        };
        let state = self.writer.state();
        let Some(link) = state
            .links
            .get(*link)
            .filter(|_| self.options.is_unattended)
        else {
            return;
        };
        if run.failure.is_some() {
            let wait = doubled(
                SYNC_AGAIN,
                link.sync.runs.failed_in_a_row,
                link.schedule.grace,
            );
            *next_due = (*next_due).min(at.after(wait).wall);
        }
    }

    /// Goes on with what other processes left behind, once it is known what became of it and its target may be written.
    pub(super) fn go_on_with_what_was_left(&mut self) {
        if !self.options.is_unattended || !self.options.is_agent {
            return;
        }
        let operations = self.writer.state().operations.iter();
        let left = operations.filter(|one| one.was_left_behind && !one.is_finished());
        let left: Vec<_> = left
            .map(|one| (one.request.id, one.request.link.clone()))
            .collect();
        for (operation, link) in left {
            let command = Command::Resume {
                operation,
                consent: Consent::Named { may_wait: true },
            };
            let mut links = self.config.links.iter();
            let Some(place) = links.position(|known| known.name == link) else {
                continue;
            };
            let consent = Consent::Named { may_wait: true };
            let is_in_hand = self.operations.contains_key(&operation);
            if !is_in_hand && self.why_not(place, consent, &command).is_none() {
                self.begin(command);
            }
        }
    }

    /// Makes a sync due once maintenance is over and the link can be read again.
    pub(super) fn catch_up(&mut self, link: usize, at: Now) {
        let is_in_maintenance = self.writer.state().is_in_maintenance(link);
        let is_over = self.is_readable(link);
        let Some(work) = self.links.get_mut(link) else {
            return;
        };
        let catches_up = work.was_in_maintenance && is_over;
        work.was_in_maintenance = is_in_maintenance || (work.was_in_maintenance && !is_over);
        if catches_up && self.options.is_agent {
            let due = Event::SyncDue {
                link,
                next_due: at.wall,
            };
            self.writer.apply(due, at);
        }
    }
}

impl Hydration {
    /// Those of the stubs whose turn it is; what is no stub any more is forgotten.
    fn due(&mut self, stubs: Vec<RecordKey>, at: Now) -> Vec<RecordKey> {
        let mut tried = HashMap::new();
        for key in &stubs {
            tried.extend(self.tried.remove_entry(key));
        }
        self.tried = tried;
        let waits = |key: &RecordKey| {
            let tried = self.tried.get(key);
            tried.is_some_and(|(_, again)| again.mono > at.mono)
        };
        stubs.into_iter().filter(|key| !waits(key)).collect()
    }

    fn try_now(&mut self, stubs: &[RecordKey], at: Now) {
        for key in stubs {
            let (times, again) = self.tried.entry(*key).or_insert((0, at));
            *again = at.after(doubled(STUB_AGAIN, *times, STUB_AGAIN_CAP));
            *times += 1;
        }
    }
}

/// Twice as long each time, up to a cap that is no shorter than the first wait.
fn doubled(first: Duration, times: u32, cap: Duration) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(cap.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::operation::TableIndex;
    use crate::domain::row::RowId;
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::ZERO,
            wall: DateTime::<Utc>::UNIX_EPOCH,
        }
        .after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_stub_that_can_not_be_filled_is_tried_ever_more_seldom() {
        let id = RowId::new(Uuid::from_u128(1)).unwrap_or_else(|| panic!("an id"));
        let table = TableIndex(0);
        let key = RecordKey { table, id };
        let mut hydration = Hydration::default();
        let mut turns = Vec::new();
        for second in 0..300 {
            if !hydration.due(vec![key], at(second)).is_empty() {
                turns.push(second);
                hydration.try_now(&[key], at(second));
            }
        }
        assert_eq!(turns, [0, 30, 90, 210]);
        assert!(hydration.due(Vec::new(), at(300)).is_empty());
        assert_eq!(
            hydration.due(vec![key], at(300)),
            [key],
            "forgotten once it was whole"
        );
    }

    #[test]
    fn waits_double_up_to_their_cap() {
        let grace = Duration::from_secs(30);
        let waits: Vec<u64> = (0..5)
            .map(|times| doubled(SYNC_AGAIN, times, grace).as_secs())
            .collect();
        assert_eq!(waits, [5, 10, 20, 30, 30]);
        assert_eq!(doubled(SYNC_AGAIN, 99, Duration::ZERO), SYNC_AGAIN);
    }
}
