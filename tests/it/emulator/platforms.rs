//! The platforms of the sync: one workflow that really copies, and everybody who can be asked about it (contract 11).

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tandem::emulator::{Data, EUROPE, Options, SYNC_CLIENT_ID, user_id};

use super::id;
use crate::support::emulated::{Answer, Api, Emulated};

mod copying;
mod faults;
mod flows;
mod logic_apps;
mod pipelines;

const BASE: &str = "/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.Logic/workflows/sync-accounts-contacts";
const MANAGEMENT: &str = "https://management.azure.com/.default";
const PATIENCE: Duration = Duration::from_secs(20);

/// An empty pair, with the workflow enabled.
async fn working() -> Emulated {
    Emulated::with(Options {
        data: Data::Empty,
        workflow: true,
        ..Options::default()
    })
    .await
}

/// A management call of the Logic App.
async fn logic(us: &Api<'_>, method: &str, rest: &str) -> Answer {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let url = format!("{}{BASE}{path}?api-version=2019-05-01&{query}", us.origin);
    us.send(method, url.trim_end_matches('&'), &[], None).await
}

/// Triggers a run by hand and returns its name.
async fn triggered(us: &Api<'_>) -> String {
    let answer = logic(us, "POST", "/triggers/manual/run").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("x-ms-workflow-run-id").to_owned()
}

/// The properties of a run, once it is over.
async fn over(us: &Api<'_>, name: &str) -> Json {
    let started = Instant::now();
    loop {
        let answer = logic(us, "GET", &format!("/runs/{name}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let properties = answer.json()["properties"].clone();
        if properties["endTime"].is_string() {
            return properties;
        }
        assert!(started.elapsed() < PATIENCE, "{properties}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Triggers a run by hand and waits until it has succeeded.
async fn copied(us: &Api<'_>) -> String {
    let name = triggered(us).await;
    let run = over(us, &name).await;
    assert_eq!(
        run["status"],
        "Succeeded",
        "{run} {:?}",
        actions(us, &name).await
    );
    name
}

/// Name, status and properties of a run's actions.
async fn actions(us: &Api<'_>, run: &str) -> Vec<(String, String, Json)> {
    let answer = logic(us, "GET", &format!("/runs/{run}/actions")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let value = answer.json()["value"].as_array().unwrap().clone();
    let action = |action: Json| {
        (
            action["name"].as_str().unwrap().to_owned(),
            action["properties"]["status"].as_str().unwrap().to_owned(),
            action["properties"].clone(),
        )
    };
    value.into_iter().map(action).collect()
}

/// The names of the runs on one page of a list.
async fn runs(us: &Api<'_>, query: &str) -> Vec<String> {
    let answer = logic(us, "GET", &format!("/runs?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    names(&answer.json())
}

fn names(list: &Json) -> Vec<String> {
    let runs = list["value"].as_array().unwrap();
    runs.iter()
        .map(|run| run["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn clock_forward(us: &Api<'_>, seconds: u32) {
    us.control("POST", "clock", Some(json!({"advance_s": seconds})))
        .await;
}

async fn name_of(api: &Api<'_>, account: u32) -> Json {
    let answer = api
        .get(&format!("accounts({})?$select=name", id(account)))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["name"].clone()
}
