//! The console, after the Elm architecture: one [`Model`](model::Model), one list of [`Message`](message::Message)s,
//! one pure [`update`](update::update), and views that are functions of the model and the time.
//!
//! ```text
//!   terminal ─▶ Message ─▶ update(&mut Model, Message, now) ─▶ Effect ─▶ engine, terminal, list worker
//!   engine   ─▶                       │
//!   worker   ─▶                       ▼
//!                          view(&Model, now) ─▶ cells
//! ```
//!
//! Invariants: [`run()`] and [`run_plain`], which talks in lines instead of drawing, alone wait and do I/O. The model keeps
//! view state only: what is true of the instances stands in the engine's snapshot. Nothing that writes is asked for unless it was armed and confirmed by a person. Keys,
//! hints, help, palette and the README's table all come from the one registry in [`action`].

pub mod message;
pub mod model;
pub mod update;

pub mod action;
pub mod commands;
pub mod fuzzy;
pub mod keymap;

pub mod cause;
pub mod listing;
pub mod order;
pub mod prose;
pub mod related;
pub mod terms;
pub mod verdict;

pub mod goal;
pub mod handover;
pub mod svg;

pub mod view;

pub mod ascii;
pub mod canvas;
pub mod format;
pub mod layout;
pub mod paint;
pub mod theme;

mod bundle;
mod errands;
mod files;
mod plain;
mod run;
mod terminal;

pub use bundle::{BundleOptions, write_bundle};
pub use errands::HookSwitch;
pub use goal::Goal;
pub use keymap::Keymap;
pub use plain::run as run_plain;
pub use run::{Options, RunError, is_dumb, run};
pub use theme::Theme;

#[cfg(test)]
mod tests;
