//! What people complain of in consoles like this one, each as a test, with the issue in which they did. Those that stand
//! elsewhere: a key that writes at once (`verbs`), Enter that confirms (`verbs`), a target that moved (`verbs`), marks that
//! a filter hides (`lists`), keys that can't be changed (`keys`), a read-only mode that can't be left (`verbs`), a terminal
//! that is left broken, a paste that is taken for keys, a start without a network (`tests/it/terminal.rs`).

use std::time::Duration;

use super::driver::{Console, text};
use super::fixture::{self, secs};
use crate::domain::drift::Drift;
use crate::tui::action::Writes;
use crate::tui::commands;
use crate::tui::keymap::char;
use crate::tui::message::Message;
use crate::tui::model::{CommandsDialog, Dialog, Listing};

/// dbcli/pgcli#1410: a prompt took `t` for yes.
#[test]
fn no_letter_but_y_confirms() {
    for letter in ('!'..='~').filter(|letter| *letter != 'y') {
        let mut console = Console::new(fixture::armed(fixture::working(), "INC-1"), (80, 24));
        console.keys("2 E");
        console.wait(Duration::from_secs(1));
        console.take(Message::Key(char(letter)));
        assert!(console.sent.is_empty(), "{letter}");
    }
}

/// jesseduffield/lazygit#3328: the worst stood first in a menu.
#[test]
fn what_stands_first_in_the_palette_does_no_harm_by_itself() {
    for view in ["1", "2", "2 Enter", "3", "4", "5", "6"] {
        let mut console = Console::new(fixture::armed(fixture::working(), "INC-1"), (80, 24));
        console.keys(view).keys(": Enter");
        let wrote = !console.switched.is_empty()
            || console.sent.iter().any(|one| {
                use crate::engine::Command;
                !matches!(
                    one,
                    Command::Inspect(_) | Command::ListRuns | Command::Explain(_)
                )
            });
        assert!(!wrote, "{view}: {:?}", console.sent);
    }
}

/// jesseduffield/lazydocker#221: a line of 90,000 letters hung it.
#[test]
fn a_name_as_long_as_a_book_is_cut_before_it_costs_anything() {
    let mut state = fixture::armed(fixture::working(), "INC-1");
    let mut record = fixture::record(state.now, 1, Drift::Missing, "", "N1", secs(9_000));
    record.name = "W".repeat(100_000);
    record.number = "9".repeat(100_000);
    state.records = std::iter::once(record).collect();
    let mut console = Console::new(state, (80, 24));
    console.keys("2");
    // What stands behind it is on the screen, and that it was cut is seen.
    let screen = console.screen();
    let row = screen
        .lines()
        .find(|line| line.contains("missing  account  W"));
    let row = row.unwrap_or_else(|| panic!("{screen}"));
    assert!(row.contains("W…") && row.contains("9…"), "{row}");
    assert!(row.contains("2h30m"), "{row}");
    for keys in ["Enter", "Esc E", "Esc o", "Esc 3"] {
        console.keys(keys);
        console.screen();
    }
}

/// derailed/k9s#3414, #2595, #1487: which environment is this?
#[test]
fn both_environments_are_named_in_every_view_and_in_every_box_that_writes() {
    for (_, theme) in crate::tui::theme::Theme::ALL {
        for keys in [
            "1", "2", "2 Enter", "3", "4", "5", "6", "2 E", "2 a T", "T", "B", "W",
        ] {
            let mut console = Console::new(fixture::armed(fixture::working(), "INC-1"), (80, 24));
            console.model.theme = theme;
            console.keys(keys);
            let screen = text(&console.buffer());
            for band in ["░ US PROD ░", "▓ EU PROD ▓"] {
                assert!(screen.contains(band), "{band} in {keys}: {screen}");
            }
        }
    }
}

/// jesseduffield/lazygit VISION, #2084: what will the key do, and why can't it be done now?
#[test]
fn each_writing_action_says_in_the_help_what_it_writes_and_how_it_is_taken_back() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2");
    let dialog = CommandsDialog {
        listing: Listing::Help,
        input: tui_input::Input::default(),
        at: 0,
        drawn: console.now,
    };
    let rows = commands::rows(&console.model, &dialog, console.now);
    let actions = rows.iter().filter_map(commands::Row::action);
    for action in actions.filter(|one| one.writes == Writes::Target && one.is_a_command()) {
        let manners = action.manners();
        assert!(
            manners.contains("writes to the target, once armed"),
            "{manners}"
        );
        let is_told = manners.contains("takes it back")
            || manners.contains("stays")
            || manners.contains("kept for 30 days")
            || manners.contains("brings the new data");
        assert!(is_told, "{}: {manners}", action.name);
    }
}

/// derailed/k9s#2613, opensensor/lightNVR#171: leaving a box, or ending, has to be what it says.
#[test]
fn leaving_a_box_sends_nothing_and_leaves_nothing_behind() {
    for keys in [
        "2 E",
        "2 a T",
        "T",
        "B s",
        "W",
        "a",
        "n",
        "x",
        "2 ] ] ] ] H",
    ] {
        let mut console = Console::new(fixture::armed(fixture::outage(), "INC-1"), (80, 24));
        console.keys(keys);
        let sent = console.sent.len();
        console.keys("Esc Esc");
        let open = console
            .model
            .dialogs
            .iter()
            .any(|one| matches!(one, Dialog::Confirm(_)));
        assert!(
            !open && console.sent.len() == sent,
            "{keys}: {:?}",
            console.sent
        );
    }
}
