//! The durable record of operations, in an embedded database: what was asked for, what is about to be sent, what came
//! of it (rules J1 to J9). It is append-only, and it decides nothing: it only refuses what can't follow.
//!
//! One writer thread per process gathers what is waiting and commits it at once; an append resolves when its entries
//! are on the disk. Once a commit has failed, every later append fails: nothing is written to an instance that could
//! not be written down first.

mod agent;
mod alerts;
mod audit;
mod chain;
mod daily;
mod folder;
mod gates;
mod heads;
mod index;
mod mark;
mod prune;
mod read;
mod record;
mod replay;
mod schema;
mod sessions;
mod store;
#[cfg(test)]
mod tests;
mod weekly;
mod write;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::domain::breaker::Forced;
use crate::domain::note::Note;
use crate::domain::operation::{OperationId, Request};
use crate::domain::row::RowId;
use crate::domain::state_folder::StateFolder;
use crate::domain::table::TableName;

use store::{Append, Job, Writer};

pub use agent::{AgentLock, Holder, NotTheAgent};
pub use alerts::{AlertStore, Undelivered};
pub use audit::{Anchored, Audit, CLOCK_TOLERANCE, Fault, Verified};
pub use chain::{BadHead, Head};
pub use daily::keep_no_longer;
pub use folder::log_file;
pub use gates::KeptGate;
pub use heads::{Anchors, BadAnchors};
pub use index::{
    Change, Checkpoint, Group, Index, InstanceSample, Kept, Line, LinkSample, Listed, Listing,
    Problem, Samples, SidePage,
};
pub use prune::{PruneError, Pruned, prune};
pub use record::{
    Agreement, Choice, Entry, Event, Failed, JournalError, JournalRecord, OpenError, Overwritten,
    Recovered, RecoveredEnd, RecoveredOperation, RecoveredRecord, Refusal, SessionInfo, What,
};

/// How many appends may wait before the next one waits to be taken in.
const QUEUE: usize = 1024;

/// The journal of this process. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    jobs: mpsc::Sender<Job>,
    reader: Arc<Mutex<Connection>>,
    folder: PathBuf,
    fault: Arc<OnceLock<String>>,
}

impl Journal {
    /// Opens the journal in a folder, makes both when they are absent, and says what an earlier process left behind.
    ///
    /// It blocks: call it on a thread that may.
    pub fn open(
        folder: &StateFolder,
        session: &SessionInfo,
    ) -> Result<(Self, Recovered), OpenError> {
        Self::open_with(folder, session, |_| Ok(()))
    }

    fn open_with(
        folder: &StateFolder,
        session: &SessionInfo,
        set_up: fn(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(Self, Recovered), OpenError> {
        folder::prepare(folder)?;
        let exclusive = sessions::exclusive(folder)?;
        let connection = schema::open(folder, session)?;
        let reader = schema::reader(folder)?;
        let id = Uuid::now_v7();
        let sessions = sessions::Sessions::begin(folder, id)?;
        let failed = |error: rusqlite::Error| OpenError::Database {
            file: folder::database(folder),
            why: error.to_string(),
        };
        let alive = |session| sessions.is_alive(session);
        let recovered = read::recover(&reader, session.now.wall, alive).map_err(failed)?;
        write::session(&connection, id, session).map_err(failed)?;
        write::forget_overwritten(&connection, session.now).map_err(failed)?;
        set_up(&connection).map_err(failed)?;
        drop(exclusive);

        let (jobs, inbox) = mpsc::channel(QUEUE);
        let fault = Arc::new(OnceLock::new());
        weekly::check(folder, session.now.wall, &fault)?;
        let writer = Writer {
            connection,
            session: id,
            sessions,
            folder: folder.to_path_buf(),
            fault: Arc::clone(&fault),
            has_written: false,
        };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(inbox))
            .map_err(|source| OpenError::Folder {
                folder: folder.to_path_buf(),
                source,
            })?;
        let reader = Arc::new(Mutex::new(reader));
        let journal = Self {
            jobs,
            reader,
            folder: folder.to_path_buf(),
            fault,
        };
        Ok((journal, recovered))
    }

    /// Remembers entries; resolves once one commit has put all of them on the disk.
    ///
    /// Dropping the future does not take the entries back.
    pub async fn append(&self, entries: Vec<Entry>) -> Result<(), JournalError> {
        let (reply, outcome) = oneshot::channel();
        let handed_over = None;
        let append = Append {
            entries,
            handed_over,
            reply,
        };
        self.ask(Job::Append(append), outcome).await
    }

    /// Remembers an operation that another process, the agent, is to carry out.
    pub async fn hand_over(
        &self,
        entries: Vec<Entry>,
        by: SessionInfo,
    ) -> Result<(), JournalError> {
        let (reply, outcome) = oneshot::channel();
        let append = Append {
            entries,
            handed_over: Some(by),
            reply,
        };
        self.ask(Job::Append(append), outcome).await
    }

    /// Takes over an operation whose process is gone; false while that process, or another heir, lives.
    pub async fn claim(&self, operation: OperationId) -> Result<bool, JournalError> {
        let (reply, outcome) = oneshot::channel();
        self.ask(Job::Claim { operation, reply }, outcome).await
    }

    async fn ask<T>(
        &self,
        job: Job,
        outcome: oneshot::Receiver<Result<T, JournalError>>,
    ) -> Result<T, JournalError> {
        let gone = |fault: Option<String>| fault.map_or(JournalError::Closed, JournalError::Broken);
        let sent = self.jobs.send(job).await;
        sent.map_err(|_| gone(self.fault()))?;
        outcome.await.map_err(|_| gone(self.fault()))?
    }

    /// Events of an operation behind a number, oldest first.
    pub async fn page(
        &self,
        operation: OperationId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<Event>, JournalError> {
        self.read(move |reader| read::page(reader, operation, after_seq, limit))
            .await
    }

    /// For every record of a link that tandem wrote: the version that was read back last.
    pub async fn agreements(&self, link: String) -> Result<Vec<Agreement>, JournalError> {
        self.read(move |reader| read::agreements(reader, &link))
            .await
    }

    /// The records of a link that a person chose to keep as the target has them.
    pub async fn choices(&self, link: String) -> Result<Vec<Choice>, JournalError> {
        self.read(move |reader| read::choices(reader, &link)).await
    }

    /// The records of a link that the target refused for their own sake.
    pub async fn refusals(&self, link: String) -> Result<Vec<Refusal>, JournalError> {
        self.read(move |reader| read::refusals(reader, &link)).await
    }

    /// Which row of the target is which of the source, in a table of a link whose records are told by their keys.
    pub async fn pairs(
        &self,
        link: String,
        table: TableName,
    ) -> Result<Vec<(RowId, RowId)>, JournalError> {
        self.read(move |reader| read::pairs(reader, &link, &table))
            .await
    }

    /// The latest events of a record in all operations on a link, oldest first, with what was asked.
    pub async fn history(
        &self,
        link: String,
        table: TableName,
        id: RowId,
        limit: usize,
    ) -> Result<Vec<(Request, Event)>, JournalError> {
        self.read(move |reader| read::history(reader, &link, &table, id, limit))
            .await
    }

    /// The values of a record that were overwritten in the last 30 days, oldest first.
    pub async fn overwritten(
        &self,
        table: TableName,
        id: RowId,
    ) -> Result<Vec<Overwritten>, JournalError> {
        self.read(move |reader| read::overwritten(reader, &table, id))
            .await
    }

    /// Operations that are not over and whose process is gone; [`Journal::claim`] takes one over.
    pub async fn left_behind(&self) -> Result<Vec<RecoveredOperation>, JournalError> {
        let folder = self.folder.clone();
        let alive = move |session| sessions::lives(&folder, session);
        self.read(move |reader| read::left_behind(reader, alive))
            .await
    }

    /// An operation as the journal knows it now.
    pub async fn operation(
        &self,
        operation: OperationId,
    ) -> Result<Option<RecoveredOperation>, JournalError> {
        self.read(move |reader| read::operation(reader, operation))
            .await
    }

    /// Events of all operations behind a number, in their order, with the operations that they belong to.
    pub async fn tail(
        &self,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<(Request, Vec<Event>)>, JournalError> {
        self.read(move |reader| read::tail(reader, after_seq, limit))
            .await
    }

    /// A number that changes whenever anything is written.
    pub async fn version(&self) -> Result<i64, JournalError> {
        self.version_and(|| ()).await.0
    }

    /// The same, and what else there is to look at where that may block, if only for a moment: a thread is woken once
    /// for both.
    pub async fn version_and<T: Send + 'static>(
        &self,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> (Result<i64, JournalError>, Option<T>) {
        let both = self.read(|reader| {
            let version = reader.pragma_query_value(None, "data_version", |row| row.get(0));
            Ok((version, look()))
        });
        match both.await {
            Ok((version, seen)) => (version.map_err(JournalError::from), Some(seen)),
            Err(error) => (Err(error), None),
        }
    }

    /// The instances that are stopped now, by this or any other process.
    pub async fn forced(
        &self,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Vec<(String, Forced)>, JournalError> {
        self.read(move |reader| read::forced(reader, now)).await
    }

    /// What people put down behind a number and since a moment, oldest first: the latest so many.
    pub async fn notes(
        &self,
        after_seq: u64,
        since: chrono::DateTime<chrono::Utc>,
        limit: usize,
    ) -> Result<Vec<Note>, JournalError> {
        self.read(move |reader| read::notes(reader, after_seq, since, limit))
            .await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let reader = Arc::clone(&self.reader);
        let work = move || work(&reader.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => Ok(outcome?),
            Err(error) => Err(JournalError::Unreadable(error.to_string())),
        }
    }

    /// Why nothing can be appended any more, once that is so.
    pub fn fault(&self) -> Option<String> {
        self.fault.get().cloned()
    }

    /// Waits until everything that was handed in is on the disk, and closes the database.
    pub async fn close(self) {
        let (reply, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(reply)).await.is_ok() {
            // An error means that the thread is gone already, which is what was wanted.
            let _gone = closed.await;
        }
    }
}
