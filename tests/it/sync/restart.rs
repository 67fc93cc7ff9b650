//! An order outlives the process that gave it.

use super::*;

#[tokio::test]
async fn what_an_earlier_process_ordered_is_found_out_about_and_not_ordered_again() {
    let emulated = working().await;
    let slow = json!({"wait_ms": 1500});
    emulated.us().control("POST", "sync", Some(slow)).await;
    let mut lab = engine_of(emulated, Backend::LogicApp);
    lab.compared().await;
    let id = order(&lab, RunOrder::Start).await;
    stage_of(&mut lab, id, "verified").await;
    let sync = job(Backend::LogicApp, &lab.emulated.pair, None);
    let mut lab = lab
        .restart_configured(options(), |config| own(config, sync))
        .await;
    let done = lab.finished(id).await;
    assert_eq!(done.progress.verified, 1, "{done:?}");
    lab.until("the run is over", |state| {
        runs(state)
            .iter()
            .any(|run| run.status == RunStatus::Succeeded)
    })
    .await;
    assert_eq!(runs(&lab.engine.states.borrow().clone()).len(), 1);
    lab.stop().await;
}

#[tokio::test]
async fn an_order_whose_answer_an_earlier_process_never_saw_is_found_in_the_list() {
    let emulated = working().await;
    // The platform has begun the run, and its answer hangs until the process is gone.
    let hang =
        json!({"count": 1, "path": "/triggers/Recurrence/run", "method": "POST", "hang": "after"});
    emulated.us().arm(hang).await;
    let mut lab = engine_of(emulated, Backend::LogicApp);
    lab.compared().await;
    let id = order(&lab, RunOrder::Start).await;
    stage_of(&mut lab, id, "intended").await;
    lab.until("the run has begun all the same", |state| {
        runs(state)
            .iter()
            .any(|run| run.tracking == Some(id.to_string()))
    })
    .await;
    let sync = job(Backend::LogicApp, &lab.emulated.pair, None);
    let mut lab = lab
        .restart_configured(options(), |config| own(config, sync))
        .await;
    let done = lab.finished(id).await;
    assert_eq!(done.progress.verified, 1, "{done:?}");
    let state = lab.engine.states.borrow().clone();
    assert_eq!(runs(&state).len(), 1, "{:?}", runs(&state));
    lab.stop().await;
}
