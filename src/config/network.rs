//! `[network]`: authorities beside the system's, and a proxy. Nothing of it comes from the environment.

use std::path::Path;

use toml::Spanned;
use url::Url;

use super::error::{ConfigError, Source};
use super::file;
use super::instance::secret;
use crate::domain::network::{Network, Proxy};
use crate::domain::text::visible;

/// The section.
pub fn resolve(source: Source<'_>, written: &file::Network) -> Result<Network, ConfigError> {
    // A path is read from where the configuration stands, as those of secrets are.
    let folder = source.file.parent().unwrap_or(Path::new(""));
    let files = match &written.ca {
        None => &[][..],
        Some(file::Files::One(file)) => std::slice::from_ref(file),
        Some(file::Files::Several(files)) => files,
    };
    Ok(Network {
        authorities: files.iter().map(|file| folder.join(file)).collect(),
        proxy: proxy(source, written)?,
    })
}

fn proxy(source: Source<'_>, written: &file::Network) -> Result<Option<Proxy>, ConfigError> {
    let Some(address) = &written.proxy else {
        let strays = [
            written.proxy_user.as_ref().map(Spanned::span),
            written.proxy_password.as_ref().map(Spanned::span),
            written.no_proxy.as_ref().map(Spanned::span),
        ];
        let stray = strays.into_iter().flatten().next();
        return stray.map_or(Ok(None), |at| {
            Err(source.error(&at, "it belongs to a `proxy`, and there is none"))
        });
    };
    let user = match (&written.proxy_user, &written.proxy_password) {
        (Some(user), Some(password)) => {
            let named = secret(source, &password.span(), password.get_ref())?;
            Some((checked_user(source, user)?, named))
        }
        (None, None) => None,
        (Some(one), None) => {
            let what =
                "proxy_user needs a proxy_password, like proxy_password = { env = \"NAME\" }";
            return Err(source.error(&one.span(), what));
        }
        (None, Some(one)) => {
            return Err(source.error(&one.span(), "proxy_password needs a proxy_user"));
        }
    };
    Ok(Some(Proxy {
        url: origin(source, address)?,
        user,
        except: written
            .no_proxy
            .as_ref()
            .map(|hosts| hosts.get_ref().clone())
            .unwrap_or_default(),
    }))
}

fn checked_user(source: Source<'_>, user: &Spanned<String>) -> Result<String, ConfigError> {
    let name = user.get_ref();
    let is_odd = name.is_empty() || name.contains(|c: char| c == ':' || c.is_control());
    if is_odd {
        let what = "proxy_user is a name without colons";
        return Err(source.error(&user.span(), what));
    }
    Ok(name.clone())
}

/// A proxy sees the names of hosts, and nothing of what is said: plain http will do on the way to it.
fn origin(source: Source<'_>, address: &Spanned<String>) -> Result<Url, ConfigError> {
    let wrong = |what: &str| source.error(&address.span(), format!("proxy: {what}"));
    let url = Url::parse(address.get_ref());
    let url = url.map_err(|_| wrong("it is an address like \"http://proxy.contoso.com:3128\""))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "who we are to it is said as proxy_user and proxy_password = { env = \"NAME\" }, never in its address; \
             change the password, which may have been seen",
        ));
    }
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_known = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if !is_bare || !is_known {
        let scheme = visible(url.scheme()).into_owned();
        return Err(wrong(&format!(
            "it is an http or https address without a path, not {scheme}: one like \"http://proxy.contoso.com:3128\""
        )));
    }
    Ok(url)
}
