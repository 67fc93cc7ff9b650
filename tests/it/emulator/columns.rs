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
        ("roles", 4),
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

#[tokio::test]
async fn every_kind_of_column_takes_its_own_and_refuses_the_rest() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let row = created(
        &us,
        "accounts",
        json!({
            "name": "a", "new_discount": 12.345, "address1_latitude": 48.123_456_78, "new_serviceregions": "100000003, 100000001",
            "new_auditon": "2026-03-01T08:00:00Z", "new_visitduration": 90, "creditlimit": 50, "revenue": 200,
            "address1_city": "Delft", "address1_country": "NL",
        }),
    )
    .await;
    for (column, value) in [
        ("new_discount", json!(12.34)),
        ("address1_latitude", json!(48.12346)),
        ("new_serviceregions", json!("100000001,100000003")),
        ("new_auditon", json!("2026-03-01T08:00:00Z")),
        ("new_creditshare", json!(0.25)),
        ("address1_composite", json!("Delft\r\nNL")),
        ("preferredcontactmethodcode", json!(1)),
        ("creditonhold", json!(false)),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
    let contact = json!({"lastname": "x", "birthdate": "1970-02-28", "anniversary": null});
    assert_eq!(
        created(&us, "contacts", contact).await["birthdate"],
        "1970-02-28"
    );
    for (set, column, value, code) in [
        ("accounts", "new_discount", json!(100.01), "0x8004431a"),
        ("accounts", "new_discount", json!("12"), "0x80048d19"),
        ("accounts", "address1_latitude", json!(90.5), "0x8004431a"),
        (
            "accounts",
            "new_serviceregions",
            json!("100000009"),
            "0x8004431a",
        ),
        ("accounts", "new_serviceregions", json!([1]), "0x80048d19"),
        ("accounts", "new_serviceregions", json!("a"), "0x80048d19"),
        ("accounts", "revenue", json!(-1), "0x8004431a"),
        ("accounts", "industrycode", json!(34), "0x8004431a"),
        (
            "accounts",
            "lastonholdtime",
            json!("1700-01-01T00:00:00Z"),
            "0x80040239",
        ),
        ("contacts", "birthdate", json!("1970-02-30"), "0x80048d19"),
        (
            "contacts",
            "birthdate",
            json!("1970-02-28T00:00:00Z"),
            "0x80048d19",
        ),
        ("contacts", "birthdate", json!("1600-01-01"), "0x80040239"),
        ("contacts", "gendercode", json!(3), "0x8004431a"),
    ] {
        let answer = us.post(set, json!({column: value})).await;
        assert_eq!(
            answer.refusal(),
            (400, code.to_owned()),
            "{column} {value}: {answer:?}"
        );
    }
    // What can't be written is left out, as Dataverse leaves it out.
    let ignored = json!({"name": "b", "new_creditshare": 9, "revenue_base": 9, "exchangerate": 9, "address1_composite": "x"});
    let row = created(&us, "accounts", ignored).await;
    for column in [
        "new_creditshare",
        "revenue_base",
        "exchangerate",
        "address1_composite",
    ] {
        assert_eq!(row[column], Json::Null, "{column}");
    }
}

#[tokio::test]
async fn a_person_sees_values_in_words() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let euro = us
        .column(
            "transactioncurrencies?$filter=isocurrencycode%20eq%20%27EUR%27",
            "transactioncurrencyid",
        )
        .await;
    let bind = format!("/transactioncurrencies({})", euro[0].as_str().unwrap());
    let body = json!({
        "accountid": id(1), "name": "a", "new_discount": 12.3, "new_serviceregions": "100000001,100000003",
        "new_visitduration": 90, "revenue": 1000, "transactioncurrencyid@odata.bind": bind, "address1_latitude": 48.5,
    });
    us.post("accounts", body).await;
    us.post(
        "contacts",
        json!({"contactid": id(2), "lastname": "x", "birthdate": "1970-02-28"}),
    )
    .await;
    let prefer = [("prefer", "odata.include-annotations=\"*\"")];
    for (row, column, text) in [
        (format!("accounts({})", id(1)), "new_discount", "12.30"),
        (
            format!("accounts({})", id(1)),
            "new_serviceregions",
            "East; West",
        ),
        (
            format!("accounts({})", id(1)),
            "new_visitduration",
            "1.5 hours",
        ),
        (format!("accounts({})", id(1)), "revenue", "€1,000.00"),
        (
            format!("accounts({})", id(1)),
            "revenue_base",
            "$1,250.0000",
        ),
        (format!("accounts({})", id(1)), "donotemail", "Allow"),
        (format!("contacts({})", id(2)), "birthdate", "2/28/1970"),
    ] {
        let answer = us.send("GET", &row, &prefer, None).await.json();
        assert_eq!(
            answer[format!("{column}@OData.Community.Display.V1.FormattedValue")],
            text,
            "{column}"
        );
    }
}

#[tokio::test]
async fn the_owner_decides_user_team_and_unit() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let row = format!("accounts({})", id(1));
    let account = us.get(&row).await.json();
    assert_eq!(account["_owninguser_value"], account["_ownerid_value"]);
    assert_eq!(
        (
            &account["_owningteam_value"],
            account["_owningbusinessunit_value"].is_string()
        ),
        (&Json::Null, true)
    );
    let unit =
        created(&us, "businessunits", json!({"name": "North"})).await["businessunitid"].clone();
    let bind = format!("/businessunits({})", unit.as_str().unwrap());
    let team = created(
        &us,
        "teams",
        json!({"name": "T", "businessunitid@odata.bind": bind}),
    )
    .await;
    let bind = format!("/teams({})", team["teamid"].as_str().unwrap());
    assert_eq!(
        us.patch(&row, json!({"ownerid@odata.bind": bind}))
            .await
            .status,
        204
    );
    let account = us.get(&row).await.json();
    assert_eq!(account["_owningteam_value"], team["teamid"]);
    assert_eq!(account["_owninguser_value"], Json::Null);
    assert_eq!(account["_owningbusinessunit_value"], unit);
}

#[tokio::test]
async fn a_ticket_has_a_number_of_its_own_or_one_that_is_given() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let ticket = |number: Option<&str>| json!({"title": "t", "ticketnumber": number, "customerid_account@odata.bind": format!("/accounts({})", id(1))});
    let own = created(&us, "incidents", ticket(None)).await["ticketnumber"].clone();
    let own = own.as_str().unwrap();
    assert!(own.starts_with("CAS-0") && own.len() == 16, "{own}");
    let given = created(&us, "incidents", ticket(Some("MIG-7"))).await;
    assert_eq!(given["ticketnumber"], "MIG-7");
    let row = format!("incidents({})", given["incidentid"].as_str().unwrap());
    assert_eq!(
        us.patch(&row, json!({"ticketnumber": "other"}))
            .await
            .status,
        204
    );
    assert_eq!(us.get(&row).await.json()["ticketnumber"], "MIG-7");
}

#[tokio::test]
async fn money_is_converted_anew_when_it_is_written_and_not_otherwise() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let currency = us
        .column(
            "transactioncurrencies?$filter=isocurrencycode%20eq%20%27EUR%27",
            "transactioncurrencyid",
        )
        .await;
    let currency = format!("transactioncurrencies({})", currency[0].as_str().unwrap());
    us.account(&id(1), json!({"name": "a", "revenue": 100, "transactioncurrencyid@odata.bind": format!("/{currency}")})).await;
    assert_eq!(
        us.patch(&currency, json!({"exchangerate": 0.5}))
            .await
            .status,
        204
    );
    let row = format!("accounts({})", id(1));
    let base = async |body: Json| {
        assert_eq!(us.patch(&row, body).await.status, 204);
        us.get(&row).await.json()["revenue_base"].clone()
    };
    assert_eq!(base(json!({"name": "b"})).await, 125.0);
    assert_eq!(base(json!({"revenue": 100})).await, 200.0);
    assert_eq!(base(json!({"revenue": null})).await, Json::Null);
}

#[tokio::test]
async fn the_instances_differ_where_a_scenario_says_so() {
    let story = r#"
story = "Europe is stricter."
[[schema.europe]]
enforce_application_required = true
[[schema.europe]]
table = "account"
column = "name"
max = 5
[[schema.europe]]
table = "account"
column = "industrycode"
without_options = [3]
[[schema.europe]]
table = "account"
change_tracking = false
without_key = "account_number_key"
key = "new_ticker"
columns = ["tickersymbol"]
"#;
    let emulated = Emulated::playing(story).await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let long = json!({"name": "longer", "industrycode": 3});
    assert_eq!(us.post("accounts", long.clone()).await.status, 204);
    assert_eq!(
        europe.post("accounts", long).await.refusal().1,
        "0x80044331"
    );
    assert_eq!(
        europe
            .post("accounts", json!({"name": "a", "industrycode": 3}))
            .await
            .refusal()
            .1,
        "0x8004431a"
    );
    assert_eq!(
        us.post("accounts", json!({"accountnumber": "1"}))
            .await
            .status,
        204
    );
    assert_eq!(
        europe
            .post("accounts", json!({"accountnumber": "1"}))
            .await
            .refusal()
            .1,
        "0x80040200"
    );
    assert_eq!(
        europe
            .post(
                "accounts",
                json!({"accountid": id(1), "name": "a", "tickersymbol": "T"})
            )
            .await
            .status,
        204
    );
    assert_eq!(
        europe.get("accounts(tickersymbol='T')").await.json()["accountid"],
        id(1)
    );
    assert_eq!(europe.get("accounts(accountnumber='1')").await.status, 400);
    let keys = "EntityDefinitions(LogicalName='account')/Keys";
    assert_eq!(
        europe.column(keys, "SchemaName").await,
        [json!("new_ticker")]
    );
    let tracked = "EntityDefinitions(LogicalName='account')?$select=ChangeTrackingEnabled";
    assert_eq!(
        europe.get(tracked).await.json()["ChangeTrackingEnabled"],
        false
    );
    for wrong in [
        "[[schema.us]]\ntable = \"nothing\"",
        "[[schema.us]]\ntable = \"account\"\ncolumn = \"nothing\"",
        "[[schema.us]]\ntable = \"account\"\ncolumn = \"creditonhold\"\nmax = 3",
        "[[schema.us]]\nmax = 3",
    ] {
        let text = format!("story = \"\"\n{wrong}");
        assert!(tandem::emulator::Scenario::load(&text).is_err(), "{wrong}");
    }
}
