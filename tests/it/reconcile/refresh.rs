//! What a refresh reads, what a restart knows, and when everything is read again.

use std::collections::BTreeMap;

use serde_json::json;
use tandem::domain::drift::{Drift, Side};
use tandem::emulator::{Data, Options};
use tandem::engine::State;

use super::{drift_of, figures, in_step, note, requests, truth};
use crate::support::emulated::Emulated;
use crate::support::lab::{Lab, in_drift, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_reads_what_changed_and_its_counterparts_and_nothing_else() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let ids = in_step(&lab, &state, 2).await;
    let us = lab.emulated.us();
    for id in &ids {
        let phone = json!({"telephone1": "+1 555 0100"});
        let changed = us.patch(&format!("accounts({id})"), phone).await;
        assert!(changed.status.is_success());
    }
    lab.clear_log().await;
    let state = lab.compare_again().await;
    for id in &ids {
        assert_eq!(drift_of(&state, id), Some(Drift::Stale));
    }
    let (us, europe) = (lab.emulated.us(), lab.emulated.europe());
    for (api, counterparts) in [(&us, 0), (&europe, 1)] {
        let seen = requests(api).await;
        let listing = seen
            .iter()
            .filter(|request| !request.contains("deltatoken") && !request.contains("In("));
        assert_eq!(listing.collect::<Vec<_>>(), Vec::<&String>::new());
        let read = seen
            .iter()
            .filter(|request| request.contains("In("))
            .count();
        assert_eq!(read, counterparts, "{seen:#?}");
    }
    lab.clear_log().await;
    lab.compare_again().await;
    let quiet =
        requests(&lab.emulated.us()).await.len() + requests(&lab.emulated.europe()).await.len();
    assert_eq!(quiet, 4, "two tables on two sides, and nothing changed");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_knows_what_was_known_and_reads_only_that_again() {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let ids = in_step(&lab, &state, 1).await;
    let before = chrono::Utc::now();
    let changed = lab
        .emulated
        .us()
        .patch(
            &format!("accounts({})", ids[0]),
            json!({"telephone1": "+1 555 0100"}),
        )
        .await;
    assert!(changed.status.is_success());
    let state = lab.compare_again().await;
    let known = figures(&state);
    let since = since_of(&state, &ids[0]);
    assert!(since >= before - chrono::Duration::seconds(2), "{since}");

    lab.clear_log().await;
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    assert_eq!(figures(&state), known);
    assert_eq!(since_of(&state, &ids[0]), since);
    assert!(
        in_drift(&state, "account", Drift::Stale)
            .iter()
            .all(|record| matches!(record.sides.source, Side::Row(_))),
        "its sides were read again"
    );
    for api in [lab.emulated.us(), lab.emulated.europe()] {
        let seen = requests(&api).await;
        let whole = seen.iter().filter(|request| {
            request.contains("accounts?")
                && !request.contains("deltatoken")
                && !request.contains("filter")
        });
        assert_eq!(whole.collect::<Vec<_>>(), Vec::<&String>::new());
    }
    lab.stop().await;
}

fn since_of(state: &State, id: &str) -> chrono::DateTime<chrono::Utc> {
    let mut records = state.records.iter().map(|(_, record)| record);
    let record = records
        .find(|record| record.key.id.to_string() == id)
        .unwrap();
    record.since.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f30_an_expired_token_leads_to_a_full_comparison_that_says_so() {
    let mut lab = Lab::demo().await;
    let known = figures(&*lab.compared().await);
    for api in [lab.emulated.us(), lab.emulated.europe()] {
        api.control("POST", "clock", Some(json!({"advance_s": 8 * 24 * 3600})))
            .await;
    }
    let state = lab.compare_again().await;
    let said = note(&state, "compared in full")
        .expect("it says so")
        .to_owned();
    assert!(said.contains("changes can't be followed"), "{said}");
    assert_eq!(figures(&state).0, known.0);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_leads_to_a_full_comparison() {
    let lab = Lab::demo().await;
    lab.emulated.us().control("POST", "backup", None).await;
    let ids = in_step(&lab, &lab.engine.states.borrow().clone(), 1).await;
    let phone = json!({"telephone1": "+1 555 0100"});
    let us = lab.emulated.us();
    let changed = us.patch(&format!("accounts({})", ids[0]), phone).await;
    assert!(changed.status.is_success());
    let mut lab = lab.restart().await;
    let state = lab.compared().await;
    assert_eq!(drift_of(&state, &ids[0]), Some(Drift::Stale));
    lab.emulated.us().control("POST", "restore", None).await;
    let state = lab.compare_again().await;
    assert!(
        note(&state, "compared in full").is_some(),
        "{:?}",
        state.timeline
    );
    assert_eq!(
        drift_of(&state, &ids[0]),
        None,
        "the change is gone with the restore"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_seems_missing_is_asked_for_by_its_id_in_few_requests() {
    let data = Data::Many {
        records: 600,
        drift: 0.0,
    };
    let options_of_data = Options {
        data,
        ..Options::default()
    };
    let emulated = Emulated::with(options_of_data).await;
    // Every list of Europe's accounts is empty, as where a row's owner hides it; each of them is there all the same.
    let fault = json!({"count": "all", "path": "v9.2/accounts?", "list": "empty"});
    emulated.europe().arm(fault).await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    let state = lab.compared().await;
    let accounts = &state.tables[0].counts;
    assert_eq!(accounts.of(Drift::Missing), 0, "{accounts:?}");
    assert_eq!(accounts.of(Drift::InSync), 600, "{accounts:?}");
    let asked = requests(&lab.emulated.europe()).await;
    let batches = asked.iter().filter(|one| one.contains("$batch"));
    assert_eq!(batches.count(), 6, "{asked:#?}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_changes_a_refresh_counts_what_a_full_comparison_counts() {
    let data = Data::Many {
        records: 300,
        drift: 0.1,
    };
    let emulated = Emulated::with(Options {
        data,
        ..Options::default()
    })
    .await;
    let mut lab = Lab::on(emulated, tempfile::tempdir().unwrap(), options());
    lab.compared().await;
    let mut ids = Vec::new();
    for api in [lab.emulated.us(), lab.emulated.europe()] {
        let rows = api.get("accounts?$select=accountid").await.json();
        let rows = rows["value"].as_array().unwrap().clone();
        ids.extend(
            rows.iter()
                .map(|row| row["accountid"].as_str().unwrap().to_owned()),
        );
    }
    // A generator of our own, so that what fails can be told by its seed.
    let mut seed = 11u64;
    let mut next = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for round in 0..6 {
        for step in 0..25 {
            let api = if next(2) == 0 {
                lab.emulated.us()
            } else {
                lab.emulated.europe()
            };
            let id = ids[next(ids.len())].clone();
            let address = format!("accounts({id})");
            let phone = json!({"telephone1": format!("+1 {round} {}", next(3))});
            match next(6) {
                0 => drop(api.delete(&address).await),
                1 => {
                    let number = format!("N-{round}-{step}");
                    let body = json!({"name": number, "accountnumber": number});
                    drop(api.post("accounts", body).await);
                }
                2 => {
                    // On both sides, as a sync would.
                    let number = format!("B-{round}-{step}");
                    let body = json!({"name": number, "accountnumber": number});
                    let id = uuid::Uuid::new_v4();
                    for api in [lab.emulated.us(), lab.emulated.europe()] {
                        drop(api.patch(&format!("accounts({id})"), body.clone()).await);
                    }
                    ids.push(id.to_string());
                }
                _ => drop(
                    api.send("PATCH", &address, &[("if-match", "*")], Some(phone))
                        .await,
                ),
            }
        }
        let state = lab.compare_again().await;
        let (found, sums) = figures(&state);
        let (full, full_sums) = truth(&lab).await;
        // What only the feeds can know is finer than what a first look can tell.
        let coarse = |drift: Drift| match drift {
            Drift::DeletedInTarget => Drift::Missing,
            Drift::Orphan => Drift::Local,
            Drift::Stale | Drift::Diverged => Drift::Stale,
            other => other,
        };
        let coarsely = |found: &BTreeMap<String, Drift>| -> BTreeMap<String, Drift> {
            let coarse = found.iter().map(|(id, drift)| (id.clone(), coarse(*drift)));
            coarse.filter(|(_, drift)| drift.is_listed()).collect()
        };
        assert_eq!(coarsely(&found), coarsely(&full), "round {round}");
        let whole = |found: &BTreeMap<String, Drift>, sums: &[(usize, usize)]| {
            let only = found
                .values()
                .filter(|drift| **drift == Drift::Orphan)
                .count();
            let (equal, local) = sums
                .iter()
                .fold((0, 0), |sum, t| (sum.0 + t.0, sum.1 + t.1));
            (equal, local + only)
        };
        assert_eq!(
            whole(&found, &sums),
            whole(&full, &full_sums),
            "round {round}"
        );
    }
    lab.stop().await;
}
