//! GET of one row, by id or by key, with what it is expanded by.
//!
//! What stands behind a row in the path is `property.rs`'s and `navigation.rs`'s.

use http::StatusCode;

use super::{Call, Tag, found, is_version};
use crate::emulator::instance::Instance;
use crate::emulator::odata::path::Address;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

pub(crate) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    address: &Address,
) -> Outcome<Reply> {
    let store = call.view(instance);
    let row = found(&store, table, address)?;
    shown(instance, call, &store, table, row)
}

/// One row as an answer, or 304 where the caller has it already.
pub(super) fn shown(
    instance: &Instance,
    call: &Call,
    store: &Store,
    table: TableId,
    row: &Row,
) -> Outcome<Reply> {
    call.query.only(&["$select", "$expand"])?;
    if call.conditions.if_match.is_some() {
        return Err(Refusal::unsupported("If-Match on a read"));
    }
    // A conditional read that expands or asks for annotations is answered in full, as Dataverse does.
    if let Some(Tag::Version(etag)) = &call.conditions.if_none_match
        && is_version(etag, row)
        && !call.preferences.annotations.any()
        && call.query.get("$expand").is_none()
    {
        return Ok(reply::with_etag(reply::not_modified(), row.version()));
    }
    let entity = call.entity(instance, store, table, row)?;
    let reply = reply::with_etag(reply::written(StatusCode::OK, entity), row.version());
    Ok(reply::with_preferences(
        reply,
        &call.preferences.applied_to_row(),
    ))
}
