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
        (
            "EntityDefinitions(LogicalName='account')/Attributes?$select=MaxLength",
            400,
        ),
        (
            "EntityDefinitions(LogicalName='account')/Attributes?$filter=MaxLength%20gt%205",
            400,
        ),
        (
            "EntityDefinitions(LogicalName='account')/Attributes?$expand=OptionSet",
            400,
        ),
        ("EntityDefinitions?$filter=IsManaged%20eq%20'true'", 400),
        ("EntityDefinitions?$expand=Attributes($top=1)", 400),
        (
            "EntityDefinitions(LogicalName='account')?$filter=IsManaged%20eq%20true",
            400,
        ),
        ("RelationshipDefinitions?$select=ReferencedEntity", 400),
        ("RelationshipDefinitions(SchemaName='nothing')", 404),
        (
            "RelationshipDefinitions/Microsoft.Dynamics.CRM.StringAttributeMetadata",
            404,
        ),
        ("entitydefinitions", 404),
        ("RetrieveMetadataChanges(Query=@p1)?@p1=1", 400),
        ("RetrieveMetadataChanges(Nothing=1)", 400),
        (
            "RetrieveTotalRecordCount(EntityNames=@p1)?@p1=[\"nothing\"]",
            400,
        ),
        ("RetrieveTotalRecordCount()", 400),
        ("RetrieveCurrentOrganization(AccessType=1)", 400),
        ("ReactivateEntityKey", 404),
    ];
    for (path, status) in cases {
        assert_eq!(us.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_column_shows_the_properties_of_its_type_behind_a_cast() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let cases = [
        ("account", "name", "String", "MaxLength", json!(160)),
        (
            "account",
            "emailaddress1",
            "String",
            "Format",
            json!("Email"),
        ),
        ("account", "description", "Memo", "MaxLength", json!(2000)),
        (
            "account",
            "numberofemployees",
            "Integer",
            "MaxValue",
            json!(1_000_000_000),
        ),
        (
            "account",
            "new_visitduration",
            "Integer",
            "Format",
            json!("Duration"),
        ),
        ("account", "new_discount", "Decimal", "Precision", json!(2)),
        (
            "account",
            "address1_latitude",
            "Double",
            "MinValue",
            json!(-90),
        ),
        ("account", "revenue", "Money", "PrecisionSource", json!(0)),
        (
            "account",
            "createdon",
            "DateTime",
            "Format",
            json!("DateAndTime"),
        ),
        (
            "contact",
            "birthdate",
            "DateTime",
            "Format",
            json!("DateOnly"),
        ),
        (
            "contact",
            "parentcustomerid",
            "Lookup",
            "Targets",
            json!(["account", "contact"]),
        ),
        (
            "account",
            "creditonhold",
            "Boolean",
            "DefaultValue",
            json!(false),
        ),
    ];
    for (table, column, kind, property, value) in cases {
        let column =
            format!("EntityDefinitions(LogicalName='{table}')/Attributes(LogicalName='{column}')");
        let cast =
            format!("{column}/Microsoft.Dynamics.CRM.{kind}AttributeMetadata?$select={property}");
        let answer = us.get(&cast).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()[property], value, "{cast}");
        let whole = us.get(&column).await.json();
        assert_eq!(
            whole["@odata.type"],
            format!("#Microsoft.Dynamics.CRM.{kind}AttributeMetadata")
        );
        let wrong = format!("{column}/Microsoft.Dynamics.CRM.BigIntAttributeMetadata");
        assert_eq!(us.get(&wrong).await.status, 404, "{wrong}");
    }
    let secured = us.column(
        "EntityDefinitions(LogicalName='contact')/Attributes?$select=LogicalName&$filter=IsSecured%20eq%20true",
        "LogicalName",
    );
    assert_eq!(secured.await, [json!("governmentid")]);
    let status = "EntityDefinitions(LogicalName='incident')/Attributes/Microsoft.Dynamics.CRM.StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet";
    let status = us.get(status).await.json();
    let options = status["value"][0]["OptionSet"]["Options"]
        .as_array()
        .unwrap()
        .clone();
    let solved = options.iter().find(|option| option["Value"] == 5).unwrap();
    assert_eq!(solved["State"], 1);
    let states = "EntityDefinitions(LogicalName='incident')/Attributes(LogicalName='statecode')/Microsoft.Dynamics.CRM.StateAttributeMetadata/OptionSet?$select=Options";
    assert_eq!(
        us.get(states).await.json()["Options"][2]["DefaultStatus"],
        6
    );
}

#[tokio::test]
async fn expansions_filter_select_and_expand_in_turn() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let path = "EntityDefinitions?$select=LogicalName&$filter=LogicalName%20eq%20'contact'&$expand=Attributes($select=LogicalName;$filter=IsPrimaryId%20eq%20true%20or%20LogicalName%20eq%20'fullname'),ManyToOneRelationships($select=ReferencedEntity;$filter=ReferencingAttribute%20eq%20'parentcustomerid'),OneToManyRelationships($select=SchemaName;$filter=ReferencingEntity%20eq%20'incident')";
    let contact = us.get(path).await.json()["value"][0].clone();
    let names = |list: &str, name: &str| -> Vec<Json> {
        contact[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one[name].clone())
            .collect()
    };
    assert_eq!(
        names("Attributes", "LogicalName"),
        ["contactid", "fullname"]
    );
    assert_eq!(
        names("ManyToOneRelationships", "ReferencedEntity"),
        ["account", "contact"]
    );
    assert_eq!(
        names("OneToManyRelationships", "SchemaName"),
        [
            "incident_customer_contacts",
            "contact_as_primary_contact",
            "contact_as_responsible_contact"
        ]
    );
    for (filter, tables) in [
        (
            "OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned' and ChangeTrackingEnabled eq true",
            3,
        ),
        (
            "CanCreateAttributes/Value eq true and ObjectTypeCode lt 3",
            2,
        ),
        ("startswith(LogicalName,'sdkmessage')", 3),
        ("not (IsIntersect eq false)", 3),
    ] {
        let path = format!(
            "EntityDefinitions?$select=LogicalName&$filter={}",
            filter.replace(' ', "%20")
        );
        assert_eq!(
            us.column(&path, "LogicalName").await.len(),
            tables,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn relationships_and_global_choices_have_definitions_of_their_own() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let by_name = "RelationshipDefinitions?$filter=SchemaName%20eq%20'contact_customer_accounts'";
    let found = us.get(by_name).await.json()["value"][0].clone();
    assert_eq!(
        found["@odata.type"],
        "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata"
    );
    assert_eq!(found["CascadeConfiguration"]["Delete"], "Cascade");
    assert_eq!(
        found["ReferencedEntityNavigationPropertyName"],
        "contact_customer_accounts"
    );
    let cast = "RelationshipDefinitions(SchemaName='contact_customer_accounts')/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata?$select=ReferencingAttribute";
    assert_eq!(
        us.get(cast).await.json()["ReferencingAttribute"],
        "parentcustomerid"
    );
    let by_id = format!(
        "RelationshipDefinitions({})",
        found["MetadataId"].as_str().unwrap()
    );
    assert_eq!(
        us.get(&by_id).await.json()["SchemaName"],
        "contact_customer_accounts"
    );
    let many = "RelationshipDefinitions/Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata?$select=IntersectEntityName,SchemaName";
    let many = us.column(many, "IntersectEntityName").await;
    assert_eq!(many, ["systemuserroles", "teamroles", "teammembership"]);
    let role = "EntityDefinitions(LogicalName='role')/ManyToManyRelationships?$select=SchemaName";
    assert_eq!(us.column(role, "SchemaName").await.len(), 2);
    let choice = us
        .get("GlobalOptionSetDefinitions(Name='new_region')")
        .await
        .json();
    assert_eq!(
        choice["Options"][3]["Label"]["UserLocalizedLabel"]["Label"],
        "West"
    );
    let regions = "EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet,GlobalOptionSet($select=Name)";
    let regions = us.get(regions).await.json()["value"][0].clone();
    assert_eq!(
        (&regions["OptionSet"], &regions["GlobalOptionSet"]["Name"]),
        (&Json::Null, &json!("new_region"))
    );
}

#[tokio::test]
async fn changes_of_metadata_are_asked_for_by_a_query_and_a_stamp() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let ask = async |query: Json, stamp: Option<&str>| {
        let query =
            url::form_urlencoded::byte_serialize(query.to_string().as_bytes()).collect::<String>();
        let stamp = stamp.map(|stamp| {
            url::form_urlencoded::byte_serialize(stamp.as_bytes()).collect::<String>()
        });
        us.get(&match stamp {
            None => format!("RetrieveMetadataChanges(Query=@p1)?@p1={query}"),
            Some(stamp) => format!("RetrieveMetadataChanges(Query=@p1,ClientVersionStamp=@p2)?@p1={query}&@p2='{stamp}'"),
        })
        .await
    };
    let named = |name: &str| json!({"Conditions": [{"PropertyName": "LogicalName", "ConditionOperator": "Equals", "Value": {"Type": "System.String", "Value": name}}]});
    let query = json!({
        "Properties": {"PropertyNames": ["LogicalName", "Attributes"]},
        "Criteria": named("account"),
        "AttributeQuery": {"Properties": {"PropertyNames": ["LogicalName", "MaxLength", "MinValue"]}, "Criteria": {
            "FilterOperator": "Or", "Conditions": [], "Filters": [named("name"), named("revenue")],
        }},
    });
    let first = ask(query, None).await;
    assert_eq!(first.status, 200, "{first:?}");
    let first = first.json();
    let attributes = first["EntityMetadata"][0]["Attributes"].as_array().unwrap();
    assert_eq!(attributes.len(), 2);
    assert_eq!(
        (&attributes[0]["MaxLength"], &attributes[0]["MinValue"]),
        (&json!(160), &Json::Null)
    );
    assert_eq!(attributes[1]["MinValue"], 0.0);
    let stamp = first["ServerVersionStamp"].as_str().unwrap();
    let keys = json!({"Properties": {"PropertyNames": ["LogicalName", "Keys"]}, "KeyQuery": {"Properties": {"PropertyNames": ["SchemaName"]}}});
    assert_eq!(
        ask(keys.clone(), Some(stamp)).await.json()["EntityMetadata"],
        json!([])
    );
    let version = async || {
        us.send(
            "GET",
            "EntityDefinitions?$select=LogicalName",
            &[("prefer", "odata.include-annotations=\"*\"")],
            None,
        )
        .await
        .json()["@Microsoft.Dynamics.CRM.globalmetadataversion"]
            .clone()
    };
    let before = version().await;
    let created = us
        .post(
            "EntityDefinitions(LogicalName='contact')/Keys",
            json!({"SchemaName": "new_mail", "KeyAttributes": ["emailaddress1"]}),
        )
        .await;
    assert_eq!(created.status, 204, "{created:?}");
    assert_ne!(version().await, before);
    let changed = ask(keys.clone(), Some(stamp)).await.json();
    assert_eq!(changed["EntityMetadata"].as_array().unwrap().len(), 1);
    assert_eq!(
        changed["EntityMetadata"][0]["Keys"][0]["SchemaName"],
        "new_mail"
    );
    let unknown = json!({"Properties": {"PropertyNames": ["Nothing"]}});
    assert_eq!(ask(unknown, None).await.status, 400);
    us.control("POST", "clock", Some(json!({"advance_s": 91 * 86_400})))
        .await;
    assert_eq!(ask(keys, Some(stamp)).await.refusal().1, "0x80044352");
}

#[tokio::test]
async fn functions_answer_by_value_and_by_alias() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.post("accounts", json!({"name": "a"})).await;
    for path in [
        "RetrieveTotalRecordCount(EntityNames=@p1)?@p1=[\"account\",\"contact\"]",
        "RetrieveTotalRecordCount(EntityNames=[\"account\",\"contact\"])",
    ] {
        let counts = us.get(path).await.json()["EntityRecordCountCollection"].clone();
        assert_eq!(
            counts,
            json!({"Count": 2, "IsReadOnly": false, "Keys": ["account", "contact"], "Values": [1, 0]}),
            "{path}"
        );
    }
    let organization = us.get("RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'").await.json();
    let detail = &organization["Detail"];
    assert_eq!(
        detail["OrganizationId"],
        us.get("WhoAmI").await.json()["OrganizationId"]
    );
    assert_eq!(detail["Endpoints"]["Values"][0], format!("{}/", us.origin));
    assert_eq!(us.post("RetrieveVersion()", json!({})).await.status, 404);
}

#[tokio::test]
async fn change_tracking_is_switched_on_with_the_whole_definition() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let path = "EntityDefinitions(LogicalName='team')";
    let mut team = us.get(path).await.json();
    assert_eq!(team["ChangeTrackingEnabled"], false);
    let tracked = async || {
        us.send(
            "GET",
            "teams?$select=name",
            &[("prefer", "odata.track-changes")],
            None,
        )
        .await
    };
    assert_eq!(tracked().await.refusal().1, "0x80072491");
    team["ChangeTrackingEnabled"] = json!(true);
    assert_eq!(
        us.send("PUT", path, &[], Some(team.clone())).await.status,
        204
    );
    assert_eq!(tracked().await.status, 200);
    team["ChangeTrackingEnabled"] = json!(false);
    assert_eq!(
        us.send("PUT", path, &[], Some(team.clone())).await.status,
        400
    );
    team["IsManaged"] = json!(false);
    assert_eq!(us.send("PUT", path, &[], Some(team)).await.status, 501);
}
