//! Opening the journal, and what it remembers of earlier processes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::control::{CONTROL, is_control, is_late};
use super::{LAPSES, Run};
use crate::dataverse::now;
use crate::domain::operation::{OperationId, RecordKey, Stage, TableIndex};
use crate::domain::run::Backend;
use crate::domain::time::Now;
use crate::engine::event::{Event, Named};
use crate::engine::repair::Patience;
use crate::engine::state::{OperationState, Tone};
use crate::engine::sync::{built_in, order};
use crate::engine::{repair, start};
use crate::journal::{
    Index, Journal, JournalRecord, OpenError, Recovered, RecoveredOperation, RecoveredRecord,
    SessionInfo,
};

/// How long an agent waits at its start for the index to be left to it.
const LEFT_WITHIN: Duration = Duration::from_secs(4);

/// How often what is not known is read back at the least, however often that came to nothing.
const OWED_AT_LEAST_EVERY: Duration = Duration::from_secs(600);

/// The state folder, opened: the journal or why not, and the index if it can be had.
type Opened = (Result<(Journal, Recovered), String>, Option<Index>);

impl Run {
    pub(super) fn open_journal(&self) -> tokio::task::JoinHandle<Opened> {
        let folder = self.config.state.clone();
        let (follows, is_unattended) = (self.follow.is_some(), self.options.is_unattended);
        let session = SessionInfo {
            who: self.options.who.clone(),
            host: self.options.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: now(),
        };
        tokio::task::spawn_blocking(move || {
            let journal = Journal::open(&folder, &session).map_err(|error| chain(&error));
            // Without it nothing is lost but time: everything is compared anew.
            let opened = journal.is_ok().then(|| match (follows, is_unattended) {
                (true, _) => Ok(Index::beside(&folder)),
                (false, true) => keep_index(&folder),
                (false, false) => Index::open(&folder),
            });
            let index = match opened {
                Some(Ok(index)) => Some(index),
                Some(Err(error)) => {
                    tracing::warn!(%error, "the index can't be opened");
                    None
                }
                None => None,
            };
            (journal, index)
        })
    }

    pub(super) fn opened(&mut self, opened: Result<Opened, tokio::task::JoinError>) {
        let at = now();
        match opened {
            Ok((journal, index)) => {
                self.index = index;
                match journal {
                    Ok((journal, recovered)) => self.recovered(journal, recovered, at),
                    Err(why) => self.writer.apply(Event::JournalFailed(why), at),
                }
            }
            Err(error) => self
                .writer
                .apply(Event::JournalFailed(error.to_string()), at),
        }
        // What stands in the journal as stopped is seen before anything that waited for it begins.
        self.observe();
        self.lend_index();
        self.restore_samples(at);
        self.restore_lines();
        if self.journal.is_some() {
            self.follow_on();
        } else {
            self.writer.noted(Vec::new());
            self.look_alone();
        }
        self.writer.state_mut().is_remembered = true;
        self.load_agreements();
        self.settle_left_behind();
        self.start_queued();
        for link in 0..self.links.len() {
            self.compare_when_due(link, at);
        }
    }

    pub(super) fn recovered(&mut self, journal: Journal, recovered: Recovered, at: Now) {
        self.remembered_to = recovered.seq;
        self.spawn_watch_of_others(journal.clone(), recovered.forced.clone());
        self.spawn_watch_of_notes(journal.clone());
        for (name, forced) in recovered.forced {
            let instances = self.config.instances.iter().zip(&self.clients);
            for (_, client) in instances.filter(|(instance, _)| instance.name.as_str() == name) {
                client.reader.restore(&forced, at);
            }
        }
        for oddity in recovered.oddities {
            self.writer
                .note(None, format!("journal: {oddity}"), Tone::Care, at);
        }
        let mut last_success: HashMap<String, (DateTime<Utc>, DateTime<Utc>)> = HashMap::new();
        for operation in recovered.operations {
            let is_over = operation.finished.is_some();
            let inherits = self.options.is_unattended && self.options.is_agent;
            if !is_over && operation.handed_over && inherits {
                // It is found again, and taken then.
                continue;
            }
            let is_for_agent = operation.handed_over && !is_late(&operation, at);
            if !is_over && (self.follow.is_some() || is_for_agent) {
                self.show(&operation, false, at);
                continue;
            }
            if is_over || operation.runs_elsewhere {
                if let Some(ended) = start::good_sync(&operation) {
                    let (link, began) = (operation.request.link.clone(), operation.request.asked);
                    last_success.insert(link, (began, ended));
                }
                self.writer.apply(
                    Event::Remembered(Arc::new(start::remembered(&operation))),
                    at,
                );
            } else {
                self.show_left_behind(&operation, at);
                self.left_behind.push(operation);
            }
        }
        self.journal = Some(journal);
        for link in 0..self.links.len() {
            let Some(config) = self.config.links.get(link) else {
                continue;
            };
            if config.sync.backend() != Backend::BuiltIn {
                continue;
            }
            let last = last_success.get(&config.name).copied();
            if let Some((began, ended)) = last {
                let remembered = Event::SyncRemembered { link, began, ended };
                self.writer.apply(remembered, at);
            }
            if self.options.is_agent {
                let first = at.after(self.options.first_sync).wall;
                let next_due = last.map_or(first, |(_, ended)| {
                    built_in::next_due(config.schedule, ended, false)
                });
                self.writer.apply(Event::SyncDue { link, next_due }, at);
            }
        }
    }

    /// Shows what an earlier process left unfinished: the journal knows it, whether or not an instance answers.
    pub(super) fn show_left_behind(&mut self, operation: &RecoveredOperation, at: Now) {
        self.show(operation, true, at);
        self.settling.insert(operation.request.id);
    }

    /// Shows an operation of another process as the journal knows it.
    fn show(&mut self, operation: &RecoveredOperation, left_behind: bool, at: Now) {
        let id = operation.request.id;
        let link = &operation.request.link;
        let known: Vec<(Named, &RecoveredRecord)> = operation
            .records
            .iter()
            .filter_map(|record| Some((self.named(link, &record.record)?, record)))
            .collect();
        let seen = known.iter().filter_map(|(named, record)| {
            let is_open = !record.stage.is_final() && !named.on_the_way;
            Some((named.key, record.seen.filter(|_| is_open)?))
        });
        let seen: HashMap<RecordKey, u64> = seen.collect();
        if !seen.is_empty() {
            self.decided.insert(id, seen);
        }
        let records = known.iter().map(|(named, _)| named.clone()).collect();
        let accepted = Event::Accepted {
            request: operation.request.clone(),
            records,
            left_behind,
        };
        self.writer.apply(accepted, at);
        for (record, recovered) in known {
            let (stage, columns) = (recovered.stage.clone(), recovered.columns.len());
            let staged = Event::Staged {
                operation: id,
                record,
                stage,
                columns,
                at,
                began: at,
            };
            self.writer.apply(staged, at);
        }
    }

    /// A record of the journal by its place in today's configuration, if its table is still on the link.
    pub(super) fn named(&self, link: &str, record: &JournalRecord) -> Option<Named> {
        let mut links = self.config.links.iter();
        let link = links.position(|known| known.name == link)?;
        let table = match record.table.as_str() {
            order::FILED => TableIndex::RUNS,
            CONTROL => TableIndex::OPERATIONS,
            _ => {
                let mut tables = self.writer.state().tables_of(link);
                tables.find(|(_, table)| table.name == record.table)?.0
            }
        };
        Some(Named {
            key: RecordKey {
                table,
                id: record.id,
            },
            name: record.name.clone(),
            number: record.number.clone(),
            on_the_way: record.on_the_way,
        })
    }

    /// Has the outcomes read back that were not known when an operation ended: by a process that lives for months, too,
    /// and less and less often where that comes to nothing.
    pub(super) fn read_back_what_is_owed(&mut self, at: Now) {
        let Some(journal) = self.journal.clone().filter(|_| self.follow.is_none()) else {
            return;
        };
        let links = (0..self.links.len()).filter(|link| self.is_readable(*link));
        let state = self.writer.state();
        let readable: Vec<String> = links
            .filter_map(|link| Some(state.links.get(link)?.name.clone()))
            .collect();
        let is_owed = |one: &&Arc<OperationState>| {
            let id = one.request.id;
            one.progress.unknown > 0
                && readable.contains(&one.request.link)
                && (one.is_finished() || one.was_left_behind)
                && !self.operations.contains_key(&id)
                && !self.settling.contains(&id)
                && one.records.iter().all(|line| is_a_row(line.key.table))
        };
        let owed = state.operations.iter().filter(is_owed);
        let owed: Vec<OperationId> = owed.map(|one| one.request.id).collect();
        self.owed.retain(|id, _| owed.contains(id));
        for operation in owed {
            let first = (at.after(self.config.policy.probe), self.config.policy.probe);
            let (due, wait) = self.owed.entry(operation).or_insert(first);
            if at.mono < due.mono {
                continue;
            }
            *wait = (*wait * 2).min(OWED_AT_LEAST_EVERY);
            *due = at.after(*wait);
            self.settling.insert(operation);
            let (journal, events) = (journal.clone(), self.events.clone());
            self.background.spawn(async move {
                let is_ours = journal.claim(operation).await.is_ok_and(|ours| ours);
                let left = match journal.operation(operation).await {
                    Ok(left) => left.filter(|left| is_ours && left.finished.is_none()),
                    Err(error) => {
                        tracing::warn!(%error, "what is owed can't be read");
                        None
                    }
                };
                let left = left.map(Box::new);
                let _ended = events.send(Event::Owed { operation, left }).await;
            });
        }
    }

    /// Reads back an operation of this process as if an earlier one had left it behind.
    pub(super) fn owed(
        &mut self,
        operation: OperationId,
        left: Option<&RecoveredOperation>,
        at: Now,
    ) {
        let Some(left) = left else {
            self.settling.remove(&operation);
            return;
        };
        self.writer
            .state_mut()
            .operations
            .retain(|known| known.request.id != operation);
        self.show_left_behind(left, at);
        self.left_behind.push(left.clone());
        self.settle_left_behind();
    }

    /// Reads back what an earlier process had half done.
    pub(super) fn settle_left_behind(&mut self) {
        let Some(journal) = self.journal.clone() else {
            return;
        };
        for operation in std::mem::take(&mut self.left_behind) {
            let place = self
                .config
                .links
                .iter()
                .position(|link| link.name == operation.request.link);
            let Some(place) = place else { continue };
            if is_control(&operation) {
                let why = "the agent that it was for is gone".to_owned();
                self.answer(&operation, &Stage::Abandoned(why));
                continue;
            }
            if order::is_order(&operation) {
                self.settle_order(place, operation);
                continue;
            }
            let patience = Patience::Until(now().after(LAPSES).wall);
            let Some(repair) = self.repair(place, operation.request.clone(), patience, false)
            else {
                self.left_behind.push(operation);
                continue;
            };
            let journal = journal.clone();
            self.repairs.spawn(async move {
                if let Ok(true) = journal.claim(operation.request.id).await {
                    repair::settle_left_behind(&repair, &operation).await;
                }
            });
        }
    }
}

/// Whether a line of an operation is about a row, rather than a run of a job or another operation.
fn is_a_row(table: TableIndex) -> bool {
    !matches!(table, TableIndex::RUNS | TableIndex::OPERATIONS)
}

/// Opens the index for an agent: consoles that keep it leave it as soon as they see that there is one.
fn keep_index(folder: &Path) -> Result<Index, OpenError> {
    let began = Instant::now();
    loop {
        let index = Index::open(folder)?;
        if index.is_keeper() || began.elapsed() >= LEFT_WITHIN {
            return Ok(index);
        }
        std::thread::sleep(LEFT_WITHIN / 20);
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
