//! Several people and processes at one link, and what surrounds a process: nobody's work is undone by another's, and the
//! environment leads no request astray.

use std::process::{Child, Stdio};

use serde_json::{Value as Json, json};

use crate::support::binary::{Emulator, Ran, Running};

/// Accounts that the US has whole and Europe has as stubs.
fn stubs(emulator: &Emulator, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count)
        .map(|n| format!("0c0c0c0c-0000-4000-8000-{n:012}"))
        .collect();
    for (n, id) in ids.iter().enumerate() {
        let stub =
            json!({"accountid": id, "name": "Shared", "accountnumber": format!("SHARED{n}")});
        let mut whole = stub.clone();
        whole["telephone1"] = json!(format!("+1 555 {n:04}"));
        assert_eq!(emulator.us_api("POST", "accounts", Some(whole)).0, 204);
        assert_eq!(emulator.europe_api("POST", "accounts", Some(stub)).0, 204);
    }
    ids
}

/// A command of an operator who has a machine, and so a state folder, of their own.
fn started(emulator: &Emulator, operator: &str, line: &[&str]) -> Child {
    let state = emulator.folder.path().join(operator);
    let mut command = emulator.command_in(&state, line);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn ended(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

#[test]
fn security_case_57_of_two_operators_at_one_record_one_writes_and_the_other_finds_it_done() {
    let emulator = Emulator::start();
    let id = stubs(&emulator, 1).remove(0);
    // Both have read the row before either has written it.
    emulator.arm(json!({"count": 2, "method": "PATCH", "delay_ms": 1500}));
    emulator.clear_log();
    let line = ["rehydrate", "account", &id, "--reason", "INC-1", "--json"];
    let both = ["anna", "berta"].map(|operator| started(&emulator, operator, &line));
    for one in both {
        ended(one).exits(0);
    }
    let mut statuses: Vec<u64> = emulator
        .writes()
        .iter()
        .filter_map(|write| write["status"].as_u64())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 412], "{:#?}", emulator.writes());
    let path = format!("accounts({id})?$select=telephone1");
    let stands = emulator.europe_api("GET", &path, None).1;
    assert_eq!(stands["telephone1"], "+1 555 0000");
}

#[test]
fn security_case_58_an_instance_that_one_operator_stops_gets_nothing_more_from_another() {
    let emulator = Emulator::start();
    let ids = stubs(&emulator, 100);
    let file = emulator.folder.path().join("records");
    std::fs::write(&file, ids.join("\n")).unwrap();
    // What is in hand is finished: the first five, one by one.
    emulator.arm(json!({"count": 5, "method": "PATCH", "delay_ms": 2000}));
    emulator.clear_log();
    let file = file.to_str().unwrap();
    let line = [
        "rehydrate",
        "account",
        "--from",
        file,
        "--yes",
        "100",
        "--reason",
        "INC-1",
    ];
    // One state folder: they work on one machine.
    let mut batch = Running::start(&mut emulator.command(&line));
    emulator.until("the batch is running", || emulator.writes().len() == 5);
    let stop = ["maintenance", "europe", "--for", "1h", "--reason", "INC-2"];
    emulator.tandem(&stop).exits(0);
    emulator.until("what was in hand is done", || {
        let writes = emulator.writes();
        writes.iter().all(|write| write["status"] == 204)
    });
    // It would read them back now, and go on with all others.
    let again = ["rehydrate", "account", &ids[99], "--reason", "INC-3"];
    emulator.tandem(&again).exits(4);
    assert_eq!(emulator.writes().len(), 5, "nothing more is sent");
    batch.kill();
}

#[test]
fn security_case_54_a_read_only_command_sends_nothing_that_writes() {
    let emulator = Emulator::start();
    let id = stubs(&emulator, 1).remove(0);
    emulator.clear_log();
    for line in [
        &["--read-only", "status"][..],
        &["--read-only", "records"],
        &[
            "--read-only",
            "rehydrate",
            "account",
            &id,
            "--reason",
            "INC-1",
        ],
        &["--read-only", "ensure", "account", &id, "--reason", "INC-1"],
        &["--read-only", "sync", "--reason", "INC-1", "--yes", "1000"],
    ] {
        let ran = emulator.tandem(line);
        let is_refused = ran.code == 4 && ran.stderr.contains("--read-only");
        let reads = ["status", "records"].contains(&line[1]);
        assert!(reads || is_refused, "{line:?}: {ran:?}");
    }
    // A `$batch` of reads is how rows are asked for by their ids.
    let is_batch = |request: &Json| request["path"].as_str().unwrap().ends_with("/$batch");
    let odd = emulator
        .europe_log()
        .into_iter()
        .filter(|request| request["method"] != "GET" && !is_batch(request));
    assert_eq!(odd.collect::<Vec<_>>(), Vec::<Json>::new());
}

#[test]
fn security_case_15_and_16_the_environment_turns_no_request_aside_and_logs_no_key() {
    let emulator = Emulator::start_with(&["--tls"]);
    let keys = emulator.folder.path().join("keys");
    let config = std::fs::read_to_string(emulator.config()).unwrap();
    assert!(config.contains("https://"), "{config}");
    let mut command = emulator.command(&["status"]);
    let nowhere = "http://127.0.0.1:1";
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
    ] {
        command.env(name, nowhere);
    }
    command
        .env("SSL_CERT_FILE", emulator.ca.as_ref().unwrap())
        .env("SSLKEYLOGFILE", &keys);
    let ran = Ran::from(command.output().unwrap());
    assert!(ran.stdout.contains("HEALTHY"), "{ran:?}");
    assert!(!keys.exists(), "the keys of a connection are nobody's");
}

#[test]
fn support_repairs_what_a_caller_asks_for_and_nothing_else() {
    let emulator = Emulator::start();
    let own = rustix::process::getegid().as_raw();
    emulator.configure(&format!(
        "\n[operators]\nsupport = [{own}]\n\n[safety]\nconfirm_above = 2\n"
    ));
    let refused = |words: &[&str], why: &str| {
        let told = emulator.tandem(words).exits(4);
        assert!(told.stderr.contains(why), "{words:?}: {told:?}");
        assert!(
            told.stderr.contains("who is on call"),
            "{words:?}: {told:?}"
        );
    };
    emulator.clear_log();
    refused(
        &["sync", "--reason", "x", "--yes", "999"],
        "not for support",
    );
    let many = [
        "rehydrate",
        "--drift",
        "stub,stale",
        "--yes",
        "999",
        "--reason",
        "x",
    ];
    refused(&many, "more than the 2");
    let resolve = [
        "resolve",
        "--take",
        "source",
        "account",
        "accountnumber=MSFT",
        "--reason",
        "x",
    ];
    refused(&resolve, "take-source is not for support");
    let planned = ["maintenance", "europe", "--for", "1h", "--reason", "x"];
    refused(&planned, "stopping and releasing");
    assert!(emulator.writes().is_empty());
    let words = [
        "ensure",
        "account",
        "accountnumber=MSFT",
        "--reason",
        "a caller",
    ];
    let told = emulator.tandem(&words);
    assert!(told.code == 0, "{told:?}");
    emulator.configure("\n[operators]\nsupport = [\"no-such-group\"]\n");
    let told = emulator.tandem(&["config", "check"]).exits(2);
    assert!(
        told.stderr.contains("/etc/group names no such group"),
        "{told:?}"
    );
}
