//! The number that was confirmed is the most that a run of the sync takes along, whoever carries it out; and what harms
//! most comes first.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tandem::domain::drift::Drift;
use tandem::domain::operation::{OperationId, Verb};
use tandem::engine::command::{Command, Consent};
use tandem::engine::state::{Holder, OperationState};
use tandem::engine::{AgentLock, Options};

use crate::support::binary::{Emulator, Running};
use crate::support::emulated::Emulated;
use crate::support::lab::{Lab, config, in_drift, options, request};

async fn arm(lab: &Lab) {
    lab.send(Command::Arm {
        reason: "INC-1".to_owned(),
        who: "anna".to_owned(),
        lasts: Duration::from_secs(60),
    })
    .await;
}

/// Asks for a run of the sync, of which so many records were confirmed.
fn run(records: usize) -> (OperationId, Command) {
    let request = request(Verb::Sync);
    let consent = Consent::Armed { records };
    (request.id, Command::StartSync { request, consent })
}

fn chosen(operation: &OperationState) -> HashSet<String> {
    let chosen = operation.records.iter().filter(|record| !record.on_the_way);
    chosen.map(|record| record.key.id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_takes_no_more_records_than_a_person_confirmed_and_the_most_harmful_of_them() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let ids = |table, drift| {
        let records = in_drift(&state, table, drift).into_iter();
        let ids: Vec<String> = records.map(|record| record.key.id.to_string()).collect();
        ids
    };
    let missing: HashSet<String> = [
        ids("account", Drift::Missing),
        ids("contact", Drift::Missing),
    ]
    .concat()
    .into_iter()
    .collect();
    let stale = ids("account", Drift::Stale);
    let named = &stale[stale.len() / 2];
    for _ in 0..9 {
        let ticket = json!({"title": "Late", "customerid_account@odata.bind": format!("/accounts({named})")});
        let made = lab.emulated.europe().post("incidents", ticket).await;
        assert_eq!(made.status, 204, "{made:?}");
    }
    arm(&lab).await;
    let confirmed = missing.len() + 1;
    let (id, command) = run(confirmed);
    lab.send(command).await;
    let operation = lab.finished(id).await;
    let mut expected = missing;
    expected.insert(named.clone());
    assert_eq!(chosen(&operation), expected);
    let state = lab.engine.states.borrow().clone();
    let said = state
        .notices
        .iter()
        .find(|notice| notice.operation == Some(id));
    let said = said.map(|notice| notice.text.as_str()).unwrap_or_default();
    assert!(
        said.starts_with(&format!("{confirmed} were confirmed: ")),
        "{said}"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_a_run_is_handed_to_takes_no_more_either() {
    let emulated = Emulated::empty().await;
    for number in 0..9 {
        let id = format!("0d0d0d0d-0000-4000-8000-{number:012}");
        emulated.us().account(&id, json!({"name": "Late"})).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = config(&emulated.pair, &folder.path().join("state"));
    let holder = Holder {
        pid: std::process::id(),
        host: "ops1".to_owned(),
        who: "tandem".to_owned(),
        since: chrono::Utc::now(),
    };
    let _lock = AgentLock::take(&config.state, &holder).unwrap();
    let agent = Options {
        is_agent: true,
        is_unattended: true,
        first_sync: Duration::from_secs(3600),
        ..options()
    };
    let (_engine, running) = tandem::engine::start(config, agent).unwrap();
    let console = Options {
        follows: true,
        ..options()
    };
    let mut lab = Lab::on(emulated, folder, console);
    lab.until("it follows the agent", |state| state.told.is_some())
        .await;
    arm(&lab).await;
    let (id, command) = run(4);
    lab.send(command).await;
    let operation = lab.finished(id).await;
    assert_eq!(operation.progress.verified, 4, "{:?}", operation.progress);
    assert_eq!(operation.request.at_most, Some(4));
    let there = lab
        .emulated
        .europe()
        .get("accounts?$select=name")
        .await
        .json();
    assert_eq!(there["value"].as_array().unwrap().len(), 4);
    running.stop().await;
    lab.stop().await;
}

#[test]
fn what_becomes_pending_between_the_count_and_the_run_is_left_for_the_next() {
    let emulator = Emulator::start_with(&["--records", "10"]);
    let create = |name: &str| {
        let body = json!({"name": name, "accountnumber": name.to_uppercase()});
        assert_eq!(emulator.us_api("POST", "accounts", Some(body)).0, 204);
    };
    create("Counted");
    let faults = format!("{}/emulator/faults", emulator.us);
    // The run asks what has changed since the count, and is told to come back later.
    let wait = json!({"count": 1, "path": "deltatoken", "table": "account", "status": 429, "retry_after": 3});
    assert_eq!(emulator.call("POST", &faults, Some(wait)).0, 201);
    let line = ["sync", "--yes", "1", "--reason", "INC-1", "--quiet"];
    let mut syncing = Running::start(&mut emulator.command(&line));
    emulator.until("it is told to wait", || {
        emulator.call("GET", &faults, None).1["faults"][0]["hits"] == 1
    });
    create("Late");
    assert!(!syncing.succeeds(), "something was left");
    let there = "accounts?$select=name&$filter=name eq 'Counted' or name eq 'Late'";
    let (_, there) = emulator.europe_api("GET", there, None);
    assert_eq!(
        there["value"].as_array().map(Vec::len),
        Some(1),
        "{there:#}"
    );
    let entries = emulator.tandem(&["journal", "export"]).exits(0).stdout;
    let entries = entries
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let verbs: HashSet<String> = entries
        .filter_map(|entry| Some(entry["verb"].as_str()?.to_owned()))
        .collect();
    assert_eq!(verbs, HashSet::from(["sync at most 1".to_owned()]));
}
