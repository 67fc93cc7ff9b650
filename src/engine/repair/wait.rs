//! Waiting for an instance: it goes on by itself, can be taken back, and lapses in the end.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Patience, Repair, Stop};
use crate::dataverse::{Reader, now};
use crate::domain::breaker::{BreakerStatus, Class, Phase};
use crate::engine::event::Event;
use crate::engine::state::Waiting;

/// How often a breaker that is held open by an order is looked at again.
const LOOK: Duration = Duration::from_millis(250);
/// How long a read-back is waited for where nothing else is: then the outcome is unknown, and the next start reads it.
const OWED: Duration = Duration::from_secs(30);

impl Repair {
    /// Whether a write would be sent now.
    pub(super) fn is_writable(&self) -> bool {
        self.ends.target.held_back(now()).is_none()
    }

    /// Waits until both sides can be read and the target written to, as long as that is allowed.
    pub(super) async fn until_writable(&self) -> Result<(), Stop> {
        loop {
            if self.shutdown.is_cancelled() {
                return Err(Stop::Shutdown);
            }
            if self.reins.ended.is_cancelled() {
                return Err(Stop::Abandon(self.reins.reason()));
            }
            if let Some(why) = self.reins.paused() {
                if !self.is_watched && !self.reins.is_paused_by_a_person() {
                    return Err(Stop::Abandon(format!("stopped: {why}")));
                }
                self.reins.until_going_on(&self.shutdown).await;
                self.pauses(self.reins.paused()).await;
                continue;
            }
            let Some(held) = self.held_back() else {
                self.waits(None).await;
                return Ok(());
            };
            match self.patience {
                Patience::None if held.is_breaker => return Err(Stop::Abandon(held.why)),
                Patience::Until(lapses) if now().wall >= lapses => {
                    return Err(Stop::Abandon(format!("lapsed: {}", held.why)));
                }
                Patience::None | Patience::Until(_) => {}
            }
            self.waits(Some(held)).await;
            self.sleep().await;
        }
    }

    /// Waits until the target can be read, since a read-back is owed; false when it has waited long enough. The end of
    /// an operation does not break it off: what was sent must be found out about.
    pub(super) async fn until_readable(&self) -> Result<bool, Stop> {
        let began = now();
        while let Some(held) =
            unreadable(self.link.config.target, self.ends.target.reader(), "target")
        {
            if self.shutdown.is_cancelled() {
                return Err(Stop::Shutdown);
            }
            let at = now();
            let is_over = match self.patience {
                Patience::None => at.since(began) >= OWED,
                Patience::Until(lapses) => at.wall >= lapses,
            };
            if is_over {
                return Ok(false);
            }
            self.waits(Some(held)).await;
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.shutdown.cancelled() => {}
            }
        }
        self.waits(None).await;
        Ok(true)
    }

    fn held_back(&self) -> Option<Held> {
        let (source, target) = (self.link.config.source, self.link.config.target);
        let unreadable = unreadable(source, &self.ends.source, "source")
            .or_else(|| unreadable(target, self.ends.target.reader(), "target"));
        unreadable.or_else(|| {
            let held = self.ends.target.held_back(now())?;
            let (why, until, is_breaker) = (held.why, held.until, held.is_breaker);
            Some(Held {
                instance: target,
                why,
                until,
                is_breaker,
            })
        })
    }

    /// Says what the operation waits for. Many records wait for the same thing: the first says so, the last takes it
    /// back.
    async fn waits(&self, held: Option<Held>) {
        let waiting = held.map(|held| Waiting {
            instance: held.instance,
            why: held.why,
            until: held.until,
            lapses: match self.patience {
                Patience::Until(lapses) => Some(lapses),
                Patience::None => None,
            },
        });
        let changed = {
            let mut said = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = *said != waiting;
            said.clone_from(&waiting);
            changed
        };
        if changed {
            self.tell(Event::Waits {
                operation: self.request.id,
                waiting,
            })
            .await;
        }
    }

    /// Says that it is paused until a person decides, or goes on.
    pub(super) async fn pauses(&self, why: Option<String>) {
        let operation = self.request.id;
        self.tell(Event::Paused { operation, why }).await;
    }

    /// A moment, before something that was kept back is tried again.
    pub(super) async fn sleep(&self) {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = self.reins.ended.cancelled() => {}
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

/// Why an instance can't be read now: an open breaker, no token to be had, or patience that it asked for.
fn unreadable(instance: usize, reader: &Reader, name: &str) -> Option<Held> {
    let status = reader.status(now());
    // A half-open token breaker is found out about by the next call that needs a token.
    let keeps_back = |b: &&BreakerStatus| match b.class {
        Class::Read => !b.is_closed(),
        Class::Auth => matches!(b.phase, Phase::Open { .. } | Phase::ForcedOpen(_)),
        Class::Write => false,
    };
    let open = status.breakers.iter().find(keeps_back);
    if let Some(open) = open {
        let why = format!(
            "the {name} can't be read: {} breaker {}",
            open.class.word(),
            open.phase.word()
        );
        let is_breaker = !matches!(open.phase, Phase::HalfOpen { .. });
        return Some(Held {
            instance,
            why,
            until: until(&open.phase),
            is_breaker,
        });
    }
    if let Some(why) = status.rejected {
        return Some(Held {
            instance,
            why: format!("the {name} refuses us: {why}"),
            until: None,
            is_breaker: true,
        });
    }
    let (until, why) = status.gate?;
    Some(Held {
        instance,
        why: format!("throttled: {why}"),
        until: Some(until),
        is_breaker: false,
    })
}

fn until(phase: &Phase) -> Option<crate::domain::time::Now> {
    match phase {
        Phase::Open { until } => Some(*until),
        _ => None,
    }
}
