//! A table from the text that describes it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

#[test]
fn a_table_is_put_together_from_its_three_answers() {
    let own = serde_json::from_str(
        r#"{"LogicalName":"account","EntitySetName":"accounts","PrimaryIdAttribute":"accountid",
        "PrimaryNameAttribute":"name","IsOptimisticConcurrencyEnabled":true,"MetadataId":"x",
        "Keys":[{"SchemaName":"code","KeyAttributes":["code"],"EntityKeyIndexStatus":"Pending"}]}"#,
    )
    .unwrap();
    let columns = serde_json::from_str(
        r#"{"value":[
        {"LogicalName":"name","AttributeType":"String","MaxLength":160,"RequiredLevel":{"Value":"ApplicationRequired"},
         "IsValidForCreate":true,"IsValidForUpdate":true},
        {"LogicalName":"customerid","AttributeType":"Customer","RequiredLevel":{"Value":"SystemRequired"},
         "IsValidForCreate":true,"IsValidForUpdate":true},
        {"LogicalName":"tags","AttributeType":"Virtual","AttributeTypeName":{"Value":"MultiSelectPicklistType"}},
        {"LogicalName":"photo","AttributeType":"Virtual","AttributeTypeName":{"Value":"ImageType"}},
        {"LogicalName":"born","AttributeType":"DateTime","Format":"DateOnly","DateTimeBehavior":{"Value":"DateOnly"}},
        {"LogicalName":"due","AttributeType":"DateTime","Format":"DateOnly","DateTimeBehavior":{"Value":"UserLocal"}},
        {"LogicalName":"active","AttributeType":"Boolean","DefaultValue":true},
        {"LogicalName":"rate","AttributeType":"Double","Precision":5},
        {"LogicalName":"revenue","AttributeType":"Money","Precision":4},
        {"LogicalName":"versionnumber","AttributeType":"BigInt","AttributeTypeName":null}]}"#,
    )
    .unwrap();
    let lookups = serde_json::from_str(
        r#"{"value":[
        {"ReferencingAttribute":"customerid","ReferencedEntity":"account","ReferencingEntityNavigationPropertyName":"customerid_account"},
        {"ReferencingAttribute":"customerid","ReferencedEntity":"contact","ReferencingEntityNavigationPropertyName":"customerid_contact"}]}"#,
    )
    .unwrap();
    let table = schema(own, columns, lookups).unwrap();
    assert_eq!(
        (table.set.as_str(), table.primary_id.as_str()),
        ("accounts", "accountid")
    );
    assert!(table.optimistic_concurrency);
    assert!(!table.keys[0].active, "its index is not built yet");
    let kind = |name: &str| {
        table
            .column(&ColumnName::new(name).unwrap())
            .map(|column| column.kind.clone())
    };
    assert_eq!(
        kind("name"),
        Some(ColumnType::Text {
            max_length: Some(160)
        })
    );
    assert_eq!(kind("tags"), Some(ColumnType::Choices));
    assert_eq!(
        kind("photo"),
        Some(ColumnType::Unsupported("Image".to_owned()))
    );
    assert_eq!(kind("born"), Some(ColumnType::Date));
    assert_eq!(kind("due"), Some(ColumnType::DateTime));
    assert_eq!(kind("active"), Some(ColumnType::Boolean { default: true }));
    assert_eq!(kind("rate"), Some(ColumnType::Decimal { precision: 5 }));
    assert_eq!(kind("versionnumber"), Some(ColumnType::Integer));
    let Some(ColumnType::Lookup { targets }) = kind("customerid") else {
        panic!("not a lookup");
    };
    let binds: Vec<&str> = targets.iter().map(|target| target.bind.as_str()).collect();
    assert_eq!(binds, ["customerid_account", "customerid_contact"]);
    let required = |name: &str| {
        table
            .column(&ColumnName::new(name).unwrap())
            .unwrap()
            .required
    };
    assert_eq!(required("customerid"), Requirement::Server);
    assert_eq!(required("name"), Requirement::Forms);
}

fn column(json: &str) -> Column {
    let own = serde_json::from_str(
        r#"{"LogicalName":"account","EntitySetName":"accounts","PrimaryIdAttribute":"accountid"}"#,
    );
    let columns = Listed {
        value: vec![serde_json::from_str(json).unwrap()],
    };
    let lookups = Listed { value: Vec::new() };
    let mut table = schema(own.unwrap(), columns, lookups).unwrap();
    table.columns.pop_first().unwrap().1
}

#[test]
fn where_values_come_from_is_told_by_source_type_and_its_like() {
    for (json, origin) in [
        (r#"{"LogicalName":"a","SourceType":0}"#, Origin::Written),
        (r#"{"LogicalName":"a","SourceType":1}"#, Origin::Calculated),
        (r#"{"LogicalName":"a","SourceType":2}"#, Origin::Rollup),
        (r#"{"LogicalName":"a","SourceType":3}"#, Origin::Formula),
        (
            r#"{"LogicalName":"aname","AttributeOf":"a"}"#,
            Origin::Composite,
        ),
        (r#"{"LogicalName":"address1_composite"}"#, Origin::Composite),
        (r#"{"LogicalName":"fullname"}"#, Origin::Composite),
        (
            r#"{"LogicalName":"a","AutoNumberFormat":"C-{SEQNUM:5}"}"#,
            Origin::AutoNumber,
        ),
        (
            r#"{"LogicalName":"a","AutoNumberFormat":"","SourceType":null}"#,
            Origin::Written,
        ),
    ] {
        assert_eq!(column(json).origin, origin, "{json}");
    }
    for (json, has_default) in [
        (
            r#"{"LogicalName":"a","AttributeType":"Picklist","DefaultFormValue":-1}"#,
            false,
        ),
        (
            r#"{"LogicalName":"a","AttributeType":"Picklist","DefaultFormValue":2}"#,
            true,
        ),
        (r#"{"LogicalName":"a","AttributeType":"Boolean"}"#, true),
        (r#"{"LogicalName":"a","AttributeType":"String"}"#, false),
    ] {
        assert_eq!(column(json).has_default, has_default, "{json}");
    }
}

#[test]
fn what_a_table_is_behind_its_face_is_told_by_its_type() {
    for (said, kind) in [
        (r#""TableType":"Standard""#, TableKind::Standard),
        (r#""TableType":"Virtual""#, TableKind::Virtual),
        (r#""TableType":"Elastic""#, TableKind::Elastic),
        (
            r#""DataProviderId":"7f6c0a4e-1b2c-4d5e-8f90-0123456789ab""#,
            TableKind::Virtual,
        ),
        (r#""IsActivity":true"#, TableKind::Activity),
        (r#""IsIntersect":true"#, TableKind::Intersect),
    ] {
        let json = format!(
            r#"{{"LogicalName":"a","EntitySetName":"as","PrimaryIdAttribute":"aid",{said}}}"#
        );
        assert_eq!(
            kind_of(&serde_json::from_str(&json).unwrap()),
            kind,
            "{said}"
        );
    }
}
