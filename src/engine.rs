//! The only owner of mutable state and of tasks. It probes, compares and repairs; it publishes one immutable
//! [`State`] and takes [`Command`]s. Console, agent and headless commands are equal users of these two.

pub mod command;
pub mod records;
pub mod state;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

pub use crate::dataverse::now;
pub use command::Command;
pub use state::State;

/// A running engine, as a frontend holds it: these two fields are the whole interface.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Where to ask. A full queue is a notice to show, never a reason to wait.
    pub commands: mpsc::Sender<Command>,
    /// Where to look: always the newest snapshot, never a backlog.
    pub states: watch::Receiver<Arc<State>>,
}
