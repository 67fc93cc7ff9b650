//! Reading a record on both sides, and what is to be done about it.

use std::sync::Arc;

use super::{Reading, Repair};
use crate::domain::drift::{Assessment, Drift};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::operation::{RecordKey, Request};
use crate::domain::plan::{Plan, decide};
use crate::engine::event::{Looked, Named};
use crate::engine::link::LinkTable;
use crate::engine::reconcile::{Comparing, Interruption, look_one};
use crate::engine::start::Depth;

impl Repair {
    /// Reads both sides and plans the verb on what was read (reliability S4).
    pub(super) async fn look(&self, key: RecordKey) -> Reading<(Looked, Plan)> {
        let unknown = || Failure::local(FailureClass::Invalid, "no such table on this link");
        let table = self.link.table(key.table).ok_or_else(unknown)?;
        let mut looked = look_one(&self.link, table, &self.ends, key.id).await?;
        let mut plan = self.plan(&looked, table);
        if overwrites_on_a_guess(&looked, &plan) && self.feeds_have_told(table).await? {
            looked = look_one(&self.link, table, &self.ends, key.id).await?;
            plan = self.plan(&looked, table);
        }
        Ok((looked, plan))
    }

    /// Has the feeds of changes tell which side of a record changed, where they are followed: clocks alone would let an
    /// older edit of the target be overwritten by a newer one of the source. While they can't be read, nobody knows.
    pub(super) async fn feeds_have_told(&self, table: &Arc<LinkTable>) -> Reading<bool> {
        let comparing = Comparing {
            link: Arc::clone(&self.link),
            ends: self.ends.clone(),
            depth: Depth::Changes,
            interruption: Interruption::BreaksOff,
            events: self.events.clone(),
        };
        // A comparison that is under way is waited for: it may be a long one.
        tokio::select! {
            told = comparing.follow(table) => told,
            () = self.reins.ended() => Ok(false),
            () = self.shutdown.cancelled() => Ok(false),
        }
    }

    /// Both sides of a record as they were seen by who decided between them, if anybody says so.
    pub(super) fn seen(&self, record: &Named) -> Option<u64> {
        let told = self.told.filter(|_| !record.on_the_way);
        self.seen.get(&record.key).copied().or(told)
    }

    /// What is to be done about a record as it was read.
    pub(super) fn plan(&self, looked: &Looked, table: &LinkTable) -> Plan {
        let assessment = Assessment {
            drift: looked.drift,
            is_guess: looked.is_guess,
            differing: looked.sides.differing.clone(),
        };
        let (source, target) = (looked.sides.source.row(), looked.sides.target.row());
        let Request { verb, choices, .. } = &self.request;
        let plan = decide(*verb, choices, &assessment, source, target, &table.rules);
        let decides = matches!(plan, Plan::Fill { .. } | Plan::Keep);
        let seen = self.seen(&looked.record).filter(|_| decides);
        let stands = source
            .zip(target)
            .map(|(source, target)| table.rules.pair(source, target));
        match seen {
            Some(seen) if stands != Some(seen) => Plan::Refuse(
                "it has changed since that was decided: look at both sides, and decide again",
            ),
            _ => plan,
        }
    }
}

/// Whether a write would rest on nothing but the two clocks.
pub(super) fn overwrites_on_a_guess(looked: &Looked, plan: &Plan) -> bool {
    looked.is_guess && looked.drift == Drift::Stale && matches!(plan, Plan::Fill { .. })
}
