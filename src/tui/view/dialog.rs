//! Dialogs over the view, which is dimmed behind them. GUID, table and instance stand in fixed places; what each key
//! does stands on the last line.

use crate::domain::time::Now;
use crate::tui::canvas::Canvas;
use crate::tui::model::{Dialog, Model};
use crate::tui::theme::Role;
use crate::tui::view::commands;
use crate::tui::view::header::{BandOf, band_text};

mod arm;
mod breaker;
mod choose;
mod confirm;
mod find;
mod incident;
mod quit;
mod sort;
mod status;

pub use choose::{choices, is_in_place};
pub use status::{draw as status, text as status_text};

/// How wide a dialog is.
const COLUMNS: u16 = 76;

/// Draws the topmost dialog.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let Some(top) = model.dialogs.last() else {
        return;
    };
    if let Dialog::Choose(dialog) = top
        && choose::is_in_place(model, dialog, now)
    {
        // Both sides stay in sight: the choices stand below them.
        return;
    }
    canvas.repaint(Role::Dim);
    match top {
        Dialog::Commands(dialog) => commands::draw(canvas, model, dialog, now),
        Dialog::Confirm(dialog) => confirm::draw(canvas, model, dialog, now),
        Dialog::Arm(dialog) => arm::draw(canvas, model, dialog),
        Dialog::Breaker(dialog) => breaker::draw(canvas, model, dialog, now),
        Dialog::Quit(_) => quit::draw(canvas, model),
        Dialog::Status(text) => status(canvas, model, text),
        Dialog::Note(dialog) => incident::note(canvas, model, dialog),
        Dialog::Take(dialog) => incident::take(canvas, model, dialog, now),
        Dialog::HandOver(dialog) => incident::hand_over(canvas, model, dialog, now),
        Dialog::Find(dialog) => find::draw(canvas, model, dialog),
        Dialog::Sort(dialog) => sort::draw(canvas, model, *dialog),
        Dialog::Choose(dialog) => choose::draw(canvas, model, dialog),
    }
}

/// One line of a dialog: a label, and pieces behind it.
struct Line {
    label: String,
    at: u16,
    pieces: Vec<(String, Role)>,
    right: String,
}

impl Line {
    fn empty() -> Self {
        Self::of("", "")
    }

    fn of(label: &str, text: impl Into<String>) -> Self {
        Self {
            label: label.to_owned(),
            at: 14,
            pieces: vec![(text.into(), Role::Plain)],
            right: String::new(),
        }
    }

    /// With its text that many columns from the left edge of the box.
    fn at(mut self, at: u16) -> Self {
        self.at = at;
        self
    }

    fn role(mut self, role: Role) -> Self {
        for piece in &mut self.pieces {
            piece.1 = role;
        }
        self
    }

    fn right(mut self, text: impl Into<String>) -> Self {
        self.right = text.into();
        self
    }

    /// A text field with its caret.
    fn field(label: &str, input: &tui_input::Input, is_active: bool) -> Self {
        let value = crate::domain::text::visible(input.value()).into_owned();
        let mut line = Self::of(label, "");
        if is_active {
            // Only the end of a long text is shown while it is typed.
            let skipped = value.chars().count().saturating_sub(44);
            let tail: String = value.chars().skip(skipped).collect();
            line.pieces = vec![
                ("> ".to_owned(), Role::Strong),
                (tail, Role::Plain),
                (" ".to_owned(), Role::Caret),
            ];
        } else {
            line.pieces = vec![(value, Role::Plain)];
        }
        line
    }
}

/// Draws a box with these lines in the middle of the screen.
fn boxed(canvas: &mut Canvas<'_>, title: &str, (right, role): (&str, Role), lines: &[Line]) {
    let rows = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let x = canvas.columns().saturating_sub(COLUMNS) / 2;
    let y = canvas.rows().saturating_sub(rows) / 2;
    let mut part = canvas.part(x, y, COLUMNS, rows);
    part.frame(title, right, role);
    for (row, line) in (1..).zip(lines) {
        let mut inner = part.part(0, row, COLUMNS - 2, 1);
        inner.text(3, 0, &line.label, Role::Plain);
        let pieces: Vec<(&str, Role)> = line
            .pieces
            .iter()
            .map(|(text, role)| (text.as_str(), *role))
            .collect();
        inner.pieces(line.at, 0, &pieces);
        if !line.right.is_empty() {
            inner.right(COLUMNS - 4, 0, &line.right, Role::Plain);
        }
    }
}

/// The band of the link's target.
fn target_band(model: &Model) -> String {
    let target = model
        .link()
        .and_then(|link| model.state.instances.get(link.target));
    band_text(target, BandOf::Target)
}
