//! What the agent beside us tells, taken over as it is.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::StateWriter;
use crate::domain::drift::Flag;
use crate::domain::operation::{RecordKey, TableIndex};
use crate::domain::time::Now;
use crate::engine::live::{Live, LiveHook, LiveLink};
use crate::engine::state::{Entry, HookState};

impl StateWriter {
    /// Follows an agent from now on, or no longer: what clients of this process see says nothing of the instances then.
    pub(in crate::engine) fn follow(&mut self, follows: bool) {
        self.follows = follows;
        if !follows {
            self.state_mut().told = None;
            self.told_line = None;
        }
    }

    /// Takes events in without a word of them: the agent has said it already.
    pub(in crate::engine) fn quietly(&mut self, work: impl FnOnce(&mut Self)) {
        self.is_quiet = true;
        work(self);
        self.is_quiet = false;
    }

    pub(super) fn told(&mut self, live: Live) {
        if !self.follows {
            return;
        }
        self.lines_told(&live);
        let state = self.state_mut();
        state.told = Some(live.now);
        state.alarms = live.alarms;
        for told in live.instances {
            let mut instances = self.state.instances.iter();
            let place = instances.position(|known| known.name == told.name);
            self.instance(place.unwrap_or(usize::MAX), |known| {
                let (band, url, traffic) = (
                    std::mem::take(&mut known.band),
                    std::mem::take(&mut known.url),
                    std::mem::take(&mut known.traffic),
                );
                let is_target = known.is_target;
                *known = told;
                known.band = band;
                known.url = url;
                known.traffic = traffic;
                known.is_target = is_target;
            });
        }
        for told in live.links {
            let mut links = self.state.links.iter();
            if let Some(place) = links.position(|known| known.name == told.name) {
                self.link_told(place, told);
            }
        }
        if let Some(told) = live.hook {
            self.hook_told(told);
        }
        for told in live.operations {
            self.operation(told.id, |operation| {
                operation.waiting = told.waiting;
                operation.paused = told.paused;
            });
        }
    }

    fn link_told(&mut self, place: usize, told: LiveLink) {
        for table in told.tables {
            let index = {
                let mut known = self.state.tables_of(place);
                known
                    .find(|(_, known)| known.name.as_str() == table.name)
                    .map(|(index, _)| index)
            };
            let Some(index) = index else { continue };
            self.parked_told(index, table.parked);
            self.table(index, |known| {
                // Figures are taken from the index: they are as old as what is in it.
                if known.compared.is_some() {
                    known.compared = table.compared.or(known.compared);
                }
                known.comparing = table.comparing;
                known.changed_since = table.changed_since;
                known.failure = table.failure;
            });
        }
        self.link(place, |link| {
            link.sync = told.sync;
            link.sync.is_scheduled = false;
            link.fault = told.fault;
            link.warnings = told.warnings;
            link.ensuring = told.ensuring;
        });
    }

    fn hook_told(&mut self, told: LiveHook) {
        let mut links = self.state.links.iter();
        let Some(link) = links.position(|known| known.name == told.link) else {
            return;
        };
        let health = told.health;
        self.state_mut().hook = Some(HookState { link, health });
    }

    /// Takes over which records of a table are parked, and why: the index does not tell.
    fn parked_told(&mut self, table: TableIndex, parked: Vec<(Uuid, Arc<str>)>) {
        let parked: HashMap<Uuid, Arc<str>> = parked.into_iter().collect();
        let flagged = self.state.table(table).map(|table| table.flagged);
        let were = flagged.is_some_and(|flagged| flagged.of(Flag::Parked) > 0);
        if parked.is_empty() && !were {
            return;
        }
        let records = self.state.records.iter().map(|(_, record)| record);
        let here = records.filter(|record| record.key.table == table);
        let changed =
            here.filter(|record| record.parked.as_ref() != parked.get(&record.key.id.uuid()));
        let changed: Vec<RecordKey> = changed.map(|record| record.key).collect();
        for key in changed {
            let why = parked.get(&key.id.uuid()).cloned();
            self.change(key, |record| record.parked = why);
            self.dirty_lag.insert(table);
        }
    }

    /// Adds what the agent has noted since it was last asked.
    fn lines_told(&mut self, live: &Live) {
        let seen = self.told_line;
        let is_new =
            |entry: &&Arc<Entry>| seen.is_none_or(|(seq, at)| entry.seq > seq || entry.at > at);
        for entry in live.timeline.iter().filter(is_new) {
            if self.is_there(entry.at, &entry.text) {
                continue;
            }
            let name = entry.instance.and_then(|place| live.instances.get(place));
            let mut instances = self.state.instances.iter();
            let place = name.and_then(|told| instances.position(|known| known.name == told.name));
            let at = Now {
                wall: entry.at,
                ..live.now
            };
            self.note(place, entry.text.clone(), entry.tone, at);
        }
        if let Some(last) = live.timeline.last() {
            self.told_line = Some((last.seq, last.at));
        }
    }
}
