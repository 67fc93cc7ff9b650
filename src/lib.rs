//! `tandem` keeps two Microsoft Dataverse environments consistent in the end, and shows the people on call how far
//! they are apart.
//!
//! A US instance owns accounts and contacts; a sync copies them to a Europe instance, which owns the tickets that refer
//! to them. When a copy is missing, a ticket is refused. So tandem *ensures* rows before they are referred to, *syncs*
//! what is pending, and *rehydrates* the stubs that were made in between; behind circuit breakers, with every write in a
//! journal first and read back after.
//!
//! # A tour of the house
//!
//! In reading order; each room may use only those above it (`tests/it/architecture.rs` holds them to it):
//!
//! - [`domain`]: what is decided. Drift, lag, health, plans, breakers, retries: pure functions of their arguments.
//! - [`config`]: what was configured, resolved and typed.
//! - [`dataverse`]: the Web API client. It knows OData and Dataverse, and nothing of links.
//! - [`journal`]: what was asked for, what was about to be sent, what came of it; on disk, append-only.
//! - [`engine`]: the one owner of state and tasks. It publishes a [`engine::State`], it takes [`engine::Command`]s.
//! - [`hook`]: the ensure pattern as a service. Dataverse calls it before it writes a row that refers to others.
//! - [`doctor`]: the configuration held against what it names. It looks, and writes nothing.
//! - [`emulator`]: two Dataverse instances on loopback, for the demo and the tests. It uses nothing of the above: it is
//!   the other end of the wire.
//! - [`cli`]: the headless commands, and what every command's exit code means.
//! - [`tui`]: the console.
//!
//! # How data flows
//!
//! ```text
//!  Dataverse ──HTTP──▶ dataverse ──▶ engine ──State (watch)──▶ tui, cli
//!      ▲                              │   ▲                      │
//!      └──────────── journal ◀────────┘   └──Command (mpsc)──────┘
//! ```
//!
//! From a key to HTTP: `tui::keymap` names the action, `tui::update` makes it a command, `engine::run` spawns the
//! repair, which appends its intent to the journal, and only then sends. From HTTP to the screen: the finished task's
//! event reaches `engine::writer`, which changes the state; the snapshot is published, the console draws it.
//!
//! # Invariants
//!
//! - No request that writes can be said without a precondition ([`dataverse::Write`]).
//! - Nothing is sent before its intent is in the journal; an outcome that isn't known is read back, never sent again
//!   blindly.
//! - The source of a link is never written: the engine asks only a target's client for a writer.
//! - There is one writer of the state, `engine::writer`. Frontends see snapshots, and cannot wait for the network.
//! - `domain` never asks what time it is, `tui::update` and the views neither.
//! - Text from a record passes [`domain::text::visible`] before it reaches a terminal.
//! - Nothing of tandem deletes a record; what it removes is its own registration ([`dataverse::Removal`]).

pub mod domain;

pub mod config;
pub mod dataverse;
pub mod journal;

pub mod engine;

pub mod hook;

pub mod doctor;

pub mod cli;
pub mod tui;

pub mod emulator;
