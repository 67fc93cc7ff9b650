//! The configuration as the rest of the program sees it: resolved and typed, with no option left to guess.
//! Secrets are only ever named here, never held; tables and columns are checked against the instances later.

mod agent;
mod alert;
pub mod draft;
mod duration;
mod error;
mod expiry;
mod file;
mod hook;
mod instance;
mod keys;
mod link;
mod load;
pub mod locate;
mod misspelt;
mod network;
mod operators;
mod policy;
mod print;
mod state;
mod sync;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use url::Url;

use crate::domain::alert::Rule;
use crate::domain::breaker::{BreakerPolicy, Class};
use crate::domain::credential::{Credential, Impersonated, SecretSource};
use crate::domain::instance::{Endpoint, InstanceName};
use crate::domain::lag::Schedule;
use crate::domain::literal::Literal;
use crate::domain::network::{Network, Way};
use crate::domain::retry::RetryPolicy;
use crate::domain::row::{Placeholder, RowId};
use crate::domain::run::Backend;
use crate::domain::scope::Scope;
use crate::domain::state_folder::StateFolder;
use crate::domain::table::{ColumnName, TableName};

pub use duration::{parse as parse_duration, text as duration_text};
pub use error::ConfigError;
pub use load::{SAMPLE, load, parse};
pub use print::resolved;

/// Everything that was configured.
#[derive(Clone, Debug)]
pub struct Config {
    /// The instances, in the file's order.
    pub instances: Vec<InstanceConfig>,
    /// The links, in the file's order.
    pub links: Vec<LinkConfig>,
    /// How everything that is not on this machine is reached.
    pub network: Network,
    /// Timing.
    pub policy: Policy,
    /// What may be done without asking twice.
    pub safety: Safety,
    /// The groups of the host, by their numbers, whose members are support rather than on call.
    pub support: Vec<u32>,
    /// The ensure hook, if there is one.
    pub hook: Option<HookConfig>,
    /// What runs headless and always on.
    pub agent: AgentConfig,
    /// When somebody is told, and how.
    pub alerts: Vec<AlertConfig>,
    /// On which days credentials end, as far as that was written.
    pub expiries: Vec<Expiry>,
    /// Keys of the console that are not those it comes with.
    pub keys: Keys,
    /// The folder of the journal and the log, and who shares it.
    pub state: StateFolder,
    /// How long what is over stays in the journal; for ever, if it is not said.
    pub keep: Option<Duration>,
}

impl Config {
    /// The timing that holds for an instance.
    pub fn policy_of<'a>(&'a self, instance: &'a InstanceConfig) -> &'a Policy {
        instance.policy.as_ref().unwrap_or(&self.policy)
    }

    /// What of the way to the instances a person should see.
    pub fn way(&self) -> Way {
        let instances = self.instances.iter();
        let acting = instances.filter_map(|one| Some((one.name.to_string(), one.impersonates?)));
        Way {
            proxy: self.network.proxy.as_ref().map(ToString::to_string),
            authorities: self.network.authorities.clone(),
            acting: acting.collect(),
            may_write: self.links.iter().fold(Vec::new(), |mut names, link| {
                let source = self.instances.get(link.source);
                let name = source
                    .filter(|one| one.may_write)
                    .map(|one| one.name.to_string());
                names.extend(name.filter(|name| !names.contains(name)));
                names
            }),
        }
    }

    /// Whether nothing is ever written to a table of an instance: links only read it there.
    pub fn only_reads(&self, place: usize, table: &TableName) -> bool {
        let mut into = self.links.iter().filter(|link| link.target == place);
        !into.any(|link| link.tables.iter().any(|one| one.name == *table))
    }

    /// Where all secrets are kept that it names.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        let instances = self.instances.iter();
        let users = instances.flat_map(|one| [Some(&one.credential), one.agent.as_ref()]);
        let jobs = self.links.iter().map(|link| link.sync.credential());
        let hook = self.hook.iter();
        let hook = hook.flat_map(|hook| [hook.credential.as_ref(), hook.customizer.as_ref()]);
        let credentials = users.chain(jobs).chain(hook).flatten();
        let mut all: Vec<&SecretSource> = credentials.filter_map(Credential::secret).collect();
        all.extend(self.hook.as_ref().map(|hook| &hook.key));
        for alert in &self.alerts {
            if let Destination::Webhook { url, key, .. } = &alert.to {
                all.push(url);
                all.extend(key);
            }
        }
        let proxy = self.network.proxy.as_ref();
        all.extend(
            proxy
                .and_then(|proxy| proxy.user.as_ref())
                .map(|(_, one)| one),
        );
        all
    }
}

/// Keys of the console, as they were written; what they mean, the console knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Where they stand.
    pub file: PathBuf,
    /// Action by action, in the file's order.
    pub bindings: Vec<KeyBinding>,
}

/// The keys of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBinding {
    /// The action's name.
    pub action: String,
    /// Its keys; none takes all away.
    pub keys: Vec<String>,
    /// The line on which they stand.
    pub line: usize,
}

/// The agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentConfig {
    /// Where it answers `/metrics`, `/healthz` and `/readyz`.
    pub listen: SocketAddr,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
        }
    }
}

/// The end of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Whose it is, for people.
    pub whose: String,
    /// The first day on which it is refused.
    pub day: NaiveDate,
}

/// One alert: when it fires, and who is told.
#[derive(Clone, Debug)]
pub struct AlertConfig {
    /// When it fires.
    pub rule: Rule,
    /// Where it says what to do, shown and sent with it.
    pub runbook: Option<String>,
    /// Who is told.
    pub to: Destination,
}

/// Where an alert goes.
#[derive(Clone, Debug)]
pub enum Destination {
    /// To a URL, as JSON. The URL may hold a key, so it is a secret.
    Webhook {
        /// The URL: https, or http on this machine.
        url: SecretSource,
        /// What the JSON looks like.
        shape: Shape,
        /// The key that `PagerDuty` wants in the body.
        key: Option<SecretSource>,
    },
    /// To a program's stdin, as JSON.
    Command(Vec<String>),
}

/// What an alert's JSON looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All that is known, in fields of tandem's own.
    Plain,
    /// Slack's incoming webhooks.
    Slack,
    /// Microsoft Teams' workflows: an adaptive card.
    Teams,
    /// The Events API v2 of `PagerDuty`.
    PagerDuty,
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
    /// For whom the user of `credential` acts there; users of their own (agent, hook) act for themselves.
    pub impersonates: Option<Impersonated>,
    /// Whether its users may be such as may write there what a link only reads there (security case 56).
    pub may_write: bool,
    /// Timing of its own, over the common one.
    pub policy: Option<Policy>,
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

    /// What is presented to whoever runs it.
    pub fn credential(&self) -> Option<&Credential> {
        match self {
            Self::BuiltIn => None,
            Self::LogicApp { credential, .. }
            | Self::Function { credential, .. }
            | Self::DataFactory { credential, .. }
            | Self::Synapse { credential, .. } => Some(credential),
            Self::PowerAutomate { start, .. } => start.as_ref().map(|start| &start.credential),
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
    /// The hydrated columns by their names in the target; those of keys, stub and map are among them.
    pub columns: Vec<ColumnName>,
    /// Which rows of the source are on the link; all of them when there is none.
    pub scope: Option<Scope>,
    /// What a row is created with beside its hydrated columns.
    pub set: Vec<Constant>,
    /// Columns that are called or coded differently in the source.
    pub map: Vec<Mapping>,
    /// Whether an alternate key and not the GUID tells which rows are one record (`identity = "key"`).
    pub by_key: bool,
    /// Where all that stands.
    pub lines: Lines,
}

impl TableConfig {
    /// A table with all its rows in scope, and every column the same on both sides.
    pub fn new(
        name: TableName,
        keys: Vec<ColumnName>,
        stub: Vec<ColumnName>,
        columns: Vec<ColumnName>,
    ) -> Self {
        Self {
            name,
            keys,
            stub,
            columns,
            scope: None,
            set: Vec::new(),
            map: Vec::new(),
            by_key: false,
            lines: Lines::default(),
        }
    }
}

/// A constant that rows are created with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// The column, or the property that binds a lookup: `ownerid@odata.bind`.
    pub property: String,
    /// What it is set to.
    pub value: Literal,
}

/// A column of the target that the source calls or codes differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Its name in the source.
    pub from: ColumnName,
    /// Its name in the target.
    pub to: ColumnName,
    /// The source's values and what they are in the target; empty where they are the same.
    pub values: Vec<(String, Literal)>,
}

/// On which lines of the file the parts of a table stand, for what only the instances can find fault with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// The file; empty for a configuration that was not read from one.
    pub file: PathBuf,
    /// Where the table begins.
    pub table: usize,
    /// Where its columns, its `where` and its constants stand.
    pub parts: BTreeMap<String, usize>,
}

impl Lines {
    /// Where a part stands, else where the table does: `config.toml:12: `; nothing where there is no file.
    pub fn before(&self, part: Option<&str>) -> String {
        if self.table == 0 {
            return String::new();
        }
        let line = part.and_then(|part| self.parts.get(part));
        let line = line.unwrap_or(&self.table);
        format!("{}:{line}: ", self.file.display())
    }
}

/// The ensure hook: which rows refer to which, and how Dataverse calls it.
#[derive(Clone, Debug)]
pub struct HookConfig {
    /// The place of its link among the links: whose target calls it, and whose tables it ensures.
    pub link: usize,
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it serves TLS with; plain HTTP, for a reverse proxy, without.
    pub tls: Option<TlsFiles>,
    /// The address under which Dataverse reaches it: what is registered.
    pub url: Option<Url>,
    /// Where it is asked how it is, if not beside `url`.
    pub probe: Option<Url>,
    /// How a caller proves that it may call.
    pub authentication: Authentication,
    /// The secret that it proves it with.
    pub key: SecretSource,
    /// What the hook presents to the target, where that is not the instance's own.
    pub credential: Option<Credential>,
    /// What registering presents to the target, where that is not the instance's own.
    pub customizer: Option<Credential>,
    /// The tables whose rows refer to what it ensures.
    pub tables: Vec<HookTable>,
}

impl HookConfig {
    /// Where it is asked how it is: as configured, else beside the address that is registered, else where it listens.
    pub fn probed(&self) -> Option<Url> {
        let listens = || {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            let is_address = !self.listen.ip().is_unspecified() && self.listen.port() != 0;
            let url = format!("{scheme}://{}/", self.listen);
            is_address.then(|| url.parse().ok()).flatten()
        };
        let configured = self.probe.clone().or_else(|| self.url.clone());
        configured.or_else(listens)
    }
}

/// The files of a TLS server, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How a caller of the hook proves that it may call (contract 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// `?code=KEY`.
    WebhookKey,
    /// A header of this name.
    HttpHeader(String),
}

/// One table whose rows refer to what the hook ensures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookTable {
    /// Its logical name.
    pub name: TableName,
    /// Its lookups that are looked after.
    pub references: Vec<HookReference>,
}

/// One lookup that is looked after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookReference {
    /// The lookup.
    pub column: ColumnName,
    /// Columns of a stub, each with the column of the incoming row that its value is taken from.
    pub stub: Vec<(ColumnName, ColumnName)>,
}

/// Timing: probes, comparisons, timeouts, breakers, retries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The time between two probes of an instance.
    pub probe: Duration,
    /// The time between two looks at what changed on a link.
    pub compare: Duration,
    /// The time between two comparisons of everything.
    pub full_compare: Duration,
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

impl Policy {
    /// The times, each under the name that it has in the configuration.
    pub(crate) fn times(&self) -> [(&'static str, Duration); 8] {
        [
            ("probe", self.probe),
            ("compare", self.compare),
            ("full_compare", self.full_compare),
            ("connect_timeout", self.connect_timeout),
            ("read_timeout", self.read_timeout),
            ("write_timeout", self.write_timeout),
            ("idle_timeout", self.idle_timeout),
            ("deadline", self.deadline),
        ]
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(5),
            compare: Duration::from_secs(60),
            full_compare: Duration::from_secs(7 * 24 * 3600),
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
