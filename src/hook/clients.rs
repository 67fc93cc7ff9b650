//! The hook's own clients: their own user where one is configured, their own breakers, gates and calls in flight, so
//! that no repair and no order to another class stops a ticket (design, rule 8); and the short patience of something
//! that a person waits for.

use std::time::Duration;

use tokio::sync::mpsc;

use super::StartError;
use crate::config::{Config, HookConfig, InstanceConfig, LinkConfig};
use crate::dataverse::{ClientStatus, Observation, Reader, Settings, Timeouts, now};
use crate::domain::breaker::Class;
use crate::domain::credential::Credential;
use crate::domain::instance::InstanceName;
use crate::domain::retry::RetryPolicy;
use crate::domain::time::Now;
use crate::engine::gates;

/// What one call of the target may take, retries included: less than an answer of the hook.
const TARGET: Timeouts = Timeouts {
    connect: Duration::from_millis(1500),
    read: Duration::from_secs(2),
    write: Duration::from_secs(4),
    idle: Duration::from_secs(2),
    deadline: Duration::from_secs(4),
};
/// The source is asked for less, and waited for less.
const SOURCE: Timeouts = Timeouts {
    connect: Duration::from_millis(1000),
    read: Duration::from_millis(1500),
    write: Duration::from_millis(1500),
    idle: Duration::from_millis(1500),
    deadline: Duration::from_millis(1500),
};

/// The instances at both ends of the hook's link.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) source: Reader,
    pub(super) target: Reader,
    names: [InstanceName; 2],
}

type Observed = Vec<(InstanceName, mpsc::UnboundedReceiver<Observation>)>;

impl Clients {
    pub(super) fn new(
        config: &Config,
        hook: &HookConfig,
        link: &LinkConfig,
    ) -> Result<(Self, Observed), StartError> {
        let instance = |place| config.instances.get(place).ok_or(StartError::NotConfigured);
        let (from, to) = (instance(link.source)?, instance(link.target)?);
        let credential = hook.credential.as_ref();
        let (source, from_source) = client(from, config, SOURCE, None)?;
        let (target, from_target) = client(to, config, TARGET, credential)?;
        for (client, instance) in [(&source, from), (&target, to)] {
            gates::keep(client, &config.state, &instance.name, gates::Role::Hook);
        }
        let clients = Self {
            source,
            target,
            names: [from.name.clone(), to.name.clone()],
        };
        let observed = vec![
            (from.name.clone(), from_source),
            (to.name.clone(), from_target),
        ];
        Ok((clients, observed))
    }

    /// Both clients, by the names of their instances.
    pub(super) fn named(&self) -> [(&str, &Reader); 2] {
        let [source, target] = &self.names;
        [
            (source.as_str(), &self.source),
            (target.as_str(), &self.target),
        ]
    }

    /// What both clients say of themselves.
    pub(super) fn status(&self, at: Now) -> [(String, ClientStatus); 2] {
        let [source, target] = &self.names;
        [
            (source.to_string(), self.source.status(at)),
            (target.to_string(), self.target.status(at)),
        ]
    }
}

/// A client of an instance, as this user or as the instance's own.
pub(super) fn client(
    instance: &InstanceConfig,
    config: &Config,
    timeouts: Timeouts,
    credential: Option<&Credential>,
) -> Result<(Reader, mpsc::UnboundedReceiver<Observation>), StartError> {
    let (observer, seen) = mpsc::unbounded_channel();
    let settings = Settings {
        name: instance.name.clone(),
        endpoint: instance.endpoint.clone(),
        credential: credential.unwrap_or(&instance.credential).clone(),
        impersonates: instance.impersonates.filter(|_| credential.is_none()),
        network: config.network.clone(),
        timeouts,
        breakers: Class::ALL.map(|class| config.policy_of(instance).breaker(class)),
        // Once more, at once: nobody who waits for a ticket has time for a back-off.
        retry: RetryPolicy {
            attempts: 2,
            throttled_attempts: 1,
            base: Duration::from_millis(50),
            cap: Duration::from_millis(100),
            ..RetryPolicy::default()
        },
        // Hooks that start together must not probe in step.
        seed: u64::from(now().wall.timestamp_subsec_nanos()),
    };
    let reader = Reader::new(settings, observer).map_err(|source| StartError::Client {
        instance: instance.name.clone(),
        source,
    })?;
    Ok((reader.widened(), seen))
}
