//! `tandem maintenance`: announces that an instance is worked on, or that it no longer is. It asks no instance: the order
//! stands in the journal, and whoever runs on the state folder follows it.

use serde::Serialize;

use super::Context;
use super::arguments::Maintenance;
use super::exit::Exit;
use super::output::Output;
use super::person;
use super::session;
use super::trouble::Trouble;
use super::words::moment;
use crate::domain::text::visible;
use crate::engine::maintenance::{self, Announcement, NoMaintenance};

/// What was done, for scripts.
#[derive(Debug, Serialize)]
struct Report<'a> {
    exit: u8,
    instance: &'a str,
    /// Until when, if it begins.
    until: Option<String>,
}

/// Runs the command.
pub async fn run(arguments: &Maintenance, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::configuration(&context.globals)?;
    if let Some(why) = person::operator(&config.support).why_no_stop() {
        return Err(Trouble::refused(why));
    }
    let mut names = config
        .instances
        .iter()
        .map(|instance| instance.name.as_str());
    let instance = names.clone().find(|name| *name == arguments.instance);
    let Some(instance) = instance else {
        let known = names.by_ref().collect::<Vec<_>>().join(", ");
        let wanted = visible(&arguments.instance);
        return Err(Trouble::usage(format!(
            "there is no instance `{wanted}`: there are {known}"
        )));
    };
    let announcement = Announcement {
        instance: instance.to_owned(),
        who: person::who(),
        host: person::host(),
    };
    let until = if let (Some(lasts), Some(reason)) = (arguments.lasts, &arguments.reason) {
        let reason = visible(reason.trim()).into_owned();
        if reason.is_empty() {
            return Err(Trouble::usage("--reason says why, for whoever wonders"));
        }
        let forced = maintenance::begin(&config.state, announcement, &reason, lasts).await;
        forced.map_err(|error| trouble(&error))?.until
    } else {
        let ended = maintenance::end(&config.state, announcement).await;
        ended.map_err(|error| trouble(&error))?;
        None
    };
    let until = until.map(moment);
    if context.output.json {
        Output::object(&Report {
            exit: Exit::Good.code(),
            instance,
            until,
        })?;
    } else {
        Output::result(&match until {
            Some(until) => {
                format!("{instance} is in maintenance until {until}: nothing is sent to it\n")
            }
            None => format!("the maintenance of {instance} is over\n"),
        });
    }
    Ok(Exit::Good)
}

fn trouble(error: &NoMaintenance) -> Trouble {
    let why = error.to_string();
    match error {
        NoMaintenance::Stopped { .. } | NoMaintenance::NotInMaintenance(_) => Trouble::refused(why),
        NoMaintenance::TooLong | NoMaintenance::Unusable(_) => Trouble::usage(why),
        NoMaintenance::Broken(_) => Trouble::new(Exit::NeedsAPerson, why),
    }
}
