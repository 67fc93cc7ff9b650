//! What keeps a link in step: the built-in sync, or a job of a platform that is listed, started, run again and cancelled
//! over its management API (contract 11). One job for each link that has one; what differs between the platforms is
//! in a file of each.
//!
//! ```text
//!   watch ──list──▶ platform          order ──start, rerun, cancel──▶ platform
//!     │                                 │
//!     ├──Event──▶ writer                └── journal first; an answer that was lost is read from the list
//!     └──Look──▶ order
//! ```

pub(super) mod built_in;
pub(super) mod order;

mod data_factory;
mod function;
mod logic_app;
mod pipelines;
mod power_automate;
mod synapse;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc, watch};

use self::function::Function;
use self::logic_app::LogicApp;
use self::pipelines::Pipelines;
use self::power_automate::PowerAutomate;
use super::event::Event;
use super::start::{Client, StartError, settings};
use crate::config::{Config, LinkConfig, SyncConfig};
use crate::dataverse::{Management, Observation, SetUpError, now};
use crate::domain::credential::Credential;
use crate::domain::failure::Failure;
use crate::domain::instance::{Endpoint, InstanceName};
use crate::domain::run::{Backend, PlatformRun, RunId};
use crate::domain::text::visible;
use crate::domain::time::Now;

/// Runs that one page of a list holds: as many as are kept.
const RUNS: usize = 30;
/// More runs than this are not searched for one that ended well.
const MOST_RUNS: usize = 200;
/// A difference of clocks that is smaller is none.
const SKEW: chrono::Duration = chrono::Duration::seconds(5);
/// The most of a platform's words that is kept.
const WORDS: usize = 300;

/// The job that carries a link's rows over, on its platform.
#[derive(Debug)]
pub(super) struct Job {
    /// What it is called there.
    pub(super) name: String,
    pub(super) backend: Backend,
    platform: Platform,
    /// The latest look at its runs.
    looks: watch::Sender<Option<Look>>,
    /// Has its runs looked at before the time.
    pub(super) asked: Notify,
}

#[derive(Debug)]
enum Platform {
    LogicApp(LogicApp),
    PowerAutomate(PowerAutomate),
    Function(Function),
    /// Data Factory and Synapse.
    Pipelines(Pipelines),
}

/// One look at the runs of a job, the newest first.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// When it was asked for: what happened later may not show in it.
    pub(super) began: Now,
    pub(super) runs: Result<Arc<[PlatformRun]>, String>,
}

/// What observers of a job's requests get.
pub(super) type Seen = mpsc::UnboundedReceiver<Observation>;

impl Job {
    /// The job of a link, unless the built-in sync is its own; nothing is asked of it yet.
    pub(super) fn of(
        config: &Config,
        link: &LinkConfig,
        clients: &[Client],
    ) -> Result<Option<(Self, Vec<Seen>)>, StartError> {
        let mut seen = Vec::new();
        let mut client = |endpoint: &Endpoint, audience: Option<&str>, credential: &Credential| {
            let (observer, told) = mpsc::unbounded_channel();
            seen.push(told);
            let name = InstanceName::new(link.sync.backend().word());
            let failed = |source| StartError::Job {
                link: link.name.clone(),
                source,
            };
            let name = name.map_err(|error| failed(SetUpError::Transport(error.to_string())))?;
            let settings = settings(config, &config.policy, name, endpoint, credential, 0);
            Management::new(settings, audience, observer).map_err(failed)
        };
        let (name, platform) = match &link.sync {
            SyncConfig::BuiltIn => return Ok(None),
            SyncConfig::LogicApp {
                management,
                audience,
                path,
                version,
                name,
                trigger,
                credential,
            } => {
                let client = client(management, Some(audience), credential)?;
                let app = LogicApp::new(client, path.clone(), version, trigger.clone());
                (name.clone(), Platform::LogicApp(app))
            }
            SyncConfig::DataFactory {
                management,
                audience,
                path,
                pipeline,
                credential,
            } => {
                let client = client(management, Some(audience), credential)?;
                let factory = data_factory::pipelines(client, path, pipeline);
                (pipeline.clone(), Platform::Pipelines(factory))
            }
            SyncConfig::Synapse {
                workspace,
                audience,
                pipeline,
                credential,
            } => {
                let client = client(workspace, Some(audience), credential)?;
                let workspace = synapse::pipelines(client, pipeline);
                (pipeline.clone(), Platform::Pipelines(workspace))
            }
            SyncConfig::Function {
                app,
                function,
                credential,
            } => {
                let client = client(app, None, credential)?;
                let platform = Function::new(client, function);
                (function.clone(), Platform::Function(platform))
            }
            SyncConfig::PowerAutomate {
                instance,
                flow,
                start,
            } => {
                let Some(reader) = clients.get(*instance).map(|client| client.reader.clone())
                else {
                    return Ok(None);
                };
                let start = start.as_ref().map(|url| {
                    let client = client(&url.endpoint, None, &url.credential)?;
                    Ok::<_, StartError>((client, url.path.clone()))
                });
                let flow_runs = PowerAutomate::new(reader, *flow, start.transpose()?);
                (
                    format!("flow {}…", flow.short()),
                    Platform::PowerAutomate(flow_runs),
                )
            }
        };
        let job = Self {
            name,
            backend: link.sync.backend(),
            platform,
            looks: watch::Sender::new(None),
            asked: Notify::new(),
        };
        Ok(Some((job, seen)))
    }

    /// How many runs are listed; `None` where the platform lists none.
    pub(super) async fn runs(&self) -> Result<Option<usize>, Failure> {
        match &self.platform {
            Platform::Function(_) => Ok(None),
            _ => self.list().await.map(|runs| Some(runs.len())),
        }
    }

    /// Its latest runs, newest first: far enough back to know one that ended well.
    async fn list(&self) -> Result<Vec<PlatformRun>, Failure> {
        match &self.platform {
            Platform::LogicApp(app) => app.list().await,
            Platform::PowerAutomate(flow) => flow.list().await,
            Platform::Function(_) => Ok(Vec::new()),
            Platform::Pipelines(pipelines) => pipelines.list().await,
        }
    }

    /// Starts a run; its name, where the answer says it. `tracking` marks it, where the platform can be told.
    async fn start(&self, tracking: &str) -> Result<Option<RunId>, Failure> {
        match &self.platform {
            Platform::LogicApp(app) => app.start(tracking).await,
            Platform::PowerAutomate(flow) => flow.start(tracking).await,
            Platform::Function(function) => function.start().await.map(|()| None),
            Platform::Pipelines(pipelines) => pipelines.start().await,
        }
    }

    /// Repeats a run with what it read then; the name of the new one, where the answer says it.
    async fn rerun(&self, run: &RunId) -> Result<Option<RunId>, Failure> {
        match &self.platform {
            Platform::LogicApp(app) => app.resubmit(run).await,
            Platform::Pipelines(pipelines) => pipelines.recover(run).await,
            Platform::PowerAutomate(_) | Platform::Function(_) => Err(self.can_not()),
        }
    }

    async fn cancel(&self, run: &RunId) -> Result<(), Failure> {
        match &self.platform {
            Platform::LogicApp(app) => app.cancel(run).await,
            Platform::Pipelines(pipelines) => pipelines.cancel(run).await,
            Platform::PowerAutomate(_) | Platform::Function(_) => Err(self.can_not()),
        }
    }

    fn can_not(&self) -> Failure {
        let why = format!("{} can't do that", self.backend);
        Failure::local(crate::domain::failure::FailureClass::Invalid, why)
    }

    /// Why a run can't be started, where it can't.
    pub(super) fn why_no_start(&self) -> Option<&'static str> {
        match &self.platform {
            Platform::PowerAutomate(flow) if !flow.is_started() => Some(
                "the flow has no `callback` in the configuration: only its own trigger starts it; give it one, or \
                 repair the records with `tandem sync TABLE RECORD`",
            ),
            _ => None,
        }
    }

    /// Whether an order of ours is known by its tracking id in the list.
    fn shows_tracking(&self) -> bool {
        self.backend == Backend::LogicApp
    }

    /// Whether runs are listed before they have ended.
    fn shows_running(&self) -> bool {
        self.backend != Backend::PowerAutomate
    }
}

/// Looks at the runs of a job for ever: at `busy` pace while one is under way or an order is followed, else at `idle`.
pub(super) async fn watch(
    job: Arc<Job>,
    link: usize,
    idle: Duration,
    busy: Duration,
    events: mpsc::Sender<Event>,
) {
    loop {
        let began = now();
        let runs = job.list().await.map(Arc::<[PlatformRun]>::from);
        let runs = runs.map_err(|failure| failure.to_string());
        let event = Event::RunsListed {
            link,
            runs: runs.clone(),
            at: began,
        };
        let under_way = runs
            .as_ref()
            .is_ok_and(|runs| runs.iter().any(|run| run.status.is_under_way()));
        if events.send(event).await.is_err() {
            return;
        }
        job.looks.send_replace(Some(Look { began, runs }));
        let is_followed = job.looks.receiver_count() > 0;
        let pace = if under_way || is_followed { busy } else { idle };
        tokio::select! {
            () = tokio::time::sleep(pace) => {}
            () = job.asked.notified() => {}
        }
    }
}

/// How far the service's clock is ahead of ours.
fn skew(date: Option<DateTime<Utc>>) -> chrono::Duration {
    let skew = date.map(|date| date - now().wall).unwrap_or_default();
    if skew.abs() < SKEW {
        chrono::Duration::zero()
    } else {
        skew
    }
}

/// A platform's words, bounded and made visible.
fn words(text: &str) -> String {
    let text: String = text.trim().chars().take(WORDS).collect();
    visible(&text).chars().take(WORDS).collect()
}

/// A run whose name can't be one.
fn odd_name(name: &str) -> Failure {
    let message = format!("a run has the name {}, which is none", words(name));
    Failure::local(crate::domain::failure::FailureClass::Unreadable, message)
}
