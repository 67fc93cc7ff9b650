//! A console beside a living agent: it shows what the agent sees, asks the instances nothing, has the agent do what was
//! confirmed, and takes over once the agent is gone.

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use super::agent::{Agent, PENDING};
use super::hook::commands as hook;
use super::support::binary::Emulator;
use super::support::screen::Screen;

const ENTER: &[u8] = b"\r";

/// An emulator whose link is compared every second, so that what changed at the source is soon known.
fn emulator() -> Emulator {
    let emulator = Emulator::start();
    let text = std::fs::read_to_string(emulator.config()).unwrap();
    let text = text.replace("[policy]\n", "[policy]\ncompare = \"1s\"\n");
    std::fs::write(emulator.config(), text).unwrap();
    emulator
}

/// An agent whose link is in step.
fn agent(emulator: &Emulator) -> Agent {
    let agent = Agent::start(emulator, &[]);
    let contacts = PENDING.replace("account", "contact");
    emulator.until("nothing is pending", || {
        agent.figure(PENDING) == Some(0.0) && agent.figure(&contacts) == Some(0.0)
    });
    // What is asked for next is no part of the run that brought it in step.
    std::thread::sleep(std::time::Duration::from_millis(1000));
    agent
}

/// All requests to the Web API of both instances since the logs were cleared.
fn requests(emulator: &Emulator) -> Vec<Json> {
    let of = |instance: &str| {
        let (_, log) = emulator.call("GET", &format!("{instance}/emulator/log"), None);
        log["requests"].as_array().unwrap().clone()
    };
    let all = of(&emulator.us).into_iter().chain(of(&emulator.europe));
    all.filter(|request| request["path"].as_str().unwrap().starts_with("/api/data"))
        .collect()
}

fn clear_logs(emulator: &Emulator) {
    for instance in [&emulator.us, &emulator.europe] {
        emulator.call("DELETE", &format!("{instance}/emulator/log"), None);
    }
}

fn create(emulator: &Emulator, name: &str, number: &str) {
    let body = json!({"name": name, "accountnumber": number});
    let (status, answer) = emulator.us_api("POST", "accounts", Some(body));
    assert_eq!(status, 204, "{answer}");
}

/// How Europe calls the account of that number.
fn in_europe(emulator: &Emulator, number: &str) -> Json {
    let path = format!("accounts?$filter=accountnumber eq '{number}'&$select=name");
    emulator.europe_api("GET", &path, None).1["value"][0]["name"].clone()
}

/// Opens the list of what is out of step, and asks for an ensure of the record that is named there.
fn ensure(console: &mut Screen, name: &str) {
    ask(console, name, ("E", "ENSURE 1 record"));
}

/// The same with the key of any verb, and what its box is called.
fn ask(console: &mut Screen, name: &str, (key, title): (&str, &str)) {
    console.keys("2").shows(name);
    console
        .keys("W")
        .shows("ARM writes")
        .keys("INC-1")
        .raw(ENTER);
    // The cursor stays with the record it was on, and what is new stands above it.
    console.shows("ARMED").raw(b"\x1b[H").keys(key).shows(title);
    // A box takes no key until it has been on the screen for a moment.
    std::thread::sleep(std::time::Duration::from_millis(300));
    console.keys("y");
}

#[test]
fn a_console_and_status_beside_an_agent_show_what_it_sees_and_ask_nothing() {
    let emulator = emulator();
    create(&emulator, "Before", "BEFORE1");
    let agent = agent(&emulator);
    create(&emulator, "Seen by the agent", "SEEN1");
    emulator.until("it is seen", || agent.figure(PENDING) == Some(1.0));
    // An agent that stands still asks nothing either: what is asked now, another process asks.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    agent.signal(Signal::STOP);
    std::thread::sleep(std::time::Duration::from_millis(300));
    clear_logs(&emulator);
    let mut console = Screen::start(&emulator.command(&[]), 120, 40);
    console.shows("seen by agent ").shows("HEALTHY");
    console.keys("2").shows("Seen by the agent");
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["seen_by"]["pid"], agent.pid(), "{status:#}");
    assert_eq!(status["instances"][1]["health"], "healthy");
    assert_eq!(status["links"][0]["tables"][0]["counts"]["missing"], 1);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(requests(&emulator), Vec::<Json>::new());
    agent.signal(Signal::CONT);
    console.keys("q").ends();
}

#[test]
fn what_is_confirmed_beside_an_agent_is_done_though_the_console_is_killed() {
    let emulator = emulator();
    let agent = agent(&emulator);
    create(&emulator, "Handed over", "HANDED1");
    let mut console = Screen::start(&emulator.command(&[]), 120, 40);
    console.shows("seen by agent ");
    // The write takes so long that the console is gone when it is made.
    emulator.arm(json!({"count": null, "method": "PATCH", "delay_ms": 1500}));
    ensure(&mut console, "Handed over");
    console.keys("3").shows("0 of 1");
    console.signal("KILL").ends();
    assert_eq!(in_europe(&emulator, "HANDED1"), Json::Null);
    emulator.until("the agent has done it", || {
        in_europe(&emulator, "HANDED1") == "Handed over"
    });
    let verified = "tandem_operation_records{verb=\"ensure\",outcome=\"verified\"}";
    emulator.until("and read it back", || agent.figure(verified) == Some(1.0));
}

#[test]
fn a_sync_run_asked_for_beside_an_agent_is_the_agents_and_its_end_is_seen() {
    let emulator = emulator();
    let _agent = agent(&emulator);
    create(&emulator, "By a run", "RUN1");
    let mut console = Screen::start(&emulator.command(&[]), 120, 40);
    console.shows("seen by agent ").shows("EXPECTED");
    console
        .keys("W")
        .shows("ARM writes")
        .keys("INC-2")
        .raw(ENTER);
    console.shows("ARMED").keys("T").shows("SYNC RUN");
    std::thread::sleep(std::time::Duration::from_millis(300));
    console.keys("y");
    emulator.until("it is carried over", || {
        in_europe(&emulator, "RUN1") == "By a run"
    });
    console.shows("ALL WELL");
    console.keys("q").ends();
}

#[test]
fn a_console_takes_over_when_its_agent_is_killed() {
    let emulator = emulator();
    let agent = agent(&emulator);
    let mut console = Screen::start(&emulator.command(&[]), 120, 40);
    console.shows("seen by agent ").shows("HEALTHY");
    drop(agent);
    console.until("nobody else looks", |screen| {
        !screen.contains("seen by agent")
    });
    clear_logs(&emulator);
    emulator.until("the console asks itself", || {
        let all = requests(&emulator);
        let probes = |one: &Json| one["path"].as_str().unwrap().contains("WhoAmI");
        all.iter().filter(|one| probes(one)).count() > 2
    });
    // It repairs by itself, too, and keeps the index for the next one.
    create(&emulator, "By the console", "ALONE1");
    console.keys("r");
    ensure(&mut console, "By the console");
    emulator.until("it is done", || {
        in_europe(&emulator, "ALONE1") == "By the console"
    });
    // A new agent is followed again.
    let _agent = Agent::start(&emulator, &[]);
    console.shows("seen by agent ");
    console.keys("q").ends();
}

#[test]
fn since_when_an_instance_is_healthy_survives_a_restart() {
    let emulator = emulator();
    let agent = agent(&emulator);
    let since = |status: &Json| status["instances"][1]["since"].as_str().unwrap().to_owned();
    let mut before = String::new();
    emulator.until("the agent tells", || {
        let status = emulator.tandem(&["status", "--json"]).json();
        before = since(&status);
        status["seen_by"]["pid"] == agent.pid()
    });
    std::thread::sleep(std::time::Duration::from_millis(1200));
    agent.terminate().exits(0);
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["seen_by"], Json::Null);
    assert_eq!(since(&status), before, "{status:#}");
    assert!(status["links"][0]["last_success"].is_string(), "{status:#}");
}

const REFUSED: &str = "5a3c1f00-0000-4000-8000-00000000ab01";

#[test]
fn what_the_agent_has_parked_is_known_beside_it_until_it_is_brought_over() {
    let emulator = emulator();
    let agent = agent(&emulator);
    emulator.arm(json!({"count": "all", "status": 400, "code": "0x80040265", "method": "PATCH", "path": REFUSED}));
    let body = json!({"accountid": REFUSED, "name": "Refused by a rule", "accountnumber": "RULE1"});
    let (status, answer) = emulator.us_api("POST", "accounts", Some(body));
    assert_eq!(status, 204, "{answer}");
    emulator.until("it is seen", || agent.figure(PENDING) == Some(1.0));
    let mut console = Screen::start(&emulator.command(&[]), 120, 40);
    console.shows("seen by agent ");
    // The agent carries out what is confirmed here: that it was refused, and why, it has to tell.
    ask(&mut console, "Refused by a rule", ("T", "SYNC 1 record"));
    console.shows("parked").keys("1").shows("1 parked");
    let parked = ["records", "--flag", "parked", "--json"];
    emulator.until("a command knows it, too", || {
        emulator.tandem(&parked).json()["total"] == 1
    });
    emulator.disarm();
    console
        .keys("2")
        .raw(b"\x1b[H")
        .keys("T")
        .shows("SYNC 1 record");
    std::thread::sleep(std::time::Duration::from_millis(300));
    console
        .keys("y")
        .keys("1")
        .until("nothing is parked", |screen| !screen.contains("1 parked"));
    console.keys("q").ends();
}

#[test]
fn how_the_hook_is_is_told_by_the_agent() {
    let emulator = hook::emulator();
    hook::configure(&emulator, "http://127.0.0.1:1/", "");
    let (mut process, listen) = hook::serve(&emulator);
    hook::configure(&emulator, &format!("{listen}/"), "");
    emulator.tandem(&["hook", "register"]).exits(0);
    let agent = Agent::start(&emulator, &[]);
    let answers = "tandem_hook_answers";
    emulator.until("the agent asks it", || agent.figure(answers) == Some(1.0));
    std::thread::sleep(std::time::Duration::from_millis(1500));
    agent.signal(Signal::STOP);
    process.terminate();
    assert!(process.succeeds());
    let mut console = Screen::start(&emulator.command(&[]), 120, 40);
    console.shows("seen by agent ").shows("● answers ");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(
        console.text().contains("● answers "),
        "the console does not ask itself"
    );
    agent.signal(Signal::CONT);
    console
        .shows("THE HOOK DOES NOT ANSWER")
        .shows("▼ DOES NOT ANSWER ");
    console.keys("q").ends();
}

#[test]
fn a_new_shift_finds_in_the_timeline_what_happened_before_a_restart_and_each_line_once() {
    let emulator = emulator();
    let agent = agent(&emulator);
    emulator.arm(json!({"outage_s": 2}));
    let down = "tandem_instance_health{instance=\"europe\",health=\"down\"}";
    emulator.until("Europe is down", || agent.figure(down) == Some(1.0));
    emulator.until("and back", || agent.figure(down) == Some(0.0));
    std::thread::sleep(std::time::Duration::from_millis(2500));
    agent.terminate().exits(0);
    let once = |screen: &str| screen.matches("HEALTHY → DOWN").count() == 1;
    // Alone, and beside a new agent, which recalls the same.
    let mut console = Screen::start(&emulator.command(&[]), 140, 42);
    console.keys("6/down").until("what was before", once);
    console.raw(b"\r").keys("q").ends();
    let _agent = Agent::start(&emulator, &[]);
    let mut console = Screen::start(&emulator.command(&[]), 140, 42);
    console
        .shows("seen by ")
        .keys("6/down")
        .until("what was before", once);
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert!(once(&console.text()), "{}", console.text());
    console.raw(b"\r").keys("q").ends();
}
