//! How far a full comparison has come, kept in the index every other second, so that the next one goes on from there:
//! after a kill, and after an instance that stopped answering. A page is saved after it was taken in, together with the
//! link that follows it (`CouchDB`'s order).

use std::pin::pin;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Comparing;
use super::known::rules_of;
use crate::domain::pairing::Pairing;
use crate::domain::row::RowId;
use crate::domain::table::TableName;
use crate::engine::link::LinkTable;
use crate::engine::reading::End;
use crate::engine::start::Depth;
use crate::journal::{Index, JournalError, Listed, Listing, SidePage};

/// What was begun longer ago than this is begun anew: what became of its rows since would be too much to ask for.
const LONGEST: chrono::Duration = chrono::Duration::days(1);

/// The same of a table whose changes are not tracked: that a row was deleted behind the page that showed it, nothing
/// tells but the next comparison.
const LONGEST_UNTRACKED: chrono::Duration = chrono::Duration::hours(1);

/// What was read in less is read again sooner than it is saved.
const EVERY: Duration = Duration::from_secs(2);

/// No more pages wait to be saved, whatever their rate: 60 MB where each has 5000 rows.
const MOST: usize = 500;

/// What one comparison of a table keeps of itself.
pub(super) struct Progress {
    /// `None` where nothing is kept: another process has the index, or it can't be written.
    index: Option<Index>,
    link: String,
    table: TableName,
    rules: u64,
    /// Of the checksums, as long as it goes on.
    seed: u64,
    /// Pages that were taken in since the last were saved, and when they are to be saved at the latest.
    unsaved: Vec<SidePage>,
    due: Option<Instant>,
    /// Those that are being saved, while the next are read.
    saving: Option<JoinHandle<Result<bool, JournalError>>>,
    /// When it began, in whichever process.
    pub(super) started: DateTime<Utc>,
}

/// Where a comparison goes on from: rows that both sides have given, and how far each was read.
pub(super) struct Place {
    pub(super) pairing: Pairing,
    pub(super) unread: Vec<RowId>,
    pub(super) source: Listing,
    pub(super) target: Listing,
}

impl Place {
    /// Takes in a page of one side.
    pub(super) fn take(&mut self, end: End, page: &Listed) {
        for (id, digest) in &page.rows {
            match end {
                End::Source => self.pairing.source(*id, *digest),
                End::Target => self.pairing.target(*id, *digest),
            }
        }
        self.unread.extend(&page.unreadable);
    }

    /// Rows that both sides have given.
    pub(super) fn rows(&self) -> usize {
        self.source.rows + self.target.rows
    }
}

impl Progress {
    /// A comparison that begins now, or goes on where an earlier one broke off.
    pub(super) async fn open(
        job: &Comparing,
        table: &LinkTable,
        now: DateTime<Utc>,
    ) -> (Self, Place) {
        let keeper = job.link.index.get().filter(|index| index.is_keeper());
        let mut progress = Self {
            index: keeper.cloned(),
            link: job.link.config.name.clone(),
            table: table.name.clone(),
            rules: rules_of(table),
            seed: fastrand::u64(..),
            unsaved: Vec::new(),
            due: None,
            saving: None,
            started: now.trunc_subsecs(3),
        };
        if job.depth != Depth::Anew {
            match progress.before(job, table, now).await {
                Ok(Some(place)) => {
                    progress.started = place.source.started.min(place.target.started);
                    progress.seed = place.source.seed;
                    return (progress, place);
                }
                Ok(None) => {}
                Err(error) => progress.give_up(&error),
            }
        }
        progress.forget().await;
        let place = progress.beginning();
        (progress, place)
    }

    /// Nothing is read yet.
    pub(super) fn beginning(&self) -> Place {
        Place {
            pairing: Pairing::default(),
            unread: Vec::new(),
            source: self.unlisted(),
            target: self.unlisted(),
        }
    }

    fn unlisted(&self) -> Listing {
        Listing {
            rules: self.rules,
            seed: self.seed,
            started: self.started,
            began: None,
            pages: 0,
            rows: 0,
            next: None,
            delta: None,
        }
    }

    /// What an earlier comparison has read, if there is one to go on from.
    async fn before(
        &self,
        job: &Comparing,
        table: &LinkTable,
        now: DateTime<Utc>,
    ) -> Result<Option<Place>, JournalError> {
        let Some(index) = &self.index else {
            return Ok(None);
        };
        let name = || (self.link.clone(), table.name.clone());
        let longest = if table.is_tracked() {
            LONGEST
        } else {
            LONGEST_UNTRACKED
        };
        let mut place = self.beginning();
        for end in [End::Source, End::Target] {
            let (link, entity) = name();
            let Some(listing) = index.listing(link, entity, end.word()).await? else {
                continue;
            };
            let is_recent = (listing.started..listing.started + longest).contains(&now);
            // A link that was kept passes the guard of any other (security case 10).
            let next = listing.next.as_ref();
            let reader = job.ends.reader(end);
            let leads_on =
                next.is_none_or(|next| reader.pages_from(table.listed(end), next).is_ok());
            if listing.rules != self.rules || !is_recent || !leads_on {
                return Ok(None);
            }
            match end {
                End::Source => place.source = listing,
                End::Target => place.target = listing,
            }
        }
        // A side that has no page yet goes on with the other's seed.
        match (place.source.pages, place.target.pages) {
            (0, _) => place.source.seed = place.target.seed,
            (_, 0) => place.target.seed = place.source.seed,
            _ if place.source.seed != place.target.seed => return Ok(None),
            _ => {}
        }
        // Both sides in turn, so that rows that are equal make room for the next.
        for page in 1..=place.source.pages.max(place.target.pages) {
            for (end, pages) in [
                (End::Source, place.source.pages),
                (End::Target, place.target.pages),
            ] {
                if page > pages {
                    continue;
                }
                let (link, entity) = name();
                let Some(page) = index.listed(link, entity, end.word(), page).await? else {
                    return Ok(None);
                };
                place.take(end, &page);
            }
        }
        Ok(Some(place).filter(|place| place.rows() > 0))
    }

    /// Keeps a page that was taken in, and how far its side is read with it.
    pub(super) async fn keep(&mut self, end: End, listing: Listing, page: Listed) {
        if self.index.is_none() {
            return;
        }
        self.due.get_or_insert_with(|| Instant::now() + EVERY);
        self.unsaved.push(SidePage {
            side: end.word(),
            listing,
            page,
        });
        if self.unsaved.len() >= MOST {
            self.save().await;
        }
    }

    /// Does some work, and saves meanwhile what is due.
    pub(super) async fn saved_during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            let Some(due) = self.due else {
                return work.await;
            };
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep_until(due) => self.save().await,
            }
        }
    }

    /// Begins to save what is not saved, once what was before it is.
    async fn save(&mut self) {
        self.saved().await;
        self.due = None;
        let pages = std::mem::take(&mut self.unsaved);
        let Some(index) = self.index.clone().filter(|_| !pages.is_empty()) else {
            return;
        };
        let (link, table) = (self.link.clone(), self.table.clone());
        self.saving = Some(tokio::spawn(async move {
            index.save_listed(link, table, pages).await
        }));
    }

    /// Waits until what is being saved is saved.
    async fn saved(&mut self) {
        let Some(saving) = self.saving.take() else {
            return;
        };
        match saving.await {
            Ok(Ok(true)) => {}
            // A page that is not kept would be missing for good: no later one is.
            Ok(Ok(false)) | Err(_) => self.index = None,
            Ok(Err(error)) => self.give_up(&error),
        }
    }

    /// Saves what is not saved: the next comparison goes on from there.
    pub(super) async fn settle(&mut self) {
        self.save().await;
        self.saved().await;
    }

    /// Saves nothing more: what was read is about to be known otherwise.
    pub(super) async fn stop(&mut self) {
        self.due = None;
        self.unsaved.clear();
        self.saved().await;
    }

    /// Forgets what was read, whose end is reached or which is of no use.
    pub(super) async fn forget(&mut self) {
        self.stop().await;
        let Some(index) = &self.index else { return };
        let forgotten = index.forget_listed(self.link.clone(), self.table.clone());
        if let Err(error) = forgotten.await {
            self.give_up(&error);
        }
    }

    fn give_up(&mut self, error: &JournalError) {
        tracing::warn!(%error, table = %self.table, "how far the comparison has come can't be kept");
        self.index = None;
    }
}
