//! `$expand`: rows that come along, their options, links and refusals.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Api, Emulated};

async fn firm() -> Emulated {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "Acme"})).await;
    us.account(&id(2), json!({"name": "Other"})).await;
    for (number, name) in [(11, "Ada"), (12, "Bob"), (13, "Cid")] {
        let body = json!({"contactid": id(number), "lastname": name,
            "parentcustomerid_account@odata.bind": format!("/accounts({})", id(1))});
        assert_eq!(us.post("contacts", body).await.status, 204);
    }
    let body = json!({"primarycontactid@odata.bind": format!("/contacts({})", id(11))});
    us.patch(&format!("accounts({})", id(1)), body).await;
    for number in [21, 22] {
        let body = json!({"incidentid": id(number), "title": format!("T{number}"),
            "customerid_contact@odata.bind": format!("/contacts({})", id(11))});
        assert_eq!(us.post("incidents", body).await.status, 204);
    }
    emulated
}

async fn first(us: &Api<'_>, path: &str) -> Json {
    let answer = us.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()["value"][0].clone()
}

fn names(rows: &Json, column: &str) -> Vec<String> {
    let name = |row: &Json| row[column].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn lookups_and_collections_come_along() {
    let emulated = firm().await;
    let us = emulated.us();
    let path = "accounts?$select=name&$expand=primarycontactid($select=lastname),contact_customer_accounts($select=lastname;$filter=lastname%20ne%20'Ada';$orderby=lastname%20desc;$top=1)";
    let answer = us.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    let context = body["@odata.context"].as_str().unwrap();
    assert!(context.ends_with("$metadata#accounts(name,primarycontactid(lastname),contact_customer_accounts(lastname))"), "{context}");
    let row = &body["value"][0];
    assert_eq!(row["primarycontactid"]["lastname"], "Ada");
    assert_eq!(row["primarycontactid"]["contactid"], json!(id(11)));
    assert_eq!(row["primarycontactid"].get("jobtitle"), None);
    assert_eq!(
        names(&row["contact_customer_accounts"], "lastname"),
        ["Cid"]
    );
    assert_eq!(
        row["contact_customer_accounts"][0]["_parentcustomerid_value"],
        json!(id(1))
    );
    let other = &body["value"][1];
    assert_eq!(other["primarycontactid"], Json::Null);
    assert_eq!(other["contact_customer_accounts"], json!([]));
    // The link of a collection is the same query by itself.
    let link = row["contact_customer_accounts@odata.nextLink"]
        .as_str()
        .unwrap();
    assert!(
        link.starts_with(&us.url(&format!(
            "accounts({})/contact_customer_accounts?$select=lastname&",
            id(1)
        ))),
        "{link}"
    );
    assert_eq!(us.column(link, "lastname").await, ["Cid"]);
}

#[tokio::test]
async fn one_row_is_expanded_and_so_is_what_was_created() {
    let emulated = firm().await;
    let us = emulated.us();
    let path = format!(
        "contacts({})?$select=lastname&$expand=parentcustomerid_account($select=name;$expand=primarycontactid($select=lastname)),incident_customer_contacts($select=title)",
        id(11)
    );
    let row = us.get(&path).await.json();
    assert_eq!(row["parentcustomerid_account"]["name"], "Acme");
    assert_eq!(
        row["parentcustomerid_account"]["primarycontactid"]["lastname"],
        "Ada"
    );
    assert_eq!(
        names(&row["incident_customer_contacts"], "title"),
        ["T21", "T22"]
    );
    let body = json!({"lastname": "New", "parentcustomerid_account@odata.bind": format!("/accounts({})", id(1))});
    let created = us
        .send(
            "POST",
            "contacts?$select=lastname&$expand=parentcustomerid_account($select=name)",
            &[("prefer", "return=representation")],
            Some(body),
        )
        .await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.json()["parentcustomerid_account"]["name"], "Acme");
}

#[tokio::test]
async fn references_and_annotations_come_along() {
    let emulated = firm().await;
    let us = emulated.us();
    let row = first(&us, "accounts?$select=name&$expand=primarycontactid/$ref").await;
    assert_eq!(
        row["primarycontactid"],
        json!({"@odata.id": us.url(&format!("contacts({})", id(11)))})
    );
    assert_eq!(row["_primarycontactid_value"], json!(id(11)));
    let annotated = us.send("GET", "accounts?$select=name&$expand=primarycontactid($select=lastname,_parentcustomerid_value,statecode)",
        &[("prefer", "odata.include-annotations=\"*\"")], None).await.json();
    let contact = &annotated["value"][0]["primarycontactid"];
    assert_eq!(
        contact["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"],
        "Acme"
    );
    assert_eq!(
        contact["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"],
        "account"
    );
    assert_eq!(
        contact["statecode@OData.Community.Display.V1.FormattedValue"],
        "Active"
    );
}

#[tokio::test]
async fn nested_collections_are_paged_where_a_page_size_is_preferred() {
    let emulated = firm().await;
    let us = emulated.us();
    let path = "accounts?$select=name&$expand=contact_customer_accounts($select=lastname;$expand=incident_customer_contacts($select=title))";
    let whole = first(&us, path).await;
    assert_eq!(
        names(&whole["contact_customer_accounts"], "lastname"),
        ["Ada", "Bob", "Cid"]
    );
    assert_eq!(
        names(
            &whole["contact_customer_accounts"][0]["incident_customer_contacts"],
            "title"
        ),
        ["T21", "T22"]
    );
    let page = us
        .send("GET", path, &[("prefer", "odata.maxpagesize=1")], None)
        .await
        .json();
    assert_eq!(page["value"].as_array().unwrap().len(), 1);
    let contacts = &page["value"][0]["contact_customer_accounts"];
    assert_eq!(names(contacts, "lastname"), ["Ada"]);
    let link = page["value"][0]["contact_customer_accounts@odata.nextLink"]
        .as_str()
        .unwrap();
    assert!(link.contains("$skiptoken="), "{link}");
    assert_eq!(us.column(link, "lastname").await, ["Bob", "Cid"]);
    let inner = contacts[0]["incident_customer_contacts@odata.nextLink"]
        .as_str()
        .unwrap();
    assert_eq!(us.column(inner, "title").await, ["T22"]);
    // Without nesting the rows that come along are not paged.
    let flat = "accounts?$select=name&$expand=contact_customer_accounts($select=lastname)";
    let page = us
        .send("GET", flat, &[("prefer", "odata.maxpagesize=1")], None)
        .await
        .json();
    assert_eq!(
        names(&page["value"][0]["contact_customer_accounts"], "lastname").len(),
        3
    );
}

#[tokio::test]
async fn what_can_not_be_expanded_is_refused() {
    let emulated = firm().await;
    let us = emulated.us();
    let many = vec!["createdby"; 16].join(",");
    let deep = format!(
        "{}createdby{}",
        "parentaccountid($expand=".repeat(40),
        ")".repeat(40)
    );
    let only = "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship or nested one-to-many relationship.";
    let cases: &[(&str, u16, &str, &str)] = &[
        (
            "contact_customer_accounts/$ref",
            400,
            "0x80060888",
            "Expand with $ref is only supported on lookup type navigation property.",
        ),
        ("primarycontactid($top=1)", 400, "0x80060888", only),
        (
            "primarycontactid($orderby=lastname)",
            400,
            "0x80060888",
            only,
        ),
        (
            "parentaccountid($expand=contact_customer_accounts($top=1))",
            400,
            "0x80060888",
            only,
        ),
        (
            "contact_customer_accounts($top=1;$expand=createdby)",
            400,
            "0x80060888",
            only,
        ),
        ("nothing", 400, "0x0", "named 'nothing'"),
        ("name", 400, "0x0", "named 'name'"),
        (
            "primarycontactid($select=nothing)",
            400,
            "0x0",
            "named 'nothing'",
        ),
        (
            "primarycontactid($skip=1)",
            400,
            "0x80060888",
            "$skip is not supported",
        ),
        (
            "contact_customer_accounts($count=true)",
            400,
            "0x80060888",
            "$count is not supported",
        ),
        (
            "contact_customer_accounts($filter=lastname eq @a)&@a='x'",
            400,
            "0x80060888",
            "@a",
        ),
        ("primarycontactid(", 400, "0x80060888", "Syntax error"),
        (
            "primarycontactid,primarycontactid",
            400,
            "0x80060888",
            "more than once",
        ),
        ("*", 501, "0x80040315", "$expand=*"),
        (&many, 400, "0x80060888", "more than once"),
        (&deep, 400, "0x80060888", "at most 15"),
    ];
    for (text, status, code, message) in cases {
        let answer = us
            .get(&format!("accounts?$expand={}", text.replace(' ', "%20")))
            .await;
        assert_eq!(
            answer.refusal(),
            (*status, (*code).to_owned()),
            "{text}: {}",
            answer.text
        );
        assert!(answer.text.contains(message), "{text}: {}", answer.text);
    }
}
