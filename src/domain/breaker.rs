//! The circuit breaker of one instance and class of call, as the transition table T1 to T32 of `reliability.md` 2.1
//! says (the pattern is Microsoft's "Circuit Breaker"). It decides, it does not wait and it does not send.
//!
//! ```text
//!            failures                     time is up, probe now, clock jump
//!   Closed ───────────▶ Open ───────────────────────────────────▶ HalfOpen ──▶ Closed   (enough probes succeed)
//!      ▲                  ▲                                           │
//!      └── never          └──────────── a probe fails, or is lost ────┘
//!   any automatic ──force──▶ ForcedOpen ──release or its own expiry──▶ HalfOpen
//! ```
//!
//! Every permit carries the generation in which it was given; what comes back from an earlier one is counted but
//! changes no state. A call that is rejected was not tried, and is never counted as a failure.

mod policy;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::time::Now;

pub use policy::{BreakerPolicy, Class, ProbedBy};

/// The server's own wish may hold a breaker open for this long at most (T9).
const WISH_CAP: Duration = Duration::from_secs(30 * 60);
/// A forced breaker's expiry lies within this (T17).
pub const MAX_FORCED: Duration = Duration::from_secs(24 * 3600);
/// Clocks that disagree by more than this tell of a machine that slept (T26).
const CLOCK_JUMP: Duration = Duration::from_secs(60);
/// How often a person may probe (T23).
const PROBE_EVERY: Duration = Duration::from_secs(10);
const SLICES: u32 = 12;
const RAMP_STEP: Duration = Duration::from_secs(10);
const HISTORY: usize = 50;

/// Who forced a breaker open, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forced {
    /// Who ordered it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it ends by itself, if it does.
    pub until: Option<DateTime<Utc>>,
}

/// What the reason of planned maintenance begins with: it is kept as an order like any other.
const MAINTENANCE: &str = "maintenance: ";

impl Forced {
    /// Planned maintenance: an order that was announced, and that ends by itself.
    pub fn maintenance(by: String, why: &str, until: DateTime<Utc>) -> Self {
        Self {
            by,
            reason: format!("{MAINTENANCE}{why}"),
            until: Some(until),
        }
    }

    /// Why there is maintenance and until when, if that is what was ordered.
    pub fn planned(&self) -> Option<(&str, DateTime<Utc>)> {
        Some((self.reason.strip_prefix(MAINTENANCE)?, self.until?))
    }
}

/// The state that a breaker is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Calls pass.
    Closed,
    /// Nothing is sent until then.
    Open {
        /// When probing begins.
        until: Now,
    },
    /// One call at a time finds out.
    HalfOpen {
        /// Probes that succeeded in a row.
        successes: u32,
    },
    /// Nothing is sent until a person, or the order's own expiry, says so.
    ForcedOpen(Forced),
}

impl Phase {
    /// The state in one word, as shown.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "OPEN",
            Self::HalfOpen { .. } => "half-open",
            Self::ForcedOpen(_) => "FORCED OPEN",
        }
    }
}

/// Leave to make one call; given back with its outcome.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit is given back with settle()"]
pub struct Permit {
    generation: u64,
    probe: bool,
}

impl Permit {
    /// Whether this call finds out for all others.
    pub fn is_probe(&self) -> bool {
        self.probe
    }
}

/// What a permitted call came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was answered.
    Succeeded {
        /// How long it took.
        took: Duration,
    },
    /// The instance failed.
    Failed {
        /// The cause, for people.
        cause: String,
        /// Set when the instance says that it is closed for now: how long it asks us to wait (T4).
        stop: Option<Duration>,
    },
    /// 429: patience, not failure (T28); the gate is another's business.
    Throttled {
        /// How long the instance asks us to wait.
        wait: Duration,
    },
    /// Answered, but says nothing of the instance's health: 400, 404, 412 (T31).
    Ignored,
    /// Taken back by us before an answer.
    Cancelled,
}

/// A call that may not be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// When it is worth asking again; unknown while the breaker is forced open without an expiry.
    pub retry_after: Option<Duration>,
    /// Whether a person ordered it.
    pub forced: bool,
}

/// An order that does not fit the state (T27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Illegal {
    /// Forced open: release it first.
    ReleaseFirst,
    /// Calls pass already.
    NotOpen,
    /// A person probed less than ten seconds ago.
    TooSoon,
    /// Nothing is forced.
    NotForced,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReleaseFirst => "forced open: release it first",
            Self::NotOpen => "the breaker is not open: calls pass",
            Self::TooSoon => "probed less than 10 s ago",
            Self::NotForced => "nothing is forced",
        })
    }
}

/// One change of state, for the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Now,
    /// The state before, in a word.
    pub from: &'static str,
    /// The state after, in a word.
    pub to: &'static str,
    /// Why.
    pub cause: String,
}

/// Calls in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Answered.
    pub ok: u32,
    /// The instance failed.
    pub failed: u32,
    /// Answered, but slowly; counted in `ok` too.
    pub slow: u32,
    /// Answered with something that says nothing of its health.
    pub ignored: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Slice {
    number: u64,
    counts: Counts,
}

/// What a breaker shows of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakerStatus {
    /// The class it watches.
    pub class: Class,
    /// The state.
    pub phase: Phase,
    /// Since when.
    pub since: Now,
    /// Why it left the closed state last.
    pub cause: Option<String>,
    /// Calls not sent since it left the closed state.
    pub not_sent: u64,
    /// How often it opened in the last 24 hours.
    pub opened_today: usize,
    /// The number of the next probe since it opened.
    pub next_probe: u32,
    /// Calls in the window.
    pub counts: Counts,
}

impl BreakerStatus {
    /// Whether calls pass without more ado.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Probe {
    lease_ends: Duration,
}

/// The breaker of one instance and class.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitBreaker {
    class: Class,
    policy: BreakerPolicy,
    phase: Phase,
    since: Now,
    generation: u64,
    slices: [Slice; SLICES as usize],
    run: u32,
    attempt: u32,
    decayed: Now,
    probe: Option<Probe>,
    probes: u32,
    asked_to_probe: Option<Duration>,
    cause: Option<String>,
    not_sent: u64,
    opened: VecDeque<DateTime<Utc>>,
    closed_after_trouble: Option<Duration>,
    ticked: Now,
    seed: u64,
    transitions: Vec<Transition>,
}

impl CircuitBreaker {
    /// A closed breaker. The seed makes its jitter: the same seed and events give the same breaker.
    pub fn new(class: Class, policy: BreakerPolicy, seed: u64, now: Now) -> Self {
        Self {
            class,
            policy,
            phase: Phase::Closed,
            since: now,
            generation: 0,
            slices: [Slice::default(); SLICES as usize],
            run: 0,
            attempt: 0,
            decayed: now,
            probe: None,
            probes: 0,
            asked_to_probe: None,
            cause: None,
            not_sent: 0,
            opened: VecDeque::new(),
            closed_after_trouble: None,
            ticked: now,
            seed: seed | 1,
            transitions: Vec::new(),
        }
    }

    /// Takes back a forced state that was in force when the process ended (T25).
    pub fn restore(&mut self, forced: Forced, now: Now) {
        if forced.until.is_none_or(|until| until > now.wall) {
            self.enter(
                Phase::ForcedOpen(forced),
                "forced before the restart".to_owned(),
                now,
            );
        }
    }

    /// Asks for leave to make one call. `ping` says that the call is the cheap read that probes.
    pub fn admit(&mut self, ping: bool, now: Now) -> Result<Permit, Rejection> {
        self.tick(now);
        let probes = match self.policy.probed_by {
            ProbedBy::Ping => ping,
            ProbedBy::NextCall => true,
        };
        match &self.phase {
            Phase::Closed => Ok(Permit {
                generation: self.generation,
                probe: false,
            }),
            Phase::HalfOpen { .. } if probes && self.probe.is_none() => {
                let lease_ends = now.mono.saturating_add(self.policy.probe_lease);
                self.probe = Some(Probe { lease_ends });
                self.probes += 1;
                Ok(Permit {
                    generation: self.generation,
                    probe: true,
                })
            }
            Phase::Open { .. } | Phase::HalfOpen { .. } | Phase::ForcedOpen(_) => {
                self.not_sent += 1;
                Err(self.rejection(now))
            }
        }
    }

    fn rejection(&self, now: Now) -> Rejection {
        match &self.phase {
            Phase::Closed => Rejection {
                retry_after: Some(Duration::ZERO),
                forced: false,
            },
            Phase::Open { until } => Rejection {
                retry_after: Some(until.mono.saturating_sub(now.mono)),
                forced: false,
            },
            Phase::HalfOpen { .. } => {
                let lease = self
                    .probe
                    .as_ref()
                    .map(|probe| probe.lease_ends.saturating_sub(now.mono));
                Rejection {
                    retry_after: lease.or(Some(Duration::ZERO)),
                    forced: false,
                }
            }
            Phase::ForcedOpen(forced) => {
                let left = forced
                    .until
                    .map(|until| (until - now.wall).to_std().unwrap_or_default());
                Rejection {
                    retry_after: left,
                    forced: true,
                }
            }
        }
    }

    /// Gives a permit back.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a permit is used up by giving it back"
    )]
    pub fn settle(&mut self, permit: Permit, outcome: Outcome, now: Now) {
        self.tick(now);
        self.count(&outcome, now);
        if permit.generation != self.generation {
            return self.late(&outcome, now);
        }
        if permit.probe {
            self.probe = None;
            self.probed(outcome, now);
        } else if self.phase == Phase::Closed {
            self.called(outcome, now);
        }
    }

    /// A call of an earlier generation: it may raise an open breaker's end, never lower it (T7, T8, T9, T29).
    fn late(&mut self, outcome: &Outcome, now: Now) {
        let wish = match outcome {
            Outcome::Throttled { wait } => *wait,
            Outcome::Failed {
                stop: Some(wait), ..
            } => *wait,
            _ => return,
        };
        if let Phase::Open { until } = &mut self.phase {
            let raised = now.after(wish.min(WISH_CAP));
            if raised.mono > until.mono {
                *until = raised;
            }
        }
    }

    /// An ordinary call on a closed breaker (T1 to T4, T28, T31).
    fn called(&mut self, outcome: Outcome, now: Now) {
        match outcome {
            Outcome::Succeeded { .. } => {
                self.run = 0;
                if self.too_many(now, |counts| counts.slow, self.policy.slow_ratio) {
                    self.open("most calls are slow".to_owned(), Duration::ZERO, now);
                }
            }
            Outcome::Failed {
                cause,
                stop: Some(wish),
            } => self.open(cause, wish, now),
            Outcome::Failed { cause, stop: None } => {
                self.run += 1;
                if self.run >= self.policy.failure_run {
                    self.open(
                        format!("{} failures in a row: {cause}", self.run),
                        Duration::ZERO,
                        now,
                    );
                } else if self.too_many(now, |counts| counts.failed, self.policy.failure_ratio) {
                    let counts = self.counts(now);
                    let all = counts.ok + counts.failed;
                    self.open(
                        format!("{} of {all} calls failed: {cause}", counts.failed),
                        Duration::ZERO,
                        now,
                    );
                }
            }
            Outcome::Throttled { .. } | Outcome::Ignored | Outcome::Cancelled => {}
        }
    }

    /// A probe of a half-open breaker (T11 to T16, T31).
    fn probed(&mut self, outcome: Outcome, now: Now) {
        let Phase::HalfOpen { successes } = &mut self.phase else {
            return;
        };
        match outcome {
            Outcome::Succeeded { .. } => {
                *successes += 1;
                let reached = *successes;
                if reached >= self.policy.successes_to_close {
                    self.close(
                        format!(
                            "{reached} probe{} answered",
                            if reached == 1 { "" } else { "s" }
                        ),
                        now,
                    );
                }
            }
            Outcome::Failed { cause, stop } => {
                self.attempt = self.attempt.saturating_add(1);
                self.open(
                    format!("a probe failed: {cause}"),
                    stop.unwrap_or_default(),
                    now,
                );
            }
            Outcome::Throttled { wait } => self.open("a probe was throttled".to_owned(), wait, now),
            Outcome::Ignored | Outcome::Cancelled => {}
        }
    }

    /// Lets time pass: ends waits, lost probes and forced states, ages the attempt counter, notices a sleep.
    pub fn tick(&mut self, now: Now) {
        let slept = self.notice_clock_jump(now);
        match &self.phase {
            Phase::Open { until } if now.mono >= until.mono => {
                self.half_open("the wait is over", now);
            }
            Phase::Open { .. } if slept => self.half_open("this machine slept", now),
            Phase::ForcedOpen(Forced {
                until: Some(until), ..
            }) if now.wall >= *until => {
                self.half_open("the order ran out", now);
            }
            Phase::HalfOpen { .. }
                if self
                    .probe
                    .as_ref()
                    .is_some_and(|probe| now.mono >= probe.lease_ends) =>
            {
                self.attempt = self.attempt.saturating_add(1);
                self.open("a probe never answered".to_owned(), Duration::ZERO, now);
            }
            Phase::Closed if self.attempt > 0 && now.since(self.decayed) >= self.policy.decay => {
                self.attempt /= 2;
                self.decayed = now;
            }
            _ => {}
        }
    }

    fn notice_clock_jump(&mut self, now: Now) -> bool {
        let mono = chrono::Duration::from_std(now.since(self.ticked)).unwrap_or_default();
        let wall = now.wall - self.ticked.wall;
        self.ticked = now;
        let jumped = (wall - mono).abs().to_std().unwrap_or_default() > CLOCK_JUMP;
        if jumped {
            self.slices = [Slice::default(); SLICES as usize];
            self.run = 0;
        }
        jumped
    }

    /// Opens it until a person releases it, or until it expires (T17). An expiry lies within 24 hours.
    pub fn force_open(&mut self, forced: Forced, now: Now) {
        let latest = now.after(MAX_FORCED).wall;
        let forced = Forced {
            until: forced.until.map(|until| until.min(latest)),
            ..forced
        };
        let cause = format!("by {}: {}", forced.by, forced.reason);
        self.enter(Phase::ForcedOpen(forced), cause, now);
    }

    /// Takes a forced state back; what the instance is worth is found out first (T20).
    pub fn release(&mut self, by: &str, now: Now) -> Result<(), Illegal> {
        let Phase::ForcedOpen(_) = self.phase else {
            return Err(Illegal::NotForced);
        };
        self.half_open(&format!("released by {by}"), now);
        self.cause = None;
        Ok(())
    }

    /// Probes without waiting for the end of the wait (T23, T27).
    pub fn probe_now(&mut self, now: Now) -> Result<(), Illegal> {
        self.tick(now);
        if self
            .asked_to_probe
            .is_some_and(|asked| now.mono.saturating_sub(asked) < PROBE_EVERY)
        {
            return Err(Illegal::TooSoon);
        }
        match self.phase {
            Phase::Open { .. } => self.half_open("a person asked for a probe", now),
            Phase::HalfOpen { .. } => {}
            Phase::ForcedOpen(_) => return Err(Illegal::ReleaseFirst),
            Phase::Closed => return Err(Illegal::NotOpen),
        }
        self.asked_to_probe = Some(now.mono);
        Ok(())
    }

    /// The calls that may be in flight just after a recovery: 1, 2, then 4, then no limit (T12).
    pub fn ramp(&self, now: Now) -> Option<u32> {
        let closed = self.closed_after_trouble?;
        match now.mono.saturating_sub(closed).as_secs() / RAMP_STEP.as_secs() {
            0 => Some(1),
            1 => Some(2),
            2 => Some(4),
            _ => None,
        }
    }

    /// Whether a call would be let through now, without asking for it.
    pub fn would_admit(&self) -> bool {
        match self.phase {
            Phase::Closed => true,
            Phase::HalfOpen { .. } => {
                self.policy.probed_by == ProbedBy::NextCall && self.probe.is_none()
            }
            Phase::Open { .. } | Phase::ForcedOpen(_) => false,
        }
    }

    /// The state.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What it shows of itself.
    pub fn status(&self, now: Now) -> BreakerStatus {
        let day_ago = now.wall - chrono::Duration::hours(24);
        BreakerStatus {
            class: self.class,
            phase: self.phase.clone(),
            since: self.since,
            cause: self.cause.clone(),
            not_sent: self.not_sent,
            opened_today: self.opened.iter().filter(|at| **at > day_ago).count(),
            next_probe: self.probes + 1,
            counts: self.counts(now),
        }
    }

    /// The changes of state since the last time they were taken, oldest first.
    pub fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.transitions)
    }

    fn open(&mut self, cause: String, wish: Duration, now: Now) {
        let wait = self.wait().max(wish.min(WISH_CAP));
        if self.opened.len() == HISTORY {
            self.opened.pop_front();
        }
        self.opened.push_back(now.wall);
        self.enter(
            Phase::Open {
                until: now.after(wait),
            },
            cause,
            now,
        );
    }

    fn half_open(&mut self, cause: &str, now: Now) {
        self.enter(Phase::HalfOpen { successes: 0 }, cause.to_owned(), now);
    }

    fn close(&mut self, cause: String, now: Now) {
        self.closed_after_trouble = Some(now.mono);
        self.slices = [Slice::default(); SLICES as usize];
        self.decayed = now;
        self.enter(Phase::Closed, cause, now);
        self.cause = None;
    }

    fn enter(&mut self, phase: Phase, cause: String, now: Now) {
        let was_closed = self.phase == Phase::Closed;
        let transition = Transition {
            at: now,
            from: self.phase.word(),
            to: phase.word(),
            cause: cause.clone(),
        };
        self.transitions.push(transition);
        if was_closed {
            self.not_sent = 0;
            self.probes = 0;
        }
        if matches!(phase, Phase::Open { .. } | Phase::ForcedOpen(_)) {
            self.closed_after_trouble = None;
            self.cause = Some(cause);
        }
        self.phase = phase;
        self.since = now;
        self.generation += 1;
        self.run = 0;
        self.probe = None;
    }

    /// `wait_base * 2^attempt`, capped, a fifth longer or shorter.
    fn wait(&mut self) -> Duration {
        let wait = self
            .policy
            .wait_base
            .saturating_mul(2u32.saturating_pow(self.attempt.min(16)));
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let share =
            f64::from(u32::try_from(self.seed >> 33).unwrap_or(0)) / f64::from(u32::MAX >> 1);
        wait.min(self.policy.wait_cap)
            .mul_f64((1.0 + self.policy.jitter * (2.0 * share - 1.0)).max(0.0))
    }

    fn slice_number(&self, now: Now) -> u64 {
        let length = (self.policy.window / SLICES).max(Duration::from_millis(1));
        u64::try_from(now.mono.as_nanos() / length.as_nanos()).unwrap_or(u64::MAX)
    }

    fn count(&mut self, outcome: &Outcome, now: Now) {
        let number = self.slice_number(now);
        let place = usize::try_from(number % u64::from(SLICES)).unwrap_or(0);
        let Some(slice) = self.slices.get_mut(place) else {
            return;
        };
        if slice.number != number {
            *slice = Slice {
                number,
                counts: Counts::default(),
            };
        }
        match outcome {
            Outcome::Succeeded { took } => {
                slice.counts.ok += 1;
                slice.counts.slow += u32::from(*took > self.policy.slow_call);
            }
            Outcome::Failed { .. } => slice.counts.failed += 1,
            Outcome::Throttled { .. } | Outcome::Ignored => slice.counts.ignored += 1,
            Outcome::Cancelled => {}
        }
    }

    fn counts(&self, now: Now) -> Counts {
        let oldest = (self.slice_number(now) + 1).saturating_sub(u64::from(SLICES));
        let recent = self.slices.iter().filter(|slice| slice.number >= oldest);
        recent.fold(Counts::default(), |sum, Slice { counts, .. }| Counts {
            ok: sum.ok + counts.ok,
            failed: sum.failed + counts.failed,
            slow: sum.slow + counts.slow,
            ignored: sum.ignored + counts.ignored,
        })
    }

    fn too_many(&self, now: Now, which: impl Fn(&Counts) -> u32, ratio: f64) -> bool {
        let counts = self.counts(now);
        let all = counts.ok + counts.failed;
        all >= self.policy.min_calls && f64::from(which(&counts)) >= ratio * f64::from(all)
    }
}

#[cfg(test)]
mod tests;
