//! A refresh: what both sides say changed since the last checkpoint, and the counterparts of that; nothing else is read.
//!
//! The checkpoint moves on only with what was read behind it (`CouchDB`'s order): whoever dies in between reads the same
//! changes again.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, SubsecRound, Utc};

use crate::dataverse::now;
use crate::domain::drift::{Changed, Drift, Side};
use crate::domain::failure::Failure;
use crate::domain::row::{DeltaLink, Row, RowId};
use crate::engine::event::{Comparison, Event, Looked};
use crate::engine::evidence::Clues;
use crate::engine::link::LinkTable;
use crate::engine::reading::End;
use crate::journal::Checkpoint;

use super::known::Known;
use super::look::{Both, Found, confirm};
use super::{Broken, Comparing};

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
    /// When each row that is new since the checkpoint was created, is a matter of the server's clock.
    date: Option<DateTime<Utc>>,
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
) -> Result<Comparison, Unfollowed> {
    let apart = table.read_apart.take();
    let comparison = follow(job, table, known, point, &apart).await;
    if comparison.is_err() {
        table.read_apart.give_back(apart);
    }
    comparison
}

async fn follow(
    job: &Comparing,
    table: &LinkTable,
    known: &mut Known,
    point: Checkpoint,
    apart: &BTreeSet<RowId>,
) -> Result<Comparison, Unfollowed> {
    let started = now();
    let is_first = known.is_fresh_from_the_index();
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
    // A row whose key stood in the way of another record's: that record is looked at, too.
    let held: HashMap<RowId, RowId> = known.held_by(&ids).collect();
    ids.extend(held.values());
    let (unread_source, unread_target) = (source.missing(&ids), target.missing(&ids));
    let feeds = Feeds::of(&point, &source, &target);
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
    let mut looked = both.judge(&job.link, table, &ids, |id, clues| feeds.clues(id, clues));
    confirm(job, table, &mut looked).await?;
    let rows = |end| {
        let sides = looked.iter().map(|looked| &looked.sides);
        sides.filter_map(move |sides| match end {
            End::Source => sides.source.row(),
            End::Target => sides.target.row(),
        })
    };
    let source_taken = source.date.unwrap_or(started.wall);
    let target_taken = target.date.unwrap_or(started.wall);
    let mut next = Checkpoint {
        source: source.next,
        target: target.next,
        taken: started.wall.trunc_subsecs(3),
        source_taken,
        target_taken,
        source_fresh: feeds.source.fresh_at(source_taken, rows(End::Source)),
        target_fresh: feeds.target.fresh_at(target_taken, rows(End::Target)),
        ..point.clone()
    };
    for looked in &looked {
        let id = looked.record.key.id;
        // The other row of a duplicate is counted with it.
        let before = known.drift(id).or_else(|| {
            let is_counted = !held.contains_key(&id);
            feeds.before(looked).filter(|_| is_counted)
        });
        count(&mut next, before, after(looked));
    }
    let (in_sync, local, full) = (next.in_sync, next.local, next.compared);
    known.take(&job.link, table, next, &mut looked, false).await;
    let comparison = Comparison {
        table: table.index,
        started,
        in_sync,
        local,
        full,
        is_whole: is_first,
        looked: if is_first {
            known.problems(&job.link)
        } else {
            looked
        },
    };
    job.tell(Event::Compared(comparison.clone())).await;
    Ok(Comparison {
        looked: known.problems(&job.link),
        ..comparison
    })
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
    let (mut next, mut date) = (None, None);
    while let Some(mut page) = pages.next().await? {
        for id in page.deleted.drain(..) {
            let id = match end {
                End::Source => id,
                End::Target => table.identity.source_id(id),
            };
            found.forget(id);
            deleted.insert(id);
        }
        // What the first page was asked at is what the next link's changes begin after, at the latest.
        date = date.or(page.date);
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
        date,
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

/// What the feeds say of each record.
struct Feeds<'p> {
    source: Feed<'p>,
    target: Feed<'p>,
}

/// What one side's feed says, and what was counted of that side when it began.
struct Feed<'p> {
    told: HashMap<RowId, Told>,
    taken: DateTime<Utc>,
    fresh: &'p BTreeSet<RowId>,
}

/// What one feed says of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It has changed.
    Changed,
    /// It is gone, or was in between.
    Deleted,
}

/// Whether a row was there at the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Was {
    There,
    /// It was not: it has been made since.
    Made,
    Absent,
}

impl<'p> Feed<'p> {
    fn of(changes: &Changes, taken: DateTime<Utc>, fresh: &'p BTreeSet<RowId>) -> Self {
        let there = changes.found.ids().map(|id| (id, Told::Changed));
        let deleted = changes.deleted.iter().map(|id| (*id, Told::Deleted));
        Self {
            told: there.chain(deleted).collect(),
            taken,
            fresh,
        }
    }

    fn has_deleted(&self, id: RowId) -> bool {
        self.told.get(&id) == Some(&Told::Deleted)
    }

    /// Whether a row was there, by what it shows now. When it was made is known to the second only: of those of the
    /// checkpoint's own second it is remembered which were counted.
    fn was(&self, id: RowId, side: &Side) -> Was {
        match side {
            // Whether it was in scope before is not known: taken as it is now.
            Side::OutOfScope => Was::Absent,
            Side::Absent if !self.has_deleted(id) => Was::Absent,
            Side::Absent | Side::Unreadable(_) | Side::Unread => Was::There,
            Side::Row(row) => {
                let is_young = row.created_on.is_some_and(|created| created >= self.taken);
                let is_made = is_young && !self.fresh.contains(&row.id);
                if is_made && !self.has_deleted(row.id) {
                    Was::Made
                } else {
                    Was::There
                }
            }
        }
    }

    /// The rows that are counted now although they are no older than this second.
    fn fresh_at<'r>(
        &self,
        taken: DateTime<Utc>,
        rows: impl Iterator<Item = &'r Row>,
    ) -> BTreeSet<RowId> {
        let is_young = |row: &&Row| row.created_on.is_some_and(|created| created >= taken);
        let mut fresh: BTreeSet<RowId> = rows.filter(is_young).map(|row| row.id).collect();
        if taken == self.taken {
            fresh.extend(self.fresh);
        }
        fresh
    }
}

impl<'p> Feeds<'p> {
    fn of(point: &'p Checkpoint, source: &Changes, target: &Changes) -> Self {
        Self {
            source: Feed::of(source, point.source_taken, &point.source_fresh),
            target: Feed::of(target, point.target_taken, &point.target_fresh),
        }
    }

    /// What was known of a record, and what the feeds say of it since.
    fn clues(&self, id: RowId, before: Clues) -> Clues {
        let (source, target) = (
            self.source.told.contains_key(&id),
            self.target.told.contains_key(&id),
        );
        let changed = before
            .changed
            .or_else(|| (source || target).then_some(Changed { source, target }));
        Clues {
            changed,
            deleted_in_source: before.deleted_in_source || self.source.has_deleted(id),
            deleted_in_target: before.deleted_in_target || self.target.has_deleted(id),
            is_held: before.is_held,
        }
    }

    /// Where a record stood at the checkpoint that was not out of step then: on both sides, or on the target's only.
    /// What was made and deleted since can't be told from what was there, but where its source is new itself.
    fn before(&self, looked: &Looked) -> Option<Drift> {
        let id = looked.record.key.id;
        let source = self.source.was(id, &looked.sides.source);
        let target = self.target.was(id, &looked.sides.target);
        match (source, target) {
            (Was::There, Was::There) => Some(Drift::InSync),
            (Was::Made, Was::There) if self.target.has_deleted(id) => None,
            (Was::Made | Was::Absent, Was::There) => Some(Drift::Local),
            // What only the source had was missing, and what is not known to have been missing was nowhere.
            (_, Was::Made | Was::Absent) => None,
        }
    }
}

/// Where a record stands now; nowhere, once it is gone on both sides.
fn after(looked: &Looked) -> Option<Drift> {
    let is_gone = looked.drift == Drift::InSync && looked.sides.source.row().is_none();
    (!is_gone).then_some(looked.drift)
}

/// Moves a record from one sum to another, as far as they are kept as sums.
fn count(point: &mut Checkpoint, before: Option<Drift>, after: Option<Drift>) {
    for (drift, step) in [(before, -1), (after, 1)] {
        let sum = match drift {
            Some(Drift::InSync) => &mut point.in_sync,
            Some(Drift::Local) => &mut point.local,
            _ => continue,
        };
        *sum = sum.saturating_add_signed(step);
    }
}
