//! A `serviceendpoint` of the contract webhook: its URL, how it is told that Dataverse calls, and which URLs may be used.

use std::net::IpAddr;

use url::{Host, Url};

use super::step::Fields;

/// The contract of webhooks.
const WEBHOOK: i64 = 8;

/// Where a webhook is called, with what it wants to be shown.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// With the parameters of the authentication that go there.
    pub(crate) url: Url,
    /// The headers of the authentication.
    pub(crate) headers: Vec<(String, String)>,
}

impl Endpoint {
    /// Reads a row; the error says what is wrong with it.
    pub(super) fn read(row: &Fields) -> Result<Endpoint, String> {
        if row.int("contract") != Some(WEBHOOK) {
            return Err("A service endpoint must be a webhook (contract 8).".to_owned());
        }
        let text = row.text("url").unwrap_or_default();
        let mut url = Url::parse(text)
            .map_err(|error| format!("'{text}' is not the URL of a webhook: {error}."))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(format!("'{text}' is not an http or https URL."));
        }
        let value = row.text("authvalue").unwrap_or_default();
        let mut headers = Vec::new();
        match row.int("authtype") {
            Some(4) => {
                url.query_pairs_mut().append_pair("code", value);
            }
            Some(5) => headers = settings(value)?,
            Some(6) => {
                url.query_pairs_mut().extend_pairs(settings(value)?);
            }
            _ => {
                return Err(
                    "A webhook authenticates by WebhookKey (4), HttpHeader (5) or HttpQueryString (6).".to_owned(),
                );
            }
        }
        Ok(Endpoint { url, headers })
    }

    /// Refuses every port but 80 and 443; on loopback others, if they are allowed there.
    pub(super) fn check_port(&self, any_on_loopback: bool) -> Result<(), String> {
        match self.url.port_or_known_default() {
            Some(80 | 443) => Ok(()),
            _ if any_on_loopback && self.is_loopback() => Ok(()),
            port => Err(format!(
                "The port {} of a webhook is not allowed: only 80 and 443 are.",
                port.unwrap_or_default()
            )),
        }
    }

    fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        }
    }
}

/// Reads `<settings><setting name="a" value="b"/></settings>`, as the registration tool writes it.
fn settings(text: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || {
        "The authvalue must be of the form <settings><setting name=\"…\" value=\"…\" /></settings>."
            .to_owned()
    };
    let inner = text.trim().strip_prefix("<settings>").ok_or_else(wrong)?;
    let mut rest = inner.strip_suffix("</settings>").ok_or_else(wrong)?.trim();
    let mut settings = Vec::new();
    while !rest.is_empty() {
        let (setting, more) = rest
            .strip_prefix("<setting ")
            .and_then(|rest| rest.split_once("/>"))
            .ok_or_else(wrong)?;
        let name = attribute(setting, "name").ok_or_else(wrong)?;
        settings.push((name, attribute(setting, "value").ok_or_else(wrong)?));
        rest = more.trim_start();
    }
    Ok(settings)
}

fn attribute(setting: &str, name: &str) -> Option<String> {
    let (_, value) = setting.split_once(&format!("{name}=\""))?;
    let (value, _) = value.split_once('"')?;
    let plain = value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'");
    Some(plain.replace("&amp;", "&"))
}
