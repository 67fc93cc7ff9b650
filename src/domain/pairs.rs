//! Which row of the target is which of the source, where an alternate key and not the GUID tells them to be one record
//! (design, "Words": record). At most 40 bytes a pair, whichever side it is asked from.
//!
//! It reads no rows: who finds two with one key tells it.

use std::collections::HashMap;

use super::row::RowId;

/// New pairs before it is worth sorting them in.
const LEAST: usize = 1024;

/// The pairs of one table.
///
/// A pair counts while both of its rows name each other: a row that is paired anew leaves its former partner alone.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Source and target, in the order of the source.
    sorted: Vec<(RowId, RowId)>,
    /// Places in `sorted`, in the order of the target.
    by_target: Vec<u32>,
    /// What came since it was sorted, or stands in place of what is sorted in.
    target_of: HashMap<RowId, RowId>,
    source_of: HashMap<RowId, RowId>,
}

impl Pairs {
    /// Pairs two rows, whatever they were paired with before.
    pub fn learn(&mut self, source: RowId, target: RowId) {
        self.target_of.insert(source, target);
        self.source_of.insert(target, source);
        if self.target_of.len() >= LEAST.max(self.sorted.len() / 8) {
            self.sort_in();
        }
    }

    /// The row of the target that a row of the source is paired with.
    pub fn target(&self, source: RowId) -> Option<RowId> {
        let target = self.names_target(source)?;
        (self.names_source(target) == Some(source)).then_some(target)
    }

    /// The row of the source that a row of the target is paired with.
    pub fn source(&self, target: RowId) -> Option<RowId> {
        let source = self.names_source(target)?;
        (self.names_target(source) == Some(target)).then_some(source)
    }

    fn names_target(&self, source: RowId) -> Option<RowId> {
        let newer = self.target_of.get(&source).copied();
        newer.or_else(|| {
            let place = self.sorted.binary_search_by_key(&source, |pair| pair.0);
            self.sorted.get(place.ok()?).map(|pair| pair.1)
        })
    }

    fn names_source(&self, target: RowId) -> Option<RowId> {
        let newer = self.source_of.get(&target).copied();
        newer.or_else(|| {
            let at = |place: &u32| {
                usize::try_from(*place)
                    .ok()
                    .and_then(|at| self.sorted.get(at))
            };
            let found = self
                .by_target
                .binary_search_by_key(&Some(target), |place| at(place).map(|pair| pair.1));
            at(self.by_target.get(found.ok()?)?).map(|pair| pair.0)
        })
    }

    fn sort_in(&mut self) {
        let all = self.sorted.iter().copied();
        let all = all.chain(
            self.target_of
                .iter()
                .map(|(source, target)| (*source, *target)),
        );
        let mut sorted: Vec<(RowId, RowId)> = all
            .filter(|(source, target)| self.target(*source) == Some(*target))
            .collect();
        sorted.sort_unstable();
        sorted.dedup();
        // More rows than that have no room in a table of any service.
        let places = 0..u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        let target = |place: &u32| usize::try_from(*place).ok().and_then(|at| sorted.get(at));
        let mut by_target: Vec<u32> = places.collect();
        by_target.sort_unstable_by_key(|place| target(place).map(|pair| pair.1));
        self.sorted = sorted;
        self.by_target = by_target;
        self.target_of = HashMap::new();
        self.source_of = HashMap::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn id(number: u32) -> RowId {
        RowId::new(Uuid::from_u128(u128::from(number) + 1)).unwrap_or_else(|| panic!("{number}"))
    }

    proptest! {
        #[test]
        fn a_row_is_paired_with_the_one_it_was_paired_with_last_from_either_side(
            learnt in prop::collection::vec((0u32..700, 1000u32..1700), 0..3000),
        ) {
            let mut pairs = Pairs::default();
            let mut model: BTreeMap<u32, u32> = BTreeMap::new();
            for (source, target) in learnt {
                pairs.learn(id(source), id(target));
                model.retain(|_, other| *other != target);
                model.insert(source, target);
            }
            for source in 0..700 {
                let target = model.get(&source).copied();
                prop_assert_eq!(pairs.target(id(source)), target.map(id));
            }
            for target in 1000..1700 {
                let source = model.iter().find(|(_, other)| **other == target);
                prop_assert_eq!(pairs.source(id(target)), source.map(|(source, _)| id(*source)));
            }
        }
    }
}
