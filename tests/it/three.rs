//! One source, two targets: three instances and two links, from `init` over `doctor` and `status` to a repair of one of
//! them that leaves the other alone. Over TLS, with an authority for each pair.

use std::fs;

use serde_json::Value as Json;

use crate::support::binary::Emulator;

const TOKEN: &str = "one-token-for-both-pairs";

/// Two pairs of the same data, which a seed makes organizations of their own; the configuration stands beside the first.
fn pairs() -> (Emulator, Emulator) {
    let first = Emulator::start_with(&[
        "--tls",
        "--token",
        TOKEN,
        "--records",
        "40",
        "--drift",
        "0.2",
    ]);
    let other = Emulator::start_with(&[
        "--tls",
        "--token",
        TOKEN,
        "--seed",
        "2026",
        "--records",
        "40",
        "--drift",
        "0.2",
    ]);
    fs::remove_file(first.config()).unwrap();
    let ca = |emulator: &Emulator| emulator.ca.as_ref().unwrap().display().to_string();
    let named = |name: &str, url: &str| format!("{name}={url}");
    let asia = named("asia", &other.europe);
    let words = [
        ("--source", named("us", &first.us)),
        ("--target", named("europe", &first.europe)),
        ("--target", asia.clone()),
        ("--tenant", "contoso".to_owned()),
        ("--client-id", "tandem".to_owned()),
        ("--authority", named("us", &first.us)),
        ("--authority", named("europe", &first.europe)),
        ("--authority", asia),
        ("--secret-from", "env:TANDEM_TOKEN".to_owned()),
        ("--ca", ca(&first)),
        ("--ca", ca(&other)),
    ];
    let mut command = first.command(&["init"]);
    command.args(
        words
            .iter()
            .flat_map(|(flag, value)| [*flag, value.as_str()]),
    );
    let told = crate::support::binary::Ran::from(command.output().unwrap()).exits(0);
    assert!(
        told.stdout.contains("3 instances, 2 links, 4 tables"),
        "{told:?}"
    );
    let text = fs::read_to_string(first.config()).unwrap();
    fs::write(
        first.config(),
        text.replace("cadence =", "settle = \"0s\"\ncadence =")
            .replacen("[instances.us]\n", "[instances.us]\nmay_write = true\n", 1),
    )
    .unwrap();
    (first, other)
}

fn link<'j>(status: &'j Json, name: &str) -> &'j Json {
    let mut links = status["links"].as_array().unwrap().iter();
    links
        .find(|link| link["name"] == name)
        .unwrap_or_else(|| panic!("{name}: {status:#}"))
}

#[test]
fn one_source_with_two_targets_is_set_up_looked_at_and_repaired_link_by_link() {
    let (first, other) = pairs();
    let doctor = first.tandem(&["doctor", "--json"]).exits(0).json();
    assert_eq!(doctor["bad"], 0, "{doctor:#}");
    for subject in [
        "us",
        "europe",
        "asia",
        "us-europe account",
        "us-asia account",
        "asia contact",
    ] {
        let mut all = doctor["findings"].as_array().unwrap().iter();
        assert!(
            all.any(|one| one["subject"] == subject),
            "{subject}: {doctor:#}"
        );
    }
    let before = first.tandem(&["status", "--json"]).json();
    let pending = |status: &Json, name: &str| link(status, name)["pending"].as_u64().unwrap();
    assert!(pending(&before, "us-asia") > 0, "{before:#}");
    assert!(pending(&before, "us-europe") > 0, "{before:#}");
    let text = first.tandem(&["status"]).stdout;
    for word in ["us-europe", "us-asia", "europe", "asia"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // A record of a table that is on both links has to say which.
    let of_asia = first.tandem(&["records", "--link", "us-asia", "--json"]);
    let of_asia = of_asia.stdout.lines().count();
    assert!(of_asia > 0);
    let words = ["--link", "us-asia", "--yes", "999", "--reason", "check"];
    let drift = ["sync", "--drift", "missing,stub,stale"];
    first.clear_log();
    first.tandem(&[&drift[..], &words].concat()).exits(0);
    assert!(first.writes().is_empty(), "the other link was left alone");
    assert!(!other.europe_log().is_empty());
    let after = first.tandem(&["status", "--json"]).json();
    assert_eq!(pending(&after, "us-asia"), 0, "{after:#}");
    assert_eq!(
        pending(&after, "us-europe"),
        pending(&before, "us-europe"),
        "{after:#}"
    );
}
