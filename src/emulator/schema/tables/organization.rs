//! The settings of the environment, and its currencies.

use super::super::column::{
    audit, boolean, choice, decimal, id, int, lookup, status, text, two_options,
};
use super::super::{Required, Table, TableBase, Writes};
use super::table;

pub(super) fn organization() -> Table {
    let mut columns = vec![
        id("organizationid"),
        text("name", 160).computed(),
        int("languagecode", 0, i64::from(i32::MAX)).computed(),
        int("localeid", 0, i64::from(i32::MAX)),
        lookup(
            "basecurrencyid",
            &[(
                "transactioncurrency",
                "basecurrencyid",
                "basecurrency_organization",
            )],
        )
        .computed(),
        int("expirechangetrackingindays", 0, 365),
        int("maxuploadfilesize", 0, 131_072),
        boolean("isauditenabled", false),
        choice(
            "fullnameconventioncode",
            &[
                (0, "Last Name, First Name"),
                (1, "First Name"),
                (2, "Last Name, First Name, Middle Initial"),
                (3, "First Name, Middle Initial, Last Name"),
                (4, "Last Name, First Name, Middle Name"),
                (5, "First Name, Middle Name, Last Name"),
                (6, "Last Name, space, First Name"),
                (7, "Last Name, no space, First Name"),
            ],
            Some(1),
        )
        .computed(),
        two_options("isdisabled", false, "No", "Yes").computed(),
    ];
    columns.extend(audit("organization"));
    Table::new(
        &TableBase {
            set: "organizations",
            id: "organizationid",
            writes: Writes::UpdateOnly,
            ..table("organization", "Organization", 1019)
        },
        columns,
        &[],
    )
}

pub(super) fn currency() -> Table {
    let mut columns = vec![
        id("transactioncurrencyid"),
        text("currencyname", 100).required(Required::System),
        text("isocurrencycode", 5)
            .required(Required::System)
            .create_only(),
        text("currencysymbol", 13).required(Required::System),
        int("currencyprecision", 0, 4).required(Required::System),
        decimal("exchangerate", 10, 0, 100_000_000_000).required(Required::System),
    ];
    columns.extend(audit("transactioncurrency"));
    columns.extend(status(
        &[(1, 0, "Active"), (2, 1, "Inactive")],
        &[(0, "Active"), (1, "Inactive")],
    ));
    Table::new(
        &TableBase {
            set: "transactioncurrencies",
            label: "Currency",
            id: "transactioncurrencyid",
            primary_name: "currencyname",
            ..table("transactioncurrency", "TransactionCurrency", 9105)
        },
        columns,
        &[],
    )
}
