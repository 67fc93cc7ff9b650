//! Operations, a pane at a time: the list, or the records of the chosen one.

use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, fit};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::view::records::stage_glyph;
use crate::tui::view::result;

/// Draws the pane.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    if model.operations.in_records {
        records(canvas, model);
    } else {
        list(canvas, model, now);
    }
}

fn list(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    canvas.rule(0, "operations", &count(model.state.operations.len()));
    if model.state.operations.is_empty() {
        canvas.text(1, 1, "none was asked for yet", Role::Dim);
    }
    let chosen = model.chosen_operation().unwrap_or(0);
    let shown = usize::from(canvas.rows().saturating_sub(1)).max(1);
    let top = (chosen + 1).saturating_sub(shown);
    let operations = model.state.operations.iter().enumerate().skip(top);
    for (y, (place, one)) in (1..canvas.rows()).zip(operations) {
        let at = model.zone.short(one.request.asked, now.wall);
        let text = format!("{at}  {} {}", one.request.verb, result(one));
        let is_chosen = place == chosen;
        if is_chosen {
            canvas.text(0, y, "►", Role::Strong);
        }
        let role = if is_chosen { Role::Strong } else { Role::Plain };
        canvas.text(2, y, &text, role);
    }
}

fn records(canvas: &mut Canvas<'_>, model: &Model) {
    let chosen = model.chosen_operation();
    let Some(operation) = chosen.and_then(|place| model.state.operations.get(place)) else {
        return;
    };
    let name = format!(
        "{} {}",
        operation.request.verb,
        count(operation.progress.total)
    );
    canvas.rule(0, &name, &result(operation));
    let shown = usize::from(canvas.rows().saturating_sub(1)).max(1);
    let top = (model.operations.at + 1).saturating_sub(shown);
    let records = operation.records.iter().enumerate().skip(top);
    let room = usize::from(canvas.columns().saturating_sub(6));
    for (y, (place, record)) in (1..canvas.rows()).zip(records) {
        let is_cursor = place == model.operations.at;
        if is_cursor {
            canvas.text(0, y, "►", Role::Strong);
        }
        let (glyph, role) = stage_glyph(&record.stage);
        canvas.text(2, y, glyph, role);
        let why = record.stage.reason().map_or_else(
            || record.stage.word().to_owned(),
            |why| visible(why).into_owned(),
        );
        let text = format!("{}  {why}", fit(&model.private(&record.name), room / 2));
        let role = if is_cursor { Role::Strong } else { Role::Plain };
        canvas.text(4, y, &fit(&text, room), role);
    }
}
