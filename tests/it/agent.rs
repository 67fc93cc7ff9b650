//! The agent as its supervisor, Prometheus and an operator see it: the real binary on an emulator.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};

use super::hook::commands as hook;
use super::support::binary::{Emulator, Ran, Running};
use super::support::screen::Screen;
use super::support::stub::{self, Stub};

/// Nothing that is waited for in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running agent, and where it answers.
pub struct Agent {
    pub process: Option<Child>,
    listen: String,
    client: reqwest::blocking::Client,
}

impl Agent {
    pub fn start(emulator: &Emulator, arguments: &[&str]) -> Agent {
        Self::start_with(emulator, arguments, &[])
    }

    fn start_with(emulator: &Emulator, arguments: &[&str], environment: &[(&str, &str)]) -> Agent {
        let mut command = emulator.command(&["agent", "--listen", "127.0.0.1:0"]);
        command
            .args(arguments)
            .envs(environment.iter().copied())
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

    pub fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.listen);
        let answer = self.client.get(url).send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    }

    /// The value of a series, if it is there.
    pub fn figure(&self, series: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(series))?;
        value.trim().parse().ok()
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    pub fn terminate(mut self) -> Ran {
        self.signal(Signal::TERM);
        let process = self.process.take().unwrap();
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

pub const PENDING: &str = "tandem_pending_records{link=\"us-europe\",table=\"account\"}";

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
    emulator.until("all of it is read back", || {
        agent.figure(verified) > Some(80.0)
    });
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
    let running = "tandem_operations{verb=\"sync\",state=\"running\"}";
    emulator.until("nothing is under way", || {
        agent.figure(running) == Some(0.0)
    });
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

#[test]
fn what_a_killed_command_left_behind_the_agent_goes_on_with() {
    let emulator = Emulator::start();
    // Its own sync is far away, so that what is done is the command's work.
    let agent = Agent::start(&emulator, &[]);
    emulator.until("nothing is pending", || agent.figure(PENDING) == Some(0.0));
    let ids: Vec<String> = (0..40)
        .map(|number| {
            let body =
                json!({"name": format!("Late {number}"), "accountnumber": format!("LATE{number}")});
            let (_, made) = emulator.us_api("POST", "accounts?$select=accountid", Some(body));
            assert_eq!(made, Json::Null);
            format!("accountnumber=LATE{number}")
        })
        .collect();
    emulator.arm(json!({"count": null, "method": "PATCH", "delay_ms": 100}));
    emulator.clear_log();
    let mut words = vec![
        "sync", "account", "--yes", "40", "--reason", "INC-1", "--quiet",
    ];
    words.extend(ids.iter().map(String::as_str));
    let mut command = Running::start(&mut emulator.command(&words));
    emulator.until("some of it is written", || emulator.writes().len() >= 5);
    command.kill();
    emulator.disarm();
    let europe = |number: usize| {
        let path = format!("accounts?$filter=accountnumber eq 'LATE{number}'&$select=name");
        emulator.europe_api("GET", &path, None).1["value"][0]["name"] == format!("Late {number}")
    };
    emulator.until("the agent has done the rest", || (0..40).all(europe));
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["unfinished_operations"], 0, "{status:#}");
}

#[test]
fn stubs_are_filled_as_soon_as_their_source_answers() {
    let emulator = Emulator::start();
    let agent = Agent::start(&emulator, &[]);
    emulator.until("nothing is pending", || agent.figure(PENDING) == Some(0.0));
    let new = json!({"name": "Fresh", "accountnumber": "FRESH1", "telephone1": "+1 555 0100"});
    emulator.us_api("POST", "accounts", Some(new));
    // The settle time of this configuration is a second, and a comparison is a minute away: the next agent looks at once.
    agent.terminate().exits(0);
    std::thread::sleep(Duration::from_millis(1100));
    emulator
        .tandem(&["ensure", "account", "accountnumber=FRESH1"])
        .exits(0);
    let phone = || {
        let path = "accounts?$filter=accountnumber eq 'FRESH1'&$select=telephone1";
        emulator.europe_api("GET", path, None).1["value"][0]["telephone1"].clone()
    };
    assert_eq!(phone(), Json::Null, "a stub");
    let agent = Agent::start(&emulator, &[]);
    emulator.until("the stub is whole", || phone() == "+1 555 0100");
    let rehydrated = "tandem_operation_records{verb=\"rehydrate\",outcome=\"verified\"}";
    emulator.until("it was a rehydrate", || {
        agent.figure(rehydrated) >= Some(1.0)
    });
}

#[test]
fn planned_maintenance_stops_the_agent_and_ends_by_itself_with_a_sync() {
    let emulator = Emulator::start();
    let agent = Agent::start(&emulator, &[]);
    emulator.until("nothing is pending", || agent.figure(PENDING) == Some(0.0));
    let planned = [
        "maintenance",
        "europe",
        "--for",
        "8s",
        "--reason",
        "upgrade",
    ];
    let said = emulator.tandem(&planned).exits(0);
    assert!(
        said.stdout.starts_with("europe is in maintenance until 20"),
        "{said:?}"
    );
    let health = "tandem_instance_health{instance=\"europe\",health=\"maintenance\"}";
    emulator.until("the agent follows", || agent.figure(health) == Some(1.0));
    let new = json!({"name": "Meanwhile", "accountnumber": "MEAN1"});
    emulator.us_api("POST", "accounts", Some(new));

    // The agent says so to other processes once a second.
    let mut status = Json::Null;
    emulator.until("status says so", || {
        status = emulator.tandem(&["status", "--json"]).exits(0).json();
        status["instances"][1]["health"] == "maintenance"
    });
    let europe = &status["instances"][1];
    assert_eq!(europe["maintenance"]["reason"], "upgrade");
    assert!(europe["maintenance"]["until"].is_string());

    let found = || {
        let path = "accounts?$filter=accountnumber eq 'MEAN1'&$select=name";
        emulator.europe_api("GET", path, None).1["value"][0]["name"] == "Meanwhile"
    };
    assert!(!found());
    emulator.until("it is over", || agent.figure(health) == Some(0.0));
    emulator.until("the link has caught up", found);
}

#[test]
fn maintenance_is_ended_before_its_time_and_takes_over_no_other_order() {
    let emulator = Emulator::start();
    let end = ["maintenance", "europe", "--end"];
    emulator.tandem(&end).exits(4);
    emulator.tandem(&["maintenance", "asia", "--end"]).exits(2);
    let long = [
        "maintenance",
        "europe",
        "--for",
        "25h",
        "--reason",
        "upgrade",
    ];
    emulator.tandem(&long).exits(2);
    let planned = [
        "maintenance",
        "europe",
        "--for",
        "2h",
        "--reason",
        "upgrade",
        "--json",
    ];
    let said = emulator.tandem(&planned).exits(0).json();
    assert!(said["until"].is_string(), "{said}");
    let refused = emulator
        .tandem(&["ensure", "account", "accountnumber=MMM"])
        .exits(4);
    assert!(refused.stderr.contains("upgrade"), "{refused:?}");
    emulator.tandem(&end).exits(0);
    emulator
        .tandem(&["ensure", "account", "accountnumber=MMM"])
        .exits(0);
}

/// A webhook that answers 500 until it is told to work, and keeps what it was sent.
struct Receiver {
    runtime: tokio::runtime::Runtime,
    stub: Stub,
    works: Arc<AtomicBool>,
}

impl Receiver {
    fn start() -> Receiver {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let works = Arc::new(AtomicBool::new(false));
        let decides = Arc::clone(&works);
        let stub = runtime.block_on(Stub::answering(move |_, _| {
            if decides.load(Ordering::Relaxed) {
                stub::answer("202 Accepted", &[], "")
            } else {
                stub::answer("500 Internal Server Error", &[], "")
            }
        }));
        Receiver {
            runtime,
            stub,
            works,
        }
    }

    fn works(&self) {
        self.works.store(true, Ordering::Relaxed);
    }

    /// The JSON of every message so far.
    fn messages(&self) -> Vec<Json> {
        let _inside = self.runtime.enter();
        let seen = self.stub.seen();
        let bodies = seen
            .iter()
            .filter_map(|seen| seen.text.split_once("\r\n\r\n"));
        bodies
            .map(|(_, body)| serde_json::from_str(body).unwrap())
            .collect()
    }
}

#[test]
fn an_alert_fires_once_outlives_a_restart_and_resolves_once() {
    let emulator = Emulator::start();
    let receiver = Receiver::start();
    emulator.configure(
        r#"
[[alerts]]
name = "europe is down"
when = "breaker-open"
after = "500ms"
to = { webhook = { env = "ALERT_URL" } }
"#,
    );
    let url = format!("{}/hook?key=s3cret", receiver.stub.origin);
    let start = || Agent::start_with(&emulator, &[], &[("ALERT_URL", &url)]);
    let agent = start();
    emulator.until("it is ready", || agent.get("/readyz").0 == 200);
    emulator.arm(json!({"count": null, "status": 503}));
    emulator.until("it was tried to tell, and tried again", || {
        let all = receiver.messages();
        (1..all.len()).any(|last| all[..last].contains(&all[last]))
    });
    let ended = agent.terminate().exits(0);
    assert!(ended.stderr.contains("HTTP 500"), "{ended:?}");
    assert!(!ended.stderr.contains("s3cret"));

    receiver.works();
    let before = receiver.messages().len();
    let agent = start();
    emulator.until("it was told", || receiver.messages().len() > before);
    emulator.disarm();
    emulator.until("it was told that it is over", || {
        receiver
            .messages()
            .iter()
            .any(|message| message["state"] == "resolved")
    });
    agent.terminate().exits(0);
    let told: Vec<Json> = receiver.messages().split_off(before);
    let of = |state: &str| {
        told.iter()
            .filter(|message| message["state"] == state)
            .count()
    };
    let subjects: std::collections::HashSet<&str> = told
        .iter()
        .map(|message| message["subject"].as_str().unwrap())
        .collect();
    assert_eq!(of("fired"), subjects.len(), "once each: {told:#?}");
    assert!(subjects.contains("europe read"), "{told:#?}");
    assert_eq!(told[0]["rule"], "europe is down");
    assert!(told[0]["text"].as_str().unwrap().starts_with("europe: "));
}

#[test]
fn security_case_20_an_alert_s_program_gets_json_and_a_clean_environment() {
    let emulator = Emulator::start();
    let told = emulator.folder.path().join("told");
    let script = format!("{{ cat; env | cut -d= -f1; }} >> '{}'", told.display());
    emulator.configure(&format!(
        "\n[[alerts]]\nwhen = \"conflicts\"\nto = {{ command = [\"sh\", \"-c\", \"{script}\"] }}\n"
    ));
    let agent = Agent::start(&emulator, &[]);
    emulator.until("it was told", || {
        std::fs::read_to_string(&told).is_ok_and(|text| text.contains("PATH"))
    });
    agent.terminate().exits(0);
    let text = std::fs::read_to_string(&told).unwrap();
    let message = serde_json::Deserializer::from_str(&text)
        .into_iter::<Json>()
        .next();
    let message = message.unwrap().unwrap();
    assert_eq!(message["when"], "conflicts");
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .contains("wait for a person")
    );
    assert!(!text.contains("TANDEM_TOKEN"), "{text}");
}

#[test]
fn a_console_beside_an_agent_says_so() {
    let emulator = Emulator::start();
    let mut console = Screen::start(&emulator.command(&[]), 120, 40);
    console.shows("no agent runs it");
    let _agent = Agent::start(&emulator, &[]);
    console.shows("seen by agent ");
}

/// Turns of one rule that the receiver was told. A message whose answer did not come, or came while the agent ended, is
/// sent once more, the same to the letter.
fn turns(receiver: &Receiver, rule: &str) -> Vec<String> {
    let mut messages: Vec<Json> = Vec::new();
    for message in receiver.messages() {
        if message["rule"] == rule && !messages.contains(&message) {
            messages.push(message);
        }
    }
    let turns = messages
        .iter()
        .map(|message| message["state"].as_str().unwrap());
    turns.map(str::to_owned).collect()
}

#[test]
fn alerts_of_the_hook_and_of_a_credential_fire_once_and_resolve_once() {
    let emulator = hook::emulator();
    let receiver = Receiver::start();
    receiver.works();
    hook::configure(&emulator, "http://127.0.0.1:1/", "");
    let (mut process, listen) = hook::serve(&emulator);
    let port = listen.rsplit_once(':').unwrap().1;
    let rules = |expires: chrono::NaiveDate| {
        let rules = ["hook-down", "hook-failing", "expiring"].map(|when| {
            format!(
                "[[alerts]]\nwhen = \"{when}\"\nto = {{ webhook = {{ env = \"ALERT_URL\" }} }}\n"
            )
        });
        let customizer = format!(
            "customizer = {{ kind = \"token\", token = {{ env = \"TANDEM_TOKEN\" }}, expires = \"{expires}\" }}\n"
        );
        hook::configure(
            &emulator,
            &format!("{listen}/"),
            &format!("{customizer}{}", rules.concat()),
        );
        let config = std::fs::read_to_string(emulator.config()).unwrap();
        let fixed = config.replace(
            "listen = \"127.0.0.1:0\"",
            &format!("listen = \"127.0.0.1:{port}\""),
        );
        std::fs::write(emulator.config(), fixed).unwrap();
    };
    let today = chrono::Utc::now().date_naive();
    rules(today + chrono::Days::new(5));
    emulator.tandem(&["hook", "register"]).exits(0);
    let url = format!("{}/hook", receiver.stub.origin);
    let agent = Agent::start_with(&emulator, &[], &[("ALERT_URL", &url)]);
    let told = |rule: &str, expected: &[&str]| {
        emulator.until(rule, || turns(&receiver, rule) == expected);
    };
    told("expiring", &["fired"]);
    emulator.until("it is well", || {
        agent.figure("tandem_hook_answers") == Some(1.0)
    });

    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    let call = |body: &'static str| {
        let url = format!("{listen}/?code=s3cret");
        assert_eq!(client.post(url).body(body).send().unwrap().status(), 200);
    };
    (0..5).for_each(|_| call("nonsense"));
    told("hook-failing", &["fired"]);
    let other =
        r#"{"MessageName":"Create","PrimaryEntityName":"task","Stage":10,"IsInTransaction":false}"#;
    (0..150).for_each(|_| call(other));
    told("hook-failing", &["fired", "resolved"]);

    process.kill();
    told("hook-down", &["fired"]);
    assert_eq!(agent.figure("tandem_hook_silent"), Some(1.0));
    let (_process, _) = hook::serve(&emulator);
    told("hook-down", &["fired", "resolved"]);
    agent.terminate().exits(0);

    rules(today + chrono::Days::new(90));
    let agent = Agent::start_with(&emulator, &[], &[("ALERT_URL", &url)]);
    told("expiring", &["fired", "resolved"]);
    agent.terminate().exits(0);
    for rule in ["hook-down", "hook-failing", "expiring"] {
        assert_eq!(turns(&receiver, rule), ["fired", "resolved"], "once each");
    }
}

#[test]
fn an_alert_is_told_again_until_it_is_taken_at_a_console_and_all_know_who_has_it() {
    let emulator = Emulator::start();
    let receiver = Receiver::start();
    receiver.works();
    emulator.configure(
        r#"
[[alerts]]
name = "europe is down"
when = "breaker-open"
repeat = "1s"
runbook = "wiki/europe-down"
to = { webhook = { env = "ALERT_URL" } }
"#,
    );
    let url = format!("{}/hook", receiver.stub.origin);
    let agent = Agent::start_with(&emulator, &[], &[("ALERT_URL", &url)]);
    emulator.until("it is ready", || agent.get("/readyz").0 == 200);
    emulator.arm(json!({"count": null, "status": 503}));
    let told = || {
        let messages = receiver.messages();
        let of_reads = messages
            .iter()
            .filter(|one| one["subject"] == "europe read" && one["state"] == "fired");
        of_reads.count()
    };
    emulator.until("it is told again", || told() >= 2);
    assert_eq!(receiver.messages()[0]["runbook"], "wiki/europe-down");

    let mut one = Screen::start(&emulator.command(&[]), 140, 42);
    let mut other = Screen::start(&emulator.command(&[]), 80, 24);
    one.shows("europe is down europe read")
        .shows("runbook wiki/europe-down")
        .shows("unacked");
    one.keys("a").shows("TAKE ").keys("rang the provider");
    std::thread::sleep(Duration::from_millis(300));
    one.raw(b"\r").shows(" has it");
    // Every probe that fails is a line: what people say is looked for.
    other.shows(" has it").keys("6/rang").raw(b"\r");
    other
        .shows("rang the provider")
        .keys("n")
        .shows("NOTE")
        .keys("the desk knows");
    std::thread::sleep(Duration::from_millis(300));
    other.raw(b"\r");
    one.keys("6/desk").shows("the desk knows").raw(b"\r");
    // What was on its way when it was taken may still arrive.
    std::thread::sleep(Duration::from_millis(2500));
    let before = told();
    std::thread::sleep(Duration::from_millis(3500));
    assert_eq!(told(), before, "it is told no more");
    let listed = emulator.tandem(&["journal", "export"]).exits(0);
    assert!(listed.stdout.contains("rang the provider"), "{listed:?}");
    emulator.tandem(&["journal", "verify"]).exits(0);

    emulator.disarm();
    other.until("it is over", |screen| {
        !screen.contains(" has it") && !screen.contains("unacked")
    });
    for screen in [&mut one, &mut other] {
        screen.keys("q").ends();
    }
}
