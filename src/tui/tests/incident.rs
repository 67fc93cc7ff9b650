//! Incident work: who has the alerts, notes, the status in a file, the bundle for the next shift, and the bell.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::driver::{Console, golden};
use super::fixture::{self, ago, secs};
use crate::domain::alert::AlertKey;
use crate::domain::health::Health;
use crate::domain::hook::{Answer, Called, HookHealth};
use crate::domain::note::Taken;
use crate::engine::state::HookState;
use crate::engine::{Command, State};
use crate::tui::message::{Message, Saving};

fn taken(at: DateTime<Utc>) -> Taken {
    Taken {
        who: "jo".to_owned(),
        at,
        until: at + chrono::Duration::hours(1),
        text: "on it".to_owned(),
    }
}

fn key(subject: &str) -> AlertKey {
    AlertKey {
        rule: "instance-down".to_owned(),
        subject: subject.to_owned(),
    }
}

#[test]
fn alerts_stand_on_pulse_as_in_the_page_until_somebody_has_them() {
    let mut console = Console::new(fixture::outage(), (140, 42));
    let screen = console.screen();
    assert!(
        screen.contains(
            "▲ instance-down europe write · 5m51s · unacked · runbook r1: status.example.com/eu"
        ),
        "{screen}"
    );
    let verdict = |screen: &str| screen.lines().nth(3).unwrap().to_owned();
    assert!(verdict(&screen).ends_with("unacked"), "{screen}");
    assert!(screen.contains("Now: a take it"), "{screen}");
    console.change(|state| {
        let now = state.now.wall;
        state.taken.insert(key("europe write"), taken(now));
    });
    assert!(
        verdict(&console.screen()).ends_with("1 of 2 acked"),
        "one of two is nobody's"
    );
    console.change(|state| {
        let now = state.now.wall;
        state.taken.insert(key("europe read"), taken(now));
    });
    let screen = console.screen();
    assert!(verdict(&screen).ends_with("jo has it"), "{screen}");
    console.wait(Duration::from_secs(3_601));
    assert!(
        verdict(&console.screen()).ends_with("unacked"),
        "it has run out"
    );
}

#[test]
fn who_took_an_earlier_alert_has_not_taken_this_one() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.change(|state| {
        let before = ago(state.now, secs(1_800)).wall;
        for subject in ["europe write", "europe read"] {
            state.taken.insert(key(subject), taken(before));
        }
    });
    assert!(console.screen().contains("unacked"), "{}", console.screen());
}

#[test]
fn a_takes_what_fired_when_it_was_pressed_with_a_note_and_for_how_long() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.keys("a \"rang the provider\" Tab + + - Tab");
    let screen = console.screen();
    assert!(screen.contains("TAKE 2 alerts"), "{screen}");
    assert!(screen.contains("1h30m, until 04:42"), "{screen}");
    console.change(|state| {
        state
            .alarms
            .push(fixture::alarm("late", "us-europe", state.now));
    });
    console.keys("Enter");
    let taken = Command::Take {
        alerts: vec![key("europe write"), key("europe read")],
        who: "anna".to_owned(),
        text: "rang the provider".to_owned(),
        lasts: Duration::from_secs(5_400),
    };
    assert_eq!(console.sent, [taken]);
    assert!(console.model.dialogs.is_empty());
}

#[test]
fn without_an_alert_there_is_nothing_to_take() {
    let mut console = Console::new(fixture::quiet(), (80, 24));
    console.keys("a");
    assert!(console.model.dialogs.is_empty());
    assert!(console.screen().contains("no alert fires"));
}

#[test]
fn a_note_is_put_down_and_an_empty_one_is_not() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("n Enter");
    assert!(console.sent.is_empty());
    console.keys("\"told the desk\" Enter");
    let note = Command::Note {
        who: "anna".to_owned(),
        text: "told the desk".to_owned(),
    };
    assert_eq!(console.sent, [note]);
    console.keys("2 Enter n");
    assert!(
        console.screen().contains("> account ALGN: "),
        "{}",
        console.screen()
    );
}

#[test]
fn the_status_is_also_written_to_a_file_and_says_who_has_it() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.change(|state| {
        let now = state.now.wall;
        for subject in ["europe write", "europe read"] {
            state.taken.insert(key(subject), taken(now));
        }
    });
    console.keys("Y");
    let [Saving { folder, files, .. }] = console.saved.as_slice() else {
        panic!("{:?}", console.saved);
    };
    assert_eq!(folder.to_str(), Some("/var/lib/tandem"));
    let (name, text) = &files[0];
    assert_eq!((name.as_str(), text), ("status.txt", &console.copied[0]));
    assert!(text.contains("On it:   jo since 03:12: on it."), "{text}");
    let screen = console.screen();
    assert!(
        screen.contains("also in /var/lib/tandem/status.txt"),
        "{screen}"
    );
}

#[test]
fn a_long_path_of_the_status_is_shown_whole() {
    let folder = "/home/on-call/.local/state/tandem/of-the-two-production-environments";
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.model.folder = folder.into();
    console.keys("Y");
    let screen = console.screen();
    assert!(screen.contains(&format!("{folder}/status.txt")), "{screen}");
    assert!(screen.contains("also in the file above"), "{screen}");
}

#[test]
fn the_hand_over_opens_with_figures_and_what_is_left_open() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.change(|state| {
        let entry = crate::engine::state::Entry {
            seq: 99,
            at: state.now.wall,
            instance: None,
            text: "told the desk | <b>".to_owned(),
            tone: crate::engine::state::Tone::Plain,
            who: Some("jo".to_owned()),
        };
        state.timeline.push_back(std::sync::Arc::new(entry));
    });
    console.keys("x");
    assert!(console.saved.is_empty(), "it asks first");
    console.keys("Enter");
    let saving = console.saved.remove(0);
    let folder = saving.folder.to_str().unwrap();
    assert!(
        folder.starts_with("/var/lib/tandem/handover/20261124T0212"),
        "{folder}"
    );
    let file = |name: &str| {
        let mut files = saving.files.iter();
        files.find(|(one, _)| one == name).unwrap().1.clone()
    };
    let page = file("handover.md");
    let places = [
        "EUROPE IS DOWN 6m09s",
        "## Left open",
        "**nobody has it**",
        "## Status",
        "## What happened",
    ];
    let mut at = 0;
    for part in places {
        let found = page[at..].find(part);
        at += found.unwrap_or_else(|| panic!("no {part} behind {at} in\n{page}"));
    }
    assert!(page.contains("| account | 28 pending"), "{page}");
    assert!(
        page.contains("**jo** told the desk \\| \\<b\\>"),
        "text is no markup: {page}"
    );
    for line in file("timeline.jsonl").lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["at"].is_string(), "{line}");
    }
    for name in ["pulse.svg", "records.svg", "operations.svg"] {
        let drawn = file(name);
        let parsed = roxmltree::Document::parse(&drawn).unwrap();
        let words: String = parsed
            .descendants()
            .filter_map(|node| node.text())
            .collect();
        assert!(words.contains("EUROPE IS DOWN"), "{name}");
    }
}

#[test]
fn who_does_not_look_is_called_when_an_instance_is_lost_or_back_and_when_an_alert_fires() {
    let mut console = Console::new(fixture::quiet(), (80, 24));
    let down = |console: &mut Console, health: Health| {
        console.change(|state| state.instances[1].health = health);
    };
    down(&mut console, Health::Down);
    assert!(console.called.is_empty(), "who looks sees it");
    down(&mut console, Health::Healthy);
    console.take(Message::Unfocused);
    down(&mut console, Health::Down);
    down(&mut console, Health::Down);
    assert_eq!(console.called, ["tandem: Europe is DOWN"]);
    down(&mut console, Health::Healthy);
    console.change(|state| {
        let mut alarm = fixture::alarm("late", "us-europe", state.now);
        alarm.text = "\x1b]0;evil\x07".to_owned();
        state.alarms.push(alarm);
    });
    let last = console.called.last().unwrap();
    assert!(!last.contains(char::is_control), "{last:?}");
    assert_eq!(console.called.len(), 3);
    console.take(Message::Focused);
    down(&mut console, Health::Down);
    assert_eq!(console.called.len(), 3);
}

fn hooked(state: &mut State, called: Called) {
    let mut health = HookHealth::default();
    health.set_called(called);
    let silent = Answer::Silent("connection refused".to_owned());
    health.answered(silent, None, state.now);
    state.hook = Some(HookState { link: 0, health });
}

#[test]
fn the_hook_is_taken_out_and_put_back_once_armed_with_a_reason_and_a_y() {
    let mut state = fixture::armed(fixture::quiet(), "INC-1");
    hooked(&mut state, Called::Yes);
    let mut console = Console::new(state, (80, 24));
    let screen = console.screen();
    assert!(
        screen.contains("B h takes it out: tickets pass."),
        "{screen}"
    );
    console.keys("B");
    golden("dialog_breaker_hook_80x24", &console.screen());
    console.keys("h");
    golden("dialog_hook_80x24", &console.screen());
    console.keys("y");
    assert_eq!(console.switched, [(false, "INC-1".to_owned())]);
    console.change(|state| hooked(state, Called::No));
    console.keys("B h y");
    assert_eq!(console.switched.last(), Some(&(true, "INC-1".to_owned())));
    console.change(|state| hooked(state, Called::NotKnown));
    console.keys("B h y Esc");
    assert_eq!(
        console.switched.len(),
        2,
        "what is not known is not switched"
    );
    let mut console = Console::new(fixture::quiet(), (80, 24));
    console.keys("B h");
    assert!(!console.screen().contains("HOOK"), "there is none");
    console.change(|state| hooked(state, Called::Yes));
    console.keys("h");
    assert!(
        console.screen().contains("You pressed h"),
        "{}",
        console.screen()
    );
    assert!(console.switched.is_empty(), "read-only");
}

#[test]
fn a_stop_of_all_calls_may_have_an_end_within_a_day() {
    let mut console = Console::new(fixture::quiet(), (80, 24));
    console.keys("B s \"INC-7\" Enter");
    assert!(
        console.screen().contains("until you release it"),
        "{}",
        console.screen()
    );
    console.keys("-");
    assert!(
        console.screen().contains("24h00m, until"),
        "{}",
        console.screen()
    );
    console.keys("- - - - - - -");
    assert!(
        console.screen().contains("30m00s, until"),
        "{}",
        console.screen()
    );
    console.keys("+ + y");
    let until = console.now.after(Duration::from_secs(2 * 3600)).wall;
    let [
        Command::ForceOpen {
            until: Some(told),
            reason,
            ..
        },
    ] = &console.sent[..]
    else {
        panic!("{:?}", console.sent);
    };
    assert_eq!((told, reason.as_str()), (&until, "INC-7"));
}

#[test]
fn what_was_taken_is_given_back_by_who_has_it_and_by_nobody_else() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.keys("A");
    assert!(console.sent.is_empty(), "nothing is taken");
    let take = |who: &str| {
        let who = who.to_owned();
        move |state: &mut State| {
            let at = state.now.wall;
            for alarm in &state.alarms {
                let taken = Taken {
                    who: who.clone(),
                    at,
                    until: at + chrono::Duration::hours(1),
                    text: String::new(),
                };
                state.taken.insert(alarm.key.clone(), taken);
            }
        }
    };
    console.change(take("jo"));
    console.keys("A");
    assert!(console.sent.is_empty(), "it is jo's");
    console.change(take("anna"));
    console.keys("A");
    let [Command::Take { alerts, lasts, .. }] = &console.sent[..] else {
        panic!("{:?}", console.sent);
    };
    assert_eq!(
        (alerts.len(), *lasts),
        (console.model.state.alarms.len(), Duration::ZERO)
    );
}
