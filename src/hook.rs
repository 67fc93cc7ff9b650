//! The ensure hook: Dataverse calls it before it creates a row that refers to others, and it makes sure that those are
//! there. It **fails open**: whatever happens, it answers 200 within five seconds, and only a wrong key is refused; a
//! row that could not be ensured is then refused by Dataverse itself, as if there were no hook (design, "The hook").
//!
//! ```text
//!   Dataverse ──POST──▶ server ─▶ routes ─▶ key ─▶ context ─▶ ensure ──▶ target (own user, breaker, gate)
//!   an app ──/ensure──▶                                         │  └────▶ source (as far as it answers in time)
//!                                                             tally ──▶ /metrics
//! ```
//!
//! It keeps nothing that another hook behind the same balancer would need. It writes no journal: every write of its is
//! create-only, and safe to repeat. Beside a console or an agent it follows the orders that stand in theirs.

mod context;
mod key;
mod known;
mod tables;

mod ensure;
mod tally;

mod routes;
mod server;
mod tls;

mod clients;
mod orders;
mod refused;
pub mod registration;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, HookConfig, LinkConfig};
use crate::dataverse::{BadSecret, Observation, Reader, SetUpError, fetch_secret, now};
use crate::domain::instance::InstanceName;
use crate::domain::time::Now;
use crate::engine::stub::NotReady;

use clients::Clients;
use ensure::Ensurer;
use key::Key;
use orders::Orders;
use refused::Refusals;
use tables::Described;
use tally::Tally;

/// The longest that Dataverse waits for an answer: under the five seconds of the design.
const ANSWER_WITHIN: Duration = Duration::from_millis(4500);

/// Why the hook can't be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no `[hook]`, or it names what is not there.
    #[error("no [hook] is configured")]
    NotConfigured,
    /// An instance's client can't be set up from its configuration.
    #[error("set up the instance {instance}")]
    Client {
        /// The instance.
        instance: InstanceName,
        /// Why.
        source: SetUpError,
    },
    /// The key can't be had.
    #[error("fetch the hook's key")]
    Key(#[from] BadSecret),
    /// The certificate or its key can't be used.
    #[error("use the hook's certificate: {0}")]
    Tls(String),
    /// The address can't be listened on.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The configuration does not fit the target.
    #[error("{0}")]
    Misfit(String),
}

/// A hook that listens, and is not served yet.
#[derive(Debug)]
pub struct Hook {
    listener: TcpListener,
    tls: Option<tls::Tls>,
    serving: Arc<Serving>,
    observed: Vec<(InstanceName, mpsc::UnboundedReceiver<Observation>)>,
    orders: Orders,
    probe: Duration,
}

/// What every call needs.
#[derive(Debug)]
struct Serving {
    config: HookConfig,
    link: LinkConfig,
    key: Key,
    clients: Clients,
    ensurer: Ensurer,
    described: OnceLock<Described>,
    tally: Tally,
    refusals: Refusals,
}

impl Hook {
    /// Sets up clients, fetches the key, binds, and asks the target for its tables once. A target that does not
    /// answer is asked again while the hook serves.
    pub async fn bind(config: &Config) -> Result<Self, StartError> {
        let hook = config.hook.clone().ok_or(StartError::NotConfigured)?;
        let link = config
            .links
            .get(hook.link)
            .cloned()
            .ok_or(StartError::NotConfigured)?;
        let (clients, observed) = Clients::new(config, &hook, &link)?;
        let key = Key::new(hook.authentication.clone(), secret(&hook).await?);
        let tls = hook.tls.as_ref().map(tls::Tls::load).transpose()?;
        let address = hook.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| StartError::Listen { address, source })?;
        let serving = Serving {
            ensurer: Ensurer::new(clients.source.clone(), clients.target.writer()),
            config: hook,
            link,
            key,
            clients,
            described: OnceLock::new(),
            tally: Tally::begun(now().wall),
            refusals: Refusals::default(),
        };
        let mut orders = Orders::new(config.state.clone());
        orders.look(&serving.clients).await;
        for described in [serving.describe().await, serving.ask_source().await] {
            match described {
                Err(NotReady::Misfit(why)) => return Err(StartError::Misfit(why)),
                // Not ready yet, and it says so at /readyz; the source may as well be down.
                Ok(()) | Err(NotReady::Unreachable(_)) => {}
            }
        }
        Ok(Self {
            listener,
            tls,
            serving: Arc::new(serving),
            observed,
            orders,
            probe: config.policy.probe,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether it serves TLS itself.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until it is stopped; calls that are in hand are answered first.
    pub async fn serve(self, stop: CancellationToken) {
        let serving = self.serving;
        for (instance, observations) in self.observed {
            let counting = Arc::clone(&serving);
            tokio::spawn(async move { counting.observe(&instance, observations).await });
        }
        let keeper = tokio::spawn({
            let (serving, orders, probe) = (Arc::clone(&serving), self.orders, self.probe);
            async move { tokio::join!(serving.keep(probe), orders.follow(&serving.clients)) }
        });
        let router = routes::router(Arc::clone(&serving));
        server::serve(self.listener, self.tls, router, stop).await;
        keeper.abort();
        // Bounded by the deadlines of its clients; nobody waits for it longer than for an answer.
        let _landed = tokio::time::timeout(ANSWER_WITHIN, serving.ensurer.land()).await;
        tracing::info!("the hook has stopped");
    }
}

/// Fetching may block: a program may be asked.
async fn secret(hook: &HookConfig) -> Result<secrecy::SecretString, BadSecret> {
    let source = hook.key.clone();
    let fetched = tokio::task::spawn_blocking(move || fetch_secret(&source)).await;
    fetched.unwrap_or(Err(BadSecret::Empty))
}

impl Serving {
    async fn describe(&self) -> Result<(), NotReady> {
        let target = &self.clients.target;
        let asked = Described::ask(&self.config, &self.link, target).await;
        match asked {
            Ok(described) => {
                tracing::info!(user = %described.own, "the hook is ready");
                // Somebody else may have been first, and knows the same.
                let _first = self.described.set(described);
                Ok(())
            }
            Err(not_ready) => {
                tracing::warn!(%not_ready, "the hook is not ready");
                Err(not_ready)
            }
        }
    }

    async fn ask_source(&self) -> Result<(), NotReady> {
        match self.described.get() {
            Some(described) => self.ensurer.ask_source(&described.tables).await,
            None => Ok(()),
        }
    }

    /// Asks the target until it has described its tables, and from then on finds out whether an instance that failed
    /// is back: a read breaker is closed by a cheap read, not by a ticket.
    async fn keep(&self, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.described.get().is_none() {
                // Told already.
                let _not_ready = self.describe().await;
            }
            // What the source says of its tables is told of when it is needed.
            let (_told, (), ()) = tokio::join!(
                self.ask_source(),
                probe(&self.clients.source, now()),
                probe(&self.clients.target, now())
            );
        }
    }

    async fn observe(
        &self,
        instance: &InstanceName,
        mut observations: mpsc::UnboundedReceiver<Observation>,
    ) {
        while let Some(observation) = observations.recv().await {
            observation.log();
            self.tally.requested(instance.as_str(), &observation);
        }
    }
}

async fn probe(reader: &Reader, at: Now) {
    let is_well = |breaker: &crate::domain::breaker::BreakerStatus| breaker.is_closed();
    if !reader.status(at).breakers.iter().all(is_well) {
        // What came of it is the breaker's.
        let _answer = reader.who_am_i().await;
    }
}
