//! One record's story: both sides as they are now, what that comes to, and all that the journal knows of it. It reads
//! only, and where a side can't be asked it says so rather than guess.

use chrono::{DateTime, Utc};

use super::command::Target;
use super::link::{LinkContext, LinkTable};
use super::reconcile::{look_one, side};
use crate::dataverse::Reader;
use crate::domain::drift::{Drift, Side};
use crate::domain::failure::Failure;
use crate::domain::operation::{RecordKey, Request, Stage};
use crate::domain::row::{ETag, Row, RowId};
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
            Side::Absent => Self::Absent,
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
    /// The target's version when tandem last read it back.
    agreed: Option<ETag>,
}

/// Tells a record's story. Without a context the link could not be made ready, for the reason given.
pub(super) async fn explain(
    link: &str,
    context: Result<&LinkContext, String>,
    journal: Result<&Journal, String>,
    target: &Target,
    name: &TableName,
) -> Result<Story, Unresolved> {
    let (Target::Record(RecordKey { table: index, .. }) | Target::Key { table: index, .. }) =
        target;
    let context = context.and_then(|context| {
        let table = context.table(*index);
        let table = table.ok_or_else(|| "its table is not on the link".to_owned())?;
        Ok((context, table.as_ref()))
    });
    let key = match target {
        Target::Record(key) => *key,
        Target::Key { column, value, .. } => {
            let (context, table) = context.clone().map_err(Unresolved::Unreachable)?;
            let id = resolved(context, table, column, value).await?;
            RecordKey { table: *index, id }
        }
    };
    let remembered = remembered(journal, link, name, key.id).await;
    if let (Ok((context, _)), Some(etag)) = (&context, remembered.agreed) {
        // The same as what the link learns of all records, which may still be on its way.
        context.agreements.remember(key, etag);
    }
    let mut story = Story {
        key,
        name: String::new(),
        number: String::new(),
        source: Sight::Absent,
        target: Sight::Absent,
        drift: None,
        is_guess: false,
        other: None,
        differing: Vec::new(),
        since: None,
        history: remembered.history,
        overwritten: remembered.overwritten,
    };
    match context {
        Ok((context, table)) => look(context, table, &mut story).await,
        Err(why) => {
            story.source = Sight::Unreachable(why.clone());
            story.target = Sight::Unreachable(why);
        }
    }
    Ok(story)
}

/// Reads both sides and judges them; where one can't be read, the other is shown all the same.
async fn look(context: &LinkContext, table: &LinkTable, story: &mut Story) {
    let (ends, id) = (&context.ends, story.key.id);
    if let Ok(looked) = look_one(context, table, ends, id).await {
        story.name = looked.record.name;
        story.number = looked.record.number;
        story.drift = Some(looked.drift);
        story.is_guess = looked.is_guess;
        story.other = looked.other;
        story.since = looked.since.or_else(|| looked.sides.since(looked.drift));
        story.differing.clone_from(&looked.sides.differing);
        story.source = looked.sides.source.clone().into();
        story.target = looked.sides.target.clone().into();
        return;
    }
    let (source, target) = tokio::join!(
        seen(&ends.source, &table.source, table, id),
        seen(ends.target.reader(), &table.target, table, id),
    );
    let named = table.named(id, source.row(), target.row());
    story.name = visible(&named.name).into_owned();
    story.number = visible(&named.number).into_owned();
    if let (Some(source), Some(target)) = (source.row(), target.row()) {
        story.differing = table.rules.differing(source, target);
    }
    (story.source, story.target) = (source, target);
}

async fn seen(reader: &Reader, schema: &TableSchema, table: &LinkTable, id: RowId) -> Sight {
    let read = reader.retrieve(schema, id, &table.columns).await;
    match side(read) {
        Ok(side) => side.into(),
        Err(failure) => Sight::Unreachable(failure.summary()),
    }
}

/// The id behind a key: the source's word, else the target's, where the same row has the same id.
async fn resolved(
    context: &LinkContext,
    table: &LinkTable,
    column: &str,
    value: &str,
) -> Result<RowId, Unresolved> {
    let name = ColumnName::new(column)
        .map_err(|error| Unresolved::NoSuchRecord(visible(&error.to_string()).into_owned()))?;
    let ends = &context.ends;
    let (source, target) = tokio::join!(
        ends.source.resolve_key(&table.source, &name, value),
        ends.target
            .reader()
            .resolve_key(&table.target, &name, value),
    );
    let shown = format!("{} with {column} {}", table.name, visible(value));
    let failed = |failure: &Failure| {
        let why = format!("it can't be asked for {shown}: {}", failure.summary());
        Unresolved::Unreachable(visible(&why).into_owned())
    };
    match (source, target) {
        (Ok(Some(id)), _) | (_, Ok(Some(id))) => Ok(id),
        (Ok(None), Ok(None)) => Err(Unresolved::NoSuchRecord(format!(
            "neither instance has an {shown}"
        ))),
        (Err(failure), _) | (_, Err(failure)) => Err(failed(&failure)),
    }
}

async fn remembered(
    journal: Result<&Journal, String>,
    link: &str,
    table: &TableName,
    id: RowId,
) -> Remembered {
    let journal = match journal {
        Ok(journal) => journal,
        Err(why) => {
            return Remembered {
                history: Err(why),
                overwritten: Vec::new(),
                agreed: None,
            };
        }
    };
    let (link, table) = (link.to_owned(), table.clone());
    let (history, overwritten) = tokio::join!(
        journal.history(link, table.clone(), id, MOST_EVENTS),
        journal.overwritten(table, id),
    );
    let agreed = history.as_ref().ok().and_then(|events| {
        events
            .iter()
            .rev()
            .find_map(|(_, event)| match &event.what {
                What::Record {
                    stage: Stage::Verified | Stage::Altered(_),
                    etag,
                    ..
                } => etag.clone(),
                _ => None,
            })
    });
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
        agreed,
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
