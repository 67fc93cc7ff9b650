//! Webhooks: how they are called, how they are authenticated, what their failure does, and that they may call back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::{Value as Json, json};
use tandem::emulator::{Data, Options, Webhooks};

use super::id;
use super::pipeline::{finished_job, register};
use crate::support::emulated::{Answer, Api, Emulated};

/// What a hook was called with.
#[derive(Clone, Debug)]
struct Called {
    query: String,
    headers: HashMap<String, String>,
    body: Json,
}

/// A hook on a port of its own: notes every call, does what it is to do, and answers with the next status.
#[derive(Clone)]
struct Hook {
    url: String,
    calls: Arc<Mutex<Vec<Called>>>,
    /// The statuses that are answered before it answers 200.
    statuses: Arc<Mutex<Vec<u16>>>,
    delay: Duration,
    /// A request that is sent before it answers: method, URL, token, body.
    call_back: Option<(&'static str, String, String, Json)>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Hook {
    async fn start(
        delay: Duration,
        statuses: &[u16],
        call_back: Option<(&'static str, String, String, Json)>,
    ) -> Hook {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook = Hook {
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
            calls: Arc::default(),
            statuses: Arc::new(Mutex::new(statuses.to_vec())),
            delay,
            call_back,
            answers: Arc::default(),
        };
        let app = Router::new().fallback(called).with_state(hook.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        hook
    }

    fn calls(&self) -> Vec<Called> {
        self.calls.lock().unwrap().clone()
    }
}

async fn called(State(hook): State<Hook>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)));
    hook.calls.lock().unwrap().push(Called {
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: serde_json::from_slice(&body).unwrap(),
    });
    if let Some((method, url, token, body)) = &hook.call_back {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = crate::support::emulated::plain_client()
            .request(method, url)
            .bearer_auth(token);
        let answer = request.body(body.to_string()).send().await.unwrap();
        hook.answers.lock().unwrap().push(answer.status().as_u16());
    }
    tokio::time::sleep(hook.delay).await;
    let mut statuses = hook.statuses.lock().unwrap();
    let status = if statuses.is_empty() {
        200
    } else {
        statuses.remove(0)
    };
    StatusCode::from_u16(status).unwrap()
}

async fn emulated() -> Emulated {
    Emulated::with(Options {
        data: Data::Empty,
        plug_in: false,
        webhooks: Webhooks {
            any_port: true,
            limit: Duration::from_secs(2),
        },
        ..Options::default()
    })
    .await
}

async fn endpoint(api: &Api<'_>, url: &str, kind: i32, value: &str) -> Answer {
    let body = json!({
        "name": "a hook", "contract": 8, "connectionmode": 1, "url": url, "authtype": kind, "authvalue": value,
    });
    api.post("serviceendpoints", body).await
}

/// Registers an endpoint and returns it as it is bound.
async fn endpoint_of(api: &Api<'_>, hook: &Hook, kind: i32, value: &str) -> String {
    let answer = endpoint(api, &hook.url, kind, value).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let url = answer.header("odata-entityid");
    format!("/{}", &url[url.find("serviceendpoints").unwrap()..])
}

#[tokio::test]
async fn a_hook_is_told_what_is_written() {
    let emulated = emulated().await;
    let europe = emulated.europe();
    let hook = Hook::start(Duration::ZERO, &[], None).await;
    let bound = endpoint_of(&europe, &hook, 4, "a secret").await;
    register(&europe, "Create", "incident", &bound, json!({"stage": 10})).await;
    europe.account(&id(2), json!({"name": "a"})).await;
    let correlation = id(77);
    let ticket = json!({
        "incidentid": id(1), "title": "Printer on fire", "prioritycode": 1, "isescalated": true,
        "customerid_account@odata.bind": format!("/accounts({})", id(2)),
        "overriddencreatedon": "2026-01-01T00:00:00Z",
    });
    let headers = [("x-ms-correlation-request-id", correlation.as_str())];
    let answer = europe
        .send("POST", "incidents?tag=repair", &headers, Some(ticket))
        .await;
    assert_eq!(answer.status, 204, "{answer:?}");

    let calls = hook.calls();
    assert_eq!(calls.len(), 1);
    let called = &calls[0];
    assert_eq!(called.query, "code=a+secret");
    for (name, value) in [
        ("x-ms-dynamics-organization", "europe"),
        ("x-ms-dynamics-entity-name", "incident"),
        ("x-ms-dynamics-request-name", "Create"),
        ("x-ms-correlation-request-id", &correlation),
        ("content-type", "application/json"),
    ] {
        assert_eq!(
            called.headers.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    assert!(
        !called
            .headers
            .contains_key("x-ms-dynamics-msg-size-exceeded")
    );
    let user = europe.get("WhoAmI").await.json();
    let context = &called.body;
    for (name, value) in [
        ("MessageName", json!("Create")),
        ("PrimaryEntityName", json!("incident")),
        ("PrimaryEntityId", json!(id(1))),
        ("Stage", json!(10)),
        ("Mode", json!(0)),
        ("Depth", json!(1)),
        ("IsInTransaction", json!(false)),
        ("CorrelationId", json!(correlation)),
        ("InitiatingUserId", user["UserId"].clone()),
        ("UserId", user["UserId"].clone()),
        ("OrganizationId", user["OrganizationId"].clone()),
        ("OrganizationName", json!("europe")),
        (
            "SharedVariables",
            json!([{"key": "tag", "value": "repair"}]),
        ),
        ("ParentContext", json!(null)),
        ("SecondaryEntityName", json!("none")),
    ] {
        assert_eq!(context[name], value, "{name}");
    }
    let date = context["OperationCreatedOn"].as_str().unwrap();
    assert!(date.starts_with("/Date(") && date.ends_with(")/"), "{date}");
    let target = &context["InputParameters"][0];
    assert_eq!(target["key"], "Target");
    let target = &target["value"];
    assert_eq!(
        target["__type"],
        "Entity:http://schemas.microsoft.com/xrm/2011/Contracts"
    );
    let attribute = |name: &str| {
        let attributes = target["Attributes"].as_array().unwrap();
        let found = attributes.iter().find(|attribute| attribute["key"] == name);
        found.map_or(json!(null), |attribute| attribute["value"].clone())
    };
    assert_eq!(attribute("title"), "Printer on fire");
    assert_eq!(attribute("isescalated"), true);
    assert_eq!(attribute("overriddencreatedon"), "/Date(1767225600000)/");
    let contracts = "http://schemas.microsoft.com/xrm/2011/Contracts";
    let option = json!({"__type": format!("OptionSetValue:{contracts}"), "Value": 1});
    assert_eq!(attribute("prioritycode"), option);
    let reference = json!({
        "__type": format!("EntityReference:{contracts}"), "Id": id(2), "KeyAttributes": [], "LogicalName": "account",
        "Name": null, "RowVersion": null,
    });
    assert_eq!(attribute("customerid"), reference);
}

#[tokio::test]
async fn a_hook_may_be_shown_headers_or_a_query() {
    let emulated = emulated().await;
    let us = emulated.us();
    let settings = "<settings><setting name=\"x-key\" value=\"a &amp; b\" /><setting name=\"second\" value=\"2\"/></settings>";
    let by_header = Hook::start(Duration::ZERO, &[], None).await;
    let by_query = Hook::start(Duration::ZERO, &[], None).await;
    for (hook, kind) in [(&by_header, 5), (&by_query, 6)] {
        let bound = endpoint_of(&us, hook, kind, settings).await;
        register(&us, "Create", "account", &bound, json!({"stage": 20})).await;
    }
    us.account(&id(1), json!({"name": "a"})).await;
    let headers = &by_header.calls()[0].headers;
    assert_eq!(
        (headers["x-key"].as_str(), headers["second"].as_str()),
        ("a & b", "2")
    );
    assert_eq!(by_query.calls()[0].query, "x-key=a+%26+b&second=2");
    assert_eq!(by_query.calls()[0].body["IsInTransaction"], true);
    let rows = us.get("serviceendpoints").await.text;
    assert!(
        !rows.contains("\"authvalue\"") && !rows.contains("x-key"),
        "{rows}"
    );
}

#[tokio::test]
async fn a_hook_that_fails_fails_the_operation() {
    let emulated = emulated().await;
    let us = emulated.us();
    let cases: [(&[u16], Duration, usize, u16); 6] = [
        (&[500], Duration::ZERO, 1, 400),
        (&[302], Duration::ZERO, 1, 400),
        (&[503], Duration::ZERO, 2, 204),
        (&[502, 504], Duration::ZERO, 2, 400),
        (&[202], Duration::ZERO, 1, 204),
        (&[], Duration::from_secs(3), 1, 400),
    ];
    for (statuses, delay, calls, status) in cases {
        let hook = Hook::start(delay, statuses, None).await;
        let bound = endpoint_of(&us, &hook, 4, "k").await;
        let step = register(&us, "Create", "account", &bound, json!({"stage": 40})).await;
        let before = us.column("accounts", "name").await.len();
        let answer = us.post("accounts", json!({"name": "a"})).await;
        assert_eq!(answer.status, status, "{statuses:?}: {answer:?}");
        if status == 400 {
            assert_eq!(answer.refusal(), (400, "0x80040265".to_owned()));
        }
        assert_eq!(hook.calls().len(), calls, "{statuses:?}");
        let made = us.column("accounts", "name").await.len() - before;
        assert_eq!(made, usize::from(status == 204), "{statuses:?}");
        assert_eq!(us.send("DELETE", &step, &[], None).await.status, 204);
    }
}

#[tokio::test]
async fn only_the_ports_of_the_web_may_be_registered() {
    let strict = Emulated::empty().await;
    let us = strict.us();
    for (url, status) in [
        ("http://127.0.0.1:7007/hook", 400),
        ("https://hooks.example:8443/x", 400),
        ("https://hooks.example/x", 204),
        ("http://hooks.example:80/x", 204),
        ("ftp://hooks.example/x", 400),
        ("nonsense", 400),
    ] {
        assert_eq!(endpoint(&us, url, 4, "k").await.status, status, "{url}");
    }
    let open = emulated().await;
    let us = open.us();
    assert_eq!(
        endpoint(&us, "http://127.0.0.1:7007/hook", 4, "k")
            .await
            .status,
        204
    );
    assert_eq!(
        endpoint(&us, "http://hooks.example:7007/x", 4, "k")
            .await
            .status,
        400
    );
    assert_eq!(
        endpoint(&us, "http://localhost:7007/x", 9, "k")
            .await
            .status,
        400
    );
    assert_eq!(
        endpoint(&us, "http://localhost:7007/x", 5, "not xml")
            .await
            .status,
        400
    );
    let queue = json!({"name": "q", "contract": 2, "connectionmode": 1, "authtype": 2});
    assert_eq!(us.post("serviceendpoints", queue).await.status, 501);
}

#[tokio::test]
async fn a_hook_before_the_transaction_makes_what_is_needed() {
    let emulated = emulated().await;
    let europe = emulated.europe();
    let stub = json!({"name": "stub", "accountid": id(5)});
    let call_back = ("POST", europe.url("accounts"), europe.token.clone(), stub);
    let hook = Hook::start(Duration::ZERO, &[], Some(call_back)).await;
    let bound = endpoint_of(&europe, &hook, 4, "k").await;
    register(&europe, "Create", "incident", &bound, json!({"stage": 10})).await;
    let ticket =
        json!({"title": "t", "customerid_account@odata.bind": format!("/accounts({})", id(5))});
    let answer = europe.post("incidents", ticket).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(*hook.answers.lock().unwrap(), [204]);
}

#[tokio::test]
async fn a_write_to_a_row_that_an_open_transaction_holds_waits() {
    let emulated = emulated().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let hook = Hook::start(Duration::from_millis(500), &[], None).await;
    let bound = endpoint_of(&us, &hook, 4, "k").await;
    let more = json!({"stage": 40, "filteringattributes": "name"});
    register(&us, "Update", "account", &bound, more).await;
    let path = format!("accounts({})", id(1));
    let start = Instant::now();
    let foreign = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert_eq!(us.get(&path).await.json()["name"], "a");
        assert!(
            start.elapsed() < Duration::from_millis(450),
            "a reader waits for nobody"
        );
        let answer = us.patch(&path, json!({"description": "d"})).await;
        assert!(
            start.elapsed() >= Duration::from_millis(500),
            "{:?}",
            start.elapsed()
        );
        answer
    };
    let (own, foreign) = tokio::join!(us.patch(&path, json!({"name": "b"})), foreign);
    assert_eq!((own.status.as_u16(), foreign.status.as_u16()), (204, 204));
    let row = us.get(&path).await.json();
    assert_eq!(
        (&row["name"], &row["description"]),
        (&json!("b"), &json!("d"))
    );
}

#[tokio::test]
async fn a_hook_in_a_change_of_many_rows_is_inside_of_the_transaction() {
    let emulated = emulated().await;
    let us = emulated.us();
    let hook = Hook::start(Duration::ZERO, &[], None).await;
    let bound = endpoint_of(&us, &hook, 4, "k").await;
    register(&us, "Create", "account", &bound, json!({"stage": 10})).await;
    let target =
        |name: &str| json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "name": name});
    let path = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
    let answer = us
        .post(path, json!({"Targets": [target("a"), target("b")]}))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let inside: Vec<Json> = hook
        .calls()
        .iter()
        .map(|call| call.body["IsInTransaction"].clone())
        .collect();
    assert_eq!(inside, [json!(true), json!(true)]);
    let deep = json!({"name": "c", "primarycontactid": {"lastname": "L"}});
    assert_eq!(us.post("accounts", deep).await.status, 204);
    assert_eq!(hook.calls()[2].body["IsInTransaction"], true);
    assert_eq!(us.post("accounts", json!({"name": "d"})).await.status, 204);
    assert_eq!(hook.calls()[3].body["IsInTransaction"], false);
}

#[tokio::test]
async fn a_large_message_is_cut_down() {
    let emulated = emulated().await;
    let us = emulated.us();
    let hook = Hook::start(Duration::ZERO, &[], None).await;
    let bound = endpoint_of(&us, &hook, 4, "k").await;
    register(
        &us,
        "Create",
        "sdkmessageprocessingstep",
        &bound,
        json!({"stage": 40}),
    )
    .await;
    let more = json!({"configuration": "x".repeat(300_000)});
    register(&us, "Delete", "account", "refuse", more).await;
    let called = hook.calls().pop().unwrap();
    assert_eq!(called.headers["x-ms-dynamics-msg-size-exceeded"], "true");
    for name in [
        "ParentContext",
        "InputParameters",
        "PreEntityImages",
        "PostEntityImages",
    ] {
        assert!(called.body.get(name).is_none(), "{name}");
    }
    assert_eq!(called.body["MessageName"], "Create");
}

#[tokio::test]
async fn an_asynchronous_hook_is_called_after_the_reply_and_again() {
    let emulated = emulated().await;
    let us = emulated.us();
    let hook = Hook::start(Duration::ZERO, &[500], None).await;
    let bound = endpoint_of(&us, &hook, 4, "k").await;
    register(
        &us,
        "Create",
        "account",
        &bound,
        json!({"stage": 40, "mode": 1}),
    )
    .await;
    let answer = us.post("accounts", json!({"name": "a"})).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    for _ in 0..100 {
        let waiting = us
            .column("asyncoperations?$filter=statuscode eq 10", "retrycount")
            .await;
        if !waiting.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let clock = format!("{}/emulator/clock", us.origin);
    us.send("POST", &clock, &[], Some(json!({"advance_s": 60})))
        .await;
    let job = finished_job(&us).await;
    assert_eq!(job["statuscode"], 30, "{job}");
    assert_eq!(hook.calls().len(), 2);
    assert_eq!(
        (
            &hook.calls()[0].body["Mode"],
            &hook.calls()[0].body["IsInTransaction"]
        ),
        (&json!(1), &json!(false))
    );
    assert_eq!(hook.calls()[0].body["OperationId"], job["asyncoperationid"]);
}
