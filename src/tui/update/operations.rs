//! The Operations view: which operation is chosen, and what Enter and `x` do to it.

use std::sync::Arc;

use super::{show_sides, step, verb};
use crate::domain::operation::{OperationId, RecordKey, TableIndex};
use crate::domain::time::Now;
use crate::engine::Command;
use crate::engine::audit::Failed;
use crate::engine::records::Record;
use crate::engine::state::{OperationState, Tone};
use crate::tui::action::ActionId;
use crate::tui::layout;
use crate::tui::message::Effect;
use crate::tui::model::{Ask, Deed, Model, Origin, Retrying, Summary, planned};

/// Moves the cursor among the operations, or among the records of the chosen one.
pub fn moved(model: &mut Model, action: ActionId) {
    let rows = layout::operations(model.size);
    let chosen = model.chosen_operation();
    if model.operations.in_records {
        let records = chosen
            .and_then(|place| model.state.operations.get(place))
            .map_or(0, |one| one.records.len());
        let page = usize::from(rows.shown).max(1);
        model.operations.at = step(model.operations.at, action, page, records.saturating_sub(1));
        return;
    }
    let all = &model.state.operations;
    let page = usize::from(rows.listed).max(1);
    let place = step(
        chosen.unwrap_or(0),
        action,
        page,
        all.len().saturating_sub(1),
    );
    model.operations.chosen = all.get(place).map(|one| one.request.id);
    model.operations.at = 0;
}

/// Goes over to the other pane.
pub fn pane(model: &mut Model) {
    model.operations.in_records = !model.operations.in_records;
    if model.operations.in_records {
        model.operations.chosen = model
            .chosen_operation()
            .and_then(|place| model.state.operations.get(place))
            .map(|one| one.request.id);
    }
}

/// Enter: a record on both sides; an operation that was left behind goes on.
pub fn open(model: &mut Model, now: Now) -> Vec<Effect> {
    let Some(place) = model.chosen_operation() else {
        return Vec::new();
    };
    let state = std::sync::Arc::clone(&model.state);
    let Some(operation) = state.operations.get(place) else {
        return Vec::new();
    };
    if model.operations.in_records {
        let key = operation
            .records
            .get(model.operations.at)
            .map(|one| one.key);
        return key.map_or_else(Vec::new, |key| show_sides(model, key, Origin::Operations));
    }
    if operation.waits_for_a_person() {
        if super::is_held_still(model, ActionId::End) || verb::is_refused(model, now) {
            return Vec::new();
        }
        let left = operation
            .progress
            .total
            .saturating_sub(operation.progress.done());
        let ask = Ask::Resume {
            operation: operation.request.id,
            left,
        };
        return verb::confirm(model, ask, ActionId::Open, now);
    }
    pane(model);
    Vec::new()
}

/// Why an operation can't be paused.
pub fn why_no_pause(model: &Model, operation: &OperationState, now: Now) -> Option<String> {
    let told = model.state.told.is_some();
    let words = if operation.is_finished() {
        "it has ended already"
    } else if operation.was_left_behind {
        "nothing of it is under way"
    } else if operation.paused.is_some() {
        return Some(format!(
            "it is paused: {} goes on",
            model.key(ActionId::Open)
        ));
    } else if !operation.request.verb.is_a_repair() {
        "that was no repair of records"
    } else if operation
        .records
        .iter()
        .any(|one| one.key.table == TableIndex::RUNS)
    {
        "the platform runs it, and can't pause"
    } else if !told && Model::is_elsewhere(operation, now) {
        "carried out by another process: pause it there"
    } else {
        return None;
    };
    Some(words.to_owned())
}

/// `p`: nothing more of it is sent until a person has it go on.
pub fn pause(model: &mut Model, now: Now) -> Vec<Effect> {
    let chosen = model.chosen_operation();
    let Some(operation) = chosen.and_then(|place| model.state.operations.get(place)) else {
        return Vec::new();
    };
    if let Some(why) = why_no_pause(model, operation, now) {
        model.toast(why, Tone::Plain, now);
        return Vec::new();
    }
    let operation = operation.request.id;
    model.toast("pausing: what is on its way is finished", Tone::Plain, now);
    let who = model.who.clone();
    vec![Effect::Send(Command::Pause { operation, who })]
}

/// `x`: asks before what was not sent is taken back.
pub fn end(model: &mut Model, now: Now) -> Vec<Effect> {
    let operation = model
        .chosen_operation()
        .and_then(|place| model.state.operations.get(place));
    match operation {
        Some(operation) if Model::is_elsewhere(operation, now) => {
            let text = "carried out by another process: end it there";
            model.toast(text, Tone::Plain, now);
        }
        Some(operation) if !operation.is_finished() => {
            let ask = Ask::End {
                operation: operation.request.id,
            };
            verb::open(model, ask, now);
        }
        Some(_) => model.toast("it has ended already", Tone::Plain, now),
        None => {}
    }
    Vec::new()
}

/// Why what failed of an operation can't be tried again, as far as is known without the journal.
pub fn why_no_retry(operation: &OperationState) -> Option<&'static str> {
    let tally = operation.progress;
    if !operation.request.verb.is_a_repair() {
        Some("that was no repair of records")
    } else if !operation.is_finished() {
        Some("it is not over yet")
    } else if tally.refused + tally.held + tally.abandoned == 0 {
        Some("nothing of it failed")
    } else {
        None
    }
}

/// `R`: asks the journal what failed; the confirmation opens once it has told.
pub fn retry(model: &mut Model, now: Now) -> Vec<Effect> {
    if verb::is_refused(model, now) {
        return Vec::new();
    }
    let chosen = model.chosen_operation();
    let Some(operation) = chosen.and_then(|place| model.state.operations.get(place)) else {
        return Vec::new();
    };
    let why = if model
        .link()
        .is_some_and(|link| link.name != operation.request.link)
    {
        Some("it is on another link: go there first")
    } else {
        why_no_retry(operation)
    };
    let operation = operation.request.id;
    if let Some(why) = why {
        model.toast(format!("retry: {why}"), Tone::Plain, now);
        return Vec::new();
    }
    model.retrying = Some(Retrying {
        operation,
        found: None,
    });
    vec![Effect::ReadFailed(operation)]
}

/// The journal has told what failed.
pub fn failed(
    model: &mut Model,
    operation: OperationId,
    failed: Result<Arc<Failed>, String>,
    now: Now,
) -> Vec<Effect> {
    let is_awaited = |one: &mut Retrying| one.operation == operation;
    let Some(mut retrying) = model.retrying.take_if(is_awaited) else {
        return Vec::new();
    };
    let failed = match failed {
        Ok(failed) => failed,
        Err(why) => {
            model.toast(format!("what failed can't be read: {why}"), Tone::Care, now);
            return Vec::new();
        }
    };
    let tables: Vec<_> = model.state.tables_of(model.link).collect();
    let keys = failed.records.iter().filter_map(|record| {
        let mut tables = tables.iter();
        let (table, _) = tables.find(|(_, table)| table.name == record.table)?;
        Some(RecordKey {
            table: *table,
            id: record.id,
        })
    });
    let deed = Deed {
        verb: failed.request.verb,
        choices: failed.request.choices.clone(),
        retries: Some(operation),
    };
    retrying.found = Some((deed, keys.collect()));
    let unread = unread(model, &retrying);
    model.retrying = Some(retrying);
    if unread.is_empty() {
        try_again(model, now)
    } else {
        vec![Effect::Send(Command::Read(unread))]
    }
}

/// Goes on once the records that are to be tried again have been read.
pub fn after_snapshot(model: &mut Model, now: Now) -> Vec<Effect> {
    let is_ready = model
        .retrying
        .as_ref()
        .is_some_and(|one| one.found.is_some() && unread(model, one).is_empty());
    if is_ready {
        try_again(model, now)
    } else {
        Vec::new()
    }
}

/// Records that are still out of step, and were read by the agent alone.
fn unread(model: &Model, retrying: &Retrying) -> Vec<RecordKey> {
    let keys = retrying.found.iter().flat_map(|(_, keys)| keys);
    let records = keys.filter_map(|key| model.record(*key));
    let unread = records.filter(|record| !record.sides.are_read());
    unread.map(|record| record.key).collect()
}

fn try_again(model: &mut Model, now: Now) -> Vec<Effect> {
    let Some((deed, keys)) = model.retrying.take().and_then(|one| one.found) else {
        return Vec::new();
    };
    let is_write = |record: &&Record| planned(&model.state, record, &deed).is_write();
    let records = keys.iter().filter_map(|key| model.record(*key));
    let records: Vec<RecordKey> = records.filter(is_write).map(|record| record.key).collect();
    if records.is_empty() {
        let text = "nothing of it would be written now: it is in step, or waits for a person";
        model.toast(text, Tone::Plain, now);
        return Vec::new();
    }
    let summary = Box::new(Summary::of(model, &deed, &keys));
    let ask = Ask::Repair {
        deed,
        records,
        chosen: keys,
        hidden: Vec::new(),
        summary,
    };
    verb::confirm(model, ask, ActionId::Retry, now)
}
