//! What the client makes of a connection that is not what it seems.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use tandem::domain::breaker::{BreakerPolicy, CircuitBreaker, Class, Outcome, Phase};
use tandem::domain::credential::{Credential, SecretSource};
use tandem::domain::failure::{FailureClass, Origin};
use tandem::domain::time::Now;
use tandem::emulator::{Data, Options};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::{Client, failed, settings, token};
use crate::support::emulated::Emulated;

#[tokio::test]
async fn fault_f02_a_connection_that_is_never_made_is_given_up_and_was_not_sent() {
    let hole = TcpSocket::new_v4().unwrap();
    hole.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let hole = hole.listen(0).unwrap();
    let address = hole.local_addr().unwrap();
    // Nobody takes the connections that wait here: the next one's first packet is dropped.
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        waiting.push(stream);
    }
    let mut settings = settings(&format!("http://{address}"), token("t0ken"));
    settings.timeouts.connect = Duration::from_millis(200);
    let mut client = Client::with(settings);
    let failure = failed(client.reader.who_am_i().await);
    assert_eq!(
        (failure.class, failure.origin),
        (FailureClass::NotSent, Origin::Local),
        "{failure:?}"
    );
    assert!(!failure.may_have_happened());
    assert!(client.told()[0].failure.is_some(), "it counts");
}

#[tokio::test]
async fn fault_f07_a_body_of_another_length_is_not_used_and_asked_for_again() {
    let emulated = Emulated::with(Options {
        data: Data::Empty,
        ..Options::default()
    })
    .await;
    let us = emulated.us();
    for fault in [
        json!({"length_off": 7}),
        json!({"length_off": -7}),
        json!({"chunk_cut": true}),
        json!({"truncate": true}),
        json!({"shorten": true}),
    ] {
        let mut client = Client::with(settings(us.origin, token(&us.token)));
        us.arm(fault.clone()).await;
        let version = client.reader.version().await;
        assert!(version.is_ok(), "{fault}: {version:?}");
        let told = client.told();
        let failures = told.iter().filter(|one| one.failure.is_some());
        assert_eq!((failures.count(), told.len()), (1, 2), "{fault}");
    }
}

#[tokio::test]
async fn fault_f12_a_peer_that_is_gone_without_a_word_is_noticed_and_the_read_made_elsewhere() {
    let emulated = Emulated::with(Options {
        data: Data::Empty,
        ..Options::default()
    })
    .await;
    let us = emulated.us();
    let mut client = Client::with(settings(us.origin, token(&us.token)));
    us.arm(json!({"half_open": true})).await;
    let first = client.reader.version().await.unwrap();
    // The connection stands in the pool, and nobody is at its other end any more.
    assert_eq!(client.reader.version().await.unwrap(), first);
    let failures = client.told().into_iter().filter_map(|one| one.failure);
    let failures: Vec<_> = failures.map(|failure| failure.class).collect();
    assert_eq!(failures, [FailureClass::NoAnswer]);
}

#[tokio::test]
async fn fault_f27_a_name_that_nobody_knows_is_our_side_and_nothing_was_sent() {
    let nobody = "https://nobody.invalid";
    let credential = Credential::ClientSecret {
        authority: nobody.parse().unwrap(),
        tenant: "contoso".to_owned(),
        client_id: "tandem".to_owned(),
        secret: SecretSource::Held(SecretString::from("s3cret")),
    };
    let client = Client::with(settings(nobody, credential));
    let failure = failed(client.reader.who_am_i().await);
    assert_eq!(failure.origin, Origin::Local, "{failure:?}");
    assert!(!failure.may_have_happened(), "{failure:?}");
}

/// Security case 17, too.
#[tokio::test]
async fn fault_f28_a_certificate_of_an_unknown_authority_ends_it_before_anything_is_said() {
    let emulated = Emulated::with(Options {
        data: Data::Empty,
        tls: true,
        ..Options::default()
    })
    .await;
    let us = emulated.us();
    let client = Client::with(settings(us.origin, token(&us.token)));
    let failure = failed(client.reader.who_am_i().await);
    assert_eq!(failure.class, FailureClass::NotSent, "{failure:?}");
    let log = us.log().await;
    assert!(
        log.is_empty(),
        "no token went out, and no plain http: {log:?}"
    );
}

/// A call every half second, for ten minutes.
fn calls() -> impl Iterator<Item = (u64, Now)> {
    let start = tandem::dataverse::now();
    (0..1200).map(move |call| (call, start.after(Duration::from_millis(call * 500))))
}

#[test]
fn fault_f18_a_flapping_instance_is_left_alone_for_longer_and_longer() {
    let start = tandem::dataverse::now();
    let mut breaker = CircuitBreaker::new(Class::Read, BreakerPolicy::of(Class::Read), 7, start);
    let mut waits = Vec::new();
    let mut sent = 0;
    for (call, now) in calls() {
        let Ok(permit) = breaker.admit(true, now) else {
            continue;
        };
        sent += 1;
        let outcome = if sent % 2 == 0 {
            let took = Duration::from_millis(20);
            Outcome::Succeeded { took }
        } else {
            let cause = "HTTP 503".to_owned();
            Outcome::Failed { cause, stop: None }
        };
        breaker.settle(permit, outcome, now);
        if let Phase::Open { until } = breaker.phase() {
            waits.push(until.since(now));
        }
        assert!(call < 1200);
    }
    assert!(sent < 200, "{sent} of 1200 calls were made");
    let opened = breaker
        .take_transitions()
        .into_iter()
        .filter(|one| one.to == "OPEN")
        .count();
    assert_eq!(opened, waits.len(), "each wait began with one transition");
    let (first, longest) = (waits[0], *waits.iter().max().unwrap());
    assert!(longest >= first * 4, "waits grow: {waits:?}");
}
