//! Each fault on the wire, and what the client makes of it.

use std::collections::BTreeMap;

use tandem::dataverse::Write;
use tandem::domain::breaker::{Class, Phase};
use tandem::domain::failure::{FailureClass, Origin};
use tandem::domain::row::{RowId, Value};
use tandem::domain::table::{
    Column, ColumnName, ColumnType, EntitySet, TableKind, TableName, TableSchema,
};
use tokio::net::TcpListener;

use super::{Client, VERSION, WHO, failed, no_content};
use crate::support::stub::{Reply, Stub, answer, json};

fn table() -> TableSchema {
    let name = ColumnName::new("name").unwrap();
    let column = Column::new(name.clone(), ColumnType::Text { max_length: None });
    TableSchema {
        name: TableName::new("account").unwrap(),
        set: EntitySet::new("accounts").unwrap(),
        primary_id: ColumnName::new("accountid").unwrap(),
        primary_name: None,
        columns: [(name, column)].into(),
        keys: Vec::new(),
        optimistic_concurrency: true,
        change_tracking: true,
        kind: TableKind::Standard,
    }
}

pub fn write() -> Write {
    let columns = vec![(ColumnName::new("name").unwrap(), Value::Text("Acme".into()))];
    let id = RowId::parse("22222222-2222-2222-2222-222222222222").unwrap();
    Write::create(&table(), id, columns, &BTreeMap::new()).unwrap()
}

#[tokio::test]
async fn fault_f1_a_refused_connection_was_not_sent_and_is_our_side() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let mut client = Client::of(&origin);
    let failure = failed(client.reader.who_am_i().await);
    assert_eq!(
        (failure.class, failure.origin),
        (FailureClass::NotSent, Origin::Local)
    );
    assert_eq!(failure.message, "connection refused");
    let told = client.told();
    assert_eq!(told.len(), 1, "a probe is made once");
    assert_eq!(told[0].request, "GET /api/data/v9.2/WhoAmI");
    assert!(told[0].sample.is_probe);
}

#[tokio::test]
async fn fault_f3_a_cut_read_is_read_again() {
    let stub = Stub::answering(|n, _| if n == 0 { Reply::Cut } else { json(VERSION) }).await;
    let mut client = Client::of(&stub.origin);
    assert_eq!(client.reader.version().await.unwrap(), "9.2.24061.00184");
    let told = client.told();
    let failures: Vec<_> = told
        .iter()
        .map(|o| o.failure.as_ref().map(|f| f.class))
        .collect();
    assert_eq!(failures, [Some(FailureClass::NoAnswer), None]);
}

#[tokio::test]
async fn fault_f4_a_write_that_was_cut_off_is_not_sent_again() {
    let stub = Stub::answering(|_, _| Reply::Cut).await;
    let client = Client::of(&stub.origin);
    let failure = failed(client.reader.writer().send(&write()).await);
    assert_eq!(failure.class, FailureClass::NoAnswer);
    assert_eq!(failure.message, "the connection was cut");
    assert!(failure.may_have_happened());
    assert_eq!(stub.seen().len(), 1);
    assert!(stub.seen()[0].text.contains("if-none-match: *"));
    assert!(stub.seen()[0].text.ends_with(r#"{"name":"Acme"}"#));
}

#[tokio::test]
async fn fault_f6_a_truncated_answer_is_unreadable_and_counts() {
    let stub = Stub::answering(|_, _| {
        Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"Version\":".to_owned())
    })
    .await;
    let mut client = Client::of(&stub.origin);
    let failure = failed(client.reader.version().await);
    assert_eq!(
        (failure.class, failure.origin),
        (FailureClass::Unreadable, Origin::Remote)
    );
    assert_eq!(failure.message, "the answer was cut short");
    assert_eq!(client.told().len(), 4, "four attempts in all");
    assert_eq!(
        client.reader.status(tandem::dataverse::now()).breakers[0]
            .counts
            .failed,
        4
    );
}

#[tokio::test]
async fn fault_f8_a_portals_page_opens_the_breaker_like_any_failure() {
    let portal = "<html><body>Sign in to the hotel</body></html>";
    let stub =
        Stub::answering(move |_, _| answer("200 OK", &["content-type: text/html"], portal)).await;
    let mut client = Client::of(&stub.origin);
    let failure = failed(client.reader.version().await);
    assert_eq!(failure.class, FailureClass::Unreadable);
    assert!(
        failure.message.starts_with("not an OData answer: <html>"),
        "{failure}"
    );
    let failure = failed(client.reader.version().await);
    assert_eq!(
        failure.class,
        FailureClass::Unreadable,
        "the fifth opens it, and says why"
    );
    let failure = failed(client.reader.version().await);
    assert_eq!(failure.class, FailureClass::NotAllowed);
    assert!(
        failure
            .message
            .starts_with("not sent: the read breaker is open for another"),
        "{failure}"
    );
    assert_eq!(client.told().len(), 5, "what was not sent is not told");
    assert_eq!(stub.seen().len(), 5);
}

#[tokio::test]
async fn fault_f10_a_silent_server_is_given_up_in_time() {
    let stub = Stub::answering(|_, _| Reply::Silence(String::new())).await;
    let client = Client::of(&stub.origin);
    let failure = failed(client.reader.writer().send(&write()).await);
    assert_eq!(failure.message, "no answer within 0.4 s");
    assert!(failure.may_have_happened());
    assert_eq!(failure.origin, Origin::Local, "no byte came back");
}

#[tokio::test]
async fn fault_f11_a_body_that_stops_is_given_up_in_time() {
    let stub = Stub::answering(|_, _| {
        Reply::Silence("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{".to_owned())
    })
    .await;
    let client = Client::of(&stub.origin);
    let failure = failed(client.reader.who_am_i().await);
    assert_eq!(failure.message, "the answer stopped for 0.2 s");
    assert_eq!(failure.origin, Origin::Remote);
}

#[tokio::test]
async fn fault_f20_a_500_to_a_write_may_have_been_done_and_a_503_was_not() {
    let stub = Stub::answering(|n, _| match n {
        0 => answer("500 Internal Server Error", &[], ""),
        1 => answer("503 Service Unavailable", &[], ""),
        _ => no_content(),
    })
    .await;
    let writer = Client::of(&stub.origin).reader.writer();
    let failure = failed(writer.send(&write()).await);
    assert!(failure.may_have_happened());
    assert_eq!(stub.seen().len(), 1, "not sent again");
    writer.send(&write()).await.unwrap();
    assert_eq!(stub.seen().len(), 3, "sent again after the 503");
}

#[tokio::test]
async fn a_portals_page_is_no_write_that_was_done() {
    let stub = Stub::answering(|_, _| answer("200 OK", &[], "<html>")).await;
    let client = Client::of(&stub.origin);
    let failure = failed(client.reader.writer().send(&write()).await);
    assert_eq!(failure.class, FailureClass::Unreadable);
    assert!(failure.may_have_happened());
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn security_case_11_a_redirect_is_not_followed_and_case_12_no_referer_is_sent() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let other = Stub::answering(|_, _| json(WHO)).await;
        let location = format!("location: {}/api/data/v9.2/accounts", other.origin);
        let stub = Stub::answering(move |_, _| answer(status, &[&location], "")).await;
        let client = Client::of(&stub.origin);
        let failure = failed(client.reader.writer().send(&write()).await);
        assert_eq!(failure.class, FailureClass::Unreadable, "{status}");
        assert_eq!(
            failed(client.reader.who_am_i().await).class,
            FailureClass::Unreadable,
            "{status}"
        );
        assert!(
            other.seen().is_empty(),
            "{status}: the token and the record went astray"
        );
        assert_eq!(stub.seen().len(), 2);
        for seen in stub.seen() {
            let text = seen.text.to_lowercase();
            assert!(
                !text.contains("referer:") && !text.contains("cookie:"),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn security_case_18_an_answer_that_is_too_large_is_bounded() {
    let stub = Stub::answering(|_, _| {
        let body = "a".repeat(65 * 1024 * 1024);
        answer("200 OK", &[], &body)
    })
    .await;
    let mut settings = super::settings(&stub.origin, super::token("t"));
    settings.retry.attempts = 1;
    // On a busy machine so much takes its time.
    settings.timeouts.read = std::time::Duration::from_secs(20);
    let client = Client::with(settings);
    let failure = failed(client.reader.version().await);
    assert_eq!(failure.message, "the answer is larger than 64 MiB");
}

#[tokio::test]
async fn a_call_that_is_dropped_gives_everything_back() {
    let stub = Stub::answering(|_, _| Reply::Silence(String::new())).await;
    let client = Client::of(&stub.origin);
    let call = client.reader.version();
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(100), call).await;
    assert!(dropped.is_err());
    let status = client.reader.status(tandem::dataverse::now());
    assert_eq!(status.in_flight, 0);
    assert_eq!(status.breakers[0].phase, Phase::Closed);
    assert_eq!(status.breakers[0].counts.failed, 0);
    assert_eq!(status.breakers[0].class, Class::Read);
}
