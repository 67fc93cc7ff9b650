//! What each platform can do, when nothing goes wrong on the way.

use super::*;

#[tokio::test]
async fn a_run_is_started_listed_and_the_link_compared_after_it() {
    for backend in WHOLE {
        let mut lab = engine_of(working().await, backend);
        let state = lab.compared().await;
        assert_eq!(state.pending(0), 3, "{backend}");
        let operation = ordered(&mut lab, RunOrder::Start).await;
        assert_eq!(operation.progress.verified, 1, "{backend}: {operation:?}");
        let cut_short = operation.finished.as_ref().unwrap().cut_short.clone();
        assert_eq!(cut_short, None, "{backend}");
        let state = lab
            .until("the run's work shows", |state| state.pending(0) == 0)
            .await;
        let runs = runs(&state);
        assert_eq!(runs.len(), 1, "{backend}: {runs:?}");
        assert_eq!(runs[0].status, RunStatus::Succeeded, "{backend}");
        assert_eq!(
            operation.records[0].number,
            runs[0].id.as_str(),
            "{backend}"
        );
        let sync = &state.links[0].sync;
        assert_eq!(sync.last_success, runs[0].ended, "{backend}");
        assert!(sync.next_due > sync.last_success, "{backend}");
        assert_eq!(sync.running, None, "{backend}");
        lab.stop().await;
    }
}

#[tokio::test]
async fn a_second_run_is_not_begun_while_one_is_under_way_and_that_one_can_be_cancelled() {
    for backend in WHOLE {
        let emulated = working().await;
        let slow = json!({"wait_ms": 60_000});
        emulated.us().control("POST", "sync", Some(slow)).await;
        let mut lab = engine_of(emulated, backend);
        lab.compared().await;
        let first = order(&lab, RunOrder::Start).await;
        let state = stage_of(&mut lab, first, "verified").await;
        let run = state.links[0].sync.under_way().unwrap().id.clone();
        let why = refused(&mut lab, RunOrder::Start).await;
        assert_eq!(why, "a sync run is under way", "{backend}");
        // Another console knows it from the list alone.
        let other = tempfile::tempdir().unwrap();
        let sync = job(backend, &lab.emulated.pair, None);
        let mut config =
            crate::support::lab::config(&lab.emulated.pair, &other.path().join("state"));
        own(&mut config, sync);
        let (engine, running) = tandem::engine::start(config, options()).unwrap();
        let asked = request(Verb::Sync);
        let id = asked.id;
        let consent = Consent::Named { may_wait: false };
        let start = Command::StartSync {
            request: asked,
            consent,
        };
        engine.commands.send(start).await.unwrap();
        let mut states = engine.states.clone();
        let told = states.wait_for(|state| state.notices.iter().any(|n| n.operation == Some(id)));
        let text = told.await.unwrap().notices.back().unwrap().text.clone();
        assert!(
            text.contains("already") && text.contains(run.as_str()),
            "{backend}: {text}"
        );
        running.stop().await;

        let cancel = ordered(&mut lab, RunOrder::Cancel(run.clone())).await;
        assert_eq!(cancel.progress.verified, 1, "{backend}: {cancel:?}");
        let first = lab.finished(first).await;
        let why = first.finished.as_ref().unwrap().cut_short.clone().unwrap();
        assert_eq!(why, format!("run {run} cancelled"), "{backend}");
        lab.stop().await;
    }
}

#[tokio::test]
async fn a_run_that_fails_says_why_and_is_repeated_with_what_it_read() {
    for backend in WHOLE {
        let emulated = working().await;
        let refuse =
            json!({"count": "all", "status": 403, "client": SYNC_CLIENT_ID, "method": "PATCH"});
        emulated.europe().arm(refuse).await;
        let mut lab = engine_of(emulated, backend);
        lab.compared().await;
        let failed = ordered(&mut lab, RunOrder::Start).await;
        let why = failed.finished.as_ref().unwrap().cut_short.clone().unwrap();
        assert!(why.contains("Upsert_accounts"), "{backend}: {why}");
        let state = lab.engine.states.borrow().clone();
        let last = state.links[0].sync.last_run.clone().unwrap();
        assert!(
            last.failure.unwrap().contains("Upsert_accounts"),
            "{backend}"
        );
        let run = runs(&state)[0].id.clone();

        // What has changed since is not what the old run carries over.
        let renamed = json!({"name": "Renamed"});
        let answer = lab
            .emulated
            .us()
            .patch(&format!("accounts({})", id(1)), renamed)
            .await;
        assert_eq!(answer.status, 204, "{answer:?}");
        lab.emulated
            .europe()
            .control("DELETE", "faults", None)
            .await;
        let again = ordered(&mut lab, RunOrder::Rerun(run.clone())).await;
        assert_eq!(again.progress.verified, 1, "{backend}: {again:?}");
        assert_eq!(
            again.finished.as_ref().unwrap().cut_short,
            None,
            "{backend}"
        );
        assert_ne!(
            again.records[0].number,
            run.as_str(),
            "{backend}: a run of its own"
        );
        let name = lab.emulated.europe().column("accounts", "name").await;
        assert!(name.contains(&json!("Company 1")), "{backend}: {name:?}");
        lab.until("one record is stale again", |state| {
            state.tables[0].counts.of(Drift::Stale) == 1 && state.pending(0) == 1
        })
        .await;
        lab.stop().await;
    }
}

#[tokio::test]
async fn a_run_that_is_over_or_unknown_is_not_cancelled() {
    let mut lab = engine_of(working().await, Backend::LogicApp);
    lab.compared().await;
    let done = ordered(&mut lab, RunOrder::Start).await;
    let run = RunId::new(&done.records[0].number).unwrap();
    let late = ordered(&mut lab, RunOrder::Cancel(run)).await;
    let Stage::Refused(why) = &late.records[0].stage else {
        panic!("{late:?}");
    };
    assert!(why.contains("can't be cancelled"), "{why}");
    let why = refused(&mut lab, RunOrder::Cancel(RunId::new("0858").unwrap())).await;
    assert!(why.contains("has no run 0858"), "{why}");
    lab.stop().await;
}

#[tokio::test]
async fn a_function_is_started_and_nothing_more_is_promised() {
    let mut lab = engine_of(working().await, Backend::Function);
    lab.compared().await;
    let done = ordered(&mut lab, RunOrder::Start).await;
    assert_eq!(done.progress.verified, 1, "{done:?}");
    let why = refused(&mut lab, RunOrder::Rerun(RunId::new("x").unwrap())).await;
    assert!(why.contains("keep no past run"), "{why}");
    let state = lab.engine.states.borrow().clone();
    assert_eq!(state.links[0].sync.list, None);
    // It did run: the next comparison shows it.
    let mut pending = 3;
    while pending > 0 {
        pending = lab.compare_again().await.pending(0);
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_flow_is_listed_from_dataverse_and_started_by_its_own_url() {
    let emulated = working().await;
    let flows = emulated
        .us()
        .get("workflows?$select=workflowid&$filter=category eq 5")
        .await
        .json();
    let flow = flows["value"][0]["workflowid"].as_str().unwrap().to_owned();
    let url = format!(
        "{}{GROUP}/Microsoft.Logic/workflows/{SYNC_WORKFLOW}/triggers/manual/listCallbackUrl?api-version=2019-05-01",
        emulated.us().origin
    );
    let callback = emulated.us().send("POST", &url, &[], None).await.json();
    let path = callback["basePath"].as_str().unwrap();
    let path = path.strip_prefix(emulated.us().origin).unwrap();
    let start = SignedUrl {
        endpoint: endpoint(emulated.us().origin),
        path: format!("{path}?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"),
        credential: Credential::Signature(held(callback["queries"]["sig"].as_str().unwrap())),
    };
    let sync = SyncConfig::PowerAutomate {
        instance: 0,
        flow: RowId::parse(&flow).unwrap(),
        start: Some(start),
    };
    let state = tempfile::tempdir().unwrap();
    let mut lab = Lab::configured(emulated, state, options(), |config| own(config, sync));
    lab.compared().await;
    let done = ordered(&mut lab, RunOrder::Start).await;
    assert_eq!(done.progress.verified, 1, "{done:?}");
    let state = lab
        .until("the run's work shows", |state| state.pending(0) == 0)
        .await;
    let listed = runs(&state);
    assert_eq!(listed[0].status, RunStatus::Succeeded);
    assert_eq!(listed[0].id.as_str(), done.records[0].number);
    let why = refused(&mut lab, RunOrder::Rerun(listed[0].id.clone())).await;
    assert!(
        why.contains("tandem never writes") && why.contains("maker portal"),
        "{why}"
    );
    let why = refused(&mut lab, RunOrder::Cancel(listed[0].id.clone())).await;
    assert!(why.contains("maker portal"), "{why}");
    lab.stop().await;
}

#[tokio::test]
async fn a_flow_without_a_url_is_not_started() {
    let mut lab = engine_of(working().await, Backend::PowerAutomate);
    lab.compared().await;
    let why = refused(&mut lab, RunOrder::Start).await;
    assert!(why.contains("no `callback`"), "{why}");
    lab.stop().await;
}
