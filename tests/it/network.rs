//! The way to the instances: through a proxy where the configuration names one, and by IPv6 where that is their address.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
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
    let pipe = || {
        // Nobody will ever write to it.
        let made = Command::new("mkfifo").arg(&file).status();
        assert!(made.unwrap().success());
    };
    let text = || {
        fs::remove_file(&file).unwrap();
        fs::write(&file, "not a certificate").unwrap();
    };
    let cases: [(&dyn Fn(), &str); 3] = [
        (&|| {}, "No such file"),
        (&pipe, "it is not a file"),
        (&text, "holds no certificate in PEM"),
    ];
    for (make, told) in cases {
        make();
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
    let config = folder.path().join("c.toml");
    let written = std::fs::read_to_string(&config).unwrap();
    let lets = written.replace("[instances.us]\n", "[instances.us]\nmay_write = true\n");
    std::fs::write(&config, lets).unwrap();
    run(&["doctor"]).exits(0);
    assert!(run(&["status"]).stdout.contains("HEALTHY"));
}

/// The versions of TLS that a client offers in its first message, and whether it offers HTTP/2 (RFC 8446, 4.2.1; RFC
/// 7301).
fn offered(hello: &[u8]) -> (Vec<u16>, bool) {
    let number = |at: usize| u16::from_be_bytes([hello[at], hello[at + 1]]);
    // Record, handshake, version and random; then session, ciphers and compressions, each with its length before it.
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + usize::from(number(at));
    at += 1 + usize::from(hello[at]);
    let end = at + 2 + usize::from(number(at));
    at += 2;
    let (mut versions, mut speaks_h2) = (vec![number(9)], false);
    while at < end {
        let (kind, length) = (number(at), usize::from(number(at + 2)));
        let body = &hello[at + 4..at + 4 + length];
        match kind {
            43 => {
                let pairs = body[1..].chunks(2);
                versions = pairs
                    .map(|two| u16::from_be_bytes([two[0], two[1]]))
                    .collect();
            }
            16 => speaks_h2 = body.windows(3).any(|part| part == b"\x02h2"),
            _ => {}
        }
        at += 4 + length;
    }
    (versions, speaks_h2)
}

#[test]
fn security_case_17_no_version_of_tls_below_1_2_is_offered_nor_taken() {
    let emulator = Emulator::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut seen = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut hello = vec![0; 8192];
            let length = stream.read(&mut hello).unwrap();
            // The first connection is made to see whether somebody listens, and says nothing.
            if length == 0 {
                continue;
            }
            hello.truncate(length);
            seen.push(offered(&hello));
            // An alert as from a server of TLS 1.1: it can't speak what was offered.
            let _gone = stream.write_all(&[21, 3, 2, 0, 2, 2, 70]);
            return seen;
        }
        seen
    });
    let config = fs::read_to_string(emulator.config()).unwrap();
    fs::write(
        emulator.config(),
        config.replace(&emulator.europe, &address),
    )
    .unwrap();
    let told = emulator.tandem(&["doctor"]).exits(3);
    let (versions, speaks_h2) = server.join().unwrap().remove(0);
    assert_eq!(versions, [0x0304, 0x0303], "1.3 and 1.2");
    assert!(speaks_h2, "HTTP/2 is offered");
    assert!(told.stdout.contains("europe"), "{told:?}");
    assert!(
        told.stdout.to_lowercase().contains("protocol") && told.stdout.contains("handshake"),
        "{told:?}"
    );
}

#[test]
fn what_stands_between_is_shown_by_status_and_a_proxy_of_the_environment_is_not_there() {
    let emulator = Emulator::start_with(&["--tls"]);
    let config = fs::read_to_string(emulator.config()).unwrap();
    let ca = emulator.ca.as_ref().unwrap().display();
    let network = format!("[network]\nca = \"{ca}\"\nproxy = \"http://127.0.0.1:9\"\n\n");
    fs::write(emulator.config(), format!("{network}{config}")).unwrap();
    let told = emulator.tandem(&["status"]);
    assert!(
        told.stdout.contains("through the proxy 127.0.0.1:9"),
        "{told:?}"
    );
    let believed = format!("{ca} is believed beside the system's authorities");
    assert!(told.stdout.contains(&believed), "{told:?}");
    let told = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(told["network"]["proxy"], "127.0.0.1:9");
    assert_eq!(told["network"]["authorities"][0], ca.to_string());
    let network = format!("[network]\nca = \"{ca}\"\n\n");
    fs::write(emulator.config(), format!("{network}{config}")).unwrap();
    let mut command = emulator.command(&["status"]);
    let told = Ran::from(
        command
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .output()
            .unwrap(),
    );
    assert!(!told.stdout.contains("proxy"), "{told:?}");
}

#[test]
fn an_instance_with_timing_of_its_own_is_asked_by_it() {
    let emulator = Emulator::start();
    let config = fs::read_to_string(emulator.config()).unwrap();
    let rare = "[instances.europe]\npolicy = { probe = \"1h\" }";
    fs::write(
        emulator.config(),
        config.replace("[instances.europe]", rare),
    )
    .unwrap();
    let mut agent = emulator.command(&["agent", "--listen", "127.0.0.1:0"]);
    let (agent, _) = Running::ready(&mut agent);
    let probes = |url: &str| {
        let (_, log) = emulator.call("GET", &format!("{url}/emulator/log"), None);
        let all = log["requests"].as_array().unwrap().iter();
        all.filter(|one| one["path"].as_str().unwrap().ends_with("/WhoAmI"))
            .count()
    };
    emulator.until("the source was probed often", || probes(&emulator.us) > 8);
    // One at the start, and those of the clients that ask who they are.
    assert!(probes(&emulator.europe) < 5, "{}", probes(&emulator.europe));
    drop(agent);
}
