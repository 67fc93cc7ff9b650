//! The ensure hook on two emulated instances: what a ticket comes to with it, without it, and when something is wrong.

mod answers;
mod commands;
mod registered;
mod support;
