//! What a comparison and a link make of what can't be read, never ends, or comes back old.

use std::time::Duration;

use serde_json::json;
use tandem::domain::drift::Drift;
use tandem::domain::lag::{LinkCondition, Schedule};
use tandem::domain::operation::Verb;
use tandem::emulator::SYNC_CLIENT_ID;

use super::{all_closed, in_step};
use crate::support::emulated::Emulated;
use crate::support::lab::{Lab, in_drift, keys, options};

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
