//! Our own client on the same goldens: what it sends is what the golden says, and what an error means to it is what
//! the golden says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use tandem::dataverse::{Filter, Order, Query, Write};
use tandem::domain::failure::ErrorCode;
use tandem::domain::row::{ETag, Reference, RowId, Value};
use tandem::domain::table::{ColumnName, EntitySet, TableName, TableSchema};

use super::exchange::{Instance, class};
use super::{Golden, all, pattern};
use crate::client::{Client, settings, token};
use crate::support::emulated::Answer;
use crate::support::stub::{Reply, Stub};

/// Gives an error's answer to the client, byte by byte, and says how it is misunderstood.
pub async fn misunderstands(golden: &Golden, answer: &Answer) -> Option<String> {
    let class = class(golden)?;
    let reason = answer.status.canonical_reason().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", answer.status.as_u16());
    for (name, value) in &answer.headers {
        let value = value.to_str().unwrap();
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("connection: close\r\n\r\n{}", answer.text));
    let stub = Stub::answering(move |_, _| Reply::Bytes(text.clone())).await;
    let client = Client::of(&stub.origin);
    let failure = match client.reader.version().await {
        Ok(version) => return Some(format!("our client takes it for an answer: {version}")),
        Err(failure) => failure,
    };
    let code = serde_json::from_str::<Json>(&answer.text)
        .ok()
        .and_then(|body| ErrorCode::parse(body["error"]["code"].as_str()?));
    let found = (format!("{:?}", failure.class), failure.status, failure.code);
    let expected = (class.to_owned(), Some(answer.status.as_u16()), code);
    (found != expected)
        .then(|| format!("our client: expected {expected:?}\n   found {found:?}: {failure}"))
}

/// The calls of our client, by the golden that each one speaks.
const SPOKEN: [&str; 17] = [
    "WhoAmI tells user, unit and organization",
    "RetrieveVersion tells the build",
    "a table is described with its keys",
    "all columns of a table are described",
    "the names that lookups are bound by",
    "the options of all choices of a table",
    "a row is read with the names of what it refers to",
    "a row that is missing is not found by our client",
    "a first page links to the next",
    "the next page is asked for with the same preference",
    "a row is found by its alternate key",
    "a key that no row has is not found",
    "a value that can't stand in an address is filtered for",
    "rows are asked for by their ids",
    "a create that must not exist creates",
    "a create that must not exist meets a row",
    "an update of the version that was seen",
];

fn columns(names: &[&str]) -> Vec<ColumnName> {
    names
        .iter()
        .map(|name| ColumnName::new(name).unwrap())
        .collect()
}

fn id(digit: u8) -> RowId {
    RowId::parse(&format!("{digit}0000000-0000-4000-8000-000000000000")).unwrap()
}

async fn client(origin: &str, secret: &str) -> Client {
    let mut settings = settings(origin, token(secret));
    settings.timeouts.read = Duration::from_secs(10);
    settings.timeouts.write = Duration::from_secs(10);
    settings.timeouts.idle = Duration::from_secs(5);
    settings.timeouts.deadline = Duration::from_secs(20);
    Client::with(settings)
}

/// Has the client say it; panics when it does not understand the answer. The last request is the golden's.
async fn say(about: &str, client: &Client, table: &TableSchema, instance: &Instance) {
    let reader = &client.reader;
    let some = columns(&["name", "primarycontactid"]);
    let name = columns(&["name"]);
    let number = &columns(&["accountnumber"])[0];
    match about {
        "WhoAmI tells user, unit and organization" => {
            reader.who_am_i().await.unwrap();
        }
        "RetrieveVersion tells the build" => {
            assert!(reader.version().await.unwrap().starts_with("9.2."));
        }
        "a table is described with its keys"
        | "all columns of a table are described"
        | "the names that lookups are bound by" => {
            let table = reader.schema(&table.name).await.unwrap();
            assert_eq!(table.set.as_str(), "accounts");
            assert_eq!(table.keys[0].columns, columns(&["accountnumber"]));
        }
        "the options of all choices of a table" => {
            let mut table = table.clone();
            let choice = columns(&["industrycode"]);
            reader.add_options(&mut table, &choice).await.unwrap();
            assert!(table.column(&choice[0]).unwrap().options.contains(&33));
        }
        "a row is read with the names of what it refers to" => {
            let row = reader.retrieve(table, id(1), &some).await.unwrap().unwrap();
            let Value::Lookup(Reference { name, .. }) = &row.values[1] else {
                panic!("{row:?}")
            };
            assert_eq!(name.as_deref(), Some("Ada L"));
        }
        "a row that is missing is not found by our client" => {
            assert_eq!(reader.retrieve(table, id(9), &name).await, Ok(None));
        }
        "a first page links to the next"
        | "the next page is asked for with the same preference" => {
            let query = Query::all(table, &name)
                .pages_of(2)
                .by(name[0].clone(), Order::Ascending);
            let mut pages = reader.pages(query);
            assert_eq!(pages.next().await.unwrap().unwrap().rows.len(), 2);
            if about.starts_with("the next") {
                assert_eq!(pages.next().await.unwrap().unwrap().rows.len(), 1);
            }
        }
        "a row is found by its alternate key" => {
            let found = reader.resolve_key(table, number, "O'B 1").await;
            assert_eq!(found, Ok(Some(id(1))));
        }
        "a key that no row has is not found" => {
            assert_eq!(reader.resolve_key(table, number, "none").await, Ok(None));
        }
        "a value that can't stand in an address is filtered for" => {
            let found = reader.resolve_key(table, number, "M&M").await;
            assert_eq!(found, Ok(Some(id(1))));
        }
        "rows are asked for by their ids" => {
            let query = Query::all(table, &name).only(Filter::Ids(vec![id(1), id(2)]));
            let page = reader.pages(query).next().await.unwrap().unwrap();
            assert_eq!(page.rows.len(), 2);
        }
        "a create that must not exist creates" => {
            reader
                .writer()
                .send(&write(about, table, instance))
                .await
                .unwrap();
        }
        "a create that must not exist meets a row" => {
            let sent = reader.writer().send(&write(about, table, instance)).await;
            assert_eq!(sent.unwrap_err().code, Some(ErrorCode::DUPLICATE_RECORD));
        }
        "an update of the version that was seen" => {
            reader
                .writer()
                .send(&write(about, table, instance))
                .await
                .unwrap();
        }
        other => panic!("nobody says {other:?}"),
    }
}

fn write(about: &str, table: &TableSchema, instance: &Instance) -> Write {
    let contact = TableName::new("contact").unwrap();
    let sets = BTreeMap::from([(contact.clone(), EntitySet::new("contacts").unwrap())]);
    let mut values = vec![(
        columns(&["name"])[0].clone(),
        Value::Text("Acme".to_owned()),
    )];
    if about == "an update of the version that was seen" {
        let version = ETag::new(&instance.bound["etag"]).unwrap();
        return Write::update(table, id(1), version, values, &sets).unwrap();
    }
    let reference = Reference {
        table: Some(contact),
        id: id(2),
        name: None,
    };
    if about == "a create that must not exist creates" {
        values.push((
            columns(&["primarycontactid"])[0].clone(),
            Value::Lookup(reference),
        ));
    }
    Write::create(table, id(1), values, &sets).unwrap()
}

/// What the log has of requests: all that matters on the wire but the body.
async fn logged(instance: &Instance) -> Vec<Json> {
    let mut entries = instance.emulated.us().log().await;
    for entry in &mut entries {
        let entry = entry.as_object_mut().unwrap();
        entry.retain(|name, _| {
            ["method", "path", "query", "headers", "status"].contains(&name.as_str())
        });
        let headers = entry["headers"].as_object_mut().unwrap();
        headers.retain(|name, _| name != "user-agent" && name != "content-length");
        for name in ["path", "query"] {
            if let Some(Json::String(text)) = entry.get_mut(name) {
                *text = percent_encoding::percent_decode_str(text)
                    .decode_utf8()
                    .unwrap()
                    .replace('+', " ");
            }
        }
    }
    entries
}

#[tokio::test]
async fn our_client_sends_what_the_goldens_say_and_understands_the_answers() {
    let account = TableName::new("account").unwrap();
    let mut differences = Vec::new();
    for about in SPOKEN {
        let golden = all().find(|golden| golden.about == about);
        let golden = golden.unwrap_or_else(|| panic!("no golden says {about:?}"));

        let mut plain = Instance::start().await;
        plain.prepare(&golden).await;
        plain.emulated.us().control("DELETE", "log", None).await;
        plain.send(golden.request).await;
        let expected = logged(&plain).await.pop().unwrap();

        let mut ours = Instance::start().await;
        ours.prepare(&golden).await;
        let client = client(ours.emulated.pair.us_url(), ours.emulated.pair.token()).await;
        let table = client.reader.schema(&account).await.unwrap();
        ours.emulated.us().control("DELETE", "log", None).await;
        say(about, &client, &table, &ours).await;
        let sent = logged(&ours).await;
        if !sent.contains(&expected) {
            let sent: Vec<String> = sent.iter().map(Json::to_string).collect();
            let sent = sent.join("\n         ");
            differences.push(format!("{golden}\nexpected {expected}\n   found {sent}"));
        }
        if golden.request.starts_with("PATCH") {
            let (_, body) = golden.request.split_once("\n\n").unwrap();
            let body = pattern::filled(body, &ours.bound);
            let write = write(about, &table, &ours);
            let written = body_of(&write).await;
            assert_eq!(
                written,
                serde_json::from_str::<Json>(&body).unwrap(),
                "{golden}"
            );
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The body that the client puts on the wire.
async fn body_of(write: &Write) -> Json {
    let stub = Stub::answering(|_, _| crate::client::no_content()).await;
    let client = Client::of(&stub.origin);
    client.reader.writer().send(write).await.unwrap();
    let seen = stub.seen();
    let (_, body) = seen[0].text.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
