//! The hook's listener: connections that say nothing are closed after a while, there are only so many, and those that
//! are in hand when it stops are answered first. Knows no HTTP beyond that.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::tls::Tls;

/// How long a connection may take to be made, and to say what it wants.
const SILENCE: Duration = Duration::from_secs(10);
/// Connections at one time; whoever comes next waits in the system's queue.
const MOST: usize = 1024;
/// How long connections may take to end once the hook stops.
const FAREWELL: Duration = Duration::from_secs(6);
/// Between two attempts to accept, when the system has no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is stopped.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MOST));
    let connections = TaskTracker::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            next = next => next,
        };
        match (place, accepted) {
            (Ok(place), Ok((stream, _))) => {
                let (tls, router, stop) = (tls.clone(), router.clone(), stop.clone());
                connections.spawn(connection(stream, tls, router, stop, place));
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
    drop(listener);
    connections.close();
    // Who has not been answered by then is answered by the end of the connection.
    let _gone = tokio::time::timeout(FAREWELL, connections.wait()).await;
}

async fn connection(
    stream: TcpStream,
    tls: Option<Tls>,
    router: Router,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    // Without it small answers may wait for an acknowledgement; nothing breaks if it can't be set.
    let _set = stream.set_nodelay(true);
    match tls {
        None => converse(stream, router, stop).await,
        // Whose handshake fails has heard why from TLS itself.
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(SILENCE, tls.accept(stream)).await {
                converse(stream, router, stop).await;
            }
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    stop: CancellationToken,
) {
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A connection that ends in an error was left by its client.
    tokio::select! {
        _ended = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ended = connection.await;
}
