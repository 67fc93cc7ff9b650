//! The way to the instances: through a proxy where the configuration names one, and by IPv6 where that is their address.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::support::binary::{Emulator, Ran, Running};

/// A proxy that notes what it is asked for, and passes nothing on.
fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&seen);
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            if !head.is_empty() {
                noted.lock().unwrap().push(head.join("\n"));
            }
            let _gone = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (address, seen)
}

#[test]
fn security_case_15_a_proxy_is_used_where_it_is_configured_and_its_password_is_shown_to_it_alone() {
    let emulator = Emulator::start();
    let (address, seen) = proxy();
    let config = fs::read_to_string(emulator.config()).unwrap();
    let elsewhere = "credential = { kind = \"client-secret\", tenant = \"t\", client_id = \"c\", secret = { env = \"TANDEM_TOKEN\" } }";
    let config = config.replacen(
        &format!("url = \"{}\"", emulator.europe),
        "url = \"https://europe.example\"",
        1,
    );
    let at = config.find("[instances.europe]").unwrap();
    let (before, after) = config.split_at(at);
    let after = after.replacen(
        "credential = { kind = \"token\", token = { env = \"TANDEM_TOKEN\" } }",
        elsewhere,
        1,
    );
    let network = format!(
        "[network]\nproxy = \"{address}\"\nproxy_user = \"anna\"\nproxy_password = {{ env = \"PROXY_PASSWORD\" }}\nno_proxy = \
         [\"spared.example\"]\n\n"
    );
    fs::write(emulator.config(), format!("{network}{before}{after}")).unwrap();
    let mut command = emulator.command(&["doctor", "--all"]);
    command.env("PROXY_PASSWORD", "canary-pw");
    let told = Ran::from(command.output().unwrap()).exits(3);
    assert!(
        told.stdout
            .contains(&format!("through the proxy {}", &address[7..])),
        "{told:?}"
    );
    let asked = seen.lock().unwrap().join("\n---\n");
    assert!(asked.contains("CONNECT europe.example:443"), "{asked}");
    assert!(
        asked.to_lowercase().contains("proxy-authorization: basic"),
        "{asked}"
    );
    // What is on this machine goes straight.
    assert!(!asked.contains("127.0.0.1:"), "{asked}");
    assert!(
        told.stdout.contains("application user"),
        "the other instance was entered: {told:?}"
    );
    assert!(!format!("{told:?}").contains("canary-pw"));
    let printed = emulator.tandem(&["config", "print"]).exits(0);
    assert!(printed.stdout.contains("PROXY_PASSWORD") && !printed.stdout.contains("canary-pw"));
}

#[test]
fn security_case_17_an_authority_that_is_none_ends_it_before_anything_is_sent() {
    let emulator = Emulator::start_with(&["--tls"]);
    let config = fs::read_to_string(emulator.config()).unwrap();
    let file = emulator.folder.path().join("ca.pem");
    for (content, told) in [
        (None, "No such file"),
        (Some("not a certificate"), "holds no certificate in PEM"),
    ] {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        fs::write(
            emulator.config(),
            format!("[network]\nca = \"ca.pem\"\n\n{config}"),
        )
        .unwrap();
        let ran = emulator.tandem(&["status"]).exits(2);
        assert!(ran.stderr.contains(told), "{ran:?}");
        assert!(ran.stderr.contains("ca.pem"), "{ran:?}");
    }
    fs::copy(emulator.ca.as_ref().unwrap(), &file).unwrap();
    let ran = emulator.tandem(&["status"]);
    assert!(ran.stdout.contains("HEALTHY"), "{ran:?}");
}

#[test]
fn instances_are_reached_by_ipv6() {
    let binary = env!("CARGO_BIN_EXE_tandem");
    let words = [
        "emulator", "--us", "[::1]:0", "--europe", "[::1]:0", "--tls",
    ];
    let (_emulator, ready) = Running::ready(Command::new(binary).args(words));
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| -> Ran {
        let mut command = Command::new(binary);
        command
            .arg("--config")
            .arg(folder.path().join("c.toml"))
            .arg("--state")
            .arg(folder.path().join("s"));
        command.args(words).env("TANDEM_TOKEN", text("token"));
        command.output().unwrap().into()
    };
    let (us, europe) = (
        format!("us={}", text("us")),
        format!("europe={}", text("europe")),
    );
    assert!(us.contains("https://[::1]:"), "{us}");
    let place = "env:TANDEM_TOKEN";
    let told = run(&[
        "init",
        "--source",
        &us,
        "--target",
        &europe,
        "--secret-from",
        place,
        "--ca",
        &text("ca"),
    ]);
    told.exits(0);
    run(&["doctor"]).exits(0);
    assert!(run(&["status"]).stdout.contains("HEALTHY"));
}
