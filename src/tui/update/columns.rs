//! The choice column by column for a record that was edited in the target: which side's value stands in each. Nothing
//! leaves the console before the confirmation that follows.

use super::verb;
use crate::domain::operation::{RecordKey, Verb};
use crate::domain::plan::Plan;
use crate::domain::time::Now;
use crate::engine::state::Tone;
use crate::tui::action::ActionId;
use crate::tui::message::Effect;
use crate::tui::model::{Ask, Deed, Dialog, Model, Picking, Screen, Summary, planned};

/// `c` in the choice: goes over to the columns.
pub fn begin(model: &mut Model) -> Vec<Effect> {
    let Some(Dialog::Choose(dialog)) = model.dialogs.last() else {
        return Vec::new();
    };
    let key = dialog.key;
    let Some(picking) = model
        .record(key)
        .and_then(|record| Picking::of(model, record))
    else {
        return Vec::new();
    };
    model.dialogs.pop();
    model.picking = Some(picking);
    Vec::new()
}

/// Space: the other side's value stands in the column under the cursor.
pub fn swap(model: &mut Model) {
    let Some(mut picking) = model.picking.take() else {
        return;
    };
    if let Some(record) = model.record(picking.key) {
        picking.swap(model, record);
        model.picking = Some(picking);
    }
}

/// Moves the cursor among the columns that differ; whether there is such a choice to move in.
pub fn moved(model: &mut Model, action: ActionId) -> bool {
    let Some(mut picking) = model.picking.take() else {
        return false;
    };
    let Some(record) = model.record(picking.key) else {
        return false;
    };
    let last = record.sides.differing.len().saturating_sub(1);
    picking.at = super::step(picking.at, action, 10, last);
    model.picking = Some(picking);
    true
}

/// Enter: on to the confirmation.
pub fn accept(model: &mut Model, now: Now) -> Vec<Effect> {
    let Some(picking) = model.picking.clone() else {
        return Vec::new();
    };
    if super::is_held_still(model, ActionId::End) || verb::is_refused(model, now) {
        return Vec::new();
    }
    let key = picking.key;
    let Some(record) = model.record(key) else {
        return Vec::new();
    };
    let deed = Deed {
        choices: picking.choices(model, record),
        ..Deed::of(Verb::FillBlanks)
    };
    if let Plan::Nothing(why) | Plan::Refuse(why) = planned(&model.state, record, &deed) {
        model.toast(format!("nothing to write: {why}"), Tone::Care, now);
        return Vec::new();
    }
    let summary = Box::new(Summary::of(model, &deed, &[key]));
    let ask = Ask::Repair {
        deed,
        records: vec![key],
        chosen: vec![key],
        hidden: Vec::new(),
        summary,
    };
    verb::confirm(model, ask, ActionId::Open, now)
}

/// The choice ends where its record is no longer shown, is no longer edited, or can't be shown whole.
pub fn settle(model: &mut Model) {
    let Some(picking) = &model.picking else {
        return;
    };
    let is_shown = matches!(model.screen, Screen::Sides(view) if view.key == picking.key);
    let fits = crate::tui::layout::Arrangement::of(model.size).shows_dialogs();
    if !is_shown || !fits || !is_edited(model, picking.key) {
        model.picking = None;
    }
}

fn is_edited(model: &Model, key: RecordKey) -> bool {
    model.record(key).is_some_and(Picking::may_begin)
}
