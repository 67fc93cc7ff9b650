//! What goes wrong in a scenario, and when. It only does what a person could do too, over the control endpoints.

use std::time::Duration;

use serde::Deserialize;

use super::super::fault::{self, Count, RetryAfter, Rule};
use super::super::instance::Instance;
use super::super::limits::Limits;
use super::super::organization::Setting;
use super::super::platform::Manner;
use super::super::tls::TlsFault;
use super::{SEED, time};

/// Something that goes wrong at a time after the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    #[serde(deserialize_with = "time::duration")]
    pub(super) at: Duration,
    instance: Name,
    what: What,
    /// How long; of what then stays as it is, left out.
    #[serde(default, deserialize_with = "time::optional")]
    lasts: Option<Duration>,

    /// Of the requests, how many it strikes; all, if left out.
    share: Option<f64>,
    /// `Retry-After` of a throttle, in seconds; 5 if left out.
    retry_after: Option<u64>,
    /// The delay of `slow`; 1500 if left out.
    delay_ms: Option<u64>,
    /// The status of `errors`; 503 if left out.
    status: Option<u16>,
    /// The client id whose requests it strikes; everybody's, if left out.
    client: Option<String>,

    /// What `fault` arms.
    rule: Option<Rule>,
    /// How `tls` fails.
    tls: Option<TlsFault>,
    /// What `limits` holds everybody to; an empty table for the service's own numbers.
    limits: Option<Limits>,
    /// What state `organization` is put into.
    organization: Option<Setting>,
    /// How the workflow, which is the US instance's, copies.
    sync: Option<Manner>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Name {
    Us,
    Europe,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum What {
    /// The port is closed.
    Outage,
    /// Requests are answered with 429.
    Throttle,
    /// Requests wait before they are served.
    Slow,
    /// Requests are answered with an error.
    Errors,
    /// All tokens are taken back, and none is given for the time.
    TokenExpiry,
    /// Whatever can be armed over `/emulator/faults`.
    Fault,
    /// New TLS connections fail; where there is no TLS, nothing does.
    Tls,
    /// Service protection limits.
    Limits,
    /// The state of the organization.
    Organization,
    /// How the workflow copies: out of order, from an old read, or not all of it.
    Sync,
}

/// The beginning of an event, or its end where something has to be put back.
pub(super) struct Moment<'e> {
    pub(super) at: Duration,
    event: &'e Event,
    is_end: bool,
}

/// Beginnings and ends in the order of time.
pub(super) fn timeline(events: &[Event]) -> Vec<Moment<'_>> {
    let begins = events.iter().map(|event| Moment {
        at: event.at,
        event,
        is_end: false,
    });
    let ends = events.iter().filter_map(|event| {
        Some(Moment {
            at: event.at + event.lasts.filter(|_| event.is_put_back())?,
            event,
            is_end: true,
        })
    });
    let mut moments: Vec<_> = begins.chain(ends).collect();
    moments.sort_by_key(|moment| moment.at);
    moments
}

impl Moment<'_> {
    pub(super) fn comes(&self, us: &Instance, europe: &Instance) {
        let instance = match self.event.instance {
            Name::Us => us,
            Name::Europe => europe,
        };
        if self.is_end {
            self.event.is_over(instance);
        } else {
            self.event.happens(instance);
        }
    }
}

impl Event {
    /// What is wrong with it, if anything is.
    pub(super) fn problem(&self) -> Option<String> {
        let own = [
            (What::Fault, "rule", self.rule.is_some()),
            (What::Tls, "tls", self.tls.is_some()),
            (What::Limits, "limits", self.limits.is_some()),
            (
                What::Organization,
                "organization",
                self.organization.is_some(),
            ),
            (What::Sync, "sync", self.sync.is_some()),
        ];
        let wrong = own
            .iter()
            .find(|(what, _, said)| (self.what == *what) != *said);
        if let Some((what, name, _)) = wrong {
            return Some(format!(
                "{name} belongs to {what:?}, which has it always, and to nothing else"
            ));
        }
        let stays = own.iter().any(|(what, _, _)| *what == self.what);
        if self.lasts.is_none() && !stays {
            return Some("lasts is missing".to_owned());
        }
        if self.what == What::Sync && self.instance == Name::Europe {
            return Some("sync is the US instance's".to_owned());
        }
        let sync = || self.sync.and_then(|manner| manner.problem());
        let rule = self.rule().and_then(|rule| rule.problem());
        let limits = || self.limits.and_then(|limits| limits.problem());
        let organization = || self.organization.as_ref().and_then(Setting::problem);
        rule.or_else(limits).or_else(organization).or_else(sync)
    }

    fn is_put_back(&self) -> bool {
        matches!(self.what, What::Limits | What::Organization | What::Sync)
    }

    /// The event as a fault, if it is one.
    fn rule(&self) -> Option<Rule> {
        let lasts = self.lasts.map(|lasts| lasts.as_secs_f64());
        let rule = Rule {
            count: Count::Always,
            for_s: lasts,
            share: self.share,
            client: self.client.clone(),
            seed: Some(SEED),
            ..Rule::default()
        };
        let rule = match self.what {
            What::Outage => Rule {
                for_s: None,
                outage_s: lasts,
                ..rule
            },
            What::Throttle => Rule {
                status: Some(429),
                retry_after: Some(RetryAfter::Seconds(self.retry_after.unwrap_or(5).into())),
                ..rule
            },
            What::Slow => Rule {
                delay_ms: Some(self.delay_ms.unwrap_or(1500)),
                ..rule
            },
            What::Errors => Rule {
                status: Some(self.status.unwrap_or(503)),
                ..rule
            },
            What::Fault => {
                let own = self.rule.clone().unwrap_or_default();
                Rule {
                    for_s: own.for_s.or(lasts),
                    ..own
                }
            }
            What::TokenExpiry | What::Tls | What::Limits | What::Organization | What::Sync => {
                return None;
            }
        };
        Some(rule)
    }

    fn happens(&self, instance: &Instance) {
        match self.what {
            What::Outage | What::Throttle | What::Slow | What::Errors | What::Fault => {
                if let Some(rule) = self.rule() {
                    fault::arm(instance, rule);
                }
            }
            What::TokenExpiry => instance.tokens.revoke(self.lasts.unwrap_or_default()),
            What::Tls => {
                if let Some(tls) = &instance.tls {
                    tls.set_fault(self.tls, self.lasts);
                }
            }
            What::Limits => instance.protection.set(self.limits),
            What::Organization => {
                let setting = self.organization.clone().unwrap_or_default();
                instance.organization.set(setting);
            }
            What::Sync => copy_so(instance, self.sync.unwrap_or_default()),
        }
    }

    fn is_over(&self, instance: &Instance) {
        match self.what {
            What::Limits => instance.protection.set(None),
            What::Organization => instance.organization.set(Setting::default()),
            What::Sync => copy_so(instance, Manner::default()),
            _ => {}
        }
    }
}

fn copy_so(instance: &Instance, manner: Manner) {
    if let Some(platform) = &instance.platform {
        platform.set_manner(manner);
    }
}
