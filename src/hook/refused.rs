//! The references that could not be ensured lately: what Dataverse most likely refused since. It is kept in memory alone,
//! so that the hook stays stateless: each hook behind a balancer knows its own, and a new start knows none.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value as Json, json};

use super::ensure::Ensured;
use crate::domain::row::RowId;
use crate::domain::table::TableName;
use crate::domain::text::visible;

/// So many references are remembered; then the one that was asked for longest ago is forgotten.
const MOST: usize = 1000;

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(TableName, RowId), Refusal>>);

#[derive(Debug)]
struct Refusal {
    reason: String,
    count: u64,
    last: DateTime<Utc>,
}

impl Refusals {
    /// Takes in what became of a reference.
    pub(super) fn add(&self, table: &TableName, id: RowId, ensured: &Ensured, at: DateTime<Utc>) {
        if ensured.is_there() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (table.clone(), id);
        if all.len() >= MOST && !all.contains_key(&place) {
            let oldest = all.iter().min_by_key(|(_, refusal)| refusal.last);
            let oldest = oldest.map(|(place, _)| place.clone());
            oldest.map(|oldest| all.remove(&oldest));
        }
        let refusal = all.entry(place).or_insert_with(|| Refusal {
            reason: String::new(),
            count: 0,
            last: at,
        });
        refusal.reason = visible(ensured.reason()).into_owned();
        refusal.count += 1;
        refusal.last = at;
    }

    /// All of them, the latest first.
    pub(super) fn listed(&self) -> Json {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = all.iter().collect();
        all.sort_by(|(a, one), (b, other)| other.last.cmp(&one.last).then_with(|| a.cmp(b)));
        let lines = all.into_iter().map(|((table, id), refusal)| {
            json!({
                "table": table.as_str(),
                "id": id.to_string(),
                "reason": refusal.reason,
                "count": refusal.count,
                "last": refusal.last.to_rfc3339_opts(SecondsFormat::Secs, true),
            })
        });
        json!({ "refused": lines.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_latest_are_remembered_and_what_was_ensured_is_not() {
        let table = TableName::new("account").unwrap();
        let id = |n: u128| RowId::new(Uuid::from_u128(n)).unwrap();
        let at = |n: i64| DateTime::from_timestamp(n, 0).unwrap();
        let refusals = Refusals::default();
        refusals.add(&table, id(1), &Ensured::Existed, at(0));
        for n in 0..1005_u32 {
            let id = id(u128::from(n) + 2);
            refusals.add(&table, id, &Ensured::NotInSource, at(n.into()));
        }
        refusals.add(&table, id(900), &Ensured::Hidden, at(2000));
        let listed = refusals.listed();
        let listed = listed["refused"].as_array().unwrap();
        assert_eq!(listed.len(), MOST);
        assert_eq!(listed[0]["id"], id(900).to_string());
        assert_eq!(
            (&listed[0]["count"], &listed[1]["count"]),
            (&json!(2), &json!(1))
        );
        assert!(listed.iter().all(|line| line["id"] != id(2).to_string()));
    }
}
