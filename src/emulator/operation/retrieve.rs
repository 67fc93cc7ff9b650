//! GET of one row, by id or by key.
//!
//! No single properties and no expansion: they are refused when the path and the query are read.

use http::StatusCode;

use super::{Call, Tag, found, is_version};
use crate::emulator::instance::Instance;
use crate::emulator::odata::path::Address;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::value::TableId;

pub(crate) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    address: &Address,
) -> Outcome<Reply> {
    call.query.only(&["$select"])?;
    if call.conditions.if_match.is_some() {
        return Err(Refusal::unsupported("If-Match on a read"));
    }
    let store = instance.read();
    let row = found(&store, table, address)?;
    // A conditional read that asks for annotations is answered in full, as Dataverse does.
    if let Some(Tag::Version(etag)) = &call.conditions.if_none_match
        && is_version(etag, row)
        && !call.preferences.annotations.any()
    {
        return Ok(reply::with_etag(reply::not_modified(), row.version()));
    }
    let reply = reply::written(StatusCode::OK, call.entity(&store, table, row)?);
    let reply = reply::with_etag(reply, row.version());
    Ok(reply::with_preferences(
        reply,
        &call.preferences.applied_to_row(),
    ))
}
