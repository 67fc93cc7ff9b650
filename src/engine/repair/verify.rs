//! Reading back what was written, or may have been (rules 6 and 7), and what is remembered of it.

use super::record::Attempt;
use super::{Reading, Repair, Stop, TRIES, Written};
use crate::domain::drift::{ComparedColumn, Side};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::operation::{RecordKey, Request, Stage, Verb};
use crate::domain::plan::{Assignment, Plan, is_decided};
use crate::domain::row::Row;
use crate::engine::event::Looked;
use crate::engine::evidence::Agreement;
use crate::engine::link::LinkTable;
use crate::engine::reading::End;
use crate::engine::reconcile::{assess, find_partners};

impl Repair {
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
            .then(|| Some((written.columns.to_vec(), written.hash?)))
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

/// Whether a row holds what was written.
pub(super) fn holds(table: &LinkTable, columns: &[Assignment], row: &Row) -> bool {
    different(table, columns, row).next().is_none()
}

fn different<'a>(
    table: &'a LinkTable,
    columns: &'a [Assignment],
    row: &'a Row,
) -> impl Iterator<Item = &'a ComparedColumn> {
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
