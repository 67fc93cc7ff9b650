//! Azure Functions (contract 11.4): a function is run by hand over the admin endpoint with the host's key.
//!
//! There is no list of past runs, as there is none in the real service; the other platforms show them.

use http::{Method, StatusCode};
use serde_json::Map;

use super::Call;
use super::arm;
use crate::emulator::SYNC_WORKFLOW;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::Reply;

pub(super) fn answer(call: &Call<'_>, name: &str) -> Outcome<Reply> {
    let tokens = &call.instance.tokens;
    if !call
        .header("x-functions-key")
        .is_some_and(|key| tokens.is_secret(key))
    {
        return Ok(arm::empty(StatusCode::UNAUTHORIZED));
    }
    if name != SYNC_WORKFLOW {
        return Ok(arm::empty(StatusCode::NOT_FOUND));
    }
    if call.method != Method::POST {
        return Err(Refusal::method_not_allowed(call.method));
    }
    arm::object(call.body)?;
    call.start(None, Map::new())?;
    Ok(arm::empty(StatusCode::ACCEPTED))
}
