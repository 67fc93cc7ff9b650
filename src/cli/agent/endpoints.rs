//! The agent's three addresses: what it counts (`/metrics`), whether it lives (`/healthz`) and whether it works
//! (`/readyz`). They hold names and figures, no record and no secret.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::metrics;
use crate::cli::wait::is_probed;
use crate::engine::{State, now};

/// The engine's clock ticks every second; one that has not for so long does not live.
const STILL: Duration = Duration::from_secs(15);

type States = watch::Receiver<Arc<State>>;

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, states: States) {
    let router = Router::new()
        .route("/metrics", get(figures))
        .route("/healthz", get(lives))
        .route("/readyz", get(works))
        .with_state(states);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the agent's endpoints");
    }
}

async fn figures(Shared(states): Shared<States>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, kind)],
        metrics::text(&newest(&states)),
    )
}

async fn lives(Shared(states): Shared<States>) -> (StatusCode, String) {
    let still = now().since(newest(&states).now);
    if still < STILL {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let why = format!("the engine has not moved for {} s\n", still.as_secs());
    (StatusCode::SERVICE_UNAVAILABLE, why)
}

async fn works(Shared(states): Shared<States>) -> (StatusCode, String) {
    let missing = missing(&newest(&states));
    if missing.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
}

/// The state is taken out at once: a lock that is held would keep the engine from publishing the next.
fn newest(states: &States) -> Arc<State> {
    Arc::clone(&states.borrow())
}

/// What keeps it from doing its work, in words. An instance that is down is no fault of the agent's.
fn missing(state: &State) -> Vec<String> {
    let journal = state.journal_fault.iter();
    let journal = journal.map(|fault| format!("the journal can't be written: {fault}"));
    let unasked = state
        .instances
        .iter()
        .filter(|instance| !is_probed(instance));
    let unasked = unasked.map(|instance| format!("{} has not answered yet", instance.name));
    let unfit = state.links.iter().filter_map(|link| {
        let fault = link.fault.as_ref()?;
        Some(format!("{} can't be used: {fault}", link.name))
    });
    journal.chain(unasked).chain(unfit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixture::well;
    use crate::domain::health::Health;

    #[test]
    fn it_is_ready_when_nothing_of_its_own_is_missing() {
        let mut state = well();
        assert!(missing(&state).is_empty());
        state.instances[1].health = Health::Down;
        assert!(missing(&state).is_empty(), "not the agent's fault");
        state.instances[0].health = Health::Unknown;
        state.journal_fault = Some("disk full".to_owned());
        state.links[0].fault = Some("account has no column x".to_owned());
        let expected = [
            "the journal can't be written: disk full",
            "us has not answered yet",
            "us-europe can't be used: account has no column x",
        ];
        assert_eq!(missing(&state), expected);
    }
}
