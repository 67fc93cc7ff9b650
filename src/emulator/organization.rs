//! The state that administrators put a whole organization into: enabled, disabled, or open to administrators only.
//!
//! Says whether a user may come in at all; what he may do then is decided elsewhere. The codes are from contract 6.5; that
//! both are answered with status 403 is our guess: the contract has none [not found].

use std::collections::BTreeSet;
use std::sync::Mutex;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::instance::lock;
use super::refusal::{Outcome, Refusal};
use super::user_id;

/// The state as it is set over the control endpoint or by a scenario.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    pub(crate) state: State,
    /// The client ids of those who come in while the state is `administration`.
    #[serde(default)]
    pub(crate) administrators: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    #[default]
    Enabled,
    /// Nobody comes in.
    Disabled,
    /// Administrators come in.
    Administration,
}

/// The state of one organization, as it is now.
#[derive(Debug, Default)]
pub(crate) struct Organization {
    setting: Mutex<Setting>,
}

impl Setting {
    /// What is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        let pointless = !self.administrators.is_empty() && self.state != State::Administration;
        pointless.then(|| "administrators go with the state administration only".to_owned())
    }
}

impl Organization {
    pub(crate) fn setting(&self) -> Setting {
        lock(&self.setting).clone()
    }

    pub(crate) fn set(&self, setting: Setting) {
        *lock(&self.setting) = setting;
    }

    /// Whether this user of the instance comes in.
    pub(crate) fn lets_in(&self, instance: &str, user: Uuid) -> Outcome<()> {
        let setting = lock(&self.setting);
        let is_administrator = || {
            let mut administrators = setting.administrators.iter();
            administrators.any(|client| user_id(instance, client) == user)
        };
        match setting.state {
            State::Enabled => Ok(()),
            State::Administration if is_administrator() => Ok(()),
            State::Administration => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "0x8004a113",
                "User does not have required privileges (or role membership) to access the org when it is in Admin Only \
                 mode.",
            )),
            State::Disabled => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "0x8004a104",
                "The Dynamics 365 organization you are attempting to access is currently disabled.  Please contact your \
                 system administrator",
            )),
        }
    }
}
