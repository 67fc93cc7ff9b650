//! Which records of a bulk repair come first: the most harmful. What is missing refuses tickets; of what is there, the
//! records that the most open tickets name.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::Repair;
use crate::domain::drift::Drift;
use crate::domain::operation::RecordKey;
use crate::domain::ramp::SMALL;
use crate::domain::row::RowId;
use crate::engine::event::Named;
use crate::engine::impact::Tickets;

/// So many records are asked after before a repair begins, in requests of 500; of more, what is missing comes first all
/// the same.
const MOST: usize = 10_000;

impl Repair {
    /// Puts the most harmful first, where it is known how all of them stand; else the order is that of who named them.
    /// Of few records all are taken up at once.
    pub(super) async fn most_harmful_first(&self, records: &mut [Named]) {
        let is_known = |record: &Named| self.drifts.contains_key(&record.key);
        if records.len() <= SMALL || !records.iter().all(is_known) {
            return;
        }
        let tickets = self.open_tickets(records).await;
        records.sort_by_key(|record| {
            let is_missing = self.drifts.get(&record.key) == Some(&Drift::Missing);
            let count = tickets.get(&record.key).copied().unwrap_or_default();
            (!is_missing, Reverse(count))
        });
    }

    /// How many open tickets name each record, as far as the target tells.
    async fn open_tickets(&self, records: &[Named]) -> HashMap<RecordKey, usize> {
        let target = self.ends.target.reader();
        let is_there = |record: &&Named| self.drifts.get(&record.key) != Some(&Drift::Missing);
        let there: Vec<&Named> = records.iter().filter(is_there).collect();
        let mut counts = HashMap::new();
        if there.is_empty() || there.len() > MOST || self.is_over() {
            return counts;
        }
        let asked = self.link.tickets.get_or_try_init(|| Tickets::of(target));
        let tickets = match asked.await {
            Ok(tickets) => tickets,
            Err(why) => {
                tracing::debug!(why, "which records tickets name can't be told");
                return counts;
            }
        };
        for table in &self.link.tables {
            if !tickets.can_name(&table.name) {
                continue;
            }
            let here = there
                .iter()
                .filter(|record| record.key.table == table.index);
            // Tickets name it by the target's own id.
            let named: HashMap<RowId, RecordKey> = here
                .map(|record| (table.identity.target_id(record.key.id), record.key))
                .collect();
            let ids: Vec<RowId> = named.keys().copied().collect();
            match tickets.open(target, &ids).await {
                Ok(found) => {
                    let found = found.into_iter();
                    counts.extend(found.filter_map(|(id, count)| Some((*named.get(&id)?, count))));
                }
                Err(failure) => {
                    tracing::debug!(%failure, "the open tickets can't be counted");
                    return counts;
                }
            }
        }
        counts
    }
}
