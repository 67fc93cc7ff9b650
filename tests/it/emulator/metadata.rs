//! EntityDefinitions, as far as clients learn their tables from it.

use serde_json::{Value as Json, json};

use crate::support::emulated::Emulated;

async fn values(path: &str) -> Vec<Json> {
    let emulated = Emulated::empty().await;
    let answer = emulated.us().get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_table_is_resolved_as_microsofts_python_client_does() {
    let found = values("EntityDefinitions?%24select=LogicalName%2CEntitySetName%2CPrimaryIdAttribute&%24filter=LogicalName+eq+%27account%27").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["EntitySetName"], "accounts");
    assert_eq!(found[0]["PrimaryIdAttribute"], "accountid");
    let lists = values("EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)").await;
    assert_eq!(lists[0]["LogicalName"], "customertypecode");
    let third = &lists[0]["OptionSet"]["Options"][2];
    assert_eq!(
        (
            third["Value"].clone(),
            third["Label"]["UserLocalizedLabel"]["Label"].clone()
        ),
        (json!(3), json!("Customer"))
    );
}

#[tokio::test]
async fn columns_keys_and_bind_names_are_described() {
    let columns = values("EntityDefinitions(LogicalName='incident')/Attributes?$select=LogicalName,AttributeType,RequiredLevel,IsValidForCreate,IsValidForUpdate").await;
    let column = |name: &str| {
        columns
            .iter()
            .find(|column| column["LogicalName"] == name)
            .unwrap()
            .clone()
    };
    for (name, kind, required, create) in [
        ("incidentid", "Uniqueidentifier", "SystemRequired", true),
        ("title", "String", "ApplicationRequired", true),
        ("customerid", "Customer", "SystemRequired", true),
        ("ownerid", "Owner", "SystemRequired", true),
        ("prioritycode", "Picklist", "None", true),
        ("statecode", "State", "SystemRequired", false),
        ("statuscode", "Status", "None", true),
        ("ticketnumber", "String", "None", true),
        ("versionnumber", "BigInt", "None", false),
        ("createdon", "DateTime", "None", false),
    ] {
        let column = column(name);
        assert_eq!(column["AttributeType"], kind, "{name}");
        assert_eq!(column["RequiredLevel"]["Value"], required, "{name}");
        assert_eq!(column["IsValidForCreate"], create, "{name}");
    }
    let texts = values("EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=LogicalName,MaxLength").await;
    assert!(
        texts
            .iter()
            .any(|text| text["LogicalName"] == "name" && text["MaxLength"] == 160)
    );
    let keys = values("EntityDefinitions(LogicalName='account')/Keys").await;
    assert_eq!(
        (
            keys[0]["SchemaName"].clone(),
            keys[0]["KeyAttributes"].clone()
        ),
        (json!("account_number_key"), json!(["accountnumber"]))
    );
    let binds = values("EntityDefinitions(LogicalName='contact')/ManyToOneRelationships?$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName&$filter=ReferencingAttribute%20eq%20'parentcustomerid'").await;
    let names: Vec<_> = binds
        .iter()
        .map(|bind| bind["ReferencingEntityNavigationPropertyName"].clone())
        .collect();
    assert_eq!(
        names,
        ["parentcustomerid_account", "parentcustomerid_contact"]
    );
}

#[tokio::test]
async fn definitions_take_filters_and_expansions_and_refuse_the_rest() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let path = "EntityDefinitions(LogicalName='account')?$select=LogicalName&$expand=Keys($select=SchemaName),Attributes($select=LogicalName)";
    let account = us.get(path).await.json();
    assert_eq!(account["Keys"][0]["SchemaName"], "account_number_key");
    assert!(account["Attributes"].as_array().unwrap().len() > 20);
    let by_id = us
        .get(&format!(
            "EntityDefinitions({})?$select=SchemaName",
            account["MetadataId"].as_str().unwrap()
        ))
        .await;
    assert_eq!(by_id.json()["SchemaName"], "Account");
    for filter in [
        "AttributeType ne 'Virtual' and AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Money' and LogicalName eq 'revenue'",
        "RequiredLevel/Value eq Microsoft.Dynamics.CRM.AttributeRequiredLevel'None' and LogicalName eq 'revenue'",
    ] {
        let path = format!(
            "EntityDefinitions(LogicalName='account')/Attributes?$select=LogicalName&$filter={}",
            filter.replace(' ', "%20")
        );
        assert_eq!(
            us.column(&path, "LogicalName").await,
            [json!("revenue")],
            "{filter}"
        );
    }
    let cases = [
        ("EntityDefinitions(LogicalName='nothing')", 404),
        ("EntityDefinitions(LogicalName='account')/Nothing", 404),
        (
            "EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.NothingAttributeMetadata",
            404,
        ),
        ("EntityDefinitions(SchemaName='Account')", 400),
        ("EntityDefinitions?$select=Nothing", 400),
        ("EntityDefinitions?$top=1", 400),
        (
            "EntityDefinitions(LogicalName='account')/Attributes?$select=LogicalName,OptionSet",
            400,
        ),
        ("RelationshipDefinitions", 501),
        ("RetrieveMetadataChanges(Query=@p1)?@p1=1", 501),
    ];
    for (path, status) in cases {
        assert_eq!(us.get(path).await.status, status, "{path}");
    }
}
