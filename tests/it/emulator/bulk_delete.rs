//! `BulkDelete` as a job that really deletes, and `CloseIncident`.

use serde_json::{Value as Json, json};

use super::id;
use super::pipeline::{finished_job, register};
use crate::support::emulated::{Api, Emulated};

/// The body as Microsoft's Python client sends it.
fn body(table: &str, column: &str, operator: &str, values: &Json, start: &str) -> Json {
    json!({
        "JobName": "Bulk delete",
        "SendEmailNotification": false,
        "ToRecipients": [],
        "CCRecipients": [],
        "RecurrencePattern": "",
        "StartDateTime": start,
        "QuerySet": [{
            "@odata.type": "Microsoft.Dynamics.CRM.QueryExpression",
            "EntityName": table,
            "ColumnSet": {"@odata.type": "Microsoft.Dynamics.CRM.ColumnSet", "AllColumns": false, "Columns": []},
            "Criteria": {
                "@odata.type": "Microsoft.Dynamics.CRM.FilterExpression",
                "FilterOperator": "And",
                "Conditions": [{
                    "@odata.type": "Microsoft.Dynamics.CRM.ConditionExpression",
                    "AttributeName": column,
                    "Operator": operator,
                    "Values": values,
                }],
            },
        }],
    })
}

fn ids(numbers: &[u32]) -> Json {
    numbers
        .iter()
        .map(|number| json!({"Value": id(*number), "Type": "System.Guid"}))
        .collect()
}

async fn three_accounts(us: &Api<'_>) {
    for number in 1..=3 {
        us.account(
            &id(number),
            json!({"name": format!("a{number}"), "numberofemployees": number}),
        )
        .await;
    }
}

const PAST: &str = "2020-01-01T00:00:00Z";

#[tokio::test]
async fn a_job_deletes_what_the_query_finds() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    three_accounts(&us).await;
    let answer = us
        .post(
            "BulkDelete",
            body("account", "accountid", "In", &ids(&[1, 3, 9]), PAST),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let job = finished_job(&us).await;
    assert_eq!(job["asyncoperationid"], answer.json()["JobId"]);
    assert_eq!(
        (&job["operationtype"], &job["statuscode"]),
        (&json!(13), &json!(30))
    );
    assert_eq!(us.column("accounts", "name").await, [json!("a2")]);
    let operation = us.get("bulkdeleteoperations").await.json()["value"][0].clone();
    assert_eq!(
        (&operation["successcount"], &operation["failurecount"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(
        operation["_asyncoperationid_value"],
        job["asyncoperationid"]
    );
    assert_eq!(
        (&operation["statecode"], &operation["statuscode"]),
        (&json!(3), &json!(30))
    );
}

#[tokio::test]
async fn rows_that_can_not_be_deleted_are_counted() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    three_accounts(&us).await;
    register(
        &us,
        "Delete",
        "account",
        "refuse",
        json!({"configuration": "no"}),
    )
    .await;
    let values = json!([{"Value": 2, "Type": "System.Int32"}]);
    let answer = us
        .post(
            "BulkDelete",
            body(
                "account",
                "numberofemployees",
                "GreaterEqual",
                &values,
                PAST,
            ),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    finished_job(&us).await;
    assert_eq!(us.column("accounts", "name").await.len(), 3);
    assert_eq!(
        us.column("bulkdeleteoperations", "failurecount").await,
        [json!(2)]
    );
}

#[tokio::test]
async fn a_job_waits_for_its_time_by_the_emulators_clock() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    three_accounts(&us).await;
    let start = (chrono::Utc::now() + chrono::TimeDelta::hours(2)).to_rfc3339();
    let answer = us
        .post(
            "BulkDelete",
            body("account", "accountid", "In", &ids(&[1]), &start),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(
        us.column("asyncoperations", "statuscode").await,
        [json!(10)]
    );
    assert_eq!(us.column("accounts", "name").await.len(), 3);
    let clock = format!("{}/emulator/clock", us.origin);
    us.send("POST", &clock, &[], Some(json!({"advance_s": 7201})))
        .await;
    finished_job(&us).await;
    assert_eq!(us.column("accounts", "name").await.len(), 2);
}

#[tokio::test]
async fn what_a_job_can_not_do_is_refused_at_once() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    three_accounts(&us).await;
    let good = body("account", "accountid", "In", &ids(&[1]), PAST);
    let with = |pointer: &str, value: Json| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let condition = "/QuerySet/0/Criteria/Conditions/0";
    for (body, status) in [
        (with("/RecurrencePattern", json!("FREQ=DAILY")), 501),
        (with("/SendEmailNotification", json!(true)), 501),
        (
            with(
                "/QuerySet/0/@odata.type",
                json!("Microsoft.Dynamics.CRM.FetchExpression"),
            ),
            501,
        ),
        (with(&format!("{condition}/Operator"), json!("Like")), 501),
        (
            with(&format!("{condition}/AttributeName"), json!("nothing")),
            400,
        ),
        (with(&format!("{condition}/Values"), json!([])), 400),
        (with(&format!("{condition}/Values"), json!(["x"])), 400),
        (with("/QuerySet/0/EntityName", json!("nothing")), 400),
        (with("/QuerySet", json!([])), 400),
        (json!({}), 400),
    ] {
        let answer = us.post("BulkDelete", body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    assert!(us.column("asyncoperations", "name").await.is_empty());
    assert_eq!(us.get("BulkDelete").await.status, 405);
}

#[tokio::test]
async fn a_ticket_is_resolved_by_its_own_message() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let ticket = json!({
        "incidentid": id(2), "title": "t", "customerid_account@odata.bind": format!("/accounts({})", id(1)),
    });
    assert_eq!(us.post("incidents", ticket).await.status, 204);
    let close = |number: u32, status: i64| {
        let bind = format!("/incidents({})", id(number));
        json!({"IncidentResolution": {"subject": "done", "incidentid@odata.bind": bind}, "Status": status})
    };
    for (body, status) in [
        (close(404, 5), 404),
        (close(2, 6), 400),
        (json!({"Status": 5}), 400),
        (
            json!({"IncidentResolution": {"subject": "x"}, "Status": 5}),
            400,
        ),
        (close(2, -1), 204),
        (close(2, 5), 400),
    ] {
        let answer = us.post("CloseIncident", body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    let row = us.get(&format!("incidents({})", id(2))).await.json();
    assert_eq!(
        (&row["statecode"], &row["statuscode"]),
        (&json!(1), &json!(5))
    );
}

#[tokio::test]
async fn a_job_that_was_cancelled_deletes_nothing() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    three_accounts(&us).await;
    let start = (chrono::Utc::now() + chrono::TimeDelta::hours(2)).to_rfc3339();
    let sent = body("account", "accountid", "In", &ids(&[1]), &start);
    let job = us.post("BulkDelete", sent.clone()).await.json()["JobId"].clone();
    let deleted = us.post("BulkDelete", sent).await.json()["JobId"].clone();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let row = |job: &Json| format!("asyncoperations({})", job.as_str().unwrap());
    let cancel = json!({"statecode": 3, "statuscode": 32});
    assert_eq!(us.patch(&row(&job), cancel).await.status, 204);
    assert_eq!(us.delete(&row(&deleted)).await.status, 204);
    us.control("POST", "clock", Some(json!({"advance_s": 7201})))
        .await;
    for _ in 0..200 {
        let codes = us.column("bulkdeleteoperations", "statuscode").await;
        if codes == [json!(32), json!(32)] {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(
        us.column("bulkdeleteoperations", "statuscode").await,
        [json!(32), json!(32)]
    );
    assert_eq!(us.column("accounts", "name").await.len(), 3);
}

#[tokio::test]
async fn a_job_of_a_backup_does_not_go_on_and_says_so() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    three_accounts(&us).await;
    let start = (chrono::Utc::now() + chrono::TimeDelta::hours(2)).to_rfc3339();
    let sent = body("account", "accountid", "In", &ids(&[1]), &start);
    us.post("BulkDelete", sent).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    us.control("POST", "backup", None).await;
    us.control("POST", "restore", None).await;
    for set in ["asyncoperations", "bulkdeleteoperations"] {
        assert_eq!(us.column(set, "statuscode").await, [json!(31)], "{set}");
    }
    us.control("POST", "clock", Some(json!({"advance_s": 7201})))
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(us.column("accounts", "name").await.len(), 3);
}

/// Resolves a ticket of an account or contact, with a primary contact.
async fn resolved(us: &Api<'_>, number: u32, customer: &str, primary: u32) {
    let table = customer.split_once('s').unwrap().0.trim_start_matches('/');
    let mut ticket = json!({
        "incidentid": id(number),
        "title": "t",
        "primarycontactid@odata.bind": format!("/contacts({})", id(primary)),
    });
    ticket[format!("customerid_{table}@odata.bind")] = json!(customer);
    let made = us.post("incidents", ticket).await;
    assert_eq!(made.status, 204, "{made:?}");
    let bind = format!("/incidents({})", id(number));
    let body = json!({"IncidentResolution": {"subject": "done", "incidentid@odata.bind": bind}, "Status": 5});
    assert_eq!(us.post("CloseIncident", body).await.status, 204);
}

#[tokio::test]
async fn a_row_that_only_closed_rows_mention_can_be_deleted() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let more = json!({"stage": 40, "mode": 1, "configuration": "1"});
    let step = register(&us, "Create", "account", "slow", more).await;
    us.account(&id(1), json!({"name": "a"})).await;
    finished_job(&us).await;
    let deleted = us.delete(&format!("accounts({})", id(1))).await;
    assert_eq!(deleted.status, 204, "mentioned by a job: {deleted:?}");
    assert_eq!(
        us.column("asyncoperations", "_regardingobjectid_value")
            .await,
        [Json::Null]
    );
    assert_eq!(us.delete(&step).await.status, 204);

    us.account(&id(2), json!({"name": "b"})).await;
    for number in [3, 4] {
        let contact = json!({"contactid": id(number), "lastname": "c"});
        assert_eq!(us.post("contacts", contact).await.status, 204);
    }
    resolved(&us, 5, &format!("/accounts({})", id(2)), 3).await;
    let deleted = us.delete(&format!("contacts({})", id(3))).await;
    assert_eq!(deleted.status, 204, "primary contact: {deleted:?}");
    let ticket = us.get(&format!("incidents({})", id(5))).await.json();
    assert_eq!(
        (&ticket["statecode"], &ticket["_primarycontactid_value"]),
        (&json!(1), &Json::Null)
    );
    resolved(&us, 6, &format!("/contacts({})", id(4)), 4).await;
    let deleted = us.delete(&format!("contacts({})", id(4))).await;
    assert_eq!(deleted.status, 204, "customer and contact: {deleted:?}");
    let gone = us.get(&format!("incidents({})", id(6))).await;
    assert_eq!(gone.status, 404, "{gone:?}");
}

#[tokio::test]
async fn steps_hear_of_a_resolution_and_of_what_a_deletion_takes_along() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let bind = format!("/accounts({})", id(1));
    let contact =
        json!({"contactid": id(2), "lastname": "c", "parentcustomerid_account@odata.bind": bind});
    assert_eq!(us.post("contacts", contact).await.status, 204);
    let ticket = json!({"incidentid": id(3), "title": "t", "customerid_account@odata.bind": bind});
    assert_eq!(us.post("incidents", ticket).await.status, 204);
    let no = |more: &str| json!({"configuration": "no", "filteringattributes": more});
    register(&us, "Update", "incident", "refuse", no("statecode")).await;
    register(&us, "Delete", "contact", "refuse", no("")).await;
    let bind = format!("/incidents({})", id(3));
    let close = json!({"IncidentResolution": {"subject": "done", "incidentid@odata.bind": bind}, "Status": 5});
    let refused = (400, "0x80040265".to_owned());
    assert_eq!(us.post("CloseIncident", close).await.refusal(), refused);
    let open = us.get(&format!("incidents({})", id(3))).await.json();
    assert_eq!(open["statecode"], 0);
    let deleted = us.delete(&format!("accounts({})", id(1))).await;
    assert_eq!(deleted.refusal(), refused);
    let kept = us.get(&format!("accounts({})", id(1))).await;
    assert_eq!(kept.status, 200, "all or nothing");
}
