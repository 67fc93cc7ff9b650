//! What stands between a call and the network: breakers and the number of calls in flight, shared by all users of an
//! instance, and the gate of each user (reliability 2.1; R1, R5). Leave is given as a guard, so that a call that is
//! dropped half-way gives everything back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::now;
use super::standing::whole_seconds;
use crate::domain::breaker::{
    BreakerPolicy, CircuitBreaker, Class, Outcome, Permit, Phase, Rejection,
};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::retry::RetryBudget;
use crate::domain::throttle::{Gate, Limiter};
use crate::domain::time::Now;

/// Never poisoned in a way that matters: what is behind these locks is whole after every statement.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The cheap read that finds out whether reads work; never tried twice, so that it stays honest.
    Ping,
    /// Any other read.
    Read,
    /// A write with its precondition.
    Write,
    /// A request for a token; there is one at a time, so that each may be the one that probes.
    Token,
}

impl Kind {
    pub(super) fn class(self) -> Class {
        match self {
            Self::Ping | Self::Read => Class::Read,
            Self::Write => Class::Write,
            Self::Token => Class::Auth,
        }
    }

    fn probes(self) -> bool {
        matches!(self, Self::Ping | Self::Token)
    }
}

/// The breakers of one instance and its calls in flight.
pub(super) struct Admission {
    state: Mutex<State>,
    landed: Notify,
}

struct State {
    breakers: [CircuitBreaker; 3],
    limiter: Limiter,
    in_flight: [u32; 3],
    budget: RetryBudget,
}

/// Why a call may not be made at this moment.
pub(super) enum Blocked {
    /// Its breaker is open: there is no use in waiting here.
    Breaker(Failure),
    /// The instance asked its user to wait.
    Gate(Duration),
    /// As many calls are in flight as may be.
    Full,
}

/// How things stand, for the screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) now: u32,
    pub(super) limit: u32,
    pub(super) may_retry: bool,
}

impl Admission {
    /// Closed breakers and the smallest number of calls in flight.
    pub(super) fn new(policies: &[BreakerPolicy; 3], seed: u64, now: Now) -> Self {
        let [read, write, auth] = *policies;
        let breaker = |class, policy, salt| CircuitBreaker::new(class, policy, seed ^ salt, now);
        Self {
            state: Mutex::new(State {
                breakers: [
                    breaker(Class::Read, read, 2),
                    breaker(Class::Write, write, 4),
                    breaker(Class::Auth, auth, 8),
                ],
                limiter: Limiter::new(now),
                in_flight: [0; 3],
                budget: RetryBudget::default(),
            }),
            landed: Notify::new(),
        }
    }

    /// Looks at or orders the breakers: read, write, auth.
    pub(super) fn breakers<T>(&self, with: impl FnOnce(&mut [CircuitBreaker; 3]) -> T) -> T {
        with(&mut lock(&self.state).breakers)
    }

    /// Calls in flight, how many may be, and whether the budget allows for retries.
    pub(super) fn flight(&self) -> Flight {
        let state = lock(&self.state);
        Flight {
            now: state.in_flight(),
            limit: state.limiter.limit(),
            may_retry: state.budget.allows_retry(),
        }
    }

    /// Waits for leave to make one call, until `deadline` at most.
    pub(super) async fn admit(
        self: &Arc<Self>,
        kind: Kind,
        gate: &Mutex<Gate>,
        deadline: Now,
    ) -> Result<Pass, Failure> {
        loop {
            // Made before the look, so that no landing in between is missed.
            let landed = self.landed.notified();
            let at = now();
            let left = deadline.mono.saturating_sub(at.mono);
            match self.try_admit(kind, gate, at) {
                Ok(pass) => return Ok(pass),
                Err(Blocked::Breaker(failure)) => return Err(failure),
                // A probe that waits is no probe; and nobody waits for what comes too late.
                Err(Blocked::Gate(wait)) if kind == Kind::Ping || wait >= left => {
                    return Err(asked_to_wait(wait));
                }
                Err(Blocked::Gate(wait)) => tokio::time::sleep(wait).await,
                Err(Blocked::Full) if left.is_zero() => {
                    return Err(Failure::local(
                        FailureClass::NotAllowed,
                        "not sent: too many calls in flight until its deadline",
                    ));
                }
                // A ramp widens by the clock alone, and then nobody lands to say so.
                Err(Blocked::Full) => {
                    let _either =
                        tokio::time::timeout(left.min(Duration::from_secs(1)), landed).await;
                }
            }
        }
    }

    /// Asks breaker, gate and limiter at one moment: a call that waits holds none of them, else a half-open breaker
    /// would lose its probe on it, and a queue would pass a breaker that opened while it stood.
    pub(super) fn try_admit(
        self: &Arc<Self>,
        kind: Kind,
        gate: &Mutex<Gate>,
        at: Now,
    ) -> Result<Pass, Blocked> {
        let class = kind.class();
        let mut state = lock(&self.state);
        // The breaker first, so that a call that has no chance doesn't wait for one.
        let rejected = |rejection| Blocked::Breaker(not_allowed(class, &rejection));
        let breaker = &mut state.breakers[index(class)];
        breaker.tick(at);
        let may_pass = breaker.would_admit()
            || (kind.probes() && matches!(breaker.phase(), Phase::HalfOpen { .. }));
        if !may_pass {
            // Asked for all the same, so that what was not sent is counted.
            return match breaker.admit(kind.probes(), at) {
                Err(rejection) => Err(rejected(rejection)),
                Ok(permit) => Ok(self.pass(&mut state, class, permit)),
            };
        }
        // Then the gate: it holds for everything that this user sends (R5). The token endpoint is another service.
        let gated = lock(gate).remaining(at).filter(|_| kind != Kind::Token);
        if let Some(wait) = gated {
            return Err(Blocked::Gate(wait));
        }
        // Then a place among the calls in flight. A probe needs none: hung calls must not keep it from finding out.
        if !kind.probes() && state.is_full(class, at) {
            return Err(Blocked::Full);
        }
        // Last the breaker's permit, which a half-open breaker gives to one call only.
        let permit = state.breakers[index(class)]
            .admit(kind.probes(), at)
            .map_err(rejected)?;
        Ok(self.pass(&mut state, class, permit))
    }

    fn pass(self: &Arc<Self>, state: &mut State, class: Class, permit: Permit) -> Pass {
        state.in_flight[index(class)] += 1;
        Pass {
            admission: Arc::clone(self),
            class,
            permit: Some(permit),
        }
    }

    /// Lets as many calls be in flight as there may be at all.
    pub(super) fn widen(&self, now: Now) {
        lock(&self.state).limiter = Limiter::wide(now);
    }

    /// Takes the server's hint at how many calls may be in flight (contract 5.3).
    pub(super) fn hint(&self, hint: u32) {
        lock(&self.state).limiter.hint(hint);
    }

    /// A call went well: one more may be in flight in time, and retries are earned.
    pub(super) fn succeeded(&self, at: Now) {
        let mut state = lock(&self.state);
        state.limiter.succeeded(at);
        state.budget.succeeded();
        // An answer proves the token that it was given for; no other call might ask for one for an hour.
        let [_, _, auth] = &mut state.breakers;
        if matches!(auth.phase(), Phase::HalfOpen { .. })
            && let Ok(permit) = auth.admit(true, at)
        {
            auth.settle(
                permit,
                Outcome::Succeeded {
                    took: Duration::ZERO,
                },
                at,
            );
        }
    }

    /// A 429: half as many calls in flight.
    pub(super) fn throttled(&self, at: Now) {
        lock(&self.state).limiter.throttled(at);
    }

    /// A failure that could be retried costs budget (R6).
    pub(super) fn failed(&self) {
        lock(&self.state).budget.failed();
    }
}

impl State {
    fn in_flight(&self) -> u32 {
        self.in_flight[index(Class::Read)] + self.in_flight[index(Class::Write)]
    }

    fn is_full(&self, class: Class, at: Now) -> bool {
        // After a recovery the queue is let through little by little (T12).
        let ramp = self.breakers[index(class)].ramp(at);
        let over_ramp = ramp.is_some_and(|ramp| self.in_flight[index(class)] >= ramp);
        over_ramp || self.in_flight() >= self.limiter.limit()
    }
}

/// Leave to make one call; it finds its way back, whatever becomes of the call.
pub(super) struct Pass {
    admission: Arc<Admission>,
    class: Class,
    permit: Option<Permit>,
}

impl Pass {
    /// Gives it back with what the call came to.
    pub(super) fn settle(mut self, outcome: Outcome, at: Now) {
        if let Some(permit) = self.permit.take() {
            self.admission
                .breakers(|breakers| breakers[index(self.class)].settle(permit, outcome, at));
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.admission.state);
            let count = &mut state.in_flight[index(self.class)];
            *count = count.saturating_sub(1);
            if let Some(permit) = self.permit.take() {
                state.breakers[index(self.class)].settle(permit, Outcome::Cancelled, now());
            }
        }
        self.admission.landed.notify_waiters();
    }
}

/// A class's place among the breakers.
pub(super) fn index(class: Class) -> usize {
    match class {
        Class::Read => 0,
        Class::Write => 1,
        Class::Auth => 2,
    }
}

/// What a failure is to the breaker (reliability 2.1).
pub(super) fn outcome(failure: &Failure) -> Outcome {
    if failure.class == FailureClass::Throttled {
        return Outcome::Throttled {
            wait: failure.retry_after.unwrap_or_default(),
        };
    }
    if failure.counts_for_breaker() {
        let stop = failure
            .stops_the_instance()
            .then(|| failure.retry_after.unwrap_or_default());
        return Outcome::Failed {
            cause: failure.cause(),
            stop,
        };
    }
    Outcome::Ignored
}

fn asked_to_wait(wait: Duration) -> Failure {
    let message = format!(
        "not sent: the instance asks us to wait for another {} s",
        whole_seconds(wait)
    );
    Failure {
        retry_after: Some(wait),
        ..Failure::local(FailureClass::NotAllowed, message)
    }
}

fn not_allowed(class: Class, rejection: &Rejection) -> Failure {
    let class = class.word();
    let message = match (rejection.forced, rejection.retry_after) {
        (true, None) => format!("not sent: the {class} breaker is forced open"),
        (true, Some(left)) => {
            let left = whole_seconds(left);
            format!("not sent: the {class} breaker is forced open for another {left} s")
        }
        (false, Some(left)) if !left.is_zero() => {
            let left = whole_seconds(left);
            format!("not sent: the {class} breaker is open for another {left} s")
        }
        (false, _) => format!("not sent: the {class} breaker waits for its probe"),
    };
    Failure {
        retry_after: rejection.retry_after,
        ..Failure::local(FailureClass::NotAllowed, message)
    }
}
