//! Change-driven reconciliation over real sockets: what is read, what is concluded from it, and what a restart knows.

mod decided;
mod full;
mod meanwhile;
mod refresh;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;
use tandem::domain::drift::Drift;
use tandem::engine::State;

use crate::support::emulated::Api;
use crate::support::lab::{Lab, options};

/// The requests for rows of the link's tables that an instance received, as `METHOD path?query`: whatever else is found
/// out behind a start, the hook's steps above all, goes on meanwhile.
async fn requests(api: &Api<'_>) -> Vec<String> {
    let log = api.log().await;
    let text = |request: &Json, name: &str| request[name].as_str().unwrap_or_default().to_owned();
    log.iter()
        .map(|request| {
            let (path, query) = (text(request, "path"), text(request, "query"));
            format!("{} {path}?{query}", text(request, "method"))
        })
        .filter(|request| {
            let paths = ["accounts", "contacts", "$batch"];
            let mut paths = paths.iter();
            paths.any(|path| request.contains(&format!("/api/data/v9.2/{path}")))
        })
        .collect()
}

/// Every record that is out of step, and the sums of what is not.
fn figures(state: &State) -> (BTreeMap<String, Drift>, Vec<(usize, usize)>) {
    let records = state.records.iter().map(|(_, record)| record);
    let listed = records
        .filter(|record| record.drift.is_listed())
        .map(|record| (record.key.id.to_string(), record.drift))
        .collect();
    let tables = state.tables.iter();
    let sums = tables.map(|table| {
        (
            table.counts.of(Drift::InSync),
            table.counts.of(Drift::Local),
        )
    });
    (listed, sums.collect())
}

fn address(id: &str) -> String {
    format!("accounts({id})")
}

fn drift_of(state: &State, id: &str) -> Option<Drift> {
    let mut records = state.records.iter().map(|(_, record)| record);
    let found = records.find(|record| record.key.id.to_string() == id);
    found.map(|record| record.drift)
}

/// Ids of accounts that stand in step on both sides.
async fn in_step(lab: &Lab, state: &State, count: usize) -> Vec<String> {
    let rows = lab
        .emulated
        .europe()
        .get("accounts?$select=name&$filter=accountnumber ne null")
        .await
        .json();
    let ids = rows["value"].as_array().unwrap().clone();
    let ids = ids.iter().filter_map(|row| row["accountid"].as_str());
    let ids = ids.filter(|id| drift_of(state, id).is_none());
    ids.map(str::to_owned).take(count).collect()
}

fn note<'s>(state: &'s State, part: &str) -> Option<&'s str> {
    let mut lines = state.timeline.iter().map(|entry| entry.text.as_str());
    lines.find(|line| line.contains(part))
}

/// The truth that a comparison in full finds, by an engine that knows nothing.
async fn truth(lab: &Lab) -> (BTreeMap<String, Drift>, Vec<(usize, usize)>) {
    let state = tempfile::tempdir().unwrap();
    let config = crate::support::lab::config(&lab.emulated.pair, &state.path().join("state"));
    let (mut engine, running) = tandem::engine::start(config, options()).unwrap();
    let waited = engine
        .states
        .wait_for(|state: &Arc<State>| state.tables.iter().all(|table| table.compared.is_some()));
    let found = figures(&waited.await.unwrap().clone());
    running.stop().await;
    found
}
