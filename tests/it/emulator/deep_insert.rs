//! Deep insert: a row with the rows that it names and the rows that name it, all of them or none.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::Emulated;

#[tokio::test]
async fn a_row_brings_its_parents_and_children() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.post(
        "contacts",
        json!({"contactid": id(5), "lastname": "was there"}),
    )
    .await;
    let body = json!({
        "name": "Acme",
        "accountid": id(1),
        "primarycontactid": {"lastname": "primary", "contactid": id(2)},
        "parentaccountid": {"name": "parent", "parentaccountid": {"name": "grandparent"}},
        "contact_customer_accounts": [
            {"lastname": "child", "incident_customer_contacts": [{"title": "ticket"}]},
            {"lastname": "second"},
        ],
        "account_parent_account@odata.bind": [],
    });
    let answer = us.post("accounts", body).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert!(
        answer
            .header("odata-entityid")
            .ends_with(&format!("accounts({})", id(1)))
    );
    let account = us.get(&format!("accounts({})", id(1))).await.json();
    assert_eq!(account["_primarycontactid_value"], id(2));
    let names = us.column("accounts?$orderby=name", "name").await;
    assert_eq!(
        names,
        [json!("Acme"), json!("grandparent"), json!("parent")]
    );
    let children = format!(
        "contacts?$filter=_parentcustomerid_value eq {}&$orderby=lastname",
        id(1)
    );
    assert_eq!(
        us.column(&children, "lastname").await,
        [json!("child"), json!("second")]
    );
    let child = us.column(&children, "contactid").await[0].clone();
    assert_eq!(us.column("incidents", "_customerid_value").await, [child]);

    let bound = json!({"name": "b", "contact_customer_accounts@odata.bind": [format!("/contacts({})", id(5))]});
    let answer = us
        .send(
            "POST",
            "accounts",
            &[("prefer", "return=representation")],
            Some(bound),
        )
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let member = us.get(&format!("contacts({})", id(5))).await.json();
    assert_eq!(
        member["_parentcustomerid_value"],
        answer.json()["accountid"]
    );
}

#[tokio::test]
async fn one_bad_row_undoes_all() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (body, status) in [
        (
            json!({"name": "a", "primarycontactid": {"Lastname": "x"}}),
            400,
        ),
        (
            json!({"name": "a", "primarycontactid": {"lastname": "x"}, "description": "d".repeat(2001)}),
            400,
        ),
        (
            json!({"name": "a", "contact_customer_accounts": [{"lastname": "x"}, {"firstname": "y".repeat(51)}]}),
            400,
        ),
        (json!({"name": "a", "contact_customer_accounts": [1]}), 400),
        (json!({"name": "a", "contact_customer_accounts": {}}), 400),
        (
            json!({"name": "a", "contact_customer_accounts@odata.bind": [format!("/contacts({})", id(404))]}),
            404,
        ),
        (
            json!({"name": "a", "contact_customer_accounts@odata.bind": [format!("/accounts({})", id(404))]}),
            400,
        ),
        (
            json!({"name": "a", "contact_customer_accounts@odata.bind": "/contacts(1)"}),
            400,
        ),
        (
            json!({"name": "a", "contact_customer_accounts": [
                {"lastname": "x"},
                {"lastname": "x", "parentcustomerid_contact@odata.bind": format!("/contacts({})", id(404))},
            ]}),
            404,
        ),
    ] {
        let answer = us.post("accounts", body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        for set in ["accounts", "contacts"] {
            assert!(us.column(set, "statecode").await.is_empty(), "{body}");
        }
    }
}

#[tokio::test]
async fn nesting_has_an_end_and_an_update_nests_nothing() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let nested = |depth: usize| {
        (0..depth).fold(
            json!({"name": "root"}),
            |inner, _| json!({"name": "a", "parentaccountid": inner}),
        )
    };
    assert_eq!(us.post("accounts", nested(8)).await.status, 204);
    assert_eq!(us.post("accounts", nested(9)).await.status, 400);
    let text = format!(
        "{}{{}}{}",
        "{\"parentaccountid\":".repeat(20_000),
        "}".repeat(20_000)
    );
    let answer = us
        .request("POST", &us.url("accounts"))
        .body(text)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    us.account(&id(1), json!({"name": "a"})).await;
    let path = format!("accounts({})", id(1));
    for body in [
        json!({"primarycontactid": {"lastname": "x"}}),
        json!({"contact_customer_accounts": [{"lastname": "x"}]}),
    ] {
        let answer = us.patch(&path, body).await;
        assert_eq!(answer.refusal(), (400, "0x80048d19".to_owned()));
    }
    let upserted = format!("accounts({})", id(2));
    let answer = us
        .patch(
            &upserted,
            json!({"name": "b", "primarycontactid": {"lastname": "x"}}),
        )
        .await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

#[tokio::test]
async fn the_plug_in_of_a_nested_row_runs_inside() {
    let emulated = Emulated::demo().await;
    let europe = emulated.europe();
    let ticket = |number: u32| -> Json {
        json!({"title": "t", "customerid_account@odata.bind": format!("/accounts({})", id(number))})
    };
    let mut bad = ticket(802);
    bad["title"] = json!("x".repeat(201));
    let body = json!({"lastname": "L", "contact_as_primary_contact": [ticket(801), bad]});
    let refused = europe.post("contacts", body).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let stub = format!("accounts({})", id(801));
    assert_eq!(europe.get(&stub).await.status, 404);
    let good = json!({"lastname": "L", "contact_as_primary_contact": [ticket(801)]});
    let answer = europe.post("contacts", good).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(
        europe.get(&format!("accounts({})", id(801))).await.status,
        200
    );
}
