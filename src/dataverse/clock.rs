//! The one place that asks what time it is. Pure code is handed a [`Now`]; tests that pause tokio's clock pause this
//! one with it.

use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::domain::time::{Now, age};

/// When the process first asked, and what the clock that never goes back then began with.
static START: OnceLock<(Instant, Duration)> = OnceLock::new();

/// This moment, on both clocks.
pub fn now() -> Now {
    let wall = Utc::now();
    // It begins with the time of day, so that moments of earlier processes have their place on it, too.
    let began = || (Instant::now(), age(wall, DateTime::UNIX_EPOCH));
    let (start, begins) = START.get_or_init(began);
    Now {
        mono: begins.saturating_add(start.elapsed()),
        wall,
    }
}
