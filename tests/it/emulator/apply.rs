//! `$apply`: groups and totals.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Api, Emulated};

async fn firms() -> Emulated {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.post(
        "contacts",
        json!({"contactid": id(11), "firstname": "Ada", "lastname": "L"}),
    )
    .await;
    let rows = [
        (
            1,
            json!({"name": "A", "address1_city": "Berlin", "revenue": 10.5, "numberofemployees": 3}),
        ),
        (
            2,
            json!({"name": "B", "address1_city": "Paris", "revenue": 1.25, "numberofemployees": 4,
            "primarycontactid@odata.bind": format!("/contacts({})", id(11))}),
        ),
        (
            3,
            json!({"name": "C", "address1_city": "paris", "revenue": 2.0, "numberofemployees": 4}),
        ),
        (4, json!({"name": "D"})),
    ];
    for (number, row) in rows {
        us.account(&id(number), row).await;
    }
    emulated
}

async fn applied(us: &Api<'_>, text: &str) -> Json {
    let path = format!("accounts?$apply={}", text.replace(' ', "%20"));
    let answer = us.get(&path).await;
    assert_eq!(answer.status, 200, "{text}: {}", answer.text);
    answer.json()["value"].clone()
}

#[tokio::test]
async fn totals_leave_nulls_out() {
    let emulated = firms().await;
    let us = emulated.us();
    let text = "aggregate($count as n,revenue with sum as total,revenue with min as least,revenue with max as most,numberofemployees with average as mean,createdon with max as last)";
    let line = applied(&us, text).await[0].clone();
    assert_eq!(line["n"], 4);
    assert_eq!(
        (&line["total"], &line["least"], &line["most"]),
        (&json!(13.75), &json!(1.25), &json!(10.5))
    );
    assert_eq!(line["mean"], 3);
    assert!(line["last"].as_str().unwrap().ends_with('Z'));
    let none = applied(
        &us,
        "filter(name eq 'nobody')/aggregate($count as n,revenue with max as most)",
    )
    .await;
    assert_eq!(none, json!([{"n": 0}]));
}

#[tokio::test]
async fn groups_are_told_by_their_keys() {
    let emulated = firms().await;
    let us = emulated.us();
    let groups = applied(
        &us,
        "groupby((address1_city),aggregate($count as n,revenue with sum as total))",
    )
    .await;
    assert_eq!(
        groups,
        json!([
            {"n": 1, "total": 0},
            {"address1_city": "Berlin", "n": 1, "total": 10.5},
            {"address1_city": "Paris", "n": 2, "total": 3.25},
        ])
    );
    let filtered = applied(&us, "filter(address1_city ne null and numberofemployees gt 3)/groupby((address1_city,statecode))").await;
    assert_eq!(
        filtered,
        json!([{"address1_city": "Paris", "statecode": 0}])
    );
    let flat = applied(
        &us,
        "groupby((primarycontactid/fullname),aggregate($count as n))",
    )
    .await;
    assert_eq!(
        flat,
        json!([{"n": 3}, {"contact_fullname": "Ada L", "n": 1}])
    );
    let sorted = us
        .get("accounts?$apply=groupby((address1_city))&$orderby=address1_city%20desc&$top=1")
        .await;
    assert_eq!(sorted.json()["value"], json!([{"address1_city": "Paris"}]));
}

#[tokio::test]
async fn keys_and_totals_are_formatted() {
    let emulated = firms().await;
    let us = emulated.us();
    let path = "accounts?$apply=groupby((statuscode,_primarycontactid_value),aggregate($count%20as%20n,revenue%20with%20sum%20as%20total))";
    let answer = us
        .send(
            "GET",
            path,
            &[("prefer", "odata.include-annotations=\"*\"")],
            None,
        )
        .await
        .json();
    let line = &answer["value"][1];
    assert_eq!(
        line["statuscode@OData.Community.Display.V1.FormattedValue"],
        "Active"
    );
    assert_eq!(
        line["_primarycontactid_value@OData.Community.Display.V1.FormattedValue"],
        "Ada L"
    );
    assert_eq!(
        line["_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname"],
        "contact"
    );
    assert_eq!(line["n@OData.Community.Display.V1.FormattedValue"], "1");
    assert_eq!(
        line["total@OData.Community.Display.V1.FormattedValue"],
        "$1.25"
    );
}

#[tokio::test]
async fn what_can_not_be_applied_is_refused() {
    let emulated = firms().await;
    let us = emulated.us();
    let cases = [
        ("groupby((createdon))", 400, "dates is not supported"),
        ("aggregate(name with sum as n)", 400, "no sum can be taken"),
        (
            "aggregate(name with max as n)",
            400,
            "no maximum can be taken",
        ),
        ("aggregate(nothing with sum as n)", 400, "named 'nothing'"),
        (
            "aggregate(revenue with median as n)",
            400,
            "'median' is not supported",
        ),
        (
            "aggregate(revenue with countdistinct as n)",
            501,
            "countdistinct",
        ),
        ("aggregate(revenue with sum)", 400, "Syntax error"),
        ("aggregate($count as n,$count as n)", 400, "more than once"),
        (
            "concat(aggregate($count as n),aggregate($count as m))",
            501,
            "concat",
        ),
        ("filter(name eq 'A')", 501, "without groupby or aggregate"),
        ("groupby((name))/filter(name eq 'A')", 501, "behind groupby"),
        ("groupby(name)", 400, "Syntax error"),
        ("nonsense(1)", 400, "Syntax error"),
        ("", 400, "Syntax error"),
    ];
    for (text, status, message) in cases {
        let answer = us
            .get(&format!("accounts?$apply={}", text.replace(' ', "%20")))
            .await;
        assert_eq!(answer.status, status, "{text}: {}", answer.text);
        assert!(answer.text.contains(message), "{text}: {}", answer.text);
    }
    let by_total = us
        .get("accounts?$apply=groupby((name),aggregate($count%20as%20n))&$orderby=n")
        .await;
    assert!(
        by_total
            .text
            .contains("The query node SingleValueOpenPropertyAccess is not supported")
    );
    assert_eq!(
        us.get("accounts?$apply=aggregate($count%20as%20n)&$select=name")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn groups_are_not_paged_and_not_said_to_be() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for number in 1..=3 {
        us.account(&id(number), json!({"name": format!("a{number}")}))
            .await;
    }
    let prefer = [(
        "prefer",
        "odata.maxpagesize=2,odata.include-annotations=\"*\"",
    )];
    let path = "accounts?$apply=groupby((name))";
    let answer = us.send("GET", path, &prefer, None).await;
    assert_eq!(answer.json()["value"].as_array().unwrap().len(), 3);
    assert_eq!(
        answer.header("preference-applied"),
        "odata.include-annotations=\"*\""
    );
}
