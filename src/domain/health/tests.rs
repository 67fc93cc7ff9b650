//! Health from what was seen, case by case.

use super::*;
use crate::domain::breaker::{BreakerPolicy, CircuitBreaker};

fn at(seconds: u64) -> Now {
    Now {
        mono: Duration::ZERO,
        wall: DateTime::<Utc>::UNIX_EPOCH,
    }
    .after(Duration::from_secs(seconds))
}

fn answered() -> Probes {
    let mut probes = Probes::default();
    probes.succeeded(at(0));
    probes
}

fn down(origin: Origin) -> Probes {
    let mut probes = answered();
    probes.failed("HTTP 503".into(), origin, at(5));
    probes.failed("HTTP 503".into(), origin, at(10));
    probes
}

fn judged(
    probes: &Probes,
    is_throttled: bool,
    calls: &Summary,
    recovered: Option<Now>,
) -> Option<Health> {
    let breakers = Class::ALL
        .map(|class| CircuitBreaker::new(class, BreakerPolicy::of(class), 1, at(0)).status(at(20)));
    let evidence = Evidence {
        probes,
        breakers: &breakers,
        is_throttled,
        calls,
        recovered,
        was_down: false,
    };
    judge(&evidence, false, at(20))
}

#[test]
fn the_first_word_that_holds_is_the_health() {
    let quiet = Summary::default();
    let erring = Summary {
        calls: 100,
        remote_errors: 6,
        ..Summary::default()
    };
    let mut refused = answered();
    refused.refused = Some("secret expired".into());
    let mut once = answered();
    once.failed("HTTP 503".into(), Origin::Remote, at(5));
    for (case, probes, throttled, calls, recovered, health) in [
        (
            "before the first answer",
            Probes::default(),
            false,
            &quiet,
            None,
            Health::Unknown,
        ),
        ("answered", answered(), false, &quiet, None, Health::Healthy),
        (
            "one lost probe is no outage",
            once,
            false,
            &quiet,
            None,
            Health::Healthy,
        ),
        (
            "two lost probes are",
            down(Origin::Remote),
            true,
            &quiet,
            None,
            Health::Down,
        ),
        (
            "throttled",
            answered(),
            true,
            &erring,
            None,
            Health::Throttled,
        ),
        (
            "over 5 % errors",
            answered(),
            false,
            &erring,
            None,
            Health::Degraded,
        ),
        (
            "fresh from an outage",
            answered(),
            false,
            &quiet,
            Some(at(15)),
            Health::Degraded,
        ),
        (
            "credentials first",
            refused,
            true,
            &erring,
            None,
            Health::Refused,
        ),
    ] {
        assert_eq!(
            judged(&probes, throttled, calls, recovered),
            Some(health),
            "{case}"
        );
    }
}

#[test]
fn an_outage_is_counted_from_the_first_lost_probe() {
    assert_eq!(down(Origin::Remote).failing_since, Some(at(5)));
}

#[test]
fn we_are_cut_off_only_when_all_fail_on_our_side() {
    assert!(cut_off([&down(Origin::Local), &down(Origin::Local)]));
    assert!(!cut_off([&down(Origin::Local), &down(Origin::Remote)]));
    assert!(!cut_off([&down(Origin::Local), &answered()]));
}

#[test]
fn calls_leave_the_summary_after_five_minutes() {
    let mut calls = Calls::default();
    for ms in 1..=100 {
        calls.record(
            Sample {
                took: Duration::from_millis(ms),
                failed: None,
                is_probe: false,
            },
            at(0),
        );
    }
    calls.record(
        Sample {
            took: Duration::ZERO,
            failed: Some(Origin::Remote),
            is_probe: true,
        },
        at(100),
    );
    let summary = calls.summary(at(120));
    assert_eq!(summary.p50, Some(Duration::from_millis(50)));
    assert_eq!(summary.p95, Some(Duration::from_millis(95)));
    assert_eq!(
        (summary.calls, summary.errors(), summary.probes_only),
        (101, 1, false)
    );
    let later = calls.summary(at(350));
    assert_eq!(
        (later.calls, later.errors(), later.probes_only),
        (1, 1, true)
    );
    assert_eq!(
        calls.cells(3, at(100)),
        [
            Cell::Idle,
            Cell::Answered(Duration::from_millis(50)),
            Cell::NoAnswer
        ]
    );
}

#[test]
fn what_an_earlier_process_kept_is_drawn_before_what_this_one_saw() {
    let mut earlier = Calls::default();
    let call = |took, failed| Sample {
        took: Duration::from_millis(took),
        failed,
        is_probe: true,
    };
    earlier.record(call(40, None), at(65));
    earlier.record(call(60, None), at(70));
    earlier.record(call(9, Some(Origin::Remote)), at(75));
    let minute = earlier.minute(at(89));
    assert_eq!(
        minute,
        Minute {
            latency: Some(Duration::from_millis(40)),
            calls: 3,
            errors: 1,
        }
    );
    assert_eq!(earlier.minute(at(150)), Minute::default());

    let mut later = Calls::default();
    later.record(call(80, None), at(280));
    let failed = Minute {
        errors: 2,
        ..Minute::default()
    };
    later.restore([(at(89), minute), (at(100), failed), (at(280), failed)]);
    assert_eq!(
        later.cells(4, at(290)),
        [
            Cell::Answered(Duration::from_millis(40)),
            Cell::NoAnswer,
            Cell::Idle,
            Cell::Answered(Duration::from_millis(80)),
        ]
    );
}
