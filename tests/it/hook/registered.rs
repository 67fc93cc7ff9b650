//! A ticket of the LOB app, with the hook registered: through Dataverse, as in life.

use std::time::{Duration, Instant};

use serde_json::json;
use tandem::hook::registration::Manner;

use super::support::{Hooked, USER, id};
use crate::emulator::pipeline::register;

/// The refusal that a ticket meets whose customer is not there.
const ABSENT: (u16, &str) = (404, "0x80040217");

fn is_refused_as_absent(answer: &crate::support::emulated::Answer) -> bool {
    let (status, code) = answer.refusal();
    (status, code.as_str()) == ABSENT
}

#[tokio::test]
async fn a_ticket_for_a_missing_customer_succeeds_and_a_stub_stands() {
    let hooked = Hooked::registered().await;
    let us = hooked.us();
    us.account(
        &id(1),
        json!({"name": "Contoso", "accountnumber": "C-1", "telephone1": "1"}),
    )
    .await;
    let answer = hooked.ticket("accounts", &id(1)).await;
    assert_eq!(answer.status, 204, "{answer:?}");

    let path = format!("accounts({})?$select=name,accountnumber,telephone1", id(1));
    let stub = hooked.europe().get(&path).await.json();
    assert_eq!(
        (&stub["name"], &stub["accountnumber"], &stub["telephone1"]),
        (&json!("Contoso"), &json!("C-1"), &json!(null)),
        "its key and its name, and no more"
    );
    let writes = hooked.writes("accounts").await;
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0]["headers"]["if-none-match"], "*");
    assert_eq!(writes[0]["query"], "tag=tandem");

    // What is known to exist is not asked for again.
    hooked.clear_log().await;
    assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
    let asked = hooked.europe().log().await;
    let asked = asked
        .iter()
        .filter(|entry| entry["user"] == writes[0]["user"]);
    assert_eq!(asked.count(), 0);
}

#[tokio::test]
async fn a_ticket_that_is_moved_to_a_missing_customer_succeeds_too() {
    let hooked = Hooked::registered().await;
    let contact = json!({"contactid": id(3), "lastname": "Miller", "firstname": "Ann"});
    assert_eq!(hooked.us().post("contacts", contact).await.status, 204);
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
    let tickets = hooked.europe().column("incidents", "incidentid").await;
    let path = format!("incidents({})", tickets[0].as_str().unwrap());
    let moved = json!({"customerid_contact@odata.bind": format!("/contacts({})", id(3))});
    let answer = hooked.europe().patch(&path, moved).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let stub = hooked
        .europe()
        .get(&format!("contacts({})", id(3)))
        .await
        .json();
    assert_eq!(
        (&stub["lastname"], &stub["firstname"]),
        (&json!("Miller"), &json!(null))
    );
}

#[tokio::test]
async fn without_the_hook_a_ticket_for_a_missing_customer_is_refused() {
    let hooked = Hooked::registered().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let registration = hooked.registration().await;
    registration.remove(Manner::Carry).await.unwrap();
    let answer = hooked.ticket("accounts", &id(1)).await;
    assert!(is_refused_as_absent(&answer), "{answer:?}");
    assert!(!hooked.exists(&format!("accounts({})", id(1))).await);
}

#[tokio::test]
async fn a_killed_hook_stops_tickets_until_it_is_disabled() {
    let mut hooked = Hooked::registered().await;
    hooked
        .europe()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    hooked.stop().await;
    let answer = hooked.ticket("accounts", &id(1)).await;
    assert!(
        answer.status.is_client_error() || answer.status.is_server_error(),
        "{answer:?}"
    );

    let registration = hooked.registration().await;
    registration.switch(false, Manner::Carry).await.unwrap();
    assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
    let answer = hooked.ticket("accounts", &id(2)).await;
    assert!(is_refused_as_absent(&answer), "{answer:?}");
}

#[tokio::test]
async fn a_source_that_is_down_leaves_a_stub_of_what_the_ticket_says() {
    let hooked = Hooked::registered().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    hooked.us().arm(json!({"count": null, "status": 503})).await;
    let answer = hooked.ticket("accounts", &id(1)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let stub = hooked
        .europe()
        .get(&format!("accounts({})", id(1)))
        .await
        .json();
    assert_eq!(stub["name"], "Printer on fire");
}

#[tokio::test]
async fn fault_f02_a_source_that_never_answers_delays_no_ticket_by_five_seconds() {
    let hooked = Hooked::registered().await;
    hooked
        .us()
        .arm(json!({"count": null, "hang": "before"}))
        .await;
    for n in 1..=7 {
        let began = Instant::now();
        let answer = hooked.ticket("accounts", &id(n)).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "ticket {n}: {:?}",
            began.elapsed()
        );
    }
}

#[tokio::test]
async fn a_customer_that_neither_instance_has_is_not_invented() {
    let hooked = Hooked::registered().await;
    let answer = hooked.ticket("accounts", &id(1)).await;
    assert!(is_refused_as_absent(&answer), "{answer:?}");
    assert!(hooked.writes("accounts").await.is_empty());
    assert_eq!(hooked.counted("references", "not_in_source").await, 1);
}

#[tokio::test]
async fn fault_f14_no_ticket_fails_whose_customer_exists_while_the_target_throttles_the_hook() {
    let hooked = Hooked::registered().await;
    hooked
        .europe()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let throttle = json!({"count": null, "client": USER, "status": 429, "retry_after": 30});
    hooked.europe().arm(throttle).await;
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(hooked.counted("references", "held_back").await, 3);
    let log = hooked.europe().log().await;
    let struck = log.iter().filter(|entry| entry["status"] == 429).count();
    assert_eq!(struck, 1, "nothing is sent within the Retry-After");
}

#[tokio::test]
async fn fault_f17_an_open_breaker_fails_no_ticket_whose_customer_exists_and_closes_by_itself() {
    let hooked = Hooked::registered().await;
    hooked
        .europe()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    hooked
        .us()
        .account(&id(2), json!({"name": "Fabrikam"}))
        .await;
    let broken = json!({"count": null, "client": USER, "status": 503});
    hooked.europe().arm(broken).await;
    for _ in 0..8 {
        assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
    }
    assert!(
        hooked.counted("references", "held_back").await > 0,
        "the breaker is open"
    );
    hooked.europe().control("DELETE", "faults", None).await;
    let mut answer = hooked.ticket("accounts", &id(2)).await;
    let began = Instant::now();
    while answer.status != 204 && began.elapsed() < Duration::from_secs(20) {
        assert!(is_refused_as_absent(&answer), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer = hooked.ticket("accounts", &id(2)).await;
    }
    assert_eq!(answer.status, 204, "its probe closes it: {answer:?}");
}

#[tokio::test]
async fn fault_f35_a_plug_in_that_throws_on_every_stub_is_tried_once_a_ticket_and_opens_no_breaker()
{
    let hooked = Hooked::registered().await;
    let configuration = json!({"message": "No stubs here.", "missing": "telephone1"}).to_string();
    register(
        &hooked.europe(),
        "Create",
        "account",
        "refuse",
        json!({"configuration": configuration}),
    )
    .await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    for _ in 0..7 {
        let answer = hooked.ticket("accounts", &id(1)).await;
        assert!(is_refused_as_absent(&answer), "{answer:?}");
    }
    assert_eq!(hooked.writes("accounts").await.len(), 7);
    assert_eq!(hooked.counted("references", "refused").await, 7);
    let (_, metrics) = hooked.get("metrics").await;
    let closed = r#"tandem_breaker_closed{instance="europe",class="write"} 1"#;
    assert!(metrics.contains(closed), "{metrics}");
}

#[tokio::test]
async fn within_a_transaction_nothing_is_written() {
    let hooked = Hooked::registered().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let ticket = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.incident", "title": "a",
        "customerid_account@odata.bind": format!("/accounts({})", id(1)),
    });
    let body = json!({"Targets": [ticket]});
    let path = "incidents/Microsoft.Dynamics.CRM.CreateMultiple";
    let answer = hooked.europe().post(path, body).await;
    assert!(is_refused_as_absent(&answer), "{answer:?}");
    assert!(hooked.writes("accounts").await.is_empty());
    assert_eq!(hooked.counted("calls", "in_transaction").await, 1);
}

#[tokio::test]
async fn a_duplicate_key_is_told_apart_and_not_written() {
    let hooked = Hooked::registered().await;
    hooked
        .us()
        .account(&id(1), json!({"name": "a", "accountnumber": "C-1"}))
        .await;
    hooked
        .europe()
        .account(&id(2), json!({"name": "b", "accountnumber": "C-1"}))
        .await;
    let answer = hooked.ticket("accounts", &id(1)).await;
    assert!(is_refused_as_absent(&answer), "{answer:?}");
    assert_eq!(hooked.counted("references", "duplicate").await, 1);
}

#[tokio::test]
async fn registering_mends_what_differs_and_repeats_without_effect() {
    let mut hooked = Hooked::registered().await;
    let whats = |changes: Vec<tandem::hook::registration::Change>| {
        changes.iter().map(|change| change.what).collect::<Vec<_>>()
    };
    let registration = hooked.registration().await;
    let again = registration.register(false, Manner::Carry).await.unwrap();
    assert_eq!(whats(again), ["keep", "keep", "keep"]);
    let endpoints = hooked.europe().column("serviceendpoints", "url").await;
    assert_eq!(endpoints, [json!(hooked.url)]);
    assert_eq!(
        hooked
            .europe()
            .log()
            .await
            .iter()
            .filter(|entry| entry["method"] == "PATCH")
            .count(),
        0
    );

    let other = "http://localhost:9/".parse().unwrap();
    hooked.config.hook.as_mut().unwrap().url = Some(other);
    let hook = hooked.config.hook.as_mut().unwrap();
    let mut second = hook.tables[0].references[0].clone();
    second.column = super::support::name("primarycontactid");
    hook.tables[0].references.push(second);
    let registration = hooked.registration().await;
    let faults = registration.standing().await.unwrap().faults;
    assert_eq!(faults.len(), 2, "{faults:?}");
    let mended = registration.register(false, Manner::Carry).await.unwrap();
    assert_eq!(whats(mended), ["update", "keep", "update"]);
    assert_eq!(
        registration.standing().await.unwrap().faults,
        Vec::<String>::new()
    );
    for entry in hooked.europe().log().await {
        let headers = &entry["headers"];
        let is_write = entry["method"] == "PATCH" || entry["method"] == "DELETE";
        let guarded = headers["if-match"].is_string() || headers["if-none-match"] == "*";
        assert!(!is_write || guarded, "security case 47: {entry}");
    }
}

#[tokio::test]
async fn a_step_inside_the_transaction_is_refused_with_the_reason() {
    let hooked = Hooked::registered().await;
    let steps = "sdkmessageprocessingsteps?$filter=stage eq 10";
    let ids = hooked
        .europe()
        .column(steps, "sdkmessageprocessingstepid")
        .await;
    for step in &ids {
        let path = format!("sdkmessageprocessingsteps({})", step.as_str().unwrap());
        let answer = hooked.europe().patch(&path, json!({"stage": 20})).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    let registration = hooked.registration().await;
    for refused in [
        registration
            .register(false, Manner::Tell)
            .await
            .unwrap_err(),
        registration.switch(true, Manner::Tell).await.unwrap_err(),
    ] {
        let why = refused.to_string();
        assert!(
            why.contains("stage 20") && why.contains("10 (PreValidation)"),
            "{why}"
        );
    }
    let faults = registration.standing().await.unwrap().faults;
    assert!(
        faults.iter().all(|fault| fault.contains("stage 20")),
        "{faults:?}"
    );

    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso"}))
        .await;
    let answer = hooked.ticket("accounts", &id(1)).await;
    assert!(is_refused_as_absent(&answer), "{answer:?}");
    assert!(hooked.writes("accounts").await.is_empty());
}

#[tokio::test]
async fn what_is_not_tandems_is_not_removed() {
    let hooked = Hooked::registered().await;
    let europe = hooked.europe();
    let endpoints = europe.column("serviceendpoints", "serviceendpointid").await;
    let bound = format!("/serviceendpoints({})", endpoints[0].as_str().unwrap());
    let other = json!({"stage": 10, "name": "somebody else's"});
    let step = register(&europe, "Create", "contact", &bound, other).await;
    let registration = hooked.registration().await;
    let refused = registration.remove(Manner::Carry).await.unwrap_err();
    assert!(refused.to_string().contains("somebody else's"), "{refused}");
    let ours = "sdkmessageprocessingsteps?$filter=startswith(name,'tandem hook')";
    assert_eq!(europe.column(ours, "name").await.len(), 2);
    assert_eq!(europe.delete(&step).await.status, 204);
    registration.remove(Manner::Carry).await.unwrap();
    assert!(europe.column("serviceendpoints", "name").await.is_empty());
    assert!(europe.column(ours, "name").await.is_empty());
}
