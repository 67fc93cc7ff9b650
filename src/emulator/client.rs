//! The least of HTTP clients, for what the emulator itself sends over real sockets: its traffic and its workflow.
//!
//! One connection a request, no retries, no redirects, and no idea of tokens or `OData`.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::request::Builder;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

use super::instance::Instance;
use super::stream::Stream;

/// Longer than any reply but one that never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a request got no answer.
#[derive(Debug, Error)]
pub(crate) enum Unanswered {
    #[error("connect: {0}")]
    Connect(#[from] std::io::Error),
    #[error("exchange: {0}")]
    Exchange(#[from] hyper::Error),
    #[error("the connection ended before an answer")]
    Ended,
    #[error("write the request: {0}")]
    Request(#[from] http::Error),
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Late,
}

/// Sends one request to an instance and reads the whole answer, whatever its status.
pub(crate) async fn send(
    instance: &Instance,
    request: Builder,
    body: Bytes,
) -> Result<Response<Bytes>, Unanswered> {
    tokio::time::timeout(PATIENCE, exchange(instance, request, body))
        .await
        .unwrap_or(Err(Unanswered::Late))
}

async fn exchange(
    instance: &Instance,
    request: Builder,
    body: Bytes,
) -> Result<Response<Bytes>, Unanswered> {
    let (_, host) = instance.url.split_once("://").unwrap_or_default();
    let request = request.header("host", host).body(Full::new(body))?;
    let stream = TcpStream::connect(host).await?;
    let stream = match &instance.tls {
        Some(tls) => tls.connect(stream).await?,
        None => Stream::Plain(stream),
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let bytes = body.collect().await?.to_bytes();
        Ok(Response::from_parts(parts, bytes))
    };
    // The connection is driven here and not on a task of its own, so that it ends with this call.
    tokio::select! {
        exchanged = exchange => exchanged,
        ended = async { connection.await?; std::future::pending::<Result<(), Unanswered>>().await } => {
            ended?;
            Err(Unanswered::Ended)
        }
    }
}
