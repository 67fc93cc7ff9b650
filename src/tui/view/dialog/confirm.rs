//! The confirmation of whatever writes: one record (mock-up 8a), many (8b), an instance that takes no writes now (8c),
//! a run of the sync, going on with what was left behind; and of ending an operation.

use super::{Line, boxed, target_band};
use crate::domain::breaker::Class;
use crate::domain::operation::Verb;
use crate::domain::plan::Plan;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::records::Record;
use crate::engine::state::{InstanceState, LinkState};
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, countdown, fit, name, of_them, place, span, words};
use crate::tui::model::{Ask, ConfirmDialog, Field, Model, Summary};
use crate::tui::theme::Role;
use crate::tui::view::pulse::probe_words;

/// Draws the dialog.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, dialog: &ConfirmDialog, now: Now) {
    let Some(view) = View::of(model, dialog, now) else {
        return;
    };
    match &dialog.ask {
        Ask::Repair {
            verb,
            records,
            hidden,
            summary,
        } => {
            let only = match records.as_slice() {
                [only] if summary.radius.chosen == 1 && *hidden == 0 => model.record(*only),
                _ => None,
            };
            let mut lines = match only {
                Some(record) => view.one(*verb, record, summary),
                None => view.many(summary, *hidden),
            };
            if view.is_later() {
                lines.extend(view.later());
            } else if only.is_none() {
                lines.extend(view.conduct(summary));
            }
            let words = if view.is_later() {
                "let it wait".to_owned()
            } else {
                answer_words(*verb, records.len())
            };
            lines.extend(view.answer(&words));
            view.draw(
                canvas,
                &format!(
                    "{} {}",
                    verb.word().to_uppercase(),
                    of_them(records.len(), "record")
                ),
                &lines,
            );
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
        Ask::End { operation } => {
            let lines = view.end(*operation);
            view.draw(canvas, "END an operation", &lines);
        }
    }
}

fn answer_words(verb: Verb, records: usize) -> String {
    let them = if records == 1 { "it" } else { "them" };
    match verb {
        Verb::Sync => format!("sync {them}"),
        Verb::Ensure | Verb::Rehydrate => format!("{verb} {them}"),
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
        !self.target.is_writable() && !matches!(self.dialog.ask, Ask::End { .. })
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
            let right = if matches!(self.dialog.ask, Ask::End { .. }) {
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

    fn one(&self, verb: Verb, record: &Record, summary: &Summary) -> Vec<Line> {
        let there = name(&self.target.name);
        let title = fit(&visible(&record.name), 36);
        let who = format!("{title}   {}", fit(&visible(&record.number), 20));
        let mut lines = vec![
            Line::empty(),
            Line::of(&fit(&self.table_of(record), 10), who).role(Role::Strong),
            Line::of("id", record.key.id.to_string()).role(Role::Strong),
            Line::empty(),
        ];
        if self.is_later() {
            return lines;
        }
        match &summary.only {
            Some(Plan::Create(columns)) => {
                lines.push(Line::of("creates", self.created(record, columns)));
                lines.push(Line::of(
                    "overwrites",
                    "nothing: if the row turns out to exist, it is left as it is",
                ));
                let then = if verb == Verb::Ensure {
                    "a ticket for it is accepted; the rest stays blank".to_owned()
                } else {
                    "the rows that it names are ensured first".to_owned()
                };
                lines.push(Line::of("then", then));
            }
            Some(Plan::Fill {
                columns,
                overwrites,
                ..
            }) => {
                lines.push(Line::of("fills", self.named(record, columns)));
                lines.push(Line::of(
                    "overwrites",
                    match overwrites {
                        0 => format!("nothing: every column written is blank in {there} now"),
                        n => format!(
                            "{} that {there} has now: the source is ahead",
                            of_them(*n, "value")
                        ),
                    },
                ));
                lines.push(Line::of(
                    "then",
                    "read back and compared before it is called verified",
                ));
            }
            Some(Plan::Nothing(why) | Plan::Refuse(why)) => lines.push(Line::of("does", *why)),
            None => {}
        }
        lines.push(Line::empty());
        let read = span(self.now.since(record.sides.read));
        lines.push(Line::of(
            "compared",
            format!("{read} ago · {} in {there}", record.drift),
        ));
        lines.push(Line::of(
            "costs",
            format!("{} at least", of_them(summary.radius.requests(), "request")),
        ));
        lines
    }

    /// `1 row with name, accountnumber; the other 6 columns blank`.
    fn created(&self, record: &Record, columns: &[crate::domain::plan::Assignment]) -> String {
        let all = self
            .model
            .state
            .table(record.key.table)
            .map_or(0, |table| table.rules.columns.len());
        let blank = all.saturating_sub(columns.len());
        let rest = match blank {
            0 => String::new(),
            n => format!("; the other {} blank", of_them(n, "column")),
        };
        let names = self.named(record, columns);
        let long = format!("1 row with {names}{rest}");
        if long.len() <= 58 {
            long
        } else {
            format!("1 row with {}{rest}", of_them(columns.len(), "column"))
        }
    }

    fn named(&self, record: &Record, columns: &[crate::domain::plan::Assignment]) -> String {
        let Some(table) = self.model.state.table(record.key.table) else {
            return String::new();
        };
        let names: Vec<&str> = columns
            .iter()
            .filter_map(|one| table.rules.columns.get(one.place))
            .map(|column| column.name.as_str())
            .collect();
        let all = names.join(", ");
        if all.len() <= 58 {
            return all;
        }
        let first = names.iter().take(2).copied().collect::<Vec<_>>().join(", ");
        format!("{first} and {} more", of_them(names.len() - 2, "column"))
    }

    fn many(&self, summary: &Summary, hidden: usize) -> Vec<Line> {
        let head = format!("{:>8}{:>10}{:>10}", "chosen", "writes", "left out");
        let mut lines = vec![Line::empty(), Line::of("", head).at(20).role(Role::Dim)];
        for table in summary.tables.iter().take(5) {
            let left_out = table.radius.chosen - table.radius.writes();
            let label = self
                .model
                .state
                .table(table.table)
                .map_or("?", |table| table.name.as_str());
            let why = if left_out > 0 {
                format!("  {}", words(&table.left_out, 22))
            } else {
                String::new()
            };
            let figures = format!(
                "{:>8}{:>10}{:>10}{why}",
                count(table.radius.chosen),
                count(table.radius.writes()),
                count(left_out)
            );
            lines.push(Line::of(label, figures).at(20));
        }
        let more = summary.tables.len().saturating_sub(5);
        if more > 0 {
            lines.push(Line::of(&format!("and {more} more tables"), "").at(20));
        }
        let figures = format!("{:>8}{:>10}{:>10}", count(hidden), 0, count(hidden));
        let role = if hidden > 0 { Role::Care } else { Role::Plain };
        lines.push(Line::of("hidden by filter", figures).at(20).role(role));
        lines.push(Line::empty());
        lines
    }

    /// What many writes do, how many requests they take, and what happens when something goes wrong.
    fn conduct(&self, summary: &Summary) -> Vec<Line> {
        let there = name(&self.target.name);
        let radius = &summary.radius;
        let creates = match radius.creates {
            0 => "nothing; a record that has gone missing is skipped".to_owned(),
            n => format!(
                "{} in {there}; one that exists by then is left alone",
                of_them(n, "row")
            ),
        };
        let overwrites = match radius.overwrites {
            0 => format!("nothing: every column written is blank in {there} now"),
            n => format!(
                "{} that {there} has now: the source is ahead",
                of_them(n, "value")
            ),
        };
        let mut lines = vec![
            Line::of("creates", creates).at(21),
            Line::of("overwrites", overwrites)
                .at(21)
                .role(if radius.overwrites > 0 {
                    Role::Care
                } else {
                    Role::Plain
                }),
        ];
        let left_out = radius.chosen - radius.writes();
        if left_out > 0 {
            let text = format!("{left_out}: they stay marked, Enter on one tells why");
            lines.push(Line::of("left out", text).at(21));
        }
        lines.push(Line::empty());
        lines.push(Line::of("order", "as listed; rows that are named are ensured first").at(21));
        lines.push(
            Line::of(
                "requests",
                format!(
                    "{} at least; it waits by itself on a 429",
                    count(radius.requests())
                ),
            )
            .at(21),
        );
        lines.push(
            Line::of(
                "after re-lock",
                "it goes on; x in 3 Operations takes back the rest",
            )
            .at(21),
        );
        lines
    }

    /// What happens while nothing can be written.
    fn later(&self) -> Vec<Line> {
        let there = name(&self.target.name);
        let probe = probe_words(self.target, self.now);
        let now = match (self.target.breaker(Class::Write), probe) {
            (Some(breaker), Some(probe)) if !breaker.is_closed() => {
                format!(
                    "nothing is sent: write breaker {}, probe {probe}",
                    breaker.phase.word()
                )
            }
            (_, Some(probe)) => format!("nothing is sent: read breaker open, probe {probe}"),
            _ => match self.target.next_probe.map(|at| at.since(self.now)) {
                Some(left) => format!("nothing is sent; next probe in {}", countdown(left)),
                None => "nothing is sent".to_owned(),
            },
        };
        let lapses = self.now.wall + chrono::Duration::hours(4);
        let lapses = self.model.zone.short(lapses, self.now.wall);
        vec![
            Line::of("now", now),
            Line::of(
                "later",
                format!("once {there} answers: compared again, then done"),
            ),
            Line::of(
                "lapses",
                format!("at {lapses} (in 4h) if {there} has not answered by then"),
            ),
            Line::of("see it", "3 Operations; x takes it back"),
        ]
    }

    fn run(&self, pending: usize) -> Vec<Line> {
        let (here, there) = (place(&self.source.name), name(&self.target.name));
        vec![
            Line::empty(),
            Line::of("link", visible(&self.link.name)).role(Role::Strong),
            Line::of("pending", of_them(pending, "record")).role(Role::Strong),
            Line::empty(),
            Line::of(
                "does",
                "what the scheduled sync does: creates what is missing",
            ),
            Line::of("", format!("in {there}, fills stubs and stale from {here}")),
            Line::of(
                "overwrites",
                "stale columns only; what people edited there is left alone",
            ),
            Line::empty(),
        ]
    }

    fn resume(&self, operation: crate::domain::operation::OperationId, left: usize) -> Vec<Line> {
        let Some(operation) = self.model.state.operation(operation) else {
            return vec![Line::empty(), Line::of("", "it is gone")];
        };
        let request = &operation.request;
        vec![
            Line::empty(),
            Line::of(
                "operation",
                format!(
                    "{} of {}",
                    request.verb,
                    of_them(operation.progress.total, "record")
                ),
            )
            .role(Role::Strong),
            Line::of("id", request.id.to_string()).role(Role::Strong),
            Line::of("asked by", visible(&request.who).into_owned()),
            Line::empty(),
            Line::of("left", of_them(left, "record")),
            Line::of(
                "first",
                "what was sent without an answer is read back, never resent blindly",
            ),
            Line::of(
                "then",
                "every other record is compared again before it is written",
            ),
            Line::empty(),
        ]
    }

    fn end(&self, operation: crate::domain::operation::OperationId) -> Vec<Line> {
        let Some(operation) = self.model.state.operation(operation) else {
            return vec![Line::empty(), Line::of("", "it is gone")];
        };
        let tally = operation.progress;
        let on_the_way = tally.intended + tally.applied + tally.unknown;
        vec![
            Line::empty(),
            Line::of(
                "operation",
                format!(
                    "{} of {}",
                    operation.request.verb,
                    of_them(tally.total, "record")
                ),
            )
            .role(Role::Strong),
            Line::of("id", operation.request.id.to_string()).role(Role::Strong),
            Line::empty(),
            Line::of(
                "not sent",
                format!("{}: taken back", of_them(tally.accepted, "record")),
            ),
            Line::of(
                "on the way",
                format!("{}: finished and read back", of_them(on_the_way, "record")),
            ),
            Line::of(
                "done",
                format!("{}: stays done", of_them(tally.done(), "record")),
            ),
            Line::empty(),
            Line::of("", "")
                .label_is("y  end it")
                .right("Esc  leave, it goes on"),
        ]
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
