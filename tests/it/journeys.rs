//! Whole journeys through the console: the plain one is driven by the names of its actions, against the emulator, from the
//! first sight of a trouble to its end.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::binary::Emulator;
use super::support::screen::Screen;

/// Nothing that is waited for in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// A box takes no answer before it could have been heard.
const HEARD: Duration = Duration::from_millis(300);

/// The console in lines of text, as a screen reader has it.
struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
    /// Lines up to here have been waited for.
    heard: usize,
}

impl Talk {
    fn start(emulator: &Emulator) -> Self {
        let mut command = emulator.command(&["--plain"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let kept = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let input = child.stdin.take();
        Self {
            child,
            input,
            said,
            heard: 0,
        }
    }

    /// Types a line.
    fn types(&mut self, line: &str) -> &mut Self {
        self.heard = self.said.lock().unwrap().len();
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        self
    }

    /// Waits until something was said since the last line was typed.
    fn hears(&mut self, text: &str) -> &mut Self {
        let began = Instant::now();
        loop {
            let said = self.said.lock().unwrap();
            if said.iter().skip(self.heard).any(|line| line.contains(text)) {
                break;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "waited in vain for {text:?} in\n{}",
                said.join("\n")
            );
            drop(said);
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(HEARD);
        self
    }

    fn all(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    fn ends(mut self) -> String {
        self.types("quit");
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "{}", self.all());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.all()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about it either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn paged_with_europe_down_until_the_hand_over() {
    let emulator = Emulator::start();
    let mut talk = Talk::start(&emulator);
    talk.hears("EXPECTED");
    emulator.arm(json!({"outage_s": 25}));
    talk.hears("EUROPE IS DOWN")
        .hears("alert breaker-open: europe: read breaker OPEN");
    talk.types("ack")
        .hears("TAKE ")
        .types("rang the provider")
        .hears(" taken for 1h00m");
    talk.types("copy-status")
        .hears("Tickets cannot be created")
        .hears("On it:   root");
    talk.types("").hears("the box is closed");
    talk.types("note told the ticket desk")
        .hears("told the ticket desk");
    talk.hears("half-open to closed");
    talk.types("arm")
        .hears("ARM writes")
        .types("INC-4471")
        .hears("armed for 15 min");
    talk.types("sync")
        .hears("SYNC RUN of the whole link")
        .hears("Type ");
    let count = {
        let said = talk.all();
        let (_, rest) = said.rsplit_once("Type ").unwrap();
        rest.split_once(',').unwrap().0.to_owned()
    };
    talk.types(&count).hears("sync run ended");
    talk.types("handover")
        .hears("HAND-OVER")
        .types("")
        .hears("hand-over written to ");
    let said = talk.ends();
    let folder = said.rsplit_once("hand-over written to ").unwrap().1;
    let folder = folder.lines().next().unwrap();
    let page = std::fs::read_to_string(format!("{folder}/handover.md")).unwrap();
    for words in [
        "## Left open",
        "takes breaker-open europe",
        "rang the provider",
        "told the ticket desk",
        "INC-4471",
        "was down",
    ] {
        assert!(page.contains(words), "no {words:?} in\n{page}");
    }
    assert!(std::path::Path::new(folder).join("pulse.svg").is_file());
    for line in said.lines() {
        assert!(!line.contains('\x1b') && !line.contains('│'), "{line:?}");
    }
}

#[test]
fn a_caller_s_missing_account_until_the_ticket_is_accepted() {
    let emulator = Emulator::start_with(&["--no-plug-in"]);
    let id = "5a3c1f00-0000-4000-8000-0000000000c1";
    let account = json!({"accountid": id, "name": "Caller & Sons", "accountnumber": "CALL1"});
    assert_eq!(emulator.us_api("POST", "accounts", Some(account)).0, 204);
    let ticket = || {
        let ticket = json!({
            "title": "Cannot log in",
            "customerid_account@odata.bind": format!("/accounts({id})"),
        });
        emulator.europe_api("POST", "incidents", Some(ticket)).0
    };
    assert_ne!(ticket(), 204, "refused, as the caller says");
    let mut talk = Talk::start(&emulator);
    talk.hears("EXPECTED");
    talk.types("records").hears("missing");
    talk.types("filter caller drift:missing")
        .hears("Caller & Sons");
    talk.types("ensure")
        .hears("ARM writes")
        .types("CAS-01877")
        .hears("ENSURE 1 record");
    talk.types("y").hears("ensure: 1 of 1 verified");
    assert_eq!(ticket(), 204, "the ticket is accepted now");
    talk.types("tickets")
        .hears("Cannot log in")
        .hears("Caller & Sons");
    talk.types("open").hears("stub");
    talk.ends();
}

#[test]
fn what_is_no_command_is_told_what_there_is_and_nothing_is_written_while_read_only() {
    let emulator = Emulator::start();
    let mut talk = Talk::start(&emulator);
    talk.hears("EXPECTED");
    emulator.clear_log();
    talk.types("fly")
        .hears("there is no fly: help lists what there is");
    talk.types("re").hears("re may be ");
    talk.types("ensure").hears("only in Records");
    talk.types("help").hears("handover: write the bundle");
    talk.types("sync")
        .hears("READ-ONLY now")
        .types("cancel")
        .hears("the box is closed");
    talk.types("find nobody at all").hears("0 found");
    assert!(emulator.writes().is_empty());
    talk.types("cancel");
    talk.ends();
}

/// Presses a key each, as the terminal sends it.
#[test]
fn a_storm_of_sizes_a_paste_and_a_suspension_leave_the_console_as_it_was() {
    let emulator = Emulator::start();
    let mut screen = Screen::start(&emulator.command(&[]), 140, 42);
    screen.shows("EXPECTED");
    for turn in 0..40u16 {
        screen.resize(20 + turn * 4, 5 + turn);
    }
    screen.resize(80, 24).shows("2 Records").shows("? help");
    // A paste that looks like keys: quit, sync, yes.
    screen
        .raw(b"\x1b[200~qTy\r\nq\x1b[201~")
        .shows("pasted text is never taken for keys");
    screen
        .keys("2/")
        .raw(b"\x1b[200~drift:stub\x1b[201~")
        .shows("/ drift:stub");
    screen.escape().keys("1");
    screen.signal("TSTP").signal("CONT");
    screen.shows("EXPECTED").keys("q");
    assert_eq!(screen.ends(), 0);
    assert!(screen.is_restored(), "{}", screen.text());
    assert!(emulator.writes().is_empty());
}

#[test]
fn a_game_day_states_its_goal_and_what_of_it_is_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tandem"));
    command
        .args(["demo", "--scenario", "diverged", "--state"])
        .arg(folder.path().join("state"));
    let mut screen = Screen::start(&command, 140, 42);
    screen
        .shows("US DEMO")
        .shows("EU DEMO")
        .shows("GAME DAY  ○ every edit decided  √ nothing overwritten");
    screen.keys("q");
    assert_eq!(screen.ends(), 0, "{}", screen.text());
}

#[test]
fn three_thousand_stubs_under_throttling_with_13_diverged_until_the_post_mortem() {
    let emulator = Emulator::start_with(&["--records", "12000", "--drift", "1.0"]);
    let diverged = || {
        let listed = emulator.tandem(&["records", "--drift", "diverged", "--json"]);
        listed.json()["total"].as_u64().unwrap()
    };
    let before = diverged();
    assert!(before > 10, "{before}");
    let mut talk = Talk::start(&emulator);
    talk.hears("EXPECTED");
    talk.types("records").hears("missing");
    talk.types("filter drift:stub").hears("stub; ");
    talk.types("mark-all");
    // Thirteen more, which people in Europe have edited: they stay marked, and are left out.
    talk.types("filter drift:diverged").hears("diverged ");
    for _ in 0..13 {
        talk.types("mark").types("down");
    }
    talk.types("filter").hears("marked ");
    talk.types("arm")
        .hears("ARM writes")
        .types("INC-4471")
        .hears("armed for");
    talk.types("rehydrate").hears("REHYDRATE ").hears("Type ");
    let count = {
        let said = talk.all();
        let (_, rest) = said.rsplit_once("Type ").unwrap();
        rest.split_once(',').unwrap().0.to_owned()
    };
    let stubs: usize = count.parse().unwrap();
    assert!(stubs >= 3000, "{count}");
    assert!(talk.all().contains("13"), "what is left out is told");
    // Six requests are told to wait, a second each.
    emulator.arm(json!({"count": 6, "status": 429, "retry_after": 1, "method": "GET"}));
    talk.types(&count).hears("the box is closed");
    talk.hears("THROTTLED").hears("records accepted, by ");
    // It is paused to look at the first outcomes, and goes on with what is left.
    talk.types("operations").hears("; rehydrate ");
    talk.types("pause").hears("paused by ");
    talk.types("open").hears("GO ON with ").hears("Type ");
    let left = {
        let said = talk.all();
        let (_, rest) = said.rsplit_once("Type ").unwrap();
        rest.split_once(',').unwrap().0.to_owned()
    };
    talk.types(&left).hears("yes: rehydrate: ");
    let finished = talk.all();
    assert!(!finished.contains("rehydrate: 0 of"), "{finished}");
    let still = diverged();
    assert_eq!(still, before, "what people edited in Europe is left alone");
    talk.types("records")
        .types("filter drift:diverged")
        .hears("diverged ");
    talk.types("operations").hears("; rehydrate ");
    talk.types("pulse")
        .types("handover")
        .hears("HAND-OVER")
        .types("")
        .hears("hand-over written to ");
    let said = talk.ends();
    let folder = said.rsplit_once("hand-over written to ").unwrap().1;
    let folder = folder.lines().next().unwrap();
    let page = std::fs::read_to_string(format!("{folder}/handover.md")).unwrap();
    for words in ["diverged: a person decides", "rehydrate by ", "INC-4471"] {
        assert!(page.contains(words), "no {words:?} in\n{page}");
    }
    let lines = std::fs::read_to_string(format!("{folder}/operations.jsonl")).unwrap();
    let operation: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let verified = operation["verified"].as_u64().unwrap();
    assert!(
        verified >= count.parse().unwrap(),
        "with the rows that they name: {lines}"
    );
    let told = emulator
        .tandem(&["timeline", "--md", "--since", "1h"])
        .exits(0);
    for words in [
        "a repair is paused by ",
        "a paused repair goes on",
        "armed for",
    ] {
        assert!(
            told.stdout.contains(words),
            "no {words:?} in\n{}",
            told.stdout
        );
    }
}
