//! The headless commands as a script sees them: stdout, stderr, exit code, and what the emulator received.

use serde_json::{Value as Json, json};

use crate::support::binary::Emulator;

fn count(json: &Json, drift: &str) -> u64 {
    let tables = json["links"][0]["tables"]
        .as_array()
        .unwrap_or_else(|| panic!("{json:#}"));
    tables
        .iter()
        .map(|table| {
            table["counts"][drift]
                .as_u64()
                .unwrap_or_else(|| panic!("{table:#}"))
        })
        .sum()
}

#[test]
fn status_tells_health_breakers_lag_and_drift() {
    let emulator = Emulator::start();
    let status = emulator.tandem(&["status", "--json"]).exits(0).json();
    assert_eq!(status["instances"][1]["name"], "europe", "{status:#}");
    assert_eq!(status["instances"][1]["health"], "healthy");
    assert!(count(&status, "missing") > 7 && count(&status, "diverged") > 4);
    let text = emulator.tandem(&["status"]).exits(0).stdout;
    assert!(
        text.contains("HEALTHY") && text.contains("expected"),
        "{text}"
    );
}

#[test]
fn records_are_listed_by_drift_table_and_filter() {
    let emulator = Emulator::start();
    let records = emulator
        .tandem(&["records", "--drift", "stub", "--table", "account", "--json"])
        .exits(0)
        .json();
    assert_eq!(records["total"], 12, "{records:#}");
    let all = records["records"].as_array().unwrap();
    assert!(
        all.iter()
            .all(|record| record["drift"] == "stub" && record["table"] == "account")
    );
    let number = all[0]["number"].as_str().unwrap();
    let one = emulator
        .tandem(&["records", "--filter", number, "--csv"])
        .exits(0)
        .stdout;
    assert!(one.lines().count() >= 2 && one.contains(number), "{one}");
}

#[test]
fn ensure_creates_once_and_a_dry_run_sends_no_write() {
    let emulator = Emulator::start();
    let missing = emulator
        .tandem(&[
            "records", "--drift", "missing", "--table", "account", "--json",
        ])
        .json();
    let missing = missing["records"][0].clone();
    let key = format!("accountnumber={}", missing["number"].as_str().unwrap());
    emulator.clear_log();
    let dry = emulator
        .tandem(&["ensure", "account", &key, "--dry-run"])
        .exits(0);
    assert!(dry.stdout.contains("create"), "{}", dry.stdout);
    assert!(emulator.writes().is_empty());

    let done = emulator
        .tandem(&["ensure", "account", &key, "--reason", "INC-1", "--json"])
        .exits(0)
        .json();
    assert_eq!(done["operations"][0]["counts"]["verified"], 1, "{done:#}");
    let writes = emulator.writes();
    assert_eq!(writes.len(), 1, "{writes:#?}");
    assert_eq!(writes[0]["headers"]["if-none-match"], "*");

    let id = missing["id"].as_str().unwrap();
    let again = emulator
        .tandem(&["ensure", "account", id, "--json"])
        .exits(0)
        .json();
    assert_eq!(
        again["operations"][0]["counts"]["unchanged"], 1,
        "{again:#}"
    );
    assert_eq!(emulator.writes().len(), 1);
}

#[test]
fn exit_codes_are_as_documented() {
    let emulator = Emulator::start();
    emulator.tandem(&["status", "--no-such-flag"]).exits(2);
    emulator
        .tandem(&["ensure", "account", "not-a-guid"])
        .exits(2);
    emulator
        .tandem(&["ensure", "nosuchtable", "accountnumber=MMM"])
        .exits(2);
    let diverged = emulator
        .tandem(&["rehydrate", "--drift", "diverged"])
        .exits(4);
    assert!(
        diverged.stdout.contains("edited in the target"),
        "{}",
        diverged.stdout
    );
    let many = emulator.tandem(&["sync"]).exits(4);
    assert!(
        many.stderr.contains("--yes"),
        "says what to do: {}",
        many.stderr
    );
    let locked = emulator
        .tandem(&[
            "--read-only",
            "rehydrate",
            "--drift",
            "stub",
            "--table",
            "account",
        ])
        .exits(4);
    assert!(locked.stderr.contains("read-only"), "{}", locked.stderr);
    assert!(
        emulator.writes().is_empty(),
        "a guard that refuses sends nothing"
    );

    let part = emulator.tandem(&[
        "rehydrate",
        "account",
        "accountnumber=MMM",
        "accountnumber=NOBODY",
    ]);
    assert_eq!(part.code, 1, "part of the work failed: {part:#?}");

    emulator.arm(json!({"outage_s": 60}));
    emulator.tandem(&["status"]).exits(3);
    emulator
        .tandem(&["ensure", "account", "accountnumber=MMM"])
        .exits(3);
}

#[test]
fn all_three_verbs_run_twice_change_nothing_the_second_time() {
    let emulator = Emulator::start();
    let file = emulator.folder.path().join("records");
    let listed = |drift: &str| {
        let listed = emulator
            .tandem(&["records", "--drift", drift, "--table", "account", "--json"])
            .json();
        let ids = listed["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    let (missing, stubs, stale) = (listed("missing"), listed("stub"), listed("stale"));
    for (verb, ids) in [
        ("ensure", &missing),
        ("rehydrate", &stubs),
        ("sync", &stale),
    ] {
        std::fs::write(&file, ids.join("\n")).unwrap();
        let from = file.to_str().unwrap();
        let run = || {
            emulator
                .tandem(&[verb, "account", "--from", from, "--reason", "INC-1"])
                .exits(0)
        };
        emulator.clear_log();
        run();
        assert!(emulator.writes().len() >= ids.len(), "{verb}");
        emulator.clear_log();
        let second = run();
        assert!(emulator.writes().is_empty(), "{verb}: {}", second.stdout);
    }
}

#[test]
fn a_configuration_that_does_not_fit_is_refused_with_its_reason() {
    let emulator = Emulator::start();
    let unfit = r#"
[[links]]
name = "again"
source = "us"
target = "europe"
[[links.tables]]
name = "contact"
stub = ["lastname"]
columns = ["lastname", "fullname"]
"#;
    let text = std::fs::read_to_string(emulator.config()).unwrap();
    let (before, policy) = text.split_once("[policy]").unwrap();
    std::fs::write(
        emulator.config(),
        format!("{before}{unfit}[policy]{policy}"),
    )
    .unwrap();
    let refused = emulator.tandem(&["status"]).exits(2);
    assert!(
        refused.stdout.contains("fullname") || refused.stderr.contains("fullname"),
        "{refused:#?}"
    );

    std::fs::write(
        emulator.config(),
        "[instances.us]\nurl = \"http://contoso.example\"\n",
    )
    .unwrap();
    let refused = emulator.tandem(&["status"]).exits(2);
    assert!(
        refused.stderr.contains("tandem.toml"),
        "says where: {}",
        refused.stderr
    );
}

#[test]
fn security_case_22_the_token_stands_in_no_output_and_no_file() {
    let emulator = Emulator::start_with(&["--token", "canary-7f3a9c51"]);
    emulator.arm(json!({"status": 401, "count": 2}));
    let runs = [
        emulator.tandem(&["status"]),
        emulator.tandem(&["ensure", "account", "accountnumber=MMM"]),
        emulator.tandem(&[
            "rehydrate",
            "--drift",
            "stub",
            "--table",
            "account",
            "--json",
        ]),
    ];
    for run in runs {
        assert!(
            !run.stdout.contains("canary") && !run.stderr.contains("canary"),
            "{run:#?}"
        );
    }
    for file in std::fs::read_dir(emulator.folder.path().join("state")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes.windows(6).any(|part| part == b"canary"),
                "{}",
                path.display()
            );
        }
    }
}
