//! The plug-ins that the emulator brings along, each told by its step's configuration what to do.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::event::Event;
use super::step::Step;
use super::{PLUG_IN_USER, create, placeholder, update};
use crate::emulator::instance::Instance;
use crate::emulator::odata::payload::Payload;
use crate::emulator::operation::Conditions;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::transaction::Transaction;
use crate::emulator::user_id;
use crate::emulator::value::{Reference, Value};

/// The names of all of them begin with this one.
const NAMESPACE: &str = "Tandem.PlugIns.";
/// So long a plug-in may take (contract 8.3).
const LONGEST: Duration = Duration::from_secs(120);

/// A plug-in with its configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PlugIn {
    /// Makes a stub of the customer that a ticket names, where it is missing.
    Ensure,
    /// Throws an `InvalidPluginExecutionException`.
    Refuse(Refuse),
    /// Takes its time.
    Slow(Duration),
    /// Writes the same row again, and so calls itself.
    Repeat,
}

/// With which words and status it refuses.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Refuse {
    message: String,
    status: Option<u16>,
    /// Only rows that lack this column.
    missing: Option<String>,
}

impl PlugIn {
    /// Reads what a step calls; the error says what is wrong with its configuration.
    pub(super) fn read(type_name: &str, configuration: &str) -> Result<PlugIn, String> {
        match type_name.strip_prefix(NAMESPACE) {
            Some("ensure") => Ok(PlugIn::Ensure),
            Some("refuse") => Refuse::read(configuration).map(PlugIn::Refuse),
            Some("slow") => {
                let ms = configuration.trim().parse().map_err(|_| {
                    format!("'{configuration}' is not a number of milliseconds to wait.")
                })?;
                Ok(PlugIn::Slow(Duration::from_millis(ms)))
            }
            Some("repeat") => Ok(PlugIn::Repeat),
            _ => Err(format!("There is no plug-in '{type_name}'.")),
        }
    }

    pub(super) fn run(
        &self,
        transaction: &mut Transaction,
        event: &Event,
        step: &Step,
    ) -> Outcome<()> {
        match self {
            PlugIn::Ensure => within(transaction, |transaction| ensure(transaction, event, step)),
            PlugIn::Refuse(refuse) => refuse.run(transaction, event),
            PlugIn::Slow(time) => slow(transaction, *time),
            PlugIn::Repeat => within(transaction, |transaction| repeat(transaction, event, step)),
        }
    }
}

impl Refuse {
    /// Reads `{"message": …, "status": …, "missing": …}`, or a text that is the message.
    fn read(configuration: &str) -> Result<Refuse, String> {
        if !configuration.trim_start().starts_with('{') {
            let message = if configuration.is_empty() {
                "The operation was refused."
            } else {
                configuration
            };
            return Ok(Refuse {
                message: message.to_owned(),
                ..Refuse::default()
            });
        }
        let refuse: Refuse = serde_json::from_str(configuration)
            .map_err(|error| format!("The configuration of the plug-in is wrong: {error}."))?;
        let is_failure = |status: &u16| (400..600).contains(status);
        if refuse.status.is_some_and(|status| !is_failure(&status)) {
            return Err("The status of a plug-in that refuses must be from 400 to 599.".to_owned());
        }
        Ok(refuse)
    }

    fn run(&self, transaction: &Transaction, event: &Event) -> Outcome<()> {
        if let Some(name) = &self.missing {
            let column = transaction.read(|store| {
                let table = store.schema().table(event.target.table);
                table.column(name)
            });
            let is_given = |(own, value): &(usize, Value)| Some(*own) == column && !value.is_null();
            if event.attributes.iter().any(is_given) {
                return Ok(());
            }
        }
        let status = self
            .status
            .and_then(|status| StatusCode::from_u16(status).ok());
        Err(Refusal::plug_in(
            status.unwrap_or(StatusCode::BAD_REQUEST),
            &self.message,
        ))
    }
}

/// Runs as a part of the transaction that is open, or else in one of its own.
fn within(
    transaction: &mut Transaction,
    work: impl FnOnce(&mut Transaction) -> Outcome<()>,
) -> Outcome<()> {
    if transaction.is_open() {
        return work(transaction);
    }
    let mut own = Transaction::new(transaction.instance());
    work(&mut own)?;
    own.commit();
    Ok(())
}

fn ensure(transaction: &mut Transaction, event: &Event, step: &Step) -> Outcome<()> {
    let schema = transaction.read(|store| store.schema().clone());
    let customer = schema.table(event.target.table).column("customerid");
    let named = event
        .attributes
        .iter()
        .filter(|(column, _)| Some(*column) == customer)
        .filter_map(|(_, value)| value.as_ref().as_reference());
    for Reference { table, id } in named {
        transaction.wait_for(table, id)?;
        if transaction.store().get(table, id).is_some() {
            continue;
        }
        let definition = schema.table(table);
        let name = if definition.name == "contact" {
            "lastname"
        } else {
            "name"
        };
        let column = definition.column(name);
        let payload = Payload {
            columns: column
                .map(|column| (column, Value::text(&placeholder(id))))
                .into_iter()
                .collect(),
            ..Payload::default()
        };
        let context = event.deeper(transaction, step, user(transaction.instance()));
        create(transaction, &context, table, id, payload)?;
    }
    Ok(())
}

fn repeat(transaction: &mut Transaction, event: &Event, step: &Step) -> Outcome<()> {
    let payload = Payload {
        columns: event.attributes.clone(),
        ..Payload::default()
    };
    let context = event.deeper(transaction, step, user(transaction.instance()));
    let Reference { table, id } = event.target;
    update(
        transaction,
        &context,
        &Conditions::default(),
        table,
        id,
        payload,
    )?;
    Ok(())
}

/// Waits, without keeping others from rows that this transaction has not written.
fn slow(transaction: &mut Transaction, time: Duration) -> Outcome<()> {
    transaction.outside(|instance| {
        let stop = instance.stop.clone();
        Handle::current().block_on(async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(time.min(LONGEST)) => {}
            }
        });
    })?;
    if time > LONGEST {
        return Err(Refusal::plug_in_timeout());
    }
    Ok(())
}

/// In whose name plug-ins write.
fn user(instance: &Instance) -> Uuid {
    user_id(instance.name, PLUG_IN_USER)
}
