//! Which processes live. Each holds a file lock for as long as it runs, and the operating system lets go of it
//! however the process ends; who takes over a dead one's operations takes its lock.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::folder;
use super::record::OpenError;

/// Where the locks are, in the state folder.
const FOLDER: &str = "sessions";

/// The locks that this process holds.
#[derive(Debug)]
pub struct Sessions {
    folder: PathBuf,
    held: HashMap<Uuid, File>,
}

impl Sessions {
    /// Locks a new session's file, and clears away those of processes that are gone.
    pub fn begin(state: &Path, own: Uuid) -> Result<Self, OpenError> {
        let folder = state.join(FOLDER);
        folder::prepare_inside(&folder)?;
        let mut sessions = Self {
            folder,
            held: HashMap::new(),
        };
        sessions.clear()?;
        sessions.take(own)?;
        Ok(sessions)
    }

    /// Whether a process holds this session's lock now: its own, or an heir's.
    pub fn is_alive(&self, session: Uuid) -> bool {
        if self.held.contains_key(&session) {
            return true;
        }
        is_held(&self.path(session))
    }

    /// Whether this process holds it.
    pub fn is_ours(&self, session: Uuid) -> bool {
        self.held.contains_key(&session)
    }

    /// Takes a session's lock; false when another process has it.
    pub fn take(&mut self, session: Uuid) -> Result<bool, OpenError> {
        if self.is_ours(session) {
            return Ok(true);
        }
        let path = self.path(session);
        let file = folder::private_file(&path)?;
        match file.try_lock() {
            Ok(()) => {
                self.held.insert(session, file);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(OpenError::Folder {
                folder: path,
                source,
            }),
        }
    }

    /// Removes lock files that nobody holds.
    fn clear(&self) -> Result<(), OpenError> {
        let failed = |source| OpenError::Folder {
            folder: self.folder.clone(),
            source,
        };
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let free = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if free && path.extension().is_some_and(|end| end == "lock") {
                fs::remove_file(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn path(&self, session: Uuid) -> PathBuf {
        self.folder.join(format!("{session}.lock"))
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        for session in self.held.keys() {
            // A file that stays is cleared away by whoever opens the journal next.
            let _left = fs::remove_file(self.path(*session));
        }
    }
}

fn is_held(lock: &Path) -> bool {
    File::open(lock).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Whether any process has the journal open now.
pub fn somebody_lives(state: &Path) -> bool {
    let locks = fs::read_dir(state.join("sessions"));
    locks.is_ok_and(|locks| locks.flatten().any(|lock| is_held(&lock.path())))
}

/// Whether a session's process, or its heir, lives.
pub fn lives(state: &Path, session: Uuid) -> bool {
    is_held(&state.join("sessions").join(format!("{session}.lock")))
}

/// Holds everybody else back from opening or claiming, until the file is dropped.
pub fn exclusive(state: &Path) -> Result<File, OpenError> {
    let path = state.join("journal.lock");
    let file = folder::private_file(&path)?;
    file.lock().map_err(|source| OpenError::Folder {
        folder: path,
        source,
    })?;
    Ok(file)
}
