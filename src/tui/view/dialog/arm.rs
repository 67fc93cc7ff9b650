//! Unlocking writes (mock-up 8d): part of the verb, one flow.

use super::{Line, boxed, target_band};
use crate::domain::text::visible;
use crate::tui::canvas::Canvas;
use crate::tui::model::{ArmDialog, Field, Model};
use crate::tui::theme::Role;

/// Draws the dialog.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, dialog: &ArmDialog) {
    let first = match &dialog.then {
        Some((_, verb)) => format!(
            "READ-ONLY now. You pressed {}: it opens as soon as this is done.",
            model.key(*verb)
        ),
        None => format!(
            "READ-ONLY now. Armed, {} open their dialogs at once.",
            model.verb_keys()
        ),
    };
    let source = model
        .link()
        .and_then(|link| model.state.instances.get(link.source))
        .map_or("the source".to_owned(), |one| {
            visible(&one.band).into_owned()
        });
    let minutes = dialog.lasts.as_secs() / 60;
    let lasts = Line::of(
        "for",
        format!("{minutes}m   + and - change it, at most 60m; locks after 5m idle"),
    );
    let lasts = if dialog.field == Field::Lasts {
        lasts.role(Role::Strong)
    } else {
        lasts
    };
    let mut last = Line::of("", "").at(3);
    last.pieces = if dialog.sent {
        vec![("arming…".to_owned(), Role::Plain)]
    } else {
        vec![
            ("Enter".to_owned(), Role::Strong),
            ("  arm     ".to_owned(), Role::Plain),
            ("Tab  next field".to_owned(), Role::Dim),
        ]
    };
    let lines = [
        Line::empty(),
        Line::of("", first).at(3),
        Line::empty(),
        Line::field("reason", &dialog.reason, dialog.field == Field::Reason).right("(required)"),
        Line::field("ticket", &dialog.ticket, dialog.field == Field::Ticket).right("(optional)"),
        lasts,
        Line::of(
            &crate::tui::format::fit(&source, 10),
            "stays read-only: it is the source and is never written",
        ),
        Line::empty(),
        last.right("Esc  stay read-only"),
        Line::empty(),
    ];
    let shown = lines.len() - 1;
    let band = format!("{} only", target_band(model));
    boxed(canvas, "ARM writes", (&band, Role::Target), &lines[..shown]);
}
