//! Carrying out a plan: the intent in the journal, the request, and what its answer means.

use std::sync::Arc;

use super::record::{Attempt, after_failure};
use super::verify::holds;
use super::{Repair, Stop, Written};
use crate::dataverse::Write;
use crate::domain::failure::{ErrorCode, Failure, FailureClass};
use crate::domain::operation::{Stage, Verb};
use crate::domain::plan::{Assignment, Plan, named};
use crate::domain::row::{Row, RowId, Value};
use crate::domain::time::Now;
use crate::engine::event::{Event, Looked, Named};
use crate::engine::link::LinkTable;

impl Repair {
    /// Carries out a plan: in one request, and in a second one where state and status are among its columns. A crash
    /// between the two leaves a record that is stale, and a retry heals it.
    pub(super) async fn write(
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
            columns: names(table, plan.columns()).into(),
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
