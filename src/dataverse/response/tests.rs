//! Answers as the contract prints them, and answers that no service should give.

use http::StatusCode;

use super::*;
use crate::domain::row::Value;
use crate::domain::table::{
    Column, ColumnName, ColumnType, EntitySet, LookupTarget, TableName, TableSchema,
};

pub(in crate::dataverse) fn accounts() -> TableSchema {
    let name = |text: &str| ColumnName::new(text).unwrap_or_else(|e| panic!("{e}"));
    let table = |text: &str| TableName::new(text).unwrap_or_else(|e| panic!("{e}"));
    let contact = LookupTarget {
        table: table("contact"),
        bind: "primarycontactid".into(),
    };
    let kinds = [
        ("accountid", ColumnType::Id),
        (
            "name",
            ColumnType::Text {
                max_length: Some(160),
            },
        ),
        (
            "accountnumber",
            ColumnType::Text {
                max_length: Some(20),
            },
        ),
        ("numberofemployees", ColumnType::Integer),
        ("revenue", ColumnType::Money { precision: 2 }),
        (
            "primarycontactid",
            ColumnType::Lookup {
                targets: vec![contact],
            },
        ),
        ("createdon", ColumnType::DateTime),
    ];
    let columns = kinds.into_iter().map(|(column, kind)| {
        let writable = column != "createdon";
        let column = Column {
            name: name(column),
            kind,
            required: false,
            creatable: writable,
            updatable: writable,
        };
        (column.name.clone(), column)
    });
    TableSchema {
        name: table("account"),
        set: EntitySet::new("accounts").unwrap_or_else(|e| panic!("{e}")),
        primary_id: name("accountid"),
        primary_name: Some(name("name")),
        columns: columns.collect(),
        keys: Vec::new(),
        optimistic_concurrency: true,
    }
}

pub(in crate::dataverse) fn columns(names: &[&str]) -> Vec<ColumnName> {
    names
        .iter()
        .map(|name| ColumnName::new(name).unwrap_or_else(|e| panic!("{e}")))
        .collect()
}

fn endpoint() -> Endpoint {
    Endpoint::new("https://o.crm.dynamics.com").unwrap_or_else(|e| panic!("{e}"))
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        let value = http::HeaderValue::from_str(value).unwrap_or_else(|e| panic!("{e}"));
        response.headers_mut().insert(name, value);
    }
    response
}

fn read(body: &str) -> Result<Page, Failure> {
    let names = columns(&["name", "numberofemployees", "revenue", "primarycontactid"]);
    page(
        &answer(200, &[], body),
        &Query::all(&accounts(), &names),
        &endpoint(),
    )
}

const ID: &str = "22222222-2222-4222-8222-222222222222";

#[test]
fn a_row_is_read_in_the_order_of_the_columns_that_were_asked_for() {
    let body = format!(
        r#"{{"@odata.context":"x","@odata.count":7,"value":[{{"@odata.etag":"W/\"81\"","revenue":0.1,"name":"A\u0026B",
        "accountid":"{ID}","_primarycontactid_value":"{ID}","numberofemployees":12,
        "_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"contact",
        "_primarycontactid_value@OData.Community.Display.V1.FormattedValue":"Ada L",
        "modifiedon":"2026-11-24T03:06:31Z","_modifiedby_value":"{ID}","_createdby_value":null,"extra":{{"x":[1]}}}}]}}"#
    );
    let page = read(&body).unwrap_or_else(|e| panic!("{e}"));
    let [row] = page.rows.as_slice() else {
        panic!("one row: {page:?}")
    };
    assert_eq!(page.count, Some(7));
    assert_eq!(
        row.etag.as_ref().map(crate::domain::row::ETag::as_str),
        Some("W/\"81\"")
    );
    assert_eq!(row.values[0], Value::Text("A&B".into()));
    assert_eq!(row.values[1], Value::Integer(12));
    assert_eq!(
        row.values[2].to_string(),
        "0.1",
        "without the noise of a float"
    );
    let Value::Lookup(contact) = &row.values[3] else {
        panic!("a lookup: {row:?}")
    };
    assert_eq!(
        contact.table.as_ref().map(TableName::as_str),
        Some("contact")
    );
    assert_eq!(contact.name.as_deref(), Some("Ada L"));
    assert!(row.modified_on.is_some() && row.modified_by.is_some() && row.created_by.is_none());
}

#[test]
fn a_bad_row_does_not_sink_its_page() {
    let body = format!(
        r#"{{"value":[{{"accountid":"{ID}","numberofemployees":"many"}},{{"name":"no id"}},{{"accountid":"{ID}"}}]}}"#
    );
    let page = read(&body).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((page.rows.len(), page.bad_rows.len()), (1, 2));
    assert_eq!(
        page.bad_rows[0].id.map(|id| id.to_string()).as_deref(),
        Some(ID)
    );
}

#[test]
fn fault_f6_and_f8_what_is_not_the_shape_is_never_an_empty_list() {
    for body in [
        "<html><body>Sign in to Contoso Wi-Fi</body></html>",
        r#"{"value":[{"accountid":"2222"#,
        r#"{"@odata.context":"x"}"#,
        r#"{"value":{}}"#,
        "[]",
        "null",
        "",
    ] {
        let failure = read(body).err();
        assert_eq!(
            failure.map(|failure| failure.class),
            Some(FailureClass::Unreadable),
            "{body}"
        );
    }
}

#[test]
fn security_case_18_deep_json_is_passed_over_and_numbers_out_of_range_are_refused() {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let deep = format!(r#"{{"value":[{{"accountid":"{ID}","extra":{open}{close}}}]}}"#);
    assert!(read(&deep).is_ok_and(|page| page.rows.len() + page.bad_rows.len() == 1));
    let deep = format!(r#"{{"value":[{{"accountid":"{ID}","name":{open}{close}}}]}}"#);
    assert!(read(&deep).map_or(true, |page| page.rows.is_empty()));
    let huge = format!(r#"{{"value":[{{"accountid":"{ID}","revenue":1e400}}]}}"#);
    assert!(read(&huge).map_or(true, |page| page.rows.is_empty()));
}

#[test]
fn an_error_answer_is_told_by_its_code() {
    let body = r#"{"error":{"code":"0x80060882","message":"The version of the existing record\u001b[2J doesn't match"}}"#;
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let headers = [
        ("x-ms-service-request-id", "5f0c2a91"),
        ("retry-after", "5"),
    ];
    let failure = checked(answer(412, &headers, body), now)
        .err()
        .unwrap_or_else(|| panic!("a failure"));
    assert_eq!(failure.class, FailureClass::PreconditionFailed);
    assert_eq!(failure.code, Some(ErrorCode::VERSION_MISMATCH));
    assert_eq!(failure.request_id.as_deref(), Some("5f0c2a91"));
    assert_eq!(failure.retry_after, Some(Duration::from_secs(5)));
    assert!(
        failure.message.contains("^[[2J"),
        "security case 31: {}",
        failure.message
    );
    let portal = checked(answer(503, &[], "<html>"), now)
        .err()
        .unwrap_or_else(|| panic!("a failure"));
    assert_eq!(
        (portal.class, portal.cause().as_str()),
        (FailureClass::Unavailable, "HTTP 503")
    );
    let moved = checked(
        answer(307, &[("location", "https://evil.example/")], ""),
        now,
    )
    .err();
    assert_eq!(
        moved.map(|failure| failure.class),
        Some(FailureClass::Unreadable),
        "security case 11"
    );
    let unsaid = checked(answer(429, &[], "{}"), now)
        .err()
        .and_then(|failure| failure.retry_after);
    assert_eq!(unsaid, Some(Duration::from_secs(60)), "fault F16");
}
