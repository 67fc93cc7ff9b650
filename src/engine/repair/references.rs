//! References first: the rows that a write names are ensured before it, once each however many rows name them (rule 5).

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::record::{Attempt, OUT_OF_SCOPE, after_failure};
use super::{Repair, Stop, Written};
use crate::dataverse::now;
use crate::domain::drift::{Assessment, Side};
use crate::domain::operation::{RecordKey, Stage, Verb};
use crate::domain::plan::{Assignment, Plan, plan};
use crate::domain::row::Value;
use crate::engine::event::Named;
use crate::engine::link::LinkTable;

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
}
