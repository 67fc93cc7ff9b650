//! The shape of the file, as it is written. Nothing is checked here but names and types.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use super::duration::Span;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(default)]
    pub instances: BTreeMap<Spanned<String>, Instance>,
    #[serde(default)]
    pub links: Vec<Spanned<Link>>,
    #[serde(default)]
    pub network: Network,
    #[serde(default)]
    pub policy: Option<Spanned<Policy>>,
    #[serde(default)]
    pub safety: Safety,
    #[serde(default)]
    pub operators: Operators,
    #[serde(default)]
    pub agent: Agent,
    #[serde(default)]
    pub alerts: Vec<Spanned<Alert>>,
    pub hook: Option<Spanned<Hook>>,
    #[serde(default)]
    pub keys: BTreeMap<Spanned<String>, Keys>,
    #[serde(default)]
    pub state: State,
}

/// `[state]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub group: Option<Spanned<Group>>,
    pub keep: Option<Spanned<String>>,
}

/// A group of the host, by its name or its number.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "group is the name of a group of this host, or its number"
)]
pub enum Group {
    Number(u32),
    Name(String),
}

/// `[network]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub ca: Option<Files>,
    pub proxy: Option<Spanned<String>>,
    pub proxy_user: Option<Spanned<String>>,
    pub proxy_password: Option<Spanned<Secret>>,
    pub no_proxy: Option<Spanned<Vec<String>>>,
}

/// One file or several.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a file, \"corporate-ca.pem\", or several, [\"a.pem\", \"b.pem\"]"
)]
pub enum Files {
    One(String),
    Several(Vec<String>),
}

/// `[instances.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    pub url: Spanned<String>,
    pub band: Option<Spanned<String>>,
    pub credential: Spanned<Credential>,
    pub agent: Option<Spanned<Credential>>,
    pub impersonate: Option<Spanned<Impersonated>>,
    #[serde(default)]
    pub may_write: bool,
    pub policy: Option<Spanned<Policy>>,
}

/// For whom an instance's user acts: by the id of the person's object in Entra, or of the row of the instance's users.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impersonated {
    pub object: Option<Spanned<String>>,
    pub user: Option<Spanned<String>>,
}

/// All that any kind of credential may say: which of it is wanted depends on the kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub kind: Spanned<String>,
    pub token: Option<Secret>,
    pub authority: Option<Spanned<String>>,
    pub tenant: Option<Spanned<String>>,
    pub client_id: Option<Spanned<String>>,
    pub secret: Option<Secret>,
    pub key: Option<Secret>,
    pub token_file: Option<Spanned<String>>,
    pub certificate: Option<Spanned<String>>,
    pub expires: Option<Spanned<String>>,
}

/// Where a secret comes from.
#[derive(Debug)]
pub enum Secret {
    Env(String),
    File(String),
    Command(Vec<String>),
    Stdin(usize),
}

const SECRET: &str =
    "{ env = \"NAME\" }, { file = \"PATH\" }, { command = [\"PROGRAM\", …] } or { stdin = LINE }";

impl<'de> Deserialize<'de> for Secret {
    /// Written out by hand so that a secret that stands in the file by mistake is not repeated in the error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Source;
        impl<'de> Visitor<'de> for Source {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SECRET)
            }

            fn visit_str<E: Error>(self, _secret: &str) -> Result<Secret, E> {
                Err(E::custom(format!(
                    "a secret never stands in the configuration itself: say {SECRET}, and change the secret, which \
                     may have been seen"
                )))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
                let wanted = || A::Error::custom(format!("a secret is exactly one of {SECRET}"));
                let key: String = map.next_key()?.ok_or_else(wanted)?;
                let secret = match key.as_str() {
                    "env" => Secret::Env(map.next_value()?),
                    "file" => Secret::File(map.next_value()?),
                    "command" => Secret::Command(map.next_value()?),
                    "stdin" => Secret::Stdin(map.next_value()?),
                    _ => return Err(wanted()),
                };
                match map.next_key::<String>()? {
                    None => Ok(secret),
                    Some(_) => Err(wanted()),
                }
            }
        }
        deserializer.deserialize_any(Source)
    }
}

/// `[[links]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub name: Option<Spanned<String>>,
    pub source: Spanned<String>,
    pub target: Spanned<String>,
    pub cadence: Option<Spanned<Span>>,
    pub grace: Option<Span>,
    pub settle: Option<Span>,
    pub placeholder: Option<String>,
    #[serde(default)]
    pub sync_users: Vec<Spanned<String>>,
    pub sync: Option<Spanned<Sync>>,
    #[serde(default)]
    pub tables: Vec<Spanned<Table>>,
}

/// All that any job that runs the sync may be said of: which of it is wanted depends on the backend.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    pub backend: Spanned<String>,
    pub management: Option<Spanned<String>>,
    pub audience: Option<Spanned<String>>,
    pub subscription: Option<Spanned<String>>,
    pub resource_group: Option<Spanned<String>>,
    pub workflow: Option<Spanned<String>>,
    pub site: Option<Spanned<String>>,
    pub trigger: Option<Spanned<String>>,
    pub factory: Option<Spanned<String>>,
    pub pipeline: Option<Spanned<String>>,
    pub workspace: Option<Spanned<String>>,
    pub app: Option<Spanned<String>>,
    pub function: Option<Spanned<String>>,
    pub flow: Option<Spanned<String>>,
    pub instance: Option<Spanned<String>>,
    pub callback: Option<Spanned<String>>,
    pub credential: Option<Spanned<Credential>>,
}

/// `[[links.tables]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub name: Spanned<String>,
    pub identity: Option<Spanned<String>>,
    #[serde(default)]
    pub keys: Vec<Spanned<String>>,
    #[serde(default)]
    pub stub: Vec<Spanned<String>>,
    #[serde(default)]
    pub columns: Vec<Spanned<String>>,
    #[serde(rename = "where")]
    pub scope: Option<Spanned<String>>,
    #[serde(default)]
    pub set: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    #[serde(default)]
    pub map: Vec<Map>,
}

/// One entry of a table's `map`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    pub from: Spanned<String>,
    pub to: Spanned<String>,
    #[serde(default)]
    pub values: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

/// `[hook]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    pub link: Option<Spanned<String>>,
    pub listen: Option<Spanned<String>>,
    pub tls: Option<HookTls>,
    pub url: Option<Spanned<String>>,
    pub probe: Option<Spanned<String>>,
    pub authentication: Option<Spanned<String>>,
    pub header: Option<Spanned<String>>,
    pub key: Secret,
    pub credential: Option<Spanned<Credential>>,
    pub customizer: Option<Spanned<Credential>>,
    pub tables: Spanned<Vec<Spanned<HookTable>>>,
}

/// `tls` of the hook: two files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookTls {
    pub certificate: Spanned<String>,
    pub key: Spanned<String>,
}

/// One of the hook's `tables`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookTable {
    pub name: Spanned<String>,
    #[serde(default)]
    pub references: Vec<HookReference>,
}

/// One of the `references` of a table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookReference {
    pub column: Spanned<String>,
    #[serde(default)]
    pub stub: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// `[policy]`; what is left out keeps its default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub probe: Option<Span>,
    pub compare: Option<Span>,
    pub full_compare: Option<Span>,
    pub connect_timeout: Option<Span>,
    pub read_timeout: Option<Span>,
    pub write_timeout: Option<Span>,
    pub idle_timeout: Option<Span>,
    pub deadline: Option<Span>,
    #[serde(default)]
    pub breaker: Breaker,
    #[serde(default)]
    pub read_breaker: Breaker,
    #[serde(default)]
    pub write_breaker: Breaker,
    #[serde(default)]
    pub auth_breaker: Breaker,
    #[serde(default)]
    pub retry: Retry,
}

/// `[policy.breaker]` and those of the classes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    pub window: Option<Span>,
    pub min_calls: Option<u32>,
    pub failure_ratio: Option<f64>,
    pub failure_run: Option<u32>,
    pub slow_call: Option<Span>,
    pub slow_ratio: Option<f64>,
    pub wait_base: Option<Span>,
    pub wait_cap: Option<Span>,
    pub jitter: Option<f64>,
    pub decay: Option<Span>,
    pub successes_to_close: Option<u32>,
    pub probe_lease: Option<Span>,
}

/// `[policy.retry]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    pub attempts: Option<u32>,
    pub throttled_attempts: Option<u32>,
    pub base: Option<Span>,
    pub cap: Option<Span>,
}

/// `[safety]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Safety {
    pub start: Option<Spanned<String>>,
    pub confirm_above: Option<usize>,
}

/// `[operators]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operators {
    #[serde(default)]
    pub support: Vec<Spanned<Group>>,
}

/// `[agent]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    pub listen: Option<Spanned<String>>,
}

/// `[[alerts]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    pub name: Option<Spanned<String>>,
    pub when: Spanned<String>,
    pub after: Option<Span>,
    pub repeat: Option<Spanned<Span>>,
    pub runbook: Option<Spanned<String>>,
    pub to: Spanned<Destination>,
}

/// Where an alert goes: to a webhook or to a command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    pub webhook: Option<Secret>,
    pub shape: Option<Spanned<String>>,
    pub key: Option<Secret>,
    pub command: Option<Vec<String>>,
}

/// The keys of one action in `[keys]`.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a key, \"Ctrl-R\", or several, [\"r\", \"F5\"]; [] takes them away"
)]
pub enum Keys {
    One(String),
    Several(Vec<String>),
}
