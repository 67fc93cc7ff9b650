//! The messages, which tables have which, and the plug-ins that the emulator brings along.
//!
//! Registers no step: Europe's own is `step.rs`, others are registered by whoever wants them.

use uuid::Uuid;

use super::users::row;
use crate::emulator::instance::{Instance, stable_id};
use crate::emulator::schema::{Table, Writes};
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, Value};

/// A message, and for which tables it has a filter.
type Message = (&'static str, fn(&Table) -> bool);

/// `UpsertMultiple` is there wherever both of its halves are, but no filter lists it (contract 5.2).
const MESSAGES: [Message; 15] = [
    ("Create", |table| table.writes.create()),
    ("Update", |table| table.writes.update()),
    ("Delete", |table| table.writes.delete()),
    ("Upsert", |_| false),
    ("CreateMultiple", |table| table.writes.create()),
    ("UpdateMultiple", |table| table.writes.update()),
    ("UpsertMultiple", |_| false),
    ("DeleteMultiple", |_| false),
    ("Retrieve", |_| true),
    ("RetrieveMultiple", |_| true),
    ("Associate", |_| false),
    ("Disassociate", |_| false),
    ("Assign", |table| table.column("ownerid").is_some()),
    ("SetState", |table| {
        table.writes == Writes::All && table.column("statecode").is_some()
    }),
    ("Close", |table| table.name == "incident"),
];

/// The plug-ins: the name by which the pipeline knows each, and what it does.
pub(crate) const PLUG_INS: [(&str, &str); 4] = [
    (
        "ensure",
        "Creates a stub of the customer of a ticket where it is missing",
    ),
    ("refuse", "Refuses the message"),
    ("slow", "Lets the message wait"),
    ("repeat", "Writes the same row again, and so calls itself"),
];

/// The id of a message's row.
pub(crate) fn message_id(instance: &str, message: &str) -> Uuid {
    stable_id(instance, &format!("sdkmessage/{message}"))
}

/// The id of the filter that stands for a message of a table.
pub(crate) fn filter_id(instance: &str, message: &str, table: &str) -> Uuid {
    stable_id(instance, &format!("sdkmessagefilter/{message}/{table}"))
}

/// The id of a plug-in's row.
pub(crate) fn plug_in_id(instance: &str, name: &str) -> Uuid {
    stable_id(instance, &format!("plugintype/{name}"))
}

/// Stores what every instance has.
pub(super) fn fill(instance: &Instance) {
    let mut store = instance.write();
    for (message, has_filter) in MESSAGES {
        fill_message(instance, &mut store, message, has_filter);
    }
    for (name, description) in PLUG_INS {
        let type_name = format!("Tandem.PlugIns.{name}");
        let own = [
            ("name", Value::text(&type_name)),
            ("typename", Value::text(&type_name)),
            ("friendlyname", Value::text(name)),
            ("description", Value::text(description)),
            ("assemblyname", Value::text("Tandem.PlugIns")),
            ("version", Value::text("1.0.0.0")),
        ];
        let id = plug_in_id(instance.name, name);
        row(instance, &mut store, "plugintype", id, &own);
    }
}

fn fill_message(
    instance: &Instance,
    store: &mut Store,
    message: &'static str,
    has_filter: fn(&Table) -> bool,
) {
    let id = message_id(instance.name, message);
    let own = [
        ("name", Value::text(message)),
        ("availability", Value::Int(0)),
    ];
    row(instance, store, "sdkmessage", id, &own);
    let schema = store.schema().clone();
    let Some(messages) = schema.by_name("sdkmessage") else {
        return;
    };
    let named = Reference {
        table: messages,
        id,
    };
    for (_, table) in schema.tables().filter(|(_, table)| has_filter(table)) {
        let own = [
            ("primaryobjecttypecode", Value::text(table.name)),
            ("secondaryobjecttypecode", Value::text("none")),
            ("sdkmessageid", Value::Lookup(named)),
            ("availability", Value::Int(0)),
        ];
        let id = filter_id(instance.name, message, table.name);
        row(instance, store, "sdkmessagefilter", id, &own);
    }
}
