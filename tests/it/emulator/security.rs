//! Roles: what a privilege that is missing refuses, what is hidden from whom, who may act for whom.

use serde_json::{Value as Json, json};
use tandem::emulator::{Data, Options, Pair, Scenario, US, user_id};

use super::pipeline::register;
use crate::support::emulated::{Answer, Api, Emulated};

const MISSING: &str = "0x80040220";

fn id(number: u32) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

fn fetch(document: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(document.as_bytes()).collect();
    format!("accounts?fetchXml={encoded}")
}

fn message(answer: &Answer) -> String {
    let message = answer.json()["error"]["message"].clone();
    message.as_str().unwrap_or_default().to_owned()
}

fn missing(answer: &Answer, privilege: &str) {
    assert_eq!(answer.refusal(), (403, MISSING.to_owned()), "{answer:?}");
    let text = message(answer);
    let expected = format!("is missing {privilege} privilege");
    assert!(text.contains(&expected), "{privilege}: {text}");
}

async fn say(api: &Api<'_>, what: Json) -> Json {
    api.control("POST", "roles", Some(what)).await
}

/// A client with a role.
async fn client<'e>(api: &Api<'e>, name: &str, role: &str) -> Api<'e> {
    let client = api.signed_in(name).await;
    say(api, json!({"client": name, "role": role})).await;
    client
}

/// A client with a role of its own.
async fn custom<'e>(api: &Api<'e>, privileges: Json) -> Api<'e> {
    let client = api.signed_in("special").await;
    let role = json!({"client": "special", "role": "Special", "privileges": privileges});
    say(api, role).await;
    client
}

async fn three_accounts(api: &Api<'_>) {
    for number in 1..=3 {
        let name = format!("account {number}");
        api.account(&id(number), json!({"name": name})).await;
    }
}

#[tokio::test]
async fn a_reader_reads_and_writes_nothing() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    three_accounts(&us).await;
    let reader = client(&us, "reader", "read-only").await;
    let row = format!("accounts({})", id(1));
    for path in [
        "accounts",
        row.as_str(),
        "systemusers",
        "WhoAmI",
        "accounts/$count",
    ] {
        assert_eq!(reader.get(path).await.status, 200, "{path}");
    }
    let name = json!({"name": "b"});
    missing(
        &reader.post("accounts", name.clone()).await,
        "prvCreateAccount",
    );
    missing(&reader.patch(&row, name.clone()).await, "prvWriteAccount");
    missing(&reader.delete(&row).await, "prvDeleteAccount");
    let new = format!("accounts({})", id(9));
    missing(&reader.patch(&new, name).await, "prvCreateAccount");
    let property = format!("{row}/name");
    let put = reader
        .send("PUT", &property, &[], Some(json!({"value": "b"})))
        .await;
    missing(&put, "prvWriteAccount");
    missing(&reader.delete(&property).await, "prvWriteAccount");
    let target = json!({"@odata.id": format!("{}/api/data/v9.2/accounts({})", us.origin, id(2))});
    let reference = format!("{row}/parentaccountid/$ref");
    let put = reader.send("PUT", &reference, &[], Some(target)).await;
    missing(&put, "prvWriteAccount");
    let text = message(&reader.delete(&row).await);
    let user = user_id(US, "reader");
    assert!(
        text.starts_with(&format!("Principal user (Id={user}, type=8"))
            && text.contains("on OTC=1 for entity 'account'"),
        "{text}"
    );
    assert_eq!(
        us.column("accounts", "name").await.len(),
        3,
        "nothing was written"
    );
    assert_eq!(us.delete(&row).await.status, 204, "an administrator may");
}

#[tokio::test]
async fn every_message_for_many_rows_is_checked_as_well() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let synced = client(&us, "tandem-sync", "Sync User").await;
    let deep = json!({"name": "a", "contact_customer_accounts": [{"lastname": "b"}]});
    assert_eq!(synced.post("accounts", deep).await.status, 204);
    let ticket = json!({"name": "c", "incident_customer_accounts": [{"title": "d"}]});
    missing(&synced.post("accounts", ticket).await, "prvCreateIncident");
    assert_eq!(
        us.column("accounts", "name").await,
        ["a"],
        "all of it or nothing"
    );

    let reader = client(&us, "reader", "Read Only").await;
    let target = json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "e"});
    for kind in ["CreateMultiple", "UpsertMultiple"] {
        let path = format!("accounts/Microsoft.Dynamics.CRM.{kind}");
        let mut target = target.clone();
        if kind == "UpsertMultiple" {
            target["accountid"] = json!(id(1));
        }
        let answer = reader.post(&path, json!({"Targets": [target]})).await;
        missing(&answer, "prvCreateAccount");
    }
    let batch = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
                 POST /api/data/v9.2/accounts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"name\":\"f\"}\r\n--b--\r\n";
    let sent = reader
        .request("POST", &reader.url("$batch"))
        .header("content-type", "multipart/mixed;boundary=b")
        .body(batch)
        .send()
        .await
        .unwrap();
    let text = sent.text().await.unwrap();
    assert!(
        text.contains("HTTP/1.1 403") && text.contains("prvCreateAccount"),
        "{text}"
    );
    assert_eq!(us.column("accounts", "name").await, ["a"]);
}

#[tokio::test]
async fn a_table_that_may_not_be_read_is_refused_wherever_it_is_named() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let contact = json!({"lastname": "b", "contactid": id(7)});
    us.account(&id(1), json!({"name": "a", "primarycontactid": contact}))
        .await;
    let blind = custom(&us, json!({"prvReadAccount": "organization"})).await;
    assert_eq!(blind.column("accounts", "name").await, ["a"]);
    let join = "<fetch><entity name='account'><attribute name='name'/>\
                <link-entity name='contact' from='contactid' to='primarycontactid'/></entity></fetch>";
    let sql = "accounts?sql=SELECT a.name FROM account a JOIN contact c ON a.primarycontactid = c.contactid";
    for path in [
        "contacts".to_owned(),
        "contacts/$count".to_owned(),
        format!("contacts({})", id(7)),
        format!("contacts({})/lastname", id(7)),
        format!("accounts({})/primarycontactid", id(1)),
        format!("accounts({})/contact_customer_accounts", id(1)),
        "accounts?$expand=primarycontactid".to_owned(),
        "accounts?$expand=contact_customer_accounts".to_owned(),
        "accounts?$filter=primarycontactid/lastname eq 'b'".to_owned(),
        "accounts?$filter=contact_customer_accounts/any(c:c/lastname eq 'b')".to_owned(),
        "accounts?$orderby=primarycontactid/lastname".to_owned(),
        "accounts?$apply=groupby((primarycontactid/lastname))".to_owned(),
        fetch(join),
        sql.to_owned(),
        "RetrieveTotalRecordCount(EntityNames=@p)?@p=[\"contact\"]".to_owned(),
    ] {
        missing(&blind.get(&path).await, "prvReadContact");
        assert_ne!(us.get(&path).await.status, 403, "{path}");
    }
    let named = blind
        .send(
            "GET",
            "accounts?$select=_primarycontactid_value",
            &[("prefer", "odata.include-annotations=\"*\"")],
            None,
        )
        .await
        .json();
    assert_eq!(
        named["value"][0]["_primarycontactid_value@OData.Community.Display.V1.FormattedValue"], "b",
        "the name of what a lookup names is no secret"
    );
}

#[tokio::test]
async fn who_sees_only_his_own_rows_sees_no_others() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    three_accounts(&us).await;
    let basic = client(&us, "basic", "Basic User").await;
    basic
        .account(
            &id(4),
            json!({"name": "own", "parentaccountid@odata.bind": null}),
        )
        .await;
    assert_eq!(basic.column("accounts", "name").await, ["own"]);
    let counted = basic.get("accounts?$count=true&$top=1").await.json();
    assert_eq!(counted["@odata.count"], 1);
    assert_eq!(basic.get("accounts/$count").await.text, "\u{feff}1");
    let grouped = basic
        .get("accounts?$apply=aggregate($count as n)")
        .await
        .json();
    assert_eq!(grouped["value"][0]["n"], 1);
    let all = "<fetch><entity name='account'><attribute name='name'/></entity></fetch>";
    assert_eq!(basic.column(&fetch(all), "name").await, ["own"]);
    let sql = "accounts?sql=SELECT name FROM account";
    assert_eq!(basic.column(sql, "name").await, ["own"]);

    let foreign = format!("accounts({})", id(1));
    for answer in [
        basic.get(&foreign).await,
        basic.get(&format!("{foreign}/name")).await,
        basic.patch(&foreign, json!({"name": "b"})).await,
        basic.delete(&foreign).await,
    ] {
        assert_eq!(answer.refusal(), (403, MISSING.to_owned()), "{answer:?}");
        assert!(message(&answer).contains("AccessCheckEx"), "{answer:?}");
    }
    let create_only = [("if-none-match", "*")];
    let created = basic
        .send("PATCH", &foreign, &create_only, Some(json!({"name": "b"})))
        .await;
    assert_eq!(created.refusal(), (412, "0x80040237".to_owned()));
    let again = json!({"accountid": id(1), "name": "b"});
    let again = basic.post("accounts", again).await;
    assert_eq!(again.refusal(), (412, "0x80040237".to_owned()));
    let bound = json!({"parentaccountid@odata.bind": format!("/accounts({})", id(1))});
    let bound = basic.patch(&format!("accounts({})", id(4)), bound).await;
    assert!(message(&bound).contains("AppendToAccess"), "{bound:?}");

    let track = [("prefer", "odata.track-changes")];
    missing(
        &basic.send("GET", "accounts", &track, None).await,
        "prvReadAccount",
    );
    let reader = client(&us, "reader", "Read Only").await;
    let tracked = reader.send("GET", "accounts", &track, None).await.json();
    assert_eq!(tracked["value"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn hidden_rows_are_hidden_from_all_but_administrators() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    three_accounts(&us).await;
    let child =
        json!({"name": "child", "parentaccountid@odata.bind": format!("/accounts({})", id(2))});
    us.account(&id(5), child).await;
    let synced = client(&us, "tandem-sync", "sync-user").await;
    say(&us, json!({"hide": {"table": "account", "ids": [id(2)]}})).await;
    let seen = synced.column("accounts?$orderby=name", "name").await;
    assert_eq!(seen, ["account 1", "account 3", "child"]);
    let expanded = synced
        .get(&format!("accounts({})?$expand=parentaccountid", id(5)))
        .await;
    assert_eq!(expanded.json()["parentaccountid"], Json::Null);
    let by_id = format!("accounts?$filter=accountid eq {}", id(2));
    assert_eq!(synced.column(&by_id, "name").await, [] as [Json; 0]);
    let behind = "accounts?$filter=parentaccountid/name eq 'account 2'";
    assert_eq!(synced.column(behind, "name").await, [] as [Json; 0]);
    assert_eq!(us.column(behind, "name").await, ["child"]);
    let track = [("prefer", "odata.track-changes")];
    let tracked = synced.send("GET", "accounts", &track, None).await.json();
    assert_eq!(tracked["value"].as_array().map(Vec::len), Some(3));
    let hidden = format!("accounts({})", id(2));
    assert_eq!(synced.get(&hidden).await.status, 403);
    let upsert = synced.patch(&hidden, json!({"name": "b"})).await;
    assert_eq!(upsert.refusal(), (403, MISSING.to_owned()));
    let create = synced
        .post("accounts", json!({"accountid": id(2), "name": "b"}))
        .await;
    assert_eq!(create.refusal(), (412, "0x80040237".to_owned()));
    assert_eq!(us.column("accounts", "name").await.len(), 4);

    say(&us, json!({"hide": {"table": "account", "share": 1.0}})).await;
    assert_eq!(synced.get("accounts/$count").await.text, "\u{feff}0");
    us.control("DELETE", "roles", None).await;
    assert_eq!(synced.get("accounts/$count").await.text, "\u{feff}4");
    assert_eq!(
        synced.delete(&hidden).await.status,
        204,
        "everybody is an administrator again"
    );
}

#[tokio::test]
async fn a_share_hides_about_so_many_and_always_the_same() {
    let emulated = Emulated::with(Options {
        data: Data::Many {
            records: 2000,
            drift: 0.0,
        },
        ..Options::default()
    })
    .await;
    let us = emulated.us();
    let reader = client(&us, "reader", "Read Only").await;
    say(&us, json!({"hide": {"table": "account", "share": 0.1}})).await;
    let path = "accounts?$select=accountid";
    let seen = reader.column(path, "accountid").await;
    assert!((1700..1900).contains(&seen.len()), "{}", seen.len());
    assert_eq!(reader.column(path, "accountid").await, seen);
    assert_eq!(us.column(path, "accountid").await.len(), 2000);
}

#[tokio::test]
async fn secured_columns_are_empty_for_readers_and_closed_to_writers() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let secret = json!({"contactid": id(1), "lastname": "a", "governmentid": "secret"});
    assert_eq!(us.post("contacts", secret.clone()).await.status, 204);
    let row = format!("contacts({})", id(1));
    let synced = client(&us, "tandem-sync", "Sync User").await;
    let sql = "contacts?sql=SELECT governmentid FROM contact";
    let all = "<fetch><entity name='contact'><attribute name='governmentid'/></entity></fetch>";
    let all = fetch(all).replace("accounts", "contacts");
    for path in ["contacts?$select=governmentid", "contacts", sql, &all] {
        assert_eq!(
            synced.column(path, "governmentid").await,
            [Json::Null],
            "{path}"
        );
        assert_eq!(us.column(path, "governmentid").await, ["secret"], "{path}");
    }
    let one = synced
        .get(&format!("{row}?$select=governmentid,lastname"))
        .await
        .json();
    assert_eq!(
        (&one["governmentid"], &one["lastname"]),
        (&Json::Null, &json!("a"))
    );
    assert_eq!(synced.get(&format!("{row}/governmentid")).await.status, 204);
    let found = "contacts?$filter=governmentid eq 'secret'";
    assert_eq!(synced.column(found, "lastname").await, [] as [Json; 0]);
    let update = synced.patch(&row, json!({"governmentid": "b"})).await;
    assert_eq!(update.refusal(), (403, "0x8004f507".to_owned()));
    let create = synced
        .post("contacts", json!({"lastname": "b", "governmentid": "b"}))
        .await;
    assert_eq!(create.refusal(), (403, "0x8004f502".to_owned()));
    let shown = [("prefer", "return=representation")];
    let changed = synced
        .send("PATCH", &row, &shown, Some(json!({"lastname": "c"})))
        .await;
    assert_eq!(changed.json()["governmentid"], Json::Null);
    assert_eq!(us.get(&row).await.json()["governmentid"], "secret");
}

#[tokio::test]
async fn bypassing_and_backdating_take_a_privilege() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    register(&us, "Create", "account", "refuse", json!({"stage": 20})).await;
    let body = json!({"name": "a"});
    let synced = client(&us, "tandem-sync", "Sync User").await;
    for (header, value, privilege) in [
        (
            "MSCRM.BypassBusinessLogicExecution",
            "CustomSync",
            "prvBypassCustomBusinessLogic",
        ),
        (
            "MSCRM.BypassBusinessLogicExecutionStepIds",
            &id(1),
            "prvBypassCustomBusinessLogic",
        ),
        (
            "MSCRM.BypassCustomPluginExecution",
            "true",
            "prvBypassCustomPlugins",
        ),
    ] {
        let answer = synced
            .send("POST", "accounts", &[(header, value)], Some(body.clone()))
            .await;
        missing(&answer, privilege);
    }
    let allowed = json!({
        "prvCreateAccount": "organization",
        "prvBypassCustomPlugins": "organization",
    });
    let special = custom(&us, allowed).await;
    let bypass = [("MSCRM.BypassCustomPluginExecution", "true")];
    let answer = special.send("POST", "accounts", &bypass, Some(body)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let old = json!({"name": "b", "overriddencreatedon": "2020-01-01"});
    let answer = special
        .send("POST", "accounts", &bypass, Some(old.clone()))
        .await;
    missing(&answer, "prvOverrideCreatedOnCreatedBy");
    let answer = us.send("POST", "accounts", &bypass, Some(old)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

#[tokio::test]
async fn one_acts_for_another_as_far_as_both_may() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let reader = client(&us, "reader", "Read Only").await;
    let synced = client(&us, "tandem-sync", "Sync User").await;
    let (reading, syncing) = (user_id(US, "reader"), user_id(US, "tandem-sync"));
    let for_sync = [("MSCRMCallerID", syncing.to_string())];
    let for_sync = [(for_sync[0].0, for_sync[0].1.as_str())];
    let body = json!({"accountid": id(1), "name": "a"});
    let refused = reader
        .send("POST", "accounts", &for_sync, Some(body.clone()))
        .await;
    assert_eq!(refused.refusal(), (403, "0x8004a110".to_owned()));

    let made = us.send("POST", "accounts", &for_sync, Some(body)).await;
    assert_eq!(made.status, 204, "{made:?}");
    let row = format!("accounts({})", id(1));
    let shown = us.get(&row).await.json();
    let own = user_id(US, "tandem").to_string();
    for (column, user) in [
        ("_createdby_value", syncing.to_string()),
        ("_modifiedby_value", syncing.to_string()),
        ("_ownerid_value", syncing.to_string()),
        ("_createdonbehalfby_value", own.clone()),
        ("_modifiedonbehalfby_value", own),
    ] {
        assert_eq!(shown[column], user, "{column}");
    }
    assert_eq!(us.patch(&row, json!({"name": "b"})).await.status, 204);
    let shown = us.get(&row).await.json();
    assert_eq!(shown["_modifiedonbehalfby_value"], Json::Null);
    assert_ne!(shown["_createdonbehalfby_value"], Json::Null);

    let who = us.send("GET", "WhoAmI", &for_sync, None).await.json();
    assert_eq!(who["UserId"], syncing.to_string());
    let for_reader = reading.to_string();
    let as_reader = [("MSCRMCallerID", for_reader.as_str())];
    let refused = us
        .send("PATCH", &row, &as_reader, Some(json!({"name": "c"})))
        .await;
    missing(&refused, "prvWriteAccount");
    let object = us.get(&format!("systemusers({syncing})")).await.json();
    let object = object["azureactivedirectoryobjectid"]
        .as_str()
        .unwrap()
        .to_owned();
    let who = us
        .send("GET", "WhoAmI", &[("CallerObjectId", &object)], None)
        .await;
    assert_eq!(who.json()["UserId"], syncing.to_string());
    let nobody = us
        .send("GET", "WhoAmI", &[("MSCRMCallerID", &id(9))], None)
        .await;
    assert_eq!(nobody.refusal(), (403, "0x80072560".to_owned()));
    let nonsense = us
        .send("GET", "WhoAmI", &[("MSCRMCallerID", "me")], None)
        .await;
    assert_eq!(nonsense.status, 400);
    // The rights of both count: who may act for others but write nothing writes nothing for others either.
    let delegate = custom(&us, json!({"prvActOnBehalfOfAnotherUser": "organization"})).await;
    let refused = delegate
        .send("PATCH", &row, &for_sync, Some(json!({"name": "c"})))
        .await;
    missing(&refused, "prvWriteAccount");
    assert_eq!(synced.patch(&row, json!({"name": "c"})).await.status, 204);
}

#[tokio::test]
async fn without_a_role_or_disabled_nobody_comes_in() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let app = client(&us, "app", "none").await;
    let refused = app.get("WhoAmI").await;
    assert_eq!(refused.refusal(), (403, "0x80042f09".to_owned()));
    say(&us, json!({"client": "app", "role": "read-only"})).await;
    assert_eq!(app.get("WhoAmI").await.status, 200);
    let user = format!("systemusers({})", user_id(US, "app"));
    assert_eq!(
        us.patch(&user, json!({"isdisabled": true})).await.status,
        204
    );
    assert_eq!(
        app.get("WhoAmI").await.refusal(),
        (403, "0x80040225".to_owned())
    );
    assert_eq!(
        us.patch(&user, json!({"isdisabled": false})).await.status,
        204
    );
    assert_eq!(app.get("WhoAmI").await.status, 200);
    missing(
        &app.patch(&user, json!({"title": "x"})).await,
        "prvWriteUser",
    );
}

#[tokio::test]
async fn roles_are_told_restored_and_checked_for_sense() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.control("POST", "backup", None).await;
    let app = client(&us, "lob-app", "Read Only").await;
    let list = us.control("GET", "roles", None).await;
    let users = list["users"].as_array().unwrap();
    let role_of = |name: &str| {
        let user = users.iter().find(|user| user["user"] == name);
        user.map(|user| user["roles"].clone()).unwrap_or_default()
    };
    assert_eq!(role_of("Ticket app"), json!(["Read Only"]));
    assert_eq!(role_of("Dana Whitfield"), json!(["System Administrator"]));
    missing(
        &app.post("accounts", json!({"name": "a"})).await,
        "prvCreateAccount",
    );
    us.control("POST", "restore", None).await;
    assert_eq!(app.post("accounts", json!({"name": "a"})).await.status, 204);
    let url = format!("{}/emulator/roles", us.origin);
    for wrong in [
        json!({}),
        json!({"client": "app"}),
        json!({"role": "read-only"}),
        json!({"client": "app", "role": "king"}),
        json!({"role": "x", "privileges": {"prvReadNothing": "organization"}}),
        json!({"role": "x", "privileges": {"prvReadAccount": "deep"}}),
        json!({"client": "app", "role": "read-only", "privileges": {}}),
        json!({"hide": {"table": "acount", "share": 0.1}}),
        json!({"hide": {"table": "account"}}),
        json!({"hide": {"table": "account", "share": 2}}),
        json!({"hide": {"table": "account", "share": 0.5, "ids": [id(1)]}}),
    ] {
        let answer = us.send("POST", &url, &[], Some(wrong.clone())).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    let other = us.as_bearer("wrong");
    assert_eq!(other.send("GET", &url, &[], None).await.status, 401);
}

#[tokio::test]
async fn options_and_scenarios_give_roles_too() {
    let emulated = Emulated::with(Options {
        data: Data::Empty,
        roles: [("app".to_owned(), "read-only".to_owned())].into(),
        ..Options::default()
    })
    .await;
    for api in [emulated.us(), emulated.europe()] {
        let app = api.signed_in("app").await;
        missing(
            &app.post("accounts", json!({"name": "a"})).await,
            "prvCreateAccount",
        );
    }
    let wrong = Pair::bind(Options {
        roles: [("app".to_owned(), "king".to_owned())].into(),
        ..Options::default()
    });
    assert!(wrong.await.is_err());

    let scenario = r#"
        story = "A sync that may not read contacts in Europe."
        [[security.europe]]
        client = "tandem-sync"
        role = "Accounts"
        privileges = { prvReadAccount = "organization" }
        [[security.europe]]
        hide = { table = "account", share = 1.0 }
    "#;
    let emulated = Emulated::playing(scenario).await;
    let (us, europe) = (emulated.us(), emulated.europe());
    europe.account(&id(1), json!({"name": "a"})).await;
    let synced = europe.signed_in("tandem-sync").await;
    missing(&synced.get("contacts").await, "prvReadContact");
    assert_eq!(synced.column("accounts", "name").await, [] as [Json; 0]);
    let synced = us.signed_in("tandem-sync").await;
    assert_eq!(synced.get("contacts").await.status, 200);
    let wrong = scenario.replace("role = \"Accounts\"", "role = \"Sync User\"");
    assert!(Scenario::load(&wrong).is_err());
}
