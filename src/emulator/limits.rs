//! Service protection: how much each user asked for in a sliding window, and when that is too much (contract 6.1).
//!
//! Off until it is switched on. Counts and refuses; `web_api.rs` asks before the work and reports after it. Time is the
//! emulator's clock, so that a test need not wait for a window. Real Dataverse counts for each web server; this is one.
//!
//! ```text
//! below its limits ──over one──▶ gated until room is left ──asks all the same──▶ gated for longer ──time──▶ below
//! ```
//!
//! The limit of concurrent requests gates nobody: it is over as soon as one of them is answered.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::instance::lock;
use super::refusal::Refusal;
use super::reply::{Remaining, Reply, with_thousands};

/// What the debugging headers say while nothing is limited, as one real server said it (contract 1.4).
const UNLIMITED: Remaining = Remaining {
    requests: 7999,
    seconds: 1200,
};
/// By so much each request that does not heed Retry-After makes it longer, until it is a whole window.
const PENALTY: TimeDelta = TimeDelta::seconds(1);
/// More requests in a window than any real limit, and few enough to be remembered.
const MOST_REQUESTS: u64 = 1_000_000;
const LONGEST_WINDOW_S: u32 = 86_400;

/// How much one user may ask for; the numbers of the service are the default.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests in a window; a `$batch` is one.
    pub requests: u64,
    /// Execution time in a window, in seconds, of all requests together.
    pub execution_s: u64,
    /// Requests at a time.
    pub concurrency: u64,
    /// The length of the window, in seconds.
    pub window_s: u32,
    /// What operations are taken to cost beyond the time that they really take here.
    pub cost: Costs,
    /// Whether the cost is waited for as well, and not only accounted.
    pub wait: bool,
}

/// Simulated execution time of one operation, in milliseconds: the emulator itself is too fast for the limit to bite.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Costs {
    /// Of a row or a list that is read.
    pub read: u32,
    /// Of a row that is written.
    pub write: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests: 6000,
            execution_s: 1200,
            concurrency: 52,
            window_s: 300,
            cost: Costs::default(),
            wait: false,
        }
    }
}

/// What one request did; an operation that does more than one thing tells it with its reply, [`Work::told`]. Else it is
/// one read or one write, by its method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) reads: u32,
    pub(crate) writes: u32,
}

/// The users of one instance, and what they are held to.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    limits: Option<Limits>,
    users: HashMap<Uuid, Usage>,
}

/// What one user did within the window.
#[derive(Debug, Default)]
struct Usage {
    arrivals: VecDeque<DateTime<Utc>>,
    /// When requests ended, and how long they took in milliseconds.
    executions: VecDeque<(DateTime<Utc>, u64)>,
    executed_ms: u64,
    running: u64,
    gate: Option<Gate>,
}

/// Until when everything is refused, and why.
#[derive(Clone, Copy, Debug)]
struct Gate {
    until: DateTime<Utc>,
    exceeded: Exceeded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exceeded {
    Requests,
    ExecutionTime,
    Concurrency,
}

/// Leave to run one request; it counts as running until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'p> {
    protection: &'p Protection,
    user: Uuid,
}

/// What a user is told in place of the work.
#[derive(Debug)]
pub(crate) struct TooMuch {
    refusal: Refusal,
    retry_after_s: i64,
}

impl Limits {
    /// What is wrong with the numbers, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.requests > MOST_REQUESTS {
            return Some(format!("requests is at most {MOST_REQUESTS}"));
        }
        let window = 1..=LONGEST_WINDOW_S;
        (!window.contains(&self.window_s))
            .then(|| format!("window_s is between 1 and {LONGEST_WINDOW_S}"))
    }

    fn window(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.window_s))
    }

    fn execution_ms(&self) -> u64 {
        self.execution_s.saturating_mul(1000)
    }
}

impl Work {
    /// One read or one write.
    pub(crate) fn of_method(method: &Method) -> Work {
        let reads = u32::from(method == Method::GET);
        Work {
            reads,
            writes: 1 - reads,
        }
    }

    pub(crate) fn writes(number: usize) -> Work {
        Work {
            reads: 0,
            writes: u32::try_from(number).unwrap_or(u32::MAX),
        }
    }

    /// What a request did, by its reply or else by its method.
    pub(crate) fn of(method: &Method, reply: Option<&Reply>) -> Work {
        let told = reply.and_then(|reply| reply.extensions().get::<Work>().copied());
        told.unwrap_or_else(|| Work::of_method(method))
    }

    /// Both together.
    pub(crate) fn and(self, other: Work) -> Work {
        Work {
            reads: self.reads.saturating_add(other.reads),
            writes: self.writes.saturating_add(other.writes),
        }
    }

    /// Tells it with a reply.
    pub(crate) fn told(self, mut reply: Reply) -> Reply {
        reply.extensions_mut().insert(self);
        reply
    }

    fn cost(self, costs: Costs) -> Duration {
        let ms = |number: u32, cost: u32| u64::from(number) * u64::from(cost);
        Duration::from_millis(ms(self.reads, costs.read) + ms(self.writes, costs.write))
    }
}

impl Protection {
    pub(crate) fn limits(&self) -> Option<Limits> {
        lock(&self.state).limits
    }

    /// Holds everybody to other limits from now on, or to none; what was used before is forgotten.
    pub(crate) fn set(&self, limits: Option<Limits>) {
        let mut state = lock(&self.state);
        state.limits = limits;
        // Who still runs is not forgotten: its end will be counted.
        for usage in state.users.values_mut() {
            *usage = Usage {
                running: usage.running,
                ..Usage::default()
            };
        }
    }

    /// Lets a request of this user begin, unless that is too much.
    pub(crate) fn begin(&self, user: Uuid, now: DateTime<Utc>) -> Result<Permit<'_>, TooMuch> {
        let mut state = lock(&self.state);
        let limits = state.limits;
        let usage = state.users.entry(user).or_default();
        if let Some(limits) = limits {
            usage.admit(&limits, now)?;
            usage.arrivals.push_back(now);
        }
        usage.running += 1;
        Ok(Permit {
            protection: self,
            user,
        })
    }

    /// What the debugging headers tell this user.
    pub(crate) fn remaining(&self, user: Option<Uuid>, now: DateTime<Utc>) -> Remaining {
        let mut state = lock(&self.state);
        let Some(limits) = state.limits else {
            return UNLIMITED;
        };
        let usage = user.and_then(|user| state.users.get_mut(&user));
        let (arrived, executed_ms) = usage.map_or((0, 0), |usage| {
            usage.slide(&limits, now);
            (usage.arrived(), usage.executed_ms)
        });
        Remaining {
            requests: limits.requests.saturating_sub(arrived),
            seconds: limits.execution_ms().saturating_sub(executed_ms) / 1000,
        }
    }
}

impl Permit<'_> {
    /// Accounts for what was done in this time, and says how much longer it is to take.
    pub(crate) fn account(&self, work: Work, took: Duration, now: DateTime<Utc>) -> Duration {
        let mut state = lock(&self.protection.state);
        let Some(limits) = state.limits else {
            return Duration::ZERO;
        };
        let cost = work.cost(limits.cost);
        // No request takes no time at all.
        let whole = (took + cost).as_micros().div_ceil(1000);
        let whole = u64::try_from(whole).unwrap_or(u64::MAX);
        if let Some(usage) = state.users.get_mut(&self.user) {
            usage.executions.push_back((now, whole));
            usage.executed_ms = usage.executed_ms.saturating_add(whole);
        }
        if limits.wait { cost } else { Duration::ZERO }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.protection.state);
        if let Some(usage) = state.users.get_mut(&self.user) {
            usage.running = usage.running.saturating_sub(1);
        }
    }
}

impl Usage {
    /// Whether one more request is not too much.
    fn admit(&mut self, limits: &Limits, now: DateTime<Utc>) -> Result<(), TooMuch> {
        self.slide(limits, now);
        if let Some(gate) = &mut self.gate {
            gate.until = (gate.until + PENALTY).min(now + limits.window());
            return Err(TooMuch::new(gate.exceeded, limits, gate.until - now));
        }
        if self.running >= limits.concurrency {
            let soon = TimeDelta::seconds(1);
            return Err(TooMuch::new(Exceeded::Concurrency, limits, soon));
        }
        let gate = if self.arrived() >= limits.requests {
            let first = self.arrivals.front().copied();
            Gate {
                exceeded: Exceeded::Requests,
                until: first.unwrap_or(now) + limits.window(),
            }
        } else if self.executed_ms >= limits.execution_ms() {
            Gate {
                exceeded: Exceeded::ExecutionTime,
                until: self.time_left_at(limits).unwrap_or(now) + limits.window(),
            }
        } else {
            return Ok(());
        };
        self.gate = Some(gate);
        Err(TooMuch::new(gate.exceeded, limits, gate.until - now))
    }

    /// Forgets what lies before the window, and a gate whose time is over.
    fn slide(&mut self, limits: &Limits, now: DateTime<Utc>) {
        let begin = now - limits.window();
        let before = |time: &DateTime<Utc>| *time <= begin;
        while self.arrivals.pop_front_if(|time| before(time)).is_some() {}
        while let Some((_, took)) = self.executions.pop_front_if(|(time, _)| before(time)) {
            self.executed_ms = self.executed_ms.saturating_sub(took);
        }
        self.gate = self.gate.filter(|gate| gate.until > now);
    }

    fn arrived(&self) -> u64 {
        u64::try_from(self.arrivals.len()).unwrap_or(u64::MAX)
    }

    /// When the request ended whose leaving the window brings the execution time below its limit.
    fn time_left_at(&self, limits: &Limits) -> Option<DateTime<Utc>> {
        let mut left = self.executed_ms;
        let mut ends = self.executions.iter();
        ends.find_map(|(ended, took)| {
            left = left.saturating_sub(*took);
            (left < limits.execution_ms()).then_some(*ended)
        })
    }
}

impl TooMuch {
    fn new(exceeded: Exceeded, limits: &Limits, wait: TimeDelta) -> TooMuch {
        let (code, message) = match exceeded {
            Exceeded::Requests => (
                "0x80072322",
                format!(
                    "Number of requests exceeded the limit of {} over time window of {} seconds.",
                    limits.requests, limits.window_s
                ),
            ),
            Exceeded::ExecutionTime => (
                "0x80072321",
                format!(
                    "Combined execution time of incoming requests exceeded limit of {} milliseconds over time window \
                     of {} seconds. Decrease number of concurrent requests or reduce the duration of requests and try \
                     again later.",
                    with_thousands(limits.execution_ms()),
                    limits.window_s
                ),
            ),
            Exceeded::Concurrency => (
                "0x80072326",
                format!(
                    "Number of concurrent requests exceeded the limit of {}.",
                    limits.concurrency
                ),
            ),
        };
        let whole = wait.num_milliseconds().max(1);
        TooMuch {
            refusal: Refusal::new(StatusCode::TOO_MANY_REQUESTS, code, message),
            retry_after_s: (whole + 999) / 1000,
        }
    }
}

impl From<TooMuch> for Reply {
    fn from(too_much: TooMuch) -> Reply {
        let mut reply = Reply::from(too_much.refusal);
        let seconds = HeaderValue::from(too_much.retry_after_s);
        reply.headers_mut().insert("retry-after", seconds);
        reply
    }
}
