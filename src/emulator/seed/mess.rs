//! Which rows of the demo are out of step at the start, and how; a few of each kind, the same for the same seed.
//!
//! Only chooses; `demo.rs` makes the rows.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// What became of the copy of a row in Europe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    InSync,
    /// Not carried over yet.
    Missing,
    /// Not carried over yet, but a ticket that named it made a stub.
    Stub,
    /// Changed in the US since it was carried over.
    Stale,
    /// Changed by somebody in Europe.
    Diverged,
    /// There under another id, with the same number.
    Duplicate,
}

/// How many accounts there are of each kind; the rest is in sync.
const ACCOUNTS: [(Part, usize); 5] = [
    (Part::Missing, 7),
    (Part::Stub, 12),
    (Part::Stale, 9),
    (Part::Diverged, 4),
    (Part::Duplicate, 1),
];

/// Of the contacts of accounts that are in sync, each so many-eth has the part.
const CONTACTS: [(Part, usize); 4] = [
    (Part::Missing, 211),
    (Part::Stub, 101),
    (Part::Stale, 173),
    (Part::Diverged, 401),
];

/// The choice.
#[derive(Debug)]
pub(crate) struct Mess {
    accounts: Vec<Part>,
}

impl Mess {
    pub(crate) fn choose(companies: usize, random: &mut StdRng) -> Mess {
        let mut accounts: Vec<Part> = ACCOUNTS
            .iter()
            .flat_map(|(part, count)| std::iter::repeat_n(*part, *count))
            .collect();
        accounts.resize(companies, Part::InSync);
        accounts.shuffle(random);
        Mess { accounts }
    }

    pub(crate) fn account(&self, index: usize) -> Part {
        self.accounts.get(index).copied().unwrap_or(Part::InSync)
    }
}

/// The part of a contact: one whose account did not come over can't have come over either.
pub(crate) fn contact(account: Part, index: usize, number: usize) -> Part {
    match account {
        Part::Missing | Part::Stub | Part::Duplicate => Part::Missing,
        Part::Stale | Part::Diverged => Part::InSync,
        Part::InSync => {
            let due = |(part, every): &&(Part, usize)| {
                // The first contact is its account's primary one, and without it the account would be stale.
                index % every == every / 2
                    && (number > 0 || matches!(part, Part::Stale | Part::Diverged))
            };
            CONTACTS
                .iter()
                .find(due)
                .map_or(Part::InSync, |(part, _)| *part)
        }
    }
}
