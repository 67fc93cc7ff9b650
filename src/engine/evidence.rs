//! What is known of records beside their two rows, for whoever reads them: who wrote last, and what the feeds of changes
//! have told. Shared by comparisons and repairs, so that no repair undoes what only a feed could know.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::drift::{Changed, Drift};
use crate::domain::operation::{RecordKey, Stage, Verb};
use crate::domain::row::{ETag, RowId};
use crate::journal;

/// How tandem left a row of the target when it last wrote to it: while the row still has that version, nobody else has
/// changed it, whatever the clocks say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    /// The version that it was left in; `None` where it was gone, or already another's, when it was read back.
    pub(super) etag: Option<ETag>,
    /// Whether both sides were made equal; blanks alone may have been filled, and a decision is still owed.
    pub(super) is_whole: bool,
    /// What was written, where the target made something else of it: the columns, and the hash of their values.
    pub(super) altered: Option<(Vec<String>, u64)>,
}

impl Agreement {
    /// What the journal says of a row.
    pub(super) fn of(remembered: journal::Agreement) -> Self {
        let altered = matches!(remembered.stage, Stage::Altered(_));
        let hash = remembered.hash.filter(|_| altered);
        Self {
            etag: remembered.etag,
            is_whole: remembered.verb != Verb::FillBlanks,
            altered: hash.map(|hash| (remembered.columns, hash)),
        }
    }
}

/// The rows that tandem wrote and read back.
#[derive(Debug, Default)]
pub(super) struct Agreements(Mutex<HashMap<RecordKey, Agreement>>);

impl Agreements {
    /// Takes in how a row was left.
    pub(super) fn agree(&self, key: RecordKey, agreement: Agreement) {
        self.lock().insert(key, agreement);
    }

    /// Takes in what the journal knows; what was agreed since is newer.
    pub(super) fn remember(&self, key: RecordKey, agreement: Agreement) {
        self.lock().entry(key).or_insert(agreement);
    }

    /// How tandem left the row, if it ever wrote it.
    pub(super) fn of(&self, key: RecordKey) -> Option<Agreement> {
        self.lock().get(&key).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordKey, Agreement>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records that a person chose to keep as the target has them: both sides as they were then.
#[derive(Debug, Default)]
pub(super) struct Choices(Mutex<HashMap<RecordKey, u64>>);

impl Choices {
    /// Takes in a choice.
    pub(super) fn keep(&self, key: RecordKey, pair: u64) {
        self.lock().insert(key, pair);
    }

    /// Takes in what the journal knows; what was chosen since is newer.
    pub(super) fn remember(&self, key: RecordKey, pair: u64) {
        self.lock().entry(key).or_insert(pair);
    }

    /// Both sides as they were at the latest choice.
    pub(super) fn of(&self, key: RecordKey) -> Option<u64> {
        self.lock().get(&key).copied()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordKey, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records of a table that were read apart from its comparisons since the last of them, by operations and for people.
/// Which of two looks that overlap is the newer one nobody can tell: the next comparison looks at them once more, and
/// its word holds.
#[derive(Debug, Default)]
pub(super) struct ReadApart(Mutex<BTreeSet<RowId>>);

impl ReadApart {
    /// A record was read.
    pub(super) fn add(&self, id: RowId) {
        self.lock().insert(id);
    }

    /// Those that were read until now; they are still to be looked at.
    pub(super) fn seen(&self) -> BTreeSet<RowId> {
        self.lock().clone()
    }

    /// The same, and none of them is to be looked at any more.
    pub(super) fn take(&self) -> BTreeSet<RowId> {
        std::mem::take(&mut *self.lock())
    }

    /// The same, for a look that may break off: what is left of them then is still to be looked at.
    pub(super) fn borrow(&self) -> Borrowed<'_> {
        Borrowed {
            ids: self.take(),
            from: self,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<RowId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records that were taken to be looked at.
#[derive(Debug)]
pub(super) struct Borrowed<'r> {
    /// Those that are still to be looked at.
    pub(super) ids: BTreeSet<RowId>,
    from: &'r ReadApart,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.from.lock().append(&mut self.ids);
    }
}

/// The records that the target refused for their own sake, with the source's side as it was then, and why. Who is
/// parked is left alone by whatever runs by itself.
#[derive(Debug, Default)]
pub(super) struct Parked(Mutex<HashMap<RecordKey, (u64, Arc<str>)>>);

impl Parked {
    /// Takes in a refusal.
    pub(super) fn park(&self, key: RecordKey, source: u64, why: Arc<str>) {
        self.lock().insert(key, (source, why));
    }

    /// Takes in what the journal knows; what was tried since is newer.
    pub(super) fn remember(&self, key: RecordKey, source: u64, why: Arc<str>) {
        self.lock().entry(key).or_insert((source, why));
    }

    /// Takes in what the journal knows by now, perhaps from another process; whether it is news.
    pub(super) fn learn(&self, key: RecordKey, source: u64, why: &Arc<str>) -> bool {
        let told = (source, Arc::clone(why));
        self.lock().insert(key, told.clone()) != Some(told)
    }

    /// A write of it succeeded.
    pub(super) fn release(&self, key: RecordKey) {
        self.lock().remove(&key);
    }

    /// Why a record is parked, if it is while the source's side has this hash.
    pub(super) fn why(&self, key: RecordKey, source: impl FnOnce() -> u64) -> Option<Arc<str>> {
        let parked = self.lock();
        let (as_it_was, why) = parked.get(&key)?;
        (*as_it_was == source()).then(|| Arc::clone(why))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordKey, (u64, Arc<str>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the feeds of changes have told of the records that are out of step.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<RecordKey, Standing>>);

/// How a record stood when it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) drift: Drift,
    /// The hash of the target's hydrated columns then.
    pub(super) target: Option<u64>,
}

/// What is known of a record beside its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clues {
    pub(super) changed: Option<Changed>,
    pub(super) deleted_in_source: bool,
    pub(super) deleted_in_target: bool,
    /// Whether it waited for a decision.
    pub(super) is_held: bool,
}

impl Told {
    /// Takes in how a record stands.
    pub(super) fn stands(&self, key: RecordKey, standing: Standing) {
        self.lock().insert(key, standing);
    }

    /// A record is out of step no more.
    pub(super) fn forget(&self, key: RecordKey) {
        self.lock().remove(&key);
    }

    /// Forgets all records for which this holds.
    pub(super) fn forget_all(&self, is_it: impl Fn(RecordKey) -> bool) {
        self.lock().retain(|key, _| !is_it(*key));
    }

    /// What an earlier look tells of a record, when it is read again and the target's hydrated columns have this hash:
    /// what a person must decide stays so, and what is stale stays so as long as those columns are what they were.
    pub(super) fn clues(&self, key: RecordKey, target: Option<u64>) -> Clues {
        let Some(standing) = self.lock().get(&key).copied() else {
            return Clues::default();
        };
        // Whose hydrated columns are not what they were was written to since, be it within the same second.
        let has_changed = standing
            .target
            .zip(target)
            .map(|(before, now)| before != now);
        let changed = match standing.drift {
            Drift::Stale | Drift::Stub => has_changed.map(|target| Changed {
                source: true,
                target,
            }),
            _ => None,
        };
        Clues {
            changed,
            deleted_in_source: standing.drift == Drift::Orphan,
            deleted_in_target: standing.drift == Drift::DeletedInTarget,
            is_held: matches!(standing.drift, Drift::Diverged | Drift::Kept),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordKey, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
