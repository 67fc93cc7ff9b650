//! `[policy]`: what the file says, over the defaults of the specification.

use std::ops::Range;
use std::time::Duration;

use super::Policy;
use super::duration::Span;
use super::error::{ConfigError, Source};
use super::file;
use crate::domain::breaker::BreakerPolicy;
use crate::domain::retry::RetryPolicy;

/// `[policy]`: the defaults with what the file says put in.
pub fn resolve(
    source: Source<'_>,
    at: &Range<usize>,
    file: &file::Policy,
) -> Result<Policy, ConfigError> {
    over(Policy::default(), source, at, file)
}

/// The same under one instance, over what holds for all of them. How often tables are compared is no affair of one
/// instance: a link has two.
pub fn of_instance(
    common: &Policy,
    source: Source<'_>,
    at: &Range<usize>,
    file: &file::Policy,
) -> Result<Policy, ConfigError> {
    let of_links = [
        ("compare", file.compare),
        ("full_compare", file.full_compare),
    ];
    if let Some((name, _)) = of_links.iter().find(|(_, said)| said.is_some()) {
        let what = format!("{name} is about links, which have two instances: say it in [policy]");
        return Err(source.error(at, what));
    }
    over(*common, source, at, file)
}

fn over(
    mut policy: Policy,
    source: Source<'_>,
    at: &Range<usize>,
    file: &file::Policy,
) -> Result<Policy, ConfigError> {
    set(&mut policy.probe, file.probe);
    set(&mut policy.compare, file.compare);
    set(&mut policy.full_compare, file.full_compare);
    set(&mut policy.connect_timeout, file.connect_timeout);
    set(&mut policy.read_timeout, file.read_timeout);
    set(&mut policy.write_timeout, file.write_timeout);
    set(&mut policy.idle_timeout, file.idle_timeout);
    set(&mut policy.deadline, file.deadline);
    for (breaker, own) in [
        (&mut policy.read_breaker, &file.read_breaker),
        (&mut policy.write_breaker, &file.write_breaker),
        (&mut policy.auth_breaker, &file.auth_breaker),
    ] {
        set_breaker(breaker, &file.breaker);
        set_breaker(breaker, own);
    }
    set_retry(&mut policy.retry, &file.retry);
    match fault(&policy) {
        None => Ok(policy),
        Some(fault) => Err(source.error(at, format!("policy: {fault}"))),
    }
}

fn set(place: &mut Duration, value: Option<Span>) {
    if let Some(Span(value)) = value {
        *place = value;
    }
}

fn set_plain<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn set_breaker(breaker: &mut BreakerPolicy, file: &file::Breaker) {
    set(&mut breaker.window, file.window);
    set_plain(&mut breaker.min_calls, file.min_calls);
    set_plain(&mut breaker.failure_ratio, file.failure_ratio);
    set_plain(&mut breaker.failure_run, file.failure_run);
    set(&mut breaker.slow_call, file.slow_call);
    set_plain(&mut breaker.slow_ratio, file.slow_ratio);
    set(&mut breaker.wait_base, file.wait_base);
    set(&mut breaker.wait_cap, file.wait_cap);
    set_plain(&mut breaker.jitter, file.jitter);
    set(&mut breaker.decay, file.decay);
    set_plain(&mut breaker.successes_to_close, file.successes_to_close);
    set(&mut breaker.probe_lease, file.probe_lease);
}

fn set_retry(retry: &mut RetryPolicy, file: &file::Retry) {
    set_plain(&mut retry.attempts, file.attempts);
    set_plain(&mut retry.throttled_attempts, file.throttled_attempts);
    set(&mut retry.base, file.base);
    set(&mut retry.cap, file.cap);
}

/// What can't work, in words.
fn fault(policy: &Policy) -> Option<String> {
    let mut times = policy.times().into_iter();
    if let Some((name, _)) = times.find(|(_, value)| value.is_zero()) {
        return Some(format!("{name} must be more than nothing"));
    }
    if policy.retry.attempts == 0 {
        return Some("retry.attempts counts the first attempt too: at least 1".to_owned());
    }
    let breakers = [
        ("read_breaker", policy.read_breaker),
        ("write_breaker", policy.write_breaker),
        ("auth_breaker", policy.auth_breaker),
    ];
    breakers
        .iter()
        .find_map(|(name, breaker)| Some(format!("{name}: {}", breaker_fault(breaker)?)))
}

fn breaker_fault(breaker: &BreakerPolicy) -> Option<&'static str> {
    let share = |value: f64| (0.0..=1.0).contains(&value);
    if !share(breaker.failure_ratio) || !share(breaker.slow_ratio) || !share(breaker.jitter) {
        return Some("ratios and jitter lie between 0 and 1");
    }
    if breaker.failure_run == 0 || breaker.min_calls == 0 || breaker.successes_to_close == 0 {
        return Some("failure_run, min_calls and successes_to_close are at least 1");
    }
    if breaker.window < Duration::from_millis(12) {
        return Some("window is at least 12ms: it is cut into 12 slices");
    }
    let short = breaker.wait_base.is_zero() || breaker.probe_lease.is_zero();
    if short || breaker.wait_cap < breaker.wait_base {
        return Some(
            "wait_base and probe_lease are more than nothing, and wait_cap is not below wait_base",
        );
    }
    None
}
