//! The listener of one instance: accepts, serves, and in an outage closes its port and opens it again.
//!
//! ```text
//! listening ──outage──▶ bound but not listening (refuses, keeps the port) ──time──▶ listening
//! ```
//!
//! Knows no Web API: every request goes to the router.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::connection::{Socket, Wire};
use super::instance::{Instance, Outage};
use super::{control, front, spelling};

const BACKLOG: u32 = 1024;
/// Between two attempts when the system has run out of something.
const PAUSE: Duration = Duration::from_millis(20);

/// Opens a port that can be opened again at once after it was closed.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    reserve(address)?.listen(BACKLOG)
}

fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

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
        let session = stop.child_token();
        let connections = TaskTracker::new();
        let outage = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break None,
                Ok(()) = outages.changed() => break *outages.borrow_and_update(),
                accepted = open.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve_connection(stream, router.clone(), session.clone()));
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
            }
        };
        if let Some(outage) = outage {
            tokio::time::sleep(outage.notice).await;
        }
        drop(open);
        session.cancel();
        connections.close();
        connections.wait().await;
        if let Some(outage) = outage {
            listener = stay_away(address, outage, &stop).await;
            outages.mark_unchanged();
        }
    }
}

/// Refuses connections for the length of the outage and opens the port again; `None` if stopped meanwhile.
///
/// The port stays bound: else, being one of the ephemeral ports, it could be given to somebody else, or a client that
/// tries to connect to it could by chance be given it as its own port and connect to itself.
async fn stay_away(
    address: SocketAddr,
    outage: Outage,
    stop: &CancellationToken,
) -> Option<TcpListener> {
    let until = tokio::time::Instant::now() + outage.lasts;
    let come_back = async {
        let mut reserved = reserve(address);
        tokio::time::sleep_until(until).await;
        loop {
            if let Ok(listener) = reserved.and_then(|socket| socket.listen(BACKLOG)) {
                return listener;
            }
            tokio::time::sleep(PAUSE).await;
            reserved = reserve(address);
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        listener = come_back => Some(listener),
    }
}

async fn serve_connection(stream: TcpStream, router: Router, session: CancellationToken) {
    // Without it small replies may wait for an acknowledgement; nothing breaks if it can't be set.
    let _ = stream.set_nodelay(true);
    let wire = Arc::new(Wire::default());
    let service = service_fn(|mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Arc::clone(&wire));
        router.clone().oneshot(request.map(Body::new))
    });
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&wire)));
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(socket, service);
    tokio::select! {
        // A connection that ends in an error was cut by a fault or left by its client; either is in the log already.
        _ = connection => {}
        () = wire.cut_asked() => {}
        () = session.cancelled() => {}
    }
}
