//! What the hook answers when it is called directly: by Dataverse, by apps, and by whoever else finds its address.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tandem::config::Authentication;

use super::support::{Hooked, KEY, USER, context, id, with_code};
use crate::support::emulated::plain_client;

#[tokio::test]
async fn any_body_at_all_is_answered_with_200_and_nothing_is_written() {
    let hooked = Hooked::start().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let whole = context(&id(1)).to_string();
    let mut wrong: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"null".to_vec(),
        b"{".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"<html>maintenance</html>".to_vec(),
        "[".repeat(200_000).into_bytes(),
        format!("{{\"a\":{}", "[".repeat(1000)).into_bytes(),
        b"1e400".to_vec(),
        vec![b' '; 3_000_000],
        format!("{}{whole}", " ".repeat(2_000_000)).into_bytes(),
        whole.replace("\"customerid\"", "\"other\"").into_bytes(),
        whole.replace(&id(1), "none").into_bytes(),
        whole.replace("\"account\"", "\"a b'c\"").into_bytes(),
        whole.replace("\"account\"", "\"systemuser\"").into_bytes(),
        whole.replace("Create", "Delete").into_bytes(),
        whole.replace("\"incident\"", "\"task\"").into_bytes(),
        whole.replace("\"Stage\":10", "\"Stage\":20").into_bytes(),
        whole
            .replace("Transaction\":false", "Transaction\":true")
            .into_bytes(),
    ];
    wrong.extend(
        (0..whole.len())
            .step_by(97)
            .map(|cut| whole.as_bytes()[..cut].to_vec()),
    );
    for body in wrong {
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        assert_eq!(hooked.call(body).await, 200, "{shown}");
    }
    assert!(hooked.writes("accounts").await.is_empty());
    assert_eq!(hooked.counted("calls", "wrong_stage").await, 1);
    assert_eq!(hooked.counted("calls", "in_transaction").await, 1);
    assert_eq!(hooked.counted("calls", "too_large").await, 2);
    assert_eq!(hooked.call(whole).await, 200);
    assert_eq!(
        hooked.writes("accounts").await.len(),
        1,
        "and it still works"
    );
}

#[tokio::test]
async fn a_wrong_key_is_refused_with_401_and_nothing_is_written() {
    for (authentication, header) in [
        (Authentication::WebhookKey, None),
        (
            Authentication::HttpHeader("x-key".to_owned()),
            Some("x-key"),
        ),
    ] {
        let hooked = Hooked::with(|config| {
            config.hook.as_mut().unwrap().authentication = authentication.clone();
        })
        .await;
        hooked
            .us()
            .account(&id(1), json!({"name": "Contoso"}))
            .await;
        let call = async |path: &str, key: &str| {
            let url = format!("{}{path}", hooked.url);
            let request = match header {
                Some(name) => plain_client().post(url).header(name, key),
                None => plain_client().post(with_code(&url, key)),
            };
            let request = request.body(context(&id(1)).to_string());
            request.send().await.unwrap().status().as_u16()
        };
        for key in ["", "wrong", &KEY[1..], &format!("{KEY}x")] {
            assert_eq!(call("", key).await, 401, "{key}");
            assert_eq!(call("some/path", key).await, 401, "{key}");
            assert_eq!(call("ensure", key).await, 401, "{key}");
        }
        assert!(hooked.writes("accounts").await.is_empty());
        assert_eq!(call("some/path", KEY).await, 200);
        assert_eq!(hooked.writes("accounts").await.len(), 1);
    }
}

#[tokio::test]
async fn fifty_calls_at_once_for_one_reference_make_one_write() {
    let hooked = Hooked::start().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    hooked.clear_log().await;
    let slow = json!({"count": null, "client": USER, "delay_ms": 50});
    hooked.europe().arm(slow).await;
    let body = context(&id(1)).to_string();
    let calls = (0..50).map(|_| hooked.call(body.clone()));
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status, 200);
    }
    let log = hooked.europe().log().await;
    let of_account = log.iter().filter(|entry| entry["table"] == "account");
    let methods: Vec<&Json> = of_account.map(|entry| &entry["method"]).collect();
    assert_eq!(methods, ["GET", "PATCH"], "one read, one write");
    assert_eq!(hooked.counted("calls", "ensured").await, 50);
}

#[tokio::test]
async fn the_hooks_own_writes_and_tandems_are_answered_at_once() {
    let hooked = Hooked::start().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let own = hooked
        .europe()
        .signed_in(USER)
        .await
        .get("WhoAmI")
        .await
        .json();
    let mut by_user = context(&id(1));
    by_user["UserId"] = own["UserId"].clone();
    let mut by_tag = context(&id(1));
    by_tag["SharedVariables"] = json!([{"key": "tag", "value": "tandem"}]);
    for body in [by_user, by_tag] {
        assert_eq!(hooked.call(body.to_string()).await, 200);
    }
    assert_eq!(hooked.counted("calls", "own").await, 2);
    assert!(hooked.writes("accounts").await.is_empty());
}

#[tokio::test]
async fn fault_f10_a_target_that_never_answers_is_not_waited_for_beyond_five_seconds() {
    let hooked = Hooked::start().await;
    let mute = json!({"count": null, "client": USER, "hang": "before"});
    hooked.europe().arm(mute).await;
    let began = Instant::now();
    assert_eq!(hooked.call(context(&id(1)).to_string()).await, 200);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let began = Instant::now();
    let (status, answer) = hooked.ask(json!({"table": "account", "id": id(2)})).await;
    assert_eq!(status, 503, "{answer}");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn fault_f05_a_lost_answer_is_read_back_and_the_row_is_made_once() {
    let hooked = Hooked::start().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let lost = json!({"count": 1, "client": USER, "method": "PATCH", "reset": "after"});
    hooked.europe().arm(lost).await;
    let (status, answer) = hooked.ask(json!({"table": "account", "id": id(1)})).await;
    assert_eq!(
        (status, &answer["outcome"]),
        (201, &json!("created")),
        "{answer}"
    );
    assert_eq!(hooked.writes("accounts").await.len(), 1);
}

#[tokio::test]
async fn a_hook_that_starts_before_its_target_answers_lets_all_pass_and_is_ready_later() {
    let hooked = Hooked::with(|config| config.policy.probe = Duration::from_millis(20)).await;
    hooked.ready().await;
    assert_eq!(hooked.get("healthz").await.0, 200);

    // Another one, whose target is down from the start.
    let emulated = super::support::emulated().await;
    emulated
        .europe()
        .arm(json!({"count": null, "client": USER, "status": 503}))
        .await;
    let state = tempfile::tempdir().unwrap();
    let mut config = crate::support::lab::config(&emulated.pair, state.path());
    config.hook.clone_from(&hooked.config.hook);
    config.policy.probe = Duration::from_millis(20);
    let own = config.hook.as_mut().unwrap();
    own.credential.clone_from(&config.instances[1].agent);
    let late = tandem::hook::Hook::bind(&config).await.unwrap();
    let url = format!("http://{}", late.address().unwrap());
    let stop = tokio_util::sync::CancellationToken::new();
    let task = tokio::spawn(late.serve(stop.clone()));
    let get = async |path: &str| {
        let answer = plain_client().get(format!("{url}{path}")).send().await;
        answer.unwrap().status().as_u16()
    };
    assert_eq!(get("/readyz").await, 503);
    assert_eq!(get("/healthz").await, 200);
    let call = plain_client().post(with_code(&url, KEY));
    let answer = call.body(context(&id(1)).to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    emulated.europe().control("DELETE", "faults", None).await;
    let began = Instant::now();
    while get("/readyz").await != 200 {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it is never ready"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn an_app_that_asks_first_hears_whether_the_row_was_there_or_made() {
    let hooked = Hooked::start().await;
    let us = hooked.us();
    us.account(&id(1), json!({"name": "Contoso", "accountnumber": "C-1"}))
        .await;
    us.account(
        &id(2),
        json!({"name": "Fabrikam", "accountnumber": "F & 2"}),
    )
    .await;
    let told = |status: u16, n: u32, outcome: &str| {
        (
            status,
            json!({"table": "account", "id": id(n), "outcome": outcome}),
        )
    };
    let by_id = json!({"table": "account", "id": id(1)});
    assert_eq!(hooked.ask(by_id.clone()).await, told(201, 1, "created"));
    assert_eq!(hooked.ask(by_id).await, told(200, 1, "existed"));
    let by_key = json!({"table": "account", "key": {"accountnumber": "F & 2"}});
    assert_eq!(hooked.ask(by_key.clone()).await, told(201, 2, "created"));
    us.arm(json!({"count": null, "status": 503})).await;
    assert_eq!(hooked.ask(by_key).await, told(200, 2, "existed"));

    // Without its source: what the app says makes the stub, but no id is invented.
    let with_stub = json!({"table": "account", "id": id(3), "stub": {"name": "Tailspin", "accountnumber": "T-3"}});
    assert_eq!(hooked.ask(with_stub).await, told(201, 3, "created"));
    let row = hooked
        .europe()
        .get(&format!("accounts({})", id(3)))
        .await
        .json();
    assert_eq!(
        (&row["name"], &row["accountnumber"]),
        (&json!("Tailspin"), &json!("T-3"))
    );
    let nameless = json!({"table": "account", "id": id(4)});
    assert_eq!(hooked.ask(nameless).await, told(201, 4, "created"));
    let row = hooked
        .europe()
        .get(&format!("accounts({})", id(4)))
        .await
        .json();
    assert_eq!(row["name"], format!("Awaiting sync {}", id(4)));
    let unknown = json!({"table": "account", "key": {"accountnumber": "X"}});
    let (status, answer) = hooked.ask(unknown).await;
    assert_eq!(status, 503, "{answer}");
    assert!(
        answer["error"].as_str().unwrap().contains("source"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_an_app_asks_wrongly_is_refused_with_the_reason() {
    let hooked = Hooked::start().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "a", "accountnumber": "C-1"}))
        .await;
    hooked
        .europe()
        .account(&id(2), json!({"name": "b", "accountnumber": "C-1"}))
        .await;
    for (asked, status, said) in [
        (json!({"table": "account"}), 400, "either `id` or `key`"),
        (
            json!({"table": "account", "id": id(1), "key": {}}),
            400,
            "either `id` or `key`",
        ),
        (json!({"table": "account", "id": "{1}"}), 400, "not a GUID"),
        (
            json!({"table": "account", "id": id(1), "name": "x"}),
            400,
            "unknown field",
        ),
        (json!({"table": "a b", "id": id(1)}), 400, "not a name"),
        (
            json!({"table": "incident", "id": id(1)}),
            400,
            "not on the link",
        ),
        (
            json!({"table": "account", "id": id(1), "stub": {"telephone1": "1"}}),
            400,
            "none of accountnumber, name",
        ),
        (
            json!({"table": "account", "id": id(1), "stub": {"name": {}}}),
            400,
            "name is a text",
        ),
        (
            json!({"table": "account", "key": {"accountnumber": 1}}),
            400,
            "one column with its text",
        ),
        (
            json!({"table": "account", "key": {"accountnumber": "X"}}),
            404,
            "neither instance",
        ),
        (
            json!({"table": "account", "id": id(9)}),
            404,
            "neither instance",
        ),
        (
            json!({"table": "account", "id": id(1)}),
            409,
            "alternate key",
        ),
        (json!([]), 400, "the body is not like"),
    ] {
        let (answered, answer) = hooked.ask(asked.clone()).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert_eq!(answered, status, "{asked}: {answer}");
        assert!(error.contains(said), "{asked}: {answer}");
    }
    assert!(
        hooked.writes("accounts").await.len() <= 1,
        "the duplicate was tried once"
    );
}

#[tokio::test]
async fn figures_are_shown_as_prometheus_reads_them() {
    let hooked = Hooked::start().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    hooked.call(context(&id(1)).to_string()).await;
    let (status, text) = hooked.get("metrics").await;
    assert_eq!(status, 200);
    for line in [
        "# TYPE tandem_hook_calls_total counter",
        "tandem_hook_calls_total{outcome=\"ensured\"} 1",
        "tandem_hook_references_total{outcome=\"created\"} 1",
        "# TYPE tandem_hook_latency_seconds histogram",
        "tandem_hook_latency_seconds_bucket{le=\"5\"} 1",
        "tandem_hook_latency_seconds_count 1",
        "tandem_requests_total{instance=\"europe\",class=\"write\",status=\"ok\"} 1",
        "tandem_breaker_closed{instance=\"us\",class=\"read\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert_eq!(hooked.get("nonsense").await.0, 404);
}
