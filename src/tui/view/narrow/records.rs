//! Records, a pane at a time: the list with drift and name; one record with what its columns hold on both sides.

use crate::domain::drift::Side;
use crate::domain::row::Value;
use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::engine::records::Record;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, fit, span, wrapped};
use crate::tui::model::{Model, SidesView};
use crate::tui::theme::Role;
use crate::tui::view::detail::Detail;
use crate::tui::view::header::short_tag;
use crate::tui::view::records::glyph;

/// The list.
pub fn list(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let list = &model.records;
    let facet = list.drift.map_or("all", crate::domain::drift::Drift::word);
    let marked = match list.marks.len() {
        0 => String::new(),
        n => format!(" · ■ {}", count(n)),
    };
    let name = format!("{facet} {}{marked}", count(list.order.slots.len()));
    canvas.rule(0, &name, &visible(list.filter.value()));
    if list.order.slots.is_empty() {
        canvas.text(1, 1, "nothing is listed here", Role::Dim);
    }
    for (y, place) in (1..canvas.rows()).zip(list.top..) {
        let Some(record) = model.record_at(place) else {
            return;
        };
        row(canvas, model, y, place, record, now);
    }
}

fn row(canvas: &mut Canvas<'_>, model: &Model, y: u16, place: usize, record: &Record, now: Now) {
    let is_cursor = place == model.records.at;
    let text = if is_cursor { Role::Strong } else { Role::Plain };
    if is_cursor {
        canvas.text(0, y, "►", Role::Strong);
    }
    if model.records.marks.contains(&record.key) {
        canvas.text(1, y, "■", Role::Strong);
    }
    let (glyph, role) = glyph(record.drift);
    canvas.text(3, y, glyph, role);
    canvas.cell(5, y, 8, record.drift.word(), text);
    let last = canvas.columns().saturating_sub(2);
    let pending = match record.since {
        Some(since) if record.drift.is_pending() => span(age(now.wall, since)),
        _ => "–".to_owned(),
    };
    let room = last.saturating_sub(14 + 8);
    canvas.cell(14, y, room, &model.private(&record.name), text);
    canvas.right(last, y, &pending, text);
}

/// One record: how it stands, why, and its columns one below the other.
pub fn sides(canvas: &mut Canvas<'_>, model: &Model, view: SidesView, now: Now) {
    let Some(record) = model.record(view.key) else {
        canvas.rule(0, "in step, and not listed any more", "");
        return;
    };
    let Some(detail) = Detail::of(model, record, now) else {
        return;
    };
    canvas.rule(
        0,
        &model.private(&record.name),
        &model.private(&record.number),
    );
    let room = usize::from(canvas.columns().saturating_sub(2));
    let (glyph, role) = glyph(record.drift);
    canvas.pieces(
        1,
        1,
        &[(glyph, role), (" ", role), (record.drift.word(), role)],
    );
    let mut lines: Vec<(String, Role)> = wrapped(&detail.why(), room)
        .into_iter()
        .map(|line| (line, Role::Plain))
        .collect();
    lines.push((record.key.id.to_string(), Role::Dim));
    lines.extend(columns(model, record, view.scroll, room));
    for (y, (line, role)) in (2..canvas.rows()).zip(&lines) {
        canvas.text(1, y, &fit(line, room), *role);
    }
}

/// The columns that differ first: what each side holds stands below the column's name.
fn columns(model: &Model, record: &Record, from: usize, room: usize) -> Vec<(String, Role)> {
    let (Some(table), Some(link)) = (
        model.state.table(record.key.table),
        model.state.link_of(record.key.table),
    ) else {
        return Vec::new();
    };
    let tag = |place: usize| short_tag(model.state.instances.get(place));
    let (source, target) = (tag(link.source), tag(link.target));
    let mut order: Vec<usize> = (0..table.rules.columns.len()).collect();
    let sides = record.sides.open();
    order.sort_by_key(|at| !sides.differing.contains(at));
    let lines = order.into_iter().skip(from).filter_map(|at| {
        let column = table.rules.columns.get(at)?;
        let differs = sides.differing.contains(&at);
        let name = column.name.to_string();
        let held = |side: &Side| match side.row() {
            Some(row) => row.values.get(at).map_or_else(String::new, |value| {
                model.private(&shown(value)).into_owned()
            }),
            None => "no such row".to_owned(),
        };
        Some(if differs {
            vec![
                (name, Role::Strong),
                (
                    fit(&format!("  {source}  {}", held(&sides.source)), room),
                    Role::Plain,
                ),
                (
                    fit(&format!("  {target}  {}", held(&sides.target)), room),
                    Role::Plain,
                ),
            ]
        } else {
            vec![(format!("{name} = same"), Role::Dim)]
        })
    });
    lines.flatten().collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "blank".to_owned(),
        value => visible(&value.to_string()).into_owned(),
    }
}
