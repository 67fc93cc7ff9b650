//! The transition table, row by row, and random walks against a reference model.

use super::*;
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

fn at(ms: u64) -> Now {
    Now {
        mono: Duration::ZERO,
        wall: DateTime::<Utc>::UNIX_EPOCH,
    }
    .after(Duration::from_millis(ms))
}

fn breaker(class: Class) -> CircuitBreaker {
    CircuitBreaker::new(class, BreakerPolicy::of(class), 7, at(0))
}

fn fail(breaker: &mut CircuitBreaker, now: Now) {
    if let Ok(permit) = breaker.admit(true, now) {
        breaker.settle(
            permit,
            Outcome::Failed {
                cause: "HTTP 503".into(),
                stop: None,
            },
            now,
        );
    }
}

fn succeed(breaker: &mut CircuitBreaker, now: Now) {
    if let Ok(permit) = breaker.admit(true, now) {
        breaker.settle(
            permit,
            Outcome::Succeeded {
                took: Duration::from_millis(50),
            },
            now,
        );
    }
}

fn opened(class: Class) -> CircuitBreaker {
    let mut breaker = breaker(class);
    for i in 0..5 {
        fail(&mut breaker, at(i));
    }
    assert!(matches!(breaker.phase(), Phase::Open { .. }));
    breaker
}

fn until(breaker: &CircuitBreaker) -> u64 {
    match breaker.phase() {
        Phase::Open { until } => u64::try_from(until.mono.as_millis()).unwrap_or(u64::MAX),
        other => panic!("not open: {other:?}"),
    }
}

#[test]
fn t3_five_failures_in_a_row_open_and_a_success_between_starts_over() {
    let mut breaker = breaker(Class::Read);
    for i in 0..4 {
        fail(&mut breaker, at(i));
    }
    succeed(&mut breaker, at(5));
    assert_eq!(breaker.phase(), &Phase::Closed);
    let breaker = opened(Class::Read);
    assert!(
        (4000..=6010).contains(&until(&breaker)),
        "5 s, a fifth more or less"
    );
    assert_eq!(
        breaker.status(at(10)).cause.as_deref(),
        Some("5 failures in a row: HTTP 503")
    );
}

#[test]
fn t3_half_of_eight_calls_failing_opens_without_a_run() {
    let mut breaker = breaker(Class::Read);
    for i in 0..4 {
        succeed(&mut breaker, at(i * 10));
        fail(&mut breaker, at(i * 10 + 5));
    }
    assert!(matches!(breaker.phase(), Phase::Open { .. }));
}

#[test]
fn t2_calls_that_left_the_window_count_no_more() {
    let mut breaker = breaker(Class::Read);
    for i in 0..4 {
        fail(&mut breaker, at(i));
    }
    for i in 0..8 {
        succeed(&mut breaker, at(70_000 + i));
    }
    assert_eq!(
        breaker.status(at(70_010)).counts,
        Counts {
            ok: 8,
            failed: 0,
            slow: 0,
            ignored: 0
        }
    );
    assert_eq!(breaker.phase(), &Phase::Closed);
}

#[test]
fn t4_a_server_that_says_stop_opens_at_once_for_as_long_as_it_asks() {
    let mut breaker = breaker(Class::Write);
    let Ok(permit) = breaker.admit(false, at(0)) else {
        panic!("closed breakers admit")
    };
    breaker.settle(
        permit,
        Outcome::Failed {
            cause: "HTTP 503".into(),
            stop: Some(Duration::from_secs(90)),
        },
        at(0),
    );
    assert_eq!(until(&breaker), 90_000);
}

#[test]
fn t5_an_open_breaker_rejects_and_says_for_how_long() {
    let mut breaker = opened(Class::Read);
    let end = until(&breaker);
    let rejected = breaker.admit(true, at(100)).err();
    assert_eq!(
        rejected.and_then(|r| r.retry_after),
        Some(Duration::from_millis(end - 100))
    );
    assert_eq!(breaker.status(at(100)).not_sent, 1);
}

#[test]
fn t6_t11_t12_two_probes_close_it_one_at_a_time_and_the_ramp_follows() {
    let mut breaker = opened(Class::Read);
    let t = until(&breaker);
    assert!(
        breaker.admit(false, at(t)).is_err(),
        "ordinary reads wait for the ping"
    );
    let Ok(first) = breaker.admit(true, at(t)) else {
        panic!("half-open admits a ping")
    };
    assert!(first.is_probe());
    assert!(
        breaker.admit(true, at(t)).is_err(),
        "T10: one probe at a time"
    );
    breaker.settle(
        first,
        Outcome::Succeeded {
            took: Duration::ZERO,
        },
        at(t + 1),
    );
    assert!(matches!(breaker.phase(), Phase::HalfOpen { successes: 1 }));
    succeed(&mut breaker, at(t + 2));
    assert_eq!(breaker.phase(), &Phase::Closed);
    let ramp = |s: u64| breaker.ramp(at(t + 2 + s * 1000));
    assert_eq!(
        [ramp(0), ramp(11), ramp(21), ramp(31)],
        [Some(1), Some(2), Some(4), None]
    );
}

#[test]
fn t7_t8_t9_late_results_only_ever_raise_the_end() {
    let mut breaker = breaker(Class::Read);
    let late: Vec<Permit> = (0..4)
        .filter_map(|_| breaker.admit(false, at(0)).ok())
        .collect();
    for i in 0..5 {
        fail(&mut breaker, at(i));
    }
    let end = until(&breaker);
    let outcomes = [
        (
            Outcome::Succeeded {
                took: Duration::ZERO,
            },
            end,
        ),
        (
            Outcome::Failed {
                cause: String::new(),
                stop: None,
            },
            end,
        ),
        (
            Outcome::Throttled {
                wait: Duration::from_secs(1),
            },
            end,
        ),
        (
            Outcome::Throttled {
                wait: Duration::from_secs(120),
            },
            120_010,
        ),
    ];
    for (permit, (outcome, expected)) in late.into_iter().zip(outcomes) {
        breaker.settle(permit, outcome, at(10));
        assert_eq!(until(&breaker), expected);
    }
}

#[test]
fn t13_a_failed_probe_reopens_for_twice_as_long() {
    let mut breaker = opened(Class::Read);
    let t = until(&breaker);
    fail(&mut breaker, at(t));
    let wait = until(&breaker) - t;
    assert!(
        (8000..=12_010).contains(&wait),
        "10 s, a fifth more or less: {wait}"
    );
}

#[test]
fn t14_a_probe_that_never_answers_loses_its_lease() {
    let mut breaker = opened(Class::Read);
    let t = until(&breaker);
    let probe = breaker.admit(true, at(t));
    breaker.tick(at(t + 36_000));
    assert!(matches!(breaker.phase(), Phase::Open { .. }));
    assert!(probe.is_ok());
}

#[test]
fn t16_t31_a_cancelled_or_ignored_probe_gives_its_slot_back() {
    for outcome in [Outcome::Cancelled, Outcome::Ignored] {
        let mut breaker = opened(Class::Write);
        let t = until(&breaker);
        let Ok(probe) = breaker.admit(false, at(t)) else {
            panic!("the next write probes")
        };
        breaker.settle(probe, outcome, at(t));
        assert!(matches!(breaker.phase(), Phase::HalfOpen { successes: 0 }));
        assert!(breaker.admit(false, at(t)).is_ok());
    }
}

#[test]
fn t17_to_t20_t27_only_a_person_or_the_expiry_ends_a_forced_state() {
    let order = |until| Forced {
        by: "anna".into(),
        reason: "INC-1".into(),
        until,
    };
    let mut breaker = breaker(Class::Read);
    breaker.force_open(order(None), at(0));
    breaker.tick(at(3_600_000));
    assert!(matches!(breaker.phase(), Phase::ForcedOpen(_)));
    assert_eq!(breaker.probe_now(at(3_600_000)), Err(Illegal::ReleaseFirst));
    assert_eq!(
        breaker.admit(true, at(3_600_000)).err().map(|r| r.forced),
        Some(true)
    );
    assert_eq!(breaker.release("jo", at(3_600_001)), Ok(()));
    assert!(matches!(breaker.phase(), Phase::HalfOpen { .. }));
    assert_eq!(
        breaker.release("jo", at(3_600_002)),
        Err(Illegal::NotForced)
    );
    breaker.force_open(order(Some(at(3_700_000).wall)), at(3_600_003));
    breaker.tick(at(3_700_000));
    assert!(
        matches!(breaker.phase(), Phase::HalfOpen { .. }),
        "never straight to closed"
    );
}

#[test]
fn t23_probe_now_is_limited_to_one_in_ten_seconds() {
    let mut breaker = opened(Class::Read);
    assert_eq!(breaker.probe_now(at(100)), Ok(()));
    assert_eq!(breaker.probe_now(at(200)), Err(Illegal::TooSoon));
    let mut closed = super::tests::breaker(Class::Read);
    assert_eq!(closed.probe_now(at(0)), Err(Illegal::NotOpen));
}

#[test]
fn t25_a_forced_state_survives_a_restart_unless_it_ran_out() {
    let order = |until| Forced {
        by: "anna".into(),
        reason: "INC-1".into(),
        until,
    };
    let mut kept = breaker(Class::Read);
    kept.restore(order(None), at(0));
    assert!(matches!(kept.phase(), Phase::ForcedOpen(_)));
    let mut over = breaker(Class::Read);
    over.restore(order(Some(at(0).wall)), at(1));
    assert_eq!(over.phase(), &Phase::Closed);
}

#[test]
fn t26_fault_f29_after_a_sleep_an_open_breaker_probes_but_never_closes_by_itself() {
    let mut breaker = opened(Class::Read);
    let awake = Now {
        mono: Duration::from_millis(200),
        wall: at(8 * 3_600_000).wall,
    };
    breaker.tick(awake);
    assert!(matches!(breaker.phase(), Phase::HalfOpen { .. }));
}

/// The reference: what the table says, without windows, jitter or waits that need arithmetic.
#[derive(Clone, Debug)]
struct Model {
    now: u64,
    state: Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Closed,
    HalfOpen,
    Forced,
}

#[derive(Clone, Debug)]
enum Event {
    Wait(u64),
    Ask,
    Answer(u8),
    Force,
    Release,
    ProbeNow,
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Event;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self {
            now: 0,
            state: Word::Closed,
        })
        .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Event> {
        prop_oneof![
            3 => (1u64..90_000).prop_map(Event::Wait),
            6 => Just(Event::Ask),
            6 => (0u8..5).prop_map(Event::Answer),
            1 => Just(Event::Force),
            1 => Just(Event::Release),
            1 => Just(Event::ProbeNow),
        ]
        .boxed()
    }

    fn apply(mut state: Self, event: &Event) -> Self {
        if let Event::Wait(ms) = event {
            state.now += ms;
        }
        match event {
            Event::Force => state.state = Word::Forced,
            Event::Release if state.state == Word::Forced => state.state = Word::HalfOpen,
            _ => {}
        }
        state
    }
}

struct Walk {
    breaker: CircuitBreaker,
    permits: Vec<Permit>,
    probe_generation: Option<u64>,
    now: u64,
    until: Option<(u64, Now)>,
    forced: bool,
}

impl StateMachineTest for Walk {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let breaker = breaker(Class::Write);
        Self {
            breaker,
            permits: vec![],
            probe_generation: None,
            now: 0,
            until: None,
            forced: false,
        }
    }

    fn apply(mut walk: Self, reference: &Model, event: Event) -> Self {
        let before = walk.breaker.phase().clone();
        walk.now = reference.now;
        let now = at(walk.now);
        match event {
            Event::Wait(_) => walk.breaker.tick(now),
            Event::Ask => walk.ask(now),
            Event::Answer(kind) => walk.answer(kind, now),
            Event::Force => {
                let order = Forced {
                    by: "anna".into(),
                    reason: "test".into(),
                    until: None,
                };
                walk.breaker.force_open(order, now);
                walk.forced = true;
            }
            Event::Release => {
                assert_eq!(walk.breaker.release("jo", now).is_ok(), walk.forced);
                walk.forced = false;
            }
            Event::ProbeNow => {
                let legal = walk.breaker.probe_now(now).is_ok();
                assert!(!(legal && walk.forced), "probing never ends a forced state");
            }
        }
        let jumped_to_closed = matches!(before, Phase::Open { .. } | Phase::ForcedOpen(_))
            && walk.breaker.phase() == &Phase::Closed;
        assert!(
            !jumped_to_closed,
            "closed is only ever reached through half-open"
        );
        walk
    }

    fn check_invariants(walk: &Self, reference: &Model) {
        assert_eq!(
            matches!(walk.breaker.phase(), Phase::ForcedOpen(_)),
            reference.state == Word::Forced
        );
        if let (Some((generation, earlier)), Phase::Open { until }) =
            (walk.until, walk.breaker.phase())
        {
            assert!(
                generation != walk.breaker.generation || until.mono >= earlier.mono,
                "the end never moves down"
            );
        }
    }
}

impl Walk {
    fn ask(&mut self, now: Now) {
        self.breaker.tick(now);
        let phase = self.breaker.phase().clone();
        let admitted = self.breaker.admit(false, now);
        match (&phase, &admitted) {
            (Phase::Open { .. } | Phase::ForcedOpen(_), Ok(_)) => {
                panic!("a call passed while {phase:?}")
            }
            (Phase::Closed, Err(_)) => panic!("a closed breaker rejected"),
            (Phase::HalfOpen { .. }, Ok(permit)) => {
                assert!(permit.is_probe());
                assert_ne!(
                    self.probe_generation,
                    Some(permit.generation),
                    "two probes at once"
                );
                self.probe_generation = Some(permit.generation);
            }
            _ => {}
        }
        self.permits.extend(admitted);
    }

    fn answer(&mut self, kind: u8, now: Now) {
        if self.permits.is_empty() {
            return;
        }
        let permit = self.permits.remove(0);
        if permit.is_probe() && self.probe_generation == Some(permit.generation) {
            self.probe_generation = None;
        }
        if let Phase::Open { until } = self.breaker.phase() {
            self.until = Some((self.breaker.generation, *until));
        }
        let old = permit.generation != self.breaker.generation;
        let (phase, generation) = (self.breaker.phase().clone(), self.breaker.generation);
        let outcome = match kind {
            0 => Outcome::Succeeded {
                took: Duration::from_millis(20),
            },
            1 => Outcome::Failed {
                cause: "HTTP 500".into(),
                stop: None,
            },
            2 => Outcome::Failed {
                cause: "HTTP 503".into(),
                stop: Some(Duration::from_secs(10)),
            },
            3 => Outcome::Throttled {
                wait: Duration::from_secs(3),
            },
            _ => Outcome::Ignored,
        };
        let ticked = {
            let mut ticked = self.breaker.clone();
            ticked.tick(now);
            ticked.phase().clone()
        };
        self.breaker.settle(permit, outcome, now);
        if old && ticked == phase && !matches!(phase, Phase::Open { .. }) {
            assert_eq!(
                (self.breaker.phase(), self.breaker.generation),
                (&phase, generation),
                "an old result changed the state"
            );
        }
    }
}

proptest_state_machine::prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_walks_never_break_the_rules(sequential 1..80 => Walk);
}
