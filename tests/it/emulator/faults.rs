//! Each fault that can be armed, below HTTP too, with what it leaves in the store.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::id;
use crate::support::emulated::Emulated;

#[tokio::test]
async fn a_status_is_answered_once_with_its_code_and_retry_after() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"count": 1, "status": 429, "retry_after": 2}))
        .await;
    let answer = us.post("accounts", json!({"name": "a"})).await;
    assert_eq!(answer.refusal(), (429, "0x80072322".to_owned()));
    assert_eq!(answer.header("retry-after"), "2");
    assert!(
        us.column("accounts", "name").await.is_empty(),
        "the work was not done"
    );
    us.arm(json!({"status": 429, "code": "0x80072326"})).await;
    assert_eq!(
        us.get("WhoAmI").await.refusal(),
        (429, "0x80072326".to_owned())
    );
    us.arm(json!({"status": 401})).await;
    let expired = us.get("WhoAmI").await;
    assert_eq!(expired.status, 401);
    assert!(expired.header("www-authenticate").contains("resource_id="));
    assert_eq!(us.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_not_json_and_a_delay_come_as_armed() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"status": 502, "body": "<html>Bad gateway</html>"}))
        .await;
    let answer = us.get("WhoAmI").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (502, "<html>Bad gateway</html>")
    );
    assert!(answer.header("content-type").starts_with("text/html"));
    us.arm(json!({"delay_ms": 120})).await;
    let start = Instant::now();
    assert_eq!(us.get("WhoAmI").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn one_client_can_be_struck_while_all_others_are_served() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"count": null, "status": 403, "client": "app"}))
        .await;
    let refused = us.signed_in("app").await.get("WhoAmI").await;
    assert_eq!(refused.refusal(), (403, "0x80040220".to_owned()));
    assert_eq!(us.signed_in("other").await.get("WhoAmI").await.status, 200);
    assert_eq!(us.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn conditions_and_counts_choose_what_is_struck() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(
        json!({"count": null, "status": 503, "method": "PATCH", "table": "account", "path": id(1)}),
    )
    .await;
    us.account(&id(1), json!({"name": "a"})).await;
    us.account(&id(2), json!({"name": "b"})).await;
    let patch = json!({"description": "c"});
    assert_eq!(
        us.patch(&format!("accounts({})", id(2)), patch.clone())
            .await
            .status,
        204
    );
    assert_eq!(
        us.patch(&format!("contacts({})", id(1)), patch.clone())
            .await
            .status,
        204
    );
    for _ in 0..3 {
        assert_eq!(
            us.patch(&format!("accounts({})", id(1)), patch.clone())
                .await
                .status,
            503
        );
    }
    let listed = us.control("GET", "faults", None).await;
    assert_eq!(
        (
            listed["faults"][0]["hits"].clone(),
            listed["faults"][0]["hits_left"].clone()
        ),
        (json!(3), Json::Null)
    );
    us.control("DELETE", "faults", None).await;
    assert_eq!(
        us.patch(&format!("accounts({})", id(1)), patch)
            .await
            .status,
        204
    );
    us.arm(json!({"status": 503, "path": "/oauth2/"})).await;
    assert_eq!(us.get("WhoAmI").await.status, 200);
    assert_eq!(us.token_for("a", "b", "c").await.status, 503);
    for wrong in [
        json!({}),
        json!({"status": 42}),
        json!({"status": 500, "share": 2.0}),
        json!({"nonsense": 1}),
        json!({"outage_s": -1.0}),
    ] {
        let answer = us
            .send(
                "POST",
                &format!("{}/emulator/faults", us.origin),
                &[],
                Some(wrong.clone()),
            )
            .await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_reset_before_the_work_leaves_nothing_and_one_after_it_leaves_the_row() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (number, reset, there) in [(1, "before", 404), (2, "after", 200)] {
        us.arm(json!({"reset": reset, "method": "POST"})).await;
        let lost = us
            .try_send(
                "POST",
                "accounts",
                &[],
                Some(json!({"accountid": id(number), "name": "a"})),
            )
            .await;
        assert!(lost.is_err(), "{reset}: {lost:?}");
        assert_eq!(
            us.get(&format!("accounts({})", id(number))).await.status,
            there,
            "{reset}"
        );
    }
}

#[tokio::test]
async fn a_reset_is_one_on_the_wire() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"reset": "before"})).await;
    let host = us.origin.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "GET /api/data/v9.2/WhoAmI HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n",
        us.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let end = stream.read(&mut [0; 64]).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_truncated_body_declares_its_whole_length() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let whole = us.get("WhoAmI").await.text.len();
    for (truncate, sent) in [(json!(true), whole / 2), (json!(10), 10)] {
        us.arm(json!({"truncate": truncate})).await;
        let host = us.origin.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).await.unwrap();
        let request = format!(
            "GET /api/data/v9.2/WhoAmI HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n",
            us.token
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {whole}")), "{head}");
        assert_eq!(body.len(), sent, "{truncate}");
        us.arm(json!({"truncate": truncate})).await;
        assert!(us.try_send("GET", "WhoAmI", &[], None).await.is_err());
    }
}

#[tokio::test]
async fn an_outage_refuses_connections_and_ends_on_the_same_port() {
    let emulated = Emulated::empty().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let host = europe.origin.trim_start_matches("http://");
    europe.account(&id(1), json!({"name": "kept"})).await;
    let mut idle = TcpStream::connect(host).await.unwrap();
    europe.arm(json!({"outage_s": 0.6})).await;
    let start = Instant::now();
    assert_eq!(
        idle.read(&mut [0; 8]).await.unwrap_or(0),
        0,
        "open connections are closed"
    );
    tokio::time::sleep(Duration::from_millis(50)).await;
    let refused = TcpStream::connect(host).await;
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    assert_eq!(
        us.get("WhoAmI").await.status,
        200,
        "the other instance is well"
    );
    while TcpStream::connect(host).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert_eq!(europe.column("accounts", "name").await, [json!("kept")]);
}

#[tokio::test]
async fn an_outage_with_a_condition_waits_for_it() {
    let emulated = Emulated::empty().await;
    let europe = emulated.europe();
    europe.arm(json!({"outage_s": 0.2, "method": "POST"})).await;
    assert_eq!(europe.get("WhoAmI").await.status, 200);
    assert!(
        europe
            .try_send("POST", "accounts", &[], Some(json!({"name": "a"})))
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(europe.column("accounts", "name").await.is_empty());
}
