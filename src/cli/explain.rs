//! `tandem explain`: one record's story. Both sides, its drift and why, what was done to it and by whom, what is under
//! way, what stands in the way, and what to run.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::Context;
use super::arguments::Explain;
use super::exit::Exit;
use super::follow;
use super::output::{Output, table};
use super::select;
use super::session::{self, Purpose, Session};
use super::status::text as status;
use super::trouble::Trouble;
use super::wait;
use super::words::{duration, moment};
use crate::domain::breaker::Phase;
use crate::domain::drift::Drift;
use crate::domain::row::Row;
use crate::domain::text::visible;
use crate::domain::time::age;
use crate::engine::command::Target;
use crate::engine::explain::{Explained, Past, Sight, Story, Unresolved};
use crate::engine::state::LinkState;
use crate::engine::{Command, State};

/// The longest value that a line of text takes.
const LONGEST: usize = 60;

/// Runs the command.
pub async fn run(arguments: &Explain, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::configuration(&context.globals)?;
    let (link, link_name) = (arguments.link.as_deref(), &arguments.table);
    let (_, target) = select::one(&arguments.record, Some(link_name), link, &config)?;
    let session = Session::begin(config, &context.globals, Purpose::Named)?;
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
                format!("a person chose to keep what {target} has, and neither side has changed since")
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
        match self.story.drift {
            None => format!("tandem explain {table} {id}, once the instance answers"),
            Some(Drift::Missing) => {
                format!("{}; or `ensure` for its name and keys only", run("sync"))
            }
            Some(Drift::Stub | Drift::Stale) => run("rehydrate"),
            Some(Drift::Diverged) => format!(
                "once a person has compared both sides: {}, or --take source, or --take target",
                run("resolve --take blanks")
            ),
            Some(Drift::DeletedInTarget) => {
                format!("only if it was deleted by mistake: {}", run("resolve --take source"))
            }
            Some(Drift::Kept) => format!("nothing; or {}", run("resolve --take source")),
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

    fn text(&self) -> String {
        let story = self.story;
        let named = [self.table, &story.name, &story.number].into_iter();
        let named: Vec<&str> = named.filter(|part| !part.is_empty()).collect();
        let mut lines = vec![format!("{} {}", visible(&named.join(" ")), story.key.id)];
        let now = self.state.now.wall;
        let since = story.since.map(|since| {
            format!(
                ", since {} ({} ago)",
                moment(since),
                duration(age(now, since))
            )
        });
        let drift = self.drift().unwrap_or("not known");
        let since = since.unwrap_or_default();
        lines.push(format!("{drift}{since}: {}", self.why()));
        lines.push(String::new());
        let mut text = lines.join("\n");
        text.push('\n');
        text.push_str(&self.sides());
        let parts = [
            ("done to it", self.done()),
            ("overwritten", self.overwritten()),
            ("under way", self.under_way()),
            ("in the way", self.blocked_by()),
        ];
        for (heading, lines) in parts {
            if !lines.is_empty() {
                text.push_str(&format!("\n{heading}\n"));
                for line in lines {
                    text.push_str(&format!("  {}\n", visible(&line)));
                }
            }
        }
        text.push_str(&format!("\nto run: {}\n", self.to_run()));
        text
    }

    /// Both sides, column by column; those that differ are marked.
    fn sides(&self) -> String {
        let story = self.story;
        let [source, target] = self.ends();
        let heading = ["column", source, target].map(|cell| visible(cell).into_owned());
        let mut rows = vec![heading.to_vec()];
        let sights = [&story.source, &story.target];
        if sights.iter().any(|sight| sight.row().is_none()) {
            let words = sights.map(|sight| match sight {
                Sight::Row(_) => "there".to_owned(),
                Sight::Absent => "no such row".to_owned(),
                Sight::Unreadable(why) => format!("hidden from us: {}", visible(why)),
                Sight::Unreachable(why) => format!("not known: {}", visible(why)),
            });
            rows.push([vec!["(row)".to_owned()], words.to_vec()].concat());
        }
        for (place, name) in story.columns.iter().enumerate() {
            let cells = sights.map(|sight| cell(sight.row(), place));
            if sights.iter().any(|sight| sight.row().is_some()) {
                let mark = if story.differing.contains(&place) {
                    " ≠"
                } else {
                    ""
                };
                rows.push([vec![format!("{name}{mark}")], cells.to_vec()].concat());
            }
        }
        let stamps = sights.map(|sight| {
            let row = sight.row()?;
            let by = row.modified_by.as_ref().and_then(|by| by.name.as_deref());
            let by = by.map_or_else(String::new, |by| format!(" by {}", visible(by)));
            row.modified_on.map(|at| format!("{}{by}", moment(at)))
        });
        if stamps.iter().any(Option::is_some) {
            let stamps = stamps.map(Option::unwrap_or_default);
            rows.push([vec!["(changed)".to_owned()], stamps.to_vec()].concat());
        }
        table(&rows)
    }

    fn done(&self) -> Vec<String> {
        let past = match &self.story.history {
            Ok(past) => past,
            Err(why) => return vec![format!("not known, the journal can't be read: {why}")],
        };
        let lines = past.iter().map(|event| {
            let request = &event.request;
            let mut line = format!(
                "{} {} by {}: {}",
                moment(event.at),
                request.verb,
                request.who,
                event.stage.word()
            );
            if event.on_the_way {
                line.push_str(", as another record refers to it");
            }
            if !event.columns.is_empty() {
                line.push_str(&format!(" {}", event.columns.join(", ")));
            }
            if let Some(reason) = event.stage.reason().filter(|reason| !reason.is_empty()) {
                line.push_str(&format!(" ({reason})"));
            }
            let why = [&request.ticket, &request.reason].into_iter();
            let why: Vec<&str> = why
                .map(String::as_str)
                .filter(|part| !part.is_empty())
                .collect();
            if !why.is_empty() {
                line.push_str(&format!(" [{}]", why.join(": ")));
            }
            if event.is_clock_set_back {
                line.push_str(" (the clock was set back before this)");
            }
            line
        });
        lines.collect()
    }

    /// Shown to a person who asks for this one record; no export has it, and no JSON.
    fn overwritten(&self) -> Vec<String> {
        let kept = self.story.overwritten.iter();
        let lines = kept.map(|kept| {
            let value = shortened(&kept.value);
            format!("{} {}: it held {value}", moment(kept.at), kept.column)
        });
        lines.collect()
    }

    fn report(&self) -> Report {
        let story = self.story;
        let side = |sight: &Sight| {
            let (is, why) = match sight {
                Sight::Row(_) => ("there", None),
                Sight::Absent => ("absent", None),
                Sight::Unreadable(why) => ("hidden", Some(why.clone())),
                Sight::Unreachable(why) => ("not known", Some(why.clone())),
            };
            let row = sight.row();
            let by = row.and_then(|row| row.modified_by.as_ref());
            Side {
                is,
                why,
                modified: row.and_then(|row| row.modified_on).map(moment),
                modified_by: by.and_then(|by| by.name.clone()),
                values: row.map(|row| self.values(row)),
            }
        };
        let differing = story.differing.iter();
        Report {
            exit: self.exit().code(),
            as_of: moment(self.state.now.wall),
            link: self.link.map(|link| link.name.clone()),
            table: self.table.to_owned(),
            id: story.key.id.to_string(),
            name: story.name.clone(),
            number: story.number.clone(),
            drift: self.drift(),
            is_guess: story.is_guess,
            why: self.why(),
            since: story.since.map(moment),
            other: story.other.map(|other| other.to_string()),
            differing: differing
                .filter_map(|place| story.columns.get(*place).cloned())
                .collect(),
            source: side(&story.source),
            target: side(&story.target),
            history: story
                .history
                .as_ref()
                .ok()
                .map(|past| past.iter().map(step).collect()),
            overwritten: story
                .overwritten
                .iter()
                .map(|kept| kept.column.clone())
                .collect(),
            under_way: self.under_way(),
            blocked_by: self.blocked_by(),
            to_run: self.to_run(),
        }
    }

    fn values(&self, row: &Row) -> Map<String, Json> {
        let values = self.story.columns.iter().zip(&row.values);
        values
            .map(|(name, value)| (name.clone(), value.to_string().into()))
            .collect()
    }
}

fn cell(row: Option<&Row>, place: usize) -> String {
    let value = row.and_then(|row| row.values.get(place));
    value.map_or_else(String::new, |value| shortened(&value.to_string()))
}

fn shortened(value: &str) -> String {
    let mut short: String = visible(value).chars().take(LONGEST).collect();
    if visible(value).chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// The story for a script: a stable shape, to which fields may be added. Values are as people read them; of what was
/// overwritten only the columns are named.
#[derive(Debug, Serialize)]
struct Report {
    exit: u8,
    as_of: String,
    link: Option<String>,
    table: String,
    id: String,
    name: String,
    number: String,
    drift: Option<&'static str>,
    is_guess: bool,
    why: String,
    since: Option<String>,
    other: Option<String>,
    differing: Vec<String>,
    source: Side,
    target: Side,
    history: Option<Vec<Step>>,
    overwritten: Vec<String>,
    under_way: Vec<String>,
    blocked_by: Vec<String>,
    to_run: String,
}

#[derive(Debug, Serialize)]
struct Side {
    is: &'static str,
    why: Option<String>,
    modified: Option<String>,
    modified_by: Option<String>,
    values: Option<Map<String, Json>>,
}

#[derive(Debug, Serialize)]
struct Step {
    seq: u64,
    at: String,
    operation: String,
    verb: &'static str,
    who: String,
    reason: String,
    ticket: String,
    stage: &'static str,
    why: Option<String>,
    columns: Vec<String>,
    on_the_way: bool,
    clock_set_back: bool,
}

fn step(event: &Past) -> Step {
    let request = &event.request;
    Step {
        seq: event.seq,
        at: moment(event.at),
        operation: request.id.to_string(),
        verb: request.verb.word(),
        who: request.who.clone(),
        reason: request.reason.clone(),
        ticket: request.ticket.clone(),
        stage: event.stage.word(),
        why: event.stage.reason().map(str::to_owned),
        columns: event.columns.clone(),
        on_the_way: event.on_the_way,
        clock_set_back: event.is_clock_set_back,
    }
}
