//! GET of one column of a row: as JSON, or with `/$value` as it is.
//!
//! Writing one is not here.

use http::StatusCode;

use super::{Call, found};
use crate::emulator::instance::Instance;
use crate::emulator::odata::path::{Address, Property};
use crate::emulator::odata::{render, rows};
use crate::emulator::refusal::Outcome;
use crate::emulator::reply::{self, Reply};
use crate::emulator::value::TableId;

/// A column that holds nothing is 204 (`OData`; Dataverse's own answer was not found).
pub(crate) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    address: &Address,
    property: Property,
) -> Outcome<Reply> {
    call.query.only(&[])?;
    let store = instance.read();
    let row = found(&store, table, address)?;
    let value = row.value(property.column);
    if value.is_null() {
        return Ok(reply::no_content());
    }
    if property.raw {
        let text = match render::json(value) {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        return Ok(reply::text(StatusCode::OK, "text/plain", text));
    }
    let definition = call.schema.table(table);
    let mut body = b"{\"@odata.context\":".to_vec();
    rows::scalar(
        &mut body,
        &format!(
            "{}/$metadata#{}({})/{}",
            call.root,
            definition.set,
            row.id(),
            definition.columns[property.column].wire_name
        ),
    );
    body.extend_from_slice(b",\"value\":");
    rows::value(&mut body, value);
    body.push(b'}');
    Ok(reply::written(StatusCode::OK, body))
}
