//! What every message of one request has in common: who acts, how deep, which steps are bypassed, the tag.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::emulator::instance::Instance;
use crate::emulator::operation::Caller;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::security::{self, Rights, privilege};

/// So deep may messages cause each other (contract 8.3).
const DEEPEST: u8 = 8;
/// So many steps may be bypassed by their ids (contract 8.5).
const MOST_BYPASSED: usize = 3;

/// The circumstances of a message.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// In whose name rows are written.
    pub(crate) caller: Caller,
    pub(crate) rights: Rights,
    /// Who began it all.
    pub(crate) initiator: Uuid,
    /// 1 for a request, one more for each step that writes.
    pub(crate) depth: u8,
    pub(crate) bypass: Bypass,
    /// `?tag=`, a shared variable of every step.
    pub(crate) tag: Option<String>,
    pub(crate) correlation: Uuid,
    /// What the step that causes this was told.
    pub(crate) parent: Option<Arc<Json>>,
    /// Whether rows are held against the rules of duplicate detection.
    pub(crate) detects_duplicates: bool,
    /// Whether rows are written by a message for many of them.
    pub(crate) many: bool,
}

/// The steps that do not run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bypass {
    pub(crate) synchronous: bool,
    pub(crate) asynchronous: bool,
    pub(crate) steps: Vec<Uuid>,
}

impl Context {
    /// Reads the headers that change who acts and what runs, and refuses those that are not honoured.
    pub(crate) fn read(
        instance: &Instance,
        headers: &HeaderMap,
        user: Uuid,
        rights: Rights,
        tag: Option<&str>,
    ) -> Outcome<Context> {
        let bypass = Bypass::read(headers, &rights)?;
        let (caller, rights) = acting(instance, headers, user, rights)?;
        let detects_duplicates = text(headers, "MSCRM.SuppressDuplicateDetection")
            .is_some_and(|value| value.eq_ignore_ascii_case("false"));
        let correlation = text(headers, "x-ms-correlation-request-id")
            .or_else(|| text(headers, "x-ms-correlation-id"))
            .and_then(|id| Uuid::try_parse(id).ok());
        Ok(Context {
            caller,
            rights,
            initiator: user,
            depth: 1,
            bypass,
            tag: tag.map(str::to_owned),
            correlation: correlation.unwrap_or_else(Uuid::new_v4),
            parent: None,
            many: false,
            detects_duplicates,
        })
    }

    /// The same for what a step writes in a user's name, who may do everything.
    pub(crate) fn deeper(&self, user: Uuid) -> Context {
        Context {
            caller: Caller::of(user),
            rights: Rights::all(),
            depth: self.depth.saturating_add(1),
            bypass: Bypass::default(),
            many: false,
            detects_duplicates: false,
            ..self.clone()
        }
    }

    /// Refuses what goes deeper than any chain of steps may.
    pub(crate) fn check_depth(&self) -> Outcome<()> {
        if self.depth > DEEPEST {
            return Err(Refusal::too_deep());
        }
        Ok(())
    }
}

impl Bypass {
    fn read(headers: &HeaderMap, rights: &Rights) -> Outcome<Bypass> {
        let mut bypass = Bypass::default();
        if let Some(kinds) = text(headers, "MSCRM.BypassBusinessLogicExecution") {
            rights.hold(privilege::BYPASS_LOGIC)?;
            for kind in kinds.split(',').map(str::trim) {
                match kind.to_ascii_lowercase().as_str() {
                    "customsync" => bypass.synchronous = true,
                    "customasync" => bypass.asynchronous = true,
                    _ => {
                        return Err(Refusal::argument(format!(
                            "'{kind}' is not a value of MSCRM.BypassBusinessLogicExecution: use CustomSync, \
                             CustomAsync or both."
                        )));
                    }
                }
            }
        }
        if let Some(ids) = text(headers, "MSCRM.BypassBusinessLogicExecutionStepIds") {
            rights.hold(privilege::BYPASS_LOGIC)?;
            for id in ids.split(',').map(str::trim) {
                bypass.steps.push(Uuid::try_parse(id).map_err(|_| {
                    Refusal::argument(format!("'{id}' is not the id of a step to be bypassed."))
                })?);
            }
            if bypass.steps.len() > MOST_BYPASSED {
                return Err(Refusal::argument(format!(
                    "At most {MOST_BYPASSED} steps can be bypassed by their ids."
                )));
            }
        }
        if text(headers, "MSCRM.BypassCustomPluginExecution")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            rights.hold(privilege::BYPASS_PLUG_INS)?;
            bypass.synchronous = true;
        }
        Ok(bypass)
    }
}

/// Who acts, and with which rights: the user himself, or another whose name he uses (contract 7.5).
fn acting(
    instance: &Instance,
    headers: &HeaderMap,
    user: Uuid,
    rights: Rights,
) -> Outcome<(Caller, Rights)> {
    let id = |name: &str| {
        let Some(text) = text(headers, name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let id = Uuid::try_parse(text);
        id.map(Some)
            .map_err(|_| Refusal::argument(format!("The header {name} must be a GUID: '{text}'.")))
    };
    let other = match (id("CallerObjectId")?, id("MSCRMCallerID")?) {
        (None, None) => return Ok((Caller::of(user), rights)),
        // A user that nobody has is no member of the organization (inferred).
        (Some(object), _) => security::user_of_object(instance, object).unwrap_or(object),
        (None, Some(other)) => other,
    };
    let rights = security::act_for(instance, user, &rights, other)?;
    let caller = Caller {
        user: other,
        behind: Some(user),
    };
    Ok((caller, rights))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::trim)
}
