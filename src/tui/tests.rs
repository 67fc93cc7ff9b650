//! The console without a terminal: keys in, screens and commands out. Screens are compared with the plain files in
//! `snapshots/`; `TANDEM_UPDATE=1` writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test may fail by panicking, and a fixture is a long list"
)]

mod arming;
mod comfort;
mod complaints;
mod driver;
mod fixture;
mod goal;
mod incident;
mod keys;
mod links;
mod lists;
mod matrix;
mod paint;
mod pictures;
mod properties;
mod screens;
mod support;
mod verbs;
mod verdicts;
mod views;
