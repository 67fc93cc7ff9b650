//! Colours, ASCII, a screen held still, names hidden, the mouse.

use super::driver::Console;
use super::fixture;
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
