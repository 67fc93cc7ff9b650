//! TLS of a pair: an authority made at the start, what it signs for loopback, and the ways in which a handshake fails.
//!
//! ```text
//! authority (in memory, its certificate is public) ──signs──▶ loopback · the same, expired · another host's
//! a stranger, whom nobody trusts ──signs──▶ loopback
//! ```
//!
//! HTTP/1.1 only: what faults do to a connection has no counterpart in HTTP/2.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{Datelike, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::instance::lock;
use super::stream::Stream;

/// What a good certificate is for.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// What another host's is for.
const ELSEWHERE: [&str; 1] = ["elsewhere.example"];
/// So much of a handshake is read before it is cut.
const HELLO: usize = 5;
const HTTP: &[u8] = b"http/1.1";

/// What a client meets in place of a good certificate.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum TlsFault {
    /// The certificate was valid until last year.
    Expired,
    /// It is another host's.
    WrongHost,
    /// Someone signed it whom nobody trusts.
    Untrusted,
    /// The connection ends in the middle of the handshake.
    Cut,
}

impl TlsFault {
    /// The fault of a name, as the control endpoint has it: `wrong-host`.
    pub fn named(name: &str) -> Option<TlsFault> {
        serde_json::from_value(name.into()).ok()
    }
}

/// An authority with what it signed, shared by both instances.
pub(crate) struct Authority {
    pem: String,
    good: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
    wrong_host: Arc<ServerConfig>,
    untrusted: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

/// The TLS of one instance.
#[derive(Debug)]
pub(crate) struct Tls {
    authority: Arc<Authority>,
    fault: Mutex<Option<Fault>>,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    kind: TlsFault,
    until: Option<Instant>,
}

impl Authority {
    /// Makes the keys and signs; nothing of it is kept from run to run.
    pub(crate) fn new() -> io::Result<Authority> {
        let (issuer, stranger) = (issuer("tandem emulator")?, issuer("a stranger")?);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let year = Utc::now().year();
        let server = |issuer, hosts: &[&str], until| server(issuer, &key, hosts, until);
        Ok(Authority {
            pem: issuer.pem(),
            good: server(&issuer, &LOOPBACK, year + 1)?,
            expired: server(&issuer, &LOOPBACK, year - 1)?,
            wrong_host: server(&issuer, &ELSEWHERE, year + 1)?,
            untrusted: server(&stranger, &LOOPBACK, year + 1)?,
            client: client(&issuer)?,
        })
    }

    /// The authority's certificate, for clients to trust.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer(name: &str) -> io::Result<Issuer> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let year = Utc::now().year();
    params.not_before = rcgen::date_time_ymd(year - 5, 1, 1);
    params.not_after = rcgen::date_time_ymd(year + 5, 1, 1);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)
}

/// The certificate of these hosts, valid until that year, as a server shows it.
fn server(
    issuer: &Issuer,
    key: &KeyPair,
    hosts: &[&str],
    until: i32,
) -> io::Result<Arc<ServerConfig>> {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).map_err(io::Error::other)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params.is_ca = IsCa::ExplicitNoCa;
    // Python from 3.13 on refuses a certificate that does not name its authority's key.
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = rcgen::date_time_ymd(until - 2, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 12, 31);
    let certificate = params.signed_by(key, issuer).map_err(io::Error::other)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![HTTP.to_vec()];
    Ok(Arc::new(config))
}

fn client(issuer: &Issuer) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).map_err(io::Error::other)?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

impl Tls {
    pub(crate) fn new(authority: Arc<Authority>, fault: Option<TlsFault>) -> Tls {
        let fault = fault.map(|kind| Fault { kind, until: None });
        Tls {
            authority,
            fault: Mutex::new(fault),
        }
    }

    /// Has new connections meet a fault, or none; for some time, or until it is changed.
    pub(crate) fn set_fault(&self, kind: Option<TlsFault>, lasts: Option<Duration>) {
        let until = lasts.map(|lasts| Instant::now() + lasts);
        *lock(&self.fault) = kind.map(|kind| Fault { kind, until });
    }

    /// What a connection that begins now meets.
    pub(crate) fn fault(&self) -> Option<TlsFault> {
        let fault = (*lock(&self.fault))?;
        let in_force = fault.until.is_none_or(|until| Instant::now() < until);
        in_force.then_some(fault.kind)
    }

    /// The server's side of a handshake.
    pub(crate) async fn accept(&self, mut stream: TcpStream) -> io::Result<Stream> {
        let authority = &self.authority;
        let config = match self.fault() {
            None => &authority.good,
            Some(TlsFault::Expired) => &authority.expired,
            Some(TlsFault::WrongHost) => &authority.wrong_host,
            Some(TlsFault::Untrusted) => &authority.untrusted,
            Some(TlsFault::Cut) => {
                stream.read_exact(&mut [0; HELLO]).await?;
                return Err(io::Error::other("the handshake was cut on purpose"));
            }
        };
        let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
        Ok(Stream::Tls(Box::new(TlsStream::Server(stream))))
    }

    /// The client's side, trusting the authority and nobody else.
    pub(crate) async fn connect(&self, stream: TcpStream) -> io::Result<Stream> {
        let host = ServerName::from(stream.peer_addr()?.ip());
        let connector = TlsConnector::from(Arc::clone(&self.authority.client));
        let stream = connector.connect(host, stream).await?;
        Ok(Stream::Tls(Box::new(TlsStream::Client(stream))))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}
