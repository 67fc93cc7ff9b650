//! What Dataverse tells a webhook, as far as the hook needs it (contract 15). Pure; anything at all may be in a body,
//! and what is not a `RemoteExecutionContext` is told apart without a guess.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::domain::row::RowId;
use crate::domain::table::TableName;

/// The mark of tandem's own writes (contract 8.4).
const TAG: &str = "tandem";

/// One call of a step.
#[derive(Debug)]
pub(super) struct Call {
    /// `Create` or `Update`.
    pub(super) message: String,
    /// The table that is written.
    pub(super) table: String,
    /// Where in the pipeline the step runs: 10 is before the transaction.
    pub(super) stage: i64,
    /// Whether a transaction is open that waits for the answer.
    pub(super) is_in_transaction: bool,
    /// What Dataverse calls the whole chain of calls.
    pub(super) correlation: Option<Uuid>,
    users: [Option<Uuid>; 2],
    is_tagged: bool,
    attributes: Option<HashMap<String, Json>>,
}

/// What a lookup of the row that is written holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Nothing: it is not written, or emptied.
    Nothing,
    /// A row.
    Row(TableName, RowId),
    /// Something that names no row by its id.
    Odd,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    message_name: String,
    primary_entity_name: String,
    stage: i64,
    is_in_transaction: bool,
    correlation_id: Option<Uuid>,
    user_id: Option<Uuid>,
    initiating_user_id: Option<Uuid>,
    shared_variables: Option<Vec<Pair>>,
    input_parameters: Option<Vec<Pair>>,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    #[serde(default)]
    value: Json,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entity {
    attributes: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntityReference {
    id: Uuid,
    logical_name: String,
}

impl Call {
    /// Reads a body; `None` where it is none that Dataverse would send.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let body: Body = serde_json::from_slice(body).ok()?;
        let is_tag = |pair: &Pair| pair.key == "tag" && pair.value == TAG;
        let variables = body.shared_variables.unwrap_or_default();
        let parameters = body.input_parameters.unwrap_or_default().into_iter();
        let mut targets = parameters.filter(|pair| pair.key == "Target");
        let attributes = targets.next().and_then(|target| {
            let entity: Entity = serde_json::from_value(target.value).ok()?;
            let pairs = entity.attributes.into_iter();
            Some(pairs.map(|pair| (pair.key, pair.value)).collect())
        });
        Some(Self {
            message: body.message_name,
            table: body.primary_entity_name,
            stage: body.stage,
            is_in_transaction: body.is_in_transaction,
            correlation: body.correlation_id,
            users: [body.user_id, body.initiating_user_id],
            is_tagged: variables.iter().any(is_tag),
            attributes,
        })
    }

    /// Whether tandem itself writes here: as this user, or marked as ours.
    pub(super) fn is_by(&self, user: Option<RowId>) -> bool {
        let user = user.map(RowId::uuid);
        self.is_tagged || (user.is_some() && self.users.contains(&user))
    }

    /// Whether it says what is written; a message over 256 KB does not.
    pub(super) fn has_attributes(&self) -> bool {
        self.attributes.is_some()
    }

    /// What is written into a column.
    pub(super) fn attribute(&self, column: &str) -> Option<&Json> {
        self.attributes.as_ref()?.get(column)
    }

    /// The row that a lookup names.
    pub(super) fn named(&self, column: &str) -> Named {
        match self.attribute(column) {
            None | Some(Json::Null) => Named::Nothing,
            Some(value) => reference(value).unwrap_or(Named::Odd),
        }
    }
}

fn reference(value: &Json) -> Option<Named> {
    let reference = EntityReference::deserialize(value).ok()?;
    let table = TableName::new(&reference.logical_name).ok()?;
    RowId::new(reference.id).map(|id| Named::Row(table, id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const USER: &str = "11111111-1111-1111-1111-111111111111";
    const ACCOUNT: &str = "22222222-2222-2222-2222-222222222222";

    fn context(more: &[(&str, Json)]) -> Json {
        let mut body = json!({
            "MessageName": "Create", "PrimaryEntityName": "incident", "Stage": 10, "IsInTransaction": false,
            "UserId": USER, "InitiatingUserId": USER, "SharedVariables": [],
            "InputParameters": [{"key": "Target", "value": {
                "__type": "Entity:http://schemas.microsoft.com/xrm/2011/Contracts",
                "Attributes": [
                    {"key": "title", "value": "Printer on fire"},
                    {"key": "customerid", "value": {"Id": ACCOUNT, "LogicalName": "account"}},
                    {"key": "primarycontactid", "value": null},
                    {"key": "parentcaseid", "value": {"Id": "00000000-0000-0000-0000-000000000000", "LogicalName": "incident"}},
                ],
            }}],
        });
        for (name, value) in more {
            body[*name] = value.clone();
        }
        body
    }

    fn read(body: &Json) -> Option<Call> {
        Call::read(body.to_string().as_bytes())
    }

    #[test]
    fn the_rows_that_a_ticket_names_are_read() {
        let call = read(&context(&[])).unwrap();
        let account = Named::Row(
            TableName::new("account").unwrap(),
            RowId::parse(ACCOUNT).unwrap(),
        );
        assert_eq!(call.named("customerid"), account);
        assert_eq!(call.named("primarycontactid"), Named::Nothing);
        assert_eq!(call.named("ownerid"), Named::Nothing);
        assert_eq!(call.named("parentcaseid"), Named::Odd);
        assert_eq!(call.named("title"), Named::Odd);
        assert_eq!(call.attribute("title"), Some(&json!("Printer on fire")));
    }

    #[test]
    fn tandem_knows_its_own_writes_by_user_and_by_tag() {
        let user = RowId::parse(USER).ok();
        let other = RowId::parse(ACCOUNT).ok();
        let call = read(&context(&[])).unwrap();
        assert!(call.is_by(user));
        assert!(!call.is_by(other) && !call.is_by(None));
        let tag = json!([{"key": "tag", "value": "tandem"}]);
        let call = read(&context(&[("SharedVariables", tag)])).unwrap();
        assert!(call.is_by(other) && call.is_by(None));
    }

    #[test]
    fn what_is_no_context_is_none() {
        for body in [
            json!(null),
            json!([]),
            json!("Create"),
            json!({}),
            context(&[("IsInTransaction", json!("no"))]),
            context(&[("Stage", json!("10"))]),
            context(&[("UserId", json!("nobody"))]),
            context(&[("InputParameters", json!({}))]),
        ] {
            assert!(read(&body).is_none(), "{body}");
        }
        let left_out = read(&context(&[("InputParameters", json!(null))])).unwrap();
        assert!(!left_out.has_attributes());
    }

    proptest! {
        #[test]
        fn no_body_is_too_much(bytes in prop::collection::vec(any::<u8>(), 0..200), depth in 0usize..3000, cut in 0usize..600) {
            let _read = Call::read(&bytes);
            prop_assert!(Call::read("[".repeat(depth).as_bytes()).is_none());
            let whole = context(&[]).to_string();
            prop_assert!(Call::read(&whole.as_bytes()[..cut.min(whole.len() - 1)]).is_none());
        }
    }
}
