//! The ticket report: tickets of a link's target with their customers, page by page. It only reads, needs neither the
//! journal nor a comparison, and holds one page and a bounded cache, however many tickets there are.
//!
//! Incomplete data is data: a source that can't be read marks its customers, and the tickets come all the same.

mod cache;
mod customer;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::hooked::{HookClient, RefusedReference};
use super::start::{Client, StartError, clients};
use crate::config::{Config, LinkConfig};
use crate::dataverse::{BadRow, Filter, Order, Pages, Query, Reader};
use crate::domain::customer::Mark;
use crate::domain::failure::Failure;
use crate::domain::row::{Reference, Row, RowId, Value};
use crate::domain::table::{ColumnName, TableName, TableSchema};
use crate::domain::text::visible;

use cache::Cache;
use customer::Customers;

pub use customer::Customer;

/// The tickets' table.
pub const TICKETS: &str = "incident";
/// The lookup that names a ticket's customer.
pub(super) const CUSTOMER: &str = "customerid";
/// What a ticket tells beside its customer, as far as the table has it.
const COLUMNS: [&str; 5] = [
    "ticketnumber",
    "title",
    "createdon",
    "statecode",
    "prioritycode",
];
/// The largest page; customers are asked for in requests of their own.
const PAGE: u32 = 5000;
/// So many customers are remembered from page to page.
const REMEMBERED: usize = 20_000;

/// Which tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Only those that are open.
    pub open: bool,
    /// Only those that were created then or later.
    pub since: Option<DateTime<Utc>>,
    /// Only those of this customer.
    pub customer: Option<Who>,
    /// So many at most; the newest come first.
    pub limit: Option<u64>,
}

/// How a customer is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// By id.
    Id(RowId),
    /// By the value of an alternate key.
    Key {
        /// The key's column.
        column: ColumnName,
        /// Its value.
        value: String,
    },
}

/// One ticket; texts are made visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its id, where that could be read.
    pub id: Option<RowId>,
    /// What people call it by.
    pub number: String,
    /// What it is about.
    pub title: String,
    /// When it was created.
    pub created: Option<DateTime<Utc>>,
    /// Its state, as a number.
    pub state: Option<i64>,
    /// Its priority, as a number.
    pub priority: Option<i64>,
    /// Who it is for; `None` where it names nobody.
    pub customer: Option<Customer>,
    /// Why it could not be read, if so: then nothing else of it is known.
    pub fault: Option<String>,
}

/// Why there is no report, or no more of it.
#[derive(Debug, Error)]
pub enum Broken {
    /// A client can't be set up from the configuration.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What is asked for does not fit the configuration or the instances.
    #[error("{0}")]
    Misfit(String),
    /// An instance that has to be read could not be.
    #[error("{instance} can't be read: {why}")]
    Unreachable {
        /// The instance.
        instance: String,
        /// Why.
        why: String,
    },
    /// Nobody has that key.
    #[error("{0}")]
    NoSuchCustomer(String),
}

/// The report, being read.
#[derive(Debug)]
pub struct Report {
    instance: String,
    pages: Option<Pages>,
    columns: Vec<ColumnName>,
    customers: Customers,
    cache: Cache,
    hook: Option<HookClient>,
    asked: Asked,
    customer: Option<RowId>,
    left: Option<u64>,
}

/// The open tickets of a link's target, the newest of them, read at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenTickets {
    /// The newest first.
    pub tickets: Vec<Ticket>,
    /// Whether there are no more.
    pub is_all: bool,
    /// References that were refused, as far as the hook remembers them, in the form of tickets that were not made.
    pub refused: Vec<Ticket>,
    /// Why those are not known.
    pub hook_failure: Option<String>,
    /// Why the source could not be read, if so.
    pub source_failure: Option<String>,
}

/// Reads so many of the open tickets of a link's target.
pub async fn open(config: &Config, link: usize, most: u64) -> Result<OpenTickets, Broken> {
    let asked = Asked {
        open: true,
        limit: Some(most),
        ..Asked::default()
    };
    let mut report = Report::begin(config, link, &asked).await?;
    let mut read = OpenTickets::default();
    while let Some(mut page) = report.next().await? {
        read.tickets.append(&mut page);
    }
    read.is_all = (read.tickets.len() as u64) < most;
    match report.refused().await {
        Ok(refused) => read.refused = refused,
        Err(why) => read.hook_failure = Some(why),
    }
    read.source_failure = report.source_failure().map(str::to_owned);
    Ok(read)
}

impl Report {
    /// Begins it; the target has to answer, the source need not.
    pub async fn begin(config: &Config, place: usize, asked: &Asked) -> Result<Self, Broken> {
        let (clients, _unobserved) = clients(config)?;
        let no_link = || Broken::Misfit("there is no such link".to_owned());
        let link = config.links.get(place).ok_or_else(no_link)?;
        let hook = HookClient::of(config).filter(|(_, hook)| hook.link == place);
        let client = |place: usize| clients.get(place).ok_or_else(no_link);
        let (source, target) = (client(link.source)?, client(link.target)?);
        let instance = instance_name(config, link.target);
        let unreachable = |failure: Failure| unreachable(&instance, &failure);
        let sync_users = sync_users(link, target).await.map_err(unreachable)?;
        let reader = &target.reader;
        let name = TableName::new(TICKETS).map_err(|error| Broken::Misfit(error.to_string()))?;
        let schema = reader.schema(&name).await.map_err(unreachable)?;
        let customers = Customers::new(link, &source.reader, reader, sync_users);
        let asked_for = match &asked.customer {
            None => None,
            Some(Who::Id(id)) => Some(*id),
            Some(Who::Key { column, value }) => {
                let sides = [
                    (instance_name(config, link.source), &source.reader),
                    (instance.clone(), reader),
                ];
                Some(resolved(link, &sides, column, value).await?)
            }
        };
        let (query, columns) = query(&schema, asked, asked_for)?;
        Ok(Self {
            pages: Some(reader.pages(query)),
            instance,
            columns,
            customers,
            cache: Cache::holding(REMEMBERED),
            hook: hook.map(|(client, _)| client),
            asked: asked.clone(),
            customer: asked_for,
            left: asked.limit,
        })
    }

    /// The next tickets, newest first; `None` behind the last. After a failure the same page can be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<Ticket>>, Broken> {
        if self.left == Some(0) {
            self.pages = None;
        }
        let Some(pages) = &mut self.pages else {
            return Ok(None);
        };
        let page = pages.next().await;
        let Some(page) = page.map_err(|failure| unreachable(&self.instance, &failure))? else {
            self.pages = None;
            return Ok(None);
        };
        let (mut rows, mut bad) = (page.rows, page.bad_rows);
        if let Some(left) = &mut self.left {
            let most = usize::try_from(*left).unwrap_or(usize::MAX);
            rows.truncate(most);
            bad.truncate(most - rows.len());
            *left = left.saturating_sub((rows.len() + bad.len()) as u64);
        }
        let named = rows.iter().filter_map(|row| self.reference(row));
        let named: HashSet<&Reference> = named.collect();
        self.customers.read(named, &mut self.cache).await;
        let read = rows.iter().map(|row| self.ticket(row));
        let tickets = read.chain(bad.iter().map(unread)).collect();
        self.cache.turn_page();
        Ok(Some(tickets))
    }

    /// The references that were refused, as far as the hook remembers them, in the form of tickets that were not made:
    /// marked as refused, with when they were last asked for and why. None where no hook is configured for the link.
    pub async fn refused(&mut self) -> Result<Vec<Ticket>, String> {
        let Some(hook) = &self.hook else {
            return Ok(Vec::new());
        };
        let mut refused = hook.refused().await?;
        let (since, customer) = (self.asked.since, self.customer);
        refused.retain(|one| {
            since.is_none_or(|since| one.last >= since) && customer.is_none_or(|id| one.id == id)
        });
        let references: Vec<Reference> = refused.iter().map(named).collect();
        let all = references.iter().collect();
        self.customers.read(all, &mut self.cache).await;
        let lines = refused.iter().zip(&references);
        let tickets = lines.map(|(one, reference)| {
            let customer = self.cache.customer(reference);
            let is_there = !matches!(customer.mark, Mark::Unknown | Mark::SourceUnreadable);
            let now = if is_there { "; it is there now" } else { "" };
            Ticket {
                id: None,
                number: String::new(),
                title: format!(
                    "refused, asked for {} times: {}{now}",
                    one.count, one.reason
                ),
                created: Some(one.last),
                state: None,
                priority: None,
                customer: Some(Customer {
                    mark: Mark::Refused,
                    ..customer
                }),
                fault: None,
            }
        });
        Ok(tickets.collect())
    }

    /// Why the source could not be read, the last time that it was asked in vain.
    pub fn source_failure(&self) -> Option<&str> {
        self.customers.source_failure.as_deref()
    }

    fn value<'r>(&self, row: &'r Row, column: &str) -> Option<&'r Value> {
        let mut columns = self.columns.iter();
        row.values
            .get(columns.position(|name| name.as_str() == column)?)
    }

    fn reference<'r>(&self, row: &'r Row) -> Option<&'r Reference> {
        match self.value(row, CUSTOMER) {
            Some(Value::Lookup(reference)) => Some(reference),
            _ => None,
        }
    }

    fn ticket(&self, row: &Row) -> Ticket {
        let text = |column: &str| {
            let value = self.value(row, column);
            value.map_or_else(String::new, |value| {
                visible(&value.to_string()).into_owned()
            })
        };
        let number = |column: &str| match self.value(row, column) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        };
        Ticket {
            id: Some(row.id),
            number: text("ticketnumber"),
            title: text("title"),
            created: match self.value(row, "createdon") {
                Some(Value::DateTime(at)) => Some(*at),
                _ => None,
            },
            state: number("statecode"),
            priority: number("prioritycode"),
            customer: self
                .reference(row)
                .map(|reference| self.cache.customer(reference)),
            fault: None,
        }
    }
}

fn named(refused: &RefusedReference) -> Reference {
    Reference {
        table: Some(refused.table.clone()),
        id: refused.id,
        name: None,
    }
}

/// A ticket that is there and can't be read.
fn unread(bad: &BadRow) -> Ticket {
    Ticket {
        id: bad.id,
        number: String::new(),
        title: String::new(),
        created: None,
        state: None,
        priority: None,
        customer: None,
        fault: Some(visible(&bad.reason).into_owned()),
    }
}

fn instance_name(config: &Config, place: usize) -> String {
    let instance = config.instances.get(place);
    instance.map_or_else(String::new, |instance| instance.name.to_string())
}

fn unreachable(instance: &str, failure: &Failure) -> Broken {
    Broken::Unreachable {
        instance: instance.to_owned(),
        why: visible(&failure.summary()).into_owned(),
    }
}

/// Whose rows in the target came over the link: those of the users that sync to it.
async fn sync_users(link: &LinkConfig, target: &Client) -> Result<HashSet<RowId>, Failure> {
    let mut users: HashSet<RowId> = link.sync_users.iter().copied().collect();
    users.insert(target.reader.who_am_i().await?.user);
    // Where the agent's user is refused, less is known of where a row came from: that is no reason to tell nothing.
    match target.agent.who_am_i().await {
        Ok(agent) => {
            users.insert(agent.user);
        }
        Err(failure) => tracing::warn!(%failure, "the agent's user is not known"),
    }
    Ok(users)
}

/// The tickets' query, and the columns in the order of its rows' values.
fn query(
    schema: &TableSchema,
    asked: &Asked,
    customer: Option<RowId>,
) -> Result<(Query, Vec<ColumnName>), Broken> {
    let named = |name: &str| ColumnName::new(name).ok();
    let known = |name: &str| named(name).filter(|name| schema.column(name).is_some());
    let needed = |name: &str| {
        let misfit = || Broken::Misfit(format!("table {TICKETS} has no column {name}"));
        known(name).ok_or_else(misfit)
    };
    let who = needed(CUSTOMER)?;
    let mut columns: Vec<ColumnName> = COLUMNS.into_iter().filter_map(known).collect();
    columns.push(who.clone());
    let mut filters = Vec::new();
    if asked.open {
        filters.push(Filter::Number(needed("statecode")?, 0));
    }
    if let Some(since) = asked.since {
        filters.push(Filter::Since(needed("createdon")?, since));
    }
    if let Some(id) = customer {
        filters.push(Filter::RefersTo(who, id));
    }
    let page = asked.limit.unwrap_or(PAGE.into());
    let mut query = Query::all(schema, &columns)
        .named()
        .pages_of(u32::try_from(page).unwrap_or(PAGE));
    if !filters.is_empty() {
        query = query.only(Filter::All(filters));
    }
    if let Some(created) = known("createdon") {
        query = query.by(created, Order::Descending);
    }
    query = query.by(schema.primary_id.clone(), Order::Ascending);
    Ok((query, columns))
}

/// The customer behind a key: the word of whichever side has it.
async fn resolved(
    link: &LinkConfig,
    sides: &[(String, &Reader)],
    column: &ColumnName,
    value: &str,
) -> Result<RowId, Broken> {
    let tables = link.tables.iter();
    let mut tables = tables
        .filter(|table| table.keys.contains(column))
        .peekable();
    if tables.peek().is_none() {
        return Err(Broken::Misfit(format!(
            "no table of link {} has a key {column}",
            link.name
        )));
    }
    let mut failed = None;
    for table in tables {
        for (instance, reader) in sides {
            let found = match reader.schema(&table.name).await {
                Ok(schema) => reader.resolve_key(&schema, column, value).await,
                Err(failure) => Err(failure),
            };
            match found {
                Ok(Some(id)) => return Ok(id),
                Ok(None) => {}
                Err(failure) => failed = Some(unreachable(instance, &failure)),
            }
        }
    }
    Err(failed.unwrap_or_else(|| {
        let value = visible(value);
        Broken::NoSuchCustomer(format!(
            "neither instance has a customer with {column} {value}"
        ))
    }))
}

/// Ids by the table that a lookup says they are of.
type ByTable = BTreeMap<TableName, Vec<RowId>>;
