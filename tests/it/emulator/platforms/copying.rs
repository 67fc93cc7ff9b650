//! What a run does to the rows, and what becomes of it when an instance fails.

use super::*;

#[tokio::test]
async fn a_run_copies_what_changed_as_the_syncs_own_user() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(
        &id(1),
        json!({"name": "Acme", "accountnumber": "A-1", "numberofemployees": 12, "description": "not copied"}),
    )
    .await;
    let contact = json!({"contactid": id(2), "lastname": "Lovelace",
        "parentcustomerid_account@odata.bind": format!("/accounts({})", id(1))});
    assert_eq!(us.post("contacts", contact).await.status, 204);
    let bind = json!({"primarycontactid@odata.bind": format!("/contacts({})", id(2))});
    assert_eq!(
        us.patch(&format!("accounts({})", id(1)), bind).await.status,
        204
    );

    // A change of the second in which a run reads is read by the next run as well.
    clock_forward(&us, 60).await;
    let run = copied(&us).await;
    let account = europe.get(&format!("accounts({})", id(1))).await.json();
    assert_eq!(account["name"], "Acme");
    assert_eq!(account["accountnumber"], "A-1");
    assert_eq!(account["numberofemployees"], 12);
    assert_eq!(account["description"], Json::Null);
    assert_eq!(account["_primarycontactid_value"], id(2), "set in the end");
    let sync = user_id(EUROPE, SYNC_CLIENT_ID).to_string();
    assert_eq!(account["_createdby_value"], sync.as_str());
    assert_eq!(account["_modifiedby_value"], sync.as_str());
    let contact = europe.get(&format!("contacts({})", id(2))).await.json();
    assert_eq!(contact["_parentcustomerid_value"], id(1));
    assert_eq!(contact["_modifiedby_value"], sync.as_str());

    let rows: Vec<_> = actions(&us, &run)
        .await
        .iter()
        .map(|(name, _, action)| (name.clone(), action["trackedProperties"]["done"].as_u64()))
        .collect();
    let expected = [
        ("List_accounts", 1),
        ("List_contacts", 1),
        ("Upsert_accounts", 1),
        ("Upsert_contacts", 1),
        ("Set_account_lookups", 1),
        ("Set_contact_lookups", 0),
    ];
    assert_eq!(
        rows,
        expected.map(|(name, done)| (name.to_owned(), Some(done)))
    );

    // Only what has changed since the run that succeeded.
    clock_forward(&us, 60).await;
    us.account(&id(3), json!({"name": "Later"})).await;
    let run = copied(&us).await;
    assert_eq!(
        actions(&us, &run).await[2].2["trackedProperties"]["rows"],
        1
    );
    assert_eq!(name_of(&europe, 3).await, "Later");
}

#[tokio::test]
async fn what_was_cleared_in_the_us_is_cleared_in_europe() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let contact = json!({"contactid": id(2), "lastname": "Lovelace"});
    assert_eq!(us.post("contacts", contact).await.status, 204);
    let primary = format!("/contacts({})", id(2));
    let account = json!({"name": "a", "telephone1": "1", "primarycontactid@odata.bind": primary});
    us.account(&id(1), account).await;
    copied(&us).await;
    let row = format!("accounts({})", id(1));
    let before = europe.get(&row).await.json();
    assert_eq!(
        (&before["telephone1"], &before["_primarycontactid_value"]),
        (&json!("1"), &json!(id(2)))
    );
    let cleared = json!({"telephone1": null, "primarycontactid@odata.bind": null});
    assert_eq!(us.patch(&row, cleared).await.status, 204);
    copied(&us).await;
    let after = europe.get(&row).await.json();
    assert_eq!(
        (&after["telephone1"], &after["_primarycontactid_value"]),
        (&Json::Null, &Json::Null)
    );
}

#[tokio::test]
async fn more_rows_than_a_page_are_all_copied() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    for number in 1..=510 {
        us.account(&id(number), json!({"name": "many"})).await;
    }
    copied(&us).await;
    assert_eq!(europe.get("accounts/$count").await.text, "\u{feff}510");
}

#[tokio::test]
async fn a_run_fails_while_europe_is_down_and_its_actions_say_where() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    clock_forward(&us, 60).await;
    europe.arm(json!({"outage_s": 2.0})).await;
    until("the port is closed", async || {
        europe.try_send("GET", "WhoAmI", &[], None).await.is_err()
    })
    .await;
    let name = triggered(&us).await;
    let run = over(&us, &name).await;
    assert_eq!(run["status"], "Failed");
    assert_eq!(run["code"], "ActionFailed");
    assert_eq!(run["error"]["code"], "ActionFailed");
    let actions = actions(&us, &name).await;
    let statuses: Vec<_> = actions
        .iter()
        .map(|(name, status, _)| (name.as_str(), status.as_str()))
        .collect();
    assert_eq!(
        statuses,
        [
            ("List_accounts", "Succeeded"),
            ("List_contacts", "Succeeded"),
            ("Upsert_accounts", "Failed"),
            ("Upsert_contacts", "Skipped"),
            ("Set_account_lookups", "Skipped"),
            ("Set_contact_lookups", "Skipped"),
        ]
    );
    let failed = &actions[2].2;
    assert_eq!(failed["code"], "BadGateway");
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.contains(emulated.pair.europe_url()), "{message}");
    assert!(message.contains("refused"), "{message}");

    until("Europe is back", async || {
        europe.try_send("GET", "WhoAmI", &[], None).await.is_ok()
    })
    .await;
    copied(&us).await;
    assert_eq!(
        name_of(&europe, 1).await,
        "a",
        "the window has not moved on"
    );
}

#[tokio::test]
async fn a_refused_row_fails_the_run_but_not_its_neighbours() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    europe
        .account(&id(9), json!({"name": "squatter", "accountnumber": "A-2"}))
        .await;
    for number in 1..=3 {
        let account = json!({"name": "a", "accountnumber": format!("A-{number}")});
        us.account(&id(number), account).await;
    }
    let name = triggered(&us).await;
    assert_eq!(over(&us, &name).await["status"], "Failed");
    let upsert = actions(&us, &name).await[2].2.clone();
    assert_eq!(
        upsert["trackedProperties"],
        json!({"rows": 3, "done": 2, "refused": 1})
    );
    let message = upsert["error"]["message"].as_str().unwrap();
    assert!(
        message.contains(&id(2)) && message.contains("0x80060892"),
        "{message}"
    );
    assert_eq!(name_of(&europe, 3).await, "a");
}

#[tokio::test]
async fn a_lookup_whose_row_never_comes_fails_the_run() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "old"})).await;
    clock_forward(&us, 60).await;
    copied(&us).await;
    assert_eq!(
        europe.delete(&format!("accounts({})", id(1))).await.status,
        204
    );
    clock_forward(&us, 60).await;
    let contact = json!({"contactid": id(2), "lastname": "Orphan",
        "parentcustomerid_account@odata.bind": format!("/accounts({})", id(1))});
    assert_eq!(us.post("contacts", contact).await.status, 204);
    let name = triggered(&us).await;
    assert_eq!(over(&us, &name).await["status"], "Failed");
    let actions = actions(&us, &name).await;
    assert_eq!(actions[3].1, "Succeeded");
    assert_eq!(
        (actions[5].0.as_str(), actions[5].1.as_str()),
        ("Set_contact_lookups", "Failed")
    );
    assert_eq!(
        europe.get(&format!("contacts({})", id(2))).await.status,
        200
    );
}

#[tokio::test]
async fn throttling_is_waited_for_and_refusals_are_not() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    europe
        .arm(json!({"method": "PATCH", "status": 429, "retry_after": 1, "count": 2}))
        .await;
    let started = Instant::now();
    copied(&us).await;
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!(name_of(&europe, 1).await, "a");
    let edit = json!({"name": "b"});
    let edited = us.patch(&format!("accounts({})", id(1)), edit).await;
    assert_eq!(edited.status, 204);

    for (fault, code) in [
        (
            json!({"method": "PATCH", "status": 429, "retry_after": 90_000}),
            "TooManyRequests",
        ),
        (
            json!({"method": "PATCH", "status": 503}),
            "ServiceUnavailable",
        ),
        (
            json!({"client": SYNC_CLIENT_ID, "status": 403}),
            "Forbidden",
        ),
        (
            json!({"path": "oauth2", "status": 500}),
            "InternalServerError",
        ),
    ] {
        europe.arm(fault.clone()).await;
        let name = triggered(&us).await;
        assert_eq!(over(&us, &name).await["status"], "Failed", "{fault}");
        assert_eq!(actions(&us, &name).await[2].2["code"], code, "{fault}");
    }
}

#[tokio::test]
async fn a_us_that_answers_nonsense_fails_the_reading() {
    let emulated = working().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    for fault in [
        json!({"body": "<html>busy</html>", "table": "account"}),
        json!({"truncate": true, "table": "account"}),
        json!({"reset": "before", "table": "account"}),
        json!({"next_link": "http://127.0.0.1:9", "table": "account"}),
    ] {
        us.arm(fault.clone()).await;
        let name = triggered(&us).await;
        assert_eq!(over(&us, &name).await["status"], "Failed", "{fault}");
        let (action, status, _) = actions(&us, &name).await[0].clone();
        assert_eq!(
            (action.as_str(), status.as_str()),
            ("List_accounts", "Failed")
        );
    }
}

#[tokio::test]
async fn in_the_demo_a_run_brings_over_what_the_last_one_missed() {
    let emulated = Emulated::with(Options {
        workflow: true,
        ..Options::default()
    })
    .await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let name = triggered(&us).await;
    let run = over(&us, &name).await;
    assert_eq!(run["status"], "Succeeded", "{run}");
    let actions = actions(&us, &name).await;
    let done = actions[2].2["trackedProperties"]["done"].as_u64().unwrap();
    assert!((25..60).contains(&done), "{run} {actions:?}");
    let missing = async |set: &str, key: &str| {
        let theirs = europe.column(&format!("{set}?$select={key}"), key).await;
        let ours = us.column(&format!("{set}?$select={key}"), key).await;
        ours.iter().filter(|id| !theirs.contains(id)).count()
    };
    assert_eq!(
        missing("accounts", "accountid").await,
        1,
        "an old duplicate"
    );
    assert_eq!(missing("contacts", "contactid").await, 0);
}

#[tokio::test]
async fn the_workflow_copies_over_https_too() {
    let emulated = Emulated::with(Options {
        data: Data::Empty,
        workflow: true,
        tls: true,
        ..Options::default()
    })
    .await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    copied(&us).await;
    assert_eq!(name_of(&emulated.europe(), 1).await, "a");
    let callback = logic(&us, "POST", "/triggers/manual/listCallbackUrl").await;
    let url = callback.json()["value"].as_str().unwrap().to_owned();
    assert!(url.starts_with(us.origin), "{url}");
    assert_eq!(us.send("POST", &url, &[], None).await.status, 202);
}
