//! The last row: the keys that work now, from the table of actions. What has no room is left out whole; the
//! palette and the help never are.

use crate::domain::operation::Verb;
use crate::domain::time::Now;
use crate::tui::action::{Action, ActionId};
use crate::tui::canvas::Canvas;
use crate::tui::format::width;
use crate::tui::keymap::{Context, actions_in};
use crate::tui::layout::Arrangement;
use crate::tui::listing::chosen_run;
use crate::tui::model::{Dialog, Model, Screen};
use crate::tui::theme::Role;
use crate::tui::update::{can_end, context, why_not};
use crate::tui::view::dialog::is_in_place;

/// Draws the hints.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    let y = canvas.rows().saturating_sub(1);
    if model.records.typing && model.screen == Screen::Records {
        let text = "Enter keep  Esc off  drift:stub table:acc why:rule age>6h tickets>3 !x ~abc";
        canvas.text(1, y, text, Role::Dim);
        return;
    }
    if model.timeline.typing && model.screen == Screen::Timeline {
        let text = "Enter keep  Esc off  words, !not; a name, an instance";
        canvas.text(1, y, text, Role::Dim);
        return;
    }
    if let Some(Dialog::Choose(dialog)) = model.dialogs.last()
        && is_in_place(model, dialog, now)
    {
        let text = "b, u, e or c: the confirmation comes next   Esc leave, nothing is sent";
        canvas.text(1, y, text, Role::Strong);
        return;
    }
    let gap: u16 = if wide { 3 } else { 2 };
    // Where nothing else has room, these two do: they lead to all the rest.
    let last = [
        (model.key(ActionId::Palette), "all"),
        (model.key(ActionId::Help), "help"),
    ];
    let reserved: usize = last
        .iter()
        .map(|(key, words)| width(key) + words.len() + 1 + usize::from(gap))
        .sum();
    let end = canvas
        .columns()
        .saturating_sub(2 + u16::try_from(reserved).unwrap_or(u16::MAX));
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
    for (key, words) in &last {
        let pieces = [
            (key.as_str(), Role::Strong),
            (" ", Role::Plain),
            (*words, Role::Dim),
        ];
        x = canvas.pieces(x, y, &pieces) + gap;
    }
}

/// Keys and words for what can be done here.
fn hints(model: &Model, now: Now) -> Vec<(String, String)> {
    let armed = model.is_armed(now);
    let here = context(model.screen);
    let mut hints: Vec<(String, String)> = Vec::new();
    let can_end = can_end(model, now);
    let has_verbs = matches!(here, Context::Records | Context::Sides);
    if has_verbs && !armed {
        hints.push((
            model.key(ActionId::Arm),
            format!("arm for {}", model.verb_keys()),
        ));
    }
    if model.picking.is_some() {
        hints.push((model.key(ActionId::SwapSide), "the other side".to_owned()));
        hints.push((model.key(ActionId::Open), "go on".to_owned()));
    }
    let special = special(model, now);
    hints.extend(special);
    // What would only wait for the target stands behind what helps now.
    let target = model
        .link()
        .and_then(|link| model.state.instances.get(link.target));
    let would_wait = here == Context::Pulse && target.is_some_and(|one| !one.is_writable());
    let mut later: Vec<(String, String)> = Vec::new();
    for action in actions_in(here).chain(actions_in(Context::Screens)) {
        let is_arming = action.id == ActionId::Arm;
        let hidden = action.hint.is_empty()
            || matches!(action.id, ActionId::Help | ActionId::Palette)
            || model.keys.keys(action).is_empty()
            // All of Pulse's panes are on the screen here.
            || (action.id == ActionId::Pane && here == Context::Pulse)
            || (action.id == ActionId::End && !can_end)
            || (action.id == ActionId::Take && !is_anything_untaken(model, now))
            || (matches!(
                action.id,
                ActionId::Breaker
                    | ActionId::Pause
                    | ActionId::Retry
                    | ActionId::Rerun
                    | ActionId::CancelRun
                    | ActionId::Take
            ) && why_not(model, action.id, now).is_some())
            || (action.writes_to_the_target() && has_verbs && !armed)
            || (is_arming && has_verbs && !armed);
        let is_theirs = model.why_not_theirs(Verb::Sync, None).is_none();
        let hidden = hidden || (action.id == ActionId::Sync && !has_verbs && !is_theirs);
        if !hidden {
            let words = if is_arming && armed {
                "lock"
            } else {
                action.hint
            };
            let hint = (keys_of(model, action), words.to_owned());
            if would_wait && action.id == ActionId::Sync {
                later.push(hint);
            } else {
                hints.push(hint);
            }
        }
    }
    hints.extend(later);
    hints
}

/// Whether an alert fires that nobody has.
fn is_anything_untaken(model: &Model, now: Now) -> bool {
    let mut alarms = model.state.alarms.iter();
    alarms.any(|alarm| model.state.taken_by(alarm, now.wall).is_none())
}

/// What Enter does here, where that is worth a hint.
fn special(model: &Model, now: Now) -> Option<(String, String)> {
    let words = match model.screen {
        Screen::Sides(_) => return Some((model.key(ActionId::Back), "back".to_owned())),
        Screen::Pulse | Screen::Records | Screen::Timeline => return None,
        Screen::Runs => {
            chosen_run(model, now)?.operation?;
            "its records"
        }
        Screen::Tickets => {
            model.tickets.read.as_ref()?;
            "its customer"
        }
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
    Some((model.key(ActionId::Open), words.to_owned()))
}

fn keys_of(model: &Model, action: &Action) -> String {
    if action.id == ActionId::NextDrift {
        return format!(
            "{} {}",
            model.key(ActionId::PreviousDrift),
            model.key(action.id)
        );
    }
    model.key(action.id)
}
