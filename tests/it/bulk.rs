//! Bulk repairs over real sockets: a canary before the ramp, many writes in one request, each with its own precondition
//! and its own outcome, and a stop when too much of it fails.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tandem::domain::operation::{RecordKey, Stage, TableIndex, Verb};
use tandem::domain::row::RowId;
use tandem::engine::command::{Command, Consent, Target};

use crate::support::lab::{Lab, request};

const RECORDS: usize = 80;

/// Accounts that the source has whole, and the target as stubs.
async fn stubs(lab: &Lab) -> Vec<RecordKey> {
    let mut keys = Vec::new();
    for number in 0..RECORDS {
        let id = uuid::Uuid::from_u128(0x5000_0000_0000_4000_8000_0000_0000_0000 + number as u128);
        let name = format!("Bulk {number}");
        let stub = json!({"name": name, "accountnumber": format!("BULK-{number}")});
        let mut whole = stub.clone();
        whole["telephone1"] = json!(format!("+1 555 {number:04}"));
        whole["address1_city"] = json!("Boston");
        let path = format!("accounts({id})");
        for (api, body) in [(lab.emulated.us(), whole), (lab.emulated.europe(), stub)] {
            assert!(api.patch(&path, body).await.status.is_success());
        }
        keys.push(RecordKey {
            table: TableIndex(0),
            id: RowId::new(id).unwrap(),
        });
    }
    keys
}

async fn phones(lab: &Lab) -> Vec<Json> {
    let filter = "accounts?$select=telephone1&$filter=startswith(accountnumber,'BULK-')";
    let rows = lab.emulated.europe().get(filter).await.json();
    let rows = rows["value"].as_array().unwrap().clone();
    rows.iter().map(|row| row["telephone1"].clone()).collect()
}

fn is_batch(request: &Json) -> bool {
    request["path"]
        .as_str()
        .is_some_and(|path| path.ends_with("/$batch"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_repair_begins_with_five_and_then_writes_many_at_once() {
    let mut lab = Lab::demo().await;
    let keys = stubs(&lab).await;
    lab.compared().await;
    lab.clear_log().await;
    let operation = lab.repair(Verb::Rehydrate, &keys).await;
    assert_eq!(
        operation.progress.verified, RECORDS,
        "{:?}",
        operation.progress
    );
    assert!(phones(&lab).await.iter().all(Json::is_string));

    let writes = lab.writes().await;
    let singles = writes
        .iter()
        .take_while(|one| one["is_part"] == false && !is_batch(one));
    assert_eq!(singles.count(), 5, "the canary");
    let parts = writes.iter().filter(|one| one["is_part"] == true);
    let parts: Vec<&Json> = parts.collect();
    assert_eq!(parts.len(), RECORDS - 5);
    for part in parts {
        let version = part["headers"]["if-match"].as_str().unwrap_or_default();
        assert!(version.starts_with("W/"), "security case 47: {part}");
        assert_eq!(part["query"], "tag=tandem");
    }
    let requests = lab.emulated.europe().log().await.len() - (RECORDS - 5);
    assert!(
        requests < RECORDS,
        "{requests} requests for {RECORDS} records"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f36_a_record_that_changes_under_a_batch_is_told_apart_from_the_others() {
    let mut lab = Lab::demo().await;
    let keys = stubs(&lab).await;
    lab.compared().await;
    // The batch is on its way when somebody else writes to one of its rows.
    lab.emulated
        .europe()
        .arm(json!({"count": 1, "path": "$batch", "delay_ms": 400}))
        .await;
    lab.clear_log().await;
    let id = lab.begin(Verb::Rehydrate, &keys).await;
    let mut edited = None;
    while edited.is_none() {
        let state = lab.engine.states.borrow().clone();
        let operation = state.operation(id).cloned();
        let intended = operation.iter().flat_map(|one| one.records.iter());
        let mut intended = intended.filter(|one| one.stage == Stage::Intended && one.columns > 0);
        if operation
            .as_ref()
            .is_some_and(|one| one.progress.verified >= 5)
        {
            edited = intended.next().map(|one| one.key);
        }
        tokio::task::yield_now().await;
    }
    let edited = edited.unwrap();
    let edit = json!({"websiteurl": "https://edited.example"});
    let path = format!("accounts({})", edited.id);
    lab.emulated.europe().edit_as_a_person(&path, edit).await;
    let operation = lab.finished(id).await;
    let progress = operation.progress;
    assert_eq!(
        (progress.verified, progress.held),
        (RECORDS - 1, 1),
        "{:?}",
        operation.progress
    );
    let europe = lab.emulated.europe();
    let row = europe
        .get(&format!(
            "accounts({})?$select=telephone1,websiteurl",
            edited.id
        ))
        .await
        .json();
    assert_eq!(
        row["websiteurl"], "https://edited.example",
        "nobody's edit is overwritten"
    );
    let conflicts = lab
        .writes()
        .await
        .into_iter()
        .filter(|one| one["status"] == 412);
    assert_eq!(conflicts.count(), 1);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f05_a_batch_whose_answer_is_lost_is_read_back_and_not_sent_again() {
    let mut lab = Lab::demo().await;
    let keys = stubs(&lab).await;
    lab.compared().await;
    lab.emulated
        .europe()
        .arm(json!({"count": 1, "path": "$batch", "reset": "after"}))
        .await;
    lab.clear_log().await;
    let operation = lab.repair(Verb::Rehydrate, &keys).await;
    assert_eq!(
        operation.progress.verified, RECORDS,
        "{:?}",
        operation.progress
    );
    let writes = lab.writes().await;
    let mut written: Vec<&str> = writes
        .iter()
        .filter(|one| !is_batch(one))
        .filter_map(|one| one["path"].as_str())
        .collect();
    let all = written.len();
    written.sort_unstable();
    written.dedup();
    assert_eq!(
        (all, written.len()),
        (RECORDS, RECORDS),
        "each row was written once"
    );
    lab.stop().await;
}

/// A step of the target that refuses whatever is written to an account.
async fn refuse_everything(lab: &Lab) {
    lab.emulated.europe().arm(json!({"count": null, "method": "PATCH", "status": 400,
        "body": json!({"error": {"code": "0x80040265", "message": "Not on Thursdays."}}).to_string()})).await;
    let parts = json!({"error": {"code": "0x80040265", "message": "Not on Thursdays."}});
    lab.emulated
        .europe()
        .arm(json!({"count": null, "path": "$batch", "status": 400, "body": parts.to_string()}))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_pauses_a_repair_and_nothing_is_sent_until_a_person_has_it_go_on() {
    let mut lab = Lab::demo().await;
    let keys = stubs(&lab).await;
    lab.compared().await;
    let europe = lab.emulated.europe();
    europe
        .arm(json!({"count": null, "delay_ms": 40, "method": "PATCH"}))
        .await;
    // Nobody is known to watch it: that it was a person who paused it is reason enough to wait for one.
    let id = lab.begin(Verb::Rehydrate, &keys).await;
    let is_begun = |state: &tandem::engine::State| {
        let operation = state.operation(id);
        operation.is_some_and(|one| one.progress.verified >= 2)
    };
    lab.until("it is under way", is_begun).await;
    lab.send(Command::Pause {
        operation: id,
        who: "anna".to_owned(),
    })
    .await;
    let is_still = |state: &tandem::engine::State| {
        let operation = state.operation(id).unwrap();
        let progress = operation.progress;
        operation.paused.as_deref() == Some("by anna") && progress.intended + progress.applied == 0
    };
    let state = lab.until("what was on its way has ended", is_still).await;
    let done = state.operation(id).unwrap().progress.verified;
    assert!(done < RECORDS, "{done}");
    lab.clear_log().await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(lab.writes().await.is_empty(), "nothing is sent meanwhile");
    lab.send(Command::Arm {
        reason: "INC-1".to_owned(),
        who: "jo".to_owned(),
        lasts: Duration::from_secs(600),
    })
    .await;
    let consent = Consent::Armed { records: RECORDS };
    let operation = id;
    lab.send(Command::Resume { operation, consent }).await;
    let operation = lab.finished(id).await;
    assert_eq!(operation.progress.verified, RECORDS);
    assert_eq!(operation.paused, None);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f35_a_repair_that_mostly_fails_is_paused_for_a_person() {
    let mut lab = Lab::demo().await;
    let keys = stubs(&lab).await;
    lab.compared().await;
    refuse_everything(&lab).await;
    lab.send(Command::Arm {
        reason: "INC-1".to_owned(),
        who: "anna".to_owned(),
        lasts: Duration::from_secs(600),
    })
    .await;
    let asked = request(Verb::Rehydrate);
    let id = asked.id;
    let consent = Consent::Armed { records: RECORDS };
    let records = keys.iter().copied().map(Target::Record).collect();
    lab.send(Command::Repair {
        request: asked,
        records,
        consent,
    })
    .await;
    let state = lab
        .until("it is paused", |state| {
            state.operation(id).is_some_and(|one| one.paused.is_some())
        })
        .await;
    let operation = state.operation(id).unwrap();
    assert_eq!(
        operation.paused.as_deref(),
        Some("10 records in a row failed")
    );
    assert!(operation.waits_for_a_person() && operation.waiting.is_none());
    let breaker = state.instances[1]
        .breakers
        .iter()
        .all(|one| one.is_closed());
    assert!(breaker, "a record's failure trips no breaker");

    // The cause is mended, and a person says that it goes on.
    lab.emulated
        .europe()
        .control("DELETE", "faults", None)
        .await;
    let (mut is_over, mut resumed) = (false, 0);
    while !is_over {
        let operation = id;
        lab.send(Command::Resume { operation, consent }).await;
        resumed += 1;
        lab.until("it goes on", |state| {
            let lines = state
                .timeline
                .iter()
                .filter(|entry| entry.text.contains("goes on"));
            lines.count() >= resumed
        })
        .await;
        // What was on its way when it was paused still fails, and may pause it once more.
        let state = lab
            .until("it ends or is paused again", |state| {
                let operation = state.operation(id).unwrap();
                operation.is_finished() || operation.paused.is_some()
            })
            .await;
        is_over = state.operation(id).unwrap().is_finished();
    }
    let operation = lab.finished(id).await;
    let progress = operation.progress;
    assert_eq!(
        progress.verified + progress.refused,
        RECORDS,
        "{:?}",
        operation.progress
    );
    assert!(
        progress.refused < 25 && operation.paused.is_none(),
        "{progress:?}"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f35_without_anybody_there_the_rest_is_not_sent() {
    let mut lab = Lab::demo().await;
    let keys = stubs(&lab).await;
    lab.compared().await;
    refuse_everything(&lab).await;
    let operation = lab.repair(Verb::Rehydrate, &keys).await;
    let finished = operation.finished.clone().unwrap();
    let why = finished.cut_short.unwrap_or_default();
    assert!(why.contains("10 records in a row failed"), "{why}");
    assert!(
        operation.progress.abandoned >= RECORDS / 2,
        "{:?}",
        operation.progress
    );
    lab.stop().await;
}
