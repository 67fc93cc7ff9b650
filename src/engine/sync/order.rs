//! An order to the platform of a link's job: start a run, repeat one, cancel one. It is journalled like any operation,
//! as one record that stands for the run, and followed until the run is over.
//!
//! ```text
//!   nothing under way? ─▶ accepted ─▶ intended ─▶ send ─▶ applied ─▶ seen in the list: verified ─▶ over
//!                                                   │
//!                                                   └─ no answer: unknown ─▶ in the list? verified, else refused
//! ```

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Job, Look};
use crate::dataverse::now;
use crate::domain::operation::{RecordKey, Request, Stage, Verb};
use crate::domain::run::{PlatformRun, RunId, RunStatus};
use crate::domain::table::TableName;
use crate::domain::time::Now;
use crate::engine::command::RunOrder;
use crate::engine::event::{Event, Named};
use crate::engine::repair::Reins;
use crate::journal::{Entry, Journal, JournalError, JournalRecord, RecoveredOperation};

/// What the record of an order is filed under in the journal: no table of Dataverse is called that.
pub(in crate::engine) const FILED: &str = "sync_run";
/// A run that so many looks at the list don't show was not begun, or is not shown at all.
const LOOKS: u32 = 6;
/// How long a list is waited for before anything is sent.
const LOOK_WITHIN: Duration = Duration::from_secs(60);
/// The clocks of a list and ours may differ by this much without anybody knowing.
const CLOCKS: chrono::Duration = chrono::Duration::seconds(5);

/// What an order needs to be carried out.
pub(in crate::engine) struct Order {
    pub(in crate::engine) job: Arc<Job>,
    pub(in crate::engine) link: usize,
    pub(in crate::engine) wanted: RunOrder,
    pub(in crate::engine) request: Request,
    /// What stands for its run in the journal and in the state.
    pub(in crate::engine) key: RecordKey,
    pub(in crate::engine) journal: Journal,
    pub(in crate::engine) events: mpsc::Sender<Event>,
    /// Set when a person no longer wants it followed.
    pub(in crate::engine) reins: Reins,
    /// Set when the process ends: the next one reads what became of it.
    pub(in crate::engine) shutdown: CancellationToken,
    /// Whether it is in the journal already: another process handed it over.
    pub(in crate::engine) is_accepted: bool,
}

/// Why an order is left before its end.
enum Left {
    /// The journal did not take an entry.
    Journal(JournalError),
    /// Nobody follows it any more.
    Unfollowed,
    /// The process ends.
    Shutdown,
}

impl From<JournalError> for Left {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// How the run of an order is found in a list.
#[derive(Default)]
struct Marks {
    /// By its name, once that is known.
    id: Option<RunId>,
    /// Those that were there before it was sent, if that was looked at.
    before: Option<HashSet<RunId>>,
    /// When it was sent.
    sent: Option<DateTime<Utc>>,
}

/// Carries an order out and follows its run to its end.
pub(in crate::engine) async fn carry_out(order: Order) {
    let left = order.run().await;
    order.leave(left).await;
}

/// Finds out what became of an order of an earlier process. What was never sent is not sent late.
pub(in crate::engine) async fn settle_left_behind(order: Order, left: &RecoveredOperation) {
    let came = order.settle(left).await;
    order.leave(came).await;
    let operation = order.request.id;
    order.tell(Event::Settled { operation }).await;
}

/// Whether an operation of the journal is an order.
pub(in crate::engine) fn is_order(operation: &RecoveredOperation) -> bool {
    let mut records = operation.records.iter();
    records.any(|record| record.record.table.as_str() == FILED)
}

/// What was ordered, as far as the journal needs to know it to find out what became of it.
pub(in crate::engine) fn recovered(operation: &RecoveredOperation) -> RunOrder {
    let first = operation.records.first();
    let run = first.and_then(|record| RunId::new(&record.record.number));
    match (operation.request.verb, run) {
        (Verb::Cancel, Some(run)) => RunOrder::Cancel(run),
        (Verb::Rerun, Some(run)) => RunOrder::Rerun(run),
        _ => RunOrder::Start,
    }
}

impl Order {
    async fn run(&self) -> Result<(), Left> {
        let mut looks = self.job.looks.subscribe();
        let before = match self.before(&mut looks).await? {
            Ok(before) => before,
            Err(why) => return self.refuse(why).await,
        };
        let named = self.named(self.wanted.run());
        if let Err(error) = self.accept(&named).await {
            let why = error.to_string();
            self.refuse(why).await?;
            return Err(error.into());
        }
        self.stage(&named, Stage::Intended).await?;
        let sent = now();
        let answer = self.send().await;
        let mut marks = Marks {
            id: None,
            before,
            sent: Some(sent.wall),
        };
        match answer {
            Ok(run) => {
                marks.id = run.or_else(|| self.wanted.cancelled().cloned());
                let named = self.named(marks.id.as_ref());
                if self.job.backend.why_unlisted().is_some() {
                    // The platform's word is all that there ever is.
                    self.stage(&named, Stage::Verified).await?;
                    return self.finish(None).await;
                }
                self.stage(&named, Stage::Applied).await?;
            }
            Err(failure) if failure.may_have_happened() => {
                marks.id = self.wanted.cancelled().cloned();
                let why = failure.to_string();
                self.stage(&named, Stage::Unknown(why)).await?;
                if let Some(why) = self.job.backend.why_unlisted() {
                    let why = format!("whether it began can't be found out: {why}");
                    return self.finish(Some(why)).await;
                }
            }
            Err(failure) => {
                self.stage(&named, Stage::Refused(failure.to_string()))
                    .await?;
                return self.finish(None).await;
            }
        }
        self.follow(&mut looks, marks, sent).await
    }

    /// The runs that are there before anything is sent; an error where nothing may be sent.
    async fn before(
        &self,
        looks: &mut watch::Receiver<Option<Look>>,
    ) -> Result<Result<Option<HashSet<RunId>>, String>, Left> {
        if self.job.backend.why_unlisted().is_some() {
            return Ok(Ok(None));
        }
        self.job.asked.notify_one();
        let looked = tokio::time::timeout(LOOK_WITHIN, self.look(looks, now()));
        let runs = match looked.await {
            Ok(look) => look?.runs,
            Err(_) => Err("it does not answer".to_owned()),
        };
        let runs = match runs {
            Ok(runs) => runs,
            Err(why) => return Ok(Err(format!("its runs can't be listed: {why}"))),
        };
        let under_way = runs.iter().find(|run| run.status.is_under_way());
        if let (Some(run), false) = (under_way, matches!(self.wanted, RunOrder::Cancel(_))) {
            return Ok(Err(format!(
                "a run of {} is {} already: {}",
                self.job.name,
                run.status.word(),
                run.id
            )));
        }
        let known = runs.iter().any(|run| Some(&run.id) == self.wanted.run());
        if let (false, Some(run)) = (known, self.wanted.run()) {
            return Ok(Err(format!(
                "{} has no run {run} among its latest: `tandem sync --runs` lists them",
                self.job.name
            )));
        }
        Ok(Ok(Some(runs.iter().map(|run| run.id.clone()).collect())))
    }

    async fn send(&self) -> Result<Option<RunId>, crate::domain::failure::Failure> {
        match &self.wanted {
            RunOrder::Start => self.job.start(&self.request.id.to_string()).await,
            RunOrder::Rerun(run) => self.job.rerun(run).await,
            RunOrder::Cancel(run) => self.job.cancel(run).await.map(|()| None),
        }
    }

    async fn settle(&self, left: &RecoveredOperation) -> Result<(), Left> {
        let Some(record) = left.records.first() else {
            return self.finish(None).await;
        };
        let run = RunId::new(&record.record.number);
        let named = self.named(run.as_ref());
        match &record.stage {
            Stage::Accepted => {
                let why = "never sent: a run is not started late".to_owned();
                self.stage(&named, Stage::Abandoned(why)).await?;
                self.finish(None).await
            }
            stage if stage.is_final() => self.finish(None).await,
            stage => {
                // Before the answer came, the number was that of the run to be repeated.
                let is_answered = matches!(stage, Stage::Applied);
                let id = run
                    .filter(|_| is_answered)
                    .or_else(|| self.wanted.cancelled().cloned());
                let sent = now();
                let marks = Marks {
                    id,
                    before: None,
                    sent: Some(record.at),
                };
                if *stage == Stage::Intended {
                    let why = "an earlier tandem ended before the answer came".to_owned();
                    self.stage(&named, Stage::Unknown(why)).await?;
                }
                if let Some(why) = self.job.backend.why_unlisted() {
                    let why = format!("whether it began can't be found out: {why}");
                    return self.finish(Some(why)).await;
                }
                let mut looks = self.job.looks.subscribe();
                self.follow(&mut looks, marks, sent).await
            }
        }
    }

    /// Waits until the list shows what was ordered, then until that is over.
    async fn follow(
        &self,
        looks: &mut watch::Receiver<Option<Look>>,
        mut marks: Marks,
        since: Now,
    ) -> Result<(), Left> {
        self.job.asked.notify_one();
        let mut is_seen = false;
        let mut from = since;
        let mut looked = 0;
        loop {
            let look = self.look(looks, from).await;
            let look = match look {
                Ok(look) => look,
                Err(Left::Unfollowed) if is_seen => {
                    let why = "no longer followed; the run goes on";
                    return self.finish(Some(why.to_owned())).await;
                }
                Err(left) => return Err(left),
            };
            // The next one is another, in its own time.
            from = look.began.after(Duration::from_millis(1));
            let Ok(runs) = look.runs else { continue };
            looked += 1;
            if let Some(run) = self.find(&runs, &marks) {
                marks.id = Some(run.id.clone());
                let named = self.named(Some(&run.id));
                let is_over = !run.status.is_under_way();
                if let RunOrder::Cancel(_) = self.wanted {
                    if is_over {
                        self.stage(&named, cancelled(run)).await?;
                        return self.finish(None).await;
                    }
                } else {
                    if !is_seen {
                        self.stage(&named, Stage::Verified).await?;
                        is_seen = true;
                    }
                    if is_over {
                        let why = run.bad_end().map(|why| format!("run {} {why}", run.id));
                        return self.finish(why).await;
                    }
                }
            }
            if !is_seen && looked >= LOOKS && (self.job.shows_running() || marks.id.is_none()) {
                return self.not_shown(marks.id.as_ref()).await;
            }
        }
    }

    /// What was ordered does not show in the list.
    async fn not_shown(&self, id: Option<&RunId>) -> Result<(), Left> {
        let named = self.named(id);
        match (&self.wanted, id) {
            (RunOrder::Cancel(_), _) => {
                let why = "it was asked to end, and has not yet".to_owned();
                self.stage(&named, Stage::Unknown(why.clone())).await?;
                self.finish(Some(why)).await
            }
            (_, Some(_)) => {
                let why = "it was accepted, and the list does not show it".to_owned();
                self.stage(&named, Stage::Unknown(why.clone())).await?;
                self.finish(Some(why)).await
            }
            (_, None) => {
                let why = "no answer came, and the list shows no run of it: it was not begun";
                self.stage(&named, Stage::Refused(why.to_owned())).await?;
                self.finish(None).await
            }
        }
    }

    /// The run of this order: by its name, by our id, or as the one that was not there before.
    fn find<'r>(&self, runs: &'r [PlatformRun], marks: &Marks) -> Option<&'r PlatformRun> {
        if let Some(id) = &marks.id {
            return runs.iter().find(|run| run.id == *id);
        }
        if self.wanted == RunOrder::Start && self.job.shows_tracking() {
            let own = self.request.id.to_string();
            return runs.iter().find(|run| run.tracking.as_ref() == Some(&own));
        }
        let began = |run: &&PlatformRun| {
            let started = run.started.or(run.ended);
            let by_clock = started.zip(marks.sent);
            by_clock.is_none_or(|(started, sent)| started >= sent - CLOCKS)
        };
        let is_new = |run: &&PlatformRun| match &marks.before {
            Some(before) => !before.contains(&run.id),
            None => true,
        };
        runs.iter().rev().filter(began).find(is_new)
    }

    /// The next look that was begun at a moment or later.
    async fn look(
        &self,
        looks: &mut watch::Receiver<Option<Look>>,
        from: Now,
    ) -> Result<Look, Left> {
        loop {
            let newest = looks.borrow_and_update().clone();
            if let Some(look) = newest.filter(|look| look.began.mono >= from.mono) {
                return Ok(look);
            }
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Err(Left::Shutdown),
                () = self.reins.ended() => return Err(Left::Unfollowed),
                changed = looks.changed() => if changed.is_err() { return Err(Left::Shutdown) },
            }
        }
    }

    fn named(&self, run: Option<&RunId>) -> Named {
        Named {
            key: self.key,
            name: self.job.name.clone(),
            number: run.map(ToString::to_string).unwrap_or_default(),
            on_the_way: false,
        }
    }

    fn journaled(named: &Named) -> Result<JournalRecord, JournalError> {
        let table = TableName::new(FILED);
        Ok(JournalRecord {
            table: table.map_err(|error| JournalError::Illegal(error.to_string()))?,
            id: named.key.id,
            name: named.name.clone(),
            number: named.number.clone(),
            on_the_way: false,
        })
    }

    async fn accept(&self, named: &Named) -> Result<(), JournalError> {
        let entry = Entry::Accepted {
            request: self.request.clone(),
            records: vec![Self::journaled(named)?],
            now: now(),
        };
        if !self.is_accepted {
            self.journal.append(vec![entry]).await?;
        }
        let event = Event::Accepted {
            request: self.request.clone(),
            records: vec![named.clone()],
            left_behind: false,
        };
        self.tell(event).await;
        Ok(())
    }

    async fn stage(&self, named: &Named, stage: Stage) -> Result<(), JournalError> {
        let at = now();
        let entry = Entry::Stage {
            operation: self.request.id,
            record: Self::journaled(named)?,
            stage: stage.clone(),
            etag: None,
            hash: None,
            columns: Arc::default(),
            now: at,
        };
        self.journal.append(vec![entry]).await?;
        let event = Event::Staged {
            operation: self.request.id,
            record: named.clone(),
            stage,
            columns: 0,
            at,
            began: at,
        };
        self.tell(event).await;
        Ok(())
    }

    async fn finish(&self, cut_short: Option<String>) -> Result<(), Left> {
        let entry = Entry::Finished {
            operation: self.request.id,
            cut_short: cut_short.clone(),
            now: now(),
        };
        self.journal.append(vec![entry]).await?;
        self.end(cut_short).await;
        Ok(())
    }

    async fn end(&self, cut_short: Option<String>) {
        let event = Event::Finished {
            operation: self.request.id,
            cut_short,
            at: now(),
        };
        self.tell(event).await;
    }

    async fn refuse(&self, why: String) -> Result<(), Left> {
        let operation = self.request.id;
        if self.is_accepted {
            let named = self.named(self.wanted.run());
            self.stage(&named, Stage::Refused(why.clone())).await?;
            self.finish(Some(why.clone())).await?;
        }
        self.tell(Event::Refused { operation, why }).await;
        Ok(())
    }

    /// What is open stays so in the journal: the next start reads what became of it.
    async fn leave(&self, left: Result<(), Left>) {
        match left {
            Ok(()) | Err(Left::Shutdown) => {}
            Err(Left::Unfollowed) => {
                let why = "no longer followed; the next start reads what came of it";
                self.end(Some(why.to_owned())).await;
            }
            Err(Left::Journal(error)) => {
                let why = error.to_string();
                if matches!(error, JournalError::Broken(_) | JournalError::Closed) {
                    self.tell(Event::JournalFailed(why.clone())).await;
                }
                self.end(Some(why)).await;
            }
        }
        let (link, operation) = (self.link, self.request.id);
        self.tell(Event::OrderEnded { link, operation }).await;
    }

    /// Tells the engine. It outlives its tasks, except at the very end, when nobody looks any more.
    async fn tell(&self, event: Event) {
        let _ended = self.events.send(event).await;
    }
}

/// What became of a run that was to be cancelled.
fn cancelled(run: &PlatformRun) -> Stage {
    if run.status == RunStatus::Cancelled {
        Stage::Verified
    } else {
        Stage::Altered(format!("it had ended before: {}", run.status.word()))
    }
}
