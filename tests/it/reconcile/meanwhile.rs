//! What happens while it is looked: no false difference, and no record counted twice or forgotten.

use serde_json::{Value as Json, json};
use tandem::domain::drift::Drift;
use tandem::domain::operation::Verb;
use tandem::emulator::LOB_CLIENT_ID;
use tandem::engine::State;
use tandem::engine::command::Command;

use super::{address, drift_of, figures, in_step};
use crate::support::lab::{Lab, options};

/// Fault F9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_gone_though_no_feed_tells_of_it_is_looked_at_once_more() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    // A contact: no key leads to it but its id.
    let rows = lab.emulated.us().get("contacts?$select=lastname").await;
    let rows = rows.json()["value"].as_array().unwrap().clone();
    let mut ids = rows.iter().filter_map(|row| row["contactid"].as_str());
    let id = ids.find(|id| drift_of(&state, id).is_none()).unwrap();
    let row = format!("contacts({id})");
    let europe = lab.emulated.europe().signed_in(LOB_CLIENT_ID).await;
    let edit = json!({"emailaddress1": "theirs@example.com"});
    assert_eq!(europe.patch(&row, edit).await.status, 204);
    // The source answers what has changed, and then that it has no such row.
    let us = lab.emulated.us();
    let empty = json!({"@odata.context": "x", "value": []}).to_string();
    for fault in [
        json!({"count": 1, "path": "v9.2/contacts", "delay_ms": 0}),
        json!({"count": 1, "path": "v9.2/contacts", "status": 200, "body": empty}),
    ] {
        us.arm(fault).await;
    }
    let state = lab.compare_again().await;
    let drift = drift_of(&state, id);
    assert_ne!(drift, Some(Drift::Diverged), "taken as it was read");
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, id), Some(Drift::Diverged));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_somebody_reads_during_a_look_is_counted_once() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let in_step_then = state.tables[0].counts.of(Drift::InSync);
    let id = in_step(&lab, &state, 1).await.remove(0);
    // The source has told what changed, and the target has not yet.
    let slow = json!({"count": 1, "path": "deltatoken", "table": "account", "delay_ms": 1500});
    lab.emulated.europe().arm(slow).await;
    lab.clear_log().await;
    let before = state.tables[0].compared;
    lab.send(Command::Compare).await;
    let us = lab.emulated.us();
    let is_told = |request: &Json| {
        request["path"].as_str().unwrap().ends_with("/accounts") && request["status"] == 200
    };
    while !us.log().await.iter().any(is_told) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let phone = json!({"telephone1": "+1 555 0100"});
    assert_eq!(us.patch(&address(&id), phone).await.status, 204);
    let key = tandem::domain::operation::RecordKey {
        table: tandem::domain::operation::TableIndex(0),
        id: tandem::domain::row::RowId::parse(&id).unwrap(),
    };
    lab.send(Command::Inspect(key)).await;
    lab.until("it was read", |state| {
        drift_of(state, &id) == Some(Drift::Stale)
    })
    .await;
    let is_over = |state: &State| state.tables[0].compared != before;
    let state = lab.until("the look is over", is_over).await;
    assert_eq!(drift_of(&state, &id), Some(Drift::Stale));
    assert_eq!(state.tables[0].counts.of(Drift::InSync), in_step_then - 1);
    // And put right while the next look is under way.
    let slow = json!({"count": 1, "path": "deltatoken", "table": "account", "delay_ms": 1500});
    lab.compare_again().await;
    lab.emulated.europe().arm(slow).await;
    let before = lab.engine.states.borrow().tables[0].compared;
    lab.send(Command::Compare).await;
    let operation = lab.repair(Verb::Sync, &[key]).await;
    assert_eq!(operation.progress.verified, 1, "{operation:?}");
    let is_over = |state: &State| state.tables[0].compared != before;
    let state = lab.until("the look is over", is_over).await;
    assert_eq!(state.tables[0].counts.of(Drift::InSync), in_step_then);
    lab.stop().await;
}

/// Fault F9: what is still to be looked at once more outlives a look that breaks off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_breaks_off_forgets_no_record_that_it_was_to_look_at_once_more() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let rows = lab.emulated.us().get("contacts?$select=lastname").await;
    let rows = rows.json()["value"].as_array().unwrap().clone();
    let mut ids = rows.iter().filter_map(|row| row["contactid"].as_str());
    let id = ids.find(|id| drift_of(&state, id).is_none()).unwrap();
    let europe = lab.emulated.europe().signed_in(LOB_CLIENT_ID).await;
    let edit = json!({"emailaddress1": "theirs@example.com"});
    assert_eq!(
        europe.patch(&format!("contacts({id})"), edit).await.status,
        204
    );
    // The source answers what has changed, and then that it has no such row, which is not so.
    let us = lab.emulated.us();
    let empty = json!({"@odata.context": "x", "value": []}).to_string();
    for fault in [
        json!({"count": 1, "path": "v9.2/contacts", "delay_ms": 0}),
        json!({"count": 1, "path": "v9.2/contacts", "status": 200, "body": empty}),
    ] {
        us.arm(fault).await;
    }
    let state = lab.compare_again().await;
    assert_ne!(drift_of(&state, id), Some(Drift::Diverged));
    // The next look can't read the target.
    let europe = lab.emulated.europe();
    let forbidden = json!({"count": null, "path": "v9.2/contacts?", "status": 403});
    europe.arm(forbidden).await;
    lab.send(Command::Compare).await;
    lab.until("the look breaks off", |state| {
        state.tables[1].failure.is_some()
    })
    .await;
    let europe = lab.emulated.europe();
    europe.control("DELETE", "faults", None).await;
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, id), Some(Drift::Diverged));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_during_a_comparison_follows_it() {
    let mut lab = Lab::demo().await;
    let before = lab.compared().await.tables[1].compared;
    let europe = lab.emulated.europe();
    let forbidden = json!({"count": 1, "path": "v9.2/contacts?", "status": 403});
    europe.arm(forbidden).await;
    lab.send(Command::Compare).await;
    lab.send(Command::Compare).await;
    lab.until("the second mends what broke the first off", |state| {
        state.tables[1].compared != before && state.tables[1].failure.is_none()
    })
    .await;
    let europe = lab.emulated.europe();
    let armed = europe.control("GET", "faults", None).await;
    assert_eq!(armed["faults"][0]["hits"], 1, "{armed}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_changes_while_its_page_is_on_its_way_is_read_again() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let id = in_step(&lab, &state, 1).await.remove(0);
    let emulated = lab.stop_only_the_engine().await;
    let europe = emulated.europe();
    // The page is read, and its answer is dated seconds later, when it is given.
    let page = "v9.2/accounts?$select=name";
    let slow = json!({"count": 1, "path": page, "slow_head_ms": 5000, "date_skew_s": 5});
    europe.arm(slow).await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    let europe = lab.emulated.europe();
    let mut is_read = false;
    while !is_read {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let armed = europe.control("GET", "faults", None).await;
        is_read = armed["faults"][0]["hits"] == 1 || armed["faults"] == json!([]);
    }
    let edit = json!({"telephone1": "+44 7700 900123"});
    assert_eq!(europe.patch(&address(&id), edit).await.status, 204);
    let state = lab.compared().await;
    let drift = drift_of(&state, &id);
    assert!(drift.is_some_and(Drift::is_listed), "{drift:?}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_made_and_deleted_between_two_looks_leave_the_sums_as_they_were() {
    let mut lab = Lab::demo().await;
    let before = figures(&*lab.compared().await);
    let ids = [
        "4d1d7a8e-0d5c-4c1b-9c55-2f7a8e0d5c4c",
        "5e2e8b9f-1e6d-4d2c-8d66-3a8b9f1e6d5d",
        "6f3f9cad-2f7e-4e3d-9e77-4b9cad2f7e6e",
    ];
    let body = |id: &str| json!({"name": "Northwind", "accountnumber": &id[..8]});
    let (us, europe) = (lab.emulated.us(), lab.emulated.europe());
    // On either side alone, and on both.
    for (api, ids) in [(&us, [ids[0], ids[2]]), (&europe, [ids[1], ids[2]])] {
        for id in ids {
            api.account(id, body(id)).await;
        }
    }
    for (api, ids) in [(&us, [ids[0], ids[2]]), (&europe, [ids[1], ids[2]])] {
        for id in ids {
            assert!(api.delete(&address(id)).await.status.is_success());
        }
    }
    assert_eq!(figures(&*lab.compare_again().await), before);
    // The same row again, this time with a look in between.
    let europe = lab.emulated.europe().signed_in(LOB_CLIENT_ID).await;
    europe.account(ids[1], body(ids[1])).await;
    let state = lab.compare_again().await;
    assert_eq!(figures(&state).1[0].1, before.1[0].1 + 1);
    let mut lab = lab.restart().await;
    lab.compared().await;
    let europe = lab.emulated.europe();
    assert!(europe.delete(&address(ids[1])).await.status.is_success());
    assert_eq!(figures(&*lab.compare_again().await), before);
    lab.stop().await;
}
