//! The ensure hook as others see it: by which ids it is registered, whether it answers, whether the target calls it, and
//! how many of its calls went by unensured.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::row::RowId;
use super::time::Now;

/// Names of registrations become ids in this namespace, and in no other.
const NAMESPACE: Uuid = Uuid::from_u128(0x7461_6e64_656d_4af0_9c1b_686f_6f6b_0001);
/// How far back calls are counted.
pub const WINDOW: Duration = Duration::from_secs(300);
/// Fewer calls than these are no share of anything.
const LEAST: u64 = 3;
/// Over one call in so many that went by unensured, the hook fails (as a repair does: 5 %).
const ONE_IN: u64 = 20;
/// The figure of the hook's that its calls are counted by.
const CALLS: &str = "tandem_hook_calls_total{outcome=\"";
/// The figure that tells one hook behind a balancer from another.
pub const STARTED: &str = "tandem_hook_start_time_milliseconds";
/// When the hook was called last, in milliseconds since 1970; 0 while it never was.
pub const LAST_CALL: &str = "tandem_hook_last_call_time_milliseconds";
/// How many of its calls took no longer than a bound in seconds.
const TOOK: &str = "tandem_hook_latency_seconds_bucket{le=\"";
/// What a call may come to that leaves what it refers to unensured.
const UNENSURED: [&str; 10] = [
    "not_ensured",
    "late",
    "bug",
    "not_ready",
    "wrong_stage",
    "unreadable",
    "too_large",
    "cut_short",
    "size_exceeded",
    "unauthorized",
];

/// What the service endpoint of a link's hook is called.
pub fn endpoint_name(link: &str) -> String {
    format!("tandem hook {link}")
}

/// The id of what is registered under a name: the same each time, so that registering twice registers once.
pub fn id_of(name: &str) -> Option<RowId> {
    RowId::new(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// What the hook said when it was asked how it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It has not been asked yet.
    #[default]
    NotAsked,
    /// It works.
    Well,
    /// It answers, and lets everything pass; why.
    NotReady(String),
    /// It does not answer; why.
    Silent(String),
}

/// Whether the target calls the hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Called {
    /// Nobody has looked yet.
    #[default]
    NotAsked,
    /// A step that is on calls it, and waits for its answer.
    Yes,
    /// No step does: none is registered, or they are disabled.
    No,
    /// The target could not be asked.
    NotKnown,
}

/// The calls of one hook, from its start on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// When that hook started, as it says itself: there may be several behind one address.
    started: String,
    all: u64,
    unensured: u64,
    /// When it was called last, in milliseconds since 1970.
    #[serde(default)]
    last: i64,
    /// How many calls took no longer than so many milliseconds, the shortest first.
    #[serde(default)]
    took: Vec<(u32, u64)>,
}

impl Calls {
    /// Reads them from the hook's figures; lines that say something else are skipped.
    pub fn read(figures: &str) -> Self {
        let mut calls = Self::default();
        for line in figures.lines() {
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            if name == STARTED {
                value.clone_into(&mut calls.started);
            }
            if name == LAST_CALL {
                calls.last = value.parse().unwrap_or_default();
            }
            if let (Some(bound), Ok(count)) = (bound(name), value.parse()) {
                calls.took.push((bound, count));
            }
            let outcome = name.strip_prefix(CALLS);
            let outcome = outcome.and_then(|rest| rest.strip_suffix("\"}"));
            let (Some(outcome), Ok(count)) = (outcome, value.parse::<u64>()) else {
                continue;
            };
            calls.all = calls.all.saturating_add(count);
            if UNENSURED.contains(&outcome) {
                calls.unensured = calls.unensured.saturating_add(count);
            }
        }
        calls
    }
}

/// The bound of a bucket in milliseconds; the last has none, which is the most there is.
fn bound(name: &str) -> Option<u32> {
    let seconds = name.strip_prefix(TOOK)?.strip_suffix("\"}")?;
    if seconds == "+Inf" {
        return Some(u32::MAX);
    }
    let millis = seconds.parse::<f64>().ok()? * 1000.0;
    let is_sound = (0.0..=f64::from(u32::MAX)).contains(&millis);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is within the bounds of the type"
    )]
    is_sound.then(|| millis.round() as u32)
}

/// How many calls there were lately, and how many of them went by unensured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// All of them.
    pub calls: u64,
    /// Those whose references were not all ensured.
    pub unensured: u64,
}

impl Share {
    /// Whether that is too many.
    pub fn is_failing(self) -> bool {
        self.unensured >= LEAST && self.unensured.saturating_mul(ONE_IN) > self.calls
    }
}

/// How the hook is, as one process sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookHealth {
    answer: Answer,
    since: Option<Now>,
    called: Called,
    seen: VecDeque<(Now, Calls)>,
    /// When a call of it was last heard of, whichever hook behind the address took it.
    #[serde(default)]
    last_call: Option<DateTime<Utc>>,
}

impl HookHealth {
    /// Takes in what it said; true where that is another answer than before.
    pub fn answered(&mut self, answer: Answer, calls: Option<Calls>, at: Now) -> bool {
        let is_same = std::mem::discriminant(&self.answer) == std::mem::discriminant(&answer);
        self.answer = answer;
        if !is_same {
            self.since = Some(at);
        }
        let last = calls.as_ref().filter(|calls| calls.last > 0);
        let last = last.and_then(|calls| DateTime::from_timestamp_millis(calls.last));
        self.last_call = self.last_call.max(last);
        self.seen.extend(calls.map(|calls| (at, calls)));
        while self
            .seen
            .front()
            .is_some_and(|(seen, _)| at.since(*seen) > WINDOW)
        {
            self.seen.pop_front();
        }
        !is_same
    }

    /// Takes in whether the target calls it.
    pub fn set_called(&mut self, called: Called) {
        self.called = called;
    }

    /// What it said last.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Since when it has said so.
    pub fn since(&self) -> Option<Now> {
        self.since
    }

    /// Whether the target calls it.
    pub fn called(&self) -> Called {
        self.called
    }

    /// When it was called last, as far as it has said.
    pub fn last_call(&self) -> Option<DateTime<Utc>> {
        self.last_call
    }

    /// The time that 95 of 100 of the calls of the last five minutes kept within, at most: the bound of the bucket that
    /// the hook counts them in.
    pub fn p95(&self) -> Option<Duration> {
        let mut sums: BTreeMap<u32, u64> = BTreeMap::new();
        let mut before: Vec<&Calls> = Vec::new();
        for (_, calls) in &self.seen {
            match before.iter_mut().find(|one| one.started == calls.started) {
                Some(last) => {
                    for ((bound, count), (_, old)) in calls.took.iter().zip(&last.took) {
                        *sums.entry(*bound).or_default() += count.saturating_sub(*old);
                    }
                    *last = calls;
                }
                None => before.push(calls),
            }
        }
        let all = *sums.values().last()?;
        let (bound, _) = sums
            .iter()
            .find(|(_, count)| all > 0 && count.saturating_mul(100) >= all.saturating_mul(95))?;
        (*bound < u32::MAX).then(|| Duration::from_millis(u64::from(*bound)))
    }

    /// Why it does not answer while the target calls it, or may: every row that it would look after is refused then.
    pub fn silence(&self) -> Option<&str> {
        match &self.answer {
            Answer::Silent(why) if self.is_missed() => Some(why),
            _ => None,
        }
    }

    fn is_missed(&self) -> bool {
        match self.called {
            Called::Yes | Called::NotKnown => true,
            Called::No | Called::NotAsked => false,
        }
    }

    /// As little of it as says the same: of each hook behind the address its first figures and its last.
    #[must_use]
    pub fn brief(&self) -> Self {
        let mut seen: VecDeque<(Now, Calls)> = VecDeque::new();
        for (at, calls) in &self.seen {
            let is_same = |(_, one): &&(Now, Calls)| one.started == calls.started;
            if seen.iter().filter(is_same).count() > 1
                && let Some(last) = seen.iter().rposition(|one| is_same(&one))
            {
                seen.remove(last);
            }
            seen.push_back((*at, calls.clone()));
        }
        Self {
            seen,
            ..self.clone()
        }
    }

    /// Changes every moment in it: those of another process's clocks are told by ours.
    pub fn each_moment(&mut self, change: impl Fn(&mut Now)) {
        self.since.iter_mut().for_each(&change);
        self.seen.iter_mut().for_each(|(at, _)| change(at));
    }

    /// Its calls of the last five minutes, of all hooks behind the address that were met.
    pub fn lately(&self) -> Share {
        let mut share = Share::default();
        let mut before: Vec<&Calls> = Vec::new();
        for (_, calls) in &self.seen {
            let same = before.iter_mut().find(|one| one.started == calls.started);
            match same {
                Some(last) => {
                    share.calls += calls.all.saturating_sub(last.all);
                    share.unensured += calls.unensured.saturating_sub(last.unensured);
                    *last = calls;
                }
                None => before.push(calls),
            }
        }
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        let start = Now {
            mono: Duration::ZERO,
            wall: DateTime::UNIX_EPOCH,
        };
        start.after(Duration::from_secs(seconds))
    }

    fn figures(started: u64, ensured: u64, not: u64) -> Calls {
        Calls::read(&format!(
            "# TYPE tandem_hook_calls_total counter\n{STARTED} {started}\n{CALLS}ensured\"}} {ensured}\n\
             {CALLS}not_ensured\"}} {not}\n{CALLS}late\"}} nonsense\ntandem_hook_references_total{{outcome=\"late\"}} 9\n"
        ))
    }

    #[test]
    fn calls_are_counted_for_each_hook_behind_the_address() {
        let mut hook = HookHealth::default();
        for (second, calls) in [
            (0, figures(1, 100, 7)),
            (5, figures(2, 900, 50)),
            (10, figures(1, 110, 9)),
            (15, figures(2, 920, 51)),
        ] {
            hook.answered(Answer::Well, Some(calls), at(second));
        }
        let expected = Share {
            calls: 33,
            unensured: 3,
        };
        assert_eq!(hook.lately(), expected);
        assert!(expected.is_failing());
        hook.answered(Answer::Well, Some(figures(1, 110, 9)), at(20));
        assert_eq!(hook.brief().lately(), expected, "nothing is lost in short");
        assert_eq!(hook.brief().seen.len(), 4);
        hook.answered(Answer::Well, Some(figures(1, 111, 9)), at(400));
        assert_eq!(hook.lately(), Share::default(), "what is old is forgotten");
    }

    #[test]
    fn the_last_call_and_the_bound_of_the_slowest_in_twenty_are_told() {
        let said = |last: i64, fast: u64, all: u64| {
            Calls::read(&format!(
                "{STARTED} 1\n{LAST_CALL} {last}\n{TOOK}0.25\"}} {fast}\n{TOOK}0.5\"}} {all}\n{TOOK}+Inf\"}} {all}\n"
            ))
        };
        let mut hook = HookHealth::default();
        hook.answered(Answer::Well, Some(said(0, 1000, 1000)), at(0));
        assert_eq!((hook.last_call(), hook.p95()), (None, None));
        hook.answered(Answer::Well, Some(said(7000, 1094, 1100)), at(5));
        assert_eq!(hook.last_call(), Some(at(7).wall));
        assert_eq!(hook.p95(), Some(Duration::from_millis(500)));
        hook.answered(Answer::Well, Some(said(8000, 1114, 1120)), at(10));
        assert_eq!(hook.p95(), Some(Duration::from_millis(250)), "114 of 120");
        hook.answered(Answer::Silent("gone".to_owned()), None, at(400));
        assert_eq!((hook.last_call(), hook.p95()), (Some(at(8).wall), None));
    }

    #[test]
    fn a_share_is_too_large_above_one_in_twenty_and_from_three_calls_on() {
        for (calls, unensured, fails) in
            [(2, 2, false), (60, 3, false), (59, 3, true), (0, 0, false)]
        {
            assert_eq!(
                Share { calls, unensured }.is_failing(),
                fails,
                "{unensured} of {calls}"
            );
        }
    }

    #[test]
    fn its_silence_matters_while_it_is_called_or_may_be() {
        let mut hook = HookHealth::default();
        assert_eq!(hook.silence(), None);
        let silent = || Answer::Silent("refused".to_owned());
        assert!(hook.answered(silent(), None, at(1)));
        assert!(!hook.answered(silent(), None, at(2)));
        assert_eq!((hook.silence(), hook.since()), (None, Some(at(1))));
        for (called, matters) in [
            (Called::Yes, true),
            (Called::NotKnown, true),
            (Called::No, false),
        ] {
            hook.set_called(called);
            assert_eq!(hook.silence().is_some(), matters, "{called:?}");
        }
    }
}
