//! One instance: how it is, when it answered, how fast, what failed, and its breakers with cause and countdown.

use std::time::Duration;

use crate::domain::breaker::{BreakerStatus, Class, Phase};
use crate::domain::health::{Cell, Health};
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::InstanceState;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, countdown, latencies, ordinal, span, width};
use crate::tui::layout::Arrangement;
use crate::tui::model::Model;
use crate::tui::theme::Role;

/// Draws both cards below their rule, the source's on the left.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, y: u16, rows: u16, now: Now) {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    let middle = (canvas.columns() - 1) / 2;
    let right = canvas.columns() - middle - 1;
    let Some(link) = model.link() else {
        return;
    };
    for (x, columns, place, role) in [
        (0, middle, link.source, "source"),
        (middle + 1, right, link.target, "target"),
    ] {
        let Some(instance) = model.state.instances.get(place) else {
            continue;
        };
        let never = if wide && role == "source" {
            ", never written"
        } else {
            ""
        };
        let mut part = canvas.part(x, y, columns, rows);
        part.rule(
            0,
            &format!("{} · {role}{never}", visible(&instance.band)),
            "",
        );
        let mut card = Card {
            canvas: part,
            model,
            instance,
            now,
            wide,
        };
        card.draw();
    }
    canvas.text(middle, y, "┬", Role::Dim);
    for row in 1..rows {
        canvas.text(middle, y + row, "│", Role::Dim);
    }
    canvas.text(middle, y + rows, "┴", Role::Dim);
}

struct Card<'a, 'b> {
    canvas: Canvas<'a>,
    model: &'b Model,
    instance: &'b InstanceState,
    now: Now,
    wide: bool,
}

impl Card<'_, '_> {
    fn draw(&mut self) {
        self.health();
        self.answered();
        self.latency();
        if self.wide {
            self.errors(5);
            self.throttle(6);
            self.cause(7);
            self.breakers(8);
        } else {
            self.errors(4);
            self.breaker_line(5);
            self.last_line(6);
        }
    }

    /// The column of the values.
    fn x(&self) -> u16 {
        if self.wide { 13 } else { 10 }
    }

    fn line(&mut self, y: u16, label: &str, value: &str, role: Role) -> u16 {
        self.canvas.text(1, y, label, Role::Plain);
        let x = self.x();
        self.canvas.text(x, y, value, role)
    }

    fn is_silent(&self) -> bool {
        !self.instance.is_readable()
    }

    fn health(&mut self) {
        let health = self.instance.health;
        let (glyph, role) = match health {
            Health::Healthy => ("●", Role::Good),
            Health::Degraded | Health::Throttled => ("▲", Role::Care),
            Health::Down | Health::Refused => ("▼", Role::Bad),
            Health::CutOff | Health::Unknown => ("?", Role::Care),
        };
        let forced = self.instance.forced().is_some();
        let word = if health == Health::Healthy {
            Role::Plain
        } else {
            role
        };
        let role_of = |role| if forced { Role::Dim } else { role };
        let x = self.canvas.text(1, 1, glyph, role_of(role));
        let x = self.canvas.text(x + 1, 1, health.word(), role_of(word));
        if health == Health::Unknown && !forced {
            self.canvas.text(x + 2, 1, "no answer yet", Role::Plain);
            return;
        }
        let lasted = span(self.now.since(self.instance.since));
        let at = if self.wide { x.max(12) + 1 } else { x + 1 };
        let x = self.canvas.text(at, 1, &lasted, role_of(Role::Plain));
        let before = match self.instance.before {
            Some((before, lasted)) if before != Health::Unknown => {
                format!("after {} {}", span(lasted), before.word().to_lowercase())
            }
            _ => String::new(),
        };
        let zone = &self.model.zone;
        let since = self.instance.since.wall;
        let text = if forced {
            "stopped by us".to_owned()
        } else if self.wide {
            let comma = if before.is_empty() || health == Health::Healthy {
                String::new()
            } else {
                format!(", {before}")
            };
            let is_today = zone.day(since) == zone.day(self.now.wall);
            let at = if is_today {
                zone.clock(since)
            } else {
                zone.long(since)
            };
            format!("since {at}{comma}")
        } else if health == Health::Healthy {
            String::new()
        } else {
            before
        };
        let gap = if self.wide { 3 } else { 2 };
        let at = if self.wide { 21.max(x + gap) } else { x + gap };
        self.canvas.text(at, 1, &text, Role::Plain);
    }

    fn answered(&mut self) {
        let text = match self.instance.answered {
            Some(at) => format!("{} ago", span(self.now.since(at))),
            None => "not yet".to_owned(),
        };
        let x = self.line(2, "answered", &text, Role::Plain);
        let error = self.instance.last_error.as_ref();
        if let Some((at, cause, _)) = error.filter(|_| self.wide && self.is_silent()) {
            let at = self.model.zone.stamp(at.wall, self.now.wall);
            let text = format!("last error {at} {}", visible(cause));
            self.canvas.text(x + 3, 2, &text, Role::Plain);
        }
    }

    fn latency(&mut self) {
        let calls = &self.instance.calls;
        let role = if self.is_silent() {
            Role::Dim
        } else {
            Role::Plain
        };
        let between = if self.wide { " / " } else { "/" };
        let text = latencies(calls.p50, calls.p95, between);
        let x = self.line(3, "p50/p95", &text, role);
        if self.wide {
            if let Some(at) = calls.answered.filter(|_| self.is_silent()) {
                let at = self.model.zone.short(at, self.now.wall);
                let text = format!("as of {at}, no good answer since");
                self.canvas.text(x + 3, 3, &text, Role::Dim);
            }
            if self.instance.cells.is_empty() {
                return;
            }
            let at = self.x();
            spark(&mut self.canvas, at, 4, 40, &self.instance.cells);
            self.canvas.text(at + 42, 4, "1h", Role::Dim);
        } else {
            let from = 20;
            if x < from && !self.instance.cells.is_empty() {
                spark(&mut self.canvas, from, 3, 15, &self.instance.cells);
                self.canvas.text(from + 16, 3, "1h", Role::Dim);
            }
        }
    }

    fn errors(&mut self, y: u16) {
        let calls = &self.instance.calls;
        let (errors, all) = (calls.errors(), calls.calls);
        let role = if errors > 0 { Role::Care } else { Role::Plain };
        let label = if self.wide { "errors 5m" } else { "errors" };
        if all == 0 {
            self.line(y, label, "–  no call in 5m", Role::Plain);
            return;
        }
        if self.wide {
            let x = self.line(
                y,
                label,
                &format!("{errors} of {}", count(all as usize)),
                role,
            );
            let x = self.canvas.text(
                26.max(x + 3),
                y,
                &format!("remote {}", calls.remote_errors),
                Role::Plain,
            );
            let x = self.canvas.text(
                x + 3,
                y,
                &format!("local {}", calls.local_errors),
                Role::Plain,
            );
            if calls.probes_only {
                self.canvas.text(x + 5, y, "probes only", Role::Plain);
            }
            return;
        }
        let x = self.line(
            y,
            label,
            &format!("{errors} of {}", count(all as usize)),
            role,
        );
        let mut rest = " in 5m".to_owned();
        if errors > 0 && calls.local_errors > 0 {
            rest.extend([format!("  local {}", calls.local_errors)]);
        } else if calls.probes_only && errors > 0 {
            rest.push_str(", probes only");
        }
        self.canvas.text(x, y, &rest, Role::Plain);
    }

    fn throttle_words(&self) -> Option<(String, String)> {
        let (until, why) = self.instance.gate.as_ref()?;
        let left = until.since(self.now);
        (!left.is_zero()).then(|| (countdown(left), visible(why).into_owned()))
    }

    fn throttle(&mut self, y: u16) {
        match self.throttle_words() {
            Some((left, why)) => {
                let text = format!("{left} left, then goes on ({why})");
                self.line(y, "throttle", &text, Role::Care);
            }
            None => {
                self.line(y, "throttle", "none", Role::Plain);
            }
        }
    }

    fn cause(&mut self, y: u16) {
        let open = self.instance.breakers.iter().find(|one| !one.is_closed());
        if let Some(cause) = open.and_then(|one| one.cause.as_deref()) {
            self.line(y, "cause", &visible(cause), Role::Plain);
        }
    }

    fn breakers(&mut self, y: u16) {
        self.canvas.text(1, y, "breaker", Role::Plain);
        self.canvas.text(13, y, "state", Role::Dim);
        self.canvas.text(25, y, "for", Role::Dim);
        self.canvas.right(40, y, "not sent", Role::Dim);
        self.canvas.right(55, y, "opened today", Role::Dim);
        for (row, breaker) in (y + 1..).zip(&self.instance.breakers) {
            let role = phase_role(breaker);
            self.canvas.text(3, row, breaker.class.word(), Role::Plain);
            self.canvas.cell(13, row, 11, breaker.phase.word(), role);
            let lasted = span(self.now.since(breaker.since));
            self.canvas.cell(25, row, 7, &lasted, Role::Plain);
            let not_sent = usize::try_from(breaker.not_sent).unwrap_or(usize::MAX);
            self.canvas.right(40, row, &count(not_sent), Role::Plain);
            self.canvas
                .right(55, row, &count(breaker.opened_today), Role::Plain);
        }
        let probe = probe_words(self.instance, self.now);
        if let Some(words) = probe {
            let row = y + 4;
            if row < self.canvas.rows() {
                self.line(
                    row,
                    "next probe",
                    &format!("{words} · B p probes now"),
                    Role::Plain,
                );
            }
        }
    }

    /// All breakers in a line: those that are not closed first.
    fn breaker_line(&mut self, y: u16) {
        let all = &self.instance.breakers;
        let x = self.x();
        self.canvas.text(1, y, "breaker", Role::Plain);
        if all.iter().all(BreakerStatus::is_closed) {
            let opened: usize = all.iter().map(|one| one.opened_today).sum();
            let newest = all.iter().filter(|one| one.opened_today > 0);
            let lasted = newest.map(|one| self.now.since(one.since)).min();
            let text = match lasted {
                Some(lasted) => format!("closed {}, opened {opened} today", span(lasted)),
                None => "closed".to_owned(),
            };
            self.canvas.text(x, y, &text, Role::Plain);
            return;
        }
        let mut groups: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
        let open_first = all
            .iter()
            .filter(|one| !one.is_closed())
            .chain(all.iter().filter(|one| one.is_closed()));
        for breaker in open_first {
            let word = breaker.phase.word();
            match groups.iter_mut().find(|(known, _)| *known == word) {
                Some((_, classes)) => classes.push(breaker.class.word()),
                None => groups.push((word, vec![breaker.class.word()])),
            }
        }
        let mut at = x;
        let last = groups.len().saturating_sub(1);
        for (place, (word, classes)) in groups.into_iter().enumerate() {
            let is_closed = word == "closed";
            let text = if is_closed {
                format!("{} {word}", classes.join(" "))
            } else {
                format!("{word} {}", classes.join(" "))
            };
            let role = match word {
                "closed" => Role::Plain,
                "OPEN" => Role::Bad,
                _ => Role::Care,
            };
            at = self.canvas.text(at, y, &text, role);
            if place < last {
                at = self.canvas.text(at, y, ", ", Role::Plain);
            }
        }
    }

    /// The next probe while a breaker is not closed, else the throttle.
    fn last_line(&mut self, y: u16) {
        let not_sent: u64 = self
            .instance
            .breakers
            .iter()
            .filter(|one| !one.is_closed())
            .map(|one| one.not_sent)
            .sum();
        match (probe_words(self.instance, self.now), self.throttle_words()) {
            (Some(words), _) => {
                let not_sent = usize::try_from(not_sent).unwrap_or(usize::MAX);
                let text = format!("{words} · {} not sent", count(not_sent));
                self.line(y, "probe", &text, Role::Plain);
            }
            (None, Some((left, why))) => {
                let long = format!("{left} left, then goes on ({why})");
                let room = usize::from(self.canvas.columns().saturating_sub(self.x()));
                let text = if width(&long) <= room {
                    long
                } else {
                    format!("{left} left, then goes on")
                };
                self.line(y, "throttle", &text, Role::Care);
            }
            (None, None) => {
                self.line(y, "throttle", "none", Role::Plain);
            }
        }
    }
}

fn phase_role(breaker: &BreakerStatus) -> Role {
    match breaker.phase {
        Phase::Closed => Role::Plain,
        Phase::Open { .. } => Role::Bad,
        Phase::HalfOpen { .. } | Phase::ForcedOpen(_) => Role::Care,
    }
}

/// `7th in 3:51`; what a half-open or forced breaker waits for instead.
pub fn probe_words(instance: &InstanceState, now: Now) -> Option<String> {
    let not_closed = || instance.breakers.iter().filter(|one| !one.is_closed());
    if not_closed().any(|one| matches!(one.phase, Phase::ForcedOpen(_))) {
        return Some("none until it is released".to_owned());
    }
    let open = not_closed()
        .filter_map(|one| match &one.phase {
            Phase::Open { until } => Some((until.since(now), one)),
            _ => None,
        })
        .min_by_key(|(left, one)| (one.class == Class::Write, *left));
    if let Some((left, breaker)) = open {
        let number = ordinal(breaker.next_probe.max(1));
        return Some(if left.is_zero() {
            format!("{number} now")
        } else {
            format!("{number} in {}", countdown(left))
        });
    }
    not_closed().next().map(|breaker| {
        if breaker.class == Class::Write {
            "the next write finds out".to_owned()
        } else {
            format!("{} under way", ordinal(breaker.next_probe.max(1)))
        }
    })
}

/// The last hour in so many cells: the higher, the slower; `×` where nothing was answered well.
fn spark(canvas: &mut Canvas<'_>, x: u16, y: u16, columns: u16, cells: &[Cell]) {
    const HOUR: usize = 40;
    let usual = usual(cells);
    let skipped = HOUR.saturating_sub(cells.len());
    let shown = cells.get(cells.len().saturating_sub(HOUR)..).unwrap_or(&[]);
    let wide = usize::from(columns);
    for (column, at) in (0..wide).zip(x..) {
        let from = (column * HOUR / wide).saturating_sub(skipped);
        let to = ((column + 1) * HOUR / wide).saturating_sub(skipped);
        let group = shown.get(from..to.min(shown.len())).unwrap_or(&[]);
        let (glyph, role) = cell(group, usual);
        canvas.text(at, y, glyph, role);
    }
}

fn usual(cells: &[Cell]) -> Duration {
    let mut answered: Vec<Duration> = cells
        .iter()
        .filter_map(|cell| match cell {
            Cell::Answered(took) => Some(*took),
            Cell::Idle | Cell::NoAnswer => None,
        })
        .collect();
    answered.sort_unstable();
    // On loopback everything is fast: a twitch of a millisecond is no peak.
    let floor = Duration::from_millis(10);
    let middle = answered.len() / 2;
    answered.get(middle).copied().unwrap_or(floor).max(floor)
}

fn cell(group: &[Cell], usual: Duration) -> (&'static str, Role) {
    const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let slowest = group.iter().filter_map(|cell| match cell {
        Cell::Answered(took) => Some(*took),
        Cell::Idle | Cell::NoAnswer => None,
    });
    match slowest.max() {
        Some(took) => {
            let level = (took.as_micros() * 2 / usual.as_micros().max(1)).clamp(1, 8);
            let level = usize::try_from(level).unwrap_or(8) - 1;
            (LEVELS.get(level).copied().unwrap_or("█"), Role::Plain)
        }
        None if group.contains(&Cell::NoAnswer) => ("×", Role::Bad),
        None => (" ", Role::Plain),
    }
}
