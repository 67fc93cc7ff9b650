//! Lists: filters and their precedence, order, pages, counts, annotations.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::Emulated;

async fn alphabet() -> Emulated {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.post(
        "contacts",
        json!({"contactid": id(90), "firstname": "Ada", "lastname": "Lovelace"}),
    )
    .await;
    let rows = [
        (
            1,
            json!({"name": "Alpha", "accountnumber": "A-1", "numberofemployees": 10, "address1_city": "Berlin", "revenue": 1.5}),
        ),
        (
            2,
            json!({"name": "beta", "accountnumber": "A-2", "numberofemployees": 20, "address1_city": "Paris"}),
        ),
        (
            3,
            json!({"name": "Gamma 100%", "accountnumber": "A-3", "numberofemployees": 30, "address1_city": "Paris", "creditonhold": true}),
        ),
        (
            4,
            json!({"name": "Delta (and) O'Brien", "numberofemployees": 40, "customertypecode": 3, "primarycontactid@odata.bind": format!("/contacts({})", id(90))}),
        ),
        (5, json!({"name": "Epsilon", "accountnumber": "Epsilon"})),
    ];
    for (number, row) in rows {
        us.account(&id(number), row).await;
    }
    emulated
}

fn encoded(filter: &str) -> String {
    format!(
        "accounts?$select=name&$filter={}",
        url::form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>()
    )
}

#[tokio::test]
async fn filters_choose_the_rows_they_say() {
    let emulated = alphabet().await;
    let us = emulated.us();
    let first = id(1);
    let ids = format!(
        "Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=[\"{}\",\"{}\",\"{}\"])",
        id(5),
        id(2),
        id(77)
    );
    let cases: Vec<(&str, &[u32])> = vec![
        ("name eq 'alpha'", &[1]),
        ("name eq 'Alpha '", &[1]),
        ("'Alpha' eq name", &[1]),
        ("name ne 'Alpha'", &[2, 3, 4, 5]),
        (
            "numberofemployees gt 10 and numberofemployees le 30",
            &[2, 3],
        ),
        ("20 lt numberofemployees", &[3, 4]),
        ("numberofemployees eq null", &[5]),
        ("accountnumber ne null", &[1, 2, 3, 5]),
        ("address1_city ne 'Paris'", &[1, 4, 5]),
        // `and` binds before `or`; `not` before both.
        (
            "name eq 'Alpha' or address1_city eq 'Paris' and numberofemployees eq 30",
            &[1, 3],
        ),
        (
            "(name eq 'Alpha' or address1_city eq 'Paris') and numberofemployees eq 30",
            &[3],
        ),
        ("not (name eq 'Alpha') and numberofemployees lt 30", &[2]),
        ("not (name eq 'Alpha' or numberofemployees gt 10)", &[5]),
        ("not contains(name,'a')", &[5]),
        ("contains(name,'LPH')", &[1]),
        ("startswith(name,'d') and endswith(name,'brien')", &[4]),
        ("contains(name,'O''Brien')", &[4]),
        ("contains(name,'(and)')", &[4]),
        ("contains(name,'100[%]')", &[3]),
        ("startswith(name,'[ab]')", &[1, 2]),
        ("startswith(name,'[^a-d]')", &[3, 5]),
        ("endswith(name,'l_ha')", &[1]),
        ("contains(name,'e%a')", &[2, 4]),
        ("name eq accountnumber", &[5]),
        ("creditonhold eq true", &[3]),
        ("customertypecode eq 3", &[4]),
        ("revenue eq 1.5 or revenue eq 2", &[1]),
        ("primarycontactid/lastname eq 'lovelace'", &[4]),
        (
            "_primarycontactid_value eq 00000000-0000-4000-8000-000000000090",
            &[4],
        ),
        ("_primarycontactid_value ne null", &[4]),
        ("createdon lt 2001-01-01T00:00:00Z", &[]),
        (
            "createdon ge 2001-01-01 and modifiedon ge 2001-01-01T00:00:00+02:00",
            &[1, 2, 3, 4, 5],
        ),
        ("accountid eq 00000000-0000-4000-8000-000000000003", &[3]),
        ("accountnumber eq 'a-2'", &[2]),
        ("accountnumber eq 'a-2' and name eq 'Alpha'", &[]),
        (
            "accountid eq 00000000-0000-4000-8000-000000000002 or accountid eq 00000000-0000-4000-8000-000000000001",
            &[1, 2],
        ),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=['A-1'])",
            &[],
        ),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=[\"a-1\",\"A-3\"])",
            &[1, 3],
        ),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='numberofemployees',PropertyValues=[\"10\",\"40\"])",
            &[1, 4],
        ),
        (
            "Microsoft.Dynamics.CRM.NotIn(PropertyName='accountnumber',PropertyValues=[\"A-1\",\"A-3\"]) and numberofemployees gt 0",
            &[2, 4],
        ),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='primarycontactid',PropertyValues=[\"00000000-0000-4000-8000-000000000090\"])",
            &[4],
        ),
        (&ids, &[2, 5]),
    ];
    for (filter, expected) in cases {
        let answer = us.get(&encoded(filter)).await;
        if filter.contains("['A-1']") {
            assert_eq!(answer.status, 400, "{filter}");
            continue;
        }
        assert_eq!(answer.status, 200, "{filter}: {}", answer.text);
        let rows = answer.json()["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["accountid"].clone())
            .collect::<Vec<_>>();
        assert_eq!(
            rows,
            expected
                .iter()
                .map(|number| json!(id(*number)))
                .collect::<Vec<_>>(),
            "{filter}"
        );
    }
    assert_eq!(
        us.column(
            &format!("accounts?$filter=accountid%20eq%20@p1&@p1={first}"),
            "name"
        )
        .await,
        [json!("Alpha")]
    );
}

#[tokio::test]
async fn a_text_without_an_end_is_found_before_anything_else() {
    let emulated = alphabet().await;
    let us = emulated.us();
    for (filter, position) in [("name eq 'O'Brien'", 21), ("nothing nothing 'x", 22)] {
        let answer = us.get(&encoded(filter)).await;
        assert_eq!(answer.status, 400, "{filter}");
        assert_eq!(
            answer.json()["error"]["message"],
            format!("There is an unterminated literal at position {position} in '{filter}'."),
        );
    }
    let listed =
        "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[\"Delta (and) O'Brien\"])";
    assert_eq!(
        us.column(&encoded(listed), "name").await,
        ["Delta (and) O'Brien"]
    );
}

#[tokio::test]
async fn filters_that_cant_be_read_are_refused() {
    let emulated = alphabet().await;
    let us = emulated.us();
    let deep = format!("{}name eq 'a'{}", "(".repeat(5000), ")".repeat(5000));
    let nots = format!("{}(name eq 'a')", "not ".repeat(5000));
    let cases = [
        "Name eq 'a'",
        "name eq",
        "name eq 'O'Brien'",
        "name eq 'open",
        "name = 'a'",
        "name eq 5",
        "numberofemployees eq 'x'",
        "name eq 'a' and",
        "(name eq 'a'",
        "name eq 'a')",
        "not name eq 'a'",
        "lower(name) eq 'a'",
        "contains(name)",
        "contains(numberofemployees,'1')",
        "nothing/lastname eq 'a'",
        "primarycontactid eq 1",
        "",
        "é eq 'é'",
        "name eq é",
        "not Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[\"a\"])",
        "Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=[\"a\"])",
        "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[1])",
        "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[\"é\"",
        "name eq @p1",
        &deep,
        &nots,
    ];
    for filter in cases {
        let answer = us.get(&encoded(filter)).await;
        assert_eq!(answer.status, 400, "{filter}: {}", answer.text);
    }
}

#[tokio::test]
async fn options_that_dataverse_lacks_are_refused() {
    let emulated = alphabet().await;
    let us = emulated.us();
    for path in [
        "accounts?$skip=1",
        "accounts?$search=a",
        "accounts?$format=json",
        "accounts?top=1",
        "accounts?$Select=name",
        "accounts?$select=Name",
        "accounts?$select=primarycontactid",
        "accounts?$top=-1",
        "accounts?$top=x",
        "accounts?$count=maybe",
        "accounts?$orderby=nothing",
        "accounts?$orderby=name%20up",
        "accounts?$select=name&$select=name",
        "accounts?$skiptoken=nonsense",
        "accounts(00000000-0000-4000-8000-000000000001)?$filter=name%20eq%20'a'",
    ] {
        let answer = us.get(path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn rows_come_in_the_order_that_was_asked_for() {
    let emulated = alphabet().await;
    let us = emulated.us();
    for (order, expected) in [
        ("name", [1, 2, 4, 5, 3]),
        ("name desc", [3, 5, 4, 2, 1]),
        ("address1_city desc,name asc", [2, 3, 1, 4, 5]),
        ("numberofemployees", [5, 1, 2, 3, 4]),
    ] {
        let path = format!("accounts?$orderby={}", order.replace(' ', "%20"));
        let expected: Vec<Json> = expected.iter().map(|number| json!(id(*number))).collect();
        assert_eq!(us.column(&path, "accountid").await, expected, "{order}");
    }
}

#[tokio::test]
async fn without_an_order_rows_come_as_sql_server_sorts_guids() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let sorted = [
        "ffffffff-ffff-4fff-bfff-000000000001",
        "00000000-0000-4000-8000-000000000002",
        "00000000-0000-4000-9000-000000000002",
        "00000000-0000-4001-8000-000000000003",
        "00000000-0000-4100-8000-000000000003",
        "01000000-0000-4000-8000-00000000ff03",
    ];
    for id in sorted.iter().rev() {
        us.account(id, json!({"name": "a"})).await;
    }
    let mut expected: Vec<Json> = sorted.iter().map(|id| json!(id)).collect();
    // The third group is stored with its bytes exchanged, so that 4100 stands before 4001.
    expected.swap(3, 4);
    assert_eq!(us.column("accounts", "accountid").await, expected);
}

#[tokio::test]
async fn pages_hold_every_row_exactly_once_even_while_rows_come_and_go() {
    let emulated = Emulated::demo().await;
    let us = emulated.us();
    let all: BTreeSet<String> = us
        .column("accounts?$select=accountid", "accountid")
        .await
        .iter()
        .map(Json::to_string)
        .collect();
    assert_eq!(all.len(), 503);
    for query in [
        "accounts?$select=name&$count=true",
        "accounts?$select=name&$orderby=address1_city%20desc,numberofemployees",
        "accounts?$filter=numberofemployees%20gt%200%20and%20contains(name,'%25')&$select=name",
        "accounts?$filter=modifiedon%20ge%202001-01-01T00:00:00Z",
    ] {
        let mut next = Some(us.url(query));
        let mut seen = Vec::new();
        let mut pages = 0;
        while let Some(url) = next {
            assert!(url.starts_with(&us.url("accounts?")), "{url}");
            let answer = us
                .send("GET", &url, &[("prefer", "odata.maxpagesize=100")], None)
                .await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("preference-applied")),
                (200, "odata.maxpagesize=100"),
                "{url}: {}",
                answer.text
            );
            let page = answer.json();
            let rows: Vec<String> = page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["accountid"].to_string())
                .collect();
            if pages == 0 {
                // The last row of the page goes away; the next page begins where it stood all the same.
                let gone = rows.last().unwrap().trim_matches('"').to_owned();
                let row = us
                    .get(&format!("accounts({gone})?$select=name,accountnumber"))
                    .await
                    .json();
                us.delete(&format!("accounts({gone})")).await;
                us.account(&gone, json!({"name": row["name"], "accountnumber": row["accountnumber"], "numberofemployees": 1})).await;
            }
            if query.contains("$count") {
                assert_eq!(page["@odata.count"], 503);
            }
            seen.extend(rows);
            pages += 1;
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        assert_eq!(pages, 6, "{query}");
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        assert!(
            once.len() >= 502 && seen.len() - once.len() <= 1,
            "{query}: {} rows, {} of them once",
            seen.len(),
            once.len()
        );
    }
    let top = us.get("accounts?$top=3").await.json();
    assert_eq!(
        (
            top["value"].as_array().unwrap().len(),
            top.get("@odata.nextLink")
        ),
        (3, None)
    );
}

#[tokio::test]
async fn counts_and_annotations_come_where_they_were_asked_for() {
    let emulated = alphabet().await;
    let us = emulated.us();
    let counted = us.get("accounts?$count=true&$top=2").await.json();
    assert_eq!(counted["@odata.count"], 5);
    let count = us
        .get("accounts/$count?$filter=numberofemployees%20gt%2010")
        .await;
    assert_eq!(
        (count.header("content-type"), count.text.as_str()),
        ("text/plain", "\u{feff}3")
    );
    let plain = us.get("accounts?$select=customertypecode").await.text;
    assert!(!plain.contains("FormattedValue"));
    let prefer = [(
        "prefer",
        "odata.maxpagesize=7,odata.include-annotations=\"OData.Community.*\"",
    )];
    let annotated = us
        .send(
            "GET",
            "accounts?$select=customertypecode,revenue,creditonhold",
            &prefer,
            None,
        )
        .await;
    assert_eq!(
        annotated.header("preference-applied"),
        "odata.maxpagesize=7,odata.include-annotations=\"OData.Community.*\""
    );
    let rows = annotated.json()["value"].clone();
    let formatted = |row: usize, column: &str| {
        rows[row][format!("{column}@OData.Community.Display.V1.FormattedValue")].clone()
    };
    assert_eq!(formatted(3, "customertypecode"), "Customer");
    assert_eq!(formatted(0, "revenue"), "$1.50");
    assert_eq!(formatted(0, "creditonhold"), "No");
    assert!(
        rows[0]["_transactioncurrencyid_value"].is_string(),
        "money brings its currency"
    );
    assert!(!annotated.text.contains("lookuplogicalname"));
}

#[tokio::test]
async fn hundreds_of_ids_fit_into_one_url_and_are_found_at_once() {
    let emulated = Emulated::demo().await;
    let us = emulated.us();
    let column = |name: &'static str| {
        let us = us.clone();
        async move { us.column(&format!("contacts?$select={name}"), name).await }
    };
    let ids = column("contactid").await;
    let mails = column("emailaddress1").await;
    for (name, values) in [("contactid", &ids[..600]), ("emailaddress1", &mails[..500])] {
        let list = serde_json::to_string(values).unwrap();
        let filter =
            format!("Microsoft.Dynamics.CRM.In(PropertyName='{name}',PropertyValues={list})");
        let path = format!(
            "contacts?$select={name}&$filter={}",
            url::form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>()
        );
        assert!(path.len() < 32_000, "{}", path.len());
        let start = Instant::now();
        let found = us.column(&path, name).await;
        assert!(found.len() >= values.len(), "{name}: {}", found.len());
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{name}: {:?}",
            start.elapsed()
        );
    }
    let long = format!("accounts?$filter=name%20eq%20'{}'", "x".repeat(33_000));
    assert_eq!(us.get(&long).await.status, 414);
}
