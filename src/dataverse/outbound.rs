//! Messages to other services: JSON to a webhook or to a program. They go through the same transport as everything else,
//! so no redirect is followed, and what is secret in an address is in no error.

use std::time::Duration;

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::program;
use super::secret;
use super::transport::{Patience, Transport};
use crate::domain::credential::SecretSource;
use crate::domain::instance::is_loopback;
use crate::domain::network::Network;

/// How long a webhook may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a service of our own may take to say how it is: what takes longer answers no ticket in time either.
const ASKED: Duration = Duration::from_secs(5);

/// Where a key is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a parameter of the query.
    Query(String),
    /// In a header.
    Header(String),
}

/// The way out.
#[derive(Clone, Debug)]
pub struct Outbound(Transport);

impl Outbound {
    /// Makes its connections ready; none is opened yet.
    pub fn new(network: &Network) -> Result<Self, String> {
        Transport::new(PATIENCE, PATIENCE, network).map(Self)
    }

    /// Reads a page of a service of our own: its status and its text. A key goes into a header, or into the query.
    pub async fn get(
        &self,
        url: &Url,
        key: Option<(&KeyPlace, &SecretString)>,
    ) -> Result<(u16, String), String> {
        let mut url = checked(url.as_str())?;
        let mut request = http::Request::builder();
        match key {
            None => {}
            Some((KeyPlace::Query(name), key)) => {
                url.query_pairs_mut().append_pair(name, key.expose_secret());
            }
            Some((KeyPlace::Header(name), key)) => {
                request = request.header(name, key.expose_secret());
            }
        }
        let request = request
            .uri(url.as_str())
            .body(Bytes::new())
            .map_err(|_| "its address is none that can be called".to_owned())?;
        let patience = Patience {
            first_byte: ASKED,
            whole: ASKED,
        };
        let answer = self.0.send(request, patience).await;
        let (parts, body) = answer.map_err(|failure| failure.cause())?.into_parts();
        Ok((
            parts.status.as_u16(),
            String::from_utf8_lossy(&body).into_owned(),
        ))
    }

    /// Posts JSON to the address that is kept there. Any answer but a 2xx is an error.
    pub async fn post(&self, address: &SecretSource, json: String) -> Result<(), String> {
        let address = fetched(address).await?;
        let url = checked(address.expose_secret())?;
        let request = http::Request::post(url.as_str())
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(json))
            .map_err(|_| "its address is none that can be called".to_owned())?;
        let patience = Patience {
            first_byte: PATIENCE,
            whole: PATIENCE,
        };
        let answer = self.0.send(request, patience).await;
        let status = answer.map_err(|failure| failure.cause())?.status();
        match status.as_u16() {
            200..300 => Ok(()),
            300..400 => Err(format!(
                "HTTP {}: redirects are not followed",
                status.as_u16()
            )),
            status => Err(format!("HTTP {status}")),
        }
    }
}

/// Fetches what is kept there, on a thread that may block.
pub async fn fetched(source: &SecretSource) -> Result<SecretString, String> {
    let source = source.clone();
    let fetched = tokio::task::spawn_blocking(move || secret::fetch(&source)).await;
    let fetched = fetched.map_err(|error| error.to_string())?;
    fetched.map_err(|error| error.to_string())
}

/// Runs a program that takes JSON on its stdin, in a clean environment.
pub async fn tell(words: Vec<String>, json: String) -> Result<(), String> {
    let run = move || program::run(&words, Some(json.into_bytes()));
    let told = tokio::task::spawn_blocking(run).await;
    told.map_err(|error| error.to_string())?.map(drop)
}

/// https, or http on this machine; a message names systems and people.
fn checked(address: &str) -> Result<Url, String> {
    let url = Url::parse(address).map_err(|_| "its address is no URL".to_owned())?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => false,
    };
    if !is_safe {
        return Err("its address is not https, and plain http is only for this machine".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its address holds a user: a key belongs into its path or query".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_encrypted_or_on_this_machine() {
        for (address, good) in [
            ("https://events.pagerduty.com/v2/enqueue", true),
            ("https://hooks.slack.com/services/T0/B0/s3cret", true),
            ("http://127.0.0.1:8080/hook?key=s3cret", true),
            ("http://hooks.slack.com/services/s3cret", false),
            ("http://127.0.0.1.evil.example/s3cret", false),
            ("https://user:s3cret@hooks.slack.com/", false),
            ("ftp://127.0.0.1/s3cret", false),
            ("s3cret", false),
        ] {
            let checked = checked(address);
            assert_eq!(checked.is_ok(), good, "{address}");
            assert!(checked.err().is_none_or(|why| !why.contains("s3cret")));
        }
    }
}
