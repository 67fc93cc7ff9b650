//! One record on both sides, column by column: those that differ first, equal ones after them and dim.

use crate::domain::drift::Side;
use crate::domain::operation::{RecordKey, Verb};
use crate::domain::plan::Plan;
use crate::domain::row::Value;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::records::{Record, Sides};
use crate::engine::state::TableState;
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, fit, name, of_them, place, span, width};
use crate::tui::layout::Arrangement;
use crate::tui::model::{Deed, Dialog, Model, Picking, SidesView, plan_of, planned};
use crate::tui::theme::Role;
use crate::tui::view::detail::{Detail, Past};
use crate::tui::view::dialog::choices;
use crate::tui::view::pulse::line;
use crate::tui::view::records::attempt;

/// Draws the view.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, view: SidesView, now: Now) {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    let y = if wide { 4 } else { 3 };
    let Some(record) = model.record(view.key) else {
        unlisted(canvas, model, view, y, now);
        return;
    };
    let Some(detail) = Detail::of(model, record, now) else {
        return;
    };
    canvas.rule(y, &title(model, record), &position(model, record));
    detail.first(canvas, y + 1);
    let room = canvas.columns().saturating_sub(11);
    canvas.text(1, y + 2, "why", Role::Dim);
    canvas.cell(10, y + 2, room, &detail.why(), Role::Plain);
    canvas.text(1, y + 3, "id", Role::Dim);
    canvas.text(10, y + 3, &record.key.id.to_string(), Role::Plain);
    let below = canvas.rows().saturating_sub(8);
    let rows = below.saturating_sub(y + 4);
    let picking = model.picking.as_ref().filter(|one| one.key == record.key);
    let scroll = picking.map_or(view.scroll, |picking| {
        // The head takes a row, and what is below the last one another.
        (picking.at + 3).saturating_sub(usize::from(rows))
    });
    // What both sides leave free is for what surrounds the record.
    let needed = u16::try_from(detail.columns_in_all() + 1).unwrap_or(u16::MAX);
    let around = rows.saturating_sub(needed.saturating_add(2)).min(AROUND);
    let rows = if wide && around >= 4 { needed } else { rows };
    let mut part = canvas.part(0, y + 4, canvas.columns(), rows);
    columns(&mut part, model, record, scroll, now, Shape::Full);
    if wide && around >= 4 {
        canvas.rule(y + 5 + rows, "around it", "");
        detail.around(&mut canvas.part(0, y + 6 + rows, canvas.columns(), around));
    }
    match picking {
        Some(picking) => choice(canvas, model, record, picking, below),
        None => verbs(canvas, model, record, &detail, below, now),
    }
}

/// So many rows at most are for what surrounds a record.
const AROUND: u16 = 10;

/// Table, name and number.
fn title(model: &Model, record: &Record) -> String {
    let parts = [
        model.state.kind(record.key.table).into(),
        model.private(&record.name),
        model.private(&record.number),
    ];
    let parts = parts.into_iter().filter(|text| !text.is_empty());
    parts.collect::<Vec<_>>().join(" · ")
}

/// A record that is not listed: what its story tells of it, or, until that is there, what was found of it.
fn unlisted(canvas: &mut Canvas<'_>, model: &Model, view: SidesView, y: u16, now: Now) {
    let id = view.key.id.to_string();
    let room = canvas.columns().saturating_sub(11);
    let line = |canvas: &mut Canvas<'_>, y: u16, label: &str, text: &str| {
        canvas.text(1, y, label, Role::Dim);
        canvas.cell(10, y, room, text, Role::Plain);
    };
    let kind = model.state.kind(view.key.table);
    let command = format!("tandem explain {kind} {id}");
    let told = model.told.as_ref().filter(|told| told.is_about(view.key));
    let record = told.and_then(|told| told.record.as_ref());
    let detail = record.and_then(|record| Detail::of(model, record, now));
    if let (Some(record), Some(detail)) = (record, detail) {
        canvas.rule(y, &title(model, record), "not listed as out of step");
        detail.first(canvas, y + 1);
        if let Some(why) = told.and_then(|told| told.why.as_deref()) {
            line(canvas, y + 2, "why", &visible(why));
        }
        line(canvas, y + 3, "id", &id);
        let below = canvas.rows().saturating_sub(3);
        let rows = below.saturating_sub(y + 4);
        let mut part = canvas.part(0, y + 4, canvas.columns(), rows);
        columns(&mut part, model, record, view.scroll, now, Shape::Full);
        line(canvas, below, "command", &command);
        return;
    }
    let (title, why) = match told.and_then(|told| told.why.as_deref()) {
        Some(why) => ("this record is not listed as out of step", visible(why)),
        None => (
            "this record is not listed as out of step",
            "reading both sides…".into(),
        ),
    };
    canvas.rule(y, title, "");
    line(canvas, y + 1, "id", &id);
    line(canvas, y + 2, "now", &why);
    let opened = model.opened.as_ref();
    let Some(found) = opened.filter(|found| found.id == view.key.id) else {
        return;
    };
    let instances = model.state.instances.iter().zip(&found.on);
    let stands = instances.map(|(instance, on)| {
        let word = match on {
            Some(true) => "has it",
            Some(false) => "has it not",
            None => "was not asked",
        };
        format!("{} {word}", name(&instance.name))
    });
    line(canvas, y + 3, "name", &model.private(&found.name));
    line(canvas, y + 4, "number", &model.private(&found.number));
    let stands = stands.collect::<Vec<_>>().join("; ");
    line(canvas, y + 5, "there", &stands);
    line(canvas, y + 6, "command", &command);
}

/// `4 of 13`.
fn position(model: &Model, record: &Record) -> String {
    if model.records.cursor == Some(record.key) {
        format!(
            "{} of {}",
            model.records.at + 1,
            model.records.order.slots.len()
        )
    } else {
        String::new()
    }
}

/// What would come of the choice as it stands.
fn choice(canvas: &mut Canvas<'_>, model: &Model, record: &Record, picking: &Picking, y: u16) {
    let deed = Deed {
        choices: picking.choices(model, record),
        ..Deed::of(Verb::FillBlanks)
    };
    let link = model.state.link_of(record.key.table);
    let called = |at: Option<usize>| {
        let instance = at.and_then(|at| model.state.instances.get(at));
        instance.map_or("?", |one| one.name.as_str())
    };
    let source = called(link.map(|link| link.source));
    let target = name(called(link.map(|link| link.target)));
    let overwrites = match planned(&model.state, record, &deed) {
        Plan::Fill { overwrites, .. } => overwrites,
        _ => 0,
    };
    let (taken, all) = (picking.taken.len(), record.sides.differing.len());
    let state = format!("overwrites {}", count(overwrites));
    let role = if overwrites > 0 {
        Role::Care
    } else {
        Role::Plain
    };
    canvas.rule_in(y, "whose value stands", Role::Plain, &state, role);
    let room = canvas.columns().saturating_sub(2);
    let lines = [
        format!(
            "→  {} from {}: written to {target}",
            of_them(taken, "column"),
            place(source)
        ),
        format!(
            "   {} as {target} has them: left alone",
            of_them(all.saturating_sub(taken), "column")
        ),
        format!(
            "{} the other side   {} on to the confirmation   {} leave it",
            model.key(ActionId::SwapSide),
            model.key(ActionId::Open),
            model.key(ActionId::Back)
        ),
    ];
    for (row, line) in (y + 1..).zip(lines) {
        canvas.cell(1, row, room, &line, Role::Plain);
    }
}

fn verbs(
    canvas: &mut Canvas<'_>,
    model: &Model,
    record: &Record,
    detail: &Detail<'_>,
    y: u16,
    now: Now,
) {
    let is_choice = detail.is_chosen_by_a_person();
    if is_choice {
        decisions(canvas, model, record, detail, y);
    } else {
        canvas.rule(y, "what each verb would do", "");
        for (row, verb) in (y + 1..).zip([Verb::Ensure, Verb::Sync, Verb::Rehydrate]) {
            let (key, deed) = detail.deed(verb);
            let x = canvas.text(1, row, &key, Role::Strong);
            let room = canvas.columns().saturating_sub(x + 1);
            let writes = plan_of(&model.state, record, verb).is_write();
            let role = if writes { Role::Plain } else { Role::Dim };
            canvas.cell(x, row, room, &deed, role);
        }
    }
    let last = y + 4 + u16::from(is_choice);
    canvas.text(1, last, "history", Role::Dim);
    let past = detail.history();
    let mut told: Vec<String> = past.iter().map(Past::said).collect();
    if 10 + width(&told.join(" · ")) >= usize::from(canvas.columns()) {
        told = past.iter().map(Past::said_briefly).collect();
    }
    line(canvas, 10, last, &told, false);
    canvas.text(1, last + 1, "command", Role::Dim);
    let x = canvas.text(10, last + 1, &detail.command(), Role::Plain);
    let (text, role) = attempt(model, record, now, true);
    if record.last.is_some() || record.under_way.is_some() {
        let room = canvas.columns().saturating_sub(x + 4);
        canvas.cell(x + 3, last + 1, room, &text, role);
    }
}

/// What a person may decide about a record that was edited in the target, and how many values each would overwrite.
fn decisions(canvas: &mut Canvas<'_>, model: &Model, record: &Record, detail: &Detail<'_>, y: u16) {
    let is_open = matches!(model.dialogs.last(), Some(Dialog::Choose(_)));
    let (title, role) = if is_open {
        ("whose values stand?".to_owned(), Role::Care)
    } else {
        (
            format!("{}, then", model.key(ActionId::Rehydrate)),
            Role::Plain,
        )
    };
    canvas.rule_in(y, &title, role, "overwrites", Role::Plain);
    let (here, there) = detail.places();
    let end = canvas.columns().saturating_sub(4);
    for (row, choice) in (y + 1..y + 5).zip(choices(model, record, (&here, &there))) {
        let room = end.saturating_sub(6);
        let role = match choice.role {
            Role::Plain if is_open => Role::Strong,
            role => role,
        };
        canvas.cell(1, row, room, &choice.text, role);
        canvas.right(end, row, &choice.overwrites, role);
    }
}

/// Where both sides are shown: how much room they have, and what stands beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Below the list, with what each verb would write.
    Detail,
    /// Full screen.
    Full,
}

/// Where the marks of what each verb would write begin, at 140 columns.
const VERBS: u16 = 73;

/// Where the panel beside both sides begins.
pub fn beside(columns: u16) -> u16 {
    VERBS + 14 + 2 * (columns.saturating_sub(140) / 3)
}

/// Where the columns begin and how wide they are.
struct Grid {
    name: (u16, u16),
    source: (u16, u16),
    mark: u16,
    target: (u16, u16),
    verbs: Option<u16>,
}

impl Grid {
    fn of(columns: u16, shape: Shape) -> Self {
        match shape {
            Shape::Detail => {
                // The mock-up's 140 columns; what there is more goes to the two sides.
                let spare = columns.saturating_sub(140) / 3;
                Self {
                    name: (1, 18),
                    source: (20, 27 + spare),
                    mark: 48 + spare,
                    target: (51 + spare, 20 + spare),
                    verbs: Some(VERBS + 2 * spare),
                }
            }
            Shape::Full => {
                // The mock-up's 80 columns: 18 for the name, 26 and 28 for the sides; the rest is shared out.
                let spare = columns.saturating_sub(80);
                let name = 18 + spare / 6;
                let source = 26 + spare * 5 / 12;
                let mark = 2 + name + source + 1;
                Self {
                    name: (1, name),
                    source: (2 + name, source),
                    mark,
                    target: (mark + 4, columns.saturating_sub(mark + 5)),
                    verbs: None,
                }
            }
        }
    }
}

/// Draws both sides of a record, their head first.
pub fn columns(
    canvas: &mut Canvas<'_>,
    model: &Model,
    record: &Record,
    scroll: usize,
    now: Now,
    shape: Shape,
) {
    let Some(table) = model.state.table(record.key.table) else {
        return;
    };
    let grid = Grid::of(canvas.columns(), shape);
    head(canvas, model, record, &grid, now, shape);
    let sides = record.sides.open();
    let differing = &sides.differing;
    let all = 0..table.rules.columns.len();
    let equal = all.filter(|place| !differing.contains(place));
    let order: Vec<usize> = differing.iter().copied().chain(equal).collect();
    let rows = usize::from(canvas.rows().saturating_sub(1));
    let scroll = scroll.min(order.len().saturating_sub(rows));
    for (row, place) in (1..canvas.rows()).zip(order.iter().skip(scroll)) {
        column(
            canvas,
            row,
            (model, table),
            (record.key, &sides),
            *place,
            &grid,
        );
    }
    if let Some(x) = grid.verbs {
        for (verb, x) in [Verb::Ensure, Verb::Sync, Verb::Rehydrate]
            .into_iter()
            .zip((x..).step_by(4))
        {
            let plan = plan_of(&model.state, record, verb);
            for (row, place) in (1..canvas.rows()).zip(order.iter().skip(scroll)) {
                if plan.columns().iter().any(|one| one.place == *place) {
                    canvas.text(x, row, "√", Role::Plain);
                }
            }
        }
    }
    let left = order.len().saturating_sub(scroll + rows);
    if left > 0 {
        let last = canvas.columns().saturating_sub(2);
        let y = canvas.rows().saturating_sub(1);
        canvas.right(last, y, &format!(" +{left} more"), Role::Dim);
    }
}

fn head(
    canvas: &mut Canvas<'_>,
    model: &Model,
    record: &Record,
    grid: &Grid,
    now: Now,
    shape: Shape,
) {
    let Some(link) = model.state.link_of(record.key.table) else {
        return;
    };
    let age = span(now.since(record.sides.read));
    let band = |place: usize| {
        let band = model
            .state
            .instances
            .get(place)
            .map_or("?", |one| &one.band);
        format!("{} · {age} ago", visible(band))
    };
    let (source, target) = (band(link.source), band(link.target));
    if shape == Shape::Full {
        canvas.rule(0, "", "");
        canvas.text(2, 0, " column ", Role::Plain);
        canvas.text(grid.source.0 - 1, 0, &format!(" {source} "), Role::Source);
        canvas.text(grid.target.0 - 1, 0, &format!(" {target} "), Role::Target);
        return;
    }
    canvas.text(1, 0, "column", Role::Dim);
    canvas.cell(grid.source.0, 0, grid.source.1, &source, Role::Source);
    canvas.cell(grid.target.0, 0, grid.target.1, &target, Role::Target);
    if let Some(x) = grid.verbs {
        let keys = [ActionId::Ensure, ActionId::Sync, ActionId::Rehydrate];
        for (key, x) in keys.into_iter().zip((x..).step_by(4)) {
            let key = &fit(&model.key(key), 3);
            canvas.text(x, 0, key, Role::Dim);
        }
    }
}

fn column(
    canvas: &mut Canvas<'_>,
    y: u16,
    (model, table): (&Model, &TableState),
    (key, sides): (RecordKey, &Sides),
    place: usize,
    grid: &Grid,
) {
    let Some(compared) = table.rules.columns.get(place) else {
        return;
    };
    let is_different = sides.differing.contains(&place);
    let both = sides.source.row().is_some() && sides.target.row().is_some();
    let role = if both && !is_different {
        Role::Dim
    } else {
        Role::Plain
    };
    canvas.cell(grid.name.0, y, grid.name.1, compared.name.as_str(), role);
    let source = shown(&sides.source, model, table, place);
    let target = if both && !is_different {
        "same".to_owned()
    } else {
        shown(&sides.target, model, table, place)
    };
    let (mark, marked) = match (sides.target.row(), is_different) {
        (Some(row), true) if table.rules.is_blank(row, place) => ("□", Role::Care),
        (_, true) => ("≠", Role::Care),
        (Some(_), false) if both => ("=", Role::Dim),
        _ => ("·", Role::Dim),
    };
    let picking = model.picking.as_ref().filter(|one| one.key == key);
    let Some(picking) = picking.filter(|_| is_different) else {
        side(canvas, y, grid.source, &source, role);
        canvas.text(grid.mark, y, mark, marked);
        side(canvas, y, grid.target, &target, role);
        return;
    };
    if sides.differing.get(picking.at) == Some(&place) {
        canvas.text(0, y, "►", Role::Strong);
    }
    let (from, to, mark) = if picking.taken.contains(&place) {
        (Role::Strong, Role::Dim, "→")
    } else {
        (Role::Dim, Role::Strong, "·")
    };
    side(canvas, y, grid.source, &source, from);
    canvas.text(grid.mark, y, mark, Role::Care);
    side(canvas, y, grid.target, &target, to);
}

fn side(canvas: &mut Canvas<'_>, y: u16, (x, columns): (u16, u16), text: &str, role: Role) {
    canvas.cell(x, y, columns, text, role);
}

/// A value as it may be shown: foreign text made visible, long text cut before it costs anything.
fn shown(side: &Side, model: &Model, table: &TableState, place: usize) -> String {
    match side {
        Side::Absent => "no such row".to_owned(),
        Side::OutOfScope => "out of scope".to_owned(),
        Side::Unread => "not read yet".to_owned(),
        Side::Unreadable(why) => format!("? {}", visible(why)),
        Side::Row(row) if table.rules.is_blank(row, place) => "blank".to_owned(),
        Side::Row(row) => row.values.get(place).map_or_else(String::new, |held| {
            let text = value(held);
            model.private(&text).into_owned()
        }),
    }
}

fn value(value: &Value) -> String {
    let text = match value {
        Value::Text(text) => text.chars().take(400).collect(),
        Value::Integer(n) => grouped(*n),
        other => other.to_string(),
    };
    let text = visible(&text).into_owned();
    if width(&text) > 200 {
        fit(&text, 200)
    } else {
        text
    }
}

fn grouped(n: i64) -> String {
    let digits =
        usize::try_from(n.unsigned_abs()).map_or_else(|_| n.to_string(), crate::tui::format::count);
    if n < 0 { format!("-{digits}") } else { digits }
}
