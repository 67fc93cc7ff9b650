//! The last row: the keys that work now, from the table of actions. What has no room is left out whole; help never is.

use crate::domain::time::Now;
use crate::tui::action::{self, Action, ActionId};
use crate::tui::canvas::Canvas;
use crate::tui::format::width;
use crate::tui::keymap::{Context, actions_in};
use crate::tui::layout::Arrangement;
use crate::tui::model::{Model, Screen};
use crate::tui::theme::Role;
use crate::tui::update::context;

/// Draws the hints.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    let y = canvas.rows().saturating_sub(1);
    if model.records.typing && model.screen == Screen::Records {
        let text = "Enter keep the filter   Esc take it off   Up Down move";
        canvas.text(1, y, text, Role::Dim);
        return;
    }
    let gap: u16 = if wide { 3 } else { 2 };
    let help = "? help";
    let end = canvas
        .columns()
        .saturating_sub(2 + gap + u16::try_from(help.len()).unwrap_or(0));
    let mut x: u16 = 1;
    for (key, words) in hints(model, now) {
        let wide = u16::try_from(width(&key) + width(&words) + 1).unwrap_or(u16::MAX);
        if x.saturating_add(wide) > end + 1 {
            continue;
        }
        x = canvas.pieces(
            x,
            y,
            &[
                (&key, Role::Strong),
                (" ", Role::Plain),
                (&words, Role::Dim),
            ],
        ) + gap;
    }
    canvas.pieces(x, y, &[("?", Role::Strong), (" help", Role::Dim)]);
}

/// Keys and words for what can be done here.
fn hints(model: &Model, now: Now) -> Vec<(String, String)> {
    let armed = model.is_armed(now);
    let here = context(model.screen);
    let mut hints: Vec<(String, String)> = Vec::new();
    let can_end = model
        .chosen_operation()
        .and_then(|place| model.state.operations.get(place))
        .is_some_and(|one| !one.is_finished() && !Model::is_elsewhere(one, now));
    let has_verbs = matches!(here, Context::Records | Context::Sides);
    if has_verbs && !armed {
        hints.push(("W".to_owned(), "arm for E T H".to_owned()));
    }
    let special = special(model);
    hints.extend(special);
    for action in actions_in(here).chain(actions_in(Context::Screens)) {
        let is_arming = action.id == ActionId::Arm;
        let hidden = action.hint.is_empty()
            || action.id == ActionId::Help
            || (action.id == ActionId::End && !can_end)
            || (action.writes && has_verbs && !armed)
            || (is_arming && has_verbs && !armed);
        if !hidden {
            let words = if is_arming && armed {
                "lock"
            } else {
                action.hint
            };
            hints.push((keys_of(action), words.to_owned()));
        }
    }
    hints
}

/// What Enter does here, where that is worth a hint.
fn special(model: &Model) -> Option<(String, String)> {
    let words = match model.screen {
        Screen::Sides(_) => return Some(("Esc".to_owned(), "back".to_owned())),
        Screen::Pulse | Screen::Records => return None,
        Screen::Operations if model.operations.in_records => "both sides",
        Screen::Operations => {
            let chosen = model
                .chosen_operation()
                .and_then(|place| model.state.operations.get(place))?;
            if chosen.waits_for_a_person() {
                "go on with it"
            } else {
                "its records"
            }
        }
    };
    Some(("Enter".to_owned(), words.to_owned()))
}

fn keys_of(action: &Action) -> String {
    if action.id == ActionId::NextDrift {
        let before = action::of(ActionId::PreviousDrift).and_then(|one| one.keys.first());
        let key = action.keys.first();
        if let (Some(before), Some(key)) = (before, key) {
            return format!("{before} {key}");
        }
    }
    action
        .keys
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}
