//! The rows by which an instance calls tandem: a service endpoint and its steps. They are tandem's own, and the only
//! rows that it ever removes; a [`Removal`] can name no record.

use crate::domain::row::{ETag, RowId};
use crate::domain::table::{BadName, TableName};

/// A table that registrations stand in (contract 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// `serviceendpoint`: where and how to call.
    ServiceEndpoint,
    /// `sdkmessageprocessingstep`: upon which message.
    Step,
}

impl Registered {
    /// Its logical name.
    pub fn table(self) -> Result<TableName, BadName> {
        TableName::new(match self {
            Self::ServiceEndpoint => "serviceendpoint",
            Self::Step => "sdkmessageprocessingstep",
        })
    }

    /// Its name in URLs.
    pub(super) fn set(self) -> &'static str {
        match self {
            Self::ServiceEndpoint => "serviceendpoints",
            Self::Step => "sdkmessageprocessingsteps",
        }
    }
}

/// The removal of one registration, as long as it has the version that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Where it stands.
    pub table: Registered,
    /// Its id.
    pub id: RowId,
    /// The version that was read.
    pub version: ETag,
}
