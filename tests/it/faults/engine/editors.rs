//! What people change while a repair is about it stays theirs.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tandem::domain::drift::Drift;
use tandem::domain::operation::{RecordKey, Stage, TableIndex, Verb};
use tandem::domain::row::RowId;

use super::{in_step, some, stage, writes_of};
use crate::support::lab::{Lab, in_drift, keys};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f36_an_edit_that_only_the_feeds_know_of_is_not_overwritten_by_a_newer_one_of_the_source()
 {
    let mut lab = Lab::demo().await;
    lab.compared().await;
    let row = in_step(&lab, "telephone1").await;
    let edit = json!({"telephone1": "+44 20"});
    lab.emulated.europe().edit_as_a_person(&row, edit).await;
    // By the clocks alone, the source would be ahead.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let newer = json!({"telephone1": "+1 777"});
    assert!(
        lab.emulated
            .us()
            .patch(&row, newer)
            .await
            .status
            .is_success()
    );
    let id = row.split(['(', ')']).nth(1).unwrap();
    let key = RecordKey {
        table: TableIndex(0),
        id: RowId::parse(id).unwrap(),
    };
    let operation = lab.repair(Verb::Sync, &[key]).await;
    let stage = stage(&operation, key);
    assert!(matches!(stage, Stage::Held(_)), "{stage:?}");
    let stands = lab.emulated.europe().get(&row).await.json();
    assert_eq!(stands["telephone1"], "+44 20");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f36_an_edit_between_a_write_and_its_reading_back_is_nobodys_but_its_writers() {
    let (mut lab, stubs) = some(Drift::Stub, 1).await;
    let path = format!("accounts({})", stubs[0].id);
    let blank = json!({"websiteurl": null});
    assert_eq!(lab.emulated.us().patch(&path, blank).await.status, 204);
    let europe = lab.emulated.europe();
    // The look before the write, and then the one behind it.
    for delay in [0, 700] {
        let fault = json!({"count": 1, "method": "GET", "path": path, "delay_ms": delay});
        europe.arm(fault).await;
    }
    let person = europe.somebody().await;
    lab.clear_log().await;
    let id = lab.begin(Verb::Rehydrate, &stubs).await;
    let is_done = |write: &Json| write["status"] == 204;
    while !writes_of(&lab, &path).await.iter().any(is_done) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let as_person = [("MSCRMCallerID", person.as_str())];
    let edit = json!({"websiteurl": "https://theirs.example"});
    let edited = lab.emulated.europe();
    let edited = edited.send("PATCH", &path, &as_person, Some(edit)).await;
    assert!(edited.status.is_success(), "{edited:?}");
    let operation = lab.finished(id).await;
    assert_eq!(stage(&operation, stubs[0]), Stage::Verified);

    // The next start has it from the journal alone how the row was left.
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    let held = in_drift(&state, "account", Drift::Diverged);
    assert!(keys(&held).contains(&stubs[0]), "{held:?}");
    lab.repair(Verb::Sync, &stubs).await;
    let stands = lab.emulated.europe().get(&path).await.json();
    assert_eq!(stands["websiteurl"], "https://theirs.example");
    lab.stop().await;
}

/// A person fills a blank of a row in Europe.
async fn edited_by_a_person(lab: &Lab, path: &str) {
    let edit = json!({"websiteurl": "https://theirs.example"});
    lab.emulated.europe().edit_as_a_person(path, edit).await;
}

/// A sync must not take a person's value for one that it has left there itself: not in this process, nor in the next.
async fn is_left_to_its_editor(mut lab: Lab, key: RecordKey, path: &str) {
    for is_next in [false, true] {
        if is_next {
            // One that has nothing but the journal to know it from.
            std::fs::remove_file(lab.state_folder().join("index.db")).unwrap();
            lab = lab.restart().await;
            lab.compared().await;
        }
        let operation = lab.repair(Verb::Sync, &[key]).await;
        let stage = stage(&operation, key);
        assert!(matches!(stage, Stage::Held(_)), "next {is_next}: {stage:?}");
        let stands = lab.emulated.europe().get(path).await.json();
        assert_eq!(stands["websiteurl"], "https://theirs.example");
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f36_an_edit_behind_a_write_whose_answer_was_lost_is_its_editors() {
    let (mut lab, stubs) = some(Drift::Stub, 1).await;
    let path = format!("accounts({})", stubs[0].id);
    let blank = json!({"websiteurl": null});
    assert_eq!(lab.emulated.us().patch(&path, blank).await.status, 204);
    let europe = lab.emulated.europe();
    let lost = json!({"count": 1, "method": "PATCH", "path": path, "reset": "after"});
    europe.arm(lost).await;
    // The look before the write, and then the one that finds out what became of it.
    for delay in [0, 900] {
        let fault = json!({"count": 1, "method": "GET", "path": path, "delay_ms": delay});
        europe.arm(fault).await;
    }
    let id = lab.begin(Verb::Rehydrate, &stubs).await;
    lab.until("its answer is lost", |state| {
        let mut known = state.operation(id).into_iter().flat_map(|one| &one.records);
        known.any(|line| matches!(line.stage, Stage::Unknown(_)))
    })
    .await;
    edited_by_a_person(&lab, &path).await;
    let operation = lab.finished(id).await;
    assert_eq!(stage(&operation, stubs[0]), Stage::Verified);
    is_left_to_its_editor(lab, stubs[0], &path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f36_an_edit_that_the_next_start_finds_behind_an_unknown_write_is_its_editors() {
    let (mut lab, stubs) = some(Drift::Stub, 1).await;
    let path = format!("accounts({})", stubs[0].id);
    let blank = json!({"websiteurl": null});
    assert_eq!(lab.emulated.us().patch(&path, blank).await.status, 204);
    let europe = lab.emulated.europe();
    europe
        .arm(json!({"count": 1, "method": "GET", "path": path, "delay_ms": 0}))
        .await;
    europe
        .arm(json!({"count": null, "method": "GET", "path": path, "status": 500}))
        .await;
    let id = lab.begin(Verb::Rehydrate, &stubs).await;
    lab.until("its outcome is not known", |state| {
        let operation = state.operation(id);
        operation.is_some_and(|one| one.is_finished() && one.progress.unknown == 1)
    })
    .await;
    edited_by_a_person(&lab, &path).await;
    let europe = lab.emulated.europe();
    europe.control("DELETE", "faults", None).await;
    let mut lab = lab.restart().await;
    let state = lab
        .until("it was read back", |state| {
            let operation = state.operation(id);
            state.unknown_outcomes() == 0 && operation.is_some_and(|one| one.is_finished())
        })
        .await;
    let operation = state.operation(id).unwrap();
    assert_eq!(stage(operation, stubs[0]), Stage::Verified);
    lab.compared().await;
    is_left_to_its_editor(lab, stubs[0], &path).await;
}
