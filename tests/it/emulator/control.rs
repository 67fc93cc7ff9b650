//! The log, the lifetime of a pair, and what every reply carries.

use serde_json::json;
use tandem::emulator::{Data, Options, Pair};

use super::id;
use crate::support::emulated::Emulated;

#[tokio::test]
async fn the_log_tells_what_was_received_and_no_secret() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.send(
        "PATCH",
        &format!("accounts({})?tag=repair", id(1)),
        &[("if-match", "*"), ("user-agent", "test")],
        Some(json!({"name": "a"})),
    )
    .await;
    us.arm(json!({"status": 503})).await;
    us.get("contacts?$top=1").await;
    us.arm(json!({"reset": "before"})).await;
    us.try_send("GET", "WhoAmI", &[], None).await.unwrap_err();
    us.signed_in("app").await;
    let log = us.log().await;
    let fields = |index: usize| {
        let entry = &log[index];
        (
            entry["method"].as_str().unwrap(),
            entry["status"].as_u64(),
            entry["table"].as_str(),
            entry["fault"].as_u64(),
        )
    };
    assert_eq!(log.len(), 4, "control requests are not logged: {log:?}");
    assert_eq!(fields(0), ("PATCH", Some(404), Some("account"), None));
    assert_eq!(fields(1), ("GET", Some(503), Some("contact"), Some(1)));
    assert_eq!(fields(2), ("GET", None, None, Some(2)));
    assert_eq!(fields(3), ("POST", Some(200), None, None));
    assert_eq!(log[0]["query"], "tag=repair");
    assert_eq!(log[0]["headers"]["if-match"], "*");
    assert_eq!(log[0]["user"], us.get("WhoAmI").await.json()["UserId"]);
    assert!(
        !serde_json::to_string(&log)
            .unwrap()
            .contains(us.token.as_str())
    );

    let later = us
        .control("GET", &format!("log?since={}", log[3]["seq"]), None)
        .await;
    assert_eq!(later["requests"].as_array().unwrap().len(), 1);
    us.control("DELETE", "log", None).await;
    assert!(us.log().await.is_empty());
    us.get("WhoAmI").await;
    assert_eq!(us.log().await[0]["seq"], 6, "numbers go on");
    for path in ["log", "faults", "clock"] {
        let method = if path == "clock" { "POST" } else { "GET" };
        let answer = us
            .as_bearer("wrong")
            .send(method, &format!("{}/emulator/{path}", us.origin), &[], None)
            .await;
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[tokio::test]
async fn every_reply_carries_what_clients_depend_on() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (method, path, status) in [
        ("GET", "WhoAmI", 200),
        ("GET", "nothing", 404),
        ("POST", "WhoAmI", 404),
        ("GET", "", 200),
        ("GET", "RetrieveVersion()", 200),
    ] {
        let answer = us.send(method, path, &[], None).await;
        assert_eq!(answer.status, status, "{path}");
        for name in [
            "odata-version",
            "x-ms-service-request-id",
            "req_id",
            "x-ms-dop-hint",
            "date",
            "set-cookie",
        ] {
            assert!(!answer.header(name).is_empty(), "{path}: {name}");
        }
        assert_eq!(
            answer.header("x-ms-ratelimit-time-remaining-xrm-requests"),
            "1,200.00"
        );
    }
    for (path, status) in [
        ("/api/data/v9.0/WhoAmI", 200),
        ("/api/data/v9.2", 200),
        ("/api/data/v8.2/WhoAmI", 404),
        ("/API/data/v9.2/WhoAmI", 404),
        ("/api/data/v9.22/WhoAmI", 404),
        ("/", 404),
    ] {
        assert_eq!(
            us.get(&format!("{}{path}", us.origin)).await.status,
            status,
            "{path}"
        );
    }
    let through_localhost = us.origin.replace("127.0.0.1", "localhost");
    let created = us
        .send(
            "POST",
            &format!("{through_localhost}/api/data/v9.1/accounts"),
            &[],
            Some(json!({"name": "a"})),
        )
        .await;
    assert!(
        created
            .header("odata-entityid")
            .starts_with(&format!("{through_localhost}/api/data/v9.1/accounts(")),
        "{created:?}"
    );
}

#[tokio::test]
async fn a_pair_listens_on_loopback_only_and_frees_its_ports() {
    let outside = Options {
        us: "0.0.0.0:0".parse().unwrap(),
        ..Options::default()
    };
    let Err(error) = Pair::bind(outside).await else {
        panic!("it listens to everybody")
    };
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);

    let emulated = Emulated::empty().await;
    let (us, europe) = (
        address(emulated.pair.us_url()),
        address(emulated.pair.europe_url()),
    );
    assert_eq!(emulated.us().get("WhoAmI").await.status, 200);
    emulated.pair.shutdown().await;
    let again = Options {
        us,
        europe,
        data: Data::Empty,
        ..Options::default()
    };
    let again = Pair::bind(again).await.unwrap();
    drop(again);
}

#[tokio::test]
async fn connections_wait_until_the_pair_serves() {
    let mut pair = Pair::bind(Options {
        data: Data::Empty,
        ..Options::default()
    })
    .await
    .unwrap();
    let url = format!("{}/api/data/v9.2/WhoAmI", pair.us_url());
    let request = crate::support::emulated::plain_client()
        .get(url)
        .bearer_auth(pair.token());
    let early = tokio::spawn(request.send());
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!early.is_finished());
    pair.serve().await.unwrap();
    pair.serve().await.unwrap();
    assert_eq!(early.await.unwrap().unwrap().status(), 200);
}

fn address(url: &str) -> std::net::SocketAddr {
    url.trim_start_matches("http://").parse().unwrap()
}

#[tokio::test]
async fn the_log_forgets_the_oldest_when_it_is_large() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let long = format!("accounts?$filter=name eq '{}'", "x".repeat(30_000));
    for _ in 0..40 {
        us.get(&long).await;
    }
    let few = us.log().await;
    assert_eq!(few.len(), 40);
    // Asked over one connection, because there are many of them.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for _ in 0..2300 {
        let request = client.get(us.url(&long)).bearer_auth(&us.token);
        request.send().await.unwrap().bytes().await.unwrap();
    }
    let log = us.log().await;
    assert!(log.len() > 1000 && log.len() < 2300, "{}", log.len());
    let last = log.last().unwrap()["seq"].as_u64().unwrap();
    assert_eq!(
        (last, log[0]["seq"].as_u64().unwrap()),
        (2340, 2341 - log.len() as u64)
    );
}
