//! Which drift a record is in: the table of `design.md`, "Drift, exactly", as one function. The first row of the
//! table that holds wins, so that every record has exactly one drift. A [`Flag`] may stand beside it.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::packed::PackedRow;
use super::row::{ETag, Placeholder, Row, RowId, Value};
use super::table::{ColumnName, ColumnType, Requirement};

/// How a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Drift {
    /// In the source, not in the target.
    Missing,
    /// In both; the target's row was made only so that something could refer to it.
    Stub,
    /// In both; the source is ahead.
    Stale,
    /// In both; the target was changed by someone else than the sync. Held for a person.
    Diverged,
    /// In the source, and deleted in the target. Held for a person.
    DeletedInTarget,
    /// In both and different, as a person chose; neither side has changed since.
    Kept,
    /// One alternate key, two rows with different ids. Never written.
    Duplicate,
    /// Only in the target, though it came over the link.
    Orphan,
    /// Its own read failed, or security hides it from us.
    Unknown,
    /// Only in the target, and the target's own.
    Local,
    /// In both, and equal.
    InSync,
}

impl Drift {
    /// All drifts, worst first.
    pub const ALL: [Self; 11] = [
        Self::Missing,
        Self::Stub,
        Self::Stale,
        Self::Diverged,
        Self::DeletedInTarget,
        Self::Kept,
        Self::Duplicate,
        Self::Orphan,
        Self::Unknown,
        Self::Local,
        Self::InSync,
    ];

    /// The word for it, everywhere the same.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Stub => "stub",
            Self::Stale => "stale",
            Self::Diverged => "diverged",
            Self::DeletedInTarget => "deleted-in-target",
            Self::Kept => "kept",
            Self::Duplicate => "duplicate",
            Self::Orphan => "orphan",
            Self::Unknown => "unknown",
            Self::Local => "local",
            Self::InSync => "in-sync",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|drift| drift.word() == word)
    }

    /// What a sync would change.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Missing | Self::Stub | Self::Stale)
    }

    /// What waits for a decision that only a person can take.
    pub fn needs_a_person(self) -> bool {
        matches!(
            self,
            Self::Diverged | Self::DeletedInTarget | Self::Duplicate | Self::Orphan
        )
    }

    /// What is listed as out of step: everything but what is equal, and what is the target's own.
    pub fn is_listed(self) -> bool {
        !matches!(self, Self::InSync | Self::Local)
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What stands beside the drift of a pending record. Such records are counted apart, stand first in the list, and leave
/// lag alone: no run that is due would change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// The target refused it for its own sake; tried again by a person, or when its source row changes.
    Parked,
    /// It changed before the last successful run of the link's sync began, and that run did not bring it over.
    LeftOut,
}

impl Flag {
    /// All of them, worst first.
    pub const ALL: [Self; 2] = [Self::Parked, Self::LeftOut];

    /// The word for it, everywhere the same.
    pub fn word(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::LeftOut => "left-out",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.word() == word)
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One hydrated column, with what comparing it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedColumn {
    /// Its name in the target; the source may call it differently.
    pub name: ColumnName,
    /// What it holds, at the coarser side's precision.
    pub kind: ColumnType,
    /// Whether an ensure may set it.
    pub stub: bool,
    /// Whether it belongs to an alternate key.
    pub key: bool,
    /// Who insists on a value in the target.
    pub required: Requirement,
}

impl ComparedColumn {
    /// A plain column.
    pub fn new(name: ColumnName, kind: ColumnType) -> Self {
        Self {
            name,
            kind,
            stub: false,
            key: false,
            required: Requirement::Nobody,
        }
    }

    /// Whether it is state or status, which are written as a pair.
    pub fn is_of_the_state(&self) -> bool {
        matches!(self.kind, ColumnType::State | ColumnType::Status)
    }

    /// Whether a value in it tells that somebody filled the row: state, status, owner and currency stand in every one
    /// (design, "blank").
    fn tells(&self) -> bool {
        !self.is_of_the_state() && self.name.as_str() != "ownerid" && !self.kind.is_currency()
    }
}

/// How the records of one table on one link are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompareRules {
    /// The hydrated columns, in the order in which rows carry their values.
    pub columns: Vec<ComparedColumn>,
    /// The text that counts as blank.
    pub placeholder: Placeholder,
}

impl CompareRules {
    /// The places of the columns in which two rows differ.
    pub fn differing(&self, source: &Row, target: &Row) -> Vec<usize> {
        let pairs = source.values.iter().zip(&target.values).zip(&self.columns);
        let differing = pairs
            .enumerate()
            .filter(|(_, ((s, t), column))| !s.same(t, &column.kind, &self.placeholder));
        differing.map(|(place, _)| place).collect()
    }

    /// A 64-bit hash of the normalised hydrated columns: equal rows have equal hashes.
    pub fn digest(&self, row: &Row) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (value, column) in row.values.iter().zip(&self.columns) {
            value.digest(&column.kind, &self.placeholder, &mut hasher);
        }
        hasher.finish()
    }

    /// A hash of both sides: while it stays, neither has changed in what is compared.
    pub fn pair(&self, source: &Row, target: &Row) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.digest(source), self.digest(target)).hash(&mut hasher);
        hasher.finish()
    }

    /// Whether the value in that place is blank.
    pub fn is_blank(&self, row: &Row, place: usize) -> bool {
        match (row.values.get(place), self.columns.get(place)) {
            (Some(value), Some(column)) => value.is_blank(&column.kind, &self.placeholder),
            _ => true,
        }
    }

    /// The places, and where one of them is state or status the other one too.
    pub fn with_pairs(&self, places: &[usize]) -> Vec<usize> {
        let of_the_state = |place: &usize| {
            let column = self.columns.get(*place);
            column.is_some_and(ComparedColumn::is_of_the_state)
        };
        if !places.iter().any(of_the_state) {
            return places.to_vec();
        }
        let all = 0..self.columns.len();
        all.filter(|place| places.contains(place) || of_the_state(place))
            .collect()
    }

    /// By what a row is known: its alternate key where it has one, else its id.
    pub fn known_by(&self, row: &Row) -> String {
        let keys = self.columns.iter().zip(&row.values);
        let mut keys = keys.filter(|(column, _)| column.key);
        let filled = keys.find(|(column, value)| !value.is_blank(&column.kind, &self.placeholder));
        filled.map_or_else(|| row.id.to_string(), |(_, value)| value.to_string())
    }

    /// Whether a write of that place would take a value from the target that somebody has put there.
    pub fn overwrites(&self, target: &Row, place: usize) -> bool {
        let tells = self.columns.get(place).is_some_and(ComparedColumn::tells);
        tells && !self.is_blank(target, place)
    }

    /// Whether a target's row looks as if only an ensure had made it, while its source has more.
    fn looks_like_a_stub(&self, source: &Row, target: &Row) -> bool {
        let mut rest = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| !column.stub && !column.key && column.tells())
            .peekable();
        rest.peek().is_some()
            && rest.clone().all(|(place, _)| self.is_blank(target, place))
            && rest.any(|(place, _)| !self.is_blank(source, place))
    }

    /// The alternate key's value of a row as the server compares it: `None` where a part is null or there is no key.
    ///
    /// Case and trailing blanks make no difference to the server.
    pub fn key_of(&self, row: &Row) -> Option<String> {
        let parts = self.columns.iter().zip(&row.values);
        let parts = parts.filter(|(column, _)| column.key);
        key_text(parts.map(|(_, value)| value))
    }
}

/// The value of an alternate key with these parts, as [`CompareRules::key_of`] has it.
pub fn key_text<'v>(parts: impl Iterator<Item = &'v Value>) -> Option<String> {
    let mut parts = parts.peekable();
    parts.peek()?;
    let parts: Option<Vec<String>> = parts
        .map(|value| match value {
            Value::Null => None,
            Value::Text(text) if text.is_empty() => None,
            value => Some(value.to_string().trim_end().to_lowercase()),
        })
        .collect();
    parts.map(|parts| parts.join("\u{1f}"))
}

/// What one side shows of a record: the row as it is, or packed where many are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side<R = Row> {
    /// The row.
    Row(R),
    /// There is no such row.
    Absent,
    /// There is one, and it is not on the link (`where`).
    OutOfScope,
    /// It could not be read although the instance answered; the reason in words.
    Unreadable(String),
    /// This process has not read it: the agent beside it has.
    Unread,
}

impl<R> Side<R> {
    /// The row, if there is one.
    pub fn row(&self) -> Option<&R> {
        match self {
            Self::Row(row) => Some(row),
            Self::Absent | Self::OutOfScope | Self::Unreadable(_) | Self::Unread => None,
        }
    }

    fn map<T>(&self, row: impl FnOnce(&R) -> T) -> Side<T> {
        match self {
            Self::Row(read) => Side::Row(row(read)),
            Self::Absent => Side::Absent,
            Self::OutOfScope => Side::OutOfScope,
            Self::Unreadable(why) => Side::Unreadable(why.clone()),
            Self::Unread => Side::Unread,
        }
    }
}

impl Side {
    /// The same with its row packed.
    pub fn packed(&self) -> Side<PackedRow> {
        self.map(PackedRow::of)
    }
}

impl Side<PackedRow> {
    /// The same with its row as it is.
    pub fn open(&self) -> Side {
        self.map(PackedRow::open)
    }
}

/// What is known beside the two rows.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is known or not"
)]
pub struct Evidence<'a> {
    /// The application users whose writes are the sync's own.
    pub sync_users: &'a HashSet<RowId>,
    /// Whether the journal or the source's changes know that the record came over the link.
    pub came_over_link: bool,
    /// Whether the journal or the target's changes know that the target had it.
    pub was_in_target: bool,
    /// Which sides changed since the agreement, where their changes were followed.
    pub changed: Option<Changed>,
    /// The target's version when both sides were last seen, or made, equal.
    pub agreed: Option<&'a ETag>,
    /// Whether it waits for a decision, whoever wrote to it last.
    pub is_held: bool,
    /// Whether what differs is what the target made of the source's values, which have not changed since.
    pub is_altered: bool,
    /// Both sides as they were when a person chose to keep the target's ([`CompareRules::pair`]).
    pub kept: Option<u64>,
    /// The id of the row that holds the same alternate key on the other side.
    pub other_with_key: Option<RowId>,
}

/// Which sides of a record changed since both were last equal, whoever changed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The source's side.
    pub source: bool,
    /// The target's side.
    pub target: bool,
}

/// A record's drift and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The drift.
    pub drift: Drift,
    /// Whether only the two clocks told which side changed.
    pub is_guess: bool,
    /// The places of the columns that differ; empty unless both rows exist.
    pub differing: Vec<usize>,
}

impl Assessment {
    fn sure(drift: Drift) -> Self {
        Self {
            drift,
            is_guess: false,
            differing: Vec::new(),
        }
    }
}

/// Tells a record's drift from both sides: the first row of the table that holds.
pub fn classify(
    source: &Side,
    target: &Side,
    rules: &CompareRules,
    evidence: Evidence<'_>,
) -> Assessment {
    match (source, target) {
        // A row whose source is out of scope is the target's own, whoever once brought it.
        (Side::OutOfScope, Side::Row(_)) => Assessment::sure(Drift::Local),
        (Side::OutOfScope, _) => Assessment::sure(Drift::InSync),
        (Side::Unreadable(_) | Side::Unread, _) | (_, Side::Unreadable(_) | Side::Unread) => {
            Assessment::sure(Drift::Unknown)
        }
        (Side::Absent, Side::Absent | Side::OutOfScope) => Assessment::sure(Drift::InSync),
        (Side::Row(_), Side::Absent | Side::OutOfScope) | (Side::Absent, Side::Row(_))
            if evidence.other_with_key.is_some() =>
        {
            Assessment::sure(Drift::Duplicate)
        }
        (Side::Row(_), Side::Absent) if evidence.was_in_target => {
            Assessment::sure(Drift::DeletedInTarget)
        }
        (Side::Row(_), Side::Absent | Side::OutOfScope) => Assessment::sure(Drift::Missing),
        (Side::Absent, Side::Row(row)) => Assessment::sure(only_in_target(row, evidence)),
        (Side::Row(source), Side::Row(target)) => both(source, target, rules, evidence),
    }
}

fn only_in_target(row: &Row, evidence: Evidence<'_>) -> Drift {
    let by_sync = row
        .created_by
        .as_ref()
        .is_some_and(|by| evidence.sync_users.contains(&by.id));
    if evidence.came_over_link || by_sync {
        Drift::Orphan
    } else {
        Drift::Local
    }
}

fn both(source: &Row, target: &Row, rules: &CompareRules, evidence: Evidence<'_>) -> Assessment {
    let differing = rules.differing(source, target);
    if differing.is_empty() || evidence.is_altered {
        return Assessment::sure(Drift::InSync);
    }
    let is_kept = evidence
        .kept
        .is_some_and(|kept| kept == rules.pair(source, target));
    if is_kept || evidence.is_held {
        let drift = if is_kept {
            Drift::Kept
        } else {
            Drift::Diverged
        };
        return Assessment {
            drift,
            is_guess: false,
            differing,
        };
    }
    if rules.looks_like_a_stub(source, target) {
        return Assessment {
            drift: Drift::Stub,
            is_guess: false,
            differing,
        };
    }
    let (drift, is_guess) = who_is_ahead(source, target, evidence);
    Assessment {
        drift,
        is_guess,
        differing,
    }
}

/// Which side changed since the agreement (design, "Which side changed since the agreement is known, in this order").
fn who_is_ahead(source: &Row, target: &Row, evidence: Evidence<'_>) -> (Drift, bool) {
    if target.etag.is_some() && target.etag.as_ref() == evidence.agreed {
        return (Drift::Stale, false);
    }
    let by_sync = target
        .modified_by
        .as_ref()
        .is_some_and(|by| evidence.sync_users.contains(&by.id));
    if by_sync {
        return (Drift::Stale, false);
    }
    if let Some(changed) = evidence.changed {
        let drift = if changed.target {
            Drift::Diverged
        } else {
            Drift::Stale
        };
        return (drift, false);
    }
    // Within one second nobody can tell: a person decides, since that overwrites nothing.
    if target.modified_on >= source.modified_on {
        (Drift::Diverged, true)
    } else {
        (Drift::Stale, true)
    }
}

#[cfg(test)]
mod tests;
