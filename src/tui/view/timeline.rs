//! The Timeline view: what happened and what people noted, newest first, and the whole of the line under the cursor.

use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::Entry;
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, fit, name, width};
use crate::tui::layout;
use crate::tui::listing::{line_place, lines};
use crate::tui::model::Model;
use crate::tui::theme::{Role, tone};
use crate::tui::view::header::short_tag;
use crate::tui::view::pulse::said;

/// Draws the view.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let size = (canvas.columns(), canvas.rows());
    let rows = layout::listing(size);
    let all = lines(model);
    let at = line_place(model, &all);
    head(canvas, model, rows.rule, all.len());
    canvas.text(3, rows.rule + 1, "when", Role::Dim);
    canvas.text(17, rows.rule + 1, "what", Role::Dim);
    list(canvas, model, &all, at, (rows.list, rows.shown), now);
    detail(canvas, model, all.get(at).copied(), rows.detail, now);
}

/// The rule, with the filter and how much of all it leaves.
fn head(canvas: &mut Canvas<'_>, model: &Model, y: u16, shown: usize) {
    let view = &model.timeline;
    let all = model.state.timeline.len();
    let typed = visible(view.filter.value()).into_owned();
    let is_on = view.typing || !typed.is_empty();
    let sum = if is_on {
        format!("{} of {}", count(shown), count(all))
    } else {
        count(all)
    };
    canvas.rule(y, "timeline, newest first", &sum);
    if !is_on {
        return;
    }
    let taken = u16::try_from(width(&sum)).unwrap_or(0) + 6;
    let last = canvas.columns().saturating_sub(taken);
    let filter = fit(&typed, usize::from(last.saturating_sub(34)));
    let wide = u16::try_from(width(&filter)).unwrap_or(0) + 5;
    let x = last.saturating_sub(wide);
    let caret = if view.typing { " " } else { "" };
    canvas.pieces(
        x,
        y,
        &[
            (" / ", Role::Care),
            (&filter, Role::Care),
            (caret, Role::Caret),
            (" ", Role::Plain),
        ],
    );
}

fn list(
    canvas: &mut Canvas<'_>,
    model: &Model,
    all: &[&Entry],
    at: usize,
    (y, rows): (u16, u16),
    now: Now,
) {
    if all.is_empty() {
        let text = if model.timeline.filter.value().is_empty() {
            "nothing has happened yet".to_owned()
        } else {
            format!(
                "nothing fits the filter; {} takes it off",
                model.key(ActionId::Back)
            )
        };
        canvas.text(3, y, &text, Role::Dim);
        return;
    }
    let first = (at + 1).saturating_sub(usize::from(rows));
    for (row, (place, entry)) in (0..rows).zip(all.iter().enumerate().skip(first)) {
        line(canvas, model, y + row, entry, place == at, now);
    }
}

fn line(canvas: &mut Canvas<'_>, model: &Model, y: u16, entry: &Entry, is_cursor: bool, now: Now) {
    if is_cursor {
        canvas.text(1, y, "►", Role::Strong);
    }
    canvas.text(3, y, &model.zone.stamp(entry.at, now.wall), Role::Dim);
    if let Some(place) = entry.instance {
        let tag = short_tag(model.state.instances.get(place));
        canvas.cell(13, y, 3, &tag, Role::Plain);
    } else if entry.who.is_some() {
        canvas.text(13, y, "■", Role::Strong);
    }
    let role = match tone(entry.tone) {
        Role::Plain if is_cursor => Role::Strong,
        role => role,
    };
    let room = canvas.columns().saturating_sub(18);
    canvas.cell(17, y, room, &said(model, entry), role);
}

fn detail(canvas: &mut Canvas<'_>, model: &Model, entry: Option<&Entry>, y: u16, now: Now) {
    let Some(entry) = entry else {
        canvas.rule(y, "nothing", "");
        return;
    };
    let instance = entry
        .instance
        .and_then(|place| model.state.instances.get(place));
    let about = match (&entry.who, instance) {
        (Some(who), _) => format!("noted by {}", visible(who)),
        (None, Some(instance)) => name(&instance.name),
        (None, None) => "tandem".to_owned(),
    };
    let utc = entry.at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let local = model.zone.stamp(entry.at, now.wall);
    canvas.rule(y, &format!("{local} · {about}"), &utc);
    let room = canvas.columns().saturating_sub(2);
    let rows = canvas.rows().saturating_sub(y + 3);
    canvas.flow((1, y + 1), (room, rows), &said(model, entry), Role::Plain);
}

/// One pane, where two have no room.
pub fn narrow(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let all = lines(model);
    let at = line_place(model, &all);
    canvas.rule(0, "timeline", &count(all.len()));
    let rows = canvas.rows().saturating_sub(1);
    let first = (at + 1).saturating_sub(usize::from(rows));
    for (y, (place, entry)) in (1..canvas.rows()).zip(all.iter().enumerate().skip(first)) {
        let text = if place == at {
            Role::Strong
        } else {
            tone(entry.tone)
        };
        let x = canvas.text(1, y, &model.zone.short(entry.at, now.wall), Role::Dim);
        canvas.text(x + 1, y, &said(model, entry), text);
    }
}
