//! Alternate keys: addressing, upsert, uniqueness, and the refusals of each.

use serde_json::json;

use super::id;
use crate::support::emulated::Emulated;

#[tokio::test]
async fn a_row_is_found_by_key_whatever_its_spelling() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(
        &id(1),
        json!({"name": "O'Brien", "accountnumber": "HO-O'Brien 1"}),
    )
    .await;
    let spellings = [
        "accounts(accountnumber='HO-O''Brien%201')",
        "accounts(accountnumber=%27ho-o%27%27brien%201%27)",
        "accounts(accountnumber='HO-O''Brien%201%20')",
    ];
    for path in spellings {
        let answer = us.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.json()["accountid"], id(1), "{path}");
    }
    let by_id = us.get(&format!("accounts(accountid={})", id(1))).await;
    assert_eq!(by_id.json()["accountnumber"], "HO-O'Brien 1");
}

#[tokio::test]
async fn wrong_keys_are_refused_with_the_documented_codes() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a", "accountnumber": "A-1"}))
        .await;
    us.account(&id(2), json!({"name": "b", "accountnumber": "B/1"}))
        .await;
    let cases = [
        (
            "GET",
            "accounts(accountnumber='X')",
            None,
            (404, "0x80060891"),
        ),
        ("GET", "accounts(name='a')", None, (400, "0x80060888")),
        (
            "GET",
            "contacts(emailaddress1='a')",
            None,
            (400, "0x80060888"),
        ),
        (
            "GET",
            "accounts(accountnumber='B%2F1')",
            None,
            (400, "0x80060888"),
        ),
        (
            "GET",
            "accounts(accountnumber=@p1)?@p1='A-1'",
            None,
            (400, "0x80060888"),
        ),
        (
            "GET",
            "accounts(accountnumber='A-1)",
            None,
            (400, "0x80060888"),
        ),
        ("GET", "accounts(nonsense)", None, (400, "0x80060888")),
        (
            "POST",
            "accounts",
            Some(json!({"accountnumber": "a-1 "})),
            (412, "0x80060892"),
        ),
        (
            "POST",
            "accounts",
            Some(json!({"accountid": id(1)})),
            (412, "0x80040237"),
        ),
        (
            "PATCH",
            "accounts(00000000-0000-4000-8000-000000000002)",
            Some(json!({"accountnumber": "A-1"})),
            (412, "0x80060892"),
        ),
    ];
    for (method, path, body, (status, code)) in cases {
        let answer = us.send(method, path, &[], body).await;
        assert_eq!(
            answer.refusal(),
            (status, code.to_owned()),
            "{method} {path}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn an_upsert_by_key_copies_the_key_and_echoes_it() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let path = "accounts(accountnumber='A-1')";
    let representation = [("prefer", "return=representation")];

    let created = us.patch(path, json!({"name": "first"})).await;
    assert_eq!(created.status, 204);
    assert_eq!(created.header("odata-entityid"), us.url(path));
    assert_eq!(us.get(path).await.json()["name"], "first");

    // On an update the key's columns in the body are ignored, on a create the body's value wins.
    let updated = us
        .send(
            "PATCH",
            path,
            &representation,
            Some(json!({"name": "second", "accountnumber": "Z"})),
        )
        .await;
    assert_eq!(
        (
            updated.status.as_u16(),
            updated.json()["accountnumber"].as_str().unwrap().to_owned()
        ),
        (200, "A-1".to_owned())
    );
    assert!(!updated.header("etag").is_empty());
    let other = "accounts(accountnumber='A-2')";
    let created = us
        .send(
            "PATCH",
            other,
            &representation,
            Some(json!({"name": "other", "accountnumber": "A-3"})),
        )
        .await;
    assert_eq!(created.status, 201);
    assert_eq!(created.json()["accountnumber"], "A-3");
    assert_eq!(us.get(other).await.status, 404);

    let only_update = us
        .send(
            "PATCH",
            other,
            &[("if-match", "*")],
            Some(json!({"name": "x"})),
        )
        .await;
    assert_eq!(only_update.refusal(), (404, "0x80060891".to_owned()));
    let only_create = us
        .send(
            "PATCH",
            path,
            &[("if-none-match", "*")],
            Some(json!({"name": "x"})),
        )
        .await;
    assert_eq!(only_create.refusal(), (412, "0x80040237".to_owned()));
}

#[tokio::test]
async fn a_key_is_free_again_once_its_row_gave_it_up() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"accountnumber": "A-1"})).await;
    us.patch(
        &format!("accounts({})", id(1)),
        json!({"accountnumber": null}),
    )
    .await;
    us.account(&id(2), json!({"accountnumber": "A-1"})).await;
    us.account(&id(3), json!({"accountnumber": null})).await;
    us.delete(&format!("accounts({})", id(2))).await;
    us.account(&id(4), json!({"accountnumber": "A-1"})).await;
    assert_eq!(
        us.get("accounts(accountnumber='A-1')").await.json()["accountid"],
        id(4)
    );
}

#[tokio::test]
async fn a_new_key_is_of_use_once_its_index_is_active() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let keys = "EntityDefinitions(LogicalName='contact')/Keys";
    let wanted = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.EntityKeyMetadata", "SchemaName": "new_Mail",
        "DisplayName": {"LocalizedLabels": [{"Label": "Mail", "LanguageCode": 1033}]},
        "KeyAttributes": ["emailaddress1", "parentcustomerid"],
    });
    let created = us.post(keys, wanted.clone()).await;
    assert_eq!(created.status, 204, "{created:?}");
    let url = created.header("odata-entityid").to_owned();
    assert_eq!(us.get(&url).await.json()["SchemaName"], "new_Mail", "{url}");
    assert_eq!(url.matches("-").count(), 4, "{url}");
    assert_eq!(us.post(keys, wanted).await.refusal().1, "0x80060893");
    let status = async || us.column(keys, "EntityKeyIndexStatus").await[0].clone();
    us.account(&id(1), json!({"name": "a"})).await;
    let contact = |number: u32, mail: &str| {
        let bind = format!("/accounts({})", id(1));
        json!({"contactid": id(number), "lastname": "x", "emailaddress1": mail, "parentcustomerid_account@odata.bind": bind})
    };
    assert_eq!(
        us.post("contacts", contact(2, "a@b.example")).await.status,
        204
    );
    let address = format!(
        "contacts(emailaddress1='A@B.example',_parentcustomerid_value={})",
        id(1)
    );
    assert_eq!(status().await, "Pending");
    assert_eq!(
        us.get(&address).await.refusal(),
        (400, "0x80060888".to_owned())
    );
    us.control("POST", "clock", Some(json!({"advance_s": 1})))
        .await;
    assert_eq!(status().await, "InProgress");
    us.control("POST", "clock", Some(json!({"advance_s": 2})))
        .await;
    assert_eq!(status().await, "Active");
    assert_eq!(us.get(&address).await.json()["contactid"], id(2));
    assert_eq!(
        us.post("contacts", contact(3, "a@b.example"))
            .await
            .refusal(),
        (412, "0x80060892".to_owned())
    );
    assert_eq!(
        us.post("contacts", contact(3, "c@b.example")).await.status,
        204
    );
    assert_eq!(
        us.delete(&format!("{keys}(LogicalName='new_mail')"))
            .await
            .status,
        204
    );
    assert_eq!(us.get(keys).await.json()["value"], json!([]));
    assert_eq!(us.get(&address).await.refusal().0, 400);
    assert_eq!(
        us.post("contacts", contact(4, "a@b.example")).await.status,
        204
    );
}

#[tokio::test]
async fn duplicates_fail_the_index_until_they_are_gone_and_it_is_built_again() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for number in [1, 2] {
        us.account(&id(number), json!({"name": "a", "tickersymbol": "TIC"}))
            .await;
    }
    let keys = "EntityDefinitions(LogicalName='account')/Keys";
    let wanted = json!({"SchemaName": "new_ticker", "KeyAttributes": ["tickersymbol"]});
    assert_eq!(us.post(keys, wanted).await.status, 204);
    let named = json!({"EntityLogicalName": "account", "EntityKeyLogicalName": "new_ticker"});
    assert_eq!(
        us.post("ReactivateEntityKey", named.clone())
            .await
            .refusal()
            .1,
        "0x80060897"
    );
    let status = async || {
        us.control("POST", "clock", Some(json!({"advance_s": 3})))
            .await;
        us.column(keys, "EntityKeyIndexStatus").await
    };
    assert_eq!(status().await, [json!("Active"), json!("Failed")]);
    assert_eq!(us.delete(&format!("accounts({})", id(2))).await.status, 204);
    assert_eq!(us.post("ReactivateEntityKey", named).await.status, 204);
    assert_eq!(status().await, [json!("Active"), json!("Active")]);
    assert_eq!(
        us.get("accounts(tickersymbol='tic')").await.json()["accountid"],
        id(1)
    );
}

#[tokio::test]
async fn a_key_has_the_documented_limits() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let keys = "EntityDefinitions(LogicalName='account')/Keys";
    let create = async |name: &str, columns: &[&str]| {
        us.post(keys, json!({"SchemaName": name, "KeyAttributes": columns}))
            .await
    };
    let invalid = (400, "0x8006088F".to_owned());
    for columns in [
        vec![],
        vec!["description"],
        vec!["creditonhold"],
        vec!["revenue"],
        vec!["new_creditshare"],
        vec!["accountnumber"],
        vec!["name", "name"],
        vec!["name", "address1_line1", "address1_city"],
    ] {
        assert_eq!(
            create("new_key", &columns).await.refusal(),
            invalid,
            "{columns:?}"
        );
    }
    assert_eq!(create("new_key", &["nothing"]).await.refusal().0, 400);
    assert_eq!(create("new key", &["sic"]).await.refusal().0, 400);
    let columns = [
        "sic",
        "tickersymbol",
        "stockexchange",
        "telephone1",
        "emailaddress1",
        "industrycode",
        "ownershipcode",
        "customertypecode",
        "numberofemployees",
    ];
    for (number, column) in columns.iter().enumerate() {
        assert_eq!(
            create(&format!("new_key{number}"), &[column]).await.status,
            204
        );
    }
    assert_eq!(
        create("new_eleventh", &["new_discount"]).await.refusal(),
        invalid
    );
    let secured = json!({"SchemaName": "new_key", "KeyAttributes": ["governmentid"]});
    let secured = us
        .post("EntityDefinitions(LogicalName='contact')/Keys", secured)
        .await;
    assert_eq!(secured.refusal(), invalid);
    assert_eq!(
        us.post("EntityDefinitions", json!({})).await.refusal().0,
        501
    );
}
