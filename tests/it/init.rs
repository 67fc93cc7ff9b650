//! `tandem init`: a first configuration from two instances, over TLS with their token endpoint, that works as it is.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::binary::{Emulator, Ran};

fn emulator() -> Emulator {
    let emulator = Emulator::start_with(&["--tls"]);
    fs::remove_file(emulator.config()).unwrap();
    let reader = json!({"client": "tandem-us", "role": "Read Only"});
    let roles = format!("{}/emulator/roles", emulator.us);
    let given = emulator.call("POST", &roles, Some(reader));
    assert!((200..300).contains(&given.0), "{given:?}");
    emulator
}

/// The flags that leave nothing to ask.
fn flags(emulator: &Emulator) -> Vec<String> {
    let pairs = [
        ("--source", format!("us={}", emulator.us)),
        ("--target", format!("europe={}", emulator.europe)),
        ("--tenant", "contoso".to_owned()),
        ("--client-id", "us=tandem-us".to_owned()),
        ("--client-id", "europe=tandem-eu".to_owned()),
        ("--authority", format!("us={}", emulator.us)),
        ("--authority", format!("europe={}", emulator.europe)),
        ("--secret-from", "env:TANDEM_TOKEN".to_owned()),
        ("--ca", emulator.ca.as_ref().unwrap().display().to_string()),
    ];
    let words = pairs.into_iter();
    words
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
}

fn init(emulator: &Emulator, more: &[&str]) -> Ran {
    let mut command = emulator.command(&["init"]);
    command.args(flags(emulator)).args(more);
    command.output().unwrap().into()
}

#[test]
fn what_it_writes_is_accepted_fits_and_works() {
    let emulator = emulator();
    let told = init(&emulator, &[]).exits(0);
    assert!(
        told.stdout.contains("2 instances, 1 link, 2 tables"),
        "{told:?}"
    );
    let mode = fs::metadata(emulator.config())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(emulator.config()).unwrap();
    assert!(!text.contains(&emulator.token), "security case 19: {text}");
    for part in [
        "keys = [\"accountnumber\"]",
        "stub = [\"name\"]",
        "stub = [\"lastname\"]",
        "    \"telephone1\",                     # text, 50\n",
        "    \"primarycontactid\",               # names contact\n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // What belongs to an instance, and what can't be copied by itself, is not among the columns.
    for part in [
        "\n    \"ownerid\"",
        "\n    \"statecode\"",
        "\n    \"fullname\"",
        "\n    \"accountid\"",
        "\n    \"governmentid\"",
    ] {
        assert!(!text.contains(part), "{part} in {text}");
    }
    emulator.tandem(&["config", "check"]).exits(0);
    let doctor = emulator.tandem(&["doctor", "--json"]).exits(0).json();
    assert_eq!(doctor["bad"], 0, "{doctor:#}");
    let status = emulator.tandem(&["status", "--json"]);
    assert_eq!(status.json()["links"][0]["name"], "us-europe", "{status:?}");
}

#[test]
fn a_file_that_is_there_is_never_written_over() {
    let emulator = emulator();
    fs::write(emulator.config(), "mine").unwrap();
    let told = init(&emulator, &[]).exits(4);
    assert!(told.stderr.contains("is there already"), "{told:?}");
    fs::remove_file(emulator.config()).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", emulator.config()).unwrap();
    init(&emulator, &[]).exits(4);
    let printed = init(&emulator, &["--stdout"]).exits(0);
    assert!(printed.stdout.contains("[[links.tables]]"), "{printed:?}");
    assert!(fs::read_to_string(emulator.config()).is_err());
}

#[test]
fn what_the_flags_leave_out_is_asked_for() {
    let emulator = Emulator::start();
    fs::remove_file(emulator.config()).unwrap();
    let mut command = emulator.command(&["init", "--table", "account"]);
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let answers = format!(
        "{}\nus\n{}\n\n\nenv:TANDEM_TOKEN\n",
        emulator.us, emulator.europe
    );
    running
        .stdin
        .take()
        .unwrap()
        .write_all(answers.as_bytes())
        .unwrap();
    let told = Ran::from(running.wait_with_output().unwrap()).exits(0);
    assert!(told.stderr.contains("not the token itself"), "{told:?}");
    assert!(told.stdout.contains("1 link, 1 table"), "{told:?}");
    let text = fs::read_to_string(emulator.config()).unwrap();
    assert!(text.contains("[instances.europe]"), "by default: {text}");
    // A lookup whose table is not on the link is named, and not copied.
    assert!(
        text.contains("# \"primarycontactid\",             # names rows of contact"),
        "{text}"
    );
    emulator.tandem(&["config", "check"]).exits(0);
    // With nobody to answer, it says which flag is wanted.
    fs::remove_file(emulator.config()).unwrap();
    let told = emulator.tandem(&["init"]).exits(2);
    assert!(told.stderr.contains("say it as --source"), "{told:?}");
}

#[test]
fn an_instance_that_does_not_let_us_in_is_told_as_doctor_tells_it() {
    let emulator = emulator();
    let mut command = emulator.command(&["init"]);
    command
        .args(flags(&emulator))
        .env("TANDEM_TOKEN", "guessed");
    let told = Ran::from(command.output().unwrap()).exits(3);
    assert!(told.stderr.contains("AADSTS7000215"), "{told:?}");
    assert!(told.stderr.contains("its *value*, not its id"), "{told:?}");
    assert!(!emulator.config().exists());
    let told = init(&emulator, &["--table", "contakt"]).exits(2);
    assert!(
        told.stderr.contains("the source has no such table"),
        "{told:?}"
    );
    let told = init(&emulator, &["--secret-from", "hunter2"]);
    assert!(!told.stderr.contains("hunter2"), "{told:?}");
    assert!(!emulator.config().exists() || told.code == 0);
}

#[test]
fn what_was_answered_need_not_be_answered_again() {
    let emulator = emulator();
    let ca = emulator.ca.as_ref().unwrap().display().to_string();
    let answers = format!("{}\n\n{}\n\n\n\n", emulator.us, emulator.europe);
    let answered = |change: &dyn Fn(&mut Command)| {
        let mut command = emulator.command(&["init", "--table", "account", "--ca", &ca]);
        change(&mut command);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        let mut stdin = running.stdin.take().unwrap();
        stdin.write_all(answers.as_bytes()).unwrap();
        drop(stdin);
        Ran::from(running.wait_with_output().unwrap())
    };
    let told = answered(&|command| {
        command.env_remove("TANDEM_TOKEN");
    })
    .exits(3);
    let again = told.stderr.split_once("; as it was answered: tandem ");
    let (_, again) = again.unwrap_or_else(|| panic!("{told:?}"));
    let words: Vec<&str> = again.split_whitespace().collect();
    assert_eq!(words[0], "init", "{words:?}");
    emulator.tandem(&words).exits(0);
    let written = fs::read_to_string(emulator.config()).unwrap();
    // It is the same configuration that the answers give once the token is there.
    fs::remove_file(emulator.config()).unwrap();
    answered(&|_| ()).exits(0);
    assert_eq!(written, fs::read_to_string(emulator.config()).unwrap());
}

/// As a person begins: in a home with nothing in it.
#[test]
fn it_writes_where_the_configuration_is_looked_for() {
    let emulator = emulator();
    let home = tempfile::tempdir().unwrap();
    let run = |words: &[&str], more: &[String]| -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command
            .env_clear()
            .env("HOME", home.path())
            .env("TANDEM_TOKEN", &emulator.token);
        command.args(words).args(more);
        command.output().unwrap().into()
    };
    let told = run(&["status"], &[]).exits(2);
    assert!(told.stderr.contains("tandem init"), "{told:?}");
    run(&["init"], &flags(&emulator)).exits(0);
    let file = home.path().join(Path::new(".config/tandem/config.toml"));
    assert!(file.exists());
    run(&["config", "check"], &[]).exits(0);
    run(&["doctor"], &[]).exits(0);
}

#[test]
fn who_is_vouched_for_by_a_platform_names_no_secret() {
    let emulator = emulator();
    let words = [
        "init",
        "--source",
        &format!("us={}", emulator.us),
        "--target",
        &format!("europe={}", emulator.europe),
    ];
    let run = |identity: &[&str]| -> Ran {
        let mut command = emulator.command(&words);
        // Both are tenants of their own: where one vouches, the other does not know us.
        command
            .arg("--ca")
            .arg(emulator.ca.as_ref().unwrap())
            .args(["--client-id", "assigned", "--tenant", "contoso"])
            .args(identity)
            .env("IDENTITY_ENDPOINT", format!("{}/msi/token", emulator.us))
            .env("IDENTITY_HEADER", &emulator.token);
        command.output().unwrap().into()
    };
    let told = run(&[
        "--identity",
        "us=managed-identity",
        "--identity",
        "europe=passport",
    ])
    .exits(2);
    assert!(
        told.stderr.contains("`passport` is no identity"),
        "{told:?}"
    );
    let told = run(&["--identity", "managed-identity"]).exits(3);
    assert!(
        told.stderr.contains("europe, token"),
        "us was entered: {told:?}"
    );
    assert!(!told.stderr.contains("us, "), "{told:?}");
}
