//! `tandem` without a command: the console on the configured instances.

use super::Context;
use super::exit::Exit;
use super::session;
use super::trouble::Trouble;
use crate::config::Config;

/// Runs the command.
pub async fn run(context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::configuration(&context.globals)?;
    open(config, context).await
}

/// The seam to the console: opens it, and returns when it was quit. The demo opens it on its own configuration.
pub async fn open(_config: Config, _context: &mut Context) -> Result<Exit, Trouble> {
    std::future::ready(Err(Trouble::bug("the console is not part of this build"))).await
}
