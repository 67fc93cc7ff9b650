//! The tables of the business: account, contact, incident.

use super::super::column::{
    audit, boolean, choice, choices, currency, customer, date, decimal, double, id, int, lookup,
    memo, migrated, money, money_base, owner, status, text, time, two_options,
};
use super::super::{Column, Format, Ownership, Required, Table, TableBase};
use super::table;

const ACTIVE_OR_NOT: &[(i64, &str)] = &[(0, "Active"), (1, "Inactive")];
const ACTIVE_OR_NOT_REASONS: &[(i64, i64, &str)] = &[(1, 0, "Active"), (2, 1, "Inactive")];
const METHODS: &[(i64, &str)] = &[
    (1, "Any"),
    (2, "Email"),
    (3, "Phone"),
    (4, "Fax"),
    (5, "Mail"),
];

pub(super) fn account() -> Table {
    let mut columns = vec![
        id("accountid"),
        text("name", 160).required(Required::Application),
        text("accountnumber", 20),
        lookup(
            "primarycontactid",
            &[("contact", "primarycontactid", "account_primary_contact")],
        ),
        lookup(
            "parentaccountid",
            &[("account", "parentaccountid", "account_parent_account")],
        ),
        text("telephone1", 50).format(Format::Phone),
        text("emailaddress1", 100).format(Format::Email),
        text("websiteurl", 200).format(Format::Url),
        text("address1_line1", 250),
        text("address1_city", 80),
        text("address1_stateorprovince", 50),
        text("address1_postalcode", 20),
        text("address1_country", 80),
        memo("address1_composite", 1000).computed(),
        double("address1_latitude", 5, -90, 90),
        double("address1_longitude", 5, -180, 180),
        int("numberofemployees", 0, 1_000_000_000),
        money("revenue", 2),
        money_base("revenue_base"),
        money("creditlimit", 2),
        money_base("creditlimit_base"),
        decimal("new_creditshare", 4, -100_000_000_000, 100_000_000_000).calculated(),
        decimal("new_discount", 2, 0, 100),
        int("new_visitduration", 0, 1_000_000).format(Format::Duration),
        choices("new_serviceregions", REGIONS).global("new_region"),
        time("new_auditon").format(Format::TimeZoneIndependent),
        choice("customertypecode", CUSTOMER_TYPES, None),
        choice(
            "accountcategorycode",
            &[(1, "Preferred Customer"), (2, "Standard")],
            None,
        ),
        choice("industrycode", INDUSTRIES, None),
        choice(
            "ownershipcode",
            &[
                (1, "Public"),
                (2, "Private"),
                (3, "Subsidiary"),
                (4, "Other"),
            ],
            None,
        ),
        choice("preferredcontactmethodcode", METHODS, Some(1)),
        text("sic", 20),
        text("tickersymbol", 10),
        text("stockexchange", 20),
        boolean("creditonhold", false),
        two_options("donotemail", false, "Allow", "Do Not Allow"),
        two_options("donotphone", false, "Allow", "Do Not Allow"),
        two_options("donotbulkemail", false, "Allow", "Do Not Allow"),
        time("lastonholdtime"),
        int("onholdtime", i64::from(i32::MIN), i64::from(i32::MAX)).computed(),
        memo("description", 2000),
    ];
    columns.extend(currency("transactioncurrency_account"));
    columns.extend(owned(
        "account",
        "accounts",
        ACTIVE_OR_NOT_REASONS,
        ACTIVE_OR_NOT,
    ));
    Table::new(
        &TableBase {
            set: "accounts",
            id: "accountid",
            ..business("account", "Account", 1)
        },
        columns,
        &[("account_number_key", &["accountnumber"])],
    )
}

pub(super) fn contact() -> Table {
    let mut columns = vec![
        id("contactid"),
        text("fullname", 160).computed(),
        text("salutation", 100),
        text("firstname", 50).required(Required::Recommended),
        text("middlename", 50),
        text("lastname", 50).required(Required::Application),
        text("jobtitle", 100),
        text("emailaddress1", 100).format(Format::Email),
        text("telephone1", 50).format(Format::Phone),
        text("mobilephone", 50).format(Format::Phone),
        text("address1_line1", 250),
        text("address1_city", 80),
        text("address1_stateorprovince", 50),
        text("address1_postalcode", 20),
        text("address1_country", 80),
        memo("address1_composite", 1000).computed(),
        customer(
            "parentcustomerid",
            ["parentcustomerid_account", "parentcustomerid_contact"],
            "contact_customer",
        ),
        date("birthdate"),
        date("anniversary"),
        choice("gendercode", &[(1, "Male"), (2, "Female")], None),
        choice(
            "familystatuscode",
            &[
                (1, "Single"),
                (2, "Married"),
                (3, "Divorced"),
                (4, "Widowed"),
            ],
            None,
        ),
        int("numberofchildren", 0, 1_000_000_000),
        text("governmentid", 50).privileged(),
        money("creditlimit", 2),
        money_base("creditlimit_base"),
        choice("preferredcontactmethodcode", METHODS, Some(1)),
        memo("description", 2000),
        two_options("donotemail", false, "Allow", "Do Not Allow"),
        two_options("donotphone", false, "Allow", "Do Not Allow"),
    ];
    columns.extend(currency("transactioncurrency_contact"));
    columns.extend(owned(
        "contact",
        "contacts",
        ACTIVE_OR_NOT_REASONS,
        ACTIVE_OR_NOT,
    ));
    Table::new(
        &TableBase {
            set: "contacts",
            id: "contactid",
            primary_name: "fullname",
            ..business("contact", "Contact", 2)
        },
        columns,
        &[],
    )
}

pub(super) fn incident() -> Table {
    let mut columns = vec![
        id("incidentid"),
        text("title", 200).required(Required::Application),
        text("ticketnumber", 100)
            .create_only()
            .numbered("CAS-{SEQNUM:5}-{RANDSTRING:6}"),
        customer(
            "customerid",
            ["customerid_account", "customerid_contact"],
            "incident_customer",
        )
        .required(Required::System),
        lookup(
            "primarycontactid",
            &[("contact", "primarycontactid", "contact_as_primary_contact")],
        ),
        lookup(
            "responsiblecontactid",
            &[(
                "contact",
                "responsiblecontactid",
                "contact_as_responsible_contact",
            )],
        ),
        lookup(
            "parentcaseid",
            &[("incident", "parentcaseid", "incident_parent_incident")],
        ),
        choice(
            "prioritycode",
            &[(1, "High"), (2, "Normal"), (3, "Low")],
            Some(2),
        ),
        choice("severitycode", &[(1, "Default Value")], Some(1)),
        choice(
            "casetypecode",
            &[(1, "Question"), (2, "Problem"), (3, "Request")],
            None,
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
        choice(
            "customersatisfactioncode",
            &[
                (5, "Very Satisfied"),
                (4, "Satisfied"),
                (3, "Neutral"),
                (2, "Dissatisfied"),
                (1, "Very Dissatisfied"),
            ],
            None,
        ),
        text("productserialnumber", 100),
        time("followupby"),
        time("resolveby"),
        time("escalatedon").computed(),
        time("lastonholdtime"),
        memo("description", 2000),
        boolean("isescalated", false),
    ];
    columns.extend(currency("TransactionCurrency_Incident"));
    columns.extend(owned(
        "incident",
        "incidents",
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
            set: "incidents",
            label: "Case",
            id: "incidentid",
            primary_name: "title",
            ..business("incident", "Incident", 112)
        },
        columns,
        &[],
    )
}

fn business(name: &'static str, schema_name: &'static str, type_code: i32) -> TableBase {
    TableBase {
        ownership: Ownership::User,
        change_tracking: true,
        ..table(name, schema_name, type_code)
    }
}

/// The columns of a business table that a user or team owns.
fn owned(
    name: &str,
    plural: &str,
    statuses: &'static [(i64, i64, &'static str)],
    states: &'static [(i64, &'static str)],
) -> Vec<Column> {
    let mut columns = audit(&format!("{name}base"));
    columns.extend(status(statuses, states));
    columns.extend(owner(plural));
    columns.extend(migrated());
    columns
}

const REGIONS: &[(i64, &str)] = &[
    (100_000_000, "North"),
    (100_000_001, "East"),
    (100_000_002, "South"),
    (100_000_003, "West"),
];

const CUSTOMER_TYPES: &[(i64, &str)] = &[
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
];

const INDUSTRIES: &[(i64, &str)] = &[
    (1, "Accounting"),
    (2, "Agriculture and Non-petrol Natural Resource Extraction"),
    (3, "Broadcasting Printing and Publishing"),
    (4, "Brokers"),
    (5, "Building Supply Retail"),
    (6, "Business Services"),
    (7, "Consulting"),
    (8, "Consumer Services"),
    (9, "Design, Direction and Creative Management"),
    (10, "Distributors, Dispatchers and Processors"),
    (11, "Doctor's Offices and Clinics"),
    (12, "Durable Manufacturing"),
    (13, "Eating and Drinking Places"),
    (14, "Entertainment Retail"),
    (15, "Equipment Rental and Leasing"),
    (16, "Financial"),
    (17, "Food and Tobacco Processing"),
    (18, "Inbound Capital Intensive Processing"),
    (19, "Inbound Repair and Services"),
    (20, "Insurance"),
    (21, "Legal Services"),
    (22, "Non-Durable Merchandise Retail"),
    (23, "Outbound Consumer Service"),
    (24, "Petrochemical Extraction and Distribution"),
    (25, "Service Retail"),
    (26, "SIG Affiliations"),
    (27, "Social Services"),
    (28, "Special Outbound Trade Contractors"),
    (29, "Specialty Realty"),
    (30, "Transportation"),
    (31, "Utility Creation and Distribution"),
    (32, "Vehicle Retail"),
    (33, "Wholesale"),
];
