//! How an operation is steered from outside while it runs: taken back, paused, told to go on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::domain::ramp::Fuse;

/// The reins of one operation. Clones hold the same ones.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Reins {
    /// Set when what was not sent yet is taken back.
    pub(super) ended: CancellationToken,
    held: Arc<Mutex<Held>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Held {
    who: Option<String>,
    fuse: Fuse,
    paused: Option<String>,
    /// Whether it was a person who paused it, so that a person will have it go on.
    by_a_person: bool,
}

impl Reins {
    /// Takes back what was not sent yet.
    pub(in crate::engine) fn end(&self, who: &str) {
        self.lock().who = Some(who.to_owned());
        self.ended.cancel();
    }

    /// Until it is taken back.
    pub(in crate::engine) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Pauses until somebody has it go on; why, or nothing where it is paused already.
    pub(in crate::engine) fn pause(&self, who: &str) -> Option<String> {
        let mut held = self.lock();
        if held.paused.is_some() {
            return None;
        }
        let why = format!("by {who}");
        held.paused = Some(why.clone());
        held.by_a_person = true;
        Some(why)
    }

    /// Whether a person paused it.
    pub(super) fn is_paused_by_a_person(&self) -> bool {
        self.lock().by_a_person
    }

    /// Goes on after a pause; false when there is none.
    pub(in crate::engine) fn go_on(&self) -> bool {
        let was_paused = {
            let mut held = self.lock();
            held.by_a_person = false;
            held.paused.take().is_some()
        };
        self.changed.notify_waiters();
        was_paused
    }

    /// Takes in how a record ended; the reason to pause, if this is the one that makes it pause.
    pub(super) fn record(&self, failed: bool) -> Option<String> {
        let mut held = self.lock();
        let why = held.fuse.record(failed)?;
        held.paused = Some(why.clone());
        Some(why)
    }

    /// Why it is paused, if it is.
    pub(super) fn paused(&self) -> Option<String> {
        self.lock().paused.clone()
    }

    /// Why it is paused, for who steers it.
    pub(in crate::engine) fn paused_by(&self) -> Option<String> {
        self.paused()
    }

    /// Waits until somebody says that it goes on, or takes it back.
    pub(super) async fn until_going_on(&self, shutdown: &CancellationToken) {
        loop {
            let changed = self.changed.notified();
            if self.paused().is_none() {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = self.ended.cancelled() => return,
                () = shutdown.cancelled() => return,
            }
        }
    }

    pub(super) fn reason(&self) -> String {
        let held = self.lock();
        format!("taken back by {}", held.who.as_deref().unwrap_or("nobody"))
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
