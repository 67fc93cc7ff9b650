//! What a webhook or a step must be to be registered.

use super::endpoint::Endpoint;
use super::step::{Fields, Handler, Message, Stage, handler};
use crate::emulator::instance::Instance;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

/// Refuses a row, as it was just written, that describes what can't be run.
pub(super) fn check(instance: &Instance, store: &Store, table: TableId, row: &Row) -> Outcome<()> {
    let fields = Fields::of(store, table, row);
    match store.schema().table(table).name {
        "serviceendpoint" => {
            let contract = fields.int("contract");
            if contract != Some(8) {
                return Err(Refusal::unsupported(&format!(
                    "A service endpoint of contract {}",
                    contract.unwrap_or_default()
                )));
            }
            let endpoint = Endpoint::read(&fields).map_err(Refusal::argument)?;
            let allowed = endpoint.check_port(instance.hooks.options.any_port);
            allowed.map_err(Refusal::argument)
        }
        "sdkmessageprocessingstep" => check_step(store, &fields),
        _ => Ok(()),
    }
}

fn check_step(store: &Store, step: &Fields) -> Outcome<()> {
    let number = step.int("stage").unwrap_or_default();
    let Some(stage) = Stage::numbered(number) else {
        return Err(Refusal::argument(format!(
            "A step can't be registered in the stage {number}: use 10, 20 or 40."
        )));
    };
    if step.int("mode") == Some(1) && stage != Stage::PostOperation {
        return Err(Refusal::argument(
            "Only steps in the stage 40 (PostOperation) can run asynchronously.",
        ));
    }
    let message = named(store, "sdkmessage", step, "sdkmessageid")
        .and_then(|message| message.text("name"))
        .unwrap_or_default();
    if Message::named(message).is_none() {
        return Err(Refusal::unsupported(&format!(
            "A step of the message '{message}'"
        )));
    }
    check_filter(store, step)?;
    match handler(store, step).map_err(Refusal::argument)? {
        Handler::PlugIn(_) | Handler::Webhook(_) => Ok(()),
    }
}

/// The filter must be one of the message, and the columns those of its table.
fn check_filter(store: &Store, step: &Fields) -> Outcome<()> {
    let columns = step.text("filteringattributes").unwrap_or_default();
    let Some(filter) = named(store, "sdkmessagefilter", step, "sdkmessagefilterid") else {
        return if columns.is_empty() {
            Ok(())
        } else {
            Err(Refusal::argument(
                "A step with filteringattributes must name an sdkmessagefilter.",
            ))
        };
    };
    if filter.id("sdkmessageid") != step.id("sdkmessageid") {
        return Err(Refusal::argument(
            "The sdkmessagefilter of a step is one of another message.",
        ));
    }
    let name = filter.text("primaryobjecttypecode").unwrap_or_default();
    let table = store
        .schema()
        .by_name(name)
        .map(|id| store.schema().table(id));
    let unknown = columns
        .split(',')
        .map(str::trim)
        .filter(|column| !column.is_empty())
        .find(|column| table.is_none_or(|table| table.column(column).is_none()));
    match unknown {
        Some(column) => Err(Refusal::argument(format!(
            "The filtering attribute '{column}' is not an attribute of the entity '{name}'."
        ))),
        None => Ok(()),
    }
}

fn named<'s>(store: &'s Store, table: &str, row: &Fields, column: &str) -> Option<Fields<'s>> {
    let table = store.schema().by_name(table)?;
    let row = store.get(table, row.id(column)?)?;
    Some(Fields::of(store, table, row))
}
