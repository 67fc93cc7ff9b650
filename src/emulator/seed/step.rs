//! The step that Europe has from the start: the ensure plug-in at `PreValidation` of a ticket's Create.

use super::extension::{filter_id, message_id, plug_in_id};
use super::users::row;
use crate::emulator::instance::{Instance, stable_id};
use crate::emulator::value::{Reference, Value};

/// Registers the step, enabled or not.
pub(super) fn fill(instance: &Instance, enabled: bool) {
    let mut store = instance.write();
    let schema = store.schema().clone();
    let named = |table: &str, id| {
        let table = schema.by_name(table);
        table.map_or(Value::Null, |table| Value::Lookup(Reference { table, id }))
    };
    let message = message_id(instance.name, "Create");
    let filter = filter_id(instance.name, "Create", "incident");
    let plug_in = plug_in_id(instance.name, "ensure");
    let own = [
        (
            "name",
            Value::text("Tandem.PlugIns.ensure: Create of incident"),
        ),
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
    let id = stable_id(instance.name, "step/ensure");
    row(instance, &mut store, "sdkmessageprocessingstep", id, &own);
}
