//! `tandem demo`: two embedded instances on loopback with a story to live through, and the console on them.
//!
//! Everything goes through sockets. The sync is the Logic App that the emulator serves, with runs of its own; where a
//! story has none it is tandem's own, in this process and as its own application user. Only the ports and the length of a
//! day are the demo's.

use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretString;
use tempfile::TempDir;

use super::Context;
use super::arguments::Demo;
use super::console;
use super::emulator::scenario;
use super::exit::Exit;
use super::session::Purpose;
use super::trouble::Trouble;
use crate::config::{
    self, AgentConfig, Config, HookConfig, InstanceConfig, Keys, LinkConfig, Policy, Safety,
    SyncConfig,
};
use crate::domain::credential::{Credential, SecretSource};
use crate::domain::instance::{Endpoint, InstanceName};
use crate::domain::lag::Schedule;
use crate::domain::network::Network;
use crate::domain::state_folder::StateFolder;
use crate::emulator::{
    APPLICATION_CLIENT_ID, Options, Pair, SYNC_CLIENT_ID, SYNC_WORKFLOW, Webhooks,
};

/// The demo's day: its sync runs once in this time, unless the story says another.
const DAY: Duration = Duration::from_secs(180);
/// How much later is still on time.
const GRACE: Duration = Duration::from_secs(30);
/// How long a fresh difference is in flight.
const SETTLE: Duration = Duration::from_secs(5);
/// Its first sync is due while Europe is down in the default story: that is how a bad day begins. It is tried again every
/// [`GRACE`] until the story lets it through.
pub const FIRST_SYNC: Duration = Duration::from_secs(50);
/// An outage is seen within two of these.
const PROBE: Duration = Duration::from_secs(2);
/// The longest that an open breaker waits for its next probe.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// New accounts and tickets show up within this time.
const COMPARE: Duration = Duration::from_secs(5);

/// Runs the command: binds both ports, opens the console, and only then fills the instances.
pub async fn run(arguments: &Demo, context: &mut Context) -> Result<Exit, Trouble> {
    let scenario = scenario(&arguments.scenario)?;
    let every = scenario.workflow_every();
    let hook = scenario.hook();
    let options = Options {
        webhooks: Webhooks {
            any_port: hook.is_some(),
            ..Webhooks::default()
        },
        scenario: Some(scenario),
        seed: arguments.seed,
        reads_us_only: true,
        ..Options::default()
    };
    let failed =
        |error: std::io::Error| Trouble::usage(format!("serve the demo on 127.0.0.1: {error}"));
    let mut pair = Pair::bind(options).await.map_err(failed)?;
    let (state, temporary) = if let Some(folder) = &context.globals.state {
        (folder.clone(), None)
    } else {
        let folder = TempDir::with_prefix("tandem-demo-").map_err(failed)?;
        (folder.path().join("state"), Some(folder))
    };
    let mut config =
        config(&pair, every, state).map_err(|error| Trouble::bug(format!("{error:#}")))?;
    let hook = match hook {
        None => None,
        Some(story) => {
            let hooked = hooked(&config, &pair);
            config.hook =
                Some(hooked.map_err(|error| Trouble::bug(format!("the hook: {error:#}")))?);
            let played = super::hook::play(config.clone(), story.dies, story.returns);
            Some(tokio::spawn(played))
        }
    };
    // Connections wait until the instances are filled, so that the first paint need not.
    let serving = tokio::spawn(async move {
        let served = pair.serve().await;
        (pair, served)
    });
    let shown = console::open(config, context, Purpose::Demo, Some(&arguments.scenario)).await;
    if let Some(folder) = temporary {
        keep(folder, context);
    }
    hook.inspect(tokio::task::JoinHandle::abort);
    // The instances go last: the engine has finished what it was about.
    if let Ok((pair, served)) = serving.await {
        pair.shutdown().await;
        served.map_err(failed)?;
    }
    shown
}

/// What a person wrote in the demo outlives it; all else of it goes.
fn keep(folder: TempDir, context: &Context) {
    let written = ["handover", "status.txt"].map(|name| folder.path().join("state").join(name));
    if written.iter().any(|path| path.exists()) {
        let kept = folder.keep().join("state");
        let text = format!("what you wrote is kept in {}", kept.display());
        context.output.remark(&text);
    }
}

/// The defaults, but for what would be too slow for a day of three minutes.
fn policy() -> Policy {
    let mut policy = Policy {
        probe: PROBE,
        compare: COMPARE,
        ..Policy::default()
    };
    for breaker in [
        &mut policy.read_breaker,
        &mut policy.write_breaker,
        &mut policy.auth_breaker,
    ] {
        breaker.wait_cap = LONGEST_WAIT;
    }
    policy
}

/// `every` is the cadence of the Logic App, if it is that which syncs.
fn config(
    pair: &Pair,
    every: Option<Duration>,
    state: std::path::PathBuf,
) -> anyhow::Result<Config> {
    // Not the pair's own token, which never expires: a story may take back what the token endpoint gave.
    let signed_in = |url: &str, client_id: &str| -> anyhow::Result<Credential> {
        Ok(Credential::ClientSecret {
            authority: url.parse()?,
            tenant: "demo".to_owned(),
            client_id: client_id.to_owned(),
            secret: SecretSource::Held(SecretString::from(pair.token())),
        })
    };
    let instance = |name: &str, band: &str, url: &str| -> anyhow::Result<InstanceConfig> {
        Ok(InstanceConfig {
            name: InstanceName::new(name)?,
            endpoint: Endpoint::new(url)?,
            band: band.to_owned(),
            credential: signed_in(url, APPLICATION_CLIENT_ID)?,
            agent: Some(signed_in(url, SYNC_CLIENT_ID)?),
            impersonates: None,
            may_write: false,
            policy: None,
        })
    };
    // The tables are those of the sample configuration: what a reader sees there is what the demo does.
    let sync = match every {
        Some(_) => logic_app(pair, signed_in(pair.us_url(), APPLICATION_CLIENT_ID)?)?,
        None => SyncConfig::BuiltIn,
    };
    let cadence = every.unwrap_or(DAY);
    let sample = config::parse(
        config::SAMPLE,
        "assets/default.toml".as_ref(),
        state.clone(),
    )?;
    let link = sample
        .links
        .into_iter()
        .next()
        .context("the sample configuration has a link")?;
    Ok(Config {
        instances: vec![
            instance("us", "US DEMO", pair.us_url())?,
            instance("europe", "EU DEMO", pair.europe_url())?,
        ],
        links: vec![LinkConfig {
            source: 0,
            target: 1,
            schedule: Schedule {
                cadence,
                // A sixth of a day of three minutes, an hour of a real one.
                grace: GRACE.max(cadence / 24),
                settle: SETTLE,
            },
            sync,
            ..link
        }],
        network: Network::default(),
        policy: policy(),
        safety: Safety::default(),
        hook: None,
        support: Vec::new(),
        agent: AgentConfig::default(),
        alerts: Vec::new(),
        expiries: Vec::new(),
        keep: None,
        keys: Keys::default(),
        state: StateFolder::own(state),
    })
}

/// The hook of a story that has one: on a port of its own, as the user that syncs, with what the sample says it ensures.
fn hooked(config: &Config, pair: &Pair) -> anyhow::Result<HookConfig> {
    // Let go of at once: the hook listens there, and does so again after its death.
    let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let sample = config::parse(
        config::SAMPLE,
        "assets/default.toml".as_ref(),
        config.state.to_path_buf(),
    )?;
    let sample = sample.hook.context("the sample configuration has a hook")?;
    let target = config.instances.get(1).context("Europe is there")?;
    Ok(HookConfig {
        link: 0,
        listen,
        url: Some(format!("http://{listen}/").parse()?),
        key: SecretSource::Held(SecretString::from(pair.token())),
        credential: target.agent.clone(),
        ..sample
    })
}

/// The Logic App as the emulator's management API serves it.
fn logic_app(pair: &Pair, credential: Credential) -> anyhow::Result<SyncConfig> {
    Ok(SyncConfig::LogicApp {
        management: Endpoint::new(pair.us_url())?,
        audience: "https://management.azure.com".to_owned(),
        path: format!(
            "/subscriptions/demo/resourceGroups/demo/providers/Microsoft.Logic/workflows/{SYNC_WORKFLOW}"
        ),
        version: "2019-05-01",
        name: SYNC_WORKFLOW.to_owned(),
        trigger: "Recurrence".to_owned(),
        credential,
    })
}
