//! The beat of what is looked at each second: all of it in the same moment, at the beginning of a second by the wall
//! clock, so that a process that only waits is woken once a second rather than by every watch for itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::dataverse::now;

/// The beginning of the next second.
pub fn next_second() -> Instant {
    let past = now().wall.timestamp_subsec_millis().min(999);
    Instant::now() + Duration::from_millis(u64::from(1_000 - past) + 1)
}

/// Waits for it.
pub(super) async fn beat() {
    tokio::time::sleep_until(next_second()).await;
}

/// A wait of several seconds, so that it ends with a second; shorter ones stay as they are.
pub(super) fn with_the_beat(wait: Duration) -> Duration {
    if wait < Duration::from_secs(2) {
        return wait;
    }
    let ends = now().wall + wait;
    let over = u64::from(ends.timestamp_subsec_millis().min(999));
    (wait + Duration::from_millis(1)).saturating_sub(Duration::from_millis(over))
}
