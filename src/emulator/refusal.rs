//! Why a request is refused: status, Dataverse's code, text; one constructor for each refusal of contract section 10.
//!
//! Decides nothing: the operations choose, `reply.rs` puts it on the wire.

mod schema;
mod security;

use std::borrow::Cow;

use http::StatusCode;
use uuid::Uuid;

use super::schema::Table;

pub(crate) type Outcome<T> = Result<T, Refusal>;

/// An error in the shape that Dataverse gives it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// The step that refused, if one did.
    pub(crate) details: Option<Box<Details>>,
}

/// Which step refused; told to clients that ask for it (contract 8.2).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Details {
    pub(crate) step: Uuid,
    pub(crate) name: String,
    pub(crate) depth: u8,
}

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
    ) -> Refusal {
        Refusal {
            status,
            code: Cow::Borrowed(code),
            message: message.into(),
            details: None,
        }
    }

    fn bad(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// What this emulator does not do: said, never guessed.
    pub(crate) fn unsupported(feature: &str) -> Refusal {
        Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "0x80040315",
            format!("{feature} is not supported by this emulator yet"),
        )
    }

    pub(crate) fn method_not_allowed(method: &http::Method) -> Refusal {
        Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "0x8004023b",
            format!("The requested resource does not support http method '{method}'."),
        )
    }

    pub(crate) fn no_resource(uri: &str) -> Refusal {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "",
            format!("No HTTP resource was found that matches the request URI '{uri}'."),
        )
    }

    pub(crate) fn segment(segment: &str) -> Refusal {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "0x8006088a",
            format!("Resource not found for the segment '{segment}'."),
        )
    }

    pub(crate) fn row_missing(table: &Table, id: Uuid) -> Refusal {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "0x80040217",
            format!("{} With Id = {id} Does Not Exist", table.name),
        )
    }

    pub(crate) fn bind_missing(table: &Table, id: Uuid) -> Refusal {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "0x80040217",
            format!(
                "Entity '{}' With Id = {id} Does Not Exist",
                table.schema_name
            ),
        )
    }

    /// The same in a message for many rows (contract 2.9; the status is inferred).
    pub(crate) fn binds_missing(table: &Table, id: Uuid) -> Refusal {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "0x80040217",
            format!("{} With Ids = {id} Do Not Exist", table.schema_name),
        )
    }

    /// A key column stands both in `@odata.id` and in the body of a row to be made (contract 16.9).
    pub(crate) fn key_named_twice() -> Refusal {
        Refusal::bad("0x80040216", "An unexpected error occurred.")
    }

    pub(crate) fn key_missing(table: &Table) -> Refusal {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "0x80060891",
            format!(
                "A record with the specified key values does not exist in {} entity",
                table.name
            ),
        )
    }

    pub(crate) fn key_not_declared(table: &Table) -> Refusal {
        Refusal::url(format!(
            "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{}'. Ensure that the names \
             and number of key properties match the declared or alternate key properties for the resource \
             'Microsoft.Dynamics.CRM.{}'.",
            table.name, table.name
        ))
    }

    pub(crate) fn row_exists() -> Refusal {
        Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "0x80040237",
            "A record with matching key values already exists.",
        )
    }

    pub(crate) fn duplicates_found() -> Refusal {
        Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "0x80040333",
            "A record was not created or updated because a duplicate of the current record already exists.",
        )
    }

    pub(crate) fn key_taken(table: &Table, key: usize) -> Refusal {
        let (name, columns) = table.keys.get(key).map_or(("", String::new()), |key| {
            let columns: Vec<_> = key
                .columns
                .iter()
                .map(|&column| table.columns[column].name)
                .collect();
            (key.name.as_ref(), columns.join(", "))
        });
        Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "0x80060892",
            format!(
                "Entity Key {name} violated. A record with the same value for {columns} already exists. A duplicate \
                 record cannot be created. Select one or more unique values and try again."
            ),
        )
    }

    pub(crate) fn version_mismatch() -> Refusal {
        Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "0x80060882",
            "The version of the existing record doesn't match the RowVersion property provided.",
        )
    }

    /// A URL, bind or query that can't be read.
    pub(crate) fn url(message: impl Into<String>) -> Refusal {
        Refusal::bad("0x80060888", message)
    }

    pub(crate) fn query_option(name: &str) -> Refusal {
        Refusal::url(format!("The query parameter {name} is not supported"))
    }

    pub(crate) fn no_property(table: &str, name: &str) -> Refusal {
        Refusal::bad(
            "0x0",
            format!(
                "Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'."
            ),
        )
    }

    /// A body that can't be read as a row of the table.
    pub(crate) fn payload(table: &Table, inner: &str) -> Refusal {
        Refusal::bad(
            "0x80048d19",
            format!(
                "Error identified in Payload provided by the user for Entity :'{}', For more information on this \
                 error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  \
                 InnerException : Microsoft.OData.ODataException: {inner}",
                table.set
            ),
        )
    }

    /// A batch that can't be read; `inner` names the exception (contract 2.10).
    pub(crate) fn batch(inner: &str) -> Refusal {
        Refusal::bad(
            "0x80048d19",
            format!(
                "Error identified in Payload provided by the user for Entity :'', For more information on this error \
                 please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : \
                 {inner}"
            ),
        )
    }

    /// A Content-ID that no earlier request of the change set has (contract 5.1; the code is inferred).
    pub(crate) fn no_reference(id: &str) -> Refusal {
        Refusal::url(format!(
            "Content-ID Reference: '${id}' does not exist in the batch context."
        ))
    }

    pub(crate) fn too_long(table: &Table, column: &str, max: usize) -> Refusal {
        Refusal::bad(
            "0x80044331",
            format!(
                "A validation error occurred.  The length of the '{column}' attribute of the '{}' entity exceeded the \
                 maximum allowed length of '{max}'.",
                table.name
            ),
        )
    }

    pub(crate) fn out_of_range(table: &Table, column: &str) -> Refusal {
        Refusal::bad(
            "0x8004431a",
            format!(
                "A validation error occurred.  The value of '{column}' on record of type '{}' is outside the valid \
                 range.",
                table.name
            ),
        )
    }

    /// Code and words are not found in the contract: those of a status that does not fit are taken.
    pub(crate) fn transition(table: &Table, from: i64, to: i64) -> Refusal {
        Refusal::bad(
            "0x80048408",
            format!(
                "{to} is not a valid status code on {}: it can't be reached from the status code {from}.",
                table.name
            ),
        )
    }

    pub(crate) fn status_of_other_state(table: &Table, status: i64, state: i64) -> Refusal {
        Refusal::bad(
            "0x80048408",
            format!(
                "{status} is not a valid status code for state code {state} on {}.",
                table.name
            ),
        )
    }

    pub(crate) fn not_for_create(table: &Table, column: &str) -> Refusal {
        Refusal::bad(
            "0x80040203",
            format!(
                "The attribute '{column}' of the '{}' entity is not valid for create.",
                table.name
            ),
        )
    }

    pub(crate) fn required(table: &Table, column: &str) -> Refusal {
        Refusal::bad(
            "0x80040200",
            format!(
                "Required field '{column}' of the '{}' entity is missing or null.",
                table.name
            ),
        )
    }

    /// A message that Dataverse itself has for elastic tables only (contract 5.2; status and code are inferred).
    pub(crate) fn not_implemented(message: &str) -> Refusal {
        Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "0x80040315",
            format!("{message} has not yet been implemented."),
        )
    }

    /// A row that others refer to by a relationship that restricts its deletion (contract 2.4).
    pub(crate) fn is_referred_to() -> Refusal {
        Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "0x80040227",
            "The object you tried to delete is associated with another object and cannot be deleted.",
        )
    }

    /// An `InvalidPluginExecutionException`, with the status that it asks for (contract 8.2).
    pub(crate) fn plug_in(status: StatusCode, message: &str) -> Refusal {
        Refusal::new(status, "0x80040265", message)
    }

    /// A plug-in that takes longer than two minutes (contract 8.3; the status is inferred).
    pub(crate) fn plug_in_timeout() -> Refusal {
        Refusal::bad(
            "0x80044172",
            "The plug-in execution failed because the operation has timed-out at the Sandbox Host.",
        )
    }

    /// A synchronous webhook that failed (contract 15; status, code and words are inferred).
    pub(crate) fn webhook(problem: &str) -> Refusal {
        Refusal::bad("0x80040265", format!("The webhook call failed: {problem}."))
    }

    /// Steps that cause each other without end (contract 8.3; the status is inferred).
    pub(crate) fn too_deep() -> Refusal {
        Refusal::bad(
            "0x80044182",
            "This workflow job was canceled because the workflow that started it included an infinite loop. Correct \
             the workflow logic and try again.",
        )
    }

    pub(crate) fn argument(message: impl Into<String>) -> Refusal {
        Refusal::bad("0x80040203", message)
    }

    pub(crate) fn not_a_member() -> Refusal {
        Refusal::new(
            StatusCode::FORBIDDEN,
            "0x80072560",
            "The user is not a member of the organization.",
        )
    }

    pub(crate) fn too_large() -> Refusal {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "0x80040203",
            "The request body is larger than this service takes.",
        )
    }

    /// A token from before the oldest version that is still told (contract 4.4; the status is not found).
    pub(crate) fn expired_version_stamp() -> Refusal {
        Refusal::bad(
            "0x80044352",
            "Version stamp associated with the client has expired. Please perform a full sync.",
        )
    }

    /// A table without change tracking (contract 4.4; the status is not found).
    pub(crate) fn not_tracked(table: &Table) -> Refusal {
        Refusal::bad(
            "0x80072491",
            format!("Entity {} isn't enabled for change tracking.", table.name),
        )
    }

    /// More rows than can be totalled at once (contract 3.6; the status is inferred).
    pub(crate) fn aggregate_limit() -> Refusal {
        Refusal::bad(
            "0x8004E023",
            "The maximum record limit is exceeded. Reduce the number of records.",
        )
    }

    /// Another transaction kept the row for too long (contract 5.2; the status is inferred).
    pub(crate) fn lock_timeout() -> Refusal {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "0x80044151",
            "SQL timeout expired.",
        )
    }

    /// Two transactions each want what the other holds, and this is the later one (contract 5.2; the status is inferred).
    pub(crate) fn deadlock() -> Refusal {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "0x80044150",
            "Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 1205",
        )
    }

    pub(crate) fn broken(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "0x80040216", message)
    }
}
