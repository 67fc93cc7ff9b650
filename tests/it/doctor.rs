//! `tandem doctor`: green on what is right, and for each thing that is wrong (`doctor/wrong.rs`) the one finding that says
//! what to do; over TLS, with the token endpoint, against the binary's own emulator.

mod wrong;

use std::fs;
use std::io::Write;
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::support::binary::{Emulator, Ran, Running};

/// The clients of the two instances.
pub const US: &str = "tandem-us";
pub const EUROPE: &str = "tandem-eu";

const LINK: &str = r#"
[[links]]
source = "us"
target = "europe"
cadence = "24h"

[[links.tables]]
name = "account"
keys = ["accountnumber"]
stub = ["name"]
columns = ["name", "accountnumber", "telephone1", "primarycontactid"]

[[links.tables]]
name = "contact"
stub = ["lastname"]
columns = ["firstname", "lastname", "emailaddress1", "parentcustomerid"]

[policy]
connect_timeout = "2s"
read_timeout = "6s"
"#;

/// Two instances as an administrator leaves them: an application user each, with a role that is enough and no more.
pub fn ground() -> Emulator {
    ground_of("")
}

/// The same, where the instances differ as a scenario says it.
fn ground_of(differ: &str) -> Emulator {
    let mut scenario = tempfile::NamedTempFile::new().unwrap();
    writeln!(scenario, "story = 'An ordinary day.'\n{differ}").unwrap();
    let mut options = vec!["--tls", "--no-plug-in", "--any-webhook-port"];
    if !differ.is_empty() {
        options.extend(["--scenario", scenario.path().to_str().unwrap()]);
    }
    let emulator = Emulator::start_with(&options);
    give(
        &emulator,
        &emulator.us,
        json!({"client": US, "role": "Read Only"}),
    );
    give(
        &emulator,
        &emulator.europe,
        json!({"client": EUROPE, "role": "Sync User"}),
    );
    fs::write(emulator.config(), right(&emulator)).unwrap();
    emulator
}

fn right(emulator: &Emulator) -> String {
    let instance = |name: &str, url: &str, client: &str| {
        format!(
            "[instances.{name}]\nurl = \"{url}\"\ncredential = {{ kind = \"client-secret\", authority = \"{url}\", tenant = \
             \"contoso\", client_id = \"{client}\", secret = {{ env = \"TANDEM_TOKEN\" }} }}\n\n"
        )
    };
    let ca = emulator.ca.as_ref().unwrap().display();
    format!(
        "[network]\nca = \"{ca}\"\n\n{}{}{LINK}",
        instance("us", &emulator.us, US),
        instance("europe", &emulator.europe, EUROPE)
    )
}

pub fn give(emulator: &Emulator, url: &str, change: Json) {
    control(emulator, "POST", url, "roles", Some(change));
}

fn control(emulator: &Emulator, method: &str, url: &str, endpoint: &str, body: Option<Json>) {
    let url = format!("{url}/emulator/{endpoint}");
    let (status, answer) = emulator.call(method, &url, body);
    assert!((200..300).contains(&status), "{url}: {answer}");
}

/// Doctor in an environment that says nothing of networks.
pub fn doctor(emulator: &Emulator, more: &[&str], change: impl Fn(&mut Command)) -> Ran {
    let mut command = emulator.command(&[&["doctor"], more].concat());
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ] {
        command.env_remove(name);
    }
    command.env("TANDEM_HOOK_KEY", "key of the hook");
    change(&mut command);
    command.output().unwrap().into()
}

#[test]
fn what_is_right_is_green_and_nothing_was_written() {
    let emulator = ground();
    emulator.clear_log();
    let told = doctor(&emulator, &["--strict", "--json"], |_| ())
        .exits(0)
        .json();
    assert_eq!(told["bad"], 0, "{told:#}");
    assert_eq!(told["warnings"], 0, "{told:#}");
    assert_eq!(told["untold"], 0, "{told:#}");
    let of = |check: &str| {
        let all = told["findings"].as_array().unwrap().iter();
        all.filter(|one| one["check"] == check).count()
    };
    // Both sides of both tables, both users, both instances: nothing is green for want of looking.
    for (check, least) in [
        ("connection", 4),
        ("clock", 4),
        ("secret", 2),
        ("token", 2),
        ("user", 2),
        ("organization", 2),
        ("privileges", 6),
        ("table", 4),
        ("tracking", 4),
        ("secured", 4),
        ("retention", 4),
        ("versions", 2),
        ("keys", 1),
        ("columns", 2),
        ("steps", 2),
        ("expiry", 2),
        ("backend", 1),
    ] {
        assert!(of(check) >= least, "{check}: {} in {told:#}", of(check));
    }
    let writes = emulator.europe_log().into_iter().filter(|request| {
        let path = request["path"].as_str().unwrap_or_default();
        request["method"] != "GET" && !path.ends_with("/oauth2/v2.0/token")
    });
    assert_eq!(writes.collect::<Vec<_>>(), Vec::<Json>::new());
    assert!(!emulator.folder.path().join("state").exists(), "nor here");
    let text = doctor(&emulator, &[], |_| ()).exits(0).stdout;
    assert!(text.contains("0 warnings, 0 bad"), "{text}");
}

/// A hook, with a user of its own that may register it; `URL` is where it is called.
const HOOK: &str = r#"
[hook]
listen = "127.0.0.1:0"
url = "URL"
key = { env = "TANDEM_HOOK_KEY" }
tables = [{ name = "incident", references = [{ column = "customerid", stub = { name = "title" } }] }]
customizer = { kind = "client-secret", authority = "EUROPE_URL", tenant = "contoso", client_id = "customizer", secret = { env = "TANDEM_TOKEN" } }
"#;

/// The sync as a Logic App of the emulator's.
const JOB: &str = "cadence = \"24h\"\nsync = { backend = \"logic-app\", management = \"US_URL\", subscription = \"s1\", resource_group = \"rg1\", workflow = \"sync-accounts-contacts\", credential = { kind = \"token\", token = { env = \"TANDEM_TOKEN\" } } }";

fn named(emulator: &Emulator, text: &str) -> String {
    let text = text.replace("EUROPE_URL", &emulator.europe);
    text.replace("US_URL", &emulator.us)
}

/// Has the workflow run to its end, or only lets it.
fn workflow(emulator: &Emulator, verb: &str) {
    let url = format!(
        "{}/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.Logic/workflows/sync-accounts-contacts/{verb}?api-version=\
         2019-05-01",
        emulator.us
    );
    let (status, answer) = emulator.call("POST", &url, None);
    assert!((200..300).contains(&status), "{verb}: {answer}");
}

#[test]
fn a_hook_and_a_job_that_are_right_are_green() {
    let emulator = ground();
    workflow(&emulator, "enable");
    workflow(&emulator, "triggers/manual/run");
    let write = |url: &str| {
        let config = right(&emulator).replace("cadence = \"24h\"", &named(&emulator, JOB));
        let hook = named(&emulator, HOOK).replace("URL", url);
        fs::write(emulator.config(), config + &hook).unwrap();
    };
    write("http://127.0.0.1:1/");
    let mut serving = emulator.command(&["hook", "serve", "--json"]);
    let (_serving, ready) = Running::ready(serving.env("TANDEM_HOOK_KEY", "key of the hook"));
    write(&format!("{}/", ready["listen"].as_str().unwrap()));
    let mut register = emulator.command(&["hook", "register"]);
    let registered = register.env("TANDEM_HOOK_KEY", "key of the hook");
    Ran::from(registered.output().unwrap()).exits(0);
    emulator.clear_log();
    let told = doctor(&emulator, &["--json"], |_| ()).exits(0).json();
    assert_eq!(
        (&told["bad"], &told["warnings"]),
        (&json!(0), &json!(0)),
        "{told:#}"
    );
    for (subject, check, says) in [
        ("hook", "secret", "read from $TANDEM_HOOK_KEY"),
        ("hook", "hook", "it is ready"),
        ("hook", "connection", "is reached from here"),
        ("hook", "registration", "2 steps call it"),
        (
            "us-europe",
            "backend",
            "logic-app sync-accounts-contacts: reached, 1 run",
        ),
    ] {
        let mut all = told["findings"].as_array().unwrap().iter();
        let is_there = all.any(|one| {
            let said = one["says"].as_str().unwrap();
            one["subject"] == subject && one["check"] == check && said.contains(says)
        });
        assert!(is_there, "{subject}, {check}: {says}: {told:#}");
    }
    // Whether blanks are carried over can't be seen, and is not called good.
    assert_eq!(told["untold"], 1, "{told:#}");
}
