//! The client against the emulator, over sockets: each message, and each class of failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::json;
use tandem::dataverse::{Observation, Query, Reader, Settings, Timeouts};
use tandem::domain::breaker::{BreakerPolicy, Class};
use tandem::domain::credential::{Credential, SecretSource};
use tandem::domain::failure::{ErrorCode, FailureClass};
use tandem::domain::instance::{Endpoint, InstanceName};
use tandem::domain::retry::RetryPolicy;
use tandem::domain::row::RowId;
use tandem::domain::table::{ColumnName, ColumnType, TableName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::emulated::Emulated;

type Observed = mpsc::UnboundedReceiver<Observation>;

fn reader(origin: &str, credential: Credential) -> (Reader, Observed) {
    let (observer, observed) = mpsc::unbounded_channel();
    let settings = Settings {
        name: InstanceName::new("europe").unwrap(),
        endpoint: Endpoint::new(origin).unwrap(),
        credential,
        impersonates: None,
        network: tandem::domain::network::Network::default(),
        timeouts: Timeouts {
            connect: Duration::from_secs(1),
            read: Duration::from_millis(600),
            write: Duration::from_secs(2),
            idle: Duration::from_millis(500),
            deadline: Duration::from_secs(5),
        },
        breakers: Class::ALL.map(BreakerPolicy::of),
        retry: RetryPolicy {
            base: Duration::from_millis(5),
            ..RetryPolicy::default()
        },
        seed: 1,
    };
    (Reader::new(settings, observer).unwrap(), observed)
}

fn token(emulated: &Emulated) -> Credential {
    Credential::Token(SecretSource::Held(SecretString::from(
        emulated.pair.token(),
    )))
}

fn client_secret(emulated: &Emulated, client_id: &str, secret: &str) -> Credential {
    Credential::ClientSecret {
        authority: emulated.pair.europe_url().parse().unwrap(),
        tenant: "contoso".to_owned(),
        client_id: client_id.to_owned(),
        secret: SecretSource::Held(SecretString::from(secret)),
    }
}

fn account() -> TableName {
    TableName::new("account").unwrap()
}

fn columns(names: &[&str]) -> Vec<ColumnName> {
    names
        .iter()
        .map(|name| ColumnName::new(name).unwrap())
        .collect()
}

fn seen(observed: &mut Observed) -> Vec<Observation> {
    std::iter::from_fn(|| observed.try_recv().ok()).collect()
}

#[tokio::test]
async fn a_table_is_learnt_from_its_instance() {
    let emulated = Emulated::empty().await;
    let (reader, _observed) = reader(emulated.pair.europe_url(), token(&emulated));
    let table = reader.schema(&account()).await.unwrap();
    assert_eq!(
        (table.set.as_str(), table.primary_id.as_str()),
        ("accounts", "accountid")
    );
    assert!(table.optimistic_concurrency);
    let key = &table.keys[0];
    assert!(key.active && key.columns == columns(&["accountnumber"]));
    let kind = |name: &str| table.column(&columns(&[name])[0]).unwrap().kind.clone();
    assert_eq!(
        kind("name"),
        ColumnType::Text {
            max_length: Some(160)
        }
    );
    let ColumnType::Lookup { targets } = kind("primarycontactid") else {
        panic!("a lookup")
    };
    assert_eq!(targets[0].bind, "primarycontactid");
    let contact = reader
        .schema(&TableName::new("contact").unwrap())
        .await
        .unwrap();
    let parent = contact.column(&columns(&["parentcustomerid"])[0]).unwrap();
    let ColumnType::Lookup { targets } = &parent.kind else {
        panic!("a lookup: {parent:?}")
    };
    let binds: Vec<&str> = targets.iter().map(|target| target.bind.as_str()).collect();
    assert!(
        binds.contains(&"parentcustomerid_account") && binds.contains(&"parentcustomerid_contact"),
        "{binds:?}"
    );
    assert!(
        !contact
            .column(&columns(&["fullname"])[0])
            .unwrap()
            .updatable
    );
}

#[tokio::test]
async fn a_key_finds_its_row_by_address_or_by_filter() {
    let emulated = Emulated::empty().await;
    for (number, name) in [("HO-O'Brien 1", "O'Brien"), ("M&M", "Mars")] {
        let made = emulated
            .europe()
            .post("accounts", json!({"name": name, "accountnumber": number}))
            .await;
        assert_eq!(made.status, 204, "{made:?}");
    }
    let (reader, _observed) = reader(emulated.pair.europe_url(), token(&emulated));
    let table = reader.schema(&account()).await.unwrap();
    let number = &columns(&["accountnumber"])[0];
    for (value, found) in [
        ("HO-O'Brien 1", true),
        ("M&M", true),
        ("nobody", false),
        ("x' or 1 eq 1 or '", false),
    ] {
        let id = reader.resolve_key(&table, number, value).await.unwrap();
        assert_eq!(id.is_some(), found, "{value}");
    }
}

#[tokio::test]
async fn each_fault_is_told_apart_and_reads_are_tried_again() {
    let emulated = Emulated::demo().await;
    let cases = [
        (
            "F3 reset before",
            json!({"reset": "before"}),
            FailureClass::NoAnswer,
        ),
        (
            "F5 reset after",
            json!({"reset": "after"}),
            FailureClass::NoAnswer,
        ),
        (
            "F6 truncated",
            json!({"truncate": true}),
            FailureClass::Unreadable,
        ),
        (
            "F8 a portal",
            json!({"body": "<html>sign in</html>"}),
            FailureClass::Unreadable,
        ),
        (
            "F10 slow headers",
            json!({"delay_ms": 1500}),
            FailureClass::NoAnswer,
        ),
        ("503", json!({"status": 503}), FailureClass::Unavailable),
        ("502", json!({"status": 502}), FailureClass::Unavailable),
    ];
    for (case, fault, class) in cases {
        let (reader, mut observed) = reader(emulated.pair.europe_url(), token(&emulated));
        let table = reader.schema(&account()).await.unwrap();
        seen(&mut observed);
        let mut once = fault;
        once["path"] = json!("/accounts?");
        emulated.europe().arm(once.clone()).await;
        let query = Query::all(&table, &columns(&["name"])).first(3);
        let page = reader
            .pages(query)
            .next()
            .await
            .unwrap_or_else(|failure| panic!("{case}: {failure}"))
            .unwrap();
        assert_eq!(page.rows.len(), 3, "{case}");
        let attempts = seen(&mut observed);
        let classes: Vec<_> = attempts
            .iter()
            .map(|o| o.failure.as_ref().map(|failure| failure.class))
            .collect();
        assert_eq!(classes, [Some(class), None], "{case}");
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_says_why() {
    let emulated = Emulated::demo().await;
    let (reader, mut observed) = reader(emulated.pair.europe_url(), token(&emulated));
    let table = reader.schema(&account()).await.unwrap();
    seen(&mut observed);
    let fault =
        json!({"path": "/accounts?", "status": 503, "code": "0x80040265", "retry_after": 1});
    emulated.europe().arm(fault).await;
    let query = Query::all(&table, &columns(&["name"])).first(3);
    let failure = reader.pages(query).next().await.unwrap_err();
    assert_eq!(
        (failure.class, failure.code),
        (FailureClass::Invalid, Some(ErrorCode::PLUGIN_REFUSED))
    );
    assert_eq!(
        seen(&mut observed).len(),
        1,
        "custom logic that refuses is not asked again"
    );
    let nobody = RowId::parse("22222222-2222-4222-8222-222222222222").unwrap();
    assert_eq!(
        reader.retrieve(&table, nobody, &columns(&["name"])).await,
        Ok(None)
    );
}

#[tokio::test]
async fn fault_f1_a_refused_connection_is_local_and_quick() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let secret = Credential::Token(SecretSource::Held(SecretString::from("x")));
    let (reader, _observed) = reader(&origin, secret);
    let began = Instant::now();
    let failure = reader.who_am_i().await.unwrap_err();
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (FailureClass::NotSent, "connection refused")
    );
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn security_case_28_a_hundred_calls_with_a_dead_token_ask_for_one_new_one() {
    let emulated = Emulated::demo().await;
    let credential = client_secret(&emulated, "ops", emulated.pair.token());
    let (reader, _observed) = reader(emulated.pair.europe_url(), credential);
    reader.who_am_i().await.unwrap();
    // By the emulator's clock the token has expired; by ours it is young.
    emulated
        .europe()
        .control("POST", "clock", Some(json!({"advance_s": 7200})))
        .await;
    emulated.europe().control("DELETE", "log", None).await;
    let calls = (0..100).map(|_| {
        let reader = reader.clone();
        tokio::spawn(async move { reader.version().await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    let log = emulated.europe().log().await;
    let asked = log
        .iter()
        .filter(|r| {
            r["path"]
                .as_str()
                .unwrap_or_default()
                .ends_with("/oauth2/v2.0/token")
        })
        .count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn fault_f25_refused_credentials_are_not_hammered() {
    let emulated = Emulated::demo().await;
    let (reader, _observed) = reader(
        emulated.pair.europe_url(),
        client_secret(&emulated, "ops", "wrong"),
    );
    for _ in 0..5 {
        let failure = reader.who_am_i().await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Unauthorized);
        assert!(failure.message.contains("AADSTS"), "{}", failure.message);
    }
    let log = emulated.europe().log().await;
    assert_eq!(log.len(), 1, "one try a minute: {log:#?}");
    let rejected = reader.status(tandem::dataverse::now()).rejected;
    assert!(
        rejected.is_some_and(|why| !why.contains("wrong")),
        "and the secret is nowhere"
    );
}

#[tokio::test]
async fn security_case_13_a_token_of_one_instance_is_not_good_for_the_other() {
    let emulated = Emulated::demo().await;
    let scope = format!("{}/.default", emulated.pair.us_url());
    let of_the_us = emulated
        .us()
        .token_for("ops", emulated.pair.token(), &scope)
        .await
        .json();
    let held = SecretString::from(of_the_us["access_token"].as_str().unwrap());
    let (reader, _observed) = reader(
        emulated.pair.europe_url(),
        Credential::Token(SecretSource::Held(held)),
    );
    assert_eq!(
        reader.who_am_i().await.unwrap_err().class,
        FailureClass::Unauthorized
    );
}

/// A server that answers every request with these bytes, and counts them.
async fn answering(bytes: String) -> (String, Arc<AtomicUsize>, Arc<std::sync::Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (count, last) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(std::sync::Mutex::new(String::new())),
    );
    let (counted, kept) = (Arc::clone(&count), Arc::clone(&last));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 8192];
            let length = stream.read(&mut request).await.unwrap_or(0);
            counted.fetch_add(1, Ordering::SeqCst);
            *kept.lock().unwrap() = String::from_utf8_lossy(&request[..length]).into_owned();
            let _ = stream.write_all(bytes.as_bytes()).await;
        }
    });
    (origin, count, last)
}

#[tokio::test]
async fn security_cases_11_and_12_no_redirect_is_followed_and_no_referer_sent() {
    let (elsewhere, reached, _) =
        answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned()).await;
    for status in [301, 302, 303, 307, 308] {
        let moved = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: {elsewhere}/x\r\ncontent-length: 0\r\n\r\n"
        );
        let (origin, _, request) = answering(moved).await;
        let secret = Credential::Token(SecretSource::Held(SecretString::from("x")));
        let (reader, _observed) = reader(&origin, secret);
        assert!(reader.who_am_i().await.is_err(), "{status}");
        let request = request.lock().unwrap().to_lowercase();
        assert!(
            request.contains("authorization: bearer x") && !request.contains("referer"),
            "{request}"
        );
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn security_case_1_a_next_page_elsewhere_is_refused_without_a_connection() {
    let emulated = Emulated::demo().await;
    let (reader, _observed) = reader(emulated.pair.europe_url(), token(&emulated));
    let table = reader.schema(&account()).await.unwrap();
    let (elsewhere, reached, _) =
        answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned()).await;
    let body = json!({"value": [], "@odata.nextLink": format!("{elsewhere}/api/data/v9.2/accounts?$skiptoken=x")});
    let fault = json!({"count": null, "path": "/accounts?", "body": body.to_string()});
    emulated.europe().arm(fault).await;
    let failure = reader
        .pages(Query::all(&table, &columns(&["name"])))
        .next()
        .await
        .unwrap_err();
    assert!(
        failure.message.contains("refused: it leads to 127.0.0.1"),
        "{failure}"
    );
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn security_case_25_a_fixed_token_never_leaves_this_machine() {
    let (observer, _observed) = mpsc::unbounded_channel();
    let settings = Settings {
        name: InstanceName::new("us").unwrap(),
        endpoint: Endpoint::new("https://contoso.crm.dynamics.com").unwrap(),
        credential: Credential::Token(SecretSource::Held(SecretString::from("x"))),
        impersonates: None,
        network: tandem::domain::network::Network::default(),
        timeouts: Timeouts {
            connect: Duration::from_secs(1),
            read: Duration::from_secs(1),
            write: Duration::from_secs(1),
            idle: Duration::from_secs(1),
            deadline: Duration::from_secs(1),
        },
        breakers: Class::ALL.map(BreakerPolicy::of),
        retry: RetryPolicy::default(),
        seed: 1,
    };
    let error = Reader::new(settings, observer).unwrap_err();
    let why = std::error::Error::source(&error)
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(why.contains("loopback only"), "{why}");
}
