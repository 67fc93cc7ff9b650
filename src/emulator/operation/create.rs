//! POST of a row.
//!
//! Rows that are nested in the body are read with it, and created by the pipeline in the same transaction.

use http::StatusCode;
use uuid::Uuid;

use super::Call;
use crate::emulator::odata::payload::{Payload, Purpose};
use crate::emulator::pipeline;
use crate::emulator::refusal::Outcome;
use crate::emulator::reply::Reply;
use crate::emulator::transaction::Transaction;
use crate::emulator::value::TableId;

pub(crate) fn answer(transaction: &mut Transaction, call: &Call, table: TableId) -> Outcome<Reply> {
    call.query.only(&["$select", "$expand"])?;
    let definition = call.schema.table(table);
    call.query.select(definition)?;
    let body = call.object(definition)?;
    let payload = Payload::read(&call.schema, table, Purpose::Create, &call.root, &body)?;
    let id = payload.id.unwrap_or_else(Uuid::now_v7);
    let row = pipeline::create(transaction, &call.context, table, id, payload)?;
    let url = format!("{}/{}({id})", call.root, definition.set);
    call.written(transaction, table, &row, &url, StatusCode::CREATED)
}
