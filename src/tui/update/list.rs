//! The list of records: cursor, marks, filter, order. The cursor stays on its record, wherever the order puts it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tui_input::InputRequest;

use super::step;
use crate::domain::drift::Drift;
use crate::domain::operation::{RecordKey, TableIndex};
use crate::domain::time::Now;
use crate::engine::state::Tone;
use crate::tui::action::ActionId;
use crate::tui::cause;
use crate::tui::keymap::{Code, Context, Key};
use crate::tui::layout;
use crate::tui::message::Effect;
use crate::tui::model::{Dialog, KEEPS_PLACE, Model, SortDialog};
use crate::tui::order::{Order, Place, Query, Sort};
use crate::tui::terms;

/// Asks for the order of what the list is to show now.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    let state = &model.state;
    let tables = state.tables_of(model.link);
    let tables: Vec<(TableIndex, String)> = tables
        .map(|(index, table)| (index, table.name.to_string()))
        .collect();
    let list = &mut model.records;
    list.asked += 1;
    list.asked_of = state.records.clone();
    let query = Query {
        number: list.asked,
        tables: Arc::new(tables),
        drift: list.drift,
        terms: terms::parse(list.filter.value(), state.now.wall),
        sort: list.sort,
        acted: Arc::clone(&list.acted),
        tickets: model
            .tickets
            .read
            .as_ref()
            .map(|_| Arc::clone(&model.tickets.counts)),
        outage: cause::outage(state, model.link),
    };
    vec![Effect::Sort(query, state.records.clone())]
}

/// Whether the filter or the order of the list asks for open tickets.
pub fn wants_tickets(model: &Model) -> bool {
    let list = &model.records;
    let terms = terms::parse(list.filter.value(), model.state.now.wall);
    list.sort == Sort::Tickets || super::views::asks_for_tickets(&terms)
}

/// Asks anew when the snapshot's records are not those of the last query.
pub fn after_snapshot(model: &mut Model, now: Now) -> Vec<Effect> {
    let is_same = model.state.records.is_same(&model.records.asked_of);
    if is_same && model.records.asked > 0 {
        return let_go(model, now);
    }
    ask(model)
}

/// Takes an order in and puts the cursor back on its record.
pub fn take_order(model: &mut Model, order: Order) {
    if order.number < model.records.order.number {
        return;
    }
    model.records.order = order;
    let slots = &model.records.order.slots;
    let found = model.records.cursor.and_then(|key| {
        slots.iter().position(|slot| {
            let record = model.state.records.get(*slot);
            record.is_some_and(|record| record.key == key)
        })
    });
    let last = slots.len().saturating_sub(1);
    let at = found.unwrap_or(model.records.at).min(last);
    put_cursor(model, at);
    count_hidden(model);
}

/// Counts the marks that the list does not show.
fn count_hidden(model: &mut Model) {
    model.records.hidden = if model.records.marks.is_empty() {
        0
    } else {
        model.targets().1.len()
    };
}

fn put_cursor(model: &mut Model, at: usize) {
    model.records.at = at;
    model.records.cursor = model.record_at(at).map(|record| record.key);
    keep_in_view(model);
}

/// Puts the cursor on the record in a row of the screen, if there is one.
pub fn put_cursor_at_row(model: &mut Model, row: u16) {
    let rows = layout::records(model.size);
    let Some(line) = row.checked_sub(rows.list).filter(|line| *line < rows.shown) else {
        return;
    };
    let at = model.records.top + usize::from(line);
    if at < model.records.order.slots.len() {
        model.records.is_chosen = true;
        put_cursor(model, at);
    }
}

/// Somebody comes to look: unless a person has put the cursor somewhere, it stands on the worst.
pub fn come_to_look(model: &mut Model) {
    if !model.records.is_chosen {
        put_cursor(model, 0);
    }
}

/// Scrolls so that the cursor is shown.
pub fn keep_in_view(model: &mut Model) {
    let shown = usize::from(layout::records(model.size).shown).max(1);
    let list = &mut model.records;
    let most = list.order.slots.len().saturating_sub(shown);
    list.top = list
        .top
        .clamp((list.at + 1).saturating_sub(shown), list.at)
        .min(most);
}

/// Moves the cursor.
pub fn moved(model: &mut Model, action: ActionId) -> Vec<Effect> {
    let page = usize::from(layout::records(model.size).shown).max(1);
    let last = model.records.order.slots.len().saturating_sub(1);
    let at = step(model.records.at, action, page, last);
    model.records.is_chosen = at > 0;
    put_cursor(model, at);
    Vec::new()
}

/// Marks, facets, filter and sort.
pub fn act(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    match action {
        ActionId::Mark => {
            if let Some(key) = model.cursor_record().map(|record| record.key) {
                if !model.records.marks.remove(&key) {
                    model.records.marks.insert(key);
                }
                count_hidden(model);
                return moved(model, ActionId::Down);
            }
        }
        ActionId::MarkAll => {
            let keys = keys(model, 0, model.records.order.slots.len());
            model.records.marks.extend(keys);
        }
        ActionId::Invert => {
            for key in keys(model, 0, model.records.order.slots.len()) {
                if !model.records.marks.remove(&key) {
                    model.records.marks.insert(key);
                }
            }
            count_hidden(model);
        }
        ActionId::Range => range(model, now),
        ActionId::Unmark => {
            model.records.marks.clear();
            model.records.anchor = None;
            count_hidden(model);
        }
        ActionId::PreviousDrift => return facet(model, Turn::Back),
        ActionId::NextDrift => return facet(model, Turn::On),
        ActionId::Filter => model.records.typing = true,
        ActionId::Sort => {
            let at = Sort::ALL.iter().position(|one| *one == model.records.sort);
            let at = at.unwrap_or(0);
            model.dialogs.push(Dialog::Sort(SortDialog { at }));
        }
        _ => {}
    }
    Vec::new()
}

fn keys(model: &Model, from: usize, to: usize) -> Vec<RecordKey> {
    (from..to)
        .filter_map(|place| model.record_at(place))
        .map(|record| record.key)
        .collect()
}

fn range(model: &mut Model, now: Now) {
    let Some(anchor) = model.records.anchor.take() else {
        model.records.anchor = model.records.cursor;
        model.toast(
            "range begins here: v again marks to the cursor",
            Tone::Plain,
            now,
        );
        return;
    };
    let all = 0..model.records.order.slots.len();
    let start = all
        .clone()
        .find(|place| model.record_at(*place).is_some_and(|one| one.key == anchor));
    let Some(start) = start else {
        model.toast(
            "the range's first record is not listed any more",
            Tone::Care,
            now,
        );
        return;
    };
    let at = model.records.at;
    let keys = keys(model, start.min(at), start.max(at) + 1);
    model.records.marks.extend(keys);
}

#[derive(Clone, Copy)]
enum Turn {
    On,
    Back,
}

/// The drifts that have a facet: those that occur, and the chosen one.
pub fn facets(model: &Model) -> Vec<(Drift, usize)> {
    Drift::ALL
        .into_iter()
        .filter(|drift| drift.is_listed())
        .map(|drift| {
            let tables = model.state.tables_of(model.link);
            (drift, tables.map(|(_, table)| table.counts.of(drift)).sum())
        })
        .filter(|(drift, n)| *n > 0 || model.records.drift == Some(*drift))
        .collect()
}

fn facet(model: &mut Model, turn: Turn) -> Vec<Effect> {
    let drifts = facets(model).into_iter().map(|(drift, _)| Some(drift));
    let all: Vec<Option<Drift>> = std::iter::once(None).chain(drifts).collect();
    let here = all
        .iter()
        .position(|one| *one == model.records.drift)
        .unwrap_or(0);
    let next = match turn {
        Turn::On => (here + 1) % all.len(),
        Turn::Back => (here + all.len() - 1) % all.len(),
    };
    model.records.drift = all.get(next).copied().flatten();
    model.records.at = 0;
    model.records.top = 0;
    model.records.cursor = None;
    model.records.anchor = None;
    ask(model)
}

/// A key while the filter is typed.
pub fn typed(model: &mut Model, key: Key, now: Now) -> Vec<Effect> {
    match model.keys.action(&[Context::Field], key) {
        Some(ActionId::Accept) => {
            model.records.typing = false;
            return Vec::new();
        }
        Some(ActionId::Cancel) => {
            model.records.typing = false;
            model.records.filter.reset();
            return ask(model);
        }
        Some(ActionId::NextField) => return moved(model, ActionId::Down),
        Some(ActionId::PreviousField) => return moved(model, ActionId::Up),
        _ => {}
    }
    match edit(key) {
        Some(request) => {
            model.records.filter.handle(request);
            filtered(model, now)
        }
        None => Vec::new(),
    }
}

/// The filter is another: the list is asked for anew, and the tickets where they are wanted.
pub fn filtered(model: &mut Model, now: Now) -> Vec<Effect> {
    let mut effects = ask(model);
    effects.extend(super::views::read_when_due(model, now));
    effects
}

/// What a key does in a text field.
pub fn edit(key: Key) -> Option<InputRequest> {
    Some(match (key.code, key.ctrl) {
        (Code::Char(c), false) => InputRequest::InsertChar(c),
        (Code::Char('u'), true) => InputRequest::DeleteLine,
        (Code::Char('w'), true) => InputRequest::DeletePrevWord,
        (Code::Char('a'), true) | (Code::Home, _) => InputRequest::GoToStart,
        (Code::Char('e'), true) | (Code::End, _) => InputRequest::GoToEnd,
        (Code::Backspace, _) => InputRequest::DeletePrevChar,
        (Code::Delete, _) => InputRequest::DeleteNextChar,
        (Code::Left, _) => InputRequest::GoToPrevChar,
        (Code::Right, _) => InputRequest::GoToNextChar,
        _ => return None,
    })
}

/// Remembers how records stand that are about to be acted upon, so that they keep their place.
pub fn keep_places(model: &mut Model, keys: &[RecordKey]) -> Vec<Effect> {
    let wanted: std::collections::HashSet<&RecordKey> = keys.iter().collect();
    let records = model.state.records.iter();
    let places: Vec<(RecordKey, Place)> = records
        .filter(|(_, record)| wanted.contains(&record.key))
        .map(|(_, record)| {
            let place = Place {
                is_flagged: record.flag().is_some(),
                drift: record.drift,
                since: record.since,
            };
            (record.key, place)
        })
        .collect();
    let acted = Arc::make_mut(&mut model.records.acted);
    for (key, place) in places {
        acted.entry(key).or_insert(place);
    }
    ask(model)
}

/// Lets go of the places of records whose outcome has been seen: verified a minute ago, and the cursor elsewhere.
pub fn let_go(model: &mut Model, now: Now) -> Vec<Effect> {
    if model.records.acted.is_empty() {
        return Vec::new();
    }
    let over: BTreeMap<RecordKey, bool> = model
        .state
        .records
        .iter()
        .filter(|(_, record)| model.records.acted.contains_key(&record.key))
        .map(|(_, record)| {
            let ended = record
                .last
                .as_ref()
                .is_some_and(|last| last.stage.is_final() && now.since(last.at) >= KEEPS_PLACE);
            let left = model.records.cursor != Some(record.key);
            (record.key, record.under_way.is_none() && ended && left)
        })
        .collect();
    let stays = |key: &RecordKey| over.get(key).is_some_and(|over| !over);
    if model.records.acted.keys().all(stays) {
        return Vec::new();
    }
    Arc::make_mut(&mut model.records.acted).retain(|key, _| stays(key));
    ask(model)
}
