//! What a person or the agent asked for, and how far each record of it has come.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::row::RowId;
use super::table::ColumnName;

/// One of the three repairs, or what a person decided of a record that both sides changed (design, "The three verbs").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Create what is absent; change nothing that exists.
    Ensure,
    /// Do what a sync would: create, fill, leave held records alone.
    Sync,
    /// Fill what exists; create nothing.
    Rehydrate,
    /// Fill what the target has blank; overwrite nothing.
    FillBlanks,
    /// Let the source's values win.
    TakeSource,
    /// Let the target's values stand.
    KeepTarget,
    /// Have the link's job repeat an old run.
    Rerun,
    /// Have the link's job end a run.
    Cancel,
    /// Have the agent go on with an operation that is paused.
    Resume,
    /// Have the agent take back what of an operation was not sent yet.
    End,
    /// Have the agent pause an operation until a person has it go on.
    Pause,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Ensure,
        Self::Sync,
        Self::Rehydrate,
        Self::FillBlanks,
        Self::TakeSource,
        Self::KeepTarget,
        Self::Rerun,
        Self::Cancel,
        Self::Resume,
        Self::End,
        Self::Pause,
    ];

    /// The verb in one word: in keys, commands, the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ensure => "ensure",
            Self::Sync => "sync",
            Self::Rehydrate => "rehydrate",
            Self::FillBlanks => "fill-blanks",
            Self::TakeSource => "take-source",
            Self::KeepTarget => "keep-target",
            Self::Rerun => "rerun",
            Self::Cancel => "cancel",
            Self::Resume => "resume",
            Self::End => "end",
            Self::Pause => "pause",
        }
    }

    /// Whether it writes records of a link itself, rather than orders or ends something.
    pub fn is_a_repair(self) -> bool {
        !matches!(
            self,
            Self::Rerun | Self::Cancel | Self::Resume | Self::End | Self::Pause
        )
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.word() == word)
    }

    /// What a person may decide of a record that waits for that.
    pub const CHOICES: [Self; 3] = [Self::FillBlanks, Self::TakeSource, Self::KeepTarget];
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Whose value stands in one column of a record that both sides changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The source's; what the target has is overwritten.
    Source,
    /// The target's.
    Target,
}

/// What a person decided of one column; the verb decides the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnChoice {
    /// The hydrated column.
    pub column: ColumnName,
    /// Whose value stands in it.
    pub takes: Taken,
}

impl fmt::Display for ColumnChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.takes {
            Taken::Source => "source",
            Taken::Target => "target",
        };
        write!(f, "{}={side}", self.column)
    }
}

/// A text that is no choice for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a choice is a column and whose value stands in it, like name=source or telephone1=target")]
pub struct BadChoice;

impl FromStr for ColumnChoice {
    type Err = BadChoice;

    fn from_str(text: &str) -> Result<Self, BadChoice> {
        let (column, side) = text.split_once('=').ok_or(BadChoice)?;
        let takes = match side {
            "source" => Taken::Source,
            "target" => Taken::Target,
            _ => return Err(BadChoice),
        };
        let column = ColumnName::new(column).map_err(|_| BadChoice)?;
        Ok(Self { column, takes })
    }
}

/// An operation's id: made by the frontend and stored before anything is sent (reliability S8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OperationId(pub Uuid);

impl OperationId {
    /// A new id; ids sort by the moment at which they were made.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for OperationId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One table of one link, by its place in the state's list of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableIndex(pub u16);

impl TableIndex {
    /// No table of a link: under it stand the runs that a link's job was asked for.
    pub const RUNS: Self = Self(u16::MAX);
    /// No table of a link either: under it stand the operations that an agent is asked to end or to go on with.
    pub const OPERATIONS: Self = Self(u16::MAX - 1);
}

/// One record of one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// Its table on its link.
    pub table: TableIndex,
    /// The source's id of the row (the target's, where only the target has it).
    pub id: RowId,
}

impl RecordKey {
    /// What stands for an operation that another one is about.
    pub fn of_operation(operation: OperationId) -> Option<Self> {
        let table = TableIndex::OPERATIONS;
        RowId::new(operation.0).map(|id| Self { table, id })
    }

    /// What stands for the run that an operation asked for.
    pub fn of_run(operation: OperationId) -> Option<Self> {
        let table = TableIndex::RUNS;
        RowId::new(operation.0).map(|id| Self { table, id })
    }
}

/// How far one record of an operation has come (reliability J3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Asked for and in the journal; nothing was sent.
    Accepted,
    /// The intent is in the journal; the request is on its way.
    Intended,
    /// The instance said that it is done; not yet read back.
    Applied,
    /// Read back and found as written.
    Verified,
    /// Read back and found different from what was written (precision, a business rule); the words say how.
    Altered(String),
    /// There was nothing to do, for this reason.
    Unchanged(String),
    /// Left alone on purpose: held for a person, or the row changed meanwhile.
    Held(String),
    /// It failed or was refused, for this reason.
    Refused(String),
    /// Something was sent and its outcome is not known; it is read back before anything else.
    Unknown(String),
    /// Taken back, ended or lapsed before anything was sent.
    Abandoned(String),
}

impl Stage {
    /// Whether nothing more will happen to it by itself.
    pub fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::Accepted | Self::Intended | Self::Applied | Self::Unknown(_)
        )
    }

    /// Whether the record is as it was asked to be.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Verified | Self::Altered(_) | Self::Unchanged(_))
    }

    /// Whether something went wrong with it: what stops a bulk repair when there is too much of it.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Unknown(_) => true,
            Self::Held(why) => why.starts_with(Self::BUSY),
            _ => false,
        }
    }

    /// How the reason of a record begins that changed under our hands time and again.
    pub const BUSY: &str = "busy";

    /// Whether a person has to look at it.
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Held(_) | Self::Unknown(_))
    }

    /// The stage in one word, as shown and as kept in the journal.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Intended => "intended",
            Self::Applied => "applied",
            Self::Verified => "verified",
            Self::Altered(_) => "altered",
            Self::Unchanged(_) => "unchanged",
            Self::Held(_) => "held",
            Self::Refused(_) => "refused",
            Self::Unknown(_) => "unknown",
            Self::Abandoned(_) => "abandoned",
        }
    }

    /// The reason that goes with it.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Altered(why)
            | Self::Unchanged(why)
            | Self::Held(why)
            | Self::Refused(why)
            | Self::Unknown(why)
            | Self::Abandoned(why) => Some(why),
            Self::Accepted | Self::Intended | Self::Applied | Self::Verified => None,
        }
    }

    /// Reads a stage back from its word and reason.
    pub fn from_word(word: &str, reason: String) -> Option<Self> {
        Some(match word {
            "accepted" => Self::Accepted,
            "intended" => Self::Intended,
            "applied" => Self::Applied,
            "verified" => Self::Verified,
            "altered" => Self::Altered(reason),
            "unchanged" => Self::Unchanged(reason),
            "held" => Self::Held(reason),
            "refused" => Self::Refused(reason),
            "unknown" => Self::Unknown(reason),
            "abandoned" => Self::Abandoned(reason),
            _ => return None,
        })
    }

    /// Whether one stage may follow another: the journal refuses anything else.
    ///
    /// What was intended, or is unknown, goes back to accepted once it is certain that nothing was done. What was
    /// applied may be followed by another intent: state and status go in an update of their own.
    pub fn may_become(&self, next: &Self) -> bool {
        match self {
            Self::Accepted => matches!(
                next,
                Self::Intended
                    | Self::Unchanged(_)
                    | Self::Held(_)
                    | Self::Refused(_)
                    | Self::Abandoned(_)
            ),
            Self::Intended | Self::Unknown(_) => !matches!(next, Self::Abandoned(_)),
            Self::Applied => matches!(
                next,
                Self::Intended | Self::Verified | Self::Altered(_) | Self::Unknown(_)
            ),
            Self::Verified
            | Self::Altered(_)
            | Self::Unchanged(_)
            | Self::Held(_)
            | Self::Refused(_)
            | Self::Abandoned(_) => false,
        }
    }
}

/// What an operation is, apart from how it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: OperationId,
    /// What is to be done.
    pub verb: Verb,
    /// What was decided column by column; the verb decides the columns that are not named.
    pub choices: Vec<ColumnChoice>,
    /// The operation whose failed records it tries again.
    pub retries: Option<OperationId>,
    /// The most records that it may take along, as somebody confirmed them; `None` where its records are named one by
    /// one, and where nobody was asked.
    pub at_most: Option<usize>,
    /// The link it is done on, by name.
    pub link: String,
    /// Why, in the words of who asked.
    pub reason: String,
    /// The ticket that it is for, by its number elsewhere; empty where none was named.
    pub ticket: String,
    /// Who asked: the user of the operating system, or the agent.
    pub who: String,
    /// When it was asked for.
    pub asked: DateTime<Utc>,
}
