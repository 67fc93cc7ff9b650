//! What a comparison costs: of everything, beside its limits, and of what changed since.
//!
//! Three readings of the same pages by turns, both sides at once each time: the bytes alone (the pages' links are known
//! beforehand, so nothing is parsed); the bytes with the bounds of every row found; and the engine's full comparison, which
//! also reads the values, hashes and pairs them and writes down what it found. The pages are those for which the engine
//! itself asked, taken from the emulator's log. Then 100 records change in the source and the engine refreshes; what it
//! sends for that is counted. Server and client share the machine.
//!
//! `cargo bench --bench comparison`; `TANDEM_BENCH_RECORDS` (1000000) accounts on each side, `TANDEM_BENCH_ROUNDS` (3).
#![expect(clippy::print_stdout, reason = "what a benchmark finds is its output")]

mod support;

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use support::{Failed, engine, forget, median, number, pair, read, received, until};
use tandem::emulator::Pair;
use tandem::engine::Command;

/// So many records change before the refresh.
const CHANGES: usize = 100;
/// Few are out of step, as it should be.
const DRIFT: f64 = 0.0001;

fn main() -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(run())
}

async fn run() -> Result<(), Failed> {
    let records = number("TANDEM_BENCH_RECORDS", 1_000_000)?;
    let rounds = number("TANDEM_BENCH_ROUNDS", 3)?;
    let pair = pair(records, DRIFT).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    // The first comparison warms up, and shows which pages there are.
    compared(&pair).await?;
    let us = pages(&client, &pair, pair.us_url()).await?;
    let europe = pages(&client, &pair, pair.europe_url()).await?;
    let full = us.len() + europe.len();
    println!("{records} accounts a side, {full} pages");

    let (mut bare, mut bounds, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = 0;
    for _ in 0..rounds {
        let begin = Instant::now();
        both(&us, &europe, |_| Ok(0)).await?;
        bare.push(begin.elapsed());
        let begin = Instant::now();
        rows = both(&us, &europe, bounds_of).await?;
        bounds.push(begin.elapsed());
        whole.push(compared(&pair).await?);
    }
    let (bare, bounds, whole) = (median(bare), median(bounds), median(whole));
    tell("bare reading", rows, bare, whole);
    tell("reading and row bounds", rows, bounds, whole);
    tell("comparison", rows, whole, whole);
    refresh(&client, &pair, &us).await
}

/// A full comparison by an engine that knows nothing yet, from its start to its figures.
async fn compared(pair: &Pair) -> Result<Duration, Failed> {
    let state = tempfile::tempdir()?;
    let begin = Instant::now();
    let (mut engine, running) = engine(pair, &state.path().join("state"))?;
    until(&mut engine, |state| is_compared(state)).await?;
    let took = begin.elapsed();
    running.stop().await;
    Ok(took)
}

fn is_compared(state: &tandem::engine::State) -> bool {
    let mut tables = state.tables.iter();
    tables.all(|table| {
        table.failure.is_some() || (table.compared.is_some() && table.comparing.is_none())
    })
}

/// 100 changes in the source, and what it takes to see them.
async fn refresh(
    client: &reqwest::Client,
    pair: &Pair,
    us: &[reqwest::RequestBuilder],
) -> Result<(), Failed> {
    let state = tempfile::tempdir()?;
    forget(client, pair).await?;
    let (mut engine, running) = engine(pair, &state.path().join("state"))?;
    let begin = until(&mut engine, |state| is_compared(state)).await?;
    let whole = sent(client, pair).await?;
    let before = begin
        .tables
        .iter()
        .map(|table| table.compared)
        .collect::<Vec<_>>();
    let first = us
        .first()
        .and_then(reqwest::RequestBuilder::try_clone)
        .ok_or("no page")?;
    let first: Json = serde_json::from_slice(&read(first).await?)?;
    let ids = first["value"].as_array().into_iter().flatten();
    for id in ids
        .filter_map(|row| row["accountid"].as_str())
        .take(CHANGES)
    {
        let url = format!("{}/api/data/v9.2/accounts({id})", pair.us_url());
        let change = client
            .patch(url)
            .bearer_auth(pair.token())
            .header("content-type", "application/json");
        read(change.body(json!({"telephone1": "+1 555 0100"}).to_string())).await?;
    }
    forget(client, pair).await?;
    let begin = Instant::now();
    engine.commands.send(Command::Compare).await?;
    let now = until(&mut engine, |state| {
        is_compared(state)
            && state
                .tables
                .iter()
                .zip(&before)
                .all(|(table, before)| table.compared != *before)
    })
    .await?;
    let took = begin.elapsed();
    let few = sent(client, pair).await?;
    let pending: usize = now.tables.iter().map(|table| table.counts.pending()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand requests")]
    let share = 100.0 * few as f64 / whole as f64;
    println!(
        "a refresh after {CHANGES} changes: {took:.0?}, {few} requests, {share:.2} % of the {whole} of a full comparison; \
         {pending} records pending now"
    );
    running.stop().await;
    Ok(())
}

/// The requests that reading took, without the probes.
async fn sent(client: &reqwest::Client, pair: &Pair) -> Result<usize, Failed> {
    let us = received(client, pair, pair.us_url()).await?;
    let europe = received(client, pair, pair.europe_url()).await?;
    let requests = us.iter().chain(&europe);
    Ok(requests
        .filter(|request| request["table"] == "account")
        .count())
}

/// The pages that the engine asked for, to be asked for again.
async fn pages(
    client: &reqwest::Client,
    pair: &Pair,
    url: &str,
) -> Result<Vec<reqwest::RequestBuilder>, Failed> {
    let requests = received(client, pair, url).await?;
    let listings = requests.iter().filter(|request| {
        let prefer = request["headers"]["prefer"].as_str().unwrap_or_default();
        request["table"] == "account" && prefer.contains("track-changes")
    });
    let again = |request: &Json| {
        let (path, query) = (request["path"].as_str()?, request["query"].as_str()?);
        let prefer = request["headers"]["prefer"].as_str()?;
        let again = client
            .get(format!("{url}{path}?{query}"))
            .bearer_auth(pair.token());
        Some(again.header("prefer", prefer))
    };
    Ok(listings.filter_map(again).collect())
}

/// Reads the pages of both sides, each side's one after another.
async fn both(
    us: &[reqwest::RequestBuilder],
    europe: &[reqwest::RequestBuilder],
    look: fn(&[u8]) -> Result<usize, Failed>,
) -> Result<usize, Failed> {
    let side = |pages: &[reqwest::RequestBuilder]| {
        let pages: Vec<_> = pages
            .iter()
            .filter_map(reqwest::RequestBuilder::try_clone)
            .collect();
        // A task of its own, as the engine has.
        tokio::spawn(async move {
            let mut rows = 0;
            for page in pages {
                rows += look(&read(page).await?)?;
            }
            Ok::<_, Failed>(rows)
        })
    };
    let (us, europe) = (side(us), side(europe));
    Ok(us.await?? + europe.await??)
}

/// Finds where every row begins and ends: the least that anybody must do who wants the rows.
fn bounds_of(body: &[u8]) -> Result<usize, Failed> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        value: Vec<&'a RawValue>,
    }
    let page: Page<'_> = serde_json::from_slice(body)?;
    Ok(std::hint::black_box(page.value).len())
}

fn tell(what: &str, rows: usize, took: Duration, whole: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a few million rows")]
    let rate = rows as f64 / took.as_secs_f64();
    let share = 100.0 * took.as_secs_f64() / whole.as_secs_f64();
    println!(
        "{what:<24} {took:>9.2?}   {rate:>9.0} rows/s   the comparison has {share:>4.0} % of its rate"
    );
}
