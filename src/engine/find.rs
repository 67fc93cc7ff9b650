//! Finding a record by what a caller says: every instance is asked at once, each table of its links and the tickets.
//! What one instance has, the others are asked for by id, so that each record says where it is.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::report::{CUSTOMER, TICKETS};
use super::start::{StartError, clients};
use crate::config::Config;
use crate::dataverse::{Filter, Page, Query, Reader};
use crate::domain::failure::Failure;
use crate::domain::find::{Said, What};
use crate::domain::row::{Row, RowId, Value};
use crate::domain::table::{ColumnName, ColumnType, TableName, TableSchema};
use crate::domain::text::visible;

/// So many rows of one table are taken from one instance.
const MOST: u32 = 20;
/// A ticket's number, of which a caller may leave the end out: `CAS-01068` of `CAS-01068-X4B7K2`.
const TICKET_NUMBER: &str = "ticketnumber";
/// Columns that hold a number, as far as a table has them: asked for as a whole.
const NUMBERS: [&str; 5] = [
    TICKET_NUMBER,
    "accountnumber",
    "emailaddress1",
    "emailaddress2",
    "emailaddress3",
];
/// Columns that hold a telephone number, of which a caller may say a part.
const TELEPHONES: [&str; 3] = ["telephone1", "telephone2", "mobilephone"];

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// Whom was asked, in the order of the configuration.
    pub instances: Vec<Asked>,
    /// The records, table by table.
    pub records: Vec<Record>,
    /// Whether an instance has more that fit.
    pub more: bool,
}

/// An instance that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// Why it gave no whole answer, if so.
    pub failure: Option<String>,
}

/// A record; texts are made visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its table.
    pub table: TableName,
    /// Its id.
    pub id: RowId,
    /// What it is called.
    pub name: String,
    /// Its number or e-mail address.
    pub number: String,
    /// Its telephone number.
    pub telephone: String,
    /// Of a ticket: its customer.
    pub customer: Option<(TableName, RowId)>,
    /// Whether each instance has it, in the order of the configuration; not known where one could not be asked, or
    /// is not asked for such records.
    pub on: Vec<Option<bool>>,
}

/// One instance with the tables that it is asked for.
struct Side {
    asked: Asked,
    reader: Reader,
    names: Vec<TableName>,
    tables: Vec<Table>,
    more: bool,
}

/// One table of one instance, and what was found there.
struct Table {
    schema: TableSchema,
    columns: Vec<ColumnName>,
    is_meant: bool,
    rows: BTreeMap<RowId, Row>,
    is_known: bool,
}

/// Asks all instances for what was said, but for those that are to be spared: why, in the order of the configuration.
pub async fn find(
    config: &Config,
    said: &Said,
    spared: &[Option<String>],
) -> Result<Found, StartError> {
    let (clients, _unobserved) = clients(config)?;
    let mut sides: Vec<Side> = Vec::new();
    for (place, (instance, client)) in config.instances.iter().zip(&clients).enumerate() {
        sides.push(Side {
            asked: Asked {
                name: instance.name.to_string(),
                failure: spared.get(place).cloned().flatten(),
            },
            reader: client.reader.clone(),
            names: tables(config, place),
            tables: Vec::new(),
            more: false,
        });
    }
    let is_asked = |side: &&mut Side| side.asked.failure.is_none();
    let asked = sides.iter_mut().filter(is_asked);
    join_all(asked.map(Side::describe)).await;
    let named = said.table.as_deref();
    let is_meant = |table: &Table| named.is_some_and(|name| table.goes_by(name));
    let is_any_meant = sides.iter().flat_map(|side| &side.tables).any(is_meant);
    for table in sides.iter_mut().flat_map(|side| &mut side.tables) {
        table.is_meant = !is_any_meant || named.is_some_and(|name| table.goes_by(name));
    }
    join_all(sides.iter_mut().map(|side| side.search(&said.what))).await;
    let mut ids: BTreeMap<TableName, Vec<RowId>> = BTreeMap::new();
    for table in sides.iter().flat_map(|side| &side.tables) {
        let ids = ids.entry(table.schema.name.clone()).or_default();
        ids.extend(table.rows.keys());
    }
    for ids in ids.values_mut() {
        ids.sort_unstable();
        ids.dedup();
    }
    join_all(sides.iter_mut().map(|side| side.look_up(&ids))).await;
    let records = ids.iter().flat_map(|(table, ids)| {
        let sides = &sides;
        ids.iter().filter_map(move |id| record(sides, table, *id))
    });
    Ok(Found {
        records: records.collect(),
        more: sides.iter().any(|side| side.more),
        instances: sides.into_iter().map(|side| side.asked).collect(),
    })
}

/// The tables of an instance: those of its links, and where it is a target the tickets.
fn tables(config: &Config, instance: usize) -> Vec<TableName> {
    let links = config.links.iter();
    let links: Vec<_> = links
        .filter(|link| link.source == instance || link.target == instance)
        .collect();
    let of_links = links.iter().flat_map(|link| &link.tables);
    let mut names: Vec<TableName> = of_links.map(|table| table.name.clone()).collect();
    if links.iter().any(|link| link.target == instance) {
        names.extend(TableName::new(TICKETS).ok());
    }
    names.sort();
    names.dedup();
    names
}

impl Table {
    fn new(schema: TableSchema) -> Self {
        let mut columns: Vec<ColumnName> = schema.primary_name.iter().cloned().collect();
        let texts = NUMBERS.iter().chain(&TELEPHONES);
        columns.extend(texts.filter_map(|name| text_column(&schema, name)));
        if schema.name.as_str() == TICKETS {
            let customer = ColumnName::new(CUSTOMER).ok();
            columns.extend(customer.filter(|name| schema.column(name).is_some()));
        }
        columns.dedup();
        Self {
            columns,
            schema,
            is_meant: false,
            rows: BTreeMap::new(),
            is_known: false,
        }
    }

    fn goes_by(&self, name: &str) -> bool {
        self.schema.name.as_str() == name || self.schema.set.as_str() == name
    }

    /// The condition that a text is this record's: the text is one literal, whatever is in it (security case 41).
    fn filter(&self, what: &What) -> Filter {
        let text = match what {
            What::Id(id) => return Filter::Ids(vec![*id]),
            What::Text(text) => text,
        };
        let texts = self.columns.iter().filter(|one| one.as_str() != CUSTOMER);
        let conditions = texts.map(|column| {
            let is_whole = NUMBERS.contains(&column.as_str()) && column.as_str() != TICKET_NUMBER;
            if is_whole {
                Filter::Is(column.clone(), text.clone())
            } else {
                Filter::Contains(column.clone(), text.clone())
            }
        });
        Filter::Any(conditions.collect())
    }

    /// The customer that a row of the tickets names.
    fn customer(&self, row: &Row) -> Option<(TableName, RowId)> {
        let values = self.columns.iter().zip(&row.values);
        let mut values = values.filter(|(column, _)| column.as_str() == CUSTOMER);
        values.find_map(|(_, value)| match value {
            Value::Lookup(customer) => Some((customer.table.clone()?, customer.id)),
            _ => None,
        })
    }

    /// The first of these columns that holds something.
    fn text(&self, row: &Row, is_meant: impl Fn(&str) -> bool) -> Option<String> {
        let values = self.columns.iter().zip(&row.values);
        let mut values = values.filter(|(column, _)| is_meant(column.as_str()));
        values.find_map(|(_, value)| match value {
            Value::Text(text) if !text.is_empty() => Some(visible(text).into_owned()),
            _ => None,
        })
    }
}

fn text_column(schema: &TableSchema, name: &str) -> Option<ColumnName> {
    let column = schema.column(&ColumnName::new(name).ok()?)?;
    let is_text = matches!(column.kind, ColumnType::Text { .. });
    (is_text && schema.primary_name.as_ref() != Some(&column.name)).then(|| column.name.clone())
}

impl Side {
    /// Learns its tables. An instance that does not answer is asked no more; a table that it refuses is left out.
    async fn describe(&mut self) {
        for name in &self.names {
            match self.reader.schema(name).await {
                Ok(schema) => self.tables.push(Table::new(schema)),
                Err(failure) => {
                    if self.asked.fails(&failure, name) {
                        return;
                    }
                }
            }
        }
    }

    async fn search(&mut self, what: &What) {
        for table in self.tables.iter_mut().filter(|table| table.is_meant) {
            let query = Query::all(&table.schema, &table.columns)
                .only(table.filter(what))
                .first(MOST + 1);
            match self.reader.pages(query).next().await {
                Ok(page) => {
                    let mut rows = page.unwrap_or_default().rows;
                    self.more |= rows.len() > MOST as usize;
                    rows.truncate(MOST as usize);
                    table.rows.extend(rows.into_iter().map(|row| (row.id, row)));
                    table.is_known = true;
                }
                Err(failure) => {
                    if self.asked.fails(&failure, &table.schema.name) {
                        return;
                    }
                }
            }
        }
    }

    /// Asks for what only others have found.
    async fn look_up(&mut self, ids: &BTreeMap<TableName, Vec<RowId>>) {
        for table in self.tables.iter_mut().filter(|table| table.is_known) {
            let ids = ids.get(&table.schema.name);
            let ids = ids.into_iter().flatten().copied();
            let missing: Vec<RowId> = ids.filter(|id| !table.rows.contains_key(id)).collect();
            let read = self
                .reader
                .rows_by_id(&table.schema, &missing, &table.columns)
                .await;
            match read {
                Ok(Page { rows, .. }) => {
                    table.rows.extend(rows.into_iter().map(|row| (row.id, row)));
                }
                Err(failure) => {
                    table.is_known = false;
                    if self.asked.fails(&failure, &table.schema.name) {
                        return;
                    }
                }
            }
        }
    }
}

impl Asked {
    /// Takes note of a failure; says whether there is no sense in asking for more.
    fn fails(&mut self, failure: &Failure, table: &TableName) -> bool {
        let is_refusal = failure
            .status
            .is_some_and(|status| matches!(status, 400 | 403 | 404));
        let why = visible(&failure.summary()).into_owned();
        let why = if is_refusal {
            format!("{table}: {why}")
        } else {
            why
        };
        self.failure.get_or_insert(why);
        !is_refusal
    }
}

fn record(sides: &[Side], table: &TableName, id: RowId) -> Option<Record> {
    let tables = || {
        let tables = sides.iter().map(|side| &side.tables);
        tables.map(|tables| tables.iter().find(|one| one.schema.name == *table))
    };
    let mut seen = tables().flatten();
    let (first, row) = seen.find_map(|table| Some((table, table.rows.get(&id)?)))?;
    let primary = first.schema.primary_name.as_ref();
    let name = first.text(row, |column| {
        primary.is_some_and(|name| name.as_str() == column)
    });
    let number = first.text(row, |column| NUMBERS.contains(&column));
    let telephone = first.text(row, |column| TELEPHONES.contains(&column));
    let on = tables().map(|table| {
        let table = table?;
        let has = table.rows.contains_key(&id);
        (table.is_known || has).then_some(has)
    });
    Some(Record {
        table: table.clone(),
        id,
        name: name.unwrap_or_default(),
        number: number.unwrap_or_default(),
        telephone: telephone.unwrap_or_default(),
        customer: first.customer(row),
        on: on.collect(),
    })
}
