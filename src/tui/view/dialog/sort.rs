//! By what the list is sorted, to choose from.

use super::{Line, boxed};
use crate::tui::canvas::Canvas;
use crate::tui::model::{Model, SortDialog};
use crate::tui::order::Sort;
use crate::tui::theme::Role;

/// Draws the menu.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, dialog: SortDialog) {
    let mut lines = vec![Line::empty()];
    for (place, sort) in Sort::ALL.into_iter().enumerate() {
        let cursor = if place == dialog.at { "►" } else { " " };
        let now = if sort == model.records.sort {
            "now"
        } else {
            ""
        };
        let role = if place == dialog.at {
            Role::Strong
        } else {
            Role::Plain
        };
        let text = format!("{cursor} {}", sort.words());
        lines.push(Line::of("", text).at(3).role(role).right(now));
    }
    lines.push(Line::empty());
    lines.push(Line::of("", "Enter  sort so").at(3).right("Esc  leave it"));
    boxed(canvas, "SORT the records", ("", Role::Plain), &lines);
}
