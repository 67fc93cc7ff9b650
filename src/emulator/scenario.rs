//! Scenarios: stories that drive the demo by the clock, read from TOML, and the task that plays their events.
//!
//! A scenario only arms what a person could arm too: outages, faults, revoked tokens. Its traffic is `traffic.rs`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fault::{self, Count, RetryAfter, Rule};
use super::instance::Instance;
use super::tls::TlsFault;

/// The seed where a scenario names none.
pub(crate) const SEED: u64 = 2026;

const NAMED: [(&str, &str); 5] = [
    ("outage", include_str!("../../assets/scenarios/outage.toml")),
    ("calm", include_str!("../../assets/scenarios/calm.toml")),
    (
        "throttled",
        include_str!("../../assets/scenarios/throttled.toml"),
    ),
    (
        "stale-token",
        include_str!("../../assets/scenarios/stale-token.toml"),
    ),
    (
        "plug-in-off",
        include_str!("../../assets/scenarios/plug-in-off.toml"),
    ),
];
const NAMES: [&str; 5] = [NAMED[0].0, NAMED[1].0, NAMED[2].0, NAMED[3].0, NAMED[4].0];

/// A story for a pair of instances: how much traffic there is, and what goes wrong when.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    story: String,
    #[serde(default = "seed")]
    seed: u64,
    #[serde(default = "yes")]
    plug_in: bool,
    #[serde(default)]
    workflow: bool,
    #[serde(default)]
    pub(crate) traffic: Traffic,
    #[serde(default)]
    events: Vec<Event>,
}

/// Why a text is no scenario.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// It is not TOML, or not of a scenario's shape.
    #[error("read scenario")]
    Read(#[from] toml::de::Error),
    /// A share or status that can't be.
    #[error("scenario event at {at:?}: {problem}")]
    Event {
        /// When the event would come.
        at: Duration,
        /// What is wrong with it.
        problem: String,
    },
}

/// How often what happens; what is left out never happens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Traffic {
    #[serde(deserialize_with = "maybe_duration")]
    pub(crate) new_account_every: Option<Duration>,
    #[serde(deserialize_with = "maybe_duration")]
    pub(crate) new_contact_every: Option<Duration>,
    #[serde(deserialize_with = "maybe_duration")]
    pub(crate) edit_every: Option<Duration>,
    #[serde(deserialize_with = "maybe_duration")]
    pub(crate) ticket_every: Option<Duration>,
    /// The share of tickets that refer to an account which was made since the start.
    pub(crate) fresh_share: f64,
}

/// Something that goes wrong at a time after the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    #[serde(deserialize_with = "duration")]
    at: Duration,
    instance: Name,
    what: What,
    /// How long; of a fault that says so itself, left out.
    #[serde(default, deserialize_with = "optional_duration")]
    lasts: Option<Duration>,
    /// What `fault` arms.
    rule: Option<Rule>,
    /// How TLS fails.
    tls: Option<TlsFault>,
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
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Us,
    Europe,
}

#[derive(Clone, Copy, Debug, Deserialize)]
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
    /// New TLS connections fail as `tls` says; without TLS, nothing.
    Tls,
}

impl Scenario {
    /// One of the built-in scenarios.
    pub fn named(name: &str) -> Option<Scenario> {
        let (_, text) = NAMED.iter().find(|(own, _)| *own == name)?;
        Scenario::load(text).ok()
    }

    /// The names of the built-in scenarios, the demo's default first.
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// Reads a scenario from TOML; `assets/scenarios/` has the built-in ones as examples.
    pub fn load(text: &str) -> Result<Scenario, ScenarioError> {
        let mut scenario: Scenario = toml::from_str(text)?;
        for event in &scenario.events {
            if let Some(problem) = event.problem() {
                return Err(ScenarioError::Event {
                    at: event.at,
                    problem,
                });
            }
        }
        scenario.events.sort_by_key(|event| event.at);
        Ok(scenario)
    }

    /// What happens, in words.
    pub fn story(&self) -> &str {
        &self.story
    }

    pub(crate) fn with_seed(self, seed: u64) -> Scenario {
        Scenario { seed, ..self }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn has_workflow(&self) -> bool {
        self.workflow
    }

    pub(crate) fn has_plug_in(&self) -> bool {
        self.plug_in
    }
}

impl Event {
    /// What is wrong with it, if anything is.
    fn problem(&self) -> Option<String> {
        let is_fault = matches!(self.what, What::Fault);
        if is_fault != self.rule.is_some() {
            return Some("a rule belongs to what = \"fault\", and to nothing else".to_owned());
        }
        if matches!(self.what, What::Tls) != self.tls.is_some() {
            return Some("tls belongs to what = \"tls\", and to nothing else".to_owned());
        }
        if !is_fault && self.lasts.is_none() {
            return Some("lasts is missing".to_owned());
        }
        self.rule().and_then(|rule| rule.problem())
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
        Some(match self.what {
            What::TokenExpiry | What::Tls => return None,
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
        })
    }

    fn happens(&self, instance: &Instance) {
        if let Some(rule) = self.rule() {
            fault::arm(instance, rule);
            return;
        }
        match (self.what, &instance.tls) {
            (What::TokenExpiry, _) => instance.tokens.revoke(self.lasts.unwrap_or_default()),
            (What::Tls, Some(tls)) => tls.set_fault(self.tls, self.lasts),
            _ => {}
        }
    }
}

/// Plays the events, each at its time after now.
pub(crate) async fn play(
    scenario: Scenario,
    us: Arc<Instance>,
    europe: Arc<Instance>,
    stop: CancellationToken,
) {
    let start = Instant::now();
    for event in &scenario.events {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(start + event.at) => {}
        }
        let instance = match event.instance {
            Name::Us => &us,
            Name::Europe => &europe,
        };
        event.happens(instance);
    }
}

fn seed() -> u64 {
    SEED
}

fn yes() -> bool {
    true
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    read_duration(&text).ok_or_else(|| {
        serde::de::Error::custom(format!("'{text}' is no duration like 45s, 2m or 500ms"))
    })
}

fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// The same, of something that comes again and again.
fn maybe_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let every = duration(deserializer)?;
    if every.is_zero() {
        return Err(serde::de::Error::custom(
            "nothing can happen every 0 seconds",
        ));
    }
    Ok(Some(every))
}

/// Reads `500ms`, `45s`, `2m` or `1h`, of at most a day.
fn read_duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|char: char| !char.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    let ms = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    ms.filter(|ms| *ms <= 86_400_000).map(Duration::from_millis)
}
