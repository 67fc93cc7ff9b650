//! Waiting for a comparison: until the tables that matter have been compared, or until it is known why they can't be.

use std::sync::Arc;
use std::time::Duration;

use super::Context;
use super::follow;
use super::select::Wanted;
use super::session::Session;
use super::trouble::Trouble;
use super::wait::{self, is_compared, is_listed};
use super::words::duration;
use crate::domain::operation::TableIndex;
use crate::engine::state::{InstanceState, LinkState, TableState};
use crate::engine::{State, now};

/// Waits until the tables that matter have been compared, and says why if they can't be.
pub async fn compared(
    session: &Session,
    wanted: &Wanted,
    timeout: Duration,
    context: &mut Context,
) -> Result<Arc<State>, Trouble> {
    let output = context.output;
    let is_there = |state: &Arc<State>| {
        output.progress(&progress(state));
        // What a run of the link's job left out is told once its runs are listed.
        let link = |table: &TableState| state.links.get(table.link);
        let is_told =
            |table: &TableState| wanted.flags.is_empty() || link(table).is_none_or(is_listed);
        wanted_tables(state, wanted).all(|table| is_compared(state, table) && is_told(table))
    };
    let arrived = wait::until(
        &session.engine,
        &mut context.interrupts,
        Some(timeout),
        is_there,
    )
    .await;
    output.clear_progress();
    let state = arrived.map_err(|stopped| follow::trouble(&stopped, timeout))?;
    for table in wanted_tables(&state, wanted) {
        let Some(link) = state.links.get(table.link) else {
            continue;
        };
        if let Some(fault) = &link.fault {
            let why = format!("link {} can't be used: {fault}", link.name);
            return Err(Trouble::usage(why));
        }
        if table.compared.is_none() {
            let why = why_not(&state, table, link);
            let why = format!("{} can't be compared: {why}", table.name);
            return Err(Trouble::unreachable(why));
        }
    }
    Ok(state)
}

fn why_not(state: &State, table: &TableState, link: &LinkState) -> String {
    if let Some(failure) = &table.failure {
        return failure.clone();
    }
    let is_blocked = |end: &&InstanceState| wait::is_probed(end) && !end.is_readable();
    let Some(instance) = wait::ends(state, link).find(is_blocked) else {
        return "an instance could not be read".to_owned();
    };
    let error = instance.last_error.as_ref().map(|(_, error, _)| error);
    let cause = instance.refused.as_ref().or(error);
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{} is {}{cause}", instance.name, instance.health.word())
}

fn wanted_tables<'a>(state: &'a State, wanted: &'a Wanted) -> impl Iterator<Item = &'a TableState> {
    let places = (0u16..).map(TableIndex);
    places
        .zip(&state.tables)
        .filter(|(index, _)| wanted.looks_at(state, *index))
        .map(|(_, table)| table)
}

fn progress(state: &State) -> String {
    let parts = state.tables.iter().filter_map(|table| {
        let comparing = table.comparing?;
        let (source, target) = (comparing.source, comparing.target);
        let left = comparing.left(now());
        let left = left.map(|left| format!(", about {} left", duration(left)));
        Some(format!(
            "comparing {}: {source} and {target} rows{}",
            table.name,
            left.unwrap_or_default()
        ))
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        "asking the instances…".to_owned()
    } else {
        parts.join("; ")
    }
}
