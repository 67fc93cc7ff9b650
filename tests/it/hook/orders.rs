//! A hook on a console's state folder: it follows the orders to stop an instance that stand in the journal.

use std::time::{Duration, Instant};

use serde_json::json;
use tandem::domain::breaker::Forced;
use tandem::engine::now;
use tandem::journal::{Entry, Journal, SessionInfo};

use super::support::{Hooked, id};

async fn journal(hooked: &Hooked) -> Journal {
    let session = SessionInfo {
        who: "anna".to_owned(),
        host: "ops1".to_owned(),
        version: "test".to_owned(),
        now: now(),
    };
    Journal::open(&hooked.config.state, &session).unwrap().0
}

fn stop(instance: &str) -> Entry {
    Entry::Forced {
        instance: instance.to_owned(),
        forced: Forced {
            by: "anna".to_owned(),
            reason: "INC-4471".to_owned(),
            until: None,
        },
        now: now(),
    }
}

async fn is_stopped(hooked: &Hooked, instance: &str) -> bool {
    let (_, text) = hooked.get("metrics").await;
    let open = format!("tandem_breaker_closed{{instance=\"{instance}\",class=\"write\"}} 0");
    text.contains(&open)
}

async fn until_stopped(hooked: &Hooked, instance: &str, wanted: bool) {
    let began = Instant::now();
    while is_stopped(hooked, instance).await != wanted {
        assert!(began.elapsed() < Duration::from_secs(20), "{instance}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_forced_breaker_lets_tickets_pass_unensured_until_it_is_released() {
    let hooked = Hooked::registered().await;
    let journal = journal(&hooked).await;
    for (n, name) in [(1, "Contoso"), (2, "Fabrikam")] {
        hooked.us().account(&id(n), json!({"name": name})).await;
    }
    hooked
        .europe()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    journal.append(vec![stop("europe")]).await.unwrap();
    until_stopped(&hooked, "europe", true).await;
    hooked.clear_log().await;

    assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
    let refused = hooked.ticket("accounts", &id(2)).await.refusal();
    assert_eq!(refused, (404, "0x80040217".to_owned()));
    assert_eq!(hooked.counted("references", "held_back").await, 2);
    assert!(hooked.writes("accounts").await.is_empty());

    let released = Entry::Released {
        instance: "europe".to_owned(),
        by: "anna".to_owned(),
        now: now(),
    };
    journal.append(vec![released]).await.unwrap();
    let began = Instant::now();
    while hooked.ticket("accounts", &id(2)).await.status != 204 {
        assert!(began.elapsed() < Duration::from_secs(20), "still stopped");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    journal.close().await;
}

#[tokio::test]
async fn a_stop_of_another_instance_does_not_stop_the_hook() {
    let hooked = Hooked::registered().await;
    let journal = journal(&hooked).await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let orders = vec![stop("us"), stop("asia")];
    journal.append(orders).await.unwrap();
    until_stopped(&hooked, "us", true).await;
    hooked.us().control("DELETE", "log", None).await;
    assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
    let path = format!("accounts({})", id(1));
    let stub = hooked.europe().get(&path).await.json();
    assert_eq!(stub["name"], "Printer on fire", "what the ticket says");
    let asked = hooked.us().log().await;
    assert_eq!(
        asked,
        Vec::<serde_json::Value>::new(),
        "and nothing is sent"
    );
    journal.close().await;
}

#[tokio::test]
async fn a_hook_that_starts_while_an_instance_is_stopped_sends_it_nothing() {
    let first = Hooked::start().await;
    let journal = journal(&first).await;
    journal.append(vec![stop("europe")]).await.unwrap();
    first.clear_log().await;
    let second = tandem::hook::Hook::bind(&first.config).await.unwrap();
    drop(second);
    let log = first.europe().log().await;
    let own = log
        .iter()
        .filter(|entry| entry["path"].as_str().unwrap().contains("/api/data"));
    assert_eq!(own.count(), 0, "{log:?}");
    journal.close().await;
}
