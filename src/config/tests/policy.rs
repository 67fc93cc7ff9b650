//! Timing: for all instances, by class, and for one.

use std::time::Duration;

use super::{assert_told, read, with};
use crate::config::Policy;

#[test]
fn policies_may_be_in_milliseconds_and_by_class() {
    let config = read(&with(
        "[policy]\nprobe='20ms'\ndeadline='900ms'\n[policy.breaker]\nwindow='600ms'\nfailure_run=2\n[policy.write_breaker]\nfailure_run=3\n[policy.retry]\nbase='1ms'",
    ))
    .unwrap();
    let policy = config.policy;
    assert_eq!(policy.probe, Duration::from_millis(20));
    assert_eq!(policy.read_timeout, Policy::default().read_timeout);
    assert_eq!(policy.read_breaker.failure_run, 2);
    assert_eq!(policy.write_breaker.failure_run, 3);
    assert_eq!(policy.auth_breaker.window, Duration::from_millis(600));
    assert_eq!(
        policy.write_breaker.slow_call,
        Policy::default().write_breaker.slow_call
    );
    assert_eq!(policy.retry.base, Duration::from_millis(1));
}

#[test]
fn an_instance_may_have_timing_of_its_own_over_the_common_one() {
    let own = "[instances.asia]\nurl='http://127.0.0.1:7003'\ncredential={kind='token',token={env='T'}}\n\
               policy={read_timeout='90s',breaker={failure_run=9}}\n[policy]\nread_timeout='20s'\nprobe='2s'\n\
               [policy.write_breaker]\nfailure_run=3\n";
    let config = read(&with(own)).unwrap();
    let policies = config.instances.iter();
    let policies: Vec<&Policy> = policies.map(|one| config.policy_of(one)).collect();
    let [us, _, asia] = policies[..] else {
        panic!("{policies:?}")
    };
    assert_eq!(us, &config.policy);
    assert_eq!(asia.read_timeout, Duration::from_secs(90));
    assert_eq!(asia.probe, Duration::from_secs(2), "the common one");
    assert_eq!(asia.read_breaker.failure_run, 9);
    assert_eq!(asia.write_breaker.failure_run, 9, "of all classes, there");
    assert_eq!(us.read_timeout, Duration::from_secs(20));
    assert_eq!(us.write_breaker.failure_run, 3);
}

#[test]
fn a_fault_of_an_instances_timing_is_told_with_its_line() {
    let told = |policy: &str, said| {
        let text = with(&format!("policy={{{policy}}}\n"));
        assert_told(&[(&text, 8, said)]);
    };
    told("compare='5m'", "links, which have two instances");
    told("full_compare='1d'", "links, which have two instances");
    told("probe='0s'", "more than nothing");
    told("prob='1s'", "is `probe` meant?");
    told("breaker={jitter=2.0}", "between 0 and 1");
}
