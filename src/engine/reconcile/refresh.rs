//! A refresh: what both sides say changed since the last checkpoint, and the counterparts of that; nothing else is read.
//!
//! The checkpoint moves on only with what was read behind it (`CouchDB`'s order): whoever dies in between reads the same
//! changes again.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::SubsecRound;

use crate::dataverse::now;
use crate::domain::drift::{Changed, Side};
use crate::domain::failure::Failure;
use crate::domain::packed::PackedRow;
use crate::domain::row::{DeltaLink, RowId};
use crate::engine::event::{Comparison, Event, Looked};
use crate::engine::evidence::Clues;
use crate::engine::link::LinkTable;
use crate::engine::reading::End;
use crate::journal::Checkpoint;

use super::counted::others;
use super::known::Known;
use super::look::{Both, Found, LACKED, assess, confirm_packed};
use super::{Broken, Comparing, Pending};

/// Why changes were not followed.
#[derive(Debug)]
pub(super) enum Unfollowed {
    /// An instance could not be read.
    Broken(Broken),
    /// Only a full comparison tells what changed, for this reason.
    Token(String),
}

impl From<Broken> for Unfollowed {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// What one side says has changed.
struct Changes {
    found: Found,
    deleted: HashSet<RowId>,
    next: DeltaLink,
}

impl Changes {
    fn ids(&self) -> impl Iterator<Item = RowId> {
        self.found.ids().chain(self.deleted.iter().copied())
    }

    /// What was told without a row is read by id, so that a row that was deleted and made again is seen.
    fn missing(&self, ids: &BTreeSet<RowId>) -> Vec<RowId> {
        let ids = ids.iter().copied();
        ids.filter(|id| !self.found.has(*id)).collect()
    }
}

/// Brings what is known of a table up to date.
pub(super) async fn refresh(
    job: &Comparing,
    table: &LinkTable,
    known: &mut Known,
    point: Checkpoint,
) -> Result<Vec<Pending>, Unfollowed> {
    let mut apart = table.read_apart.borrow();
    let pending = follow(job, table, known, point, &apart.ids).await;
    if pending.is_ok() {
        apart.ids.clear();
    }
    pending
}

async fn follow(
    job: &Comparing,
    table: &LinkTable,
    known: &mut Known,
    point: Checkpoint,
    apart: &BTreeSet<RowId>,
) -> Result<Vec<Pending>, Unfollowed> {
    let started = now();
    let is_first = known.is_to_be_told_whole();
    let (source, target) = tokio::join!(
        changes(job, table, End::Source, &point.source),
        changes(job, table, End::Target, &point.target),
    );
    let source = source.map_err(|failure| unfollowed(End::Source, failure))?;
    let target = target.map_err(|failure| unfollowed(End::Target, failure))?;
    let mut ids: BTreeSet<RowId> = source
        .ids()
        .chain(target.ids())
        .chain(known.unread())
        .chain(apart.iter().copied())
        .collect();
    // A row whose key stood in the way of another record's: that record is looked at, too, and the other way round.
    let tied: Vec<RowId> = known.tied(&ids).collect();
    ids.extend(tied);
    let (unread_source, unread_target) = (source.missing(&ids), target.missing(&ids));
    let next = Checkpoint {
        source: source.next.clone(),
        target: target.next.clone(),
        taken: started.wall.trunc_subsecs(3),
        ..point
    };
    let feeds = Feeds::of(&source, &target);
    let mut both = Both {
        source: source.found,
        target: target.found,
        ..Both::default()
    };
    both.read_more(&job.link, table, &job.ends, &unread_source, &unread_target)
        .await?;
    both.match_keys(&job.link, table, &job.ends, true).await?;
    ids.extend(both.source_twins());
    let ids: Vec<RowId> = ids.into_iter().collect();
    take_up(job, table, known, &ids).await?;
    let judged = both.judge(&job.link, table, &ids, |id, clues| {
        feeds.clues(id, clues, known.was_local(id))
    });
    let mut looked: Vec<_> = judged.map(Looked::packed).collect();
    let confirmed = confirm_packed(&job.link, &job.ends, table, &LACKED, &mut looked).await;
    confirmed.map_err(Broken::target)?;
    // Taken as it was read, and looked at once more: gone since the feeds were read, or an answer that was wrong.
    let doubtful = looked.iter().filter(|looked| {
        let id = looked.record.key.id;
        let source = known.was_in_source(id) && feeds.has_not_told(End::Source, looked);
        let target = known.was_in_target(id) && feeds.has_not_told(End::Target, looked);
        source || target
    });
    for looked in doubtful {
        table.read_apart.add(looked.record.key.id);
    }
    looked.extend(folded(job, table, known, &ids, &looked));
    let others: Vec<RowId> = looked
        .iter()
        .flat_map(|looked| others(table, looked))
        .collect();
    take_up(job, table, known, &others).await?;
    // By now they may stand otherwise than they are counted here.
    let apart = table.read_apart.seen().into_iter();
    let apart: Vec<RowId> = apart.filter(|id| ids.binary_search(id).is_err()).collect();
    take_up(job, table, known, &apart).await?;
    let apart = known.counts(&apart);
    let full = next.compared;
    let sums = known.take(&job.link, table, next, &mut looked, None).await;
    let comparison = Comparison {
        table: table.index,
        started,
        in_sync: sums.in_sync,
        local: sums.local,
        full,
        is_whole: is_first,
        looked: if is_first {
            known.problems(&job.link)
        } else {
            looked
        },
        apart,
    };
    job.tell(Event::Compared(comparison)).await;
    known.was_told();
    Ok(known.pending(&job.link))
}

fn unfollowed(end: End, failure: Failure) -> Unfollowed {
    if failure.refuses_the_token() {
        let (end, why) = (end.word(), failure.summary());
        Unfollowed::Token(format!("the {end}'s changes can't be followed on: {why}"))
    } else {
        Unfollowed::Broken(Broken { end, failure })
    }
}

async fn changes(
    job: &Comparing,
    table: &LinkTable,
    end: End,
    since: &DeltaLink,
) -> Result<Changes, Failure> {
    let mut pages = job.ends.reader(end).changes(table.tracked(end), since)?;
    let (mut found, mut deleted) = (Found::default(), HashSet::new());
    let mut next = None;
    while let Some(mut page) = pages.next().await? {
        for id in page.deleted.drain(..) {
            let id = match end {
                End::Source => id,
                End::Target => table.identity.source_id(id),
            };
            found.forget(id);
            deleted.insert(id);
        }
        next = page.delta.take();
        found.take(table.take(end, page));
    }
    let next = next.ok_or_else(|| Failure::odd("the changes end without a link to go on from"))?;
    if is_behind(&next, since) {
        return Err(Failure::token_refused(
            "the versions count from an earlier number: the instance was restored",
        ));
    }
    Ok(Changes {
        found,
        deleted,
        next,
    })
}

/// Whether a link's version is smaller than that of the link before it, as after a backup was restored. Links are opaque
/// by contract; where their tokens have the documented form `919042!08/22/2017 08:10:44` (contract 4.2), that is read.
fn is_behind(next: &DeltaLink, before: &DeltaLink) -> bool {
    let version = |link: &DeltaLink| -> Option<u64> {
        let (_, token) = link.as_str().split_once("$deltatoken=")?;
        let digits: String = token.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    matches!((version(next), version(before)), (Some(next), Some(before)) if next < before)
}

/// Has at hand what is known of these rows.
async fn take_up(
    job: &Comparing,
    table: &LinkTable,
    known: &mut Known,
    ids: &[RowId],
) -> Result<(), Unfollowed> {
    if known.take_up(&job.link, table, ids).await {
        return Ok(());
    }
    known.distrust();
    let why = "another process has kept the index meanwhile, or it can't be read";
    Err(Unfollowed::Token(why.to_owned()))
}

/// Rows that have become part of another record, whose key they hold: they stand for themselves no more.
fn folded(
    job: &Comparing,
    table: &LinkTable,
    known: &Known,
    ids: &[RowId],
    looked: &[Looked<PackedRow>],
) -> Vec<Looked<PackedRow>> {
    let here: HashSet<RowId> = looked.iter().map(|looked| looked.record.key.id).collect();
    let parts = looked.iter().flat_map(|looked| others(table, looked));
    let parts = parts.filter(|id| known.drift(*id).is_some());
    let parts: BTreeSet<RowId> = parts.chain(ids.iter().copied()).collect();
    let gone = parts.iter().filter(|id| !here.contains(id));
    let gone = gone.map(|id| assess(&job.link, table, *id, Side::Absent, Side::Absent, None));
    gone.map(Looked::packed).collect()
}

/// What the feeds say of each record.
struct Feeds {
    source: HashMap<RowId, Told>,
    target: HashMap<RowId, Told>,
}

/// What one feed says of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It has changed.
    Changed,
    /// It is gone, or was in between.
    Deleted,
}

fn told(changes: &Changes) -> HashMap<RowId, Told> {
    let there = changes.found.ids().map(|id| (id, Told::Changed));
    let deleted = changes.deleted.iter().map(|id| (*id, Told::Deleted));
    there.chain(deleted).collect()
}

impl Feeds {
    fn of(source: &Changes, target: &Changes) -> Self {
        Self {
            source: told(source),
            target: told(target),
        }
    }

    /// Whether one side has no such row, and its feed tells of no deletion.
    fn has_not_told(&self, end: End, looked: &Looked<PackedRow>) -> bool {
        let (feed, side) = match end {
            End::Source => (&self.source, &looked.sides.source),
            End::Target => (&self.target, &looked.sides.target),
        };
        *side == Side::Absent && feed.get(&looked.record.key.id) != Some(&Told::Deleted)
    }

    /// What was known of a record, and what the feeds say of it since. What was the target's own has been changed there,
    /// whenever that was: there never was an agreement, or it ended when the row left the scope.
    fn clues(&self, id: RowId, before: Clues, was_local: bool) -> Clues {
        let (source, target) = (self.source.get(&id), self.target.get(&id));
        let changed = before.changed.or_else(|| {
            (source.is_some() || target.is_some()).then_some(Changed {
                source: source.is_some(),
                target: target.is_some() || was_local,
            })
        });
        Clues {
            changed,
            deleted_in_source: before.deleted_in_source || source == Some(&Told::Deleted),
            deleted_in_target: before.deleted_in_target || target == Some(&Told::Deleted),
            is_held: before.is_held,
        }
    }
}
