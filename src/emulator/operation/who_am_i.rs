//! The functions that clients probe with: `WhoAmI` and `RetrieveVersion`.

use http::StatusCode;
use serde_json::json;

use super::Call;
use crate::emulator::instance::Instance;
use crate::emulator::refusal::Outcome;
use crate::emulator::reply::{self, Reply};

/// The build that the instances claim to be.
pub(super) const VERSION: &str = "9.2.24061.00184";

pub(crate) fn answer(instance: &Instance, call: &Call) -> Outcome<Reply> {
    call.query.only(&[])?;
    let body = json!({
        "@odata.context": format!("{}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse", call.root),
        "BusinessUnitId": instance.business_unit_id(),
        "UserId": call.caller.user,
        "OrganizationId": instance.organization_id(),
    });
    Ok(reply::json(StatusCode::OK, &body))
}

pub(crate) fn version(call: &Call) -> Outcome<Reply> {
    call.query.only(&[])?;
    let body = json!({
        "@odata.context": format!("{}/$metadata#Microsoft.Dynamics.CRM.RetrieveVersionResponse", call.root),
        "Version": VERSION,
    });
    Ok(reply::json(StatusCode::OK, &body))
}
