//! What is counted apart of the pending records: what the target refuses for its own sake, and what a good run left out.

use std::time::Duration;

use serde_json::json;
use tandem::domain::drift::{Drift, Flag};
use tandem::domain::operation::{RecordKey, Verb};
use tandem::engine::command::{Command, Consent};
use tandem::engine::records::Record;
use tandem::engine::{Options, State};

use crate::support::binary::Emulator;
use crate::support::lab::{Lab, in_drift, keys, options, request};

fn record(state: &State, key: RecordKey) -> Option<&Record> {
    let mut records = state.records.iter().map(|(_, record)| record);
    records.find(|record| record.key == key)
}

/// A plug-in of the target that refuses every write to this row.
fn refusal(id: &str) -> serde_json::Value {
    json!({"count": "all", "status": 400, "code": "0x80040265", "method": "PATCH", "path": id})
}

async fn disarm(lab: &Lab) {
    let europe = lab.emulated.europe();
    europe.control("DELETE", "faults", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_record_is_parked_until_a_person_or_its_source_has_it_tried_again() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stubs = state.tables[0].counts.of(Drift::Stub);
    let key = keys(&in_drift(&state, "account", Drift::Stub))[0];
    let id = key.id.to_string();
    lab.emulated.europe().arm(refusal(&id)).await;
    let operation = lab.repair(Verb::Sync, &[key]).await;
    assert_eq!(operation.progress.refused, 1, "{operation:?}");
    let is_parked = |state: &State| state.flagged(Flag::Parked) == 1;
    let state = lab.until("it is parked", is_parked).await;
    let parked = record(&state, key).unwrap();
    assert_eq!(parked.flag(), Some(Flag::Parked));
    assert!(parked.parked.as_ref().unwrap().contains("0x80040265"));
    assert_eq!(parked.drift, Drift::Stub);
    assert_eq!(state.tables[0].counts.of(Drift::Stub), stubs);

    // What runs by itself brings over everything else, and asks for this one no more; after a restart neither.
    lab.clear_log().await;
    let agent = Options {
        is_agent: true,
        is_unattended: true,
        first_sync: Duration::from_millis(100),
        ..options()
    };
    lab = lab.restart_with(agent.clone()).await;
    for left in [70, 50, 30, 10] {
        let is_going_on = |state: &State| {
            let is_known = state.tables.iter().all(|table| table.compared.is_some());
            is_known && state.pending(0) <= left
        };
        lab.until("the sync goes on", is_going_on).await;
    }
    let is_alone = |state: &State| {
        let ran = state.links[0].sync.last_run.is_some();
        ran && state.pending(0) == 1 && state.flagged(Flag::Parked) == 1
    };
    let state = lab.until("everything else is in step", is_alone).await;
    assert_eq!(state.lag(0, state.now.wall), Duration::ZERO);
    let asked = |writes: &[serde_json::Value]| {
        let mut writes = writes.iter();
        writes.any(|write| write.to_string().contains(&id))
    };
    assert!(!asked(&lab.writes().await));

    // A person's verb tries it.
    let operation = lab.repair(Verb::Sync, &[key]).await;
    assert_eq!(operation.progress.refused, 1, "{operation:?}");
    assert!(asked(&lab.writes().await));

    // So does a change of its source, by itself.
    disarm(&lab).await;
    let change = json!({"telephone1": "+1 99"});
    let us = lab.emulated.us();
    let changed = us.patch(&format!("accounts({id})"), change).await;
    assert!(changed.status.is_success());
    lab.send(Command::Compare).await;
    let is_filled = |state: &State| state.compared_without(key) && state.flagged(Flag::Parked) == 0;
    lab.until("it is filled", is_filled).await;
    lab.stop().await;
}

trait Without {
    fn compared_without(&self, key: RecordKey) -> bool;
}

impl Without for State {
    /// Whether a record is out of step no more.
    fn compared_without(&self, key: RecordKey) -> bool {
        record(self, key).is_none_or(|record| record.drift == Drift::InSync)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_good_run_left_out_is_flagged_and_lag_is_left_alone() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    assert_eq!(state.flagged(Flag::LeftOut), 0);
    lab.send(Command::Arm {
        reason: "INC-1".to_owned(),
        who: "anna".to_owned(),
        lasts: Duration::from_secs(60),
    })
    .await;
    for (limit, is_rest) in [(5, true), (10_000, false)] {
        let request = request(Verb::Sync);
        let id = request.id;
        let consent = Consent::Armed { records: limit };
        lab.send(Command::StartSync { request, consent }).await;
        lab.finished(id).await;
        let is_told = |state: &State| {
            let left_out = state.flagged(Flag::LeftOut);
            let is_over = !state.links[0].sync.is_running();
            is_over && left_out == state.pending(0) && (left_out > 0) == is_rest
        };
        let state = lab.until("the run's rest is told", is_told).await;
        assert_eq!(state.links[0].sync.last_run.as_ref().unwrap().failure, None);
        assert_eq!(state.lag(0, state.now.wall), Duration::ZERO);
        if is_rest {
            // What changes from now on is for the next run, and lag is counted from it.
            let rows = lab
                .emulated
                .us()
                .get("accounts?$select=name&$top=200")
                .await;
            let rows = rows.json();
            let ids = rows["value"].as_array().unwrap().iter();
            let ids = ids.map(|row| row["accountid"].as_str().unwrap().to_owned());
            let listed = |id: &String| {
                let mut records = state.records.iter().map(|(_, record)| record);
                records.any(|record| record.key.id.to_string() == *id)
            };
            let in_step = ids.into_iter().find(|id| !listed(id)).unwrap();
            let change = json!({"telephone1": "+1 77"});
            let path = format!("accounts({in_step})");
            let changed = lab.emulated.us().patch(&path, change).await;
            assert!(changed.status.is_success());
            lab.send(Command::Compare).await;
            let is_seen = |state: &State| {
                state.tables[0].oldest_pending.is_some()
                    && state.pending(0) == state.flagged(Flag::LeftOut) + 1
            };
            lab.until("the change is pending and not left out", is_seen)
                .await;
        }
    }
    lab.stop().await;
}

#[test]
fn the_commands_show_and_choose_what_is_parked() {
    let emulator = Emulator::start();
    let stubs = ["records", "--table", "account", "--drift", "stub", "--json"];
    let stubs = emulator.tandem(&stubs).exits(0).json();
    let id = stubs["records"][0]["id"].as_str().unwrap().to_owned();
    emulator.arm(refusal(&id));
    emulator
        .tandem(&["rehydrate", "account", &id, "--reason", "INC-1"])
        .exits(1);
    let parked = ["records", "--flag", "parked", "--json"];
    let listed = emulator.tandem(&parked).exits(0).json();
    assert_eq!(listed["total"], 1, "{listed}");
    assert_eq!(listed["flags"]["parked"], 1, "{listed}");
    let one = &listed["records"][0];
    assert_eq!((&one["id"], &one["drift"]), (&json!(id), &json!("stub")));
    assert!(one["parked"].as_str().unwrap().contains("0x80040265"));
    // It stands first, whatever drift is worse.
    let all = emulator.tandem(&["records"]).exits(0).stdout;
    let first = all.lines().nth(1).unwrap();
    assert!(first.contains(&id) && first.contains("parked"), "{all}");
    let status = emulator.tandem(&["status"]).stdout;
    assert!(status.contains("1 parked"), "{status}");
    let status = emulator.tandem(&["status", "--json"]).json();
    let tables = status["links"][0]["tables"].as_array().unwrap();
    let account = tables.iter().find(|table| table["name"] == "account");
    assert_eq!(account.unwrap()["flags"]["parked"], 1, "{status}");

    emulator.disarm();
    let again = ["sync", "--flag", "parked", "--reason", "INC-1"];
    let again = emulator.tandem(&again).exits(0);
    assert!(again.stdout.contains("1 verified"), "{again:?}");
    let listed = emulator.tandem(&parked).exits(0).json();
    assert_eq!(listed["total"], 0, "{listed}");
}

#[test]
fn what_failed_of_an_operation_is_tried_again_and_nothing_else() {
    let emulator = Emulator::start();
    let stubs = ["records", "--table", "account", "--drift", "stub", "--json"];
    let stubs = emulator.tandem(&stubs).exits(0).json();
    let id = |place: usize| stubs["records"][place]["id"].as_str().unwrap().to_owned();
    let (bad, good) = (id(0), id(1));
    emulator.arm(refusal(&bad));
    let both = ["rehydrate", "account", &bad, &good];
    let both = [&both[..], &["--reason", "the call of Monday", "--json"]].concat();
    let first = emulator.tandem(&both).exits(1).json();
    let first = &first["operations"][0];
    assert_eq!(first["counts"]["refused"], 1, "{first}");
    let listed = emulator.tandem(&["retry", "--json"]).exits(0).json();
    let one = &listed["operations"][0];
    assert_eq!((&one["id"], &one["failed"]), (&first["id"], &json!(1)));

    emulator.disarm();
    emulator.clear_log();
    let first_id = first["id"].as_str().unwrap();
    let again = emulator.tandem(&["retry", first_id, "--json"]).exits(0);
    let again = &again.json()["operations"][0];
    assert_eq!(again["counts"]["verified"], 1, "{again}");
    assert_eq!(again["verb"], "rehydrate");
    assert_eq!(again["reason"], "the call of Monday");
    assert_eq!(again["retries"], first["id"]);
    let writes = emulator.writes();
    assert!(!writes.is_empty());
    let is_bad = |write: &serde_json::Value| write.to_string().contains(&bad);
    assert!(writes.iter().all(is_bad), "{writes:#?}");
    // What was tried again with success has nothing left, and the first stays as it was.
    let again_id = again["id"].as_str().unwrap();
    let nothing = emulator.tandem(&["retry", again_id]).exits(0);
    assert!(
        nothing.stderr.contains("nothing of operation"),
        "{nothing:?}"
    );
    let unknown = "00000000-0000-0000-0000-000000000001";
    emulator.tandem(&["retry", unknown]).exits(4);
    emulator.tandem(&["journal", "verify"]).exits(0);
}

#[test]
fn a_decision_column_by_column_may_be_looked_at_first() {
    let emulator = Emulator::start();
    let diverged = [
        "records", "--table", "account", "--drift", "diverged", "--json",
    ];
    let diverged = emulator.tandem(&diverged).exits(0).json();
    let one = &diverged["records"][0];
    let id = one["id"].as_str().unwrap();
    let columns: Vec<&str> = one["differing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let source = format!("{}=source", columns[0]);
    let dry = ["resolve", "--column", &source, "account", id, "--dry-run"];
    let dry = emulator.tandem(&dry).exits(0);
    assert!(dry.stdout.contains(columns[0]), "{dry:?}");
    assert!(emulator.writes().is_empty());
    let twice = [
        "resolve", "--column", &source, "--column", &source, "account", id,
    ];
    emulator.tandem(&twice).exits(2);
    emulator
        .tandem(&["resolve", "--column", "name=theirs", "account", id])
        .exits(2);
    let decided = [
        "resolve", "--take", "target", "--column", &source, "account", id, "--reason", "INC-1",
    ];
    let decided = emulator.tandem(&decided).exits(0);
    assert!(decided.stdout.contains("1 verified"), "{decided:?}");
    let after = ["records", "--table", "account", "--filter", id, "--json"];
    let after = emulator.tandem(&after).exits(0).json();
    let left = after["records"][0]["differing"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert!(!left.iter().any(|name| name == columns[0]), "{after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_finds_refused_is_parked_here_before_long_and_left_alone() {
    let agent = Options {
        is_agent: true,
        is_unattended: true,
        first_sync: Duration::from_secs(3600),
        ..options()
    };
    let mut lab = Lab::demo().await.restart_with(agent).await;
    // Nothing refers to it: the agent has no business with it.
    let id = "5a3c1f00-0000-4000-8000-00000000ac01";
    let alone = json!({"name": "Alone", "accountnumber": "ALONE1"});
    lab.emulated.us().account(id, alone).await;
    let is_listed = |state: &State| {
        let missing = in_drift(state, "account", Drift::Missing);
        missing.iter().any(|record| record.key.id.to_string() == id)
    };
    lab.compared().await;
    lab.send(Command::Compare).await;
    let state = lab.until("it is missing", is_listed).await;
    let missing = keys(&in_drift(&state, "account", Drift::Missing));
    let is_it = |key: &&RecordKey| key.id.to_string() == id;
    let key = *missing.iter().find(is_it).unwrap();
    lab.emulated.europe().arm(refusal(id)).await;
    assert_eq!(record(&state, key).unwrap().flag(), None);

    // A command of the same folder, which ends with what it did.
    let config = crate::support::lab::config(&lab.emulated.pair, &lab.state_folder());
    let (mut command, running) = tandem::engine::start(config, options()).unwrap();
    let request = request(Verb::Sync);
    let id = request.id;
    command
        .commands
        .send(Command::Repair {
            request,
            records: vec![tandem::engine::command::Target::Record(key)],
            consent: Consent::Named { may_wait: true },
        })
        .await
        .unwrap();
    let is_over =
        |state: &std::sync::Arc<State>| state.operation(id).is_some_and(|one| one.is_finished());
    let ended = command.states.wait_for(is_over).await.unwrap();
    assert_eq!(ended.operation(id).unwrap().progress.refused, 1);
    drop(ended);
    running.stop().await;

    let is_parked = |state: &State| {
        record(state, key).is_some_and(|record| record.flag() == Some(Flag::Parked))
    };
    lab.until("the agent knows it", is_parked).await;
    lab.stop().await;
}
