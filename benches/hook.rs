//! What a call of the ensure hook costs beside a bare round trip to its target, which answers with 20 ms of latency: 200
//! calls a second, of new references and of known ones.
//!
//! `cargo bench --bench hook`; `TANDEM_BENCH_SECONDS` says for how long (5).
#![expect(clippy::print_stdout, reason = "what a benchmark finds is its output")]

use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::{Value as Json, json};
use tandem::config::{self, Config};
use tandem::domain::credential::{Credential, SecretSource};
use tandem::emulator::{Data, Options, Pair};
use tandem::hook::Hook;
use tokio_util::sync::CancellationToken;

type Failed = Box<dyn std::error::Error>;

const KEY: &str = "key";
const CALLS_A_SECOND: u32 = 200;
const LATENCY: &str = r#"{"count":null,"delay_ms":20}"#;

fn main() -> Result<(), Failed> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run())
}

async fn run() -> Result<(), Failed> {
    let seconds: u32 = match std::env::var("TANDEM_BENCH_SECONDS") {
        Ok(text) => text.parse()?,
        Err(_) => 5,
    };
    let calls = CALLS_A_SECOND * seconds;
    let mut pair = Pair::bind(Options {
        data: Data::Many {
            records: calls,
            drift: 1.0,
        },
        plug_in: false,
        ..Options::default()
    })
    .await?;
    pair.serve().await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let listed = format!("{}/api/data/v9.2/accounts?$select=accountid", pair.us_url());
    let ids = ids(&client, &pair, &listed).await?;
    for origin in [pair.us_url(), pair.europe_url()] {
        let url = format!("{origin}/emulator/faults");
        let armed = client.post(url).bearer_auth(pair.token()).body(LATENCY);
        armed.send().await?.error_for_status()?;
    }
    let hook = Hook::bind(&config(&pair)?).await?;
    let url = format!("http://{}/?code={KEY}", hook.address()?);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(hook.serve(stop.clone()));

    let round_trip = format!("{}/api/data/v9.2/WhoAmI", pair.europe_url());
    let bare = load(ids.len(), |_| {
        client.get(&round_trip).bearer_auth(pair.token())
    })
    .await?;
    let call = |n: usize| {
        let customer = ids.get(n).cloned().unwrap_or_default();
        client.post(&url).body(context(&customer).to_string())
    };
    let new = load(ids.len(), call).await?;
    let known = load(ids.len(), call).await?;
    println!(
        "{} calls, {CALLS_A_SECOND} a second, 20 ms of latency",
        ids.len()
    );
    tell("a bare round trip", &bare, &bare);
    tell("new references", &new, &bare);
    tell("known references", &known, &bare);
    stop.cancel();
    serving.await?;
    pair.shutdown().await;
    Ok(())
}

async fn ids(client: &reqwest::Client, pair: &Pair, url: &str) -> Result<Vec<String>, Failed> {
    let listed = client.get(url).bearer_auth(pair.token()).send().await?;
    let listed: Json = serde_json::from_slice(&listed.bytes().await?)?;
    let rows = listed["value"].as_array().ok_or("a list")?;
    let ids = rows.iter().filter_map(|row| row["accountid"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

/// Sends requests at a steady pace, whether the ones before were answered or not.
async fn load(
    count: usize,
    request: impl Fn(usize) -> reqwest::RequestBuilder,
) -> Result<Vec<Duration>, Failed> {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / CALLS_A_SECOND);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut tasks = Vec::with_capacity(count);
    for n in 0..count {
        pace.tick().await;
        let (request, began) = (request(n), Instant::now());
        tasks.push(tokio::spawn(async move {
            let answer = request.send().await?.error_for_status()?;
            answer.bytes().await?;
            Ok::<_, reqwest::Error>(began.elapsed())
        }));
    }
    let mut took = Vec::with_capacity(count);
    for task in tasks {
        took.push(task.await??);
    }
    took.sort_unstable();
    Ok(took)
}

fn tell(what: &str, took: &[Duration], bare: &[Duration]) {
    let at = |times: &[Duration], percent: usize| {
        let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    let (p50, p99) = (at(took, 50), at(took, 99));
    let trips = p99 / at(bare, 50);
    println!("  {what:18} p50 {p50:7.1} ms   p99 {p99:7.1} ms   p99 in round trips {trips:5.2}");
}

fn config(pair: &Pair) -> Result<Config, Failed> {
    let instance = |name: &str, url: &str| {
        format!(
            "[instances.{name}]\nurl = \"{url}\"\ncredential = {{ kind = \"token\", token = {{ env = \"X\" }} }}\n"
        )
    };
    let text = format!(
        "{}{}[[links]]\nsource = \"us\"\ntarget = \"europe\"\n[[links.tables]]\nname = \"account\"\nkeys = \
         [\"accountnumber\"]\nstub = [\"name\"]\n[hook]\nlisten = \"127.0.0.1:0\"\nkey = {{ env = \"X\" }}\ntables = \
         [{{ name = \"incident\", references = [{{ column = \"customerid\" }}] }}]\n",
        instance("us", pair.us_url()),
        instance("europe", pair.europe_url())
    );
    let mut config = config::parse(&text, "bench.toml".as_ref(), std::env::temp_dir())?;
    let held = |text: &str| SecretSource::Held(SecretString::from(text));
    for instance in &mut config.instances {
        instance.credential = Credential::Token(held(pair.token()));
    }
    if let Some(hook) = &mut config.hook {
        hook.key = held(KEY);
    }
    Ok(config)
}

fn context(customer: &str) -> Json {
    json!({
        "MessageName": "Create", "PrimaryEntityName": "incident", "Stage": 10, "IsInTransaction": false,
        "InputParameters": [{"key": "Target", "value": {"Attributes": [
            {"key": "customerid", "value": {"Id": customer, "LogicalName": "account"}},
        ]}}],
    })
}
