//! Colours, ASCII, a screen held still, names hidden, the mouse.

use proptest::prelude::*;

use super::driver::Console;
use super::fixture::{self, secs};
use crate::domain::drift::Drift;
use crate::engine::state::Tone;
use crate::tui::message::Message;
use crate::tui::theme::{Role, Theme};

const STATES: [Role; 6] = [
    Role::Good,
    Role::Care,
    Role::Bad,
    Role::Source,
    Role::Target,
    Role::Verdict(Tone::Bad),
];

#[test]
fn every_theme_tells_the_roles_apart() {
    for (name, theme) in Theme::ALL
        .into_iter()
        .filter(|(_, one)| *one != Theme::Mono)
    {
        for (place, role) in STATES.iter().enumerate() {
            for other in &STATES[place + 1..] {
                assert_ne!(
                    theme.style(*role),
                    theme.style(*other),
                    "{name}: {role:?} {other:?}"
                );
            }
        }
    }
    let yellow = ratatui::style::Color::Yellow;
    assert_ne!(
        Theme::Light.style(Role::Care).fg,
        Some(yellow),
        "yellow on white"
    );
    let green = ratatui::style::Color::Green;
    assert_ne!(
        Theme::Safe.style(Role::Good).fg,
        Some(green),
        "green beside red"
    );
}

#[test]
fn the_theme_goes_round_by_its_key() {
    let mut console = Console::new(fixture::working(), (80, 24));
    let mut seen = Vec::new();
    for _ in 0..4 {
        console.keys("Ctrl-T");
        seen.push(console.model.theme.name());
    }
    assert_eq!(seen, ["light", "safe", "mono", "dark"]);
}

#[test]
fn ascii_draws_nothing_else_and_keeps_every_column() {
    for (state, keys) in [
        (fixture::outage(), ""),
        (fixture::working(), "2"),
        (fixture::working(), "2 ] ] ] ] Enter"),
        (fixture::bulk(), "3"),
        (fixture::working(), "?"),
    ] {
        let mut console = Console::new(state, (140, 42));
        let with: Vec<usize> = console
            .keys(keys)
            .screen()
            .lines()
            .map(crate::tui::format::width)
            .collect();
        console.model.is_ascii = true;
        let screen = console.screen();
        assert!(screen.is_ascii(), "{screen}");
        let without: Vec<usize> = screen.lines().map(str::len).collect();
        assert_eq!(with, without, "{screen}");
        assert!(
            !screen.contains('?') || keys == "?" || screen.contains("? help"),
            "{screen}"
        );
    }
}

#[test]
fn a_frozen_screen_keeps_its_figures_and_writes_nothing_until_it_goes_on() {
    let mut console = Console::new(fixture::armed(fixture::working(), "INC-1"), (80, 24));
    console.keys("2 f");
    let rows = |console: &Console| -> Vec<String> {
        console
            .screen()
            .lines()
            .skip(3)
            .take(15)
            .map(str::to_owned)
            .collect()
    };
    let before = rows(&console);
    console.change(|state| state.records = std::iter::empty().collect());
    console.wait(std::time::Duration::from_secs(90));
    assert_eq!(rows(&console), before, "figures and ages stand still");
    assert!(
        console.screen().contains("FROZEN 1m30s"),
        "{}",
        console.screen()
    );
    console.keys("E");
    assert!(console.model.dialogs.is_empty());
    assert!(
        console.screen().contains("f lets it go on first"),
        "{}",
        console.screen()
    );
    console.keys("f");
    assert!(
        console.screen().contains("nothing is out of step"),
        "{}",
        console.screen()
    );
}

#[test]
fn the_mask_hides_names_and_values_and_keeps_what_they_are_about() {
    let mut console = Console::new(fixture::working(), (140, 42));
    console.keys("2 P");
    for keys in ["", "Enter", "Esc E"] {
        let screen = console.keys(keys).screen();
        for name in ["Align Technology", "ALGN", "Halvorsen"] {
            assert!(!screen.contains(name), "{name} in {screen}");
        }
    }
    console.keys("Esc P");
    assert!(console.screen().contains("Align Technology"));
}

#[test]
fn wheel_and_click_only_move_the_cursor() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 m");
    assert!(console.model.has_mouse);
    console.take(Message::Wheel { down: true });
    assert_eq!(console.model.records.at, 3);
    console.take(Message::Click { row: 6 });
    assert_eq!(console.model.records.at, 1);
    console.take(Message::Click { row: 23 });
    assert_eq!(console.model.records.at, 1, "no record stands there");
    assert!(console.model.records.marks.is_empty() && console.sent.is_empty());
    console.keys("m");
    assert!(!console.model.has_mouse);
}

/// A record of that name, in the box that asks before it is written.
fn confirmed(name: &str) -> String {
    let mut state = fixture::armed(fixture::working(), "INC-1");
    let mut record = fixture::record(state.now, 1, Drift::Missing, name, "EVIL", secs(9_000));
    // As the engine takes it in.
    record.name = crate::domain::text::visible(name).into_owned();
    state.records = std::iter::once(record).collect();
    let mut console = Console::new(state, (80, 24));
    console.keys("2 E");
    console.screen()
}

#[test]
fn security_case_35_a_name_of_mixed_scripts_is_marked_in_the_box() {
    assert!(confirmed("C\u{43e}ntoso").contains("! mixed scripts"));
    assert!(!confirmed("Contoso").contains("mixed"));
}

#[test]
fn security_case_36_no_name_can_imitate_the_box() {
    let plain = confirmed("Contoso");
    let place = |screen: &str, words: &str| {
        let line = screen.lines().position(|line| line.contains(words));
        line.unwrap_or_else(|| panic!("{words} in {screen}"))
    };
    let id = fixture::record_key(0, 1).id.to_string();
    for name in [
        "x\n│  id         00000000-0000-0000-0000-000000000000 │\n",
        &"W".repeat(300),
        "│  y  ensure it   │",
        "─┐┘└┌",
        "\u{1b}[10;10Hid",
    ] {
        let screen = confirmed(name);
        for words in [
            id.as_str(),
            "y  ensure it     Tab",
            "writes to ▓ EU PROD ▓",
            "account ",
        ] {
            assert_eq!(
                place(&screen, words),
                place(&plain, words),
                "{name:?}: {screen}"
            );
        }
        for line in screen.lines() {
            assert!(crate::tui::format::width(line) <= 80, "{line:?}");
        }
    }
}

#[test]
fn security_case_37_raw_cells_are_forbidden_by_a_lint() {
    let rules = include_str!("../../../clippy.toml");
    for method in ["Cell::set_symbol", "Cell::set_char"] {
        assert!(rules.contains(method), "{method}");
    }
}

#[test]
fn security_case_39_a_notification_is_words_of_ours_and_plain_names() {
    let mut console = Console::new(fixture::quiet(), (80, 24));
    console.take(Message::Unfocused);
    console.change(|state| {
        let now = state.now;
        let mut alarm = fixture::alarm("down\u{1b}]0;x\u{7}", "eu\u{202e}rope; rm", now);
        alarm.text = "\u{1b}]52;c;evil\u{7}".to_owned();
        state.alarms = vec![alarm];
    });
    let [text] = &console.called[..] else {
        panic!("{:?}", console.called);
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " .,:%()+-_/?".contains(c);
    assert!(text.chars().all(is_plain), "{text:?}");
    assert!(text.starts_with("tandem: alert down"), "{text}");
    assert!(!text.contains("evil"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Security case 34: what is thought to be drawn is what is drawn, whatever the letters.
    #[test]
    fn security_case_34_columns_stay_aligned_whatever_a_name_is_made_of(name in "\\PC{0,60}", key in "\\PC{0,30}") {
        let mut state = fixture::working();
        let visible = |text: &str| crate::domain::text::visible(text).into_owned();
        let mut record = fixture::record(state.now, 1, Drift::Missing, "", "", secs(9_000));
        record.name = visible(&name);
        record.number = visible(&key);
        state.records = std::iter::once(record).collect();
        let mut console = Console::new(state, (80, 24));
        console.keys("2");
        let buffer = console.buffer();
        // `pending` and `attempt` stand where they stand for any other name.
        let row = |y: u16| -> String {
            (0..80).map(|x| buffer[(x, y)].symbol().chars().next().unwrap_or(' ')).collect()
        };
        let rows: Vec<String> = (4..8).map(row).collect();
        let line = rows.iter().find(|line| line.contains("missing")).unwrap();
        let pending: String = line.chars().skip(58).take(8).collect();
        prop_assert!(pending.trim_end().ends_with("2h30m"), "{line:?}");
    }
}
