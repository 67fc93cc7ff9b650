//! `tandem note` and `tandem ack`: what a person puts down while something is wrong, without the console. It is in the
//! journal, and all who look at the state folder see it within a second.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Context;
use super::arguments::{Ack, Note};
use super::exit::Exit;
use super::glance::glance;
use super::output::Output;
use super::person;
use super::session;
use super::trouble::Trouble;
use super::words::{count, moment};
use crate::domain::alert::AlertKey;
use crate::domain::text::visible;
use crate::engine::notes::{self, NoNotes, Person};
use crate::engine::state::Alarm;

/// Runs `tandem note`.
pub async fn note(arguments: &Note, context: &mut Context) -> Result<Exit, Trouble> {
    let text = arguments.text.join(" ");
    if text.trim().is_empty() {
        return Err(Trouble::usage("say what to put down: `tandem note TEXT`"));
    }
    let state = session::state(&context.globals)?;
    let noted = notes::note(&state, person(), &text).await;
    noted.map_err(|error| trouble(&error))?;
    if context.output.json {
        Output::object(&serde_json::json!({"exit": Exit::Good.code(), "text": text.trim()}))?;
    } else {
        context.output.remark("noted");
    }
    Ok(Exit::Good)
}

/// What was done, for scripts.
#[derive(Debug, Serialize)]
struct Report {
    exit: u8,
    /// Until when they are taken; null where they were given back.
    until: Option<String>,
    alerts: Vec<Key>,
}

#[derive(Debug, Serialize)]
struct Key {
    rule: String,
    subject: String,
}

/// Runs `tandem ack`.
pub async fn ack(arguments: &Ack, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::configuration(&context.globals)?;
    let seen = glance(config.clone(), context, arguments.patience.timeout).await?;
    let (state, fire) = (seen.state, seen.alarms);
    let mine = |alarm: &Alarm| {
        let taken = state.taken_by(alarm, state.now.wall);
        taken.is_some_and(|taken| taken.who == person::who())
    };
    let chosen = if arguments.give_back && arguments.alerts.is_empty() {
        fire.iter().filter(|one| mine(one)).cloned().collect()
    } else {
        chosen(&arguments.alerts, &fire)?
    };
    if chosen.is_empty() {
        let why = if arguments.give_back {
            "you have no alert to give back"
        } else {
            "no alert fires"
        };
        return report(context.output, why, None, &[]);
    }
    let keys: Vec<AlertKey> = chosen.into_iter().map(|alarm| alarm.key).collect();
    let text = arguments.note.clone().unwrap_or_default();
    let lasts = if arguments.give_back {
        std::time::Duration::ZERO
    } else {
        arguments.lasts
    };
    let taken = notes::take(&config.state, person(), keys.clone(), &text, lasts).await;
    let until = taken.map_err(|error| trouble(&error))?;
    let until = (!arguments.give_back).then_some(until);
    let what = count(keys.len(), "alert");
    let said = match until {
        Some(until) => format!("{what} taken until {}", moment(until)),
        None => format!("{what} given back"),
    };
    report(context.output, &said, until, &keys)
}

fn report(
    output: Output,
    said: &str,
    until: Option<DateTime<Utc>>,
    keys: &[AlertKey],
) -> Result<Exit, Trouble> {
    let keys = keys.iter();
    if output.json {
        Output::object(&Report {
            exit: Exit::Good.code(),
            until: until.map(moment),
            alerts: keys
                .map(|key| Key {
                    rule: key.rule.clone(),
                    subject: key.subject.clone(),
                })
                .collect(),
        })?;
    } else {
        let lines = keys.map(|key| format!("  {}\n", name(key)));
        Output::result(&format!("{said}\n{}", lines.collect::<String>()));
    }
    Ok(Exit::Good)
}

/// An alert as it is named on a command line: `breaker-open:europe read`.
pub fn name(key: &AlertKey) -> String {
    visible(&format!("{}:{}", key.rule, key.subject)).into_owned()
}

/// Those of the alerts that fire which were named; all, where none was.
fn chosen(named: &[String], fire: &[Alarm]) -> Result<Vec<Alarm>, Trouble> {
    if named.is_empty() {
        return Ok(fire.to_vec());
    }
    let fits = |alarm: &Alarm, named: &str| match named.split_once(':') {
        Some((rule, subject)) => alarm.key.rule == rule && alarm.key.subject == subject,
        None => alarm.key.rule == named,
    };
    for one in named {
        if !fire.iter().any(|alarm| fits(alarm, one)) {
            let all: Vec<String> = fire.iter().map(|alarm| name(&alarm.key)).collect();
            let all = if all.is_empty() {
                "none does".to_owned()
            } else {
                all.join(", ")
            };
            let why = format!("no alert `{}` fires: {all}", visible(one));
            return Err(Trouble::refused(why));
        }
    }
    let fits = |alarm: &&Alarm| named.iter().any(|one| fits(alarm, one));
    Ok(fire.iter().filter(fits).cloned().collect())
}

fn person() -> Person {
    Person {
        who: person::who(),
        host: person::host(),
    }
}

/// What it means that nothing could be put down.
pub fn trouble(error: &NoNotes) -> Trouble {
    let why = error.to_string();
    match error {
        NoNotes::Unusable(_) => Trouble::usage(why),
        NoNotes::Broken(_) => Trouble::new(Exit::NeedsAPerson, why),
    }
}
