//! What is concluded from the changes that both sides tell.

use serde_json::json;
use tandem::domain::drift::Drift;
use tandem::domain::operation::Verb;
use tandem::emulator::{LOB_CLIENT_ID, SYNC_CLIENT_ID};
use tandem::engine::State;

use super::{address, drift_of, figures, in_step};
use crate::support::lab::{Lab, in_drift};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feeds_tell_which_side_changed_and_no_clock_is_asked() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let ids = in_step(&lab, &state, 3).await;
    let (us, europe) = (lab.emulated.us(), lab.emulated.europe());
    let address = |id: &String| format!("accounts({id})");
    let (edited, stale, touched) = (address(&ids[0]), address(&ids[1]), address(&ids[2]));
    // The target's edit is older than the source's: a clock would call it stale.
    let edit = json!({"telephone1": "+44 1"});
    europe.edit_as_a_person(&edited, edit).await;
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
    europe.edit_as_a_person(&touched, note).await;
    let edit = json!({"telephone1": "+44 2"});
    europe.edit_as_a_person(&stale, edit).await;
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
