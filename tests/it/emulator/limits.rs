//! Service protection: each limit, what a client is told, and when it is let in again.

use std::time::{Duration, Instant};

use serde_json::json;
use tandem::emulator::{Data, Limits, Options};

use super::id;
use crate::support::emulated::{Answer, Api, Emulated};

const REQUESTS: &str = "0x80072322";
const EXECUTION_TIME: &str = "0x80072321";
const CONCURRENCY: &str = "0x80072326";

fn retry_after(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().unwrap()
}

/// What the two debugging headers say.
fn left(answer: &Answer) -> (&str, &str) {
    (
        answer.header("x-ms-ratelimit-burst-remaining-xrm-requests"),
        answer.header("x-ms-ratelimit-time-remaining-xrm-requests"),
    )
}

async fn later(api: &Api<'_>, seconds: u64) {
    let advance = json!({"advance_s": seconds});
    api.control("POST", "clock", Some(advance)).await;
}

#[tokio::test]
async fn the_limits_are_the_services_own_and_off_until_they_are_set() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let none = us.control("GET", "limits", None).await;
    assert_eq!(none["limits"], json!(null));
    assert_eq!(left(&us.get("WhoAmI").await), ("7999", "1,200.00"));
    let own = json!({"requests": 6000, "execution_s": 1200, "concurrency": 52, "window_s": 300,
        "cost": {"read": 0, "write": 0}, "wait": false});
    let set = us.control("POST", "limits", Some(json!({}))).await;
    assert_eq!(set["limits"], own);
    assert_eq!(us.control("GET", "limits", None).await["limits"], own);
    assert_eq!(left(&us.get("WhoAmI").await), ("5999", "1,199.00"));
    us.control("DELETE", "limits", None).await;
    assert_eq!(left(&us.get("WhoAmI").await), ("7999", "1,200.00"));
    for wrong in [
        json!({"window_s": 0}),
        json!({"requests": 10_000_000}),
        json!({"nonsense": 1}),
    ] {
        let url = format!("{}/emulator/limits", us.origin);
        let answer = us.send("POST", &url, &[], Some(wrong.clone())).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn too_many_requests_wait_for_the_window_and_longer_if_they_do_not() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.control("POST", "limits", Some(json!({"requests": 3})))
        .await;
    let app = us.signed_in("app").await;
    for left in ["2", "1", "0"] {
        let answer = app.get("WhoAmI").await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("x-ms-ratelimit-burst-remaining-xrm-requests"),
            left
        );
    }
    let refused = app.get("WhoAmI").await;
    assert_eq!(refused.refusal(), (429, REQUESTS.to_owned()));
    let message = "Number of requests exceeded the limit of 3 over time window of 300 seconds.";
    assert_eq!(refused.json()["error"]["message"], message);
    let first = retry_after(&refused);
    assert!((295..=300).contains(&first), "{first}");
    later(&us, 200).await;
    let mut waits = Vec::new();
    for _ in 0..3 {
        waits.push(retry_after(&app.get("WhoAmI").await));
    }
    assert!(
        waits.is_sorted_by(|one, next| one < next),
        "it grows: {waits:?}"
    );
    assert!((97..=103).contains(&waits[0]), "{waits:?}");
    assert_eq!(us.signed_in("other").await.get("WhoAmI").await.status, 200);
    later(&us, 90).await;
    assert_eq!(app.get("WhoAmI").await.status, 429, "too early");
    later(&us, 20).await;
    assert_eq!(app.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn execution_time_adds_up_by_what_operations_cost() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let limits = json!({"execution_s": 100, "cost": {"read": 10_000, "write": 40_000}});
    us.control("POST", "limits", Some(limits)).await;
    let start = Instant::now();
    assert_eq!(left(&us.get("WhoAmI").await), ("5999", "89.00"));
    assert_eq!(us.post("accounts", json!({"name": "a"})).await.status, 204);
    assert_eq!(left(&us.get("accounts").await).1, "39.00");
    assert!(start.elapsed() < Duration::from_secs(5), "accounted only");
    assert_eq!(us.post("accounts", json!({"name": "b"})).await.status, 204);
    let refused = us.get("WhoAmI").await;
    assert_eq!(refused.refusal(), (429, EXECUTION_TIME.to_owned()));
    let message = refused.json()["error"]["message"].clone();
    assert!(
        message
            .as_str()
            .unwrap()
            .contains("exceeded limit of 100,000 milliseconds")
    );
    assert!((295..=300).contains(&retry_after(&refused)));
    assert_eq!(left(&refused), ("5996", "0.00"));
    later(&us, 301).await;
    assert_eq!(us.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn a_batch_is_one_request_and_the_time_of_all_its_parts() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let cost = json!({"read": 10_000, "write": 20_000});
    us.control("POST", "limits", Some(json!({ "cost": cost })))
        .await;
    let read = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
         GET /api/data/v9.2/WhoAmI HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n";
    let body = format!("{read}{read}{read}--b--\r\n");
    let batch = us
        .request("POST", &us.url("$batch"))
        .header("content-type", "multipart/mixed; boundary=b")
        .body(body);
    let answer = batch.send().await.unwrap();
    let status = answer.status();
    assert_eq!(status, 200, "{}", answer.text().await.unwrap());
    assert_eq!(left(&us.get("WhoAmI").await), ("5998", "1,159.00"));
    let row = |number| json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "accountid": id(number), "name": "a"});
    let targets = json!({"Targets": [row(1), row(2), row(3)]});
    let path = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
    let created = us.post(path, targets).await;
    assert_eq!(created.status, 200, "{created:?}");
    assert_eq!(left(&created), ("5997", "1,099.00"));
}

#[tokio::test]
async fn too_many_at_a_time_are_refused_until_one_is_done() {
    let limits = Limits {
        concurrency: 2,
        wait: true,
        cost: tandem::emulator::Costs {
            read: 400,
            write: 0,
        },
        ..Limits::default()
    };
    let emulated = Emulated::with(Options {
        data: Data::Empty,
        limits: Some(limits),
        ..Options::default()
    })
    .await;
    let us = emulated.us();
    let soon = || async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        us.get("WhoAmI").await
    };
    let start = Instant::now();
    let (one, two, three) = tokio::join!(us.get("WhoAmI"), us.get("WhoAmI"), soon());
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
    assert!(
        start.elapsed() >= Duration::from_millis(400),
        "the cost is waited for"
    );
    assert_eq!(three.refusal(), (429, CONCURRENCY.to_owned()));
    assert_eq!(retry_after(&three), 1);
    assert_eq!(us.get("WhoAmI").await.status, 200, "it clears at once");
}

#[tokio::test]
async fn a_scenario_sets_limits_and_lifts_them() {
    let emulated = Emulated::playing(
        r#"
        story = "Nobody gets anything for a while."
        [[events]]
        at = "0s"
        instance = "europe"
        what = "limits"
        limits = { requests = 0, window_s = 60 }
        lasts = "400ms"
        "#,
    )
    .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(emulated.europe().get("WhoAmI").await.status, 429);
    assert_eq!(emulated.us().get("WhoAmI").await.status, 200);
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(emulated.europe().get("WhoAmI").await.status, 200);
}
