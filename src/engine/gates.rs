//! How long a user of an instance was asked to wait outlives the process: whoever acts for that user next does not ask
//! before the wait is over.

use std::path::Path;
use std::time::Duration;

use crate::dataverse::{Reader, now};
use crate::domain::instance::InstanceName;
use crate::journal::KeptGate;

/// No instance asks for patience for longer: what is odd about a wait was found when it was asked for (R4).
const LONGEST: Duration = Duration::from_secs(66 * 60);

/// For whom calls are made. Each has waits of its own, even where two are the same user: the hook never waits for what a
/// bulk repair was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A person at a console or a command line.
    Own,
    /// The scheduled sync.
    Agent,
    /// The ensure hook.
    Hook,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Agent => "agent",
            Self::Hook => "hook",
        }
    }
}

/// Has a client wait for as long as an earlier process was asked to, and keeps what this one is asked for.
pub fn keep(client: &Reader, state: &Path, instance: &InstanceName, role: Role) {
    let gate = KeptGate::of(state, instance.as_str(), role.word());
    let held = gate.kept().and_then(|(until, why)| {
        let left = (until - now().wall).to_std().ok()?;
        (left <= LONGEST).then_some((left, why))
    });
    client.keep_gate(held, move |until, why| {
        if let Err(error) = gate.keep(until, why) {
            tracing::warn!(%error, "how long to wait can't be kept for the next process");
        }
    });
}
