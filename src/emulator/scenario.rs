//! Scenarios: stories that drive the demo by the clock, read from TOML, and the task that plays their events.
//!
//! What can happen stands in `scenario/event.rs`; the traffic that goes on meanwhile is `traffic.rs`.

mod event;
mod time;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::event::Event;
use super::instance::Instance;
use super::platform::Recurrence;
use super::schema::Schema;
use super::schema::variation::{Variation, Variations};
use super::security::Change;

/// The seed where a scenario names none.
pub(crate) const SEED: u64 = 2026;

const NAMED: [(&str, &str); 11] = [
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
    (
        "built-in",
        include_str!("../../assets/scenarios/built-in.toml"),
    ),
    (
        "stalled-sync",
        include_str!("../../assets/scenarios/stalled-sync.toml"),
    ),
    (
        "add-only",
        include_str!("../../assets/scenarios/add-only.toml"),
    ),
    (
        "skip-blanks",
        include_str!("../../assets/scenarios/skip-blanks.toml"),
    ),
    (
        "hook-down",
        include_str!("../../assets/scenarios/hook-down.toml"),
    ),
    (
        "diverged",
        include_str!("../../assets/scenarios/diverged.toml"),
    ),
];
const NAMES: [&str; 11] = [
    NAMED[0].0,
    NAMED[1].0,
    NAMED[2].0,
    NAMED[3].0,
    NAMED[4].0,
    NAMED[5].0,
    NAMED[6].0,
    NAMED[7].0,
    NAMED[8].0,
    NAMED[9].0,
    NAMED[10].0,
];

/// A story for a pair of instances: how much traffic there is, and what goes wrong when.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    story: String,
    #[serde(default = "seed")]
    seed: u64,
    #[serde(default = "yes")]
    plug_in: bool,
    /// Whether Europe refuses accounts and contacts that say next to nothing.
    #[serde(default)]
    refuses_stubs: bool,
    /// Whether the workflow that copies to Europe runs by itself.
    #[serde(default)]
    workflow: bool,
    /// How often, by the emulator's clock; daily, if left out.
    #[serde(default, deserialize_with = "time::every")]
    workflow_every: Option<Duration>,
    /// And when for the first time after the start: then it ran well before it.
    #[serde(default, deserialize_with = "time::optional")]
    workflow_first: Option<Duration>,
    /// How many of its runs before the start were refused: what the instances hold is older by that many.
    #[serde(default)]
    workflow_refused: u16,
    #[serde(default)]
    pub(crate) traffic: Traffic,
    #[serde(default)]
    events: Vec<Event>,
    #[serde(default)]
    schema: Variations,
    #[serde(default)]
    security: Roles,
    hook: Option<HookStory>,
}

/// What becomes of the hook that Europe calls. The instances serve none: whoever plays the story does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookStory {
    /// How long after the start it is killed.
    #[serde(deserialize_with = "time::duration")]
    pub dies: Duration,
    /// How long after the start it is there again.
    #[serde(deserialize_with = "time::duration")]
    pub returns: Duration,
}

/// Why a text is no scenario.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// It is not TOML, or not of a scenario's shape.
    #[error("read scenario")]
    Read(#[from] toml::de::Error),
    /// Tables can't differ in this way.
    #[error("scenario schema: {0}")]
    Schema(String),
    /// There is no such role, privilege or table.
    #[error("scenario security: {0}")]
    Security(String),
    /// A share or status that can't be.
    #[error("scenario event at {at:?}: {problem}")]
    Event {
        /// When the event would come.
        at: Duration,
        /// What is wrong with it.
        problem: String,
    },
}

/// Who may do what at each instance, from the start.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Roles {
    us: Vec<Change>,
    europe: Vec<Change>,
}

/// How often what happens; what is left out never happens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Traffic {
    #[serde(deserialize_with = "time::every")]
    pub(crate) new_account_every: Option<Duration>,
    #[serde(deserialize_with = "time::every")]
    pub(crate) new_contact_every: Option<Duration>,
    #[serde(deserialize_with = "time::every")]
    pub(crate) edit_every: Option<Duration>,
    #[serde(deserialize_with = "time::every")]
    pub(crate) ticket_every: Option<Duration>,
    /// The share of tickets that refer to an account which was made since the start.
    pub(crate) fresh_share: f64,
    /// How often people in Europe edit an account that came from the US.
    #[serde(deserialize_with = "time::every")]
    pub(crate) europe_edit_every: Option<Duration>,
    /// So many of these edits there are; no end of them, if left out.
    pub(crate) europe_edits: Option<u32>,
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
        let scenario: Scenario = toml::from_str(text)?;
        for event in &scenario.events {
            if let Some(problem) = event.problem() {
                return Err(ScenarioError::Event {
                    at: event.at,
                    problem,
                });
            }
        }
        for (variations, roles) in [
            (&scenario.schema.us, &scenario.security.us),
            (&scenario.schema.europe, &scenario.security.europe),
        ] {
            let schema = varied(variations).map_err(ScenarioError::Schema)?;
            if let Some(problem) = Change::problem_of(roles, &schema) {
                return Err(ScenarioError::Security(problem));
            }
        }
        Ok(scenario)
    }

    /// What happens, in words.
    pub fn story(&self) -> &str {
        &self.story
    }

    /// What becomes of the hook, where the story has one.
    pub fn hook(&self) -> Option<HookStory> {
        self.hook
    }

    /// The tables of an instance.
    pub(crate) fn tables(&self, instance: &str) -> Schema {
        let variations = if instance == super::US {
            &self.schema.us
        } else {
            &self.schema.europe
        };
        // They were applied when the scenario was read.
        varied(variations).unwrap_or_else(|_| Schema::demo())
    }

    /// What is said of the roles at an instance.
    pub(crate) fn security(&self, instance: &str) -> &[Change] {
        if instance == super::US {
            &self.security.us
        } else {
            &self.security.europe
        }
    }

    pub(crate) fn with_seed(self, seed: u64) -> Scenario {
        Scenario { seed, ..self }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// How often the workflow runs by itself, if it does.
    pub fn workflow_every(&self) -> Option<Duration> {
        let every = self.recurrence()?.every;
        every.to_std().ok()
    }

    pub(crate) fn recurrence(&self) -> Option<Recurrence> {
        let usual = Recurrence::default();
        let delta = |span: Option<Duration>| span.and_then(|span| TimeDelta::from_std(span).ok());
        let every = delta(self.workflow_every).unwrap_or(usual.every);
        self.workflow.then(|| Recurrence {
            first: delta(self.workflow_first).unwrap_or(every),
            every,
            refused: self.workflow_refused,
        })
    }

    pub(crate) fn refuses_stubs(&self) -> bool {
        self.refuses_stubs
    }

    pub(crate) fn has_plug_in(&self) -> bool {
        self.plug_in
    }
}

/// The tables with their differences.
fn varied(variations: &[Variation]) -> Result<Schema, String> {
    let mut schema = Schema::demo();
    for variation in variations {
        schema.vary(variation)?;
    }
    Ok(schema)
}

/// Plays the events, each at its time after now.
pub(crate) async fn play(
    scenario: Scenario,
    us: Arc<Instance>,
    europe: Arc<Instance>,
    stop: CancellationToken,
) {
    let begin = Instant::now();
    for moment in event::timeline(&scenario.events) {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(begin + moment.at) => {}
        }
        moment.comes(&us, &europe);
    }
}

fn seed() -> u64 {
    SEED
}

fn yes() -> bool {
    true
}
