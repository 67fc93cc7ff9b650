//! `o`: any record from what a caller says or from pasted text. Both instances are asked; the answer is taken in when it
//! comes, and only while it is still what was asked for.

use std::sync::Arc;

use super::show_sides;
use super::views::why_silent;
use crate::domain::breaker::Class;
use crate::domain::find::parse;
use crate::domain::operation::RecordKey;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::find::{Found, Record};
use crate::engine::report::TICKETS;
use crate::engine::state::{InstanceState, Tone};
use crate::tui::message::Effect;
use crate::tui::model::{Answer, Dialog, FindDialog, Model, Origin};

/// Opens the dialog.
pub fn open(model: &mut Model, now: Now) -> Vec<Effect> {
    model.dialogs.push(Dialog::Find(FindDialog {
        input: tui_input::Input::default(),
        asked: String::new(),
        answer: Answer::None,
        at: 0,
        drawn: now,
    }));
    Vec::new()
}

/// Enter: asks for what was typed; once that was answered, opens the record under the cursor.
pub fn accept(model: &mut Model, now: Now) -> Vec<Effect> {
    // Nothing is sent to an instance whose breaker is open, or that a person stopped: the others are asked all the same.
    let instances = model.state.instances.iter();
    let spared: Vec<Option<String>> = instances
        .map(|one| is_spared(one).then(|| why_silent(one)))
        .collect();
    if let Some(Some(why)) = spared
        .iter()
        .find(|why| spared.iter().all(Option::is_some) && why.is_some())
    {
        model.toast(why.clone(), Tone::Care, now);
        return Vec::new();
    }
    let number = model.finds + 1;
    let Some(Dialog::Find(dialog)) = model.dialogs.last_mut() else {
        return Vec::new();
    };
    let text = dialog.input.value().trim().to_owned();
    if text == dialog.asked
        && let Answer::Found(found) = &dialog.answer
    {
        let record = found.records.get(dialog.at).cloned();
        return record.map_or_else(Vec::new, |record| show(model, &record, now));
    }
    let Some(said) = parse(&text) else {
        return Vec::new();
    };
    dialog.asked = text;
    dialog.answer = Answer::Asking(number);
    dialog.at = 0;
    model.finds = number;
    vec![Effect::Find(number, said, spared)]
}

/// Whether nothing is to be sent to an instance: a person stopped it, or its read breaker is not closed.
fn is_spared(instance: &InstanceState) -> bool {
    let read = instance.breaker(Class::Read);
    instance.forced().is_some() || read.is_some_and(|breaker| !breaker.is_closed())
}

/// Takes an answer in.
pub fn found(model: &mut Model, number: u64, found: Result<Arc<Found>, String>) -> Vec<Effect> {
    for dialog in &mut model.dialogs {
        if let Dialog::Find(dialog) = dialog
            && matches!(dialog.answer, Answer::Asking(asked) if asked == number)
        {
            dialog.answer = match found {
                Ok(found) => Answer::Found(found),
                Err(why) => Answer::Failed(why),
            };
            break;
        }
    }
    Vec::new()
}

/// Moves the cursor among what was found.
pub fn moved(dialog: &mut FindDialog, down: bool) {
    let last = match &dialog.answer {
        Answer::Found(found) => found.records.len().saturating_sub(1),
        _ => 0,
    };
    dialog.at = if down {
        (dialog.at + 1).min(last)
    } else {
        dialog.at.saturating_sub(1)
    };
}

/// The key of a found record, where its table is on the link that is shown; of a ticket its customer's.
pub fn key_of(model: &Model, record: &Record) -> Option<RecordKey> {
    let meant = record.customer.as_ref();
    let (name, id) = meant.map_or((&record.table, record.id), |(name, id)| (name, *id));
    let mut tables = model.state.tables_of(model.link);
    let (table, _) = tables.find(|(_, table)| table.name == *name)?;
    Some(RecordKey { table, id })
}

fn show(model: &mut Model, record: &Record, now: Now) -> Vec<Effect> {
    let Some(key) = key_of(model, record) else {
        let text = match &record.customer {
            Some((table, _)) => format!("its customer's table {table} is not on this link"),
            None if record.table.as_str() == TICKETS => "the ticket names no customer".to_owned(),
            None => format!("the table {} is not on this link", record.table),
        };
        model.toast(text, Tone::Plain, now);
        return Vec::new();
    };
    model.dialogs.pop();
    if record.customer.is_some() {
        let number = visible(&record.number);
        model.toast(format!("the customer of ticket {number}"), Tone::Plain, now);
        model.opened = None;
    } else {
        model.opened = Some(record.clone());
    }
    show_sides(model, key, Origin::Records)
}
