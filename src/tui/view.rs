//! Drawing: pure functions of the model and the time, one file per panel. Nothing is decided or remembered here.

use ratatui::buffer::Buffer;

use super::canvas::Canvas;
use super::layout::{Arrangement, SMALLEST};
use super::model::{Model, Screen};
use super::theme::{Role, tone};
use crate::domain::text::visible;
use crate::domain::time::Now;

mod detail;
mod dialog;
mod footer;
mod header;
mod help;
mod operations;
mod pulse;
mod records;
mod sides;
mod verdict;

pub use dialog::status_text;
pub use pulse::result;

/// Draws everything.
pub fn draw(model: &Model, now: Now, buffer: &mut Buffer) {
    let mut canvas = Canvas::new(buffer, model.theme);
    let size = (canvas.columns(), canvas.rows());
    canvas.clear();
    if Arrangement::of(size) == Arrangement::None {
        too_small(&mut canvas);
        return;
    }
    if let Some(super::model::Dialog::Status(text)) = model.dialogs.last() {
        dialog::status(&mut canvas, text);
        return;
    }
    header::draw(&mut canvas, model, now);
    verdict::draw(&mut canvas, model, now);
    match model.screen {
        Screen::Pulse => pulse::draw(&mut canvas, model, now),
        Screen::Records => records::draw(&mut canvas, model, now),
        Screen::Sides(view) => sides::draw(&mut canvas, model, view, now),
        Screen::Operations => operations::draw(&mut canvas, model, now),
    }
    footer::draw(&mut canvas, model, now);
    toast(&mut canvas, model);
    dialog::draw(&mut canvas, model, now);
}

/// The newest short message, on the row above the footer.
fn toast(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(toast) = model.toasts.back() else {
        return;
    };
    let y = canvas.rows().saturating_sub(2);
    canvas.blank(y);
    let more = model.toasts.len() - 1;
    let text = if more > 0 {
        format!("{}  (+{more} more)", visible(&toast.text))
    } else {
        visible(&toast.text).into_owned()
    };
    let room = canvas.columns().saturating_sub(2);
    canvas.cell(1, y, room, &text, tone(toast.tone));
}

fn too_small(canvas: &mut Canvas<'_>) {
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let text = format!(
        "tandem needs {} x {}; this terminal is {columns} x {rows}",
        SMALLEST.0, SMALLEST.1
    );
    let wide = u16::try_from(text.len()).unwrap_or(columns).min(columns);
    canvas.text((columns - wide) / 2, rows / 2, &text, Role::Plain);
}
