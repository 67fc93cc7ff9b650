//! What happened to a record: what both rows tell of themselves, and what tandem did, as far as it was told.

use chrono::{DateTime, Utc};

use super::Detail;
use crate::domain::drift::Drift;
use crate::domain::row::Row;
use crate::domain::text::visible;
use crate::engine::explain::Story;
use crate::tui::format::{name, place};

/// One thing that happened to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// When.
    pub at: DateTime<Utc>,
    /// The same by the clock of where one sits.
    pub stamp: String,
    /// What.
    pub text: String,
    /// Who, where that is known.
    pub who: Option<String>,
}

impl Past {
    /// In one line.
    pub fn said(&self) -> String {
        match &self.who {
            Some(who) => format!("{} {} by {who}", self.stamp, self.text),
            None => self.said_briefly(),
        }
    }

    /// The same without who.
    pub fn said_briefly(&self) -> String {
        format!("{} {}", self.stamp, self.text)
    }
}

impl Detail<'_> {
    /// What happened to the record, newest first.
    pub fn history(&self) -> Vec<Past> {
        let sides = &self.sides;
        let (here, there) = (place(&self.source.name), name(&self.target.name));
        let mut past = Vec::new();
        past.extend(self.changed(sides.source.row(), &format!("changed in {here}")));
        let in_target = match self.record.drift {
            Drift::Diverged | Drift::Kept => format!("edited in {there}"),
            Drift::Stub => format!("made in {there}"),
            _ => format!("changed in {there}"),
        };
        past.extend(self.changed(sides.target.row(), &in_target));
        let story = self.story();
        let done = story.and_then(|story| story.history.as_deref().ok());
        match (done, &self.record.last) {
            (Some(done), _) => past.extend(done.iter().map(|one| {
                let who = visible(&one.request.who).into_owned();
                let text = format!("{} {}", one.request.verb, one.stage.word());
                self.past(one.at, text, Some(who))
            })),
            (None, Some(last)) => {
                let text = format!("{} {}", last.verb, last.stage.word());
                past.push(self.past(last.at.wall, text, None));
            }
            (None, None) => {}
        }
        past.sort_by_key(|one| std::cmp::Reverse(one.at));
        past
    }

    /// What the engine told of it last.
    fn story(&self) -> Option<&Story> {
        let told = self.model.told.as_ref()?;
        let told = Some(told).filter(|told| told.is_about(self.record.key))?;
        told.answer.story.as_ref().ok()
    }

    fn changed(&self, row: Option<&Row>, what: &str) -> Option<Past> {
        let row = row?;
        let by = row.modified_by.as_ref().and_then(|by| by.name.as_deref());
        let who = by.map(|by| self.model.private(by).into_owned());
        Some(self.past(row.modified_on?, what.to_owned(), who))
    }

    fn past(&self, at: DateTime<Utc>, text: String, who: Option<String>) -> Past {
        let stamp = self.model.zone.stamp(at, self.now.wall);
        Past {
            at,
            stamp,
            text,
            who,
        }
    }
}
