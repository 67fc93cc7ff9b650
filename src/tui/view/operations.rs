//! The Operations view: the chosen operation with its bar and counts, what of it needs a person, then all operations.

use crate::domain::ramp;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::{OperationRecord, OperationState};
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{about, count, countdown, fit, name, of_them, span, took, width};
use crate::tui::layout::{self, Arrangement};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::view::pulse::{bar, failure, mark, result};
use crate::tui::view::records::stage_glyph;

/// Draws the view.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let size = (canvas.columns(), canvas.rows());
    let rows = layout::operations(size);
    let chosen = model
        .chosen_operation()
        .and_then(|place| model.state.operations.get(place));
    if let Some(operation) = chosen {
        head(canvas, model, rows.head, operation, now);
        records(canvas, model, rows.records, rows.shown, operation, now);
    } else {
        canvas.rule(rows.head, "no operation yet", "");
        let key = |action| model.key(action);
        let text = format!(
            "{}, {} and {} in {} Records, or {} on {} Pulse, begin one.",
            key(ActionId::Ensure),
            key(ActionId::Sync),
            key(ActionId::Rehydrate),
            key(ActionId::Records),
            key(ActionId::Sync),
            key(ActionId::Pulse)
        );
        canvas.text(1, rows.head + 1, &text, Role::Dim);
    }
    list(canvas, model, rows.list, rows.listed, now);
    sums(canvas, model, canvas.rows().saturating_sub(2));
}

fn head(canvas: &mut Canvas<'_>, model: &Model, y: u16, operation: &OperationState, now: Now) {
    let tally = operation.progress;
    let request = &operation.request;
    let mut title = format!(
        "{} {} · {}",
        request.verb,
        count(tally.total),
        visible(&request.who)
    );
    if !request.reason.is_empty() {
        title.extend([format!(" · {}", fit(&visible(&request.reason), 40))]);
    }
    let (state, role) = state(operation, now);
    canvas.rule_in(y, &title, Role::Plain, &state, role);
    progress(canvas, y + 1, operation, now);
    let (text, role) = waiting(model, operation, now);
    let room = canvas.columns().saturating_sub(2);
    // Why it stands still is worth more than what it would write.
    if canvas.flow((1, y + 2), (room, 2), &text, role) < 2 {
        ramp_or_writes(canvas, y + 3, operation);
    }
    outcome(canvas, y + 4, operation);
}

fn state(operation: &OperationState, now: Now) -> (String, Role) {
    match (&operation.finished, operation.started) {
        (Some(finished), _) => (format!("ended after {}", took(finished.took)), Role::Plain),
        (None, _) if operation.was_left_behind => {
            ("left behind · Enter goes on".to_owned(), Role::Care)
        }
        (None, _) if operation.paused.is_some() => ("PAUSED · Enter goes on".to_owned(), Role::Bad),
        (None, _) if operation.waiting.is_some() => ("waiting".to_owned(), Role::Care),
        (None, Some(at)) => (format!("running {}", span(now.since(at))), Role::Plain),
        (None, None) if Model::is_elsewhere(operation, now) => {
            ("carried out by another process".to_owned(), Role::Plain)
        }
        (None, None) => ("accepted".to_owned(), Role::Plain),
    }
}

fn progress(canvas: &mut Canvas<'_>, y: u16, operation: &OperationState, now: Now) {
    let tally = operation.progress;
    let done = tally.done();
    let percent = (done * 100).checked_div(tally.total).unwrap_or(0);
    let mut text = format!("  {} of {}  {percent} %", count(done), count(tally.total));
    if let (Some(at), None) = (operation.started, &operation.finished)
        && done > 0
        && !operation.was_left_behind
    {
        let lasted = now.since(at).as_secs().max(1);
        let tenths = done as u64 * 10 / lasted;
        text.extend([format!("  {}.{}/s", tenths / 10, tenths % 10)]);
        let left = tally.total.saturating_sub(done) as u64;
        if left > 0 && tenths > 0 {
            let left = std::time::Duration::from_secs(left * 10 / tenths);
            text.extend([format!("  about {} left", about(left))]);
        }
    }
    let room = usize::from(canvas.columns()).saturating_sub(2 + width(&text));
    let most = if canvas.columns() >= 120 { 80 } else { 34 };
    let bar = bar(done, tally.total, room.min(most));
    let role = if operation.is_finished() {
        Role::Dim
    } else {
        Role::Plain
    };
    canvas.pieces(1, y, &[(&bar, role), (&text, Role::Plain)]);
}

/// How far it is, or why it stands still.
fn waiting(model: &Model, operation: &OperationState, now: Now) -> (String, Role) {
    if let Some(finished) = &operation.finished {
        let at = model.zone.stamp(finished.at, now.wall);
        let why = finished.cut_short.as_deref();
        let text = match why {
            Some(why) => format!("ended   {at}, before all was done: {}", visible(why)),
            None => format!("ended   {at}"),
        };
        return (text, Role::Plain);
    }
    let (open, end) = (model.key(ActionId::Open), model.key(ActionId::End));
    if operation.was_left_behind {
        let text = format!(
            "▲ left behind when an earlier tandem ended: {open} goes on with it, {end} takes it back"
        );
        return (text, Role::Care);
    }
    if let Some(why) = &operation.paused {
        let why = visible(why);
        let text = format!("! paused {why}: {open} goes on with the rest, {end} takes it back");
        return (text, Role::Bad);
    }
    let Some(waiting) = &operation.waiting else {
        let asked = model.zone.stamp(operation.request.asked, now.wall);
        return (format!("asked   {asked}"), Role::Plain);
    };
    let left = waiting.until.map(|until| until.since(now));
    let countdown = match left {
        Some(left) if !left.is_zero() => format!(" {}", countdown(left)),
        _ => String::new(),
    };
    let mut text = format!(
        "► waiting{countdown}  {}: goes on by itself",
        visible(&waiting.why)
    );
    if let Some(lapses) = waiting.lapses {
        let lapses = model.zone.short(lapses, now.wall);
        text.extend([format!("; lapses at {lapses}")]);
    }
    (text, Role::Care)
}

/// While a bulk repair is under way, which step of its ramp it has come to; beside it, or alone, what it writes.
fn ramp_or_writes(canvas: &mut Canvas<'_>, y: u16, operation: &OperationState) {
    let text = writes(operation);
    let marks = ramp::marks(operation.progress.total);
    if operation.is_finished() || marks.len() < 2 || !operation.request.verb.is_a_repair() {
        canvas.text(1, y, "writes", Role::Plain);
        canvas.text(17, y, &text, Role::Plain);
        return;
    }
    canvas.text(1, y, "ramp", Role::Plain);
    let done = operation.progress.done();
    let mut x = 17;
    let mut is_before = false;
    for (name, upto) in marks {
        let (glyph, role) = match (done >= upto, is_before) {
            (true, _) => ("√", Role::Good),
            (false, false) => ("►", Role::Strong),
            (false, true) => ("·", Role::Dim),
        };
        is_before |= done < upto;
        let pieces = [(glyph, role), (" ", role), (name, Role::Plain)];
        x = canvas.pieces(x, y, &pieces) + 3;
    }
    if usize::from(x) + width(&text) + 1 < usize::from(canvas.columns()) {
        canvas.text(x, y, &text, Role::Dim);
    }
}

/// What it writes, in all.
fn writes(operation: &OperationState) -> String {
    match &operation.radius {
        Some(radius) => {
            let some = |n: usize, what: &str| (n > 0).then(|| format!("{what} {}", count(n)));
            let over = match radius.overwrites {
                0 => "overwrites nothing".to_owned(),
                n => format!("overwrites {}", of_them(n, "value")),
            };
            let pieces = [
                some(radius.creates, "creates"),
                some(radius.fills, "fills"),
                Some(over),
                some(radius.unchanged, "in step"),
                some(radius.refused, "left out"),
            ];
            let pieces: Vec<String> = pieces.into_iter().flatten().collect();
            pieces.join("  ")
        }
        None if operation.is_finished() => "not kept".to_owned(),
        None => "not planned yet".to_owned(),
    }
}

fn outcome(canvas: &mut Canvas<'_>, y: u16, operation: &OperationState) {
    let tally = operation.progress;
    canvas.text(1, y, "outcome", Role::Plain);
    if failure(operation).is_some() {
        canvas.text(17, y, "× the run failed", Role::Bad);
        return;
    }
    let on_the_way = tally.intended + tally.applied;
    let pieces = [
        ("√ verified", tally.verified, Role::Good),
        ("√ altered", tally.altered, Role::Care),
        ("√ in step", tally.unchanged, Role::Good),
        ("× refused", tally.refused, Role::Bad),
        ("≠ held", tally.held, Role::Care),
        ("? unknown", tally.unknown, Role::Care),
        ("» on the way", on_the_way, Role::Plain),
        ("· not sent", tally.accepted, Role::Plain),
        ("· taken back", tally.abandoned, Role::Plain),
    ];
    let mut x = 17;
    for (label, n, role) in pieces {
        // The verified stand there from the start; all others only once there are any.
        if n == 0 && label != "√ verified" {
            continue;
        }
        let text = format!("{label} {}", count(n));
        if x + u16::try_from(width(&text)).unwrap_or(u16::MAX) >= canvas.columns() {
            return;
        }
        let (glyph, rest) = text.split_at(text.find(' ').unwrap_or(0));
        x = canvas.pieces(x, y, &[(glyph, role), (rest, Role::Plain)]) + 2;
    }
}

fn records(
    canvas: &mut Canvas<'_>,
    model: &Model,
    y: u16,
    rows: u16,
    operation: &OperationState,
    now: Now,
) {
    let tally = operation.progress;
    let need = tally.refused + tally.held + tally.unknown;
    let title = if need > 0 {
        format!("needs you {}", count(need))
    } else {
        "records".to_owned()
    };
    let rest = match (need, operation.records.len()) {
        (0, n) if n >= tally.total => String::new(),
        (0, n) => format!("the latest {} of {}", count(n), count(tally.total)),
        (_, _) => "then the latest others".to_owned(),
    };
    canvas.rule(y, &title, &rest);
    let at = model
        .operations
        .at
        .min(operation.records.len().saturating_sub(1));
    let first = if model.operations.in_records {
        (at + 1).saturating_sub(usize::from(rows))
    } else {
        0
    };
    let mut row = 1;
    for (place, record) in operation.records.iter().enumerate().skip(first) {
        if row > rows {
            return;
        }
        let is_cursor = model.operations.in_records && place == at;
        let room = if is_cursor { rows + 1 - row } else { 1 };
        row += record_line(canvas, model, (y + row, room), record, is_cursor, now);
    }
}

/// A record on one row; the whole of why it failed on the rows below, where the cursor is on it. How many rows it took
/// comes back.
fn record_line(
    canvas: &mut Canvas<'_>,
    model: &Model,
    (y, rows): (u16, u16),
    record: &OperationRecord,
    is_cursor: bool,
    now: Now,
) -> u16 {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    let text = if is_cursor { Role::Strong } else { Role::Plain };
    if is_cursor {
        canvas.text(0, y, "►", Role::Strong);
    }
    let (glyph, role) = stage_glyph(&record.stage);
    canvas.text(1, y, glyph, role);
    canvas.text(3, y, record.stage.word(), text);
    canvas.cell(13, y, 8, model.state.kind(record.key.table), text);
    let (name, at) = if wide { (32, 56) } else { (22, 45) };
    canvas.cell(22, y, name, &model.private(&record.name), text);
    let stamp = model.zone.stamp(record.at, now.wall);
    let words = match (record.stage.reason(), record.columns) {
        (Some(why), _) => visible(why).into_owned(),
        (None, 0) => stamp,
        (None, n) => format!("{stamp}  {} in {}", of_them(n, "column"), took(record.took)),
    };
    let words = if record.on_the_way {
        format!("{words} (on the way)")
    } else {
        words
    };
    let room = canvas.columns().saturating_sub(at + 1);
    canvas.flow((at, y), (room, rows), &words, text).max(1)
}

fn list(canvas: &mut Canvas<'_>, model: &Model, y: u16, rows: u16, now: Now) {
    let all = &model.state.operations;
    canvas.rule(y, "all operations", &count(all.len()));
    let chosen = model.chosen_operation().unwrap_or(0);
    let first = (chosen + 1).saturating_sub(usize::from(rows));
    for (row, (place, operation)) in (1..=rows).zip(all.iter().enumerate().skip(first)) {
        let y = y + row;
        let is_chosen = place == chosen;
        let text = if is_chosen && !model.operations.in_records {
            Role::Strong
        } else {
            Role::Plain
        };
        if is_chosen {
            canvas.text(0, y, "►", text);
        }
        let (glyph, role) = mark(operation);
        canvas.text(1, y, glyph, role);
        let at = model.zone.stamp(operation.request.asked, now.wall);
        canvas.cell(3, y, 9, &at, text);
        canvas.cell(13, y, 10, operation.request.verb.word(), text);
        canvas.cell(24, y, 24, &result(operation), text);
        canvas.cell(50, y, 9, &visible(&operation.request.who), text);
        let room = canvas.columns().saturating_sub(61);
        canvas.cell(60, y, room, &visible(&operation.request.reason), text);
    }
}

fn sums(canvas: &mut Canvas<'_>, model: &Model, y: u16) {
    let waiting: usize = model
        .state
        .operations
        .iter()
        .filter(|one| one.waiting.is_some() && !one.is_finished())
        .map(|one| one.progress.accepted)
        .sum();
    let target = model
        .link()
        .and_then(|link| model.state.instances.get(link.target));
    let text = format!(
        "waiting for {} {} · outcome not known {} · all in the journal",
        target.map_or("?".to_owned(), |one| name(&one.name)),
        count(waiting),
        count(model.state.unknown_outcomes())
    );
    canvas.text(1, y, &text, Role::Dim);
}
