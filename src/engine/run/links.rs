//! What goes on by itself: probes, the description of links, comparisons and scheduled syncs.

use std::sync::Arc;

use super::{Run, TRY_AGAIN};
use crate::domain::operation::{OperationId, RecordKey, Request, TableIndex, Verb};
use crate::domain::run::Backend;
use crate::domain::time::Now;
use crate::engine::event::Event;
use crate::engine::link::{Ends, LinkContext, NotReady, describe};
use crate::engine::probe::probe;
use crate::engine::reconcile::{End, compare_link};
use crate::engine::repair::{Patience, Repair};
use crate::engine::start::Client;
use crate::engine::state::InstanceState;
use crate::engine::sync::built_in;
use crate::engine::sync::built_in::{Freshness, Reach};

impl Run {
    pub(super) fn spawn_probes(&mut self) {
        for (instance, client) in self.clients.iter().enumerate() {
            let (reader, asked) = (client.reader.clone(), Arc::clone(&client.asked));
            let (every, events) = (self.config.policy.probe, self.events.clone());
            self.background
                .spawn(probe(instance, reader, every, asked, events));
        }
    }

    pub(super) fn spawn_describing(&mut self) {
        let mut first = 0u16;
        for (link, config) in self.config.links.iter().enumerate() {
            let index = TableIndex(first);
            first = first.saturating_add(u16::try_from(config.tables.len()).unwrap_or(u16::MAX));
            let (Some(ends), Some(agent)) = (self.ends(link, false), self.ends(link, true)) else {
                continue;
            };
            let (config, events) = (config.clone(), self.events.clone());
            self.background.spawn(async move {
                let result = loop {
                    match describe(link, index, &config, ends.clone(), agent.clone()).await {
                        Ok(context) => break Ok(Arc::new(context)),
                        Err(NotReady::Misfit(why)) => break Err(why),
                        Err(NotReady::Unreachable(failure)) => {
                            tracing::debug!(%failure, "the link's tables can't be read yet");
                            tokio::time::sleep(TRY_AGAIN).await;
                        }
                    }
                };
                // The engine is gone when this fails, and this task with it.
                let _ended = events.send(Event::Described { link, result }).await;
            });
        }
    }

    pub(super) fn ends(&self, link: usize, as_agent: bool) -> Option<Ends> {
        let config = self.config.links.get(link)?;
        let (source, target) = (
            self.clients.get(config.source)?,
            self.clients.get(config.target)?,
        );
        let reader = |client: &Client| {
            if as_agent {
                client.agent.clone()
            } else {
                client.reader.clone()
            }
        };
        Some(Ends {
            source: reader(source),
            target: reader(target).writer(),
        })
    }

    pub(super) fn described(&mut self, link: usize, context: &Arc<LinkContext>, at: Now) {
        for table in &context.tables {
            self.writer.apply(
                Event::Ruled {
                    table: table.index,
                    rules: Arc::clone(&table.rules),
                },
                at,
            );
        }
        if let Some(work) = self.links.get_mut(link) {
            work.context = Some(Arc::clone(context));
        }
        self.load_agreements();
        self.settle_left_behind();
        self.start_queued();
        self.compare_when_due(link, at);
    }

    /// What the journal knows of rows that tandem wrote goes to the links that are ready for it.
    pub(super) fn load_agreements(&mut self) {
        let Some(journal) = &self.journal else { return };
        for context in self.links.iter().filter_map(|work| work.context.clone()) {
            let (journal, link) = (journal.clone(), context.config.name.clone());
            self.background.spawn(async move {
                // Without it the drift of these records is a guess by the clock, and says so.
                let Ok(agreements) = journal.agreements(link).await else {
                    return;
                };
                for agreement in agreements {
                    if let (Some(table), Some(etag)) =
                        (context.table_named(&agreement.table), agreement.etag)
                    {
                        context.agreements.remember(
                            RecordKey {
                                table: table.index,
                                id: agreement.id,
                            },
                            etag,
                        );
                    }
                }
            });
        }
    }

    pub(super) fn compare_when_due(&mut self, link: usize, at: Now) {
        let every = self.config.policy.compare;
        let Some(work) = self.links.get(link) else {
            return;
        };
        let failed = self
            .writer
            .state()
            .tables_of(link)
            .any(|(_, table)| table.failure.is_some());
        let is_readable = self.is_readable(link);
        // A comparison that broke off is made good once both sides can be read again.
        let is_back = failed && is_readable && !work.was_readable;
        let is_due = work
            .compared
            .is_none_or(|compared| at.since(compared) >= every);
        if let Some(work) = self.links.get_mut(link) {
            work.was_readable = is_readable;
        }
        if (is_due || is_back) && self.options.compares {
            self.compare(link, at);
        }
    }

    pub(super) fn is_readable(&self, link: usize) -> bool {
        let state = self.writer.state();
        let Some(link) = state.links.get(link) else {
            return false;
        };
        [link.source, link.target].into_iter().all(|place| {
            state
                .instances
                .get(place)
                .is_some_and(InstanceState::is_readable)
        })
    }

    pub(super) fn compare(&mut self, link: usize, at: Now) {
        let Some(work) = self.links.get_mut(link) else {
            return;
        };
        let Some(context) = work.context.clone().filter(|_| !work.is_comparing) else {
            return;
        };
        work.is_comparing = true;
        work.compared = Some(at);
        let events = self.events.clone();
        let last: Vec<_> = self
            .writer
            .state()
            .tables_of(link)
            .map(|(_, table)| table.compared)
            .collect();
        self.background.spawn(async move {
            let ends = context.ends.clone();
            let compared = compare_link(Arc::clone(&context), ends.clone(), events.clone()).await;
            if compared.is_err_and(|broken| broken.end == End::Target) {
                // Pending is then a lower bound: what is known, and what changed in the source since.
                for (table, last) in context.tables.iter().zip(last) {
                    let Some(since) = last else { continue };
                    let rows = ends
                        .source
                        .count_changed_since(&table.source, since.wall)
                        .await;
                    if let Ok(rows) = rows {
                        let _ended = events
                            .send(Event::ChangedSince {
                                table: table.index,
                                rows,
                            })
                            .await;
                    }
                }
            }
            let _ended = events.send(Event::CompareEnded { link }).await;
        });
    }

    pub(super) fn sync_when_due(&mut self, link: usize, at: Now) {
        if !self.options.is_agent {
            return;
        }
        let Some(state) = self.writer.state().links.get(link) else {
            return;
        };
        if state.sync.backend != Backend::BuiltIn {
            return;
        }
        let is_due =
            state.sync.next_due.is_some_and(|due| at.wall >= due) && state.sync.running.is_none();
        let name = state.name.clone();
        if !is_due {
            return;
        }
        let request = Request {
            id: OperationId::new(),
            verb: Verb::Sync,
            link: name,
            reason: "scheduled".to_owned(),
            who: "agent".to_owned(),
            asked: at.wall,
        };
        if let Some(repair) = self.repair(link, request, Patience::None, true) {
            let freshness = Freshness::LeaveInFlight(repair.link.config.schedule.settle);
            self.spawn_sync(
                link,
                repair,
                Reach {
                    freshness,
                    limit: None,
                },
                at,
            );
        }
    }

    pub(super) fn spawn_sync(&mut self, link: usize, repair: Repair, reach: Reach, at: Now) {
        // Said at once, so that no second run begins before the first one's own word arrives.
        let started = Event::SyncStarted {
            link,
            operation: repair.request.id,
            who: repair.request.who.clone(),
        };
        self.writer.apply(started, at);
        self.operations
            .insert(repair.request.id, repair.ended.clone());
        let is_scheduled = self.options.is_agent;
        self.repairs
            .spawn(built_in::run(repair, reach, is_scheduled));
    }
}
