//! `tandem agent`: headless and always on. It is the same engine as the console's, with nobody in front of it: it
//! probes, keeps the links in step on their schedule, fills stubs and sends alerts, and says how it is at three
//! addresses. One for each state folder.

mod endpoints;
mod metrics;

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;

use super::Context;
use super::arguments::Agent;
use super::exit::Exit;
use super::output::Output;
use super::person;
use super::session::{self, Purpose, Session};
use super::trouble::Trouble;
use super::wait::{self, Stopped};
use crate::domain::state_folder::StateFolder;
use crate::engine::state::Holder;
use crate::engine::{AgentLock, NotTheAgent, now};

/// A link whose sync is not known to have ever ended well is synced as soon as its instances have answered.
pub const FIRST_SYNC: Duration = Duration::from_secs(1);

/// The one line that says that it runs.
#[derive(Debug, Serialize)]
struct Ready {
    pid: u32,
    listen: SocketAddr,
}

/// Runs the command. To be interrupted is how it ends, and no failure: the record in hand is finished first.
pub async fn run(arguments: &Agent, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::configuration(&context.globals)?;
    let wanted = arguments.listen.unwrap_or(config.agent.listen);
    let _lock = take(config.state.clone()).await?;
    let failed = |error: std::io::Error| Trouble::usage(format!("listen on {wanted}: {error}"));
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let listen = listener.local_addr().map_err(failed)?;
    let purpose = Purpose::Agent(arguments.log_format);
    let session = Session::begin(config, context, purpose).await?;
    let serving = tokio::spawn(endpoints::serve(listener, session.engine.states.clone()));
    let pid = std::process::id();
    tracing::info!(pid, %listen, "the agent runs");
    Output::object(&Ready { pid, listen })?;
    let engine = &session.engine;
    let ended = wait::until(engine, &mut context.interrupts, None, |_| false).await;
    tracing::info!("the agent stops: what is on its way is finished first");
    session.end().await;
    serving.abort();
    match ended {
        Err(Stopped::EngineGone) => Err(Trouble::bug("the engine ended by itself")),
        _ => Ok(Exit::Good),
    }
}

/// Becomes the one agent of the state folder.
async fn take(state: StateFolder) -> Result<AgentLock, Trouble> {
    let holder = Holder {
        pid: std::process::id(),
        host: person::host(),
        who: person::who(),
        since: now().wall,
    };
    let taken = tokio::task::spawn_blocking(move || AgentLock::take(&state, &holder)).await;
    let taken = taken.map_err(|error| Trouble::bug(error.to_string()))?;
    taken.map_err(|error| match error {
        NotTheAgent::Held(_) => Trouble::refused(error.to_string()),
        NotTheAgent::Unusable(_) => Trouble::usage(format!("{:#}", anyhow::Error::from(error))),
    })
}
