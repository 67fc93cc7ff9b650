//! A moment, as the pure code sees it: handed in, never asked for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One moment on both clocks.
///
/// Durations and deadlines are computed from `mono` alone; `wall` is for people and for comparison with what a
/// server says. The two drift apart when a machine sleeps, which [`super::breaker`] looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Time on a clock that never goes back, from a moment long before the process began.
    pub mono: Duration,
    /// The same moment in UTC, as far as this machine knows it.
    pub wall: DateTime<Utc>,
}

impl Now {
    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        self.mono.saturating_sub(earlier.mono)
    }

    /// The moment that the wall clock showed like this, on both clocks, as far as they agree.
    #[must_use]
    pub fn at(self, wall: DateTime<Utc>) -> Self {
        let mono = if wall >= self.wall {
            self.mono.saturating_add(age(wall, self.wall))
        } else {
            self.mono.saturating_sub(age(self.wall, wall))
        };
        Self { mono, wall }
    }

    /// The same moment moved forward on both clocks.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let wall = chrono::Duration::from_std(by)
            .ok()
            .and_then(|by| self.wall.checked_add_signed(by));
        Self {
            mono: self.mono.saturating_add(by),
            wall: wall.unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }
}

/// How long before `now` the wall-clock moment `at` was; zero when it lies ahead.
pub fn age(now: DateTime<Utc>, at: DateTime<Utc>) -> Duration {
    (now - at).to_std().unwrap_or_default()
}
