//! HTTP requests to HTTP responses, with timeouts: the only file that names the HTTP library. It follows no redirect,
//! keeps no cookie, sends no referer, uses no proxy but the configured one and retries nothing (security cases 11, 12,
//! 15; R8, R12).

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use secrecy::ExposeSecret;

use super::{file, secret};
use crate::domain::failure::{Failure, FailureClass, Origin};
use crate::domain::instance::is_loopback;
use crate::domain::network::{Network, Proxy};

/// No answer may be larger than this once it is unpacked (security case 18).
const LARGEST: usize = 64 * 1024 * 1024;
/// A connection that stands idle is asked whether its other end still lives (fault F12).
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// One pool of connections.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: reqwest::Client,
    idle: Duration,
}

/// How long one exchange may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// To the first byte of the answer, the connection included.
    pub(super) first_byte: Duration,
    /// To its last byte.
    pub(super) whole: Duration,
}

impl Transport {
    /// A transport that gives a connection so long to be made, and a body so long between two pieces.
    pub(super) fn new(
        connect: Duration,
        idle: Duration,
        network: &Network,
    ) -> Result<Self, String> {
        let mut client = reqwest::Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .connect_timeout(connect)
            .gzip(true)
            .tcp_keepalive(KEEP_ALIVE)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .user_agent(concat!("tandem/", env!("CARGO_PKG_VERSION")));
        if !network.authorities.is_empty() {
            client = client.tls_certs_merge(authorities(&network.authorities)?);
        }
        if let Some(proxy) = &network.proxy {
            client = client.proxy(through(proxy)?);
        }
        let client = client.build().map_err(|error| reason(&error))?;
        Ok(Self { client, idle })
    }

    /// Sends one request once, and reads its answer to the end.
    pub(super) async fn send(
        &self,
        request: http::Request<Bytes>,
        patience: Patience,
    ) -> Result<http::Response<Bytes>, Failure> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| Failure::local(FailureClass::NotSent, reason(&error)))?;
        let exchange = self.exchange(request, patience.first_byte.min(patience.whole));
        match tokio::time::timeout(patience.whole, exchange).await {
            Ok(answer) => answer,
            // A body that trickles resets the idle timeout for ever; this one it can't (fault F11).
            Err(_) => Err(no_answer(
                format!("no whole answer within {}", seconds(patience.whole)),
                Origin::Remote,
            )),
        }
    }

    async fn exchange(
        &self,
        request: reqwest::Request,
        first_byte: Duration,
    ) -> Result<http::Response<Bytes>, Failure> {
        let answered = tokio::time::timeout(first_byte, self.client.execute(request)).await;
        let mut response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(unanswered(&error)),
            Err(_) => {
                let message = format!("no answer within {}", seconds(first_byte));
                return Err(no_answer(message, Origin::Local));
            }
        };
        let mut answer = http::Response::builder()
            .status(response.status().as_u16())
            .version(response.version());
        for (name, value) in response.headers() {
            answer = answer.header(name.as_str(), value.as_bytes());
        }
        let body = self.body(&mut response).await?;
        answer
            .body(body)
            .map_err(|error| unreadable(format!("headers that are none: {error}")))
    }

    async fn body(&self, response: &mut reqwest::Response) -> Result<Bytes, Failure> {
        let mut body = BytesMut::new();
        loop {
            match tokio::time::timeout(self.idle, response.chunk()).await {
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() > LARGEST => {
                    return Err(unreadable("the answer is larger than 64 MiB".to_owned()));
                }
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Ok(None)) => return Ok(body.freeze()),
                Ok(Err(_)) => return Err(unreadable("the answer was cut short".to_owned())),
                Err(_) => {
                    let message = format!("the answer stopped for {}", seconds(self.idle));
                    return Err(no_answer(message, Origin::Remote));
                }
            }
        }
    }
}

/// The certificates of the files that are configured beside the system's (security case 17).
fn authorities(files: &[PathBuf]) -> Result<Vec<reqwest::Certificate>, String> {
    let mut all = Vec::new();
    for path in files {
        let wrong = |what: &str| format!("the authority {}: {what}", path.display());
        let pem = file::read(path).map_err(|why| wrong(&why))?;
        let own = reqwest::Certificate::from_pem_bundle(&pem);
        let own = own.map_err(|_| wrong("it is no certificate in PEM"))?;
        if own.is_empty() {
            return Err(wrong("it holds no certificate in PEM"));
        }
        all.extend(own);
    }
    Ok(all)
}

/// The configured proxy, for all that is not on this machine.
fn through(proxy: &Proxy) -> Result<reqwest::Proxy, String> {
    let (url, spared) = (proxy.url.clone(), proxy.clone());
    let mut way = reqwest::Proxy::custom(move |to| {
        let is_spared = is_loopback(to) || to.host_str().is_none_or(|host| spared.spares(host));
        (!is_spared).then(|| url.clone())
    });
    if let Some((user, password)) = &proxy.user {
        let password = secret::fetch(password).map_err(|error| format!("the proxy: {error}"))?;
        way = way.basic_auth(user, password.expose_secret());
    }
    Ok(way)
}

fn seconds(time: Duration) -> String {
    format!("{} s", (time.as_secs_f64() * 10.0).round() / 10.0)
}

fn no_answer(message: String, origin: Origin) -> Failure {
    Failure {
        origin,
        ..Failure::local(FailureClass::NoAnswer, message)
    }
}

fn unreadable(message: String) -> Failure {
    Failure {
        origin: Origin::Remote,
        ..Failure::local(FailureClass::Unreadable, message)
    }
}

/// A request that came to no answer: was any of it sent, and whose network was it?
fn unanswered(error: &reqwest::Error) -> Failure {
    if error.is_connect() || error.is_builder() {
        let message = if error.is_timeout() {
            "no connection within the time".to_owned()
        } else {
            reason(error)
        };
        return Failure::local(FailureClass::NotSent, message);
    }
    if error.is_timeout() {
        return no_answer("no answer within the time".to_owned(), Origin::Local);
    }
    // They hung up: the other end was there.
    no_answer("the connection was cut".to_owned(), Origin::Remote)
}

/// The innermost cause in plain words; the library's own words name URLs and layers that nobody on call knows.
fn reason(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut innermost = None;
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return "connection refused".to_owned(),
                io::ErrorKind::ConnectionReset => return "connection reset".to_owned(),
                io::ErrorKind::HostUnreachable => return "host unreachable".to_owned(),
                io::ErrorKind::NetworkUnreachable => return "network unreachable".to_owned(),
                io::ErrorKind::TimedOut => return "no connection within the time".to_owned(),
                _ => {}
            }
        }
        let words = error.to_string();
        if words.contains("dns error") || words.contains("failed to lookup address") {
            return "the host's name can't be resolved".to_owned();
        }
        innermost = Some(words);
        cause = error.source();
    }
    let words = innermost.unwrap_or_else(|| "the request could not be sent".to_owned());
    let words: String = words.chars().take(160).collect();
    crate::domain::text::visible(&words).into_owned()
}
