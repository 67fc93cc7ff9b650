//! What an application user may do: the privileges that its roles hold, and those of a table (contract 7.4). What tandem
//! needs of each side is a matter of the link, and decided elsewhere.

use std::fmt;

use uuid::Uuid;

/// What a privilege of a table lets do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Make rows.
    Create,
    /// Read them.
    Read,
    /// Change them.
    Write,
    /// Delete them.
    Delete,
    /// Let a row name another.
    Append,
    /// Let another row name it.
    AppendTo,
    /// Give it to another owner.
    Assign,
}

impl Access {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Create,
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Append,
        Self::AppendTo,
        Self::Assign,
    ];

    /// The word of the Web API, `PrivilegeType`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Delete => "Delete",
            Self::Append => "Append",
            Self::AppendTo => "AppendTo",
            Self::Assign => "Assign",
        }
    }

    /// The one with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|access| access.word() == word)
    }
}

/// How far a privilege reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The user's own rows.
    User,
    /// Those of the user's business unit.
    BusinessUnit,
    /// Those of the units below it, too.
    ParentChild,
    /// All rows.
    Organization,
}

impl Depth {
    /// By the word of the Web API, `PrivilegeDepth`; one that filters rows reaches no further than a user's own.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "Basic" | "RecordFilter" => Some(Self::User),
            "Local" => Some(Self::BusinessUnit),
            "Deep" => Some(Self::ParentChild),
            "Global" => Some(Self::Organization),
            _ => None,
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::BusinessUnit => "business unit",
            Self::ParentChild => "parent: child business units",
            Self::Organization => "organization",
        })
    }
}

/// A privilege of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privilege {
    /// Its name, `prvReadAccount`.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// What it lets do.
    pub access: Access,
}

/// A privilege that a user holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: Uuid,
    /// How far it reaches.
    pub depth: Depth,
}

/// What is held of one privilege.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It reaches all rows.
    Whole,
    /// It reaches no further than this.
    Short(Depth),
    /// It is not held.
    Missing,
}

/// How far a user gets with a privilege: as far as the furthest of the roles that hold it.
pub fn standing(privilege: &Privilege, held: &[Held]) -> Standing {
    let own = held.iter().filter(|held| held.id == privilege.id);
    match own.map(|held| held.depth).max() {
        Some(Depth::Organization) => Standing::Whole,
        Some(depth) => Standing::Short(depth),
        None => Standing::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_role_counts() {
        let read = Privilege {
            name: "prvReadAccount".to_owned(),
            id: Uuid::from_u128(1),
            access: Access::Read,
        };
        let held = |id, word: &str| Held {
            id: Uuid::from_u128(id),
            depth: Depth::from_word(word).unwrap_or_else(|| panic!("{word}")),
        };
        for (all, stands) in [
            (vec![], Standing::Missing),
            (vec![held(2, "Global")], Standing::Missing),
            (vec![held(1, "Basic")], Standing::Short(Depth::User)),
            (vec![held(1, "Local"), held(1, "Global")], Standing::Whole),
            (vec![held(1, "RecordFilter")], Standing::Short(Depth::User)),
        ] {
            assert_eq!(standing(&read, &all), stands, "{all:?}");
        }
        for access in Access::ALL {
            assert_eq!(Access::from_word(access.word()), Some(access));
        }
    }
}
