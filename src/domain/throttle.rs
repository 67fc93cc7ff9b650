//! The gate that a 429 closes for a while, and how many calls are in flight at once. Neither is a breaker: the
//! instance works, it asks for patience (reliability 2.2, R4 and R5; contract 5.3 and 6.1).

use std::time::Duration;

use super::time::Now;

/// The pause of one user of one instance. Only ever prolonged while it lasts; computed from its end, never counted down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    until: Option<Now>,
    cause: String,
    waits: u32,
}

impl Gate {
    /// Closes the gate until `wait` from now; an earlier end is never taken over.
    pub fn close(&mut self, wait: Duration, cause: &str, now: Now) {
        let until = now.after(wait);
        if self.until.is_none_or(|held| held.mono < until.mono) {
            self.until = Some(until);
            cause.clone_into(&mut self.cause);
        }
        self.waits += 1;
    }

    /// How long is left to wait; `None` when calls may pass.
    pub fn remaining(&self, now: Now) -> Option<Duration> {
        let left = self.until?.mono.checked_sub(now.mono)?;
        (!left.is_zero()).then_some(left)
    }

    /// Until when it is closed, and why.
    pub fn closed_until(&self, now: Now) -> Option<(Now, &str)> {
        self.remaining(now)
            .and(self.until)
            .map(|until| (until, self.cause.as_str()))
    }

    /// How often the instance asked for a wait since the start.
    pub fn waits(&self) -> u32 {
        self.waits
    }
}

/// How many calls may be in flight: additive increase, multiplicative decrease, under the server's own hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limiter {
    limit: u32,
    ceiling: u32,
    clean_since: Duration,
    takes_hints: bool,
}

/// What holds until the server has given its hint.
const UNKNOWN_HINT: u32 = 4;
/// Never above this, whatever the hint: the service's own limit is 52.
const HARD_CEILING: u32 = 40;
/// How long without a 429 earns one more call in flight.
const CLEAN: Duration = Duration::from_secs(10);

impl Limiter {
    /// Starts at the smaller of 4 and the hint.
    pub fn new(now: Now) -> Self {
        Self {
            limit: UNKNOWN_HINT,
            ceiling: UNKNOWN_HINT,
            clean_since: now.mono,
            takes_hints: true,
        }
    }

    /// Starts at the most there may be, whatever the hint, which is for bulk work: for single calls that people wait
    /// for. A 429 halves it all the same.
    pub fn wide(now: Now) -> Self {
        Self {
            limit: HARD_CEILING,
            ceiling: HARD_CEILING,
            clean_since: now.mono,
            takes_hints: false,
        }
    }

    /// Takes the server's `x-ms-dop-hint` as the new ceiling.
    pub fn hint(&mut self, hint: u32) {
        if self.takes_hints {
            self.ceiling = hint.clamp(1, HARD_CEILING);
            self.limit = self.limit.min(self.ceiling);
        }
    }

    /// Halves after a 429, and starts counting clean time anew.
    pub fn throttled(&mut self, now: Now) {
        self.limit = (self.limit / 2).max(1);
        self.clean_since = now.mono;
    }

    /// One more for every clean ten seconds.
    pub fn succeeded(&mut self, now: Now) {
        if now.mono.saturating_sub(self.clean_since) >= CLEAN {
            self.limit = (self.limit + 1).min(self.ceiling);
            self.clean_since = now.mono;
        }
    }

    /// The calls that may be in flight.
    pub fn limit(&self) -> u32 {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};

    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::ZERO,
            wall: DateTime::<Utc>::UNIX_EPOCH,
        }
        .after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_gate_is_only_ever_prolonged() {
        let mut gate = Gate::default();
        gate.close(Duration::from_secs(30), "429", at(0));
        gate.close(Duration::from_secs(5), "429", at(1));
        assert_eq!(gate.remaining(at(10)), Some(Duration::from_secs(20)));
        gate.close(Duration::from_secs(60), "429", at(10));
        assert_eq!(gate.remaining(at(10)), Some(Duration::from_secs(60)));
        assert_eq!(gate.remaining(at(70)), None);
    }

    #[test]
    fn the_limit_halves_on_429_and_grows_by_one_per_clean_ten_seconds() {
        let mut limiter = Limiter::new(at(0));
        limiter.hint(8);
        assert_eq!(limiter.limit(), 4);
        limiter.throttled(at(1));
        assert_eq!(limiter.limit(), 2);
        limiter.succeeded(at(5));
        assert_eq!(limiter.limit(), 2);
        limiter.succeeded(at(11));
        limiter.succeeded(at(12));
        assert_eq!(limiter.limit(), 3);
        limiter.hint(0);
        assert_eq!(limiter.limit(), 1);
    }

    #[test]
    fn a_wide_limit_takes_no_hint_and_still_halves_on_429() {
        let mut limiter = Limiter::wide(at(0));
        limiter.hint(4);
        assert_eq!(limiter.limit(), 40);
        limiter.throttled(at(1));
        assert_eq!(limiter.limit(), 20);
    }
}
