//! The emulator's clock: the real one, plus what `POST /emulator/clock` added.
//!
//! Scenarios and traffic do not follow it: they run in real time.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// A clock that both instances of a pair share and that can only be moved forward.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_ms: AtomicI64,
}

/// Further than anybody waits for a token; keeps every date that is derived from the clock representable.
const FURTHEST_MS: i64 = 100 * 365 * 86_400_000;

impl Clock {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// Now, as a row's `modifiedon` has it.
    pub(crate) fn now_to_the_second(&self) -> DateTime<Utc> {
        self.now().trunc_subsecs(0)
    }

    /// Moves the clock and returns by how much it is ahead of the real one.
    pub(crate) fn advance(&self, by: TimeDelta) -> TimeDelta {
        let add = by.num_milliseconds().clamp(0, FURTHEST_MS);
        let moved = |ahead: i64| ahead.saturating_add(add).min(FURTHEST_MS);
        let before = self
            .ahead_ms
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ahead| {
                Some(moved(ahead))
            });
        TimeDelta::milliseconds(before.map_or(add, moved))
    }
}
