//! `tandem ensure`, `tandem rehydrate` and `tandem sync`: which records, whether that many may be touched, and what
//! came of it. Everything that writes is the engine's.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::Context;
use super::arguments::{Repair, Resolve, Take};
use super::compare::compared;
use super::consent::{self, Said};
use super::exit::Exit;
use super::follow;
use super::outcome;
use super::output::Output;
use super::preview;
use super::select::{self, Chosen, Wanted};
use super::session::{self, Purpose, Session};
use super::trouble::Trouble;
use super::wait;
use crate::config::Config;
use crate::domain::operation::{ColumnChoice, OperationId, Request, Verb};
use crate::domain::text;
use crate::engine::Depth;
use crate::engine::command::{Consent, Target};
use crate::engine::{Command, State, now};

/// The largest file of records that is read.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// What is to be done, beside which records.
#[derive(Clone, Debug)]
pub struct Deed {
    /// The verb.
    pub verb: Verb,
    /// What was decided column by column.
    pub choices: Vec<ColumnChoice>,
    /// The operation that is tried again.
    pub retries: Option<OperationId>,
    /// How both sides stood when a person looked.
    pub seen: Option<u64>,
}

impl From<Verb> for Deed {
    fn from(verb: Verb) -> Self {
        Self {
            verb,
            choices: Vec::new(),
            retries: None,
            seen: None,
        }
    }
}

/// Runs the command.
pub async fn run(verb: Verb, repair: &Repair, context: &mut Context) -> Result<Exit, Trouble> {
    named(Deed::from(verb), repair, context).await
}

/// Runs `tandem resolve`.
pub async fn resolve(resolve: &Resolve, context: &mut Context) -> Result<Exit, Trouble> {
    let mut columns = HashSet::new();
    for choice in &resolve.column {
        if !columns.insert(&choice.column) {
            let why = format!("column {} is decided twice", choice.column);
            return Err(Trouble::usage(why));
        }
    }
    let verb = match resolve.take {
        Take::Blanks => Verb::FillBlanks,
        Take::Source => Verb::TakeSource,
        Take::Target => Verb::KeepTarget,
    };
    let deed = Deed {
        choices: resolve.column.clone(),
        seen: resolve.if_seen,
        ..Deed::from(verb)
    };
    named(deed, &resolve.repair, context).await
}

async fn named(deed: Deed, repair: &Repair, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    let file = repair.from.as_deref().map(read_file).transpose()?;
    let chosen = select::parse(deed.verb, repair, file.as_deref(), &config)?;
    carry_out(deed, repair, chosen, config, context).await
}

/// Carries out a deed on the records that were chosen, or says what it would do.
pub async fn carry_out(
    deed: Deed,
    repair: &Repair,
    chosen: Chosen,
    config: Config,
    context: &mut Context,
) -> Result<Exit, Trouble> {
    let verb = deed.verb;
    if context.globals.read_only && !repair.reach.dry_run {
        return Err(Trouble::refused(format!(
            "--read-only: nothing is written; `tandem {verb} --dry-run` says what would be done"
        )));
    }
    let count = match &chosen {
        Chosen::Named(links) => links.iter().map(|(_, records)| records.len()).sum(),
        Chosen::Found(_) | Chosen::Runs(_) => 0,
    };
    if deed.seen.is_some() && count != 1 {
        let why = "--if-seen tells of one record: name it, and decide the others on their own";
        return Err(Trouble::usage(why));
    }
    let confirm_above = config.safety.confirm_above;
    let said = Said {
        verb,
        yes: repair.reach.yes,
        reason: repair.reason.as_deref(),
    };
    let purpose = match &chosen {
        Chosen::Named(_) => {
            // What was named can be counted before anything is asked of anybody.
            if !repair.reach.dry_run {
                consent::check(count, confirm_above, said)?;
            }
            Purpose::Named
        }
        Chosen::Found(_) | Chosen::Runs(_) => Purpose::Compare(Depth::Changes),
    };
    let session = Session::begin(config, context, purpose).await?;
    let work = Work {
        deed,
        repair,
        confirm_above,
        said,
        session: &session,
    };
    let outcome = work.run(chosen, context).await;
    session.end().await;
    outcome
}

struct Work<'a> {
    deed: Deed,
    repair: &'a Repair,
    confirm_above: usize,
    said: Said<'a>,
    session: &'a Session,
}

/// What is asked of the engine for one link.
enum Job {
    Records(usize, Vec<Target>),
    Run(usize),
}

impl Work<'_> {
    async fn run(&self, chosen: Chosen, context: &mut Context) -> Result<Exit, Trouble> {
        let jobs: Vec<Job> = match chosen {
            Chosen::Named(links) => records(links),
            Chosen::Found(wanted) => {
                let state = self.compared(&wanted, context).await?;
                let found = wanted.targets(&state);
                self.check(found.iter().map(|(_, records)| records.len()).sum())?;
                records(found)
            }
            Chosen::Runs(links) => {
                let wanted = all_pending(&links);
                let state = self.compared(&wanted, context).await?;
                let found = wanted.targets(&state);
                let found: Vec<_> = found
                    .into_iter()
                    .filter(|(link, _)| links.contains(link))
                    .collect();
                self.check(found.iter().map(|(_, records)| records.len()).sum())?;
                if self.repair.reach.dry_run {
                    records(found)
                } else {
                    links.into_iter().map(Job::Run).collect()
                }
            }
        };
        if jobs.is_empty() {
            context
                .output
                .remark("no record is in that state: nothing to do");
        }
        if self.repair.reach.dry_run {
            self.preview(jobs, context).await
        } else {
            self.carry_out(jobs, context).await
        }
    }

    fn check(&self, count: usize) -> Result<(), Trouble> {
        if self.repair.reach.dry_run {
            Ok(())
        } else {
            consent::check(count, self.confirm_above, self.said)
        }
    }

    /// Waits until the tables that matter have been compared.
    async fn compared(
        &self,
        wanted: &Wanted,
        context: &mut Context,
    ) -> Result<Arc<State>, Trouble> {
        compared(
            self.session,
            wanted,
            self.repair.reach.patience.timeout,
            context,
        )
        .await
    }

    fn request(&self, link: usize) -> Request {
        let reason = self.repair.reason.as_deref();
        let ticket = self.repair.ticket.as_deref().unwrap_or_default();
        Request {
            ticket: text::visible(ticket.trim()).into_owned(),
            choices: self.deed.choices.clone(),
            retries: self.deed.retries,
            ..request(self.session, link, self.deed.verb, reason)
        }
    }

    async fn preview(&self, jobs: Vec<Job>, context: &mut Context) -> Result<Exit, Trouble> {
        let mut exit = None;
        let mut previews = Vec::new();
        for job in jobs {
            let (Job::Records(link, _) | Job::Run(link)) = job;
            let records = match job {
                Job::Records(_, records) => records,
                Job::Run(_) => Vec::new(),
            };
            let request = self.request(link);
            let (engine, timeout) = (&self.session.engine, self.repair.reach.patience.timeout);
            let interrupts = &mut context.interrupts;
            let (state, preview) =
                follow::preview(engine, interrupts, timeout, &request, records).await?;
            let of_link = state.links.get(link);
            let lost = of_link.is_some_and(|link| wait::ends(&state, link).any(wait::is_lost));
            exit = Some(joined(exit, preview::exit(&preview, lost)));
            if context.output.json {
                previews.push(preview::json(&state, &request, &preview));
            } else {
                Output::result(&preview::text(&state, &request, &preview));
            }
        }
        let exit = exit.unwrap_or(Exit::Good);
        if context.output.json {
            Output::object(&preview::Report {
                exit: exit.code(),
                dry_run: true,
                previews,
            })?;
        }
        Ok(exit)
    }

    async fn carry_out(&self, jobs: Vec<Job>, context: &mut Context) -> Result<Exit, Trouble> {
        let mut exit = None;
        let mut operations = Vec::new();
        // A run finds its records anew, and takes along no more than were said.
        let mut allowed = self.said.yes.unwrap_or(self.confirm_above);
        for job in jobs {
            let (Job::Records(link, _) | Job::Run(link)) = job;
            let request = Request {
                at_most: matches!(job, Job::Run(_)).then_some(allowed),
                ..self.request(link)
            };
            let may_wait = self.repair.reach.wait;
            let consent = match self.deed.seen {
                Some(pair) => Consent::Seen { may_wait, pair },
                None => Consent::Named { may_wait },
            };
            let command = match job {
                Job::Records(_, records) => Command::Repair {
                    request: request.clone(),
                    records,
                    consent,
                },
                Job::Run(_) => Command::StartSync {
                    request: request.clone(),
                    consent,
                },
            };
            let (engine, interrupts) = (&self.session.engine, &mut context.interrupts);
            let output = context.output;
            let (state, done) =
                follow::carry_out(engine, interrupts, output, &request, command).await?;
            exit = Some(joined(exit, outcome::exit(&done)));
            allowed = allowed.saturating_sub(done.tally.total);
            if output.json {
                operations.push(outcome::operation(&state, &done));
            } else if done.refused.is_some() {
                output.error(outcome::summary(&done).trim_end());
            } else {
                Output::result(&outcome::summary(&done));
            }
            if done.interrupted {
                break;
            }
        }
        let exit = exit.unwrap_or(Exit::Good);
        if context.output.json {
            Output::object(&outcome::Report {
                exit: exit.code(),
                operations,
            })?;
        }
        Ok(exit)
    }
}

/// What is asked of a link, by whom and why.
pub fn request(session: &Session, link: usize, verb: Verb, reason: Option<&str>) -> Request {
    let states = session.engine.states.borrow();
    let link = states.links.get(link).map(|link| link.name.clone());
    Request {
        id: OperationId::new(),
        verb,
        link: link.unwrap_or_default(),
        reason: text::visible(reason.unwrap_or_default().trim()).into_owned(),
        choices: Vec::new(),
        retries: None,
        at_most: None,
        ticket: String::new(),
        who: session.who.clone(),
        asked: now().wall,
    }
}

fn all_pending(links: &[usize]) -> Wanted {
    let drifts = crate::domain::drift::Drift::ALL.into_iter();
    Wanted {
        drifts: drifts.filter(|drift| drift.is_pending()).collect(),
        link: match links {
            [only] => Some(*only),
            _ => None,
        },
        ..Wanted::default()
    }
}

fn records(links: Vec<(usize, Vec<Target>)>) -> Vec<Job> {
    let jobs = links.into_iter();
    jobs.map(|(link, records)| Job::Records(link, records))
        .collect()
}

fn joined(before: Option<Exit>, exit: Exit) -> Exit {
    before.map_or(exit, |before| before.and(exit))
}

/// The records in a file, or on stdin.
fn read_file(from: &Path) -> Result<String, Trouble> {
    let failed = |error: io::Error| Trouble::usage(format!("--from {}: {error}", from.display()));
    let mut text = String::new();
    let read = if from == Path::new("-") {
        io::stdin()
            .lock()
            .take(MOST_BYTES)
            .read_to_string(&mut text)
    } else {
        let file = fs::File::open(from).map_err(failed)?;
        file.take(MOST_BYTES).read_to_string(&mut text)
    };
    read.map_err(failed)?;
    Ok(text)
}
