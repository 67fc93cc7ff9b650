//! Calls that come with others: within a transaction, and to two hooks behind one balancer.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use tandem::hook::Hook;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::support::{Hooked, USER, id};
use crate::emulator::batch::{change_set, post, send, statuses};

fn ticket(customer: &str) -> Json {
    json!({"title": "Printer on fire", "customerid_account@odata.bind": format!("/accounts({customer})")})
}

#[tokio::test]
async fn in_a_change_set_nothing_is_written_and_its_end_is_dataverses() {
    let hooked = Hooked::registered().await;
    for n in [1, 2] {
        hooked
            .us()
            .account(&id(n), json!({"name": "Contoso"}))
            .await;
    }
    hooked
        .europe()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    hooked.clear_log().await;
    let both = change_set(&[
        post(Some(1), "incidents", &ticket(&id(1))),
        post(Some(2), "incidents", &ticket(&id(2))),
    ]);
    let answer = send(&hooked.europe(), None, &[both]).await;
    assert_eq!(statuses(&answer), [404], "{answer:?}");
    let alone = change_set(&[post(Some(1), "incidents", &ticket(&id(1)))]);
    let answer = send(&hooked.europe(), None, &[alone]).await;
    assert_eq!(statuses(&answer), [204], "{answer:?}");
    assert_eq!(hooked.counted("calls", "in_transaction").await, 3);
    assert!(hooked.writes("accounts").await.is_empty());
    // Outside a change set, the parts of a batch are calls like any other.
    let plain = post(None, "incidents", &ticket(&id(2)));
    let answer = send(&hooked.europe(), None, &[plain]).await;
    assert_eq!(statuses(&answer), [204], "{answer:?}");
    assert_eq!(hooked.writes("accounts").await.len(), 1);
}

#[tokio::test]
async fn in_a_deep_insert_nothing_is_written() {
    let hooked = Hooked::registered().await;
    let body =
        json!({"lastname": "Miller", "incident_customer_contacts": [{"title": "Printer on fire"}]});
    let answer = hooked.europe().post("contacts", body).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(hooked.counted("calls", "in_transaction").await, 1);
    let (accounts, contacts) = (
        hooked.writes("accounts").await,
        hooked.writes("contacts").await,
    );
    assert!(accounts.is_empty() && contacts.is_empty());
}

/// Hands connections to each of these addresses in turn.
async fn balancer(hooks: [String; 2], handed: &'static [AtomicUsize; 2]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for turn in (0..hooks.len()).cycle() {
            let Ok((mut client, _)) = listener.accept().await else {
                return;
            };
            let hook = hooks[turn].clone();
            handed[turn].fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut hook = TcpStream::connect(hook).await.unwrap();
                // One of the two hangs up first.
                let _ended = tokio::io::copy_bidirectional(&mut client, &mut hook).await;
            });
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn two_hooks_behind_a_balancer_behave_as_one() {
    static HANDED: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let mut hooked = Hooked::start().await;
    let second = Hook::bind(&hooked.config).await.unwrap();
    let first = hooked
        .url
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let hooks = [first.to_owned(), second.address().unwrap().to_string()];
    let stop = CancellationToken::new();
    let task = tokio::spawn(second.serve(stop.clone()));
    let url = balancer(hooks, &HANDED).await;
    hooked.config.hook.as_mut().unwrap().url = Some(url.parse().unwrap());
    hooked.register().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    // So that both have read that the row is not there before either writes it.
    let slow = json!({"count": null, "client": USER, "method": "GET", "delay_ms": 300});
    hooked.europe().arm(slow).await;
    let (hooked, customer) = (&hooked, id(1));
    let tickets = join_all((0..20).map(|_| hooked.ticket("accounts", &customer)));
    for answer in tickets.await {
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    let handed = HANDED.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert!(handed[0] > 0 && handed[1] > 0, "{handed:?}");
    let writes = hooked.writes("accounts").await;
    let came_to = writes.iter().map(|write| write["status"].as_u64().unwrap());
    let (made, others): (Vec<u64>, Vec<u64>) = came_to.partition(|status| *status == 204);
    assert_eq!(made.len(), 1, "one makes it");
    assert!(
        others.iter().all(|status| *status == 412),
        "the other finds it made, before it writes or by writing: {others:?}"
    );
    stop.cancel();
    task.await.unwrap();
}
