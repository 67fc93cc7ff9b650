//! How a Logic App's management API shows the workflow, its runs, their actions, and what fired them.
//!
//! JSON only; the calls are in `logic_app.rs`.

use serde_json::{Map, Value as Json, json};

use super::workflow_id;
use crate::emulator::SYNC_WORKFLOW;
use crate::emulator::platform::arm::{resource, time};
use crate::emulator::platform::run::{Action, Run, STEPS, Status};
use crate::emulator::platform::{Call, flow};

const KIND: &str = "Microsoft.Logic/workflows";

pub(super) fn workflow(call: &Call<'_>, base: &str) -> Json {
    let state = match flow::enabled_since(call.instance) {
        Some(_) => "Enabled",
        None => "Disabled",
    };
    let actions: Map<String, Json> = STEPS
        .iter()
        .map(|step| (step.name().to_owned(), json!({"type": "ApiConnection"})))
        .collect();
    json!({
        "id": base,
        "name": SYNC_WORKFLOW,
        "type": KIND,
        "location": "westus",
        "tags": {},
        "properties": {
            "provisioningState": "Succeeded",
            "state": state,
            "accessEndpoint": format!("{}/workflows/{}", call.origin(), workflow_id(call)),
            "definition": {
                "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
                "contentVersion": "1.0.0.0",
                "parameters": {},
                "triggers": {
                    "Recurrence": {"type": "Recurrence", "recurrence": {"frequency": "Day", "interval": 1}},
                    "manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}}},
                },
                "actions": actions,
                "outputs": {},
            },
        },
    })
}

pub(super) fn run(base: &str, run: &Run) -> Json {
    let workflow = resource(base, SYNC_WORKFLOW, KIND);
    let mut properties = Map::new();
    let mut put = |name: &str, value: Json| properties.insert(name.to_owned(), value);
    if let Some(begun) = run.begun {
        put("waitEndTime", time(begun).into());
    }
    put("startTime", time(run.asked).into());
    if let Some(ended) = run.ended {
        put("endTime", time(ended).into());
    }
    put("status", run.status.name().into());
    if let Some(trouble) = &run.trouble {
        put("code", trouble.code.into());
        put(
            "error",
            json!({"code": trouble.code, "message": trouble.message}),
        );
    }
    put("correlation", json!({"clientTrackingId": run.tracking}));
    put("workflow", workflow);
    put(
        "trigger",
        json!({
            "name": run.trigger.name(),
            "startTime": time(run.asked),
            "endTime": time(run.asked),
            "status": "Succeeded",
        }),
    );
    put("outputs", json!({}));
    json!({
        "name": run.name,
        "id": format!("{base}/runs/{}", run.name),
        "type": format!("{KIND}/runs"),
        "properties": properties,
    })
}

pub(super) fn action(base: &str, run: &Run, action: &Action) -> Json {
    let name = action.step.name();
    let mut properties = Map::new();
    let mut put = |name: &str, value: Json| properties.insert(name.to_owned(), value);
    if let Some(started) = action.started {
        put("startTime", time(started).into());
    }
    if let Some(ended) = action.ended {
        put("endTime", time(ended).into());
    }
    put("status", action.status.name().into());
    let code = match (&action.trouble, action.status) {
        (Some(trouble), _) => trouble.code,
        (None, Status::Succeeded) => "OK",
        (None, Status::Skipped) => "ActionSkipped",
        (None, _) => "NotSpecified",
    };
    put("code", code.into());
    if let Some(trouble) = &action.trouble {
        put(
            "error",
            json!({"code": trouble.code, "message": trouble.message}),
        );
    }
    put(
        "correlation",
        json!({"actionTrackingId": action.tracking, "clientTrackingId": run.tracking}),
    );
    let count = action.count;
    put(
        "trackedProperties",
        json!({"rows": count.rows, "done": count.done, "refused": count.refused}),
    );
    json!({
        "name": name,
        "id": format!("{base}/runs/{}/actions/{name}", run.name),
        "type": format!("{KIND}/runs/actions"),
        "properties": properties,
    })
}

pub(super) fn history(base: &str, run: &Run) -> Json {
    let trigger = run.trigger.name();
    json!({
        "name": run.name,
        "id": format!("{base}/triggers/{trigger}/histories/{}", run.name),
        "type": format!("{KIND}/triggers/histories"),
        "properties": {
            "startTime": time(run.asked),
            "endTime": time(run.asked),
            "status": "Succeeded",
            "code": "OK",
            "correlation": {"clientTrackingId": run.tracking},
            "fired": true,
            "run": resource(&format!("{base}/runs/{}", run.name), &run.name, &format!("{KIND}/runs")),
        },
    })
}
