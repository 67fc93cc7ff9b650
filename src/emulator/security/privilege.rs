//! The names of privileges: `prvReadAccount` and its like for each table, and those that belong to no table.
//!
//! The names are Dataverse's own but for `prvOverrideCreatedOnCreatedBy`, which is not confirmed (contract 14).

use uuid::Uuid;

use crate::emulator::schema::{Schema, Table};

pub(crate) const ACT_ON_BEHALF: &str = "prvActOnBehalfOfAnotherUser";
pub(crate) const BULK_DELETE: &str = "prvBulkDelete";
pub(crate) const BYPASS_LOGIC: &str = "prvBypassCustomBusinessLogic";
pub(crate) const BYPASS_PLUG_INS: &str = "prvBypassCustomPlugins";
pub(crate) const OVERRIDE_CREATED_ON: &str = "prvOverrideCreatedOnCreatedBy";
/// To change what tables look like.
pub(crate) const CUSTOMIZE: &str = "prvWriteEntity";

const WITHOUT_TABLE: [&str; 6] = [
    ACT_ON_BEHALF,
    BULK_DELETE,
    BYPASS_LOGIC,
    BYPASS_PLUG_INS,
    OVERRIDE_CREATED_ON,
    CUSTOMIZE,
];

/// What can be done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Create,
    Read,
    Write,
    Delete,
    /// To let it name another row.
    Append,
    /// To let another row name it.
    AppendTo,
    /// To give it to another owner.
    Assign,
}

const ALL: [Access; 7] = [
    Access::Create,
    Access::Read,
    Access::Write,
    Access::Delete,
    Access::Append,
    Access::AppendTo,
    Access::Assign,
];

impl Access {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Access::Create => "Create",
            Access::Read => "Read",
            Access::Write => "Write",
            Access::Delete => "Delete",
            Access::Append => "Append",
            Access::AppendTo => "AppendTo",
            Access::Assign => "Assign",
        }
    }
}

/// The privilege that something takes.
pub(crate) fn of(access: Access, table: &Table) -> String {
    let subject = match table.name {
        "systemuser" => "User",
        _ => table.schema_name,
    };
    format!("prv{}{subject}", access.name())
}

/// The privileges of a table, each with what it lets do.
pub(crate) fn of_table(table: &Table) -> impl Iterator<Item = (Access, String)> {
    ALL.into_iter().map(|access| (access, of(access, table)))
}

/// Every privilege that there is.
pub(crate) fn all(schema: &Schema) -> impl Iterator<Item = String> {
    let of_tables = schema.tables().flat_map(|(_, table)| of_table(table));
    let without = WITHOUT_TABLE.into_iter().map(str::to_owned);
    of_tables.map(|(_, name)| name).chain(without)
}

/// Whether there is such a privilege.
pub(crate) fn exists(schema: &Schema, name: &str) -> bool {
    all(schema).any(|own| own == name)
}

/// Its id, which is the same in every environment.
pub(crate) fn id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("privilege/{name}").as_bytes())
}
