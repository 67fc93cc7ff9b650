//! What is done about outcomes that are not known, and what is left undone while something can't be known.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tandem::domain::breaker::Phase;
use tandem::domain::drift::Drift;
use tandem::domain::operation::{RecordKey, Stage, TableIndex, Verb};
use tandem::domain::row::RowId;
use tandem::engine::command::Command;

use super::{in_step, some, stage, writes_of};
use crate::support::lab::{Lab, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_stays_unknown_is_read_back_once_the_instance_answers_without_a_restart() {
    let (mut lab, stubs) = some(Drift::Stub, 1).await;
    let path = format!("accounts({})", stubs[0].id);
    let europe = lab.emulated.europe();
    let first = json!({"count": 1, "method": "GET", "path": path, "delay_ms": 0});
    europe.arm(first).await;
    let fails = json!({"count": null, "method": "GET", "path": path, "status": 500, "for_s": 4});
    europe.arm(fails).await;
    lab.clear_log().await;
    let id = lab.begin(Verb::Rehydrate, &stubs).await;
    lab.until("its outcome is not known", |state| {
        let operation = state.operation(id);
        operation.is_some_and(|one| one.is_finished() && one.progress.unknown == 1)
    })
    .await;
    let state = lab
        .until("it was read back", |state| {
            let operation = state.operation(id);
            state.unknown_outcomes() == 0 && operation.is_some_and(|one| one.is_finished())
        })
        .await;
    let stage = stage(state.operation(id).unwrap(), stubs[0]);
    assert_eq!(stage, Stage::Verified);
    assert_eq!(writes_of(&lab, &path).await.len(), 1);
    let mut lab = lab.restart().await;
    let state = lab.until("it is remembered", |state| state.operation(id).is_some());
    let operation = state.await.operation(id).cloned().unwrap();
    assert!(operation.is_finished() && !operation.was_left_behind);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_the_next_start_can_not_read_back_at_once_stays_owed_until_it_can() {
    let (mut lab, stubs) = some(Drift::Stub, 1).await;
    let path = format!("accounts({})", stubs[0].id);
    let first = json!({"count": 1, "method": "GET", "path": path, "delay_ms": 0});
    lab.emulated.europe().arm(first).await;
    let fails =
        |status: u16| json!({"count": null, "method": "GET", "path": path, "status": status});
    lab.emulated.europe().arm(fails(500)).await;
    let id = lab.begin(Verb::Sync, &stubs).await;
    lab.until("its outcome is not known", |state| {
        let operation = state.operation(id);
        operation.is_some_and(|one| one.is_finished() && one.progress.unknown == 1)
    })
    .await;
    let emulated = lab.emulated.europe();
    emulated.control("DELETE", "faults", None).await;
    // An agent goes on by itself with what was left, and here there is nothing to go on with.
    emulated.arm(fails(403)).await;
    let agent = tandem::engine::Options {
        is_agent: true,
        is_unattended: true,
        ..options()
    };
    let mut lab = lab.restart_with(agent).await;
    lab.until("it could not be read back", |state| {
        state.operation(id).is_some_and(|one| {
            let mut reasons = one.records.iter().filter_map(|line| line.stage.reason());
            one.is_finished() && reasons.any(|why| why.starts_with("could not be read back"))
        })
    })
    .await;
    let emulated = lab.emulated.europe();
    emulated.control("DELETE", "faults", None).await;
    let state = lab
        .until("it was read back", |state| {
            let operation = state.operation(id);
            state.unknown_outcomes() == 0 && operation.is_some_and(|one| one.is_finished())
        })
        .await;
    assert_eq!(
        stage(state.operation(id).unwrap(), stubs[0]),
        Stage::Verified
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]

async fn nothing_is_overwritten_on_a_guess_while_the_feeds_can_not_be_read() {
    let mut lab = Lab::demo().await;
    lab.compared().await;
    let row = in_step(&lab, "telephone1").await;
    let edit = json!({"telephone1": "+44 20"});
    lab.emulated.europe().edit_as_a_person(&row, edit).await;
    // By the clocks alone, the source would be ahead.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let newer = json!({"telephone1": "+1 777"});
    assert_eq!(lab.emulated.us().patch(&row, newer).await.status, 204);
    let europe = lab.emulated.europe();
    let listings = "v9.2/accounts";
    let broken = json!({"count": 30, "path": listings, "method": "GET", "share": 1, "status": 500});
    let single = json!({"count": 30, "path": row, "method": "GET", "delay_ms": 0});
    europe.arm(single).await;
    europe.arm(broken).await;
    let id = row.split(['(', ')']).nth(1).unwrap();
    let key = RecordKey {
        table: TableIndex(0),
        id: RowId::parse(id).unwrap(),
    };
    let operation = lab.repair(Verb::Sync, &[key]).await;
    let stage = stage(&operation, key);
    assert!(!stage.is_good(), "{stage:?}");
    let europe = lab.emulated.europe();
    europe.control("DELETE", "faults", None).await;
    assert_eq!(europe.get(&row).await.json()["telephone1"], "+44 20");
    lab.stop().await;
}

/// What the processes of one machine share is the journal (reliability 2.1, "Shared between processes").
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f41_while_what_processes_share_takes_nothing_a_stop_holds_and_nothing_is_sent() {
    let (mut lab, stubs) = some(Drift::Stub, 3).await;
    let now = tandem::engine::now().wall;
    lab.send(Command::ForceOpen {
        instance: 0,
        who: "anna".to_owned(),
        reason: "INC-1".to_owned(),
        until: Some(now + chrono::Duration::hours(1)),
    })
    .await;
    let is_stopped = |state: &tandem::engine::State| {
        // None are known yet where nothing was looked at.
        let breakers = &state.instances[0].breakers;
        let is_forced = |phase: &Phase| matches!(phase, Phase::ForcedOpen(_));
        !breakers.is_empty() && breakers.iter().all(|breaker| is_forced(&breaker.phase))
    };
    lab.until("the US is stopped", |state| is_stopped(state))
        .await;
    lab.clear_log().await;
    // Another process holds it, and does not let go.
    let journal = lab.state_folder().join("journal.db");
    let mut other = rusqlite::Connection::open(&journal).unwrap();
    let held = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate);
    let held = held.unwrap();
    let operation = lab.begin(Verb::Rehydrate, &stubs).await;
    let state = lab
        .until("it is refused", |state| {
            let operation = state.operation(operation);
            operation.is_some_and(|one| one.is_finished()) || !state.notices.is_empty()
        })
        .await;
    assert!(is_stopped(&state), "{:?}", state.instances[0].breakers);
    let told = format!("{:?} {:?}", state.notices, state.operation(operation));
    assert!(told.contains("journal"), "{told}");
    assert_eq!(lab.writes().await, Vec::<Json>::new());
    held.rollback().unwrap();
    drop(other);
    // Nor does a start take the stop for over.
    let mut lab = lab.restart().await;
    lab.until("it is stopped as before", |state| is_stopped(state))
        .await;
    lab.stop().await;
}
