//! What the console has done beside its loop: commands to the engine, searches, files. Keys and frames wait for none of
//! it; what comes of it is a message.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::files;
use super::message::{Effect, FailedRecords, FoundRecords, Message, ReadTickets, Saving};
use super::order::Worker;
use crate::config::Config;
use crate::domain::find::Said;
use crate::domain::operation::OperationId;
use crate::engine::audit::Audit;
use crate::engine::state::Tone;
use crate::engine::{Command, find, report};

/// So many open tickets are read, the newest.
const TICKETS: u64 = 5_000;

/// What comes of switching the hook: why it could not be, else nothing.
type Switched = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// How the ensure hook is taken out and put back: handed in by who knows its registration.
#[derive(Clone)]
pub struct HookSwitch(Arc<dyn Fn(bool) -> Switched + Send + Sync>);

impl HookSwitch {
    /// By a function of whether the target shall call it.
    pub fn new(switch: impl Fn(bool) -> Switched + Send + Sync + 'static) -> Self {
        Self(Arc::new(switch))
    }
}

impl fmt::Debug for HookSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookSwitch")
    }
}

/// Carries out whatever is no matter of the terminal.
#[derive(Debug)]
pub struct Errands {
    /// The configuration, to ask its instances.
    pub config: Arc<Config>,
    /// The way to the engine.
    pub commands: mpsc::Sender<Command>,
    /// Puts records in order.
    pub worker: Worker,
    /// Takes the ensure hook out, and puts it back.
    pub hook: HookSwitch,
    /// Where messages go to.
    pub answers: mpsc::UnboundedSender<Message>,
}

impl Errands {
    /// Does it, or gives it back where only the terminal can.
    pub fn run(&self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Send(command) => {
                if self.commands.try_send(command).is_err() {
                    self.answer(Message::NotTaken);
                }
            }
            Effect::Sort(query, records) => {
                self.worker.ask(query, records);
            }
            Effect::Relate(question, records) => {
                self.worker.relate(question, records);
            }
            Effect::Find(number, said, spared) => self.find(number, said, spared),
            Effect::Tickets(number, link) => self.tickets(number, link),
            Effect::ReadFailed(operation) => self.read_failed(operation),
            Effect::Save(saving) => self.save(saving),
            Effect::SwitchHook { on, who, reason } => self.switch_hook(on, who, &reason),
            terminal => return Some(terminal),
        }
        None
    }

    fn answer(&self, message: Message) {
        // Nobody is left to tell once the console has ended.
        drop(self.answers.send(message));
    }

    /// Asks both instances.
    fn find(&self, number: u64, said: Said, spared: Vec<Option<String>>) {
        let (config, answers) = (Arc::clone(&self.config), self.answers.clone());
        tokio::spawn(async move {
            let found = find::find(&config, &said, &spared).await;
            let found = found
                .map(Arc::new)
                .map_err(|error| format!("{:#}", anyhow::Error::from(error)));
            drop(answers.send(Message::Found(number, FoundRecords(found))));
        });
    }

    /// Reads the open tickets of a link.
    fn tickets(&self, number: u64, link: usize) {
        let (config, answers) = (Arc::clone(&self.config), self.answers.clone());
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let read = runtime.block_on(report::open(&config, link, TICKETS));
            let read = read
                .map(Arc::new)
                .map_err(|error| format!("{:#}", anyhow::Error::from(error)));
            drop(answers.send(Message::Tickets(number, ReadTickets(read))));
        });
    }

    /// Writes files, and says what came of it.
    fn save(&self, saving: Saving) {
        let (answers, group) = (self.answers.clone(), self.config.state.group());
        tokio::task::spawn_blocking(move || {
            let message = match files::write(&saving.folder, &saving.files, group) {
                Ok(()) => saving.then.map(|text| Message::Saved(text, Tone::Good)),
                Err(error) => {
                    let text = format!("not written to {}: {error}", saving.folder.display());
                    Some(Message::Saved(text, Tone::Bad))
                }
            };
            if let Some(message) = message {
                drop(answers.send(message));
            }
        });
    }

    /// Switches the hook, says what came of it, and puts down who did it and why.
    fn switch_hook(&self, on: bool, who: String, reason: &str) {
        let (answers, commands) = (self.answers.clone(), self.commands.clone());
        let text = if on {
            format!("puts the hook back: {reason}")
        } else {
            format!("takes the hook out: {reason}")
        };
        let switched = (self.hook.0)(on);
        tokio::spawn(async move {
            let (said, tone) = match switched.await {
                Ok(()) => {
                    // The engine is gone when this fails, and nobody is left to tell.
                    let _ended = commands.send(Command::Note { who, text }).await;
                    let done = if on {
                        "√ the hook is put back: customers are ensured again"
                    } else {
                        "√ the hook is taken out: tickets pass unensured"
                    };
                    (done.to_owned(), Tone::Good)
                }
                Err(why) => (format!("× the hook is as it was: {why}"), Tone::Bad),
            };
            drop(answers.send(Message::Saved(said, tone)));
        });
    }

    /// Asks the journal what failed of an operation.
    fn read_failed(&self, operation: OperationId) {
        let (state, answers) = (self.config.state.clone(), self.answers.clone());
        tokio::task::spawn_blocking(move || {
            let read = || {
                let audit = Audit::open(&state).map_err(|error| error.to_string())?;
                let failed = audit.failed(operation).map_err(|error| error.to_string())?;
                let failed = failed.ok_or_else(|| "the journal does not know it".to_owned())?;
                Ok(Arc::new(failed))
            };
            let message = Message::Failed(operation, FailedRecords(read()));
            drop(answers.send(message));
        });
    }
}
