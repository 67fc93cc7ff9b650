//! `RetrieveUserPrivileges`, bound to a user: what his roles let him do, by name and with how far it reaches.

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::{Call, find, missing};
use crate::emulator::instance::Instance;
use crate::emulator::odata::path::Address;
use crate::emulator::refusal::Outcome;
use crate::emulator::reply::{self, Reply};
use crate::emulator::security::{self, privilege};
use crate::emulator::value::TableId;

/// The name of the message.
pub(crate) const NAME: &str = "RetrieveUserPrivileges";

pub(crate) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    address: &Address,
) -> Outcome<Reply> {
    call.query.only(&[])?;
    let view = call.view(instance);
    let user = find(&view, table, address).ok_or_else(|| missing(&call.schema, table, address))?;
    drop(view);
    let unit = instance.business_unit_id();
    let held = security::held_by(instance, user).into_iter();
    let shown = held.map(|(name, depth)| {
        json!({
            "Depth": depth.word(),
            "PrivilegeId": privilege::id(&name),
            "BusinessUnitId": unit,
            "PrivilegeName": name,
            "RecordFilterId": uuid::Uuid::nil(),
            "RecordFilterUniqueName": "",
        })
    });
    let body = json!({
        "@odata.context": format!("{}/$metadata#Microsoft.Dynamics.CRM.{NAME}Response", call.root),
        "RolePrivileges": shown.collect::<Vec<Json>>(),
    });
    Ok(reply::json(StatusCode::OK, &body))
}
