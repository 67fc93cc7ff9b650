//! One TCP connection that a fault can cut: with a reset, in the middle of whatever it is doing.
//!
//! Carries bytes only; who cuts it, and when, is `front.rs`'s affair.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// The handle by which a request's work reaches its connection.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    cut: AtomicBool,
    asked: Notify,
}

impl Wire {
    /// Asks for a reset; the connection's task, and with it the caller, ends soon after.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.asked.notify_one();
    }

    /// Waits until a reset is asked for.
    pub(crate) async fn cut_asked(&self) {
        self.asked.notified().await;
    }
}

/// A stream that is closed with a reset once its wire was cut.
pub(crate) struct Socket {
    stream: TcpStream,
    wire: std::sync::Arc<Wire>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, wire: std::sync::Arc<Wire>) -> Socket {
        Socket { stream, wire }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.wire.cut.load(Ordering::Acquire) {
            // Without lingering, close sends RST in place of FIN; if the option can't be set, the peer sees a plain end.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
