//! The table of actions, and what keys do to the views.

use std::time::Duration;

use super::driver::Console;
use super::fixture;
use crate::config::{KeyBinding, Keys};
use crate::engine::Command;
use crate::engine::state::Lock;
use crate::tui::action::{ACTIONS, Action, ActionId, Writes};
use crate::tui::keymap::{Code, Context, Key, Keymap, actions_in, char, key, parse};
use crate::tui::message::Message;
use crate::tui::model::Screen;

const CONTEXTS: [Context; 12] = [
    Context::Screens,
    Context::Pulse,
    Context::Records,
    Context::Sides,
    Context::Operations,
    Context::Runs,
    Context::Tickets,
    Context::Timeline,
    Context::Field,
    Context::Dialog,
    Context::Breaker,
    Context::Always,
];

#[test]
fn every_action_has_a_key_and_a_help_text_and_stands_once() {
    for action in ACTIONS {
        assert!(!action.keys.is_empty(), "{:?}", action.id);
        assert!(!action.help.is_empty(), "{:?}", action.id);
        assert!(
            action.help.len() <= 59,
            "{:?} is cut at 80 columns",
            action.id
        );
        assert!(!action.contexts.is_empty(), "{:?}", action.id);
        let same = |other: &&Action| other.id == action.id || other.name == action.name;
        assert_eq!(ACTIONS.iter().filter(same).count(), 1, "{:?}", action.id);
    }
}

#[test]
fn no_two_actions_share_a_key_where_both_hold() {
    for context in CONTEXTS {
        let everywhere = actions_in(Context::Always);
        let views = [
            Context::Pulse,
            Context::Records,
            Context::Sides,
            Context::Operations,
            Context::Runs,
            Context::Tickets,
            Context::Timeline,
        ];
        let screens = views
            .contains(&context)
            .then(|| actions_in(Context::Screens))
            .into_iter()
            .flatten();
        let mut seen: Vec<(Key, ActionId)> = Vec::new();
        for action in actions_in(context).chain(screens).chain(everywhere) {
            for key in action.keys {
                let other = seen
                    .iter()
                    .find(|(known, id)| known == key && *id != action.id);
                assert_eq!(other, None, "{key} in {context:?}: {:?}", action.id);
                seen.push((*key, action.id));
            }
        }
    }
}

#[test]
fn no_writing_action_stands_on_ctrl_or_on_a_lower_case_letter_of_a_list() {
    for action in ACTIONS.iter().filter(|one| one.writes_to_the_target()) {
        for key in action.keys {
            assert!(!key.ctrl, "{:?}", action.id);
        }
    }
    for id in [ActionId::Ensure, ActionId::Sync, ActionId::Rehydrate] {
        let action = crate::tui::action::of(id).unwrap();
        assert!(
            action
                .keys
                .iter()
                .all(|key| key.to_string().chars().all(char::is_uppercase))
        );
    }
}

#[test]
fn the_views_are_reached_by_number_and_left_by_esc() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2");
    assert_eq!(console.model.screen, Screen::Records);
    console.keys("Enter");
    assert!(matches!(console.model.screen, Screen::Sides(_)));
    console.keys("Esc");
    assert_eq!(console.model.screen, Screen::Records);
    console.keys("3 Esc");
    assert_eq!(console.model.screen, Screen::Pulse);
}

#[test]
fn quitting_asks_only_while_an_operation_runs() {
    let mut console = Console::new(fixture::quiet(), (80, 24));
    console.keys("q");
    assert!(console.has_quit);
    let mut console = Console::new(fixture::bulk(), (80, 24));
    console.keys("q");
    assert!(!console.has_quit);
    console.keys("Esc q y");
    assert!(console.has_quit);
}

#[test]
fn ctrl_c_cancels_a_dialog_and_twice_quits() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 E Ctrl-C");
    assert!(console.model.dialogs.is_empty() && !console.has_quit);
    console.wait(Duration::from_secs(5)).keys("Ctrl-C");
    assert!(!console.has_quit);
    console.keys("Ctrl-C");
    assert!(console.has_quit);
}

#[test]
fn ctrl_z_suspends_and_ctrl_l_redraws_even_in_a_dialog() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("? Ctrl-Z Ctrl-L");
    assert_eq!(console.suspended, 1);
    assert_eq!(console.model.dialogs.len(), 1);
}

#[test]
fn pasted_text_is_never_taken_for_keys() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2");
    console.take(Message::Paste("aEq\n3".to_owned()));
    assert!(console.model.records.marks.is_empty() && console.model.dialogs.is_empty());
    console.keys("/");
    console.take(Message::Paste("hub\nbell".to_owned()));
    assert_eq!(console.model.records.filter.value(), "hub bell");
}

#[test]
fn the_footer_names_keys_from_the_table_alone() {
    let screen = Console::new(fixture::quiet(), (140, 42)).screen();
    let footer = screen.lines().last().unwrap();
    for (key, words) in [
        ("T", "retry sync"),
        ("B", "breaker"),
        ("W", "arm"),
        ("?", "help"),
    ] {
        assert!(footer.contains(&format!("{key} {words}")), "{footer}");
    }
}

#[test]
fn the_breaker_menu_stops_all_calls_only_with_a_reason_and_a_y() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("B s Enter y");
    assert!(console.sent.is_empty(), "{:?}", console.sent);
    console.keys("Backspace \"INC-4471\" Enter");
    assert!(console.sent.is_empty());
    console.keys("y");
    assert!(matches!(
        console.sent.as_slice(),
        [crate::engine::Command::ForceOpen { instance: 1, reason, .. }] if reason == "INC-4471"
    ));
}

#[test]
fn the_breaker_menu_probes_at_once_and_goes_over_to_the_other_instance() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.keys("B p Tab p l");
    assert_eq!(
        console.sent,
        [
            crate::engine::Command::ProbeNow { instance: 1 },
            crate::engine::Command::ProbeNow { instance: 0 }
        ]
    );
}

#[test]
fn status_goes_to_the_clipboard_and_onto_a_plain_page() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.keys("Y");
    let text = console.copied.first().unwrap();
    assert!(
        text.starts_with("EUROPE DOWN 6m09s, since 03:06:31 CET (02:06:31 UTC)."),
        "{text}"
    );
    assert!(!text.contains('│'));
    console.keys("Esc");
    assert!(console.model.dialogs.is_empty());
}

#[test]
fn security_case_27_only_the_keys_that_copy_reach_the_clipboard_and_they_send_what_was_asked_for() {
    let copied = |keys: &str| {
        let mut console = Console::new(fixture::working(), (140, 42));
        console.keys(keys);
        console.copied.clone()
    };
    // Whatever else is pressed, on any screen, nothing leaves for the terminal's clipboard.
    let others: String = (' '..='~')
        .filter(|key| !"yYqQ\"\\".contains(*key) && *key != ' ')
        .flat_map(|key| [key, ' ', 'E', 's', 'c', ' '])
        .collect();
    for screen in 1..=7 {
        assert_eq!(
            copied(&format!("{screen} {others}")),
            Vec::<String>::new(),
            "{screen}"
        );
    }
    let [id] = copied("2 y").try_into().unwrap();
    assert!(crate::domain::row::RowId::parse(&id).is_ok(), "{id}");
}

#[test]
fn a_key_that_is_released_or_unknown_does_nothing() {
    let mut console = Console::new(fixture::quiet(), (80, 24));
    console.take(Message::Key(char('#')));
    assert_eq!(console.model.screen, Screen::Pulse);
    assert!(console.sent.is_empty());
}

#[test]
fn what_can_not_be_seen_can_not_be_confirmed() {
    let mut console = Console::new(fixture::armed(fixture::working(), "INC-1"), (80, 24));
    console.keys("2 E");
    console.take(Message::Resize(79, 24));
    console.keys("y Enter q");
    assert!(console.sent.is_empty() && !console.has_quit);
    console.take(Message::Resize(80, 24));
    console.take(Message::Key(char('y')));
    assert!(console.sent.is_empty(), "it was only drawn just now");
    console.keys("y");
    assert_eq!(console.sent.len(), 1);
}

fn keys_of(bindings: &[(&str, &[&str])]) -> Result<Keymap, crate::config::ConfigError> {
    let bindings = (7..)
        .zip(bindings)
        .map(|(line, (action, keys))| KeyBinding {
            action: (*action).to_owned(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            line,
        });
    Keymap::of(&Keys {
        file: "tandem.toml".into(),
        bindings: bindings.collect(),
    })
}

#[test]
fn every_key_is_read_by_the_name_that_it_is_shown_by() {
    for action in ACTIONS {
        for key in action.keys {
            assert_eq!(parse(&key.to_string()), Some(*key), "{key}");
        }
    }
    assert_eq!(parse("F5"), Some(key(Code::F(5))));
    for nonsense in ["", "Ctrl-", "F0", "F13", "xx", "Hyper-x", "\n"] {
        assert_eq!(parse(nonsense), None, "{nonsense:?}");
    }
}

#[test]
fn another_key_takes_the_place_of_the_first_in_views_footer_and_help() {
    let mut console = Console::new(fixture::working(), (140, 42));
    let map = keys_of(&[("filter", &["F3", "z"]), ("poll", &[])]).unwrap();
    console.model.keys = std::sync::Arc::new(map);
    console.keys("2 /");
    assert!(!console.model.records.typing);
    let screen = console.screen();
    let footer = screen.lines().last().unwrap();
    assert!(
        footer.contains("F3 filter") && !footer.contains(" poll"),
        "{footer}"
    );
    console.keys("z");
    assert!(console.model.records.typing);
    console.keys("Esc r");
    assert!(console.sent.is_empty(), "r is nothing's key any more");
    console.keys(": \"poll\" Enter");
    assert!(
        console.sent.contains(&Command::Compare),
        "the palette has no need of keys"
    );
}

#[test]
fn keys_that_can_not_be_are_refused_with_their_line() {
    type Written = &'static [(&'static str, &'static [&'static str])];
    let cases: [(Written, usize, &str); 7] = [
        (
            &[("poll", &["F5"]), ("fiter", &["x"])],
            8,
            "no action is called `fiter`",
        ),
        (&[("poll", &["Meta-x"])], 7, "no key is called `Meta-x`"),
        (&[("poll", &["F5"]), ("sort", &["F5"])], 8, "`F5` would be"),
        (&[("mark", &["E"])], 7, "`mark` and `ensure`"),
        (&[("ensure", &["y"])], 7, "it can't be on `y`"),
        (&[("yes", &["z"])], 7, "keeps its key"),
        (&[("redraw", &["z"])], 7, "works while text is typed"),
    ];
    for (bindings, line, what) in cases {
        let error = keys_of(bindings).unwrap_err();
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.what.contains(what), "{error}");
    }
    assert!(
        keys_of(&[("ensure", &["M"]), ("mark", &["E"])]).is_ok(),
        "they may change places"
    );
}

#[test]
fn the_palette_finds_by_letters_shows_keys_and_says_why_not() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys(": \"rhy\"");
    let screen = console.screen();
    let line = screen.lines().find(|line| line.contains("rehydrate"));
    assert!(
        line.unwrap()
            .contains("not now: only in Records, both sides"),
        "{screen}"
    );
    console.keys("Enter");
    assert_eq!(console.model.dialogs.len(), 1, "it stays, and says why");
    console.keys("Esc 2 : \"ensure\" Enter");
    assert!(
        console.screen().contains("ARM writes"),
        "{}",
        console.screen()
    );
}

#[test]
fn the_help_is_searched_by_key_and_enter_does_what_is_found() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("? \"B\"");
    let screen = console.screen();
    assert!(
        screen.contains("► B         an instance's breakers"),
        "{screen}"
    );
    console.keys("Enter");
    assert!(console.screen().contains("BREAKER"), "{}", console.screen());
}

/// Whether a command could change a row of an instance.
fn writes(command: &Command) -> bool {
    matches!(
        command,
        Command::Repair { .. }
            | Command::StartSync { .. }
            | Command::Resume { .. }
            | Command::OrderRun { .. }
    )
}

/// Security case 54.
#[test]
fn no_writing_action_is_reachable_while_read_only() {
    for state in [fixture::working(), fixture::bulk(), fixture::outage()] {
        for view in ["1", "2", "2 a", "2 Enter", "3", "3 Tab", "4", "5", "6"] {
            for action in ACTIONS.iter().filter(|one| one.writes == Writes::Target) {
                let key = action.keys.first().unwrap();
                for way in [format!("{key}"), format!(": \"{}\" Enter", action.name)] {
                    let mut console = Console::new(state.clone(), (80, 24));
                    console.change(|state| state.lock = Lock::ReadOnly { may_arm: true });
                    console.keys(view).keys(&way).keys("y Enter \"15\" Enter y");
                    let wrote = console.sent.iter().any(writes);
                    assert!(!wrote, "{way} in {view:?}: {:?}", console.sent);
                }
            }
        }
    }
}
