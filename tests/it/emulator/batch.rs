//! `$batch`: order, change sets and their undoing, references, and the exact form that clients take apart.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Answer, Api, Emulated};

/// One part as Microsoft's Python client writes it.
fn part(content_id: Option<u32>, request_line: &str, headers: &str, body: &str) -> String {
    let id = content_id.map_or(String::new(), |id| format!("Content-ID: {id}\r\n"));
    format!(
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{id}\r\n{request_line} HTTP/1.1\r\n\
         Content-Type: application/json; type=entry\r\n{headers}\r\n{body}\r\n"
    )
}

pub fn post(content_id: Option<u32>, path: &str, body: &Json) -> String {
    part(
        content_id,
        &format!("POST /api/data/v9.2/{path}"),
        "",
        &body.to_string(),
    )
}

pub fn change_set(parts: &[String]) -> String {
    let parts: String = parts
        .iter()
        .map(|part| format!("--set\r\n{part}"))
        .collect();
    format!("Content-Type: multipart/mixed; boundary=\"set\"\r\n\r\n{parts}--set--\r\n")
}

pub async fn send(api: &Api<'_>, prefer: Option<&str>, items: &[String]) -> Answer {
    let items: String = items
        .iter()
        .map(|item| format!("--batch_1\r\n{item}"))
        .collect();
    send_text(api, prefer, format!("{items}--batch_1--\r\n")).await
}

async fn send_text(api: &Api<'_>, prefer: Option<&str>, body: String) -> Answer {
    let mut request = api
        .request("POST", &api.url("$batch"))
        .header("content-type", "multipart/mixed; boundary=\"batch_1\"")
        .body(body);
    if let Some(prefer) = prefer {
        request = request.header("prefer", prefer);
    }
    let response = request.send().await.unwrap();
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

/// The statuses of all parts, in order.
pub fn statuses(answer: &Answer) -> Vec<u16> {
    let lines = answer.text.split("\r\n");
    lines
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "))
        .map(|line| line[..3].parse().unwrap())
        .collect()
}

#[tokio::test]
async fn requests_are_done_in_order_and_answered_as_clients_read_them() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let read = format!(
        "GET {}/api/data/v9.2/accounts?$select=name&$filter=name eq 'A B'",
        us.origin
    );
    let items = [
        post(None, "accounts", &json!({"name": "A B"})),
        part(
            None,
            &read,
            "Prefer: odata.include-annotations=\"*\"\r\n",
            "",
        ),
    ];
    let answer = send(&us, None, &items).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let boundary = answer
        .header("content-type")
        .strip_prefix("multipart/mixed; boundary=")
        .unwrap();
    assert!(boundary.starts_with("batchresponse_"), "{boundary}");
    assert!(
        answer.text.starts_with(&format!("--{boundary}\r\n")),
        "{}",
        answer.text
    );
    assert!(
        answer.text.ends_with(&format!("--{boundary}--\r\n")),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains("\r\nHTTP/1.1 204 No Content\r\n"),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains("\r\nHTTP/1.1 200 OK\r\n"),
        "{}",
        answer.text
    );
    for header in ["OData-EntityId: ", "Location: "] {
        let line = answer
            .text
            .split("\r\n")
            .find(|line| line.starts_with(header));
        let line = line.unwrap_or_else(|| panic!("{header} in {}", answer.text));
        assert!(
            line.contains(&us.url("accounts(")) && line.ends_with(')'),
            "{line}"
        );
    }
    assert_eq!(answer.text.matches("\r\nOData-Version: 4.0\r\n").count(), 2);
    assert_eq!(answer.text.matches("\r\nREQ_ID: ").count(), 2);
    assert!(answer.text.contains("\"name\":\"A B\""), "{}", answer.text);
}

#[tokio::test]
async fn a_change_set_names_the_rows_that_it_makes() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let contact = json!({"lastname": "L", "parentcustomerid_account@odata.bind": "$1"});
    let set = change_set(&[
        post(
            Some(1),
            "accounts",
            &json!({"name": "Acme", "accountid": id(1)}),
        ),
        post(Some(2), "contacts", &contact),
        part(
            Some(3),
            "PATCH $1",
            "If-Match: *\r\n",
            &json!({"primarycontactid@odata.bind": "$2"}).to_string(),
        ),
    ]);
    let answer = send(&us, None, &[set]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(statuses(&answer), [204, 204, 204]);
    assert!(
        answer
            .text
            .contains("Content-Type: multipart/mixed; boundary=changesetresponse_")
    );
    assert!(
        answer.text.contains("\r\n--changesetresponse_"),
        "{}",
        answer.text
    );
    for content_id in 1..=3 {
        let header = format!(
            "Content-Transfer-Encoding: binary\r\nContent-ID: {content_id}\r\n\r\nHTTP/1.1"
        );
        assert!(answer.text.contains(&header), "{}", answer.text);
    }
    let contacts = us.column("contacts", "_parentcustomerid_value").await;
    assert_eq!(contacts, [json!(id(1))]);
    let account = us.get(&format!("accounts({})", id(1))).await.json();
    let contact = us.column("contacts", "contactid").await;
    assert_eq!(account["_primarycontactid_value"], contact[0]);
}

#[tokio::test]
async fn a_reference_may_be_a_text_and_must_be_known() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let text = |id: &str, part: String| part.replace("Content-ID: 0", &format!("Content-ID: {id}"));
    let set = change_set(&[
        text("first", post(Some(0), "accounts", &json!({"name": "Acme"}))),
        text(
            "second",
            part(
                Some(0),
                "PATCH $first",
                "",
                &json!({"name": "Acme 2"}).to_string(),
            ),
        ),
    ]);
    assert_eq!(statuses(&send(&us, None, &[set]).await), [204, 204]);
    assert_eq!(us.column("accounts", "name").await, [json!("Acme 2")]);

    let bind = json!({"lastname": "L", "parentcustomerid_account@odata.bind": "$9"});
    for wrong in [
        change_set(&[post(Some(1), "contacts", &bind)]),
        change_set(&[
            part(Some(1), "PATCH $2", "", "{}"),
            post(Some(2), "accounts", &json!({})),
        ]),
        part(None, "PATCH $1", "", "{}"),
    ] {
        let answer = send(&us, None, &[wrong]).await;
        assert_eq!(
            (answer.status.as_u16(), statuses(&answer)),
            (400, vec![400]),
            "{}",
            answer.text
        );
        assert!(
            answer.text.contains("does not exist in the batch context."),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn a_change_set_that_fails_leaves_nothing_behind() {
    let emulated = Emulated::demo().await;
    let europe = emulated.europe();
    let before = europe.get("accounts/$count").await.text;
    let ticket =
        json!({"title": "t", "customerid_account@odata.bind": format!("/accounts({})", id(404))});
    let set = change_set(&[
        post(Some(1), "accounts", &json!({"name": "one"})),
        post(Some(2), "incidents", &ticket),
        post(Some(3), "accounts", &json!({"name": "x".repeat(161)})),
    ]);
    let answer = send(&europe, None, &[set]).await;
    assert_eq!(
        (answer.status.as_u16(), statuses(&answer)),
        (400, vec![400]),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("0x80044331"), "{}", answer.text);
    assert_eq!(
        europe.get("accounts/$count").await.text,
        before,
        "the stub of the plug-in too is undone"
    );
}

#[tokio::test]
async fn the_first_failure_ends_a_batch_unless_it_may_go_on() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let good = |name: &str| post(None, "accounts", &json!({"name": name}));
    let bad = || post(None, "accounts", &json!({"Name": "wrong"}));
    let stopped = send(&us, None, &[good("a"), bad(), good("b")]).await;
    assert_eq!(stopped.status, 400, "{}", stopped.text);
    assert_eq!(statuses(&stopped), [204, 400]);
    assert_eq!(us.column("accounts", "name").await, [json!("a")]);

    let whole = send(
        &us,
        Some("odata.continue-on-error"),
        &[bad(), good("b"), bad()],
    )
    .await;
    assert_eq!(whole.status, 200, "{}", whole.text);
    assert_eq!(
        whole.header("preference-applied"),
        "odata.continue-on-error"
    );
    assert_eq!(statuses(&whole), [400, 204, 400]);
    assert_eq!(
        us.column("accounts?$orderby=name", "name").await,
        [json!("a"), json!("b")]
    );
}

#[tokio::test]
async fn a_malformed_batch_is_refused_and_does_nothing() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let good = post(None, "accounts", &json!({"name": "a"}));
    let whole = format!("--batch_1\r\n{good}--batch_1--\r\n");
    let inner = good.replace("/accounts ", "/$batch ");
    let without_id = change_set(std::slice::from_ref(&good));
    let cases = [
        (
            whole.replace("\r\n", "\n"),
            "0x80048d19",
            "Stream was not readable.",
        ),
        (whole.replace("--batch_1--", ""), "0x80048d19", ""),
        (
            format!("--batch_1\r\n{without_id}--batch_1--"),
            "0x80060888",
            "Content-ID header not present",
        ),
        (
            format!(
                "--batch_1\r\n{}--batch_1--",
                change_set(&[part(Some(1), "GET /api/data/v9.2/accounts", "", "")])
            ),
            "0x80048d19",
            "GET",
        ),
        (
            format!("--batch_1\r\n{inner}--batch_1--"),
            "",
            "another batch",
        ),
    ];
    for (body, code, text) in cases {
        let answer = send_text(&us, None, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}\n{}", answer.text);
        assert!(
            answer.text.contains(code) && answer.text.contains(text),
            "{body}\n{}",
            answer.text
        );
    }
    assert!(us.column("accounts", "name").await.is_empty());

    let many = format!("--batch_1\r\n{good}").repeat(1001);
    let answer = send_text(&us, None, format!("{many}--batch_1--")).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(us.column("accounts", "name").await.is_empty());
    let plain = us.post("$batch", json!({})).await;
    assert_eq!(plain.refusal(), (400, "0x80048d19".to_owned()));
    assert_eq!(us.get("$batch").await.status, 405);
}

#[tokio::test]
async fn a_get_in_a_batch_may_have_a_longer_url() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let get = |length: usize| {
        let filter = format!("name eq '{}'", "x".repeat(length));
        part(
            None,
            &format!("GET /api/data/v9.2/accounts?$filter={filter}"),
            "",
            "",
        )
    };
    assert_eq!(statuses(&send(&us, None, &[get(60_000)]).await), [200]);
    let too_long = send(&us, None, &[get(66_000)]).await;
    assert_eq!(too_long.status, 400, "{}", too_long.text);
}

#[tokio::test]
async fn each_part_has_its_own_conditions() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    let patch = |headers: &str| {
        part(
            None,
            &format!("PATCH /api/data/v9.2/accounts({})", id(1)),
            headers,
            &json!({"name": "b"}).to_string(),
        )
    };
    let items = [
        patch("If-None-Match: *\r\n"),
        patch("If-Match: *\r\nPrefer: return=representation\r\n"),
    ];
    let answer = send(&us, Some("odata.continue-on-error"), &items).await;
    assert_eq!(statuses(&answer), [412, 200], "{}", answer.text);
    assert!(
        answer
            .text
            .contains("Preference-Applied: return=representation"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("\"name\":\"b\""), "{}", answer.text);
}

#[tokio::test]
async fn every_version_is_the_same_service() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let account = json!({"accountid": id(1), "name": "Acme"});
    let contact = json!({"lastname": "Ada", "parentcustomerid_account@odata.bind": "$1"});
    let older = part(
        Some(2),
        "POST /api/data/v9.0/contacts",
        "",
        &contact.to_string(),
    );
    let answer = send(
        &us,
        None,
        &[change_set(&[post(Some(1), "accounts", &account), older])],
    )
    .await;
    assert_eq!(statuses(&answer), [204, 204], "{}", answer.text);
    let url = format!("{}/api/data/v9.1/accounts({})", us.origin, id(1));
    let contact = json!({"lastname": "Bob", "parentcustomerid_account@odata.bind": url});
    let answer = us.post("contacts", contact).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    for foreign in ["http://elsewhere/api/data/v9.2/accounts", "/accounts"] {
        let url = format!("{}{foreign}({})", us.origin, id(1));
        let contact = json!({"lastname": "Cid", "parentcustomerid_account@odata.bind": url});
        let answer = us.post("contacts", contact).await;
        assert_eq!(answer.refusal(), (400, "0x80060888".to_owned()));
    }
}

#[tokio::test]
async fn the_path_of_a_batch_may_be_encoded() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let account = post(None, "accounts", &json!({"name": "Acme"}));
    let response = us
        .request("POST", &us.url("%24batch"))
        .header("content-type", "multipart/mixed; boundary=\"batch_1\"")
        .body(format!("--batch_1\r\n{account}--batch_1--\r\n"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let nested = part(None, "POST /api/data/v9.2/%24batch", "", "");
    let answer = send(&us, None, &[nested]).await;
    assert_eq!(statuses(&answer), [400]);
    assert!(answer.text.contains("another batch"), "{}", answer.text);
}
