//! What is said to people: lines of the timeline, alerts and notices; and whether writes are unlocked.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::alert::{AlertKey, When};
use crate::domain::operation::OperationId;
use crate::domain::time::Now;

/// An alert that fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Which, as those who are told know it.
    pub key: AlertKey,
    /// What its rule watches.
    pub when: When,
    /// Since when that has held.
    pub since: DateTime<Utc>,
    /// Whether it was seen to begin: else whoever took it before this process looked has it still.
    pub was_seen_to_begin: bool,
    /// What is the matter, for people.
    pub text: String,
    /// Where it says what to do.
    pub runbook: Option<String>,
    /// Whether anybody outside is told, or only who looks here.
    pub is_told: bool,
}

/// One line of what changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number; numbers only grow.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The instance that it is about, by its place.
    pub instance: Option<usize>,
    /// What happened, made visible.
    pub text: String,
    /// How bad it is.
    pub tone: Tone,
    /// Who put it down, where it is a person's word.
    #[serde(default)]
    pub who: Option<String>,
}

/// How bad a line or figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tone {
    /// Nothing to worry about.
    Plain,
    /// Good news.
    Good,
    /// Wants an eye.
    Care,
    /// Wants a hand.
    Bad,
}

/// Whether writes are unlocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Nothing is written at a person's word.
    ReadOnly {
        /// Whether it can be armed at all.
        may_arm: bool,
    },
    /// Writes to the targets are unlocked.
    Armed {
        /// By whom.
        who: String,
        /// Why.
        reason: String,
        /// Until when.
        until: Now,
    },
}

impl Lock {
    /// How long writes stay unlocked.
    pub fn armed_for(&self, now: Now) -> Option<Duration> {
        match self {
            Self::Armed { until, .. } => until
                .mono
                .checked_sub(now.mono)
                .filter(|left| !left.is_zero()),
            Self::ReadOnly { .. } => None,
        }
    }
}

/// Something that was asked for and can't be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number; numbers only grow.
    pub seq: u64,
    /// The operation it is about.
    pub operation: Option<OperationId>,
    /// Whether that operation was refused as a whole; else one of its records could not be named.
    pub refuses: bool,
    /// What, and why, and what can be done.
    pub text: String,
    /// How bad it is.
    pub tone: Tone,
}
