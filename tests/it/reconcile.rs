//! Change-driven reconciliation over real sockets: what is read, what is concluded from it, and what a restart knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tandem::domain::drift::{Drift, Side};
use tandem::domain::operation::Verb;
use tandem::emulator::{Data, LOB_CLIENT_ID, Options, SYNC_CLIENT_ID, Scenario};
use tandem::engine::command::{Command, Consent, Target};
use tandem::engine::{Depth, State};

use crate::support::emulated::{Api, Emulated};
use crate::support::lab::{Lab, in_drift, options, request};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_reads_what_changed_and_its_counterparts_and_nothing_else() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let ids = in_step(&lab, &state, 2).await;
    let us = lab.emulated.us();
    for id in &ids {
        let phone = json!({"telephone1": "+1 555 0100"});
        let changed = us.patch(&format!("accounts({id})"), phone).await;
        assert!(changed.status.is_success());
    }
    lab.clear_log().await;
    let state = lab.compare_again().await;
    for id in &ids {
        assert_eq!(drift_of(&state, id), Some(Drift::Stale));
    }
    let (us, europe) = (lab.emulated.us(), lab.emulated.europe());
    for (api, counterparts) in [(&us, 0), (&europe, 1)] {
        let seen = requests(api).await;
        let listing = seen
            .iter()
            .filter(|request| !request.contains("deltatoken") && !request.contains("In("));
        assert_eq!(listing.collect::<Vec<_>>(), Vec::<&String>::new());
        let read = seen
            .iter()
            .filter(|request| request.contains("In("))
            .count();
        assert_eq!(read, counterparts, "{seen:#?}");
    }
    lab.clear_log().await;
    lab.compare_again().await;
    let quiet =
        requests(&lab.emulated.us()).await.len() + requests(&lab.emulated.europe()).await.len();
    assert_eq!(quiet, 4, "two tables on two sides, and nothing changed");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_knows_what_was_known_and_reads_only_that_again() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let ids = in_step(&lab, &state, 1).await;
    let before = chrono::Utc::now();
    let changed = lab
        .emulated
        .us()
        .patch(
            &format!("accounts({})", ids[0]),
            json!({"telephone1": "+1 555 0100"}),
        )
        .await;
    assert!(changed.status.is_success());
    let state = lab.compare_again().await;
    let known = figures(&state);
    let since = since_of(&state, &ids[0]);
    assert!(since >= before - chrono::Duration::seconds(2), "{since}");

    lab.clear_log().await;
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    assert_eq!(figures(&state), known);
    assert_eq!(since_of(&state, &ids[0]), since);
    assert!(
        in_drift(&state, "account", Drift::Stale)
            .iter()
            .all(|record| matches!(record.sides.source, Side::Row(_))),
        "its sides were read again"
    );
    for api in [lab.emulated.us(), lab.emulated.europe()] {
        let seen = requests(&api).await;
        let whole = seen.iter().filter(|request| {
            request.contains("accounts?")
                && !request.contains("deltatoken")
                && !request.contains("filter")
        });
        assert_eq!(whole.collect::<Vec<_>>(), Vec::<&String>::new());
    }
    lab.stop().await;
}

fn since_of(state: &State, id: &str) -> chrono::DateTime<chrono::Utc> {
    let mut records = state.records.iter().map(|(_, record)| record);
    let record = records
        .find(|record| record.key.id.to_string() == id)
        .unwrap();
    record.since.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f30_an_expired_token_leads_to_a_full_comparison_that_says_so() {
    let mut lab = Lab::demo().await;
    let known = figures(&*lab.compared().await);
    for api in [lab.emulated.us(), lab.emulated.europe()] {
        api.control("POST", "clock", Some(json!({"advance_s": 8 * 24 * 3600})))
            .await;
    }
    let state = lab.compare_again().await;
    let said = note(&state, "compared in full")
        .expect("it says so")
        .to_owned();
    assert!(said.contains("changes can't be followed"), "{said}");
    assert_eq!(figures(&state).0, known.0);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_leads_to_a_full_comparison() {
    let lab = Lab::demo().await;
    lab.emulated.us().control("POST", "backup", None).await;
    let ids = in_step(&lab, &lab.engine.states.borrow().clone(), 1).await;
    let phone = json!({"telephone1": "+1 555 0100"});
    let us = lab.emulated.us();
    let changed = us.patch(&format!("accounts({})", ids[0]), phone).await;
    assert!(changed.status.is_success());
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    assert_eq!(drift_of(&state, &ids[0]), Some(Drift::Stale));
    lab.emulated.us().control("POST", "restore", None).await;
    let state = lab.compare_again().await;
    assert!(
        note(&state, "compared in full").is_some(),
        "{:?}",
        state.timeline
    );
    assert_eq!(
        drift_of(&state, &ids[0]),
        None,
        "the change is gone with the restore"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feeds_tell_which_side_changed_and_no_clock_is_asked() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let ids = in_step(&lab, &state, 3).await;
    let (us, europe) = (lab.emulated.us(), lab.emulated.europe());
    let address = |id: &String| format!("accounts({id})");
    let (edited, stale, touched) = (address(&ids[0]), address(&ids[1]), address(&ids[2]));
    // The target's edit is older than the source's: a clock would call it stale.
    let person = europe.somebody().await;
    let as_person = [("MSCRMCallerID", person.as_str())];
    let edit = json!({"telephone1": "+44 1"});
    assert!(
        europe
            .send("PATCH", &edited, &as_person, Some(edit))
            .await
            .status
            .is_success()
    );
    us.patch(&edited, json!({"telephone1": "+1 1"})).await;
    us.patch(&stale, json!({"telephone1": "+1 2"})).await;
    us.patch(&touched, json!({"telephone1": "+1 3"})).await;
    let state = lab.compare_again().await;
    let told = |state: &State, id: &str| {
        let mut records = state.records.iter().map(|(_, record)| record);
        let record = records
            .find(|record| record.key.id.to_string() == id)
            .unwrap();
        (record.drift, record.is_guess)
    };
    assert_eq!(told(&state, &ids[0]), (Drift::Diverged, false));
    assert_eq!(told(&state, &ids[1]), (Drift::Stale, false));
    assert_eq!(told(&state, &ids[2]), (Drift::Stale, false));

    // A column that the link does not copy is the target's own business.
    let europe = lab.emulated.europe();
    let note = json!({"description": "spoke to them"});
    assert!(
        europe
            .send("PATCH", &touched, &as_person, Some(note))
            .await
            .status
            .is_success()
    );
    let edit = json!({"telephone1": "+44 2"});
    assert!(
        europe
            .send("PATCH", &stale, &as_person, Some(edit))
            .await
            .status
            .is_success()
    );
    let state = lab.compare_again().await;
    assert_eq!(
        told(&state, &ids[2]),
        (Drift::Stale, false),
        "untouched where it counts"
    );
    assert_eq!(
        told(&state, &ids[1]),
        (Drift::Diverged, false),
        "edited by a person"
    );
    // What a person must decide stays so, whatever the source does.
    lab.emulated
        .us()
        .patch(&edited, json!({"telephone1": "+1 4"}))
        .await;
    let state = lab.compare_again().await;
    assert_eq!(told(&state, &ids[0]), (Drift::Diverged, false));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_are_told_apart_from_what_never_came() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let ids = in_step(&lab, &state, 3).await;
    let sums = figures(&state).1;
    let address = |id: &String| format!("accounts({id})");
    let (us, europe) = (lab.emulated.us(), lab.emulated.europe());
    assert!(us.delete(&address(&ids[0])).await.status.is_success());
    assert!(europe.delete(&address(&ids[1])).await.status.is_success());
    for api in [&us, &europe] {
        assert!(api.delete(&address(&ids[2])).await.status.is_success());
    }
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, &ids[0]), Some(Drift::Orphan));
    assert_eq!(drift_of(&state, &ids[1]), Some(Drift::DeletedInTarget));
    assert_eq!(drift_of(&state, &ids[2]), None, "gone on both sides");
    assert_eq!(figures(&state).1[0].0, sums[0].0 - 3);
    // Nothing recreates what was deleted on purpose, and a restart does not forget it.
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    let deleted = in_drift(&state, "account", Drift::DeletedInTarget);
    let operation = lab
        .repair(Verb::Sync, &crate::support::lab::keys(&deleted))
        .await;
    assert_eq!(operation.progress.held, deleted.len(), "{operation:?}");
    assert_eq!(
        lab.emulated.europe().get(&address(&ids[1])).await.status,
        404
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_row_whose_key_the_other_side_has_on_another_id_is_a_duplicate() {
    let mut lab = Lab::demo().await;
    lab.compared().await;
    let europe = lab.emulated.europe().signed_in(LOB_CLIENT_ID).await;
    let local = json!({"name": "Northwind", "accountnumber": "NW-1"});
    assert!(europe.post("accounts", local).await.status.is_success());
    let state = lab.compare_again().await;
    let locals = figures(&state).1[0].1;
    let twin = json!({"name": "Northwind Inc", "accountnumber": "nw-1 "});
    assert!(
        lab.emulated
            .us()
            .post("accounts", twin)
            .await
            .status
            .is_success()
    );
    let state = lab.compare_again().await;
    let duplicates = in_drift(&state, "account", Drift::Duplicate);
    let here = duplicates
        .iter()
        .find(|record| record.number.to_lowercase().starts_with("nw-1"));
    assert!(
        here.is_some_and(|record| record.other.is_some()),
        "{duplicates:?}"
    );
    assert_eq!(
        figures(&state).1[0].1,
        locals - 1,
        "the local one is part of the duplicate"
    );
    // The source gives it another number: nothing stands in the way of either any more.
    let id = here.map(|record| record.key.id.to_string()).unwrap();
    let other_number = json!({"accountnumber": "NW-2"});
    let us = lab.emulated.us();
    assert_eq!(us.patch(&address(&id), other_number).await.status, 204);
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, &id), Some(Drift::Missing));
    assert_eq!(
        figures(&state).1[0].1,
        locals,
        "it is the target's own again"
    );
    // Back, and merged in the target's app: what was only the source's is then missing.
    let number = json!({"accountnumber": "NW-1"});
    let us = lab.emulated.us();
    assert_eq!(us.patch(&address(&id), number).await.status, 204);
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, &id), Some(Drift::Duplicate));
    let records = state.records.iter().map(|(_, record)| record);
    let mut records = records.filter(|record| record.key.id.to_string() == id);
    let other = records.next().and_then(|record| record.other).unwrap();
    let europe = lab.emulated.europe();
    let deleted = europe.delete(&address(&other.to_string())).await;
    assert!(deleted.status.is_success());
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, &id), Some(Drift::Missing));
    assert_eq!(figures(&state).1[0].1, locals - 1);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphan_that_turns_out_to_be_a_duplicate_is_listed_once() {
    let mut lab = Lab::demo().await;
    lab.compared().await;
    // Made by a user of the sync: without a source, an orphan.
    let europe = lab.emulated.europe().signed_in(SYNC_CLIENT_ID).await;
    let orphan = "4d1d7a8e-0d5c-4c1b-9c55-2f7a8e0d5c4c";
    let body = json!({"name": "Northwind", "accountnumber": "NW-1"});
    europe.account(orphan, body.clone()).await;
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, orphan), Some(Drift::Orphan));
    let us = lab.emulated.us();
    us.account("5e2e8b9f-1e6d-4d2c-8d66-3a8b9f1e6d5d", body)
        .await;
    let before = figures(&state).1;
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, orphan), None, "part of the duplicate");
    assert_eq!(figures(&state).1, before);
    let known = figures(&state);
    let mut lab = lab.restart().await;
    assert_eq!(figures(&*lab.compared().await), known);
    lab.stop().await;
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f09_a_table_that_is_suddenly_empty_is_not_believed() {
    let mut lab = Lab::demo().await;
    let known = figures(&*lab.compared().await);
    let empty = json!({"@odata.context": "x", "value": []}).to_string();
    let fault = json!({"count": 1, "path": "v9.2/accounts?", "status": 200, "body": empty});
    lab.emulated.europe().arm(fault.clone()).await;
    let deep = |depth| tandem::engine::Options { depth, ..options() };
    let mut lab = lab.restart_with(deep(Depth::Everything)).await;
    let state = lab
        .until("the comparison breaks off", |state| {
            state.tables[0]
                .failure
                .as_deref()
                .is_some_and(|why| why.contains("implausible"))
        })
        .await;
    // The other table may have been compared by now.
    let accounts = tandem::domain::operation::TableIndex(0);
    let listed = state.records.iter().map(|(_, record)| record);
    let listed = listed.filter(|one| one.key.table == accounts && one.drift.is_listed());
    assert_eq!(listed.count(), 0, "nothing is concluded from it");
    // Nothing of it was kept either: the next start knows what was known before.
    let mut lab = lab.restart().await;
    assert_eq!(figures(&*lab.compared().await).0, known.0);
    // A person may say that it is true.
    lab.emulated.europe().arm(fault).await;
    let mut lab = lab.restart_with(deep(Depth::Anew)).await;
    let state = lab.compared().await;
    assert_eq!(state.tables[0].failure, None);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_comparison_that_is_interrupted_goes_on_where_it_was() {
    let data = Data::Many {
        records: 12_000,
        drift: 0.001,
    };
    let emulated = Emulated::with(Options {
        data,
        ..Options::default()
    })
    .await;
    // From its second page on Europe refuses everything, for longer than anybody tries again on its own.
    let fault = json!({"count": 100_000, "path": "skiptoken", "status": 503});
    emulated.europe().arm(fault).await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    let state = lab
        .until("it waits for Europe", |state| {
            let why = state.tables[0].failure.as_deref();
            why.is_some_and(|why| why.contains("waits for the target"))
        })
        .await;
    assert_eq!(state.tables[0].compared, None);
    lab.emulated
        .europe()
        .control("DELETE", "faults", None)
        .await;
    let state = lab.compared().await;
    assert_eq!(state.tables[0].failure, None);
    let first_pages = |seen: &[String]| {
        let firsts = seen.iter().filter(|request| {
            request.contains("v9.2/accounts?")
                && !request.contains("skiptoken")
                && !request.contains("filter")
        });
        firsts.count()
    };
    for api in [lab.emulated.us(), lab.emulated.europe()] {
        assert_eq!(
            first_pages(&requests(&api).await),
            1,
            "nothing was read twice"
        );
    }
    assert_eq!(figures(&state), truth(&lab).await);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_change_tracking_too_the_next_process_goes_on_where_it_was() {
    let untracked = "story = 'Nobody tells what changes.'\n[[schema.us]]\ntable = 'account'\nchange_tracking = false\n";
    let emulated = Emulated::with(Options {
        data: Data::Many {
            records: 12_000,
            drift: 0.001,
        },
        scenario: Some(Scenario::load(untracked).unwrap()),
        ..Options::default()
    })
    .await;
    let fault = json!({"count": null, "path": "skiptoken", "table": "account", "status": 503});
    emulated.europe().arm(fault).await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    lab.until("it waits for Europe", |state| {
        let why = state.tables[0].failure.as_deref();
        why.is_some_and(|why| why.contains("waits for the target"))
    })
    .await;
    let europe = lab.emulated.europe();
    europe.control("DELETE", "faults", None).await;
    // What was shown before, and is another by now.
    let us = lab.emulated.us();
    let shown = us.get("accounts?$select=accountid&$top=1").await.json();
    let shown = shown["value"][0]["accountid"].as_str().unwrap().to_owned();
    let phone = json!({"telephone1": "+1 555 0100"});
    assert!(us.patch(&address(&shown), phone).await.status.is_success());
    lab.clear_log().await;
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    for (api, pages) in [(lab.emulated.us(), 0), (lab.emulated.europe(), 2)] {
        let seen = requests(&api).await;
        let listed = seen.iter().filter(|request| {
            request.contains("v9.2/accounts?")
                && !request.contains("filter")
                && !request.contains("In(")
        });
        assert_eq!(listed.count(), pages, "{seen:#?}");
    }
    assert_eq!(drift_of(&state, &shown), Some(Drift::Stale));
    assert_eq!(figures(&state), truth(&lab).await);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn security_case_10_a_kept_link_to_a_page_is_followed_to_no_other_host() {
    let data = Data::Many {
        records: 12_000,
        drift: 0.001,
    };
    let emulated = Emulated::with(Options {
        data,
        ..Options::default()
    })
    .await;
    let fault = json!({"count": null, "path": "skiptoken", "table": "account", "status": 503});
    emulated.europe().arm(fault).await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    lab.until("it waits for Europe", |state| {
        let why = state.tables[0].failure.as_deref();
        why.is_some_and(|why| why.contains("waits for the target"))
    })
    .await;
    let folder = lab.state_folder();
    let europe = lab.emulated.europe();
    europe.control("DELETE", "faults", None).await;
    let (emulated, state) = lab.stop_and_keep().await;
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let index = rusqlite::Connection::open(folder.join("index.db")).unwrap();
    let host = format!("http://{}", elsewhere.local_addr().unwrap());
    let edited = index.execute(
        "UPDATE listings SET next = replace(next, ?1, ?2) WHERE side = 'target' AND next IS NOT NULL",
        [emulated.pair.europe_url(), &host],
    );
    assert_eq!(edited.unwrap(), 1);
    drop(index);
    let mut lab = Lab::on(emulated, state, options());
    let state = lab.compared().await;
    assert_eq!(figures(&state), truth(&lab).await);
    elsewhere.set_nonblocking(true).unwrap();
    let called = elsewhere.accept().map_err(|error| error.kind());
    assert_eq!(called.err(), Some(std::io::ErrorKind::WouldBlock));
    lab.stop().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_changes_a_refresh_counts_what_a_full_comparison_counts() {
    let data = Data::Many {
        records: 300,
        drift: 0.1,
    };
    let emulated = Emulated::with(Options {
        data,
        ..Options::default()
    })
    .await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    lab.compared().await;
    let mut ids = Vec::new();
    for api in [lab.emulated.us(), lab.emulated.europe()] {
        let rows = api.get("accounts?$select=accountid").await.json();
        let rows = rows["value"].as_array().unwrap().clone();
        ids.extend(
            rows.iter()
                .map(|row| row["accountid"].as_str().unwrap().to_owned()),
        );
    }
    // A generator of our own, so that what fails can be told by its seed.
    let mut seed = 11u64;
    let mut next = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for round in 0..6 {
        for step in 0..25 {
            let api = if next(2) == 0 {
                lab.emulated.us()
            } else {
                lab.emulated.europe()
            };
            let id = ids[next(ids.len())].clone();
            let address = format!("accounts({id})");
            let phone = json!({"telephone1": format!("+1 {round} {}", next(3))});
            match next(6) {
                0 => drop(api.delete(&address).await),
                1 => {
                    let number = format!("N-{round}-{step}");
                    let body = json!({"name": number, "accountnumber": number});
                    drop(api.post("accounts", body).await);
                }
                2 => {
                    // On both sides, as a sync would.
                    let number = format!("B-{round}-{step}");
                    let body = json!({"name": number, "accountnumber": number});
                    let id = uuid::Uuid::new_v4();
                    for api in [lab.emulated.us(), lab.emulated.europe()] {
                        drop(api.patch(&format!("accounts({id})"), body.clone()).await);
                    }
                    ids.push(id.to_string());
                }
                _ => drop(
                    api.send("PATCH", &address, &[("if-match", "*")], Some(phone))
                        .await,
                ),
            }
        }
        let state = lab.compare_again().await;
        let (found, sums) = figures(&state);
        let (full, full_sums) = truth(&lab).await;
        // What only the feeds can know is finer than what a first look can tell.
        let coarse = |drift: Drift| match drift {
            Drift::DeletedInTarget => Drift::Missing,
            Drift::Orphan => Drift::Local,
            Drift::Stale | Drift::Diverged => Drift::Stale,
            other => other,
        };
        let coarsely = |found: &BTreeMap<String, Drift>| -> BTreeMap<String, Drift> {
            let coarse = found.iter().map(|(id, drift)| (id.clone(), coarse(*drift)));
            coarse.filter(|(_, drift)| drift.is_listed()).collect()
        };
        assert_eq!(coarsely(&found), coarsely(&full), "round {round}");
        let whole = |found: &BTreeMap<String, Drift>, sums: &[(usize, usize)]| {
            let only = found
                .values()
                .filter(|drift| **drift == Drift::Orphan)
                .count();
            let (equal, local) = sums
                .iter()
                .fold((0, 0), |sum, t| (sum.0 + t.0, sum.1 + t.1));
            (equal, local + only)
        };
        assert_eq!(
            whole(&found, &sums),
            whole(&full, &full_sums),
            "round {round}"
        );
    }
    lab.stop().await;
}

/// One account that both sides changed since they were equal: the target's telephone by a person, the source's too, and
/// a city that only the source has.
async fn diverged(lab: &mut Lab) -> tandem::domain::operation::RecordKey {
    let state = lab.compared().await;
    let id = in_step(lab, &state, 1).await.remove(0);
    let path = format!("accounts({id})");
    let (us, europe) = (lab.emulated.us(), lab.emulated.europe());
    let person = europe.somebody().await;
    let as_person = [("MSCRMCallerID", person.as_str())];
    let edit = json!({"telephone1": "+44 1", "address1_city": null});
    let edited = europe.send("PATCH", &path, &as_person, Some(edit)).await;
    assert!(edited.status.is_success());
    let change = json!({"telephone1": "+1 1", "address1_city": "Boston"});
    assert!(us.patch(&path, change).await.status.is_success());
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, &id), Some(Drift::Diverged));
    let mut records = state.records.iter().map(|(_, record)| record.key);
    records.find(|key| key.id.to_string() == id).unwrap()
}

async fn in_europe(lab: &Lab, key: tandem::domain::operation::RecordKey) -> (Json, Json) {
    let path = format!("accounts({})?$select=telephone1,address1_city", key.id);
    let row = lab.emulated.europe().get(&path).await.json();
    (row["telephone1"].clone(), row["address1_city"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filling_blanks_overwrites_nothing_and_leaves_the_decision_open() {
    let mut lab = Lab::demo().await;
    let key = diverged(&mut lab).await;
    let operation = lab.repair(Verb::FillBlanks, &[key]).await;
    assert_eq!(operation.progress.verified, 1, "{operation:?}");
    assert_eq!(
        in_europe(&lab, key).await,
        (json!("+44 1"), json!("Boston"))
    );
    // Our own write makes it nobody else's: a sync must not take the person's value for an old one of ours.
    for _ in 0..2 {
        let state = lab.compare_again().await;
        assert_eq!(drift_of(&state, &key.id.to_string()), Some(Drift::Diverged));
        let operation = lab.repair(Verb::Sync, &[key]).await;
        assert_eq!(operation.progress.held, 1, "{operation:?}");
        lab = lab.restart().await;
        lab.compared().await;
    }
    assert_eq!(in_europe(&lab, key).await.0, json!("+44 1"));
    // Nor when nothing is known but the journal.
    std::fs::remove_file(lab.state_folder().join("index.db")).unwrap();
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    assert_eq!(drift_of(&state, &key.id.to_string()), Some(Drift::Diverged));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_may_take_the_sources_side() {
    let mut lab = Lab::demo().await;
    let key = diverged(&mut lab).await;
    let operation = lab.repair(Verb::TakeSource, &[key]).await;
    assert_eq!(operation.progress.verified, 1, "{operation:?}");
    assert_eq!(in_europe(&lab, key).await, (json!("+1 1"), json!("Boston")));
    // What it overwrote is kept, and only that.
    let journal = rusqlite::Connection::open(lab.state_folder().join("journal.db")).unwrap();
    let kept: Vec<(String, String)> = journal
        .prepare("SELECT name, value FROM overwritten")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let before = ("telephone1".to_owned(), "\"+44 1\"".to_owned());
    assert_eq!(kept, [before]);
    // What was decided is over: the next change of the source is stale, and no decision.
    let path = format!("accounts({})", key.id);
    let change = json!({"telephone1": "+1 2"});
    assert!(
        lab.emulated
            .us()
            .patch(&path, change)
            .await
            .status
            .is_success()
    );
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, &key.id.to_string()), Some(Drift::Stale));
    lab.stop().await;
}

/// A person's decision, column by column; the verb decides the columns that are not named.
async fn resolve(
    lab: &mut Lab,
    verb: Verb,
    choices: &[&str],
    key: tandem::domain::operation::RecordKey,
) -> Arc<tandem::engine::state::OperationState> {
    let choices = choices.iter().map(|choice| choice.parse().unwrap());
    let request = tandem::domain::operation::Request {
        choices: choices.collect(),
        ..request(verb)
    };
    let id = request.id;
    lab.send(Command::Repair {
        request,
        records: vec![Target::Record(key)],
        consent: Consent::Named { may_wait: true },
    })
    .await;
    lab.finished(id).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_may_decide_column_by_column() {
    let mut lab = Lab::demo().await;
    let key = diverged(&mut lab).await;
    let id = key.id.to_string();
    // What was named is written, what was not is left for another day.
    let operation = resolve(&mut lab, Verb::FillBlanks, &["address1_city=source"], key).await;
    assert_eq!(operation.progress.verified, 1, "{operation:?}");
    assert_eq!(
        in_europe(&lab, key).await,
        (json!("+44 1"), json!("Boston"))
    );
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, &id), Some(Drift::Diverged));
    // A column that the link does not copy decides nothing.
    let operation = resolve(&mut lab, Verb::TakeSource, &["fax=target"], key).await;
    assert_eq!(operation.progress.held, 1, "{operation:?}");

    // Both sides change once more, and each wins a column: what was kept is the agreement from then on.
    let change = json!({"address1_city": "Salem"});
    let us = lab.emulated.us();
    let path = format!("accounts({id})");
    assert!(us.patch(&path, change).await.status.is_success());
    lab.compare_again().await;
    let operation = resolve(&mut lab, Verb::TakeSource, &["telephone1=target"], key).await;
    assert_eq!(operation.progress.verified, 1, "{operation:?}");
    let both = (json!("+44 1"), json!("Salem"));
    assert_eq!(in_europe(&lab, key).await, both);
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, &id), Some(Drift::Kept));
    // So says a restart, and one that knows nothing but the journal.
    for is_index_lost in [false, true] {
        if is_index_lost {
            std::fs::remove_file(lab.state_folder().join("index.db")).unwrap();
        }
        lab = lab.restart().await;
        let state = lab.compared().await;
        assert_eq!(drift_of(&state, &id), Some(Drift::Kept));
        let operation = lab.repair(Verb::Sync, &[key]).await;
        assert_eq!(operation.progress.held, 1, "{operation:?}");
    }
    // What was overwritten is kept, column by column.
    let journal = rusqlite::Connection::open(lab.state_folder().join("journal.db")).unwrap();
    let kept: Vec<(String, String)> = journal
        .prepare("SELECT name, value FROM overwritten")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let before = ("address1_city".to_owned(), "\"Boston\"".to_owned());
    assert_eq!(kept, [before]);
    // The source's next change of the kept column is for a person again, even with the index lost.
    let change = json!({"telephone1": "+1 3"});
    let us = lab.emulated.us();
    assert!(us.patch(&path, change).await.status.is_success());
    std::fs::remove_file(lab.state_folder().join("index.db")).unwrap();
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    assert_eq!(drift_of(&state, &id), Some(Drift::Diverged));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_seems_missing_is_asked_for_by_its_id_in_few_requests() {
    let data = Data::Many {
        records: 600,
        drift: 0.0,
    };
    let options_of_data = Options {
        data,
        ..Options::default()
    };
    let emulated = Emulated::with(options_of_data).await;
    // Every list of Europe's accounts is empty, as where a row's owner hides it; each of them is there all the same.
    let fault = json!({"count": "all", "path": "v9.2/accounts?", "list": "empty"});
    emulated.europe().arm(fault).await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    let state = lab.compared().await;
    let accounts = &state.tables[0].counts;
    assert_eq!(accounts.of(Drift::Missing), 0, "{accounts:?}");
    assert_eq!(accounts.of(Drift::InSync), 600, "{accounts:?}");
    let asked = requests(&lab.emulated.europe()).await;
    let batches = asked.iter().filter(|one| one.contains("$batch"));
    assert_eq!(batches.count(), 6, "{asked:#?}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_keeps_is_kept_until_either_side_changes() {
    let mut lab = Lab::demo().await;
    let key = diverged(&mut lab).await;
    lab.clear_log().await;
    let operation = lab.repair(Verb::KeepTarget, &[key]).await;
    assert_eq!(operation.progress.unchanged, 1, "{operation:?}");
    assert_eq!(lab.writes().await, Vec::<Json>::new(), "nothing is sent");
    let mut lab = lab.restart().await;
    for _ in 0..2 {
        let state = lab.compared().await;
        assert_eq!(drift_of(&state, &key.id.to_string()), Some(Drift::Kept));
        let operation = lab.repair(Verb::Sync, &[key]).await;
        assert_eq!(operation.progress.held, 1, "{operation:?}");
        lab.compare_again().await;
    }
    let path = format!("accounts({})", key.id);
    let change = json!({"telephone1": "+1 2"});
    assert!(
        lab.emulated
            .us()
            .patch(&path, change)
            .await
            .status
            .is_success()
    );
    let state = lab.compare_again().await;
    assert_eq!(drift_of(&state, &key.id.to_string()), Some(Drift::Diverged));
    lab.stop().await;
}
