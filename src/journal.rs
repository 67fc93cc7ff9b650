//! The durable record of operations, in an embedded database: what was asked for, what is about to be sent, what came
//! of it (rules J1 to J9). It is append-only, and it decides nothing: it only refuses what can't follow.
//!
//! One writer thread per process gathers what is waiting and commits it at once; an append resolves when its entries
//! are on the disk. Once a commit has failed, every later append fails: nothing is written to an instance that could
//! not be written down first.

mod record;
mod replay;

use std::path::Path;

use crate::domain::operation::OperationId;

pub use record::{
    Agreement, Entry, Event, JournalError, JournalRecord, OpenError, Recovered, RecoveredEnd,
    RecoveredOperation, RecoveredRecord, SessionInfo, What,
};

/// The journal of this process. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {}

impl Journal {
    /// Opens the journal in a folder, makes both when they are absent, and says what an earlier process left behind.
    ///
    /// It blocks: call it on a thread that may.
    pub fn open(_folder: &Path, _session: SessionInfo) -> Result<(Self, Recovered), OpenError> {
        Err(OpenError::Unsafe("not built yet".to_owned()))
    }

    /// Remembers entries; resolves once one commit has put all of them on the disk.
    pub async fn append(&self, _entries: Vec<Entry>) -> Result<(), JournalError> {
        std::future::ready(Err(JournalError::Closed)).await
    }

    /// Events of an operation behind a number, oldest first.
    pub async fn page(
        &self,
        _operation: OperationId,
        _after_seq: u64,
        _limit: usize,
    ) -> Result<Vec<Event>, JournalError> {
        std::future::ready(Err(JournalError::Closed)).await
    }

    /// The latest proof of equality for every record that was verified on a link.
    pub async fn agreements(&self, _link: String) -> Result<Vec<Agreement>, JournalError> {
        std::future::ready(Err(JournalError::Closed)).await
    }

    /// Takes over an operation whose process is gone; false while that process, or another heir, lives.
    pub async fn claim(&self, _operation: OperationId) -> Result<bool, JournalError> {
        std::future::ready(Err(JournalError::Closed)).await
    }

    /// Why nothing can be appended any more, once that is so.
    pub fn fault(&self) -> Option<String> {
        None
    }

    /// Waits until everything that was handed in is on the disk, and closes the database.
    pub async fn close(self) {
        std::future::ready(()).await;
    }
}
