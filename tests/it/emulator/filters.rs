//! `$filter` beyond comparisons: collections, query functions and the emulator's clock, hierarchies, paths, refusals.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Api, Emulated};

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The last digits of the ids of the rows that pass.
async fn numbers(us: &Api<'_>, set: &str, key: &str, filter: &str) -> Vec<u32> {
    let path = format!("{set}?$select={key}&$filter={}", encoded(filter));
    let answer = us.get(&path).await;
    assert_eq!(answer.status, 200, "{filter}: {}", answer.text);
    let rows = answer.json();
    let number = |row: &Json| row[key].as_str().unwrap()[24..].parse().unwrap();
    rows["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(number)
        .collect()
}

async fn family() -> Emulated {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    // 1 > 2 > 3, and 4 by itself.
    us.account(&id(1), json!({"name": "Root", "numberofemployees": 10}))
        .await;
    for (number, parent) in [(2, 1), (3, 2)] {
        let body = json!({"name": format!("Child {number}"), "numberofemployees": number * 10,
            "parentaccountid@odata.bind": format!("/accounts({})", id(parent))});
        us.account(&id(number), body).await;
    }
    us.account(&id(4), json!({"name": "Alone"})).await;
    let contacts = [
        (11, 1, "Ada", "boss"),
        (12, 1, "Bob", "clerk"),
        (13, 2, "Cid", "clerk"),
    ];
    for (number, account, name, title) in contacts {
        let body = json!({"contactid": id(number), "lastname": name, "jobtitle": title,
            "parentcustomerid_account@odata.bind": format!("/accounts({})", id(account))});
        assert_eq!(us.post("contacts", body).await.status, 204);
    }
    let body = json!({"incidentid": id(21), "title": "Fire",
        "customerid_contact@odata.bind": format!("/contacts({})", id(13))});
    assert_eq!(us.post("incidents", body).await.status, 204);
    let body = json!({"primarycontactid@odata.bind": format!("/contacts({})", id(12))});
    assert_eq!(
        us.patch(&format!("accounts({})", id(3)), body).await.status,
        204
    );
    emulated
}

#[tokio::test]
async fn collections_are_asked_with_any_and_all() {
    let emulated = family().await;
    let us = emulated.us();
    let cases: &[(&str, &[u32])] = &[
        ("contact_customer_accounts/any()", &[1, 2]),
        ("not contact_customer_accounts/any()", &[3, 4]),
        (
            "contact_customer_accounts/any(c:c/jobtitle eq 'boss')",
            &[1],
        ),
        (
            "contact_customer_accounts/any(c:contains(c/lastname,'i') and c/jobtitle eq 'clerk')",
            &[2],
        ),
        // Of nothing, all is true.
        (
            "contact_customer_accounts/all(c:c/jobtitle eq 'clerk')",
            &[2, 3, 4],
        ),
        (
            "contact_customer_accounts/any( c : c/incident_customer_contacts/any(i:i/title eq 'fire') )",
            &[2],
        ),
        (
            "contact_customer_accounts/any(c:c/parentcustomerid_account/name eq 'Root')",
            &[1],
        ),
        (
            "contact_customer_accounts/any(c:Microsoft.Dynamics.CRM.In(PropertyName='c/jobtitle',PropertyValues=[\"boss\"]))",
            &[1],
        ),
        (
            "numberofemployees gt 10 and contact_customer_accounts/any(c:c/jobtitle eq 'clerk')",
            &[2],
        ),
        (
            "primarycontactid/parentcustomerid_account/name eq 'Root'",
            &[3],
        ),
        (
            "primarycontactid/_parentcustomerid_value eq 00000000-0000-4000-8000-000000000001",
            &[3],
        ),
        (
            "parentaccountid/parentaccountid/accountid eq 00000000-0000-4000-8000-000000000001",
            &[3],
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(
            numbers(&us, "accounts", "accountid", filter).await,
            *expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn hierarchies_are_followed_both_ways() {
    let emulated = family().await;
    let us = emulated.us();
    let cases: &[(&str, u32, &[u32])] = &[
        ("Under", 1, &[2, 3]),
        ("UnderOrEqual", 1, &[1, 2, 3]),
        ("NotUnder", 1, &[1, 4]),
        ("Above", 3, &[1, 2]),
        ("AboveOrEqual", 3, &[1, 2, 3]),
        ("Under", 3, &[]),
    ];
    for (function, of, expected) in cases {
        let filter = format!(
            "Microsoft.Dynamics.CRM.{function}(PropertyName='accountid',PropertyValue='{}')",
            id(*of)
        );
        assert_eq!(
            numbers(&us, "accounts", "accountid", &filter).await,
            *expected,
            "{filter}"
        );
    }
    let by_lookup = format!(
        "Microsoft.Dynamics.CRM.UnderOrEqual(PropertyName='parentaccountid',PropertyValue='{}')",
        id(2)
    );
    assert_eq!(numbers(&us, "accounts", "accountid", &by_lookup).await, [3]);
    // A circle ends.
    let circle = json!({"parentaccountid@odata.bind": format!("/accounts({})", id(3))});
    us.patch(&format!("accounts({})", id(1)), circle).await;
    let under = format!(
        "Microsoft.Dynamics.CRM.Under(PropertyName='accountid',PropertyValue='{}')",
        id(4)
    );
    assert!(
        numbers(&us, "accounts", "accountid", &under)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn date_functions_go_by_the_emulators_clock() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "Old"})).await;
    let today = chrono::Utc::now().date_naive();
    let asked = async |function: &str| {
        let filter = format!("Microsoft.Dynamics.CRM.{function}");
        numbers(&us, "accounts", "accountid", &filter).await
    };
    let by_name = |name: &str| format!("{name}(PropertyName='createdon')");
    let by_number = |name: &str, number: u32| {
        format!("{name}(PropertyName='createdon',PropertyValue={number})")
    };
    for function in ["Today", "Last7Days", "ThisWeek", "ThisMonth", "ThisYear"] {
        assert_eq!(asked(&by_name(function)).await, [1], "{function}");
    }
    for function in ["Yesterday", "Tomorrow", "LastYear", "NextYear", "NextMonth"] {
        assert!(asked(&by_name(function)).await.is_empty(), "{function}");
    }
    for function in [
        "LastXHours",
        "LastXDays",
        "LastXWeeks",
        "LastXMonths",
        "LastXYears",
    ] {
        assert_eq!(asked(&by_number(function, 2)).await, [1], "{function}");
    }
    assert_eq!(
        asked(&format!(
            "On(PropertyName='createdon',PropertyValue='{today}')"
        ))
        .await,
        [1]
    );
    assert_eq!(
        asked(&format!(
            "OnOrAfter(PropertyName='createdon',PropertyValue='{today}')"
        ))
        .await,
        [1]
    );
    assert!(
        asked(&format!(
            "NotOn(PropertyName='createdon',PropertyValue='{today}')"
        ))
        .await
        .is_empty()
    );
    assert!(asked(&by_number("OlderThanXMinutes", 30)).await.is_empty());

    us.control("POST", "clock", Some(json!({"advance_s": 3 * 86_400})))
        .await;
    us.account(&id(2), json!({"name": "New"})).await;
    assert_eq!(asked(&by_name("Today")).await, [2]);
    assert_eq!(asked(&by_name("Last7Days")).await, [1, 2]);
    assert_eq!(asked(&by_number("LastXHours", 24)).await, [2]);
    assert_eq!(asked(&by_number("OlderThanXHours", 48)).await, [1]);
    assert_eq!(asked(&by_number("OlderThanXDays", 2)).await, [1]);
    assert!(asked(&by_number("OlderThanXMonths", 1)).await.is_empty());
    assert_eq!(
        asked(&format!(
            "OnOrBefore(PropertyName='createdon',PropertyValue='{today}')"
        ))
        .await,
        [1]
    );
    let aliased = format!(
        "accounts?$select=accountid&$filter={}&@p1='createdon'&@p2=24",
        encoded("Microsoft.Dynamics.CRM.LastXHours(PropertyName=@p1,PropertyValue=@p2)")
    );
    assert_eq!(us.column(&aliased, "accountid").await, [json!(id(2))]);
}

#[tokio::test]
async fn the_caller_sets_and_ranges_are_told_apart() {
    let emulated = family().await;
    let us = emulated.us();
    us.patch(
        &format!("accounts({})", id(1)),
        json!({"new_serviceregions": "100000000,100000002"}),
    )
    .await;
    let me = us.get("WhoAmI").await.json()["UserId"]
        .as_str()
        .unwrap()
        .to_owned();
    let function = |text: &str| format!("Microsoft.Dynamics.CRM.{text}");
    let cases: Vec<(String, &[u32])> = vec![
        (function("EqualUserId(PropertyName='ownerid')"), &[1, 2, 3, 4]),
        (function("EqualUserId(PropertyName='_ownerid_value')"), &[1, 2, 3, 4]),
        (function("NotEqualUserId(PropertyName='ownerid')"), &[]),
        (function("EqualUserOrUserTeams(PropertyName='ownerid')"), &[1, 2, 3, 4]),
        (function("EqualUserTeams(PropertyName='ownerid')"), &[]),
        (function("EqualBusinessId(PropertyName='owningbusinessunit')"), &[1, 2, 3, 4]),
        (format!("_ownerid_value eq {me}"), &[1, 2, 3, 4]),
        (function("Between(PropertyName='numberofemployees',PropertyValues=[\"10\",\"20\"])"), &[1, 2]),
        (function("NotBetween(PropertyName='numberofemployees',PropertyValues=[\"10\",\"20\"])"), &[3, 4]),
        (function("ContainValues(PropertyName='new_serviceregions',PropertyValues=[\"100000002\",\"9\"])"), &[1]),
        (function("DoesNotContainValues(PropertyName='new_serviceregions',PropertyValues=[\"100000002\"])"), &[2, 3, 4]),
        (function("In(PropertyName='parentaccountid',PropertyValues=[\"00000000-0000-4000-8000-000000000001\",\"00000000-0000-4000-8000-000000000002\"])"), &[2, 3]),
        ("_parentaccountid_value eq 00000000-0000-4000-8000-000000000001 and numberofemployees ge 20".to_owned(), &[2]),
        ("name eq 'Root' or accountid eq 00000000-0000-4000-8000-000000000004".to_owned(), &[1, 4]),
    ];
    for (filter, expected) in cases {
        assert_eq!(
            numbers(&us, "accounts", "accountid", &filter).await,
            *expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn what_can_not_be_asked_is_refused() {
    let emulated = family().await;
    let us = emulated.us();
    let deep = format!("{}name eq 'x'{}", "(".repeat(100), ")".repeat(100));
    let far = format!("{}name eq 'x'", "parentaccountid/".repeat(50));
    let lambdas = format!(
        "{}accounts/any(){}",
        "x/any(a:".repeat(100),
        ")".repeat(100)
    );
    let cases: &[(&str, u16, &str)] = &[
        (
            "not Microsoft.Dynamics.CRM.Today(PropertyName='createdon')",
            400,
            "Not operator along with the Custom Named Condition operators is not allowed",
        ),
        (
            "primarycontactid/contact_customer_accounts/any(c:c/lastname eq 'x')",
            400,
            "behind a lookup",
        ),
        (
            "contact_customer_accounts/any(c:name eq 'Root')",
            400,
            "'name' does not begin with 'c/'",
        ),
        (
            "contact_customer_accounts/any(c:c/nothing eq 'x')",
            400,
            "named 'nothing' on type 'Microsoft.Dynamics.CRM.contact'",
        ),
        ("contact_customer_accounts/all()", 400, "Syntax error"),
        (
            "primarycontactid/any(c:c/lastname eq 'x')",
            400,
            "is no collection",
        ),
        ("nothing/any(c:c/lastname eq 'x')", 400, "named 'nothing'"),
        (
            "contact_customer_accounts eq 'x'",
            400,
            "named 'contact_customer_accounts'",
        ),
        (
            "Microsoft.Dynamics.CRM.Today(PropertyName='name')",
            400,
            "'name' is Edm.String",
        ),
        (
            "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=0)",
            400,
            "greater than 0",
        ),
        (
            "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon')",
            400,
            "Syntax error",
        ),
        (
            "Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=[\"1\"])",
            400,
            "exactly two",
        ),
        (
            "Microsoft.Dynamics.CRM.On(PropertyName='createdon',PropertyValue='soon')",
            400,
            "'soon' is not a value",
        ),
        (
            "Microsoft.Dynamics.CRM.Under(PropertyName='name',PropertyValue='x')",
            400,
            "'x' is not a value",
        ),
        (
            "Microsoft.Dynamics.CRM.ContainValues(PropertyName='name',PropertyValues=[\"1\"])",
            400,
            "multi-select",
        ),
        (
            "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='name')",
            400,
            "identifier",
        ),
        (
            "Microsoft.Dynamics.CRM.ThisFiscalYear(PropertyName='createdon')",
            501,
            "ThisFiscalYear",
        ),
        (
            "Microsoft.Dynamics.CRM.Nonsense(PropertyName='createdon')",
            400,
            "unknown function",
        ),
        ("name eq numberofemployees", 400, "incompatible types"),
        (&deep, 400, "Recursion limit"),
        (&far, 400, "more than 10"),
        (&lambdas, 400, "Recursion limit"),
    ];
    for (filter, status, message) in cases {
        let answer = us
            .get(&format!("accounts?$filter={}", encoded(filter)))
            .await;
        assert_eq!(answer.status, *status, "{filter}: {}", answer.text);
        assert!(answer.text.contains(message), "{filter}: {}", answer.text);
    }
}

#[tokio::test]
async fn lists_are_ordered_through_lookups_and_by_the_names_they_show() {
    let emulated = family().await;
    let us = emulated.us();
    let order = async |by: &str| {
        let path = format!("contacts?$select=lastname&$orderby={}", encoded(by));
        let names = us.column(&path, "lastname").await;
        names
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    us.patch(&format!("accounts({})", id(1)), json!({"name": "Zeta"}))
        .await;
    assert_eq!(
        order("_parentcustomerid_value,lastname").await,
        ["Cid", "Ada", "Bob"]
    );
    assert_eq!(
        order("_parentcustomerid_value desc,lastname desc").await,
        ["Bob", "Ada", "Cid"]
    );
    assert_eq!(
        order("parentcustomerid_account/name desc,lastname").await,
        ["Ada", "Bob", "Cid"]
    );
    assert_eq!(
        order("modifiedon desc,contactid desc").await,
        ["Cid", "Bob", "Ada"]
    );
    assert_eq!(order("contactid desc").await, ["Cid", "Bob", "Ada"]);
}

#[tokio::test]
async fn pages_in_any_order_show_every_row_once() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for number in 1..=25 {
        let contact =
            json!({"contactid": id(100 + number % 4), "lastname": format!("L{}", number % 4)});
        us.post("contacts", contact).await;
        let body = json!({"name": format!("N{}", number % 3),
            "primarycontactid@odata.bind": format!("/contacts({})", id(100 + number % 4))});
        us.account(&id(number), body).await;
    }
    let orders = [
        "",
        "modifiedon",
        "modifiedon desc",
        "modifiedon desc,accountid desc",
        "accountid desc",
        "name desc",
        "_primarycontactid_value desc,name",
        "primarycontactid/lastname,accountid desc",
    ];
    for order in orders {
        let mut path = format!(
            "{}?$select=accountid&$orderby={}",
            us.url("accounts"),
            encoded(order)
        );
        if order.is_empty() {
            path = us.url("accounts?$select=accountid");
        }
        let whole = us.column(&path, "accountid").await;
        assert_eq!(whole.len(), 25, "{order}");
        let mut seen = Vec::new();
        let mut next = Some(path);
        while let Some(link) = next {
            assert!(link.starts_with(&us.url("accounts?")), "{link}");
            let answer = us
                .send("GET", &link, &[("prefer", "odata.maxpagesize=4")], None)
                .await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let page = answer.json();
            let rows = page["value"].as_array().unwrap();
            seen.extend(rows.iter().map(|row| row["accountid"].clone()));
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        assert_eq!(seen, whole, "{order}");
    }
    assert_eq!(
        us.column("accounts?$top=6000&$select=name", "name")
            .await
            .len(),
        25
    );
}
