//! What other processes on the same state folder do: they stop instances, and one of them may be the agent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Run;
use crate::dataverse::now;
use crate::domain::breaker::Forced;
use crate::domain::operation::RecordKey;
use crate::domain::time::Now;
use crate::engine::event::Event;
use crate::engine::pace::beat;
use crate::journal::{AgentLock, Journal, RecoveredOperation};

/// An agent looks this often whether a process ended and left work behind.
const INHERIT: Duration = Duration::from_secs(5);
/// The same order may have been rounded on its way through the journal.
const ROUNDED: chrono::Duration = chrono::Duration::seconds(1);

impl Run {
    /// Looks every second whether another process stopped an instance or took an order back, and who the agent is.
    /// `known` are the orders that have been followed already.
    pub(super) fn spawn_watch_of_others(&mut self, journal: Journal, known: Vec<(String, Forced)>) {
        let instances = self.config.instances.iter();
        let names: Vec<String> = instances
            .map(|instance| instance.name.to_string())
            .collect();
        let mut known: HashMap<String, Forced> = known.into_iter().collect();
        let folder = (!self.options.is_unattended).then(|| self.config.state.clone());
        let inherits = self.options.is_unattended && self.options.is_agent;
        let (events, followed) = (self.events.clone(), self.followed());
        let noted = Arc::clone(&self.noted);
        self.background.spawn(async move {
            let mut agent = followed;
            let mut inherited = HashSet::new();
            let mut looked = Instant::now();
            let (mut version, mut told, mut is_untold) = (None, None, false);
            loop {
                let place = folder.clone();
                let holder = move || place.and_then(|folder| AgentLock::holder(&folder));
                let (written, seen) = journal.version_and(holder).await;
                if let Some(seen) = seen.filter(|seen| folder.is_some() && *seen != agent) {
                    agent.clone_from(&seen);
                    let _ended = events.send(Event::AgentSeen(seen)).await;
                }
                // What is handed over is seen at once; that a process has died is written nowhere.
                let written = written.ok();
                let is_new = written.is_none() || written != version;
                version = written;
                if is_new {
                    noted.notify_one();
                }
                let at = now().wall;
                let mut orders = known.values();
                let is_over = orders.any(|one| one.until.is_some_and(|until| until <= at));
                // A journal that can't be read says so where it is written.
                let forced = if is_new || is_over {
                    journal.forced(at).await.ok()
                } else {
                    None
                };
                if let Some(forced) = forced.map(HashMap::<_, _>::from_iter) {
                    for (instance, name) in names.iter().enumerate() {
                        if forced.get(name) != known.get(name) {
                            let forced = forced.get(name).cloned();
                            let event = Event::Ordered { instance, forced };
                            let _ended = events.send(event).await;
                        }
                    }
                    known = forced;
                }
                is_untold |= is_new;
                if is_untold && told.is_none_or(|told: Instant| told.elapsed() >= INHERIT) {
                    told = Some(Instant::now());
                    is_untold = false;
                    let _ended = events.send(Event::Written).await;
                }
                if inherits && (is_new || looked.elapsed() >= INHERIT) {
                    looked = Instant::now();
                    let left = journal.left_behind().await.unwrap_or_else(|error| {
                        tracing::warn!(%error, "what other processes left can't be read");
                        Vec::new()
                    });
                    for operation in left {
                        // What was handed over is nobody's until it is taken.
                        let id = operation.request.id;
                        let is_ours = !operation.handed_over
                            || journal.claim(id).await.is_ok_and(|claimed| claimed);
                        if is_ours && inherited.insert(id) {
                            let event = Event::LeftBehind(Box::new(operation));
                            let _ended = events.send(event).await;
                        }
                    }
                }
                beat().await;
            }
        });
    }

    /// Learns which records the target refused when other processes wrote them: they are left alone here, too.
    pub(super) fn learn_what_is_parked(&mut self) {
        let Some(journal) = self.journal.clone().filter(|_| self.follow.is_none()) else {
            return;
        };
        let links = self.links.iter().filter_map(|link| link.context.clone());
        let links: Vec<_> = links.collect();
        let events = self.events.clone();
        self.background.spawn(async move {
            for link in links {
                let refusals = journal.refusals(link.config.name.clone()).await;
                for refusal in refusals.unwrap_or_default() {
                    let Some(table) = link.table_named(&refusal.table) else {
                        continue;
                    };
                    let record = RecordKey {
                        table: table.index,
                        id: refusal.id,
                    };
                    let why = Arc::from(refusal.why);
                    if link.parked.learn(record, refusal.source, &why) {
                        let _ended = events.send(Event::Parked { record, why }).await;
                    }
                }
            }
        });
    }

    /// Takes over what a process left behind that ended while this one ran: a console that was closed, a command that
    /// was killed. What was found at the start is in hand already.
    pub(super) fn inherit(&mut self, operation: &RecoveredOperation, at: Now) {
        let id = operation.request.id;
        let known = self.writer.state().operation(id);
        if known.is_some_and(|known| known.was_left_behind) || self.operations.contains_key(&id) {
            return;
        }
        let is_agent = self.options.is_unattended && self.options.is_agent;
        if operation.handed_over && is_agent && self.take_handed_over(operation, at) {
            return;
        }
        // It was shown as another process's; now it is ours.
        self.writer
            .state_mut()
            .operations
            .retain(|known| known.request.id != id);
        self.show_left_behind(operation, at);
        self.left_behind.push(operation.clone());
        self.settle_left_behind();
    }

    /// Follows an order that stands in the journal; one of our own is followed already.
    pub(super) fn ordered(&mut self, instance: usize, forced: Option<&Forced>, at: Now) {
        let Some(client) = self.clients.get(instance) else {
            return;
        };
        let state = self.writer.state().instances.get(instance);
        let current = state.and_then(|instance| instance.forced());
        match (forced, current) {
            (Some(forced), current) if current.is_none_or(|current| !is_same(forced, current)) => {
                client.reader.force_open(forced, at);
            }
            // An order that ran out ends by itself.
            (None, Some(current)) if current.until.is_none_or(|until| until > at.wall) => {
                // It may have ended in this moment.
                let _released = client.reader.release("another process", at);
                client.asked.notify_one();
            }
            _ => {}
        }
    }
}

fn is_same(one: &Forced, other: &Forced) -> bool {
    let until = match (one.until, other.until) {
        (Some(one), Some(other)) => (one - other).abs() <= ROUNDED,
        (one, other) => one == other,
    };
    one.by == other.by && one.reason == other.reason && until
}
