//! What changed, newest first; beside it, where there is room, the latest operations.

use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::engine::state::{Entry, OperationState};
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, span, width};
use crate::tui::goal::Ending;
use crate::tui::layout::Arrangement;
use crate::tui::model::Model;
use crate::tui::theme::{Role, tone};
use crate::tui::view::header::short_tag;

/// Draws the panels from their rule on, down to the footer; a toast takes the last row where there is none to spare.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, y: u16, now: Now) {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    let spare = if wide { 2 } else { 1 };
    let bottom = canvas.rows().saturating_sub(spare);
    let rows = bottom.saturating_sub(y);
    let split = if wide {
        canvas.columns() * 92 / 140
    } else {
        canvas.columns()
    };
    let mut left = canvas.part(0, y, split, rows);
    let (goal, role) = goal(model, left.columns(), now);
    left.rule_in(0, "what changed", Role::Plain, &goal, role);
    let first = 1 + alarms(&mut left, model, if wide { 3 } else { 1 }, now);
    for (row, entry) in (first..rows).zip(model.state.timeline.iter().rev()) {
        left.text(1, row, &model.zone.stamp(entry.at, now.wall), Role::Dim);
        if let Some(place) = entry.instance {
            let tag = short_tag(model.state.instances.get(place));
            left.cell(11, row, 4, &tag, Role::Plain);
        }
        let room = split.saturating_sub(16);
        left.cell(15, row, room, &said(model, entry), tone(entry.tone));
    }
    if !wide {
        return;
    }
    for row in 1..rows {
        canvas.text(split, y + row, "│", Role::Dim);
    }
    let mut right = canvas.part(split + 1, y, canvas.columns() - split - 1, rows);
    operations(&mut right, model, rows, now);
    canvas.text(split, y, "┬", Role::Dim);
}

/// The goal of a game day: what of it is so, and how long is left.
fn goal(model: &Model, columns: u16, now: Now) -> (String, Role) {
    let Some(playing) = &model.playing else {
        return (String::new(), Role::Plain);
    };
    let (Some(began), None) = (playing.began, playing.ended) else {
        return match (playing.began, playing.ended) {
            (Some(began), Some((at, Ending::Reached))) => {
                let took = span(at.since(began));
                (format!("GAME DAY √ GOAL REACHED in {took}"), Role::Good)
            }
            (_, Some((_, how))) => {
                let long = format!("GAME DAY × MISSED: {}", playing.missed_words(how));
                let room = usize::from(columns.saturating_sub(18));
                let text = if width(&long) <= room {
                    long
                } else {
                    let (why, _) = long.split_once("; ").unwrap_or((&long, ""));
                    why.to_owned()
                };
                (text, Role::Bad)
            }
            _ => ("GAME DAY, it has not begun".to_owned(), Role::Plain),
        };
    };
    let left = span(playing.goal.within.saturating_sub(now.since(began)));
    let text = |is_long: bool| {
        let needs = playing.goal.needs.iter().map(|need| {
            let (short, long) = need.words();
            let mark = if playing.holds(model, *need, now) {
                "√"
            } else {
                "○"
            };
            format!("{mark} {}", if is_long { long } else { short })
        });
        let needs: Vec<String> = needs.collect();
        format!("GAME DAY  {}   {left} left", needs.join("  "))
    };
    // The panel's own name has to stay beside it.
    let room = usize::from(columns.saturating_sub(24));
    let long = text(true);
    let text = if width(&long) <= room {
        long
    } else {
        text(false)
    };
    (text, Role::Care)
}

/// A line as it is read: a person's with their name. What people write may name anybody: it is hidden while the screen
/// is shared.
pub fn said(model: &Model, entry: &Entry) -> String {
    match &entry.who {
        Some(who) => format!("{}: {}", visible(who), model.private(&entry.text)),
        None => visible(&entry.text).into_owned(),
    }
}

/// The alerts that fire, on so many rows at most; how many were needed comes back.
fn alarms(canvas: &mut Canvas<'_>, model: &Model, most: u16, now: Now) -> u16 {
    let all = &model.state.alarms;
    let room = canvas.columns().saturating_sub(4);
    let most = usize::from(most).min(usize::from(canvas.rows().saturating_sub(2)));
    let mut row = 1;
    for (place, alarm) in all.iter().take(most).enumerate() {
        let taken = model.state.taken_by(alarm, now.wall);
        let who = taken.map_or_else(
            || "unacked".to_owned(),
            |taken| format!("{} has it", visible(&taken.who)),
        );
        let mut pieces = vec![
            format!("{} {}", alarm.key.rule, alarm.key.subject),
            span(age(now.wall, alarm.since)),
            who,
        ];
        if place + 1 == most && all.len() > most {
            pieces.push(format!("+{} more", all.len() - most));
        }
        pieces.extend(alarm.runbook.as_ref().map(|text| format!("runbook {text}")));
        let role = if taken.is_some() {
            Role::Dim
        } else {
            Role::Care
        };
        canvas.text(1, row, "▲", role);
        canvas.cell(3, row, room, &visible(&pieces.join(" · ")), role);
        row += 1;
    }
    row - 1
}

fn operations(canvas: &mut Canvas<'_>, model: &Model, rows: u16, now: Now) {
    let running = match model.running() {
        0 => "none running".to_owned(),
        n => format!("{n} running"),
    };
    canvas.rule(0, "operations", &running);
    let list = rows.saturating_sub(4);
    for (row, operation) in (1..=list).zip(&model.state.operations) {
        line(canvas, model, row, operation, now);
    }
    let waiting: usize = model
        .state
        .operations
        .iter()
        .filter(|one| one.waiting.is_some() && !one.is_finished())
        .map(|one| one.progress.accepted)
        .sum();
    let sums = rows.saturating_sub(2);
    let target = model
        .link()
        .and_then(|link| model.state.instances.get(link.target))
        .map_or("it", |one| one.name.as_str());
    let text = format!("waiting for {}", crate::tui::format::name(target));
    canvas.text(1, sums, &text, Role::Plain);
    canvas.text(21, sums, &count(waiting), Role::Plain);
    let unknown = model.state.unknown_outcomes();
    let role = if unknown > 0 { Role::Care } else { Role::Plain };
    canvas.text(1, sums + 1, "outcome not known", Role::Plain);
    canvas.text(21, sums + 1, &count(unknown), role);
}

/// Glyph and role of how an operation stands.
pub fn mark(operation: &OperationState) -> (&'static str, Role) {
    let tally = operation.progress;
    if !operation.is_finished() {
        return if operation.was_left_behind {
            ("▲", Role::Care)
        } else {
            ("»", Role::Plain)
        };
    }
    if tally.refused > 0 || tally.held > 0 || tally.unknown > 0 {
        ("×", Role::Bad)
    } else if tally.abandoned > 0 {
        ("·", Role::Plain)
    } else if failure(operation).is_some() {
        ("×", Role::Bad)
    } else {
        ("√", Role::Plain)
    }
}

/// Why an operation failed as a whole: a run that another service was asked for, and whose order alone went well.
pub fn failure(operation: &OperationState) -> Option<&str> {
    let tally = operation.progress;
    let end = operation.finished.as_ref()?;
    let why = end.cut_short.as_deref()?;
    (tally.good() == tally.total).then_some(why)
}

/// `3 of 3 verified`, or why it failed as a whole.
pub fn result(operation: &OperationState) -> String {
    let tally = operation.progress;
    if let Some(why) = failure(operation) {
        return visible(why).into_owned();
    }
    let word = if tally.unchanged > tally.verified {
        "in step"
    } else {
        "verified"
    };
    format!("{} of {} {word}", count(tally.good()), count(tally.total))
}

fn line(canvas: &mut Canvas<'_>, model: &Model, y: u16, operation: &OperationState, now: Now) {
    let (glyph, role) = mark(operation);
    canvas.text(1, y, glyph, role);
    let at = model.zone.short(operation.request.asked, now.wall);
    canvas.cell(3, y, 9, &at, Role::Plain);
    let x = if at.len() > 5 { 13 } else { 10 };
    canvas.cell(x, y, 10, operation.request.verb.word(), Role::Plain);
    let end = canvas.text(x + 11, y, &result(operation), Role::Plain);
    let who = 39.max(end + 2);
    let room = canvas.columns().saturating_sub(who + 1);
    canvas.cell(who, y, room, &visible(&operation.request.who), Role::Dim);
}
