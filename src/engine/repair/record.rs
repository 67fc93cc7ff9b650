//! One record of an operation, from reading both sides to reading back what was written.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::{Reading, Repair, Stop, TRIES, Written};
use crate::dataverse::{Write, now};
use crate::domain::drift::{Assessment, Side};
use crate::domain::failure::{ErrorCode, Failure, FailureClass};
use crate::domain::operation::{RecordKey, Stage, Verb};
use crate::domain::plan::{Assignment, BlastRadius, Plan, plan};
use crate::domain::row::{Row, RowId, Value};
use crate::domain::time::Now;
use crate::engine::event::{Event, Looked, Named};
use crate::engine::link::LinkTable;
use crate::engine::reconcile::{assess, look_one, side};

/// What one attempt at a record came to.
enum Attempt {
    /// It is over.
    Done(Stage, Written),
    /// The row changed under our hands: read again.
    Again(&'static str),
    /// The target can't be written to now: wait, then read again.
    Later(Failure),
}

/// Why a row that is referred to is not there yet.
enum Unready {
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
    pub(super) async fn record(&self, mut record: Named, ensured: &Ensured) -> Result<Stage, Stop> {
        let began = now();
        let Some(_lease) = self.leases.take(record.key, self.request.id) else {
            let stage = Stage::Held("another operation is working on it".to_owned());
            return self.stage(&record, stage, &Written::default(), began).await;
        };
        let mut tries = 0;
        let mut is_planned = false;
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
                    self.tell(Event::Looked(Box::new(looked.clone()))).await;
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
                        let stage = Stage::Held(format!("busy: {why}, {TRIES} times"));
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
    async fn give_up(&self, record: &Named, stop: Stop, began: Now) -> Result<Stage, Stop> {
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
        let looked = look_one(&self.link, table, &self.ends, key.id).await?;
        let assessment = Assessment {
            drift: looked.drift,
            is_guess: looked.is_guess,
            differing: looked.sides.differing.clone(),
        };
        let (source, target) = (looked.sides.source.row(), looked.sides.target.row());
        let plan = plan(self.request.verb, &assessment, source, target, &table.rules);
        Ok((looked, plan))
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
        match &plan {
            Plan::Nothing(why) => {
                return Ok(Attempt::Done(
                    Stage::Unchanged((*why).to_owned()),
                    Written::default(),
                ));
            }
            Plan::Refuse(why) => {
                let why = match &looked.sides.source {
                    Side::Unreadable(reason) => format!("{why}: {reason}"),
                    Side::Row(_) | Side::Absent => (*why).to_owned(),
                };
                return Ok(Attempt::Done(Stage::Held(why), Written::default()));
            }
            Plan::Create(_) | Plan::Fill { .. } => {}
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
    fn references(&self, table: &LinkTable, columns: &[Assignment]) -> Vec<RecordKey> {
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
    async fn ensure_reference(&self, key: RecordKey, ensured: &Ensured) -> Result<(), Unready> {
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
            Plan::Nothing(_) | Plan::Fill { .. } | Plan::Refuse(_) => {
                return Ok(Err(waits("the source has no such row")));
            }
        }
        if self.settled.contains(&key) {
            // Its course in the journal has ended with the process that began it.
            return Ok(Err(waits(
                "an earlier attempt at it has ended; ask for it anew",
            )));
        }
        self.tell(Event::Looked(Box::new(looked.clone()))).await;
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

    /// Journals the intent, sends, and settles what came back.
    async fn write(
        &self,
        record: &Named,
        table: &LinkTable,
        looked: &Looked,
        plan: &Plan,
        began: Now,
    ) -> Result<Attempt, Stop> {
        let refuse = |why: String| Attempt::Done(Stage::Refused(why), Written::default());
        let write = match self.request_for(table, record.key.id, plan) {
            Ok(write) => write,
            Err(why) => return Ok(refuse(why)),
        };
        let written = Written {
            etag: looked.sides.target.row().and_then(|row| row.etag.clone()),
            hash: Some(hash_of(table, plan.columns())),
            columns: names(table, plan.columns()),
        };
        if self.ended.token.is_cancelled() || self.shutdown.is_cancelled() {
            // Checked last of all: what is in the journal as intended must have been sent, or nearly.
            return self.taken_back();
        }
        self.stage(record, Stage::Intended, &written, began).await?;
        let attempt = match self.ends.target.send(&write).await {
            Ok(()) => {
                self.stage(record, Stage::Applied, &written, began).await?;
                self.verify(table, looked, plan, written).await?
            }
            Err(failure) if failure.class == FailureClass::PreconditionFailed => {
                self.precondition_failed(table, record, plan, &failure)
                    .await
            }
            Err(failure) if failure.may_have_happened() => {
                self.stage(record, Stage::Unknown(failure.cause()), &written, began)
                    .await?;
                self.read_back_unknown(table, looked, plan, written).await?
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
        Ok(attempt)
    }

    fn taken_back(&self) -> Result<Attempt, Stop> {
        if self.shutdown.is_cancelled() {
            return Err(Stop::Shutdown);
        }
        Ok(Attempt::Done(
            Stage::Abandoned(self.ended.reason()),
            Written::default(),
        ))
    }

    fn request_for(&self, table: &LinkTable, id: RowId, plan: &Plan) -> Result<Write, String> {
        let sets = self.link.target_sets();
        let columns = plan.named(&table.rules);
        let write = match plan {
            Plan::Fill { etag, .. } => {
                Write::update(&table.target, id, etag.clone(), columns, &sets)
            }
            Plan::Create(_) | Plan::Nothing(_) | Plan::Refuse(_) => {
                Write::create(&table.target, id, columns, &sets)
            }
        };
        write.map_err(|error| error.to_string())
    }

    /// What a 412 means is told by its code (rule 1), else by reading.
    async fn precondition_failed(
        &self,
        table: &LinkTable,
        record: &Named,
        plan: &Plan,
        failure: &Failure,
    ) -> Attempt {
        let done = |stage| Attempt::Done(stage, Written::default());
        if failure.code == Some(ErrorCode::DUPLICATE_KEY) {
            let why = "duplicate: its alternate key stands on another row in the target";
            return done(Stage::Held(why.to_owned()));
        }
        if !matches!(plan, Plan::Create(_)) {
            return Attempt::Again("the row changed meanwhile");
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
    async fn verify(
        &self,
        table: &LinkTable,
        before: &Looked,
        plan: &Plan,
        mut written: Written,
    ) -> Result<Attempt, Stop> {
        let mut why = "the target can't be read".to_owned();
        let mut tries = 0;
        while tries < TRIES && self.until_readable().await? {
            match self.look_back(table, before).await {
                Ok(looked) => {
                    let row = looked.sides.target.row();
                    let stage = compare_back(table, plan, row);
                    self.agree(table, row);
                    written.etag = row.and_then(|row| row.etag.clone());
                    self.tell(Event::Looked(Box::new(looked))).await;
                    return Ok(Attempt::Done(stage, written));
                }
                Err(failure) if failure.class == FailureClass::NotAllowed => self.sleep().await,
                Err(failure) => {
                    why = failure.cause();
                    tries += 1;
                }
            }
        }
        let stage = Stage::Unknown(format!("written, and could not be read back: {why}"));
        Ok(Attempt::Done(stage, written))
    }

    /// An outcome that isn't known is read back before anything else (rule 7).
    async fn read_back_unknown(
        &self,
        table: &LinkTable,
        before: &Looked,
        plan: &Plan,
        mut written: Written,
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
                self.agree(table, row);
                written.etag = version(row);
            }
            self.tell(Event::Looked(Box::new(looked))).await;
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

    /// Reads the target's side of a record again.
    async fn look_back(&self, table: &LinkTable, before: &Looked) -> Reading<Looked> {
        let id = before.record.key.id;
        let target = self
            .ends
            .target
            .reader()
            .retrieve(&table.target, id, &table.columns)
            .await;
        let source = before.sides.source.clone();
        Ok(assess(&self.link, table, id, source, side(target)?, None))
    }

    /// Takes in that both sides agree in this version: as long as it is ours, and not already somebody else's edit.
    fn agree(&self, table: &LinkTable, row: Option<&Row>) {
        let Some(row) = row else { return };
        let is_ours = row
            .modified_by
            .as_ref()
            .is_some_and(|by| self.link.sync_users.contains(&by.id));
        if let (true, Some(etag)) = (is_ours, &row.etag) {
            let key = RecordKey {
                table: table.index,
                id: row.id,
            };
            self.link.agreements.agree(key, etag.clone());
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
    hash_values(
        table,
        columns
            .iter()
            .map(|assignment| (assignment.place, &assignment.value)),
    )
}

/// The hash of a row's values in the named columns, to compare with that of an intent.
pub(super) fn hash_of_row(table: &LinkTable, names: &[String], row: &Row) -> u64 {
    let places = names.iter().filter_map(|name| {
        let place = table
            .rules
            .columns
            .iter()
            .position(|column| column.name.as_str() == name)?;
        Some((place, row.values.get(place)?))
    });
    hash_values(table, places)
}

fn hash_values<'a>(table: &LinkTable, values: impl Iterator<Item = (usize, &'a Value)>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (place, value) in values {
        if let Some(column) = table.rules.columns.get(place) {
            column.name.as_str().hash(&mut hasher);
            value.digest(&column.kind, &table.rules.placeholder, &mut hasher);
        }
    }
    hasher.finish()
}
