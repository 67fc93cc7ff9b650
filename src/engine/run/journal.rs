//! Opening the journal, and what it remembers of earlier processes.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{LAPSES, Run};
use crate::dataverse::now;
use crate::domain::operation::{RecordKey, TableIndex};
use crate::domain::run::Backend;
use crate::domain::time::Now;
use crate::engine::event::{Event, Named};
use crate::engine::repair::Patience;
use crate::engine::state::Tone;
use crate::engine::sync::{built_in, order};
use crate::engine::{repair, start};
use crate::journal::{Index, Journal, Recovered, RecoveredOperation, RecoveredRecord, SessionInfo};

/// The state folder, opened: the journal or why not, and the index if it can be had.
type Opened = (Result<(Journal, Recovered), String>, Option<Index>);

impl Run {
    pub(super) fn open_journal(&self) -> tokio::task::JoinHandle<Opened> {
        let folder = self.config.state.clone();
        let session = SessionInfo {
            who: self.options.who.clone(),
            host: self.options.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: now(),
        };
        tokio::task::spawn_blocking(move || {
            let journal = Journal::open(&folder, &session).map_err(|error| chain(&error));
            // Without it nothing is lost but time: everything is compared anew.
            let index = match journal.is_ok().then(|| Index::open(&folder)) {
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
        self.writer.state_mut().is_remembered = true;
        self.load_agreements();
        self.settle_left_behind();
        self.start_queued();
        for link in 0..self.links.len() {
            self.compare_when_due(link, at);
        }
    }

    pub(super) fn recovered(&mut self, journal: Journal, recovered: Recovered, at: Now) {
        self.spawn_watch_of_others(journal.clone(), recovered.forced.clone());
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
        let id = operation.request.id;
        let known: Vec<(Named, &RecoveredRecord)> = operation
            .records
            .iter()
            .filter_map(|record| Some((self.named(operation, record)?, record)))
            .collect();
        let records = known.iter().map(|(named, _)| named.clone()).collect();
        let accepted = Event::Accepted {
            request: operation.request.clone(),
            records,
            left_behind: true,
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
        self.settling.insert(id);
    }

    /// A record of the journal by its place in today's configuration, if its table is still on the link.
    fn named(&self, operation: &RecoveredOperation, record: &RecoveredRecord) -> Option<Named> {
        let link = self
            .config
            .links
            .iter()
            .position(|link| link.name == operation.request.link)?;
        let table = if record.record.table.as_str() == order::FILED {
            TableIndex::RUNS
        } else {
            let mut tables = self.writer.state().tables_of(link);
            tables
                .find(|(_, table)| table.name == record.record.table)?
                .0
        };
        Some(Named {
            key: RecordKey {
                table,
                id: record.record.id,
            },
            name: record.record.name.clone(),
            number: record.record.number.clone(),
            on_the_way: record.record.on_the_way,
        })
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
