//! What a repair, a comparison and a link make of an instance that fails under them.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tandem::config::Config;
use tandem::domain::breaker::Phase;
use tandem::domain::credential::Credential;
use tandem::domain::drift::Drift;
use tandem::domain::lag::{LinkCondition, Schedule};
use tandem::domain::operation::{RecordKey, Stage, TableIndex, Verb};
use tandem::domain::row::RowId;
use tandem::emulator::SYNC_CLIENT_ID;
use tandem::engine::command::Command;
use tandem::engine::state::OperationState;

use crate::support::emulated::Emulated;
use crate::support::lab::{Lab, in_drift, keys, options};

fn stage(operation: &OperationState, key: RecordKey) -> Stage {
    let mut records = operation.records.iter();
    records.find(|one| one.key == key).unwrap().stage.clone()
}

fn reason(stage: &Stage) -> &str {
    stage.reason().unwrap_or_default()
}

fn all_closed(lab: &Lab) -> bool {
    let state = lab.engine.states.borrow().clone();
    let mut breakers = state.instances.iter().flat_map(|one| one.breakers.iter());
    breakers.all(|breaker| breaker.is_closed())
}

/// The writes to a row that Europe received.
async fn writes_of(lab: &Lab, path: &str) -> Vec<Json> {
    let mut writes = lab.writes().await;
    writes.retain(|write| write["path"].as_str().unwrap().contains(path));
    writes
}

/// The demo, compared, and so many of its records in a drift.
async fn some(drift: Drift, count: usize) -> (Lab, Vec<RecordKey>) {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let found = keys(&in_drift(&state, "account", drift));
    (lab, found[..count].to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f17_an_instance_that_comes_back_is_written_to_little_by_little_until_all_is_done() {
    let (mut lab, stubs) = some(Drift::Stub, 12).await;
    lab.clear_log().await;
    lab.emulated
        .europe()
        .arm(json!({"count": 8, "method": "PATCH", "status": 503}))
        .await;
    let operation = lab.repair(Verb::Rehydrate, &stubs).await;
    let progress = operation.progress;
    assert_eq!(progress.verified, progress.total, "{operation:?}");
    let transitions: Vec<String> = {
        let state = lab.engine.states.borrow().clone();
        let lines = state.timeline.iter().map(|entry| entry.text.clone());
        lines
            .filter(|text| text.contains("write breaker"))
            .collect()
    };
    let order = ["→ OPEN", "→ half-open", "→ closed"];
    let mut found = transitions.iter();
    for step in order {
        assert!(
            found.any(|text| text.contains(step)),
            "{step}: {transitions:?}"
        );
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f19_custom_logic_that_refuses_one_record_fails_that_record_alone() {
    let (mut lab, stubs) = some(Drift::Stub, 4).await;
    let refusal = json!({"error": {"code": "0x80040265", "message": "VAT number missing"}});
    let path = format!("accounts({})", stubs[1].id);
    lab.emulated
        .europe()
        .arm(json!({"count": null, "method": "PATCH", "path": path, "status": 500, "body": refusal.to_string()}))
        .await;
    let operation = lab.repair(Verb::Rehydrate, &stubs).await;
    let refused = stage(&operation, stubs[1]);
    assert!(
        matches!(&refused, Stage::Refused(why) if why.contains("VAT number missing")),
        "{refused:?}"
    );
    let progress = operation.progress;
    assert_eq!(
        (progress.verified, progress.refused),
        (progress.total - 1, 1),
        "{progress:?}"
    );
    assert!(all_closed(&lab));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f22_a_row_that_is_deleted_under_a_repair_is_not_made_again() {
    let (mut lab, stubs) = some(Drift::Stub, 1).await;
    let path = format!("accounts({})", stubs[0].id);
    let europe = lab.emulated.europe();
    europe
        .arm(json!({"method": "PATCH", "path": path, "delay_ms": 600}))
        .await;
    lab.clear_log().await;
    let id = lab.begin(Verb::Rehydrate, &stubs).await;
    while lab.writes().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(lab.emulated.europe().delete(&path).await.status, 204);
    let operation = lab.finished(id).await;
    let stage = stage(&operation, stubs[0]);
    assert!(matches!(stage, Stage::Held(_)), "{stage:?}");
    assert_eq!(lab.emulated.europe().get(&path).await.status, 404);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f23_a_key_that_somebody_takes_under_a_create_makes_a_duplicate_and_no_row() {
    let (mut lab, missing) = some(Drift::Missing, 1).await;
    let path = format!("accounts({})", missing[0].id);
    let number = lab.emulated.us().get(&path).await.json()["accountnumber"].clone();
    lab.emulated
        .europe()
        .arm(json!({"method": "PATCH", "path": path, "delay_ms": 600}))
        .await;
    lab.clear_log().await;
    let id = lab.begin(Verb::Ensure, &missing).await;
    while lab.writes().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let other = json!({"name": "The same number", "accountnumber": number});
    let europe = lab.emulated.europe();
    assert_eq!(europe.post("accounts", other).await.status, 204);
    let operation = lab.finished(id).await;
    let stage = stage(&operation, missing[0]);
    assert!(reason(&stage).starts_with("duplicate"), "{stage:?}");
    assert_eq!(lab.emulated.europe().get(&path).await.status, 404);
    lab.stop().await;
}

/// A console that signs in, rather than one with a token for ever.
fn signs_in(config: &mut Config) {
    for instance in &mut config.instances {
        instance.credential = instance.agent.clone().unwrap();
        assert!(matches!(
            instance.credential,
            Credential::ClientSecret { .. }
        ));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f24_a_token_that_ends_on_the_way_is_renewed_and_the_repair_goes_on_by_itself() {
    let emulated = Emulated::demo().await;
    let state = tempfile::tempdir().unwrap();
    let mut lab = Lab::configured(emulated, state, options(), signs_in);
    let state = lab.compared().await;
    let stubs = keys(&in_drift(&state, "account", Drift::Stub));
    let europe = lab.emulated.europe();
    europe
        .arm(json!({"count": 6, "method": "PATCH", "delay_ms": 300}))
        .await;
    lab.clear_log().await;
    let id = lab.begin(Verb::Rehydrate, &stubs).await;
    while lab.writes().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let europe = lab.emulated.europe();
    europe
        .arm(json!({"count": 3, "path": "/oauth2/", "status": 500}))
        .await;
    let later = json!({"advance_s": 7200});
    europe.control("POST", "clock", Some(later)).await;
    let operation = lab.finished(id).await;
    let progress = operation.progress;
    assert_eq!(progress.verified, progress.total, "{operation:?}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f26_a_table_that_is_forbidden_leaves_the_others_alone() {
    let emulated = Emulated::demo().await;
    emulated
        .us()
        .arm(json!({"count": null, "table": "contact", "status": 403, "code": "0x80040220"}))
        .await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    let state = lab
        .until("contacts can't be read", |state| {
            state.tables[0].compared.is_some() && state.tables[1].failure.is_some()
        })
        .await;
    let why = state.tables[1].failure.clone().unwrap();
    assert!(why.contains("403"), "{why}");
    assert!(state.instances[0].refused.is_none() && all_closed(&lab));
    let stub = keys(&in_drift(&state, "account", Drift::Stub))[0];
    let operation = lab.repair(Verb::Ensure, &[stub]).await;
    assert_eq!(operation.progress.unchanged, 1, "{operation:?}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f33_a_sync_that_never_ends_shows_as_a_lag_that_grows_and_a_stalled_link() {
    let emulated = Emulated::demo().await;
    let state = tempfile::tempdir().unwrap();
    let mut lab = Lab::configured(emulated, state, options(), |config| {
        config.links[0].schedule = Schedule {
            cadence: Duration::from_millis(400),
            grace: Duration::from_millis(200),
            settle: Duration::from_millis(100),
        };
    });
    let before = lab.compared().await;
    let pending = before.pending(0);
    let (lag, in_step) = (
        before.lag(0, before.now.wall),
        in_step(&lab, "telephone1").await,
    );
    lab.emulated
        .us()
        .patch(&in_step, json!({"telephone1": "+1 777"}))
        .await;
    let state = lab.compare_again().await;
    assert_eq!(state.pending(0), pending + 1, "pending grows");
    lab.until("it is stalled and its lag grows", |state| {
        state.condition(0, state.now.wall) == LinkCondition::Stalled
            && state.lag(0, state.now.wall) > lag
    })
    .await;
    assert!(all_closed(&lab), "every read is well");
    lab.stop().await;
}

/// The address of a row that stands on both sides with the same value in a column.
async fn in_step(lab: &Lab, column: &str) -> String {
    let list = format!("accounts?$select={column}&$filter={column} ne null&$top=200");
    let rows = async |api: crate::support::emulated::Api<'_>| {
        let list = api.get(&list).await.json();
        list["value"].as_array().unwrap().clone()
    };
    let (us, europe) = (
        rows(lab.emulated.us()).await,
        rows(lab.emulated.europe()).await,
    );
    let is_there = |row: &&Json| {
        europe
            .iter()
            .any(|copy| copy["accountid"] == row["accountid"] && copy[column] == row[column])
    };
    let row = us.iter().find(is_there).expect("a row that is in step");
    format!("accounts({})", row["accountid"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f34_an_old_version_that_a_sync_puts_over_a_new_one_is_found_and_mended() {
    let mut lab = Lab::demo().await;
    lab.compared().await;
    let row = in_step(&lab, "telephone1").await;
    let value = async |lab: &Lab| {
        let row = lab.emulated.europe().get(&row).await.json();
        row["telephone1"].clone()
    };
    let newest = value(&lab).await;
    let sync = lab.emulated.europe().signed_in(SYNC_CLIENT_ID).await;
    let old = json!({"telephone1": "+1 000 as it was last year"});
    assert!(sync.patch(&row, old).await.status.is_success());
    let state = lab.compare_again().await;
    let stale = in_drift(&state, "account", Drift::Stale);
    let mut stale = stale.iter().map(|record| record.key);
    let key = stale
        .find(|key| row.contains(&key.id.to_string()))
        .expect("it is stale");
    let operation = lab.repair(Verb::Sync, &[key]).await;
    assert_eq!(operation.progress.verified, 1, "{operation:?}");
    assert_eq!(value(&lab).await, newest);
    lab.stop().await;
}

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
