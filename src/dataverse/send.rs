//! The order in which a call is made, as straight-line code (reliability R1): deadline, breaker, gate, permit, token,
//! transport, classify, retry. A write whose outcome isn't known is never sent again here; its caller reads it back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use thiserror::Error;
use tokio::sync::{Notify, mpsc};

use super::auth::{BadCredential, Bearer, Tokens};
use super::client::{Observation, Settings, Timeouts};
use super::clock::now;
use super::response;
use super::transport::Transport;
use crate::domain::breaker::{CircuitBreaker, Class, Outcome, Permit, Rejection};
use crate::domain::credential::Credential;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::health::Sample;
use crate::domain::instance::Endpoint;
use crate::domain::retry::{RetryBudget, RetryPolicy};
use crate::domain::throttle::{Gate, Limiter};
use crate::domain::time::Now;

/// A probe that has not been answered for this long has failed, whatever a read may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often refused credentials are tried again (T32).
const REJECTED_RETRY: Duration = Duration::from_secs(60);
/// How many 401s in a row mean that our credentials are refused (T32).
const REJECTED_AFTER: u32 = 3;

/// Why a client can't be set up.
#[derive(Debug, Error)]
pub enum SetUpError {
    /// The credential can't be used.
    #[error("its credential can't be used")]
    Credential(#[from] BadCredential),
    /// The HTTP library refused.
    #[error("HTTP can't be set up: {0}")]
    Transport(String),
}

/// What all users of one instance share.
pub(super) struct Shared {
    pub(super) endpoint: Endpoint,
    transport: Transport,
    timeouts: Timeouts,
    retry: RetryPolicy,
    breakers: Mutex<[CircuitBreaker; 3]>,
    flight: Mutex<Flight>,
    landed: Notify,
    budget: Mutex<RetryBudget>,
    observer: mpsc::UnboundedSender<Observation>,
}

struct Flight {
    limiter: Limiter,
    in_flight: u32,
}

/// One user of one instance.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    tokens: Tokens,
    gate: Mutex<Gate>,
    rejected: Mutex<Rejected>,
}

#[derive(Default)]
struct Rejected {
    in_a_row: u32,
    why: Option<String>,
    next_try: Option<Now>,
}

/// One call to be made.
pub(super) struct Call {
    pub(super) request: Request<Bytes>,
    pub(super) kind: Kind,
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
}

impl Kind {
    fn class(self) -> Class {
        match self {
            Self::Ping | Self::Read => Class::Read,
            Self::Write => Class::Write,
        }
    }
}

/// Never poisoned in a way that matters: what is behind these locks is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// A user with breakers and a transport of its own.
    pub(super) fn new(
        settings: Settings,
        observer: mpsc::UnboundedSender<Observation>,
    ) -> Result<Self, SetUpError> {
        let at = now();
        let tokens = Tokens::new(settings.credential, &settings.endpoint)?;
        let transport = Transport::new(settings.timeouts.connect, settings.timeouts.idle)
            .map_err(SetUpError::Transport)?;
        let [read, write, auth] = settings.breakers;
        let breaker =
            |class, policy, salt| CircuitBreaker::new(class, policy, settings.seed ^ salt, at);
        let breakers = [
            breaker(Class::Read, read, 2),
            breaker(Class::Write, write, 4),
            breaker(Class::Auth, auth, 8),
        ];
        let shared = Shared {
            endpoint: settings.endpoint,
            transport,
            timeouts: settings.timeouts,
            retry: settings.retry,
            breakers: Mutex::new(breakers),
            flight: Mutex::new(Flight {
                limiter: Limiter::new(at),
                in_flight: 0,
            }),
            landed: Notify::new(),
            budget: Mutex::new(RetryBudget::default()),
            observer,
        };
        Ok(Self::of(Arc::new(shared), tokens))
    }

    /// Another user of the same instance: the same breakers, a gate of its own (R5).
    pub(super) fn with_credential(&self, credential: Credential) -> Result<Self, SetUpError> {
        let tokens = Tokens::new(credential, &self.shared.endpoint)?;
        Ok(Self::of(Arc::clone(&self.shared), tokens))
    }

    fn of(shared: Arc<Shared>, tokens: Tokens) -> Self {
        Self {
            shared,
            tokens,
            gate: Mutex::default(),
            rejected: Mutex::default(),
        }
    }

    /// Makes a call, again where that is safe and worth it. What can't be read is the instance's failure too, so that
    /// the answer is read in here.
    pub(super) async fn send<T>(
        &self,
        call: &Call,
        read: impl Fn(&Response<Bytes>) -> Result<T, Failure> + Sync,
    ) -> Result<T, Failure> {
        let deadline = now().after(self.shared.timeouts.deadline);
        let mut retries = 0;
        let mut throttled = 0;
        let mut earlier: Option<Failure> = None;
        loop {
            let failure = match self.attempt(call, &read, deadline).await {
                Ok(value) => return Ok(value),
                // The breaker opened over the failures of this very call: those say more than the breaker does.
                Err(failure) if failure.class == FailureClass::NotAllowed => {
                    return Err(earlier.unwrap_or(failure));
                }
                Err(failure) => failure,
            };
            let wait = match failure.class {
                FailureClass::Throttled if throttled < self.shared.retry.throttled_attempts => {
                    throttled += 1;
                    // The gate has it.
                    Duration::ZERO
                }
                _ if self.is_worth_another(call, &failure, retries) => {
                    retries += 1;
                    let backoff = self.shared.retry.backoff(retries - 1, fastrand::f64());
                    failure.retry_after.unwrap_or_default().max(backoff)
                }
                _ => return Err(failure),
            };
            if now().mono.saturating_add(wait) >= deadline.mono {
                return Err(failure);
            }
            tokio::time::sleep(wait).await;
            earlier = Some(failure);
        }
    }

    /// Whether the same request may be sent again (R2, R3, R6).
    fn is_worth_another(&self, call: &Call, failure: &Failure, retries: u32) -> bool {
        let is_safe = match call.kind {
            Kind::Ping => false,
            Kind::Read => true,
            Kind::Write => !failure.may_have_happened(),
        };
        is_safe
            && failure.counts_for_breaker()
            && retries + 1 < self.shared.retry.attempts
            && lock(&self.shared.budget).allows_retry()
    }

    /// One attempt: every step can hold it back, and only the last one sends.
    async fn attempt<T>(
        &self,
        call: &Call,
        read: &(impl Fn(&Response<Bytes>) -> Result<T, Failure> + Sync),
        deadline: Now,
    ) -> Result<T, Failure> {
        self.not_rejected()?;
        let (pass, _slot) = loop {
            // The breaker first, so that a call that has no chance doesn't wait for one.
            let pass = self.shared.admit(call.kind)?;
            if let Some(wait) = self.gate_closed_for() {
                // Not held while we wait: a half-open breaker would lose its one probe on us.
                drop(pass);
                self.wait_for_gate(wait, deadline).await?;
                continue;
            }
            let slot = self.shared.slot().await;
            // Another call may have met a 429 while this one waited for its turn.
            if self.gate_closed_for().is_none() {
                break (pass, slot);
            }
        };
        let bearer = self.token().await?;
        let first_byte = match call.kind {
            Kind::Ping => self.shared.timeouts.read.min(PROBE_TIMEOUT),
            Kind::Read => self.shared.timeouts.read,
            Kind::Write => self.shared.timeouts.write,
        };
        let began = now();
        let mut result = self.exchange(call, &bearer, first_byte).await;
        if result
            .as_ref()
            .is_err_and(|failure| failure.class == FailureClass::Unauthorized)
        {
            self.tokens.drop_refused(&bearer).await;
            if self.tokens.is_renewable() {
                // Once: a second refusal is the answer (R9).
                let renewed = self.token().await?;
                result = self.exchange(call, &renewed, first_byte).await;
            }
        }
        let result = result.and_then(|answer| read(&answer));
        self.settle(call, pass, began, result.as_ref().err());
        result
    }

    async fn exchange(
        &self,
        call: &Call,
        bearer: &Bearer,
        first_byte: Duration,
    ) -> Result<Response<Bytes>, Failure> {
        let mut request = call.request.clone();
        request
            .headers_mut()
            .insert(AUTHORIZATION, bearer.header.clone());
        let answer = self.shared.transport.send(request, first_byte).await?;
        if let Some(hint) = response::hint(answer.headers()) {
            lock(&self.shared.flight).limiter.hint(hint);
        }
        response::checked(answer, now().wall)
    }

    /// Tells breaker, gate, limiter, budget and the observer what came of it.
    fn settle(&self, call: &Call, pass: Pass, began: Now, failure: Option<&Failure>) {
        let at = now();
        let took = at.since(began);
        pass.settle(failure.map_or(Outcome::Succeeded { took }, outcome), at);
        match failure {
            None => {
                lock(&self.shared.flight).limiter.succeeded(at);
                lock(&self.shared.budget).succeeded();
                *lock(&self.rejected) = Rejected::default();
            }
            Some(failure) if failure.class == FailureClass::Throttled => {
                let wait = failure.retry_after.unwrap_or_default();
                // Never less than asked for, and not all of us at the same moment (R4).
                let wait = wait.mul_f64(1.0 + 0.1 * fastrand::f64());
                lock(&self.gate).close(wait, &failure.summary(), at);
                lock(&self.shared.flight).limiter.throttled(at);
            }
            Some(failure) if failure.counts_for_breaker() => lock(&self.shared.budget).failed(),
            Some(failure) => self.may_be_rejected(failure, at),
        }
        self.shared.observe(call, began, took, failure);
    }

    // Credentials.

    async fn token(&self) -> Result<Bearer, Failure> {
        if let Some(bearer) = self.tokens.held().await {
            return Ok(bearer);
        }
        let permit = lock(&self.shared.breakers)[index(Class::Auth)].admit(true, now());
        let permit =
            permit.map_err(|rejection| not_allowed("the token endpoint's breaker", &rejection))?;
        let pass = Pass {
            shared: Arc::clone(&self.shared),
            class: Class::Auth,
            permit: Some(permit),
        };
        let began = now();
        let result = self.tokens.get(&self.shared.transport).await;
        let at = now();
        let result_outcome = match &result {
            Ok(_) => Outcome::Succeeded {
                took: at.since(began),
            },
            Err(failure) => outcome(failure),
        };
        pass.settle(result_outcome, at);
        if let Err(failure) = &result
            && failure.class == FailureClass::Unauthorized
        {
            self.reject(failure, at);
        }
        result
    }

    /// While our credentials are refused, one call a minute finds out whether they still are.
    fn not_rejected(&self) -> Result<(), Failure> {
        let mut rejected = lock(&self.rejected);
        let (Some(why), Some(next_try)) = (&rejected.why, rejected.next_try) else {
            return Ok(());
        };
        let at = now();
        if at.mono >= next_try.mono {
            rejected.next_try = Some(at.after(REJECTED_RETRY));
            return Ok(());
        }
        let left = next_try.since(at).as_secs();
        let message = format!("{why}; tried again in {left} s");
        Err(Failure {
            retry_after: Some(next_try.since(at)),
            ..Failure::local(FailureClass::Unauthorized, message)
        })
    }

    fn may_be_rejected(&self, failure: &Failure, at: Now) {
        if !failure.rejects_the_user() {
            return;
        }
        let in_a_row = {
            let mut rejected = lock(&self.rejected);
            rejected.in_a_row += 1;
            rejected.in_a_row
        };
        if failure.class != FailureClass::Unauthorized || in_a_row >= REJECTED_AFTER {
            self.reject(failure, at);
        }
    }

    fn reject(&self, failure: &Failure, at: Now) {
        let mut rejected = lock(&self.rejected);
        rejected.why = Some(failure.summary());
        rejected.next_try = Some(at.after(REJECTED_RETRY));
    }

    /// Why our credentials are refused, if they are.
    pub(super) fn rejected(&self) -> Option<String> {
        lock(&self.rejected).why.clone()
    }

    // The gate.

    fn gate_closed_for(&self) -> Option<Duration> {
        lock(&self.gate).remaining(now())
    }

    async fn wait_for_gate(&self, wait: Duration, deadline: Now) -> Result<(), Failure> {
        if now().mono.saturating_add(wait) >= deadline.mono {
            let message = format!("throttled for another {} s", wait.as_secs());
            return Err(Failure {
                retry_after: Some(wait),
                ..Failure::local(FailureClass::NotAllowed, message)
            });
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Until when the gate is closed, and why.
    pub(super) fn gate(&self, at: Now) -> Option<(Now, String)> {
        lock(&self.gate)
            .closed_until(at)
            .map(|(until, why)| (until, why.to_owned()))
    }
}

impl Shared {
    /// The breakers to ask or to order.
    pub(super) fn breakers(&self) -> MutexGuard<'_, [CircuitBreaker; 3]> {
        lock(&self.breakers)
    }

    /// Calls in flight, and how many may be.
    pub(super) fn flight(&self) -> (u32, u32) {
        let flight = lock(&self.flight);
        (flight.in_flight, flight.limiter.limit())
    }

    fn admit(self: &Arc<Self>, kind: Kind) -> Result<Pass, Failure> {
        let class = kind.class();
        let permit = lock(&self.breakers)[index(class)].admit(kind == Kind::Ping, now());
        let permit = permit.map_err(|rejection| {
            not_allowed(&format!("the {} breaker", class.word()), &rejection)
        })?;
        Ok(Pass {
            shared: Arc::clone(self),
            class,
            permit: Some(permit),
        })
    }

    /// Waits until one more call may be in flight.
    async fn slot(self: &Arc<Self>) -> Slot {
        loop {
            let landed = self.landed.notified();
            let ramp = self.ramp();
            {
                let mut flight = lock(&self.flight);
                if flight.in_flight < ramp.unwrap_or(u32::MAX).min(flight.limiter.limit()) {
                    flight.in_flight += 1;
                    return Slot(Arc::clone(self));
                }
            }
            // A ramp widens by the clock alone, and then nobody lands to say so.
            let _either = tokio::time::timeout(Duration::from_secs(1), landed).await;
        }
    }

    /// After a recovery the queue is let through little by little (T12).
    fn ramp(&self) -> Option<u32> {
        let at = now();
        let breakers = lock(&self.breakers);
        [Class::Read, Class::Write]
            .into_iter()
            .filter_map(|class| breakers[index(class)].ramp(at))
            .min()
    }

    fn observe(&self, call: &Call, began: Now, took: Duration, failure: Option<&Failure>) {
        let counts = failure.filter(|failure| failure.counts_for_breaker());
        let sample = Sample {
            took,
            failed: counts.map(|failure| failure.origin),
            is_probe: call.kind == Kind::Ping,
        };
        let observation = Observation {
            class: call.kind.class(),
            at: began.after(took),
            sample,
            failure: failure.cloned(),
            request: format!("{} {}", call.request.method(), call.request.uri().path()),
        };
        // Nobody listens once the engine has gone.
        let _ended = self.observer.send(observation);
    }
}

/// One call that may be in flight.
struct Slot(Arc<Shared>);

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.0.flight).in_flight -= 1;
        self.0.landed.notify_waiters();
    }
}

/// A breaker's permit that finds its way back, whatever becomes of the call.
struct Pass {
    shared: Arc<Shared>,
    class: Class,
    permit: Option<Permit>,
}

impl Pass {
    fn settle(mut self, outcome: Outcome, at: Now) {
        if let Some(permit) = self.permit.take() {
            lock(&self.shared.breakers)[index(self.class)].settle(permit, outcome, at);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            lock(&self.shared.breakers)[index(self.class)].settle(
                permit,
                Outcome::Cancelled,
                now(),
            );
        }
    }
}

fn index(class: Class) -> usize {
    match class {
        Class::Read => 0,
        Class::Write => 1,
        Class::Auth => 2,
    }
}

/// What a failure is to the breaker (reliability 2.1).
fn outcome(failure: &Failure) -> Outcome {
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

fn not_allowed(what: &str, rejection: &Rejection) -> Failure {
    let message = match (rejection.forced, rejection.retry_after) {
        (true, _) => format!("not sent: {what} is forced open"),
        (false, Some(left)) if !left.is_zero() => {
            format!(
                "not sent: {what} is open for another {:.0} s",
                left.as_secs_f32().ceil()
            )
        }
        (false, _) => format!("not sent: {what} waits for its probe"),
    };
    Failure {
        retry_after: rejection.retry_after,
        ..Failure::local(FailureClass::NotAllowed, message)
    }
}
