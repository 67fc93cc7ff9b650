//! Whether an action can be done now, and why not: the palette and the help say it beside the action's key.

use super::{context, dialog, incident, operations, verb, views};
use crate::domain::operation::Verb;
use crate::domain::time::Now;
use crate::engine::state::Lock;
use crate::tui::action::{Action, ActionId, Writes, of};
use crate::tui::keymap::Context;
use crate::tui::model::{Model, Screen};

/// Why an action can't be done now; nothing where it can.
pub fn why_not(model: &Model, id: ActionId, now: Now) -> Option<String> {
    let action = of(id)?;
    if let Some(elsewhere) = elsewhere(model, action) {
        return Some(elsewhere);
    }
    if model.frozen.is_some() && action.writes != Writes::Nothing && id != ActionId::Open {
        return Some(format!("frozen: {} goes on", model.key(ActionId::Freeze)));
    }
    let say = |holds: bool, why: &str| holds.then(|| why.to_owned());
    match id {
        ActionId::Ensure | ActionId::Rehydrate | ActionId::Sync => {
            verb::refusal(model).or_else(|| locked(model)).or_else(|| {
                let whole = matches!(model.screen, Screen::Pulse | Screen::Runs);
                let has_records = whole || chosen(model);
                let records = (!whole).then(|| match model.screen {
                    Screen::Sides(_) => 1,
                    _ => model.records.marks.len().max(1),
                });
                let why = say(!has_records, "no record is chosen");
                why.or_else(|| model.why_not_theirs(verb_of(id), records))
            })
        }
        ActionId::Arm => locked(model),
        ActionId::Open if matches!(model.screen, Screen::Runs | Screen::Tickets) => None,
        ActionId::Open | ActionId::CopyId if model.screen != Screen::Operations => {
            say(!chosen(model), "no record is chosen")
        }
        ActionId::Open => {
            let chosen = model.chosen_operation();
            let operation = chosen.and_then(|place| model.state.operations.get(place));
            match operation {
                None => Some("nothing was asked for yet".to_owned()),
                Some(one) if one.waits_for_a_person() && !model.operations.in_records => {
                    let left = one.progress.total.saturating_sub(one.progress.done());
                    model.why_not_theirs(Verb::Resume, Some(left))
                }
                Some(_) => None,
            }
        }
        ActionId::Mark | ActionId::MarkAll | ActionId::Invert | ActionId::Range => say(
            model.records.order.slots.is_empty(),
            "nothing is listed here",
        ),
        ActionId::Unmark => say(model.records.marks.is_empty(), "nothing is marked"),
        ActionId::End => say(!can_end(model, now), "nothing of it can be taken back"),
        ActionId::Pause => {
            let chosen = model.chosen_operation();
            let operation = chosen.and_then(|place| model.state.operations.get(place));
            operation.map_or(Some("nothing was asked for yet".to_owned()), |one| {
                operations::why_no_pause(model, one, now)
            })
        }
        ActionId::Retry => {
            let chosen = model.chosen_operation();
            let operation = chosen.and_then(|place| model.state.operations.get(place));
            let why = operation.map_or(Some("nothing was asked for yet"), |one| {
                operations::why_no_retry(one)
            });
            let theirs = || {
                let one = operation?;
                let tally = one.progress;
                let failed = tally.refused + tally.held + tally.abandoned;
                model.why_not_theirs(one.request.verb, Some(failed))
            };
            verb::refusal(model)
                .or_else(|| locked(model))
                .or_else(|| why.map(str::to_owned))
                .or_else(theirs)
        }
        ActionId::SwapSide => say(
            model.picking.is_none(),
            "the choice by column begins with H, then c",
        ),
        ActionId::Rerun | ActionId::CancelRun => verb::refusal(model)
            .or_else(|| locked(model))
            .or_else(|| views::why_no_order(model, id, now))
            .or_else(|| model.why_not_theirs(verb_of(id), None)),
        ActionId::Breaker | ActionId::ProbeNow | ActionId::StopAll | ActionId::Release
            if let Some(why) = model.operator.why_no_stop() =>
        {
            Some(why.to_owned())
        }
        ActionId::Take => say(model.state.alarms.is_empty(), "no alert fires"),
        ActionId::GiveBack => say(
            incident::own(model, now).is_empty(),
            "you have no alert to give back",
        ),
        ActionId::NextLink => say(model.state.links.len() < 2, "there is one link"),
        ActionId::StopAll => say(is_forced(model), "all calls are stopped already"),
        ActionId::SwitchHook => {
            let target = model.link().map_or(0, |link| link.target);
            match dialog::hook_order(model, target) {
                None => Some("no hook is configured".to_owned()),
                Some(Err(why)) => Some(why.to_owned()),
                Some(Ok(_)) => {
                    let why = model.operator.why_no_stop().map(str::to_owned);
                    why.or_else(|| locked(model))
                }
            }
        }
        ActionId::Release => say(!is_forced(model), "nothing is forced"),
        _ => None,
    }
}

/// What an action asks for.
fn verb_of(id: ActionId) -> Verb {
    match id {
        ActionId::Ensure => Verb::Ensure,
        ActionId::Rehydrate => Verb::Rehydrate,
        ActionId::Rerun => Verb::Rerun,
        ActionId::CancelRun => Verb::Cancel,
        _ => Verb::Sync,
    }
}

/// In which views an action can be done, where that is not here.
fn elsewhere(model: &Model, action: &Action) -> Option<String> {
    let here = context(model.screen);
    let is_here = |one: &Context| one.view().is_none() || *one == here;
    if action.contexts.iter().any(is_here) {
        return None;
    }
    let views: Vec<&str> = action
        .contexts
        .iter()
        .filter_map(|one| one.view())
        .collect();
    Some(format!("only in {}", views.join(", ")))
}

/// Why nothing can be armed.
fn locked(model: &Model) -> Option<String> {
    let never = matches!(model.state.lock, Lock::ReadOnly { may_arm: false });
    never.then(|| "read-only: this console was started so".to_owned())
}

fn chosen(model: &Model) -> bool {
    match model.screen {
        Screen::Sides(view) => model.record(view.key).is_some(),
        _ => !model.records.marks.is_empty() || model.cursor_record().is_some(),
    }
}

/// Whether the chosen operation has anything left that can be taken back from here.
pub fn can_end(model: &Model, now: Now) -> bool {
    let chosen = model.chosen_operation();
    let operation = chosen.and_then(|place| model.state.operations.get(place));
    operation.is_some_and(|one| !one.is_finished() && !Model::is_elsewhere(one, now))
}

fn is_forced(model: &Model) -> bool {
    let target = model
        .link()
        .and_then(|link| model.state.instances.get(link.target));
    target.is_some_and(|target| target.forced().is_some())
}
