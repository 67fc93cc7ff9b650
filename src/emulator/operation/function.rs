//! The unbound functions and actions, by name: those that clients probe with, and those over metadata.
//!
//! Parameters stand in the parentheses, by value or as aliases whose values are query options.

use http::{Method, StatusCode};
use serde_json::{Map, Value as Json, json};

use super::metadata::{changes, keys};
use super::{Call, who_am_i};
use crate::emulator::instance::Instance;
use crate::emulator::odata::literal::quoted;
use crate::emulator::odata::path::Invocation;
use crate::emulator::odata::split_outside;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::security::Access;
use crate::emulator::transaction::Transaction;

/// Calls a function by GET, an action by POST; otherwise there is nothing at the address (contract 1.7).
pub(crate) fn answer(
    transaction: &mut Transaction,
    call: &Call,
    invocation: &Invocation,
    rest: &str,
) -> Outcome<Reply> {
    let instance = transaction.instance();
    let name = invocation.name.as_str();
    let nothing = || Refusal::no_resource(&format!("{}/{rest}", call.root));
    if name == "ReactivateEntityKey" {
        return match (&call.method, &invocation.arguments) {
            (&Method::POST, None) => keys::reactivate(transaction, call),
            _ => Err(nothing()),
        };
    }
    if call.method != Method::GET {
        return Err(nothing());
    }
    call.query.only(&[])?;
    let arguments = Arguments::read(call, invocation)?;
    match name {
        "WhoAmI" => arguments
            .only(&[])
            .and_then(|()| who_am_i::answer(instance, call)),
        "RetrieveVersion" => arguments.only(&[]).and_then(|()| who_am_i::version(call)),
        "RetrieveCurrentOrganization" => {
            arguments.only(&["AccessType"])?;
            current_organization(instance, call, &arguments)
        }
        "RetrieveTotalRecordCount" => {
            arguments.only(&["EntityNames"])?;
            total_record_count(instance, call, &arguments)
        }
        "RetrieveMetadataChanges" => changes::answer(instance, call, &arguments),
        _ => Err(Refusal::segment(name)),
    }
}

/// The arguments of a call, with aliases replaced by what they stand for.
pub(crate) struct Arguments {
    named: Vec<(String, String)>,
}

impl Arguments {
    fn read(call: &Call, invocation: &Invocation) -> Outcome<Arguments> {
        let mut named: Vec<(String, String)> = Vec::new();
        let text = invocation.arguments.as_deref().unwrap_or_default();
        for pair in split_outside(text, ',') {
            if pair.trim().is_empty() && text.trim().is_empty() {
                continue;
            }
            let malformed =
                || Refusal::url(format!("Bad Request - Error in query syntax: '({text})'."));
            let (name, value) = pair.split_once('=').ok_or_else(malformed)?;
            let (name, value) = (name.trim(), value.trim());
            if named.iter().any(|(own, _)| own == name) {
                return Err(malformed());
            }
            let value = if value.starts_with('@') {
                call.query.get(value).unwrap_or("null")
            } else {
                value
            };
            named.push((name.to_owned(), value.to_owned()));
        }
        Ok(Arguments { named })
    }

    /// Refuses a parameter that the function doesn't have, as an overload that doesn't exist.
    pub(crate) fn only(&self, known: &[&str]) -> Outcome<()> {
        match self
            .named
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::url(format!(
                "The request URI is not valid. The function has no parameter '{name}'."
            ))),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.named.iter().find(|(own, _)| own == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| *value != "null")
    }

    /// A parameter that has to be given.
    fn required(&self, name: &str) -> Outcome<&str> {
        self.get(name)
            .ok_or_else(|| Refusal::argument(format!("Required parameter '{name}' is missing.")))
    }

    /// A text, with its quotes taken off.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        Some(match quoted(value) {
            Some((text, length)) if length == value.len() => text,
            _ => value.to_owned(),
        })
    }
}

fn current_organization(instance: &Instance, call: &Call, arguments: &Arguments) -> Outcome<Reply> {
    let access = arguments.required("AccessType")?;
    let known = ["Default", "Internet", "Intranet"];
    let is_known =
        |known: &&str| access == format!("Microsoft.Dynamics.CRM.EndpointAccessType'{known}'");
    if !known.iter().any(is_known) {
        return Err(Refusal::argument(format!(
            "'{access}' is no EndpointAccessType."
        )));
    }
    let origin = call.root.split("/api/data/").next().unwrap_or_default();
    let soap = |service: &str| format!("{origin}/XRMServices/2011/{service}.svc");
    let id = instance.organization_id();
    let body = json!({
        "@odata.context": context(call, "RetrieveCurrentOrganizationResponse"),
        "Detail": {
            "OrganizationId": id,
            "FriendlyName": instance.name,
            "OrganizationVersion": who_am_i::VERSION,
            "EnvironmentId": id,
            "DatacenterId": crate::emulator::instance::stable_id(instance.name, "datacenter"),
            "Geo": if instance.name == crate::emulator::US { "NA" } else { "EMEA" },
            "TenantId": crate::emulator::token::TENANT,
            "UrlName": instance.name,
            "UniqueName": format!("unq{}", &id.simple().to_string()),
            "State": "Enabled",
            "Endpoints": {
                "Count": 3, "IsReadOnly": false,
                "Keys": ["WebApplication", "OrganizationService", "OrganizationDataService"],
                "Values": [format!("{origin}/"), soap("Organization"), soap("OrganizationData")],
            },
        },
    });
    Ok(reply::json(StatusCode::OK, &body))
}

/// Counts now, where Dataverse may be a day behind.
fn total_record_count(instance: &Instance, call: &Call, arguments: &Arguments) -> Outcome<Reply> {
    let text = arguments.required("EntityNames")?;
    let names: Vec<String> = serde_json::from_str(text)
        .map_err(|error| Refusal::argument(format!("EntityNames is no list of names: {error}.")))?;
    let store = instance.read();
    let mut counts = Map::new();
    for name in names {
        let table = call
            .schema
            .by_name(&name)
            .ok_or_else(|| Refusal::no_table(&name))?;
        let rights = &call.context.rights;
        rights.may(Access::Read, call.schema.table(table))?;
        counts.insert(name, store.len(table).into());
    }
    let body = json!({
        "@odata.context": context(call, "RetrieveTotalRecordCountResponse"),
        "EntityRecordCountCollection": {
            "Count": counts.len(), "IsReadOnly": false,
            "Keys": counts.keys().collect::<Vec<_>>(),
            "Values": counts.values().collect::<Vec<&Json>>(),
        },
    });
    Ok(reply::json(StatusCode::OK, &body))
}

fn context(call: &Call, response: &str) -> String {
    format!("{}/$metadata#Microsoft.Dynamics.CRM.{response}", call.root)
}
