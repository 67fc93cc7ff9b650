//! `E`, `T`, `H` and `W`: from the key to the dialog. Targets are frozen here; nothing is asked of the engine before a
//! dialog was confirmed, save locking, which only ever makes things safer.

use super::show_sides;
use crate::domain::drift::Drift;
use crate::domain::operation::{RecordKey, Verb};
use crate::domain::plan::Plan;
use crate::domain::time::Now;
use crate::engine::Command;
use crate::engine::records::Record;
use crate::engine::state::{Lock, Tone};
use crate::tui::action::ActionId;
use crate::tui::format;
use crate::tui::message::Effect;
use crate::tui::model::{
    ArmDialog, Ask, ChooseDialog, ConfirmDialog, Deed, Dialog, Model, Origin, Screen, Summary,
    plan_of,
};

/// A verb's key.
pub fn pressed(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    let verb = match action {
        ActionId::Ensure => Verb::Ensure,
        ActionId::Rehydrate => Verb::Rehydrate,
        _ => Verb::Sync,
    };
    if is_refused(model, now) {
        return Vec::new();
    }
    if matches!(model.screen, Screen::Pulse | Screen::Runs) {
        return sync_run(model, now);
    }
    let (chosen, hidden) = concerned(model);
    if chosen.is_empty() {
        let text = if hidden.is_empty() {
            "no record is chosen".to_owned()
        } else {
            format!(
                "{} hidden by the filter: Esc takes it off, u the marks",
                format::of_them(hidden.len(), "marked record")
            )
        };
        model.toast(text, Tone::Care, now);
        return Vec::new();
    }
    let unread = chosen.iter().filter(|record| !record.sides.are_read());
    let unread: Vec<RecordKey> = unread.map(|record| record.key).collect();
    if !unread.is_empty() {
        let what = format::of_them(unread.len(), "record");
        model.toast(format!("reading {what} on both sides…"), Tone::Plain, now);
        model.awaiting = Some(action);
        return vec![Effect::Send(Command::Read(unread))];
    }
    let (keys, writable) = freeze(model, &chosen, verb);
    if writable.is_empty() {
        return nothing_to_write(model, &keys, verb, now);
    }
    let deed = Deed::of(verb);
    let summary = Box::new(Summary::of(model, &deed, &keys));
    let ask = Ask::Repair {
        deed,
        records: writable,
        chosen: keys,
        hidden,
        summary,
    };
    confirm(model, ask, action, now)
}

/// The records that a verb is about, and the marked ones that the filter hides.
fn concerned(model: &Model) -> (Vec<&Record>, Vec<RecordKey>) {
    match model.screen {
        Screen::Sides(view) => (model.record(view.key).into_iter().collect(), Vec::new()),
        _ => model.targets(),
    }
}

/// Goes on with a verb once the records that it is about have been read.
pub fn after_snapshot(model: &mut Model, now: Now) -> Vec<Effect> {
    let is_read = concerned(model)
        .0
        .iter()
        .all(|record| record.sides.are_read());
    match model.awaiting.take_if(|_| is_read) {
        Some(action) => pressed(model, action, now),
        None => Vec::new(),
    }
}

/// The keys that were chosen, and those among them that would be written to.
fn freeze(model: &Model, chosen: &[&Record], verb: Verb) -> (Vec<RecordKey>, Vec<RecordKey>) {
    let keys = chosen.iter().map(|record| record.key).collect();
    let writable = chosen
        .iter()
        .filter(|record| plan_of(&model.state, record, verb).is_write())
        .map(|record| record.key);
    (keys, writable.collect())
}

/// Whether nothing that writes can be asked for at all; it says why.
pub fn is_refused(model: &mut Model, now: Now) -> bool {
    let Some(why) = refusal(model) else {
        return false;
    };
    model.toast(why, Tone::Care, now);
    true
}

/// Why nothing that writes can be asked for at all.
pub fn refusal(model: &Model) -> Option<String> {
    if let Some(fault) = &model.state.journal_fault {
        return Some(format!("nothing can be repaired: {fault}"));
    }
    let link = model.link()?;
    if let Some(fault) = &link.fault {
        return Some(format!("this link can't be repaired: {fault}"));
    }
    let target = model.state.instances.get(link.target)?;
    let forced = target.forced()?;
    Some(format!(
        "refused: {} stopped all calls to {}; {}, then l releases",
        format::fit(&crate::domain::text::visible(&forced.by), 20),
        format::name(&target.name),
        model.key(ActionId::Breaker)
    ))
}

/// Says why nothing would be written; a record edited in the target is shown on both sides.
fn nothing_to_write(model: &mut Model, keys: &[RecordKey], verb: Verb, now: Now) -> Vec<Effect> {
    let Some(record) = keys.first().and_then(|key| model.record(*key)) else {
        return Vec::new();
    };
    let (key, drift, name) = (
        record.key,
        record.drift,
        model.private(&record.name).into_owned(),
    );
    let plan = plan_of(&model.state, record, verb);
    let why = match plan {
        Plan::Nothing(why) | Plan::Refuse(why) => why,
        _ => "nothing to do",
    };
    let others = keys.len().saturating_sub(1);
    let is_edited = matches!(
        drift,
        Drift::Diverged | Drift::Kept | Drift::DeletedInTarget
    );
    let text = if others > 0 && is_edited && verb != Verb::Ensure {
        let unmark = model.key(ActionId::Unmark);
        let marks = format::count(keys.len());
        format!("{why}, one by one; {unmark} takes the {marks} marks off")
    } else {
        let more = match others {
            0 => String::new(),
            n => format!("; and {n} more"),
        };
        let room = 75usize.saturating_sub(format::width(why) + format::width(&more));
        format!("{}: {why}{more}", format::fit(&name, room.max(8)))
    };
    model.toast(text, Tone::Care, now);
    if is_edited && verb != Verb::Ensure && others == 0 {
        let effects = if matches!(model.screen, Screen::Sides(_)) {
            Vec::new()
        } else {
            show_sides(model, key, Origin::Records)
        };
        if let Some(why) = model.why_not_theirs(Verb::FillBlanks, Some(1)) {
            model.toast(why, Tone::Care, now);
        } else {
            let dialog = ChooseDialog { key, drawn: now };
            model.dialogs.push(Dialog::Choose(dialog));
        }
        return effects;
    }
    Vec::new()
}

/// A choice for a record that was edited in the target: confirmed like any other verb.
pub fn chosen(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    let Some(Dialog::Choose(dialog)) = model.dialogs.last() else {
        return Vec::new();
    };
    let key = dialog.key;
    let mut choices = ChooseDialog::CHOICES.into_iter();
    let verb = choices
        .find(|(one, _)| *one == action)
        .map(|(_, verb)| verb);
    let (Some(verb), Some(record)) = (verb, model.record(key)) else {
        return Vec::new();
    };
    match plan_of(&model.state, record, verb) {
        Plan::Nothing(why) | Plan::Refuse(why) => {
            model.toast(format!("{verb}: {why}"), Tone::Care, now);
            return Vec::new();
        }
        Plan::Create(_) | Plan::Fill { .. } | Plan::Keep => {}
    }
    model.dialogs.pop();
    let deed = Deed::of(verb);
    let summary = Box::new(Summary::of(model, &deed, &[key]));
    let ask = Ask::Repair {
        deed,
        records: vec![key],
        chosen: vec![key],
        hidden: Vec::new(),
        summary,
    };
    confirm(model, ask, action, now)
}

/// `T` on Pulse: a run of the link's sync.
fn sync_run(model: &mut Model, now: Now) -> Vec<Effect> {
    let Some(link) = model.link() else {
        return Vec::new();
    };
    if let Some(running) = link.sync.running {
        let who = model
            .state
            .operation(running)
            .map_or_else(|| "another".to_owned(), |one| one.request.who.clone());
        let text = format!(
            "a sync run by {} is under way: {} shows it",
            crate::domain::text::visible(&who),
            model.key(ActionId::Operations)
        );
        model.toast(text, Tone::Plain, now);
        return Vec::new();
    }
    if let Some(run) = link.sync.under_way() {
        let text = format!("a run of the sync is {} already", run.status.word());
        model.toast(text, Tone::Plain, now);
        return Vec::new();
    }
    let ask = Ask::Sync {
        pending: model.state.pending(model.link),
    };
    confirm(model, ask, ActionId::Sync, now)
}

/// Why the person may not ask for it, by the groups of this host.
fn why_not_theirs(model: &Model, ask: &Ask) -> Option<String> {
    match ask {
        Ask::Repair { deed, records, .. } => model.why_not_theirs(deed.verb, Some(records.len())),
        Ask::Sync { .. } => model.why_not_theirs(Verb::Sync, None),
        Ask::Resume { left, .. } => model.why_not_theirs(Verb::Resume, Some(*left)),
        Ask::Order { order, .. } => model.why_not_theirs(order.verb(), None),
        Ask::Hook { .. } => model.operator.why_no_stop().map(str::to_owned),
        Ask::End { .. } => None,
    }
}

/// Opens the confirmation; while read-only, the arming first. What a person may not ask for is refused before that.
pub fn confirm(model: &mut Model, ask: Ask, pressed: ActionId, now: Now) -> Vec<Effect> {
    if let Some(why) = why_not_theirs(model, &ask) {
        model.toast(why, Tone::Care, now);
        return Vec::new();
    }
    if model.is_armed(now) {
        open(model, ask, now);
    } else {
        arm(model, Some((ask, pressed)), now);
    }
    Vec::new()
}

/// Opens the confirmation.
pub fn open(model: &mut Model, ask: Ask, now: Now) {
    let reason = model.armed_reason().to_owned();
    let mut dialog = ConfirmDialog::new(ask, &reason, model.safety.confirm_above, now);
    dialog.plan_again(model, now);
    model.dialogs.push(Dialog::Confirm(dialog));
}

fn arm(model: &mut Model, then: Option<(Ask, ActionId)>, now: Now) {
    match model.state.lock {
        Lock::ReadOnly { may_arm: false } => model.toast(
            "read-only: this console was started so, and can't be armed",
            Tone::Care,
            now,
        ),
        Lock::ReadOnly { .. } | Lock::Armed { .. } => {
            model.dialogs.push(Dialog::Arm(ArmDialog::new(then, now)));
        }
    }
}

/// `W`.
pub fn arm_or_lock(model: &mut Model, now: Now) -> Vec<Effect> {
    if model.is_armed(now) {
        return vec![Effect::Send(Command::Lock {
            who: model.who.clone(),
        })];
    }
    arm(model, None, now);
    Vec::new()
}
