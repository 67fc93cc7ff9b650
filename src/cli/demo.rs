//! `tandem demo`: the embedded instances with a story to live through, and the console on them.

use super::Context;
use super::arguments::Demo;
use super::exit::Exit;
use super::trouble::Trouble;

/// Runs the command: starts the emulators, and opens the console on a configuration of their making.
pub async fn run(_arguments: &Demo, _context: &mut Context) -> Result<Exit, Trouble> {
    std::future::ready(Err(Trouble::bug("the demo is not part of this build"))).await
}
