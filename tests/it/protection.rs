//! Many stubs rehydrated by the real binary under the service protection limits, killed twice on the way: it waits when
//! it is asked to, begins with a few, and nothing is lost or done twice. `TANDEM_STUBS=20000` does as many.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use crate::support::binary::{Emulator, Running};

/// What was on its way when the instance asked for patience, and could not be called back.
const ON_ITS_WAY: Duration = Duration::from_millis(700);
/// The instance is asked for so many rows in one request while the stubs are made.
const AT_ONCE: usize = 500;

fn stubs() -> usize {
    let said = std::env::var("TANDEM_STUBS");
    said.map_or(600, |said| said.parse().expect("TANDEM_STUBS"))
}

fn id(number: usize) -> String {
    format!("0c0c0c0c-0000-4000-8000-{number:012}")
}

fn phone(number: usize) -> String {
    format!("+1 555 {number:05}")
}

/// Accounts that the source has whole, and the target as stubs.
fn make(emulator: &Emulator, count: usize) {
    let rows = |range: std::ops::Range<usize>, whole: bool| {
        let row = |number| {
            let mut row = json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "accountid": id(number),
                "name": format!("Limit {number}"), "accountnumber": format!("LIMIT{number}")});
            if whole {
                row["telephone1"] = json!(phone(number));
            }
            row
        };
        json!({"Targets": range.map(row).collect::<Vec<_>>()})
    };
    let action = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
    for first in (0..count).step_by(AT_ONCE) {
        let range = first..(first + AT_ONCE).min(count);
        let us = emulator.us_api("POST", action, Some(rows(range.clone(), true)));
        assert_eq!(us.0, 200, "{}", us.1);
        let europe = emulator.europe_api("POST", action, Some(rows(range, false)));
        assert_eq!(europe.0, 200, "{}", europe.1);
    }
}

fn time(request: &Json) -> DateTime<Utc> {
    request["time"].as_str().unwrap().parse().unwrap()
}

/// Behind a 429 nothing is sent that the instance refuses again, but what was on its way: while it has asked for patience
/// it refuses everything, so that whatever came too early would stand here.
fn nothing_was_sent_too_early(log: &[Json]) -> usize {
    let mut asked: Option<DateTime<Utc>> = None;
    let mut waits = 0;
    for request in log.iter().filter(|request| request["is_part"] == false) {
        if request["status"] != 429 {
            asked = asked.filter(|_| request["status"].is_null());
            continue;
        }
        match asked {
            Some(first) => {
                let later = (time(request) - first).to_std().unwrap_or_default();
                assert!(
                    later < ON_ITS_WAY,
                    "sent {later:?} into a wait: {request:#}"
                );
            }
            None => {
                waits += 1;
                asked = Some(time(request));
            }
        }
    }
    waits
}

fn is_write(request: &Json) -> bool {
    request["method"] == "PATCH"
}

#[test]
fn fault_f15_stubs_are_rehydrated_under_the_limits_through_two_kills() {
    let count = stubs();
    let emulator = Emulator::start();
    make(&emulator, count);
    let file = emulator.folder.path().join("records");
    std::fs::write(&file, (0..count).map(id).collect::<Vec<_>>().join("\n")).unwrap();
    let many = count.to_string();
    let line = [
        "rehydrate",
        "account",
        "--from",
        file.to_str().unwrap(),
        "--yes",
        &many,
        "--reason",
        "INC-1",
        "--quiet",
    ];
    // So many requests in so short a time that the limit bites several times, however many stubs there are.
    let limits = json!({"requests": 20 + count / 60, "window_s": 2});
    let url = format!("{}/emulator/limits", emulator.europe);
    let (status, answer) = emulator.call("POST", &url, Some(limits));
    assert_eq!(status, 200, "{answer}");
    emulator.clear_log();

    let done = || {
        emulator
            .writes()
            .iter()
            .filter(|write| write["status"] == 204)
            .count()
    };
    for part in 1..=2 {
        let mut killed = Running::start(&mut emulator.command(&line));
        emulator.until("a third more is written", || done() >= count * part / 3);
        killed.kill();
    }
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["unknown_outcomes"], 0, "{status:#}");
    emulator.tandem(&line).exits(0);

    let log = emulator.europe_log();
    let waits = nothing_was_sent_too_early(&log);
    println!("{count} stubs, {} requests, {waits} waits", log.len());
    assert!(waits >= 2, "the limits bit {waits} times");

    // The canary: five by themselves before anything goes in a batch, and then ever larger ones.
    let sent = log
        .iter()
        .filter(|one| is_write(one) || one["path"].as_str().unwrap().ends_with("$batch"));
    let sent: Vec<&Json> = sent.collect();
    let alone = sent
        .iter()
        .take_while(|one| is_write(one) && one["is_part"] == false);
    assert_eq!(alone.count(), 5, "the canary");
    let mut batches: Vec<usize> = Vec::new();
    for one in &sent {
        if one["is_part"] == true {
            *batches.last_mut().unwrap() += 1;
        } else {
            batches.push(0);
        }
    }
    batches.retain(|parts| *parts > 0);
    println!("batches of {batches:?}");
    // Two at once mix their parts in the log: of ten and at most twenty.
    assert!(
        batches.iter().take(2).sum::<usize>() <= 30,
        "the first batches are small ones: {batches:?}"
    );

    let mut answered: HashMap<&str, usize> = HashMap::new();
    for write in log
        .iter()
        .filter(|write| is_write(write) && write["status"] == 204)
    {
        let path = write["path"].as_str().unwrap();
        *answered
            .entry(path.split(['(', ')']).nth(1).unwrap())
            .or_default() += 1;
    }
    assert!(answered.values().all(|times| *times == 1), "written twice");
    emulator.call("DELETE", &url, None);
    let mut phones = phones(&emulator);
    let missing = (0..count).find(|number| phones.remove(&id(*number)) != Some(phone(*number)));
    assert_eq!(missing, None, "a stub is left behind");
}

#[test]
fn fault_f14_the_successor_of_a_killed_process_asks_for_nothing_before_the_wait_is_over() {
    let emulator = Emulator::start();
    emulator.arm(json!({"count": 1, "status": 429, "retry_after": 4}));
    let mut killed = Running::start(&mut emulator.command(&["status"]));
    let gate = emulator.folder.path().join("state/gate-europe-own");
    emulator.until("it was asked to wait", || gate.exists());
    killed.kill();
    let kept = std::fs::read_to_string(&gate).unwrap();
    let until: DateTime<Utc> = kept.lines().next().unwrap().parse().unwrap();
    emulator.clear_log();
    let status = emulator.tandem(&["status", "--json"]).json();
    let log = emulator.europe_log();
    let first = log.first().map(time);
    assert!(first >= Some(until), "{first:?} before {until}: {status:#}");
    assert_eq!(status["exit"], 0, "{status:#}");
    // What is over is waited for no more, and what is no wait neither.
    for kept in [
        "2026-01-01T00:00:00Z\nHTTP 429\n",
        "9999-01-01T00:00:00Z\nHTTP 429\n",
        "soon",
    ] {
        std::fs::write(&gate, kept).unwrap();
        emulator
            .tandem(&["status", "--timeout", "10s"])
            .stdout
            .find("HEALTHY")
            .unwrap();
    }
}

/// The telephone numbers that stand in the target.
fn phones(emulator: &Emulator) -> HashMap<String, String> {
    let mut phones = HashMap::new();
    let list = "accounts?$select=telephone1&$filter=startswith(accountnumber,'LIMIT')";
    let mut next = Some(format!("{}/api/data/v9.2/{list}", emulator.europe));
    while let Some(url) = next {
        let (_, page) = emulator.call("GET", &url, None);
        for row in page["value"].as_array().unwrap() {
            let text = |column: &str| row[column].as_str().map(str::to_owned);
            phones.extend(text("accountid").zip(text("telephone1")));
        }
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    phones
}
