//! `identity = "key"`: an alternate key tells which rows are one record, their GUIDs differ, and lookups are translated.

use serde_json::{Value as Json, json};
use tandem::domain::drift::Drift;
use tandem::domain::impact::Impact;
use tandem::domain::operation::{RecordKey, Stage, TableIndex, Verb};
use tandem::domain::row::RowId;
use tandem::domain::table::TableName;
use tandem::engine::impact::{Concerned, impacts};

use crate::real_data::{counts, lab, written};
use crate::support::emulated::{Api, Emulated};
use crate::support::lab::{Lab, config, options};

const TABLES: &str = "name='account'\nidentity='key'\nkeys=['accountnumber']\nstub=['name']\n\
     columns=['name','telephone1','parentaccountid']";

fn us(n: u32) -> String {
    format!("aaaaaaaa-0000-4000-8000-{n:012}")
}

fn europe(n: u32) -> String {
    format!("eeeeeeee-0000-4000-8000-{n:012}")
}

fn key(id: &str) -> RecordKey {
    RecordKey {
        table: TableIndex(0),
        id: RowId::parse(id).unwrap(),
    }
}

/// The row of Europe that has an account number.
async fn by_number(api: &Api<'_>, number: &str) -> Json {
    let answer = api
        .get(&format!("accounts(accountnumber='{number}')"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn change(api: &Api<'_>, id: &str, body: Json) {
    let answer = api.patch(&format!("accounts({id})"), body).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

fn all(lab: &Lab) -> [usize; 5] {
    [
        Drift::InSync,
        Drift::Missing,
        Drift::Stale,
        Drift::Orphan,
        Drift::Duplicate,
    ]
    .map(|drift| counts(lab, drift))
}

/// Two companies that both sides have under ids of their own, one of them the other's parent, and one that only the US has.
async fn two_sides() -> Emulated {
    let emulated = Emulated::empty().await;
    let ids: [fn(u32) -> String; 2] = [us, europe];
    for (api, id) in [emulated.us(), emulated.europe()].iter().zip(ids) {
        api.account(
            &id(1),
            json!({"name": "Parent", "accountnumber": "A1", "telephone1": "+0"}),
        )
        .await;
        let parent = format!("/accounts({})", id(1));
        let child =
            json!({"name": "Child", "accountnumber": "a2 ", "parentaccountid@odata.bind": parent});
        api.account(&id(2), child).await;
    }
    // What the sync's own user once made and no key leads to is an orphan.
    let new = json!({"name": "New", "accountnumber": "A3"});
    emulated.us().account(&us(3), new).await;
    emulated
        .europe()
        .account(&europe(9), json!({"name": "Left over"}))
        .await;
    emulated
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_with_one_key_are_one_record_whatever_their_ids() {
    let mut lab = lab(two_sides().await, TABLES);
    lab.compared().await;
    assert_eq!(all(&lab), [2, 1, 0, 1, 0]);

    // What is missing is made by its key, under an id of the server's, and whole.
    lab.clear_log().await;
    let done = lab.repair(Verb::Sync, &[key(&us(3))]).await;
    assert_eq!(done.records[0].stage, Stage::Verified, "{:?}", done.records);
    let made = by_number(&lab.emulated.europe(), "A3").await;
    assert_eq!(made["name"], "New");
    assert_ne!(made["accountid"], us(3), "the server gave it an id");
    let writes = lab.writes().await;
    assert_eq!(writes.len(), 1, "{writes:#?}");
    let path = writes[0]["path"].as_str().unwrap();
    assert!(path.contains("accounts(accountnumber="), "{path}");

    // A lookup is compared and written in the other side's terms; what it names is made first.
    let api = lab.emulated.us();
    api.account(
        &us(4),
        json!({"name": "Grandparent", "accountnumber": "A4"}),
    )
    .await;
    change(
        &api,
        &us(1),
        json!({"telephone1": "+1", "parentaccountid@odata.bind": format!("/accounts({})", us(4))}),
    )
    .await;
    lab.compare_again().await;
    assert_eq!(all(&lab), [2, 1, 1, 1, 0]);
    let done = lab.repair(Verb::Rehydrate, &[key(&us(1))]).await;
    assert_eq!(done.records[0].stage, Stage::Verified, "{:?}", done.records);
    let europes = lab.emulated.europe();
    let grandparent = by_number(&europes, "A4").await;
    let parent = by_number(&europes, "A1").await;
    assert_eq!(parent["telephone1"], "+1");
    assert_eq!(parent["_parentaccountid_value"], grandparent["accountid"]);
    assert_eq!(parent["accountid"], europe(1), "filled, not made anew");
    lab.compare_again().await;
    assert_eq!(all(&lab), [4, 0, 0, 1, 0]);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_outlives_its_key_and_the_process() {
    let mut lab = lab(two_sides().await, TABLES);
    lab.compared().await;
    change(&lab.emulated.us(), &us(1), json!({"accountnumber": "B1"})).await;
    lab.compare_again().await;
    assert_eq!(all(&lab), [1, 1, 1, 1, 0], "known by its pair");

    // Another process knows it from the journal, and a company that takes the old key over is no heir of the pair.
    let mut lab = lab
        .restart_configured(options(), |own| own.links = written(TABLES))
        .await;
    lab.emulated
        .us()
        .account(&us(5), json!({"name": "Heir", "accountnumber": "A1"}))
        .await;
    lab.compared().await;
    assert_eq!(all(&lab), [1, 2, 1, 1, 0]);
    let done = lab.repair(Verb::Rehydrate, &[key(&us(1))]).await;
    assert_eq!(done.records[0].stage, Stage::Verified, "{:?}", done.records);
    let renamed = by_number(&lab.emulated.europe(), "B1").await;
    assert_eq!(renamed["accountid"], europe(1));
    let done = lab.repair(Verb::Sync, &[key(&us(5)), key(&us(3))]).await;
    let stages: Vec<&Stage> = done.records.iter().map(|line| &line.stage).collect();
    assert_eq!(stages, [&Stage::Verified, &Stage::Verified]);
    lab.compare_again().await;
    assert_eq!(all(&lab), [4, 0, 0, 1, 0]);

    // A row that was made anew under another id is the same record by its key.
    let europes = lab.emulated.europe();
    let removed = europes.delete(&format!("accounts({})", europe(2))).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    europes
        .account(&europe(7), json!({"name": "Child", "accountnumber": "A2"}))
        .await;
    lab.compare_again().await;
    lab.repair(Verb::Sync, &[key(&us(2))]).await;
    let europes = lab.emulated.europe();
    assert_eq!(by_number(&europes, "A2").await["accountid"], europe(7));
    assert_eq!(counts(&lab, Drift::Missing), 0);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_are_counted_by_the_id_that_the_target_gave() {
    let mut lab = lab(two_sides().await, TABLES);
    lab.compared().await;
    change(&lab.emulated.us(), &us(1), json!({"telephone1": "+1"})).await;
    lab.compare_again().await;
    for _ in 0..2 {
        let ticket = json!({"title": "Late", "customerid_account@odata.bind": format!("/accounts({})", europe(1))});
        let made = lab.emulated.europe().post("incidents", ticket).await;
        assert_eq!(made.status, 204, "{made:?}");
    }
    let mut config = config(&lab.emulated.pair, &lab.state_folder());
    config.links = written(TABLES);
    let concerned = |id: &str, drift| Concerned {
        link: 0,
        table: TableName::new("account").unwrap(),
        key: key(id),
        drift,
    };
    let records = [
        concerned(&us(1), Drift::Stale),
        concerned(&us(3), Drift::Missing),
    ];
    let told = impacts(&config, &records).await.unwrap();
    assert_eq!(told[&key(&us(1))], Impact::OpenTickets(2));
    // The app names it by its key, which is looked up before any step runs.
    assert_eq!(told[&key(&us(3))], Impact::Refused);
    lab.stop().await;
}
