//! `kill -9` in the middle of an operation: the next start shows what was under way, finds out by reading what became
//! of it, and nothing is written twice.

use std::collections::HashMap;

use serde_json::json;

use crate::support::binary::{Emulator, Running};

const RECORDS: usize = 100;

/// A hundred accounts that the US has whole and Europe has as stubs.
fn stubs(emulator: &Emulator) -> Vec<String> {
    let ids: Vec<String> = (0..RECORDS)
        .map(|n| format!("0a0a0a0a-0000-4000-8000-{n:012}"))
        .collect();
    for (n, id) in ids.iter().enumerate() {
        let number = format!("CRASH{n}");
        let whole = json!({
            "accountid": id, "name": format!("Crash {n}"), "accountnumber": number,
            "telephone1": format!("+1 555 {n:04}"), "address1_city": "Tempe"
        });
        assert_eq!(emulator.us_api("POST", "accounts", Some(whole)).0, 204);
        let stub = json!({"accountid": id, "name": format!("Crash {n}"), "accountnumber": number});
        assert_eq!(emulator.europe_api("POST", "accounts", Some(stub)).0, 204);
    }
    ids
}

#[test]
fn fault_f37_a_killed_rehydrate_is_read_back_and_nothing_is_written_twice() {
    let emulator = Emulator::start();
    let ids = stubs(&emulator);
    let file = emulator.folder.path().join("records");
    std::fs::write(&file, ids.join("\n")).unwrap();
    let repair = [
        "rehydrate",
        "account",
        "--from",
        file.to_str().unwrap(),
        "--yes",
        "100",
        "--reason",
        "INC-1",
        "--quiet",
    ];
    // Slow enough for the kill to find it in the middle; the work is done before the answer is.
    emulator.arm(json!({"count": null, "delay_ms": 40}));
    emulator.clear_log();
    let mut killed = Running::start(&mut emulator.command(&repair));
    emulator.until("some of it is written", || emulator.writes().len() >= 20);
    killed.kill();
    emulator.disarm();
    let sent = emulator.writes().len();
    assert!(
        (20..RECORDS).contains(&sent),
        "killed in the middle: {sent} of {RECORDS}"
    );

    // The next start, whatever command it is, shows it and reads back what it left half done.
    let status = emulator.tandem(&["status", "--json"]).exits(1).json();
    assert_eq!(status["unfinished_operations"], 1, "{status:#}");
    assert_eq!(status["unknown_outcomes"], 0, "{status:#}");
    assert_eq!(emulator.writes().len(), sent, "reading back writes nothing");

    let rest = emulator.tandem(&repair).exits(0);
    // A request whose sender died has no answer, and may have been carried out all the same.
    let (mut answered, mut unanswered) = (
        HashMap::<String, usize>::new(),
        HashMap::<String, usize>::new(),
    );
    for write in emulator.writes() {
        let id = write["path"]
            .as_str()
            .unwrap()
            .split(['(', ')'])
            .nth(1)
            .unwrap()
            .to_owned();
        match write["status"].as_u64() {
            Some(204) => *answered.entry(id).or_default() += 1,
            Some(status) => panic!("{status}: {write}"),
            None => *unanswered.entry(id).or_default() += 1,
        }
    }
    for id in &ids {
        let (done, maybe) = (answered.get(id).copied(), unanswered.get(id).copied());
        assert!(
            matches!((done, maybe), (Some(1), None | Some(1)) | (None, Some(1))),
            "{id}: {done:?} {maybe:?} {rest:?}"
        );
        let row = emulator
            .europe_api("GET", &format!("accounts({id})?$select=telephone1"), None)
            .1;
        assert!(
            row["telephone1"]
                .as_str()
                .is_some_and(|number| number.starts_with("+1 555")),
            "{row}"
        );
    }
}

#[test]
fn a_process_that_lives_is_not_taken_for_a_crashed_one() {
    let emulator = Emulator::start();
    let ids = stubs(&emulator);
    let file = emulator.folder.path().join("records");
    std::fs::write(&file, ids.join("\n")).unwrap();
    let from = file.to_str().unwrap();
    emulator.arm(json!({"count": null, "method": "PATCH", "delay_ms": 60}));
    emulator.clear_log();
    let mut living = Running::start(&mut emulator.command(&[
        "rehydrate",
        "account",
        "--from",
        from,
        "--yes",
        "100",
        "--reason",
        "INC-1",
        "--quiet",
    ]));
    emulator.until("it has begun", || emulator.writes().len() >= 5);
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["unfinished_operations"], 0, "{status:#}");
    assert!(living.succeeds());
}
