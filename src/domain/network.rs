//! How other machines are reached: whose certificates are believed beside the system's own, and through which proxy.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::credential::SecretSource;

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
