//! What the state says of instances: their calls, breakers and gates, and the health that is judged from them.

use super::StateWriter;
use crate::dataverse::{ClientStatus, Observation};
use crate::domain::breaker::{Class, Transition};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::health;
use crate::domain::health::{Evidence, Health};
use crate::domain::time::Now;
use crate::engine::event::Probed;
use crate::engine::state::Tone;

/// Cells of latency that a frontend can draw: an hour.
const CELLS: usize = 40;
/// How long an instance that asked for patience still counts as throttled after its wait.
const STILL_THROTTLED: std::time::Duration = std::time::Duration::from_secs(15);
/// A clock that is off by less than this is not worth a word.
const SKEW: i64 = 2;

impl StateWriter {
    /// Takes over what an instance's client says of itself, and judges all health anew.
    pub(in crate::engine) fn statuses(
        &mut self,
        statuses: &[(ClientStatus, Vec<(Class, Transition)>)],
        now: Now,
    ) {
        if self.follows {
            return;
        }
        for (place, (status, transitions)) in statuses.iter().enumerate() {
            for (class, transition) in transitions {
                self.transition(place, *class, transition);
            }
            let gate = status.gate.clone();
            self.count(place, status, transitions, now);
            let was_gated = self.is_throttled(place, now);
            if gate.is_some()
                && let Some(tracker) = self.trackers.get_mut(place)
            {
                tracker.gated = Some(now);
            }
            if let (false, Some((until, why))) = (was_gated, &gate) {
                let wait = until.since(now).as_secs();
                self.note(
                    Some(place),
                    format!("throttled for {wait} s: {why}"),
                    Tone::Care,
                    now,
                );
            }
            if let Some(tracker) = self.trackers.get_mut(place) {
                tracker.probes.refused.clone_from(&status.rejected);
            }
            let breakers = status.breakers.clone();
            self.instance(place, |instance| {
                let writes = instance.is_target;
                instance.breakers = breakers
                    .into_iter()
                    .filter(|b| writes || b.class != Class::Write)
                    .collect();
                instance.gate = gate;
            });
        }
        self.judge(now);
    }

    /// Counts what a client's status tells: changes of its breakers, and how long it could not be called freely.
    fn count(
        &mut self,
        place: usize,
        status: &ClientStatus,
        transitions: &[(Class, Transition)],
        now: Now,
    ) {
        let Some(tracker) = self.trackers.get_mut(place) else {
            return;
        };
        let traffic = &mut tracker.traffic;
        for (class, transition) in transitions {
            let key = (*class, transition.from, transition.to);
            *traffic.transitions.entry(key).or_default() += 1;
        }
        let passed = tracker.counted.map(|counted| now.since(counted));
        let passed = passed.unwrap_or_default();
        if status.gate.is_some() {
            traffic.gated += passed;
        }
        for breaker in status
            .breakers
            .iter()
            .filter(|breaker| !breaker.is_closed())
        {
            *traffic.open.entry(breaker.class).or_default() += passed;
        }
        tracker.counted = Some(now);
    }

    /// Whether an instance asks for patience, or did a moment ago: one throttle after the other is one state.
    fn is_throttled(&self, place: usize, now: Now) -> bool {
        let gated = self.trackers.get(place).and_then(|tracker| tracker.gated);
        gated.is_some_and(|gated| now.since(gated) < STILL_THROTTLED)
    }

    pub(super) fn transition(&mut self, instance: usize, class: Class, transition: &Transition) {
        let Transition {
            at,
            from,
            to,
            cause,
        } = transition;
        let tone = match *to {
            "closed" => Tone::Good,
            "half-open" => Tone::Plain,
            _ => Tone::Bad,
        };
        let text = format!("{} breaker {from} → {to}: {cause}", class.word());
        self.note(Some(instance), text, tone, *at);
    }

    pub(super) fn judge(&mut self, now: Now) {
        if self.follows {
            return;
        }
        let all_are_cut_off = health::cut_off(self.trackers.iter().map(|tracker| &tracker.probes));
        for place in 0..self.trackers.len() {
            let Some(tracker) = self.trackers.get(place) else {
                continue;
            };
            let Some(instance) = self.state.instances.get(place) else {
                continue;
            };
            let calls = tracker.calls.summary(now);
            let evidence = Evidence {
                probes: &tracker.probes,
                breakers: &instance.breakers,
                is_throttled: self.is_throttled(place, now),
                calls: &calls,
                recovered: tracker.recovered,
                was_down: matches!(instance.health, Health::Down | Health::CutOff),
            };
            let health = health::judge(&evidence, all_are_cut_off, now);
            let latency = tracker.calls.cells(CELLS, now);
            let probes = tracker.probes.clone();
            let traffic = tracker.traffic.clone();
            let changed = instance.calls != calls
                || instance.cells != latency
                || instance.traffic != tracker.traffic
                || instance.last_error != probes.last_error;
            if changed || instance.answered != probes.answered || instance.refused != probes.refused
            {
                self.instance(place, |instance| {
                    instance.calls = calls;
                    instance.cells = latency;
                    instance.traffic = traffic;
                    instance.answered = probes.answered.or(instance.answered);
                    instance.last_error.clone_from(&probes.last_error);
                    instance.refused.clone_from(&probes.refused);
                });
            }
            // What was told before is not unlearnt for want of a first answer of our own.
            let is_unasked = probes.answered.is_none() && probes.failed_in_a_row == 0;
            if let Some(health) = health.filter(|health| *health != Health::Unknown || !is_unasked)
            {
                self.turned(place, health, now);
            }
        }
    }

    /// An instance's health may have changed: since when, what it was before, and what to remember of an outage.
    pub(super) fn turned(&mut self, place: usize, health: Health, now: Now) {
        let Some(instance) = self.state.instances.get(place) else {
            return;
        };
        let was = instance.health;
        if was == health {
            return;
        }
        let was_since = instance.since;
        let is_down = |health| matches!(health, Health::Down | Health::CutOff);
        let mut since = now;
        let mut outage = None;
        if let Some(tracker) = self.trackers.get_mut(place) {
            if is_down(health) && !is_down(was) {
                since = tracker.probes.failing_since.unwrap_or(now);
                tracker.down_since = Some(since);
            }
            if is_down(was) && !is_down(health) {
                tracker.recovered = Some(now);
                outage = tracker.down_since.take().map(|from| (now, now.since(from)));
            }
        }
        let cause = instance.last_error.as_ref().map(|(_, why, _)| why.clone());
        self.instance(place, |instance| {
            // What began before its own cause was seen, or lasted no time, was no state to remember.
            let lasted = since.since(was_since);
            if was != Health::Unknown && !lasted.is_zero() {
                instance.before = Some((was, lasted));
            }
            instance.health = health;
            instance.since = since;
            instance.last_outage = outage.or(instance.last_outage);
        });
        self.go_on_with_earlier(place);
        let tone = match health {
            Health::Healthy => Tone::Good,
            Health::Down | Health::CutOff | Health::Refused => Tone::Bad,
            Health::Maintenance | Health::Throttled | Health::Degraded | Health::Unknown => {
                Tone::Care
            }
        };
        let why = cause
            .filter(|_| is_down(health))
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        self.note(
            Some(place),
            format!("{} → {}{why}", was.word(), health.word()),
            tone,
            now,
        );
    }

    pub(super) fn observed(&mut self, instance: usize, observation: &Observation, now: Now) {
        if let Some(tracker) = self.trackers.get_mut(instance) {
            let key = (observation.class, came_to(observation.failure.as_ref()));
            *tracker.traffic.requests.entry(key).or_default() += 1;
        }
        // The token endpoint is another host: it says nothing of the instance.
        if observation.class == Class::Auth {
            return;
        }
        if let Some(tracker) = self.trackers.get_mut(instance) {
            tracker.calls.record(observation.sample, observation.at);
            let failure = observation
                .failure
                .as_ref()
                .filter(|failure| failure.counts_for_breaker());
            if let Some(failure) = failure.filter(|_| !observation.sample.is_probe) {
                tracker.probes.last_error = Some((now, failure.cause(), failure.origin));
            }
            if observation.failure.is_none() {
                tracker.probes.answered = Some(observation.at);
            }
        }
    }

    pub(super) fn probed(
        &mut self,
        place: usize,
        result: Option<&Result<Probed, Failure>>,
        next: Now,
        now: Now,
    ) {
        let Some(tracker) = self.trackers.get_mut(place) else {
            return;
        };
        match result {
            Some(Ok(_)) => tracker.probes.succeeded(now),
            Some(Err(failure)) if failure.counts_for_breaker() => {
                tracker.probes.failed(failure.cause(), failure.origin, now);
                let text = format!(
                    "probe {} failed: {}",
                    tracker.probes.failed_in_a_row,
                    failure.cause()
                );
                self.note(Some(place), text, Tone::Care, now);
            }
            Some(Err(failure)) if failure.class == FailureClass::Throttled => {
                tracker.probes.throttled(now);
            }
            Some(Err(failure)) => {
                tracker.probes.last_error = Some((now, failure.cause(), failure.origin));
            }
            None => {}
        }
        self.instance(place, |instance| {
            instance.next_probe = Some(next);
            if let Some(Ok(Probed { skew: Some(skew) })) = result {
                instance.skew = if skew.num_seconds().abs() < SKEW {
                    chrono::Duration::zero()
                } else {
                    *skew
                };
            }
        });
    }
}

/// What came of a request, in a word for counting.
fn came_to(failure: Option<&Failure>) -> String {
    let Some(failure) = failure else {
        return "ok".to_owned();
    };
    match (failure.status, failure.class) {
        (Some(status), _) => status.to_string(),
        (None, FailureClass::NotSent) => "unsent".to_owned(),
        (None, FailureClass::NotAllowed) => "kept-back".to_owned(),
        (None, FailureClass::NoAnswer) => "unanswered".to_owned(),
        (None, _) => "unreadable".to_owned(),
    }
}
