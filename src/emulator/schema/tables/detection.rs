//! The tables of duplicate detection: rules, and the conditions that all must hold for one of them (contract 2.11).
//!
//! The contract knows the header and the refusal only; the columns are those of Dataverse's reference as far as rules
//! without fuzzy matching need them (inferred).

use super::super::column::{audit, boolean, choice, id, int, lookup, status, text};
use super::super::{Format, Required, Table, TableBase};
use super::table;

pub(super) fn rule() -> Table {
    let mut columns = vec![
        id("duplicateruleid"),
        text("name", 160).required(Required::System),
        text("description", 2000),
        text("baseentityname", 64)
            .format(Format::TableName)
            .required(Required::System),
        text("matchingentityname", 64)
            .format(Format::TableName)
            .required(Required::System),
        boolean("iscasesensitive", false),
        boolean("excludeinactiverecords", false),
    ];
    columns.extend(audit("duplicaterule"));
    columns.extend(status(
        &[
            (0, 0, "Unpublished"),
            (1, 0, "Publishing"),
            (2, 1, "Published"),
        ],
        &[(0, "Inactive"), (1, "Active")],
    ));
    Table::new(
        &TableBase {
            set: "duplicaterules",
            label: "Duplicate Detection Rule",
            id: "duplicateruleid",
            ..table("duplicaterule", "DuplicateRule", 4414)
        },
        columns,
        &[],
    )
}

pub(super) fn condition() -> Table {
    let mut columns = vec![
        id("duplicateruleconditionid"),
        text("baseattributename", 50).required(Required::System),
        text("matchingattributename", 50).required(Required::System),
        choice(
            "operatorcode",
            &[
                (0, "Exact Match"),
                (1, "Same First Characters"),
                (2, "Same Last Characters"),
                (3, "Same Date"),
                (4, "Same Date and Time"),
            ],
            Some(0),
        ),
        int("operatorparam", 1, 1000),
        lookup(
            "regardingobjectid",
            &[(
                "duplicaterule",
                "regardingobjectid_duplicaterule",
                "DuplicateRule_DuplicateRuleConditions",
            )],
        )
        .required(Required::System),
    ];
    columns.extend(audit("duplicaterulecondition"));
    Table::new(
        &TableBase {
            set: "duplicateruleconditions",
            label: "Duplicate Rule Condition",
            id: "duplicateruleconditionid",
            primary_name: "baseattributename",
            ..table("duplicaterulecondition", "DuplicateRuleCondition", 4416)
        },
        columns,
        &[],
    )
}
