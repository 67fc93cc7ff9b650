//! Section 15: webhooks, as they are registered and as they are called.

use serde_json::Value as Json;

use super::Mark::{Doc, Inferred};
use super::exchange::Instance;
use super::{Golden, golden, pattern};

const MESSAGE: &str =
    "GET sdkmessages?$filter=name eq 'Create'\nbind message = /value/0/sdkmessageid";
const FILTER: &str = "GET sdkmessagefilters?$filter=primaryobjecttypecode eq 'incident' and _sdkmessageid_value eq «message»\n\
     bind filter = /value/0/sdkmessagefilterid";
const ENDPOINT: &str = "POST serviceendpoints\nPrefer: return=representation\nbind endpoint = /serviceendpointid\n\n\
     {\"name\":\"ensure\",\"contract\":8,\"connectionmode\":1,\"url\":\"«hook»/ensure\",\"authtype\":4,\"authvalue\":\"VALUE\"}";
const REFUSES: &str = "POST serviceendpoints\nPrefer: return=representation\nbind endpoint = /serviceendpointid\n\n\
     {\"name\":\"ensure\",\"contract\":8,\"connectionmode\":1,\"url\":\"«hook»/refuse\",\"authtype\":4,\"authvalue\":\"VALUE\"}";
const STEP: &str = "POST sdkmessageprocessingsteps\nPrefer: return=representation\nbind step = /sdkmessageprocessingstepid\n\n\
     {\"name\":\"ensure the customer\",\"stage\":10,\"mode\":0,\"rank\":1,\"supporteddeployment\":0,\
     \"sdkmessageid@odata.bind\":\"/sdkmessages(«message»)\",\
     \"sdkmessagefilterid@odata.bind\":\"/sdkmessagefilters(«filter»)\",\
     \"eventhandler_serviceendpoint@odata.bind\":\"/serviceendpoints(«endpoint»)\"}";
const ACCOUNT: &str = "POST accounts\n\n{\"accountid\":\"«2»\",\"name\":\"Acme\"}";

pub const GOLDENS: &[Golden] = &[
    golden(
        "15",
        &[Doc],
        "a webhook is registered",
        &[ENDPOINT],
        "GET serviceendpoints(«endpoint»)?$select=name,contract,authtype,connectionmode,url",
        "200\n\n{\"@odata.context\":\"«any»\",\"@odata.etag\":\"«any»\",\"name\":\"ensure\",\"contract\":8,\"authtype\":4,\
         \"connectionmode\":1,\"url\":\"«hook»/ensure\",\"serviceendpointid\":\"«endpoint»\"}",
    ),
    golden(
        "15",
        &[Doc, Inferred],
        "a webhook's secret is not read back",
        &[],
        "GET serviceendpoints?$select=authvalue",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x0\",\
         \"message\":\"Could not find a property named 'authvalue' on type 'Microsoft.Dynamics.CRM.serviceendpoint'.\"}}",
    ),
    golden(
        "15",
        &[Doc],
        "an endpoint needs its contract",
        &[],
        "POST serviceendpoints\n\n{\"name\":\"ensure\",\"connectionmode\":1,\"url\":\"«hook»/ensure\",\"authtype\":4,\"authvalue\":\"VALUE\"}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80040200\",\"message\":\"«any»'contract'«any»\"}}",
    ),
    golden(
        "15",
        &[Doc],
        "a hook that agrees lets the operation through",
        &[MESSAGE, FILTER, ENDPOINT, STEP, ACCOUNT],
        TICKET,
        "204\nOData-EntityId: «root»incidents(«3»)",
    ),
    golden(
        "15",
        &[Doc, Inferred],
        "a hook that refuses fails the operation",
        &[MESSAGE, FILTER, REFUSES, STEP, ACCOUNT],
        TICKET,
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80040265\",\"message\":\"The webhook call failed: «any»\"}}",
    ),
];

const TICKET: &str = "POST incidents\n\n{\"incidentid\":\"«3»\",\"title\":\"Printer on fire\",\
     \"customerid_account@odata.bind\":\"/accounts(«2»)\"}";

/// The call itself, as the documentation's example has it; «us» is the organization's name.
const CALL: &str = r#"{"MessageName":"Create","PrimaryEntityName":"incident","PrimaryEntityId":"«3»","Stage":10,"Mode":0,"Depth":1,
 "IsInTransaction":false,"CorrelationId":"«guid»","OperationId":"«guid»","InitiatingUserId":"«guid»","UserId":"«guid»",
 "BusinessUnitId":"«guid»","OrganizationId":"«guid»","OrganizationName":"«any»","OperationCreatedOn":"/Date(«int»)/",
 "InputParameters":[{"key":"Target","value":{"__type":"Entity:http://schemas.microsoft.com/xrm/2011/Contracts",
   "LogicalName":"incident","Id":"«3»","KeyAttributes":[],"FormattedValues":[],"RelatedEntities":[],"EntityState":null,
   "RowVersion":null,"Attributes":["…"]}},"…"],
 "OutputParameters":[],"PreEntityImages":[],"PostEntityImages":[],"SharedVariables":["…"],"ParentContext":null,
 "OwningExtension":{"Id":"«step»","KeyAttributes":[],"LogicalName":"sdkmessageprocessingstep","Name":null,"RowVersion":null,"…":0},
 "RequestId":null,"SecondaryEntityName":"none","IsExecutingOffline":false,"IsOfflinePlayback":false,"IsolationMode":1,"…":0}"#;
const TITLE: &str = r#"{"key":"title","value":"Printer on fire"}"#;
const CUSTOMER: &str = r#"{"key":"customerid","value":{"__type":"EntityReference:http://schemas.microsoft.com/xrm/2011/Contracts",
  "Id":"«2»","KeyAttributes":[],"LogicalName":"account","Name":null,"RowVersion":null}}"#;
const HEADERS: [(&str, &str); 5] = [
    ("content-type", "application/json«any»"),
    ("x-ms-dynamics-organization", "«any»"),
    ("x-ms-dynamics-entity-name", "incident"),
    ("x-ms-dynamics-request-name", "Create"),
    ("x-ms-correlation-request-id", "«guid»"),
];

#[tokio::test]
async fn a_hook_is_called_as_documented() {
    let golden = GOLDENS
        .iter()
        .find(|golden| golden.about.contains("agrees"));
    let golden = golden.unwrap();
    let mut instance = Instance::start().await;
    let (_, difference) = instance.play(golden).await;
    assert_eq!(difference, None, "{golden}");
    let calls = instance.hook.seen();
    assert_eq!(calls.len(), 1, "{golden}");
    let (head, body) = calls[0].text.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /ensure?code=VALUE HTTP/1.1"),
        "{head}"
    );
    for (name, value) in HEADERS {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(own, _)| own.eq_ignore_ascii_case(name));
        let (_, found) = found.unwrap_or_else(|| panic!("{golden}: no {name} in {head}"));
        assert_eq!(pattern::text(value, found), None, "{golden}: {name}");
    }
    let body: Json = serde_json::from_str(body).unwrap();
    let expected = |text: &str| -> Json {
        serde_json::from_str(&pattern::filled(text, &instance.bound)).unwrap()
    };
    assert_eq!(
        pattern::json(&expected(CALL), &body, ""),
        None,
        "{golden}\n{body:#}"
    );
    let attributes = &body["InputParameters"][0]["value"]["Attributes"];
    for (key, attribute) in [("title", TITLE), ("customerid", CUSTOMER)] {
        let mut all = attributes.as_array().unwrap().iter();
        let found = all.find(|attribute| attribute["key"] == key).unwrap();
        assert_eq!(
            pattern::json(&expected(attribute), found, key),
            None,
            "{golden}"
        );
    }
}
