//! Roles: which privileges they hold, and how far each reaches.
//!
//! Four are built in, and have no list that could be read or changed; others are made over the control endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How far a privilege reaches; Dataverse's depths of business units are not told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Depth {
    /// The rows that the user owns; those of his teams are not counted among them.
    User,
    /// All rows.
    Organization,
}

impl Depth {
    /// The word of the Web API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Depth::User => "Basic",
            Depth::Organization => "Global",
        }
    }
}

pub(crate) type Privileges = BTreeMap<String, Depth>;

pub(crate) const ADMINISTRATOR: &str = "System Administrator";
pub(crate) const SYNC_USER: &str = "Sync User";
pub(crate) const READ_ONLY: &str = "Read Only";
pub(crate) const BASIC_USER: &str = "Basic User";

/// The roles that every instance has, the most powerful first.
pub(crate) const BUILT_IN: [&str; 4] = [ADMINISTRATOR, SYNC_USER, READ_ONLY, BASIC_USER];

/// Which tables a sync writes.
const SYNCED: [&str; 2] = ["Account", "Contact"];
/// Which tables hold the business rows that users own.
const OWNED: [&str; 3] = ["Account", "Contact", "Incident"];

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Role {
    /// Everything.
    Administrator,
    /// Reads everything, and makes, changes, connects and assigns accounts and contacts.
    SyncUser,
    /// Reads everything.
    ReadOnly,
    /// Does everything with its own business rows, and reads everything else.
    BasicUser,
    Custom(Arc<Privileges>),
}

impl Role {
    /// A built-in role by its name.
    pub(crate) fn built_in(name: &str) -> Option<Role> {
        match name {
            ADMINISTRATOR => Some(Role::Administrator),
            SYNC_USER => Some(Role::SyncUser),
            READ_ONLY => Some(Role::ReadOnly),
            BASIC_USER => Some(Role::BasicUser),
            _ => None,
        }
    }

    /// How far it reaches with a privilege; none if it does not hold it.
    pub(crate) fn depth(&self, privilege: &str) -> Option<Depth> {
        let reads = privilege
            .starts_with("prvRead")
            .then_some(Depth::Organization);
        let about = |tables: &[&str]| tables.iter().any(|table| privilege.ends_with(table));
        match self {
            Role::Administrator => Some(Depth::Organization),
            Role::ReadOnly => reads,
            Role::SyncUser if about(&SYNCED) && !privilege.starts_with("prvDelete") => {
                Some(Depth::Organization)
            }
            Role::BasicUser if about(&OWNED) => Some(Depth::User),
            Role::SyncUser | Role::BasicUser => reads,
            Role::Custom(privileges) => privileges.get(privilege).copied(),
        }
    }
}

/// The name of a built-in role as it may also be written: `read-only` for `Read Only`.
pub(crate) fn canonical(name: &str) -> Option<&'static str> {
    let plain = |name: &str| name.to_lowercase().replace([' ', '_'], "-");
    let wanted = plain(name);
    if wanted == "administrator" {
        return Some(ADMINISTRATOR);
    }
    BUILT_IN.into_iter().find(|own| plain(own) == wanted)
}
