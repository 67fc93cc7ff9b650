//! Carries out an operation: journal the intent, send, journal the outcome, read back (design, rules 1 to 7).
//!
//! Each record goes through the same steps, and every step can be cut off by a crash without harm: what was read is
//! read again, what was intended is read back before anything is sent again, what was done is found done.
//!
//! ```text
//!   read both sides ─▶ plan ─▶ ensure what it refers to ─▶ intended ─▶ send ─▶ applied ─▶ read back ─▶ verified
//!        ▲                                                     │
//!        └── 412, or an outcome that is not known, read back ──┘     (three times at most, then busy)
//! ```

mod group;
mod look;
mod record;
mod references;
mod reins;
mod resume;
mod urgent;
mod verify;
mod wait;
mod write;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::command::Target;
use super::event::{Event, Looked, Named};
use super::link::{Ends, LinkContext};
use super::state::{Preview, Previewed, Tone, Waiting};
use crate::dataverse::now;
use crate::domain::drift::Drift;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::operation::{OperationId, RecordKey, Request, Stage};
use crate::domain::plan::{BlastRadius, Plan};
use crate::domain::ramp;
use crate::domain::row::ETag;
use crate::domain::time::Now;
use crate::journal::{Entry, Journal, JournalError, JournalRecord};

pub(super) use group::Batches;
pub(super) use reins::Reins;
pub(super) use resume::{resume, settle_left_behind};

/// Records under repair at once; how many requests are in flight is the client's business.
const AT_ONCE: usize = 40;
/// Groups of records under repair at once.
const GROUPS_AT_ONCE: usize = 8;
/// How often a record that changes under our hands is read again before it is *busy*.
const TRIES: u32 = 3;

/// Which records an operation holds: no two operations work on one record.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases(Arc<Mutex<HashMap<RecordKey, OperationId>>>);

impl Leases {
    /// Takes a record, unless another operation has it.
    fn take(&self, key: RecordKey, operation: OperationId) -> Option<Lease> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get(&key) {
            Some(other) if *other != operation => None,
            _ => {
                held.insert(key, operation);
                Some(Lease {
                    leases: self.clone(),
                    key,
                })
            }
        }
    }
}

/// A record that is held; given back when dropped.
struct Lease {
    leases: Leases,
    key: RecordKey,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

/// What an operation needs to be carried out.
pub(super) struct Repair {
    pub(super) link: Arc<LinkContext>,
    pub(super) ends: Ends,
    pub(super) journal: Journal,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) leases: Leases,
    pub(super) request: Request,
    /// What the records that were chosen are called, as far as it is known.
    pub(super) names: HashMap<RecordKey, Named>,
    /// How they stand, as far as it is known.
    pub(super) drifts: HashMap<RecordKey, Drift>,
    /// Both sides of them as a person saw them who decided whose values stand: the hash of what is compared.
    pub(super) seen: HashMap<RecordKey, u64>,
    /// The same of the record that was named, as whoever named it says.
    pub(super) told: Option<u64>,
    /// By which it is steered from outside.
    pub(super) reins: Reins,
    /// Whether a person watches it, who can say that it goes on after a pause.
    pub(super) is_watched: bool,
    /// How many writes go into one request.
    pub(super) batches: Batches,
    /// Whether the journal has the operation already, and none of its records: another process handed it over.
    pub(super) is_accepted: bool,
    /// Set when the process ends: nothing new is begun, and what was not sent stays accepted.
    pub(super) shutdown: CancellationToken,
    /// What to do while the target can't be written to.
    pub(super) patience: Patience,
    /// What it was last said to wait for.
    pub(super) waiting: Mutex<Option<Waiting>>,
    /// Rows that an earlier process ensured on the way, whatever came of it: their course in the journal has ended.
    pub(super) settled: HashSet<RecordKey>,
    /// Rows ensured on the way whose outcome is not known, and records that were left behind so.
    pub(super) open_on_the_way: AtomicUsize,
}

/// What an operation does while its target can't be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It waits, and lapses at that moment if the instance has not answered by then.
    Until(DateTime<Utc>),
    /// It breaks off.
    None,
}

/// Why an operation ends before its records are done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The journal can't be written: nothing may be sent any more.
    Journal(String),
    /// The journal is well, and did not take an entry.
    NotTaken(String),
    /// The process ends; what was not sent stays accepted.
    Shutdown,
    /// Nothing more is to be sent, for this reason.
    Abandon(String),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Broken(_) | JournalError::Closed => Self::Journal(error.to_string()),
            JournalError::Busy | JournalError::Illegal(_) | JournalError::Unreadable(_) => {
                Self::NotTaken(error.to_string())
            }
        }
    }
}

/// What has become of an operation's records so far.
#[derive(Debug, Default)]
struct Sums {
    good: usize,
    total: usize,
    open: usize,
    stopped: Option<Stop>,
}

impl Sums {
    fn add(&mut self, result: Result<Stage, Stop>) {
        match result {
            Ok(stage) => {
                self.good += usize::from(stage.is_good());
                self.open += usize::from(!stage.is_final());
            }
            // What leaves records open outweighs what ended them.
            Err(stop) => {
                let is_weaker = |held: &Stop| matches!(held, Stop::Abandon(_));
                if self.stopped.as_ref().is_none_or(is_weaker) {
                    self.stopped = Some(stop);
                }
            }
        }
    }
}

/// What an operation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Records that are as they were asked to be.
    pub(super) good: usize,
    /// All records.
    pub(super) total: usize,
    /// Why it broke off.
    pub(super) cut_short: Option<String>,
}

impl Repair {
    /// Accepts the records, then carries them out, several at a time.
    pub(super) async fn run(self, targets: Vec<Target>) -> Outcome {
        self.link.recalled.cancelled().await;
        let mut records = self.resolve(targets).await;
        let is_too_many = records.len() > self.request.at_most.unwrap_or(usize::MAX);
        if is_too_many {
            self.most_harmful_first(&mut records).await;
            self.leave_what_was_not_confirmed(&mut records).await;
        }
        let total = records.len();
        match self.accept(&records).await {
            Ok(()) => {
                if !is_too_many {
                    self.most_harmful_first(&mut records).await;
                }
                self.carry_out(records).await
            }
            Err(stop) => {
                let why = self.report(&stop).await;
                self.tell(Event::Refused {
                    operation: self.request.id,
                    why: why.clone(),
                })
                .await;
                Outcome {
                    good: 0,
                    total,
                    cut_short: Some(why),
                }
            }
        }
    }

    /// What became pending since a person confirmed a number is for the next run.
    async fn leave_what_was_not_confirmed(&self, records: &mut Vec<Named>) {
        let confirmed = self.request.at_most.unwrap_or(usize::MAX);
        let more = records.len().saturating_sub(confirmed);
        if more == 0 {
            return;
        }
        records.truncate(confirmed);
        self.tell(Event::Noticed {
            operation: Some(self.request.id),
            text: format!("{confirmed} were confirmed: {more} more that are pending by now are left for the next run"),
            tone: Tone::Care,
        })
        .await;
    }

    /// Carries out records that the journal has accepted already: a few first, then more and more of them.
    async fn carry_out(self, records: Vec<Named>) -> Outcome {
        let ensured = references::Ensured::default();
        let mut sums = Sums {
            total: records.len(),
            ..Sums::default()
        };
        let steps = ramp::steps(records.len());
        let mut waiting = VecDeque::from(records);
        for (place, step) in steps.into_iter().enumerate() {
            let records: VecDeque<Named> = waiting.drain(..step).collect();
            // A few records are carried out one by one: what is wrong with one is then told apart at once.
            let most = if place == 0 { 1 } else { usize::MAX };
            self.step(records, most, &ensured, &mut sums).await;
        }
        sums.open += self.open_on_the_way.load(Ordering::Relaxed);
        self.close(sums).await
    }

    /// One step of the ramp; it ends when all of its records have.
    async fn step(
        &self,
        mut records: VecDeque<Named>,
        most: usize,
        ensured: &references::Ensured,
        sums: &mut Sums,
    ) {
        let at_once = if most == 1 { AT_ONCE } else { GROUPS_AT_ONCE };
        // Groups are taken as they are wanted: how large one may be is learnt on the way.
        let groups = std::iter::from_fn(|| {
            let group = self.batches.take(&mut records, most);
            (!group.is_empty()).then_some(group)
        });
        let done = futures_util::stream::iter(groups).map(|group| self.group(group, ensured));
        let mut done = std::pin::pin!(done.buffer_unordered(at_once));
        while let Some(results) = done.next().await {
            for result in results {
                let failed = result.as_ref().is_ok_and(Stage::is_failure);
                if result.is_ok()
                    && let Some(why) = self.reins.record(failed)
                {
                    self.pauses(Some(why)).await;
                }
                sums.add(result);
            }
        }
    }

    async fn close(&self, sums: Sums) -> Outcome {
        let Sums {
            good,
            total,
            open,
            stopped,
        } = sums;
        let cut_short = match &stopped {
            Some(stop) => Some(self.report(stop).await),
            None if open > 0 => Some(format!(
                "{open} outcomes are not known; the next start reads them back"
            )),
            None => None,
        };
        match &stopped {
            Some(Stop::Shutdown) => {}
            Some(Stop::Journal(_) | Stop::NotTaken(_)) => self.leave(cut_short.clone()).await,
            // The journal keeps it open for as long as something of it is.
            _ if open > 0 => self.leave(cut_short.clone()).await,
            Some(Stop::Abandon(_)) | None => self.finish(cut_short.clone()).await,
        }
        Outcome {
            good,
            total,
            cut_short,
        }
    }

    /// Ends it here, but not in the journal: the next start finds what is open, and reads it back.
    async fn leave(&self, cut_short: Option<String>) {
        let event = Event::Finished {
            operation: self.request.id,
            cut_short,
            at: now(),
        };
        self.tell(event).await;
    }

    async fn accept(&self, records: &[Named]) -> Result<(), Stop> {
        let at = now();
        let begun = (!self.is_accepted).then(|| Entry::Accepted {
            request: self.request.clone(),
            records: Vec::new(),
            now: at,
        });
        let known = records.iter().filter_map(|record| {
            let seen = self.seen(record);
            Some(accepted(self.request.id, self.journaled(record)?, seen, at))
        });
        let entries = begun.into_iter().chain(known).collect();
        self.journal.append(entries).await?;
        let event = Event::Accepted {
            request: self.request.clone(),
            records: records.to_vec(),
            left_behind: false,
        };
        self.tell(event).await;
        Ok(())
    }

    pub(super) async fn finish(&self, cut_short: Option<String>) {
        let (operation, at) = (self.request.id, now());
        let entry = Entry::Finished {
            operation,
            cut_short: cut_short.clone(),
            now: at,
        };
        if let Err(error) = self.journal.append(vec![entry]).await {
            self.report(&Stop::from(error)).await;
        }
        self.tell(Event::Finished {
            operation,
            cut_short,
            at,
        })
        .await;
    }

    /// Tells why it stops, and gives the reason in words.
    async fn report(&self, stop: &Stop) -> String {
        match stop {
            Stop::Journal(why) => {
                self.tell(Event::JournalFailed(why.clone())).await;
                format!("the journal can't be written: {why}")
            }
            Stop::NotTaken(why) | Stop::Abandon(why) => why.clone(),
            Stop::Shutdown => "the program ended".to_owned(),
        }
    }

    /// Finds out which records were named: a name by key is asked of the source (rule 1). Two names of one record are
    /// one record.
    async fn resolve(&self, targets: Vec<Target>) -> Vec<Named> {
        let mut records = Vec::new();
        let mut seen = HashSet::new();
        for target in targets {
            match self.resolve_one(&target).await {
                Ok(key) if seen.insert(key) => records.push(self.named(key)),
                Ok(_) => {}
                Err(why) => {
                    let operation = Some(self.request.id);
                    self.tell(Event::Noticed {
                        operation,
                        text: why,
                        tone: Tone::Bad,
                    })
                    .await;
                }
            }
        }
        records
    }

    async fn resolve_one(&self, target: &Target) -> Result<RecordKey, String> {
        match target {
            Target::Record(key) => Ok(*key),
            Target::Key {
                table,
                column,
                value,
            } => {
                let shown = || crate::domain::text::visible(value).into_owned();
                let link_table = self
                    .link
                    .table(*table)
                    .ok_or("no such table on this link")?;
                let column = crate::domain::table::ColumnName::new(column)
                    .map_err(|error| error.to_string())?;
                let mut found = self
                    .ends
                    .source
                    .resolve_key(&link_table.source, &column, value)
                    .await;
                for _ in 1..TRIES {
                    let is_lost = |failure: &Failure| {
                        failure.is_transient() || failure.class == FailureClass::NotAllowed
                    };
                    if !found.as_ref().is_err_and(is_lost) || self.until_writable().await.is_err() {
                        break;
                    }
                    found = self
                        .ends
                        .source
                        .resolve_key(&link_table.source, &column, value)
                        .await;
                }
                match found {
                    Ok(Some(id)) => Ok(RecordKey { table: *table, id }),
                    Ok(None) => Err(format!(
                        "the source has no {} with {column} {}",
                        link_table.name,
                        shown()
                    )),
                    Err(failure) => Err(format!(
                        "the source can't be asked for {column} {}: {failure}",
                        shown()
                    )),
                }
            }
        }
    }

    fn named(&self, key: RecordKey) -> Named {
        let nameless = || Named {
            key,
            name: String::new(),
            number: String::new(),
            on_the_way: false,
        };
        self.names.get(&key).cloned().unwrap_or_else(nameless)
    }

    fn journaled(&self, record: &Named) -> Option<JournalRecord> {
        let table = self.link.table(record.key.table)?;
        Some(JournalRecord {
            table: table.name.clone(),
            id: record.key.id,
            name: record.name.clone(),
            number: record.number.clone(),
            on_the_way: record.on_the_way,
        })
    }

    /// Puts one step of one record into the journal, and only then into the state.
    async fn stage(
        &self,
        record: &Named,
        stage: Stage,
        written: &Written,
        began: Now,
    ) -> Result<Stage, Stop> {
        let step = Step {
            record: record.clone(),
            stage: stage.clone(),
            written: written.clone(),
        };
        self.stage_all(vec![step], began).await?;
        Ok(stage)
    }

    /// Puts steps of several records into the journal at once, and only then into the state.
    async fn stage_all(&self, steps: Vec<Step>, began: Now) -> Result<(), Stop> {
        let at = now();
        let mut entries = Vec::with_capacity(steps.len());
        for step in &steps {
            let Some(record) = self.journaled(&step.record) else {
                continue;
            };
            let operation = self.request.id;
            let overwritten = &step.written.overwritten;
            let kept = (step.stage == Stage::Intended && !overwritten.is_empty()).then(|| {
                Entry::Overwritten {
                    operation,
                    record: record.clone(),
                    values: overwritten.clone(),
                    now: at,
                }
            });
            // What was seen when it was decided holds for as long as nothing is sent.
            let seen = (step.stage == Stage::Accepted)
                .then(|| self.seen(&step.record))
                .flatten();
            entries.push(Entry::Stage {
                operation,
                record,
                stage: step.stage.clone(),
                etag: step.written.etag.clone(),
                hash: step.written.hash.or(seen),
                columns: Arc::clone(&step.written.columns),
                now: at,
            });
            entries.extend(kept);
        }
        if !entries.is_empty() {
            self.journal.append(entries).await?;
        }
        for step in steps {
            let event = Event::Staged {
                operation: self.request.id,
                record: step.record,
                stage: step.stage,
                columns: step.written.columns.len(),
                at,
                began,
            };
            self.tell(event).await;
        }
        Ok(())
    }

    /// Tells what was read of a record, which the next comparison looks at once more.
    async fn saw(&self, looked: Looked) {
        if let Some(table) = self.link.table(looked.record.key.table) {
            table.read_apart.add(looked.record.key.id);
        }
        self.tell(Event::Looked(Box::new(looked))).await;
    }

    /// Tells the engine. It outlives its tasks, except at the very end, when nobody looks any more.
    async fn tell(&self, event: Event) {
        let _ended = self.events.send(event).await;
    }
}

/// A record that was asked for, and both of its sides as they were seen, where somebody decided between them.
pub(super) fn accepted(
    operation: OperationId,
    record: JournalRecord,
    seen: Option<u64>,
    now: Now,
) -> Entry {
    Entry::Stage {
        operation,
        record,
        stage: Stage::Accepted,
        etag: None,
        hash: seen,
        columns: Arc::default(),
        now,
    }
}

/// What one step has written, or is about to.
#[derive(Clone, Debug, Default)]
struct Written {
    etag: Option<ETag>,
    hash: Option<u64>,
    columns: Arc<[String]>,
    /// What the target holds until now in columns that are about to be overwritten: kept for 30 days.
    overwritten: Vec<(String, serde_json::Value)>,
}

/// One record, one stage further.
struct Step {
    record: Named,
    stage: Stage,
    written: Written,
}

/// Reads and plans an operation's records without writing: the same code up to the request (reliability S15).
pub(super) async fn preview(repair: Repair, targets: Vec<Target>) {
    let mut preview = Preview {
        operation: repair.request.id,
        records: Vec::new(),
        radius: BlastRadius::default(),
        is_complete: false,
    };
    for target in targets {
        let line = match repair.resolve_one(&target).await {
            Ok(key) => repair.planned(key).await,
            Err(why) => unread(None, why),
        };
        preview.radius.add(&line.plan);
        preview.records.push(line);
    }
    preview.is_complete = true;
    repair.tell(Event::Previewed(Arc::new(preview))).await;
}

fn unread(key: Option<RecordKey>, why: String) -> Previewed {
    Previewed {
        key,
        name: String::new(),
        number: String::new(),
        drift: Drift::Unknown,
        plan: Plan::Refuse("it could not be read"),
        failure: Some(why),
    }
}

impl Repair {
    async fn planned(&self, key: RecordKey) -> Previewed {
        match self.look(key).await {
            Ok((looked, plan)) => Previewed {
                key: Some(key),
                name: looked.record.name,
                number: looked.record.number,
                drift: looked.drift,
                plan,
                failure: None,
            },
            Err(failure) => unread(Some(key), failure.summary()),
        }
    }
}

/// A row's own failure, or its instance's.
type Reading<T> = Result<T, Failure>;
