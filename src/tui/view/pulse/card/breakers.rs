//! The lower half of a card: the throttle, and the breakers with their cause and the next probe.

use super::Card;
use crate::domain::breaker::{BreakerStatus, Class, Phase};
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::InstanceState;
use crate::tui::format::{count, countdown, ordinal, span, width};
use crate::tui::theme::Role;

impl Card<'_, '_> {
    pub fn throttle(&mut self, y: u16) {
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

    pub fn cause(&mut self, y: u16) {
        let open = self.instance.breakers.iter().find(|one| !one.is_closed());
        if let Some(cause) = open.and_then(|one| one.cause.as_deref()) {
            self.line(y, "cause", &visible(cause), Role::Plain);
        }
    }

    pub fn breakers(&mut self, y: u16) {
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
    pub fn breaker_line(&mut self, y: u16) {
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
    pub fn last_line(&mut self, y: u16) {
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
                let long = format!("{words} · {} not sent", count(not_sent));
                let room = usize::from(self.canvas.columns().saturating_sub(self.x()));
                let text = if width(&long) <= room { long } else { words };
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

    fn throttle_words(&self) -> Option<(String, String)> {
        let (until, why) = self.instance.gate.as_ref()?;
        let left = until.since(self.now);
        (!left.is_zero()).then(|| (countdown(left), visible(why).into_owned()))
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
