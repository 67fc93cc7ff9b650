//! The lines of what changed, kept by whoever keeps the index, and what a restart takes from them.

use super::Run;
use crate::domain::time::Now;
use crate::engine::event::Event;
use crate::engine::state::{Entry, Tone};
use crate::journal::{Index, Line};

/// How many lines a restart remembers.
const REMEMBERED: usize = 500;

impl Run {
    /// Takes in what earlier processes, or the agent beside us, saw.
    pub(super) fn restore_lines(&mut self) {
        let Some(index) = self.index.clone() else {
            return self.writer.recall(Vec::new());
        };
        let events = self.events.clone();
        self.background.spawn(async move {
            let lines = index.lines(REMEMBERED).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "earlier lines can't be read");
                Vec::new()
            });
            // The engine is gone when this fails, and this task with it.
            let _ended = events.send(Event::Recalled(lines)).await;
        });
    }

    /// Keeps what is new. Until it is known what earlier processes kept, nothing is.
    pub(super) fn keep_lines(&mut self, at: Now) {
        let index = self.index.clone().filter(Index::is_keeper);
        let (Some(kept), Some(index)) = (self.kept_lines, index) else {
            return;
        };
        let newest = self.newest_line();
        if newest <= kept {
            return;
        }
        self.kept_lines = Some(newest);
        let state = self.writer.state();
        let new = state.timeline.iter().filter(|entry| entry.seq > kept);
        let new = new.filter(|entry| entry.who.is_none());
        let lines: Vec<Line> = new.map(|entry| line(state, entry)).collect();
        if lines.is_empty() {
            return;
        }
        self.background.spawn(async move {
            if let Err(error) = index.keep_lines(lines, at.wall).await {
                tracing::warn!(%error, "what changed can't be kept");
            }
        });
    }

    /// What was restored is kept already, and logged; what was new before it is not.
    pub(super) fn recalled(&mut self, lines: Vec<Line>, at: Now) {
        if self.kept_lines.is_none() {
            self.kept_lines = Some(0);
            self.keep_lines(at);
        }
        self.publish();
        self.writer.recall(lines);
        self.logged = self.newest_line();
        self.kept_lines = Some(self.logged);
    }

    /// What stands there was told by the agent that kept the index until now, and kept by it.
    pub(super) fn keep_lines_from_here(&mut self) {
        self.kept_lines = self.kept_lines.map(|_| self.newest_line());
    }

    fn newest_line(&self) -> u64 {
        let lines = self.writer.state().timeline.iter();
        lines.map(|entry| entry.seq).max().unwrap_or(0)
    }
}

fn line(state: &crate::engine::State, entry: &Entry) -> Line {
    let instance = entry.instance.and_then(|place| state.instances.get(place));
    Line {
        at: entry.at,
        instance: instance.map(|instance| instance.name.clone()),
        text: entry.text.clone(),
        tone: word(entry.tone).to_owned(),
    }
}

const WORDS: [(Tone, &str); 4] = [
    (Tone::Plain, "plain"),
    (Tone::Good, "good"),
    (Tone::Care, "care"),
    (Tone::Bad, "bad"),
];

fn word(tone: Tone) -> &'static str {
    WORDS
        .iter()
        .find(|(one, _)| *one == tone)
        .map_or("plain", |(_, word)| word)
}

/// A tone by its word.
pub(in crate::engine) fn tone(word: &str) -> Tone {
    WORDS
        .iter()
        .find(|(_, one)| *one == word)
        .map_or(Tone::Plain, |(tone, _)| *tone)
}
