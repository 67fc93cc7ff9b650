//! The service document: the entity sets that there are.
//!
//! `$metadata`, which would describe them, is not served.

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::Call;
use crate::emulator::refusal::Outcome;
use crate::emulator::reply::{self, Reply};

pub(crate) fn answer(call: &Call) -> Outcome<Reply> {
    call.query.only(&[])?;
    let mut sets: Vec<&str> = call.schema.tables().map(|(_, table)| table.set).collect();
    sets.sort_unstable();
    let entry = |set: &&str| json!({"name": set, "kind": "EntitySet", "url": set});
    let body = json!({
        "@odata.context": format!("{}/$metadata", call.root),
        "value": sets.iter().map(entry).collect::<Vec<Json>>(),
    });
    Ok(reply::json(StatusCode::OK, &body))
}
