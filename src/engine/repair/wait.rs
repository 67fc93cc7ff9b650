//! Waiting for an instance: it goes on by itself, can be taken back, and lapses in the end.

use std::time::Duration;

use super::{Patience, Repair, Stop};
use crate::dataverse::now;
use crate::domain::breaker::Class;
use crate::engine::event::Event;
use crate::engine::state::Waiting;

/// How often a breaker that is held open by an order is looked at again.
const LOOK: Duration = Duration::from_millis(250);

impl Repair {
    /// Whether a write would be sent now.
    pub(super) fn is_writable(&self) -> bool {
        self.ends.target.held_back(now()).is_none()
    }

    /// Waits until the target can be read and written to, as long as that is allowed.
    pub(super) async fn until_writable(&self) -> Result<(), Stop> {
        let mut is_waiting = false;
        let result = loop {
            if self.shutdown.is_cancelled() {
                break Err(Stop::Shutdown);
            }
            if self.ended.token.is_cancelled() {
                break Err(Stop::Abandon(self.ended.reason()));
            }
            let at = now();
            let Some(held) = self.held_back() else {
                break Ok(());
            };
            match self.patience {
                Patience::None if held.is_breaker => break Err(Stop::Abandon(held.why)),
                Patience::Until(lapses) if at.wall >= lapses => {
                    break Err(Stop::Abandon(format!("lapsed: {}", held.why)));
                }
                Patience::None | Patience::Until(_) => {}
            }
            is_waiting = true;
            let lapses = match self.patience {
                Patience::Until(lapses) => Some(lapses),
                Patience::None => None,
            };
            let waiting = Waiting {
                instance: held.instance,
                why: held.why,
                until: held.until,
                lapses,
            };
            self.tell(Event::Waits {
                operation: self.request.id,
                waiting: Some(waiting),
            })
            .await;
            self.sleep().await;
        };
        if is_waiting {
            self.tell(Event::Waits {
                operation: self.request.id,
                waiting: None,
            })
            .await;
        }
        result
    }

    /// Waits until the target can be read; a read-back is owed, so that only the end of the process breaks it off.
    pub(super) async fn until_readable(&self) -> Result<(), Stop> {
        while self.target_is_unreadable() {
            if self.shutdown.is_cancelled() {
                return Err(Stop::Shutdown);
            }
            self.sleep().await;
        }
        Ok(())
    }

    fn target_is_unreadable(&self) -> bool {
        let at = now();
        let status = self.ends.target.reader().status(at);
        let is_open = |class| {
            status
                .breakers
                .iter()
                .any(|breaker| breaker.class == class && !breaker.is_closed())
        };
        is_open(Class::Read)
    }

    fn held_back(&self) -> Option<Held> {
        let at = now();
        for (instance, reader, name) in [
            (self.link.config.source, &self.ends.source, "source"),
            (self.link.config.target, self.ends.target.reader(), "target"),
        ] {
            let status = reader.status(at);
            if let Some(open) = status
                .breakers
                .iter()
                .find(|b| b.class == Class::Read && !b.is_closed())
            {
                let why = format!(
                    "the {name} can't be read: read breaker {}",
                    open.phase.word()
                );
                return Some(Held {
                    instance,
                    why,
                    until: until(&open.phase),
                    is_breaker: true,
                });
            }
        }
        let held = self.ends.target.held_back(at)?;
        let is_breaker = held.is_breaker;
        Some(Held {
            instance: self.link.config.target,
            why: held.why,
            until: held.until,
            is_breaker,
        })
    }

    async fn sleep(&self) {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = self.ended.token.cancelled() => {}
            () = self.shutdown.cancelled() => {}
        }
    }
}

struct Held {
    instance: usize,
    why: String,
    until: Option<crate::domain::time::Now>,
    is_breaker: bool,
}

fn until(phase: &crate::domain::breaker::Phase) -> Option<crate::domain::time::Now> {
    match phase {
        crate::domain::breaker::Phase::Open { until } => Some(*until),
        _ => None,
    }
}
