//! One record's story: both sides as they are now, what that comes to, and all that the journal knows of it. It reads
//! only, and where a side can't be asked it says so rather than guess.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::command::Target;
use super::event::Looked;
use super::link::LinkContext;
use super::reconcile::look_one;
use crate::config::{LinkConfig, TableConfig};
use crate::dataverse::Reader;
use crate::domain::drift::{Drift, Side};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::operation::{RecordKey, Request, Stage};
use crate::domain::row::{Row, RowId, Value};
use crate::domain::table::{ColumnName, TableName, TableSchema};
use crate::domain::text::visible;
use crate::journal::{Journal, What};

/// The latest events of a record that are told.
const MOST_EVENTS: usize = 200;

/// The answer to [`super::Command::Explain`].
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// What was asked for.
    pub asked: Target,
    /// The story, or why the record could not be found.
    pub story: Result<Story, Unresolved>,
}

/// Why it is not known which record is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// Neither instance has one by that key.
    NoSuchRecord(String),
    /// An instance that would have to say can't be asked.
    Unreachable(String),
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// Which.
    pub key: RecordKey,
    /// What it is called: made visible.
    pub name: String,
    /// The value of its alternate key: made visible.
    pub number: String,
    /// The names of its columns, in the order of the rows' values.
    pub columns: Vec<String>,
    /// What the source shows of it.
    pub source: Sight,
    /// What the target shows of it.
    pub target: Sight,
    /// Its drift; not known where a side could not be asked.
    pub drift: Option<Drift>,
    /// Whether only the two clocks told which side changed.
    pub is_guess: bool,
    /// The other row of a duplicate.
    pub other: Option<RowId>,
    /// A hash of both sides, where there are two: while it stays, neither has changed in what is compared.
    pub pair: Option<u64>,
    /// The places of the columns that differ.
    pub differing: Vec<usize>,
    /// Since when it is out of step, by the clock of the side that tells.
    pub since: Option<DateTime<Utc>>,
    /// What tandem did to it, oldest first; or why the journal can't say.
    pub history: Result<Vec<Past>, String>,
    /// Values of it that tandem overwrote in the last 30 days.
    pub overwritten: Vec<Replaced>,
}

/// What one side shows of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The row.
    Row(Row),
    /// There is no such row.
    Absent,
    /// The instance answered, and does not show it to us.
    Unreadable(String),
    /// The instance could not be asked.
    Unreachable(String),
}

impl Sight {
    /// The row, if it was seen.
    pub fn row(&self) -> Option<&Row> {
        match self {
            Self::Row(row) => Some(row),
            Self::Absent | Self::Unreadable(_) | Self::Unreachable(_) => None,
        }
    }
}

impl From<Side> for Sight {
    fn from(side: Side) -> Self {
        match side {
            Side::Row(row) => Self::Row(row),
            Side::Absent | Side::OutOfScope | Side::Unread => Self::Absent,
            Side::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

/// One thing that tandem did to a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// The event's number in the journal.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// What was asked, by whom and why.
    pub request: Request,
    /// How far it came.
    pub stage: Stage,
    /// The columns that were written.
    pub columns: Vec<String>,
    /// Whether another record only referred to it.
    pub on_the_way: bool,
    /// Whether the clock was set back before it.
    pub is_clock_set_back: bool,
}

/// A value that tandem overwrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Replaced {
    /// When.
    pub at: DateTime<Utc>,
    /// The column.
    pub column: String,
    /// What it held, as JSON.
    pub value: String,
}

/// What the journal knows of a record.
struct Remembered {
    history: Result<Vec<Past>, String>,
    overwritten: Vec<Replaced>,
}

/// What is asked, and whom it can be asked of.
pub(super) struct Question {
    pub(super) asked: Target,
    pub(super) link: LinkConfig,
    pub(super) table: TableConfig,
    pub(super) source: Reader,
    pub(super) target: Reader,
    /// The link, if both instances have described its tables.
    pub(super) context: Option<Arc<LinkContext>>,
    /// The journal, or why it can't be read.
    pub(super) journal: Result<Journal, String>,
}

impl Question {
    /// Tells the record's story.
    pub(super) async fn answer(&self) -> Result<Story, Unresolved> {
        let (source, target) = self.schemas().await;
        let id = match &self.asked {
            Target::Record(key) => key.id,
            Target::Key { column, value, .. } => {
                let sides = (source.as_ref(), target.as_ref());
                self.resolved(sides, column, value).await?
            }
        };
        let (Target::Record(RecordKey { table, .. }) | Target::Key { table, .. }) = self.asked;
        let key = RecordKey { table, id };
        let remembered = remembered(&self.journal, &self.link.name, &self.table.name, id).await;
        let known = self.context.as_ref();
        let known = known.and_then(|context| Some((context, context.table(table)?)));
        if let Some((context, _)) = known {
            context.recalled.cancelled().await;
        }
        let columns = self.table.columns.iter().map(ColumnName::to_string);
        let mut story = Story {
            key,
            name: String::new(),
            number: String::new(),
            columns: columns.collect(),
            source: Sight::Absent,
            target: Sight::Absent,
            drift: None,
            is_guess: false,
            other: None,
            pair: None,
            differing: Vec::new(),
            since: None,
            history: remembered.history,
            overwritten: remembered.overwritten,
        };
        if let Some((context, table)) = known
            && let Ok(looked) = look_one(context, table, &context.ends, id).await
        {
            let sides = looked.sides.source.row().zip(looked.sides.target.row());
            story.pair = sides.map(|(source, target)| table.rules.pair(source, target));
            story.judged(looked);
            return Ok(story);
        }
        // Where one side can't be read, the other is shown all the same.
        (story.source, story.target) = tokio::join!(
            self.seen(&self.source, source, id),
            self.seen(&self.target, target, id),
        );
        let rows = [story.source.row(), story.target.row()];
        let keys = self.table.keys.iter();
        let number = keys.clone().find_map(|key| self.text(key, rows));
        story.number = number.unwrap_or_default();
        let names = self.table.stub.iter().chain(&self.table.columns);
        let mut names = names.filter(|name| !self.table.keys.contains(name));
        story.name = names
            .find_map(|name| self.text(name, rows))
            .unwrap_or_default();
        Ok(story)
    }

    /// The table as each instance describes it: as the link knows it, or asked now.
    async fn schemas(&self) -> (Result<TableSchema, Failure>, Result<TableSchema, Failure>) {
        let name = &self.table.name;
        let context = self.context.as_ref();
        if let Some(table) = context.and_then(|context| context.table_named(name)) {
            (Ok(table.source.clone()), Ok(table.target.clone()))
        } else {
            tokio::join!(self.source.schema(name), self.target.schema(name))
        }
    }

    async fn seen(
        &self,
        reader: &Reader,
        schema: Result<TableSchema, Failure>,
        id: RowId,
    ) -> Sight {
        let read = match schema {
            Ok(schema) => reader.retrieve(&schema, id, &self.table.columns).await,
            Err(failure) => Err(failure),
        };
        match read {
            Ok(row) => row.map_or(Sight::Absent, Sight::Row),
            Err(failure) if failure.class == FailureClass::Forbidden => {
                Sight::Unreadable(failure.summary())
            }
            Err(failure) => Sight::Unreachable(failure.summary()),
        }
    }

    /// The id behind a key: the source's word, else the target's, where the same row has the same id.
    async fn resolved(
        &self,
        (source, target): (
            Result<&TableSchema, &Failure>,
            Result<&TableSchema, &Failure>,
        ),
        column: &str,
        value: &str,
    ) -> Result<RowId, Unresolved> {
        let name = ColumnName::new(column)
            .map_err(|error| Unresolved::NoSuchRecord(visible(&error.to_string()).into_owned()))?;
        let ask = async |reader: &Reader, schema: Result<&TableSchema, &Failure>| match schema {
            Ok(schema) => reader.resolve_key(schema, &name, value).await,
            Err(failure) => Err(failure.clone()),
        };
        let (source, target) = tokio::join!(ask(&self.source, source), ask(&self.target, target));
        let shown = format!("{} with {column} {}", self.table.name, visible(value));
        match (source, target) {
            (Ok(Some(id)), _) | (_, Ok(Some(id))) => Ok(id),
            (Ok(None), Ok(None)) => Err(Unresolved::NoSuchRecord(format!(
                "neither instance has an {shown}"
            ))),
            (Err(failure), _) | (_, Err(failure)) => {
                let why = failure.summary();
                let why = format!("not every instance can be asked for {shown}: {why}");
                Err(Unresolved::Unreachable(visible(&why).into_owned()))
            }
        }
    }

    /// What a column holds on the side that has it, made visible.
    fn text(&self, column: &ColumnName, rows: [Option<&Row>; 2]) -> Option<String> {
        let place = self.table.columns.iter().position(|name| name == column)?;
        let values = rows.into_iter().flatten();
        let mut values = values.filter_map(|row| row.values.get(place));
        values.find_map(|value| match value {
            Value::Text(text) if !text.is_empty() => Some(visible(text).into_owned()),
            _ => None,
        })
    }
}

impl Story {
    /// Takes in what a look at both sides told.
    fn judged(&mut self, looked: Looked) {
        self.since = looked
            .since
            .or_else(|| looked.sides.packed().since(looked.drift));
        self.source = looked.sides.source.clone().into();
        self.target = looked.sides.target.clone().into();
        self.differing.clone_from(&looked.sides.differing);
        self.name = looked.record.name;
        self.number = looked.record.number;
        self.drift = Some(looked.drift);
        self.is_guess = looked.is_guess;
        self.other = looked.other;
    }
}

async fn remembered(
    journal: &Result<Journal, String>,
    link: &str,
    table: &TableName,
    id: RowId,
) -> Remembered {
    let journal = match journal {
        Ok(journal) => journal,
        Err(why) => {
            return Remembered {
                history: Err(why.clone()),
                overwritten: Vec::new(),
            };
        }
    };
    let (link, table) = (link.to_owned(), table.clone());
    let (history, overwritten) = tokio::join!(
        journal.history(link, table.clone(), id, MOST_EVENTS),
        journal.overwritten(table, id),
    );
    let history = history.map_err(|error| error.to_string()).map(|events| {
        let events = events.into_iter();
        let past = events.filter_map(|(request, event)| match event.what {
            What::Record {
                record,
                stage,
                columns,
                ..
            } => Some(Past {
                seq: event.seq,
                at: event.at,
                request,
                stage,
                columns,
                on_the_way: record.on_the_way,
                is_clock_set_back: false,
            }),
            What::Finished(_) => None,
        });
        marked(past.collect())
    });
    let overwritten = overwritten.unwrap_or_default().into_iter();
    let overwritten = overwritten.map(|kept| Replaced {
        at: kept.at,
        column: kept.column,
        value: kept.value.to_string(),
    });
    Remembered {
        history,
        overwritten: overwritten.collect(),
    }
}

/// Marks what seems to be older than what it follows: numbers order, not times (J8).
fn marked(mut past: Vec<Past>) -> Vec<Past> {
    let mut last: Option<DateTime<Utc>> = None;
    for event in &mut past {
        let before = last.replace(event.at);
        event.is_clock_set_back =
            before.is_some_and(|before| before - event.at > crate::journal::CLOCK_TOLERANCE);
    }
    past
}
