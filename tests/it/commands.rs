//! The headless commands at their edges: consent, files, signals, spreadsheets, and words that mean nothing.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};

use super::support::binary::{Emulator, Ran};

fn line(emulator: &Emulator, line: &str) -> Ran {
    let words: Vec<&str> = line.split_whitespace().collect();
    emulator.tandem(&words)
}

fn spawn(emulator: &Emulator, line: &str) -> Child {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut command = emulator.command(&words);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn interrupt(child: &Child) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
}

fn ended(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

/// Whether a process hears of an interruption by itself.
fn hears(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mut lines = status.lines();
    let caught = lines.find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0
}

#[test]
fn a_secret_that_never_comes_can_be_interrupted() {
    let emulator = Emulator::start();
    let text = std::fs::read_to_string(emulator.config()).unwrap();
    // Standard input that stays open and gives nothing, and a program that does not end.
    for source in ["{ stdin = 1 }", "{ command = [\"sleep\", \"25\"] }"] {
        let text = text.replacen("{ env = \"TANDEM_TOKEN\" }", source, 1);
        std::fs::write(emulator.config(), text).unwrap();
        for command in ["status", "doctor"] {
            let mut child = spawn(&emulator, command);
            let pause = || std::thread::sleep(Duration::from_millis(20));
            while !hears(&child) {
                pause();
            }
            let began = Instant::now();
            let status = loop {
                interrupt(&child);
                pause();
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                if began.elapsed() > Duration::from_secs(15) {
                    child.kill().unwrap();
                    panic!("{command} hears nothing while it waits for {source}");
                }
            };
            assert_eq!(status.code(), Some(130), "{command}, {source}");
        }
    }
}

/// The ids of a table's stubs.
fn stubs(emulator: &Emulator, table: &str) -> Vec<String> {
    let list = line(
        emulator,
        &format!("records --drift stub --table {table} --json"),
    );
    let records = list.json()["records"].as_array().unwrap().clone();
    let ids = records
        .iter()
        .map(|record| record["id"].as_str().unwrap().to_owned());
    ids.collect()
}

#[test]
fn a_sync_of_everything_wants_a_count_and_a_reason() {
    let emulator = Emulator::start();
    let refused = line(&emulator, "sync").exits(4);
    assert!(refused.stderr.contains("say --yes 90"), "{refused:?}");
    line(&emulator, "sync --yes 89 --reason INC-7").exits(4);
    let unreasoned = line(&emulator, "sync --yes 90").exits(2);
    assert!(unreasoned.stderr.contains("--reason"), "{unreasoned:?}");
    let locked = line(&emulator, "sync --read-only --yes 90 --reason INC-7 --json").exits(4);
    assert_eq!(locked.json()["exit"], 4);
    assert!(emulator.writes().is_empty());

    line(&emulator, "sync --yes 90 --reason INC-7 --quiet").exits(0);
    let writes = emulator.writes().len();
    let status = line(&emulator, "status --json");
    assert_eq!(status.json()["links"][0]["condition"], "in step");
    // Nothing is pending any more, so nothing needs consent.
    line(&emulator, "sync").exits(0);
    assert_eq!(emulator.writes().len(), writes);
}

#[test]
fn records_may_come_from_a_file() {
    let emulator = Emulator::start();
    let ids = stubs(&emulator, "account");
    let file = format!("# from the call\n{}\n\naccount {}\n", ids[0], ids[1]);
    let mut child = spawn(&emulator, "rehydrate account --from -");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(file.as_bytes()).unwrap();
    drop(stdin);
    let run = ended(child).exits(0);
    let verified = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("verified  account "));
    assert_eq!(verified.count(), 2, "{run:?}");
    let left = stubs(&emulator, "account");
    assert!(!left.contains(&ids[0]) && !left.contains(&ids[1]));
}

#[test]
fn records_come_as_csv_that_a_spreadsheet_reads() {
    let emulator = Emulator::start();
    let list = line(&emulator, "records --drift diverged,duplicate --csv").exits(0);
    let mut reader = csv::Reader::from_reader(list.stdout.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 8);
    assert_eq!(&rows[7][0], "duplicate");
    let found = line(
        &emulator,
        "records --filter autozone --table account --json",
    );
    assert_eq!(found.json()["total"], 1);
    assert_eq!(found.json()["records"][0]["number"], "AZO");
}

#[test]
fn an_interrupt_ends_a_repair_that_waits() {
    let emulator = Emulator::start();
    let ids = stubs(&emulator, "account");
    emulator.arm(json!({"outage_s": 60}));
    let child = spawn(&emulator, &format!("rehydrate account {} --wait", ids[0]));
    std::thread::sleep(Duration::from_millis(700));
    interrupt(&child);
    ended(child).exits(130);
}

#[test]
fn an_interrupted_sync_ends_in_good_order() {
    let emulator = Emulator::start();
    emulator.arm(json!({"count": 500, "delay_ms": 150, "method": "PATCH"}));
    let mut child = spawn(&emulator, "sync --yes 200 --reason INC-7");
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    assert!(first.starts_with("verified"), "{first}");
    interrupt(&child);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut out, &mut rest).unwrap();
    assert!(rest.contains("abandoned"), "{rest}");
    ended(child).exits(130);
    let status = line(&emulator, "status --json").json();
    assert_eq!(status["unfinished_operations"], 0, "{status}");
    assert_eq!(status["unknown_outcomes"], 0, "{status}");
}

#[test]
fn a_refused_token_is_unreachable() {
    let emulator = Emulator::start();
    let status = emulator
        .command(&["status"])
        .env("TANDEM_TOKEN", "canary")
        .output();
    let status = Ran::from(status.unwrap()).exits(3);
    assert!(status.stdout.contains("REFUSED"), "{status:?}");
    assert!(!format!("{status:?}").contains("canary"), "{status:?}");
}

#[test]
fn wrong_usage_and_configuration_say_what_would_be_right() {
    let emulator = Emulator::start();
    for (words, said) in [
        ("destroy", "unrecognized subcommand"),
        ("rehydrate", "say which records"),
        (
            "rehydrate tickets --drift stub",
            "there are account, contact",
        ),
        ("rehydrate account 123", "neither a GUID nor a key"),
        ("records --drift in-sync", "drifts that are listed"),
    ] {
        let run = line(&emulator, words).exits(2);
        assert!(run.stderr.contains(said), "{words}: {run:?}");
    }
    let file = emulator.config();
    std::fs::write(&file, "[instances.us]\nurl = 5\n").unwrap();
    let run = line(&emulator, "status").exits(2);
    assert!(run.stderr.contains("tandem.toml:2: "), "{run:?}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let run = line(&emulator, "status").exits(2);
    assert!(run.stderr.contains("can be written by others"), "{run:?}");
    let mut nowhere = Command::new(env!("CARGO_BIN_EXE_tandem"));
    nowhere
        .arg("status")
        .env_remove("TANDEM_CONFIG")
        .env("XDG_CONFIG_HOME", emulator.folder.path());
    let run = Ran::from(nowhere.output().unwrap()).exits(2);
    assert!(run.stderr.contains("tandem demo"), "{run:?}");
}

#[test]
fn the_emulator_says_where_it_is_and_ends_when_interrupted() {
    let words =
        "emulator --us 127.0.0.1:0 --europe 127.0.0.1:0 --token sesame --no-plug-in --seed 7";
    let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(words.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    let ready: Json = serde_json::from_str(&first).unwrap();
    assert_eq!(ready["token"], "sesame");
    assert!(
        ready["us"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:"),
        "{ready}"
    );
    interrupt(&child);
    ended(child).exits(0);
}

#[test]
fn the_emulator_speaks_https_under_a_ca_that_it_names() {
    let words = "emulator --us 127.0.0.1:0 --europe 127.0.0.1:0 --tls";
    let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(words.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    let ready: Json = serde_json::from_str(&first).unwrap();
    let file = PathBuf::from(ready["ca"].as_str().unwrap());
    let authority = reqwest::Certificate::from_pem(&std::fs::read(&file).unwrap()).unwrap();
    let client = reqwest::blocking::Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .build()
        .unwrap();
    for instance in ["us", "europe"] {
        let url = ready[instance].as_str().unwrap();
        assert!(url.starts_with("https://127.0.0.1:"), "{ready}");
        let token = ready["token"].as_str().unwrap();
        let request = client.get(format!("{url}/api/data/v9.2/WhoAmI"));
        assert_eq!(request.bearer_auth(token).send().unwrap().status(), 200);
    }
    interrupt(&child);
    ended(child).exits(0);
    assert!(!file.exists(), "the file is gone with the authority");
    let mut wrong = Command::new(env!("CARGO_BIN_EXE_tandem"));
    wrong.args(["emulator", "--tls", "--tls-fault", "none"]);
    let run = Ran::from(wrong.output().unwrap()).exits(2);
    assert!(
        run.stderr.contains("there is no TLS fault `none`"),
        "{run:?}"
    );
}
