//! Pairs the rows of two listings by id while both are still being read: whatever the order of either, in at most 40
//! bytes a row (design, "Scale"). SQL Server orders GUIDs in a way of its own, so nothing here relies on an order.
//!
//! Rows are appended to a shard as they come, and a shard is sorted once it has grown by a quarter: rows that both sides have with
//! the same hash cancel out there, and 8 bytes are left of both. It does not know what the rows hold, only their hashes.

use std::mem;

use uuid::Uuid;

use super::members::{self, Members};
use super::row::RowId;

/// How many shards there are: so many that sorting one takes about a millisecond in a table of a million rows.
const SHARDS: usize = 256;

/// New rows in a shard before it is worth sorting.
const LEAST: usize = 1024;

/// One row: its id and the hash of its hydrated columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    high: u64,
    low: u64,
    digest: u64,
}

impl Seen {
    fn id(self) -> Option<RowId> {
        RowId::new(Uuid::from_u64_pair(self.high, self.low))
    }

    fn bits(self) -> u64 {
        members::bits_of(self.high, self.low)
    }

    fn same_row(self, other: Self) -> bool {
        (self.high, self.low) == (other.high, other.low)
    }
}

/// The rows of a shard that have no equal yet.
#[derive(Debug, Default)]
struct Shard {
    source: Vec<Seen>,
    target: Vec<Seen>,
    /// The bits of those that had one.
    equal: Vec<u64>,
    /// How many were left when it was last sorted.
    left: usize,
}

/// Two listings being paired.
#[derive(Debug)]
pub struct Pairing {
    shards: Vec<Shard>,
}

/// What two listings come to.
#[derive(Debug, Default)]
pub struct Paired {
    /// Rows that both sides have with equal hashes.
    pub equal: Members,
    /// Rows that both sides have with different hashes, and rows that only one side has.
    pub unequal: Vec<RowId>,
}

impl Default for Pairing {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
        }
    }
}

impl Pairing {
    /// Takes in a row of the source. A row that comes twice counts as it came last (fault F31).
    pub fn source(&mut self, id: RowId, digest: u64) {
        self.see(id, digest, |shard| &mut shard.source);
    }

    /// Takes in a row of the target.
    pub fn target(&mut self, id: RowId, digest: u64) {
        self.see(id, digest, |shard| &mut shard.target);
    }

    fn see(&mut self, id: RowId, digest: u64, side: fn(&mut Shard) -> &mut Vec<Seen>) {
        let (high, low) = id.uuid().as_u64_pair();
        let Some(shard) = self.shards.get_mut(place(high, low)) else {
            return;
        };
        let rows = side(shard);
        if rows.len() == rows.capacity() {
            // Doubling would leave half of the memory unused at the worst moment.
            rows.reserve_exact(16.max(rows.len() / 4));
        }
        rows.push(Seen { high, low, digest });
        let unsorted = shard.source.len() + shard.target.len() - shard.left;
        if unsorted >= LEAST.max(shard.left / 4) {
            shard.cancel();
        }
    }

    /// Both listings have come to their end.
    pub fn finish(self) -> Paired {
        let mut unequal = Vec::new();
        let equal = self.shards.into_iter().flat_map(|mut shard| {
            shard.cancel();
            let rows = shard.source.iter().chain(&shard.target);
            unequal.extend(rows.filter_map(|row| row.id()));
            shard.equal
        });
        let equal = equal.collect();
        unequal.sort_unstable();
        unequal.dedup();
        Paired { equal, unequal }
    }

    /// Bytes that the rows take at the moment.
    pub fn memory(&self) -> usize {
        let shards = self.shards.iter().map(|shard| {
            let alone = shard.source.capacity() + shard.target.capacity();
            alone * mem::size_of::<Seen>() + shard.equal.capacity() * mem::size_of::<u64>()
        });
        shards.sum()
    }
}

impl Shard {
    /// Keeps no more than their bits of the rows that both sides have with the same hash.
    fn cancel(&mut self) {
        tidy(&mut self.source);
        tidy(&mut self.target);
        let (source, target) = (mem::take(&mut self.source), mem::take(&mut self.target));
        (self.source, self.target) = (without(&source, &target), without(&target, &source));
        self.left = self.source.len() + self.target.len();
        let equal = source.len() - self.source.len();
        if self.equal.capacity() < self.equal.len() + equal {
            self.equal.reserve_exact(equal.max(self.equal.len() / 4));
        }
        let mut alone = self.source.iter().peekable();
        let equal = source.iter().filter(|row| alone.next_if_eq(row).is_none());
        self.equal.extend(equal.map(|row| row.bits()));
    }
}

/// Sorts by id and keeps of each row what came last.
fn tidy(rows: &mut Vec<Seen>) {
    // Stable: what came later stays behind what came earlier.
    rows.sort_by_key(|row| (row.high, row.low));
    rows.reverse();
    rows.dedup_by(|later, kept| later.same_row(*kept));
    rows.reverse();
}

/// The rows that have no equal on the other side; both sorted by id.
fn without(rows: &[Seen], others: &[Seen]) -> Vec<Seen> {
    let mut others = others.iter().copied().peekable();
    let alone = rows.iter().copied().filter(|row| {
        while others
            .next_if(|other| (other.high, other.low) < (row.high, row.low))
            .is_some()
        {}
        others.peek() != Some(row)
    });
    let mut alone: Vec<Seen> = alone.collect();
    alone.shrink_to_fit();
    alone
}

/// Which shard a row belongs to: GUIDs of one run resemble each other in all but some of their bits.
fn place(high: u64, low: u64) -> usize {
    let mixed = (high ^ low.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::from((mixed >> 56) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn id(number: u32) -> RowId {
        RowId::new(Uuid::from_u128(u128::from(number) + 1)).unwrap_or_else(|| panic!("{number}"))
    }

    proptest! {
        #[test]
        fn whatever_the_order_what_differs_and_what_is_alone_is_left(
            rows in prop::collection::vec((any::<bool>(), 0u32..600, 0u64..3), 0..4000),
        ) {
            let mut pairing = Pairing::default();
            let (mut source, mut target) = (BTreeMap::new(), BTreeMap::new());
            for (is_source, number, digest) in rows {
                let side = if is_source { &mut source } else { &mut target };
                side.insert(number, digest);
            }
            for (number, digest) in &source {
                pairing.source(id(*number), *digest);
            }
            for (number, digest) in target.iter().rev() {
                pairing.target(id(*number), *digest);
            }
            let all: BTreeSet<u32> = source.keys().chain(target.keys()).copied().collect();
            let (equal, rest): (Vec<u32>, Vec<u32>) =
                all.into_iter().partition(|number| source.get(number) == target.get(number));
            let mut ids: Vec<RowId> = rest.into_iter().map(id).collect();
            ids.sort_unstable();
            let paired = pairing.finish();
            prop_assert_eq!((paired.equal.len(), paired.unequal), (equal.len(), ids));
            let all: BTreeSet<u64> = equal.into_iter().map(|number| members::bits(id(number))).collect();
            let paired = paired.equal.changed().into_iter();
            let paired: BTreeSet<u64> = paired.flat_map(|(_, ids)| ids.to_vec()).collect();
            prop_assert_eq!(paired, all);
        }
    }

    #[test]
    fn fault_f31_a_row_that_is_listed_twice_counts_as_it_came_last() {
        let mut pairing = Pairing::default();
        pairing.source(id(1), 7);
        pairing.source(id(1), 8);
        pairing.target(id(1), 8);
        let paired = pairing.finish();
        assert_eq!((paired.equal.len(), paired.unequal), (1, vec![]));
    }

    #[test]
    fn one_side_read_to_its_end_before_the_other_takes_at_most_forty_bytes_a_row() {
        let mut pairing = Pairing::default();
        let rows = 1_000_000;
        for number in 0..rows {
            pairing.source(id(number), 1);
        }
        let most = 40 * usize::try_from(rows).unwrap_or_default();
        assert!(pairing.memory() <= most, "{} bytes", pairing.memory());
        for number in 0..rows {
            pairing.target(id(number), 1);
        }
        assert!(pairing.memory() <= most, "{} bytes", pairing.memory());
        assert_eq!(pairing.finish().equal.len(), 1_000_000);
    }
}
