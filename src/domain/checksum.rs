//! The checksum of a row's hydrated columns: what a full comparison needs of a row, and all that it keeps of it.
//!
//! It is the sum of a hash for each column, so that the columns may come in any order, as they do in JSON, and nothing of
//! the row has to be kept until the last of them. It is for one comparison only: another seed gives other sums. What is
//! kept is [`CompareRules::digest`].

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use super::drift::CompareRules;
use super::row::{Placeholder, Row, Value};
use super::table::ColumnType;

/// Makes the checksums of one comparison.
#[derive(Clone, Debug)]
pub struct Checksums {
    columns: Vec<ColumnType>,
    placeholder: Placeholder,
    seed: FixedState,
}

impl Checksums {
    /// For rows that are compared by these rules; by an unknown seed, nobody can make two rows that look the same.
    pub fn new(rules: &CompareRules, seed: u64) -> Self {
        Self {
            columns: rules.columns.iter().map(|one| one.kind.clone()).collect(),
            placeholder: rules.placeholder.clone(),
            seed: FixedState::with_seed(seed),
        }
    }

    /// How many values a row has that count.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// What the value in that place adds to its row's sum: equal values add the same. Values behind the hydrated ones add
    /// nothing.
    pub fn part<T: AsRef<str>>(&self, place: usize, value: &Value<T>) -> u64 {
        let Some(kind) = self.columns.get(place) else {
            return 0;
        };
        let mut hasher = self.seed.build_hasher();
        hasher.write_usize(place);
        value.digest(kind, &self.placeholder, &mut hasher);
        hasher.finish()
    }

    /// The checksum of a row.
    pub fn of(&self, row: &Row) -> u64 {
        let parts = row.values.iter().enumerate();
        parts.fold(0, |sum, (place, value)| {
            sum.wrapping_add(self.part(place, value))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::domain::drift::ComparedColumn;
    use crate::domain::table::ColumnName;

    #[test]
    fn a_value_counts_in_its_own_place_only() {
        let text = |name: &str| {
            let kind = ColumnType::Text { max_length: None };
            ComparedColumn::new(ColumnName::new(name).unwrap(), kind)
        };
        let rules = CompareRules {
            columns: vec![text("a"), text("b")],
            ..CompareRules::default()
        };
        let sums = Checksums::new(&rules, 7);
        let part = |place, value: &str| sums.part(place, &Value::Text(value.to_owned()));
        assert_ne!(
            part(0, "x").wrapping_add(part(1, "y")),
            part(0, "y").wrapping_add(part(1, "x"))
        );
        assert_eq!(part(0, ""), sums.part::<String>(0, &Value::Null));
        assert_eq!(part(2, "what only its scope looks at"), 0);
        assert_ne!(
            part(0, "x"),
            Checksums::new(&rules, 8).part(0, &Value::Text("x"))
        );
    }
}
