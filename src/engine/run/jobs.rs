//! The jobs of the platforms that run the links' syncs: their runs are watched, orders to them are given, and what an
//! earlier process ordered is found out about.

use std::sync::Arc;

use super::Run;
use crate::config::Config;
use crate::domain::operation::{RecordKey, Request};
use crate::domain::run::{Backend, PlatformRun, RunStatus};
use crate::domain::time::Now;
use crate::engine::command::{Command, RunOrder};
use crate::engine::event::Event;
use crate::engine::repair::Reins;
use crate::engine::start::{Client, StartError};
use crate::engine::sync::order::{Order, carry_out, recovered, settle_left_behind};
use crate::engine::sync::{Job, Seen, watch};
use crate::journal::RecoveredOperation;

/// One for each link; none where the built-in sync is its own.
type Jobs = Vec<Option<Arc<Job>>>;

/// The job of each link, and what its clients see.
pub(super) fn of(config: &Config, clients: &[Client]) -> Result<(Jobs, Vec<Seen>), StartError> {
    let (mut jobs, mut all) = (Vec::new(), Vec::new());
    for link in &config.links {
        let job = Job::of(config, link, clients)?;
        jobs.push(job.map(|(job, mut seen)| {
            all.append(&mut seen);
            Arc::new(job)
        }));
    }
    Ok((jobs, all))
}

impl Run {
    /// Watches the runs of all jobs from now on, and looks at once.
    pub(super) fn watch_jobs(&mut self) {
        (0..self.links.len()).for_each(|link| self.watch_job(link));
    }

    fn watch_job(&mut self, link: usize) {
        let (idle, busy) = (self.config.policy.compare, self.config.policy.probe);
        let Some(work) = self.links.get_mut(link) else {
            return;
        };
        let Some(job) = work.job.clone() else { return };
        if job.backend.why_unlisted().is_some() {
            return;
        }
        if work.is_watched {
            return job.asked.notify_one();
        }
        work.is_watched = true;
        let events = self.events.clone();
        let task = self.background.spawn(watch(job, link, idle, busy, events));
        self.looking.push(task);
    }

    /// What a command asks of the job of a link; `None` where it asks for something else, or the link has none.
    pub(super) fn order_of(&self, link: usize, command: &Command) -> Option<RunOrder> {
        let job = self.links.get(link)?.job.as_ref();
        match command {
            Command::StartSync { .. } => job.map(|_| RunOrder::Start),
            Command::OrderRun { order, .. } => Some(order.clone()),
            _ => None,
        }
    }

    /// Gives an order, or keeps it until the journal is open.
    pub(super) fn order(
        &mut self,
        link: usize,
        request: Request,
        order: RunOrder,
        command: Command,
    ) {
        let job = self.links.get(link).and_then(|work| work.job.clone());
        let backend = job.as_ref().map_or(Backend::BuiltIn, |job| job.backend);
        let why_not = match &order {
            RunOrder::Start => job.as_ref().and_then(|job| job.why_no_start()),
            RunOrder::Rerun(_) => backend.why_no_rerun(),
            RunOrder::Cancel(_) => backend.why_no_cancel(),
        };
        if let Some(why) = why_not {
            return self.refuse(request.id, why.to_owned());
        }
        let Some(order) = self.order_for(link, request, order) else {
            return self.queued.push_back(command);
        };
        self.watch_job(link);
        let operation = order.request.id;
        self.operations.insert(operation, order.reins.clone());
        // Said at once, so that no second run is asked for before the first one's own word arrives.
        if !matches!(order.wanted, RunOrder::Cancel(_)) {
            let began = Event::OrderBegan { link, operation };
            self.writer.apply(began, crate::dataverse::now());
        }
        self.repairs.spawn(carry_out(order));
    }

    fn order_for(&self, link: usize, request: Request, order: RunOrder) -> Option<Order> {
        let is_accepted = self.handed.contains(&request.id);
        Some(Order {
            job: self.links.get(link)?.job.clone()?,
            link,
            wanted: order,
            key: RecordKey::of_run(request.id)?,
            request,
            journal: self.journal.clone()?,
            events: self.events.clone(),
            reins: Reins::default(),
            shutdown: self.shutdown.clone(),
            is_accepted,
        })
    }

    /// Finds out what became of an order of an earlier process.
    pub(super) fn settle_order(&mut self, link: usize, left: RecoveredOperation) {
        let order = self.order_for(link, left.request.clone(), recovered(&left));
        let Some(order) = order else {
            return self.left_behind.push(left);
        };
        self.watch_job(link);
        let journal = order.journal.clone();
        self.repairs.spawn(async move {
            if let Ok(true) = journal.claim(left.request.id).await {
                settle_left_behind(order, &left).await;
            }
        });
    }

    /// A run that has ended well since the last look changed the target: the link is compared again.
    pub(super) fn compare_after_good_run(&mut self, link: usize, runs: &[PlatformRun], at: Now) {
        let good = |runs: &[PlatformRun]| {
            let mut good = runs.iter().filter(|run| run.status == RunStatus::Succeeded);
            good.next().map(|run| run.id.clone())
        };
        let state = self.writer.state().links.get(link);
        let Some(before) = state.and_then(|link| link.sync.list.as_ref()) else {
            return;
        };
        if good(&before.runs) == good(runs) {
            return;
        }
        if let Some(work) = self.links.get_mut(link) {
            // Where a comparison is under way, another follows it.
            work.compared = None;
        }
        self.compare_when_due(link, at);
    }
}
