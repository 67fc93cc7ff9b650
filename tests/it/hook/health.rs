//! What everybody else sees of the hook: that it answers, that it does not, and what it could not ensure.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;
use tandem::domain::hook::{Answer, Called};
use tandem::engine::{Engine, State};
use tandem::hook::registration::Manner;

use super::support::{Hooked, KEY, USER, context, id, with_code};
use crate::support::emulated::plain_client;
use crate::support::lab;

/// Waits for a state.
async fn until(engine: &mut Engine, what: &str, is_so: impl FnMut(&Arc<State>) -> bool) {
    let patience = std::time::Duration::from_secs(20);
    let waited = tokio::time::timeout(patience, engine.states.wait_for(is_so)).await;
    assert!(waited.is_ok_and(|state| state.is_ok()), "never: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_hook_is_told_within_a_probe_and_taking_it_out_ends_that() {
    let mut hooked = Hooked::registered().await;
    hooked
        .europe()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let (mut engine, running) =
        tandem::engine::start(hooked.config.clone(), lab::options()).unwrap();
    let hook = |state: &Arc<State>| state.hook.clone().unwrap().health;
    until(&mut engine, "it is well, and called", |state| {
        *hook(state).answer() == Answer::Well && hook(state).called() == Called::Yes
    })
    .await;
    hooked.stop().await;
    let refused = hooked.ticket("accounts", &id(1)).await;
    assert!(!refused.status.is_success(), "contract 15: {refused:?}");
    until(&mut engine, "its silence is told", |state| {
        hook(state).silence().is_some()
    })
    .await;
    let registration = hooked.registration().await;
    registration.switch(false, Manner::Carry).await.unwrap();
    assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
    until(&mut engine, "it is out, and nobody misses it", |state| {
        hook(state).called() == Called::No && hook(state).silence().is_none()
    })
    .await;
    let state = engine.states.borrow().clone();
    let told: Vec<&str> = state
        .timeline
        .iter()
        .map(|entry| entry.text.as_str())
        .collect();
    for expected in [
        "the hook answers",
        "the hook does not answer",
        "the hook was taken out",
    ] {
        let times = told
            .iter()
            .filter(|text| text.starts_with(expected))
            .count();
        assert_eq!(times, 1, "{expected}: {told:#?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn what_could_not_be_ensured_is_listed_to_who_has_the_key() {
    let hooked = Hooked::start().await;
    for n in [1, 2, 1] {
        hooked.call(context(&id(n)).to_string()).await;
    }
    assert_eq!(hooked.get("refused").await.0, 401);
    let url = with_code(&format!("{}refused", hooked.url), KEY);
    let answer = plain_client().get(url).send().await.unwrap();
    let listed: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let listed = listed["refused"].as_array().unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    let first = listed.iter().find(|line| line["id"] == id(1).as_str());
    let first = first.unwrap();
    assert_eq!(
        (&first["table"], &first["count"], &first["reason"]),
        (
            &json!("account"),
            &json!(2),
            &json!("neither instance has it")
        )
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f14_a_hook_that_is_started_anew_asks_for_nothing_before_the_wait_is_over() {
    let make = |config: &mut tandem::config::Config| {
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&config.state).unwrap();
    };
    let mut hooked = Hooked::with(make).await;
    hooked.ready().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let wait = json!({"count": 1, "status": 429, "retry_after": 6, "client": USER});
    hooked.europe().arm(wait).await;
    assert!(hooked.call(context(&id(1)).to_string()).await.is_success());
    assert!(!hooked.exists(&format!("accounts({})", id(1))).await);
    let gate = std::fs::read_to_string(hooked.config.state.join("gate-europe-hook")).unwrap();
    let until: DateTime<Utc> = gate.lines().next().unwrap().parse().unwrap();

    hooked.clear_log().await;
    hooked.restart().await;
    // A ticket does not wait for it.
    assert!(hooked.call(context(&id(1)).to_string()).await.is_success());
    hooked.ready().await;
    assert!(hooked.call(context(&id(1)).to_string()).await.is_success());
    assert!(hooked.exists(&format!("accounts({})", id(1))).await);
    let log = hooked.europe().log().await;
    let first: DateTime<Utc> = log[0]["time"].as_str().unwrap().parse().unwrap();
    assert!(first >= until, "{first} before {until}");
    hooked.stop().await;
}
