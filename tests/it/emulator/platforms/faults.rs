//! What goes wrong at the platforms: their own refusals, a sync that is out of order or late, and stubs that are refused.

use super::*;

#[tokio::test]
async fn a_rule_on_a_platform_answers_in_the_platforms_own_way() {
    let emulated = working().await;
    let us = emulated.us();
    let good = logic(&us, "GET", "/runs").await;
    assert_eq!(good.status, 200, "{good:?}");
    let struck = json!({"path": "/subscriptions/", "status": 429, "retry_after": 3});
    us.arm(struck).await;
    let busy = logic(&us, "GET", "/runs").await;
    assert_eq!(busy.refusal(), (429, "TooManyRequests".to_owned()));
    assert_eq!(busy.header("retry-after"), "3");
    us.arm(json!({"path": "/subscriptions/", "status": 401}))
        .await;
    let unknown = logic(&us, "GET", "/runs").await;
    assert_eq!(
        unknown.refusal(),
        (401, "InvalidAuthenticationToken".to_owned())
    );
    assert!(
        unknown
            .header("www-authenticate")
            .contains("authorization_uri"),
        "{unknown:?}"
    );
    for answer in [good, busy, unknown] {
        for name in [
            "x-ms-dop-hint",
            "x-ms-ratelimit-burst-remaining-xrm-requests",
            "set-cookie",
            "req_id",
        ] {
            assert_eq!(answer.header(name), "", "{name}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_rule_for_a_client_strikes_its_management_token() {
    let emulated = working().await;
    let us = emulated.us();
    us.arm(json!({"path": "/subscriptions/", "status": 503, "client": "monitor", "count": "all"}))
        .await;
    let token = us.token_for("monitor", &us.token, MANAGEMENT).await.json();
    let monitor = us.as_bearer(token["access_token"].as_str().unwrap());
    let struck = logic(&monitor, "GET", "/runs").await;
    assert_eq!(struck.refusal(), (503, "ServiceUnavailable".to_owned()));
    assert_eq!(logic(&us, "GET", "/runs").await.status, 200);
}

#[tokio::test]
async fn a_sync_can_be_told_to_copy_the_newest_first() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "older"})).await;
    clock_forward(&us, 60).await;
    us.account(&id(2), json!({"name": "newer"})).await;
    us.control("POST", "sync", Some(json!({"order": "newest-first"})))
        .await;
    copied(&us).await;
    let written: Vec<String> = europe
        .log()
        .await
        .iter()
        .filter(|entry| entry["method"] == "PATCH")
        .map(|entry| entry["path"].as_str().unwrap().to_owned())
        .collect();
    let path = |number| format!("/api/data/v9.2/accounts({})", id(number));
    assert_eq!(written, [path(2), path(1)]);
    let mended = us.control("DELETE", "sync", None).await;
    assert_eq!(mended, json!({"order": "oldest-first", "wait_ms": 0}));
    let nowhere = format!("{}/emulator/sync", europe.origin);
    assert_eq!(europe.get(&nowhere).await.status, 400);
}

#[tokio::test]
async fn a_late_sync_lays_an_old_version_over_a_newer_one() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "old"})).await;
    us.control("POST", "sync", Some(json!({"wait_ms": 1500})))
        .await;
    let run = triggered(&us).await;
    until("the run has read", async || {
        let actions = actions(&us, &run).await;
        actions
            .get(1)
            .is_some_and(|(_, status, _)| status == "Succeeded")
    })
    .await;
    let row = format!("accounts({})", id(1));
    for api in [&us, &europe] {
        let answer = api.patch(&row, json!({"name": "new"})).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    assert_eq!(over(&us, &run).await["status"], "Succeeded");
    assert_eq!(name_of(&us, 1).await, "new");
    assert_eq!(name_of(&europe, 1).await, "old");
}

#[tokio::test]
async fn a_scenario_has_every_stub_refused_and_the_sync_out_of_order() {
    let emulated = Emulated::playing(
        r#"
        story = "Europe wants no stubs."
        refuses_stubs = true
        [[events]]
        at = "0s"
        instance = "us"
        what = "sync"
        sync = { order = "newest-first", wait_ms = 5 }
        "#,
    )
    .await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let refused = (400, "0x80040265".to_owned());
    let stub = europe.post("accounts", json!({"name": "stub"})).await;
    assert_eq!(stub.refusal(), refused, "{stub:?}");
    let stub = europe.post("contacts", json!({"lastname": "stub"})).await;
    assert_eq!(stub.refusal(), refused, "{stub:?}");
    let ticket =
        json!({"title": "t", "customerid_account@odata.bind": format!("/accounts({})", id(9))});
    let ensured = europe.post("incidents", ticket).await;
    assert_eq!(ensured.refusal(), refused, "{ensured:?}");
    europe
        .account(&id(1), json!({"name": "a", "accountnumber": "A-1"}))
        .await;
    us.account(&id(1), json!({"name": "only Europe's is strict"}))
        .await;
    until("the event has come", async || {
        us.control("GET", "sync", None).await == json!({"order": "newest-first", "wait_ms": 5})
    })
    .await;
}
