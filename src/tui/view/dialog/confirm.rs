//! The confirmation of whatever writes: one record (mock-up 8a), many (8b), an instance that takes no writes now (8c),
//! a run of the sync, going on with what was left behind; and of ending an operation.

use super::{Line, boxed, target_band};
use crate::domain::breaker::Class;
use crate::domain::operation::Verb;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::command::RunOrder;
use crate::engine::records::Record;
use crate::engine::state::{InstanceState, LinkState};
use crate::tui::canvas::Canvas;
use crate::tui::format::{fit, of_them};
use crate::tui::model::{Ask, ConfirmDialog, Deed, Field, Model};
use crate::tui::theme::Role;

mod repair;
mod whole;

/// Draws the dialog.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, dialog: &ConfirmDialog, now: Now) {
    let Some(view) = View::of(model, dialog, now) else {
        return;
    };
    match &dialog.ask {
        Ask::Repair {
            deed,
            records,
            hidden,
            summary,
            ..
        } => {
            let only = match records.as_slice() {
                [only] if summary.radius.chosen == 1 && hidden.is_empty() => {
                    model.record(*only).or(summary.shown.as_deref())
                }
                _ => None,
            };
            let mut lines = match only {
                Some(record) => view.one(deed, record, summary),
                None => view.many(summary, hidden.len()),
            };
            if view.is_later() {
                lines.extend(view.later());
            } else if only.is_none() {
                lines.extend(view.conduct(summary));
            }
            let words = if view.is_later() {
                "let it wait".to_owned()
            } else {
                answer_words(deed, records.len())
            };
            lines.extend(view.answer(&words));
            view.draw(canvas, &title(deed, records.len()), &lines);
        }
        Ask::Sync { pending } => {
            let mut lines = view.run(*pending);
            if view.is_later() {
                lines.extend(view.later());
            }
            lines.extend(view.answer("start the run"));
            view.draw(canvas, "SYNC RUN of the whole link", &lines);
        }
        Ask::Resume { operation, left } => {
            let mut lines = view.resume(*operation, *left);
            lines.extend(view.answer("go on with it"));
            view.draw(canvas, "GO ON with what was left behind", &lines);
        }
        Ask::Order { order, started } => {
            let mut lines = view.order(order, *started);
            let (title, words) = match order {
                RunOrder::Cancel(_) => ("END a run of the sync", "end it"),
                _ => ("RUN AGAIN an old run of the sync", "run it again"),
            };
            lines.extend(view.answer(words));
            view.draw(canvas, title, &lines);
        }
        Ask::Hook { on } => {
            let mut lines = view.hook(*on);
            let (title, words) = if *on {
                ("PUT THE HOOK BACK", "put it back")
            } else {
                ("TAKE THE HOOK OUT", "take it out")
            };
            lines.extend(view.answer(words));
            view.draw(canvas, title, &lines);
        }
        Ask::End { operation } => {
            let lines = view.end(*operation);
            view.draw(canvas, "END an operation", &lines);
        }
    }
}

fn title(deed: &Deed, records: usize) -> String {
    let verb = if deed.choices.is_empty() {
        deed.verb.word().to_uppercase()
    } else {
        "BY COLUMN".to_owned()
    };
    let again = if deed.retries.is_some() { " again" } else { "" };
    format!("{verb} {}{again}", of_them(records, "record"))
}

fn answer_words(deed: &Deed, records: usize) -> String {
    let them = if records == 1 { "it" } else { "them" };
    let verb = deed.verb;
    match verb {
        _ if !deed.choices.is_empty() => "write what was chosen".to_owned(),
        Verb::Sync => format!("sync {them}"),
        Verb::FillBlanks => "fill its blanks".to_owned(),
        Verb::TakeSource => "overwrite it".to_owned(),
        Verb::KeepTarget => "keep it as it is".to_owned(),
        Verb::Ensure
        | Verb::Rehydrate
        | Verb::Rerun
        | Verb::Cancel
        | Verb::Resume
        | Verb::End
        | Verb::Pause => format!("{verb} {them}"),
    }
}

struct View<'a> {
    model: &'a Model,
    dialog: &'a ConfirmDialog,
    link: &'a LinkState,
    source: &'a InstanceState,
    target: &'a InstanceState,
    now: Now,
}

impl<'a> View<'a> {
    fn of(model: &'a Model, dialog: &'a ConfirmDialog, now: Now) -> Option<Self> {
        let link = model.link()?;
        Some(Self {
            model,
            dialog,
            link,
            source: model.state.instances.get(link.source)?,
            target: model.state.instances.get(link.target)?,
            now,
        })
    }

    fn is_later(&self) -> bool {
        // What is registered is asked for at once, by the customizer's credential: it waits for nothing.
        let waits = !matches!(self.dialog.ask, Ask::End { .. } | Ask::Hook { .. });
        waits && !self.target.is_writable()
    }

    fn draw(&self, canvas: &mut Canvas<'_>, title: &str, lines: &[Line]) {
        let band = target_band(self.model);
        if self.is_later() {
            let state = match self.target.breaker(Class::Write) {
                Some(breaker) if self.target.is_readable() => {
                    format!("{band} writes {}", breaker.phase.word())
                }
                _ => format!("{band} is {}", self.target.health.word()),
            };
            boxed(
                canvas,
                &format!("{title}, LATER"),
                (&state, Role::Target),
                lines,
            );
        } else {
            let writes_nothing = matches!(self.dialog.ask, Ask::End { .. })
                || matches!(&self.dialog.ask, Ask::Repair { deed, .. } if deed.verb == Verb::KeepTarget);
            let right = if writes_nothing {
                band
            } else {
                format!("writes to {band}")
            };
            boxed(canvas, title, (&right, Role::Target), lines);
        }
    }

    fn table_of(&self, record: &Record) -> String {
        let table = self.model.state.table(record.key.table);
        table.map_or_else(|| "?".to_owned(), |table| table.name.to_string())
    }

    /// The reason, and what confirms.
    fn answer(&self, what: &str) -> Vec<Line> {
        let dialog = self.dialog;
        let who = format!("as {}", fit(&visible(&self.model.who), 12));
        let wide = matches!(&dialog.ask, Ask::Repair { summary, .. } if summary.radius.chosen > 1)
            && !self.is_later();
        let at = if wide { 21 } else { 14 };
        let mut reason =
            Line::field("reason", &dialog.reason, dialog.field == Field::Reason).at(at);
        reason = match (dialog.field, dialog.lacks_a_reason()) {
            (Field::Reason, true) => reason.right("(required)"),
            (Field::Reason, false) => reason.right("Enter"),
            (_, true) => reason.right("Tab  (required)"),
            (_, false) => reason.right(who),
        };
        let mut last = if dialog.types_the_count() {
            let typed = visible(dialog.count.value()).into_owned();
            let is_active = dialog.field == Field::Count;
            let role = if is_active { Role::Strong } else { Role::Plain };
            let mut line = Line::of("", "").at(3);
            line.pieces = vec![
                (
                    format!("Type {}, then Enter  > {typed}", dialog.ask.records()),
                    role,
                ),
                (
                    " ".to_owned(),
                    if is_active { Role::Caret } else { Role::Plain },
                ),
            ];
            line
        } else {
            let mut line = Line::of("", "").at(3);
            line.pieces = vec![
                ("y".to_owned(), Role::Strong),
                (format!("  {what}"), Role::Plain),
            ];
            if dialog.field == Field::Answer {
                line.pieces.push(("     Tab  reason".to_owned(), Role::Dim));
            }
            line
        };
        last = last.right(if self.is_later() {
            "Esc  leave, nothing is queued"
        } else {
            "Esc  leave, nothing is sent"
        });
        vec![reason, Line::empty(), last]
    }
}

impl Line {
    fn label_is(mut self, label: &str) -> Self {
        label.clone_into(&mut self.label);
        self
    }
}
