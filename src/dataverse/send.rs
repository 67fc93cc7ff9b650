//! The order in which a call is made, as straight-line code (reliability R1): deadline, breaker, gate, place in
//! flight, token, transport, classify, retry. A write whose outcome isn't known is never sent again here; its caller
//! reads it back.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, Request, Response};
use thiserror::Error;
use tokio::sync::mpsc;

use super::admission::{Admission, Kind, Pass, lock, outcome};
use super::auth::{BadCredential, Bearer, Tokens};
use super::batch::Caller;
use super::client::{Observation, Settings, Timeouts};
use super::clock::now;
use super::response;
use super::standing::Standing;
use super::transport::{Patience, Transport};
use crate::domain::breaker::Outcome;
use crate::domain::credential::{Credential, Impersonated};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::health::Sample;
use crate::domain::instance::Endpoint;
use crate::domain::retry::RetryPolicy;
use crate::domain::throttle::Gate;
use crate::domain::time::Now;

/// A probe that has not been answered for this long has failed, whatever a read may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that the token endpoint may take.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

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
    pub(super) admission: Arc<Admission>,
    transport: Transport,
    timeouts: Timeouts,
    retry: RetryPolicy,
    observer: mpsc::UnboundedSender<Observation>,
}

/// One user of one instance.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    tokens: Tokens,
    /// For whom it acts, as every request says it.
    caller: Option<Caller>,
    gate: Mutex<Gate>,
    /// Told whenever the gate is closed: until when, and why.
    keeps_gate: OnceLock<Box<KeepsGate>>,
    standing: Mutex<Standing>,
}

/// Keeps until when an instance has asked for patience, and why, beyond the process.
pub type KeepsGate = dyn Fn(DateTime<Utc>, &str) + Send + Sync;

/// One call to be made.
pub(super) struct Call {
    pub(super) request: Request<Bytes>,
    pub(super) kind: Kind,
}

/// Why an attempt came to nothing.
enum Stopped {
    /// We held it back ourselves: nothing was sent, and trying again at once changes nothing.
    Kept(Failure),
    /// The instance refused the token; whether another may be had.
    StaleToken(Failure, bool),
    /// It failed.
    Failed(Failure),
}

/// What one call has tried so far.
#[derive(Default)]
struct Tries {
    retries: u32,
    throttled: u32,
    is_renewed: bool,
    last: Option<Failure>,
}

impl Session {
    /// A user with breakers and a transport of its own.
    ///
    /// Its tokens are for the instance itself, or for the `audience`.
    pub(super) fn new(
        settings: Settings,
        audience: Option<&str>,
        observer: mpsc::UnboundedSender<Observation>,
    ) -> Result<Self, SetUpError> {
        let tokens = Tokens::new(settings.credential, &settings.endpoint, audience)?;
        let timeouts = settings.timeouts;
        let transport = Transport::new(timeouts.connect, timeouts.idle, &settings.network)
            .map_err(SetUpError::Transport)?;
        let admission = Admission::new(&settings.breakers, settings.seed, now());
        let shared = Shared {
            endpoint: settings.endpoint,
            admission: Arc::new(admission),
            transport,
            timeouts,
            retry: settings.retry,
            observer,
        };
        let caller = settings.impersonates.map(called).transpose()?;
        Ok(Self::of(Arc::new(shared), tokens, caller))
    }

    /// Another user of the same instance, who acts for himself: the same breakers, a gate of its own (R5).
    pub(super) fn with_credential(&self, credential: Credential) -> Result<Self, SetUpError> {
        let tokens = Tokens::new(credential, &self.shared.endpoint, None)?;
        Ok(Self::of(Arc::clone(&self.shared), tokens, None))
    }

    /// The header that says for whom this user acts.
    pub(super) fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    fn of(shared: Arc<Shared>, tokens: Tokens, caller: Option<Caller>) -> Self {
        Self {
            standing: Mutex::new(Standing::new(shared.retry.refused)),
            shared,
            tokens,
            caller,
            gate: Mutex::default(),
            keeps_gate: OnceLock::new(),
        }
    }

    /// Makes a call, again where that is safe and worth it. The answer is read here too, so that one that can't be
    /// read counts against the instance like any other failure.
    pub(super) async fn send<T>(
        &self,
        call: &Call,
        read: impl Fn(&Response<Bytes>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let deadline = now().after(self.shared.timeouts.deadline);
        let mut tries = Tries::default();
        loop {
            let failure = match self.attempt(call, deadline, &read).await {
                Ok(value) => return Ok(value),
                // The breaker opened over the failures of this very call: those say more than the breaker does.
                Err(Stopped::Kept(failure)) => return Err(tries.last.unwrap_or(failure)),
                // Once: a second refusal is the answer (R9).
                Err(Stopped::StaleToken(failure, true)) if !tries.is_renewed => {
                    tries.is_renewed = true;
                    tries.last = Some(failure);
                    continue;
                }
                Err(Stopped::StaleToken(failure, _)) => return Err(failure),
                Err(Stopped::Failed(failure)) => failure,
            };
            let Some(wait) = self.wait_for_another(call.kind, &failure, &mut tries) else {
                return Err(failure);
            };
            // Never an attempt that can't end before the deadline (R7).
            if now().mono.saturating_add(wait) >= deadline.mono {
                return Err(failure);
            }
            tokio::time::sleep(wait).await;
            tries.last = Some(failure);
        }
    }

    /// How long to wait before the same request is sent again; `None` where that is not safe, or not worth it (R2 to
    /// R4, R6).
    fn wait_for_another(
        &self,
        kind: Kind,
        failure: &Failure,
        tries: &mut Tries,
    ) -> Option<Duration> {
        let retry = self.shared.retry;
        match kind {
            Kind::Ping | Kind::Token => return None,
            Kind::Write if failure.may_have_happened() => return None,
            Kind::Read | Kind::Write => {}
        }
        if failure.class == FailureClass::Throttled {
            tries.throttled += 1;
            // The wait itself is the gate's, for all calls of this user.
            return (tries.throttled <= retry.throttled_attempts).then_some(Duration::ZERO);
        }
        let may_retry = failure.is_transient()
            && tries.retries + 1 < retry.attempts
            && self.shared.admission.flight().may_retry;
        may_retry.then(|| {
            let backoff = retry.backoff(tries.retries, fastrand::f64());
            tries.retries += 1;
            backoff.max(failure.retry_after.map(stretched).unwrap_or_default())
        })
    }

    /// One attempt: every step can hold it back, and only the last but one sends.
    async fn attempt<T>(
        &self,
        call: &Call,
        deadline: Now,
        read: &impl Fn(&Response<Bytes>) -> Result<T, Failure>,
    ) -> Result<T, Stopped> {
        let (pass, bearer) = loop {
            // Breaker, gate and a place in flight, at one moment.
            let admission = &self.shared.admission;
            let pass = admission.admit(call.kind, &self.gate, deadline).await;
            let pass = pass.map_err(Stopped::Kept)?;
            // Whether our credentials are any good, before the token endpoint is asked for one more.
            lock(&self.standing).ask(now()).map_err(Stopped::Kept)?;
            let bearer = self.token(deadline).await?;
            // While the token was on its way another call may have met a 429: nothing is sent in that gap (F14).
            if lock(&self.gate).remaining(now()).is_none() {
                break (pass, bearer);
            }
        };
        let mut request = call.request.clone();
        bearer.put(&mut request);
        if let Some((name, value)) = &self.caller {
            request.headers_mut().insert(name, value.clone());
        }
        let began = now();
        let answer = self
            .shared
            .transport
            .send(request, self.patience(call.kind, began, deadline))
            .await;
        if let Ok(answer) = &answer
            && let Some(hint) = response::hint(answer.headers())
        {
            self.shared.admission.hint(hint);
        }
        let result = answer
            .and_then(|answer| response::checked(answer, now().wall))
            .and_then(|answer| read(&answer));
        let is_stale = result
            .as_ref()
            .is_err_and(|failure| failure.class == FailureClass::Unauthorized);
        let was_newest = is_stale && self.tokens.drop_refused(&bearer);
        self.settle(pass, began, result.as_ref().err(), was_newest);
        self.shared.observe(call, began, result.as_ref().err());
        result.map_err(|failure| {
            if is_stale {
                Stopped::StaleToken(failure, self.tokens.is_renewable())
            } else {
                Stopped::Failed(failure)
            }
        })
    }

    fn patience(&self, kind: Kind, began: Now, deadline: Now) -> Patience {
        let timeouts = &self.shared.timeouts;
        let first_byte = match kind {
            Kind::Ping => timeouts.read.min(PROBE_TIMEOUT),
            Kind::Read => timeouts.read,
            Kind::Write => timeouts.write,
            Kind::Token => TOKEN_TIMEOUT,
        };
        let whole = deadline.mono.saturating_sub(began.mono);
        Patience {
            first_byte,
            whole: match kind {
                Kind::Ping | Kind::Token => whole.min(first_byte),
                Kind::Read | Kind::Write => whole,
            },
        }
    }

    /// Tells breaker, gate, limiter, budget and our standing what came of an attempt.
    fn settle(&self, pass: Pass, began: Now, failure: Option<&Failure>, was_newest: bool) {
        let at = now();
        let admission = &self.shared.admission;
        let Some(failure) = failure else {
            let took = at.since(began);
            pass.settle(Outcome::Succeeded { took }, at);
            admission.succeeded(at);
            return lock(&self.standing).accepted();
        };
        pass.settle(outcome(failure), at);
        match failure.class {
            FailureClass::Throttled => self.part_failed(failure, at),
            // Of a hundred calls with one expired token, one counts.
            FailureClass::Unauthorized if was_newest => {
                lock(&self.standing).token_refused(failure, at);
            }
            FailureClass::Unauthorized => {}
            _ if failure.counts_for_breaker() => admission.failed(),
            _ if failure.rejects_the_user() => lock(&self.standing).refuse(failure, at),
            _ => lock(&self.standing).accepted(),
        }
    }

    /// Closes the gate where the instance asks for patience, be it only in a part of an answer.
    pub(super) fn part_failed(&self, failure: &Failure, at: Now) {
        if failure.class == FailureClass::Throttled {
            let wait = stretched(failure.retry_after.unwrap_or_default());
            let why = failure.summary();
            lock(&self.gate).close(wait, &why, at);
            self.shared.admission.throttled(at);
            if let Some(keeps) = self.keeps_gate.get() {
                keeps(at.after(wait).wall, &why);
            }
        }
    }

    /// Asks for a token, unless there is one.
    pub(super) async fn authenticate(&self) -> Result<(), Failure> {
        let deadline = now().after(self.shared.timeouts.deadline);
        match self.token(deadline).await {
            Ok(_) => Ok(()),
            Err(
                Stopped::Kept(failure) | Stopped::StaleToken(failure, _) | Stopped::Failed(failure),
            ) => Err(failure),
        }
    }

    /// A token, asked for once however many calls wait for it.
    async fn token(&self, deadline: Now) -> Result<Bearer, Stopped> {
        if let Some(bearer) = self.tokens.young(now()) {
            return Ok(bearer);
        }
        if let Some(bearer) = self.tokens.usable(now()) {
            // It grows old, and still works: whoever comes first renews it, and nobody waits for that but the first.
            return match self.tokens.try_turn() {
                Some(turn) => Ok(self.renew(turn, deadline).await.unwrap_or(bearer)),
                None => Ok(bearer),
            };
        }
        let asked = self.tokens.asked();
        let turn = self.tokens.turn().await;
        if let Some(bearer) = self.tokens.usable(now()) {
            return Ok(bearer);
        }
        // The one before us in the queue failed: a hundred that wait don't ask a hundred times.
        if let Some(failure) = self.tokens.failure_since(asked) {
            return Err(without_token(failure));
        }
        self.renew(turn, deadline).await.map_err(without_token)
    }

    async fn renew(
        &self,
        _turn: tokio::sync::MutexGuard<'_, ()>,
        deadline: Now,
    ) -> Result<Bearer, Failure> {
        let admission = &self.shared.admission;
        let pass = admission.admit(Kind::Token, &self.gate, deadline).await?;
        let began = now();
        let patience = self.patience(Kind::Token, began, deadline);
        let result = self.tokens.ask(&self.shared.transport, patience).await;
        let at = now();
        let took = at.since(began);
        let came_to = result
            .as_ref()
            .map_or_else(outcome, |_| Outcome::Succeeded { took });
        pass.settle(came_to, at);
        if let Err(failure) = &result
            && failure.class == FailureClass::Unauthorized
        {
            lock(&self.standing).refuse(failure, at);
        }
        if let Some(request) = self.tokens.request() {
            self.shared
                .tell(Kind::Token, request, began, result.as_ref().err());
        }
        result
    }

    /// Why our credentials are refused, if they are.
    pub(super) fn rejected(&self) -> Option<String> {
        lock(&self.standing).why().map(str::to_owned)
    }

    /// Takes over a wait that the instance asked another process of this user for, and has later ones kept.
    pub(super) fn keep_gate(&self, held: Option<(Duration, String)>, keeps: Box<KeepsGate>) {
        if let Some((wait, why)) = held {
            lock(&self.gate).close(wait, &why, now());
        }
        // Whoever comes first keeps it; there is one.
        drop(self.keeps_gate.set(keeps));
    }

    /// Until when the gate is closed, and why.
    pub(super) fn gate(&self, at: Now) -> Option<(Now, String)> {
        lock(&self.gate)
            .closed_until(at)
            .map(|(until, why)| (until, why.to_owned()))
    }
}

impl Shared {
    fn observe(&self, call: &Call, began: Now, failure: Option<&Failure>) {
        let request = format!("{} {}", call.request.method(), call.request.uri().path());
        self.tell(call.kind, request, began, failure);
    }

    fn tell(&self, kind: Kind, request: String, began: Now, failure: Option<&Failure>) {
        let at = now();
        let counts = failure.filter(|failure| failure.counts_for_breaker());
        let sample = Sample {
            took: at.since(began),
            failed: counts.map(|failure| failure.origin),
            is_probe: kind == Kind::Ping,
        };
        let observation = Observation {
            class: kind.class(),
            at,
            sample,
            failure: failure.cloned(),
            request,
        };
        // Nobody listens once the engine has gone.
        let _ended = self.observer.send(observation);
    }
}

/// The preferred header names a person's object in Entra, the older one a row of the instance's users (contract 7.5).
fn called(whom: Impersonated) -> Result<Caller, SetUpError> {
    let (name, id) = match whom {
        Impersonated::Object(id) => ("callerobjectid", id),
        Impersonated::User(id) => ("mscrmcallerid", id),
    };
    let value = HeaderValue::from_str(&id.to_string());
    let value = value.map_err(|error| SetUpError::Transport(error.to_string()))?;
    Ok((HeaderName::from_static(name), value))
}

/// Never less than asked for, and not all of us at the same moment (R4).
fn stretched(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + 0.1 * fastrand::f64())
}

/// A call that got no token was not sent, whatever became of the request for the token: a write must not be taken for
/// one that may have happened.
fn without_token(failure: Failure) -> Stopped {
    match failure.class {
        FailureClass::NotAllowed => Stopped::Kept(failure),
        FailureClass::Unauthorized => Stopped::Kept(failure),
        _ => Stopped::Failed(Failure {
            message: format!("no token: {}", failure.cause()),
            class: FailureClass::NotSent,
            status: None,
            code: None,
            ..failure
        }),
    }
}
