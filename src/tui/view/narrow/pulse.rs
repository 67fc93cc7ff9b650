//! Pulse, a pane at a time: what the verdict means, then one of the instances, the link, or what changed.

use super::{labelled, meaning};
use crate::domain::drift::Drift;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::TableState;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, span};
use crate::tui::model::{Model, Pane};
use crate::tui::theme::{Role, tone};
use crate::tui::view::pulse;

/// Draws the pane.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let lines = meaning(model, canvas.columns(), now);
    // The chosen pane keeps at least seven rows.
    let most = usize::from(canvas.rows().saturating_sub(7));
    let mut y = 0;
    for (place, line) in lines.iter().take(most).enumerate() {
        let is_cut = place + 1 == most && lines.len() > most;
        let more = if is_cut { " …" } else { "" };
        canvas.text(1, y, &format!("{line}{more}"), Role::Plain);
        y += 1;
    }
    let rows = canvas.rows().saturating_sub(y);
    let mut pane = canvas.part(0, y, canvas.columns(), rows);
    match model.pane {
        Pane::Target => pulse::one_card(&mut pane, model, model.link().map(|one| one.target), now),
        Pane::Source => pulse::one_card(&mut pane, model, model.link().map(|one| one.source), now),
        Pane::Link => link(&mut pane, model, now),
        Pane::Changes => changes(&mut pane, model, now),
    }
}

/// Table by table, in words: a grid of figures has no room.
fn link(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let Some(link) = model.link() else {
        return;
    };
    canvas.rule(0, &visible(&link.name), "");
    let mut y = 1;
    for (_, table) in model.state.tables_of(model.link) {
        let figures = figures(table);
        let text = if table.compared.is_none() {
            "not compared yet".to_owned()
        } else if figures.is_empty() {
            "in step".to_owned()
        } else {
            format!("{figures} · lag {}", span(table.lag(now.wall)))
        };
        labelled(canvas, y, table.name.as_str(), &text, Role::Plain);
        y += 1;
    }
    let text = match &link.sync.last_success {
        Some(at) => format!("last good {}", model.zone.short(*at, now.wall)),
        None => "no run ended well yet".to_owned(),
    };
    labelled(canvas, y, "sync", &text, Role::Plain);
}

fn figures(table: &TableState) -> String {
    let drifts = Drift::ALL.into_iter().filter(|drift| drift.is_listed());
    let figures = drifts
        .map(|drift| (drift, table.counts.of(drift)))
        .filter(|(_, n)| *n > 0)
        .map(|(drift, n)| format!("{} {}", count(n), drift.word()));
    figures.collect::<Vec<_>>().join(", ")
}

fn changes(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    canvas.rule(0, "what changed", "");
    for (y, entry) in (1..canvas.rows()).zip(model.state.timeline.iter().rev()) {
        let at = model.zone.short(entry.at, now.wall);
        let x = canvas.text(1, y, &at, Role::Dim);
        canvas.text(x + 1, y, &pulse::said(model, entry), tone(entry.tone));
    }
}
