//! The classes of calls that have breakers, and the numbers of each. It decides nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The class of calls that one breaker watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// Calls that only read.
    Read,
    /// Calls that write.
    Write,
    /// Calls to the token endpoint.
    Auth,
}

impl Class {
    /// All classes, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Auth];

    /// The class in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Auth => "auth",
        }
    }
}

/// What lets a half-open breaker find out whether calls work again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbedBy {
    /// A cheap read of its own (`WhoAmI`); ordinary calls wait until it has answered.
    Ping,
    /// The next call of the class itself: a read can't prove that writes work.
    NextCall,
}

/// The numbers of one breaker; the defaults are those of `reliability.md` 2.1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// How far back calls are counted.
    pub window: Duration,
    /// Below this many calls in the window the ratios say nothing.
    pub min_calls: u32,
    /// The share of failures in the window that opens.
    pub failure_ratio: f64,
    /// The number of failures in a row that opens.
    pub failure_run: u32,
    /// A call longer than this is slow.
    pub slow_call: Duration,
    /// The share of slow calls in the window that opens.
    pub slow_ratio: f64,
    /// The first time open; doubled with every attempt that failed.
    pub wait_base: Duration,
    /// The longest time open by our own doing.
    pub wait_cap: Duration,
    /// The share by which a wait is made longer or shorter, so that consoles don't align.
    pub jitter: f64,
    /// After this long in good health the attempt counter halves.
    pub decay: Duration,
    /// Probes in a row that must succeed to close.
    pub successes_to_close: u32,
    /// A probe that has not answered for this long is lost.
    pub probe_lease: Duration,
    /// What probes.
    pub probed_by: ProbedBy,
}

impl BreakerPolicy {
    /// The defaults for a class.
    pub fn of(class: Class) -> Self {
        Self {
            window: Duration::from_secs(60),
            min_calls: 8,
            failure_ratio: 0.5,
            failure_run: 5,
            slow_call: Duration::from_secs(if class == Class::Write { 60 } else { 20 }),
            slow_ratio: 0.8,
            wait_base: Duration::from_secs(5),
            wait_cap: Duration::from_secs(60),
            jitter: 0.2,
            decay: Duration::from_secs(300),
            successes_to_close: if class == Class::Auth { 1 } else { 2 },
            probe_lease: Duration::from_secs(if class == Class::Write { 135 } else { 35 }),
            probed_by: if class == Class::Write {
                ProbedBy::NextCall
            } else {
                ProbedBy::Ping
            },
        }
    }
}
