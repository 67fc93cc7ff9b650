//! Two writers who want the same rows, rows that name each other, and a restore while something is under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::id;
use super::pipeline::register;
use crate::support::emulated::{Answer, Api, Emulated};

/// So long the slow step takes: in the middle of it the others come.
const SLOW: Duration = Duration::from_millis(1500);
const MIDDLE: Duration = Duration::from_millis(500);

/// A step that lets a message wait after it has written.
async fn slow_step(us: &Api<'_>, message: &str, table: &str, time: Duration) -> String {
    let configuration = time.as_millis().to_string();
    let more = json!({"stage": 40, "configuration": configuration});
    register(us, message, table, "slow", more).await
}

/// Sends the second request while the first one is under way.
async fn overlapping(
    first: impl Future<Output = Answer>,
    second: impl Future<Output = Answer>,
) -> (Answer, Answer) {
    tokio::join!(first, async {
        tokio::time::sleep(MIDDLE).await;
        second.await
    })
}

async fn contact(us: &Api<'_>, number: u32, account: u32) -> Answer {
    let bind = format!("/accounts({})", id(account));
    let body = json!({"contactid": id(number), "lastname": "c", "parentcustomerid_account@odata.bind": bind});
    us.post("contacts", body).await
}

fn account(number: u32) -> String {
    format!("accounts({})", id(number))
}

#[tokio::test]
async fn a_backup_of_a_moment_in_which_rows_were_held_holds_none() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    slow_step(&us, "Update", "account", SLOW).await;
    let patch = json!({"name": "b"});
    let row = account(1);
    let (patched, _) = tokio::join!(us.patch(&row, patch.clone()), async {
        tokio::time::sleep(MIDDLE).await;
        us.control("POST", "backup", None).await
    });
    assert_eq!(patched.status, 204, "{patched:?}");
    us.control("POST", "restore", None).await;
    let kept = us.get(&account(1)).await.json();
    assert_eq!(kept["name"], "a", "only what was committed is kept");
    let again = us.patch(&row, patch).await;
    assert_eq!(again.status, 204, "{again:?}");
}

#[tokio::test]
async fn what_is_under_way_does_not_reach_a_restored_instance() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    slow_step(&us, "Update", "account", SLOW).await;
    us.control("POST", "backup", None).await;
    let row = account(1);
    let (patched, _) = tokio::join!(us.patch(&row, json!({"name": "b"})), async {
        tokio::time::sleep(MIDDLE).await;
        us.control("POST", "restore", None).await
    });
    assert_eq!(patched.status, 500, "{patched:?}");
    assert_eq!(us.get(&row).await.json()["name"], "a");
}

#[tokio::test]
async fn of_two_who_want_each_others_rows_the_later_is_refused_at_once() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for number in [1, 2] {
        us.account(&id(number), json!({"name": "a"})).await;
    }
    slow_step(&us, "Update", "account", Duration::from_millis(700)).await;
    let target = |number: u32, name: &str| json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "accountid": id(number), "name": name});
    let path = "accounts/Microsoft.Dynamics.CRM.UpdateMultiple";
    let begun = Instant::now();
    let (first, second) = tokio::join!(
        us.post(
            path,
            json!({"Targets": [target(1, "first"), target(2, "first")]})
        ),
        us.post(
            path,
            json!({"Targets": [target(2, "second"), target(1, "second")]})
        ),
    );
    assert!(begun.elapsed() < Duration::from_secs(8));
    let (winner, loser) = if first.status == 204 {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!(winner.status, 204, "{winner:?}");
    assert_eq!(loser.refusal(), (500, "0x80044150".to_owned()));
    let names = us.column("accounts", "name").await;
    assert_eq!(names[0], names[1], "all of one and nothing of the other");
}

#[tokio::test]
async fn a_row_that_is_about_to_be_named_is_not_deleted_under_the_name() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    slow_step(&us, "Create", "contact", SLOW).await;
    let row = account(1);
    let (created, deleted) = overlapping(contact(&us, 2, 1), us.delete(&row)).await;
    assert_eq!(created.status, 204, "{created:?}");
    assert_eq!(deleted.status, 204, "{deleted:?}");
    assert!(us.column("contacts", "contactid").await.is_empty());
}

#[tokio::test]
async fn a_row_that_is_about_to_be_deleted_is_not_named() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    slow_step(&us, "Delete", "account", SLOW).await;
    let row = account(1);
    let (deleted, created) = overlapping(us.delete(&row), contact(&us, 2, 1)).await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    assert_eq!(created.refusal(), (404, "0x80040217".to_owned()));
    assert!(us.column("contacts", "contactid").await.is_empty());
}

#[tokio::test]
async fn a_member_that_went_elsewhere_meanwhile_is_not_taken_from_there() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for number in [1, 2] {
        us.account(&id(number), json!({"name": "a"})).await;
    }
    assert_eq!(contact(&us, 3, 1).await.status, 204);
    slow_step(&us, "Update", "contact", SLOW).await;
    let row = format!("contacts({})", id(3));
    let elsewhere = json!({"parentcustomerid_account@odata.bind": format!("/accounts({})", id(2))});
    let member = format!("{}/contact_customer_accounts({})/$ref", account(1), id(3));
    let (moved, taken) = overlapping(us.patch(&row, elsewhere), us.delete(&member)).await;
    assert_eq!(moved.status, 204, "{moved:?}");
    assert_eq!(taken.status, 404, "{taken:?}");
    let now = us.get(&row).await.json();
    assert_eq!(now["_parentcustomerid_value"], id(2));
}

#[tokio::test]
async fn an_upsert_is_the_other_of_the_two_if_the_row_came_or_went_while_it_waited() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let create = slow_step(&us, "Create", "account", SLOW).await;
    let (row, patch) = (account(1), json!({"name": "patched"}));
    let body = json!({"accountid": id(1), "name": "posted"});
    let posted = us.post("accounts", body);
    let (posted, patched) = overlapping(posted, us.patch(&row, patch.clone())).await;
    assert_eq!(
        (posted.status.as_u16(), patched.status.as_u16()),
        (204, 204),
        "{patched:?}"
    );
    assert_eq!(us.get(&row).await.json()["name"], "patched");

    assert_eq!(us.delete(&create).await.status, 204);
    slow_step(&us, "Delete", "account", SLOW).await;
    let (deleted, patched) = overlapping(us.delete(&row), us.patch(&row, patch)).await;
    assert_eq!(
        (deleted.status.as_u16(), patched.status.as_u16()),
        (204, 204),
        "{patched:?}"
    );
    assert_eq!(us.get(&row).await.json()["name"], "patched");
}

#[tokio::test]
async fn a_long_write_keeps_nobody_from_the_control_endpoints() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let target = |number| json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "name": format!("a{number}"), "telephone1": "1"});
    let targets: Vec<Json> = (0..6000).map(target).collect();
    let is_over = AtomicBool::new(false);
    let begun = Instant::now();
    let long = async {
        let path = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
        let answer = us.post(path, json!({"Targets": targets})).await;
        is_over.store(true, Ordering::Relaxed);
        answer
    };
    // Readers that wait for the write come again and again; nobody else may have to wait for them.
    let longest = async {
        let mut longest = Duration::ZERO;
        while !is_over.load(Ordering::Relaxed) {
            let reader = us.request("GET", &us.url("accounts/$count"));
            tokio::spawn(async move { reader.send().await.is_ok() });
            let asked = Instant::now();
            us.control("GET", "faults", None).await;
            longest = longest.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        longest
    };
    let (written, longest) = tokio::join!(long, longest);
    assert_eq!(written.status, 200, "{}", written.status);
    let whole = begun.elapsed();
    assert!(longest * 3 < whole, "{longest:?} of {whole:?}");
}
