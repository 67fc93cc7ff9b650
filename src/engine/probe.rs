//! The health of one instance, asked for with the cheapest call that proves it (contract 1.7): `WhoAmI`, every few
//! seconds, and sooner when a person asks or an open breaker's wait ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::event::{Event, Probed};
use super::pace::with_the_beat;
use crate::dataverse::{Reader, now};
use crate::domain::breaker::{Class, Phase};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Now;

/// Never probe more often than this, whatever an open breaker's end says.
const AT_MOST: Duration = Duration::from_millis(100);

/// Probes for ever; `asked` wakes it before its time.
pub(super) async fn probe(
    instance: usize,
    reader: Reader,
    every: Duration,
    asked: Arc<Notify>,
    events: mpsc::Sender<Event>,
) {
    let mut is_versioned = false;
    loop {
        let result = reader.who_am_i().await;
        let at = now();
        let result = match result {
            Ok(who) => {
                let skew = who.date.map(|date| date - at.wall);
                Some(Ok(Probed { skew }))
            }
            Err(failure) if was_sent(&failure) => Some(Err(failure)),
            Err(_) => None,
        };
        let is_up = matches!(result, Some(Ok(_)));
        let wait = wait(&reader, with_the_beat(every), at);
        let event = Event::Probed {
            instance,
            result,
            next: at.after(wait),
        };
        if events.send(event).await.is_err() {
            return;
        }
        if is_up
            && !is_versioned
            && let Ok(version) = reader.version().await
        {
            is_versioned = events
                .send(Event::Versioned { instance, version })
                .await
                .is_ok();
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = asked.notified() => {}
        }
    }
}

/// Until the next probe: the usual time, or until an open breaker lets one through.
fn wait(reader: &Reader, every: Duration, at: Now) -> Duration {
    let status = reader.status(at);
    let read = status
        .breakers
        .iter()
        .find(|breaker| breaker.class == Class::Read);
    match read.map(|breaker| &breaker.phase) {
        Some(Phase::Open { until }) => until.since(at).max(AT_MOST),
        Some(Phase::HalfOpen { .. }) => every.min(Duration::from_secs(1)),
        _ => every,
    }
}

/// Whether a failed probe tells that the instance can't be reached, rather than that we were kept back.
fn was_sent(failure: &Failure) -> bool {
    failure.class != FailureClass::NotAllowed
}
