//! The keys and what they do, made from the table of actions: it can't say anything else than what the keys do.

use crate::tui::canvas::Canvas;
use crate::tui::format::width;
use crate::tui::keymap::{Context, actions_in};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::update::context;

/// Draws the page over the view, from this line on.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, first: usize) {
    let lines = lines(model);
    let columns = canvas.columns().saturating_sub(4).min(100);
    let rows = canvas.rows().saturating_sub(2);
    let x = canvas.columns().saturating_sub(columns) / 2;
    let mut part = canvas.part(x, 1, columns, rows);
    part.frame("KEYS", "Esc  back   j k  scroll", Role::Dim);
    let shown = usize::from(rows.saturating_sub(2));
    let first = first.min(lines.len().saturating_sub(shown));
    for (row, (keys, words)) in (1..rows.saturating_sub(1)).zip(lines.iter().skip(first)) {
        let mut inner = part.part(1, row, columns - 2, 1);
        if words.is_empty() {
            inner.text(1, 0, keys, Role::Dim);
            continue;
        }
        inner.cell(2, 0, 12, keys, Role::Strong);
        inner.text(15, 0, words, Role::Plain);
    }
}

/// Headings, and keys with words, for where the person is; then everywhere; then what the words on screen mean.
fn lines(model: &Model) -> Vec<(String, String)> {
    let here = match context(model.screen) {
        Context::Pulse => ("here, on Pulse", Context::Pulse),
        Context::Sides => ("here, on both sides", Context::Sides),
        Context::Operations => ("here, in Operations", Context::Operations),
        _ => ("here, in Records", Context::Records),
    };
    let several = model.state.links.len() > 1;
    let mut lines = Vec::new();
    for (title, context) in [
        here,
        ("in every view", Context::Screens),
        ("always", Context::Always),
        ("in a dialog", Context::Dialog),
        ("in the breaker menu", Context::Breaker),
    ] {
        lines.push((title.to_owned(), String::new()));
        for action in actions_in(context) {
            if action.id == crate::tui::action::ActionId::NextLink && !several {
                continue;
            }
            let keys: Vec<String> = action.keys.iter().map(ToString::to_string).collect();
            let keys = keys.join(" ");
            let keys = if width(&keys) > 12 {
                action
                    .keys
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default()
            } else {
                keys
            };
            lines.push((keys, action.help.to_owned()));
        }
        lines.push((String::new(), String::new()));
    }
    for (word, meaning) in WORDS {
        lines.push(((*word).to_owned(), (*meaning).to_owned()));
    }
    lines
}

const WORDS: &[(&str, &str)] = &[
    ("words", ""),
    ("○ missing", "in the source, not in the target"),
    (
        "□ stub",
        "made only so that something could refer to it; its data is blank",
    ),
    ("≈ stale", "the source is ahead"),
    (
        "≠ diverged",
        "edited in the target since; held for a person",
    ),
    ("≡ duplicate", "one key on two rows; never written"),
    ("◊ orphan", "deleted at the source"),
    (
        "pending",
        "missing, stub or stale: what a sync would change",
    ),
    ("lag", "how long the oldest of them has been pending"),
    (
        "OPEN",
        "breaker: tandem sends nothing there; closed: calls pass",
    ),
    ("waiting", "goes on by itself, once the instance lets it"),
];
