//! What stands behind a row in a path: columns, lookups, collections, references, numbers.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::Emulated;

async fn firm() -> Emulated {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(
        &id(1),
        json!({"name": "Acme", "numberofemployees": 7, "revenue": 10.5}),
    )
    .await;
    us.account(&id(2), json!({"name": "Other", "accountnumber": "O-1"}))
        .await;
    for (number, name) in [(11, "Ada"), (12, "Bob"), (13, "Cid")] {
        let body = json!({"contactid": id(number), "lastname": name,
            "parentcustomerid_account@odata.bind": format!("/accounts({})", id(1))});
        assert_eq!(us.post("contacts", body).await.status, 204);
    }
    let body = json!({"primarycontactid@odata.bind": format!("/contacts({})", id(11))});
    us.patch(&format!("accounts({})", id(1)), body).await;
    emulated
}

#[tokio::test]
async fn a_column_is_read_by_itself() {
    let emulated = firm().await;
    let us = emulated.us();
    let row = format!("accounts({})", id(1));
    let name = us.get(&format!("{row}/name")).await;
    let context = format!("{}/$metadata#{row}/name", us.url("").trim_end_matches('/'));
    assert_eq!(
        name.json(),
        json!({"@odata.context": context, "value": "Acme"})
    );
    let by_key = us.get("accounts(accountnumber='O-1')/name").await;
    assert_eq!(by_key.json()["value"], "Other");
    let cases = [
        ("name", "Acme"),
        ("numberofemployees", "7"),
        ("statecode", "0"),
        ("_primarycontactid_value", &*id(11)),
    ];
    for (column, text) in cases {
        let raw = us.get(&format!("{row}/{column}/$value")).await;
        assert_eq!(
            (raw.status.as_u16(), raw.text.as_str()),
            (200, text),
            "{column}"
        );
        assert!(raw.header("content-type").starts_with("text/plain"));
    }
    let nothing = us.get(&format!("{row}/description")).await;
    assert_eq!((nothing.status.as_u16(), nothing.text.as_str()), (204, ""));
    let missing = us.get(&format!("accounts({})/name", id(9))).await;
    assert_eq!(missing.refusal(), (404, "0x80040217".to_owned()));
    for path in [
        format!("{row}/Name"),
        format!("{row}/nothing"),
        format!("{row}/name/nothing"),
    ] {
        assert_eq!(
            us.get(&path).await.refusal(),
            (404, "0x8006088a".to_owned()),
            "{path}"
        );
    }
    assert_eq!(
        us.get(&format!("{row}/name?$select=name")).await.status,
        400
    );
}

#[tokio::test]
async fn a_lookup_leads_to_its_row() {
    let emulated = firm().await;
    let us = emulated.us();
    let contact = us
        .get(&format!(
            "accounts({})/primarycontactid?$select=lastname",
            id(1)
        ))
        .await;
    assert_eq!(contact.json()["lastname"], "Ada");
    assert_eq!(contact.json()["contactid"], json!(id(11)));
    assert!(
        contact.json()["@odata.context"]
            .as_str()
            .unwrap()
            .ends_with("$metadata#contacts(lastname)/$entity")
    );
    let reference = us
        .get(&format!("accounts({})/primarycontactid/$ref", id(1)))
        .await;
    assert_eq!(
        reference.json()["@odata.id"],
        json!(us.url(&format!("contacts({})", id(11))))
    );
    assert_eq!(
        us.get(&format!("accounts({})/primarycontactid", id(2)))
            .await
            .status,
        204
    );
    // The other target of a polymorphic lookup names nothing.
    assert_eq!(
        us.get(&format!("contacts({})/parentcustomerid_contact", id(11)))
            .await
            .status,
        204
    );
    let account = us
        .get(&format!(
            "contacts({})/parentcustomerid_account?$select=name",
            id(11)
        ))
        .await;
    assert_eq!(account.json()["name"], "Acme");
    assert_eq!(
        us.get(&format!("accounts({})/primarycontactid/$count", id(1)))
            .await
            .status,
        501
    );
}

#[tokio::test]
async fn a_collection_takes_every_option_and_its_links_come_back_to_it() {
    let emulated = firm().await;
    let us = emulated.us();
    let path = format!("accounts({})/contact_customer_accounts", id(1));
    let names = us
        .column(
            &format!("{path}?$select=lastname&$orderby=lastname%20desc"),
            "lastname",
        )
        .await;
    assert_eq!(names, ["Cid", "Bob", "Ada"]);
    let names = us
        .column(
            &format!("{path}?$select=lastname&$filter=lastname%20ge%20'B'&$top=1"),
            "lastname",
        )
        .await;
    assert_eq!(names, ["Bob"]);
    let page = us
        .send(
            "GET",
            &format!("{path}?$select=lastname&$count=true"),
            &[("prefer", "odata.maxpagesize=2")],
            None,
        )
        .await;
    assert_eq!(page.json()["@odata.count"], 3);
    let next = page.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    assert!(next.starts_with(&us.url(&format!("{path}?"))), "{next}");
    assert_eq!(us.column(&next, "lastname").await, ["Cid"]);
    let count = us
        .get(&format!("{path}/$count?$filter=lastname%20ne%20'Bob'"))
        .await;
    assert_eq!(count.text, "\u{feff}2");
    let references = us.column(&format!("{path}/$ref"), "@odata.id").await;
    let expected: Vec<Json> = [11, 12, 13]
        .iter()
        .map(|number| json!(us.url(&format!("contacts({})", id(*number)))))
        .collect();
    assert_eq!(references, expected);
    let member = us
        .get(&format!("{path}({})?$select=lastname", id(12)))
        .await;
    assert_eq!(member.json()["lastname"], "Bob");
    let stranger = us
        .get(&format!(
            "accounts({})/contact_customer_accounts({})",
            id(2),
            id(12)
        ))
        .await;
    assert_eq!(stranger.refusal(), (404, "0x80040217".to_owned()));
    let missing = us
        .get(&format!("accounts({})/contact_customer_accounts", id(9)))
        .await;
    assert_eq!(missing.refusal(), (404, "0x80040217".to_owned()));
    assert_eq!(us.get(&format!("{path}/nothing")).await.refusal().0, 404);
}

#[tokio::test]
async fn a_column_that_is_not_writable_is_not_said_to_be_written() {
    let emulated = firm().await;
    let us = emulated.us();
    let row = format!("accounts({})", id(1));
    let before = us.get(&row).await.json();
    for column in ["createdon", "address1_composite", "versionnumber"] {
        let path = format!("{row}/{column}");
        let value = json!({"value": "2001-01-01T00:00:00Z"});
        let put = us.send("PUT", &path, &[], Some(value)).await;
        assert_eq!(put.status, 400, "{column}: {}", put.text);
        let deleted = us.delete(&path).await;
        assert_eq!(deleted.status, 400, "{column}: {}", deleted.text);
    }
    assert_eq!(us.get(&row).await.json(), before);
}
