//! What a process beside the agent hands over to it: a run of a sync, an order to a link's job, and what is to become of
//! an operation that runs here. Repairs are gone on with like any operation that was left behind.

use std::sync::Arc;
use std::time::Duration;

use super::Run;
use crate::dataverse::now;
use crate::domain::operation::{OperationId, Stage, Verb};
use crate::domain::time::{Now, age};
use crate::engine::command::{Command, Consent};
use crate::engine::state::Tone;
use crate::engine::sync::order;
use crate::journal::{Entry, RecoveredOperation};

/// What an operation that is about another one is filed under: no table of Dataverse is called that.
pub(super) const CONTROL: &str = "operation";
/// What is to happen now is not done later than this: who asked has given up by then.
const LATE: Duration = Duration::from_secs(60);

impl Run {
    /// Carries out what was handed over to this agent; false for a repair, which is gone on with like all others.
    pub(super) fn take_handed_over(&mut self, operation: &RecoveredOperation, at: Now) -> bool {
        let request = &operation.request;
        let is_run = request.verb == Verb::Sync && operation.records.is_empty();
        let is_order = order::is_order(operation);
        if !(is_run || is_order || is_control(operation)) {
            self.handed.insert(request.id);
            return false;
        }
        let is_begun = operation
            .records
            .iter()
            .any(|one| one.stage != Stage::Accepted);
        if is_order && is_begun {
            return false;
        }
        if is_late(operation, at) {
            let why = "the agent did not come to it in time".to_owned();
            self.answer(operation, &Stage::Abandoned(why));
            return true;
        }
        if is_control(operation) {
            self.control(operation);
            return true;
        }
        self.handed.insert(request.id);
        let (request, consent) = (request.clone(), Consent::Named { may_wait: false });
        let command = match order::recovered(operation) {
            crate::engine::command::RunOrder::Start => Command::StartSync { request, consent },
            order => Command::OrderRun {
                request,
                order,
                consent,
            },
        };
        self.begin(command);
        true
    }

    /// Ends an operation that runs here, pauses it, or lets it go on.
    fn control(&mut self, control: &RecoveredOperation) {
        let Some(other) = about(control) else { return };
        let who = &control.request.who;
        let stage = match (control.request.verb, self.operations.get(&other).cloned()) {
            (Verb::End, Some(reins)) => {
                reins.end(who);
                Stage::Verified
            }
            (Verb::Pause, Some(_)) => {
                self.pause(other, who, now());
                Stage::Verified
            }
            (Verb::Resume, Some(reins)) if reins.paused_by().is_some() => {
                let consent = Consent::Named { may_wait: true };
                self.begin(Command::Resume {
                    operation: other,
                    consent,
                });
                Stage::Verified
            }
            (Verb::End, None) if self.is_left_behind(other) => {
                self.end_left_behind(other, who);
                Stage::Verified
            }
            _ => Stage::Refused("it is over, or nothing of it is under way here".to_owned()),
        };
        self.answer(control, &stage);
    }

    fn is_left_behind(&self, operation: OperationId) -> bool {
        let known = self.writer.state().operation(operation);
        known.is_some_and(|known| known.was_left_behind && !known.is_finished())
    }

    /// Puts down what became of an operation of one step, and ends it.
    pub(super) fn answer(&mut self, operation: &RecoveredOperation, stage: &Stage) {
        let (id, at) = (operation.request.id, now());
        let mut entries = Vec::new();
        for record in &operation.records {
            let step = |stage: Stage| Entry::Stage {
                operation: id,
                record: record.record.clone(),
                stage,
                etag: None,
                hash: None,
                columns: Arc::default(),
                now: at,
            };
            if *stage == Stage::Verified {
                entries.push(step(Stage::Intended));
            }
            entries.push(step(stage.clone()));
        }
        let cut_short = match stage {
            Stage::Verified => None,
            stage => stage.reason().map(str::to_owned),
        };
        if let Some(why) = &cut_short {
            let text = format!(
                "{} by {}: {why}",
                operation.request.verb, operation.request.who
            );
            self.writer.note(None, text, Tone::Care, at);
        }
        entries.push(Entry::Finished {
            operation: id,
            cut_short,
            now: at,
        });
        let Some(journal) = self.journal.clone() else {
            return;
        };
        self.repairs.spawn(async move {
            // An operation that another process has taken meanwhile is answered there.
            if let Ok(true) = journal.claim(id).await
                && let Err(error) = journal.append(entries).await
            {
                tracing::warn!(%error, "what became of an operation can't be written down");
            }
        });
    }
}

/// Whether it was handed over so long ago that no agent can have come to it.
pub(super) fn is_late(operation: &RecoveredOperation, at: Now) -> bool {
    age(at.wall, operation.request.asked) > LATE
}

/// Whether it is about another operation.
pub(super) fn is_control(operation: &RecoveredOperation) -> bool {
    about(operation).is_some()
}

fn about(operation: &RecoveredOperation) -> Option<OperationId> {
    let mut records = operation.records.iter();
    let record = records.find(|record| record.record.table.as_str() == CONTROL)?;
    Some(OperationId(record.record.id.uuid()))
}
