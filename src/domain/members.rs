//! Which rows of a table belong to a set that may hold nearly all of them, in 8 bytes each: 64 bits of every id, in
//! shards that can be kept elsewhere and taken up again one by one. Two of ten million ids share their bits once in a
//! million tables, as two digests of rows do (design, "Drift, exactly").

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::row::RowId;

/// A shard of ten million ids is 80 KB: little to write for one row that came or went.
const SHARD_BITS: u32 = 10;

/// A part of a set: its number, and the bits of its ids in their order.
pub type Shard = (u16, Arc<Vec<u64>>);

/// A set of rows. What of it is not in hand stands where its shards are kept, or is empty where it is whole.
#[derive(Debug)]
pub struct Members {
    len: usize,
    is_whole: bool,
    in_hand: BTreeMap<u16, Arc<Vec<u64>>>,
    /// Shards that differ from what is kept.
    changed: BTreeSet<u16>,
}

impl Default for Members {
    fn default() -> Self {
        Self {
            len: 0,
            is_whole: true,
            in_hand: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }
}

impl Members {
    /// A set of which everything is kept elsewhere: so many ids.
    pub fn kept(len: usize) -> Self {
        Self {
            len,
            is_whole: false,
            ..Self::default()
        }
    }

    /// A set of which everything is in hand, in these shards.
    pub fn whole(shards: impl Iterator<Item = Shard>) -> Self {
        let in_hand: BTreeMap<u16, Arc<Vec<u64>>> = shards.collect();
        Self {
            len: in_hand.values().map(|shard| shard.len()).sum(),
            in_hand,
            ..Self::default()
        }
    }

    /// How many rows are in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The shards that have to be taken up before anything is said of these rows.
    pub fn lacks(&self, ids: impl Iterator<Item = RowId>) -> BTreeSet<u16> {
        if self.is_whole {
            return BTreeSet::new();
        }
        let shards = ids.map(|id| shard_of(bits(id)));
        shards
            .filter(|shard| !self.in_hand.contains_key(shard))
            .collect()
    }

    /// Takes up a shard as it was kept; one that is in hand already is the newer one.
    pub fn take_up(&mut self, (shard, ids): Shard) {
        self.in_hand.entry(shard).or_insert(ids);
    }

    /// Whether a row is in it, as far as its shard is in hand.
    pub fn has(&self, id: RowId) -> bool {
        let bits = bits(id);
        let shard = self.in_hand.get(&shard_of(bits));
        shard.is_some_and(|shard| shard.binary_search(&bits).is_ok())
    }

    /// Puts a row into the set, or takes it out of it; its shard has to be in hand.
    pub fn set(&mut self, id: RowId, is_member: bool) {
        let bits = bits(id);
        let number = shard_of(bits);
        if !self.is_whole && !self.in_hand.contains_key(&number) {
            return;
        }
        let shard = self.in_hand.entry(number).or_default();
        match (shard.binary_search(&bits), is_member) {
            (Err(place), true) => {
                Arc::make_mut(shard).insert(place, bits);
                self.len += 1;
            }
            (Ok(place), false) => {
                Arc::make_mut(shard).remove(place);
                self.len = self.len.saturating_sub(1);
            }
            (Ok(_), true) | (Err(_), false) => return,
        }
        self.changed.insert(number);
    }

    /// The shards that differ from what is kept.
    pub fn changed(&self) -> Vec<Shard> {
        let changed = self.changed.iter();
        changed
            .filter_map(|number| Some((*number, Arc::clone(self.in_hand.get(number)?))))
            .collect()
    }

    /// All of it is kept elsewhere now: nothing stays in hand.
    pub fn let_go(&mut self) {
        *self = Self::kept(self.len);
    }
}

/// What of an id is remembered.
pub(super) fn bits(id: RowId) -> u64 {
    let (high, low) = id.uuid().as_u64_pair();
    bits_of(high, low)
}

/// The same of the two halves of an id.
pub(super) fn bits_of(high: u64, low: u64) -> u64 {
    mixed(mixed(high) ^ low)
}

/// Spreads what differs in any bit over all of them: one to one (the finish of `MurmurHash3`).
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

fn shard_of(bits: u64) -> u16 {
    u16::try_from(bits >> (u64::BITS - SHARD_BITS)).unwrap_or_default()
}

/// From the bits of its ids, in any order and some of them more than once.
impl FromIterator<u64> for Members {
    fn from_iter<T: IntoIterator<Item = u64>>(all: T) -> Self {
        let mut shards: Vec<Vec<u64>> = vec![Vec::new(); 1 << SHARD_BITS];
        for bits in all {
            if let Some(shard) = shards.get_mut(usize::from(shard_of(bits))) {
                shard.push(bits);
            }
        }
        let mut members = Self::default();
        let filled = (0..).zip(shards).filter(|(_, ids)| !ids.is_empty());
        for (number, mut ids) in filled {
            ids.sort_unstable();
            ids.dedup();
            ids.shrink_to_fit();
            members.len += ids.len();
            members.changed.insert(number);
            members.in_hand.insert(number, Arc::new(ids));
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn id(number: u128) -> RowId {
        RowId::new(Uuid::from_u128(number + 1)).unwrap_or_else(|| panic!("{number}"))
    }

    proptest! {
        #[test]
        fn a_set_that_is_kept_elsewhere_counts_as_one_in_hand(
            first in prop::collection::vec(0u128..300, 0..200),
            steps in prop::collection::vec(prop::collection::vec((0u128..300, any::<bool>()), 0..20), 0..8),
        ) {
            let mut truth: BTreeSet<u128> = first.iter().copied().collect();
            let mut members: Members = first.iter().map(|number| bits(id(*number))).collect();
            let mut kept: BTreeMap<u16, Arc<Vec<u64>>> = BTreeMap::new();
            for step in steps {
                kept.extend(members.changed());
                members.let_go();
                for number in members.lacks(step.iter().map(|(number, _)| id(*number))) {
                    members.take_up((number, kept.get(&number).cloned().unwrap_or_default()));
                }
                for (number, is_member) in step {
                    prop_assert_eq!(members.has(id(number)), truth.contains(&number));
                    members.set(id(number), is_member);
                    if is_member {
                        truth.insert(number);
                    } else {
                        truth.remove(&number);
                    }
                }
                prop_assert_eq!(members.len(), truth.len());
            }
        }
    }

    #[test]
    fn ids_that_resemble_each_other_are_told_apart_and_spread_evenly() {
        let many: Members = (0..200_000)
            .map(|number| bits(id(number << 96 | 7)))
            .collect();
        assert_eq!(many.len(), 200_000);
        let sizes = many.in_hand.values().map(|shard| shard.len());
        assert_eq!(many.in_hand.len(), 1 << SHARD_BITS);
        assert!(sizes.max().is_some_and(|most| most < 300));
    }
}
