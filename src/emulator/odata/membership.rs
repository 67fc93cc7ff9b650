//! Whether the caller is a member of the team that a row names.
//!
//! Memberships are rows of `teammembership`, read each time it is asked.

use uuid::Uuid;

use super::field::Field;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::Schema;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

/// A question about the team in a column.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    field: Field,
    user: Uuid,
    memberships: TableId,
    team: usize,
    member: usize,
}

impl Membership {
    pub(crate) fn bind(schema: &Schema, field: Field, user: Uuid) -> Outcome<Membership> {
        let find = || {
            let memberships = schema.by_name("teammembership")?;
            let table = schema.table(memberships);
            let (team, member) = (table.column("teamid")?, table.column("systemuserid")?);
            Some((memberships, team, member))
        };
        let (memberships, team, member) =
            find().ok_or_else(|| Refusal::unsupported("Membership of teams"))?;
        Ok(Membership {
            field,
            user,
            memberships,
            team,
            member,
        })
    }

    pub(crate) fn holds(&self, store: &Store, row: &Row) -> bool {
        let Some(team) = self.field.of(store, row).as_id() else {
            return false;
        };
        store.after(self.memberships, None).any(|membership| {
            membership.value(self.member).as_id() == Some(self.user)
                && membership.value(self.team).as_id() == Some(team)
        })
    }
}
