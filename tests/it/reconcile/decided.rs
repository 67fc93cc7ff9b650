//! Records that both sides changed, and what a person decides of them.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tandem::domain::drift::Drift;
use tandem::domain::operation::{OperationId, Stage, Verb};
use tandem::engine::State;
use tandem::engine::command::{Command, Consent, Target};

use super::{drift_of, in_step};
use crate::support::lab::{Lab, options, request};

/// One account that both sides changed since they were equal: the target's telephone by a person, the source's too, and
/// a city that only the source has.
async fn diverged(lab: &mut Lab) -> tandem::domain::operation::RecordKey {
    let state = lab.compared().await;
    let id = in_step(lab, &state, 1).await.remove(0);
    let path = format!("accounts({id})");
    let (us, europe) = (lab.emulated.us(), lab.emulated.europe());
    let edit = json!({"telephone1": "+44 1", "address1_city": null});
    europe.edit_as_a_person(&path, edit).await;
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

/// The values that were overwritten, by column.
fn overwritten(lab: &Lab) -> Vec<(String, String)> {
    let journal = rusqlite::Connection::open(lab.state_folder().join("journal.db")).unwrap();
    let mut kept = journal
        .prepare("SELECT name, value FROM overwritten")
        .unwrap();
    let rows = kept.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
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
    let before = ("telephone1".to_owned(), "\"+44 1\"".to_owned());
    assert_eq!(overwritten(&lab), [before]);
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
    let before = ("address1_city".to_owned(), "\"Boston\"".to_owned());
    assert_eq!(overwritten(&lab), [before]);
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

/// A person in Europe gives the row another telephone.
async fn edits(lab: &Lab, path: &str, phone: &str) {
    let edit = json!({"telephone1": phone});
    lab.emulated.europe().edit_as_a_person(path, edit).await;
}

/// A decision is about what was seen: what somebody edits between the look and the write is nobody's to overwrite.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_after_it_was_decided_on_is_left_alone() {
    let mut lab = Lab::demo().await;
    let key = diverged(&mut lab).await;
    let path = format!("accounts({})", key.id);
    // Nobody has looked at it since.
    edits(&lab, &path, "+44 2").await;
    for (verb, choices) in [
        (Verb::TakeSource, &[][..]),
        (Verb::FillBlanks, &["telephone1=source"][..]),
        (Verb::KeepTarget, &[][..]),
    ] {
        let operation = resolve(&mut lab, verb, choices, key).await;
        let record = &operation.records[0];
        let why = record.stage.reason().unwrap_or_default();
        assert!(
            why.starts_with("it has changed since"),
            "{verb}: {record:?}"
        );
        assert_eq!(in_europe(&lab, key).await.0, json!("+44 2"));
        // Shown by now is what was read there: for the next decision it changes once more.
        edits(&lab, &path, "+44 3").await;
        let state = lab.compare_again().await;
        assert_eq!(drift_of(&state, &key.id.to_string()), Some(Drift::Diverged));
        edits(&lab, &path, "+44 2").await;
    }
    // The source's side was seen, too.
    lab.compare_again().await;
    let newest = json!({"telephone1": "+1 9"});
    assert!(
        lab.emulated
            .us()
            .patch(&path, newest)
            .await
            .status
            .is_success()
    );
    let operation = resolve(&mut lab, Verb::TakeSource, &[], key).await;
    assert_eq!(operation.progress.held, 1, "{operation:?}");
    // What only the target's people know of it is none of the link's business.
    lab.compare_again().await;
    let note = json!({"description": "spoke to them"});
    lab.emulated.europe().edit_as_a_person(&path, note).await;
    let operation = resolve(&mut lab, Verb::TakeSource, &[], key).await;
    assert_eq!(operation.progress.verified, 1, "{operation:?}");
    assert_eq!(in_europe(&lab, key).await.0, json!("+1 9"));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_on_is_known_to_the_process_that_goes_on_with_it() {
    let mut lab = Lab::demo().await;
    let key = diverged(&mut lab).await;
    let path = format!("accounts({})", key.id);
    // It is confirmed while the target can't be written to, and its process ends.
    let europe = lab.emulated.europe();
    europe.arm(json!({"count": null, "status": 503})).await;
    let is_down = |state: &State| !state.instances[1].is_readable();
    lab.until("Europe is down", is_down).await;
    let request = request(Verb::TakeSource);
    let id = request.id;
    lab.send(Command::Repair {
        request,
        records: vec![Target::Record(key)],
        consent: Consent::Named { may_wait: true },
    })
    .await;
    lab.until("it waits", |state| {
        state.operation(id).is_some_and(|one| one.waiting.is_some())
    })
    .await;
    let mut lab = {
        let (emulated, state) = lab.stop_and_keep().await;
        emulated.europe().control("DELETE", "faults", None).await;
        let later = json!({"telephone1": "+44 2"});
        emulated.europe().edit_as_a_person(&path, later).await;
        Lab::on(emulated, state, options())
    };
    lab.compared().await;
    let operation = goes_on(&mut lab, id).await;
    let why = operation.records[0].stage.reason().unwrap_or_default();
    assert!(why.starts_with("it has changed since"), "{operation:?}");
    assert_eq!(in_europe(&lab, key).await.0, json!("+44 2"));
    lab.stop().await;
}

/// Has a process go on with what an earlier one left behind, as soon as it has found out what became of it.
async fn goes_on(
    lab: &mut Lab,
    operation: OperationId,
) -> Arc<tandem::engine::state::OperationState> {
    loop {
        let consent = Consent::Named { may_wait: true };
        lab.send(Command::Resume { operation, consent }).await;
        let state = lab.engine.states.borrow().clone();
        if state
            .operation(operation)
            .is_some_and(|one| one.is_finished())
        {
            return lab.finished(operation).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Whatever was cut off, and how often: what was seen is neither forgotten nor taken for something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_on_outlives_a_write_that_never_left() {
    for is_edited in [true, false] {
        let mut lab = Lab::demo().await;
        let key = diverged(&mut lab).await;
        let path = format!("accounts({})", key.id);
        let fault = json!({"count": null, "method": "PATCH", "hang": "before"});
        lab.emulated.europe().arm(fault).await;
        let request = request(Verb::TakeSource);
        let id = request.id;
        lab.send(Command::Repair {
            request,
            records: vec![Target::Record(key)],
            consent: Consent::Named { may_wait: true },
        })
        .await;
        let stands = |state: &State| {
            let operation = state.operation(id)?;
            Some(operation.records.first()?.stage.clone())
        };
        lab.until("it is about to be written", |state| {
            stands(state) == Some(Stage::Intended)
        })
        .await;
        let (emulated, state) = lab.stop_and_keep().await;
        emulated.europe().control("DELETE", "faults", None).await;
        if is_edited {
            let later = json!({"telephone1": "+44 2"});
            emulated.europe().edit_as_a_person(&path, later).await;
        }
        // The next process finds out that nothing was written, and ends as well.
        let mut lab = Lab::on(emulated, state, options());
        lab.until("it is read back", |state| {
            stands(state) == Some(Stage::Accepted)
        })
        .await;
        let mut lab = lab.restart().await;
        lab.compared().await;
        let operation = goes_on(&mut lab, id).await;
        let stage = &operation.records[0].stage;
        let phone = in_europe(&lab, key).await.0;
        if is_edited {
            let why = stage.reason().unwrap_or_default();
            assert!(why.starts_with("it has changed since"), "{operation:?}");
            assert_eq!(phone, json!("+44 2"));
        } else {
            assert_eq!(*stage, Stage::Verified, "{operation:?}");
            assert_eq!(phone, json!("+1 1"));
        }
        lab.stop().await;
    }
}
