//! The integration tests, one binary: a module for each face of the crate, and the harnesses they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::pedantic,
    missing_docs,
    reason = "a test fails by panicking, and is read by whoever made it fail"
)]

mod architecture;
mod cli;
mod client;
mod commands;
mod crash;
mod emulator;
mod fuzz;
mod readme;
mod repair;
mod support;
mod sync;
mod terminal;
mod third_party;
mod wire;
