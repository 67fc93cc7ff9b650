//! What the hook counts, and how Prometheus sees it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::dataverse::Observation;
use crate::domain::breaker::BreakerStatus;
use crate::domain::exposition::{Exposition, Histogram};
use crate::domain::hook::{LAST_CALL, STARTED};

/// Counters since the start. Labels are words of ours, never a caller's.
#[derive(Debug)]
pub(super) struct Tally {
    begun: DateTime<Utc>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    calls: BTreeMap<&'static str, u64>,
    references: BTreeMap<&'static str, u64>,
    requests: BTreeMap<Request, u64>,
    took: Histogram,
    last: Option<DateTime<Utc>>,
}

/// Instance, class, and what it came to.
type Request = (String, &'static str, String);

impl Tally {
    /// Nothing has been counted yet.
    pub(super) fn begun(at: DateTime<Utc>) -> Self {
        Self {
            begun: at,
            counts: Mutex::default(),
        }
    }

    /// One call of a step came to this.
    pub(super) fn called(&self, outcome: &'static str, took: Duration, at: DateTime<Utc>) {
        let mut counts = self.lock();
        counts.last = counts.last.max(Some(at));
        *counts.calls.entry(outcome).or_default() += 1;
        counts.took.observe(took);
    }

    /// One reference came to this.
    pub(super) fn referred(&self, outcome: &'static str) {
        *self.lock().references.entry(outcome).or_default() += 1;
    }

    /// One request to an instance was made.
    pub(super) fn requested(&self, instance: &str, observation: &Observation) {
        let status = match &observation.failure {
            None => "ok".to_owned(),
            Some(failure) => failure
                .status
                .map_or_else(|| "none".to_owned(), |status| status.to_string()),
        };
        let key = (instance.to_owned(), observation.class.word(), status);
        *self.lock().requests.entry(key).or_default() += 1;
    }

    /// All of it, with how the breakers of these instances stand.
    pub(super) fn exposed(&self, breakers: &[(String, Vec<BreakerStatus>)]) -> String {
        let counts = self.lock();
        let mut text = Exposition::default();
        text.gauge(
            STARTED,
            "When the hook started, in milliseconds since 1970.",
        );
        let begun = u64::try_from(self.begun.timestamp_millis());
        text.sample(STARTED, &[], begun.unwrap_or_default());
        text.gauge(
            LAST_CALL,
            "When the hook was called last, in milliseconds since 1970; 0 while it never was.",
        );
        let last = counts.last.map_or(0, |last| last.timestamp_millis());
        text.sample(LAST_CALL, &[], u64::try_from(last).unwrap_or_default());
        let name = "tandem_hook_calls_total";
        text.counter(name, "Calls of the hook, by what they came to.");
        for (outcome, count) in &counts.calls {
            text.sample(name, &[("outcome", outcome)], *count);
        }
        let name = "tandem_hook_references_total";
        text.counter(name, "Rows that calls referred to, by what became of them.");
        for (outcome, count) in &counts.references {
            text.sample(name, &[("outcome", outcome)], *count);
        }
        let name = "tandem_hook_latency_seconds";
        text.histogram(name, "How long a call of the hook took.", &counts.took);
        let name = "tandem_requests_total";
        text.counter(name, "Requests to an instance, by class and status.");
        for ((instance, class, status), count) in &counts.requests {
            let labels = [
                ("instance", instance.as_str()),
                ("class", class),
                ("status", status),
            ];
            text.sample(name, &labels, *count);
        }
        let name = "tandem_breaker_closed";
        text.gauge(name, "Whether a breaker lets calls through: 1 is closed.");
        for (instance, breakers) in breakers {
            for breaker in breakers {
                let labels = [
                    ("instance", instance.as_str()),
                    ("class", breaker.class.word()),
                ];
                text.sample(name, &labels, u64::from(breaker.is_closed()));
            }
        }
        text.into_text()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
