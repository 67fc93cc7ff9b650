//! Answers as the service gives them, and as what stands between us and it gives them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::domain::instance::Endpoint;
use std::time::Duration;

use super::*;
use crate::dataverse::write::testing::{column, table};

const ID: &str = "22222222-2222-2222-2222-222222222222";

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap()
}

fn listed(body: &str) -> Result<Page, Failure> {
    let endpoint = Endpoint::new("https://contoso.crm.dynamics.com").unwrap();
    let query = Query::all(&table(), &[column("name")]);
    page(&answer(200, &[], body), &query, &endpoint, None)
}

#[test]
fn a_bad_row_is_kept_beside_the_good_ones() {
    let page = listed(&format!(
        r#"{{"@odata.context":"x","@odata.count":7,"value":[{{"accountid":"{ID}","name":"a"}},{{"accountid":"{ID}","name":1}},5],
        "@odata.nextLink":"https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken=2"}}"#
    ))
    .unwrap();
    assert_eq!(
        (page.rows.len(), page.bad_rows.len(), page.count),
        (1, 2, Some(7))
    );
    assert_eq!(
        page.bad_rows[0].id.map(|id| id.to_string()).as_deref(),
        Some(ID)
    );
    assert!(
        page.bad_rows[0].reason.starts_with("name: not a text"),
        "{}",
        page.bad_rows[0].reason
    );
    assert_eq!(page.bad_rows[1].id, None);
    assert!(page.next.is_some());
}

#[test]
fn fault_f8_what_is_not_the_shape_that_was_asked_for_is_never_an_empty_list() {
    for body in [
        "",
        "null",
        "{}",
        "[]",
        "<html><body>Sign in</body></html>",
        r#"{"value":null}"#,
        r#"{"value":{}}"#,
        r#"{"value":[]"#,
        r#"{"value":[]} x"#,
        r#"{"value":[],"value":[]}"#,
        r#"{"error":{"code":"","message":"x"}}"#,
    ] {
        let failure = listed(body).unwrap_err();
        assert_eq!(failure.class, FailureClass::Unreadable, "{body}");
        assert_eq!(failure.origin, Origin::Remote, "{body}");
    }
    assert_eq!(listed(r#"{"value":[]}"#), Ok(Page::default()));
    let portal = listed("<html>\x1b[2J").unwrap_err();
    assert_eq!(portal.message, "not an OData answer: <html>^[[2J");
}

#[test]
fn security_case_18_hostile_json_is_bounded() {
    let deep = format!(
        r#"{{"value":[{}{}]}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let page = listed(&deep);
    assert!(page.is_err() || page.is_ok_and(|page| page.rows.is_empty()));
    let huge = format!(r#"{{"value":[{{"accountid":"{ID}","name":1e400}}]}}"#);
    assert_eq!(listed(&huge).unwrap().bad_rows.len(), 1);
}

#[test]
fn an_error_says_class_code_words_and_wait() {
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let body =
        r#"{"error":{"code":"0x80072322","message":"Number of requests\u001b[2J exceeded"}}"#;
    let headers = [("retry-after", "30"), ("x-ms-service-request-id", "abc")];
    let failure = checked(answer(429, &headers, body), now).unwrap_err();
    assert_eq!(
        failure,
        Failure {
            class: FailureClass::Throttled,
            status: Some(429),
            code: Some(ErrorCode::TOO_MANY_REQUESTS),
            message: "Number of requests^[[2J exceeded".to_owned(),
            request_id: Some("abc".to_owned()),
            retry_after: Some(Duration::from_secs(30)),
            origin: Origin::Remote,
        }
    );
    for (status, body, class, code) in [
        (
            404,
            r#"{"error":{"code":"0x80040217","message":"x"}}"#,
            FailureClass::NotFound,
            Some(ErrorCode::OBJECT_DOES_NOT_EXIST),
        ),
        (
            412,
            r#"{"error":{"code":"","message":"x"}}"#,
            FailureClass::PreconditionFailed,
            None,
        ),
        (429, "", FailureClass::Throttled, None),
        (503, "<html>", FailureClass::Unavailable, None),
        (
            429,
            r#"{"error":{"code":"0x80040265","message":"x"}}"#,
            FailureClass::Invalid,
            Some(ErrorCode::PLUGIN_REFUSED),
        ),
        (307, "", FailureClass::Unreadable, None),
    ] {
        let failure = checked(answer(status, &[], body), now).unwrap_err();
        assert_eq!(
            (failure.class, failure.code),
            (class, code),
            "{status} {body}"
        );
        assert_eq!(
            failure.retry_after.is_some(),
            class == FailureClass::Throttled,
            "{status} {body}"
        );
    }
    let long = format!(
        r#"{{"error":{{"code":"0x0","message":"{}"}}}}"#,
        "\u{202e}".repeat(5000)
    );
    let failure = checked(answer(400, &[], &long), now).unwrap_err();
    assert_eq!(failure.message.chars().count(), 300);
}

#[test]
fn a_portals_page_is_no_write_that_was_done() {
    assert!(written(&answer(204, &[], "")).is_ok());
    let failure = written(&answer(200, &[], "<html>")).unwrap_err();
    assert!(failure.may_have_happened());
}

proptest::proptest! {
    #[test]
    fn no_body_makes_it_panic(body in ".{0,200}", status in 100u16..600) {
        let _any = listed(&body);
        if let Ok(answer) = Response::builder().status(status).body(Bytes::from(body)) {
            let _any = checked(answer, DateTime::<Utc>::UNIX_EPOCH);
        }
    }
}
