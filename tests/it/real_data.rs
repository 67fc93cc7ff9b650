//! The configuration for real data against two emulators: rows in scope, columns that are called or coded differently,
//! constants on create, placeholders, currencies, the state's pair, and what is refused at start.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tandem::config::LinkConfig;
use tandem::domain::drift::{Drift, Side};
use tandem::domain::operation::{RecordKey, Stage, TableIndex, Verb};
use tandem::domain::row::RowId;
use tandem::emulator::LOB_CLIENT_ID;
use tandem::engine::command::Command;

use crate::support::binary::{Emulator, Running};
use crate::support::emulated::{Api, Emulated};
use crate::support::lab::{Lab, config, options};

/// A link of one table, its parts on lines of their own; the table's name stands on line 11.
pub fn links(table: &str) -> String {
    let instance = |name: &str, port: u16| {
        format!(
            "[instances.{name}]\nurl='http://127.0.0.1:{port}'\ncredential={{kind='token',token={{env='T'}}}}\n"
        )
    };
    format!(
        "{}{}[[links]]\nsource='us'\ntarget='europe'\n[[links.tables]]\n{table}",
        instance("us", 1),
        instance("europe", 2)
    )
}

/// The same, as it is read.
pub fn written(table: &str) -> Vec<LinkConfig> {
    let file = Path::new("/etc/tandem.toml");
    let read = tandem::config::parse(&links(table), file, "/tmp".into());
    read.unwrap().links
}

pub fn lab(emulated: Emulated, table: &str) -> Lab {
    let state = tempfile::tempdir().unwrap();
    let mut config = config(&emulated.pair, &state.path().join("state"));
    config.links = written(table);
    Lab::configured(emulated, state, options(), |own| *own = config)
}

fn id(n: u32) -> String {
    format!("aaaaaaaa-0000-4000-8000-{n:012}")
}

fn key(n: u32) -> RecordKey {
    RecordKey {
        table: TableIndex(0),
        id: RowId::parse(&id(n)).unwrap(),
    }
}

async fn row(api: &Api<'_>, n: u32) -> Json {
    api.get(&format!("accounts({})", id(n))).await.json()
}

async fn change(api: &Api<'_>, n: u32, body: Json) {
    let answer = api.patch(&format!("accounts({})", id(n)), body).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

async fn currency(api: &Api<'_>, code: &str) -> String {
    let path = format!("transactioncurrencies?$filter=isocurrencycode eq '{code}'");
    let ids = api.column(&path, "transactioncurrencyid").await;
    ids[0].as_str().unwrap().to_owned()
}

pub fn counts(lab: &Lab, drift: Drift) -> usize {
    lab.engine.states.borrow().tables[0].counts.of(drift)
}

/// What the latest operation on a record came to.
fn stage(lab: &Lab, n: u32) -> Option<Stage> {
    let state = lab.engine.states.borrow().clone();
    let lines = state.operations.iter().flat_map(|operation| {
        let lines = operation.records.iter();
        lines.map(|line| (operation.request.asked, line))
    });
    let own = lines.filter(|(_, line)| line.key == key(n));
    let (_, latest) = own.max_by_key(|(asked, _)| *asked)?;
    Some(latest.stage.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_out_of_scope_are_not_on_the_link() {
    let emulated = Emulated::empty().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(&id(1), json!({"name": "In", "sic": "a"})).await;
    us.account(&id(2), json!({"name": "Out"})).await;
    us.account(&id(3), json!({"name": "Out, and there", "sic": "b"}))
        .await;
    europe
        .account(&id(3), json!({"name": "Europe's own now"}))
        .await;
    us.account(&id(4), json!({"name": "In, and there", "sic": "A"}))
        .await;
    europe
        .account(&id(4), json!({"name": "In, and there"}))
        .await;
    let mut lab = lab(
        emulated,
        "name='account'\nstub=['name']\ncolumns=['name','telephone1']\nwhere=\"sic in ('a') and not (name eq 'x')\"",
    );
    lab.compared().await;
    let all = [
        Drift::Missing,
        Drift::Local,
        Drift::InSync,
        Drift::Orphan,
        Drift::Stale,
    ];
    assert_eq!(all.map(|drift| counts(&lab, drift)), [1, 1, 1, 0, 0]);

    lab.clear_log().await;
    for verb in [Verb::Ensure, Verb::Sync, Verb::Rehydrate] {
        lab.repair(verb, &[key(2), key(3)]).await;
        for n in [2, 3] {
            let Some(Stage::Held(why)) = stage(&lab, n) else {
                panic!("{verb} of {n}: {:?}", stage(&lab, n));
            };
            assert!(why.contains("out of the link's scope"), "{why}");
        }
    }
    assert_eq!(lab.writes().await, Vec::<Json>::new());

    // Whoever comes into scope is on the link from then on.
    change(&lab.emulated.us(), 2, json!({"sic": "a"})).await;
    lab.compare_again().await;
    assert_eq!(counts(&lab, Drift::Missing), 2);
    lab.repair(Verb::Sync, &[key(2)]).await;
    assert_eq!(stage(&lab, 2), Some(Stage::Verified));
    assert_eq!(row(&lab.emulated.europe(), 2).await["name"], "Out");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_leaves_the_scope_or_enters_it_moves_the_sums() {
    let emulated = Emulated::empty().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    for n in 1..=4 {
        let body = json!({"name": format!("In step {n}"), "sic": "a"});
        us.account(&id(n), body).await;
        let body = json!({"name": format!("In step {n}")});
        europe.account(&id(n), body).await;
    }
    us.account(&id(5), json!({"name": "Out"})).await;
    let mut lab = lab(
        emulated,
        "name='account'\nstub=['name']\ncolumns=['name','telephone1']\nwhere=\"sic in ('a')\"",
    );
    lab.compared().await;
    let sums =
        |lab: &Lab| [Drift::InSync, Drift::Local, Drift::Missing].map(|drift| counts(lab, drift));
    assert_eq!(sums(&lab), [4, 0, 0]);
    // Out of scope: what stands in the target is its own from then on.
    change(&lab.emulated.us(), 1, json!({"sic": "b"})).await;
    lab.compare_again().await;
    assert_eq!(sums(&lab), [3, 1, 0]);
    // Two at once: one out, and gone from the target; the other back.
    change(&lab.emulated.us(), 2, json!({"sic": null})).await;
    let gone = lab.emulated.europe();
    let gone = gone.delete(&format!("accounts({})", id(2))).await;
    assert!(gone.status.is_success());
    change(&lab.emulated.us(), 1, json!({"sic": "a"})).await;
    lab.compare_again().await;
    assert_eq!(sums(&lab), [3, 0, 0]);
    // Edited while it is out: nothing of the link's. Then a restart, which knows who was in.
    change(&lab.emulated.us(), 5, json!({"name": "Out, still"})).await;
    lab.compare_again().await;
    assert_eq!(sums(&lab), [3, 0, 0]);
    change(&lab.emulated.us(), 3, json!({"sic": "b"})).await;
    change(&lab.emulated.us(), 5, json!({"sic": "a"})).await;
    lab.compare_again().await;
    assert_eq!(sums(&lab), [2, 1, 1]);
    let gone = lab.emulated.us();
    let gone = gone.delete(&format!("accounts({})", id(3))).await;
    assert!(gone.status.is_success());
    lab.compare_again().await;
    let orphans = counts(&lab, Drift::Orphan) + counts(&lab, Drift::Local);
    assert_eq!((sums(&lab)[0], orphans), (2, 1));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_target_edits_while_a_row_is_out_of_scope_is_held_when_it_comes_back() {
    let emulated = Emulated::empty().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let person = europe.signed_in(LOB_CLIENT_ID).await;
    let body = json!({"name": "Northwind", "telephone1": "+1 555"});
    person.account(&id(1), body.clone()).await;
    let mut in_scope = body;
    in_scope["sic"] = json!("a");
    us.account(&id(1), in_scope).await;
    let mut lab = lab(
        emulated,
        "name='account'\nstub=['name']\ncolumns=['name','telephone1']\nwhere=\"sic in ('a')\"",
    );
    lab.compared().await;
    change(&lab.emulated.us(), 1, json!({"sic": "b"})).await;
    lab.compare_again().await;
    assert_eq!(counts(&lab, Drift::Local), 1);
    let person = lab.emulated.europe().signed_in(LOB_CLIENT_ID).await;
    change(&person, 1, json!({"telephone1": "+44 20"})).await;
    lab.compare_again().await;
    // By the clocks alone, the source would be ahead.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    change(&lab.emulated.us(), 1, json!({"sic": "a"})).await;
    lab.compare_again().await;
    assert_eq!(counts(&lab, Drift::Diverged), 1);
    lab.repair(Verb::Sync, &[key(1)]).await;
    let stands = row(&lab.emulated.europe(), 1).await;
    assert_eq!(stands["telephone1"], "+44 20");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_in_the_target_is_not_made_again_for_having_been_out_of_scope() {
    let emulated = Emulated::empty().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    for n in 1..=3 {
        let body = json!({"name": format!("Ours {n}")});
        europe.account(&id(n), body.clone()).await;
        let mut in_scope = body;
        in_scope["sic"] = json!("a");
        us.account(&id(n), in_scope).await;
    }
    let table =
        "name='account'\nstub=['name']\ncolumns=['name','telephone1']\nwhere=\"sic in ('a')\"";
    let mut lab = lab(emulated, table);
    lab.compared().await;
    let delete = async |lab: &Lab, n| {
        let europe = lab.emulated.europe();
        let deleted = europe.delete(&format!("accounts({})", id(n))).await;
        assert!(deleted.status.is_success());
    };
    // Deleted in scope, deleted out of it, and both at once.
    delete(&lab, 1).await;
    change(&lab.emulated.us(), 2, json!({"sic": "b"})).await;
    lab.compare_again().await;
    assert_eq!(counts(&lab, Drift::DeletedInTarget), 1);
    change(&lab.emulated.us(), 1, json!({"sic": "b"})).await;
    delete(&lab, 2).await;
    change(&lab.emulated.us(), 3, json!({"sic": "b"})).await;
    delete(&lab, 3).await;
    lab.compare_again().await;
    assert_eq!(counts(&lab, Drift::DeletedInTarget), 0);
    // They come back, and the first who hears of it is a person's sync, in a process that has just begun.
    let mut lab = lab
        .restart_configured(options(), |own| own.links = written(table))
        .await;
    lab.compared().await;
    for n in 1..=3 {
        change(&lab.emulated.us(), n, json!({"sic": "a"})).await;
    }
    lab.repair(Verb::Sync, &[key(1), key(2), key(3)]).await;
    for n in 1..=3 {
        assert!(
            matches!(stage(&lab, n), Some(Stage::Held(_))),
            "{n}: {:?}",
            stage(&lab, n)
        );
        assert_eq!(
            row(&lab.emulated.europe(), n).await["name"],
            Json::Null,
            "{n}"
        );
    }
    lab.compare_again().await;
    assert_eq!(counts(&lab, Drift::DeletedInTarget), 3);
    // A person may have it made again, and then it is a record like any other.
    lab.repair(Verb::TakeSource, &[key(2)]).await;
    lab.compare_again().await;
    assert_eq!(counts(&lab, Drift::DeletedInTarget), 2);
    assert_eq!(counts(&lab, Drift::InSync), 1);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_that_are_called_and_coded_differently_are_compared_and_written_in_the_targets_terms()
 {
    let emulated = Emulated::empty().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    us.account(
        &id(1),
        json!({"name": "A", "customertypecode": 3, "sic": "x"}),
    )
    .await;
    us.account(
        &id(2),
        json!({"name": "B", "customertypecode": 10, "sic": "y"}),
    )
    .await;
    europe
        .account(
            &id(2),
            json!({"name": "B", "industrycode": 17, "stockexchange": "y"}),
        )
        .await;
    us.account(&id(3), json!({"name": "C", "customertypecode": 7}))
        .await;
    europe.account(&id(3), json!({"name": "C"})).await;
    let mut lab = lab(
        emulated,
        "name='account'\nstub=['name']\ncolumns=['name']\n\
         map=[{from='customertypecode',to='industrycode',values={3=16,10=17}},{from='sic',to='stockexchange'}]",
    );
    lab.compared().await;
    let all = [Drift::Missing, Drift::InSync, Drift::Unknown];
    assert_eq!(all.map(|drift| counts(&lab, drift)), [1, 1, 1]);
    let state = lab.engine.states.borrow().clone();
    let unknown = state
        .records
        .iter()
        .find(|(_, one)| one.key == key(3))
        .unwrap()
        .1;
    assert_eq!(
        unknown.sides.source,
        Side::Unreadable(
            "industrycode: the value 7 is not among the `values` of its map".to_owned()
        )
    );

    lab.repair(Verb::Sync, &[key(1), key(3)]).await;
    assert_eq!(stage(&lab, 1), Some(Stage::Verified));
    assert!(matches!(stage(&lab, 3), Some(Stage::Held(why)) if why.contains("the value 7")));
    let europe = lab.emulated.europe();
    let written = row(&europe, 1).await;
    assert_eq!(written["industrycode"], 16);
    assert_eq!(written["stockexchange"], "x");
    assert_eq!(written["customertypecode"], json!(null));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn constants_are_set_on_create_only_and_never_compared() {
    let emulated = Emulated::empty().await;
    let europe = emulated.europe();
    let teams = europe.column("teams?$select=teamid", "teamid").await;
    let team = teams[0].as_str().unwrap().to_owned();
    emulated.us().account(&id(1), json!({"name": "A"})).await;
    emulated.us().account(&id(2), json!({"name": "B"})).await;
    let mut lab = lab(
        emulated,
        &format!(
            "name='account'\nstub=['name']\ncolumns=['name','telephone1']\n\
             set={{'ownerid@odata.bind'='/teams({team})',description='from the US',industrycode=6,creditonhold=true}}"
        ),
    );
    lab.compared().await;
    lab.repair(Verb::Ensure, &[key(1)]).await;
    lab.repair(Verb::Sync, &[key(2)]).await;
    for n in [1, 2] {
        assert_eq!(stage(&lab, n), Some(Stage::Verified));
        let written = row(&lab.emulated.europe(), n).await;
        assert_eq!(written["_ownerid_value"], team);
        assert_eq!(written["description"], "from the US");
        assert_eq!(written["industrycode"], 6);
        assert_eq!(written["creditonhold"], true);
    }
    let own = json!({"description": "Europe's words", "industrycode": 7});
    change(&lab.emulated.europe(), 1, own).await;
    change(&lab.emulated.us(), 1, json!({"telephone1": "555"})).await;
    lab.compare_again().await;
    lab.repair(Verb::Sync, &[key(1)]).await;
    let kept = row(&lab.emulated.europe(), 1).await;
    assert_eq!(
        kept["description"],
        "Europe's words",
        "{:?}",
        stage(&lab, 1)
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_required_column_of_a_stub_holds_the_placeholder_which_counts_as_blank() {
    let scenario = r#"
story = "Europe insists on a telephone number."
[[schema.europe]]
table = "account"
column = "telephone1"
required = true
"#;
    let emulated = Emulated::playing(scenario).await;
    let us = emulated.us();
    us.account(&id(1), json!({"accountnumber": "C-1"})).await;
    let mut lab = lab(
        emulated,
        "name='account'\nkeys=['accountnumber']\nstub=['name','telephone1']\ncolumns=['name','telephone1','websiteurl']",
    );
    lab.compared().await;
    lab.repair(Verb::Ensure, &[key(1)]).await;
    assert_eq!(stage(&lab, 1), Some(Stage::Verified));
    let stub = row(&lab.emulated.europe(), 1).await;
    assert_eq!(
        stub["telephone1"], "Awaiting sync C-1",
        "the server insists"
    );
    assert_eq!(stub["name"], "Awaiting sync C-1", "the forms ask for it");
    lab.compare_again().await;
    assert_eq!(
        counts(&lab, Drift::InSync),
        1,
        "it is as blank as its source"
    );

    change(
        &lab.emulated.us(),
        1,
        json!({"name": "Contoso", "websiteurl": "x.example"}),
    )
    .await;
    lab.compare_again().await;
    assert_eq!(
        counts(&lab, Drift::Stub),
        1,
        "what holds a placeholder is a stub"
    );
    lab.repair(Verb::Rehydrate, &[key(1)]).await;
    let filled = row(&lab.emulated.europe(), 1).await;
    assert_eq!(filled["name"], "Contoso", "{:?}", stage(&lab, 1));
    assert_eq!(
        filled["telephone1"], "Awaiting sync C-1",
        "nothing better is known"
    );
    lab.stop().await;
}

const MONEY: &str =
    "name='account'\nstub=['name']\ncolumns=['name','revenue','transactioncurrencyid']";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_goes_with_its_currency_which_is_known_by_its_iso_code() {
    let emulated = Emulated::empty().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let bind = |id: &str| format!("/transactioncurrencies({id})");
    let [us_eur, us_usd] = [currency(&us, "EUR").await, currency(&us, "USD").await];
    let [eu_eur, eu_usd] = [
        currency(&europe, "EUR").await,
        currency(&europe, "USD").await,
    ];
    assert_ne!(us_eur, eu_eur, "each instance has ids of its own");
    let own = |name: &str, revenue: f64, currency: &str| json!({"name": name, "revenue": revenue, "transactioncurrencyid@odata.bind": bind(currency)});
    us.account(&id(1), own("A", 10.5, &us_eur)).await;
    us.account(&id(2), own("B", 20.0, &us_usd)).await;
    europe.account(&id(2), own("B", 20.0, &eu_usd)).await;
    us.account(&id(3), own("C", 30.0, &us_usd)).await;
    europe.account(&id(3), own("C", 30.0, &eu_eur)).await;
    let yen = json!({"currencyname": "Yen", "isocurrencycode": "JPY", "currencysymbol": "Y",
        "currencyprecision": 0, "exchangerate": 150, "transactioncurrencyid": id(99)});
    assert_eq!(us.post("transactioncurrencies", yen).await.status, 204);
    us.account(&id(4), own("D", 40.0, &id(99))).await;
    let mut lab = lab(emulated, MONEY);
    lab.compared().await;
    let out = [Drift::Stale, Drift::Diverged].map(|drift| counts(&lab, drift));
    assert_eq!(counts(&lab, Drift::Missing), 1);
    assert_eq!(
        counts(&lab, Drift::InSync),
        1,
        "the same sum in the same currency"
    );
    assert_eq!(
        out.iter().sum::<usize>(),
        1,
        "the same number in another currency is another sum"
    );
    assert_eq!(counts(&lab, Drift::Unknown), 1, "Europe has no yen");

    lab.repair(Verb::Sync, &[key(1), key(4)]).await;
    assert_eq!(stage(&lab, 1), Some(Stage::Verified));
    assert!(matches!(stage(&lab, 4), Some(Stage::Held(why)) if why.contains("no currency")));
    let written = row(&lab.emulated.europe(), 1).await;
    assert_eq!(written["revenue"], 10.5);
    assert_eq!(written["_transactioncurrencyid_value"], eu_eur);
    lab.stop().await;
}

const STATES: &str =
    "name='account'\nstub=['name']\ncolumns=['name','telephone1','statecode','statuscode']";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_and_status_are_written_as_a_pair_in_an_update_of_their_own() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "Active"})).await;
    us.account(&id(2), json!({"name": "Inactive", "telephone1": "5"}))
        .await;
    let inactive = json!({"statecode": 1, "statuscode": 2});
    change(&us, 2, inactive.clone()).await;
    let mut lab = lab(emulated, STATES);
    lab.compared().await;
    lab.clear_log().await;
    lab.repair(Verb::Sync, &[key(1)]).await;
    assert_eq!(stage(&lab, 1), Some(Stage::Verified));
    assert_eq!(
        lab.writes().await.len(),
        1,
        "its state is what a new row has"
    );

    lab.clear_log().await;
    lab.repair(Verb::Sync, &[key(2)]).await;
    assert_eq!(stage(&lab, 2), Some(Stage::Verified));
    let writes = lab.writes().await;
    assert_eq!(writes.len(), 2, "{writes:#?}");
    assert_eq!(writes[0]["headers"]["if-none-match"], "*");
    let version = writes[1]["headers"]["if-match"].as_str().unwrap();
    assert!(
        version.starts_with("W/\""),
        "the version that was created: {version}"
    );
    let written = row(&lab.emulated.europe(), 2).await;
    assert_eq!(
        (&written["statecode"], &written["statuscode"]),
        (&json!(1), &json!(2))
    );
    lab.compare_again().await;
    assert_eq!(counts(&lab, Drift::InSync), 2);

    // Other columns first, then the pair; and the pair alone.
    let mut both = inactive;
    both["telephone1"] = json!("6");
    change(&lab.emulated.us(), 1, both).await;
    change(
        &lab.emulated.us(),
        2,
        json!({"statecode": 0, "statuscode": 1}),
    )
    .await;
    lab.compare_again().await;
    lab.clear_log().await;
    lab.repair(Verb::Sync, &[key(1), key(2)]).await;
    assert_eq!(lab.writes().await.len(), 3);
    assert_eq!(row(&lab.emulated.europe(), 1).await["statecode"], 1);
    assert_eq!(row(&lab.emulated.europe(), 1).await["telephone1"], "6");
    assert_eq!(row(&lab.emulated.europe(), 2).await["statecode"], 0);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stub_is_a_stub_whatever_its_state() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "A", "telephone1": "5"}))
        .await;
    change(&us, 1, json!({"statecode": 1, "statuscode": 2})).await;
    emulated
        .europe()
        .account(&id(1), json!({"name": "A"}))
        .await;
    let mut lab = lab(emulated, STATES);
    lab.compared().await;
    assert_eq!(counts(&lab, Drift::Stub), 1);
    lab.repair(Verb::Rehydrate, &[key(1)]).await;
    assert_eq!(stage(&lab, 1), Some(Stage::Verified));
    assert_eq!(row(&lab.emulated.europe(), 1).await["statecode"], 1);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_whose_state_was_refused_says_so_and_a_retry_heals_it() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "A", "telephone1": "5"}))
        .await;
    change(&us, 1, json!({"statecode": 1, "statuscode": 2})).await;
    let mut lab = lab(emulated, STATES);
    lab.compared().await;
    lab.clear_log().await;
    let europe = lab.emulated.europe();
    europe
        .arm(json!({"method": "PATCH", "delay_ms": 400}))
        .await;
    let operation = lab.begin(Verb::Sync, &[key(1)]).await;
    // The create is on its way and counted; the next write is the pair's.
    let arrived = async {
        while lab.writes().await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, arrived).await.unwrap();
    let refusal = json!({"method": "PATCH", "status": 400, "code": "0x80040265"});
    lab.emulated.europe().arm(refusal).await;
    lab.finished(operation).await;
    let Some(Stage::Refused(why)) = stage(&lab, 1) else {
        panic!("{:?}", stage(&lab, 1));
    };
    assert!(
        why.starts_with("its other columns are written, its state is not: "),
        "{why}"
    );
    lab.compare_again().await;
    assert_eq!(counts(&lab, Drift::Stale), 1, "it is found by reading back");

    lab.clear_log().await;
    lab.repair(Verb::Sync, &[key(1)]).await;
    assert_eq!(stage(&lab, 1), Some(Stage::Verified));
    assert_eq!(
        lab.writes().await.len(),
        1,
        "only the pair is left to write"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_at_start_with_its_line_and_its_reason() {
    let scenario = r#"
story = "Europe is stricter."
[[schema.europe]]
table = "account"
column = "name"
max = 60
[[schema.europe]]
table = "account"
column = "industrycode"
without_options = [3, 7]
[[schema.europe]]
table = "account"
without_key = "account_number_key"
[[schema.europe]]
table = "contact"
column = "jobtitle"
required = true
"#;
    let mut emulated = Emulated::playing(scenario).await;
    let account = |more: &str| format!("name='account'\ncolumns=[\n'sic',\n{more}");
    for (table, said) in [
        (
            account("'accountid']"),
            ":14: table account, column accountid: it is the primary id",
        ),
        (
            account("'new_creditshare']"),
            "column new_creditshare: it is calculated in the target",
        ),
        (
            account("'address1_composite']"),
            "column address1_composite: it is composite",
        ),
        (
            account("'createdon']"),
            "column createdon: it can't be written in the target",
        ),
        (
            account("'name']"),
            ":14: table account, column name: the source takes 160 characters and the target 60",
        ),
        (
            account("'industrycode']"),
            "the target lacks the options 3, 7 that the source has",
        ),
        (
            account("'revenue']"),
            "column revenue: money means nothing without its currency",
        ),
        (
            account("'statecode']"),
            "it is written as a pair with statuscode",
        ),
        (
            account("'primarycontactid']"),
            "the table that it names is not on the link",
        ),
        (
            account("]\nkeys=['accountnumber']"),
            ":15: table account, column accountnumber: the target has no alternate key",
        ),
        (
            account("]\nwhere='nosuch eq 1'"),
            ":15: table account, where: the source has no column nosuch",
        ),
        (
            account("]\nset={nosuch=1}"),
            ":15: table account, set nosuch: the target has no such column",
        ),
        (
            "name='contact'\ncolumns=['firstname']".to_owned(),
            ":11: table contact, column jobtitle: the target takes no row without it (SystemRequired)",
        ),
        (
            "name='contact'\nstub=['jobtitle']\ncolumns=['fullname']".to_owned(),
            "column fullname: it is composite",
        ),
        (
            "name='incident'\nstub=['customerid']\ncolumns=['ticketnumber']".to_owned(),
            "column ticketnumber: it is autonumber",
        ),
        (
            "name='nosuch'\ncolumns=['name']".to_owned(),
            ":11: the source has no table nosuch",
        ),
    ] {
        let mut lab = lab(emulated, &table);
        lab.clear_log().await;
        let state = lab
            .until("it is refused", |state| state.links[0].fault.is_some())
            .await;
        let fault = state.links[0].fault.clone().unwrap();
        assert!(fault.starts_with("/etc/tandem.toml:1"), "{fault}");
        assert!(
            fault.contains(said),
            "`{fault}` should say `{said}` of\n{table}"
        );
        let text = &state.timeline.back().unwrap().text;
        assert!(text.contains("link us-europe can't be used: "), "{text}");
        lab.send(Command::Compare).await;
        let writes = lab.writes().await;
        assert_eq!(writes, Vec::<Json>::new());
        emulated = lab.stop_only_the_engine().await;
    }
    emulated.pair.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_computed_in_the_source_is_copied_with_a_warning() {
    let emulated = Emulated::empty().await;
    let mut lab = lab(
        emulated,
        "name='account'\nstub=['name']\ncolumns=['name']\nmap=[{from='new_creditshare',to='new_discount'}]",
    );
    let state = lab.compared().await;
    let warning =
        "/etc/tandem.toml:14: table account, column new_discount: it is calculated in the source";
    let link = &state.links[0];
    assert!(link.fault.is_none() && link.warnings.len() == 1, "{link:?}");
    assert!(
        link.warnings[0].starts_with(warning),
        "{}",
        link.warnings[0]
    );
    let mut timeline = state.timeline.iter();
    assert!(timeline.any(|entry| entry.text.contains(warning)));
    lab.stop().await;
}

#[test]
fn a_command_says_on_which_line_its_configuration_does_not_fit() {
    let emulator = Emulator::start();
    let written = std::fs::read_to_string(emulator.config()).unwrap();
    let written = written.replacen("\"telephone1\"", "\n\"revenue\"", 1);
    std::fs::write(emulator.config(), &written).unwrap();
    let line = 1 + written
        .lines()
        .position(|line| line.contains("revenue"))
        .unwrap();
    for command in ["status", "records", "sync"] {
        let run = emulator.tandem(&[command]);
        let said = format!("{}{}", run.stdout, run.stderr);
        let fault = "table account, column revenue: money means nothing without its currency";
        assert!(said.contains(fault), "{command}: {run:?}");
        let place = format!("{}:{line}: {fault}", emulator.config().display());
        assert!(
            said.contains(&place),
            "{command} should say {place}: {run:?}"
        );
    }
}

/// Starts a sync of an inactive row that Europe lacks, and kills it while the pair's update is on its way.
fn killed_between(emulator: &Emulator, n: u32, moment: &str) {
    let whole =
        json!({"accountid": id(n), "name": "Closed", "accountnumber": format!("CLOSED{n}")});
    assert_eq!(emulator.us_api("POST", "accounts", Some(whole)).0, 204);
    let own = format!("accounts({})", id(n));
    let state = json!({"statecode": 1, "statuscode": 2});
    assert_eq!(emulator.us_api("PATCH", &own, Some(state)).0, 204);
    emulator.clear_log();
    emulator.arm(json!({"method": "PATCH", "delay_ms": 600}));
    let mut killed = Running::start(&mut emulator.command(&sync_of(&id(n))));
    emulator.until("the create is on its way", || emulator.writes().len() == 1);
    emulator.arm(json!({"method": "PATCH", "hang": moment}));
    emulator.until("the pair is on its way", || emulator.writes().len() == 2);
    // The work is done once the row says so; what was to come before it is not.
    emulator.until("it hangs", || {
        moment == "before" || state_of(emulator, n) == 1
    });
    killed.kill();
    emulator.disarm();
}

fn sync_of(id: &str) -> [&str; 6] {
    ["sync", "account", id, "--reason", "INC-1", "--quiet"]
}

fn state_of(emulator: &Emulator, n: u32) -> Json {
    let (status, row) = emulator.europe_api("GET", &format!("accounts({})", id(n)), None);
    assert_eq!(status, 200, "it is created by now");
    row["statecode"].clone()
}

#[test]
fn a_crash_between_a_row_and_its_state_is_read_back_and_healed() {
    for (n, moment, unfinished) in [(1, "before", 1), (2, "after", 0)] {
        let emulator = Emulator::start();
        let written = std::fs::read_to_string(emulator.config()).unwrap();
        let pair = "\"statecode\", \"statuscode\"";
        let written = written.replacen("\"telephone1\"", pair, 1);
        std::fs::write(emulator.config(), &written).unwrap();
        killed_between(&emulator, n, moment);
        let done = usize::from(unfinished == 0);
        assert_eq!(state_of(&emulator, n), done, "{moment}");
        // The next start reads back what was left half done, and writes nothing by itself.
        let status = emulator.tandem(&["status", "--json"]).json();
        assert_eq!(
            status["unfinished_operations"], unfinished,
            "{moment}: {status:#}"
        );
        assert_eq!(status["unknown_outcomes"], 0, "{moment}: {status:#}");
        assert_eq!(emulator.writes().len(), 2);
        emulator.tandem(&sync_of(&id(n))).exits(0);
        assert_eq!(state_of(&emulator, n), 1, "{moment}");
        assert_eq!(
            emulator.writes().len(),
            3 - done,
            "{moment}: the pair, if it was not there"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_the_pair_is_read_back_not_sent_again() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "A", "telephone1": "5"}))
        .await;
    emulated
        .europe()
        .account(&id(1), json!({"name": "A", "telephone1": "5"}))
        .await;
    change(&us, 1, json!({"statecode": 1, "statuscode": 2})).await;
    let mut lab = lab(emulated, STATES);
    lab.compared().await;
    lab.clear_log().await;
    let europe = lab.emulated.europe();
    europe
        .arm(json!({"method": "PATCH", "reset": "after"}))
        .await;
    lab.repair(Verb::Sync, &[key(1)]).await;
    assert_eq!(stage(&lab, 1), Some(Stage::Verified));
    assert_eq!(lab.writes().await.len(), 1);
    lab.stop().await;
}
