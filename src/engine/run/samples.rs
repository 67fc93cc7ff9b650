//! What is kept every minute of instances and links, by whoever keeps the index.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Run;
use crate::domain::health::Health;
use crate::domain::time::Now;
use crate::engine::event::Event;

/// How often a sample is taken; a change of an instance's health, and a sync that ended well, are kept at once.
const EVERY: Duration = Duration::from_secs(60);
/// How far a restart looks back: what a sparkline can show and the usual latency rests on.
const BACK: chrono::Duration = chrono::Duration::hours(26);

/// When a sample was last taken, and what it said that must not be lost.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    at: Option<Now>,
    health: Vec<Health>,
    good: Vec<Option<DateTime<Utc>>>,
}

impl Run {
    /// Takes in what earlier processes kept.
    pub(super) fn restore_samples(&mut self, at: Now) {
        let Some(index) = self.index.clone() else {
            return;
        };
        let events = self.events.clone();
        self.background.spawn(async move {
            match index.samples(at.wall - BACK).await {
                Ok(samples) => {
                    // The engine is gone when this fails, and this task with it.
                    let _ended = events.send(Event::Restored(Box::new(samples))).await;
                }
                Err(error) => tracing::warn!(%error, "the samples can't be read"),
            }
        });
    }

    /// Keeps how everything is, once a minute and whenever what must not be lost has changed.
    pub(super) fn sample_when_due(&mut self, at: Now) {
        self.writer.remember_lags(at);
        let Some(index) = self.index.clone().filter(crate::journal::Index::is_keeper) else {
            return;
        };
        let instances = self.writer.state().instances.iter();
        let health: Vec<Health> = instances.map(|instance| instance.health).collect();
        let links = self.writer.state().links.iter();
        let good: Vec<_> = links.map(|link| link.sync.last_success).collect();
        let is_due = self.sampled.at.is_none_or(|last| at.since(last) >= EVERY);
        if !is_due && self.sampled.health == health && self.sampled.good == good {
            return;
        }
        let samples = self.writer.samples(at);
        if samples == crate::journal::Samples::default() {
            return;
        }
        self.sampled = Sampled {
            at: Some(at),
            health,
            good,
        };
        self.background.spawn(async move {
            if let Err(error) = index.sample(samples, at.wall).await {
                tracing::warn!(%error, "a sample can't be kept");
            }
        });
    }
}
