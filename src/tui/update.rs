//! What a message changes, and what is to be done about it: a pure function of model, message and time. It waits for
//! nothing, sends nothing and draws nothing.

use std::sync::Arc;

use super::action::{ActionId, Writes};
use super::format;
use super::goal::Turn;
use super::keymap::{Context, Key};
use super::layout::Arrangement;
use super::message::{Effect, FailedRecords, FoundRecords, Message, ReadTickets, Snapshot};
use super::model::{Dialog, Listing, Model, Origin, Screen, SidesView, TOAST, Told, UNSEEN};
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::command::Target;
use crate::engine::state::Tone;
use crate::engine::{Command, State};

mod around;
mod can;
mod columns;
mod comfort;
mod dialog;
mod find;
mod incident;
mod list;
mod operations;
mod verb;
mod views;

pub use can::{can_end, why_not};
pub use dialog::hook_order;
pub use find::key_of;
pub use list::{facets, keep_in_view};

/// Keys that come faster than this many within [`BURST`] were not typed by a hand.
const BURST_KEYS: usize = 8;
const BURST: std::time::Duration = std::time::Duration::from_millis(20);
/// Writes are locked when no key was pressed for this long.
const IDLE: std::time::Duration = std::time::Duration::from_secs(300);
/// Two Ctrl-C within this time quit.
const TWICE: std::time::Duration = std::time::Duration::from_millis(1_500);

/// Takes a message in.
pub fn update(model: &mut Model, message: Message, now: Now) -> Vec<Effect> {
    let may_renew = matches!(message, Message::Tick(_) | Message::Resize(_, _));
    let mut effects = taken(model, message, now);
    effects.extend(around::ask(model, may_renew));
    effects
}

fn taken(model: &mut Model, message: Message, now: Now) -> Vec<Effect> {
    match message {
        Message::Key(key) => pressed(model, key, now),
        Message::Paste(text) => pasted(model, &text, now),
        Message::Resize(columns, rows) => {
            let before = Arrangement::of(model.size);
            model.size = (columns, rows);
            dialog::shown_again(model, before, now);
            list::keep_in_view(model);
            columns::settle(model);
            // A terminal that was smaller for a moment has forgotten what it cut off.
            vec![Effect::Redraw]
        }
        Message::Focused => {
            model.focused = Some(now);
            model.is_away = false;
            Vec::new()
        }
        Message::Unfocused => {
            model.is_away = true;
            Vec::new()
        }
        Message::Saved(text, tone) => {
            model.toast(text, tone, now);
            Vec::new()
        }
        Message::Wheel { down } => comfort::wheel(model, down, now),
        Message::Click { row } => comfort::click(model, row),
        Message::Snapshot(Snapshot(state)) => {
            if let Some(frozen) = &mut model.frozen {
                frozen.newest = Some(state);
                return Vec::new();
            }
            let before = std::mem::replace(&mut model.state, state);
            model.link = model.link.min(model.state.links.len().saturating_sub(1));
            outcomes(model, &before, now);
            notices(model, now);
            told(model, now);
            dialog::after_snapshot(model, now);
            columns::settle(model);
            play(model, now);
            let mut effects = incident::attend(model, &before);
            effects.extend(verb::after_snapshot(model, now));
            effects.extend(operations::after_snapshot(model, now));
            effects.extend(list::after_snapshot(model, now));
            effects
        }
        Message::Found(number, FoundRecords(answer)) => find::found(model, number, answer),
        Message::Tickets(number, ReadTickets(read)) => {
            views::tickets_read(model, number, read, now)
        }
        Message::Failed(operation, FailedRecords(failed)) => {
            operations::failed(model, operation, failed, now)
        }
        Message::Ordered(order) => {
            list::take_order(model, order);
            Vec::new()
        }
        Message::Related(related) => {
            around::found(model, related);
            Vec::new()
        }
        Message::NotTaken => {
            let text = "the engine has too much to do: nothing was asked, try again";
            model.toast(text, Tone::Care, now);
            if let Some(Dialog::Arm(dialog)) = model.dialogs.last_mut() {
                dialog.sent = false;
            }
            Vec::new()
        }
        Message::EngineGone => {
            model.engine_gone = true;
            Vec::new()
        }
        Message::Tick(zone) => {
            model.zone = zone;
            model.toasts.retain(|toast| now.since(toast.since) < TOAST);
            play(model, now);
            let mut effects = list::let_go(model, now);
            effects.extend(lock_when_idle(model, now));
            effects.extend(views::read_when_due(model, now));
            effects
        }
    }
}

/// Looks how far the goal of a game day has come, and says when it turns.
fn play(model: &mut Model, now: Now) {
    let Some(mut playing) = model.playing.take() else {
        return;
    };
    let turn = playing.look(model, now);
    let sentence = playing.goal.sentence();
    let missed = move |how| playing.missed_words(how);
    model.playing = Some(playing);
    let (text, tone) = match turn {
        None => return,
        Some(Turn::Begun) => (format!("GOAL: {sentence}"), Tone::Care),
        Some(Turn::Reached(took)) => (
            format!("√ GOAL REACHED in {}: {sentence}", format::span(took)),
            Tone::Good,
        ),
        Some(Turn::Missed(how)) => (format!("× MISSED: {}", missed(how)), Tone::Bad),
    };
    model.toast(text, tone, now);
}

/// Locks writes when nobody has pressed a key for a while.
fn lock_when_idle(model: &Model, now: Now) -> Option<Effect> {
    let idle = now.mono.saturating_sub(*model.pressed.back()?);
    (model.is_armed(now) && idle >= IDLE).then(|| {
        Effect::Send(Command::Lock {
            who: format!("{}, idle for 5m", model.who),
        })
    })
}

/// Whether the latest keys came too fast for a hand.
fn is_burst(model: &Model, now: Now) -> bool {
    let recent = |at: &&std::time::Duration| now.mono.saturating_sub(**at) <= BURST;
    model.pressed.iter().filter(recent).count() > BURST_KEYS
}

fn pressed(model: &mut Model, key: Key, now: Now) -> Vec<Effect> {
    model.awaiting = None;
    model.retrying = None;
    model.pressed.push_back(now.mono);
    while model.pressed.len() > 2 * BURST_KEYS {
        model.pressed.pop_front();
    }
    if let Some(action) = model.keys.action(&[Context::Always], key) {
        return act(model, action, now);
    }
    if Arrangement::of(model.size) == Arrangement::None {
        return unseen(model, key, now);
    }
    if !model.dialogs.is_empty() {
        return dialog::pressed(model, key, now);
    }
    if model.records.typing && model.screen == Screen::Records {
        return list::typed(model, key, now);
    }
    if model.timeline.typing && model.screen == Screen::Timeline {
        return views::typed(model, key);
    }
    let here = context(model.screen);
    match model.keys.action(&[here, Context::Screens], key) {
        Some(action) => act(model, action, now),
        None => Vec::new(),
    }
}

/// Where nothing can be shown, nothing can be confirmed: only leaving is possible, and not while an operation runs.
fn unseen(model: &Model, key: Key, now: Now) -> Vec<Effect> {
    let quits = model.keys.action(&[Context::Screens], key) == Some(ActionId::Quit);
    let may = model.dialogs.is_empty() && model.running() == 0 && !is_burst(model, now);
    if quits && may {
        vec![Effect::Quit]
    } else {
        Vec::new()
    }
}

/// The context of a view.
pub fn context(screen: Screen) -> Context {
    match screen {
        Screen::Pulse => Context::Pulse,
        Screen::Records => Context::Records,
        Screen::Sides(_) => Context::Sides,
        Screen::Operations => Context::Operations,
        Screen::Runs => Context::Runs,
        Screen::Tickets => Context::Tickets,
        Screen::Timeline => Context::Timeline,
    }
}

fn interrupt(model: &mut Model, now: Now) -> Vec<Effect> {
    let before = model.interrupted.replace(now);
    if before.is_some_and(|before| now.since(before) < TWICE) {
        return vec![Effect::Quit];
    }
    if model.dialogs.pop().is_none() {
        model.records.typing = false;
        model.timeline.typing = false;
        model.toast("Ctrl-C again quits", Tone::Plain, now);
    }
    Vec::new()
}

fn pasted(model: &mut Model, text: &str, now: Now) -> Vec<Effect> {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(4_000)
        .collect();
    if let Some(top) = model.dialogs.last_mut() {
        if let Some(field) = top.field() {
            insert(field, &line);
        }
        return Vec::new();
    }
    if model.records.typing && model.screen == Screen::Records {
        insert(&mut model.records.filter, &line);
        return list::filtered(model, now);
    }
    if model.timeline.typing && model.screen == Screen::Timeline {
        insert(&mut model.timeline.filter, &line);
        return Vec::new();
    }
    model.toast(
        "pasted text is never taken for keys: open a field first",
        Tone::Plain,
        now,
    );
    Vec::new()
}

fn insert(field: &mut tui_input::Input, text: &str) {
    for c in text.chars() {
        field.handle(tui_input::InputRequest::InsertChar(c));
    }
}

/// Says how an operation of this person has ended.
fn outcomes(model: &mut Model, before: &State, now: Now) {
    let state = std::sync::Arc::clone(&model.state);
    let who = model.who.clone();
    let why = format!("; {} shows why", model.key(ActionId::Operations));
    let ended = state.operations.iter().filter(|one| {
        one.request.who == who
            && match before.operation(one.request.id) {
                Some(old) => !old.is_finished(),
                // It was asked for and done between two snapshots; what the journal remembers is older.
                None => one.request.asked >= state.started.wall,
            }
    });
    for operation in ended {
        let Some(finished) = &operation.finished else {
            continue;
        };
        let tally = operation.progress;
        // The run of a job was asked for, and failed: what was done well does not make it good.
        let all_good = tally.good() == tally.total && finished.cut_short.is_none();
        let (glyph, tone, hint) = if all_good {
            ("√", Tone::Good, "")
        } else {
            ("×", Tone::Care, why.as_str())
        };
        let verb = operation.request.verb;
        let text = match &finished.cut_short {
            Some(why) if tally.good() == tally.total => {
                format!("{glyph} {verb}: {}{hint}", visible(why))
            }
            _ => format!(
                "{glyph} {verb}: {} in {}{hint}",
                super::view::result(operation),
                format::took(finished.took)
            ),
        };
        model.toast(text, tone, now);
    }
}

/// Takes in what was told of a record that is not listed.
fn told(model: &mut Model, now: Now) {
    let Some(answer) = &model.state.explained else {
        return;
    };
    let is_known = model
        .told
        .as_ref()
        .is_some_and(|told| Arc::ptr_eq(&told.answer, answer));
    if !is_known {
        model.told = Some(Arc::new(Told::of(Arc::clone(answer), now)));
    }
}

fn notices(model: &mut Model, now: Now) {
    let state = std::sync::Arc::clone(&model.state);
    for notice in &state.notices {
        if notice.seq > model.noticed {
            model.noticed = notice.seq;
            model.toast(notice.text.clone(), notice.tone, now);
        }
    }
}

/// What reaches out of a screen that is held still would act on what may not be true any more.
fn is_held_still(model: &Model, action: ActionId) -> bool {
    let writes = super::action::of(action).is_some_and(|one| one.writes != Writes::Nothing);
    model.frozen.is_some() && writes && action != ActionId::Open
}

/// Keys that no hand typed do nothing that goes beyond the screen: a paste into a terminal that does not mark it as
/// one, keys that were meant for another window.
fn is_too_fast(model: &Model, action: ActionId, now: Now) -> bool {
    let reaches_out = super::action::of(action).is_some_and(|one| one.writes != Writes::Nothing)
        || action == ActionId::Quit;
    let focused = model.focused;
    let just_focused = focused.is_some_and(|focused| now.since(focused) < UNSEEN);
    reaches_out && (is_burst(model, now) || just_focused)
}

/// Does what was asked for by its name, with the same guards as by its key.
pub fn act_by_name(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    model.awaiting = None;
    model.retrying = None;
    model.pressed.push_back(now.mono);
    while model.pressed.len() > 2 * BURST_KEYS {
        model.pressed.pop_front();
    }
    act(model, action, now)
}

fn act(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    if is_too_fast(model, action, now) {
        let text = "keys came faster than a hand types: nothing was done";
        model.toast(text, Tone::Care, now);
        return Vec::new();
    }
    if is_held_still(model, action) {
        let text = format!(
            "the screen is frozen: {} lets it go on first",
            model.key(ActionId::Freeze)
        );
        model.toast(text, Tone::Care, now);
        return Vec::new();
    }
    match go(model, action, now) {
        Some(effects) => effects,
        None => done(model, action, now),
    }
}

/// What an action does that is no going over to a view.
fn done(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    match action {
        ActionId::Rerun | ActionId::CancelRun => views::order(model, action, now),
        ActionId::NextLink => next_link(model, now),
        ActionId::Back => back(model),
        ActionId::Ensure | ActionId::Sync | ActionId::Rehydrate => {
            verb::pressed(model, action, now)
        }
        ActionId::Open => open(model, now),
        ActionId::End => operations::end(model, now),
        ActionId::Pause => operations::pause(model, now),
        ActionId::Retry => operations::retry(model, now),
        ActionId::SwapSide => {
            columns::swap(model);
            Vec::new()
        }
        ActionId::CopyId => copy_id(model, now),
        ActionId::CopyStatus
        | ActionId::Take
        | ActionId::GiveBack
        | ActionId::Note
        | ActionId::HandOver => incident::act(model, action, now),
        ActionId::Find => find::open(model, now),
        ActionId::Freeze | ActionId::Mask | ActionId::Mouse | ActionId::Theme => {
            comfort::act(model, action, now)
        }
        ActionId::Breaker => {
            dialog::open_breaker(model, now);
            Vec::new()
        }
        ActionId::Arm => verb::arm_or_lock(model, now),
        ActionId::Poll => poll(model, now),
        ActionId::Help => dialog::open_commands(model, Listing::Help, now),
        ActionId::Palette => dialog::open_commands(model, Listing::Palette, now),
        // The agent goes on with what it carries out.
        ActionId::Quit if model.running() > 0 && model.state.told.is_none() => {
            model.dialogs.push(Dialog::Quit(now));
            Vec::new()
        }
        ActionId::Quit => vec![Effect::Quit],
        ActionId::Up
        | ActionId::Down
        | ActionId::PageUp
        | ActionId::PageDown
        | ActionId::First
        | ActionId::Last => moved(model, action, now),
        ActionId::Pane => {
            if model.screen == Screen::Pulse {
                model.pane = model.pane.next();
            } else {
                operations::pane(model);
            }
            Vec::new()
        }
        ActionId::NextDrift | ActionId::PreviousDrift if model.screen == Screen::Tickets => {
            views::facet(model, action == ActionId::NextDrift);
            Vec::new()
        }
        ActionId::Filter if model.screen == Screen::Timeline => {
            model.timeline.typing = true;
            Vec::new()
        }
        ActionId::Mark
        | ActionId::MarkAll
        | ActionId::Invert
        | ActionId::Range
        | ActionId::Unmark
        | ActionId::PreviousDrift
        | ActionId::NextDrift
        | ActionId::Filter
        | ActionId::Sort => list::act(model, action, now),
        ActionId::Redraw => vec![Effect::Redraw],
        ActionId::Suspend => vec![Effect::Suspend],
        ActionId::Interrupt => interrupt(model, now),
        ActionId::ProbeNow | ActionId::StopAll | ActionId::Release | ActionId::SwitchHook => {
            dialog::open_breaker(model, now);
            dialog::breaker(model, action, now)
        }
        ActionId::Pulse
        | ActionId::Records
        | ActionId::Operations
        | ActionId::Runs
        | ActionId::Tickets
        | ActionId::Timeline
        | ActionId::Yes
        | ActionId::Accept
        | ActionId::Cancel
        | ActionId::NextField
        | ActionId::PreviousField
        | ActionId::Longer
        | ActionId::Shorter
        | ActionId::TakeIn
        | ActionId::FillBlanks
        | ActionId::TakeSource
        | ActionId::KeepTarget
        | ActionId::ByColumn
        | ActionId::OtherInstance => Vec::new(),
    }
}

/// Goes over to a view, if that is what is asked for.
fn go(model: &mut Model, action: ActionId, now: Now) -> Option<Vec<Effect>> {
    Some(match action {
        ActionId::Pulse => show(model, Screen::Pulse),
        ActionId::Records => show(model, Screen::Records),
        ActionId::Operations => show(model, Screen::Operations),
        ActionId::Runs => views::open_runs(model),
        ActionId::Tickets => views::open_tickets(model, now),
        ActionId::Timeline => show(model, Screen::Timeline),
        _ => return None,
    })
}

fn show(model: &mut Model, screen: Screen) -> Vec<Effect> {
    let is_there = matches!(model.screen, Screen::Records | Screen::Sides(_));
    if screen == Screen::Records && !is_there {
        list::come_to_look(model);
    }
    model.screen = screen;
    columns::settle(model);
    list::keep_in_view(model);
    Vec::new()
}

fn next_link(model: &mut Model, now: Now) -> Vec<Effect> {
    let links = model.state.links.len();
    if links < 2 {
        return Vec::new();
    }
    model.link = (model.link + 1) % links;
    model.records.marks.clear();
    model.records.anchor = None;
    views::forget(model);
    let mut effects = list::ask(model);
    effects.extend(views::read_when_due(model, now));
    effects
}

/// One step back: a range, the filter, the view.
fn back(model: &mut Model) -> Vec<Effect> {
    match model.screen {
        Screen::Pulse => Vec::new(),
        Screen::Sides(_) if model.picking.take().is_some() => Vec::new(),
        Screen::Sides(view) => show(model, view.from.screen()),
        Screen::Records if model.records.anchor.take().is_some() => Vec::new(),
        Screen::Records if !model.records.filter.value().is_empty() => {
            model.records.filter.reset();
            list::ask(model)
        }
        Screen::Timeline if !model.timeline.filter.value().is_empty() => {
            model.timeline.filter.reset();
            Vec::new()
        }
        Screen::Tickets if model.tickets.mark.take().is_some() => Vec::new(),
        Screen::Records
        | Screen::Operations
        | Screen::Runs
        | Screen::Tickets
        | Screen::Timeline => show(model, Screen::Pulse),
    }
}

fn open(model: &mut Model, now: Now) -> Vec<Effect> {
    match model.screen {
        Screen::Records => match model.cursor_record().map(|record| record.key) {
            Some(key) => show_sides(model, key, Origin::Records),
            None => Vec::new(),
        },
        Screen::Operations => operations::open(model, now),
        Screen::Sides(_) => columns::accept(model, now),
        Screen::Runs | Screen::Tickets => views::open(model, now),
        Screen::Pulse | Screen::Timeline => Vec::new(),
    }
}

/// Shows a record on both sides, and has both read anew.
fn show_sides(
    model: &mut Model,
    key: crate::domain::operation::RecordKey,
    from: Origin,
) -> Vec<Effect> {
    model.screen = Screen::Sides(SidesView {
        key,
        scroll: 0,
        from,
    });
    let mut effects = vec![Effect::Send(Command::Inspect(key))];
    if model.record(key).is_none() {
        // It is in step, or its drift is none that is listed: its story has both sides, too.
        effects.push(Effect::Send(Command::Explain(Target::Record(key))));
    }
    effects
}

fn copy_id(model: &mut Model, now: Now) -> Vec<Effect> {
    let key = match model.screen {
        Screen::Sides(view) => Some(view.key),
        _ => model.cursor_record().map(|record| record.key),
    };
    let Some(key) = key else {
        return Vec::new();
    };
    let id = key.id.to_string();
    model.toast(format!("sent to the terminal: {id}"), Tone::Plain, now);
    vec![Effect::Copy(id)]
}

fn poll(model: &mut Model, now: Now) -> Vec<Effect> {
    match model.screen {
        Screen::Tickets => return views::read(model, now),
        Screen::Runs => return vec![Effect::Send(Command::ListRuns)],
        _ => {}
    }
    model.toast("probing both instances and comparing", Tone::Plain, now);
    let probes = (0..model.state.instances.len())
        .map(|instance| Effect::Send(Command::ProbeNow { instance }));
    let mut effects: Vec<Effect> = probes.collect();
    effects.push(Effect::Send(Command::Compare));
    effects
}

fn moved(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    if columns::moved(model, action) {
        return Vec::new();
    }
    match model.screen {
        Screen::Records => return list::moved(model, action),
        Screen::Operations => operations::moved(model, action),
        Screen::Sides(view) => {
            let columns = model
                .state
                .table(view.key.table)
                .map_or(0, |table| table.rules.columns.len());
            let last = columns.saturating_sub(1);
            let scroll = step(view.scroll, action, 10, last);
            model.screen = Screen::Sides(SidesView { scroll, ..view });
        }
        Screen::Runs | Screen::Tickets | Screen::Timeline => views::moved(model, action, now),
        Screen::Pulse => {}
    }
    Vec::new()
}

/// A place after a move, within `0..=last`.
fn step(at: usize, action: ActionId, page: usize, last: usize) -> usize {
    match action {
        ActionId::Up => at.saturating_sub(1),
        ActionId::Down => at + 1,
        ActionId::PageUp => at.saturating_sub(page),
        ActionId::PageDown => at + page,
        ActionId::First => 0,
        ActionId::Last => last,
        _ => at,
    }
    .min(last)
}
