//! Power Automate: the workflow as a Dataverse row that switches it, and its runs as rows with a limited life.

use super::*;

async fn flow(us: &Api<'_>) -> Json {
    let list = us.get("workflows?$filter=category eq 5").await.json();
    let rows = list["value"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

async fn flow_runs(us: &Api<'_>, query: &str) -> Vec<Json> {
    let answer = us.get(&format!("flowruns?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_flows_row_and_the_workflows_state_are_one() {
    let emulated = working().await;
    let us = emulated.us();
    let row = flow(&us).await;
    assert_eq!(row["name"], "sync-accounts-contacts");
    assert_eq!(
        (&row["statecode"], &row["statuscode"]),
        (&json!(1), &json!(2))
    );
    let url = format!("workflows({})", row["workflowid"].as_str().unwrap());

    assert_eq!(us.patch(&url, json!({"statecode": 0})).await.status, 204);
    let state = async || logic(&us, "GET", "").await.json()["properties"]["state"].clone();
    assert_eq!(state().await, "Disabled");
    assert_eq!(logic(&us, "POST", "/triggers/manual/run").await.status, 400);
    clock_forward(&us, 86_400).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(runs(&us, "").await.is_empty());

    assert_eq!(us.patch(&url, json!({"statecode": 1})).await.status, 204);
    assert_eq!(state().await, "Enabled");
    clock_forward(&us, 86_400).await;
    until("the daily run", async || runs(&us, "").await.len() == 1).await;

    assert_eq!(logic(&us, "POST", "/disable").await.status, 200);
    assert_eq!(flow(&us).await["statecode"], 0);
    assert_eq!(logic(&us, "POST", "/enable").await.status, 200);
    assert_eq!(flow(&us).await["statecode"], 1);
    assert_eq!(
        emulated.europe().get("workflows?$select=name").await.json()["value"],
        json!([])
    );
}

#[tokio::test]
async fn past_runs_are_rows_for_28_days() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    europe.arm(json!({"method": "PATCH", "status": 503})).await;
    let failed = triggered(&us).await;
    assert_eq!(over(&us, &failed).await["status"], "Failed");
    let good = copied(&us).await;
    until("both are written", async || {
        flow_runs(&us, "").await.len() == 2
    })
    .await;

    let rows = flow_runs(&us, "$filter=status eq 'Failed'").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["name"], failed.as_str());
    assert_eq!(rows[0]["errorcode"], "ActionFailed");
    let message = rows[0]["errormessage"].as_str().unwrap();
    assert!(message.contains("503"), "{message}");
    assert_eq!(rows[0]["triggertype"], "Instant");
    assert_eq!(rows[0]["_workflow_value"], flow(&us).await["workflowid"]);
    assert!(rows[0]["duration"].is_number() && rows[0]["starttime"].is_string());
    let rows = flow_runs(&us, "$filter=status eq 'Success'").await;
    assert_eq!(rows[0]["name"], good.as_str());

    logic(&us, "POST", "/disable").await;
    clock_forward(&us, 28 * 86_400 + 60).await;
    until("they are gone", async || {
        flow_runs(&us, "").await.is_empty()
    })
    .await;
    assert_eq!(
        runs(&us, "").await.len(),
        2,
        "a Logic App keeps them for 90 days"
    );
}

#[tokio::test]
async fn a_run_that_was_cancelled_is_a_row_too() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    europe
        .arm(json!({"method": "PATCH", "delay_ms": 3000}))
        .await;
    let (running, waiting) = (triggered(&us).await, triggered(&us).await);
    for name in [&waiting, &running] {
        assert_eq!(
            logic(&us, "POST", &format!("/runs/{name}/cancel"))
                .await
                .status,
            200
        );
    }
    until("both are written", async || {
        flow_runs(&us, "$filter=status eq 'Cancelled'").await.len() == 2
    })
    .await;
}

#[tokio::test]
async fn past_runs_are_paged_by_the_times_that_they_show() {
    let emulated = working().await;
    let us = emulated.us();
    for _ in 0..3 {
        copied(&us).await;
    }
    until("all are written", async || {
        flow_runs(&us, "").await.len() == 3
    })
    .await;
    for column in ["starttime", "endtime"] {
        for row in flow_runs(&us, "").await {
            let filter = format!("$filter={column} eq {}", row[column].as_str().unwrap());
            let same = flow_runs(&us, &filter).await;
            assert!(
                same.iter().any(|other| other["name"] == row["name"]),
                "{filter}"
            );
        }
        let mut names = Vec::new();
        let mut url = format!("flowruns?$orderby={column}");
        for _ in 0..3 {
            let prefer = [("prefer", "odata.maxpagesize=1")];
            let page = us.send("GET", &url, &prefer, None).await.json();
            names.push(page["value"][0]["name"].to_string());
            url = page["@odata.nextLink"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
        }
        assert_eq!(url, "", "the third page is the last");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 3);
    }
}
