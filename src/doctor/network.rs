//! From here to an instance or a token endpoint: name, connection, encryption, answer, clock. And what stands between.

use std::time::Duration;

use chrono::TimeDelta;
use url::Url;

use crate::config::Config;
use crate::dataverse::{Answered, Reach, reach};
use crate::domain::finding::{Check, Findings};
use crate::domain::network::Network;

/// A difference of clocks that is worth a word.
const SKEWED: TimeDelta = TimeDelta::seconds(30);
/// One with which tokens are refused: they are good for five minutes before and after.
const REFUSED: TimeDelta = TimeDelta::seconds(300);

/// What answers at a place, for the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An instance's Web API.
    Instance,
    /// A token endpoint.
    Authority,
}

/// What stands between here and everything: a proxy, authorities of one's own.
pub(super) fn way(config: &Config, findings: &mut Findings) {
    let network = &config.network;
    if let Some(proxy) = &network.proxy {
        let says = format!("through the proxy {proxy}, as [network] says");
        findings.good("network", Check::Connection, says);
    } else if let Some(name) = proxy_in_the_environment() {
        findings.warning(
            "network",
            Check::Connection,
            format!("${name} names a proxy, which counts for nothing here: connections go straight"),
            "if there is no way out but the proxy, say `proxy = \"http://…\"` in [network]; else take no notice",
        );
    }
    for file in &network.authorities {
        match std::fs::metadata(file) {
            Ok(_) => findings.good(
                "network",
                Check::Encryption,
                format!(
                    "{} is believed beside the system's authorities",
                    file.display()
                ),
            ),
            Err(error) => findings.bad(
                "network",
                Check::Encryption,
                format!("the authority {}: {error}", file.display()),
                "correct `ca` in [network], or put the file there",
            ),
        }
    }
    let names = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
    let set: Vec<&str> = names.into_iter().filter(|name| is_set(name)).collect();
    if !set.is_empty() {
        findings.warning(
            "network",
            Check::Encryption,
            format!(
                "${} stands in for the system's authorities",
                set.join(" and $")
            ),
            "take it out of the environment, and name your own authority as `ca` in [network]",
        );
    }
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn proxy_in_the_environment() -> Option<&'static str> {
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    names.into_iter().find(|name| is_set(name))
}

/// Reaches a place, and says how far it got; whether it answered as it should.
pub(super) async fn examine(
    subject: &str,
    url: &Url,
    kind: Kind,
    network: &Network,
    patience: Duration,
    findings: &mut Findings,
) -> bool {
    match reach(url, network, patience).await {
        Reach::NoName { host, why } => {
            findings.bad(
                subject,
                Check::Name,
                format!("{host}: {why}"),
                format!(
                    "is the address right ({url})? does `getent hosts {host}` know it? behind a proxy, say so in \
                     [network]"
                ),
            );
            false
        }
        Reach::NoConnection { place, why } => {
            findings.bad(
                subject,
                Check::Connection,
                format!("{place}: {why}"),
                "nothing listens there, or a firewall stands between: check the address and its port, and the way out \
                 of this machine",
            );
            false
        }
        Reach::NoEncryption { why } => {
            let cure = cure_of_encryption(&why);
            findings.bad(subject, Check::Encryption, why, cure);
            false
        }
        Reach::NoAnswer { why } => {
            findings.bad(
                subject,
                Check::Answer,
                why,
                "something takes connections there and does not answer: ask who runs it, or what stands between",
            );
            false
        }
        Reach::Answered(answered) => {
            let is_good = judge(subject, url, kind, &answered, findings);
            clock(subject, &answered, findings);
            is_good
        }
    }
}

fn cure_of_encryption(why: &str) -> &'static str {
    let why = why.to_lowercase();
    if why.starts_with("the authority ") {
        "correct `ca` in [network], or have the user that runs tandem read the file"
    } else if why.starts_with("the proxy: ") {
        "correct proxy_password in [network], or put the password where it says"
    } else if why.contains("expired") || why.contains("not valid yet") {
        "its owner has to renew the certificate; or the clock of this machine is wrong"
    } else if why.contains("name") {
        "the certificate is for another host: check the address"
    } else if why.contains("unknown") || why.contains("issuer") || why.contains("certificate") {
        "nobody whom we believe signed the certificate: if it is your own authority, name its file as `ca` in \
         [network] (`tandem init` takes it as --ca); if it is not, somebody stands between"
    } else {
        "the handshake ended half-way: a firewall or a proxy that looks into connections may stand between"
    }
}

fn judge(
    subject: &str,
    url: &Url,
    kind: Kind,
    answered: &Answered,
    findings: &mut Findings,
) -> bool {
    let (status, took) = (answered.status, answered.took.as_millis());
    let version = match answered.version {
        http::Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    };
    let is_loopback = crate::domain::instance::is_loopback(url);
    let encryption = match url.scheme() {
        "https" => "encrypted",
        _ if is_loopback => "in the clear, on this machine",
        _ => "in the clear",
    };
    findings.good(
        subject,
        Check::Connection,
        format!("{url} answers in {took} ms, {encryption}, by {version}"),
    );
    match (kind, status) {
        (Kind::Instance, 401) if answered.wants_token => true,
        (Kind::Authority, 200..=499) if status != 429 => true,
        (_, 429 | 500..=599) => {
            findings.bad(
                subject,
                Check::Answer,
                format!("HTTP {status}: it is there, and can't serve"),
                "wait, and look at the service's health in the admin center",
            );
            false
        }
        (Kind::Instance, 401) => {
            findings.bad(
                subject,
                Check::Answer,
                "HTTP 401, and no word of a bearer token: that is no Dataverse instance",
                "check `url`: it is the environment's URL, like https://contoso.crm.dynamics.com",
            );
            false
        }
        (Kind::Instance, _) => {
            findings.bad(
                subject,
                Check::Answer,
                format!("HTTP {status} where an instance asks for a token: that is no Dataverse instance"),
                "check `url`: it is the environment's URL, like https://contoso.crm.dynamics.com",
            );
            false
        }
        (Kind::Authority, _) => true,
    }
}

fn clock(subject: &str, answered: &Answered, findings: &mut Findings) {
    let Some(date) = answered.date else {
        return findings.untold(subject, Check::Clock, "it sends no date", None);
    };
    // The date is in whole seconds.
    let apart = date - answered.asked;
    let seconds = apart.num_seconds();
    let cure = "set the clock of this machine by NTP (`timedatectl set-ntp true`)";
    let ahead = if seconds < 0 { "ahead of" } else { "behind" };
    let says = format!("our clock is {} s {ahead} its own", seconds.abs());
    if apart.abs() >= REFUSED {
        findings.bad(
            subject,
            Check::Clock,
            format!("{says}: tokens are refused"),
            cure,
        );
    } else if apart.abs() >= SKEWED {
        findings.warning(subject, Check::Clock, says, cure);
    } else {
        findings.good(subject, Check::Clock, "the clocks agree");
    }
}
