//! The link: its tables by drift and lag, its sync, and the repairs under way. Not known is shown as `?`, never as 0.

use std::time::Duration;

use crate::domain::drift::{Drift, Flag};
use crate::domain::lag::LinkCondition;
use crate::domain::time::Now;
use crate::engine::state::{Counts, LinkState, TableState};
use crate::tui::canvas::Canvas;
use crate::tui::format::{about, count, name, of_them, span, width};
use crate::tui::layout::Arrangement;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::verdict::{drain_of, pending};

mod hook;
mod lags;
mod sync;

pub use sync::{bar, line};

/// Draws the panel from its rule on; the row below it comes back.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, y: u16, now: Now) -> u16 {
    let Some(link) = model.link() else {
        return y + 1;
    };
    let arrangement = Arrangement::of((canvas.columns(), canvas.rows()));
    let wide = arrangement.is_wide();
    let panel = Panel {
        model,
        link,
        now,
        wide,
        is_live: is_live(model, link),
    };
    panel.rule(canvas, y);
    panel.head(canvas, y + 1);
    let tables: Vec<&TableState> = model.state.tables_of(model.link).map(|(_, t)| t).collect();
    // At least three rows of what changed stay on the screen.
    let hook = u16::from(!wide && panel.hook().is_some());
    let room = canvas
        .rows()
        .saturating_sub(y + 9 + hook + u16::from(wide) * 3);
    let room = usize::from(room).max(1);
    let mut row = y + 2;
    let left_out = tables.len().saturating_sub(room);
    let shown = if left_out > 0 { room - 1 } else { tables.len() };
    for table in tables.iter().take(shown) {
        panel.table(canvas, row, table);
        row += 1;
    }
    if left_out > 0 {
        let text = format!("and {} more tables", tables.len() - shown);
        canvas.text(1, row, &text, Role::Dim);
        row += 1;
    }
    if wide {
        panel.all(canvas, row, &tables);
        row += 2;
    }
    if wide {
        let split = canvas.columns() / 2;
        let mut left = canvas.part(0, row, split, 3);
        panel.lags(&mut left);
        panel.tickets(&mut left, 2, 13);
        let mut right = canvas.part(split, row, canvas.columns() - split, 3);
        panel.sync(&mut right, 0);
        panel.runs(&mut right, 1);
        match panel.hook() {
            Some(hook) => panel.hook_line(&mut right, 13, 2, hook),
            None => panel.repairs(&mut right, 2, 13),
        }
        return row + 3;
    }
    panel.sync(canvas, row);
    panel.repairs(canvas, row + 1, 10);
    if let Some(hook) = panel.hook() {
        panel.hook_line(canvas, 10, row + 2, hook);
        row += 1;
    }
    row + 2
}

/// Whether both sides can be read, so that the figures are being kept up.
fn is_live(model: &Model, link: &LinkState) -> bool {
    [link.source, link.target].into_iter().all(|place| {
        let instance = model.state.instances.get(place);
        instance.is_some_and(crate::engine::state::InstanceState::is_readable)
    })
}

struct Panel<'a> {
    model: &'a Model,
    link: &'a LinkState,
    now: Now,
    wide: bool,
    is_live: bool,
}

/// The columns of figures: their heads, and where they end at 80 or 140 columns.
const SMALL: [(&str, u16); 8] = [
    ("pending", 20),
    ("missing", 29),
    ("stub", 35),
    ("stale", 42),
    ("since", 52),
    ("diverged", 62),
    ("other", 69),
    ("lag", 78),
];
const WIDE: [(&str, u16); 10] = [
    ("in step", 24),
    ("pending", 35),
    ("missing", 45),
    ("stub", 53),
    ("stale", 62),
    ("since", 75),
    ("diverged", 88),
    ("orphan", 98),
    ("duplicate", 110),
    ("lag", 126),
];

impl Panel<'_> {
    fn source(&self) -> &str {
        let instance = self.model.state.instances.get(self.link.source);
        instance.map_or("?", |instance| instance.name.as_str())
    }

    fn lag_limit(&self) -> Duration {
        self.link.schedule.cadence + self.link.schedule.grace
    }

    fn rule(&self, canvas: &mut Canvas<'_>, y: u16) {
        let target = self.model.state.instances.get(self.link.target);
        let target = target.map_or("?", |instance| instance.name.as_str());
        let mut name = format!("{} → {target}", self.source());
        let tables: Vec<&TableState> = self
            .model
            .state
            .tables_of(self.model.link)
            .map(|(_, t)| t)
            .collect();
        if self.wide && tables.iter().all(|table| table.compared.is_some()) {
            let sums: Vec<String> = tables
                .iter()
                .take(4)
                .map(|table| of_them(in_source(&table.counts), table.name.as_str()))
                .collect();
            name = format!("{name} · {}", sums.join(", "));
        }
        let (state, role) = self.state();
        let middle = (canvas.columns() - 1) / 2;
        canvas.rule_in(y, &name, Role::Plain, &state, role);
        if width(&name) + 4 < usize::from(middle) {
            canvas.text(middle, y, "┴", Role::Dim);
        }
    }

    /// How the link stands, and what comes next; behind it what is counted apart.
    fn state(&self) -> (String, Role) {
        let flagged =
            Flag::ALL.map(|flag| (flag, self.model.state.flagged_on(self.model.link, flag)));
        let words = flagged.iter().filter(|(_, n)| *n > 0);
        let words: Vec<String> = words
            .map(|(flag, n)| format!(" · {} {flag}", count(*n)))
            .collect();
        let all: usize = flagged.iter().map(|(_, n)| n).sum();
        let (text, role) = if all > 0 && all == self.model.state.pending(self.model.link) {
            ("nothing due".to_owned(), Role::Plain)
        } else {
            self.due()
        };
        let role = if all > 0 { Role::Care } else { role };
        (text + &words.concat(), role)
    }

    /// How what a sync would change stands against the schedule.
    fn due(&self) -> (String, Role) {
        let state = &self.model.state;
        let lag = state.lag(self.model.link, self.now.wall);
        let left = self.lag_limit().saturating_sub(lag);
        let over = lag.saturating_sub(self.lag_limit());
        let pending = pending(self.model, self.model.link);
        let drain = drain_of(self.model, self.link, pending, self.now)
            .filter(|_| pending > 0)
            .map_or(String::new(), |left| {
                format!(" · drained in {}", about(left))
            });
        match state.condition(self.model.link, self.now.wall) {
            LinkCondition::InStep => ("in step".to_owned(), Role::Plain),
            LinkCondition::Expected if drain.is_empty() => {
                (format!("expected · LATE in {}", about(left)), Role::Plain)
            }
            LinkCondition::Expected => (format!("LATE in {}{drain}", about(left)), Role::Plain),
            LinkCondition::Late => (format!("LATE {}{drain}", span(over)), Role::Care),
            LinkCondition::Stalled => (format!("STALLED {}{drain}", span(over)), Role::Care),
            LinkCondition::Unknown => ("unknown".to_owned(), Role::Care),
        }
    }

    /// The panel's age, said once.
    fn age(&self) -> (String, Role) {
        let tables = || self.model.state.tables_of(self.model.link);
        let oldest = tables()
            .map(|(_, table)| table.compared)
            .min_by_key(|at| at.map(|at| at.mono));
        match oldest.flatten() {
            None if tables().any(|(_, table)| table.comparing.is_some()) => {
                ("comparing".to_owned(), Role::Plain)
            }
            None => ("not yet".to_owned(), Role::Plain),
            Some(at) if self.is_live => (format!("{} ago", span(self.now.since(at))), Role::Plain),
            Some(at) if self.wide => (
                format!("as of {}", self.model.zone.stamp(at.wall, self.now.wall)),
                Role::Dim,
            ),
            Some(at) => {
                let local = self.model.zone.clock(at.wall);
                (
                    format!("as of {}", local.get(..5).unwrap_or(&local)),
                    Role::Dim,
                )
            }
        }
    }

    /// Whether the column of what changed since is worth its place.
    fn shows_since(&self) -> bool {
        let mut tables = self.model.state.tables_of(self.model.link);
        tables.any(|(_, table)| table.changed_since > 0)
    }

    fn columns(&self, canvas: &Canvas<'_>) -> Vec<(&'static str, u16)> {
        let columns = u32::from(canvas.columns());
        let (all, drawn): (&[(&'static str, u16)], u32) = if self.wide {
            (&WIDE, 140)
        } else {
            (&SMALL, 80)
        };
        let scaled = |last: u16| {
            let last = (u32::from(last) * (columns - 1)).div_ceil(drawn - 1);
            u16::try_from(last).unwrap_or(u16::MAX)
        };
        all.iter()
            .map(|(head, last)| {
                let last = if columns < drawn || !self.wide {
                    scaled(*last)
                } else {
                    *last
                };
                (*head, last.min(canvas.columns().saturating_sub(2)))
            })
            .collect()
    }

    fn head(&self, canvas: &mut Canvas<'_>, y: u16) {
        let (text, role) = self.age();
        canvas.text(1, y, &text, role);
        for (head, last) in self.columns(canvas) {
            let text = match head {
                "since" if !self.shows_since() => continue,
                "since" => format!("{} since", name(self.source())),
                "lag" if self.wide && canvas.columns() >= 136 => {
                    format!("lag of {}", span(self.lag_limit()))
                }
                head => head.to_owned(),
            };
            if width(&text) < 13 || self.wide {
                canvas.right(last, y, &text, Role::Dim);
            }
        }
    }

    fn table(&self, canvas: &mut Canvas<'_>, y: u16, table: &TableState) {
        canvas.cell(1, y, 12, table.name.as_str(), Role::Plain);
        let known = table.compared.is_some();
        let lag = table.lag(self.now.wall);
        for (head, last) in self.columns(canvas) {
            let n = self.known(table, head);
            self.figure(
                canvas,
                y,
                (head, last),
                n,
                table.changed_since,
                known.then_some(lag),
            );
        }
    }

    /// A table's figure; while the target can't be read, what changed in the source since counts as pending, and not
    /// as in step.
    fn known(&self, table: &TableState, head: &str) -> usize {
        let known = figure(&table.counts, head);
        match head {
            _ if self.is_live => known,
            "pending" => known + table.changed_since,
            "in step" => known.saturating_sub(table.changed_since),
            _ => known,
        }
    }

    fn all(&self, canvas: &mut Canvas<'_>, y: u16, tables: &[&TableState]) {
        canvas.text(1, y, "all", Role::Plain);
        let lag = tables
            .iter()
            .all(|table| table.compared.is_some())
            .then(|| self.model.state.lag(self.model.link, self.now.wall));
        let since = tables.iter().map(|table| table.changed_since).sum();
        for (head, last) in self.columns(canvas) {
            let sum: usize = tables.iter().map(|table| self.known(table, head)).sum();
            self.figure(canvas, y, (head, last), sum, since, lag);
        }
    }

    /// One figure; no lag means that nothing was compared yet.
    fn figure(
        &self,
        canvas: &mut Canvas<'_>,
        y: u16,
        (head, last): (&str, u16),
        n: usize,
        since: usize,
        lag: Option<Duration>,
    ) {
        let old = if self.is_live { Role::Plain } else { Role::Dim };
        match (head, lag) {
            ("since", _) if !self.shows_since() => {}
            ("since", _) => canvas.right(last, y, &format!("+{}", count(since)), Role::Plain),
            (_, None) => canvas.right(last, y, "?", Role::Care),
            ("lag", Some(lag)) => self.lag(canvas, y, last, lag),
            ("missing", Some(_)) if n > 0 => {
                canvas.right(
                    last,
                    y,
                    &count(n),
                    if self.is_live { Role::Bad } else { Role::Dim },
                );
            }
            (_, Some(_)) => canvas.right(last, y, &count(n), old),
        }
    }

    fn lag(&self, canvas: &mut Canvas<'_>, y: u16, last: u16, lag: Duration) {
        let limit = self.lag_limit();
        let role = if lag > limit { Role::Care } else { Role::Plain };
        let text = if lag.is_zero() {
            "0".to_owned()
        } else {
            span(lag)
        };
        canvas.right(last, y, &text, role);
        if self.wide && canvas.columns() > last + 13 && !limit.is_zero() {
            let tenths = (lag.as_secs() * 10 / limit.as_secs().max(1)).min(10);
            let filled = usize::try_from(tenths).unwrap_or(10);
            let bar = format!("{}{}", "▇".repeat(filled), "░".repeat(10 - filled));
            canvas.text(last + 3, y, &bar, role);
        }
    }
}

/// Records that the source has.
fn in_source(counts: &Counts) -> usize {
    counts
        .all()
        .saturating_sub(counts.of(Drift::Orphan) + counts.of(Drift::Local))
}

fn figure(counts: &Counts, head: &str) -> usize {
    match head {
        "in step" => counts.of(Drift::InSync),
        "pending" => counts.pending(),
        "missing" => counts.of(Drift::Missing),
        "stub" => counts.of(Drift::Stub),
        "stale" => counts.of(Drift::Stale),
        "diverged" => counts.of(Drift::Diverged),
        "orphan" => counts.of(Drift::Orphan),
        "duplicate" => counts.of(Drift::Duplicate),
        "other" => {
            let rare = [Drift::Orphan, Drift::Duplicate, Drift::DeletedInTarget];
            rare.map(|drift| counts.of(drift)).iter().sum::<usize>() + counts.of(Drift::Unknown)
        }
        _ => 0,
    }
}
