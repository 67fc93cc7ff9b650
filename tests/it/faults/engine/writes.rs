//! What a repair makes of records and an instance that change or fail under its writes.

use std::time::Duration;

use serde_json::json;
use tandem::config::Config;
use tandem::domain::credential::Credential;
use tandem::domain::drift::Drift;
use tandem::domain::operation::{Stage, Verb};

use super::{all_closed, reason, some, stage};
use crate::support::emulated::Emulated;
use crate::support::lab::{Lab, in_drift, keys, options};

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
