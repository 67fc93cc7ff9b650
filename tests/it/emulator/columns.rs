//! The types of columns, what each takes and what the server makes of it.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Api, Emulated};

async fn created(api: &Api<'_>, set: &str, body: Json) -> Json {
    let answer = api
        .send(
            "POST",
            set,
            &[("prefer", "return=representation")],
            Some(body),
        )
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn every_table_is_there_and_can_be_read() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let sets = us.get("").await.json();
    let sets = sets["value"].as_array().unwrap();
    assert!(sets.len() >= 21, "{sets:?}");
    for set in sets {
        let answer = us.get(set["url"].as_str().unwrap()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for (path, rows) in [
        ("organizations", 1),
        ("plugintypes", 4),
        (
            "sdkmessagefilters?$filter=sdkmessageid/name%20eq%20%27CreateMultiple%27%20and%20primaryobjecttypecode%20eq%20%27account%27",
            1,
        ),
        ("roles", 3),
    ] {
        assert_eq!(us.column(path, "versionnumber").await.len(), rows, "{path}");
    }
}

#[tokio::test]
async fn money_has_a_twin_in_the_base_currency_of_its_instance() {
    let emulated = Emulated::empty().await;
    for (api, base, twin) in [
        (emulated.us(), "USD", 125.0),
        (emulated.europe(), "EUR", 100.0),
    ] {
        let euro = api
            .column(
                "transactioncurrencies?$filter=isocurrencycode%20eq%20%27EUR%27",
                "transactioncurrencyid",
            )
            .await;
        let bind = format!("/transactioncurrencies({})", euro[0].as_str().unwrap());
        let in_euro =
            json!({"name": "a", "revenue": 100, "transactioncurrencyid@odata.bind": bind});
        assert_eq!(
            created(&api, "accounts", in_euro).await["revenue_base"],
            twin
        );
        let plain = created(&api, "accounts", json!({"name": "b", "revenue": 7.126})).await;
        assert_eq!(plain["revenue"], 7.13);
        assert_eq!(
            (&plain["revenue_base"], &plain["exchangerate"]),
            (&json!(7.13), &json!(1.0))
        );
        let currency = plain["_transactioncurrencyid_value"].as_str().unwrap();
        let currency = api.get(&format!("transactioncurrencies({currency})")).await;
        assert_eq!(currency.json()["isocurrencycode"], base);
    }
}

#[tokio::test]
async fn a_write_only_value_is_never_shown() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let endpoint = json!({
        "serviceendpointid": id(1), "name": "hook", "contract": 8, "connectionmode": 1, "authtype": 4,
        "authvalue": "secret", "url": "http://127.0.0.1:80/hook",
    });
    let shown = created(&us, "serviceendpoints", endpoint).await;
    assert_eq!(shown["isauthvalueset"], true);
    let all = us.get("serviceendpoints").await;
    assert!(
        !all.text.contains("secret") && !all.text.contains("\"authvalue\""),
        "{}",
        all.text
    );
    let asked = us.get("serviceendpoints?$select=authvalue").await;
    assert_eq!(asked.refusal(), (400, "0x0".to_owned()));
}

#[tokio::test]
async fn system_tables_take_what_an_administrator_may_do() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let user = &us.column("systemusers?$top=1", "systemuserid").await[0];
    let user = format!("systemusers({})", user.as_str().unwrap());
    assert_eq!(
        us.patch(&user, json!({"isdisabled": true})).await.status,
        204
    );
    assert_eq!(us.get(&user).await.json()["isdisabled"], true);
    assert_eq!(
        us.delete(&user).await.refusal(),
        (405, "0x80040800".to_owned())
    );
    let organization = &us.column("organizations", "organizationid").await[0];
    let organization = format!("organizations({})", organization.as_str().unwrap());
    let days = json!({"expirechangetrackingindays": 30});
    assert_eq!(us.patch(&organization, days).await.status, 204);
    assert_eq!(
        us.get(&organization).await.json()["expirechangetrackingindays"],
        30
    );
    let another = us.post("organizations", json!({"name": "x"})).await;
    assert_eq!(another.refusal(), (405, "0x80040800".to_owned()));
}
