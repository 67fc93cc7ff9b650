//! What an agent says of everything each second, for whoever sits beside it: health, breakers and waits of the instances
//! as it sees them, how its syncs and comparisons do, what its operations wait for. Records are in the index, and what
//! becomes of operations is in the journal.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::state::{Alarm, Entry, InstanceState, Progress, State, SyncState, TableState, Waiting};
use crate::domain::breaker::Phase;
use crate::domain::drift::Flag;
use crate::domain::hook::HookHealth;
use crate::domain::impact::Ensuring;
use crate::domain::operation::{OperationId, TableIndex};
use crate::domain::time::Now;

/// Lines of what changed that are told: more than happen in a second.
const LINES: usize = 50;
/// Parked records of a table that are told by name: more than that are one fault, not many.
const PARKED: usize = 1000;

/// All that is told. Its moments are those of the agent's clocks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Live {
    /// When this was so.
    pub(super) now: Now,
    /// Whether the agent may write: else it takes no operation.
    pub(super) may_write: bool,
    pub(super) instances: Vec<InstanceState>,
    pub(super) links: Vec<LiveLink>,
    pub(super) operations: Vec<LiveOperation>,
    /// The ensure hook, where the agent has one to look after.
    pub(super) hook: Option<LiveHook>,
    /// The alerts that fire.
    pub(super) alarms: Vec<Alarm>,
    /// The newest lines of what changed but for people's notes, which are in the journal; the newest last.
    pub(super) timeline: Vec<Arc<Entry>>,
}

/// A link as the agent has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LiveLink {
    pub(super) name: String,
    pub(super) sync: SyncState,
    pub(super) fault: Option<String>,
    pub(super) warnings: Vec<String>,
    pub(super) ensuring: Option<Ensuring>,
    pub(super) tables: Vec<LiveTable>,
}

/// How a table's comparison does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LiveTable {
    pub(super) name: String,
    pub(super) compared: Option<Now>,
    pub(super) comparing: Option<Progress>,
    pub(super) changed_since: usize,
    pub(super) failure: Option<String>,
    /// The records that are parked, and why.
    pub(super) parked: Vec<(Uuid, Arc<str>)>,
}

/// The hook of a link as the agent finds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LiveHook {
    pub(super) link: String,
    pub(super) health: HookHealth,
}

/// What the journal does not say of an operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LiveOperation {
    pub(super) id: OperationId,
    pub(super) waiting: Option<Waiting>,
    pub(super) paused: Option<String>,
}

impl Live {
    /// What is told of a state.
    pub(super) fn of(state: &State, may_write: bool) -> Self {
        let links = state.links.iter().enumerate();
        let operations = state.operations.iter();
        let seen = state.timeline.iter().filter(|entry| entry.who.is_none());
        let mut timeline: Vec<_> = seen.rev().take(LINES).cloned().collect();
        timeline.reverse();
        Self {
            now: state.now,
            may_write,
            instances: state.instances.clone(),
            links: links
                .map(|(place, link)| LiveLink {
                    name: link.name.clone(),
                    sync: link.sync.clone(),
                    fault: link.fault.clone(),
                    warnings: link.warnings.clone(),
                    ensuring: link.ensuring.clone(),
                    tables: state
                        .tables_of(place)
                        .map(|(index, table)| LiveTable {
                            name: table.name.to_string(),
                            compared: table.compared,
                            comparing: table.comparing,
                            changed_since: table.changed_since,
                            failure: table.failure.clone(),
                            parked: parked(state, index, table),
                        })
                        .collect(),
                })
                .collect(),
            operations: operations
                .filter(|one| !one.is_finished())
                .map(|one| LiveOperation {
                    id: one.request.id,
                    waiting: one.waiting.clone(),
                    paused: one.paused.clone(),
                })
                .collect(),
            hook: state.hook.as_ref().and_then(|hook| {
                Some(LiveHook {
                    link: state.links.get(hook.link)?.name.clone(),
                    health: hook.health.brief(),
                })
            }),
            alarms: state.alarms.clone(),
            timeline,
        }
    }

    /// The same by the clocks of this process: what never goes back there counts from elsewhere.
    pub(super) fn by_our_clocks(mut self, here: Now) -> Self {
        let ours = |moment: &mut Now| *moment = here.at(moment.wall);
        ours(&mut self.now);
        for instance in &mut self.instances {
            ours(&mut instance.since);
            instance.answered.iter_mut().for_each(ours);
            instance.next_probe.iter_mut().for_each(ours);
            let errors = instance.last_error.iter_mut();
            errors.for_each(|(at, _, _)| ours(at));
            instance.gate.iter_mut().for_each(|(until, _)| ours(until));
            let outages = instance.last_outage.iter_mut();
            outages.for_each(|(at, _)| ours(at));
            for breaker in &mut instance.breakers {
                ours(&mut breaker.since);
                if let Phase::Open { until } = &mut breaker.phase {
                    ours(until);
                }
            }
        }
        for link in &mut self.links {
            link.sync
                .list
                .iter_mut()
                .for_each(|list| ours(&mut list.at));
            for table in &mut link.tables {
                table.compared.iter_mut().for_each(ours);
                let comparing = table.comparing.iter_mut();
                comparing.for_each(|progress| ours(&mut progress.started));
            }
        }
        if let Some(hook) = &mut self.hook {
            hook.health.each_moment(ours);
        }
        for operation in &mut self.operations {
            if let Some(waiting) = &mut operation.waiting {
                waiting.until.iter_mut().for_each(ours);
            }
        }
        self
    }
}

/// The records of a table that are parked. None are looked for where none are counted.
fn parked(state: &State, index: TableIndex, table: &TableState) -> Vec<(Uuid, Arc<str>)> {
    if table.flagged.of(Flag::Parked) == 0 {
        return Vec::new();
    }
    let records = state.records.iter().map(|(_, record)| record);
    let here = records.filter(|record| record.key.table == index && record.drift.is_pending());
    let parked =
        here.filter_map(|record| Some((record.key.id.uuid(), Arc::clone(record.parked.as_ref()?))));
    parked.take(PARKED).collect()
}
