//! The commands on a link whose sync is a Logic App.

use serde_json::json;

use super::{GROUP, SYNC_CLIENT_ID, SYNC_WORKFLOW};
use crate::support::binary::Emulator;

/// An emulator with a fresh account in the US and a Logic App that would carry it over.
fn emulator() -> Emulator {
    let emulator = Emulator::start();
    let sync = format!(
        "sync = {{ backend = \"logic-app\", management = \"{}\", subscription = \"s1\", resource_group = \"rg1\", \
         workflow = \"{SYNC_WORKFLOW}\", credential = {{ kind = \"token\", token = {{ env = \"TANDEM_TOKEN\" }} }} }}",
        emulator.us
    );
    emulator.configure_sync(&sync);
    let enable = format!(
        "{}{GROUP}/Microsoft.Logic/workflows/{SYNC_WORKFLOW}/enable?api-version=2019-05-01",
        emulator.us
    );
    assert_eq!(emulator.call("POST", &enable, None).0, 200);
    emulator
}

#[test]
fn sync_waits_for_the_run_and_says_how_it_ended() {
    let emulator = emulator();
    let refuse =
        json!({"count": "all", "status": 403, "client": SYNC_CLIENT_ID, "method": "PATCH"});
    emulator.arm(refuse);
    let yes = ["sync", "--yes", "1000", "--reason", "INC-42"];
    let failed = emulator.tandem(&yes).exits(1);
    assert!(
        failed
            .stdout
            .contains("verified  run sync-accounts-contacts"),
        "{failed:?}"
    );
    assert!(failed.stdout.contains("Upsert_accounts"), "{failed:?}");

    let listed = emulator
        .tandem(&["sync", "--runs", "--json"])
        .exits(0)
        .json();
    let run = &listed["links"][0]["runs"][0];
    assert_eq!(listed["links"][0]["backend"], "logic-app");
    assert_eq!(run["status"], "failed");
    assert!(
        run["error"].as_str().unwrap().contains("Upsert_accounts"),
        "{run}"
    );
    let id = run["id"].as_str().unwrap();

    emulator.disarm();
    let again = emulator
        .tandem(&["sync", "--rerun", id, "--reason", "INC-42"])
        .exits(0);
    assert!(again.stderr.contains("older values"), "{again:?}");
    assert!(
        again.stdout.contains("rerun on us-europe: 1 verified"),
        "{again:?}"
    );
    let table = emulator.tandem(&["sync", "--runs"]).exits(0);
    assert!(table.stdout.contains("succeeded"), "{table:?}");

    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["links"][0]["backend"], "logic-app");
    assert_eq!(status["links"][0]["last_run"]["status"], "succeeded");
    assert!(status["links"][0]["last_success"].is_string(), "{status}");
}

#[test]
fn what_cannot_be_done_is_refused_in_words() {
    let emulator = emulator();
    let gone = emulator.tandem(&["sync", "--cancel", "0858"]).exits(4);
    assert!(gone.stderr.contains("has no run 0858"), "{gone:?}");
    let locked = emulator
        .tandem(&["sync", "--rerun", "0858", "--read-only"])
        .exits(4);
    assert!(locked.stderr.contains("--read-only"), "{locked:?}");
    emulator.configure_sync("sync = { backend = \"built-in\" }");
    let own = emulator.tandem(&["sync", "--rerun", "0858"]).exits(4);
    assert!(own.stderr.contains("starts a new run"), "{own:?}");
    let yes = ["sync", "--yes", "1000", "--reason", "INC-42"];
    emulator.tandem(&yes).exits(0);
    let runs = emulator
        .tandem(&["sync", "--runs", "--json"])
        .exits(0)
        .json();
    let runs = runs["links"][0]["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0]["status"], "succeeded", "{runs:?}");
    let function = format!(
        "sync = {{ backend = \"function\", app = \"{}\", function = \"{SYNC_WORKFLOW}\", credential = {{ kind = \
         \"key\", key = {{ env = \"TANDEM_TOKEN\" }} }} }}",
        emulator.us
    );
    emulator.configure_sync(&function);
    let none = emulator.tandem(&["sync", "--runs"]).exits(3);
    assert!(
        none.stderr.contains("keep no list of their runs"),
        "{none:?}"
    );
}
