//! Operations: whether one may begin, what it is handed, and what becomes of one that can not.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use super::{LAPSES, Run};
use crate::dataverse::now;
use crate::domain::health::Health;
use crate::domain::operation::{OperationId, RecordKey, Request, Stage, Verb};
use crate::engine::command::{Command, Consent, RunOrder, Target};
use crate::engine::event::{Event, Named};
use crate::engine::records::Record;
use crate::engine::repair;
use crate::engine::repair::{Batches, Patience, Reins, Repair};
use crate::engine::state::Tone;
use crate::engine::sync::built_in::Freshness;
use crate::journal::Entry;

impl Run {
    /// Begins an operation, or keeps it until the journal and its link are ready for it.
    pub(super) fn begin(&mut self, mut command: Command) {
        limit_to_what_was_confirmed(&mut command);
        let (request, consent) = match &command {
            Command::Repair {
                request, consent, ..
            }
            | Command::StartSync { request, consent }
            | Command::OrderRun {
                request, consent, ..
            } => (request.clone(), Some(*consent)),
            Command::Preview { request, .. } => (request.clone(), None),
            Command::Resume { operation, consent } => {
                let Some(operation) = self.writer.state().operation(*operation) else {
                    return;
                };
                (operation.request.clone(), Some(*consent))
            }
            _ => return,
        };
        let Some(link) = self
            .config
            .links
            .iter()
            .position(|link| link.name == request.link)
        else {
            return self.refuse(request.id, format!("there is no link {}", request.link));
        };
        if let Some(why) = consent.and_then(|consent| self.why_not(link, consent, &command)) {
            return self.refuse(request.id, why);
        }
        let is_own = matches!(&command, Command::Resume { operation, .. } if self.operations.contains_key(operation));
        if !is_own && self.hand_over(link, &request, &command) {
            return;
        }
        if let Command::Resume { operation, .. } = &command
            && let Some(reins) = self.operations.get(operation)
        {
            if reins.go_on() {
                let text = "a paused repair goes on, as a person decided".to_owned();
                let (operation, at) = (*operation, now());
                self.writer.note(None, text, Tone::Care, at);
                // Perhaps none of its records was waiting to hear of it.
                let goes_on = Event::Paused {
                    operation,
                    why: None,
                };
                self.writer.apply(goes_on, at);
            }
            return;
        }
        if let Some(order) = self.order_of(link, &command) {
            return self.order(link, request, order, command);
        }
        let patience = match consent {
            Some(consent) if consent.may_wait() => Patience::Until(now().after(LAPSES).wall),
            Some(_) | None => Patience::None,
        };
        let Some(mut repair) = self.repair(link, request, patience, false) else {
            self.queued.push_back(command);
            return;
        };
        // Who handed it over, or whoever looks next, can say that it goes on.
        let is_handed = self.handed.contains(&repair.request.id);
        repair.is_watched = is_handed || matches!(consent, Some(Consent::Armed { .. }));
        self.spawn(link, repair, command);
    }

    pub(super) fn spawn(&mut self, link: usize, mut repair: Repair, command: Command) {
        match command {
            Command::Repair {
                records, consent, ..
            } => {
                repair.seen = self.seen(&repair.request, &records);
                repair.told = consent.pair();
                for record in self.known(&records) {
                    let drift = record.drift;
                    repair.drifts.insert(record.key, drift);
                    repair.names.insert(record.key, name_of(record));
                }
                self.operations
                    .insert(repair.request.id, repair.reins.clone());
                self.repairs.spawn(async move {
                    repair.run(records).await;
                });
            }
            Command::Preview { records, .. } => {
                self.background.spawn(repair::preview(repair, records));
            }
            Command::StartSync { .. } => {
                self.spawn_sync(link, repair, Freshness::TakeAll, now());
            }
            Command::Resume { operation, .. } => {
                let Some(left) = self.writer.state().operation(operation) else {
                    return;
                };
                // Rows ensured on the way are found out about again by the records that refer to them.
                let on_the_way = left.records.iter().filter(|record| record.on_the_way);
                let ended = on_the_way.filter(|record| record.stage.is_final());
                repair.settled = ended.map(|record| record.key).collect();
                // What can't be read back yet keeps it open.
                let of = left.progress;
                let open = of.intended + of.applied + of.unknown;
                repair.open_on_the_way = AtomicUsize::new(open);
                let chosen = left.records.iter().filter(|record| !record.on_the_way);
                let records = chosen.filter(|record| record.stage == Stage::Accepted);
                let records = records.map(|record| Named {
                    key: record.key,
                    name: record.name.clone(),
                    number: record.number.clone(),
                    on_the_way: record.on_the_way,
                });
                let records = records.collect();
                self.operations.insert(operation, repair.reins.clone());
                self.repairs.spawn(async move {
                    repair::resume(repair, records).await;
                });
            }
            _ => {}
        }
    }

    /// Why the person at this console may not ask for it, whatever the state of the instances.
    fn not_for(&self, command: &Command) -> Option<String> {
        let (verb, records) = match command {
            Command::Repair {
                request, records, ..
            } => (request.verb, Some(records.len())),
            Command::StartSync { .. } => (Verb::Sync, None),
            Command::OrderRun { request, .. } => (request.verb, None),
            Command::Resume { .. } => (Verb::Resume, None),
            _ => return None,
        };
        let most = self.config.safety.confirm_above;
        self.options.operator.why_not(verb, records, most)
    }

    /// Why an operation may not be begun.
    pub(super) fn why_not(
        &self,
        link: usize,
        consent: Consent,
        command: &Command,
    ) -> Option<String> {
        let at = now();
        let state = self.writer.state();
        let target = state
            .links
            .get(link)
            .and_then(|link| state.instances.get(link.target))?;
        if let Some(fault) = &state.journal_fault {
            return Some(format!(
                "the journal can't be written, so nothing is: {fault}"
            ));
        }
        if self.options.read_only {
            return Some("started with --read-only: nothing is written".to_owned());
        }
        if let Some(why) = self.not_for(command) {
            return Some(why);
        }
        if let Some(fault) = state.links.get(link).and_then(|link| link.fault.as_ref()) {
            return Some(format!("the link can't be used: {fault}"));
        }
        if let Some(forced) = target.forced() {
            return Some(format!(
                "{} is stopped by {}: {}",
                target.name, forced.by, forced.reason
            ));
        }
        if let Consent::Armed { records: confirmed } = consent {
            if state.lock.armed_for(at).is_none() {
                return Some("read-only: W arms writes".to_owned());
            }
            if let Command::Repair { records, .. } = command
                && records.len() > confirmed
            {
                return Some(format!(
                    "{} records were asked for, {confirmed} confirmed",
                    records.len()
                ));
            }
        }
        if let Command::Resume { operation, .. } = command {
            let left = state.operation(*operation)?;
            let may_go_on = left.was_left_behind || left.paused.is_some();
            if !may_go_on || left.is_finished() {
                return Some("it is over, or another process carries it out".to_owned());
            }
            if self.settling.contains(operation) {
                return Some("what became of it is still being read back".to_owned());
            }
            let remaining = left.progress.accepted;
            if let Consent::Armed { records: confirmed } = consent
                && remaining > confirmed
            {
                return Some(format!(
                    "{remaining} records are left, {confirmed} were confirmed"
                ));
            }
        }
        let is_run = matches!(
            command,
            Command::StartSync { .. }
                | Command::OrderRun {
                    order: RunOrder::Rerun(_),
                    ..
                }
        );
        let runs = state
            .links
            .get(link)
            .is_some_and(|link| link.sync.running.is_some());
        (is_run && runs).then(|| "a sync run is under way".to_owned())
    }

    pub(super) fn refuse(&mut self, operation: OperationId, why: String) {
        if self.handed.remove(&operation) {
            let entry = Entry::Finished {
                operation,
                cut_short: Some(why.clone()),
                now: now(),
            };
            self.remember(entry);
        }
        self.writer.refused(operation, why);
    }

    pub(super) fn names(&self, records: &[Target]) -> HashMap<RecordKey, Named> {
        let known = self.known(records);
        known.map(|record| (record.key, name_of(record))).collect()
    }

    /// Both sides of the records as they are shown now to who decides between them. What overwrites nothing needs no such
    /// care.
    pub(super) fn seen(&self, request: &Request, records: &[Target]) -> HashMap<RecordKey, u64> {
        let overwrites = match request.verb {
            Verb::TakeSource | Verb::KeepTarget => true,
            _ => !request.choices.is_empty(),
        };
        if !overwrites {
            return HashMap::new();
        }
        let seen = self.known(records).filter_map(|record| {
            let (source, target) = (record.sides.source.row()?, record.sides.target.row()?);
            let rules = &self.writer.state().table(record.key.table)?.rules;
            Some((record.key, rules.pair(&source.open(), &target.open())))
        });
        seen.collect()
    }

    /// Those of the records that are listed as out of step.
    fn known(&self, records: &[Target]) -> impl Iterator<Item = &Record> {
        let wanted: HashSet<RecordKey> = records
            .iter()
            .filter_map(|target| match target {
                Target::Record(key) => Some(*key),
                Target::Key { .. } => None,
            })
            .collect();
        let known = self.writer.state().records.iter().map(|(_, record)| record);
        known.filter(move |record| wanted.contains(&record.key))
    }

    pub(super) fn repair(
        &self,
        link: usize,
        request: Request,
        patience: Patience,
        as_agent: bool,
    ) -> Option<Repair> {
        let context = self.links.get(link)?.context.clone()?;
        let journal = self.journal.clone()?;
        let seen = self.decided.get(&request.id).cloned();
        let seen = seen.unwrap_or_default();
        Some(Repair {
            is_accepted: self.handed.contains(&request.id),
            ends: if as_agent {
                context.agent.clone()
            } else {
                context.ends.clone()
            },
            link: context,
            journal,
            events: self.events.clone(),
            leases: self.leases.clone(),
            request,
            names: HashMap::new(),
            drifts: HashMap::new(),
            seen,
            told: None,
            reins: Reins::default(),
            is_watched: false,
            batches: Batches::default(),
            shutdown: self.shutdown.clone(),
            patience,
            waiting: Mutex::default(),
            settled: HashSet::new(),
            open_on_the_way: AtomicUsize::new(0),
        })
    }

    pub(super) fn start_queued(&mut self) {
        for command in std::mem::take(&mut self.queued) {
            self.command(command);
        }
    }

    /// A queued command whose link will not get ready in time is refused rather than forgotten.
    pub(super) fn drop_what_cannot_start(&mut self) {
        let queued = std::mem::take(&mut self.queued);
        for command in queued {
            let (request, may_wait) = match &command {
                Command::Repair {
                    request, consent, ..
                }
                | Command::StartSync { request, consent }
                | Command::OrderRun {
                    request, consent, ..
                } => (request, consent.may_wait()),
                Command::Preview { request, .. } => (request, false),
                Command::Explain(target) => {
                    self.explain(target.clone());
                    continue;
                }
                _ => {
                    self.queued.push_back(command);
                    continue;
                }
            };
            match self.why_unreachable(&request.link).filter(|_| !may_wait) {
                Some(why) => {
                    let id = request.id;
                    self.refuse(id, why);
                }
                None => self.queued.push_back(command),
            }
        }
    }

    pub(super) fn why_unreachable(&self, link: &str) -> Option<String> {
        if let Some(fault) = &self.writer.state().journal_fault {
            return Some(format!(
                "the journal can't be written, so nothing is: {fault}"
            ));
        }
        self.why_link_unreachable(link)
    }

    /// Why a link can't be made ready.
    pub(super) fn why_link_unreachable(&self, link: &str) -> Option<String> {
        let state = self.writer.state();
        let link = state.links.iter().find(|known| known.name == link)?;
        if let Some(fault) = &link.fault {
            return Some(format!("the link can't be used: {fault}"));
        }
        [link.source, link.target].into_iter().find_map(|place| {
            let instance = state.instances.get(place)?;
            if let Some(forced) = instance.forced() {
                let (name, by) = (&instance.name, &forced.by);
                return Some(format!("{name} is stopped by {by}: {}", forced.reason));
            }
            let is_lost = matches!(
                instance.health,
                Health::Down | Health::CutOff | Health::Refused
            );
            let why = instance
                .refused
                .clone()
                .or_else(|| instance.last_error.as_ref().map(|(_, why, _)| why.clone()));
            is_lost.then(|| {
                format!(
                    "{} is {}: {}",
                    instance.name,
                    instance.health.word(),
                    why.unwrap_or_default()
                )
            })
        })
    }

    /// Ends an operation of an earlier process: nothing of it is under way here.
    pub(super) fn end_left_behind(&mut self, operation: OperationId, who: &str) {
        let Some(left) = self
            .writer
            .state()
            .operation(operation)
            .filter(|left| !left.is_finished())
        else {
            return;
        };
        if !left.was_left_behind || self.settling.contains(&operation) {
            let why =
                "another process carries it out, or what became of it is still being read back";
            self.writer
                .notice(Some(operation), why.to_owned(), Tone::Care);
            return;
        }
        let (request, place) = (left.request.clone(), left.request.link.clone());
        let Some(link) = self.config.links.iter().position(|link| link.name == place) else {
            return;
        };
        if let Some(repair) = self.repair(link, request, Patience::None, false) {
            repair.reins.end(who);
            self.spawn(
                link,
                repair,
                Command::Resume {
                    operation,
                    consent: Consent::Named { may_wait: false },
                },
            );
        }
    }
}

/// A run finds its records itself, wherever it is carried out: it takes along no more than were confirmed.
fn limit_to_what_was_confirmed(command: &mut Command) {
    if let Command::StartSync {
        request,
        consent: Consent::Armed { records },
    } = command
    {
        let confirmed = *records;
        request.at_most = Some(
            request
                .at_most
                .map_or(confirmed, |most| most.min(confirmed)),
        );
    }
}

fn name_of(record: &Record) -> Named {
    Named {
        key: record.key,
        name: record.name.clone(),
        number: record.number.clone(),
        on_the_way: false,
    }
}
