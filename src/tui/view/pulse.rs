//! The Pulse view: the two instances side by side, the link between them, what changed. The panels keep their places
//! in good times and bad; the verdict does the pointing.

use crate::domain::time::Now;
use crate::tui::canvas::Canvas;
use crate::tui::layout::Arrangement;
use crate::tui::model::Model;

mod card;
mod changes;
mod link;

pub use card::{one as one_card, probe_words};
pub use changes::{failure, mark, result, said};
pub use link::{bar, line};

/// Draws the view.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let size = (canvas.columns(), canvas.rows());
    let wide = Arrangement::of(size).is_wide();
    let (cards, rows) = if wide { (7, 13) } else { (5, 7) };
    card::draw(canvas, model, cards, rows, now);
    let link = cards + rows;
    let below = link::draw(canvas, model, link, now);
    let air = u16::from(wide);
    changes::draw(canvas, model, below + air, now);
}
