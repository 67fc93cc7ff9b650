//! The full comparison of one table: both sides streamed at once and paired by id, never merged on an assumed order
//! (design, "Scale"). What has no equal is read a second time on both sides and told apart, so that a row that changed
//! meanwhile is no false difference (fault F31).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use tokio::sync::mpsc;

use crate::dataverse::{Filter, Page, Query, Reader, now};
use crate::domain::checksum::Checksums;
use crate::domain::drift::Drift;
use crate::domain::failure::Failure;
use crate::domain::pairing::{Paired, Pairing};
use crate::domain::row::{DeltaLink, RowId};
use crate::domain::table::TableSchema;
use crate::domain::time::Now;
use crate::engine::event::{Comparison, Event, Looked};
use crate::engine::link::LinkTable;
use crate::engine::reading::End;
use crate::journal::Checkpoint;

use super::counted::Counted;
use super::keys::learn;
use super::known::{Known, rules_of};
use super::look::{Both, confirm};
use super::{Broken, Comparing, Interruption};

/// How soon a listing that was interrupted asks again: at once refused while a breaker is open, it costs nothing.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A side that had at least so many rows and now has a tenth of them is not believed at once (fault F9).
const IMPLAUSIBLE: usize = 100;

/// What a listing tells as it goes.
enum Told {
    Rows(End, Vec<(RowId, u64)>, Vec<RowId>),
    /// The instance does not answer; it is asked again.
    Waits(End, String),
}

/// What is known of a listing at its end.
#[derive(Default)]
struct Listing {
    rows: usize,
    /// Where its changes go on, if the table tells them.
    delta: Option<DeltaLink>,
    /// The server's clock at its beginning.
    began: Option<DateTime<Utc>>,
}

/// Compares one table in full.
pub(super) async fn compare(
    job: &Comparing,
    table: &Arc<LinkTable>,
    known: &mut Known,
) -> Result<Comparison, Broken> {
    let started = now();
    learn(job, table).await?;
    let (told, mut hears) = mpsc::channel(4);
    let sums = Checksums::new(&table.rules, fastrand::u64(..));
    let lists = |end| Lists {
        end,
        sums: sums.clone(),
        reader: job.ends.reader(end).clone(),
        table: Arc::clone(table),
        interruption: job.interruption,
        told: told.clone(),
    };
    // Tasks of their own: parsing and hashing keep a core busy on each side.
    let source = tokio::spawn(lists(End::Source).run());
    let target = tokio::spawn(lists(End::Target).run());
    drop(told);
    let expected = expected(job, table, known).await;
    let (Paired { equal, unequal }, unread) = pair(job, table, started, expected, &mut hears).await;
    let source = ended(source.await, End::Source)?;
    let target = ended(target.await, End::Target)?;
    plausible(
        End::Source,
        &source,
        known.rows(|drift| !is_target_only(drift)),
    )?;
    plausible(
        End::Target,
        &target,
        known.rows(|drift| !is_source_only(drift)),
    )?;

    let changed = changed_meanwhile(job, table, [&source, &target]).await?;
    let mut ids = unequal;
    ids.extend(unread);
    ids.extend(changed);
    ids.sort_unstable();
    ids.dedup();
    let mut looked = look(job, table, &ids).await?;
    let counted = Counted::of(equal, table, &looked);
    looked.retain(|looked| looked.drift.is_listed());
    let sums = if let (Some(source), Some(target)) = (source.delta, target.delta) {
        let point = Checkpoint {
            rules: rules_of(table),
            source,
            target,
            taken: started.wall.trunc_subsecs(3),
            compared: started.wall.trunc_subsecs(3),
            sources: 0,
            in_sync: 0,
            local: 0,
        };
        known
            .take(&job.link, table, point, &mut looked, Some(counted))
            .await
    } else {
        // No changes lead on from here.
        known.forget();
        table.read_apart.take();
        counted.sums(looked.iter())
    };
    let comparison = Comparison {
        table: table.index,
        started,
        in_sync: sums.in_sync,
        local: sums.local,
        full: started.wall,
        is_whole: true,
        looked,
    };
    job.tell(Event::Compared(comparison.clone())).await;
    Ok(comparison)
}

fn listing(table: &LinkTable, end: End, sums: &Checksums) -> Query {
    // One side's changes alone lead nowhere.
    let query = if table.source.change_tracking && table.target.change_tracking {
        table.tracked(end)
    } else {
        table.query(end)
    };
    if table.is_taken_as_it_is(end) {
        query.summed(sums.clone())
    } else {
        query
    }
}

/// How many rows both sides have together, as far as anybody knows: for the time that is left.
async fn expected(job: &Comparing, table: &LinkTable, known: &Known) -> Option<usize> {
    if known.point().is_some() {
        return Some(
            known.rows(|drift| !is_target_only(drift)) + known.rows(|drift| !is_source_only(drift)),
        );
    }
    let target = job.ends.target.reader();
    let (source, target) = tokio::join!(
        job.ends.source.total(&table.name),
        target.total(&table.name)
    );
    Some(source.ok()? + target.ok()?)
}

async fn pair(
    job: &Comparing,
    table: &LinkTable,
    started: Now,
    expected: Option<usize>,
    hears: &mut mpsc::Receiver<Told>,
) -> (Paired, Vec<RowId>) {
    let mut pairing = Pairing::default();
    let (mut from_source, mut from_target) = (0, 0);
    let mut unread = Vec::new();
    while let Some(told) = hears.recv().await {
        let event = match told {
            Told::Rows(end, rows, unreadable) => {
                for (id, digest) in &rows {
                    match end {
                        End::Source => pairing.source(*id, *digest),
                        End::Target => pairing.target(*id, *digest),
                    }
                }
                match end {
                    End::Source => from_source += rows.len(),
                    End::Target => from_target += rows.len(),
                }
                unread.extend(unreadable);
                Event::Comparing {
                    table: table.index,
                    source: from_source,
                    target: from_target,
                    expected,
                    started,
                }
            }
            Told::Waits(end, why) => Event::CompareFailed {
                table: table.index,
                why: format!("waits for the {}: {why}", end.word()),
            },
        };
        job.tell(event).await;
    }
    (pairing.finish(), unread)
}

/// One side's listing.
struct Lists {
    end: End,
    sums: Checksums,
    reader: Reader,
    table: Arc<LinkTable>,
    interruption: Interruption,
    told: mpsc::Sender<Told>,
}

impl Lists {
    async fn run(self) -> Result<Listing, Failure> {
        let mut listed = Listing::default();
        let mut pages = self
            .reader
            .pages(listing(&self.table, self.end, &self.sums));
        let asked = now();
        loop {
            let mut page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(listed),
                Err(failure) if self.may_wait(&failure, &listed) => {
                    let told = Told::Waits(self.end, failure.cause());
                    if self.told.send(told).await.is_err() {
                        return Err(failure);
                    }
                    tokio::time::sleep(TRY_AGAIN).await;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            listed.rows += page.rows.len() + page.sums.len();
            // An answer is dated when it is given; what it says is as old as the question.
            listed.began = listed.began.or_else(|| {
                let took = chrono::Duration::from_std(now().since(asked)).ok()?;
                page.date?.checked_sub_signed(took)
            });
            listed.delta = page.delta.take();
            // The one who pairs only goes away together with this task.
            if self.told.send(self.tell(page)).await.is_err() {
                return Ok(listed);
            }
        }
    }

    /// Nothing is lost yet before the first page; behind it, what was read is kept.
    fn may_wait(&self, failure: &Failure, listed: &Listing) -> bool {
        self.interruption == Interruption::Waits
            && listed.rows > 0
            && (failure.is_transient() || failure.is_held_back())
    }

    fn tell(&self, mut page: Page) -> Told {
        let mut rows = std::mem::take(&mut page.sums);
        let taken = self.table.take(self.end, page);
        rows.extend(taken.rows.iter().map(|row| (row.id, self.sums.of(row))));
        let unreadable = taken.unreadable.iter().map(|(id, _)| *id);
        Told::Rows(self.end, rows, unreadable.collect())
    }
}

fn ended(
    joined: Result<Result<Listing, Failure>, tokio::task::JoinError>,
    end: End,
) -> Result<Listing, Broken> {
    let listing = match joined {
        Ok(listing) => listing,
        Err(error) => Err(Failure::odd(&format!("reading broke off: {error}"))),
    };
    listing.map_err(|failure| Broken { end, failure })
}

fn is_target_only(drift: Drift) -> bool {
    matches!(drift, Drift::Orphan | Drift::Local)
}

fn is_source_only(drift: Drift) -> bool {
    matches!(drift, Drift::Missing | Drift::DeletedInTarget)
}

/// The fuse of fault F9: a listing that has lost nearly all of its rows since the last one is more likely wrong than
/// true, and every conclusion from it would be.
fn plausible(end: End, listing: &Listing, before: usize) -> Result<(), Broken> {
    if before < IMPLAUSIBLE || listing.rows > before / 10 {
        return Ok(());
    }
    let failure = Failure::odd(&format!(
        "implausible: {} rows, where there were {before}; the figures stay as they were. If it is true, say so \
         with `tandem status --believe`",
        listing.rows
    ));
    Err(Broken { end, failure })
}

/// Rows that changed while the listings were read: they may have been read before they changed, and the links to what
/// changes from now on may not tell of them.
async fn changed_meanwhile(
    job: &Comparing,
    table: &LinkTable,
    [source, target]: [&Listing; 2],
) -> Result<Vec<RowId>, Broken> {
    let reader = job.ends.target.reader();
    let (source, target) = tokio::join!(
        changed_since(&job.ends.source, &table.source, source.began),
        changed_since(reader, &table.target, target.began),
    );
    let mut ids = source.map_err(Broken::source)?;
    let target = target.map_err(Broken::target)?;
    ids.extend(target.into_iter().map(|id| table.identity.source_id(id)));
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

async fn changed_since(
    reader: &Reader,
    schema: &TableSchema,
    began: Option<DateTime<Utc>>,
) -> Result<Vec<RowId>, Failure> {
    let mut ids = Vec::new();
    // A server without a clock tells nothing that could be asked for.
    let Some(began) = began else { return Ok(ids) };
    let since = began - chrono::Duration::seconds(1);
    let columns = std::slice::from_ref(&schema.primary_id);
    let mut pages = reader.pages(Query::all(schema, columns).only(Filter::ChangedSince(since)));
    while let Some(page) = pages.next().await? {
        ids.extend(page.rows.iter().map(|row| row.id));
    }
    Ok(ids)
}

/// Reads records a second time on both sides and tells their drift; those that are in step are told, too.
async fn look(job: &Comparing, table: &LinkTable, ids: &[RowId]) -> Result<Vec<Looked>, Broken> {
    let mut both = Both::read(&job.link, table, &job.ends, ids).await?;
    both.match_keys(&job.link, table, &job.ends, false).await?;
    let mut looked = both.judge(&job.link, table, ids, |_, clues| clues);
    confirm(job, table, &mut looked).await?;
    Ok(looked)
}
