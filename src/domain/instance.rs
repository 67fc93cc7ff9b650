//! What identifies an instance, and where tandem may talk to it.

use std::fmt;

use thiserror::Error;
use url::{Host, Url};

/// The name of an instance in the configuration, `us` or `europe`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceName(String);

/// Why a name can't name an instance.
#[derive(Debug, Error)]
#[error("an instance's name has 1 to 32 of the characters a-z, A-Z, 0-9, - and _, not `{0}`")]
pub struct BadInstanceName(String);

impl InstanceName {
    /// Takes a name that is safe in a window title, a file name and a log line.
    pub fn new(name: &str) -> Result<Self, BadInstanceName> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 32 || !name.chars().all(plain) {
            return Err(BadInstanceName(super::text::visible(name).into_owned()));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as configured.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an instance's Web API lives: an origin that tokens may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a URL can't be an instance's endpoint.
#[derive(Debug, Error)]
pub enum BadEndpoint {
    /// The text is no URL.
    #[error("`{text}` is not a URL")]
    NotAUrl {
        /// What was given.
        text: String,
        /// What the parser said.
        source: url::ParseError,
    },
    /// A token would travel in the clear.
    #[error("`{0}` is not https, and plain http is only for a loopback address")]
    NotEncrypted(String),
    /// More than an origin was given.
    #[error(
        "`{0}` must be an origin alone, like https://contoso.crm.dynamics.com: no user, path, query or fragment"
    )]
    NotAnOrigin(String),
}

impl Endpoint {
    /// Takes an https origin, or an http origin on loopback (contract 1.1; security cases 3 and 4).
    pub fn new(text: &str) -> Result<Self, BadEndpoint> {
        let url = Url::parse(text).map_err(|source| BadEndpoint::NotAUrl {
            text: super::text::visible(text).into_owned(),
            source,
        })?;
        let shown = || url.host_str().unwrap_or_default().to_owned();
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() || url.host().is_none() {
            return Err(BadEndpoint::NotAnOrigin(shown()));
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            _ => Err(BadEndpoint::NotEncrypted(shown())),
        }
    }

    /// The origin's URL; its path is `/`.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether the instance is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }
}

/// Whether a URL's host is a loopback address or the name `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_encrypted_or_a_loopback_origin() {
        for (text, good) in [
            ("https://contoso.crm.dynamics.com", true),
            ("https://contoso.crm.dynamics.com/", true),
            ("https://CONTOSO.crm.dynamics.com:443", true),
            ("http://127.0.0.1:7001", true),
            ("http://localhost:7001", true),
            ("http://[::1]:7001", true),
            ("http://contoso.crm.dynamics.com", false),
            ("http://127.0.0.1.evil.example", false),
            ("https://user:pw@contoso.crm.dynamics.com", false),
            ("https://contoso.crm.dynamics.com/api", false),
            ("https://contoso.crm.dynamics.com?x=1", false),
            ("ftp://contoso.crm.dynamics.com", false),
            ("contoso", false),
        ] {
            assert_eq!(Endpoint::new(text).is_ok(), good, "{text}");
        }
    }
}
