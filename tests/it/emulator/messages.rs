//! Messages of Dataverse that are not served: each is refused by its name, what nobody knows is not there.

use serde_json::json;

use super::id;
use crate::support::emulated::Emulated;

#[tokio::test]
async fn a_known_message_is_refused_by_its_name_and_an_unknown_one_is_not_there() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "Acme"})).await;
    let row = format!("accounts({})", id(1));
    let known = [
        ("POST", "Merge".to_owned(), "Merge"),
        ("POST", "GrantAccess".to_owned(), "GrantAccess"),
        ("POST", "ExecuteWorkflow".to_owned(), "ExecuteWorkflow"),
        ("POST", "CreateAttribute".to_owned(), "CreateAttribute"),
        (
            "GET",
            "RetrieveDuplicates(BusinessEntity=@p1)".to_owned(),
            "RetrieveDuplicates",
        ),
        (
            "GET",
            "InitializeFrom(TargetEntityName='contact')".to_owned(),
            "InitializeFrom",
        ),
        (
            "GET",
            "RetrieveAllEntities".to_owned(),
            "RetrieveAllEntities",
        ),
        (
            "POST",
            format!("{row}/Microsoft.Dynamics.CRM.AddToQueue"),
            "AddToQueue",
        ),
    ];
    for (method, path, name) in known {
        let body = (method == "POST").then(|| json!({}));
        let answer = us.send(method, &path, &[], body).await;
        assert_eq!(answer.status, 501, "{path}: {}", answer.text);
        assert!(answer.text.contains(name), "{path}: {}", answer.text);
    }
    let unknown = ["Merj", "merge", "Merge/more", "AddToQueues"];
    for path in unknown {
        let answer = us.post(path, json!({})).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
    // A bound message needs its namespace; without it there is nothing of that name.
    let bare = us.post(&format!("{row}/AddToQueue"), json!({})).await;
    assert_eq!(bare.refusal(), (404, "0x8006088a".to_owned()));
}

#[tokio::test]
async fn documented_parts_of_fetchxml_are_refused_by_their_names() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let documents = [
        (
            "<fetch latematerialize='true'><entity name='account'/></fetch>",
            501,
            "latematerialize",
        ),
        (
            "<fetch datasource='retained'><entity name='account'/></fetch>",
            501,
            "datasource",
        ),
        (
            "<fetch options='HASH JOIN'><entity name='account'/></fetch>",
            501,
            "options",
        ),
        (
            "<fetch><entity name='account'><filter hint='union'><condition attribute='name' operator='null'/></filter></entity></fetch>",
            501,
            "hint",
        ),
        (
            "<fetch><entity name='account'><filter isquickfindfields='1'><condition attribute='name' operator='null'/></filter></entity></fetch>",
            501,
            "isquickfindfields",
        ),
        (
            "<fetch aggregate='true'><entity name='account'><attribute name='accountid' alias='n' aggregate='count' rowaggregate='CountChildren'/></entity></fetch>",
            501,
            "rowaggregate",
        ),
        (
            "<fetch lately='true'><entity name='account'/></fetch>",
            400,
            "lately",
        ),
        (
            "<fetch><entity name='account' hint='union'/></fetch>",
            400,
            "hint",
        ),
    ];
    for (document, status, name) in documents {
        let answer = us.get(&format!("accounts?fetchXml={document}")).await;
        assert_eq!(answer.status, status, "{document}: {}", answer.text);
        assert!(answer.text.contains(name), "{}", answer.text);
    }
}

#[tokio::test]
async fn an_option_that_is_served_elsewhere_is_not_called_unsupported() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "Acme"})).await;
    let answer = us
        .delete(&format!("accounts({})?$expand=primarycontactid", id(1)))
        .await;
    assert_eq!(answer.refusal(), (400, "0x80060888".to_owned()));
}
