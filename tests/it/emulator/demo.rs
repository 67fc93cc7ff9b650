//! The demo's data and its scenarios.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tandem::emulator::{EUROPE, LOB_CLIENT_ID, SYNC_CLIENT_ID, Scenario, company_id, user_id};

use crate::support::emulated::{Api, Emulated};

const ACCOUNT: &str = "name,accountnumber,telephone1,emailaddress1,address1_city,websiteurl,numberofemployees,_primarycontactid_value";
const CONTACT: &str = "firstname,lastname,emailaddress1,_parentcustomerid_value,telephone1";

#[tokio::test]
async fn europe_starts_out_of_step_in_every_way_there_is() {
    let emulated = Emulated::demo().await;
    for (set, select, expected) in [
        (
            "accounts",
            ACCOUNT,
            [
                ("missing", 8),
                ("stub", 12),
                ("stale", 9),
                ("diverged", 4),
                ("local", 4),
                ("orphan", 2),
            ]
            .as_slice(),
        ),
        (
            "contacts",
            CONTACT,
            [
                ("missing", 40),
                ("stub", 4),
                ("stale", 3),
                ("diverged", 1),
                ("local", 3),
                ("orphan", 2),
            ]
            .as_slice(),
        ),
    ] {
        let us = rows(&emulated.us(), set, select).await;
        let europe = rows(&emulated.europe(), set, select).await;
        let mut drift: BTreeMap<&str, usize> = BTreeMap::new();
        for (id, theirs) in &europe {
            *drift.entry(drift_of(us.get(id), theirs)).or_default() += 1;
        }
        drift.insert(
            "missing",
            us.keys().filter(|id| !europe.contains_key(*id)).count(),
        );
        for (kind, at_least) in expected {
            let found = drift.get(kind).copied().unwrap_or_default();
            let exact = set == "accounts";
            assert!(
                if exact {
                    found == *at_least
                } else {
                    found >= *at_least
                },
                "{set}: {kind} is {found}: {drift:?}"
            );
        }
        assert!(drift["in sync"] > us.len() * 9 / 10, "{set}: {drift:?}");
    }
    let us = emulated.us();
    assert_eq!(us.get("accounts/$count").await.text, "\u{feff}503");
    assert_eq!(
        us.get("accounts(accountnumber='MSFT')").await.json()["accountid"],
        company_id("789019", "MSFT").to_string()
    );
    let tickets = emulated
        .europe()
        .column("incidents?$select=_createdby_value", "_createdby_value")
        .await;
    assert!((50..70).contains(&tickets.len()), "{}", tickets.len());
    assert!(
        tickets
            .iter()
            .all(|by| *by == json!(user_id(EUROPE, LOB_CLIENT_ID).to_string()))
    );
}

async fn rows(api: &Api<'_>, set: &str, select: &str) -> BTreeMap<String, Json> {
    let id = format!("{}id", set.trim_end_matches('s'));
    let page = api
        .get(&format!(
            "{set}?$select={select},modifiedon,_modifiedby_value,_createdby_value"
        ))
        .await
        .json();
    page["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row[&id].as_str().unwrap().to_owned(), row.clone()))
        .collect()
}

fn drift_of(ours: Option<&Json>, theirs: &Json) -> &'static str {
    let by = |column: &str| theirs[column] == json!(user_id(EUROPE, SYNC_CLIENT_ID).to_string());
    let Some(ours) = ours else {
        return if by("_createdby_value") {
            "orphan"
        } else {
            "local"
        };
    };
    let skipped = [
        "@odata.etag",
        "modifiedon",
        "_modifiedby_value",
        "_createdby_value",
    ];
    let columns = ours
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !skipped.contains(&name.as_str()));
    let same = columns
        .into_iter()
        .all(|(name, value)| theirs[name] == *value);
    let name = theirs["name"]
        .as_str()
        .or(theirs["lastname"].as_str())
        .unwrap_or_default();
    match (
        same,
        theirs["modifiedon"].as_str() > ours["modifiedon"].as_str(),
    ) {
        (true, _) => "in sync",
        _ if name.starts_with("Awaiting sync ") => "stub",
        (false, true) if !by("_modifiedby_value") => "diverged",
        (false, _) => "stale",
    }
}

#[tokio::test]
async fn the_demo_is_the_same_every_time() {
    let (one, two) = (Emulated::demo().await, Emulated::demo().await);
    for set in ["accounts", "contacts"] {
        let select = if set == "accounts" { ACCOUNT } else { CONTACT };
        let of = |rows: BTreeMap<String, Json>| -> Vec<(String, Json, Json)> {
            rows.into_iter()
                .map(|(id, row)| (id, row["telephone1"].clone(), row["@odata.etag"].clone()))
                .collect()
        };
        assert_eq!(
            of(rows(&one.europe(), set, select).await),
            of(rows(&two.europe(), set, select).await),
            "{set}"
        );
    }
}

#[test]
fn every_built_in_scenario_can_be_read_and_tells_its_story() {
    assert_eq!(Scenario::names()[0], "outage");
    for name in Scenario::names() {
        let scenario = Scenario::named(name).unwrap_or_else(|| panic!("{name}"));
        assert!(scenario.story().len() > 40, "{name}");
    }
    assert!(Scenario::named("nothing").is_none());
    for wrong in [
        "",
        "story = 1",
        "story = ''\nnothing = 1",
        "story = ''\n[traffic]\nticket_every = '0s'",
        "story = ''\n[traffic]\nticket_every = 'soon'",
        "story = ''\n[[events]]\nat = '1s'\ninstance = 'mars'\nwhat = 'outage'\nlasts = '1s'",
        "story = ''\n[[events]]\nat = '1s'\ninstance = 'us'\nwhat = 'throttle'\nlasts = '1s'\nshare = 3.0",
    ] {
        assert!(Scenario::load(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_scenario_sends_traffic_and_plays_its_events() {
    let story = "
        story = 'quick'
        [traffic]
        new_account_every = '60ms'
        new_contact_every = '90ms'
        edit_every = '100ms'
        ticket_every = '70ms'
        fresh_share = 0.5
        [[events]]
        at = '300ms'
        instance = 'europe'
        what = 'throttle'
        lasts = '400ms'
        retry_after = 1
        [[events]]
        at = '800ms'
        instance = 'europe'
        what = 'outage'
        lasts = '300ms'
        [[events]]
        at = '300ms'
        instance = 'us'
        what = 'token-expiry'
        lasts = '400ms'
    ";
    let emulated = Emulated::playing(story).await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let app = us.signed_in("app").await;
    let start = Instant::now();
    let mut seen = Vec::new();
    while start.elapsed() < Duration::from_millis(1600) {
        let state = match europe.try_send("GET", "WhoAmI", &[], None).await {
            Ok(answer) => answer.status.as_u16(),
            Err(_) => 0,
        };
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    assert_eq!(seen, [200, 429, 200, 0, 200]);
    assert_eq!(app.get("WhoAmI").await.status, 401);
    assert_eq!(us.signed_in("app").await.get("WhoAmI").await.status, 200);
    assert!(us.column("accounts", "name").await.len() > 5);
    assert!(!us.column("contacts", "fullname").await.is_empty());
    assert!(europe.column("incidents", "title").await.len() > 3);
    assert!(
        us.log()
            .await
            .iter()
            .any(|entry| entry["method"] == "PATCH" && entry["status"] == 204)
    );
    assert!(
        europe
            .log()
            .await
            .iter()
            .any(|entry| entry["table"] == "incident" && entry["status"] == 429)
    );
    let log = europe.control("GET", "log", None).await;
    assert!(
        log["unanswered"].as_u64() > Some(0),
        "tickets that met the closed port are counted"
    );
    tokio::time::timeout(Duration::from_secs(2), emulated.pair.shutdown())
        .await
        .expect("every task ends");
}
