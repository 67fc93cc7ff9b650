//! `CreateMultiple`, `UpdateMultiple`, `UpsertMultiple`: many rows of one table, all of them or none.
//!
//! Every row runs through the same messages as one that is written alone (contract 5.2).

use std::collections::HashSet;

use http::StatusCode;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::update::key_columns;
use super::{Call, Conditions, find};
use crate::emulator::limits::Work;
use crate::emulator::odata::path::{self, Address};
use crate::emulator::odata::payload::{Payload, Purpose};
use crate::emulator::pipeline::{self, Context};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::schema::{Table, Writes};
use crate::emulator::store::comparable;
use crate::emulator::transaction::Transaction;
use crate::emulator::value::{TableId, Value};

/// A message for many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Multiple {
    Create,
    Update,
    Upsert,
}

impl Multiple {
    /// By the name behind the namespace.
    pub(crate) fn named(name: &str) -> Option<Multiple> {
        Some(match name {
            "CreateMultiple" => Multiple::Create,
            "UpdateMultiple" => Multiple::Update,
            "UpsertMultiple" => Multiple::Upsert,
            _ => return None,
        })
    }

    /// What must be allowed to be done to the table.
    pub(crate) fn way(self) -> fn(Writes) -> bool {
        match self {
            Multiple::Create => Writes::create,
            Multiple::Update => Writes::update,
            Multiple::Upsert => |writes| writes.create() && writes.update(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Multiple::Create => "CreateMultiple",
            Multiple::Update => "UpdateMultiple",
            Multiple::Upsert => "UpsertMultiple",
        }
    }
}

pub(crate) fn answer(
    transaction: &mut Transaction,
    call: &Call,
    id: TableId,
    message: Multiple,
) -> Outcome<Reply> {
    call.query.only(&[])?;
    let table = call.schema.table(id);
    let targets = targets(call, table, message)?;
    let work = Work::writes(targets.len());
    let many = Many {
        call,
        id,
        table,
        context: Context {
            many: true,
            ..call.context.clone()
        },
    };
    // Every stage of every row is a part of one transaction.
    transaction.store();
    match message {
        Multiple::Create => {
            let mut ids = Vec::with_capacity(targets.len());
            for target in &targets {
                ids.push(many.create(transaction, target)?.to_string());
            }
            let context = format!(
                "{}/$metadata#Microsoft.Dynamics.CRM.{}Response",
                call.root,
                message.name()
            );
            let body = json!({"@odata.context": context, "Ids": ids});
            return Ok(work.told(reply::json(StatusCode::OK, &body)));
        }
        Multiple::Update => {
            for target in &targets {
                many.update(transaction, target)?;
            }
        }
        Multiple::Upsert => {
            many.are_different(transaction, &targets)?;
            for target in &targets {
                many.upsert(transaction, target)?;
            }
        }
    }
    Ok(work.told(reply::no_content()))
}

/// Reads `Targets`: objects, each with its type.
fn targets(call: &Call, table: &Table, message: Multiple) -> Outcome<Vec<Map<String, Json>>> {
    let mut body = call.object(table)?;
    let targets = body.shift_remove("Targets");
    if let Some(other) = body.keys().next() {
        return Err(Refusal::payload(
            table,
            &format!(
                "The parameter '{other}' in the request payload is not a valid parameter for the operation '{}'.",
                message.name()
            ),
        ));
    }
    let Some(Json::Array(targets)) = targets else {
        return Err(Refusal::payload(
            table,
            "The parameter 'Targets' must be an array of entities.",
        ));
    };
    if targets.is_empty() {
        return Err(Refusal::argument("The collection Targets is empty."));
    }
    targets
        .into_iter()
        .map(|target| match target {
            Json::Object(target) => {
                is_of_type(table, &target)?;
                Ok(target)
            }
            _ => Err(Refusal::payload(
                table,
                "Each of the 'Targets' must be an entity.",
            )),
        })
        .collect()
}

fn is_of_type(table: &Table, target: &Map<String, Json>) -> Outcome<()> {
    let declared = target.get("@odata.type").and_then(Json::as_str);
    let Some(declared) = declared else {
        return Err(Refusal::payload(
            table,
            "Each of the 'Targets' must have an '@odata.type', for their declared type 'Microsoft.Dynamics.CRM.crmbaseentity' is \
             abstract.",
        ));
    };
    let name = declared.strip_prefix('#').unwrap_or(declared);
    if name.strip_prefix("Microsoft.Dynamics.CRM.") == Some(table.name) {
        return Ok(());
    }
    Err(Refusal::argument(format!(
        "The entity type '{declared}' of a target does not match that of the collection, '{}'.",
        table.name
    )))
}

struct Many<'c> {
    call: &'c Call,
    id: TableId,
    table: &'c Table,
    context: Context,
}

/// How a target tells which row it means.
#[derive(PartialEq, Eq, Hash)]
enum Named {
    Row(Uuid),
    /// A key with its values, in which no row stands yet.
    Key(usize, Vec<Option<String>>),
}

impl Many<'_> {
    fn create(&self, transaction: &mut Transaction, target: &Map<String, Json>) -> Outcome<Uuid> {
        let payload = self.read(Purpose::Create, target)?;
        let row = payload.id.unwrap_or_else(Uuid::now_v7);
        pipeline::create(transaction, &self.context, self.id, row, payload)?;
        Ok(row)
    }

    fn update(&self, transaction: &mut Transaction, target: &Map<String, Json>) -> Outcome<()> {
        let payload = self.read(Purpose::Update, target)?;
        let row = payload.id.ok_or_else(|| {
            let column = self.table.columns.get(self.table.id);
            Refusal::argument(format!(
                "A target of UpdateMultiple lacks its primary id '{}'.",
                column.map_or("", |column| column.name)
            ))
        })?;
        let conditions = Conditions::default();
        pipeline::update(
            transaction,
            &self.context,
            &conditions,
            self.id,
            row,
            payload,
        )?;
        Ok(())
    }

    /// Refuses targets of which two name the same row, be it there or not (contract 5.2).
    fn are_different(
        &self,
        transaction: &mut Transaction,
        targets: &[Map<String, Json>],
    ) -> Outcome<()> {
        let mut seen = HashSet::new();
        for target in targets {
            let Some(address) = self.address(target)? else {
                continue;
            };
            let found = transaction.read(|store| find(store, self.id, &address));
            let named = match (found, address) {
                (Some(row), _) | (None, Address::Id(row)) => Named::Row(row),
                (None, Address::Key(key)) => {
                    let values = key.values.iter();
                    let values = values.map(|(_, value)| comparable(value.as_ref()));
                    Named::Key(key.key, values.collect())
                }
            };
            if !seen.insert(named) {
                return Err(Refusal::argument(
                    "The same record is in Targets more than once. Remove the duplicate from the request.",
                ));
            }
        }
        Ok(())
    }

    /// Updates the row that a target names, or makes it.
    fn upsert(&self, transaction: &mut Transaction, target: &Map<String, Json>) -> Outcome<()> {
        let address = self.address(target)?;
        let existing = match &address {
            Some(address) => transaction.read(|store| find(store, self.id, address)),
            None => None,
        };
        let purpose = if existing.is_some() {
            Purpose::Update
        } else {
            Purpose::Create
        };
        let mut payload = self.read(purpose, target)?;
        if let Some(row) = existing {
            if let Some(Address::Key(key)) = &address {
                payload.columns.retain(|(column, _)| !key.has(*column));
            }
            let conditions = Conditions::default();
            pipeline::update(
                transaction,
                &self.context,
                &conditions,
                self.id,
                row,
                payload,
            )?;
            return Ok(());
        }
        let row = match &address {
            Some(Address::Id(_)) if payload.id.is_some() && target.contains_key("@odata.id") => {
                return Err(Refusal::key_named_twice());
            }
            Some(Address::Id(row)) => *row,
            Some(Address::Key(key)) => {
                if payload.columns.iter().any(|(column, _)| key.has(*column)) {
                    return Err(Refusal::key_named_twice());
                }
                payload
                    .columns
                    .extend(key_columns(transaction, self.table, key)?);
                payload.id.unwrap_or_else(Uuid::now_v7)
            }
            None if self.has_key(&payload) => {
                return Err(Refusal::unsupported(
                    "UpsertMultiple with the columns of a key and without @odata.id",
                ));
            }
            None => Uuid::now_v7(),
        };
        pipeline::create(transaction, &self.context, self.id, row, payload).map(|_| ())
    }

    /// Whether a target holds all columns of an alternate key; no source says whether they then name its row.
    fn has_key(&self, payload: &Payload) -> bool {
        let attributes = payload.attributes();
        let is_given = |key: &usize| {
            let given = |(column, value): &(usize, Value)| column == key && !value.is_null();
            attributes.iter().any(given)
        };
        let mut keys = self.table.keys.iter();
        keys.any(|key| key.columns.iter().all(is_given))
    }

    /// How a target of an upsert names its row, if it does.
    fn address(&self, target: &Map<String, Json>) -> Outcome<Option<Address>> {
        let primary = self.table.columns.get(self.table.id);
        let own = primary.and_then(|column| target.get(column.name));
        let Some(named) = target.get("@odata.id") else {
            let id = own.and_then(Json::as_str);
            return Ok(id.and_then(|id| Uuid::try_parse(id).ok()).map(Address::Id));
        };
        let text = named.as_str().unwrap_or_default();
        let (table, address) = path::target(&self.call.schema, &self.call.root, text)?;
        if table != self.id {
            return Err(Refusal::argument(format!(
                "'{text}' does not name a row of '{}'.",
                self.table.name
            )));
        }
        Ok(Some(address))
    }

    fn read(&self, purpose: Purpose, target: &Map<String, Json>) -> Outcome<Payload> {
        Payload::read(&self.call.schema, self.id, purpose, &self.call.root, target)
    }
}
