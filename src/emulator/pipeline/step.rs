//! The registered steps: rows of `sdkmessageprocessingstep`, kept in memory by message and table.
//!
//! Read anew when one of the tables that describe them changed; a message without steps costs a look at five numbers.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use uuid::Uuid;

use super::built_in::PlugIn;
use super::endpoint::Endpoint;
use crate::emulator::row::Row;
use crate::emulator::schema::Table;
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, TableId, ValueRef};

/// The messages that steps can be registered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Message {
    Create,
    Update,
    Delete,
}

/// Where in a message a step runs (contract 8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    PreValidation,
    PreOperation,
    PostOperation,
}

/// One step that is enabled.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) stage: Stage,
    pub(crate) asynchronous: bool,
    pub(crate) handler: Handler,
    /// The user in whose name it runs, if not the caller.
    pub(crate) user: Option<Uuid>,
    /// The job of an asynchronous step goes away when it has succeeded.
    pub(crate) leaves_no_job: bool,
    rank: i64,
    /// On Update, the columns of which one must be written; any, if empty.
    filter: Vec<usize>,
}

/// What a step calls.
#[derive(Clone, Debug)]
pub(crate) enum Handler {
    PlugIn(PlugIn),
    Webhook(Endpoint),
}

/// All steps that are enabled.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    by_message: HashMap<(Message, Option<TableId>), Vec<Arc<Step>>>,
    tables: Option<[TableId; 5]>,
    generations: [u64; 5],
}

/// The steps as they were when somebody last asked.
#[derive(Debug, Default)]
pub(crate) struct Known(RwLock<Arc<Steps>>);

const TABLES: [&str; 5] = [
    "sdkmessageprocessingstep",
    "sdkmessage",
    "sdkmessagefilter",
    "serviceendpoint",
    "plugintype",
];

impl Message {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Message::Create => "Create",
            Message::Update => "Update",
            Message::Delete => "Delete",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Message> {
        Some(match name {
            "Create" => Message::Create,
            "Update" => Message::Update,
            "Delete" => Message::Delete,
            _ => return None,
        })
    }
}

impl Stage {
    pub(crate) fn number(self) -> i64 {
        match self {
            Stage::PreValidation => 10,
            Stage::PreOperation => 20,
            Stage::PostOperation => 40,
        }
    }

    pub(crate) fn numbered(number: i64) -> Option<Stage> {
        Some(match number {
            10 => Stage::PreValidation,
            20 => Stage::PreOperation,
            40 => Stage::PostOperation,
            _ => return None,
        })
    }
}

impl Step {
    /// Whether what is written concerns it.
    pub(crate) fn concerns(&self, message: Message, columns: impl Iterator<Item = usize>) -> bool {
        let mut columns = columns;
        message != Message::Update
            || self.filter.is_empty()
            || columns.any(|column| self.filter.contains(&column))
    }
}

impl Known {
    /// The steps of a message of a table, in the order in which they run.
    pub(crate) fn of(&self, store: &Store, message: Message, table: TableId) -> Vec<Arc<Step>> {
        let steps = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let steps = if steps.are_those_of(store) {
            steps
        } else {
            let steps = Arc::new(Steps::read(store));
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&steps);
            steps
        };
        steps.of(message, table)
    }
}

impl Steps {
    fn are_those_of(&self, store: &Store) -> bool {
        self.tables
            .is_some_and(|tables| tables.map(|table| store.generation(table)) == self.generations)
    }

    fn of(&self, message: Message, table: TableId) -> Vec<Arc<Step>> {
        let of = |table| self.by_message.get(&(message, table)).into_iter().flatten();
        let mut steps: Vec<Arc<Step>> = of(Some(table)).chain(of(None)).cloned().collect();
        steps.sort_by_key(|step| (step.stage, step.rank, step.id));
        steps
    }

    fn read(store: &Store) -> Steps {
        let schema = store.schema();
        let mut tables = [TableId(0); 5];
        for (place, name) in tables.iter_mut().zip(TABLES) {
            let Some(table) = schema.by_name(name) else {
                return Steps::default();
            };
            *place = table;
        }
        let mut steps = Steps {
            by_message: HashMap::new(),
            tables: Some(tables),
            generations: tables.map(|table| store.generation(table)),
        };
        let [own, ..] = tables;
        for row in store.after(own, None) {
            if let Some((event, step)) = read_step(store, tables, row) {
                steps
                    .by_message
                    .entry(event)
                    .or_default()
                    .push(Arc::new(step));
            }
        }
        steps
    }
}

type Event = (Message, Option<TableId>);

fn read_step(store: &Store, tables: [TableId; 5], row: &Row) -> Option<(Event, Step)> {
    let [own, messages, filters, ..] = tables;
    let schema = store.schema();
    let fields = Fields::of(store, own, row);
    if fields.int("statecode") != Some(0) {
        return None;
    }
    let message = store.get(messages, fields.id("sdkmessageid")?)?;
    let message = Message::named(Fields::of(store, messages, message).text("name")?)?;
    let filter = fields
        .id("sdkmessagefilterid")
        .and_then(|id| store.get(filters, id));
    let table = filter.and_then(|row| {
        let name = Fields::of(store, filters, row).text("primaryobjecttypecode")?;
        schema.by_name(name)
    });
    let columns = fields.text("filteringattributes").unwrap_or_default();
    let filter = table.map_or(Vec::new(), |table| {
        let table = schema.table(table);
        columns
            .split(',')
            .filter_map(|name| table.column(name.trim()))
            .collect()
    });
    let step = Step {
        id: row.id(),
        name: fields.text("name").unwrap_or_default().to_owned(),
        stage: Stage::numbered(fields.int("stage")?)?,
        asynchronous: fields.int("mode") == Some(1),
        rank: fields.int("rank").unwrap_or(1),
        filter,
        handler: handler(store, &fields).ok()?,
        user: fields.id("impersonatinguserid"),
        leaves_no_job: fields.is("asyncautodelete"),
    };
    Some(((message, table), step))
}

/// What a step's row calls, or why that can't be.
pub(super) fn handler(store: &Store, step: &Fields) -> Result<Handler, String> {
    let missing = || "The step names no event handler that exists.".to_owned();
    let named = step.reference("eventhandler").ok_or_else(missing)?;
    let row = store.get(named.table, named.id).ok_or_else(missing)?;
    let fields = Fields::of(store, named.table, row);
    if fields.table.name == "serviceendpoint" {
        return Endpoint::read(&fields).map(Handler::Webhook);
    }
    let name = fields.text("typename").unwrap_or_default();
    let configuration = step.text("configuration").unwrap_or_default();
    PlugIn::read(name, configuration).map(Handler::PlugIn)
}

/// The values of a row by the names of its columns.
pub(super) struct Fields<'r> {
    table: &'r Table,
    row: &'r Row,
}

impl<'r> Fields<'r> {
    pub(super) fn of(store: &'r Store, table: TableId, row: &'r Row) -> Fields<'r> {
        Fields {
            table: store.schema().table(table),
            row,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&'r str> {
        self.row.value(self.table.column(name)?).as_text()
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.row.value(self.table.column(name)?).as_int()
    }

    pub(super) fn id(&self, name: &str) -> Option<Uuid> {
        self.row.value(self.table.column(name)?).as_id()
    }

    pub(super) fn reference(&self, name: &str) -> Option<Reference> {
        self.row.value(self.table.column(name)?).as_reference()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        let column = self.table.column(name);
        column.is_some_and(|column| self.row.value(column) == ValueRef::Bool(true))
    }
}
