//! Quitting while an operation runs: what happens to it.

use super::{Line, boxed};
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, of_them};
use crate::tui::model::Model;
use crate::tui::theme::Role;

/// Draws the dialog.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model) {
    let all = model.state.operations.iter();
    let running = all.filter(|one| !one.is_finished() && !one.was_left_behind);
    let mut lines = vec![Line::empty()];
    let (mut not_sent, mut on_the_way) = (0, 0);
    for operation in running {
        let tally = operation.progress;
        not_sent += tally.accepted;
        on_the_way += tally.intended + tally.applied + tally.unknown;
        if lines.len() < 5 {
            lines.push(Line::of(
                operation.request.verb.word(),
                format!("{} of {} done", count(tally.done()), count(tally.total)),
            ));
        }
    }
    lines.push(Line::empty());
    lines.push(Line::of(
        "on the way",
        format!(
            "{}: finished and read back, 5 s at most",
            of_them(on_the_way, "record")
        ),
    ));
    lines.push(Line::of(
        "not sent",
        format!(
            "{}: stays in the journal; {}",
            of_them(not_sent, "record"),
            if model.state.agent.is_some() {
                "the agent"
            } else {
                "the next console"
            }
        ),
    ));
    let then = if model.state.agent.is_some() {
        "goes on with it"
    } else {
        "offers to go on with it; nothing runs until then"
    };
    lines.push(Line::of("", then));
    lines.push(Line::empty());
    let mut last = Line::of("", "").at(3);
    last.pieces = vec![
        ("y".to_owned(), Role::Strong),
        ("  quit".to_owned(), Role::Plain),
    ];
    lines.push(last.right("Esc  stay"));
    boxed(
        canvas,
        "QUIT while an operation runs",
        ("", Role::Plain),
        &lines,
    );
}
