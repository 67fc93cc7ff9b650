//! A link and the runs of its sync as they can be seen.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::impact::Ensuring;
use crate::domain::lag::{Runs, Schedule};
use crate::domain::operation::OperationId;
use crate::domain::run::{self, Backend, PlatformRun};
use crate::domain::time::Now;

/// One link.
#[derive(Clone, Debug)]
pub struct LinkState {
    /// Its name.
    pub name: String,
    /// The source's place among the instances.
    pub source: usize,
    /// The target's place among the instances.
    pub target: usize,
    /// When its sync is due.
    pub schedule: Schedule,
    /// Its sync.
    pub sync: SyncState,
    /// Its lag of the last day, oldest first, as it was looked at now and then; what was before this process is from the
    /// index.
    pub lags: Arc<Vec<(DateTime<Utc>, Duration)>>,
    /// Who ensures the customers of the target's tickets; absent while that is not known.
    pub ensuring: Option<Ensuring>,
    /// Why its tables can't be compared or repaired at all: a configuration that does not fit the instances.
    pub fault: Option<String>,
    /// What a person should know of its configuration.
    pub warnings: Vec<String>,
}

/// The sync of a link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SyncState {
    /// What runs it.
    pub backend: Backend,
    /// Whether this process runs it on its schedule.
    pub is_scheduled: bool,
    /// The operation of ours that is a run, or follows one.
    pub running: Option<OperationId>,
    /// The latest runs, as the job's platform lists them; newest first.
    pub list: Option<RunList>,
    /// Why they can't be listed now.
    pub unlisted: Option<String>,
    /// When a run last ended without a failure.
    pub last_success: Option<DateTime<Utc>>,
    /// When that run began: what had changed by then, it should have brought over.
    pub last_success_began: Option<DateTime<Utc>>,
    /// The latest run that ended.
    pub last_run: Option<SyncRun>,
    /// When the next one is due; known only where this process, or a success, tells.
    pub next_due: Option<DateTime<Utc>>,
    /// How the latest runs ended.
    pub runs: Runs,
}

impl SyncState {
    /// The run that the platform has under way.
    pub fn under_way(&self) -> Option<&PlatformRun> {
        let mut runs = self.list.iter().flat_map(|list| list.runs.iter());
        runs.find(|run| run.status.is_under_way())
    }

    /// Whether a run is under way, whoever carries it out.
    pub fn is_running(&self) -> bool {
        self.running.is_some() || self.under_way().is_some()
    }

    /// How the latest runs ended, as far as anything tells: of a platform's runs those count that ended within the
    /// time in which one should have.
    pub(super) fn ends(&self, schedule: Schedule, now: DateTime<Utc>) -> Runs {
        let hidden = self.backend.why_unlisted().is_some() || self.unlisted.is_some();
        let Some(list) = &self.list else {
            let unseen = self.backend != Backend::BuiltIn;
            return Runs {
                hidden: hidden || unseen,
                ..self.runs
            };
        };
        let within = chrono::Duration::from_std(schedule.cadence + schedule.grace);
        let since = within
            .ok()
            .and_then(|within| now.checked_sub_signed(within));
        Runs {
            hidden,
            ..run::ends(&list.runs, since.unwrap_or(DateTime::<Utc>::MIN_UTC))
        }
    }
}

/// The runs of a job, as they were last listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunList {
    /// Newest first.
    pub runs: Arc<[PlatformRun]>,
    /// When.
    pub at: Now,
}

/// One run of a sync that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRun {
    /// Who started it.
    pub who: String,
    /// When.
    pub started: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// Records that are as they should be now.
    pub done: usize,
    /// Records that it set out to do.
    pub total: usize,
    /// Why it broke off or what failed, if anything.
    pub failure: Option<String>,
}
