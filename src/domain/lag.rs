//! How far a link's target is behind its source, and what state that leaves the link in (design, "Lag, exactly").

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::time::age;

/// When a link's sync is due, and how much lateness is nothing to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The time between two runs.
    pub cadence: Duration,
    /// How much later than that is still on time.
    pub grace: Duration,
    /// How long a fresh difference is in flight rather than a difference.
    pub settle: Duration,
}

/// How a link stands against its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkCondition {
    /// Nothing is pending.
    InStep,
    /// Something is pending, younger than the cadence plus grace.
    Expected,
    /// Something is pending for longer than that.
    Late,
    /// Late, and the last two runs failed or none ran.
    Stalled,
    /// The source can't be read, or nothing was compared yet.
    Unknown,
}

impl LinkCondition {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::InStep,
        Self::Expected,
        Self::Late,
        Self::Stalled,
        Self::Unknown,
    ];

    /// The state in words, as shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::InStep => "in step",
            Self::Expected => "expected",
            Self::Late => "late",
            Self::Stalled => "stalled",
            Self::Unknown => "unknown",
        }
    }
}

/// How the latest runs of a link's sync ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// Whether any run is known to have ended.
    pub any: bool,
    /// How many of the last ones failed without a success since.
    pub failed_in_a_row: u32,
    /// Whether nothing tells how runs end: then a link is late, and never stalled.
    pub hidden: bool,
}

/// The lag: now minus the oldest *pending since*; zero when nothing is pending. Computed, never counted.
pub fn lag(oldest_pending: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    oldest_pending
        .map(|since| age(now, since))
        .unwrap_or_default()
}

/// The state of a link.
pub fn condition(
    source_is_readable: bool,
    pending: usize,
    lag: Duration,
    schedule: Schedule,
    runs: Runs,
) -> LinkCondition {
    if !source_is_readable {
        return LinkCondition::Unknown;
    }
    if pending == 0 {
        return LinkCondition::InStep;
    }
    if lag <= schedule.cadence + schedule.grace {
        return LinkCondition::Expected;
    }
    if runs.failed_in_a_row >= 2 || (!runs.any && !runs.hidden) {
        LinkCondition::Stalled
    } else {
        LinkCondition::Late
    }
}

/// How long until everything pending is carried over, at the measured rate.
pub fn time_to_drain(pending: usize, done: usize, took: Duration) -> Option<Duration> {
    let done = u32::try_from(done).ok().filter(|done| *done > 0)?;
    let each = took / done;
    u32::try_from(pending)
        .ok()
        .map(|pending| each.saturating_mul(pending))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_link_is_late_only_after_cadence_and_grace() {
        let schedule = Schedule {
            cadence: 24 * HOUR,
            grace: HOUR,
            settle: Duration::from_secs(60),
        };
        let ran = Runs {
            any: true,
            ..Runs::default()
        };
        let failing = Runs {
            any: true,
            failed_in_a_row: 2,
            hidden: false,
        };
        let hidden = Runs {
            hidden: true,
            ..Runs::default()
        };
        let never = Runs::default();
        for (readable, pending, hours, runs, expected) in [
            (true, 0, 99, failing, LinkCondition::InStep),
            (true, 5, 24, ran, LinkCondition::Expected),
            (true, 5, 25, failing, LinkCondition::Expected),
            (true, 5, 26, ran, LinkCondition::Late),
            (true, 5, 26, failing, LinkCondition::Stalled),
            (true, 5, 26, never, LinkCondition::Stalled),
            (true, 5, 26, hidden, LinkCondition::Late),
            (false, 5, 1, ran, LinkCondition::Unknown),
        ] {
            assert_eq!(
                condition(readable, pending, hours * HOUR, schedule, runs),
                expected,
                "{pending} {hours}"
            );
        }
    }

    #[test]
    fn lag_is_zero_when_nothing_is_pending_and_runs_on_by_the_clock() {
        let now = DateTime::<Utc>::UNIX_EPOCH + HOUR;
        assert_eq!(lag(None, now), Duration::ZERO);
        assert_eq!(lag(Some(DateTime::<Utc>::UNIX_EPOCH), now), HOUR);
        assert_eq!(time_to_drain(10, 0, HOUR), None);
        assert_eq!(time_to_drain(10, 5, HOUR), Some(2 * HOUR));
    }
}
