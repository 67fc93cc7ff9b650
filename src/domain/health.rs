//! An instance's health from what its calls came to (design, "Health, exactly"), and the statistics it rests on.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::breaker::{BreakerStatus, Class, Forced, Phase};
use super::failure::Origin;
use super::time::Now;

/// How an instance is, the worst word that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Health {
    /// It was announced that it is worked on, and until when.
    Maintenance,
    /// Neither instance can be reached, and the errors are our own network's.
    CutOff,
    /// It refuses our credentials.
    Refused,
    /// Two probes in a row failed, or the read breaker is open.
    Down,
    /// It asked us to wait.
    Throttled,
    /// It works, but badly: errors, slowness, no writes, or fresh from an outage.
    Degraded,
    /// It works.
    Healthy,
    /// No answer yet.
    Unknown,
}

impl Health {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Maintenance,
        Self::CutOff,
        Self::Refused,
        Self::Down,
        Self::Throttled,
        Self::Degraded,
        Self::Healthy,
        Self::Unknown,
    ];

    /// The state in one word, as shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Maintenance => "MAINTENANCE",
            Self::CutOff => "CUT OFF",
            Self::Refused => "REFUSED",
            Self::Down => "DOWN",
            Self::Throttled => "THROTTLED",
            Self::Degraded => "DEGRADED",
            Self::Healthy => "HEALTHY",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.word() == word)
    }
}

/// How long after an outage an instance still counts as recovering.
pub const RECOVERING: Duration = Duration::from_secs(600);
/// The share of failed calls above which it is degraded.
const ERROR_SHARE: f64 = 0.05;
/// How often its usual latency its p95 may be.
const SLOWNESS: u32 = 3;
/// Below this many calls a share says nothing.
const FEW_CALLS: u32 = 8;

/// What the latest probes came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probes {
    /// When one was last answered.
    pub answered: Option<Now>,
    /// How many have failed since.
    pub failed_in_a_row: u32,
    /// When the first of those failed.
    pub failing_since: Option<Now>,
    /// What the latest failure was, and whose network it belongs to.
    pub last_error: Option<(Now, String, Origin)>,
    /// Whether our credentials are refused, and why.
    pub refused: Option<String>,
}

impl Probes {
    /// Counts a probe that was answered.
    pub fn succeeded(&mut self, now: Now) {
        *self = Self {
            answered: Some(now),
            last_error: self.last_error.take(),
            ..Self::default()
        };
    }

    /// Counts a probe that was answered by a wait: it is an answer, however little it lets us do.
    pub fn throttled(&mut self, now: Now) {
        self.succeeded(now);
    }

    /// Counts a probe that was not.
    pub fn failed(&mut self, cause: String, origin: Origin, now: Now) {
        self.failed_in_a_row = self.failed_in_a_row.saturating_add(1);
        self.failing_since.get_or_insert(now);
        self.last_error = Some((now, cause, origin));
    }

    /// Whether the instance counts as unreachable.
    fn is_down(&self) -> bool {
        self.failed_in_a_row >= 2
    }

    fn is_local(&self) -> bool {
        self.last_error
            .as_ref()
            .is_some_and(|(_, _, origin)| *origin == Origin::Local)
    }
}

/// What health is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The latest probes.
    pub probes: &'a Probes,
    /// The breakers, by class.
    pub breakers: &'a [BreakerStatus],
    /// Whether a wait is in force.
    pub is_throttled: bool,
    /// The last five minutes of calls.
    pub calls: &'a Summary,
    /// When the last outage ended.
    pub recovered: Option<Now>,
    /// Whether it was down at the last look: then it is until its breaker closes.
    pub was_down: bool,
}

impl Evidence<'_> {
    fn is_open(&self, class: Class) -> bool {
        self.breakers
            .iter()
            .any(|status| status.class == class && !status.is_closed())
    }

    /// A half-open breaker says nothing by itself: a person may just have released it.
    fn is_unreadable(&self) -> bool {
        let read = self
            .breakers
            .iter()
            .find(|status| status.class == Class::Read);
        match read.map(|status| &status.phase) {
            Some(Phase::Open { .. }) => true,
            Some(Phase::HalfOpen { .. }) => self.was_down || self.probes.failed_in_a_row > 0,
            Some(Phase::Closed | Phase::ForcedOpen(_)) | None => false,
        }
    }

    fn forced(&self) -> Option<&Forced> {
        self.breakers.iter().find_map(|status| match &status.phase {
            Phase::ForcedOpen(forced) => Some(forced),
            Phase::Closed | Phase::Open { .. } | Phase::HalfOpen { .. } => None,
        })
    }
}

/// Judges one instance. `all_are_cut_off` is what [`cut_off`] says of all of them together.
///
/// `None` while an operator keeps it stopped without having planned to: the last word then stands, dim, with its age.
pub fn judge(evidence: &Evidence<'_>, all_are_cut_off: bool, now: Now) -> Option<Health> {
    if let Some(forced) = evidence.forced() {
        return forced.planned().map(|_| Health::Maintenance);
    }
    let calls = evidence.calls;
    let health = if all_are_cut_off {
        Health::CutOff
    } else if evidence.probes.refused.is_some() {
        Health::Refused
    } else if evidence.probes.is_down() || evidence.is_unreadable() {
        Health::Down
    } else if evidence.is_throttled {
        Health::Throttled
    } else if evidence.probes.answered.is_none() {
        Health::Unknown
    } else if calls.is_erring()
        || calls.is_slow()
        || evidence.is_open(Class::Write)
        || is_recovering(evidence, now)
    {
        Health::Degraded
    } else {
        Health::Healthy
    };
    Some(health)
}

fn is_recovering(evidence: &Evidence<'_>, now: Now) -> bool {
    evidence
        .recovered
        .is_some_and(|at| now.since(at) < RECOVERING)
}

/// Whether it is our own network: no instance answers, and every error is local.
pub fn cut_off<'a>(probes: impl IntoIterator<Item = &'a Probes>) -> bool {
    let mut any = false;
    let all = probes.into_iter().all(|probes| {
        any = true;
        probes.is_down() && probes.is_local()
    });
    any && all
}

/// One call, as the statistics see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How long it took.
    pub took: Duration,
    /// Whose failure it was, if it failed for the instance's or the network's sake.
    pub failed: Option<Origin>,
    /// Whether it was only a probe.
    pub is_probe: bool,
}

/// The last five minutes of calls, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The median of answered calls.
    pub p50: Option<Duration>,
    /// The 95th percentile of answered calls.
    pub p95: Option<Duration>,
    /// When the newest of them was answered.
    pub answered: Option<DateTime<Utc>>,
    /// All calls.
    pub calls: u32,
    /// Those that failed at the instance.
    pub remote_errors: u32,
    /// Those that failed on our side.
    pub local_errors: u32,
    /// Whether there was nothing but probes.
    pub probes_only: bool,
    /// The median of a day's medians.
    pub usual: Option<Duration>,
}

impl Summary {
    /// Calls that failed.
    pub fn errors(&self) -> u32 {
        self.remote_errors + self.local_errors
    }

    fn is_erring(&self) -> bool {
        self.calls >= FEW_CALLS && f64::from(self.errors()) > ERROR_SHARE * f64::from(self.calls)
    }

    fn is_slow(&self) -> bool {
        // Loopback answers within a millisecond; three times nothing is still nothing.
        let floor = Duration::from_millis(100);
        match (self.p95, self.usual) {
            (Some(p95), Some(usual)) => {
                self.calls >= FEW_CALLS && p95 > floor.max(usual * SLOWNESS)
            }
            _ => false,
        }
    }
}

/// One cell of a sparkline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cell {
    /// Nothing was called.
    Idle,
    /// The median of the answers.
    Answered(Duration),
    /// No call was answered well.
    NoAnswer,
}

/// One minute of calls, as it is kept for days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// The median of the answers.
    pub latency: Option<Duration>,
    /// All calls.
    pub calls: u32,
    /// Those that failed.
    pub errors: u32,
}

const SLICE: Duration = Duration::from_secs(5);
const SLICES: usize = 60;
/// How many of them are a minute.
const MINUTE: u64 = 12;
/// How much time one cell of a sparkline stands for.
pub const CELL: Duration = Duration::from_secs(90);
/// How many cells are kept: a day.
const CELLS: usize = 960;
/// From this many cells on, half an hour, there is such a thing as the usual latency.
const ENOUGH_CELLS: usize = 20;
/// Answers kept per slice; more are counted, but not timed.
const TIMED: usize = 256;

#[derive(Clone, Debug, Default)]
struct Slice {
    number: u64,
    took: Vec<Duration>,
    calls: u32,
    probes: u32,
    remote: u32,
    local: u32,
}

/// The calls of one instance: five minutes in detail, a day in cells.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    slices: VecDeque<Slice>,
    cells: VecDeque<(u64, Vec<Duration>, bool)>,
    answered: Option<DateTime<Utc>>,
}

impl Calls {
    /// Takes one call in.
    pub fn record(&mut self, sample: Sample, now: Now) {
        let number = number(now, SLICE);
        if self
            .slices
            .back()
            .is_none_or(|slice| slice.number != number)
        {
            if self.slices.len() == SLICES {
                self.slices.pop_front();
            }
            self.slices.push_back(Slice {
                number,
                ..Slice::default()
            });
        }
        if let Some(slice) = self.slices.back_mut() {
            slice.calls += 1;
            slice.probes += u32::from(sample.is_probe);
            match sample.failed {
                None if slice.took.len() < TIMED => slice.took.push(sample.took),
                None => {}
                Some(Origin::Local) => slice.local += 1,
                Some(Origin::Remote) => slice.remote += 1,
            }
        }
        if sample.failed.is_none() {
            self.answered = Some(now.wall);
        }
        self.record_cell(sample, now);
    }

    fn record_cell(&mut self, sample: Sample, now: Now) {
        let number = number(now, CELL);
        if self.cells.back().is_none_or(|(at, _, _)| *at != number) {
            if self.cells.len() == CELLS {
                self.cells.pop_front();
            }
            self.cells.push_back((number, Vec::new(), false));
        }
        if let Some((_, took, bad)) = self.cells.back_mut() {
            match sample.failed {
                None if took.len() < TIMED => took.push(sample.took),
                None => {}
                Some(_) => *bad = true,
            }
        }
    }

    /// The last minute, to be kept.
    pub fn minute(&self, now: Now) -> Minute {
        let oldest = (number(now, SLICE) + 1).saturating_sub(MINUTE);
        let recent = || self.slices.iter().filter(|slice| slice.number >= oldest);
        let took = recent().flat_map(|slice| slice.took.iter().copied());
        Minute {
            latency: median(&took.collect::<Vec<_>>()),
            calls: recent().map(|slice| slice.calls).sum(),
            errors: recent().map(|slice| slice.remote + slice.local).sum(),
        }
    }

    /// Takes in what an earlier process kept, oldest first; what was seen since stands behind it.
    pub fn restore(&mut self, minutes: impl IntoIterator<Item = (Now, Minute)>) {
        let mut cells: VecDeque<(u64, Vec<Duration>, bool)> = VecDeque::new();
        let first = self.cells.front().map_or(u64::MAX, |(first, _, _)| *first);
        for (at, minute) in minutes {
            let number = number(at, CELL);
            if number >= first {
                break;
            }
            if cells.back().is_none_or(|(last, _, _)| *last != number) {
                cells.push_back((number, Vec::new(), false));
            }
            if let Some((_, took, bad)) = cells.back_mut() {
                took.extend(minute.latency);
                *bad |= minute.errors > 0;
            }
        }
        cells.append(&mut self.cells);
        cells.drain(..cells.len().saturating_sub(CELLS));
        self.cells = cells;
    }

    /// The last five minutes.
    pub fn summary(&self, now: Now) -> Summary {
        let oldest = (number(now, SLICE) + 1).saturating_sub(SLICES as u64);
        let recent = || {
            self.slices
                .iter()
                .filter(move |slice| slice.number >= oldest)
        };
        let mut took: Vec<Duration> = recent()
            .flat_map(|slice| slice.took.iter().copied())
            .collect();
        took.sort_unstable();
        let sum = |of: fn(&Slice) -> u32| recent().map(of).sum::<u32>();
        let calls = sum(|slice| slice.calls);
        Summary {
            p50: percentile(&took, 50),
            p95: percentile(&took, 95),
            answered: self.answered,
            calls,
            remote_errors: sum(|slice| slice.remote),
            local_errors: sum(|slice| slice.local),
            probes_only: calls > 0 && calls == sum(|slice| slice.probes),
            usual: self.usual(),
        }
    }

    fn usual(&self) -> Option<Duration> {
        // A day's median from a few minutes would call every busy moment slow.
        if self.cells.len() < ENOUGH_CELLS {
            return None;
        }
        let mut medians: Vec<Duration> = self
            .cells
            .iter()
            .filter_map(|(_, took, _)| median(took))
            .collect();
        medians.sort_unstable();
        percentile(&medians, 50)
    }

    /// The last `count` cells of 90 seconds, oldest first.
    pub fn cells(&self, count: usize, now: Now) -> Vec<Cell> {
        let newest = number(now, CELL);
        let oldest = (newest + 1).saturating_sub(count as u64);
        let missing = count.saturating_sub(usize::try_from(newest + 1 - oldest).unwrap_or(count));
        let cell = |at: u64| match self.cells.iter().rev().find(|(number, _, _)| *number == at) {
            Some((_, took, _)) if !took.is_empty() => {
                median(took).map_or(Cell::Idle, Cell::Answered)
            }
            Some((_, _, true)) => Cell::NoAnswer,
            _ => Cell::Idle,
        };
        std::iter::repeat_n(Cell::Idle, missing)
            .chain((oldest..=newest).map(cell))
            .collect()
    }
}

fn number(now: Now, length: Duration) -> u64 {
    u64::try_from(now.mono.as_millis() / length.as_millis().max(1)).unwrap_or(u64::MAX - 1)
}

fn median(took: &[Duration]) -> Option<Duration> {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    percentile(&sorted, 50)
}

/// The percentile of sorted values, by the nearest rank.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests;
