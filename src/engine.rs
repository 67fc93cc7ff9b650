//! The only owner of mutable state and of tasks. It probes, compares and repairs; it publishes one immutable
//! [`State`] and takes [`Command`]s. Console, agent and headless commands are equal users of these two.
//!
//! ```text
//!   Command ──▶ run ──spawns──▶ probe, reconcile, repair, sync ──Event──▶ run ──▶ writer ──▶ State ──watch──▶ frontends
//! ```

pub mod audit;
pub mod command;
pub mod explain;
pub mod find;
pub mod fitness;
pub mod gates;
pub mod impact;
pub mod least;
pub mod maintenance;
pub mod notes;
pub mod orders;
pub mod records;
pub mod report;
pub mod state;
pub mod stub;

mod alerts;
mod event;
mod evidence;
mod follow;
mod live;
mod writer;

mod run;
mod start;

mod fit;
mod hooked;
mod identity;
mod link;
mod pace;
mod probe;
mod reading;
mod reconcile;
mod repair;
mod sync;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

pub use crate::dataverse::{SignIn, now, sign_in, take_in_secrets};
pub use crate::journal::{AgentLock, NotTheAgent};
pub use alerts::at_a_glance;
pub use command::Command;
pub use hooked::RefusedReference;
pub use pace::next_second;
pub use run::start;
pub(crate) use start::of_instance;
pub use start::{Depth, Options, Running, StartError};
pub use state::State;

/// How long arming lasts unless a person says otherwise.
pub const ARMED_FOR: Duration = Duration::from_secs(15 * 60);

/// A running engine, as a frontend holds it: these two fields are the whole interface.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Where to ask. A full queue is a notice to show, never a reason to wait.
    pub commands: mpsc::Sender<Command>,
    /// Where to look: always the newest snapshot, never a backlog.
    pub states: watch::Receiver<Arc<State>>,
}
