//! The built-in sync of a link: compare, then carry over everything that is pending. It runs on its schedule where
//! this process is the agent, and at a person's word; one run at a time.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::dataverse::now;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::lag::Schedule;
use crate::domain::time::age;
use crate::engine::command::Target;
use crate::engine::event::Event;
use crate::engine::reconcile::{Comparing, Interruption, Pending};
use crate::engine::repair::{Outcome, Repair};
use crate::engine::start::Depth;
use crate::engine::state::SyncRun;

/// A failed run is tried again after this long at least, however short the grace.
const RETRY_AT_LEAST: Duration = Duration::from_secs(10);

/// Whether fresh differences are left alone, and what is parked with them: the schedule does, a person does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Freshness {
    LeaveInFlight(Duration),
    TakeAll,
}

/// Runs once, and says how it ended.
pub(in crate::engine) async fn run(mut repair: Repair, freshness: Freshness, is_scheduled: bool) {
    let (link, events, request) = (
        Arc::clone(&repair.link),
        repair.events.clone(),
        repair.request.clone(),
    );
    let schedule = link.config.schedule;
    let place = link.place;
    let started = now();
    let comparing = Comparing {
        link: Arc::clone(&link),
        ends: repair.ends.clone(),
        depth: Depth::Changes,
        interruption: Interruption::BreaksOff,
        events: events.clone(),
    };
    let compared = tokio::select! {
        compared = comparing.run() => compared,
        // A comparison has nothing to finish.
        () = repair.shutdown.cancelled() => return,
    };
    let outcome = match compared {
        Ok(mut pending) => {
            pending.retain(|pending| takes(pending, freshness));
            let drifts = pending.iter().map(|pending| (pending.key, pending.drift));
            repair.drifts = drifts.collect();
            let records = pending
                .into_iter()
                .map(|pending| Target::Record(pending.key));
            repair.run(records.collect()).await
        }
        Err(broken) => {
            let end = broken.end.word();
            let cut_short = format!("the {end} can't be read: {}", why(&broken.failure));
            if repair.is_accepted {
                repair.finish(Some(cut_short.clone())).await;
            }
            Outcome {
                cut_short: Some(cut_short),
                ..Outcome::default()
            }
        }
    };
    let at = now();
    let failure = failure(&outcome);
    let next_due = is_scheduled.then(|| next_due(schedule, at.wall, failure.is_some()));
    let run = SyncRun {
        who: request.who,
        started: started.wall,
        took: at.since(started),
        done: outcome.good,
        total: outcome.total,
        failure,
    };
    // The engine outlives its tasks; at the very end nobody looks any more.
    let _ended = events
        .send(Event::SyncEnded {
            link: place,
            run,
            next_due,
        })
        .await;
}

/// Whether a run that leaves alone what is in flight takes a record along.
fn takes(pending: &Pending, freshness: Freshness) -> bool {
    let Freshness::LeaveInFlight(settle) = freshness else {
        return true;
    };
    let wall = now().wall;
    let is_settled = |changed| age(wall, changed) >= settle;
    pending.changed.is_none_or(is_settled) && !pending.is_parked
}

fn failure(outcome: &Outcome) -> Option<String> {
    let left = outcome.total - outcome.good.min(outcome.total);
    outcome
        .cut_short
        .clone()
        .or_else(|| (left > 0).then(|| format!("{left} records could not be done")))
}

/// Why it could not be read, without a countdown that is over when somebody reads it.
fn why(failure: &Failure) -> String {
    match failure.class {
        FailureClass::NotAllowed => "its breaker is open".to_owned(),
        _ => failure.cause(),
    }
}

/// When the next run is due: a cadence after a good one, soon after a failed one.
pub(in crate::engine) fn next_due(
    schedule: Schedule,
    ended: DateTime<Utc>,
    failed: bool,
) -> DateTime<Utc> {
    let wait = if failed {
        schedule.cadence.min(schedule.grace.max(RETRY_AT_LEAST))
    } else {
        schedule.cadence
    };
    chrono::Duration::from_std(wait)
        .ok()
        .and_then(|wait| ended.checked_add_signed(wait))
        .unwrap_or(ended)
}
