//! The stories of the demo that are about somebody else's job: one that has failed for days, one that only adds rows,
//! one that never writes a blank.

use serde_json::json;
use tandem::emulator::Scenario;

use super::*;
use crate::support::binary::Emulator;

#[test]
fn a_sync_that_has_failed_for_days_is_stalled_until_a_run_is_repeated() {
    let emulator = Emulator::start_with(&["--scenario", "stalled-sync"]);
    let sync = format!(
        "cadence = \"24h\"\nsync = {{ backend = \"logic-app\", management = \"{}\", subscription = \"s\", \
         resource_group = \"g\", workflow = \"{SYNC_WORKFLOW}\", credential = {{ kind = \"token\", token = {{ env = \
         \"TANDEM_TOKEN\" }} }} }}",
        emulator.us
    );
    emulator.configure_sync(&sync);
    let runs = || emulator.tandem(&["sync", "--runs", "--json"]).json()["links"][0]["runs"].clone();
    emulator.until("three days of runs have failed", || {
        let runs = runs();
        let failed = runs
            .as_array()
            .unwrap()
            .iter()
            .filter(|run| run["status"] == "failed");
        failed.count() == 3
    });
    let status = emulator.tandem(&["status", "--json"]).exits(1).json();
    let link = &status["links"][0];
    assert_eq!(link["condition"], "stalled", "{link}");
    assert!(link["lag_s"].as_u64().unwrap() > 2 * 86_400, "{link}");
    assert_eq!(link["last_run"]["status"], "failed");
    assert!(
        link["last_success"].is_string(),
        "it ran well four days ago: {link}"
    );
    let text = emulator.tandem(&["status"]).exits(1).stdout;
    assert!(
        text.contains("stalled") && text.contains("Upsert_accounts"),
        "{text}"
    );

    let yes = ["sync", "--yes", "1000", "--reason", "INC-42"];
    let failed = emulator.tandem(&yes).exits(1);
    assert!(failed.stdout.contains("answered 403"), "{failed:?}");
    // Somebody gives the sync's user its role back; the run that has just failed is resubmitted.
    emulator.disarm();
    let newest = runs()[0]["id"].as_str().unwrap().to_owned();
    emulator
        .tandem(&["sync", "--rerun", &newest, "--reason", "INC-42"])
        .exits(0);
    let status = emulator.tandem(&["status", "--json"]).json();
    let link = &status["links"][0];
    assert_eq!(link["condition"], "in step", "{link}");
    assert_eq!(link["pending"], 0, "{link}");
}

async fn story(name: &str, control: serde_json::Value) -> Lab {
    // The story as it is told, without its traffic.
    assert!(Scenario::named(name).is_some(), "{name}");
    let emulated = Emulated::with(Emulation {
        workflow: true,
        ..Emulation::default()
    })
    .await;
    emulated.us().control("POST", "sync", Some(control)).await;
    engine_of(emulated, Backend::LogicApp)
}

#[tokio::test]
async fn a_job_that_only_adds_rows_never_fills_a_stub() {
    let mut lab = story("add-only", json!({"adds_only": true})).await;
    let before = lab.compared().await;
    let (stubs, stale) = (
        before.tables[0].counts.of(Drift::Stub),
        before.tables[0].counts.of(Drift::Stale),
    );
    assert!(before.tables[0].counts.of(Drift::Missing) > 0 && stubs > 0 && stale > 0);
    let done = ordered(&mut lab, RunOrder::Start).await;
    assert_eq!(
        done.finished.as_ref().unwrap().cut_short,
        None,
        "it ends well"
    );
    let after = lab
        .until("what was missing has come over", |state| {
            state.tables[0].counts.of(Drift::Missing) == 0
        })
        .await;
    assert_eq!(
        after.tables[0].counts.of(Drift::Stub),
        stubs,
        "and nothing else has"
    );
    assert_eq!(after.tables[0].counts.of(Drift::Stale), stale);
    // The way out: tandem fills them.
    let left = crate::support::lab::in_drift(&after, "account", Drift::Stub);
    let keys = crate::support::lab::keys(&left);
    let filled = lab.repair(Verb::Rehydrate, &keys).await;
    assert_eq!(filled.progress.verified, stubs, "{filled:?}");
    lab.stop().await;
}

#[tokio::test]
async fn a_job_that_skips_blanks_leaves_what_was_emptied() {
    let mut lab = story("skip-blanks", json!({"skips_blanks": true})).await;
    let state = lab.compared().await;
    let stubs = state.tables[0].counts.of(Drift::Stub);
    assert!(stubs > 0);
    let done = ordered(&mut lab, RunOrder::Start).await;
    assert_eq!(done.finished.as_ref().unwrap().cut_short, None);
    let state = lab
        .until("all is carried over", |state| state.pending(0) == 0)
        .await;
    assert_eq!(
        state.tables[0].counts.of(Drift::Stub),
        0,
        "stubs are filled"
    );
    // Somebody empties a column in the US; the next run ends well, and the old number stays in Europe.
    let account = tandem::emulator::company_id("66740", "MMM");
    let emptied = json!({"telephone1": null});
    let there = lab
        .emulated
        .us()
        .get(&format!("accounts({account})?$select=telephone1"))
        .await;
    assert_eq!(there.status, 200, "{there:?}");
    let answer = lab
        .emulated
        .us()
        .patch(&format!("accounts({account})"), emptied)
        .await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let done = ordered(&mut lab, RunOrder::Start).await;
    assert_eq!(done.finished.as_ref().unwrap().cut_short, None);
    let state = lab
        .until("it is stale after the run", |state| {
            state.tables[0].counts.of(Drift::Stale) == 1
        })
        .await;
    let stale = crate::support::lab::in_drift(&state, "account", Drift::Stale);
    assert_eq!(stale[0].key.id.uuid(), account);
    lab.stop().await;
}
