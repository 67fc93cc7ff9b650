//! Whether our credentials are refused, and when they are tried again (reliability T32): pure.
//!
//! One refusal is an expired token. Three in a row, or one that names our user, are an answer: from then on one call a
//! minute goes out, so that a wrong secret becomes no storm of log-ins (fault F25).

use std::time::Duration;

use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Now;

/// How many refused tokens in a row mean that our credentials are refused.
const REFUSALS: u32 = 3;

/// How one user stands with one instance.
#[derive(Debug)]
pub(super) struct Standing {
    /// How often refused credentials are tried again.
    try_every: Duration,
    in_a_row: u32,
    refused: Option<Refused>,
}

#[derive(Debug)]
struct Refused {
    why: String,
    next_try: Now,
}

impl Standing {
    /// Of a user of whom nothing is known yet.
    pub(super) fn new(try_every: Duration) -> Self {
        Self {
            try_every,
            in_a_row: 0,
            refused: None,
        }
    }

    /// Lets a call through, or says why not. Of the calls that ask once the minute is over, the first one goes.
    pub(super) fn ask(&mut self, now: Now) -> Result<(), Failure> {
        let Some(refused) = &mut self.refused else {
            return Ok(());
        };
        if now.mono >= refused.next_try.mono {
            refused.next_try = now.after(self.try_every);
            return Ok(());
        }
        let left = refused.next_try.mono.saturating_sub(now.mono);
        let why = &refused.why;
        let message = format!("{why} (not sent; tried again in {} s)", whole_seconds(left));
        Err(Failure {
            retry_after: Some(left),
            ..Failure::local(FailureClass::Unauthorized, message)
        })
    }

    /// An answer that our credentials were good for.
    pub(super) fn accepted(&mut self) {
        *self = Self::new(self.try_every);
    }

    /// The instance refused a token that was the newest we had.
    pub(super) fn token_refused(&mut self, failure: &Failure, now: Now) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row >= REFUSALS || self.refused.is_some() {
            self.refuse(failure, now);
        }
    }

    /// The token endpoint refused our secret, or the instance our user as a whole.
    pub(super) fn refuse(&mut self, failure: &Failure, now: Now) {
        self.refused = Some(Refused {
            why: failure.summary(),
            next_try: now.after(self.try_every),
        });
    }

    /// Why our credentials are refused, if they are.
    pub(super) fn why(&self) -> Option<&str> {
        self.refused.as_ref().map(|refused| refused.why.as_str())
    }
}

/// Seconds for people: never `0 s` while there is something left.
pub(super) fn whole_seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use chrono::{DateTime, Utc};

    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::ZERO,
            wall: DateTime::<Utc>::UNIX_EPOCH,
        }
        .after(Duration::from_secs(seconds))
    }

    fn refusal() -> Failure {
        Failure::local(FailureClass::Unauthorized, "no token: AADSTS7000222")
    }

    #[test]
    fn three_refused_tokens_in_a_row_stop_all_but_one_call_a_minute() {
        let mut standing = Standing::new(Duration::from_secs(60));
        for second in 0..2 {
            standing.token_refused(&refusal(), at(second));
            assert!(standing.ask(at(second)).is_ok(), "refusal {second}");
        }
        standing.token_refused(&refusal(), at(2));
        let stopped = standing.ask(at(3)).unwrap_err();
        assert_eq!(stopped.class, FailureClass::Unauthorized);
        assert_eq!(
            stopped.message,
            "no token: AADSTS7000222 (not sent; tried again in 59 s)"
        );
        assert!(standing.ask(at(62)).is_ok(), "the one call");
        assert!(standing.ask(at(62)).is_err(), "and no second one");
    }

    #[test]
    fn an_accepted_call_in_between_starts_the_count_anew() {
        let mut standing = Standing::new(Duration::from_secs(60));
        for _ in 0..5 {
            standing.token_refused(&refusal(), at(0));
            standing.token_refused(&refusal(), at(0));
            standing.accepted();
        }
        assert_eq!(standing.why(), None);
    }

    #[test]
    fn a_refused_user_is_believed_at_once() {
        let mut standing = Standing::new(Duration::from_secs(60));
        standing.refuse(&refusal(), at(0));
        assert!(standing.ask(at(59)).is_err());
        assert_eq!(standing.why(), Some("no token: AADSTS7000222"));
    }
}
