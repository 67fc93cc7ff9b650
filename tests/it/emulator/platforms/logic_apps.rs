//! A Logic App's management API: lists, re-runs, cancelling, the daily trigger, the callback URL, and who may.

use super::*;

#[tokio::test]
async fn a_resubmitted_run_writes_its_old_data_over_newer() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "old"})).await;
    let first = copied(&us).await;
    let newer = json!({"name": "new"});
    assert_eq!(
        us.patch(&format!("accounts({})", id(1)), newer)
            .await
            .status,
        204
    );
    copied(&us).await;
    assert_eq!(name_of(&europe, 1).await, "new");

    let path = format!("/triggers/manual/histories/{first}/resubmit");
    let answer = logic(&us, "POST", &path).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
    let again = runs(&us, "$top=1").await.remove(0);
    assert_ne!(again, first);
    assert_eq!(over(&us, &again).await["status"], "Succeeded");
    assert_eq!(name_of(&europe, 1).await, "old", "as the run read it");
    assert_eq!(name_of(&us, 1).await, "new");
    assert_eq!(runs(&us, "").await.len(), 3);
}

#[tokio::test]
async fn a_failed_run_is_made_good_by_resubmitting_it() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    europe.arm(json!({"status": 503, "method": "PATCH"})).await;
    let failed = triggered(&us).await;
    assert_eq!(over(&us, &failed).await["status"], "Failed");
    let path = format!("/triggers/manual/histories/{failed}/resubmit");
    assert_eq!(logic(&us, "POST", &path).await.status, 202);
    let again = runs(&us, "$top=1").await.remove(0);
    assert_eq!(over(&us, &again).await["status"], "Succeeded");
    assert_eq!(name_of(&europe, 1).await, "a");
}

#[tokio::test]
async fn a_run_under_way_is_cancelled_and_one_that_waits_never_begins() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    for number in 1..=20 {
        us.account(&id(number), json!({"name": "a"})).await;
    }
    europe
        .arm(json!({"method": "PATCH", "delay_ms": 300, "count": null}))
        .await;
    let (running, waiting) = (triggered(&us).await, triggered(&us).await);
    until("it upserts", async || {
        actions(&us, &running)
            .await
            .iter()
            .any(|(name, status, _)| name == "Upsert_accounts" && status == "Running")
    })
    .await;
    let status = logic(&us, "GET", &format!("/runs/{waiting}")).await.json();
    assert_eq!(status["properties"]["status"], "Waiting");

    for name in [&waiting, &running] {
        assert_eq!(
            logic(&us, "POST", &format!("/runs/{name}/cancel"))
                .await
                .status,
            200
        );
        assert_eq!(over(&us, name).await["status"], "Cancelled");
        let again = logic(&us, "POST", &format!("/runs/{name}/cancel")).await;
        assert_eq!(again.status, 409, "it is over: {again:?}");
    }
    let actions = actions(&us, &running).await;
    assert_eq!(actions[2].1, "Cancelled");
    assert_eq!(actions[3].1, "Skipped");
    let copied = europe
        .column("accounts?$select=accountid", "accountid")
        .await;
    assert!(copied.len() < 20, "{}", copied.len());
}

#[tokio::test]
async fn the_clock_starts_a_run_a_day_while_the_workflow_is_enabled() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(runs(&us, "").await.is_empty(), "not before a day is over");
    clock_forward(&us, 86_400).await;
    let moved = Instant::now();
    until("a run", async || runs(&us, "").await.len() == 1).await;
    assert!(moved.elapsed() < Duration::from_millis(1500));
    let daily = runs(&us, "").await.remove(0);
    let run = over(&us, &daily).await;
    assert_eq!(run["status"], "Succeeded");
    assert_eq!(run["trigger"]["name"], "Recurrence");
    assert_eq!(name_of(&europe, 1).await, "a");
    let histories = logic(&us, "GET", "/triggers/Recurrence/histories")
        .await
        .json();
    assert_eq!(histories["value"][0]["name"], daily.as_str());
    assert_eq!(histories["value"][0]["properties"]["fired"], true);

    // Days that were slept through are one run, and the next is due at the same time of day.
    clock_forward(&us, 3 * 86_400 + 3600).await;
    until("the next run", async || runs(&us, "").await.len() == 2).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(runs(&us, "").await.len(), 2);
    clock_forward(&us, 86_400 - 3600).await;
    until("the run after", async || runs(&us, "").await.len() == 3).await;

    assert_eq!(logic(&us, "POST", "/disable").await.status, 200);
    assert_eq!(state(&us).await, "Disabled");
    clock_forward(&us, 2 * 86_400).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(runs(&us, "").await.len(), 3, "disabled");
    for path in [
        "/triggers/manual/run".to_owned(),
        "/triggers/Recurrence/run".to_owned(),
        format!("/triggers/Recurrence/histories/{daily}/resubmit"),
    ] {
        let refused = logic(&us, "POST", &path).await;
        assert_eq!(
            refused.refusal(),
            (400, "WorkflowTriggerIsNotEnabled".to_owned()),
            "{path}"
        );
    }
    assert_eq!(logic(&us, "POST", "/enable").await.status, 200);
    assert_eq!(state(&us).await, "Enabled");
    clock_forward(&us, 86_400).await;
    until("a run again", async || runs(&us, "").await.len() == 4).await;
}

async fn state(us: &Api<'_>) -> Json {
    let workflow = logic(us, "GET", "").await.json();
    assert_eq!(workflow["name"], "sync-accounts-contacts");
    assert_eq!(workflow["type"], "Microsoft.Logic/workflows");
    assert_eq!(workflow["id"], BASE);
    workflow["properties"]["state"].clone()
}

#[tokio::test]
async fn without_being_told_the_workflow_is_disabled_and_a_scenario_may_tell() {
    let emulated = Emulated::empty().await;
    assert_eq!(state(&emulated.us()).await, "Disabled");
    let emulated = Emulated::playing("story = \"s\"\nworkflow = true").await;
    assert_eq!(state(&emulated.us()).await, "Enabled");
}

#[tokio::test]
async fn runs_are_listed_by_filter_and_page() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    let mut made = Vec::new();
    for number in 0..5 {
        if number == 2 {
            europe.arm(json!({"status": 503, "method": "PATCH"})).await;
        }
        let url = format!(
            "{}{BASE}/triggers/manual/run?api-version=2019-05-01",
            us.origin
        );
        let tracking = format!("track-{number}");
        let headers = [("x-ms-client-tracking-id", tracking.as_str())];
        let answer = us.send("POST", &url, &headers, None).await;
        let name = answer.header("x-ms-workflow-run-id").to_owned();
        over(&us, &name).await;
        made.push(name);
        // Only then does a changed row make the next run write.
        let edit = json!({"name": format!("{number}")});
        us.patch(&format!("accounts({})", id(1)), edit).await;
        clock_forward(&us, 3600).await;
    }
    made.reverse();
    assert_eq!(runs(&us, "").await, made, "newest first");
    assert_eq!(
        runs(&us, "$filter=status%20eq%20'Failed'").await,
        [made[2].as_str()]
    );
    assert_eq!(
        runs(&us, "$filter=ClientTrackingId%20eq%20'track-3'").await,
        [made[1].as_str()]
    );
    let third = logic(&us, "GET", &format!("/runs/{}", made[2]))
        .await
        .json();
    let time = third["properties"]["startTime"]
        .as_str()
        .unwrap()
        .to_owned();
    for (comparison, expected) in [
        ("gt", &made[..2]),
        ("ge", &made[..3]),
        ("eq", &made[2..3]),
        ("lt", &made[3..]),
        ("le", &made[2..]),
    ] {
        let query = format!("$filter=startTime+{comparison}+{time}");
        assert_eq!(runs(&us, &query).await, expected, "{comparison}");
    }
    let query = format!("$filter=StartTime+ge+{time}+and+Status+eq+'Succeeded'");
    assert_eq!(runs(&us, &query).await, made[..2]);

    let mut paged = Vec::new();
    let mut page = logic(
        &us,
        "GET",
        "/runs?$top=2&$filter=startTime%20gt%202020-01-01",
    )
    .await;
    loop {
        assert_eq!(page.status, 200, "{page:?}");
        let list = page.json();
        assert!(names(&list).len() <= 2);
        paged.extend(names(&list));
        let Some(next) = list["nextLink"].as_str() else {
            break;
        };
        page = us.get(next).await;
    }
    assert_eq!(paged, made);

    for query in [
        "$filter=nonsense",
        "$filter=status%20eq%20'Failed",
        "$filter=name%20eq%20'x'",
        "$top=0",
        "$top=many",
    ] {
        assert_eq!(
            logic(&us, "GET", &format!("/runs?{query}")).await.status,
            400,
            "{query}"
        );
    }
    for query in ["$filter=status%20ne%20'Failed'", "$orderby=startTime"] {
        assert_eq!(
            logic(&us, "GET", &format!("/runs?{query}")).await.status,
            501,
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_callback_url_starts_a_run_for_whoever_has_its_signature() {
    let emulated = working().await;
    let us = emulated.us();
    let answer = logic(&us, "POST", "/triggers/manual/listCallbackUrl")
        .await
        .json();
    let url = answer["value"].as_str().unwrap();
    let signature = answer["queries"]["sig"].as_str().unwrap();
    assert_eq!(answer["method"], "POST");
    assert!(url.starts_with(answer["basePath"].as_str().unwrap()));
    let anybody = us.as_bearer("nobody");
    let called = anybody.send("POST", url, &[], Some(json!({}))).await;
    assert_eq!((called.status.as_u16(), called.text.as_str()), (202, ""));
    let run = over(&us, called.header("x-ms-workflow-run-id")).await;
    assert_eq!(run["trigger"]["name"], "manual");

    let wrong = url.replace(signature, "wrong");
    assert_eq!(anybody.send("POST", &wrong, &[], None).await.status, 401);
    let without = url.replace(&format!("&sig={signature}"), "");
    let refused = anybody.send("POST", &without, &[], None).await;
    assert_eq!(
        refused.refusal(),
        (401, "DirectApiAuthorizationRequired".to_owned())
    );
    logic(&us, "POST", "/disable").await;
    let refused = anybody.send("POST", url, &[], None).await;
    assert_eq!(
        refused.refusal(),
        (400, "WorkflowTriggerIsNotEnabled".to_owned())
    );
    assert_eq!(runs(&us, "").await.len(), 1);
    let log = serde_json::to_string(&us.log().await).unwrap();
    assert!(log.contains("paths/invoke") && !log.contains(signature));
    let refused = logic(&us, "POST", "/triggers/Recurrence/listCallbackUrl").await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn each_audience_takes_its_own_tokens_only() {
    let emulated = working().await;
    let us = emulated.us();
    let token = async |scope: &str| {
        let answer = us.token_for("operator", &us.token, scope).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        us.as_bearer(answer.json()["access_token"].as_str().unwrap())
    };
    let management = token(MANAGEMENT).await;
    let synapse = token("https://dev.azuresynapse.net/.default").await;
    let dataverse = us.signed_in("operator").await;
    let pipelines = format!(
        "{}/pipelineruns/{}?api-version=2020-12-01",
        us.origin,
        id(1)
    );

    assert_eq!(logic(&management, "GET", "/runs").await.status, 200);
    assert_eq!(synapse.get(&pipelines).await.status, 404);
    assert_eq!(dataverse.get("WhoAmI").await.status, 200);
    for wrong in [&synapse, &dataverse] {
        let refused = logic(wrong, "GET", "/runs").await;
        assert_eq!(
            refused.refusal(),
            (401, "InvalidAuthenticationTokenAudience".to_owned())
        );
        assert!(refused.header("www-authenticate").starts_with("Bearer "));
    }
    for wrong in [&management, &dataverse] {
        assert_eq!(
            wrong.get(&pipelines).await.refusal(),
            (401, "InvalidAuthenticationTokenAudience".to_owned())
        );
    }
    for wrong in [&management, &synapse] {
        assert_eq!(wrong.get("WhoAmI").await.status, 401);
    }
    let refused = logic(&us.as_bearer("made-up"), "GET", "/runs").await;
    assert_eq!(
        refused.refusal(),
        (401, "InvalidAuthenticationToken".to_owned())
    );
    let url = format!("{}{BASE}/runs?api-version=2019-05-01", us.origin);
    let refused = emulated.client.get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(
        refused
            .text()
            .await
            .unwrap()
            .contains("AuthenticationFailed")
    );
    let stranger = us.token_for("unknown", &us.token, MANAGEMENT).await.json();
    let stranger = us.as_bearer(stranger["access_token"].as_str().unwrap());
    assert_eq!(
        logic(&stranger, "GET", "/runs").await.refusal(),
        (403, "AuthorizationFailed".to_owned())
    );
    clock_forward(&us, 3600).await;
    assert_eq!(
        logic(&management, "GET", "/runs").await.status,
        401,
        "expired"
    );
    let europe = emulated.europe();
    let refused = europe.token_for("operator", &us.token, MANAGEMENT).await;
    assert_eq!(refused.status, 400, "Europe has no platform");
    let url = format!("{}{BASE}/runs?api-version=2019-05-01", europe.origin);
    assert_eq!(europe.get(&url).await.status, 404);
}

#[tokio::test]
async fn what_is_not_there_is_refused_as_azure_does() {
    let emulated = working().await;
    let us = emulated.us();
    let get = async |path: String| us.get(&format!("{}{path}", us.origin)).await;
    assert_eq!(
        get(format!("{BASE}/runs")).await.refusal(),
        (400, "MissingApiVersionParameter".to_owned())
    );
    for version in ["2099-01-01", "latest"] {
        assert_eq!(
            get(format!("{BASE}/runs?api-version={version}"))
                .await
                .refusal(),
            (400, "InvalidApiVersionParameter".to_owned())
        );
    }
    let other = BASE.replace("sync-accounts-contacts", "other");
    assert_eq!(
        get(format!("{other}/runs?api-version=2019-05-01"))
            .await
            .refusal(),
        (404, "WorkflowNotFound".to_owned())
    );
    for (method, path, code) in [
        ("GET", "/runs/nothing", "WorkflowRunNotFound"),
        ("GET", "/runs/nothing/actions", "WorkflowRunNotFound"),
        ("POST", "/runs/nothing/cancel", "WorkflowRunNotFound"),
        ("POST", "/triggers/nothing/run", "WorkflowTriggerNotFound"),
        (
            "POST",
            "/triggers/manual/histories/nothing/resubmit",
            "WorkflowTriggerHistoryNotFound",
        ),
    ] {
        let refused = logic(&us, method, path).await;
        assert_eq!(refused.refusal(), (404, code.to_owned()), "{path}");
    }
    for (method, path) in [
        ("GET", "/versions"),
        ("DELETE", "/runs/nothing"),
        ("GET", "/triggers"),
    ] {
        assert_eq!(logic(&us, method, path).await.status, 501, "{path}");
    }
    for path in [
        "/subscriptions",
        "/subscriptions/s1/resourceGroups",
        "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Sql/servers/s",
        "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Logic/workflows",
        "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.DataFactory/factories",
    ] {
        assert_eq!(get(path.to_owned()).await.status, 501, "{path}");
    }
    for path in [
        "/workflows",
        "/workflows/x/triggers/manual",
        "/admin",
        "/admin/functions",
    ] {
        assert_eq!(get(path.to_owned()).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_standard_flavour_shows_the_same_runs() {
    let emulated = working().await;
    let us = emulated.us();
    let base = format!(
        "{}/subscriptions/s/resourcegroups/r/providers/microsoft.web/sites/app/hostruntime/runtime/webhooks/workflow/api/\
         management/workflows/sync-accounts-contacts",
        us.origin
    );
    let first = copied(&us).await;
    let list = us.get(&format!("{base}/runs?api-version=2024-11-01")).await;
    assert_eq!(names(&list.json()), [first.as_str()]);
    let undated = us.get(&format!("{base}/runs?api-version=latest")).await;
    assert_eq!(undated.status, 400);
    let resubmit =
        format!("{base}/triggers/manual/histories/{first}/resubmit?api-version=2024-11-01");
    assert_eq!(us.send("POST", &resubmit, &[], None).await.status, 202);
    assert_eq!(runs(&us, "").await.len(), 2);
}

#[tokio::test]
async fn management_calls_are_logged_and_faults_strike_them_by_path() {
    let emulated = working().await;
    let us = emulated.us();
    us.arm(json!({"path": "/runs", "status": 429, "retry_after": 7, "code": "TooManyRequests"}))
        .await;
    let answer = logic(&us, "GET", "/runs").await;
    assert_eq!(answer.refusal(), (429, "TooManyRequests".to_owned()));
    assert_eq!(answer.header("retry-after"), "7");
    let answer = logic(&us, "GET", "/runs").await;
    assert_eq!(answer.status, 200, "a rule strikes once");
    for name in [
        "x-ms-request-id",
        "x-ms-ratelimit-remaining-subscription-reads",
    ] {
        assert!(!answer.header(name).is_empty(), "{name}");
    }
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8"
    );
    us.arm(json!({"status": 503})).await;
    assert_eq!(
        logic(&us, "GET", "/runs").await.status,
        200,
        "it names no path"
    );
    let log = us.log().await;
    let entries: Vec<_> = log
        .iter()
        .filter(|entry| entry["path"].as_str().unwrap().ends_with("/runs"))
        .collect();
    assert_eq!(entries.len(), 3, "{log:?}");
    assert_eq!(entries[0]["status"], 429);
    assert_eq!(
        entries[1]["user"],
        user_id(tandem::emulator::US, "tandem").to_string()
    );
}

#[tokio::test]
async fn no_nonsense_is_answered_with_success() {
    let emulated = working().await;
    let us = emulated.us();
    let run = copied(&us).await;
    let paths = [
        format!("{BASE}//"),
        format!("{BASE}/runs/"),
        format!("{BASE}/runs/{run}/"),
        format!("{BASE}/runs/{run}/actions/"),
        format!("{BASE}/runs/%00"),
        format!("{BASE}/triggers//histories"),
        format!("{BASE}/triggers/manual/histories/{run}/resubmit/now"),
        format!("{BASE}/runs?$filter=%ff"),
        format!("{BASE}/runs?$top=99999999999999999999"),
        format!("{BASE}/runs?$top=-1"),
        "/subscriptions/".to_owned(),
        "/subscriptions/a/resourceGroups/b/providers/Microsoft.Web/sites/c/hostruntime".to_owned(),
        "/pipelineruns".to_owned(),
        "/pipelineruns/not-a-guid".to_owned(),
        "/pipelines//createRun".to_owned(),
        "/queryPipelineRuns/x".to_owned(),
        "/workflows//triggers//paths/invoke?sig=".to_owned(),
        "/admin/functions/".to_owned(),
    ];
    for path in &paths {
        let version = if path.starts_with("/subscriptions") {
            "2019-05-01"
        } else {
            "2020-12-01"
        };
        let mark = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{mark}api-version={version}", us.origin);
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            for body in [None, Some(json!([[[]]]))] {
                let answer = us.send(method, &url, &[], body).await;
                let status = answer.status.as_u16();
                assert!((400..502).contains(&status), "{method} {url}: {answer:?}");
                assert_ne!(status, 500, "{method} {url}: {answer:?}");
            }
        }
    }
    assert_eq!(runs(&us, "").await, [run], "and it started nothing");
}
