//! Beside a living agent: what it tells, what it has found out and what it has written down, as the same events that a
//! process which looks for itself would have. Nothing is asked of any instance here.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc};

use super::event::{Comparison, Event, Looked, Named};
use super::live::Live;
use super::pace::beat;
use super::records::Sides;
use crate::dataverse::now;
use crate::domain::operation::{RecordKey, TableIndex};
use crate::domain::table::TableName;
use crate::domain::time::Now;
use crate::journal::{Index, Journal, JournalError, Kept};

/// How many events of the journal are taken in at once.
const PAGE: usize = 1000;

/// What is followed.
pub(super) struct Following {
    pub(super) journal: Journal,
    pub(super) index: Index,
    /// The tables by link and name, and their places.
    pub(super) tables: HashMap<(String, TableName), TableIndex>,
    pub(super) events: mpsc::Sender<Event>,
    /// Set when something was handed over: then it is looked at once.
    pub(super) asked: Arc<Notify>,
}

impl Following {
    /// Follows for ever, the journal from an event on.
    pub(super) async fn run(self, after: u64) {
        let mut after = after;
        let mut taken = HashMap::new();
        let mut said = String::new();
        loop {
            // Who keeps the index may not have begun it yet, and each look is the first one again.
            for looked in [
                self.operations(&mut after).await,
                self.records(&mut taken).await,
                self.view().await,
            ] {
                let why = looked.err().map(|error| error.to_string());
                if let Some(error) = why.filter(|why| *why != said) {
                    tracing::warn!(error, "the agent can't be followed now");
                    said = error;
                }
            }
            tokio::select! {
                () = beat() => {}
                () = self.asked.notified() => {}
            }
        }
    }

    /// What has become of operations since the last look.
    async fn operations(&self, after: &mut u64) -> Result<(), JournalError> {
        loop {
            let tail = self.journal.tail(*after, PAGE).await?;
            let Some((_, last)) = tail.last() else {
                return Ok(());
            };
            *after = last.last().map_or(*after, |event| event.seq);
            for (request, events) in tail {
                self.tell(Event::Journalled { request, events }).await;
            }
        }
    }

    /// The records of tables that the agent has brought up to date since the last look.
    async fn records(
        &self,
        taken: &mut HashMap<TableIndex, DateTime<Utc>>,
    ) -> Result<(), JournalError> {
        for (link, name, at) in self.index.marks().await? {
            let Some(table) = self.tables.get(&(link.clone(), name.clone())).copied() else {
                continue;
            };
            if taken.get(&table) == Some(&at) {
                continue;
            }
            if let Some(kept) = self.index.load(link, name).await? {
                taken.insert(table, kept.checkpoint.taken);
                let found = found(table, kept, now());
                self.tell(Event::Compared(found)).await;
            }
        }
        Ok(())
    }

    /// What the agent says of everything else.
    async fn view(&self) -> Result<(), JournalError> {
        let Some(told) = self.index.told().await? else {
            return Ok(());
        };
        match serde_json::from_str::<Live>(&told) {
            Ok(live) => {
                let live = live.by_our_clocks(now());
                self.tell(Event::Told(Box::new(live))).await;
            }
            Err(error) => tracing::debug!(%error, "the agent's view is not understood"),
        }
        Ok(())
    }

    /// Tells the engine. It outlives its tasks, except at the very end, when nobody looks any more.
    async fn tell(&self, event: Event) {
        let _ended = self.events.send(event).await;
    }
}

/// What is known of a table, as a comparison that read nothing.
fn found(table: TableIndex, kept: Kept, here: Now) -> Comparison {
    let point = kept.checkpoint;
    let taken = here.at(point.taken);
    let unread = Arc::new(Sides::unread(taken));
    let looked = kept.problems.into_iter().map(|problem| Looked {
        record: Named {
            key: RecordKey {
                table,
                id: problem.id,
            },
            name: problem.name,
            number: problem.number,
            on_the_way: false,
        },
        drift: problem.drift,
        is_guess: problem.is_guess,
        other: problem.other,
        // The index does not tell; a look at the record by itself does.
        parked: None,
        since: problem.since,
        sides: Arc::clone(&unread),
    });
    Comparison {
        table,
        started: taken,
        in_sync: point.in_sync,
        local: point.local,
        full: point.compared,
        is_whole: true,
        looked: looked.collect(),
        apart: Vec::new(),
    }
}
