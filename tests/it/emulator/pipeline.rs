//! Steps that clients register: their stages, their order, what undoes what, and what runs after the reply.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Api, Emulated};

/// A step as a client registers it; the rest of the body lies over it.
pub async fn register(
    api: &Api<'_>,
    message: &str,
    table: &str,
    handler: &str,
    mut more: Json,
) -> String {
    let first = |rows: Vec<Json>| rows.first().cloned().unwrap_or_default();
    let id_of = async |path: String, column: &str| {
        let found = first(api.column(&path, column).await);
        found
            .as_str()
            .unwrap_or_else(|| panic!("{path}"))
            .to_owned()
    };
    let message = id_of(
        format!("sdkmessages?$filter=name eq '{message}'"),
        "sdkmessageid",
    )
    .await;
    let filter = format!(
        "sdkmessagefilters?$filter=primaryobjecttypecode eq '{table}' and _sdkmessageid_value eq {message}"
    );
    let filter = id_of(filter, "sdkmessagefilterid").await;
    let mut body = json!({
        "name": "a step",
        "stage": 20,
        "mode": 0,
        "rank": 1,
        "supporteddeployment": 0,
        "sdkmessageid@odata.bind": format!("/sdkmessages({message})"),
        "sdkmessagefilterid@odata.bind": format!("/sdkmessagefilters({filter})"),
    });
    if handler.starts_with('/') {
        body["eventhandler_serviceendpoint@odata.bind"] = json!(handler);
    } else {
        let path = format!("plugintypes?$filter=typename eq 'Tandem.PlugIns.{handler}'");
        let plug_in = id_of(path, "plugintypeid").await;
        body["eventhandler_plugintype@odata.bind"] = json!(format!("/plugintypes({plug_in})"));
    }
    for (name, value) in more.as_object_mut().unwrap() {
        body[name] = value.take();
    }
    let answer = api.post("sdkmessageprocessingsteps", body).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let url = answer.header("odata-entityid");
    url[url.find("sdkmessageprocessingsteps").unwrap()..].to_owned()
}

/// Waits until the only job of an instance is over and returns its row.
pub async fn finished_job(api: &Api<'_>) -> Json {
    for _ in 0..200 {
        let jobs = api
            .get("asyncoperations?$filter=statecode eq 3")
            .await
            .json();
        if let Some(job) = jobs["value"].as_array().unwrap().first() {
            return job.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!(
        "no job came to an end: {}",
        api.get("asyncoperations").await.text
    );
}

#[tokio::test]
async fn a_step_refuses_with_its_own_words_and_status() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let configuration = json!({"message": "Account number is mandatory.", "status": 403, "missing": "accountnumber"});
    let step = register(
        &us,
        "Create",
        "account",
        "refuse",
        json!({"configuration": configuration.to_string()}),
    )
    .await;
    let answer = us.post("accounts", json!({"name": "a"})).await;
    assert_eq!(answer.refusal(), (403, "0x80040265".to_owned()));
    let error = &answer.json()["error"];
    assert_eq!(error["message"], "Account number is mandatory.");
    assert_eq!(error.as_object().unwrap().len(), 2, "{error}");

    let prefer = [("prefer", "odata.include-annotations=\"*\"")];
    let told = us
        .send("POST", "accounts", &prefer, Some(json!({"name": "a"})))
        .await
        .json();
    let error = &told["error"];
    assert_eq!(
        error["@Microsoft.PowerApps.CDS.InnerError.Message"],
        "Account number is mandatory."
    );
    assert_eq!(
        error["@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus"],
        "1"
    );
    assert!(
        step.contains(
            error["@Microsoft.PowerApps.CDS.ErrorDetails.ApiStepKey"]
                .as_str()
                .unwrap()
        )
    );
    assert!(
        error["@Microsoft.PowerApps.CDS.TraceText"]
            .as_str()
            .unwrap()
            .contains("a step")
    );

    let good = us
        .post("accounts", json!({"name": "a", "accountnumber": "1"}))
        .await;
    assert_eq!(good.status, 204, "{good:?}");
    let off = us
        .patch(&step, json!({"statecode": 1, "statuscode": 2}))
        .await;
    assert_eq!(off.status, 204, "{off:?}");
    assert_eq!(us.post("accounts", json!({"name": "b"})).await.status, 204);
}

#[tokio::test]
async fn a_plain_refusal_is_a_400() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    register(
        &us,
        "Delete",
        "account",
        "refuse",
        json!({"configuration": "Not this one."}),
    )
    .await;
    let answer = us
        .send("DELETE", &format!("accounts({})", id(1)), &[], None)
        .await;
    assert_eq!(answer.refusal(), (400, "0x80040265".to_owned()));
    assert_eq!(answer.json()["error"]["message"], "Not this one.");
    assert_eq!(us.get(&format!("accounts({})", id(1))).await.status, 200);
}

#[tokio::test]
async fn what_a_step_made_outside_of_the_transaction_stays() {
    let emulated = Emulated::demo().await;
    let europe = emulated.europe();
    register(
        &europe,
        "Create",
        "incident",
        "refuse",
        json!({"configuration": "no", "stage": 40}),
    )
    .await;
    let ticket = |number: u32| json!({"title": "t", "customerid_account@odata.bind": format!("/accounts({})", id(number))});
    let alone = europe.post("incidents", ticket(701)).await;
    assert_eq!(alone.refusal(), (400, "0x80040265".to_owned()));
    assert_eq!(
        europe.get(&format!("accounts({})", id(701))).await.status,
        200
    );

    let mut typed = ticket(702);
    typed["@odata.type"] = json!("Microsoft.Dynamics.CRM.incident");
    let path = "incidents/Microsoft.Dynamics.CRM.CreateMultiple";
    let many = europe.post(path, json!({"Targets": [typed]})).await;
    assert_eq!(many.refusal(), (400, "0x80040265".to_owned()));
    assert_eq!(
        europe.get(&format!("accounts({})", id(702))).await.status,
        404
    );
}

#[tokio::test]
async fn steps_run_in_the_order_of_stage_and_rank() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (stage, rank, text) in [
        (40, 1, "post"),
        (20, 2, "second"),
        (20, 1, "first"),
        (10, 9, "validation"),
    ] {
        let more = json!({"stage": stage, "rank": rank, "configuration": text});
        register(&us, "Create", "account", "refuse", more).await;
    }
    for expected in ["validation", "first", "second", "post"] {
        let answer = us.post("accounts", json!({"name": "a"})).await.json();
        assert_eq!(answer["error"]["message"], expected);
        let filter = format!("sdkmessageprocessingsteps?$filter=configuration eq '{expected}'");
        let step = us.column(&filter, "sdkmessageprocessingstepid").await;
        let path = format!("sdkmessageprocessingsteps({})", step[0].as_str().unwrap());
        assert_eq!(us.send("DELETE", &path, &[], None).await.status, 204);
    }
    assert_eq!(us.post("accounts", json!({"name": "a"})).await.status, 204);
}

#[tokio::test]
async fn an_update_concerns_only_steps_of_its_columns() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let more = json!({"filteringattributes": "name,telephone1", "configuration": "no"});
    register(&us, "Update", "account", "refuse", more).await;
    let path = format!("accounts({})", id(1));
    assert_eq!(
        us.patch(&path, json!({"description": "x"})).await.status,
        204
    );
    assert_eq!(
        us.patch(&path, json!({"telephone1": "1"})).await.status,
        400
    );
}

#[tokio::test]
async fn steps_can_be_bypassed() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let step = register(
        &us,
        "Create",
        "account",
        "refuse",
        json!({"configuration": "no"}),
    )
    .await;
    let step = step.split(['(', ')']).nth(1).unwrap().to_owned();
    let create = async |name: &str, value: &str| {
        let headers = [(name, value)];
        us.send("POST", "accounts", &headers, Some(json!({"name": "a"})))
            .await
            .status
            .as_u16()
    };
    let others = [id(1), id(2), id(3)].join(",");
    for (name, value, status) in [
        ("MSCRM.BypassBusinessLogicExecution", "CustomSync", 204),
        (
            "MSCRM.BypassBusinessLogicExecution",
            "CustomSync,CustomAsync",
            204,
        ),
        ("MSCRM.BypassBusinessLogicExecution", "CustomAsync", 400),
        ("MSCRM.BypassBusinessLogicExecution", "Everything", 400),
        ("MSCRM.BypassCustomPluginExecution", "true", 204),
        ("MSCRM.BypassBusinessLogicExecutionStepIds", &step, 204),
        ("MSCRM.BypassBusinessLogicExecutionStepIds", &others, 400),
        (
            "MSCRM.BypassBusinessLogicExecutionStepIds",
            &format!("{step},{others}"),
            400,
        ),
    ] {
        assert_eq!(create(name, value).await, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_slow_step_keeps_its_row_and_lets_others_pass() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    us.account(&id(2), json!({"name": "b"})).await;
    let more = json!({"configuration": "600", "stage": 40, "filteringattributes": "name"});
    register(&us, "Update", "account", "slow", more).await;
    let path = format!("accounts({})", id(1));
    let start = Instant::now();
    let slow = us.patch(&path, json!({"name": "slow"}));
    let others = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let other = us
            .patch(&format!("accounts({})", id(2)), json!({"description": "b"}))
            .await;
        assert_eq!(other.status, 204);
        assert_eq!(
            us.get(&path).await.json()["name"],
            "a",
            "what is not committed is not seen"
        );
        assert!(
            start.elapsed() < Duration::from_millis(550),
            "{:?}",
            start.elapsed()
        );
        let same = us.patch(&path, json!({"description": "later"})).await;
        assert_eq!(same.status, 204);
        assert!(
            start.elapsed() >= Duration::from_millis(600),
            "{:?}",
            start.elapsed()
        );
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert_eq!(slow.status, 204, "{slow:?}");
    let row = us.get(&path).await.json();
    assert_eq!(
        (&row["name"], &row["description"]),
        (&json!("slow"), &json!("later"))
    );
}

#[tokio::test]
async fn steps_that_call_themselves_are_stopped() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    register(&us, "Update", "account", "repeat", json!({"stage": 40})).await;
    let path = format!("accounts({})", id(1));
    let answer = us.patch(&path, json!({"name": "b"})).await;
    assert_eq!(answer.refusal(), (400, "0x80044182".to_owned()));
    assert_eq!(us.get(&path).await.json()["name"], "a");
}

#[tokio::test]
async fn an_asynchronous_step_runs_after_the_reply_and_leaves_a_job() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let more = json!({"configuration": "too late", "stage": 40, "mode": 1});
    register(&us, "Create", "account", "refuse", more).await;
    let headers = [("MSCRM.BypassBusinessLogicExecution", "CustomAsync")];
    us.send("POST", "accounts", &headers, Some(json!({"name": "b"})))
        .await;
    assert!(us.column("asyncoperations", "name").await.is_empty());

    us.account(&id(1), json!({"name": "a"})).await;
    let job = finished_job(&us).await;
    assert_eq!(
        (&job["statecode"], &job["statuscode"]),
        (&json!(3), &json!(31)),
        "{job}"
    );
    assert_eq!(job["friendlymessage"], "too late");
    assert_eq!(job["errorcode"], -2_147_220_891);
    assert_eq!(job["_regardingobjectid_value"], id(1));
    assert_eq!(
        (&job["messagename"], &job["primaryentitytype"]),
        (&json!("Create"), &json!("account"))
    );
    assert_eq!(us.get(&format!("accounts({})", id(1))).await.status, 200);
}

#[tokio::test]
async fn what_can_not_run_is_not_registered() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let step = register(
        &us,
        "Create",
        "account",
        "refuse",
        json!({"configuration": "no"}),
    )
    .await;
    for (change, status) in [
        (json!({"stage": 30}), 400),
        (json!({"mode": 1}), 400),
        (json!({"filteringattributes": "nothing"}), 400),
        (json!({"configuration": "{\"status\": 200}"}), 400),
        (json!({"configuration": "{\"nonsense\": 1}"}), 400),
    ] {
        let answer = us.patch(&step, change.clone()).await;
        assert_eq!(answer.status, status, "{change}: {answer:?}");
    }
    let retrieve = us
        .column("sdkmessages?$filter=name eq 'Retrieve'", "sdkmessageid")
        .await;
    let bind = format!("/sdkmessages({})", retrieve[0].as_str().unwrap());
    let other = json!({"sdkmessageid@odata.bind": bind, "sdkmessagefilterid": null});
    assert_eq!(us.patch(&step, other).await.status, 501);
}
