//! What is kept of instances and links every minute, and what a restart takes from it: the last day of latency, since
//! when an instance is as it is, how it was before, its last outage.

use std::sync::Arc;
use std::time::Duration;

use super::StateWriter;
use crate::domain::drift::Drift;
use crate::domain::health::Health;
use crate::domain::time::{Now, age};
use crate::journal::{InstanceSample, LinkSample, Samples};

/// A restart that took no longer than this goes on with the health that was: nobody knows what was in a longer gap.
const GAP: Duration = Duration::from_secs(300);

/// So many cells a line of lags may have.
const CELLS: u32 = 48;
/// Lags are not looked at more often than this.
const LEAST: Duration = Duration::from_secs(5);
/// How long they are kept in memory: a day's cadence, its grace and an hour.
const KEPT: Duration = Duration::from_secs(26 * 3600);

/// How an instance was when an earlier process, or the agent beside us, last saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    pub(super) health: Health,
    pub(super) since: Now,
    pub(super) before: Option<(Health, Duration)>,
}

impl StateWriter {
    /// Everything as it is now, to be kept. An instance or link of which nothing is known yet is left out.
    pub(in crate::engine) fn samples(&self, now: Now) -> Samples {
        let instances = self.state.instances.iter().zip(&self.trackers);
        let instances = instances.filter(|(instance, _)| instance.health != Health::Unknown);
        let instances = instances.map(|(instance, tracker)| {
            let breakers = instance.breakers.iter();
            let breakers = breakers.filter(|breaker| !breaker.is_closed());
            let breakers = breakers.map(|one| format!("{} {}", one.class.word(), one.phase.word()));
            InstanceSample {
                instance: instance.name.clone(),
                at: now.wall,
                health: instance.health,
                since: instance.since.wall,
                minute: tracker.calls.minute(now),
                breakers: breakers.collect(),
            }
        });
        let links = self.state.links.iter().enumerate();
        let is_known = |place: usize| {
            let mut tables = self.state.tables_of(place);
            tables.all(|(_, table)| table.compared.is_some())
        };
        let links = links.filter(|(place, _)| is_known(*place));
        let links = links.map(|(place, link)| {
            let drifts = Drift::ALL.map(|drift| {
                let tables = self.state.tables_of(place);
                let count = tables.map(|(_, table)| table.counts.of(drift)).sum();
                (drift.word().to_owned(), count)
            });
            LinkSample {
                link: link.name.clone(),
                at: now.wall,
                pending: self.state.pending(place),
                lag: self.state.lag(place, now.wall),
                drifts: drifts.into_iter().filter(|(_, count)| *count > 0).collect(),
                last_success: link.sync.last_success,
            }
        });
        Samples {
            instances: instances.collect(),
            links: links.collect(),
        }
    }

    /// Takes in what earlier processes kept.
    pub(super) fn restore(&mut self, samples: &Samples, now: Now) {
        for place in 0..self.trackers.len() {
            let name = self.state.instances.get(place).map(|one| one.name.clone());
            let of_it = samples.instances.iter();
            let of_it: Vec<&InstanceSample> = of_it
                .filter(|sample| Some(&sample.instance) == name.as_ref())
                .collect();
            self.restore_instance(place, &of_it, now);
        }
        for place in 0..self.state.links.len() {
            self.link(place, |link| {
                let mut of_it = samples.links.iter().rev();
                let newest = of_it.find(|sample| sample.link == link.name);
                let success = newest.and_then(|sample| sample.last_success);
                link.sync.last_success = link.sync.last_success.max(success);
                let of_it = samples.links.iter().filter(|one| one.link == link.name);
                let mut lags: Vec<_> = of_it.map(|one| (one.at, one.lag)).collect();
                lags.extend(link.lags.iter().copied());
                link.lags = Arc::new(lags);
            });
        }
    }

    /// Remembers the lag of each link whose tables are known, as often as a line of a few dozen cells can show it.
    pub(in crate::engine) fn remember_lags(&mut self, now: Now) {
        for place in 0..self.state.links.len() {
            let is_known = {
                let mut tables = self.state.tables_of(place);
                tables.all(|(_, table)| table.compared.is_some())
            };
            let Some(link) = self.state.links.get(place).filter(|_| is_known) else {
                continue;
            };
            let span = link.schedule.cadence + link.schedule.grace;
            let every = (span / CELLS).clamp(LEAST, Duration::from_secs(60));
            let is_due =
                |(at, _): &(chrono::DateTime<chrono::Utc>, Duration)| age(now.wall, *at) >= every;
            if !link.lags.last().is_none_or(is_due) {
                continue;
            }
            let lag = self.state.lag(place, now.wall);
            self.link(place, |link| {
                let lags = Arc::make_mut(&mut link.lags);
                lags.push((now.wall, lag));
                let old = lags.partition_point(|(at, _)| age(now.wall, *at) > KEPT);
                lags.drain(..old);
            });
        }
    }

    fn restore_instance(&mut self, place: usize, samples: &[&InstanceSample], now: Now) {
        let Some(tracker) = self.trackers.get_mut(place) else {
            return;
        };
        let minutes = samples.iter();
        let minutes = minutes.map(|sample| (now.at(sample.at), sample.minute));
        tracker.calls.restore(minutes);
        // One for each time that it was in one state.
        let mut times: Vec<(Health, Now)> = Vec::new();
        for sample in samples {
            let since = now.at(sample.since);
            match times.last_mut() {
                Some((health, _)) if *health == sample.health => {}
                _ => times.push((sample.health, since)),
            }
        }
        let outage = times.windows(2).rev().find_map(|pair| match pair {
            [(Health::Down | Health::CutOff, from), (_, end)] => Some((*end, end.since(*from))),
            _ => None,
        });
        let newest = samples.last().map(|sample| now.at(sample.at));
        if let (Some((health, since)), Some(newest)) = (times.last(), newest)
            && now.since(newest) <= GAP
        {
            let before = times.iter().rev().nth(1);
            tracker.earlier = Some(Earlier {
                health: *health,
                since: *since,
                before: before.map(|(health, from)| (*health, since.since(*from))),
            });
        }
        self.instance(place, |instance| {
            instance.last_outage = instance.last_outage.or(outage);
        });
        self.go_on_with_earlier(place);
    }

    /// An instance that is now as it was when it was last seen, has been so all the time.
    pub(super) fn go_on_with_earlier(&mut self, place: usize) {
        let health = self.state.instances.get(place).map(|one| one.health);
        let health = health.filter(|health| *health != Health::Unknown);
        let (Some(health), Some(tracker)) = (health, self.trackers.get_mut(place)) else {
            return;
        };
        let Some(earlier) = tracker.earlier.take() else {
            return;
        };
        self.instance(place, |instance| {
            if earlier.health == health {
                instance.since = earlier.since;
                instance.before = earlier.before;
            } else if instance.before.is_none() {
                let lasted = instance.since.since(earlier.since);
                instance.before = Some((earlier.health, lasted));
            }
        });
        let is_down = matches!(health, Health::Down | Health::CutOff);
        if let Some(tracker) = self.trackers.get_mut(place).filter(|_| is_down) {
            tracker.down_since = Some(earlier.since).filter(|_| earlier.health == health);
        }
    }
}
