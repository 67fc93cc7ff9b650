//! Random keys, pastes, sizes and snapshots: the console never panics, never writes unasked, and Esc leads home.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::driver::Console;
use super::fixture;
use crate::engine::command::Target;
use crate::engine::state::Lock;
use crate::engine::{Command, State};
use crate::tui::keymap::{Code, Key, key};
use crate::tui::message::{Message, Snapshot};
use crate::tui::model::{Ask, Dialog, Screen};

#[derive(Clone, Debug)]
enum Step {
    Press(Key),
    Paste(String),
    Resize(u16, u16),
    Wait(u64),
    Show(usize),
    Tick,
    Wheel(bool),
    Away,
    Click(u16),
}

fn states() -> Vec<Arc<State>> {
    [
        fixture::blank(),
        fixture::outage(),
        fixture::recovering(),
        fixture::quiet(),
        fixture::armed(fixture::working(), "INC-1"),
        fixture::working(),
        fixture::bulk(),
        fixture::armed(fixture::many_stubs(30), ""),
        fixture::armed(fixture::hooked(), "INC-2"),
    ]
    .into_iter()
    .map(Arc::new)
    .collect()
}

fn keys() -> impl Strategy<Value = Key> {
    let named = prop::sample::select(vec![
        Code::Enter,
        Code::Esc,
        Code::Tab,
        Code::BackTab,
        Code::Backspace,
        Code::Up,
        Code::Down,
        Code::Home,
        Code::End,
        Code::PageUp,
        Code::PageDown,
    ])
    .prop_map(key);
    let letters = prop::sample::select(
        "123456EEETTTHHHyyyyyyWBLxXrRqYsnxal/[]avuA  ccjkhhpoA?:be+-04fPmiü"
            .chars()
            .collect::<Vec<_>>(),
    );
    let typed = letters.prop_map(crate::tui::keymap::char);
    let ctrl =
        prop::sample::select(vec!['c', 'l', 'z', 'u', 'd', 'w']).prop_map(crate::tui::keymap::ctrl);
    prop_oneof![4 => named, 8 => typed, 1 => ctrl]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sizes = prop_oneof![
        3 => Just((80, 24)),
        2 => Just((140, 42)),
        3 => (0u16..=300, 0u16..=100),
    ];
    let step = prop_oneof![
        14 => keys().prop_map(Step::Press),
        1 => ".{0,20}".prop_map(Step::Paste),
        2 => sizes.prop_map(|(columns, rows)| Step::Resize(columns, rows)),
        4 => (0u64..2_000).prop_map(Step::Wait),
        2 => (0usize..9).prop_map(Step::Show),
        1 => Just(Step::Tick),
        1 => any::<bool>().prop_map(Step::Wheel),
        1 => Just(Step::Away),
        1 => (0u16..100).prop_map(Step::Click),
    ];
    prop::collection::vec(step, 1..60)
}

fn asks_for_writes(command: &Command) -> bool {
    matches!(
        command,
        Command::Repair { .. }
            | Command::StartSync { .. }
            | Command::Resume { .. }
            | Command::OrderRun { .. }
    )
}

proptest! {
    #[test]
    fn nothing_panics_and_nothing_is_written_that_was_not_armed_and_confirmed(steps in steps()) {
        let states = states();
        let mut console = Console::new(State::clone(&states[3]), (80, 24));
        for (number, step) in steps.into_iter().enumerate() {
            let is_resize = matches!(step, Step::Resize(..));
            let open = console.model.dialogs.last().cloned();
            let armed = console.model.is_armed(console.now);
            let before = console.sent.len();
            let switched = console.switched.len();
            let confirms = matches!(step, Step::Press(key) if matches!(key.code, Code::Char('y') | Code::Enter));
            match step {
                Step::Press(key) => {
                    console.take(Message::Key(key));
                }
                Step::Paste(text) => {
                    console.take(Message::Paste(text));
                }
                Step::Resize(columns, rows) => {
                    console.take(Message::Resize(columns, rows));
                }
                Step::Wait(ms) => {
                    console.wait(Duration::from_millis(ms));
                }
                Step::Show(place) => {
                    let mut state = State::clone(&states[place]);
                    if let Lock::Armed { until, .. } = &mut state.lock {
                        *until = console.now.after(Duration::from_secs(900));
                    }
                    console.take(Message::Snapshot(Snapshot(Arc::new(state))));
                }
                Step::Tick => {
                    console.tick();
                }
                Step::Away => {
                    console.take(Message::Unfocused);
                }
                Step::Wheel(down) => {
                    console.take(Message::Wheel { down });
                }
                Step::Click(row) => {
                    console.take(Message::Click { row });
                }
            }
            for command in console.sent.iter().skip(before).filter(|one| asks_for_writes(one)) {
                prop_assert!(armed && confirms, "{command:?}");
                prop_assert!(console.model.size.0 >= 80 && console.model.size.1 >= 24);
                let Some(Dialog::Confirm(dialog)) = &open else {
                    return Err(TestCaseError::fail(format!("{command:?} without a dialog")));
                };
                let seen = console.now.since(dialog.drawn);
                prop_assert!(seen >= Duration::from_millis(150), "{seen:?}");
                if let (Command::Repair { records, .. }, Ask::Repair { records: shown, .. }) = (command, &dialog.ask) {
                    let shown: Vec<Target> = shown.iter().copied().map(Target::Record).collect();
                    prop_assert_eq!(records, &shown);
                }
            }
            if console.switched.len() > switched {
                prop_assert!(armed && confirms && matches!(open, Some(Dialog::Confirm(_))));
            }
            // Drawing is what costs; a size that is new is always drawn.
            if is_resize || number % 4 == 0 {
                console.buffer();
            }
        }
        console.buffer();
        console.take(Message::Resize(80, 24));
        for _ in 0..8 {
            console.wait(Duration::from_secs(2));
            console.take(Message::Key(key(Code::Esc)));
        }
        prop_assert_eq!(console.model.screen, Screen::Pulse);
        prop_assert!(console.model.dialogs.is_empty());
    }
}

#[test]
fn every_view_and_dialog_draws_at_every_size() {
    let sizes = [0, 1, 3, 11, 40, 79, 80, 81, 100, 119, 120, 139, 140, 300];
    let journeys = [
        "",
        "2",
        "2 Enter",
        "3",
        "3 Tab",
        "B",
        "B s",
        "W",
        "2 a T",
        "2 E",
        "?",
        "T",
        "q",
        "Y",
        "a",
        "n",
        "x",
        "4",
        "5",
        "6",
        "6 /",
        "2 /",
        ":",
        "2 s",
        "2 ] ] ] ] H",
        "2 ] ] ] ] H c",
        "2 Enter",
        "Tab",
        "f",
    ];
    for state in [
        fixture::outage(),
        fixture::armed(fixture::bulk(), "x"),
        fixture::blank(),
    ] {
        for journey in journeys {
            let mut console = Console::new(state.clone(), (80, 24));
            console.keys(journey);
            for columns in sizes {
                for rows in [0, 1, 3, 11, 24, 25, 36, 42, 100] {
                    console.take(Message::Resize(columns, rows));
                    console.buffer();
                }
            }
        }
    }
}
