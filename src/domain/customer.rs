//! How much of a ticket's customer there is: the mark in the ticket report. Logic must not rely on the properties of a
//! stub, so every customer says what it is.

use std::fmt;

use super::drift::{CompareRules, Drift, Evidence, Side, classify};

/// How much of a customer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// Both instances have it, and the target's row is more than a stub.
    Whole,
    /// The target's row was made only so that the ticket could name it.
    Stub,
    /// Only the target has it, and it is the target's own.
    Local,
    /// Only the target has it, though it came over the link: its original is gone.
    Orphan,
    /// The source could not be read, so that nobody can say.
    SourceUnreadable,
    /// The target shows no such row to us, although its ticket names it; or the row itself can't be read.
    Unknown,
    /// No ticket names it: what named it was refused.
    Refused,
}

impl Mark {
    /// All marks, the best first.
    pub const ALL: [Self; 7] = [
        Self::Whole,
        Self::Stub,
        Self::Local,
        Self::Orphan,
        Self::SourceUnreadable,
        Self::Unknown,
        Self::Refused,
    ];

    /// The words for it, everywhere the same.
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Stub => "stub",
            Self::Local => "local",
            Self::Orphan => "orphan",
            Self::SourceUnreadable => "source unreadable",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Marks a customer by what both sides show of it, and what is known beside.
pub fn mark(source: &Side, target: &Side, rules: &CompareRules, evidence: Evidence<'_>) -> Mark {
    match (source, target) {
        (Side::Unreadable(_) | Side::Unread, _) => return Mark::SourceUnreadable,
        (_, Side::Unreadable(_) | Side::Unread | Side::Absent | Side::OutOfScope) => {
            return Mark::Unknown;
        }
        (Side::Row(_) | Side::Absent | Side::OutOfScope, Side::Row(_)) => {}
    }
    match classify(source, target, rules, evidence).drift {
        Drift::Stub => Mark::Stub,
        Drift::Local => Mark::Local,
        Drift::Orphan => Mark::Orphan,
        Drift::Unknown => Mark::Unknown,
        Drift::Missing
        | Drift::Stale
        | Drift::Diverged
        | Drift::DeletedInTarget
        | Drift::Kept
        | Drift::Duplicate
        | Drift::InSync => Mark::Whole,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;
    use crate::domain::drift::ComparedColumn;
    use crate::domain::row::{Placeholder, Reference, Row, RowId, Value};
    use crate::domain::table::{ColumnName, ColumnType};

    fn id(number: u128) -> RowId {
        RowId::new(Uuid::from_u128(number)).unwrap_or_else(|| panic!("not nil"))
    }

    fn row(created_by: u128, name: &str, telephone: &str) -> Side {
        let text = |text: &str| match text {
            "" => Value::Null,
            text => Value::Text(text.to_owned()),
        };
        Side::Row(Row {
            id: id(7),
            etag: None,
            modified_on: None,
            modified_by: None,
            created_by: Some(Reference {
                table: None,
                id: id(created_by),
                name: None,
            }),
            created_on: None,
            values: vec![text(name), text(telephone)],
        })
    }

    #[test]
    fn every_customer_has_one_mark() {
        const SYNC: u128 = 1;
        const PERSON: u128 = 2;
        let column = |name: &str, stub| ComparedColumn {
            name: ColumnName::new(name).unwrap_or_else(|error| panic!("{error}")),
            kind: ColumnType::Text { max_length: None },
            stub,
            key: false,
            required: crate::domain::table::Requirement::Nobody,
        };
        let rules = CompareRules {
            columns: vec![column("name", true), column("telephone1", false)],
            placeholder: Placeholder::new("Awaiting sync {key}"),
        };
        let users = HashSet::from([id(SYNC)]);
        let whole = || row(SYNC, "Contoso", "+1 555 0100");
        let unreadable = || Side::Unreadable("HTTP 503".to_owned());
        let evidence = Evidence {
            sync_users: &users,
            came_over_link: false,
            was_in_target: true,
            changed: None,
            agreed: None,
            is_held: false,
            is_altered: false,
            kept: None,
            other_with_key: None,
        };
        for (source, target, expected) in [
            (whole(), whole(), Mark::Whole),
            (whole(), row(PERSON, "Contoso Ltd", "+49 30 1"), Mark::Whole),
            (whole(), row(SYNC, "Contoso", ""), Mark::Stub),
            (whole(), row(PERSON, "Awaiting sync 7", ""), Mark::Stub),
            (row(PERSON, "Contoso", ""), row(SYNC, "", ""), Mark::Whole),
            (Side::Absent, row(PERSON, "Nordlicht", ""), Mark::Local),
            (Side::Absent, row(SYNC, "Gone", ""), Mark::Orphan),
            (unreadable(), whole(), Mark::SourceUnreadable),
            (unreadable(), Side::Absent, Mark::SourceUnreadable),
            (unreadable(), unreadable(), Mark::SourceUnreadable),
            (whole(), Side::Absent, Mark::Unknown),
            (whole(), unreadable(), Mark::Unknown),
            (Side::Absent, Side::Absent, Mark::Unknown),
        ] {
            let marked = mark(&source, &target, &rules, evidence);
            assert_eq!(marked, expected, "{source:?} {target:?}");
        }
    }
}
