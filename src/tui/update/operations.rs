//! The Operations view: which operation is chosen, and what Enter and `x` do to it.

use super::{show_sides, step, verb};
use crate::domain::time::Now;
use crate::engine::state::Tone;
use crate::tui::action::ActionId;
use crate::tui::layout;
use crate::tui::message::Effect;
use crate::tui::model::{Ask, Model};

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
        return key.map_or_else(Vec::new, |key| show_sides(model, key, true));
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
