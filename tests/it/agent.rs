//! The agent as its supervisor, Prometheus and an operator see it: the real binary on an emulator.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};

use super::support::binary::{Emulator, Ran};

/// Nothing that is waited for in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running agent, and where it answers.
struct Agent {
    process: Option<Child>,
    listen: String,
    client: reqwest::blocking::Client,
}

impl Agent {
    fn start(emulator: &Emulator, arguments: &[&str]) -> Agent {
        let mut command = emulator.command(&["agent", "--listen", "127.0.0.1:0"]);
        command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut agent = Agent {
            process: Some(command.spawn().unwrap()),
            listen: String::new(),
            client: reqwest::blocking::Client::builder()
                .no_proxy()
                .timeout(PATIENCE)
                .build()
                .unwrap(),
        };
        let stdout = agent.process.as_mut().unwrap().stdout.as_mut().unwrap();
        let mut ready = String::new();
        BufReader::new(stdout).read_line(&mut ready).unwrap();
        let ready: Json = serde_json::from_str(&ready).unwrap_or_else(|error| {
            let ended = agent.process.take().unwrap().wait_with_output().unwrap();
            panic!("{error}: {:?}", Ran::from(ended))
        });
        agent.listen = ready["listen"].as_str().unwrap().to_owned();
        agent
    }

    fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.listen);
        let answer = self.client.get(url).send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    }

    /// The value of a series, if it is there.
    fn figure(&self, series: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(series))?;
        value.trim().parse().ok()
    }

    fn terminate(mut self) -> Ran {
        let process = self.process.take().unwrap();
        let id = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        process.wait_with_output().unwrap().into()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself; there is nothing to do about it either way.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

const PENDING: &str = "tandem_pending_records{link=\"us-europe\",table=\"account\"}";

#[test]
fn an_agent_keeps_the_link_in_step_and_says_how_it_is() {
    let emulator = Emulator::start();
    let agent = Agent::start(&emulator, &["--log-format", "json"]);
    emulator.until("it is ready", || agent.get("/readyz").0 == 200);
    assert_eq!(agent.get("/healthz"), (200, "ok\n".to_owned()));
    emulator.until("nothing is pending", || agent.figure(PENDING) == Some(0.0));
    let healthy = "tandem_instance_health{instance=\"europe\",health=\"healthy\"}";
    assert_eq!(agent.figure(healthy), Some(1.0));
    let read = "tandem_requests_total{instance=\"europe\",class=\"read\",status=\"ok\"}";
    assert!(
        agent.figure(read) > Some(3.0),
        "{}",
        agent.get("/metrics").1
    );
    let verified = "tandem_operation_records{verb=\"sync\",outcome=\"verified\"}";
    assert!(agent.figure(verified) > Some(80.0));
    assert_eq!(agent.get("/secrets").0, 404);

    let ended = agent.terminate().exits(0);
    let lines = ended.stderr.lines();
    let lines: Vec<Json> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["message"], "the agent runs", "{lines:#?}");
    assert!(lines[0]["pid"].is_u64() && lines[0]["level"] == "info");
    assert!(!ended.stderr.contains(&emulator.token));
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["links"][0]["condition"], "in step");
}

#[test]
fn a_second_agent_is_refused_and_told_who_the_first_one_is() {
    let emulator = Emulator::start();
    let first = Agent::start(&emulator, &[]);
    let pid = first.process.as_ref().unwrap().id();
    let refused = emulator
        .tandem(&["agent", "--listen", "127.0.0.1:0"])
        .exits(4);
    assert!(
        refused.stderr.contains(&format!("pid {pid} of ")),
        "{refused:?}"
    );
    // However the first one ends, its folder is free.
    drop(first);
    let second = Agent::start(&emulator, &[]);
    second.terminate().exits(0);
}

#[test]
fn a_terminated_agent_finishes_the_record_in_hand_and_the_next_one_goes_on() {
    let emulator = Emulator::start();
    // Writes take long enough to be interrupted between two of them.
    emulator.arm(json!({"count": null, "method": "PATCH", "delay_ms": 60}));
    let agent = Agent::start(&emulator, &[]);
    emulator.until("a record is written", || !emulator.writes().is_empty());
    let began = Instant::now();
    agent.terminate().exits(0);
    assert!(began.elapsed() < Duration::from_secs(8));
    let written = emulator.writes().len();
    emulator.disarm();
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["unknown_outcomes"], 0, "nothing is left half done");
    assert_eq!(status["unfinished_operations"], 1);

    let agent = Agent::start(&emulator, &[]);
    emulator.until("nothing is pending", || agent.figure(PENDING) == Some(0.0));
    let left = "tandem_operations{verb=\"sync\",state=\"left-behind\"}";
    emulator.until("nothing is left behind", || agent.figure(left) == Some(0.0));
    agent.terminate().exits(0);
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["unfinished_operations"], 0, "{status:#}");
    assert!(emulator.writes().len() > written);
}

#[test]
fn what_can_not_be_listened_on_is_refused() {
    let emulator = Emulator::start();
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let refused = emulator.tandem(&["agent", "--listen", &address]).exits(2);
    assert!(refused.stderr.contains(&address), "{refused:?}");
    emulator.configure("\n[agent]\nlisten = \"here\"\n");
    let refused = emulator.tandem(&["agent"]).exits(2);
    assert!(
        refused.stderr.contains("listen is an address"),
        "{refused:?}"
    );
}
