//! Waiting for the engine: until its state says that something is so, or until somebody has had enough.

use std::sync::Arc;
use std::time::Duration;

use super::interrupt::Interrupts;
use crate::domain::health::Health;
use crate::domain::run::Backend;
use crate::engine::state::{InstanceState, LinkState, TableState};
use crate::engine::{Engine, State};

/// Why waiting ended without what was waited for.
#[derive(Debug)]
pub enum Stopped {
    /// By a person.
    Interrupted,
    /// It took too long; this is what is known.
    TimedOut(Arc<State>),
    /// The engine is gone, which it never is by itself.
    EngineGone,
}

/// Waits until the state is as wanted. Every state that is looked at goes through `is_there`, newest last.
pub async fn until(
    engine: &Engine,
    interrupts: &mut Interrupts,
    timeout: Option<Duration>,
    mut is_there: impl FnMut(&Arc<State>) -> bool,
) -> Result<Arc<State>, Stopped> {
    let mut states = engine.states.clone();
    let patience = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let arrived = async {
        loop {
            // The state is taken out at once: a lock that is held would keep the engine from publishing the next.
            let state = Arc::clone(&states.borrow_and_update());
            if is_there(&state) {
                return Ok(state);
            }
            if states.changed().await.is_err() {
                return Err(Stopped::EngineGone);
            }
        }
    };
    tokio::select! {
        biased;
        () = interrupts.next() => Err(Stopped::Interrupted),
        arrived = arrived => arrived,
        () = patience => Err(Stopped::TimedOut(Arc::clone(&engine.states.borrow()))),
    }
}

/// Whether it is known how an instance is: it answered, failed twice, or is stopped by an order.
pub fn is_probed(instance: &InstanceState) -> bool {
    instance.health != Health::Unknown || instance.forced().is_some()
}

/// Whether an instance can't be used, and has said or shown so.
pub fn is_lost(instance: &InstanceState) -> bool {
    matches!(
        instance.health,
        Health::Down | Health::CutOff | Health::Refused
    )
}

/// Whether a table was compared, or it is known why it can't be.
pub fn is_compared(state: &State, table: &TableState) -> bool {
    let Some(link) = state.links.get(table.link) else {
        return true;
    };
    let blocked = ends(state, link).any(|end| is_probed(end) && !end.is_readable());
    table.compared.is_some() || table.failure.is_some() || link.fault.is_some() || blocked
}

/// Whether the runs of a link's sync were listed, or it is known why they can't be.
pub fn is_listed(link: &LinkState) -> bool {
    let sync = &link.sync;
    let has_list = sync.backend != Backend::BuiltIn && sync.backend.why_unlisted().is_none();
    !has_list || sync.list.is_some() || sync.unlisted.is_some()
}

/// Both instances of a link.
pub fn ends<'a>(
    state: &'a State,
    link: &LinkState,
) -> impl Iterator<Item = &'a InstanceState> + use<'a> {
    let places = [link.source, link.target];
    places
        .into_iter()
        .filter_map(|place| state.instances.get(place))
}
