//! What a person orders: arming, stopping, probing, looking. Operations are the business of [`super::operations`].

use std::collections::BTreeMap;
use std::time::Duration;

use super::Run;
use crate::dataverse::now;
use crate::domain::breaker::{Forced, Illegal};
use crate::domain::operation::{OperationId, RecordKey, TableIndex, Verb};
use crate::domain::row::RowId;
use crate::domain::time::Now;
use crate::engine::command::Command;
use crate::engine::event::Event;
use crate::engine::reconcile::{self, look_many, look_one};
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
            Command::End { operation, who } => {
                if let Some(ended) = self.operations.get(&operation) {
                    ended.end(&who);
                } else if !self.hand_over_to(operation, Verb::End, &who) {
                    self.end_left_behind(operation, &who);
                }
            }
            Command::Pause { operation, who } => self.pause(operation, &who, at),
            Command::Note { who, text } => self.put_down(who, &text, at),
            Command::Take {
                alerts,
                who,
                text,
                lasts,
            } => self.take_alerts(alerts, &who, &text, lasts, at),
            Command::Arm { reason, who, lasts } => self.arm(reason, who, lasts, at),
            Command::Lock { who } => {
                if let Lock::Armed { .. } = self.writer.state().lock {
                    self.writer.state_mut().lock = Lock::ReadOnly { may_arm: true };
                    self.writer
                        .note(None, format!("locked again by {who}"), Tone::Plain, at);
                }
            }
            Command::ProbeNow { .. } | Command::ForceOpen { .. } | Command::Release { .. }
                if let Some(why) = self.options.operator.why_no_stop() =>
            {
                self.writer.notice(None, why.to_owned(), Tone::Bad);
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
            Command::ListRuns if self.follow.is_some() => {}
            Command::ListRuns => self.watch_jobs(),
            Command::Compare if self.follow.is_some() => {
                let text = "the agent probes and compares: what it sees is shown".to_owned();
                self.writer.notice(None, text, Tone::Plain);
            }
            Command::Compare => {
                for work in &mut self.links {
                    work.asked_again = work.is_comparing;
                }
                for link in 0..self.links.len() {
                    self.compare(link, Depth::Changes, at);
                }
            }
            Command::Inspect(key) => self.inspect(vec![key]),
            Command::Read(keys) => self.inspect(keys),
            Command::Explain(target) => self.explain(target),
        }
    }

    /// Pauses an operation that runs here, or has the agent pause it.
    pub(super) fn pause(&mut self, operation: OperationId, who: &str, at: Now) {
        let Some(reins) = self.operations.get(&operation) else {
            if !self.hand_over_to(operation, Verb::Pause, who) {
                let why = "not paused: nothing of it is under way here".to_owned();
                self.writer.notice(Some(operation), why, Tone::Care);
            }
            return;
        };
        if let Some(why) = reins.pause(who) {
            let text = format!("a repair is paused {why}");
            self.writer.note(None, text, Tone::Care, at);
            let why = Some(why);
            self.writer.apply(Event::Paused { operation, why }, at);
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

    /// Reads records on both sides, for a person. Beside an agent nothing was read before, and the links may not even be
    /// described: that is made good first.
    pub(super) fn inspect(&mut self, keys: Vec<RecordKey>) {
        let mut by_table: BTreeMap<TableIndex, Vec<RowId>> = BTreeMap::new();
        for key in keys {
            by_table.entry(key.table).or_default().push(key.id);
        }
        for (table, ids) in by_table {
            let Some(link) = self.writer.state().table(table).map(|table| table.link) else {
                continue;
            };
            let Some(context) = self.links.get(link).and_then(|work| work.context.clone()) else {
                if self.follow.is_some() {
                    self.describe_links();
                    let keys = ids.into_iter().map(|id| RecordKey { table, id });
                    self.queued.push_back(Command::Read(keys.collect()));
                }
                continue;
            };
            let (events, follows) = (self.events.clone(), self.follow.is_some());
            self.background.spawn(async move {
                let Some(table) = context.table(table) else {
                    return;
                };
                if follows {
                    reconcile::know_again(&context, table).await;
                }
                let looked = match ids.as_slice() {
                    [only] => look_one(&context, table, &context.ends, *only)
                        .await
                        .map(|looked| vec![looked]),
                    _ => look_many(&context, table, &context.ends, &ids).await,
                };
                let told = match looked {
                    Ok(looked) => {
                        for id in &ids {
                            table.read_apart.add(*id);
                        }
                        let looked = looked.into_iter();
                        looked
                            .map(|looked| Event::Looked(Box::new(looked)))
                            .collect()
                    }
                    Err(failure) => vec![Event::Noticed {
                        operation: None,
                        text: format!("could not be read: {}", failure.summary()),
                        tone: Tone::Care,
                    }],
                };
                for event in told {
                    let _ended = events.send(event).await;
                }
            });
        }
    }
}
