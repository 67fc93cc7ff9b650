//! What an earlier process left half done: shown, read back, never resent blindly (J3).

use super::{Outcome, Repair, Stop, Written};
use crate::dataverse::now;
use crate::domain::drift::Side;
use crate::domain::failure::FailureClass;
use crate::domain::operation::Stage;
use crate::domain::row::Row;
use crate::engine::event::{Event, Named};
use crate::engine::link::LinkTable;
use crate::engine::reading::End;
use crate::journal::{RecoveredOperation, RecoveredRecord};

/// Finds out by reading what became of the half-done records of an operation that was left behind.
///
/// What was not sent stays accepted until a person, or the agent, goes on with it.
pub(in crate::engine) async fn settle_left_behind(repair: &Repair, operation: &RecoveredOperation) {
    match repair.read_back_left_behind(operation).await {
        Ok(true) => repair.finish(None).await,
        Ok(false) => {}
        Err(stop) => {
            repair.report(&stop).await;
        }
    }
    repair
        .tell(Event::Settled {
            operation: repair.request.id,
        })
        .await;
}

/// Goes on with what was accepted and not sent.
pub(in crate::engine) async fn resume(repair: Repair, records: Vec<Named>) -> Outcome {
    repair
        .tell(Event::Resumed {
            operation: repair.request.id,
        })
        .await;
    repair.carry_out(records).await
}

impl Repair {
    /// Whether nothing of it is left to do.
    async fn read_back_left_behind(&self, operation: &RecoveredOperation) -> Result<bool, Stop> {
        let known: Vec<(Named, &RecoveredRecord)> = operation
            .records
            .iter()
            .filter_map(|record| Some((self.recovered(record)?, record)))
            .collect();
        // A record of a table that is no longer on the link can't be settled here.
        let mut is_done = known.len() == operation.records.len();
        for (named, record) in known {
            let stage = &record.stage;
            let is_half_done = !stage.is_final() && *stage != Stage::Accepted;
            let stage = if is_half_done {
                self.read_back(&named, record).await?
            } else {
                record.stage.clone()
            };
            is_done &= stage.is_final();
        }
        Ok(is_done)
    }

    fn recovered(&self, record: &RecoveredRecord) -> Option<Named> {
        let table = self.link.table_named(&record.record.table)?;
        Some(Named {
            key: crate::domain::operation::RecordKey {
                table: table.index,
                id: record.record.id,
            },
            name: record.record.name.clone(),
            number: record.record.number.clone(),
            on_the_way: record.record.on_the_way,
        })
    }

    /// Finds out by reading whether an intent was carried out.
    async fn read_back(&self, named: &Named, record: &RecoveredRecord) -> Result<Stage, Stop> {
        let written = Written {
            etag: record.etag.clone(),
            hash: record.hash,
            columns: record.columns.clone().into(),
            overwritten: Vec::new(),
        };
        let Some(table) = self.link.table(named.key.table) else {
            return Ok(record.stage.clone());
        };
        while self.until_readable().await? {
            match self.ends.row(End::Target, table, named.key.id).await {
                Ok(Side::Unreadable(why)) => {
                    let stage = Stage::Unknown(format!("could not be read back: {why}"));
                    return self.stage(named, stage, &written, now()).await;
                }
                Ok(target) => {
                    let stage = found(table, record, target.row());
                    let etag = target.row().and_then(|row| self.link.own_version(row));
                    let written = match stage {
                        // Nothing was written: it stands as it did when it was asked for.
                        Stage::Accepted => Written::default(),
                        _ if stage.is_good() => Written { etag, ..written },
                        _ => written,
                    };
                    return self.stage(named, stage, &written, now()).await;
                }
                // The reason passes: an instance that is down, a token that can't be had.
                Err(failure)
                    if failure.is_transient() || failure.class == FailureClass::NotAllowed =>
                {
                    self.sleep().await;
                }
                Err(failure) => {
                    let stage =
                        Stage::Unknown(format!("could not be read back: {}", failure.cause()));
                    return self.stage(named, stage, &written, now()).await;
                }
            }
        }
        Ok(record.stage.clone())
    }
}

/// What became of an intent, by what stands in the target now.
fn found(table: &LinkTable, record: &RecoveredRecord, target: Option<&Row>) -> Stage {
    let holds = target.is_some_and(|row| Some(table.hash_of(&record.columns, row)) == record.hash);
    match (holds, &record.stage) {
        (true, _) => Stage::Verified,
        (false, Stage::Applied) => {
            Stage::Altered("read back after a restart: it holds other values".to_owned())
        }
        (false, _) => Stage::Accepted,
    }
}
