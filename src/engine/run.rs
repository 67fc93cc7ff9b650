//! The loop: one task that owns all state. It takes what is ready, applies it, and publishes once.

mod control;
mod explain;
mod follow;
mod jobs;
mod journal;
mod lines;
mod links;
mod notes;
mod operations;
mod orders;
mod others;
mod samples;
mod unattended;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Engine;
use super::command::Command;
use super::event::Event;
use super::link::LinkContext;
use super::pace::next_second;
use super::repair::{Leases, Reins};
use super::start::{Client, Depth, Options, Running, StartError, clients, initial_state};
use super::state::{State, Tone};
use super::sync::{Job, Seen};
use super::writer::StateWriter;
use crate::config::Config;
use crate::dataverse::{Observation, now};
use crate::domain::operation::{OperationId, RecordKey};
use crate::domain::time::Now;
use crate::journal::{Index, Journal, RecoveredOperation};
use follow::Follow;
pub(super) use lines::tone;
use unattended::Hydration;

/// A snapshot is published at most this often.
const PUBLISH: Duration = Duration::from_millis(33);
/// Events that are taken in before a snapshot is published.
const BATCH: usize = 1024;
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
    let (jobs, seen) = jobs::of(&config, &clients)?;
    let writer = StateWriter::new(initial_state(&config, &options, at));
    let (commands, asked) = mpsc::channel(64);
    let (published, states) = watch::channel(writer.snapshot());
    let (events, happened) = mpsc::channel(4096);
    let shutdown = CancellationToken::new();
    let links = jobs.into_iter().map(|job| LinkWork {
        job,
        ..LinkWork::default()
    });
    let links = links.collect();
    let run = Run {
        config,
        options,
        writer,
        published,
        clients,
        observations,
        seen,
        events,
        journal: None,
        index: None,
        is_opening: true,
        links,
        leases: Leases::default(),
        operations: HashMap::new(),
        settling: HashSet::new(),
        owed: HashMap::new(),
        queued: VecDeque::new(),
        left_behind: Vec::new(),
        background: JoinSet::new(),
        repairs: JoinSet::new(),
        shutdown: shutdown.clone(),
        published_at: Instant::now(),
        sampled: samples::Sampled::default(),
        follow: None,
        looking: Vec::new(),
        remembered_to: 0,
        is_claiming: false,
        telling: None,
        handed: HashSet::new(),
        decided: HashMap::new(),
        logged: 0,
        kept_lines: None,
        noted: Arc::default(),
    };
    let task = tokio::spawn(run.run(asked, happened));
    Ok((Engine { commands, states }, Running { shutdown, task }))
}

/// What the loop knows of a link beside its state.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is so or not"
)]
struct LinkWork {
    context: Option<Arc<LinkContext>>,
    /// What carries its rows over, where that is not the built-in sync.
    job: Option<Arc<Job>>,
    is_watched: bool,
    is_being_described: bool,
    is_comparing: bool,
    /// Whether a person asked for a comparison while one was under way, which may have read past what they changed.
    asked_again: bool,
    compared: Option<Now>,
    was_readable: bool,
    /// Whether planned maintenance keeps its sync from running; then one is due at its end.
    was_in_maintenance: bool,
    hydration: Hydration,
}

struct Run {
    config: Config,
    options: Options,
    writer: StateWriter,
    published: watch::Sender<Arc<State>>,
    clients: Vec<Client>,
    observations: Vec<mpsc::UnboundedReceiver<Observation>>,
    /// What the clients of jobs saw: for the log alone.
    seen: Vec<Seen>,
    events: mpsc::Sender<Event>,
    journal: Option<Journal>,
    index: Option<Index>,
    /// Whether the state folder is still being opened: what is known of the links is in it.
    is_opening: bool,
    links: Vec<LinkWork>,
    leases: Leases,
    operations: HashMap<OperationId, Reins>,
    /// Operations of earlier processes whose half-done records are being read back.
    settling: HashSet<OperationId>,
    /// Operations that ended here with outcomes that are not known: when these are read back next, and how long after
    /// the last time that is.
    owed: HashMap<OperationId, (Now, Duration)>,
    /// What was asked before the journal and the link were ready for it.
    queued: VecDeque<Command>,
    left_behind: Vec<RecoveredOperation>,
    background: JoinSet<()>,
    repairs: JoinSet<()>,
    shutdown: CancellationToken,
    published_at: Instant,
    sampled: samples::Sampled,
    /// The agent beside us that looks in our place.
    follow: Option<Follow>,
    /// The tasks that look for this process: probes, and the watch of the links' jobs.
    looking: Vec<AbortHandle>,
    /// The number of the last event that the journal told at the start.
    remembered_to: u64,
    /// Whether it is being tried to become the one who keeps the index.
    is_claiming: bool,
    /// Writes down what there is to follow.
    telling: Option<AbortHandle>,
    /// Operations that other processes handed over to this one.
    handed: HashSet<OperationId>,
    /// What was seen when records were decided on, by operations of other processes that may go on here.
    decided: HashMap<OperationId, HashMap<RecordKey, u64>>,
    /// The number of the last line of the timeline that is in the log.
    logged: u64,
    /// The number of the last line of the timeline that is kept; none until it is known what earlier processes kept.
    kept_lines: Option<u64>,
    /// Set when a note was put down here: then it is looked at once.
    noted: Arc<Notify>,
}

impl Run {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut events: mpsc::Receiver<Event>,
    ) {
        self.begin_looking().await;
        let mut journal = self.open_journal();
        // What depends on the clock is computed anew with each second.
        let mut tick = Instant::now();
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
                () = tokio::time::sleep_until(tick) => {
                    tick = next_second();
                    self.tick();
                }
                opened = &mut journal, if self.is_opening => {
                    self.is_opening = false;
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
        self.writer.settle_lag();
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
                observation.log();
                self.writer.apply(
                    Event::Observed {
                        instance,
                        observation,
                    },
                    at,
                );
            }
        }
        for seen in &mut self.seen {
            while let Ok(observation) = seen.try_recv() {
                observation.log();
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
        self.go_on_with_what_was_left();
        self.read_back_what_is_owed(at);
        for link in 0..self.links.len() {
            self.catch_up(link, at);
            self.sync_when_due(link, at);
            self.hydrate_when_due(link, at);
            self.compare_when_due(link, at);
        }
        let keeps = self.options.is_unattended || self.options.follows;
        if keeps && self.follow.is_none() && !self.is_opening {
            self.keep_index();
        }
        self.sample_when_due(at);
        self.keep_lines(at);
        self.tell_others();
    }

    fn happened(&mut self, mut event: Event) {
        let at = now();
        if let Event::Recalled(lines) = event {
            return self.recalled(lines, at);
        }
        self.try_again_sooner(&mut event, at);
        match &event {
            Event::Described {
                link,
                result: Ok(context),
            } => self.described(*link, context, at),
            Event::Finished { operation, .. } | Event::Refused { operation, .. } => {
                self.operations.remove(operation);
                self.look_after(*operation);
            }
            Event::Told(live) => self.told(live),
            Event::Journalled { request, events } => {
                self.journalled(request, events.clone(), at);
            }
            Event::IndexClaimed { kept } => self.index_claimed(*kept, at),
            Event::Settled { operation } => {
                self.settling.remove(operation);
            }
            Event::LeftBehind(operation) => self.inherit(operation, at),
            Event::Owed { operation, left } => self.owed(*operation, left.as_deref(), at),
            Event::Ordered { instance, forced } => self.ordered(*instance, forced.as_ref(), at),
            Event::Written => self.learn_what_is_parked(),
            Event::AgentSeen(seen) => self.agent_seen(seen.as_ref(), at),
            Event::SyncEnded { link, .. } => {
                let running = self
                    .writer
                    .state()
                    .links
                    .get(*link)
                    .and_then(|link| link.sync.running);
                running.map(|operation| self.operations.remove(&operation));
            }
            Event::OrderEnded { operation, .. } => {
                self.operations.remove(operation);
            }
            Event::RunsListed {
                link,
                runs: Ok(runs),
                ..
            } => self.compare_after_good_run(*link, runs, at),
            Event::CompareEnded { link } => {
                if let Some(work) = self.links.get_mut(*link) {
                    work.is_comparing = false;
                    if std::mem::take(&mut work.asked_again) {
                        self.compare(*link, Depth::Changes, at);
                    }
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
}
