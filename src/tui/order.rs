//! Which records are listed, and in which order: one worker thread turns a query and a snapshot's records into slots.
//! It tells by pointer which chunks changed, and only looks at those again. It draws nothing and keeps no cursor.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use chrono::{DateTime, Utc};

use super::cause::{Cause, Outage};
use super::related::{Question, Related, related};
use super::terms::{Term, fits};
use crate::domain::drift::Drift;
use crate::domain::operation::{RecordKey, TableIndex};
use crate::engine::records::{CHUNK, Record, Records};

/// By what the list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// What is flagged, then by drift, then by open tickets, then by how long it has been pending.
    #[default]
    Worst,
    /// Named by most open tickets first.
    Tickets,
    /// Longest pending first.
    Oldest,
    /// By name.
    Name,
    /// What was tried last first.
    Attempt,
    /// In groups by why they are out of step.
    Cause,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Worst,
        Self::Cause,
        Self::Oldest,
        Self::Name,
        Self::Attempt,
        Self::Tickets,
    ];

    /// What it does, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Tickets => "most open tickets first",
            Self::Oldest => "longest pending first",
            Self::Name => "by name",
            Self::Attempt => "latest attempt first",
            Self::Cause => "by cause",
        }
    }
}

/// How a record stood when it was acted upon: it keeps its place by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whether it was flagged: such stand first.
    pub is_flagged: bool,
    /// Its drift at that time.
    pub drift: Drift,
    /// Since when it was pending.
    pub since: Option<DateTime<Utc>>,
}

/// What to list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Numbers only grow; an answer to an older query still fits, it is only not the last word.
    pub number: u64,
    /// The tables, with their names; others are left out.
    pub tables: Arc<Vec<(TableIndex, String)>>,
    /// One drift, or all that are listed.
    pub drift: Option<Drift>,
    /// Terms that all have to hold.
    pub terms: Vec<Term>,
    /// In which order.
    pub sort: Sort,
    /// Records that were acted upon, and stay where they were.
    pub acted: Arc<BTreeMap<RecordKey, Place>>,
    /// How many open tickets name each record; none, while the tickets were not read.
    pub tickets: Option<Arc<HashMap<RecordKey, usize>>>,
    /// When the target was down last.
    pub outage: Option<Outage>,
}

impl Query {
    fn tickets_of(&self, key: RecordKey) -> Option<usize> {
        let tickets = self.tickets.as_ref()?;
        Some(tickets.get(&key).copied().unwrap_or_default())
    }
}

/// Records in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    /// The query that this answers.
    pub number: u64,
    /// The slots, first to last.
    pub slots: Arc<Vec<u32>>,
}

/// One record in the order, with what it is sorted by.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    slot: u32,
    is_flagged: bool,
    cause: Cause,
    drift: Drift,
    tickets: usize,
    since: Option<DateTime<Utc>>,
    name: String,
    attempt: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Chunk {
    seen: Arc<Vec<Option<Record>>>,
    entries: Vec<Entry>,
}

/// Puts records in order, and remembers the chunks that it has seen.
#[derive(Debug, Default)]
pub struct Sorter {
    query: Query,
    chunks: Vec<Chunk>,
}

impl Sorter {
    /// The records that fit the query, in order.
    pub fn order(&mut self, query: Query, records: &Records) -> Order {
        let number = query.number;
        let same = Query {
            number: self.query.number,
            ..query.clone()
        } == self.query;
        if !same {
            self.chunks.clear();
        }
        self.query = query;
        self.chunks.truncate(records.chunks().len());
        for (place, chunk) in records.chunks().iter().enumerate() {
            match self.chunks.get_mut(place) {
                Some(known) if Arc::ptr_eq(&known.seen, chunk) => {}
                Some(known) => *known = look(&self.query, place, chunk),
                None => self.chunks.push(look(&self.query, place, chunk)),
            }
        }
        let mut entries: Vec<&Entry> = self.chunks.iter().flat_map(|c| &c.entries).collect();
        let sort = self.query.sort;
        entries.sort_by(|a, b| compare(sort, a, b));
        let slots = entries.into_iter().map(|entry| entry.slot).collect();
        Order {
            number,
            slots: Arc::new(slots),
        }
    }
}

fn look(query: &Query, place: usize, chunk: &Arc<Vec<Option<Record>>>) -> Chunk {
    let first = u32::try_from(place * CHUNK).unwrap_or(u32::MAX);
    let slots = (first..).zip(chunk.iter());
    let entries = slots.filter_map(|(slot, record)| entry(query, slot, record.as_ref()?));
    Chunk {
        seen: Arc::clone(chunk),
        entries: entries.collect(),
    }
}

fn entry(query: &Query, slot: u32, record: &Record) -> Option<Entry> {
    let (_, table) = query
        .tables
        .iter()
        .find(|(index, _)| *index == record.key.table)?;
    let acted = query.acted.get(&record.key);
    let place = acted.copied().unwrap_or(Place {
        is_flagged: record.flag().is_some(),
        drift: record.drift,
        since: record.since,
    });
    let fits_drift = query.drift.map_or_else(
        || acted.is_some() || record.drift.is_listed(),
        |drift| place.drift == drift,
    );
    let tickets = query.tickets_of(record.key);
    let cause = Cause::of(record, query.outage);
    if !fits_drift || !fits(&query.terms, table, record, (tickets, cause)) {
        return None;
    }
    Some(Entry {
        slot,
        is_flagged: place.is_flagged,
        cause,
        drift: place.drift,
        tickets: tickets.unwrap_or_default(),
        since: place.since,
        name: if query.sort == Sort::Name {
            record.name.to_lowercase()
        } else {
            String::new()
        },
        attempt: record.last.as_ref().map(|last| last.at.wall),
    })
}

fn compare(sort: Sort, a: &Entry, b: &Entry) -> Ordering {
    let oldest = || match (a.since, b.since) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    let flagged = || b.is_flagged.cmp(&a.is_flagged);
    let tickets = || b.tickets.cmp(&a.tickets);
    let worst = || {
        let drift = a.drift.cmp(&b.drift);
        flagged().then(drift).then_with(tickets).then_with(oldest)
    };
    match sort {
        Sort::Worst => worst(),
        Sort::Tickets => tickets().then_with(worst),
        Sort::Oldest => oldest(),
        Sort::Name => a.name.cmp(&b.name),
        Sort::Cause => a.cause.cmp(&b.cause).then_with(worst),
        Sort::Attempt => b.attempt.cmp(&a.attempt).then_with(worst),
    }
    .then(a.slot.cmp(&b.slot))
}

/// What the worker is asked for.
#[derive(Debug)]
enum Request {
    Order(Query, Records),
    Related(Question, Records),
}

/// What the worker found.
#[derive(Debug)]
pub enum Found {
    /// Records in order.
    Order(Order),
    /// The rows around a record.
    Related(Related),
}

/// The way to the worker: a newer request overtakes those of its kind that still wait.
#[derive(Debug)]
pub struct Worker {
    requests: Sender<Request>,
}

impl Worker {
    /// Starts the thread; it ends when the worker is dropped or nobody takes the answers.
    pub fn start(mut answer: impl FnMut(Found) -> bool + Send + 'static) -> std::io::Result<Self> {
        let (requests, waiting) = channel();
        thread::Builder::new()
            .name("list order".to_owned())
            .spawn(move || {
                let mut sorter = Sorter::default();
                while let Some((order, around)) = newest(&waiting) {
                    // The list itself comes first.
                    let ordered = order.map(|(query, records)| sorter.order(query, &records));
                    if ordered.is_some_and(|order| !answer(Found::Order(order))) {
                        return;
                    }
                    let around = around.map(|(question, records)| related(&question, &records));
                    if around.is_some_and(|around| !answer(Found::Related(around))) {
                        return;
                    }
                }
            })?;
        Ok(Self { requests })
    }

    /// Asks for an order; false when the worker is gone.
    pub fn ask(&self, query: Query, records: Records) -> bool {
        self.requests.send(Request::Order(query, records)).is_ok()
    }

    /// Asks for the rows around a record; false when the worker is gone.
    pub fn relate(&self, question: Question, records: Records) -> bool {
        let request = Request::Related(question, records);
        self.requests.send(request).is_ok()
    }
}

type Waiting = (Option<(Query, Records)>, Option<(Question, Records)>);

/// The newest request of each kind; waits for one.
fn newest(waiting: &Receiver<Request>) -> Option<Waiting> {
    let first = waiting.recv().ok()?;
    let all = std::iter::once(first).chain(waiting.try_iter());
    Some(all.fold((None, None), |newest, request| match request {
        Request::Order(query, records) => (Some((query, records)), newest.1),
        Request::Related(question, records) => (newest.0, Some((question, records))),
    }))
}
