//! Orders to stop an instance, which stand in the journal of a shared state folder: the hook's own breakers follow them
//! (reliability 2.1), so that tickets pass unensured instead of waiting for what a person has stopped.

use std::collections::HashMap;
use std::time::Duration;

use super::clients::Clients;
use crate::dataverse::now;
use crate::domain::breaker::Forced;
use crate::domain::state_folder::StateFolder;
use crate::engine::orders::in_force;

/// An order is followed within a second.
const LOOK: Duration = Duration::from_millis(500);

/// The orders of one state folder, and those that were followed last.
#[derive(Debug)]
pub(super) struct Orders {
    state: StateFolder,
    followed: HashMap<String, Forced>,
    /// Whether they could not be read the last time.
    is_blind: bool,
}

impl Orders {
    pub(super) fn new(state: StateFolder) -> Self {
        Self {
            state,
            followed: HashMap::new(),
            is_blind: false,
        }
    }

    /// Looks once, and follows what has changed.
    pub(super) async fn look(&mut self, clients: &Clients) {
        let orders: HashMap<String, Forced> = match in_force(&self.state).await {
            Ok(orders) => {
                self.is_blind = false;
                orders.into_iter().collect()
            }
            Err(why) => {
                if !self.is_blind {
                    tracing::warn!(why, "the orders can't be read: the last ones hold");
                }
                self.is_blind = true;
                return;
            }
        };
        for (name, reader) in clients.named() {
            match (orders.get(name), self.followed.get(name)) {
                (Some(order), known) if known != Some(order) => {
                    tracing::warn!(instance = name, by = %order.by, reason = %order.reason, "stopped");
                    reader.force_open(order, now());
                }
                (None, Some(order)) => {
                    tracing::info!(instance = name, by = %order.by, "no longer stopped");
                    // It may have run out by itself.
                    let _released = reader.release("another process", now());
                }
                _ => {}
            }
        }
        self.followed = orders;
    }

    /// Follows orders for ever.
    pub(super) async fn follow(mut self, clients: &Clients) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look(clients).await;
        }
    }
}
