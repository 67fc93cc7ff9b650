//! The client against the emulator: each message, as it is meant to go.

use std::collections::BTreeMap;
use std::time::Duration;

use tandem::dataverse::{Filter, Order, Query, Write, now};
use tandem::domain::failure::{ErrorCode, FailureClass};
use tandem::domain::row::{Row, RowId, Value};
use tandem::domain::table::{ColumnName, ColumnType, TableName, TableSchema};
use uuid::Uuid;

use super::{Client, failed, settings, token};
use crate::support::emulated::Emulated;

fn client(origin: &str, emulated: &Emulated) -> Client {
    let mut settings = settings(origin, token(emulated.pair.token()));
    settings.timeouts.read = Duration::from_secs(10);
    settings.timeouts.write = Duration::from_secs(10);
    settings.timeouts.idle = Duration::from_secs(5);
    settings.timeouts.deadline = Duration::from_secs(20);
    Client::with(settings)
}

async fn account(client: &Client) -> TableSchema {
    let name = TableName::new("account").unwrap();
    client.reader.schema(&name).await.unwrap()
}

fn columns(names: &[&str]) -> Vec<ColumnName> {
    names
        .iter()
        .map(|name| ColumnName::new(name).unwrap())
        .collect()
}

#[tokio::test]
async fn an_instance_says_who_we_are_and_what_it_is() {
    let emulated = Emulated::empty().await;
    let client = client(emulated.pair.us_url(), &emulated);
    let who = client.reader.who_am_i().await.unwrap();
    assert!(who.date.is_some() && who.took < Duration::from_secs(5));
    assert!(client.reader.version().await.unwrap().starts_with("9."));
    let table = account(&client).await;
    assert_eq!(
        (table.set.as_str(), table.primary_id.as_str()),
        ("accounts", "accountid")
    );
    assert!(table.optimistic_concurrency);
    let kind = |name: &str| {
        table
            .column(&ColumnName::new(name).unwrap())
            .map(|c| c.kind.clone())
    };
    assert!(
        matches!(kind("primarycontactid"), Some(ColumnType::Lookup { targets }) if targets.len() == 1)
    );
    assert!(matches!(
        kind("name"),
        Some(ColumnType::Text {
            max_length: Some(160)
        })
    ));
    let nonsense = TableName::new("nonsense").unwrap();
    assert_eq!(
        failed(client.reader.schema(&nonsense).await).class,
        FailureClass::NotFound
    );
}

#[tokio::test]
async fn a_listing_is_read_page_by_page_and_rows_by_their_ids() {
    let emulated = Emulated::demo().await;
    let client = client(emulated.pair.us_url(), &emulated);
    let table = account(&client).await;
    let columns = columns(&["name", "accountnumber", "primarycontactid", "modifiedon"]);
    let query = Query::all(&table, &columns)
        .pages_of(100)
        .by(columns[0].clone(), Order::Ascending);
    let mut listing = client.reader.pages(query.clone());
    let mut ids: Vec<RowId> = Vec::new();
    let mut pages = 0;
    while let Some(page) = listing.next().await.unwrap() {
        assert!(page.bad_rows.is_empty(), "{:?}", page.bad_rows);
        let is_whole = |row: &Row| row.etag.is_some() && row.modified_on.is_some();
        assert!(page.rows.iter().all(is_whole));
        ids.extend(page.rows.iter().map(|row| row.id));
        pages += 1;
    }
    assert!(
        pages > 1 && ids.len() > 100,
        "{pages} pages, {} rows",
        ids.len()
    );
    ids.sort_unstable();
    ids.dedup();
    let some: Vec<RowId> = ids.iter().copied().take(600).collect();
    let rows = client
        .reader
        .rows_by_id(&table, &some, &columns)
        .await
        .unwrap();
    assert_eq!((rows.rows.len(), rows.bad_rows.len()), (some.len(), 0));
    let row = client
        .reader
        .retrieve(&table, some[0], &columns)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.id, some[0]);
    assert!(row.modified_by.is_some_and(|who| who.name.is_some()));
    let nobody = RowId::new(Uuid::from_u128(1)).unwrap();
    assert_eq!(
        client.reader.retrieve(&table, nobody, &columns).await,
        Ok(None)
    );
    let changed = client
        .reader
        .count_changed_since(&table, chrono::DateTime::UNIX_EPOCH)
        .await
        .unwrap();
    assert!(changed >= ids.len().min(5000), "{changed}");
    let query = query.only(Filter::Ids(vec![nobody]));
    let rows = client.reader.pages(query).next().await.unwrap().unwrap();
    assert_eq!(rows.rows, []);
    let unknown = Query::all(&table, &[ColumnName::new("nonsense").unwrap()]);
    let failure = failed(client.reader.pages(unknown).next().await);
    assert_eq!(
        (failure.class, failure.status),
        (FailureClass::Invalid, None),
        "not even sent"
    );
}

#[tokio::test]
async fn a_row_is_created_once_and_updated_only_as_it_was_seen() {
    let emulated = Emulated::empty().await;
    let client = client(emulated.pair.europe_url(), &emulated);
    let writer = client.reader.writer();
    let table = account(&client).await;
    let columns = columns(&["name", "accountnumber"]);
    let id = RowId::new(Uuid::from_u128(0x7f6c)).unwrap();
    let sets = BTreeMap::new();
    let name = |text: &str| vec![(columns[0].clone(), Value::Text(text.to_owned()))];
    let mut stub = name("O'Brien & \u{1f600}");
    stub.push((columns[1].clone(), Value::Text("O'B 1".to_owned())));
    let create = Write::create(&table, id, stub, &sets).unwrap();
    writer.send(&create).await.unwrap();
    let failure = failed(writer.send(&create).await);
    assert_eq!(failure.class, FailureClass::PreconditionFailed);
    assert_eq!(failure.code, Some(ErrorCode::DUPLICATE_RECORD));
    let row = client
        .reader
        .retrieve(&table, id, &columns)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.values[0], Value::Text("O'Brien & \u{1f600}".to_owned()));
    let version = row.etag.unwrap();
    let update = Write::update(&table, id, version.clone(), name("new"), &sets).unwrap();
    writer.send(&update).await.unwrap();
    let failure = failed(writer.send(&update).await);
    assert_eq!(failure.code, Some(ErrorCode::VERSION_MISMATCH));
    let absent = RowId::new(Uuid::from_u128(0x7f6d)).unwrap();
    let update = Write::update(&table, absent, version, name("new"), &sets).unwrap();
    assert_eq!(
        failed(writer.send(&update).await).class,
        FailureClass::NotFound
    );
    let number = &columns[1];
    for (value, found) in [
        ("O'B 1", Some(id)),
        ("o'b 1", Some(id)),
        ("none", None),
        ("a/b & c", None),
    ] {
        assert_eq!(
            client.reader.resolve_key(&table, number, value).await,
            Ok(found),
            "{value}"
        );
    }
    assert_eq!(
        client.reader.status(now()).breakers[1].counts.failed,
        0,
        "refusals don't count"
    );
    let patches = emulated.europe().log().await;
    let patches = patches.iter().filter(|entry| entry["method"] == "PATCH");
    assert!(patches.clone().count() >= 5);
    for entry in patches {
        let text = entry.to_string();
        assert!(text.contains("tag=tandem"), "{text}");
    }
}
