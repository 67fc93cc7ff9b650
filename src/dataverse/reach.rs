//! Whether something is reached at all, step by step, so that what fails has a name: the host's name, the connection,
//! its encryption, the answer. No credential is shown to anybody.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::WWW_AUTHENTICATE;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Url;

use super::clock::now;
use super::response;
use super::transport::{Patience, Transport};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::instance::is_loopback;
use crate::domain::network::Network;

/// How far it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The host's name, or the proxy's, has no address.
    NoName {
        /// The host that was looked up.
        host: String,
        /// Why.
        why: String,
    },
    /// No connection was made to any of the host's addresses.
    NoConnection {
        /// Host and port that were tried.
        place: String,
        /// Why.
        why: String,
    },
    /// There is a connection, and no encryption that is believed.
    NoEncryption {
        /// Why.
        why: String,
    },
    /// Nothing that can be read was answered.
    NoAnswer {
        /// Why.
        why: String,
    },
    /// It answered.
    Answered(Answered),
}

/// What was answered to a request without a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The version of HTTP that was spoken.
    pub version: http::Version,
    /// Whether a bearer token is asked for, as every instance does (contract 7.3).
    pub wants_token: bool,
    /// What its clock said.
    pub date: Option<DateTime<Utc>>,
    /// The moment in the middle between question and answer, by the clock of this machine.
    pub asked: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// How many addresses the host has.
    pub addresses: usize,
}

/// Tries to reach a URL within the time.
pub async fn reach(url: &Url, network: &Network, patience: Duration) -> Reach {
    let target = (
        url.host_str().unwrap_or_default().to_owned(),
        url.port_or_known_default().unwrap_or_default(),
    );
    let proxy = network.proxy.as_ref();
    let proxy = proxy.filter(|proxy| !is_loopback(url) && !proxy.spares(&target.0));
    let (host, port) = match proxy {
        Some(proxy) => (
            proxy.url.host_str().unwrap_or_default().to_owned(),
            proxy.url.port_or_known_default().unwrap_or_default(),
        ),
        None => target,
    };
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    let host = host.trim_matches(['[', ']']).to_owned();
    let looked_up = timeout(patience, lookup_host((host.as_str(), port))).await;
    let looked_up = looked_up.map(|found| found.map(Iterator::collect::<Vec<_>>));
    let addresses = match looked_up {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(_)) => return no_name(host, "the host's name can't be resolved"),
        Err(_) => return no_name(host, "the name servers do not answer in time"),
    };
    if addresses.is_empty() {
        return no_name(host, "the host's name has no address");
    }
    let connected = timeout(patience, TcpStream::connect(addresses.as_slice())).await;
    let why = match connected {
        // It has shown what it was for: who takes one connection at a time has to be free for the next.
        Ok(Ok(stream)) => {
            drop(stream);
            None
        }
        Ok(Err(error)) => Some(in_words(&error)),
        Err(_) => Some("no connection within the time".to_owned()),
    };
    if let Some(why) = why {
        let place = format!("{host}:{port}");
        return Reach::NoConnection { place, why };
    }
    answer(url, network, patience, addresses.len()).await
}

fn no_name(host: String, why: &str) -> Reach {
    let why = why.to_owned();
    Reach::NoName { host, why }
}

fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        std::io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        _ => error.kind().to_string(),
    }
}

async fn answer(url: &Url, network: &Network, patience: Duration, addresses: usize) -> Reach {
    let transport = match Transport::new(patience, patience, network) {
        Ok(transport) => transport,
        Err(why) => return Reach::NoEncryption { why },
    };
    let request = match http::Request::get(url.as_str()).body(Bytes::new()) {
        Ok(request) => request,
        Err(error) => {
            return Reach::NoAnswer {
                why: error.to_string(),
            };
        }
    };
    let began = now();
    let sent = transport.send(
        request,
        Patience {
            first_byte: patience,
            whole: patience,
        },
    );
    match sent.await {
        Ok(answer) => {
            let took = now().since(began);
            let challenge = answer.headers().get(WWW_AUTHENTICATE);
            let wants_token = challenge
                .and_then(|value| value.to_str().ok())
                .is_some_and(|value| value.trim_start().starts_with("Bearer"));
            Reach::Answered(Answered {
                status: answer.status().as_u16(),
                version: answer.version(),
                wants_token,
                date: response::date(answer.headers()),
                asked: began.wall + took / 2,
                took,
                addresses,
            })
        }
        Err(failure) if url.scheme() == "https" && is_of_encryption(&failure) => {
            Reach::NoEncryption {
                why: failure.message,
            }
        }
        Err(failure) => Reach::NoAnswer {
            why: failure.message,
        },
    }
}

/// The host was connected to a moment ago: a connection that fails now fails over its encryption.
fn is_of_encryption(failure: &Failure) -> bool {
    failure.class == FailureClass::NotSent
}
