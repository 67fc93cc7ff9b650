//! `[hook]`: what calls the ensure hook, and what it ensures. Whether the columns exist is found out at the instances.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use url::Url;

use super::error::{ConfigError, Source};
use super::instance;
use super::{
    Authentication, HookConfig, HookReference, HookTable, InstanceConfig, LinkConfig, TlsFiles,
    file,
};
use crate::domain::instance::is_loopback;
use crate::domain::table::{ColumnName, TableName};

/// Where it listens unless configured: behind a reverse proxy on the same machine.
const LISTEN: &str = "127.0.0.1:8443";
/// The header that holds the key unless configured.
const HEADER: &str = "x-tandem-key";

/// The hook.
pub fn resolve(
    source: Source<'_>,
    instances: &[InstanceConfig],
    links: &[LinkConfig],
    written: &Spanned<file::Hook>,
) -> Result<HookConfig, ConfigError> {
    let (hook, at) = (written.get_ref(), written.span());
    let place = link(source, links, hook.link.as_ref(), &at)?;
    let wrong = || source.error(&at, "[hook] stands on a link that is not there");
    let on = links.get(place).ok_or_else(wrong)?;
    let target = instances.get(on.target).ok_or_else(wrong)?;
    let credential = |credential: &Option<Spanned<file::Credential>>| {
        let credential = credential.as_ref();
        credential
            .map(|credential| instance::credential(source, credential, &target.endpoint))
            .transpose()
    };
    let folder = source.file.parent().unwrap_or(Path::new(""));
    let tls = hook.tls.as_ref();
    Ok(HookConfig {
        link: place,
        listen: listen(source, hook.listen.as_ref(), &at)?,
        tls: tls
            .map(|tls| {
                Ok(TlsFiles {
                    certificate: path(source, folder, &tls.certificate)?,
                    key: path(source, folder, &tls.key)?,
                })
            })
            .transpose()?,
        url: hook
            .url
            .as_ref()
            .map(|text| url(source, text))
            .transpose()?,
        probe: hook
            .probe
            .as_ref()
            .map(|text| probe(source, text))
            .transpose()?,
        authentication: authentication(source, hook)?,
        key: instance::secret(source, &at, &hook.key)?,
        credential: credential(&hook.credential)?,
        customizer: credential(&hook.customizer)?,
        tables: tables(source, on, &hook.tables)?,
    })
}

fn link(
    source: Source<'_>,
    links: &[LinkConfig],
    named: Option<&Spanned<String>>,
    at: &Range<usize>,
) -> Result<usize, ConfigError> {
    let known = || {
        let all: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
        all.join(", ")
    };
    match (named, links.len()) {
        (_, 0) => Err(source.error(at, "[hook] needs a link: there are no [[links]]")),
        (None, 1) => Ok(0),
        (None, _) => {
            let what = format!(
                "there are several links: say which, link = one of {}",
                known()
            );
            Err(source.error(at, what))
        }
        (Some(name), _) => {
            let found = links.iter().position(|link| link.name == *name.get_ref());
            found.ok_or_else(|| {
                let what = format!(
                    "no link is called `{}`: there are {}",
                    name.get_ref(),
                    known()
                );
                source.error(&name.span(), what)
            })
        }
    }
}

fn listen(
    source: Source<'_>,
    written: Option<&Spanned<String>>,
    at: &Range<usize>,
) -> Result<SocketAddr, ConfigError> {
    let text = written.map_or(LISTEN, |written| written.get_ref());
    let at = written.map_or_else(|| at.clone(), Spanned::span);
    text.parse().map_err(|_| {
        source.error(
            &at,
            "listen is an address with a port, like \"127.0.0.1:8443\"",
        )
    })
}

fn path(source: Source<'_>, folder: &Path, text: &Spanned<String>) -> Result<PathBuf, ConfigError> {
    if text.get_ref().is_empty() {
        return Err(source.error(&text.span(), "the path of a file is empty"));
    }
    // Read from where the configuration stands, like a secret's file.
    Ok(folder.join(text.get_ref()))
}

/// Where the hook is asked how it is: the key goes there, too.
fn probe(source: Source<'_>, text: &Spanned<String>) -> Result<Url, ConfigError> {
    let wrong = |what: &str| source.error(&text.span(), format!("probe: {what}"));
    let url = Url::parse(text.get_ref()).map_err(|error| wrong(&error.to_string()))?;
    let is_bare = url.username().is_empty() && url.password().is_none();
    if url.host().is_none() || !is_bare || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(
            "it is a host and a path, without user, query or fragment",
        ));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(wrong("it is https, or http on this machine")),
    }
}

/// The address that is registered: its key travels there, and Dataverse takes two ports only (contract 15).
fn url(source: Source<'_>, text: &Spanned<String>) -> Result<Url, ConfigError> {
    let wrong = |what: &str| source.error(&text.span(), format!("url: {what}"));
    let url = Url::parse(text.get_ref()).map_err(|error| wrong(&error.to_string()))?;
    let is_bare = url.username().is_empty() && url.password().is_none();
    if url.host().is_none() || !is_bare || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(
            "it is a host and a path, without user, query or fragment",
        ));
    }
    match url.scheme() {
        "https" | "http" if is_loopback(&url) => Ok(url),
        "https" if url.port_or_known_default() == Some(443) => Ok(url),
        "https" => Err(wrong("Dataverse calls webhooks on port 443 only")),
        _ => Err(wrong("it is https: the key would travel in the clear")),
    }
}

fn authentication(source: Source<'_>, hook: &file::Hook) -> Result<Authentication, ConfigError> {
    let kind = hook.authentication.as_ref();
    match (kind.map(|kind| kind.get_ref().as_str()), &hook.header) {
        (None | Some("webhook-key"), None) => Ok(Authentication::WebhookKey),
        (None | Some("webhook-key"), Some(header)) => {
            let what = "`header` belongs to authentication = \"http-header\"";
            Err(source.error(&header.span(), what))
        }
        (Some("http-header"), None) => Ok(Authentication::HttpHeader(HEADER.to_owned())),
        (Some("http-header"), Some(header)) => {
            let name = header.get_ref().to_ascii_lowercase();
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                let what = "header is a name of 1 to 64 letters, digits and dashes";
                return Err(source.error(&header.span(), what));
            }
            Ok(Authentication::HttpHeader(name))
        }
        (Some(_), _) => {
            let what = "authentication is \"webhook-key\" or \"http-header\"";
            let at = kind.map_or(0..0, Spanned::span);
            Err(source.error(&at, what))
        }
    }
}

fn tables(
    source: Source<'_>,
    link: &LinkConfig,
    written: &Spanned<Vec<Spanned<file::HookTable>>>,
) -> Result<Vec<HookTable>, ConfigError> {
    let mut tables: Vec<HookTable> = Vec::new();
    for spanned in written.get_ref() {
        let table = spanned.get_ref();
        let name = TableName::new(table.name.get_ref())
            .map_err(|error| source.error(&table.name.span(), error.to_string()))?;
        if tables.iter().any(|other| other.name == name) {
            let what = format!("table `{name}` stands twice in [hook]");
            return Err(source.error(&table.name.span(), what));
        }
        let references = references(source, link, &table.references)?;
        if references.is_empty() {
            let what = format!("table `{name}` of [hook] has no references: name its lookups");
            return Err(source.error(&spanned.span(), what));
        }
        tables.push(HookTable { name, references });
    }
    if tables.is_empty() {
        let what = "[hook] has no tables: name one whose rows refer to the link's";
        return Err(source.error(&written.span(), what));
    }
    Ok(tables)
}

fn references(
    source: Source<'_>,
    link: &LinkConfig,
    written: &[file::HookReference],
) -> Result<Vec<HookReference>, ConfigError> {
    let column = |name: &Spanned<String>| {
        ColumnName::new(name.get_ref())
            .map_err(|error| source.error(&name.span(), error.to_string()))
    };
    let mut references: Vec<HookReference> = Vec::new();
    for reference in written {
        let name = column(&reference.column)?;
        if references.iter().any(|other| other.column == name) {
            let what = format!("column `{name}` stands here twice");
            return Err(source.error(&reference.column.span(), what));
        }
        let mut stub = Vec::new();
        for (into, from) in &reference.stub {
            let (into_name, from) = (column(into)?, column(from)?);
            if !link
                .tables
                .iter()
                .any(|table| table.stub.contains(&into_name))
            {
                let what = format!("`{into_name}` is in the `stub` of no table of the link");
                return Err(source.error(&into.span(), what));
            }
            stub.push((into_name, from));
        }
        references.push(HookReference { column: name, stub });
    }
    Ok(references)
}
