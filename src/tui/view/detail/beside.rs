//! Beside both sides of a record: the rows that it names and that name it, its tickets, what happened to it, and what is
//! under way.

use super::Detail;
use crate::domain::drift::Drift;
use crate::domain::text::visible;
use crate::tui::canvas::Canvas;
use crate::tui::format::count;
use crate::tui::related::Relation;
use crate::tui::theme::Role;
use crate::tui::view::records::glyph;

/// Where the words begin, behind their label.
const WORDS: u16 = 14;

impl Detail<'_> {
    /// Draws the panel, with a line at its left; what has no room is left out whole, the related rows last.
    pub(super) fn beside(&self, canvas: &mut Canvas<'_>) {
        for y in 0..canvas.rows() {
            canvas.text(0, y, "│", Role::Dim);
        }
        let last = canvas.rows().saturating_sub(1);
        let (under_way, role) = self.under_way();
        said(canvas, last, "under way", &under_way, role);
        let past = self.history();
        let related = self.related();
        // One row each for tickets and what is under way; history has two at least.
        let spare = usize::from(last.saturating_sub(1));
        let told = past.len().min(2.max(spare.saturating_sub(related.len())));
        let shown = related.len().min(spare.saturating_sub(told));
        let mut y = 0;
        for (label, (glyph, role), text) in related.iter().take(shown) {
            said(canvas, y, label, "", Role::Plain);
            let x = canvas.text(WORDS, y, glyph, *role);
            let x = if glyph.is_empty() { x } else { x + 1 };
            let room = canvas.columns().saturating_sub(x + 1);
            canvas.cell(x, y, room, text, Role::Plain);
            y += 1;
        }
        said(canvas, y, "tickets", &self.tickets(), Role::Plain);
        for (row, one) in (y + 1..last).zip(past.iter().take(told)) {
            let label = if row == y + 1 { "history" } else { "" };
            said(canvas, row, label, &one.said(), Role::Plain);
        }
    }

    /// A label, a glyph and words for each: first the rows that it names, then the listed ones that name it.
    fn related(&self) -> Vec<(&'static str, (&'static str, Role), String)> {
        let related = &self.model.related;
        if related.key != Some(self.record.key) {
            return Vec::new();
        }
        let nothing = ("", Role::Plain);
        let one = |relation: &Relation| {
            let kind = self.model.state.kind(relation.table);
            let word = match relation.drift {
                Drift::InSync => "in step",
                drift => drift.word(),
            };
            let name = self.model.private(&relation.name);
            (glyph(relation.drift), format!("{word:<8} {kind} {name}"))
        };
        let mut lines = Vec::new();
        for (place, relation) in related.named.iter().enumerate() {
            let label = if place == 0 { "names" } else { "" };
            let (glyph, text) = one(relation);
            lines.push((label, glyph, text));
        }
        let all = related.naming_all;
        if all > 1 {
            let text = format!("{} listed records", count(all));
            lines.push(("named by", nothing, text));
        }
        for (place, relation) in related.naming.iter().enumerate() {
            let label = if place == 0 && all == 1 {
                "named by"
            } else {
                ""
            };
            let (glyph, text) = one(relation);
            lines.push((label, glyph, text));
        }
        if lines.is_empty() {
            let text = "names no other row, and no listed one names it";
            lines.push(("related", nothing, text.to_owned()));
        }
        lines
    }

    fn tickets(&self) -> String {
        let tickets = &self.model.tickets;
        let state = &self.model.state;
        if self.record.drift == Drift::Missing {
            return match state.accepts(self.record.key.table) {
                Some(false) => "none can exist while it is missing".to_owned(),
                Some(true) => "accepted, as a stub".to_owned(),
                None => "none names it yet".to_owned(),
            };
        }
        match (tickets.read.is_some(), tickets.counts.get(&self.record.key)) {
            (_, Some(1)) => "1 open one names it".to_owned(),
            (_, Some(n)) => format!("{} open ones name it", count(*n)),
            (true, None) => "no open one names it".to_owned(),
            (false, None) => "not read yet".to_owned(),
        }
    }

    fn under_way(&self) -> (String, Role) {
        let operation = self.record.under_way;
        match operation.and_then(|id| self.model.state.operation(id)) {
            Some(operation) => {
                let who = visible(&operation.request.who);
                (format!("{} by {who}", operation.request.verb), Role::Care)
            }
            None => ("nothing, by nobody".to_owned(), Role::Dim),
        }
    }
}

fn said(canvas: &mut Canvas<'_>, y: u16, label: &str, text: &str, role: Role) {
    canvas.text(3, y, label, Role::Dim);
    let room = canvas.columns().saturating_sub(WORDS + 1);
    canvas.cell(WORDS, y, room, text, role);
}
