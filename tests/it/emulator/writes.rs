//! Creates, updates and deletes: representations, binds, limits, and what a client gets wrong.

use serde_json::{Value as Json, json};
use tandem::emulator::{Data, EUROPE, LOB_CLIENT_ID, Options, user_id};

use super::id;
use crate::support::emulated::Emulated;

#[tokio::test]
async fn a_create_answers_with_the_url_of_the_row() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let answer = us.post("accounts", json!({"name": "Acme"})).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    let url = answer.header("odata-entityid").to_owned();
    assert!(url.starts_with(&us.url("accounts(")), "{url}");
    let row = us.get(&url).await.json();
    let who = us.get("WhoAmI").await.json();
    for (column, expected) in [
        ("name", json!("Acme")),
        ("statecode", json!(0)),
        ("statuscode", json!(1)),
        ("creditonhold", json!(false)),
        ("_createdby_value", who["UserId"].clone()),
        ("_ownerid_value", who["UserId"].clone()),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    assert_eq!(row["createdon"], row["modifiedon"]);
}

#[tokio::test]
async fn a_new_row_is_active_and_nobody_else_has_a_say() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let asked = json!({"name": "Acme", "statecode": 1});
    for (method, path) in [
        ("POST", "accounts".to_owned()),
        ("PATCH", format!("accounts({})", id(1))),
    ] {
        let answer = us.send(method, &path, &[], Some(asked.clone())).await;
        assert_eq!(
            answer.refusal(),
            (400, "0x80040203".to_owned()),
            "{method}: {}",
            answer.text
        );
        assert!(answer.text.contains("statecode"), "{}", answer.text);
    }
    assert!(us.column("accounts", "name").await.is_empty());
}

#[tokio::test]
async fn a_representation_has_the_selected_columns_and_says_so() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let prefer = [("prefer", "return=representation")];
    let body = json!({"name": "Acme", "accountnumber": "A-1"});
    let answer = us
        .send("POST", "accounts?$select=name", &prefer, Some(body))
        .await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("preference-applied"), "return=representation");
    let row = answer.json();
    let names: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["@odata.context", "@odata.etag", "name", "accountid"]
    );
    assert_eq!(
        row["@odata.context"],
        us.url("$metadata#accounts(name)/$entity")
    );
    let path = format!("accounts({})", row["accountid"].as_str().unwrap());
    let changed = us
        .send("PATCH", &path, &prefer, Some(json!({"name": "Acme 2"})))
        .await;
    assert_eq!(
        (changed.status.as_u16(), changed.json()["name"].clone()),
        (200, json!("Acme 2"))
    );
}

#[tokio::test]
async fn what_a_client_gets_wrong_is_refused_as_dataverse_does() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let absent = id(404);
    let ticket = |customer: Json| json!({"title": "t", "customerid_account@odata.bind": customer});
    let cases: Vec<(&str, &str, Json, (u16, &str))> = vec![
        ("POST", "Accounts", json!({}), (404, "0x8006088a")),
        ("POST", "account", json!({}), (404, "0x8006088a")),
        (
            "POST",
            "accounts",
            json!({"Name": "x"}),
            (400, "0x80048d19"),
        ),
        (
            "POST",
            "accounts",
            json!({"nothing@odata.bind": "/accounts(1)"}),
            (400, "0x80048d19"),
        ),
        (
            "POST",
            "incidents",
            json!({"title": "t", "customerid@odata.bind": format!("/accounts({})", id(1))}),
            (400, "0x80048d19"),
        ),
        ("POST", "accounts", json!({"name": 5}), (400, "0x80048d19")),
        (
            "POST",
            "accounts",
            json!({"numberofemployees": "5"}),
            (400, "0x80048d19"),
        ),
        (
            "POST",
            "accounts",
            json!({"_primarycontactid_value": id(1)}),
            (400, "0x80048d19"),
        ),
        ("POST", "accounts", json!([]), (400, "0x80048d19")),
        (
            "POST",
            "accounts",
            json!({"name": "x".repeat(161)}),
            (400, "0x80044331"),
        ),
        (
            "POST",
            "accounts",
            json!({"customertypecode": 99}),
            (400, "0x8004431a"),
        ),
        (
            "POST",
            "accounts",
            json!({"numberofemployees": -1}),
            (400, "0x8004431a"),
        ),
        (
            "POST",
            "accounts",
            json!({"statuscode": 2}),
            (400, "0x80048408"),
        ),
        (
            "POST",
            "incidents",
            json!({"title": "t"}),
            (400, "0x80040200"),
        ),
        (
            "POST",
            "contacts",
            json!({"parentcustomerid_account@odata.bind": format!("/accounts({absent})")}),
            (404, "0x80040217"),
        ),
        (
            "POST",
            "contacts",
            json!({"parentcustomerid_account@odata.bind": "/accounts(accountnumber='none')"}),
            (404, "0x80060891"),
        ),
        (
            "POST",
            "contacts",
            json!({"parentcustomerid_account@odata.bind": format!("/account({})", id(1))}),
            (400, "0x80060888"),
        ),
        (
            "POST",
            "contacts",
            json!({"parentcustomerid_account@odata.bind": format!("http://elsewhere.example/api/data/v9.2/accounts({})", id(1))}),
            (400, "0x80060888"),
        ),
        (
            "POST",
            "contacts",
            json!({"parentcustomerid_contact@odata.bind": format!("/accounts({})", id(1))}),
            (400, "0x80048d19"),
        ),
        ("POST", "incidents", ticket(Json::Null), (400, "0x80040200")),
        (
            "PATCH",
            "accounts(00000000-0000-4000-8000-000000000001)",
            json!({"accountid": absent}),
            (400, "0x80040203"),
        ),
        ("PATCH", "accounts", json!({}), (405, "0x8004023b")),
        ("DELETE", "accounts", json!({}), (405, "0x8004023b")),
        (
            "DELETE",
            "accounts(00000000-0000-4000-8000-000000000404)",
            json!({}),
            (404, "0x80040217"),
        ),
    ];
    for (method, path, body, (status, code)) in cases {
        let answer = us.send(method, path, &[], Some(body.clone())).await;
        assert_eq!(
            answer.refusal(),
            (status, code.to_owned()),
            "{method} {path} {body}: {}",
            answer.text
        );
    }
    assert_eq!(
        us.column("accounts", "name").await,
        [json!("a")],
        "nothing was written"
    );
}

#[tokio::test]
async fn what_is_not_there_yet_says_so_by_name() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let cases = [(
        "POST",
        "accounts/Microsoft.Dynamics.CRM.Merge".to_owned(),
        Some(json!({})),
        "Merge",
    )];
    for (method, path, body, name) in cases {
        let answer = us.send(method, &path, &[], body).await;
        assert_eq!(
            answer.refusal(),
            (501, "0x80040315".to_owned()),
            "{method} {path}: {}",
            answer.text
        );
        assert!(
            answer.text.contains(name)
                && answer
                    .text
                    .contains("is not supported by this emulator yet"),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn binds_take_every_form_and_one_target_clears_the_other() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a", "accountnumber": "A-1"}))
        .await;
    us.post(
        "contacts",
        json!({"contactid": id(2), "firstname": "Ada", "lastname": "L"}),
    )
    .await;
    let forms = [
        (
            "parentcustomerid_account",
            format!("/accounts({})", id(1)),
            Some(id(1)),
        ),
        (
            "parentcustomerid_contact",
            format!("contacts({})", id(2)),
            Some(id(2)),
        ),
        (
            "parentcustomerid_account",
            us.url(&format!("accounts({})", id(1))),
            Some(id(1)),
        ),
        (
            "parentcustomerid_account",
            "/accounts(accountnumber='A-1')".to_owned(),
            Some(id(1)),
        ),
    ];
    for (number, (navigation, target, expected)) in (10..).zip(forms) {
        let path = format!("contacts({})", id(number));
        let answer = us
            .patch(&path, json!({format!("{navigation}@odata.bind"): target}))
            .await;
        assert_eq!(answer.status, 204, "{target}: {answer:?}");
        assert_eq!(
            us.get(&path).await.json()["_parentcustomerid_value"].as_str(),
            expected.as_deref(),
            "{target}"
        );
    }
    let path = format!("contacts({})", id(10));
    us.patch(
        &path,
        json!({"parentcustomerid_contact@odata.bind": format!("/contacts({})", id(2))}),
    )
    .await;
    let annotated = us
        .send(
            "GET",
            &path,
            &[("prefer", "odata.include-annotations=\"*\"")],
            None,
        )
        .await
        .json();
    for (annotation, expected) in [
        ("OData.Community.Display.V1.FormattedValue", "Ada L"),
        ("Microsoft.Dynamics.CRM.lookuplogicalname", "contact"),
        (
            "Microsoft.Dynamics.CRM.associatednavigationproperty",
            "parentcustomerid_contact",
        ),
    ] {
        assert_eq!(
            annotated[format!("_parentcustomerid_value@{annotation}")],
            expected
        );
    }
    for (number, cleared) in [
        (11, json!({"parentcustomerid_account@odata.bind": null})),
        (12, json!({"parentcustomerid_account": null})),
    ] {
        let path = format!("contacts({})", id(number));
        assert_eq!(us.patch(&path, cleared).await.status, 204);
        assert_eq!(
            us.get(&path).await.json()["_parentcustomerid_value"],
            Json::Null
        );
    }
}

#[tokio::test]
async fn deleting_a_customer_takes_what_is_its_own_and_unlinks_the_rest() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "parent"})).await;
    us.account(
        &id(2),
        json!({"name": "child", "parentaccountid@odata.bind": format!("/accounts({})", id(1))}),
    )
    .await;
    us.post("contacts", json!({"contactid": id(3), "parentcustomerid_account@odata.bind": format!("/accounts({})", id(1))})).await;
    us.post("incidents", json!({"incidentid": id(4), "customerid_contact@odata.bind": format!("/contacts({})", id(3))})).await;
    assert_eq!(us.delete(&format!("accounts({})", id(1))).await.status, 204);
    assert_eq!(
        us.get(&format!("accounts({})", id(2))).await.json()["_parentaccountid_value"],
        Json::Null
    );
    assert_eq!(us.get(&format!("contacts({})", id(3))).await.status, 404);
    assert_eq!(us.get(&format!("incidents({})", id(4))).await.status, 404);
}

#[tokio::test]
async fn states_and_computed_columns_follow_the_row() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let account = format!("accounts({})", id(1));
    us.patch(&account, json!({"statecode": 1})).await;
    assert_eq!(us.get(&account).await.json()["statuscode"], 2);
    assert_eq!(
        us.patch(&account, json!({"statuscode": 1}))
            .await
            .refusal()
            .1,
        "0x80048408"
    );
    let contact = format!("contacts({})", id(2));
    us.patch(&contact, json!({"firstname": "Ada", "lastname": "L", "fullname": "ignored", "createdon": "2001-01-01T00:00:00Z"})).await;
    let row = us.get(&contact).await.json();
    assert_eq!(row["fullname"], "Ada L");
    assert_ne!(row["createdon"], "2001-01-01T00:00:00Z");
    us.patch(&contact, json!({"firstname": ""})).await;
    let row = us.get(&contact).await.json();
    assert_eq!(
        (row["firstname"].clone(), row["fullname"].clone()),
        (Json::Null, json!("L"))
    );
    let ticket = format!("incidents({})", id(3));
    us.patch(
        &ticket,
        json!({"title": "t", "customerid_account@odata.bind": format!("/accounts({})", id(1))}),
    )
    .await;
    assert_eq!(us.patch(&ticket, json!({"statecode": 1})).await.status, 400);
    assert_eq!(us.patch(&ticket, json!({"statecode": 2})).await.status, 204);
    assert_eq!(
        us.patch(&ticket, json!({"title": "changed"})).await.status,
        400,
        "a cancelled ticket is read-only"
    );
    assert_eq!(
        us.patch(&ticket, json!({"statecode": 0, "title": "changed"}))
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn the_plug_in_makes_a_stub_of_a_missing_customer() {
    let emulated = Emulated::empty().await;
    let europe = emulated.europe().signed_in(LOB_CLIENT_ID).await;
    let bind = |navigation: &str, set: &str, id: &str| json!({"title": "t", format!("{navigation}@odata.bind"): format!("/{set}({id})")});
    let ticket = europe
        .post("incidents", bind("customerid_account", "accounts", &id(1)))
        .await;
    assert_eq!(ticket.status, 204, "{ticket:?}");
    let stub = europe.get(&format!("accounts({})", id(1))).await.json();
    assert_eq!(stub["name"], "Awaiting sync 00000000");
    assert_eq!(
        stub["_createdby_value"],
        user_id(EUROPE, "SYSTEM").to_string()
    );
    europe
        .post("incidents", bind("customerid_contact", "contacts", &id(2)))
        .await;
    assert_eq!(
        europe.get(&format!("contacts({})", id(2))).await.json()["fullname"],
        "Awaiting sync 00000000"
    );
    let row = europe.get("incidents?$top=1").await.json()["value"][0].clone();
    assert_eq!(
        row["_createdby_value"],
        user_id(EUROPE, LOB_CLIENT_ID).to_string()
    );
    assert!(row["ticketnumber"].as_str().unwrap().starts_with("CAS-"));

    // Outside of the transaction, so that it stays even though the ticket is refused; not for a key, which names nobody.
    let mut refused = bind("customerid_account", "accounts", &id(3));
    refused["primarycontactid@odata.bind"] = json!(format!("/contacts({})", id(404)));
    assert_eq!(
        europe.post("incidents", refused).await.refusal(),
        (404, "0x80040217".to_owned())
    );
    assert_eq!(
        europe.get(&format!("accounts({})", id(3))).await.status,
        200
    );
    let by_key =
        json!({"title": "t", "customerid_account@odata.bind": "/accounts(accountnumber='NONE')"});
    assert_eq!(
        europe.post("incidents", by_key).await.refusal(),
        (404, "0x80060891".to_owned())
    );
    let bypassing = [("mscrm.bypassbusinesslogicexecution", "CustomSync")];
    let answer = europe
        .send(
            "POST",
            "incidents",
            &bypassing,
            Some(bind("customerid_account", "accounts", &id(5))),
        )
        .await;
    assert_eq!(answer.refusal(), (404, "0x80040217".to_owned()));
}

#[tokio::test]
async fn without_the_plug_in_a_ticket_for_a_missing_customer_is_refused() {
    let emulated = Emulated::with(Options {
        plug_in: false,
        data: Data::Empty,
        ..Options::default()
    })
    .await;
    let europe = emulated.europe();
    let ticket =
        json!({"title": "t", "customerid_account@odata.bind": format!("/accounts({})", id(1))});
    assert_eq!(
        europe.post("incidents", ticket).await.refusal(),
        (404, "0x80040217".to_owned())
    );
    assert_eq!(
        europe.get(&format!("accounts({})", id(1))).await.status,
        404
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let answer = us
        .try_send(
            "POST",
            "accounts",
            &[],
            Some(json!({"description": "x".repeat(17 << 20)})),
        )
        .await;
    // The refusal comes before the body was read, so the client may meet a closed connection while it still sends.
    if let Ok(answer) = answer {
        assert_eq!(answer.status, 413);
    }
    assert!(us.column("accounts", "name").await.is_empty());
}
