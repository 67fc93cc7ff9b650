//! How the workflow goes about its work, where it is told to go about it badly: out of order, or from an old read.

use serde::{Deserialize, Serialize};

/// The longest wait between reading and writing: an hour.
const LONGEST_MS: u64 = 3_600_000;

/// What is asked of every run that begins from now on; the default is a sync that behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Manner {
    /// The order in which rows are read, and so written.
    pub(super) order: Sequence,
    /// So long a run waits between reading and writing: what changes meanwhile is overwritten by the older version.
    pub(super) wait_ms: u64,
    /// Rows are added only: one that is there, a stub too, stays as it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) adds_only: bool,
    /// Blank columns are left out of what is written: what was emptied in the US stays filled in Europe.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) skips_blanks: bool,
}

/// By the time of their last change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Sequence {
    #[default]
    OldestFirst,
    NewestFirst,
}

impl Manner {
    /// What is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        let wait = self.wait_ms;
        (wait > LONGEST_MS).then(|| format!("wait_ms of {wait} is longer than an hour"))
    }
}

impl Sequence {
    /// As `$orderby` has it.
    pub(super) fn direction(self) -> &'static str {
        match self {
            Sequence::OldestFirst => "asc",
            Sequence::NewestFirst => "desc",
        }
    }
}
