//! The tables as data: what each group of them is for stands in a file of its own.
//!
//! Only a part of Dataverse's real columns; no behaviour.

mod automation;
mod business;
mod detection;
mod extension;
mod organization;
mod people;
mod retention;

use super::{Ownership, Table, TableBase, Writes};

/// A many-to-many relationship: name, intersect table, and each side with the column that holds its id.
pub(super) type Association = (
    &'static str,
    &'static str,
    [(&'static str, &'static str); 2],
);

pub(super) const MANY_TO_MANY: [Association; 3] = [
    (
        "systemuserroles_association",
        "systemuserroles",
        [("systemuser", "systemuserid"), ("role", "roleid")],
    ),
    (
        "teamroles_association",
        "teamroles",
        [("team", "teamid"), ("role", "roleid")],
    ),
    (
        "teammembership_association",
        "teammembership",
        [("team", "teamid"), ("systemuser", "systemuserid")],
    ),
];

/// All tables, those with business data first.
pub(super) fn all() -> Vec<Table> {
    vec![
        business::account(),
        business::contact(),
        business::incident(),
        people::system_user(),
        people::team(),
        people::business_unit(),
        people::role(),
        people::system_user_roles(),
        people::team_roles(),
        people::team_membership(),
        organization::organization(),
        organization::currency(),
        extension::message(),
        extension::message_filter(),
        extension::step(),
        extension::service_endpoint(),
        extension::plug_in_type(),
        detection::rule(),
        detection::condition(),
        retention::policy(),
        automation::asynchronous_operation(),
        automation::bulk_delete_operation(),
        automation::workflow(),
        automation::flow_run(),
    ]
}

/// What most tables have in common; set and id are each table's own.
fn table(name: &'static str, schema_name: &'static str, type_code: i32) -> TableBase {
    TableBase {
        name,
        schema_name,
        set: "",
        label: schema_name,
        type_code,
        id: "",
        primary_name: "name",
        writes: Writes::All,
        ownership: Ownership::Organization,
        change_tracking: false,
    }
}
