//! The tables of who may do what: users, teams, business units, roles, and who has which.

use super::super::column::{
    audit, boolean, choice, column, id, identifier, lookup, memo, text, two_options,
};
use super::super::{Format, Kind, Ownership, Required, Table, TableBase, Writes};
use super::table;

pub(super) fn system_user() -> Table {
    let mut columns = vec![
        id("systemuserid"),
        text("fullname", 200).computed(),
        text("firstname", 256).required(Required::Recommended),
        text("lastname", 256).required(Required::Recommended),
        text("domainname", 1024),
        text("title", 128),
        identifier("applicationid").create_only(),
        identifier("azureactivedirectoryobjectid").computed(),
        text("internalemailaddress", 100).format(Format::Email),
        two_options("isdisabled", false, "Enabled", "Disabled"),
        choice(
            "accessmode",
            &[
                (0, "Read-Write"),
                (1, "Administrative"),
                (2, "Read"),
                (3, "Support User"),
                (4, "Non-interactive"),
                (5, "Delegated Admin"),
            ],
            Some(0),
        ),
        unit("business_unit_system_users").required(Required::System),
    ];
    columns.extend(audit("systemuser"));
    Table::new(
        &TableBase {
            set: "systemusers",
            label: "User",
            id: "systemuserid",
            primary_name: "fullname",
            writes: Writes::CreateAndUpdate,
            ownership: Ownership::BusinessUnit,
            ..table("systemuser", "SystemUser", 8)
        },
        columns,
        &[],
    )
}

pub(super) fn team() -> Table {
    let mut columns = vec![
        id("teamid"),
        text("name", 160).required(Required::System),
        memo("description", 2000),
        boolean("isdefault", false).computed(),
        choice(
            "teamtype",
            &[
                (0, "Owner"),
                (1, "Access"),
                (2, "Security Group"),
                (3, "Office Group"),
            ],
            Some(0),
        )
        .create_only(),
        identifier("azureactivedirectoryobjectid").create_only(),
        lookup(
            "administratorid",
            &[(
                "systemuser",
                "administratorid",
                "lk_teambase_administratorid",
            )],
        ),
        unit("business_unit_teams"),
    ];
    columns.extend(audit("team"));
    Table::new(
        &TableBase {
            set: "teams",
            id: "teamid",
            ownership: Ownership::BusinessUnit,
            ..table("team", "Team", 9)
        },
        columns,
        &[],
    )
}

pub(super) fn business_unit() -> Table {
    let mut columns = vec![
        id("businessunitid"),
        text("name", 160).required(Required::System),
        memo("description", 2000),
        two_options("isdisabled", false, "No", "Yes").computed(),
        lookup(
            "parentbusinessunitid",
            &[(
                "businessunit",
                "parentbusinessunitid",
                "business_unit_parent_business_unit",
            )],
        ),
    ];
    columns.extend(audit("businessunit"));
    Table::new(
        &TableBase {
            set: "businessunits",
            label: "Business Unit",
            id: "businessunitid",
            ownership: Ownership::BusinessUnit,
            ..table("businessunit", "BusinessUnit", 10)
        },
        columns,
        &[],
    )
}

pub(super) fn role() -> Table {
    let mut columns = vec![
        id("roleid"),
        text("name", 100).required(Required::System),
        identifier("roletemplateid").computed(),
        choice(
            "isinherited",
            &[
                (0, "Team privileges only"),
                (1, "Direct User (Basic) access level and Team privileges"),
            ],
            Some(1),
        ),
        unit("business_unit_roles").required(Required::System),
    ];
    columns.extend(audit("role"));
    Table::new(
        &TableBase {
            set: "roles",
            label: "Security Role",
            id: "roleid",
            ownership: Ownership::BusinessUnit,
            ..table("role", "Role", 1036)
        },
        columns,
        &[],
    )
}

pub(super) fn system_user_roles() -> Table {
    intersect(
        "systemuserroles",
        "SystemUserRoles",
        15,
        ["systemuserroleid", "systemuserid", "roleid"],
        "systemuserrolescollection",
    )
}

pub(super) fn team_roles() -> Table {
    intersect(
        "teamroles",
        "TeamRoles",
        40,
        ["teamroleid", "teamid", "roleid"],
        "teamrolescollection",
    )
}

pub(super) fn team_membership() -> Table {
    intersect(
        "teammembership",
        "TeamMembership",
        23,
        ["teammembershipid", "teamid", "systemuserid"],
        "teammemberships",
    )
}

/// The table of a many-to-many relationship: its rows come and go by associating.
fn intersect(
    name: &'static str,
    schema_name: &'static str,
    type_code: i32,
    [own, first, second]: [&'static str; 3],
    set: &'static str,
) -> Table {
    let columns = vec![
        id(own),
        identifier(first).required(Required::System).computed(),
        identifier(second).required(Required::System).computed(),
        column("versionnumber", Kind::BigInt).computed(),
    ];
    Table::new(
        &TableBase {
            set,
            id: own,
            primary_name: own,
            writes: Writes::Nothing,
            ownership: Ownership::None,
            ..table(name, schema_name, type_code)
        },
        columns,
        &[],
    )
}

fn unit(relationship: &str) -> super::super::Column {
    lookup(
        "businessunitid",
        &[("businessunit", "businessunitid", relationship)],
    )
    .restricting()
}
