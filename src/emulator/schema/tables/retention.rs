//! The table of retention policies: which rows of a table are moved to the long-term store, where no query of the Web
//! API finds them. Nothing is moved here.

use super::super::column::{audit, id, memo, status, text};
use super::super::{Format, Required, Table, TableBase};
use super::table;

pub(super) fn policy() -> Table {
    let mut columns = vec![
        id("retentionconfigid"),
        text("name", 300).required(Required::System),
        text("uniquename", 128),
        text("entitylogicalname", 64)
            .format(Format::TableName)
            .required(Required::System),
        memo("criteria", 1_048_576),
    ];
    columns.extend(audit("retentionconfig"));
    columns.extend(status(
        &[(1, 0, "Active"), (2, 1, "Inactive")],
        &[(0, "Active"), (1, "Inactive")],
    ));
    Table::new(
        &TableBase {
            set: "retentionconfigs",
            label: "Retention Config",
            id: "retentionconfigid",
            ..table("retentionconfig", "RetentionConfig", 10_099)
        },
        columns,
        &[],
    )
}
