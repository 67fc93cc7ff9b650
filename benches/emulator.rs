//! How fast the emulator serves, against what could be: each pair is measured in turns, in one run, and told as a ratio.
//!
//! `cargo bench --bench emulator`; with `TANDEM_BENCH_RECORDS=1000000`, on a big table; with `TANDEM_BENCH_ROUNDS=2000`,
//! each pair so often.
#![expect(clippy::print_stdout, reason = "what a benchmark finds is its output")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tandem::emulator::{Data, Options, Pair};
use tokio::net::TcpListener;

type Failed = Box<dyn std::error::Error>;

/// How often each pair is done, unless `TANDEM_BENCH_ROUNDS` says otherwise.
const ROUNDS: usize = 60;
const COLUMNS: &str = "name,accountnumber,telephone1,emailaddress1,websiteurl,address1_city,numberofemployees,revenue,\
                       customertypecode,_primarycontactid_value,createdon,modifiedon";

/// A filter that an index answers with nothing.
const NOTHING_YET: &str = "accounts?$select=name&$filter=modifiedon gt 2100-01-01T00:00:00Z";

fn main() -> Result<(), Failed> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run())
}

async fn run() -> Result<(), Failed> {
    let records = match std::env::var("TANDEM_BENCH_RECORDS") {
        Ok(text) => text.parse()?,
        Err(_) => 100_000,
    };
    let small = pair(10_000).await?;
    let large = pair(records).await?;
    page(&large).await?;
    growth(&small, &large, records).await?;
    small.shutdown().await;
    large.shutdown().await;
    Ok(())
}

async fn pair(records: u32) -> Result<Pair, Failed> {
    let mut pair = Pair::bind(Options {
        data: Data::Many {
            records,
            drift: 0.01,
        },
        ..Options::default()
    })
    .await?;
    pair.serve().await?;
    Ok(pair)
}

/// A page of 5000 accounts against the same bytes, made beforehand.
async fn page(pair: &Pair) -> Result<(), Failed> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/api/data/v9.2/accounts?$select={COLUMNS}", pair.us_url());
    let served = || client.get(&url).bearer_auth(pair.token());
    let body = read(served()).await?;
    let prebuilt_url = prebuilt(body.clone()).await?;
    let prebuilt = || client.get(&prebuilt_url).bearer_auth(pair.token());
    println!("a page of 5000 accounts, 12 columns, {} bytes", body.len());
    let (plain, real) = in_turns(
        async || read(prebuilt()).await,
        async || read(served()).await,
    )
    .await?;
    tell("read as bytes", "prebuilt", plain, "served", real);
    let (plain, real) = in_turns(
        async || parsed(&read(prebuilt()).await?),
        async || parsed(&read(served()).await?),
    )
    .await?;
    tell("read and parsed", "prebuilt", plain, "served", real);
    Ok(())
}

/// What a point read, a point write, a short filter and a quiet delta cost in a small table and in a large one.
async fn growth(small: &Pair, large: &Pair, records: u32) -> Result<(), Failed> {
    let (small, large) = (Row::of(small).await?, Row::of(large).await?);
    let names = ["10000 rows", &format!("{records} rows")];
    for (what, path, body) in [
        ("GET by id", Row::path as fn(&Row) -> String, None),
        ("PATCH by id", Row::path, Some(json!({"telephone1": "1"}))),
        ("GET by alternate key", Row::by_number, None),
        ("filter on the alternate key", Row::filter_number, None),
        ("filter on a lookup", Row::filter_lookup, None),
        ("filter on modifiedon", |_| NOTHING_YET.to_owned(), None),
        ("a quiet delta", Row::delta, None),
    ] {
        let (few, many) = in_turns(
            async || small.call(&path(&small), body.as_ref()).await,
            async || large.call(&path(&large), body.as_ref()).await,
        )
        .await?;
        tell(what, names[0], few, names[1], many);
    }
    Ok(())
}

/// One account to ask for.
struct Row {
    client: reqwest::Client,
    root: String,
    token: String,
    id: String,
    number: String,
    delta: String,
}

impl Row {
    async fn of(pair: &Pair) -> Result<Row, Failed> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let root = format!("{}/api/data/v9.2/", pair.us_url());
        let get = |path: &str| {
            client
                .get(format!("{root}{path}"))
                .bearer_auth(pair.token())
        };
        let some = read(get(
            "accounts?$select=accountnumber&$filter=_primarycontactid_value ne null&$top=1",
        ))
        .await?;
        let some: serde_json::Value = serde_json::from_slice(&some)?;
        let text = |name: &str| {
            some["value"][0][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let mut delta = String::new();
        let mut next = format!("{root}accounts?$select=accountid");
        while delta.is_empty() {
            let tracked = client.get(&next).bearer_auth(pair.token());
            let page = read(tracked.header("prefer", "odata.track-changes")).await?;
            let page: serde_json::Value = serde_json::from_slice(&page)?;
            let link = |name: &str| page[name].as_str().unwrap_or_default().to_owned();
            (next, delta) = (link("@odata.nextLink"), link("@odata.deltaLink"));
        }
        Ok(Row {
            token: pair.token().to_owned(),
            id: text("accountid"),
            number: text("accountnumber"),
            delta: delta.replacen(&root, "", 1),
            client,
            root,
        })
    }

    async fn call(&self, path: &str, body: Option<&serde_json::Value>) -> Result<Bytes, Failed> {
        let url = format!("{}{path}", self.root);
        let request = match body {
            Some(body) => self
                .client
                .patch(url)
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => self.client.get(url),
        };
        read(request.bearer_auth(&self.token)).await
    }

    fn path(&self) -> String {
        format!("accounts({})", self.id)
    }

    fn by_number(&self) -> String {
        format!("accounts(accountnumber='{}')?$select=name", self.number)
    }

    fn filter_number(&self) -> String {
        format!(
            "accounts?$select=name&$filter=accountnumber eq '{}'",
            self.number
        )
    }

    fn filter_lookup(&self) -> String {
        format!(
            "contacts?$select=fullname&$filter=_parentcustomerid_value eq {}",
            self.id
        )
    }

    fn delta(&self) -> String {
        self.delta.clone()
    }
}

async fn read(request: reqwest::RequestBuilder) -> Result<Bytes, Failed> {
    Ok(request.send().await?.error_for_status()?.bytes().await?)
}

fn parsed(body: &[u8]) -> Result<usize, Failed> {
    #[derive(serde::Deserialize)]
    struct Account {
        accountid: uuid::Uuid,
        name: Option<String>,
        modifiedon: Option<chrono::DateTime<chrono::Utc>>,
        telephone1: Option<String>,
        emailaddress1: Option<String>,
        websiteurl: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Page {
        value: Vec<Account>,
    }
    let page: Page = serde_json::from_slice(body)?;
    for row in &page.value {
        std::hint::black_box((
            &row.accountid,
            &row.name,
            &row.modifiedon,
            &row.telephone1,
            &row.emailaddress1,
            &row.websiteurl,
        ));
    }
    Ok(page.value.len())
}

/// Serves the bytes at every path, by the same library as the emulator.
async fn prebuilt(body: Bytes) -> Result<String, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let answer = move || async move { ([("content-type", "application/json")], body) };
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

/// The medians of two things, done by turns so that both meet the same noise.
async fn in_turns<A, B>(
    first: impl AsyncFn() -> Result<A, Failed>,
    second: impl AsyncFn() -> Result<B, Failed>,
) -> Result<(Duration, Duration), Failed> {
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    let rounds = match std::env::var("TANDEM_BENCH_ROUNDS") {
        Ok(text) => text.parse()?,
        Err(_) => ROUNDS,
    };
    for round in 0..rounds + 10 {
        let start = Instant::now();
        std::hint::black_box(first().await?);
        let middle = Instant::now();
        std::hint::black_box(second().await?);
        let end = Instant::now();
        if round >= 10 {
            firsts.push(middle - start);
            seconds.push(end - middle);
        }
    }
    Ok((median(firsts), median(seconds)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn tell(what: &str, first: &str, one: Duration, second: &str, other: Duration) {
    let ratio = other.as_secs_f64() / one.as_secs_f64();
    println!("{what:<28} {first} {one:>9.1?}   {second} {other:>9.1?}   ratio {ratio:.2}");
}
