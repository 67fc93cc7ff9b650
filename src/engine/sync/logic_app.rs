//! A Logic App (contract 11.1): its runs with why the newest failed, its trigger run now, a run resubmitted or cancelled.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{MOST_RUNS, RUNS, odd_name, skew, words};
use crate::dataverse::Management;
use crate::domain::failure::Failure;
use crate::domain::run::{PlatformRun, RunId, RunStatus};

/// Of so many failed runs it is asked which action failed; the list itself only says that one did.
const EXPLAINED: usize = 3;

#[derive(Debug)]
pub(super) struct LogicApp {
    client: Management,
    path: String,
    version: &'static str,
    trigger: String,
    /// Why runs failed, which never changes once they are over.
    reasons: Mutex<HashMap<RunId, String>>,
}

#[derive(Deserialize)]
struct RunBody {
    name: String,
    properties: RunProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunProperties {
    status: String,
    start_time: Option<DateTime<Utc>>,
    end_time: Option<DateTime<Utc>>,
    code: Option<String>,
    error: Option<ErrorBody>,
    correlation: Option<Correlation>,
    trigger: Option<TriggerBody>,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Correlation {
    client_tracking_id: Option<String>,
}

#[derive(Deserialize)]
struct TriggerBody {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct ActionBody {
    name: String,
    properties: ActionProperties,
}

#[derive(Deserialize)]
struct ActionProperties {
    status: String,
    error: Option<ErrorBody>,
}

impl LogicApp {
    pub(super) fn new(
        client: Management,
        path: String,
        version: &'static str,
        trigger: String,
    ) -> Self {
        Self {
            client,
            path,
            version,
            trigger,
            reasons: Mutex::default(),
        }
    }

    fn at(&self, rest: &str) -> String {
        let and = if rest.contains('?') { '&' } else { '?' };
        format!("{}{rest}{and}api-version={}", self.path, self.version)
    }

    pub(super) async fn list(&self) -> Result<Vec<PlatformRun>, Failure> {
        let enough = |runs: &[RunBody]| {
            runs.len() >= MOST_RUNS || runs.iter().any(|run| run.properties.status == "Succeeded")
        };
        let path = self.at(&format!("/runs?$top={RUNS}"));
        let listed = self.client.list::<RunBody>(&path, enough).await?;
        let skew = skew(listed.date);
        let runs = listed.value.into_iter().map(|run| read(run, skew));
        let mut runs = runs.collect::<Result<Vec<_>, _>>()?;
        let failed = runs.iter_mut().filter(|run| run.status.is_failure());
        for run in failed.take(EXPLAINED) {
            self.explain(run).await;
        }
        Ok(runs)
    }

    /// Says which action failed and why; where that can't be read, the run's own words stay.
    async fn explain(&self, run: &mut PlatformRun) {
        let known = self.reasons().get(&run.id).cloned();
        if known.is_some() {
            run.error = known;
            return;
        }
        let path = self.at(&format!("/runs/{}/actions", run.id));
        let Ok(actions) = self.client.list::<ActionBody>(&path, |_| true).await else {
            return;
        };
        let failed = actions.value.into_iter().find_map(|action| {
            let failed = RunStatus::from_word(&action.properties.status).is_failure();
            let error = action.properties.error.filter(|_| failed)?;
            Some(words(&format!("{}: {}", action.name, error.message)))
        });
        if let Some(reason) = failed {
            self.reasons().insert(run.id.clone(), reason.clone());
            run.error = Some(reason);
        }
    }

    fn reasons(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, String>> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn start(&self, tracking: &str) -> Result<Option<RunId>, Failure> {
        let path = self.at(&format!("/triggers/{}/run", self.trigger));
        let ordered = self.client.order(&path, Some(tracking), None).await?;
        Ok(ordered.run.as_deref().and_then(RunId::new))
    }

    /// A run is resubmitted by the history of the trigger that fired it, whose name is the run's (contract 11.1).
    pub(super) async fn resubmit(&self, run: &RunId) -> Result<Option<RunId>, Failure> {
        let fired: RunBody = self.client.read(&self.at(&format!("/runs/{run}"))).await?;
        let trigger = fired.properties.trigger.map(|trigger| trigger.name);
        let trigger = trigger.as_deref().and_then(RunId::new);
        let trigger = trigger.map_or_else(|| self.trigger.clone(), |name| name.to_string());
        let path = self.at(&format!("/triggers/{trigger}/histories/{run}/resubmit"));
        let ordered = self.client.order(&path, None, None).await?;
        Ok(ordered.run.as_deref().and_then(RunId::new))
    }

    pub(super) async fn cancel(&self, run: &RunId) -> Result<(), Failure> {
        let path = self.at(&format!("/runs/{run}/cancel"));
        self.client.order(&path, None, None).await.map(|_| ())
    }
}

fn read(run: RunBody, skew: chrono::Duration) -> Result<PlatformRun, Failure> {
    let id = RunId::new(&run.name).ok_or_else(|| odd_name(&run.name))?;
    let own = run.properties;
    let message = own.error.map(|error| error.message);
    let error = message.filter(|text| !text.is_empty()).or(own.code);
    let status = RunStatus::from_word(&own.status);
    Ok(PlatformRun {
        id,
        status,
        started: own.start_time.map(|at| at - skew),
        ended: own.end_time.map(|at| at - skew),
        error: error
            .filter(|_| status.is_failure())
            .map(|error| words(&error)),
        trigger: own.trigger.map(|t| words(&t.name)).unwrap_or_default(),
        tracking: own.correlation.and_then(|own| own.client_tracking_id),
    })
}
