//! Incident work: taking alerts, notes, the status for others, the bundle for the next shift, and calling somebody who
//! does not look.

use std::time::Duration;

use tui_input::Input;

use crate::domain::alert::AlertKey;
use crate::domain::health::Health;
use crate::domain::operation::RecordKey;
use crate::domain::time::Now;
use crate::engine::state::{Alarm, InstanceState, Tone};
use crate::engine::{Command, State};
use crate::tui::action::ActionId;
use crate::tui::format::{name, of_them, span};
use crate::tui::handover;
use crate::tui::message::{Effect, Saving};
use crate::tui::model::{
    Dialog, Field, HandOverDialog, Model, NoteDialog, Screen, TAKEN_FOR, TakeDialog,
};
use crate::tui::view;

/// The file that always holds the last status that was told.
const STATUS: &str = "status.txt";

/// Does one of them.
pub fn act(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    match action {
        ActionId::Take => open_take(model, now),
        ActionId::GiveBack => give_back(model, now),
        ActionId::Note => open_note(model, now),
        ActionId::HandOver => open_handover(model, now),
        _ => status(model, now),
    }
}

/// `Y`: the status in plain words, on the screen, on the clipboard, in a file.
fn status(model: &mut Model, now: Now) -> Vec<Effect> {
    let text = view::status_text(model, now);
    if let Some(playing) = &mut model.playing {
        playing.is_told = true;
    }
    model.dialogs.push(Dialog::Status(text.clone()));
    let save = Saving {
        folder: model.folder.clone(),
        files: vec![(STATUS.to_owned(), text.clone())],
        then: None,
    };
    vec![Effect::Copy(text), Effect::Save(save)]
}

/// `a` on Pulse: asks before the alerts that fire are taken.
fn open_take(model: &mut Model, now: Now) -> Vec<Effect> {
    let alarms = &model.state.alarms;
    if alarms.is_empty() {
        model.toast("no alert fires", Tone::Plain, now);
        return Vec::new();
    }
    let alerts = alarms.iter().map(|alarm| alarm.key.clone()).collect();
    model.dialogs.push(Dialog::Take(TakeDialog {
        alerts,
        note: Input::default(),
        lasts: TAKEN_FOR,
        field: Field::Reason,
        drawn: now,
    }));
    Vec::new()
}

/// The alerts are taken.
pub fn take(model: &mut Model, now: Now) -> Vec<Effect> {
    let Some(Dialog::Take(dialog)) = model.dialogs.pop() else {
        return Vec::new();
    };
    let what = of_them(dialog.alerts.len(), "alert");
    let text = format!("{what} taken for {}", span(dialog.lasts));
    model.toast(text, Tone::Plain, now);
    vec![Effect::Send(Command::Take {
        alerts: dialog.alerts,
        who: model.who.clone(),
        text: dialog.note.value().trim().to_owned(),
        lasts: dialog.lasts,
    })]
}

/// The alerts that fire and that this person has.
pub fn own(model: &Model, now: Now) -> Vec<AlertKey> {
    let alarms = model.state.alarms.iter();
    let own = alarms.filter(|alarm| {
        let taken = model.state.taken_by(alarm, now.wall);
        taken.is_some_and(|taken| taken.who == model.who)
    });
    own.map(|alarm| alarm.key.clone()).collect()
}

/// `A` on Pulse: what was taken is nobody's again, and is told again.
fn give_back(model: &mut Model, now: Now) -> Vec<Effect> {
    let alerts = own(model, now);
    if alerts.is_empty() {
        model.toast("you have no alert to give back", Tone::Plain, now);
        return Vec::new();
    }
    let what = of_them(alerts.len(), "alert");
    model.toast(format!("{what} given back"), Tone::Plain, now);
    vec![Effect::Send(Command::Take {
        alerts,
        who: model.who.clone(),
        text: String::new(),
        lasts: Duration::ZERO,
    })]
}

/// `n`: a note; about the record that is looked at, if one is.
fn open_note(model: &mut Model, now: Now) -> Vec<Effect> {
    let about = match model.screen {
        Screen::Sides(view) => about(model, view.key),
        _ => String::new(),
    };
    model.dialogs.push(Dialog::Note(NoteDialog {
        input: Input::new(about),
        drawn: now,
    }));
    Vec::new()
}

/// `account DPZ: `; its number tells a record apart, and names nobody.
fn about(model: &Model, key: RecordKey) -> String {
    let Some(record) = model.record(key) else {
        return String::new();
    };
    let kind = model.state.kind(key.table);
    if record.number.is_empty() || record.number.contains('@') {
        format!("{kind} {}: ", key.id)
    } else {
        format!("{kind} {}: ", record.number)
    }
}

/// The note is put down.
pub fn note(model: &mut Model, now: Now) -> Vec<Effect> {
    let Some(Dialog::Note(dialog)) = model.dialogs.last() else {
        return Vec::new();
    };
    let text = dialog.input.value().trim().to_owned();
    if text.is_empty() {
        return Vec::new();
    }
    model.dialogs.pop();
    model.toast("noted", Tone::Plain, now);
    let who = model.who.clone();
    vec![Effect::Send(Command::Note { who, text })]
}

/// `x` on Pulse: says what would be written and where.
fn open_handover(model: &mut Model, now: Now) -> Vec<Effect> {
    model.dialogs.push(Dialog::HandOver(HandOverDialog {
        since: handover::begin(model, now),
        folder: handover::folder(&model.folder, now),
        drawn: now,
    }));
    Vec::new()
}

/// An hour more, or less, of what happened.
pub fn reach(dialog: &mut HandOverDialog, is_longer: bool, now: Now) {
    let hour = chrono::Duration::hours(1);
    let most = now.wall - chrono::Duration::days(14);
    let moved = if is_longer {
        dialog.since.checked_sub_signed(hour)
    } else {
        dialog.since.checked_add_signed(hour)
    };
    if let Some(since) = moved.filter(|since| *since >= most && *since < now.wall) {
        dialog.since = since;
    }
}

/// The bundle is written.
pub fn hand_over(model: &mut Model, now: Now) -> Vec<Effect> {
    let Some(Dialog::HandOver(dialog)) = model.dialogs.pop() else {
        return Vec::new();
    };
    let files = handover::bundle(model, dialog.since, now);
    let folder = dialog.folder;
    let then = Some(format!("hand-over written to {}", folder.display()));
    vec![Effect::Save(Saving {
        folder,
        files,
        then,
    })]
}

/// What has to be told to somebody who does not look.
pub fn attend(model: &Model, before: &State) -> Vec<Effect> {
    if !model.is_away {
        return Vec::new();
    }
    let state = &model.state;
    let mut news = Vec::new();
    for (was, is) in before.instances.iter().zip(&state.instances) {
        news.extend(turned(was, is));
    }
    let fires = |alarms: &[Alarm], one: &Alarm| alarms.iter().any(|other| other.key == one.key);
    let begun = state
        .alarms
        .iter()
        .filter(|one| !fires(&before.alarms, one));
    news.extend(begun.map(|one| format!("alert {}: {}", one.key.rule, one.key.subject)));
    let over = before
        .alarms
        .iter()
        .filter(|one| !fires(&state.alarms, one));
    news.extend(over.map(|one| format!("alert {} is over: {}", one.key.rule, one.key.subject)));
    for operation in &state.operations {
        let old = before.operation(operation.request.id);
        if operation.request.who != model.who {
            continue;
        }
        if operation.is_finished() && old.is_some_and(|old| !old.is_finished()) {
            let result = view::result(operation);
            news.push(format!("{}: {result}", operation.request.verb));
        } else if operation.paused.is_some() && old.is_some_and(|old| old.paused.is_none()) {
            news.push(format!("{} is paused", operation.request.verb));
        }
    }
    let Some(first) = news.first() else {
        return Vec::new();
    };
    let more = match news.len() - 1 {
        0 => String::new(),
        more => format!(" (+{more} more)"),
    };
    // Security case 39: words of ours, and names of the configuration spelt in letters, digits and little else.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " .,:%()+-_/".contains(c);
    let plain = first.chars().map(|c| if is_plain(c) { c } else { '?' });
    let text: String = plain.take(160).collect();
    vec![Effect::Attend(format!("tandem: {text}{more}"))]
}

/// An instance that is lost, or is back.
fn turned(was: &InstanceState, is: &InstanceState) -> Option<String> {
    let lost = |health| matches!(health, Health::Down | Health::CutOff | Health::Refused);
    // What was not known yet is no change.
    if was.health == Health::Unknown || lost(was.health) == lost(is.health) {
        return None;
    }
    Some(format!("{} is {}", name(&is.name), is.health.word()))
}
