//! The action `CloseIncident`, the only way to resolve a ticket.
//!
//! The resolution is an activity in Dataverse; there is no such table here, so of it only the ticket and status count.

use serde_json::{Map, Value as Json};

use super::{Call, find, missing};
use crate::emulator::odata::path;
use crate::emulator::pipeline;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::transaction::Transaction;
use crate::emulator::value::Reference;

/// The status that stands for the default one of the state.
const DEFAULT: i64 = -1;

pub(crate) fn answer(transaction: &mut Transaction, call: &Call) -> Outcome<Reply> {
    call.query.only(&[])?;
    let unknown = || Refusal::unsupported("CloseIncident");
    let table = call.schema.by_name("incident").ok_or_else(unknown)?;
    let body = call.object(call.schema.table(table))?;
    let wrong = |what: &str| {
        Refusal::argument(format!(
            "The parameter {what} of CloseIncident is missing or wrong."
        ))
    };
    let status = body.get("Status").and_then(Json::as_i64);
    let status = status.ok_or_else(|| wrong("Status"))?;
    let resolution = body.get("IncidentResolution").and_then(Json::as_object);
    let text = resolution
        .and_then(ticket)
        .ok_or_else(|| wrong("IncidentResolution"))?;
    let (named, address) = path::bound(&call.schema, &call.root, text)?;
    if named != table {
        return Err(wrong("IncidentResolution"));
    }
    let id = transaction.read(|store| find(store, table, &address));
    let id = id.ok_or_else(|| missing(&call.schema, table, &address))?;
    let status = (status != DEFAULT).then_some(status);
    pipeline::close(transaction, &call.context, Reference { table, id }, status)?;
    Ok(reply::no_content())
}

/// The ticket that a resolution is of.
fn ticket(resolution: &Map<String, Json>) -> Option<&str> {
    let bound = resolution
        .get("incidentid@odata.bind")
        .and_then(Json::as_str);
    let nested = || resolution.get("incidentid")?.get("@odata.id")?.as_str();
    bound.or_else(nested)
}
