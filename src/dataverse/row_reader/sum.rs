//! A row of which the checksum alone is kept.

use super::scalar::Scalar;
use super::{Members, RowShape, Slot, missing};
use crate::domain::checksum::Checksums;
use crate::domain::row::RowId;

/// A row of which only the checksum is wanted, as it is read.
pub(super) struct Summed<'c> {
    sums: &'c Checksums,
    id: Option<RowId>,
    total: u64,
    /// Which columns it has had.
    seen: Vec<bool>,
}

impl<'de> Members<'de> for Summed<'_> {
    fn wants(&self, slot: Slot) -> bool {
        matches!(slot, Slot::Id | Slot::Column(_))
    }

    fn take(
        &mut self,
        shape: &RowShape,
        slot: Slot,
        json: Scalar<'de>,
    ) -> Result<(), &'static str> {
        let Slot::Column(place) = slot else {
            self.id = Some(json.id()?);
            return Ok(());
        };
        let (name, kind) = shape.column(place)?;
        self.id = shape.id_in(name, &json)?.or(self.id);
        let value = json.value(kind)?;
        let seen = self.seen.get_mut(place).ok_or("no such column")?;
        if std::mem::replace(seen, true) {
            return Err("it stands there twice");
        }
        self.total = self.total.wrapping_add(self.sums.part(place, &value));
        Ok(())
    }
}

impl<'c> Summed<'c> {
    /// A row of so many columns; `seen` is the place for them, which serves for many rows.
    pub(super) fn new(sums: &'c Checksums, columns: usize, mut seen: Vec<bool>) -> Self {
        seen.clear();
        seen.resize(columns, false);
        Self {
            sums,
            id: None,
            total: 0,
            seen,
        }
    }

    /// The place for the columns, to be used again.
    pub(super) fn into_seen(self) -> Vec<bool> {
        self.seen
    }

    pub(super) fn finish(&self, shape: &RowShape) -> Result<(RowId, u64), String> {
        let id = self.id.ok_or("a row without its id")?;
        if let Some(place) = self.seen.iter().position(|seen| !seen) {
            return Err(missing(&shape.column(place)?.0));
        }
        Ok((id, self.total))
    }
}
