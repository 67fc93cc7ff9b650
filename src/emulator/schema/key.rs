//! Alternate keys: what one may consist of, and the index without which it neither addresses a row nor keeps it unique.
//!
//! Knows no rows: `store.rs` builds the index.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Column, Kind, Source, Table};

/// The limits of contract 2.6.
pub(crate) const MOST_KEYS: usize = 10;
const MOST_COLUMNS: usize = 16;
const MOST_BYTES: usize = 900;

/// How long the job that builds an index waits, and how long it then takes, by the emulator's clock.
const WAITS: TimeDelta = TimeDelta::seconds(1);
const TAKES: TimeDelta = TimeDelta::seconds(2);

/// An alternate key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: Uuid,
    pub(crate) name: Cow<'static, str>,
    pub(crate) label: String,
    pub(crate) columns: Vec<usize>,
    pub(crate) index: Index,
}

/// Where the index of a key stands. Only an active one addresses rows and keeps them unique; what a key that is being
/// built does is not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    Building {
        since: DateTime<Utc>,
    },
    Active,
    /// Rows with the same values stood in the way.
    Failed,
    /// The key was deleted; its place stays taken, because others are known by theirs.
    Dropped,
}

impl Index {
    /// `EntityKeyIndexStatus`.
    pub(crate) fn status(self, now: DateTime<Utc>) -> &'static str {
        match self {
            Index::Building { since } if now < since + WAITS => "Pending",
            Index::Building { .. } => "InProgress",
            Index::Active => "Active",
            Index::Failed | Index::Dropped => "Failed",
        }
    }

    /// Whether the job has come to its end.
    pub(crate) fn is_due(self, now: DateTime<Utc>) -> bool {
        matches!(self, Index::Building { since } if now >= since + WAITS + TAKES)
    }
}

/// Why columns can't be a key of the table.
pub(crate) fn problem(table: &Table, columns: &[usize]) -> Option<String> {
    if columns.is_empty() || columns.len() > MOST_COLUMNS {
        return Some(format!("a key has 1 to {MOST_COLUMNS} columns"));
    }
    let mut bytes = 0;
    for (place, &index) in columns.iter().enumerate() {
        let column = table.columns.get(index)?;
        if columns.get(..place)?.contains(&index) {
            return Some(format!("the column {} is named twice", column.name));
        }
        match size(column) {
            Some(size) => bytes += size,
            None => {
                return Some(format!(
                    "the column {} can't be a part of a key",
                    column.name
                ));
            }
        }
    }
    (bytes > MOST_BYTES)
        .then(|| format!("a key has at most {MOST_BYTES} bytes, and this one has {bytes}"))
}

/// The most bytes that a column takes in an index; none if it can't be in one.
fn size(column: &Column) -> Option<usize> {
    if column.secured() || column.source != Source::Simple {
        return None;
    }
    Some(match &column.kind {
        Kind::Text { max } => 2 * max,
        Kind::Int { .. } | Kind::Choice { .. } => 4,
        Kind::Decimal { .. } => 13,
        Kind::Time | Kind::Date => 8,
        Kind::Lookup { .. } => 16,
        _ => return None,
    })
}
