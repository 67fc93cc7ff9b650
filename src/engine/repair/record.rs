//! One record of an operation, from reading both sides to reading back what was written.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::{Reading, Repair, Stop, TRIES, Written};
use crate::dataverse::{Write, now};
use crate::domain::drift::{Assessment, Drift, Side};
use crate::domain::failure::{ErrorCode, Failure, FailureClass};
use crate::domain::operation::{RecordKey, Request, Stage, Verb};
use crate::domain::plan::{Assignment, BlastRadius, Plan, decide, is_decided, named, plan};
use crate::domain::row::{Row, RowId, Value};
use crate::domain::time::Now;
use crate::engine::event::{Event, Looked, Named};
use crate::engine::evidence::Agreement;
use crate::engine::link::LinkTable;
use crate::engine::reading::End;
use crate::engine::reconcile::{Comparing, Interruption, assess, find_partners, look_one};
use crate::engine::start::Depth;

/// Why a row that is there is left alone.
const OUT_OF_SCOPE: &str = "out of the link's scope (`where`)";

/// What one attempt at a record came to.
pub(super) enum Attempt {
    /// It is over.
    Done(Stage, Written),
    /// The row changed under our hands: read again.
    Again(&'static str),
    /// The target can't be written to now: wait, then read again.
    Later(Failure),
}

/// Why a row that is referred to is not there yet.
pub(super) enum Unready {
    /// What becomes of the row that refers to it.
    Attempt(Attempt),
    /// Nothing more is to be done at all.
    Stop(Stop),
}

impl From<Stop> for Unready {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// The rows that an operation's records refer to: found out about once each. Where one is not to be had, the stage that
/// whatever refers to it ends in.
pub(super) type Ensured = Mutex<HashMap<RecordKey, Arc<OnceCell<Result<(), Stage>>>>>;

impl Repair {
    /// Brings one record to its final stage.
    ///
    /// `is_planned` says that its plan has been told of before.
    pub(super) async fn record(
        &self,
        mut record: Named,
        ensured: &Ensured,
        mut is_planned: bool,
    ) -> Result<Stage, Stop> {
        let began = now();
        let Some(_lease) = self.leases.take(record.key, self.request.id) else {
            let stage = Stage::Held("another operation is working on it".to_owned());
            return self.stage(&record, stage, &Written::default(), began).await;
        };
        let mut tries = 0;
        loop {
            if let Err(stop) = self.until_writable().await {
                return self.give_up(&record, stop, began).await;
            }
            let attempt = match self.look(record.key).await {
                Ok((looked, plan)) => {
                    record = Named {
                        on_the_way: record.on_the_way,
                        ..looked.record.clone()
                    };
                    if !is_planned {
                        is_planned = true;
                        let mut radius = BlastRadius::default();
                        radius.add(&plan);
                        self.tell(Event::Planned {
                            operation: self.request.id,
                            radius,
                        })
                        .await;
                    }
                    self.saw(looked.clone()).await;
                    self.attempt(&record, &looked, plan, ensured, began).await?
                }
                Err(failure) => after_failure(failure),
            };
            match attempt {
                Attempt::Done(stage, written) => {
                    return self.stage(&record, stage, &written, began).await;
                }
                Attempt::Again(why) => {
                    tries += 1;
                    if tries == TRIES {
                        let stage = Stage::Held(format!("{}: {why}, {TRIES} times", Stage::BUSY));
                        return self.stage(&record, stage, &Written::default(), began).await;
                    }
                }
                // Kept back by a breaker: nothing was tried.
                Attempt::Later(failure) if failure.class == FailureClass::NotAllowed => {
                    self.sleep().await;
                }
                Attempt::Later(failure) => {
                    // A single failure that leaves the breaker closed: try again, but not for ever.
                    tries += 1;
                    if tries == TRIES && self.is_writable() {
                        let stage = Stage::Refused(failure.summary());
                        return self.stage(&record, stage, &Written::default(), began).await;
                    }
                    tries = tries.min(TRIES - 1);
                }
            }
        }
    }

    /// Ends a record of which nothing was sent.
    pub(super) async fn give_up(
        &self,
        record: &Named,
        stop: Stop,
        began: Now,
    ) -> Result<Stage, Stop> {
        if let Stop::Abandon(why) = &stop {
            self.stage(
                record,
                Stage::Abandoned(why.clone()),
                &Written::default(),
                began,
            )
            .await?;
        }
        Err(stop)
    }

    /// Reads both sides and plans the verb on what was read (reliability S4).
    pub(super) async fn look(&self, key: RecordKey) -> Reading<(Looked, Plan)> {
        let unknown = || Failure::local(FailureClass::Invalid, "no such table on this link");
        let table = self.link.table(key.table).ok_or_else(unknown)?;
        let mut looked = look_one(&self.link, table, &self.ends, key.id).await?;
        let mut plan = self.plan(&looked, table);
        if overwrites_on_a_guess(&looked, &plan) && self.feeds_have_told(table).await? {
            looked = look_one(&self.link, table, &self.ends, key.id).await?;
            plan = self.plan(&looked, table);
        }
        Ok((looked, plan))
    }

    /// Has the feeds of changes tell which side of a record changed, where they are followed: clocks alone would let an
    /// older edit of the target be overwritten by a newer one of the source. While they can't be read, nobody knows.
    pub(super) async fn feeds_have_told(&self, table: &Arc<LinkTable>) -> Reading<bool> {
        let comparing = Comparing {
            link: Arc::clone(&self.link),
            ends: self.ends.clone(),
            depth: Depth::Changes,
            interruption: Interruption::BreaksOff,
            events: self.events.clone(),
        };
        // A comparison that is under way is waited for: it may be a long one.
        tokio::select! {
            told = comparing.follow(table) => told,
            () = self.reins.ended() => Ok(false),
            () = self.shutdown.cancelled() => Ok(false),
        }
    }

    /// What is to be done about a record as it was read.
    pub(super) fn plan(&self, looked: &Looked, table: &LinkTable) -> Plan {
        let assessment = Assessment {
            drift: looked.drift,
            is_guess: looked.is_guess,
            differing: looked.sides.differing.clone(),
        };
        let (source, target) = (looked.sides.source.row(), looked.sides.target.row());
        let Request { verb, choices, .. } = &self.request;
        decide(*verb, choices, &assessment, source, target, &table.rules)
    }

    async fn attempt(
        &self,
        record: &Named,
        looked: &Looked,
        plan: Plan,
        ensured: &Ensured,
        began: Now,
    ) -> Result<Attempt, Stop> {
        let Some(table) = self.link.table(record.key.table) else {
            return Ok(Attempt::Done(
                Stage::Refused("no such table".to_owned()),
                Written::default(),
            ));
        };
        if let Some(stage) = ends_at_once(looked, &plan) {
            return Ok(Attempt::Done(stage, self.chosen(table, looked, &plan)));
        }
        for reference in self.references(table, plan.columns()) {
            match self.ensure_reference(reference, ensured).await {
                Ok(()) => {}
                Err(Unready::Attempt(attempt)) => return Ok(attempt),
                Err(Unready::Stop(stop)) => return Err(stop),
            }
        }
        self.write(record, table, looked, &plan, began).await
    }

    /// The rows on this link that a write would refer to.
    pub(super) fn references(&self, table: &LinkTable, columns: &[Assignment]) -> Vec<RecordKey> {
        let lookups = columns
            .iter()
            .filter_map(|assignment| match &assignment.value {
                Value::Lookup(reference) => {
                    let single = || match table
                        .rules
                        .columns
                        .get(assignment.place)
                        .map(|column| &column.kind)
                    {
                        Some(crate::domain::table::ColumnType::Lookup { targets }) => {
                            match targets.as_slice() {
                                [only] => Some(only.table.clone()),
                                _ => None,
                            }
                        }
                        _ => None,
                    };
                    let name = reference.table.clone().or_else(single)?;
                    Some(RecordKey {
                        table: self.link.table_named(&name)?.index,
                        id: reference.id,
                    })
                }
                _ => None,
            });
        lookups.collect()
    }

    /// References first: the row that a lookup names is ensured before the row that names it (rule 5), once however
    /// many rows name it. A bare stub holds no lookups, so that cycles need no order.
    pub(super) async fn ensure_reference(
        &self,
        key: RecordKey,
        ensured: &Ensured,
    ) -> Result<(), Unready> {
        let cell = {
            let mut cells = ensured.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(key).or_default())
        };
        let known = cell.get_or_try_init(|| self.ensure_once(key)).await?;
        let ends = |stage| Unready::Attempt(Attempt::Done(stage, Written::default()));
        known.clone().map_err(ends)
    }

    /// Whether the row is there now; the inner error is final, the outer one is worth another try.
    async fn ensure_once(&self, key: RecordKey) -> Result<Result<(), Stage>, Unready> {
        let waits =
            |why: &str| Stage::Refused(format!("waits for {} that it refers to: {why}", key.id));
        let began = now();
        let Some(table) = self.link.table(key.table) else {
            return Ok(Ok(()));
        };
        let (looked, _) = match self.look(key).await {
            Ok(read) => read,
            Err(failure) => return Err(Unready::Attempt(after_failure(failure))),
        };
        let record = Named {
            on_the_way: true,
            ..looked.record.clone()
        };
        let assessment = Assessment {
            drift: looked.drift,
            is_guess: false,
            differing: Vec::new(),
        };
        let plan = plan(
            Verb::Ensure,
            &assessment,
            looked.sides.source.row(),
            looked.sides.target.row(),
            &table.rules,
        );
        match plan {
            Plan::Create(_) => {}
            // It exists, and that is all that is asked of it: an orphan or the target's own row will do.
            _ if looked.sides.target.row().is_some() => return Ok(Ok(())),
            Plan::Keep | Plan::Nothing(_) | Plan::Fill { .. } | Plan::Refuse(_) => {
                return Ok(Err(waits(match (&looked.sides.source, plan) {
                    (Side::Unreadable(reason), _) => reason,
                    (Side::OutOfScope, _) => OUT_OF_SCOPE,
                    (Side::Row(_), Plan::Refuse(why)) => why,
                    (Side::Row(_) | Side::Absent | Side::Unread, _) => "the source has no such row",
                })));
            }
        }
        if self.settled.contains(&key) {
            // Its course in the journal has ended with the process that began it.
            return Ok(Err(waits(
                "an earlier attempt at it has ended; ask for it anew",
            )));
        }
        self.saw(looked.clone()).await;
        match self.write(&record, table, &looked, &plan, began).await? {
            Attempt::Done(stage, written) => {
                let stage = self.stage(&record, stage, &written, began).await?;
                if !stage.is_final() {
                    self.open_on_the_way.fetch_add(1, Ordering::Relaxed);
                }
                Ok(match stage {
                    stage if stage.is_good() => Ok(()),
                    Stage::Abandoned(why) => Err(Stage::Abandoned(why)),
                    stage => Err(waits(stage.reason().unwrap_or(stage.word()))),
                })
            }
            again @ (Attempt::Again(_) | Attempt::Later(_)) => Err(Unready::Attempt(again)),
        }
    }

    /// Carries out a plan: in one request, and in a second one where state and status are among its columns. A crash
    /// between the two leaves a record that is stale, and a retry heals it.
    async fn write(
        &self,
        record: &Named,
        table: &LinkTable,
        looked: &Looked,
        plan: &Plan,
        began: Now,
    ) -> Result<Attempt, Stop> {
        if self.is_over() {
            // Checked last of all: what is in the journal as intended must have been sent, or nearly.
            return self.taken_back();
        }
        let (first, pair) = plan.clone().in_requests(&table.rules);
        let (attempt, row) = self.request(record, table, looked, &first, began).await?;
        // What was altered or is not known comes first; a row that has its state already needs no more.
        let (Attempt::Done(Stage::Verified, _), Some(row)) = (&attempt, &row) else {
            return Ok(attempt);
        };
        let Some(etag) = row.etag.clone().filter(|_| !holds(table, &pair, row)) else {
            return Ok(attempt);
        };
        let second = Plan::Fill {
            columns: pair,
            etag,
            overwrites: 0,
        };
        let half_done =
            |why: String| format!("its other columns are written, its state is not: {why}");
        if let Err(why) = self.request_for(table, record.key.id, &second) {
            let stage = Stage::Altered(half_done(why));
            return Ok(Attempt::Done(stage, Written::default()));
        }
        // A record in hand is finished, whoever takes the rest back.
        let (attempt, _) = self.request(record, table, looked, &second, began).await?;
        Ok(match attempt {
            Attempt::Done(Stage::Refused(why), written) => {
                Attempt::Done(Stage::Refused(half_done(why)), written)
            }
            attempt => attempt,
        })
    }

    /// Journals the intent, sends, and settles what came back; with the row as it was read back.
    async fn request(
        &self,
        record: &Named,
        table: &LinkTable,
        looked: &Looked,
        plan: &Plan,
        began: Now,
    ) -> Result<(Attempt, Option<Row>), Stop> {
        let refuse = |why: String| Attempt::Done(Stage::Refused(why), Written::default());
        let (write, written) = match self.prepared(table, looked, plan) {
            Ok(prepared) => prepared,
            Err(why) => return Ok((refuse(why), None)),
        };
        self.stage(record, Stage::Intended, &written, began).await?;
        let mut row = None;
        let attempt = match self.ends.target.send(&write).await {
            Ok(()) => {
                self.stage(record, Stage::Applied, &written, began).await?;
                self.verify(table, looked, plan, written, &mut row).await?
            }
            Err(failure) if failure.refuses_the_record() => {
                self.park(table, looked, &failure).await
            }
            Err(failure) if failure.class == FailureClass::PreconditionFailed => {
                self.precondition_failed(table, record, plan).await
            }
            Err(failure) if failure.may_have_happened() => {
                self.stage(record, Stage::Unknown(failure.cause()), &written, began)
                    .await?;
                self.read_back_unknown(table, looked, plan, written, &mut row)
                    .await?
            }
            Err(failure)
                if failure.class == FailureClass::NotFound && !matches!(plan, Plan::Create(_)) =>
            {
                Attempt::Again("the row was deleted meanwhile")
            }
            Err(failure) => after_failure(failure),
        };
        if matches!(attempt, Attempt::Again(_) | Attempt::Later(_)) {
            // Nothing was done, for certain: a crash from here on finds it as it was asked for.
            self.stage(record, Stage::Accepted, &Written::default(), began)
                .await?;
        }
        Ok((attempt, row))
    }

    /// Whether nothing new may be sent.
    pub(super) fn is_over(&self) -> bool {
        self.reins.ended.is_cancelled() || self.shutdown.is_cancelled()
    }

    /// A write, and what the journal says of it; why not, where it can't be said.
    pub(super) fn prepared(
        &self,
        table: &LinkTable,
        looked: &Looked,
        plan: &Plan,
    ) -> Result<(Write, Written), String> {
        let write = self.request_for(table, looked.record.key.id, plan)?;
        let written = Written {
            etag: looked.sides.target.row().and_then(|row| row.etag.clone()),
            hash: Some(hash_of(table, plan.columns())),
            columns: names(table, plan.columns()),
            overwritten: overwritten(table, plan, looked.sides.target.row()),
        };
        Ok((write, written))
    }

    fn taken_back(&self) -> Result<Attempt, Stop> {
        if self.shutdown.is_cancelled() {
            return Err(Stop::Shutdown);
        }
        Ok(Attempt::Done(
            Stage::Abandoned(self.reins.reason()),
            Written::default(),
        ))
    }

    fn request_for(&self, table: &LinkTable, id: RowId, plan: &Plan) -> Result<Write, String> {
        let sets = &self.link.sets;
        let columns = named(&table.identity.write(plan.columns())?, &table.rules);
        let write = match plan {
            Plan::Fill { etag, .. } => {
                let id = table.identity.target_id(id);
                Write::update(&table.target, id, etag.clone(), columns, sets)
            }
            Plan::Create(_) | Plan::Keep | Plan::Nothing(_) | Plan::Refuse(_) => {
                let key = table.key_columns();
                let by_key = table
                    .identity
                    .is_by_key()
                    .then(|| Write::create_by_key(&table.target, &key, &columns, sets));
                // A key that can't stand in an address is as unique in the body, under the source's own id.
                let write = by_key
                    .flatten()
                    .unwrap_or_else(|| Write::create(&table.target, id, columns, sets));
                write.map(|write| write.with(&table.presets))
            }
        };
        write.map_err(|error| error.to_string())
    }

    /// The target refuses the record for its own sake, and would again: it is left alone until a person asks for it, or
    /// its source row changes.
    async fn park(&self, table: &LinkTable, looked: &Looked, failure: &Failure) -> Attempt {
        let stage = if failure.code == Some(ErrorCode::DUPLICATE_KEY) {
            let why = "duplicate: its alternate key stands on another row in the target";
            Stage::Held(why.to_owned())
        } else {
            Stage::Refused(failure.summary())
        };
        let source = looked.sides.source.row();
        let source = source.map(|row| table.rules.digest(row));
        if let (Some(source), Some(why)) = (source, stage.reason()) {
            let (record, why) = (looked.record.key, Arc::<str>::from(why));
            self.link.parked.park(record, source, Arc::clone(&why));
            self.tell(Event::Parked { record, why }).await;
        }
        let written = Written {
            hash: source,
            ..Written::default()
        };
        Attempt::Done(stage, written)
    }

    /// What a 412 means is told by its code (rule 1), else by reading.
    async fn precondition_failed(&self, table: &LinkTable, record: &Named, plan: &Plan) -> Attempt {
        let done = |stage| Attempt::Done(stage, Written::default());
        if !matches!(plan, Plan::Create(_)) {
            return Attempt::Again("the row changed meanwhile");
        }
        if table.identity.is_by_key() {
            // The next look finds it by its key.
            return Attempt::Again("it was created meanwhile");
        }
        let id_only = std::slice::from_ref(&table.target.primary_id);
        match self
            .ends
            .target
            .reader()
            .retrieve(&table.target, record.key.id, id_only)
            .await
        {
            Ok(Some(_)) if self.request.verb == Verb::Ensure || record.on_the_way => {
                done(Stage::Unchanged("it existed by then".to_owned()))
            }
            Ok(Some(_)) => Attempt::Again("it was created meanwhile"),
            // It stands there, and we may not see it (design, "hidden from us").
            Ok(None) => done(Stage::Held("hidden from us in the target".to_owned())),
            Err(failure) => after_failure(failure),
        }
    }

    /// Reads back what was written (rule 6). Only the target is read: the source may be down by now.
    pub(super) async fn verify(
        &self,
        table: &LinkTable,
        before: &Looked,
        plan: &Plan,
        written: Written,
        read: &mut Option<Row>,
    ) -> Result<Attempt, Stop> {
        let mut why = "the target can't be read".to_owned();
        let mut tries = 0;
        while tries < TRIES && self.until_readable().await? {
            match self.look_back(table, before).await {
                Ok(looked) => {
                    *read = looked.sides.target.row().cloned();
                    let (stage, written) = self.found(table, plan, &looked, written);
                    self.saw(looked).await;
                    return Ok(Attempt::Done(stage, written));
                }
                Err(failure) => {
                    tries += u32::from(failure.class != FailureClass::NotAllowed);
                    why = failure.cause();
                    self.sleep().await;
                }
            }
        }
        let stage = Stage::Unknown(format!("written, and could not be read back: {why}"));
        Ok(Attempt::Done(stage, written))
    }

    /// An outcome that isn't known is read back before anything else (rule 7).
    pub(super) async fn read_back_unknown(
        &self,
        table: &LinkTable,
        before: &Looked,
        plan: &Plan,
        mut written: Written,
        read: &mut Option<Row>,
    ) -> Result<Attempt, Stop> {
        let mut tries = 0;
        while tries < TRIES && self.until_readable().await? {
            let looked = match self.look_back(table, before).await {
                Ok(looked) => looked,
                Err(failure) => {
                    tries += u32::from(failure.class != FailureClass::NotAllowed);
                    self.sleep().await;
                    continue;
                }
            };
            let row = looked.sides.target.row();
            let was_done = row.is_some_and(|row| holds(table, plan.columns(), row));
            let version = |row: Option<&Row>| row.and_then(|row| row.etag.clone());
            let is_untouched = version(row) == version(before.sides.target.row());
            if was_done {
                self.agree(table, row, &Stage::Verified, &written);
                written.etag = row.and_then(|row| self.link.own_version(row));
                *read = row.cloned();
            }
            self.saw(looked).await;
            return Ok(match (was_done, is_untouched) {
                (true, _) => Attempt::Done(Stage::Verified, written),
                (false, true) => Attempt::Again("its outcome was not known"),
                (false, false) => Attempt::Again("the row changed meanwhile"),
            });
        }
        Ok(Attempt::Done(
            Stage::Unknown("could not be read back".to_owned()),
            written,
        ))
    }

    /// What a row that was read back says of what was written.
    pub(super) fn found(
        &self,
        table: &LinkTable,
        plan: &Plan,
        back: &Looked,
        written: Written,
    ) -> (Stage, Written) {
        let row = back.sides.target.row();
        let stage = compare_back(table, plan, row);
        self.agree(table, row, &stage, &written);
        let etag = row.and_then(|row| self.link.own_version(row));
        let hash = if stage == Stage::Verified && !self.request.choices.is_empty() {
            self.kept(table, back)
        } else {
            written.hash
        };
        let written = Written {
            etag,
            hash,
            ..written
        };
        (stage, written)
    }

    /// Both sides as they are once what was to be taken from the source is written, where a person chose the target's
    /// value in all that still differs.
    fn kept(&self, table: &LinkTable, back: &Looked) -> Option<u64> {
        let Request { verb, choices, .. } = &self.request;
        let (source, target) = (back.sides.source.row()?, back.sides.target.row()?);
        let differing = &back.sides.differing;
        if differing.is_empty() || !is_decided(*verb, choices, differing, &table.rules) {
            return None;
        }
        let pair = table.rules.pair(source, target);
        self.link.choices.keep(back.record.key, pair);
        Some(pair)
    }

    /// A record whose target's row was read again.
    pub(super) fn looked_back(&self, table: &LinkTable, before: &Looked, row: Row) -> Looked {
        let (id, source) = (before.record.key.id, before.sides.source.clone());
        assess(&self.link, table, id, source, Side::Row(row), None)
    }

    /// Reads the target's side of a record again.
    async fn look_back(&self, table: &LinkTable, before: &Looked) -> Reading<Looked> {
        let id = before.record.key.id;
        let source = before.sides.source.clone();
        if let Some(row) = source.row().filter(|_| !table.identity.is_paired(id)) {
            // It was made by its key: the server gave it an id.
            find_partners(&self.link, table, &self.ends, &[row]).await?;
        }
        let target = self.ends.row(End::Target, table, id).await?;
        if let Side::Unreadable(why) = target {
            return Err(Failure::local(FailureClass::Forbidden, why));
        }
        Ok(assess(&self.link, table, id, source, target, None))
    }

    /// What is remembered of a choice to keep the target's side: which columns differ, and both sides as they are now.
    pub(super) fn chosen(&self, table: &LinkTable, looked: &Looked, plan: &Plan) -> Written {
        let (Plan::Keep, Some(source), Some(target)) =
            (plan, looked.sides.source.row(), looked.sides.target.row())
        else {
            return Written::default();
        };
        let pair = table.rules.pair(source, target);
        self.link.choices.keep(looked.record.key, pair);
        let places = looked.sides.differing.iter();
        let columns = places.filter_map(|place| table.rules.columns.get(*place));
        Written {
            etag: target.etag.clone(),
            hash: Some(pair),
            columns: columns.map(|column| column.name.to_string()).collect(),
            overwritten: Vec::new(),
        }
    }

    /// Takes in how the row was left, and whether it still is as we left it.
    fn agree(&self, table: &LinkTable, row: Option<&Row>, stage: &Stage, written: &Written) {
        let Some(row) = row else { return };
        let key = RecordKey {
            table: table.index,
            id: row.id,
        };
        self.link.parked.release(key);
        let etag = self.link.own_version(row);
        // What was decided column by column may leave others as they are.
        let is_whole = self.request.verb != Verb::FillBlanks && self.request.choices.is_empty();
        let altered = matches!(stage, Stage::Altered(_))
            .then(|| Some((written.columns.clone(), written.hash?)))
            .flatten();
        let is_decided = is_whole && etag.is_some();
        let agreement = Agreement {
            etag,
            is_whole,
            altered,
        };
        self.link.agreements.agree(key, agreement);
        if is_decided {
            // Whatever was held is decided.
            self.link.told.forget(key);
        }
    }
}

/// Whether a write would rest on nothing but the two clocks.
pub(super) fn overwrites_on_a_guess(looked: &Looked, plan: &Plan) -> bool {
    looked.is_guess && looked.drift == Drift::Stale && matches!(plan, Plan::Fill { .. })
}

/// Where a record ends that nothing is to be done to.
pub(super) fn ends_at_once(looked: &Looked, plan: &Plan) -> Option<Stage> {
    match plan {
        Plan::Keep => Some(Stage::Unchanged("kept as the target has it".to_owned())),
        Plan::Nothing(why) => Some(Stage::Unchanged((*why).to_owned())),
        Plan::Refuse(why) => Some(Stage::Held(match &looked.sides.source {
            Side::Unreadable(reason) => format!("{why}: {reason}"),
            Side::OutOfScope => OUT_OF_SCOPE.to_owned(),
            Side::Row(_) | Side::Absent | Side::Unread => (*why).to_owned(),
        })),
        Plan::Create(_) | Plan::Fill { .. } => None,
    }
}

/// The values that a write is about to overwrite, by column.
fn overwritten(
    table: &LinkTable,
    plan: &Plan,
    target: Option<&Row>,
) -> Vec<(String, serde_json::Value)> {
    let (Plan::Fill { columns, .. }, Some(row)) = (plan, target) else {
        return Vec::new();
    };
    let filled = columns
        .iter()
        .filter(|one| !table.rules.is_blank(row, one.place));
    let kept = filled.filter_map(|one| {
        let column = table.rules.columns.get(one.place)?;
        Some((column.name.to_string(), kept(row.values.get(one.place)?)))
    });
    kept.collect()
}

/// A value as it is kept: numbers that must be exact as texts.
fn kept(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(yes) => (*yes).into(),
        Value::Integer(number) => (*number).into(),
        Value::Lookup(reference) => serde_json::json!({
            "table": reference.table.as_ref().map(ToString::to_string),
            "id": reference.id.to_string(),
        }),
        Value::Text(text) => text.as_str().into(),
        Value::Decimal(_) | Value::DateTime(_) | Value::Date(_) | Value::Choices(_) => {
            value.to_string().into()
        }
    }
}

/// A failure of the instance is waited out; a failure of the record ends it.
fn after_failure(failure: Failure) -> Attempt {
    if failure.is_transient() || failure.class == FailureClass::NotAllowed {
        Attempt::Later(failure)
    } else {
        Attempt::Done(Stage::Refused(failure.summary()), Written::default())
    }
}

/// Whether a row holds what was written.
fn holds(table: &LinkTable, columns: &[Assignment], row: &Row) -> bool {
    different(table, columns, row).next().is_none()
}

fn different<'a>(
    table: &'a LinkTable,
    columns: &'a [Assignment],
    row: &'a Row,
) -> impl Iterator<Item = &'a crate::domain::drift::ComparedColumn> {
    let rules = &table.rules;
    columns.iter().filter_map(move |assignment| {
        let column = rules.columns.get(assignment.place)?;
        let value = row.values.get(assignment.place)?;
        (!assignment
            .value
            .same(value, &column.kind, &rules.placeholder))
        .then_some(column)
    })
}

fn compare_back(table: &LinkTable, plan: &Plan, row: Option<&Row>) -> Stage {
    let Some(row) = row else {
        return Stage::Altered("read back: the row is gone".to_owned());
    };
    let different: Vec<&str> = different(table, plan.columns(), row)
        .map(|column| column.name.as_str())
        .collect();
    if different.is_empty() {
        Stage::Verified
    } else {
        Stage::Altered(format!(
            "the target keeps another value in {}",
            different.join(", ")
        ))
    }
}

fn names(table: &LinkTable, columns: &[Assignment]) -> Vec<String> {
    let column = |assignment: &Assignment| table.rules.columns.get(assignment.place);
    columns
        .iter()
        .filter_map(column)
        .map(|column| column.name.as_str().to_owned())
        .collect()
}

/// The hash of what is written, by which a later process can tell whether it was (J7 keeps no values).
fn hash_of(table: &LinkTable, columns: &[Assignment]) -> u64 {
    let values = columns.iter();
    table.hash_values(values.map(|assignment| (assignment.place, &assignment.value)))
}
