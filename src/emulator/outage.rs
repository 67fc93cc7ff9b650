//! An outage below HTTP: what a port does in place of serving, and for how long.
//!
//! ```text
//! serving ──refused──▶ bound but not listening: connects are refused
//!         ──black hole──▶ listening with a full backlog: connects are swallowed
//!         ──unanswered──▶ connects succeed, and nothing is ever read or answered
//!         all ──time──▶ serving again, on the same port
//! ```
//!
//! In a black hole and unanswered, the connections that are open go dumb; when it is over they are closed. Knows no
//! rules: `server.rs` leaves the port to it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const BACKLOG: u32 = 1024;
/// Between two attempts when the system has run out of something.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// On loopback a connect that has not succeeded after this long was swallowed.
const SWALLOWED: Duration = Duration::from_millis(100);
/// More than any backlog that is asked for as the smallest.
const MOST_FILLERS: usize = 64;

/// One outage to come; the number makes two of the same length differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    pub(crate) begins: Instant,
    pub(crate) lasts: Duration,
}

/// What a client sees of it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Connects are refused at once, open connections are closed.
    #[default]
    Refused,
    /// Connects get no answer: the system drops their SYN, the backlog being full. Where a system answers a full backlog
    /// with a refusal, as Windows does, it is one.
    BlackHole,
    /// Connects succeed and then nothing comes.
    Unanswered,
}

/// Opens a port that can be opened again at once after it was closed.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    reserve(address)?.listen(BACKLOG)
}

/// Keeps a port without listening on it.
///
/// Else, being one of the ephemeral ports, it could be given to somebody else, or a client that tries to connect to it
/// could by chance be given it as its own port and connect to itself.
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

/// Lives through the outage and opens the port again; `None` if stopped meanwhile.
pub(super) async fn live_through(
    address: SocketAddr,
    outage: Outage,
    stop: &CancellationToken,
) -> Option<TcpListener> {
    let over = outage.begins + outage.lasts;
    let come_back = async {
        match outage.kind {
            Kind::Refused => {
                let reserved = reserve(address);
                tokio::time::sleep_until(over).await;
                if let Ok(listener) = reserved.and_then(|socket| socket.listen(BACKLOG)) {
                    return listener;
                }
            }
            Kind::BlackHole => swallow(address, over).await,
            Kind::Unanswered => accept_and_ignore(address, over).await,
        }
        loop {
            if let Ok(listener) = listen(address) {
                return listener;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        listener = come_back => Some(listener),
    }
}

/// Fills the smallest backlog with connections of its own, so that the system drops every SYN that follows.
async fn swallow(address: SocketAddr, over: Instant) {
    let listener = reserve(address).and_then(|socket| socket.listen(0));
    let mut fillers = Vec::new();
    while fillers.len() < MOST_FILLERS {
        match tokio::time::timeout(SWALLOWED, TcpStream::connect(address)).await {
            Ok(Ok(filler)) => fillers.push(filler),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    tokio::time::sleep_until(over).await;
    drop((listener, fillers));
}

async fn accept_and_ignore(address: SocketAddr, over: Instant) {
    let listener = listen(address);
    let mut ignored = Vec::new();
    let accept = async {
        loop {
            match &listener {
                Ok(listener) => match listener.accept().await {
                    Ok((stream, _)) => ignored.push(stream),
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
                Err(_) => std::future::pending().await,
            }
        }
    };
    let _ = tokio::time::timeout_at(over, accept).await;
}
