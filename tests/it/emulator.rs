//! The emulator over real sockets, held against the contract; only refusals and effects that a client can see.

mod apply;
mod associate;
pub mod batch;
mod bounds;
mod bulk_delete;
mod changes;
mod columns;
mod conditions;
mod contention;
mod control;
mod csdl;
mod deep_insert;
mod demo;
mod detection;
mod expand;
mod faults;
mod fetchxml;
mod filters;
mod keys;
mod limits;
mod lists;
mod messages;
mod metadata;
mod multiple;
mod nonsense;
mod organization;
mod pairs;
pub mod pipeline;
mod platforms;
mod properties;
mod security;
mod spelling;
mod sql;
mod tls;
mod tokens;
mod webhook;
mod writes;

/// A GUID that is told apart by its number, and whose SQL order is that of the numbers.
fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}
