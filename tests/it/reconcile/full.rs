//! Full comparisons: what is not believed, and how they go on where they were cut off.

use serde_json::json;
use tandem::domain::drift::Drift;
use tandem::emulator::{Data, Options, Scenario};
use tandem::engine::Depth;

use super::{address, drift_of, figures, requests, truth};
use crate::crash::pages_kept;
use crate::support::emulated::Emulated;
use crate::support::lab::{Lab, options};

/// A comparison that waits for the second page of Europe's accounts.
async fn stuck_at_a_page(emulated: Emulated) -> Lab {
    let fault = json!({"count": null, "path": "skiptoken", "table": "account", "status": 503});
    emulated.europe().arm(fault).await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    lab.until("it waits for Europe", |state| {
        let why = state.tables[0].failure.as_deref();
        why.is_some_and(|why| why.contains("waits for the target"))
    })
    .await;
    lab
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f09_a_table_that_is_suddenly_empty_is_not_believed() {
    let mut lab = Lab::demo().await;
    let known = figures(&*lab.compared().await);
    let empty = json!({"@odata.context": "x", "value": []}).to_string();
    let fault = json!({"count": 1, "path": "v9.2/accounts?", "status": 200, "body": empty});
    lab.emulated.europe().arm(fault.clone()).await;
    let deep = |depth| tandem::engine::Options { depth, ..options() };
    let mut lab = lab.restart_with(deep(Depth::Everything)).await;
    let state = lab
        .until("the comparison breaks off", |state| {
            state.tables[0]
                .failure
                .as_deref()
                .is_some_and(|why| why.contains("implausible"))
        })
        .await;
    // The other table may have been compared by now.
    let accounts = tandem::domain::operation::TableIndex(0);
    let listed = state.records.iter().map(|(_, record)| record);
    let listed = listed.filter(|one| one.key.table == accounts && one.drift.is_listed());
    assert_eq!(listed.count(), 0, "nothing is concluded from it");
    // Nothing of it was kept either: the next start knows what was known before.
    let mut lab = lab.restart().await;
    assert_eq!(figures(&*lab.compared().await).0, known.0);
    // A person may say that it is true.
    lab.emulated.europe().arm(fault).await;
    let mut lab = lab.restart_with(deep(Depth::Anew)).await;
    let state = lab.compared().await;
    assert_eq!(state.tables[0].failure, None);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_comparison_that_is_interrupted_goes_on_where_it_was() {
    let data = Data::Many {
        records: 12_000,
        drift: 0.001,
    };
    let emulated = Emulated::with(Options {
        data,
        ..Options::default()
    })
    .await;
    // From its second page on Europe refuses everything, for longer than anybody tries again on its own.
    let fault = json!({"count": 100_000, "path": "skiptoken", "status": 503});
    emulated.europe().arm(fault).await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    let state = lab
        .until("it waits for Europe", |state| {
            let why = state.tables[0].failure.as_deref();
            why.is_some_and(|why| why.contains("waits for the target"))
        })
        .await;
    assert_eq!(state.tables[0].compared, None);
    lab.emulated
        .europe()
        .control("DELETE", "faults", None)
        .await;
    let state = lab.compared().await;
    assert_eq!(state.tables[0].failure, None);
    let first_pages = |seen: &[String]| {
        let firsts = seen.iter().filter(|request| {
            request.contains("v9.2/accounts?")
                && !request.contains("skiptoken")
                && !request.contains("filter")
        });
        firsts.count()
    };
    for api in [lab.emulated.us(), lab.emulated.europe()] {
        assert_eq!(
            first_pages(&requests(&api).await),
            1,
            "nothing was read twice"
        );
    }
    assert_eq!(figures(&state), truth(&lab).await);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_change_tracking_too_the_next_process_goes_on_where_it_was() {
    let untracked = "story = 'Nobody tells what changes.'\n[[schema.us]]\ntable = 'account'\nchange_tracking = false\n";
    let emulated = Emulated::with(Options {
        data: Data::Many {
            records: 12_000,
            drift: 0.001,
        },
        scenario: Some(Scenario::load(untracked).unwrap()),
        ..Options::default()
    })
    .await;
    let lab = stuck_at_a_page(emulated).await;
    // What the other side gives meanwhile is saved as well.
    let state = lab.state_folder();
    let kept = async {
        while pages_kept(&state, "source") < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let kept = tokio::time::timeout(std::time::Duration::from_secs(30), kept).await;
    kept.expect("the source's pages are kept");
    let europe = lab.emulated.europe();
    europe.control("DELETE", "faults", None).await;
    // What was shown before, and is another by now.
    let us = lab.emulated.us();
    let shown = us.get("accounts?$select=accountid&$top=1").await.json();
    let shown = shown["value"][0]["accountid"].as_str().unwrap().to_owned();
    let phone = json!({"telephone1": "+1 555 0100"});
    assert!(us.patch(&address(&shown), phone).await.status.is_success());
    lab.clear_log().await;
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    for (api, pages) in [(lab.emulated.us(), 0), (lab.emulated.europe(), 2)] {
        let seen = requests(&api).await;
        let listed = seen.iter().filter(|request| {
            request.contains("v9.2/accounts?")
                && !request.contains("filter")
                && !request.contains("In(")
        });
        assert_eq!(listed.count(), pages, "{seen:#?}");
    }
    assert_eq!(drift_of(&state, &shown), Some(Drift::Stale));
    assert_eq!(figures(&state), truth(&lab).await);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn security_case_10_a_kept_link_to_a_page_is_followed_to_no_other_host() {
    let data = Data::Many {
        records: 12_000,
        drift: 0.001,
    };
    let emulated = Emulated::with(Options {
        data,
        ..Options::default()
    })
    .await;
    let lab = stuck_at_a_page(emulated).await;
    let folder = lab.state_folder();
    let europe = lab.emulated.europe();
    europe.control("DELETE", "faults", None).await;
    let (emulated, state) = lab.stop_and_keep().await;
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let index = rusqlite::Connection::open(folder.join("index.db")).unwrap();
    let host = format!("http://{}", elsewhere.local_addr().unwrap());
    let edited = index.execute(
        "UPDATE listings SET next = replace(next, ?1, ?2) WHERE side = 'target' AND next IS NOT NULL",
        [emulated.pair.europe_url(), &host],
    );
    assert_eq!(edited.unwrap(), 1);
    drop(index);
    let mut lab = Lab::on(emulated, state, options());
    let state = lab.compared().await;
    assert_eq!(figures(&state), truth(&lab).await);
    elsewhere.set_nonblocking(true).unwrap();
    let called = elsewhere.accept().map_err(|error| error.kind());
    assert_eq!(called.err(), Some(std::io::ErrorKind::WouldBlock));
    lab.stop().await;
}
