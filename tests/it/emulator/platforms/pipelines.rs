//! Data Factory, Synapse and Functions, over the same runs.

use super::*;

const FACTORY: &str =
    "/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.DataFactory/factories/f1";
const CREATE: &str = "/pipelines/sync-accounts-contacts/createRun";

async fn factory(us: &Api<'_>, method: &str, rest: &str, body: Option<Json>) -> Answer {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let url = format!(
        "{}{FACTORY}{path}?api-version=2018-06-01&{query}",
        us.origin
    );
    us.send(method, &url, &[], body).await
}

async fn synapse(us: &Api<'_>, method: &str, path: &str, body: Option<Json>) -> Answer {
    let url = format!("{}{path}?api-version=2020-12-01", us.origin);
    us.send(method, &url, &[], body).await
}

fn all(filters: Json) -> Json {
    json!({"lastUpdatedAfter": "2020-01-01T00:00:00Z", "lastUpdatedBefore": "2199-01-01T00:00:00Z", "filters": filters})
}

/// A pipeline run, once it is over.
async fn ended(us: &Api<'_>, id: &str) -> Json {
    let started = Instant::now();
    loop {
        let answer = factory(us, "GET", &format!("/pipelineruns/{id}"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let run = answer.json();
        if run["runEnd"].is_string() {
            return run;
        }
        assert!(started.elapsed() < PATIENCE, "{run}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn created(us: &Api<'_>, rest: &str, parameters: Option<Json>) -> String {
    let answer = factory(us, "POST", rest, parameters).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["runId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_data_factory_runs_lists_and_recovers_the_same_job() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "old"})).await;
    europe.arm(json!({"method": "PATCH", "status": 503})).await;
    let failed = created(&us, CREATE, Some(json!({"reason": "test"}))).await;
    let run = ended(&us, &failed).await;
    assert_eq!(run["status"], "Failed");
    assert_eq!(run["pipelineName"], "sync-accounts-contacts");
    assert_eq!(run["parameters"]["reason"], "test");
    assert_eq!(run["invokedBy"]["name"], "Manual");
    assert!(run["durationInMs"].is_number());
    let message = run["message"].as_str().unwrap();
    assert!(
        message.starts_with("Operation on target Upsert_accounts failed"),
        "{message}"
    );

    let newer = json!({"name": "new"});
    assert_eq!(
        us.patch(&format!("accounts({})", id(1)), newer)
            .await
            .status,
        204
    );
    let rerun =
        format!("{CREATE}?referencePipelineRunId={failed}&isRecovery=true&startFromFailure=true");
    let recovered = created(&us, &rerun, None).await;
    let run = ended(&us, &recovered).await;
    assert_eq!(run["status"], "Succeeded");
    assert_eq!(run["runGroupId"], failed.as_str());
    assert_eq!(run["parameters"]["reason"], "test");
    assert_eq!(name_of(&europe, 1).await, "old", "the original input");
    let first = ended(&us, &failed).await;
    assert_eq!(
        (&first["isLatest"], &run["isLatest"]),
        (&json!(false), &json!(true))
    );

    let query = async |filters: Json| {
        let answer = factory(&us, "POST", "/queryPipelineRuns", Some(all(filters))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let runs = answer.json()["value"].as_array().unwrap().clone();
        runs.into_iter()
            .map(|run| run["runId"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let by = |operand: &str, operator: &str, value: &str| json!([{"operand": operand, "operator": operator, "values": [value]}]);
    assert_eq!(
        query(json!([])).await,
        [recovered.as_str(), failed.as_str()]
    );
    assert_eq!(
        query(by("Status", "Equals", "Failed")).await,
        [failed.as_str()]
    );
    assert_eq!(
        query(by("Status", "NotIn", "Failed")).await,
        [recovered.as_str()]
    );
    assert_eq!(query(by("PipelineName", "Equals", "other")).await, [""; 0]);
    let mut early = all(json!([]));
    early["lastUpdatedBefore"] = json!("2021-01-01T00:00:00Z");
    let none = factory(&us, "POST", "/queryPipelineRuns", Some(early))
        .await
        .json();
    assert_eq!(none["value"], json!([]));
    // The Logic App shows them too.
    assert_eq!(runs(&us, "").await.len(), 2);
}

#[tokio::test]
async fn a_recovery_begins_where_it_is_told() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    let contact = json!({"contactid": id(2), "lastname": "L"});
    assert_eq!(us.post("contacts", contact).await.status, 204);
    europe
        .arm(json!({"method": "PATCH", "status": 503, "table": "contact"}))
        .await;
    let failed = created(&us, CREATE, None).await;
    assert_eq!(ended(&us, &failed).await["status"], "Failed");
    let edited = json!({"name": "edited"});
    assert_eq!(
        europe
            .patch(&format!("accounts({})", id(1)), edited)
            .await
            .status,
        204
    );

    let rerun = format!("{CREATE}?referencePipelineRunId={failed}&isRecovery=true");
    let from_failure = created(&us, &format!("{rerun}&startFromFailure=true"), None).await;
    assert_eq!(ended(&us, &from_failure).await["status"], "Succeeded");
    assert_eq!(
        name_of(&europe, 1).await,
        "edited",
        "accounts were not written again"
    );
    let from_activity = format!("{rerun}&startActivityName=Upsert_accounts");
    let from_activity = created(&us, &from_activity, None).await;
    assert_eq!(ended(&us, &from_activity).await["status"], "Succeeded");
    assert_eq!(name_of(&europe, 1).await, "a");

    for query in [
        format!("referencePipelineRunId={failed}&startFromFailure=true"),
        format!("referencePipelineRunId={failed}&isRecovery=true&startActivityName=Nothing"),
        format!("referencePipelineRunId={failed}&isRecovery=perhaps"),
        format!("referencePipelineRunId={from_failure}&isRecovery=true&startFromFailure=true"),
        "isRecovery=true".to_owned(),
    ] {
        let refused = factory(&us, "POST", &format!("{CREATE}?{query}"), None).await;
        assert_eq!(refused.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_pipeline_run_is_cancelled() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    europe
        .arm(json!({"method": "PATCH", "delay_ms": 5000}))
        .await;
    let run = created(&us, CREATE, None).await;
    until("it runs", async || {
        factory(&us, "GET", &format!("/pipelineruns/{run}"), None)
            .await
            .json()["status"]
            == "InProgress"
    })
    .await;
    let queued = created(&us, CREATE, None).await;
    let status = factory(&us, "GET", &format!("/pipelineruns/{queued}"), None)
        .await
        .json();
    assert_eq!(status["status"], "Queued");
    for id in [&queued, &run] {
        let cancel = format!("/pipelineruns/{id}/cancel");
        assert_eq!(factory(&us, "POST", &cancel, None).await.status, 200);
        assert_eq!(ended(&us, id).await["status"], "Cancelled");
        assert_eq!(factory(&us, "POST", &cancel, None).await.status, 400);
    }
}

#[tokio::test]
async fn long_lists_of_pipeline_runs_go_on_behind_a_token() {
    let emulated = working().await;
    let us = emulated.us();
    for _ in 0..101 {
        let run = created(&us, CREATE, None).await;
        ended(&us, &run).await;
    }
    let mut asked = all(json!([]));
    let first = factory(&us, "POST", "/queryPipelineRuns", Some(asked.clone()))
        .await
        .json();
    assert_eq!(first["value"].as_array().unwrap().len(), 100);
    asked["continuationToken"] = first["continuationToken"].clone();
    let second = factory(&us, "POST", "/queryPipelineRuns", Some(asked.clone()))
        .await
        .json();
    assert_eq!(second["value"].as_array().unwrap().len(), 1);
    assert_eq!(second["continuationToken"], Json::Null);
    asked["continuationToken"] = Json::Null;
    asked["orderBy"] = json!([{"orderBy": "RunStart", "order": "ASC"}]);
    let oldest = factory(&us, "POST", "/queryPipelineRuns", Some(asked))
        .await
        .json();
    assert_eq!(oldest["value"][0], second["value"][0]);
}

#[tokio::test]
async fn synapse_has_the_same_calls_at_its_root() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    let started = synapse(&us, "POST", CREATE, None).await;
    assert_eq!(started.status, 202, "{started:?}");
    let run = started.json()["runId"].as_str().unwrap().to_owned();
    ended(&us, &run).await;
    let shown = synapse(&us, "GET", &format!("/pipelineruns/{run}"), None)
        .await
        .json();
    assert_eq!(shown["status"], "Succeeded");
    assert_eq!(name_of(&europe, 1).await, "a");
    let list = synapse(&us, "POST", "/queryPipelineRuns", Some(all(json!([]))))
        .await
        .json();
    assert_eq!(list["value"][0]["runId"], run.as_str());
    let missing = synapse(&us, "GET", &format!("/pipelineruns/{}", id(9)), None).await;
    assert_eq!(missing.refusal(), (404, "PipelineRunNotFound".to_owned()));
}

#[tokio::test]
async fn wrong_questions_of_pipelines_are_refused() {
    let emulated = working().await;
    let us = emulated.us();
    let other = factory(&us, "POST", "/pipelines/other/createRun", None).await;
    assert_eq!(other.refusal(), (404, "PipelineNotFound".to_owned()));
    for body in [
        json!({}),
        json!({"lastUpdatedAfter": "yesterday", "lastUpdatedBefore": "today"}),
        all(json!([{"operand": "Status", "operator": "Like", "values": ["x"]}])),
        all(json!([{"operand": "Status", "operator": "Equals", "values": []}])),
        all(json!("Failed")),
        json!([]),
    ] {
        let refused = factory(&us, "POST", "/queryPipelineRuns", Some(body.clone())).await;
        assert_eq!(refused.status, 400, "{body}");
    }
    let by_activity =
        all(json!([{"operand": "ActivityName", "operator": "Equals", "values": ["x"]}]));
    let refused = factory(&us, "POST", "/queryPipelineRuns", Some(by_activity)).await;
    assert_eq!(refused.status, 501);
    let url = format!("{}{FACTORY}/pipelineruns/{}", us.origin, id(1));
    assert_eq!(
        us.get(&url).await.refusal(),
        (400, "MissingApiVersionParameter".to_owned())
    );
}

#[tokio::test]
async fn a_function_is_run_by_hand_with_the_hosts_key() {
    let emulated = working().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "a"})).await;
    let call = async |name: &str, key: &str, body: Json| {
        let url = format!("{}/admin/functions/{name}", us.origin);
        us.send("POST", &url, &[("x-functions-key", key)], Some(body))
            .await
            .status
            .as_u16()
    };
    let name = "sync-accounts-contacts";
    assert_eq!(call(name, "wrong", json!({"input": ""})).await, 401);
    assert_eq!(call("other", &us.token, json!({"input": ""})).await, 404);
    assert_eq!(call(name, &us.token, json!("text")).await, 400);
    assert!(runs(&us, "").await.is_empty());
    assert_eq!(call(name, &us.token, json!({"input": ""})).await, 202);
    let run = runs(&us, "").await.remove(0);
    assert_eq!(over(&us, &run).await["status"], "Succeeded");
    assert_eq!(name_of(&europe, 1).await, "a");
}
