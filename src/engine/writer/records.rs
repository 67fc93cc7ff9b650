//! What the state says of records: where they stand, which drift they are in, and since when.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::StateWriter;
use crate::domain::drift::Drift;
use crate::domain::operation::{RecordKey, TableIndex};
use crate::domain::packed::PackedRow;
use crate::domain::time::Now;
use crate::engine::event::{Comparison, Counted, Looked, Named};
use crate::engine::records::{Record, Sides};
use crate::engine::state::{Counts, Flagged};

/// How long a record that is in step again stays listed after the last thing that was done to it.
const KEPT_AFTER_REPAIR: Duration = Duration::from_secs(120);

/// More records than this are not gone through with every snapshot.
const MANY: usize = 20_000;

impl StateWriter {
    pub(super) fn compared(&mut self, comparison: Comparison, now: Now) {
        let Comparison {
            table,
            started,
            in_sync,
            local,
            full,
            is_whole,
            looked,
            apart,
        } = comparison;
        let found: HashSet<RecordKey> = looked.iter().map(|looked| looked.record.key).collect();
        // What an operation read after the comparison began is newer than the comparison.
        let newer = |record: &Record| record.sides.read.mono > started.mono;
        let here = self
            .state
            .records
            .iter()
            .map(|(_, record)| record)
            .filter(|record| is_whole && record.key.table == table);
        let gone = here.filter(|record| !found.contains(&record.key) && !newer(record));
        let gone: Vec<RecordKey> = gone.map(|record| record.key).collect();
        for key in gone {
            self.unlist(key, Drift::InSync);
        }
        let (mut mended, mut spoilt) = (0, 0);
        for (id, counted) in apart {
            let key = RecordKey { table, id };
            let Some(record) = self.find(key).filter(|record| newer(record)) else {
                continue;
            };
            let is_equal = record.drift == Drift::InSync && record.sides.source.row().is_some();
            mended += usize::from(counted == Counted::Listed && is_equal);
            spoilt += usize::from(counted == Counted::InStep && record.drift.is_listed());
        }
        for looked in looked {
            match self.find(looked.record.key) {
                Some(record) if newer(record) => {
                    let is_mended = looked.drift.is_listed() && record.drift == Drift::InSync;
                    mended += usize::from(is_mended);
                    let was_equal =
                        looked.drift == Drift::InSync && looked.sides.source.row().is_some();
                    spoilt += usize::from(was_equal && record.drift.is_listed());
                }
                _ if looked.drift.is_listed() => self.place(looked),
                _ => self.unlist(looked.record.key, looked.drift),
            }
        }
        self.table(table, |t| {
            let in_sync = (in_sync + mended).saturating_sub(spoilt);
            for (drift, sum) in [(Drift::InSync, in_sync), (Drift::Local, local)] {
                if let Some(count) = t.counts.of_mut(drift) {
                    *count = sum;
                }
            }
            t.compared = Some(now);
            t.full = Some(full);
            t.comparing = None;
            t.changed_since = 0;
            t.failure = None;
        });
        self.recount(table);
        self.settle_lag();
    }

    /// Counts the listed drifts of a table anew from its records; equal and local ones are only known by number.
    pub(super) fn recount(&mut self, table: TableIndex) {
        let here = self
            .state
            .records
            .iter()
            .filter(|(_, record)| record.key.table == table);
        let listed: Counts = here
            .map(|(_, record)| record.drift)
            .filter(|drift| drift.is_listed())
            .collect();
        self.table(table, |t| {
            for drift in Drift::ALL.into_iter().filter(|drift| drift.is_listed()) {
                if let Some(count) = t.counts.of_mut(drift) {
                    *count = listed.of(drift);
                }
            }
        });
        self.dirty_lag.insert(table);
    }

    /// A record was read on both sides by an operation or for a person.
    pub(super) fn looked(&mut self, looked: Looked) {
        let (key, drift) = (looked.record.key, looked.drift);
        let was = self.find(key).map(|record| record.drift);
        if was.is_none() && !drift.is_listed() {
            return;
        }
        self.place(looked.packed());
        self.shift(key.table, was, drift);
    }

    /// Moves one record from one sum to another.
    pub(super) fn shift(&mut self, table: TableIndex, from: Option<Drift>, to: Drift) {
        self.table(table, |t| {
            // A record that was not listed was counted among the equal ones.
            if let Some(count) = t.counts.of_mut(from.unwrap_or(Drift::InSync)) {
                *count = count.saturating_sub(1);
            }
            if let Some(count) = t.counts.of_mut(to) {
                *count += 1;
            }
        });
        self.dirty_lag.insert(table);
    }

    pub(super) fn find(&self, key: RecordKey) -> Option<&Record> {
        self.state.records.get(*self.slots.get(&key)?)
    }

    pub(super) fn change(&mut self, key: RecordKey, change: impl FnOnce(&mut Record)) {
        let Some(slot) = self.slots.get(&key).copied() else {
            return;
        };
        if let Some(Some(record)) = self.state_mut().records.slot_mut(slot) {
            change(record);
        }
    }

    /// Puts a record into its slot, keeping what only time knows of it.
    pub(super) fn place(&mut self, looked: Looked<PackedRow>) {
        let Looked {
            record: named,
            drift,
            is_guess,
            other,
            parked,
            since: known,
            sides,
        } = looked;
        let key = named.key;
        let earlier = self.find(key);
        let since = match earlier {
            Some(earlier) if earlier.drift.is_pending() && drift.is_pending() => earlier.since,
            Some(earlier) if earlier.drift == drift => earlier.since,
            Some(_) => pending_since(None, drift, &sides, self.skew_of_source(key.table)),
            // It was in step when its table was last compared, and can't have been out of step for longer.
            None => {
                let in_step = self.state.table(key.table).and_then(|table| table.compared);
                let in_step = in_step.filter(|_| known.is_none());
                let since = pending_since(known, drift, &sides, self.skew_of_source(key.table));
                since.map(|since| in_step.map_or(since, |in_step| since.max(in_step.wall)))
            }
        };
        let (under_way, last, is_left_out) = earlier
            .map(|e| (e.under_way, e.last.clone(), e.is_left_out))
            .unwrap_or_default();
        // What a person had read is worth more than that the agent has read it again.
        let read = earlier.filter(|e| e.drift == drift && e.sides.are_read() && !sides.are_read());
        let sides = read.map_or(sides, |read| Arc::clone(&read.sides));
        let Named { name, number, .. } = named;
        let record = Record {
            key,
            drift,
            is_guess,
            name,
            number,
            other,
            since,
            parked,
            is_left_out,
            sides,
            under_way,
            last,
        };
        let slot = self.slots.get(&key).copied().or_else(|| self.free.pop());
        let slot =
            slot.unwrap_or_else(|| u32::try_from(self.state.records.slots()).unwrap_or(u32::MAX));
        self.slots.insert(key, slot);
        if let Some(place) = self.state_mut().records.slot_mut(slot) {
            *place = Some(record);
        }
        self.dirty_lag.insert(key.table);
    }

    pub(super) fn skew_of_source(&self, table: TableIndex) -> chrono::Duration {
        let source = self
            .state
            .link_of(table)
            .and_then(|link| self.state.instances.get(link.source));
        source.map(|source| source.skew).unwrap_or_default()
    }

    /// A record that is in step again: it stays where it is while an operation or a person's eye is on it.
    pub(super) fn unlist(&mut self, key: RecordKey, drift: Drift) {
        let stays = self
            .find(key)
            .is_some_and(|record| record.under_way.is_some() || record.last.is_some());
        if stays {
            self.change(key, |record| record.drift = drift);
        } else {
            self.remove(key);
        }
        self.dirty_lag.insert(key.table);
    }

    pub(super) fn remove(&mut self, key: RecordKey) {
        let Some(slot) = self.slots.remove(&key) else {
            return;
        };
        if let Some(place) = self.state_mut().records.slot_mut(slot) {
            *place = None;
            self.free.push(slot);
        }
    }

    pub(super) fn forget(&mut self, now: Now) {
        let over = |record: &Record| {
            !record.drift.is_listed()
                && record.under_way.is_none()
                && record
                    .last
                    .as_ref()
                    .is_none_or(|last| now.since(last.at) > KEPT_AFTER_REPAIR)
        };
        let over: Vec<RecordKey> = self
            .state
            .records
            .iter()
            .filter(|(_, record)| over(record))
            .map(|(_, record)| record.key)
            .collect();
        for key in over {
            self.remove(key);
        }
    }

    /// Tells which records of a table the last successful run of its link should have brought over, and did not. What
    /// was in flight when it began is none of them, nor is what was last looked at before it ended.
    fn tell_left_out(&mut self, index: TableIndex) {
        let link = self.state.link_of(index);
        // Of a run of another process it may be known that it ended before it is known what it did.
        let ended = link.and_then(|link| link.sync.last_success);
        let elsewhere = ended.filter(|ended| *ended < self.state.started.wall);
        let was_seen_since =
            |record: &Record| elsewhere.is_none_or(|ended| record.sides.read.wall >= ended);
        let before = link.and_then(|link| {
            let settle = chrono::Duration::from_std(link.schedule.settle).ok()?;
            link.sync.last_success_began?.checked_sub_signed(settle)
        });
        let is_left_out = |record: &Record| {
            let since = record.since.filter(|_| record.drift.is_pending());
            since
                .zip(before)
                .is_some_and(|(since, before)| since < before && was_seen_since(record))
        };
        let records = self.state.records.iter().map(|(_, record)| record);
        let here = records.filter(|record| record.key.table == index);
        let changed = here.filter(|record| record.is_left_out != is_left_out(record));
        let changed: Vec<RecordKey> = changed.map(|record| record.key).collect();
        for key in changed {
            self.change(key, |record| record.is_left_out = !record.is_left_out);
        }
    }

    /// A run of a link's sync is known to have ended: what it left out is told.
    pub(super) fn ran(&mut self, link: usize) {
        let tables = self.state.tables_of(link).map(|(table, _)| table);
        self.dirty_lag.extend(tables);
        self.settle_lag();
    }

    /// The same as [`Self::settle_lag`], but not with every snapshot where that goes through very many records: then the
    /// next second does it.
    pub(in crate::engine) fn settle_lag_now_and_then(&mut self) {
        if self.state.records.slots() <= MANY {
            self.settle_lag();
        }
    }

    pub(in crate::engine) fn settle_lag(&mut self) {
        let dirty = std::mem::take(&mut self.dirty_lag);
        for index in dirty {
            self.tell_left_out(index);
            let records = self.state.records.iter().map(|(_, record)| record);
            let pending =
                records.filter(|record| record.key.table == index && record.drift.is_pending());
            let mut flagged = Flagged::default();
            let mut oldest: Option<DateTime<Utc>> = None;
            for record in pending {
                match record.flag() {
                    Some(flag) => *flagged.of_mut(flag) += 1,
                    None => oldest = oldest.into_iter().chain(record.since).min(),
                }
            }
            self.table(index, |t| {
                t.oldest_pending = oldest;
                t.flagged = flagged;
            });
        }
    }
}

/// Since when a record is out of step, when it is first seen so (design, "Lag, exactly").
fn pending_since(
    known: Option<DateTime<Utc>>,
    drift: Drift,
    sides: &Sides<PackedRow>,
    skew: chrono::Duration,
) -> Option<DateTime<Utc>> {
    let since = known.or_else(|| sides.since(drift));
    since.map(|since| (since - skew).min(sides.read.wall))
}
