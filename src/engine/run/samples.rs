//! What is kept every minute of instances and links, by whoever keeps the index.

use std::time::Duration;

use super::Run;
use crate::domain::health::Health;
use crate::domain::time::Now;
use crate::engine::event::Event;

/// How often a sample is taken; a change of an instance's health is kept at once.
const EVERY: Duration = Duration::from_secs(60);
/// How far a restart looks back: what a sparkline can show and the usual latency rests on.
const BACK: chrono::Duration = chrono::Duration::days(1);

/// When a sample was last taken, and how the instances were then.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    at: Option<Now>,
    health: Vec<Health>,
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

    /// Keeps how everything is, once a minute and whenever an instance's health has changed.
    pub(super) fn sample_when_due(&mut self, at: Now) {
        let Some(index) = self.index.clone().filter(crate::journal::Index::is_keeper) else {
            return;
        };
        let instances = self.writer.state().instances.iter();
        let health: Vec<Health> = instances.map(|instance| instance.health).collect();
        let is_due = self.sampled.at.is_none_or(|last| at.since(last) >= EVERY);
        if !is_due && self.sampled.health == health {
            return;
        }
        let samples = self.writer.samples(at);
        if samples == crate::journal::Samples::default() {
            return;
        }
        self.sampled = Sampled {
            at: Some(at),
            health,
        };
        self.background.spawn(async move {
            if let Err(error) = index.sample(samples, at.wall).await {
                tracing::warn!(%error, "a sample can't be kept");
            }
        });
    }
}
