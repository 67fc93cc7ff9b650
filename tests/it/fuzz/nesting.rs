//! Requests that nest without end: refused, and never recursed into until the stack is gone.

use serde_json::Value as Json;

use super::throw::{ACCOUNT, Lab, is_sane};

/// How deep, where the request has room for it.
const DEEP: usize = 100_000;
/// How deep in a URL, which has 32 KB.
const DEEP_URL: usize = 10_000;

#[track_caller]
fn refused(
    lab: &mut Lab,
    about: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) {
    let answer = lab.web_api(method, path, headers, body.as_bytes());
    is_sane(about, &answer);
    assert!(
        (400..500).contains(&answer.status),
        "{about}: {}",
        answer.status
    );
    lab.lives();
}

#[test]
fn deep_filters_expansions_and_aggregations_are_refused() {
    let mut lab = Lab::open();
    let brackets = |text: &str| format!("{}{text}{}", "(".repeat(DEEP_URL), ")".repeat(DEEP_URL));
    let nots = format!("{}name eq 'a'", "not%20".repeat(5000)).replace(' ', "%20");
    let expand = "parentaccountid($expand=";
    let cases = [
        ("$filter", brackets("name%20eq%20'a'")),
        ("$filter", "(".repeat(3 * DEEP_URL)),
        ("$filter", nots),
        ("$filter", "contains(".repeat(3000)),
        ("$filter", "contact_customer_accounts/any(c:".repeat(900)),
        ("$orderby", "parentaccountid/".repeat(1900)),
        (
            "$expand",
            format!("{}parentaccountid{}", expand.repeat(1000), ")".repeat(1000)),
        ),
        ("$apply", "filter(".repeat(4000)),
        (
            "$apply",
            format!("groupby({}name", "(".repeat(3 * DEEP_URL)),
        ),
        (
            "sql",
            format!(
                "SELECT%20name%20FROM%20account%20WHERE%20{}",
                brackets("name='a'")
            ),
        ),
        ("fetchXml", "%3Cfilter%3E".repeat(2500)),
    ];
    for (option, text) in cases {
        let path = format!("accounts?{option}={text}");
        refused(&mut lab, option, "GET", &path, &[], "");
    }
}

/// A GET inside of a batch has 64 KB, and a URL that is longer is refused as such; as much as a body takes is tried.
#[test]
fn a_hundred_thousand_brackets_in_a_batch_are_refused() {
    let mut lab = Lab::open();
    let kind = [("content-type", "multipart/mixed; boundary=b")];
    for (option, open) in [
        ("$filter", "("),
        ("$expand", "parentaccountid($expand="),
        ("fetchXml", "<filter>"),
        ("sql", "("),
    ] {
        let text = open.repeat(DEEP);
        let batch = format!(
            "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
             GET /api/data/v9.2/accounts?{option}={text} HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n--b--\r\n"
        );
        refused(&mut lab, option, "POST", "$batch", &kind, &batch);
    }
}

#[test]
fn deep_json_is_refused() {
    let mut lab = Lab::open();
    let json = [("content-type", "application/json")];
    let account = format!("accounts({ACCOUNT})");
    let lists = format!("{{\"name\":{}{}}}", "[".repeat(DEEP), "]".repeat(DEEP));
    let objects = format!(
        "{}1{}",
        "{\"primarycontactid\":".repeat(DEEP),
        "}".repeat(DEEP)
    );
    // As deep as the JSON reader goes: a chain of new rows, which the message itself must bound.
    let chain = format!(
        "{}{{}}{}",
        "{\"parentaccountid\":".repeat(120),
        "}".repeat(120)
    );
    for (method, path) in [("POST", "accounts"), ("PATCH", account.as_str())] {
        refused(&mut lab, "lists", method, path, &json, &lists);
        refused(&mut lab, "objects", method, path, &json, &objects);
    }
    let answer = lab.web_api("POST", "accounts", &json, chain.as_bytes());
    is_sane("a chain of new rows", &answer);
    lab.lives();
    let targets = format!("{{\"Targets\":{lists}}}");
    let multiple = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
    refused(&mut lab, "targets", "POST", multiple, &json, &targets);
}

#[test]
fn a_batch_in_a_batch_is_refused_at_any_depth() {
    let mut lab = Lab::open();
    let kind = [("content-type", "multipart/mixed; boundary=b")];
    let mut inner = String::new();
    for depth in 0..2000 {
        inner.push_str(&format!(
            "--b{depth}\r\nContent-Type: multipart/mixed; boundary=b{}\r\n\r\n",
            depth + 1
        ));
    }
    let body = inner.replacen("--b0", "--b", 1);
    refused(
        &mut lab,
        "change sets in change sets",
        "POST",
        "$batch",
        &kind,
        &body,
    );
    let own = "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".repeat(DEEP);
    refused(
        &mut lab,
        "the same boundary",
        "POST",
        "$batch",
        &kind,
        &format!("{own}--b--\r\n"),
    );
}

#[test]
fn deep_fault_rules_and_parameters_are_refused() {
    let mut lab = Lab::open();
    let deep = "%5B".repeat(DEEP_URL);
    for path in [
        format!("RetrieveTotalRecordCount(EntityNames=@p1)?@p1={deep}"),
        format!(
            "RetrieveMetadataChanges(Query=@p1)?@p1={}",
            "%7B%22Criteria%22:".repeat(1900)
        ),
        format!("accounts({}", "(".repeat(3 * DEEP_URL)),
    ] {
        refused(&mut lab, "a parameter", "GET", &path, &[], "");
    }
    let error: Json =
        serde_json::from_slice(&lab.web_api("GET", "accounts(", &[], b"").body).unwrap();
    assert!(error["error"]["message"].is_string(), "{error}");
}
