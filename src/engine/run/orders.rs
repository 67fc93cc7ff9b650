//! What a person orders: arming, stopping, probing, looking. Operations are the business of [`super::operations`].

use std::time::Duration;

use super::Run;
use crate::dataverse::now;
use crate::domain::breaker::{Forced, Illegal};
use crate::domain::operation::RecordKey;
use crate::domain::time::Now;
use crate::engine::command::Command;
use crate::engine::event::Event;
use crate::engine::reconcile::look_one;
use crate::engine::start::Depth;
use crate::engine::state::{Lock, Tone};
use crate::journal::Entry;

impl Run {
    pub(super) fn command(&mut self, command: Command) {
        let at = now();
        match command {
            Command::Repair { .. }
            | Command::StartSync { .. }
            | Command::OrderRun { .. }
            | Command::Preview { .. }
            | Command::Resume { .. } => {
                self.begin(command);
            }
            Command::End { operation, who } => match self.operations.get(&operation) {
                Some(ended) => ended.end(&who),
                None => self.end_left_behind(operation, &who),
            },
            Command::Arm { reason, who, lasts } => self.arm(reason, who, lasts, at),
            Command::Lock { who } => {
                if let Lock::Armed { .. } = self.writer.state().lock {
                    self.writer.state_mut().lock = Lock::ReadOnly { may_arm: true };
                    self.writer
                        .note(None, format!("locked again by {who}"), Tone::Plain, at);
                }
            }
            Command::ProbeNow { instance } => self.probe_now(instance, at),
            Command::ForceOpen {
                instance,
                who,
                reason,
                until,
            } => {
                self.force_open(
                    instance,
                    Forced {
                        by: who,
                        reason,
                        until,
                    },
                    at,
                );
            }
            Command::Release { instance, who } => self.release(instance, &who, at),
            Command::ListRuns => self.watch_jobs(),
            Command::Compare => {
                for link in 0..self.links.len() {
                    self.compare(link, Depth::Changes, at);
                }
            }
            Command::Inspect(key) => self.inspect(key),
            Command::Explain(target) => self.explain(target),
        }
    }

    pub(super) fn arm(&mut self, reason: String, who: String, lasts: Duration, at: Now) {
        if self.options.read_only {
            self.writer.notice(
                None,
                "started with --read-only: writes can't be armed".to_owned(),
                Tone::Bad,
            );
            return;
        }
        let text = format!("armed for {} min by {who}: {reason}", lasts.as_secs() / 60);
        self.writer.state_mut().lock = Lock::Armed {
            who,
            reason,
            until: at.after(lasts),
        };
        self.writer.note(None, text, Tone::Care, at);
    }

    pub(super) fn probe_now(&mut self, instance: usize, at: Now) {
        let Some(client) = self.clients.get(instance) else {
            return;
        };
        match client.reader.probe_now(at) {
            Ok(()) | Err(Illegal::NotOpen) => client.asked.notify_one(),
            Err(illegal) => self
                .writer
                .notice(None, format!("not probed: {illegal}"), Tone::Care),
        }
    }

    pub(super) fn force_open(&mut self, instance: usize, forced: Forced, at: Now) {
        let (Some(client), Some(config)) = (
            self.clients.get(instance),
            self.config.instances.get(instance),
        ) else {
            return;
        };
        // Stopping comes first: an order to stop holds even where it can't be written down.
        client.reader.force_open(&forced, at);
        self.remember(Entry::Forced {
            instance: config.name.to_string(),
            forced,
            now: at,
        });
    }

    pub(super) fn release(&mut self, instance: usize, who: &str, at: Now) {
        let (Some(client), Some(config)) = (
            self.clients.get(instance),
            self.config.instances.get(instance),
        ) else {
            return;
        };
        match client.reader.release(who, at) {
            Ok(()) => {
                client.asked.notify_one();
                let entry = Entry::Released {
                    instance: config.name.to_string(),
                    by: who.to_owned(),
                    now: at,
                };
                self.remember(entry);
            }
            Err(illegal) => {
                self.writer
                    .notice(None, format!("not released: {illegal}"), Tone::Care);
            }
        }
    }

    pub(super) fn remember(&mut self, entry: Entry) {
        let Some(journal) = self.journal.clone() else {
            return;
        };
        let events = self.events.clone();
        self.repairs.spawn(async move {
            if let Err(error) = journal.append(vec![entry]).await {
                let _ended = events.send(Event::JournalFailed(error.to_string())).await;
            }
        });
    }

    pub(super) fn inspect(&mut self, key: RecordKey) {
        let Some(link) = self.writer.state().table(key.table).map(|table| table.link) else {
            return;
        };
        let Some(context) = self.links.get(link).and_then(|work| work.context.clone()) else {
            return;
        };
        let events = self.events.clone();
        self.background.spawn(async move {
            let Some(table) = context.table(key.table) else {
                return;
            };
            let event = match look_one(&context, table, &context.ends, key.id).await {
                Ok(looked) => {
                    table.read_apart.add(key.id);
                    Event::Looked(Box::new(looked))
                }
                Err(failure) => Event::Noticed {
                    operation: None,
                    text: format!("could not be read: {}", failure.summary()),
                    tone: Tone::Care,
                },
            };
            let _ended = events.send(event).await;
        });
    }
}
