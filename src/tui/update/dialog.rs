//! Keys in dialogs. A dialog is confirmed by `y`, or by the typed count and Enter: never by Enter alone, never by the
//! key that opened it, and not before it could be seen.

use super::{columns, incident, is_burst, list, verb};
use crate::domain::hook::Called;
use crate::domain::operation::{Request, Verb};
use crate::domain::time::Now;
use crate::engine::Command;
use crate::engine::command::{Consent, Target};
use crate::engine::state::{Lock, Tone};
use crate::tui::action::ActionId;
use crate::tui::commands;
use crate::tui::keymap::{Code, Context, Key};
use crate::tui::layout::Arrangement;
use crate::tui::message::Effect;
use crate::tui::model::{
    ArmDialog, Ask, BreakerDialog, BreakerStep, CommandsDialog, ConfirmDialog, Deed, Dialog, Field,
    Listing, Model, UNSEEN,
};
use crate::tui::order::Sort;

/// A key while a dialog is open.
pub fn pressed(model: &mut Model, key: Key, now: Now) -> Vec<Effect> {
    let Some(top) = model.dialogs.last_mut() else {
        return Vec::new();
    };
    if !top.fits(Arrangement::of(model.size)) {
        // What can't be seen in full is only left.
        if model.keys.action(&[Context::Dialog], key) == Some(ActionId::Cancel) {
            model.dialogs.pop();
        }
        return Vec::new();
    }
    let is_breaker = matches!(top, Dialog::Breaker(_));
    let is_choice = matches!(top, Dialog::Choose(_));
    let context = match top.field() {
        Some(_) => Context::Field,
        None if is_breaker => Context::Breaker,
        None if is_choice => Context::Choice,
        None => Context::Dialog,
    };
    let is_commands = matches!(top, Dialog::Commands(_));
    if let Some(action) = model.keys.action(&[context], key) {
        return act(model, action, now);
    }
    if let Some(Dialog::Sort(dialog)) = model.dialogs.last_mut() {
        match key.code {
            Code::Char('j') => dialog.at = (dialog.at + 1).min(Sort::ALL.len() - 1),
            Code::Char('k') => dialog.at = dialog.at.saturating_sub(1),
            _ => {}
        }
        return Vec::new();
    }
    if is_commands && scrolled(model, key, now) {
        return Vec::new();
    }
    let Some(top) = model.dialogs.last_mut() else {
        return Vec::new();
    };
    let is_count = matches!(top, Dialog::Confirm(dialog) if dialog.field == Field::Count);
    if is_count && model.keys.action(&[Context::Dialog], key) == Some(ActionId::TakeIn) {
        return act(model, ActionId::TakeIn, now);
    }
    let Some(top) = model.dialogs.last_mut() else {
        return Vec::new();
    };
    if is_count && matches!(key.code, Code::Char(c) if !key.ctrl && !c.is_ascii_digit()) {
        return Vec::new();
    }
    if let (Some(field), Some(request)) = (top.field(), list::edit(key)) {
        field.handle(request);
        if let Dialog::Commands(dialog) = top {
            dialog.at = 0;
        }
    }
    Vec::new()
}

/// Whether a confirmation counts now: the box could be seen, and a hand pressed the key.
fn counts(model: &Model, now: Now) -> bool {
    let seen = |since: Option<Now>| since.is_none_or(|since| now.since(since) >= UNSEEN);
    let drawn = model.dialogs.last().and_then(Dialog::drawn);
    seen(drawn) && seen(model.focused) && !is_burst(model, now)
}

/// Whether Enter does something beyond the box.
fn is_acted_upon(model: &Model) -> bool {
    match model.dialogs.last() {
        Some(Dialog::Confirm(dialog)) => dialog.field == Field::Count && dialog.count_is_right(),
        Some(Dialog::Arm(dialog)) => !dialog.sent,
        Some(
            Dialog::Note(_)
            | Dialog::Take(_)
            | Dialog::HandOver(_)
            | Dialog::Find(_)
            | Dialog::Commands(_),
        ) => true,
        Some(
            Dialog::Breaker(_)
            | Dialog::Quit(_)
            | Dialog::Status(_)
            | Dialog::Sort(_)
            | Dialog::Choose(_),
        )
        | None => false,
    }
}

/// A key that came with others, or before the box could be read, confirms nothing; whoever pressed it learns why.
fn too_fast(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    let key = model.key(action);
    let text = format!("{key} came faster than a hand types: nothing was done, press it again");
    model.toast(text, Tone::Care, now);
    Vec::new()
}

fn act(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    match action {
        ActionId::Cancel => {
            cancel(model, now);
            Vec::new()
        }
        ActionId::NextField | ActionId::PreviousField => {
            fields(model, action, now);
            Vec::new()
        }
        ActionId::Longer | ActionId::Shorter => {
            let is_longer = action == ActionId::Longer;
            match model.dialogs.last_mut() {
                Some(Dialog::Arm(dialog)) if is_longer => dialog.longer(),
                Some(Dialog::Arm(dialog)) => dialog.shorter(),
                Some(Dialog::Take(dialog)) if is_longer => dialog.longer(),
                Some(Dialog::Take(dialog)) => dialog.shorter(),
                Some(Dialog::HandOver(dialog)) => incident::reach(dialog, is_longer, now),
                Some(Dialog::Breaker(dialog)) if dialog.step == BreakerStep::Stop => {
                    if is_longer {
                        dialog.longer();
                    } else {
                        dialog.shorter();
                    }
                }
                _ => {}
            }
            Vec::new()
        }
        ActionId::TakeIn => {
            take_in(model, now);
            Vec::new()
        }
        ActionId::Accept if !counts(model, now) && is_acted_upon(model) => {
            too_fast(model, action, now)
        }
        ActionId::Accept => accept(model, now),
        ActionId::Yes if counts(model, now) => yes(model, now),
        ActionId::Yes => too_fast(model, action, now),
        ActionId::ByColumn => columns::begin(model),
        ActionId::FillBlanks | ActionId::TakeSource | ActionId::KeepTarget
            if counts(model, now) =>
        {
            verb::chosen(model, action, now)
        }
        ActionId::FillBlanks | ActionId::TakeSource | ActionId::KeepTarget => {
            too_fast(model, action, now)
        }
        ActionId::ProbeNow
        | ActionId::StopAll
        | ActionId::Release
        | ActionId::SwitchHook
        | ActionId::OtherInstance => breaker(model, action, now),
        _ => Vec::new(),
    }
}

fn cancel(model: &mut Model, now: Now) {
    if let Some(Dialog::Breaker(dialog)) = model.dialogs.last_mut()
        && dialog.step != BreakerStep::Menu
    {
        dialog.step = BreakerStep::Menu;
        dialog.drawn = now;
        return;
    }
    model.dialogs.pop();
}

fn fields(model: &mut Model, action: ActionId, now: Now) {
    match model.dialogs.last_mut() {
        Some(Dialog::Confirm(dialog)) => dialog.next_field(),
        Some(Dialog::Arm(dialog)) if action == ActionId::NextField => dialog.next_field(),
        Some(Dialog::Arm(dialog)) => dialog.previous_field(),
        Some(Dialog::Take(dialog)) => dialog.next_field(),
        Some(Dialog::Commands(_)) => {
            let code = if action == ActionId::NextField {
                Code::Down
            } else {
                Code::Up
            };
            scrolled(model, crate::tui::keymap::key(code), now);
        }
        Some(Dialog::Find(dialog)) => super::find::moved(dialog, action == ActionId::NextField),
        Some(Dialog::Sort(dialog)) if action == ActionId::NextField => {
            dialog.at = (dialog.at + 1).min(Sort::ALL.len() - 1);
        }
        Some(Dialog::Sort(dialog)) => dialog.at = dialog.at.saturating_sub(1),
        Some(
            Dialog::Breaker(_)
            | Dialog::Quit(_)
            | Dialog::Status(_)
            | Dialog::Choose(_)
            | Dialog::Note(_)
            | Dialog::HandOver(_),
        )
        | None => {}
    }
}

/// Takes the marked records in that the filter hides.
fn take_in(model: &mut Model, now: Now) {
    let Some(Dialog::Confirm(dialog)) = model.dialogs.last() else {
        return;
    };
    let mut dialog = dialog.clone();
    dialog.take_hidden_in(model, now);
    model.dialogs.pop();
    model.dialogs.push(Dialog::Confirm(dialog));
}

fn accept(model: &mut Model, now: Now) -> Vec<Effect> {
    let counts = counts(model, now);
    match model.dialogs.last_mut() {
        Some(Dialog::Confirm(dialog)) => {
            if dialog.field == Field::Count && dialog.count_is_right() && counts {
                return yes(model, now);
            }
            match dialog.field {
                Field::Reason => dialog.next_field(),
                Field::Count if !dialog.count_is_right() => {
                    let text = format!("type exactly {}, or Esc", dialog.ask.records());
                    model.toast(text, Tone::Care, now);
                }
                _ => {}
            }
            Vec::new()
        }
        Some(Dialog::Arm(dialog)) if counts && !dialog.sent => {
            if dialog.reason.value().trim().is_empty() {
                dialog.field = Field::Reason;
                return Vec::new();
            }
            dialog.sent = true;
            vec![Effect::Send(Command::Arm {
                reason: dialog.full_reason(),
                who: model.who.clone(),
                lasts: dialog.lasts,
            })]
        }
        Some(Dialog::Breaker(dialog)) if dialog.step == BreakerStep::Reason => {
            if !dialog.reason.value().trim().is_empty() {
                dialog.step = BreakerStep::Stop;
                dialog.drawn = now;
            }
            Vec::new()
        }
        Some(Dialog::Status(_)) => {
            model.dialogs.pop();
            Vec::new()
        }
        Some(Dialog::Find(_)) if counts => super::find::accept(model, now),
        Some(Dialog::Note(_)) if counts => incident::note(model, now),
        Some(Dialog::Take(_)) if counts => incident::take(model, now),
        Some(Dialog::HandOver(_)) if counts => incident::hand_over(model, now),
        Some(Dialog::Sort(dialog)) => {
            let sort = Sort::ALL.get(dialog.at).copied();
            model.dialogs.pop();
            model.records.sort = sort.unwrap_or_default();
            list::filtered(model, now)
        }
        Some(Dialog::Commands(dialog)) if counts => {
            let dialog = dialog.clone();
            run(model, &dialog, now)
        }
        Some(
            Dialog::Arm(_)
            | Dialog::Breaker(_)
            | Dialog::Quit(_)
            | Dialog::Commands(_)
            | Dialog::Find(_)
            | Dialog::Note(_)
            | Dialog::Take(_)
            | Dialog::HandOver(_)
            | Dialog::Choose(_),
        )
        | None => Vec::new(),
    }
}

fn yes(model: &mut Model, now: Now) -> Vec<Effect> {
    match model.dialogs.last() {
        Some(Dialog::Confirm(dialog)) => {
            if dialog.types_the_count() && !dialog.count_is_right() {
                return Vec::new();
            }
            if dialog.lacks_a_reason() {
                if let Some(Dialog::Confirm(dialog)) = model.dialogs.last_mut() {
                    dialog.field = Field::Reason;
                }
                return Vec::new();
            }
            let dialog = dialog.clone();
            confirmed(model, &dialog, now)
        }
        Some(Dialog::Quit(_)) => vec![Effect::Quit],
        Some(Dialog::Breaker(dialog)) => {
            let dialog = dialog.clone();
            ordered(model, &dialog, now)
        }
        Some(
            Dialog::Arm(_)
            | Dialog::Commands(_)
            | Dialog::Status(_)
            | Dialog::Sort(_)
            | Dialog::Find(_)
            | Dialog::Note(_)
            | Dialog::Take(_)
            | Dialog::HandOver(_)
            | Dialog::Choose(_),
        )
        | None => Vec::new(),
    }
}

/// What was confirmed becomes a command; the dialog is closed.
fn confirmed(model: &mut Model, dialog: &ConfirmDialog, now: Now) -> Vec<Effect> {
    let writes = !matches!(dialog.ask, Ask::End { .. });
    if writes && !model.is_armed(now) {
        model.dialogs.pop();
        model.toast("locked meanwhile: nothing was sent", Tone::Care, now);
        return Vec::new();
    }
    let Some(link) = model.link().map(|link| link.name.clone()) else {
        return Vec::new();
    };
    model.dialogs.pop();
    let request = |deed: Deed| Request {
        id: model.next_operation,
        verb: deed.verb,
        link: link.clone(),
        reason: dialog.reason.value().trim().to_owned(),
        choices: deed.choices,
        retries: deed.retries,
        at_most: None,
        ticket: String::new(),
        who: model.who.clone(),
        asked: now.wall,
    };
    let consent = Consent::Armed {
        records: dialog.ask.records(),
    };
    match &dialog.ask {
        Ask::Repair { deed, records, .. } => {
            let command = Command::Repair {
                request: request(deed.clone()),
                records: records.iter().copied().map(Target::Record).collect(),
                consent,
            };
            for key in records {
                model.records.marks.remove(key);
            }
            model.picking = None;
            // Whoever looks at the operations next wants to see this one.
            model.operations.chosen = Some(model.next_operation);
            let mut effects = vec![Effect::Send(command)];
            effects.extend(list::keep_places(model, records));
            effects
        }
        Ask::Sync { .. } => {
            let request = request(Deed::of(Verb::Sync));
            model.operations.chosen = Some(model.next_operation);
            vec![Effect::Send(Command::StartSync { request, consent })]
        }
        Ask::Resume { operation, .. } => vec![Effect::Send(Command::Resume {
            operation: *operation,
            consent,
        })],
        Ask::Order { order, .. } => {
            vec![Effect::Send(Command::OrderRun {
                request: request(Deed::of(order.verb())),
                order: order.clone(),
                consent,
            })]
        }
        Ask::Hook { on } => vec![Effect::SwitchHook {
            on: *on,
            who: model.who.clone(),
            reason: dialog.reason.value().trim().to_owned(),
        }],
        Ask::End { operation } => vec![Effect::Send(Command::End {
            operation: *operation,
            who: model.who.clone(),
        })],
    }
}

/// Once writes are unlocked, the dialog of the verb that was pressed opens.
pub fn after_snapshot(model: &mut Model, now: Now) {
    let mut dialogs = std::mem::take(&mut model.dialogs);
    for dialog in &mut dialogs {
        if let Dialog::Confirm(dialog) = dialog {
            dialog.plan_again(model, now);
        }
    }
    model.dialogs = dialogs;
    if !matches!(model.state.lock, Lock::Armed { .. }) {
        return;
    }
    if let Some(Dialog::Arm(ArmDialog {
        sent: true, then, ..
    })) = model.dialogs.last()
    {
        let then = then.clone();
        model.dialogs.pop();
        if let Some((ask, _)) = then {
            verb::open(model, ask, now);
        }
    }
}

/// A dialog that could not be shown until now has to be seen before it is confirmed.
pub fn shown_again(model: &mut Model, before: Arrangement, now: Now) {
    let after = Arrangement::of(model.size);
    for dialog in &mut model.dialogs {
        if dialog.fits(after) && !dialog.fits(before) {
            dialog.seen_from(now);
        }
    }
}

/// Opens the help or the palette.
pub fn open_commands(model: &mut Model, listing: Listing, now: Now) -> Vec<Effect> {
    model.dialogs.push(Dialog::Commands(CommandsDialog {
        listing,
        input: tui_input::Input::default(),
        at: 0,
        drawn: now,
    }));
    Vec::new()
}

/// Moves the cursor among the actions; whether the key does that.
fn scrolled(model: &mut Model, key: Key, now: Now) -> bool {
    let Some(Dialog::Commands(dialog)) = model.dialogs.last() else {
        return false;
    };
    let last = commands::stops(&commands::rows(model, dialog, now)).saturating_sub(1);
    let at = match key.code {
        Code::Down => dialog.at + 1,
        Code::Up => dialog.at.saturating_sub(1),
        Code::PageDown => dialog.at + 10,
        Code::PageUp => dialog.at.saturating_sub(10),
        _ => return false,
    };
    if let Some(Dialog::Commands(dialog)) = model.dialogs.last_mut() {
        dialog.at = at.min(last);
    }
    true
}

/// Does what the cursor is on, once the list is closed; what can't be done says why, and the list stays.
fn run(model: &mut Model, dialog: &CommandsDialog, now: Now) -> Vec<Effect> {
    let rows = commands::rows(model, dialog, now);
    let row = commands::chosen(&rows, dialog.at).and_then(|place| rows.get(place));
    let Some(action) = row.and_then(commands::Row::action) else {
        return Vec::new();
    };
    let why = if action.is_a_command() {
        super::why_not(model, action.id, now)
    } else {
        Some("only in its dialog".to_owned())
    };
    if let Some(why) = why {
        model.toast(format!("{}: {why}", action.name), Tone::Care, now);
        return Vec::new();
    }
    model.dialogs.pop();
    super::act(model, action.id, now)
}

/// Opens the breaker menu of the link's target; support has none.
pub fn open_breaker(model: &mut Model, now: Now) {
    if let Some(why) = model.operator.why_no_stop() {
        model.toast(why, Tone::Care, now);
        return;
    }
    let instance = model.link().map_or(0, |link| link.target);
    let dialog = BreakerDialog::of(instance, now);
    model.dialogs.push(Dialog::Breaker(dialog));
}

/// What the `h` of the menu would do to the ensure hook: take it out, or put it back; and why that can't be told.
pub fn hook_order(model: &Model, instance: usize) -> Option<Result<bool, &'static str>> {
    let hook = model.state.hook.as_ref()?;
    let link = model.state.links.get(hook.link)?;
    if link.target != instance {
        return None;
    }
    Some(match hook.health.called() {
        Called::Yes => Ok(false),
        Called::No => Ok(true),
        Called::NotAsked | Called::NotKnown => Err("whether it is called is not known"),
    })
}

pub fn breaker(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    let others = model.link().map(|link| (link.source, link.target));
    let state = std::sync::Arc::clone(&model.state);
    let Some(Dialog::Breaker(dialog)) = model.dialogs.last_mut() else {
        return Vec::new();
    };
    if dialog.step != BreakerStep::Menu {
        return Vec::new();
    }
    let instance = dialog.instance;
    if action == ActionId::SwitchHook {
        return match hook_order(model, instance) {
            Some(Ok(on)) => {
                model.dialogs.pop();
                verb::confirm(model, Ask::Hook { on }, ActionId::SwitchHook, now)
            }
            Some(Err(why)) => {
                model.toast(why, Tone::Care, now);
                Vec::new()
            }
            None => Vec::new(),
        };
    }
    let Some(Dialog::Breaker(dialog)) = model.dialogs.last_mut() else {
        return Vec::new();
    };
    let forced = state
        .instances
        .get(dialog.instance)
        .is_some_and(|instance| instance.forced().is_some());
    match action {
        ActionId::ProbeNow => {
            let instance = dialog.instance;
            model.toast("probing", Tone::Plain, now);
            return vec![Effect::Send(Command::ProbeNow { instance })];
        }
        ActionId::StopAll if !forced => {
            dialog.step = BreakerStep::Reason;
            dialog.drawn = now;
        }
        ActionId::Release if forced => {
            dialog.step = BreakerStep::Release;
            dialog.drawn = now;
        }
        ActionId::OtherInstance => {
            if let Some((source, target)) = others {
                dialog.instance = if dialog.instance == target {
                    source
                } else {
                    target
                };
                dialog.drawn = now;
            }
        }
        _ => {}
    }
    Vec::new()
}

fn ordered(model: &mut Model, dialog: &BreakerDialog, now: Now) -> Vec<Effect> {
    let command = match dialog.step {
        BreakerStep::Stop => Command::ForceOpen {
            instance: dialog.instance,
            who: model.who.clone(),
            reason: dialog.reason.value().trim().to_owned(),
            until: dialog.lasts.map(|lasts| now.after(lasts).wall),
        },
        BreakerStep::Release => Command::Release {
            instance: dialog.instance,
            who: model.who.clone(),
        },
        BreakerStep::Menu | BreakerStep::Reason => return Vec::new(),
    };
    if let Some(Dialog::Breaker(open)) = model.dialogs.last_mut() {
        open.step = BreakerStep::Menu;
        open.reason.reset();
        open.drawn = now;
    }
    vec![Effect::Send(command)]
}
