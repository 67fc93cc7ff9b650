//! What makes the screen bearable: held still, names hidden, the mouse, colours. Nothing here reaches an instance.

use super::{list, moved, update};
use crate::domain::time::Now;
use crate::engine::state::Tone;
use crate::tui::action::ActionId;
use crate::tui::message::{Effect, Message, Snapshot};
use crate::tui::model::{Frozen, Model, Screen};

/// Does one of them.
pub fn act(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    match action {
        ActionId::Freeze => freeze(model, now),
        ActionId::Mask => {
            model.is_masked = !model.is_masked;
            Vec::new()
        }
        ActionId::Mouse => {
            model.has_mouse = !model.has_mouse;
            let text = if model.has_mouse {
                "the mouse moves the cursor; Shift selects text in most terminals"
            } else {
                "the mouse selects text again"
            };
            model.toast(text, Tone::Plain, now);
            vec![Effect::Mouse(model.has_mouse)]
        }
        _ => {
            model.theme = model.theme.next();
            let text = format!("colours: {}", model.theme.name());
            model.toast(text, Tone::Plain, now);
            vec![Effect::Redraw]
        }
    }
}

/// Holds the screen still; what comes meanwhile is shown as soon as it goes on.
fn freeze(model: &mut Model, now: Now) -> Vec<Effect> {
    match model.frozen.take() {
        Some(Frozen {
            newest: Some(state),
            ..
        }) => update(model, Message::Snapshot(Snapshot(state)), now),
        Some(_) => Vec::new(),
        None => {
            model.frozen = Some(Frozen {
                at: now,
                newest: None,
            });
            Vec::new()
        }
    }
}

/// Three lines at a time, where there is a list to move in.
pub fn wheel(model: &mut Model, down: bool, now: Now) -> Vec<Effect> {
    let action = if down { ActionId::Down } else { ActionId::Up };
    if !model.dialogs.is_empty() {
        return Vec::new();
    }
    (0..3).flat_map(|_| moved(model, action, now)).collect()
}

/// A click moves the cursor and does nothing else.
pub fn click(model: &mut Model, row: u16) -> Vec<Effect> {
    if model.dialogs.is_empty() && model.screen == Screen::Records {
        list::put_cursor_at_row(model, row);
    }
    Vec::new()
}
