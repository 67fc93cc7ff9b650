//! Which rows are known to exist, for ten minutes: a ticket for a customer that had one lately costs no request.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::row::RowId;
use crate::domain::table::TableName;
use crate::domain::time::Now;

/// How long a row is taken to exist after it was seen (design, "The hook").
const KEPT: Duration = Duration::from_secs(600);
/// More rows than these are not remembered.
const MOST: usize = 100_000;

/// Rows that were seen.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<(TableName, RowId), Now>);

impl Known {
    /// Takes in that a row is there.
    pub(super) fn saw(&mut self, table: &TableName, id: RowId, now: Now) {
        if self.0.len() >= MOST {
            self.0.retain(|_, seen| is_fresh(*seen, now));
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert((table.clone(), id), now);
    }

    /// Whether a row was seen lately.
    pub(super) fn holds(&self, table: &TableName, id: RowId, now: Now) -> bool {
        let seen = self.0.get(&(table.clone(), id));
        seen.is_some_and(|seen| is_fresh(*seen, now))
    }
}

fn is_fresh(seen: Now, now: Now) -> bool {
    now.since(seen) < KEPT
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use chrono::DateTime;
    use uuid::Uuid;

    #[test]
    fn a_row_is_known_for_ten_minutes_and_the_memory_is_bounded() {
        let start = Now {
            mono: Duration::ZERO,
            wall: DateTime::UNIX_EPOCH,
        };
        let table = TableName::new("account").unwrap();
        let id = |n: u128| RowId::new(Uuid::from_u128(n)).unwrap();
        let mut known = Known::default();
        known.saw(&table, id(1), start);
        assert!(known.holds(&table, id(1), start.after(Duration::from_secs(599))));
        assert!(!known.holds(&table, id(1), start.after(Duration::from_secs(600))));
        assert!(!known.holds(&TableName::new("contact").unwrap(), id(1), start));
        for n in 0..=MOST as u128 {
            known.saw(&table, id(n + 2), start.after(Duration::from_secs(1)));
        }
        assert!(known.0.len() <= MOST);
    }
}
