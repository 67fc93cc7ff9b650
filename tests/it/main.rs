//! The integration tests, one binary: a module for each face of the crate, and the harnesses they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::pedantic,
    missing_docs,
    reason = "a test fails by panicking, and is read by whoever made it fail"
)]

mod acting;
mod agent;
mod architecture;
mod beside;
mod bulk;
mod certificate;
mod cli;
mod client;
mod commands;
mod configuration;
mod confirmed;
mod crash;
mod credentials;
mod doctor;
mod documents;
mod emulator;
mod explain;
mod faults;
mod find;
mod flags;
mod fuzz;
mod hook;
mod identity;
mod impact;
mod incident;
mod init;
mod journal;
mod journeys;
mod manual;
mod network;
mod operators;
mod privileges;
mod protection;
mod readme;
mod real_data;
mod reconcile;
mod repair;
mod report;
mod retention;
mod supply;
mod support;
mod sync;
mod system;
mod terminal;
mod third_party;
mod three;
mod wire;
