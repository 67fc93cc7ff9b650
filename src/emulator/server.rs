//! The listener of one instance: accepts, hands connections on, and gives its port up to an outage when one begins.
//!
//! Knows no Web API: every request goes to the router.

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, Session};
use super::instance::Instance;
use super::outage::{self, Kind, PAUSE};
use super::{control, front, spelling};

/// Serves the instance until it is stopped.
pub(crate) async fn serve(listener: TcpListener, instance: Arc<Instance>, stop: CancellationToken) {
    let spelling = spelling::of_dataverse().await;
    let spelled = move |mut answer: Response<Body>| {
        answer.extensions_mut().extend(spelling.clone());
        std::future::ready(answer)
    };
    let router = control::routes()
        .fallback(front::answer)
        .with_state(Arc::clone(&instance))
        .layer(axum::middleware::map_response(spelled));
    let mut outages = instance.outage.subscribe();
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut listener = Some(listener);
    while let Some(open) = listener.take() {
        let session = Session::child_of(&stop);
        let connections = TaskTracker::new();
        let mut announced = None;
        let outage = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break None,
                Ok(()) = outages.changed() => announced = *outages.borrow_and_update(),
                Some(outage) = due(announced) => break Some(outage),
                accepted = open.accept() => match accepted {
                    Ok((stream, _)) => {
                        let tls = instance.tls.clone();
                        connections.spawn(connection::serve(stream, tls, router.clone(), session.clone()));
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
            }
        };
        drop(open);
        connections.close();
        if outage.is_none_or(|outage| outage.kind == Kind::Refused) {
            session.over.cancel();
            connections.wait().await;
        }
        session.mute.cancel();
        if let Some(outage) = outage {
            listener = outage::live_through(address, outage, &stop).await;
            outages.mark_unchanged();
        }
        session.over.cancel();
        connections.wait().await;
    }
}

/// The announced outage, once it begins; `None` if there is none.
async fn due(announced: Option<outage::Outage>) -> Option<outage::Outage> {
    tokio::time::sleep_until(announced?.begins.max(Instant::now())).await;
    announced
}
