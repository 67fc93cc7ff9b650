//! Orders and lists that meet a failing network, a refused token, a throttled or hostile platform.

use super::*;
use crate::support::stub::{Stub, json as reply};

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_found_in_the_list_and_not_sent_again() {
    for (backend, path) in [
        (Backend::LogicApp, "/triggers/Recurrence/run"),
        (Backend::DataFactory, "/createRun"),
        (Backend::Synapse, "/createRun"),
    ] {
        let emulated = working().await;
        let lost = json!({"count": 1, "path": path, "method": "POST", "reset": "after"});
        emulated.us().arm(lost).await;
        let mut lab = engine_of(emulated, backend);
        lab.compared().await;
        let done = ordered(&mut lab, RunOrder::Start).await;
        assert_eq!(done.progress.verified, 1, "{backend}: {done:?}");
        let state = lab.engine.states.borrow().clone();
        assert_eq!(runs(&state).len(), 1, "{backend}: begun once");
        assert_eq!(
            done.records[0].number,
            runs(&state)[0].id.as_str(),
            "{backend}"
        );
        lab.stop().await;
    }
}

#[tokio::test]
async fn an_order_that_never_arrived_is_told_from_one_that_did() {
    let emulated = working().await;
    let lost = json!({"count": 1, "path": "/triggers/Recurrence/run", "method": "POST", "reset": "before"});
    emulated.us().arm(lost).await;
    let mut lab = engine_of(emulated, Backend::LogicApp);
    lab.compared().await;
    let id = order(&lab, RunOrder::Start).await;
    stage_of(&mut lab, id, "unknown").await;
    let done = lab.finished(id).await;
    let Stage::Refused(why) = &done.records[0].stage else {
        panic!("{done:?}");
    };
    assert!(why.contains("it was not begun"), "{why}");
    // Nothing of it holds the next one up.
    let again = ordered(&mut lab, RunOrder::Start).await;
    assert_eq!(again.progress.verified, 1, "{again:?}");
    lab.stop().await;
}

#[tokio::test]
async fn a_token_that_the_platform_no_longer_takes_is_renewed_once() {
    for backend in WHOLE {
        let mut lab = engine_of(working().await, backend);
        lab.compared().await;
        lab.until("the runs are listed", |state| {
            state.links[0].sync.list.is_some()
        })
        .await;
        let path = match backend {
            Backend::LogicApp => "/runs",
            _ => "/queryPipelineRuns",
        };
        let expired = json!({"count": 1, "path": path, "status": 401});
        lab.emulated.us().arm(expired).await;
        let done = ordered(&mut lab, RunOrder::Start).await;
        assert_eq!(done.progress.verified, 1, "{backend}: {done:?}");
        let tokens = lab.emulated.us().log().await;
        let asked = tokens.iter().filter(|request| {
            request["path"]
                .as_str()
                .unwrap()
                .ends_with("/oauth2/v2.0/token")
        });
        assert!(asked.count() >= 2, "{backend}");
        lab.stop().await;
    }
}

#[tokio::test]
async fn a_platform_that_refuses_us_is_said_and_nothing_is_started() {
    let emulated = working().await;
    let refuse = json!({"count": "all", "path": "/runs", "status": 403});
    emulated.us().arm(refuse).await;
    let mut lab = engine_of(emulated, Backend::LogicApp);
    let why = refused(&mut lab, RunOrder::Start).await;
    assert!(
        why.contains("can't be listed") && why.contains("authorization"),
        "{why}"
    );
    let state = lab.engine.states.borrow().clone();
    assert!(state.links[0].sync.unlisted.is_some());
    assert_eq!(state.links[0].sync.list, None, "not known is not none");
    lab.stop().await;
}

#[tokio::test]
async fn a_platform_that_asks_us_to_wait_is_not_asked_before() {
    let emulated = working().await;
    let busy = json!({"count": 1, "path": "/runs", "status": 429, "retry_after": 2});
    emulated.us().arm(busy).await;
    let mut lab = engine_of(emulated, Backend::LogicApp);
    lab.until("the runs are listed", |state| {
        state.links[0].sync.list.is_some()
    })
    .await;
    let log = lab.emulated.us().log().await;
    let asked: Vec<&serde_json::Value> = log
        .iter()
        .filter(|request| request["path"].as_str().unwrap().contains("/workflows/"))
        .collect();
    assert_eq!(asked[0]["status"], 429, "{asked:?}");
    let at = |request: &serde_json::Value| {
        chrono::DateTime::parse_from_rfc3339(request["time"].as_str().unwrap()).unwrap()
    };
    let waited = at(asked[1]) - at(asked[0]);
    assert!(waited >= chrono::Duration::milliseconds(1900), "{waited}");
    lab.stop().await;
}

#[tokio::test]
async fn a_list_that_leads_elsewhere_is_not_followed() {
    let emulated = working().await;
    let evil = Stub::answering(|_, _| reply("{}")).await;
    let link = format!(
        "{}{GROUP}/Microsoft.Logic/workflows/{SYNC_WORKFLOW}/runs",
        evil.origin
    );
    let page = json!({"value": [], "nextLink": link}).to_string();
    let platform = Stub::answering(move |_, _| reply(&page)).await;
    let sync = SyncConfig::LogicApp {
        management: endpoint(&platform.origin),
        audience: MANAGEMENT.to_owned(),
        path: format!("{GROUP}/Microsoft.Logic/workflows/{SYNC_WORKFLOW}"),
        version: "2019-05-01",
        name: SYNC_WORKFLOW.to_owned(),
        trigger: "Recurrence".to_owned(),
        credential: Credential::Token(held("canary")),
    };
    let state = tempfile::tempdir().unwrap();
    let mut lab = Lab::configured(emulated, state, options(), |config| own(config, sync));
    let state = lab
        .until("the list is refused", |state| {
            state.links[0].sync.unlisted.is_some()
        })
        .await;
    let why = state.links[0].sync.unlisted.clone().unwrap();
    assert!(
        why.contains("a link of the server was refused: it leads to 127.0.0.1"),
        "{why}"
    );
    assert!(evil.seen().is_empty());
    lab.stop().await;
}

#[tokio::test]
async fn runs_that_stand_two_pages_back_are_found() {
    let emulated = working().await;
    let mut lab = engine_of(emulated, Backend::LogicApp);
    lab.compared().await;
    let good = ordered(&mut lab, RunOrder::Start).await;
    let refuse = json!({"count": "all", "status": 403, "client": SYNC_CLIENT_ID});
    lab.emulated.europe().arm(refuse.clone()).await;
    lab.emulated
        .us()
        .account(&id(9), json!({"name": "Late"}))
        .await;
    let url = format!(
        "{}{GROUP}/Microsoft.Logic/workflows/{SYNC_WORKFLOW}/triggers/Recurrence/run?api-version=2019-05-01",
        lab.emulated.us().origin
    );
    for _ in 0..31 {
        let answer = lab.emulated.us().send("POST", &url, &[], None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    lab.send(Command::ListRuns).await;
    let state = lab
        .until("all runs are over", |state| {
            let failed = runs(state)
                .iter()
                .filter(|run| run.status == RunStatus::Failed)
                .count();
            failed == 31
        })
        .await;
    let success = state.links[0].sync.last_success;
    let run = runs(&state)
        .into_iter()
        .find(|run| run.status == RunStatus::Succeeded)
        .unwrap();
    assert_eq!(run.id.as_str(), good.records[0].number);
    assert_eq!(success, run.ended);
    lab.stop().await;
}
