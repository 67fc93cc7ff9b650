//! The link's sync in a line or two, and the repairs under way. What has no room is left out whole.

use std::time::Duration;

use super::Panel;
use crate::domain::run::{Backend, PlatformRun};
use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::engine::state::OperationState;
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{about, count, countdown, span, width};
use crate::tui::theme::Role;
use crate::tui::view::tickets;

/// A figure that is not older than this has the age of its panel.
const SAME_AGE: Duration = Duration::from_secs(10);

impl Panel<'_> {
    pub fn sync(&self, canvas: &mut Canvas<'_>, y: u16) {
        let x = if self.wide { 13 } else { 10 };
        canvas.text(1, y, "sync", Role::Plain);
        let schedule = self.link.schedule;
        if self.wide {
            let mut pieces = vec![
                self.link.sync.backend.word().to_owned(),
                format!(
                    "every {}, grace {}",
                    span(schedule.cadence),
                    span(schedule.grace)
                ),
            ];
            pieces.extend(self.next());
            line(canvas, x, y, &pieces, false);
            return;
        }
        let mut pieces = vec![self.link.sync.backend.word().to_owned()];
        if let Some(run) = self.running() {
            pieces.push(run);
        }
        pieces.push(self.last_good());
        match self.failed() {
            Some(failed) => pieces.push(failed),
            None if !self.link.sync.is_running() => pieces.extend(self.next()),
            None => {}
        }
        line(canvas, x, y, &pieces, self.failed().is_some());
    }

    pub fn runs(&self, canvas: &mut Canvas<'_>, y: u16) {
        canvas.text(1, y, "runs", Role::Plain);
        let pieces: Vec<String> = [self.running(), self.failed(), Some(self.last_good())]
            .into_iter()
            .flatten()
            .collect();
        line(canvas, 13, y, &pieces, false);
    }

    /// The newest repair that is under way, with its bar.
    pub fn repairs(&self, canvas: &mut Canvas<'_>, y: u16, x: u16) {
        let all = &self.model.state.operations;
        let under_way = || {
            all.iter().filter(|one| {
                !one.is_finished()
                    && !one.was_left_behind
                    && Some(one.request.id) != self.link.sync.running
            })
        };
        let Some(newest) = under_way().next() else {
            // At 80 columns tickets and repairs share a row: what is under way goes first.
            if self.wide || !self.tickets(canvas, y, x) {
                canvas.text(1, y, "repairs", Role::Plain);
                canvas.text(x, y, "none under way", Role::Dim);
            }
            return;
        };
        canvas.text(1, y, "repairs", Role::Plain);
        repair(canvas, x, y, newest, under_way().count() - 1, self.now);
    }

    /// How many open tickets stand on stubs, once they were read; whether that is known.
    pub fn tickets(&self, canvas: &mut Canvas<'_>, y: u16, x: u16) -> bool {
        let view = &self.model.tickets;
        let (Some(read), Some(at)) = (&view.read, view.read_at) else {
            return false;
        };
        canvas.text(1, y, "tickets", Role::Plain);
        let mut pieces = tickets::sums(read);
        let missing = self.model.state.missing_customers(self.model.link);
        if missing > 0 && self.model.state.accepts_missing(self.model.link) == Some(false) {
            pieces.push(format!("{} missing would be refused", count(missing)));
        }
        // Their age is said once they are older than the figures above them.
        let age = match &view.failed {
            Some(_) => format!("as of {}", self.model.zone.stamp(at.wall, self.now.wall)),
            None => format!("{} ago", span(self.now.since(at))),
        };
        if self.now.since(at) > SAME_AGE || view.failed.is_some() {
            pieces.insert(1, age);
        }
        line(canvas, x, y, &pieces, false);
        true
    }

    fn running(&self) -> Option<String> {
        if let (None, Some(run)) = (self.link.sync.running, self.link.sync.under_way()) {
            return Some(self.under_way(run));
        }
        let Some(run) = self.model.state.operation(self.link.sync.running?) else {
            return Some("run under way, comparing".to_owned());
        };
        let asked = self.model.zone.short(run.request.asked, self.now.wall);
        let lasted = run.started.map_or(Duration::ZERO, |at| self.now.since(at));
        Some(format!(
            "run {asked} by {} running {}",
            visible(&run.request.who),
            span(lasted)
        ))
    }

    /// A run that the platform carries out, and somebody else has started.
    fn under_way(&self, run: &PlatformRun) -> String {
        let Some(started) = run.started else {
            return format!("run {}", run.status.word());
        };
        format!(
            "run {} by {} {} {}",
            self.model.zone.short(started, self.now.wall),
            run.trigger,
            run.status.word(),
            span(age(self.now.wall, started))
        )
    }

    fn last_good(&self) -> String {
        match self.link.sync.last_success {
            Some(at) if self.link.sync.is_running() => {
                format!("last good {}", self.model.zone.short(at, self.now.wall))
            }
            Some(at) => format!(
                "last good {}, {} ago",
                self.model.zone.short(at, self.now.wall),
                span(age(self.now.wall, at))
            ),
            None => "no run ended well yet".to_owned(),
        }
    }

    fn failed(&self) -> Option<String> {
        let run = self.link.sync.last_run.as_ref()?;
        run.failure.as_ref()?;
        let started = self.model.zone.short(run.started, self.now.wall);
        let took = match run.took.as_secs() {
            0 => "at once".to_owned(),
            _ => span(run.took),
        };
        Some(format!("{started} run FAILED {took}"))
    }

    fn next(&self) -> Option<String> {
        match self.link.sync.next_due {
            Some(at) if at > self.now.wall => Some(format!(
                "next {}, in {}",
                self.model.zone.short(at, self.now.wall),
                about(age(at, self.now.wall))
            )),
            Some(_) => Some("next one is due".to_owned()),
            None if self.link.sync.is_scheduled => None,
            None if self.link.sync.unlisted.is_some() => {
                Some("its runs can't be listed".to_owned())
            }
            None if self.link.sync.backend != Backend::BuiltIn => None,
            None => Some(match &self.model.state.agent {
                Some(agent) => format!("{agent} runs it"),
                None => format!(
                    "no agent runs it, {} starts a run",
                    self.model.key(ActionId::Sync)
                ),
            }),
        }
    }
}

fn repair(
    canvas: &mut Canvas<'_>,
    x: u16,
    y: u16,
    operation: &OperationState,
    more: usize,
    now: Now,
) {
    let tally = operation.progress;
    let verb = operation.request.verb;
    let bar = bar(tally.done(), tally.total, 12);
    let mut pieces = vec![format!(
        "{verb} {bar} {} of {}",
        count(tally.done()),
        count(tally.total)
    )];
    if let Some(waiting) = &operation.waiting {
        pieces.push(match waiting.until.map(|until| until.since(now)) {
            Some(left) if !left.is_zero() => format!("waiting {}", countdown(left)),
            _ => "waiting".to_owned(),
        });
    }
    if more > 0 {
        pieces.push(format!("{more} more"));
    }
    pieces.push("3 shows it".to_owned());
    line(canvas, x, y, &pieces, false);
}

/// A bar of so many columns.
pub fn bar(done: usize, total: usize, columns: usize) -> String {
    let filled = (done * columns)
        .checked_div(total)
        .unwrap_or(0)
        .min(columns);
    format!("{}{}", "█".repeat(filled), "░".repeat(columns - filled))
}

/// Pieces with ` · ` between them; those that have no room are left out whole.
pub fn line(canvas: &mut Canvas<'_>, x: u16, y: u16, pieces: &[String], last_is_bad: bool) {
    let end = canvas.columns().saturating_sub(1);
    let mut at = x;
    for (place, piece) in pieces.iter().enumerate() {
        let between = if place == 0 { "" } else { " · " };
        let wide = u16::try_from(width(piece) + width(between)).unwrap_or(u16::MAX);
        if at.saturating_add(wide) > end && place > 0 {
            continue;
        }
        let is_bad = last_is_bad && place + 1 == pieces.len();
        let role = if is_bad { Role::Care } else { Role::Plain };
        at = canvas.pieces(at, y, &[(between, Role::Plain), (piece, role)]);
    }
}
