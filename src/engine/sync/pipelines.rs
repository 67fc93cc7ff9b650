//! What the pipelines of a Data Factory and of a Synapse workspace have in common (contract 11.2 and 11.3): the same
//! calls at two places.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{MOST_RUNS, odd_name, skew, words};
use crate::dataverse::{Listing, Management, Ordered, now};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::run::{PlatformRun, RunId, RunStatus};

/// How far back runs are asked for: the platforms keep them for so long.
const KEPT: chrono::Duration = chrono::Duration::days(45);

#[derive(Debug)]
pub(super) struct Pipelines {
    pub(super) client: Management,
    /// Up to where the calls differ.
    pub(super) path: String,
    pub(super) version: &'static str,
    pub(super) pipeline: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageBody {
    value: Vec<RunBody>,
    continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunBody {
    run_id: String,
    status: String,
    run_start: Option<DateTime<Utc>>,
    run_end: Option<DateTime<Utc>>,
    message: Option<String>,
    invoked_by: Option<InvokedBy>,
}

#[derive(Deserialize)]
struct InvokedBy {
    #[serde(default)]
    name: String,
}

impl Pipelines {
    fn at(&self, rest: &str) -> String {
        let and = if rest.contains('?') { '&' } else { '?' };
        format!("{}{rest}{and}api-version={}", self.path, self.version)
    }

    pub(super) async fn list(&self) -> Result<Vec<PlatformRun>, Failure> {
        let at = now().wall;
        let mut question = json!({
            "lastUpdatedAfter": at - KEPT,
            // The service's clock may be ahead of ours.
            "lastUpdatedBefore": at + KEPT,
            "filters": [{"operand": "PipelineName", "operator": "Equals", "values": [self.pipeline]}],
            "orderBy": [{"orderBy": "RunStart", "order": "DESC"}],
        });
        let path = self.at("/queryPipelineRuns");
        let mut runs = Vec::new();
        loop {
            let page: Listing<PageBody> = self.client.ask(&path, &question).await?;
            let skew = skew(page.date);
            for run in page.value.value {
                runs.push(read(run, skew)?);
            }
            let is_good = |run: &PlatformRun| run.status == RunStatus::Succeeded;
            let token = page.value.continuation_token;
            let Some(token) = token.filter(|token| !token.is_empty()) else {
                return Ok(runs);
            };
            let again = question["continuationToken"].as_str() == Some(token.as_str());
            if again || runs.len() >= MOST_RUNS || runs.iter().any(is_good) {
                return Ok(runs);
            }
            question["continuationToken"] = token.into();
        }
    }

    pub(super) async fn start(&self) -> Result<Option<RunId>, Failure> {
        let path = self.at(&format!("/pipelines/{}/createRun", self.pipeline));
        began(&self.client.order(&path, None, Some(&json!({}))).await?).map(Some)
    }

    /// A recovery run: the same pipeline with the input that it had, from its beginning.
    pub(super) async fn recover(&self, run: &RunId) -> Result<Option<RunId>, Failure> {
        let path = format!(
            "/pipelines/{}/createRun?referencePipelineRunId={run}&isRecovery=true",
            self.pipeline
        );
        let path = self.at(&path);
        began(&self.client.order(&path, None, Some(&json!({}))).await?).map(Some)
    }

    pub(super) async fn cancel(&self, run: &RunId) -> Result<(), Failure> {
        let path = self.at(&format!("/pipelineruns/{run}/cancel"));
        self.client.order(&path, None, None).await.map(|_| ())
    }
}

/// The run that was begun. An answer without one is no answer: then the list says what was done.
fn began(ordered: &Ordered) -> Result<RunId, Failure> {
    let id = ordered.body["runId"].as_str().and_then(RunId::new);
    id.ok_or_else(|| Failure::local(FailureClass::Unreadable, "the answer names no run"))
}

fn read(run: RunBody, skew: chrono::Duration) -> Result<PlatformRun, Failure> {
    let id = RunId::new(&run.run_id).ok_or_else(|| odd_name(&run.run_id))?;
    let message = run.message.filter(|message| !message.is_empty());
    Ok(PlatformRun {
        id,
        status: RunStatus::from_word(&run.status),
        started: run.run_start.map(|at| at - skew),
        ended: run.run_end.map(|at| at - skew),
        error: message.map(|message| words(&message)),
        trigger: run.invoked_by.map(|by| words(&by.name)).unwrap_or_default(),
        tracking: None,
    })
}
