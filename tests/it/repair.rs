//! The three verbs against two emulators: what is sent, with which precondition, and what stands there afterwards.

use std::time::Duration;

use serde_json::json;
use tandem::domain::drift::Drift;
use tandem::domain::operation::{Stage, Verb};
use tandem::engine::command::{Command, Target};
use tandem::engine::state::OperationState;

use crate::support::emulated::Emulated;
use crate::support::lab::{Lab, in_drift, keys, options, request};

fn stages(operation: &OperationState) -> Vec<&Stage> {
    operation
        .records
        .iter()
        .map(|record| &record.stage)
        .collect()
}

fn header<'a>(request: &'a serde_json::Value, name: &str) -> &'a str {
    request["headers"][name].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_finds_every_drift_and_only_that() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let counts = |table: usize| &state.tables[table].counts;
    let accounts = |drift| counts(0).of(drift);
    assert_eq!(accounts(Drift::Missing), 7);
    assert_eq!(accounts(Drift::Stub), 12);
    assert_eq!(accounts(Drift::Stale), 9);
    assert_eq!(accounts(Drift::Diverged), 4);
    assert_eq!(accounts(Drift::Duplicate), 1);
    assert_eq!(accounts(Drift::Orphan), 2);
    assert_eq!(accounts(Drift::Local), 3);
    let in_the_us = 503;
    let of_the_us: usize = [
        Drift::InSync,
        Drift::Missing,
        Drift::Stub,
        Drift::Stale,
        Drift::Diverged,
        Drift::Duplicate,
    ]
    .into_iter()
    .map(accounts)
    .sum();
    assert_eq!(of_the_us, in_the_us);
    for drift in [Drift::Missing, Drift::Stub, Drift::Stale, Drift::Diverged] {
        assert!(counts(1).of(drift) > 0, "contacts that are {drift}");
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ensure_is_one_create_only_request_and_a_second_one_changes_nothing() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let missing = in_drift(&state, "account", Drift::Missing);
    let one = &keys(&missing)[..1];
    lab.clear_log().await;
    let first = lab.repair(Verb::Ensure, one).await;
    assert_eq!(stages(&first), [&Stage::Verified]);
    let writes = lab.writes().await;
    assert_eq!(writes.len(), 1, "{writes:#?}");
    assert_eq!(
        (
            writes[0]["method"].as_str(),
            header(&writes[0], "if-none-match")
        ),
        (Some("PATCH"), "*")
    );
    assert!(
        writes[0]["query"]
            .as_str()
            .unwrap_or_default()
            .contains("tag=tandem"),
        "rule 13: {}",
        writes[0]
    );

    let stub = lab
        .emulated
        .europe()
        .get(&format!("accounts({})", one[0].id))
        .await
        .json();
    assert_eq!(
        stub["accountnumber"], missing[0].number,
        "the key is in the stub"
    );
    assert_eq!(
        stub["telephone1"],
        json!(null),
        "and nothing that an ensure may not set"
    );

    lab.clear_log().await;
    let second = lab.repair(Verb::Ensure, one).await;
    assert_eq!(stages(&second), [&Stage::Unchanged("it exists".to_owned())]);
    assert_eq!(lab.writes().await, Vec::<serde_json::Value>::new());
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rehydrating_stubs_is_one_update_each_of_the_version_that_was_compared() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stubs = in_drift(&state, "account", Drift::Stub);
    let three = &keys(&stubs)[..3];
    lab.clear_log().await;
    let operation = lab.repair(Verb::Rehydrate, three).await;
    assert!(
        operation.progress.verified >= 3 && operation.progress.good() == operation.progress.total
    );
    for key in three {
        let writes = lab.writes().await;
        let own: Vec<_> = writes
            .iter()
            .filter(|w| {
                w["path"]
                    .as_str()
                    .unwrap_or_default()
                    .contains(&key.id.to_string())
            })
            .collect();
        assert_eq!(own.len(), 1, "{own:#?}");
        assert!(header(own[0], "if-match").starts_with("W/"), "{}", own[0]);
        let us = lab
            .emulated
            .us()
            .get(&format!("accounts({})", key.id))
            .await
            .json();
        let europe = lab
            .emulated
            .europe()
            .get(&format!("accounts({})", key.id))
            .await
            .json();
        for column in [
            "name",
            "telephone1",
            "emailaddress1",
            "address1_city",
            "_primarycontactid_value",
        ] {
            assert_eq!(us[column], europe[column], "{column}");
        }
    }
    lab.clear_log().await;
    let again = lab.repair(Verb::Rehydrate, three).await;
    assert_eq!(again.progress.unchanged, 3);
    assert!(
        lab.writes().await.is_empty(),
        "the second run changes nothing"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_a_lookup_names_is_ensured_before_the_row_that_names_it() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let missing = in_drift(&state, "account", Drift::Missing);
    let account = keys(&missing)[0];
    let us = lab
        .emulated
        .us()
        .get(&format!("accounts({})", account.id))
        .await
        .json();
    let contact = us["_primarycontactid_value"]
        .as_str()
        .expect("a primary contact")
        .to_owned();
    lab.clear_log().await;
    let operation = lab.repair(Verb::Sync, &[account]).await;
    assert_eq!(
        operation.progress.good(),
        operation.progress.total,
        "{operation:#?}"
    );
    let writes = lab.writes().await;
    let paths: Vec<&str> = writes
        .iter()
        .filter_map(|write| write["path"].as_str())
        .collect();
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert!(
        paths[0].contains(&contact) && paths[1].contains(&account.id.to_string()),
        "{paths:?}"
    );
    assert!(
        writes
            .iter()
            .all(|write| header(write, "if-none-match") == "*")
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_diverged_record_is_left_alone() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let diverged = keys(&in_drift(&state, "account", Drift::Diverged));
    lab.clear_log().await;
    for verb in [Verb::Rehydrate, Verb::Sync] {
        let operation = lab.repair(verb, &diverged).await;
        assert_eq!(operation.progress.held, diverged.len(), "{operation:#?}");
    }
    assert!(lab.writes().await.is_empty());
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_brings_everything_pending_into_step_and_a_second_one_writes_nothing() {
    let mut lab = Lab::demo().await;
    lab.compared().await;
    for run in 1..=2 {
        lab.clear_log().await;
        let request = request(Verb::Sync);
        let id = request.id;
        let consent = tandem::engine::command::Consent::Named { may_wait: true };
        lab.send(Command::StartSync { request, consent }).await;
        let operation = lab.finished(id).await;
        assert_eq!(
            operation.progress.good(),
            operation.progress.total,
            "run {run}: {operation:#?}"
        );
        assert_eq!(lab.writes().await.is_empty(), run == 2, "run {run}");
        lab.until("the run is over", |state| {
            state.links[0].sync.running.is_none()
        })
        .await;
    }
    let state = lab.compare_again().await;
    assert_eq!(
        state.pending(0),
        0,
        "{:?}",
        state.tables.iter().map(|t| t.counts).collect::<Vec<_>>()
    );
    assert_eq!(
        state.tables[0].counts.of(Drift::Diverged),
        4,
        "held records are left alone"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_sends_no_request_that_writes() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let pending = state
        .records
        .iter()
        .filter(|(_, record)| record.drift.is_pending());
    let records: Vec<Target> = pending
        .map(|(_, record)| Target::Record(record.key))
        .collect();
    let count = records.len();
    lab.clear_log().await;
    let request = request(Verb::Sync);
    let id = request.id;
    lab.send(Command::Preview { request, records }).await;
    let state = lab
        .until("the preview is complete", |state| {
            state
                .preview
                .as_ref()
                .is_some_and(|preview| preview.operation == id && preview.is_complete)
        })
        .await;
    let preview = state.preview.as_ref().unwrap();
    assert_eq!(
        (preview.radius.chosen, preview.radius.writes()),
        (count, count)
    );
    assert!(lab.writes().await.is_empty());
    lab.stop().await;
}

/// A fault on Europe's next write of a stub, and how often that stub must be written then.
async fn one_effect_despite(fault: serde_json::Value) {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stub = keys(&in_drift(&state, "account", Drift::Stub))[0];
    let version = lab
        .emulated
        .europe()
        .get(&format!("accounts({})", stub.id))
        .await
        .json()["versionnumber"]
        .clone();
    lab.emulated.europe().arm(fault.clone()).await;
    let operation = lab.repair(Verb::Rehydrate, &[stub]).await;
    assert_eq!(
        operation.progress.good(),
        operation.progress.total,
        "{fault}: {operation:#?}"
    );
    let europe = lab
        .emulated
        .europe()
        .get(&format!("accounts({})", stub.id))
        .await
        .json();
    let us = lab
        .emulated
        .us()
        .get(&format!("accounts({})", stub.id))
        .await
        .json();
    assert_eq!(europe["telephone1"], us["telephone1"], "{fault}");
    assert_ne!(europe["versionnumber"], version);
    let done = lab.writes().await;
    let done: Vec<_> = done
        .iter()
        .filter(|write| {
            write["path"]
                .as_str()
                .unwrap_or_default()
                .contains(&stub.id.to_string())
        })
        .filter(|write| write["status"] == 204)
        .collect();
    assert!(done.len() <= 1, "{fault}: written twice: {done:#?}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f4_a_write_cut_off_before_the_work_is_read_back_and_sent_again() {
    one_effect_despite(json!({"method": "PATCH", "table": "account", "reset": "before"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f5_a_lost_answer_is_found_done_and_never_written_twice() {
    one_effect_despite(json!({"method": "PATCH", "table": "account", "reset": "after"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f20_a_502_for_a_write_is_read_back_first() {
    one_effect_despite(json!({"method": "PATCH", "table": "account", "status": 502})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f8_a_portal_page_is_never_an_empty_table() {
    let emulated = Emulated::demo().await;
    let page =
        json!({"count": null, "method": "GET", "path": "accounts", "body": "<html>sign in</html>"});
    emulated.europe().arm(page).await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    let failed = |state: &tandem::engine::State| state.tables[0].failure.is_some();
    let state = lab.until("the comparison breaks off", failed).await;
    assert_eq!(state.tables[0].counts.pending(), 0);
    assert!(
        state.tables[0].compared.is_none(),
        "nothing was compared, so nothing is said of it"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f14_nothing_is_sent_while_the_instance_asks_for_patience() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stubs = keys(&in_drift(&state, "account", Drift::Stub));
    lab.emulated
        .europe()
        .arm(json!({"method": "PATCH", "status": 429, "retry_after": 2}))
        .await;
    lab.clear_log().await;
    let operation = lab.repair(Verb::Rehydrate, &stubs[..4]).await;
    assert_eq!(
        operation.progress.good(),
        operation.progress.total,
        "{operation:#?}"
    );
    let log = lab.emulated.europe().log().await;
    let time = |request: &serde_json::Value| {
        chrono::DateTime::parse_from_rfc3339(request["time"].as_str().unwrap()).unwrap()
    };
    let refused = log
        .iter()
        .position(|request| request["status"] == 429)
        .expect("one 429");
    // What was on the way when the 429 was sent can't be called back; nothing may follow it.
    let on_the_way = chrono::Duration::milliseconds(150);
    let gap = (time(&log[refused]) + on_the_way)
        ..(time(&log[refused]) + chrono::Duration::milliseconds(1900));
    let early: Vec<_> = log
        .iter()
        .filter(|request| gap.contains(&time(request)))
        .collect();
    assert!(early.is_empty(), "{early:#?}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f21_a_row_that_changed_since_it_was_compared_is_not_overwritten() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stub = keys(&in_drift(&state, "account", Drift::Stub))[0];
    // The first attempt meets a version that is no longer there; by the second, a person has filled the row in.
    let path = format!("accounts({})", stub.id);
    lab.emulated
        .europe()
        .arm(json!({"method": "PATCH", "delay_ms": 400, "table": "account"}))
        .await;
    let id = lab.begin(Verb::Rehydrate, &[stub]).await;
    lab.until("the request is on its way", |state| {
        state
            .operation(id)
            .is_some_and(|o| o.progress.intended == 1)
    })
    .await;
    let scope = format!("{}/.default", lab.emulated.pair.europe_url());
    let europe = lab.emulated.europe();
    let token = europe
        .token_for("lena", lab.emulated.pair.token(), &scope)
        .await;
    let lena = europe.as_bearer(token.json()["access_token"].as_str().unwrap());
    assert!(
        lena.patch(&path, json!({"telephone1": "+49 30 555 0177"}))
            .await
            .status
            .is_success()
    );
    let operation = lab.finished(id).await;
    let europe = lab.emulated.europe().get(&path).await.json();
    assert_eq!(europe["telephone1"], "+49 30 555 0177", "{operation:#?}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_repair_waits_for_an_instance_that_is_down_and_goes_on_by_itself() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stub = keys(&in_drift(&state, "account", Drift::Stub))[0];
    lab.emulated.europe().arm(json!({"outage_s": 3})).await;
    lab.until("Europe is down", |state| !state.instances[1].is_readable())
        .await;
    let id = lab.begin(Verb::Rehydrate, &[stub]).await;
    lab.until("it waits", |state| {
        state
            .operation(id)
            .is_some_and(|operation| operation.waiting.is_some())
    })
    .await;
    let operation = lab.finished(id).await;
    assert_eq!(
        operation.progress.good(),
        operation.progress.total,
        "{operation:#?}"
    );
    let state = lab
        .until("Europe is up", |state| state.instances[1].is_readable())
        .await;
    let said: Vec<&str> = state
        .timeline
        .iter()
        .map(|entry| entry.text.as_str())
        .collect();
    assert!(
        said.iter().any(|line| line.contains("OPEN → half-open")),
        "{said:#?}"
    );
    assert!(
        said.iter().any(|line| line.contains("half-open → closed")),
        "{said:#?}"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_armed_console_is_needed_for_a_person_at_the_console() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stub = Target::Record(keys(&in_drift(&state, "account", Drift::Stub))[0]);
    lab.clear_log().await;
    let consent = tandem::engine::command::Consent::Armed { records: 1 };
    let refused = request(Verb::Rehydrate);
    let id = refused.id;
    lab.send(Command::Repair {
        request: refused,
        records: vec![stub.clone()],
        consent,
    })
    .await;
    lab.until("it is refused", |state| {
        state
            .notices
            .iter()
            .any(|notice| notice.operation == Some(id))
    })
    .await;
    assert!(lab.writes().await.is_empty());

    let lasts = Duration::from_secs(60);
    lab.send(Command::Arm {
        reason: "INC-1".to_owned(),
        who: "anna".to_owned(),
        lasts,
    })
    .await;
    let allowed = request(Verb::Rehydrate);
    let id = allowed.id;
    lab.send(Command::Repair {
        request: allowed,
        records: vec![stub],
        consent,
    })
    .await;
    assert_eq!(lab.finished(id).await.progress.refused, 0);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forced_instance_gets_no_request_and_stays_forced_after_a_restart() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stub = keys(&in_drift(&state, "account", Drift::Stub))[0];
    let (who, reason) = ("anna".to_owned(), "INC-1".to_owned());
    lab.send(Command::ForceOpen {
        instance: 1,
        who,
        reason,
        until: None,
    })
    .await;
    lab.until("it is forced", |state| {
        state.instances[1].forced().is_some()
    })
    .await;
    lab.clear_log().await;
    let id = lab.begin(Verb::Rehydrate, &[stub]).await;
    lab.until("it is refused", |state| {
        state
            .notices
            .iter()
            .any(|notice| notice.operation == Some(id))
    })
    .await;
    let mut lab = lab.restart().await;
    lab.until("it is forced again", |state| {
        state.instances[1].forced().is_some()
    })
    .await;
    let sent = lab.writes().await;
    assert!(sent.is_empty(), "{sent:#?}");
    lab.send(Command::Release {
        instance: 1,
        who: "anna".to_owned(),
    })
    .await;
    lab.until("it is healthy", |state| state.instances[1].is_readable())
        .await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_stays_one_however_it_is_looked_at() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let duplicate = in_drift(&state, "account", Drift::Duplicate).remove(0);
    let pending = state.pending(0);
    let read = duplicate.sides.read;
    lab.send(Command::Inspect(duplicate.key)).await;
    let key = duplicate.key;
    let state = lab
        .until("it is read again", |state| {
            state
                .records
                .iter()
                .any(|(_, record)| record.key == key && record.sides.read != read)
        })
        .await;
    let again = in_drift(&state, "account", Drift::Duplicate).remove(0);
    assert_eq!(again.other, duplicate.other);
    lab.clear_log().await;
    for verb in [Verb::Ensure, Verb::Sync] {
        let operation = lab.repair(verb, &[key]).await;
        assert_eq!(operation.progress.held, 1, "{operation:#?}");
    }
    assert!(lab.writes().await.is_empty());
    assert_eq!(lab.engine.states.borrow().pending(0), pending);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_names_of_one_record_are_one_record() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stub = in_drift(&state, "account", Drift::Stub).remove(0);
    let us = lab
        .emulated
        .us()
        .get(&format!("accounts({})", stub.key.id))
        .await
        .json();
    let by_key = |value: String| Target::Key {
        table: stub.key.table,
        column: "accountnumber".to_owned(),
        value,
    };
    let number = us["accountnumber"].as_str().unwrap().to_owned();
    let records = vec![
        Target::Record(stub.key),
        by_key(number.clone()),
        by_key(number.to_lowercase()),
    ];
    let request = request(Verb::Rehydrate);
    let id = request.id;
    let consent = tandem::engine::command::Consent::Named { may_wait: false };
    lab.send(Command::Repair {
        request,
        records,
        consent,
    })
    .await;
    let operation = lab.finished(id).await;
    let chosen = operation
        .records
        .iter()
        .filter(|record| !record.on_the_way)
        .count();
    assert_eq!(
        (chosen, operation.progress.good()),
        (1, operation.progress.total)
    );
    assert_eq!(lab.engine.states.borrow().journal_fault, None);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releasing_a_stop_is_no_outage() {
    let mut lab = Lab::demo().await;
    lab.compared().await;
    let (who, reason) = ("anna".to_owned(), "INC-1".to_owned());
    lab.send(Command::ForceOpen {
        instance: 1,
        who: who.clone(),
        reason,
        until: None,
    })
    .await;
    lab.until("it is forced", |state| {
        state.instances[1].forced().is_some()
    })
    .await;
    lab.send(Command::Release { instance: 1, who }).await;
    let closed = |state: &tandem::engine::State| state.instances[1].is_readable();
    let state = lab.until("calls pass again", closed).await;
    let said: Vec<&str> = state
        .timeline
        .iter()
        .map(|entry| entry.text.as_str())
        .collect();
    assert!(said.iter().all(|line| !line.contains("DOWN")), "{said:#?}");
    assert_eq!(state.instances[1].last_outage, None);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_was_never_out_of_step_before_it_was_last_in_step() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let known: std::collections::HashSet<_> = state
        .records
        .iter()
        .map(|(_, record)| record.key.id.to_string())
        .collect();
    let rows = lab
        .emulated
        .europe()
        .get("accounts?$select=name&$filter=accountnumber ne null")
        .await
        .json();
    let rows = rows["value"].as_array().unwrap().clone();
    let in_step = rows
        .iter()
        .filter_map(|row| row["accountid"].as_str())
        .find(|id| !known.contains(*id))
        .unwrap()
        .to_owned();
    assert!(
        lab.emulated
            .europe()
            .delete(&format!("accounts({in_step})"))
            .await
            .status
            .is_success()
    );
    let before = chrono::Utc::now() - chrono::Duration::seconds(60);
    let state = lab.compare_again().await;
    let deleted = in_drift(&state, "account", Drift::DeletedInTarget);
    let gone = deleted
        .iter()
        .find(|record| record.key.id.to_string() == in_step)
        .expect("it was deleted there");
    assert!(
        gone.since.unwrap() > before,
        "its source changed long ago: {:?}",
        gone.since
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_release_reads_prove_themselves_and_the_next_write_finds_out() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stubs = keys(&in_drift(&state, "account", Drift::Stub));
    let (who, reason) = ("anna".to_owned(), "INC-1".to_owned());
    lab.send(Command::ForceOpen {
        instance: 1,
        who: who.clone(),
        reason,
        until: None,
    })
    .await;
    lab.until("it is forced", |state| {
        state.instances[1].forced().is_some()
    })
    .await;
    lab.send(Command::Release { instance: 1, who }).await;
    lab.until("reads pass", |state| state.instances[1].is_readable())
        .await;
    let operation = lab.repair(Verb::Rehydrate, &stubs[..3]).await;
    assert_eq!(
        operation.progress.good(),
        operation.progress.total,
        "{operation:#?}"
    );
    let closed = |state: &tandem::engine::State| {
        state.instances[1]
            .breakers
            .iter()
            .all(|breaker| breaker.is_closed())
    };
    lab.until("all breakers are closed", closed).await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_behind_is_shown_before_the_instance_answers() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let stubs = keys(&in_drift(&state, "account", Drift::Stub));
    lab.emulated.europe().arm(json!({"outage_s": 6})).await;
    lab.until("Europe is down", |state| !state.instances[1].is_readable())
        .await;
    let id = lab.begin(Verb::Rehydrate, &stubs[..2]).await;
    lab.until("it waits", |state| {
        state
            .operation(id)
            .is_some_and(|operation| operation.waiting.is_some())
    })
    .await;
    let mut lab = lab.restart().await;
    let left = |state: &tandem::engine::State| {
        state
            .operation(id)
            .is_some_and(|operation| operation.was_left_behind)
    };
    let state = lab.until("it is shown", left).await;
    assert!(
        !state.instances[1].is_readable(),
        "Europe has not answered yet"
    );
    assert_eq!(state.operation(id).unwrap().progress.accepted, 2);

    // Once it answers, a person may go on with it.
    let consent = tandem::engine::command::Consent::Named { may_wait: true };
    lab.until("Europe answers", |state| {
        state.tables.iter().all(|table| table.compared.is_some())
    })
    .await;
    // Until it has been read back what became of it, going on is refused with that reason.
    let goes_on = |state: &tandem::engine::State| !left(state);
    while !goes_on(&lab.engine.states.borrow()) {
        lab.send(Command::Resume {
            operation: id,
            consent,
        })
        .await;
        let waited = lab.engine.states.wait_for(|state| goes_on(state));
        let _ = tokio::time::timeout(Duration::from_millis(200), waited).await;
    }
    let operation = lab.finished(id).await;
    assert_eq!(
        operation.progress.good(),
        operation.progress.total,
        "{operation:#?}"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_made_while_it_is_read_for_what_refers_to_it_is_not_taken_for_deleted() {
    let mut lab = Lab::demo().await;
    let (account, contact) = (
        "4d1d7a8e-0d5c-4c1b-9c55-2f7a8e0d5c4c",
        "5e2e8b9f-1e6d-4d2c-8d66-3a8b9f1e6d5d",
    );
    let us = lab.emulated.us();
    let body = json!({"name": "Northwind", "accountnumber": "NW-1"});
    us.account(account, body).await;
    let body = json!({
        "contactid": contact, "lastname": "Ng",
        "parentcustomerid_account@odata.bind": format!("/accounts({account})")
    });
    assert_eq!(us.post("contacts", body).await.status, 204);
    let state = lab.compare_again().await;
    let records: Vec<_> = ["account", "contact"]
        .iter()
        .flat_map(|table| in_drift(&state, table, Drift::Missing))
        .filter(|one| [account, contact].contains(&one.key.id.to_string().as_str()))
        .collect();
    // The account is read for itself, and again for its contact: the second answer of its source comes only once the
    // account is made, and after its target said that there is none.
    let (path, of_us, of_europe) = (
        format!("accounts({account})"),
        lab.emulated.us(),
        lab.emulated.europe(),
    );
    of_us
        .arm(json!({"count": 1, "path": path, "delay_ms": 0}))
        .await;
    of_us
        .arm(json!({"count": 1, "path": path, "delay_ms": 600}))
        .await;
    of_europe
        .arm(json!({"count": 1, "path": path, "method": "PATCH", "delay_ms": 200}))
        .await;
    let operation = lab.repair(Verb::Sync, &keys(&records)).await;
    assert_eq!(operation.progress.verified, 2, "{operation:#?}");
    lab.stop().await;
}
