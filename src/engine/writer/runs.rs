//! The runs of a link's job, as its platform lists them.

use std::sync::Arc;

use super::StateWriter;
use crate::domain::run::{PlatformRun, RunStatus, last_ended, last_success};
use crate::domain::time::Now;
use crate::engine::state::{RunList, SyncRun, Tone};
use crate::engine::sync::built_in::next_due;

impl StateWriter {
    pub(super) fn runs_listed(
        &mut self,
        link: usize,
        runs: Result<Arc<[PlatformRun]>, String>,
        at: Now,
        now: Now,
    ) {
        let Some(state) = self.state.links.get(link) else {
            return;
        };
        let runs = match runs {
            Ok(runs) => runs,
            Err(why) => {
                if state.sync.unlisted.is_none() {
                    let text = format!("the runs of the sync can't be listed: {why}");
                    self.note(None, text, Tone::Care, now);
                }
                return self.link(link, |l| l.sync.unlisted = Some(why));
            }
        };
        let before = state.sync.list.clone();
        if let Some(before) = before {
            // Oldest first, as it happened.
            for run in runs.iter().rev() {
                let known = before.runs.iter().find(|known| known.id == run.id);
                self.note_run(known, run, now);
            }
        }
        let last = last_ended(&runs).map(sync_run);
        self.link(link, |l| {
            let sync = &mut l.sync;
            sync.unlisted = None;
            if let Some(success) = last_success(&runs) {
                sync.last_success = success.ended.or(success.started);
                sync.last_success_began = success.started;
            }
            let due = |success| next_due(l.schedule, success, false);
            sync.next_due = sync.last_success.map(due);
            sync.last_run = last.or(sync.last_run.take());
            sync.list = Some(RunList { runs, at });
        });
        self.ran(link);
    }

    /// Says what has become of a run since it was last looked at.
    fn note_run(&mut self, known: Option<&PlatformRun>, run: &PlatformRun, now: Now) {
        if known.is_some_and(|known| known.status == run.status) {
            return;
        }
        let (text, tone) = match run.status {
            RunStatus::Succeeded => ("sync run ended well".to_owned(), Tone::Good),
            status if status.is_under_way() && known.is_none() => {
                (format!("sync run started by {}", run.trigger), Tone::Plain)
            }
            _ => match run.bad_end() {
                Some(why) => (format!("sync run {why}"), Tone::Bad),
                None => return,
            },
        };
        self.note(None, text, tone, now);
    }
}

fn sync_run(run: &PlatformRun) -> SyncRun {
    SyncRun {
        who: run.trigger.clone(),
        started: run.started.or(run.ended).unwrap_or_default(),
        took: run.took(),
        done: 0,
        total: 0,
        failure: run.failure(),
    }
}
