//! Asks the engine for an operation and follows it to its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::interrupt::Interrupts;
use super::outcome::{self, Done};
use super::output::Output;
use super::trouble::Trouble;
use super::wait::{self, Stopped, ends, is_lost};
use crate::domain::operation::{RecordKey, Request, Stage};
use crate::engine::command::Target;
use crate::engine::state::{OperationRecord, Preview, Tally};
use crate::engine::{Command, Engine, State};

/// How long an operation that was broken off may take to end.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What is being followed, and what was seen of it.
struct Watch<'a> {
    request: &'a Request,
    output: Output,
    /// Where each record stands in `records`; one may be chosen, and ensured on the way of another.
    seen: HashMap<(RecordKey, bool), usize>,
    records: Vec<Arc<OperationRecord>>,
}

impl Watch<'_> {
    /// Takes in a state; true when nothing more will happen.
    fn look(&mut self, state: &State) -> bool {
        let Some(operation) = state.operation(self.request.id) else {
            self.output.progress("asking the instances…");
            return self.refusal(state).is_some();
        };
        for record in &operation.records {
            self.take(state, record);
        }
        let tally = operation.progress;
        let waits = operation.waiting.as_ref();
        self.output.progress(&match waits {
            Some(waiting) => format!("waiting: {}", waiting.why),
            None => format!("{} of {}", tally.done(), tally.total),
        });
        operation.is_finished()
    }

    fn take(&mut self, state: &State, record: &Arc<OperationRecord>) {
        let key = (record.key, record.on_the_way);
        let before = match self.seen.get(&key) {
            Some(place) => self.records.get_mut(*place),
            None => None,
        };
        if before
            .as_ref()
            .is_some_and(|before| Arc::ptr_eq(before, record))
        {
            return;
        }
        let was_settled = before
            .as_ref()
            .is_some_and(|before| before.stage.is_final());
        if let Some(before) = before {
            *before = Arc::clone(record);
        } else {
            self.seen.insert(key, self.records.len());
            self.records.push(Arc::clone(record));
        }
        if record.stage.is_final() && !was_settled {
            self.print(state, record);
        }
    }

    fn print(&self, state: &State, record: &OperationRecord) {
        if !self.output.json {
            self.output.clear_progress();
            Output::result(&format!("{}\n", outcome::line(state, record)));
        }
    }

    /// Why it was not begun at all.
    fn refusal(&self, state: &State) -> Option<String> {
        let mut notices = state.notices.iter();
        let refusal =
            notices.find(|notice| notice.operation == Some(self.request.id) && notice.refuses);
        refusal
            .map(|notice| notice.text.clone())
            .or_else(|| self.failed_run(state))
    }

    /// A sync that could not even compare has no operation, only an ending.
    fn failed_run(&self, state: &State) -> Option<String> {
        let link = state
            .links
            .iter()
            .find(|link| link.name == self.request.link)?;
        let run = link.sync.last_run.as_ref()?;
        let is_ours = run.started >= self.request.asked && run.who == self.request.who;
        let ended = link.sync.running != Some(self.request.id);
        (is_ours && ended).then(|| run.failure.clone()).flatten()
    }

    fn done(self, state: &State, interrupted: bool) -> Done {
        let refused = match state.operation(self.request.id) {
            Some(_) => None,
            None => self.refusal(state),
        };
        let operation = state.operation(self.request.id);
        let mut remarks = remarks(state, self.request);
        remarks.retain(|text| Some(text) != refused.as_ref());
        let link = state
            .links
            .iter()
            .find(|link| link.name == self.request.link);
        Done {
            request: self.request.clone(),
            tally: operation.map_or_else(Tally::default, |operation| operation.progress),
            cut_short: operation
                .and_then(|operation| operation.finished.as_ref())
                .and_then(|finished| finished.cut_short.clone()),
            took: operation
                .and_then(|operation| operation.finished.as_ref())
                .map(|finished| finished.took)
                .unwrap_or_default(),
            unreachable: link
                .is_some_and(|link| ends(state, link).any(is_lost) || link.sync.unlisted.is_some()),
            misfit: link.is_some_and(|link| link.fault.is_some()),
            records: self.records,
            refused,
            remarks,
            interrupted,
        }
    }
}

/// What the engine said about an operation, oldest first.
fn remarks(state: &State, request: &Request) -> Vec<String> {
    let notices = state.notices.iter();
    notices
        .filter(|notice| notice.operation == Some(request.id))
        .map(|notice| notice.text.clone())
        .collect()
}

/// Has an operation carried out, and follows it to its end. Ctrl-C takes back what was not sent yet; twice, it leaves.
pub async fn carry_out(
    engine: &Engine,
    interrupts: &mut Interrupts,
    output: Output,
    request: &Request,
    command: Command,
) -> Result<(Arc<State>, Done), Trouble> {
    let mut watch = Watch {
        request,
        output,
        seen: HashMap::new(),
        records: Vec::new(),
    };
    send(engine, command).await?;
    let mut followed = wait::until(engine, interrupts, None, |state| watch.look(state)).await;
    let interrupted = matches!(followed, Err(Stopped::Interrupted));
    if interrupted {
        output.remark("taking back what was not sent yet…");
        let end = Command::End {
            operation: request.id,
            who: request.who.clone(),
        };
        send(engine, end).await?;
        // What has not begun is not waited for: it ends with this process.
        let look = |state: &Arc<State>| {
            let ended = watch.look(state);
            ended || state.operation(request.id).is_none()
        };
        followed = wait::until(engine, interrupts, Some(LAST_WORDS), look).await;
    }
    output.clear_progress();
    let state = match followed {
        Ok(state) | Err(Stopped::TimedOut(state)) => state,
        Err(Stopped::Interrupted) => Arc::clone(&engine.states.borrow()),
        Err(Stopped::EngineGone) => return Err(gone()),
    };
    for record in &watch.records {
        if !matches!(record.stage, Stage::Accepted) && !record.stage.is_final() {
            watch.print(&state, record);
        }
    }
    let done = watch.done(&state, interrupted);
    Ok((state, done))
}

/// Has a repair planned without writing.
pub async fn preview(
    engine: &Engine,
    interrupts: &mut Interrupts,
    timeout: Duration,
    request: &Request,
    records: Vec<Target>,
) -> Result<(Arc<State>, Arc<Preview>), Trouble> {
    let command = Command::Preview {
        request: request.clone(),
        records,
    };
    send(engine, command).await?;
    let answer = |state: &State| {
        let preview = state.preview.as_ref()?;
        (preview.operation == request.id && preview.is_complete).then(|| Arc::clone(preview))
    };
    let is_there =
        |state: &Arc<State>| answer(state).is_some() || !remarks(state, request).is_empty();
    let state = match wait::until(engine, interrupts, Some(timeout), is_there).await {
        Ok(state) => state,
        Err(stopped) => return Err(trouble(&stopped, timeout)),
    };
    if let Some(preview) = answer(&state) {
        return Ok((state, preview));
    }
    let why = remarks(&state, request).join("; ");
    let link = state.links.iter().find(|link| link.name == request.link);
    Err(match link {
        Some(link) if link.fault.is_some() => Trouble::usage(why),
        Some(link) if ends(&state, link).any(is_lost) => Trouble::unreachable(why),
        _ => Trouble::refused(why),
    })
}

/// What it means that waiting ended early.
pub fn trouble(stopped: &Stopped, timeout: Duration) -> Trouble {
    match stopped {
        Stopped::Interrupted => Trouble::interrupted(),
        Stopped::EngineGone => gone(),
        Stopped::TimedOut(_) => {
            let after = super::words::duration(timeout);
            Trouble::unreachable(format!(
                "the instances could not be read within {after}: --timeout gives them longer"
            ))
        }
    }
}

fn gone() -> Trouble {
    Trouble::bug("the engine ended by itself")
}

/// Asks the engine for something.
pub async fn send(engine: &Engine, command: Command) -> Result<(), Trouble> {
    engine.commands.send(command).await.map_err(|_| gone())
}
