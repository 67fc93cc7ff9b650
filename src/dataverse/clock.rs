//! The one place that asks what time it is. Pure code is handed a [`Now`]; tests that pause tokio's clock pause this
//! one with it.

use std::sync::OnceLock;

use chrono::Utc;
use tokio::time::Instant;

use crate::domain::time::Now;

static START: OnceLock<Instant> = OnceLock::new();

/// This moment, on both clocks.
pub fn now() -> Now {
    let start = START.get_or_init(Instant::now);
    Now {
        mono: start.elapsed(),
        wall: Utc::now(),
    }
}
