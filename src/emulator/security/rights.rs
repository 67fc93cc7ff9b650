//! What the caller of one request may do. Whoever holds the role of an administrator is asked nothing more.
//!
//! Somebody who acts for another may do what both may.

use std::ops::Deref;
use std::sync::{Arc, RwLockReadGuard};

use uuid::Uuid;

use super::privilege::{self, Access};
use super::role::{Depth, Role};
use super::sight::{Hidden, Limited, Sight};
use crate::emulator::instance::Instance;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::{Ownership, Schema, Table};
use crate::emulator::store::Store;
use crate::emulator::value::{TableId, Value};

/// The rights of a caller; none inside means all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights(Option<Arc<Limits>>);

#[derive(Debug)]
struct Limits {
    /// Each must hold what is done.
    holders: Vec<Holder>,
    /// The rows that are hidden, by the name of their table.
    hidden: Arc<Vec<(String, Hidden)>>,
}

/// A user with his roles.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) user: Uuid,
    pub(super) roles: Vec<Role>,
}

impl Holder {
    pub(super) fn depth(&self, privilege: &str) -> Option<Depth> {
        let depths = self.roles.iter().filter_map(|role| role.depth(privilege));
        depths.max()
    }
}

/// A store as a caller sees it.
pub(crate) struct View<'i> {
    /// Shares its tables with the whole store, and so has to go before the lock does.
    seen: Option<Store>,
    whole: RwLockReadGuard<'i, Store>,
}

impl Deref for View<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.seen.as_ref().unwrap_or(&self.whole)
    }
}

impl Rights {
    pub(crate) fn all() -> Rights {
        Rights(None)
    }

    pub(super) fn of(holder: Holder, hidden: Arc<Vec<(String, Hidden)>>) -> Rights {
        Rights(Some(Arc::new(Limits {
            holders: vec![holder],
            hidden,
        })))
    }

    /// What two may do.
    pub(super) fn and(&self, other: &Rights) -> Rights {
        match (&self.0, &other.0) {
            (None, _) => other.clone(),
            (_, None) => self.clone(),
            (Some(left), Some(right)) => Rights(Some(Arc::new(Limits {
                holders: left.holders.iter().chain(&right.holders).cloned().collect(),
                hidden: Arc::clone(&left.hidden),
            }))),
        }
    }

    /// The instance's rows as they are seen with these rights.
    pub(crate) fn view<'i>(&self, instance: &'i Instance) -> View<'i> {
        let whole = instance.read();
        View {
            seen: self.seen(&whole),
            whole,
        }
    }

    /// A store as it is seen with these rights, where that is not all of it.
    pub(crate) fn seen(&self, store: &Store) -> Option<Store> {
        let sight = self.sight(store.schema())?;
        Some(store.seen_with(Arc::new(sight)))
    }

    /// Refuses who lacks a privilege that belongs to no table.
    pub(crate) fn hold(&self, privilege: &str) -> Outcome<()> {
        self.depth(privilege, None).map(drop)
    }

    /// Whether a privilege is held, whatever it belongs to.
    pub(crate) fn holds(&self, privilege: &str) -> bool {
        self.depth(privilege, None).is_ok()
    }

    /// Refuses who may do this with no row of the table.
    pub(crate) fn may(&self, access: Access, table: &Table) -> Outcome<()> {
        if self.0.is_none() || is_free(access, table) {
            return Ok(());
        }
        self.depth(&privilege::of(access, table), Some(table))
            .map(drop)
    }

    /// Refuses who may not read all rows of the table (contract 4.1).
    pub(crate) fn may_track(&self, table: &Table) -> Outcome<()> {
        let Some(limits) = &self.0 else {
            return Ok(());
        };
        if is_free(Access::Read, table) {
            return Ok(());
        }
        let privilege = privilege::of(Access::Read, table);
        let falls_short = |holder: &&Holder| holder.depth(&privilege) != Some(Depth::Organization);
        match limits.holders.iter().find(falls_short) {
            Some(holder) => Err(missing(holder, &privilege, Some(table))),
            None => Ok(()),
        }
    }

    /// Refuses who may do this with the table, but not with this row of it.
    pub(crate) fn may_row(
        &self,
        access: Access,
        schema: &Schema,
        id: TableId,
        row: &Row,
    ) -> Outcome<()> {
        let Some(limits) = &self.0 else {
            return Ok(());
        };
        let table = schema.table(id);
        self.may(access, table)?;
        let is_hidden = limits
            .hidden
            .iter()
            .any(|(name, hidden)| name == table.name && hidden.has(row.id()));
        let owner = table
            .column("ownerid")
            .map(|column| row.value(column).as_id());
        let privilege = privilege::of(access, table);
        let is_foreign = |holder: &&Holder| {
            let own = owner.is_none_or(|owner| owner == Some(holder.user));
            !own && holder.depth(&privilege) != Some(Depth::Organization)
        };
        match (
            limits.holders.iter().find(is_foreign),
            limits.holders.first(),
        ) {
            (Some(holder), _) => Err(Refusal::access_denied(
                holder.user,
                access.name(),
                table,
                row,
            )),
            (None, Some(holder)) if is_hidden => Err(Refusal::access_denied(
                holder.user,
                access.name(),
                table,
                row,
            )),
            _ => Ok(()),
        }
    }

    /// Refuses columns that the caller may not set: secured ones, a creation date, lookups that may not lead there,
    /// another owner.
    pub(crate) fn may_set(
        &self,
        access: Access,
        store: &Store,
        id: TableId,
        columns: &[(usize, Value)],
    ) -> Outcome<()> {
        let Some(limits) = &self.0 else {
            return Ok(());
        };
        let schema = store.schema();
        let table = schema.table(id);
        for (index, value) in columns {
            let Some(column) = table.columns.get(*index) else {
                continue;
            };
            if column.secured() {
                return Err(Refusal::secured_column(access == Access::Create));
            }
            if column.name == "overriddencreatedon" && !value.is_null() {
                self.hold(privilege::OVERRIDE_CREATED_ON)?;
            }
            let Some(named) = value.as_ref().as_reference() else {
                continue;
            };
            if column.name == "ownerid" {
                let given = limits.holders.iter().any(|holder| holder.user != named.id);
                if given {
                    self.may(Access::Assign, table)?;
                }
                continue;
            }
            let target = schema.table(named.table);
            if target.ownership != Ownership::User {
                continue;
            }
            self.may(Access::Append, table)?;
            if let Some(row) = store.get_any(named.table, named.id) {
                self.may_row(Access::AppendTo, schema, named.table, row)?;
            }
        }
        Ok(())
    }

    /// How far the privilege reaches with everybody who must hold it.
    fn depth(&self, privilege: &str, table: Option<&Table>) -> Outcome<Depth> {
        let mut least = Depth::Organization;
        for holder in self.0.iter().flat_map(|limits| &limits.holders) {
            match holder.depth(privilege) {
                Some(depth) => least = least.min(depth),
                None => return Err(missing(holder, privilege, table)),
            }
        }
        Ok(least)
    }

    fn sight(&self, schema: &Schema) -> Option<Sight> {
        let limits = self.0.as_ref()?;
        let of = |table: &Table| {
            let mut limited = Limited {
                owner: table.column("ownerid"),
                ..Limited::default()
            };
            let privilege = privilege::of(Access::Read, table);
            if !is_free(Access::Read, table) {
                for holder in &limits.holders {
                    match holder.depth(&privilege) {
                        None => limited.nothing = true,
                        Some(Depth::User) => limited.owners.push(holder.user),
                        Some(Depth::Organization) => {}
                    }
                }
            }
            let hidden = limits.hidden.iter();
            let own = hidden.filter(|(name, _)| name == table.name);
            limited.hidden = own.map(|(_, hidden)| hidden.clone()).collect();
            let is_limited =
                limited.nothing || !limited.owners.is_empty() || !limited.hidden.is_empty();
            is_limited.then_some(limited)
        };
        Some(Sight {
            user: limits
                .holders
                .first()
                .map(|holder| holder.user)
                .unwrap_or_default(),
            tables: schema.tables().map(|(_, table)| of(table)).collect(),
        })
    }
}

/// Whether there is no privilege for it: intersect tables follow what they connect.
fn is_free(access: Access, table: &Table) -> bool {
    access == Access::Read && table.ownership == Ownership::None
}

fn missing(holder: &Holder, privilege: &str, table: Option<&Table>) -> Refusal {
    Refusal::privilege_missing(holder.user, holder.roles.len(), privilege, table)
}
