//! What a rehydrate of many records costs, beside the emulator's own rate of writing them.
//!
//! The limit: batches of 100 updates, each with the precondition on the version that was read, four at once, and nothing
//! else: no reading, journal, canary or look at what
//! came of it. The engine does all of that. Limit and engine write different records of one instance, both out of step.
//!
//! `cargo bench --bench repair`; `TANDEM_BENCH_RECORDS` (20000) records.
#![expect(clippy::print_stdout, reason = "what a benchmark finds is its output")]

mod support;

use std::fmt::Write;
use std::time::{Duration, Instant};

use support::{Failed, engine, number, pair, read, until};
use tandem::domain::drift::Drift;
use tandem::domain::operation::{OperationId, RecordKey, Request, Verb};
use tandem::emulator::Pair;
use tandem::engine::command::{Command, Consent, Target};
use tandem::engine::records::Record;

/// Updates in a batch, and batches at once.
const AT_ONCE: usize = 100;
const IN_FLIGHT: usize = 4;

fn main() -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(run())
}

async fn run() -> Result<(), Failed> {
    let wanted = usize::try_from(number("TANDEM_BENCH_RECORDS", 20_000)?)?;
    // A fifth of what is out of step is stale, another a stub; half of both is for the limit.
    let pair = pair(u32::try_from(wanted * 5 + 1_000)?, 1.0).await?;
    let state = tempfile::tempdir()?;
    let (mut engine, running) = engine(&pair, &state.path().join("state"))?;
    let compared = until(&mut engine, |state| {
        let mut tables = state.tables.iter();
        tables.all(|table| table.failure.is_some() || table.compared.is_some())
    })
    .await?;
    let may = |record: &&Record| matches!(record.drift, Drift::Stub | Drift::Stale);
    let records: Vec<RecordKey> = compared
        .records
        .iter()
        .map(|(_, record)| record)
        .filter(may)
        .map(|record| record.key)
        .collect();
    let (own, others) = records.split_at(wanted.min(records.len()));
    println!("{} records to fill", own.len());

    let limit = batches(&pair, others).await?;
    tell("batches alone", others.len(), limit);
    let request = Request {
        id: OperationId::new(),
        verb: Verb::Rehydrate,
        link: "us-europe".to_owned(),
        reason: "bench".to_owned(),
        ticket: String::new(),
        who: "bench".to_owned(),
        asked: chrono::Utc::now(),
        choices: Vec::new(),
        retries: None,
        at_most: None,
    };
    let id = request.id;
    let begin = Instant::now();
    engine
        .commands
        .send(Command::Repair {
            request,
            records: own.iter().copied().map(Target::Record).collect(),
            consent: Consent::Named { may_wait: false },
        })
        .await?;
    let after = until(&mut engine, |state| {
        state
            .operation(id)
            .is_some_and(|operation| operation.is_finished())
    })
    .await?;
    let took = begin.elapsed();
    let verified = after
        .operation(id)
        .map_or(0, |operation| operation.progress.verified);
    tell("rehydrate", verified, took);
    let rate = |count: usize, took: Duration| {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand records")]
        let count = count as f64;
        count / took.as_secs_f64()
    };
    let share = 100.0 * rate(verified, took) / rate(others.len(), limit);
    println!(
        "rehydrate has {share:.0} % of the rate of batches alone; {verified} of {} verified",
        own.len()
    );
    running.stop().await;
    pair.shutdown().await;
    Ok(())
}

/// Writes the records by batches, each with its precondition; how long that took.
async fn batches(pair: &Pair, records: &[RecordKey]) -> Result<Duration, Failed> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/api/data/v9.2/", pair.europe_url());
    let mut bodies = Vec::new();
    for some in records.chunks(AT_ONCE) {
        let mut body = String::new();
        for record in some {
            let id = record.id;
            let row = read(
                client
                    .get(format!("{url}accounts({id})?$select=name"))
                    .bearer_auth(pair.token()),
            )
            .await?;
            let row: serde_json::Value = serde_json::from_slice(&row)?;
            let version = row["@odata.etag"].as_str().ok_or("no version")?;
            write!(
                body,
                "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nPATCH \
                 /api/data/v9.2/accounts({id}) HTTP/1.1\r\nContent-Type: application/json\r\nIf-Match: \
                 {version}\r\n\r\n{{\"telephone1\":\"+1 555 0100\",\"address1_city\":\"Boston\",\"websiteurl\":\
                 \"https://example.com\",\"numberofemployees\":12}}\r\n"
            )?;
        }
        body.push_str("--b--\r\n");
        bodies.push(body);
    }
    let begin = Instant::now();
    let mut tasks = Vec::new();
    let share = bodies.len().div_ceil(IN_FLIGHT).max(1);
    for some in bodies.chunks(share) {
        let (some, client, url, token) = (
            some.to_vec(),
            client.clone(),
            url.clone(),
            pair.token().to_owned(),
        );
        tasks.push(tokio::spawn(async move {
            for body in some {
                let batch = client
                    .post(format!("{url}$batch"))
                    .bearer_auth(&token)
                    .body(body);
                let batch = batch.header("content-type", "multipart/mixed; boundary=b");
                let answer = read(batch.header("prefer", "odata.continue-on-error")).await?;
                if let Some(at) = answer.windows(12).position(|line| line == b"HTTP/1.1 412") {
                    return Err(Failed::from(format!("a precondition failed, at byte {at}")));
                }
            }
            Ok::<_, Failed>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(begin.elapsed())
}

fn tell(what: &str, records: usize, took: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand records")]
    let rate = records as f64 / took.as_secs_f64();
    println!("{what:<16} {records:>6} records   {took:>9.2?}   {rate:>7.0} records/s");
}
