//! Rows from text, as the service writes it and as it should not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;

use super::scalar::{decimal, whole_second};
use super::*;
use crate::dataverse::write::testing::{column, lookup, table};
use crate::domain::drift::{CompareRules, ComparedColumn};
use crate::domain::row::{ETag, Reference, Value};
use crate::domain::table::TableName;

fn shape(columns: &[&str]) -> RowShape {
    let columns: Vec<ColumnName> = columns.iter().map(|name| column(name)).collect();
    RowShape::of(&table(), &columns)
}

const ID: &str = "22222222-2222-2222-2222-222222222222";
const OTHER: &str = "11111111-1111-1111-1111-111111111111";

#[test]
fn values_stand_in_the_order_that_was_asked_for() {
    let shape = shape(&[
        "revenue",
        "name",
        "primarycontactid",
        "customerid",
        "born",
        "active",
        "tags",
    ]);
    assert_eq!(
        shape.select(),
        "revenue,name,_primarycontactid_value,_customerid_value,born,active,tags,modifiedon,_modifiedby_value"
    );
    let row = shape
        .read(&format!(
            r#"{{"@odata.etag":"W/\"536530\"","name":"Ac\u006De","accountid":"{ID}","tags":"3,1","extra":{{"a":[1]}},
            "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"contact","_customerid_value":"{OTHER}",
            "_primarycontactid_value@OData.Community.Display.V1.FormattedValue":"Ada L",
            "_primarycontactid_value":"{OTHER}","revenue":12345678901234567.8901,"born":"2016-09-28","active":true,
            "modifiedon":"2016-09-28T22:57:53Z","_modifiedby_value":"{OTHER}",
            "_modifiedby_value@OData.Community.Display.V1.FormattedValue":"Sync"}}"#
        ))
        .unwrap();
    let named = |table: &str, name: Option<&str>| {
        Value::Lookup(Reference {
            table: TableName::new(table).ok(),
            id: RowId::parse(OTHER).unwrap(),
            name: name.map(str::to_owned),
        })
    };
    assert_eq!(
        row.values,
        [
            Value::Decimal("12345678901234567.8901".parse().unwrap()),
            Value::Text("Acme".to_owned()),
            named("contact", Some("Ada L")),
            named("contact", None),
            Value::Date(NaiveDate::from_ymd_opt(2016, 9, 28).unwrap()),
            Value::Boolean(true),
            Value::Choices([1, 3].into()),
        ]
    );
    assert_eq!(row.id.to_string(), ID);
    assert_eq!(row.etag.as_ref().map(ETag::as_str), Some("W/\"536530\""));
    assert_eq!(
        row.modified_on.map(|at| at.timestamp()),
        Some(1_475_103_473)
    );
    assert_eq!(
        row.modified_by.and_then(|who| who.name).as_deref(),
        Some("Sync")
    );
    assert_eq!(lookup(OTHER).id, RowId::parse(OTHER).unwrap());
}

#[test]
fn a_decimal_is_what_the_text_says() {
    for (text, number) in [
        ("0.1", "0.1"),
        ("100000000000.0000000001", "100000000000.0000000001"),
        ("-5", "-5"),
        ("1.5E3", "1500"),
        ("5e-3", "0.005"),
    ] {
        assert_eq!(
            decimal(text).unwrap(),
            number.parse::<Decimal>().unwrap(),
            "{text}"
        );
    }
    for text in ["1e400", "\"1\"", "true", "[1]", ""] {
        assert!(decimal(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_not_a_row_says_why() {
    let shape = shape(&["name"]);
    let good = format!(r#""accountid":"{ID}","name":"a""#);
    for (case, json, why) in [
        (
            "no id",
            r#"{"name":"a"}"#.to_owned(),
            "a row without its id",
        ),
        (
            "an empty id",
            r#"{"accountid":"00000000-0000-0000-0000-000000000000","name":"a"}"#.to_owned(),
            "not an id",
        ),
        (
            "a missing column",
            format!(r#"{{"accountid":"{ID}"}}"#),
            "asked for and is not there",
        ),
        (
            "a number for a text",
            format!(r#"{{"accountid":"{ID}","name":1}}"#),
            "not a text",
        ),
        (
            "a column twice",
            format!(r#"{{{good},"name":"b"}}"#),
            "stands there twice",
        ),
        (
            "a tree",
            format!(r#"{{{good},"modifiedon":{{}}}}"#),
            "not a text",
        ),
        ("a list", "[]".to_owned(), "expected a row"),
        ("null", "null".to_owned(), "expected a row"),
        ("a cut row", format!("{{{good}"), "EOF"),
    ] {
        let told = shape.read(&json).unwrap_err();
        assert!(told.contains(why), "{case}: {told}");
    }
    assert_eq!(
        shape
            .id_of(&format!(r#"{{"contactid":"{OTHER}","accountid":"{ID}"}}"#))
            .map(|id| id.to_string())
            .as_deref(),
        Some(ID)
    );
    assert_eq!(shape.id_of("{"), None);
}

#[test]
fn the_primary_id_may_be_a_column_of_its_own() {
    let shape = shape(&["accountid"]);
    let row = shape.read(&format!(r#"{{"accountid":"{ID}"}}"#)).unwrap();
    assert_eq!(
        (row.id.to_string().as_str(), row.values),
        (ID, vec![Value::Text(ID.to_owned())])
    );
}

#[test]
fn security_case_43_a_column_that_the_table_does_not_have_is_named() {
    assert_eq!(
        shape(&["name", "nonsense"]).unreadable(),
        Some(&column("nonsense"))
    );
    assert_eq!(shape(&["photo"]).unreadable(), Some(&column("photo")));
    assert_eq!(shape(&["name"]).unreadable(), None);
}

#[test]
fn rows_may_differ_in_what_they_have_and_in_its_order() {
    let shape = shape(&["name", "revenue", "active"]);
    let mut reader = shape.reader();
    let rows = [
        format!(r#"{{"name":"A","revenue":1.5,"active":true,"accountid":"{ID}"}}"#),
        format!(r#"{{"accountid":"{OTHER}","active":false,"more":{{}},"revenue":2,"name":"B"}}"#),
        format!(
            r#"{{"more":1,"name":"C","a":1,"b":2,"c":3,"d":4,"e":5,"revenue":null,"active":null,"accountid":"{ID}"}}"#
        ),
        format!(r#"{{"name":"D","revenue":4,"active":true,"accountid":"{OTHER}"}}"#),
    ];
    for row in rows {
        assert_eq!(reader.read(&row), shape.read(&row));
        assert!(shape.read(&row).is_ok());
    }
    assert!(
        reader
            .read(&format!(r#"{{"name":"E","accountid":"{ID}"}}"#))
            .is_err()
    );
}

#[test]
fn the_checksum_of_a_row_is_that_of_its_values_however_they_stand_there() {
    let columns = [
        "revenue",
        "name",
        "primarycontactid",
        "customerid",
        "born",
        "active",
        "tags",
    ];
    let rules = CompareRules {
        columns: columns
            .iter()
            .filter_map(|name| table().column(&column(name)).cloned())
            .map(|column| ComparedColumn::new(column.name, column.kind))
            .collect(),
        ..CompareRules::default()
    };
    assert_eq!(rules.columns.len(), columns.len());
    let sums = Checksums::new(&rules, 5);
    let shape = shape(&columns);
    let mut reader = shape.reader();
    let row = format!(
        r#"{{"@odata.etag":"W/\"1\"","revenue":1.50,"name":"Ac\u006De","_primarycontactid_value":"{OTHER}","_customerid_value":null,
        "born":"2016-09-28","active":true,"tags":"3,1","accountid":"{ID}","modifiedon":"2016-09-28T22:57:53Z"}}"#
    );
    let again = format!(
        r#"{{"accountid":"{ID}","tags":"1,3","active":true,"born":"2016-09-28","_customerid_value":null,
        "_primarycontactid_value":"{OTHER}","name":"Acme","revenue":1.5}}"#
    );
    let expected = sums.of(&shape.read(&row).unwrap());
    let sum = |reader: &mut RowReader<'_>, json: &str| reader.sum(json, &sums);
    assert_eq!(
        sum(&mut reader, &row),
        Ok((RowId::parse(ID).unwrap(), expected))
    );
    assert_eq!(
        sum(&mut reader, &again),
        Ok((RowId::parse(ID).unwrap(), expected))
    );
    for other in [
        ("1.50", "1.51"),
        ("true", "false"),
        ("2016-09-28\"", "2016-09-29\""),
        ("3,1", "3"),
    ] {
        let other = sum(&mut reader, &row.replace(other.0, other.1));
        assert_ne!(other.unwrap().1, expected);
    }
    for (json, why) in [
        (
            row.replace("\"tags\":\"3,1\",", ""),
            "tags: it was asked for",
        ),
        (
            row.replace("\"active\":true", "\"active\":1"),
            "neither true nor false",
        ),
        (row.replace("\"active\":true", "\"name\":\"x\""), "twice"),
        (row.replace(ID, ""), "not an id"),
    ] {
        let told = sum(&mut reader, &json).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

proptest::proptest! {
    #[test]
    fn a_moment_is_the_same_whichever_way_it_is_read(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z") {
        let parsed = DateTime::parse_from_rfc3339(&text).ok().map(|at| at.to_utc());
        if let Some(at) = whole_second(&text) {
            proptest::prop_assert_eq!(Some(at), parsed);
        } else {
            // A leap second is all that is left for the longer way.
            proptest::prop_assert!(parsed.is_none() || text.contains(":60Z"));
        }
    }

    #[test]
    fn no_text_makes_it_panic(json in ".{0,200}", tail in "[\"{}:,\\\\a-z0-9.@_-]{0,60}") {
        let shape = shape(&["name", "revenue", "customerid"]);
        let _any = shape.read(&json);
        let _any = shape.read(&format!("{{\"accountid\":\"{ID}\",\"revenue\":{tail}"));
        let _any = shape.id_of(&json);
    }
}
