//! What records that are out of step mean for tickets: the target is asked, in batches, when somebody wants to know.

mod tickets;

use std::collections::HashMap;

use super::audit::Audit;
use super::hooked::HookClient;
use super::report::{CUSTOMER, TICKETS};
use super::start::{StartError, clients};
use crate::config::{Config, LinkConfig};
use crate::dataverse::{Filter, Query, Reader};
use crate::domain::drift::Drift;
use crate::domain::failure::Failure;
use crate::domain::hook::{Answer, endpoint_name, id_of};
use crate::domain::impact::{Ensuring, Impact};
use crate::domain::operation::RecordKey;
use crate::domain::row::{RowId, Value};
use crate::domain::table::{ColumnName, TableName};
use crate::domain::text::visible;

use tickets::IDS;
pub(super) use tickets::Tickets;

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
        let concerned: Vec<&Concerned> = concerned.collect();
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
        let pairs = pairs(config, link).await;
        impacts.extend(target.impacts(&concerned, &pairs).await);
    }
    Ok(impacts)
}

fn has_impact(drift: Drift) -> bool {
    matches!(
        drift,
        Drift::Missing | Drift::Stub | Drift::Stale | Drift::Diverged
    )
}

/// By which ids the target knows the records of the tables that are told by their keys; why not, where the journal does
/// not tell.
type Pairs = HashMap<TableName, Result<HashMap<RowId, RowId>, String>>;

async fn pairs(config: &Config, link: &LinkConfig) -> Pairs {
    let tables = link.tables.iter().filter(|table| table.by_key);
    let tables: Vec<TableName> = tables.map(|table| table.name.clone()).collect();
    if tables.is_empty() {
        return Pairs::new();
    }
    let (folder, name, asked) = (config.state.clone(), link.name.clone(), tables.clone());
    let read = move || {
        let audit = Audit::open(&folder).map_err(|error| error.to_string())?;
        let paired = |table: TableName| {
            let pairs = audit
                .pairs(&name, &table)
                .map_err(|error| error.to_string());
            (table, pairs.map(HashMap::from_iter))
        };
        Ok(asked.into_iter().map(paired).collect())
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read: Result<Pairs, String> = read.unwrap_or_else(|error| Err(error.to_string()));
    read.unwrap_or_else(|why| {
        let unknown = |table| (table, Err(why.clone()));
        tables.into_iter().map(unknown).collect()
    })
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
    async fn impacts(&self, records: &[&Concerned], pairs: &Pairs) -> Vec<(RecordKey, Impact)> {
        let all = |impact: &Impact| {
            let all = records.iter().map(|record| (record.key, impact.clone()));
            all.collect()
        };
        let tickets = match Tickets::of(&self.reader).await {
            Ok(tickets) => tickets,
            Err(why) => return all(&Impact::NotKnown(why)),
        };
        let (missing, there): (Vec<&Concerned>, Vec<&Concerned>) = records
            .iter()
            .filter(|record| tickets.can_name(&record.table))
            .partition(|record| record.drift == Drift::Missing);
        let mut impacts = Vec::new();
        // A ticket names by its key what the target has under another id, and that is looked up before any step runs.
        let (by_key, by_id): (Vec<&Concerned>, Vec<&Concerned>) = missing
            .into_iter()
            .partition(|record| pairs.contains_key(&record.table));
        let refused = by_key.iter().map(|record| (record.key, Impact::Refused));
        impacts.extend(refused);
        if !by_id.is_empty() {
            let impact = match steps(&self.reader, self.endpoint).await {
                Ok((plug_in, hook)) if plug_in || (hook && self.hook_ensures) => {
                    Impact::AcceptedAsAStub
                }
                Ok(_) => Impact::Refused,
                Err(failure) => Impact::NotKnown(said(&failure)),
            };
            impacts.extend(by_id.iter().map(|record| (record.key, impact.clone())));
        }
        let mut named = Vec::with_capacity(there.len());
        for record in there {
            match target_id(record, pairs) {
                Ok(id) => named.push((record.key, id)),
                Err(why) => impacts.push((record.key, Impact::NotKnown(why))),
            }
        }
        for batch in named.chunks(IDS) {
            let ids: Vec<RowId> = batch.iter().map(|(_, id)| *id).collect();
            let counts = tickets.open(&self.reader, &ids).await;
            impacts.extend(batch.iter().map(|(key, id)| {
                let impact = match &counts {
                    Ok(counts) => Impact::OpenTickets(counts.get(id).copied().unwrap_or_default()),
                    Err(failure) => Impact::NotKnown(said(failure)),
                };
                (*key, impact)
            }));
        }
        impacts
    }
}

/// The id by which the target's tickets name a record.
fn target_id(record: &Concerned, pairs: &Pairs) -> Result<RowId, String> {
    match pairs.get(&record.table) {
        None => Ok(record.key.id),
        Some(Ok(pairs)) => {
            let id = pairs.get(&record.key.id).copied();
            id.ok_or_else(|| "which row of the target it is stands in no journal here".to_owned())
        }
        Some(Err(why)) => Err(format!(
            "which row of the target it is can't be read: {why}"
        )),
    }
}

/// Who ensures the customers of the tickets in a link's target.
pub(super) async fn ensuring(
    config: &Config,
    link: usize,
    target: &Reader,
) -> Result<Ensuring, String> {
    let link_config = config.links.get(link).ok_or("there is no such link")?;
    let tickets = Tickets::of(target).await?;
    let endpoint = id_of(&endpoint_name(&link_config.name));
    let steps = steps(target, endpoint).await;
    let (plug_in, hook) = steps.map_err(|failure| said(&failure))?;
    let tables = link_config.tables.iter();
    let named = tables.filter(|one| !one.by_key && tickets.can_name(&one.name));
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

fn column(name: &str) -> Result<ColumnName, Failure> {
    ColumnName::new(name).map_err(|error| Failure::odd(&error.to_string()))
}

fn table(name: &str) -> Result<TableName, Failure> {
    TableName::new(name).map_err(|error| Failure::odd(&error.to_string()))
}

fn said(failure: &Failure) -> String {
    visible(&failure.summary()).into_owned()
}
