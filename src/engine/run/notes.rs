//! What people put down: into the journal first, and from there into the state of every process that looks at it.

use std::sync::Arc;
use std::time::Duration;

use super::Run;
use crate::dataverse::now;
use crate::domain::alert::AlertKey;
use crate::domain::note::LONGEST;
use crate::domain::time::Now;
use crate::engine::event::Event;
use crate::engine::notes::cut;
use crate::engine::state::Tone;
use crate::journal::{Entry, Journal};

/// How often it is looked what others have put down, even if nobody says that the journal has changed.
const LOOK: Duration = Duration::from_secs(30);
/// How far back a process looks at its start.
const REMEMBERED: chrono::Duration = chrono::Duration::days(14);
/// How many of them it remembers.
const MOST: usize = 500;

impl Run {
    /// Puts a note down.
    pub(super) fn put_down(&mut self, who: String, text: &str, at: Now) {
        self.append_notes(vec![Entry::Noted {
            who,
            text: cut(text),
            takes: None,
            now: at,
        }]);
    }

    /// Has a person take alerts for so long; for no time at all they are given back.
    pub(super) fn take_alerts(
        &mut self,
        alerts: Vec<AlertKey>,
        who: &str,
        text: &str,
        lasts: Duration,
        at: Now,
    ) {
        let until = at.after(lasts.min(LONGEST)).wall;
        let entries = alerts.into_iter().map(|alert| Entry::Noted {
            who: who.to_owned(),
            text: cut(text),
            takes: Some((alert, until)),
            now: at,
        });
        self.append_notes(entries.collect());
    }

    fn append_notes(&mut self, entries: Vec<Entry>) {
        let Some(journal) = self.journal.clone() else {
            let why = "not put down: the journal can't be written";
            return self.writer.notice(None, why.to_owned(), Tone::Bad);
        };
        let (events, asked) = (self.events.clone(), Arc::clone(&self.noted));
        self.repairs.spawn(async move {
            match journal.append(entries).await {
                Ok(()) => asked.notify_one(),
                Err(error) => {
                    let text = format!("not put down: {error}");
                    let (operation, tone) = (None, Tone::Bad);
                    let event = Event::Noticed {
                        operation,
                        text,
                        tone,
                    };
                    let _ended = events.send(event).await;
                }
            }
        });
    }

    /// Takes in what was put down, here and elsewhere, for ever.
    pub(super) fn spawn_watch_of_notes(&mut self, journal: Journal) {
        let (events, asked) = (self.events.clone(), Arc::clone(&self.noted));
        self.background.spawn(async move {
            let since = now().wall - REMEMBERED;
            let (mut after, mut is_first) = (0, true);
            loop {
                match journal.notes(after, since, MOST).await {
                    Ok(notes) if is_first || !notes.is_empty() => {
                        is_first = false;
                        after = notes.last().map_or(after, |note| note.seq);
                        let _ended = events.send(Event::Noted(notes)).await;
                    }
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "notes can't be read now"),
                }
                // Who looks each second whether the journal has changed says so.
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = asked.notified() => {}
                }
            }
        });
    }
}
