//! The customers of a page of tickets, read by id on both sides at once.

use std::collections::{HashMap, HashSet};

use super::ByTable;
use super::cache::Cache;
use crate::config::LinkConfig;
use crate::dataverse::Reader;
use crate::domain::customer::{Mark, mark};
use crate::domain::drift::{Evidence, Side};
use crate::domain::failure::Failure;
use crate::domain::row::{Placeholder, Reference, Row, RowId};
use crate::domain::table::{ColumnName, TableName};
use crate::domain::text::visible;
use crate::engine::link::{Ends, LinkTable, NotReady, describe_one};
use crate::engine::reading::End;
use crate::engine::reconcile::counterparts;

/// A ticket's customer; texts are made visible, and what is blank is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its table; empty where the server did not say.
    pub table: String,
    /// Its id.
    pub id: RowId,
    /// How much of it is known.
    pub mark: Mark,
    /// What it is called: the source's word, else the target's.
    pub name: String,
    /// The value of its alternate key.
    pub number: String,
    /// Its telephone number.
    pub telephone: String,
    /// Its e-mail address.
    pub email: String,
    /// Why it could not be read, if so.
    pub why: Option<String>,
}

impl Customer {
    /// One of whom nothing is known but the reference.
    pub(super) fn blank(reference: &Reference, mark: Mark) -> Self {
        let table = reference.table.as_ref();
        Self {
            table: table.map_or_else(String::new, TableName::to_string),
            id: reference.id,
            mark,
            name: String::new(),
            number: String::new(),
            telephone: String::new(),
            email: String::new(),
            why: None,
        }
    }
}

/// Where customers are read.
#[derive(Debug)]
pub(super) struct Customers {
    link: LinkConfig,
    ends: Ends,
    sync_users: HashSet<RowId>,
    tables: HashMap<TableName, Described>,
    pub(super) source_failure: Option<String>,
}

/// A table of the link; until the source has described it, as the target does.
#[derive(Debug)]
struct Described {
    table: LinkTable,
    by_source: bool,
}

/// What one side shows of a page's customers, or why it shows nothing.
type Seen = Result<HashMap<RowId, Side>, String>;

impl Customers {
    pub(super) fn new(
        link: &LinkConfig,
        source: &Reader,
        target: &Reader,
        sync_users: HashSet<RowId>,
    ) -> Self {
        Self {
            link: link.clone(),
            ends: Ends {
                source: source.clone(),
                target: target.writer(),
            },
            sync_users,
            tables: HashMap::new(),
            source_failure: None,
        }
    }

    /// Reads those that the cache does not hold into it. Those of a table that is not on the link are the target's own,
    /// and their tickets name them well enough.
    pub(super) async fn read(&mut self, named: HashSet<&Reference>, cache: &mut Cache) {
        let mut unread = ByTable::new();
        for reference in named {
            let Some(table) = &reference.table else {
                continue;
            };
            let on_link = self.link.tables.iter().any(|one| one.name == *table);
            if on_link && !cache.has(reference.id) {
                let ids = unread.entry(table.clone()).or_default();
                ids.push(reference.id);
            }
        }
        for (table, ids) in unread {
            let described = self.describe(&table).await;
            let customers = self.of_table(&table, &ids, described).await;
            for customer in customers {
                cache.put(customer);
            }
        }
    }

    async fn of_table(
        &mut self,
        name: &TableName,
        ids: &[RowId],
        described: Result<(), String>,
    ) -> Vec<Customer> {
        let reference = |id: &RowId| Reference {
            table: Some(name.clone()),
            id: *id,
            name: None,
        };
        let known = self.tables.get(name);
        let Some(Described { table, by_source }) = known else {
            let why = described.err();
            let unknown = ids.iter().map(|id| Customer {
                why: why.clone(),
                ..Customer::blank(&reference(id), Mark::Unknown)
            });
            return unknown.collect();
        };
        let from_source = async {
            match (by_source, &described) {
                (true, _) => seen(&self.ends, End::Source, table, ids).await,
                (false, described) => Err(described.clone().err().unwrap_or_default()),
            }
        };
        let from_target = seen(&self.ends, End::Target, table, ids);
        let (source, target) = if table.identity.is_by_key() && *by_source {
            let target = from_target.await;
            (seen_by_key(&self.ends, table, &target).await, target)
        } else {
            tokio::join!(from_source, from_target)
        };
        let evidence = Evidence {
            sync_users: &self.sync_users,
            came_over_link: false,
            was_in_target: true,
            changed: None,
            agreed: None,
            is_held: false,
            is_altered: false,
            kept: None,
            other_with_key: None,
        };
        let read = ids.iter().map(|id| {
            let (source, target) = (side(&source, *id), side(&target, *id));
            let mark = mark(&source, &target, &table.rules, evidence);
            Customer {
                why: why(&source, &target),
                ..filled(
                    table,
                    [source.row(), target.row()],
                    Customer::blank(&reference(id), mark),
                )
            }
        });
        let customers = read.collect();
        if let Err(why) = source {
            self.source_failure = Some(why);
        }
        customers
    }

    /// Asks both sides for a table that is not known whole yet; says why the source's or both words are missing.
    async fn describe(&mut self, name: &TableName) -> Result<(), String> {
        if self.tables.get(name).is_some_and(|known| known.by_source) {
            return Ok(());
        }
        let mut tables = self.link.tables.iter();
        let Some(config) = tables.find(|table| table.name == *name).cloned() else {
            return Ok(());
        };
        let described = describe_one(&self.link, &config, &self.ends).await;
        let (table, unasked) = described.map_err(|why| match why {
            NotReady::Unreachable(failure) => said(&failure),
            NotReady::Misfit(why) => visible(&why).into_owned(),
        })?;
        let by_source = unasked.is_none();
        self.tables
            .insert(name.clone(), Described { table, by_source });
        unasked.map_or(Ok(()), |failure| Err(said(&failure)))
    }
}

fn said(failure: &Failure) -> String {
    visible(&failure.summary()).into_owned()
}

async fn seen(ends: &Ends, end: End, table: &LinkTable, ids: &[RowId]) -> Seen {
    let taken = ends.rows(end, table, ids).await;
    let taken = taken.map_err(|failure| said(&failure))?;
    let bad = taken.unreadable.into_iter();
    let bad = bad.map(|(id, why)| (id, Side::Unreadable(why)));
    let out = taken.out_of_scope.into_iter();
    let out = out.map(|id| (id, Side::OutOfScope));
    let rows = taken.rows.into_iter().map(|row| (row.id, Side::Row(row)));
    Ok(bad.chain(out).chain(rows).collect())
}

/// The source's side of rows that the target showed, where an alternate key tells which rows are one record.
async fn seen_by_key(ends: &Ends, table: &LinkTable, target: &Seen) -> Seen {
    let sides = target.iter().flat_map(HashMap::values);
    let rows: Vec<&Row> = sides.filter_map(Side::row).collect();
    let found = counterparts(ends, table, &rows).await;
    let found = found.map_err(|failure| said(&failure))?.into_iter();
    Ok(found.map(|(id, row)| (id, Side::Row(row))).collect())
}

fn side(seen: &Seen, id: RowId) -> Side {
    match seen {
        Ok(sides) => sides.get(&id).cloned().unwrap_or(Side::Absent),
        Err(why) => Side::Unreadable(why.clone()),
    }
}

fn why(source: &Side, target: &Side) -> Option<String> {
    [source, target].into_iter().find_map(|side| match side {
        Side::Unreadable(why) => Some(visible(why).into_owned()),
        Side::Row(_) | Side::Absent | Side::OutOfScope | Side::Unread => None,
    })
}

/// The customer with what either side tells of it; a placeholder tells nothing.
fn filled(table: &LinkTable, rows: [Option<&Row>; 2], customer: Customer) -> Customer {
    let first = |is_meant: &dyn Fn(&ColumnName) -> bool| {
        let columns = table.target_columns.iter().enumerate();
        let mut columns = columns.filter(|(_, name)| is_meant(name));
        columns
            .find_map(|(place, name)| text(table, place, name, rows))
            .unwrap_or_default()
    };
    let is_key = |name: &ColumnName| {
        let mut columns = table.rules.columns.iter();
        columns.any(|column| column.key && column.name == *name)
    };
    Customer {
        name: first(&|name| table.target.primary_name.as_ref() == Some(name)),
        number: first(&is_key),
        telephone: first(&|name| name.as_str().starts_with("telephone")),
        email: first(&|name| name.as_str().starts_with("emailaddress")),
        ..customer
    }
}

fn text(
    table: &LinkTable,
    place: usize,
    name: &ColumnName,
    rows: [Option<&Row>; 2],
) -> Option<String> {
    let kind = &table.target.column(name)?.kind;
    let placeholder: &Placeholder = &table.rules.placeholder;
    let values = rows.into_iter().flatten();
    let mut values = values.filter_map(|row| row.values.get(place));
    values
        .find(|value| !value.is_blank(kind, placeholder))
        .map(|value| visible(&value.to_string()).into_owned())
}
