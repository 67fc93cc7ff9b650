//! While the service says wait, nothing is sent.

use std::time::{Duration, Instant};

use tandem::dataverse::now;
use tandem::domain::breaker::{Forced, Phase};
use tandem::domain::failure::FailureClass;

use super::faults::write;
use super::{Client, VERSION, failed, no_content};
use crate::support::stub::{Stub, answer, json};

#[tokio::test]
async fn fault_f14_nothing_is_sent_while_the_gate_is_closed() {
    let stub = Stub::answering(|n, text| match n {
        0 => answer("429 Too Many Requests", &["retry-after: 1"], ""),
        _ if text.starts_with("PATCH") => no_content(),
        _ => json(VERSION),
    })
    .await;
    let client = Client::of(&stub.origin);
    client.reader.version().await.unwrap();
    let (first, second) = (stub.seen()[0].at, stub.seen()[1].at);
    assert!(second - first >= Duration::from_secs(1));

    let stub = Stub::answering(|n, text| match n {
        0 => answer("429 Too Many Requests", &["retry-after: 1"], ""),
        _ if text.starts_with("PATCH") => no_content(),
        _ => json(VERSION),
    })
    .await;
    let client = Client::of(&stub.origin);
    let writer = client.reader.writer();
    let began = Instant::now();
    let first = client.reader.version();
    let others = async {
        while client.reader.status(now()).gate.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ping = failed(client.reader.who_am_i().await);
        assert_eq!(ping.class, FailureClass::NotAllowed, "a probe doesn't wait");
        let held = writer.held_back(now()).unwrap();
        assert!(held.why.starts_with("throttled: HTTP 429"), "{}", held.why);
        assert!(!held.is_breaker);
        let reads = futures_util::future::join_all((0..5).map(|_| client.reader.version()));
        let write = write();
        let write = writer.send(&write);
        let (reads, write) = tokio::join!(reads, write);
        assert!(reads.iter().all(Result::is_ok));
        write.unwrap();
    };
    let (first, ()) = tokio::join!(first, others);
    first.unwrap();
    let seen = stub.seen();
    assert_eq!(seen.len(), 8, "one refused, seven done");
    let gap = seen[1].at - seen[0].at;
    assert!(gap >= Duration::from_secs(1), "{gap:?}");
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(client.reader.status(now()).limit, 2, "half of four");
}

#[tokio::test]
async fn another_user_of_the_same_instance_has_its_own_gate() {
    let stub = Stub::answering(|_, text| {
        if text.contains("Bearer t0ken") {
            answer("429 Too Many Requests", &["retry-after: 3600"], "")
        } else {
            json(VERSION)
        }
    })
    .await;
    let client = Client::of(&stub.origin);
    let agent = client
        .reader
        .with_credential(super::token("agent"))
        .unwrap();
    assert_eq!(
        failed(client.reader.version().await).class,
        FailureClass::Throttled
    );
    let began = Instant::now();
    assert_eq!(
        failed(client.reader.version().await).class,
        FailureClass::NotAllowed
    );
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "nobody waits for an hour"
    );
    assert!(agent.version().await.is_ok());
    assert_eq!(stub.seen().len(), 2);
}

#[tokio::test]
async fn a_closed_instance_opens_the_breaker_at_once_and_a_ping_finds_out() {
    let stub = Stub::answering(|n, _| match n {
        0 => answer("503 Service Unavailable", &["retry-after: 1"], ""),
        _ => json(super::WHO),
    })
    .await;
    let mut settings = super::settings(&stub.origin, super::token("t"));
    settings.breakers[0].wait_base = Duration::from_millis(10);
    let client = Client::with(settings);
    let failure = failed(client.reader.version().await);
    assert_eq!(failure.status, Some(503), "not hidden behind the breaker");
    assert_eq!(stub.seen().len(), 1);
    tokio::time::sleep(Duration::from_millis(1050)).await;
    let failure = failed(client.reader.version().await);
    assert_eq!(
        failure.message,
        "not sent: the read breaker waits for its probe"
    );
    client.reader.who_am_i().await.unwrap();
    client.reader.who_am_i().await.unwrap();
    let status = client.reader.status(now());
    assert_eq!(status.breakers[0].phase, Phase::Closed);
    let words: Vec<_> = client
        .reader
        .take_transitions()
        .iter()
        .map(|(_, t)| t.to)
        .collect();
    assert_eq!(words, ["OPEN", "half-open", "closed"]);
}

#[tokio::test]
async fn forced_open_sends_nothing_until_it_is_released() {
    let stub = Stub::answering(|_, text| {
        if text.starts_with("PATCH") {
            no_content()
        } else {
            json(super::WHO)
        }
    })
    .await;
    let client = Client::of(&stub.origin);
    let writer = client.reader.writer();
    let forced = Forced {
        by: "ada".to_owned(),
        reason: "maintenance".to_owned(),
        until: None,
    };
    client.reader.force_open(&forced, now());
    assert_eq!(
        failed(client.reader.who_am_i().await).class,
        FailureClass::NotAllowed
    );
    assert_eq!(
        failed(writer.send(&write()).await).class,
        FailureClass::NotAllowed
    );
    let held = writer.held_back(now()).unwrap();
    assert!(held.is_breaker && held.is_forced);
    let waits = tokio::time::timeout(Duration::from_millis(50), writer.ready()).await;
    assert!(waits.is_err());
    assert!(stub.seen().is_empty());
    client.reader.release("ada", now()).unwrap();
    writer.ready().await;
    writer.send(&write()).await.unwrap();
}

#[tokio::test]
async fn calls_in_flight_stay_below_the_limit() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let most = Arc::new(AtomicUsize::new(0));
    let stub = Stub::answering(|_, _| json(VERSION)).await;
    let client = Client::of(&stub.origin);
    let calls = futures_util::future::join_all((0..40).map(|_| client.reader.version()));
    let watch = async {
        loop {
            let in_flight = client.reader.status(now()).in_flight as usize;
            most.fetch_max(in_flight, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = calls => assert!(done.iter().all(Result::is_ok)),
        () = watch => {}
    }
    assert!((1..=4).contains(&most.load(Ordering::Relaxed)), "{most:?}");
    assert_eq!(client.reader.status(now()).in_flight, 0);
}
