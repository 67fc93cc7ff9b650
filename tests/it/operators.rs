//! Several people and processes at one link, and what surrounds a process: nobody's work is undone by another's, and the
//! environment leads no request astray.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
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

/// Every option that the commands know, with its command.
fn options_of(emulator: &Emulator, command: &[&str], found: &mut Vec<String>) {
    let mut line = command.to_vec();
    line.push("--help");
    let help = emulator.tandem(&line).exits(0).stdout;
    let words = help.lines().filter_map(|line| {
        let option = line.split("--").nth(1)?;
        let is_option = line.trim_start().starts_with('-');
        is_option.then(|| option.split([' ', '=', ',']).next().unwrap().to_owned())
    });
    found.extend(words.map(|word| format!("{} --{word}", command.join(" "))));
    let mut lines = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"));
    lines.next();
    let names = lines.take_while(|line| line.starts_with("  "));
    let names = names.filter(|line| !line.starts_with("   "));
    for name in names.filter_map(|line| line.split_whitespace().next()) {
        if name != "help" {
            let mut command = command.to_vec();
            command.push(name);
            options_of(emulator, &command, found);
        }
    }
}

#[test]
fn security_case_19_no_option_takes_a_secret_and_no_command_line_shows_one() {
    let emulator = Emulator::start();
    let mut options = Vec::new();
    options_of(&emulator, &[], &mut options);
    assert!(options.len() > 100, "{options:?}");
    let suspicious = options.iter().filter(|option| {
        let word = option.rsplit("--").next().unwrap();
        ["secret", "token", "password", "credential", "key"]
            .iter()
            .any(|part| word.contains(part))
    });
    // One takes no value, one the place where a secret is kept, and one the token of instances that hold nothing but
    // generated records.
    let known = suspicious.collect::<Vec<_>>();
    let expected = [
        "hook register --renew-key",
        "init --secret-from",
        "emulator --token",
    ];
    assert_eq!(known, expected, "{options:?}");

    // A program that is asked for the secret does not see it on its own command line either.
    let program = emulator.folder.path().join("ask");
    let seen = emulator.folder.path().join("seen");
    let script = format!(
        "#!/bin/sh\ncat /proc/$PPID/cmdline /proc/$$/cmdline >> {}\necho {}\n",
        seen.display(),
        emulator.token
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = std::fs::read_to_string(emulator.config()).unwrap();
    let asks = format!("{{ command = [{program:?}] }}");
    let config = config.replace("{ env = \"TANDEM_TOKEN\" }", &asks);
    std::fs::write(emulator.config(), config).unwrap();
    let ran = emulator.tandem(&["status"]);
    assert!(ran.stdout.contains("HEALTHY"), "{ran:?}");
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("tandem"), "{seen}");
    assert!(!seen.contains(&emulator.token), "{seen}");
}

#[test]
fn security_case_23_a_process_that_holds_secrets_leaves_no_core() {
    let emulator = Emulator::start();
    let agent = emulator
        .command(&["agent", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut agent = Killed(agent);
    let limits = format!("/proc/{}/limits", agent.0.id());
    let mut core = String::new();
    emulator.until("its limits are set", || {
        let limits = std::fs::read_to_string(&limits).unwrap();
        core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap()
            .to_owned();
        core.split_whitespace().filter(|word| *word == "0").count() == 2
    });
    assert!(agent.0.try_wait().unwrap().is_none(), "{core}");
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn security_case_49_a_line_end_in_a_note_or_a_secret_makes_no_header() {
    let emulator = Emulator::start();
    let id = stubs(&emulator, 1).remove(0);
    emulator.clear_log();
    let reason = "INC-1\r\nx-evil: 1\r\n\r\nGET /evil HTTP/1.1";
    let ticket = "T-1\r\nx-evil: 1";
    let line = [
        "rehydrate",
        "account",
        &id,
        "--reason",
        reason,
        "--ticket",
        ticket,
    ];
    emulator.tandem(&line).exits(0);
    let log = emulator.europe_log();
    assert!(!log.is_empty());
    for request in &log {
        let headers = request["headers"].as_object().unwrap();
        assert!(!headers.contains_key("x-evil"), "{request}");
        assert!(
            !request["path"].as_str().unwrap().contains("evil"),
            "{request}"
        );
        let is_told = |value: &Json| value.as_str().unwrap_or_default().contains("INC-1");
        assert!(!headers.values().any(is_told), "{request}");
    }
    // A token with a line end in it is no token: nothing is sent with a part of it.
    emulator.clear_log();
    let mut command = emulator.command(&["status", "--json"]);
    command.env("TANDEM_TOKEN", format!("{}\r\nx-evil: 1", emulator.token));
    let ran = Ran::from(command.output().unwrap()).exits(3);
    assert_eq!(emulator.europe_log(), Vec::<Json>::new(), "{ran:?}");
}

#[test]
fn security_case_53_what_is_exported_as_json_is_one_object_whatever_a_record_holds() {
    let emulator = Emulator::start();
    let name = "\u{1b}]0;evil\u{7}\",\"drift\":\"in-sync\"}\n{<script>\u{202e}\u{0}";
    // The service takes no NUL.
    let name = name.replace('\0', "");
    let evil = json!({"name": name, "accountnumber": "EVIL\"1"});
    assert_eq!(emulator.us_api("POST", "accounts", Some(evil)).0, 204);
    let listed = emulator
        .tandem(&["records", "--drift", "missing", "--json"])
        .exits(0);
    let is_tame = |text: &str| {
        text.chars()
            .all(|c| c == '\n' || !c.is_control() && c != '\u{202e}')
    };
    assert!(is_tame(&listed.stdout), "{:?}", listed.stdout);
    let records = listed.json();
    let records = records["records"].as_array().unwrap();
    let mut evil = records
        .iter()
        .filter(|one| one["number"].as_str().unwrap().contains("EVIL"));
    let record = evil.next().unwrap();
    assert_eq!(record["drift"], "missing", "{record}");
    assert!(
        record["name"].as_str().unwrap().contains("<script>"),
        "{record}"
    );
    assert!(evil.next().is_none());
    let id = record["id"].as_str().unwrap();
    emulator
        .tandem(&["ensure", "account", id, "--reason", &name])
        .exits(0);
    for line in [
        vec!["explain", "account", id, "--json"],
        vec!["journal", "export"],
        vec!["report", "--json"],
    ] {
        let told = emulator.tandem(&line);
        assert!(is_tame(&told.stdout), "{line:?}: {:?}", told.stdout);
        for part in told.stdout.lines().filter(|_| line[0] != "explain") {
            let parsed: Result<Json, _> = serde_json::from_str(part);
            assert!(parsed.is_ok(), "{line:?}: {part}");
        }
    }
}

/// Security case 63: plan files are for later; what a dry run shows is what is then done.
#[test]
fn security_case_63_what_a_dry_run_shows_is_what_is_written() {
    let emulator = Emulator::start();
    let line = [
        "sync",
        "--drift",
        "missing,stub,stale",
        "--reason",
        "INC-1",
        "--json",
    ];
    let mut dry = line.to_vec();
    dry.push("--dry-run");
    emulator.clear_log();
    let shown = emulator.tandem(&dry).json();
    let writes = emulator.europe_log();
    let writes = writes.iter().filter(|request| request["method"] == "PATCH");
    assert_eq!(writes.count(), 0);
    let mut line = line.to_vec();
    line.extend(["--yes", "1000"]);
    let done = emulator.tandem(&line).exits(0).json();
    let planned = |record: &Json| {
        let columns = record["columns"].as_array().unwrap().len();
        (record["id"].to_string(), columns as u64)
    };
    let shown = shown["previews"][0]["records"].as_array().unwrap().iter();
    let shown: BTreeMap<String, u64> = shown.map(planned).collect();
    // What others refer to may be made as a stub first, and filled with the rest of its columns.
    let mut written = BTreeMap::new();
    for record in done["operations"][0]["records"].as_array().unwrap() {
        let columns = written.entry(record["id"].to_string()).or_insert(0);
        *columns += record["columns"].as_u64().unwrap();
    }
    assert_eq!(written, shown);
    assert!(shown.len() > 50, "{shown:?}");
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
