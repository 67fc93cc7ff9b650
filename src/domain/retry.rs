//! When a failed call is tried again, and after how long (reliability 2.2). What must not be repeated blindly, a
//! write whose outcome isn't known, never reaches this file: it is read back instead.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How often and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included (R3).
    pub attempts: u32,
    /// How many 429s are sat out before giving up; counted apart (R3).
    pub throttled_attempts: u32,
    /// The first back-off's ceiling.
    pub base: Duration,
    /// The longest back-off.
    pub cap: Duration,
    /// How often refused credentials are tried again. No configuration shortens it: more often is a storm of log-ins,
    /// which locks the user out (T32, fault F25).
    pub refused: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            throttled_attempts: 10,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            refused: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Full jitter: anything between nothing and `base * 2^retries`, capped. `jitter` is in 0..1.
    pub fn backoff(&self, retries: u32, jitter: f64) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(2u32.saturating_pow(retries.min(16)))
            .min(self.cap);
        ceiling.mul_f64(jitter.clamp(0.0, 1.0))
    }
}

/// How long a `Retry-After` asks us to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// The wait.
    pub wait: Duration,
    /// Whether the header made no sense, so that a minute was taken instead (R4).
    pub odd: bool,
}

const ODD: RetryAfter = RetryAfter {
    wait: Duration::from_secs(60),
    odd: true,
};

/// Reads a `Retry-After` header: seconds, or an HTTP date measured against the reply's own `Date` (R4).
///
/// Negative, unparsable and over an hour count as a minute and as odd; a date in the past is no wait.
pub fn parse_retry_after(
    header: &str,
    date: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> RetryAfter {
    let header = header.trim();
    let wait = match header.parse::<f64>() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Some(Duration::from_secs_f64(seconds)),
        Ok(_) => None,
        Err(_) => parse_http_date(header)
            .map(|at| (at - date.unwrap_or(now)).to_std().unwrap_or_default()),
    };
    match wait {
        Some(wait) if wait <= Duration::from_secs(3600) => RetryAfter { wait, odd: false },
        _ => ODD,
    }
}

/// Reads the one form of date that HTTP sends today, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    let rest = text.trim().strip_suffix(" GMT")?;
    chrono::NaiveDateTime::parse_from_str(rest, "%a, %d %b %Y %H:%M:%S")
        .ok()
        .map(|at| at.and_utc())
}

/// A bucket that keeps retries a small share of all calls, so that an outage is not made worse (R6).
///
/// Counted in tenths: a retryable failure takes ten, a success gives one back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    tenths: u32,
}

const FULL: u32 = 100;

impl Default for RetryBudget {
    fn default() -> Self {
        Self { tenths: FULL }
    }
}

impl RetryBudget {
    /// Counts a call that went well.
    pub fn succeeded(&mut self) {
        self.tenths = (self.tenths + 1).min(FULL);
    }

    /// Counts a call that failed in a way that could be retried.
    pub fn failed(&mut self) {
        self.tenths = self.tenths.saturating_sub(10);
    }

    /// Whether retries are allowed: more than half of the bucket is left.
    pub fn allows_retry(self) -> bool {
        self.tenths > FULL / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(hour: u32, minute: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 24, hour, minute, 0)
            .single()
            .unwrap_or_default()
    }

    #[test]
    fn fault_f16_odd_retry_after_is_a_minute() {
        let now = at(3, 0);
        for (header, seconds, odd) in [
            ("5", 5, false),
            (" 30 ", 30, false),
            ("0", 0, false),
            ("-1", 60, true),
            ("NaN", 60, true),
            ("1e12", 60, true),
            ("soon", 60, true),
            ("", 60, true),
            ("Tue, 24 Nov 2026 03:00:20 GMT", 20, false),
            ("Tue, 24 Nov 2026 02:00:00 GMT", 0, false),
            ("Tue, 24 Nov 2026 09:00:00 GMT", 60, true),
        ] {
            let parsed = parse_retry_after(header, None, now);
            assert_eq!(
                (parsed.wait.as_secs(), parsed.odd),
                (seconds, odd),
                "{header}"
            );
        }
    }

    #[test]
    fn a_retry_after_date_is_measured_against_the_servers_clock() {
        let server = at(5, 0);
        let parsed = parse_retry_after("Tue, 24 Nov 2026 05:00:10 GMT", Some(server), at(3, 0));
        assert_eq!(
            parsed,
            RetryAfter {
                wait: Duration::from_secs(10),
                odd: false
            }
        );
    }

    #[test]
    fn backoff_doubles_up_to_its_cap_and_never_exceeds_it() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.backoff(0, 1.0), Duration::from_millis(500));
        assert_eq!(policy.backoff(3, 1.0), Duration::from_secs(4));
        assert_eq!(policy.backoff(40, 1.0), Duration::from_secs(30));
        assert_eq!(policy.backoff(3, 0.0), Duration::ZERO);
    }

    #[test]
    fn the_budget_stops_retries_after_five_failures_and_recovers_slowly() {
        let mut budget = RetryBudget::default();
        for _ in 0..5 {
            assert!(budget.allows_retry());
            budget.failed();
        }
        assert!(!budget.allows_retry());
        budget.succeeded();
        assert!(budget.allows_retry());
    }
}
