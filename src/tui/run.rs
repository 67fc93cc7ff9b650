//! The console's loop, the only part that waits: it turns events into messages, carries effects out, and draws when
//! something changed: what the engine says 30 times a second at most, what a person does at once. It decides nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use chrono::{Local, Offset};
use crossterm::event::{
    Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent,
    MouseEventKind,
};
use futures_util::StreamExt;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::errands::{Errands, HookSwitch};

use super::format::Zone;
use super::goal::{Goal, Playing};
use super::keymap::{Code, Key, Keymap};
use super::message::{Effect, Message, Snapshot};
use super::model::Model;
use super::order::{Found, Worker};
use super::terminal::Screen;
use super::theme::Theme;
use super::update::update;
use crate::config::{Config, HookConfig, Safety};
use crate::domain::drift::Drift;
use crate::domain::operation::OperationId;
use crate::domain::operator::Operator;
use crate::engine::{Engine, State, next_second, now};

/// What the console is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// How careful to be.
    pub safety: Safety,
    /// Who sits here: the user of the operating system.
    pub who: String,
    /// What the person may do, by the groups of this host.
    pub operator: Operator,
    /// Which key does what.
    pub keys: Keymap,
    /// The configuration, to ask its instances for any record.
    pub config: Arc<Config>,
    /// Colours; `NO_COLOR` takes them away.
    pub theme: Theme,
    /// Whether only ASCII is drawn.
    pub is_ascii: bool,
    /// What a game day asks for.
    pub goal: Option<Goal>,
    /// Takes the ensure hook out, and puts it back.
    pub hook: HookSwitch,
}

/// Why the console ended before its time.
#[derive(Debug, Error)]
pub enum RunError {
    /// There is nobody to show anything to.
    #[error("the console needs a terminal; `tandem status` works without one")]
    NotATerminal,
    /// The terminal can't be used.
    #[error("use the terminal")]
    Terminal(#[source] io::Error),
    /// The thread that orders lists can't be started.
    #[error("start the thread that orders lists")]
    Worker(#[source] io::Error),
    /// The signals can't be listened to.
    #[error("listen to signals")]
    Signals(#[source] io::Error),
}

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// Shows the console until the person quits, a signal ends it, or the terminal is gone.
pub async fn run(engine: Engine, options: Options) -> Result<(), RunError> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(RunError::NotATerminal);
    }
    let mut screen = Screen::enter().map_err(RunError::Terminal)?;
    let (config, hook) = (Arc::clone(&options.config), options.hook.clone());
    let mut model = first_model(&engine, options);
    model.size = screen.size().map_err(RunError::Terminal)?;
    // The first frame is drawn before anything is waited for: it says what is known, and that is little.
    screen.draw(&model, now()).map_err(RunError::Terminal)?;
    let (errands, messages) = errands(&engine, config, hook)?;
    let signals = Signals::listen().map_err(RunError::Signals)?;
    let mut console = Console {
        errands,
        messages,
        engine,
        screen,
        input: EventStream::new(),
        signals,
    };
    let ended = console.run(&mut model).await;
    console.screen.leave();
    ended.map_err(RunError::Terminal)
}

/// What does the console's errands, and where their answers come from.
pub(super) fn errands(
    engine: &Engine,
    config: Arc<Config>,
    hook: HookSwitch,
) -> Result<(Errands, mpsc::UnboundedReceiver<Message>), RunError> {
    let (answers, messages) = mpsc::unbounded_channel();
    let orders = answers.clone();
    let worker = Worker::start(move |found| {
        let message = match found {
            Found::Order(order) => Message::Ordered(order),
            Found::Related(related) => Message::Related(related),
        };
        orders.send(message).is_ok()
    });
    let errands = Errands {
        config,
        commands: engine.commands.clone(),
        worker: worker.map_err(RunError::Worker)?,
        hook,
        answers,
    };
    Ok((errands, messages))
}

/// The console as it starts, with what it was started with.
pub(super) fn first_model(engine: &Engine, options: Options) -> Model {
    let no_colours = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let theme = if no_colours {
        Theme::Mono
    } else {
        options.theme
    };
    let state = Arc::clone(&engine.states.borrow());
    let mut model = Model::new(state, options.who, options.safety, theme, zone());
    model.operator = options.operator;
    model.keys = Arc::new(options.keys);
    model.playing = options.goal.map(Playing::of);
    model.is_ascii = options.is_ascii || has_only_ascii();
    model.hook_host = options.config.hook.as_ref().and_then(hook_host);
    model.folder = options.config.state.to_path_buf();
    model.way = options.config.way();
    model
}

/// The machine that a hook answers on, by its first name; an address names none.
fn hook_host(hook: &HookConfig) -> Option<String> {
    let url = hook.probe.as_ref().or(hook.url.as_ref())?;
    let first = url.domain()?.split('.').next()?;
    Some(first.to_owned())
}

/// Whether the terminal says of itself that it can only print.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether the terminal has no more than ASCII, as far as its environment tells.
fn has_only_ascii() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    let other = locale.is_some_and(|locale| {
        let locale = locale.to_lowercase();
        locale.contains('.') && !locale.contains("utf-8") && !locale.contains("utf8")
    });
    other || set("TERM").is_some_and(|term| term == "linux" || term == "dumb")
}

/// Where this machine is.
pub(super) fn zone() -> Zone {
    Zone::of(Local::now().offset().fix())
}

/// A digest of what a person should see at once: all that changes in a snapshot but ages, answers and latencies.
fn news(state: &State) -> u64 {
    let mut digest = DefaultHasher::new();
    let seq = |entry: Option<u64>| entry.unwrap_or(0);
    seq(state.timeline.back().map(|one| one.seq)).hash(&mut digest);
    seq(state.notices.back().map(|one| one.seq)).hash(&mut digest);
    (state.timeline.len(), state.alarms.len(), state.taken.len()).hash(&mut digest);
    (state.is_remembered, state.has_history, state.told.is_some()).hash(&mut digest);
    std::mem::discriminant(&state.lock).hash(&mut digest);
    for instance in &state.instances {
        instance.health.word().hash(&mut digest);
        instance.gate.is_some().hash(&mut digest);
        for breaker in &instance.breakers {
            breaker.phase.word().hash(&mut digest);
        }
    }
    for link in &state.links {
        (link.sync.running.is_some(), link.sync.under_way().is_some()).hash(&mut digest);
        (link.fault.is_some(), link.ensuring.is_some()).hash(&mut digest);
    }
    for table in &state.tables {
        Drift::ALL
            .map(|drift| table.counts.of(drift))
            .hash(&mut digest);
        let comparing = table.comparing.map(|one| (one.source, one.target));
        (table.changed_since, comparing).hash(&mut digest);
    }
    for operation in &state.operations {
        let tally = operation.progress;
        (tally.done(), tally.total, operation.records.len()).hash(&mut digest);
        (
            operation.is_finished(),
            operation.waiting.is_some(),
            operation.paused.is_some(),
        )
            .hash(&mut digest);
    }
    for chunk in state.records.chunks() {
        Arc::as_ptr(chunk).addr().hash(&mut digest);
    }
    let answers = [
        state.explained.as_ref().map(|one| Arc::as_ptr(one).addr()),
        state.preview.as_ref().map(|one| Arc::as_ptr(one).addr()),
    ];
    answers.hash(&mut digest);
    digest.finish()
}

/// The signals that end the console, and the one that brings it back.
pub(super) struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
    go_on: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            go_on: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }
}

struct Console {
    errands: Errands,
    messages: mpsc::UnboundedReceiver<Message>,
    engine: Engine,
    screen: Screen,
    input: EventStream,
    signals: Signals,
}

/// What woke the loop.
enum Wake {
    End,
    Message(Message),
    Nothing,
    Draw,
}

/// What to do after an effect.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Quit,
}

impl Console {
    async fn run(&mut self, model: &mut Model) -> io::Result<()> {
        let state = Arc::clone(&self.engine.states.borrow_and_update());
        let first = Message::Snapshot(Snapshot(state));
        if self.take(model, first).await? == Next::Quit {
            return Ok(());
        }
        let mut drawn = Instant::now();
        let mut is_dirty = true;
        // What a person did is drawn at once; what the engine says may wait for its frame.
        let mut is_urgent = false;
        // What was drawn last, but for its ages; these are drawn with the clock, once a second.
        let mut shown = news(&model.state);
        let mut tick = next_second();
        loop {
            let is_new = is_dirty && !is_urgent && news(&model.state) != shown;
            let frame = match (is_dirty, is_urgent) {
                (false, _) => None,
                (true, true) => Some(drawn),
                (true, false) if is_new => Some(drawn + FRAME),
                (true, false) => Some(tick + FRAME),
            };
            let wake = self.wake(frame, tick, model.engine_gone).await;
            match wake {
                Wake::End => return Ok(()),
                Wake::Nothing => {}
                Wake::Draw => {
                    self.screen.draw(model, now())?;
                    drawn = Instant::now();
                    shown = news(&model.state);
                    is_dirty = false;
                    is_urgent = false;
                }
                Wake::Message(message) => {
                    match &message {
                        Message::Tick(_) => {
                            tick = next_second();
                            is_urgent = true;
                        }
                        Message::Snapshot(_) => {}
                        _ => is_urgent = true,
                    }
                    if self.take(model, message).await? == Next::Quit {
                        return Ok(());
                    }
                    is_dirty = true;
                }
            }
        }
    }

    /// Waits for whatever comes first. The order of the arms is their rank: what ends the console, then keys, so that
    /// they are never late behind snapshots; a frame only once all that was ready has been taken in; the clock last.
    async fn wake(&mut self, frame: Option<Instant>, tick: Instant, is_alone: bool) -> Wake {
        let states = &mut self.engine.states;
        let input = &mut self.input;
        tokio::select! {
            biased;
            _ = self.signals.terminate.recv() => Wake::End,
            _ = self.signals.hang_up.recv() => Wake::End,
            _ = self.signals.interrupt.recv() => Wake::End,
            event = input.next() => match event {
                Some(Ok(event)) => message(event).map_or(Wake::Nothing, Wake::Message),
                // The terminal is gone.
                Some(Err(_)) | None => Wake::End,
            },
            changed = states.changed(), if !is_alone => Wake::Message(match changed {
                Ok(()) => Message::Snapshot(Snapshot(Arc::clone(&states.borrow_and_update()))),
                Err(_) => Message::EngineGone,
            }),
            Some(message) = self.messages.recv() => Wake::Message(message),
            () = until(frame) => Wake::Draw,
            () = sleep_until(tick) => Wake::Message(Message::Tick(zone())),
        }
    }

    async fn take(&mut self, model: &mut Model, message: Message) -> io::Result<Next> {
        model.next_operation = OperationId::new();
        for effect in update(model, message, now()) {
            let Some(effect) = self.errands.run(effect) else {
                continue;
            };
            match effect {
                Effect::Copy(text) => self.screen.copy(&text)?,
                Effect::Attend(text) => self.screen.attend(&text)?,
                Effect::Mouse(on) => self.screen.mouse(on)?,
                Effect::Redraw => self.screen.redraw(),
                Effect::Suspend => self.suspend(model).await?,
                Effect::Quit => return Ok(Next::Quit),
                // The errands have taken all others.
                _ => {}
            }
        }
        Ok(Next::GoOn)
    }

    /// Gives the terminal to the shell, stops, and takes it back once the process is continued.
    async fn suspend(&mut self, model: &mut Model) -> io::Result<()> {
        // A stream that is kept would go on reading the keys that are meant for the shell.
        let old = std::mem::replace(&mut self.input, EventStream::new());
        drop(old);
        self.screen.leave();
        // The whole group stops, as the terminal itself would have it: a `cargo run` in front of us, too.
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        // Where nobody could continue us, the system does not stop us either: then no signal comes back.
        let patience = Duration::from_millis(200);
        let continued = tokio::time::timeout(patience, self.signals.go_on.recv()).await;
        drop(continued);
        self.screen.reenter()?;
        self.screen.mouse(model.has_mouse)?;
        let (columns, rows) = self.screen.size()?;
        update(model, Message::Resize(columns, rows), now());
        Ok(())
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What an event of the terminal means; nothing where it means nothing to us.
fn message(event: Event) -> Option<Message> {
    match event {
        Event::Key(event) if event.kind == KeyEventKind::Press => key(event).map(Message::Key),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(columns, rows) => Some(Message::Resize(columns, rows)),
        Event::FocusGained => Some(Message::Focused),
        Event::Mouse(event) => mouse(event),
        Event::FocusLost => Some(Message::Unfocused),
        Event::Key(_) => None,
    }
}

/// The wheel, and the first button; movements are not asked for.
fn mouse(event: MouseEvent) -> Option<Message> {
    match event.kind {
        MouseEventKind::ScrollDown => Some(Message::Wheel { down: true }),
        MouseEventKind::ScrollUp => Some(Message::Wheel { down: false }),
        MouseEventKind::Down(MouseButton::Left) => Some(Message::Click { row: event.row }),
        _ => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    // A key with Alt means nothing here; many terminals send Esc and a key typed fast after it as one.
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let code = match event.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    Some(Key {
        code,
        ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_press_is_a_key() {
        let mut event = KeyEvent::new(KeyCode::Char('y'), KeyModifiers::NONE);
        assert_eq!(
            message(Event::Key(event)),
            Some(Message::Key(super::super::keymap::char('y')))
        );
        for kind in [KeyEventKind::Release, KeyEventKind::Repeat] {
            event.kind = kind;
            assert_eq!(message(Event::Key(event)), None, "{kind:?}");
        }
    }

    #[test]
    fn a_key_with_alt_means_nothing() {
        let event = KeyEvent::new(KeyCode::Char('y'), KeyModifiers::ALT);
        assert_eq!(message(Event::Key(event)), None);
    }

    #[test]
    fn a_paste_stays_a_paste() {
        let event = Event::Paste("y".to_owned());
        assert_eq!(message(event), Some(Message::Paste("y".to_owned())));
    }
}
