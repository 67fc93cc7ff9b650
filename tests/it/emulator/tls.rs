//! Both instances over https, with a CA that only its own clients trust, and handshakes that fail.

use std::time::Duration;

use serde_json::json;
use tandem::emulator::{Data, Options, Pair, Scenario, TlsFault};

use super::id;
use crate::support::emulated::{Emulated, plain_client};

fn options() -> Options {
    Options {
        data: Data::Empty,
        tls: true,
        ..Options::default()
    }
}

/// The message of an error with those of its causes.
fn whole(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn one_authority_vouches_for_both_instances_by_number_and_by_name() {
    let emulated = Emulated::with(options()).await;
    for api in [emulated.us(), emulated.europe()] {
        assert!(api.origin.starts_with("https://127.0.0.1:"));
        assert_eq!(api.get("WhoAmI").await.status, 200);
        let by_name = api.origin.replace("127.0.0.1", "localhost");
        let url = format!("{by_name}/api/data/v9.2/accounts");
        let created = api
            .send("POST", &url, &[], Some(json!({"name": "a"})))
            .await;
        assert!(
            created.header("odata-entityid").starts_with(&url),
            "{created:?}"
        );
        let context = api.get("accounts").await.json()["@odata.context"].clone();
        assert!(context.as_str().unwrap().starts_with(api.origin));
        let challenge = api.as_bearer("").get("WhoAmI").await;
        let challenge = challenge.header("www-authenticate");
        assert!(
            challenge.contains(&format!("resource_id={}/", api.origin)),
            "{challenge}"
        );
        assert_eq!(api.signed_in("app").await.get("WhoAmI").await.status, 200);
    }
    let stranger = plain_client().get(emulated.us().url("WhoAmI")).send().await;
    assert!(whole(&stranger.unwrap_err()).contains("UnknownIssuer"));
    let in_clear = emulated.us().url("WhoAmI").replace("https", "http");
    plain_client().get(in_clear).send().await.unwrap_err();
}

#[tokio::test]
async fn a_bad_certificate_or_a_cut_handshake_stops_a_client() {
    for (fault, says) in [
        (TlsFault::Expired, "certificate expired"),
        (TlsFault::WrongHost, "not valid for name"),
        (TlsFault::Untrusted, "UnknownIssuer"),
        (TlsFault::Cut, ""),
    ] {
        let emulated = Emulated::with(Options {
            tls_fault: Some(fault),
            ..options()
        })
        .await;
        let us = emulated.us();
        let error = us.try_send("GET", "WhoAmI", &[], None).await.unwrap_err();
        assert!(
            error.is_connect() && whole(&error).contains(says),
            "{fault:?}: {}",
            whole(&error)
        );
    }
}

#[tokio::test]
async fn a_tls_fault_comes_and_goes_for_new_connections() {
    let emulated = Emulated::with(options()).await;
    let us = emulated.us();
    let set = us
        .control(
            "POST",
            "tls",
            Some(json!({"fault": "expired", "for_s": 0.3})),
        )
        .await;
    assert_eq!(set["fault"], "expired");
    us.try_send("GET", "WhoAmI", &[], None).await.unwrap_err();
    assert_eq!(emulated.europe().get("WhoAmI").await.status, 200);
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(us.get("WhoAmI").await.status, 200);
    let plain = Emulated::empty().await;
    let url = format!("{}/emulator/tls", plain.us().origin);
    let answer = plain
        .us()
        .send("POST", &url, &[], Some(json!({"fault": "cut"})))
        .await;
    assert!(
        answer.status == 400 && answer.text.contains("without TLS"),
        "{answer:?}"
    );
    let refused = Pair::bind(Options {
        tls_fault: Some(TlsFault::Cut),
        ..Options::default()
    });
    assert!(refused.await.is_err());
}

#[tokio::test]
async fn faults_below_http_work_through_tls() {
    let emulated = Emulated::with(options()).await;
    let us = emulated.us();
    for fault in [
        json!({"reset": "before"}),
        json!({"close": "after"}),
        json!({"truncate": true}),
        json!({"length_off": 10}),
        json!({"chunk_cut": true}),
    ] {
        us.arm(fault.clone()).await;
        let lost = us.try_send("GET", "WhoAmI", &[], None).await;
        assert!(lost.is_err(), "{fault}");
    }
    us.arm(json!({"slow_body_bps": 5000})).await;
    assert_eq!(us.get("WhoAmI").await.status, 200);
    us.arm(json!({"outage_s": 0.3})).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    us.try_send("GET", "WhoAmI", &[], None).await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(us.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn traffic_goes_through_tls_and_a_scenario_breaks_it() {
    let scenario = r#"
        story = "New accounts; Europe's certificate has expired."
        [traffic]
        new_account_every = "30ms"
        [[events]]
        at = "0s"
        instance = "europe"
        what = "tls"
        tls = "expired"
        lasts = "1h"
    "#;
    let emulated = Emulated::with(Options {
        scenario: Some(Scenario::load(scenario).unwrap()),
        ..options()
    })
    .await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let began = std::time::Instant::now();
    while us.column("accounts", "name").await.len() < 3 {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "no traffic arrives"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    emulated
        .europe()
        .try_send("GET", "WhoAmI", &[], None)
        .await
        .unwrap_err();
}
