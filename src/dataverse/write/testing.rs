//! A table for the tests of this folder.

use std::collections::BTreeMap;

use crate::domain::row::{Reference, RowId};
use crate::domain::table::{
    AlternateKey, Column, ColumnName, ColumnType, EntitySet, LookupTarget, Requirement, TableKind,
    TableName, TableSchema,
};

pub(in crate::dataverse) fn column(name: &str) -> ColumnName {
    ColumnName::new(name).unwrap_or_else(|error| panic!("{error}"))
}

fn named(name: &str) -> TableName {
    TableName::new(name).unwrap_or_else(|error| panic!("{error}"))
}

fn set(name: &str) -> EntitySet {
    EntitySet::new(name).unwrap_or_else(|error| panic!("{error}"))
}

pub(in crate::dataverse) fn id() -> RowId {
    RowId::parse("22222222-2222-2222-2222-222222222222").unwrap_or_else(|error| panic!("{error}"))
}

pub(in crate::dataverse) fn lookup(id: &str) -> Reference {
    Reference {
        table: None,
        id: RowId::parse(id).unwrap_or_else(|error| panic!("{error}")),
        name: None,
    }
}

pub(in crate::dataverse) fn sets() -> BTreeMap<TableName, EntitySet> {
    [
        (named("account"), set("accounts")),
        (named("contact"), set("contacts")),
    ]
    .into()
}

/// A table with one column of every type.
pub(in crate::dataverse) fn table() -> TableSchema {
    let target = |table: &str, bind: &str| LookupTarget {
        table: named(table),
        bind: bind.to_owned(),
    };
    let text = |max| ColumnType::Text {
        max_length: Some(max),
    };
    let columns = [
        ("accountid", ColumnType::Id),
        ("name", text(10)),
        ("code", text(20)),
        ("revenue", ColumnType::Money { precision: 4 }),
        ("active", ColumnType::Boolean { default: true }),
        ("kind", ColumnType::Choice),
        ("tags", ColumnType::Choices),
        ("seen", ColumnType::DateTime),
        ("born", ColumnType::Date),
        (
            "primarycontactid",
            ColumnType::Lookup {
                targets: vec![target("contact", "primarycontactid")],
            },
        ),
        (
            "customerid",
            ColumnType::Lookup {
                targets: vec![
                    target("account", "customerid_account"),
                    target("contact", "customerid_contact"),
                    target("lead", "customerid_lead"),
                ],
            },
        ),
        ("photo", ColumnType::Unsupported("Virtual".to_owned())),
        ("modifiedon", ColumnType::DateTime),
        (
            "modifiedby",
            ColumnType::Lookup {
                targets: vec![target("systemuser", "modifiedby")],
            },
        ),
    ];
    let columns = columns.map(|(name, kind)| {
        let required = if name == "code" {
            Requirement::Server
        } else {
            Requirement::Nobody
        };
        let described = Column {
            required,
            creatable: !name.starts_with("modified"),
            updatable: !name.starts_with("modified"),
            ..Column::new(column(name), kind)
        };
        (column(name), described)
    });
    TableSchema {
        name: named("account"),
        set: set("accounts"),
        primary_id: column("accountid"),
        primary_name: Some(column("name")),
        columns: columns.into(),
        keys: vec![AlternateKey {
            name: "code".to_owned(),
            columns: vec![column("code")],
            active: true,
        }],
        optimistic_concurrency: true,
        change_tracking: true,
        kind: TableKind::Standard,
    }
}
