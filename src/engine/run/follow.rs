//! A process beside a living agent: it shows what the agent sees, hands over what is asked of it, and takes over when
//! the agent is gone.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::Run;
use super::control::CONTROL;
use crate::dataverse::now;
use crate::domain::operation::{OperationId, Request, Verb};
use crate::domain::row::RowId;
use crate::domain::table::TableName;
use crate::domain::time::Now;
use crate::engine::command::{Command, Target};
use crate::engine::event::{Event, Named};
use crate::engine::follow::Following;
use crate::engine::live::Live;
use crate::engine::reconcile::Known;
use crate::engine::repair::accepted;
use crate::engine::state::Tone;
use crate::engine::sync::order::FILED;
use crate::journal::{self, AgentLock, Entry, Holder, JournalRecord, SessionInfo, What};

/// The agent that is followed.
#[derive(Debug)]
pub(super) struct Follow {
    holder: Holder,
    /// Looks at once what has become of what was handed over.
    asked: Arc<Notify>,
    task: Option<AbortHandle>,
    may_write: bool,
}

impl Follow {
    fn of(holder: Holder) -> Self {
        Self {
            holder,
            asked: Arc::default(),
            task: None,
            may_write: true,
        }
    }
}

impl Run {
    /// Finds out whether an agent lives beside us, and looks for itself where none does.
    pub(super) async fn begin_looking(&mut self) {
        let folder = self.config.state.clone();
        let look = self
            .options
            .follows
            .then(|| tokio::task::spawn_blocking(move || AgentLock::holder(&folder)));
        let holder = match look {
            Some(look) => look.await.unwrap_or_default(),
            None => None,
        };
        match holder {
            Some(holder) => {
                let seen = Event::AgentSeen(Some(holder.clone()));
                self.writer.apply(seen, now());
                self.writer.follow(true);
                self.follow = Some(Follow::of(holder));
            }
            None => self.look(),
        }
    }

    /// The agent that is followed.
    pub(super) fn followed(&self) -> Option<Holder> {
        self.follow.as_ref().map(|follow| follow.holder.clone())
    }

    /// Looks for itself after all: without the journal nothing of the agent can be followed.
    pub(super) fn look_alone(&mut self) {
        if self.follow.take().is_some() {
            self.writer.follow(false);
            self.look();
        }
    }

    /// Probes the instances, asks the hook, describes the links and watches their jobs from now on.
    fn look(&mut self) {
        self.spawn_probes();
        self.spawn_hook_watch();
        self.spawn_alerts();
        self.describe_links();
        if self.options.compares {
            self.watch_jobs();
            self.spawn_watch_of_ensuring();
        }
    }

    /// An agent lives beside us, or none does any more.
    pub(super) fn agent_seen(&mut self, seen: Option<&Holder>, at: Now) {
        match (seen, &self.follow) {
            (Some(holder), Some(follow)) if *holder == follow.holder => {}
            (Some(holder), _) if self.options.follows => {
                self.stop_looking();
                let text = format!("{holder} looks from now on: this process follows it");
                self.writer.note(None, text, Tone::Plain, at);
                self.writer.follow(true);
                self.follow = Some(Follow::of(holder.clone()));
                self.follow_on();
            }
            (Some(holder), _) => {
                let text = format!("{holder} runs the syncs");
                self.writer.notice(None, text, Tone::Plain);
            }
            (None, Some(_)) => self.take_over(at),
            (None, None) => {}
        }
    }

    fn stop_looking(&mut self) {
        self.looking.drain(..).for_each(|task| task.abort());
        for work in &mut self.links {
            work.is_watched = false;
        }
    }

    /// Follows the agent once journal and index are open.
    pub(super) fn follow_on(&mut self) {
        let (Some(journal), Some(index)) = (self.journal.clone(), self.index.clone()) else {
            return;
        };
        let links = self.config.links.iter().enumerate();
        let tables = links.flat_map(|(place, link)| {
            let tables = self.writer.state().tables_of(place);
            tables.map(|(index, table)| ((link.name.clone(), table.name.clone()), index))
        });
        let Some(follow) = &mut self.follow else {
            return;
        };
        let following = Following {
            journal,
            index: index.clone(),
            tables: tables.collect(),
            events: self.events.clone(),
            asked: Arc::clone(&follow.asked),
        };
        let after = self.remembered_to;
        if let Some(task) = follow.task.take() {
            task.abort();
        }
        let task = self.background.spawn(async move {
            // A new agent may have made it anew.
            index.let_go().await;
            following.run(after).await;
        });
        follow.task = Some(task);
    }

    /// The agent is gone: what it did is done here from now on, save what only an agent does.
    fn take_over(&mut self, at: Now) {
        let Some(follow) = self.follow.take() else {
            return;
        };
        if let Some(task) = follow.task {
            task.abort();
        }
        self.writer.follow(false);
        let text = format!(
            "{} is gone: this process probes and compares now",
            follow.holder
        );
        self.writer.note(None, text.clone(), Tone::Care, at);
        self.writer.notice(None, text, Tone::Care);
        self.look();
        self.keep_index();
        let Some(journal) = self.journal.clone() else {
            return;
        };
        let events = self.events.clone();
        self.background.spawn(async move {
            for operation in journal.left_behind().await.unwrap_or_default() {
                let _ended = events.send(Event::LeftBehind(Box::new(operation))).await;
            }
        });
    }

    /// Tries to become the one who keeps the index. What is known of the tables is then what stands in it.
    pub(super) fn keep_index(&mut self) {
        let Some(index) = self.index.clone().filter(|index| !index.is_keeper()) else {
            return;
        };
        // A comparison goes on with what it knows; nobody is kept waiting behind it.
        let is_comparing = self.links.iter().any(|work| work.is_comparing);
        if is_comparing || std::mem::replace(&mut self.is_claiming, true) {
            return;
        }
        let contexts: Vec<_> = self
            .links
            .iter()
            .filter_map(|work| work.context.clone())
            .collect();
        let events = self.events.clone();
        self.background.spawn(async move {
            let tables = contexts.iter().flat_map(|context| &context.tables);
            let mut known = Vec::new();
            for table in tables {
                known.push(table.known.lock().await);
            }
            let kept = index.keep().await;
            if kept {
                for known in &mut known {
                    **known = Known::default();
                }
                for context in &contexts {
                    context.told.forget_all(|_| true);
                }
            }
            drop(known);
            let _ended = events.send(Event::IndexClaimed { kept }).await;
        });
    }

    /// The index is ours, or still another's.
    pub(super) fn index_claimed(&mut self, kept: bool, at: Now) {
        self.is_claiming = false;
        if !kept {
            return;
        }
        self.keep_lines_from_here();
        self.restore_samples(at);
        for link in 0..self.links.len() {
            if let Some(work) = self.links.get_mut(link) {
                work.compared = None;
            }
            self.compare_when_due(link, at);
        }
    }

    /// Says what there is to follow. An agent does so each second.
    pub(super) fn tell_others(&mut self) {
        let Some(index) = self.index.clone().filter(journal::Index::is_keeper) else {
            return;
        };
        let is_busy = self
            .telling
            .as_ref()
            .is_some_and(|task| !task.is_finished());
        if !self.options.is_unattended || is_busy {
            return;
        }
        let (state, may_write) = (self.writer.snapshot(), self.options.is_agent);
        let task = self.background.spawn(async move {
            let view = move || serde_json::to_string(&Live::of(&state, may_write)).ok();
            if let Err(error) = index.tell(view).await {
                tracing::warn!(%error, "what there is to follow can't be written");
            }
        });
        self.telling = Some(task);
    }

    /// What the agent tells, before the state takes it.
    pub(super) fn told(&mut self, live: &Live) {
        if let Some(follow) = &mut self.follow {
            follow.may_write = live.may_write;
        }
    }

    /// Events of the journal, as what they mean for the state. What this process did itself is known.
    pub(super) fn journalled(&mut self, request: &Request, events: Vec<journal::Event>, at: Now) {
        let id = request.id;
        let known = self.writer.state().operation(id);
        let is_over = known.is_some_and(|known| known.is_finished());
        if is_over || self.operations.contains_key(&id) || self.follow.is_none() {
            return;
        }
        let mut steps = Vec::new();
        if known.is_none() {
            steps.push(Event::Accepted {
                request: request.clone(),
                records: Vec::new(),
                left_behind: false,
            });
        }
        for event in events {
            let moment = at.at(event.at);
            steps.extend(match event.what {
                What::Finished(cut_short) => Some(Event::Finished {
                    operation: id,
                    cut_short,
                    at: moment,
                }),
                What::Record {
                    record,
                    stage,
                    columns,
                    ..
                } => self
                    .named(&request.link, &record)
                    .map(|record| Event::Staged {
                        operation: id,
                        record,
                        stage,
                        columns: columns.len(),
                        at: moment,
                        began: moment,
                    }),
            });
        }
        self.writer.quietly(|writer| {
            for step in steps {
                writer.apply(step, at);
            }
        });
    }

    /// Has the agent carry a command out; false where there is none, so that it is done here.
    pub(super) fn hand_over(&mut self, link: usize, request: &Request, command: &Command) -> bool {
        let Some(follow) = &self.follow else {
            return false;
        };
        if !follow.may_write {
            let why = format!(
                "{} was started with --read-only: nothing is written",
                follow.holder
            );
            self.refuse(request.id, why);
            return true;
        }
        let mut request = request.clone();
        let plain = |record| (record, None);
        let records = match command {
            Command::Repair {
                records, consent, ..
            } => self.named_in_journal(&request, records, consent.pair()),
            Command::StartSync { .. } | Command::OrderRun { .. } => {
                let run = self.run_in_journal(link, &request, command);
                run.into_iter().map(plain).collect()
            }
            Command::Resume { operation, .. } => {
                request = about(&request, Verb::Resume, &self.options.who);
                let operation = operation_in_journal(*operation);
                operation.into_iter().map(plain).collect()
            }
            _ => return false,
        };
        self.append_for_agent(request, records);
        true
    }

    /// Has the agent end or pause an operation; false where there is none.
    pub(super) fn hand_over_to(&mut self, operation: OperationId, verb: Verb, who: &str) -> bool {
        if self.follow.is_none() {
            return false;
        }
        let Some(other) = self.writer.state().operation(operation) else {
            return false;
        };
        let request = about(&other.request, verb, who);
        let operation = operation_in_journal(operation).into_iter();
        self.append_for_agent(request, operation.map(|record| (record, None)).collect());
        true
    }

    /// Writes down what an agent is to do; with each record both of its sides as they were seen, where somebody decided
    /// between them.
    fn append_for_agent(&mut self, request: Request, records: Vec<(JournalRecord, Option<u64>)>) {
        let (Some(journal), Some(follow)) = (self.journal.clone(), &self.follow) else {
            return;
        };
        let at = now();
        let by = SessionInfo {
            who: self.options.who.clone(),
            host: self.options.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: at,
        };
        let (events, asked) = (self.events.clone(), Arc::clone(&follow.asked));
        let operation = request.id;
        let records = records.into_iter();
        let records = records.map(|(record, seen)| accepted(operation, record, seen, at));
        let begun = Entry::Accepted {
            request,
            records: Vec::new(),
            now: at,
        };
        let entries = std::iter::once(begun).chain(records).collect();
        // It is waited for when the process ends: what was confirmed is in the journal then.
        self.repairs.spawn(async move {
            match journal.hand_over(entries, by).await {
                Ok(()) => asked.notify_one(),
                Err(error) => {
                    let why = format!("the journal can't be written: {error}");
                    let _ended = events.send(Event::Refused { operation, why }).await;
                }
            }
        });
    }

    fn named_in_journal(
        &self,
        request: &Request,
        targets: &[Target],
        told: Option<u64>,
    ) -> Vec<(JournalRecord, Option<u64>)> {
        let known = self.names(targets);
        let seen = self.seen(request, targets);
        let records = targets.iter().filter_map(|target| match target {
            Target::Record(key) => {
                let table = self.writer.state().table(key.table)?;
                let named = known.get(key);
                let text = |of: fn(&Named) -> &String| named.map(of).cloned().unwrap_or_default();
                let record = JournalRecord {
                    table: table.name.clone(),
                    id: key.id,
                    name: text(|named| &named.name),
                    number: text(|named| &named.number),
                    on_the_way: false,
                };
                Some((record, seen.get(key).copied().or(told)))
            }
            Target::Key { .. } => None,
        });
        records.collect()
    }

    /// What stands for a run of a platform's job; nothing for one of the built-in sync, which finds its records itself.
    fn run_in_journal(
        &self,
        link: usize,
        request: &Request,
        command: &Command,
    ) -> Vec<JournalRecord> {
        let job = self.links.get(link).and_then(|work| work.job.as_ref());
        let order = self.order_of(link, command);
        let record = job.zip(order).and_then(|(job, order)| {
            Some(JournalRecord {
                table: TableName::new(FILED).ok()?,
                id: RowId::new(request.id.0)?,
                name: job.name.clone(),
                number: order.run().map(ToString::to_string).unwrap_or_default(),
                on_the_way: false,
            })
        });
        record.into_iter().collect()
    }
}

fn operation_in_journal(operation: OperationId) -> Option<JournalRecord> {
    Some(JournalRecord {
        table: TableName::new(CONTROL).ok()?,
        id: RowId::new(operation.0)?,
        name: "operation".to_owned(),
        number: operation.to_string(),
        on_the_way: false,
    })
}

/// A request of its own, about another operation.
fn about(other: &Request, verb: Verb, who: &str) -> Request {
    Request {
        id: OperationId::new(),
        verb,
        who: who.to_owned(),
        asked: now().wall,
        ..other.clone()
    }
}
