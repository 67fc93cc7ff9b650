//! What people put down from a command line, and what happened, as the state folder remembers both. No engine has to run
//! for it: whoever runs on the folder takes a note in within a second.

use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::dataverse::now;
use crate::domain::alert::AlertKey;
use crate::domain::note::{LONGEST, LONGEST_NOTE};
use crate::domain::state_folder::StateFolder;
use crate::domain::text::visible;
use crate::journal::{Audit, Entry, Index, Journal, JournalError, OpenError, SessionInfo};

/// How many lines, and how many notes, are looked at: more than 14 days have.
const MOST: usize = 100_000;

/// Why nothing was put down, or nothing can be told.
#[derive(Debug, Error)]
pub enum NoNotes {
    /// The journal can't be opened.
    #[error("{0}")]
    Unusable(#[from] OpenError),
    /// The journal can't be read or written.
    #[error("{0}")]
    Broken(#[from] JournalError),
}

/// Who puts something down.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user of the operating system.
    pub who: String,
    /// The machine's name.
    pub host: String,
}

/// One thing that happened, or that a person put down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: DateTime<Utc>,
    /// The instance that it is about, by name.
    pub instance: Option<String>,
    /// Who put it down; absent for what was seen.
    pub who: Option<String>,
    /// What, made visible.
    pub text: String,
}

/// Puts a note into the timeline.
pub async fn note(state: &StateFolder, person: Person, text: &str) -> Result<(), NoNotes> {
    let entry = Entry::Noted {
        who: person.who.clone(),
        text: cut(text),
        takes: None,
        now: now(),
    };
    append(state, person, vec![entry]).await
}

/// Takes alerts for so long; no time at all gives them back. Says until when.
pub async fn take(
    state: &StateFolder,
    person: Person,
    alerts: Vec<AlertKey>,
    text: &str,
    lasts: Duration,
) -> Result<DateTime<Utc>, NoNotes> {
    let at = now();
    let until = at.after(lasts.min(LONGEST)).wall;
    let entries = alerts.into_iter().map(|alert| Entry::Noted {
        who: person.who.clone(),
        text: cut(text),
        takes: Some((alert, until)),
        now: at,
    });
    let entries = entries.collect();
    append(state, person, entries).await?;
    Ok(until)
}

/// What happened between two moments, oldest first: what was seen, and what people put down. It reads only.
pub async fn happened(
    state: &StateFolder,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Happened>, NoNotes> {
    let folder = state.clone();
    let notes = move || {
        if !Audit::is_there(&folder) {
            return Ok(Vec::new());
        }
        Ok::<_, NoNotes>(Audit::open(&folder)?.notes(since, MOST)?)
    };
    let notes = tokio::task::spawn_blocking(notes).await;
    let notes = notes.map_err(|error| JournalError::Unreadable(error.to_string()))??;
    let index = Index::beside(state);
    let lines = if index.is_there() {
        index.lines(MOST).await?
    } else {
        Vec::new()
    };
    let notes = notes.into_iter().map(|note| Happened {
        at: note.at,
        instance: None,
        who: Some(visible(&note.who).into_owned()),
        text: note.sentence(),
    });
    let lines = lines.into_iter().map(|line| Happened {
        at: line.at,
        instance: line.instance,
        who: None,
        text: line.text,
    });
    let within = |one: &Happened| one.at >= since && one.at <= until;
    let mut all: Vec<Happened> = notes.chain(lines).filter(within).collect();
    all.sort_by_key(|one| one.at);
    Ok(all)
}

/// A text as long as a note may be.
pub(super) fn cut(text: &str) -> String {
    text.trim().chars().take(LONGEST_NOTE).collect()
}

async fn append(state: &StateFolder, person: Person, entries: Vec<Entry>) -> Result<(), NoNotes> {
    let folder = state.clone();
    let session = SessionInfo {
        who: person.who,
        host: person.host,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: now(),
    };
    let open = move || Journal::open(&folder, &session);
    let opened = tokio::task::spawn_blocking(open).await;
    let (journal, _) = opened.map_err(|error| JournalError::Unreadable(error.to_string()))??;
    let appended = journal.append(entries).await;
    journal.close().await;
    Ok(appended?)
}
