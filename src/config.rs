//! The configuration as the rest of the program sees it: resolved and typed, with no option left to guess.
//! Secrets are only ever named here, never held; tables and columns are checked against the instances later.

mod duration;
mod error;
mod file;
mod instance;
mod link;
mod load;
pub mod locate;
mod policy;
mod sync;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::breaker::{BreakerPolicy, Class};
use crate::domain::credential::Credential;
use crate::domain::instance::{Endpoint, InstanceName};
use crate::domain::lag::Schedule;
use crate::domain::retry::RetryPolicy;
use crate::domain::row::{Placeholder, RowId};
use crate::domain::run::Backend;
use crate::domain::table::{ColumnName, TableName};

pub use duration::parse as parse_duration;
pub use error::ConfigError;
pub use load::{SAMPLE, load, parse};

/// Everything that was configured.
#[derive(Clone, Debug)]
pub struct Config {
    /// The instances, in the file's order.
    pub instances: Vec<InstanceConfig>,
    /// The links, in the file's order.
    pub links: Vec<LinkConfig>,
    /// Timing.
    pub policy: Policy,
    /// What may be done without asking twice.
    pub safety: Safety,
    /// The folder of the journal and the log.
    pub state: PathBuf,
}

/// One instance.
#[derive(Clone, Debug)]
pub struct InstanceConfig {
    /// Its name.
    pub name: InstanceName,
    /// Its origin.
    pub endpoint: Endpoint,
    /// What the environment band says, `US PROD`.
    pub band: String,
    /// What to present to it.
    pub credential: Credential,
    /// What the scheduled sync presents to it, where that is another application user.
    pub agent: Option<Credential>,
}

/// One link: replication from one instance to another over a list of tables.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// Its name, `us-europe` unless configured.
    pub name: String,
    /// The place of the source among the instances.
    pub source: usize,
    /// The place of the target among the instances.
    pub target: usize,
    /// When its sync is due.
    pub schedule: Schedule,
    /// What runs its sync.
    pub sync: SyncConfig,
    /// What stands in a required text column of a stub.
    pub placeholder: Placeholder,
    /// Application users of other syncs that write to the target.
    pub sync_users: Vec<RowId>,
    /// Its tables.
    pub tables: Vec<TableConfig>,
}

/// What runs the sync of a link, and where it is asked about its runs (contract 11).
#[derive(Clone, Debug)]
pub enum SyncConfig {
    /// Tandem itself.
    BuiltIn,
    /// A Logic App.
    LogicApp {
        /// The management API.
        management: Endpoint,
        /// For whom its tokens are.
        audience: String,
        /// The path of the workflow there.
        path: String,
        /// The version of the management API, which differs for Consumption and Standard.
        version: &'static str,
        /// The workflow's name.
        name: String,
        /// The trigger that a new run is started by.
        trigger: String,
        /// What to present to it.
        credential: Credential,
    },
    /// A cloud flow of Power Automate.
    PowerAutomate {
        /// The place among the instances of the one that keeps the flow.
        instance: usize,
        /// The flow's row of the table `workflow`.
        flow: RowId,
        /// What starts it, if it has a trigger that is called.
        start: Option<SignedUrl>,
    },
    /// An Azure Function.
    Function {
        /// The function app.
        app: Endpoint,
        /// The function's name.
        function: String,
        /// The app's master key.
        credential: Credential,
    },
    /// A pipeline of a Data Factory.
    DataFactory {
        /// The management API.
        management: Endpoint,
        /// For whom its tokens are.
        audience: String,
        /// The path of the factory there.
        path: String,
        /// The pipeline's name.
        pipeline: String,
        /// What to present to it.
        credential: Credential,
    },
    /// A pipeline of a Synapse workspace.
    Synapse {
        /// The workspace's data plane.
        workspace: Endpoint,
        /// For whom its tokens are.
        audience: String,
        /// The pipeline's name.
        pipeline: String,
        /// What to present to it.
        credential: Credential,
    },
}

impl SyncConfig {
    /// Which of them it is.
    pub fn backend(&self) -> Backend {
        match self {
            Self::BuiltIn => Backend::BuiltIn,
            Self::LogicApp { .. } => Backend::LogicApp,
            Self::PowerAutomate { .. } => Backend::PowerAutomate,
            Self::Function { .. } => Backend::Function,
            Self::DataFactory { .. } => Backend::DataFactory,
            Self::Synapse { .. } => Backend::Synapse,
        }
    }
}

/// A URL that whoever has its signature may call.
#[derive(Clone, Debug)]
pub struct SignedUrl {
    /// Its origin.
    pub endpoint: Endpoint,
    /// Its path, and its query but for the signature.
    pub path: String,
    /// The signature.
    pub credential: Credential,
}

/// One table of a link.
#[derive(Clone, Debug)]
pub struct TableConfig {
    /// Its logical name.
    pub name: TableName,
    /// The columns of its alternate keys.
    pub keys: Vec<ColumnName>,
    /// The columns that an ensure may set.
    pub stub: Vec<ColumnName>,
    /// The hydrated columns; keys and stub columns are among them.
    pub columns: Vec<ColumnName>,
}

/// Timing: probes, comparisons, timeouts, breakers, retries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The time between two probes of an instance.
    pub probe: Duration,
    /// The time between two comparisons of a link.
    pub compare: Duration,
    /// The longest that a connection may take.
    pub connect_timeout: Duration,
    /// The longest that a read may take to its first byte.
    pub read_timeout: Duration,
    /// The longest that a write may take to its first byte; custom logic may take two minutes.
    pub write_timeout: Duration,
    /// The longest silence within a body.
    pub idle_timeout: Duration,
    /// The longest that one record may take, retries and waits in between included.
    pub deadline: Duration,
    /// The breaker of reads.
    pub read_breaker: BreakerPolicy,
    /// The breaker of writes.
    pub write_breaker: BreakerPolicy,
    /// The breaker of the token endpoint.
    pub auth_breaker: BreakerPolicy,
    /// Retries.
    pub retry: RetryPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(5),
            compare: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(130),
            idle_timeout: Duration::from_secs(15),
            deadline: Duration::from_secs(150),
            read_breaker: BreakerPolicy::of(Class::Read),
            write_breaker: BreakerPolicy::of(Class::Write),
            auth_breaker: BreakerPolicy::of(Class::Auth),
            retry: RetryPolicy::default(),
        }
    }
}

impl Policy {
    /// The breaker's numbers for a class.
    pub fn breaker(&self, class: Class) -> BreakerPolicy {
        match class {
            Class::Read => self.read_breaker,
            Class::Write => self.write_breaker,
            Class::Auth => self.auth_breaker,
        }
    }
}

/// How careful the console is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Safety {
    /// Whether it starts armed rather than read-only.
    pub starts_armed: bool,
    /// Above this many records the count is typed, and a reason is required.
    pub confirm_above: usize,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            starts_armed: false,
            confirm_above: 25,
        }
    }
}
