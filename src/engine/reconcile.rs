//! Where the records of a link stand. After one full comparison only changes are read: both sides' delta links, and the
//! counterparts of what changed (contract 4; design, "Scale"). Whatever makes the changes incomplete, an expired or
//! refused token or another configuration, leads back to the full comparison, and says so.
//!
//! ```text
//!   first time, token refused ──▶ full: both listings paired by id ─▶ second look ─┐
//!                                                                                  ├─▶ known ─▶ index, state
//!   from then on ──▶ refresh: both sides' changes ─▶ counterparts ─▶ second look ──┘
//! ```
//!
//! It decides no drift ([`crate::domain::drift`] does) and writes to no instance.

mod counted;
mod full;
mod keys;
mod known;
mod look;
mod progress;
mod refresh;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::event::{Event, Looked};
use super::link::{Ends, LinkContext, LinkTable};
use super::reading::End;
use super::start::Depth;
use crate::domain::drift::Drift;
use crate::domain::failure::Failure;
use crate::domain::operation::RecordKey;
use crate::domain::packed::PackedRow;

pub(super) use keys::{counterparts, find_partners};
pub(super) use known::Known;
pub(super) use look::{assess, look_many, look_one};

/// Why a comparison broke off.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) end: End,
    pub(super) failure: Failure,
}

impl Broken {
    fn source(failure: Failure) -> Self {
        let end = End::Source;
        Self { end, failure }
    }

    fn target(failure: Failure) -> Self {
        let end = End::Target;
        Self { end, failure }
    }
}

/// A record that a sync would bring over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) key: RecordKey,
    pub(super) drift: Drift,
    /// When the source's row was last changed.
    pub(super) changed: Option<DateTime<Utc>>,
    pub(super) is_parked: bool,
}

impl Pending {
    fn of(looked: &Looked<PackedRow>, is_parked: bool) -> Option<Self> {
        looked.drift.is_pending().then(|| Self {
            key: looked.record.key,
            drift: looked.drift,
            changed: looked.sides.source.row().and_then(PackedRow::modified_on),
            is_parked,
        })
    }
}

/// What a comparison does when an instance stops answering on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// It keeps what it has read, and goes on where it was once the instance answers again.
    Waits,
    /// It breaks off: somebody waits for its word.
    BreaksOff,
}

/// One comparison of a link.
#[derive(Clone)]
pub(super) struct Comparing {
    pub(super) link: Arc<LinkContext>,
    pub(super) ends: Ends,
    pub(super) depth: Depth,
    pub(super) interruption: Interruption,
    pub(super) events: mpsc::Sender<Event>,
}

/// Takes over anew what the index says of a table, which another process keeps.
pub(super) async fn know_again(link: &LinkContext, table: &LinkTable) {
    let mut known = table.known.lock().await;
    known.distrust();
    known.load(link, table).await;
}

impl Comparing {
    /// Compares all tables at once, and reports as it goes. The answer lists every record that is pending.
    pub(super) async fn run(&self) -> Result<Vec<Pending>, Broken> {
        let tables = self.link.tables.iter();
        let compared = futures_util::future::join_all(tables.map(|table| self.reported(table)));
        let compared: Result<Vec<_>, Broken> = compared.await.into_iter().collect();
        Ok(compared?.concat())
    }

    async fn reported(&self, table: &Arc<LinkTable>) -> Result<Vec<Pending>, Broken> {
        let result = self.table(table).await;
        if let Err(broken) = &result {
            self.tell(Event::CompareFailed {
                table: table.index,
                why: broken.failure.cause(),
            })
            .await;
        }
        result
    }

    /// Compares one table. One comparison of a table runs at a time; who waited for another finds little left to read.
    async fn table(&self, table: &Arc<LinkTable>) -> Result<Vec<Pending>, Broken> {
        self.link.recalled.cancelled().await;
        let mut known = table.known.lock().await;
        known.load(&self.link, table).await;
        if self.depth == Depth::Anew {
            known.forget();
        }
        match self.changes(table, &mut known).await {
            Ok(Some(pending)) => return Ok(pending),
            Ok(None) => {}
            Err(refresh::Unfollowed::Broken(broken)) => return Err(broken),
            Err(refresh::Unfollowed::Token(why)) => {
                self.tell(Event::ComparesInFull {
                    link: self.link.place,
                    text: format!("{} is compared in full: {why}", table.name),
                })
                .await;
            }
        }
        full::compare(self, table, &mut known).await
    }

    /// What changed since the last look, if that is enough and it is known from where on.
    async fn changes(
        &self,
        table: &LinkTable,
        known: &mut Known,
    ) -> Result<Option<Vec<Pending>>, refresh::Unfollowed> {
        let Some(point) = known.point().filter(|_| self.depth == Depth::Changes) else {
            return Ok(None);
        };
        refresh::refresh(self, table, known, point).await.map(Some)
    }

    /// Takes in what changed in one table since it was last looked at; false where nothing tells from where on. An
    /// error is an instance's that can't be read now.
    pub(super) async fn follow(&self, table: &Arc<LinkTable>) -> Result<bool, Failure> {
        let mut known = table.known.lock().await;
        known.load(&self.link, table).await;
        let Some(point) = known.point() else {
            return Ok(false);
        };
        match refresh::refresh(self, table, &mut known, point).await {
            Ok(_) => Ok(true),
            Err(refresh::Unfollowed::Token(_)) => Ok(false),
            Err(refresh::Unfollowed::Broken(broken)) => Err(broken.failure),
        }
    }

    /// Tells the engine. It outlives its tasks, except at the very end, when nobody looks any more.
    async fn tell(&self, event: Event) {
        let _ended = self.events.send(event).await;
    }
}
