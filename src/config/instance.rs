//! `[instances.NAME]`: where an instance is, and how it is entered. A secret is only ever named here.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use url::Url;

use super::error::{ConfigError, Source};
use super::{InstanceConfig, Policy, file, policy};
use crate::domain::credential::{Credential, Impersonated, SecretSource};
use crate::domain::instance::{Endpoint, InstanceName};
use crate::domain::row::RowId;
use crate::domain::text;

/// The public cloud's token endpoint.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// More secrets than this come from standard input for nobody.
const MOST_LINES: usize = 16;

/// The kinds of credential, each with what it may say beside its end.
const KINDS: [(&str, &[&str]); 7] = [
    (
        "client-secret",
        &["authority", "tenant", "client_id", "secret"],
    ),
    (
        "client-certificate",
        &["authority", "tenant", "client_id", "certificate", "key"],
    ),
    ("device-code", &["authority", "tenant", "client_id"]),
    ("managed-identity", &["client_id"]),
    (
        "workload-identity",
        &["authority", "tenant", "client_id", "token_file"],
    ),
    ("azure-cli", &["tenant"]),
    ("token", &["token"]),
];

/// One instance; `common` is the policy of all of them.
pub fn resolve(
    source: Source<'_>,
    name: &Spanned<String>,
    instance: &file::Instance,
    common: &Policy,
) -> Result<InstanceConfig, ConfigError> {
    let id = InstanceName::new(name.get_ref())
        .map_err(|error| source.error(&name.span(), error.to_string()))?;
    let endpoint = Endpoint::new(instance.url.get_ref())
        .map_err(|error| source.error(&instance.url.span(), format!("url: {error}")))?;
    let band = match &instance.band {
        Some(band) => checked_band(source, band)?,
        None => id.as_str().to_uppercase(),
    };
    let agent = instance.agent.as_ref();
    Ok(InstanceConfig {
        credential: credential(source, &instance.credential, &endpoint)?,
        agent: agent
            .map(|agent| credential(source, agent, &endpoint))
            .transpose()?,
        impersonates: instance
            .impersonate
            .as_ref()
            .map(|written| impersonated(source, written))
            .transpose()?,
        policy: instance
            .policy
            .as_ref()
            .map(|own| policy::of_instance(common, source, &own.span(), own.get_ref()))
            .transpose()?,
        may_write: instance.may_write,
        name: id,
        endpoint,
        band,
    })
}

fn impersonated(
    source: Source<'_>,
    written: &Spanned<file::Impersonated>,
) -> Result<Impersonated, ConfigError> {
    let id = |text: &Spanned<String>| {
        let id = RowId::parse(text.get_ref());
        id.map_err(|error| source.error(&text.span(), format!("impersonate: {error}")))
    };
    match (&written.get_ref().object, &written.get_ref().user) {
        (Some(object), None) => Ok(Impersonated::Object(id(object)?)),
        (None, Some(user)) => Ok(Impersonated::User(id(user)?)),
        _ => {
            let what = "impersonate is { object = \"GUID\" }, a person's object in Entra, or { user = \"GUID\" }, a row of \
                        the instance's users";
            Err(source.error(&written.span(), what))
        }
    }
}

fn checked_band(source: Source<'_>, band: &Spanned<String>) -> Result<String, ConfigError> {
    let shown = text::visible(band.get_ref()).trim().to_owned();
    if shown.is_empty() || shown.chars().count() > 24 {
        let what = "band is what stands on the environment's band: 1 to 24 characters";
        return Err(source.error(&band.span(), what));
    }
    Ok(shown)
}

/// What to present to an instance, or to a management API.
pub fn credential(
    source: Source<'_>,
    spanned: &Spanned<file::Credential>,
    endpoint: &Endpoint,
) -> Result<Credential, ConfigError> {
    let credential = spanned.get_ref();
    let at = spanned.span();
    let kind = credential.kind.get_ref().as_str();
    let Some((_, takes)) = KINDS.iter().find(|(name, _)| *name == kind) else {
        let known = KINDS.map(|(name, _)| format!("`{name}`")).join(", ");
        let what = format!("credential kind is one of {known}");
        return Err(source.error(&credential.kind.span(), what));
    };
    if let Some(stray) = said(credential).find(|name| !takes.contains(name)) {
        let what = format!(
            "`{stray}` is no part of a credential of kind `{kind}`: its parts are {}",
            takes.join(", ")
        );
        return Err(source.error(&at, what));
    }
    let text = |name: &str, text: &Option<Spanned<String>>| {
        let text = text.as_ref();
        text.map(|text| plain(source, name, text)).transpose()
    };
    let authority = || authority(source, credential.authority.as_ref(), &at);
    match kind {
        "token" => token(source, &at, credential, endpoint),
        "client-secret" => client_secret(source, &at, credential),
        "client-certificate" => client_certificate(source, &at, credential),
        "device-code" => {
            let (Some(tenant), Some(client_id)) = (&credential.tenant, &credential.client_id)
            else {
                let what = "a credential of kind `device-code` has a tenant and a client_id: those of a public client";
                return Err(source.error(&at, what));
            };
            Ok(Credential::DeviceCode {
                authority: authority()?,
                tenant: plain(source, "tenant", tenant)?,
                client_id: plain(source, "client_id", client_id)?,
            })
        }
        "managed-identity" => Ok(Credential::ManagedIdentity {
            client_id: text("client_id", &credential.client_id)?,
        }),
        "workload-identity" => {
            let folder = source.file.parent().unwrap_or(Path::new(""));
            let file = credential.token_file.as_ref();
            Ok(Credential::WorkloadIdentity {
                authority: authority()?,
                tenant: text("tenant", &credential.tenant)?,
                client_id: text("client_id", &credential.client_id)?,
                token_file: file.map(|file| folder.join(file.get_ref())),
            })
        }
        _ => Ok(Credential::AzureCli {
            tenant: text("tenant", &credential.tenant)?,
        }),
    }
}

/// What a credential says, beside its kind and its end.
fn said(credential: &file::Credential) -> impl Iterator<Item = &'static str> {
    let parts = [
        ("authority", credential.authority.is_some()),
        ("tenant", credential.tenant.is_some()),
        ("client_id", credential.client_id.is_some()),
        ("secret", credential.secret.is_some()),
        ("token", credential.token.is_some()),
        ("key", credential.key.is_some()),
        ("token_file", credential.token_file.is_some()),
        ("certificate", credential.certificate.is_some()),
    ];
    let said = parts.into_iter().filter(|(_, is_said)| *is_said);
    said.map(|(name, _)| name)
}

fn token(
    source: Source<'_>,
    at: &Range<usize>,
    credential: &file::Credential,
    endpoint: &Endpoint,
) -> Result<Credential, ConfigError> {
    if !endpoint.is_loopback() {
        let what = "a fixed token is only for an instance on this machine (an emulator): use `client-secret`";
        return Err(source.error(at, what));
    }
    let what = "a credential of kind `token` has a `token`, like token = { env = \"NAME\" }";
    let token = credential.token.as_ref();
    let token = token.ok_or_else(|| source.error(at, what))?;
    Ok(Credential::Token(secret(source, at, token)?))
}

fn client_secret(
    source: Source<'_>,
    at: &Range<usize>,
    credential: &file::Credential,
) -> Result<Credential, ConfigError> {
    let parts = (
        &credential.tenant,
        &credential.client_id,
        &credential.secret,
    );
    let (Some(tenant), Some(client_id), Some(named)) = parts else {
        let what = "a credential of kind `client-secret` has a tenant, a client_id and a secret";
        return Err(source.error(at, what));
    };
    Ok(Credential::ClientSecret {
        authority: authority(source, credential.authority.as_ref(), at)?,
        tenant: plain(source, "tenant", tenant)?,
        client_id: plain(source, "client_id", client_id)?,
        secret: secret(source, at, named)?,
    })
}

fn client_certificate(
    source: Source<'_>,
    at: &Range<usize>,
    credential: &file::Credential,
) -> Result<Credential, ConfigError> {
    let file::Credential {
        tenant: Some(tenant),
        client_id: Some(client_id),
        certificate: Some(certificate),
        key: Some(key),
        ..
    } = credential
    else {
        let what = "a credential of kind `client-certificate` has a tenant, a client_id, a certificate (its file, in PEM) \
                    and a key, like key = { file = \"tandem.key\" }";
        return Err(source.error(at, what));
    };
    let folder = source.file.parent().unwrap_or(Path::new(""));
    Ok(Credential::ClientCertificate {
        authority: authority(source, credential.authority.as_ref(), at)?,
        tenant: plain(source, "tenant", tenant)?,
        client_id: plain(source, "client_id", client_id)?,
        certificate: folder.join(certificate.get_ref()),
        key: secret(source, at, key)?,
    })
}

fn authority(
    source: Source<'_>,
    authority: Option<&Spanned<String>>,
    at: &Range<usize>,
) -> Result<Url, ConfigError> {
    let text = authority.map_or(AUTHORITY, |authority| authority.get_ref());
    let at = authority.map_or_else(|| at.clone(), Spanned::span);
    // A secret goes there: the rules for an instance's endpoint hold for it too.
    let endpoint = Endpoint::new(text);
    endpoint
        .map(|endpoint| endpoint.url().clone())
        .map_err(|error| source.error(&at, format!("authority: {error}")))
}

/// Ids and names that become part of a URL or a form.
pub fn plain(
    source: Source<'_>,
    what: &str,
    text: &Spanned<String>,
) -> Result<String, ConfigError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let value = text.get_ref();
    if value.is_empty() || value.len() > 128 || !value.chars().all(fits) {
        let what = format!("{what} has 1 to 128 letters, digits, dots and dashes");
        return Err(source.error(&text.span(), what));
    }
    Ok(value.clone())
}

/// Where a secret comes from, checked.
pub fn secret(
    source: Source<'_>,
    at: &Range<usize>,
    secret: &file::Secret,
) -> Result<SecretSource, ConfigError> {
    let named = match secret {
        file::Secret::Env(name) if !name.is_empty() && !name.contains(['=', '\0']) => {
            Some(SecretSource::Env(name.clone()))
        }
        file::Secret::File(path) if !path.is_empty() => {
            // A path is read from where the configuration stands, not from wherever tandem happens to be started.
            let folder = source.file.parent().unwrap_or(Path::new(""));
            Some(SecretSource::File(folder.join(path)))
        }
        file::Secret::Command(words) if words.first().is_some_and(|word| !word.is_empty()) => {
            Some(SecretSource::Command(words.clone()))
        }
        file::Secret::Stdin(line @ 1..=MOST_LINES) => Some(SecretSource::Stdin(*line)),
        _ => None,
    };
    named.ok_or_else(|| {
        let what = "where the secret comes from is empty, no name of an environment variable, or no line of standard input \
                    (1 to 16)";
        source.error(at, what)
    })
}
