//! Change tracking: delta links, what they tell, when they expire, and what a restore does to them (contract 4).

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Answer, Api, Emulated};

const TRACK: (&str, &str) = ("prefer", "odata.track-changes");

async fn tracked(us: &Api<'_>, url: &str) -> Answer {
    us.send("GET", url, &[TRACK], None).await
}

fn link(answer: &Answer, name: &str) -> String {
    let json = answer.json();
    json[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {json}"))
        .to_owned()
}

/// What a delta tells, in its order: names of rows and `-id` of deletions.
fn told(answer: &Answer) -> Vec<String> {
    let rows = answer.json()["value"].as_array().unwrap().clone();
    let tell = |row: &Json| match row["reason"].as_str() {
        Some("deleted") => format!("-{}", row["id"].as_str().unwrap()),
        _ => row["name"].as_str().unwrap().to_owned(),
    };
    rows.iter().map(tell).collect()
}

#[tokio::test]
async fn a_delta_tells_writes_in_their_order_and_deletions_last() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (number, name) in [(1, "one"), (2, "two"), (3, "three")] {
        us.account(&id(number), json!({"name": name})).await;
    }
    let first = tracked(&us, "accounts?$select=name,accountnumber").await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.headers["preference-applied"], "odata.track-changes");
    assert_eq!(told(&first), ["one", "two", "three"]);
    let delta = link(&first, "@odata.deltaLink");
    let start = format!(
        "{}?$select=name,accountnumber&$deltatoken=",
        us.url("accounts")
    );
    assert!(delta.starts_with(&start), "{delta}");

    let quiet = us.get(&delta).await;
    assert!(told(&quiet).is_empty(), "{}", quiet.text);
    assert!(
        quiet.json()["@odata.context"]
            .as_str()
            .unwrap()
            .ends_with("$metadata#accounts(name,accountnumber)/$delta")
    );

    us.delete(&format!("accounts({})", id(1))).await;
    us.patch(&format!("accounts({})", id(3)), json!({"name": "third"}))
        .await;
    us.account(&id(4), json!({"name": "four"})).await;
    us.patch(&format!("accounts({})", id(3)), json!({"name": "3"}))
        .await;
    // Made and deleted between two polls: told as deleted all the same.
    us.account(&id(5), json!({"name": "five"})).await;
    us.delete(&format!("accounts({})", id(5))).await;
    let second = us.get(&delta).await;
    assert_eq!(
        told(&second),
        ["four", "3", &format!("-{}", id(1)), &format!("-{}", id(5))]
    );
    let gone = &second.json()["value"][2];
    assert!(
        gone["@odata.context"]
            .as_str()
            .unwrap()
            .ends_with("$metadata#accounts/$deletedEntity")
    );
    let counted = delta.replace("/accounts?$select=name,accountnumber&", "/accounts/$count?");
    assert_eq!(us.get(&counted).await.text, "\u{feff}4");

    // What was deleted and is there again is a change, not a deletion.
    us.account(&id(1), json!({"name": "one again"})).await;
    let third = us.get(&delta).await;
    assert_eq!(
        told(&third),
        ["four", "3", "one again", &format!("-{}", id(5))]
    );
    assert_eq!(
        told(&us.get(&link(&second, "@odata.deltaLink")).await),
        ["one again"]
    );
}

#[tokio::test]
async fn what_changes_between_the_pages_is_told_by_the_next_delta() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for number in 1..=5 {
        us.account(&id(number), json!({"name": format!("a{number}")}))
            .await;
    }
    let prefer = [("prefer", "odata.track-changes,odata.maxpagesize=2")];
    let first = us.send("GET", "accounts?$select=name", &prefer, None).await;
    assert_eq!(told(&first), ["a1", "a2"]);
    assert!(first.json().get("@odata.deltaLink").is_none());
    us.patch(&format!("accounts({})", id(1)), json!({"name": "a1 later"}))
        .await;
    us.delete(&format!("accounts({})", id(3))).await;
    let mut page = first;
    let mut names = Vec::new();
    while page.json().get("@odata.nextLink").is_some() {
        let next = link(&page, "@odata.nextLink");
        page = us.send("GET", &next, &prefer, None).await;
        assert_eq!(page.status, 200, "{}", page.text);
        names.extend(told(&page));
    }
    assert_eq!(names, ["a4", "a5"]);
    let delta = us
        .send("GET", &link(&page, "@odata.deltaLink"), &prefer, None)
        .await;
    assert_eq!(told(&delta), ["a1 later", &format!("-{}", id(3))]);

    // A delta has pages too.
    for number in 6..=8 {
        us.account(&id(number), json!({"name": format!("a{number}")}))
            .await;
    }
    us.delete(&format!("accounts({})", id(4))).await;
    let since = link(&delta, "@odata.deltaLink");
    let first = us.send("GET", &since, &prefer, None).await;
    us.patch(&format!("accounts({})", id(6)), json!({"name": "a6 later"}))
        .await;
    let second = us
        .send("GET", &link(&first, "@odata.nextLink"), &prefer, None)
        .await;
    assert_eq!(told(&first), ["a6", "a7"]);
    assert_eq!(told(&second), ["a8", &format!("-{}", id(4))]);
    assert_eq!(
        told(&us.get(&link(&second, "@odata.deltaLink")).await),
        ["a6 later"]
    );
}

#[tokio::test]
async fn tracking_refuses_what_it_can_not_do() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for option in ["$filter=name eq 'x'", "$orderby=name", "$top=3"] {
        let answer = tracked(&us, &format!("accounts?{option}")).await;
        let name = option.split('=').next().unwrap();
        assert_eq!(answer.status, 400, "{option}");
        assert_eq!(
            answer.json()["error"]["message"],
            format!(
                "The \"{name}\" query parameter isn't supported when Change Tracking is enabled."
            )
        );
    }
    let untracked = tracked(&us, "transactioncurrencies?$select=currencyname").await;
    assert_eq!(untracked.refusal(), (400, "0x80072491".to_owned()));
    for token in ["", "x", "12", "12!yesterday", "9999999999999999999999!1"] {
        let answer = us.get(&format!("accounts?$deltatoken={token}")).await;
        assert_eq!(answer.status, 400, "{token}: {}", answer.text);
    }
    let answer = us
        .get("accounts?$deltatoken=1!01/01/2020 00:00:00&$skiptoken=nonsense")
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_token_expires_by_the_emulators_clock() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let delta = link(
        &tracked(&us, "accounts?$select=name").await,
        "@odata.deltaLink",
    );
    us.control("POST", "clock", Some(json!({"advance_s": 7 * 86_400 - 60})))
        .await;
    assert_eq!(us.get(&delta).await.status, 200);
    us.control("POST", "clock", Some(json!({"advance_s": 120})))
        .await;
    assert_eq!(
        us.get(&delta).await.refusal(),
        (400, "0x80044352".to_owned())
    );
}

#[tokio::test]
async fn a_restore_resets_versions_and_later_tokens_with_them() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "before"})).await;
    let early = link(
        &tracked(&us, "accounts?$select=name").await,
        "@odata.deltaLink",
    );
    us.control("POST", "backup", None).await;
    us.patch(&format!("accounts({})", id(1)), json!({"name": "after"}))
        .await;
    us.account(&id(2), json!({"name": "new"})).await;
    let late = link(
        &tracked(&us, "accounts?$select=name").await,
        "@odata.deltaLink",
    );
    us.control("POST", "restore", None).await;
    assert_eq!(us.get(&format!("accounts({})", id(2))).await.status, 404);
    let row = us.get(&format!("accounts({})?$select=name", id(1))).await;
    assert_eq!(row.json()["name"], "before");
    assert_eq!(told(&us.get(&early).await), Vec::<String>::new());
    assert_eq!(
        us.get(&late).await.refusal(),
        (400, "0x80044352".to_owned())
    );
}

#[tokio::test]
async fn only_what_is_tracked_says_so() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    us.account(&id(2), json!({"name": "b"})).await;
    let members = format!("accounts({})/contact_customer_accounts", id(1));
    for path in [&*members, &format!("{members}/$count")] {
        let answer = tracked(&us, path).await;
        assert_eq!(answer.status, 501, "{path}: {}", answer.text);
    }
    let counted = tracked(&us, "accounts?$select=name&$count=true").await;
    assert_eq!(counted.json()["@odata.count"], 2, "{}", counted.text);
    us.delete(&format!("accounts({})", id(1))).await;
    let url = link(&counted, "@odata.deltaLink");
    assert_eq!(us.get(&url).await.json().get("@odata.count"), None);
    let counted = us.get(&format!("{url}&$count=true")).await;
    assert_eq!(counted.json()["@odata.count"], 1, "{}", counted.text);
}
