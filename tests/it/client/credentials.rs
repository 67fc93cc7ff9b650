//! Tokens over sockets: asked for once, dropped when refused, and never in a storm.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use tandem::dataverse::now;
use tandem::domain::breaker::Class;
use tandem::domain::credential::{Credential, SecretSource};
use tandem::domain::failure::FailureClass;
use url::Url;

use super::faults::write;
use super::{Client, VERSION, failed, no_content, settings};
use crate::support::stub::{Reply, Stub, answer, json};

const TOKEN: &str = "POST /contoso/oauth2/v2.0/token";
const CANARY: &str = "s3cret-canary";

fn client_secret(authority: &str) -> Credential {
    Credential::ClientSecret {
        authority: Url::parse(authority).unwrap(),
        tenant: "contoso".to_owned(),
        client_id: "app".to_owned(),
        secret: SecretSource::Held(SecretString::from(CANARY)),
    }
}

fn client(stub: &Stub) -> Client {
    Client::with(settings(&stub.origin, client_secret(&stub.origin)))
}

fn issued(number: usize, life: u64) -> Reply {
    json(&format!(
        r#"{{"token_type":"Bearer","expires_in":{life},"access_token":"eyJ-{number}"}}"#
    ))
}

#[tokio::test]
async fn security_case_28_a_hundred_refused_calls_ask_for_one_token() {
    let newest = Arc::new(AtomicUsize::new(0));
    let revoked = Arc::new(AtomicUsize::new(0));
    let (given, gone) = (Arc::clone(&newest), Arc::clone(&revoked));
    let stub = Stub::answering(move |_, text| {
        if text.starts_with(TOKEN) {
            return issued(given.fetch_add(1, Ordering::SeqCst) + 1, 3599);
        }
        let good = format!(
            "authorization: bearer eyj-{}\r\n",
            given.load(Ordering::SeqCst)
        );
        if text.to_lowercase().contains(&good)
            && given.load(Ordering::SeqCst) > gone.load(Ordering::SeqCst)
        {
            json(VERSION)
        } else {
            answer(
                "401 Unauthorized",
                &["www-authenticate: Bearer authorization_uri=http://127.0.0.1:1/"],
                "",
            )
        }
    })
    .await;
    let mut client = client(&stub);
    client.reader.version().await.unwrap();
    assert_eq!(stub.count(TOKEN), 1);
    assert!(stub.seen()[0].text.contains("scope=http%3A%2F%2F127.0.0.1"));
    revoked.store(1, Ordering::SeqCst);
    let calls = futures_util::future::join_all((0..100).map(|_| client.reader.version())).await;
    assert!(
        calls.iter().all(Result::is_ok),
        "{:?}",
        calls.iter().find(|call| call.is_err())
    );
    assert_eq!(stub.count(TOKEN), 2, "one for all of them");
    assert_eq!(client.reader.status(now()).rejected, None);
    let told = client.told();
    assert_eq!(
        told.iter().filter(|told| told.class == Class::Auth).count(),
        2
    );
    let told = format!("{told:?}");
    assert!(!told.contains("eyJ") && !told.contains(CANARY));
}

#[tokio::test]
async fn fault_f25_a_refused_secret_is_tried_once_a_minute() {
    let words = r#"{"error":"invalid_client","error_description":"AADSTS7000222: The secret has expired.\r\nTrace ID: 1"}"#;
    let stub = Stub::answering(move |_, _| answer("401 Unauthorized", &[], words)).await;
    let client = client(&stub);
    let calls = futures_util::future::join_all((0..20).map(|_| client.reader.version())).await;
    for call in calls {
        let failure = failed(call);
        assert_eq!(failure.class, FailureClass::Unauthorized);
        assert!(
            failure
                .message
                .contains("AADSTS7000222: The secret has expired."),
            "{failure}"
        );
    }
    assert_eq!(stub.seen().len(), 1, "no storm of log-ins");
    let failure = failed(client.reader.who_am_i().await);
    assert!(failure.message.contains("tried again in"), "{failure}");
    let why = client.reader.status(now()).rejected.unwrap();
    assert_eq!(why, "no token: AADSTS7000222: The secret has expired.");
    assert_eq!(client.reader.status(now()).breakers[0].counts.failed, 0);
}

#[tokio::test]
async fn fault_f24_a_write_without_a_token_was_not_sent() {
    let stub = Stub::answering(|_, text| {
        if text.starts_with(TOKEN) {
            answer("500 Internal Server Error", &[], "")
        } else {
            no_content()
        }
    })
    .await;
    let client = client(&stub);
    let failure = failed(client.reader.writer().send(&write()).await);
    assert_eq!(failure.class, FailureClass::NotSent);
    assert!(!failure.may_have_happened());
    assert_eq!(failure.message, "no token: HTTP 500");
    assert_eq!(stub.count("PATCH"), 0);
    assert_eq!(stub.count(TOKEN), 4);
    let status = client.reader.status(now());
    assert_eq!(status.breakers[2].counts.failed, 4, "the auth breaker's");
    assert_eq!(
        status.breakers[1].counts.failed, 0,
        "not the write breaker's"
    );
    let failure = failed(client.reader.writer().send(&write()).await);
    assert_eq!(failure.message, "no token: HTTP 500", "the fifth opens it");
    let failure = failed(client.reader.version().await);
    assert_eq!(failure.class, FailureClass::NotAllowed);
    assert!(
        failure
            .message
            .starts_with("not sent: the auth breaker is open"),
        "{failure}"
    );
}

#[tokio::test]
async fn an_old_token_is_renewed_by_one_while_the_others_go_on() {
    let stub = Stub::answering(move |n, text| {
        if text.starts_with(TOKEN) {
            issued(n, 1)
        } else {
            json(VERSION)
        }
    })
    .await;
    let client = client(&stub);
    client.reader.version().await.unwrap();
    tokio::time::sleep(Duration::from_millis(850)).await;
    let calls = futures_util::future::join_all((0..4).map(|_| client.reader.version())).await;
    assert!(calls.iter().all(Result::is_ok));
    assert_eq!(stub.count(TOKEN), 2);
}

#[tokio::test]
async fn security_case_14_a_challenge_does_not_change_the_authority() {
    let evil = Stub::answering(|_, _| issued(1, 3599)).await;
    let challenge = format!(
        "www-authenticate: Bearer authorization_uri={}/, resource_id=x",
        evil.origin
    );
    let stub = Stub::answering(move |n, text| {
        if text.starts_with(TOKEN) {
            issued(n, 3599)
        } else {
            answer("401 Unauthorized", &[&challenge], "")
        }
    })
    .await;
    let client = client(&stub);
    let failure = failed(client.reader.version().await);
    assert_eq!(failure.class, FailureClass::Unauthorized);
    assert_eq!(
        (stub.count(TOKEN), stub.count("GET")),
        (2, 2),
        "renewed once, and no more"
    );
    assert!(evil.seen().is_empty());
    // The third refused token in a row is an answer (T32).
    assert!(client.reader.status(now()).rejected.is_none());
    failed(client.reader.version().await);
    assert!(client.reader.status(now()).rejected.is_some());
    let before = stub.seen().len();
    failed(client.reader.version().await);
    assert_eq!(stub.seen().len(), before);
}
