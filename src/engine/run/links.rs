//! What goes on by itself: probes, the description of links, comparisons and scheduled syncs.

use std::sync::Arc;

use super::{Run, TRY_AGAIN};
use crate::domain::operation::{OperationId, RecordKey, Request, TableIndex, Verb};
use crate::domain::run::Backend;
use crate::domain::table::TableName;
use crate::domain::time::{Now, age};
use crate::engine::State;
use crate::engine::event::Event;
use crate::engine::evidence::Agreement;
use crate::engine::hooked::{self, HookClient};
use crate::engine::impact;
use crate::engine::least::OnlyRead;
use crate::engine::link::{Ends, LinkContext, NotReady, describe};
use crate::engine::probe::probe;
use crate::engine::reading::End;
use crate::engine::reconcile::{Comparing, Interruption};
use crate::engine::repair::{Patience, Repair};
use crate::engine::start::{Client, Depth};
use crate::engine::state::InstanceState;
use crate::engine::sync::built_in;
use crate::engine::sync::built_in::Freshness;
use crate::journal::Journal;

/// How often it is asked who ensures customers, while some are missing.
const ENSURING: std::time::Duration = std::time::Duration::from_secs(60);

impl Run {
    pub(super) fn spawn_probes(&mut self) {
        let policies = self.config.instances.iter();
        let policies = policies.map(|instance| self.config.policy_of(instance));
        for (instance, (client, policy)) in self.clients.iter().zip(policies).enumerate() {
            let (reader, asked) = (client.reader.clone(), Arc::clone(&client.asked));
            let (every, events) = (policy.probe, self.events.clone());
            let task = self
                .background
                .spawn(probe(instance, reader, every, asked, events));
            self.looking.push(task);
        }
    }

    /// Asks the hook how it is with every probe, where one is configured.
    pub(super) fn spawn_hook_watch(&mut self) {
        let Some((hook, configured)) = HookClient::of(&self.config) else {
            return;
        };
        let link = self.config.links.get(configured.link);
        let Some(target) = link.and_then(|link| self.clients.get(link.target)) else {
            return;
        };
        // With every probe of the target.
        let instance = link.and_then(|link| self.config.instances.get(link.target));
        let policy = instance.map_or(&self.config.policy, |one| self.config.policy_of(one));
        let (target, every) = (target.reader.clone(), policy.probe);
        let events = self.events.clone();
        let task = self
            .background
            .spawn(hooked::watch(hook, target, every, events));
        self.looking.push(task);
    }

    /// Has the links described that are not, and are not being.
    pub(super) fn describe_links(&mut self) {
        let mut first = 0u16;
        for (link, config) in self.config.links.iter().enumerate() {
            let index = TableIndex(first);
            first = first.saturating_add(u16::try_from(config.tables.len()).unwrap_or(u16::MAX));
            let (Some(ends), Some(agent)) = (self.ends(link, false), self.ends(link, true)) else {
                continue;
            };
            let work = self.links.get_mut(link);
            if work.is_none_or(|work| std::mem::replace(&mut work.is_being_described, true)) {
                continue;
            }
            let hook = self.clients.get(config.target);
            let hook = hook.and_then(|client| client.hook.clone());
            let only_read = OnlyRead::of(&self.config, link);
            let (config, events) = (config.clone(), self.events.clone());
            self.background.spawn(async move {
                let result = loop {
                    let (ends, agent, hook) = (ends.clone(), agent.clone(), hook.clone());
                    let users = [ends.source.clone(), agent.source.clone()];
                    let described = async {
                        if let Some(only_read) = &only_read {
                            only_read.check(users.each_ref()).await?;
                        }
                        describe(link, index, &config, ends, agent, hook).await
                    };
                    match described.await {
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

    /// Finds out who ensures the customers of each link's tickets: once its tables are known, and again while some of
    /// them are missing.
    pub(super) fn spawn_watch_of_ensuring(&mut self) {
        for (link, of) in self.config.links.iter().enumerate() {
            let Some(target) = self.clients.get(of.target) else {
                continue;
            };
            let (target, config) = (target.reader.clone(), self.config.clone());
            let (events, mut states) = (self.events.clone(), self.published.subscribe());
            let task = self.background.spawn(async move {
                loop {
                    let wants = |state: &Arc<State>| {
                        let mut tables = state.tables_of(link);
                        let is_known = state
                            .links
                            .get(link)
                            .is_some_and(|one| one.ensuring.is_some());
                        let is_compared = tables.all(|(_, table)| table.compared.is_some());
                        is_compared && (!is_known || state.missing_customers(link) > 0)
                    };
                    if states.wait_for(wants).await.is_err() {
                        return;
                    }
                    match impact::ensuring(&config, link, &target).await {
                        Ok(ensuring) => {
                            let told = events.send(Event::Ensured { link, ensuring }).await;
                            if told.is_err() {
                                return;
                            }
                        }
                        Err(why) => tracing::debug!(why, "who ensures customers is not known"),
                    }
                    tokio::time::sleep(ENSURING).await;
                }
            });
            self.looking.push(task);
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
        self.lend_index();
        self.load_agreements();
        self.settle_left_behind();
        self.start_queued();
        self.compare_when_due(link, at);
    }

    /// What an operation has written is looked at before long: who sits beside an agent sees records as they were when
    /// they were last compared.
    pub(super) fn look_after(&mut self, operation: OperationId) {
        let known = self.writer.state().operation(operation);
        let wrote = known.filter(|known| known.progress.verified + known.progress.altered > 0);
        let name = wrote.map(|known| known.request.link.clone());
        let mut links = self.config.links.iter();
        let place = name.and_then(|name| links.position(|link| link.name == name));
        let work = place.and_then(|place| self.links.get_mut(place));
        if let Some(work) = work.filter(|_| self.options.is_unattended) {
            work.compared = None;
        }
    }

    /// Links that are ready get the index, once it is open.
    pub(super) fn lend_index(&self) {
        let Some(index) = &self.index else { return };
        for context in self.links.iter().filter_map(|work| work.context.as_ref()) {
            // It is lent once; there is but one.
            let _lent = context.index.set(index.clone());
        }
    }

    /// What the journal knows of rows that tandem wrote goes to the links that are ready for it.
    pub(super) fn load_agreements(&mut self) {
        if self.is_opening {
            return;
        }
        for context in self.links.iter().filter_map(|work| work.context.clone()) {
            let Some(journal) = self.journal.clone() else {
                context.recalled.cancel();
                continue;
            };
            // It is lent once; there is but one.
            let _lent = context.journal.set(journal.clone());
            self.background.spawn(async move {
                recall(&context, &journal).await;
                context.recalled.cancel();
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
        let is_first = work.compared.is_none();
        if let Some(work) = self.links.get_mut(link) {
            work.was_readable = is_readable;
        }
        let waits = self.is_opening || self.is_claiming || self.follow.is_some();
        if (is_due || is_back) && self.options.compares && !waits {
            let depth = if is_first {
                self.options.depth
            } else if self.is_full_overdue(link, at) {
                Depth::Everything
            } else {
                Depth::Changes
            };
            self.compare(link, depth, at);
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

    /// Whether everything was last read so long ago that what no change tells, a privilege that was lost, may have
    /// crept in.
    fn is_full_overdue(&self, link: usize, at: Now) -> bool {
        let mut tables = self.writer.state().tables_of(link);
        tables.any(|(_, table)| {
            let full = table.full;
            full.is_some_and(|full| age(at.wall, full) >= self.config.policy.full_compare)
        })
    }

    pub(super) fn compare(&mut self, link: usize, depth: Depth, at: Now) {
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
            let comparing = Comparing {
                link: Arc::clone(&context),
                ends: ends.clone(),
                depth,
                interruption: Interruption::Waits,
                events: events.clone(),
            };
            let compared = comparing.run().await;
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
        // What was announced to be away is not asked, and is no reason to call a run failed.
        if !self.options.is_agent || self.writer.state().is_in_maintenance(link) {
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
            choices: Vec::new(),
            retries: None,
            at_most: None,
            ticket: String::new(),
            who: "agent".to_owned(),
            asked: at.wall,
        };
        if let Some(repair) = self.repair(link, request, Patience::None, true) {
            let freshness = Freshness::LeaveInFlight(repair.link.config.schedule.settle);
            self.spawn_sync(link, repair, freshness, at);
        }
    }

    pub(super) fn spawn_sync(
        &mut self,
        link: usize,
        repair: Repair,
        freshness: Freshness,
        at: Now,
    ) {
        // Said at once, so that no second run begins before the first one's own word arrives.
        let started = Event::SyncStarted {
            link,
            operation: repair.request.id,
            who: repair.request.who.clone(),
        };
        self.writer.apply(started, at);
        self.operations
            .insert(repair.request.id, repair.reins.clone());
        let is_scheduled = self.options.is_agent;
        self.repairs
            .spawn(built_in::run(repair, freshness, is_scheduled));
    }
}

/// Takes in what the journal knows of a link's records. Without it the drift of these records is a guess by the clock,
/// and says so.
async fn recall(context: &LinkContext, journal: &Journal) {
    let link = &context.config.name;
    let key = |table: &TableName, id| {
        let table = context.table_named(table)?.index;
        Some(RecordKey { table, id })
    };
    for remembered in journal.agreements(link.clone()).await.unwrap_or_default() {
        if let Some(key) = key(&remembered.table, remembered.id) {
            context.agreements.remember(key, Agreement::of(remembered));
        }
    }
    for refusal in journal.refusals(link.clone()).await.unwrap_or_default() {
        if let Some(key) = key(&refusal.table, refusal.id) {
            let why = Arc::from(refusal.why);
            context.parked.remember(key, refusal.source, why);
        }
    }
    for table in &context.tables {
        let Some(pairs) = table.identity.pairs() else {
            continue;
        };
        let known = journal.pairs(link.clone(), table.name.clone()).await;
        match known {
            Ok(known) => pairs.remember(&known),
            Err(error) => {
                tracing::warn!(%error, table = %table.name, "which rows are one can't be read");
            }
        }
    }
    for choice in journal.choices(link.clone()).await.unwrap_or_default() {
        if let Some(key) = key(&choice.table, choice.id) {
            context.choices.remember(key, choice.pair);
        }
    }
}
