//! Who may do what: users have roles, roles hold privileges, and what they leave out is refused or not seen (contract 7).
//!
//! Which role a user has stands in the rows of `systemuserroles`, so that a restore takes it back as well; every user
//! begins as an administrator. Teams' roles count for nothing. What a role reaches is `role.rs`, what a caller may do by
//! it `rights.rs`, what a reader sees `sight.rs`; the checks stand where messages pass: `operation.rs` for reads,
//! `pipeline.rs` for writes.

pub(crate) mod privilege;
mod rights;
mod role;
mod setting;
mod sight;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use uuid::Uuid;

pub(crate) use self::privilege::Access;
pub(crate) use self::rights::{Rights, View};
pub(crate) use self::role::{ADMINISTRATOR, BUILT_IN, READ_ONLY};
pub(crate) use self::setting::{Change, made};
pub(crate) use self::sight::Sight;

use self::rights::Holder;
use self::role::{Depth, Privileges, Role};
use self::sight::Hidden;
use super::instance::{Instance, lock, stable_id};
use super::refusal::{Outcome, Refusal};
use super::row::Row;
use super::schema::Schema;
use super::seed::users;
use super::store::Store;
use super::user_id;
use super::value::{TableId, Value, ValueRef};

/// What one instance knows of roles beside its rows.
#[derive(Debug, Default)]
pub(crate) struct Security {
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    /// The roles that are not built in, by name.
    custom: BTreeMap<String, Arc<Privileges>>,
    /// The rows that only administrators see, by the name of their table.
    hidden: Arc<Vec<(String, Hidden)>>,
}

impl Rules {
    fn role(&self, name: &str) -> Option<Role> {
        let custom = || self.custom.get(name).map(Arc::clone).map(Role::Custom);
        Role::built_in(name).or_else(custom)
    }
}

/// Lets a user in, with what he may do.
pub(crate) fn admit(instance: &Instance, user: Uuid) -> Outcome<Rights> {
    let store = instance.read();
    let Some(tables) = Tables::of(store.schema()) else {
        return Ok(Rights::all());
    };
    let row = store.get(tables.users, user);
    let row = row.ok_or_else(Refusal::not_a_member)?;
    if row.value(tables.disabled) == ValueRef::Bool(true) {
        return Err(Refusal::user_disabled(user));
    }
    // Almost everybody is an administrator, which is seen without going through all rows.
    let administrator = membership_id(user, role_id(instance, ADMINISTRATOR));
    if store.get(tables.memberships, administrator).is_some() {
        return Ok(Rights::all());
    }
    let made = lock(&instance.security.rules);
    let roles: Vec<Role> = tables
        .names(&store, user)
        .filter_map(|name| made.role(name))
        .collect();
    if roles.is_empty() {
        return Err(Refusal::no_roles());
    }
    if roles.contains(&Role::Administrator) {
        return Ok(Rights::all());
    }
    Ok(Rights::of(Holder { user, roles }, Arc::clone(&made.hidden)))
}

/// What a user may do, and how far that reaches.
pub(crate) fn held_by(instance: &Instance, user: Uuid) -> Vec<(String, Depth)> {
    let store = instance.read();
    let made = lock(&instance.security.rules);
    let Some(tables) = Tables::of(store.schema()) else {
        return Vec::new();
    };
    let roles: Vec<Role> = tables
        .names(&store, user)
        .filter_map(|name| made.role(name))
        .collect();
    let holder = Holder { user, roles };
    privilege::all(store.schema())
        .filter_map(|name| Some((name.clone(), holder.depth(&name)?)))
        .collect()
}

/// Refuses a row that is not seen in a store.
pub(crate) fn shown(store: &Store, table: TableId, row: &Row) -> Outcome<()> {
    let Some(sight) = store.sight() else {
        return Ok(());
    };
    if sight.of(table).is_none_or(|limited| limited.shows(row)) {
        return Ok(());
    }
    let table = store.schema().table(table);
    Err(Refusal::access_denied(
        sight.user(),
        Access::Read.name(),
        table,
        row,
    ))
}

/// Lets a user act for another, as far as both may (contract 7.5).
pub(crate) fn act_for(
    instance: &Instance,
    user: Uuid,
    rights: &Rights,
    other: Uuid,
) -> Outcome<Rights> {
    if !rights.holds(privilege::ACT_ON_BEHALF) {
        return Err(Refusal::may_not_act_for(user, other));
    }
    Ok(rights.and(&admit(instance, other)?))
}

/// The user with an object id of the directory.
pub(crate) fn user_of_object(instance: &Instance, object: Uuid) -> Option<Uuid> {
    let store = instance.read();
    let tables = Tables::of(store.schema())?;
    let mut users = store.all(tables.users);
    let user = users.find(|user| user.value(tables.object).as_id() == Some(object))?;
    Some(user.id())
}

/// Gives a user one role and takes all others from him; without one he has none.
fn assign(instance: &Instance, client: &str, role: Option<&str>) {
    let user = user_id(instance.name, client);
    users::ensure_application(instance, user, client);
    let mut store = instance.write();
    set_role(instance, &mut store, user, role);
}

fn set_role(instance: &Instance, store: &mut Store, user: Uuid, role: Option<&str>) {
    let Some(tables) = Tables::of(store.schema()) else {
        return;
    };
    let of_user = tables.of_user(store, user);
    let old: Vec<Uuid> = of_user.map(|(membership, _)| membership).collect();
    for membership in old {
        store.remove(tables.memberships, membership);
    }
    if let Some(role) = role {
        give(instance, store, user, role);
    }
}

/// Gives a user a role that he does not have yet.
pub(crate) fn give(instance: &Instance, store: &mut Store, user: Uuid, role: &str) {
    let role = role_id(instance, role);
    users::row(
        instance,
        store,
        "systemuserroles",
        membership_id(user, role),
        &[
            ("systemuserid", Value::Id(user)),
            ("roleid", Value::Id(role)),
        ],
    );
}

/// The id of the row of a role.
pub(crate) fn role_id(instance: &Instance, name: &str) -> Uuid {
    stable_id(instance.name, &format!("role/{name}"))
}

fn membership_id(user: Uuid, role: Uuid) -> Uuid {
    Uuid::new_v5(&user, role.as_bytes())
}

/// Makes everybody an administrator again, and hides nothing.
pub(crate) fn reset(instance: &Instance) {
    *lock(&instance.security.rules) = Rules::default();
    let mut store = instance.write();
    let Some(tables) = Tables::of(store.schema()) else {
        return;
    };
    let everybody: Vec<Uuid> = store.all(tables.users).map(Row::id).collect();
    for user in everybody {
        set_role(instance, &mut store, user, Some(ADMINISTRATOR));
    }
}

/// Who has which role, which roles were made, and what is hidden.
pub(crate) fn list(instance: &Instance) -> Json {
    let store = instance.read();
    let made = lock(&instance.security.rules);
    let users: Vec<Json> = Tables::of(store.schema()).map_or_else(Vec::new, |tables| {
        let one = |user: &Row| {
            json!({
                "user": user.value(tables.full_name).as_text(),
                "id": user.id(),
                "roles": tables.names(&store, user.id()).collect::<Vec<_>>(),
                "disabled": user.value(tables.disabled) == ValueRef::Bool(true),
            })
        };
        store.all(tables.users).map(one).collect()
    });
    let hidden: Vec<Json> = made
        .hidden
        .iter()
        .map(|(table, hidden)| match hidden {
            Hidden::Ids(ids) => json!({"table": table, "ids": ids.as_ref()}),
            Hidden::Share(share) => json!({"table": table, "share": share}),
        })
        .collect();
    let roles: BTreeMap<&String, &Privileges> = made
        .custom
        .iter()
        .map(|(name, privileges)| (name, privileges.as_ref()))
        .collect();
    json!({"users": users, "roles": roles, "hidden": hidden})
}

/// Where the rows of users and roles stand.
struct Tables {
    users: TableId,
    disabled: usize,
    object: usize,
    full_name: usize,
    roles: TableId,
    role_name: usize,
    memberships: TableId,
    member: usize,
    role: usize,
}

impl Tables {
    fn of(schema: &Schema) -> Option<Tables> {
        let users = schema.by_name("systemuser")?;
        let roles = schema.by_name("role")?;
        let memberships = schema.by_name("systemuserroles")?;
        Some(Tables {
            users,
            disabled: schema.table(users).column("isdisabled")?,
            object: schema.table(users).column("azureactivedirectoryobjectid")?,
            full_name: schema.table(users).column("fullname")?,
            roles,
            role_name: schema.table(roles).column("name")?,
            memberships,
            member: schema.table(memberships).column("systemuserid")?,
            role: schema.table(memberships).column("roleid")?,
        })
    }

    /// The memberships of a user, each with the id of its role.
    fn of_user(&self, store: &Store, user: Uuid) -> impl Iterator<Item = (Uuid, Uuid)> {
        let own = move |row: &Row| {
            let is_own = row.value(self.member).as_id() == Some(user);
            is_own.then(|| Some((row.id(), row.value(self.role).as_id()?)))?
        };
        store.all(self.memberships).filter_map(own)
    }

    /// The names of a user's roles.
    fn names<'s>(&self, store: &'s Store, user: Uuid) -> impl Iterator<Item = &'s str> {
        let roles = self.of_user(store, user);
        roles.filter_map(|(_, role)| store.get(self.roles, role)?.value(self.role_name).as_text())
    }
}
