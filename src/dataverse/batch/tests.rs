//! Batches as texts: what is put in comes out again, and nothing that a server sends is taken for an answer of ours.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::dataverse::write::testing;
use crate::domain::row::{ETag, RowId, Value};
use crate::domain::table::ColumnName;

fn endpoint() -> Endpoint {
    Endpoint::new("https://contoso.crm.dynamics.com").unwrap()
}

fn write(name: &str) -> Write {
    let id = RowId::new(Uuid::from_u128(7)).unwrap();
    let columns = vec![(
        ColumnName::new("name").unwrap(),
        Value::Text(name.to_owned()),
    )];
    let etag = ETag::new("W/\"915244\"").unwrap();
    Write::update(&testing::table(), id, etag, columns, &BTreeMap::new()).unwrap()
}

fn response(text: &str) -> Response<Bytes> {
    Response::builder()
        .header(CONTENT_TYPE, "multipart/mixed; boundary=batchresponse_aaaa")
        .body(Bytes::from(text.replace('\n', "\r\n")))
        .unwrap()
}

const TWO: &str = "--batchresponse_aaaa
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 204 No Content
OData-Version: 4.0


--batchresponse_aaaa
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 412 Precondition Failed
Content-Type: application/json; odata.metadata=minimal

{\"error\":{\"code\":\"0x80060882\",\"message\":\"The version of the existing record doesn't match\"}}
--batchresponse_aaaa--
";

#[test]
fn every_part_has_its_own_answer() {
    let answers = answers(&response(TWO), 2).unwrap();
    let statuses: Vec<u16> = answers.iter().map(|one| one.status().as_u16()).collect();
    assert_eq!(statuses, [204, 412]);
    assert!(answers[1].body().starts_with(b"{\"error\""));
    assert!(answers[1].body().ends_with(b"}}"));
}

#[test]
fn an_answer_that_is_not_whole_says_nothing_of_any_part() {
    for (text, parts) in [
        (TWO, 1),
        (TWO, 3),
        (TWO.trim_end().trim_end_matches('-'), 2),
        ("", 0),
        ("--batchresponse_aaaa--", 1),
        ("<html>--batchresponse_aaaa\n\n\n--batchresponse_aaaa--", 1),
    ] {
        assert!(
            answers(&response(text), parts).is_err(),
            "{parts} of {text:?}"
        );
    }
    let portal = Response::new(Bytes::from("<html>sign in</html>"));
    assert!(answers(&portal, 1).is_err());
}

proptest! {
    #[test]
    fn security_case_48_each_part_is_what_was_put_in(names in prop::collection::vec("(?s).{0,5}", 1..5)) {
        let writes: Vec<Write> = names.iter().map(|name| write(name)).collect();
        let batch = super::writes(&endpoint(), None, &writes).unwrap();
        let boundary = boundary(batch.headers()).unwrap();
        let parts = split(batch.body(), &boundary).unwrap();
        prop_assert_eq!(parts.len(), writes.len());
        for (part, name) in parts.into_iter().zip(&names) {
            let (from, to) = part;
            let inner = head_end(batch.body(), from, to).unwrap();
            let content = head_end(batch.body(), inner, to).unwrap();
            let head = std::str::from_utf8(&batch.body()[inner..content]).unwrap();
            let line = "PATCH /api/data/v9.2/accounts(00000000-0000-0000-0000-000000000007)?tag=tandem HTTP/1.1\r\n";
            prop_assert!(head.starts_with(line), "{}", head);
            prop_assert!(head.contains("if-match: W/\"915244\"\r\n"), "{}", head);
            let json: serde_json::Value = serde_json::from_slice(&batch.body()[content..to]).unwrap();
            prop_assert_eq!(json["name"].as_str(), Some(name.as_str()));
        }
    }

    #[test]
    fn nothing_that_a_server_sends_makes_it_panic(text in "(?s).{0,200}", parts in 0usize..4) {
        drop(answers(&response(&text), parts));
        drop(answers(&response(&format!("--batchresponse_aaaa{text}--batchresponse_aaaa--")), parts));
    }
}
