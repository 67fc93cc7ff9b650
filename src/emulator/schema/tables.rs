//! The demo's tables as data: account, contact, incident, and the read-only tables that their lookups name.
//!
//! Only a part of Dataverse's real columns; no behaviour.

use super::column::{
    audit, boolean, choice, customer, id, identifier, int, lookup, memo, money, owned, text,
};
use super::{Required, Table, TableBase};

/// All tables, the writable ones first.
pub(super) fn demo() -> Vec<Table> {
    vec![
        account(),
        contact(),
        incident(),
        system_user(),
        team(),
        business_unit(),
        currency(),
    ]
}

fn account() -> Table {
    let mut columns = vec![
        id("accountid"),
        text("name", 160).required(Required::Application),
        text("accountnumber", 20),
        lookup("primarycontactid", &[("contact", "primarycontactid")]),
        lookup("parentaccountid", &[("account", "parentaccountid")]),
        text("telephone1", 50),
        text("emailaddress1", 100),
        text("websiteurl", 200),
        text("address1_line1", 250),
        text("address1_city", 80),
        text("address1_stateorprovince", 50),
        text("address1_postalcode", 20),
        text("address1_country", 80),
        memo("address1_composite", 1000).computed(),
        int("numberofemployees", 0, 1_000_000_000),
        money("revenue", 2),
        lookup(
            "transactioncurrencyid",
            &[("transactioncurrency", "transactioncurrencyid")],
        ),
        choice(
            "customertypecode",
            &[
                (1, "Competitor"),
                (2, "Consultant"),
                (3, "Customer"),
                (4, "Investor"),
                (5, "Partner"),
                (6, "Influencer"),
                (7, "Press"),
                (8, "Prospect"),
                (9, "Reseller"),
                (10, "Supplier"),
                (11, "Vendor"),
                (12, "Other"),
            ],
            None,
        ),
        boolean("creditonhold", false),
        memo("description", 2000),
    ];
    columns.extend(owned(
        &[(1, 0, "Active"), (2, 1, "Inactive")],
        &[(0, "Active"), (1, "Inactive")],
    ));
    Table::new(
        &TableBase {
            name: "account",
            schema_name: "Account",
            set: "accounts",
            label: "Account",
            type_code: 1,
            id: "accountid",
            primary_name: "name",
            read_only: false,
        },
        columns,
        &[("account_number_key", &["accountnumber"])],
    )
}

fn contact() -> Table {
    let mut columns = vec![
        id("contactid"),
        text("fullname", 160).computed(),
        text("firstname", 50).required(Required::Recommended),
        text("lastname", 50).required(Required::Application),
        text("jobtitle", 100),
        text("emailaddress1", 100),
        text("telephone1", 50),
        text("mobilephone", 50),
        text("address1_city", 80),
        customer(
            "parentcustomerid",
            "parentcustomerid_account",
            "parentcustomerid_contact",
        ),
        memo("description", 2000),
        boolean("donotemail", false),
    ];
    columns.extend(owned(
        &[(1, 0, "Active"), (2, 1, "Inactive")],
        &[(0, "Active"), (1, "Inactive")],
    ));
    Table::new(
        &TableBase {
            name: "contact",
            schema_name: "Contact",
            set: "contacts",
            label: "Contact",
            type_code: 2,
            id: "contactid",
            primary_name: "fullname",
            read_only: false,
        },
        columns,
        &[],
    )
}

fn incident() -> Table {
    let mut columns = vec![
        id("incidentid"),
        text("title", 200).required(Required::Application),
        text("ticketnumber", 100).computed(),
        customer("customerid", "customerid_account", "customerid_contact")
            .required(Required::System),
        lookup("primarycontactid", &[("contact", "primarycontactid")]),
        lookup(
            "responsiblecontactid",
            &[("contact", "responsiblecontactid")],
        ),
        choice(
            "prioritycode",
            &[(1, "High"), (2, "Normal"), (3, "Low")],
            Some(2),
        ),
        choice(
            "caseorigincode",
            &[
                (1, "Phone"),
                (2, "Email"),
                (3, "Web"),
                (2483, "Facebook"),
                (3986, "Twitter"),
            ],
            None,
        ),
        memo("description", 2000),
        boolean("isescalated", false),
    ];
    columns.extend(owned(
        &[
            (1, 0, "In Progress"),
            (2, 0, "On Hold"),
            (3, 0, "Waiting for Details"),
            (4, 0, "Researching"),
            (5, 1, "Problem Solved"),
            (1000, 1, "Information Provided"),
            (6, 2, "Canceled"),
            (2000, 2, "Merged"),
        ],
        &[(0, "Active"), (1, "Resolved"), (2, "Canceled")],
    ));
    Table::new(
        &TableBase {
            name: "incident",
            schema_name: "Incident",
            set: "incidents",
            label: "Case",
            type_code: 112,
            id: "incidentid",
            primary_name: "title",
            read_only: false,
        },
        columns,
        &[],
    )
}

fn system_user() -> Table {
    let mut columns = vec![
        id("systemuserid"),
        text("fullname", 200).computed(),
        text("domainname", 1024),
        identifier("applicationid"),
        text("internalemailaddress", 100),
        boolean("isdisabled", false),
        lookup("businessunitid", &[("businessunit", "businessunitid")]),
    ];
    columns.extend(audit());
    Table::new(
        &read_only("systemuser", "SystemUser", "User", 8, "fullname"),
        columns,
        &[],
    )
}

fn team() -> Table {
    let mut columns = vec![id("teamid"), text("name", 160), boolean("isdefault", false)];
    columns.extend(audit());
    Table::new(&read_only("team", "Team", "Team", 9, "name"), columns, &[])
}

fn business_unit() -> Table {
    let mut columns = vec![id("businessunitid"), text("name", 160)];
    columns.extend(audit());
    Table::new(
        &read_only("businessunit", "BusinessUnit", "Business Unit", 10, "name"),
        columns,
        &[],
    )
}

fn currency() -> Table {
    let mut columns = vec![
        id("transactioncurrencyid"),
        text("currencyname", 100),
        text("isocurrencycode", 5),
        text("currencysymbol", 13),
        int("currencyprecision", 0, 4),
    ];
    columns.extend(audit());
    Table::new(
        &TableBase {
            set: "transactioncurrencies",
            ..read_only(
                "transactioncurrency",
                "TransactionCurrency",
                "Currency",
                9105,
                "currencyname",
            )
        },
        columns,
        &[],
    )
}

fn read_only(
    name: &'static str,
    schema_name: &'static str,
    label: &'static str,
    type_code: i32,
    primary_name: &'static str,
) -> TableBase {
    let (id, set) = match name {
        "systemuser" => ("systemuserid", "systemusers"),
        "team" => ("teamid", "teams"),
        "businessunit" => ("businessunitid", "businessunits"),
        _ => ("transactioncurrencyid", "transactioncurrencies"),
    };
    TableBase {
        name,
        schema_name,
        set,
        label,
        type_code,
        id,
        primary_name,
        read_only: true,
    }
}
