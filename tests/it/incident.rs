//! Incident work without the console: notes, alerts taken and given back, what happened, the bundle for the next shift.

use serde_json::{Value as Json, json};

use super::agent::Agent;
use super::support::binary::Emulator;
use super::support::screen::Screen;

/// The alerts of the status, by name, with who has them.
fn alerts(emulator: &Emulator) -> Vec<(String, Json)> {
    let status = emulator.tandem(&["status", "--json"]).json();
    let alerts = status["alerts"].as_array().unwrap().clone();
    let named = alerts.iter().map(|alert| {
        let rule = alert["rule"].as_str().unwrap();
        let subject = alert["subject"].as_str().unwrap();
        (format!("{rule}:{subject}"), alert["taken"]["by"].clone())
    });
    named.collect()
}

#[test]
fn an_alert_is_taken_and_given_back_and_what_was_said_stands_in_the_timeline() {
    let emulator = Emulator::start();
    emulator.tandem(&["status"]);
    let none = emulator.tandem(&["ack"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, "no alert fires\n"));
    emulator.arm(json!({"outage_s": 120}));
    let read = || ("breaker-open:europe read".to_owned(), json!(null));
    assert_eq!(alerts(&emulator), [read()]);
    let wrong = emulator.tandem(&["ack", "late"]);
    assert_eq!(wrong.code, 4, "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("breaker-open:europe read"),
        "{}",
        wrong.stderr
    );
    let taken = emulator.tandem(&["ack", "breaker-open:europe read", "--note", "rang them"]);
    assert_eq!(taken.code, 0, "{}", taken.stderr);
    let [(_, by)] = &alerts(&emulator)[..] else {
        panic!("one alert");
    };
    assert_ne!(*by, json!(null), "it is in the journal whose it is");
    let status = emulator.tandem(&["status"]).stdout;
    assert!(status.contains("breaker-open:europe read"), "{status}");
    assert!(
        status.contains(&format!("by {} until ", by.as_str().unwrap())),
        "{status}"
    );
    // A console that is opened now finds it taken.
    let mut console = Screen::start(&emulator.command(&[]), 140, 42);
    console.shows("EUROPE IS DOWN").shows(" has it");
    assert_eq!(emulator.tandem(&["ack", "--give-back"]).code, 0);
    assert_eq!(alerts(&emulator), [read()]);
    console.shows("unacked");
    console.keys("q").ends();
    assert_eq!(emulator.tandem(&["note", "told", "the *desk*"]).code, 0);

    let told = emulator.tandem(&["timeline"]).stdout;
    for words in [
        "takes breaker-open europe read until ",
        ": rang them",
        "gives breaker-open europe read back",
        "told the *desk*",
    ] {
        assert!(told.contains(words), "no {words:?} in\n{told}");
    }
    let filtered = emulator
        .tandem(&["timeline", "--filter", "desk", "--md"])
        .stdout;
    assert!(filtered.ends_with("told the \\*desk\\*\n"), "{filtered}");
    assert_eq!(filtered.lines().count(), 1, "{filtered}");
    let lines = emulator
        .tandem(&["timeline", "--jsonl", "--since", "1h"])
        .stdout;
    let last: Json = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["text"], "told the *desk*");
    assert_eq!(last["who"], *by);
}

#[test]
fn the_bundle_is_written_without_a_console_and_names_what_is_open() {
    let emulator = Emulator::start();
    emulator.tandem(&["note", "the desk knows"]);
    emulator.arm(json!({"outage_s": 120}));
    let written = emulator.tandem(&["handover"]);
    assert_eq!(written.code, 0, "{}", written.stderr);
    let folder = std::path::Path::new(written.stdout.trim_end());
    let page = std::fs::read_to_string(folder.join("handover.md")).unwrap();
    for words in [
        "the desk knows",
        "Alert breaker-open on europe read",
        "**nobody has it**",
        "EUROPE IS DOWN",
    ] {
        assert!(page.contains(words), "no {words:?} in\n{page}");
    }
    assert!(folder.join("records.svg").is_file());
    let own = folder.join("own");
    let own = own.to_str().unwrap();
    let named = emulator
        .tandem(&["handover", "--out", own, "--json"])
        .json();
    assert_eq!(named["folder"], own);
    assert_eq!(
        emulator.tandem(&["handover", "--out", own]).code,
        2,
        "it is there"
    );
}

#[test]
fn beside_an_agent_the_alerts_are_the_agents() {
    let emulator = Emulator::start();
    let agent = Agent::start(&emulator, &[]);
    emulator.until("it compares", || {
        agent.figure(super::agent::PENDING) == Some(0.0)
    });
    emulator.arm(json!({"outage_s": 120}));
    emulator.until("the agent sees the alert", || {
        let status = emulator.tandem(&["status", "--json"]).json();
        let alerts = status["alerts"].as_array().unwrap().clone();
        alerts.iter().any(|alert| alert["since"].is_string())
    });
    assert_eq!(emulator.tandem(&["ack", "--for", "10m"]).code, 0);
    let all = alerts(&emulator);
    assert!(
        !all.is_empty() && all.iter().all(|(_, by)| by.is_string()),
        "{all:?}"
    );
}
