//! The one thread that writes. It takes what is waiting, commits it at once, and only then answers; after a failed
//! commit it writes nothing more (J5).

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::heads;
use super::read;
use super::record::{Entry, JournalError, SessionInfo};
use super::sessions::{self, Sessions};
use super::write::{self, Refusal, Scribe};
use crate::domain::operation::OperationId;

/// How many entries one commit takes at most.
const MOST_ENTRIES: usize = 4096;

/// What the thread is asked to do.
#[derive(Debug)]
pub enum Job {
    /// Make entries durable.
    Append(Append),
    /// Take over an operation.
    Claim {
        /// The operation.
        operation: OperationId,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<bool, JournalError>>,
    },
    /// Stop, once everything before is done.
    Close(oneshot::Sender<()>),
}

/// Entries, and where the answer goes.
#[derive(Debug)]
pub struct Append {
    /// They become durable together.
    pub entries: Vec<Entry>,
    /// Set where another process is to carry them out: who hands them over. They then belong to a session of no process.
    pub handed_over: Option<SessionInfo>,
    /// Where the answer goes. Nobody may be there any more: the entries count all the same.
    pub reply: oneshot::Sender<Result<(), JournalError>>,
}

/// The writer: its connection, and what it must remember.
pub struct Writer {
    /// The connection that nothing else uses.
    pub connection: Connection,
    /// This process's session.
    pub session: Uuid,
    /// The locks of the sessions that are ours.
    pub sessions: Sessions,
    /// The state folder.
    pub folder: PathBuf,
    /// Set once, when a write has failed.
    pub fault: Arc<OnceLock<String>>,
    /// Whether anything was appended by this process.
    pub has_written: bool,
}

impl Writer {
    /// Serves until everybody has let go of the journal or it is closed.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut next = jobs.blocking_recv();
        while let Some(job) = next.take() {
            match job {
                Job::Append(first) => {
                    let (batch, other) = gather(first, &mut jobs);
                    self.commit(batch);
                    next = other.or_else(|| jobs.blocking_recv());
                }
                Job::Claim { operation, reply } => {
                    answer(reply, self.claim(operation));
                    next = jobs.blocking_recv();
                }
                Job::Close(reply) => {
                    self.leave();
                    drop(self);
                    answer(reply, ());
                    return;
                }
            }
        }
        self.leave();
    }

    /// Exports the head of the chain, so that a journal that is cut or put back later can be told (J4).
    fn leave(&self) {
        if !self.has_written || self.fault.get().is_some() {
            return;
        }
        let exported = heads::export(&self.folder, &self.connection);
        if let Err(why) = exported {
            tracing::warn!(%why, "the journal's head could not be exported");
        }
    }

    /// Makes a batch durable in one commit, and tells everybody how that went.
    fn commit(&mut self, batch: Vec<Append>) {
        let outcomes = match self.fault.get() {
            Some(fault) => Err(JournalError::Broken(fault.clone())),
            None => self.try_commit(&batch).map_err(|refusal| match refusal {
                Refusal::Busy => JournalError::Busy,
                Refusal::Illegal(why) | Refusal::Broken(why) => {
                    JournalError::Broken(self.fault.get_or_init(|| why).clone())
                }
            }),
        };
        match outcomes {
            Ok(outcomes) => {
                self.has_written = true;
                for (append, outcome) in batch.into_iter().zip(outcomes) {
                    answer(append.reply, outcome);
                }
            }
            Err(error) => {
                for append in batch {
                    answer(append.reply, Err(error.clone()));
                }
            }
        }
    }

    /// One transaction for all; again with each apart, where one of them does not fit.
    fn try_commit(&mut self, batch: &[Append]) -> Result<Vec<Result<(), JournalError>>, Refusal> {
        match self.try_together(batch) {
            Ok(()) => Ok(batch.iter().map(|_| Ok(())).collect()),
            Err(Refusal::Illegal(_)) => self.try_apart(batch),
            Err(refusal) => Err(refusal),
        }
    }

    fn try_together(&mut self, batch: &[Append]) -> Result<(), Refusal> {
        let immediate = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(immediate)?;
        for append in batch {
            write_append(&transaction, self.session, append)?;
        }
        Ok(transaction.commit()?)
    }

    /// An append that does not fit is undone alone, and spoils none of the others.
    fn try_apart(&mut self, batch: &[Append]) -> Result<Vec<Result<(), JournalError>>, Refusal> {
        let immediate = TransactionBehavior::Immediate;
        let mut transaction = self.connection.transaction_with_behavior(immediate)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for append in batch {
            let savepoint = transaction.savepoint()?;
            match write_append(&savepoint, self.session, append) {
                Ok(()) => {
                    savepoint.commit()?;
                    outcomes.push(Ok(()));
                }
                Err(Refusal::Illegal(why)) => {
                    savepoint.finish()?;
                    outcomes.push(Err(JournalError::Illegal(why)));
                }
                Err(refusal) => return Err(refusal),
            }
        }
        transaction.commit()?;
        Ok(outcomes)
    }

    fn claim(&mut self, operation: OperationId) -> Result<bool, JournalError> {
        let unreadable = |why: String| JournalError::Unreadable(why);
        let session = read::session_of(&self.connection, operation)
            .map_err(|error| unreadable(error.to_string()))?
            .ok_or_else(|| unreadable(format!("there is no operation {operation}")))?;
        let _exclusive =
            sessions::exclusive(&self.folder).map_err(|error| unreadable(error.to_string()))?;
        self.sessions
            .take(session)
            .map_err(|error| unreadable(error.to_string()))
    }
}

/// Writes the entries of an append in its session's name.
fn write_append(connection: &Connection, own: Uuid, append: &Append) -> Result<(), Refusal> {
    let session = match &append.handed_over {
        Some(by) => write::session_of_nobody(connection, by)?,
        None => own,
    };
    let mut scribe = Scribe::new(connection, session);
    append
        .entries
        .iter()
        .try_for_each(|entry| scribe.entry(entry))
}

/// Everything that waits behind the first, up to a limit; and the job that is no append, if one came up.
fn gather(first: Append, jobs: &mut mpsc::Receiver<Job>) -> (Vec<Append>, Option<Job>) {
    let mut entries = first.entries.len();
    let mut batch = vec![first];
    while entries < MOST_ENTRIES {
        match jobs.try_recv() {
            Ok(Job::Append(append)) => {
                entries += append.entries.len();
                batch.push(append);
            }
            Ok(other) => return (batch, Some(other)),
            Err(_) => break,
        }
    }
    (batch, None)
}

fn answer<T>(reply: oneshot::Sender<T>, outcome: T) {
    // Who asked may have been cancelled meanwhile; what was written stays written.
    let _unheard = reply.send(outcome);
}
