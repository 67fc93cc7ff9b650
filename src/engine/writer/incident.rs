//! What the state says of an incident: the alerts that fire, who has taken them, what people put down.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{StateWriter, TIMELINE};
use crate::domain::note::{Note, Taken};
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::run::tone;
use crate::engine::state::{Alarm, Entry, Tone};
use crate::journal::Line;

impl StateWriter {
    /// Takes in which alerts fire, and what was told to those outside.
    pub(super) fn alarmed(&mut self, alarms: Vec<Alarm>, told: Vec<(String, Tone)>, now: Now) {
        for (text, tone) in told {
            self.note(None, text, tone, now);
        }
        self.state_mut().alarms = alarms;
    }

    /// Takes in what people put down.
    pub(in crate::engine) fn noted(&mut self, notes: Vec<Note>) {
        self.history.notes = true;
        self.state_mut().has_history = self.history.lines;
        for note in notes {
            let line = note.sentence();
            let who = visible(&note.who).into_owned();
            self.seq += 1;
            let entry = Arc::new(Entry {
                seq: self.seq,
                at: note.at,
                instance: None,
                text: line,
                tone: Tone::Plain,
                who: Some(who.clone()),
            });
            self.insert(entry);
            if let Some((alert, until)) = note.takes {
                let taken = Taken {
                    who,
                    at: note.at,
                    until,
                    text: visible(&note.text).into_owned(),
                };
                self.state_mut().taken.insert(alert, taken);
            }
        }
    }

    /// Takes in lines that were kept; those that stand there already are left out.
    pub(in crate::engine) fn recall(&mut self, lines: Vec<Line>) {
        self.history.lines = true;
        self.state_mut().has_history = self.history.notes;
        for line in lines {
            if self.is_there(line.at, &line.text) {
                continue;
            }
            let mut instances = self.state.instances.iter();
            let instance = line.instance.as_ref();
            let instance = instance.and_then(|name| instances.position(|one| one.name == *name));
            self.seq += 1;
            let entry = Arc::new(Entry {
                seq: self.seq,
                at: line.at,
                instance,
                text: line.text,
                tone: tone(&line.tone),
                who: None,
            });
            self.insert(entry);
        }
    }

    /// Whether a line of that moment says the same: it came on two ways.
    pub(super) fn is_there(&self, at: DateTime<Utc>, text: &str) -> bool {
        let at = at.timestamp_millis();
        let mut lines = self.state.timeline.iter();
        lines.any(|one| one.at.timestamp_millis() == at && one.text == text)
    }

    /// Adds a line where it belongs by its time.
    fn insert(&mut self, entry: Arc<Entry>) {
        let timeline = &mut self.state_mut().timeline;
        let place = timeline.partition_point(|other| other.at <= entry.at);
        if timeline.len() == TIMELINE {
            if place == 0 {
                return;
            }
            timeline.pop_front();
            timeline.insert(place - 1, entry);
        } else {
            timeline.insert(place, entry);
        }
    }
}
