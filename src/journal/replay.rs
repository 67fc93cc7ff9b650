//! How far a record of an operation has come, event by event. Recording and recovery go through the same function,
//! so that what is accepted live is exactly what a restart understands.

use chrono::{DateTime, Utc};

use super::record::{Event, RecoveredEnd, RecoveredRecord, What};
use crate::domain::operation::Stage;
use crate::domain::row::RowId;
use crate::domain::table::TableName;

/// Whether a record may go from `current` to `next`. A record that is new to its operation stands before accepted.
pub fn next(current: Option<&Stage>, next: &Stage) -> Result<(), String> {
    let (may, from) = match current {
        None => (
            *next == Stage::Accepted || Stage::Accepted.may_become(next),
            "the beginning",
        ),
        Some(current) => (current.may_become(next), current.word()),
    };
    if may {
        Ok(())
    } else {
        Err(format!("a record can't go from {from} to {}", next.word()))
    }
}

/// An operation, folded from its events.
#[derive(Debug, Default)]
pub struct Fold {
    places: std::collections::HashMap<(TableName, RowId, bool), usize>,
    /// Its records where they stand, in the order in which they came up.
    pub records: Vec<RecoveredRecord>,
    /// When its first record left accepted.
    pub started: Option<DateTime<Utc>>,
    /// How it ended.
    pub finished: Option<RecoveredEnd>,
}

impl Fold {
    /// Takes the next event; what does not fit is said and left out.
    pub fn apply(&mut self, event: Event) -> Result<(), String> {
        if self.finished.is_some() {
            return Err(format!("event {} follows the end", event.seq));
        }
        let (record, stage, etag, hash, columns) = match event.what {
            What::Finished(cut_short) => {
                let at = event.at;
                self.finished = Some(RecoveredEnd { at, cut_short });
                return Ok(());
            }
            What::Record {
                record,
                stage,
                etag,
                hash,
                columns,
            } => (record, stage, etag, hash, columns),
        };
        // A row that was chosen and ensured on the way of another is two records: each has its own course.
        let key = (record.table.clone(), record.id, record.on_the_way);
        let place = self.places.get(&key).copied();
        let current = place.and_then(|place| self.records.get_mut(place));
        next(current.as_ref().map(|record| &record.stage), &stage)
            .map_err(|why| format!("event {}: {why}", event.seq))?;
        if stage != Stage::Accepted && self.started.is_none() {
            self.started = Some(event.at);
        }
        // What it was accepted with holds for good: that it is accepted anew after a restart is nobody's decision.
        let seen = match &current {
            Some(current) => current.seen,
            None => hash.filter(|_| stage == Stage::Accepted),
        };
        let stands = RecoveredRecord {
            record,
            stage,
            etag,
            hash,
            columns,
            seen,
            at: event.at,
        };
        if let Some(current) = current {
            *current = stands;
        } else {
            self.places.insert(key, self.records.len());
            self.records.push(stands);
        }
        Ok(())
    }

    /// How many records stand at each stage, without reasons.
    pub fn tally(&self) -> Vec<(Stage, usize)> {
        let mut tally: Vec<(Stage, usize)> = Vec::new();
        for record in &self.records {
            let plain = Stage::from_word(record.stage.word(), String::new());
            let stage = plain.unwrap_or(Stage::Accepted);
            match tally.iter_mut().find(|(known, _)| *known == stage) {
                Some((_, count)) => *count += 1,
                None => tally.push((stage, 1)),
            }
        }
        tally
    }
}
