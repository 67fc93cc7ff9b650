//! `tandem explain`: one record's story. Both sides, its drift and why, what was done to it and by whom, what is under
//! way, what stands in the way, and what to run.

mod json;
mod text;

use std::sync::Arc;

use super::Context;
use super::arguments::Explain;
use super::exit::Exit;
use super::follow;
use super::output::Output;
use super::select;
use super::session::{self, Purpose, Session};
use super::status::text as status;
use super::trouble::Trouble;
use super::wait;
use crate::domain::breaker::Phase;
use crate::domain::drift::Drift;
use crate::domain::text::visible;
use crate::engine::command::Target;
use crate::engine::explain::{Explained, Past, Sight, Story, Unresolved};
use crate::engine::state::LinkState;
use crate::engine::{Command, State};

/// Runs the command.
pub async fn run(arguments: &Explain, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    let (link, link_name) = (arguments.link.as_deref(), &arguments.table);
    let (_, target) = select::one(&arguments.record, Some(link_name), link, &config)?;
    let session = Session::begin(config, context, Purpose::Named).await?;
    let answered = answered(&session, &target, arguments, context).await;
    session.end().await;
    let (state, explained) = answered?;
    match &explained.story {
        Err(Unresolved::NoSuchRecord(why)) => Err(Trouble::new(Exit::NeedsAPerson, why.as_str())),
        Err(Unresolved::Unreachable(why)) => Err(Trouble::unreachable(why.as_str())),
        Ok(story) => {
            let told = Told::new(&state, story);
            if context.output.json {
                Output::object(&told.report())?;
            } else {
                Output::result(&told.text());
            }
            Ok(told.exit())
        }
    }
}

/// How both sides stand, for `resolve --if-seen`.
fn mark(pair: u64) -> String {
    format!("{pair:016x}")
}

/// Asks, and waits for the answer and for how both instances are.
async fn answered(
    session: &Session,
    target: &Target,
    arguments: &Explain,
    context: &mut Context,
) -> Result<(Arc<State>, Arc<Explained>), Trouble> {
    let engine = &session.engine;
    follow::send(engine, Command::Explain(target.clone())).await?;
    let answer = |state: &State| {
        let explained = state.explained.as_ref();
        explained
            .filter(|explained| explained.asked == *target)
            .cloned()
    };
    let is_there = |state: &Arc<State>| {
        let probed = state.instances.iter().all(wait::is_probed);
        probed && answer(state).is_some()
    };
    let timeout = arguments.patience.timeout;
    let interrupts = &mut context.interrupts;
    let arrived = wait::until(engine, interrupts, Some(timeout), is_there).await;
    let state = arrived.map_err(|stopped| follow::trouble(&stopped, timeout))?;
    let explained = answer(&state);
    let explained = explained.ok_or_else(|| Trouble::bug("the answer is gone"))?;
    Ok((state, explained))
}

/// A story with the state that it is told in.
struct Told<'a> {
    state: &'a State,
    story: &'a Story,
    link: Option<&'a LinkState>,
    table: &'a str,
}

impl<'a> Told<'a> {
    fn new(state: &'a State, story: &'a Story) -> Self {
        let table = state.table(story.key.table);
        Self {
            state,
            story,
            link: state.link_of(story.key.table),
            table: table.map_or("?", |table| table.name.as_str()),
        }
    }

    fn exit(&self) -> Exit {
        let is_unreachable = |sight: &Sight| matches!(sight, Sight::Unreachable(_));
        if is_unreachable(&self.story.source) || is_unreachable(&self.story.target) {
            Exit::Unreachable
        } else if self.is_nowhere()
            && !self
                .story
                .history
                .as_ref()
                .is_ok_and(|past| !past.is_empty())
        {
            Exit::NeedsAPerson
        } else {
            Exit::Good
        }
    }

    fn is_nowhere(&self) -> bool {
        self.story.source == Sight::Absent && self.story.target == Sight::Absent
    }

    fn ends(&self) -> [&'a str; 2] {
        let name = |place: Option<usize>| {
            let instance = place.and_then(|place| self.state.instances.get(place));
            instance.map_or("?", |instance| instance.name.as_str())
        };
        [
            name(self.link.map(|link| link.source)),
            name(self.link.map(|link| link.target)),
        ]
    }

    /// The drift's word; what both sides lack has none.
    fn drift(&self) -> Option<&'static str> {
        self.story
            .drift
            .filter(|_| !self.is_nowhere())
            .map(Drift::word)
    }

    /// What the drift rests on.
    fn why(&self) -> String {
        let [source, target] = self.ends();
        let Some(drift) = self.story.drift else {
            return "where it stands can't be told before both sides have been read".to_owned();
        };
        let by = |sight: &Sight| {
            let by = sight.row().and_then(|row| row.modified_by.as_ref());
            let name = by.and_then(|by| by.name.clone());
            name.map_or_else(String::new, |name| format!(", last by {}", visible(&name)))
        };
        match drift {
            Drift::Missing => {
                format!("{source} has it; {target} does not, and nothing shows that it ever did")
            }
            Drift::Stub => format!(
                "{target} has only what an ensure sets, so that other rows could refer to it; {source} has more"
            ),
            Drift::Stale if self.story.is_guess => format!(
                "both differ, and {source} was changed last by the two clocks: a guess, nothing else tells"
            ),
            Drift::Stale => {
                format!("{source} was changed since; {target} is as the sync or tandem left it")
            }
            Drift::Diverged if self.story.is_guess => format!(
                "both differ, and {target} was changed last by the two clocks{}: a guess, nothing else tells",
                by(&self.story.target)
            ),
            Drift::Diverged => format!(
                "{target} was changed by somebody else than the sync{}",
                by(&self.story.target)
            ),
            Drift::Kept => {
                format!(
                    "a person chose to keep what {target} has, and neither side has changed since"
                )
            }
            Drift::DeletedInTarget => format!("{target} had it, and it was deleted there"),
            Drift::Duplicate => {
                let other = self.story.other.map(|other| other.to_string());
                let other = other.unwrap_or_default();
                format!("its key stands on another row on the other side: {other}")
            }
            Drift::Orphan => format!("only {target} has it, though it came over the link"),
            Drift::Unknown => "an instance answered, and does not show it to us".to_owned(),
            Drift::Local => {
                format!("only {target} has it, and nothing shows that it came over the link")
            }
            Drift::InSync if self.is_nowhere() => "neither instance has such a row".to_owned(),
            Drift::InSync => "all hydrated columns are equal".to_owned(),
        }
    }

    /// The latest word on it in every operation that is not done with it.
    fn under_way(&self) -> Vec<String> {
        let past = self.story.history.as_deref().unwrap_or_default();
        let mut open: Vec<&Past> = Vec::new();
        for event in past {
            let is_same = |one: &&Past| {
                one.request.id == event.request.id && one.on_the_way == event.on_the_way
            };
            open.retain(|one| !is_same(one));
            if !event.stage.is_final() {
                open.push(event);
            }
        }
        let lines = open.into_iter().map(|event| {
            let request = &event.request;
            let operation = self.state.operation(request.id);
            let how = match operation {
                Some(operation) if operation.is_finished() => "that operation has ended",
                Some(operation) if operation.was_left_behind => {
                    "left unfinished by an earlier process; the console goes on with it or ends it"
                }
                _ => "another process is about it",
            };
            format!(
                "{} in a {} by {}: {how} (operation {})",
                event.stage.word(),
                request.verb,
                request.who,
                request.id
            )
        });
        lines.collect()
    }

    /// What stands in the way of reading or writing it.
    fn blocked_by(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(fault) = self.link.and_then(|link| link.fault.as_ref()) {
            lines.push(format!("the link can't be used: {fault}"));
        }
        if let Some(fault) = &self.state.journal_fault {
            lines.push(format!("the journal can't be written: {fault}"));
        }
        let ends = self.link.into_iter();
        for instance in ends.flat_map(|link| wait::ends(self.state, link)) {
            lines.extend(status::note(self.state, instance));
            let breakers = instance.breakers.iter();
            let open = breakers.filter(|breaker| matches!(breaker.phase, Phase::Open { .. }));
            lines.extend(open.map(|breaker| {
                let words = status::breaker_words(self.state, breaker);
                format!("{}: breaker {words}", instance.name)
            }));
        }
        lines
    }

    /// What a person can do about it.
    fn to_run(&self) -> String {
        let (table, id) = (self.table, self.story.key.id);
        let run = |verb: &str| {
            let wait = if self.blocked_by().is_empty() {
                ""
            } else {
                " --wait"
            };
            format!("tandem {verb} {table} {id}{wait}")
        };
        // What changes after this look is left alone.
        let seen = |take: &str| match self.story.pair {
            Some(pair) => run(&format!("resolve --take {take} --if-seen {}", mark(pair))),
            None => run(&format!("resolve --take {take}")),
        };
        match self.story.drift {
            None => format!("tandem explain {table} {id}, once the instance answers"),
            Some(Drift::Missing) => {
                format!("{}; or `ensure` for its name and keys only", run("sync"))
            }
            Some(Drift::Stub | Drift::Stale) => run("rehydrate"),
            Some(Drift::Diverged) => format!(
                "once a person has compared both sides: {}, or --take source, or --take target",
                seen("blanks")
            ),
            Some(Drift::DeletedInTarget) => {
                format!(
                    "only if it was deleted by mistake: {}",
                    run("resolve --take source")
                )
            }
            Some(Drift::Kept) => format!("nothing; or {}", seen("source")),
            Some(Drift::Duplicate) => {
                "nothing: merge the two rows in the target's app, then look again".to_owned()
            }
            Some(Drift::Orphan) => {
                "nothing: it is gone from the source, and tandem deletes nothing".to_owned()
            }
            Some(Drift::Unknown) => "nothing: give tandem's user the right to read it".to_owned(),
            Some(Drift::Local | Drift::InSync) => "nothing".to_owned(),
        }
    }
}
