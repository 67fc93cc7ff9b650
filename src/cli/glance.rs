//! One look at everything, for commands that tell of an incident: what fires now, as far as it can be known in time.

use std::sync::Arc;
use std::time::Duration;

use super::Context;
use super::follow;
use super::session::{Purpose, Session};
use super::status;
use super::trouble::Trouble;
use super::wait::{self, Stopped};
use crate::config::Config;
use crate::engine::state::Alarm;
use crate::engine::{State, at_a_glance};

/// What was seen, and by whom.
pub(super) struct Glance {
    pub(super) state: Arc<State>,
    pub(super) alarms: Vec<Alarm>,
    pub(super) who: String,
}

/// Looks until everything has answered or the time is over; what is not known by then stays unknown.
pub(super) async fn glance(
    config: Config,
    context: &mut Context,
    timeout: Duration,
) -> Result<Glance, Trouble> {
    let (alerts, expiries) = (config.alerts.clone(), config.expiries.clone());
    let session = Session::begin(config, context, Purpose::Look).await?;
    let output = context.output;
    let is_there = |state: &Arc<State>| {
        output.progress("asking the instances…");
        status::is_known(state) && state.has_history
    };
    let interrupts = &mut context.interrupts;
    let waited = wait::until(&session.engine, interrupts, Some(timeout), is_there).await;
    output.clear_progress();
    let who = session.who.clone();
    session.end().await;
    let state = match waited {
        Ok(state) | Err(Stopped::TimedOut(state)) => state,
        Err(stopped) => return Err(follow::trouble(&stopped, timeout)),
    };
    let alarms = at_a_glance(&state, &alerts, &expiries);
    Ok(Glance { state, alarms, who })
}
