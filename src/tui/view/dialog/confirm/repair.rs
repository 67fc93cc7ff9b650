//! What a verb would do to the records that were chosen: one by name, many by table.

use super::View;
use crate::domain::breaker::Class;
use crate::domain::operation::{Taken, Verb};
use crate::domain::plan::{Assignment, Plan};
use crate::domain::ramp;
use crate::domain::text::is_mixed_script;
use crate::engine::records::Record;
use crate::tui::format::{count, countdown, fit, name, of_them, span, words};
use crate::tui::model::{Deed, Summary};
use crate::tui::theme::Role;
use crate::tui::view::dialog::Line;
use crate::tui::view::pulse::probe_words;

impl View<'_> {
    pub fn one(&self, deed: &Deed, record: &Record, summary: &Summary) -> Vec<Line> {
        let there = name(&self.target.name);
        let title = fit(&self.model.private(&record.name), 36);
        let who = format!("{title}   {}", fit(&self.model.private(&record.number), 20));
        let mut named = Line::of(&fit(&self.table_of(record), 10), who).role(Role::Strong);
        if is_mixed_script(&record.name) {
            // Security case 35: it may look like another name.
            named = named.right("! mixed scripts");
        }
        let mut lines = vec![
            Line::empty(),
            named,
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
                let then = if deed.verb == Verb::Ensure {
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
                        n if deed.choices.is_empty() => format!(
                            "{} that {there} has now: the source is ahead",
                            of_them(*n, "value")
                        ),
                        n => format!(
                            "{} that {there} has now; kept in the journal 30 days",
                            of_them(*n, "value")
                        ),
                    },
                ));
                let stand = deed.choices.iter().filter(|one| one.takes == Taken::Target);
                match stand.count() {
                    0 => {}
                    n => lines.push(Line::of(
                        "keeps",
                        format!("{} as {there} has them", of_them(n, "column")),
                    )),
                }
                lines.push(Line::of(
                    "then",
                    "read back and compared before it is called verified",
                ));
            }
            Some(Plan::Nothing(why) | Plan::Refuse(why)) => lines.push(Line::of("does", *why)),
            Some(Plan::Keep) => lines.push(Line::of(
                "writes",
                "nothing; you are asked again when either row changes",
            )),
            None => {}
        }
        lines.extend(also(summary, 14));
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

    pub fn many(&self, summary: &Summary, hidden: usize) -> Vec<Line> {
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
        let take_in = if hidden > 0 { "  i  takes them in" } else { "" };
        let figures = format!(
            "{:>8}{:>10}{:>10}{take_in}",
            count(hidden),
            0,
            count(hidden)
        );
        let role = if hidden > 0 { Role::Care } else { Role::Plain };
        lines.push(Line::of("hidden by filter", figures).at(20).role(role));
        lines.push(Line::empty());
        lines
    }

    /// What many writes do, how many requests they take, and what happens when something goes wrong.
    pub fn conduct(&self, summary: &Summary) -> Vec<Line> {
        let there = name(&self.target.name);
        let radius = &summary.radius;
        let creates = match radius.creates {
            0 => "nothing; a record that has gone missing is skipped".to_owned(),
            n => format!(
                "{} in {there}; what exists by then stays",
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
        let mut lines = vec![Line::of("creates", creates).at(21)];
        lines.extend(also(summary, 21));
        lines.push(
            Line::of("overwrites", overwrites)
                .at(21)
                .role(if radius.overwrites > 0 {
                    Role::Care
                } else {
                    Role::Plain
                }),
        );
        let left_out = radius.chosen - radius.writes();
        let since = self.dialog.ask.records().saturating_sub(radius.writes());
        if since > 0 {
            let have = if since == 1 { "has" } else { "have" };
            let text = format!("{since} {have} come into step or changed: nothing to do");
            lines.push(Line::of("since", text).at(21).role(Role::Care));
        }
        if left_out > 0 {
            let text = format!("{left_out}: they stay marked, Enter on one tells why");
            lines.push(Line::of("left out", text).at(21));
        }
        lines.push(Line::empty());
        let steps = ramp::marks(radius.writes());
        let order = match steps.as_slice() {
            [] | [_] => "as listed; rows that are named are ensured first".to_owned(),
            [first, rest @ ..] => {
                let rest = rest.iter().map(|(name, _)| name.trim_end_matches(" %"));
                let rest: Vec<&str> = rest.collect();
                format!(
                    "most harmful first: {}, then {} %",
                    first.0,
                    rest.join(", ")
                )
            }
        };
        lines.push(Line::of("order", order).at(21));
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
        let stops = "at 5 % failed or 10 in a row; p pauses, x ends it";
        lines.push(Line::of("stops by itself", stops).at(21));
        lines.push(Line::of("after re-lock", "it goes on; 3 Operations shows it").at(21));
        lines
    }

    /// What happens while nothing can be written.
    pub fn later(&self) -> Vec<Line> {
        let there = name(&self.target.name);
        let probe =
            probe_words(self.target, self.now).map(|probe| match probe.split_once(" in ") {
                Some((_, left)) => format!("next probe in {left}"),
                None => format!("probe {probe}"),
            });
        let now = match (self.target.breaker(Class::Write), probe) {
            (Some(breaker), Some(probe)) if !breaker.is_closed() => {
                format!(
                    "nothing is sent: write breaker {}, {probe}",
                    breaker.phase.word()
                )
            }
            (_, Some(probe)) => format!("nothing is sent: read breaker open, {probe}"),
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

    /// `1 row with name, accountnumber; the other 6 columns blank`.
    fn created(&self, record: &Record, columns: &[Assignment]) -> String {
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

    fn named(&self, record: &Record, columns: &[Assignment]) -> String {
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
}

/// The rows that are created only because a write names them.
fn also(summary: &Summary, at: u16) -> Option<Line> {
    let stubs = summary.radius.stubs;
    let names = if summary.radius.chosen == 1 {
        "it names"
    } else {
        "they name"
    };
    let as_stubs = if stubs == 1 { "as a stub" } else { "as stubs" };
    let text = format!("{} that {names}, {as_stubs}", of_them(stubs, "row"));
    (stubs > 0).then(|| Line::of("also", text).at(at).role(Role::Care))
}
