//! `tandem handover`: the bundle for the next shift, as the console writes it.

use std::sync::Arc;

use super::Context;
use super::arguments::Handover;
use super::exit::Exit;
use super::glance::{Glance, glance};
use super::output::Output;
use super::session;
use super::timeline::then;
use super::trouble::Trouble;
use crate::domain::text::visible;
use crate::engine::State;
use crate::tui;

/// Runs the command. What can't be read in time is handed over as not known.
pub async fn run(arguments: &Handover, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::configuration(&context.globals)?;
    let (safety, place) = (config.safety, config.state.clone());
    let names = config.links.iter().map(|link| link.name.clone());
    let link = match &arguments.link {
        None => 0,
        Some(wanted) => {
            let known: Vec<String> = names.collect();
            let found = known.iter().position(|name| name == wanted);
            found.ok_or_else(|| {
                let (wanted, known) = (visible(wanted), known.join(", "));
                Trouble::usage(format!("there is no link `{wanted}`: there are {known}"))
            })?
        }
    };
    if let Some(out) = arguments.out.as_ref().filter(|out| out.exists()) {
        let why = format!("{} is there already: name a new folder", out.display());
        return Err(Trouble::usage(why));
    }
    let Glance { state, alarms, who } = glance(config, context, arguments.patience.timeout).await?;
    let mut state = State::clone(&state);
    state.alarms = alarms;
    let asked = tui::BundleOptions {
        who,
        safety,
        link,
        since: arguments.since.map(|since| then(since, state.now.wall)),
        out: arguments.out.clone(),
    };
    let written = tui::write_bundle(Arc::new(state), asked, &place);
    let (folder, files) = written.map_err(|(folder, error)| {
        let why = format!("write {}: {error}", folder.display());
        Trouble::new(Exit::NeedsAPerson, why)
    })?;
    if context.output.json {
        Output::object(&serde_json::json!({
            "exit": Exit::Good.code(),
            "folder": folder.display().to_string(),
            "files": files,
        }))?;
    } else {
        Output::result(&format!("{}\n", folder.display()));
    }
    Ok(Exit::Good)
}
