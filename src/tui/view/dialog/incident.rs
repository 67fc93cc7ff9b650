//! Incident work: taking alerts, a note, the bundle for the next shift.

use super::{Line, boxed};
use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::engine::state::Alarm;
use crate::tui::canvas::Canvas;
use crate::tui::format::{fit, of_them, span};
use crate::tui::model::{Field, HandOverDialog, Model, NoteDialog, TakeDialog};
use crate::tui::theme::Role;

/// So many alerts are listed.
const LISTED: usize = 5;

/// Draws the box that asks before alerts are taken.
pub fn take(canvas: &mut Canvas<'_>, model: &Model, dialog: &TakeDialog, now: Now) {
    let mut lines = vec![Line::empty()];
    let alarms = model.state.alarms.iter();
    let alarms: Vec<&Alarm> = alarms
        .filter(|one| dialog.alerts.contains(&one.key))
        .collect();
    for alarm in alarms.iter().take(LISTED) {
        let taken = model.state.taken_by(alarm, now.wall);
        let who = taken.map_or_else(
            || "nobody has it".to_owned(),
            |taken| format!("{} has it", fit(&visible(&taken.who), 14)),
        );
        let name = visible(&alarm.key.rule).into_owned();
        let what = format!(
            "{:<18}{:<20}{}",
            fit(&name, 17),
            fit(&visible(&alarm.key.subject), 19),
            span(age(now.wall, alarm.since))
        );
        let role = if taken.is_some() {
            Role::Dim
        } else {
            Role::Care
        };
        lines.push(
            Line::of("", format!("▲ {what}"))
                .at(3)
                .role(role)
                .right(who),
        );
        lines.push(
            Line::of("", fit(&visible(&alarm.text), 68))
                .at(5)
                .role(Role::Dim),
        );
        if let Some(runbook) = &alarm.runbook {
            lines.push(Line::of("", fit(&format!("runbook {}", visible(runbook)), 68)).at(5));
        }
    }
    if alarms.len() > LISTED {
        let more = of_them(alarms.len() - LISTED, "alert");
        lines.push(Line::of("", format!("and {more} more")).at(5));
    }
    if alarms.is_empty() {
        lines.push(Line::of("", "they are over: nothing is left to take").at(3));
    }
    let until = now.after(dialog.lasts).wall;
    let lasts = format!(
        "{}, until {}   + and - change it",
        span(dialog.lasts),
        model.zone.short(until, now.wall)
    );
    let is_lasting = dialog.field == Field::Lasts;
    let role = if is_lasting {
        Role::Strong
    } else {
        Role::Plain
    };
    let who = fit(&visible(&model.who), 14);
    let mut last = Line::of("", "").at(3);
    last.pieces = vec![
        ("Enter".to_owned(), Role::Strong),
        ("  it is mine     ".to_owned(), Role::Plain),
        ("Tab  for how long".to_owned(), Role::Dim),
    ];
    lines.extend([
        Line::empty(),
        Line::field("note", &dialog.note, dialog.field == Field::Reason).right("(optional)"),
        Line::of("for", lasts).role(role).right(format!("as {who}")),
        Line::of(
            "then",
            "they repeat no more; every console shows who has them",
        ),
        Line::empty(),
        last.right("Esc  leave"),
    ]);
    let title = format!("TAKE {}", of_them(dialog.alerts.len(), "alert"));
    boxed(canvas, &title, ("", Role::Plain), &lines);
}

/// Draws the box in which a note is typed.
pub fn note(canvas: &mut Canvas<'_>, model: &Model, dialog: &NoteDialog) {
    let who = fit(&visible(&model.who), 14);
    let mut last = Line::of("", "").at(3);
    last.pieces = vec![
        ("Enter".to_owned(), Role::Strong),
        ("  put it down".to_owned(), Role::Plain),
    ];
    let lines = [
        Line::empty(),
        Line::field("note", &dialog.input, true),
        Line::empty(),
        Line::of(
            "",
            "into the timeline and the journal: all consoles see it, and it stays",
        )
        .at(3)
        .role(Role::Dim),
        Line::empty(),
        last.right("Esc  leave"),
    ];
    boxed(canvas, "NOTE", (&format!("as {who}"), Role::Plain), &lines);
}

/// Draws the box that says what the bundle for the next shift holds.
pub fn hand_over(canvas: &mut Canvas<'_>, model: &Model, dialog: &HandOverDialog, now: Now) {
    let since = model.zone.short(dialog.since, now.wall);
    let lasts = span(age(now.wall, dialog.since));
    let mut last = Line::of("", "").at(3);
    last.pieces = vec![
        ("Enter".to_owned(), Role::Strong),
        ("  write it".to_owned(), Role::Plain),
    ];
    let folder = dialog.folder.display().to_string();
    let folder = visible(&folder).into_owned();
    let tail = |text: &str| {
        let skipped = text.chars().count().saturating_sub(58);
        let rest: String = text.chars().skip(skipped).collect();
        if skipped > 0 {
            format!("…{rest}")
        } else {
            rest
        }
    };
    let mask = if model.is_masked {
        "names are hidden in the pictures alone: the pages name people's notes"
    } else {
        "names of records stand in it: it is for colleagues"
    };
    let lines = [
        Line::empty(),
        Line::of(
            "since",
            format!("{since}, {lasts} ago   + and - an hour more or less"),
        ),
        Line::of(
            "holds",
            "figures, what is left open, what happened (Markdown)",
        ),
        Line::of(
            "",
            "timeline and operations as JSON lines; the views as pictures",
        ),
        Line::of("into", tail(&folder)),
        Line::of("privacy", mask).role(Role::Dim),
        Line::empty(),
        last.right("Esc  leave, nothing is written"),
    ];
    boxed(
        canvas,
        "HAND-OVER to the next shift",
        ("", Role::Plain),
        &lines,
    );
}
