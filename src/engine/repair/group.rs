//! Several records of one table in few requests: both sides are read by id, the writes go into one batch, and the rows
//! are read back together. The steps and their order are those of one record; whatever is out of the ordinary with one
//! of them, a version that changed, a refusal, an answer that was lost, is told apart by the path of one record.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::look::overwrites_on_a_guess;
use super::record::{Attempt, ends_at_once};
use super::references::Ensured;
use super::{Named, Repair, Step, Stop, Written};
use crate::dataverse::{MOST_IN_A_BATCH, Write, now};
use crate::domain::batch_size::BatchSize;
use crate::domain::failure::Failure;
use crate::domain::operation::{RecordKey, Stage};
use crate::domain::plan::{BlastRadius, Plan};
use crate::domain::row::{Row, RowId};
use crate::domain::time::Now;
use crate::engine::event::{Event, Looked};
use crate::engine::link::LinkTable;
use crate::engine::reading::End;
use crate::engine::reconcile::{find_partners, look_many};

/// How many writes go into one request, as all groups of an operation learn it.
#[derive(Debug)]
pub(in crate::engine) struct Batches(Mutex<BatchSize>);

impl Default for Batches {
    fn default() -> Self {
        Self(Mutex::new(BatchSize::up_to(MOST_IN_A_BATCH)))
    }
}

impl Batches {
    fn size(&self) -> MutexGuard<'_, BatchSize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next records of one table, so many as a request may hold now.
    pub(super) fn take(&self, records: &mut VecDeque<Named>, most: usize) -> Vec<Named> {
        let most = most.min(self.size().get());
        let Some(table) = records.front().map(|record| record.key.table) else {
            return Vec::new();
        };
        let is_here = |record: &&Named| record.key.table == table;
        let count = records.iter().take(most).take_while(is_here).count();
        records.drain(..count).collect()
    }
}

/// One record of a group that is to be written.
struct Planned {
    looked: Looked,
    plan: Plan,
    write: Write,
    written: Written,
}

/// What has become of a group's records so far, and which are left to the path of one record.
#[derive(Default)]
struct Group {
    ended: Vec<Result<Stage, Stop>>,
    /// With whether its plan has been told of.
    alone: Vec<(Named, bool)>,
}

impl Group {
    /// Leaves records that were not read to the path of one record.
    fn leave_unplanned(&mut self, records: Vec<Named>) {
        self.alone
            .extend(records.into_iter().map(|record| (record, false)));
    }

    /// Leaves records that were planned to the path of one record.
    fn leave(&mut self, planned: impl Iterator<Item = Planned>) {
        self.alone
            .extend(planned.map(|one| (one.looked.record, true)));
    }
}

impl Repair {
    /// Brings records of one table to their final stages.
    pub(super) async fn group(
        &self,
        mut records: Vec<Named>,
        ensured: &Ensured,
    ) -> Vec<Result<Stage, Stop>> {
        if records.len() == 1 {
            return match records.pop() {
                Some(record) => vec![self.record(record, ensured, false).await],
                None => Vec::new(),
            };
        }
        let began = now();
        let mut group = Group::default();
        if let Err(stop) = self.until_writable().await {
            for record in &records {
                let ended = self.give_up(record, stop.clone(), began).await;
                group.ended.push(ended);
            }
            return group.ended;
        }
        let stopped = self.together(records, ensured, began, &mut group).await;
        // Each is told apart by itself, with its own second look.
        for (record, is_planned) in std::mem::take(&mut group.alone) {
            let ended = match &stopped {
                Err(stop) => Err(stop.clone()),
                Ok(()) => self.record(record, ensured, is_planned).await,
            };
            group.ended.push(ended);
        }
        if let Err(stop) = stopped {
            group.ended.push(Err(stop));
        }
        group.ended
    }

    /// The way of all of them together, as far as it goes.
    async fn together(
        &self,
        records: Vec<Named>,
        ensured: &Ensured,
        began: Now,
        group: &mut Group,
    ) -> Result<(), Stop> {
        let mut leases = Vec::with_capacity(records.len());
        let mut held = Vec::with_capacity(records.len());
        for record in records {
            match self.leases.take(record.key, self.request.id) {
                Some(lease) => {
                    leases.push(lease);
                    held.push(record);
                }
                None => group.alone.push((record, false)),
            }
        }
        let table = held
            .first()
            .and_then(|record| self.link.table(record.key.table));
        let Some(table) = table.map(Arc::clone) else {
            group
                .alone
                .extend(held.into_iter().map(|record| (record, false)));
            return Ok(());
        };
        let ids: Vec<RowId> = held.iter().map(|record| record.key.id).collect();
        let mut read = look_many(&self.link, &table, &self.ends, &ids).await;
        let is_guess = |looked: &Looked| overwrites_on_a_guess(looked, &self.plan(looked, &table));
        if read.as_ref().is_ok_and(|read| read.iter().any(is_guess)) {
            read = match self.feeds_have_told(&table).await {
                Ok(true) => look_many(&self.link, &table, &self.ends, &ids).await,
                Ok(false) => read,
                Err(failure) => Err(failure),
            };
        }
        let Ok(looked) = read else {
            group.leave_unplanned(held);
            return Ok(());
        };
        let planned = self.plan_all(&table, held, looked, began, group).await?;
        let planned = self.after_references(&table, planned, ensured, group).await;
        if planned.is_empty() {
            return Ok(());
        }
        if self.is_over() {
            group.leave(planned.into_iter());
            return Ok(());
        }
        self.write_all(&table, planned, began, group).await
    }

    /// Plans each record, and ends those that nothing is to be done to.
    async fn plan_all(
        &self,
        table: &LinkTable,
        records: Vec<Named>,
        looked: Vec<Looked>,
        began: Now,
        group: &mut Group,
    ) -> Result<Vec<Planned>, Stop> {
        let mut looked: HashMap<RowId, Looked> = looked
            .into_iter()
            .map(|looked| (looked.record.key.id, looked))
            .collect();
        let (mut planned, mut steps) = (Vec::new(), Vec::new());
        let mut radius = BlastRadius::default();
        for record in records {
            // The other row of a duplicate, or one that is gone: told apart by itself.
            let Some(looked) = looked.remove(&record.key.id) else {
                group.alone.push((record, false));
                continue;
            };
            let plan = self.plan(&looked, table);
            // State and status go into a request of their own, behind the other one; what a row is called that is
            // to be made first is known then.
            if !plan.clone().in_requests(&table.rules).1.is_empty()
                || table.identity.write(plan.columns()).is_err()
            {
                group.alone.push((record, false));
                continue;
            }
            radius.add(&plan);
            self.saw(looked.clone()).await;
            let stage = match ends_at_once(&looked, &plan) {
                Some(stage) => stage,
                None => match self.prepared(table, &looked, &plan) {
                    Ok((write, written)) => {
                        planned.push(Planned {
                            looked,
                            plan,
                            write,
                            written,
                        });
                        continue;
                    }
                    Err(why) => Stage::Refused(why),
                },
            };
            steps.push(Step {
                written: self.chosen(table, &looked, &plan),
                record: looked.record,
                stage,
            });
        }
        let operation = self.request.id;
        self.tell(Event::Planned { operation, radius }).await;
        self.end_all(steps, began, group).await?;
        Ok(planned)
    }

    /// Ensures what the writes refer to; where that fails for one of them, it is left to the path of one record.
    async fn after_references(
        &self,
        table: &LinkTable,
        planned: Vec<Planned>,
        ensured: &Ensured,
        group: &mut Group,
    ) -> Vec<Planned> {
        let named = |one: &Planned| self.references(table, one.plan.columns());
        let wanted: HashSet<RecordKey> = planned.iter().flat_map(named).collect();
        self.there_already(&wanted, ensured).await;
        let mut ready = Vec::with_capacity(planned.len());
        for one in planned {
            let mut is_ready = true;
            for reference in named(&one) {
                is_ready &= self.ensure_reference(reference, ensured).await.is_ok();
            }
            if is_ready {
                ready.push(one);
            } else {
                group.leave(std::iter::once(one));
            }
        }
        ready
    }

    /// Finds out in few requests which rows that are referred to are there already.
    async fn there_already(&self, wanted: &HashSet<RecordKey>, ensured: &Ensured) {
        let unknown: Vec<RecordKey> = {
            let cells = ensured.lock().unwrap_or_else(PoisonError::into_inner);
            let is_known = |key: &RecordKey| cells.get(key).is_some_and(|cell| cell.initialized());
            wanted
                .iter()
                .filter(|key| !is_known(key))
                .copied()
                .collect()
        };
        for table in &self.link.tables {
            let here = unknown.iter().filter(|key| key.table == table.index);
            let ids: Vec<RowId> = here.map(|key| key.id).collect();
            if ids.is_empty() {
                continue;
            }
            // What can't be read now is found out about one by one.
            let Ok(there) = self.ends.present(table, &ids).await else {
                continue;
            };
            let mut cells = ensured.lock().unwrap_or_else(PoisonError::into_inner);
            for id in there {
                let key = RecordKey {
                    table: table.index,
                    id,
                };
                // Another group may have found it out meanwhile, to the same end.
                let _known = cells.entry(key).or_default().set(Ok(()));
            }
        }
    }

    /// Journals all intents, sends them in one request, and settles what came back for each.
    async fn write_all(
        &self,
        table: &LinkTable,
        planned: Vec<Planned>,
        began: Now,
        group: &mut Group,
    ) -> Result<(), Stop> {
        let step = |one: &Planned, stage: Stage| Step {
            record: one.looked.record.clone(),
            stage,
            written: one.written.clone(),
        };
        let intended = planned.iter().map(|one| step(one, Stage::Intended));
        self.stage_all(intended.collect(), began).await?;
        let writes: Vec<Write> = planned.iter().map(|one| one.write.clone()).collect();
        let sent = now();
        let outcomes = match self.ends.target.send_batch(&writes).await {
            Ok(outcomes) => {
                let took = now().since(sent);
                self.batches.size().took(writes.len(), took);
                outcomes
            }
            Err(failure) => {
                self.batches.size().failed();
                vec![Err(failure); planned.len()]
            }
        };
        let (mut applied, mut undone, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for (one, outcome) in planned.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => applied.push(one),
                Err(failure) if failure.may_have_happened() => unknown.push((one, failure)),
                Err(_) => undone.push(one),
            }
        }
        let steps = applied.iter().map(|one| step(one, Stage::Applied));
        let steps = steps.chain(undone.iter().map(|one| Step {
            record: one.looked.record.clone(),
            stage: Stage::Accepted,
            written: Written::default(),
        }));
        let lost = |failure: &Failure| Stage::Unknown(failure.cause());
        let steps = steps.chain(
            unknown
                .iter()
                .map(|(one, failure)| step(one, lost(failure))),
        );
        self.stage_all(steps.collect(), began).await?;
        group.leave(undone.into_iter());
        self.read_back_all(table, applied, began, group).await?;
        for (one, _) in unknown {
            let Planned {
                looked,
                plan,
                written,
                ..
            } = one;
            let attempt = self
                .read_back_unknown(table, &looked, &plan, written, &mut None)
                .await?;
            self.settled(looked.record, attempt, began, group).await?;
        }
        Ok(())
    }

    /// Reads back what was written, all at once (rule 6).
    async fn read_back_all(
        &self,
        table: &LinkTable,
        applied: Vec<Planned>,
        began: Now,
        group: &mut Group,
    ) -> Result<(), Stop> {
        if applied.is_empty() {
            return Ok(());
        }
        let ids: Vec<RowId> = applied.iter().map(|one| one.looked.record.key.id).collect();
        let read = self.look_back_all(table, &applied, &ids).await;
        let Ok(mut read) = read else {
            for one in applied {
                let Planned {
                    looked,
                    plan,
                    written,
                    ..
                } = one;
                let attempt = self
                    .verify(table, &looked, &plan, written, &mut None)
                    .await?;
                self.settled(looked.record, attempt, began, group).await?;
            }
            return Ok(());
        };
        let mut steps = Vec::with_capacity(applied.len());
        for one in applied {
            let Planned {
                looked,
                plan,
                written,
                ..
            } = one;
            if let Some(back) = read.remove(&looked.record.key.id) {
                let (stage, written) = self.found(table, &plan, &back, written);
                self.saw(back).await;
                steps.push(Step {
                    record: looked.record,
                    stage,
                    written,
                });
            } else {
                let attempt = self
                    .verify(table, &looked, &plan, written, &mut None)
                    .await?;
                self.settled(looked.record, attempt, began, group).await?;
            }
        }
        self.end_all(steps, began, group).await
    }

    async fn look_back_all(
        &self,
        table: &LinkTable,
        applied: &[Planned],
        ids: &[RowId],
    ) -> Result<HashMap<RowId, Looked>, Failure> {
        let made = applied
            .iter()
            .filter_map(|one| one.looked.sides.source.row());
        let made: Vec<&Row> = made
            .filter(|row| !table.identity.is_paired(row.id))
            .collect();
        find_partners(&self.link, table, &self.ends, &made).await?;
        let taken = self.ends.rows(End::Target, table, ids).await?;
        let mut rows: HashMap<RowId, _> = taken.rows.into_iter().map(|row| (row.id, row)).collect();
        let back = applied.iter().filter_map(|one| {
            let row = rows.remove(&one.looked.record.key.id)?;
            Some(self.looked_back(table, &one.looked, row))
        });
        Ok(back.map(|looked| (looked.record.key.id, looked)).collect())
    }

    /// A record that was settled by itself after all.
    async fn settled(
        &self,
        record: Named,
        attempt: Attempt,
        began: Now,
        group: &mut Group,
    ) -> Result<(), Stop> {
        match attempt {
            Attempt::Done(stage, written) => {
                let ended = self.stage(&record, stage, &written, began).await?;
                group.ended.push(Ok(ended));
            }
            // Nothing was done, for certain.
            Attempt::Again(_) | Attempt::Later(_) => {
                self.stage(&record, Stage::Accepted, &Written::default(), began)
                    .await?;
                group.alone.push((record, true));
            }
        }
        Ok(())
    }

    async fn end_all(&self, steps: Vec<Step>, began: Now, group: &mut Group) -> Result<(), Stop> {
        let stages: Vec<Stage> = steps.iter().map(|step| step.stage.clone()).collect();
        self.stage_all(steps, began).await?;
        group.ended.extend(stages.into_iter().map(Ok));
        Ok(())
    }
}
