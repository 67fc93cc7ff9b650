//! What somebody may not see: whole tables, rows of others, rows that are hidden. Made once per request.
//!
//! Secured columns go with it: whoever has a sight at all sees them empty, since only administrators have none.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::emulator::row::Row;
use crate::emulator::value::TableId;

/// For each table, what of it is not seen.
#[derive(Debug)]
pub(crate) struct Sight {
    /// Who looks.
    pub(super) user: Uuid,
    pub(super) tables: Vec<Option<Limited>>,
}

/// One table of which not all rows are seen.
#[derive(Debug, Default)]
pub(crate) struct Limited {
    pub(super) nothing: bool,
    /// The column of the owner, and who all must be it.
    pub(super) owner: Option<usize>,
    pub(super) owners: Vec<Uuid>,
    pub(super) hidden: Vec<Hidden>,
}

/// Which rows are hidden from everybody but administrators.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Hidden {
    Ids(Arc<HashSet<Uuid>>),
    /// This share of all rows, the same ones every time.
    Share(f64),
}

impl Sight {
    /// What of a table is not seen; none if all of it is.
    pub(crate) fn of(&self, table: TableId) -> Option<&Limited> {
        self.tables.get(table.0)?.as_ref()
    }

    pub(crate) fn user(&self) -> Uuid {
        self.user
    }
}

impl Limited {
    pub(crate) fn shows(&self, row: &Row) -> bool {
        !self.nothing && self.is_own(row) && !self.hidden.iter().any(|hidden| hidden.has(row.id()))
    }

    fn is_own(&self, row: &Row) -> bool {
        let Some(owner) = self.owner.filter(|_| !self.owners.is_empty()) else {
            return true;
        };
        let owner = row.value(owner).as_id();
        self.owners.iter().all(|own| Some(*own) == owner)
    }
}

impl Hidden {
    pub(super) fn has(&self, id: Uuid) -> bool {
        match self {
            Hidden::Ids(ids) => ids.contains(&id),
            Hidden::Share(share) => {
                let place = id
                    .as_u128()
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                let [.., first, second, third, fourth] = (place >> 96).to_be_bytes();
                let place = u32::from_be_bytes([first, second, third, fourth]);
                f64::from(place) / f64::from(u32::MAX) < *share
            }
        }
    }
}
