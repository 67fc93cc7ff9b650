//! `tandem status`: health, breakers, lag and drift, once.

use std::sync::Arc;
use std::time::Duration;

use super::Context;
use super::arguments::Status;
use super::exit::Exit;
use super::follow;
use super::output::Output;
use super::session::{self, Purpose, Session};
use super::trouble::Trouble;
use super::wait::{self, Stopped, is_compared, is_listed, is_probed};
use crate::config::{AlertConfig, Expiry};
use crate::domain::hook::{Answer, Called};
use crate::domain::network::Way;
use crate::engine::state::{InstanceState, TableState};
use crate::engine::{Depth, State, at_a_glance};

mod json;
pub mod text;
mod verdict;

/// Runs the command.
pub async fn run(arguments: &Status, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    let depth = match (arguments.full, arguments.believe) {
        (_, true) => Depth::Anew,
        (true, false) => Depth::Everything,
        (false, false) => Depth::Changes,
    };
    let purpose = match depth {
        Depth::Changes => Purpose::Look,
        depth => Purpose::Compare(depth),
    };
    let rules = (config.alerts.clone(), config.expiries.clone());
    let way = config.way();
    let session = Session::begin(config, context, purpose).await?;
    let outcome = look(arguments, &session, &rules, &way, context).await;
    session.end().await;
    outcome
}

async fn look(
    arguments: &Status,
    session: &Session,
    (alerts, expiries): &(Vec<AlertConfig>, Vec<Expiry>),
    way: &Way,
    context: &mut Context,
) -> Result<Exit, Trouble> {
    let timeout = arguments.patience.timeout;
    let output = context.output;
    let is_there = |state: &Arc<State>| {
        output.progress("asking the instances…");
        is_known(state) && state.has_history
    };
    let waited = wait::until(
        &session.engine,
        &mut context.interrupts,
        Some(timeout),
        is_there,
    )
    .await;
    output.clear_progress();
    let (state, verdict) = match waited {
        Ok(state) => {
            let verdict = verdict::of(&state);
            (state, verdict)
        }
        // What is known is shown all the same.
        Err(Stopped::TimedOut(state)) => {
            let verdict = verdict::of(&state).unread(timeout);
            (state, verdict)
        }
        Err(stopped) => return Err(follow::trouble(&stopped, timeout)),
    };
    let alarms = at_a_glance(&state, alerts, expiries);
    if output.json {
        Output::object(&json::report(&state, &alarms, way, &verdict))?;
    } else {
        Output::result(&text::report(&state, &alarms, way, &verdict));
    }
    Ok(verdict.exit)
}

/// Whether all that can be known is known: every instance probed, every table compared or known not to be.
pub fn is_known(state: &State) -> bool {
    state.instances.iter().all(is_probed)
        && is_hook_known(state)
        && state.links.iter().all(is_listed)
        && state
            .tables
            .iter()
            .all(|table| is_compared(state, table) && is_lag_known(state, table))
}

/// Whether the hook was asked how it is, and the target whether it calls it, as far as that can be asked.
fn is_hook_known(state: &State) -> bool {
    state.hook.as_ref().is_none_or(|hook| {
        let link = state.links.get(hook.link);
        let target = link.and_then(|link| state.instances.get(link.target));
        let can_be_asked = target.is_some_and(InstanceState::is_readable);
        let is_asked = *hook.health.answer() != Answer::NotAsked;
        is_asked && (hook.health.called() != Called::NotAsked || !can_be_asked)
    })
}

/// The engine works out the lag on its next tick after a comparison; until then it would read as none.
fn is_lag_known(state: &State, table: &TableState) -> bool {
    const TICKS: Duration = Duration::from_secs(3);
    let waited = |compared| state.now.since(compared) >= TICKS;
    table.counts.pending() == table.flagged.all()
        || table.oldest_pending.is_some()
        || table.compared.is_none_or(waited)
}

#[cfg(test)]
mod tests;
