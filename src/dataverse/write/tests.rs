//! What a write says, and what it refuses to say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::{NaiveDate, TimeZone, Utc};

use super::testing::{column, id, lookup, sets, table};
use super::*;

fn update(columns: Vec<(&str, Value)>) -> Result<String, BadWrite> {
    let columns = columns
        .into_iter()
        .map(|(name, value)| (column(name), value));
    let version = ETag::new("W/\"1\"").unwrap();
    Write::update(&table(), id(), version, columns.collect(), &sets()).map(|write| write.json())
}

#[test]
fn every_type_is_said_as_the_service_reads_it() {
    let at = Utc.with_ymd_and_hms(2026, 11, 24, 3, 4, 5).unwrap();
    let day = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
    for (name, value, said) in [
        (
            "name",
            Value::Text("O\"B\n\u{1f600}".into()),
            r#"{"name":"O\"B\n😀"}"#,
        ),
        ("name", Value::Null, r#"{"name":null}"#),
        (
            "revenue",
            Value::Decimal("12345678901234567.8900".parse().unwrap()),
            r#"{"revenue":12345678901234567.8900}"#,
        ),
        ("revenue", Value::Integer(5), r#"{"revenue":5}"#),
        ("active", Value::Boolean(false), r#"{"active":false}"#),
        ("kind", Value::Integer(-1), r#"{"kind":-1}"#),
        ("tags", Value::Choices([3, 1].into()), r#"{"tags":"1,3"}"#),
        ("tags", Value::Choices([].into()), r#"{"tags":null}"#),
        (
            "seen",
            Value::DateTime(at),
            r#"{"seen":"2026-11-24T03:04:05Z"}"#,
        ),
        ("born", Value::Date(day), r#"{"born":"2026-11-24"}"#),
    ] {
        assert_eq!(update(vec![(name, value)]).as_deref(), Ok(said), "{name}");
    }
}

#[test]
fn a_lookup_goes_by_the_property_of_the_table_that_it_names() {
    let other = "11111111-1111-1111-1111-111111111111";
    let named = |table: &str| {
        let mut reference = lookup(other);
        reference.table = Some(TableName::new(table).unwrap());
        Value::Lookup(reference)
    };
    for (name, value, said) in [
        (
            "customerid",
            named("account"),
            Ok(format!(
                r#"{{"customerid_account@odata.bind":"/accounts({other})"}}"#
            )),
        ),
        (
            "customerid",
            named("contact"),
            Ok(format!(
                r#"{{"customerid_contact@odata.bind":"/contacts({other})"}}"#
            )),
        ),
        (
            "customerid",
            Value::Null,
            Ok(r#"{"customerid_account@odata.bind":null}"#.to_owned()),
        ),
        (
            "customerid",
            Value::Lookup(lookup(other)),
            Err(BadWrite::NotBindable(column("customerid"))),
        ),
        (
            "customerid",
            named("lead"),
            Err(BadWrite::NotBindable(column("customerid"))),
        ),
        (
            "primarycontactid",
            Value::Lookup(lookup(other)),
            Ok(format!(
                r#"{{"primarycontactid@odata.bind":"/contacts({other})"}}"#
            )),
        ),
        (
            "primarycontactid",
            Value::Text(other.into()),
            Err(BadWrite::WrongType(column("primarycontactid"))),
        ),
    ] {
        assert_eq!(update(vec![(name, value)]), said, "{name}");
    }
}

#[test]
fn what_the_table_does_not_take_is_refused_before_it_is_sent() {
    for (name, value, error) in [
        (
            "nonsense",
            Value::Null,
            BadWrite::NotWritable(column("nonsense")),
        ),
        (
            "accountid",
            Value::Null,
            BadWrite::NotWritable(column("accountid")),
        ),
        (
            "modifiedon",
            Value::Null,
            BadWrite::NotWritable(column("modifiedon")),
        ),
        (
            "name",
            Value::Integer(1),
            BadWrite::WrongType(column("name")),
        ),
        (
            "kind",
            Value::Text("1".into()),
            BadWrite::WrongType(column("kind")),
        ),
        (
            "photo",
            Value::Text("1".into()),
            BadWrite::WrongType(column("photo")),
        ),
        ("code", Value::Null, BadWrite::Required(column("code"))),
        (
            "name",
            Value::Text("👍".repeat(6)),
            BadWrite::TooLong {
                column: column("name"),
                length: 12,
                max: 10,
            },
        ),
    ] {
        assert_eq!(update(vec![(name, value)]), Err(error), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn security_case_46_what_is_addressed_by_a_key_never_holds_the_key(
        key in "[a-zA-Z0-9 '._-]{1,20}",
        name in "[a-z]{0,10}",
        parts in 1usize..3,
    ) {
        let columns = vec![
            (column("code"), Value::Text(key.as_str().into())),
            (column("name"), Value::Text(name.as_str().into())),
            (column("active"), Value::Boolean(false)),
        ];
        let names = [column("code"), column("name")];
        let key = &names[..parts];
        if let Some(write) = Write::create_by_key(&table(), key, &columns, &sets()) {
            let write = write.unwrap();
            let body: serde_json::Value = serde_json::from_str(&write.json()).unwrap();
            for name in key {
                proptest::prop_assert!(body.get(name.as_str()).is_none(), "{name}: {body}");
                let named = format!("{name}=");
                proptest::prop_assert!(write.address.contains(&named), "{}", write.address);
            }
            proptest::prop_assert_eq!(&body["active"], &serde_json::Value::Bool(false));
            proptest::prop_assert!(matches!(write.precondition, Precondition::Absent));
        }
    }
}
