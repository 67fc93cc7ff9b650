//! `tandem emulator`: serves the embedded instances until it is interrupted.

use serde::Serialize;

use super::Context;
use super::arguments::Emulator;
use super::exit::Exit;
use super::output::Output;
use super::trouble::Trouble;

/// The one line that says that both instances answer.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// The US instance's URL.
    pub us: String,
    /// The Europe instance's URL.
    pub europe: String,
    /// The bearer token that both take.
    pub token: String,
}

/// Runs the command.
pub async fn run(arguments: &Emulator, context: &mut Context) -> Result<Exit, Trouble> {
    let ready = serve(arguments).await?;
    Output::object(&ready)?;
    context.interrupts.next().await;
    Ok(Exit::Interrupted)
}

/// The seam to the emulator: binds, fills and serves, and returns once both instances answer.
async fn serve(_arguments: &Emulator) -> Result<Ready, Trouble> {
    std::future::ready(Err(Trouble::bug("the emulator is not part of this build"))).await
}
