//! One TCP connection: HTTP on it, until a fault takes it over and ends it byte by byte.
//!
//! ```text
//! HTTP ──taken over──▶ script (bytes and pauses) ──▶ closed, reset, or open and dumb
//! ```
//!
//! Carries bytes only; which, and when, is the affair of `front.rs` and `fault/delivery.rs`.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::instance::lock;
use super::stream::Stream;
use super::tls::Tls;

/// A slow body is sent in about so many parts a second, or byte by byte if it is slower than that.
const TRICKLES_A_SECOND: u32 = 20;

/// The handle by which a request's work reaches its connection.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    script: Mutex<Option<Script>>,
    asked: Notify,
}

/// What is left to happen on a connection.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

#[derive(Debug)]
pub(crate) enum Step {
    Send(Bytes),
    Pause(Duration),
    /// Sends so many bytes a second.
    Trickle(Bytes, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With FIN.
    Close,
    /// With RST.
    Reset,
    /// Stays open and dumb until the client leaves.
    Hang,
}

/// When the connections of a listener end; each only goes from false to true.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// They are closed.
    pub(crate) over: CancellationToken,
    /// They stay open, and nothing moves on them any more.
    pub(crate) mute: CancellationToken,
}

impl Session {
    /// A session that is over at the latest when everything stops.
    pub(crate) fn child_of(stop: &CancellationToken) -> Session {
        Session {
            over: stop.child_token(),
            mute: CancellationToken::new(),
        }
    }
}

impl From<End> for Script {
    /// Ends the connection with nothing sent.
    fn from(end: End) -> Script {
        Script {
            steps: Vec::new(),
            end,
        }
    }
}

impl Wire {
    /// Takes the connection away from HTTP; its task, and with it the caller, ends soon after.
    pub(crate) fn take_over(&self, script: Script) {
        *lock(&self.script) = Some(script);
        self.asked.notify_one();
    }

    async fn taken_over(&self) -> Script {
        loop {
            self.asked.notified().await;
            if let Some(script) = lock(&self.script).take() {
                return script;
            }
        }
    }
}

/// Serves one connection to its end, through TLS if there is some.
pub(crate) async fn serve(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    router: Router,
    session: Session,
) {
    // Without it small replies may wait for an acknowledgement; nothing breaks if it can't be set.
    let _ = stream.set_nodelay(true);
    let mut work = pin!(async {
        let stream = match tls {
            Some(tls) => tls.accept(stream).await,
            None => Ok(Stream::Plain(stream)),
        };
        // Whose handshake fails has heard why from TLS itself.
        if let Ok(stream) = stream {
            converse(stream, router).await;
        }
    });
    tokio::select! {
        biased;
        () = session.over.cancelled() => return,
        () = session.mute.cancelled() => {}
        () = &mut work => return,
    }
    // Mute: the work is kept, so that its socket stays open, but nothing drives it on.
    session.over.cancelled().await;
}

async fn converse(stream: Stream, router: Router) {
    let wire = Arc::new(Wire::default());
    let service = service_fn(|mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Arc::clone(&wire));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let script = tokio::select! {
        // A connection that ends in an error was left by its client; that is in the log already.
        _ = &mut connection => return,
        script = wire.taken_over() => script,
    };
    let mut stream = connection.into_parts().io.into_inner();
    // Who leaves in the middle of a script has seen enough of it.
    if play(&mut stream, script.steps).await.is_err() {
        return;
    }
    match script.end {
        End::Close => {}
        End::Reset => stream.reset_when_dropped(),
        End::Hang => stay_dumb(&mut stream).await,
    }
}

async fn play(stream: &mut Stream, steps: Vec<Step>) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Pause(pause) => tokio::time::sleep(pause).await,
            Step::Trickle(bytes, per_second) => trickle(stream, &bytes, per_second).await?,
        }
        stream.flush().await?;
    }
    Ok(())
}

async fn trickle(stream: &mut Stream, bytes: &Bytes, per_second: u64) -> io::Result<()> {
    let per_second = u32::try_from(per_second.max(1)).unwrap_or(u32::MAX);
    let at_once = usize::try_from(per_second / TRICKLES_A_SECOND).map_or(1, |part| part.max(1));
    for part in bytes.chunks(at_once) {
        stream.write_all(part).await?;
        stream.flush().await?;
        let sent = u32::try_from(part.len()).unwrap_or(u32::MAX);
        tokio::time::sleep(Duration::from_secs(1) * sent / per_second).await;
    }
    Ok(())
}

/// Takes what comes and answers nothing, until the client closes.
async fn stay_dumb(stream: &mut Stream) {
    let mut taken = [0; 4096];
    while stream.read(&mut taken).await.is_ok_and(|bytes| bytes > 0) {}
}
