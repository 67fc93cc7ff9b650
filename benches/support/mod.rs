//! What the benches of the engine have in common: two instances full of records, an engine on top of them, and times.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each bench uses a part of it, so that no expectation would be met in all of them"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::Value as Json;
use tandem::config::{self, Config};
use tandem::domain::credential::{Credential, SecretSource};
use tandem::domain::operator::Operator;
use tandem::emulator::{Data, Options, Pair};
use tandem::engine::{self, Depth, Engine, Running, State};

pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A number from the environment, for a smaller or a longer run.
pub fn number(name: &str, default: u32) -> Result<u32, Failed> {
    match std::env::var(name) {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(default),
    }
}

/// Two instances with so many accounts each.
pub async fn pair(records: u32, drift: f64) -> Result<Pair, Failed> {
    let mut pair = Pair::bind(Options {
        data: Data::Many { records, drift },
        plug_in: false,
        ..Options::default()
    })
    .await?;
    pair.serve().await?;
    Ok(pair)
}

/// A link of the accounts: what the source owns of them, texts, a number and a choice.
const LINK: &str = r#"
[[links]]
source = "us"
target = "europe"
[[links.tables]]
name = "account"
keys = ["accountnumber"]
stub = ["name"]
columns = ["name", "telephone1", "emailaddress1", "websiteurl", "address1_city", "numberofemployees", "customertypecode"]
"#;

/// The configuration with which the engine is measured.
pub fn config(pair: &Pair, state: &Path) -> Result<Config, Failed> {
    let instance = |name: &str, url: &str| {
        format!(
            "[instances.{name}]\nurl = \"{url}\"\ncredential = {{ kind = \"token\", token = {{ env = \"X\" }} }}\nmay_write = true\n"
        )
    };
    let (us, europe) = (
        instance("us", pair.us_url()),
        instance("europe", pair.europe_url()),
    );
    let mut config = config::parse(
        &format!("{us}{europe}{LINK}"),
        "bench.toml".as_ref(),
        state.to_owned(),
    )?;
    for instance in &mut config.instances {
        instance.credential =
            Credential::Token(SecretSource::Held(SecretString::from(pair.token())));
    }
    // Nothing happens by itself while something is measured.
    config.policy.compare = Duration::from_secs(24 * 3600);
    Ok(config)
}

/// An engine that compares at once.
pub fn engine(pair: &Pair, state: &Path) -> Result<(Engine, Running), Failed> {
    let options = engine::Options {
        who: "bench".to_owned(),
        host: "bench".to_owned(),
        is_agent: false,
        is_unattended: false,
        first_sync: Duration::from_secs(24 * 3600),
        read_only: false,
        operator: Operator::OnCall,
        compares: true,
        depth: Depth::Changes,
        follows: false,
    };
    Ok(engine::start(config(pair, state)?, options)?)
}

/// Waits for a state of the engine.
pub async fn until(
    engine: &mut Engine,
    is_so: impl FnMut(&Arc<State>) -> bool,
) -> Result<Arc<State>, Failed> {
    let mut is_so = is_so;
    let is_over = |state: &Arc<State>| is_so(state) || fault(state).is_some();
    let state = engine.states.wait_for(is_over).await?.clone();
    fault(&state).map_or(Ok(state), |why| Err(why.into()))
}

/// Why nothing more can be expected of an engine.
fn fault(state: &State) -> Option<String> {
    let links = state.links.iter().find_map(|link| link.fault.clone());
    let tables = || state.tables.iter().find_map(|table| table.failure.clone());
    state.journal_fault.clone().or(links).or_else(tables)
}

/// The requests of the Web API that an instance received since its log was last forgotten, without the parts of batches.
pub async fn received(
    client: &reqwest::Client,
    pair: &Pair,
    url: &str,
) -> Result<Vec<Json>, Failed> {
    let log = client
        .get(format!("{url}/emulator/log"))
        .bearer_auth(pair.token());
    let mut log: Json = serde_json::from_slice(&read(log).await?)?;
    let requests = log["requests"]
        .as_array_mut()
        .map(std::mem::take)
        .unwrap_or_default();
    let is_web_api = |request: &Json| {
        request["path"]
            .as_str()
            .is_some_and(|path| path.starts_with("/api/data/"))
    };
    Ok(requests
        .into_iter()
        .filter(is_web_api)
        .filter(|request| request["is_part"] == false)
        .collect())
}

/// Has both instances forget what they received.
pub async fn forget(client: &reqwest::Client, pair: &Pair) -> Result<(), Failed> {
    for url in [pair.us_url(), pair.europe_url()] {
        read(
            client
                .delete(format!("{url}/emulator/log"))
                .bearer_auth(pair.token()),
        )
        .await?;
    }
    Ok(())
}

pub async fn read(request: reqwest::RequestBuilder) -> Result<Bytes, Failed> {
    Ok(request.send().await?.error_for_status()?.bytes().await?)
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The most memory that this process, emulator included, has had at once, in MB; nothing where the system doesn't tell.
pub fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes / 1024)
}
