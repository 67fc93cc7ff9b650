//! One record of an operation, from reading both sides to its final stage.

use super::references::{Ensured, Unready};
use super::{Repair, Stop, TRIES, Written};
use crate::dataverse::now;
use crate::domain::drift::Side;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::operation::Stage;
use crate::domain::plan::{BlastRadius, Plan};
use crate::domain::time::Now;
use crate::engine::event::{Event, Looked, Named};

/// Why a row that is there is left alone.
pub(super) const OUT_OF_SCOPE: &str = "out of the link's scope (`where`)";

/// What one attempt at a record came to.
pub(super) enum Attempt {
    /// It is over.
    Done(Stage, Written),
    /// The row changed under our hands: read again.
    Again(&'static str),
    /// The target can't be written to now: wait, then read again.
    Later(Failure),
}

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

/// A failure of the instance is waited out; a failure of the record ends it.
pub(super) fn after_failure(failure: Failure) -> Attempt {
    if failure.is_transient() || failure.class == FailureClass::NotAllowed {
        Attempt::Later(failure)
    } else {
        Attempt::Done(Stage::Refused(failure.summary()), Written::default())
    }
}
