//! Keys in dialogs. A dialog is confirmed by `y`, or by the typed count and Enter: never by Enter alone, never by the
//! key that opened it, and not before it could be seen.

use super::{is_burst, list, verb};
use crate::domain::operation::{Request, Verb};
use crate::domain::time::Now;
use crate::engine::Command;
use crate::engine::command::{Consent, Target};
use crate::engine::state::{Lock, Tone};
use crate::tui::action::ActionId;
use crate::tui::keymap::{Code, Context, Key, action};
use crate::tui::message::Effect;
use crate::tui::model::{
    ArmDialog, Ask, BreakerDialog, BreakerStep, ConfirmDialog, Dialog, Field, Model, UNSEEN,
};

/// A key while a dialog is open.
pub fn pressed(model: &mut Model, key: Key, now: Now) -> Vec<Effect> {
    let Some(top) = model.dialogs.last_mut() else {
        return Vec::new();
    };
    let is_breaker = matches!(top, Dialog::Breaker(_));
    let context = match top.field() {
        Some(_) => Context::Field,
        None if is_breaker => Context::Breaker,
        None => Context::Dialog,
    };
    if let Some(action) = action(&[context], key) {
        return act(model, action, now);
    }
    let is_count = matches!(top, Dialog::Confirm(dialog) if dialog.field == Field::Count);
    if is_count && matches!(key.code, Code::Char(c) if !key.ctrl && !c.is_ascii_digit()) {
        return Vec::new();
    }
    if let (Some(field), Some(request)) = (top.field(), list::edit(key)) {
        field.handle(request);
        return Vec::new();
    }
    if let Dialog::Help(first) = top {
        match key.code {
            Code::Char('j') => *first += 1,
            Code::Char('k') => *first = first.saturating_sub(1),
            Code::PageDown => *first += 10,
            Code::PageUp => *first = first.saturating_sub(10),
            Code::Home => *first = 0,
            Code::Char('q' | '?') => drop(model.dialogs.pop()),
            _ => {}
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

fn act(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    match action {
        ActionId::Cancel => {
            cancel(model, now);
            Vec::new()
        }
        ActionId::NextField | ActionId::PreviousField => {
            fields(model, action);
            Vec::new()
        }
        ActionId::Longer | ActionId::Shorter => {
            if let Some(Dialog::Arm(dialog)) = model.dialogs.last_mut() {
                if action == ActionId::Longer {
                    dialog.longer();
                } else {
                    dialog.shorter();
                }
            }
            Vec::new()
        }
        ActionId::Accept => accept(model, now),
        ActionId::Yes if counts(model, now) => yes(model, now),
        ActionId::ProbeNow | ActionId::StopAll | ActionId::Release | ActionId::OtherInstance => {
            breaker(model, action, now)
        }
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

fn fields(model: &mut Model, action: ActionId) {
    match model.dialogs.last_mut() {
        Some(Dialog::Confirm(dialog)) => dialog.next_field(),
        Some(Dialog::Arm(dialog)) if action == ActionId::NextField => dialog.next_field(),
        Some(Dialog::Arm(dialog)) => dialog.previous_field(),
        Some(Dialog::Help(first)) if action == ActionId::NextField => *first += 1,
        Some(Dialog::Help(first)) => *first = first.saturating_sub(1),
        Some(Dialog::Breaker(_) | Dialog::Quit(_) | Dialog::Status(_)) | None => {}
    }
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
        Some(Dialog::Status(_) | Dialog::Help(_)) => {
            model.dialogs.pop();
            Vec::new()
        }
        Some(Dialog::Arm(_) | Dialog::Breaker(_) | Dialog::Quit(_)) | None => Vec::new(),
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
        Some(Dialog::Arm(_) | Dialog::Help(_) | Dialog::Status(_)) | None => Vec::new(),
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
    let request = |verb: Verb| Request {
        id: model.next_operation,
        verb,
        link: link.clone(),
        reason: dialog.reason.value().trim().to_owned(),
        choices: Vec::new(),
        retries: None,
        ticket: String::new(),
        who: model.who.clone(),
        asked: now.wall,
    };
    let consent = Consent::Armed {
        records: dialog.ask.records(),
    };
    match &dialog.ask {
        Ask::Repair { verb, records, .. } => {
            let command = Command::Repair {
                request: request(*verb),
                records: records.iter().copied().map(Target::Record).collect(),
                consent,
            };
            for key in records {
                model.records.marks.remove(key);
            }
            let mut effects = vec![Effect::Send(command)];
            effects.extend(list::keep_places(model, records));
            effects
        }
        Ask::Sync { .. } => vec![Effect::Send(Command::StartSync {
            request: request(Verb::Sync),
            consent,
        })],
        Ask::Resume { operation, .. } => vec![Effect::Send(Command::Resume {
            operation: *operation,
            consent,
        })],
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

/// Opens the breaker menu of the link's target.
pub fn open_breaker(model: &mut Model, now: Now) {
    let instance = model.link().map_or(0, |link| link.target);
    model.dialogs.push(Dialog::Breaker(BreakerDialog {
        instance,
        step: BreakerStep::Menu,
        reason: tui_input::Input::default(),
        drawn: now,
    }));
}

fn breaker(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    let others = model.link().map(|link| (link.source, link.target));
    let state = std::sync::Arc::clone(&model.state);
    let Some(Dialog::Breaker(dialog)) = model.dialogs.last_mut() else {
        return Vec::new();
    };
    if dialog.step != BreakerStep::Menu {
        return Vec::new();
    }
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
            until: None,
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
