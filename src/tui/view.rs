//! Drawing: pure functions of the model and the time, one file per panel. Nothing is decided or remembered here.

use ratatui::buffer::Buffer;

use super::ascii;
use super::canvas::Canvas;
use super::format::width;
use super::layout::Arrangement;
use super::model::{Model, Screen};
use super::theme::tone;
use crate::domain::text::visible;
use crate::domain::time::Now;

mod commands;
mod detail;
mod dialog;
mod footer;
mod header;
mod narrow;
mod operations;
mod pulse;
mod records;
mod runs;
mod sides;
mod tickets;
mod timeline;
mod verdict;

pub use dialog::{draw as draw_dialog, status_text};
pub use pulse::{probe_words, result, said};

/// Draws everything.
pub fn draw(model: &Model, now: Now, buffer: &mut Buffer) {
    in_glyphs(model, now, buffer);
    if model.is_ascii {
        ascii::only(buffer);
    }
}

fn in_glyphs(model: &Model, real: Now, buffer: &mut Buffer) {
    let now = model.shown(real);
    let mut canvas = Canvas::new(buffer, model.theme);
    let size = (canvas.columns(), canvas.rows());
    canvas.clear();
    if Arrangement::of(size) == Arrangement::None {
        narrow::status_line(&mut canvas, model, now);
        return;
    }
    if let Some(super::model::Dialog::Status(text)) = model.dialogs.last() {
        dialog::status(&mut canvas, model, text);
        return;
    }
    if Arrangement::of(size) == Arrangement::Narrow {
        narrow::draw(&mut canvas, model, now);
        return;
    }
    header::draw(&mut canvas, model, real);
    verdict::draw(&mut canvas, model, now);
    match model.screen {
        Screen::Pulse => pulse::draw(&mut canvas, model, now),
        Screen::Records => records::draw(&mut canvas, model, now),
        Screen::Sides(view) => sides::draw(&mut canvas, model, view, now),
        Screen::Operations => operations::draw(&mut canvas, model, now),
        Screen::Runs => runs::draw(&mut canvas, model, now),
        Screen::Tickets => tickets::draw(&mut canvas, model, now),
        Screen::Timeline => timeline::draw(&mut canvas, model, now),
    }
    footer::draw(&mut canvas, model, now);
    let opened = model.dialogs.last().and_then(super::model::Dialog::drawn);
    let newest = model.toasts.back().map(|toast| toast.since);
    let is_about_the_box = opened
        .zip(newest)
        .is_some_and(|(opened, newest)| newest.mono > opened.mono);
    if !is_about_the_box {
        toast(&mut canvas, model, 2);
    }
    dialog::draw(&mut canvas, model, now);
    if is_about_the_box {
        // It stands in the place of the keys, which work again once the box is closed.
        toast(&mut canvas, model, 1);
    }
}

/// The newest short message, on the row above the footer.
fn toast(canvas: &mut Canvas<'_>, model: &Model, from_below: u16) {
    let Some(toast) = model.toasts.back() else {
        return;
    };
    let y = canvas.rows().saturating_sub(from_below);
    canvas.blank(y);
    let room = canvas.columns().saturating_sub(2);
    let mut text = visible(&toast.text).into_owned();
    let more = format!("  (+{} more)", model.toasts.len() - 1);
    // That there were others before it is said where it leaves room.
    if model.toasts.len() > 1 && width(&text) + width(&more) <= usize::from(room) {
        text.push_str(&more);
    }
    canvas.cell(1, y, room, &text, tone(toast.tone));
}
