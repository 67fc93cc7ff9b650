//! `tandem timeline`: what happened, and what people put down. It asks no instance: it reads what the state folder
//! remembers.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Context;
use super::arguments::{Timeline, When};
use super::exit::Exit;
use super::incident;
use super::output::{Output, table};
use super::session;
use super::trouble::Trouble;
use super::words::moment;
use crate::engine::notes::{self, Happened};
use crate::engine::now;

/// Runs the command.
pub async fn run(arguments: &Timeline, context: &mut Context) -> Result<Exit, Trouble> {
    let state = session::state(&context.globals)?;
    let at = now().wall;
    let since = then(arguments.since, at);
    let until = arguments.until.map_or(at, |until| then(until, at));
    if until < since {
        return Err(Trouble::usage(
            "--until lies before --since: nothing is between them",
        ));
    }
    let happened = notes::happened(&state, since, until).await;
    let mut happened = happened.map_err(|error| incident::trouble(&error))?;
    if let Some(filter) = &arguments.filter {
        let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
        happened.retain(|one| {
            let line = words_of(one).join(" ").to_lowercase();
            words.iter().all(|word| line.contains(word))
        });
    }
    if context.output.json {
        let lines: Vec<Line> = happened.iter().map(Line::of).collect();
        Output::object(&serde_json::json!({
            "since": moment(since),
            "until": moment(until),
            "lines": lines,
        }))?;
    } else if arguments.jsonl {
        for one in &happened {
            Output::object(&Line::of(one))?;
        }
    } else if arguments.md {
        Output::result(&markdown(&happened));
    } else if happened.is_empty() {
        context
            .output
            .remark(&format!("nothing happened since {}", moment(since)));
    } else {
        let rows = happened.iter().map(|one| words_of(one).to_vec());
        Output::result(&table(&rows.collect::<Vec<_>>()));
    }
    Ok(Exit::Good)
}

/// The moment that was meant.
pub fn then(when: When, now: DateTime<Utc>) -> DateTime<Utc> {
    match when {
        When::At(at) => at,
        When::Ago(ago) => chrono::Duration::from_std(ago)
            .ok()
            .and_then(|ago| now.checked_sub_signed(ago))
            .unwrap_or(DateTime::<Utc>::MIN_UTC),
    }
}

fn words_of(one: &Happened) -> [String; 3] {
    let whose = match (&one.who, &one.instance) {
        (Some(who), _) => who.clone(),
        (None, Some(instance)) => instance.clone(),
        (None, None) => String::new(),
    };
    [moment(one.at), whose, one.text.clone()]
}

/// A line for scripts: a stable shape, to which fields may be added.
#[derive(Debug, Serialize)]
struct Line<'a> {
    at: String,
    instance: Option<&'a str>,
    who: Option<&'a str>,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn of(one: &'a Happened) -> Self {
        Self {
            at: one.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            instance: one.instance.as_deref(),
            who: one.who.as_deref(),
            text: &one.text,
        }
    }
}

fn markdown(happened: &[Happened]) -> String {
    let lines = happened.iter().map(|one| {
        let plain = crate::domain::text::markdown;
        let [at, _, text] = words_of(one);
        let whose = match (&one.who, &one.instance) {
            (Some(who), _) => format!("**{}** ", plain(who)),
            (None, Some(instance)) => format!("{}: ", plain(instance)),
            (None, None) => String::new(),
        };
        format!("- `{at}` {whose}{}\n", plain(&text))
    });
    lines.collect()
}
