//! POST of a row.
//!
//! No deep insert: a nested row is refused when the payload is read.

use http::StatusCode;
use uuid::Uuid;

use super::{Call, write};
use crate::emulator::instance::Instance;
use crate::emulator::odata::payload::{Payload, Purpose};
use crate::emulator::pipeline;
use crate::emulator::refusal::Outcome;
use crate::emulator::reply::{self, Reply};
use crate::emulator::value::TableId;

pub(crate) fn answer(instance: &Instance, call: &Call, table: TableId) -> Outcome<Reply> {
    call.query.only(&["$select"])?;
    let definition = instance.schema.table(table);
    call.query.select(definition)?;
    let body = call.object(definition)?;
    let mut payload = Payload::read(&instance.schema, table, Purpose::Create, &call.root, &body)?;
    let mut store = instance.write();
    payload.resolve_keys(&store)?;
    pipeline::before_create(instance, &mut store, call.caller, table, &payload)?;
    let id = payload.id.unwrap_or_else(Uuid::now_v7);
    let columns = payload.resolve(&store)?;
    let row = write::insert(instance, &mut store, call.caller, table, id, columns)?;
    if !call.preferences.representation {
        let url = format!("{}/{}({id})", call.root, definition.set);
        return Ok(reply::with_entity_id(reply::no_content(), &url));
    }
    let reply = reply::json(StatusCode::CREATED, &call.entity(&store, table, &row)?);
    let reply = reply::with_etag(reply, row.version);
    Ok(reply::with_preferences(
        reply,
        &call.preferences.applied_to_row(),
    ))
}
