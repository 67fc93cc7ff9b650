//! Any record, in step or not, from what a caller says (mock-up 10).

use super::{Line, boxed};
use crate::domain::text::visible;
use crate::engine::find::{Found, Record};
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, fit};
use crate::tui::model::{Answer, FindDialog, Model};
use crate::tui::theme::Role;
use crate::tui::update::key_of;
use crate::tui::view::records::glyph;

/// How many of the found are shown.
const SHOWN: usize = 10;

/// Draws the dialog.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, dialog: &FindDialog) {
    let mut lines = vec![
        Line::empty(),
        Line::field("", &dialog.input, true).at(3),
        dim("name, number, e-mail, telephone, GUID, ticket number, a link from the"),
        dim("browser or a whole error message: paste what you have"),
        Line::empty(),
    ];
    let is_old = dialog.input.value().trim() != dialog.asked;
    let mut right = "Enter  ask     Esc";
    match &dialog.answer {
        Answer::None => {}
        Answer::Asking(_) => lines.push(dim("asking both instances…")),
        Answer::Failed(why) => lines.push(dim(&fit(&visible(why), 66)).role(Role::Bad)),
        Answer::Found(found) => {
            let top = (dialog.at + 1).saturating_sub(SHOWN);
            let records = found.records.iter().enumerate().skip(top).take(SHOWN);
            for (place, record) in records {
                lines.push(row(model, record, place == dialog.at));
            }
            lines.extend(ends(found));
            if !is_old && !found.records.is_empty() {
                right = "Enter  both sides     Esc";
            }
        }
    }
    lines.push(Line::empty());
    let sum = match &dialog.answer {
        Answer::Found(found) => format!("{} found", count(found.records.len())),
        _ => String::new(),
    };
    lines.push(Line::of("", sum).at(3).right(right));
    boxed(
        canvas,
        "OPEN a record",
        ("asks both instances", Role::Plain),
        &lines,
    );
}

fn dim(text: &str) -> Line {
    Line::of("", text).at(5).role(Role::Dim)
}

fn row(model: &Model, record: &Record, is_cursor: bool) -> Line {
    let drift = key_of(model, record)
        .and_then(|key| model.record(key))
        .map(|record| record.drift);
    let (mark, role, word) = match drift {
        Some(drift) => {
            let (mark, role) = glyph(drift);
            (mark, role, drift.word().to_owned())
        }
        None => ("·", Role::Dim, on(model, record)),
    };
    let text = if is_cursor { Role::Strong } else { Role::Plain };
    let cursor = if is_cursor { "► " } else { "  " };
    let named = format!(
        " {:<9}{:<9}{:<25}{}",
        fit(&word, 8),
        fit(record.table.as_str(), 8),
        fit(&model.private(&record.name), 24),
        fit(&model.private(&record.number), 20)
    );
    let mut line = Line::of("", "").at(3);
    line.pieces = vec![
        (cursor.to_owned(), Role::Strong),
        (mark.to_owned(), role),
        (named, text),
    ];
    line
}

/// Where a record is that is not listed as out of step.
fn on(model: &Model, record: &Record) -> String {
    let has = |answer: &Option<bool>| *answer == Some(true);
    if record.on.iter().all(has) {
        return "on both".to_owned();
    }
    let place = record.on.iter().position(has);
    let instance = place.and_then(|place| model.state.instances.get(place));
    instance.map_or_else(String::new, |one| format!("on {}", visible(&one.name)))
}

/// Who gave no answer, and whether there is more.
fn ends(found: &Found) -> Vec<Line> {
    let mut lines = Vec::new();
    for asked in &found.instances {
        if let Some(why) = &asked.failure {
            let text = format!("{}: {}", visible(&asked.name), visible(why));
            lines.push(dim(&fit(&text, 66)).role(Role::Care));
        }
    }
    if found.records.is_empty() && lines.is_empty() {
        lines.push(dim("neither instance has this name, number, e-mail or id"));
    }
    if found.more {
        lines.push(dim("an instance has more that fit: say more of it"));
    }
    lines
}
