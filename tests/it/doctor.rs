//! `tandem doctor`: green on what is right, and for each thing that is wrong the one finding that says what to do; over
//! TLS, with the token endpoint, against the binary's own emulator.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::support::binary::{Emulator, Ran};

/// The clients of the two instances.
pub const US: &str = "tandem-us";
pub const EUROPE: &str = "tandem-eu";

const LINK: &str = r#"
[[links]]
source = "us"
target = "europe"

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
    let emulator = Emulator::start_with(&["--tls", "--no-plug-in"]);
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

/// One thing that is wrong.
struct Wrong {
    what: &'static str,
    /// What is done to the emulator, and undone.
    arrange: fn(&Emulator),
    mend: fn(&Emulator),
    /// What is wrong with the configuration: a part of it, and what stands there instead.
    edits: &'static [(&'static str, &'static str)],
    /// What is wrong with the environment.
    environment: &'static [(&'static str, &'static str)],
    /// Subject, check, verdict, and parts of what it says and of its cure.
    finding: (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    ),
    exit: i32,
}

const WRONG: Wrong = Wrong {
    what: "",
    arrange: |_| (),
    mend: |_| (),
    edits: &[],
    environment: &[],
    finding: ("", "", "bad", "", ""),
    exit: 3,
};

fn tls(emulator: &Emulator, fault: Json) {
    // The control endpoint stands behind the same TLS: it is armed for new connections, and ends by itself.
    control(
        emulator,
        "POST",
        &emulator.europe,
        "tls",
        Some(json!({"fault": fault, "for_s": 2.5})),
    );
}

/// After a fault of TLS: until the instance answers again.
fn answers_again(emulator: &Emulator) {
    emulator.until("TLS is whole again", || {
        let mut command = emulator.command(&["doctor", "--json"]);
        let told = Ran::from(command.output().unwrap());
        told.code != 3
    });
}

fn wrongs() -> Vec<Wrong> {
    vec![
        Wrong {
            what: "no secret",
            edits: &[("env = \"TANDEM_TOKEN\"", "env = \"NOWHERE\"")],
            finding: (
                "us",
                "secret",
                "bad",
                "NOWHERE is not set",
                "have it read from $NOWHERE",
            ),
            ..WRONG
        },
        Wrong {
            what: "a secret that others can read",
            arrange: |emulator| {
                let file = emulator.folder.path().join("open.secret");
                fs::write(&file, "x").unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
            },
            edits: &[("env = \"TANDEM_TOKEN\"", "file = \"open.secret\"")],
            finding: (
                "us",
                "secret",
                "bad",
                "others can use it (mode 644)",
                "chmod 600",
            ),
            ..WRONG
        },
        Wrong {
            what: "a bad secret",
            environment: &[("TANDEM_TOKEN", "guessed")],
            finding: (
                "europe",
                "token",
                "bad",
                "AADSTS7000215",
                "its *value*, not its id",
            ),
            ..WRONG
        },
        Wrong {
            what: "an expired secret",
            arrange: |emulator| {
                let expired = json!({"client": EUROPE, "expired": true});
                control(emulator, "POST", &emulator.europe, "secret", Some(expired));
            },
            mend: |emulator| {
                let good = json!({"client": EUROPE});
                control(emulator, "POST", &emulator.europe, "secret", Some(good));
            },
            finding: (
                "europe",
                "token",
                "bad",
                "AADSTS7000222",
                "the secret has ended",
            ),
            ..WRONG
        },
        Wrong {
            what: "a secret that is about to end, as was written",
            edits: &[(
                "client_id = \"tandem-us\",",
                "client_id = \"tandem-us\", expires = \"2001-01-01\",",
            )],
            finding: (
                "us",
                "secret",
                "bad",
                "it ended on 2001-01-01",
                "make a new secret",
            ),
            ..WRONG
        },
        Wrong {
            what: "an unknown tenant",
            arrange: |emulator| {
                let only = json!({"tenants": ["fabrikam"]});
                control(emulator, "POST", &emulator.europe, "tenant", Some(only));
            },
            mend: |emulator| {
                control(
                    emulator,
                    "POST",
                    &emulator.europe,
                    "tenant",
                    Some(json!({})),
                )
            },
            finding: ("europe", "token", "bad", "AADSTS90002", "check tenant"),
            ..WRONG
        },
        Wrong {
            what: "an unknown application",
            arrange: |emulator| {
                let only = json!({"applications": ["another"]});
                control(emulator, "POST", &emulator.europe, "tenant", Some(only));
            },
            mend: |emulator| {
                control(
                    emulator,
                    "POST",
                    &emulator.europe,
                    "tenant",
                    Some(json!({})),
                )
            },
            finding: (
                "europe",
                "token",
                "bad",
                "AADSTS700016",
                "check client_id and tenant",
            ),
            ..WRONG
        },
        Wrong {
            what: "an unknown user",
            edits: &[("tandem-eu", "unknown")],
            finding: (
                "europe",
                "user",
                "bad",
                "0x80072560",
                "make an application user for the client id unknown",
            ),
            ..WRONG
        },
        Wrong {
            what: "a user without a role",
            arrange: |emulator| {
                give(
                    emulator,
                    &emulator.europe,
                    json!({"client": EUROPE, "role": "none"}),
                )
            },
            mend: |emulator| {
                give(
                    emulator,
                    &emulator.europe,
                    json!({"client": EUROPE, "role": "Sync User"}),
                )
            },
            finding: (
                "europe",
                "user",
                "bad",
                "0x80042f09",
                "give the application user a security role",
            ),
            ..WRONG
        },
        Wrong {
            what: "a missing privilege",
            arrange: |emulator| {
                give(
                    emulator,
                    &emulator.europe,
                    json!({"client": EUROPE, "role": "Read Only"}),
                )
            },
            mend: |emulator| {
                give(
                    emulator,
                    &emulator.europe,
                    json!({"client": EUROPE, "role": "Sync User"}),
                )
            },
            finding: (
                "europe",
                "privileges",
                "bad",
                "account: missing prvCreateAccount, prvWriteAccount",
                "for the whole organization",
            ),
            exit: 1,
            ..WRONG
        },
        Wrong {
            what: "a privilege for one's own rows only",
            arrange: |emulator| {
                let short = json!({"client": US, "role": "short", "privileges": {
                    "prvReadAccount": "user", "prvReadContact": "organization", "prvReadUser": "organization",
                    "prvReadRole": "organization"}});
                give(emulator, &emulator.us, short);
            },
            mend: |emulator| {
                give(
                    emulator,
                    &emulator.us,
                    json!({"client": US, "role": "Read Only"}),
                )
            },
            finding: (
                "us",
                "privileges",
                "bad",
                "prvReadAccount (held for the user only; it takes the organization)",
                "assets/privileges.md",
            ),
            exit: 1,
            ..WRONG
        },
        Wrong {
            what: "a system administrator",
            arrange: |emulator| {
                let all = json!({"client": EUROPE, "role": "System Administrator"});
                give(emulator, &emulator.europe, all);
            },
            mend: |emulator| {
                give(
                    emulator,
                    &emulator.europe,
                    json!({"client": EUROPE, "role": "Sync User"}),
                )
            },
            finding: (
                "europe",
                "privileges",
                "warning",
                "System Administrator",
                "a role of its own",
            ),
            exit: 0,
            ..WRONG
        },
        Wrong {
            what: "a source that could be written to",
            arrange: |emulator| {
                give(
                    emulator,
                    &emulator.us,
                    json!({"client": US, "role": "Sync User"}),
                )
            },
            mend: |emulator| {
                give(
                    emulator,
                    &emulator.us,
                    json!({"client": US, "role": "Read Only"}),
                )
            },
            finding: (
                "us",
                "privileges",
                "warning",
                "account: prvCreateAccount, prvWriteAccount is held and never needed",
                "take it out",
            ),
            exit: 0,
            ..WRONG
        },
        Wrong {
            what: "a name that nobody knows",
            edits: &[(
                "EUROPE_URL\"\ncredential",
                "https://europe.invalid\"\ncredential",
            )],
            finding: (
                "europe",
                "name",
                "bad",
                "europe.invalid: the host's name can't be resolved",
                "getent hosts",
            ),
            ..WRONG
        },
        Wrong {
            what: "a port on which nobody listens",
            edits: &[(
                "EUROPE_URL\"\ncredential",
                "https://127.0.0.1:1\"\ncredential",
            )],
            finding: (
                "europe",
                "connection",
                "bad",
                "127.0.0.1:1: connection refused",
                "nothing listens there",
            ),
            ..WRONG
        },
        Wrong {
            what: "a proxy that is not there",
            edits: &[
                ("[network]\n", "[network]\nproxy = \"http://127.0.0.1:1\"\n"),
                (
                    "EUROPE_URL\"\ncredential",
                    "https://europe.invalid\"\ncredential",
                ),
            ],
            finding: (
                "europe",
                "connection",
                "bad",
                "127.0.0.1:1: connection refused",
                "firewall",
            ),
            ..WRONG
        },
        Wrong {
            what: "a proxy of the environment",
            environment: &[("HTTPS_PROXY", "http://127.0.0.1:1")],
            finding: (
                "network",
                "connection",
                "warning",
                "$HTTPS_PROXY names a proxy",
                "in [network]",
            ),
            exit: 0,
            ..WRONG
        },
        Wrong {
            what: "an authority that nobody named",
            edits: &[("[network]\nca = ", "# ")],
            finding: (
                "europe",
                "encryption",
                "bad",
                "UnknownIssuer",
                "name its file as `ca`",
            ),
            ..WRONG
        },
        Wrong {
            what: "an expired certificate",
            arrange: |emulator| tls(emulator, json!("expired")),
            mend: answers_again,
            finding: (
                "europe",
                "encryption",
                "bad",
                "xpired",
                "renew the certificate",
            ),
            ..WRONG
        },
        Wrong {
            what: "another host's certificate",
            arrange: |emulator| tls(emulator, json!("wrong-host")),
            mend: answers_again,
            finding: (
                "europe",
                "encryption",
                "bad",
                "not valid for name",
                "for another host",
            ),
            ..WRONG
        },
        Wrong {
            what: "a certificate that a stranger signed",
            arrange: |emulator| tls(emulator, json!("untrusted")),
            mend: answers_again,
            finding: (
                "europe",
                "encryption",
                "bad",
                "UnknownIssuer",
                "nobody whom we believe",
            ),
            ..WRONG
        },
        Wrong {
            what: "a handshake that is cut",
            arrange: |emulator| tls(emulator, json!("cut")),
            mend: answers_again,
            finding: (
                "europe",
                "encryption",
                "bad",
                "onnection reset",
                "ended half-way",
            ),
            ..WRONG
        },
        Wrong {
            what: "clocks that differ",
            arrange: |emulator| {
                let skew = json!({"date_skew_s": 900, "count": "all", "path": "/api/data/"});
                control(emulator, "POST", &emulator.europe, "faults", Some(skew));
            },
            mend: |emulator| emulator.disarm(),
            finding: (
                "europe",
                "clock",
                "bad",
                "behind its own: tokens are refused",
                "NTP",
            ),
            exit: 1,
            ..WRONG
        },
        Wrong {
            what: "an instance that can't serve",
            arrange: |emulator| {
                let down = json!({"status": 503, "count": "all", "path": "/api/data/"});
                control(emulator, "POST", &emulator.europe, "faults", Some(down));
            },
            mend: |emulator| emulator.disarm(),
            finding: (
                "europe",
                "answer",
                "bad",
                "HTTP 503",
                "the service's health",
            ),
            ..WRONG
        },
        Wrong {
            what: "something that is no instance",
            arrange: |emulator| {
                let portal = json!({"status": 200, "body": "<html>Welcome", "count": "all", "path": "/api/data/"});
                control(emulator, "POST", &emulator.europe, "faults", Some(portal));
            },
            mend: |emulator| emulator.disarm(),
            finding: (
                "europe",
                "answer",
                "bad",
                "HTTP 200 where an instance asks",
                "check `url`",
            ),
            ..WRONG
        },
        Wrong {
            what: "administration mode",
            arrange: |emulator| {
                let state = json!({"state": "administration"});
                control(
                    emulator,
                    "POST",
                    &emulator.europe,
                    "organization",
                    Some(state),
                );
            },
            mend: |emulator| {
                let state = json!({"state": "enabled"});
                control(
                    emulator,
                    "POST",
                    &emulator.europe,
                    "organization",
                    Some(state),
                );
            },
            finding: ("europe", "user", "bad", "0x8004a113", "administration mode"),
            ..WRONG
        },
        Wrong {
            what: "one organization under two names",
            edits: &[("EUROPE_URL", "US_URL"), ("tandem-eu", "tandem-us")],
            finding: (
                "europe",
                "organization",
                "bad",
                "one and the same organization",
                "kept in step with itself",
            ),
            exit: 1,
            ..WRONG
        },
        Wrong {
            what: "a table that is not there",
            edits: &[("name = \"contact\"", "name = \"contakt\"")],
            finding: (
                "us contakt",
                "table",
                "bad",
                "there is no such table",
                "logical name",
            ),
            exit: 1,
            ..WRONG
        },
        Wrong {
            what: "two columns that are not there",
            edits: &[("\"telephone1\"", "\"telephone9\", \"fax9\"")],
            finding: (
                "us-europe account",
                "columns",
                "bad",
                "fax9: the source has no such column",
                "on that line",
            ),
            exit: 1,
            ..WRONG
        },
        Wrong {
            what: "change tracking off",
            edits: &[
                ("name = \"contact\"", "name = \"team\""),
                ("\"lastname\"]", "\"name\"]"),
                (
                    "\"firstname\", \"lastname\", \"emailaddress1\", \"parentcustomerid\"",
                    "\"description\"",
                ),
            ],
            finding: (
                "europe team",
                "tracking",
                "bad",
                "change tracking is off",
                "Track changes",
            ),
            exit: 1,
            ..WRONG
        },
        Wrong {
            what: "a key that is gone",
            arrange: |emulator| {
                let keys = "EntityDefinitions(LogicalName='account')/Keys";
                let (_, all) = emulator.europe_api("GET", keys, None);
                let id = all["value"][0]["MetadataId"].as_str().unwrap().to_owned();
                assert_eq!(
                    emulator
                        .europe_api("DELETE", &format!("{keys}({id})"), None)
                        .0,
                    204
                );
            },
            mend: |emulator| {
                let key =
                    json!({"SchemaName": "account_number_key", "KeyAttributes": ["accountnumber"]});
                let keys = "EntityDefinitions(LogicalName='account')/Keys";
                let (status, answer) = emulator.europe_api("POST", keys, Some(key));
                assert_eq!(status, 204, "{answer}");
            },
            finding: (
                "europe account",
                "keys",
                "bad",
                "no alternate key has the column",
                "make the key",
            ),
            exit: 1,
            ..WRONG
        },
        Wrong {
            what: "a key whose index is being built",
            finding: (
                "europe account",
                "keys",
                "bad",
                "its index is not built",
                "reactivate the key",
            ),
            exit: 1,
            ..WRONG
        },
        Wrong {
            what: "rows that are moved away",
            arrange: |emulator| {
                control(
                    emulator,
                    "POST",
                    &emulator.europe,
                    "clock",
                    Some(json!({"advance_s": 3600})),
                );
                let policy = json!({"name": "after a year", "entitylogicalname": "account"});
                assert_eq!(
                    emulator
                        .europe_api("POST", "retentionconfigs", Some(policy))
                        .0,
                    204
                );
            },
            finding: (
                "europe account",
                "retention",
                "warning",
                "after a year",
                "leave such rows out by `where`",
            ),
            exit: 1,
            ..WRONG
        },
    ]
}

#[test]
fn each_of_thirty_things_that_are_wrong_is_told_with_its_cure() {
    let emulator = ground();
    let mut told_wrong = Vec::new();
    for wrong in wrongs() {
        let mut config = right(&emulator);
        for (from, to) in wrong.edits {
            let named = |text: &str| {
                let text = text.replace("EUROPE_URL", &emulator.europe);
                text.replace("US_URL", &emulator.us)
            };
            let (from, to) = (named(from), named(to));
            assert!(config.contains(&from), "{}: {from}", wrong.what);
            config = config.replace(&from, &to);
        }
        fs::write(emulator.config(), config).unwrap();
        (wrong.arrange)(&emulator);
        let told = doctor(&emulator, &["--json"], |command| {
            command.envs(wrong.environment.iter().copied());
        });
        fs::write(emulator.config(), right(&emulator)).unwrap();
        (wrong.mend)(&emulator);
        let json = told.json();
        let (subject, check, verdict, says, cure) = wrong.finding;
        let holds =
            |value: &Json, part: &str| value.as_str().is_some_and(|text| text.contains(part));
        let mut all = json["findings"].as_array().unwrap().iter();
        let is_told = all.any(|one| {
            one["subject"] == subject
                && one["check"] == check
                && one["verdict"] == verdict
                && holds(&one["says"], says)
                && holds(&one["cure"], cure)
        });
        if !is_told || told.code != wrong.exit {
            let all = json["findings"].as_array().unwrap().iter();
            let odd: Vec<&Json> = all.filter(|one| one["verdict"] != "good").collect();
            told_wrong.push(format!("{}: exit {}: {odd:#?}", wrong.what, told.code));
        }
        assert!(!told.stdout.contains(&emulator.token), "{}", wrong.what);
    }
    assert!(told_wrong.is_empty(), "{}", told_wrong.join("\n"));
}
