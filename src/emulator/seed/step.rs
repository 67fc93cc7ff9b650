//! The steps that Europe may have from the start: the ensure plug-in at `PreValidation` of a ticket's Create, and the
//! plug-in that refuses stubs of its customers.

use serde_json::json;

use super::extension::{filter_id, message_id, plug_in_id};
use super::users::row;
use crate::emulator::instance::{Instance, stable_id};
use crate::emulator::value::{Reference, Value};

/// What the rows of a table have unless they are stubs.
const TELLING: [(&str, &str); 2] = [("account", "accountnumber"), ("contact", "firstname")];

/// Registers the plug-in that ensures a ticket's customer, enabled or not.
pub(super) fn fill(instance: &Instance, enabled: bool) {
    register(instance, "ensure", "incident", "", enabled);
}

/// Registers the plug-in that refuses rows that lack what every company and person has.
pub(super) fn refuse_stubs(instance: &Instance) {
    for (table, column) in TELLING {
        let message = format!("A row without {column} is refused.");
        let configuration = json!({"message": message, "missing": column}).to_string();
        register(instance, "refuse", table, &configuration, true);
    }
}

fn register(instance: &Instance, name: &str, table: &str, configuration: &str, enabled: bool) {
    let mut store = instance.write();
    let schema = store.schema().clone();
    let named = |table: &str, id| {
        let table = schema.by_name(table);
        table.map_or(Value::Null, |table| Value::Lookup(Reference { table, id }))
    };
    let message = message_id(instance.name, "Create");
    let filter = filter_id(instance.name, "Create", table);
    let plug_in = plug_in_id(instance.name, name);
    let title = format!("Tandem.PlugIns.{name}: Create of {table}");
    let mut own = vec![
        ("name", Value::text(&title)),
        ("stage", Value::Int(10)),
        ("mode", Value::Int(0)),
        ("rank", Value::Int(1)),
        ("supporteddeployment", Value::Int(0)),
        ("sdkmessageid", named("sdkmessage", message)),
        ("sdkmessagefilterid", named("sdkmessagefilter", filter)),
        ("eventhandler", named("plugintype", plug_in)),
        ("statecode", Value::Int(i64::from(!enabled))),
        ("statuscode", Value::Int(if enabled { 1 } else { 2 })),
    ];
    let mut place = format!("step/{name}");
    if !configuration.is_empty() {
        own.push(("configuration", Value::text(configuration)));
        place = format!("{place}/{table}");
    }
    let id = stable_id(instance.name, &place);
    row(instance, &mut store, "sdkmessageprocessingstep", id, &own);
}
