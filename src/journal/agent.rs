//! One agent for each state folder: a file lock that says who holds it. The operating system lets go of it however the
//! process ends.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use thiserror::Error;

use super::folder;
use super::record::OpenError;
use crate::domain::state_folder::StateFolder;
use crate::domain::text::visible;

/// Who looks whether an agent lives holds the lock for a moment: an agent that starts in that moment tries again.
const TRIES: usize = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The process that runs the syncs of a state folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The machine's name: made visible.
    pub host: String,
    /// The user of the operating system: made visible.
    pub who: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "agent pid {} on {}", self.pid, self.host)
    }
}

/// Why a process is not the agent.
#[derive(Debug, Error)]
pub enum NotTheAgent {
    /// Another one is.
    #[error("another agent has this state folder: {}", .0.as_ref().map_or_else(|| "it does not say who it is".to_owned(), said))]
    Held(Option<Holder>),
    /// The folder or the file can't be used.
    #[error("{0}")]
    Unusable(#[from] OpenError),
}

fn said(holder: &Holder) -> String {
    let since = holder
        .since
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    format!(
        "pid {} of {} on {}, since {since}",
        holder.pid, holder.who, holder.host
    )
}

/// The lock, for as long as this process is the agent.
#[derive(Debug)]
pub struct AgentLock {
    file: File,
}

impl AgentLock {
    /// Takes the lock, and writes down who has it.
    ///
    /// It blocks: call it on a thread that may.
    pub fn take(state: &StateFolder, holder: &Holder) -> Result<Self, NotTheAgent> {
        folder::prepare(state)?;
        let path = path(state);
        let file = folder::private_file(&path)?;
        let failed = |source: io::Error| OpenError::Folder {
            folder: path.clone(),
            source,
        };
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    let mut lock = Self { file };
                    lock.sign(holder).map_err(failed)?;
                    return Ok(lock);
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::Error(error)) => return Err(failed(error).into()),
            }
        }
        Err(NotTheAgent::Held(read(&path)))
    }

    /// The agent that lives beside us, if one does.
    ///
    /// It blocks, if only for a moment.
    pub fn holder(state: &Path) -> Option<Holder> {
        let path = path(state);
        // An agent that ended in good order leaves an empty file, which nobody has to try.
        let holder = read(&path)?;
        let file = File::open(&path).ok()?;
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then_some(holder)
    }

    fn sign(&mut self, holder: &Holder) -> io::Result<()> {
        let text = json!({
            "pid": holder.pid,
            "host": holder.host,
            "who": holder.who,
            "since": holder.since.to_rfc3339(),
        });
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.to_string().as_bytes())
    }
}

impl Drop for AgentLock {
    fn drop(&mut self) {
        // What stays would only be looked at more closely: nobody holds the lock any more.
        let _left = self.file.set_len(0);
    }
}

fn path(state: &Path) -> PathBuf {
    state.join("agent.lock")
}

fn read(path: &Path) -> Option<Holder> {
    let text = fs::read_to_string(path).ok()?;
    let said: Value = serde_json::from_str(&text).ok()?;
    let word = |name: &str| Some(visible(said.get(name)?.as_str()?).into_owned());
    Some(Holder {
        pid: u32::try_from(said.get("pid")?.as_u64()?).ok()?,
        host: word("host")?,
        who: word("who")?,
        since: DateTime::parse_from_rfc3339(&word("since")?).ok()?.to_utc(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(pid: u32) -> Holder {
        Holder {
            pid,
            host: "ops1".to_owned(),
            who: "tandem".to_owned(),
            since: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_folder_has_one_agent_and_others_are_told_which() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let state = StateFolder::own(folder.path().join("state"));
        assert_eq!(AgentLock::holder(&state), None, "nobody yet");
        let lock = AgentLock::take(&state, &holder(4711)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(AgentLock::holder(&state), Some(holder(4711)));
        let refused = AgentLock::take(&state, &holder(4712)).map(|_| ());
        let why = refused.map_err(|error| error.to_string());
        let expected = "another agent has this state folder: pid 4711 of tandem on ops1, since 1970-01-01T00:00:00Z";
        assert_eq!(why, Err(expected.to_owned()));
        drop(lock);
        assert_eq!(AgentLock::holder(&state), None);
        assert!(AgentLock::take(&state, &holder(4712)).is_ok());
    }
}
