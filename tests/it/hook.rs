//! The ensure hook on two emulated instances: what a ticket comes to with it, without it, and when something is wrong.

mod answers;
mod by_key;
pub mod commands;
mod health;
mod mapped;
mod orders;
mod registered;
mod support;
mod together;
