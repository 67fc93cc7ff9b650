//! What records that are out of step mean for tickets: the target is asked, in batches, when somebody wants to know.

use std::collections::HashMap;

use super::hooked::HookClient;
use super::report::{CUSTOMER, TICKETS};
use super::start::{StartError, clients};
use crate::config::{Config, LinkConfig};
use crate::dataverse::{Filter, Query, Reader};
use crate::domain::drift::Drift;
use crate::domain::failure::Failure;
use crate::domain::hook::{Answer, endpoint_name, id_of};
use crate::domain::impact::{Ensuring, Impact, MOST};
use crate::domain::operation::RecordKey;
use crate::domain::row::{RowId, Value};
use crate::domain::table::{ColumnName, ColumnType, TableName, TableSchema};
use crate::domain::text::visible;

/// Customers whose tickets are asked for in one request (contract 3.2).
const IDS: usize = 500;
/// `stage` of a step that runs before the main transaction (contract 15).
const PRE_VALIDATION: i64 = 10;

/// A record whose impact is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concerned {
    /// The place of its link.
    pub link: usize,
    /// Its table.
    pub table: TableName,
    /// Which.
    pub key: RecordKey,
    /// How it stands.
    pub drift: Drift,
}

/// The impact of each record that has one: those that are missing, a stub, stale or diverged, of a table whose rows
/// tickets can name.
pub async fn impacts(
    config: &Config,
    records: &[Concerned],
) -> Result<HashMap<RecordKey, Impact>, StartError> {
    let (clients, _unobserved) = clients(config)?;
    let mut impacts = HashMap::new();
    for (place, link) in config.links.iter().enumerate() {
        let concerned = records.iter().filter(|record| record.link == place);
        let concerned = concerned.filter(|one| has_impact(one.drift));
        let (by_key, concerned): (Vec<&Concerned>, Vec<&Concerned>) =
            concerned.partition(|one| is_by_key(link, one));
        impacts.extend(by_key.into_iter().map(|one| {
            let why = "tickets name it by the target's own id (identity = \"key\")";
            (one.key, Impact::NotKnown(why.to_owned()))
        }));
        let client = clients.get(link.target);
        let Some(client) = client.filter(|_| !concerned.is_empty()) else {
            continue;
        };
        let is_missing = |one: &&Concerned| one.drift == Drift::Missing;
        let target = Target {
            reader: client.reader.clone(),
            endpoint: id_of(&endpoint_name(&link.name)),
            hook_ensures: if concerned.iter().any(is_missing) {
                hook_ensures(config, place).await
            } else {
                false
            },
        };
        impacts.extend(target.impacts(&concerned).await);
    }
    Ok(impacts)
}

fn has_impact(drift: Drift) -> bool {
    matches!(
        drift,
        Drift::Missing | Drift::Stub | Drift::Stale | Drift::Diverged
    )
}

/// Whether tickets name a record by another id than ours.
fn is_by_key(link: &LinkConfig, record: &Concerned) -> bool {
    let mut tables = link.tables.iter();
    tables.any(|table| table.by_key && table.name == record.table)
}

/// Where the tickets are.
struct Target {
    reader: Reader,
    /// What tandem's own hook is registered as.
    endpoint: Option<RowId>,
    /// Whether that hook, if a step calls it, ensures a ticket's customer.
    hook_ensures: bool,
}

/// Whether the hook of a link ensures a ticket's customer, and answers. One that is not configured here can't be asked:
/// then its step is taken at its word.
async fn hook_ensures(config: &Config, link: usize) -> bool {
    if config.hook.as_ref().is_none_or(|hook| hook.link != link) {
        return true;
    }
    match HookClient::of(config) {
        Some((client, _)) if looks_after(config, link) => client.ask().await.answer == Answer::Well,
        _ => false,
    }
}

impl Target {
    async fn impacts(&self, records: &[&Concerned]) -> Vec<(RecordKey, Impact)> {
        let all = |impact: &Impact| {
            let all = records.iter().map(|record| (record.key, impact.clone()));
            all.collect()
        };
        let (tickets, who) = match tickets_of(&self.reader).await {
            Ok(tickets) => tickets,
            Err(why) => return all(&Impact::NotKnown(why)),
        };
        let named = |record: &&&Concerned| names(&tickets, &who, &record.table);
        let (missing, there): (Vec<&Concerned>, Vec<&Concerned>) = records
            .iter()
            .filter(named)
            .partition(|record| record.drift == Drift::Missing);
        let mut impacts = Vec::new();
        if !missing.is_empty() {
            let impact = match steps(&self.reader, self.endpoint).await {
                Ok((plug_in, hook)) if plug_in || (hook && self.hook_ensures) => {
                    Impact::AcceptedAsAStub
                }
                Ok(_) => Impact::Refused,
                Err(failure) => Impact::NotKnown(said(&failure)),
            };
            impacts.extend(missing.iter().map(|record| (record.key, impact.clone())));
        }
        let mut batches: Vec<&[&Concerned]> = there.chunks(IDS).collect();
        while let Some(batch) = batches.pop() {
            let ids = batch.iter().map(|record| record.key.id).collect();
            match self.open(&tickets, &who, ids).await {
                // There are more, so that some of the batch's are not among them: fewer customers at a time.
                Ok(counts) if counts.values().sum::<usize>() >= MOST && batch.len() > 1 => {
                    let (one, other) = batch.split_at(batch.len() / 2);
                    batches.extend([one, other]);
                }
                Ok(counts) => impacts.extend(batch.iter().map(|record| {
                    let count = counts.get(&record.key.id).copied();
                    (record.key, Impact::OpenTickets(count.unwrap_or_default()))
                })),
                Err(failure) => {
                    let impact = Impact::NotKnown(said(&failure));
                    impacts.extend(batch.iter().map(|record| (record.key, impact.clone())));
                }
            }
        }
        impacts
    }

    /// The open tickets of these customers, [`MOST`] at most.
    async fn open(
        &self,
        tickets: &TableSchema,
        who: &ColumnName,
        ids: Vec<RowId>,
    ) -> Result<HashMap<RowId, usize>, Failure> {
        let mut conditions = vec![Filter::RefersToOneOf(who.clone(), ids)];
        let state = column("statecode")?;
        if tickets.column(&state).is_some() {
            conditions.push(Filter::Number(state, 0));
        }
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        let query = Query::all(tickets, std::slice::from_ref(who))
            .only(Filter::All(conditions))
            .first(most);
        let page = self.reader.pages(query).next().await?.unwrap_or_default();
        let mut counts = HashMap::new();
        for row in page.rows {
            if let Some(Value::Lookup(customer)) = row.values.first() {
                *counts.entry(customer.id).or_default() += 1;
            }
        }
        Ok(counts)
    }
}

/// Who ensures the customers of the tickets in a link's target.
pub(super) async fn ensuring(
    config: &Config,
    link: usize,
    target: &Reader,
) -> Result<Ensuring, String> {
    let link_config = config.links.get(link).ok_or("there is no such link")?;
    let (tickets, who) = tickets_of(target).await?;
    let endpoint = id_of(&endpoint_name(&link_config.name));
    let steps = steps(target, endpoint).await;
    let (plug_in, hook) = steps.map_err(|failure| said(&failure))?;
    let tables = link_config.tables.iter();
    let named = tables.filter(|one| !one.by_key && names(&tickets, &who, &one.name));
    Ok(Ensuring {
        tables: named.map(|one| one.name.to_string()).collect(),
        plug_in,
        hook: hook && looks_after(config, link),
    })
}

/// Whether the hook of a link is configured to ensure a ticket's customer; one that is configured elsewhere is taken at
/// its word.
fn looks_after(config: &Config, link: usize) -> bool {
    let Some(hook) = config.hook.as_ref().filter(|hook| hook.link == link) else {
        return true;
    };
    let mut tables = hook.tables.iter();
    let tickets = tables.find(|table| table.name.as_str() == TICKETS);
    let mut references = tickets.iter().flat_map(|table| &table.references);
    references.any(|reference| reference.column.as_str() == CUSTOMER)
}

/// The tickets' table and the lookup that names a customer.
async fn tickets_of(reader: &Reader) -> Result<(TableSchema, ColumnName), String> {
    let name = TableName::new(TICKETS).map_err(|error| error.to_string())?;
    let who = ColumnName::new(CUSTOMER).map_err(|error| error.to_string())?;
    let schema = reader.schema(&name).await;
    Ok((schema.map_err(|failure| said(&failure))?, who))
}

/// Which steps ensure a ticket's customer, of those that are on and run at `PreValidation` of a ticket's Create: one that
/// says in its own name or in that of what it calls that it ensures; and tandem's hook.
async fn steps(reader: &Reader, endpoint: Option<RowId>) -> Result<(bool, bool), Failure> {
    let filters = reader.schema(&table("sdkmessagefilter")?).await?;
    let message = column("sdkmessageid")?;
    let query = Query::all(&filters, std::slice::from_ref(&message))
        .named()
        .only(Filter::Is(
            column("primaryobjecttypecode")?,
            TICKETS.to_owned(),
        ));
    let mut creates = Vec::new();
    let mut pages = reader.pages(query);
    while let Some(page) = pages.next().await? {
        let rows = page.rows.into_iter();
        let of_create = rows.filter(|row| row.values.first().is_some_and(is_create));
        creates.extend(of_create.map(|row| row.id));
    }
    if creates.is_empty() {
        return Ok((false, false));
    }
    let schema = reader.schema(&table("sdkmessageprocessingstep")?).await?;
    let names = [column("name")?, column("eventhandler")?];
    let query = Query::all(&schema, &names).named().only(Filter::All(vec![
        Filter::RefersToOneOf(column("sdkmessagefilterid")?, creates),
        Filter::Number(column("stage")?, PRE_VALIDATION),
        Filter::Number(column("mode")?, 0),
        Filter::Number(column("statecode")?, 0),
    ]));
    let (mut plug_in, mut hook) = (false, false);
    let mut pages = reader.pages(query);
    while let Some(page) = pages.next().await? {
        for step in &page.rows {
            let handler = step.values.get(1);
            let is_ours =
                matches!(handler, Some(Value::Lookup(handler)) if Some(handler.id) == endpoint);
            let mut values = step.values.iter();
            hook |= is_ours;
            plug_in |=
                !is_ours && values.any(|value| value.to_string().to_lowercase().contains("ensure"));
        }
    }
    Ok((plug_in, hook))
}

fn is_create(message: &Value) -> bool {
    matches!(message, Value::Lookup(message) if message.name.as_deref() == Some("Create"))
}

/// Whether a ticket can name a row of this table.
fn names(tickets: &TableSchema, who: &ColumnName, table: &TableName) -> bool {
    match tickets.column(who).map(|column| &column.kind) {
        Some(ColumnType::Lookup { targets }) => targets.iter().any(|one| one.table == *table),
        _ => false,
    }
}

fn column(name: &str) -> Result<ColumnName, Failure> {
    ColumnName::new(name).map_err(|error| Failure::odd(&error.to_string()))
}

fn table(name: &str) -> Result<TableName, Failure> {
    TableName::new(name).map_err(|error| Failure::odd(&error.to_string()))
}

fn said(failure: &Failure) -> String {
    visible(&failure.summary()).into_owned()
}
