//! What an engine begins with: its options, its clients, the state before the first answer, and what the journal
//! remembers of earlier operations.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::gates;
use super::records::Records;
use super::state::{
    Counts, Finished, Flagged, HookState, InstanceState, LinkState, Lock, OperationState, State,
    SyncState, TableState, Tally, Traffic,
};
use crate::config::{Config, InstanceConfig, Policy};
use crate::dataverse::{Observation, Reader, SetUpError, Settings, Timeouts, now};
use crate::domain::breaker::Class;
use crate::domain::credential::Credential;
use crate::domain::drift::CompareRules;
use crate::domain::health::{Health, Summary};
use crate::domain::hook::HookHealth;
use crate::domain::instance::{Endpoint, InstanceName};
use crate::domain::operation::Verb;
use crate::domain::operator::Operator;
use crate::domain::run::Backend;
use crate::domain::time::Now;
use crate::journal::RecoveredOperation;

/// How an engine is run.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is said by itself, and all of them go together"
)]
pub struct Options {
    /// The person at the controls: the user of the operating system.
    pub who: String,
    /// The machine's name.
    pub host: String,
    /// Whether syncs run here on their schedule.
    pub is_agent: bool,
    /// Whether nobody sits in front of it: stubs are filled as soon as their source answers, a run that failed is tried
    /// again before long, what earlier processes left behind goes on, and alerts are sent.
    pub is_unattended: bool,
    /// Whether it shows what a living agent beside it sees, and leaves to it what is asked of it, rather than look for
    /// itself.
    pub follows: bool,
    /// When a link whose sync is not known to have ever ended well is first synced, after the start.
    pub first_sync: Duration,
    /// Whether writes can't be armed at all.
    pub read_only: bool,
    /// What the person may do.
    pub operator: Operator,
    /// Whether links are compared by themselves; a repair of named records needs no comparison.
    pub compares: bool,
    /// How deep the first comparison goes.
    pub depth: Depth,
}

/// How much a comparison reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// What changed since the last time; everything, where that is not known.
    #[default]
    Changes,
    /// Everything.
    Everything,
    /// Everything, and whatever it shows is believed, even that a table has lost nearly all of its rows.
    Anew,
}

/// A running engine, to be stopped.
#[derive(Debug)]
pub struct Running {
    pub(super) shutdown: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

impl Running {
    /// Stops it: records on their way come to their end, what was not sent stays accepted in the journal.
    pub async fn stop(self) {
        self.shutdown.cancel();
        // A panic of the loop has been reported by the panic hook already.
        let _ended = self.task.await;
    }
}

/// Why an engine can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An instance's client can't be set up from its configuration.
    #[error("set up the instance {instance}")]
    Client {
        /// The instance.
        instance: String,
        /// Why.
        source: SetUpError,
    },
    /// A client of the platform that runs a link's sync can't be set up from the configuration.
    #[error("set up the sync of {link}")]
    Job {
        /// The link.
        link: String,
        /// Why.
        source: SetUpError,
    },
}

/// One instance's clients.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// As a person's user.
    pub(super) reader: Reader,
    /// As the scheduled sync's user, with the same breakers; the same client where there is but one user.
    pub(super) agent: Reader,
    /// As the ensure hook's user, where there is one here and its credential can be had.
    pub(super) hook: Option<Reader>,
    /// Wakes the probe before its time.
    pub(super) asked: Arc<Notify>,
}

type Clients = (Vec<Client>, Vec<mpsc::UnboundedReceiver<Observation>>);

/// Sets up the clients of all instances.
pub(super) fn clients(config: &Config) -> Result<Clients, StartError> {
    let mut clients = Vec::new();
    let mut observations = Vec::new();
    for (place, (seed, instance)) in (1u64..).zip(&config.instances).enumerate() {
        let (observer, seen) = mpsc::unbounded_channel();
        let settings = of_instance(config, instance, &instance.credential, seed);
        let failed = |source| StartError::Client {
            instance: instance.name.to_string(),
            source,
        };
        let reader = Reader::new(settings, observer).map_err(failed)?;
        let agent = match &instance.agent {
            Some(credential) => reader.with_credential(credential.clone()).map_err(failed)?,
            None => reader.clone(),
        };
        let hook =
            hook_credential(config, place).and_then(|credential| as_hook(&reader, credential));
        let state = &config.state;
        gates::keep(&reader, state, &instance.name, gates::Role::Own);
        if instance.agent.is_some() {
            gates::keep(&agent, state, &instance.name, gates::Role::Agent);
        }
        if let Some(hook) = &hook {
            gates::keep(hook, state, &instance.name, gates::Role::Hook);
        }
        clients.push(Client {
            hook,
            reader,
            agent,
            asked: Arc::new(Notify::new()),
        });
        observations.push(seen);
    }
    Ok((clients, observations))
}

/// What the hook presents to an instance that it writes to, if that is not the instance's own.
fn hook_credential(config: &Config, instance: usize) -> Option<&Credential> {
    let hook = config.hook.as_ref()?;
    let link = config.links.get(hook.link)?;
    hook.credential.as_ref().filter(|_| link.target == instance)
}

/// Whoever looks on need not be able to act as the hook: then its stubs are told by what they hold alone.
fn as_hook(reader: &Reader, credential: &Credential) -> Option<Reader> {
    let client = reader.with_credential(credential.clone());
    client
        .inspect_err(|error| tracing::warn!(%error, "the hook's user is not known"))
        .ok()
}

/// How a client of an instance is set up, as its own user, who may act for somebody else, or as another one.
pub(crate) fn of_instance(
    config: &Config,
    instance: &InstanceConfig,
    credential: &Credential,
    seed: u64,
) -> Settings {
    let (name, endpoint) = (instance.name.clone(), &instance.endpoint);
    let policy = config.policy_of(instance);
    Settings {
        impersonates: instance.impersonates,
        ..settings(config, policy, name, endpoint, credential, seed)
    }
}

/// How a client of an instance or of a management API is set up, to act for itself.
pub(crate) fn settings(
    config: &Config,
    policy: &Policy,
    name: InstanceName,
    endpoint: &Endpoint,
    credential: &Credential,
    seed: u64,
) -> Settings {
    Settings {
        name,
        endpoint: endpoint.clone(),
        credential: credential.clone(),
        impersonates: None,
        network: config.network.clone(),
        timeouts: Timeouts {
            connect: policy.connect_timeout,
            read: policy.read_timeout,
            write: policy.write_timeout,
            idle: policy.idle_timeout,
            deadline: policy.deadline,
        },
        breakers: Class::ALL.map(|class| policy.breaker(class)),
        retry: policy.retry,
        // Consoles that start together must not probe in step.
        seed: seed ^ u64::from(now().wall.timestamp_subsec_nanos()),
    }
}

/// What is known before the first answer: the configuration.
pub(super) fn initial_state(config: &Config, options: &Options, at: Now) -> State {
    let instances = config
        .instances
        .iter()
        .enumerate()
        .map(|(place, instance)| InstanceState {
            name: instance.name.to_string(),
            band: instance.band.clone(),
            url: instance.endpoint.to_string(),
            is_target: config.links.iter().any(|link| link.target == place),
            health: Health::Unknown,
            since: at,
            before: None,
            answered: None,
            last_error: None,
            refused: None,
            breakers: Vec::new(),
            gate: None,
            calls: Summary::default(),
            cells: Vec::new(),
            skew: chrono::Duration::zero(),
            version: None,
            next_probe: None,
            last_outage: None,
            traffic: Traffic::default(),
        });
    let links = config.links.iter().map(|link| LinkState {
        name: link.name.clone(),
        source: link.source,
        target: link.target,
        schedule: link.schedule,
        sync: SyncState {
            backend: link.sync.backend(),
            is_scheduled: options.is_agent && link.sync.backend() == Backend::BuiltIn,
            ..SyncState::default()
        },
        fault: None,
        warnings: Vec::new(),
        ensuring: None,
        lags: Arc::default(),
    });
    let tables = config.links.iter().enumerate().flat_map(|(place, link)| {
        link.tables.iter().map(move |table| TableState {
            link: place,
            name: table.name.clone(),
            rules: Arc::new(CompareRules::default()),
            counts: Counts::default(),
            flagged: Flagged::default(),
            oldest_pending: None,
            compared: None,
            full: None,
            comparing: None,
            changed_since: 0,
            failure: None,
        })
    });
    let armed = config.safety.starts_armed && !options.read_only;
    let lock = if armed {
        let reason = "configured to start armed".to_owned();
        Lock::Armed {
            who: options.who.clone(),
            reason,
            until: at.after(super::ARMED_FOR),
        }
    } else {
        Lock::ReadOnly {
            may_arm: !options.read_only,
        }
    };
    State {
        now: at,
        started: at,
        instances: instances.collect(),
        links: links.collect(),
        tables: tables.collect(),
        records: Records::default(),
        operations: Vec::new(),
        timeline: VecDeque::new(),
        alarms: Vec::new(),
        taken: std::collections::BTreeMap::new(),
        lock,
        is_remembered: false,
        has_history: false,
        journal_fault: None,
        hook: hook(config),
        agent: None,
        told: None,
        preview: None,
        explained: None,
        notices: VecDeque::new(),
    }
}

fn hook(config: &Config) -> Option<HookState> {
    let hook = config.hook.as_ref()?;
    hook.probed().map(|_| HookState {
        link: hook.link,
        health: HookHealth::default(),
    })
}

/// An operation as the journal remembers it: its sums; its records can be paged from the journal.
pub(super) fn remembered(operation: &RecoveredOperation) -> OperationState {
    let mut progress = Tally::default();
    for (stage, count) in &operation.tally {
        progress.total += count;
        *progress.of_mut(stage) += count;
    }
    let finished = operation.finished.as_ref().map(|end| Finished {
        at: end.at,
        took: (end.at - operation.started.unwrap_or(end.at))
            .to_std()
            .unwrap_or_default(),
        cut_short: end.cut_short.clone(),
    });
    OperationState {
        request: operation.request.clone(),
        radius: None,
        progress,
        records: Vec::new(),
        waiting: None,
        paused: None,
        started: None,
        finished,
        was_left_behind: false,
    }
}

/// When a remembered operation was a sync of everything and ended well.
pub(super) fn good_sync(operation: &RecoveredOperation) -> Option<DateTime<Utc>> {
    let is_run = operation.request.verb == Verb::Sync && operation.request.who == "agent";
    let end = operation
        .finished
        .as_ref()
        .filter(|end| is_run && end.cut_short.is_none())?;
    operation
        .tally
        .iter()
        .all(|(stage, _)| stage.is_good())
        .then_some(end.at)
}
