//! Small requests that ask for very much: they are refused in time, and the instance lives on.

use serde_json::{Value as Json, json};
use tandem::emulator::{Data, Options};

use super::id;
use crate::support::emulated::{Api, Emulated};

/// What the service says of a query that takes too long.
fn timed_out() -> (u16, String) {
    (500, "0x80044151".to_owned())
}

/// So many accounts of 2 KB.
async fn large_accounts(us: &Api<'_>, number: usize) {
    let text = "x".repeat(2000);
    let target =
        json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "a", "description": text});
    let targets: Vec<Json> = vec![target; number];
    let path = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
    let answer = us.post(path, json!({"Targets": targets})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn nested_expansions_end_before_they_fill_the_memory() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    large_accounts(&us, 500).await;
    // Each level multiplies: the owner's accounts, for each of them the owner, for each of those the accounts.
    let path = "accounts?$select=name&$expand=owninguser($select=fullname;$expand=user_accounts($select=description))";
    let answer = us.get(path).await;
    assert_eq!(answer.refusal(), timed_out());
    let one = "accounts?$top=1&$select=name&$expand=owninguser($select=fullname;$expand=user_accounts($select=name))";
    let answer = us.get(one).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let accounts = &answer.json()["value"][0]["owninguser"]["user_accounts"];
    assert_eq!(accounts.as_array().unwrap().len(), 500);
}

#[tokio::test]
async fn a_join_is_charged_for_every_row_that_it_looks_at() {
    let emulated = Emulated::with(Options {
        data: Data::Many {
            records: 4000,
            drift: 0.0,
        },
        ..Options::default()
    })
    .await;
    let us = emulated.us();
    // Two thousand contacts with each other, of whom no pair passes.
    let fetch = "<fetch><entity name='contact'><attribute name='contactid'/>\
        <link-entity name='contact' from='statecode' to='statecode' alias='b'><filter>\
        <condition attribute='contactid' operator='null'/></filter></link-entity></entity></fetch>";
    let answer = us.get(&format!("contacts?fetchXml={fetch}")).await;
    assert_eq!(answer.refusal(), timed_out());
    // Four million combinations, of whom none has a third row.
    let sql = "SELECT a.lastname FROM contact a JOIN contact b ON a.statecode=b.statecode \
        JOIN account c ON b.contactid=c.accountid";
    let answer = us.get(&format!("contacts?sql={sql}")).await;
    assert_eq!(answer.refusal(), timed_out());
}

#[tokio::test]
async fn a_batch_ends_when_its_answer_is_large() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    large_accounts(&us, 500).await;
    let part = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
        GET /api/data/v9.2/accounts?$select=description HTTP/1.1\r\n\r\n\r\n";
    let body = format!("{}--b--\r\n", part.repeat(150));
    for (prefer, status) in [("", 400), ("odata.continue-on-error", 200)] {
        let request = us
            .request("POST", &us.url("$batch"))
            .header("content-type", "multipart/mixed; boundary=b")
            .header("prefer", prefer);
        let response = request.body(body.clone()).send().await.unwrap();
        assert_eq!(response.status(), status);
        let text = response.text().await.unwrap();
        assert!(text.len() < 110_000_000, "{}", text.len());
        assert!(text.contains("HTTP/1.1 200 OK"));
        assert!(text.contains("HTTP/1.1 500 Internal Server Error"));
        assert!(text.contains("0x80044151"));
    }
}

#[tokio::test]
async fn a_list_of_definitions_is_expanded_once() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let table = "EntityDefinitions(LogicalName='account')?$select=LogicalName&$expand=";
    let twice = "Attributes($select=LogicalName),Keys,Attributes";
    let answer = us.get(&format!("{table}{twice}")).await;
    assert_eq!(answer.refusal(), (400, "0x80060888".to_owned()));
    let once = "Attributes($select=LogicalName),Keys";
    assert_eq!(us.get(&format!("{table}{once}")).await.status, 200);
}

#[tokio::test]
async fn a_page_has_at_most_5000_rows_whatever_is_preferred() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "Acme"})).await;
    let body = json!({"lastname": "Ada", "parentcustomerid_account@odata.bind": format!("/accounts({})", id(1))});
    assert_eq!(us.post("contacts", body).await.status, 204);
    let path = "accounts?$select=name&$expand=contact_customer_accounts($select=lastname;$expand=owninguser($select=fullname))";
    let prefer = format!("odata.maxpagesize={}", usize::MAX);
    let answer = us.send("GET", path, &[("prefer", &prefer)], None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let contacts = &answer.json()["value"][0]["contact_customer_accounts"];
    assert_eq!(contacts[0]["lastname"], "Ada");

    // A token with the last page that there can be, made by hand.
    let tracked = [("prefer", "odata.track-changes,odata.maxpagesize=1")];
    us.account(&id(2), json!({"name": "Other"})).await;
    us.account(&id(3), json!({"name": "Third"})).await;
    let first = us
        .send("GET", "accounts?$select=name", &tracked, None)
        .await;
    let next = first.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    let page = "page%252522:2,";
    assert!(next.contains(page), "{next}");
    let forged = next.replace(page, &format!("page%252522:{},", usize::MAX));
    let answer = us.send("GET", &forged, &tracked, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_statement_without_an_end_is_paged() {
    let emulated = Emulated::with(Options {
        data: Data::Many {
            records: 240,
            drift: 0.0,
        },
        ..Options::default()
    })
    .await;
    let us = emulated.us();
    let statements = [
        ("SELECT name FROM account", 240),
        ("SELECT name FROM account ORDER BY name DESC", 240),
        ("SELECT TOP 130 name FROM account", 130),
        ("SELECT DISTINCT statecode, name FROM account", 0),
    ];
    for (sql, number) in statements {
        let whole = us.get(&format!("accounts?sql={sql}")).await.json()["value"].clone();
        let mut rows = Vec::new();
        let mut url = us.url(&format!("accounts?sql={sql}"));
        loop {
            let prefer = [("prefer", "odata.maxpagesize=50")];
            let page = us.send("GET", &url, &prefer, None).await;
            assert_eq!(page.status, 200, "{}", page.text);
            let page = page.json();
            rows.extend(page["value"].as_array().unwrap().clone());
            match page["@odata.nextLink"].as_str() {
                Some(next) => url = next.to_owned(),
                None => break,
            }
        }
        assert!(number == 0 || rows.len() == number, "{sql}: {}", rows.len());
        assert_eq!(Json::Array(rows), whole, "{sql}");
    }
}
