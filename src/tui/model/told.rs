//! What was told of a record that is not listed as out of step: taken as a record, so that it is shown as any other.

use std::sync::Arc;

use crate::domain::drift::{Drift, Side};
use crate::domain::operation::RecordKey;
use crate::domain::time::Now;
use crate::engine::command::Target;
use crate::engine::explain::{Explained, Sight, Unresolved};
use crate::engine::records::{Record, Sides};

/// What the engine told of a record that is not listed.
#[derive(Clone, Debug)]
pub struct Told {
    /// The answer that it is taken from.
    pub answer: Arc<Explained>,
    /// The record, where it is known.
    pub record: Option<Record>,
    /// Why it is not known whether it is in step.
    pub why: Option<String>,
}

impl Told {
    /// What an answer tells.
    pub fn of(answer: Arc<Explained>, now: Now) -> Self {
        let story = match &answer.story {
            Ok(story) => story,
            Err(Unresolved::NoSuchRecord(why) | Unresolved::Unreachable(why)) => {
                let why = Some(why.clone());
                return Self {
                    answer,
                    record: None,
                    why,
                };
            }
        };
        let side = |sight: &Sight| match sight {
            Sight::Row(row) => Side::Row(row.clone()),
            Sight::Absent => Side::Absent,
            Sight::Unreadable(why) | Sight::Unreachable(why) => Side::Unreadable(why.clone()),
        };
        let unreachable = [&story.source, &story.target].into_iter().find_map(|one| {
            let Sight::Unreachable(why) = one else {
                return None;
            };
            Some(why.clone())
        });
        let sides = Sides {
            source: side(&story.source),
            target: side(&story.target),
            differing: story.differing.clone(),
            read: now,
        };
        let record = Record {
            key: story.key,
            drift: story.drift.unwrap_or(Drift::Unknown),
            is_guess: story.is_guess,
            name: story.name.clone(),
            number: story.number.clone(),
            other: story.other,
            since: story.since,
            parked: None,
            is_left_out: false,
            sides: Arc::new(sides.packed()),
            under_way: None,
            last: None,
        };
        Self {
            record: Some(record),
            why: unreachable,
            answer,
        }
    }

    /// Whether it is the answer about this record.
    pub fn is_about(&self, key: RecordKey) -> bool {
        self.answer.asked == Target::Record(key)
    }
}
