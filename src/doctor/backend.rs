//! The job that runs a link's sync, as far as its platform tells.

use super::instance::Seen;
use crate::config::{Config, LinkConfig, SyncConfig};
use crate::dataverse::Reader;
use crate::domain::finding::{Check, Findings};
use crate::engine::fitness;

/// Asks the platform for the runs of a link's sync.
pub(super) async fn examine(
    config: &Config,
    link: &LinkConfig,
    seen: &[Option<Seen>],
    findings: &mut Findings,
) {
    let subject = link.name.as_str();
    if matches!(link.sync, SyncConfig::BuiltIn) {
        let says = "the sync is tandem's own: the agent runs it";
        return findings.good(subject, Check::Backend, says);
    }
    // A flow's runs are rows of an instance: without that one they can't be asked for.
    let readers: Option<Vec<Reader>> = seen
        .iter()
        .map(|seen| seen.as_ref().map(|seen| seen.reader.clone()))
        .collect();
    let needs_instance = matches!(link.sync, SyncConfig::PowerAutomate { .. });
    let Some(readers) = readers.or_else(|| (!needs_instance).then(Vec::new)) else {
        let says = "not asked for: the instance that keeps the flow did not let us in";
        return findings.untold(subject, Check::Backend, says, None);
    };
    let backend = link.sync.backend();
    match fitness::backend(config, link, &readers).await {
        Ok(Some(job)) => {
            match job.runs {
                Some(0) => findings.warning(
                    subject,
                    Check::Backend,
                    format!("{backend} {}: reached, and it has not run yet", job.name),
                    "start it once on its platform, or with `tandem sync`",
                ),
                Some(runs) => findings.good(
                    subject,
                    Check::Backend,
                    format!("{backend} {}: reached, {runs} runs are listed", job.name),
                ),
                None => findings.untold(
                    subject,
                    Check::Backend,
                    format!("{backend} {}: its runs are not listed anywhere", job.name),
                    None,
                ),
            }
            findings.untold(
                subject,
                Check::Backend,
                "whether the job writes blanks over what was emptied in the source can't be seen from outside",
                Some(
                    "empty a column of one record in the source, let the job run, and look with `tandem explain`: it \
                     should be in step"
                        .to_owned(),
                ),
            );
        }
        Ok(None) => {}
        Err(why) => findings.bad(
            subject,
            Check::Backend,
            format!("{backend}: {why}"),
            "check the job's settings on `sync` of the link, and that its credential may read the job's runs (on Azure \
             the role Logic App Operator, Data Factory Contributor or Synapse Monitoring Operator)",
        ),
    }
}
