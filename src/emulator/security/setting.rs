//! What the control endpoint, a scenario and the options say of roles: who has which, what one holds, which rows are hidden.

use std::sync::Arc;

use serde::Deserialize;
use uuid::Uuid;

use super::role::{self, Privileges};
use super::sight::Hidden;
use super::{assign, privilege, role_id};
use crate::emulator::instance::{Instance, lock};
use crate::emulator::schema::Schema;
use crate::emulator::seed::users;
use crate::emulator::value::Value;

/// The name for having no role at all.
const NO_ROLE: &str = "none";

/// One statement.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Change {
    /// The client id, or the full name, of who gets the role.
    client: Option<String>,
    /// Its name; `none` takes every role away.
    role: Option<String>,
    /// What the role holds, for one that is not built in.
    privileges: Option<Privileges>,
    hide: Option<Hide>,
}

/// Rows that only administrators see.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hide {
    table: String,
    #[serde(default)]
    ids: Vec<Uuid>,
    share: Option<f64>,
}

impl Change {
    /// A client gets a role.
    pub(crate) fn role_of(client: &str, role: &str) -> Change {
        Change {
            client: Some(client.to_owned()),
            role: Some(role.to_owned()),
            ..Change::default()
        }
    }

    /// What is wrong with it, if anything is; `made` are the roles that are not built in.
    pub(crate) fn problem(&self, schema: &Schema, made: &[String]) -> Option<String> {
        let says_something = self.hide.is_some() || self.role.is_some();
        if !says_something {
            return Some("neither a role nor rows to hide are named".to_owned());
        }
        match (&self.role, &self.client, &self.privileges) {
            (None, Some(_), _) | (None, _, Some(_)) => {
                return Some("client and privileges go with a role".to_owned());
            }
            (Some(_), None, None) => {
                return Some("the client that gets the role is missing".to_owned());
            }
            _ => {}
        }
        let role = self
            .role
            .as_deref()
            .and_then(|name| self.wrong_role(name, made));
        let privileges = self.privileges.iter().flat_map(Privileges::keys);
        let unknown = privileges
            .into_iter()
            .find(|name| !privilege::exists(schema, name));
        let unknown = unknown.map(|name| format!("there is no privilege '{name}'"));
        role.or(unknown)
            .or_else(|| self.hide.as_ref().and_then(|hide| hide.problem(schema)))
    }

    fn wrong_role(&self, name: &str, made: &[String]) -> Option<String> {
        let built_in = role::canonical(name).is_some() || name == NO_ROLE;
        if built_in && self.privileges.is_some() {
            return Some(format!("the role '{name}' is built in"));
        }
        let known = built_in || self.privileges.is_some() || made.iter().any(|made| made == name);
        (!known).then(|| {
            format!(
                "there is no role '{name}': use {} or none, or say its privileges",
                role::BUILT_IN.join(", ")
            )
        })
    }

    /// What is wrong with the first of several that has a problem, each of which may use the roles made before.
    pub(crate) fn problem_of(changes: &[Change], schema: &Schema) -> Option<String> {
        let mut made = Vec::new();
        for change in changes {
            let problem = change.problem(schema, &made);
            if problem.is_some() {
                return problem;
            }
            made.extend(change.role.clone().filter(|_| change.privileges.is_some()));
        }
        None
    }

    /// Does what was found to have no problem.
    pub(crate) fn apply(&self, instance: &Instance) {
        if let (Some(name), Some(privileges)) = (&self.role, &self.privileges) {
            let privileges = Arc::new(privileges.clone());
            lock(&instance.security.rules)
                .custom
                .insert(name.clone(), privileges);
            let id = role_id(instance, name);
            let mut store = instance.write();
            users::row(
                instance,
                &mut store,
                "role",
                id,
                &[("name", Value::text(name))],
            );
        }
        if let (Some(client), Some(name)) = (&self.client, &self.role) {
            let name = role::canonical(name).unwrap_or(name);
            assign(instance, client, Some(name).filter(|name| *name != NO_ROLE));
        }
        if let Some(hide) = &self.hide {
            let mut rules = lock(&instance.security.rules);
            Arc::make_mut(&mut rules.hidden).push((hide.table.clone(), hide.hidden()));
        }
    }
}

impl Hide {
    fn problem(&self, schema: &Schema) -> Option<String> {
        if schema.by_name(&self.table).is_none() {
            return Some(format!("there is no table '{}'", self.table));
        }
        match self.share {
            None if self.ids.is_empty() => Some("hide needs ids or a share".to_owned()),
            Some(_) if !self.ids.is_empty() => {
                Some("hide takes ids or a share, not both".to_owned())
            }
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Some(format!("{share} is no share from 0 to 1"))
            }
            _ => None,
        }
    }

    fn hidden(&self) -> Hidden {
        match self.share {
            Some(share) => Hidden::Share(share),
            None => Hidden::Ids(Arc::new(self.ids.iter().copied().collect())),
        }
    }
}

/// The names of the roles that were made at an instance.
pub(crate) fn made(instance: &Instance) -> Vec<String> {
    let rules = lock(&instance.security.rules);
    rules.custom.keys().cloned().collect()
}
