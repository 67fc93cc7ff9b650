//! What concerns a whole operation: a run of the sync, going on with what was left behind, ending.

use chrono::{DateTime, Utc};

use super::View;
use crate::domain::operation::OperationId;
use crate::domain::run::Backend;
use crate::domain::text::visible;
use crate::engine::command::RunOrder;
use crate::tui::format::{fit, name, of_them, place};
use crate::tui::theme::Role;
use crate::tui::view::dialog::Line;

impl View<'_> {
    pub fn run(&self, pending: usize) -> Vec<Line> {
        let (here, there) = (place(&self.source.name), name(&self.target.name));
        let mut lines = vec![
            Line::empty(),
            Line::of("link", visible(&self.link.name)).role(Role::Strong),
            Line::of("pending", of_them(pending, "record")).role(Role::Strong),
            Line::empty(),
        ];
        let backend = self.link.sync.backend;
        if backend == Backend::BuiltIn {
            lines.extend([
                Line::of(
                    "does",
                    "what the scheduled sync does: creates what is missing",
                ),
                Line::of("", format!("in {there}, fills stubs and stale from {here}")),
                Line::of(
                    "overwrites",
                    "stale columns only; what people edited there is left alone",
                ),
            ]);
        } else {
            lines.extend([
                Line::of("does", format!("starts a new run of the {backend}, which")),
                Line::of(
                    "",
                    format!("carries over from {here} to {there} what it reads now"),
                ),
                Line::of(
                    "overwrites",
                    "whatever that job overwrites: tandem only starts it",
                ),
            ]);
        }
        lines.push(Line::empty());
        lines
    }

    pub fn order(&self, order: &RunOrder, started: Option<DateTime<Utc>>) -> Vec<Line> {
        let (here, there) = (place(&self.source.name), name(&self.target.name));
        let run = order.run().map_or_else(String::new, ToString::to_string);
        let began = started.map_or_else(
            || "not known".to_owned(),
            |at| self.model.zone.short(at, self.now.wall),
        );
        let mut lines = vec![
            Line::empty(),
            Line::of("link", visible(&self.link.name)).role(Role::Strong),
            Line::of("run", fit(&run, 58)).role(Role::Strong),
            Line::of("began", began),
            Line::empty(),
        ];
        let backend = self.link.sync.backend;
        lines.extend(match order {
            RunOrder::Cancel(_) => vec![
                Line::of("does", format!("has the {backend} end it where it stands")),
                Line::of(
                    "leaves",
                    format!("what it has written to {there} by then stays"),
                ),
            ],
            _ => vec![
                Line::of(
                    "does",
                    format!("has the {backend} repeat it with what it read then"),
                ),
                Line::of(
                    "overwrites",
                    format!("what has changed in {here} since then is overwritten"),
                )
                .role(Role::Care),
                Line::of(
                    "",
                    format!("in {there} with older values, until the next new run"),
                )
                .role(Role::Care),
                Line::of(
                    "rather",
                    "T starts a new run, with what the source holds now",
                ),
            ],
        });
        lines.push(Line::empty());
        lines
    }

    pub fn hook(&self, on: bool) -> Vec<Line> {
        let there = name(&self.target.name);
        let (does, means, back) = if on {
            (
                format!("has {there} call the hook again: enables its steps"),
                "a ticket's customer is ensured before the ticket is written".to_owned(),
                "B, then h takes it out again",
            )
        } else {
            (
                format!("has {there} call the hook no more: disables its steps"),
                "tickets pass; those for missing customers are refused".to_owned(),
                "B, then h puts it back",
            )
        };
        vec![
            Line::empty(),
            Line::of("does", does).role(Role::Strong),
            Line::of("means", means),
            Line::of("undo", back),
            Line::of("as", "the hook's customizer, by its own credential"),
            Line::empty(),
        ]
    }

    pub fn resume(&self, operation: OperationId, left: usize) -> Vec<Line> {
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

    pub fn end(&self, operation: OperationId) -> Vec<Line> {
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
}
