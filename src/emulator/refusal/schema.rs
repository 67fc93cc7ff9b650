//! The refusals that follow from the schema: messages that a table doesn't have, values, keys, metadata that isn't there.

use http::StatusCode;

use super::Refusal;
use crate::emulator::schema::Table;

impl Refusal {
    /// The table has no such message (`NotSupported`; its status is 405 by contract 1.5).
    pub(crate) fn message_not_supported(method: &http::Method, table: &Table) -> Refusal {
        let message = match method.as_str() {
            "POST" => "Create",
            "DELETE" => "Delete",
            _ => "Update",
        };
        Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "0x80040800",
            format!(
                "The '{message}' method does not support entities of type '{}'.",
                table.name
            ),
        )
    }

    /// A date before or behind those of SQL Server (`0x80040239`; status and code are inferred).
    pub(crate) fn date_out_of_range(table: &Table, column: &str) -> Refusal {
        Refusal::bad(
            "0x80040239",
            format!(
                "The date-time format for {column} of the '{}' entity is invalid, or value is outside the supported \
                 range.",
                table.name
            ),
        )
    }

    /// A body or parameter that can't be read as a type that is no table's.
    pub(crate) fn payload_of(kind: &str, inner: &str) -> Refusal {
        Refusal::bad(
            "0x80048d19",
            format!(
                "Error identified in Payload provided by the user for Entity :'{kind}', For more information on this \
                 error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  \
                 InnerException : Microsoft.OData.ODataException: {inner}"
            ),
        )
    }

    pub(crate) fn no_table(name: &str) -> Refusal {
        Refusal::bad(
            "0x80041102",
            format!("The entity with a name = '{name}' was not found in the MetadataCache."),
        )
    }

    pub(crate) fn no_attribute(table: &Table, name: &str) -> Refusal {
        Refusal::bad(
            "0x80041103",
            format!(
                "'{}' entity doesn't contain attribute with Name = '{name}'.",
                table.name
            ),
        )
    }

    /// A key that the table can't have (`InvalidEntityKeyOperation`; the status is inferred).
    pub(crate) fn key_operation(problem: &str) -> Refusal {
        Refusal::bad(
            "0x8006088F",
            format!("Invalid EntityKey Operation performed : {problem}"),
        )
    }

    /// `EntityKeyNameExists`; the status is inferred.
    pub(crate) fn key_name_taken(table: &Table, name: &str) -> Refusal {
        Refusal::bad(
            "0x80060893",
            format!(
                "An entity key with the name {name} already exists on entity {}.",
                table.name
            ),
        )
    }

    /// Only a failed index can be built again (contract 2.6; status and text are inferred).
    pub(crate) fn key_not_failed(name: &str) -> Refusal {
        Refusal::bad(
            "0x80060897",
            format!(
                "The entity key {name} can't be reactivated, because its index has not failed."
            ),
        )
    }
}
