//! What a repair, a comparison and a link make of an instance that fails under them.

mod editors;
mod reads;
mod unknown;
mod writes;

use serde_json::Value as Json;
use tandem::domain::drift::Drift;
use tandem::domain::operation::{RecordKey, Stage};
use tandem::engine::state::OperationState;

use crate::support::lab::{Lab, in_drift, keys};

fn stage(operation: &OperationState, key: RecordKey) -> Stage {
    let mut records = operation.records.iter();
    records.find(|one| one.key == key).unwrap().stage.clone()
}

fn reason(stage: &Stage) -> &str {
    stage.reason().unwrap_or_default()
}

fn all_closed(lab: &Lab) -> bool {
    let state = lab.engine.states.borrow().clone();
    let mut breakers = state.instances.iter().flat_map(|one| one.breakers.iter());
    breakers.all(|breaker| breaker.is_closed())
}

/// The writes to a row that Europe received.
async fn writes_of(lab: &Lab, path: &str) -> Vec<Json> {
    let mut writes = lab.writes().await;
    writes.retain(|write| write["path"].as_str().unwrap().contains(path));
    writes
}

/// The demo, compared, and so many of its records in a drift.
async fn some(drift: Drift, count: usize) -> (Lab, Vec<RecordKey>) {
    let mut lab = Lab::demo().await;
    let state = lab.compared().await;
    let found = keys(&in_drift(&state, "account", drift));
    (lab, found[..count].to_vec())
}

/// The address of a row that stands on both sides with the same value in a column.
async fn in_step(lab: &Lab, column: &str) -> String {
    let list = format!("accounts?$select={column}&$filter={column} ne null&$top=200");
    let rows = async |api: crate::support::emulated::Api<'_>| {
        let list = api.get(&list).await.json();
        list["value"].as_array().unwrap().clone()
    };
    let (us, europe) = (
        rows(lab.emulated.us()).await,
        rows(lab.emulated.europe()).await,
    );
    let is_there = |row: &&Json| {
        europe
            .iter()
            .any(|copy| copy["accountid"] == row["accountid"] && copy[column] == row[column])
    };
    let row = us.iter().find(is_there).expect("a row that is in step");
    format!("accounts({})", row["accountid"].as_str().unwrap())
}
