//! What people put down while something is wrong: notes, and that somebody has taken an alert. Whoever has taken one is
//! known to all who look at the same journal.

use chrono::{DateTime, Utc};

use super::alert::AlertKey;
use super::text::visible;

/// The longest that an alert is taken for at once: a shift.
pub const LONGEST: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// The longest note, in characters; what is longer is cut.
pub const LONGEST_NOTE: usize = 1000;

/// One thing that a person put down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its number in the journal: notes are ordered by it.
    pub seq: u64,
    /// Who.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said; may be empty where an alert is taken.
    pub text: String,
    /// The alert that they took with it, and until when; they gave it back where that is not later than the note.
    pub takes: Option<(AlertKey, DateTime<Utc>)>,
}

impl Note {
    /// What was put down, in words and made visible.
    pub fn sentence(&self) -> String {
        let text = visible(&self.text).into_owned();
        let Some((alert, until)) = &self.takes else {
            return text;
        };
        let alert = visible(&format!("{} {}", alert.rule, alert.subject)).into_owned();
        let what = if *until <= self.at {
            format!("gives {alert} back")
        } else {
            format!("takes {alert} until {} UTC", until.format("%H:%M"))
        };
        if text.is_empty() {
            what
        } else {
            format!("{what}: {text}")
        }
    }
}

/// Who has taken an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Who.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Until when: then it is nobody's again.
    pub until: DateTime<Utc>,
    /// What they said to it.
    pub text: String,
}

impl Taken {
    /// Whether it still holds for an alert that has been firing since then: who took an earlier one has not taken this.
    pub fn holds(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.at >= since && now < self.until
    }
}
