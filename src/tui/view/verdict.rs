//! The verdict's rows: three on Pulse, one in every other view. Nothing else on screen is in reverse.

use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::Tone;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, fit, whole, width};
use crate::tui::layout::Arrangement;
use crate::tui::model::{Model, Screen};
use crate::tui::theme::Role;
use crate::tui::verdict::{Verdict, verdicts};

/// Draws the worst verdict.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    let all = verdicts(model, now);
    let Some(worst) = all.first() else {
        return;
    };
    let is_pulse = model.screen == Screen::Pulse;
    let y = if wide && is_pulse { 3 } else { 2 };
    first_row(canvas, model, y, worst, all.len() - 1, now);
    if is_pulse {
        let room = canvas.columns().saturating_sub(4);
        let effect = whole(&worst.effect, usize::from(room));
        canvas.text(3, y + 1, &effect, Role::Plain);
        if !worst.next.is_empty() {
            let next = whole(&format!("Now: {}", worst.next), usize::from(room));
            canvas.text(3, y + 2, &next, Role::Plain);
        }
    }
}

fn first_row(
    canvas: &mut Canvas<'_>,
    model: &Model,
    y: u16,
    verdict: &Verdict,
    more: usize,
    now: Now,
) {
    let role = Role::Verdict(verdict.tone);
    let last = canvas.columns().saturating_sub(2);
    let more = (more > 0).then(|| format!("+{} more", count(more)));
    let taken = (verdict.tone != Tone::Good)
        .then(|| taken(model, now))
        .flatten();
    let more: Vec<String> = taken.into_iter().chain(more).collect();
    let more = more.join("  ");
    let title = format!(" {} {}", verdict.glyph, verdict.title);
    let detail = match about_records(model, now) {
        Some(words) if verdict.tone == Tone::Bad => words,
        _ => verdict.detail.clone(),
    };
    let reserved = u16::try_from(width(&more)).unwrap_or(0);
    let room = (last + 1).saturating_sub(if reserved > 0 { reserved + 2 } else { 0 });
    let left = usize::from(room).saturating_sub(width(&title) + 3);
    let text = format!("{title}   {}", whole(&detail, left));
    canvas.cell(0, y, room, &text, role);
    canvas.right(last, y, &more, role);
    match verdict.tone {
        Tone::Bad => canvas.paint_row(y, role),
        Tone::Good => {
            canvas.text(1, y, verdict.glyph, Role::Good);
        }
        Tone::Care | Tone::Plain => {}
    }
}

/// What a bad verdict means for the list of records: that it is old.
fn about_records(model: &Model, now: Now) -> Option<String> {
    if model.screen != Screen::Records {
        return None;
    }
    let link = model.link()?;
    let target = model.state.instances.get(link.target)?;
    if target.is_readable() {
        return None;
    }
    let compared = model
        .state
        .tables_of(model.link)
        .filter_map(|(_, table)| table.compared)
        .min_by_key(|at| at.mono)?;
    Some(format!(
        "records below are as of {}; {} would wait",
        model.zone.stamp(compared.wall, now.wall),
        model.verb_keys()
    ))
}

/// Who has the alerts that fire; how many of them somebody has, where some are nobody's.
fn taken(model: &Model, now: Now) -> Option<String> {
    let alarms = &model.state.alarms;
    let takers: Vec<_> = alarms
        .iter()
        .filter_map(|alarm| model.state.taken_by(alarm, now.wall))
        .collect();
    match (takers.first(), alarms.len()) {
        (_, 0) => None,
        (None, _) => Some("unacked".to_owned()),
        (Some(first), all) if takers.len() == all => {
            Some(format!("{} has it", fit(&visible(&first.who), 12)))
        }
        (Some(_), all) => Some(format!("{} of {} acked", takers.len(), all)),
    }
}
