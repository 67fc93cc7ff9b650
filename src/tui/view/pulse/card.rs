//! One instance: how it is, when it answered, how fast, what failed, and its breakers with cause and countdown.

use crate::domain::health::Health;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::InstanceState;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, latencies, span};
use crate::tui::layout::Arrangement;
use crate::tui::model::Model;
use crate::tui::theme::Role;

mod breakers;
mod spark;

pub use breakers::probe_words;
use spark::spark;

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

/// Draws one instance alone, below its rule.
pub fn one(canvas: &mut Canvas<'_>, model: &Model, place: Option<usize>, now: Now) {
    let instance = place.and_then(|place| model.state.instances.get(place));
    let Some(instance) = instance else {
        return;
    };
    let rows = canvas.rows();
    let mut part = canvas.part(0, 0, canvas.columns(), rows);
    part.rule(0, &visible(&instance.band), "");
    Card {
        canvas: part,
        model,
        instance,
        now,
        wide: false,
    }
    .draw();
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
            Health::Degraded | Health::Throttled | Health::Maintenance => ("▲", Role::Care),
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
}
