//! Taking old entries out of the journal, once a day, by whoever looks after it: the agent, or a console beside none.

use std::time::Duration;

use super::Run;
use crate::domain::time::Now;
use crate::engine::audit;
use crate::engine::event::Event;
use crate::journal::SessionInfo;

/// How often it is looked whether that has been done within a day.
const LOOK: Duration = Duration::from_secs(3600);

impl Run {
    pub(super) fn prune_when_due(&mut self, at: Now) {
        let Some(keep) = self.config.keep.filter(|_| self.journal.is_some()) else {
            return;
        };
        let looked = self.looked_for_old.replace(at);
        if looked.is_some_and(|looked| at.since(looked) < LOOK) {
            self.looked_for_old = looked;
            return;
        }
        let (state, events) = (self.config.state.clone(), self.events.clone());
        let opener = SessionInfo {
            who: self.options.who.clone(),
            host: self.options.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: at,
        };
        self.background.spawn_blocking(move || {
            let pruned = audit::keep_no_longer(&state, &opener, keep);
            let Some(pruned) = pruned.map_err(|error| error.to_string()).transpose() else {
                return;
            };
            // The engine is gone when this fails, and this task with it.
            let _ended = events.blocking_send(Event::Pruned { keep, pruned });
        });
    }
}
