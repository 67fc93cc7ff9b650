//! Every way of being let in, over TLS with the token endpoint: a person on another device, the identity of a machine, of
//! a pod, of the Azure CLI; and what is said when one of them gives no token.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::support::binary::{Emulator, Ran};

/// Both instances with the same kind of credential; `AUTHORITY` is the instance's own.
fn configure(emulator: &Emulator, credential: &str) {
    let instance = |name: &str, url: &str| {
        let credential = credential.replace("AUTHORITY", &format!("authority = \"{url}\""));
        format!(
            "[instances.{name}]\nurl = \"{url}\"\ncredential = {{ {credential} }}\nmay_write = true\n\n"
        )
    };
    let ca = emulator.ca.as_ref().unwrap().display();
    let text = format!(
        "[network]\nca = \"{ca}\"\n\n{}{}[[links]]\nsource = \"us\"\ntarget = \"europe\"\n[[links.tables]]\nname = \
         \"account\"\nstub = [\"name\"]\ncolumns = [\"telephone1\"]\n",
        instance("us", &emulator.us),
        instance("europe", &emulator.europe)
    );
    fs::write(emulator.config(), text).unwrap();
}

fn doctor(emulator: &Emulator, change: impl Fn(&mut Command)) -> Ran {
    let mut command = emulator.command(&["doctor", "--json"]);
    command
        .env_remove("TANDEM_TOKEN")
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR");
    change(&mut command);
    command.output().unwrap().into()
}

/// What doctor says of one check of an instance.
fn of(told: &Json, subject: &str, check: &str) -> Json {
    let mut all = told["findings"].as_array().unwrap().iter();
    let found = all.find(|one| one["subject"] == subject && one["check"] == check);
    found
        .unwrap_or_else(|| panic!("{subject} {check}: {told:#}"))
        .clone()
}

fn approve(emulator: &Emulator, url: &str, person: &str) {
    let device = format!("{url}/emulator/device");
    let mut code = Json::Null;
    emulator.until("a sign-in waits", || {
        let (_, waiting) = emulator.call("GET", &device, None);
        code = waiting["waiting"][0]["user_code"].clone();
        code.is_string()
    });
    let (status, answer) = emulator.call(
        "POST",
        &device,
        Some(json!({"user_code": code, "user": person})),
    );
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn a_person_signs_in_on_another_device_and_is_who_acts() {
    let emulator = Emulator::start_with(&["--tls"]);
    configure(
        &emulator,
        "kind = \"device-code\", AUTHORITY, tenant = \"contoso\", client_id = \"console\"",
    );
    let mut command = emulator.command(&["doctor", "--json", "--quiet"]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let mut asked = BufReader::new(running.stderr.take().unwrap()).lines();
    let line = asked.next().unwrap().unwrap();
    assert!(line.starts_with("us: open https://127.0.0.1:"), "{line}");
    assert!(
        line.contains("/devicelogin on any device and enter "),
        "{line}"
    );
    approve(&emulator, &emulator.us, "Dana Whitfield");
    // The two emulators are two tenants: each asks once.
    let line = asked.next().unwrap().unwrap();
    assert!(line.starts_with("europe: open "), "{line}");
    approve(&emulator, &emulator.europe, "Lena Roth");
    let told = Ran::from(running.wait_with_output().unwrap()).json();
    let user = tandem::emulator::user_id("europe", "Lena Roth").to_string();
    assert_eq!(of(&told, "europe", "token")["verdict"], "good", "{told:#}");
    assert!(
        of(&told, "europe", "user")["says"]
            .as_str()
            .unwrap()
            .contains(&user),
        "{told:#}"
    );
    // What was kept of it is gone: nothing of it lies on the disk.
    assert!(!emulator.folder.path().join("state").exists());
}

#[test]
fn a_sign_in_that_is_declined_ends_with_its_reason_and_the_agent_never_asks() {
    let emulator = Emulator::start_with(&["--tls"]);
    configure(
        &emulator,
        "kind = \"device-code\", AUTHORITY, tenant = \"contoso\", client_id = \"console\"",
    );
    let mut command = emulator.command(&["status"]);
    let running = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let device = format!("{}/emulator/device", emulator.us);
    let mut code = Json::Null;
    emulator.until("a sign-in waits", || {
        code = emulator.call("GET", &device, None).1["waiting"][0]["user_code"].clone();
        code.is_string()
    });
    emulator.call(
        "POST",
        &device,
        Some(json!({"user_code": code, "declined": true})),
    );
    let told = Ran::from(running.wait_with_output().unwrap()).exits(3);
    assert!(told.stderr.contains("nobody signed in"), "{told:?}");
    let told = emulator
        .tandem(&["agent", "--listen", "127.0.0.1:0"])
        .exits(2);
    assert!(
        told.stderr.contains("needs a person at the start"),
        "{told:?}"
    );
}

#[test]
fn a_machine_is_let_in_by_its_own_identity_or_by_one_that_was_assigned() {
    let emulator = Emulator::start_with(&["--tls"]);
    let ask = |header: &str| {
        doctor(&emulator, |command| {
            // A machine has one such address; both instances of the emulator are tenants of their own.
            command
                .env(
                    "IDENTITY_ENDPOINT",
                    format!("{}/msi/token", emulator.europe),
                )
                .env("IDENTITY_HEADER", header);
        })
        .json()
    };
    for (credential, who) in [
        ("kind = \"managed-identity\"", "machine"),
        (
            "kind = \"managed-identity\", client_id = \"assigned\"",
            "assigned",
        ),
    ] {
        configure(&emulator, credential);
        let told = ask(&emulator.token);
        let user = tandem::emulator::user_id("europe", who).to_string();
        let found = of(&told, "europe", "user");
        assert!(found["says"].as_str().unwrap().contains(&user), "{told:#}");
    }
    let told = ask("a guess");
    let found = of(&told, "europe", "token");
    assert_eq!(found["verdict"], "bad", "{told:#}");
    assert!(
        found["says"]
            .as_str()
            .unwrap()
            .contains("is an identity assigned"),
        "{told:#}"
    );
    assert!(!told.to_string().contains(&emulator.token));
}

#[test]
fn a_pod_is_let_in_by_the_token_that_its_platform_gave_it() {
    let emulator = Emulator::start_with(&["--tls"]);
    configure(
        &emulator,
        "kind = \"workload-identity\", AUTHORITY, tenant = \"contoso\", client_id = \"pod\", token_file = \"pod.token\"",
    );
    let file = emulator.folder.path().join("pod.token");
    fs::write(&file, &emulator.token).unwrap();
    let told = doctor(&emulator, |_| ()).json();
    assert_eq!(of(&told, "us", "user")["verdict"], "good", "{told:#}");
    assert_eq!(of(&told, "europe", "user")["verdict"], "good", "{told:#}");
    fs::remove_file(&file).unwrap();
    let told = doctor(&emulator, |_| ()).exits(3).json();
    let found = of(&told, "us", "token");
    assert!(
        found["says"]
            .as_str()
            .unwrap()
            .contains("pod's federated credential"),
        "{told:#}"
    );
}

#[test]
fn the_azure_cli_gives_its_token_and_sees_none_of_our_secrets() {
    let emulator = Emulator::start_with(&["--tls"]);
    configure(&emulator, "kind = \"azure-cli\"");
    let bin = emulator.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let seen = emulator.folder.path().join("seen");
    let az = |body: &str| {
        let script = format!(
            "#!/bin/sh\necho \"$*\" >> {0}\nenv >> {0}\n{body}\n",
            seen.display()
        );
        fs::write(bin.join("az"), script).unwrap();
        fs::set_permissions(bin.join("az"), fs::Permissions::from_mode(0o755)).unwrap();
    };
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = || {
        doctor(&emulator, |command| {
            command.env("PATH", &path).env("OTHER_SECRET", "canary");
        })
    };
    az(&format!(
        "echo '{{\"accessToken\": \"{}\", \"expires_on\": 4102444800, \"tokenType\": \"Bearer\"}}'",
        emulator.token
    ));
    let told = run().json();
    assert_eq!(of(&told, "us", "user")["verdict"], "good", "{told:#}");
    let words = fs::read_to_string(&seen).unwrap();
    assert!(
        words.contains(&format!("--scope {}/.default", emulator.us)),
        "{words}"
    );
    assert!(!words.contains("canary"), "security case 20: {words}");
    az("echo 'Please run az login' >&2; exit 1");
    let told = run().exits(3).json();
    let found = of(&told, "us", "token");
    assert!(
        found["says"]
            .as_str()
            .unwrap()
            .contains("sign in with `az login`"),
        "{told:#}"
    );
}

/// How often an instance was asked for a token.
fn tokens_asked(emulator: &Emulator, url: &str) -> usize {
    let (_, log) = emulator.call("GET", &format!("{url}/emulator/log"), None);
    let log = log["requests"].as_array().unwrap();
    let asks = |one: &&Json| {
        one["path"]
            .as_str()
            .unwrap()
            .ends_with("/oauth2/v2.0/token")
    };
    log.iter().filter(asks).count()
}

/// The files below a folder that hold a token as the emulator makes them.
fn holding_tokens(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding_tokens(&path));
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let mut parts = bytes.windows(12);
            let is_token = |part: &[u8]| {
                part.starts_with(b"emu.") && part[4..].iter().all(u8::is_ascii_hexdigit)
            };
            if parts.any(|part| is_token(part) || part == b"emu-refresh.") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn security_case_26_tokens_live_in_memory_alone_and_the_next_process_asks_for_its_own() {
    let emulator = Emulator::start_with(&["--tls"]);
    configure(
        &emulator,
        "kind = \"client-secret\", AUTHORITY, tenant = \"contoso\", client_id = \"console\", secret = { env = \"TANDEM_TOKEN\" }",
    );
    let folder = emulator.folder.path();
    let run = |words: &[&str]| {
        let mut command = emulator.command(words);
        for name in [
            "HOME",
            "TMPDIR",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "XDG_RUNTIME_DIR",
        ] {
            let place = folder.join("places").join(name);
            fs::create_dir_all(&place).unwrap();
            command.env(name, place);
        }
        Ran::from(command.output().unwrap())
    };
    let before = [&emulator.us, &emulator.europe].map(|url| tokens_asked(&emulator, url));
    for round in 1..=2 {
        run(&["status", "--json"]);
        for (url, before) in [&emulator.us, &emulator.europe].iter().zip(before) {
            assert_eq!(tokens_asked(&emulator, url) - before, round, "of {url}");
        }
    }
    let rehydrate = [
        "rehydrate",
        "account",
        "--drift",
        "stub",
        "--yes",
        "25",
        "--reason",
        "INC-1",
    ];
    run(&rehydrate).exits(0);
    assert!(folder.join("state/journal.db").exists());
    assert_eq!(holding_tokens(folder), Vec::<PathBuf>::new());
    // It would be seen.
    fs::write(folder.join("places/token"), "Bearer emu.0123456789abcdef").unwrap();
    assert_eq!(holding_tokens(folder).len(), 1);
}

/// Pipes a text into a command.
fn piped(emulator: &Emulator, words: &[&str], input: &str) -> Ran {
    let mut command = emulator.command(words);
    command
        .env_remove("TANDEM_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    // A command that needs nothing of it may have gone already.
    let _gone = running.stdin.take().unwrap().write_all(input.as_bytes());
    running.wait_with_output().unwrap().into()
}

#[test]
fn secrets_are_lines_of_standard_input_and_what_stands_behind_them_is_left_to_the_command() {
    let emulator = Emulator::start();
    // Two secrets, so that each has to be read from its own line.
    let other = json!({"client": "app", "secret": "another"});
    let url = format!("{}/emulator/secret", emulator.europe);
    assert_eq!(emulator.call("POST", &url, Some(other)).0, 200);
    let text = fs::read_to_string(emulator.config()).unwrap();
    let named = "kind = \"token\", token = { env = \"TANDEM_TOKEN\" }";
    let text = text.replacen(named, "kind = \"token\", token = { stdin = 2 }", 1);
    let app = format!(
        "kind = \"client-secret\", authority = \"{}\", tenant = \"contoso\", client_id = \"app\", secret = {{ stdin = 1 }}",
        emulator.europe
    );
    fs::write(emulator.config(), text.replacen(named, &app, 1)).unwrap();
    let both = format!("another\n{}\n", emulator.token);
    let told = piped(&emulator, &["status", "--json"], &both).json();
    for instance in told["instances"].as_array().unwrap() {
        assert_eq!(instance["health"], "healthy", "{told:#}");
    }
    let stub = piped(&emulator, &["records", "--drift", "stub", "--json"], &both).json();
    let stub = stub["records"][0].clone();
    let (table, id) = (
        stub["table"].as_str().unwrap(),
        stub["id"].as_str().unwrap(),
    );
    let words = ["rehydrate", table, "--from", "-", "--reason", "check"];
    piped(&emulator, &words, &format!("{both}{id}\n")).exits(0);
    let told = piped(&emulator, &["status"], "another\n").exits(2);
    assert!(
        told.stderr
            .contains("line 2 of standard input: it has no such line"),
        "{told:?}"
    );
    // What needs no instance needs no secret.
    piped(&emulator, &["config", "check"], "").exits(0);
    let doctor = piped(&emulator, &["doctor", "--all"], &both);
    assert!(
        doctor.stdout.contains("read from line 1 of standard input"),
        "{doctor:?}"
    );
    assert!(!format!("{doctor:?}").contains(&emulator.token));
}
