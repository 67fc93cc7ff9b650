//! The records that are out of step, in slots that stay where they are: chunks of 256 behind `Arc`s, so that a
//! change copies one chunk and a snapshot copies pointers.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::drift::{Drift, Flag, Side};
use crate::domain::operation::{OperationId, RecordKey, Stage, Verb};
use crate::domain::packed::PackedRow;
use crate::domain::row::{Row, RowId};
use crate::domain::time::Now;

/// One record that is, or a moment ago was, out of step.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Which record.
    pub key: RecordKey,
    /// Its drift at the last look.
    pub drift: Drift,
    /// Whether only the two clocks told which side changed.
    pub is_guess: bool,
    /// What it is called: made visible, for the screen only.
    pub name: String,
    /// The value of its alternate key, or another text that tells it apart: made visible.
    pub number: String,
    /// The other row's id, for a duplicate.
    pub other: Option<RowId>,
    /// Since when it is out of step: the source's last change when it was first seen so.
    pub since: Option<DateTime<Utc>>,
    /// Why it is parked, if it is: what the target said when it refused it.
    pub parked: Option<Arc<str>>,
    /// Whether the link's last successful run left it out.
    pub is_left_out: bool,
    /// Both sides as they were last read.
    pub sides: Arc<Sides<PackedRow>>,
    /// The operation that holds it.
    pub under_way: Option<OperationId>,
    /// What was last tried on it.
    pub last: Option<Box<Attempt>>,
}

impl Record {
    /// Whether it is too fresh to be called out of step, or held by an operation (design, "In-flight").
    pub fn is_in_flight(&self, settle: std::time::Duration, now: DateTime<Utc>) -> bool {
        let fresh = self
            .since
            .is_some_and(|since| crate::domain::time::age(now, since) < settle);
        self.drift.is_pending() && (fresh || self.under_way.is_some())
    }

    /// What stands beside its drift.
    pub fn flag(&self) -> Option<Flag> {
        if !self.drift.is_pending() {
            None
        } else if self.parked.is_some() {
            Some(Flag::Parked)
        } else {
            self.is_left_out.then_some(Flag::LeftOut)
        }
    }
}

/// Both sides of a record, as they were read: with the rows as they are, or packed where many are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides<R = Row> {
    /// The source's side.
    pub source: Side<R>,
    /// The target's side.
    pub target: Side<R>,
    /// The places of the columns that differ.
    pub differing: Vec<usize>,
    /// When both had been read.
    pub read: Now,
}

impl<R> Sides<R> {
    /// Whether this process has read them.
    pub fn are_read(&self) -> bool {
        let is_unread = |side| matches!(side, &Side::Unread);
        !is_unread(&self.source) && !is_unread(&self.target)
    }
}

impl Sides {
    /// The same with the rows packed.
    pub fn packed(&self) -> Sides<PackedRow> {
        Sides {
            source: self.source.packed(),
            target: self.target.packed(),
            differing: self.differing.clone(),
            read: self.read,
        }
    }
}

impl Sides<PackedRow> {
    /// Both sides of a record that only the agent beside us has read.
    pub(super) fn unread(at: Now) -> Self {
        Self {
            source: Side::Unread,
            target: Side::Unread,
            differing: Vec::new(),
            read: at,
        }
    }

    /// The same with the rows as they are.
    pub fn open(&self) -> Sides {
        Sides {
            source: self.source.open(),
            target: self.target.open(),
            differing: self.differing.clone(),
            read: self.read,
        }
    }

    /// Since when a record with these sides is in that drift, by the clock of the side that tells; `None` for what is
    /// in step (design, "Lag, exactly").
    pub(super) fn since(&self, drift: Drift) -> Option<DateTime<Utc>> {
        let modified = |side: &Side<PackedRow>| side.row().and_then(PackedRow::modified_on);
        match drift {
            Drift::Missing
            | Drift::DeletedInTarget
            | Drift::Kept
            | Drift::Stub
            | Drift::Stale
            | Drift::Duplicate => modified(&self.source),
            Drift::Diverged | Drift::Orphan | Drift::Local => modified(&self.target),
            Drift::Unknown => Some(self.read.wall),
            Drift::InSync => None,
        }
    }
}

/// The latest thing that an operation did to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which operation.
    pub operation: OperationId,
    /// What it was asked to do.
    pub verb: Verb,
    /// How far it came.
    pub stage: Stage,
    /// When.
    pub at: Now,
}

/// How many records share a chunk.
pub const CHUNK: usize = 256;

/// Slots of records. A slot that was freed is `None` until it is used again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    chunks: Vec<Arc<Vec<Option<Record>>>>,
}

impl Records {
    /// The record in a slot.
    pub fn get(&self, slot: u32) -> Option<&Record> {
        let slot = usize::try_from(slot).ok()?;
        self.chunks.get(slot / CHUNK)?.get(slot % CHUNK)?.as_ref()
    }

    /// All records with their slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Record)> {
        let slots = self.chunks.iter().flat_map(|chunk| chunk.iter());
        slots
            .zip(0u32..)
            .filter_map(|(record, slot)| record.as_ref().map(|record| (slot, record)))
    }

    /// The chunks, to see by pointer which of them changed.
    pub fn chunks(&self) -> &[Arc<Vec<Option<Record>>>] {
        &self.chunks
    }

    /// Whether nothing has changed between the two, by their chunks alone.
    pub fn is_same(&self, other: &Self) -> bool {
        let pairs = self.chunks.iter().zip(&other.chunks);
        self.chunks.len() == other.chunks.len() && { pairs }.all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// How many slots there are, used or not.
    pub fn slots(&self) -> usize {
        // All chunks but the last are full.
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        full + self.chunks.last().map_or(0, |chunk| chunk.len())
    }

    /// The place to change; the slot is made when it lies just behind the last.
    pub(super) fn slot_mut(&mut self, slot: u32) -> Option<&mut Option<Record>> {
        let slot = usize::try_from(slot).ok()?;
        if slot == self.slots() {
            match self.chunks.last_mut() {
                Some(last) if last.len() < CHUNK => Arc::make_mut(last).push(None),
                _ => self.chunks.push(Arc::new(vec![None])),
            }
        }
        Arc::make_mut(self.chunks.get_mut(slot / CHUNK)?).get_mut(slot % CHUNK)
    }
}

impl FromIterator<Record> for Records {
    fn from_iter<T: IntoIterator<Item = Record>>(records: T) -> Self {
        let mut slots = Self::default();
        for (slot, record) in (0u32..).zip(records) {
            if let Some(place) = slots.slot_mut(slot) {
                *place = Some(record);
            }
        }
        slots
    }
}
