//! `tandem config`: which file is read and who says so, what is wrong with it, and what it comes to.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::binary::{Emulator, Ran};

/// A command in a home of its own, with nothing else around it.
fn at_home(home: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(arguments).env_clear().env("HOME", home);
    command.envs(variables.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn a_flag_goes_over_the_environment_and_that_over_the_home() {
    let home = tempfile::tempdir().unwrap();
    let path = |variables: &[(&str, &str)], more: &[&str]| {
        let words: Vec<&str> = [&["config", "path", "--json"], more].concat();
        at_home(home.path(), variables, &words).exits(0).json()
    };
    let named = [("TANDEM_CONFIG", "/e.toml"), ("TANDEM_STATE", "/e")];
    let own = path(&[], &[]);
    assert_eq!(own["config"]["by"], "the default place");
    assert_eq!(own["config"]["exists"], false);
    let default = home.path().join(".config/tandem/config.toml");
    assert_eq!(own["config"]["path"], default.to_str().unwrap());
    let xdg = path(&[("XDG_CONFIG_HOME", "/x")], &[]);
    assert_eq!(xdg["config"]["path"], "/x/tandem/config.toml");
    let environment = path(&named, &[]);
    assert_eq!(environment["config"]["path"], "/e.toml");
    assert_eq!(environment["config"]["by"], "$TANDEM_CONFIG");
    assert_eq!(environment["state"]["by"], "$TANDEM_STATE");
    let flag = path(&named, &["--config", "/f.toml", "--state", "/f"]);
    assert_eq!(flag["config"]["path"], "/f.toml");
    assert_eq!(flag["config"]["by"], "--config");
    assert_eq!(flag["state"]["path"], "/f");
    for (value, holds) in [("1", true), ("0", false), ("", false)] {
        let told = path(&[("TANDEM_READ_ONLY", value)], &[]);
        assert_eq!(told["read_only"], holds, "{value:?}");
    }
}

#[test]
fn a_misspelt_key_is_told_with_its_line_and_what_was_meant() {
    let emulator = Emulator::start();
    emulator.tandem(&["config", "check"]).exits(0);
    let right = fs::read_to_string(emulator.config()).unwrap();
    fs::write(emulator.config(), right.replace("settle =", "setle =")).unwrap();
    let wrong = emulator.tandem(&["config", "check"]).exits(2);
    let place = format!("{}:13: ", emulator.config().display());
    assert!(wrong.stderr.contains(&place), "{wrong:?}");
    assert!(wrong.stderr.contains("is `settle` meant?"), "{wrong:?}");
    let keys = format!("{right}\n[keys]\npole = \"F5\"\n");
    fs::write(emulator.config(), keys).unwrap();
    let wrong = emulator.tandem(&["config", "check"]).exits(2);
    assert!(wrong.stderr.contains("pole"), "{wrong:?}");
}

#[test]
fn what_is_printed_is_taken_again_and_holds_no_secret() {
    let emulator = Emulator::start();
    let printed = emulator.tandem(&["config", "print"]).exits(0);
    assert!(!printed.stdout.contains(&emulator.token), "{printed:?}");
    assert!(printed.stdout.contains("TANDEM_TOKEN"), "{printed:?}");
    assert!(printed.stdout.contains("wait_cap = \"1s\""), "{printed:?}");
    assert!(printed.stdout.contains(", by --config"), "{printed:?}");
    let json = emulator.tandem(&["config", "print", "--json"]).exits(0);
    assert_eq!(json.json()["links"][0]["cadence"], "24h");
    fs::write(emulator.config(), &printed.stdout).unwrap();
    emulator.tandem(&["config", "check"]).exits(0);
    let again = emulator.tandem(&["config", "print"]).exits(0);
    assert_eq!(again.stdout, printed.stdout);
}

#[test]
fn read_only_may_come_from_the_environment() {
    let emulator = Emulator::start();
    let mut command = emulator.command(&["sync", "--dry-run"]);
    let told: Ran = command
        .env("TANDEM_READ_ONLY", "1")
        .output()
        .unwrap()
        .into();
    assert_ne!(told.code, 2, "{told:?}");
    let mut command = emulator.command(&[
        "rehydrate",
        "--drift",
        "stub,stale",
        "--yes",
        "999",
        "--reason",
        "x",
    ]);
    let told: Ran = command
        .env("TANDEM_READ_ONLY", "1")
        .output()
        .unwrap()
        .into();
    assert_eq!(told.code, 4, "{told:?}");
    assert!(emulator.writes().is_empty());
}
