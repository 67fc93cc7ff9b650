//! `tandem find`: any record by what a caller says, or by what was pasted.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::Context;
use super::arguments;
use super::exit::Exit;
use super::output::{Output, table};
use super::session;
use super::trouble::Trouble;
use super::words::count;
use crate::domain::find;
use crate::domain::text::visible;
use crate::engine::find::{Found, Record};

/// Runs the command. What was found is good even if an instance did not answer; what was not found then is not known.
pub async fn run(arguments: &arguments::Find, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    let text = arguments.text.join(" ");
    let said = find::parse(&text).ok_or_else(|| {
        Trouble::usage("say what to find: a name, a number, a GUID, an address, an error message")
    })?;
    let found = tokio::select! {
        biased;
        () = context.interrupts.next() => return Err(Trouble::interrupted()),
        found = crate::engine::find::find(&config, &said, &[]) => found,
    };
    let found = found.map_err(|error| {
        let causes = anyhow::Error::from(error);
        Trouble::usage(format!("{causes:#}"))
    })?;
    if context.output.json {
        Output::object(&report(&text, &found))?;
    } else {
        Output::result(&shown(&text, &found));
    }
    let all_answered = found.instances.iter().all(|asked| asked.failure.is_none());
    Ok(match (found.records.is_empty(), all_answered) {
        (false, _) => Exit::Good,
        (true, true) => Exit::NeedsAPerson,
        (true, false) => Exit::Unreachable,
    })
}

fn shown(text: &str, found: &Found) -> String {
    let names = found.instances.iter().map(|asked| asked.name.clone());
    let heading = ["table", "name", "number", "telephone", "id"].map(str::to_owned);
    let mut rows = vec![heading.into_iter().chain(names).collect()];
    rows.extend(found.records.iter().map(row));
    let (list, sum) = if found.records.is_empty() {
        let text: String = visible(text).chars().take(80).collect();
        (String::new(), format!("nothing found for `{text}`\n"))
    } else {
        let sum = count(found.records.len(), "record");
        (table(&rows), format!("{sum}\n"))
    };
    let more = if found.more {
        "an instance has more that fit: say more of it\n"
    } else {
        ""
    };
    let silent = found.instances.iter().filter_map(|asked| {
        let why = asked.failure.as_ref()?;
        Some(format!("{} did not answer: {why}\n", asked.name))
    });
    format!("{list}{sum}{more}{}", silent.collect::<String>())
}

fn row(record: &Record) -> Vec<String> {
    let on = record.on.iter().map(|on| match on {
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
        None => "?".to_owned(),
    });
    let own = [
        record.table.to_string(),
        record.name.clone(),
        record.number.clone(),
        record.telephone.clone(),
        record.id.to_string(),
    ];
    own.into_iter().chain(on).collect()
}

/// The JSON of a search: a stable shape, to which fields may be added.
#[derive(Debug, Serialize)]
struct Report<'a> {
    asked: &'a str,
    instances: Vec<Instance<'a>>,
    records: Vec<Line<'a>>,
    more: bool,
}

#[derive(Debug, Serialize)]
struct Instance<'a> {
    name: &'a str,
    answered: bool,
    why: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    table: &'a str,
    id: String,
    name: &'a str,
    number: &'a str,
    telephone: &'a str,
    /// By instance: there, not there, or not known.
    on: Map<String, Json>,
}

fn report<'a>(text: &'a str, found: &'a Found) -> Report<'a> {
    let instances = found.instances.iter().map(|asked| Instance {
        name: &asked.name,
        answered: asked.failure.is_none(),
        why: asked.failure.as_deref(),
    });
    let names = || found.instances.iter().map(|asked| asked.name.clone());
    let records = found.records.iter().map(|record| Line {
        table: record.table.as_str(),
        id: record.id.to_string(),
        name: &record.name,
        number: &record.number,
        telephone: &record.telephone,
        on: names()
            .zip(record.on.iter().map(|on| Json::from(*on)))
            .collect(),
    });
    Report {
        asked: text,
        instances: instances.collect(),
        records: records.collect(),
        more: found.more,
    }
}
