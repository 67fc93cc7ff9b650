//! `tandem sync --runs`, `--rerun` and `--cancel`: the runs of a link's sync on the platform that carries them out.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Context;
use super::arguments::{Repair, Sync};
use super::exit::Exit;
use super::output::{Output, table};
use super::repair::request;
use super::select::link_named;
use super::session::{self, Purpose, Session};
use super::trouble::Trouble;
use super::wait;
use super::words::{duration, moment};
use super::{follow, outcome};
use crate::config::Config;
use crate::domain::operation::Verb;
use crate::domain::run::{Backend, PlatformRun};
use crate::domain::text::visible;
use crate::engine::command::{Consent, RunOrder};
use crate::engine::state::LinkState;
use crate::engine::{Command, State};

/// What is wanted of the runs.
pub enum Wanted {
    /// To see them.
    List,
    /// Something to be done about one.
    Order(RunOrder),
}

impl Wanted {
    /// What the flags say; `None` where it is a sync like any other.
    pub fn of(sync: &Sync) -> Option<Self> {
        if sync.runs {
            return Some(Self::List);
        }
        let rerun = sync.rerun.clone().map(RunOrder::Rerun);
        let order = rerun.or_else(|| sync.cancel.clone().map(RunOrder::Cancel));
        order.map(Self::Order)
    }
}

/// Runs the command.
pub async fn run(wanted: &Wanted, repair: &Repair, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    let links = links(repair, &config)?;
    if let Wanted::Order(order) = wanted {
        if context.globals.read_only {
            return Err(Trouble::refused("--read-only: no run is repeated or ended"));
        }
        let [link] = links.as_slice() else {
            return Err(Trouble::usage("say which link's run it is: --link LINK"));
        };
        why_not(*link, order, &config)?;
    }
    let session = Session::begin(config, context, Purpose::Named).await?;
    let ended = match wanted {
        Wanted::List => list(&links, repair.reach.patience.timeout, &session, context).await,
        Wanted::Order(order) => {
            let link = links.first().copied().unwrap_or_default();
            give(link, order, repair, &session, context).await
        }
    };
    session.end().await;
    ended
}

/// The link that is named, else all.
fn links(repair: &Repair, config: &Config) -> Result<Vec<usize>, Trouble> {
    let named = link_named(repair.selection.link.as_deref(), config)?;
    Ok(match named {
        Some(link) => vec![link],
        None => (0..config.links.len()).collect(),
    })
}

/// What a link's backend can't do is refused before anything is asked of anybody.
fn why_not(link: usize, order: &RunOrder, config: &Config) -> Result<(), Trouble> {
    let backend = config.links.get(link).map(|link| link.sync.backend());
    let backend = backend.unwrap_or_default();
    let why = match order {
        RunOrder::Start => None,
        RunOrder::Rerun(_) => backend.why_no_rerun(),
        RunOrder::Cancel(_) => backend.why_no_cancel(),
    };
    why.map_or(Ok(()), |why| Err(Trouble::refused(why)))
}

async fn give(
    link: usize,
    order: &RunOrder,
    repair: &Repair,
    session: &Session,
    context: &mut Context,
) -> Result<Exit, Trouble> {
    let verb = match order {
        RunOrder::Start => Verb::Sync,
        RunOrder::Rerun(_) => Verb::Rerun,
        RunOrder::Cancel(_) => Verb::Cancel,
    };
    if let RunOrder::Rerun(run) = order {
        context.output.remark(&format!(
            "{run} is repeated with what it read then: what has changed since is overwritten with older values, until \
             the next new run"
        ));
    }
    let request = request(session, link, verb, repair.reason.as_deref());
    let command = Command::OrderRun {
        request: request.clone(),
        order: order.clone(),
        consent: Consent::Named { may_wait: false },
    };
    let (engine, interrupts) = (&session.engine, &mut context.interrupts);
    let output = context.output;
    let (state, done) = follow::carry_out(engine, interrupts, output, &request, command).await?;
    let exit = outcome::exit(&done);
    if output.json {
        Output::object(&outcome::Report {
            exit: exit.code(),
            operations: vec![outcome::operation(&state, &done)],
        })?;
    } else if done.refused.is_some() {
        output.error(outcome::summary(&done).trim_end());
    } else {
        Output::result(&outcome::summary(&done));
    }
    Ok(exit)
}

/// The JSON of the list: a stable shape, to which fields may be added.
#[derive(Debug, Serialize)]
struct Report {
    exit: u8,
    links: Vec<Link>,
}

#[derive(Debug, Serialize)]
struct Link {
    name: String,
    backend: &'static str,
    unlisted: Option<String>,
    runs: Vec<Run>,
}

/// One run.
#[derive(Debug, Serialize)]
pub struct Run {
    id: String,
    status: &'static str,
    started: Option<String>,
    ended: Option<String>,
    trigger: String,
    error: Option<String>,
}

impl Run {
    /// A run of a platform.
    pub fn of(run: &PlatformRun) -> Self {
        Self {
            id: run.id.to_string(),
            status: run.status.word(),
            started: run.started.map(moment),
            ended: run.ended.map(moment),
            trigger: run.trigger.clone(),
            error: run.error.clone(),
        }
    }
}

async fn list(
    links: &[usize],
    timeout: Duration,
    session: &Session,
    context: &mut Context,
) -> Result<Exit, Trouble> {
    let output = context.output;
    let engine = &session.engine;
    let gone = |_| Trouble::bug("the engine ended by itself");
    engine
        .commands
        .send(Command::ListRuns)
        .await
        .map_err(gone)?;
    let is_there = |state: &Arc<State>| {
        output.progress("asking for the runs…");
        state.is_remembered && state.links.iter().all(wait::is_listed)
    };
    let waited = wait::until(engine, &mut context.interrupts, Some(timeout), is_there).await;
    output.clear_progress();
    let state = waited.map_err(|stopped| follow::trouble(&stopped, timeout))?;
    let found = links.iter().filter_map(|place| state.links.get(*place));
    let found: Vec<Link> = found.map(|link| runs_of(&state, link)).collect();
    let exit = if found.iter().any(|link| link.unlisted.is_some()) {
        Exit::Unreachable
    } else {
        Exit::Good
    };
    if output.json {
        let exit = exit.code();
        Output::object(&Report { exit, links: found })?;
    } else {
        for link in &found {
            print(output, link);
        }
    }
    Ok(exit)
}

fn runs_of(state: &State, link: &LinkState) -> Link {
    let sync = &link.sync;
    let runs = if sync.backend == Backend::BuiltIn {
        built_in(state, link)
    } else {
        let runs = sync.list.iter().flat_map(|list| list.runs.iter());
        runs.map(Run::of).collect()
    };
    let never = sync.backend.why_unlisted().map(str::to_owned);
    Link {
        name: link.name.clone(),
        backend: sync.backend.word(),
        unlisted: sync.unlisted.clone().or(never),
        runs,
    }
}

/// The built-in sync's runs are operations of the journal.
fn built_in(state: &State, link: &LinkState) -> Vec<Run> {
    let operations = state.operations.iter();
    let own = operations.filter(|operation| {
        operation.request.verb == Verb::Sync && operation.request.link == link.name
    });
    let runs = own.map(|operation| {
        let (tally, finished) = (&operation.progress, operation.finished.as_ref());
        let cut_short = finished.and_then(|finished| finished.cut_short.clone());
        let left = tally.total.saturating_sub(tally.good());
        Run {
            id: operation.request.id.to_string(),
            status: match (finished, &cut_short, left) {
                (None, _, _) => "running",
                (Some(_), None, 0) => "succeeded",
                (Some(_), _, _) => "failed",
            },
            started: Some(moment(operation.request.asked)),
            ended: finished.map(|finished| moment(finished.at)),
            trigger: operation.request.who.clone(),
            error: cut_short.or_else(|| {
                (finished.is_some() && left > 0)
                    .then(|| format!("{left} of {} records could not be done", tally.total))
            }),
        }
    });
    runs.collect()
}

fn print(output: Output, link: &Link) {
    if let Some(why) = &link.unlisted {
        output.error(&format!(
            "{}: its runs can't be listed: {}",
            link.name,
            visible(why)
        ));
        return;
    }
    if link.runs.is_empty() {
        output.remark(&format!(
            "{}: no run of {} is known",
            link.name, link.backend
        ));
        return;
    }
    let heading = ["run", "status", "started", "took", "by", "error"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(link.runs.iter().map(row));
    Output::result(&format!(
        "{}: {}\n{}",
        link.name,
        link.backend,
        table(&rows)
    ));
}

fn row(run: &Run) -> Vec<String> {
    let parse = |at: &Option<String>| {
        let at = chrono::DateTime::parse_from_rfc3339(at.as_deref()?).ok()?;
        Some(at.with_timezone(&chrono::Utc))
    };
    let took = parse(&run.started)
        .zip(parse(&run.ended))
        .and_then(|(started, ended)| (ended - started).to_std().ok());
    vec![
        run.id.clone(),
        run.status.to_owned(),
        run.started.clone().unwrap_or_default(),
        took.map(duration).unwrap_or_default(),
        run.trigger.clone(),
        run.error.clone().unwrap_or_default(),
    ]
}
