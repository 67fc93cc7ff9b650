//! `tandem` without a command: the console on the configured instances.

use std::sync::Arc;

use super::Context;
use super::arguments::Colours;
use super::exit::Exit;
use super::person;
use super::session::{self, Purpose, Session};
use super::trouble::Trouble;
use crate::config::Config;
use crate::tui::{self, Theme};

/// Runs the command.
pub async fn run(context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    open(config, context, Purpose::Watch, None).await
}

/// The keys that are configured, over those that it comes with.
pub fn keys(config: &Config) -> Result<tui::Keymap, Trouble> {
    tui::Keymap::of(&config.keys).map_err(|error| Trouble::usage(error.to_string()))
}

/// Opens the console, and returns when it was quit. The demo opens it on its own
/// configuration, with the name of the story that it plays.
pub async fn open(
    config: Config,
    context: &mut Context,
    purpose: Purpose,
    story: Option<&str>,
) -> Result<Exit, Trouble> {
    let safety = config.safety;
    let keys = keys(&config)?;
    let asked = Arc::new(config.clone());
    let hooked = Arc::clone(&asked);
    let session = Session::begin(config, context, purpose).await?;
    let options = tui::Options {
        safety,
        who: session.who.clone(),
        operator: person::operator(&asked.support),
        keys,
        config: asked,
        theme: match context.globals.theme {
            Colours::Dark => Theme::Dark,
            Colours::Light => Theme::Light,
            Colours::Safe => Theme::Safe,
            Colours::Mono => Theme::Mono,
        },
        is_ascii: context.globals.ascii,
        goal: story.and_then(tui::Goal::of),
        hook: tui::HookSwitch::new(move |on| {
            let config = Arc::clone(&hooked);
            Box::pin(async move { super::hook::switch(&config, on).await })
        }),
    };
    let is_plain = context.globals.plain || tui::is_dumb();
    let talk = async {
        if is_plain {
            tui::run_plain(session.engine.clone(), options).await
        } else {
            tui::run(session.engine.clone(), options).await
        }
    };
    let shown = tokio::select! {
        biased;
        shown = talk => shown,
        // A signal that came before the console listened for itself; its terminal is given back as it is dropped.
        () = context.interrupts.next() => Ok(()),
    };
    session.end().await;
    match shown {
        Ok(()) => Ok(Exit::Good),
        Err(error) => Err(Trouble::usage(format!("{:#}", anyhow::Error::from(error)))),
    }
}
