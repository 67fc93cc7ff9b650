//! `--plain`: the console as a conversation in lines, for screen readers and for terminals that can only print. What
//! changes is said as it comes; actions are typed by the names that the registry gives them. The model, its update and its
//! guards are those of the full console: only the eyes and the hands are others.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, sleep_until};
use tui_input::InputRequest;

use super::action::{ACTIONS, ActionId, named};
use super::errands::Errands;
use super::keymap::{Code, char, key};
use super::layout::SMALLEST;
use super::message::{Effect, Message, Snapshot};
use super::model::{Dialog, Model, Screen, UNSEEN};
use super::prose;
use super::run::{Options, RunError, errands, first_model, zone};
use super::update::{self, update};
use crate::domain::alert::AlertKey;
use crate::domain::operation::OperationId;
use crate::domain::text::visible;
use crate::engine::{Engine, now};

/// What is said at the beginning.
const HOW: &str = "tandem, plain. Type help for all that can be done, an empty line to hear the view, quit to leave.";

/// Talks until the person quits, the input ends, or a signal comes.
pub async fn run(engine: Engine, options: Options) -> Result<(), RunError> {
    let (errands, mut messages) =
        errands(&engine, Arc::clone(&options.config), options.hook.clone())?;
    let mut states = engine.states.clone();
    let mut talk = Talk {
        model: first_model(&engine, options),
        errands,
        said: 0,
        gist: String::new(),
        alarms: Vec::new(),
        later: None,
        pages: false,
        has_ended: false,
    };
    talk.model.size = SMALLEST;
    let mut typed = lines();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let said = talk.begin(states.borrow_and_update().clone());
    said.map_err(RunError::Terminal)?;
    let mut is_alone = false;
    while !talk.has_ended {
        let told = tokio::select! {
            line = typed.recv() => match line {
                Some(line) => talk.typed(&line),
                None => return Ok(()),
            },
            changed = states.changed(), if !is_alone => {
                is_alone = changed.is_err();
                let message = match changed {
                    Ok(()) => Message::Snapshot(Snapshot(Arc::clone(&states.borrow_and_update()))),
                    Err(_) => Message::EngineGone,
                };
                talk.take(message)
            }
            Some(message) = messages.recv() => talk.take(message),
            () = heard(talk.later.as_ref()) => talk.answer_later(),
            _ = tick.tick() => talk.take(Message::Tick(zone())),
        };
        told.map_err(RunError::Terminal)?;
    }
    Ok(())
}

/// Lines as they are typed; a thread waits for them, which ends with the process.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

struct Talk {
    model: Model,
    errands: Errands,
    /// The number of the last line of the timeline that was said.
    said: u64,
    /// The verdict that was said last.
    gist: String,
    /// The alerts that were said to fire.
    alarms: Vec<AlertKey>,
    /// An answer to the box that was just opened, and when it could have been heard.
    later: Option<(Instant, String)>,
    /// Whether the view is read out once its list is in order.
    pages: bool,
    has_ended: bool,
}

impl Talk {
    fn begin(&mut self, state: Arc<crate::engine::State>) -> io::Result<()> {
        // What happened before is in the timeline, for who asks for it.
        self.said = state
            .timeline
            .iter()
            .map(|entry| entry.seq)
            .max()
            .unwrap_or(0);
        say(&[HOW.to_owned()])?;
        self.take(Message::Snapshot(Snapshot(state)))
    }

    /// Takes a message in, does what it leads to, and says what is new.
    fn take(&mut self, message: Message) -> io::Result<()> {
        let had = self.top();
        let is_found = matches!(message, Message::Found(..));
        let is_read =
            matches!(message, Message::Tickets(..)) && self.model.screen == Screen::Tickets;
        let is_ordered = matches!(message, Message::Ordered(_)) && self.pages;
        self.carry_out(message)?;
        self.news()?;
        // Another box: the one that was armed for, or one that has its answer.
        if self.top().is_some() && (self.top() != had || is_found) {
            self.show_dialog()?;
        }
        if is_read || (is_ordered && self.model.records.asked == self.model.records.order.number) {
            self.pages = false;
            return say(&prose::page(&self.model, now()));
        }
        Ok(())
    }

    /// The box that is open, by its kind.
    fn top(&self) -> Option<std::mem::Discriminant<Dialog>> {
        self.model.dialogs.last().map(std::mem::discriminant)
    }

    fn carry_out(&mut self, message: Message) -> io::Result<()> {
        self.model.next_operation = OperationId::new();
        let effects = update(&mut self.model, message, now());
        self.effects(effects)
    }

    fn effects(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match self.errands.run(effect) {
                Some(Effect::Quit) => self.has_ended = true,
                Some(Effect::Attend(text)) => say(&[text])?,
                // Colours, the mouse and the clipboard are the terminal's own here.
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// Says what is worst, once it is another; what happened; and short messages.
    fn news(&mut self) -> io::Result<()> {
        let at = now();
        let gist = prose::gist(&self.model, at);
        let mut lines = Vec::new();
        if gist != self.gist {
            self.gist = gist;
            lines.extend(prose::verdict(&self.model, at).into_iter().next());
        }
        let alarms = &self.model.state.alarms;
        let fires = alarms.iter().filter(|one| !self.alarms.contains(&one.key));
        lines.extend(
            fires.map(|one| prose::spoken(&format!("alert {}: {}", one.key.rule, one.text))),
        );
        self.alarms = alarms.iter().map(|one| one.key.clone()).collect();
        let new = self
            .model
            .state
            .timeline
            .iter()
            .filter(|entry| entry.seq > self.said && entry.at >= self.model.state.started.wall);
        lines.extend(new.map(|entry| prose::entry(&self.model, entry, at)));
        let newest = self
            .model
            .state
            .timeline
            .iter()
            .map(|entry| entry.seq)
            .max();
        self.said = self.said.max(newest.unwrap_or(0));
        lines.extend(
            self.model
                .toasts
                .drain(..)
                .map(|toast| prose::spoken(&visible(&toast.text))),
        );
        say(&lines)
    }

    fn show_dialog(&self) -> io::Result<()> {
        if let Some(Dialog::Status(text)) = self.model.dialogs.last() {
            let lines: Vec<String> = text
                .lines()
                .map(|line| visible(line).into_owned())
                .collect();
            return say(&lines);
        }
        say(&prose::dialog(&self.model, now()))
    }

    /// What a line means: an answer to the box that is open, or a command.
    fn typed(&mut self, line: &str) -> io::Result<()> {
        let line = line.trim();
        if self.model.dialogs.is_empty() {
            self.command(line)
        } else {
            self.answer(line)
        }
    }

    /// An answer to a box: a word that it knows, else the text of its field, which is taken with Enter.
    fn answer(&mut self, line: &str) -> io::Result<()> {
        let named = match line {
            "" => Some(key(Code::Enter)),
            "cancel" | "esc" | "back" => Some(key(Code::Esc)),
            "next" | "tab" => Some(key(Code::Tab)),
            "up" => Some(key(Code::Up)),
            "down" => Some(key(Code::Down)),
            _ => None,
        };
        let has_field = self
            .model
            .dialogs
            .last_mut()
            .is_some_and(|top| top.field().is_some());
        let mut single = line.chars();
        let letter = match (single.next(), single.next()) {
            (Some(c), None) if !has_field => Some(char(c)),
            _ => None,
        };
        if let Some(pressed) = named.or(letter) {
            self.carry_out(Message::Key(pressed))?;
        } else if has_field {
            if let Some(field) = self.model.dialogs.last_mut().and_then(Dialog::field) {
                field.handle(InputRequest::DeleteLine);
            }
            self.carry_out(Message::Paste(line.to_owned()))?;
            self.carry_out(Message::Key(key(Code::Enter)))?;
        } else {
            say(&["this box takes a letter that it names; cancel leaves it".to_owned()])?;
        }
        self.news()?;
        if self.model.dialogs.is_empty() {
            return say(&["the box is closed".to_owned()]);
        }
        self.show_dialog()
    }

    /// A command: a view, an action by name or by the beginning of it, or a word with what it is about.
    fn command(&mut self, line: &str) -> io::Result<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (word, rest) = (word.trim(), rest.trim());
        match word {
            "" | "show" => say(&prose::page(&self.model, now())),
            "help" => say(&prose::help(&self.model, now())),
            "find" if !rest.is_empty() => {
                self.act(ActionId::Find)?;
                self.answer_when_heard(rest);
                Ok(())
            }
            "note" if !rest.is_empty() => {
                self.act(ActionId::Note)?;
                self.answer_when_heard(rest);
                Ok(())
            }
            "filter" => {
                self.act(ActionId::Filter)?;
                let field = match self.model.screen {
                    Screen::Records => Some(&mut self.model.records.filter),
                    Screen::Timeline => Some(&mut self.model.timeline.filter),
                    _ => None,
                };
                if let Some(field) = field {
                    field.handle(InputRequest::DeleteLine);
                }
                self.carry_out(Message::Paste(rest.to_owned()))?;
                self.carry_out(Message::Key(key(Code::Enter)))?;
                // The list of the records is put in order elsewhere.
                self.pages = self.model.screen == Screen::Records;
                if self.pages {
                    return Ok(());
                }
                say(&prose::page(&self.model, now()))
            }
            _ => match self.meant(word) {
                Ok(action) => {
                    let before = (self.model.screen, self.model.dialogs.len());
                    self.act(action)?;
                    let moves = matches!(
                        action,
                        ActionId::Up | ActionId::Down | ActionId::First | ActionId::Last
                    );
                    if before.1 == self.model.dialogs.len()
                        && (moves || before.0 != self.model.screen)
                    {
                        say(&prose::page(&self.model, now()))?;
                    }
                    Ok(())
                }
                Err(why) => say(&[why]),
            },
        }
    }

    /// A box that was opened with its answer is answered once it could have been heard.
    fn answer_when_heard(&mut self, text: &str) {
        if !self.model.dialogs.is_empty() {
            self.later = Some((Instant::now() + UNSEEN, text.to_owned()));
        }
    }

    fn answer_later(&mut self) -> io::Result<()> {
        match self.later.take() {
            Some((_, text)) if !self.model.dialogs.is_empty() => self.answer(&text),
            _ => Ok(()),
        }
    }

    /// The action of a name, of a key, or of the only name that begins so.
    fn meant(&self, word: &str) -> Result<ActionId, String> {
        if let Some(action) = named(word) {
            return Ok(action.id);
        }
        let pressed = super::keymap::parse(word);
        let here = [
            update::context(self.model.screen),
            super::keymap::Context::Screens,
        ];
        if let Some(action) = pressed.and_then(|pressed| self.model.keys.action(&here, pressed)) {
            return Ok(action);
        }
        let begin: Vec<&str> = ACTIONS
            .iter()
            .filter(|action| action.is_a_command() && action.name.starts_with(word))
            .map(|action| action.name)
            .collect();
        match begin.as_slice() {
            [only] => named(only).map(|action| action.id).ok_or_else(String::new),
            [] => Err(format!(
                "there is no {}: help lists what there is",
                visible(word)
            )),
            several => Err(format!("{} may be {}", visible(word), several.join(", "))),
        }
    }

    fn act(&mut self, action: ActionId) -> io::Result<()> {
        if let Some(why) = update::why_not(&self.model, action, now()) {
            return say(&[prose::spoken(&why)]);
        }
        let had = self.model.dialogs.len();
        self.model.next_operation = OperationId::new();
        let effects = update::act_by_name(&mut self.model, action, now());
        self.effects(effects)?;
        self.news()?;
        if self.model.dialogs.len() > had {
            self.show_dialog()?;
        }
        Ok(())
    }
}

/// Waits until an answer may be given; for ever, where there is none.
async fn heard(later: Option<&(Instant, String)>) {
    match later {
        Some((at, _)) => sleep_until(*at).await,
        None => std::future::pending().await,
    }
}

/// Prints lines at once.
fn say(lines: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
