//! Queries over joined tables: what `FetchXML`, SQL and `$apply` all become.
//!
//! A plan joins, filters and orders; `aggregate.rs` groups; `shown.rs` writes values. The languages are read elsewhere.

pub(crate) mod aggregate;
pub(crate) mod join;
pub(crate) mod plan;
pub(crate) mod shown;
