//! `tandem` without a command: the console on the configured instances.

use super::Context;
use super::exit::Exit;
use super::session::{self, Purpose, Session};
use super::trouble::Trouble;
use crate::config::Config;
use crate::tui;

/// Runs the command.
pub async fn run(context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::configuration(&context.globals)?;
    open(config, context, Purpose::Watch).await
}

/// Opens the console, and returns when it was quit. The demo opens it on its own configuration.
pub async fn open(
    config: Config,
    context: &mut Context,
    purpose: Purpose,
) -> Result<Exit, Trouble> {
    let safety = config.safety;
    let session = Session::begin(config, &context.globals, purpose)?;
    let options = tui::Options {
        safety,
        who: session.who.clone(),
    };
    let shown = tokio::select! {
        biased;
        shown = tui::run(session.engine.clone(), options) => shown,
        // A signal that came before the console listened for itself; its terminal is given back as it is dropped.
        () = context.interrupts.next() => Ok(()),
    };
    session.end().await;
    match shown {
        Ok(()) => Ok(Exit::Good),
        Err(error) => Err(Trouble::usage(format!("{:#}", anyhow::Error::from(error)))),
    }
}
