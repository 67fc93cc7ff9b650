//! `CreateMultiple`, `UpdateMultiple` and `UpsertMultiple`: all rows or none, and what their targets must say.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Answer, Api, Emulated};

async fn send(api: &Api<'_>, set: &str, message: &str, targets: Json) -> Answer {
    let path = format!("{set}/Microsoft.Dynamics.CRM.{message}");
    api.post(&path, json!({"Targets": targets})).await
}

fn account(mut body: Json) -> Json {
    body["@odata.type"] = json!("Microsoft.Dynamics.CRM.account");
    body
}

#[tokio::test]
async fn create_multiple_answers_the_ids_in_order() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let targets = json!([
        account(json!({"name": "A", "accountnumber": "A-1"})),
        account(json!({"name": "B", "accountid": id(2)})),
    ]);
    let answer = send(&us, "accounts", "CreateMultiple", targets).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(
        body["@odata.context"],
        us.url("$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse")
    );
    assert_eq!(body["Ids"][1], id(2));
    let first = us
        .get(&format!("accounts({})", body["Ids"][0].as_str().unwrap()))
        .await;
    assert_eq!(first.json()["accountnumber"], "A-1");
}

#[tokio::test]
async fn one_bad_row_undoes_all() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "before"})).await;
    let cases = [
        (
            "CreateMultiple",
            json!([
                account(json!({"name": "A"})),
                account(json!({"name": "x".repeat(161)}))
            ]),
            (400, "0x80044331"),
        ),
        (
            "UpdateMultiple",
            json!([
                account(json!({"accountid": id(1), "name": "after"})),
                account(json!({"accountid": id(404), "name": "none"})),
            ]),
            (404, "0x80040217"),
        ),
        (
            "UpsertMultiple",
            json!([
                account(json!({"accountid": id(2), "name": "new"})),
                account(json!({"accountid": id(2), "name": "again"})),
            ]),
            (400, "0x80040203"),
        ),
    ];
    for (message, targets, expected) in cases {
        let answer = send(&us, "accounts", message, targets).await;
        let (status, code) = answer.refusal();
        assert_eq!(
            (status, code.as_str()),
            expected,
            "{message}: {}",
            answer.text
        );
        assert_eq!(
            us.column("accounts", "name").await,
            [json!("before")],
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_missing_row_in_a_bind_is_told_in_its_own_words() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let target = account(
        json!({"name": "A", "primarycontactid@odata.bind": format!("/contacts({})", id(404))}),
    );
    let answer = send(&us, "accounts", "CreateMultiple", json!([target])).await;
    assert_eq!(answer.refusal(), (404, "0x80040217".to_owned()));
    let text = format!("Contact With Ids = {} Do Not Exist", id(404));
    assert_eq!(answer.json()["error"]["message"], text);
}

#[tokio::test]
async fn upsert_multiple_finds_rows_by_id_and_by_key() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "old", "accountnumber": "O'1"}))
        .await;
    let targets = json!([
        account(
            json!({"@odata.id": "accounts(accountnumber='O''1')", "accountnumber": "ignored", "name": "new"})
        ),
        account(json!({"@odata.id": "accounts(accountnumber='A-2')", "name": "made by key"})),
        account(
            json!({"@odata.id": format!("accounts(accountid={})", id(3)), "name": "made by id"})
        ),
        account(json!({"accountid": id(4), "name": "made by column"})),
    ]);
    let answer = send(&us, "accounts", "UpsertMultiple", targets).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (204, ""),
        "{answer:?}"
    );
    let names = us.column("accounts?$orderby=name", "name").await;
    assert_eq!(
        names,
        [
            json!("made by column"),
            json!("made by id"),
            json!("made by key"),
            json!("new")
        ]
    );
    let numbers = us.column("accounts?$orderby=name", "accountnumber").await;
    assert_eq!(
        numbers,
        [json!(null), json!(null), json!("A-2"), json!("O'1")]
    );

    let twice = account(
        json!({"@odata.id": "accounts(accountnumber='A-5')", "accountnumber": "A-5", "name": "x"}),
    );
    let answer = send(&us, "accounts", "UpsertMultiple", json!([twice])).await;
    assert_eq!(
        answer.refusal(),
        (400, "0x80040216".to_owned()),
        "{answer:?}"
    );
}

#[tokio::test]
async fn update_multiple_tolerates_a_row_twice() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let targets = json!([
        account(json!({"accountid": id(1), "name": "b"})),
        account(json!({"accountid": id(1), "telephone1": "1"})),
    ]);
    let answer = send(&us, "accounts", "UpdateMultiple", targets).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let row = us.get(&format!("accounts({})", id(1))).await.json();
    assert_eq!(
        (&row["name"], &row["telephone1"]),
        (&json!("b"), &json!("1"))
    );
}

#[tokio::test]
async fn targets_must_be_what_the_message_takes() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let path = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
    let typed = account(json!({"name": "A"}));
    let contact = json!({"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": "L"});
    let cases = [
        (path, json!({"Targets": [{"name": "no type"}]}), 400),
        (path, json!({"Targets": [typed, contact]}), 400),
        (path, json!({"Targets": []}), 400),
        (path, json!({"Targets": "x"}), 400),
        (path, json!({"Targets": [1]}), 400),
        (path, json!({"Targets": [typed], "Other": 1}), 400),
        (path, json!({}), 400),
        (
            "accounts/Microsoft.Dynamics.CRM.UpdateMultiple",
            json!({"Targets": [typed]}),
            400,
        ),
        (
            "accounts/Microsoft.Dynamics.CRM.DeleteMultiple",
            json!({"Targets": [typed]}),
            501,
        ),
        ("accounts/Microsoft.Dynamics.CRM.Merge", json!({}), 501),
    ];
    for (path, body, status) in cases {
        let answer = us.post(path, body.clone()).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
    }
    assert_eq!(us.get(path).await.status, 405);
    assert!(us.column("accounts", "name").await.is_empty());
}

#[tokio::test]
async fn the_plug_in_runs_for_every_row() {
    let emulated = Emulated::demo().await;
    let europe = emulated.europe();
    let ticket = |number: u32| {
        let customer = format!("/accounts({})", id(number));
        json!({
            "@odata.type": "Microsoft.Dynamics.CRM.incident",
            "title": "t",
            "customerid_account@odata.bind": customer,
        })
    };
    let answer = send(
        &europe,
        "incidents",
        "CreateMultiple",
        json!([ticket(601), ticket(602)]),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for number in [601, 602] {
        let stub = europe
            .get(&format!("accounts({})", id(number)))
            .await
            .json();
        assert!(
            stub["name"].as_str().unwrap().starts_with("Awaiting sync"),
            "{stub}"
        );
    }
}

#[tokio::test]
async fn a_key_with_a_lookup_makes_a_row_that_names_what_it_says() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let key = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.EntityKeyMetadata", "SchemaName": "new_Mail",
        "DisplayName": {"LocalizedLabels": [{"Label": "Mail", "LanguageCode": 1033}]},
        "KeyAttributes": ["emailaddress1", "parentcustomerid"],
    });
    let made = us
        .post("EntityDefinitions(LogicalName='contact')/Keys", key)
        .await;
    assert_eq!(made.status, 204, "{made:?}");
    us.control("POST", "clock", Some(json!({"advance_s": 60})))
        .await;
    let address = |mail: &str, number: u32| {
        format!(
            "contacts(emailaddress1='{mail}',_parentcustomerid_value={})",
            id(number)
        )
    };
    let alone = us.patch(&address("a@b", 1), json!({"lastname": "x"})).await;
    assert_eq!(alone.status, 204, "{alone:?}");
    let target = |number: u32| json!([{"@odata.type": "Microsoft.Dynamics.CRM.contact", "@odata.id": address("c@d", number), "lastname": "y"}]);
    let many = send(&us, "contacts", "UpsertMultiple", target(1)).await;
    assert_eq!(many.status, 204, "{many:?}");
    let named = us
        .column("contacts?$orderby=lastname", "_parentcustomerid_value")
        .await;
    assert_eq!(named, [json!(id(1)), json!(id(1))]);
    for answer in [
        us.patch(&address("e@f", 404), json!({"lastname": "x"}))
            .await,
        send(&us, "contacts", "UpsertMultiple", target(404)).await,
    ] {
        assert_eq!(answer.refusal(), (404, "0x80040217".to_owned()));
    }
}

#[tokio::test]
async fn a_row_that_is_twice_in_an_upsert_is_found_before_anything_is_written() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a", "accountnumber": "A-1"}))
        .await;
    let by_key = |number: &str| {
        account(json!({"@odata.id": format!("accounts(accountnumber='{number}')"), "name": "x"}))
    };
    let by_id = |number: u32| account(json!({"accountid": id(number), "name": "x"}));
    // What comes behind the duplicate would be refused, if the rows were written one after another.
    let wrong = account(json!({"accountid": "no id", "nonsense": 1}));
    let pairs = [
        [by_id(1), by_key("A-1")],
        [by_key("A-2"), by_key("A-2")],
        [by_id(3), by_id(3)],
    ];
    for [first, second] in pairs {
        let targets = json!([first, wrong, second]);
        let answer = send(&us, "accounts", "UpsertMultiple", targets.clone()).await;
        assert_eq!(
            answer.refusal(),
            (400, "0x80040203".to_owned()),
            "{targets}"
        );
        assert!(answer.text.contains("more than once"), "{}", answer.text);
    }
    assert_eq!(us.column("accounts", "name").await, [json!("a")]);
}

#[tokio::test]
async fn what_key_columns_alone_would_mean_to_an_upsert_is_not_guessed() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let target = account(json!({"accountnumber": "A-1", "name": "a"}));
    let answer = send(&us, "accounts", "UpsertMultiple", json!([target])).await;
    assert_eq!(answer.status, 501, "{answer:?}");
    assert!(us.column("accounts", "name").await.is_empty());
}
