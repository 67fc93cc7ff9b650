//! `tandem records --impact` on the real binary: refused, accepted as a stub, and the open tickets.

use serde_json::{Value as Json, json};

use super::support::binary::Emulator;

fn records(emulator: &Emulator, drift: &str) -> Vec<Json> {
    let words = ["records", "--drift", drift, "--impact", "--json"];
    let list = emulator.tandem(&words).exits(0).json();
    list["records"].as_array().unwrap().clone()
}

fn id(n: usize) -> String {
    format!("0f0f0f0f-0000-4000-8000-{n:012}")
}

fn stub(emulator: &Emulator, n: usize) {
    let whole =
        json!({"accountid": id(n), "name": format!("Impact {n}"), "telephone1": "+1 555 0100"});
    assert_eq!(emulator.us_api("POST", "accounts", Some(whole)).0, 204);
    let stub = json!({"accountid": id(n), "name": format!("Impact {n}")});
    assert_eq!(emulator.europe_api("POST", "accounts", Some(stub)).0, 204);
}

fn tickets(emulator: &Emulator, n: usize, count: usize) {
    let ticket = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.incident", "title": "Late",
        "customerid_account@odata.bind": format!("/accounts({})", id(n))
    });
    let targets = json!({"Targets": vec![ticket; count]});
    let path = "incidents/Microsoft.Dynamics.CRM.CreateMultiple";
    let (status, answer) = emulator.europe_api("POST", path, Some(targets));
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn tickets_for_what_is_missing_are_refused_unless_a_step_ensures() {
    for (arguments, expected) in [
        (&["--no-plug-in"][..], "refused"),
        (&[][..], "accepted as a stub"),
    ] {
        let emulator = Emulator::start_with(arguments);
        let missing = records(&emulator, "missing");
        assert!(!missing.is_empty());
        for record in &missing {
            assert_eq!(record["impact"], expected, "{record:#}");
        }
    }
}

#[test]
fn what_is_there_counts_its_open_tickets_and_the_most_come_first() {
    let emulator = Emulator::start();
    for (n, count) in [(1, 2), (2, 7)] {
        stub(&emulator, n);
        tickets(&emulator, n, count);
    }
    stub(&emulator, 3);
    let stubs = records(&emulator, "stub");
    let count = |n: usize| {
        let found = stubs.iter().find(|record| record["id"] == id(n).as_str());
        found.unwrap()["open_tickets"].as_u64().unwrap()
    };
    assert_eq!([count(1), count(2), count(3)], [2, 7, 0]);
    assert_eq!(stubs[0]["id"], id(2).as_str(), "{:#}", stubs[0]);
    assert_eq!(stubs[0]["impact"], "7 open tickets");
    // A ticket that is resolved is in nobody's way.
    let resolved = "incidents?$select=_customerid_value&$filter=statecode ne 0";
    let (_, resolved) = emulator.europe_api("GET", resolved, None);
    assert!(!resolved["value"].as_array().unwrap().is_empty());
    for record in &stubs {
        let path = format!(
            "incidents?$select=title&$filter=_customerid_value eq {} and statecode eq 0",
            record["id"].as_str().unwrap()
        );
        let (_, open) = emulator.europe_api("GET", &path, None);
        assert_eq!(
            record["open_tickets"],
            open["value"].as_array().unwrap().len()
        );
    }
    let plain = emulator.tandem(&["records", "--drift", "stub"]).exits(0);
    assert!(!plain.stdout.contains("impact"), "{plain:?}");
    let csv = emulator.tandem(&["records", "--drift", "stub", "--impact", "--csv"]);
    assert!(
        csv.stdout
            .lines()
            .nth(1)
            .unwrap()
            .ends_with(",7 open tickets"),
        "{csv:?}"
    );
}

#[test]
fn more_tickets_than_are_counted_are_said_to_be_more_and_hide_nobody_elses() {
    let emulator = Emulator::start();
    stub(&emulator, 1);
    stub(&emulator, 2);
    for _ in 0..6 {
        tickets(&emulator, 1, 900);
    }
    tickets(&emulator, 2, 3);
    let stubs = records(&emulator, "stub");
    assert_eq!(stubs[0]["id"], id(1).as_str());
    assert_eq!(stubs[0]["impact"], "5000+ open tickets");
    assert_eq!(stubs[1]["id"], id(2).as_str());
    assert_eq!(stubs[1]["impact"], "3 open tickets");
}
