//! `tandem config`: where the configuration is, whether it is right, and what it comes to. No instance is asked, and no
//! secret is fetched.

use serde::Serialize;

use super::Context;
use super::arguments::ConfigCommand;
use super::console;
use super::exit::Exit;
use super::output::Output;
use super::session;
use super::trouble::Trouble;
use super::words::count;
use crate::config::locate::{NamedBy, Place};
use crate::config::{self, Config};

/// Where things are, and who says so.
#[derive(Serialize)]
struct Places {
    config: Where,
    state: Where,
    read_only: bool,
}

#[derive(Serialize)]
struct Where {
    path: String,
    by: String,
    exists: bool,
}

impl From<&Place> for Where {
    fn from(place: &Place) -> Self {
        Self {
            path: place.path.display().to_string(),
            by: place.by.to_string(),
            exists: place.path.exists(),
        }
    }
}

/// A configuration that is well-formed, in figures.
#[derive(Serialize)]
struct Checked {
    file: String,
    instances: usize,
    links: usize,
    tables: usize,
}

/// Runs the command.
pub fn run(command: ConfigCommand, context: &Context) -> Result<Exit, Trouble> {
    match command {
        ConfigCommand::Path => path(context),
        ConfigCommand::Check => check(context),
        ConfigCommand::Print => print(context),
    }
}

fn path(context: &Context) -> Result<Exit, Trouble> {
    let place = place(context)?;
    let state = session::state_place(&context.globals)?;
    if context.output.json {
        Output::object(&Places {
            config: Where::from(&place),
            state: Where::from(&state),
            read_only: context.globals.read_only,
        })?;
        return Ok(Exit::Good);
    }
    let yet = if place.path.exists() {
        ""
    } else {
        "; nothing is there yet"
    };
    Output::result(&format!("{}\n", place.path.display()));
    let remark = format!(
        "by {}{yet}; journal and logs are in {}, by {}",
        place.by,
        state.path.display(),
        state.by
    );
    context.output.remark(&remark);
    Ok(Exit::Good)
}

fn place(context: &Context) -> Result<Place, Trouble> {
    let place = session::configuration_place(&context.globals);
    place.ok_or_else(|| Trouble::usage("there is no home: name a file with --config FILE"))
}

fn check(context: &Context) -> Result<Exit, Trouble> {
    let config = checked(context)?;
    let tables = config.links.iter().map(|link| link.tables.len()).sum();
    let checked = Checked {
        file: place(context)?.path.display().to_string(),
        instances: config.instances.len(),
        links: config.links.len(),
        tables,
    };
    if context.output.json {
        Output::object(&checked)?;
        return Ok(Exit::Good);
    }
    Output::result(&format!(
        "{} is well-formed: {}, {}, {}\n",
        checked.file,
        count(checked.instances, "instance"),
        count(checked.links, "link"),
        count(checked.tables, "table"),
    ));
    let remark = "whether it fits the instances, `tandem doctor` finds out";
    context.output.remark(remark);
    Ok(Exit::Good)
}

/// The configuration, with what the console alone can judge.
fn checked(context: &Context) -> Result<Config, Trouble> {
    let config = session::configuration(&context.globals)?;
    console::keys(&config)?;
    Ok(config)
}

fn print(context: &Context) -> Result<Exit, Trouble> {
    let config = checked(context)?;
    let (place, state) = (place(context)?, session::state_place(&context.globals)?);
    let unreadable = |error: String| Trouble::usage(format!("{}: {error}", place.path.display()));
    let text = std::fs::read_to_string(&place.path);
    let text = text.map_err(|error| unreadable(error.to_string()))?;
    let table = config::resolved(&text, &place.path, &config);
    let table = table.map_err(|error| unreadable(error.message().to_owned()))?;
    if context.output.json {
        Output::object(&table)?;
        return Ok(Exit::Good);
    }
    let text = toml::to_string(&table).map_err(|error| Trouble::bug(error.to_string()))?;
    let read_only = if context.globals.read_only {
        "# Nothing is written to any instance: this is --read-only.\n"
    } else {
        ""
    };
    let by = |place: &Place| match place.by {
        NamedBy::Default => String::new(),
        by => format!(", by {by}"),
    };
    Output::result(&format!(
        "# {}{}\n# journal and logs: {}{}\n{read_only}\n{text}",
        place.path.display(),
        by(&place),
        state.path.display(),
        by(&state),
    ));
    Ok(Exit::Good)
}
