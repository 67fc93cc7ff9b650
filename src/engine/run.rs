//! The loop: one task that owns all state. It takes what is ready, applies it, and publishes once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Engine;
use super::command::{Command, Consent, Target};
use super::event::{Event, Named};
use super::link::{Ends, LinkContext, NotReady, describe};
use super::probe::probe;
use super::reconcile::{End, compare_link};
use super::repair::{self, Ended, Leases, Patience, Repair};
use super::start::{Client, Options, Running, StartError, clients, initial_state};
use super::state::{InstanceState, Lock, State, Tone};
use super::sync::{self, Freshness};
use super::writer::StateWriter;
use crate::config::Config;
use crate::dataverse::{Observation, now};
use crate::domain::breaker::{Forced, Illegal};
use crate::domain::health::Health;
use crate::domain::operation::{OperationId, RecordKey, Request, Stage, TableIndex, Verb};
use crate::domain::time::Now;
use crate::journal::{Entry, Journal, Recovered, RecoveredOperation, SessionInfo};

/// A snapshot is published at most this often.
const PUBLISH: Duration = Duration::from_millis(33);
/// Events that are taken in before a snapshot is published.
const BATCH: usize = 1024;
/// How often what depends on the clock is computed anew.
const TICK: Duration = Duration::from_secs(1);
/// How long a confirmed repair waits for its instance.
const LAPSES: Duration = Duration::from_secs(4 * 3600);
/// How long a quitting process waits for the records that are on their way.
const FINISH: Duration = Duration::from_secs(5);
/// How soon a link whose instances could not be asked is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Starts the engine on the current runtime; nothing of it is waited for.
pub fn start(config: Config, options: Options) -> Result<(Engine, Running), StartError> {
    let at = now();
    let (clients, observations) = clients(&config)?;
    let writer = StateWriter::new(initial_state(&config, &options, at));
    let (commands, asked) = mpsc::channel(64);
    let (published, states) = watch::channel(writer.snapshot());
    let (events, happened) = mpsc::channel(4096);
    let shutdown = CancellationToken::new();
    let links = config.links.iter().map(|_| LinkWork::default()).collect();
    let run = Run {
        config,
        options,
        writer,
        published,
        clients,
        observations,
        events,
        journal: None,
        links,
        leases: Leases::default(),
        operations: HashMap::new(),
        queued: VecDeque::new(),
        left_behind: Vec::new(),
        background: JoinSet::new(),
        repairs: JoinSet::new(),
        shutdown: shutdown.clone(),
        published_at: Instant::now(),
        logged: 0,
    };
    let task = tokio::spawn(run.run(asked, happened));
    Ok((Engine { commands, states }, Running { shutdown, task }))
}

/// What the loop knows of a link beside its state.
#[derive(Default)]
struct LinkWork {
    context: Option<Arc<LinkContext>>,
    is_comparing: bool,
    compared: Option<Now>,
}

struct Run {
    config: Config,
    options: Options,
    writer: StateWriter,
    published: watch::Sender<Arc<State>>,
    clients: Vec<Client>,
    observations: Vec<mpsc::UnboundedReceiver<Observation>>,
    events: mpsc::Sender<Event>,
    journal: Option<Journal>,
    links: Vec<LinkWork>,
    leases: Leases,
    operations: HashMap<OperationId, Ended>,
    /// What was asked before the journal and the link were ready for it.
    queued: VecDeque<Command>,
    left_behind: Vec<RecoveredOperation>,
    background: JoinSet<()>,
    repairs: JoinSet<()>,
    shutdown: CancellationToken,
    published_at: Instant,
    /// The number of the last line of the timeline that is in the log.
    logged: u64,
}

impl Run {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut events: mpsc::Receiver<Event>,
    ) {
        let mut journal = self.open_journal();
        let mut is_opening = true;
        self.spawn_probes();
        self.spawn_describing();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changed = true;
        loop {
            let publish_at = self.published_at + PUBLISH;
            // Rare arms stand before frequent ones, so that a flood of events starves neither a person nor the clock.
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break,
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    // No frontend is left.
                    None => break,
                },
                _ = tick.tick() => self.tick(),
                opened = &mut journal, if is_opening => {
                    is_opening = false;
                    self.opened(opened);
                }
                () = tokio::time::sleep_until(publish_at), if changed => {
                    self.publish();
                    changed = false;
                    continue;
                }
                Some(ended) = self.background.join_next(), if !self.background.is_empty() => self.joined(ended),
                Some(ended) = self.repairs.join_next(), if !self.repairs.is_empty() => self.joined(ended),
                Some(event) = events.recv() => {
                    self.happened(event);
                    for _ in 1..BATCH {
                        let Ok(event) = events.try_recv() else { break };
                        self.happened(event);
                    }
                }
            }
            self.observe();
            changed |= !Arc::ptr_eq(&self.published.borrow(), &self.writer.snapshot());
        }
        self.finish(events).await;
    }

    /// Lets records that are on their way come to their end, then closes the journal.
    async fn finish(mut self, mut events: mpsc::Receiver<Event>) {
        self.shutdown.cancel();
        self.background.abort_all();
        let drain = async {
            loop {
                tokio::select! {
                    ended = self.repairs.join_next() => if ended.is_none() { break },
                    Some(event) = events.recv() => self.writer.apply(event, now()),
                }
            }
        };
        // What is not done by then stays in the journal as it stands, and the next start reads it back.
        let _in_time = tokio::time::timeout(FINISH, drain).await;
        self.repairs.abort_all();
        self.publish();
        if let Some(journal) = self.journal.take() {
            journal.close().await;
        }
    }

    fn publish(&mut self) {
        let news = self
            .writer
            .state()
            .timeline
            .iter()
            .filter(|entry| entry.seq > self.logged);
        for entry in news {
            tracing::info!(seq = entry.seq, instance = entry.instance, "{}", entry.text);
        }
        self.logged = self
            .writer
            .state()
            .timeline
            .back()
            .map_or(self.logged, |entry| entry.seq);
        self.published.send_replace(self.writer.snapshot());
        self.published_at = Instant::now();
    }

    /// Takes in what the clients saw, and what they say of themselves.
    fn observe(&mut self) {
        let at = now();
        for (instance, observations) in self.observations.iter_mut().enumerate() {
            for _ in 0..BATCH {
                let Ok(observation) = observations.try_recv() else {
                    break;
                };
                log(&observation);
                self.writer.apply(
                    Event::Observed {
                        instance,
                        observation,
                    },
                    at,
                );
            }
        }
        let statuses: Vec<_> = self
            .clients
            .iter()
            .map(|client| (client.reader.status(at), client.reader.take_transitions()))
            .collect();
        self.writer.statuses(&statuses, at);
    }

    fn tick(&mut self) {
        let at = now();
        self.writer.tick(at);
        self.drop_what_cannot_start();
        for link in 0..self.links.len() {
            self.sync_when_due(link, at);
            self.compare_when_due(link, at);
        }
    }

    fn happened(&mut self, event: Event) {
        let at = now();
        match &event {
            Event::Described {
                link,
                result: Ok(context),
            } => self.described(*link, context, at),
            Event::Finished { operation, .. } => {
                self.operations.remove(operation);
            }
            Event::CompareEnded { link } => {
                if let Some(work) = self.links.get_mut(*link) {
                    work.is_comparing = false;
                }
            }
            _ => {}
        }
        self.writer.apply(event, at);
    }

    fn joined(&mut self, ended: Result<(), tokio::task::JoinError>) {
        if let Some(panic) = ended.err().filter(tokio::task::JoinError::is_panic) {
            self.writer.notice(
                None,
                format!("a task of the engine failed: {panic}"),
                Tone::Bad,
            );
        }
    }

    // The journal.

    fn open_journal(&self) -> tokio::task::JoinHandle<Result<(Journal, Recovered), String>> {
        let folder = self.config.state.clone();
        let session = SessionInfo {
            who: self.options.who.clone(),
            host: self.options.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: now(),
        };
        tokio::task::spawn_blocking(move || {
            Journal::open(&folder, session).map_err(|error| chain(&error))
        })
    }

    fn opened(
        &mut self,
        opened: Result<Result<(Journal, Recovered), String>, tokio::task::JoinError>,
    ) {
        let at = now();
        match opened {
            Ok(Ok((journal, recovered))) => self.recovered(journal, recovered, at),
            Ok(Err(why)) => self.writer.apply(Event::JournalFailed(why), at),
            Err(error) => self
                .writer
                .apply(Event::JournalFailed(error.to_string()), at),
        }
        self.load_agreements();
        self.settle_left_behind();
        self.start_queued();
    }

    fn recovered(&mut self, journal: Journal, recovered: Recovered, at: Now) {
        for (name, forced) in recovered.forced {
            let instances = self.config.instances.iter().zip(&self.clients);
            for (_, client) in instances.filter(|(instance, _)| instance.name.as_str() == name) {
                client.reader.restore(&forced, at);
            }
        }
        for oddity in recovered.oddities {
            self.writer
                .note(None, format!("journal: {oddity}"), Tone::Care, at);
        }
        let mut last_success: HashMap<String, DateTime<Utc>> = HashMap::new();
        for operation in recovered.operations {
            let is_over = operation.finished.is_some();
            if is_over || operation.runs_elsewhere {
                if let Some(ended) = super::start::good_sync(&operation) {
                    last_success.insert(operation.request.link.clone(), ended);
                }
                self.writer.apply(
                    Event::Remembered(Arc::new(super::start::remembered(&operation))),
                    at,
                );
            } else {
                self.left_behind.push(operation);
            }
        }
        self.journal = Some(journal);
        for link in 0..self.links.len() {
            let Some(config) = self.config.links.get(link) else {
                continue;
            };
            let last = last_success.get(&config.name).copied();
            if self.options.is_agent {
                let first = at.after(self.options.first_sync).wall;
                let next_due =
                    last.map_or(first, |last| sync::next_due(config.schedule, last, false));
                self.writer.apply(
                    Event::SyncDue {
                        link,
                        next_due,
                        last_success: last,
                    },
                    at,
                );
            }
        }
    }

    /// Shows what an earlier process left unfinished, and reads back what it had half done.
    fn settle_left_behind(&mut self) {
        let Some(journal) = self.journal.clone() else {
            return;
        };
        for operation in std::mem::take(&mut self.left_behind) {
            let place = self
                .config
                .links
                .iter()
                .position(|link| link.name == operation.request.link);
            let Some(place) = place else { continue };
            let Some(repair) = self.repair(place, operation.request.clone(), Patience::None, false)
            else {
                self.left_behind.push(operation);
                continue;
            };
            let journal = journal.clone();
            self.repairs.spawn(async move {
                if let Ok(true) = journal.claim(operation.request.id).await {
                    repair::settle_left_behind(&repair, &operation).await;
                }
            });
        }
    }

    // Links.

    fn spawn_probes(&mut self) {
        for (instance, client) in self.clients.iter().enumerate() {
            let (reader, asked) = (client.reader.clone(), Arc::clone(&client.asked));
            let (every, events) = (self.config.policy.probe, self.events.clone());
            self.background
                .spawn(probe(instance, reader, every, asked, events));
        }
    }

    fn spawn_describing(&mut self) {
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

    fn ends(&self, link: usize, as_agent: bool) -> Option<Ends> {
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

    fn described(&mut self, link: usize, context: &Arc<LinkContext>, at: Now) {
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
    fn load_agreements(&mut self) {
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
                        context.agreements.agree(
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

    fn compare_when_due(&mut self, link: usize, at: Now) {
        let every = self.config.policy.compare;
        let Some(work) = self.links.get(link) else {
            return;
        };
        let failed = self
            .writer
            .state()
            .tables_of(link)
            .any(|(_, table)| table.failure.is_some());
        // A comparison that broke off is made good as soon as both sides can be read again.
        let every = if failed && self.is_readable(link) {
            TRY_AGAIN
        } else {
            every
        };
        let is_due = work
            .compared
            .is_none_or(|compared| at.since(compared) >= every);
        if is_due && self.options.compares {
            self.compare(link, at);
        }
    }

    fn is_readable(&self, link: usize) -> bool {
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

    fn compare(&mut self, link: usize, at: Now) {
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

    fn sync_when_due(&mut self, link: usize, at: Now) {
        if !self.options.is_agent {
            return;
        }
        let Some(state) = self.writer.state().links.get(link) else {
            return;
        };
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
            self.spawn_sync(link, repair, freshness, at);
        }
    }

    fn spawn_sync(&mut self, link: usize, repair: Repair, freshness: Freshness, at: Now) {
        // Said at once, so that no second run begins before the first one's own word arrives.
        let started = Event::SyncStarted {
            link,
            operation: repair.request.id,
            who: repair.request.who.clone(),
        };
        self.writer.apply(started, at);
        let is_scheduled = self.options.is_agent;
        self.repairs
            .spawn(sync::run(repair, freshness, is_scheduled));
    }

    // Commands.

    fn command(&mut self, command: Command) {
        let at = now();
        match command {
            Command::Repair { .. }
            | Command::StartSync { .. }
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
            Command::Compare => (0..self.links.len()).for_each(|link| self.compare(link, at)),
            Command::Inspect(key) => self.inspect(key),
        }
    }

    fn arm(&mut self, reason: String, who: String, lasts: Duration, at: Now) {
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

    fn probe_now(&mut self, instance: usize, at: Now) {
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

    fn force_open(&mut self, instance: usize, forced: Forced, at: Now) {
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

    fn release(&mut self, instance: usize, who: &str, at: Now) {
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

    fn remember(&mut self, entry: Entry) {
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

    fn inspect(&mut self, key: RecordKey) {
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
            let looked = super::reconcile::look(&context, table, &context.ends, &[key.id]).await;
            let event = match looked {
                Ok(looked) => looked
                    .into_iter()
                    .next()
                    .map(|looked| Event::Looked(Box::new(looked))),
                Err(broken) => Some(Event::Noticed {
                    operation: None,
                    text: format!("could not be read: {}", broken.failure.summary()),
                    tone: Tone::Care,
                }),
            };
            if let Some(event) = event {
                let _ended = events.send(event).await;
            }
        });
    }

    /// Begins an operation, or keeps it until the journal and its link are ready for it.
    fn begin(&mut self, command: Command) {
        let (request, consent) = match &command {
            Command::Repair {
                request, consent, ..
            }
            | Command::StartSync { request, consent } => (request.clone(), Some(*consent)),
            Command::Preview { request, .. } => (request.clone(), None),
            Command::Resume { operation, consent } => {
                let Some(operation) = self.writer.state().operation(*operation) else {
                    return;
                };
                (operation.request.clone(), Some(*consent))
            }
            _ => return,
        };
        let Some(link) = self
            .config
            .links
            .iter()
            .position(|link| link.name == request.link)
        else {
            return self.refuse(request.id, format!("there is no link {}", request.link));
        };
        if let Some(why) = consent.and_then(|consent| self.why_not(link, consent, &command)) {
            return self.refuse(request.id, why);
        }
        let patience = match consent {
            Some(Consent::Named { may_wait: false }) | None => Patience::None,
            Some(Consent::Armed { .. } | Consent::Named { may_wait: true }) => {
                Patience::Until(now().after(LAPSES).wall)
            }
        };
        let Some(repair) = self.repair(link, request, patience, false) else {
            self.queued.push_back(command);
            return;
        };
        self.spawn(link, repair, command);
    }

    fn spawn(&mut self, link: usize, mut repair: Repair, command: Command) {
        match command {
            Command::Repair { records, .. } => {
                repair.names = self.names(&records);
                self.repairs.spawn(async move {
                    repair.run(records).await;
                });
            }
            Command::Preview { records, .. } => {
                self.background.spawn(repair::preview(repair, records));
            }
            Command::StartSync { .. } => self.spawn_sync(link, repair, Freshness::TakeAll, now()),
            Command::Resume { operation, .. } => {
                let Some(left) = self.writer.state().operation(operation) else {
                    return;
                };
                let records = left
                    .records
                    .iter()
                    .filter(|record| record.stage == Stage::Accepted);
                let records = records.map(|record| Named {
                    key: record.key,
                    name: record.name.clone(),
                    number: record.number.clone(),
                    on_the_way: record.on_the_way,
                });
                let records = records.collect();
                self.repairs.spawn(async move {
                    repair::resume(repair, records).await;
                });
            }
            _ => {}
        }
    }

    /// Why an operation may not be begun.
    fn why_not(&self, link: usize, consent: Consent, command: &Command) -> Option<String> {
        let at = now();
        let state = self.writer.state();
        let target = state
            .links
            .get(link)
            .and_then(|link| state.instances.get(link.target))?;
        if let Some(fault) = &state.journal_fault {
            return Some(format!(
                "the journal can't be written, so nothing is: {fault}"
            ));
        }
        if self.options.read_only {
            return Some("started with --read-only: nothing is written".to_owned());
        }
        if let Some(fault) = state.links.get(link).and_then(|link| link.fault.as_ref()) {
            return Some(format!("the link can't be used: {fault}"));
        }
        if let Some(forced) = target.forced() {
            return Some(format!(
                "{} is stopped by {}: {}",
                target.name, forced.by, forced.reason
            ));
        }
        if let Consent::Armed { records: confirmed } = consent {
            if state.lock.armed_for(at).is_none() {
                return Some("read-only: W arms writes".to_owned());
            }
            if let Command::Repair { records, .. } = command
                && records.len() > confirmed
            {
                return Some(format!(
                    "{} records were asked for, {confirmed} confirmed",
                    records.len()
                ));
            }
        }
        let runs = state
            .links
            .get(link)
            .is_some_and(|link| link.sync.running.is_some());
        (matches!(command, Command::StartSync { .. }) && runs)
            .then(|| "a sync run is under way".to_owned())
    }

    fn refuse(&mut self, operation: OperationId, why: String) {
        self.writer.notice(Some(operation), why, Tone::Bad);
    }

    fn names(&self, records: &[Target]) -> HashMap<RecordKey, Named> {
        let wanted: std::collections::HashSet<RecordKey> = records
            .iter()
            .filter_map(|target| match target {
                Target::Record(key) => Some(*key),
                Target::Key { .. } => None,
            })
            .collect();
        let known = self.writer.state().records.iter().map(|(_, record)| record);
        let known = known.filter(|record| wanted.contains(&record.key));
        known
            .map(|record| {
                let (name, number) = (record.name.clone(), record.number.clone());
                (
                    record.key,
                    Named {
                        key: record.key,
                        name,
                        number,
                        on_the_way: false,
                    },
                )
            })
            .collect()
    }

    fn repair(
        &mut self,
        link: usize,
        request: Request,
        patience: Patience,
        as_agent: bool,
    ) -> Option<Repair> {
        let context = self.links.get(link)?.context.clone()?;
        let journal = self.journal.clone()?;
        let ended = Ended::default();
        self.operations.insert(request.id, ended.clone());
        Some(Repair {
            ends: if as_agent {
                context.agent.clone()
            } else {
                context.ends.clone()
            },
            link: context,
            journal,
            events: self.events.clone(),
            leases: self.leases.clone(),
            request,
            names: HashMap::new(),
            ended,
            shutdown: self.shutdown.clone(),
            patience,
        })
    }

    fn start_queued(&mut self) {
        for command in std::mem::take(&mut self.queued) {
            self.begin(command);
        }
    }

    /// A queued command whose link will not get ready in time is refused rather than forgotten.
    fn drop_what_cannot_start(&mut self) {
        let queued = std::mem::take(&mut self.queued);
        for command in queued {
            let (request, may_wait) = match &command {
                Command::Repair {
                    request, consent, ..
                }
                | Command::StartSync { request, consent } => (
                    request,
                    !matches!(consent, Consent::Named { may_wait: false }),
                ),
                Command::Preview { request, .. } => (request, false),
                _ => continue,
            };
            match self.why_unreachable(&request.link).filter(|_| !may_wait) {
                Some(why) => {
                    let id = request.id;
                    self.refuse(id, why);
                }
                None => self.queued.push_back(command),
            }
        }
    }

    fn why_unreachable(&self, link: &str) -> Option<String> {
        let state = self.writer.state();
        if let Some(fault) = &state.journal_fault {
            return Some(format!(
                "the journal can't be written, so nothing is: {fault}"
            ));
        }
        let link = state.links.iter().find(|known| known.name == link)?;
        if let Some(fault) = &link.fault {
            return Some(format!("the link can't be used: {fault}"));
        }
        [link.source, link.target].into_iter().find_map(|place| {
            let instance = state.instances.get(place)?;
            let is_lost = matches!(
                instance.health,
                Health::Down | Health::CutOff | Health::Refused
            );
            let why = instance
                .refused
                .clone()
                .or_else(|| instance.last_error.as_ref().map(|(_, why, _)| why.clone()));
            is_lost.then(|| {
                format!(
                    "{} is {}: {}",
                    instance.name,
                    instance.health.word(),
                    why.unwrap_or_default()
                )
            })
        })
    }

    /// Ends an operation of an earlier process: nothing of it is under way here.
    fn end_left_behind(&mut self, operation: OperationId, who: &str) {
        let Some(left) = self
            .writer
            .state()
            .operation(operation)
            .filter(|left| !left.is_finished())
        else {
            return;
        };
        let (request, place) = (left.request.clone(), left.request.link.clone());
        let Some(link) = self.config.links.iter().position(|link| link.name == place) else {
            return;
        };
        if let Some(repair) = self.repair(link, request, Patience::None, false) {
            repair.ended.end(who);
            self.spawn(
                link,
                repair,
                Command::Resume {
                    operation,
                    consent: Consent::Named { may_wait: false },
                },
            );
        }
    }
}

/// One line of the log for one attempt: the service's id of a request that failed is what its support asks for.
fn log(observation: &Observation) {
    let (request, took) = (&observation.request, observation.sample.took);
    if let Some(failure) = &observation.failure {
        let id = failure.request_id.as_deref().unwrap_or_default();
        tracing::warn!(%request, ?took, %failure, id, "failed");
    } else {
        tracing::debug!(%request, ?took, "answered");
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
