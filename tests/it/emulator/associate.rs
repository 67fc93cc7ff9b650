//! `$ref`, and single columns: what a client writes without sending a row.

use serde_json::json;

use super::id;
use crate::support::emulated::{Api, Emulated};

/// An account 1, an account 2 and a contact 3 that belongs to nobody.
async fn rows(us: &Api<'_>) {
    us.account(&id(1), json!({"name": "one", "description": "d"}))
        .await;
    us.account(&id(2), json!({"name": "two"})).await;
    let contact = json!({"contactid": id(3), "lastname": "L"});
    assert_eq!(us.post("contacts", contact).await.status, 204);
}

async fn customer(us: &Api<'_>) -> serde_json::Value {
    us.column("contacts", "_parentcustomerid_value").await[0].clone()
}

#[tokio::test]
async fn a_lookup_is_set_and_cleared_by_reference() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    rows(&us).await;
    let path = format!("contacts({})/parentcustomerid_account/$ref", id(3));
    for target in [
        us.url(&format!("accounts({})", id(1))),
        format!("/accounts({})", id(2)),
        format!("accounts({})", id(1)),
    ] {
        let answer = us
            .send("PUT", &path, &[], Some(json!({"@odata.id": target})))
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (204, ""),
            "{answer:?}"
        );
        assert!(target.contains(customer(&us).await.as_str().unwrap()));
    }
    assert_eq!(us.send("DELETE", &path, &[], None).await.status, 204);
    assert_eq!(customer(&us).await, json!(null));
    assert_eq!(us.send("DELETE", &path, &[], None).await.status, 404);

    for (method, body, status) in [
        (
            "PUT",
            json!({"@odata.id": format!("accounts({})", id(404))}),
            404,
        ),
        (
            "PUT",
            json!({"@odata.id": format!("contacts({})", id(3))}),
            400,
        ),
        (
            "PUT",
            json!({"@odata.id": "http://elsewhere.example/api/data/v9.2/accounts(1)"}),
            400,
        ),
        ("PUT", json!({}), 400),
        (
            "POST",
            json!({"@odata.id": format!("accounts({})", id(1))}),
            405,
        ),
        ("PATCH", json!({}), 405),
    ] {
        let answer = us.send(method, &path, &[], Some(body.clone())).await;
        assert_eq!(answer.status, status, "{method} {body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_row_joins_and_leaves_a_collection() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    rows(&us).await;
    let collection = format!("accounts({})/contact_customer_accounts", id(1));
    let contact = json!({"@odata.id": us.url(&format!("contacts({})", id(3)))});
    let by_key = format!("{collection}({})/$ref", id(3));
    let by_query = format!(
        "{collection}/$ref?$id={}",
        us.url(&format!("contacts({})", id(3)))
    );
    for leave in [by_key, by_query] {
        let joined = us
            .post(&format!("{collection}/$ref"), contact.clone())
            .await;
        assert_eq!(joined.status, 204, "{joined:?}");
        assert_eq!(customer(&us).await, json!(id(1)));
        let other = leave.replace(
            &collection,
            &format!("accounts({})/contact_customer_accounts", id(2)),
        );
        assert_eq!(
            us.send("DELETE", &other, &[], None).await.status,
            404,
            "{other}"
        );
        let left = us.send("DELETE", &leave, &[], None).await;
        assert_eq!(left.status, 204, "{leave}: {left:?}");
        assert_eq!(customer(&us).await, json!(null));
    }
    let made = us.post(&collection, json!({"lastname": "made"})).await;
    assert_eq!(made.status, 204, "{made:?}");
    assert!(made.header("odata-entityid").contains("/contacts("));
    let of = us
        .column(
            "contacts?$filter=lastname eq 'made'",
            "_parentcustomerid_value",
        )
        .await;
    assert_eq!(of, [json!(id(1))]);
    let nobody = format!("accounts({})/contact_customer_accounts", id(404));
    assert_eq!(us.post(&nobody, json!({"lastname": "x"})).await.status, 404);
    assert_eq!(
        us.send("DELETE", &format!("{collection}/$ref"), &[], None)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_single_column_is_written_and_emptied() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    rows(&us).await;
    let row = format!("accounts({})", id(1));
    let put = async |column: &str, body| {
        us.send("PUT", &format!("{row}/{column}"), &[], Some(body))
            .await
            .status
            .as_u16()
    };
    assert_eq!(put("name", json!({"value": "new"})).await, 204);
    assert_eq!(
        us.send("DELETE", &format!("{row}/description"), &[], None)
            .await
            .status,
        204
    );
    let read = us.get(&row).await.json();
    assert_eq!(
        (&read["name"], &read["description"]),
        (&json!("new"), &json!(null))
    );
    for (column, body, status) in [
        ("name", json!({"value": "x".repeat(161)}), 400),
        ("name", json!({"value": 1}), 400),
        ("name", json!({}), 400),
        ("name", json!({"value": "x", "name": "y"}), 400),
        ("accountid", json!({"value": id(9)}), 400),
        ("_primarycontactid_value", json!({"value": id(3)}), 400),
        ("nothing", json!({"value": 1}), 404),
    ] {
        assert_eq!(put(column, body.clone()).await, status, "{column} {body}");
    }
    let missing = format!("accounts({})/name", id(404));
    assert_eq!(
        us.send("PUT", &missing, &[], Some(json!({"value": "x"})))
            .await
            .status,
        404
    );
    let stale = [("if-match", "W/\"1\"")];
    let answer = us
        .send(
            "PUT",
            &format!("{row}/name"),
            &stale,
            Some(json!({"value": "x"})),
        )
        .await;
    assert_eq!(answer.status, 412);
}

#[tokio::test]
async fn a_restricted_row_can_not_be_deleted() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let body = json!({
        "name": "hook", "contract": 8, "connectionmode": 1, "url": "https://hooks.example/", "authtype": 4, "authvalue": "k",
    });
    let made = us.post("serviceendpoints", body).await;
    let url = made.header("odata-entityid").to_owned();
    let bound = format!("/{}", &url[url.find("serviceendpoints").unwrap()..]);
    super::pipeline::register(&us, "Create", "account", &bound, json!({})).await;
    let answer = us.send("DELETE", &url, &[], None).await;
    assert_eq!(answer.refusal(), (405, "0x80040227".to_owned()));
    assert_eq!(us.get(&url).await.status, 200);
}
