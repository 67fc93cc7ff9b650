//! Whom a record that is out of step is in the way of: the tickets (design, "Words", impact).

use std::cmp::Reverse;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::hook::Answer;

/// The most tickets that are counted for one record.
pub const MOST: usize = 5000;

/// Who ensures a ticket's customer before the ticket is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ensuring {
    /// The tables whose rows a ticket can name, by name.
    pub tables: Vec<String>,
    /// Whether a step of the target says of itself that it does.
    pub plug_in: bool,
    /// Whether tandem's own hook is called for it, and is configured to.
    pub hook: bool,
}

impl Ensuring {
    /// Whether a ticket for a customer that is missing is accepted; `None` where the hook has not been asked yet.
    pub fn accepts(&self, hook: Option<&Answer>) -> Option<bool> {
        match (self.plug_in, self.hook, hook) {
            (true, _, _) => Some(true),
            (false, false, _) => Some(false),
            // It is called, and can't be asked from here: its step is taken at its word.
            (false, true, None | Some(Answer::Well)) => Some(true),
            (false, true, Some(Answer::NotReady(_) | Answer::Silent(_))) => Some(false),
            (false, true, Some(Answer::NotAsked)) => None,
        }
    }
}

/// What a record's drift means for tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Impact {
    /// It is missing, and a ticket that names it is refused.
    Refused,
    /// It is missing, and a step of the target makes a stub of it when a ticket names it.
    AcceptedAsAStub,
    /// So many open tickets name it; [`MOST`] means that or more.
    OpenTickets(usize),
    /// It could not be found out, and why.
    NotKnown(String),
}

impl Impact {
    /// The most harmful first.
    pub fn harm(&self) -> impl Ord + use<> {
        match self {
            Self::Refused => (0, Reverse(0)),
            Self::AcceptedAsAStub => (1, Reverse(0)),
            Self::OpenTickets(count) => (2, Reverse(*count)),
            Self::NotKnown(_) => (3, Reverse(0)),
        }
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::AcceptedAsAStub => f.write_str("accepted as a stub"),
            Self::OpenTickets(1) => f.write_str("1 open ticket"),
            Self::OpenTickets(count) if *count >= MOST => write!(f, "{MOST}+ open tickets"),
            Self::OpenTickets(count) => write!(f, "{count} open tickets"),
            Self::NotKnown(why) => write!(f, "not known: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_harmful_come_first_and_are_said_as_the_design_words_them() {
        let mut impacts = [
            Impact::NotKnown("HTTP 403".to_owned()),
            Impact::OpenTickets(0),
            Impact::OpenTickets(1),
            Impact::AcceptedAsAStub,
            Impact::OpenTickets(4999),
            Impact::Refused,
            Impact::OpenTickets(5000),
        ];
        impacts.sort_by_key(Impact::harm);
        let words: Vec<String> = impacts.iter().map(Impact::to_string).collect();
        let expected = [
            "refused",
            "accepted as a stub",
            "5000+ open tickets",
            "4999 open tickets",
            "1 open ticket",
            "0 open tickets",
            "not known: HTTP 403",
        ];
        assert_eq!(words, expected);
    }
}
