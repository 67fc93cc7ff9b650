//! How other machines are reached: whose certificates are believed beside the system's own, and through which proxy.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::credential::{Impersonated, SecretSource};

/// How instances, token endpoints and everything else that is not on this machine are reached. What the environment
/// says of proxies counts for nothing (security case 15).
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Files, in PEM, of authorities that are believed as those of the system are.
    pub authorities: Vec<PathBuf>,
    /// The proxy; straight to the other end where there is none.
    pub proxy: Option<Proxy>,
}

/// A proxy that passes connections on. What is on this machine is reached without it.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its address: an origin.
    pub url: Url,
    /// Who we are to it, and where the password is kept.
    pub user: Option<(String, SecretSource)>,
    /// Hosts that are reached without it, and all below them.
    pub except: Vec<String>,
}

impl Proxy {
    /// Whether a host is reached without it.
    pub fn spares(&self, host: &str) -> bool {
        let is_below = |own: &String| {
            let own = own.trim_start_matches('.');
            let rest = host.strip_suffix(own);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.except.iter().any(is_below)
    }
}

impl fmt::Display for Proxy {
    /// Its host and port, and nothing that would open it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.url.port_or_known_default().unwrap_or_default();
        write!(f, "{}:{port}", self.url.host_str().unwrap_or_default())
    }
}

/// What a person who looks at an instance should know of the way there: what stands between, whom else we believe, in
/// whose name we write (security cases 15, 17 and 50). Nothing of it is there unless it was configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The proxy, its host and port.
    pub proxy: Option<String>,
    /// The files of authorities that are believed beside the system's.
    pub authorities: Vec<PathBuf>,
    /// The instances at which we act for somebody else, each with for whom.
    pub acting: Vec<(String, Impersonated)>,
    /// The sources whose users may write there, because the configuration lets them.
    pub may_write: Vec<String>,
}

impl Way {
    /// All of it, a sentence each.
    pub fn said(&self) -> Vec<String> {
        let proxy = self.proxy.iter();
        let proxy = proxy.map(|proxy| format!("through the proxy {proxy}"));
        let authorities = self.authorities.iter();
        let authorities = authorities.map(|file| {
            let file = file.display();
            format!("{file} is believed beside the system's authorities")
        });
        let acting = self.acting.iter();
        let acting = acting.map(|(instance, whom)| format!("{instance}: acting for {whom}"));
        let may_write = self.may_write.iter().map(|instance| {
            format!(
                "{instance}: its user may be one that can write to this source, as `may_write` says"
            )
        });
        let all = proxy.chain(authorities).chain(acting).chain(may_write);
        all.collect()
    }

    /// The same for a line, the longest first; nothing where there is nothing to say.
    pub fn in_short(&self) -> [String; 3] {
        let name = |file: &PathBuf| {
            let name = file.file_name().unwrap_or(file.as_os_str());
            name.to_string_lossy().into_owned()
        };
        let files: Vec<String> = self.authorities.iter().map(name).collect();
        let instances: Vec<&str> = self.acting.iter().map(|(one, _)| one.as_str()).collect();
        let has = |is_so: bool, text: &str| is_so.then(|| text.to_owned());
        let joined = |parts: [Option<String>; 4], between: &str| {
            parts
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(between)
        };
        let (own_ca, acts) = (!files.is_empty(), !instances.is_empty());
        let writes = !self.may_write.is_empty();
        [
            joined(
                [
                    self.proxy
                        .as_ref()
                        .map(|proxy| format!("via proxy {proxy}")),
                    has(own_ca, &format!("CA {}", files.join(", "))),
                    has(
                        acts,
                        &format!("acting for another at {}", instances.join(", ")),
                    ),
                    has(
                        writes,
                        &format!("may write to {}", self.may_write.join(", ")),
                    ),
                ],
                ", ",
            ),
            joined(
                [
                    has(self.proxy.is_some(), "via proxy"),
                    has(own_ca, "own CA"),
                    has(acts, "for another"),
                    has(writes, "may write to the source"),
                ],
                ", ",
            ),
            joined(
                [
                    has(self.proxy.is_some(), "proxy"),
                    has(own_ca, "CA"),
                    has(acts, "as"),
                    has(writes, "may write"),
                ],
                " ",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_spares_a_host_and_what_is_below_it() {
        let proxy = Proxy {
            url: "http://proxy.contoso.com:3128"
                .parse()
                .unwrap_or_else(|_| unreachable!()),
            user: None,
            except: vec!["contoso.com".to_owned(), ".intranet".to_owned()],
        };
        for (host, spared) in [
            ("contoso.com", true),
            ("hook.contoso.com", true),
            ("evilcontoso.com", false),
            ("contoso.com.evil.example", false),
            ("a.intranet", true),
            ("contoso.crm.dynamics.com", false),
        ] {
            assert_eq!(proxy.spares(host), spared, "{host}");
        }
        assert_eq!(proxy.to_string(), "proxy.contoso.com:3128");
    }
}
