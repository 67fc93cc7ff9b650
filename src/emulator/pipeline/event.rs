//! One message with its target: what runs for it, stage by stage, and what its steps are told.

use std::sync::Arc;

use serde_json::Value as Json;
use uuid::Uuid;

use super::context::Context;
use super::execution_context;
use super::hook;
use super::step::{Handler, Message, Stage, Step};
use crate::emulator::job::Job;
use crate::emulator::refusal::{Details, Outcome, Refusal};
use crate::emulator::transaction::Transaction;
use crate::emulator::value::{Reference, Value};

/// A message that is being done.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) context: Context,
    pub(crate) message: Message,
    pub(crate) target: Reference,
    /// What is written; nothing on Delete.
    pub(crate) attributes: Vec<(usize, Value)>,
    /// The steps that run, in their order.
    steps: Vec<Arc<Step>>,
}

impl Event {
    /// A message with the steps that are registered for it; none if there are none.
    pub(super) fn begin(
        transaction: &Transaction,
        context: &Context,
        message: Message,
        target: Reference,
        attributes: impl FnOnce() -> Vec<(usize, Value)>,
    ) -> Option<Arc<Event>> {
        let known = &transaction.instance().steps;
        let mut steps = transaction.read(|store| known.of(store, message, target.table));
        if steps.is_empty() {
            return None;
        }
        let attributes = attributes();
        let bypass = &context.bypass;
        steps.retain(|step| {
            let bypassed = if step.asynchronous {
                bypass.asynchronous
            } else {
                bypass.synchronous
            };
            let columns = attributes.iter().map(|(column, _)| *column);
            !bypassed && !bypass.steps.contains(&step.id) && step.concerns(message, columns)
        });
        Some(Arc::new(Event {
            context: context.clone(),
            message,
            target,
            attributes,
            steps,
        }))
    }

    /// Runs the synchronous steps of a stage; the first that fails fails the message.
    pub(super) fn run(&self, transaction: &mut Transaction, stage: Stage) -> Outcome<()> {
        let steps = self.steps.iter();
        for step in steps.filter(|step| step.stage == stage && !step.asynchronous) {
            self.run_step(transaction, step, None)?;
        }
        Ok(())
    }

    /// Records a job for each asynchronous step, to be done once the transaction is committed.
    pub(super) fn leave_jobs(self: &Arc<Event>, transaction: &mut Transaction) -> Outcome<()> {
        for step in self.steps.iter().filter(|step| step.asynchronous) {
            let job = Job::of_step(transaction, Arc::clone(self), Arc::clone(step))?;
            transaction.afterwards(job);
        }
        Ok(())
    }

    /// Runs one step; `job` is the asynchronous operation that it is run by.
    pub(crate) fn run_step(
        &self,
        transaction: &mut Transaction,
        step: &Step,
        job: Option<Uuid>,
    ) -> Outcome<()> {
        let done = match &step.handler {
            Handler::PlugIn(plug_in) => plug_in.run(transaction, self, step),
            Handler::Webhook(endpoint) => {
                let body = self.as_json(transaction, step, job);
                let table = transaction.read(|store| {
                    let table = store.schema().table(self.target.table);
                    table.name
                });
                let facts = hook::Facts {
                    table,
                    message: self.message.name(),
                    correlation: self.context.correlation,
                };
                transaction
                    .outside(|instance| hook::call(instance, endpoint, &facts, body))
                    .flatten()
            }
        };
        done.map_err(|refusal| self.traced(step, refusal))
    }

    /// The circumstances of what a step of this writes in a user's name.
    pub(super) fn deeper(&self, transaction: &Transaction, step: &Step, user: Uuid) -> Context {
        Context {
            parent: Some(Arc::new(self.as_json(transaction, step, None))),
            ..self.context.deeper(user)
        }
    }

    fn as_json(&self, transaction: &Transaction, step: &Step, job: Option<Uuid>) -> Json {
        let is_in_transaction = transaction.is_open();
        let instance = transaction.instance();
        transaction.read(|store| {
            execution_context::of(instance, store, self, step, is_in_transaction, job)
        })
    }

    /// Notes which step a refusal came from, unless a deeper one is known.
    fn traced(&self, step: &Step, mut refusal: Refusal) -> Refusal {
        refusal.details.get_or_insert_with(|| {
            Box::new(Details {
                step: step.id,
                name: step.name.clone(),
                depth: self.context.depth,
            })
        });
        refusal
    }
}
