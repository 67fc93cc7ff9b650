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
use crate::domain::packed::PackedRow;
use crate::domain::pairing::Paired;
use crate::domain::row::RowId;
use crate::domain::table::TableSchema;
use crate::domain::time::Now;
use crate::engine::event::{self, Comparison, Event, Looked};
use crate::engine::link::LinkTable;
use crate::engine::reading::End;
use crate::engine::state;
use crate::journal::{Checkpoint, Listed, Listing};

use super::counted::Counted;
use super::keys::learn;
use super::known::{Known, rules_of};
use super::look::{Both, LACKED, confirm_packed};
use super::progress::{Place, Progress};
use super::refresh::{Unfollowed, refresh};
use super::{Broken, Comparing, Interruption, Pending};

/// How soon a listing that was interrupted asks again: at once refused while a breaker is open, it costs nothing.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A side that had at least so many rows and now has a tenth of them is not believed at once (fault F9).
const IMPLAUSIBLE: usize = 100;

/// What a listing tells as it goes.
enum Told {
    /// A page, and how far the side is read with it.
    Page(End, Listed, Listing),
    /// The instance does not answer; it is asked again.
    Waits(End, String),
}

/// Compares one table in full, from where an earlier comparison broke off if there is one.
pub(super) async fn compare(
    job: &Comparing,
    table: &Arc<LinkTable>,
    known: &mut Known,
) -> Result<Vec<Pending>, Broken> {
    learn(job, table).await?;
    let (mut progress, place) = Progress::open(job, table, now().wall).await;
    let read_before = place.rows();
    if read_before > 0 {
        let text = format!(
            "{}: the comparison goes on where it broke off; {read_before} rows are read already",
            table.name
        );
        job.tell(Event::ComparesInFull {
            link: job.link.place,
            text,
        })
        .await;
    }
    let mut compared = compare_from(job, table, known, &mut progress, place).await;
    if let Err(broken) = &compared
        && broken.failure.refuses_the_token()
    {
        progress.forget().await;
        if read_before > 0 {
            progress.started = now().wall.trunc_subsecs(3);
            let beginning = progress.beginning();
            compared = compare_from(job, table, known, &mut progress, beginning).await;
        }
    }
    progress.settle().await;
    compared
}

async fn compare_from(
    job: &Comparing,
    table: &Arc<LinkTable>,
    known: &mut Known,
    progress: &mut Progress,
    place: Place,
) -> Result<Vec<Pending>, Broken> {
    let started = now();
    let read_before = place.rows();
    let (told, mut hears) = mpsc::channel(4);
    let sums = Checksums::new(&table.rules, place.source.seed);
    let lists = |end, listed: &Listing| Lists {
        end,
        sums: sums.clone(),
        reader: job.ends.reader(end).clone(),
        table: Arc::clone(table),
        interruption: job.interruption,
        listed: listed.clone(),
        told: told.clone(),
    };
    // Tasks of their own: parsing and hashing keep a core busy on each side.
    let source = tokio::spawn(lists(End::Source, &place.source).run());
    let target = tokio::spawn(lists(End::Target, &place.target).run());
    drop(told);
    let expected = expected(job, table, known).await;
    let (Paired { equal, unequal }, unread) =
        pair(job, table, started, expected, progress, place, &mut hears).await;
    let source = ended(source.await, End::Source)?;
    let target = ended(target.await, End::Target)?;
    for (end, listing, before) in [
        (
            End::Source,
            &source,
            known.rows(|drift| !is_target_only(drift)),
        ),
        (
            End::Target,
            &target,
            known.rows(|drift| !is_source_only(drift)),
        ),
    ] {
        if let Err(broken) = plausible(end, listing, before) {
            // Read anew the next time: it may be true by then, or be told otherwise.
            progress.forget().await;
            return Err(broken);
        }
    }

    let looking = Box::pin(async {
        let changed = changed_meanwhile(job, table, [&source, &target]).await?;
        let mut ids = unequal;
        ids.extend(unread);
        ids.extend(changed);
        ids.sort_unstable();
        ids.dedup();
        look(job, table, &ids).await
    });
    let mut looked = progress.saved_during(looking).await?;
    progress.stop().await;
    let counted = Counted::of(equal, table, &looked);
    looked.retain(|looked| looked.drift.is_listed());
    // By now they may stand otherwise than they are counted here.
    let apart = table.read_apart.seen().into_iter();
    let apart = apart.filter(|id| counted.sources.has(*id));
    let apart = apart.filter(|id| looked.iter().all(|looked| looked.record.key.id != *id));
    let apart = apart.map(|id| (id, event::Counted::InStep)).collect();
    let sums = if let (Some(source), Some(target)) = (source.delta, target.delta) {
        let point = Checkpoint {
            rules: rules_of(table),
            source,
            target,
            taken: progress.started,
            compared: progress.started,
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
        progress.forget().await;
        table.read_apart.take();
        counted.sums(looked.iter())
    };
    // What was deleted behind a page that was read long ago, only the changes tell.
    if let Some(point) = known.point().filter(|_| read_before > 0) {
        known.leave_untold();
        match refresh(job, table, known, point).await {
            Ok(pending) => return Ok(pending),
            Err(Unfollowed::Broken(broken)) => return Err(broken),
            Err(Unfollowed::Token(_)) => known.was_told(),
        }
    }
    let pending = looked.iter();
    let pending = pending.filter_map(|looked| Pending::of(looked, looked.parked.is_some()));
    let pending = pending.collect();
    job.tell(Event::Compared(Comparison {
        table: table.index,
        started,
        in_sync: sums.in_sync,
        local: sums.local,
        full: progress.started,
        is_whole: true,
        looked,
        apart,
    }))
    .await;
    Ok(pending)
}

fn listing(table: &LinkTable, end: End, sums: &Checksums) -> Query {
    let query = table.listed(end);
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
    progress: &mut Progress,
    mut place: Place,
    hears: &mut mpsc::Receiver<Told>,
) -> (Paired, Vec<RowId>) {
    let before = place.rows();
    let mut silent = None;
    while let Some(told) = progress.saved_during(hears.recv()).await {
        let event = match told {
            Told::Page(end, page, listing) => {
                place.take(end, &page);
                match end {
                    End::Source => place.source.rows = listing.rows,
                    End::Target => place.target.rows = listing.rows,
                }
                progress.keep(end, listing, page).await;
                if silent == Some(end) {
                    silent = None;
                } else if silent.is_some() {
                    progress.settle().await;
                }
                Event::Comparing {
                    table: table.index,
                    progress: state::Progress {
                        started,
                        source: place.source.rows,
                        target: place.target.rows,
                        before,
                        expected,
                    },
                }
            }
            Told::Waits(end, why) => {
                // Nobody knows for how long, and whether they have that patience: until then each page is saved at once.
                silent = Some(end);
                progress.settle().await;
                Event::CompareFailed {
                    table: table.index,
                    why: format!("waits for the {}: {why}", end.word()),
                }
            }
        };
        job.tell(event).await;
    }
    (place.pairing.finish(), place.unread)
}

/// One side's listing.
struct Lists {
    end: End,
    sums: Checksums,
    reader: Reader,
    table: Arc<LinkTable>,
    interruption: Interruption,
    /// How far it is.
    listed: Listing,
    told: mpsc::Sender<Told>,
}

impl Lists {
    async fn run(mut self) -> Result<Listing, Failure> {
        let query = listing(&self.table, self.end, &self.sums);
        let mut pages = match &self.listed.next {
            Some(place) => self.reader.pages_from(query, place)?,
            // It was read to its end before.
            None if self.listed.pages > 0 => return Ok(self.listed),
            None => self.reader.pages(query),
        };
        let asked = now();
        loop {
            let mut page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(self.listed),
                Err(failure) if self.may_wait(&failure) => {
                    let told = Told::Waits(self.end, failure.cause());
                    if self.told.send(told).await.is_err() {
                        return Err(failure);
                    }
                    tokio::time::sleep(TRY_AGAIN).await;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            self.listed.pages += 1;
            self.listed.rows += page.rows.len() + page.sums.len();
            // An answer is dated when it is given; what it says is as old as the question.
            self.listed.began = self.listed.began.or_else(|| {
                let took = chrono::Duration::from_std(now().since(asked)).ok()?;
                page.date?.checked_sub_signed(took)
            });
            self.listed.next = pages.place();
            self.listed.delta = page.delta.take();
            let page = self.digest(page);
            let told = Told::Page(self.end, page, self.listed.clone());
            // The one who pairs only goes away together with this task.
            if self.told.send(told).await.is_err() {
                return Ok(self.listed);
            }
        }
    }

    /// Nothing is lost yet before the first page; behind it, what was read is kept.
    fn may_wait(&self, failure: &Failure) -> bool {
        self.interruption == Interruption::Waits
            && self.listed.rows > 0
            && (failure.is_transient() || failure.is_held_back())
    }

    fn digest(&self, mut page: Page) -> Listed {
        let mut rows = std::mem::take(&mut page.sums);
        let taken = self.table.take(self.end, page);
        rows.extend(taken.rows.iter().map(|row| (row.id, self.sums.of(row))));
        let unreadable = taken.unreadable.iter().map(|(id, _)| *id);
        Listed {
            rows,
            unreadable: unreadable.collect(),
        }
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
async fn look(
    job: &Comparing,
    table: &LinkTable,
    ids: &[RowId],
) -> Result<Vec<Looked<PackedRow>>, Broken> {
    let mut both = Both::read(&job.link, table, &job.ends, ids).await?;
    both.match_keys(&job.link, table, &job.ends, false).await?;
    let judged = both.judge(&job.link, table, ids, |_, clues| clues);
    let mut looked: Vec<_> = judged.map(Looked::packed).collect();
    let confirmed = confirm_packed(&job.link, &job.ends, table, &LACKED, &mut looked).await;
    confirmed.map_err(Broken::target)?;
    Ok(looked)
}
